"""The law data on its pages: to read for the desk, to enter for heads; the calendar with a look at what it changes; delegations."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import clocks, law
from enforcement.deadlines import DeadlineKind
from enforcement.law_seed import Signer
from enforcement.models import DeadlineRule, Delegation, ExplanationThreshold, FineBracket
from tests import factories
from tests.enforcement import desk
from trace import clock
from trace.services import workdays
from trace.views import lists
from trace.words import day

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
Send = Callable[..., Any]


@pytest.fixture(autouse=True)
def _law(session: Session, world: factories.World) -> None:
    law.seed(session)
    session.commit()


@pytest.fixture
def head(world: factories.World, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.branch_head)


@pytest.fixture
def send(token_of: TokenOf) -> Send:
    def post(client: FlaskClient, path: str, page: str = "", **form: Any) -> Any:
        data = {"csrf_token": token_of(client, page or path), "idempotency_key": uuid.uuid4().hex, **form}
        return client.post(path, data=data)

    return post


RULE = {
    "amount": "3", "unit": "working_days", "basis": "Nghị định mẫu", "law_version": "ND-MAU", "valid_from": "01/01/2027",
    "source": "Công báo mẫu", **{f"extensions-{n}-unit": "days" for n in range(4)},
}  # fmt: skip


@pytest.mark.parametrize("page", ["", "/khung-phat", "/tham-quyen", "/giao-quyen", "/lich", "/lich/2026", "/nhac-viec"])
def test_officers_read_every_part_and_nothing_is_offered_to_enter(
    page: str, world: factories.World, sign_in: SignIn
) -> None:
    answer = sign_in(world.officer).get(f"/phap-luat{page}")
    assert answer.status_code == 200
    assert "<form" not in answer.get_data(as_text=True).partition("<main")[2].partition("</main>")[0]


def test_a_head_enters_a_new_version_with_an_extension_and_the_old_one_stays(
    session: Session, head: FlaskClient, send: Send
) -> None:
    path = "/phap-luat/thoi-han/delivery/moi"
    wrong = send(head, path, **{**RULE, "amount": "0", "valid_from": "31/02/2027", "source": ""})
    assert wrong.status_code == 422
    assert wrong.get_data(as_text=True).count('class="error-text"') == 3
    filled = {**RULE, "extensions-0-amount": "5", "extensions-0-ground": "Vùng xa"}
    assert send(head, path, **filled).status_code == 303
    rows = session.scalars(
        select(DeadlineRule).where(DeadlineRule.kind == DeadlineKind.DELIVERY).order_by(DeadlineRule.valid_from)
    ).all()
    assert [(row.amount, row.version) for row in rows] == [(2, "ND190-2025"), (3, "ND-MAU")]
    assert rows[1].extensions["items"][0]["ground"] == "Vùng xa"
    again = send(head, path, **filled)
    assert again.status_code == 409
    assert "phiên bản" in again.get_data(as_text=True)


def test_brackets_maxima_powers_and_reminders_are_entered(session: Session, head: FlaskClient, send: Send) -> None:
    common = {"basis": "Điều 12 mẫu", "law_version": "V1", "valid_from": "01/01/2027", "source": "Công báo"}
    bracket = {
        "qualification": "counterfeit_goods",
        "above": "0",
        "upto": "3.000.000",
        "low": "1.000.000",
        "top": "2.000.000",
    }
    assert send(head, "/phap-luat/khung-phat/moi", **common, **{**bracket, "top": "1"}).status_code == 422
    assert send(head, "/phap-luat/khung-phat/moi", **common, **bracket).status_code == 303
    assert session.scalars(select(FineBracket).where(FineBracket.version == "V1")).one().top == 2_000_000
    assert (
        send(head, "/phap-luat/muc-toi-da/trade_and_fake_goods/moi", **common, amount="200.000.000").status_code == 303
    )
    assert send(head, "/phap-luat/tham-quyen/team_head/moi", **common, percent="20").status_code == 303
    assert send(head, "/phap-luat/tam-giu/inspector/moi", **common).status_code == 303
    amounts = {"individual": "20.000.000", "organisation": "40.000.000"}
    assert send(head, "/phap-luat/giai-trinh/moi", **common, **{**amounts, "individual": "0"}).status_code == 422
    assert send(head, "/phap-luat/giai-trinh/moi", **common, **amounts).status_code == 303
    page = head.get("/phap-luat/tham-quyen").get_data(as_text=True)
    assert "40.000.000" in page
    threshold = session.scalars(select(ExplanationThreshold).where(ExplanationThreshold.version == "V1")).one()
    assert "20.000.000" in head.get(f"/phap-luat/explanation_threshold/{threshold.id}").get_data(as_text=True)
    assert law.seizers(session, threshold.valid_from) == {Signer.INSPECTOR, Signer.TEAM_HEAD, Signer.BRANCH_HEAD}
    assert (
        send(head, "/phap-luat/nhac-viec/seizure", before="5, 1", team_after="1", branch_after="2").status_code == 303
    )
    assert send(head, "/phap-luat/nhac-viec/seizure", before="-5", team_after="1", branch_after="2").status_code == 422
    session.expire_all()
    assert law.reminding(session)[DeadlineKind.SEIZURE].before == (5, 1)


def test_a_row_ends_by_a_confirmed_deed_and_new_tiers_follow(session: Session, head: FlaskClient, send: Send) -> None:
    rows = session.scalars(
        select(FineBracket).where(
            FineBracket.qualification == "gi_infringement", FineBracket.making.is_(False), FineBracket.upto <= 5_000_000
        )
    ).all()
    new = {
        "qualification": "gi_infringement", "above": "0", "upto": "5.000.000", "low": "1.000.000", "top": "4.000.000", "basis": "Nghị định mẫu",
        "law_version": "ND-MAU", "valid_from": "01/01/2027", "source": "Công báo mẫu",
    }  # fmt: skip
    assert send(head, "/phap-luat/khung-phat/moi", **new).status_code == 409
    given = {"valid_to": "01/01/2027", "end_source": "Công báo mẫu số 9"}
    for row in rows:
        page = f"/phap-luat/fine_bracket/{row.id}"
        unsure = send(head, f"{page}/het-hieu-luc", page, **given)
        assert unsure.status_code == 422
        assert "Công báo mẫu số 9" in unsure.get_data(as_text=True)
        early = send(head, f"{page}/het-hieu-luc", page, **{**given, "valid_to": "01/01/2001"}, sure="y")
        assert early.status_code == 422
        assert send(head, f"{page}/het-hieu-luc", page, **given, sure="y").status_code == 303
        shown = head.get(page).get_data(as_text=True)
        assert "Công báo mẫu số 9" in shown
        assert "01/01/2027" in shown
        assert send(head, f"{page}/het-hieu-luc", page, **given, sure="y").status_code == 409
    assert send(head, "/phap-luat/khung-phat/moi", **new).status_code == 303


def test_only_heads_let_a_row_of_law_end(session: Session, world: factories.World, sign_in: SignIn, send: Send) -> None:
    row = session.scalars(select(FineBracket).limit(1)).one()
    page, officer = f"/phap-luat/fine_bracket/{row.id}", sign_in(world.officer)
    assert "het-hieu-luc" not in officer.get(page).get_data(as_text=True)
    answer = send(officer, f"{page}/het-hieu-luc", "/thoi-han", valid_to="01/01/2027", end_source="x", sure="y")
    assert answer.status_code == 403


def test_a_flag_goes_by_a_confirmation_with_its_source(session: Session, head: FlaskClient, send: Send) -> None:
    row = session.scalars(select(DeadlineRule).where(DeadlineRule.kind == DeadlineKind.EXECUTION)).one()
    page = f"/phap-luat/deadline_rule/{row.id}"
    assert "Cần kiểm chứng" in head.get(page).get_data(as_text=True)
    assert send(head, f"{page}/xac-nhan", page, source="").status_code == 422
    assert send(head, f"{page}/xac-nhan", page, source="Công báo số 1").status_code == 303
    shown = head.get(page).get_data(as_text=True)
    assert "Công báo số 1" in shown
    assert "Cần kiểm chứng" not in shown
    assert head.get("/phap-luat/fine_bracket/999999").status_code == 404


def calendar_form(session: Session, year: int, **extra: str) -> dict[str, str]:
    form: dict[str, str] = {"source": "TB mẫu"}
    for n, row in enumerate(workdays.days_of(session, year)):
        form |= {
            f"days-{n}-on": f"{row.on:%d/%m/%Y}", f"days-{n}-kind": "off" if row.off else "worked", f"days-{n}-name": row.name,
            f"days-{n}-source": row.source, **({f"days-{n}-confirmed": "y"} if row.confirmed else {}),
        }  # fmt: skip
    return form | extra


def test_a_calendar_is_looked_at_before_it_is_entered(
    app: Flask, session: Session, world: factories.World, head: FlaskClient, sign_in: SignIn, send: Send
) -> None:
    case = desk.case(session, world, Path(app.config["TEMTHAT"].files_dir))
    now = clock.now()
    running = clocks.start(session, case, DeadlineKind.SEIZURE, began=now, law=law.load(session), at=now)
    session.commit()
    off = running.due_at.astimezone(clock.CITY).date()
    year, path = off.year, f"/phap-luat/lich/{off.year}"
    line = {
        "days-50-on": day(off),
        "days-50-kind": "off",
        "days-50-name": "Nghỉ theo thông báo",
        "days-50-confirmed": "y",
    }
    form = calendar_form(session, year, **line)
    looked = send(head, path, **form, step="look")
    shown = looked.get_data(as_text=True)
    assert looked.status_code == 200
    assert case.number in shown
    assert "1 thời hạn đang chạy" in shown
    by_administrator = send(sign_in(world.administrator), path, **form, step="look").get_data(as_text=True)
    assert "1 thời hạn đang chạy" in by_administrator
    assert case.number not in by_administrator  # no content of cases
    session.expire_all()
    assert off not in {row.on for row in workdays.days_of(session, year)}
    assert send(head, path, **form, step="enter").status_code == 303
    session.expire_all()
    assert off in {row.on for row in workdays.days_of(session, year)}
    assert running.recount_due_at is not None


def test_a_wrong_day_is_refused_and_what_was_typed_stays(session: Session, head: FlaskClient, send: Send) -> None:
    form = calendar_form(
        session, 2026, **{"days-50-on": "01/01/2027", "days-50-kind": "off", "days-50-name": "Lạc năm"}
    )
    answer = send(head, "/phap-luat/lich/2026", **form, step="enter")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "không thuộc năm 2026" in page
    assert "Lạc năm" in page
    assert head.get("/phap-luat/lich/1999").status_code == 422


def test_a_head_delegates_and_revokes_and_a_team_head_only_the_own_power(
    session: Session, world: factories.World, head: FlaskClient, sign_in: SignIn, send: Send
) -> None:
    today = lists.today()
    form = {
        "giver": str(world.branch_head.id), "taker": str(world.team_head.id), "scope": "penalties", "decision_number": "05/QĐ-GQ",
        "starts_on": day(today), "ends_on": day(today + timedelta(days=5)),
    }  # fmt: skip
    path = "/phap-luat/giao-quyen"
    assert send(sign_in(world.team_head), path, **form).status_code == 403
    assert send(head, path, **{**form, "ends_on": "x"}).status_code == 422
    assert send(head, path, **form).status_code == 303
    overlap = send(head, path, **{**form, "decision_number": "06/QĐ-GQ"})
    assert overlap.status_code == 409
    assert "đã được giao quyền" in overlap.get_data(as_text=True)
    made = session.scalars(select(Delegation)).one()
    assert send(head, f"{path}/{made.id}/thu-hoi", path, why="").status_code == 422
    assert send(head, f"{path}/{made.id}/thu-hoi", path, why="Đã về").status_code == 303
    assert send(head, f"{path}/{made.id}/thu-hoi", path, why="Đã về").status_code == 409
    assert "Đã về" in head.get(path).get_data(as_text=True)
