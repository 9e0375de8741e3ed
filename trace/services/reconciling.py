"""Whether every label is accounted for: opening + received − used − spoiled − lost − returned − voided = closing.

The lines come from the append-only ledger alone and are held against the ranges as they stand; a physical count is held
against both. Whoever counts differently gets a nonconformity that closes the gate until it is explained.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.dialects.postgresql import INT8RANGE, Range

from trace.clock import CITY
from trace.errors import Conflict, Invalid
from trace.models.controls import Nonconformity, Severity
from trace.models.labels import LabelGap, LabelMove, LabelMovement, LabelOrder, LabelRange
from trace.models.labels import LabelState as State
from trace.services import history
from trace.services.ledger import IN_HAND, ON_THE_WAY, lock_order
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import InstrumentedAttribute, Session

LEAVING = (LabelMove.USE, LabelMove.SPOIL, LabelMove.LOSE, LabelMove.RETURN, LabelMove.VOID, LabelMove.RECALL)
DAYS_TO_EXPLAIN = 7


class MoreThanOrdered(Invalid):
    """You counted %(counted)s labels, but the order has only %(quantity)s.

    Count the labels of this order only, and check the number.
    """


class CountUnderQuestion(Conflict):
    """An earlier count of this order differed from the ledger, and that is not cleared up yet.

    Have the open nonconformity closed first, then count again.
    """


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


def of_holder(
    session: Session,
    holder_id: UUID,
    *,
    end: datetime,
    start: datetime | None = None,
    lot_id: UUID | None = None,
    roll: Range[int] | None = None,
) -> Reconciliation:
    """Account for the labels of a holder: all of them, those ordered for one lot, or those of one roll or bundle."""
    scope = LabelOrder.holder_id == holder_id
    if lot_id is not None:
        scope &= LabelOrder.lot_id == lot_id
    return _account(session, scope, start=start, end=end, roll=roll)


def count(
    session: Session, order_id: UUID, *, counted: int, by: UUID, at: datetime, reach: Reach
) -> Nonconformity | None:
    """Record how many labels of an order somebody counted in hand. A difference becomes a blocking nonconformity by itself."""
    if counted < 0:
        raise NegativeCount
    order = lock_order(session, order_id, reach)
    if counted > order.quantity:
        raise MoreThanOrdered(counted=counted, quantity=order.quantity)
    about = f"Đối soát tem của đơn {order.number}:"
    if session.scalar(
        select(Nonconformity.id)
        .where(
            Nonconformity.holder_id == order.holder_id,
            Nonconformity.closed_at.is_(None),
            Nonconformity.description.startswith(about),
        )
        .limit(1)
    ):
        raise CountUnderQuestion
    sheet = of_order(session, order_id, end=at).in_hand
    history.record(session, "labels:count", order.id, by=by, at=at, changes={"in_hand": (sheet.closing, counted)})
    if counted == sheet.closing:
        return None
    # A record of the register, kept in its language whoever counted.
    description = f"{about} đếm được {counted}, sổ ghi {sheet.closing}, chênh lệch {counted - sheet.closing:+d}."
    return _open(session, order, description, by=by, at=at)


# No state but "handed over" is ever entered twice, so what is in a state is what entered it without what left it: exact to the serial,
# for every order in one statement and so in one snapshot.
_DIFFERENCES = text("""
    WITH entered AS (
        SELECT order_id, becomes AS state, range_agg(serials) AS labels FROM label_movement GROUP BY 1, 2
    ), gone AS (
        SELECT order_id, was AS state, range_agg(serials) AS labels FROM label_movement WHERE was <> becomes GROUP BY 1, 2
    ), ledger AS (
        SELECT order_id, state, entered.labels - coalesce(gone.labels, '{}') AS labels
          FROM entered LEFT JOIN gone USING (order_id, state)
    ), book AS (
        SELECT order_id, state, range_agg(serials) AS labels FROM label_range GROUP BY 1, 2
    )
    SELECT order_id, state, coalesce(ledger.labels, '{}')::text AS by_ledger, coalesce(book.labels, '{}')::text AS by_ranges
      FROM ledger FULL JOIN book USING (order_id, state)
     WHERE coalesce(ledger.labels, '{}') <> coalesce(book.labels, '{}')
     ORDER BY order_id, state
""")


def find_gaps(session: Session, at: datetime) -> int:
    """Compare the ledger of every order with its ranges, to the serial. Each order that differs gets one blocking nonconformity.

    As long as that one is open no other is opened for the order, nor is one for a difference that was explained and closed.
    Returns how many were opened.
    """
    differences = dict[UUID, list[str]]()
    for order_id, state, by_ledger, by_ranges in session.execute(_DIFFERENCES):
        differences.setdefault(order_id, []).append(f"{state}: sổ {by_ledger}, dải {by_ranges}")
    opened = 0
    for order_id, lines in sorted(differences.items()):
        order = lock_order(session, order_id, Reach(everything=True))
        difference = "; ".join(lines)[:2000]
        known = session.execute(
            select(LabelGap.difference, Nonconformity.closed_at)
            .join(Nonconformity, Nonconformity.id == LabelGap.nonconformity_id)
            .where(LabelGap.order_id == order_id)
        ).all()
        if any(closed_at is None or told == difference for told, closed_at in known):
            continue
        found = _open(
            session,
            order,
            f"Đối soát tự động đơn {order.number}: sổ tem và dải tem lệch nhau. {difference}",
            by=None,
            at=at,
        )
        session.add(LabelGap(order_id=order_id, difference=difference, nonconformity_id=found.id, found_at=at))
        opened += 1
    session.flush()
    return opened


def _open(session: Session, order: LabelOrder, description: str, *, by: UUID | None, at: datetime) -> Nonconformity:
    """A nonconformity that closes the gate for the holder until it is explained."""
    found_on = at.astimezone(CITY).date()
    found = Nonconformity(
        title_id=order.certificate.title_id, holder_id=order.holder_id, severity=Severity.MAJOR, blocking=True,
        description=description, found_on=found_on, due_on=found_on + timedelta(days=DAYS_TO_EXPLAIN),
        recorded_at=at, recorded_by=by,
    )  # fmt: skip
    session.add(found)
    session.flush()
    history.record(session, "nonconformity:record", found.id, by=by, at=at, why=found.description)
    return found


def _account(
    session: Session,
    scope: ColumnElement[bool],
    *,
    start: datetime | None,
    end: datetime,
    roll: Range[int] | None = None,
) -> Reconciliation:
    moved, held = part_of(LabelMovement.serials, roll), part_of(LabelRange.serials, roll)
    labels = func.sum(func.upper(moved) - func.lower(moved))
    if roll is not None:
        scope &= LabelOrder.serials.overlaps(roll)
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
        select(LabelRange.state, func.coalesce(func.sum(func.upper(held) - func.lower(held)), 0))
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


def part_of(serials: InstrumentedAttribute[Range[int]], roll: Range[int] | None) -> ColumnElement[Range[int]]:
    """The serials that lie on a roll. Of a range beside it nothing is left, whose bounds are NULL and count for nothing."""
    whole: ColumnElement[Range[int]] = serials.expression
    return whole if roll is None else whole.op("*", return_type=INT8RANGE())(roll)
