"""Volume beyond the eligible one needs two persons and two reasons; a closed season takes no more orders."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from tests.factories import World
from trace.errors import NotFound, Refused, TemThatError, broken_constraint
from trace.models.history import History
from trace.models.labels import LabelMove, LabelState
from trace.models.lots import EligibleBalance, ExtensionState, QuotaExtension
from trace.models.parties import Role
from trace.services import gate, ledger, lots, ordering, quota
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy import Engine


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def managed(world: World) -> Reach:
    return Reach(titles=frozenset({world.title.id}))


def ask(session: Session, world: World, **facts: Any) -> QuotaExtension:
    usual = {"grams": 100_000, "reason": "Được mùa, có biên bản đo sản lượng", "by": world.clerk.id, "at": NOW}
    return quota.ask(session, facts.pop("lot_id", world.lot.id), **(usual | {"reach": own(world)} | facts))


def decide(session: Session, world: World, asked: QuotaExtension, **facts: Any) -> QuotaExtension:
    usual = {"approve": True, "reason": "Đã đo lại vườn", "by": world.manager.id, "at": NOW, "reach": managed(world)}
    return quota.decide(session, asked.id, **(usual | facts))


def place(session: Session, world: World, quantity: int) -> Any:
    return ordering.place(
        session, lot_id=world.lot.id, quantity=quantity, pack_weight_g=1000, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip


def refusals(refused: pytest.ExceptionInfo[Refused]) -> list[type[TemThatError]]:
    return [type(reason) for reason in refused.value.reasons]


@pytest.fixture
def full(session: Session, world: World) -> World:
    """Only 50 kg of eligible volume are left."""
    world.balance.issued_g = 950_000
    session.flush()
    return world


def test_what_a_second_person_approves_can_be_ordered_and_the_order_names_them(session: Session, full: World) -> None:
    with pytest.raises(Refused) as refused:
        place(session, full, 120)
    assert refusals(refused) == [gate.OverEligibleVolume]
    asked = ask(session, full)
    with pytest.raises(Refused):
        place(session, full, 120)  # asked for is not approved
    decide(session, full, asked)
    assert (full.balance.extra_g, asked.state) == (100_000, ExtensionState.APPROVED)
    quote = ordering.quote(
        session, lot_id=full.lot.id, quantity=120, pack_weight_g=1000, layout="a4-24", at=NOW, reach=own(full)
    )
    assert (quote.reasons, quote.left_after_g, quote.approvals) == ([], 30_000, ("Người mẫu Quân: Đã đo lại vườn",))
    order = place(session, full, 120)
    written = session.scalars(
        select(History).where(History.subject_id == order.id, History.deed == "order:place")
    ).one()
    assert written.changes["beyond_g"] == [None, 70_000]
    assert written.changes["approved"] == [None, "Người mẫu Quân: Đã đo lại vườn"]
    with pytest.raises(Refused) as refused:
        place(session, full, 31)
    assert refused.value.reasons[0].facts["fit"] == 30


def test_an_order_within_the_eligible_volume_names_no_approver(session: Session, world: World) -> None:
    decide(session, world, ask(session, world))
    order = place(session, world, 10)
    written = session.scalars(select(History).where(History.subject_id == order.id)).one()
    assert "approved" not in written.changes


def test_a_refused_request_changes_no_volume_and_another_may_follow(session: Session, full: World) -> None:
    asked = decide(session, full, ask(session, full), approve=False, reason="Không có biên bản đo")
    assert (asked.state, asked.decision_reason, full.balance.extra_g) == (
        ExtensionState.REFUSED, "Không có biên bản đo", 0,
    )  # fmt: skip
    assert ask(session, full).state is ExtensionState.ASKED
    assert [row.state.value for row in quota.listing(session, reach=managed(full))] == ["asked", "refused"]


@pytest.mark.parametrize("grams", [0, -1, 10**12 + 1, 10**18])
def test_a_request_names_a_volume_and_a_reason(session: Session, world: World, grams: int) -> None:
    with pytest.raises(Refused) as refused:
        ask(session, world, grams=grams, reason="  ")
    assert refusals(refused) == [quota.VolumeOutOfBounds, quota.ReasonNeeded]


def test_requests_stay_among_those_concerned(session: Session, world: World) -> None:
    with pytest.raises(NotFound):
        ask(session, world, lot_id=world.other_lot.id)
    asked = ask(session, world)
    for reach in (Reach(), Reach(titles=frozenset({factories.some_id()}))):
        with pytest.raises(NotFound):
            decide(session, world, asked, reach=reach)
        assert quota.listing(session, reach=reach) == []
    with pytest.raises(quota.AlreadyAsked):
        ask(session, world)


def test_whoever_asked_or_works_for_the_holder_decides_nothing(session: Session, world: World) -> None:
    asked = ask(session, world, by=world.manager.id)
    with pytest.raises(quota.DecidedByAsker):
        decide(session, world, asked)
    factories.role(session, world.controller, world.cooperative, Role.CLERK, NOW)
    with pytest.raises(quota.DecidedByAsker):
        decide(session, world, asked, by=world.controller.id)
    with pytest.raises(Refused) as refused:
        decide(session, world, asked, by=world.certifier.id, reason=" ")
    assert refusals(refused) == [quota.ReasonNeeded]
    decide(session, world, asked, by=world.certifier.id)
    with pytest.raises(quota.AlreadyDecided):
        decide(session, world, asked, by=world.certifier.id)
    assert world.balance.extra_g == 100_000


def test_the_database_itself_wants_two_persons(session: Session, world: World) -> None:
    asked = ask(session, world)
    asked.state, asked.decided_by, asked.decided_at, asked.decision_reason = (
        ExtensionState.APPROVED, asked.asked_by, NOW, "Tự duyệt",
    )  # fmt: skip
    with pytest.raises(IntegrityError) as refused:
        session.flush()
    assert broken_constraint(refused.value) == "ck_quota_extension_two_persons"


def test_approved_volume_can_be_recorded_as_a_lot(session: Session, world: World) -> None:
    left = lots.left_of_balance(session, world.cooperative.id, world.season.id)
    decide(session, world, ask(session, world))
    assert lots.left_of_balance(session, world.cooperative.id, world.season.id) == (left or 0) + 100_000


def test_a_closed_season_takes_no_orders_and_lists_what_is_not_used(session: Session, world: World) -> None:
    order, asked = place(session, world, 100), ask(session, world)
    ledger.apply(
        session, order.id, factories.Range(91, 101), LabelMove.VOID, by=world.clerk.id, at=NOW, reach=own(world), reason="Ướt"
    )  # fmt: skip
    (line,) = quota.seasons(session, reach=managed(world))
    assert (line.unused, line.issued_g, line.allowed_g) == (90, 90_000, 1_500_000)
    with pytest.raises(NotFound):
        quota.close_season(session, world.season.id, by=world.clerk.id, at=NOW, reach=own(world))
    quota.close_season(session, world.season.id, by=world.manager.id, at=NOW, reach=managed(world))
    assert [(row.serials.lower, row.serials.upper, row.state) for row in quota.unused(session, world.season.id)] == [
        (1, 91, LabelState.ORDERED)
    ]
    with pytest.raises(Refused) as refused:
        place(session, world, 1)
    assert refusals(refused) == [gate.SeasonClosed]
    with pytest.raises(Refused) as refused:
        decide(session, world, asked)
    assert refusals(refused) == [gate.SeasonClosed]
    decide(session, world, asked, approve=False)
    with pytest.raises(Refused) as refused:
        ask(session, world)
    assert refusals(refused) == [gate.SeasonClosed]
    with pytest.raises(quota.ClosedBefore):
        quota.close_season(
            session, world.season.id, by=world.manager.id, at=NOW + timedelta(days=1), reach=managed(world)
        )


@pytest.mark.committed
def test_an_order_waits_for_the_closing_of_its_season_and_sees_it(committed: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        season_id, lot_id, clerk_id, manager_id = world.season.id, world.lot.id, world.clerk.id, world.manager.id
        mine, theirs = own(world), managed(world)
    began = Event()

    def order() -> list[type[TemThatError]]:
        with Session(committed) as session:
            ordering.quote(session, lot_id=lot_id, quantity=1, pack_weight_g=1000, layout="a4-24", at=NOW, reach=mine)
            began.set()
            try:
                ordering.place(
                    session, lot_id=lot_id, quantity=1, pack_weight_g=1000, layout="a4-24", by=clerk_id, at=NOW, reach=mine
                )  # fmt: skip
            except Refused as refused:
                return [type(reason) for reason in refused.reasons]
            return []

    with ThreadPoolExecutor(1) as pool, Session(committed) as session:
        quota.close_season(session, season_id, by=manager_id, at=NOW, reach=theirs)
        waiting = pool.submit(order)
        assert began.wait(20)
        session.commit()
        assert waiting.result(timeout=30) == [gate.SeasonClosed]
    with Session(committed) as session:
        assert session.scalars(select(EligibleBalance.issued_g).where(EligibleBalance.issued_g > 0)).all() == []
