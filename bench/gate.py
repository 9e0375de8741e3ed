"""The label gate over a grown register: 10,000 areas, 100,000 lots, 1,000,000 findings, a tenth of them open.

    PYTHONPATH=. .venv/bin/python -m bench.gate [--areas 10000] [--lots 100000] [--findings 1000000] [--checks 600]

One check is what an order does under its locks: the facts of its lot gathered from the database and judged (`facts.gather`,
`gate.reasons`), in a session of its own. Limit named beside it: 15 ms at the 95th percentile; and the time of an empty statement over
the same connection, which says how busy this machine is.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import factories
from trace import clock, cluster, db
from trace.models.lots import Lot
from trace.services import facts, gate, ordering
from trace.services.reach import Reach

MASTER = bytes(range(32))
LIMIT_MS = 15.0

GROW = (
    """INSERT INTO party (kind, name, is_sample) SELECT 'cooperative', 'Hợp tác xã mẫu số ' || n, true FROM generate_series(1, :holders) n""",
    """INSERT INTO growing_area (title_id, holder_id, name, commune_code, boundary, declared_ha, is_sample)
       SELECT :title, h.id, 'Vùng mẫu số ' || n, :commune,
              ST_Multi(ST_MakeEnvelope(106 + n * 1e-5, 20, 106 + n * 1e-5 + 5e-6, 20.000005, 4326)), 1, true
         FROM generate_series(1, :areas) n
         JOIN (SELECT id, row_number() OVER (ORDER BY name) - 1 AS place FROM party WHERE name LIKE 'Hợp tác xã mẫu số %') h
           ON h.place = n % :holders""",
    """INSERT INTO growing_area_code (area_id, code, scheme, market, status, valid_during)
       SELECT id, 'MAU-' || id, 'mẫu', 'VN', 'active', daterange('2024-01-01', NULL) FROM growing_area WHERE name LIKE 'Vùng mẫu số %'""",
    """INSERT INTO use_certificate (title_id, holder_id, number, valid_during, status, status_since, is_sample)
       SELECT :title, id, 'BENCH-' || id, daterange(current_date - 300, current_date + 300), 'active', now(), true
         FROM party WHERE name LIKE 'Hợp tác xã mẫu số %'""",
    """INSERT INTO certificate_source (certificate_id, area_id)
       SELECT c.id, a.id FROM growing_area a JOIN use_certificate c ON c.holder_id = a.holder_id AND c.number LIKE 'BENCH-%'""",
    """INSERT INTO eligible_balance (holder_id, season_id, eligible_g)
       SELECT id, :season, 10000000 FROM party WHERE name LIKE 'Hợp tác xã mẫu số %'""",
    """INSERT INTO lot (code, holder_id, certificate_id, product_id, season_id, area_id, volume_g, harvested_on, packed_on, expires_on, state,
                        recorded_at, certified_at, is_sample)
       SELECT 'B' || n, a.holder_id, c.id, :product, :season, a.id, 500000, current_date - 3, current_date - 2, current_date + 20, 'certified',
              now(), now(), true
         FROM generate_series(1, :lots) n
         JOIN (SELECT id, holder_id, row_number() OVER (ORDER BY id) - 1 AS place FROM growing_area WHERE name LIKE 'Vùng mẫu số %') a
           ON a.place = n % :areas
         JOIN use_certificate c ON c.holder_id = a.holder_id""",
    """INSERT INTO control_visit (title_id, holder_id, area_id, level, visited_on, controller_id, passed, recorded_at, finished_at)
       SELECT :title, a.holder_id, a.id, CASE WHEN n % 3 = 0 THEN 'self' ELSE 'internal' END, current_date - n * 20, :controller, n % 4 <> 0,
              now(), now()
         FROM growing_area a CROSS JOIN generate_series(1, 20) n WHERE a.name LIKE 'Vùng mẫu số %'""",
    # One in ten is open, one in five hundred closes the gate.
    """INSERT INTO nonconformity (title_id, holder_id, area_id, severity, blocking, description, found_on, due_on, recorded_at, closed_at, closed_by)
       SELECT :title, a.holder_id, CASE WHEN n % 7 <> 0 THEN a.id END, (ARRAY['minor', 'major', 'critical'])[1 + n % 3], n % 500 = 0,
              'Điểm không phù hợp mẫu số ' || n, current_date - (n % 700)::int, current_date - (n % 700)::int + 14, now(),
              CASE WHEN n % 10 <> 0 THEN now() END, CASE WHEN n % 10 <> 0 THEN CAST(:controller AS uuid) END
         FROM generate_series(1, :findings) n
         JOIN (SELECT id, holder_id, row_number() OVER (ORDER BY id) - 1 AS place FROM growing_area WHERE name LIKE 'Vùng mẫu số %') a
           ON a.place = (n / 11) % :areas""",
    "ANALYZE",
)  # fmt: skip


def prepare(url: str, sizes: dict[str, int]) -> list[object]:
    """Grow the register; returns lots to ask for, in no order."""
    db.upgrade(url)
    engine = create_engine(url)
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=clock.now())
        session.execute(
            text("UPDATE use_regulation SET rules = CAST(:rules AS jsonb)"),
            {"rules": '{"visit_within_days": 180, "gate_checks": ["KS-02"]}'},
        )
        given = {
            **sizes, "title": world.title.id, "commune": world.commune.code, "product": world.product.id, "season": world.season.id,
            "controller": world.controller.id,
        }  # fmt: skip
        for statement in GROW:
            began = time.perf_counter()
            session.execute(text(statement), given)
            print(
                f"  {statement.split('(')[0].strip()[:40]}: {time.perf_counter() - began:.1f} s",
                file=sys.stderr,
                flush=True,
            )
        session.commit()
        lots = list(session.scalars(text("SELECT id FROM lot WHERE code LIKE 'B%' ORDER BY md5(code) LIMIT 5000")))
    engine.dispose()
    return lots


def measure(url: str, lots: list[object], checks: int) -> tuple[list[float], list[float], int]:
    """Milliseconds of each check, of an empty statement before each, and how many gates were closed."""
    engine = create_engine(url, pool_size=1)
    times, empty, closed = [], [], 0
    everything, on, dice = Reach(everything=True), clock.now().astimezone(clock.CITY).date(), random.Random(7)
    for turn in range(checks + 50):
        with Session(engine) as session:
            began = time.perf_counter()
            session.execute(text("SELECT 1"))
            bare = time.perf_counter() - began
            lot = session.scalars(ordering._lots_within(everything).where(Lot.id == dice.choice(lots))).one()  # noqa: SLF001
            began = time.perf_counter()
            found = facts.gather(session, [lot], on=on)[lot.id]
            refused = gate.reasons(
                found, quantity=10, pack_weight_g=1000, layouts=frozenset({"a4-24"}), layout="a4-24", on=on
            )
            took = time.perf_counter() - began
        if turn >= 50:  # the first ones fill caches of plans and pages
            times.append(took * 1000)
            empty.append(bare * 1000)
            closed += bool(refused)
    engine.dispose()
    return times, empty, closed


def in_the_database(url: str, lots: list[object], rounds: int = 40) -> float:
    """Median milliseconds that the gathering statement itself takes, as PostgreSQL counts them."""
    engine, spent = create_engine(url), []
    with engine.connect() as connection:
        for lot_id in lots[:rounds]:
            asked = facts._STANDING.params(lots=[lot_id], on=clock.now().date())  # noqa: SLF001
            written = str(asked.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True}))
            statement = written.replace("@> '", "@> date '")  # a bare text would be read as a period
            told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}").scalar_one()
            spent.append(told[0]["Execution Time"])
    engine.dispose()
    return statistics.median(spent)


def main() -> int:
    """Grow, measure, print; fail over the limit."""
    parser = argparse.ArgumentParser()
    for name, size in (("areas", 10_000), ("lots", 100_000), ("findings", 1_000_000), ("checks", 600)):
        parser.add_argument(f"--{name}", type=int, default=size)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("temthat")
            sizes = {
                "areas": asked.areas,
                "lots": asked.lots,
                "findings": asked.findings,
                "holders": max(1, asked.areas // 20),
            }
            lots = prepare(own.url("temthat"), sizes)
            times, empty, closed = measure(own.url("temthat"), lots, asked.checks)
            inside = in_the_database(own.url("temthat"), lots)
        finally:
            own.stop()
    p95 = statistics.quantiles(times, n=20)[18]
    print(
        f"gate check of one order at {asked.areas:,} areas, {asked.lots:,} lots, {asked.findings:,} findings: "
        f"p50 {statistics.median(times):.2f} ms, p95 {p95:.2f} ms / {LIMIT_MS:.0f} ms = {p95 / LIMIT_MS:.2f}; "
        f"in the database {inside:.2f} ms; empty statement p50 {statistics.median(empty):.2f} ms; {closed} of {asked.checks} gates closed"
    )
    return int(p95 > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
