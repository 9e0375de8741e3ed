"""Zipped Shapefiles: outlines from .shp, words from .dbf, the system from .prj, the code page from .cpg.

Read here and not by a library, because a header may claim billions of points: nothing is set aside for what a file only claims.
"""

from __future__ import annotations

import itertools
import struct
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from trace.models.area_imports import GeoKind
from trace.services import boundary_faults as broken
from trace.services import coordinates, shapes
from trace.services import geofile_faults as faults
from trace.services.geofile_archives import unpack
from trace.services.geofile_forms import LONGEST_TEXT, MOST_COLUMNS, Counter, Feature, GeoFile
from trace.services.legacy_text import decode

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping

_NOTHING, _POLYGONS = 0, {5, 15, 25}
_KINDS = {
    1: "Point",
    3: "PolyLine",
    8: "MultiPoint",
    11: "PointZ",
    13: "PolyLineZ",
    18: "MultiPointZ",
    21: "PointM",
    23: "PolyLineM",
    31: "MultiPatch",
}
# The byte by which a table names its code page; others are left to the judgement of `legacy_text`.
_PAGES = {0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252"}
NAME = "Shapefile"


def read(data: bytes, held: Mapping[str, zipfile.ZipInfo]) -> GeoFile:
    """The one layer of an archive."""
    layers = [PurePosixPath(name) for name in held if name.lower().endswith(".shp")]
    if len(layers) > 1:
        raise faults.SeveralLayers(names=tuple(layer.name[:60] for layer in layers[:5]))
    beside = {name.lower(): each for name, each in held.items()}
    stem = str(layers[0])[:-4].lower()

    def part(ending: str) -> bytes | None:
        member = beside.get(f"{stem}{ending}")
        return unpack(data, member, kind=NAME) if member is not None else None

    table = part(".dbf")
    if table is None:
        raise faults.ShapefileIncomplete(missing=".dbf")
    outlines = _outlines(part(".shp") or b"")
    page = (part(".cpg") or b"").decode("ascii", "ignore").strip().lower()
    words = _words(table, page or None, len(outlines))
    file = GeoFile(GeoKind.SHAPEFILE)
    _system(file, part(".prj"), outlines)
    words += [{}] * (len(outlines) - len(words))
    file.features = [Feature(said, shape) for said, shape in zip(words, outlines, strict=False)]
    return file


def _system(file: GeoFile, definition: bytes | None, outlines: list[shapes.Shape]) -> None:
    if definition is not None:
        written = definition[:8000].decode("utf-8", "replace").strip()
        file.srid = coordinates.from_wkt(written)
        if file.srid is None:
            file.system = written.partition('"')[2].partition('"')[0][:80] or "?"
        return
    rings = [ring for shape in outlines[:50] for polygon in shape.polygons for ring in polygon if len(ring)]
    if rings and all((np.abs(ring) <= 360).all() for ring in rings):
        file.srid = coordinates.WGS84


def _outlines(raw: bytes) -> list[shapes.Shape]:
    if len(raw) < 100 or struct.unpack_from(">i", raw)[0] != 9994:
        raise faults.GeoFileBroken(kind=NAME, where=".shp")
    kind = struct.unpack_from("<i", raw, 32)[0]
    if kind not in _POLYGONS | {_NOTHING}:
        raise faults.NothingButOther(kind=_KINDS.get(kind, str(kind)))
    made, count, place = list[shapes.Shape](), Counter(), 100
    while place + 12 <= len(raw):
        words = struct.unpack_from(">i", raw, place + 4)[0]
        end = place + 8 + 2 * words
        if words < 2 or end > len(raw):
            raise faults.GeoFileBroken(kind=NAME, where=f".shp: {place}")
        count.area()
        made.append(_record(raw, place + 8, end, count))
        place = end
    return made


def _record(raw: bytes, start: int, end: int, count: Counter) -> shapes.Shape:
    """One record: its rings stand one after the other; those that turn clockwise are outlines, the others holes."""
    kind = struct.unpack_from("<i", raw, start)[0]
    if kind == _NOTHING:
        return shapes.Shape(faults=[broken.BoundaryEmpty()])
    if kind not in _POLYGONS or end - start < 44:
        raise faults.GeoFileBroken(kind=NAME, where=f".shp: {start}")
    parts, points = struct.unpack_from("<ii", raw, start + 36)
    first = start + 44 + 4 * parts
    if parts < 0 or points < 0 or first + 16 * points > end:
        raise faults.GeoFileBroken(kind=NAME, where=f".shp: {start}")
    count.points(points)
    begins = [*np.frombuffer(raw, "<i4", parts, start + 44).tolist(), points]
    if any(one > other for one, other in itertools.pairwise(begins)) or (parts and begins[0] != 0):
        raise faults.GeoFileBroken(kind=NAME, where=f".shp: {start}")
    flat = np.frombuffer(raw, "<f8", 2 * points, first).reshape(-1, 2)
    rings = [flat[one:other] for one, other in itertools.pairwise(begins) if other > one]
    return assemble(rings)


def assemble(rings: list[shapes.Points]) -> shapes.Shape:
    """Rings as polygons: each hole goes to the outline whose box holds it most closely."""
    if not rings:
        return shapes.Shape(faults=[broken.BoundaryEmpty()])
    if len(rings) == 1:
        return shapes.Shape([rings])
    polygons = [[ring] for ring in rings if shapes.turns_right(ring)]
    holes = [ring for ring in rings if not shapes.turns_right(ring)]
    if not polygons:
        return shapes.Shape([[ring] for ring in rings])
    lows = np.array([polygon[0].min(axis=0) for polygon in polygons])
    highs = np.array([polygon[0].max(axis=0) for polygon in polygons])
    sizes = (highs - lows).prod(axis=1)
    for hole in holes:
        around = (lows <= hole.min(axis=0)).all(axis=1) & (highs >= hole.max(axis=0)).all(axis=1)
        home = int(np.argmin(np.where(around, sizes, np.inf))) if around.any() else 0
        polygons[home].append(hole)
    return shapes.Shape(polygons)


def _words(raw: bytes, page: str | None, wanted: int) -> list[dict[str, Any]]:
    """The rows of a dBASE table, as many as there are outlines."""
    if len(raw) < 33:
        raise faults.GeoFileBroken(kind=NAME, where=".dbf")
    rows, start, width = struct.unpack_from("<IHH", raw, 4)
    fields, place, offset = list[tuple[bytes, str, slice]](), 32, 1
    while place + 32 <= min(start, len(raw)) and raw[place] != 0x0D and len(fields) < MOST_COLUMNS:
        size = raw[place + 16]
        fields.append((raw[place : place + 11].split(b"\0")[0], chr(raw[place + 11]), slice(offset, offset + size)))
        offset += size
        place += 32
    if width < 1 or offset > width or start < 33:
        raise faults.GeoFileBroken(kind=NAME, where=".dbf")
    last = min(rows, wanted, max(0, (len(raw) - start)) // width)
    cells = [
        [raw[start + row * width : start + (row + 1) * width][where].rstrip(b" \0") for _, _, where in fields]
        for row in range(last)
    ]
    # All text is read at once: a single word may read as anything, a whole table hardly.
    texts = [name for name, _, _ in fields]
    texts += [
        _whole(cell) if len(cell) == where.stop - where.start else cell
        for row in cells for cell, (_, kind, where) in zip(row, fields, strict=True) if kind == "C"
    ]  # fmt: skip
    joined = b"\n".join(text.replace(b"\n", b" ").replace(b"\r", b" ") for text in texts)
    read = decode(joined, hint=page or _PAGES.get(raw[29])).split("\n")
    names, told = read[: len(fields)], iter(read[len(fields) :])
    return [
        {
            name.strip()[:80] or f"#{number}": _value(cell, kind, next(told) if kind == "C" else "")
            for number, (name, cell, (_, kind, _)) in enumerate(zip(names, row, fields, strict=True), start=1)
        }
        for row in cells
    ]


def _whole(cell: bytes) -> bytes:
    """A full cell without the beginning of a sign of UTF-8 that its width cut off."""
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.end == len(cell) and exc.reason == "unexpected end of data" and not cell[: exc.start].isascii():
            return cell[: exc.start]
    return cell


def _value(cell: bytes, kind: str, told: str) -> Any:
    if kind == "C":
        return told.strip()[:LONGEST_TEXT]
    written = cell.decode("ascii", "replace").strip()
    if kind in {"N", "F"}:
        value = coordinates.number(written)
        return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value
    if kind == "D":
        found = coordinates.day(written)
        return found.strftime("%d/%m/%Y") if found else None
    return written[:LONGEST_TEXT]
