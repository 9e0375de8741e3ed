"""The clocks of one case as rows: started under a rule, fulfilled or without object, stopped; and which of them runs out next.

Every reckoning is a row that stays. The caller holds the lock on the case. What must not live here: the figures (`law_seed`), the
counting (`deadlines`), which move starts what (`transitions`), and people's deeds on a clock (`timekeeping`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import object_session, selectinload

from enforcement import deadlines, membership
from enforcement.deadlines import DeadlineKind, Extension, Unit
from enforcement.models import (
    CaseParty,
    CasePartyRole,
    Deadline,
    DeadlineReckoning,
    Document,
    EndedAs,
    ReckoningCause,
    Ruling,
)
from trace.clock import CITY
from trace.workdays import CalendarGap, working_days_left

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deadlines import Reckoning, Rule
    from enforcement.law import Law
    from enforcement.models import CaseFile
    from enforcement.transitions import Step

LIMITATION = frozenset({DeadlineKind.LIMITATION_IP, DeadlineKind.LIMITATION_GENERAL})


@dataclass(frozen=True)
class Standing:
    """A deadline as a person reads it: how much is left, in the unit it is counted in, and which extensions the rule knows.

    `left` counts down through 0 (today) to negative; `unit` is "working", "calendar" or "hour". `case_number`: of the case merged into
    this one, if the clock is not this case's own. `whose`: the offender it runs for, where it was decided on several, or the number of the document it
    is about. `extensions` are places in the rule's list, with what each allows.
    """

    deadline: Deadline
    left: int
    unit: str
    closed: bool
    extensions: tuple[tuple[int, Extension], ...]
    rule: Rule
    case_number: str | None = None
    whose: str | None = None

    @property
    def overdue(self) -> bool:
        """Whether it runs past its end."""
        return not self.closed and self.left < 0

    @property
    def rolled(self) -> bool:
        """Whether the rule moves an end on a day off to the next working day."""
        return self.rule.rolls and self.rule.unit not in {Unit.WORKING_DAYS, Unit.HOURS}


def start(
    session: Session,
    case: CaseFile,
    kind: DeadlineKind,
    *,
    began: datetime,
    law: Law,
    at: datetime,
    subject_id: UUID | None = None,
    agreed_on: date | None = None,
) -> Deadline:
    """Start a clock that began at a moment. One of the same kind and subject that still runs is stopped: the later start counts.

    `agreed_on`: the day with which a clock ends that no law counts.
    """
    for old in _running(session, [case.id], {kind}, subject_id, own=True):
        _stop(old, at)
    session.flush()  # before the new one runs, or the index sees two
    rule = law.rule(kind, began.astimezone(CITY).date())
    reckoned = deadlines.reckon(began, rule, law.calendar, agreed_on=agreed_on)
    made = Deadline(
        case_id=case.id,
        kind=kind,
        subject_id=subject_id,
        basis=rule.basis,
        rule_version=rule.version,
        needs_verification=reckoned.doubtful,
        started_at=began,
        due_at=reckoned.due,
    )
    made.reckonings.append(_reckoning(made, ReckoningCause.STARTED, at=at, was=None))
    session.add(made)
    session.flush()
    return made


def meet(
    session: Session, case: CaseFile, kinds: Collection[DeadlineKind], *, at: datetime, subject_id: UUID | None = None
) -> list[Deadline]:
    """End the running clocks of these kinds: what they asked for was done at this moment, in time or late. Members' clocks too."""
    ended = _running(session, membership.members(session, case.id), kinds, subject_id)
    for deadline in ended:
        deadline.met_at = at
        deadline.ended_as = EndedAs.FULFILLED if at <= deadline.due_at else EndedAs.LATE
        _settled(deadline)
    return ended


def void(
    session: Session, case: CaseFile, kinds: Collection[DeadlineKind], *, at: datetime, subject_id: UUID | None = None
) -> list[Deadline]:
    """End the running clocks of these kinds because nothing is left that they could ask for."""
    ended = _running(session, membership.members(session, case.id), kinds, subject_id)
    for deadline in ended:
        deadline.met_at, deadline.ended_as = at, EndedAs.WITHOUT_OBJECT
        _settled(deadline)
    return ended


def finish(session: Session, case: CaseFile, step: Step, *, at: datetime) -> list[Deadline]:
    """End what a step carries out and what it makes needless."""
    return [*meet(session, case, step.fulfils, at=at), *void(session, case, step.voids, at=at)]


def stop(session: Session, case: CaseFile, kinds: Collection[DeadlineKind] | None = None, *, at: datetime) -> None:
    """Stop running clocks, of some kinds or all, without calling them met: a closed case has none that runs."""
    for deadline in _running(session, [case.id], kinds):
        _stop(deadline, at)
    session.flush()


