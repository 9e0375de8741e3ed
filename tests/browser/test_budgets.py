"""What pages weigh, counted by the browser on the wire. Limits stand in `wire`; speed depends on the machine and is left to `bench.pages`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement.models import Signal
from tests.browser.conftest import DESK, PHONE, City, Visitor
from tests.browser.test_keyboard import report_by_mouse
from tests.browser.test_pages import verdict_codes
from tests.browser.wire import QUEUE, REPORT, VERDICT, Budget, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("city-1")]


@pytest.fixture
def phone(browser: Browser, city: City) -> Iterator[Visitor]:
    visitor = Visitor(browser, city.url, PHONE)
    yield visitor
    visitor.context.close()


@pytest.fixture
def desk(browser: Browser, city: City) -> Iterator[Visitor]:
    visitor = Visitor(browser, city.url, DESK)
    yield city.enter(visitor, "canbo")
    visitor.context.close()


def within(wire: Wire, budget: Budget) -> None:
    assert 0 < wire.size() <= budget.total, wire.sent
    assert wire.size("Script") <= budget.script
    assert wire.size("Font") == 0
    if budget.document_and_style is not None:
        assert wire.size("Document", "Stylesheet") <= budget.document_and_style
    if budget.requests is not None:
        assert 1 <= wire.requests <= budget.requests
    hosts = {one.url.split("/")[2] for one in wire.sent.values()}
    assert len(hosts) == 1


def test_every_verdict_is_light_and_leaves_nothing_behind(city: City, phone: Visitor) -> None:
    wire = Wire(phone.page)
    for code in verdict_codes(city).values():
        wire.forget()
        page = phone.go(f"/T/{code}")
        within(wire, VERDICT)
        inline = page.eval_on_selector_all("script", "all => all.reduce((sum, node) => sum + node.text.length, 0)")
        assert inline <= VERDICT.script
        assert page.evaluate("document.fonts.size") == 0
    assert phone.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_whole_report_is_light(phone: Visitor) -> None:
    wire = Wire(phone.page)
    report_by_mouse(phone)
    assert wire.size("Document") > 0
    within(wire, REPORT)
    assert phone.context.cookies() == []


def test_the_queue_is_light_with_nothing_cached(city: City, desk: Visitor) -> None:
    with Session(city.engine) as session:
        assert session.scalars(select(Signal.id)).all()
    wire = Wire(desk.page)
    page = desk.go("/hang-doi")
    assert page.locator("tbody tr").count() > 10
    within(wire, QUEUE)
    # On the second look everything but the page itself comes out of the cache.
    wire.forget()
    desk.go("/hang-doi")
    assert wire.requests == 1
