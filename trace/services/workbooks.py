"""Tables from XLSX and CSV as rows of cells, read within bounds. What must not live here: what the columns mean."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from python_calamine import CalamineError, CalamineWorkbook

from trace.services import geofile_faults as faults
from trace.services.geofile_archives import members, unpack
from trace.services.legacy_text import checked, decode

if TYPE_CHECKING:
    from trace.errors import TooLarge

MOST_ROWS = 750_000
MOST_COLUMNS = 200
MOST_CELLS = 4_000_000
_PLACE = re.compile(rb"""\br=["']([A-Z]{0,4})([0-9]{1,9})["']""")
_SHEETS = "xl/worksheets/"


def from_csv(
    data: bytes, *, gaps: bool = False, most: int = MOST_ROWS, beyond: type[TooLarge] = faults.TooManyCorners
) -> list[list[Any]]:
    """The rows of a table of text; what stands between its cells is found out from the first lines.

    With `gaps` empty rows are kept, so that the number of a row is the one that its reader sees.
    """
    text = decode(data)
    if text[:4].lower() == "sep=":
        text = text.split("\n", 1)[-1]
    head = text[:4000].splitlines()[:5]
    mark = max(";\t|,", key=lambda sign: min((line.count(sign) for line in head if line.strip()), default=0))
    rows = list[list[Any]]()
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark):
            if gaps or any(cell.strip() for cell in row):
                rows.append(row[:MOST_COLUMNS])
            if len(rows) > most:
                raise beyond(most=most)
    except csv.Error as exc:
        raise faults.GeoFileBroken(kind="CSV", where=str(len(rows) + 1)) from exc
    return rows


def from_xlsx(
    data: bytes, *, gaps: bool = False, most: int = MOST_ROWS, beyond: type[TooLarge] | None = None
) -> list[list[Any]]:
    """The rows of the first sheet that holds any; with `gaps` also the empty ones between and above them."""
    held = members(data, kind="XLSX")
    sheets = [each for name, each in held.items() if name.lower().startswith(_SHEETS)]
    for each in sheets:
        _measure(data, each, most, beyond)
    for each in held.values():
        if each not in sheets:
            unpack(data, each, kind="XLSX")  # its true size is known only once it was unpacked, within bounds
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            every = book.get_sheet_by_name(name).to_python(skip_empty_area=not gaps)
            rows = [row for row in every if any(cell not in {"", None} for cell in row)]
            if rows:
                checked(" ".join(str(cell) for row in rows[:300] for cell in row))
                return every if gaps else rows
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError, KeyError) as exc:
        raise faults.GeoFileBroken(kind="XLSX", where="workbook") from exc
    return []


def _measure(data: bytes, member: zipfile.ZipInfo, most: int, beyond: type[TooLarge] | None) -> None:
    """A sheet is laid out as a full rectangle when it is read, so two cells far apart would fill the memory."""
    raw = unpack(data, member, kind="XLSX")
    width = deepest = 1
    for letters, digits in _PLACE.findall(raw):
        deepest = max(deepest, int(digits))
        column = 0
        for letter in letters:
            column = column * 26 + letter - 64
        width = max(width, column)
    cells = raw.count(b"<c ") + raw.count(b"<c>")
    if beyond is not None and deepest > most:
        raise beyond(most=most)
    if deepest > most or width * deepest > 4 * MOST_CELLS or cells > MOST_CELLS:
        raise faults.GeoFileBroken(kind="XLSX", where=f"{PurePosixPath(member.filename).name}: {deepest} × {width}")
