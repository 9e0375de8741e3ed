"""The page behind the secret address: what it tells, what may be added, photos in pieces, and the contact that is nowhere else."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import select, text
from structlog.testing import capture_logs

from enforcement import feedback, intake, law, triage
from enforcement.models import InformantContact, Outcome, Signal
from tests import factories
from tests.conftest import NOW
from tests.services.test_tips import submit
from tests.views.test_report import PHONE, Visitor, hidden, only_tip, photo, post_photos, text_of
from trace import clock
from trace.models.history import History
from trace.models.tips import TipMessage, TipPhoto, TipState, TipUpload
from trace.services import limits, tip_uploads, tips, workdays

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from tests.factories import World

CANARY = "0987 654 321 chim yến"
PIECE = 700


@pytest.fixture(autouse=True)
def at_noon(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


@pytest.fixture
def store(app: Flask) -> Path:
    folder: Path = app.config["TEMTHAT"].files_dir
    return folder


@pytest.fixture
def followed(client: FlaskClient, world: World) -> tuple[FlaskClient, str]:
    """A client and the address of its report's page."""
    visitor = Visitor(client)
    visitor.fill(contact=CANARY, consent="y")
    return client, visitor.send().headers["Location"]


def page_of(followed: tuple[FlaskClient, str]) -> str:
    return text_of(followed[0].get(followed[1], headers=PHONE))


# --------------------------------------------------------------------------------------------- what it tells


def test_the_answer_is_promised_for_a_working_day(session: Session, followed: tuple[FlaskClient, str]) -> None:
    assert "trong 2 ngày làm việc" in page_of(followed), "nobody entered the calendar, so no day is promised"
    workdays.seed(session)
    session.commit()
    assert "chậm nhất ngày 17/06/2026" in page_of(followed)


def test_it_says_how_many_similar_reports_there_are_and_nothing_of_them(
    session: Session, world: World, followed: tuple[FlaskClient, str], store: Path
) -> None:
    law.seed(session)
    officer, mine = world.people["officer"].id, session.scalars(select(Signal)).one()
    made = [submit(session, description=f"Lời người khác {number}", place="Nơi khác")[0] for number in range(3)]
    others = [intake.from_tip(session, tip, at=NOW) for tip in made]
    case = triage.open_case(session, mine.id, title="Vụ mẫu", store=store, by=officer, at=NOW)
    for signal in others:
        triage.add_to_case(session, signal.id, case.id, store=store, by=officer, at=NOW)
    session.commit()
    page = page_of(followed)
    assert "Đã có 3 phản ánh tương tự." in page
    for told in ("Lời người khác", "Nơi khác", case.number, case.title, *(each.source_number for each in others)):
        assert told not in page


def test_after_closing_it_shows_what_officers_wrote_for_the_public_only(
    session: Session, world: World, followed: tuple[FlaskClient, str]
) -> None:
    signal = session.query(Signal).one()
    inside = "Người báo hay gây chuyện, bỏ qua"
    triage.reject(
        session, signal.id, reason=inside, outcome=Outcome.NO_VIOLATION, by=world.people["officer"].id, at=NOW
    )
    session.commit()
    page = page_of(followed)
    assert feedback.answer(Outcome.NO_VIOLATION) in page
    for told in (inside, world.people["officer"].full_name, "no_violation"):
        assert told not in page
    assert 'name="body"' not in page


def test_nothing_that_the_reporter_wrote_is_shown_again(followed: tuple[FlaskClient, str]) -> None:
    client, address = followed
    add(followed, "Tôi bán hàng bên cạnh")
    page = text_of(client.get(address, headers=PHONE))
    for told in ("Quả nhỏ, vỏ dày", "Chợ Con", "Tôi bán hàng bên cạnh", CANARY):
        assert told not in page


# --------------------------------------------------------------------------------------------- what may be added


def add(followed: tuple[FlaskClient, str], body: str, key: str | None = None) -> TestResponse:
    client, address = followed
    form = {"body": body, "idempotency_key": key or hidden(client.get(address, headers=PHONE))["idempotency_key"]}
    return client.post(f"{address.partition('?')[0]}/them", data=form, headers=PHONE)


def test_something_is_added_later_and_reaches_the_desk(
    session: Session, world: World, followed: tuple[FlaskClient, str], sign_in: Any
) -> None:
    assert add(followed, "Hôm nay họ bán tiếp.").status_code == 303
    assert "Bạn đã nói thêm 1 lần" in page_of(followed)
    signal = session.query(Signal).one()
    assert "Hôm nay họ bán tiếp." in text_of(sign_in(world.people["officer"]).get(f"/hang-doi/{signal.id}"))


def test_an_addition_sent_twice_is_one(session: Session, followed: tuple[FlaskClient, str]) -> None:
    key = hidden(followed[0].get(followed[1], headers=PHONE))["idempotency_key"]
    assert [add(followed, "Thêm", key).status_code for _ in range(2)] == [303, 303]
    assert factories.count(session, TipMessage) == 1


