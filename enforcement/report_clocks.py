"""The rows behind the on-time rate: the clocks of cases, and those that run on a request or complaint before there is a case.

A clock is judged in the period in which it was met, or ran out without being met. Those without object judge nobody.
What must not live here: adding up (`reports`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Uuid, and_, case, cast, null, or_, select, union_all

from enforcement.models import CaseFile, ClockEnd, Deadline, EndedAs, IntakeClock, IntakeRecord
from enforcement.report_scope import case_scope, columns_of, message_scope, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Select

    from enforcement.report_scope import Scope


def clocks(*, in_time: bool) -> Callable[[Scope], Select[Any]]:
    """The clocks that a period judged; of these only those met in time, if so asked."""

    def build(scope: Scope) -> Select[Any]:
        both = union_all(_of_cases(scope, in_time=in_time), _of_messages(scope, in_time=in_time)).subquery()
        return select(*both.c)

    return build


def _of_cases(scope: Scope, *, in_time: bool) -> Select[Any]:
    met = and_(Deadline.ended_as.in_([EndedAs.FULFILLED, EndedAs.LATE]), within(Deadline.met_at, scope))
    missed = and_(
        within(Deadline.due_at, scope),
        or_(Deadline.ended_as.is_(None), and_(Deadline.ended_as == EndedAs.LATE, Deadline.met_at >= scope.end)),
        Deadline.due_at < scope.now,
    )
    ended = case((Deadline.met_at.is_not(None), Deadline.met_at), else_=Deadline.due_at)
    columns = columns_of(part=Deadline.kind, at=ended, case_id=CaseFile.id, number=CaseFile.number, what=Deadline.basis)
    judged = and_(met, Deadline.ended_as == EndedAs.FULFILLED) if in_time else or_(met, missed)
    return (
        select(*columns)
        .join_from(Deadline, CaseFile, CaseFile.id == Deadline.case_id)
        .where(judged, *case_scope(scope))
    )


def _of_messages(scope: Scope, *, in_time: bool) -> Select[Any]:
    met = and_(IntakeClock.ended_as.in_([ClockEnd.FULFILLED, ClockEnd.LATE]), within(IntakeClock.ended_at, scope))
    missed = and_(
        within(IntakeClock.due_at, scope),
        or_(
            IntakeClock.ended_as.is_(None),
            and_(IntakeClock.ended_as == ClockEnd.LATE, IntakeClock.ended_at >= scope.end),
        ),
        IntakeClock.due_at < scope.now,
    )
    ended = case((IntakeClock.ended_at.is_not(None), IntakeClock.ended_at), else_=IntakeClock.due_at)
    columns = columns_of(
        part=IntakeClock.kind,
        at=ended,
        case_id=cast(null(), Uuid),
        number=IntakeRecord.number,
        what=IntakeClock.basis,
        record_id=IntakeRecord.id,
    )
    judged = and_(met, IntakeClock.ended_as == ClockEnd.FULFILLED) if in_time else or_(met, missed)
    return (
        select(*columns)
        .join_from(IntakeClock, IntakeRecord, IntakeRecord.id == IntakeClock.record_id)
        .where(judged, *message_scope(scope))
    )
