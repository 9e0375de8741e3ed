"""Promises of the observation pages: recorded once, on the desk at once, wrong input refused with a word for each fault."""

from __future__ import annotations

import io
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement.models import Observation, ObservationPhoto, Signal, SignalSource
from labels.code import show
from tests import factories
from tests.enforcement import desk
from trace.models.files import StoredFile

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
PAGE = "/quan-sat/moi"


@pytest.fixture
def inspector(world: factories.World, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.inspector)


def form(client: FlaskClient, token_of: TokenOf, **more: Any) -> dict[str, Any]:
    return {
        "csrf_token": token_of(client, PAGE), "idempotency_key": uuid.uuid4().hex, "code": "", "commune": "10813", "place": "Sạp 12, chợ mẫu",
        "note": "Tem in mờ, tem dán lệch", "seen_on": "01/06/2026", "seen_time": "9h05", **more,
    }  # fmt: skip


def photos(count: int) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(desk.photo_bytes(n * 20)), f"anh {n}.jpg") for n in range(count)]


def test_the_form_comes_with_the_code_day_and_time_filled_in(
    session: Session, world: factories.World, inspector: FlaskClient
) -> None:
    code = desk.label_code(5)
    page = inspector.get(f"{PAGE}?code={code}").get_data(as_text=True)
    assert code in page
    assert 'name="photos"' in page
    assert "Thanh Hà" in page


def test_an_observation_with_photos_is_kept_and_is_a_signal_at_once(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    desk.labels(session, world)
    session.commit()
    data = form(inspector, token_of, code=show(desk.label_code(5)).lower().replace("0", "o"), photos=photos(5))
    answer = inspector.post(PAGE, data=data)
    assert answer.status_code == 303
    made = session.scalars(select(Observation)).one()
    assert (made.serial, made.inspector_id, made.place) == (5, world.inspector.id, "Sạp 12, chợ mẫu")
    assert made.seen_at.isoformat() == "2026-06-01T02:05:00+00:00"
    assert factories.count(session, ObservationPhoto) == 5
    signal = session.scalars(select(Signal)).one()
    assert (signal.source, signal.source_number, signal.holder_id) == (
        SignalSource.OBSERVATION,
        made.number,
        world.cooperative.id,
    )
    page = inspector.get(answer.location).get_data(as_text=True)
    assert made.number in page
    assert "Tem in mờ" in page
    assert made.number in inspector.get("/quan-sat?q=tem+in+mo").get_data(as_text=True)


def test_sent_twice_it_is_one(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    data = form(inspector, token_of)
    places = {inspector.post(PAGE, data=data).location for _ in range(2)}
    assert len(places) == 1
    assert factories.count(session, Observation) == factories.count(session, Signal) == 1
    assert inspector.post(PAGE, data={**data, "note": "khác"}).status_code == 422


def test_a_forged_code_is_kept_as_text_and_points_at_nobody(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    desk.labels(session, world)
    session.commit()
    good = desk.label_code(5)
    forged = good[:-1] + ("0" if good[-1] != "0" else "1")
    for code in (forged, "tem rách không đọc được"):
        assert inspector.post(PAGE, data=form(inspector, token_of, code=code)).status_code == 303
    kept = session.scalars(select(Observation).order_by(Observation.number)).all()
    assert [(each.serial, each.code_text) for each in kept] == [(None, forged), (None, "tem rách không đọc được")]
    assert {signal.holder_id for signal in session.scalars(select(Signal))} == {None}


def test_text_is_kept_composed(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    spoken = unicodedata.normalize("NFD", "Chợ Đổ, sạp ẵ 🙂")
    assert inspector.post(PAGE, data=form(inspector, token_of, place=spoken, note=spoken + "\x00")).status_code == 303
    assert session.scalars(select(Observation.place)).one() == "Chợ Đổ, sạp ẵ 🙂"


def test_what_is_no_character_is_not_kept(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    typed = form(inspector, token_of, place="Chợ \ufffeĐổ\uffff", note="\ufdd0Sạp\U0010ffff 12")
    assert inspector.post(PAGE, data=typed).status_code == 303
    assert session.execute(select(Observation.place, Observation.note)).one() == ("Chợ Đổ", "Sạp 12")


@pytest.mark.parametrize(
    "wrong",
    [
        {"commune": ""}, {"commune": "99999"}, {"place": " "}, {"place": "x" * 201}, {"note": ""}, {"note": "x" * 4001}, {"code": "x" * 65},
        {"seen_on": "31/02/2026"}, {"seen_on": ""}, {"seen_on": "01/01/2099"}, {"seen_time": "25:00"}, {"seen_time": ""}, {"seen_time": "trưa"},
        {"photos": "six"}, {"photos": [(io.BytesIO(b"MZ"), "anh.jpg")]}, {"photos": [(io.BytesIO(b"%PDF-1.7\nstartxref\n%%EOF"), "anh.jpg")]},
        {"photos": [(io.BytesIO(b""), "anh.jpg")]},
    ],
    ids=lambda wrong: ascii({name: fact if isinstance(fact, str) else fact[0][0].getvalue()[:12] for name, fact in wrong.items()})[:80],
)  # fmt: skip
def test_wrong_input_is_refused_with_a_reason_and_nothing_is_kept(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf, wrong: dict[str, Any]
) -> None:
    if wrong.get("photos") == "six":
        wrong = {"photos": photos(6)}
    elif "photos" in wrong:
        wrong = {"photos": [(io.BytesIO(stream.getvalue()), name) for stream, name in wrong["photos"]]}
    answer = inspector.post(PAGE, data=form(inspector, token_of, **wrong))
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="errors"' in page
    assert (
        factories.count(session, Observation)
        == factories.count(session, Signal)
        == factories.count(session, StoredFile)
        == 0
    )


def test_what_was_typed_stays_in_the_form(
    session: Session, world: factories.World, inspector: FlaskClient, token_of: TokenOf
) -> None:
    page = inspector.post(PAGE, data=form(inspector, token_of, commune="", note="Tôi thấy mười túi")).get_data(
        as_text=True
    )
    assert "Tôi thấy mười túi" in page
    assert "Sạp 12, chợ mẫu" in page


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [("officer", 200, 200), ("auditor", 200, 403), ("clerk", 403, 403), ("custodian", 403, 403)],
)
def test_who_reads_and_who_writes(
    session: Session, world: factories.World, sign_in: SignIn, who: str, reads: int, writes: int
) -> None:
    seen = desk.observation(session, world.inspector.id)
    session.commit()
    other = sign_in(getattr(world, who))
    assert other.get("/quan-sat").status_code == reads
    assert other.get(f"/quan-sat/{seen.id}").status_code == reads
    assert other.get(PAGE).status_code == writes


def test_what_is_not_there_is_not_found(inspector: FlaskClient) -> None:
    assert inspector.get(f"/quan-sat/{factories.some_id()}").status_code == 404
    assert inspector.get("/quan-sat/abc").status_code == 404
