"""What stands around the answer about a label: typed codes, codes of lots, hidden digits, places told, looks of the trade."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import select

from labels.code import hidden_code, show
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET
from tests.services.test_scanning import CHROME, code_of, issue
from trace import clock
from trace.models.labels import LabelState
from trace.models.parties import Role
from trace.models.scans import CustodyScan, LabelOpening, LotLook, Scan, ScanChannel, ScanKind, ScanPosition
from trace.services import limits

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}
RIGHT = hidden_code(1, SECRET)
WRONG = f"{(int(RIGHT) + 1) % 1_000_000:06d}"


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))


@pytest.fixture
def labelled(session: Session, world: World) -> World:
    """Labels 1 to 20 with hidden digits on the world's lot."""
    issue(session, world).hidden_codes = True
    session.commit()
    return world


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def last_scan(session: Session) -> tuple[ScanKind, ScanChannel]:
    kind, channel = session.execute(select(Scan.kind, Scan.channel).order_by(Scan.id.desc()).limit(1)).one()
    return kind, channel


# Typed codes


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("7K4M-92QU-XJ3P", "Ký tự thứ 8 là “U”"), ("7K4M-92QD-XJ3", "Mã này có 11 ký tự"), ("https://evil.example/T/7K4M92QDXJ3P", "evil.example"),
        ("7K4M-92QE", "sai một ký tự"), ("   ", "Nhập mã in trên tem"), ("x" * 5_000, "Đây không phải mã tem"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_typed_code_is_named_and_what_was_typed_stays(
    client: FlaskClient, typed: str, says: str
) -> None:
    answer = client.get("/nhap-ma", query_string={"code": typed}, headers=PHONE)
    page = text_of(answer)
    assert answer.status_code == 400
    assert says in page
    assert f'value="{typed[:300]}"' in page
    assert 'aria-invalid="true"' in page
    assert 'id="errors"' in page


@pytest.mark.parametrize("typed", ["{code}", "HTTPS://TEMTHAT.TEST/T/{code}?xem=1", "temthat.test/t/{groups}"])
def test_a_label_or_its_whole_address_leads_to_the_label(
    session: Session, labelled: World, client: FlaskClient, typed: str
) -> None:
    asked = typed.format(code=code_of(5), groups=show(code_of(5)))
    answer = client.get("/nhap-ma", query_string={"code": asked}, headers=PHONE)
    assert (answer.status_code, answer.location) == (303, f"/T/{code_of(5)}?go=1")
    client.get(answer.location, headers=PHONE)
    assert last_scan(session) == (ScanKind.REAL, ScanChannel.TYPED)


def test_a_typed_lot_code_leads_to_the_lot(session: Session, labelled: World, client: FlaskClient) -> None:
    answer = client.get("/nhap-ma", query_string={"code": show(labelled.lot.public_code).lower()}, headers=PHONE)
    assert (answer.status_code, answer.location) == (303, f"/L/{labelled.lot.public_code}?go=1")
    assert client.get(answer.location, headers=PHONE).status_code == 200
    assert session.scalars(select(LotLook.channel)).one() is ScanChannel.TYPED


def test_the_empty_box_is_no_fault(client: FlaskClient) -> None:
    answer = client.get("/nhap-ma", headers=PHONE)
    assert answer.status_code == 200
    assert "aria-invalid" not in text_of(answer)
    assert "Set-Cookie" not in answer.headers


# Codes of lots


def test_a_lot_has_a_page_that_says_the_code_is_shared(session: Session, labelled: World, client: FlaskClient) -> None:
    answer = client.get(f"/L/{labelled.lot.public_code}", headers=PHONE)
    page = text_of(answer)
    assert answer.status_code == 200
    assert "Mã của cả lô" in page
    assert labelled.lot.code in page
    assert "đã kiểm tra" not in page
    assert f"/L/{labelled.lot.public_code}?xem=1" in page.replace("\\u0026", "&")
    assert "Set-Cookie" not in answer.headers
    kind, channel = session.execute(select(LotLook.kind, LotLook.channel)).one()
    assert (kind, channel) == (ScanKind.REAL, ScanChannel.QR)


def test_a_lot_answers_programs_and_no_private_number_is_told(labelled: World, client: FlaskClient) -> None:
    answer = client.get(f"/l/{labelled.lot.public_code.lower()}", headers=PHONE | {"Accept": "application/json"})
    assert answer.json is not None
    assert (answer.json["kind"], answer.json["shared"], answer.json["packs"]) == ("lot_code", True, 20)
    assert "serial" not in answer.json


@pytest.mark.parametrize(
    ("asked", "status"), [("00000000", 404), ("7K4M92QE", 400), ("x", 400), ("%00", 400), ("a" * 5_000, 400)]
)
def test_a_lot_that_is_none_is_said_so(client: FlaskClient, asked: str, status: int) -> None:
    assert client.get(f"/L/{asked}", headers=PHONE).status_code == status


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_those_with_the_right_get_the_code_as_a_picture(
    labelled: World, client: FlaskClient, sign_in: Any, ending: str
) -> None:
    path = f"/lo/{labelled.lot.id}/ma.{ending}"
    assert client.get(path).status_code == 303
    assert sign_in(labelled.other_clerk if "other_clerk" in labelled.people else labelled.people["administrator"]).get(
        path
    ).status_code in {403, 404}
    answer = sign_in(labelled.clerk).get(path + "?tai=1")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="lo-{labelled.lot.public_code}.{ending}"'
    if ending == "png":
        assert Image.open(io.BytesIO(answer.data)).size[0] > 300
    assert answer.data[:5] in {b"\x89PNG\r", b"<svg ", b"%PDF-"}


def test_the_page_of_a_lot_shows_its_code(labelled: World, sign_in: Any) -> None:
    page = text_of(sign_in(labelled.clerk).get(f"/lo/{labelled.lot.id}"))
    assert show(labelled.lot.public_code) in page
    assert f"/lo/{labelled.lot.id}/ma.pdf?tai=1" in page


# Hidden digits


def enter(client: FlaskClient, digits: str, **headers: str) -> Any:
    return client.post(f"/T/{code_of(1)}/ma-an", data={"ma": digits}, headers=PHONE | headers)


def test_right_digits_are_said_to_be_the_first_and_then_when_that_was(
    session: Session, labelled: World, client: FlaskClient
) -> None:
    first, again = enter(client, RIGHT), enter(client, f"{RIGHT[:3]} {RIGHT[3:]}")
    assert (first.status_code, again.status_code) == (200, 200)
    assert "Mã bí mật khớp, lần đầu" in text_of(first)
    assert "12:00 15/06/2026" in text_of(again)
    assert factories.count(session, LabelOpening) == 1


def test_wrong_digits_say_how_many_tries_are_left_and_then_stop(
    session: Session, labelled: World, client: FlaskClient
) -> None:
    for left in (4, 3, 2, 1, 0):
        answer = enter(client, WRONG)
        assert answer.status_code == 200
        assert re.search(rf"\b{left}\b", text_of(answer))
    blocked = enter(client, RIGHT)
    assert blocked.status_code == 429
    assert "13:00 15/06/2026" in text_of(blocked)
    assert factories.count(session, LabelOpening) == 0


@pytest.mark.parametrize("digits", ["", "12345", "abcdef", "1" * 5_000, "\x00"])
def test_what_is_no_six_digits_costs_no_try(
    session: Session, labelled: World, client: FlaskClient, digits: str
) -> None:
    answer = enter(client, digits)
    assert answer.status_code == 400
    assert "6 chữ số" in text_of(answer)


def test_a_network_that_tries_wrong_digits_is_slowed_down(
    session: Session, labelled: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.OF_ONE, limits.Limited.HIDDEN_CODE, limits.Rate(2, 90.0))
    assert [enter(client, WRONG).status_code for _ in range(2)] == [200, 200]
    assert enter(client, RIGHT).status_code == 429
    assert factories.count(session, LabelOpening) == 0


def test_people_behind_one_address_open_their_labels_at_the_same_time(
    labelled: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.OF_ONE, limits.Limited.HIDDEN_CODE, limits.Rate(2, 90.0))
    assert [enter(client, RIGHT).status_code for _ in range(6)] == [200] * 6


def test_a_label_without_digits_has_no_box_and_takes_no_entry(
    session: Session, world: World, client: FlaskClient
) -> None:
    issue(session, world)
    assert "ma-an" not in text_of(client.get(f"/T/{code_of(1)}", headers=PHONE))
    assert enter(client, RIGHT).status_code == 200
    assert factories.count(session, LabelOpening) == 0


def test_machines_and_unknown_codes_try_nothing(session: Session, labelled: World, client: FlaskClient) -> None:
    enter(client, RIGHT, **{"User-Agent": "Googlebot/2.1"})
    assert client.post(f"/T/{code_of(900_000)}/ma-an", data={"ma": RIGHT}, headers=PHONE).status_code == 404
    assert client.post("/T/x/ma-an", data={"ma": RIGHT}, headers=PHONE).status_code == 400
    assert factories.count(session, LabelOpening) == 0


def test_programs_are_told_in_json(labelled: World, client: FlaskClient) -> None:
    answer = enter(client, RIGHT, Accept="application/json")
    assert answer.json is not None
    assert answer.json["hidden"]["kind"] == "first"


# Places


def place(client: FlaskClient, **data: str) -> Any:
    return client.post(f"/T/{code_of(1)}/vi-tri", data=data, headers=PHONE)


def test_nothing_is_ticked_beforehand_and_it_says_that_it_is_sensitive(labelled: World, client: FlaskClient) -> None:
    answer = client.get(f"/T/{code_of(1)}/vi-tri", headers=PHONE)
    page = text_of(answer)
    box = re.search(r'<input type="checkbox" id="consent"[^>]*>', page)
    assert box
    assert "checked" not in box.group(0)
    assert "dữ liệu cá nhân nhạy cảm" in page
    assert "Set-Cookie" not in answer.headers


def test_a_look_at_the_question_counts_for_nothing(session: Session, labelled: World, client: FlaskClient) -> None:
    client.get(f"/T/{code_of(1)}/vi-tri", headers=PHONE)
    assert factories.count(session, Scan) == 0
    assert client.get("/T/x/vi-tri", headers=PHONE).status_code == 400
    assert client.get("/T/ZZZZZZZZZZZZ/vi-tri", headers=PHONE).status_code == 404


def test_a_place_is_told_seen_and_taken_back(session: Session, labelled: World, client: FlaskClient) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    answer = place(client, consent="y", commune=labelled.commune.code)
    assert answer.status_code == 303
    path = answer.location.split("?")[0]
    assert labelled.commune.name in text_of(client.get(answer.location))
    assert session.scalars(select(ScanPosition.province)).one() == 31
    assert client.post(f"{path}/rut-lai").status_code == 303
    page = text_of(client.get(path))
    assert "Đã rút lại vị trí của bạn" in page
    assert labelled.commune.name not in page
    session.expire_all()
    assert session.scalars(select(ScanPosition.province)).one() is None
    assert client.get("/vi-tri/nobody-knows-this").status_code == 404


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"province": "1"}, "Đánh dấu vào ô nếu bạn đồng ý"), ({"consent": "y"}, "Chọn phường, xã của thành phố"), ({}, "Đánh dấu vào ô"),
        ({"consent": "y", "cell": "400,2200"}, "không nằm trong phường, xã nào"), ({"consent": "y", "cell": "x"}, "Chọn phường, xã"),
        ({"consent": "y", "cell": "9999,9999"}, "Chọn phường, xã"), ({"consent": "y", "commune": "99999"}, "Chọn phường, xã"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_and_nothing_kept(
    session: Session, labelled: World, client: FlaskClient, data: dict[str, str], says: str
) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    answer = place(client, **data)
    assert answer.status_code == 422
    assert says in text_of(answer)
    assert factories.count(session, ScanPosition) == 0


@pytest.mark.parametrize("province", ["abc", "999999999999999999999", "-1", "1.5"])
def test_a_province_that_is_none_breaks_nothing(labelled: World, client: FlaskClient, province: str) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert place(client, consent="y", province=province).status_code == 422


def test_a_place_without_a_look_is_refused(labelled: World, client: FlaskClient) -> None:
    answer = place(client, consent="y", province="1")
    assert answer.status_code == 409
    assert "Quét lại tem" in text_of(answer)


# The trade


@pytest.mark.parametrize(("login", "party"), [("clerk", "cooperative"), ("packer", "packing_house")])
def test_people_of_the_trade_are_custody_and_no_scan_of_the_public(
    session: Session, labelled: World, sign_in: Any, login: str, party: str
) -> None:
    sign_in(labelled.people[login]).get(f"/T/{code_of(1)}", headers=PHONE)
    assert last_scan(session) == (ScanKind.CUSTODY, ScanChannel.STAFF)
    row = session.scalars(select(CustodyScan)).one()
    assert (row.serial, row.person_id, row.party_id) == (1, labelled.people[login].id, getattr(labelled, party).id)


def test_a_shop_has_an_account_that_may_do_this_and_nothing_else(
    session: Session, labelled: World, sign_in: Any
) -> None:
    shop = factories.user(session, "cua.hang", "Người bán mẫu", NOW)
    factories.role(session, shop, labelled.packing_house, Role.TRADER, NOW)
    signed = sign_in(shop)
    for _ in range(12):
        signed.get(f"/T/{code_of(2)}", headers=PHONE)
    assert session.scalars(select(CustodyScan.party_id)).one() == labelled.packing_house.id
    assert factories.count(session, Scan, Scan.kind == ScanKind.REAL) == 0
    assert signed.get("/lo").status_code == 403


def test_an_officer_is_no_trader_and_a_preview_is_nobody(session: Session, labelled: World, sign_in: Any) -> None:
    sign_in(labelled.people["inspector"]).get(f"/T/{code_of(1)}", headers=PHONE)
    assert last_scan(session)[0] is ScanKind.CUSTODY
    sign_in(labelled.clerk).get(f"/T/{code_of(1)}", headers=PHONE | {"Sec-Purpose": "prefetch"})
    assert last_scan(session)[0] is ScanKind.PREVIEW
    assert factories.count(session, CustodyScan) == 0


def test_a_label_in_an_apps_browser_says_how_it_came(session: Session, labelled: World, client: FlaskClient) -> None:
    client.get(
        f"/T/{code_of(1)}",
        headers=PHONE | {"User-Agent": CHROME + " Zalo android/12100625 ZaloTheme/light ZaloLanguage/vi"},
    )
    assert last_scan(session) == (ScanKind.REAL, ScanChannel.IN_APP)


def test_a_voided_label_still_takes_its_digits(session: Session, world: World, client: FlaskClient) -> None:
    issue(session, world, state=LabelState.VOIDED).hidden_codes = True
    session.commit()
    assert enter(client, RIGHT).status_code == 200
    assert factories.count(session, LabelOpening) == 1


def test_people_on_duty_see_who_of_the_trade_saw_it_and_where_people_were(
    session: Session, labelled: World, client: FlaskClient, sign_in: Any
) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    place(client, consent="y", province="22")
    sign_in(labelled.clerk).get(f"/T/{code_of(1)}", headers=PHONE)
    page = text_of(sign_in(labelled.people["inspector"]).get(f"/T/{code_of(1)}", headers=PHONE))
    assert "Thương nhân và cửa hàng đã xem" in page
    assert labelled.clerk.full_name in page
    assert "Quảng Ninh" in page
