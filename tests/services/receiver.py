"""A real HTTP receiver on this machine, which keeps what it was sent and answers as it is told."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Receiver:
    """What came in; `answer` gives status, headers and body for each."""

    url: str = ""
    port: int = 0
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    answer: Callable[[], tuple[int, dict[str, str], bytes]] = lambda: (200, {}, b"ok")
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the test needs it."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            kept.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            kept.arrived.set()
            if kept.go_on is not None:
                kept.go_on.wait(20)
            status, headers, said = kept.answer()
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
            except OSError:
                pass  # whoever asked is gone

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    kept.port = server.server_port
    kept.url = f"http://127.0.0.1:{kept.port}/hook?a=1"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
