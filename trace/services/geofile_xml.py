"""KML and GPX, read piece by piece without entities. What must not live here: unpacking KMZ."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from trace.models.area_imports import GeoKind
from trace.services import boundary_faults as broken
from trace.services import coordinates, shapes
from trace.services import geofile_faults as faults
from trace.services.geofile_forms import LONGEST_TEXT, Counter, Feature, GeoFile
from trace.services.legacy_text import checked, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 60
MOST_ELEMENTS = 1_500_000
CLOSES_WITHIN_M = 100.0
"""A track that ends this near to its beginning was walked around something."""


def read_kml(data: bytes, *, close: bool = False, kind: GeoKind = GeoKind.KML) -> GeoFile:
    """The placemarks of a KML document."""
    file, count = GeoFile(kind, srid=coordinates.WGS84), Counter()
    for mark in _each(data, {"Placemark"}, "KML"):
        count.area()
        attributes = _said(mark)
        shape = _placemark(mark, count, close=close)
        file.features.append(Feature(attributes, shape))
    checked(" ".join(str(value) for feature in file.features[:300] for value in feature.attributes.values()))
    return file


def read_gpx(data: bytes, *, close: bool = False) -> GeoFile:
    """Each segment of a track and each route as an outline; where there are only waypoints, those in their order."""
    file, count, corners = GeoFile(GeoKind.GPX, srid=coordinates.WGS84), Counter(), []
    for found in _each(data, {"trk", "rte", "wpt"}, "GPX"):
        name = _bare(found)
        if name == "wpt":
            count.points(1)
            corners.append(found)
            continue
        segments = [each for each in found if _bare(each) == "trkseg"] if name == "trk" else [found]
        points = "trkpt" if name == "trk" else "rtept"
        lines = [[each for each in segment if _bare(each) == points] for segment in segments]
        attributes = {
            _bare(each): (each.text or "").strip()[:LONGEST_TEXT]
            for each in found
            if _bare(each) in {"name", "desc", "cmt", "type", "number"} and (each.text or "").strip()
        }
        for line in lines:
            if line:
                count.area()
                count.points(len(line))
                file.features.append(Feature(dict(attributes), _walked(line, close=close)))
    if not file.features and len(corners) >= 3:
        file.features.append(Feature({}, _walked(corners, close=True)))
    checked(" ".join(str(value) for feature in file.features for value in feature.attributes.values()))
    return file


def _each(data: bytes, wanted: set[str], kind: str) -> Iterator[Element]:
    """Elements of these names as soon as they are whole; each is emptied when the next is asked for."""
    if not _says_its_encoding(data):
        data = decode(data).encode()
    depth, elements, inside = 0, 0, 0
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth += 1
                elements += 1
                inside += _bare(element) in wanted
                if depth > DEEPEST or elements > MOST_ELEMENTS:
                    raise faults.GeoFileBroken(kind=kind, where=_bare(element)[:40])
                continue
            depth -= 1
            if _bare(element) in wanted:
                inside -= 1
                yield element
            if not inside:
                element.clear()
    except DefusedXmlException as exc:
        raise faults.XmlWithEntities from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise faults.GeoFileBroken(kind=kind, where=str(exc)[:60]) from exc


def _says_its_encoding(data: bytes) -> bool:
    """Whether the parser can be trusted to know the encoding: by a mark of UTF-16, by declaration, or because it is UTF-8."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return True
    head = data[:200].lower()
    if b"encoding=" in head and b"utf-8" not in head:
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _bare(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _said(mark: Element) -> dict[str, Any]:
    """The name of a placemark and its data. A description is a page of HTML for balloons, so it is left out."""
    said: dict[str, Any] = {}
    for each in mark.iter():
        name, inside = _bare(each), (each.text or "").strip()[:LONGEST_TEXT]
        if name == "name" and "name" not in said and inside:
            said["name"] = inside
        elif name == "SimpleData" and each.get("name"):
            said[str(each.get("name"))[:80]] = inside
        elif name == "Data" and each.get("name"):
            value = next((part for part in each if _bare(part) == "value"), None)
            said[str(each.get("name"))[:80]] = (value.text or "").strip()[:LONGEST_TEXT] if value is not None else ""
    return said


def _placemark(mark: Element, count: Counter, *, close: bool) -> shapes.Shape:
    shape = shapes.Shape()
    for each in mark.iter():
        name = _bare(each)
        if name == "Polygon":
            rings: list[shapes.Points] = []
            for side in [part for part in each if _bare(part) in {"outerBoundaryIs", "innerBoundaryIs"}]:
                points = _coordinates(side, count)
                if points is None:
                    shape.faults.append(broken.NotCoordinates())
                    return shape
                ring = shapes.closed(points) if close else points
                rings = [ring, *rings] if _bare(side) == "outerBoundaryIs" else [*rings, ring]
            if rings and len(rings[0]):
                shape.polygons.append(rings)
        elif name in {"LineString", "Point", "Track"}:
            _line(each, shape, count, close=close)
    if not shape.polygons and not shape.faults:
        shape.faults.append(broken.BoundaryEmpty())
    elif shape.polygons:
        shape.faults = [fault for fault in shape.faults if not isinstance(fault, broken.NotAPolygon)]
    return shape


def _line(element: Element, shape: shapes.Shape, count: Counter, *, close: bool) -> None:
    """A path that comes back to its beginning is an outline; other paths and points are none."""
    points = _coordinates(element, count) if _bare(element) == "LineString" else None
    if points is not None and len(points) >= 4 and (close or _comes_back(points)):
        shape.polygons.append([shapes.closed(points)])
    elif not shape.faults:
        shape.faults.append(broken.NotAPolygon(kind=_bare(element)))


def _coordinates(element: Element, count: Counter) -> shapes.Points | None:
    """The points of a `coordinates` element: longitude,latitude[,height] with white space between them."""
    written = next((each.text or "" for each in element.iter() if _bare(each) == "coordinates"), "")
    pairs = written.split()
    count.points(len(pairs))
    if not pairs:
        return np.empty((0, 2))
    try:
        return np.array([pair.split(",", 2)[:2] for pair in pairs], dtype=np.float64).reshape(-1, 2)
    except ValueError:
        return None


def _walked(points: list[Element], *, close: bool) -> shapes.Shape:
    """An outline walked with a receiver: closed if it ends near its beginning, or if that was asked for."""
    try:
        line = np.array([[each.get("lon"), each.get("lat")] for each in points], dtype=np.float64)
    except (TypeError, ValueError):
        return shapes.Shape(faults=[broken.NotCoordinates()])
    # A receiver that stands still writes the same point again and again.
    moved = np.concatenate([[True], (np.diff(line, axis=0) != 0).any(axis=1)])
    line = line[moved]
    return shapes.Shape([[shapes.closed(line) if close or _comes_back(line) else line]])


def _comes_back(line: shapes.Points) -> bool:
    return len(line) >= 3 and shapes.metres_between(line[0], line[-1]) <= CLOSES_WITHIN_M
