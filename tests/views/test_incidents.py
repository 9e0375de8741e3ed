"""Guessing is slowed down for codes that are not in the register, never for those that are; the administrator sees one incident."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from labels import code
from tests.conftest import NOW
from tests.services.test_scanning import CHROME, code_of, issue
from trace import clock
from trace.models.incidents import Incident, IncidentKind
from trace.services import incidents, limits
from trace.services.limits import Limited, Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}
GUESS = code.encode(77, bytes(32))  # the tag of another key


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))


@pytest.fixture
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.OF_ONE, Limited.UNKNOWN_CODE, Rate(3, 10.0))


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_who_guesses_waits_and_a_right_code_is_answered_all_the_time(
    accept: str, session: Session, world: World, client: FlaskClient, three_at_once: None
) -> None:
    issue(session, world)
    sent = {**PHONE, "Accept": accept}
    assert [client.get(f"/T/{GUESS}", headers=sent).status_code for _ in range(5)] == [404, 404, 404, 429, 429]
    refused = client.get(f"/T/{GUESS}", headers=sent)
    assert refused.headers["Retry-After"] == "10"
    assert "sổ cấp tem" in refused.get_data(as_text=True) or "không có trong sổ" in str(refused.get_json())
    assert client.get(f"/T/{code_of(1)}", headers=sent).status_code == 200
    assert client.get("/T/nothing", headers=sent).status_code == 400, (
        "what is no code is a slip of the finger, not a guess"
    )


def test_another_network_is_not_held_up(session: Session, world: World, app: Flask, three_at_once: None) -> None:
    issue(session, world)
    mine, other = ({"REMOTE_ADDR": address} for address in ("203.0.113.7", "203.0.113.8"))
    client = app.test_client()
    for _ in range(5):
        client.get(f"/T/{GUESS}", headers=PHONE, environ_base=mine)
    assert client.get(f"/T/{GUESS}", headers=PHONE, environ_base=mine).status_code == 429
    assert client.get(f"/T/{GUESS}", headers=PHONE, environ_base=other).status_code == 404


def test_the_administrator_sees_one_incident_and_says_what_it_was(
    session: Session,
    world: World,
    app: Flask,
    client: FlaskClient,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[[FlaskClient, str], str],
    three_at_once: None,
) -> None:
    for _ in range(40):
        client.get(f"/T/{GUESS}", headers=PHONE)
    incidents.gather(session, app.extensions["limits"], at=clock.now())
    admin = sign_in(world.administrator)
    home = admin.get("/trang-chinh").get_data(as_text=True)
    assert "Dò mã tem" in home
    page = admin.get("/su-co").get_data(as_text=True)
    assert page.count("Dò mã tem") == 1
    assert ">37<" in page
    found = session.scalars(select(Incident)).one()
    token = {"csrf_token": token_of(admin, "/su-co")}
    field = f"i{found.id.hex[:8]}-note"
    assert admin.post(f"/su-co/{found.id}/dong", data={field: "  ", **token}).status_code == 422
    done = admin.post(f"/su-co/{found.id}/dong", data={field: "Máy quét của một cửa hàng bị lỗi", **token})
    assert done.status_code == 303
    page = admin.get("/su-co").get_data(as_text=True)
    assert "Máy quét của một cửa hàng bị lỗi" in page
    again = admin.post(f"/su-co/{found.id}/dong", data={field: "lần nữa", **token})
    assert again.status_code == 303
    session.refresh(found)
    assert (found.kind, found.closing_note) == (IncidentKind.GUESSED_CODES, "Máy quét của một cửa hàng bị lỗi")


def test_nobody_else_sees_incidents(world: World, sign_in: Callable[[Any], FlaskClient]) -> None:
    assert sign_in(world.clerk).get("/su-co").status_code == 403


@pytest.mark.parametrize("kind", IncidentKind)
def test_every_kind_is_explained_to_the_administrator(
    session: Session, world: World, sign_in: Callable[[Any], FlaskClient], kind: IncidentKind
) -> None:
    incidents.add(session, kind, 3, at=clock.now())
    session.commit()
    page = sign_in(world.administrator).get("/su-co")
    assert page.status_code == 200
    assert ">3<" in page.get_data(as_text=True)
