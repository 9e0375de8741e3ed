"""GeoJSON, read within bounds. What must not live here: judging what was read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from trace.models.area_imports import GeoKind
from trace.services import coordinates, shapes
from trace.services import geofile_faults as faults
from trace.services.geofile_forms import (
    LONGEST_TEXT,
    MOST_AREAS,
    MOST_CORNERS,
    Counter,
    Feature,
    GeoFile,
    no_collecting,
)
from trace.services.legacy_text import checked, decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_LISTS = MOST_CORNERS + 4 * MOST_AREAS
_MOST_VALUES = 4 * MOST_CORNERS
_MOST_OBJECTS = 8 * MOST_AREAS
_BLANKS = b" \t\r\n"
_NUMBERS = b"0123456789+-.eE" + _BLANKS


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw


class _Whole(msgspec.Struct):
    """A feature as nearly all programs write it. Its coordinates are left as text until they are needed."""

    type: Literal["Feature"]
    geometry: _Geometry | None
    properties: dict[str, Any] | None = None
    id: Any = None


class _Collection(msgspec.Struct):
    type: Literal["FeatureCollection"]
    features: list[_Whole]
    crs: Any = None


class _Part(NamedTuple):
    """One area as it was read."""

    shape: shapes.Shape
    said: Any
    id: Any


_USUAL = msgspec.json.Decoder(_Collection)
_RUN = msgspec.json.Decoder(list[float])


def read(data: bytes, *, close: bool = False) -> GeoFile:
    """A feature collection, a feature or a bare geometry."""
    with no_collecting():
        _bound(data)
        if (usual := _usual(data, close=close)) is not None:
            return _file(*usual)
        raw = data if _is_plain(data) else decode(data).encode()
        _bound(raw)
        try:
            found = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise faults.GeoFileBroken(kind="GeoJSON", where=str(exc)[-60:]) from exc
        return _file(*_any(found, close=close))


def _bound(raw: bytes) -> None:
    """Count before anything is built: what is sent as two bytes takes thirty times as much in memory."""
    signs = np.frombuffer(raw, dtype=np.uint8)
    lists, values, objects = (int(np.count_nonzero(signs == ord(sign))) for sign in "[,{")
    if lists > _MOST_LISTS or values > _MOST_VALUES:
        raise faults.TooManyCorners(most=MOST_CORNERS)
    if objects > _MOST_OBJECTS:
        raise faults.TooManyAreas(most=MOST_AREAS)


def _is_plain(data: bytes) -> bool:
    """Whether it is UTF-8 without a mark, so that it can be read as it is."""
    if data[:1] in {b"\xef", b"\xff", b"\xfe"} or b"\0" in data[:64]:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _usual(raw: bytes, *, close: bool) -> tuple[list[_Part], Any] | None:
    """The parts of a collection of features and its system, simple outlines read as one run of numbers: five times as fast as
    lists of lists of numbers. None if it is anything else, or if something in it cannot be read so.
    """
    try:
        found = _USUAL.decode(raw)
        texts = [bytes(each.geometry.coordinates) if each.geometry else b"" for each in found.features]
        corners = [
            _corners(text) if each.geometry and each.geometry.type == "Polygon" else 0
            for each, text in zip(found.features, texts, strict=True)
        ]
        points = _points([text for text, many in zip(texts, corners, strict=True) if many])
        if len(points) != sum(corners):
            return None
        parts, start = list[_Part](), 0
        for each, text, many in zip(found.features, texts, corners, strict=True):
            if many:
                ring = points[start : start + many]
                shape = shapes.Shape([[shapes.closed(ring) if close else ring]])
                start += many
            else:
                kind = each.geometry and {"type": each.geometry.type, "coordinates": msgspec.json.decode(text)}
                shape = shapes.from_geojson(kind, close=close)
            parts.append(_Part(shape, each.properties, each.id))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return parts, found.crs


def _points(texts: list[bytes]) -> NDArray[np.float64]:
    """The positions of many rings, one behind the other."""
    numbers = b",".join(texts).translate(None, b"[]" + _BLANKS)
    try:
        found = _RUN.decode(b"[%b]" % numbers)
    except (
        msgspec.ValidationError
    ):  # one is too large for a number here; it becomes infinite, and is told of where it stands
        return np.fromstring(numbers, sep=",").reshape(-1, 2)
    return np.fromiter(found, dtype=np.float64, count=len(found)).reshape(-1, 2)


def _corners(text: bytes) -> int:
    """How many corners a text of coordinates has, if it is one ring of pairs of numbers; otherwise 0."""
    marks = text.translate(None, _NUMBERS)
    many = (len(marks) - 3) // 4
    return many if many > 0 and marks == _one_ring(many) else 0


@lru_cache(maxsize=512)
def _one_ring(corners: int) -> bytes:
    return b"[[" + b",".join([b"[,]"] * corners) + b"]]"


def _any(found: Any, *, close: bool) -> tuple[list[_Part], Any]:
    """The parts of whatever GeoJSON may be, and its system."""
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise faults.GeoFileBroken(kind="GeoJSON", where="type")
    features = found.get("features") if found["type"] == "FeatureCollection" else [found]
    if not isinstance(features, list):
        raise faults.GeoFileBroken(kind="GeoJSON", where="features")
    if len(features) > MOST_AREAS:
        raise faults.TooManyAreas(most=MOST_AREAS)
    parts = []
    for each in features:
        whole = isinstance(each, dict) and each.get("type") == "Feature"
        shape = shapes.from_geojson(each["geometry"] if whole and "geometry" in each else each, close=close)
        parts.append(_Part(shape, each.get("properties"), each.get("id")) if whole else _Part(shape, None, None))
    return parts, found.get("crs")


def _file(parts: list[_Part], crs: Any) -> GeoFile:
    file, count = GeoFile(GeoKind.GEOJSON, srid=coordinates.WGS84), Counter()
    _system(file, crs)
    for part in parts:
        count.area()
        count.points(sum(len(ring) for polygon in part.shape.polygons for ring in polygon))
        said = part.said if isinstance(part.said, dict) else {}
        attributes = {
            name[:80]: value[:LONGEST_TEXT] if type(value) is str else plain(value) for name, value in said.items()
        }
        if isinstance(part.id, str) and "name" not in attributes:
            attributes["id"] = plain(part.id)
        file.features.append(Feature(attributes, part.shape))
    words = " ".join(
        value for feature in file.features[:300] for value in feature.attributes.values() if isinstance(value, str)
    )
    checked(words)
    return file


def _system(file: GeoFile, crs: Any) -> None:
    """The system that files of before 2016 name."""
    match crs:
        case {"properties": {"name": str(name)}}:
            file.srid = coordinates.from_name(name)
            if file.srid is None:
                file.system = name[:80]
        case _:
            return


def plain(value: Any) -> Any:
    """An attribute as it is kept: text, number or nothing."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else str(value)
    return text[:LONGEST_TEXT]
