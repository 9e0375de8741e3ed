"""What the map draws: within reach only, as much as fits, whatever window is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import factories
from trace.services import area_map, communes
from trace.services.area_map import CITY, Window
from trace.services.reach import Reach

ALL = Reach(everything=True)
NEAR = Window(106.40, 20.88, 106.50, 20.98, 13)


def names(body: bytes) -> set[str]:
    return {feature["properties"].get("name", "?") for feature in json.loads(body)["features"]}


def test_outlines_within_reach_and_window(session: Any, world: Any) -> None:
    factories.area(session, world.title, world.cooperative, "Xa", boundary=factories.square(106.9, 20.7, 0.003))
    own = Reach(holders=frozenset({world.cooperative.id}))
    assert names(area_map.layer(session, NEAR, reach=own)) == {"Vùng vải số 1"}
    assert names(area_map.layer(session, NEAR, reach=ALL)) == {"Vùng vải số 1", "Vùng vải số 2"}
    assert names(area_map.layer(session, NEAR, reach=ALL, without=world.area.id)) == {"Vùng vải số 2"}
    assert names(area_map.layer(session, CITY, reach=Reach())) == set()
    assert names(area_map.layer(session, CITY, reach=ALL, q="vung vai so 2")) == {"Vùng vải số 2"}


def test_too_many_to_draw_are_counted(session: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        factories.area(
            session, world.title, world.cooperative, f"Thửa {number}", code=None,
            boundary=factories.square(106.41 + number * 0.004, 20.95, 0.003),
        )  # fmt: skip
    monkeypatch.setattr(area_map, "MOST_SHAPES", 10)
    found = json.loads(area_map.layer(session, CITY, reach=ALL))["features"]
    assert {feature["geometry"]["type"] for feature in found} == {"Point"}
    assert sum(feature["properties"]["count"] for feature in found) == 14
    assert sum(feature["properties"]["ha"] for feature in found) == 140


def test_outlines_too_heavy_to_send_are_counted_too(session: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_map, "MOST_BYTES", 300)
    body = area_map.layer(session, NEAR, reach=ALL)
    assert {feature["geometry"]["type"] for feature in json.loads(body)["features"]} == {"Point"}


def test_far_away_less_is_drawn(session: Any, world: Any) -> None:
    communes.load(session)
    far = area_map.backdrop(session, CITY, title_id=world.title.id)
    assert len(far) < area_map.MOST_BYTES
    assert len(json.loads(far)["features"]) == 115
    near = area_map.backdrop(session, Window(106.42, 20.9, 106.43, 20.91, 17))
    assert len(json.loads(near)["features"]) < 5
    assert len(near) < 20_000


@pytest.mark.parametrize(
    ("box", "zoom"),
    [
        (None, None),
        ("", ""),
        ("1,2,3", "9"),
        ("a,b,c,d", "9"),
        ("9,9,1,1", "9"),
        ("nan,1,2,3", "9"),
        ("inf,1,2,3", "9"),
        ("1,2,3,4", "x"),
    ],
)
def test_a_window_that_is_none_is_the_city(box: str | None, zoom: str | None) -> None:
    assert area_map.read_window(box, zoom) == CITY


def test_a_window_is_read_and_its_zoom_bounded() -> None:
    assert area_map.read_window("106.4,20.8,106.5,20.9", "99") == Window(106.4, 20.8, 106.5, 20.9, 20)


def test_the_extent_holds_what_the_filters_leave(session: Any, world: Any) -> None:
    extent = area_map.extent(session, reach=Reach(holders=frozenset({world.cooperative.id})))
    assert extent == pytest.approx((106.42, 20.90, 106.423, 20.903))
    assert area_map.extent(session, reach=Reach()) is None
