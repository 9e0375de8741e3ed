"""The yearly report on the control of a title as PDF/A in the form of Decree 30/2020 and as a workbook.

Both are drawn from the frozen figures and from nothing else. Their text is a record of the register and stays Vietnamese whoever asks.
"""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import xlsxwriter

from trace.clock import CITY
from trace.services import papers

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

    from trace.models.control_papers import ControlReport

LEVELS = {"self": "Tự kiểm soát", "internal": "Kiểm soát nội bộ", "external": "Kiểm soát độc lập"}
SEVERITIES = {"minor": "Nhẹ", "major": "Nặng", "critical": "Nghiêm trọng"}
KINDS = {"gi": "Chỉ dẫn địa lý", "collective_mark": "Nhãn hiệu tập thể", "certification_mark": "Nhãn hiệu chứng nhận"}
ACKNOWLEDGED = {"signed": "Đã ký", "code": "Xác nhận bằng mã", "refused": "Từ chối ký", "own": "Tự kiểm soát"}
SAMPLES = {"taken": "Chưa gửi", "sent": "Chờ kết quả", "conforms": "Đạt", "fails": "Không đạt"}
STATES = {"active": "Khôi phục", "suspended": "Đình chỉ", "revoked": "Thu hồi", "given_up": "Trả lại"}
MOVES = {
    "issue": "Cấp", "print": "In", "receive": "Nhận", "activate": "Kích hoạt", "use": "Đã dán", "spoil": "Hỏng", "lose": "Mất",
    "return": "Trả lại", "void": "Hủy", "recall": "Thu hồi", "hand_over": "Bàn giao",
}  # fmt: skip


def pdf(report: ControlReport) -> tuple[str, bytes]:
    """File name and PDF of a report."""
    figures = report.figures
    told = _told(figures)
    data = {
        "organisation": figures["managing_body"]["name"] or figures["title"]["name"], "sample": figures["title"]["sample"],
        "place_date": f"{figures['managing_body']['place']}, {papers.day_in_words(report.drawn_at.astimezone(CITY).date())}", "number": f"...../BC-{report.year}",
        "title": f"Kết quả kiểm soát việc sử dụng {KINDS[figures['title']['kind']].lower()} “{figures['title']['name']}” năm {report.year}",
        "lead": f"Số liệu tính từ ngày {_day(figures['start'])} đến ngày {_day(figures['end'])}, chốt lúc {report.drawn_at.astimezone(CITY):%H:%M} "
        f"ngày {report.drawn_at.astimezone(CITY):%d/%m/%Y}, lấy từ sổ kiểm soát của hệ thống tem.",
        "summary": told.pop(0), "sections": told,
        "signatures": ["Người lập báo cáo", "Đại diện tổ chức quản lý"],
    }  # fmt: skip
    return f"bao-cao-kiem-soat-{report.year}.pdf", papers.drawn("control_report.typ", data, at=report.drawn_at)


