"""Tables of corner points: one row a point, gathered into areas by their name. What must not live here: opening the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trace.services import boundary_faults as broken
from trace.services import coordinates, shapes
from trace.services import geofile_faults as faults
from trace.services.folding import fold
from trace.services.geofile_forms import LONGEST_TEXT, Counter, Feature, GeoFile
from trace.services.geofile_json import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trace.models.area_imports import GeoKind

# What people call these columns, without diacritics and signs.
NAMES = {
    "name": (
        "ten vung",
        "ten vung trong",
        "ten thua",
        "ten",
        "vung",
        "vung trong",
        "name",
        "area",
        "ma vung",
        "thua",
        "id",
        "khu vuc",
    ),
    "order": ("thu tu", "stt diem", "so hieu diem", "diem", "stt", "order", "point", "no", "tt", "so thu tu"),
    "lat": ("vi do", "vido", "lat", "latitude", "vi do b", "b"),
    "lon": ("kinh do", "kinhdo", "lon", "lng", "long", "longitude", "l"),
    "x": ("x", "x m", "toa do x", "xm", "x bac", "northing"),
    "y": ("y", "y m", "toa do y", "ym", "y dong", "easting"),
    "zone": ("mui chieu", "mui", "zone", "kinh tuyen truc", "ktt", "he toa do"),
    "part": ("phan", "part", "vong", "ring", "manh"),
}
_LOOKED_AT = 10


def read(rows: Sequence[Sequence[Any]], kind: GeoKind) -> GeoFile:
    """The areas whose corners stand in a table. Lines are closed: a table lists each corner once."""
    first, header, found = _header(rows)
    file, count = GeoFile(kind), Counter()
    by_degrees = "lat" in found and "lon" in found
    columns = [name[:80] or f"#{number}" for number, name in enumerate(header, start=1)]
    taken = {found[role] for role in ("order", "lat", "lon", "x", "y", "part") if role in found}
    groups: dict[tuple[str, str], list[tuple[float, int, float | None, float | None]]] = {}
    said: dict[str, dict[str, Any]] = {}
    zones = set[str]()
    for number, row in enumerate(rows[first + 1 :]):
        cells = [*row, *[None] * (len(header) - len(row))]
        one, other = (cells[found["lon" if by_degrees else "x"]], cells[found["lat" if by_degrees else "y"]])
        if one in {None, ""} and other in {None, ""}:
            continue
        name = _text(cells[found["name"]]) if "name" in found else ""
        part = _text(cells[found["part"]]) if "part" in found else ""
        order = coordinates.number(cells[found["order"]]) if "order" in found else None
        count.points(1)
        if name not in said:
            count.area()
        words = said.setdefault(name, {})
        for place, column in enumerate(columns):
            if place not in taken and cells[place] not in {None, ""} and not words.get(column):
                words[column] = _cell(cells[place])
        if "zone" in found and cells[found["zone"]] not in {None, ""}:
            zones.add(_text(cells[found["zone"]]))
        groups.setdefault((name, part), []).append(
            (order if order is not None else number, number, coordinates.number(one), coordinates.number(other))
        )
    made: dict[str, shapes.Shape] = {}
    for (name, _part), corners in groups.items():
        shape = made.setdefault(name, shapes.Shape())
        _outline(shape, sorted(corners))
    file.features = [Feature(said[name], shape) for name, shape in made.items()]
    _place(file, zones, metres=_turn(file.features))
    return file


def _header(rows: Sequence[Sequence[Any]]) -> tuple[int, list[str], dict[str, int]]:
    """The number of the first row that names coordinates, its names, and where each role stands in it."""
    for number, row in enumerate(rows[:_LOOKED_AT]):
        names = [_text(cell) for cell in row]
        folded = [fold(name) for name in names]
        found: dict[str, int] = {}
        for role, known in NAMES.items():
            free = (place for name in known for place, cell in enumerate(folded) if cell == name)
            if (place := next((each for each in free if each not in found.values()), None)) is not None:
                found[role] = place
        if {"lat", "lon"} <= found.keys() or {"x", "y"} <= found.keys():
            return number, names, found
    raise faults.ColumnsMissing


def _outline(shape: shapes.Shape, corners: list[tuple[float, int, float | None, float | None]]) -> None:
    if any(one is None or other is None for _, _, one, other in corners):
        shape.faults.append(broken.NotCoordinates())
        return
    ring = np.array([(one, other) for _, _, one, other in corners], dtype=np.float64).reshape(-1, 2)
    shape.polygons.append([shapes.closed(ring)])


def _turn(features: list[Feature]) -> bool:
    """Put east before north. Vietnamese surveyors call the northing X; figures of this country tell which is which."""
    rings = [ring for feature in features for polygon in feature.shape.polygons for ring in polygon]
    if not rings:
        return False
    middle = np.median(np.concatenate(rings), axis=0)
    metres = bool((np.abs(middle) > 1000).all())
    if metres and middle[0] > middle[1]:
        for feature in features:
            feature.shape.polygons = [[ring[:, ::-1] for ring in polygon] for polygon in feature.shape.polygons]
    return metres


def _place(file: GeoFile, zones: set[str], *, metres: bool) -> None:
    if not metres:
        file.srid = coordinates.WGS84
    elif len(zones) == 1:
        named = zones.pop()
        file.srid = coordinates.from_meridian(named) or coordinates.from_name(named)
        if file.srid is None:
            file.system = named[:80]
    elif len(zones) > 1:
        file.system = ", ".join(sorted(zones))[:80]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else " ".join(str(cell).split())[:LONGEST_TEXT]


def _cell(cell: Any) -> Any:
    """A cell as it is kept: days as people write them."""
    found = coordinates.day(cell) if hasattr(cell, "isoformat") else None
    return found.strftime("%d/%m/%Y") if found else plain(cell)
