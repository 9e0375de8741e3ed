"""Work done with nothing but the keyboard, every stop visible; and text at twice its size on a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import WIDE, faults
from tests.browser.test_story import t
from tests.conftest import digits_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser

MOST_STOPS = 80
# The stop itself or, for a radio in a group, nothing less: where it is, whether its mark shows, whether it lies in the window uncovered.
STOP = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  const words = [node.labels?.[0]?.innerText, node.getAttribute("aria-label"), node.innerText, node.value].find((text) => text?.trim()) ?? "";
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
  return {
    words: words.trim().replace(/\\s+/g, " "),
    marked: node.matches(":focus-visible") && (parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none"),
    uncovered: Boolean(at) && (node.contains(at) || at.contains(node)),
  };
}"""


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the stop with these words has the focus. Every stop on the way must show that it has it."""
    passed = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            continue
        passed.append(stop["words"])
        assert stop["marked"], f"the focus cannot be seen on “{stop['words']}” at {page.url}"
        assert stop["uncovered"], f"“{stop['words']}” is covered or outside the window at {page.url}"
        if re.search(words, stop["words"]):
            return
    raise AssertionError(f"Tab never came to “{words}” at {page.url}, only to {passed}")


def press(page: Page, words: str) -> None:
    """Go to a link or button and press Enter."""
    tab_to(page, words)
    enter(page)


def enter(page: Page) -> None:
    """Send the form from the field where one is."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def w(english: str, **facts: object) -> str:
    """The Vietnamese words as a pattern for the beginning of a stop's own."""
    return "^" + re.escape(t(english, **facts))


def report_by_mouse(visitor: Visitor) -> Page:
    """A whole report, photos aside; ends at the receipt."""
    page = visitor.go("/report")
    page.get_by_role("radio").first.check()
    page.get_by_label(t("What did you see?")).fill("Tem bóc ra dán lại được.")
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_label(t("Shop, market or stall")).fill("Chợ mẫu, sạp 12")
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_role("button", name=t("Send the report")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")
    return page


def test_labels_are_ordered_by_keyboard_alone(served: Served, visitor: Callable[..., Visitor]) -> None:
    page = visitor().go("/dang-nhap")
    tab_to(page, w("Sign-in name"))
    page.keyboard.type(served.world.clerk.login)
    tab_to(page, w("Password"))
    page.keyboard.type(factories.PASSWORD)
    enter(page)
    tab_to(page, w("Six digits"))
    page.keyboard.type(digits_of(served.world.clerk))
    enter(page)
    press(page, w("Order labels for a certified lot"))
    press(page, w("Order for lot %(code)s", code=served.world.lot.code))
    wrong = faults(page)
    tab_to(page, w("How many labels?"))
    page.keyboard.type("120")
    tab_to(page, " g$")
    page.keyboard.press("Space")
    press(page, w("Continue"))
    wrong += faults(page)
    press(page, w("Order %(n)s labels", n="120"))
    expect(page).to_have_url(re.compile(r"/tem/don/[0-9a-f-]{36}"))
    wrong += faults(page)
    assert not wrong, "\n".join(wrong)


def test_the_first_stop_skips_to_the_content(served: Served, visitor: Callable[..., Visitor]) -> None:
    clerk = visitor()
    clerk.sign_in(served.world.clerk)
    page = clerk.go("/tem/don")
    page.keyboard.press("Tab")
    assert page.evaluate(STOP)["words"] == t("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_suspicion_is_reported_by_keyboard_alone(served: Served, visitor: Callable[..., Visitor]) -> None:
    consumer = visitor(PHONE)
    page = consumer.go("/report")
    wrong = faults(page)
    tab_to(page, w("TipReason.label_looks_wrong"))
    page.keyboard.press("Space")
    tab_to(page, w("What did you see?"))
    page.keyboard.type("Tem bóc ra dán lại được.")
    press(page, w("Go on"))
    wrong += faults(page)
    tab_to(page, w("Shop, market or stall"))
    page.keyboard.type("Chợ mẫu, sạp 12")
    press(page, w("Go on"))
    wrong += faults(page)
    press(page, w("Go on"))
    wrong += faults(page)
    press(page, w("Send the report"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")
    wrong += [*faults(page), *consumer.errors]
    assert not wrong, "\n".join(wrong)


def test_a_form_with_mistakes_leads_to_them(served: Served, visitor: Callable[..., Visitor]) -> None:
    page = visitor(PHONE).go("/report")
    press(page, w("Go on"))
    assert page.evaluate("document.activeElement.id") == "errors"
    assert faults(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('fieldset, input, select, textarea')")


@pytest.mark.parametrize(
    "path",
    ["/", "/report", "/gallery/verdict/suspected_copy", "/gallery/verdict/long", "/dang-nhap", "/tem/don", "/lo"],
)
def test_text_of_twice_the_size_stays_on_the_page(served: Served, visitor: Callable[..., Visitor], path: str) -> None:
    clerk = visitor(PHONE)
    if path in {"/tem/don", "/lo"}:
        clerk.sign_in(served.world.clerk)
    page = clerk.go(path)
    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") == 2 * before
    assert page.evaluate(WIDE) == []
