"""Figures of the desk as PDF/A in the form of Decree 30/2020 and as a workbook: of a report from its frozen figures and nothing else, or as
they stand now, which then stands on every page.

Their text is a record of the desk and stays Vietnamese whoever asks. What must not live here: counting.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import xlsxwriter

from enforcement import reports
from trace.clock import CITY
from trace.services import papers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from enforcement.models import DeskReport
    from trace.models.parties import Commune, Party

TOTAL, FRONT = "Tổng số", "Tổng hợp"
A4 = 9
"""The paper as Excel numbers it."""
WIDEST = 9
LINK = "#0B5394"
_WIDTH = {"value": 1.6, "rate": 1.5}
"""How wide a column of the PDF is beside one that counts: hundreds of millions of đồng stay on one line."""
_FORMAT = {"count": "#,##0", "value": "#,##0", "quantity": "#,##0.###", "mean": "#,##0.0", "rate": '0.0" %"'}


@dataclass(frozen=True)
class Printed:
    """What a file is written from: a report that was drawn up, or the figures of a period as they stand now (`live`).

    `opens`: where the rows behind a number are read on the screen, by figure and line; empty for who may not read them.
    """

    first_day: date
    last_day: date
    unit: Party | None
    commune: Commune | None
    at: datetime
    figures: Mapping[str, Any]
    sample: bool
    remarks: str = ""
    number: str | None = None
    signed_at: datetime | None = None
    live: bool = False
    opens: Callable[[str, str | None], str] | None = None


def of_report(report: DeskReport, *, names: bool) -> Printed:
    """A report that was drawn up, from its frozen figures. `names`: whether the reader may read what case files say in their own words."""
    figures = {**report.figures, "tables": reports.frozen_tables(report, names=names)}
    return Printed(
        report.first_day, report.last_day, report.unit, report.commune, report.drawn_at, figures, report.drawer.is_sample,
        remarks=report.remarks, number=report.number, signed_at=report.signed_at,
    )  # fmt: skip


def pdf(printed: Printed) -> tuple[str, bytes]:
    """File name and PDF. A draft says in its number that it is one, and figures that nobody drew up that they are provisional."""
    moment = printed.signed_at or printed.at
    data = {
        "organisation": printed.unit.name if printed.unit else "Chi cục Quản lý thị trường thành phố Hải Phòng",
        "sample": printed.sample,
        "place_date": papers.place_date(printed.unit, moment.astimezone(CITY).date()),
        "number": printed.number or ("(chưa có)" if printed.live else "DỰ THẢO"),
        "title": f"Kết quả xử lý vụ việc về nhãn và chỉ dẫn địa lý {_period(printed)}",
        "provisional": _provisional(printed),
        "lead": _lead(printed),
        "summary": {"title": "Nhận xét", "paragraphs": _paragraphs(printed)},
        "sections": [_section(table, printed.opens) for table in printed.figures["tables"]],
        "signatures": [] if printed.live else ["Người lập báo cáo", "Chi cục trưởng"],
    }  # fmt: skip
    return f"{_name(printed)}.pdf", papers.drawn("control_report.typ", data, at=moment)


def workbook(printed: Printed, *, with_rows: bool) -> tuple[str, bytes]:
    """File name and workbook: the tables, and with `with_rows` the rows behind every figure, a sheet each, to which its numbers lead."""
    made = io.BytesIO()
    # What people wrote stays text: no cell becomes a formula or a link.
    book = xlsxwriter.Workbook(
        made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "dd/mm/yyyy"}
    )  # fmt: skip
    book.set_properties({"title": f"Báo cáo {_period(printed)}", "created": printed.at.replace(tzinfo=None)})
    head = book.add_format({"bold": True, "bg_color": "#F3F6F8", "border": 1, "text_wrap": True, "valign": "vcenter"})
    front = book.add_worksheet(FRONT)
    sheets = {}
    if with_rows:
        for name, figure in printed.figures["rows"].items():
            if figure["rows"]:
                sheets[name] = _rows(book, figure, head)
    _tables(book, front, printed, head, sheets)
    _print_setup(front, printed)
    book.close()
    return f"{_name(printed)}.xlsx", made.getvalue()


def _tables(book: Any, front: Any, printed: Printed, head: Any, sheets: Mapping[str, str]) -> None:
    """The first sheet: every table, its numbers as numbers, each leading to the sheet of its rows."""
    strong, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    plain = {measure: book.add_format({"num_format": text}) for measure, text in _FORMAT.items()}
    leading = {
        measure: book.add_format({"num_format": text, "font_color": LINK, "underline": 1})
        for measure, text in _FORMAT.items()
    }
    front.set_column(0, 0, 44)
    front.set_column(1, WIDEST, 15)
    row = 0
    for line in (
        f"Báo cáo {_period(printed)}",
        "DỮ LIỆU MẪU, không có giá trị pháp lý" if printed.sample else "",
        _provisional(printed),
    ):
        if line:
            front.write_string(row, 0, line, strong)
            row += 1
    front.merge_range(row, 0, row, 6, _lead(printed), wrapped)
    front.set_row(row, 48)
    row += 1
    for table in printed.figures["tables"]:
        row += 1
        front.write_string(row, 0, table["title"], strong)
        row += 1
        front.write_row(row, 0, ["", *(_column(column) for column in table["columns"])], head)
        row += 1
        for line in table["lines"]:
            front.write_string(row, 0, line["title"] or TOTAL, strong if line["part"] is None else None)
            for place, (column, amount) in enumerate(zip(table["columns"], line["amounts"], strict=True), 1):
                sheet = sheets.get(column["figure"]) if line["counts"][place - 1] else None
                if amount is None:
                    front.write_string(row, place, "–")
                    continue
                if sheet is not None:
                    front.write_url(row, place, f"internal:'{sheet}'!A1", tip=f"Các dòng của số này: trang «{sheet}»")
                front.write_number(row, place, amount, (leading if sheet else plain)[column["measure"]])
            row += 1
        for note in _notes(table):
            front.write_string(row, 0, note)
            row += 1


def _print_setup(sheet: Any, printed: Printed) -> None:
    """A4 across, one page wide, with what it is about at the head and the number of the page at the foot."""
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.freeze_panes(1, 1)
    marked = " · TẠM TÍNH, CHƯA CHỐT" if printed.live else ""
    sheet.set_header(f"&LBáo cáo {_period(printed)}{marked}")
    sheet.set_footer("&CTrang &P/&N")


def _rows(book: Any, figure: dict[str, Any], head: Any) -> str:
    """The rows behind one figure on a sheet of their own; its name."""
    name = _sheet_name(book, figure["title"])
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, ["Ngày", "Số", "Nội dung", "Số lượng", "Giá trị (đồng)", "Thuộc dòng"], head)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&CTrang &P/&N")
    sheet.set_column(0, 1, 20)
    sheet.set_column(2, 2, 70)
    sheet.set_column(3, 4, 18)
    sheet.set_column(5, 5, 34)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    amount, money = (book.add_format({"num_format": _FORMAT[measure]}) for measure in ("quantity", "value"))
    for place, (on, number, what, quantity, value, *part) in enumerate(figure["rows"], 1):
        if on:
            sheet.write_datetime(place, 0, date.fromisoformat(on), day)
        sheet.write_string(place, 1, number or "")
        sheet.write_string(place, 2, what or "")
        if quantity is not None:
            sheet.write_number(place, 3, quantity, amount)
        if value is not None:
            sheet.write_number(place, 4, value, money)
        sheet.write_string(place, 5, (part[0] if part else None) or "")
    sheet.autofilter(0, 0, len(figure["rows"]), 5)
    if figure["total"] > len(figure["rows"]):
        sheet.write_string(
            len(figure["rows"]) + 2, 0, f"Chỉ in {papers.number(len(figure['rows']))} dòng gần nhất trong {papers.number(figure['total'])} dòng."
        )  # fmt: skip
    return name


def _sheet_name(book: Any, title: str) -> str:
    """At most 31 signs, none that Excel forbids, none twice."""
    bare = "".join(sign for sign in title if sign not in r"[]:*?/\'")[:28]
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    return next(
        name for name in [bare, *(f"{bare[:27]} {n}" for n in range(2, 100))] if name.casefold() not in taken
    )  # fmt: skip


def _section(table: dict[str, Any], opens: Callable[[str, str | None], str] | None) -> dict[str, Any]:
    empty = not any(count for line in table["lines"] for count in line["counts"])
    if table["flat"]:  # eight columns over one line of numbers: told downwards instead
        columns, widths = ["Chỉ tiêu", "Số liệu"], [3.0, 1.0]
        cells = _cells(table, table["lines"][0], opens)
        rows = [[_column(column), cell] for column, cell in zip(table["columns"], cells, strict=True)]
    else:
        columns = ["", *(_column(column) for column in table["columns"])]
        widths = [2.2, *(_WIDTH.get(column["measure"], 1.0) for column in table["columns"])]
        rows = [[line["title"] or TOTAL, *_cells(table, line, opens)] for line in table["lines"]]
    return {
        "title": table["title"],
        "paragraphs": [*(["Không có trong kỳ."] if empty else []), *_notes(table)],
        "columns": [] if empty else columns,
        "widths": widths,
        "numeric": list(range(1, len(columns))),
        "rows": [] if empty else rows,
    }


def _notes(table: dict[str, Any]) -> list[str]:
    """What a table does not tell: figures that belong to no unit, and rows that a sum of values leaves out."""
    left_out = table.get("left_out", [])
    said = [f"Không tính theo đơn vị nên không có trong bảng: {'; '.join(left_out)}."] if left_out else []
    return said + [
        f"{gap['title']}: {papers.number(gap['rows'])} trong {papers.number(gap['of'])} dòng chưa có giá trị nên không nằm trong tổng, "
        "vì chưa có đơn giá hoặc đơn giá theo đơn vị tính khác."
        for gap in table.get("unvalued", [])
    ]


def _cells(table: dict[str, Any], line: dict[str, Any], opens: Callable[[str, str | None], str] | None) -> list[Any]:
    """The numbers of a line in words; with an address where the rows behind them can be read. A rate tells what it is a share of."""
    told: list[Any] = []
    for place, (column, amount) in enumerate(zip(table["columns"], line["amounts"], strict=True)):
        text, count = _told(column["measure"], amount), line["counts"][place]
        of = line.get("of", [None] * len(line["amounts"]))[place]
        if of and amount is not None:
            text = f"{text} ({papers.number(count)}/{papers.number(of)})"
        told.append(
            {"text": text, "url": opens(column["figure"], line["part"])}
            if opens and count and amount is not None
            else text
        )
    return told


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


def _paragraphs(report: Printed) -> list[str]:
    said = [line.strip() for line in report.remarks.splitlines() if line.strip()]
    if report.live:
        return ["Số liệu xem tại chỗ, chưa ai lập báo cáo: có thể thay đổi khi sổ vụ việc được ghi thêm hoặc sửa."]
    return said or ["Không có nhận xét thêm."]


def _period(report: Printed) -> str:
    first, last = report.first_day, report.last_day
    if (first.day, first.month, last.day, last.month) == (1, 1, 31, 12) and first.year == last.year:
        return f"năm {first.year}"
    return f"từ ngày {papers.day(first)} đến ngày {papers.day(last)}"


def _provisional(report: Printed) -> str:
    """What stands on figures that nobody drew up and signed, with their moment."""
    return (
        f"Tạm tính, chưa chốt: tính lúc {report.at.astimezone(CITY):%H:%M} ngày {report.at.astimezone(CITY):%d/%m/%Y}"
        if report.live
        else ""
    )


def _lead(report: Printed) -> str:
    where = [report.unit.name] if report.unit else []
    where += [report.commune.name] if report.commune else []
    drawn = report.at.astimezone(CITY)
    settled = "tính" if report.live else "chốt"
    return (
        f"Số liệu tính từ ngày {papers.day(report.first_day)} đến ngày {papers.day(report.last_day)}"
        f"{', ' + ', '.join(where) if where else ''}, {settled} lúc {drawn:%H:%M} ngày {drawn:%d/%m/%Y}, lấy từ sổ vụ việc của hệ thống. "
        "Vụ đã ghép vào vụ khác được tính cùng vụ giữ lại."
    )


def _name(report: Printed) -> str:
    made = f"-tam-tinh-{report.at.astimezone(CITY):%Y%m%d-%H%M}" if report.live else ""
    return f"bao-cao-vu-viec-{report.first_day:%Y%m%d}-{report.last_day:%Y%m%d}{made}"
