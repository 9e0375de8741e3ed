"""Orders of labels: the gate under its locks, the allotment of serials, and the lists of orders.

Locks are taken in one order everywhere: area or site (shared), balance, lot, certificate (shared), series. What happens to labels afterwards
lives in `ledger`, their drawing in `printing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from labels.code import show_serial
from trace.clock import CITY
from trace.errors import Conflict, NotFound, Refused, TemThatError, Unavailable
from trace.models.certificates import UseCertificate
from trace.models.labels import (
    FIRST_SAMPLE_SERIAL,
    LabelMove,
    LabelMovement,
    LabelOrder,
    LabelRange,
    LabelSeries,
    LabelState,
)
from trace.models.lots import EligibleBalance, Lot, LotState
from trace.models.parties import Party
from trace.models.titles import Product, Season
from trace.services import gate, history, layouts, source_locks
from trace.services.facts import gather
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from trace.services.reach import Reach

PAGE = 50


class SeriesSpent(Unavailable):
    """The series of serials is used up: %(left)s are left.

    Tell the administrator: a longer series has to be opened.
    """


@dataclass(frozen=True)
class Quote:
    """What an order would do to the volumes, and every reason against it. Volumes in grams."""

    lot: Lot
    quantity: int
    pack_weight_g: int
    eligible_g: int
    extra_g: int
    """Approved beyond the eligible volume."""
    approvals: tuple[str, ...]
    """Who approved it, and why."""
    issued_g: int
    lot_volume_g: int
    lot_labelled_g: int
    fit: int
    """How many labels of this pack weight would pass."""
    pack_weights_g: Sequence[int]
    """What the regulation in force allows."""
    standing: Sequence[TemThatError]
    """Those that stand against any order for this lot, whatever its size."""
    reasons: Sequence[TemThatError]

    @property
    def asked_g(self) -> int:
        """Volume that the order would label, g."""
        return max(0, self.quantity) * max(0, self.pack_weight_g)

    @property
    def left_g(self) -> int:
        """Volume left before the order, g."""
        return self.eligible_g + self.extra_g - self.issued_g

    @property
    def left_after_g(self) -> int:
        """Eligible volume left after it, g; negative when it does not fit."""
        return self.left_g - self.asked_g

    @property
    def lot_left_after_g(self) -> int:
        """Volume of the lot left after it, g; negative when it does not fit."""
        return self.lot_volume_g - self.lot_labelled_g - self.asked_g


@dataclass(frozen=True)
class Candidate:
    """A lot that one may think of ordering for, with what stands against it today."""

    lot: Lot
    left_g: int
    reasons: Sequence[TemThatError]


def place(
    session: Session,
    *,
    lot_id: UUID,
    quantity: int,
    pack_weight_g: int,
    layout: str,
    by: UUID,
    at: datetime,
    reach: Reach,
    hidden_codes: bool = False,
) -> LabelOrder:
    """Issue labels for a lot, or refuse with every reason at once. Safe under any concurrency.

    `hidden_codes`: whether each label gets six digits under a scratch layer.
    """
    # So that a site that is closed or a code that is suspended at this moment is seen here, or waits until these labels exist.
    source_locks.of_lot(session, lot_id)
    of_balance, of_lot = _locking(reach)
    balance = session.scalars(of_balance, {"lot_id": lot_id}).one_or_none()
    lot = session.scalars(of_lot, {"lot_id": lot_id}).one_or_none()
    if lot is None:
        raise NotFound
    if balance is not None and (balance.holder_id, balance.season_id) != (lot.holder_id, lot.season_id):
        raise Conflict
    # Shared, so that a suspension of the certificate or the closing of the season either came first and is seen here, or waits
    # until these labels exist. Held by name, for the session itself forgets what nobody holds.
    _certificate, _season = session.execute(_HOLDING_STILL, {"lot_id": lot_id}).one()
    on = at.astimezone(CITY).date()
    held = [] if balance is None else [balance]
    facts = gather(session, [lot], on=on, balances=held)[lot.id]
    refused = gate.reasons(
        facts,
        quantity=quantity,
        pack_weight_g=pack_weight_g,
        layouts=layouts.choices(session, lot.holder_id, asked=layout),
        layout=layout,
        on=on,
    ) + layouts.scratch_faults(session, layout, holder_id=lot.holder_id, hidden_codes=hidden_codes)
    if refused or balance is None:
        raise Refused(refused)

    serials = _take_serials(session, quantity)
    balance.issued_g += quantity * pack_weight_g
    lot.labelled_g += quantity * pack_weight_g
    order = LabelOrder(
        number=next_number(session, "DT", at=at),
        holder_id=lot.holder_id,
        certificate_id=lot.certificate_id,
        balance_id=balance.id,
        lot_id=lot.id,
        pack_weight_g=pack_weight_g,
        quantity=quantity,
        serials=serials,
        layout=layout,
        hidden_codes=hidden_codes,
        placed_at=at,
        placed_by=by,
    )
    session.add(order)
    session.flush()
    session.add(
        LabelRange(serials=serials, state=LabelState.ORDERED, since=at, order_id=order.id, keeper_id=lot.holder_id)
    )
    session.add(
        LabelMovement(
            order_id=order.id, serials=serials, move=LabelMove.ISSUE, was=None, becomes=LabelState.ORDERED,
            keeper_id=lot.holder_id, at=at, by=by,
        )
    )  # fmt: skip
    changes: dict[str, tuple[object, object]] = {
        "quantity": (None, quantity), "pack_weight_g": (None, pack_weight_g), "serials": (None, show_range(serials)),
        "issued_g": (balance.issued_g - quantity * pack_weight_g, balance.issued_g), "lot": (None, lot.code),
    }  # fmt: skip
    if hidden_codes:
        changes["hidden_codes"] = (None, hidden_codes)
    if balance.issued_g > balance.eligible_g:
        changes["beyond_g"] = (None, balance.issued_g - balance.eligible_g)
        changes["approved"] = (None, "; ".join(facts.approvals))
    history.record(session, "order:place", order.id, by=by, at=at, changes=changes)
    session.flush()
    return order


def quote(
    session: Session, *, lot_id: UUID, quantity: int, pack_weight_g: int, layout: str, at: datetime, reach: Reach,
    hidden_codes: bool = False,
) -> Quote:  # fmt: skip
    """The same check as `place`, without locks and without issuing anything."""
    lot, on = _lot(session, lot_id, reach), at.astimezone(CITY).date()
    facts = gather(session, [lot], on=on)[lot.id]
    found = gate.reasons(
        facts,
        quantity=quantity,
        pack_weight_g=pack_weight_g,
        layouts=layouts.choices(session, lot.holder_id, asked=layout),
        layout=layout,
        on=on,
    ) + layouts.scratch_faults(session, layout, holder_id=lot.holder_id, hidden_codes=hidden_codes)
    return Quote(
        lot=lot,
        quantity=quantity,
        pack_weight_g=pack_weight_g,
        eligible_g=facts.balance.eligible_g if facts.balance else 0,
        extra_g=facts.balance.extra_g if facts.balance else 0,
        approvals=facts.approvals,
        issued_g=facts.balance.issued_g if facts.balance else 0,
        lot_volume_g=lot.volume_g - lot.moved_g,
        lot_labelled_g=lot.labelled_g,
        fit=facts.fit(pack_weight_g) if pack_weight_g > 0 else 0,
        pack_weights_g=sorted(facts.regulation.pack_weights_g) if facts.regulation else [],
        standing=gate.standing(facts, on=on),
        reasons=found,
    )


def candidates(session: Session, *, at: datetime, reach: Reach) -> Sequence[Candidate]:
    """The lots that labels could be ordered for, those without anything against them first, then the newest."""
    on = at.astimezone(CITY).date()
    statement = (
        _lots_within(reach)
        .where(Lot.state.in_((LotState.DRAFT, LotState.CERTIFIED)), Lot.labelled_g + Lot.moved_g < Lot.volume_g)
        .order_by(Lot.recorded_at.desc(), Lot.id)
        .limit(PAGE)
    )
    lots = session.scalars(statement).all()
    facts = gather(session, lots, on=on)
    found = [
        Candidate(lot, min(facts[lot.id].left_g, facts[lot.id].lot_left_g), gate.standing(facts[lot.id], on=on))
        for lot in lots
    ]
    return sorted(found, key=lambda candidate: bool(candidate.reasons))


def get(session: Session, order_id: UUID, *, reach: Reach) -> LabelOrder:
    """An order with what its page shows; also for the keeper of some of its labels."""
    statement = (
        select(LabelOrder)
        .join(LabelOrder.certificate)
        .where(LabelOrder.id == order_id, within(reach))
        .options(
            contains_eager(LabelOrder.certificate).joinedload(UseCertificate.title),
            joinedload(LabelOrder.holder),
            joinedload(LabelOrder.clerk),
            joinedload(LabelOrder.balance).joinedload(EligibleBalance.season),
            joinedload(LabelOrder.lot).options(joinedload(Lot.product).joinedload(Product.title), joinedload(Lot.area)),
            selectinload(LabelOrder.ranges).options(joinedload(LabelRange.keeper), joinedload(LabelRange.lot)),
        )
    )
    order = session.scalars(statement).one_or_none()
    if order is None:
        raise NotFound
    return order


def find(
    session: Session, *, reach: Reach, state: LabelState | None = None, text: str = "", page: int = 1, size: int = PAGE
) -> tuple[Sequence[LabelOrder], int]:
    """A page of orders, newest first, and how many there are. `text` is part of an order's number, lot or holder."""
    statement = (
        select(LabelOrder)
        .join(LabelOrder.certificate)
        .join(LabelOrder.lot)
        .join(LabelOrder.holder)
        .where(within(reach))
    )
    if state is not None:
        seen = or_(reach.covers(LabelOrder.holder_id, UseCertificate.title_id), LabelRange.keeper_id.in_(reach.holders))
        statement = statement.where(
            exists().where(LabelRange.order_id == LabelOrder.id, LabelRange.state == state, seen)
        )
    if text:
        like = func.fold("%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        statement = statement.where(
            or_(
                func.fold(LabelOrder.number).like(like),
                func.fold(Lot.code).like(like),
                func.fold(Party.name).like(like),
            )
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(
        statement.order_by(LabelOrder.placed_at.desc(), LabelOrder.id)
        .offset((page - 1) * size)
        .limit(size)
        .options(
            contains_eager(LabelOrder.certificate),
            contains_eager(LabelOrder.lot).joinedload(Lot.product),
            contains_eager(LabelOrder.holder),
            selectinload(LabelOrder.ranges),
        )
    ).all()
    return rows, total


def holders(session: Session, *, reach: Reach) -> Sequence[Party]:
    """The parties whose whole orders lie within reach, by name."""
    whole = reach.covers(LabelOrder.holder_id, UseCertificate.title_id)
    theirs = select(LabelOrder.holder_id).join(LabelOrder.certificate).where(whole)
    return session.scalars(select(Party).where(Party.id.in_(theirs)).order_by(Party.name)).all()


def lots_of(session: Session, holder_id: UUID) -> Sequence[Lot]:
    """The lots for which a holder ordered labels, newest first."""
    theirs = select(LabelOrder.lot_id).where(LabelOrder.holder_id == holder_id)
    return session.scalars(select(Lot).where(Lot.id.in_(theirs)).order_by(Lot.recorded_at.desc(), Lot.id)).all()


def within(reach: Reach) -> ColumnElement[bool]:
    """The condition that an order, joined to its certificate, lies within one's reach: as its holder, by its title, or as a keeper."""
    keeps = exists().where(LabelRange.order_id == LabelOrder.id, LabelRange.keeper_id.in_(reach.holders))
    return or_(reach.covers(LabelOrder.holder_id, UseCertificate.title_id), keeps)


def show_range(serials: Range[int]) -> str:
    """Serials as they are printed on the labels: 000.120–000.180, the last one included."""
    first, last = serials.lower or 0, (serials.upper or 0) - 1
    return show_serial(first) if first == last else f"{show_serial(first)}–{show_serial(last)}"


def show_ranges(parts: Iterable[Range[int]]) -> str:
    """Several ranges in a list, as `ranges.parse_many` reads them back."""
    return ", ".join(map(show_range, parts))


def _lots_within(reach: Reach) -> Select[Lot]:
    return (
        select(Lot)
        .join(Lot.product)
        .where(reach.covers(Lot.holder_id, Product.title_id))
        .options(
            contains_eager(Lot.product).joinedload(Product.title),
            joinedload(Lot.holder), joinedload(Lot.certificate), joinedload(Lot.season), joinedload(Lot.area), joinedload(Lot.site),
        )
    )  # fmt: skip


def _lot(session: Session, lot_id: UUID, reach: Reach) -> Lot:
    lot = session.scalars(_lots_within(reach).where(Lot.id == lot_id)).one_or_none()
    if lot is None:
        raise NotFound
    return lot


@lru_cache(maxsize=256)  # putting a statement together takes longer than running it
def _locking(reach: Reach) -> tuple[Select[EligibleBalance], Select[Lot]]:
    """What locks the balance that a lot draws on, and then the lot, if one may reach it."""
    theirs = (Lot.id == bindparam("lot_id"), reach.covers(Lot.holder_id, Product.title_id))
    same = and_(Lot.holder_id == EligibleBalance.holder_id, Lot.season_id == EligibleBalance.season_id)
    return (
        select(EligibleBalance).join(Lot, same).join(Lot.product).where(*theirs)
        .with_for_update(of=EligibleBalance, key_share=True)
        .execution_options(populate_existing=True),
        select(Lot).join(Lot.product).where(*theirs).options(contains_eager(Lot.product))
        .with_for_update(of=Lot, key_share=True)
        .execution_options(populate_existing=True),
    )  # fmt: skip


_HOLDING_STILL = (
    select(UseCertificate, Season)
    .select_from(Lot)
    .join(Lot.certificate)
    .join(Lot.season)
    .where(Lot.id == bindparam("lot_id"))
    .with_for_update(of=(UseCertificate, Season), read=True)
    .execution_options(populate_existing=True)
)


def _take_serials(session: Session, quantity: int) -> Range[int]:
    """The next serials of the one series. The row stays locked until the commit, so none is skipped or given twice."""
    asked = {"taken": quantity}
    end = session.scalar(_TAKING, asked)
    if end is None:  # the very first order, or the series is spent
        session.execute(insert(LabelSeries).values(id=1, next_serial=1).on_conflict_do_nothing())
        end = session.scalar(_TAKING, asked)
    if end is None:
        raise SeriesSpent(left=FIRST_SAMPLE_SERIAL - session.scalars(select(LabelSeries.next_serial)).one())
    return Range(end - quantity, end)


_END = LabelSeries.next_serial + bindparam("taken")
_TAKING = (
    update(LabelSeries)
    .where(LabelSeries.id == 1, _END <= FIRST_SAMPLE_SERIAL)
    .values(next_serial=_END)
    .returning(LabelSeries.next_serial)
    .execution_options(synchronize_session=False)
)
