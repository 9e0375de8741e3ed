"""Eligible volume: area × cap or capacity, confirmed by somebody else, never below what is issued, with its reasoning kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.lots import EligibleBalance
from trace.models.parties import Role
from trace.services import history, volumes
from trace.services.gate import SeasonClosed
from trace.services.reach import Reach

ALL = Reach(everything=True)


def line_of(session: Any, world: Any, holder: Any = None) -> volumes.Line:
    return next(
        line for line in volumes.lines(session, world.season) if line.holder.id == (holder or world.cooperative).id
    )


def confirm(session: Any, world: Any, grams: int, *, holder: Any = None, **changed: Any) -> EligibleBalance:
    holder = holder or world.cooperative
    line = line_of(session, world, holder)
    given = {"seen_g": line.computed_g, "reason": None, "by": world.manager.id, "reach": ALL, **changed}
    return volumes.confirm(session, world.season.id, holder.id, grams=grams, at=NOW, **given)


def test_the_smaller_of_declared_and_measured_land_counts_times_the_cap(session: Any, world: Any) -> None:
    (source,) = line_of(session, world).sources
    assert (source.name, source.certificate, source.cap_kg_per_ha) == ("Vùng vải số 1", "MẪU-0001", 8000)
    assert source.declared_ha == 10
    assert source.measured_ha == pytest.approx(Decimal("10.35"), abs=Decimal("0.1"))
    assert line_of(session, world).computed_g == 80_000_000
    world.area.declared_ha = 20
    session.flush()
    (source,) = line_of(session, world).sources
    assert source.grams == int(source.measured_ha * 8_000_000)  # type: ignore[operator]


def test_a_source_on_two_certificates_counts_once_and_a_revoked_one_not_at_all(session: Any, world: Any) -> None:
    held = UseCertificate.id == world.certificate.id
    session.execute(
        update(UseCertificate).where(held).values(status=CertificateStatus.GIVEN_UP, status_reason="đổi giấy")
    )
    assert line_of(session, world).computed_g == 0
    factories.certificate(session, world.title, world.cooperative, world.area, "MẪU-0010", NOW)
    assert line_of(session, world).computed_g == 80_000_000
    session.execute(update(UseCertificate).where(held).values(valid_during=None or UseCertificate.valid_during))
    assert len(line_of(session, world).sources) == 1


def test_a_confirmation_sets_the_balance_and_keeps_its_reasoning(session: Any, world: Any) -> None:
    assert line_of(session, world).waits
    balance = confirm(session, world, 80_000_000)
    assert balance.eligible_g == 80_000_000
    line = line_of(session, world)
    assert not line.waits
    (kept,) = volumes.confirmations(session, world.season.id)
    assert (kept.was_g, kept.computed_g, kept.eligible_g, kept.by) == (
        1_000_000,
        80_000_000,
        80_000_000,
        world.manager.id,
    )
    assert kept.basis["sources"] == [
        {
            "kind": "area", "name": "Vùng vải số 1", "certificate": "MẪU-0001", "hectares": "10", "cap_kg_per_ha": 8000,
            "grams": 80_000_000,
        }
    ]  # fmt: skip
    assert history.of(session, world.season.id)[0].changes["eligible_g"] == [1_000_000, 80_000_000]
    world.area.declared_ha = 5
    session.flush()
    assert line_of(session, world).waits


def test_less_than_reckoned_needs_a_reason_and_more_is_refused(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        confirm(session, world, 40_000_000)
    assert isinstance(refused.value.reasons[0], volumes.WhyNeeded)
    confirm(session, world, 40_000_000, reason="Đất trồng hai loại")
    with pytest.raises(Refused) as refused:
        confirm(session, world, 80_000_001, reason="thêm")
    assert isinstance(refused.value.reasons[0], volumes.AboveComputed)


def test_never_below_what_is_issued(session: Any, world: Any) -> None:
    world.balance.issued_g = 900_000
    world.area.declared_ha = Decimal("0.05")
    session.flush()
    line = line_of(session, world)
    assert (line.computed_g, line.least_g, line.proposed_g) == (400_000, 900_000, 900_000)
    with pytest.raises(Refused) as refused:
        confirm(session, world, 400_000)
    assert isinstance(refused.value.reasons[0], volumes.BelowIssued)
    confirm(session, world, 900_000, reason="Đã dán tem trước khi đo lại")
    assert not line_of(session, world).waits
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text("UPDATE eligible_balance SET eligible_g = 1 WHERE issued_g = 900000"))


def test_figures_that_moved_since_they_were_seen_are_not_confirmed(session: Any, world: Any) -> None:
    with pytest.raises(volumes.FiguresMoved):
        confirm(session, world, 70_000_000, seen_g=70_000_000)
    with pytest.raises(volumes.FiguresMoved):
        volumes.confirm_all(session, world.season.id, seen_g=1, by=world.manager.id, at=NOW, reach=ALL)


def test_all_that_waits_is_confirmed_at_once(session: Any, world: Any) -> None:
    newcomer = factories.party(session, "Hợp tác xã mẫu mới")
    area = factories.area(session, world.title, newcomer, "Vùng mới")
    factories.certificate(session, world.title, newcomer, area, "MẪU-0011", NOW)
    assert volumes.waiting(session, [world.season], on=NOW.date()) == {world.season.id: 3}
    assert volumes.waiting(session, [world.season], on=date(2026, 12, 1)) == {}
    waiting = volumes.plain_ones(volumes.lines(session, world.season))
    done = volumes.confirm_all(
        session,
        world.season.id,
        seen_g=sum(line.computed_g for line in waiting),
        by=world.manager.id,
        at=NOW,
        reach=ALL,
    )
    assert done == 3
    assert volumes.waiting(session, [world.season], on=NOW.date()) == {}
    assert line_of(session, world, newcomer).balance is not None


def test_nobody_confirms_for_the_own_organisation_a_strange_title_or_a_closed_season(session: Any, world: Any) -> None:
    factories.role(session, world.manager, world.cooperative, Role.MANAGER, NOW)
    with pytest.raises(volumes.OwnVolume):
        confirm(session, world, 80_000_000)
    with pytest.raises(NotFound):
        confirm(session, world, 80_000_000, reach=Reach())
    with pytest.raises(NotFound):
        volumes.confirm(
            session,
            world.season.id,
            world.authority.id,
            grams=0,
            seen_g=0,
            reason=None,
            by=world.manager.id,
            at=NOW,
            reach=ALL,
        )
    world.season.closed_at = NOW
    session.flush()
    with pytest.raises(SeasonClosed):
        confirm(session, world, 80_000_000, holder=world.other_cooperative)


def test_one_holders_line_is_the_one_among_all(session: Any, world: Any) -> None:
    confirm(session, world, 80_000_000)
    every = volumes.lines(session, world.season)
    assert {line.holder.id for line in every} == {world.cooperative.id, world.other_cooperative.id}
    for line in every:
        assert volumes.lines(session, world.season, holder_id=line.holder.id) == [line]
    assert volumes.lines(session, world.season, holder_id=world.packing_house.id) == []


def test_the_season_of_a_site_is_bounded_by_its_capacity(session: Any, world: Any) -> None:
    from sqlalchemy.dialects.postgresql import Range

    from trace.models.areas import ProductionSite, SiteKind, SiteStatus
    from trace.models.certificates import CertificateSource
    from trace.models.titles import Product, Season, SourceKind

    product = Product(title_id=world.title.id, name="Mật", name_en="Honey", description="", source_kind=SourceKind.SITE)
    session.add(product)
    session.flush()
    season = Season(product_id=product.id, name="2026", runs_during=Range(date(2026, 1, 1), date(2027, 1, 1)))
    site = ProductionSite(
        title_id=world.title.id, holder_id=world.cooperative.id, name="Trại", kind=SiteKind.HIVE, commune_code="10813",
        location="SRID=4326;POINT(106.45 20.9)", capacity_g=6_500_000,
    )  # fmt: skip
    session.add_all([season, site])
    session.flush()
    session.add(CertificateSource(certificate_id=world.certificate.id, site_id=site.id))
    session.flush()
    (line,) = volumes.lines(session, season)
    assert line.computed_g == 6_500_000
    site.status = SiteStatus.PAUSED
    session.flush()
    assert volumes.lines(session, season) == []
