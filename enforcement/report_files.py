"""A report of the desk as PDF/A in the form of Decree 30/2020 and as a workbook, both from its frozen figures and nothing else.

Their text is a record of the desk and stays Vietnamese whoever asks. What must not live here: counting.
"""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import xlsxwriter

from trace.clock import CITY
from trace.services import papers

if TYPE_CHECKING:
    from enforcement.models import DeskReport

TOTAL = "Tổng số"
_FORMAT = {"count": "#,##0", "value": "#,##0", "quantity": "#,##0.###", "mean": "#,##0.0", "rate": '0.0" %"'}


def pdf(report: DeskReport, *, sample: bool) -> tuple[str, bytes]:
    """File name and PDF. A draft says in its number that it is one."""
    moment = report.signed_at or report.drawn_at
    data = {
        "organisation": report.unit.name if report.unit else "Chi cục Quản lý thị trường thành phố Hải Phòng",
        "sample": sample,
        "place_date": papers.place_date(report.unit, moment.astimezone(CITY).date()),
        "number": report.number or "DỰ THẢO",
        "title": f"Kết quả xử lý vụ việc về nhãn và chỉ dẫn địa lý {_period(report)}",
        "lead": _lead(report),
        "summary": {"title": "Nhận xét", "paragraphs": _paragraphs(report)},
        "sections": [_section(table) for table in report.figures["tables"]],
        "signatures": ["Người lập báo cáo", "Chi cục trưởng"],
    }  # fmt: skip
    return f"{_name(report)}.pdf", papers.drawn("control_report.typ", data, at=moment)


def workbook(report: DeskReport, *, with_rows: bool, sample: bool) -> tuple[str, bytes]:
    """File name and workbook: the tables, and with `with_rows` the rows behind every figure, a sheet each."""
    made = io.BytesIO()
    # What people wrote stays text: no cell becomes a formula or a link.
    book = xlsxwriter.Workbook(
        made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "dd/mm/yyyy"}
    )  # fmt: skip
    book.set_properties({"title": f"Báo cáo {_period(report)}", "created": report.drawn_at.replace(tzinfo=None)})
    head = book.add_format({"bold": True, "bg_color": "#F3F6F8", "border": 1, "text_wrap": True})
    strong = book.add_format({"bold": True})
    formats = {measure: book.add_format({"num_format": text}) for measure, text in _FORMAT.items()}
    front = book.add_worksheet("Tổng hợp")
    front.set_column(0, 0, 44)
    front.set_column(1, 9, 18)
    row = 0
    for line in (
        f"Báo cáo {_period(report)}",
        "DỮ LIỆU MẪU, không có giá trị pháp lý" if sample else "",
        _lead(report),
    ):
        if line:
            front.write_string(row, 0, line, strong if row == 0 else None)
            row += 1
    for table in report.figures["tables"]:
        row += 1
        front.write_string(row, 0, table["title"], strong)
        row += 1
        front.write_row(row, 0, ["", *(_column(column) for column in table["columns"])], head)
        row += 1
        for line in table["lines"]:
            front.write_string(row, 0, line["title"] or TOTAL)
            for place, (column, amount) in enumerate(zip(table["columns"], line["amounts"], strict=True), 1):
                if amount is None:
                    front.write_string(row, place, "–")
                else:
                    front.write_number(row, place, amount, formats[column["measure"]])
            row += 1
    if with_rows:
        for figure in report.figures["rows"].values():
            if figure["rows"]:
                _rows(book, figure, head)
    book.close()
    return f"{_name(report)}.xlsx", made.getvalue()


