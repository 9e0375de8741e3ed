"""Taking the next case from the queue: of many officers who ask at once, each gets another one.

What must not live here: taking a case that a person chose (`cases.claim`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import cases
from enforcement.models import CaseFile
from enforcement.transitions import OVER

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


def take_next(session: Session, *, by: UUID, at: datetime) -> CaseFile | None:
    """The most pressing case that nobody works: nearest legal date, then severity, then age. None when there is none left.

    A case that somebody else is just taking is passed over, not waited for.
    """
    free = (
        select(CaseFile.id)
        .where(CaseFile.officer_id.is_(None), CaseFile.state.not_in(OVER), CaseFile.merged_into_id.is_(None))
        .order_by(CaseFile.next_due_at.asc().nulls_last(), CaseFile.severity.desc(), CaseFile.opened_at, CaseFile.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    case_id = session.scalar(free)
    return None if case_id is None else cases.claim(session, case_id, by=by, at=at)
