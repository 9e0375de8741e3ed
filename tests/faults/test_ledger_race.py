"""Everything at once on few balances, with writers killed: the books stay right and nothing acknowledged is lost.

`TEMTHAT_RACE_SECONDS=120 ./test tests/faults/test_ledger_race.py` adds the race of 32 writers over 500 balances on a PostgreSQL of
its own, which is killed in between like the writers. A million operations: `bench/ledger_race.py`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from bench import ledger_race
from bench.ledger_books import examine
from tests import factories
from tests.conftest import MASTER, NOW
from trace import clock
from trace.errors import Conflict, Refused
from trace.models.labels import LabelMove, LabelRange, LabelState
from trace.models.lots import Lot, LotState
from trace.models.parties import AppUser
from trace.services import gate, ledger, lots, ordering, reconciling
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy import Engine

pytestmark = pytest.mark.committed

SECONDS = 5.0
LONG_S = float(os.environ.get("TEMTHAT_RACE_SECONDS", "0"))


def test_killed_writers_leave_the_books_right(committed: Engine, tmp_path: Path) -> None:
    url = committed.url.render_as_string(hide_password=False)
    ledger_race.prepare(url, 30)
    found = ledger_race.race(url, tmp_path, seconds=SECONDS, processes=2, kill_every=SECONDS * 0.6)
    assert found.wrong == []
    assert found.kills >= 1
    assert found.counts["cut_off"] == 0
    assert found.acknowledged, "nothing was acknowledged, so nothing was proved"


@pytest.mark.skipif(not LONG_S, reason="takes minutes: TEMTHAT_RACE_SECONDS says how many seconds")
def test_a_postgresql_killed_again_and_again_loses_nothing_acknowledged(tmp_path: Path) -> None:
    found = ledger_race.measure(tmp_path, seconds=LONG_S, kill_every=LONG_S / 12, postgres_each=3)
    print(found)
    assert found.wrong == []
    assert found.kills >= 6
    assert found.acknowledged > LONG_S


def test_the_examination_sees_what_is_wrong(committed: Engine, tmp_path: Path) -> None:
    """An oracle that never objects proves nothing."""
    url = committed.url.render_as_string(hide_password=False)
    ledger_race.prepare(url, 2)
    with Session(committed) as session:
        lot = session.scalars(select(Lot).where(Lot.code == "R0")).one()
        clerk = session.scalars(select(AppUser).where(AppUser.login == "thu.kho")).one()
        order = ordering.place(
            session, lot_id=lot.id, quantity=10, pack_weight_g=500, layout="a4-24", by=clerk.id, at=clock.now(),
            reach=Reach(holders=frozenset({lot.holder_id})),
        )  # fmt: skip
        session.commit()
        assert examine(session, tmp_path) == []
        (tmp_path / "diary0.0").write_text(
            f"order {factories.some_id()} 1 9\nvoid {order.id} 1 5\norder {order.id} 1 11\n"
        )
        session.execute(text("UPDATE eligible_balance SET issued_g = 4000 WHERE issued_g > 0"))
        session.execute(text("UPDATE lot SET labelled_g = 0"))
        session.execute(text("UPDATE label_range SET serials = '[1,10)'"))
        session.commit()
        wrong = " ".join(examine(session, tmp_path))
    for said in ("a balance does not weigh", "a lot does not weigh", "exactly once", "ledger and ranges differ in 1", "is not there",
                 "void of 1–5", "has serials of another"):  # fmt: skip
        assert said in wrong, said


def test_a_recall_and_an_activation_at_once_leave_no_label_valid(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        own = Reach(holders=frozenset({world.cooperative.id}))
        clerk, manager, lot_id = world.clerk.id, world.manager.id, world.lot.id
        orders = []
        for _ in range(6):
            order = ordering.place(
                session, lot_id=lot_id, quantity=10, pack_weight_g=500, layout="a4-24", by=clerk, at=NOW, reach=own
            )
            factories.tested(session, order, NOW)
            for move in (LabelMove.PRINT, LabelMove.RECEIVE):
                ledger.apply(session, order.id, order.serials, move, by=clerk, at=NOW, reach=own, counted=10)
            orders.append((order.id, order.serials))
        session.commit()
    together = Barrier(7)

    def activate(which: int) -> type[Exception] | None:
        together.wait(timeout=30)
        with Session(committed) as session:
            try:
                ledger.apply(session, *orders[which], LabelMove.ACTIVATE, by=clerk, at=NOW, reach=own)
            except Refused as refused:
                return type(refused.reasons[0])
            session.commit()
            return None

    def recall() -> None:
        together.wait(timeout=30)
        for _ in range(10):
            with Session(committed) as session:
                try:
                    lots.recall(session, lot_id, reason="Dư lượng", by=manager, at=NOW, reach=Reach(everything=True))
                except Conflict:
                    continue
                session.commit()
                return

    with ThreadPoolExecutor(7) as pool:
        recalling = pool.submit(recall)
        outcomes = set(pool.map(activate, range(6), timeout=60))
        recalling.result(timeout=60)
    assert outcomes <= {None, gate.LotRecalled}
    with Session(committed) as session:
        assert session.get_one(Lot, lot_id).state is LotState.RECALLED
        assert set(session.scalars(select(LabelRange.state))) <= {LabelState.RECALLED, LabelState.RECEIVED}
        assert reconciling.find_gaps(session, NOW) == 0


def test_two_people_on_one_range_at_once_do_it_once(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        own, clerk = Reach(holders=frozenset({world.cooperative.id})), world.clerk.id
        order = ordering.place(
            session, lot_id=world.lot.id, quantity=100, pack_weight_g=500, layout="a4-24", by=clerk, at=NOW, reach=own
        )
        order_id = order.id
        session.commit()
    together = Barrier(2)

    def void(part: Range[int]) -> str:
        together.wait(timeout=30)
        with Session(committed) as session:
            try:
                ledger.apply(session, order_id, part, LabelMove.VOID, by=clerk, at=NOW, reach=own, reason="Ướt")
            except Refused as refused:
                return type(refused.reasons[0]).__name__
            session.commit()
            return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(void, [Range(1, 61), Range(41, 101)], timeout=60)) == ["NotInState", "done"]
    with Session(committed) as session:
        assert session.scalar(text("SELECT sum(issued_g) FROM eligible_balance")) == 20_000
        assert reconciling.find_gaps(session, NOW) == 0
