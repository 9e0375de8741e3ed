"""What nobody should send, sent to the pages that take something in: a clear answer, the right status, nothing half done."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import text

from tests import factories
from tests.enforcement import desk
from trace.models.files import StoredFile
from trace.models.history import History, IdempotencyKey
from trace.models.lots import Lot
from trace.models.tips import Tip, TipPhoto
from trace.services import limits, tips

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

CANARY = "CANARY-0987654321"


@pytest.fixture(autouse=True)
def _room_for_reports(app: Flask) -> None:
    app.extensions["limits"].forget()


@pytest.fixture
def store(app: Flask) -> Path:
    folder: Path = app.config["TEMTHAT"].files_dir
    return folder


def tell(client: FlaskClient, **fields: Any) -> Any:
    """A whole report in one request, as a script would send it."""
    whole = {
        "step": "check", "reason": "goods_differ", "description": "Quả nhỏ", "place": "Chợ Con",
        "idempotency_key": secrets.token_urlsafe(16),
    }  # fmt: skip
    return client.post("/report", data=whole | fields)


def picture(fmt: str = "JPEG", **options: Any) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(drawn, fmt, **options)
    return drawn.getvalue()


PHONE_JPEG = picture("MPO", save_all=True, append_images=[Image.new("RGB", (32, 24), "blue")])
NO_PHOTOS = {
    "GIF named JPEG": picture("GIF"),
    "SVG with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "broken HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(300),
    "PDF named JPEG": b"%PDF-1.7\nstartxref\n0\n%%EOF\n",
    "half a JPEG": picture()[:200],
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "nothing": b"",
    "forty megabytes": picture() + bytes(40 * 2**20),
}


@pytest.mark.parametrize("content", NO_PHOTOS.values(), ids=NO_PHOTOS.keys())
def test_what_is_no_photo_is_refused_in_words_and_the_report_stands(
    session: Session, client: FlaskClient, content: bytes
) -> None:
    follow = tell(client).location
    body = (
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="anh.jpg"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    answer = client.post(follow, data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 422
    assert "anh.jpg: " in answer.get_data(as_text=True)
    assert factories.count(session, Tip) == 1
    assert factories.count(session, StoredFile) == 0


def test_a_photo_as_telephones_write_it_is_taken(session: Session, client: FlaskClient) -> None:
    follow = tell(client).location
    sent = {"photo": (io.BytesIO(PHONE_JPEG), "IMG_0001.jpg")}
    assert client.post(follow, data=sent).status_code == 303
    assert factories.count(session, TipPhoto) == 1


def test_a_place_that_nobody_can_see_is_no_place(session: Session, client: FlaskClient) -> None:
    assert tell(client, place="\u200b\u202e").status_code == 422
    assert factories.count(session, Tip) == 0


def test_a_text_cannot_be_turned_round_for_whoever_reads_it(session: Session, client: FlaskClient) -> None:
    tell(client, place="Kho \u202egnp.exe", description="Gia đình 👨‍👩‍👧 báo")
    kept = session.query(Tip).one()
    assert (kept.place, kept.description) == ("Kho gnp.exe", "Gia đình 👨‍👩‍👧 báo")


@pytest.mark.parametrize("path", ["/report", "/quan-sat/moi", "/lo/moi", "/kiem-soat/moi"])
def test_asking_only_for_the_head_of_a_form_is_looking_at_it(
    client: FlaskClient, world: World, sign_in: Any, path: str
) -> None:
    who: Any = {"/report": client, "/quan-sat/moi": "inspector", "/lo/moi": "clerk", "/kiem-soat/moi": "controller"}[
        path
    ]
    visitor: FlaskClient = sign_in(world.people[who]) if isinstance(who, str) else who
    assert visitor.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/T/7K4M92QDXJ3P", "/report", "/nope"])
def test_the_official_address_is_ours_whatever_the_request_claims(client: FlaskClient, path: str) -> None:
    """A copy of the site in front of ours sends its own name along, and our pages would vouch for it."""
    claims = {"Host": "tem-that.evil", "X-Forwarded-Host": "tem-that.evil", "Forwarded": "host=tem-that.evil"}
    answer = client.get(path, headers=claims)
    assert "tem-that.evil" not in answer.get_data(as_text=True) + str(answer.headers)


def test_a_contact_is_nowhere_but_under_its_seal(
    session: Session, client: FlaskClient, world: World, sign_in: Any
) -> None:
    """Every table of every schema is searched for the contact that a report was sent with, and every page of the desk."""
    assert tell(client, contact=CANARY, consent="y").status_code == 303
    tables = session.execute(
        text("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'enforcement', 'informant')")
    ).all()
    assert len(tables) > 20
    for schema, table in tables:
        held = session.scalar(
            text(f'SELECT count(*) FROM "{schema}"."{table}" t WHERE t::text LIKE :it'), {"it": f"%{CANARY}%"}
        )
        as_bytes = session.scalar(
            text(f'SELECT count(*) FROM "{schema}"."{table}" t WHERE t::text LIKE :it'),
            {"it": f"%{CANARY.encode().hex()}%"},
        )
        assert (held, as_bytes) == (0, 0), f"{schema}.{table}"
    officer = sign_in(world.people["officer"])
    signal = session.execute(text("SELECT id FROM enforcement.signal")).scalar_one()
    for path in ("/hang-doi", f"/hang-doi/{signal}", "/hang-doi?q=CANARY", "/vu-viec?q=CANARY", "/tim?q=CANARY"):
        assert CANARY not in officer.get(path).get_data(as_text=True), path


def test_somebody_signed_in_who_reports_leaves_no_name(session: Session, world: World, sign_in: Any) -> None:
    """A packer who reports the own cooperative does it in the browser at hand."""
    packer = world.people["packer"]
    follow = tell(sign_in(packer)).location
    sent = {"photo": (io.BytesIO(picture()), "Người mẫu Gói.jpg")}
    assert sign_in(packer).post(follow, data=sent).status_code == 303
    session.expire_all()
    tip = session.query(Tip).one()
    assert session.query(IdempotencyKey).one().scope == "report.start:public"
    assert session.query(History).filter_by(subject_id=tip.id, by=packer.id).count() == 0
    stored = session.query(StoredFile).one()
    assert (stored.received_from, stored.name) == (None, tip.number)


def test_reading_pictures_for_a_stranger_has_an_end(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.OF_ONE, limits.Limited.PHOTO, limits.Rate(2, 600.0))
    follow = tell(client).location
    said = [
        client.post(f"{follow}?lang=en", data={"photo": (io.BytesIO(b"no photo"), "a.jpg")}).get_data(as_text=True)
        for _ in range(3)
    ]
    assert [tips.PhotosMustWait.message_id() in page for page in said] == [False, False, True]


@pytest.mark.parametrize("who", ["clerk", "packer", "manager", "inspector", "auditor", "administrator"])
def test_who_reported_opens_to_the_custodian_alone(
    session: Session, client: FlaskClient, world: World, sign_in: Any, who: str
) -> None:
    tell(client, contact=CANARY, consent="y")
    tip = session.query(Tip).one()
    visitor = sign_in(world.people[who])
    assert visitor.get(f"/nguoi-bao/{tip.id}").status_code == 403
    assert visitor.post(f"/nguoi-bao/{tip.id}", data={"reason": "x" * 20}).status_code == 403


def test_an_administrator_sees_nothing_of_a_case(session: Session, world: World, sign_in: Any, store: Path) -> None:
    case = desk.case(session, world, store)
    session.commit()
    administrator = sign_in(world.people["administrator"])
    for path in ("/vu-viec", f"/vu-viec/{case.id}", "/hang-doi", "/quan-sat", "/nguoi-bao", "/lo", "/tem/don"):
        assert administrator.get(path).status_code == 403, path
    assert case.title not in administrator.get("/tim?q=tem").get_data(as_text=True)


def test_nothing_is_written_for_those_who_may_only_read(
    session: Session, world: World, sign_in: Any, token_of: Any, store: Path
) -> None:
    case = desk.case(session, world, store)
    session.commit()
    auditor = sign_in(world.people["auditor"])
    token = token_of(auditor, "/trang-chinh")
    before = factories.count(session, History)
    for path in (
        f"/vu-viec/{case.id}/ghi-chu",
        f"/vu-viec/{case.id}/nhan",
        f"/vu-viec/{case.id}/screen",
        "/lo/moi",
        "/quan-sat/moi",
    ):
        form = {"csrf_token": token, "idempotency_key": "k" * 32, "text": "Ghi chú", "note": "x", "version": "1"}
        assert auditor.post(path, data=form).status_code == 403, path
    session.expire_all()
    assert factories.count(session, History) == before
    assert factories.count(session, IdempotencyKey) == 0


LOT = {
    "code": "L-1", "volume_kg": "10", "harvested_on": "10/06/2026", "packed_on": "11/06/2026", "expires_on": "20/06/2026",
}  # fmt: skip
BAD_LOTS = [
    ("volume_kg", "-5"), ("volume_kg", "0"), ("volume_kg", "NaN"), ("volume_kg", "1e9"), ("volume_kg", "999999999999"),
    ("harvested_on", "31/02/2026"), ("harvested_on", "01/01/0001"), ("expires_on", "31/12/9999"), ("code", "x" * 41),
    ("code", "\u200b"), ("source", "area:zzz"), ("source", "x:y:z"), ("season", "' OR 1=1 --"), ("source", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_LOTS)
def test_a_lot_that_cannot_be_is_refused_beside_its_field(
    session: Session, world: World, sign_in: Any, token_of: Any, field: str, value: str
) -> None:
    clerk = sign_in(world.people["clerk"])
    before = factories.count(session, Lot)
    form = LOT | {
        "source": f"area:{world.area.id}", "season": str(world.season.id), "csrf_token": token_of(clerk, "/lo/moi"),
        "idempotency_key": "k" * 32,
    } | {field: value}  # fmt: skip
    assert clerk.post("/lo/moi", data=form).status_code == 422
    session.expire_all()
    assert factories.count(session, Lot) == before
    assert factories.count(session, IdempotencyKey) == 0
