"""A sheet as DOCX, for officers to edit: the measures of Decree 30/2020 in Times New Roman, with the same words as the PDF."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC
from typing import TYPE_CHECKING, Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt
from docx.text.paragraph import Paragraph

from enforcement.papers.layout_pdf import PAGE_SIGNERS
from enforcement.papers.sheet import kept, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from docx.document import Document as Book
    from docx.table import Table, _Cell, _Row
    from docx.text.run import Run

    from enforcement.papers.layout_pdf import Look
    from enforcement.papers.sheet import Runs

FONT = "Times New Roman"
MOTTO = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
CENTRE, RIGHT, LEFT, JUSTIFY = (
    WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.JUSTIFY,
)  # fmt: skip
TEXT_WIDTH_CM = 16.5
HEADING_CM = (7.4, 9.1)
"""How wide the name of the unit and the motto stand."""
DOTS = {"short": "." * 22, "rest": "." * 22, "figure": "." * 9}
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What a sheet of earlier days may hold and the format does not take."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def draw(sheet: Mapping[str, Any], look: Look, *, at: datetime) -> bytes:
    """The document as a file for word processors."""
    book = Document()
    _page(book, sheet, look)
    _heading(book, sheet, look)
    for base in sheet["bases"]:
        _said(_paragraph(book, indent=True), base, look, italic=True)
    for block, stays in zip(sheet["blocks"], kept(sheet["blocks"]), strict=True):
        _block(book, block, look)
        # What leads to a table or a list stays with it; nobody signs a page without a word of the body.
        book.paragraphs[-1].paragraph_format.keep_with_next = stays or None
    _signatures(book, sheet["signatures"])
    if sheet["signed"]:
        _closing(book, sheet, look)
    if look.draft and sheet["doubts"]:
        _write(
            _paragraph(book), "Cần kiểm chứng trước khi ban hành (xóa phần này trên bản ban hành):", bold=True, size=11
        )
        for line in sheet["doubts"]:
            _write(_paragraph(book), f"- {line}", size=11)
    core = book.core_properties
    core.title, core.author = (
        _NO_XML.sub("", text) for text in (f"{sheet['title']} {sheet['number']}", sheet["organisation"])
    )
    core.created = core.modified = at.astimezone(UTC).replace(tzinfo=None)
    core.last_modified_by, core.comments, core.language = "", "", "vi-VN"
    made = io.BytesIO()
    book.save(made)
    return _without_times(made.getvalue())


def _page(book: Book, sheet: Mapping[str, Any], look: Look) -> None:
    section = book.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(15)
    section.header_distance = section.footer_distance = Mm(10)
    section.different_first_page_header_footer = True
    style = book.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(13)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), FONT)
    style.paragraph_format.space_after, style.paragraph_format.space_before = Pt(4), Pt(0)
    style.paragraph_format.line_spacing = 1.1
    numbered = section.header.paragraphs[0]
    numbered.alignment = CENTRE
    _page_number(numbered)
    first = section.first_page_header.paragraphs[0]
    if look.mark:
        for paragraph in (first, section.header.add_paragraph()):
            paragraph.alignment = CENTRE
            _write(paragraph, look.mark + (f" – {look.why}" if look.why else ""), bold=True)
    if sheet["every_page"]:
        for footer in (section.first_page_footer, section.footer):
            paragraph = footer.paragraphs[0]
            paragraph.alignment = CENTRE
            _write(paragraph, "   ".join(f"{who} {'.' * 18}" for who in PAGE_SIGNERS), italic=True, size=10)


def _heading(book: Book, sheet: Mapping[str, Any], look: Look) -> None:
    table = _plain_table(book, HEADING_CM)
    left, right = table.rows[0].cells
    _write(_centred(left), whole(sheet["parent"].upper()), size=12)
    _write(_centred(left), whole(sheet["organisation"].upper()), bold=True, size=12)
    _rule(_centred(left), 2.4)
    _write(_centred(right), MOTTO[0], bold=True, size=12)
    _write(_centred(right), MOTTO[1], bold=True)
    _rule(_centred(right), 5.2)
    left, right = _added(table).cells
    _write(_centred(left), f"Số: {sheet['number']}")
    if sheet["kind"] == "dispatch":
        _write(_centred(left), whole(sheet["abstract"]), size=12)
    _write(_centred(right), f"{sheet['place']}, {sheet['date']}", italic=True)
    _gap(book, 8)
    if sheet["kind"] != "dispatch":
        for line in (sheet["title"], whole(sheet["abstract"])):
            told = _paragraph(book, CENTRE)
            told.paragraph_format.space_after = Pt(0)
            _write(told, line, bold=True, size=14)
        _rule(_paragraph(book, CENTRE), 4.0)
    if sheet["sample"]:
        _write(_paragraph(book, CENTRE), "(DỮ LIỆU MẪU, không có giá trị pháp lý)", italic=True, size=12)
    if sheet["authority"]:
        _write(_paragraph(book, CENTRE), whole(sheet["authority"].upper()), bold=True)
    if sheet["addressee"] is not None:
        to = _paragraph(book, CENTRE)
        _write(to, f"{sheet.get('greeting', 'Kính gửi')}: ")
        _said(to, sheet["addressee"], look)


def _block(book: Book, block: Mapping[str, Any], look: Look) -> None:
    match block["kind"]:
        case "table":
            if block["caption"]:
                caption = _paragraph(book, indent=True)
                caption.paragraph_format.keep_with_next = True
                _write(caption, block["caption"])
            _figures(book, block, look)
        case "centre":
            _said(_paragraph(book, CENTRE), block["runs"], look, bold=True)
        case "heading":
            _said(_paragraph(book), block["runs"], look, bold=True)
        case "item":
            item = _paragraph(book)
            _write(item, "- ")
            _said(item, block["runs"], look)
        case _:
            paragraph = _paragraph(book, indent=True)
            if block["label"]:
                _write(paragraph, block["label"], bold=True)
            _said(paragraph, block["runs"], look)


def _figures(book: Book, block: Mapping[str, Any], look: Look) -> None:
    """A table whose header is repeated on every page and whose rows are not torn."""
    total = sum(block["widths"])
    widths = [TEXT_WIDTH_CM * each / total for each in block["widths"]]
    table = book.add_table(rows=1, cols=len(widths))
    table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
    _room_beside(table, 0.1)
    _row_mark(table.rows[0], "w:tblHeader")
    for cell, name in zip(table.rows[0].cells, block["columns"], strict=True):
        _write(_centred(cell), name, bold=True, size=11.5)
    for values in block["rows"]:
        row = _added(table)
        _row_mark(row, "w:cantSplit")
        for column, (cell, value) in enumerate(zip(row._tr.tc_lst, values, strict=True)):  # noqa: SLF001  `row.cells` walks the whole table
            paragraph = _first_of(table, cell)
            paragraph.alignment = RIGHT if column in block["numeric"] else LEFT
            paragraph.paragraph_format.space_after = Pt(0)
            if block["empty"]:
                _write(paragraph, "....." if look.draft else "—", size=11.5, strike=not look.draft)
            else:
                _write(paragraph, value, size=11.5)
    # Word goes by the cells, LibreOffice by the columns.
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):  # noqa: SLF001
        column.w = Cm(width)
    for row in table._tbl.tr_lst:  # noqa: SLF001
        for cell, width in zip(row.tc_lst, widths, strict=True):
            cell.width = Cm(width)
    _gap(book, 6)


def _signatures(book: Book, signatures: Sequence[Mapping[str, str]]) -> None:
    for first in range(0, len(signatures), 2):
        two = signatures[first : first + 2]
        table = _plain_table(book, (8.25, 8.25))
        for cell, each in zip(table.rows[0].cells, two, strict=False):
            _write(_centred(cell), whole(each["role"].upper()), bold=True)
            _write(_centred(cell), "(Ký, ghi rõ họ tên)", italic=True, size=12)
            for _line in range(4):
                _centred(cell)
        names = _added(table)  # a row of their own: they stand on one line, however long the roles are
        for cell, each in zip(names.cells, two, strict=False):
            _write(_centred(cell), each["name"], bold=True)
        for row, stays in ((table.rows[0], True), (names, first + 2 < len(signatures))):
            _row_mark(row, "w:cantSplit")
            for cell in row.cells:
                for paragraph in cell.paragraphs if stays else ():  # all who sign stand on one page
                    paragraph.paragraph_format.keep_with_next = True
        for cell in table.rows[0].cells:
            cell.paragraphs[0].paragraph_format.space_before = Pt(12)


def _closing(book: Book, sheet: Mapping[str, Any], look: Look) -> None:
    """Recipients at the left, the signatory with the capacity at the right."""
    table = _plain_table(book, (8.25, 8.25))
    _row_mark(table.rows[0], "w:cantSplit")
    left, right = table.rows[0].cells
    _write(_first(left), "Nơi nhận:", bold=True, italic=True, size=12)
    left.paragraphs[0].paragraph_format.space_before = right.paragraphs[0].paragraph_format.space_before = Pt(12)
    for line in sheet["recipients"]:
        recipient = left.add_paragraph()
        recipient.paragraph_format.space_after = Pt(0)
        _write(recipient, f"- {line}", size=11)
    for line in sheet["capacity"]:
        _write(_centred(right), whole(line.upper()), bold=True)
    if look.draft:
        _write(_centred(right), "(Ký tên, đóng dấu; họ và tên)", italic=True, size=12)
    for _line in range(5):
        _centred(right)
    _write(_centred(right), sheet["signer"], bold=True)


def _said(paragraph: Paragraph, runs: Runs, look: Look, *, bold: bool = False, italic: bool = False) -> None:
    for run in runs:
        if "t" in run:
            _write(paragraph, run["t"], bold=bold, italic=italic)
            continue
        if run["blank"] == "rest":
            # A leader of dots to the margin; struck, the line goes through the whole of it.
            stops = paragraph.paragraph_format.tab_stops
            stops.add_tab_stop(Cm(TEXT_WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
            _write(paragraph, f"{DOTS['rest']}\t", strike=not look.draft)
        else:
            _write(paragraph, DOTS[run["blank"]], strike=not look.draft)


def _write(
    paragraph: Paragraph, text: str, *, bold: bool = False, italic: bool = False, strike: bool = False, size: float | None = None
) -> Run:  # fmt: skip
    run = paragraph.add_run(_NO_XML.sub("", text))
    run.bold, run.italic, run.font.strike = bold or None, italic or None, strike or None
    if size is not None:
        run.font.size = Pt(size)
    return run


def _paragraph(book: Book, alignment: WD_ALIGN_PARAGRAPH = JUSTIFY, *, indent: bool = False) -> Paragraph:
    made: Paragraph = book.add_paragraph()
    made.alignment = alignment
    if indent:
        made.paragraph_format.first_line_indent = Cm(1)
    return made


def _gap(book: Book, points: float) -> None:
    """Some room under a table: an empty line, for a table takes none of its own."""
    form = book.add_paragraph().paragraph_format
    form.space_after, form.line_spacing = Pt(0), Pt(points)


def _plain_table(book: Book, widths: Sequence[float]) -> Table:
    table: Table = book.add_table(rows=1, cols=len(widths))
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
        column.cells[0].width = Cm(width)
    _room_beside(table, 0)  # no frames: a name of a unit has no room to spare
    return table


def _room_beside(table: Table, width_cm: float) -> None:
    """How much room the cells leave at the left and at the right of their words."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(Cm(width_cm).twips))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr  # noqa: SLF001  python-docx has no name for it
    properties.insert_element_before(margins, "w:tblLook", "w:tblCaption", "w:tblDescription", "w:tblPrChange")


