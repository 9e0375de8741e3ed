"""Many writers at once on few balances: orders, voids, losses, returns, hand-overs and jams, with processes killed in between.

    PYTHONPATH=. .venv/bin/python -m bench.ledger_race [--seconds 120] [--operations 0] [--writers 32] [--balances 500]
        [--kill-workers] [--kill-postgres] [--kill-every 5] [--postgres-each 1] [--folder FOLDER]

`--operations 1000000` goes on until so many are done or refused, however long it takes, and says every 30 s how far it is; the
volumes grow with the number, so that to the end some orders fit and some do not. Afterwards the books are compared with what
every writer was told outside the database (`bench.ledger_books`): nothing over-issued, every serial exactly once, the ledger's
sums right, nothing acknowledged lost. It prints operations a second and fails if anything is wrong. With `--folder` all of it is
kept there, and the same command goes on where it was left, even after a kill of everything.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import math
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bench.ledger_books import acknowledged, examine
from bench.ledger_writers import FORK, TALLY, THREADS, Tally, Writer, cast
from tests import factories
from trace import clock, cluster, db
from trace.errors import TemThatError
from trace.models.lots import EligibleBalance
from trace.models.titles import Product, Season

if TYPE_CHECKING:
    import multiprocessing
    from collections import Counter
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from bench.ledger_writers import Cast


MASTER = bytes(range(32))
OPERATIONS_PER_FILL = 20_000
EVERY_S = 30


def prepare(url: str, balances: int, *, plenty: int = 1) -> None:
    """A city with so many balances, each too small for all that will be asked of it; `plenty` times larger for a long race."""
    at = clock.now()
    engine = create_engine(url)
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=at)
        harvests = [(world.product, world.season)]  # one season at a time for a product, so each has its own
        for number in range(1, min(25, balances)):
            product = Product(
                title_id=world.title.id, name=f"Sản phẩm mẫu {number}", name_en=f"Sample product {number}", description="DỮ LIỆU MẪU",
                source_kind=world.product.source_kind,
            )  # fmt: skip
            session.add(product)
            session.flush()
            season = Season(
                product_id=product.id, name=f"Vụ mẫu {number}", yield_cap_kg_per_ha=8000,
                runs_during=Range(at.date() - timedelta(days=45), at.date() + timedelta(days=60)),
            )  # fmt: skip
            session.add(season)
            harvests.append((product, season))
        session.flush()
        made = 0
        while made < balances:
            holder = factories.party(session, f"Hợp tác xã mẫu {made}")
            area = factories.area(
                session, world.title, holder, f"Vùng mẫu {made}", boundary=factories.square(106.41 + made * 1e-4, 20.89, 0.003)
            )  # fmt: skip
            certificate = factories.certificate(session, world.title, holder, area, f"MẪU-R{made}", at)
            for product, season in harvests[: balances - made]:
                session.add(
                    EligibleBalance(
                        holder_id=holder.id, season_id=season.id, eligible_g=random.randint(20, 90) * 1000 * plenty
                    )
                )
                factories.lot(
                    session, certificate, product, season, area, at, code=f"R{made}", volume_g=random.randint(30, 120) * 1000 * plenty,
                )  # fmt: skip
                made += 1
        session.commit()
    engine.dispose()


def work(  # noqa: PLR0917  what a forked process is started with
    url: str, diary: Path, who: Cast, until: float, operations: int, tally: Tally, seat: int, seed: int
) -> None:  # fmt: skip
    """One process of writers, until the time or the operations of all are over."""
    engine = create_engine(url, pool_size=THREADS, connect_args={"options": db.LIMITS})
    orders: list[tuple[UUID, UUID, int, int]] = []

    def loop(number: int) -> None:
        cell = seat * THREADS + number
        with diary.with_suffix(f".{number}").open("ab", buffering=0) as out:
            writer = Writer(engine, out, random.Random(seed * 100 + number), who, orders)
            while time.monotonic() < until and (not operations or tally.total() < operations):
                try:
                    writer.turn()
                    tally.add(cell, "done")
                except TemThatError:
                    tally.add(cell, "refused")
                except DBAPIError as exc:
                    tally.add(cell, "deadlock" if "deadlock" in str(exc) else "cut_off")
                    time.sleep(0.2)

    gc.freeze()  # what the parent made stays; no collection need walk through it again
    threads = [threading.Thread(target=loop, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass
class Found:
    """What the race left behind."""

    counts: Counter[str]
    seconds: float
    kills: int
    wrong: list[str]
    acknowledged: int
    examined_s: float
    earlier: int
    """Operations of earlier goes in the same folder, which count among `counts` but not in the speed."""

    def __str__(self) -> str:
        done, refused = self.counts["done"], self.counts["refused"]
        return (
            f"{self.seconds:.0f} s, {self.kills} kills: {done:,} done, {refused:,} refused, {self.acknowledged:,} deeds acknowledged\n"
            f"{(done + refused - self.earlier) / self.seconds:.0f} operations/s; deadlocks {self.counts['deadlock']}, cut off {self.counts['cut_off']}; "
            f"examined in {self.examined_s:.1f} s\n"
            + (
                "\n".join(self.wrong[:20])
                or "nothing over-issued, every serial exactly once, sums right, nothing acknowledged lost"
            )
        )


def race(
    url: str, folder: Path, *, seconds: float, operations: int = 0, processes: int = 4, kill_every: float = 0,
    upset: Callable[[], None] | None = None, upset_each: int = 1, say: Callable[[str], None] | None = None,
) -> Found:  # fmt: skip
    """Let the writers loose together, kill some, and examine the books afterwards.

    Every `kill_every` seconds one process of writers is killed, and each `upset_each`-th time `upset()` is called, to kill more
    than that. `say` hears every 30 s how far it is.
    """
    kills, wrong, who, tally = 0, list[str](), cast(url), Tally.resumed(processes * THREADS, folder)
    earlier, before = len({diary.stem for diary in folder.glob("diary*.*")}), tally.total()
    began = time.monotonic()
    until = began + seconds

    def start(seat: int, number: int) -> multiprocessing.process.BaseProcess:
        # Forked, so that a writer is there at once; it opens connections of its own and never touches those of this process.
        made = FORK.Process(
            target=work,
            args=(url, folder / f"diary{earlier + number}", who, until, operations, tally, seat, earlier + number),
            daemon=True,
        )
        made.start()
        return made

    running = [start(seat, seat) for seat in range(processes)]
    next_kill, next_word, told = began + (kill_every or math.inf), began + EVERY_S, (began, before)
    while time.monotonic() < until and any(each.is_alive() for each in running):
        time.sleep(0.1)
        now = time.monotonic()
        if say is not None and now >= next_word:
            next_word, total = now + EVERY_S, tally.total()
            say(f"{now - began:6.0f} s  {total:9,} operations  {(total - told[1]) / (now - told[0]):4.0f}/s  {kills} kills  "
                f"{dict(tally.counts())}  memory {memory_mb(running)} MB")  # fmt: skip
            told = (now, total)
            tally.save(folder)
        alive = [seat for seat, each in enumerate(running) if each.is_alive()]
        if now < next_kill or not alive:
            continue
        seat = random.choice(alive)
        running[seat].kill()
        running[seat].join()
        running[seat] = start(seat, processes + kills)
        kills += 1
        if upset is not None and kills % upset_each == 0:
            upset()
        next_kill = time.monotonic() + kill_every
    for each in running:
        each.join(timeout=60)
        if each.exitcode != 0:
            wrong.append(f"a writer ended with {each.exitcode}")
            each.kill()
    lasted, counts = time.monotonic() - began, tally.counts()
    tally.save(folder)
    engine = create_engine(url)
    with Session(engine) as session:
        wrong += examine(session, folder)
    engine.dispose()
    if counts["deadlock"]:
        wrong.append(f"{counts['deadlock']} deadlocks")
    return Found(counts, lasted, kills, wrong, acknowledged(folder), time.monotonic() - began - lasted, before)


def memory_mb(running: Sequence[multiprocessing.process.BaseProcess]) -> int:
    """What this process and its writers hold of the machine's memory; pages that a fork shares are counted in each."""
    pages = 0
    for pid in (os.getpid(), *(each.pid for each in running)):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def measure(
    folder: Path, *, seconds: float, operations: int = 0, writers: int = 32, balances: int = 500, kill_every: float = 0,
    postgres_each: int = 0, keep: bool = False, say: Callable[[str], None] | None = None,
) -> Found:  # fmt: skip
    """A race on a PostgreSQL of its own, in a folder of one's own, that syncs as the real one does. Each `postgres_each`-th kill hits it too."""
    own = cluster.Cluster(folder / "pg")
    own.start()

    def kill_postgres() -> None:
        pid = int((own.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        own.start()

    try:
        own.ensure_database("race")
        db.upgrade(own.url("race"))
        if not (folder / TALLY).exists():
            prepare(own.url("race"), balances, plenty=max(1, operations // OPERATIONS_PER_FILL))
            Tally(1).save(folder)
        return race(
            own.url("race"), folder, seconds=seconds, operations=operations, processes=max(1, writers // THREADS),
            kill_every=kill_every, upset=kill_postgres if postgres_each else None, upset_each=max(1, postgres_each), say=say,
        )  # fmt: skip
    finally:
        if keep:
            own.stop()
        else:
            own.destroy()


def main() -> int:
    """Run, examine, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, help="120, unless operations are given")
    parser.add_argument("--operations", type=int, default=0, help="stop after so many, 0 for the time alone")
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--balances", type=int, default=500)
    parser.add_argument("--kill-workers", action="store_true")
    parser.add_argument("--kill-postgres", action="store_true")
    parser.add_argument("--kill-every", type=float, default=5, help="seconds between kills")
    parser.add_argument("--postgres-each", type=int, default=1, help="of so many kills one hits PostgreSQL too")
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on from it")
    options = parser.parse_args()
    with TemporaryDirectory() if options.folder is None else contextlib.nullcontext(str(options.folder)) as name:
        Path(name).mkdir(parents=True, exist_ok=True)
        found = measure(
            Path(name), seconds=options.seconds or (math.inf if options.operations else 120), operations=options.operations,
            writers=options.writers, balances=options.balances,
            kill_every=options.kill_every if options.kill_workers or options.kill_postgres else 0,
            postgres_each=options.postgres_each if options.kill_postgres else 0, keep=options.folder is not None, say=partial(print, flush=True),
        )  # fmt: skip
    print(f"{options.writers} writers, {options.balances} balances, {found}", flush=True)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
