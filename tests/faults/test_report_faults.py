"""The real web server under people who send slowly, and killed in the middle of a photo: nobody else waits, and nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from PIL import Image
from sqlalchemy import text

from tests.faults.test_serve import _free_port
from trace.config import ROOT
from trace.pacing import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

pytestmark = pytest.mark.xdist_group("serve")
PATIENCE_SECONDS = 40
SLOW_ONES = 24


class Web:
    """The web server as ./run starts it, with one process."""

    def __init__(self, database: str, var: Path) -> None:
        self.port = _free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMTHAT_")}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), "TEMTHAT_DATABASE_URL": database, "TEMTHAT_VAR": str(var)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--http", "1", "--no-ws", "--workers", "1",
            "--blocking-threads", "8", "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "error", "trace.app:create_app",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            assert time.monotonic() < deadline, "the web server did not come up"
            time.sleep(0.1)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            link.request(method, path, body, named)
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            link.close()

    def trickle(self, answers: list[tuple[int, float]]) -> None:
        """A report that comes at one byte a second; notes the status and after how many seconds it came."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            head = b"POST /report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n"
            link.sendall(head)
            link.settimeout(1.0)
            while time.monotonic() - began < 3 * GRACE_SECONDS:
                with contextlib.suppress(TimeoutError):
                    if said := link.recv(4096):
                        answers.append((int(said.split()[1]), time.monotonic() - began))
                    return
                with contextlib.suppress(OSError):
                    link.sendall(b"x")


@pytest.fixture
def web(committed: Engine, tmp_path: Path) -> Iterator[Web]:
    made = Web(committed.url.render_as_string(hide_password=False), tmp_path)
    made.start()
    yield made
    made.kill()


def test_senders_of_a_byte_a_second_hold_nobody_up(web: Web) -> None:
    answers: list[tuple[int, float]] = []
    threads = [threading.Thread(target=web.trickle, args=(answers,), daemon=True) for _ in range(SLOW_ONES)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    waits = []
    for _ in range(20):
        began = time.monotonic()
        assert web.ask("GET", "/report")[0] == 200
        waits.append(time.monotonic() - began)
        time.sleep(0.1)
    assert sorted(waits)[-2] < 1.0, waits
    for thread in threads:
        thread.join(3 * GRACE_SECONDS)
    assert len(answers) == SLOW_ONES
    assert {status for status, _ in answers} == {408, 503}
    assert max(after for _, after in answers) < GRACE_SECONDS + 8


def test_a_photo_goes_on_after_the_server_was_killed_in_the_middle(web: Web, committed: Engine) -> None:
    form = {
        "step": "check",
        "go": "next",
        "reason": "goods_differ",
        "place": "Chợ mẫu",
        "idempotency_key": secrets.token_hex(8),
    }
    status, headers, _ = web.ask(
        "POST", "/report", urlencode(form).encode(), Content_Type="application/x-www-form-urlencoded"
    )
    assert status == 303
    follow = headers.get("location") or headers["Location"]
    drawn = io.BytesIO()
    Image.effect_noise((600, 400), 60).convert("RGB").save(drawn, "JPEG", quality=95)
    photo = drawn.getvalue()
    announced = json.dumps({"size": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}).encode()

    def announce() -> dict[str, object]:
        status, _, body = web.ask("POST", f"{follow}/anh", announced, Content_Type="application/json")
        assert status == 200
        told: dict[str, object] = json.loads(body)
        return told

    upload = announce()["id"]
    piece = len(photo) // 4

    def send(offset: int, end: int) -> dict[str, object]:
        _, _, body = web.ask(
            "PATCH", f"{follow}/anh/{upload}", photo[offset:end], Content_Type="application/octet-stream", Upload_Offset=str(offset)
        )  # fmt: skip
        told: dict[str, object] = json.loads(body)
        return told

    assert send(0, piece)["offset"] == piece
    # Killed while a piece is on its way: half of it has been sent.
    with socket.create_connection(("127.0.0.1", web.port)) as link:
        head = f"PATCH {follow}/anh/{upload} HTTP/1.1\r\nHost: x\r\nUpload-Offset: {piece}\r\nContent-Length: {piece}\r\n\r\n"
        link.sendall(head.encode() + photo[piece : piece + piece // 2])
        time.sleep(0.3)
        web.kill()
    web.start()
    told = announce()
    assert (told["id"], told["offset"]) == (upload, piece)
    assert send(piece, 2 * piece)["offset"] == 2 * piece
    assert send(2 * piece, len(photo))["done"] is True
    with committed.connect() as connection:
        kept = connection.execute(text("SELECT sha256 FROM stored_file")).scalars().all()
    assert kept == [hashlib.sha256(photo).hexdigest()]
    page = web.ask("GET", follow)[2].decode()
    assert re.search("Đã nhận 1 ảnh", page)
