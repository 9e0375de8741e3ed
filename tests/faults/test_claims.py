"""Many officers reach for one case, or for the next one, at the same moment, each on a connection of their own."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import cases, claims, joins, law
from enforcement.models import CaseFile, CaseJoin
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.errors import TemThatError
from trace.models.parties import AppUser, Role

pytestmark = pytest.mark.committed
OFFICERS = 32
ROUNDS = int(os.environ.get("TEMTHAT_CLAIM_ROUNDS", "30"))


@pytest.fixture
def officers(committed: Any) -> list[Any]:
    """Thirty-two people of the desk."""
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        law.seed(session)
        made = list[AppUser]()
        for n in range(OFFICERS):
            made.append(factories.user(session, f"can-bo-{n}", f"Cán bộ Mẫu {n:02d}", NOW))
            factories.role(session, made[-1], world.authority, Role.OFFICER, NOW)
        session.commit()
    return [world, *made]


def opened(engine: Any, world: Any, store: Path, how_many: int) -> list[CaseFile]:
    with Session(engine, expire_on_commit=False) as session:
        made = [desk.case(session, world, store, with_law=False) for _ in range(how_many)]
        session.commit()
    return made


class Together:
    """Thirty-two threads, each with its connection; every deed begins at the same moment."""

    def __init__(self, engine: Any, people: list[Any]) -> None:
        self.engine, self.people = engine, people

    def at_once(self, deed: Any) -> list[Any]:
        together, told = threading.Barrier(len(self.people)), [None] * len(self.people)

        def run(place: int) -> None:
            with Session(self.engine) as session:
                session.connection()
                together.wait(timeout=60)
                try:
                    told[place] = deed(session, self.people[place])
                    session.commit()
                except TemThatError as refusal:
                    told[place] = refusal

        threads = [threading.Thread(target=run, args=(place,)) for place in range(len(self.people))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        return told


def test_of_thirty_two_officers_exactly_one_gets_the_case_and_the_others_read_who(
    committed: Any, officers: list[Any], tmp_path: Path
) -> None:
    world, *people = officers
    crowd = Together(committed, people)
    for case in opened(committed, world, tmp_path, ROUNDS):
        told = crowd.at_once(lambda session, who, it=case.id: cases.claim(session, it, by=who.id, at=NOW).officer_id)
        won = [answer for answer in told if not isinstance(answer, TemThatError)]
        lost = [answer for answer in told if isinstance(answer, cases.AlreadyTaken)]
        assert (len(won), len(lost)) == (1, OFFICERS - 1)
        with Session(committed) as session:
            owner = session.get_one(CaseFile, case.id).officer_id
            assert [owner] == won
            name = session.get_one(AppUser, owner).full_name
        assert {answer.facts["who"] for answer in lost} == {name}


def test_thirty_two_who_press_next_at_once_get_thirty_two_cases(
    committed: Any, officers: list[Any], tmp_path: Path
) -> None:
    world, *people = officers
    opened(committed, world, tmp_path, OFFICERS)
    crowd = Together(committed, people)

    def press(session: Session, who: AppUser) -> Any:
        found = claims.take_next(session, by=who.id, at=NOW)
        return found.id if found else None

    told = crowd.at_once(press)
    assert None not in told
    assert Counter(told).most_common(1)[0][1] == 1
    assert crowd.at_once(press) == [None] * OFFICERS
    with Session(committed) as session:
        owners = session.scalars(select(CaseFile.officer_id)).all()
        assert {str(owner) for owner in owners} == {str(who.id) for who in people}


def test_merges_that_would_close_a_circle_leave_one_of_them(
    committed: Any, officers: list[Any], tmp_path: Path
) -> None:
    world, *people = officers
    for _ in range(5):
        ring = opened(committed, world, tmp_path, 3)
        ids = [case.id for case in ring]

        def merge(session: Session, who: AppUser, ids: list[Any] = ids) -> Any:
            place = people.index(who) % 3
            joins.merge(
                session, ids[place], ids[(place + 1) % 3], take=(), reason="Cùng nơi bán", by=who.id, at=NOW
            )  # fmt: skip
            return place

        told = Together(committed, people[:6]).at_once(merge)
        assert all(isinstance(answer, int | joins.MergeCircle | joins.AlreadyMerged | joins.Refused) for answer in told)
        with Session(committed) as session:
            standing = session.scalars(
                select(CaseJoin).where(CaseJoin.undone_at.is_(None), CaseJoin.kept_id.in_(ids))
            ).all()
            away = session.scalars(
                select(CaseFile).where(CaseFile.id.in_(ids), CaseFile.merged_into_id.is_(None))
            ).all()
        assert len(away) == 3 - len(standing) >= 1
        assert len(standing) == sum(isinstance(answer, int) for answer in told)
