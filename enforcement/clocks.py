"""The clocks of one case as rows: started under a rule, met, stopped, extended; and which of them runs out next.

The caller holds the lock on the case. What must not live here: the figures (`law_seed`), the counting (`deadlines`), and
which move starts what (`transitions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from enforcement import deadlines
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.models import CaseFile, Deadline
from trace.clock import CITY
from trace.workdays import CalendarGap, working_days_left

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deadlines import Extension, Rule
    from enforcement.law import Law

LIMITATION = frozenset({DeadlineKind.LIMITATION_IP, DeadlineKind.LIMITATION_GENERAL})


@dataclass(frozen=True)
class Standing:
    """A deadline as a person reads it: how much is left, in the unit it is counted in, and which extensions the rule knows.

    `left` counts down through 0 (today) to negative; `unit` is "working", "calendar" or "hour".
    """

    deadline: Deadline
    left: int
    unit: str
    closed: bool
    extensions: tuple[Extension, ...]


def start(session: Session, case: CaseFile, kind: DeadlineKind, *, began: datetime, law: Law, at: datetime) -> Deadline:
    """Start a clock that began at a moment. One of the same kind that still runs is stopped: the later start counts."""
    stop(session, case, {kind}, at=at)  # before the new one runs, or the index sees two
    rule = law.rule(kind, began.astimezone(CITY).date())
    reckoned = deadlines.reckon(began, rule, law.calendar)
    made = Deadline(
        case_id=case.id,
        kind=kind,
        basis=rule.basis,
        rule_version=rule.version,
        needs_verification=reckoned.doubtful,
        started_at=began,
        due_at=reckoned.due,
    )
    session.add(made)
    session.flush()
    return made


def meet(session: Session, case: CaseFile, kinds: Collection[DeadlineKind], *, at: datetime) -> list[Deadline]:
    """End the running clocks of these kinds: what they asked for was done, or is without object from now on."""
    ended = _running(session, case.id, kinds)
    for deadline in ended:
        deadline.met_at = at
    return ended


def stop(session: Session, case: CaseFile, kinds: Collection[DeadlineKind] | None = None, *, at: datetime) -> None:
    """Stop running clocks, of some kinds or all, without calling them met: a closed case has none that runs."""
    for deadline in _running(session, case.id, kinds):
        deadline.stopped_at = at
    session.flush()


def extend(deadline: Deadline, extension: Extension, *, law: Law, at: datetime, note: str) -> None:
    """Give a running clock the longer time that its own rule allows. Refused once it has run out."""
    rule = law.rule_of(deadline.kind, deadline.rule_version)
    deadline.due_at = deadlines.extend(
        deadline.started_at, rule, law.calendar, extension=extension, running_until=deadline.due_at, decided_at=at
    )
    reckoned = deadlines.reckon(deadline.started_at, rule, law.calendar, extension)
    deadline.needs_verification = reckoned.doubtful
    deadline.note = note


def next_due(session: Session, case_id: UUID) -> datetime | None:
    """When the nearest running clock runs out."""
    session.flush()
    return min((deadline.due_at for deadline in _running(session, case_id)), default=None)


def running(session: Session, case_id: UUID, kinds: Collection[DeadlineKind]) -> datetime | None:
    """When the running clock among these kinds runs out; None if none runs."""
    return min((deadline.due_at for deadline in _running(session, case_id, kinds)), default=None)


def standings(case: CaseFile, law: Law, *, at: datetime) -> list[Standing]:
    """The deadlines of a case for its page: running ones first, nearest first; then the ended ones, latest first."""
    rows = [_standing(deadline, law, at) for deadline in case.deadlines]
    open_rows = [row for row in rows if not row.closed]
    closed_rows = [row for row in rows if row.closed]
    return sorted(open_rows, key=_due) + sorted(closed_rows, key=_due, reverse=True)


def left_until(due: datetime, law: Law, *, at: datetime) -> int:
    """Working days left, or calendar days where the calendar of the year has not been entered."""
    last, today = due.astimezone(CITY).date(), at.astimezone(CITY).date()
    if {last.year, today.year} <= law.calendar.years:
        return working_days_left(at, due, law.calendar)
    return _days_left(due, at)


def facts(ended: Collection[Deadline]) -> list[dict[str, Any]]:
    """Deadlines as an event keeps them."""
    return [
        {"kind": d.kind.value, "due": d.due_at.isoformat(), "basis": d.basis, "version": d.rule_version} for d in ended
    ]


def _standing(deadline: Deadline, law: Law, at: datetime) -> Standing:
    ended = deadline.met_at or deadline.stopped_at
    rule = law.rule_of(deadline.kind, deadline.rule_version)
    moment = ended or at
    if rule.unit is Unit.HOURS:
        unit, left = "hour", int((deadline.due_at - moment).total_seconds() // 3600)
    elif rule.unit is Unit.WORKING_DAYS:
        unit, left = "working", left_until(deadline.due_at, law, at=moment)
    else:
        unit, left = "calendar", _days_left(deadline.due_at, moment)
    open_still = ended is None and at <= deadline.due_at
    longer = tuple(e for e in rule.extensions if open_still and _is_longer(deadline, rule, e, law))
    return Standing(deadline, left, unit, ended is not None, longer)


def _is_longer(deadline: Deadline, rule: Rule, extension: Extension, law: Law) -> bool:
    try:
        return deadlines.due(deadline.started_at, rule, law.calendar, extension) > deadline.due_at
    except CalendarGap:
        return False


def _days_left(due: datetime, at: datetime) -> int:
    days = (due.astimezone(CITY).date() - at.astimezone(CITY).date()).days
    return min(days, -1) if at > due else days


def _due(standing: Standing) -> datetime:
    return standing.deadline.due_at


def _running(session: Session, case_id: UUID, kinds: Collection[DeadlineKind] | None = None) -> list[Deadline]:
    """The running clocks of a case, of some kinds or of all."""
    statement = select(Deadline).where(
        Deadline.case_id == case_id, Deadline.met_at.is_(None), Deadline.stopped_at.is_(None)
    )
    if kinds is not None:
        statement = statement.where(Deadline.kind.in_(list(kinds)))
    return list(session.scalars(statement))
