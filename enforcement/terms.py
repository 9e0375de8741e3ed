"""The terms of a case: as what it is treated and when the act ended, while no act is entered; and clocks that a deed of their own fulfils.

What must not live here: the moves of a case (`cases`), its acts (`acts`), and extending or correcting a clock (`timekeeping`).
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import casebook, clocks, explaining, membership, timekeeping
from enforcement.casebook import NotInFuture, workable, write
from enforcement.deadlines import DeadlineKind
from enforcement.errors import FollowsFromActs
from enforcement.models import CaseAct, Deadline
from enforcement.transitions import BY_DEED, SERVING
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.competence import LegalQualification
    from enforcement.models import CaseFile

EXPLANATION = (DeadlineKind.EXPLANATION_ORAL_REQUEST, DeadlineKind.EXPLANATION_WRITTEN)
# A measure ends its own clock, orders end theirs, and a registered paper its own: there a bare note would hide what happened.
WITH_THEIR_OWN_DEED = frozenset({
    DeadlineKind.SEIZURE, DeadlineKind.PLATFORM_TAKEDOWN, DeadlineKind.EXECUTION, DeadlineKind.ENFORCEABILITY, DeadlineKind.DELIVERY_POSTING,
    DeadlineKind.DEEMED_SERVED, DeadlineKind.INS_UPLOAD, DeadlineKind.ASSESSMENT,
})  # fmt: skip
FULFILLABLE = (BY_DEED | {*SERVING, *EXPLANATION, DeadlineKind.REPORT_UP}) - WITH_THEIR_OWN_DEED


class NotByNote(Conflict):
    """This clock ends with a step or a measure of its own, not with a note.

    Take the step, or end the measure, that it belongs to.
    """


class DoneBeforeStart(Invalid):
    """This was done before its clock began.

    Check the day.
    """


def qualify(
    session: Session,
    case_id: UUID,
    *,
    qualification: LegalQualification,
    act_ended_on: date | None,
    by: UUID,
    at: datetime,
    version: int | None = None,
    reason: str | None = None,
) -> CaseFile:
    """Say as what the act is treated and when it ended; the limitation clock runs from that day, anew if either changes."""
    case = workable(session, case_id, version)
    if act_ended_on is not None and act_ended_on > at.astimezone(CITY).date():
        raise NotInFuture
    if session.scalar(select(CaseAct.id).where(CaseAct.case_id == case.id, CaseAct.struck_at.is_(None)).limit(1)):
        raise FollowsFromActs
    changes = {
        "legal_qualification": (case.legal_qualification, qualification),
        "act_ended_on": (case.act_ended_on, act_ended_on),
    }
    case.legal_qualification, case.act_ended_on = qualification, act_ended_on
    begun = timekeeping.limitation(
        session, case, qualification=qualification, act_ended_on=act_ended_on, by=by, at=at, reason=reason
    )
    case.next_due_at = clocks.next_due(session, case.id)
    facts = {
        "legal_qualification": qualification.value,
        "act_ended_on": act_ended_on.isoformat() if act_ended_on else None,
        "deadlines_started": clocks.facts(begun),
    }
    write(session, case, "qualify", by=by, at=at, facts=facts)
    history.record(session, "case:qualify", case.id, by=by, at=at, changes=changes, why=reason)
    session.flush()
    return case


def fulfil(
    session: Session,
    case_id: UUID,
    deadline_id: UUID,
    *,
    done_on: date,
    document_number: str,
    note: str | None,
    by: UUID,
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Write down that what a clock asked for was done: a notice sent, a decision handed over, an explanation received."""
    case = workable(session, case_id, version)
    deadline = session.scalars(
        select(Deadline).where(Deadline.id == deadline_id, Deadline.case_id.in_(membership.members(session, case.id)))
    ).one_or_none()
    if deadline is None or deadline.met_at or deadline.stopped_at:
        raise NotFound
    if deadline.kind not in FULFILLABLE:
        raise NotByNote
    today = at.astimezone(CITY).date()
    if done_on > today:
        raise NotInFuture
    if done_on < deadline.started_at.astimezone(CITY).date():
        raise DoneBeforeStart
    done = at if done_on == today else min(at, datetime.combine(done_on, time(23, 59, 59), CITY))
    number = casebook.said(document_number)
    clocks.meet(session, case, {deadline.kind}, at=done, subject_id=deadline.subject_id)
    if deadline.kind is DeadlineKind.EXPLANATION_WRITTEN:
        explaining.received(session, case, on=done_on, number=number, by=by, at=at)
    case.next_due_at = clocks.next_due(session, case.id)
    facts = {"kind": deadline.kind.value, "number": number, "done_on": done_on.isoformat()}
    write(session, case, "fulfil", by=by, at=at, note=note, facts=facts)
    history.record(session, "case:fulfil", case.id, by=by, at=at, changes={deadline.kind.value: (None, done)}, why=note)
    session.flush()
    return case
