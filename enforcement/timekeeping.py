"""What people do to a clock of a case: extend it by a decision, correct its start, take over a changed calendar, count the limitation.

Every deed locks the case and leaves the end before, the new one, the reason and the person. A changed calendar moves no clock by itself:
it is proposed, and a person takes it over. What must not live here: the counting (`deadlines`) and the moves of a case.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Integer, Text, Uuid, and_, case, false, literal, or_, select, true, update

from enforcement import authority, casebook, clocks, law, mandates, membership, origins, signing
from enforcement.casebook import NotInFuture, midnight, workable, write
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import (
    ClockHasEnded,
    ExtensionTooLate,
    NoRuleInForce,
    NothingRecounted,
    NotYourMove,
    ReasonNeeded,
    StartUnchanged,
)
from enforcement.models import CaseFile, Deadline, DelegationScope, PaperKind, ReckoningCause
from enforcement.papers import shelf
from enforcement.transitions import HEADS
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history
from trace.services.listed import listed
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from enforcement.deadlines import Extension
    from enforcement.law import Law
    from enforcement.transitions import Duty
    from trace.errors import TemThatError
    from trace.workdays import Calendar

RUNNING = (Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
MOMENT = DateTime(timezone=True)
COUNTED_FROM = (
    (Deadline.kind, Text()), (Deadline.rule_version, Text()), (Deadline.started_at, MOMENT), (Deadline.due_at, MOMENT),
    (Deadline.extension_amount, Integer()), (Deadline.extension_unit, Text()),
)  # fmt: skip
"""On what the end of a clock rests besides the calendar. Whoever counts without a lock writes only where all of it is as it was read."""

EXTENSION_FORMS: dict[DeadlineKind, tuple[str, ...]] = {DeadlineKind.SEIZURE: ("MQĐ21",)}
"""The forms of a decision to extend a clock, in the register of documents."""


class ExtendedAlready(Conflict):
    """The decision no. %(number)s of %(day)s has extended this clock already.

    A further extension needs a decision of its own.
    """


class ExtendedBeforeStart(Invalid):
    """This clock began on %(began)s, so no decision of %(signed)s extended it.

    Check the day on the decision.
    """


class ExtensionEnteredLate(Conflict):
    """The deadline ended on %(end)s, and the register holds no decision no. %(number)s to extend it that was issued before.

    Only an extension that was issued in time from the register of documents can be entered now.
    """


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
    signed_on: date | None = None,
    version: int | None = None,
) -> CaseFile:
    """Extend a running clock by a decision that whoever acts signed on a day, today if none is named. One decision may extend several clocks.

    `choice`: which of the extensions of the rule, counted from 0.
    """
    case = workable(session, case_id, version)
    deadline = _running(session, case, deadline_id)
    scope, today = power_to_extend(deadline.kind), at.astimezone(CITY).date()
    day = signed_on or today
    heads = {
        each: not HEADS.isdisjoint(authority.acting(session, by, duties, scope, each, at=at))
        for each in (today, min(day, today))
    }
    if not heads[min(day, today)]:
        raise mandates.NotInOffice(day=day) if heads[today] else NotYourMove(duties=HEADS)
    number, why = casebook.said(decision_number), casebook.said(reason)
    rules = law.load(session)
    extensions = rules.rule_of(deadline.kind, deadline.rule_version).extensions
    if not 0 <= choice < len(extensions):
        raise NotFound
    was = deadline.due_at
    faults = _extension_faults(session, case, deadline, number, day, at=at)
    with session.begin_nested():
        paper = signing.paper(
            session, case, PaperKind.EXTENSION, number, signed_on=day, by=by, duties=duties, at=at, scope=scope, besides=faults
        )  # fmt: skip
        clocks.extend(
            deadline, choice, law=rules, at=at, by=by, decision_number=number, reason=why, decided_at=min(signing.moment(day, at), was)
        )  # fmt: skip
    more = {
        "ground": extensions[choice].ground, "decision_number": number, "signed_on": day.isoformat(), "signer": paper.signer_name,
    }  # fmt: skip
    if paper.delegation_number:
        more |= {"delegated_from": str(paper.delegated_from), "delegation": paper.delegation_number}
    return _kept(session, case, deadline, "extend", was=was, why=why, by=by, at=at, more=more)


def enterable_late(session: Session, case_id: UUID, deadline: Deadline, rules: Law) -> list[tuple[int, Extension]]:
    """Of a clock that ran out: the extensions, with their places in its rule, while the register holds a decision issued before the end."""
    forms, used = EXTENSION_FORMS.get(deadline.kind, ()), {row.decision_number for row in deadline.reckonings}
    last = deadline.due_at.astimezone(CITY).date()
    if not any(
        each.issued_on <= last and each.number not in used for each in shelf.registered(session, case_id, forms)
    ):
        return []
    return list(enumerate(rules.rule_of(deadline.kind, deadline.rule_version).extensions))


def _extension_faults(
    session: Session, case: CaseFile, deadline: Deadline, number: str, day: date, *, at: datetime
) -> list[TemThatError]:
    """What the number and the day of an extension cannot be: used up for this clock, before it began, after it ended."""
    faults: list[TemThatError] = []
    used = {row.decision_number for row in deadline.reckonings if row.cause is ReckoningCause.EXTENDED}
    if number in used and signing.extension(session, case, number, day) is not None:
        faults.append(ExtendedAlready(number=number, day=day))
    if day < (began := deadline.started_at.astimezone(CITY).date()):
        faults.append(ExtendedBeforeStart(began=began, signed=day))
    end, forms = deadline.due_at, EXTENSION_FORMS.get(deadline.kind, ())
    if at > end and not (day <= end.astimezone(CITY).date() and shelf.issued_by(session, case.id, number, forms, end)):
        late = signing.moment(day, at) > end
        faults.append(ExtensionTooLate(kind=deadline.kind) if late else ExtensionEnteredLate(number=number, end=end))
    return faults


def correct_start(
    session: Session,
    case_id: UUID,
    deadline_id: UUID,
    *,
    began: datetime,
    reason: str,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Say that a clock began at another moment than was entered: it is reckoned anew, by the rule of its new first day. For heads.

    What follows from acts, a paper or a measure follows them still, and no clock that ran out is revived.
    """
    case = workable(session, case_id, version)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    deadline = _running(session, case, deadline_id)
    why = casebook.said(reason)
    if began > at:
        raise NotInFuture
    if began == deadline.started_at:
        raise StartUnchanged
    if (why_not := origins.refusal(session, deadline, began=began, at=at)) is not None:
        raise why_not
    was_started = deadline.started_at
    was = clocks.recount(
        deadline, ReckoningCause.START_CORRECTED, law=law.load(session), at=at, by=by, reason=why, began=began
    )
    more = {"was_started": was_started.isoformat(), "started": began.isoformat()}
    return _kept(session, case, deadline, "recompute", was=was, why=why, by=by, at=at, more=more)


