"""Promises of the custodian's pages: a reason first, the contact on one answer only, every opening in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import informants
from enforcement.models import InformantReading
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


def test_the_contact_is_shown_once_after_a_reason_and_the_opening_is_logged(
    session: Session, world: factories.World, tip: Tip, custodian: FlaskClient, token_of: TokenOf
) -> None:
    address = f"/nguoi-bao/{tip.id}"
    assert CONTACT not in custodian.get(address).get_data(as_text=True)
    answer = custodian.post(address, data={"csrf_token": token_of(custodian, address), "reason": WHY})
    assert answer.status_code == 200
    assert CONTACT in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert CONTACT not in custodian.get(address).get_data(as_text=True)
    reading = session.scalars(select(InformantReading)).one()
    assert (reading.by, reading.reason) == (world.custodian.id, WHY)
    log = custodian.get("/nguoi-bao").get_data(as_text=True)
    assert WHY in log
    assert CONTACT not in log
    assert all(CONTACT not in str(row.changes) + str(row.why) for row in session.scalars(select(History)))


@pytest.mark.parametrize("reason", [None, "", "quá ngắn", "         ", "x" * 501])
def test_without_a_proper_reason_nothing_is_shown_or_logged(
    session: Session, tip: Tip, custodian: FlaskClient, token_of: TokenOf, reason: str | None
) -> None:
    address = f"/nguoi-bao/{tip.id}"
    form = {"csrf_token": token_of(custodian, address)} | ({} if reason is None else {"reason": reason})
    answer = custodian.post(address, data=form)
    assert answer.status_code == 422
    assert CONTACT not in answer.get_data(as_text=True)
    assert factories.count(session, InformantReading) == 0


def test_without_a_token_nothing_is_shown(session: Session, tip: Tip, custodian: FlaskClient) -> None:
    answer = custodian.post(f"/nguoi-bao/{tip.id}", data={"reason": WHY})
    assert answer.status_code == 403
    assert factories.count(session, InformantReading) == 0


def test_the_log_of_the_server_never_holds_the_contact(
    tip: Tip,
    custodian: FlaskClient,
    token_of: TokenOf,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"/nguoi-bao/{tip.id}"
    custodian.post(address, data={"csrf_token": token_of(custodian, address), "reason": WHY})
    written = capfd.readouterr()
    assert CONTACT not in written.out + written.err + caplog.text


@pytest.mark.parametrize(
    "who", ["officer", "team_head", "branch_head", "inspector", "auditor", "administrator", "clerk"]
)
def test_nobody_but_the_custodian_opens_a_contact(
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
