"""The pages and the work behind the desk with a million signals and 200,000 cases: each figure beside its limit.

    PYTHONPATH=. .venv/bin/python -m bench.desk_jobs [--signals 1000000] [--cases 200000] [--rounds 20] [--quick]

What resembles a signal or a case, the pages of a case with 36 signals, 40 files and 200 entries, the page of what is to do; reminders and
the look at the calendar with 20,000 running clocks; the sweep over a week of scans with a flood of ten thousand; the figures of a month
and a year; a list taken away as a file. Pages are judged by the 95th percentile of whole requests, work by its median. Everything is
synthetic, made by SQL in a cluster of its own that is thrown away. `--quick`: 5,000 signals, few rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import desk_load, desk_queue
from bench.areas import ask
from enforcement import patterns, reminding, report_tables, reports, timekeeping
from trace import clock, cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from flask.testing import FlaskClient
    from sqlalchemy import Engine

    from tests.factories import World

PAGE_MS, SIMILAR_CASE_MS, HOME_MS = 150.0, 300.0, 100.0
REMIND_MS, FLAG_MS, SWEEP_MS, TRUST_MS = 1000.0, 2000.0, 1000.0, 2000.0
MONTH_MS, YEAR_MS, FILE_MS = 3000.0, 5000.0, 20_000.0
TABS = {
    "what happened": "", "violation file": "/ho-so", "deadlines": "/thoi-han", "evidence": "/chung-cu", "documents": "/van-ban",
}  # fmt: skip


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    median: float
    worst: float
    limit: float
    judged: float
    cpu: float
    """What it costs this process and the server, however busy the machine is with others."""

    @property
    def ratio(self) -> float:
        """How near its limit the figure is; above one it is missed."""
        return self.judged / self.limit


def pages(client: FlaskClient, engine: Engine, big: UUID, rounds: int) -> Iterator[Figure]:
    """Whole requests, sign-in and template included, without the network."""
    with engine.connect() as connection:
        one = {
            source: connection.execute(
                text(
                    "SELECT id, cluster_id FROM enforcement.signal WHERE source = :source AND state <> 'in_case' "
                    "ORDER BY received_at LIMIT 1 OFFSET 20"
                ),
                {"source": source},
            ).one()
            for source in ("tip", "observation", "agency")
        }
        flood = connection.execute(
            text("SELECT lead_id, id FROM enforcement.signal_cluster ORDER BY signals DESC LIMIT 1")
        ).one()
        report = connection.execute(
            text("SELECT id FROM enforcement.signal WHERE cluster_id = :flood AND source = 'tip' ORDER BY received_at LIMIT 1 OFFSET 20"),
            {"flood": flood.id},
        ).scalar_one()  # fmt: skip
    asked = {f"a signal: {source}": (f"/hang-doi/{row[0]}", PAGE_MS) for source, row in one.items()}
    asked["a signal of the flood"] = (f"/hang-doi/{flood[0]}", PAGE_MS)
    asked["a report of the flood, with text and photo"] = (f"/hang-doi/{report}", PAGE_MS)
    asked["the flood itself"] = (f"/hang-doi/nhom/{flood[1]}", PAGE_MS)
    asked |= {f"a large case: {name}": (f"/vu-viec/{big}{tail}", PAGE_MS) for name, tail in TABS.items()}
    asked["a large case: similar cases"] = (f"/vu-viec/{big}/tuong-tu", SIMILAR_CASE_MS)
    asked["what is to do"] = ("/trang-chinh", HOME_MS)
    asked["my deadlines"] = ("/thoi-han", PAGE_MS)
    for name, (path, limit) in asked.items():
        before = desk_queue.worked(engine)
        median, p95, _weight = ask(client, path, rounds)
        yield Figure(
            name, median, p95, limit, judged=p95, cpu=(desk_queue.worked(engine) - before) * 1000 / (rounds + 3)
        )


def work(engine: Engine, rounds: int) -> Iterator[Figure]:
    """What runs beside the requests, and what a report asks of the database. Nothing of it stays, save the first reminders."""
    at, today = clock.now(), clock.now().astimezone(clock.CITY).date()

    def figures(days: int) -> Callable[[Session], Any]:
        return lambda session: report_tables.draw(
            session, reports.scope(session, today - timedelta(days=days), today, at=at)
        )

    yield timed(engine, "reminders, the first of all", lambda session: reminding.make(session, at=at), 5 * REMIND_MS, 1, keep=True)  # fmt: skip
    yield timed(
        engine, "reminders, ten minutes later", lambda session: reminding.make(session, at=at), REMIND_MS, rounds
    )
    yield timed(
        engine, "clocks held against the calendar", lambda session: timekeeping.flag(session, at=at), FLAG_MS, rounds
    )
    yield timed(
        engine, "sweep of a day with a flood", lambda session: patterns.sweep(session, since=at - timedelta(days=1), at=at), SWEEP_MS, rounds
    )  # fmt: skip
    yield timed(engine, "hourly sweep", lambda session: patterns.sweep_hourly(session, at=at), SWEEP_MS, rounds)
    yield timed(engine, "worth of the rules", patterns.trust, TRUST_MS, rounds)
    yield timed(engine, "report of a month", figures(30), MONTH_MS, rounds)
    yield timed(engine, "report of a year", figures(365), YEAR_MS, rounds)


def timed(
    engine: Engine, name: str, do: Callable[[Session], Any], limit: float, rounds: int, *, keep: bool = False
) -> Figure:
    """The median of some runs, each taken back unless it is to be kept."""
    times, before = [], desk_queue.worked(engine)
    for _ in range(rounds):
        with Session(engine) as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            began = time.perf_counter()
            do(session)
            times.append((time.perf_counter() - began) * 1000)
            if keep:
                session.commit()
    median, cpu = statistics.median(times), (desk_queue.worked(engine) - before) * 1000 / rounds
    return Figure(name, median, max(times), limit, judged=median, cpu=cpu)


def files(client: FlaskClient, engine: Engine) -> Iterator[Figure]:
    """The longest lists as files."""
    for name, path in (
        ("severe signals as CSV", "/xuat/desk-signals.csv?severity=3"),
        ("open cases as XLSX", "/xuat/desk-cases.xlsx"),
    ):
        before, began = desk_queue.worked(engine), time.perf_counter()
        answer = client.get(path)
        assert answer.status_code in {200, 413}, f"{path}: {answer.status_code}"
        spent = (time.perf_counter() - began) * 1000
        cpu = (desk_queue.worked(engine) - before) * 1000
        yield Figure(f"{name}, {len(answer.data) / 1024:.0f} KB", spent, spent, FILE_MS, judged=spent, cpu=cpu)


def measure(engine: Engine, session: Session, world: World, folder: Path, *, signals: int, rounds: int) -> list[Figure]:
    """Fill in what hangs on the signals and cases of a database, and take every figure."""
    big = desk_load.fill(session, world, signals)
    session.commit()
    few = max(1, min(5, rounds // 4))
    client = desk_queue.opened(engine, session, world, folder)
    found = list(work(engine, few))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return [*found, *pages(client, engine, big, rounds), *files(client, engine)]


def told(found: list[Figure]) -> bool:
    """Print a table; True if a limit was passed."""
    print("| figure | median | worst or p95 | limit | ratio | CPU |\n|---|---|---|---|---|---|")
    for each in found:
        print(
            f"| {each.name} | {each.median:.0f} ms | {each.worst:.0f} ms | {each.limit:.0f} ms | {each.ratio:.2f} | {each.cpu:.0f} ms |"
        )
    return any(each.ratio > 1 for each in found)


def main() -> int:
    """Measure and print; exit code 1 if a limit is passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        given.signals, given.cases, given.rounds = 5_000, 1_000, 4
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("temthat")
            engine, session, world = desk_queue.prepared(own.url("temthat"), given.signals, given.cases)
            with session:
                found = measure(engine, session, world, Path(folder), signals=given.signals, rounds=given.rounds)
            engine.dispose()
        finally:
            own.stop()
    print(f"{given.signals:,} signals, {given.cases:,} cases, {given.rounds} rounds")
    return int(told(found))


if __name__ == "__main__":
    sys.exit(main())
