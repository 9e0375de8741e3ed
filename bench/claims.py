"""Officers who reach for one case at the same moment, each on a connection of their own.

    PYTHONPATH=. .venv/bin/python -m bench.claims [--officers 32] [--rounds 1000]

Each round opens a case, lets everybody claim it at once and looks who has it. Limit: exactly one winner in every round, and each of the
others told the winner's name. Printed besides: rounds with exactly one winner, and milliseconds until the last one had an answer; and
the same crowd pressing "next" over as many free cases, which must all be different.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from enforcement import cases, claims, law
from enforcement.models import CaseFile
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace import cluster, db
from trace.models.parties import AppUser, Role


class Crowd:
    """Officers with a thread and a connection each, who begin together as often as they are asked."""

    def __init__(self, engine: Any, people: list[tuple[Any, str]]) -> None:
        self.people, self.told = people, list[Any]()
        self.deed: Any = None
        self.begin = threading.Barrier(len(people) + 1)
        self.end = threading.Barrier(len(people) + 1)
        for place in range(len(people)):
            threading.Thread(target=self._work, args=(engine, place), daemon=True).start()

    def _work(self, engine: Any, place: int) -> None:
        with Session(engine) as session:
            while True:
                session.connection()
                self.begin.wait()
                try:
                    self.told[place] = self.deed(session, self.people[place][0])
                    session.commit()
                except cases.AlreadyTaken as refusal:
                    self.told[place] = refusal
                    session.rollback()
                self.end.wait()

    def at_once(self, deed: Any) -> float:
        """Milliseconds until everybody had an answer."""
        self.deed, self.told = deed, [None] * len(self.people)
        self.begin.wait()
        began = time.perf_counter()
        self.end.wait()
        return (time.perf_counter() - began) * 1000


def measure(url: str, officers: int, rounds: int, store: Path) -> tuple[int, int, list[float]]:
    """Rounds with exactly one winner whom all others were told, different cases of one press of "next", and the times."""
    engine = create_engine(url, pool_size=officers + 2, max_overflow=0)
    with Session(engine, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        law.seed(session)
        made = list[AppUser]()
        for n in range(officers):
            made.append(factories.user(session, f"can-bo-{n}", f"Cán bộ Mẫu {n:02d}", NOW))
            factories.role(session, made[-1], world.authority, Role.OFFICER, NOW)
        session.commit()
        people = [(person.id, person.full_name) for person in made]
    crowd, right, times = Crowd(engine, people), 0, list[float]()
    for turn in range(rounds):
        with Session(engine) as session:
            case_id = desk.case(session, world, store, with_law=False).id
            session.commit()
        times.append(
            crowd.at_once(lambda session, who, it=case_id: cases.claim(session, it, by=who, at=NOW).officer_id)
        )
        with Session(engine) as session:
            owner = session.get_one(CaseFile, case_id).officer_id
        won = [answer for answer in crowd.told if not isinstance(answer, cases.AlreadyTaken)]
        named = {answer.facts["who"] for answer in crowd.told if isinstance(answer, cases.AlreadyTaken)}
        right += won == [owner] and named == {dict(people)[owner]}
        if (turn + 1) % 200 == 0:
            print(f"  {turn + 1} rounds, {right} right", file=sys.stderr, flush=True)
    with Session(engine) as session:
        for _ in range(officers):
            desk.case(session, world, store, with_law=False)
        session.commit()

    def press(session: Session, who: Any) -> Any:
        found = claims.take_next(session, by=who, at=NOW)
        return found.id if found else None

    crowd.at_once(press)
    return right, len(set(crowd.told) - {None}), times


def main() -> int:
    """Measure, print; fail unless every round had exactly one winner."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--officers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1000)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("temthat")
            db.upgrade(own.url("temthat"))
            right, different, times = measure(own.url("temthat"), asked.officers, asked.rounds, Path(folder))
        finally:
            own.stop()
    print(
        f"{asked.officers} officers claim one case: exactly one wins in {right} of {asked.rounds} rounds = {right / asked.rounds:.3f}; "
        f'"next" at once: {different} different cases for {asked.officers}; until the last answer p50 {statistics.median(times):.0f} ms, '
        f"p95 {statistics.quantiles(times, n=20)[18]:.0f} ms"
    )
    return int(right < asked.rounds or different < asked.officers)


if __name__ == "__main__":
    sys.exit(main())
