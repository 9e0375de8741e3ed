"""Drawing official papers as PDF/A with typst, and the words that all of them share: dates, numbers, moments.

The texts of a paper are records of the register and stay Vietnamese whoever prints them. What must not live here: what any paper says.
"""

from __future__ import annotations

import io
import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typst
from fontTools.ttLib import TTFont

from labels import qr
from trace.clock import CITY
from trace.config import ROOT

if TYPE_CHECKING:
    from datetime import date, datetime

    from trace.models.parties import Party

FOLDER = ROOT / "trace" / "templates" / "documents"
# The one family with full Vietnamese and the measures of Times New Roman that every Debian offers.
FONTS: tuple[Path, ...] = (Path("/usr/share/fonts/truetype/liberation2"), Path("/usr/share/fonts/truetype/liberation"))

NO_SIGN = ("□", "")
"""What is drawn for a sign that the font lacks: an empty square, or nothing where the sign takes no room of its own."""


def drawn(template: str, data: dict[str, Any], *, at: datetime) -> bytes:
    """A paper as PDF/A-2a. The same facts at the same moment give the same bytes.

    PDF/A refuses a sign that its font lacks, such as an emoji or a Chinese one in a name: it is drawn as an empty square.
    """
    return typst.compile(
        FOLDER / template, root=FOLDER, font_paths=[*FONTS], ignore_system_fonts=True, format="pdf", pdf_standards=["a-2a"],
        sys_inputs={"data": json.dumps(_drawable(data), ensure_ascii=False)}, timestamp=int(at.timestamp()),
    )  # fmt: skip


@cache
def _signs() -> frozenset[str]:
    """The signs that every face of the papers' font has, but for those of private use, which PDF/A forbids."""
    known = list[frozenset[int]]()
    for path in (path for folder in FONTS for path in folder.glob("LiberationSerif-*.ttf")):
        with TTFont(path, lazy=True) as face:
            known.append(frozenset(face.getBestCmap()))
    shared = frozenset[int]().union(*known).intersection(*known)
    return frozenset(chr(each) for each in shared if not 0xE000 <= each <= 0xF8FF) | {"\n", "\t"}


def _drawable(value: Any) -> Any:
    """Facts of a paper with an empty square for every sign that cannot be drawn; marks and joiners among them are left out."""
    match value:
        case str():
            composed = unicodedata.normalize("NFC", value)
            return "".join(
                sign if sign in _signs() else NO_SIGN[unicodedata.category(sign) in {"Cc", "Cf", "Mn", "Me"}]
                for sign in composed
            )
        case dict():
            return {name: _drawable(each) for name, each in value.items()}
        case list() | tuple():
            return [_drawable(each) for each in value]
        case _:
            return value


def symbol(text: str) -> str:
    """A QR symbol as SVG, quiet zone included, one unit a module."""
    dark = qr.matrix(text)
    side = len(dark) + 2 * qr.QUIET_MODULES
    path = io.StringIO()
    for row, column in np.argwhere(dark):
        path.write(f"M{column + qr.QUIET_MODULES} {row + qr.QUIET_MODULES}h1v1h-1z")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path.getvalue()}"/></svg>'
    )


def day_in_words(day: date) -> str:
    """As official documents write a date: a zero before days under 10 and before January and February."""
    month = f"{day.month:02d}" if day.month < 3 else str(day.month)
    return f"ngày {day.day:02d} tháng {month} năm {day.year}"


def day(value: date) -> str:
    """31/12/2026."""
    return value.strftime("%d/%m/%Y")


def moment(at: datetime) -> str:
    """14:05 31/12/2026 in the city's time."""
    return at.astimezone(CITY).strftime("%H:%M %d/%m/%Y")


def number(count: int) -> str:
    """1.234."""
    return f"{count:,}".replace(",", ".")


def place_date(organisation: Party | None, day: date) -> str:
    """Where and when a paper is signed, as it stands under the national heading."""
    place = organisation.commune.name if organisation and organisation.commune else "Hải Phòng"
    return f"{place}, {day_in_words(day)}"
