"""A season and a harvest at the same moment: whichever commits first, no harvest counts in an earlier season than the last that began."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from trace.errors import Refused
from trace.services import harvests, lot_recording, products
from trace.services.reach import Reach

pytestmark = pytest.mark.committed
ALL = Reach(everything=True)
TODAY = NOW.date()


@pytest.fixture
def city(committed: Any) -> Any:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        session.commit()
    return world


def open_season(session: Session, world: Any) -> None:
    facts = products.SeasonFacts(
        name="Vụ mẫu sau", first_day=TODAY - timedelta(days=1), last_day=TODAY + timedelta(days=200), yield_cap_kg_per_ha=8000
    )  # fmt: skip
    products.record_season(session, world.product.id, facts, by=world.manager.id, at=NOW, reach=ALL)


def harvest(session: Session, world: Any) -> None:
    lot_recording.record(
        session, code="L-1", season_id=world.season.id, area_id=world.area.id, volume_g=1000, harvested_on=TODAY, packed_on=TODAY,
        expires_on=TODAY, by=world.clerk.id, at=NOW, reach=ALL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(open_season, harvest, harvests.HarvestOfLaterSeason), (harvest, open_season, harvests.HarvestsChangeSeason)],
)
def test_the_second_waits_and_is_refused(committed: Any, city: Any, first: Any, second: Any, expected: type) -> None:
    said: list[type] = []

    def follow() -> None:
        with Session(committed) as other:
            try:
                second(other, city)
                other.commit()
                said.append(type(None))
            except Refused as refused:
                said.extend(type(reason) for reason in refused.reasons)

    with Session(committed) as ahead:
        first(ahead, city)
        thread = threading.Thread(target=follow)
        thread.start()
        thread.join(1)
        assert thread.is_alive(), "the second waits for the first"
        ahead.commit()
    thread.join(20)
    assert said == [expected]
