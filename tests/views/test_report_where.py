"""Where the goods were: in a shop or on the web, a coarse position by consent, and what the page before already knew."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from werkzeug.datastructures import MultiDict

from enforcement.models import Signal
from tests import factories
from tests.conftest import NOW
from tests.views.test_report import PHONE, WHERE, WHY, Visitor, hidden, only_tip, text_of
from trace import clock
from trace.models.tips import Bought, Platform, Tip, TipReason

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

POINTS = ("Niêm phong nổi ở miệng túi", "Ngày đóng gói in trên túi: 12/06/2026")


@pytest.fixture(autouse=True)
def at_noon(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


@pytest.fixture
def visitor(client: FlaskClient, world: World) -> Visitor:
    return Visitor(client)


def test_goods_on_the_web_need_no_place(session: Session, visitor: Visitor) -> None:
    online = {
        "bought": "online",
        "listing_url": "shopee.vn/vai-thieu-i.1.2",
        "seller": "Vườn vải mẫu",
        "price": "1.250.000",
        "seen_on": "14/06/2026",
    }
    check = visitor.fill(where=online)
    for said in ("Trên mạng", "https://shopee.vn/vai-thieu-i.1.2", "Vườn vải mẫu", "1.250.000 đồng", "14/06/2026"):
        assert said in text_of(check)
    visitor.send()
    tip = only_tip(session)
    assert (tip.bought, tip.platform, tip.seller, tip.price_vnd) == (
        Bought.ONLINE,
        Platform.SHOPEE,
        "Vườn vải mẫu",
        1_250_000,
    )
    assert tip.seen_on is not None
    assert tip.seen_on.isoformat() == "2026-06-14"
    assert session.scalars(select(Signal)).one().place == tip.listing_url


def test_a_seller_in_a_closed_group_has_a_name_but_no_address(session: Session, visitor: Visitor) -> None:
    visitor.fill(where={"bought": "online", "seller": "Nhóm Zalo đặc sản"})
    visitor.send()
    assert (only_tip(session).seller, only_tip(session).platform) == ("Nhóm Zalo đặc sản", None)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"bought": "online"}, "Hãy cho biết địa chỉ trang bán hoặc tên người bán."),
        ({"bought": "shop", "seller": "Vườn mẫu"}, "Hãy cho biết ở đâu: phường, xã hoặc tên cửa hàng, chợ."),
        ({"bought": "nowhere", "place": "Chợ"}, "Hãy chọn trong danh sách"),
        ({"place": "Chợ", "commune": "99999"}, "Hãy chọn xã, phường"),
        ({"place": "Chợ", "seen_on": "16/06/2026"}, "Ngày này chưa tới."),
        ({"place": "Chợ", "seen_on": "31/02/2026"}, "Hãy viết ngày"),
        ({"place": "Chợ", "seen_on": "15/06/1066"}, "năm"),
        ({"place": "Chợ", "price": "0"}, "Hãy kiểm tra lại giá"),
        ({"place": "Chợ", "price": "-5"}, "Hãy kiểm tra lại giá"),
        ({"place": "Chợ", "price": "rẻ"}, "số nguyên"),
        ({"place": "Chợ", "price": "9" * 18}, "Hãy kiểm tra lại giá"),
        ({"place": "C" * 10_000}, "Viết nhiều nhất 200 ký tự."),
        ({"place": "Chợ\x00Con"}, "Hãy gõ lại"),
        ({"bought": "online", "seller": "S" * 10_000}, "Viết nhiều nhất 200 ký tự."),
        ({"place": "Chợ", "cell": "20.875,106.675"}, "Hãy đánh dấu vào ô đồng ý, hoặc bỏ vị trí."),
        ({"place": "Chợ", "cell": "ở đây", "cell_consent": "y"}, "Đây không phải là một vị trí."),
        ({"place": "Chợ", "cell": "99.00,200.00", "cell_consent": "y"}, "Đây không phải là một vị trí."),
        ({"place": "Chợ", "cell": "1" * 10_000, "cell_consent": "y"}, "Đây không phải là một vị trí."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_lost(
    session: Session, visitor: Visitor, where: dict[str, str], said: str
) -> None:
    visitor.send(**WHY)
    answer = visitor.send(**where)
    assert answer.status_code == 422
    assert said in text_of(answer)
    for name, value in where.items():
        if "\x00" not in value and value not in {"nowhere", "99999"}:
            assert value in text_of(answer) or name == "bought"
    assert "Quả nhỏ, vỏ dày" in text_of(answer)
    assert visitor.send(**{**dict.fromkeys(where, ""), **WHERE}).status_code == 200
    assert factories.count(session, Tip) == 0


def test_all_faults_are_said_at_once(visitor: Visitor) -> None:
    visitor.send(**WHY)
    page = text_of(visitor.send(price="rẻ", seen_on="mai", listing_url="ftp://a.vn", cell="x"))
    assert page.count('class="error-text"') >= 5


def test_a_position_is_kept_only_as_a_coarse_cell_and_with_consent(session: Session, visitor: Visitor) -> None:
    visitor.fill(where={"cell": "20.861234,106.683456", "cell_consent": "y"})
    assert "20.875,106.675" in text_of(visitor.page)
    assert "1234" not in text_of(visitor.page)
    assert "20.8" not in text_of(visitor.page).split("<dl", 1)[1].split("</dl>", 1)[0], "a reader needs no figures"
    visitor.send()
    assert (only_tip(session).cell, only_tip(session).bought) == ("20.875,106.675", Bought.SHOP)
    rows = session.scalars(text("SELECT row_to_json(t)::text FROM tip t")).all()
    assert not [row for row in rows if "1234" in row]


def test_the_box_is_not_ticked_for_anybody(visitor: Visitor) -> None:
    page = text_of(visitor.send(**WHY))
    assert 'name="cell_consent"' in page
    assert "checked" not in page


def test_the_address_of_a_page_is_never_asked_for_anything(
    session: Session, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> object:
        raise AssertionError("the server went to see for itself")

    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    visitor.fill(where={"bought": "online", "listing_url": "http://169.254.169.254.nip.io/latest/meta-data"})
    visitor.send()
    assert only_tip(session).platform is Platform.OTHER


def test_what_differed_when_comparing_is_carried_into_the_report(
    session: Session, world: World, client: FlaskClient
) -> None:
    visitor = Visitor(client, "/T/7K4M92QDXJ3P/report?differs=" + "&differs=".join(POINTS))
    for point in POINTS:
        assert point in text_of(visitor.page)
    assert re.search(r'<input checked[^>]* value="goods_differ">', text_of(visitor.page))
    carried: list[tuple[str, str]] = []
    for fields in (WHY, WHERE, {}, {}):
        form = [(name, value) for name, value in hidden(visitor.page).items() if name != "differs"]
        carried = [*form, *(("differs", point) for point in POINTS), ("go", "next"), *fields.items()]
        visitor.page = client.post("/T/7K4M92QDXJ3P/report", data=MultiDict(carried), headers=PHONE)
    assert visitor.page.status_code == 303
    assert only_tip(session).differs == list(POINTS)


def test_of_points_that_differ_few_and_short_ones_are_kept(session: Session, world: World, client: FlaskClient) -> None:
    page = text_of(
        client.get("/report?" + "&".join(f"differs={number}{'x' * 300}" for number in range(50)), headers=PHONE)
    )
    assert page.count('name="differs"') == 5
    assert len(page) < 60_000
    assert "<script>alert" not in text_of(client.get("/report?differs=<script>alert(1)</script>", headers=PHONE))


def test_a_report_from_the_page_of_a_lot_carries_its_code(session: Session, world: World, client: FlaskClient) -> None:
    visitor = Visitor(client, "/report?lot=7K4M92QD")
    assert "Mã lô" in text_of(visitor.page)
    visitor.fill()
    visitor.send()
    assert (only_tip(session).code_text, only_tip(session).serial) == ("7K4M92QD", None)


def test_the_same_words_sent_anew_in_anger_are_one_report(session: Session, client: FlaskClient, world: World) -> None:
    first = Visitor(client)
    first.fill()
    first.send()
    again = Visitor(client)
    again.fill(contact="0912 345 678", consent="y")
    answer = again.send()
    assert answer.status_code == 409
    assert only_tip(session).number in text_of(answer)
    assert "/phan-anh/" not in text_of(answer), "whoever shares the network does not come to the reporter's page"
    assert hidden(answer)["contact"] == "0912 345 678"
    again.page = answer
    assert again.send(go="anyway").status_code == 303
    assert factories.count(session, Tip) == 2


def test_others_on_the_same_network_report_the_same_label_in_their_own_words(
    session: Session, client: FlaskClient, world: World
) -> None:
    for words in ("Quả nhỏ", "Quả nhỏ lắm", "", ""):
        visitor = Visitor(client, "/T/7K4M92QDXJ3P/report")
        visitor.fill(why={"reason": TipReason.GOODS_DIFFER.value, "description": words})
        assert visitor.send().status_code == 303
    assert factories.count(session, Tip) == 4
