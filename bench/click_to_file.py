"""A million labels from click to file: the clerk's POST, the job queue, a real worker, and the whole file taken over the wire.

    PYTHONPATH=. .venv/bin/python -m bench.click_to_file [--labels 1000000] [--rounds 5] [--layout a4-65]

A private cluster, the production server and one worker, each a process of its own. The clock starts before the POST of the print and stops
when the file's page offers it; then the file is taken and its hash compared with the one shown. Beside it: the drawing alone, in one process.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench.verify import _free_port, _wait
from tests import factories
from trace import clock, cluster, db
from trace.app import create_app
from trace.config import Config
from trace.models.labels import LabelOrder
from trace.services import accounts, keys, ordering, printing
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy import Engine

MASTER = bytes(range(32))
LIMIT_SECONDS = 15.0
PATIENCE_SECONDS = 120.0


class Taken(NamedTuple):
    """Seconds from the click to the answer, to the file's being offered, and to its last byte; its size; those of the drawing alone."""

    answered: float
    offered: float
    whole: float
    size: int
    alone: float


class Clerk:
    """A signed-in clerk over one kept connection."""

    def __init__(self, port: int, cookie: str) -> None:
        self._wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = f"temthat={cookie}"

    def get(self, path: str) -> bytes:
        self._wire.request("GET", path, headers={"Cookie": self._cookie})
        answer = self._wire.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{path}: {answer.status}"
        if kept := re.match(r"temthat=([^;]+)", answer.headers.get("Set-Cookie", "")):
            self._cookie = f"temthat={kept[1]}"  # it now holds what the form's token is checked against
        return body

    def post(self, path: str, fields: dict[str, str]) -> str:
        """Where it leads."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self._wire.request("POST", path, urlencode(fields), {"Cookie": self._cookie, **kind})
        answer = self._wire.getresponse()
        body = answer.read().decode()
        assert answer.status == 303, f"{path}: {answer.status} {body[-2000:]}"
        return str(answer.headers["Location"])

    def taken(self, path: str) -> tuple[int, str]:
        """Size and SHA-256 of a file."""
        self._wire.request("GET", path, headers={"Cookie": self._cookie})
        answer, digest, size = self._wire.getresponse(), hashlib.sha256(), 0
        assert answer.status == 200, f"{path}: {answer.status}"
        while piece := answer.read(1 << 20):
            digest.update(piece)
            size += len(piece)
        return size, digest.hexdigest()


def place(engine: Engine, world: factories.World, labels: int, layout: str) -> UUID:
    """An order waiting to be printed."""
    with Session(engine) as session:
        order = ordering.place(
            session, lot_id=world.lot.id, quantity=labels, pack_weight_g=500, layout=layout, by=world.clerk.id, at=clock.now(),
            reach=Reach(holders=frozenset({world.cooperative.id})),
        )  # fmt: skip
        session.commit()
        return order.id


def alone(engine: Engine, order_id: UUID, host: str) -> float:
    """Seconds of drawing the same file into nothing, in this process."""
    with Session(engine) as session:
        order, run = session.get_one(LabelOrder, order_id), printing.runs(session, order_id)[0]
        shared = printing.composed(session, order, run, host=host)
        labels = printing.labels_of(session, order, run, keyring=keys.load(session, MASTER), layout=shared.layout)
        began = time.perf_counter()
        for _ in shared.pdf(labels):
            pass
        return time.perf_counter() - began


def click(clerk: Clerk, engine: Engine, order_id: UUID, layout: str, host: str) -> Taken:
    """Print an order and wait for its file."""
    here = f"/tem/don/{order_id}"
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', clerk.get(here).decode())
    assert token
    fields = {"csrf_token": token[1], "idempotency_key": uuid4().hex, "layout": layout, "position": "1"}
    began = time.perf_counter()
    page = clerk.post(f"{here}/in", fields)
    answered = time.perf_counter() - began
    while b"/tai" not in (shown := clerk.get(page)):
        assert time.perf_counter() - began < PATIENCE_SECONDS, "no file"
        time.sleep(0.1)
    offered = time.perf_counter() - began
    size, digest = clerk.taken(f"{page}/tai")
    whole = time.perf_counter() - began
    assert digest in shown.decode(), "the file is not the one whose hash is shown"
    return Taken(answered, offered, whole, size, alone(engine, order_id, host))


def main() -> int:
    """Measure and print; not 0 when the limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layout", default="a4-65")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        own.ensure_database("temthat")
        db.upgrade(own.url("temthat"))
        key = Path(folder) / "master.key"
        key.write_text(MASTER.hex())
        port = _free_port()
        config = Config(
            database_url=own.url("temthat"), var_dir=Path(folder), master_key=MASTER, host=f"127.0.0.1:{port}"
        )
        engine = create_engine(config.database_url)
        with Session(engine, expire_on_commit=False) as session:
            world = factories.make_world(session, master=MASTER, at=clock.now())
            session.execute(text("UPDATE eligible_balance SET eligible_g = 10000000000000"))
            session.execute(text("UPDATE lot SET volume_g = 10000000000000"))
            token = accounts.start_session(session, world.clerk, at=clock.now())
            session.commit()
        app = create_app(config, engine=engine)
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        environment = {
            **os.environ, "TEMTHAT_VAR": folder, "TEMTHAT_DATABASE_URL": config.database_url, "TEMTHAT_MASTER_KEY_FILE": str(key),
            "TEMTHAT_PORT": str(port),
        }  # fmt: skip
        commands = (
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--workers", "1", "--blocking-threads", "4",
             "--port", str(port), "--log-level", "error", "--no-ws", "trace.app:create_app"],
            [sys.executable, "-m", "trace.cli", "worker"],
        )  # fmt: skip
        parts = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        try:
            _wait(port)
            time.sleep(3)
            clerk = Clerk(port, signer.dumps({"_user_id": token, "_fresh": True}))
            found = []
            for _ in range(options.rounds):
                order_id = place(engine, world, options.labels, options.layout)
                found.append(click(clerk, engine, order_id, options.layout, config.host))
        finally:
            for part in parts:
                part.terminate()
            for part in parts:
                part.wait(20)
            engine.dispose()
            own.stop()
    taken = Taken(*(statistics.median(values) for values in zip(*found, strict=True)))
    print(
        f"{options.labels:,d} labels on {options.layout}: answer to the click {taken.answered:.2f} s, file offered after {taken.offered:.2f} s"
        f" (slowest {max(one.offered for one in found):.2f} s), its {taken.size / 1e6:.0f} MB taken after {taken.whole:.2f} s"
        f" (median of {options.rounds})"
    )
    print(f"ratio to the drawing alone in one process ({taken.alone:.2f} s): {taken.offered / taken.alone:.2f}")
    print(f"ratio to the limit of {LIMIT_SECONDS:.0f} s: {taken.offered / LIMIT_SECONDS:.2f}")
    return int(taken.offered > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
