"""One rounding of hectares for pages, exports, maps and reckonings."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests import factories
from tests.services.test_area_map import NEAR
from trace import shown, sizes
from trace.services import area_map, areas, volumes
from trace.services.reach import Reach

ALL = Reach(everything=True)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (4.605, "4.61"), (Decimal("4.605"), "4.61"), (4.615, "4.62"), (4.6049999, "4.60"), (0.004999, "0.00"), (2.675, "2.68"),
        (Decimal("0.3456"), "0.35"), (10, "10.00"),
    ],
)  # fmt: skip
def test_halves_go_up_whether_as_a_float_or_to_the_digit(value: Any, rounded: str) -> None:
    assert str(sizes.hectares(value)) == rounded
    assert shown.hectares(value) == rounded.replace(".", ",") + " ha"


def test_page_map_export_and_volume_say_the_same_of_an_area(session: Any, world: Any, sign_in: Any) -> None:
    world.area.declared_ha = Decimal("4.605")
    world.area.boundary = factories.square(106.42, 20.90, 0.0019)
    session.commit()
    (line,) = [each for each in volumes.lines(session, world.season) if each.holder.id == world.cooperative.id]
    (source,) = line.sources
    page = areas.show(session, world.area.id, reach=ALL)
    assert source.measured_ha == sizes.hectares(page.measured_ha)
    assert (
        json.loads(area_map.layer(session, NEAR, reach=Reach(holders=frozenset({world.cooperative.id}))))["features"][
            0
        ]["properties"]["ha"]
        == 4.61
    )
    client = sign_in(world.clerk)
    shown_there = client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    assert shown.hectares(page.measured_ha) in shown_there
    assert "4,61 ha" in shown_there
