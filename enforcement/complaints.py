"""Complaints against decisions and acts of an authority: taken in, accepted or refused with reasons, resolved, each within its clock.

A complaint doubts what an authority did and not what a trader sells, so it raises no signal. What must not live here: denunciations
(`handoffs`), and the case whose decision is complained of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import intake_clocks, law, records
from enforcement.models import (
    CaseFile,
    Complaint,
    ComplaintAgainst,
    ComplaintResult,
    ComplaintState,
    IntakeClockKind,
    IntakeKind,
    IntakeRecord,
)
from enforcement.records import Faults, Heard, PaperFaults
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

REASON_MOST = 2000
NUMBER_MOST = 80
TIME_TO_COMPLAIN = timedelta(days=90)
"""Law on Complaints 2011, Article 9, to be verified: later ones are taken in and said to be late, for there are lawful excuses."""


class NotNow(Conflict):
    """This step is not possible where the complaint stands now.

    Load the page again: somebody may have taken the step already.
    """


class ComplaintReasonMissing(Invalid):
    """Say why, in at most %(most)s characters; the complainant reads it.

    Fill in the reason.
    """


class ResolutionNumberTaken(Conflict):
    """A decision of the number %(number)s already resolves the complaint %(record)s.

    Check the number of the decision.
    """


class NoSuchCase(Invalid):
    """There is no case of the number %(number)s.

    Check the number, or leave the field empty.
    """


@dataclass(frozen=True)
class Complained:
    """What the paper says."""

    complainant: str
    complainant_address: str
    against: ComplaintAgainst
    body_complained_of: str
    learned_on: date
    demand: str
    agent: str | None = None
    decision_number: str | None = None
    decision_dated: date | None = None
    case_number: str | None = None


def take(session: Session, heard: Heard, said: Complained, *, by: UUID, at: datetime) -> IntakeRecord:
    """Take a complaint in: number and clock. Everything that is missing is told at once."""
    faults = [*records.faults_of(heard, at), *_faults(heard, said)]
    if faults:
        raise PaperFaults(faults=tuple(faults))
    case_id = None
    if said.case_number:
        case_id = session.scalar(select(CaseFile.id).where(CaseFile.number == said.case_number.strip().upper()))
        if case_id is None:
            raise NoSuchCase(number=said.case_number.strip())
    record = records.add(session, IntakeKind.COMPLAINT, heard, by=by, at=at)
    is_decision = said.against is ComplaintAgainst.DECISION
    record.complaint = Complaint(
        record_id=record.id,
        complainant=said.complainant.strip(),
        complainant_address=said.complainant_address.strip(),
        agent=said.agent or None,
        against=said.against,
        body_complained_of=said.body_complained_of.strip(),
        decision_number=(said.decision_number or "").strip() if is_decision else None,
        decision_dated=said.decision_dated if is_decision else None,
        learned_on=said.learned_on,
        demand=said.demand.strip(),
        case_id=case_id,
        state=ComplaintState.RECEIVED,
    )
    session.flush()
    intake_clocks.start(
        session, record, IntakeClockKind.COMPLAINT_ACCEPT, began=heard.received_at, law=law.load(session)
    )
    return record


def came_late(record: IntakeRecord) -> bool:
    """Whether more time has gone by since the complainant learned of it than the law gives."""
    complaint = record.complaint
    return (
        complaint is not None and record.received_at.astimezone(CITY).date() > complaint.learned_on + TIME_TO_COMPLAIN
    )


def accept(session: Session, record_id: UUID, *, by: UUID, at: datetime) -> Complaint:
    """Take the complaint up: the clock for resolving it starts."""
    complaint = _standing(session, record_id, ComplaintState.RECEIVED)
    _step(session, complaint, ComplaintState.ACCEPTED, None, by=by, at=at)
    intake_clocks.end(session, record_id, IntakeClockKind.COMPLAINT_ACCEPT, at=at)
    record = session.get_one(IntakeRecord, record_id)
    intake_clocks.start(session, record, IntakeClockKind.COMPLAINT_RESOLVE, began=at, law=law.load(session))
    return complaint


def refuse(session: Session, record_id: UUID, *, reason: str, by: UUID, at: datetime) -> Complaint:
    """Not take the complaint up, with the reason that the complainant reads."""
    complaint = _standing(session, record_id, ComplaintState.RECEIVED)
    _step(session, complaint, ComplaintState.REFUSED, _said(reason), by=by, at=at)
    intake_clocks.end(session, record_id, IntakeClockKind.COMPLAINT_ACCEPT, at=at)
    return complaint


def resolve(
    session: Session, record_id: UUID, *, result: ComplaintResult, number: str, reason: str, by: UUID, at: datetime
) -> Complaint:
    """The decision that resolves the complaint, by its number."""
    complaint = _standing(session, record_id, ComplaintState.ACCEPTED)
    said, named = _said(reason), number.strip()
    taken = session.scalar(
        select(IntakeRecord.number)
        .join(Complaint, Complaint.record_id == IntakeRecord.id)
        .where(Complaint.resolution_number == named)
    )
    if taken is not None:
        raise ResolutionNumberTaken(number=named, record=taken)
    complaint.result, complaint.resolution_number = result, named
    _step(session, complaint, ComplaintState.RESOLVED, said, by=by, at=at)
    intake_clocks.end(session, record_id, IntakeClockKind.COMPLAINT_RESOLVE, at=at)
    return complaint


def extend(session: Session, record_id: UUID, *, reason: str, by: UUID, at: datetime) -> None:
    """Give the running clock the longer time of its rule, decided before it runs out."""
    complaint = session.get(Complaint, record_id)
    if complaint is None:
        raise NotFound
    rules = law.load(session)
    clock = intake_clocks.running(session, record_id, IntakeClockKind.COMPLAINT_RESOLVE)
    longer = intake_clocks.extensions(clock, rules, at=at)
    if not longer:
        raise NotNow
    intake_clocks.extend(
        session, record_id, IntakeClockKind.COMPLAINT_RESOLVE, longer[0], law=rules, note=_said(reason), by=by, at=at
    )


def _step(
    session: Session, complaint: Complaint, state: ComplaintState, reason: str | None, *, by: UUID, at: datetime
) -> None:
    history.record(
        session, "complaint:answer", complaint.record_id, by=by, at=at, changes={"state": (complaint.state, state)}, why=reason
    )  # fmt: skip
    complaint.state, complaint.reason, complaint.answered_at, complaint.answered_by = state, reason, at, by
    session.flush()


def _standing(session: Session, record_id: UUID, state: ComplaintState) -> Complaint:
    found = session.scalars(
        select(Complaint).where(Complaint.record_id == record_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.state is not state:
        raise NotNow
    return found


def _said(reason: str) -> str:
    said = reason.strip()
    if not said or len(said) > REASON_MOST:
        raise ComplaintReasonMissing(most=REASON_MOST)
    return said


def _faults(heard: Heard, said: Complained) -> list[Faults]:
    received = heard.received_at.astimezone(CITY).date()
    undated = said.against is ComplaintAgainst.DECISION and not (
        (said.decision_number or "").strip() and said.decision_dated is not None
    )
    tests = {
        Faults.COMPLAINANT: not (said.complainant.strip() and said.complainant_address.strip()),
        Faults.DECISION: undated or not said.body_complained_of.strip(),
        Faults.DATES: said.learned_on > received
        or (said.decision_dated is not None and said.decision_dated > received),
        Faults.DEMAND: not said.demand.strip(),
    }
    return [fault for fault, is_so in tests.items() if is_so]
