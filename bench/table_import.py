"""Tables of lots, areas and control results as large as they may be: seconds from the file to the preview, and from there to the record.

    PYTHONPATH=. .venv/bin/python -m bench.table_import [--rows 5000] [--rounds 3] [--kinds lots areas visits]

The limit is five seconds for each step. Members have a measure of their own (`bench.members_import`).
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import factories
from tests.services.tables import xlsx
from trace import cluster, db
from trace.models.members import TableKind
from trace.services import communes, table_choices, table_forms, table_imports
from trace.services.area_imports import Asker
from trace.services.reach import Reach

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

MASTER = bytes(range(32))
AT = datetime(2026, 6, 15, 5, tzinfo=UTC)
MOST_SECONDS = 5.0
AREAS = 5000
INTERNAL = next(name for name, level in table_choices.LEVELS.items() if level.value == "internal")
CONFORMS = next(iter(table_choices.OUTCOMES))

GROW = """
INSERT INTO growing_area (title_id, holder_id, name, commune_code, boundary, declared_ha, crop, is_sample)
SELECT title_id, holder_id, 'Thửa mẫu ' || n, commune_code, boundary, 1, 'Vải', true
  FROM growing_area, generate_series(1, :areas) n WHERE id = :area
"""


def lots(world: factories.World, rows: int) -> list[list[Any]]:
    """Lots of one area and season, harvested over a fortnight."""
    season = f"{world.product.name}, {world.season.name}"
    day = date(2026, 6, 1)
    return [
        [f"L-{n:05d}", world.area.name, season, "1,5", day + timedelta(n % 14), "15/06/2026", "25/06/2026"]
        for n in range(rows)
    ]


def areas(_world: factories.World, rows: int) -> list[list[Any]]:
    """Three facts of each area said anew."""
    return [[f"Thửa mẫu {n + 1}", "1,25", "Vải", "Vải thiều", str(100 + n % 50)] for n in range(rows)]


def visits(world: factories.World, rows: int) -> list[list[Any]]:
    """Every item of the plan for one area after another."""
    items = [item.code for item in world.plan.items if "internal" in item.levels]
    return [
        [f"Thửa mẫu {n // len(items) + 1}", "14/06/2026", INTERNAL, items[n % len(items)], CONFORMS, "", "", ""]
        for n in range(rows)
    ]


TABLES = {TableKind.LOTS: lots, TableKind.AREAS: areas, TableKind.VISITS: visits}


def brought(  # noqa: PLR0917
    engine: Engine, store: Path, data: bytes, kind: TableKind, holder_id: UUID, who: Asker
) -> tuple[float, float, int]:
    """Seconds to judge a file and to record it, and how many rows it recorded. Nothing of it stays."""
    with engine.connect() as connection:
        outer = connection.begin()
        try:
            began = time.perf_counter()
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                made = table_imports.start(
                    session, store, io.BytesIO(data), kind=kind, name="a", holder_id=holder_id, who=who
                )
                told, good = made.id, made.total - made.faulty - made.known
                session.commit()
            judged = time.perf_counter() - began
            began = time.perf_counter()
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                taken = table_imports.take(
                    session, store, told, only_good=False, seen_good=good, reaches={kind: who}
                ).taken
                session.commit()
            return judged, time.perf_counter() - began, taken
        finally:
            outer.rollback()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="*", type=TableKind, default=list(TABLES))
    options = parser.parse_args()
    worst = 0.0
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("tables")
            db.upgrade(own.url("tables"))
            engine = create_engine(own.url("tables"))
            with Session(engine, expire_on_commit=False) as session:
                communes.load(session)
                world = factories.make_world(session, master=MASTER, at=AT)
                session.execute(text(GROW), {"areas": AREAS, "area": world.area.id})
                session.execute(text("UPDATE eligible_balance SET eligible_g = 10000000000000"))
                _ = world.plan.items
                session.commit()
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
            for kind in options.kinds:
                rows = min(options.rows, table_forms.FORMS[kind].most_rows)
                person = world.controller if kind is TableKind.VISITS else world.clerk
                reach = Reach(holders=frozenset({world.cooperative.id}), titles=frozenset({world.title.id}))
                who = Asker(by=person.id, at=AT, reach=reach)
                data = xlsx(TABLES[kind](world, rows), kind)
                seen, wrote = [], []
                for _round in range(options.rounds):
                    one, other, taken = brought(engine, Path(folder) / "files", data, kind, world.cooperative.id, who)
                    assert taken == rows, taken
                    seen.append(one)
                    wrote.append(other)
                worst = max(worst, tell(kind, rows, len(data), seen, wrote))
            engine.dispose()
        finally:
            own.stop()
    return int(worst > MOST_SECONDS)


def tell(kind: TableKind, rows: int, size: int, seen: list[float], wrote: list[float]) -> float:
    """Print the medians; returns the slower of the two steps, in seconds."""
    one, other = statistics.median(seen), statistics.median(wrote)
    print(f"{kind.value}: {rows:,} rows, {size / 2**20:.2f} MB, median of {len(seen)}")
    print(f"  from the file to the preview: {one:.2f} s / {MOST_SECONDS:.0f} s = {one / MOST_SECONDS:.2f}")
    print(f"  judged anew and recorded with history: {other:.2f} s / {MOST_SECONDS:.0f} s = {other / MOST_SECONDS:.2f}")
    return max(one, other)


if __name__ == "__main__":
    sys.exit(main())
