"""A boundary as text: what people write, paste and get back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.errors import Refused
from trace.services import outlines

SQUARE = [[106.45, 20.93], [106.452, 20.93], [106.452, 20.932], [106.45, 20.93]]


@pytest.mark.parametrize(
    "text",
    [
        "20.93, 106.45\n20.93, 106.452\n20.932, 106.452",
        "20.93 106.45\n20.93\t106.452\n20.932;106.452;",
        "20,93; 106,45\n20,93; 106,452\n20,932, 106,452",
        "\n\n20.93°, 106.45°\r\n20.93, 106.452\r\n20.932, 106.452\r\n20.93, 106.45\r\n",
    ],
)
def test_points_are_read_however_they_are_written(text: str) -> None:
    assert outlines.read(text) == {"type": "MultiPolygon", "coordinates": [[SQUARE]]}


def test_pieces_and_holes() -> None:
    found = outlines.read("1, 1\n1, 9\n9, 9\n-\n2, 2\n2, 3\n3, 3\n\n20, 20\n20, 21\n21, 21\n–\n")
    assert found is not None
    assert [[len(ring) for ring in polygon] for polygon in found["coordinates"]] == [[4, 4], [4]]


def test_nothing_is_nothing() -> None:
    assert outlines.read(" \n\n ") is None


def test_every_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Refused) as refused:
        outlines.read("-\n20.93, 106.45\nđông bắc\n20.93\n1, 2, 3")
    assert [(type(each).__name__, each.facts["line"]) for each in refused.value.reasons] == [
        ("HoleWithoutOutline", "1"), ("OutlineUnreadable", "3"), ("OutlineUnreadable", "4"), ("OutlineUnreadable", "5"),
    ]  # fmt: skip


def test_no_more_refusals_than_can_be_read() -> None:
    with pytest.raises(Refused) as refused:
        outlines.read("x\n" * 5000)
    assert len(refused.value.reasons) == outlines.MOST_SHOWN


degrees = st.integers(-90_000_000, 90_000_000).map(lambda n: n / 1_000_000)
rings = st.lists(st.lists(degrees, min_size=2, max_size=2), min_size=3, max_size=8, unique_by=tuple)


@given(st.lists(st.lists(rings, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_is_read_back(polygons: list[list[list[list[float]]]]) -> None:
    closed = [[[*ring, ring[0]] for ring in polygon] for polygon in polygons]
    assert outlines.read(outlines.write({"type": "MultiPolygon", "coordinates": closed})) == {
        "type": "MultiPolygon",
        "coordinates": closed,
    }


@pytest.mark.parametrize("text", ["", "20.9", "a, b", "20.9, 106.4, 3", "1e5, 2"])
def test_a_point_that_is_none(text: str) -> None:
    with pytest.raises(outlines.PointUnreadable):
        outlines.point(text)


def test_a_point_has_its_latitude_first() -> None:
    assert outlines.point(" 20,797; 106,893 ") == (106.893, 20.797)
    assert outlines.place(106.893, 20.797) == "20.797000, 106.893000"
