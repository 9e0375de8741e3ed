"""The public register: open to everybody, kept by caches, found by search engines, silent about plots and households, calm about nonsense."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy.dialects.postgresql import Range

from labels.code import show_serial
from tests import factories
from tests.conftest import NOW
from tests.services.test_label_versions import SAID
from tests.services.test_pairs import FACTS, drafted
from trace import clock
from trace.clock import CITY
from trace.models.certificates import CertificateStatus, CertificateStatusChange
from trace.models.labels import LabelOrder, LabelRange, LabelState
from trace.models.lots import LotState
from trace.services import label_versions, pairs, slugs
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

ALL = Reach(everything=True)
PLAIN = ("/nhan-hieu", "/san-pham", "/that-gia", "/tem-da-huy", "/tra-cuu")


@pytest.fixture
def open_world(session: Session, world: factories.World) -> factories.World:
    """The small city with its title open to the public."""
    world.title.is_sample = True
    session.commit()
    return world


def key_of(thing: Any) -> str:
    return slugs.slug(thing.name, thing.id)


def text_of(answer: TestResponse) -> str:
    """The words of the main part of a page."""
    page = answer.get_data(as_text=True)
    main = re.search(r"<main.*?</main>", page, re.DOTALL)
    assert main
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main[0]))


def pages(world: factories.World) -> list[str]:
    title, product = key_of(world.title), key_of(world.product)
    return [
        *PLAIN, f"/nhan-hieu/{title}", f"/nhan-hieu/{title}/nguoi-su-dung", f"/nhan-hieu/{title}/vung-trong", f"/san-pham/{product}",
        f"/san-pham/{product}/nhan-dien-tu", "/tra-cuu?q=vai",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- every page


def test_every_page_is_the_same_for_everybody_and_kept_by_caches(
    client: FlaskClient, open_world: factories.World
) -> None:
    for path in pages(open_world):
        first = client.get(path)
        assert first.status_code == 200, path
        assert "Set-Cookie" not in first.headers, path
        assert first.headers["Cache-Control"] == "public, max-age=300", path
        assert "nonce" not in first.get_data(as_text=True), path
        assert "<script" not in first.get_data(as_text=True), path
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304, path
        assert again.data == b"", path


def test_a_page_asked_for_with_a_cookie_is_kept_by_that_browser_alone(
    client: FlaskClient, open_world: factories.World
) -> None:
    client.set_cookie("lang", "en")
    assert client.get("/nhan-hieu").headers["Cache-Control"] == "private, max-age=300"


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_search_engines_are_told_where_each_page_stands(
    client: FlaskClient, open_world: factories.World, locale: str
) -> None:
    for path in pages(open_world):
        if "?" in path:
            continue
        page = client.get(path + ("?lang=en" if locale == "en" else "")).get_data(as_text=True)
        assert f'<html lang="{locale}">' in page, path
        own = f"https://temthat.test{path}"
        assert f'<link rel="canonical" href="{own}{"?lang=en" if locale == "en" else ""}">' in page, path
        assert f'<link rel="alternate" hreflang="vi" href="{own}">' in page
        assert f'<link rel="alternate" hreflang="en" href="{own}?lang=en">' in page
        described = re.search(r'<meta name="description" content="([^"]+)">', page)
        assert described, path
        assert len(described[1]) > 30, path


def test_the_map_of_the_site_leads_to_pages_that_are_there(client: FlaskClient, open_world: factories.World) -> None:
    assert "Sitemap: https://temthat.test/sitemap.xml" in client.get("/robots.txt").get_data(as_text=True)
    answer = client.get("/sitemap.xml")
    assert answer.mimetype == "application/xml"
    found = [
        node.text or "" for node in ET.fromstring(answer.data).iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")
    ]
    assert len(found) > 10
    for address in found:
        assert client.get(address.removeprefix("https://temthat.test")).status_code == 200, address


def test_a_title_that_is_not_registered_is_not_there(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    open_world.title.is_sample, open_world.title.granted_on = False, None
    session.commit()
    for path in pages(open_world)[5:10]:
        assert client.get(path).status_code == 404, path
    assert open_world.title.name not in text_of(client.get("/nhan-hieu"))
    assert "Vải thiều mẫu" not in text_of(client.get("/tra-cuu?q=vai+thieu"))


def test_an_address_is_decided_by_the_id_and_put_right(client: FlaskClient, open_world: factories.World) -> None:
    right = f"/san-pham/{key_of(open_world.product)}"
    for nearly in (
        open_world.product.id,
        slugs.short(open_world.product.id),
        f"ten-cu-{slugs.short(open_world.product.id)}",
    ):
        answer = client.get(f"/san-pham/{nearly}?lang=en")
        assert (answer.status_code, answer.location) == (301, f"{right}?lang=en")
    assert client.get(f"/SP/{slugs.short(open_world.product.id).upper()}").location == right


NONSENSE = (
    "khong-co",
    "khong-co-00000000",
    "%00",
    "..%2f..%2fetc",
    "x" * 5000,
    "00000000-0000-4000-8000-000000000000",
    "'%20OR%201=1",
)


@pytest.mark.parametrize("key", NONSENSE)
def test_what_is_not_there_is_not_found(client: FlaskClient, open_world: factories.World, key: str) -> None:
    for path in (f"/nhan-hieu/{key}", f"/nhan-hieu/{key}/nguoi-su-dung.csv", f"/san-pham/{key}", f"/san-pham/{key}/nhan-dien-tu", f"/san-pham/{key}/to-dan.pdf",
                 f"/san-pham/{key}/nhan-dien-tu/1/tep", f"/that-gia?san-pham={key}", f"/SP/{key}", f"/anh/{key}-320.jpg"):  # fmt: skip
        assert client.get(path).status_code == 404, path


# ------------------------------------------------------------------------------------------------------------ users, areas


def test_users_are_shown_as_they_stood_on_a_day(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    certificate = open_world.certificate
    suspended = clock.now().astimezone(CITY).date() - timedelta(days=10)
    certificate.valid_during = Range(suspended - timedelta(days=400), suspended + timedelta(days=400))
    for day, was, becomes in (
        (suspended - timedelta(days=300), None, CertificateStatus.ACTIVE),
        (suspended, CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED),
    ):
        at = datetime.combine(day, time(12), CITY)
        session.add(
            CertificateStatusChange(certificate_id=certificate.id, at=at, was=was, becomes=becomes, reason="mẫu")
        )
    certificate.status, certificate.status_reason = CertificateStatus.SUSPENDED, "mẫu"
    session.commit()
    path = f"/nhan-hieu/{key_of(open_world.title)}/nguoi-su-dung?q={certificate.number}"

    def said(day: date) -> str:
        return text_of(client.get(f"{path}&ngay={day:%d/%m/%Y}"))

    assert "Bị đình chỉ" in said(suspended)
    assert "Có hiệu lực" in said(suspended - timedelta(days=1))
    assert certificate.number not in said(suspended - timedelta(days=301)).split("Trạng thái")[-1]
    assert quote(certificate.number) in client.get(path).get_data(as_text=True)


@pytest.mark.parametrize("day", ["99/99/2026", "hôm qua", "0", "1/1/1", "\x00", "2026-13-45", "31/12/9999", "1" * 5000])
def test_a_day_that_is_none_is_said_at_its_field(client: FlaskClient, open_world: factories.World, day: str) -> None:
    for path in (
        f"/nhan-hieu/{key_of(open_world.title)}/nguoi-su-dung",
        f"/san-pham/{key_of(open_world.product)}/nhan-dien-tu",
    ):
        answer = client.get(path, query_string={"ngay": day})
        if day == "\x00":
            assert answer.status_code in {200, 422}
            continue
        assert answer.status_code == 422, path
        assert 'aria-invalid="true"' in answer.get_data(as_text=True)
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_day_to_come_is_refused(client: FlaskClient, open_world: factories.World) -> None:
    tomorrow = clock.now().astimezone(CITY).date() + timedelta(days=2)
    answer = client.get(f"/nhan-hieu/{key_of(open_world.title)}/nguoi-su-dung?ngay={tomorrow:%d/%m/%Y}")
    assert answer.status_code == 422
    assert "Hãy chọn hôm nay hoặc một ngày trước đó" in text_of(answer)


@pytest.mark.parametrize("page", ["1000000000", "999999", "0", "-1", "abc", "１", "1" * 400])
def test_a_page_far_out_is_the_nearest_there_is(client: FlaskClient, open_world: factories.World, page: str) -> None:
    answer = client.get(f"/nhan-hieu/{key_of(open_world.title)}/nguoi-su-dung", query_string={"page": page})
    assert answer.status_code == 200
    assert open_world.certificate.number in text_of(answer)
    for path in ("/tem-da-huy", "/that-gia", f"/nhan-hieu/{key_of(open_world.title)}/vung-trong"):
        assert client.get(path, query_string={"page": page}).status_code == 200


def test_areas_tell_neither_plot_nor_holder(session: Session, client: FlaskClient, open_world: factories.World) -> None:
    open_world.area.name = "Vườn mẫu có tên riêng"
    session.commit()
    page = client.get(f"/nhan-hieu/{key_of(open_world.title)}/vung-trong").get_data(as_text=True)
    assert "Vườn mẫu có tên riêng" in page
    assert "Thanh Hà" in page
    assert open_world.cooperative.name not in page
    assert "106.4" not in page
    assert "<svg viewBox" not in page.split("<main")[1]


def test_a_list_as_a_file_holds_no_formula(session: Session, client: FlaskClient, open_world: factories.World) -> None:
    open_world.cooperative.name = '=HYPERLINK("http://x","y")'
    open_world.area.name = "@SUM(A1)"
    session.commit()
    title = key_of(open_world.title)
    for name, bad in (("nguoi-su-dung", "'=HYPERLINK"), ("vung-trong", "'@SUM(A1)")):
        answer = client.get(f"/nhan-hieu/{title}/{name}.csv")
        assert answer.status_code == 200
        assert answer.mimetype == "text/csv"
        assert "attachment" in answer.headers["Content-Disposition"]
        body = answer.data.decode("utf-8-sig")
        assert bad in body
        assert not re.search(r'(^|[,\n])"?[=@+-][A-Z]', body)
    assert client.get(f"/nhan-hieu/{title}/nguoi-su-dung.csv?ngay=xx").status_code == 303


def test_whoever_asks_too_often_waits_but_a_label_is_always_answered(
    app: Flask, client: FlaskClient, open_world: factories.World
) -> None:
    class Full:
        def take(self, *_args: object, **_more: object) -> int:
            return 7

    before, app.extensions["limits"] = app.extensions["limits"], Full()
    try:
        answer = client.get("/tra-cuu?q=vai")
        assert answer.status_code == 429
        assert "7 giây" in answer.get_data(as_text=True)
        assert client.get("/tra-cuu").status_code == 200
        assert client.get(f"/nhan-hieu/{key_of(open_world.title)}").status_code == 200
    finally:
        app.extensions["limits"] = before


# ----------------------------------------------------------------------------------------------------------------- search


def test_the_search_needs_no_marks_and_puts_the_exact_first(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    from trace.models.titles import Product, SourceKind

    for name in ("Cẩm Giàng mẫu", "Cẩm Giang mẫu"):
        session.add(
            Product(
                title_id=open_world.title.id,
                name=name,
                name_en="Sample",
                description="Mẫu",
                source_kind=SourceKind.AREA,
            )
        )
    session.commit()
    for q, first in (("cẩm giang mẫu", "Cẩm Giang"), ("cẩm giàng mẫu", "Cẩm Giàng")):
        said = text_of(client.get("/tra-cuu", query_string={"q": q}))
        other = "Cẩm Giàng" if first == "Cẩm Giang" else "Cẩm Giang"
        found = said.split("Sản phẩm ", 1)[1]
        assert (found.find(first) < found.find(other)) or other not in found
    said = text_of(client.get("/tra-cuu?q=CAM+GIANG"))
    assert "Cẩm Giang" in said
    assert "Cẩm Giàng" in said


def test_the_search_finds_each_kind(session: Session, client: FlaskClient, open_world: factories.World) -> None:
    code = open_world.area.codes[0].code
    for q, found in (
        (open_world.title.name, f"/nhan-hieu/{key_of(open_world.title)}"),
        ("vai thieu mau", f"/san-pham/{key_of(open_world.product)}"),
        (open_world.certificate.number, quote(open_world.certificate.number)),
        (open_world.cooperative.name, quote(open_world.certificate.number)),
        (code.lower(), code),
        (open_world.lot.code.lower(), open_world.lot.code),
    ):
        page = client.get("/tra-cuu", query_string={"q": q}).get_data(as_text=True)
        assert found in page.split("<main")[1], q


def test_lots_are_found_by_the_whole_code_only(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    assert open_world.lot.code not in text_of(client.get("/tra-cuu", query_string={"q": open_world.lot.code[:-1]}))
    open_world.lot.state, open_world.lot.recall_reason = LotState.RECALLED, "Dư lượng"
    session.commit()
    assert "đang thu hồi" in text_of(client.get("/tra-cuu", query_string={"q": open_world.lot.code}))


def test_a_lot_leads_to_its_answer_by_either_of_its_codes(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    shared = open_world.lot.public_code
    for q in (open_world.lot.code, shared, f"{shared[:4]}-{shared[4:]}".lower()):
        page = client.get("/tra-cuu", query_string={"q": q}).get_data(as_text=True)
        assert f'href="/L/{shared}"' in page.split("<main")[1], q
    wrong = shared[:-1] + ("0" if shared[-1] != "0" else "1")
    assert f'href="/L/{shared}"' not in client.get("/tra-cuu", query_string={"q": wrong}).get_data(as_text=True)
    open_world.lot.state, open_world.lot.certified_at = LotState.DRAFT, None
    session.commit()
    assert "/L/" not in client.get("/tra-cuu", query_string={"q": shared}).get_data(as_text=True).split("<main")[1]


@pytest.mark.parametrize("code", ["7K4M-92QD-XJ3P", "7k4m92qdxj3p", " 7K4M 92QD XJ3P "])
def test_a_label_code_leads_to_its_answer_counted_as_typed(
    client: FlaskClient, open_world: factories.World, code: str
) -> None:
    answer = client.get("/tra-cuu", query_string={"q": code})
    assert (answer.status_code, answer.location) == (303, "/T/7K4M92QDXJ3P?go=1")


@pytest.mark.parametrize(
    "q",
    [
        "a",
        "%",
        "__",
        "\\",
        "\x00vai\x00",
        "'; DROP TABLE lot;--",
        "\u202e",
        "x" * 5000,
        "<script>alert(1)</script>",
        "㌀" * 40,
    ],
)
def test_the_search_is_calm_about_anything(client: FlaskClient, open_world: factories.World, q: str) -> None:
    answer = client.get("/tra-cuu", query_string={"q": q})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.get_data(as_text=True)


# ----------------------------------------------------------------------------------------------------- goods, pairs, ranges


def test_only_published_pairs_are_shown_and_called_what_was_decided(
    app: Flask, session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    from dataclasses import replace

    from trace.models.showcase import PairFinding

    store = app.config["TEMTHAT"].files_dir
    pair = drafted(session, open_world, store, replace(FACTS, angle_vi="Mặt trước túi mẫu"))
    session.commit()
    assert "Mặt trước túi mẫu" not in text_of(client.get("/that-gia"))
    pairs.publish(session, pair.id, revision=1, by=open_world.officer.id, at=NOW, reach=ALL)
    decided = replace(FACTS, angle_vi="Đáy hộp mẫu", finding=PairFinding.COUNTERFEIT, document="Kết luận mẫu số 5")
    other = drafted(session, open_world, store, decided)
    pairs.publish(session, other.id, revision=1, by=open_world.officer.id, at=NOW, reach=ALL)
    session.commit()
    for path in ("/that-gia", f"/that-gia?san-pham={key_of(open_world.product)}"):
        said = text_of(client.get(path))
        assert "mới chỉ nghi giả" in said
        assert "Kết luận là hàng giả: Kết luận mẫu số 5" in said
        assert "Hàng giả có thể thay đổi" in said
    small = client.get(f"/anh/{pair.genuine.copy_sha256}-320.jpg", buffered=True)
    assert small.status_code == 200
    assert "immutable" in small.headers["Cache-Control"]
    assert client.get(f"/anh/{pair.genuine.copy_sha256}-321.jpg").status_code == 404
    pairs.withdraw(session, pair.id, reason="x", by=open_world.officer.id, at=NOW, reach=ALL)
    session.commit()
    assert client.get(f"/anh/{pair.genuine.copy_sha256}-320.jpg").status_code == 404
    assert "Mặt trước túi mẫu" not in text_of(client.get("/that-gia"))


def test_the_electronic_label_tells_what_stood_on_a_day_and_what_changed(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    today = clock.now().astimezone(CITY).date()
    for number, (ago, storage) in enumerate(((90, "Nơi khô ráo"), (0, "Ngăn mát"))):
        day = today - timedelta(days=ago)
        label_versions.record(
            session, open_world.product.id, SAID | {"storage_vi": storage}, valid_from=day, reason=f"Lý do {number}", seen=number,
            by=open_world.manager.id, at=datetime.combine(day, time(8), CITY), reach=ALL,
        )  # fmt: skip
    session.commit()
    path = f"/san-pham/{key_of(open_world.product)}/nhan-dien-tu"
    now = text_of(client.get(path)).split("Tính đến ngày")[0]
    assert "Ngăn mát" in now
    assert "Nơi khô ráo" not in now
    then = text_of(client.get(f"{path}?ngay={today - timedelta(days=5):%d/%m/%Y}")).split("Tính đến ngày")[0]
    assert "Nơi khô ráo" in then
    page = client.get(path).get_data(as_text=True)
    assert "<del>Nơi khô ráo</del><ins>Ngăn mát</ins>" in page
    assert open_world.manager.full_name not in page
    assert client.get(f"{path}/1/tep").status_code == 404


def test_ranges_out_of_use_are_listed_without_holder_or_whole_code(
    session: Session, client: FlaskClient, open_world: factories.World
) -> None:
    order = LabelOrder(
        number="DT-MẪU-1", holder_id=open_world.cooperative.id, certificate_id=open_world.certificate.id, balance_id=open_world.balance.id,
        lot_id=open_world.lot.id, pack_weight_g=500, quantity=100, serials=Range(1001, 1101), layout="a4", placed_at=NOW, placed_by=open_world.clerk.id,
    )  # fmt: skip
    session.add(order)
    session.flush()
    for first, last, state in ((1001, 1050, LabelState.VOIDED), (1050, 1101, LabelState.PRINTED)):
        session.add(
            LabelRange(
                serials=Range(first, last),
                state=state,
                since=NOW,
                order_id=order.id,
                keeper_id=open_world.cooperative.id,
            )
        )
    session.commit()
    for path in ("/tem-da-huy", "/tem-da-huy?loai=voided", "/tem-da-huy?loai=xx"):
        page = client.get(path).get_data(as_text=True)
        assert "0000-Z9" in page
        assert open_world.cooperative.name not in page
        assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", page.split("<table")[1])
    assert "0000-Z9" not in client.get("/tem-da-huy?loai=lost").get_data(as_text=True)
    body = client.get("/tem-da-huy.csv").data.decode("utf-8-sig")
    assert show_serial(1001) in body
    assert open_world.cooperative.name not in body
    assert show_serial(1100) not in body


@pytest.mark.parametrize("size", ["a4", "a5", "zz", ""])
def test_a_poster_carries_the_way_to_its_product(
    client: FlaskClient, open_world: factories.World, size: str, tmp_path: Path
) -> None:
    import pypdfium2
    import zxingcpp

    answer = client.get(f"/san-pham/{key_of(open_world.product)}/to-dan.pdf", query_string={"kho": size})
    assert answer.mimetype == "application/pdf"
    with pypdfium2.PdfDocument(answer.data) as document:
        assert len(document) == 1
        wide = document[0].get_size()[0] / 72 * 25.4
        assert round(wide) == (148 if size == "a5" else 210)
        found = zxingcpp.read_barcodes(document[0].render(scale=2).to_pil())
    assert [each.text for each in found] == [f"HTTPS://TEMTHAT.TEST/SP/{slugs.short(open_world.product.id).upper()}"]


def test_a_poster_with_a_name_is_for_the_holder_and_while_the_right_stands(
    session: Session, open_world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    path = f"/giay-chung-nhan/{open_world.certificate.id}/to-dan/{open_world.product.id}.pdf"
    clerk = sign_in(open_world.clerk)
    assert clerk.get(path).mimetype == "application/pdf"
    assert path in clerk.get(f"/giay-chung-nhan/{open_world.certificate.id}").get_data(as_text=True)
    assert (
        clerk.get(f"/giay-chung-nhan/{open_world.other_certificate.id}/to-dan/{open_world.product.id}.pdf").status_code
        == 404
    )
    assert (
        clerk.get(f"/giay-chung-nhan/{open_world.certificate.id}/to-dan/{open_world.title.id}.pdf").status_code == 404
    )
    open_world.certificate.status, open_world.certificate.status_reason = CertificateStatus.SUSPENDED, "mẫu"
    session.commit()
    assert clerk.get(path).status_code == 409
