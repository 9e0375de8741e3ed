"""GeoJSON, read within bounds. What must not live here: judging what was read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

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


_USUAL = msgspec.json.Decoder(_Collection)


def read(data: bytes, *, close: bool = False) -> GeoFile:
    """A feature collection, a feature or a bare geometry."""
    raw = data if _is_plain(data) else decode(data).encode()
    # Counted before anything is built: what is sent as two bytes takes thirty times as much in memory.
    if raw.count(b"[") > _MOST_LISTS or raw.count(b",") > _MOST_VALUES:
        raise faults.TooManyCorners(most=MOST_CORNERS)
    if raw.count(b"{") > _MOST_OBJECTS:
        raise faults.TooManyAreas(most=MOST_AREAS)
    with no_collecting():
        try:
            found = _usual(raw) or msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise faults.GeoFileBroken(kind="GeoJSON", where=str(exc)[-60:]) from exc
        return _file(found, close=close)


def _is_plain(data: bytes) -> bool:
    """Whether it is UTF-8 without a mark, so that it can be read as it is."""
    if data[:1] in {b"\xef", b"\xff", b"\xfe"} or b"\0" in data[:64]:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _usual(raw: bytes) -> dict[str, Any] | None:
    """A collection of features as a dictionary, simple outlines in it as arrays: three times as fast as lists of lists of numbers.

    None if it is anything else. Raises what `msgspec` raises for coordinates that are no JSON.
    """
    try:
        found = _USUAL.decode(raw)
    except msgspec.DecodeError:
        return None
    texts = [bytes(each.geometry.coordinates) if each.geometry else b"" for each in found.features]
    corners = [
        _corners(text) if each.geometry and each.geometry.type == "Polygon" else 0
        for each, text in zip(found.features, texts, strict=True)
    ]
    numbers = b",".join([text for text, many in zip(texts, corners, strict=True) if many]).translate(
        None, b"[]" + _BLANKS
    )
    flat = np.fromstring(numbers, sep=",") if numbers else np.empty(0)
    if len(flat) != 2 * sum(corners):
        return None
    points, start = flat.reshape(-1, 2), 0
    features = []
    for each, text, many in zip(found.features, texts, corners, strict=True):
        geometry: dict[str, Any] | None = None
        if many:
            geometry = {"type": "Polygon", "coordinates": [points[start : start + many]]}
            start += many
        elif each.geometry:
            geometry = {"type": each.geometry.type, "coordinates": msgspec.json.decode(text)}
        features.append({"type": "Feature", "geometry": geometry, "properties": each.properties, "id": each.id})
    return {"type": "FeatureCollection", "features": features, "crs": found.crs}


def _corners(text: bytes) -> int:
    """How many corners a text of coordinates has, if it is one ring of pairs of numbers; otherwise 0."""
    marks = text.translate(None, _NUMBERS)
    many = (len(marks) - 3) // 4
    return many if many > 0 and marks == _one_ring(many) else 0


@lru_cache(maxsize=512)
def _one_ring(corners: int) -> bytes:
    return b"[[" + b",".join([b"[,]"] * corners) + b"]]"


def _file(found: Any, *, close: bool) -> GeoFile:
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise faults.GeoFileBroken(kind="GeoJSON", where="type")
    file, count = GeoFile(GeoKind.GEOJSON, srid=coordinates.WGS84), Counter()
    _system(file, found.get("crs"))
    features = found.get("features") if found["type"] == "FeatureCollection" else [found]
    if not isinstance(features, list):
        raise faults.GeoFileBroken(kind="GeoJSON", where="features")
    for each in features:
        count.area()
        whole = isinstance(each, dict) and each.get("type") == "Feature"
        said = each.get("properties") if whole else None
        shape = shapes.from_geojson(each["geometry"] if whole and "geometry" in each else each, close=close)
        count.points(sum(len(ring) for polygon in shape.polygons for ring in polygon))
        attributes = {str(name)[:80]: plain(value) for name, value in said.items()} if isinstance(said, dict) else {}
        if whole and "name" not in attributes and isinstance(each.get("id"), str):
            attributes["id"] = plain(each["id"])
        file.features.append(Feature(attributes, shape))
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
