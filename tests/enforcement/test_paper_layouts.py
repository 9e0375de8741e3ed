"""Promises of the papers: every form is drawn in both formats, full and nearly empty; nothing is left unfilled, torn or unreadable."""

from __future__ import annotations

import io
import re
from datetime import date

import pypdfium2
import pytest
from docx import Document as Opened
from docx.document import Document as Book
from docx.shared import Cm

from enforcement.papers import forms, layout_docx, layout_pdf, sheet, templates, values
from enforcement.papers.layout_pdf import CANCELLED, DRAFT, Look
from enforcement.papers.sheet import Heading
from enforcement.papers.vocabulary import KNOWN, SOURCES, TABLES, FieldKind
from tests.conftest import NOW
from tests.enforcement.papers import LONG, filled

SIGNED = Heading(
    parent="Chi cục Quản lý thị trường mẫu", organisation="Đội Quản lý thị trường mẫu", place="Hải Phòng", number="03010007/XX",
    on=date(2026, 1, 5), signer_name="Mẫu Quốc Dũng", signer_title="Đội trưởng", capacity=["Đội trưởng"], case_number="VV-2026-00012", sample=True,
)  # fmt: skip
NOBODY = Heading(parent="", organisation="Đội Quản lý thị trường mẫu", place="Hải Phòng", case_number="VV-2026-00012")
NEEDED = {
    "MBB01", "MBB02", "MBB03", "MBB04", "MBB05", "MBB15", "MBB17", "MBB20", "MBB21", "MBB26", "MBB27", "MBB28", "MQĐ02", "MQĐ14", "MQĐ15",
    "MQĐ20", "MQĐ21", "MQĐ24", "MQĐ33", "MQĐ34", "MQĐ38", "MQĐ39", "MQĐ40", "MQĐ41", "QĐKT", "PAKT", "BBKT", "PT", "CVCHUYEN", "CVBAOTIN",
    "TBKVP", "CVSAN",
}  # fmt: skip
CODES = sorted(templates.seeds())


def pages(drawn: bytes) -> list[str]:
    with pypdfium2.PdfDocument(drawn) as book:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in book]


def words(book: Book) -> str:
    """Every word of a DOCX, tables included."""
    found = [paragraph.text for paragraph in book.paragraphs]
    found += [cell.text for table in book.tables for row in table.rows for cell in row.cells]
    return "\n".join(found)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_every_form_that_the_flow_needs_is_there() -> None:
    assert set(CODES) >= NEEDED
    assert len({form.symbol for form in templates.seeds().values()}) == len(CODES)
    assert all(form.doubts for form in templates.seeds().values()), "nothing was compared with the legal text yet"


def test_what_the_forms_lean_on_exists() -> None:
    for code, form in templates.seeds().items():
        for field in form.fields:
            assert not field.source or field.source in SOURCES, (code, field.name)
    assert all(field.kind is not FieldKind.TABLE or field.name in TABLES for field in KNOWN.values())


@pytest.mark.parametrize("code", CODES)
def test_a_form_is_drawn_with_everything_in_it(code: str) -> None:
    form = templates.seeds()[code]
    given = filled(form)
    assert values.check(form.fields, given, complete=True) == []
    made = sheet.compose(code, form, given, SIGNED)
    drawn = flat(" ".join(pages(layout_pdf.draw(made, Look(), at=NOW))))
    written = flat(words(Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))))
    for text in (drawn, written):
        assert not re.search(r"[{}]", text)
        assert "03010007/XX" in text
        assert "ngày 05 tháng 01 năm 2026" in text
        assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
        assert "DỰ THẢO" not in text
        assert "Cần kiểm chứng" not in text
        assert "DỮ LIỆU MẪU" in text
    for field in form.fields:
        if field.kind is FieldKind.LINE:
            assert f"Giá trị {field.name}" in drawn, field.name
            assert f"Giá trị {field.name}" in written, field.name
        if field.kind is FieldKind.TEXT:
            assert f"Dòng thứ hai của {field.name}" in flat(drawn), field.name


