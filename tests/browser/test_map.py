"""Boundaries drawn, mended and walked as people do it: with the mouse, with nothing but the keyboard, and on foot with a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import t
from tests.browser.wire import MAP, MAP_BEFORE, Wire
from trace.models.areas import GrowingArea
from trace.models.plots import PastBoundary

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser

# A field beside the world's own, within its commune and its title's territory: 0.002° by 0.002° are 4.61 ha.
SOUTH, WEST, SIDE = 20.93, 106.45, 0.002


def enter(visitor: Visitor, served: Served) -> None:
    """Sign in as the managing body."""
    visitor.sign_in(served.world.manager)


def begin(visitor: Visitor, served: Served, name: str) -> Page:
    page = visitor.go("/vung-trong/moi")
    page.get_by_label(t("Name of the area")).fill(name)
    page.get_by_label(t("Holder")).select_option(str(served.world.cooperative.id))
    page.get_by_label(t("Declared size of the land")).fill("4,6")
    page.get_by_label(t("Ward or commune"), exact=True).select_option("10813")
    page.locator('[data-map="draw"]').scroll_into_view_if_needed()
    expect(page.locator('[data-map="draw"][data-ready]')).to_be_visible()
    return page


def click_map(page: Page, across: float, down: float) -> None:
    """Tap the map at a share of its width and height."""
    box = page.locator('[data-map="draw"] .map-canvas').bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def points(page: Page) -> int:
    return page.locator("[data-points] tr").count()


def type_into(page: Page, label: str, value: float) -> None:
    field = page.get_by_label(label, exact=True)
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{value:.6f}")
    page.keyboard.press("Enter")


def latitude(n: int) -> str:
    return t("Latitude of point %(n)s", n=str(n))


def longitude(n: int) -> str:
    return t("Longitude of point %(n)s", n=str(n))


def test_a_boundary_is_drawn_its_fault_read_and_mended_by_keyboard(
    served: Served, visitor: Callable[..., Visitor]
) -> None:
    manager = visitor()
    enter(manager, served)
    page = begin(manager, served, "Vùng vẽ tay")
    # The mouse sets four points, which cross: across the top, then down to the right before the left.
    for across, down in ((0.3, 0.3), (0.7, 0.3), (0.3, 0.7), (0.7, 0.7)):
        click_map(page, across, down)
    assert points(page) == 4
    # The keyboard gives them their places; the first and third are the same side, so the line still crosses itself.
    corners = [(SOUTH, WEST), (SOUTH, WEST + SIDE), (SOUTH + SIDE, WEST), (SOUTH + SIDE, WEST + SIDE)]
    for n, (lat, lon) in enumerate(corners, start=1):
        type_into(page, latitude(n), lat)
        type_into(page, longitude(n), lon)
    said = page.locator("[data-said]")
    expect(said).to_contain_text("20.93100, 106.45100")
    expect(said).to_contain_text(t("Move the points near that place so that the line goes around the land once."))
    assert not faults(page), faults(page)
    # Mended with the keyboard alone: the last two points change places.
    type_into(page, longitude(3), WEST + SIDE)
    type_into(page, longitude(4), WEST)
    expect(said).to_contain_text(t("Nothing is wrong with this boundary."))
    expect(page.locator("[data-size]")).to_have_text(t("Measured: %(ha)s ha", ha="4,61"))
    page.get_by_role("button", name=t("Save the growing area")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vùng vẽ tay")
    expect(page.get_by_text("4,61 ha").first).to_be_visible()
    assert served.session.scalars(select(GrowingArea).where(GrowingArea.name == "Vùng vẽ tay")).one()
    # The draft is dropped by the page that shows what was saved, once its script runs.
    page.wait_for_function("() => Object.keys(localStorage).length === 0")
    assert manager.errors == []


def test_undo_insert_and_remove_bring_all_three_views_along(served: Served, visitor: Callable[..., Visitor]) -> None:
    manager = visitor()
    enter(manager, served)
    page = begin(manager, served, "Vùng thử")
    for across, down in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7)):
        click_map(page, across, down)
    text = page.locator('[name="outline"]')
    assert len(text.input_value().splitlines()) == 3
    page.get_by_label(t("Insert a point after point %(n)s", n="1")).press("Enter")
    assert points(page) == 4
    assert len(text.input_value().splitlines()) == 4
    page.get_by_label(t("Remove point %(n)s", n="2"), exact=True).press("Enter")
    assert points(page) == 3
    page.get_by_role("button", name=t("Undo")).click()
    assert points(page) == 4
    page.get_by_role("button", name=t("Clear all")).click()
    assert points(page) == 0
    page.get_by_role("button", name=t("Undo")).click()
    assert points(page) == 4
    # Pasted text reaches the map and the table.
    page.locator("[data-text-part] summary").click()
    text.fill("20.93, 106.45\n20.93, 106.452\n20.932, 106.452\n20.932, 106.45")
    text.blur()
    expect(page.get_by_label(latitude(3), exact=True)).to_have_value("20.932000")
    expect(page.locator("path.leaflet-interactive, .map-handle").first).to_be_attached()


def test_a_vertex_is_dragged_and_the_old_boundary_stays_on_record(
    served: Served, visitor: Callable[..., Visitor]
) -> None:
    manager = visitor()
    enter(manager, served)
    page = manager.go(f"/vung-trong/{served.world.area.id}/sua")
    page.locator('[data-map="draw"]').scroll_into_view_if_needed()
    expect(page.locator('[data-map="draw"][data-ready]')).to_be_visible()
    before = page.locator('[name="outline"]').input_value()
    handle = page.locator(".map-handle").first.bounding_box()
    assert handle
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 10, steps=4)
    page.mouse.up()
    after = page.locator('[name="outline"]').input_value()
    assert len(before.splitlines()) == len(after.splitlines()) == 4
    assert before != after
    page.get_by_role("button", name=t("Save the growing area")).click()
    expect(page.get_by_text(t("The growing area was changed."))).to_be_visible()
    assert served.session.scalars(select(PastBoundary)).one().area_id == served.world.area.id
    expect(page.locator("#boundary details summary").first).to_contain_text("2 phiên bản")


def test_a_boundary_is_walked_and_kept_on_the_phone(served: Served, visitor: Callable[..., Visitor]) -> None:
    clerk = visitor(PHONE)
    clerk.context.grant_permissions(["geolocation"], origin=served.url)
    clerk.context.set_geolocation({"latitude": SOUTH, "longitude": WEST, "accuracy": 35})
    clerk.sign_in(served.world.clerk)
    page = clerk.go("/vung-trong/moi")
    page.locator('[data-map="draw"]').scroll_into_view_if_needed()
    expect(page.locator('[data-map="draw"][data-ready]')).to_be_visible()
    page.get_by_role("button", name=t("Walk the boundary")).click()
    said = page.locator("[data-walk-said]")
    expect(said).to_contain_text("35")
    page.get_by_role("button", name=t("Take this point")).click()
    expect(said).to_contain_text(t("Not taken: accuracy ±%(m)s m is worse than 10 m. Wait under the open sky.", m="35"))
    assert points(page) == 0
    corners = [(0, 0), (0, SIDE), (SIDE, SIDE), (SIDE, 0)]
    for n, (north, east) in enumerate(corners, start=1):
        clerk.context.set_geolocation({"latitude": SOUTH + north, "longitude": WEST + east, "accuracy": 4 + n / 10})
        expect(said).to_have_text(t("Accuracy ±%(m)s m", m="5"))
        page.get_by_role("button", name=t("Take this point")).click()
        expect(said).to_contain_text(t("Point %(n)s taken, ±%(m)s m", n=str(n), m="5"))
    assert points(page) == 4
    page.get_by_role("button", name=t("Undo")).click()
    assert points(page) == 3
    page.get_by_role("button", name=t("Take this point")).click()
    expect(page.locator("[data-size]")).to_contain_text("4,6")
    # The page is lost before it was saved: the walk is still there.
    page = clerk.go("/vung-trong/moi")
    assert points(page) == 0
    page.get_by_role("button", name=t("Use it")).click()
    assert points(page) == 4
    page.get_by_label(t("Name of the area")).fill("Vùng đi bộ")
    page.get_by_label(t("Declared size of the land")).fill("4,6")
    # Where it lies, the check has found out by itself.
    expect(page.get_by_label(t("Ward or commune"), exact=True)).to_have_value("10813")
    page.get_by_role("button", name=t("Save the growing area")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vùng đi bộ")
    page.wait_for_function("() => Object.keys(localStorage).length === 0")
    assert not faults(page), faults(page)
    assert clerk.errors == []


def test_the_map_beside_the_list_draws_what_is_within_reach(served: Served, visitor: Callable[..., Visitor]) -> None:
    factories.area(
        served.session,
        served.world.title,
        served.world.cooperative,
        "Vùng vải số 3",
        boundary=factories.square(106.46, 20.94, 0.004),
    )
    served.session.commit()
    manager = visitor()
    enter(manager, served)
    page = manager.go("/vung-trong/ban-do")
    expect(page.locator('[data-map="list"][data-drawn="3"]')).to_be_visible()
    assert not faults(page), faults(page)
    page.locator("[data-show-box]").first.click()
    expect(page.locator('[data-map="list"][data-drawn="1"]')).to_be_visible()
    page.locator("path.leaflet-interactive").first.click()
    page.get_by_role("link", name=t("Open"), exact=True).click()
    expect(page).to_have_url(re.compile(r"/vung-trong/[0-9a-f-]{36}$"))
    assert manager.errors == []


def test_a_place_is_set_by_a_tap(served: Served, visitor: Callable[..., Visitor]) -> None:
    manager = visitor()
    enter(manager, served)
    page = manager.go("/co-so/moi")
    frame = page.locator('[data-map="point"] .map-canvas')
    frame.scroll_into_view_if_needed()
    expect(page.locator(".leaflet-control-zoom")).to_be_visible()
    box = frame.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("textbox", name=t("Location"))).to_have_value(re.compile(r"^20\.\d{6}, 106\.\d{6}$"))
    assert not faults(page), faults(page)


def test_a_map_costs_nothing_before_it_is_looked_at(served: Served, visitor: Callable[..., Visitor]) -> None:
    """The list comes first: Leaflet is fetched once somebody could see the map, and the whole stays light."""
    for number in range(14):
        factories.area(
            served.session, served.world.title, served.world.cooperative, f"Vùng vải bậc {number:02}", code=None,
            boundary=factories.square(106.41 + number * 0.005, 20.95, 0.004),
        )  # fmt: skip
    served.session.commit()
    clerk = visitor(PHONE)
    clerk.sign_in(served.world.clerk)
    wire = Wire(clerk.page)
    page = clerk.go("/vung-trong/ban-do")
    expect(page.locator(".map-lines li")).to_have_count(15)
    page.wait_for_timeout(500)
    wire.settle()
    assert [one.url for one in wire.sent.values() if "leaflet" in one.url or "/lop" in one.url] == []
    assert wire.size() <= MAP_BEFORE.total
    assert wire.size("Script") <= MAP_BEFORE.script
    page.locator("[data-map]").scroll_into_view_if_needed()
    expect(page.locator('[data-map="list"][data-drawn="15"]')).to_be_visible()
    assert wire.size() <= MAP.total
    assert wire.size("Script") <= MAP.script
