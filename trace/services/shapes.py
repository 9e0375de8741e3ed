"""Polygons in memory: read from GeoJSON, judged by their points alone, turned into what PostGIS takes.

Many shapes are held in flat arrays and judged together, for a file may hold thousands. What must not live here: the database.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trace.services import boundary_faults as faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trace.errors import TemThatError

    Points = NDArray[np.float64]

MOST_POINTS = 20_000
"""Of one area."""
METRES_PER_DEGREE = 111_320.0
SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY = 0.08181919084262149
"""Of the WGS 84 ellipsoid, as its longer half axis."""
_RING = struct.Struct("<I")
_POLYGON = struct.Struct("<BII")
_MULTI = struct.Struct("<BIII")
_WITH_SRID = 0x20000006


@dataclass(frozen=True)
class Box:
    """A rectangle of degrees, with some room around it."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a point lies within."""
        return self.west <= lon <= self.east and self.south <= lat <= self.north


@dataclass
class Shape:
    """One multipolygon as rings of points, longitude before latitude; or why there is none."""

    polygons: list[list[Points]] = field(default_factory=list)
    faults: list[TemThatError] = field(default_factory=list)


def from_geojson(geometry: object, *, close: bool = False) -> Shape:
    """A GeoJSON geometry, feature, or collection of one, as a shape. Whatever it is, nothing is raised."""
    shape = Shape()
    _read(geometry, shape, close)
    if not shape.polygons and not shape.faults:
        shape.faults.append(faults.BoundaryEmpty())
    return shape


def _read(geometry: object, shape: Shape, close: bool) -> None:  # noqa: FBT001  passed on as it came
    match geometry:
        case None | {"type": "FeatureCollection", "features": []}:
            return
        case {"type": "Polygon", "coordinates": list(rings)}:
            _add(rings, shape, close)
        case {"type": "MultiPolygon", "coordinates": list(polygons)}:
            for rings in polygons:
                _add(rings, shape, close)
        case {"type": "Feature", "geometry": inner}:
            _read(inner, shape, close)
        case {"type": "FeatureCollection", "features": [{"geometry": inner}]}:
            _read(inner, shape, close)
        case {"type": "GeometryCollection", "geometries": list(inner)} if all(
            isinstance(each, dict) and each.get("type") in {"Polygon", "MultiPolygon"} for each in inner
        ):
            for each in inner:
                _read(each, shape, close)
        case {"type": str(kind)}:
            shape.faults.append(faults.NotAPolygon(kind=kind[:40]))
        case _:
            shape.faults.append(faults.NotAPolygon(kind="?"))


def _add(rings: object, shape: Shape, close: bool) -> None:  # noqa: FBT001
    if not isinstance(rings, list):
        shape.faults.append(faults.NotCoordinates())
        return
    made = []
    for ring in rings:
        points = points_of(ring)
        if points is None:
            shape.faults.append(faults.NotCoordinates())
            return
        made.append(closed(points) if close else points)
    if made and len(made[0]):
        shape.polygons.append(made)


