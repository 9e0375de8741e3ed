"""Promises of the queue's pages: what is shown first, what a decision does, and what wrong or late input meets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import law, triage
from enforcement.models import CaseFile, Evidence, Outcome, Signal, SignalState
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.history import History

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]


@pytest.fixture
def officer(world: factories.World, session: Session, sign_in: SignIn) -> FlaskClient:
    law.seed(session)
    session.commit()
    return sign_in(world.officer)


@pytest.fixture
def store(app: Flask) -> Path:
    return Path(app.config["TEMTHAT"].files_dir)


def send(client: FlaskClient, token_of: TokenOf, signal: Signal, decision: str, **form: Any) -> Any:
    page = f"/hang-doi/{signal.id}"
    data = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, **form}
    return client.post(f"{page}/{decision}", data=data)


def test_the_queue_shows_the_severest_first_with_its_place_and_counts(
    session: Session, world: factories.World, officer: FlaskClient
) -> None:
    mild = desk.signal(session, reason=desk.TipReason.OTHER)
    grave = desk.signal(session)
    session.commit()
    page = officer.get("/hang-doi").get_data(as_text=True)
    assert page.index(grave.source_number) < page.index(mild.source_number)
    assert "Thanh Hà" in page
    assert "Tem khác thường" in page
    assert '<span class="count">2</span>' in page


@pytest.mark.parametrize(
    "query", ["?source=tip&severity=2", "?q=ch%E1%BB%A3+m%E1%BA%ABu", "?q=cho+mau", "?commune=10813"]
)
def test_a_filter_is_in_the_address_and_as_a_chip(
    session: Session, world: factories.World, officer: FlaskClient, query: str
) -> None:
    kept = desk.signal(session)
    session.commit()
    page = officer.get("/hang-doi" + query).get_data(as_text=True)
    assert kept.source_number in page
    assert 'class="chips"' in page


@pytest.mark.parametrize(
    "query", ["?severity=9&source=x&commune=1&page=x", "?page=99999999999", "?q=%00%25_", "?q=" + "x" * 3000]
)
def test_a_senseless_filter_is_no_fault(officer: FlaskClient, query: str) -> None:
    assert officer.get("/hang-doi" + query).status_code == 200


def test_a_signal_becomes_a_case_once_however_often_the_form_is_sent(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    signal = desk.signal(session, photos=[desk.photo(session, store)])
    session.commit()
    token, key = token_of(officer, f"/hang-doi/{signal.id}"), uuid.uuid4().hex
    form = {
        "csrf_token": token,
        "idempotency_key": key,
        "title": "  Nghi tem sao chép \N{LATIN SMALL LETTER A WITH ACUTE} ",
    }
    first = officer.post(f"/hang-doi/{signal.id}/open", data=form)
    again = officer.post(f"/hang-doi/{signal.id}/open", data=form)
    assert first.status_code == again.status_code == 303
    assert first.location == again.location
    assert factories.count(session, CaseFile) == 1
    assert factories.count(session, Evidence) == 1
    assert factories.count(session, History, History.deed == "case:open") == 1
    other = officer.post(f"/hang-doi/{signal.id}/open", data={**form, "title": "Khác"})
    assert other.status_code == 422


def test_a_second_signal_is_merged_into_the_case_of_the_first(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    desk.labels(session, world)
    first = desk.signal(session, 7)
    case = triage.open_case(session, first.id, title="Vụ mẫu", store=store, by=world.officer.id, at=NOW)
    second = desk.signal(session, 8)
    session.commit()
    page = officer.get(f"/hang-doi/{second.id}").get_data(as_text=True)
    assert case.number in page
    assert send(officer, token_of, second, "add", case=str(case.id)).status_code == 303
    session.expire_all()
    assert second.case_id == case.id


def test_a_decided_signal_is_refused_with_who_and_when(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    signal = desk.signal(session)
    session.commit()
    token = token_of(officer, f"/hang-doi/{signal.id}")
    triage.reject(session, signal.id, reason="Trùng", outcome=Outcome.NO_VIOLATION, by=world.team_head.id, at=NOW)
    session.commit()
    late = officer.post(
        f"/hang-doi/{signal.id}/open", data={"csrf_token": token, "idempotency_key": uuid.uuid4().hex, "title": "x"}
    )
    assert late.status_code == 409
    assert "Người mẫu Đội" in late.get_data(as_text=True)
    assert "10:00 15/06/2026" in late.get_data(as_text=True)
    assert factories.count(session, CaseFile) == 0


@pytest.mark.parametrize(
    ("decision", "form"),
    [
        ("open", {"title": ""}), ("open", {"title": "x" * 201}), ("add", {}), ("add", {"case": str(factories.some_id())}),
        ("add", {"case": "x"}), ("wait", {"until": "31/12/2026"}), ("wait", {"until": "31/02/2026", "reason": "x"}),
        ("wait", {"until": "01/01/2020", "reason": "x"}), ("reject", {"reason": "x"}), ("reject", {"reason": "x", "outcome": "guilty"}),
        ("reject", {"reason": "x" * 2001, "outcome": "no_violation"}), ("reject", {"reason": " \t ", "outcome": "no_violation"}),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_with_a_reason_and_changes_nothing(
    session: Session,
    world: factories.World,
    officer: FlaskClient,
    token_of: TokenOf,
    decision: str,
    form: dict[str, str],
) -> None:
    signal = desk.signal(session)
    session.commit()
    answer = send(officer, token_of, signal, decision, **form)
    assert answer.status_code == 422
    assert 'id="errors"' in answer.get_data(as_text=True)
    session.expire_all()
    assert signal.state is SignalState.NEW
    assert factories.count(session, CaseFile) == 0


def test_signals_that_are_not_there_and_moves_that_do_not_exist_are_not_found(officer: FlaskClient) -> None:
    for path in (f"/hang-doi/{factories.some_id()}", "/hang-doi/x"):
        assert officer.get(path).status_code == 404
    assert officer.post(f"/hang-doi/{factories.some_id()}/open").status_code in {403, 404}


def test_without_a_token_or_a_key_nothing_is_done(session: Session, officer: FlaskClient, token_of: TokenOf) -> None:
    signal = desk.signal(session)
    session.commit()
    assert officer.post(f"/hang-doi/{signal.id}/open", data={"title": "x"}).status_code == 403
    token = token_of(officer, f"/hang-doi/{signal.id}")
    assert officer.post(f"/hang-doi/{signal.id}/open", data={"title": "x", "csrf_token": token}).status_code == 422
    assert factories.count(session, CaseFile) == 0


@pytest.mark.parametrize("who", ["clerk", "manager", "inspector", "custodian", "auditor", "administrator"])
def test_only_the_desk_sees_the_queue(session: Session, world: factories.World, sign_in: SignIn, who: str) -> None:
    signal = desk.signal(session)
    session.commit()
    other = sign_in(getattr(world, who))
    assert other.get("/hang-doi").status_code == 403
    assert other.get(f"/hang-doi/{signal.id}").status_code == 403


def test_after_the_session_ends_the_page_asks_to_sign_in(client: FlaskClient, world: factories.World) -> None:
    answer = client.get("/hang-doi")
    assert answer.status_code == 303
    assert "/dang-nhap" in answer.location


def test_a_waiting_signal_leaves_the_first_tab(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf
) -> None:
    signal = desk.signal(session)
    session.commit()
    from trace import clock

    day = (clock.now().astimezone(clock.CITY).date()).replace(day=1)
    later = day.replace(year=day.year + 1) if day.month == 1 else day.replace(year=day.year + 1, month=1)
    assert send(officer, token_of, signal, "wait", until=f"{later:%d/%m/%Y}", reason="Chờ ảnh").status_code == 303
    assert signal.source_number not in officer.get("/hang-doi").get_data(as_text=True)
    assert signal.source_number in officer.get("/hang-doi?tab=waiting").get_data(as_text=True)
    assert session.scalars(select(Signal.state).where(Signal.id == signal.id)).one() is SignalState.WAITING


@pytest.mark.parametrize(
    "page", ["/hang-doi", "/hang-doi?tab=waiting", "/vu-viec", "/xuat/desk-signals.csv", "/xuat/desk-cases.csv"]
)
def test_a_list_asks_no_more_for_many_rows_than_for_few(
    page: str, statements: list[str], session: Session, world: factories.World, officer: FlaskClient, store: Path
) -> None:
    def more(n: int) -> int:
        """How many statements the page sends with so many rows more."""
        for _ in range(n):
            desk.case(session, world, store, serial=None)
            desk.signal(session, 7, place=f"Chợ mẫu {uuid.uuid4().hex}")
            waits = desk.signal(session, place=f"Sạp mẫu {uuid.uuid4().hex}")
            triage.wait(session, waits.id, until=date(2027, 6, 1), reason="Chờ ảnh", by=world.officer.id, at=NOW)
        session.commit()
        officer.get(page)
        statements.clear()
        assert officer.get(page).status_code == 200
        return len(statements)

    assert more(1) == more(4)
