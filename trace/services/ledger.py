"""What happens to labels after their issue: the moves as data, one function that applies them.

Every deed takes the order's row first, then balance and lots where volume moves, then the ranges: moves on one order wait for
each other, and never in a circle with `ordering.place`. Hand-overs between parties live in `handovers`, sums in `reconciling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, contains_eager, joinedload

from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused, TemThatError
from trace.models.certificates import UseCertificate
from trace.models.labels import HandoverState, LabelHandover, LabelMove, LabelMovement, LabelOrder, LabelRange
from trace.models.labels import LabelState as State
from trace.models.lots import EligibleBalance, Lot, LotState
from trace.models.titles import Product
from trace.services import events, gate, history, outbox, samples
from trace.services.ordering import show_range, show_ranges, within
from trace.services.ranges import gathered, joined, minus, overlap, size

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from trace.services.reach import Reach


@dataclass(frozen=True)
class Step:
    """From which states a move leads, to which, and what it asks for."""

    start: frozenset[State]
    end: State
    reason: bool = False
    """Whether it needs a reason in words."""
    lot: bool = False
    handover: bool = False
    count: bool = False
    """Whether the person has to confirm how many labels there are."""
    gives_back: bool = False
    """Whether the pack weight goes back to the balance and the lot, because these labels can be on no goods."""
    by_holder: bool = False
    """Whether the order's holder may do it too, and not only who keeps the labels."""


IN_HAND = frozenset({State.RECEIVED, State.HANDED_OVER, State.ACTIVATED})
ON_THE_WAY = frozenset({State.ORDERED, State.PRINTED})
LIVE = ON_THE_WAY | IN_HAND

# A lost label may be on goods somewhere, so its weight is not given back; whoever finds a used one spoiled labels anew from what is left.
MOVES: dict[LabelMove, Step] = {
    LabelMove.PRINT: Step(frozenset({State.ORDERED}), State.PRINTED),
    LabelMove.RECEIVE: Step(frozenset({State.PRINTED}), State.RECEIVED, count=True),
    LabelMove.HAND_OVER: Step(frozenset({State.RECEIVED, State.HANDED_OVER}), State.HANDED_OVER, handover=True),
    LabelMove.ACTIVATE: Step(frozenset({State.RECEIVED, State.HANDED_OVER}), State.ACTIVATED, lot=True),
    LabelMove.USE: Step(frozenset({State.ACTIVATED}), State.USED),
    LabelMove.SPOIL: Step(IN_HAND | {State.PRINTED}, State.SPOILED, reason=True, gives_back=True, by_holder=True),
    LabelMove.LOSE: Step(IN_HAND | {State.PRINTED}, State.LOST, reason=True, by_holder=True),
    LabelMove.RETURN: Step(IN_HAND, State.RETURNED, reason=True, gives_back=True, by_holder=True),
    LabelMove.VOID: Step(LIVE, State.VOIDED, reason=True, gives_back=True, by_holder=True),
    LabelMove.RECALL: Step(frozenset({State.ACTIVATED, State.USED}), State.RECALLED, reason=True, by_holder=True),
}
WITH_LOT = frozenset({State.ACTIVATED, State.USED, State.RECALLED})


class OutsideOrder(Invalid):
    """Serials %(serials)s do not all belong to order %(order)s, which has %(own)s.

    Enter serials of this order only; take the others under their own order.
    """


class NotInState(Invalid):
    """Serials %(serials)s: %(state)s. That does not allow: %(move)s.

    Leave them out, or do the step that is missing first.
    """


class KeptByOthers(Invalid):
    """Serials %(serials)s are kept by %(keeper)s.

    Only people of that organisation may do this.
    """


class UnderOffer(Invalid):
    """Serials %(serials)s are offered to %(taker)s and wait for an answer.

    Withdraw the hand-over first, or wait for the other side.
    """


class ReasonMissing(Invalid):
    """This needs a reason in words.

    Write what happened, in a sentence that somebody else will understand in a year.
    """


class CountDiffers(Invalid):
    """You counted %(counted)s labels, but serials %(serials)s are %(expected)s labels.

    Receive the serials that are there, and report the others as lost or spoiled.
    """