def power_to_extend(kind: DeadlineKind) -> DelegationScope:
    """On which power an extension rests: whoever may fine extends the time for the decision (Art. 66), the others are measures."""
    return DelegationScope.PENALTIES if kind is DeadlineKind.PENALTY_DECISION else DelegationScope.MEASURES


def take_over(
    session: Session,
    case_id: UUID,
    deadline_id: UUID,
    *,
    reason: str,
    by: UUID,
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Take over what the changed calendar makes of a running clock."""
    case = workable(session, case_id, version)
    deadline = _running(session, case, deadline_id)
    if deadline.recount_due_at is None:
        raise NothingRecounted
    why = casebook.said(reason)
    was = clocks.recount(deadline, ReckoningCause.CALENDAR_CHANGED, law=law.load(session), at=at, by=by, reason=why)
    return _kept(session, case, deadline, "recompute", was=was, why=why, by=by, at=at, more={})


def limitation(
    session: Session,
    case: CaseFile,
    *,
    qualification: LegalQualification | None,
    act_ended_on: date | None,
    by: UUID,
    at: datetime,
    reason: str | None,
) -> list[Deadline]:
    """The limitation clock as the facts now say: started, reckoned anew from another day or as another kind, or stopped if nobody knows.

    The caller holds the lock, and keeps `next_due_at`. Returns the clock if it was started or changed. A reason is needed for a change.
    """
    running = session.scalars(
        select(Deadline).where(Deadline.case_id == case.id, Deadline.kind.in_(clocks.LIMITATION), *RUNNING)
    ).one_or_none()
    if act_ended_on is None:
        if running is not None:
            clocks.stop(session, case, clocks.LIMITATION, at=at)
        return []
    kind, began, rules = limitation_kind(qualification), midnight(act_ended_on), law.load(session)
    if running is None:
        return [clocks.start(session, case, kind, began=began, law=rules, at=at)]
    if (running.kind, running.started_at) == (kind, began):
        return []
    if not (reason or "").strip():
        raise ReasonNeeded
    cause = ReckoningCause.START_CORRECTED if running.kind is kind else ReckoningCause.REQUALIFIED
    clocks.recount(
        running, cause, law=rules, at=at, by=by, reason=casebook.said(reason or ""), began=began, kind=kind
    )  # fmt: skip
    session.flush()
    return [running]


def limitation_kind(qualification: LegalQualification | None) -> DeadlineKind:
    """Which limitation applies: two years for intellectual property, the general one for false origin."""
    general = qualification is LegalQualification.FALSE_ORIGIN
    return DeadlineKind.LIMITATION_GENERAL if general else DeadlineKind.LIMITATION_IP


def flag(session: Session, *, at: datetime, days: Collection[date] | None = None) -> int:
    """Look at the running clocks on the calendar of today, and note those that it would end at another moment. How many.

    `days`: only these have changed, so only clocks that run across one of them are looked at, and those noted before.
    """
    rules = law.load(session)
    changed = 0
    found: dict[UUID, tuple[datetime | None, Any]] = {}
    looked_at = or_(_across(days), Deadline.recount_due_at.is_not(None))
    # Mere columns, and one statement for all that change: a new calendar may move tens of thousands of clocks.
    facts = select(Deadline.id, Deadline.recount_due_at, *(column for column, _kind in COUNTED_FROM))
    for row in session.execute(facts.where(*RUNNING, looked_at)):
        would_be = _would_be(row, rules)
        differs = would_be is not None and would_be != row.due_at
        if differs and would_be != row.recount_due_at:
            found[row.id] = would_be, row
        elif not differs and row.recount_due_at is not None:
            found[row.id] = None, row
        changed += differs
    if found:
        read = [(c.key, kind, [getattr(row, c.key) for _due, row in found.values()]) for c, kind in COUNTED_FROM]
        new = listed(("id", Uuid(), found), ("would_be", MOMENT, [due for due, _row in found.values()]), *read)
        noted = case((new.c.would_be.is_not(None), literal(at, MOMENT)))
        # Nothing was locked: a clock that ended or was counted anew in between, even to the same end, is left as it is.
        same = (column.is_not_distinct_from(new.c[column.key]) for column, _kind in COUNTED_FROM)
        as_read = (Deadline.id == new.c.id, *same, *RUNNING)
        session.execute(
            update(Deadline).where(*as_read).values(recount_due_at=new.c.would_be, recount_found_at=noted),
            execution_options={"synchronize_session": False},
        )
        for known in session.identity_map.values():
            if isinstance(known, Deadline) and known.id in found:
                session.expire(known, ["recount_due_at", "recount_found_at"])
    return changed


def would_change(session: Session, calendar: Calendar, days: Collection[date]) -> list[tuple[Deadline, datetime, str]]:
    """The running clocks that a calendar would end at another moment: each with that moment and the number of its case.

    `days`: those in which the calendar differs from the one in use.
    """
    rules = law.load(session)
    planned = law.Law(rules.rules, calendar)
    rows = list(session.scalars(select(Deadline).where(*RUNNING, _across(days)).order_by(Deadline.due_at)))
    found = [(row, new) for row in rows if (new := _would_be(row, planned)) is not None and new != row.due_at]
    numbers = membership.numbers(session, {row.case_id for row, _new in found})
    return [(row, new, numbers[row.case_id]) for row, new in found]


def flagged(session: Session, *, officer_id: UUID | None = None, limit: int = 200) -> Sequence[tuple[Deadline, str]]:
    """The clocks that wait for a person to take over the changed calendar, nearest end first, with the numbers of their cases.

    `officer_id`: only those in the cases of one officer.
    """
    whose = [] if officer_id is None else [CaseFile.officer_id == officer_id]
    rows = session.execute(
        select(Deadline, CaseFile.number)
        .join(CaseFile, CaseFile.id == Deadline.case_id)
        .where(Deadline.recount_due_at.is_not(None), *RUNNING, *whose)
        .order_by(Deadline.due_at)
        .limit(limit)
    )
    return [(deadline, number) for deadline, number in rows]


def _across(days: Collection[date] | None) -> ColumnElement[bool]:
    """Clocks that began before the last of these days and end on or after the first: no other can be moved by them."""
    if days is None:
        return true()
    if not days:
        return false()
    return and_(Deadline.started_at < midnight(max(days) + timedelta(days=1)), Deadline.due_at >= midnight(min(days)))


def _would_be(deadline: Any, rules: Law) -> datetime | None:
    """The end under a calendar; None where that has a gap: a clock that runs is not disturbed by what nobody entered yet."""
    try:
        return clocks.under(deadline, rules).due
    except (CalendarGap, NoRuleInForce):
        return None


def _running(session: Session, case: CaseFile, deadline_id: UUID) -> Deadline:
    found = session.scalars(
        select(Deadline).where(
            Deadline.id == deadline_id, Deadline.case_id.in_(membership.member_ids(case.id))
        )
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFound
    if found.met_at or found.stopped_at:
        raise ClockHasEnded
    return found


def _kept(
    session: Session,
    case: CaseFile,
    deadline: Deadline,
    deed: str,
    *,
    was: datetime,
    why: str,
    by: UUID,
    at: datetime,
    more: dict[str, Any],
) -> CaseFile:
    """Write the deed into the case: the end before and the end now."""
    session.flush()
    case.next_due_at = clocks.next_due(session, case.id)
    facts = {"kind": deadline.kind.value, "was_due": was.isoformat(), "due": deadline.due_at.isoformat(), **more}
    write(session, case, deed, by=by, at=at, note=why, facts=facts)
    changes: dict[str, tuple[object, object]] = {"due_at": (was, deadline.due_at)}
    history.record(session, f"case:{deed}", case.id, by=by, at=at, changes=changes, why=why)
    session.flush()
    return case
