"""Who keeps some labels of another's order sees those, their moves and their account; the whole is for holder, title and city."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace import clock
from trace.errors import NotFound
from trace.models.labels import LabelHandover, LabelMove, LabelOrder
from trace.models.parties import Role
from trace.services import handovers, keeping, ledger, minutes, ordering
from trace.services.reach import Reach

Enter = Callable[[Any], FlaskClient]


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def theirs(world: World) -> Reach:
    return Reach(holders=frozenset({world.packing_house.id}))


def hand(session: Session, world: World, order: LabelOrder, first: int, last: int) -> LabelHandover:
    made = handovers.offer(
        session, order.id, Range(first, last + 1), taker_id=world.packing_house.id, by=world.clerk.id, at=NOW, on=NOW.date(),
        reach=own(world),
    )  # fmt: skip
    return handovers.take(session, made.id, by=world.packer.id, at=NOW, reach=theirs(world))


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    """A hundred labels, of which the packing house got 11–30, used 11–15 and spoiled 16–17; the cooperative lost 91–100."""
    at: dict[str, Any] = {"at": NOW}
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=100, pack_weight_g=2000, layout="a4-24", by=world.clerk.id, reach=own(world), **at
    )  # fmt: skip
    factories.tested(session, placed, NOW)
    clerk: dict[str, Any] = {"by": world.clerk.id, "reach": own(world)} | at
    packer: dict[str, Any] = {"by": world.packer.id, "reach": theirs(world)} | at
    ledger.apply(session, placed.id, placed.serials, LabelMove.PRINT, **clerk)
    ledger.apply(session, placed.id, placed.serials, LabelMove.RECEIVE, counted=100, **clerk)
    ledger.apply(session, placed.id, Range(91, 101), LabelMove.LOSE, reason="Cuộn rơi trên đường", **clerk)
    hand(session, world, placed, 11, 30)
    ledger.apply(session, placed.id, Range(11, 16), LabelMove.ACTIVATE, **packer)
    ledger.apply(session, placed.id, Range(11, 16), LabelMove.USE, **packer)
    ledger.apply(session, placed.id, Range(16, 18), LabelMove.SPOIL, reason="Rách khi dán", **packer)
    session.commit()
    return placed


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_the_account_of_a_keeper_adds_up_by_itself(session: Session, world: World, order: LabelOrder) -> None:
    found = keeping.of_order(session, order.id, keepers=theirs(world).holders, end=NOW)
    assert (found.opening, found.came, found.closing, found.difference) == (0, 20, 13, 0)
    gone = {move.value: count for move, count in found.left.items() if count}
    assert gone == {"use": 5, "spoil": 2}
    back = handovers.offer(
        session, order.id, Range(25, 31), taker_id=world.cooperative.id, by=world.packer.id, at=NOW, on=NOW.date(),
        reach=theirs(world),
    )  # fmt: skip
    handovers.take(session, back.id, by=world.clerk.id, at=NOW, reach=own(world))
    found = keeping.of_keeper(session, world.packing_house.id, end=NOW)
    assert (found.came, found.left[LabelMove.HAND_OVER], found.closing, found.difference) == (20, 6, 7, 0)
    one_roll = keeping.of_keeper(session, world.packing_house.id, end=NOW, roll=Range(11, 21), lot_id=world.lot.id)
    assert (one_roll.came, one_roll.closing, one_roll.difference) == (10, 3, 0)


@pytest.mark.parametrize(
    ("who", "everything"),
    [
        ("clerk", True),
        ("manager", True),
        ("controller", True),
        ("inspector", True),
        ("auditor", True),
        ("packer", False),
    ],
)
def test_each_role_sees_what_is_theirs(
    world: World, order: LabelOrder, sign_in: Enter, who: str, *, everything: bool
) -> None:
    client = sign_in(world.people[who])
    page = text(client.get(f"/tem/don/{order.id}"))
    for secret in ("000.091–000.100", "Cuộn rơi trên đường", "000.001–000.010", "000.001–000.100", "804 kg"):
        assert (secret in page) is everything, secret
    for own_fact in ("000.011–000.015", "000.016–000.017", "000.018–000.030", "Rách khi dán"):
        assert own_fact in page, own_fact
    listed = text(client.get("/tem/don")).split(order.number)[1].split("</tr>")[0]
    assert (">100<" in listed) is everything
    assert (">20<" in listed) is not everything
    assert (client.get("/tem/don?state=lost").get_data(as_text=True).count(order.number) > 0) is everything


def test_another_cooperative_that_took_labels_sees_only_those(
    session: Session, world: World, order: LabelOrder, sign_in: Enter
) -> None:
    assert sign_in(world.other_clerk).get(f"/tem/don/{order.id}").status_code == 404
    made = handovers.offer(
        session, order.id, Range(31, 36), taker_id=world.other_cooperative.id, by=world.clerk.id, at=NOW, on=NOW.date(),
        reach=own(world),
    )  # fmt: skip
    reach = Reach(holders=frozenset({world.other_cooperative.id}))
    handovers.take(session, made.id, by=world.other_clerk.id, at=NOW, reach=reach)
    session.commit()
    page = text(sign_in(world.other_clerk).get(f"/tem/don/{order.id}"))
    assert "000.031–000.035" in page
    assert "000.018–000.030" not in page
    assert "Rách khi dán" not in page


def test_a_packer_reconciles_what_it_keeps_and_not_the_cooperative(
    world: World, order: LabelOrder, sign_in: Enter
) -> None:
    packer = sign_in(world.packer)
    page = text(packer.get("/tem/doi-soat"))
    assert world.packing_house.name in page.split("<main")[1]
    assert world.cooperative.name not in page.split("<main")[1]
    assert "<td data-num>20</td>" in page
    assert "<td data-num>13</td>" in page
    assert ">100<" not in page
    stolen = text(packer.get(f"/tem/doi-soat?holder={world.cooperative.id}"))
    assert ">100<" not in stolen
    assert "<td data-num>" not in stolen
    both = text(sign_in(world.clerk).get("/tem/doi-soat"))
    assert "<td data-num>100</td>" in both


def test_minutes_of_destruction_are_of_whoever_spoiled(session: Session, world: World, order: LabelOrder) -> None:
    drawn = minutes._destroyed(session, order.id, at=NOW, reach=theirs(world))
    assert (drawn[0].name, [ordering.show_range(move.serials) for move in drawn[1]]) == (
        world.packing_house.name, ["000.016–000.017"],
    )  # fmt: skip
    with pytest.raises(NotFound):
        minutes.of_destruction(session, order.id, at=NOW, reach=Reach(holders=frozenset({world.other_cooperative.id})))


def test_one_person_of_both_sides_sees_the_whole(
    session: Session, world: World, order: LabelOrder, sign_in: Enter
) -> None:
    factories.role(session, world.clerk, world.packing_house, Role.PACKER, NOW)
    session.commit()
    page = text(sign_in(world.clerk).get(f"/tem/don/{order.id}"))
    assert "000.091–000.100" in page
    assert "000.018–000.030" in page
    assert session.scalars(select(LabelOrder)).one().id == order.id