def extend(
    deadline: Deadline, place: int, *, law: Law, at: datetime, by: UUID, decision_number: str, reason: str, decided_at: datetime | None = None
) -> None:  # fmt: skip
    """Give a running clock the longer time that its own rule allows in this place. Refused if it had run out when that was decided, or now."""
    rule = law.rule_of(deadline.kind, deadline.rule_version)
    extension = rule.extensions[place]
    was = deadline.due_at
    deadlines.extend(
        deadline.started_at, rule, law.calendar, extension=extension, running_until=was, decided_at=decided_at or at
    )  # fmt: skip
    reckoned = deadlines.reckon(deadline.started_at, rule, law.calendar, extension)
    deadline.due_at, deadline.needs_verification = reckoned.due, reckoned.doubtful
    deadline.extension_amount, deadline.extension_unit = extension.amount, extension.unit
    deadline.note = f"{decision_number}: {reason}"
    _settled(deadline)
    written = _reckoning(deadline, ReckoningCause.EXTENDED, at=at, was=was, by=by, reason=reason)
    written.decision_number = decision_number
    deadline.reckonings.append(written)


def recount(
    deadline: Deadline,
    cause: ReckoningCause,
    *,
    law: Law,
    at: datetime,
    by: UUID,
    reason: str,
    began: datetime | None = None,
    kind: DeadlineKind | None = None,
) -> datetime:
    """Reckon a running clock anew: from a corrected start, as another kind, or on the calendar of today. Returns its end before.

    A start or kind that changed takes the rule in force on the first day; otherwise the clock keeps the rule it was started under. An
    extension decided before stays, where the rule knows it.
    """
    was = deadline.due_at
    if began is None and kind is None:
        rule = law.rule_of(deadline.kind, deadline.rule_version)
    else:
        deadline.started_at, deadline.kind = began or deadline.started_at, kind or deadline.kind
        rule = law.rule(deadline.kind, deadline.started_at.astimezone(CITY).date())
        deadline.basis, deadline.rule_version = rule.basis, rule.version
    extension = extension_of(deadline, rule)
    reckoned = deadlines.reckon(deadline.started_at, rule, law.calendar, extension, _agreed(deadline, rule))
    deadline.due_at, deadline.needs_verification = reckoned.due, reckoned.doubtful
    if extension is None:
        deadline.extension_amount = deadline.extension_unit = None
    _settled(deadline)
    deadline.reckonings.append(_reckoning(deadline, cause, at=at, was=was, by=by, reason=reason))
    return was


def agree(
    deadline: Deadline, day: date, *, law: Law, at: datetime, by: UUID, decision_number: str, reason: str
) -> datetime:
    """Another day was agreed on for a running clock that ends with one. Returns its end before."""
    rule, was = law.rule_of(deadline.kind, deadline.rule_version), deadline.due_at
    deadline.due_at = deadlines.reckon(deadline.started_at, rule, law.calendar, agreed_on=day).due
    _settled(deadline)
    written = _reckoning(deadline, ReckoningCause.AGREED_ANEW, at=at, was=was, by=by, reason=reason)
    written.decision_number = decision_number
    deadline.reckonings.append(written)
    return was


def under(deadline: Deadline, law: Law) -> Reckoning:
    """What a clock would come to today, by its own rule, start and extension, on the calendar of this law."""
    rule = law.rule_of(deadline.kind, deadline.rule_version)
    return deadlines.reckon(
        deadline.started_at, rule, law.calendar, extension_of(deadline, rule), _agreed(deadline, rule)
    )


def extension_of(deadline: Deadline, rule: Rule) -> Extension | None:
    """The extension that was decided for a clock, as its rule knows it."""
    return next(
        (e for e in rule.extensions if (e.amount, e.unit) == (deadline.extension_amount, deadline.extension_unit)), None
    )


def next_due(session: Session, case_id: UUID) -> datetime | None:
    """When the nearest running clock runs out, those of merged cases included."""
    session.flush()
    members = membership.members(session, case_id)
    return min((deadline.due_at for deadline in _running(session, members)), default=None)


def running(session: Session, case_id: UUID, kinds: Collection[DeadlineKind]) -> datetime | None:
    """When the running clock among these kinds runs out, the nearest of the case and those merged into it; None if none runs."""
    members = membership.members(session, case_id)
    return min((deadline.due_at for deadline in _running(session, members, kinds)), default=None)


def standings(case: CaseFile, law: Law, *, at: datetime) -> list[Standing]:
    """The deadlines of a case for its page: running ones first, nearest first; then the ended ones, latest first."""
    session = object_session(case)
    assert session is not None, "a case is read in a session"  # noqa: S101
    members = membership.members(session, case.id)
    numbers = membership.numbers(session, [each for each in members if each != case.id])
    rows = session.scalars(
        select(Deadline)
        .where(Deadline.case_id.in_(members))
        .options(
            selectinload(Deadline.reckonings).joinedload(DeadlineReckoning.author), selectinload(Deadline.reminders)
        )
        .execution_options(populate_existing=True)
    )
    whose = _whose(session, members)
    found = [_standing(row, law, at, numbers.get(row.case_id), whose.get(row.subject_id)) for row in rows]
    open_rows = [row for row in found if not row.closed]
    closed_rows = [row for row in found if row.closed]
    return sorted(open_rows, key=_due) + sorted(closed_rows, key=_due, reverse=True)


