"""The lists of the desk by keyboard alone, and how many presses lie between the queue and a case with its first document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from enforcement import cases
from enforcement.papers import templates
from tests.browser.looks import faults
from tests.conftest import NOW
from tests.enforcement import desk
from trace import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Served, Visitor

pytestmark = pytest.mark.browser

MOST_PRESSES = 6
"""From the open queue to a case with its first document drawn up: keys and clicks together."""


class Hand:
    """A hand that counts what it does."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys, self.clicks = page, 0, 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1


@pytest.fixture
def officer(visitor: Callable[..., Visitor], served: Served) -> Visitor:
    one = visitor()
    one.sign_in(served.world.officer)
    return one


@pytest.fixture
def head(visitor: Callable[..., Visitor], served: Served) -> Visitor:
    one = visitor()
    one.sign_in(served.world.team_head)
    return one


def row(page: Page, n: int) -> Any:
    return page.locator("[data-desk-list] tbody tr").nth(n)


def test_from_the_queue_to_a_first_document_in_a_handful_of_presses(served: Served, officer: Visitor) -> None:
    desk.signal(served.session, place="Chợ mẫu Đổ")
    templates.seed(served.session)
    served.session.commit()
    hand = Hand(officer.go("/hang-doi"))
    hand.press("j")
    hand.press("Enter")
    officer.page.wait_for_url(re.compile("/hang-doi/[0-9a-f-]{36}"))
    hand.click(officer.page.get_by_role("button", name="Mở vụ việc"))
    officer.page.wait_for_url(re.compile("/vu-viec/[0-9a-f-]{36}"))
    hand.click(officer.page.locator(".tabs a", has_text="Văn bản"))
    hand.click(officer.page.locator("form[action$='/van-ban/soan'] button").first)
    officer.page.wait_for_url(re.compile("/van-ban/[0-9a-f-]{36}"))
    print(f"keys {hand.keys}, clicks {hand.clicks}")
    assert hand.keys + hand.clicks <= MOST_PRESSES


def test_the_keys_move_tick_and_act_and_the_row_is_in_hand_again_on_the_way_back(served: Served, head: Visitor) -> None:
    made = [desk.case(served.session, served.world, served.files) for _ in range(3)]
    served.session.commit()
    page = head.go("/vu-viec")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row(page, 1).locator("th a")).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, 0).locator("th a")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(row(page, 1).locator("input[type=checkbox]")).to_be_checked()
    expect(page.locator("[data-chosen]")).to_have_text("Đã chọn 1")
    exports = page.locator("#bulk button[value=export]")
    expect(exports).to_have_text((exports.get_attribute("data-export-chosen") or "").replace("{n}", "1"))
    page.keyboard.press("x")
    expect(exports).to_have_text(exports.get_attribute("data-export-all") or "–")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/vu-viec/[0-9a-f-]{36}"))
    page.go_back()
    expect(row(page, 1).locator("th a")).to_be_focused()
    page.keyboard.press("a")
    page.wait_for_url("**/hang-loat")
    page.get_by_label("Cán bộ", exact=True).select_option(str(served.world.officer.id))
    page.get_by_label("Lý do").fill("Chia việc")
    page.get_by_role("button", name="Xem trước").click()
    expect(page.locator(".consequence")).to_contain_text("1 vụ sẽ giao cho")
    page.get_by_role("button", name=re.compile("^Giao vụ việc: 1")).click()
    page.wait_for_url("**/vu-viec")
    expect(page.locator("[data-undo]")).to_contain_text("giây")
    assert faults(page) == []
    page.get_by_role("button", name="Hoàn tác").click()
    page.wait_for_url(re.compile("/hang-loat/[0-9a-f-]{36}"))
    served.session.expire_all()
    assert [case.officer_id for case in made] == [None, None, None]
    assert head.errors == []


def test_no_key_acts_while_somebody_writes_or_has_switched_them_off(served: Served, head: Visitor) -> None:
    case = desk.case(served.session, served.world, served.files)
    cases.claim(served.session, case.id, by=served.world.officer.id, at=clock.now())
    served.session.commit()
    page = head.go("/vu-viec")
    page.keyboard.press("/")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.type("xjka?")
    expect(page.locator("#filter-q")).to_have_value("xjka?")
    expect(row(page, 0).locator("input[type=checkbox]")).not_to_be_checked()
    row(page, 0).locator("th a").focus()
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#keys-help")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Tắt phím tắt").click()
    expect(page.locator("[data-desk-list]")).to_have_attribute("data-keys", "off")
    page.keyboard.press("j")
    expect(row(page, 0).locator("th a")).not_to_be_focused()


def test_a_phone_shows_cards_and_every_page_of_many_is_sound(served: Served, visitor: Callable[..., Visitor]) -> None:
    from tests.browser.conftest import PHONE

    desk.labels(served.session, served.world)
    case = desk.case(served.session, served.world, served.files, serial=7, place="Chợ mẫu")
    desk.scans(served.session, 7, desk.VerdictKind.SUSPECTED_COPY, devices=2, at=NOW)
    desk.signal(served.session, place="Chợ khác")
    served.session.commit()
    phone = visitor(PHONE)
    phone.sign_in(served.world.officer)
    for path in (
        "/vu-viec",
        "/hang-doi",
        f"/vu-viec/{case.id}/tem-lien-quan",
        f"/vu-viec/{case.id}/dien-bien-in",
        "/bo-loc",
        "/hang-loat",
    ):
        page = phone.go(path)
        assert faults(page) == [], path
    assert phone.errors == []
