"""How long a sender may take: whoever sends a byte a second keeps a thread of the server waiting, and must not keep all of them.

A body is read by a thread of its own, so that waiting for it can end. What is slow gets one of a few places; when those are taken the
next slow one is asked to come again, and quick requests never wait. What must not live here: how large a body may be (`app`).
"""

from __future__ import annotations

import io
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from trace.errors import TemThatError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PIECE = 16 * 1024
PROMPT_SECONDS = 1.0
"""What has not arrived after this long is slow."""
GRACE_SECONDS = 10.0
LEAST_PER_SECOND = 2048
"""After the grace a body must have come at this rate: a telephone at the edge of the network does five times as much."""
MOST_SECONDS = 300.0
PLENTY_PER_SECOND = 500_000
"""Whoever sends at this rate may take longer than that: a film of two gigabytes over the line of an office."""
SLOW_AT_ONCE = 4


class TooSlow(TemThatError):
    """What you sent arrived too slowly, so it was not taken.

    Try again with a better connection.
    """

    status = 408


class NoRoomForSlow(Unavailable):
    """Many people are sending over slow connections at the moment, so this was not taken.

    Try again in half a minute.
    """


class Paced:
    """A WSGI application whose request bodies must arrive in time."""

    def __init__(
        self, app: Callable[..., Any], *, grace: float = GRACE_SECONDS, slow_at_once: int = SLOW_AT_ONCE
    ) -> None:
        self._app = app
        self._grace = grace
        self._places = threading.BoundedSemaphore(slow_at_once)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("CONTENT_LENGTH") in {None, "", "0"} and "HTTP_TRANSFER_ENCODING" not in environ:
            answered: Iterable[bytes] = self._app(environ, start_response)
            return answered
        body = PacedBody(environ["wsgi.input"], self._places, grace=self._grace)
        environ["wsgi.input"] = body

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # The rest of a body that was given up would be read as the next request.
            return start_response(status, [*headers, ("Connection", "close")] if body.given_up else headers, *more)

        try:
            answered = self._app(environ, start)
        finally:
            body.let_go()
        return answered


class PacedBody(io.RawIOBase):
    """A request's body, read on demand by a thread that may be left waiting. Raises `TooSlow` or `NoRoomForSlow`."""

    def __init__(self, source: Any, places: threading.BoundedSemaphore, *, grace: float) -> None:
        self._source = source
        self._places = places
        self._grace = grace
        self._asked: queue.SimpleQueue[int] | None = None
        self._came: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self._waited = 0.0
        self._received = 0
        self._is_slow = False
        self.given_up = False

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        got = self.read(len(buffer))
        buffer[: len(got)] = got
        return len(got)

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, as many as asked for unless the body ends before."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self._next(PIECE), b""))
        parts = []
        while size > 0 and (part := self._next(min(size, PIECE))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def let_go(self) -> None:
        """Nobody will read on."""
        if self._asked is not None:
            self._asked.put(0)
        self._free()

    def _next(self, size: int) -> bytes:
        if self.given_up:
            raise TooSlow
        if self._asked is None:
            self._asked = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._source, self._asked, self._came), daemon=True).start()
        self._asked.put(size)
        came = self._wait()
        if isinstance(came, BaseException):
            raise came
        self._received += len(came)
        return came

    def _wait(self) -> bytes | BaseException:
        began = time.monotonic()
        try:
            if not self._is_slow:
                try:
                    return self._came.get(timeout=max(0.0, PROMPT_SECONDS - self._waited))
                except queue.Empty:
                    self._is_slow = self._places.acquire(blocking=False)
                    if not self._is_slow:
                        self.given_up = True
                        raise NoRoomForSlow from None
            most = max(MOST_SECONDS, self._received / PLENTY_PER_SECOND)
            left = min(self._grace + self._received / LEAST_PER_SECOND, most) - self._waited
            try:
                return self._came.get(timeout=max(0.0, left - (time.monotonic() - began)))
            except queue.Empty:
                self.given_up = True
                raise TooSlow from None
        finally:
            self._waited += time.monotonic() - began

    def _free(self) -> None:
        if self._is_slow:
            self._is_slow = False
            self._places.release()


def _serve(source: Any, asked: queue.SimpleQueue[int], came: queue.SimpleQueue[bytes | BaseException]) -> None:
    """Read as much as is asked for, until nothing is. A thread left waiting ends when the server drops the connection."""
    while size := asked.get():
        try:
            came.put(source.read(size))
        except Exception as exc:
            came.put(exc)
            return
