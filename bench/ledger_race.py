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
import json
import math
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import create_engine, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bench.ledger_books import acknowledged, examine
from tests import factories
from trace import clock, cluster, db
from trace.errors import TemThatError
from trace.models.labels import LabelMove, LabelOrder
from trace.models.lots import EligibleBalance, Lot
from trace.models.parties import AppUser, Party
from trace.models.titles import Product, Season
from trace.services import handovers, jams, ledger, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from sqlalchemy import Engine

MASTER = bytes(range(32))
THREADS = 8
FORK = multiprocessing.get_context("fork")
PACK_G = 500
MOST_ORDERS = 200
TALLY = "tally.json"
OPERATIONS_PER_FILL = 20_000
EVERY_S = 30
MOVES = (
    *(LabelMove.PRINT,) * 3, *(LabelMove.RECEIVE,) * 4, LabelMove.ACTIVATE, LabelMove.ACTIVATE, LabelMove.USE, LabelMove.SPOIL,
    LabelMove.LOSE, LabelMove.RETURN, LabelMove.VOID, LabelMove.VOID,
)  # fmt: skip


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


@dataclass(frozen=True)
class Cast:
    """Who does it and with which lots: read once, for the database may be down when a writer starts."""

    clerk: UUID
    packer: UUID
    packing_house: UUID
    lots: list[tuple[UUID, UUID]]