def left_until(due: datetime, law: Law, *, at: datetime) -> int:
    """Working days left, or calendar days where the calendar of the year has not been entered."""
    last, today = due.astimezone(CITY).date(), at.astimezone(CITY).date()
    if set(range(min(last, today).year, max(last, today).year + 1)) <= law.calendar.years:
        return working_days_left(at, due, law.calendar)
    return _days_left(due, at)


def facts(ended: Iterable[Deadline]) -> list[dict[str, Any]]:
    """Deadlines as an event keeps them."""
    return [
        {
            "kind": d.kind.value,
            "due": d.due_at.isoformat(),
            "basis": d.basis,
            "version": d.rule_version,
            **({"ended_as": d.ended_as.value} if d.ended_as else {}),
        }
        for d in ended
    ]


def _whose(session: Session, case_ids: Collection[UUID]) -> dict[UUID | None, str]:
    """Which document a clock is about; and for whom the clocks of a decision run, in a case of several offenders."""
    numbered = session.execute(
        select(Document.id, Document.number)
        .join(Deadline, Deadline.subject_id == Document.id)
        .where(Deadline.case_id.in_(case_ids), Document.number.is_not(None))
    )
    found: dict[UUID | None, str] = {row.id: row.number for row in numbered}
    there = select(func.count()).where(
        CaseParty.case_id.in_(case_ids), CaseParty.role == CasePartyRole.SUSPECTED, CaseParty.struck_at.is_(None)
    )
    if (session.scalar(there) or 0) < 2:
        return found
    rows = session.execute(
        select(Ruling.id, CaseParty.name)
        .join(CaseParty, CaseParty.id == Ruling.party_id)
        .where(Ruling.case_id.in_(case_ids))
    )
    return found | {row.id: row.name for row in rows}


def _standing(deadline: Deadline, law: Law, at: datetime, case_number: str | None, whose: str | None) -> Standing:
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
    longer = tuple(
        (place, e) for place, e in enumerate(rule.extensions) if open_still and _is_longer(deadline, rule, e, law)
    )
    return Standing(deadline, left, unit, ended is not None, longer, rule, case_number, whose)


def _is_longer(deadline: Deadline, rule: Rule, extension: Extension, law: Law) -> bool:
    try:
        return deadlines.due(deadline.started_at, rule, law.calendar, extension) > deadline.due_at
    except CalendarGap:
        return True  # whoever chooses it is told which year is missing


def _days_left(due: datetime, at: datetime) -> int:
    days = (due.astimezone(CITY).date() - at.astimezone(CITY).date()).days
    return min(days, -1) if at > due else days


def _due(standing: Standing) -> datetime:
    return standing.deadline.due_at


def _stop(deadline: Deadline, at: datetime) -> None:
    deadline.stopped_at, deadline.ended_as = at, EndedAs.STOPPED
    _settled(deadline)


def _agreed(deadline: Deadline, rule: Rule) -> date | None:
    """The day on which people agreed: no calendar and no other beginning moves it."""
    return deadline.due_at.astimezone(CITY).date() if rule.agreed else None


def _settled(deadline: Deadline) -> None:
    """What the calendar's change proposed for this clock is settled with it."""
    deadline.recount_due_at = deadline.recount_found_at = None


def _reckoning(
    deadline: Deadline,
    cause: ReckoningCause,
    *,
    at: datetime,
    was: datetime | None,
    by: UUID | None = None,
    reason: str | None = None,
) -> DeadlineReckoning:
    return DeadlineReckoning(
        at=at, by=by, cause=cause, reason=reason, started_at=deadline.started_at, was_due=was, due_at=deadline.due_at,
        basis=deadline.basis, rule_version=deadline.rule_version, needs_verification=deadline.needs_verification,
    )  # fmt: skip


def _running(
    session: Session,
    case_ids: Collection[UUID],
    kinds: Collection[DeadlineKind] | None = None,
    subject_id: UUID | None = None,
    *,
    own: bool = False,
) -> list[Deadline]:
    """The running clocks of some cases, of some kinds or of all; of one subject only if it is named, or if `own` says so of none."""
    if kinds is not None and not kinds:
        return []
    statement = select(Deadline).where(
        Deadline.case_id.in_(case_ids), Deadline.met_at.is_(None), Deadline.stopped_at.is_(None)
    )
    if kinds is not None:
        statement = statement.where(Deadline.kind.in_(list(kinds)))
    if subject_id is not None or own:
        statement = statement.where(Deadline.subject_id.is_not_distinct_from(subject_id))
    return list(session.scalars(statement))
