"""The terms of a case: as what the act is treated, when it ended, and longer deadlines by decision.

What must not live here: the moves of a case (`cases`) and the counting of time (`deadlines`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import casebook, clocks, law
from enforcement.casebook import NotInFuture, midnight, workable, write
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import Deadline
from enforcement.transitions import HEADS
from trace.clock import CITY
from trace.errors import NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from enforcement.transitions import Duty


def qualify(
    session: Session,
    case_id: UUID,
    *,
    qualification: LegalQualification,
    act_ended_on: date | None,
    by: UUID,
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Say as what the act is treated and when it ended; the limitation clock runs from that day, anew if either changes."""
    case = workable(session, case_id, version)
    if act_ended_on is not None and act_ended_on > at.astimezone(CITY).date():
        raise NotInFuture
    changes = {
        "legal_qualification": (case.legal_qualification, qualification),
        "act_ended_on": (case.act_ended_on, act_ended_on),
    }
    case.legal_qualification, case.act_ended_on = qualification, act_ended_on
    clocks.stop(session, case, clocks.LIMITATION, at=at)
    begun = []
    if act_ended_on is not None:
        kind = limitation_kind(qualification)
        begun = [clocks.start(session, case, kind, began=midnight(act_ended_on), law=law.load(session), at=at)]
    case.next_due_at = clocks.next_due(session, case.id)
    facts = {
        "legal_qualification": qualification.value,
        "act_ended_on": act_ended_on.isoformat() if act_ended_on else None,
        "deadlines_started": clocks.facts(begun),
    }
    write(session, case, "qualify", by=by, at=at, facts=facts)
    history.record(session, "case:qualify", case.id, by=by, at=at, changes=changes)
    session.flush()
    return case


def limitation_kind(qualification: LegalQualification | None) -> DeadlineKind:
    """Which limitation applies: two years for intellectual property, the general one for false origin."""
    general = qualification is LegalQualification.FALSE_ORIGIN
    return DeadlineKind.LIMITATION_GENERAL if general else DeadlineKind.LIMITATION_IP


def extend(
    session: Session,
    case_id: UUID,
    deadline_id: UUID,
    *,
    choice: int,
    decision_number: str,
    reason: str,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Extend a running deadline by a decision. `choice`: which of the extensions of the rule, counted from 0."""
    case = workable(session, case_id, version)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    deadline = session.scalars(
        select(Deadline).where(Deadline.id == deadline_id, Deadline.case_id == case.id)
    ).one_or_none()
    if deadline is None or deadline.met_at or deadline.stopped_at:
        raise NotFound
    number, why = casebook.said(decision_number), casebook.said(reason)
    rules = law.load(session)
    extensions = rules.rule_of(deadline.kind, deadline.rule_version).extensions
    if not 0 <= choice < len(extensions):
        raise NotFound
    was = deadline.due_at
    clocks.extend(deadline, extensions[choice], law=rules, at=at, note=f"{number}: {why}")
    case.next_due_at = clocks.next_due(session, case.id)
    facts = {
        "kind": deadline.kind.value,
        "was_due": was.isoformat(),
        "due": deadline.due_at.isoformat(),
        "ground": extensions[choice].ground,
        "decision_number": number,
    }
    write(session, case, "extend", by=by, at=at, note=why, facts=facts)
    history.record(session, "case:extend", case.id, by=by, at=at, changes={"due_at": (was, deadline.due_at)}, why=why)
    session.flush()
    return case
