"""Reminders of the clocks that run on a message before there is a case: requests to review, complaints to take up and to resolve.

Whoever took the message down hears of it, or who works the case it has led to; where neither is at the desk any more, the team heads do.
What must not live here: the clocks themselves (`intake_clocks`), the letters (`reminding`), and anything of who wrote the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from enforcement.authority import OWN_SIGNER
from enforcement.deadlines import DeadlineKind
from enforcement.models import CaseFile, IntakeClock, IntakeRecord, IntakeReminder, Signal
from enforcement.reminder_steps import Pressing, left_of, steps
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.models.parties import AppUser, RoleGrant

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from enforcement.law import Law
    from enforcement.law_seed import Reminding

RUNNING = IntakeClock.ended_at.is_(None)


def make(
    session: Session, rules: Law, habits: dict[DeadlineKind, Reminding], *, at: datetime, horizon: timedelta
) -> int:
    """Make the reminders whose moment has come; returns how many. Running it again makes none."""
    near = and_(RUNNING, IntakeClock.due_at <= at + horizon)
    said = {
        (row.clock_id, row.due_at, row.duty, row.mark)
        for row in session.execute(
            select(IntakeReminder.clock_id, IntakeReminder.due_at, IntakeReminder.duty, IntakeReminder.mark)
            .join(IntakeClock, IntakeClock.id == IntakeReminder.clock_id)
            .where(near)
        )
    }
    made = 0
    for clock in session.scalars(select(IntakeClock).where(near)):
        if (habit := habits.get(DeadlineKind(clock.kind.value))) is None:
            continue
        for duty, mark in steps(clock.due_at, _left(clock, rules, at)[0], habit, at):
            if (clock.id, clock.due_at, duty, mark) in said:
                continue
            written = session.scalar(
                insert(IntakeReminder)
                .values(clock_id=clock.id, due_at=clock.due_at, duty=duty, mark=mark, made_at=at)
                .on_conflict_do_nothing()
                .returning(IntakeReminder.id)
            )
            made += written is not None
    return made


def pressing(
    session: Session, person_id: UUID, duties: Collection[Duty], rules: Law, *, at: datetime, limit: int
) -> list[Pressing]:
    """The running clocks of messages of which this person has been told, nearest end first, at most so many."""
    told = exists().where(IntakeReminder.clock_id == IntakeClock.id, IntakeReminder.due_at == IntakeClock.due_at)
    told_officer = told.where(IntakeReminder.duty == Duty.OFFICER)
    whose: list[Any] = []
    if duties:
        whose.append(and_(_worked_by(person_id), told_officer))
    if Duty.TEAM_HEAD in duties:
        whose += [and_(_nobodys(at), told_officer), told.where(IntakeReminder.duty == Duty.TEAM_HEAD)]
    if Duty.BRANCH_HEAD in duties:
        whose.append(told.where(IntakeReminder.duty == Duty.BRANCH_HEAD))
    if not whose:
        return []
    rows = session.execute(
        select(IntakeClock, IntakeRecord.number)
        .join(IntakeRecord, IntakeRecord.id == IntakeClock.record_id)
        .where(RUNNING, or_(*whose))
        .order_by(IntakeClock.due_at)
        .limit(limit)
    ).all()
    return [
        Pressing(
            DeadlineKind(clock.kind.value), clock.basis, clock.due_at, number, *_left(clock, rules, at),
            record_id=clock.record_id,
        )
        for clock, number in rows
    ]  # fmt: skip


def _left(clock: IntakeClock, rules: Law, at: datetime) -> tuple[int, str]:
    return left_of(DeadlineKind(clock.kind.value), clock.rule_version, clock.due_at, rules, at)


def _officer() -> Any:
    """Who works a message: the officer of the case it has led to, or else whoever took it down."""
    of_case = (
        select(CaseFile.officer_id)
        .join(Signal, Signal.case_id == CaseFile.id)
        .where(Signal.record_id == IntakeRecord.id)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(of_case, IntakeRecord.recorded_by)


def _worked_by(person_id: UUID) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _officer() == person_id
    return found


def _nobodys(at: datetime) -> ColumnElement[bool]:
    """Messages whose officer holds no duty of the desk any more."""
    today = at.astimezone(CITY).date()
    at_desk = (
        select(RoleGrant.user_id)
        .join(AppUser, AppUser.id == RoleGrant.user_id)
        .where(RoleGrant.role.in_(OWN_SIGNER), RoleGrant.valid_during.contains(today), AppUser.closed_at.is_(None))
    )
    gone: ColumnElement[bool] = _officer().not_in(at_desk)
    return gone
