"""The lane in front of Flask for what is asked a thousand times a second: one look at one label by somebody without a sign-in.

It asks the register once and fills the page from a mould (`trace.moulds`). Whatever it does not know – a sign-in, another method, a
query it has not met, a page not yet moulded, a fault of its own – goes to Flask, with the verdict if there is one already, so that
nothing is asked or counted twice. What the two answer is the same, header by header; a test holds them to it.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import lru_cache
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
import msgspec.structs
import structlog
from flask import g
from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header

from labels.code import show
from trace import access, clock, headers, tongues
from trace.errors import TooMany
from trace.failures import prefers_json
from trace.models.scans import VerdictKind
from trace.moulds import Blanks, Marks, Mould, shaper
from trace.services import agents
from trace.services.scanning import Verdict
from trace.views import verify
from trace.views.asking import TYPED, VIEWED, Caller, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Flask

    from trace.views.asking import Desk

log = structlog.get_logger("temthat.lane")

PREFIXES = ("/T/", "/t/")
RULE = "/T/<path:code>"
MOST_MOULDS = 400
LONGEST = 64
# A mistyped code, a wrong tag and a serial that was never issued are refused after the same time, several times what any of them costs.
REFUSED = frozenset({VerdictKind.MALFORMED, VerdictKind.UNKNOWN})
REFUSAL_SECONDS = 0.03
REFUSING_AT_ONCE = 4
KNOWN_QUERY = frozenset({"lang", VIEWED, TYPED})
# Facts with few values, on which words or sums depend.
BY_VALUE = frozenset({"pack_weight_g", "pack", "days", "provinces", "packs", "copied_by"})
FOR_FLASK = ("temthat=", "lang=")
# The headers by which programs that look ahead give themselves away.
TELLING = tuple((f"HTTP_{name.upper().replace('-', '_')}", name) for name in agents.HEADERS)

_shape = shaper(
    {field.name: field.type for field in msgspec.structs.fields(Verdict) if field.name != "checked_at"}, BY_VALUE
)
# Findings that depend on more than whether a fact is there.
_FINDINGS = tuple(
    name for name, found in vars(Verdict).items() if isinstance(found, property) and "bool" in str(found.fget.__annotations__.get("return"))
)  # fmt: skip


class ScanLane:
    """A WSGI application that answers scans and hands everything else on."""

    def __init__(self, app: Flask, inner: Callable[..., Iterable[bytes]], desk: Desk) -> None:
        self._app, self._inner, self._desk = app, inner, desk
        self._salt: bytes = app.config["SALT"]
        self._moulds: dict[object, Mould | None] = {}
        self._moulding = threading.Lock()
        self._refusing = threading.BoundedSemaphore(REFUSING_AT_ONCE)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or hand on."""
        if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].startswith(PREFIXES):
            return self._inner(environ, start_response)
        began = time.perf_counter()
        answered = None
        try:
            answered = self._answer(environ)
        except TooMany as exc:
            environ[verify.BROUGHT] = exc
        except Exception as exc:
            log.error("lane at fault", kind=type(exc).__name__)  # noqa: TRY400  its text may quote what somebody typed
        if answered is None:
            found = environ.get(verify.BROUGHT)
            if isinstance(found, Verdict) and found.kind in REFUSED:
                return self._in_equal_time(environ, start_response, began)
            return self._inner(environ, start_response)
        status, fields, body = answered
        start_response(status, fields)
        sys.stderr.write(_line(status, began))
        return [body]

    def _in_equal_time(self, environ: dict[str, Any], start_response: Any, began: float) -> Iterable[bytes]:
        """A refusal that takes as long whatever was wrong. Under a flood some go out at once, so that nobody else waits for a thread."""
        answered = self._inner(environ, start_response)
        try:
            body = list(answered)
        finally:
            getattr(answered, "close", lambda: None)()
        if self._refusing.acquire(blocking=False):
            try:
                time.sleep(max(0.0, REFUSAL_SECONDS - (time.perf_counter() - began)))
            finally:
                self._refusing.release()
        return body

    def _answer(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes] | None:
        code_text = environ["PATH_INFO"][len(PREFIXES[0]) :]
        cookies = environ.get("HTTP_COOKIE", "")
        query = _query(environ.get("QUERY_STRING", ""))
        # What is not ASCII was not decoded here: full-width digits are Flask's to read.
        odd = "/" in code_text or len(code_text) > LONGEST or not code_text.isascii()
        if query is None or odd or any(each in cookies for each in FOR_FLASK):
            return None
        for_json = _for_json(environ.get("HTTP_ACCEPT", ""))
        caller = Caller(
            access.network_of(environ.get("REMOTE_ADDR", ""), self._salt), environ.get("HTTP_USER_AGENT", ""),
            {name: environ[key] for key, name in TELLING if key in environ},
        )  # fmt: skip
        verdict = self._desk.ask(code_text, caller.asks(query, for_json=for_json), caller, at=clock.now())
        if verdict.serial is None:
            environ[verify.BROUGHT] = verdict  # not in the register: rare, or somebody who guesses; Flask has the page
            return None
        fields = [*headers.FIXED, ("Cache-Control", "no-store")]
        if environ.get("wsgi.url_scheme") == "https":
            fields.append(headers.OVER_TLS)
        if for_json:
            body = msgspec.json.encode(told(verdict))
            fields += [
                ("Content-Type", "application/json"),
                ("Content-Security-Policy", headers.policy(token_urlsafe(16))),
            ]
            vary = "Accept, Cookie"
            return "200 OK", [*fields, ("Vary", vary), ("Content-Length", str(len(body)))], body
        mould = self._mould(verdict, environ)
        if mould is None:
            environ[verify.BROUGHT] = verdict
            return None
        nonce = token_urlsafe(16)
        pieces = mould.fill(lambda fact: nonce if fact == "nonce" else getattr(verdict, fact))
        body = b"".join(pieces)
        vary = "Accept, Cookie"
        if _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body, vary = mould.gzip(pieces, body), "Accept, Cookie, Accept-Encoding"
            fields.append(("Content-Encoding", "gzip"))
        fields += [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", headers.policy(nonce))]
        return "200 OK", [*fields, ("Vary", vary), ("Content-Length", str(len(body)))], body

    def _mould(self, verdict: Verdict, environ: dict[str, Any]) -> Mould | None:
        shape = (
            environ.get("QUERY_STRING", ""), environ["PATH_INFO"][:3],
            _shape(verdict), *(getattr(verdict, name) for name in _FINDINGS),
        )  # fmt: skip
        try:
            return self._moulds[shape]
        except KeyError:
            pass
        with self._moulding:
            if shape not in self._moulds:
                if len(self._moulds) >= MOST_MOULDS:
                    self._moulds.clear()
                self._moulds[shape] = self._cast(verdict, environ)
        return self._moulds.get(shape)

    def _cast(self, verdict: Verdict, environ: dict[str, Any]) -> Mould | None:
        """The mould of a shape; None for a page that does more with its facts than print them, which Flask then renders each time."""
        marks = Marks()
        try:
            with self._app.test_request_context(
                environ["PATH_INFO"][:3] + "X", query_string=environ.get("QUERY_STRING", "")
            ):
                g.nonce = marks.mark("nonce", "plain")
                locale = tongues.choose()
                page = verify.render(verify.with_points(Blanks(verdict, marks, BY_VALUE)), answer="", officer=None)
        except Exception as exc:
            log.error("no mould", kind=type(exc).__name__, verdict=verdict.kind)  # noqa: TRY400  its text may quote a fact
            return None
        return Mould(page, marks, {
            "plain": str, "hex": lambda value: str(value.hex), "code": show,
            "day": lru_cache(512)(lambda value: tongues.day_in(value, locale)),
            "moment": lambda value: tongues.moment_in(value, locale),
            "number": lambda value: tongues.number_in(value, locale),
        })  # fmt: skip


@lru_cache(256)
def _query(text: str) -> dict[str, str] | None:
    """The query, or None if it holds more than is known here."""
    if len(text) > LONGEST:
        return None
    found = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    return found if KNOWN_QUERY.issuperset(found) and len(text.split("&")) == max(1, len(found)) else None


@lru_cache(256)
def _for_json(accept: str) -> bool:
    return prefers_json(parse_accept_header(accept, MIMEAccept))


@lru_cache(64)
def _takes_gzip(encodings: str) -> bool:
    return parse_accept_header(encodings, Accept)["gzip"] > 0


def _line(status: str, began: float) -> str:
    """What Flask's side writes into the log of a request."""
    ms = round((time.perf_counter() - began) * 1000, 1)
    return (
        f'{{"method": "GET", "rule": "{RULE}", "status": {status[:3]}, "ms": {ms}, "event": "request", "level": "info", '
        f'"timestamp": "{clock.now().isoformat(timespec="microseconds")[:-6]}Z"}}\n'
    )
