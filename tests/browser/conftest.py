"""A served application and the system's Chromium. Pages are driven as people drive them; nothing leaves this machine."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from playwright.sync_api import Error, Locator, Page
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from tests import factories
from tests.browser import chromium
from tests.browser.looks import bring_axe
from tests.conftest import MASTER, _copy, _drop, config_for, let_go
from trace import clock, demo
from trace.app import create_app
from trace.models.parties import AppUser
from trace.services import accounts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from flask import Flask
    from playwright.sync_api import Browser, BrowserContext

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
# What a person's browser says: one that calls itself headless is taken for a machine, and its looks do not count.
AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": chromium.find(), "args": chromium.QUIET}


# The last thing a person did that may leave the page. Whether a script of ours prevented it is known when the event is over.
WATCH_LEAVING = """(() => {
  let last = null;
  const elsewhere = (link) => link && !link.target && !link.download && link.href.split("#")[0] !== location.href.split("#")[0];
  const sends = (form, button) => (button?.formMethod || form.method) !== "dialog" && !(button?.formTarget || form.target);
  addEventListener("keydown", () => { last = null; }, true);
  addEventListener("click", (event) => { last = elsewhere(event.target.closest?.("a[href]")) ? event : null; }, true);
  addEventListener("submit", (event) => { last = sends(event.target, event.submitter) ? event : null; }, true);
  addEventListener("pageshow", () => { last = null; });
  window.leaving = () => last !== null && !last.defaultPrevented;
})()"""
SETTLED = "() => document.readyState === 'complete' && !window.leaving?.()"
PATIENCE = 10  # s


def _arrive(page: Page, downloads: list[Any]) -> None:
    """Wait until the page that a deed led to is there as a whole, or what it led to is a file."""
    until = time.monotonic() + PATIENCE
    while not downloads and not page.is_closed() and time.monotonic() < until:
        try:
            if page.evaluate(SETTLED):
                return
        except Error:  # the page was replaced under the question
            continue
        page.wait_for_timeout(10)


@pytest.fixture(scope="session", autouse=True)
def deeds_arrive() -> Iterator[None]:
    """A click ends when the page it led to is there, as it does for a person; Playwright may come back while the old one stands."""

    def arriving(act: Any) -> Any:
        @wraps(act)
        def done(self: Locator, *words: Any, **more: Any) -> None:
            downloads: list[Any] = []
            page = self.page

            def keep(file: Any) -> None:  # Playwright marks a listener, and a method of a list takes no mark
                downloads.append(file)

            page.on("download", keep)
            try:
                act(self, *words, **more)
                _arrive(page, downloads)
            finally:
                page.remove_listener("download", keep)

        return done

    with pytest.MonkeyPatch.context() as patch:
        for name in ("click", "press"):
            patch.setattr(Locator, name, arriving(getattr(Locator, name)))
        yield


@dataclass
class Served:
    """A running application over a database of its own, with the small city in it."""

    url: str
    engine: Engine
    world: factories.World
    session: Session
    files: Path


@pytest.fixture
def served(committed: Engine, tmp_path: Path) -> Iterator[Served]:
    with Session(committed, expire_on_commit=False) as session:
        at = clock.now()
        world = factories.make_world(session, master=MASTER, at=at)
        session.execute(text("SELECT make_scan_months(:d, :d)"), {"d": at.date()})
        _seed_law(session)
        session.commit()
        config = config_for(str(committed.url), tmp_path)
        app = create_app(config, engine=committed)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_port}", committed, world, session, config.files_dir)
        server.shutdown()
        thread.join(10)
        server.server_close()


@dataclass
class City:
    """A running application over the sample city. Its people are already signed in; nothing here may change what it holds."""

    url: str
    app: Flask
    engine: Engine

    def enter(self, visitor: Visitor, login: str) -> Visitor:
        """Give a visitor the cookie that signing in would give: the session row is real, only the typing is spared."""
        with Session(self.engine) as session:
            user = session.scalars(select(AppUser).where(AppUser.login == login)).one()
            token = accounts.start_session(session, user, at=clock.now())
            session.commit()
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        value = signer.dumps({"_user_id": token, "_fresh": True})
        visitor.context.add_cookies([{"name": "temthat", "value": value, "url": self.url}])
        return visitor


@pytest.fixture(scope="session")
def city(worker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Loading takes seconds, so each worker does it once; tests that ask for it say in which group they run."""
    name = f"city_{worker}"
    config = config_for(_copy(name), tmp_path_factory.mktemp("city"))
    engine = create_engine(config.database_url, pool_size=20)
    with Session(engine) as session:
        demo.load(session, config, at=clock.now())
        session.commit()
    app = create_app(config, engine=engine)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield City(f"http://127.0.0.1:{server.server_port}", app, engine)
    server.shutdown()
    thread.join(10)
    server.server_close()
    let_go(engine)
    _drop(name)


def _seed_law(session: Session) -> None:
    from enforcement import law

    law.seed(session)


class Visitor:
    """A person with a browser of their own."""

    def __init__(self, browser: Browser, url: str, viewport: dict[str, int]) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport=viewport, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", user_agent=AGENT
        )  # type: ignore[arg-type]
        self.context.set_default_timeout(10_000)
        self.context.add_init_script(WATCH_LEAVING)
        self.page: Page = self.context.new_page()
        self.url = url
        self.errors: list[str] = []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, user: Any) -> Page:
        """Type the password and, where the account has one, the digits of the second factor."""
        page = self.go("/dang-nhap")
        page.get_by_label("Tên đăng nhập").fill(user.login)
        page.get_by_label("Mật khẩu").fill(factories.PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        if user.totp_sealed is not None:
            page.get_by_label("Sáu chữ số").fill(pyotp.TOTP(factories.TOTP_SECRET).now())
            page.get_by_role("button", name="Tiếp tục").click()
        page.wait_for_url("**/trang-chinh")
        return page


STOPPED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell the fixtures whether their test failed."""
    report = yield
    item.stash[STOPPED] = item.stash.get(STOPPED, False) or report.failed
    return report


@pytest.fixture
def visitor(request: pytest.FixtureRequest, browser: Browser, served: Served, tmp_path: Path) -> Iterator[Any]:
    """Makes visitors: `visitor()` on a desk, `visitor(PHONE)` with a phone."""
    made: list[Visitor] = []

    def make(viewport: dict[str, int] = DESK) -> Visitor:
        made.append(Visitor(browser, served.url, viewport))
        bring_axe(made[-1].context)
        return made[-1]

    yield make
    for number, one in enumerate(made):
        if request.node.stash[STOPPED]:
            # What each person saw last, for whoever has to find out why a story stopped.
            one.page.screenshot(path=tmp_path / f"visitor-{number}.png", full_page=True)
        one.context.close()
