"""The facts about lots: gathered at once, however many lots there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import factories
from tests.conftest import NOW
from trace.models.labels import LabelMove, LabelOrder
from trace.services import facts, ledger, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tests.factories import World
    from trace.models.lots import Lot

ON = NOW.date()


def sent_by(statements: list[str], deed: Callable[[], object]) -> int:
    """How many statements a deed sends."""
    statements.clear()
    deed()
    return len(statements)


def lot(session: Session, world: World, code: str) -> Lot:
    return factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code=code, volume_g=1_000_000
    )


def test_many_lots_cost_no_more_statements_than_one(session: Session, statements: list[str], world: World) -> None:
    more = [lot(session, world, f"M{number}") for number in range(5)]
    session.flush()
    assert {each.product for each in (world.lot, *more)} == {world.product}, "a lot is asked about with its product"
    one = sent_by(statements, lambda: facts.gather(session, [world.lot], on=ON))
    assert sent_by(statements, lambda: facts.gather(session, [world.lot, *more], on=ON)) == one == 2
    assert sent_by(statements, lambda: facts.gather(session, [world.lot], on=ON, balances=[world.balance])) == 1


def test_each_lot_has_the_facts_of_its_own(session: Session, world: World) -> None:
    factories.nonconformity(session, world.title, world.other_cooperative, NOW, area_id=world.area.id)
    uncovered = lot(session, world, "M1")
    uncovered.area_id, uncovered.area = world.other_area.id, world.other_area
    session.flush()
    found = facts.gather(session, [world.lot, uncovered], on=ON)
    assert (found[world.lot.id].covered, found[uncovered.id].covered) == (True, False)
    assert [len(found[each.id].nonconformities) for each in (world.lot, uncovered)] == [1, 0]
    assert found[world.lot.id].balance is found[uncovered.id].balance is world.balance


def test_an_order_and_a_move_stay_cheap(session: Session, statements: list[str], world: World) -> None:
    """Each statement more is a wait more under the locks of the volumes and of the series that all orders share."""
    own, made = Reach(holders=frozenset({world.cooperative.id})), list[LabelOrder]()

    def place() -> None:
        made.append(
            ordering.place(
                session, lot_id=world.lot.id, quantity=10, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW, reach=own
            )
        )  # fmt: skip

    place()  # the first order of all also begins the series
    session.flush()
    assert sent_by(statements, place) <= 13

    def move() -> None:
        ledger.apply(session, made[0].id, made[0].serials, LabelMove.PRINT, by=world.clerk.id, at=NOW, reach=own)

    assert sent_by(statements, move) <= 7