@pytest.mark.parametrize("body", ["", " ", "x" * 10_000, "\x00"])
def test_an_addition_that_cannot_be_kept_comes_back_with_its_words(
    session: Session, followed: tuple[FlaskClient, str], body: str
) -> None:
    answer = add(followed, body)
    assert answer.status_code == 422
    assert body.strip(" \x00") in text_of(answer)
    assert factories.count(session, TipMessage) == 0


def test_the_contact_can_be_taken_back(session: Session, followed: tuple[FlaskClient, str]) -> None:
    client, address = followed
    assert "Xóa cách liên hệ của tôi" in page_of(followed)
    for _ in range(2):
        assert client.post(f"{address}/rut-lien-he", headers=PHONE).status_code == 303
    assert session.query(InformantContact).one().sealed is None
    assert "Đã xóa lúc" in page_of(followed)
    assert "Xóa cách liên hệ của tôi" not in page_of(followed)
    assert session.query(History).filter_by(deed="tip:withdraw_contact").count() == 1


def test_a_position_can_be_taken_back(session: Session, world: World, client: FlaskClient) -> None:
    visitor = Visitor(client)
    visitor.fill(where={"cell": "20.861,106.683", "cell_consent": "y"})
    address = visitor.send().headers["Location"]
    assert "Xóa vị trí" in page_of((client, address))
    for _ in range(2):
        assert client.post(f"{address}/rut-vi-tri", headers=PHONE).status_code == 303
    session.expire_all()
    assert (only_tip(session).cell, only_tip(session).place) == (None, tips.NOWHERE)
    assert "Xóa vị trí" not in page_of((client, address))
    assert session.query(History).filter_by(deed="tip:withdraw_position").count() == 1


