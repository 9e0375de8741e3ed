"""The public register in a browser: no fault for anybody, light on the wire, printable, the same without scripts; and how pairs are marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.browser.conftest import DESK, PHONE, City, Visitor
from tests.browser.looks import faults
from tests.browser.wire import KB, Budget, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("city-2")]

GALLERY = Budget(total=50 * KB, script=0, document_and_style=14 * KB, requests=4)


@pytest.fixture
def phone(browser: Browser, city: City) -> Iterator[Visitor]:
    visitor = Visitor(browser, city.url, PHONE)
    yield visitor
    visitor.context.close()


@pytest.fixture
def desk(browser: Browser, city: City) -> Iterator[Visitor]:
    visitor = city.enter(Visitor(browser, city.url, DESK), "quanly")
    yield visitor
    visitor.context.close()


def addresses(visitor: Visitor) -> list[str]:
    """Every public page, as the map of the site names them, and some with questions."""
    answer = visitor.context.request.get(f"{visitor.url}/sitemap.xml")
    found = [urlsplit(loc).path for loc in re.findall(r"<loc>([^<]+)", answer.text())]
    users = next(path for path in found if path.endswith("/nguoi-su-dung"))
    return [
        *found,
        "/tra-cuu?q=thanh",
        "/tra-cuu?q=khongcogi",
        f"{users}?ngay=01/01/2026",
        f"{users}?ngay=xx",
        "/tem-da-huy?loai=lost",
    ]


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_public_page_is_sound_in_both_languages(phone: Visitor, locale: str) -> None:
    wrong, kinds = [], set()
    for path in addresses(phone):
        # One page of each kind is enough for axe; the words and the width are looked at everywhere.
        kind = re.sub(r"/[^/]+-[0-9a-f]{8}", "/x", path)
        kinds.add(kind)
        page = phone.go(f"{path}{'&' if '?' in path else '?'}lang={locale}")
        wrong += [f"{path}: {fault}" for fault in faults(page, locale, f"{kind}{locale}")]
    wrong += [said for said in phone.errors if "Failed to load resource" not in said]
    assert len(kinds) > 10
    assert not wrong, "\n".join(wrong)
    assert phone.context.cookies() == []


def test_the_gallery_and_the_goods_are_light(phone: Visitor) -> None:
    wire = Wire(phone.page)
    every = addresses(phone)
    paths = [
        "/that-gia",
        *[path for path in every if re.fullmatch(r"/(san-pham|nhan-hieu)/[^/]+", path)],
        "/nhan-hieu",
        "/tem-da-huy",
    ]
    for path in paths:
        wire.forget()
        phone.context.clear_cookies()
        phone.page.goto("about:blank")
        devtools = phone.context.new_cdp_session(phone.page)
        devtools.send("Network.clearBrowserCache")
        wire.forget()
        phone.go(path)
        assert wire.size("Document", "Stylesheet") <= (GALLERY.document_and_style or 0), path
        assert wire.size("Script") == 0, path
        assert wire.size() <= GALLERY.total, (path, wire.sent)
        assert sum(one.kind != "Image" for one in wire.sent.values()) == 2, path
        # What is asked for at once; pictures further down come when they are near, and how near is the browser's choice.
        at_once = phone.page.locator("img:not([loading=lazy])").count()
        assert 2 + at_once <= (GALLERY.requests or 0), path


def test_a_printed_page_keeps_what_matters(phone: Visitor) -> None:
    page = phone.go("/that-gia")
    page.emulate_media(media="print")
    for gone in (".head", ".menu"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator("article.pair").first.is_visible()
    assert "temthat.test/that-gia" in page.locator(".only-print").inner_text()


def test_everything_works_without_scripts(browser: Browser, city: City) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{city.url}/tra-cuu")
    page.get_by_label("Bạn tìm gì?").fill("nuoc mam")
    page.locator("main").get_by_role("button").click()
    page.get_by_role("link", name="Nước mắm Cát Hải").first.click()
    assert "/san-pham/nuoc-mam-cat-hai-" in page.url
    page.get_by_role("link", name="Ai được dùng nhãn hiệu").click()
    page.locator("tbody a").first.click()
    assert "/gcn/" in page.url.lower()
    page.goto(f"{city.url}/tem-da-huy")
    page.get_by_label("Mã của tôi có nằm trong đó không?").fill("7K4M-92QD-XJ3P")
    page.get_by_role("button", name="Kiểm tra mã này").click()
    assert "/T/7K4M92QDXJ3P" in page.url
    context.close()


def test_a_keeper_marks_a_difference_by_a_click_and_sees_the_label(desk: Visitor, tmp_path: Path) -> None:
    wrong: list[str] = []

    def look() -> None:
        wrong.extend(f"{desk.page.url}: {fault}" for fault in faults(desk.page))

    for name, colour in (("that", "#883322"), ("nghi", "#338822")):
        Image.new("RGB", (800, 600), colour).save(tmp_path / f"{name}.jpg")
    page = desk.go("/van-bang")
    page.get_by_role("link", name="Vải thiều Thanh Hà").first.click()
    title = page.url
    page.get_by_role("link", name="Thật – giả Vải thiều sấy").click()
    look()
    page.get_by_role("link", name="Thêm một cặp ảnh").click()
    look()
    page.get_by_label("Ảnh hàng thật", exact=True).set_input_files(tmp_path / "that.jpg")
    page.get_by_label("Ảnh hàng kia", exact=True).set_input_files(tmp_path / "nghi.jpg")
    page.get_by_label("Hai ảnh cho thấy gì, bằng tiếng Việt").fill("Mặt sau hộp")
    page.get_by_label("Như trên, bằng tiếng Anh").fill("Back of the box")
    page.get_by_label("Ngày phát hiện hàng kia").fill("01/11/2026")
    page.get_by_label("Hàng kia là gì").select_option("suspect")
    page.get_by_label("Nguồn, bằng tiếng Việt").fill("Ảnh mẫu")
    page.get_by_label("Nguồn, bằng tiếng Anh").fill("Drawn sample")
    page.get_by_role("button", name="Lưu").click()
    look()
    shot = page.locator("#pictures .shot").first
    box = shot.bounding_box()
    assert box
    shot.click(position={"x": box["width"] / 4, "y": box["height"] / 2})
    first = page.locator("fieldset[data-mark]").first
    for label, percent in (("Từ mép trái, %", 25), ("Từ mép trên, %", 50)):
        assert abs(float(first.get_by_label(label).input_value().replace(",", ".")) - percent) < 1
    assert page.locator("#pictures circle").count() == 4
    first.get_by_label("Tiếng Việt").fill("Khác màu")
    first.get_by_label("Tiếng Anh").fill("Another colour")
    page.get_by_role("button", name="Lưu").click()
    page.get_by_role("button", name="Công bố cặp này").click()
    assert "người khác phải công bố" in page.locator("#errors").inner_text()
    look()
    page.get_by_label("Lý do").fill("Chỉ để thử")
    page.get_by_role("button", name="Rút cặp này").click()
    look()
    page.goto(title)
    page.get_by_role("link", name="Nhãn điện tử Vải thiều tươi").click()
    look()
    page.get_by_label("Có gì mới").fill("Thêm cỡ gói")
    page.get_by_label("Định lượng").fill("300 g")
    page.get_by_role("button", name="Xem trước").click()
    assert "Chưa lưu gì" in page.locator("main").inner_text()
    look()
    assert not wrong, "\n".join(wrong)
