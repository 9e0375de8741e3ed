"""The legal clocks of a message before there is a case: started under a rule, ended in time or late, given longer, put on its signal.

What must not live here: the figures (`law_seed`), the counting (`deadlines`), the clocks of cases (`clocks`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from enforcement import clusters, deadlines
from enforcement.deadlines import DeadlineKind
from enforcement.errors import ExtensionTooLate, NoRuleInForce, NotAnExtension, NothingRecounted
from enforcement.models import ClockEnd, IntakeClock, IntakeClockKind, IntakeRecord, Signal
from trace.clock import CITY
from trace.errors import NotFound
from trace.services import history
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deadlines import Extension, Reckoning, Rule
    from enforcement.law import Law
    from trace.workdays import Calendar

BARE_YEARS = 20
"""No clock of a message runs longer."""


def start(session: Session, record: IntakeRecord, kind: IntakeClockKind, *, began: datetime, law: Law) -> IntakeClock:
    """Start a clock that began at a moment; where next year's days off are not entered yet, with an end that is in doubt."""
    rule = law.rule(DeadlineKind(kind.value), began.astimezone(CITY).date())
    reckoned = _reckoned(began, rule, law.calendar)
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
    clock.recount_due_at = clock.recount_found_at = None
    clock.ended_as = ClockEnd.FULFILLED if at <= clock.due_at else ClockEnd.LATE
    session.flush()
    _show(session, record_id)


def extensions(clock: IntakeClock, law: Law, *, at: datetime, certain: bool = True) -> Sequence[Extension]:
    """The longer times that the clock's own rule allows now; none once it has run out.

    `certain`: a gap in the calendar is an error that says which year is missing; otherwise the end is in doubt, as at the start.
    """
    if clock.ended_at is not None or at > clock.due_at:
        return ()
    rule, reckon = (
        law.rule_of(DeadlineKind(clock.kind.value), clock.rule_version),
        deadlines.reckon if certain else _reckoned,
    )
    return tuple(e for e in rule.extensions if reckon(clock.started_at, rule, law.calendar, e).due > clock.due_at)


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
    if at > clock.due_at:
        raise ExtensionTooLate(kind=rule.kind)
    longer = _reckoned(clock.started_at, rule, law.calendar, extension)
    if longer.due <= clock.due_at:
        raise NotAnExtension(kind=rule.kind)
    history.record(
        session, "intake:extend", record_id, by=by, at=at, changes={kind.value: (clock.due_at, longer.due)}, why=note
    )
    clock.due_at, clock.needs_verification, clock.note = longer.due, longer.doubtful, note
    clock.extension_amount, clock.extension_unit = extension.amount, extension.unit
    clock.recount_due_at = clock.recount_found_at = None
    session.flush()
    _show(session, record_id)
    return clock


def missing_year(clock: IntakeClock, law: Law) -> int | None:
    """The first year within a running clock whose calendar is not entered; None if there is none."""
    first, last = (moment.astimezone(CITY).year for moment in (clock.started_at, clock.due_at))
    missing = () if clock.ended_at is not None else (y for y in range(first, last + 1) if y not in law.calendar.years)
    return next(iter(missing), None)


def flag(session: Session, *, law: Law, at: datetime) -> int:
    """Note the running clocks that the calendar of today would end at another moment. How many."""
    changed = 0
    for clock in session.scalars(select(IntakeClock).where(IntakeClock.ended_at.is_(None))):
        would_be = _would_be(clock, law)
        differs = would_be is not None and would_be.due != clock.due_at
        if differs and would_be is not None and would_be.due != clock.recount_due_at:
            clock.recount_due_at, clock.recount_found_at = would_be.due, at
        elif not differs and clock.recount_due_at is not None:
            clock.recount_due_at = clock.recount_found_at = None
        changed += differs
    session.flush()
    return changed


def take_over(
    session: Session, record_id: UUID, kind: IntakeClockKind, *, law: Law, reason: str, by: UUID, at: datetime
) -> IntakeClock:
    """Take over what the changed calendar makes of a running clock. No clock moves by itself."""
    clock = running(session, record_id, kind)
    would_be = _would_be(clock, law)
    if clock.recount_due_at is None or would_be is None:
        raise NothingRecounted
    changes: dict[str, tuple[object, object]] = {kind.value: (clock.due_at, would_be.due)}
    history.record(session, "intake:recount", record_id, by=by, at=at, changes=changes, why=reason)
    clock.due_at, clock.needs_verification = would_be.due, would_be.doubtful
    clock.recount_due_at = clock.recount_found_at = None
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


def _reckoned(began: datetime, rule: Rule, calendar: Calendar, extension: Extension | None = None) -> Reckoning:
    """When a clock ends. In a year whose calendar is not entered only its weekends are off, and the end is in doubt.

    Nobody who brings a paper is turned away because the desk's table has a gap. Days off move an end on, so the desk hears of it early
    rather than late; once the year is entered, `flag` finds the clocks that end elsewhere and a person takes the new end over.
    """
    try:
        return deadlines.reckon(began, rule, calendar, extension)
    except CalendarGap:
        first = began.astimezone(CITY).year
        bare = replace(calendar, years=calendar.years | frozenset(range(first, first + BARE_YEARS)))
        return replace(deadlines.reckon(began, rule, bare, extension), doubtful=True)


def _would_be(clock: IntakeClock, law: Law) -> Reckoning | None:
    """The end under a calendar, by the clock's own rule and longer time; None where the calendar has a gap."""
    try:
        rule = law.rule_of(DeadlineKind(clock.kind.value), clock.rule_version)
        decided = (clock.extension_amount, clock.extension_unit)
        extension = next((each for each in rule.extensions if (each.amount, each.unit) == decided), None)
        return deadlines.reckon(clock.started_at, rule, law.calendar, extension)
    except (CalendarGap, NoRuleInForce):
        return None


def _show(session: Session, record_id: UUID) -> None:
    """Let the queue see when the next clock of the message runs out."""
    due = session.scalar(
        select(IntakeClock.due_at)
        .where(IntakeClock.record_id == record_id, IntakeClock.ended_at.is_(None))
        .order_by(IntakeClock.due_at)
        .limit(1)
    )
    gathered = session.scalars(select(Signal.cluster_id).where(Signal.record_id == record_id)).all()
    clusters.lock(session, *gathered)  # before the signal, as everybody locks them
    session.execute(update(Signal).where(Signal.record_id == record_id).values(due_at=due))
