"""The page to try the programming interface on, and those of keys and webhooks, as people meet them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import DESK, PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.conftest import config_for
from trace import clock
from trace.models.api import ApiScope, DeliveryFault, WebhookKind
from trace.services import api_keys, outgoing, webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def manager(browser: Browser, served: Served) -> Iterator[Visitor]:
    """The manager of the small city, signed in."""
    visitor = Visitor(browser, served.url, DESK)
    visitor.sign_in(served.world.manager)
    yield visitor
    visitor.context.close()


def seen(page: Page, locale: str = "vi") -> None:
    assert faults(page, locale) == []


def test_the_page_asks_and_shows_the_answer(browser: Browser, served: Served) -> None:
    visitor = Visitor(browser, served.url, PHONE)
    page = visitor.go("/api")
    seen(page)
    page.locator("#titles summary").click()
    page.locator("#titles-q").fill("vai mau")
    page.locator("#titles button").click()
    answer = page.locator("#titles .api-answer")
    answer.get_by_text("HTTP 200").wait_for()
    assert "Vải mẫu Thanh Hà" in answer.inner_text()
    assert "curl -H 'Accept: application/json'" in answer.inner_text()
    page.locator("#verify_label summary").click()
    page.locator("#verify_label button").click()
    page.locator("#verify_label .api-answer").get_by_text("HTTP 404").wait_for()
    seen(page)
    assert [each for each in visitor.errors if "404" not in each] == []
    assert page.context.cookies() == []
    visitor.context.close()


def test_without_a_script_a_form_shows_what_would_be_asked(browser: Browser, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{served.url}/api?lang=en")
    page.locator("#titles summary").click()
    page.locator("#titles-q").fill("vai mau")
    page.locator("#titles button").click()
    assert "/api/v1/titles?q=vai+mau" in page.locator("#titles pre").inner_text()
    page.locator("#titles").get_by_role("link").click()
    assert "Vải mẫu Thanh Hà" in page.locator("body").inner_text()
    context.close()


def test_what_refusals_mean(browser: Browser, served: Served) -> None:
    for locale in ("vi", "en"):
        visitor = Visitor(browser, served.url, PHONE)
        for path in ("/api/problems/", "/api/problems/too-many", "/api"):
            seen(visitor.go(f"{path}?lang={locale}"), locale)
        visitor.context.close()


def test_a_key_is_made_shown_and_revoked(manager: Visitor, served: Served) -> None:
    page = manager.go("/ket-noi")
    seen(page)
    page.get_by_role("link", name="Tạo khóa").click()
    page.get_by_role("button", name="Tạo khóa").click()
    seen(page)
    page.locator("#organisation").fill("Chuỗi cửa hàng mẫu")
    page.locator("#name").fill("Kiểm tra tem tại quầy")
    page.get_by_label("Kiểm tra tem, với giới hạn riêng").check()
    page.get_by_role("button", name="Tạo khóa").click()
    page.wait_for_url("**/ket-noi")
    assert "tt_" in page.locator(".api-secret").inner_text()
    seen(page)
    page.get_by_role("link", name="Thu hồi").click()
    seen(page)
    page.get_by_role("button", name="Thu hồi khóa").click()
    page.wait_for_url("**/ket-noi")
    assert "Thu hồi ngày" in page.locator("main").inner_text()
    assert page.locator(".api-secret").count() == 0


def test_a_webhook_tells_what_it_was_sent_and_what_it_answered(manager: Visitor, served: Served) -> None:
    page = manager.go("/ket-noi/webhook/moi")
    page.locator("#url").fill("https://10.0.0.1/hook")
    page.get_by_role("button", name="Tạo webhook").click()
    seen(page)
    page.locator("#url").fill("https://hook.example.com/tem/mot-dia-chi-rat-dai-de-xem-co-tran-khong")
    page.get_by_label("Có lô bị thu hồi").check()
    page.get_by_role("button", name="Tạo webhook").click()
    page.wait_for_url("**/ket-noi/webhook/*-*")
    assert "whsec_" in page.locator(".api-secret").inner_text()
    seen(page)
    page.get_by_role("button", name="Gửi tin thử").click()
    session, at = served.session, clock.now() + timedelta(seconds=5)
    sealing = config_for("", served.files).derived("webhook")
    (hook,) = webhooks.listing(session, keepers=None, key_id=None)
    for _ in range(3):
        webhooks.send_test(session, hook.id, keepers=None, at=at, by=served.world.manager.id)
    webhooks.fan_out(session, at=at)
    first, second, *_rest = webhooks.claim(session, sealing=sealing, host="TEMTHAT.TEST", at=at)
    webhooks.mark(session, first, at=at, took_ms=84, answer=outgoing.Answer(200, "ok"))
    webhooks.mark(session, second, at=at, took_ms=5012, fault=DeliveryFault.TIMEOUT)
    hook.disabled_at, hook.failures = at, webhooks.MOST_FAILURES
    api_keys.create(
        session, keeper_id=served.world.managing_body.id, organisation="Sàn bán hàng mẫu", name="Đồng bộ sổ", scopes=list(ApiScope),
        expires_on=at.date() + timedelta(days=30), by=served.world.manager.id, at=at,
    )  # fmt: skip
    session.commit()
    page.reload()
    assert "84 ms" in page.locator("main").inner_text()
    assert hook.kinds == [WebhookKind.LOT_RECALLED]
    seen(page)
    seen(manager.go("/ket-noi"))
    seen(manager.go("/trang-chinh"))
    seen(manager.go(f"/ket-noi/webhook/{hook.id}?lang=en"), "en")
