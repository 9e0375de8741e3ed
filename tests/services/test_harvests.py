"""A harvest counts in one season, however the seasons of a product overlap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests.conftest import NOW
from trace.errors import Refused
from trace.models.lots import EligibleBalance
from trace.models.titles import Season
from trace.services import harvests, lots, products
from trace.services.products import SeasonFacts
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def next_season(session: Any, world: Any, begins: int = -5) -> Season:
    """A second season of the product that begins some days from today, while the first one runs."""
    made = Season(
        product_id=world.product.id, name="Vụ mẫu sau", yield_cap_kg_per_ha=8000,
        runs_during=Range(TODAY + timedelta(days=begins), TODAY + timedelta(days=300)),
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add(EligibleBalance(holder_id=world.cooperative.id, season_id=made.id, eligible_g=1_000_000))
    session.flush()
    return made


def record(session: Any, world: Any, season: Season, days_ago: int, code: str = "L-1") -> Any:
    day = TODAY - timedelta(days=days_ago)
    return lots.record(
        session, code=code, season_id=season.id, area_id=world.area.id, volume_g=1000, harvested_on=day, packed_on=day,
        expires_on=TODAY, by=world.clerk.id, at=NOW, reach=ALL,
    )  # fmt: skip


def test_a_harvest_counts_in_the_season_that_began_last_before_it(session: Any, world: Any) -> None:
    after = next_season(session, world)
    assert record(session, world, world.season, 6).season_id == world.season.id
    with pytest.raises(Refused) as refused:
        record(session, world, world.season, 5, "L-2")
    (reason,) = refused.value.reasons
    assert isinstance(reason, harvests.HarvestOfLaterSeason)
    assert reason.facts["season"] == "Vụ mẫu sau"
    assert record(session, world, after, 5, "L-2").season_id == after.id


def test_a_season_that_was_closed_without_a_lot_takes_no_harvest_away(session: Any, world: Any) -> None:
    after = next_season(session, world)
    after.closed_at = NOW
    session.flush()
    assert record(session, world, world.season, 2).season_id == world.season.id


def test_a_season_cannot_begin_before_harvests_that_count_in_another(session: Any, world: Any) -> None:
    record(session, world, world.season, 2)

    def begin(days_ago: int) -> Any:
        first = TODAY - timedelta(days=days_ago)
        facts = SeasonFacts(
            name="Vụ mẫu sau", first_day=first, last_day=TODAY + timedelta(days=200), yield_cap_kg_per_ha=8000
        )
        return products.record_season(session, world.product.id, facts, by=world.manager.id, at=NOW, reach=ALL)

    with pytest.raises(Refused) as refused:
        begin(2)
    assert {type(reason) for reason in refused.value.reasons} == {harvests.HarvestsChangeSeason}
    assert begin(-1).name == "Vụ mẫu sau"


def test_moving_a_season_takes_no_harvest_from_another(session: Any, world: Any) -> None:
    after = next_season(session, world, begins=1)
    record(session, world, world.season, 2)
    facts = SeasonFacts(
        name=after.name,
        first_day=TODAY - timedelta(days=3),
        last_day=TODAY + timedelta(days=299),
        yield_cap_kg_per_ha=8000,
    )
    with pytest.raises(Refused) as refused:
        products.edit_season(session, after.id, facts, revision=after.revision, by=world.manager.id, at=NOW, reach=ALL)
    assert {type(reason) for reason in refused.value.reasons} == {harvests.HarvestsChangeSeason}


def test_the_page_of_volumes_names_what_is_confirmed_beside(session: Any, world: Any) -> None:
    after = next_season(session, world)
    ((other, confirmed),) = harvests.beside(session, after)
    assert other.id == world.season.id
    assert confirmed[world.cooperative.id] == world.balance.eligible_g
