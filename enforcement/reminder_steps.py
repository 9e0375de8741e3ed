"""What is said of a clock at a moment, to which duty, and how much of it is left: the same for clocks of cases and of messages.

What must not live here: writing reminders down (`reminding`, `intake_reminding`), and when to speak (`law.reminding`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enforcement import clocks
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.transitions import Duty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from enforcement.law import Law
    from enforcement.law_seed import Reminding


@dataclass(frozen=True)
class Pressing:
    """A clock that presses a person: of which case or message, and how much is left, as `clocks.Standing` counts it."""

    kind: DeadlineKind
    basis: str
    due_at: datetime
    number: str
    left: int
    unit: str
    case_id: UUID | None = None
    record_id: UUID | None = None


def steps(due_at: datetime, left: int, habit: Reminding, at: datetime) -> Iterator[tuple[Duty, int]]:
    """What is said of a clock at a moment, to whom. Of several reminders before the end only the nearest that has come."""
    if at <= due_at:
        if reached := [mark for mark in habit.before if left <= mark]:
            yield Duty.OFFICER, min(reached)
        return
    yield Duty.OFFICER, 0
    if -left >= habit.team_after:
        yield Duty.TEAM_HEAD, -habit.team_after
    if -left >= habit.branch_after:
        yield Duty.BRANCH_HEAD, -habit.branch_after


def left_of(kind: DeadlineKind, version: str, due_at: datetime, rules: Law, at: datetime) -> tuple[int, str]:
    """How much of a clock is left: hours for one whose rule counts hours, working days for every other."""
    if rules.rule_of(kind, version).unit is Unit.HOURS:
        return int((due_at - at).total_seconds() // 3600), "hour"
    return clocks.left_until(due_at, rules, at=at), "working"
