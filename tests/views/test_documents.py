"""Promises of the documents' pages: forms that fit come first, what is missing is told at its field, a head changes a form without code."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement.models import CaseFile, Document, DocumentFiles, DocumentState, DocumentTemplate, IssuingUnit
from enforcement.papers import forms, keeping, templates
from tests import factories
from tests.enforcement import desk, papers
from trace import clock
from trace.models.incidents import Incident, IncidentKind
from trace.services import files
from trace.words import moment

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n"


@pytest.fixture
def case(session: Session, world: factories.World, app: Flask) -> CaseFile:
    made = desk.case(session, world, Path(app.config["TEMTHAT"].files_dir))
    papers.unit(session, world)
    session.commit()
    return made


@pytest.fixture
def officer(world: factories.World, case: CaseFile, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.officer)


@pytest.fixture
def head(world: factories.World, case: CaseFile, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.team_head)


@pytest.fixture
def send(token_of: TokenOf) -> Callable[..., Any]:
    def post(client: FlaskClient, page: str, path: str, **form: Any) -> Any:
        data = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, **form}
        return client.post(path, data=data)

    return post


@pytest.fixture
def begun(officer: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session) -> Document:
    tab = f"/vu-viec/{case.id}/van-ban"
    answer = send(officer, tab, f"{tab}/soan", code="MBB02")
    assert answer.status_code == 303
    return session.scalars(select(Document)).one()


def form_data(code: str, version: int, **more: str) -> dict[str, str]:
    form = templates.seeds()[code]
    return {"version": str(version), **{f"f-{name}": text for name, text in papers.filled(form).items()}, **more}


def test_the_tab_offers_the_forms_that_fit_the_state_first(officer: FlaskClient, case: CaseFile) -> None:
    page = officer.get(f"/vu-viec/{case.id}/van-ban").get_data(as_text=True)
    fitting, others = page.split("Mẫu hợp với trạng thái vụ việc", 1)[1].split("<details", 1)
    assert "Phiếu trình" in fitting
    assert "Quyết định xử phạt vi phạm hành chính" not in fitting
    assert "Quyết định xử phạt vi phạm hành chính" in others


def test_from_the_tab_to_an_issued_document_it_takes_two_forms(
    officer: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    page = officer.get(here).get_data(as_text=True)
    assert "Cần kiểm chứng" in page
    assert "Người mẫu Bộ" in page
    answer = send(officer, here, f"{here}/ban-hanh", **form_data("MBB02", begun.version, confirmed="y"))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    session.expire_all()
    assert begun.number == "03010001/BB-LV"
    page = officer.get(here).get_data(as_text=True)
    assert "03010001/BB-LV" in page
    drawn = officer.get(f"{here}.pdf")
    assert drawn.data.startswith(b"%PDF")
    assert "mbb02-" in drawn.headers["Content-Disposition"]
    assert officer.get(f"{here}.docx").data.startswith(b"PK")
    assert "03010001/BB-LV" in officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)


@pytest.mark.parametrize("ending", ["pdf", "docx"])
def test_of_an_issued_document_that_changed_on_disk_nothing_is_shown_and_the_administrator_is_told(
    officer: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session, app: Flask, ending: str
) -> None:  # fmt: skip
    here, store = f"/vu-viec/{case.id}/van-ban/{begun.id}", Path(app.config["TEMTHAT"].files_dir)
    send(officer, here, f"{here}/ban-hanh", **form_data("MBB02", begun.version, confirmed="y"))
    session.expire_all()
    keeping.keep_waiting(session, store, at=clock.now())
    session.commit()
    row = session.scalars(select(DocumentFiles)).one()
    path = files.original_path(store, row.pdf if ending == "pdf" else row.docx)
    assert officer.get(f"{here}.{ending}").status_code == 200
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    for _look in range(2):
        answer = officer.get(f"{here}.{ending}")
        assert answer.status_code == 409
        assert f"03010001/BB-LV.{ending}" in answer.get_data(as_text=True)
    session.expire_all()
    found = session.execute(select(Incident.kind, Incident.tries)).all()
    assert [tuple(each) for each in found] == [(IncidentKind.EVIDENCE_CHANGED, 1)]
    assert f"03010001/BB-LV.{ending}" in officer.get(here).get_data(as_text=True), "the desk sees which"


def test_all_that_is_missing_stands_at_its_field_and_what_was_typed_stays(
    officer: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    answer = send(
        officer,
        here,
        f"{here}/ban-hanh",
        version=begun.version,
        **{"f-place": "Chợ mẫu <b>", "f-started": "09:30 05/01/2026"},
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for name in ("officers", "partner", "findings", "copies"):
        assert f'id="f-{name}-error"' in page, name
    assert 'id="confirmed-error"' in page
    assert "Chợ mẫu &lt;b&gt;" in page
    session.expire_all()
    assert begun.state is DocumentState.DRAFT
    answer = send(officer, here, f"{here}/luu", version=begun.version, **{"f-started": "sáng nay"})
    assert answer.status_code == 422
    assert 'id="f-started-error"' in answer.get_data(as_text=True)


def test_two_who_write_one_draft_see_each_other(
    officer: FlaskClient, head: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    seen = begun.version
    assert send(officer, here, f"{here}/luu", **form_data("MBB02", seen)).status_code == 303
    answer = send(head, here, f"{here}/luu", **{**form_data("MBB02", seen), "f-findings": "Bản của đội trưởng"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Người mẫu Bộ" in page
    assert "Bản của đội trưởng" in page
    again = re.search(r'name="version"[^>]*value="(\d+)"', page)
    assert again is not None
    assert int(again.group(1)) > seen


def test_an_officer_signs_no_decision_and_reads_why(
    officer: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session
) -> None:
    tab = f"/vu-viec/{case.id}/van-ban"
    send(officer, tab, f"{tab}/soan", code="CVSAN")
    made = session.scalars(select(Document)).one()
    answer = send(
        officer, f"{tab}/{made.id}", f"{tab}/{made.id}/ban-hanh", **form_data("CVSAN", made.version, confirmed="y")
    )
    assert answer.status_code == 403
    assert 'id="errors"' in answer.get_data(as_text=True)


def test_the_signed_copy_and_the_upload_are_recorded_on_the_page(
    officer: FlaskClient, head: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    send(officer, here, f"{here}/ban-hanh", **form_data("MBB02", begun.version, confirmed="y"))
    assert send(officer, here, f"{here}/ban-ky", file=(io.BytesIO(b""), "trang.pdf")).status_code == 422
    assert send(officer, here, f"{here}/ban-ky", file=(io.BytesIO(PDF), "ban-ky.pdf")).status_code == 303
    assert send(officer, here, f"{here}/ban-ky", file=(io.BytesIO(PDF + b"2"), "ban-ky.pdf")).status_code == 409
    answer = send(officer, here, f"{here}/ins", uploaded="lúc nãy", receipt="INS-7")
    assert answer.status_code == 422
    assert 'id="ins-uploaded-error"' in answer.get_data(as_text=True)
    assert send(officer, here, f"{here}/ins", uploaded=moment(clock.now()), receipt="INS-7").status_code == 303
    page = officer.get(here).get_data(as_text=True)
    assert "INS-7" in page
    assert send(officer, here, f"{here}/huy", reason="Lập nhầm").status_code == 403
    assert send(head, here, f"{here}/huy", reason="").status_code == 422
    assert send(head, here, f"{here}/huy", reason="Lập nhầm").status_code == 303
    assert "Lập nhầm" in head.get(here).get_data(as_text=True)


def test_a_document_that_takes_anothers_place_begins_with_its_words(
    officer: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any], session: Session
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    send(officer, here, f"{here}/ban-hanh", **form_data("MBB02", begun.version, confirmed="y"))
    answer = send(officer, here, f"{here}/thay-the")
    assert answer.status_code == 303
    assert "Giá trị place" in officer.get(answer.location).get_data(as_text=True)
    assert send(officer, here, f"{here}/thay-the").status_code == 409
    assert send(officer, answer.location, f"{answer.location}/bo", reason="Không cần nữa").status_code == 303


def test_the_register_lists_filters_and_comes_as_a_workbook(
    officer: FlaskClient, case: CaseFile, begun: Document, send: Callable[..., Any]
) -> None:
    here = f"/vu-viec/{case.id}/van-ban/{begun.id}"
    send(officer, here, f"{here}/ban-hanh", **form_data("MBB02", begun.version, confirmed="y"))
    page = officer.get("/van-ban?form=MBB02&state=issued").get_data(as_text=True)
    assert "03010001/BB-LV" in page
    assert "03010001/BB-LV" not in officer.get("/van-ban?state=cancelled&year=xx&late=1").get_data(as_text=True)
    book = officer.get("/van-ban/so-dang-ky.xlsx?form=MBB02")
    assert book.data.startswith(b"PK")
    assert "so-dang-ky" in book.headers["Content-Disposition"]


def test_an_unknown_form_is_refused_in_words(officer: FlaskClient, case: CaseFile, send: Callable[..., Any]) -> None:
    tab = f"/vu-viec/{case.id}/van-ban"
    answer = send(officer, tab, f"{tab}/soan", code="MBB99")
    assert answer.status_code == 422
    assert "MBB99" in answer.get_data(as_text=True)


# ------------------------------------------------------------------------------------------------------------- the forms


def parts(**more: str) -> dict[str, str]:
    return {
        **forms.written(templates.seeds()["MBB02"]),
        "note": "Theo mẫu mới",
        "valid_from": "01/07/2026",
        "seen": "1",
        "code": "MBB02",
        **more,
    }


def test_a_head_changes_a_form_without_code_and_the_old_version_stays(
    head: FlaskClient, officer: FlaskClient, send: Callable[..., Any], session: Session
) -> None:
    here = "/mau-van-ban/MBB02/sua"
    assert officer.get(here).status_code == 403
    drawn = send(head, here, here, **parts(preview="1", title="BIÊN BẢN LÀM VIỆC MỚI"))
    assert drawn.status_code == 200
    assert drawn.data.startswith(b"%PDF")
    assert session.scalars(select(DocumentTemplate.version).where(DocumentTemplate.form == "MBB02")).all() == [1]
    text = parts()["body"] + "\nThời tiết: {weather}"
    answer = send(
        head, here, here, **parts(body=text, fields=parts()["fields"] + "\nweather | Thời tiết | line | - | Nắng, mưa")
    )
    assert answer.status_code == 303
    page = head.get(answer.location).get_data(as_text=True)
    assert "Thời tiết" in page
    assert head.get("/mau-van-ban/MBB02/1").status_code == 200
    assert head.get("/mau-van-ban/MBB02/2.pdf").data.startswith(b"%PDF")
    assert "MBB02" in officer.get("/mau-van-ban").get_data(as_text=True)
    assert send(head, here, here, **parts()).status_code == 409


def test_what_cannot_be_read_in_a_form_is_named_all_at_once(
    head: FlaskClient, send: Callable[..., Any], session: Session
) -> None:
    here = "/mau-van-ban/MBB02/sua"
    wrong = parts(
        body="Nội dung: {chua_khai}\n[goods]\nMở { không đóng\n#", fields="started*\nla*\nBad Name\nx1 | Nhãn | màu\ny1 | Nhãn | line | case.nothing",
        symbol="BB-XM", kind="poem", stages="asleep", valid_from="01/01/2020",
    )  # fmt: skip
    answer = send(head, here, here, **wrong)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for name in (
        "chua_khai",
        "goods",
        "Mở { không đóng",
        "Bad Name",
        "màu",
        "case.nothing",
        "BB-XM",
        "poem",
        "asleep",
        "01/07/2025",
        "la",
    ):
        assert name in page, name
    assert len(session.scalars(select(DocumentTemplate).where(DocumentTemplate.form == "MBB02")).all()) == 1


def test_a_new_form_and_a_unit_are_entered_on_the_page(
    head: FlaskClient, send: Callable[..., Any], session: Session, world: factories.World
) -> None:
    here = "/mau-van-ban/moi"
    new = parts(code="MBB29", seen="0", symbol="BB-GIAO", name="Biên bản giao quyết định")
    assert send(head, here, here, **{**new, "code": "mbb 29"}).status_code == 422
    assert send(head, here, here, **new).status_code == 303
    assert session.scalars(select(DocumentTemplate.version).where(DocumentTemplate.form == "MBB29")).all() == [1]
    here = "/mau-van-ban/don-vi"
    unit = {
        "party": str(world.authority.id),
        "unit_code": "3",
        "sub_unit_code": "01",
        "parent_name": "Chi cục mẫu",
        "name": "Đội mẫu",
        "place": "Hải Phòng",
    }
    assert send(head, here, here, **unit).status_code == 422
    assert send(head, here, here, **{**unit, "unit_code": "04"}).status_code == 303
    session.expire_all()
    assert session.scalars(select(IssuingUnit.unit_code)).all() == ["04"]