def workbook(report: ControlReport) -> tuple[str, bytes]:
    """File name and workbook of a report: the tables of the PDF, and every visit, finding, sample and decision behind them."""
    made = io.BytesIO()
    # What people wrote stays text: no cell becomes a formula or a link.
    book = xlsxwriter.Workbook(
        made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "dd/mm/yyyy"}
    )  # fmt: skip
    book.set_properties(
        {"title": f"Báo cáo kiểm soát năm {report.year}", "created": report.drawn_at.replace(tzinfo=None)}
    )
    bold, date_cell = (
        book.add_format({"bold": True, "bg_color": "#F3F6F8", "border": 1}),
        book.add_format({"num_format": "dd/mm/yyyy"}),
    )
    figures, told = report.figures, _told(report.figures)
    front = book.add_worksheet("Tổng hợp")
    front.set_column(0, 0, 46)
    front.set_column(1, 8, 16)
    row = 0
    for line in (
        f"Báo cáo kiểm soát {figures['title']['name']} năm {report.year}",
        "DỮ LIỆU MẪU, không có giá trị pháp lý" if figures["title"]["sample"] else "",
        f"Từ {_day(figures['start'])} đến {_day(figures['end'])}, chốt {report.drawn_at.astimezone(CITY):%H:%M %d/%m/%Y}", *told.pop(0)["paragraphs"],
    ):  # fmt: skip
        if line:
            front.write_string(row, 0, line)
            row += 1
    for section in told:
        row += 1
        front.write_string(row, 0, section["title"], bold)
        row += 1
        for paragraph in section["paragraphs"]:
            front.write_string(row, 0, paragraph)
            row += 1
        if section["columns"]:
            front.write_row(row, 0, section["columns"], bold)
            row += 1
            for values in section["rows"]:
                for column, value in enumerate(values):
                    front.write(row, column, value)
                row += 1
    sheets = [
        ("Lần kiểm soát", ["Ngày", "Đơn vị", "Nguồn", "Cấp kiểm soát", "Người kiểm soát", "Kết quả", "Xác nhận"],
         [[_date(r[0]), r[1], r[2], LEVELS[r[3]], r[4], "Đạt" if r[5] else "Không đạt", ACKNOWLEDGED.get(r[6] or "", "")] for r in figures["visits"]["rows"]]),
        ("Điểm không phù hợp", ["Ngày", "Đơn vị", "Nguồn", "Mức độ", "Mã mục", "Nội dung", "Chặn tem", "Hạn", "Ngày đóng"],
         [[_date(r[0]), r[1], r[2], SEVERITIES[r[3]], r[4], r[5], "Có" if r[6] else "Không", _date(r[7]), _date(r[8])] for r in figures["findings"]["rows"]]),
        ("Mẫu", ["Ngày lấy", "Số", "Đơn vị", "Nguồn", "Mẫu", "Nơi kiểm nghiệm", "Số phiếu", "Kết quả"],
         [[_date(r[0]), *r[1:7], SAMPLES[r[7]]] for r in figures["samples"]["rows"]]),
        ("Quyết định", ["Ngày", "Giấy chứng nhận", "Đơn vị", "Quyết định", "Lý do", "Văn bản"],
         [[_date(r[0]), r[1], r[2], STATES.get(r[3], r[3]), r[4], r[5]] for r in figures["suspensions"]["rows"]]),
    ]  # fmt: skip
    for name, columns, rows in sheets:
        sheet = book.add_worksheet(name)
        _table(sheet, columns, rows, bold, date_cell)
    book.close()
    return f"bao-cao-kiem-soat-{report.year}.xlsx", made.getvalue()


def _table(sheet: Worksheet, columns: list[str], rows: list[list[Any]], bold: Any, date_cell: Any) -> None:
    sheet.write_row(0, 0, columns, bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 20)
    for line, values in enumerate(rows, 1):
        for column, value in enumerate(values):
            if isinstance(value, date):
                sheet.write_datetime(line, column, value, date_cell)
            else:
                sheet.write(line, column, value)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)


