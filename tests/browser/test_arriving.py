"""Nothing moves while a page arrives: each is sent tag by tag, so that the browser paints every stage in which a slow line might leave it."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from tests.browser.conftest import PHONE, City, Visitor
from tests.browser.test_lighthouse import gates
from tests.browser.wire import painted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("city-2")]

PAUSE = 0.025  # longer than a frame, so that no stage is left out
MOST_SHIFT = 0.005
LARGE_PHONE = {"width": 412, "height": 740}  # where name and languages share a line
SEEN = [
    ("valid", PHONE, ""),
    ("valid", LARGE_PHONE, ""),
    ("valid", PHONE, "?lang=en"),
    ("suspected copy", PHONE, ""),
    ("unknown", PHONE, ""),
    ("report", PHONE, ""),
    ("pairs", PHONE, ""),
    ("product", PHONE, ""),
]


def dripping(inner: Any) -> Callable[..., Iterable[bytes]]:
    """The same application on a line that lets one tag pass at a time; what is no page passes whole."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        parts, status, headers = run_wsgi_app(inner, environ, buffered=True)
        body = b"".join(parts)
        start_response(status, [(name, value) for name, value in headers if name.lower() != "content-length"])
        return drops(body) if headers["Content-Type"].startswith("text/html") else [body]

    return answer


def drops(page: bytes) -> Iterator[bytes]:
    head, found, body = page.partition(b"<body")
    yield head
    for tag_and_text in re.findall(rb"[^>]*>[^<]*", found + body):
        yield tag_and_text
        time.sleep(PAUSE)


@pytest.fixture
def slow_url(city: City) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, dripping(city.app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_nothing_moves_while_a_public_page_arrives(browser: Browser, city: City, slow_url: str) -> None:
    pages = gates(city)
    visitors = [Visitor(browser, slow_url, size) for _, size, _ in SEEN]
    # All at once: most of the time goes by in waiting.
    for visitor, (name, _, language) in zip(visitors, SEEN, strict=True):
        visitor.page.goto(slow_url + pages[name].path + language, wait_until="commit")
    shifts = {}
    for visitor, (name, size, language) in zip(visitors, SEEN, strict=True):
        visitor.page.wait_for_load_state()
        _, shifts[name, size["width"], language] = painted(visitor.page)
        visitor.context.close()
    assert {what: shift for what, shift in shifts.items() if shift > MOST_SHIFT} == {}
