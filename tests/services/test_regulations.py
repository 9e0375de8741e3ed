"""Versions of a use regulation: superseded, never edited once they have begun; their rules are applied from their first day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.errors import Refused
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole, TitleRoleKind
from trace.services import editing, regulations, rules
from trace.services.reach import Reach
from trace.services.regulations import Facts
from trace.services.rules import Rules

ALL = Reach(everything=True)


def facts(**changed: Any) -> Facts:
    given: dict[str, Any] = {
        "summary": "Quy chế mẫu", "body": "", "deciding_document": "QĐ mẫu 5", "valid_from": date(2026, 7, 1), "requires_area_code": False,
        "pack_weights_g": [1000, 500], "rules": Rules(certificate_number="{n:04}/{year}/GCN-MẪU"),
    }  # fmt: skip
    return Facts(**given | changed)


def record(session: Any, world: Any, **changed: Any) -> Any:
    return regulations.record(session, world.title.id, facts(**changed), by=world.manager.id, at=NOW, reach=ALL)


def test_a_new_version_ends_the_one_before_and_its_rules_hold_from_its_first_day(session: Any, world: Any) -> None:
    new = record(
        session, world, rules=Rules(certificate_number="{n:03}-{year}", validity_months=12, gate_checks=("A1",))
    )
    assert (new.version, new.pack_weights_g) == (2, [500, 1000])
    assert rules.in_force(session, world.title.id, on=date(2026, 6, 30)).validity_months == 36
    after = rules.in_force(session, world.title.id, on=date(2026, 7, 1))
    assert (after.validity_months, after.gate_checks) == (12, ("A1",))


def test_a_version_begins_after_the_one_before(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        record(session, world, valid_from=date(2020, 1, 1))
    assert refused.value.reasons[0].facts == {"start": date(2020, 1, 1)}


def test_what_has_begun_is_not_edited_and_what_begins_later_is(session: Any, world: Any) -> None:
    old = regulations.latest(session, world.title.id)
    assert old is not None

    def edit(version: Any, **changed: Any) -> Any:
        return regulations.edit(
            session, version.id, facts(**changed), revision=version.revision, by=world.manager.id, at=NOW, reach=ALL
        )

    with pytest.raises(regulations.InForce):
        edit(old)
    new = record(session, world)
    edit(new, summary="Bản sửa", valid_from=date(2026, 8, 1))
    session.refresh(old)
    assert (old.valid_during, new.valid_during) == (
        Range(date(2020, 1, 1), date(2026, 8, 1)),
        Range(date(2026, 8, 1), None),
    )
    edit(new, valid_from=date(2026, 6, 20))
    session.refresh(old)
    assert old.valid_during.upper == date(2026, 6, 20)
    with pytest.raises(editing.EditedMeanwhile):
        regulations.edit(session, new.id, facts(), revision=1, by=world.manager.id, at=NOW, reach=ALL)


def test_every_fault_of_a_version_is_told_at_once(session: Any, world: Any) -> None:
    broken = Rules(certificate_number="{n}-GCN", validity_months=0)
    with pytest.raises(Refused) as refused:
        record(session, world, pack_weights_g=[0], valid_from=date(2019, 1, 1), rules=broken)
    assert {type(reason) for reason in refused.value.reasons} == {
        regulations.PackWeightsNeeded, regulations.RuleOutOfRange, rules.NumberPatternFaulty, regulations.NotAfterPrevious,
    }  # fmt: skip


def test_two_titles_do_not_number_by_one_pattern(session: Any, world: Any) -> None:
    other = ProtectionTitle(kind=TitleKind.COLLECTIVE_MARK, name="Nhãn hiệu khác")
    session.add(other)
    session.flush()
    with pytest.raises(Refused) as refused:
        regulations.record(session, other.id, facts(rules=Rules()), by=world.manager.id, at=NOW, reach=ALL)
    assert refused.value.reasons[0].facts == {"title": "Vải mẫu Thanh Hà"}
    regulations.record(session, other.id, facts(), by=world.manager.id, at=NOW, reach=ALL)


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("{n:04}/{year}/GCN", "0013/2026/GCN"), ("{year}-{n}", "2026-13"),
        ("{n:04}/GI080-CN-SKHCN/{year}", "0013/GI080-CN-SKHCN/2026"), ("{n:01}{year}", "132026"),
    ],
)  # fmt: skip
def test_a_pattern_makes_numbers(pattern: str, number: str) -> None:
    assert rules.number_from(pattern, n=13, year=2026) == number


@pytest.mark.parametrize(
    "pattern",
    [
        "", "GCN", "{n}", "{year}", "{n}{n}{year}", "{n}{year}{year}", "{n}/{year}/{month}", "{n:04}/{year", "{n.__class__}{year}",
        "{n!r}{year}", "{n:x}{year}", " {n}/{year}", "{n}/{year}\x00", "{n}{year}" + "x" * 60, "{{n}}{year}",
    ],
)  # fmt: skip
def test_a_pattern_that_would_repeat_a_number_or_break_is_refused(pattern: str) -> None:
    with pytest.raises(rules.NumberPatternFaulty):
        rules.check_pattern(pattern)


def test_a_second_title_with_other_rules_needs_no_code(session: Any, world: Any) -> None:
    """Entered by hand as the pages do: other numbering, validity, weights, no area code; each is applied where it counts."""
    from trace.models.areas import ProductionSite, SiteKind
    from trace.models.lots import Lot, LotState
    from trace.models.titles import SourceKind
    from trace.services import certificates, products, title_edits, volumes
    from trace.services.facts import gather
    from trace.services.gate import AreaCodeMissing, PackWeightNotAllowed, reasons

    by, at = world.manager.id, NOW
    title = title_edits.record(
        session, title_edits.Facts(kind=TitleKind.CERTIFICATION_MARK, name="Mật ong mẫu"), managing_body_id=world.managing_body.id,
        since=date(2020, 1, 1), document="QĐ mẫu 1", by=by, at=at,
    )  # fmt: skip
    rule = Rules(certificate_number="MO-{year}-{n:03}", validity_months=24)
    regulations.record(
        session, title.id, facts(valid_from=date(2025, 1, 1), pack_weights_g=[250], rules=rule), by=by, at=at, reach=ALL
    )
    points = [products.Point("a", "a", hard_to_copy=True), products.Point("b", "b"), products.Point("c", "c")]
    product = products.record(
        session, title.id,
        products.Facts(
            name="Mật ong", name_en="Honey", description="Mật", source_kind=SourceKind.SITE, gtin=None, points=points
        ),
        by=by, at=at, reach=ALL,
    )  # fmt: skip
    season = products.record_season(
        session, product.id,
        products.SeasonFacts(name="2026", first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), yield_cap_kg_per_ha=None),
        by=by, at=at, reach=ALL,
    )  # fmt: skip
    keeper = factories.party(session, "Trại ong mẫu")
    site = ProductionSite(
        title_id=title.id, holder_id=keeper.id, name="Trại", kind=SiteKind.HIVE, commune_code="10813", location="SRID=4326;POINT(106.45 20.9)",
        capacity_g=100_000,
    )  # fmt: skip
    session.add(site)
    session.flush()
    applied = rules.in_force(session, title.id, on=date(2026, 6, 15))
    granted = certificates.grant(
        session, title_id=title.id, holder_id=keeper.id, number=rules.number_from(applied.certificate_number, n=1, year=2026),
        valid_from=date(2026, 1, 1), valid_until=date(2027, 12, 31), site_ids=[site.id], document_number="QĐ", by=by, at=at,
    )  # fmt: skip
    assert granted.number == "MO-2026-001"
    assert applied.validity_months == 24
    volumes.confirm(session, season.id, keeper.id, grams=100_000, seen_g=100_000, reason=None, by=by, at=at, reach=ALL)
    lot = Lot(
        code="L1", holder_id=keeper.id, certificate_id=granted.id, product_id=product.id, season_id=season.id, site_id=site.id,
        volume_g=50_000, harvested_on=date(2026, 6, 1), packed_on=date(2026, 6, 2), expires_on=date(2027, 6, 2), state=LotState.CERTIFIED,
        recorded_at=at, certified_at=at,
    )  # fmt: skip
    session.add(lot)
    session.flush()
    found = gather(session, [lot], on=date(2026, 6, 15))[lot.id]

    def against(weight: int) -> set[type]:
        asked = reasons(
            found, quantity=10, pack_weight_g=weight, layouts=frozenset({"a4-24"}), layout="a4-24", on=date(2026, 6, 15)
        )
        return {type(reason) for reason in asked}

    assert against(250) == set()
    assert against(500) == {PackWeightNotAllowed}
    assert AreaCodeMissing not in against(250)
    # The first title goes on by its own rules.
    first = gather(session, [world.lot], on=date(2026, 6, 15))[world.lot.id]
    assert first.regulation is not None
    assert (first.regulation.requires_area_code, 250 in first.regulation.pack_weights_g) == (True, False)
    assert session.query(TitleRole).filter_by(title_id=title.id, role=TitleRoleKind.MANAGING_BODY).count() == 1
