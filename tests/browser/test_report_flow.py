"""A suspicion reported from a market: on a phone, with and without scripts, with a network that goes in the middle of a photo.

Every screen is judged on the way: usable without eyes, no sideways scroll at 320 pixels, no words of another language.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select, text

from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import t
from tests.browser.wire import KB, REPORT, Wire
from trace.models.tips import Bought, Tip, TipUpload
from trace.services import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.browser

DRAFT = "JSON.parse(localStorage.getItem('report-draft'))"
SLOW = {"offline": False, "latency": 40, "downloadThroughput": -1, "uploadThroughput": 40 * KB}


@pytest.fixture
def shots(tmp_path: Path) -> Callable[[Page, str], None]:
    """Pictures of what was seen, for whoever has to judge it."""

    def take(page: Page, name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

    return take


@pytest.fixture
def plain(browser: Browser, served: Served) -> Iterator[Page]:
    """A phone whose browser runs no scripts."""
    context: BrowserContext = browser.new_context(viewport=PHONE, locale="vi-VN", java_script_enabled=False)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def camera(folder: Path, name: str = "IMG_0001.jpg", seed: int = 60) -> Path:
    """A photo as a camera makes it: large, and with the place where it was taken."""
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "MAY ANH MAU", {1: "N", 2: (20.0, 51.0, 0.0), 3: "E", 4: (106.0, 40.0, 0.0)}
    made = folder / name
    Image.effect_noise((2400, 1800), seed).convert("RGB").save(made, "JPEG", quality=92, exif=exif.tobytes())
    return made


def go_on(page: Page) -> None:
    page.get_by_role("button", name=t("Go on")).last.click()


def why(page: Page, words: str = "Tem bóc ra dán lại được.") -> None:
    page.get_by_role("radio", name=t("TipReason.goods_differ")).check()
    page.get_by_label(t("What did you see?")).fill(words)
    go_on(page)


def report(page: Page, url: str) -> None:
    """The shortest way to a receipt."""
    page.goto(url + "/report")
    why(page)
    page.get_by_label(t("Shop, market or stall")).fill("Chợ mẫu, sạp 12")
    go_on(page)
    go_on(page)
    page.get_by_role("button", name=t("Send the report")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")


def only_tip(served: Served) -> Tip:
    served.session.rollback()
    return served.session.scalars(select(Tip)).one()


def test_a_report_with_scripts_from_question_to_receipt(
    served: Served, visitor: Callable[..., Visitor], shots: Callable[[Page, str], None]
) -> None:
    someone = visitor(PHONE)
    someone.context.grant_permissions(["geolocation"])
    someone.context.set_geolocation({"latitude": 20.861234, "longitude": 106.683456})
    wire = Wire(someone.page)
    page = someone.go("/report?differs=Niêm phong nổi ở miệng túi")
    wrong = faults(page)
    shots(page, "1-why")
    why(page)
    # A shop asks for a place, the web for an address; what does not concern the choice is out of the way.
    expect(page.get_by_label(t("Address of the page, if bought online"))).to_be_visible()
    shots(page, "2-where")
    wrong += faults(page)
    page.get_by_role("radio", name=t("Bought.online")).check()
    expect(page.get_by_label(t("Shop, market or stall"))).to_be_hidden()
    shots(page, "2-where-online")
    wrong += faults(page)
    page.get_by_role("radio", name=t("Bought.shop")).check()
    expect(page.get_by_label(t("Address of the page, if bought online"))).to_be_hidden()
    page.get_by_text(t("I am there now: use the current position")).click()
    locate = page.get_by_role("button", name=t("Use the current position"), exact=True)
    expect(locate).to_be_disabled()
    assert not page.locator("#cell_consent").is_checked()
    page.locator("#cell_consent").check()
    locate.click()
    expect(page.locator(".position [data-said]")).to_have_text(t("Noted: an area of about 5 km around you."))
    assert page.locator("input[name=cell]").input_value() == "20.875,106.675", "the point itself stays on the telephone"
    page.get_by_label(t("Price")).fill("85.000")
    shots(page, "2-where-shop")
    wrong += faults(page)
    go_on(page)
    wrong += faults(page)
    shots(page, "3-contact")
    page.get_by_label(t("Telephone or e-mail")).fill("0912 345 678")
    page.locator("#consent").check()
    go_on(page)
    wrong += faults(page)
    shots(page, "4-check")
    kept = page.evaluate(DRAFT)
    assert kept["said"]["description"] == "Tem bóc ra dán lại được."
    assert "0912" not in str(kept)
    assert "106.675" not in str(kept)
    page.get_by_role("button", name=t("Send the report")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")
    expect(page.locator("#lien-he")).to_be_visible()
    shots(page, "5-receipt")
    wrong += faults(page)
    assert page.evaluate("localStorage.length") == 0, "what has arrived is not kept on the device"
    assert "0912" not in page.content()
    assert wire.size() <= REPORT.total
    assert wire.size("Script") <= REPORT.script
    page.get_by_label(t("What else you noticed")).fill("Họ còn bán ở cổng sau.")
    page.get_by_role("button", name=t("Add it to the report")).click()
    page.get_by_role("button", name=t("Delete my contact")).click()
    expect(page.locator("#lien-he")).to_contain_text("Đã xóa lúc")
    shots(page, "6-follow")
    wrong += [*faults(page), *someone.errors]
    assert not wrong, "\n".join(wrong)
    tip = only_tip(served)
    assert (tip.bought, tip.cell, tip.price_vnd, tip.differs) == (
        Bought.SHOP, "20.875,106.675", 85_000, ["Niêm phong nổi ở miệng túi"],
    )  # fmt: skip
    assert [message.body for message in tip.messages] == ["Họ còn bán ở cổng sau."]
    assert someone.context.cookies() == []


def test_a_report_without_scripts_from_question_to_photo(
    served: Served, plain: Page, tmp_path: Path, shots: Callable[[Page, str], None]
) -> None:
    plain.goto(served.url + "/report")
    go_on(plain)  # nothing filled in
    expect(plain.locator("#errors")).to_be_visible()
    shots(plain, "plain-error")
    why(plain, "Quả nhỏ, vỏ dày.")
    expect(plain.locator(".position")).to_be_hidden()
    plain.get_by_role("radio", name=t("Bought.online")).check()
    shots(plain, "plain-online")
    plain.get_by_label(t("Address of the page, if bought online")).fill("lazada.vn/vai")
    plain.get_by_label(t("Day on which you bought or saw it")).fill("31/12/2099")
    go_on(plain)
    expect(plain.locator("#errors")).to_contain_text("Ngày này chưa tới.")
    shots(plain, "plain-future")
    plain.get_by_label(t("Day on which you bought or saw it")).fill("")
    go_on(plain)
    go_on(plain)
    plain.get_by_role("button", name=t("Send the report")).click()
    expect(plain.get_by_role("heading", level=1)).to_contain_text("PA-")
    plain.locator("input[type=file]").set_input_files([camera(tmp_path), camera(tmp_path, "khac.jpg", 30)])
    plain.get_by_role("button", name=t("Send photos")).click()
    expect(plain.locator("#anh")).to_contain_text("Đã nhận 2 ảnh.")
    tip = only_tip(served)
    assert (tip.bought, len(tip.photos)) == (Bought.ONLINE, 2)
    shots(plain, "plain-receipt")


def offset(served: Served) -> int:
    served.session.rollback()
    return served.session.scalars(select(TipUpload.received)).one_or_none() or 0


def until_some_arrived(served: Served, page: Page) -> int:
    for _ in range(200):
        if arrived := offset(served):
            return arrived
        page.wait_for_timeout(50)
    raise AssertionError("no piece arrived")


def test_a_photo_survives_a_lost_connection_and_a_reload(
    served: Served, visitor: Callable[..., Visitor], tmp_path: Path, shots: Callable[[Page, str], None]
) -> None:
    someone = visitor(PHONE)
    page = someone.page
    report(page, served.url)
    page.wait_for_selector("form[data-photos][data-ready]")
    line = page.locator("ul.sending li")
    devtools = someone.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW)
    page.locator("input[type=file]").set_input_files(camera(tmp_path))
    before = until_some_arrived(served, page)
    expect(line).to_have_text(re.compile(r"đang gửi: \d+ %"))
    shots(page, "photo-sending")
    assert faults(page) == []
    someone.context.set_offline(True)
    devtools.send("Network.emulateNetworkConditions", {**SLOW, "offline": True})
    expect(line).to_contain_text(t("No connection. It goes on by itself."))
    expect(line.get_by_role("button", name=t("Send again"))).to_be_visible()
    shots(page, "photo-offline")
    stopped = offset(served)
    assert before <= stopped < files.MOST_BYTES
    someone.context.set_offline(False)
    devtools.send("Network.emulateNetworkConditions", SLOW)
    # It goes on from where it stopped, not from the beginning; then the page is loaded anew in the middle.
    for _ in range(200):
        if offset(served) > stopped:
            break
        page.wait_for_timeout(50)
    assert offset(served) > stopped
    page.reload()
    expect(line).to_have_count(1)
    devtools.send("Network.emulateNetworkConditions", {**SLOW, "uploadThroughput": -1})
    expect(line).to_contain_text(t("sent"), timeout=20_000)
    expect(page.locator("[data-said]").last).to_have_text(t("All photos have arrived."))
    shots(page, "photo-sent")
    tip = only_tip(served)
    assert len(tip.photos) == 1
    assert tip.photos[0].file.size <= 300 * KB, "made smaller on the telephone"
    original = files.original_path(served.files, tip.photos[0].file).read_bytes()
    assert b"MAY ANH MAU" not in original
    assert served.session.scalar(text("SELECT count(*) FROM tip_upload")) == 0
    page.reload()
    expect(page.locator("#anh")).to_contain_text("Đã nhận 1 ảnh.")
    expect(line).to_have_count(0)


def test_of_many_photos_five_are_sent_and_the_rest_is_told(
    served: Served, visitor: Callable[..., Visitor], tmp_path: Path, shots: Callable[[Page, str], None]
) -> None:
    someone = visitor(PHONE)
    page = someone.page
    report(page, served.url)
    page.wait_for_selector("form[data-photos][data-ready]")
    pictures = []
    for number in range(9):
        pictures.append(tmp_path / f"{number}.png")
        Image.new("RGB", (40, 30), (number * 20, 90, 90)).save(pictures[-1])
    pictures.insert(1, tmp_path / "0.png")  # the same one twice
    notes = tmp_path / "ghi-chu.jpg"
    notes.write_bytes(b"no photo at all")
    page.locator("input[type=file]").set_input_files([notes])
    refused = page.locator("li[data-state=failed]")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("JPEG, HEIC, PNG")
    page.locator("input[type=file]").set_input_files(pictures)
    expect(page.locator("li[data-state=sent]")).to_have_count(5)
    expect(page.locator("li[data-state=out]")).to_contain_text("nhiều nhất 5 ảnh")
    shots(page, "photos-full")
    assert faults(page) == []
    assert len(only_tip(served).photos) == 5
    assert [error for error in someone.errors if "422" not in error] == []


def test_a_draft_waits_on_the_device_and_only_there(
    served: Served, visitor: Callable[..., Visitor], shots: Callable[[Page, str], None]
) -> None:
    someone = visitor(PHONE)
    page = someone.go("/report")
    page.get_by_role("radio", name=t("TipReason.no_label")).check()
    page.get_by_label(t("What did you see?")).fill("Không có tem nào.")
    go_on(page)
    page.get_by_label(t("Shop, market or stall")).fill("Chợ mẫu")
    page = someone.go("/report")  # left and came back
    box = page.locator("[data-draft]")
    expect(box).to_be_visible()
    shots(page, "draft")
    assert faults(page) == []
    box.get_by_role("button", name=t("Fill it in")).click()
    expect(page.get_by_label(t("What did you see?"))).to_have_value("Không có tem nào.")
    go_on(page)
    expect(page.get_by_label(t("Shop, market or stall"))).to_have_value("Chợ mẫu")
    page = someone.go("/report")
    page.locator("[data-draft]").get_by_role("button", name=t("Delete it")).click()
    assert page.evaluate("localStorage.length") == 0
    # A day later it is gone by itself.
    page.evaluate(
        "localStorage.setItem('report-draft', JSON.stringify({at: Date.now() - 25 * 36e5, about: '', said: {place: 'x'}}))"
    )
    page = someone.go("/report")
    expect(page.locator("[data-draft]")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0
    assert someone.errors == []


def test_where_storage_refuses_there_is_no_draft_and_nothing_breaks(
    served: Served, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    someone = visitor(PHONE)
    someone.context.add_init_script(
        "for (const name of ['localStorage', 'indexedDB']) Object.defineProperty(window, name, {get() { throw new DOMException('refused'); }});"
    )
    page = someone.page
    report(page, served.url)
    page.locator("input[type=file]").set_input_files(camera(tmp_path))
    expect(page.locator("li[data-state=sent]")).to_have_count(1, timeout=20_000)
    assert someone.errors == []
    assert len(only_tip(served).photos) == 1


def test_the_same_words_again_and_a_full_hour_are_told_kindly(
    served: Served, visitor: Callable[..., Visitor], shots: Callable[[Page, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = visitor(PHONE)
    report(someone.page, served.url)
    page = someone.go("/report")
    why(page)
    page.get_by_label(t("Shop, market or stall")).fill("Chợ mẫu, sạp 12")
    go_on(page)
    go_on(page)
    page.get_by_role("button", name=t("Send the report")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(t("This report has already arrived"))
    shots(page, "twice")
    wrong: list[Any] = faults(page)
    from trace.services import limits

    monkeypatch.setitem(limits.OF_ONE, limits.Limited.REPORT, limits.Rate(1, 3600.0))
    page.get_by_role("button", name=t("This is another case: send it")).click()
    expect(page.locator("#errors")).to_contain_text("Hãy gửi lại sau")
    shots(page, "too-many")
    assert not [*wrong, *faults(page)]


def test_both_languages_hold(
    served: Served, visitor: Callable[..., Visitor], shots: Callable[[Page, str], None]
) -> None:
    page = visitor(PHONE).go("/report?lang=en")
    wrong = faults(page, "en")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Go on").last.click()
    wrong += faults(page, "en")
    shots(page, "en-where")
    page.get_by_role("radio", name="On the web").check()
    page.get_by_role("button", name="Go on").last.click()
    expect(page.locator("#errors")).to_be_visible()
    wrong += faults(page, "en")
    page.get_by_label("Name of the seller or the page").fill("Sample garden")
    page.get_by_role("button", name="Go on").last.click()
    page.get_by_role("button", name="Go on").last.click()
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")
    shots(page, "en-receipt")
    wrong += faults(page, "en")
    assert not wrong, "\n".join(wrong)
