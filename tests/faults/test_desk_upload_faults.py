"""An officer's upload that breaks off: nothing half stays, and the same form sent again takes the file in once."""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from enforcement import law
from enforcement.models import Evidence
from tests import factories
from tests.conftest import MASTER, config_for
from tests.enforcement import desk
from tests.faults.test_report_faults import Web
from trace import clock
from trace.app import create_app
from trace.models.files import StoredFile
from trace.services import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

pytestmark = pytest.mark.xdist_group("serve")
EDGE = "----temthat-edge"


@dataclass
class Desk:
    """A served case desk, an officer signed in, and the page of a case's evidence."""

    web: Web
    engine: Engine
    store: Path
    path: str
    cookie: str

    def page(self) -> str:
        status, told, body = self.web.ask("GET", self.path, Cookie=self.cookie)
        assert status == 200
        self.cookie = told.get("set-cookie", self.cookie).partition(";")[0]
        return body.decode()

    def form(self, page: str, photo: bytes) -> bytes:
        """What a browser would send of the form on the page."""
        hidden = {
            name: re.findall(rf'name="{name}"[^>]*value="([^"]+)"', page) for name in ("csrf_token", "idempotency_key")
        }
        fields = {name: found[0] for name, found in hidden.items()} | {
            "title": "Ảnh sạp hàng (mẫu)", "origin": "Máy ảnh của đội", "taken_on": clock.now().strftime("%d/%m/%Y"),
        }  # fmt: skip
        told = "".join(
            f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        told += f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="sap.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        return told.encode() + photo + f"\r\n--{EDGE}--\r\n".encode()

    def break_off(self, body: bytes, after: int, *, rudely: bool) -> None:
        """Announce a whole form and send a part of it. Rudely: as when a phone loses its network, not as when a person goes away."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.web.port}\r\nCookie: {self.cookie}\r\n"
            f"Content-Type: multipart/form-data; boundary={EDGE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.web.port)) as link:
            if rudely:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.sendall(head.encode() + body[:after])
            time.sleep(0.3)

    def whole(self, body: bytes) -> int:
        told = {"Cookie": self.cookie, "Content-Type": f"multipart/form-data; boundary={EDGE}"}
        return self.web.ask("POST", self.path, body, **told)[0]

    def held(self) -> tuple[int, int, list[str]]:
        """Pieces of evidence, files with a row, and drafts that nobody finished."""
        with Session(self.engine) as session:
            rows = [session.scalars(select(func.count()).select_from(model)).one() for model in (Evidence, StoredFile)]
        kept = {"originals", "copies"}
        drafts = [str(path) for path in self.store.rglob("*") if path.is_file() and not kept & set(path.parts)]
        return rows[0], rows[1], drafts


@pytest.fixture
def served(committed: Engine, tmp_path: Path) -> Iterator[Desk]:
    url = committed.url.render_as_string(hide_password=False)
    config = config_for(url, tmp_path)
    at = clock.now()
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=at)
        law.seed(session)
        case = desk.case(session, world, config.files_dir, at=at - timedelta(hours=1))
        token = accounts.start_session(session, world.officer, at=at)
        session.commit()
    app: Any = create_app(config, engine=committed)
    cookie = app.session_interface.get_signing_serializer(app).dumps({"_user_id": token, "_fresh": True})
    key = tmp_path / "master.key"
    key.write_text(MASTER.hex())
    web = Web(url, tmp_path)
    web.environment["TEMTHAT_MASTER_KEY_FILE"] = str(key)
    web.start()
    yield Desk(web, committed, config.files_dir, f"/vu-viec/{case.id}/chung-cu", f"temthat={cookie}")
    web.kill()


def test_an_upload_that_breaks_off_leaves_nothing_and_is_taken_once_when_sent_again(served: Desk) -> None:
    before = served.held()
    body = served.form(served.page(), desk.photo_bytes(5) + bytes(3_000_000))
    for share, rudely in ((0.02, False), (0.6, True), (0.999, False)):
        served.break_off(body, int(len(body) * share), rudely=rudely)
        assert served.held() == before, share
    # The process dies in the middle of one, and comes back.
    with socket.create_connection(("127.0.0.1", served.web.port)) as link:
        link.sendall(
            f"POST {served.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:1_000_000]
        )
        time.sleep(0.2)
        served.web.kill()
    served.web.start()
    assert served.held() == before
    assert served.whole(body) == 303
    assert served.held() == (before[0] + 1, before[1] + 1, [])
    assert served.whole(body) == 303, "the same form a second time leads to the same place"
    assert served.held() == (before[0] + 1, before[1] + 1, [])
    assert "Ảnh sạp hàng (mẫu)" in served.page()
