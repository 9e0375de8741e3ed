"""The officers' lists with a million signals and 200,000 cases: server time and weight of each page beside its limit, and the plans.

    PYTHONPATH=. .venv/bin/python -m bench.desk_queue [--signals 1000000] [--cases 200000] [--rounds 60]

Limits: 50 ms at the 95th percentile for the lists, 100 ms for search without diacritics, 120 KB for all that a list fetches, compressed.
Everything is synthetic and made by SQL in a cluster of its own that is thrown away; one cluster of signals is a flood of ten thousand.
Times are those of whole requests through the application, sign-in and template included, without the network.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from bench import quiet
from bench.areas import MASTER, ask
from enforcement import law
from tests import factories
from trace import clock, cluster, db
from trace.app import create_app
from trace.config import Config
from trace.services import accounts, communes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

LIST_MS, SEARCH_MS, WEIGHT_KB = 50.0, 100.0, 120.0
FLOOD = 10_000
PEERS_KB = 566.0
"""What a case page of the nearest peer weighs."""

WORDS = """
CREATE TEMP TABLE what AS SELECT row_number() OVER () - 1 AS k, w FROM unnest(ARRAY['Nghi tem sao chép', 'Tem khác thường',
  'Hàng không giống thông tin trên tem', 'Hàng không có tem', 'Tem đã loại khỏi sử dụng vẫn được quét', 'Nghi giả mạo chỉ dẫn địa lý',
  'Mã không có trong sổ cấp tem', 'Bán trên mạng không rõ nguồn gốc']) w;
CREATE TEMP TABLE goods AS SELECT row_number() OVER () - 1 AS k, w FROM unnest(ARRAY['vải thiều Thanh Hà', 'na Chí Linh', 'ổi Thanh Hà',
  'nước mắm Cát Hải', 'rươi Tứ Kỳ', 'cam Vinh Bảo', 'mật ong Cát Bà', 'bánh đậu xanh', 'cà rốt Đức Chính', 'hành Kinh Môn', 'gà Liên Minh',
  'thuốc lào Vĩnh Bảo']) w;
CREATE TEMP TABLE spot AS SELECT row_number() OVER () - 1 AS k, w FROM unnest(ARRAY['Chợ Đổ', 'Chợ Sắt', 'Chợ An Dương', 'Chợ Cầu Rào',
  'Chợ Lương Văn Can', 'Siêu thị mẫu Lê Chân', 'Cửa hàng mẫu Hồng Bàng', 'Ki-ốt bến phà Gót', 'Chợ đầu mối Kiến An', 'Chợ Phú Thứ']) w;
CREATE TEMP TABLE ward AS SELECT row_number() OVER (ORDER BY code) - 1 AS k, code FROM commune
"""
CASES = """
INSERT INTO enforcement.case_file (number, title, state, severity, opened_at, opened_by, officer_id, commune_code, rule_version, next_due_at,
                                   closed_at, outcome)
SELECT 'VV-' || 2020 + n / 40000 || '-' || lpad((1 + n % 40000)::text, 5, '0'),
       what.w || ' – ' || goods.w || ', ' || spot.w || ' số ' || n % 997,
       CASE WHEN n % 10 = 0 THEN (ARRAY['received', 'screened', 'verifying', 'inspecting'])[1 + n / 10 % 4] WHEN n % 10 < 4 THEN 'closed' ELSE 'archived' END,
       1 + n % 3, :at - n * interval '10 minutes', :by,
       CASE WHEN n % 30 = 0 THEN NULL WHEN n % 400 = 10 THEN CAST(:by AS uuid) ELSE CAST(:other AS uuid) END, ward.code, '2026-1',
       CASE WHEN n % 10 = 0 AND n % 70 <> 0 THEN :at + (n % 4001 - 400) * interval '20 minutes' END,
       CASE WHEN n % 10 > 0 THEN :at - n * interval '9 minutes' END, CASE WHEN n % 10 > 0 THEN 'undetermined' END
  FROM generate_series(0, :cases - 1) n
  JOIN what ON what.k = n % 8 JOIN goods ON goods.k = n / 7 % 12 JOIN spot ON spot.k = n / 5 % 10
  JOIN ward ON ward.k = n / 3 % (SELECT count(*) FROM ward)
