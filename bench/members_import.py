"""A table of 5,000 members, judged and recorded, against a plain COPY of the same two tables in the same run.

    PYTHONPATH=. .venv/bin/python -m bench.members_import [--members 5000] [--rounds 3]

What counts is the time from the bytes of the file to the committed members with their history. The limit is six times the plain
way; the absolute limit is five seconds.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import factories
from tests.services.tables import member, xlsx
from tests.services.tables import text as as_csv
from trace import clock, cluster, db
from trace.models.members import TableKind
from trace.services import communes, table_imports
from trace.services.area_imports import Asker
from trace.services.member_rows import copy
from trace.services.reach import Reach

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

MASTER = bytes(range(32))
LIMIT = 6.0
MOST_SECONDS = 5.0


def table(members: int) -> list[list[Any]]:
    """Rows as a cooperative would send them."""
    return [
        member(name=f"Hộ mẫu {number}", national_id=f"031000{number:06d}", phone=f"09{number:08d}", declared_ha="0,35")
        for number in range(members)
    ]


def plain(engine: Engine, members: int, holder_id: UUID) -> float:
    """Seconds to COPY ready rows into both tables and commit."""
    parties = [(uuid.uuid4(), "household", f"Hộ trần {n}", f"08{n:08d}", "Thôn Mẫu", "10813") for n in range(members)]
    joined = [
        (uuid.uuid4(), holder_id, party[0], f"T{n:05d}", f"033000{n:06d}", "0.35", "[2026-02-01,)", clock.now())
        for n, party in enumerate(parties)
    ]
    began = time.perf_counter()
    with Session(engine) as session:
        copy(session, "party", ("id", "kind", "name", "phone", "address", "commune_code"), parties)
        columns = (
            "id",
            "collective_id",
            "member_id",
            "code",
            "national_id",
            "declared_ha",
            "member_during",
            "recorded_at",
        )
        copy(session, "membership", columns, joined)
        session.commit()
    return time.perf_counter() - began


def brought(engine: Engine, store: Path, data: bytes, holder_id: UUID, who: Asker) -> tuple[float, float, int]:
    """Seconds to judge a file and to record it, and how many members it made."""
    began = time.perf_counter()
    with Session(engine) as session:
        made = table_imports.start(
            session, store, io.BytesIO(data), kind=TableKind.MEMBERS, name="a", holder_id=holder_id, who=who
        )
        told, good = made.id, made.total - made.faulty - made.known
        session.commit()
    judged = time.perf_counter() - began
    began = time.perf_counter()
    with Session(engine) as session:
        taken = table_imports.take(
            session, store, told, only_good=False, seen_good=good, reaches={TableKind.MEMBERS: who}
        ).taken
        session.commit()
    return judged, time.perf_counter() - began, taken


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = table(options.members)
    worst = 0.0
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("members")
            db.upgrade(own.url("members"))
            engine = create_engine(own.url("members"))
            with Session(engine) as session:
                communes.load(session)
                world = factories.make_world(session, master=MASTER, at=clock.now())
                holder_id, by = world.cooperative.id, world.clerk.id
                session.commit()
            who = Asker(by=by, at=clock.now(), reach=Reach(holders=frozenset({holder_id})))
            for name, data in (("XLSX", xlsx(rows)), ("CSV", as_csv(rows))):
                base, judged, wrote = [], [], []
                for _ in range(options.rounds):
                    base.append(plain(engine, options.members, holder_id))
                    clear(engine)
                    one, other, taken = brought(engine, Path(folder) / "files", data, holder_id, who)
                    assert taken == options.members
                    judged.append(one)
                    wrote.append(other)
                    clear(engine)
                worst = max(worst, tell(name, len(data), options.members, base, judged, wrote))
            engine.dispose()
        finally:
            own.stop()
    return 0 if worst <= LIMIT else 1


def clear(engine: Engine) -> None:
    """The register as empty as before."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM membership"))
        connection.execute(text("DELETE FROM party WHERE name LIKE 'Hộ %'"))


def tell(name: str, size: int, members: int, base: list[float], judged: list[float], wrote: list[float]) -> float:  # noqa: PLR0917
    """Print the medians; returns the ratio of recording, with all checks anew, to the plain way."""
    one, other, bare = statistics.median(judged), statistics.median(wrote), statistics.median(base)
    print(f"{name}: {members:,} members, {size / 2**20:.2f} MB, median of {len(base)}")
    print(f"  plain COPY of party and membership, commit: {bare * 1000:.0f} ms")
    print(f"  from the file to the preview: {one * 1000:.0f} ms")
    print(f"  judged anew and recorded with history, commit: {other * 1000:.0f} ms")
    print(
        f"  ratio of the whole way to COPY: {(one + other) / bare:.1f} (limit {LIMIT}); seconds: {one + other:.2f} (limit {MOST_SECONDS})"
    )
    return (one + other) / bare


if __name__ == "__main__":
    sys.exit(main())
