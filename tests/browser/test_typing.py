"""Codes typed by hand, hidden digits and places told: on a phone, with scripts and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, text

from labels import lot_code
from labels.code import hidden_code, show
from tests.browser.conftest import AGENT, PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.factories import SECRET
from tests.services.test_scanning import code_of, issue
from trace.config import ROOT
from trace.models.parties import Commune
from trace.models.scans import LabelOpening, ScanPosition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

RIGHT = hidden_code(1, SECRET)
MOST_SCRIPT = 3 * 1024


@pytest.fixture
def labelled(served: Served) -> Served:
    """Labels 1 to 20 with hidden digits."""
    issue(served.session, served.world).hidden_codes = True
    served.session.commit()
    return served


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A phone whose browser runs no scripts."""
    context = browser.new_context(viewport=PHONE, locale="vi-VN", java_script_enabled=False, user_agent=AGENT)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def box(page: Page) -> Any:
    return page.get_by_label("Mã trên tem hoặc thùng")


def test_the_scripts_are_small() -> None:
    for name in ("code-entry.js", "place.js"):
        assert (ROOT / "trace" / "static" / name).stat().st_size <= MOST_SCRIPT


def test_a_code_is_grouped_while_it_is_typed_and_a_wrong_sign_is_named_at_once(
    labelled: Served, visitor: Callable[..., Visitor]
) -> None:
    someone = visitor(PHONE)
    page = someone.go("/nhap-ma")
    right = code_of(3)
    box(page).press_sequentially(right.lower())
    expect(box(page)).to_have_value(show(right))
    said = page.locator("#code-said")
    expect(said).to_have_text("")
    # A sign changed in the middle: the caret stays where the typing goes on.
    page.evaluate("document.querySelector('#code').setSelectionRange(6, 6)")
    page.keyboard.press("Backspace")
    page.keyboard.type("u")
    expect(said).to_contain_text("Ký tự thứ 5 là “U”")
    assert page.evaluate("document.querySelector('#code').selectionStart") == 6
    page.keyboard.press("Backspace")
    page.keyboard.type(right[4])
    expect(box(page)).to_have_value(show(right))
    expect(said).to_have_text("")
    page.keyboard.type("")
    box(page).press("End")
    page.keyboard.type("7")
    expect(said).to_contain_text("13 ký tự")
    page.keyboard.press("Backspace")
    page.get_by_role("button", name="Kiểm tra mã này").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tem hợp lệ")
    assert someone.errors == []


