"""Promises of what a paper looks like to an official: Decree 30's small rules, nothing torn from what it belongs to, the right person named."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from docx import Document as Opened

from enforcement.papers import layout_docx, layout_pdf, sheet, templates, values
from enforcement.papers.forms import PLACEHOLDER, Form, FormKind, SignedBy
from enforcement.papers.layout_pdf import DRAFT, Look
from enforcement.papers.vocabulary import FieldKind
from tests.conftest import NOW
from tests.enforcement.papers import filled
from tests.enforcement.test_paper_layouts import CODES, NOBODY, SIGNED, flat, pages, words

SEEDS = templates.seeds()
PAGE_END = re.compile(r"\s*(Đoàn kiểm tra \.+.*)?\s*$")


def text_of(code: str, given: dict[str, str], *, draft: bool = False) -> str:
    made = sheet.compose(code, SEEDS[code], given, NOBODY if draft else SIGNED)
    return flat(" ".join(pages(layout_pdf.draw(made, Look(DRAFT) if draft else Look(), at=NOW))))


def lines(form: Form) -> list[str]:
    """Every line of text that a form prints."""
    return [*form.bases, *(block["text"] for block in form.body), *form.recipients]


# --------------------------------------------------------------------------------------------------------- wording


@pytest.mark.parametrize("code", CODES)
def test_a_form_keeps_the_small_rules_of_official_papers(code: str) -> None:
    form = SEEDS[code]
    assert all(line.removeprefix("~").strip().endswith(";") for line in form.bases), (
        "every ground ends with a semicolon"
    )
    if form.signer is not SignedBy.OFFICER:
        assert all(line.endswith(";") for line in form.recipients[:-1])
        assert form.recipients[-1] == "Lưu: VT, hồ sơ vụ việc {case_number}."
    for line in lines(form):
        assert not re.search(r"số \{\w+\}, \{\w+_date\}", line), f"a day follows its number without a comma: {line}"
        assert not line.lstrip("~ ")[:1].islower(), f"a line begins small: {line}"
    assert form.abstract.startswith("V/v ") == (form.kind is FormKind.DISPATCH)


@pytest.mark.parametrize("code", CODES)
def test_money_is_written_in_figures_and_in_words(code: str) -> None:
    money = {field.name for field in SEEDS[code].fields if field.kind is FieldKind.MONEY}
    for block in SEEDS[code].body:
        named = [found[1] for found in PLACEHOLDER.finditer(block["text"])]
        for name in money & set(named):
            assert f"{name}:words" in named, block["text"]


@pytest.mark.parametrize("code", CODES)
def test_whoever_speaks_for_an_organisation_signs_for_it(code: str) -> None:
    named = " ".join(name for _role, name in SEEDS[code].signatures)
    assert "{offender_name}" not in named.replace("{offender_representative} / {offender_name}", "")
    assert "{damaged_party}" not in named or "~ Đại diện bên bị thiệt hại" in [
        role for role, _ in SEEDS[code].signatures
    ]


def test_the_representative_is_named_below_the_signature_and_else_the_person() -> None:
    form = SEEDS["MBB01"]
    given = filled(form) | {"offender_name": "Công ty mẫu", "offender_representative": "Bà Đại Diện"}
    assert sheet.compose("MBB01", form, given, SIGNED)["signatures"][0]["name"] == "Bà Đại Diện"
    del given["offender_representative"]
    assert sheet.compose("MBB01", form, given, SIGNED)["signatures"][0]["name"] == "Công ty mẫu"


def test_nobody_is_left_room_to_sign_who_was_not_there() -> None:
    form = SEEDS["MBB15"]
    bare = filled(form, required_only=True)
    roles = [each["role"] for each in sheet.compose("MBB15", form, bare, SIGNED)["signatures"]]
    assert roles == ["Cá nhân, đại diện tổ chức vi phạm", "Người lập biên bản"]
    assert len(sheet.compose("MBB15", form, bare, NOBODY)["signatures"]) == 4, "a draft leaves room for everybody"
    there = sheet.compose("MBB15", form, bare | {"witness_name": "Ông Chứng"}, SIGNED)["signatures"]
    assert [each["role"] for each in there][-1] == "Người chứng kiến"


def test_the_grounds_of_a_decision_end_with_a_full_stop() -> None:
    form = SEEDS["MQĐ02"]
    for heading in (SIGNED, replace(SIGNED, basis="Căn cứ Quyết định số 5/QĐ-GQXP về việc giao quyền;")):
        bases = [
            "".join(run.get("t", "…") for run in base)
            for base in sheet.compose("MQĐ02", form, filled(form), heading)["bases"]
        ]
        assert all(base.endswith(";") for base in bases[:-1])
        assert bases[-1].endswith(".")
        assert not bases[-1].endswith(";.")


def test_a_day_that_is_not_known_keeps_its_words_and_small_numbers_have_two_figures() -> None:
    text = text_of("MBB01", {}, draft=True)
    assert re.search(r"vào hồi \.+ giờ \.+ phút, ngày \.+ tháng \.+ năm \.+", text)
    assert re.search(r"trước khi hết ngày \.+ tháng \.+ năm \.+", text)
    copies = next(field for field in SEEDS["MBB01"].fields if field.name == "copies")
    assert [values.shown(copies, typed) for typed in ("3", "03", "12", "0")] == ["03", "03", "12", "0"]


def test_a_draft_says_where_the_authority_and_the_post_will_stand() -> None:
    text = text_of("MQĐ02", {}, draft=True).upper()
    assert "THẨM QUYỀN BAN HÀNH" in text
    assert "QUYỀN HẠN, CHỨC VỤ CỦA NGƯỜI KÝ" in text
    issued = text_of("MQĐ02", filled(SEEDS["MQĐ02"])).upper()
    assert "THẨM QUYỀN BAN HÀNH" not in issued
    assert "(KÝ TÊN, ĐÓNG DẤU" not in issued


def test_a_notice_bears_its_name_and_a_slip_is_handed_up() -> None:
    assert "THÔNG BÁO Về việc kết luận không có hành vi vi phạm" in text_of("TBKVP", filled(SEEDS["TBKVP"]))
    assert "Kính trình: " in text_of("PT", filled(SEEDS["PT"]))
    assert "Kính gửi: " in text_of("CVSAN", filled(SEEDS["CVSAN"]))


def test_a_transfer_asks_for_something_even_without_a_day() -> None:
    assert "Đề nghị quý cơ quan xem xét, giải quyết" in text_of(
        "CVCHUYEN", filled(SEEDS["CVCHUYEN"], required_only=True)
    )


@pytest.mark.parametrize("code", CODES)
def test_no_word_of_a_program_comes_through(code: str) -> None:
    for given, draft in ((filled(SEEDS[code]), False), (filled(SEEDS[code], required_only=True), False), ({}, True)):
        text = text_of(code, given, draft=draft)
        assert not re.search(r"\b(None|null|True|False|undefined|the|and|of)\b", text)
        assert "; ;" not in text
        assert " ," not in re.sub(r"\.{2,} ?,", "", text)


# ---------------------------------------------------------------------------------------------------------- layout


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("rows", [1, 4, 9])
def test_what_leads_to_a_list_or_a_table_stays_with_it(code: str, rows: int) -> None:
    made = sheet.compose(code, SEEDS[code], filled(SEEDS[code], rows=rows), SIGNED)
    for page in pages(layout_pdf.draw(made, Look(), at=NOW))[:-1]:
        assert not PAGE_END.sub("", page).endswith(":"), page[-200:]


@pytest.mark.parametrize("code", ["MBB01", "MBB04", "MBB15", "MBB17", "MBB21", "MBB26"])
@pytest.mark.parametrize("rows", [1, 3, 6, 10, 14])
def test_all_who_sign_stand_on_one_page_below_words_of_the_body(code: str, rows: int) -> None:
    form = SEEDS[code]
    made = sheet.compose(code, form, filled(form, rows=rows), SIGNED)
    last = flat(pages(layout_pdf.draw(made, Look(), at=NOW))[-1])
    for each in made["signatures"]:
        assert each["role"].upper() in last.upper(), (each, last)
    assert "đã đọc lại cho" in last, "the page that is signed carries the words that close the minutes"


def test_a_number_is_not_torn_at_its_slash() -> None:
    form = SEEDS["MBB15"]
    for filler in ("", " x", " xx xx", " xxx xxx xx", " xxxx xxxx xxxx"):
        given = filled(form) | {
            "seizure_number": "03010005/QĐ-TGTV",
            "place": f"Chợ{filler}",
            "kept_at": f"Kho{filler} 7K4M-92QD-X",
        }
        drawn = "\n".join(pages(layout_pdf.draw(sheet.compose("MBB15", form, given, SIGNED), Look(), at=NOW)))
        assert "03010005/QĐ-TGTV" in drawn
        assert "7K4M-92QD-X" in drawn


def test_headings_break_between_words_and_leave_no_syllable_alone() -> None:
    for text in (
        "Chuyển hồ sơ vụ vi phạm có dấu hiệu tội phạm để truy cứu trách nhiệm hình sự",
        "Đội Quản lý thị trường mẫu số 1",
    ):
        kept = sheet.whole(text)
        assert kept.replace(sheet.NBSP, " ") == text
        assert sheet.NBSP in kept.rsplit(" ", 1)[-1]
    assert "tội\u00a0phạm" in sheet.whole("Có dấu hiệu tội phạm để truy cứu")
    assert sheet.whole("Đội trưởng") == "Đội\u00a0trưởng"


@pytest.mark.parametrize("code", CODES)
def test_the_docx_keeps_together_what_the_pdf_does(code: str) -> None:
    form = SEEDS[code]
    made = sheet.compose(code, form, filled(form), SIGNED)
    book = Opened(io.BytesIO(layout_docx.draw(made, Look(), at=NOW)))
    leads = [each for each in book.paragraphs if each.text.strip().endswith(":")]
    assert all(each.paragraph_format.keep_with_next for each in leads), [each.text for each in leads]
    tables = [table for table in book.tables if table.style is None or table.style.name != "Table Grid"]
    signing = tables[1:] if form.signer is SignedBy.OFFICER else tables[1:-1]
    for table in signing[:-1]:
        assert all(each.paragraph_format.keep_with_next for cell in table.rows[0].cells for each in cell.paragraphs)
    assert "Lưu: VT" in words(book) or form.signer is SignedBy.OFFICER
