"""Promises of custody: steps in a row and linked, each transfer confirmed by both, and whoever breaks the chain by force is found."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from enforcement import cases, custody, evidence
from enforcement.models import AlarmKind, CaseFile, CustodyDeed, CustodyEvent, Evidence, EvidenceAlarm
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.errors import broken_constraint
from trace.models.files import StoredFile
from trace.models.incidents import Incident, IncidentKind

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path, 1)])


@pytest.fixture
def piece(session: Session, case: CaseFile) -> Evidence:
    return evidence.of_case(session, case.id)[0]


def offer(session: Session, piece: Evidence, world: factories.World, **more: Any) -> CustodyEvent:
    facts = {"place": "Kho Đội 1", "note": None, "seen": piece.sha256, "by": world.officer.id, "at": LATER} | more
    return custody.hand_over(session, piece.id, facts.pop("to", world.team_head.id), **facts)


def by_force(session: Session, sql: str, **facts: Any) -> None:
    """As somebody does who owns the database: with the triggers off."""
    session.flush()
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(sql), facts)
    session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
    session.expire_all()


def test_a_transfer_takes_both_sides(session: Session, piece: Evidence, world: factories.World) -> None:
    assert piece.keeper_id == world.officer.id
    offer(session, piece, world)
    assert (piece.keeper_id, piece.offered_to_id) == (world.officer.id, world.team_head.id)
    assert [(each.id, number) for each, number in custody.waiting_for(session, world.team_head.id)] == [
        (piece.id, piece_number(session, piece))
    ]
    custody.confirm(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=LATER)
    assert (piece.keeper_id, piece.offered_to_id) == (world.team_head.id, None)
    steps = custody.chain(session, piece.id)
    assert [step.deed for step in steps] == [CustodyDeed.TAKEN, CustodyDeed.OFFERED, CustodyDeed.RECEIVED]
    assert (steps[-1].by, steps[-1].other_id, steps[-1].place) == (world.team_head.id, world.officer.id, "Kho Đội 1")
    assert custody.broken(session) == []


def piece_number(session: Session, piece: Evidence) -> str:
    return session.get_one(CaseFile, piece.case_id).number


def test_what_was_not_received_stays_where_it_was(session: Session, piece: Evidence, world: factories.World) -> None:
    offer(session, piece, world)
    custody.refuse(session, piece.id, reason="Túi niêm phong rách", seen=piece.sha256, by=world.team_head.id, at=LATER)
    assert (piece.keeper_id, piece.offered_to_id) == (world.officer.id, None)
    offer(session, piece, world)
    custody.withdraw(session, piece.id, seen=piece.sha256, by=world.officer.id, at=LATER)
    assert piece.offered_to_id is None
    assert custody.broken(session) == []


def test_only_the_keeper_offers_only_the_other_side_answers(
    session: Session, piece: Evidence, world: factories.World
) -> None:
    with pytest.raises(custody.NotYourEvidence):
        offer(session, piece, world, by=world.team_head.id, to=world.officer.id)
    for nobody in (world.officer.id, world.clerk.id):
        with pytest.raises(custody.NoSuchKeeper):
            offer(session, piece, world, to=nobody)
    with pytest.raises(custody.NothingOffered):
        custody.confirm(session, piece.id, seen=None, by=world.team_head.id, at=LATER)
    offer(session, piece, world)
    with pytest.raises(custody.AlreadyOffered):
        offer(session, piece, world, to=world.branch_head.id)
    with pytest.raises(custody.NothingOffered):
        custody.confirm(session, piece.id, seen=None, by=world.branch_head.id, at=LATER)
    with pytest.raises(custody.NothingOffered):
        custody.withdraw(session, piece.id, seen=None, by=world.team_head.id, at=LATER)


@pytest.mark.parametrize(
    ("deed", "who", "other", "seq", "constraint"),
    [
        ("viewed", "officer", None, 5, "custody_next_step"),
        ("viewed", "officer", None, 1, "custody_next_step"),
        ("taken", "officer", None, 2, "custody_next_step"),
        ("received", "team_head", "officer", 2, "custody_both_confirm"),
        ("offered", "team_head", "officer", 2, "custody_both_confirm"),
        ("offered", "officer", "officer", 2, "custody_both_confirm"),
        ("viewed", "officer", "team_head", 2, "custody_both_confirm"),
    ],
)
def test_the_database_refuses_steps_that_do_not_follow(
    session: Session, piece: Evidence, world: factories.World, deed: str, who: str, other: str | None, seq: int, constraint: str
) -> None:  # fmt: skip
    step = CustodyEvent(
        evidence_id=piece.id, seq=seq, deed=CustodyDeed(deed), at=LATER, by=getattr(world, who).id,
        other_id=getattr(world, other).id if other else None, sha256_seen=piece.sha256,
    )  # fmt: skip
    session.add(step)
    with pytest.raises(IntegrityError) as refused:
        session.flush()
    assert broken_constraint(refused.value) == constraint


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE enforcement.evidence SET folio = 9", "DELETE FROM enforcement.evidence", "TRUNCATE enforcement.evidence CASCADE",
        "UPDATE enforcement.evidence SET keeper_id = taken_by", "UPDATE enforcement.custody_event SET note = 'x'",
        "DELETE FROM enforcement.custody_event", "UPDATE enforcement.evidence SET sha256 = repeat('0', 64)",
    ],
)  # fmt: skip
def test_evidence_and_its_custody_never_change(session: Session, piece: Evidence, sql: str) -> None:
    with pytest.raises(DBAPIError):
        session.execute(text(sql))


def test_a_step_never_lies_before_the_last_one(session: Session, piece: Evidence, world: factories.World) -> None:
    offer(session, piece, world)
    back = custody.confirm(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=NOW - timedelta(days=1))
    assert back.at == LATER
    assert custody.broken(session) == []


def test_the_database_and_python_spell_a_digest_alike(
    session: Session, piece: Evidence, world: factories.World
) -> None:
    offer(session, piece, world, place='Kho "số 1"\nkệ\t3 \\ ngăn é', note="đã dán niêm phong \x1f\x7f € 😀")
    for step in custody.chain(session, piece.id):
        assert step.digest == custody.digest_of(step)


STEP = "(SELECT id FROM enforcement.custody_event ORDER BY id DESC LIMIT 1)"
MIDDLE = "(SELECT id FROM enforcement.custody_event WHERE seq = 2)"


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        (f"DELETE FROM enforcement.custody_event WHERE id = {MIDDLE}", "gap 2"),
        (f"DELETE FROM enforcement.custody_event WHERE id = {STEP}", "end 3"),
        ("DELETE FROM enforcement.custody_event", "none 1"),
        (f"UPDATE enforcement.custody_event SET note = 'x' WHERE id = {MIDDLE}", "changed 2"),
        (f"UPDATE enforcement.custody_event SET at = at + interval '1 second' WHERE id = {STEP}", "changed 4"),
        (f"UPDATE enforcement.custody_event c SET note = 'x', digest = enforcement.custody_digest(c) WHERE id = {MIDDLE}", "changed 2"),
        ("UPDATE enforcement.evidence SET keeper_id = NULL, custody_digest = 'x'", "end 4"),
        ("UPDATE enforcement.evidence SET sha256 = repeat('0', 64)", "beginning 1"),
    ],
)  # fmt: skip
def test_whatever_is_done_by_force_is_found_at_the_next_minute(
    session: Session, piece: Evidence, world: factories.World, sql: str, detail: str
) -> None:
    offer(session, piece, world)
    custody.confirm(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=LATER)
    custody.step(session, piece, CustodyDeed.VIEWED, by=world.officer.id, at=LATER, seen=piece.sha256)
    assert custody.watch(session, at=LATER) == []
    by_force(session, sql)
    began = time.monotonic()
    found = custody.watch(session, at=LATER + timedelta(minutes=1))
    assert time.monotonic() - began < 5
    assert [(fault.folio, fault.kind, fault.detail) for fault in found] == [(1, AlarmKind.CUSTODY, detail)]
    incident = session.scalars(select(Incident).where(Incident.kind == IncidentKind.EVIDENCE_CHANGED)).one()
    assert incident.tries == 1
    assert custody.watch(session, at=LATER + timedelta(minutes=2)) == [], "told once a day, not every minute"


def test_a_folio_removed_by_force_is_found(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    for shade in (20, 30):
        file = desk.photo(session, tmp_path, shade)
        cases.add_evidence(
            session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=tmp_path, by=world.officer.id, at=NOW
        )
    gone = "(SELECT id FROM enforcement.evidence WHERE folio = 2)"
    by_force(session, f"DELETE FROM enforcement.custody_event WHERE evidence_id = {gone}")
    by_force(session, "DELETE FROM enforcement.evidence WHERE folio = 2")
    assert [(fault.folio, fault.kind) for fault in custody.watch(session, at=LATER)] == [(2, AlarmKind.FOLIO)]


def test_a_gap_is_found_before_the_next_step_covers_it(
    session: Session, piece: Evidence, world: factories.World
) -> None:
    custody.step(session, piece, CustodyDeed.VIEWED, by=world.officer.id, at=LATER, seen=piece.sha256)
    by_force(session, "UPDATE enforcement.custody_event SET note = 'x' WHERE seq = 2")
    custody.step(session, piece, CustodyDeed.VIEWED, by=world.officer.id, at=LATER, seen=piece.sha256)
    assert session.scalars(select(EvidenceAlarm.detail)).all() == ["changed 2"]


@pytest.mark.committed
def test_thirty_two_at_once_get_thirty_two_folios_and_one_receiver_wins(committed: Engine, tmp_path: Path) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case_id = desk.case(session, world, tmp_path).id
        file_ids = [desk.photo(session, tmp_path, shade).id for shade in range(0, 256, 8)]
        people = (world.officer.id, world.team_head.id)
        session.commit()
    together, wins, lost = threading.Barrier(32), [], []

    def take(n: int) -> None:
        with Session(committed) as own:
            file = own.get_one(StoredFile, file_ids[n])
            together.wait(30)
            cases.add_evidence(
                own, case_id, file, title=f"Ảnh {n}", origin="Đội", taken_at=NOW, store=tmp_path, by=people[0], at=NOW
            )
            own.commit()

    def confirm(_n: int) -> None:
        with Session(committed) as own:
            together.wait(30)
            try:
                custody.confirm(own, first, seen=None, by=people[1], at=LATER)
                own.commit()
                wins.append(1)
            except custody.NothingOffered:
                lost.append(1)

    _rush(take)
    with Session(committed) as session:
        pieces = evidence.of_case(session, case_id)
        assert [piece.folio for piece in pieces] == list(range(1, 33))
        first = pieces[0].id
        custody.hand_over(session, first, people[1], place="Kho", note=None, seen=None, by=people[0], at=LATER)
        session.commit()
    _rush(confirm)
    assert (len(wins), len(lost)) == (1, 31)
    with Session(committed) as session:
        assert custody.broken(session) == []
        assert custody.missing_folios(session) == []


def _rush(work: Any) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
