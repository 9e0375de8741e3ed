"""Promises of merging on screen: two cases side by side, refused in words, both numbers working, taken back by one more form."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from enforcement import cases, joins, law, splits, triage
from enforcement.models import CaseFile
from enforcement.transitions import Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace import clock, words

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]


@pytest.fixture
def store(app: Flask) -> Path:
    return Path(app.config["TEMTHAT"].files_dir)


@pytest.fixture
def pair(session: Session, world: factories.World, store: Path) -> tuple[CaseFile, CaseFile]:
    law.seed(session)
    one, two = (desk.case(session, world, store, with_law=False) for _ in range(2))
    one.title, two.title, two.severity = "Vụ thứ nhất", "Vụ thứ hai", 3
    session.commit()
    return one, two


@pytest.fixture
def officer(world: factories.World, pair: tuple[CaseFile, CaseFile], sign_in: SignIn) -> FlaskClient:
    return sign_in(world.officer)


def merged(client: FlaskClient, token_of: TokenOf, one: CaseFile, two: CaseFile, **more: Any) -> Any:
    page = f"/vu-viec/{one.id}/ghep?other={two.id}"
    data = {
        "csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, "other": str(two.id), "version_a": one.version,
        "version_b": two.version, "keep": "a", "title": "a", "severity": "b", "reason": "Cùng một sạp", **more,
    }  # fmt: skip
    return client.post(f"/vu-viec/{one.id}/ghep", data=data)


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def test_the_tab_shows_similar_cases_and_leads_to_the_comparison(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, world: factories.World, store: Path
) -> None:
    one, two = pair
    for case, what in ((one, "Tem mờ"), (two, "Mã quét báo lạ")):
        signal = desk.signal(session, None, place="Sạp 7, chợ Mẫu Lớn", description=what)
        triage.add_to_case(session, signal.id, case.id, store=store, by=world.officer.id, at=NOW)
        session.commit()
    page = text_of(officer.get(f"/vu-viec/{one.id}/tuong-tu"))
    assert two.number in page
    assert f"/vu-viec/{one.id}/ghep?other={two.id}" in page


def test_two_cases_stand_side_by_side_with_what_differs_marked(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile]
) -> None:
    one, two = pair
    page = text_of(officer.get(f"/vu-viec/{one.id}/ghep?other={two.number.lower()}"))
    for said in (one.number, two.number, "Vụ thứ nhất", "Vụ thứ hai", 'name="severity"', 'name="keep"'):
        assert said in page
    assert 'name="officer_id"' not in page  # nobody works either


def test_a_number_that_is_no_case_is_said(officer: FlaskClient, pair: tuple[CaseFile, CaseFile]) -> None:
    answer = officer.get(f"/vu-viec/{pair[0].id}/ghep?other=VV-1999-00009")
    assert answer.status_code == 404
    assert "VV-1999-00009" in text_of(answer)


def test_after_a_merge_the_absorbed_number_shows_where_it_went_and_takes_no_deed(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, token_of: TokenOf
) -> None:
    one, two = pair
    assert merged(officer, token_of, one, two).status_code == 303
    session.expire_all()
    assert (two.merged_into_id, one.severity, one.title) == (one.id, 3, "Vụ thứ nhất")
    page = text_of(officer.get(f"/vu-viec/so/{two.number}", follow_redirects=True))
    assert one.number in page
    assert f"/vu-viec/{two.id}/bo-ghep" in page
    refused = officer.post(
        f"/vu-viec/{two.id}/ghi-chu",
        data={"csrf_token": token_of(officer, f"/vu-viec/{two.id}/bo-ghep"), "idempotency_key": uuid.uuid4().hex, "text": "Ghi"},
    )  # fmt: skip
    assert refused.status_code == 409
    assert one.number in text_of(refused)
    assert two.number in text_of(officer.get(f"/vu-viec/{one.id}/tuong-tu"))
    # What happened in the other one stands on the page of the one that carries on, with its number.
    assert f"Mở vụ việc {two.number}" in text_of(officer.get(f"/vu-viec/{one.id}"))


def test_the_other_case_may_be_the_one_that_carries_on(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, token_of: TokenOf
) -> None:
    one, two = pair
    assert merged(officer, token_of, one, two, keep="b", title="a").status_code == 303
    session.expire_all()
    assert (one.merged_into_id, two.title, two.severity) == (two.id, "Vụ thứ nhất", 3)


def test_faults_of_the_form_are_said_with_what_was_chosen_kept(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, token_of: TokenOf
) -> None:
    one, two = pair
    without = merged(officer, token_of, one, two, reason=" ", title="")
    assert without.status_code == 422
    assert text_of(without).count("#fact-title") >= 1
    stale = merged(officer, token_of, one, two, version_b=two.version - 1)
    assert stale.status_code == 409
    assert "Cùng một sạp" in text_of(stale)
    same = officer.get(f"/vu-viec/{one.id}/ghep?other={one.id}")
    assert "merge-reason" not in text_of(same)
    session.expire_all()
    assert two.merged_into_id is None


def test_a_merge_sent_twice_is_one_and_is_taken_back_with_a_reason(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, token_of: TokenOf
) -> None:
    one, two = pair
    key = uuid.uuid4().hex
    first, again = (merged(officer, token_of, one, two, idempotency_key=key) for _ in range(2))
    assert (first.status_code, again.status_code, first.location) == (303, 303, again.location)
    page = f"/vu-viec/{two.id}/bo-ghep"
    form = {"csrf_token": token_of(officer, page), "idempotency_key": uuid.uuid4().hex}
    assert officer.post(page, data={**form, "reason": ""}).status_code == 422
    assert officer.post(page, data={**form, "reason": "Khác người bán"}).status_code == 303
    session.expire_all()
    assert (two.merged_into_id, one.severity) == (None, 1 + (one.severity > 1) * (one.severity - 1))
    assert officer.get(page).status_code == 409


def test_a_case_is_split_by_its_signals(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, token_of: TokenOf, store: Path, world: factories.World
) -> None:  # fmt: skip
    one, _ = pair
    late = desk.signal(session, place="Sạp 40")
    triage.add_to_case(session, late.id, one.id, store=store, by=world.officer.id, at=clock.now())
    session.commit()
    page = f"/vu-viec/{one.id}/tach"
    form = {
        "csrf_token": token_of(officer, page), "version": one.version, "title": "Vụ tách", "reason": "Người bán khác",
    }  # fmt: skip
    nothing = officer.post(page, data={**form, "idempotency_key": uuid.uuid4().hex})
    assert nothing.status_code == 422
    assert "Vụ tách" in text_of(nothing)
    # Everything at once: no title, no reason, an id that is none, and no signal would be left.
    both = [str(signal.id) for signal in one.signals]
    wrong = {**form, "title": " ", "reason": "", "signals": [*both, "x"], "idempotency_key": uuid.uuid4().hex}
    refused = officer.post(page, data=wrong)
    assert refused.status_code == 422
    for said in ("Write a title.", splits.CaseWouldBeEmpty.message_id()):
        assert words.read("vi")[said] in text_of(refused)
    answer = officer.post(page, data={**form, "idempotency_key": uuid.uuid4().hex, "signals": str(late.id)})
    assert answer.status_code == 303
    session.expire_all()
    assert late.case_id not in {None, one.id}
    assert f"/vu-viec/{late.case_id}" in text_of(officer.get(f"/vu-viec/{one.id}/tuong-tu"))


def test_who_only_reads_cases_merges_none(
    pair: tuple[CaseFile, CaseFile], world: factories.World, sign_in: SignIn
) -> None:
    one, two = pair
    auditor = sign_in(world.auditor)
    assert auditor.get(f"/vu-viec/{one.id}/tuong-tu").status_code == 200
    assert auditor.get(f"/vu-viec/{one.id}/ghep?other={two.id}").status_code == 403


@pytest.mark.parametrize("away", [False, True])
def test_a_merge_that_stands_is_said_on_its_page_and_the_typed_reason_stays(
    officer: FlaskClient, pair: tuple[CaseFile, CaseFile], session: Session, world: factories.World, store: Path, token_of: TokenOf, *, away: bool
) -> None:  # fmt: skip
    kept, gone = pair
    at = clock.now()
    photo = desk.photo(session, store)
    cases.add_evidence(
        session, kept.id, photo, title="Ảnh", origin="Cán bộ chụp", taken_at=at, store=store, by=world.officer.id, at=at
    )
    for case in (gone, kept):
        for move in desk.PATH[: desk.PATH.index(Move.START_INSPECTION) + 1]:
            desk.take(session, case, move, by=world.officer.id, at=at)
    desk.act(session, gone, by=world.officer.id, at=at)
    joins.merge(session, kept.id, gone.id, take=(), reason="Một nơi bán", by=world.officer.id, at=at)
    last = Move.TRANSFER_CRIMINAL if away else Move.PENALISE
    for move in (Move.RECORD_VIOLATION, *(() if away else (Move.PREPARE_DECISION,)), last):
        desk.take(session, kept, move, by=world.team_head.id, at=at)
    session.commit()
    page = f"/vu-viec/{gone.id}/bo-ghep"
    data = {"csrf_token": token_of(officer, page), "idempotency_key": uuid.uuid4().hex, "reason": "Khác người bán thật"}
    answer = officer.post(page, data=data)
    shown = text_of(answer)
    assert answer.status_code == 409
    told = shown.partition('id="errors"')[2].partition("</div>")[0]
    assert told.count("<li>") == 1
    assert kept.number in told
    assert ("Hộ kinh doanh mẫu" in told) is not away
    assert "Khác người bán thật" in shown.partition("<textarea")[2]
    session.expire_all()
    assert gone.merged_into_id == kept.id
