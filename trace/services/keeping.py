"""What a party sees that only keeps some labels of another's order: its own ranges, its own lines of the ledger, its own account.

The order's holder, the managing body of its title and those who look after the whole city see all of it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text
from sqlalchemy.orm import joinedload

from trace.models.labels import LabelHandover, LabelMove, LabelMovement, LabelOrder, LabelRange
from trace.models.lots import Lot
from trace.models.parties import Party
from trace.services import handovers, ledger
from trace.services.ledger import IN_HAND
from trace.services.reconciling import LEAVING, Sheet, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

    from trace.services.reach import Reach


def sees_all(order: LabelOrder, reach: Reach) -> bool:
    """Whether the whole order lies within somebody's reach, and not only labels that they keep."""
    return reach.includes(holder_id=order.holder_id, title_id=order.certificate.title_id)


def ranges(order: LabelOrder, reach: Reach) -> Sequence[LabelRange]:
    """The ranges of an order that somebody may see, in order."""
    if sees_all(order, reach):
        return order.ranges
    return [row for row in order.ranges if row.keeper_id in reach.holders]


def touching(reach: Reach) -> ColumnElement[bool]:
    """The condition that a movement came to, stayed with or left those within reach."""
    given = select(LabelHandover.id).where(LabelHandover.giver_id.in_(reach.holders))
    return or_(LabelMovement.keeper_id.in_(reach.holders), LabelMovement.handover_id.in_(given))


def movements(session: Session, order: LabelOrder, *, reach: Reach) -> Sequence[LabelMovement]:
    """The lines of an order's ledger that somebody may see, newest first."""
    if sees_all(order, reach):
        return ledger.movements(session, order.id)
    statement = (
        select(LabelMovement)
        .where(LabelMovement.order_id == order.id, touching(reach))
        .order_by(LabelMovement.at.desc(), LabelMovement.id.desc())
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
        .limit(500)
    )
    return session.scalars(statement).all()


def offers(session: Session, order: LabelOrder, *, reach: Reach) -> Sequence[LabelHandover]:
    """The hand-overs of an order that wait for an answer, as far as somebody may see them."""
    everything = sees_all(order, reach)
    return [
        row
        for row in handovers.listing(session, reach=reach, order_id=order.id)
        if row.answered_at is None and (everything or {row.giver_id, row.taker_id} & reach.holders)
    ]


def keepers(session: Session, *, reach: Reach) -> Sequence[Party]:
    """One's own organisations that keep labels of others' orders, by name."""
    theirs = (
        select(LabelRange.keeper_id)
        .join(LabelRange.order)
        .where(LabelRange.keeper_id.in_(reach.holders), LabelOrder.holder_id != LabelRange.keeper_id)
    )
    return session.scalars(select(Party).where(Party.id.in_(theirs)).order_by(Party.name)).all()


def of_order(session: Session, order_id: UUID, *, keepers: frozenset[UUID], end: datetime) -> Sheet:
    """Account for the labels of one order that some parties kept, up to a moment."""
    return _account(session, LabelOrder.id == order_id, keepers, start=None, end=end, roll=None)


def of_keeper(
    session: Session,
    keeper_id: UUID,
    *,
    end: datetime,
    start: datetime | None = None,
    lot_id: UUID | None = None,
    roll: Range[int] | None = None,
) -> Sheet:
    """Account for all labels of others' orders that a party kept over a period: those ordered for one lot, or of one roll."""
    scope = LabelOrder.holder_id != keeper_id
    if lot_id is not None:
        scope = and_(scope, LabelOrder.lot_id == lot_id)
    return _account(session, scope, frozenset({keeper_id}), start=start, end=end, roll=roll)


def lots_of(session: Session, keeper_id: UUID) -> Sequence[Lot]:
    """The lots for which labels that a party keeps were ordered by others, newest first."""
    theirs = (
        select(LabelOrder.lot_id)
        .join(LabelRange, LabelRange.order_id == LabelOrder.id)
        .where(LabelRange.keeper_id == keeper_id, LabelOrder.holder_id != keeper_id)
    )
    return session.scalars(select(Lot).where(Lot.id.in_(theirs)).order_by(Lot.recorded_at.desc(), Lot.id)).all()


def _account(
    session: Session,
    scope: ColumnElement[bool],
    keepers: frozenset[UUID],
    *,
    start: datetime | None,
    end: datetime,
    roll: Range[int] | None,
) -> Sheet:
    moved, held = part_of(LabelMovement.serials, roll), part_of(LabelRange.serials, roll)
    labels = func.sum(func.upper(moved) - func.lower(moved))
    if roll is not None:
        scope = and_(scope, LabelOrder.serials.overlaps(roll))
    ours = LabelMovement.keeper_id.in_(keepers)
    # Only a hand-over changes the keeper; whoever had the labels before stands in it.
    were_ours = case((LabelMovement.handover_id.is_(None), ours), else_=LabelHandover.giver_id.in_(keepers))
    opening = LabelMovement.at < start if start is not None else LabelMovement.id < 0
    rows = session.execute(
        select(
            LabelMovement.move, LabelMovement.was, LabelMovement.becomes, ours.label("ours"), were_ours.label("were_ours"),
            func.coalesce(labels.filter(opening), 0),
            func.coalesce(labels.filter(LabelMovement.at <= end, ~opening), 0),
            func.coalesce(labels.filter(LabelMovement.at > end), 0),
        )
        .join(LabelOrder, LabelOrder.id == LabelMovement.order_id)
        .outerjoin(LabelHandover, LabelHandover.id == LabelMovement.handover_id)
        .where(scope, or_(ours, were_ours))
        .group_by(LabelMovement.move, LabelMovement.was, LabelMovement.becomes, text("ours"), text("were_ours"))
    ).all()  # fmt: skip
    standing = session.scalar(
        select(func.coalesce(func.sum(func.upper(held) - func.lower(held)), 0))
        .join(LabelOrder, LabelOrder.id == LabelRange.order_id)
        .where(scope, LabelRange.keeper_id.in_(keepers), LabelRange.state.in_(IN_HAND))
    )
    before, came, since = 0, 0, 0
    left = Counter[LabelMove](dict.fromkeys((*LEAVING, LabelMove.HAND_OVER), 0))
    for move, was, becomes, to_us, from_us, opened, within, after in rows:
        change = int(to_us and becomes in IN_HAND) - int(from_us and was in IN_HAND)
        before += change * int(opened)
        since += change * int(after)
        if change > 0:
            came += int(within)
        elif change < 0:
            left[move] += int(within)
    return Sheet(opening=before, came=came, left=left, found=int(standing or 0) - since)
