"""Slow senders: a byte a second holds nobody else up, and what is quick never waits."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import EnvironBuilder

from trace import pacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask


class Trickle:
    """A body that comes a byte at a time, or stops coming."""

    def __init__(self, body: bytes, every: float, stops_after: int | None = None) -> None:
        self.body, self.every, self.left = io.BytesIO(body), every, stops_after
        self.dropped = threading.Event()

    def read(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            if self.left == 0:
                self.dropped.wait(5)
                return got
            self.dropped.wait(self.every)
            part = self.body.read(1)
            if not part:
                break
            got += part
            self.left = None if self.left is None else self.left - 1
        return got


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answers with the body, or with the refusal's name."""
    try:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    except pacing.TemThatError as error:
        start_response(str(error.status), [])
        return [type(error).__name__.encode()]
    start_response("200", [])
    return [body]


def ask(paced: pacing.Paced, source: Any, length: int) -> tuple[str, bytes, dict[str, str]]:
    said: list[Any] = []
    environ = {"CONTENT_LENGTH": str(length), "wsgi.input": source}
    body = b"".join(paced(environ, lambda status, headers, *_more: said.append((status, dict(headers)))))
    return said[0][0], body, said[0][1]


def test_what_comes_at_once_is_passed_on_whole() -> None:
    body = bytes(range(256)) * 1000
    assert ask(pacing.Paced(echo), io.BytesIO(body), len(body))[:2] == ("200", body)


@pytest.mark.parametrize("size", [-1, None, 10, 10**6])
def test_it_reads_like_any_stream(size: int | None) -> None:
    body = pacing.PacedBody(io.BytesIO(b"x" * 40_000), threading.BoundedSemaphore(), grace=1.0)
    assert len(body.read(size)) == (10 if size == 10 else 40_000)
    body.let_go()


@pytest.mark.parametrize("stops_after", [None, 3], ids=["a byte a tick", "stops"])
def test_a_trickle_is_cut_in_time_and_the_connection_closed(
    monkeypatch: pytest.MonkeyPatch, stops_after: int | None
) -> None:
    monkeypatch.setattr(pacing, "PROMPT_SECONDS", 0.05)
    source = Trickle(b"x" * 5000, 0.02, stops_after)
    began = time.monotonic()
    status, body, headers = ask(pacing.Paced(echo, grace=0.3), source, 5000)
    assert time.monotonic() - began < 2
    assert (status, body) == ("408", b"TooSlow")
    assert headers["Connection"] == "close"
    source.dropped.set()


def test_only_so_many_may_be_slow_at_once_and_the_quick_ones_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "PROMPT_SECONDS", 0.05)
    paced = pacing.Paced(echo, grace=1.0, slow_at_once=2)
    sources = [Trickle(b"x" * 5000, 0.05) for _ in range(6)]
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda source=source: answers.append(ask(paced, source, 5000)[0])) for source in sources
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert ask(paced, io.BytesIO(b"quick"), 5)[:2] == ("200", b"quick")
    assert time.monotonic() - began < 0.2
    for thread in threads:
        thread.join(5)
    assert sorted(answers) == ["408"] * 2 + ["503"] * 4
    for source in sources:
        source.dropped.set()
    # Their places are free again.
    assert ask(paced, Trickle(b"x" * 4, 0.05), 4)[0] == "200"


def test_what_breaks_while_reading_breaks_for_the_reader() -> None:
    class Broken:
        def read(self, _size: int) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        pacing.PacedBody(Broken(), threading.BoundedSemaphore(), grace=1.0).read(5)


def test_a_request_without_a_body_is_left_alone() -> None:
    def same(environ: dict[str, Any], _start: Any) -> list[bytes]:
        assert environ["wsgi.input"] == "untouched"
        return [b""]

    pacing.Paced(same)({"CONTENT_LENGTH": "", "wsgi.input": "untouched"}, lambda *_all: None)


@pytest.mark.parametrize("path", ["/report", "/phan-anh/x", "/dang-nhap", "/T/7K4M92QDXJ3P/so-sanh"])
def test_every_form_answers_a_trickle_with_a_page(app: Flask, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(pacing, "PROMPT_SECONDS", 0.05)
    source = Trickle(b"reason=other&" * 100, 0.02)
    environ = EnvironBuilder(path, method="POST").get_environ() | {
        "CONTENT_LENGTH": "1300", "CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input": source,
    }  # fmt: skip
    inner = app.wsgi_app
    assert isinstance(inner, pacing.Paced), "the application is protected"
    said: list[str] = []
    page = b"".join(pacing.Paced(inner._app, grace=0.3)(environ, lambda status, _headers, *_more: said.append(status)))
    assert said[0].startswith("408")
    assert "quá chậm" in page.decode()
    source.dropped.set()