def points_of(ring: object) -> Points | None:
    """A list of positions as an array of longitude and latitude; heights are dropped. None if they are no numbers."""
    if isinstance(ring, np.ndarray):  # read so already
        return ring
    if isinstance(ring, list) and not ring:
        return np.empty((0, 2))
    try:
        if isinstance(ring, list) and set(map(len, ring)) == {2}:  # nearly always so, and three times as fast
            return np.fromiter(chain.from_iterable(ring), dtype=np.float64, count=2 * len(ring)).reshape(-1, 2)
        points = np.array(ring, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if points.ndim != 2 or points.shape[1] < 2:
        return None
    return points[:, :2]


def closed(points: Points) -> Points:
    """A line that ends where it begins; two points make none."""
    if len(points) < 3 or (points[0] == points[-1]).all():
        return points
    return np.concatenate([points, points[:1]])


class Laid(NamedTuple):
    """The rings of many shapes, one behind the other in one array."""

    points: Points
    counts: NDArray[np.int64]
    """Of each ring."""
    owners: NDArray[np.int64]
    """Which shape each ring belongs to."""
    holes: NDArray[np.bool_]

    def by_shape(self, weights: NDArray[Any], shapes: int) -> NDArray[np.float64]:
        """The sum of what each ring of a shape weighs."""
        return np.asarray(np.bincount(self.owners, weights=weights, minlength=shapes), dtype=np.float64)


def lay(shapes: Sequence[Shape]) -> Laid:
    """Lay the rings of shapes out flat."""
    rings: list[Points] = []
    owners: list[int] = []
    holes: list[bool] = []
    for owner, shape in enumerate(shapes):
        for polygon in shape.polygons:
            rings += polygon
            owners += [owner] * len(polygon)
            holes += [False, *[True] * (len(polygon) - 1)]
    counts = np.array([len(ring) for ring in rings], dtype=np.int64)
    points = np.concatenate(rings) if rings else np.empty((0, 2))
    return Laid(points, counts, np.array(owners, dtype=np.int64), np.array(holes, dtype=bool))


def judge(shapes: Sequence[Shape], city: Box) -> None:
    """Add to each shape the faults that its points alone show. Shapes without faults afterwards can be given to PostGIS."""
    judged = [shape for shape in shapes if not shape.faults]
    laid = lay(judged)
    if not len(laid.counts):
        return
    _count_points(shapes, laid if len(judged) == len(shapes) else lay(shapes))
    for number in np.flatnonzero(laid.counts < 4):
        _say(judged[laid.owners[number]], faults.TooFewPoints(points=int(laid.counts[number])))
    kept = laid.counts > 0
    counts, owners, flat = laid.counts[kept], laid.owners[kept], laid.points
    if not len(flat):
        return
    starts = np.cumsum(counts) - counts
    lon, lat = flat[:, 0], flat[:, 1]
    away = ~((lon >= city.west) & (lon <= city.east) & (lat >= city.south) & (lat <= city.north))
    bad = away.copy()
    bad[away] = ~((np.abs(lon[away]) <= 180) & (np.abs(lat[away]) <= 90))  # nor is it, if it is no number
    ends = starts + counts - 1
    is_open = (flat[starts] != flat[ends]).any(axis=1) & (counts >= 4)
    strange = np.logical_or.reduceat(bad, starts)
    far = np.logical_and.reduceat(away, starts)
    for number in np.flatnonzero(strange | far):
        ring = flat[starts[number] : ends[number] + 1]
        _say(judged[owners[number]], _misplaced(ring, city, strange=bool(strange[number])))
    for number in np.flatnonzero(is_open & ~strange):
        first, last = flat[starts[number]], flat[ends[number]]
        open_by = round(metres_between(first, last), 1)
        _say(judged[owners[number]], faults.RingNotClosed(metres=open_by, where=place(*last)))


def _count_points(shapes: Sequence[Shape], laid: Laid) -> None:
    points = laid.by_shape(laid.counts, len(shapes))
    for number in np.flatnonzero(points > MOST_POINTS).tolist():
        _say(shapes[number], faults.TooManyPoints(points=int(points[number]), most=MOST_POINTS))


def _say(shape: Shape, fault: TemThatError | None) -> None:
    """Each kind of fault is said once for a shape."""
    if fault is not None and not any(isinstance(each, type(fault)) for each in shape.faults):
        shape.faults.append(fault)


def _misplaced(ring: Points, city: Box, *, strange: bool) -> TemThatError | None:
    """Why a ring lies nowhere in the city."""
    finite = ring[np.isfinite(ring).all(axis=1)]
    first = finite[0] if len(finite) else ring[0]
    if len(finite) and all(city.holds(lat, lon) for lon, lat in finite):
        return faults.AxesSwapped(where=place(*first))
    if not strange:
        # Rings that only together leave the city are for PostGIS to measure; one that is nowhere near it is said at once.
        return faults.OutsideCity(where=place(*first))
    wrong = ring[~(np.isfinite(ring).all(axis=1) & (np.abs(ring[:, 0]) <= 180) & (np.abs(ring[:, 1]) <= 90))][0]
    if len(finite) == len(ring) and (np.abs(ring) > 1000).all():
        return faults.LooksProjected(where=f"{wrong[0]:.0f}; {wrong[1]:.0f}")
    return faults.OutOfRange(where=place(*wrong))


def place(lon: float, lat: float) -> str:
    """A point as maps take it: latitude, longitude."""
    return f"{lat:.5f}, {lon:.5f}"


def metres_between(one: Points, other: Points) -> float:
    """The distance of two points near each other."""
    across = (one[0] - other[0]) * METRES_PER_DEGREE * np.cos(np.radians(one[1]))
    return float(np.hypot(across, (one[1] - other[1]) * METRES_PER_DEGREE))


def ewkb(shape: Shape) -> bytes:
    """The shape as a multipolygon of WGS 84, the way PostGIS takes it."""
    parts = [_MULTI.pack(1, _WITH_SRID, 4326, len(shape.polygons))]
    for polygon in shape.polygons:
        parts.append(_POLYGON.pack(1, 3, len(polygon)))
        for ring in polygon:
            parts += (_RING.pack(len(ring)), ring.astype("<f8", copy=False).tobytes())
    return b"".join(parts)


def geojson(shape: Shape) -> dict[str, Any]:
    """The shape as a GeoJSON multipolygon."""
    return {
        "type": "MultiPolygon",
        "coordinates": [[ring.tolist() for ring in polygon] for polygon in shape.polygons],
    }


def turns_right(ring: Points) -> bool:
    """Whether a ring runs clockwise, as the outlines of a Shapefile do."""
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) < 0


def hectares(shapes: Sequence[Shape]) -> list[float]:
    """The size of each shape on the ellipsoid, holes left out; as PostGIS measures a geography, to a hundred-thousandth."""
    laid = lay(shapes)
    if not len(laid.points):
        return [0.0] * len(shapes)
    east, sine = np.radians(laid.points[:, 0]), ECCENTRICITY * np.sin(np.radians(laid.points[:, 1]))
    # The area between a parallel and the equator, by radian of longitude: on the map with this as its upright, areas are true.
    minor_2 = SEMI_MAJOR_M**2 * (1 - ECCENTRICITY**2)
    north = minor_2 / 2 * (sine / ECCENTRICITY / (1 - sine**2) + np.arctanh(sine) / ECCENTRICITY)
    strips = np.zeros(len(east))
    strips[:-1] = (north[1:] + north[:-1]) / 2 * (east[1:] - east[:-1])
    ends, filled = np.cumsum(laid.counts), laid.counts > 0
    strips[ends[filled] - 1] = 0  # from the end of one ring to the beginning of the next
    sizes = np.zeros(len(laid.counts))
    sizes[filled] = np.abs(np.add.reduceat(strips, (ends - laid.counts)[filled])) / 10_000
    return laid.by_shape(np.where(laid.holes, -sizes, sizes), len(shapes)).tolist()  # type: ignore[no-any-return]
