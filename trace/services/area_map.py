"""What the map draws: areas within reach as simplified outlines, or as counts where they are too many; communes and territories beneath.

Every answer is bounded: whatever the window, it stays below `MOST_BYTES`. What must not live here: the page around the map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Integer, cast, func, select

from trace import sizes
from trace.models.areas import GrowingArea
from trace.models.parties import Commune
from trace.models.titles import ProtectionTitle
from trace.services import areas

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

MOST_SHAPES = 600
MOST_BYTES = 190_000
CELL_PIXELS = 72
"""How wide the square is whose areas are counted together when they are too many to draw."""
WORLD_PIXELS = 256
DEEPEST = 20


@dataclass(frozen=True)
class Window:
    """What somebody looks at: a rectangle in degrees and a zoom level as web maps count them."""

    west: float
    south: float
    east: float
    north: float
    zoom: int

    @property
    def pixel(self) -> float:
        """Degrees of longitude that one pixel covers."""
        return 360 / (WORLD_PIXELS * 2.0**self.zoom)

    @property
    def digits(self) -> int:
        """Decimals of a degree that can be seen."""
        return min(7, max(3, math.ceil(-math.log10(self.pixel))))

    @property
    def frame(self) -> ColumnElement[Any]:
        """The rectangle for PostGIS."""
        return func.ST_MakeEnvelope(self.west, self.south, self.east, self.north, 4326)


CITY = Window(105.9, 19.9, 108.1, 21.4, 9)
"""A window that holds the city, islands included."""


def read_window(box: str | None, zoom: str | None) -> Window:
    """The window that an address names as `west,south,east,north` and a zoom; the city's for anything else."""
    try:
        west, south, east, north = (float(part) for part in (box or "").split(","))
        level = min(DEEPEST, max(0, int(zoom or "")))
    except (ValueError, OverflowError):
        return CITY
    sane = (
        all(map(math.isfinite, (west, south, east, north)))
        and -180 <= west < east <= 180
        and -90 <= south < north <= 90
    )
    return Window(west, south, east, north, level) if sane else CITY


def layer(
    session: Session,
    window: Window,
    *,
    reach: Reach,
    q: str = "",
    commune: str = "",
    title_id: UUID | None = None,
    without: UUID | None = None,
) -> bytes:
    """The areas within reach that touch a window, as JSON: GeoJSON outlines, or where they would be too many, counts on a grid."""
    wanted = [
        *areas.conditions(reach=reach, q=q, commune=commune, title_id=title_id),
        GrowingArea.boundary.intersects(window.frame),
    ]
    if without:
        wanted.append(GrowingArea.id != without)
    shapes = _outlines(session, window, wanted)
    if shapes is not None and len(shapes) <= MOST_BYTES:
        return shapes
    return _counts(session, window, wanted)


def extent(
    session: Session, *, reach: Reach, q: str = "", commune: str = "", title_id: UUID | None = None
) -> tuple[float, ...] | None:
    """West, south, east and north of all areas that the filters leave; None if there are none."""
    box = func.ST_Extent(GrowingArea.boundary)
    sides = (func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
    wanted = areas.conditions(reach=reach, q=q, commune=commune, title_id=title_id)
    found = session.execute(select(*sides).where(*wanted)).one()
    return None if found[0] is None else tuple(found)


def backdrop(session: Session, window: Window, *, title_id: UUID | None = None) -> bytes:
    """The communes in a window, and the territory of a title if one is named, as JSON no finer than can be seen."""
    tolerance = 1.5
    while True:
        found = _backdrop(session, window, title_id, tolerance)
        if len(found) <= MOST_BYTES or tolerance > 100:
            return found
        tolerance *= 2


def _outlines(session: Session, window: Window, wanted: list[ColumnElement[bool]]) -> bytes | None:
    """None if there are too many to draw."""
    ids = session.scalars(select(GrowingArea.id).where(*wanted).limit(MOST_SHAPES + 1)).all()
    if len(ids) > MOST_SHAPES:
        return None
    shape = func.coalesce(func.ST_SimplifyPreserveTopology(GrowingArea.boundary, window.pixel), GrowingArea.boundary)
    statement = select(
        GrowingArea.id, GrowingArea.name, GrowingArea.declared_ha, func.ST_AsGeoJSON(shape, window.digits)
    ).where(GrowingArea.id.in_(ids))
    features = [
        {
            "type": "Feature",
            "id": str(area_id),
            "properties": {"name": name, "ha": float(sizes.hectares(declared))},
            "geometry": msgspec.Raw(geometry.encode()),
        }
        for area_id, name, declared, geometry in session.execute(statement)
    ]
    return _collection(features)


def _counts(session: Session, window: Window, wanted: list[ColumnElement[bool]]) -> bytes:
    cell = window.pixel * CELL_PIXELS
    lon = (func.ST_XMin(GrowingArea.boundary) + func.ST_XMax(GrowingArea.boundary)) / 2
    lat = (func.ST_YMin(GrowingArea.boundary) + func.ST_YMax(GrowingArea.boundary)) / 2
    column, row = cast(func.floor(lon / cell), Integer), cast(func.floor(lat / cell), Integer)
    statement = (
        select(func.count(), func.sum(GrowingArea.declared_ha), func.avg(lon), func.avg(lat))
        .where(*wanted)
        .group_by(column, row)
    )
    features = [
        {
            "type": "Feature",
            "properties": {"count": count, "ha": float(sizes.hectares(declared))},
            "geometry": {"type": "Point", "coordinates": [round(x, 5), round(y, 5)]},
        }
        for count, declared, x, y in session.execute(statement)
    ]
    return _collection(features)


def _backdrop(session: Session, window: Window, title_id: UUID | None, tolerance: float) -> bytes:
    room = func.ST_Expand(window.frame, (window.east - window.west) * 0.5)

    def seen(shape: Any) -> ColumnElement[str]:
        thin = func.ST_SimplifyPreserveTopology(shape, window.pixel * tolerance)
        return func.ST_AsGeoJSON(func.ST_ClipByBox2D(thin, room), min(5, window.digits))

    middle = func.ST_PointOnSurface(Commune.boundary)
    communes = select(Commune.code, Commune.name, func.ST_X(middle), func.ST_Y(middle), seen(Commune.boundary)).where(
        Commune.boundary.intersects(window.frame), func.upper_inf(Commune.valid_during)
    )
    features = [
        {
            "type": "Feature",
            "properties": {"kind": "commune", "name": name, "at": [round(lat, 4), round(lon, 4)]},
            "geometry": msgspec.Raw(geometry.encode()),
        }
        for _code, name, lon, lat, geometry in session.execute(communes)
    ]
    if title_id:
        territory = select(ProtectionTitle.name, seen(ProtectionTitle.area)).where(
            ProtectionTitle.id == title_id, ProtectionTitle.area.intersects(window.frame)
        )
        features += [
            {
                "type": "Feature",
                "properties": {"kind": "territory", "name": name},
                "geometry": msgspec.Raw(geometry.encode()),
            }
            for name, geometry in session.execute(territory)
        ]
    return _collection(features)


def _collection(features: Iterable[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"type": "FeatureCollection", "features": list(features)})