"""
# Four signals make a cluster, save the flood, which is all of one.
CLUSTERS = """
INSERT INTO enforcement.signal_cluster (id, key, begun_at, severity, newest_at)
SELECT md5('c' || n)::uuid, 'bench:' || n, :at - n * interval '1 minute', 1, :at FROM generate_series(0, (:signals - 1) / 4) n
"""
SIGNALS = """
INSERT INTO enforcement.signal (cluster_id, source, source_ref, source_number, serial, commune_code, place, what, summary, severity,
                                received_at, filed_at, state, case_id, reason, outcome, wait_until, decided_at, decided_by, shop_phone, location)
SELECT md5('c' || CASE WHEN n < :flood THEN 0 ELSE n / 4 END)::uuid,
       (ARRAY['tip', 'tip', 'observation', 'system', 'agency'])[1 + n / 4 % 5],
       CASE WHEN n / 4 % 5 < 3 THEN md5('s' || n)::uuid::text ELSE 'bench-' || n END,
       'PA-' || 2020 + n / 200000 || '-' || lpad((1 + n % 200000)::text, 5, '0'), 1 + n % 900001, CASE WHEN n / 4 % 19 <> 7 OR n / 4 % 5 = 2 THEN ward.code END,
       spot.w || ' số ' || n / 4 % 997, 'label_looks_wrong',
       what.w || ' – ' || goods.w || ' – Hợp tác xã mẫu ' || n / 11 % 300 || ' – tem số ' || n, 1 + n / 4 % 3,
       :at - n * interval '1 minute', :at - n * interval '1 minute', s.state, CASE WHEN s.state = 'in_case' THEN c.id END,
       CASE WHEN s.state IN ('waiting', 'rejected') THEN 'Lý do mẫu' END, CASE WHEN s.state = 'rejected' THEN 'undetermined' END,
       CASE WHEN s.state = 'waiting' THEN CAST(:at AS date) + 3 END,
       CASE WHEN s.state <> 'new' THEN least(:at - n * interval '1 minute' + interval '2 days', CAST(:at AS timestamptz)) END, CASE WHEN s.state <> 'new' THEN CAST(:by AS uuid) END,
       CASE WHEN n % 20 = 0 THEN '0225' || 1000000 + n / 80 % 9000 END,
       CASE WHEN n / 4 % 5 = 2 THEN ST_SetSRID(ST_MakePoint(106.2 + (n / 4 % 99991 * 7919 % 50000) / 1e5, 20.6 + (n / 4 % 20011 * 104729 % 30000) / 1e5), 4326) END
  FROM generate_series(0, :signals - 1) n
  CROSS JOIN LATERAL (SELECT CASE WHEN n < :flood OR n / 4 % 10 < 2 THEN 'new' WHEN n / 4 % 10 = 2 AND n / 40 % 5 = 0 THEN 'waiting'
                                  WHEN n / 4 % 10 < 5 THEN 'rejected' ELSE 'in_case' END AS state) s
  JOIN what ON what.k = n / 4 % 8 JOIN goods ON goods.k = n / 3 % 12 JOIN spot ON spot.k = n / 40 % 10
  JOIN ward ON ward.k = n / 4 % (SELECT count(*) FROM ward)
  LEFT JOIN numbered c ON c.k = n / 4 % :cases
"""
FIGURES = """
UPDATE enforcement.signal_cluster c
   SET signals = f.signals, fresh = f.fresh, waiting = f.waiting, severity = f.severity, oldest_at = f.oldest, newest_at = f.newest,
       wait_until = f.wait_until, lead_id = f.lead
  FROM (SELECT cluster_id, count(*) AS signals, count(*) FILTER (WHERE state = 'new') AS fresh,
               count(*) FILTER (WHERE state = 'waiting') AS waiting, max(severity) AS severity, min(received_at) AS oldest,
               max(received_at) AS newest, min(wait_until) AS wait_until, (array_agg(id ORDER BY severity DESC, received_at))[1] AS lead
          FROM enforcement.signal GROUP BY cluster_id) f
 WHERE f.cluster_id = c.id
