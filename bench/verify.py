"""The scan page and its JSON with the scan recorded, over the production server: requests a second, p95, p99.

    PYTHONPATH=. .venv/bin/python -m bench.verify [--labels 10000000] [--scans 20000000] [--seconds 5] [--rounds 5]

Beside them, by turns in the same run and with the same load:
- bare: a WSGI callable on the same server that calls the same SQL function over a kept connection and returns a constant of the same
  size; the page must reach half of it, JSON 0.65;
- pgbench: the same function called as fast as it can be, with no web at all;
- the busiest national medicines check, 150 answers a second (securPharm, business hours); eight times that, with p95 under 100 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from labels import code
from tests import factories
from trace import clock, cluster, db
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NATIONAL = 150.0
BEAT_NATIONAL = 8.0
P95_MS = 100.0
SHARES = {"page": 0.5, "json": 0.65}
MASTER = bytes(range(32))
CLIENTS = 32
RANGES = 400
PHONE = (
    "Mozilla/5.0 (Linux; Android 13; SM-A145F Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/126.0.6478.134 Mobile Safari/537.36 Zalo android/24060100 ZaloTheme/light ZaloLanguage/vi"
)
HEAD = (
    "GET {path} HTTP/1.1\r\nHost: tem.example\r\nUser-Agent: {agent}\r\nAccept: {accept}\r\nAccept-Language: vi-VN,vi;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate\r\nX-Forwarded-For: {address}\r\n\r\n"
)
ACCEPTS = {
    "page": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "json": "application/json",
    "bare": "text/html",
}
DEVICE_SQL = "substring(uuid_send(gen_random_uuid()) FROM 1 FOR 12)"
PGBENCH = (
    "\\set serial random(1, {labels})\nSELECT verify_label(:serial, now(), " + DEVICE_SQL + ", 'real', 'qr')::text;\n"
)


def prepare(url: str, labels: int = 100_000, scans: int = 0) -> None:
    """A small city whose labels are all activated, in many ranges, with a month of scans of them."""
    db.upgrade(url)
    at = clock.now()
    engine = create_engine(url)
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=at)
        session.execute(text("SELECT make_scan_months(:a, :b)"), {"a": at.date() - timedelta(days=35), "b": at.date()})
        serials = Range(1, labels + 1)
        order = LabelOrder(
            number="ĐT-0001", holder_id=world.cooperative.id, certificate_id=world.certificate.id, balance_id=world.balance.id,
            lot_id=world.lot.id, pack_weight_g=1000, quantity=labels, serials=serials, layout="a4-24", placed_at=at, placed_by=world.clerk.id,
        )  # fmt: skip
        session.add(order)
        session.flush()
        edges = [1 + labels * number // RANGES for number in range(RANGES + 1)]
        session.add_all(
            LabelRange(
                serials=Range(first, end), state=LabelState.ACTIVATED, since=at, order_id=order.id, keeper_id=world.cooperative.id,
                lot_id=world.lot.id,
            )
            for first, end in pairwise(edges)
        )  # fmt: skip
        session.add(
            LabelMovement(
                order_id=order.id, serials=serials, move=LabelMove.ISSUE, was=None, becomes=LabelState.ORDERED,
                keeper_id=world.cooperative.id, at=at - timedelta(hours=1), by=world.clerk.id,
            )
        )  # fmt: skip
        session.execute(text("UPDATE label_series SET next_serial = :n"), {"n": labels + 1})
        session.commit()
        # Indices of millions of rows are built faster at once than row by row.
        indices = session.execute(text(
            "SELECT x.indexname, x.indexdef FROM pg_indexes x JOIN pg_class c ON c.relname = x.indexname WHERE x.tablename = 'scan' AND x.schemaname = 'public' "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)"
        )).all()  # fmt: skip
        for name, _made in indices:
            session.execute(text(f'DROP INDEX public."{name}"'))
        session.execute(
            text(f"""
            INSERT INTO scan (at, serial, verdict, kind, channel, device)
            SELECT :at - interval '30 days' + n * (interval '29 days' / :scans), 1 + floor(random() * :labels)::bigint, 'valid', 'real', 'qr', {DEVICE_SQL}
              FROM generate_series(1, :scans) n"""),
            {"at": at, "labels": labels, "scans": scans},
        )
        for _name, made in indices:
            session.execute(text(made.replace(" ON ONLY ", " ON ")))
        session.commit()
        if session.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")):
            raise RuntimeError("an index of the scans is not valid: what follows would be measured without it")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


_kept = threading.local()


def bare() -> Callable[..., list[bytes]]:
    """The peer: as little around the statement as there can be. Started by the server as a factory."""
    url, labels, size = os.environ["BARE_URL"], int(os.environ["BARE_LABELS"]), int(os.environ["BARE_SIZE"])
    constant, turn = b"x" * size, iter(range(os.getpid() % 1000, 10**12, 7))
    fields = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(size))]

    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if not hasattr(_kept, "connection"):
            _kept.connection = psycopg.connect(url, autocommit=True)
        _kept.connection.execute(
            "SELECT verify_label(%s, %s, %s, 'real', 'qr')::text",
            (1 + next(turn) % labels, clock.now(), os.urandom(12)),
        ).fetchone()
        start_response("200 OK", fields)
        return [constant]

    return app


def requests(kind: str, labels: int, number: int, fold: int) -> list[bytes]:
    """Requests of as many devices for as many labels, written before the clock starts."""
    made = []
    for turn in range(number):
        serial = 1 + (turn * 7919 + fold * 104_729) % labels
        address = f"10.{fold % 250}.{turn // 250 % 250}.{turn % 250}"
        path = f"/T/{code.encode(serial, factories.SECRET)}"
        made.append(HEAD.format(path=path, agent=PHONE, accept=ACCEPTS[kind], address=address).encode())
    return made


def load(port: int, wanted: list[bytes], seconds: float) -> tuple[float, list[float], int]:
    """Ask over kept connections, each as soon as it has its answer. Answers a second, their times in s, and how many were not 200."""
    poll, wires, waiting = select.epoll(), dict[int, socket.socket](), dict[int, tuple[float, bytearray, int]]()
    times: list[float] = []
    wrong, turn = 0, 0
    for _ in range(CLIENTS):
        wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wires[wire.fileno()] = wire
        poll.register(wire.fileno(), select.EPOLLIN)
    began = time.perf_counter()
    for number, wire in wires.items():
        waiting[number] = (time.perf_counter(), bytearray(), -1)
        wire.sendall(wanted[turn % len(wanted)])
        turn += 1
    while time.perf_counter() - began < seconds:
        for number, _event in poll.poll(1):
            sent, got, length = waiting[number]
            got += wires[number].recv(65_536)
            if length < 0 and (end := got.find(b"\r\n\r\n")) >= 0:
                found = re.search(rb"\r\ncontent-length: (\d+)", bytes(got[: end + 2]).lower())
                length = end + 4 + (int(found.group(1)) if found else 0)
            if length < 0 or len(got) < length:
                waiting[number] = (sent, got, length)
                continue
            now = time.perf_counter()
            times.append(now - sent)
            wrong += not got.startswith(b"HTTP/1.1 200")
            waiting[number] = (now, bytearray(), -1)
            wires[number].sendall(wanted[turn % len(wanted)])
            turn += 1
    lasted = time.perf_counter() - began
    for wire in wires.values():
        wire.close()
    return len(times) / lasted, times, wrong


def loaded(port: int, kind: str, labels: int, seconds: float, fold: int) -> tuple[float, float, float]:
    """`load` in a process of its own: answers a second, p95 and p99 in ms."""
    found = subprocess.run(
        [sys.executable, "-m", "bench.verify", "--client", json.dumps([port, kind, labels, seconds, fold])], stdout=subprocess.PIPE, check=True, text=True
    )  # fmt: skip
    rate, p95, p99, wrong = json.loads(found.stdout)
    if wrong:
        raise RuntimeError(f"{wrong} answers were not 200")
    return rate, p95, p99


@contextmanager
def served(factory: str, environment: dict[str, str]) -> Iterator[int]:
    """The production server with an application."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--http", "1", "--workers", "2", "--blocking-threads", "8",
         "--port", str(port), "--log-level", "error", "--no-ws", factory],
        env={**os.environ, **environment, "TEMTHAT_PORT": str(port)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def by_pgbench(url: str, labels: int, seconds: float, folder: Path) -> float:
    """Calls a second of the function alone."""
    script = folder / "verify.sql"
    script.write_text(PGBENCH.format(labels=labels))
    found = subprocess.run(
        ["pgbench", "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", str(max(1, round(seconds))), "-f", str(script), url],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    said = re.search(r"tps = ([\d.]+)", found.stdout)
    if said is None:
        raise RuntimeError(found.stdout)
    return float(said.group(1))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=10_000_000)
    parser.add_argument("--scans", type=int, default=20_000_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--client", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        return _client(*options.client)
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            return _measure(own, Path(folder), options)
        finally:
            own.stop()


def _measure(own: cluster.Cluster, folder: Path, options: argparse.Namespace) -> int:
    key = folder / "master.key"
    key.write_text(MASTER.hex())
    url = own.url("temthat")
    driver = url.replace("+psycopg", "")
    own.ensure_database("temthat")
    prepare(url, options.labels, options.scans)
    ours = {
        "TEMTHAT_VAR": str(folder), "TEMTHAT_DATABASE_URL": url, "TEMTHAT_MASTER_KEY_FILE": str(key), "TEMTHAT_TRUSTED_PROXIES": "1",
    }  # fmt: skip
    peer = {"BARE_URL": driver, "BARE_LABELS": str(options.labels), "BARE_SIZE": "4000"}
    rates: dict[str, list[float]] = {"page": [], "json": [], "bare": [], "pgbench": []}
    tails: dict[str, list[tuple[float, float]]] = {"page": [], "json": [], "bare": []}
    with served("trace.app:create_app", ours) as product, served("bench.verify:bare", peer) as bare_port:
        for turn in range(-1, options.rounds):
            for kind, port in (("page", product), ("bare", bare_port), ("json", product)):
                seconds = options.seconds if turn >= 0 else 3
                rate, p95, p99 = loaded(port, kind, options.labels, seconds, turn * 3 + len(kind))
                if turn >= 0:
                    rates[kind].append(rate)
                    tails[kind].append((p95, p99))
            if turn >= 0:
                rates["pgbench"].append(by_pgbench(driver, options.labels, options.seconds / 2, folder))
    middle = {kind: statistics.median(each) for kind, each in rates.items()}
    print(f"{options.labels:,} labels, {options.scans:,} scans, {CLIENTS} connections, median of {options.rounds}")
    missed = False
    for kind in ("page", "json", "bare"):
        p95, p99 = (statistics.median(each) for each in zip(*tails[kind], strict=True))
        share = (
            f"; ratio to bare {middle[kind] / middle['bare']:.2f} (at least {SHARES[kind]})" if kind in SHARES else ""
        )
        print(
            f"{kind:5} {middle[kind]:7,.0f}/s, p95 {p95:.0f} ms, p99 {p99:.0f} ms{share}; ratio to pgbench {middle[kind] / middle['pgbench']:.2f}"
        )
        missed |= kind in SHARES and (middle[kind] / middle["bare"] < SHARES[kind] or p95 > P95_MS)
    print(
        f"pgbench {middle['pgbench']:,.0f}/s; page to the national medicines check: {middle['page'] / NATIONAL:.1f} (at least {BEAT_NATIONAL:.0f})"
    )
    return 1 if missed or middle["page"] < BEAT_NATIONAL * NATIONAL else 0


def _client(port: int, kind: str, labels: int, seconds: float, fold: int) -> int:
    rate, times, wrong = load(port, requests(kind, labels, 30_000, fold), seconds)
    cuts = statistics.quantiles(
        [*times, *times] or [0.0, 0.0], n=100
    )  # while it warms up there may be one answer or none
    print(json.dumps([rate, cuts[94] * 1000, cuts[98] * 1000, wrong]))
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not come up")


if __name__ == "__main__":
    sys.exit(main())