@pytest.mark.parametrize("code", CODES)
def test_a_form_is_drawn_with_all_that_is_optional_empty_and_its_blanks_struck_out(code: str) -> None:
    form = templates.seeds()[code]
    given = filled(form, required_only=True)
    assert values.check(form.fields, given, complete=True) == []
    made = sheet.compose(code, form, given, SIGNED)
    blanks = sum("blank" in run for block in made["blocks"] if block["kind"] != "table" for run in block["runs"])
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))
    dotted = [run for paragraph in book.paragraphs for run in paragraph.runs if "...." in run.text]
    assert len(dotted) == blanks
    assert all(run.font.strike for run in dotted)
    assert not re.search(r"[{}]", "".join(pages(layout_pdf.draw(made, Look(), at=NOW))))


@pytest.mark.parametrize("code", CODES)
def test_a_draft_says_so_on_every_page_and_shows_what_is_to_be_verified(code: str) -> None:
    form = templates.seeds()[code]
    made = sheet.compose(code, form, {}, NOBODY)
    drawn = pages(layout_pdf.draw(made, Look(DRAFT), at=NOW))
    assert all("DỰ THẢO" in page for page in drawn)
    assert form.doubts[0][:40] in flat(" ".join(drawn))
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(DRAFT), at=NOW)))
    section = book.sections[0]
    for header in (section.header, section.first_page_header):
        assert any("DỰ THẢO" in paragraph.text for paragraph in header.paragraphs)
    assert form.doubts[0] in words(book)
    assert not any(run.font.strike for paragraph in book.paragraphs for run in paragraph.runs)


def test_the_measures_are_those_of_decree_30() -> None:
    form = templates.seeds()["MQĐ02"]
    made = sheet.compose("MQĐ02", form, filled(form), SIGNED)
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))
    section = book.sections[0]
    measures = [
        section.page_width,
        section.page_height,
        section.top_margin,
        section.bottom_margin,
        section.left_margin,
        section.right_margin,
    ]
    assert [round(each.mm) for each in measures if each is not None] == [210, 297, 20, 20, 30, 15]
    normal = book.styles["Normal"].font
    assert (normal.name, normal.size.pt) == ("Times New Roman", 13)
    assert "PAGE" in section.header._element.xml
    assert "PAGE" not in section.first_page_header._element.xml
    with pypdfium2.PdfDocument(layout_pdf.draw(made, Look(), at=NOW)) as pdf:
        assert [round(side) for side in pdf[0].get_size()] == [595, 842]
        numbers = [page.get_textpage().get_text_range().split()[0] for page in pdf]
    assert numbers[1:] == [str(n) for n in range(2, len(numbers) + 1)]
    assert numbers[0] != "1"


def test_articles_number_themselves_and_amounts_are_told_in_words() -> None:
    form = templates.seeds()["MQĐ02"]
    text = flat(" ".join(pages(layout_pdf.draw(sheet.compose("MQĐ02", form, filled(form), SIGNED), Look(), at=NOW))))
    assert "Điều 1. Xử phạt" in text
    assert "Điều 3. Tổ chức thực hiện" in text
    assert "15.000.000 đồng (bằng chữ: mười lăm triệu đồng)" in text
    assert "ĐỘI TRƯỞNG ĐỘI QUẢN LÝ THỊ TRƯỜNG MẪU" in text


def test_two_hundred_lines_of_goods_run_over_pages_under_a_repeated_header() -> None:
    form = templates.seeds()["BBKT"]
    made = sheet.compose("BBKT", form, filled(form, rows=200), SIGNED)
    drawn = pages(layout_pdf.draw(made, Look(), at=NOW))
    with_goods = [page for page in drawn if "Vải sấy mẫu dòng" in page]
    assert len(with_goods) >= 4
    assert all("Tên hàng hóa" in page and "STT" in page for page in with_goods)
    assert all(f"Vải sấy mẫu dòng {n}" in flat(" ".join(drawn)) for n in (1, 100, 200))
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))
    goods = next(table for table in book.tables if len(table.columns) == len(TABLES["goods"].columns))
    assert len(goods.rows) == 201
    assert "tblHeader" in goods.rows[0]._tr.xml
    assert "cantSplit" in goods.rows[150]._tr.xml
    # Word goes by the cells and LibreOffice by the columns, and both are told the same.
    wide = [column.width for column in goods.columns]
    assert wide == [cell.width for cell in goods.rows[150].cells]
    assert len(set(wide)) > 2
    assert abs(sum(wide) - Cm(layout_docx.TEXT_WIDTH_CM)) < Cm(0.01)


