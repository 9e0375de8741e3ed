"""Tables as XLSX files: the template that people fill in, and their own file given back with its faults marked.

What must not live here: lists that are exported (`sheets`), and what the faults are.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from xlsxwriter import Workbook

from trace.services import table_cells
from trace.services.table_forms import Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trace.errors import TemThatError
    from trace.services.table_forms import Choice, Column, TableForm
    from trace.services.table_reading import Finding, Row, Table

LISTS_SHEET = "Danh mục"
GUIDE_SHEET = "Cách điền"
FAULT_HEADING = "Lỗi cần sửa"
_AUTHOR = "Tem Thật"
_LONGEST_SHOWN_LIST = 2000
_MOST_NOTES = 20_000
_SAFE = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "in_memory": True}


def template(form: TableForm, lists: Mapping[Choice, Sequence[str]]) -> bytes:
    """The empty form: headings with hints, one example row, lists to choose from, and how to fill it in."""
    return _written(lambda book: _template(book, form, lists))


def marked(table: Table, rows: Sequence[Row], form: TableForm, words: Callable[[TemThatError], str]) -> bytes:
    """The table as it came, with its faulty cells coloured, each with a comment, and the faults of a row in a last column."""
    return _written(lambda book: _marked(book, table, rows, form, words))


def _written(write: Callable[[Any], None]) -> bytes:
    stream = io.BytesIO()
    with Workbook(stream, _SAFE) as book:
        write(book)
    return stream.getvalue()


def _template(book: Any, form: TableForm, lists: Mapping[Choice, Sequence[str]]) -> None:
    sheet, listed, guide = (
        book.add_worksheet(form.name),
        book.add_worksheet(LISTS_SHEET),
        book.add_worksheet(GUIDE_SHEET),
    )
    heads = {
        needed: book.add_format({"bold": True, "bg_color": "#D9E8F5" if needed else "#EDEDED", "border": 1, "text_wrap": True, "valign": "top"})
        for needed in (True, False)
    }  # fmt: skip
    example = book.add_format({"italic": True, "font_color": "#6B6B6B", "num_format": "@"})
    ranges = _lists(book, listed, lists)
    for place, column in enumerate(form.columns):
        sheet.set_column(place, place, column.width, _format(book, column))
        sheet.write_string(0, place, f"{column.heading}", heads[column.needed])
        sheet.write_comment(0, place, _hint(column), {"author": _AUTHOR, "x_scale": 2})
        sheet.write_string(1, place, column.example, example)
        if column.choice and ranges.get(column.choice):
            sheet.data_validation(
                2, place, form.most_rows + 1, place,
                {
                    "validate": "list", "source": ranges[column.choice], "error_type": "warning", "input_title": column.heading[:32],
                    "input_message": column.hint[:255], "error_title": column.heading[:32], "error_message": f"Chọn trong danh sách; xem trang {LISTS_SHEET}.",
                },
            )  # fmt: skip
    sheet.freeze_panes(1, 0)
    _guide(book, guide, form)


def _lists(book: Any, sheet: Any, lists: Mapping[Choice, Sequence[str]]) -> dict[Choice, str]:
    bold = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1})
    ranges: dict[Choice, str] = {}
    for place, (choice, entries) in enumerate(lists.items()):
        sheet.set_column(place, place, 28)
        sheet.write_string(0, place, choice.value, bold)
        shown = entries[:_LONGEST_SHOWN_LIST]
        for number, entry in enumerate(shown, start=1):
            sheet.write_string(number, place, entry)
        if shown:
            letter = chr(ord("A") + place)
            ranges[choice] = f"='{LISTS_SHEET}'!${letter}$2:${letter}${len(shown) + 1}"
    sheet.freeze_panes(1, 0)
    return ranges


def _guide(book: Any, sheet: Any, form: TableForm) -> None:
    bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90, wrap)
    lines = [
        ("Mỗi dòng một bản ghi", "Điền từ dòng 3. Giữ nguyên dòng tiêu đề. Dòng VÍ DỤ không được ghi, có thể xóa hoặc để lại."),
        ("Cột nền xanh", "Cần điền. Các cột khác có thể để trống."),
        ("Số có số 0 ở đầu", "Số CCCD, mã số thuế, điện thoại: các cột này đã định dạng văn bản, số 0 được giữ nguyên."),
        ("Ngày", "Ngày/tháng/năm, ví dụ 31/12/2026."),
        ("Số lẻ", "Dấu phẩy trước phần lẻ, ví dụ 0,35."),
        ("Gửi tệp", f"Gửi tệp .xlsx này, hoặc lưu thành .csv (UTF-8). Nhiều nhất {form.most_rows:,} dòng.".replace(",000", ".000")),
        ("", ""),
        *((column.heading, _hint(column)) for column in form.columns),
    ]  # fmt: skip
    for number, (head, text) in enumerate(lines):
        sheet.write_string(number, 0, head, bold)
        sheet.write_string(number, 1, text, wrap)


def _hint(column: Column) -> str:
    return f"Cần điền. {column.hint}" if column.needed else column.hint


def _format(book: Any, column: Column) -> Any:
    kinds = {Cells.TEXT: "@", Cells.DAY: "dd/mm/yyyy", Cells.NUMBER: "#,##0.####"}
    return book.add_format({"num_format": kinds[column.cells]})


def _marked(
    book: Any, table: Table, rows: Sequence[Row], form: TableForm, words: Callable[[TemThatError], str]
) -> None:
    sheet = book.add_worksheet(form.name)
    plain, bold = (
        book.add_format({"num_format": "@"}),
        book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1}),
    )
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    red = {
        kind: book.add_format({"bg_color": "#F8D0CC", "border": 1, "num_format": kind})
        for kind in ("@", "dd/mm/yyyy", "General")
    }
    yellow = {kind: book.add_format({"bg_color": "#FFF0C2", "border": 1, "num_format": kind}) for kind in red}
    wrap = book.add_format({"text_wrap": True, "valign": "top", "font_color": "#8C1D13"})
    said = {row.number: row for row in rows if row.findings}
    width = _width(table)
    for number, line in enumerate(table.lines):
        row = said.get(number + 1)
        marks = {table.places[key]: kind for key, kind in _colours(row).items() if key in table.places} if row else {}
        for place, cell in enumerate(line[:width]):
            if number == table.heading_row:
                _put(sheet, number, place, cell, bold)
            else:
                tint = {"fault": red, "remark": yellow}.get(marks.get(place, ""))
                kind = (
                    "dd/mm/yyyy" if isinstance(cell, datetime | date) else "@" if isinstance(cell, str) else "General"
                )
                _put(
                    sheet,
                    number,
                    place,
                    cell,
                    tint[kind] if tint else day if kind == "dd/mm/yyyy" else plain if kind == "@" else None,
                )
    sheet.write_string(table.heading_row, width, FAULT_HEADING, bold)
    for place in range(width):
        sheet.set_column(place, place, 20)
    sheet.set_column(width, width, 80)
    _notes(sheet, table, {row: [(each, words(each.error)) for each in said[row].findings] for row in said}, width, wrap)
    sheet.freeze_panes(table.heading_row + 1, 0)


def _notes(sheet: Any, table: Table, said: Mapping[int, Sequence[tuple[Finding, str]]], width: int, wrap: Any) -> None:
    notes = 0
    for number, told in said.items():
        sheet.write_string(number - 1, width, "\n".join(text for _, text in told), wrap)
        by_place: dict[int, list[str]] = {}
        for finding, text in told:
            if finding.column in table.places:
                by_place.setdefault(table.places[finding.column], []).append(text)
        for place, texts in by_place.items():
            notes += 1
            if notes <= _MOST_NOTES:
                look = {"author": _AUTHOR, "x_scale": 2.5, "y_scale": 1.5}
                sheet.write_comment(number - 1, place, "\n".join(texts), look)


def _width(table: Table) -> int:
    """How many columns the file has; the column of faults of an earlier round is written anew."""
    heads = [table_cells.text(cell) for cell in table.lines[table.heading_row]]
    if FAULT_HEADING in heads:
        return heads.index(FAULT_HEADING)
    return max([len(table.lines[table.heading_row]), *(place + 1 for place in table.places.values())])


def _colours(row: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    for finding in row.findings:
        if finding.column and found.get(finding.column) != "fault":
            found[finding.column] = "fault" if finding.is_fault else "remark"
    return found


def _put(sheet: Any, row: int, place: int, cell: Any, form: Any) -> None:
    """A cell as what it was: text stays text, whatever it begins with."""
    if cell is None or cell == "":
        if form is not None:
            sheet.write_blank(row, place, None, form)
    elif isinstance(cell, bool):
        sheet.write_boolean(row, place, cell, form)
    elif isinstance(cell, int | float):
        sheet.write_number(row, place, cell, form)
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, place, cell.replace(tzinfo=None), form)
    elif isinstance(cell, date):
        sheet.write_datetime(row, place, datetime.combine(cell, time()), form)
    else:
        sheet.write_string(row, place, str(cell), form)
