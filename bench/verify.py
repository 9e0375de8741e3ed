"""The scan page: requests a second and p95 of a full page with its scan recorded, over the production server.

    PYTHONPATH=. .venv/bin/python -m bench.verify [--seconds 5] [--rounds 5]

Limits named beside it: the busiest national medicines check averages 150 answers a second (securPharm, business hours), and the same
statement called by bare psycopg connections from as many threads as the server has.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from labels import code
from tests import factories
from trace import clock, cluster, db
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState

NATIONAL = 150.0
MASTER = bytes(range(32))
LABELS = 100_000
CLIENTS = 16


def prepare(url: str) -> None:
    """A small city with 100,000 activated labels."""
    db.upgrade(url)
    at = clock.now()
    engine = create_engine(url)
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=at)
        session.execute(text("SELECT make_scan_months(:d, :d)"), {"d": at.date()})
        serials = Range(1, LABELS + 1)
        order = LabelOrder(
            number="ĐT-0001", holder_id=world.cooperative.id, certificate_id=world.certificate.id, balance_id=world.balance.id,
            lot_id=world.lot.id, pack_weight_g=1000, quantity=LABELS, serials=serials, layout="a4-24", placed_at=at, placed_by=world.clerk.id,
        )  # fmt: skip
        session.add(order)
        session.flush()
        session.add(
            LabelRange(
                serials=serials,
                state=LabelState.ACTIVATED,
                since=at,
                order_id=order.id,
                keeper_id=world.cooperative.id,
                lot_id=world.lot.id,
            )
        )
        session.add(
            LabelMovement(
                order_id=order.id, serials=serials, move=LabelMove.ISSUE, was=None, becomes=LabelState.ORDERED,
                keeper_id=world.cooperative.id, at=at - timedelta(hours=1), by=world.clerk.id,
            )
        )  # fmt: skip
        session.execute(text("UPDATE label_series SET next_serial = :n"), {"n": LABELS + 1})
        session.commit()
    engine.dispose()


def ask(port: int, serials: list[int], until: float, times: list[float], fold: str) -> int:
    """One client on one kept connection, a new device for each scan."""
    wrong = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        reader = wire.makefile("rb")
        n = 0
        while time.monotonic() < until:
            serial = serials[n % len(serials)]
            n += 1
            path = f"/T/{code.encode(serial, factories.SECRET)}"
            began = time.perf_counter()
            wire.sendall(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 {fold}{n}\r\nAccept: text/html\r\n\r\n".encode()
            )
            status = reader.readline()
            length = 0
            while (line := reader.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = reader.read(length)
            times.append(time.perf_counter() - began)
            if b" 200 " not in status or not body:
                wrong += 1
    return wrong


def bare(url: str, seconds: float) -> float:
    """The same function called by bare connections: what the database alone gives."""
    done = [0] * CLIENTS
    until = time.monotonic() + seconds

    def work(client: int) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            while time.monotonic() < until:
                connection.execute(
                    "SELECT verify_label(%s, now(), %s, 'real', 'qr')::text",
                    (1 + (done[client] * 37 + client) % LABELS, os.urandom(12)),
                ).fetchone()
                done[client] += 1

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    return sum(done) / (time.monotonic() - began)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        port = _free_port()
        key = Path(folder) / "master.key"
        key.write_text(MASTER.hex())
        environment = {
            **os.environ, "TEMTHAT_VAR": folder, "TEMTHAT_DATABASE_URL": own.url("temthat"), "TEMTHAT_MASTER_KEY_FILE": str(key),
            "TEMTHAT_PORT": str(port),
        }  # fmt: skip
        own.ensure_database("temthat")
        prepare(own.url("temthat"))
        server = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--workers", "2", "--blocking-threads", "8",
             "--port", str(port), "--log-level", "error", "--no-ws", "trace.app:create_app"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            rates, tails, bases = [], [], []
            for turn in range(options.rounds):
                times: list[float] = []
                serials = list(range(1 + turn, LABELS, 97))
                until = time.monotonic() + options.seconds
                threads = [
                    threading.Thread(target=ask, args=(port, serials[n::CLIENTS], until, times, f"r{turn}c{n}-"))
                    for n in range(CLIENTS)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                rates.append(len(times) / options.seconds)
                tails.append(statistics.quantiles(times, n=100)[94] * 1000)
                bases.append(bare(own.url("temthat"), options.seconds / 2))
        finally:
            server.terminate()
            server.wait(20)
            own.stop()
    rate, base = statistics.median(rates), statistics.median(bases)
    print(
        f"scan page, scan recorded: {rate:.0f} requests/s, p95 {statistics.median(tails):.0f} ms (median of {options.rounds}; {CLIENTS} connections)"
    )
    print(f"ratio to the national medicines check ({NATIONAL:.0f}/s): {rate / NATIONAL:.1f}")
    print(f"ratio to the same statement over bare connections ({base:.0f}/s): {rate / base:.2f}")
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not come up")


if __name__ == "__main__":
    sys.exit(main())