def _told(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The report in sections: first the summary in sentences, then one table each."""
    coverage = [each for each in figures["coverage"] if each["a_year"]]
    due, done = sum(each["due"] for each in coverage), sum(each["done"] for each in coverage)
    severities = figures["findings"]["by_severity"]
    total, closed = sum(each["total"] for each in severities), sum(each["closed"] for each in severities)
    actions, samples, labels = figures["actions"], figures["samples"], figures["labels"]
    decisions = figures["suspensions"]["decisions"]
    issued = labels["moves"].get("issue", 0)
    summary = [
        f"Theo kế hoạch kiểm soát, cả năm cần {papers.number(due)} lần; đã thực hiện {papers.number(done)} lần ({_share(done, due)})."
        if due else "Kế hoạch kiểm soát trong kỳ không ấn định số lần theo năm.",
        f"Phát hiện {papers.number(total)} điểm không phù hợp; {papers.number(closed)} điểm đã đóng sau khi người khác kiểm chứng hiệu lực; còn mở {papers.number(total - closed)} điểm, "
        f"trong đó quá hạn {papers.number(sum(each['overdue'] for each in severities))} điểm.",
        f"Trong {papers.number(actions['total'])} hành động khắc phục đã báo, {papers.number(actions['in_time'])} báo trong hạn ({_share(actions['in_time'], actions['total'])}), "
        f"{papers.number(actions['effective'])} có hiệu lực, {papers.number(actions['no_effect'])} không có hiệu lực và phải làm lại, {papers.number(actions['waiting'])} chờ kiểm chứng.",
        f"Lấy {papers.number(samples['total'])} mẫu: {papers.number(samples['conforms'])} đạt, {papers.number(samples['fails'])} không đạt, {papers.number(samples['sent'] + samples['taken'])} chưa có kết quả.",
        f"Hệ thống đề xuất đình chỉ {papers.number(sum(figures['suspensions']['proposals'].values()))} lần; người có thẩm quyền đã đình chỉ {papers.number(decisions.get('suspended', 0))}, "
        f"khôi phục {papers.number(decisions.get('active', 0))}, thu hồi {papers.number(decisions.get('revoked', 0))} giấy chứng nhận.",
        f"Cấp {papers.number(issued)} tem trong kỳ; lượng tem cấp không vượt sản lượng được xác nhận của từng đơn vị.",
    ]  # fmt: skip
    return [
        {"title": "Tóm tắt", "paragraphs": summary, "columns": [], "widths": [], "numeric": [], "rows": []},
        _section("Kế hoạch kiểm soát trong kỳ", ["Bản", "Hiệu lực từ", "Đến", "Số mục"], [1, 2, 2, 1], [3],
                 [[f"Bản {each['version']}", _day(each["from"]), _day(each["to"]) if each["to"] else "nay", each["items"]] for each in figures["plans"]]),
        _section("Độ phủ kiểm soát", ["Cấp kiểm soát", "Nguồn", "Lần/năm mỗi nguồn", "Cần", "Đã làm", "Tỷ lệ", "Nguồn đã đến"], [3, 1, 2, 1, 1, 1.2, 1.5], [1, 2, 3, 4, 5, 6],
                 [[LEVELS[e["level"]], e["sources"], e["a_year"], e["due"], e["done"], _share(e["done"], e["due"]), e["visited"]] for e in figures["coverage"]]),
        _section("Lần kiểm soát", ["Cấp kiểm soát", "Tổng", "Đạt", "Không đạt", "Từ chối ký"], [3, 1, 1, 1.2, 1.2], [1, 2, 3, 4],
                 [[LEVELS[e["level"]], e["total"], e["passed"], e["failed"], e["refused"]] for e in figures["visits"]["by_level"]]),
        _section("Điểm không phù hợp", ["Mức độ", "Tổng", "Đã đóng", "Còn mở", "Quá hạn", "Chặn tem"], [2, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5],
                 [[SEVERITIES[e["severity"]], e["total"], e["closed"], e["open"], e["overdue"], e["blocking"]] for e in severities]),
        _section("Sản lượng được xác nhận và tem", ["Sản phẩm", "Mùa vụ", "Đơn vị", "Xác nhận (kg)", "Cấp thêm (kg)", "Đã cấp tem (kg)"], [3, 2.4, 1, 1.5, 1.5, 1.6], [2, 3, 4, 5],
                 [[r[0], r[1], r[5], r[2] // 1000, r[3] // 1000, r[4] // 1000] for r in labels["seasons"]]),
        _section("Biến động tem trong kỳ", ["Biến động", "Số tem"], [3, 1], [1], [[MOVES.get(move, move), count] for move, count in sorted(labels["moves"].items())]),
        _section("Quyết định về giấy chứng nhận", ["Ngày", "Giấy chứng nhận", "Đơn vị", "Quyết định", "Lý do"], [1.3, 1.8, 2.4, 1.3, 3], [],
                 [[_day(r[0]), r[1], r[2], STATES.get(r[3], r[3]), r[4]] for r in figures["suspensions"]["rows"][:40]]),
    ]  # fmt: skip


def _section(
    title: str, columns: list[str], widths: list[float], numeric: list[int], rows: list[list[Any]]
) -> dict[str, Any]:
    said = [] if rows else ["Không có trong kỳ."]
    return {
        "title": title,
        "paragraphs": said,
        "columns": columns if rows else [],
        "widths": widths,
        "numeric": numeric,
        "rows": rows,
    }


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _day(text: str | None) -> str:
    return date.fromisoformat(text).strftime("%d/%m/%Y") if text else "–"


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
