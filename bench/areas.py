"""The list and the map of growing areas with ten thousand of them: server time and weight of each view beside their limits.

    PYTHONPATH=. .venv/bin/python -m bench.areas [--areas 10000] [--rounds 60]

Limits: 300 ms at the 95th percentile for the first useful list, 200 KB for what one view of the map fetches. The areas are synthetic,
of 60 points each, beside one another over the whole city; the cluster is thrown away. Times are those of whole requests through the
application, sign-in and template included, without the network.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import quiet
from tests import factories
from trace import clock, cluster, db
from trace.app import create_app
from trace.config import Config
from trace.services import accounts, communes

if TYPE_CHECKING:
    from flask.testing import FlaskClient

MASTER = bytes(range(32))
POINTS = 60
LIST_MS, VIEW_KB = 300.0, 200.0
PLACES = ("Vườn", "Đồng", "Bãi", "Cánh đồng", "Vùng")
NAMES = ("Thanh Sơn", "An Phụ", "Cẩm Chế", "Lê Ninh", "Tiên Tảo", "Việt Hồng", "Phạm Mệnh", "Thanh Lang")

INSERT = """
INSERT INTO growing_area (title_id, holder_id, name, commune_code, boundary, declared_ha, crop, is_sample)
SELECT :title, :holder, :name,
       coalesce((SELECT code FROM commune c WHERE ST_Intersects(c.boundary, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)) LIMIT 1), '10813'),
       ST_Multi(ST_GeomFromText(:shape, 4326)), :ha, 'Vải', true
"""


def outline(lon: float, lat: float, radius: float) -> str:
    """A field of sixty points around a place, its radius in degrees."""
    ring = []
    for number in range(POINTS):
        angle, far = 2 * math.pi * number / POINTS, radius * random.uniform(0.85, 1.0)
        ring.append(f"{lon + far * math.cos(angle):.7f} {lat + far * math.sin(angle):.7f}")
    return "POLYGON((" + ",".join([*ring, ring[0]]) + "))"


def fill(session: Session, world: factories.World, count: int) -> None:
    """Lay the areas on a grid over the mainland of the city, half of them close together, with a code each."""
    side = math.ceil(math.sqrt(count))
    rows = []
    for number in range(count):
        column, row = number % side, number // side
        lon, lat = 106.15 + 0.55 * column / side, 20.68 + 0.40 * row / side
        rows.append(
            {
                "title": world.title.id, "holder": world.cooperative.id if number % 3 else world.other_cooperative.id, "lon": lon, "lat": lat,
                "name": f"{random.choice(PLACES)} mẫu {random.choice(NAMES)} {number}", "shape": outline(lon, lat, 0.0016),
                "ha": round(random.uniform(2, 8), 2),
            }
        )  # fmt: skip
    session.execute(text("UPDATE protection_title SET area = (SELECT ST_Multi(ST_Union(boundary)) FROM commune)"))
    session.execute(text(INSERT), rows)
    session.execute(
        text(
            "INSERT INTO growing_area_code (area_id, code, scheme, market, status, valid_during) "
            "SELECT id, 'MẪU-' || row_number() OVER (ORDER BY name), 'mẫu', 'VN', 'active', daterange('2025-01-01', NULL) "
            "FROM growing_area WHERE name LIKE '%mẫu%'"
        )
    )


def ask(client: FlaskClient, path: str, rounds: int) -> tuple[float, float, float]:
    """Median and 95th percentile in ms, and the bytes of the heaviest answer."""
    times, heaviest = [], 0
    for turn in range(rounds + 3):
        began = time.perf_counter()
        answer = client.get(path)
        spent = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        heaviest = max(heaviest, len(answer.data))
        if turn >= 3:
            times.append(spent)
    return statistics.median(times), sorted(times)[math.ceil(0.95 * len(times)) - 1], heaviest


def main() -> int:
    """Measure and print; exit code 1 if a limit is passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--areas", type=int, default=10_000)
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
            token = accounts.start_session(session, world.manager, at=clock.now())
            session.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        app = create_app(config, engine=engine)
        quiet()
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        failed = measure(client, given.rounds)
        engine.dispose()
        own.stop()
    return int(failed)


def measure(client: FlaskClient, rounds: int) -> bool:
    """Print a table; True if a limit was passed."""
    failed = False
    print(f"| view | median | p95 / {LIST_MS:.0f} ms | weight / {VIEW_KB:.0f} KB |\n|---|---|---|---|")
    lists = {
        "list, first page": "/vung-trong",
        "list, page 150": "/vung-trong?page=150",
        "list, search without diacritics": "/vung-trong?q=thanh+son",
        "list, search by code": "/vung-trong?q=MẪU-512",
        "list, old district": "/vung-trong?q=huyện+Thanh+Hà",
        "list beside the map": "/vung-trong/ban-do",
    }
    # The same middle from the whole city down to single fields, as a window of 900 by 540 pixels sees it.
    layers = {}
    for zoom in (9, 10, 11, 12, 13, 14, 15, 16, 17):
        pixel = 360 / (256 * 2**zoom)
        box = f"{106.42 - 450 * pixel},{20.88 - 252 * pixel},{106.42 + 450 * pixel},{20.88 + 252 * pixel}"
        layers[f"map, zoom {zoom}"] = (
            f"/vung-trong/ban-do/lop?box={box}&zoom={zoom}",
            f"/vung-trong/ban-do/nen?box={box}&zoom={zoom}",
        )
    for name, path in lists.items():
        median, p95, heavy = ask(client, path, rounds)
        failed |= p95 > LIST_MS
        print(
            f"| {name} | {median:.0f} ms | {p95:.0f} ms = {p95 / LIST_MS:.2f} | {heavy / 1024:.0f} KB (page) |",
            flush=True,
        )
    for name, paths in layers.items():
        seen = [ask(client, path, rounds) for path in paths]
        median, p95, heavy = (sum(values) for values in zip(*seen, strict=True))
        failed |= p95 > LIST_MS or heavy / 1024 > VIEW_KB
        print(
            f"| {name} | {median:.0f} ms | {p95:.0f} ms = {p95 / LIST_MS:.2f} | {heavy / 1024:.0f} KB = {heavy / 1024 / VIEW_KB:.2f} |",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