def test_a_wrong_lot_code_is_found_before_sending_and_an_address_may_be_pasted(
    labelled: Served, visitor: Callable[..., Visitor]
) -> None:
    someone = visitor(PHONE)
    page = someone.go("/nhap-ma")
    public = labelled.world.lot.public_code
    wrong = public[:7] + ("7" if public[7] != "7" else "8")
    box(page).fill(wrong)
    box(page).press("Tab")
    expect(page.locator("#code-said")).to_contain_text("sai một ký tự")
    box(page).fill(f"https://temthat.test/L/{public}?xem=1")
    expect(page.locator("#code-said")).to_have_text("")
    box(page).press("Enter")
    page.wait_for_url(re.compile("/L/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Mã của cả lô")
    assert lot_code.parse(public) == public
    assert someone.errors == []


def test_without_scripts_the_server_says_the_same(labelled: Served, plain: Page) -> None:
    plain.goto(labelled.url + "/nhap-ma")
    box(plain).fill("7K4M-92QU-XJ3P")
    plain.get_by_role("button", name="Kiểm tra mã này").click()
    expect(plain.locator("#code-error")).to_contain_text("Ký tự thứ 8 là “U”")
    expect(box(plain)).to_have_value("7K4M-92QU-XJ3P")
    box(plain).fill(show(code_of(4)).lower())
    plain.get_by_role("button", name="Kiểm tra mã này").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Tem hợp lệ")


def test_the_typing_page_is_usable_in_every_state(labelled: Served, visitor: Callable[..., Visitor]) -> None:
    page = visitor(PHONE).go("/nhap-ma?code=7K4M-92QU-XJ3P")
    assert faults(page) == []
    page = visitor(PHONE).go(f"/T/{code_of(1)}/vi-tri")
    assert faults(page) == []


def scratch(page: Page, digits: str) -> None:
    page.locator("input[name=ma]").fill(digits)
    page.get_by_role("button", name="Kiểm tra mã bí mật").click()


def test_hidden_digits_open_a_label_with_and_without_scripts(
    labelled: Served, visitor: Callable[..., Visitor], plain: Page
) -> None:
    page = visitor(PHONE).go(f"/T/{code_of(1)}")
    scratch(page, "12345")
    expect(page.get_by_text("Mã bí mật có 6 chữ số").first).to_be_visible()
    scratch(page, f"{(int(RIGHT) + 1) % 1_000_000:06d}")
    expect(page.get_by_text("Mã bí mật không khớp").first).to_be_visible()
    scratch(page, f"{RIGHT[:3]} {RIGHT[3:]}")
    expect(page.get_by_text("Mã bí mật khớp, lần đầu").first).to_be_visible()
    assert faults(page) == []
    plain.goto(f"{labelled.url}/T/{code_of(1)}")
    summary = plain.locator("details:has(input[name=ma]) > summary")
    if summary.count():
        summary.click()
    scratch(plain, RIGHT)
    expect(plain.get_by_text(re.compile("Mã bí mật khớp, nhưng đã")).first).to_be_visible()
    assert labelled.session.scalar(select(func.count()).select_from(LabelOpening)) == 1


def test_a_phone_sends_its_cell_after_a_tick_and_takes_it_back(
    labelled: Served, visitor: Callable[..., Visitor]
) -> None:
    someone = visitor(PHONE)
    commune = labelled.world.commune
    # The commune lies around the middle of the cell in which the phone is.
    labelled.session.execute(
        text(
            "UPDATE commune SET boundary = ST_Multi(ST_Expand(ST_SetSRID(ST_MakePoint(106.425, 20.875), 4326), 0.02)) WHERE code = :c"
        ),
        {"c": commune.code},
    )
    labelled.session.commit()
    someone.context.grant_permissions(["geolocation"], origin=labelled.url)
    someone.context.set_geolocation({"latitude": 20.8912345, "longitude": 106.4123456})
    page = someone.go(f"/T/{code_of(1)}")
    page.goto(f"{labelled.url}/T/{code_of(1)}/vi-tri")
    consent = page.get_by_label("Tôi đồng ý")
    expect(consent).not_to_be_checked()
    page.get_by_role("button", name="Gửi vị trí gần đúng").click()
    expect(page.locator("#said")).to_contain_text("đánh dấu vào ô")
    consent.check()
    page.get_by_role("button", name="Gửi vị trí gần đúng").click()
    page.wait_for_url(re.compile("/vi-tri/"))
    expect(page.locator("main")).to_contain_text(str(labelled.session.get_one(Commune, commune.code).name))
    kept = labelled.session.scalars(select(ScanPosition)).one()
    assert (kept.cell_row, kept.cell_column, kept.province) == (417, 2128, 31)
    assert faults(page) == []
    page.get_by_role("button", name="Rút lại").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đã rút lại vị trí của bạn")
    assert someone.errors == []


def test_without_scripts_a_place_is_chosen_from_the_list(labelled: Served, plain: Page) -> None:
    plain.goto(f"{labelled.url}/T/{code_of(1)}")
    plain.goto(f"{labelled.url}/T/{code_of(1)}/vi-tri")
    expect(plain.get_by_role("button", name="Gửi vị trí gần đúng")).to_be_hidden()
    plain.get_by_role("button", name="Gửi nơi đã chọn").click()
    expect(plain.locator("#errors")).to_contain_text("Đánh dấu vào ô nếu bạn đồng ý")
    plain.get_by_label("Tôi đồng ý").check()
    plain.get_by_label("Tỉnh, thành phố khác").select_option("22")
    plain.get_by_role("button", name="Gửi nơi đã chọn").click()
    expect(plain.locator("main")).to_contain_text("Quảng Ninh")
