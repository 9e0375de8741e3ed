"""A form sent twice counts once, however often, however close together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.conftest import NOW
from trace.errors import KeyReused
from trace.models.history import IdempotencyKey
from trace.services import idempotency
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from sqlalchemy import Engine

KEY = "a" * 32
BODY = idempotency.digest([("quantity", "120")])


def claim(session: Session, key: str = KEY, scope: str = "orders.new:thu", body: bytes = BODY) -> str | None:
    return idempotency.claim(session, scope=scope, key=key, body_hash=body, location="/first", at=NOW)


def test_the_first_goes_ahead_and_the_second_is_shown_where(session: Session) -> None:
    assert claim(session) is None
    idempotency.settle(session, scope="orders.new:thu", key=KEY, location="/tem/don/1")
    session.commit()
    assert claim(session) == "/tem/don/1"
    assert claim(session, key="b" * 32) is None, "another form"
    assert claim(session, scope="orders.new:khac") is None, "another person"
    assert claim(session, scope="lots.new:thu") is None, "another kind of form"


def test_other_content_under_the_same_key_is_refused(session: Session) -> None:
    claim(session)
    session.commit()
    with pytest.raises(KeyReused):
        claim(session, body=idempotency.digest([("quantity", "121")]))


def test_a_fingerprint_minds_the_content_and_not_the_order() -> None:
    parts = [("a", "1"), ("b", "2")]
    assert idempotency.digest(parts) == idempotency.digest(parts[::-1])
    others = [
        [("a", "2"), ("b", "1")],
        [("a", "1")],
        [("a", "1"), ("b", "2"), ("b", "2")],
        [("a", "1b"), ("", "2")],
        [],
    ]
    assert len({idempotency.digest(one) for one in [parts, *others]}) == 6


@pytest.mark.parametrize("key", ["", "short", "x" * 81])
def test_a_key_has_a_sensible_length(session: Session, key: str) -> None:
    with pytest.raises(DBAPIError, match="ck_idempotency_key_key_length"):
        claim(session, key=key)


def test_keys_are_forgotten_by_age(session: Session) -> None:
    claim(session)
    assert idempotency.forget(session, before=NOW) == 0
    assert idempotency.forget(session, before=NOW + timedelta(seconds=1)) == 1
    assert claim(session) is None


@pytest.mark.committed
def test_twenty_at_once_have_one_effect_and_one_answer(committed: Engine) -> None:
    start = Barrier(20)

    def send(_number: int) -> str:
        with Session(committed) as session:
            session.connection()
            start.wait(20)
            if earlier := claim(session):
                return earlier
            location = f"/phan-anh/{next_number(session, 'PA', at=NOW)}"
            idempotency.settle(session, scope="orders.new:thu", key=KEY, location=location)
            session.commit()
            return location

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, range(20)))
    assert answers == {"/phan-anh/PA-2026-00001"}
    with Session(committed) as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1


@pytest.mark.committed
def test_when_the_first_falls_the_second_goes_ahead(committed: Engine) -> None:
    claimed, waiting = Event(), Event()

    def first() -> str | None:
        with Session(committed) as session:
            earlier = claim(session)
            claimed.set()
            assert waiting.wait(20)
            session.rollback()
            return earlier

    def second() -> str | None:
        assert claimed.wait(20)
        with Session(committed) as session:
            waiting.set()
            earlier = claim(session)
            session.commit()
            return earlier

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        assert (one.result(30), other.result(30)) == (None, None)
