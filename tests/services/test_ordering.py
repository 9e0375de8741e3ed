"""The label gate: every reason alone and together, the volumes before and after, the serials."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace.errors import NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import AreaCodeStatus
from trace.models.certificates import CertificateStatus
from trace.models.history import History
from trace.models.labels import LabelMovement, LabelOrder, LabelRange, LabelState
from trace.models.lots import LotState
from trace.models.titles import UseRegulation
from trace.services import gate, ordering
from trace.services.reach import Reach

Setup = Callable[[Session, World], Any]


def reach(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def place(session: Session, world: World, **facts: Any) -> LabelOrder:
    asked = {
        "lot_id": world.lot.id,
        "quantity": 100,
        "pack_weight_g": 2000,
        "layout": "a4-24",
        "by": world.clerk.id,
        "at": NOW,
    }
    return ordering.place(session, **(asked | {"reach": reach(world)} | facts))


def reasons(session: Session, world: World, **facts: Any) -> dict[type[TemThatError], TemThatError]:
    session.flush()
    with pytest.raises(Refused) as refused:
        place(session, world, **facts)
    return {type(reason): reason for reason in refused.value.reasons}


def test_an_order_gets_its_serials_and_the_volumes_move(session: Session, world: World) -> None:
    order = place(session, world)
    assert (order.serials.lower, order.serials.upper, order.number) == (1, 101, "DT-2026-00001")
    assert (world.balance.issued_g, world.lot.labelled_g) == (200_000, 200_000)
    (only,) = order.ranges
    assert (only.state, only.keeper_id, only.lot_id, only.serials) == (
        LabelState.ORDERED,
        world.cooperative.id,
        None,
        order.serials,
    )
    assert factories.count(session, LabelMovement, LabelMovement.order_id == order.id) == 1
    assert factories.count(session, History, History.subject_id == order.id, History.by == world.clerk.id) == 1
    second = place(session, world, quantity=50)
    assert (second.serials.lower, second.serials.upper, second.number) == (101, 151, "DT-2026-00002")


def test_the_quote_shows_before_and_after_and_issues_nothing(session: Session, world: World) -> None:
    place(session, world)
    asked: dict[str, Any] = {
        "lot_id": world.lot.id,
        "pack_weight_g": 2000,
        "layout": "a4-24",
        "at": NOW,
        "reach": reach(world),
    }
    quote = ordering.quote(session, quantity=150, **asked)
    assert (quote.eligible_g, quote.issued_g, quote.left_g, quote.left_after_g) == (
        1_000_000,
        200_000,
        800_000,
        500_000,
    )
    assert (quote.lot_left_after_g, quote.fit, quote.reasons) == (100_000, 200, [])
    over = ordering.quote(session, quantity=250, **asked)
    (reason,) = over.reasons
    assert isinstance(reason, gate.OverLotVolume)
    assert (reason.facts["over"], reason.facts["fit"], over.lot_left_after_g) == (100, 200, -100_000)
    assert factories.count(session, LabelOrder) == 1


def suspend(session: Session, world: World) -> None:
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "Quá hạn khắc phục"
    world.certificate.status_since = NOW - timedelta(days=2)


def expire(session: Session, world: World) -> None:
    world.certificate.valid_during = Range(date(2025, 1, 1), date(2026, 6, 15))


def uncover(session: Session, world: World) -> None:
    session.delete(world.certificate.sources[0])


def drop_code(session: Session, world: World) -> None:
    world.area.codes[0].status, world.area.codes[0].reason = AreaCodeStatus.SUSPENDED, "Dữ liệu mẫu"


def find_fault_with_holder(session: Session, world: World) -> None:
    factories.nonconformity(session, world.title, world.cooperative, NOW)


def find_fault_with_source(session: Session, world: World) -> None:
    factories.nonconformity(session, world.title, world.other_cooperative, NOW, area_id=world.area.id)


def draft(session: Session, world: World) -> None:
    world.lot.state, world.lot.certified_at = LotState.DRAFT, None


def recall(session: Session, world: World) -> None:
    world.lot.state, world.lot.recall_reason = LotState.RECALLED, "Dư lượng vượt mức"


def end_regulation(session: Session, world: World) -> None:
    rule = session.query(UseRegulation).one()
    rule.valid_during = Range(date(2020, 1, 1), date(2026, 6, 1))


def close_season(session: Session, world: World) -> None:
    world.season.closed_at = NOW - timedelta(days=1)


def end_season(session: Session, world: World) -> None:
    world.season.runs_during = Range(date(2026, 5, 1), date(2026, 6, 15))


def drop_balance(session: Session, world: World) -> None:
    session.delete(world.balance)


def fill_balance(session: Session, world: World) -> None:
    world.balance.issued_g = 900_000


def fill_lot(session: Session, world: World) -> None:
    world.lot.labelled_g = 500_000


def nothing(session: Session, world: World) -> None:
    pass


GATE: list[tuple[Setup, dict[str, Any], type[TemThatError]]] = [
    (suspend, {}, gate.CertificateNotActive),
    (expire, {}, gate.CertificateOutOfPeriod),
    (uncover, {}, gate.SourceNotCovered),
    (drop_code, {}, gate.AreaCodeMissing),
    (find_fault_with_holder, {}, gate.BlockingNonconformity),
    (find_fault_with_source, {}, gate.BlockingNonconformity),
    (draft, {}, gate.LotNotCertified),
    (recall, {}, gate.LotRecalled),
    (end_regulation, {}, gate.NoRegulation),
    (nothing, {"pack_weight_g": 750}, gate.PackWeightNotAllowed),
    (nothing, {"pack_weight_g": 0}, gate.PackWeightNotAllowed),
    (nothing, {"quantity": 0}, gate.QuantityTooSmall),
    (nothing, {"quantity": -5}, gate.QuantityTooSmall),
    (nothing, {"layout": "a3-1"}, gate.UnknownLayout),
    (close_season, {}, gate.SeasonClosed),
    (end_season, {}, gate.SeasonOver),
    (drop_balance, {}, gate.NoEligibleVolume),
    (fill_balance, {}, gate.OverEligibleVolume),
    (fill_lot, {}, gate.OverLotVolume),
]


@pytest.mark.parametrize(("setup", "facts", "reason"), GATE, ids=lambda value: getattr(value, "__name__", str(value)))
def test_each_reason_alone_closes_the_gate(
    session: Session, world: World, setup: Setup, facts: dict[str, Any], reason: type[TemThatError]
) -> None:
    setup(session, world)
    assert set(reasons(session, world, **facts)) == {reason}
    assert factories.count(session, LabelRange) == 0


def test_all_reasons_are_given_at_once(session: Session, world: World) -> None:
    for setup in (
        suspend,
        expire,
        uncover,
        drop_code,
        find_fault_with_holder,
        draft,
        close_season,
        fill_balance,
        fill_lot,
    ):
        setup(session, world)
    found = reasons(session, world, pack_weight_g=750, quantity=1_000_001, layout="a3-1")
    assert set(found) == {
        gate.CertificateNotActive, gate.CertificateOutOfPeriod, gate.SourceNotCovered, gate.AreaCodeMissing,
        gate.BlockingNonconformity, gate.LotNotCertified, gate.SeasonClosed, gate.PackWeightNotAllowed, gate.UnknownLayout,
        gate.QuantityTooLarge, gate.OverEligibleVolume, gate.OverLotVolume,
    }  # fmt: skip
    assert found[gate.CertificateNotActive].facts["since"] == date(2026, 6, 13)
    assert found[gate.BlockingNonconformity].facts["due"] == date(2026, 6, 29)


def test_a_refusal_says_how_much_is_over_and_how_many_would_fit(session: Session, world: World) -> None:
    world.balance.issued_g = 899_000
    over = reasons(session, world)[gate.OverEligibleVolume]
    assert (over.facts["over"], over.facts["fit"]) == (99, 50)
    assert place(session, world, quantity=50).quantity == 50


@pytest.mark.parametrize("blocking", [False, True])
def test_a_closed_or_harmless_nonconformity_lets_labels_through(
    session: Session, world: World, *, blocking: bool
) -> None:
    closed = {"closed_at": NOW, "closed_by": world.manager.id} if blocking else {}
    factories.nonconformity(session, world.title, world.cooperative, NOW, blocking=blocking, **closed)
    factories.nonconformity(session, world.title, world.cooperative, NOW, area_id=world.other_area.id)
    assert place(session, world).quantity == 100


def test_a_lot_of_others_is_not_found(session: Session, world: World) -> None:
    with pytest.raises(NotFound):
        place(session, world, lot_id=world.other_lot.id)
    with pytest.raises(NotFound):
        place(session, world, lot_id=factories.some_id())


def test_the_database_itself_refuses_what_is_over(session: Session, world: World) -> None:
    world.balance.issued_g = 1_000_001
    with pytest.raises(IntegrityError) as refused:
        session.flush()
    assert broken_constraint(refused.value) == "ck_eligible_balance_within_eligible_volume"


def test_candidates_list_what_stands_against_each_lot(session: Session, world: World) -> None:
    worse = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-2", state=LotState.DRAFT
    )
    first, second = ordering.candidates(session, at=NOW, reach=reach(world))
    assert (first.lot.id, first.reasons, first.left_g) == (world.lot.id, [], 600_000)
    assert second.lot.id == worse.id
    assert [type(reason) for reason in second.reasons] == [gate.LotNotCertified]


def test_orders_are_found_by_number_lot_holder_and_state_within_reach(session: Session, world: World) -> None:
    place(session, world)
    for text, state, found in [
        ("dt-2026", None, 1), ("vai mau thanh son", None, 1), ("L260615", LabelState.ORDERED, 1), ("%", None, 0), ("", LabelState.USED, 0),
    ]:  # fmt: skip
        assert ordering.find(session, reach=reach(world), text=text, state=state)[1] == found, text
    assert ordering.find(session, reach=Reach(holders=frozenset({world.other_cooperative.id})))[1] == 0
    assert ordering.find(session, reach=Reach(titles=frozenset({world.title.id})))[1] == 1