"""


@contextmanager
def at_once(session: Session, *tables: str) -> Iterator[None]:
    """Write very many rows: triggers rest and indexes wait meanwhile, and are brought up at the end, at once."""
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text("SET LOCAL session_replication_role = replica"))
    later = session.execute(
        text(
            "SELECT x.schemaname, x.indexname, x.indexdef FROM pg_indexes x "
            "JOIN pg_class c ON c.relname = x.indexname AND c.relnamespace = x.schemaname::regnamespace WHERE x.tablename = ANY (:tables) "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)"
        ),
        {"tables": list(tables)},
    ).all()
    for schema, name, _made in later:
        session.execute(text(f"DROP INDEX {schema}.{name}"))
    yield
    for _schema, _name, made in later:
        session.execute(text(made))
    session.execute(text("SET LOCAL session_replication_role = origin"))


def fill(session: Session, world: factories.World, signals: int, cases: int) -> None:
    """Write the signals, their clusters and the cases."""
    facts: dict[str, Any] = {
        "at": clock.now(), "by": world.officer.id, "other": world.team_head.id, "signals": signals, "cases": cases, "flood": min(FLOOD, signals // 10),
    }  # fmt: skip
    with at_once(session, "signal", "case_file", "signal_cluster"):
        for statement in WORDS.split(";"):
            session.execute(text(statement))
        session.execute(text(CASES), facts)
        session.execute(
            text("CREATE TEMP TABLE numbered AS SELECT row_number() OVER () - 1 AS k, id FROM enforcement.case_file")
        )
        session.execute(text("CREATE UNIQUE INDEX ON numbered (k)"))
        session.execute(text(CLUSTERS), facts)
        session.execute(text(SIGNALS), facts)
        session.execute(
            text(
                "DELETE FROM enforcement.signal_cluster c WHERE NOT EXISTS (SELECT 1 FROM enforcement.signal s WHERE s.cluster_id = c.id)"
            )
        )
        session.execute(text(FIGURES))


def worked(engine: Engine) -> float:
    """CPU seconds of this process and of the server's processes so far: what a page costs, however busy the machine is with others."""
    with engine.connect() as connection:
        pids = connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")).all()
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def measure(client: FlaskClient, engine: Engine, me: str, rounds: int) -> bool:
    """Print a table; True if a limit was passed."""
    failed = False
    print("| page | median | p95 | limit | ratio | CPU | HTML, compressed |\n|---|---|---|---|---|---|---|")
    lists = {
        "(a page of the desk without a list)": "/hang-loat",
        "signals to decide": "/hang-doi",
        "signals, page 20": "/hang-doi?page=20",
        "signals waiting": "/hang-doi?tab=waiting",
        "signals of a commune": "/hang-doi?commune=10813",
        "signals of a frequent kind": "/hang-doi?source=tip",
        "signals of a rare kind": "/hang-doi?source=observation",
        "signals of a rare kind, low": "/hang-doi?source=agency&severity=1",
        "open cases": "/vu-viec",
        "open cases, page 20": "/vu-viec?page=20",
        "my cases": f"/vu-viec?officer={me}",
        "cases of nobody": "/vu-viec?officer=none",
        "overdue cases": "/vu-viec?due=overdue",
        "cases due soon": "/vu-viec?due=soon",
        "archived cases": "/vu-viec?state=archived",
    }
    searches = {
        "signals: goods without diacritics": "/hang-doi?q=vai+thieu",
        "signals: goods with diacritics": "/hang-doi?q=v%E1%BA%A3i+thi%E1%BB%81u",
        "signals: every one": "/hang-doi?q=tem",
        "signals: a place and a number": "/hang-doi?q=cho+do+so+512",
        "signals: number": "/hang-doi?q=PA-2024-00512",
        "signals: two letters": "/hang-doi?q=na",
        "signals: two letters, none": "/hang-doi?q=xq",
        "signals: nothing": "/hang-doi?q=khong+co+gi",
        "cases: goods without diacritics": "/vu-viec?q=vai+thieu",
        "cases: goods with diacritics": "/vu-viec?q=v%E1%BA%A3i+thi%E1%BB%81u",
        "cases: goods, half the diacritics": "/vu-viec?q=v%E1%BA%A3i+thieu",
        "cases: every one": "/vu-viec?q=tem",
        "cases: a place and a number": "/vu-viec?q=cho+an+duong+so+512",
        "cases: through the holder in a signal": "/vu-viec?q=hop+tac+xa+mau+217",
        "cases: number": "/vu-viec?q=VV-2024-01204",
        "cases: running number alone": "/vu-viec?q=1204",
        "cases: one letter": "/vu-viec?q=a",
        "cases: two letters": "/vu-viec?q=na",
        "cases: nothing": "/vu-viec?q=khong+co+gi",
    }
    for limit, pages in ((LIST_MS, lists), (SEARCH_MS, searches)):
        for name, path in pages.items():
            before = worked(engine)
            median, p95, _heavy = ask(client, path, rounds)
            cpu = (worked(engine) - before) * 1000 / (rounds + 3)
            packed = len(gzip.compress(client.get(path).data, 6)) / 1024
            failed |= p95 > limit
            print(
                f"| {name} | {median:.0f} ms | {p95:.0f} ms | {limit:.0f} ms | {p95 / limit:.2f} | {cpu:.0f} ms | {packed:.1f} KB |",
                flush=True,
            )
    return failed | weigh(client)


