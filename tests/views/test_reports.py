"""Promises of the desk's reports on screen: every number opens its rows, figures without rows for who may not read cases, signed once."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import law, triage
from enforcement.models import DeskReport, Outcome
from tests import factories
from tests.enforcement import desk
from trace import clock
from trace.models.parties import Role

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
SEEN = re.compile(r'name="seen" value="([0-9a-f]{64})"')
PAGE = "/bao-cao-vu-viec"


@pytest.fixture
def month(app: Flask, session: Session, world: factories.World) -> str:
    """A few signals and cases of the last month; its address."""
    store = Path(app.config["TEMTHAT"].files_dir)
    law.seed(session)
    last = clock.now().astimezone(clock.CITY).replace(day=1) - timedelta(days=5)
    for n in range(3):
        signal = desk.signal(session, place=f"Chợ số {n}", at=last)
        triage.open_case(session, signal.id, title=f"Vụ {n}", store=store, by=world.officer.id, at=last)
    other = desk.signal(session, place="Chợ khác", at=last)
    triage.reject(session, other.id, reason="Không rõ", outcome=Outcome.UNDETERMINED, by=world.officer.id, at=last)
    session.commit()
    return f"{PAGE}?tu={last.replace(day=1):%d/%m/%Y}&den={(last.replace(day=1) + timedelta(days=27)):%d/%m/%Y}"


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def seen(client: FlaskClient, page: str) -> str:
    """What the page says of the remarks that stand on it, the same in both of its forms."""
    found = set(SEEN.findall(text_of(client.get(page))))
    assert len(found) == 1
    return str(found.pop())


def signature(client: FlaskClient, token_of: TokenOf, page: str, **more: str) -> dict[str, str]:
    """The form by which a report is signed."""
    given = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex}
    return {**given, "seen": seen(client, page), **more}


def drawn(client: FlaskClient, token_of: TokenOf, month: str) -> str:
    """A report that was drawn up on a period; its address."""
    first, last = re.findall(r"\d\d/\d\d/\d{4}", month)
    form = {"csrf_token": token_of(client, month), "idempotency_key": uuid.uuid4().hex, "tu": first, "den": last}
    return str(client.post(f"{PAGE}/lap", data=form).location)


def numbers(page: str) -> list[tuple[str, int | None]]:
    """The addresses behind the numbers of a page, with each whole number that stands there."""
    found = re.findall(r'<(?:td data-num[^>]*|dd)><a href="([^"]+)">([\d.]+)<span class="sr">', page)
    return [(unescape(url), int(said.replace(".", ""))) for url, said in found]


def test_every_number_on_the_page_opens_a_list_of_that_length(
    month: str, world: factories.World, sign_in: SignIn
) -> None:
    head = sign_in(world.branch_head)
    found = numbers(text_of(head.get(month)))
    assert len(found) > 6
    for url, said in found:
        page = text_of(head.get(url))
        assert re.search(rf"· {said} (dòng|rows?)", page), url


def test_who_may_not_read_cases_sees_the_figures_alone(
    month: str, session: Session, world: factories.World, sign_in: SignIn
) -> None:
    factories.role(session, world.inspector, world.authority, Role.SCIENCE_DEPARTMENT, clock.now())
    science = sign_in(world.inspector)
    page = text_of(science.get(month))
    assert numbers(page) == []
    assert "<td data-num" in page
    assert science.get(f"{PAGE}/dong/cases_opened?{month.split('?')[1]}").status_code == 403
    assert sign_in(world.officer).get(PAGE).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "tu=31/02/2026&den=01/03/2026",
        "tu=02/03/2026&den=01/03/2026",
        "tu=01/01/2019&den=01/03/2026",
        "tu=01/01/2026",
        "xa=10813",
    ],
)
def test_a_period_that_cannot_be_is_said_in_words(
    month: str, world: factories.World, sign_in: SignIn, query: str
) -> None:
    answer = sign_in(world.team_head).get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    assert 'id="errors"' in text_of(answer)


def test_a_report_is_drawn_up_remarked_signed_by_the_head_of_the_branch_and_read_as_files(
    month: str, world: factories.World, sign_in: SignIn, session: Session, token_of: TokenOf
) -> None:
    team, head = sign_in(world.team_head), sign_in(world.branch_head)
    asked = dict(pair.split("=") for pair in month.split("?")[1].split("&"))
    form = {"csrf_token": token_of(team, month), "idempotency_key": uuid.uuid4().hex, **asked}
    answer = team.post(f"{PAGE}/lap", data=form)
    assert answer.status_code == 303
    assert team.post(f"{PAGE}/lap", data=form).location == answer.location
    report = session.scalars(select(DeskReport)).one()
    assert report.figures["tables"][0]["title"] == "Tin báo theo nguồn"
    page = f"{PAGE}/{report.id}"
    remark = {"csrf_token": token_of(team, page), "remarks": "Số vụ giảm.", "seen": seen(team, page)}
    assert team.post(f"{page}/nhan-xet", data=remark).status_code == 303

    def signing(client: FlaskClient) -> Any:
        return client.post(f"{page}/ky", data=signature(client, token_of, page))

    assert signing(team).status_code == 403
    assert signing(head).status_code == 303
    assert "BC-" in text_of(head.get(page))
    assert head.post(f"{page}/nhan-xet", data={**remark, "csrf_token": token_of(head, PAGE)}).status_code == 409
    assert head.get(f"{page}.pdf").data[:5] == b"%PDF-"
    assert head.get(f"{page}.xlsx").data[:2] == b"PK"


def test_the_managing_body_reads_what_became_of_requests_about_its_titles(
    month: str, world: factories.World, sign_in: SignIn
) -> None:
    assert sign_in(world.manager).get(f"{PAGE}/yeu-cau-xu-ly").status_code == 200
    assert sign_in(world.clerk).get(f"{PAGE}/yeu-cau-xu-ly").status_code == 403


def test_every_number_of_a_kept_report_opens_the_rows_it_froze(
    month: str, session: Session, world: factories.World, sign_in: SignIn, token_of: TokenOf
) -> None:
    head = sign_in(world.branch_head)
    first, last = re.findall(r"\d\d/\d\d/\d{4}", month)
    form = {"csrf_token": token_of(head, month), "idempotency_key": uuid.uuid4().hex, "tu": first, "den": last}
    report = head.post(f"{PAGE}/lap", data=form).location
    # What is decided afterwards does not change what the report holds.
    signal = desk.signal(session, place="Chợ sau", at=clock.now() - timedelta(days=20))
    assert signal is not None
    session.commit()
    found = numbers(text_of(head.get(report)))
    assert len(found) > 6
    for url, said in found:
        assert re.search(rf"· {said} (dòng|rows?)", text_of(head.get(url))), url
    assert head.get(f"{report}/dong/khong-co").status_code == 404
    factories.role(session, world.inspector, world.authority, Role.SCIENCE_DEPARTMENT, clock.now())
    session.commit()
    assert sign_in(world.inspector).get(f"{report}/dong/signals_received").status_code == 403


def test_the_figures_of_the_moment_are_files_that_say_so(
    month: str, session: Session, world: factories.World, sign_in: SignIn
) -> None:
    head = sign_in(world.branch_head)
    query = month.partition("?")[2]
    page = unescape(text_of(head.get(month)))
    assert f"{PAGE}/so-lieu.pdf?" in page
    assert "tạm tính" in page
    paper = head.get(f"{PAGE}/so-lieu.pdf?{query}")
    assert (paper.status_code, paper.data[:5]) == (200, b"%PDF-")
    assert "tam-tinh" in paper.headers["Content-Disposition"]
    book = head.get(f"{PAGE}/so-lieu.xlsx?{query}")
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(book.data))
    front = sheets.get_sheet_by_name("Tổng hợp").to_python()
    assert any("Tạm tính, chưa chốt" in str(row[0]) for row in front)
    opened = next(row for row in front if row[0] == "Tổng số" and row[1] == 4.0)
    assert opened[:4] == ["Tổng số", 4.0, 3.0, 1.0]
    assert len(sheets.get_sheet_by_index(1).to_python()) == 5, "a heading and the four signals received"
    assert factories.count(session, DeskReport) == 0
    assert head.get(f"{PAGE}/so-lieu.pdf?tu=02/06/2026&den=01/06/2026").status_code == 422
    assert sign_in(world.officer).get(f"{PAGE}/so-lieu.xlsx?{query}").status_code == 403


def test_who_may_not_read_cases_gets_the_files_without_their_rows(
    month: str, session: Session, world: factories.World, sign_in: SignIn
) -> None:
    factories.role(session, world.inspector, world.authority, Role.SCIENCE_DEPARTMENT, clock.now())
    session.commit()
    reader = sign_in(world.inspector)
    query = month.partition("?")[2]
    book = CalamineWorkbook.from_filelike(io.BytesIO(reader.get(f"{PAGE}/so-lieu.xlsx?{query}").data))
    assert book.sheet_names == ["Tổng hợp"]
    assert b"/dong/" not in reader.get(f"{PAGE}/so-lieu.pdf?{query}").data


def test_nobody_signs_remarks_that_were_not_on_the_page(
    month: str, world: factories.World, sign_in: SignIn, session: Session, token_of: TokenOf
) -> None:
    team, head = sign_in(world.team_head), sign_in(world.branch_head)
    page = drawn(head, token_of, month)
    signing = signature(head, token_of, page)
    wrote = {
        "csrf_token": token_of(team, page),
        "seen": seen(team, page),
        "remarks": "Viết lại sau khi Chi cục trưởng mở trang.",
    }
    assert team.post(f"{page}/nhan-xet", data=wrote).status_code == 303
    refused = head.post(f"{page}/ky", data=signing)
    assert refused.status_code == 409
    assert world.team_head.full_name in text_of(refused)
    assert "Viết lại sau khi" in text_of(refused)
    never = {name: value for name, value in signing.items() if name != "seen"} | {"idempotency_key": uuid.uuid4().hex}
    assert head.post(f"{page}/ky", data=never).status_code == 409, "what was not sent was never seen"
    assert session.scalars(select(DeskReport.signed_at)).one() is None
    # From the page that told of the refusal, on which the remarks of now stand, it is signed.
    again = signing | {"idempotency_key": uuid.uuid4().hex, "seen": SEEN.findall(text_of(refused))[0]}
    assert head.post(f"{page}/ky", data=again).status_code == 303


def test_remarks_do_not_overwrite_others_in_silence_and_what_was_typed_is_kept(
    month: str, world: factories.World, sign_in: SignIn, session: Session, token_of: TokenOf
) -> None:
    team, head = sign_in(world.team_head), sign_in(world.branch_head)
    page = drawn(head, token_of, month)
    mine = {"csrf_token": token_of(head, page), "seen": seen(head, page), "remarks": "Của Chi cục trưởng."}
    theirs = {"csrf_token": token_of(team, page), "seen": seen(team, page), "remarks": "Của Đội trưởng."}
    assert team.post(f"{page}/nhan-xet", data=theirs).status_code == 303
    # Sent back for another fault, the form still says on what it was typed.
    endless = text_of(head.post(f"{page}/nhan-xet", data=mine | {"remarks": "x" * 10_001}))
    assert set(SEEN.findall(endless)) == {mine["seen"]}
    refused = head.post(f"{page}/nhan-xet", data=mine)
    said = text_of(refused)
    assert refused.status_code == 409
    assert world.team_head.full_name in said
    assert '<p class="pre">Của Đội trưởng.</p>' in said
    assert re.search(r"<textarea[^>]*>\s*Của Chi cục trưởng\.</textarea>", said)
    assert session.scalars(select(DeskReport.remarks)).one() == "Của Đội trưởng."
    assert head.post(f"{page}/nhan-xet", data=mine | {"seen": SEEN.findall(said)[0]}).status_code == 303
    assert session.scalars(select(DeskReport.remarks)).one() == "Của Chi cục trưởng."


def test_who_only_reads_figures_draws_up_nothing(
    month: str, session: Session, world: factories.World, sign_in: SignIn, token_of: TokenOf
) -> None:
    factories.role(session, world.inspector, world.authority, Role.SCIENCE_DEPARTMENT, clock.now())
    factories.role(session, world.clerk, world.authority, Role.AUDITOR, clock.now())
    session.commit()
    first, last = re.findall(r"\d\d/\d\d/\d{4}", month)
    for person in (world.inspector, world.clerk):
        reader = sign_in(person)
        shown = text_of(reader.get(month))
        assert "<td data-num" in shown
        assert f"{PAGE}/lap" not in shown
        form = {"csrf_token": token_of(reader, "/trang-chinh"), "idempotency_key": uuid.uuid4().hex}
        assert reader.post(f"{PAGE}/lap", data=form | {"tu": first, "den": last}).status_code == 403
    assert factories.count(session, DeskReport) == 0
    assert f"{PAGE}/lap" in text_of(sign_in(world.team_head).get(month))


def test_every_report_that_was_drawn_up_stands_on_some_page(
    month: str, session: Session, world: factories.World, sign_in: SignIn
) -> None:
    day = clock.now().date() - timedelta(days=30)
    made = [
        DeskReport(first_day=day, last_day=day, drawn_at=clock.now() - timedelta(minutes=n), drawn_by=world.team_head.id, figures={"tables": [], "rows": {}})
        for n in range(120)
    ]  # fmt: skip
    session.add_all(made)
    session.commit()
    head, address, found = sign_in(world.branch_head), month, list[str]()
    for _ in range(3):
        page = text_of(head.get(address))
        assert re.search(r'<h2>[^<]*<span class="muted">120</span>', page)
        found += re.findall(rf'<a href="{PAGE}/([0-9a-f-]{{36}})">', page)
        after = re.search(r'rel="next" href="([^"]+)"', page)
        address = unescape(after[1]) if after else ""
    assert not address
    assert found == [str(each.id) for each in made]
    assert 'rel="prev"' in page
    refused = text_of(head.get(f"{PAGE}?tu=31/02/2026&den=01/03/2026"))
    assert unescape(re.findall(r'rel="next" href="([^"]+)"', refused)[0]) == f"{PAGE}?page=2"
