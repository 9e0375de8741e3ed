"""Lists as files: no cell becomes a formula, and dates and numbers are what they are."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from trace.services import sheets
from trace.services.sheets import Format

EVIL = [
    "=1+1",
    "+84912345678",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    '=HYPERLINK("http://x")',
    "=cmd|' /C calc'!A0",
]


def written(kind: Format, rows: Any, headings: Any = ("Một", "Hai")) -> bytes:
    file = io.BytesIO()
    assert sheets.write(file, kind, name="Danh [sách]: dài/quá" * 3, headings=headings, rows=iter(rows)) == len(rows)
    return file.getvalue()


@pytest.mark.parametrize("text", EVIL)
def test_no_text_becomes_a_formula(text: str) -> None:
    line = written(Format.CSV, [[text, "thường"]]).decode("utf-8-sig").split("\r\n", 1)[1]
    assert line.lstrip('"').startswith("'")
    data = written(Format.XLSX, [[text, "thường"]])
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    rels = [name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if "rels" in name and "sheet1" in name]
    assert rels == [], "no links either"


def test_numbers_and_days_read_as_people_here_write_them_in_csv() -> None:
    moment = datetime(2026, 6, 15, 20, 30, tzinfo=UTC)
    rows = [
        [1234567, Decimal("1234.50")],
        [date(2026, 12, 31), moment],
        [True, None],
        ["0912345678", 0.1 + 0.2],
        [-5, 0],
    ]
    told = written(Format.CSV, rows)
    assert told.startswith(b"\xef\xbb\xbf")
    lines = told.decode("utf-8-sig").split("\r\n")
    assert lines[1] == '1.234.567,"1.234,5"'
    assert lines[2] == "31/12/2026,16/06/2026 03:30", "in the city's time"
    assert lines[3] == "Có,"
    assert lines[5] == "-5,0", "a number may begin with a minus"


def test_a_workbook_holds_true_numbers_and_days_and_keeps_zeros_of_text() -> None:
    data = written(Format.XLSX, [[1234.5, date(2026, 12, 31)], ["031098001234", "0912345678"]])
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert rows[1] == [1234.5, date(2026, 12, 31)]
    assert rows[2] == ["031098001234", "0912345678"]


def test_an_empty_list_is_a_file_with_headings() -> None:
    assert written(Format.CSV, []).decode("utf-8-sig") == "Một,Hai\r\n"
    rows = CalamineWorkbook.from_filelike(io.BytesIO(written(Format.XLSX, []))).get_sheet_by_index(0).to_python()
    assert rows == [["Một", "Hai"]]