def test_the_contact_is_in_no_log_no_page_and_no_table(session: Session, world: World, client: FlaskClient) -> None:
    with capture_logs() as logged:
        visitor = Visitor(client)
        pages = [visitor.page, visitor.send(reason="other", description="Chuyện khác"), visitor.send(place="Chợ Sắt")]
        pages += [visitor.send(contact=CANARY), visitor.send(contact=CANARY, consent="y")]
        sent = visitor.send()
        follow = sent.headers["Location"]
        after = [
            client.get(follow),
            post_photos((client, follow), (io.BytesIO(b"x"), "a.jpg")),
            add((client, follow), ""),
            add((client, follow), "Thêm"),
        ]
        client.post(f"{follow}/rut-lien-he")
    assert not [page for page in after if CANARY in text_of(page) or CANARY in str(page.headers)]
    assert not [page for page in (*pages, sent) if "Set-Cookie" in page.headers or CANARY in str(page.headers)]
    said = str(logged)
    assert "request" in said, "there is a log to look into"
    digits = CANARY.replace(" ", "")
    assert CANARY not in said
    assert digits not in said
    secret = follow.rsplit("/", 1)[1]
    assert secret not in said
    tables = session.execute(
        text("SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    ).all()
    for schema, table in tables:
        held = text(f'SELECT count(*) FROM "{schema}"."{table}" t WHERE t::text ILIKE :it OR t::text LIKE :secret')
        assert session.scalar(held, {"it": f"%{CANARY}%", "secret": f"%{secret}%"}) == 0, f"{schema}.{table}"


# --------------------------------------------------------------------------------------------- photos in pieces


def noisy(colour: str = "red") -> bytes:
    drawn = io.BytesIO()
    picture = Image.effect_noise((90, 60), 60).convert("RGB")
    picture.paste(colour, (0, 0, 9, 9))
    picture.save(drawn, "JPEG")
    return drawn.getvalue()


def announce(followed: tuple[FlaskClient, str], content: bytes, **more: Any) -> TestResponse:
    said = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | more
    return followed[0].post(f"{followed[1]}/anh", json=said, headers=PHONE | {"Accept": "application/json"})


def send(followed: tuple[FlaskClient, str], upload: str, offset: Any, piece: bytes) -> TestResponse:
    headers = PHONE | {"Upload-Offset": str(offset), "Accept": "application/json"}
    return followed[0].patch(
        f"{followed[1]}/anh/{upload}", data=piece, headers=headers, content_type="application/octet-stream"
    )


def test_a_photo_comes_in_pieces(session: Session, followed: tuple[FlaskClient, str]) -> None:
    content = noisy()
    upload = announce(followed, content).get_json()["id"]
    for offset in range(0, len(content), PIECE):
        told = send(followed, upload, offset, content[offset : offset + PIECE])
        assert told.status_code == 200
        assert told.headers["Upload-Offset"] == str(min(offset + PIECE, len(content)))
        if not told.get_json()["done"]:
            asked = followed[0].head(f"{followed[1]}/anh/{upload}", headers=PHONE)
            assert asked.headers["Upload-Offset"] == told.headers["Upload-Offset"]
    assert told.get_json() == {"id": None, "offset": len(content), "size": len(content), "done": True}
    assert factories.count(session, TipPhoto) == 1
    assert factories.count(session, TipUpload) == 0
    assert announce(followed, content).get_json()["done"]


def test_a_piece_sent_twice_is_told_where_to_go_on(session: Session, followed: tuple[FlaskClient, str]) -> None:
    content = noisy()
    upload = announce(followed, content).get_json()["id"]
    send(followed, upload, 0, content[:PIECE])
    again = send(followed, upload, 0, content[:PIECE])
    assert (again.status_code, again.get_json()["offset"]) == (200, PIECE)
    for wrong in (1, 2 * PIECE):
        told = send(followed, upload, wrong, content[wrong : wrong + 10])
        assert (told.status_code, told.get_json()["offset"]) == (409, PIECE)
    assert send(followed, upload, PIECE, content[PIECE:]).get_json()["done"]


def test_what_is_no_photo_is_refused_when_it_is_whole_and_leaves_nothing(
    session: Session, followed: tuple[FlaskClient, str], store: Path
) -> None:
    content = b"<script>alert(1)</script>"
    upload = announce(followed, content).get_json()["id"]
    answer = send(followed, upload, 0, content)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert "ảnh" in answer.get_json()["title"]
    assert factories.count(session, TipUpload) == factories.count(session, TipPhoto) == 0
    assert not (store / "uploads" / upload).exists()


@pytest.mark.parametrize(
    "said", [None, [], "x", {}, {"size": "9", "sha256": "0" * 64}, {"size": True, "sha256": "0" * 64}, {"size": 9, "sha256": 9}, {"size": 9, "sha256": "x\x00"}],
)  # fmt: skip
def test_an_odd_announcement_is_refused(followed: tuple[FlaskClient, str], said: Any) -> None:
    assert followed[0].post(f"{followed[1]}/anh", json=said, headers=PHONE).status_code == 422


@pytest.mark.parametrize("offset", ["", "-1", "x", "٣", "9" * 30, "1.5", "0x1"])
def test_an_odd_offset_is_refused(followed: tuple[FlaskClient, str], offset: str) -> None:
    content = noisy()
    upload = announce(followed, content).get_json()["id"]
    assert send(followed, upload, offset, content).status_code == 422


def test_a_piece_larger_than_one_may_be_is_not_read(followed: tuple[FlaskClient, str]) -> None:
    upload = announce(followed, b"x", size=20 * 2**20).get_json()["id"]
    assert send(followed, upload, 0, bytes(tip_uploads.MOST_PIECE + 1)).status_code == 422


def test_the_sixth_photo_is_refused_before_a_byte_is_sent(followed: tuple[FlaskClient, str]) -> None:
    told = [announce(followed, noisy(f"rgb({number}, 0, 0)")) for number in range(100)]
    assert [answer.status_code for answer in told] == [200] * 5 + [422] * 95
    assert "nhiều nhất 5 ảnh" in told[-1].get_json()["title"]


def test_pieces_and_the_plain_form_share_the_five_places(session: Session, followed: tuple[FlaskClient, str]) -> None:
    post_photos(followed, *((photo((9, 9), "PNG", f"rgb({number}, 9, 9)"), "a.png") for number in range(4)))
    assert [announce(followed, noisy(colour)).status_code for colour in ("red", "blue")] == [200, 422]


def test_without_the_secret_no_photo_is_reached(followed: tuple[FlaskClient, str], client: FlaskClient) -> None:
    content = noisy()
    upload = announce(followed, content).get_json()["id"]
    for secret in ("x", "A" * 32, "%00"):
        wrong = (client, f"/phan-anh/{secret}")
        assert announce(wrong, content).status_code == 404
        assert send(wrong, upload, 0, content).status_code == 404
        assert client.get(f"/phan-anh/{secret}/anh/{upload}").status_code == 404
        assert client.post(f"/phan-anh/{secret}/them", data={"body": "x"}).status_code == 404
        assert client.post(f"/phan-anh/{secret}/rut-lien-he").status_code == 404


def test_too_many_photos_from_a_network_wait_with_a_time(
    followed: tuple[FlaskClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.OF_ONE, limits.Limited.PHOTO, limits.Rate(1, 600.0))
    assert announce(followed, noisy()).status_code == 200
    answer = announce(followed, noisy("blue"))
    assert answer.status_code == 429
    assert "gửi lại ảnh sau" in answer.get_json()["detail"]


def test_a_report_that_was_answered_says_so_to_whoever_adds(
    session: Session, world: World, followed: tuple[FlaskClient, str]
) -> None:
    key = hidden(followed[0].get(followed[1], headers=PHONE))["idempotency_key"]
    tips.tell(session, only_tip(session), TipState.CLOSED, answer="Đã xem.", by=world.people["officer"].id, at=NOW)
    session.commit()
    answer = add(followed, "Còn một điều", key)
    assert answer.status_code == 409
    assert "Phản ánh này đã được trả lời" in text_of(answer)
    assert 'type="file"' not in page_of(followed)
    assert announce(followed, noisy()).status_code == 409
    late = post_photos(followed, (photo(), "a.jpg"))
    assert late.status_code == 422
    assert "Phản ánh này đã được trả lời" in text_of(late)
