"""External release, site capacity, and a whole story of a lot as rows of tracking events."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW, config_for
from tests.services.test_lot_changes import merge, order
from tests.services.test_lots import record
from trace.clock import CITY
from trace.errors import Refused
from trace.models.areas import ProductionSite, SiteKind
from trace.models.certificates import CertificateSource
from trace.models.events import BusinessStep, Disposition, EventAction, EventKind, TraceEvent
from trace.models.labels import LabelMove
from trace.models.lots import EligibleBalance, LotState
from trace.models.parties import PartyKind, Role
from trace.models.titles import Product, Season, SourceKind, TitleRole, TitleRoleKind, UseRegulation
from trace.services import events, farm_log, gate, handovers, ledger, lot_chain, lots, ordering, releases, rules
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()
PAPER = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nstartxref\n9\n%%EOF\n"


@pytest.fixture
def outsider(session: Any, world: Any) -> Any:
    """A certifier of a body that controls the title and is neither its manager nor a holder; the regulation asks for release."""
    body = factories.party(session, "Trung tâm chứng nhận mẫu", PartyKind.COMPANY)
    session.add(
        TitleRole(
            title_id=world.title.id, party_id=body.id, role=TitleRoleKind.CONTROL_BODY, valid_during=Range(date(2020, 1, 1), None),
            deciding_document="Hợp đồng mẫu",
        )
    )  # fmt: skip
    key = config_for("", Path()).derived("second-factor")
    person = factories.user(session, "ben.ngoai", "Người mẫu Ngoài", NOW, key=key)
    factories.role(session, person, body, Role.CERTIFIER, NOW)
    regulation = session.query(UseRegulation).filter_by(title_id=world.title.id).one()
    regulation.rules = rules.kept(rules.Rules(external_release=True))
    session.flush()
    return person


def release(session: Any, folder: Any, lot: Any, by: Any, *, conforms: bool = True, **facts: Any) -> Any:
    given = {
        "stream": io.BytesIO(PAPER),
        "name": "phieu.pdf",
        "document": "PKN-MẪU 12",
        "note": None,
        "at": NOW,
    } | facts
    return releases.release(
        session, folder, lot.id, given.pop("stream"), conforms=conforms, by=by.id, reach=ALL, **given
    )


def test_without_an_external_release_a_lot_is_not_certified_and_gets_no_labels(
    session: Any, world: Any, outsider: Any, tmp_path: Any
) -> None:
    lot = record(session, world)
    with pytest.raises(gate.ReleaseMissing):
        lots.certify(session, lot.id, by=world.manager.id, at=NOW, reach=ALL)
    with pytest.raises(Refused) as caught:  # certified before the regulation asked for it
        order(session, world, world.lot)
    assert {type(reason) for reason in caught.value.reasons} == {gate.ReleaseMissing}
    release(session, tmp_path, lot, outsider, conforms=False)
    with pytest.raises(gate.ReleaseMissing):
        lots.certify(session, lot.id, by=world.manager.id, at=NOW, reach=ALL)
    release(session, tmp_path, lot, outsider, at=NOW + timedelta(minutes=1))
    assert lots.certify(session, lot.id, by=world.manager.id, at=NOW, reach=ALL).state is LotState.CERTIFIED
    order(session, world, lot)
    assert [each.conforms for each in releases.of_lot(session, lot.id)] == [True, False]


def test_only_a_certifier_from_outside_releases(session: Any, world: Any, outsider: Any, tmp_path: Any) -> None:
    for person in (world.certifier, world.manager, world.clerk):  # the certifier belongs to the managing body
        with pytest.raises(releases.NotExternal):
            release(session, tmp_path, world.lot, person)
    with pytest.raises(Refused) as caught:
        release(session, tmp_path, world.lot, outsider, document=" ", stream=None)
    assert {type(each) for each in caught.value.reasons} == {
        releases.ReleaseDocumentMissing,
        releases.ReleaseFileMissing,
    }


def test_a_merged_lot_is_released_when_all_that_it_came_from_are(
    session: Any, world: Any, outsider: Any, tmp_path: Any
) -> None:
    other = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-9", volume_g=10_000
    )
    release(session, tmp_path, world.lot, outsider)
    made = merge(session, world, world.lot, other)
    assert not releases.stands(session, made)
    release(session, tmp_path, other, outsider)
    assert releases.stands(session, made)


def test_a_site_makes_no_more_than_its_capacity_in_a_season(session: Any, world: Any) -> None:
    site = ProductionSite(
        title_id=world.title.id, holder_id=world.cooperative.id, name="Bể mẫu", kind=SiteKind.VAT, commune_code="10813",
        location="SRID=4326;POINT(106.45 20.90)", capacity_g=1_000_000,
    )  # fmt: skip
    product = Product(
        title_id=world.title.id, name="Nước mắm mẫu", name_en="x", description="x", source_kind=SourceKind.SITE
    )
    session.add_all([site, product])
    session.flush()
    season = Season(
        product_id=product.id, name="Năm mẫu", runs_during=Range(TODAY - timedelta(days=99), TODAY + timedelta(days=99))
    )
    session.add_all([season, CertificateSource(certificate_id=world.certificate.id, site_id=site.id)])
    session.flush()
    session.add(EligibleBalance(holder_id=world.cooperative.id, season_id=season.id, eligible_g=9_000_000))
    where = {"season_id": season.id, "area_id": None, "site_id": site.id}
    record(session, world, volume_g=900_000, **where)
    with pytest.raises(Refused) as caught:
        record(session, world, code="L-2", volume_g=100_001, **where)
    (reason,) = caught.value.reasons
    assert isinstance(reason, lots.BeyondCapacity)
    assert reason.facts["excess"] == Decimal("0.001")
    record(session, world, code="L-2", volume_g=100_000, **where)


def test_a_whole_story_becomes_events_from_which_an_epcis_document_can_be_written(session: Any, world: Any) -> None:
    water = farm_log.Work(farm_log.FarmWork.IRRIGATION, TODAY - timedelta(days=3), "Bà Mẫu Chín")
    entry = farm_log.add(session, water, area_id=world.area.id, by=world.clerk.id, at=NOW, reach=ALL)
    lot = record(session, world, harvested_on=TODAY - timedelta(days=1))
    lots.certify(session, lot.id, by=world.certifier.id, at=NOW, reach=ALL)
    made = merge(session, world, lot, world.lot)
    placed = order(session, world, made, 20)
    ledger.apply(session, placed.id, placed.serials, LabelMove.PRINT, by=world.clerk.id, at=NOW, reach=ALL)
    ledger.apply(
        session, placed.id, placed.serials, LabelMove.RECEIVE, by=world.clerk.id, at=NOW, reach=ALL, counted=20
    )
    first = placed.serials.lower
    theirs = Range(first, first + 5)
    offered = handovers.offer(
        session, placed.id, theirs, taker_id=world.packing_house.id, by=world.clerk.id, at=NOW, on=TODAY, reach=ALL
    )
    side = Reach(holders=frozenset({world.packing_house.id}))
    handovers.take(session, offered.id, by=world.packer.id, at=NOW, reach=side)
    factories.tested(session, placed, NOW)
    ledger.apply(
        session, placed.id, Range(first + 5, first + 20), LabelMove.ACTIVATE, by=world.clerk.id, at=NOW, reach=ALL
    )
    lots.recall(session, made.id, reason="Dư lượng vượt mức", by=world.manager.id, at=NOW, reach=ALL)
    own, after = events.of_lot(session, lot.id), events.of_lot(session, made.id)

    def told(rows: Any) -> set[tuple[Any, ...]]:
        return {
            (
                row.kind,
                row.action,
                row.business_step,
                row.disposition,
                (row.serials.upper - row.serials.lower) if row.serials else None,
            )
            for row in rows
        }

    k, a, s, d = EventKind, EventAction, BusinessStep, Disposition
    assert told(own) == {
        (k.OBJECT, a.ADD, s.CREATING_CLASS_INSTANCE, d.IN_PROGRESS, None), (k.OBJECT, a.OBSERVE, s.PACKING, d.IN_PROGRESS, None),
        (k.OBJECT, a.OBSERVE, s.INSPECTING, d.CONFORMANT, None), (k.TRANSFORMATION, None, s.TRANSFORMING, d.IN_PROGRESS, None),
    }  # fmt: skip
    assert told(after) == {
        (k.TRANSFORMATION, None, s.TRANSFORMING, d.IN_PROGRESS, None), (k.OBJECT, a.OBSERVE, s.SHIPPING, d.IN_TRANSIT, 5),
        (k.OBJECT, a.OBSERVE, s.ENCODING, d.ENCODED, 20), (k.OBJECT, a.OBSERVE, s.RECEIVING, d.ENCODED, 20),
        (k.OBJECT, a.OBSERVE, s.RECEIVING, d.IN_PROGRESS, 5), (k.ASSOCIATION, a.ADD, s.COMMISSIONING, d.ACTIVE, 15),
        (k.OBJECT, a.OBSERVE, s.HOLDING, d.RECALLED, None), (k.OBJECT, a.OBSERVE, s.HOLDING, d.RECALLED, 15),
    }  # fmt: skip
    harvest = next(row for row in own if row.business_step is s.CREATING_CLASS_INSTANCE)
    assert harvest.happened_at == datetime.combine(TODAY - timedelta(days=1), datetime.min.time(), CITY)
    assert (harvest.recorded_at, harvest.zone_offset, harvest.area_id, harvest.commune_code, harvest.author.id) == (
        NOW, "+07:00", world.area.id, "10813", world.clerk.id,
    )  # fmt: skip
    assert harvest.how == {"precision": "day", "farm_log": [str(entry.id)]}
    sent = next(row for row in after if row.business_step is s.SHIPPING)
    assert (sent.party_id, sent.to_party_id) == (world.cooperative.id, world.packing_house.id)
    assert lot_chain.keepers(session, made.id) == [(world.cooperative.name, 15)]
    assert ordering.get(session, placed.id, reach=ALL).number in {row.order.number for row in after if row.order}


def test_events_cannot_be_changed(session: Any, world: Any) -> None:
    record(session, world)
    assert factories.count(session, TraceEvent) == 2
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(text("UPDATE trace_event SET disposition = 'recalled'"))


def test_the_packing_is_told_once_its_day_has_come(session: Any, world: Any) -> None:
    lot = record(session, world, packed_on=TODAY + timedelta(days=1))

    def packings() -> int:
        return factories.count(
            session, TraceEvent, TraceEvent.lot_id == lot.id, TraceEvent.business_step == BusinessStep.PACKING
        )

    assert packings() == 0
    lots.certify(session, lot.id, by=world.certifier.id, at=NOW + timedelta(days=2), reach=ALL)
    assert packings() == 1
