"""What was found wrong with evidence: written once a day and kind, and told to the administrator as an incident.

The administrator learns that something changed, never in which case; the desk sees which piece. What must not live here: looking for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from enforcement.models import AlarmKind, EvidenceAlarm
from trace.clock import CITY
from trace.models.incidents import IncidentKind
from trace.services import incidents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: in which case, with which folio, what."""

    case_id: UUID
    folio: int
    kind: AlarmKind
    detail: str


def sound(session: Session, faults: Iterable[Fault], *, at: datetime) -> list[Fault]:
    """Write down what is wrong; returns what was not known today. What is new opens or feeds an incident."""
    new = []
    for fault in sorted(set(faults), key=lambda each: (str(each.case_id), each.folio, each.kind, each.detail)):
        statement = insert(EvidenceAlarm).values(
            case_id=fault.case_id, folio=fault.folio, kind=fault.kind, detail=fault.detail, found_at=at,
            found_on=at.astimezone(CITY).date(),
        )  # fmt: skip
        if session.scalar(statement.on_conflict_do_nothing().returning(EvidenceAlarm.id)) is not None:
            new.append(fault)
    infected = sum(fault.kind is AlarmKind.VIRUS for fault in new)
    incidents.add(session, IncidentKind.EVIDENCE_INFECTED, infected, at=at)
    incidents.add(session, IncidentKind.EVIDENCE_CHANGED, len(new) - infected, at=at)
    return new


def of_cases(session: Session, case_ids: Collection[UUID], folio: int | None = None) -> Sequence[EvidenceAlarm]:
    """What was found wrong in these cases, latest first."""
    statement = select(EvidenceAlarm).where(EvidenceAlarm.case_id.in_(case_ids)).order_by(EvidenceAlarm.id.desc())
    if folio is not None:
        statement = statement.where(EvidenceAlarm.folio == folio)
    return session.scalars(statement.limit(50)).all()
