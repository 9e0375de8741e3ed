"""A harvest counts in one season, however the seasons of a product overlap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOW
from trace.errors import Refused, broken_constraint
from trace.models.lots import EligibleBalance
from trace.models.titles import Season
from trace.services import harvests, lot_recording, products
from trace.services.products import SeasonFacts
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def next_season(session: Any, world: Any, begins: int = -1) -> Season:
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
    return lot_recording.record(
        session, code=code, season_id=season.id, area_id=world.area.id, volume_g=1000, harvested_on=day, packed_on=day,
        expires_on=TODAY, by=world.clerk.id, at=NOW, reach=ALL,
    )  # fmt: skip


def test_a_harvest_counts_in_the_season_that_began_last_before_it(session: Any, world: Any) -> None:
    after = next_season(session, world)
    assert record(session, world, world.season, 2).season_id == world.season.id
    with pytest.raises(Refused) as refused:
        record(session, world, world.season, 1, "L-2")
    (reason,) = refused.value.reasons
    assert isinstance(reason, harvests.HarvestOfLaterSeason)
    assert reason.facts["season"] == "Vụ mẫu sau"
    assert record(session, world, after, 1, "L-2").season_id == after.id


def test_a_season_that_was_closed_without_a_lot_takes_no_harvest_away(session: Any, world: Any) -> None:
    after = next_season(session, world)
    after.closed_at = NOW
    session.flush()
    assert record(session, world, world.season, 1).season_id == world.season.id


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


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE lot SET season_id = :first WHERE code = 'L-SAU'",
        "UPDATE lot SET harvested_on = harvested_on + 1, packed_on = packed_on + 1 WHERE code = 'L-TRUOC'",
        "UPDATE season SET runs_during = daterange(lower(runs_during) - 1, upper(runs_during)) WHERE id = :after",
    ],
)
def test_the_database_lets_no_harvest_count_in_an_earlier_season(session: Any, world: Any, deed: str) -> None:
    after = next_season(session, world)
    record(session, world, world.season, 2, "L-TRUOC")
    record(session, world, after, 1, "L-SAU")
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(
            text(deed).bindparams(
                **{
                    name: found.id
                    for name, found in {"first": world.season, "after": after}.items()
                    if f":{name}" in deed
                }
            )
        )
    assert broken_constraint(broken.value) == "harvest_in_one_season"


def test_the_database_lets_no_season_take_a_harvest_that_counts_in_another(session: Any, world: Any) -> None:
    record(session, world, world.season, 4)
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        next_season(session, world, begins=-4)
    assert broken_constraint(broken.value) == "harvest_in_one_season"


def test_two_open_seasons_of_a_product_do_not_begin_on_one_day(session: Any, world: Any) -> None:
    after = next_season(session, world)
    facts = SeasonFacts(
        name="Vụ mẫu trùng", first_day=after.runs_during.lower, last_day=TODAY + timedelta(days=200), yield_cap_kg_per_ha=8000
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        products.record_season(session, world.product.id, facts, by=world.manager.id, at=NOW, reach=ALL)
    assert {type(reason) for reason in refused.value.reasons} == {products.SeasonStartTaken}
    after.closed_at = NOW  # opened in error
    session.flush()
    assert (
        products.record_season(session, world.product.id, facts, by=world.manager.id, at=NOW, reach=ALL).name
        == facts.name
    )
