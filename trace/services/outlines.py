"""A boundary as text that people can read, paste and correct without a map: one point a line, latitude first.

An empty line begins another piece of land, a line of one hyphen a hole in the piece above. Pure functions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trace.errors import Invalid, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMBER = r"[+-]?\d{1,9}(?:[.,]\d{1,15})?"
_POINT = re.compile(rf"\s*({_NUMBER})°?\s*[;,\t ]\s*({_NUMBER})°?\s*[;,]?\s*")
_HOLE = re.compile(r"\s*[-–—]+\s*")
MOST_SHOWN = 5


class OutlineUnreadable(Invalid):
    """Line %(line)s of the points is not a latitude and a longitude: “%(text)s”.

    Write one point a line, latitude first, for example 20.91234, 106.41234.
    """


class PointUnreadable(Invalid):
    """“%(text)s” is not a latitude and a longitude.

    Write the latitude first, for example 20.91234, 106.41234.
    """


class HoleWithoutOutline(Invalid):
    """Line %(line)s begins a hole, but there is no piece of land above it.

    Write the points of the land first, then a line with a hyphen, then the points of the hole.
    """


def read(text: str) -> dict[str, Any] | None:
    """The multipolygon that a text says, each line closed; None if it says nothing. Raises `Refused` with every line it cannot read."""
    polygons: list[list[list[list[float]]]] = []
    reasons: list[Invalid] = []
    fresh = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            fresh = True
        elif _HOLE.fullmatch(line):
            if polygons:
                polygons[-1].append([])
                fresh = False
            else:
                reasons.append(HoleWithoutOutline(line=str(number)))
        elif found := _POINT.fullmatch(line):
            if fresh:
                polygons.append([[]])
                fresh = False
            polygons[-1][-1].append([_number(found[2]), _number(found[1])])
        else:
            reasons.append(OutlineUnreadable(line=str(number), text=line.strip()[:60]))
    if reasons:
        raise Refused(reasons[:MOST_SHOWN])
    closed = [[_closed(ring) for ring in polygon if ring] for polygon in polygons]
    return {"type": "MultiPolygon", "coordinates": closed} if closed else None


def point(text: str) -> tuple[float, float]:
    """Longitude and latitude of one point as people write it. Raises `PointUnreadable`."""
    found = _POINT.fullmatch(text)
    if found is None:
        raise PointUnreadable(text=text.strip()[:60])
    return _number(found[2]), _number(found[1])


def write(geometry: Mapping[str, Any]) -> str:
    """A polygon or multipolygon of GeoJSON as text; the point that closes a line is left out."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return "\n\n".join("\n-\n".join(_lines(ring) for ring in polygon) for polygon in polygons)


def place(lon: float, lat: float) -> str:
    """One point as people write it."""
    return f"{lat:.6f}, {lon:.6f}"


def _lines(ring: Sequence[Sequence[float]]) -> str:
    points = ring[:-1] if len(ring) > 1 and list(ring[0]) == list(ring[-1]) else ring
    return "\n".join(place(each[0], each[1]) for each in points)


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _closed(ring: list[list[float]]) -> list[list[float]]:
    return ring if len(ring) < 2 or ring[0] == ring[-1] else [*ring, ring[0]]
