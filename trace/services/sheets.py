"""A list as a file: XLSX with true dates and numbers, CSV as people here read them. No cell is ever a formula.

Rows come from an iterator and go through a temporary file, so a long list takes no more memory than a short one.
What must not live here: which lists there are, and their words.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from xlsxwriter import Workbook

from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

MOST_ROWS = 200_000
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
"""With these, programs take a text for a formula; the wide ones too."""
_WIDEST, _NARROWEST = 60, 10
_LONGEST = 32_000
_OPTIONS = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
}  # fmt: skip


class Format(StrEnum):
    """The kinds of files (never shown)."""

    XLSX = "xlsx"
    CSV = "csv"


MEDIA_TYPES = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Format.CSV: "text/csv; charset=utf-8",
}  # fmt: skip


def write(
    file: BinaryIO,
    kind: Format,
    *,
    name: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    folder: str | None = None,
) -> int:
    """Write a list and return how many rows it has. A cell is text, a number, a date, a moment (with its zone), a truth or nothing."""
    if kind is Format.CSV:
        return _csv(file, headings, rows)
    return _xlsx(file, name, headings, rows, folder)


def disarmed(text: str) -> str:
    """A text that no program takes for a formula: an apostrophe in front says that it is text."""
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def _csv(file: BinaryIO, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([disarmed(heading) for heading in headings])
    count = 0
    for row in rows:
        writer.writerow([_in_words(cell) for cell in row])
        count += 1
    text.detach()
    return count


def _in_words(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "Có" if cell else "Không"
        case int() | float() | Decimal():
            return _number(cell)
        case datetime():
            return cell.astimezone(CITY).strftime("%d/%m/%Y %H:%M")
        case date():
            return cell.strftime("%d/%m/%Y")
        case _:
            return disarmed(str(cell))


def _number(value: float | Decimal) -> str:
    """1.234,5: points between thousands, a comma before the decimals, no zeros at the end."""
    exact = Decimal(str(value))
    plain = f"{exact:,f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.translate(str.maketrans(",.", ".,"))


def _xlsx(file: BinaryIO, name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], folder: str | None) -> int:
    options = _OPTIONS | ({"tmpdir": folder} if folder else {})
    count = 0
    with Workbook(file, options) as book:
        sheet = book.add_worksheet(_sheet_name(name))
        bold = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1, "text_wrap": True, "valign": "top"})
        looks = {
            date: book.add_format({"num_format": "dd/mm/yyyy"}), datetime: book.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
            int: book.add_format({"num_format": "#,##0"}), float: book.add_format({"num_format": "#,##0.####"}),
            str: book.add_format({"num_format": "@"}),
        }  # fmt: skip
        for place, heading in enumerate(headings):
            sheet.set_column(place, place, min(_WIDEST, max(_NARROWEST, len(heading) + 6)))
            sheet.write_string(0, place, heading, bold)
        sheet.freeze_panes(1, 0)
        for count, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                _put(sheet, count, place, cell, looks)
        if headings:
            sheet.autofilter(0, 0, count, len(headings) - 1)
    return count


def _put(sheet: Any, row: int, place: int, cell: Any, looks: dict[type, Any]) -> None:
    match cell:
        case None | "":
            return
        case bool():
            sheet.write_string(row, place, _in_words(cell), looks[str])
        case int():
            sheet.write_number(row, place, cell, looks[int])
        case float() | Decimal():
            sheet.write_number(row, place, float(cell), looks[float])
        case datetime():
            sheet.write_datetime(row, place, cell.astimezone(CITY).replace(tzinfo=None), looks[datetime])
        case date():
            sheet.write_datetime(row, place, datetime.combine(cell, time()), looks[date])
        case _:
            sheet.write_string(row, place, str(cell)[:_LONGEST], looks[str])


def _sheet_name(name: str) -> str:
    return "".join(" " if sign in "[]:*?/\\" else sign for sign in name)[:31].strip("' ") or "1"
