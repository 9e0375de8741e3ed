"""Files of boundaries: what kind each is, told from its content, and its areas read into memory within bounds.

What must not live here: the insides of any kind (`geofile_*`), and what becomes of the areas (`area_imports`).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from trace.models.area_imports import GeoKind
from trace.services import (
    coordinates,
    geofile_archives,
    geofile_json,
    geofile_shapefile,
    geofile_tables,
    geofile_xml,
    workbooks,
)
from trace.services import geofile_faults as faults

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from trace.services.geofile_forms import GeoFile

MOST_BYTES = 25 * 2**20
_LONE_PARTS = {".shp", ".dbf", ".shx", ".prj"}


def read(data: bytes, name: str, *, close: bool = False) -> GeoFile:
    """The areas of a file, in its own coordinates. The name only decides between kinds that look alike.

    Raises one of `geofile_faults`.
    """
    if len(data) > MOST_BYTES:
        raise faults.GeoFileTooLarge(megabytes=len(data) // 2**20 + 1, most=MOST_BYTES // 2**20)
    file = _read(data, PurePosixPath(name).suffix.lower(), close=close)
    if not file.features:
        raise faults.NothingInside
    return file


def _read(data: bytes, ending: str, *, close: bool) -> GeoFile:
    if data[:4] == b"PK\x03\x04":
        return _archive(data, close=close)
    if ending in _LONE_PARTS:
        raise faults.ShapefileIncomplete(missing=".shp/.dbf/.prj" if ending != ".shp" else ".dbf")
    start = _start(data)
    if start.startswith(("{", "[")):
        return geofile_json.read(data, close=close)
    if start.startswith("<"):
        if "<gpx" in start:
            return geofile_xml.read_gpx(data, close=close)
        if "<kml" in start or ending == ".kml":
            return geofile_xml.read_kml(data, close=close)
        raise faults.UnknownGeoFile
    if ending in {".csv", ".txt", ".tsv"}:
        return geofile_tables.read(workbooks.from_csv(data), GeoKind.CSV)
    raise faults.UnknownGeoFile


def _archive(data: bytes, *, close: bool) -> GeoFile:
    held = geofile_archives.members(data, kind="ZIP")
    names = {name.lower() for name in held}
    if "xl/workbook.xml" in names:
        return geofile_tables.read(workbooks.from_xlsx(data), GeoKind.XLSX)
    if any(name.endswith(".shp") for name in names):
        return geofile_shapefile.read(data, held)
    drawn = sorted((name for name in held if name.lower().endswith(".kml")), key=lambda name: (name != "doc.kml", name))
    if drawn:
        return geofile_xml.read_kml(
            geofile_archives.unpack(data, held[drawn[0]], kind="KMZ"), close=close, kind=GeoKind.KMZ
        )
    if any(name.endswith((".dbf", ".prj", ".shx")) for name in names):
        raise faults.ShapefileIncomplete(missing=".shp")
    raise faults.UnknownGeoFile


def _start(data: bytes) -> str:
    """The beginning of a file as far as it takes to tell kinds apart, in whatever encoding."""
    head = data[:4096]
    if b"\0" in head:
        head = head.replace(b"\0", b"")
    return head.decode("latin-1").lstrip("\xef\xbb\xbf\xff\xfe \t\r\n").lower()


def place(session: Session, file: GeoFile, *, srid: int | None = None, swap: bool = False) -> int:
    """Turn a file's coordinates into degrees of WGS 84, from its own system or the one that a person chose. Returns which it was.

    Raises `ZoneMissing` or `ZoneUnknown` where neither is known.
    """
    chosen = srid or file.srid
    if chosen is None:
        raise faults.ZoneUnknown(name=file.system) if file.system else faults.ZoneMissing()
    rings = [
        (polygon, number)
        for feature in file.features
        for polygon in feature.shape.polygons
        for number in range(len(polygon))
    ]
    if not rings or (chosen == coordinates.WGS84 and not swap):
        return chosen
    flat = np.concatenate([polygon[number] for polygon, number in rings])
    moved = coordinates.to_wgs84(session, flat[:, ::-1] if swap else flat, chosen)
    start = 0
    for polygon, number in rings:
        end = start + len(polygon[number])
        polygon[number] = moved[start:end]
        start = end
    return chosen
