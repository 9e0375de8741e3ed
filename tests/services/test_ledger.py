"""What may happen to labels after their issue, who may do it, and that every label stays accounted for."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError

from labels import code
from labels.keys import Keyring
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace.errors import Forbidden, NotFound, Refused, TemThatError
from trace.models.certificates import CertificateStatus
from trace.models.controls import Nonconformity
from trace.models.history import History
from trace.models.labels import HandoverState, LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState
from trace.models.lots import LotState
from trace.services import gate, handovers, ledger, lookback, ordering, ranges, reconciling
from trace.services.reach import Reach

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

TODAY = NOW.date()
RING = Keyring(((1, 1, SECRET),))


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def packers(world: World) -> Reach:
    return Reach(holders=frozenset({world.packing_house.id}))


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=100, pack_weight_g=2000, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip
    factories.tested(session, placed, NOW)
    return placed


def do(session: Session, world: World, order: LabelOrder, move: LabelMove, *span: int, **facts: Any) -> Any:
    first, last = span or (1, 100)
    step = ledger.MOVES[move]
    usual: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": own(world)}
    if step.reason:
        usual["reason"] = "Tem ướt mưa"
    if step.count:
        usual["counted"] = last - first + 1
    return ledger.apply(session, order.id, Range(first, last + 1), move, **(usual | facts))


def states(session: Session, order: LabelOrder) -> list[tuple[int, int, str]]:
    session.expire_all()
    return [(row.serials.lower, row.serials.upper - 1, row.state.value) for row in order.ranges]


def refusals(refused: pytest.ExceptionInfo[Refused]) -> list[type[TemThatError]]:
    return [type(reason) for reason in refused.value.reasons]


def bring_to(session: Session, world: World, order: LabelOrder, state: LabelState) -> None:
    """Walk labels to a state by real moves."""
    way = {
        LabelState.ORDERED: [], LabelState.PRINTED: ["print"], LabelState.RECEIVED: ["print", "receive"],
        LabelState.HANDED_OVER: ["print", "receive", "hand_over"], LabelState.ACTIVATED: ["print", "receive", "activate"],
        LabelState.USED: ["print", "receive", "activate", "use"], LabelState.SPOILED: ["print", "spoil"],
        LabelState.LOST: ["print", "lose"], LabelState.RETURNED: ["print", "receive", "return"], LabelState.VOIDED: ["void"],
        LabelState.RECALLED: ["print", "receive", "activate", "recall"],
    }  # fmt: skip
    for move in map(LabelMove, way[state]):
        if move is LabelMove.HAND_OVER:
            hand_over(session, world, order)
        else:
            do(session, world, order, move)


def hand_over(session: Session, world: World, order: LabelOrder, *span: int, at: datetime = NOW) -> UUID:
    first, last = span or (1, 100)
    offered = handovers.offer(
        session, order.id, Range(first, last + 1), taker_id=world.packing_house.id, by=world.clerk.id, at=at, on=TODAY, reach=own(world)
    )  # fmt: skip
    handovers.take(session, offered.id, by=world.packer.id, at=at, reach=packers(world))
    return offered.id


ALLOWED = {
    "print": "ordered", "receive": "printed", "activate": "received handed_over", "use": "activated",
    "spoil": "printed received handed_over activated", "lose": "printed received handed_over activated",
    "return": "received handed_over activated", "void": "ordered printed received handed_over activated",
    "recall": "activated used", "hand_over": "received handed_over",
}  # fmt: skip


@pytest.mark.parametrize("state", LabelState)
@pytest.mark.parametrize("move", [move for move in LabelMove if move is not LabelMove.ISSUE])
def test_every_move_from_every_state(
    session: Session, world: World, order: LabelOrder, state: LabelState, move: LabelMove
) -> None:
    bring_to(session, world, order, state)
    mine = Reach(holders=frozenset({world.cooperative.id, world.packing_house.id}))
    allowed = state.value in ALLOWED[move.value].split()

    def act() -> None:
        if move is LabelMove.HAND_OVER:
            handovers.offer(
                session,
                order.id,
                order.serials,
                taker_id=world.other_cooperative.id,
                by=world.clerk.id,
                at=NOW,
                on=TODAY,
                reach=mine,
            )
        else:
            do(session, world, order, move, reach=mine)

    if allowed:
        act()
        if move is not LabelMove.HAND_OVER:
            assert states(session, order) == [(1, 100, ledger.MOVES[move].end.value)]
    else:
        with pytest.raises(Refused) as refused:
            act()
        assert refusals(refused) == [ledger.NotInState]
        (reason,) = refused.value.reasons
        assert (reason.facts["state"], reason.facts["serials"]) == (state, "000.001–000.100")


def test_part_of_a_range_splits_it_and_what_becomes_alike_joins_again(
    session: Session, world: World, order: LabelOrder
) -> None:
    do(session, world, order, LabelMove.PRINT)
    do(session, world, order, LabelMove.RECEIVE, 1, 40)
    do(session, world, order, LabelMove.SPOIL, 11, 20)
    assert states(session, order) == [
        (1, 10, "received"),
        (11, 20, "spoiled"),
        (21, 40, "received"),
        (41, 100, "printed"),
    ]
    do(session, world, order, LabelMove.RECEIVE, 41, 100)
    do(session, world, order, LabelMove.ACTIVATE, 21, 100)
    assert states(session, order) == [(1, 10, "received"), (11, 20, "spoiled"), (21, 100, "activated")]
    assert sum(ranges.size(row.serials) for row in order.ranges) == 100


def test_the_refusal_says_which_part_is_in_which_state(session: Session, world: World, order: LabelOrder) -> None:
    do(session, world, order, LabelMove.PRINT, 1, 60)
    do(session, world, order, LabelMove.SPOIL, 51, 60)
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.RECEIVE, 41, 105, counted=3)
    assert [(type(r).__name__, r.facts["serials"], r.facts.get("state")) for r in refused.value.reasons] == [
        ("CountDiffers", "000.041–000.105", None),
        ("OutsideOrder", "000.041–000.105", None),
        ("NotInState", "000.051–000.060", LabelState.SPOILED),
        ("NotInState", "000.061–000.100", LabelState.ORDERED),
    ]


@pytest.mark.parametrize(("move", "back"), [("void", 20_000), ("spoil", 20_000), ("return", 20_000), ("lose", 0)])
def test_only_what_can_be_on_no_goods_is_given_back(
    session: Session, world: World, order: LabelOrder, move: str, back: int
) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    do(session, world, order, LabelMove(move), 91, 100)
    assert (world.balance.issued_g, world.lot.labelled_g) == (200_000 - back, 200_000 - back)


def test_a_move_of_loss_needs_a_reason(session: Session, world: World, order: LabelOrder) -> None:
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.VOID, reason="   ")
    assert refusals(refused) == [ledger.ReasonMissing]


def test_activation_on_another_lot_moves_the_volume_there(session: Session, world: World, order: LabelOrder) -> None:
    other = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-2", volume_g=50_000
    )
    bring_to(session, world, order, LabelState.RECEIVED)
    do(session, world, order, LabelMove.ACTIVATE, 1, 25, lot_id=other.id)
    assert (world.lot.labelled_g, other.labelled_g, world.balance.issued_g) == (150_000, 50_000, 200_000)
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.ACTIVATE, 26, 30, lot_id=other.id)
    assert refusals(refused) == [gate.OverLotVolume]
    do(session, world, order, LabelMove.VOID, 1, 5)
    assert (world.lot.labelled_g, other.labelled_g, world.balance.issued_g) == (150_000, 40_000, 190_000)


def test_labels_are_bound_only_to_a_standing_lot_of_the_same_certificate(
    session: Session, world: World, order: LabelOrder
) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    with pytest.raises(NotFound):
        do(session, world, order, LabelMove.ACTIVATE, lot_id=world.other_lot.id)
    begun = world.season.runs_during.lower
    season = factories.Season(
        product_id=world.product.id, name="Vụ khác", runs_during=Range(begun - timedelta(days=99), begun)
    )
    session.add(season)
    session.flush()
    lot = factories.lot(
        session,
        world.certificate,
        world.product,
        season,
        world.area,
        NOW,
        code="L-3",
        state=LotState.DRAFT,
        harvested_on=begun - timedelta(days=9),
    )
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "Quá hạn"
    session.flush()
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.ACTIVATE, lot_id=lot.id)
    assert refusals(refused) == [ledger.LotDoesNotFit, gate.LotNotCertified, gate.CertificateNotActive]


def test_orders_of_others_are_not_found_and_labels_kept_by_others_stay(
    session: Session, world: World, order: LabelOrder
) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    with pytest.raises(NotFound):
        do(session, world, order, LabelMove.USE, reach=packers(world))
    hand_over(session, world, order, 1, 50)
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.ACTIVATE)
    assert refusals(refused) == [ledger.KeptByOthers]
    do(session, world, order, LabelMove.ACTIVATE, 1, 50, reach=packers(world), by=world.packer.id)
    with pytest.raises(Refused):
        do(session, world, order, LabelMove.VOID, 51, 60, reach=packers(world), by=world.packer.id)
    do(session, world, order, LabelMove.VOID, 41, 50)  # the order's holder answers for all of it
    assert states(session, order)[1] == (41, 50, "voided")


def test_a_handover_needs_a_person_on_each_side(session: Session, world: World, order: LabelOrder) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    asked: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "on": TODAY, "reach": own(world)}
    with pytest.raises(Refused) as refused:
        handovers.offer(session, order.id, Range(1, 11), taker_id=world.authority.id, **asked)
    assert refusals(refused) == [handovers.NobodyToTake]
    with pytest.raises(Refused) as refused:
        handovers.offer(session, order.id, Range(1, 11), taker_id=world.cooperative.id, **asked)
    assert refusals(refused) == [handovers.ToOneself]

    offered = handovers.offer(session, order.id, Range(1, 11), taker_id=world.packing_house.id, **asked)
    with pytest.raises(Forbidden):
        handovers.take(session, offered.id, by=world.clerk.id, at=NOW, reach=own(world))
    both = Reach(holders=frozenset({world.cooperative.id, world.packing_house.id}))
    with pytest.raises(handovers.SamePerson):
        handovers.take(session, offered.id, by=world.clerk.id, at=NOW, reach=both)
    with pytest.raises(NotFound):
        handovers.take(
            session,
            offered.id,
            by=world.other_clerk.id,
            at=NOW,
            reach=Reach(holders=frozenset({world.other_cooperative.id})),
        )
    with pytest.raises(Refused) as refused:
        do(session, world, order, LabelMove.VOID, 5, 20)
    assert refusals(refused) == [ledger.UnderOffer]

    handovers.take(session, offered.id, by=world.packer.id, at=NOW, reach=packers(world))
    with pytest.raises(handovers.AlreadyAnswered):
        handovers.take(session, offered.id, by=world.packer.id, at=NOW, reach=packers(world))
    assert states(session, order) == [(1, 10, "handed_over"), (11, 100, "received")]
    assert order.ranges[0].keeper_id == world.packing_house.id


@pytest.mark.parametrize(("deed", "state"), [("refuse", HandoverState.REFUSED), ("withdraw", HandoverState.WITHDRAWN)])
def test_labels_not_taken_stay_with_the_giver_and_move_again(
    session: Session, world: World, order: LabelOrder, deed: str, state: HandoverState
) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    offered = handovers.offer(
        session,
        order.id,
        Range(1, 11),
        taker_id=world.packing_house.id,
        by=world.clerk.id,
        at=NOW,
        on=TODAY,
        reach=own(world),
    )
    if deed == "refuse":
        handovers.refuse(session, offered.id, by=world.packer.id, at=NOW, reach=packers(world), reason="Thiếu 10 tem")
    else:
        with pytest.raises(Forbidden):
            handovers.withdraw(session, offered.id, by=world.packer.id, at=NOW, reach=packers(world))
        handovers.withdraw(session, offered.id, by=world.clerk.id, at=NOW, reach=own(world))
    assert offered.state is state
    assert states(session, order) == [(1, 100, "received")]
    do(session, world, order, LabelMove.ACTIVATE)


def test_the_state_of_a_serial_on_any_day_follows_from_the_ledger(
    session: Session, world: World, order: LabelOrder
) -> None:
    for day, move in enumerate([LabelMove.PRINT, LabelMove.RECEIVE, LabelMove.ACTIVATE, LabelMove.USE], start=1):
        do(session, world, order, move, 1, 50, at=NOW + timedelta(days=day))
    days = (NOW + timedelta(days=day) for day in range(-1, 5))
    seen = [lookback.states_at(session, {50: day}).get(50) for day in days]
    assert seen == [None, "ordered", "printed", "received", "activated", "used"]
    moments = {51: NOW + timedelta(days=9), 50: NOW + timedelta(days=2), 101: NOW + timedelta(days=9)}
    assert lookback.states_at(session, moments) == {51: "ordered", 50: "received"}, "nobody ever ordered 101"
    assert lookback.states_at(session, {}) == {}


def test_the_ledger_cannot_be_changed(session: Session, world: World, order: LabelOrder) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        session.query(LabelMovement).update({"reason": "khác"})


def test_the_account_of_a_period_has_its_lines(session: Session, world: World, order: LabelOrder) -> None:
    days = [NOW + timedelta(days=day) for day in range(6)]
    do(session, world, order, LabelMove.PRINT, at=days[1])
    do(session, world, order, LabelMove.LOSE, 1, 2, at=days[1])
    do(session, world, order, LabelMove.RECEIVE, 3, 100, at=days[2])
    do(session, world, order, LabelMove.SPOIL, 3, 10, at=days[3])
    do(session, world, order, LabelMove.ACTIVATE, 11, 60, at=days[3])
    do(session, world, order, LabelMove.USE, 11, 40, at=days[4])
    do(session, world, order, LabelMove.VOID, 61, 70, at=days[5])
    whole = reconciling.of_order(session, order.id, end=days[5])
    assert whole.adds_up
    assert (whole.on_the_way.came, whole.on_the_way.left[LabelMove.RECEIVE], whole.on_the_way.left[LabelMove.LOSE]) == (
        100,
        98,
        2,
    )
    assert whole.on_the_way.closing == 0
    assert (whole.in_hand.opening, whole.in_hand.came, whole.in_hand.closing) == (0, 98, 50)
    assert (
        whole.in_hand.left[LabelMove.USE],
        whole.in_hand.left[LabelMove.SPOIL],
        whole.in_hand.left[LabelMove.VOID],
    ) == (30, 8, 10)
    part = reconciling.of_holder(session, world.cooperative.id, start=days[4], end=days[4])
    assert (part.in_hand.opening, part.in_hand.left[LabelMove.USE], part.in_hand.closing, part.adds_up) == (
        90,
        30,
        60,
        True,
    )


def test_a_range_that_changed_behind_the_ledger_is_seen(session: Session, world: World, order: LabelOrder) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    order.ranges[0].state = LabelState.VOIDED
    session.flush()
    account = reconciling.of_order(session, order.id, end=NOW)
    assert (account.adds_up, account.in_hand.difference) == (False, -100)


def test_a_different_count_becomes_a_blocking_nonconformity_by_itself(
    session: Session, world: World, order: LabelOrder
) -> None:
    bring_to(session, world, order, LabelState.RECEIVED)
    facts: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": own(world)}
    assert reconciling.count(session, order.id, counted=100, **facts) is None
    assert factories.count(session, Nonconformity) == 0
    found = reconciling.count(session, order.id, counted=97, **facts)
    assert found is not None
    assert (found.blocking, found.holder_id, "chênh lệch -3" in found.description) == (True, world.cooperative.id, True)
    with pytest.raises(Refused) as refused:
        ordering.place(session, lot_id=world.lot.id, quantity=1, pack_weight_g=500, layout="a4-24", **facts)
    assert refusals(refused) == [gate.BlockingNonconformity]
    with pytest.raises(reconciling.CountUnderQuestion):
        reconciling.count(session, order.id, counted=96, **facts)
    with pytest.raises(reconciling.MoreThanOrdered):
        reconciling.count(session, order.id, counted=10**12, **facts)


@pytest.mark.parametrize("seed", range(6))
def test_any_walk_of_moves_adds_up_and_covers_every_serial_once(
    session: Session, world: World, order: LabelOrder, seed: int
) -> None:
    chance, done = random.Random(seed), 0
    both = replace(own(world), holders=frozenset({world.cooperative.id, world.packing_house.id}))
    moves = [move for move in LabelMove if move is not LabelMove.ISSUE] + [LabelMove.PRINT, LabelMove.RECEIVE] * 3
    for turn in range(160):
        move, first = chance.choice(moves), chance.randint(1, 100)
        last, at = min(100, first + chance.randint(0, 9)), NOW + timedelta(minutes=turn)
        try:
            with session.begin_nested():
                if move is LabelMove.HAND_OVER:
                    hand_over(session, world, order, first, last, at=at)
                else:
                    do(session, world, order, move, first, last, at=at, reach=both)
                done += 1
        except Refused:
            continue
    assert done > 15
    account = reconciling.of_order(session, order.id, end=NOW + timedelta(days=1))
    assert account.adds_up
    session.expire_all()
    assert [row.serials.lower for row in order.ranges][1:] == [row.serials.upper for row in order.ranges][:-1]
    assert (order.ranges[0].serials.lower, order.ranges[-1].serials.upper) == (1, 101)
    given_back = sum(
        ranges.size(row.serials)
        for row in order.ranges
        if row.state in {LabelState.VOIDED, LabelState.SPOILED, LabelState.RETURNED}
    )
    assert (world.balance.issued_g, world.lot.labelled_g) == ((100 - given_back) * 2000,) * 2
    for row in order.ranges:
        ends = {serial: NOW + timedelta(days=1) for serial in (row.serials.lower, row.serials.upper - 1)}
        assert set(lookback.states_at(session, ends).values()) == {row.state}
    assert factories.count(session, History, History.subject_id == order.id) > done


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("000120–000180", 120, 180), ("120-180", 120, 180), (" 000.120 – 000.180 ", 120, 180), ("120 đến 180", 120, 180),
        ("7", 7, 7), ("1.234.567", 1234567, 1234567), ("120..180", 120, 180), ("{7}", 7, 7), ("{7} – {9}", 7, 9),
        ("{7} - 9", 7, 9),
    ],
)  # fmt: skip
def test_serials_and_codes_read_as_a_range(text: str, first: int, last: int) -> None:
    for serial in (7, 9):
        text = text.replace(f"{{{serial}}}", code.show(code.encode(serial, SECRET)).lower())
    assert ranges.parse(text, keyring=RING) == Range(first, last + 1)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("180-120", ranges.RangeBackwards), ("", ranges.NotARange), ("tem", ranges.NotARange), ("0-5", ranges.NotARange),
        ("1-2-3", ranges.NotARange), ("1073741824", ranges.NotARange), ("0000-0700-0000", ranges.CodeNotOurs),
        ("1 – 2 – 3", ranges.NotARange), ("-5", ranges.NotARange),
    ],
)  # fmt: skip
def test_what_is_no_range_says_why(text: str, error: type[TemThatError]) -> None:
    with pytest.raises(error):
        ranges.parse(text, keyring=RING)


def test_a_range_row_never_overlaps_another(session: Session, world: World, order: LabelOrder) -> None:
    session.add(
        LabelRange(
            serials=Range(50, 200),
            state=LabelState.ORDERED,
            since=NOW,
            order_id=order.id,
            keeper_id=world.cooperative.id,
        )
    )
    with pytest.raises(DBAPIError, match="ex_label_range_serial_once"):
        session.flush()
