"""Promises of the custodian's pages: a reason first, the contact on one answer only, every opening in the log."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from enforcement import informants
from enforcement.models import InformantOpening, InformantReading
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.history import History
from trace.models.tips import Tip

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
CONTACT = "0912 345 678"
WHY = "Hẹn lấy lời khai"


@pytest.fixture
def tip(session: Session, world: factories.World, app: Flask) -> Tip:
    made = desk.tip(session)
    informants.keep(session, made.id, CONTACT, key=app.config["TEMTHAT"].derived("informant"), at=NOW)
    session.commit()
    return made


@pytest.fixture
def custodian(world: factories.World, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.custodian)


def ask(custodian: FlaskClient, token_of: TokenOf, tip: Tip, reason: str = WHY) -> TestResponse:
    address = f"/nguoi-bao/{tip.id}"
    return custodian.post(address, data={"csrf_token": token_of(custodian, address), "reason": reason})


def answer(person: FlaskClient, token_of: TokenOf, tip: Tip, session: Session, word: str, **form: str) -> TestResponse:
    wish = session.scalars(select(InformantOpening.id).order_by(InformantOpening.asked_at.desc())).first()
    address = f"/nguoi-bao/{tip.id}"
    return person.post(f"{address}/{wish}/{word}", data={"csrf_token": token_of(person, address), **form})


@pytest.fixture
def head(world: factories.World, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.branch_head)


def test_one_asks_another_agrees_and_the_contact_is_shown_once(
    session: Session,
    world: factories.World,
    tip: Tip,
    custodian: FlaskClient,
    head: FlaskClient,
    token_of: TokenOf,
) -> None:
    address = f"/nguoi-bao/{tip.id}"
    assert CONTACT not in custodian.get(address).get_data(as_text=True)
    assert ask(custodian, token_of, tip).status_code == 303
    assert tip.number in head.get("/nguoi-bao").get_data(as_text=True)
    assert tip.number in head.get("/trang-chinh").get_data(as_text=True)
    agreed = answer(head, token_of, tip, session, "agree")
    assert agreed.status_code == 303
    assert CONTACT not in head.get(address).get_data(as_text=True)
    page = custodian.get(address).get_data(as_text=True)
    assert CONTACT not in page
    shown = answer(custodian, token_of, tip, session, "doc")
    assert shown.status_code == 200
    assert CONTACT in shown.get_data(as_text=True)
    assert shown.headers["Cache-Control"] == "no-store"
    assert CONTACT not in custodian.get(address).get_data(as_text=True)
    again = answer(custodian, token_of, tip, session, "doc")
    assert again.status_code == 409
    assert CONTACT not in again.get_data(as_text=True)
    reading = session.scalars(select(InformantReading)).one()
    assert (reading.by, reading.reason) == (world.custodian.id, WHY)
    log = custodian.get("/nguoi-bao").get_data(as_text=True)
    assert WHY in log
    assert CONTACT not in log
    assert all(CONTACT not in str(row.changes) + str(row.why) for row in session.scalars(select(History)))


def test_nobody_agrees_to_their_own_wish_or_reads_without_an_answer(
    session: Session, tip: Tip, custodian: FlaskClient, head: FlaskClient, token_of: TokenOf
) -> None:
    ask(custodian, token_of, tip)
    assert answer(custodian, token_of, tip, session, "agree").status_code == 403
    early = answer(custodian, token_of, tip, session, "doc")
    assert early.status_code == 403
    assert CONTACT not in early.get_data(as_text=True)
    assert answer(head, token_of, tip, session, "doc").status_code == 403, "who agrees does not read"
    assert factories.count(session, InformantReading) == 0


def test_a_refusal_needs_a_reason_and_keeps_what_was_typed(
    session: Session, tip: Tip, custodian: FlaskClient, head: FlaskClient, token_of: TokenOf
) -> None:
    ask(custodian, token_of, tip)
    short = answer(head, token_of, tip, session, "refuse", because="không")
    assert short.status_code == 422
    assert "không" in short.get_data(as_text=True)
    assert answer(head, token_of, tip, session, "refuse", because="Chưa cần gặp người báo").status_code == 303
    assert "Chưa cần gặp người báo" in custodian.get(f"/nguoi-bao/{tip.id}").get_data(as_text=True)
    late = answer(head, token_of, tip, session, "agree")
    assert late.status_code == 409
    assert ask(custodian, token_of, tip, "Cần hỏi lại vì có ảnh mới").status_code == 303


@pytest.mark.parametrize("reason", [None, "", "quá ngắn", "         ", "x" * 501])
def test_without_a_proper_reason_nothing_is_shown_or_logged(
    session: Session, tip: Tip, custodian: FlaskClient, token_of: TokenOf, reason: str | None
) -> None:
    address = f"/nguoi-bao/{tip.id}"
    form = {"csrf_token": token_of(custodian, address)} | ({} if reason is None else {"reason": reason})
    answer = custodian.post(address, data=form)
    assert answer.status_code == 422
    assert CONTACT not in answer.get_data(as_text=True)
    assert factories.count(session, InformantOpening) == 0


def test_without_a_token_nothing_is_shown(session: Session, tip: Tip, custodian: FlaskClient) -> None:
    answer = custodian.post(f"/nguoi-bao/{tip.id}", data={"reason": WHY})
    assert answer.status_code == 403
    assert factories.count(session, InformantReading) == 0


def test_the_log_of_the_server_never_holds_the_contact(
    session: Session,
    tip: Tip,
    custodian: FlaskClient,
    head: FlaskClient,
    token_of: TokenOf,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(custodian, token_of, tip)
    answer(head, token_of, tip, session, "agree")
    assert CONTACT in answer(custodian, token_of, tip, session, "doc").get_data(as_text=True)
    written = capfd.readouterr()
    assert CONTACT not in written.out + written.err + caplog.text


@pytest.mark.parametrize("who", ["officer", "team_head", "inspector", "auditor", "administrator", "clerk"])
def test_nobody_but_the_custodian_and_the_head_comes_near_a_contact(
    session: Session, world: factories.World, tip: Tip, sign_in: SignIn, who: str
) -> None:
    other = sign_in(getattr(world, who))
    assert other.get(f"/nguoi-bao/{tip.id}").status_code == 403
    assert other.get("/nguoi-bao").status_code == 403
    assert other.post(f"/nguoi-bao/{tip.id}", data={"reason": WHY}).status_code == 403
    assert factories.count(session, InformantReading) == 0


def test_a_tip_is_found_by_its_number_only(session: Session, tip: Tip, custodian: FlaskClient) -> None:
    assert custodian.get(f"/nguoi-bao?number={tip.number.lower()}").location == f"/nguoi-bao/{tip.id}"
    missing = custodian.get("/nguoi-bao?number=0912")
    assert missing.status_code == 200
    assert tip.number not in missing.get_data(as_text=True)
    assert custodian.get(f"/nguoi-bao/{factories.some_id()}").status_code == 404


def test_a_tip_without_contact_says_so(
    session: Session, world: factories.World, custodian: FlaskClient, token_of: TokenOf
) -> None:
    tip = desk.tip(session)
    session.commit()
    page = custodian.get(f"/nguoi-bao/{tip.id}").get_data(as_text=True)
    assert 'name="reason"' not in page


def listed(client: FlaskClient, address: str, name: str) -> list[str]:
    """The reasons on every page of a list, in the order in which they stand; `name`: of its page in the address."""
    found = list[str]()
    for _ in range(5):
        page = client.get(address).get_data(as_text=True)
        found += re.findall(r"<td[^>]*>(?:<div>)?(Hẹn lần \d+)", page.split("<section>")[-1 if name == "page" else 1])
        after = re.search(rf'rel="next" href="([^"]*{name}=\d+)"', page)
        if after is None:
            return found
        address = after[1]
    raise AssertionError("the pages have no end")


def test_the_log_of_openings_goes_back_to_the_first(
    session: Session,
    world: factories.World,
    app: Flask,
    custodian: FlaskClient,
    head: FlaskClient,
    token_of: TokenOf,
    tip: Tip,
) -> None:
    key = app.config["TEMTHAT"].derived("informant")
    for n in range(60):
        at = NOW + timedelta(minutes=n)
        wish = informants.ask(session, tip.id, reason=f"Hẹn lần {n:03}", by=world.custodian.id, at=at)
        informants.answer(session, wish.id, agree=True, by=world.branch_head.id, at=at)
        informants.open_contact(session, wish.id, key=key, by=world.custodian.id, at=at)
    session.commit()
    every = [f"Hẹn lần {n:03}" for n in reversed(range(60))]
    assert listed(head, "/nguoi-bao", "page") == every
    assert listed(custodian, f"/nguoi-bao/{tip.id}", "page") == every
    assert listed(custodian, f"/nguoi-bao/{tip.id}", "yeu_cau") == every
    # On a later page of old wishes the new one is answered as on the first.
    assert ask(custodian, token_of, tip, "Hẹn lần 060 nữa").status_code == 303
    assert f'action="/nguoi-bao/{tip.id}/' in head.get(f"/nguoi-bao/{tip.id}?yeu_cau=2").get_data(as_text=True)


def test_every_wish_that_waits_stands_on_some_page(
    session: Session, world: factories.World, app: Flask, head: FlaskClient
) -> None:
    key = app.config["TEMTHAT"].derived("informant")
    for n in range(60):
        one = desk.tip(session, place=f"Chợ số {n}")
        informants.keep(session, one.id, CONTACT, key=key, at=NOW)
        informants.ask(session, one.id, reason=f"Hẹn lần {n:03}", by=world.custodian.id, at=NOW + timedelta(minutes=n))
    session.commit()
    assert '<span class="muted">60</span>' in head.get("/nguoi-bao").get_data(as_text=True)
    assert listed(head, "/nguoi-bao", "yeu_cau") == [f"Hẹn lần {n:03}" for n in reversed(range(60))]
