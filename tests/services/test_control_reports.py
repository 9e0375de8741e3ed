"""The yearly report: its figures are counted once and frozen, and both files are drawn from them alone."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
from python_calamine import CalamineWorkbook

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound
from trace.models.controls import ControlLevel, Nonconformity
from trace.services import control_report_files, control_reports, controls
from trace.services.reach import Reach

ALL = Reach(everything=True)


@pytest.fixture
def report(session: Any, world: Any) -> Any:
    """One visit of each kind, one of four findings corrected, late."""
    early = NOW - timedelta(days=60)
    factories.visited(
        session,
        world.controller,
        early,
        area_id=world.area.id,
        fails={"KS-02": "=1+1", "KS-04": "Tủ hở"},
        due_on=early.date(),
    )
    factories.visited(
        session, world.certifier, NOW, area_id=world.area.id, level=ControlLevel.EXTERNAL, fails={"KS-03": "Thuốc lạ"}
    )
    factories.visited(session, world.clerk, NOW, area_id=world.area.id, level=ControlLevel.SELF)
    minor = session.query(Nonconformity).filter_by(severity="minor").one()
    controls.answer(session, minor.id, text="Đã khóa", by=world.clerk.id, at=NOW, reach=ALL)
    controls.verify(session, minor.id, text="Đã xem", by=world.manager.id, at=NOW, reach=ALL)
    return control_reports.draw_up(session, world.title.id, year=2026, by=world.manager.id, at=NOW, reach=ALL)


def test_figures_are_what_the_records_say(report: Any) -> None:
    figures = report.figures
    coverage = {each["level"]: each for each in figures["coverage"]}
    # Two sources under certificates, each twice a year; one was visited once on each level.
    assert (coverage["internal"]["due"], coverage["internal"]["done"], coverage["internal"]["visited"]) == (4, 1, 1)
    by_level = {
        each["level"]: (each["total"], each["passed"], each["failed"], each["refused"])
        for each in figures["visits"]["by_level"]
    }
    assert by_level == {"self": (1, 1, 0, 0), "internal": (1, 0, 1, 1), "external": (1, 0, 1, 1)}
    found = {
        each["severity"]: (each["total"], each["closed"], each["overdue"])
        for each in figures["findings"]["by_severity"]
    }
    assert found == {"minor": (1, 1, 0), "major": (1, 0, 1), "critical": (1, 0, 0)}
    assert {name: figures["actions"][name] for name in ("total", "in_time", "late", "effective", "none_yet")} == {
        "total": 1, "in_time": 0, "late": 1, "effective": 1, "none_yet": 2,
    }  # fmt: skip
    assert figures["suspensions"]["proposals"] == {"open": 1}
    assert figures["labels"]["seasons"][0][2] == 1_500_000


def test_a_report_stays_as_it_was_drawn(session: Any, world: Any, report: Any) -> None:
    before = control_report_files.pdf(report)
    factories.visited(session, world.controller, NOW, area_id=world.other_area.id)
    session.expire_all()
    again = control_reports.get(session, report.id, reach=ALL)
    assert control_report_files.pdf(again) == before


def test_the_document_says_so_in_the_form_of_the_decree(report: Any) -> None:
    name, pdf = control_report_files.pdf(report)
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    words = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in document)
    document.close()
    assert name == "bao-cao-kiem-soat-2026.pdf"
    for said in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "BÁO CÁO",
        "Vải mẫu Thanh Hà",
        "DỮ LIỆU MẪU",
        "Độ phủ kiểm soát",
        "Hội sản xuất vải mẫu",
    ):
        assert said.casefold() in words.casefold(), said
    assert b"pdfaid" in pdf


def test_the_workbook_holds_every_row_and_no_formula(report: Any) -> None:
    _name, content = control_report_files.workbook(report)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert book.sheet_names == ["Tổng hợp", "Lần kiểm soát", "Điểm không phù hợp", "Mẫu", "Quyết định"]
    assert len(book.get_sheet_by_name("Lần kiểm soát").to_python()) == 4
    found = book.get_sheet_by_name("Điểm không phù hợp").to_python()
    assert any("=1+1" in str(row[5]) for row in found)
    assert found[1][0] == (NOW - timedelta(days=60)).date()


def test_a_year_to_come_and_a_title_out_of_reach_have_no_report(session: Any, world: Any) -> None:
    facts = {"by": world.manager.id, "at": NOW}
    with pytest.raises(control_reports.YearAhead):
        control_reports.draw_up(session, world.title.id, year=2027, reach=ALL, **facts)
    with pytest.raises(NotFound):
        control_reports.draw_up(session, world.title.id, year=2026, reach=Reach(), **facts)