class LotDoesNotFit(Invalid):
    """Lot %(code)s is not of the same certificate, product and season as this order.

    Choose a lot that matches what the labels say.
    """


class NotPackedYet(Invalid):
    """Lot %(code)s is packed on %(packed)s. Labels are bound to goods on that day or later.

    Activate them once the goods are packed, or choose another lot.
    """


def apply(
    session: Session,
    order_id: UUID,
    serials: Range[int] | Collection[Range[int]],
    move: LabelMove,
    *,
    by: UUID,
    at: datetime,
    reach: Reach,
    reason: str | None = None,
    lot_id: UUID | None = None,
    counted: int | None = None,
) -> Sequence[LabelRange]:
    """Do one move on some serials of an order, or refuse with every reason at once: all of them move, or none.

    Hand-overs have their own two-sided way.
    """
    step = MOVES[move]
    if step.handover or move is LabelMove.ISSUE:
        raise NotFound
    parts = gathered([serials] if isinstance(serials, Range) else serials)
    order = lock_order(session, order_id, reach)
    reason = (reason or "").strip() or None
    refused = list[TemThatError]()
    if step.reason and reason is None:
        refused.append(ReasonMissing())
    expected = sum(map(size, parts))
    if step.count and counted != expected:
        refused.append(CountDiffers(counted=counted or 0, expected=expected, serials=show_ranges(parts)))
    pieces = [piece for part in parts for piece in movable(session, order, part, move, reach=reach, refused=refused)]
    if refused and not step.lot:  # what is given back always fits: no lock would bring one reason more
        raise Refused(refused)
    change = _change(order, pieces, step, lot_id)
    balance, lots = _lock_volumes(session, order, change, step)
    lot = _check_lot(session, order, lots, lot_id, at=at, refused=refused) if step.lot else None
    if step.lot and not samples.scanned(session, order):
        refused.append(samples.TestLabelNotScanned(order=order.number))
    for found in lots.values():
        weight, left = change[found.id], found.left_g
        if weight > left:
            refused.append(
                gate.OverLotVolume(
                    quantity=weight // order.pack_weight_g, weight=gate.kg(order.pack_weight_g), over=gate.kg(weight - left),
                    fit=max(0, left // order.pack_weight_g), code=found.code,
                )
            )  # fmt: skip
    if refused:
        raise Refused(refused)
    if balance is not None:
        balance.issued_g += sum(change.values())
    for found in lots.values():
        found.labelled_g += change[found.id]
    return write(session, order, pieces, move, by=by, at=at, reason=reason, lot=lot)


def movable(
    session: Session,
    order: LabelOrder,
    serials: Range[int],
    move: LabelMove,
    *,
    reach: Reach,
    refused: list[TemThatError],
) -> Sequence[tuple[LabelRange, Range[int]]]:
    """The ranges that a move touches, locked, each with the part meant; what speaks against it is added to `refused`."""
    if overlap(order.serials, serials) != serials:
        refused.append(OutsideOrder(serials=show_range(serials), order=order.number, own=show_range(order.serials)))
    step, pieces = MOVES[move], list[tuple[LabelRange, Range[int]]]()
    title_id = order.certificate.title_id
    under_offer = False
    for row, offered in _ranges(session, order, serials):
        part = overlap(row.serials, serials)
        if part is None:
            continue
        under_offer = offered
        pieces.append((row, part))
        if row.state not in step.start:
            refused.append(NotInState(serials=show_range(part), state=row.state, move=move))
        own = reach.includes(holder_id=row.keeper_id, title_id=title_id)
        if not own and not (step.by_holder and reach.includes(holder_id=order.holder_id)):
            refused.append(KeptByOthers(serials=show_range(part), keeper=row.keeper.name))
    if under_offer:
        refused += _under_offer(session, order, serials)
    return pieces


def write(
    session: Session,
    order: LabelOrder,
    pieces: Collection[tuple[LabelRange, Range[int]]],
    move: LabelMove,
    *,
    by: UUID,
    at: datetime,
    reason: str | None = None,
    lot: Lot | None = None,
    keeper_id: UUID | None = None,
    handover_id: UUID | None = None,
) -> Sequence[LabelRange]:
    """Split the ranges, write the movements and the deed. The new ranges, neighbours that became alike joined into one."""
    changes: dict[str, tuple[object, object]] = {
        "serials": (None, show_ranges(joined(part for _, part in pieces))),
        "state": (", ".join(sorted({row.state.value for row, _ in pieces})), MOVES[move].end),
    }
    step, rest, moved = MOVES[move], list[LabelRange](), dict[tuple[UUID, UUID | None], list[Range[int]]]()
    touched = dict[int, tuple[LabelRange, list[Range[int]]]]()
    for row, part in pieces:
        bound = (lot.id if lot else row.lot_id) if step.end in WITH_LOT else None
        keeper = keeper_id or row.keeper_id
        moved.setdefault((keeper, bound), []).append(part)
        touched.setdefault(row.id, (row, []))[1].append(part)
        session.add(
            LabelMovement(
                order_id=order.id, serials=part, move=move, was=row.state, becomes=step.end, keeper_id=keeper,
                lot_id=bound or row.lot_id, handover_id=handover_id, at=at, by=by, reason=reason,
            )
        )  # fmt: skip
    for row, parts in touched.values():
        rest += [_copy(row, left) for left in minus(row.serials, *parts)]
    session.execute(delete(LabelRange).where(LabelRange.id.in_(touched)))
    made = [
        LabelRange(serials=serials, state=step.end, since=at, order_id=order.id, keeper_id=keeper, lot_id=bound)
        for (keeper, bound), parts in moved.items()
        for serials in joined(parts)
    ]
    session.add_all([*rest, *made])
    for (keeper, bound), parts in moved.items():
        events.about_labels(
            session,
            order,
            joined(parts),
            move,
            lot_id=bound or order.lot_id,
            party_id=keeper,
            by=by,
            at=at,
            reason=reason,
        )
    if lot is not None:
        changes["lot"] = (None, lot.code)
    history.record(session, f"labels:{move.value}", order.id, by=by, at=at, changes=changes, why=reason)
    outbox.moved(session, order.id, joined(part for _, part in pieces), move, at=at)
    session.flush()
    session.expire(order, ["ranges"])
    return made


def lock_order(session: Session, order_id: UUID, reach: Reach) -> LabelOrder:
    """The order, so that whatever else wants to move its labels waits."""
    order = session.scalars(_locking(reach), {"order_id": order_id}).one_or_none()
    if order is None:
        raise NotFound
    return order


@lru_cache(maxsize=256)  # every move begins here, and putting the statement together takes longer than running it
def _locking(reach: Reach) -> Select[LabelOrder]:
    return (
        select(LabelOrder)
        .join(LabelOrder.certificate)
        .where(LabelOrder.id == bindparam("order_id"), within(reach))
        .options(contains_eager(LabelOrder.certificate))
        .with_for_update(of=LabelOrder, key_share=True)
        .execution_options(populate_existing=True)
    )


_OFFERS = select(LabelHandover).where(
    LabelHandover.order_id == bindparam("order_id"),
    LabelHandover.state == HandoverState.OFFERED,
    LabelHandover.serials.overlaps(bindparam("serials")),
)
# Offers are made and answered under the lock of the order alone, which is held by now: one look at both is enough.
_RANGES = (
    select(LabelRange, exists(_OFFERS))
    .where(LabelRange.order_id == bindparam("order_id"), LabelRange.serials.overlaps(bindparam("serials")))
    .order_by(LabelRange.serials)
    .with_for_update(of=LabelRange)
    .execution_options(populate_existing=True)
)


def _ranges(session: Session, order: LabelOrder, serials: Range[int]) -> Sequence[Row[LabelRange, bool]]:
    """The ranges that serials touch, locked, and beside each whether any of the serials is under offer."""
    return session.execute(_RANGES, {"order_id": order.id, "serials": serials}).all()


def _under_offer(session: Session, order: LabelOrder, serials: Range[int]) -> list[TemThatError]:
    asked = {"order_id": order.id, "serials": serials}
    found = session.scalars(_OFFERS.options(joinedload(LabelHandover.taker)), asked)
    parts = [(overlap(handover.serials, serials), handover.taker.name) for handover in found]
    return [UnderOffer(serials=show_range(part), taker=taker) for part, taker in parts if part is not None]


def _change(
    order: LabelOrder, pieces: Collection[tuple[LabelRange, Range[int]]], step: Step, lot_id: UUID | None
) -> dict[UUID, int]:
    """By how many grams each lot's counter moves: what can be on no goods is given back, what is bound to another lot counts there."""
    change = dict[UUID, int]()
    target = lot_id or order.lot_id
    if step.lot:
        change[target] = 0
    for row, part in pieces:
        weight, counted_on = size(part) * order.pack_weight_g, row.lot_id or order.lot_id
        if step.gives_back or step.lot:
            change[counted_on] = change.get(counted_on, 0) - weight
        if step.lot:
            change[target] += weight
    return change


def _lock_volumes(
    session: Session, order: LabelOrder, change: dict[UUID, int], step: Step
) -> tuple[EligibleBalance | None, dict[UUID, Lot]]:
    """The balance, if weight goes back to it, and then the lots whose counters move: locked in the order of `ordering.place`."""
    balance = None
    if step.gives_back:
        balance = session.scalars(
            select(EligibleBalance)
            .where(EligibleBalance.id == order.balance_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        ).one()
    if not change:
        return balance, {}
    statement = (
        select(Lot)
        .where(Lot.id.in_(change))
        .order_by(Lot.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return balance, {lot.id: lot for lot in session.scalars(statement)}


def _check_lot(
    session: Session,
    order: LabelOrder,
    lots: dict[UUID, Lot],
    lot_id: UUID | None,
    *,
    at: datetime,
    refused: list[TemThatError],
) -> Lot:
    """The lot to bind labels to, which is the order's own unless another is named. It and the certificate must stand today."""
    lot, ordered = lots.get(lot_id or order.lot_id), session.get_one(Lot, order.lot_id)
    if lot is None or lot.holder_id != order.holder_id:
        raise NotFound
    if (lot.certificate_id, lot.product_id, lot.season_id) != (
        ordered.certificate_id,
        ordered.product_id,
        ordered.season_id,
    ):
        refused.append(LotDoesNotFit(code=lot.code))
    if lot.state is LotState.DRAFT:
        refused.append(gate.LotNotCertified(code=lot.code))
    elif lot.state is LotState.RECALLED:
        refused.append(gate.LotRecalled(code=lot.code, reason=lot.recall_reason or ""))
    if at.astimezone(CITY).date() < lot.packed_on:
        refused.append(NotPackedYet(code=lot.code, packed=lot.packed_on))
    # Shared, so that a suspension either came first and is seen here, or waits until these labels are bound.
    certificate = session.scalars(
        select(UseCertificate)
        .where(UseCertificate.id == order.certificate_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one()
    refused += gate.certificate_stands(certificate, on=at.astimezone(CITY).date())
    return lot


def lots_for(session: Session, order: LabelOrder) -> Sequence[Lot]:
    """The certified lots that an order's labels may be bound to, the order's own first."""
    ordered = order.lot
    statement = (
        select(Lot)
        .where(
            Lot.certificate_id == ordered.certificate_id, Lot.product_id == ordered.product_id,
            Lot.season_id == ordered.season_id, Lot.state == LotState.CERTIFIED,
        )
        .order_by(Lot.id != ordered.id, Lot.recorded_at.desc())
        .options(joinedload(Lot.product).joinedload(Product.title))
        .limit(100)
    )  # fmt: skip
    return session.scalars(statement).all()


def movements(session: Session, order_id: UUID) -> Sequence[LabelMovement]:
    """The ledger of an order, newest first."""
    statement = (
        select(LabelMovement)
        .where(LabelMovement.order_id == order_id)
        .order_by(LabelMovement.at.desc(), LabelMovement.id.desc())
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
        .limit(500)
    )
    return session.scalars(statement).all()


def _copy(row: LabelRange, serials: Range[int]) -> LabelRange:
    return LabelRange(
        serials=serials,
        state=row.state,
        since=row.since,
        order_id=row.order_id,
        keeper_id=row.keeper_id,
        lot_id=row.lot_id,
    )
