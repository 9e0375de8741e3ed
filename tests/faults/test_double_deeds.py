"""One lot merged twice and one file taken over twice at the same moment: one deed stands, the other is told what happened."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from tests.geofiles import geojson
from tests.services import test_area_imports as plots
from tests.services.tables import asker, member, send, xlsx
from trace.errors import Refused, TemThatError
from trace.models.areas import GrowingArea
from trace.models.lots import Lot, LotState
from trace.models.members import Membership, TableKind
from trace.services import area_import_faults, area_import_taking, lot_changes, table_faults, table_imports
from trace.services.area_import_taking import Which
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.committed
ALL = Reach(everything=True)


@pytest.fixture
def city(committed: Any) -> Any:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        session.commit()
    return world


def at_once(engine: Any, *deeds: Callable[[Session], Any]) -> list[type | None]:
    """What each was told, None where the deed stands; in no order. Each has a connection of its own and begins at the same moment."""
    together, told = threading.Barrier(len(deeds)), list[type | None]()

    def run(deed: Callable[[Session], Any]) -> None:
        with Session(engine) as session:
            together.wait(timeout=30)
            try:
                deed(session)
                session.commit()
                told.append(None)
            except Refused as refused:
                told.extend(type(reason) for reason in refused.reasons)
            except TemThatError as refusal:
                told.append(type(refusal))

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return told


def test_a_lot_that_two_merge_at_once_goes_into_one_lot(committed: Any, city: Any) -> None:
    with Session(committed, expire_on_commit=False) as session:
        one, two = (
            factories.lot(
                session, session.merge(city.certificate), session.merge(city.product), session.merge(city.season),
                session.merge(city.area), NOW, code=code, volume_g=10_000,
            )
            for code in ("L-1", "L-2")
        )  # fmt: skip
        session.commit()

    def merge(other: Lot, code: str) -> Callable[[Session], Any]:
        return lambda session: lot_changes.merge(
            session, [city.lot.id, other.id], code=code, by=city.clerk.id, at=NOW, reach=ALL
        )

    told = at_once(committed, merge(one, "G-1"), merge(two, "G-2"))
    assert told.count(None) == 1
    assert lot_changes.NothingLeft in told or lot_changes.NotMovable in told
    with Session(committed) as session:
        made = session.scalars(select(Lot).where(Lot.code.like("G-%"))).one()
        shared, free = session.get_one(Lot, city.lot.id), session.get_one(Lot, (two if made.code == "G-1" else one).id)
        assert made.volume_g == shared.moved_g + 10_000
        assert (shared.state, free.state, free.moved_g) == (LotState.CLOSED, LotState.CERTIFIED, 0)


def test_a_table_that_two_take_over_at_once_makes_each_member_once(committed: Any, city: Any, tmp_path: Any) -> None:
    who = asker(city.clerk, city.cooperative)
    rows = xlsx([member(code="TV-1", name="Phạm Thị Một"), member(code="TV-2", name="Phạm Thị Hai")])
    with Session(committed, expire_on_commit=False) as session:
        made, _ = send(session, tmp_path, rows, city, who=who)
        again, _ = send(session, tmp_path, rows, city, who=who)
        session.commit()

    def take(import_id: Any) -> Callable[[Session], Any]:
        return lambda session: table_imports.take(
            session, tmp_path, import_id, only_good=False, seen_good=2, reaches={TableKind.MEMBERS: who}
        )

    told = at_once(committed, take(made.id), take(made.id))
    assert sorted(map(str, told)) == sorted(map(str, [None, table_faults.ImportOver]))
    # The same file sent a second time finds the members there: it may not make them again.
    late = at_once(committed, take(again.id), take(again.id))
    assert None not in late
    with Session(committed) as session:
        assert session.scalar(select(func.count(Membership.id))) == 2


def test_a_file_sent_twice_and_taken_over_at_once_makes_each_member_once(
    committed: Any, city: Any, tmp_path: Any
) -> None:
    who = asker(city.clerk, city.cooperative)
    rows = xlsx([member(code="TV-1", name="Phạm Thị Một"), member(code="TV-2", name="Phạm Thị Hai")])
    with Session(committed, expire_on_commit=False) as session:
        sent = [send(session, tmp_path, rows, city, who=who)[0].id for _ in range(2)]
        session.commit()

    def take(import_id: Any) -> Callable[[Session], Any]:
        return lambda session: table_imports.take(
            session, tmp_path, import_id, only_good=False, seen_good=2, reaches={TableKind.MEMBERS: who}
        )

    told = at_once(committed, *(take(import_id) for import_id in sent))
    assert sorted(map(str, told)) == sorted(map(str, [None, table_faults.ChangedSinceShown]))
    with Session(committed) as session:
        assert session.scalar(select(func.count(Membership.id))) == 2


def test_a_file_of_areas_that_two_take_over_at_once_makes_each_area_once(
    committed: Any, city: Any, tmp_path: Any
) -> None:
    with Session(committed, expire_on_commit=False) as session:
        before = session.scalar(select(func.count(GrowingArea.id))) or 0
        made = plots.start(session, city, tmp_path, geojson(plots.field(1), plots.field(2)))
        session.commit()

    def take(session: Session) -> None:
        area_import_taking.take(session, made.id, Which.ALL, who=plots.asker(city))

    told = at_once(committed, take, take)
    assert sorted(map(str, told)) == sorted(map(str, [None, area_import_faults.ImportFinished]))
    with Session(committed) as session:
        assert session.scalar(select(func.count(GrowingArea.id))) == before + 2
