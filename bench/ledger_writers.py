"""Who races in `bench.ledger_race`: the writers, what they are told outside the database, and what is counted of them."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from trace import clock
from trace.models.labels import LabelMove, LabelOrder
from trace.models.lots import Lot
from trace.models.parties import AppUser, Party
from trace.services import handovers, jams, ledger, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    import random
    from pathlib import Path
    from uuid import UUID

THREADS = 8
FORK = multiprocessing.get_context("fork")
PACK_G = 500
MOST_ORDERS = 200
TALLY = "tally.json"
MOVES = (
    *(LabelMove.PRINT,) * 3, *(LabelMove.RECEIVE,) * 4, LabelMove.ACTIVATE, LabelMove.ACTIVATE, LabelMove.USE, LabelMove.SPOIL,
    LabelMove.LOSE, LabelMove.RETURN, LabelMove.VOID, LabelMove.VOID,
)  # fmt: skip


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
