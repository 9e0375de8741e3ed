"""The public search and the lists of a title, with ten thousand areas and a thousand holders: server time beside its limit.

    PYTHONPATH=. .venv/bin/python -m bench.public_search [--areas 10000] [--holders 1000] [--rounds 60]

Limit: 100 ms at the 95th percentile. Everything is synthetic and the cluster is thrown away. Times are those of whole requests through
the application, template included, without the network; the limit on questions a network may ask is lifted for the run.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import quiet
from bench.areas import MASTER, ask, fill
from tests import factories
from trace import clock, cluster, db
from trace.app import create_app
from trace.config import Config
from trace.services import communes, slugs

if TYPE_CHECKING:
    from flask.testing import FlaskClient

MOST_MS = 100.0
HOLDERS = """
WITH made AS (
    INSERT INTO party (kind, name, is_sample)
    SELECT 'cooperative', 'Hợp tác xã mẫu ' || (ARRAY['Thanh Sơn', 'An Phụ', 'Cẩm Chế', 'Lê Ninh', 'Việt Hồng'])[1 + n % 5] || ' ' || n, true
      FROM generate_series(1, :holders) n
    RETURNING id, name
), granted AS (
    INSERT INTO use_certificate (title_id, holder_id, number, valid_during, status, status_since, is_sample)
    SELECT :title, id, lpad(row_number() OVER (ORDER BY name)::text, 5, '0') || '/2025/GCN-MẪU', daterange('2025-01-01', '2028-01-01'),
           'active', '2025-01-01', true
      FROM made
    RETURNING id, holder_id
)
INSERT INTO certificate_source (certificate_id, area_id)
SELECT g.id, a.id FROM (SELECT id, row_number() OVER () AS n FROM granted) g
  JOIN (SELECT id, row_number() OVER () AS n FROM growing_area) a ON a.n BETWEEN g.n * 9 AND g.n * 9 + 8
"""
LOTS = """
INSERT INTO lot (code, holder_id, certificate_id, product_id, season_id, area_id, volume_g, harvested_on, packed_on, expires_on, state,
                 recorded_at, certified_at, is_sample)
SELECT 'L26-' || n, l.holder_id, l.certificate_id, l.product_id, l.season_id, l.area_id, 1000, l.harvested_on, l.packed_on, l.expires_on, l.state,
       l.recorded_at, l.certified_at, true
  FROM generate_series(1, 20000) n CROSS JOIN (SELECT * FROM lot LIMIT 1) l
"""


def main() -> int:
    """Measure and print; exit code 1 if a limit is passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--areas", type=int, default=10_000)
    parser.add_argument("--holders", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    random.seed(7)
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        own.ensure_database("temthat")
        config = Config(database_url=own.url("temthat"), var_dir=Path(folder), master_key=MASTER)
        db.upgrade(config.database_url)
        engine = create_engine(config.database_url)
        with Session(engine) as session:
            communes.load(session)
            world = factories.make_world(session, master=MASTER, at=clock.now())
            fill(session, world, given.areas)
            session.execute(text(HOLDERS), {"holders": given.holders, "title": world.title.id})
            session.execute(text(LOTS))
            key = slugs.slug(world.title.name, world.title.id)
            session.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        app = create_app(config, engine=engine)
        quiet()
        app.extensions["limits"] = SimpleNamespace(take=lambda *_args, **_more: 0)
        failed = measure(app.test_client(), key, given.rounds)
        engine.dispose()
        own.stop()
    return int(failed)


def measure(client: FlaskClient, key: str, rounds: int) -> bool:
    """Print a table; True if a limit was passed."""
    failed = False
    print(f"| page | median | p95 / {MOST_MS:.0f} ms | weight |\n|---|---|---|---|")
    pages = {
        "(no query: robots.txt)": "/robots.txt",
        "search: product without diacritics": "/tra-cuu?q=vai+thieu",
        "search: holder, many": "/tra-cuu?q=thanh+son",
        "search: one holder": "/tra-cuu?q=cam+che+512",
        "search: certificate number": "/tra-cuu?q=00512/2025",
        "search: area code": "/tra-cuu?q=mau-5120",
        "search: every area code": "/tra-cuu?q=mau",
        "search: lot code": "/tra-cuu?q=L26-512",
        "search: nothing": "/tra-cuu?q=khong+co+gi",
        "search: two letters": "/tra-cuu?q=ca",
        "users of a title": f"/nhan-hieu/{key}/nguoi-su-dung",
        "users on a past day, last page": f"/nhan-hieu/{key}/nguoi-su-dung?ngay=01/01/2026&page=20",
        "areas of a title": f"/nhan-hieu/{key}/vung-trong",
        "areas by code": f"/nhan-hieu/{key}/vung-trong?q=mau-512",
    }
    for name, path in pages.items():
        median, p95, heavy = ask(client, path, rounds)
        failed |= p95 > MOST_MS
        print(f"| {name} | {median:.0f} ms | {p95:.0f} ms = {p95 / MOST_MS:.2f} | {heavy / 1024:.0f} KB |", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
