"""The gate under load: many at once on the same volume never issue one label too many, nor a serial twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from trace.errors import Refused
from trace.models.labels import LabelMove, LabelOrder, LabelRange, LabelSeries, LabelState
from trace.models.lots import EligibleBalance, Lot
from trace.services import gate, ledger, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy import Engine

pytestmark = pytest.mark.committed

THREADS = 16


def test_sixteen_at_once_issue_exactly_what_is_eligible(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        world.balance.eligible_g = 400_000  # 200 labels for packs of 2 kg
        session.commit()
        lot_id, clerk_id, reach = world.lot.id, world.clerk.id, Reach(holders=frozenset({world.cooperative.id}))
    together = Barrier(THREADS)

    refusals = list[type[Exception]]()

    def order_until_refused(_worker: int) -> list[range]:
        together.wait(timeout=30)
        mine = []
        while True:
            with Session(committed) as session:
                try:
                    placed = ordering.place(
                        session, lot_id=lot_id, quantity=4, pack_weight_g=2000, layout="a4-24", by=clerk_id, at=NOW, reach=reach
                    )  # fmt: skip
                except Refused as refused:
                    refusals.extend(type(reason) for reason in refused.reasons)
                    return mine
                mine.append(range(placed.serials.lower or 0, placed.serials.upper or 0))
                session.commit()

    with ThreadPoolExecutor(THREADS) as pool:
        acknowledged = [given for some in pool.map(order_until_refused, range(THREADS), timeout=90) for given in some]

    assert refusals == [gate.OverEligibleVolume] * THREADS
    assert sorted(serial for given in acknowledged for serial in given) == list(range(1, 201))
    with Session(committed) as session:
        assert session.scalar(select(func.sum(LabelOrder.quantity))) == 200
        assert session.scalars(select(EligibleBalance.issued_g).where(EligibleBalance.issued_g > 0)).all() == [400_000]
        assert session.get_one(Lot, lot_id).labelled_g == 400_000
        assert session.get_one(LabelSeries, 1).next_serial == 201
        assert session.scalar(select(func.count()).select_from(LabelRange)) == 50


def test_orders_and_voids_at_once_neither_block_each_other_for_ever_nor_lose_weight(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        lot_id, clerk_id, reach = world.lot.id, world.clerk.id, Reach(holders=frozenset({world.cooperative.id}))
    together = Barrier(8)

    def order_and_void(worker: int) -> None:
        together.wait(timeout=30)
        for _ in range(6):
            with Session(committed) as session:
                placed = ordering.place(
                    session, lot_id=lot_id, quantity=5, pack_weight_g=1000, layout="a4-24", by=clerk_id, at=NOW, reach=reach
                )  # fmt: skip
                session.commit()
                if worker % 2:
                    ledger.apply(
                        session,
                        placed.id,
                        placed.serials,
                        LabelMove.VOID,
                        by=clerk_id,
                        at=NOW,
                        reach=reach,
                        reason="In hỏng",
                    )
                    session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(order_and_void, range(8), timeout=90))
    with Session(committed) as session:
        live = session.scalars(select(LabelRange.serials).where(LabelRange.state == LabelState.ORDERED)).all()
        assert sum((row.upper or 0) - (row.lower or 0) for row in live) == 4 * 6 * 5
        assert session.get_one(Lot, lot_id).labelled_g == 4 * 6 * 5 * 1000
        assert session.scalar(select(func.sum(EligibleBalance.issued_g))) == 4 * 6 * 5 * 1000


def test_one_labels_moves_at_once_happen_once(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        clerk_id, reach = world.clerk.id, Reach(holders=frozenset({world.cooperative.id}))
        placed = ordering.place(
            session,
            lot_id=world.lot.id,
            quantity=10,
            pack_weight_g=1000,
            layout="a4-24",
            by=clerk_id,
            at=NOW,
            reach=reach,
        )
        session.commit()
        order_id, serials = placed.id, placed.serials
    together = Barrier(8)

    refusals = list[type[Exception]]()

    def void(_worker: int) -> bool:
        together.wait(timeout=30)
        with Session(committed) as session:
            try:
                ledger.apply(
                    session, order_id, serials, LabelMove.VOID, by=clerk_id, at=NOW, reach=reach, reason="In hỏng"
                )
            except Refused as refused:
                refusals.extend(type(reason) for reason in refused.reasons)
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(void, range(8), timeout=60)) == 1
    assert refusals == [ledger.NotInState] * 7
    with Session(committed) as session:
        assert session.scalar(select(func.sum(EligibleBalance.issued_g))) == 0
