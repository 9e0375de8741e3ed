"""What a camera wrote into a picture: when, with what, where. Read from the original for people who judge it, never kept, never passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import ExifTags

from trace.services import imaging

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 80


@dataclass(frozen=True)
class Shot:
    """What stands in a picture's EXIF. All of it may be wrong: clocks are, and anybody can write it."""

    taken: str | None = None
    camera: str | None = None
    place: tuple[float, float] | None = None


def read(path: Path) -> Shot:
    """The words of the camera; nothing where it wrote none, or where they cannot be read."""
    try:
        with imaging.opened(path) as image:
            exif = image.getexif()
            detail = exif.get_ifd(ExifTags.IFD.Exif)
            gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (imaging.NotAnImage, imaging.TooManyPixels, *imaging.NOT_DECODABLE):
        return Shot()
    names = [_line(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
    taken = _line(detail.get(ExifTags.Base.DateTimeOriginal)) or _line(exif.get(ExifTags.Base.DateTime))
    return Shot(taken, " ".join(name for name in names if name) or None, _place(gps))


def _line(value: Any) -> str | None:
    """A text as one short line; a picture may say anything."""
    if not isinstance(value, str):
        return None
    kept = "".join(sign for sign in value if sign.isprintable()).strip()[:LONGEST]
    return kept or None


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    try:
        found = []
        for tag, back, most in ((ExifTags.GPS.GPSLatitude, "S", 90), (ExifTags.GPS.GPSLongitude, "W", 180)):
            degrees, minutes, seconds = (float(part) for part in gps[tag])
            value = degrees + minutes / 60 + seconds / 3600
            found.append(-value if gps.get(tag - 1) == back else value)
            if not abs(value) <= most:
                return None
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return round(found[0], 6), round(found[1], 6)