def _added(table: Table) -> _Row:
    row: _Row = table.add_row()  # type: ignore[no-untyped-call]
    return row


def _first(cell: _Cell) -> Paragraph:
    """The paragraph that a cell begins with, or the next."""
    begun = cell.paragraphs
    made: Paragraph = begun[0] if len(begun) == 1 and not begun[0].runs else cell.add_paragraph()
    return made


def _centred(cell: _Cell) -> Paragraph:
    made = _first(cell)
    if made.alignment is CENTRE:  # an empty line was asked for before
        made = cell.add_paragraph()
    made.alignment = CENTRE
    made.paragraph_format.space_after = Pt(0)
    return made


def _first_of(table: Table, cell: Any) -> Paragraph:
    return Paragraph(cell.p_lst[0], table)


def _row_mark(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001  python-docx has no name for it


def _rule(paragraph: Paragraph, width_cm: float) -> None:
    """A thin line under a heading: the lower border of an empty paragraph, drawn in from both sides."""
    room = {2.4: HEADING_CM[0], 5.2: HEADING_CM[1], 4.0: TEXT_WIDTH_CM}[width_cm] - width_cm
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Cm(room / 2)
    paragraph.paragraph_format.line_spacing, paragraph.paragraph_format.space_after = Pt(4), Pt(2)
    borders = OxmlElement("w:pBdr")
    line = OxmlElement("w:bottom")
    for key, value in (("val", "single"), ("sz", "4"), ("space", "1"), ("color", "auto")):
        line.set(qn(f"w:{key}"), value)
    borders.append(line)
    paragraph._p.get_or_add_pPr().append(borders)  # noqa: SLF001


def _page_number(paragraph: Paragraph) -> None:
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = paragraph.add_run()
        if text is None:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), str(kind))
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)  # noqa: SLF001


def _without_times(made: bytes) -> bytes:
    """The same parts with one time for all: the same document gives the same bytes."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _EARLIEST), old.read(name), zipfile.ZIP_DEFLATED)
    return kept.getvalue()
