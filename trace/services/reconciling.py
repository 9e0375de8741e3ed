"""Whether every label is accounted for: opening + received − used − spoiled − lost − returned − voided = closing.

The lines come from the append-only ledger alone and are held against the ranges as they stand; a physical count is held
against both. Whoever counts differently gets a nonconformity that closes the gate until it is explained.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select

from trace.clock import CITY
from trace.errors import Invalid
from trace.models.controls import Nonconformity, Severity
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange
from trace.models.labels import LabelState as State
from trace.services import history
from trace.services.ledger import IN_HAND, ON_THE_WAY, lock_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

LEAVING = (LabelMove.USE, LabelMove.SPOIL, LabelMove.LOSE, LabelMove.RETURN, LabelMove.VOID, LabelMove.RECALL)
DAYS_TO_EXPLAIN = 7


class NegativeCount(Invalid):
    """A count of labels cannot be negative.

    Enter how many labels are there, 0 if there are none.
    """


@dataclass(frozen=True)
class Sheet:
    """One account of labels over a period: what came, what left, what is there. Numbers of labels."""

    opening: int
    came: int
    left: Mapping[LabelMove, int]
    found: int
    """What the ranges say for the same moment, independently of the ledger's sums."""

    @property
    def closing(self) -> int:
        """What must be there by the ledger."""
        return self.opening + self.came - sum(self.left.values())

    @property
    def difference(self) -> int:
        """Ranges minus ledger; anything but 0 means that labels are unaccounted for."""
        return self.found - self.closing


@dataclass(frozen=True)
class Reconciliation:
    """The two accounts of an order or a holder: labels not received yet, and labels in hand."""

    start: datetime | None
    end: datetime
    on_the_way: Sheet
    """`came` are the labels issued; received ones leave under `LabelMove.RECEIVE`."""
    in_hand: Sheet
    """`came` are the labels received."""

    @property
    def adds_up(self) -> bool:
        """Whether every label is accounted for."""
        return self.on_the_way.difference == 0 == self.in_hand.difference


def of_order(session: Session, order_id: UUID, *, end: datetime, start: datetime | None = None) -> Reconciliation:
    """Account for one order's labels up to a moment, from its issue or from `start`."""
    return _account(session, LabelOrder.id == order_id, start=start, end=end)


def of_holder(session: Session, holder_id: UUID, *, end: datetime, start: datetime | None = None) -> Reconciliation:
    """Account for all labels of a holder."""
    return _account(session, LabelOrder.holder_id == holder_id, start=start, end=end)


def count(
    session: Session, order_id: UUID, *, counted: int, by: UUID, at: datetime, reach: Reach
) -> Nonconformity | None:
    """Record how many labels of an order somebody counted in hand. A difference becomes a blocking nonconformity by itself."""
    if counted < 0:
        raise NegativeCount
    order = lock_order(session, order_id, reach)
    sheet = of_order(session, order_id, end=at).in_hand
    history.record(session, "labels:count", order.id, by=by, at=at, changes={"in_hand": (sheet.closing, counted)})
    if counted == sheet.closing:
        return None
    found_on = at.astimezone(CITY).date()
    found = Nonconformity(
        title_id=order.certificate.title_id, holder_id=order.holder_id, severity=Severity.MAJOR, blocking=True,
        # A record of the register, kept in its language whoever counted.
        description=f"Đối soát tem của đơn {order.number}: đếm được {counted}, sổ ghi {sheet.closing}, chênh lệch {counted - sheet.closing:+d}.",
        found_on=found_on, due_on=found_on + timedelta(days=DAYS_TO_EXPLAIN), recorded_at=at, recorded_by=by,
    )  # fmt: skip
    session.add(found)
    session.flush()
    history.record(session, "nonconformity:record", found.id, by=by, at=at, why=found.description)
    return found


def _account(session: Session, scope: ColumnElement[bool], *, start: datetime | None, end: datetime) -> Reconciliation:
    labels = func.sum(func.upper(LabelMovement.serials) - func.lower(LabelMovement.serials))
    opening = LabelMovement.at < start if start is not None else LabelMovement.id < 0
    rows = session.execute(
        select(
            LabelMovement.move,
            LabelMovement.was,
            LabelMovement.becomes,
            func.coalesce(labels.filter(opening), 0),
            func.coalesce(labels.filter(LabelMovement.at <= end, ~opening), 0),
            func.coalesce(labels.filter(LabelMovement.at > end), 0),
        )
        .join(LabelOrder, LabelOrder.id == LabelMovement.order_id)
        .where(scope)
        .group_by(LabelMovement.move, LabelMovement.was, LabelMovement.becomes)
    ).all()
    standing = session.execute(
        select(LabelRange.state, func.sum(func.upper(LabelRange.serials) - func.lower(LabelRange.serials)))
        .join(LabelOrder, LabelOrder.id == LabelRange.order_id)
        .where(scope)
        .group_by(LabelRange.state)
    ).all()

    def sheet(states: frozenset[State], coming: LabelMove, leaving: tuple[LabelMove, ...]) -> Sheet:
        opening, came, since, left = 0, 0, 0, Counter[LabelMove](dict.fromkeys(leaving, 0))
        for move, was, becomes, before, within, after in rows:
            change = int(becomes in states) - int(was in states)
            opening += change * int(before)
            since += change * int(after)
            if move is coming:
                came += int(within)
            elif change < 0:
                left[move] += int(within)
        held = sum(int(labels) for state, labels in standing if state in states)
        return Sheet(opening=opening, came=came, left=left, found=held - since)

    return Reconciliation(
        start=start,
        end=end,
        on_the_way=sheet(
            ON_THE_WAY, LabelMove.ISSUE, (LabelMove.RECEIVE, LabelMove.SPOIL, LabelMove.LOSE, LabelMove.VOID)
        ),
        in_hand=sheet(IN_HAND, LabelMove.RECEIVE, LEAVING),
    )