def _rows(book: Any, figure: dict[str, Any], head: Any) -> None:
    sheet = book.add_worksheet(_sheet_name(book, figure["title"]))
    sheet.write_row(0, 0, ["Ngày", "Số", "Nội dung", "Số lượng", "Giá trị (đồng)"], head)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 1, 20)
    sheet.set_column(2, 2, 70)
    sheet.set_column(3, 4, 18)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for place, (on, number, what, quantity, value) in enumerate(figure["rows"], 1):
        if on:
            sheet.write_datetime(place, 0, date.fromisoformat(on), day)
        sheet.write_string(place, 1, number or "")
        sheet.write_string(place, 2, what or "")
        if quantity is not None:
            sheet.write_number(place, 3, quantity)
        if value is not None:
            sheet.write_number(place, 4, value)
    sheet.autofilter(0, 0, len(figure["rows"]), 4)
    if figure["total"] > len(figure["rows"]):
        sheet.write_string(
            len(figure["rows"]) + 2, 0, f"Chỉ in {papers.number(len(figure['rows']))} dòng gần nhất trong {papers.number(figure['total'])} dòng."
        )  # fmt: skip


def _sheet_name(book: Any, title: str) -> str:
    """At most 31 signs, none that Excel forbids, none twice."""
    bare = "".join(sign for sign in title if sign not in r"[]:*?/\'")[:28]
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    return next(
        name for name in [bare, *(f"{bare[:27]} {n}" for n in range(2, 100))] if name.casefold() not in taken
    )  # fmt: skip


def _section(table: dict[str, Any]) -> dict[str, Any]:
    empty = not any(count for line in table["lines"] for count in line["counts"])
    if table["flat"]:  # eight columns over one line of numbers: told downwards instead
        columns, widths = ["Chỉ tiêu", "Số liệu"], [3.0, 1.0]
        rows = [
            [_column(column), _told(column["measure"], amount)]
            for column, amount in zip(table["columns"], table["lines"][0]["amounts"], strict=True)
        ]
    else:
        columns = ["", *(_column(column) for column in table["columns"])]
        widths = [2.2, *([1.0] * len(table["columns"]))]
        rows = [
            [line["title"] or TOTAL, *(_told(column["measure"], amount) for column, amount in zip(table["columns"], line["amounts"], strict=True))]
            for line in table["lines"]
        ]  # fmt: skip
    return {
        "title": table["title"],
        "paragraphs": ["Không có trong kỳ."] if empty else [],
        "columns": [] if empty else columns,
        "widths": widths,
        "numeric": list(range(1, len(columns))),
        "rows": [] if empty else rows,
    }


def _column(column: dict[str, Any]) -> str:
    plain = column["measure"] == "count"
    return column["title"] if plain else f"{column['title']} ({column['unit']})"


def _told(measure: str, amount: float | None) -> str:
    """1.234; 12,5; 98,0 %."""
    if amount is None:
        return "–"
    whole = papers.number(int(amount))
    if measure in {"mean", "rate"}:
        whole = f"{whole},{round(abs(amount) * 10) % 10}"
    elif amount != int(amount):
        whole = f"{whole},{f'{abs(amount) % 1:.3f}'[2:].rstrip('0')}"
    return f"{whole} %" if measure == "rate" else whole


def _paragraphs(report: DeskReport) -> list[str]:
    said = [line.strip() for line in report.remarks.splitlines() if line.strip()]
    return said or ["Không có nhận xét thêm."]


def _period(report: DeskReport) -> str:
    first, last = report.first_day, report.last_day
    if (first.day, first.month, last.day, last.month) == (1, 1, 31, 12) and first.year == last.year:
        return f"năm {first.year}"
    return f"từ ngày {papers.day(first)} đến ngày {papers.day(last)}"


def _lead(report: DeskReport) -> str:
    where = [report.unit.name] if report.unit else []
    where += [report.commune.name] if report.commune else []
    drawn = report.drawn_at.astimezone(CITY)
    return (
        f"Số liệu tính từ ngày {papers.day(report.first_day)} đến ngày {papers.day(report.last_day)}"
        f"{', ' + ', '.join(where) if where else ''}, chốt lúc {drawn:%H:%M} ngày {drawn:%d/%m/%Y}, lấy từ sổ vụ việc của hệ thống. "
        "Vụ đã ghép vào vụ khác được tính cùng vụ giữ lại."
    )


def _name(report: DeskReport) -> str:
    return f"bao-cao-vu-viec-{report.first_day:%Y%m%d}-{report.last_day:%Y%m%d}"