def weigh(client: FlaskClient) -> bool:
    """All that the first visit of a list fetches, compressed as it travels."""
    failed = False
    for path in ("/hang-doi", "/vu-viec"):
        page = client.get(path).data
        parts = set(re.findall(rb'(?:src|href)="(/static/[^"]+)"', page))
        whole = sum(len(gzip.compress(each, 6)) for each in (page, *(client.get(part.decode()).data for part in parts)))
        kb = whole / 1024
        failed |= kb > WEIGHT_KB
        print(
            f"{path}: {kb:.0f} KB in {1 + len(parts)} answers, {kb / WEIGHT_KB:.2f} of the limit, {kb / PEERS_KB:.2f} of the peer's page"
        )
    return failed


def explain(client: FlaskClient, engine: Engine, pages: dict[str, str]) -> None:
    """The plan of every statement over signals, clusters and cases that a page sends."""
    for name, path in pages.items():
        said: list[tuple[str, Any]] = []

        def hear(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            if "enforcement." in statement and statement.startswith(("SELECT", "WITH")):
                said.append((statement, parameters))  # noqa: B023

        event.listen(engine, "before_cursor_execute", hear)
        client.get(path)
        event.remove(engine, "before_cursor_execute", hear)
        print(f"\n### {name}: {path}")
        with engine.connect() as connection:
            for statement, parameters in said:
                if not re.search(r"FROM enforcement\.(signal|signal_cluster|case_file)\b", statement):
                    continue
                plan = connection.exec_driver_sql("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + statement, parameters)
                print("\n".join(row[0] for row in plan if "Planning" not in row[0] and "Sort Key" not in row[0]), "\n")


PLANS = {
    "signals to decide": "/hang-doi",
    "signals of a commune": "/hang-doi?commune=10813",
    "signals of a rare kind": "/hang-doi?source=observation",
    "open cases": "/vu-viec",
    "overdue cases": "/vu-viec?due=overdue",
    "search of signals without diacritics": "/hang-doi?q=vai+thieu",
    "search of cases without diacritics": "/vu-viec?q=cho+an+duong+so+512",
}


def main() -> int:
    """Measure and print; exit code 1 if a limit is passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--no-plans", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("temthat")
            return run(own.url("temthat"), Path(folder), given)
        finally:
            own.stop()


def prepared(url: str, signals: int, cases: int) -> tuple[Engine, Session, factories.World]:
    """A database with signals and cases in it, and an open session that made them."""
    db.upgrade(url)
    engine = create_engine(url)
    session = Session(engine, expire_on_commit=False)
    communes.load(session)
    law.seed(session)
    world = factories.make_world(session, master=MASTER, at=clock.now())
    session.commit()
    fill(session, world, signals, cases)
    session.commit()
    return engine, session, world


def opened(engine: Engine, session: Session, world: factories.World, folder: Path) -> FlaskClient:
    """The application over a filled database, with the officer signed in."""
    token = accounts.start_session(session, world.officer, at=clock.now())
    session.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(Config(database_url=url, var_dir=folder, master_key=MASTER), engine=engine)
    quiet()
    app.extensions["limits"] = SimpleNamespace(take=lambda *_args, **_more: 0)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    return client


def run(url: str, folder: Path, given: argparse.Namespace) -> int:
    """Fill a database and measure over it."""
    engine, session, world = prepared(url, given.signals, given.cases)
    client = opened(engine, session, world, folder)
    session.close()
    print(f"{given.signals:,} signals, {given.cases:,} cases, {given.rounds} rounds")
    failed = measure(client, engine, str(world.officer.id), given.rounds)
    if not given.no_plans:
        explain(client, engine, PLANS)
    engine.dispose()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
