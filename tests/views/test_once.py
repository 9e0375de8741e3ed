"""The guard of creating forms: one key, one effect; and what is refused before anything is done."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from flask import redirect

from tests import factories
from tests.conftest import NOW, config_for
from trace import errors
from trace.access import needs
from trace.app import create_app
from trace.db import session as request_session
from trace.models.history import IdempotencyKey, NumberSeries
from trace.services import idempotency
from trace.services.numbers import next_number
from trace.views.once import once

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

KEY = "k" * 32


@pytest.fixture
def app(engine: Engine, connection: Connection, tmp_path: Path) -> Flask:
    """An application with one creating form, open to all."""
    from sqlalchemy.orm import sessionmaker

    made = create_app(config_for(str(engine.url), tmp_path), engine=engine)
    made.extensions["sessionmaker"] = sessionmaker(connection, join_transaction_mode="create_savepoint")
    made.config["WTF_CSRF_ENABLED"] = False

    @made.post("/test/create/<where>")
    @needs(None)
    def create(where: str) -> Any:
        from flask import request

        with once("test.create") as form_key:
            if form_key.done:
                return redirect(form_key.location, 303)
            number = next_number(request_session(), "PA", at=NOW)
            if request.form.get("refuse"):
                raise errors.Conflict
            sent = b"".join(upload.read() for upload in request.files.values())
            form_key.settle(f"/{where}/{number}" + (f"/{hashlib.sha256(sent).hexdigest()[:8]}" if sent else ""))
        request_session().commit()
        return redirect(form_key.location, 303)

    return made


def send(client: FlaskClient, *, key: str = KEY, where: str = "here", **form: Any) -> tuple[int, str | None]:
    answer = client.post(f"/test/create/{where}", data={"idempotency_key": key, "name": "An"} | form)
    return answer.status_code, answer.location


def test_sent_twice_it_counts_once_and_shows_the_same_place(client: FlaskClient, session: Session) -> None:
    assert send(client) == (303, "/here/PA-2026-00001")
    assert send(client) == (303, "/here/PA-2026-00001")
    assert send(client, csrf_token="drawn anew") == (303, "/here/PA-2026-00001")
    session.expire_all()
    assert factories.count(session, IdempotencyKey) == 1
    assert send(client, key="l" * 32) == (303, "/here/PA-2026-00002")


def test_other_content_or_another_address_under_the_same_key_is_refused(client: FlaskClient, session: Session) -> None:
    send(client)
    assert send(client, name="Bình")[0] == errors.KeyReused.status
    assert send(client, more="x")[0] == errors.KeyReused.status
    assert send(client, where="there")[0] == errors.KeyReused.status
    session.expire_all()
    assert session.get_one(NumberSeries, ("PA", 2026)).last == 1


def test_a_form_that_was_refused_may_be_sent_again_under_its_key(client: FlaskClient, session: Session) -> None:
    assert send(client, refuse="yes")[0] == 409
    session.expire_all()
    assert factories.count(session, IdempotencyKey) == 0
    assert send(client) == (303, "/here/PA-2026-00001")


@pytest.mark.parametrize("key", ["", "short", "x" * 81, "có dấu cách", "a\x00" * 8, "🌶" * 10, "../../etc/passwd"])
def test_without_a_sound_key_nothing_is_done(client: FlaskClient, session: Session, key: str) -> None:
    assert send(client, key=key)[0] == 422
    assert factories.count(session, NumberSeries) == 0


def test_a_program_may_send_the_key_as_a_header(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.post("/test/create/here", data={"name": "An"}, headers={"Idempotency-Key": KEY})
        assert answer.location == "/here/PA-2026-00001"


def send_photo(client: FlaskClient, content: bytes) -> tuple[int, str | None]:
    """As bytes made by hand, for the test client leaves its own temporary file of a large form open."""
    head = b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n'
    parts = [head % (b"idempotency_key", b"") + KEY.encode(), head % (b"photo", b'; filename="anh.jpg"') + content]
    body = b"\r\n".join([*parts, b"--x--\r\n"])
    answer = client.post("/test/create/here", data=body, content_type="multipart/form-data; boundary=x")
    return answer.status_code, answer.location


@pytest.mark.parametrize("size", [10, 600_000], ids=["in memory", "in a temporary file"])
def test_a_file_is_known_by_its_content_and_still_whole_for_the_view(client: FlaskClient, size: int) -> None:
    first, other = b"a" * size, b"a" * (size - 1) + b"b"
    status, location = send_photo(client, first)
    assert status == 303
    assert location is not None
    assert location.endswith(hashlib.sha256(first).hexdigest()[:8]), "the view read all of it"
    assert send_photo(client, first) == (303, location)
    assert send_photo(client, other)[0] == errors.KeyReused.status, "the same name over other bytes is another form"


def test_the_fingerprint_of_a_form_tells_nothing_without_the_key(client: FlaskClient, session: Session) -> None:
    send(client, contact="0912345678")
    kept = session.query(IdempotencyKey).one().body_hash
    parts = [("path", "/test/create/here"), ("name", "An"), ("contact", "0912345678")]
    assert kept != idempotency.digest(parts), "whoever reads the table could try every telephone number"
