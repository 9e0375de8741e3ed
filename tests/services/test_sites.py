"""Production sites: recorded, moved, closed; what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.areas import ProductionSite, SiteKind, SiteStatus
from trace.models.history import History
from trace.services import editing, sites
from trace.services.reach import Reach
from trace.services.sites import SiteFacts

ALL = Reach(everything=True)


@pytest.fixture
def facts(world: Any) -> SiteFacts:
    return SiteFacts(
        name="Bể mẫu", kind=SiteKind.VAT, holder_id=world.cooperative.id, title_id=world.title.id, commune_code="10813",
        capacity_g=5_000_000, units=12, status=SiteStatus.WORKING, point=(106.43, 20.92),
    )  # fmt: skip


def record(session: Any, world: Any, facts: SiteFacts, **other: Any) -> ProductionSite:
    return sites.record(session, facts, **({"by": world.clerk.id, "at": NOW, "reach": ALL} | other))


def revise(session: Any, world: Any, site: ProductionSite, facts: SiteFacts, **other: Any) -> ProductionSite:
    given = {"revision": site.revision, "why": None, "by": world.clerk.id, "at": NOW, "reach": ALL}
    return sites.revise(session, site.id, facts, **(given | other))


def kinds(refused: Any) -> set[str]:
    return {type(each).__name__ for each in refused.value.reasons}


def test_a_site_is_recorded_where_it_lies(session: Any, world: Any, facts: SiteFacts) -> None:
    site = record(session, world, facts)
    found = sites.show(session, site.id, reach=ALL)
    assert (found.lon, found.lat, found.inside) == (pytest.approx(106.43), pytest.approx(20.92), True)
    deed = session.scalars(select(History).where(History.subject_id == site.id)).one()
    assert (deed.deed, deed.changes["units"]) == ("site:record", [None, 12])


def test_without_a_point_the_commune_stands_for_it(session: Any, world: Any, facts: SiteFacts) -> None:
    found = sites.show(session, record(session, world, replace(facts, point=None)).id, reach=ALL)
    assert 106.40 < found.lon < 106.50
    assert 20.88 < found.lat < 20.98


def test_everything_against_a_site_is_said_at_once(session: Any, world: Any, facts: SiteFacts) -> None:
    record(session, world, facts)
    with pytest.raises(Refused) as refused:
        record(session, world, replace(facts, point=(20.92, 106.43)))
    assert kinds(refused) == {"SiteNameTaken", "SiteOutsideCity"}
    with pytest.raises(Refused) as refused:
        record(session, world, facts, reach=Reach(holders=frozenset({world.other_cooperative.id})))
    assert "HolderNotYours" in kinds(refused)


def test_a_site_that_moves_or_closes_says_so_in_its_history(session: Any, world: Any, facts: SiteFacts) -> None:
    site = record(session, world, facts)
    revise(session, world, site, replace(facts, point=(106.44, 20.92), status=SiteStatus.CLOSED), why="Dời bể")
    deed = session.scalars(select(History).where(History.deed == "site:change")).one()
    assert deed.changes["location"] == ["20.920000, 106.430000", "20.920000, 106.440000"]
    assert deed.changes["status"] == ["working", "closed"]
    with pytest.raises(editing.EditedMeanwhile):
        revise(session, world, site, facts, revision=1)


def test_saving_a_site_unchanged_writes_nothing(session: Any, world: Any, facts: SiteFacts) -> None:
    site = record(session, world, facts)
    revise(session, world, site, facts)
    assert site.revision == 1


def test_a_site_out_of_reach_is_not_found(session: Any, world: Any, facts: SiteFacts) -> None:
    site = record(session, world, facts)
    with pytest.raises(NotFound):
        sites.show(session, site.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))
