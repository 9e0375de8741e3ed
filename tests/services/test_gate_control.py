"""What control says at the label gate: failed gate checks, blocking nonconformities, and how long ago the source was controlled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from trace.errors import Refused
from trace.models.areas import ProductionSite, SiteKind, SiteStatus
from trace.models.certificates import CertificateSource
from trace.models.controls import ControlLevel, Nonconformity
from trace.models.lots import LotOrigin, LotSource
from trace.models.titles import SourceKind, UseRegulation
from trace.services import controls, gate, lot_recording, ordering
from trace.services.reach import Reach

ALL = Reach(everything=True)


def standing(session: Any, world: Any) -> dict[type, Any]:
    session.flush()
    session.expire_all()
    quote = ordering.quote(
        session, lot_id=world.lot.id, quantity=1, pack_weight_g=1000, layout="a4-24", at=NOW, reach=ALL
    )
    return {type(reason): reason for reason in quote.standing}


def rule(session: Any, **rules: Any) -> None:
    session.query(UseRegulation).one().rules = rules


def test_without_a_rule_nobody_asks_for_a_visit(session: Any, world: Any) -> None:
    assert standing(session, world) == {}


def test_a_failed_gate_check_is_named_and_opens_the_gate_again_once_its_correction_had_effect(
    session: Any, world: Any
) -> None:
    rule(session, gate_checks=["KS-04"])
    factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-04": "Tủ không khóa"})
    reason = standing(session, world)[gate.GateCheckFailed]
    assert (reason.facts["code"], reason.facts["source"]) == ("KS-04", "Vùng vải số 1")
    found = session.query(Nonconformity).one()
    controls.answer(session, found.id, text="Đã mua khóa", by=world.clerk.id, at=NOW, reach=ALL)
    assert gate.GateCheckFailed in standing(session, world), "reported is not yet verified"
    controls.verify(
        session, found.id, text="Chưa khóa", effective=False, new_due=NOW.date(), by=world.manager.id, at=NOW, reach=ALL
    )
    assert gate.GateCheckFailed in standing(session, world)
    controls.answer(session, found.id, text="Đã khóa", by=world.clerk.id, at=NOW, reach=ALL)
    controls.verify(session, found.id, text="Đã xem", by=world.manager.id, at=NOW, reach=ALL)
    assert standing(session, world) == {}


def test_other_items_that_fail_close_nothing_unless_they_are_critical(session: Any, world: Any) -> None:
    factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-02": "Thiếu tuần 23"})
    assert standing(session, world) == {}
    factories.visited(
        session, world.controller, NOW, area_id=world.area.id, fails={"KS-03": "Thuốc lạ"}, level=ControlLevel.EXTERNAL
    )
    assert set(standing(session, world)) == {gate.BlockingNonconformity}


def test_a_finding_on_another_source_or_another_holder_closes_nothing_here(session: Any, world: Any) -> None:
    factories.nonconformity(session, world.title, world.other_cooperative, NOW)
    factories.nonconformity(session, world.title, world.other_cooperative, NOW, area_id=world.other_area.id)
    assert standing(session, world) == {}
    factories.nonconformity(session, world.title, world.cooperative, NOW)
    assert set(standing(session, world)) == {gate.BlockingNonconformity}


@pytest.mark.parametrize(("ago", "opens"), [(0, True), (90, True), (91, False)])
def test_a_title_may_ask_for_a_passed_control_of_late(session: Any, world: Any, ago: int, opens: bool) -> None:
    rule(session, visit_within_days=90)
    factories.visited(
        session, world.controller, NOW, area_id=world.area.id, visited_on=NOW.date() - timedelta(days=ago)
    )
    assert (gate.NotControlledLately not in standing(session, world)) is opens


def test_self_controls_failed_visits_and_those_of_others_do_not_count(session: Any, world: Any) -> None:
    rule(session, visit_within_days=90)
    assert standing(session, world)[gate.NotControlledLately].facts["last"] == "–"
    factories.visited(session, world.clerk, NOW, area_id=world.area.id, level=ControlLevel.SELF)
    factories.visited(session, world.controller, NOW, area_id=world.other_area.id)
    factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-02": "Thiếu tuần 23"})
    assert set(standing(session, world)) == {gate.NotControlledLately}


def test_a_closed_site_gives_neither_labels_nor_lots_until_it_works_again(session: Any, world: Any) -> None:
    site = ProductionSite(
        title_id=world.title.id, holder_id=world.cooperative.id, name="Bể mẫu", kind=SiteKind.VAT, commune_code="10813",
        location="SRID=4326;POINT(106.44 20.91)", capacity_g=900_000,
    )  # fmt: skip
    session.add(site)
    session.flush()
    session.add(CertificateSource(certificate_id=world.certificate.id, site_id=site.id))
    world.product.source_kind = SourceKind.SITE
    world.lot.area_id, world.lot.site_id = None, site.id
    assert gate.SiteClosed not in standing(session, world)
    site.status = SiteStatus.CLOSED
    assert standing(session, world)[gate.SiteClosed].facts["site"] == "Bể mẫu"
    day = NOW.date()
    with pytest.raises(Refused) as refused:
        lot_recording.record(
            session, code="L-9", season_id=world.season.id, site_id=site.id, volume_g=1000, harvested_on=day, packed_on=day,
            expires_on=day, by=world.clerk.id, at=NOW, reach=ALL,
        )  # fmt: skip
    assert [type(reason) for reason in refused.value.reasons] == [gate.SiteClosed]
    site.status = SiteStatus.WORKING
    assert gate.SiteClosed not in standing(session, world)


def test_one_closed_site_of_a_merged_lot_is_enough(session: Any, world: Any) -> None:
    sites = [
        ProductionSite(
            title_id=world.title.id, holder_id=world.cooperative.id, name=name, kind=SiteKind.VAT, commune_code="10813",
            location="SRID=4326;POINT(106.44 20.91)", capacity_g=1000, status=status,
        )
        for name, status in (("Bể mở", SiteStatus.WORKING), ("Bể đóng", SiteStatus.CLOSED))
    ]  # fmt: skip
    session.add_all(sites)
    session.flush()
    world.lot.area_id, world.lot.origin = None, LotOrigin.MERGED
    session.add_all([LotSource(lot_id=world.lot.id, site_id=site.id) for site in sites])
    assert standing(session, world)[gate.SiteClosed].facts["site"] == "Bể đóng"
