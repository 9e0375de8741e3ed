"""Lots: what may be recorded, who certifies, and that a recall changes the next scan."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from trace.errors import NotFound, Refused
from trace.models.areas import ProductionSite, SiteKind
from trace.models.certificates import CertificateStatus
from trace.models.lots import Lot, LotState
from trace.services import history, lot_recording, lots, ordering
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def record(session: Any, world: Any, **facts: Any) -> Lot:
    given = {
        "code": "L-1", "season_id": world.season.id, "area_id": world.area.id, "volume_g": 100_000, "harvested_on": TODAY,
        "packed_on": TODAY, "expires_on": TODAY + timedelta(days=10), "by": world.clerk.id, "at": NOW, "reach": ALL,
    } | facts  # fmt: skip
    return lot_recording.record(session, **given)


def reasons(session: Any, world: Any, **facts: Any) -> set[type]:
    with pytest.raises(Refused) as caught:
        record(session, world, **facts)
    return {type(reason) for reason in caught.value.reasons}


def test_a_lot_takes_holder_product_and_certificate_from_its_source(session: Any, world: Any) -> None:
    lot = record(session, world)
    assert (lot.holder_id, lot.product_id, lot.certificate_id) == (
        world.cooperative.id,
        world.product.id,
        world.certificate.id,
    )
    assert lot.state is LotState.DRAFT
    assert [deed.by for deed in history.of(session, lot.id)] == [world.clerk.id]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"harvested_on": TODAY, "packed_on": TODAY - timedelta(days=1)}, lots.DatesOutOfOrder),
        ({"expires_on": TODAY - timedelta(days=1)}, lots.DatesOutOfOrder),
        ({"harvested_on": TODAY + timedelta(days=1), "packed_on": TODAY + timedelta(days=1)}, lots.HarvestInFuture),
        ({"harvested_on": date(2026, 4, 30)}, lots.SeasonNotRunning),
        ({"volume_g": 0}, lots.VolumeNotPositive),
        ({"volume_g": 400_001}, lots.BeyondBalance),
        ({"code": " "}, lots.CodeMissing),
        ({"code": "L260615-01"}, lots.CodeTaken),
    ],
)
def test_each_refusal(session: Any, world: Any, facts: dict[str, Any], expected: type) -> None:
    assert reasons(session, world, **facts) == {expected}


def test_lots_add_up_to_the_eligible_volume_and_not_a_gram_more(session: Any, world: Any) -> None:
    assert lots.left_of_balance(session, world.cooperative.id, world.season.id) == 400_000
    record(session, world, volume_g=400_000)
    with pytest.raises(Refused) as caught:
        record(session, world, code="L-2", volume_g=1)
    (reason,) = caught.value.reasons
    assert reason.facts == {"excess": Decimal("0.001"), "left": Decimal(0)}


def test_no_certificate_in_force_no_lot(session: Any, world: Any) -> None:
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "x"
    session.flush()
    assert reasons(session, world) == {lots.NotCovered}


def test_a_source_the_certificate_does_not_name_is_not_covered(session: Any, world: Any) -> None:
    other = factories.area(session, world.title, world.cooperative, "Vùng chưa cấp")
    assert reasons(session, world, area_id=other.id) == {lots.NotCovered}


def test_a_crop_does_not_come_from_a_vat(session: Any, world: Any) -> None:
    site = ProductionSite(
        title_id=world.title.id, holder_id=world.cooperative.id, name="Bể mẫu", kind=SiteKind.VAT, commune_code="10813",
        location="SRID=4326;POINT(106.9 20.75)", capacity_g=1,
    )  # fmt: skip
    session.add(site)
    session.flush()
    assert reasons(session, world, area_id=None, site_id=site.id) == {lots.WrongSourceKind, lots.NotCovered}


def test_a_closed_season_and_a_missing_balance(session: Any, world: Any) -> None:
    world.season.closed_at = NOW
    session.delete(world.balance)
    session.flush()
    assert reasons(session, world) == {lots.SeasonNotRunning, lots.NoBalance}


def test_a_source_or_season_out_of_reach_is_not_found(session: Any, world: Any) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    for facts in ({"area_id": world.other_area.id}, {"season_id": factories.some_id()}, {"area_id": None}):
        with pytest.raises(NotFound):
            record(session, world, reach=own, **facts)


def test_whoever_recorded_does_not_certify(session: Any, world: Any) -> None:
    lot = record(session, world)
    with pytest.raises(lots.CertifiedByRecorder):
        lots.certify(session, lot.id, by=world.clerk.id, at=NOW, reach=ALL)
    certified = lots.certify(session, lot.id, by=world.certifier.id, at=NOW, reach=ALL)
    assert (certified.state, certified.certified_by) == (LotState.CERTIFIED, world.certifier.id)
    with pytest.raises(lots.NotADraft):
        lots.certify(session, lot.id, by=world.manager.id, at=NOW, reach=ALL)


def test_a_lot_whose_certificate_was_suspended_meanwhile_is_not_certified(session: Any, world: Any) -> None:
    lot = record(session, world)
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "x"
    session.flush()
    with pytest.raises(lots.NotCovered):
        lots.certify(session, lot.id, by=world.manager.id, at=NOW, reach=ALL)


def test_a_recall_changes_the_next_scan_and_says_why(session: Any, world: Any) -> None:
    order = ordering.place(
        session,
        lot_id=world.lot.id,
        quantity=5,
        pack_weight_g=2000,
        layout="a4-24",
        by=world.clerk.id,
        at=NOW,
        reach=ALL,
    )
    session.execute(
        text("UPDATE label_range SET state = 'activated', lot_id = :lot WHERE order_id = :order"),
        {"lot": world.lot.id, "order": order.id},
    )

    def scan() -> Any:
        statement = text("SELECT verify_label(:serial, :at, decode(repeat('ab', 12), 'hex'), 'real', 'qr')")
        return session.scalar(statement, {"serial": order.serials.lower, "at": NOW})

    assert scan()["kind"] == "valid"
    with pytest.raises(lots.ReasonMissing):
        lots.recall(session, world.lot.id, reason=" ", by=world.manager.id, at=NOW, reach=ALL)
    lots.recall(session, world.lot.id, reason="Dư lượng vượt mức", by=world.manager.id, at=NOW, reach=ALL)
    session.flush()
    assert (scan()["kind"], scan()["recall_reason"]) == ("recalled", "Dư lượng vượt mức")
    with pytest.raises(lots.NotCertified):
        lots.recall(session, world.lot.id, reason="Lần nữa", by=world.manager.id, at=NOW, reach=ALL)
    assert [(row.order.id, row.states) for row in lots.labels_of(session, world.lot.id)] == [
        (order.id, {"recalled": 5})
    ]


def test_a_draft_is_not_recalled(session: Any, world: Any) -> None:
    lot = record(session, world)
    with pytest.raises(lots.NotCertified):
        lots.recall(session, lot.id, reason="x", by=world.manager.id, at=NOW, reach=ALL)


@pytest.mark.committed
def test_two_clerks_at_once_cannot_exceed_the_eligible_volume(committed: Any) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        season, area, clerk = world.season.id, world.area.id, world.clerk.id
    outcomes: list[str] = []

    def one(number: int) -> None:
        with Session(committed) as session:
            try:
                lot_recording.record(
                    session, code=f"L-{number}", season_id=season, area_id=area, volume_g=150_000, harvested_on=TODAY, packed_on=TODAY,
                    expires_on=TODAY, by=clerk, at=NOW, reach=ALL,
                )  # fmt: skip
                session.commit()
                outcomes.append("recorded")
            except Refused:
                outcomes.append("refused")

    threads = [Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["recorded"] * 2 + ["refused"] * 6
