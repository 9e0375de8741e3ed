"""The whole course of a case, merged cases included, in the order of time: what a reader of the paper file expects.

Only reading. What must not live here: the words of a deed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from enforcement import cases, membership
from enforcement.models import CaseEvent, CaseFile, Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Course:
    """Every event and every piece of evidence of a case and of those merged into it; `numbers` names the case of each."""

    case: CaseFile
    events: Sequence[CaseEvent]
    pieces: Sequence[Evidence]
    numbers: Mapping[UUID, str]


def of_case(session: Session, case_id: UUID) -> Course:
    """The course of one case."""
    members = membership.members(session, case_id)
    events = (
        select(CaseEvent)
        .where(CaseEvent.case_id.in_(members))
        .order_by(CaseEvent.at, CaseEvent.case_id, CaseEvent.seq)
        .options(joinedload(CaseEvent.author))
    )
    pieces = select(Evidence).where(Evidence.case_id.in_(members)).order_by(Evidence.case_id, Evidence.folio)
    return Course(
        case=cases.get(session, case_id),
        events=session.scalars(events).all(),
        pieces=session.scalars(pieces).all(),
        numbers=membership.numbers(session, members),
    )
