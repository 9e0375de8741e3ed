"""Every answer about a label, as the gallery shows it: on a phone and on a desk, in each language, at 320 px and with text twice the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import DESK, PHONE, City, Visitor
from tests.browser.looks import faults, sideways, violations
from tests.browser.wire import VERDICT, Wire
from trace import tongues
from trace.views.gallery import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("city-2")]

AFTER = (
    "valid?answer=match", "valid?answer=differs", "valid?answer=cannot", "hidden?hidden=first", "hidden?hidden=again", "hidden?hidden=wrong",
    "hidden?hidden=malformed", "hidden?hidden=blocked",
)  # fmt: skip
SAMPLE = ("valid", "suspected_copy", "several", "unknown", "not_checked", "valid?answer=differs", "hidden?hidden=again")
SIGNS = {"ok": "shield", "stop": "octagon", "caution": "triangle"}
SEEN = """() => {
  const box = (found) => found && found.getBoundingClientRect(), act = document.querySelector("main .button, main .told");
  const small = [...document.querySelectorAll("a, button, summary, input:not([type=hidden])")].filter((node) => {
    const at = box(node.type === "checkbox" ? node.closest("label") : node);
    return at.width && at.height < 43.5 && !node.closest("dd");
  });
  return {
    title: box(document.querySelector("h1")).bottom, shape: box(document.querySelector(".shape")).bottom, act: act ? box(act).bottom : 0,
    small: small.map((node) => node.outerHTML.slice(0, 90)),
    letters: parseFloat(getComputedStyle(document.body).fontSize),
    clipped: [...document.querySelectorAll("h1, h2, p, li, dd, dt, a, button")].filter((node) => getComputedStyle(node).overflow !== "visible").length,
    targets: document.querySelectorAll("[target]").length, bars: document.querySelectorAll("nav").length,
    look: document.querySelector(".panel").className,
    main: [...document.querySelectorAll(".button:not(.second):not(.plain)")].length,
  };
}"""


@pytest.fixture(params=["phone", "desk"])
def visitor(request: pytest.FixtureRequest, browser: Browser, city: City) -> Iterator[Visitor]:
    made = Visitor(browser, city.url, PHONE if request.param == "phone" else DESK)
    yield made
    made.context.close()


@pytest.fixture
def phone(browser: Browser, city: City) -> Iterator[Visitor]:
    made = Visitor(browser, city.url, PHONE)
    yield made
    made.context.close()


def address(state: str, locale: str) -> str:
    return f"/gallery/verdict/{state}{'&' if '?' in state else '?'}lang={locale}"


def wrong_on(page: Page, *, is_phone: bool, locale: str) -> list[str]:
    """What a reviewer would object to on a verdict."""
    seen = page.evaluate(SEEN)
    # States of one look and one build are judged once by axe; all else is looked at in each.
    found = [*violations(page, f"verdict {seen['look']} {locale}"), *sideways(page), *seen["small"]]
    if is_phone:
        found += [f"{name} ends at {seen[name]}" for name in ("title", "shape", "act") if seen[name] > PHONE["height"]]
    if seen["letters"] < 16 or seen["clipped"] or seen["targets"] or seen["bars"] or seen["main"] > 1:
        found.append(str(seen))
    if page.get_attribute("html", "lang") != tongues.mark(locale):
        found.append("language")
    return found


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_every_state_is_fit_to_be_seen(visitor: Visitor, locale: str) -> None:
    is_phone = visitor.page.viewport_size == PHONE
    wrong = []
    for state in (*KINDS, *AFTER):
        page = visitor.go(address(state, locale))
        wrong += [f"{state}: {fault}" for fault in wrong_on(page, is_phone=is_phone, locale=locale)]
    assert wrong + visitor.errors == []


@pytest.mark.parametrize("locale", tongues.FAR)
def test_guests_read_it_in_their_language(visitor: Visitor, locale: str) -> None:
    is_phone = visitor.page.viewport_size == PHONE
    wrong = []
    for state in SAMPLE:
        page = visitor.go(address(state, locale))
        wrong += [f"{state}: {fault}" for fault in wrong_on(page, is_phone=is_phone, locale=locale)]
    assert wrong + visitor.errors == []


@pytest.mark.parametrize("locale", tongues.NAMES)
def test_text_of_twice_the_size_runs_off_no_edge(phone: Visitor, locale: str) -> None:
    wrong = []
    for state in (*KINDS, *AFTER):
        page = phone.go(address(state, locale))
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        wrong += [f"{state}: {fault}" for fault in sideways(page)]
    assert wrong == []


def test_the_tone_is_told_without_colour(phone: Visitor) -> None:
    """In grey a stop is still an octagon with a striped edge, and what was not proved is drawn with a dashed line."""
    for state, tone in (
        ("valid", "ok"),
        ("suspected_copy", "stop"),
        ("not_activated", "caution"),
        ("recalled", "stop"),
    ):
        page = phone.go(address(state, "vi"))
        panel = page.locator(f".panel.{tone}")
        assert panel.count() == 1, state
        assert ("repeating-linear-gradient" in panel.evaluate("node => getComputedStyle(node).borderImageSource")) == (
            tone == "stop"
        )
        drawn = page.locator(".shape").evaluate("node => node.innerHTML")
        others = [name for name in SIGNS if name != tone]
        assert all(
            phone.go(address({"ok": "valid", "stop": "voided", "caution": "expired"}[other], "vi"))
            .locator(".shape").evaluate("node => node.innerHTML") != drawn
            for other in others
        )  # fmt: skip
    dashed = phone.go(address("not_checked", "vi")).locator(".panel")
    assert dashed.evaluate("node => getComputedStyle(node).borderTopStyle") == "dashed"


def test_body_text_has_the_contrast_of_the_third_level(phone: Visitor) -> None:
    """At least 7 : 1 for what is read at length; the white on green of a good answer is large or has 5 : 1."""
    page = phone.go(address("valid", "vi"))
    ratio = """(node) => {
      const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
      let ground = node;
      while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)" && ground.parentElement) ground = ground.parentElement;
      const pair = [light(getComputedStyle(node).color), light(getComputedStyle(ground).backgroundColor)].sort((one, other) => other - one);
      return (pair[0] + 0.05) / (pair[1] + 0.05);
    }"""
    for selector in ("ol.points li", "dd", "dt", ".hard", ".end p", ".top a"):
        assert page.locator(selector).first.evaluate(ratio) >= 7, selector
    assert page.locator(".panel p").first.evaluate(ratio) >= 5


def test_it_is_read_in_the_order_in_which_it_is_seen(phone: Visitor) -> None:
    page = phone.go(address("valid", "vi"))
    tops = page.evaluate(
        "() => [...document.querySelectorAll('header a, h1, h2, main button, main .button, summary, .end p')]"
        ".filter((node) => node.getClientRects().length).map((node) => Math.round(node.getBoundingClientRect().top))"
    )
    assert tops == sorted(tops)
    assert page.locator("h1").count() == 1


def test_no_state_weighs_more_than_its_budget(phone: Visitor) -> None:
    wire = Wire(phone.page)
    for state in (*KINDS, *AFTER):
        for locale in tongues.NAMES:
            wire.forget()
            phone.go(address(state, locale))
            assert 0 < wire.size() <= VERDICT.total, (state, locale)
            assert wire.size("Document", "Stylesheet") <= 14 * 1024, (state, locale)
            assert wire.size("Script") == 0
            assert wire.requests <= 4
    assert phone.context.cookies() == []


def test_the_comparison_works_without_scripts_and_leads_to_the_report(browser: Browser, city: City) -> None:
    from tests.browser.test_pages import verdict_codes

    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="vi-VN")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{city.url}/T/{verdict_codes(city)['valid']}?lang=vi")
    page.get_by_role("button", name="Có điểm khác").click()
    assert page.get_by_role("heading", name="Bạn thấy điểm khác").is_visible()
    page.get_by_role("checkbox").first.check()
    words = page.locator(".tick").first.inner_text().strip()
    page.get_by_role("button", name="Gửi phản ánh").click()
    assert "/report" in page.url
    assert words in page.content()
    context.close()


def test_a_keeper_writes_what_buyers_compare(browser: Browser, city: City, tmp_path: Path) -> None:
    """The pages of the catalogue of points, which the sample city is not to be changed by."""
    visitor = city.enter(Visitor(browser, city.url, DESK), "quanly")
    page = visitor.go("/van-bang")
    for title in page.eval_on_selector_all("tbody th a", "all => all.map((a) => a.getAttribute('href'))"):
        page = visitor.go(title)
        if page.locator("main a[href$='/doi-chieu']").count():
            break
    page.locator("main a[href$='/doi-chieu']").first.click()
    wrong = [f"list: {fault}" for fault in faults(page)]
    page.screenshot(path=tmp_path / "points.png", full_page=True)
    page.locator("main a[href$='/sua']").first.click()
    wrong += [f"edit: {fault}" for fault in faults(page)]
    page.go_back()
    page.locator("main a[href$='/doi-chieu/moi']").click()
    wrong += [f"new: {fault}" for fault in faults(page)]
    page.get_by_role("button", name="Lưu điểm này").click()
    assert page.locator(".error-text").count() >= 3
    wrong += [f"refused: {fault}" for fault in faults(page)]
    visitor.context.close()
    assert wrong == []
