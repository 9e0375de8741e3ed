"""A file of 5,000 areas of 60 corners, brought in with all checks, against a plain COPY and ST_IsValid of the same boundaries.

    PYTHONPATH=. .venv/bin/python -m bench.area_import [--areas 5000] [--rounds 5]

A few have faults. The limit is six times the plain way, in the same run: what counts is the time from the bytes of the file to the
committed preview, for fields with paths between them and for fields that share every border. Taking over what has no fault is told
beside it.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import factories
from trace import clock, cluster, db
from trace.models.areas import GrowingArea
from trace.services import area_import_taking, area_imports, communes, geofiles, shapes
from trace.services.area_import_taking import Which
from trace.services.area_imports import Asker
from trace.services.reach import Reach

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

MASTER = bytes(range(32))
LIMIT = 6.0
CORNERS = 60
ACROSS = 100


def fields(areas: int, *, shared: bool) -> bytes:
    """Fields in rows as GeoJSON: four sides of uneven steps, with a path between them, or every border shared with the neighbour."""
    chance = np.random.default_rng(7)
    rows = -(-areas // ACROSS)
    wide, high, steps = 0.0009, 0.0012, (CORNERS - 1) // 4 + 1
    flat = chance.uniform(-0.03, 0.03, (rows + 1, ACROSS, steps)) * high
    upright = chance.uniform(-0.03, 0.03, (rows, ACROSS + 1, steps)) * wide
    for corner in (0, 1, 2, -2, -1):  # near the corners straight, so that no side meets the next
        flat[:, :, corner] = upright[:, :, corner] = 0
    along = np.arange(steps) / steps
    features = []
    for number in range(areas):
        row, column = divmod(number, ACROSS)
        west, south = 106.404 + column * wide, 20.885 + row * high
        south_side = np.stack([west + along * wide, south + flat[row, column]], 1)
        east_side = np.stack([west + wide + upright[row, column + 1], south + along * high], 1)
        north_side = np.stack([west + along * wide, south + high + flat[row + 1, column]], 1)
        west_side = np.stack([west + upright[row, column], south + along * high], 1)
        corner = np.array([[west + wide, south + high]])
        ring = np.concatenate(
            [
                south_side,
                east_side,
                corner,
                north_side[:0:-1],
                [[west, south + high]],
                west_side[:0:-1],
                [[west, south]],
            ]
        )
        if not shared:
            middle = np.array([west + wide / 2, south + high / 2])
            ring = middle + (ring - middle) * 0.92
        points = np.round(ring, 8).tolist()
        if number % 500 == 250:  # a few that cross themselves
            points[3], points[9] = points[9], points[3]
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "Tên vùng": f"Thửa {number + 1}",
                    "Diện tích (ha)": "1,24" if shared else "1,05",
                    "Xã": "Thanh Hà",
                    "Cây trồng": "vải",
                },
                "geometry": {"type": "Polygon", "coordinates": [points]},
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def plain(engine: Engine, drawn: list[bytes]) -> float:
    """Seconds to COPY ready boundaries into a bare table and ask which are valid."""
    connection: Any = engine.raw_connection()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare; CREATE TABLE bare (row_no integer, boundary geometry)")
        connection.commit()
        written = "".join(f"{number}\t{shape.hex()}\n" for number, shape in enumerate(drawn))
        began = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN") as copy:
            copy.write(written)
        cursor.execute("SELECT count(*) FROM bare WHERE NOT ST_IsValid(boundary)")
        cursor.fetchone()
        connection.commit()
        took = time.perf_counter() - began
    connection.close()
    return took


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--areas", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ratios = list[float]()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("areas")
            db.upgrade(own.url("areas"))
            engine = create_engine(own.url("areas"))
            with Session(engine) as session:
                communes.load(session)
                world = factories.make_world(session, master=MASTER, at=clock.now())
                title_id, holder_id, by = world.title.id, world.cooperative.id, world.manager.id
                session.query(GrowingArea).update({"boundary": factories.square(106.49, 20.96, 0.001)})
                session.commit()
            who = Asker(by=by, at=clock.now(), reach=Reach(titles=frozenset({title_id})))
            for shared in (False, True):
                data = fields(options.areas, shared=shared)
                taken = [
                    one(engine, Path(folder) / "files", data, title_id=title_id, holder_id=holder_id, who=who)
                    for _ in range(options.rounds)
                ]
                ratios.append(tell(taken, data, shared=shared))
        finally:
            own.stop()
    return 0 if max(ratios) <= LIMIT else 1


@dataclass(frozen=True)
class Round:
    """Seconds of one round, and what came of it."""

    plain: float
    shown: float
    wrote: float
    rows: int
    faulty: int
    taken: int


def one(engine: Engine, store: Path, data: bytes, *, title_id: UUID, holder_id: UUID, who: Asker) -> Round:
    """Both ways once, with the register as empty afterwards as before."""
    bare = plain(engine, [shapes.ewkb(feature.shape) for feature in geofiles.read(data, "a.geojson").features])
    began = time.perf_counter()
    with Session(engine) as session:
        made = area_imports.start(
            session, store, io.BytesIO(data), name="a.geojson", title_id=title_id, holder_id=holder_id, who=who
        )
        told, rows, faulty = made.id, made.total, made.faulty
        session.commit()
    shown = time.perf_counter() - began
    began = time.perf_counter()
    with Session(engine) as session:
        taken = area_import_taking.take(session, told, Which.FINE, who=who).taken
        session.commit()
    wrote = time.perf_counter() - began
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM growing_area WHERE name LIKE 'Thửa %'"))
    return Round(bare, shown, wrote, rows, faulty, taken)


def tell(rounds: list[Round], data: bytes, *, shared: bool) -> float:
    """Print the medians; returns the ratio of all checks to the plain way."""
    base, seen, wrote = (
        statistics.median(getattr(each, name) for each in rounds) for name in ("plain", "shown", "wrote")
    )
    last = rounds[-1]
    lie = "every border shared with the neighbour" if shared else "paths between them"
    print(f"{last.rows:,} areas of {CORNERS} corners, {lie}, {len(data) / 2**20:.1f} MB, median of {len(rounds)}")
    print(f"  plain COPY and ST_IsValid: {base * 1000:.0f} ms")
    print(f"  from the file to the preview, all checks, commit: {seen * 1000:.0f} ms, {last.faulty} with faults")
    print(f"  taking over {last.taken:,} areas with their history, commit: {wrote * 1000:.0f} ms")
    print(f"  ratio with all checks: {seen / base:.1f} (limit {LIMIT}); taking over besides: {wrote / base:.1f}")
    return seen / base


if __name__ == "__main__":
    sys.exit(main())
