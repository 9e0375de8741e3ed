"""Keys and webhooks of partners as their keepers see them: the secret once, everything else as long as it matters."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.views.test_api import HERE, key_for
from trace import clock
from trace.models.api import ApiKey, ApiScope, WebhookEvent, WebhookKind, WebhookSubscription
from trace.models.history import History
from trace.services import webhooks
from trace.words import day

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

SECRET = re.compile(r"tt_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


@pytest.fixture
def manager(world: World, sign_in: Any) -> FlaskClient:
    signed: FlaskClient = sign_in(world.people["manager"])
    return signed


def entered(world: World, token: str, **facts: Any) -> dict[str, Any]:
    whole = {
        "csrf_token": token, "idempotency_key": secrets.token_urlsafe(16), "keeper": str(world.managing_body.id),
        "organisation": "Chuỗi cửa hàng mẫu", "name": "Quầy thu ngân", "scopes": ["verify:read", "register:read"],
        "expires_on": day(NOW.date() + timedelta(days=90)),
    }  # fmt: skip
    return whole | facts


def test_a_key_is_shown_once_and_works(
    session: Session, world: World, manager: FlaskClient, token_of: Any, app: Flask
) -> None:
    sent = entered(world, token_of(manager, "/ket-noi/khoa/moi"))
    answer = manager.post("/ket-noi/khoa/moi", data=sent)
    assert (answer.status_code, answer.location) == (303, "/ket-noi")
    page = manager.get("/ket-noi").get_data(as_text=True)
    found = SECRET.search(page)
    assert found
    assert not SECRET.search(manager.get("/ket-noi").get_data(as_text=True)), "shown a second time"
    kept = session.scalars(select(ApiKey)).one()
    assert (kept.organisation, kept.scopes) == ("Chuỗi cửa hàng mẫu", ["register:read", "verify:read"])
    assert found[0].encode() not in kept.secret_hash
    assert session.scalars(select(History.deed).where(History.subject_id == kept.id)).all() == ["api_key:create"]
    stranger = app.test_client()
    assert stranger.get(f"{HERE}/titles", headers={"Authorization": f"Bearer {found[0]}"}).status_code == 200
    session.expire_all()
    assert session.scalars(select(ApiKey.last_used_on)).one() == NOW.date()


def test_the_same_form_twice_makes_one_key(session: Session, world: World, manager: FlaskClient, token_of: Any) -> None:
    sent = entered(world, token_of(manager, "/ket-noi/khoa/moi"))
    for _ in range(2):
        assert manager.post("/ket-noi/khoa/moi", data=sent).status_code == 303
    assert factories.count(session, ApiKey) == 1


def test_all_faults_of_the_form_are_told_at_once(
    session: Session, world: World, manager: FlaskClient, token_of: Any
) -> None:
    token = token_of(manager, "/ket-noi/khoa/moi")
    answer = manager.post(
        "/ket-noi/khoa/moi", data={"csrf_token": token, "idempotency_key": "k" * 20, "organisation": " ", "scopes": ["all"], "expires_on": "31/02/2027"}
    )  # fmt: skip
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    for field in ("keeper", "organisation", "name", "scopes", "expires_on"):
        assert f'href="#{field}"' in page, field
    too_late = manager.post("/ket-noi/khoa/moi", data=entered(world, token, expires_on="01/01/2100"))
    assert too_late.status_code == 422
    assert "Chuỗi cửa hàng mẫu" in too_late.get_data(as_text=True)
    assert factories.count(session, ApiKey) == 0


def test_a_key_for_another_body_is_not_made(
    session: Session, world: World, manager: FlaskClient, token_of: Any
) -> None:
    sent = entered(world, token_of(manager, "/ket-noi/khoa/moi"), keeper=str(world.cooperative.id))
    assert manager.post("/ket-noi/khoa/moi", data=sent).status_code == 422
    assert factories.count(session, ApiKey) == 0


def test_a_key_is_revoked_by_its_keepers_and_nobody_else(
    session: Session, world: World, manager: FlaskClient, sign_in: Any, token_of: Any
) -> None:
    key, with_key = key_for(session, world, ApiScope.REGISTER_READ)
    assert sign_in(world.people["clerk"]).get("/ket-noi").status_code == 403
    factories.role(session, world.people["certifier"], world.authority, factories.Role.MANAGER, NOW)
    session.commit()
    stranger = sign_in(world.people["certifier"])
    assert key.prefix not in stranger.get("/ket-noi").get_data(as_text=True)
    assert stranger.get(f"/ket-noi/khoa/{key.id}/thu-hoi").status_code == 404
    path = f"/ket-noi/khoa/{key.id}/thu-hoi"
    token = token_of(manager, path)
    assert manager.post(path, data={"csrf_token": token}).status_code == 303
    assert manager.get(f"{HERE}/titles", headers=with_key).status_code == 401
    assert manager.post(path, data={"csrf_token": token}).status_code == 409
    assert key.prefix in sign_in(world.people["administrator"]).get("/ket-noi").get_data(as_text=True)


def test_a_webhook_is_made_looked_at_tested_and_removed(
    session: Session, world: World, manager: FlaskClient, token_of: Any
) -> None:
    token = token_of(manager, "/ket-noi/webhook/moi")
    facts = {"csrf_token": token, "idempotency_key": "k" * 20, "keeper": str(world.managing_body.id), "url": "https://hook.example.com/a", "kinds": ["lot.recalled"]}  # fmt: skip
    made = manager.post("/ket-noi/webhook/moi", data=facts)
    assert made.status_code == 303
    page = manager.get(made.location).get_data(as_text=True)
    assert "whsec_" in page
    assert "whsec_" not in manager.get(made.location).get_data(as_text=True)
    assert manager.post(f"{made.location}/thu", data={"csrf_token": token}).status_code == 303
    assert session.scalars(select(WebhookEvent.kind)).all().count(WebhookKind.TEST) == 1
    assert manager.post(f"{made.location}/go", data={"csrf_token": token}).location == "/ket-noi"
    assert manager.get(made.location).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "javascript:alert(1)",
        "https://10.0.0.8:8443/x",
    ],
)
def test_an_address_inside_is_refused_at_its_field(
    session: Session, world: World, manager: FlaskClient, token_of: Any, url: str
) -> None:
    token = token_of(manager, "/ket-noi/webhook/moi")
    facts = {
        "csrf_token": token,
        "idempotency_key": "k" * 20,
        "keeper": str(world.managing_body.id),
        "url": url,
        "kinds": ["lot.recalled"],
    }
    answer = manager.post("/ket-noi/webhook/moi", data=facts)
    assert answer.status_code == 422
    assert 'href="#url"' in answer.get_data(as_text=True)
    assert factories.count(session, WebhookSubscription) == 0


def test_a_webhook_that_was_switched_off_is_a_task_of_its_keeper(
    session: Session, world: World, manager: FlaskClient, sign_in: Any, token_of: Any
) -> None:
    hook, _ = webhooks.subscribe(
        session, keeper_id=world.managing_body.id, url="https://hook.example.com/z", kinds=[WebhookKind.LOT_RECALLED], sealing=bytes(32),
        by=world.manager.id, at=NOW,
    )  # fmt: skip
    hook.disabled_at, hook.failures = NOW, 15
    session.commit()
    path = f"/ket-noi/webhook/{hook.id}"
    assert path in manager.get("/trang-chinh").get_data(as_text=True)
    assert path not in sign_in(world.people["clerk"]).get("/trang-chinh").get_data(as_text=True)
    assert manager.post(f"{path}/bat", data={"csrf_token": token_of(manager, path)}).status_code == 303
    assert path not in manager.get("/trang-chinh").get_data(as_text=True)


# ---------------------------------------------------------------------------------------------------- by a partner's key


def test_a_partner_keeps_its_own_webhooks_by_program(session: Session, world: World, client: FlaskClient) -> None:
    _key, mine = key_for(session, world, ApiScope.WEBHOOK_MANAGE)
    _other, theirs = key_for(session, world, ApiScope.WEBHOOK_MANAGE)
    body = {"url": "https://hook.example.com/a", "kinds": ["certificate.status_changed"]}
    once = {**mine, "Idempotency-Key": "k" * 12}
    made = client.post(f"{HERE}/webhooks", json=body, headers=once)
    assert made.status_code == 201
    assert made.json is not None
    assert made.json["secret"].startswith("whsec_")
    again = client.post(f"{HERE}/webhooks", json=body, headers=once)
    assert (again.status_code, again.json["id"], again.json["secret"]) == (200, made.json["id"], None)  # type: ignore[index]
    assert client.post(f"{HERE}/webhooks", json={**body, "kinds": ["lot.recalled"]}, headers=once).status_code == 422
    address = f"{HERE}/webhooks/{made.json['id']}"
    assert client.get(address, headers=mine).json["url"] == body["url"]  # type: ignore[index]
    assert client.get(address, headers=theirs).status_code == 404
    assert client.delete(address, headers=theirs).status_code == 404
    assert client.post(f"{address}/test", headers=mine).status_code == 204
    assert client.delete(address, headers=mine).status_code == 204
    assert client.get(address, headers=mine).status_code == 404
    assert client.get(f"{HERE}/webhooks", headers=mine).json == {"items": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"null", 400), (b"[]", 400), (b"{", 400), (b'"x"', 400), (b"{}", 400), (b'{"url": 1, "kinds": 2, "more": 3}', 400),
        (b'{"url": "https://hook.example.com/", "kinds": []}', 400), (b'{"url": "https://hook.example.com/", "kinds": ["webhook.test"]}', 400),
        (b'{"url": "https://127.0.0.1/x", "kinds": ["lot.recalled"]}', 422), (b"[" * 100_000, 413), (b"[" * 50_000, 400), (b"\xff\xfe", 400),
        (b'{"url": "https://hook.example.com/\\u0000", "kinds": ["lot.recalled"]}', 422),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_taken_is_refused_whole(
    session: Session, world: World, client: FlaskClient, body: bytes, status: int
) -> None:
    _key, mine = key_for(session, world, ApiScope.WEBHOOK_MANAGE)
    answer = client.post(
        f"{HERE}/webhooks", data=body, headers={**mine, "Idempotency-Key": "k" * 12}, content_type="application/json"
    )
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert factories.count(session, WebhookSubscription) == 0