@dataclass
class Writer:
    """One of many: does things at random and writes down, outside the database, what it was told is done."""

    engine: Engine
    diary: BinaryIO
    chance: random.Random
    who: Cast
    orders: list[tuple[UUID, UUID, int, int]]
    """Id, holder, first serial and the one after the last: of all writers of a process, who get in each other's way on them."""

    def turn(self) -> None:
        """One operation, done or refused."""
        what = self.chance.random()
        if what < 0.25 or not self.orders:
            self.place()
        elif what < 0.87:
            self.move()
        elif what < 0.97:
            self.hand_over()
        else:
            self.jam()

    def place(self) -> None:
        """Order labels for some lot."""
        lot_id, holder_id = self.chance.choice(self.who.lots)
        with Session(self.engine) as session:
            order = ordering.place(
                session, lot_id=lot_id, quantity=self.chance.randint(1, 40), pack_weight_g=PACK_G, layout="a4-24", by=self.who.clerk,
                at=clock.now(), reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            self.kept(session, order, holder_id)

    def kept(self, session: Session, order: LabelOrder, holder_id: UUID) -> None:
        """Commit a new order and remember it."""
        factories.tested(session, order, clock.now())
        first, end = order.serials.lower or 0, order.serials.upper or 0
        told = (order.id, holder_id, first, end)
        session.commit()
        self.note("order", told[0], first, end)
        if len(self.orders) < MOST_ORDERS:
            self.orders.append(told)
        else:
            self.orders[self.chance.randrange(MOST_ORDERS)] = told

    def move(self) -> None:
        """Move some labels of some order of one's own process."""
        order_id, holder_id, first, end = self.chance.choice(self.orders)
        deed = self.chance.choice(MOVES)
        start = self.chance.randrange(first, end)
        stop = self.chance.randint(start + 1, end) if deed not in {LabelMove.PRINT, LabelMove.RECEIVE} else end
        start = first if deed is LabelMove.PRINT else start
        own = frozenset({holder_id, self.who.packing_house})
        with Session(self.engine) as session:
            ledger.apply(
                session, order_id, Range(start, stop), deed, by=self.who.clerk, at=clock.now(), reach=Reach(holders=own), reason="Thử tải",
                counted=stop - start,
            )  # fmt: skip
            session.commit()
        self.note(deed.value, order_id, start, stop)

    def hand_over(self) -> None:
        """Offer labels, and mostly take them on the other side."""
        order_id, holder_id, first, end = self.chance.choice(self.orders)
        start = self.chance.randrange(first, end)
        at = clock.now()
        with Session(self.engine) as session:
            offered = handovers.offer(
                session, order_id, Range(start, self.chance.randint(start + 1, end)), taker_id=self.who.packing_house, by=self.who.clerk, at=at,
                on=at.astimezone(clock.CITY).date(), reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            handover_id, serials = offered.id, offered.serials
            session.commit()
        answer = self.chance.choice([handovers.take, handovers.take, handovers.refuse])
        with Session(self.engine) as session:
            answer(
                session,
                handover_id,
                by=self.who.packer,
                at=clock.now(),
                reach=Reach(holders=frozenset({self.who.packing_house})),
            )
            session.commit()
        if answer is handovers.take:
            self.note("hand_over", order_id, serials.lower or 0, serials.upper or 0)

    def jam(self) -> None:
        """Void the end of an order and get as many new labels."""
        order_id, holder_id, first, end = self.chance.choice(self.orders)
        with Session(self.engine) as session:
            order = jams.reprint_from(
                session, order_id, self.chance.randrange(first, end), reason="Kẹt giấy", by=self.who.clerk, at=clock.now(),
                reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            self.kept(session, order, holder_id)

    def note(self, what: str, order_id: UUID, first: int, end: int) -> None:
        """A line that survives this process: what the database said is done."""
        self.diary.write(f"{what} {order_id} {first} {end}\n".encode())


def cast(url: str) -> Cast:
    """The people and lots that `prepare` made."""
    engine = create_engine(url)
    with Session(engine) as session:
        people = {person.login: person.id for person in session.scalars(select(AppUser))}
        packing_house = session.scalars(select(Party.id).where(Party.name.startswith("Cơ sở đóng gói"))).one()
        lots = [(lot.id, lot.holder_id) for lot in session.scalars(select(Lot).where(Lot.code.startswith("R")))]
    engine.dispose()
    return Cast(people["thu.kho"], people["dong.goi"], packing_house, lots)


class Tally:
    """What happened how often, in memory that all processes share and that no death of one of them spoils.

    Each thread of each process writes cells of its own, so no lock can be left behind; whoever takes a dead one's place adds on.
    """

    KINDS = ("done", "refused", "deadlock", "cut_off")

    def __init__(self, writers: int, before: Counter[str] | None = None) -> None:
        self._cells = FORK.RawArray("q", writers * len(self.KINDS))
        self._before = before or Counter()

    def add(self, writer: int, kind: str) -> None:
        """One more."""
        self._cells[writer * len(self.KINDS) + self.KINDS.index(kind)] += 1

    def total(self) -> int:
        """Operations that got an answer, done or refused."""
        counts = self.counts()
        return counts["done"] + counts["refused"]

    def counts(self) -> Counter[str]:
        """How often each."""
        cells = self._cells[:]
        counted = {kind: sum(cells[place :: len(self.KINDS)]) for place, kind in enumerate(self.KINDS)}
        return Counter({kind: count + self._before[kind] for kind, count in counted.items()})

    def save(self, folder: Path) -> None:
        """Leave the counts for a later go; a kill costs what was counted since."""
        draft = folder / "tally.draft"
        draft.write_text(json.dumps(self.counts()), encoding="utf-8")
        draft.replace(folder / TALLY)

    @classmethod
    def resumed(cls, writers: int, folder: Path) -> Tally:
        """Counts that go on from an earlier go, or from nothing."""
        kept = folder / TALLY
        return cls(writers, Counter(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else None)


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

    def __str__(self) -> str:
        done, refused = self.counts["done"], self.counts["refused"]
        return (
            f"{self.seconds:.0f} s, {self.kills} kills: {done:,} done, {refused:,} refused, {self.acknowledged:,} deeds acknowledged\n"
            f"{(done + refused) / self.seconds:.0f} operations/s; deadlocks {self.counts['deadlock']}, cut off {self.counts['cut_off']}; "
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
    earlier = len({diary.stem for diary in folder.glob("diary*.*")})
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
    next_kill, next_word, told = began + (kill_every or math.inf), began + EVERY_S, (began, 0)
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
    return Found(counts, lasted, kills, wrong, acknowledged(folder), time.monotonic() - began - lasted)


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
