"""Many writers at once on few balances: orders, voids, losses, returns, hand-overs and jams, with processes killed in between.

    PYTHONPATH=. .venv/bin/python -m bench.ledger_race [--seconds 120] [--operations 0] [--writers 32] [--balances 500]
        [--kill-workers] [--kill-postgres]

Afterwards the books are compared with what every writer was told outside the database: nothing over-issued, every serial exactly once,
the ledger's sums right, nothing acknowledged lost. It prints operations a second and fails if anything is wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests import factories
from trace import clock, cluster, db
from trace.errors import TemThatError
from trace.models.labels import LabelMove, LabelOrder
from trace.models.lots import EligibleBalance, Lot
from trace.models.parties import AppUser, Party
from trace.models.titles import Season
from trace.services import handovers, jams, ledger, ordering, reconciling
from trace.services.reach import Reach

if TYPE_CHECKING:
    from uuid import UUID

MASTER = bytes(range(32))
THREADS = 8
FORK = multiprocessing.get_context("fork")
PACK_G = 500
MOVES = (
    *(LabelMove.PRINT,) * 3, *(LabelMove.RECEIVE,) * 4, LabelMove.ACTIVATE, LabelMove.ACTIVATE, LabelMove.USE, LabelMove.SPOIL,
    LabelMove.LOSE, LabelMove.RETURN, LabelMove.VOID, LabelMove.VOID,
)  # fmt: skip


def prepare(url: str, balances: int) -> None:
    """A city with so many balances, each too small for all that will be asked of it."""
    at = clock.now()
    engine = create_engine(url)
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=at)
        seasons = [world.season]
        for number in range(1, min(25, balances)):
            season = Season(
                product_id=world.product.id, name=f"Vụ mẫu {number}", yield_cap_kg_per_ha=8000,
                runs_during=Range(at.date() - timedelta(days=45), at.date() + timedelta(days=60)),
            )  # fmt: skip
            session.add(season)
            seasons.append(season)
        session.flush()
        made = 0
        while made < balances:
            holder = factories.party(session, f"Hợp tác xã mẫu {made}")
            area = factories.area(
                session, world.title, holder, f"Vùng mẫu {made}", boundary=factories.square(106.41 + made * 1e-4, 20.89, 0.003)
            )  # fmt: skip
            certificate = factories.certificate(session, world.title, holder, area, f"MẪU-R{made}", at)
            for season in seasons[: balances - made]:
                session.add(
                    EligibleBalance(holder_id=holder.id, season_id=season.id, eligible_g=random.randint(20, 90) * 1000)
                )
                factories.lot(
                    session, certificate, world.product, season, area, at, code=f"R{made}", volume_g=random.randint(30, 120) * 1000,
                )  # fmt: skip
                made += 1
        session.commit()
    engine.dispose()


@dataclass
class Writer:
    """One of many: does things at random and writes down, outside the database, what it was told is done."""

    engine: Any
    diary: Any
    chance: random.Random
    clerk: UUID
    packer: UUID
    packing_house: UUID
    lots: list[tuple[UUID, UUID]]
    counts: Counter[str] = field(default_factory=Counter)
    orders: list[tuple[UUID, UUID, UUID, int, int]] = field(default_factory=list)

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
        lot_id, holder_id = self.chance.choice(self.lots)
        with Session(self.engine) as session:
            order = ordering.place(
                session, lot_id=lot_id, quantity=self.chance.randint(1, 40), pack_weight_g=PACK_G, layout="a4-24", by=self.clerk,
                at=clock.now(), reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            self.kept(session, order, holder_id)

    def kept(self, session: Session, order: LabelOrder, holder_id: UUID) -> None:
        """Commit a new order and remember it."""
        factories.tested(session, order, clock.now())
        first, end = order.serials.lower or 0, order.serials.upper or 0
        told = (order.id, holder_id, order.lot_id, first, end)
        session.commit()
        self.note("order", order.id, first, end)
        self.orders.append(told)
        if len(self.orders) > 400:
            self.orders.pop(self.chance.randrange(len(self.orders)))

    def move(self) -> None:
        """Move some labels of some order of one's own process."""
        order_id, holder_id, _, first, end = self.chance.choice(self.orders)
        deed = self.chance.choice(MOVES)
        start = self.chance.randrange(first, end)
        stop = self.chance.randint(start + 1, end) if deed not in {LabelMove.PRINT, LabelMove.RECEIVE} else end
        start = first if deed is LabelMove.PRINT else start
        own = frozenset({holder_id, self.packing_house})
        with Session(self.engine) as session:
            ledger.apply(
                session, order_id, Range(start, stop), deed, by=self.clerk, at=clock.now(), reach=Reach(holders=own), reason="Thử tải",
                counted=stop - start,
            )  # fmt: skip
            session.commit()
        self.note(deed.value, order_id, start, stop)

    def hand_over(self) -> None:
        """Offer labels, and mostly take them on the other side."""
        order_id, holder_id, _, first, end = self.chance.choice(self.orders)
        start = self.chance.randrange(first, end)
        at = clock.now()
        with Session(self.engine) as session:
            offered = handovers.offer(
                session, order_id, Range(start, self.chance.randint(start + 1, end)), taker_id=self.packing_house, by=self.clerk, at=at,
                on=at.astimezone(clock.CITY).date(), reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            handover_id, serials = offered.id, offered.serials
            session.commit()
        answer = self.chance.choice([handovers.take, handovers.take, handovers.refuse])
        with Session(self.engine) as session:
            answer(
                session,
                handover_id,
                by=self.packer,
                at=clock.now(),
                reach=Reach(holders=frozenset({self.packing_house})),
            )
            session.commit()
        if answer is handovers.take:
            self.note("hand_over", order_id, serials.lower or 0, serials.upper or 0)

    def jam(self) -> None:
        """Void the end of an order and get as many new labels."""
        order_id, holder_id, _, first, end = self.chance.choice(self.orders)
        with Session(self.engine) as session:
            order = jams.reprint_from(
                session, order_id, self.chance.randrange(first, end), reason="Kẹt giấy", by=self.clerk, at=clock.now(),
                reach=Reach(holders=frozenset({holder_id})),
            )  # fmt: skip
            self.kept(session, order, holder_id)

    def note(self, what: str, order_id: UUID, first: int, end: int) -> None:
        """A line that survives this process: what the database said is done."""
        self.diary.write(f"{what} {order_id} {first} {end}\n".encode())
        self.counts["done"] += 1


@dataclass(frozen=True)
class Cast:
    """Who does it and with which lots: read once, for the database may be down when a writer starts."""

    clerk: UUID
    packer: UUID
    packing_house: UUID
    lots: list[tuple[UUID, UUID]]


def cast(url: str) -> Cast:
    """The people and lots that `prepare` made."""
    engine = create_engine(url)
    with Session(engine) as session:
        people = {person.login: person.id for person in session.scalars(select(AppUser))}
        packing_house = session.scalars(select(Party.id).where(Party.name.startswith("Cơ sở đóng gói"))).one()
        lots = [(lot.id, lot.holder_id) for lot in session.scalars(select(Lot).where(Lot.code.startswith("R")))]
    engine.dispose()
    return Cast(people["thu.kho"], people["dong.goi"], packing_house, lots)


def work(url: str, diary: Path, who: Cast, until: float, share: tuple[int, int]) -> None:
    """One process of writers, until the time or the operations are over. How often what happened goes to a file of its own."""
    operations, seed = share
    engine = create_engine(url, pool_size=THREADS, pool_pre_ping=True)
    left = [operations or 10**12]
    writers = []

    def loop(number: int) -> None:
        with diary.with_suffix(f".{number}").open("ab", buffering=0) as out:
            writer = Writer(
                engine,
                out,
                random.Random(seed * 100 + number),
                who.clerk,
                who.packer,
                who.packing_house,
                who.lots,
            )
            writers.append(writer)
            while time.monotonic() < until and left[0] > 0:
                left[0] -= 1
                try:
                    writer.turn()
                except TemThatError as exc:
                    writer.counts["refused"] += 1
                    writer.counts[type(exc).__name__] += 1
                except DBAPIError as exc:
                    writer.counts["deadlock" if "deadlock" in str(exc) else "cut_off"] += 1
                    time.sleep(0.2)

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum((writer.counts for writer in writers), Counter[str]())
    diary.with_name(f"counts{seed}").write_text(" ".join(f"{name}={count}" for name, count in total.items()))


@dataclass
class Found:
    """What the race left behind."""

    counts: Counter[str]
    seconds: float
    kills: int
    wrong: list[str]


def race(
    url: str,
    folder: Path,
    *,
    seconds: float,
    operations: int = 0,
    processes: int = 4,
    kill_every: float = 0,
    upset: Any = None,
) -> Found:
    """Let the writers loose together, kill some, and examine the books afterwards. `upset()` is called in between, to kill more than a writer."""
    counts, kills, wrong, who = Counter[str](), 0, list[str](), cast(url)
    began = time.monotonic()
    until = began + seconds

    def start(number: int) -> multiprocessing.process.BaseProcess:
        # Forked, so that a writer is there at once; it opens connections of its own and never touches those of this process.
        share = operations // processes if operations else 0
        made = FORK.Process(
            target=work, args=(url, folder / f"diary{number}", who, until, (share, number)), daemon=True
        )
        made.start()
        return made

    running = [start(number) for number in range(processes)]
    next_kill, number = began + (kill_every or seconds + 1), processes
    while time.monotonic() < until and any(each.is_alive() for each in running):
        time.sleep(0.1)
        if time.monotonic() < next_kill:
            continue
        victim = random.choice([each for each in running if each.is_alive()])
        victim.kill()
        victim.join()
        running[running.index(victim)] = start(number)
        number, kills = number + 1, kills + 1
        if upset is not None:
            upset()
        next_kill = time.monotonic() + kill_every
    for each in running:
        each.join(timeout=60)
        if each.exitcode != 0:
            wrong.append(f"a writer ended with {each.exitcode}")
            each.kill()
    for path in folder.glob("counts*"):
        for part in path.read_text().split():
            name, _, count = part.partition("=")
            counts[name] += int(count)
    lasted = time.monotonic() - began
    # What a killed writer had done stands in its diary, though nobody counted it.
    counts["done"] = sum(path.read_bytes().count(b"\n") for path in folder.glob("diary*"))
    engine = create_engine(url)
    with Session(engine) as session:
        wrong += examine(session, folder)
    engine.dispose()
    if counts["deadlock"]:
        wrong.append(f"{counts['deadlock']} deadlocks")
    return Found(counts, lasted, kills, wrong)


BOOKS = {
    "a balance is beyond its volume": "SELECT id FROM eligible_balance WHERE issued_g > eligible_g + extra_g",
    "a balance does not weigh what its live labels weigh": """
        SELECT b.id FROM eligible_balance b LEFT JOIN label_order o ON o.balance_id = b.id
          LEFT JOIN label_range r ON r.order_id = o.id AND r.state NOT IN ('voided', 'spoiled', 'returned')
         GROUP BY b.id HAVING b.issued_g <> coalesce(sum((upper(r.serials) - lower(r.serials)) * o.pack_weight_g), 0)""",
    "a lot does not weigh what its live labels weigh": """
        SELECT l.id FROM lot l LEFT JOIN label_order o ON o.lot_id = l.id
          LEFT JOIN label_range r ON r.order_id = o.id AND r.state NOT IN ('voided', 'spoiled', 'returned')
         GROUP BY l.id HAVING l.labelled_g <> coalesce(sum((upper(r.serials) - lower(r.serials)) * o.pack_weight_g), 0)""",
    "the serials issued are not those of the series": """
        SELECT 1 FROM label_series s
         WHERE s.next_serial > 1
           AND (SELECT range_agg(serials) FROM label_order) IS DISTINCT FROM int8multirange(int8range(1, s.next_serial))""",
    "the ranges do not cover every serial exactly once": """
        SELECT 1 FROM label_series s
         WHERE s.next_serial > 1
           AND ((SELECT range_agg(serials) FROM label_range) IS DISTINCT FROM int8multirange(int8range(1, s.next_serial))
             OR (SELECT sum(upper(serials) - lower(serials)) FROM label_range) <> s.next_serial - 1)""",
    "an order was issued other than once": """
        SELECT o.id FROM label_order o LEFT JOIN label_movement m ON m.order_id = o.id AND m.move = 'issue'
         GROUP BY o.id HAVING count(m.id) <> 1 OR bool_or(m.serials <> o.serials)""",
}


def examine(session: Session, folder: Path) -> list[str]:
    """Everything that is wrong with the books, and everything acknowledged that is not in them."""
    wrong = [f"{says}: {len(rows)}" for says, query in BOOKS.items() if (rows := session.execute(text(query)).all())]
    if gaps := reconciling.find_gaps(session, clock.now()):
        wrong.append(f"ledger and ranges differ in {gaps} orders")
    session.rollback()
    issued = {
        str(order_id): (serials.lower, serials.upper)
        for order_id, serials in session.execute(select(LabelOrder.id, LabelOrder.serials))
    }
    told = [
        line.split() for path in folder.glob("diary*") for line in path.read_text().splitlines() if line.count(" ") == 3
    ]
    seen = set[int]()
    for what, order_id, first, end in told:
        if what != "order":
            continue
        serials = range(int(first), int(end))
        if issued.get(order_id) != (serials.start, serials.stop):
            wrong.append(f"order {order_id} was acknowledged and is not there")
        if not seen.isdisjoint(serials):
            wrong.append(f"order {order_id} has serials of another")
        seen.update(serials)
    moved = {
        (move, str(order_id)): labels
        for move, order_id, labels in session.execute(
            text("SELECT move, order_id, range_agg(serials)::text FROM label_movement GROUP BY 1, 2")
        )
    }
    for what, order_id, first, end in told:
        if what != "order" and not session.scalar(
            text("SELECT cast(:labels AS int8multirange) @> int8range(:first, :end)"),
            {"labels": moved.get((what, order_id), "{}"), "first": int(first), "end": int(end)},
        ):
            wrong.append(f"{what} of {first}–{end} was acknowledged and is not in the ledger")
    return wrong


def main() -> int:
    """Run, examine, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--operations", type=int, default=0, help="stop after so many, 0 for the time alone")
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--balances", type=int, default=500)
    parser.add_argument("--kill-workers", action="store_true")
    parser.add_argument("--kill-postgres", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        own = cluster.Cluster(folder / "pg")
        own.start()
        try:
            own.ensure_database("race")
            db.upgrade(own.url("race"))
            prepare(own.url("race"), options.balances)

            def kill_postgres() -> None:
                pid = int((own.data / "postmaster.pid").read_text().split()[0])
                os.kill(pid, signal.SIGKILL)
                time.sleep(1)
                own.start()

            killing = options.kill_workers or options.kill_postgres
            found = race(
                own.url("race"), folder, seconds=options.seconds, operations=options.operations, processes=max(1, options.writers // THREADS),
                kill_every=5 if killing else 0, upset=kill_postgres if options.kill_postgres else None,
            )  # fmt: skip
        finally:
            own.stop()
    done, refused = found.counts["done"], found.counts["refused"]
    print(
        f"{options.writers} writers, {options.balances} balances, {found.seconds:.0f} s, {found.kills} kills: {done:,} done, {refused:,} refused"
    )
    print(
        f"{(done + refused) / found.seconds:.0f} operations/s; deadlocks {found.counts['deadlock']}, cut off {found.counts['cut_off']}"
    )
    print(
        "\n".join(found.wrong[:20])
        or "nothing over-issued, every serial exactly once, sums right, nothing acknowledged lost"
    )
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
