"""Coordinate systems that files come in: WGS 84 and the zones of VN-2000, how a file names them, and numbers as people write them.

PostGIS holds their definitions and does the arithmetic. What must not live here: how each kind of file is built.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

WGS84 = 4326
VN2000 = 4756
_HEAD = struct.Struct("<BIII")
_LINE_WITH_SRID = 0x20000002
_PLAIN = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d{1,2})?")
_ANGLE = re.compile(r"(\d{1,3})[°º](?:(\d{1,2})['’′](?:(\d{1,2}(?:[.,]\d+)?)(?:\"|''|”|″)?)?)?([NEBĐ]?)", re.IGNORECASE)


@dataclass(frozen=True)
class Zone:
    """A plane of VN-2000 around a meridian, in degrees; `wide` is the plane of six degrees that national maps use."""

    srid: int
    meridian: float
    wide: bool = False

    @property
    def label(self) -> str:
        """The meridian as surveyors write it: 105°45′."""
        return f"{int(self.meridian)}°{round(self.meridian % 1 * 60):02d}′"


ZONES = (
    Zone(9210, 105.75), Zone(9209, 105.5), Zone(5897, 105.0), Zone(5899, 107.75), Zone(5898, 108.0),
    Zone(3405, 105.0, wide=True), Zone(3406, 111.0, wide=True),
    Zone(5896, 102.0), Zone(9205, 103.0), Zone(9206, 104.0), Zone(9207, 104.5), Zone(9208, 104.75), Zone(9211, 106.0),
    Zone(9212, 106.25), Zone(9213, 106.5), Zone(9214, 107.0), Zone(9215, 107.25), Zone(9216, 107.5), Zone(9217, 108.25), Zone(9218, 108.5),
)  # fmt: skip
"""Those of the city first: 105°45′ is that of Hải Phòng as it was, 105°30′ that of Hải Dương."""
OTHERS = (WGS84, VN2000, 32648, 32649)
KNOWN = frozenset({*OTHERS, *(zone.srid for zone in ZONES)})
METRIC = KNOWN - {WGS84, VN2000}


def from_wkt(definition: str) -> int | None:
    """The number of the system that a .prj file describes; None if it is none of those known here."""
    found = re.findall(r'(?:AUTHORITY|ID)\["EPSG",\s*"?(\d{4,6})"?\]', definition, re.IGNORECASE)
    if found and int(found[-1]) in KNOWN and re.search(r"\]\]\s*$", definition):
        return int(found[-1])
    flat = re.sub(r"[\s_/-]+", "", definition).lower()
    vietnamese = "vn2000" in flat or "vietnam2000" in flat
    if flat.startswith(("geogcs", "geogcrs", "geodcrs")):
        return VN2000 if vietnamese else WGS84 if "wgs" in flat and "84" in flat else None
    centre = re.search(r'(?:central_meridian|longitude of natural origin)",\s*(-?[\d.]+)', definition, re.IGNORECASE)
    scale = re.search(r'scale[_ ]factor(?: at natural origin)?",\s*([\d.]+)', definition, re.IGNORECASE)
    if not flat.startswith(("projcs", "projcrs")) or centre is None or scale is None:
        return None
    return _plane(float(centre[1]), float(scale[1]), vietnamese=vietnamese, worldwide="wgs" in flat)


def _plane(meridian: float, scale: float, *, vietnamese: bool, worldwide: bool) -> int | None:
    wide = abs(scale - 0.9996) < 1e-6
    if wide and not vietnamese:
        return {105.0: 32648, 111.0: 32649}.get(meridian) if worldwide else None
    if not wide and abs(scale - 0.9999) > 1e-6:
        return None
    # Local programs write planes of VN-2000 as if they lay on WGS 84 itself; the scale of 0.9999 gives them away.
    return next((zone.srid for zone in ZONES if zone.wide is wide and abs(zone.meridian - meridian) < 1e-4), None)


def from_name(name: str) -> int | None:
    """The number in a name such as urn:ogc:def:crs:EPSG::9210, or of CRS84."""
    if "CRS84" in name.upper():
        return WGS84
    found = re.search(r"EPSG:{1,2}[\d.]*:?(\d{4,6})$", name.strip(), re.IGNORECASE)
    return int(found[1]) if found and int(found[1]) in KNOWN else None


def from_meridian(given: str) -> int | None:
    """The plane of three degrees for a meridian written as 105°45', 105-45, 105.75 or 10545."""
    parts = re.fullmatch(r"\s*(10[2-9]|11\d)(?:[°\-–: ]\s*|(?=[0-5]\d\b))?([0-5]\d)?\s*['’′]?\s*", given)
    if parts:
        meridian = int(parts[1]) + int(parts[2] or 0) / 60
    else:
        value = number(given)
        if value is None:
            return None
        meridian = value
    return next((zone.srid for zone in ZONES if not zone.wide and abs(zone.meridian - meridian) < 1e-4), None)


def to_wgs84(session: Session, points: NDArray[np.float64], srid: int) -> NDArray[np.float64]:
    """Points of a known system in degrees, longitude first. What cannot be is infinite."""
    if srid == WGS84 or not len(points):
        return points
    finite = np.isfinite(points).all(axis=1) & (np.abs(points) < 1e8).all(axis=1)
    asked = points[finite]
    moved = np.full_like(points, np.inf)
    if len(asked) == 0:
        return moved
    if len(asked) == 1:
        asked = np.repeat(asked, 2, axis=0)
    line = _HEAD.pack(1, _LINE_WITH_SRID, srid, len(asked)) + asked.astype("<f8").tobytes()
    answer = session.scalar(
        # By the definition that stands in the table: from a number alone PROJ chooses among parameters by the place.
        text("""
            SELECT ST_AsBinary(ST_Transform(ST_GeomFromEWKB(:line), trim(proj4text), 4326), 'NDR')
              FROM spatial_ref_sys WHERE srid = :srid"""),
        {"line": line, "srid": srid},
    )
    read = np.frombuffer(bytes(answer or b""), dtype="<f8", offset=9).reshape(-1, 2)
    moved[finite] = read[: int(finite.sum())]
    return moved


def number(given: object) -> float | None:
    """A number as programs and people write it: 106.41, 106,41, 2.312.345,6, 20°54'30". None if it is none."""
    if isinstance(given, bool) or given is None:
        return None
    if isinstance(given, (int, float)):
        return float(given)
    bare = str(given).strip().replace("\u00a0", "").replace(" ", "")
    if not _PLAIN.fullmatch(bare):
        angle = _ANGLE.fullmatch(bare)
        if not angle:
            return None
        return int(angle[1]) + int(angle[2] or 0) / 60 + float((angle[3] or "0").replace(",", ".")) / 3600
    commas, points = bare.count(","), bare.count(".")
    if commas and points:
        thousands, mark = (".", ",") if bare.rfind(",") > bare.rfind(".") else (",", ".")
        bare = bare.replace(thousands, "").replace(mark, ".")
    elif commas > 1 or points > 1:
        bare = bare.replace(",", "").replace(".", "")
    else:
        bare = bare.replace(",", ".")
    try:
        return float(bare)
    except ValueError:
        return None


def day(given: object) -> date | None:
    """A date: day first as people write it, year first as programs do. None if it is none."""
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    bare = str(given or "").strip()
    for form in ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y%m%d"):
        try:
            return datetime.strptime(bare[:10], form).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    return None
