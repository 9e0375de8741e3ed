"""Accounts per lot, roll and period on any past day; a gap becomes one nonconformity by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace.models.controls import Nonconformity
from trace.models.history import History
from trace.models.labels import LabelGap, LabelMove, LabelOrder, LabelRange, LabelState
from trace.services import gate, ledger, ordering, reconciling
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DAY = timedelta(days=1)


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def place(session: Session, world: World, lot_id: Any, quantity: int = 100) -> LabelOrder:
    placed = ordering.place(
        session, lot_id=lot_id, quantity=quantity, pack_weight_g=1000, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip
    factories.tested(session, placed, NOW)
    return placed


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    return place(session, world, world.lot.id)


def do(session: Session, world: World, order: LabelOrder, move: str, first: int, last: int, day: int = 0) -> None:
    ledger.apply(
        session, order.id, Range(first, last + 1), LabelMove(move), by=world.clerk.id, at=NOW + day * DAY, reach=own(world), reason="Ướt",
        counted=last - first + 1,
    )  # fmt: skip


def test_a_roll_and_a_lot_are_accounted_for_by_themselves(session: Session, world: World, order: LabelOrder) -> None:
    other_lot = factories.lot(session, world.certificate, world.product, world.season, world.area, NOW, code="L-2")
    other = place(session, world, other_lot.id, 50)
    do(session, world, order, "print", 1, 100, 1)
    do(session, world, order, "receive", 1, 100, 2)
    do(session, world, order, "spoil", 41, 60, 3)
    do(session, world, order, "activate", 61, 100, 3)
    do(session, world, order, "use", 61, 70, 4)
    whole: dict[str, Any] = {"end": NOW + 9 * DAY}
    roll = reconciling.of_holder(session, world.cooperative.id, roll=Range(51, 66), **whole)
    assert (roll.in_hand.came, roll.in_hand.left[LabelMove.SPOIL], roll.in_hand.left[LabelMove.USE]) == (15, 10, 5)
    assert (roll.in_hand.closing, roll.in_hand.found, roll.adds_up) == (0, 0, True)
    per_lot = reconciling.of_holder(session, world.cooperative.id, lot_id=other_lot.id, **whole)
    assert (per_lot.on_the_way.came, per_lot.on_the_way.closing, per_lot.in_hand.came) == (50, 50, 0)
    everything = reconciling.of_holder(session, world.cooperative.id, **whole)
    assert (everything.on_the_way.came, everything.adds_up) == (150, True)
    assert reconciling.of_holder(session, world.cooperative.id, roll=Range(9_000, 9_001), **whole).in_hand.found == 0
    assert other.serials == Range(101, 151)


@pytest.mark.parametrize(
    ("day", "on_the_way", "in_hand"), [(-1, 0, 0), (0, 100, 0), (1, 100, 0), (2, 0, 100), (3, 0, 80), (4, 0, 70)]
)
def test_any_past_day_can_be_asked(
    session: Session, world: World, order: LabelOrder, day: int, on_the_way: int, in_hand: int
) -> None:
    for at, (move, first, last) in enumerate(
        [("print", 1, 100), ("receive", 1, 100), ("spoil", 41, 60), ("void", 61, 70)], start=1
    ):
        do(session, world, order, move, first, last, at)
    found = reconciling.of_holder(session, world.cooperative.id, end=NOW + day * DAY)
    assert (found.on_the_way.closing, found.in_hand.closing, found.adds_up) == (on_the_way, in_hand, True)
    part = reconciling.of_holder(session, world.cooperative.id, end=NOW + day * DAY, roll=Range(41, 71))
    assert part.adds_up
    assert part.in_hand.closing == {2: 30, 3: 10, 4: 0}.get(day, 0)


def test_a_gap_opens_exactly_one_nonconformity_by_itself(session: Session, world: World, order: LabelOrder) -> None:
    clean = place(session, world, world.lot.id, 10)
    do(session, world, order, "print", 1, 100)
    do(session, world, order, "receive", 1, 60)
    assert reconciling.find_gaps(session, NOW) == 0
    # The same number in each state, yet other labels: sums would not show it.
    rows = session.scalars(select(LabelRange).where(LabelRange.order_id == order.id).order_by(LabelRange.serials)).all()
    session.execute(update(LabelRange).where(LabelRange.id == rows[1].id).values(state=LabelState.VOIDED))
    assert [reconciling.find_gaps(session, NOW + hour * timedelta(hours=1)) for hour in range(3)] == [1, 0, 0]
    (found,) = session.scalars(select(Nonconformity)).all()
    assert (found.blocking, found.holder_id, found.recorded_by) == (True, world.cooperative.id, None)
    assert order.number in found.description
    assert "[61,101)" in found.description
    assert clean.number not in found.description
    assert session.scalars(select(History.deed).where(History.subject_id == found.id)).all() == ["nonconformity:record"]
    quote = ordering.quote(
        session, lot_id=world.lot.id, quantity=1, pack_weight_g=1000, layout="a4-24", at=NOW, reach=own(world)
    )
    assert [type(reason) for reason in quote.reasons] == [gate.BlockingNonconformity]


def test_labels_swapped_between_states_are_seen_though_the_sums_agree(
    session: Session, world: World, order: LabelOrder
) -> None:
    do(session, world, order, "print", 1, 50)
    first, second = session.scalars(
        select(LabelRange).where(LabelRange.order_id == order.id).order_by(LabelRange.serials)
    ).all()
    first.state, second.state = second.state, first.state
    session.flush()
    assert reconciling.of_order(session, order.id, end=NOW).adds_up
    assert reconciling.find_gaps(session, NOW) == 1


def test_a_gap_explained_and_closed_stays_closed_and_a_new_one_opens(
    session: Session, world: World, order: LabelOrder
) -> None:
    row = session.scalars(select(LabelRange).where(LabelRange.order_id == order.id)).one()
    row.state = LabelState.VOIDED
    session.flush()
    assert reconciling.find_gaps(session, NOW) == 1
    found = session.scalars(select(Nonconformity)).one()
    found.closed_at, found.closed_by = NOW, world.manager.id
    session.flush()
    assert reconciling.find_gaps(session, NOW) == 0
    row.state = LabelState.SPOILED
    session.flush()
    assert reconciling.find_gaps(session, NOW) == 1
    assert factories.count(session, LabelGap, LabelGap.order_id == order.id) == 2
