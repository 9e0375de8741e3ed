"""The farm log: what an entry must say, that nothing is ever lost, and that a harvest too soon is caught from either side."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from tests.services.test_lots import record
from trace.errors import NotFound, Refused
from trace.models.control_papers import SuspensionProposal
from trace.models.controls import Nonconformity
from trace.models.farm_log import FarmLogEntry, FarmWork
from trace.models.lots import LotState
from trace.services import farm_log, gate, lot_changes, lots, ordering, preharvest
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()
SPRAY = farm_log.Work(
    FarmWork.PESTICIDE, TODAY - timedelta(days=9), "Ông Mẫu Tám", product="Thuốc mẫu A", active_substance="Hoạt chất mẫu",
    dose=Decimal("0.5"), unit="lít/ha", preharvest_days=14,
)  # fmt: skip


def spray(session: Any, world: Any, **facts: Any) -> FarmLogEntry:
    work = farm_log.Work(**{**SPRAY.__dict__, **facts})
    return farm_log.add(session, work, area_id=world.area.id, by=world.clerk.id, at=NOW, reach=ALL)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"done_on": TODAY + timedelta(days=1)}, {farm_log.WorkInFuture}),
        ({"done_on": TODAY - timedelta(days=3000)}, {farm_log.WorkTooOld}),
        ({"done_by": " "}, {farm_log.DoerMissing}),
        ({"dose": Decimal(0)}, {farm_log.DoseNotPositive}),
        ({"unit": None}, {farm_log.UnitNeeded}),
        ({"preharvest_days": 400}, {farm_log.PreharvestNotPlausible}),
        ({"product": None, "active_substance": None, "dose": None, "preharvest_days": None},
         {farm_log.ProductNeeded, farm_log.SubstanceNeeded, farm_log.DoseNeeded, farm_log.PreharvestNeeded}),
        ({"kind": FarmWork.OTHER}, {farm_log.NoteNeeded}),
    ],
)  # fmt: skip
def test_each_refusal_and_all_at_once(session: Any, world: Any, facts: dict[str, Any], expected: set[type]) -> None:
    with pytest.raises(Refused) as caught:
        spray(session, world, **facts)
    assert {type(reason) for reason in caught.value.reasons} == expected
    assert factories.count(session, FarmLogEntry) == 0


def test_an_entry_of_somebody_elses_area_is_not_found(session: Any, world: Any) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    with pytest.raises(NotFound):
        farm_log.add(session, SPRAY, area_id=world.other_area.id, by=world.clerk.id, at=NOW, reach=own)
    entry = spray(session, world)
    with pytest.raises(NotFound):
        farm_log.get(session, entry.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))


def test_a_wrong_entry_is_struck_out_once_and_stays_readable(session: Any, world: Any) -> None:
    entry = spray(session, world)
    with pytest.raises(farm_log.StrikeReasonMissing):
        farm_log.strike(session, entry.id, reason=" ", by=world.clerk.id, at=NOW, reach=ALL)
    struck = farm_log.strike(session, entry.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=ALL)
    assert struck.strike is not None
    assert (struck.strike.reason, struck.product) == ("Nhầm thửa", "Thuốc mẫu A")
    with pytest.raises(farm_log.StruckAlready):
        farm_log.strike(session, entry.id, reason="Lần nữa", by=world.clerk.id, at=NOW, reach=ALL)
    assert preharvest.against(session, world.area, TODAY) == []


def test_a_correction_strikes_and_writes_in_one_go_or_not_at_all(session: Any, world: Any) -> None:
    entry = spray(session, world)
    with pytest.raises(Refused):
        farm_log.correct(
            session, entry.id, farm_log.Work(FarmWork.PESTICIDE, TODAY, "x"), reason="x", by=world.clerk.id, at=NOW, reach=ALL
        )  # fmt: skip
    session.refresh(entry)
    assert entry.strike is None
    right = farm_log.Work(**{**SPRAY.__dict__, "done_on": TODAY - timedelta(days=30)})
    made = farm_log.correct(session, entry.id, right, reason="Ghi nhầm ngày", by=world.clerk.id, at=NOW, reach=ALL)
    session.refresh(entry)
    assert (made.corrects_id, made.area_id, entry.strike is not None) == (entry.id, world.area.id, True)
    assert farm_log.corrected_by(session, entry.id) is made


@pytest.mark.parametrize("deed", ["UPDATE farm_log_entry SET product = 'x'", "DELETE FROM farm_log_entry"])
def test_the_database_lets_nobody_change_an_entry(session: Any, world: Any, deed: str) -> None:
    spray(session, world)
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(text(deed))


def test_a_lot_harvested_too_soon_is_not_recorded_and_the_refusal_says_all(session: Any, world: Any) -> None:
    entry = spray(session, world)
    with pytest.raises(Refused) as caught:
        record(session, world)
    (reason,) = caught.value.reasons
    assert isinstance(reason, preharvest.HarvestedTooSoon)
    assert reason.facts == {
        "product": "Thuốc mẫu A", "source": world.area.name, "used": entry.done_on, "days": 14, "right": TODAY + timedelta(days=5),
        "harvested": TODAY, "entry_id": str(entry.id),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("used", "days", "fits"),
    [(14, 14, True), (13, 14, False), (0, 1, False), (0, 0, True), (-1, 14, True)],
)
def test_harvest_is_right_from_the_day_on_which_the_interval_ends(
    session: Any, world: Any, used: int, days: int, *, fits: bool
) -> None:
    harvested = TODAY - timedelta(days=1)
    spray(session, world, done_on=harvested - timedelta(days=used), preharvest_days=days)
    assert (preharvest.against(session, world.area, harvested) == []) is fits


def test_an_entry_that_comes_before_certification_stops_it(session: Any, world: Any) -> None:
    lot = record(session, world)
    entry = spray(session, world, done_on=TODAY - timedelta(days=1))  # after the harvest of the world's own lot
    with pytest.raises(preharvest.HarvestedTooSoon):
        lots.certify(session, lot.id, by=world.certifier.id, at=NOW, reach=ALL)
    assert factories.count(session, Nonconformity) == 0
    farm_log.strike(session, entry.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=ALL)
    assert lots.certify(session, lot.id, by=world.certifier.id, at=NOW, reach=ALL).state is LotState.CERTIFIED


def test_an_entry_that_comes_after_certification_opens_a_nonconformity_that_closes_the_gate(
    session: Any, world: Any
) -> None:
    spray(session, world)  # the world's lot was harvested two days ago
    (found,) = session.query(Nonconformity).all()
    assert (found.blocking, found.area_id, found.severity.value) == (True, world.area.id, "critical")
    assert world.lot.code in found.description
    assert factories.count(session, SuspensionProposal) == 1
    quote = ordering.quote(
        session, lot_id=world.lot.id, quantity=1, pack_weight_g=2000, layout="a4-24", at=NOW, reach=ALL
    )
    assert {type(reason) for reason in quote.reasons} == {gate.BlockingNonconformity}
    assert world.certificate.status.value == "active", "a person decides on suspension"


def test_the_list_finds_without_diacritics_and_by_every_filter(session: Any, world: Any) -> None:
    spray(session, world)
    water = farm_log.Work(FarmWork.IRRIGATION, TODAY, "Bà Mẫu Chín", note="Tưới nhỏ giọt")
    farm_log.add(session, water, area_id=world.other_area.id, by=world.clerk.id, at=NOW, reach=ALL)

    def found(**asked: Any) -> list[FarmWork]:
        return [entry.kind for entry in farm_log.listing(session, reach=ALL, **asked)[0]]

    assert found() == [FarmWork.IRRIGATION, FarmWork.PESTICIDE]
    assert found(q="nho giot") == [FarmWork.IRRIGATION]
    assert found(q="thuoc mau") == [FarmWork.PESTICIDE]
    assert found(kind=FarmWork.PESTICIDE, area_id=world.area.id, end=TODAY - timedelta(days=1)) == [FarmWork.PESTICIDE]
    assert found(start=TODAY) == [FarmWork.IRRIGATION]
    assert found(struck=True) == []


def test_who_releases_goods_reads_what_was_struck_out_and_whether_it_would_bar_them(session: Any, world: Any) -> None:
    barring = spray(session, world, done_on=world.lot.harvested_on - timedelta(days=3))
    harmless = spray(session, world, done_on=world.lot.harvested_on - timedelta(days=20))
    spray(session, world, done_on=world.lot.harvested_on - timedelta(days=1))  # stands
    elsewhere = farm_log.add(session, SPRAY, area_id=world.other_area.id, by=world.clerk.id, at=NOW, reach=ALL)
    assert preharvest.struck(session, world.lot.id) == []
    farm_log.strike(session, barring.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=ALL)
    farm_log.strike(session, elsewhere.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=ALL)
    right = farm_log.Work(**{**SPRAY.__dict__, "done_on": TODAY - timedelta(days=40)})
    made = farm_log.correct(session, harmless.id, right, reason="Nhầm ngày", by=world.manager.id, at=NOW, reach=ALL)
    session.expire_all()
    told = preharvest.struck(session, world.lot.id)
    assert [(each.entry.id, each.barred) for each in told] == [(barring.id, True), (harmless.id, False)]
    first, second = (each.entry for each in told)
    assert first.strike is not None
    assert second.strike is not None
    assert (first.strike.striker, first.strike.reason) == (world.clerk, "Nhầm thửa")
    assert (second.strike.striker, second.correction) == (world.manager, made)


def test_of_a_merged_lot_the_strikes_behind_each_of_its_lots_are_told(session: Any, world: Any) -> None:
    other = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-9", volume_g=10_000
    )
    made = lot_changes.merge(
        session, {world.lot.id, other.id}, code="L-GOP", by=world.clerk.id, at=NOW, reach=Reach(holders=frozenset({world.cooperative.id}))
    )  # fmt: skip
    entry = spray(session, world, done_on=world.lot.harvested_on - timedelta(days=3))
    farm_log.strike(session, entry.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=ALL)
    assert {each.lot.code for each in preharvest.struck(session, made.id)} == {world.lot.code, "L-9"}