def test_in_a_word_processor_all_names_of_one_row_of_signatures_stand_on_one_line() -> None:
    form = templates.seeds()["MBB15"]
    book = Opened(io.BytesIO(layout_docx.draw(sheet.compose("MBB15", form, filled(form), SIGNED), Look(), at=NOW)))
    signed = [table for table in book.tables if "(Ký, ghi rõ họ tên)" in table.rows[0].cells[0].text]
    assert len(signed) == 2
    for table in signed:
        assert [len(table.rows), *(len(cell.paragraphs) for cell in table.rows[1].cells)] == [2, 1, 1]
        assert all("keepNext" in paragraph._p.xml for paragraph in table.rows[0].cells[0].paragraphs)


def test_an_inspection_record_is_signed_on_every_page() -> None:
    form = templates.seeds()["BBKT"]
    made = sheet.compose("BBKT", form, filled(form, rows=60), SIGNED)
    drawn = pages(layout_pdf.draw(made, Look(), at=NOW))
    assert len(drawn) > 2
    assert all("Cơ sở được kiểm tra ..." in flat(page) for page in drawn)
    section = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW))).sections[0]
    assert all(
        "Người chứng kiến" in footer.paragraphs[0].text for footer in (section.footer, section.first_page_footer)
    )


def test_long_names_and_all_diacritics_come_through() -> None:
    hard = "ẲẴỖỠỮỰỲỴ ẳẵỗỡữựỳỵ ắằẩậ ếềểễệ ốồổộ ớờởợ ứừử ĐđĂăÂâÊêÔôƠơƯư"
    form = templates.seeds()["MBB01"]
    given = filled(form) | {"offender_name": LONG, "act": hard}
    made = sheet.compose("MBB01", form, given, SIGNED)
    drawn = flat(" ".join(pages(layout_pdf.draw(made, Look(), at=NOW))))
    assert len(LONG) >= 90
    assert hard in drawn
    assert LONG in drawn
    assert LONG in words(Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW))))


def test_the_same_sheet_gives_the_same_bytes() -> None:
    form = templates.seeds()["MBB15"]
    made = sheet.compose("MBB15", form, filled(form), SIGNED)
    assert layout_pdf.draw(made, Look(), at=NOW) == layout_pdf.draw(made, Look(), at=NOW)
    assert layout_docx.draw(made, Look(), at=NOW) == layout_docx.draw(made, Look(), at=NOW)


def test_a_cancelled_document_says_so_and_why() -> None:
    form = templates.seeds()["MBB02"]
    made = sheet.compose("MBB02", form, filled(form), SIGNED)
    look = Look(CANCELLED, "Hủy 10:00 15/06/2026: lập sai mẫu")
    assert all("ĐÃ HỦY" in page for page in pages(layout_pdf.draw(made, look, at=NOW)))
    assert "lập sai mẫu" in flat(" ".join(pages(layout_pdf.draw(made, look, at=NOW))))


def test_what_people_typed_cannot_become_markup() -> None:
    form = templates.seeds()["MBB02"]
    nasty = "#strike[x] *đậm* $x$ {offender_name} <b>x</b> & \\ @a"
    made = sheet.compose("MBB02", form, filled(form) | {"findings": nasty}, SIGNED)
    assert nasty in flat(" ".join(pages(layout_pdf.draw(made, Look(), at=NOW))))
    assert nasty in words(Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW))))


def test_a_form_is_read_written_and_kept_without_change() -> None:
    import json

    for code, form in templates.seeds().items():
        assert forms.form_of(json.loads(json.dumps(forms.content(form)))) == form, code
        assert forms.parse(forms.written(form)) == (form, []), code


def test_a_sheet_of_earlier_days_with_signs_that_no_file_takes_is_drawn_without_them() -> None:
    form = templates.seeds()["MQĐ02"]
    made = sheet.compose("MQĐ02", form, filled(form), SIGNED) | {"signer": "Người\ufffe mẫu\uffff"}
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))
    assert any("Người mẫu" in cell.text for table in book.tables for row in table.rows for cell in row.cells)
