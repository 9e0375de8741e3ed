"""Outlines that share land are never taken for apart, and neighbours along a border are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from trace.services import land_pairs, shapes
from trace.services.shapes import Shape


def outline(*points: tuple[float, float]) -> Shape:
    """A closed outline near the city; its points in metres."""
    ring = np.array([*points, points[0]], dtype=float) / (103_900.0, 111_320.0) + (106.4, 20.9)
    return Shape([[ring]])


def square(x: float, y: float, side: float = 100) -> Shape:
    return outline((x, y), (x + side, y), (x + side, y + side), (x, y + side))


def sharing(*drawn: Shape) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in land_pairs.sharing(land_pairs.outlines(drawn), most=100).tolist()]


TOOTHED = ((100, 0), (115, 20), (85, 40), (112, 60), (90, 80), (100, 100))


def test_neighbours_along_a_toothed_border_are_apart() -> None:
    west = outline((0, 0), *TOOTHED, (0, 100))
    east = outline((200, 0), (200, 100), *reversed(TOOTHED))
    assert sharing(west, east) == []
    assert sharing(east, west) == []


@pytest.mark.parametrize("moved", [-2.0, -0.5, -40.0])
def test_a_border_that_was_moved_into_the_neighbour_is_found(moved: float) -> None:
    west = outline((0, 0), *TOOTHED, (0, 100))
    east = outline((200, 0), (200, 100), *((x + moved, y) for x, y in reversed(TOOTHED)))
    assert sharing(west, east) == [(1, 0)]


def test_one_within_the_other_and_the_same_twice_are_found() -> None:
    assert sharing(square(0, 0), square(30, 30, 20)) == [(1, 0)]
    assert sharing(square(0, 0), square(0, 0)) == [(1, 0)]
    assert sharing(square(0, 0), square(25, 25, 50)) == [(1, 0)]


def test_of_each_outline_only_so_many_pairs() -> None:
    many = land_pairs.outlines([square(number, 0) for number in range(20)])
    pairs = land_pairs.sharing(many, most=3)
    assert np.bincount(pairs[:, 0]).max() == 3


def test_what_postgis_calls_shared_is_never_called_apart(session: Any) -> None:
    chance = np.random.default_rng(3)
    drawn = []
    for _ in range(120):
        x, y = chance.uniform(0, 900, 2)
        angles = np.sort(chance.uniform(0, 2 * np.pi, 14))
        far = chance.uniform(20, 80, 14)
        drawn.append(outline(*((x + f * np.cos(a), y + f * np.sin(a)) for a, f in zip(angles, far, strict=True))))
    statement = text(
        "SELECT ST_IsValid(a) AND ST_IsValid(b) AND ST_Area(ST_Intersection(a, b)::geography) > 1 "
        "FROM (SELECT ST_GeomFromEWKB(:one) AS a, ST_GeomFromEWKB(:other) AS b) x"
    )
    found, shared = set(sharing(*drawn)), set()
    for later in range(len(drawn)):
        for earlier in range(later):
            asked = {"one": shapes.ewkb(drawn[later]), "other": shapes.ewkb(drawn[earlier])}
            if session.scalar(statement, asked):
                shared.add((later, earlier))
    assert shared
    assert shared <= found
