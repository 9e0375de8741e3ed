"""The legal clocks of a message before there is a case: started under a rule, ended in time or late, given longer, put on its signal.

What must not live here: the figures (`law_seed`), the counting (`deadlines`), the clocks of cases (`clocks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from enforcement import deadlines
from enforcement.deadlines import DeadlineKind
from enforcement.models import ClockEnd, IntakeClock, IntakeClockKind, IntakeRecord, Signal
from trace.clock import CITY
from trace.errors import NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deadlines import Extension
    from enforcement.law import Law


def start(session: Session, record: IntakeRecord, kind: IntakeClockKind, *, began: datetime, law: Law) -> IntakeClock:
    """Start a clock that began at a moment."""
    rule = law.rule(DeadlineKind(kind.value), began.astimezone(CITY).date())
    reckoned = deadlines.reckon(began, rule, law.calendar)
    made = IntakeClock(
        record_id=record.id,
        kind=kind,
        basis=rule.basis,
        rule_version=rule.version,
        needs_verification=reckoned.doubtful,
        started_at=began,
        due_at=reckoned.due,
    )
    session.add(made)
    session.flush()
    _show(session, record.id)
    return made


def end(session: Session, record_id: UUID, kind: IntakeClockKind, *, at: datetime) -> None:
    """What the clock asked for was done: in time or late, that stays to be read."""
    clock = running(session, record_id, kind)
    clock.ended_at = at
    clock.ended_as = ClockEnd.FULFILLED if at <= clock.due_at else ClockEnd.LATE
    session.flush()
    _show(session, record_id)


def extensions(clock: IntakeClock, law: Law, *, at: datetime) -> Sequence[Extension]:
    """The longer times that the clock's own rule allows now; none once it has run out."""
    if clock.ended_at is not None or at > clock.due_at:
        return ()
    rule = law.rule_of(DeadlineKind(clock.kind.value), clock.rule_version)
    return tuple(e for e in rule.extensions if deadlines.due(clock.started_at, rule, law.calendar, e) > clock.due_at)


def extend(
    session: Session,
    record_id: UUID,
    kind: IntakeClockKind,
    extension: Extension,
    *,
    law: Law,
    note: str,
    by: UUID,
    at: datetime,
) -> IntakeClock:
    """Give a running clock the longer time that its own rule allows. Refused once it has run out."""
    clock = running(session, record_id, kind)
    rule = law.rule_of(DeadlineKind(kind.value), clock.rule_version)
    longer = deadlines.extend(
        clock.started_at, rule, law.calendar, extension=extension, running_until=clock.due_at, decided_at=at
    )
    history.record(
        session, "intake:extend", record_id, by=by, at=at, changes={kind.value: (clock.due_at, longer)}, why=note
    )
    clock.due_at, clock.note = longer, note
    clock.needs_verification = deadlines.reckon(clock.started_at, rule, law.calendar, extension).doubtful
    session.flush()
    _show(session, record_id)
    return clock


def nearest(session: Session, *, most: int) -> Sequence[tuple[IntakeRecord, IntakeClock]]:
    """The messages whose clocks run, the nearest end first."""
    rows = session.execute(
        select(IntakeRecord, IntakeClock)
        .join(IntakeClock, IntakeClock.record_id == IntakeRecord.id)
        .where(IntakeClock.ended_at.is_(None))
        .order_by(IntakeClock.due_at)
        .limit(most)
    )
    return [(row[0], row[1]) for row in rows]


def running(session: Session, record_id: UUID, kind: IntakeClockKind) -> IntakeClock:
    """The running clock of a kind, locked."""
    found = session.scalars(
        select(IntakeClock)
        .where(IntakeClock.record_id == record_id, IntakeClock.kind == kind, IntakeClock.ended_at.is_(None))
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _show(session: Session, record_id: UUID) -> None:
    """Let the queue see when the next clock of the message runs out."""
    due = session.scalar(
        select(IntakeClock.due_at)
        .where(IntakeClock.record_id == record_id, IntakeClock.ended_at.is_(None))
        .order_by(IntakeClock.due_at)
        .limit(1)
    )
    session.execute(update(Signal).where(Signal.record_id == record_id).values(due_at=due))
