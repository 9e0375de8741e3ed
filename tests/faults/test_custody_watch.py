"""The watch over chains of custody: it looks while the queue is busy, at no more than what was touched, and its silence is told."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from enforcement import cases, custody, evidence
from enforcement.models import AlarmKind, CustodyDeed, CustodyWatch, EvidenceAlarm
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement import desk
from trace import cli, clock, db, doctor, evidence_jobs, jobs
from trace.config import Config
from trace.models.incidents import Incident, IncidentKind

pytestmark = pytest.mark.committed


@pytest.fixture
def config(committed: Engine, tmp_path: Path) -> Config:
    return replace(config_for(committed.url.render_as_string(hide_password=False), tmp_path), clamd="")


@pytest.fixture
def case_id(committed: Engine, config: Config) -> UUID:
    """A case with three pieces, each looked at twice."""
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, config.files_dir)
        for shade in (40, 60, 90):
            piece = cases.add_evidence(
                session, case.id, desk.photo(session, config.files_dir, shade), title="Ảnh", origin="Đội", taken_at=NOW,
                store=config.files_dir, by=world.officer.id, at=NOW,
            )  # fmt: skip
            for _ in range(2):
                evidence.view(session, case.id, piece.id, store=config.files_dir, by=world.officer.id, at=NOW)
        session.commit()
        return case.id


def by_force(engine: Engine, sql: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(sql)).rowcount == 1


def piece(folio: int) -> str:
    return f"(SELECT id FROM enforcement.evidence WHERE folio = {folio})"


def gap(engine: Engine, folio: int = 2) -> None:
    by_force(engine, f"DELETE FROM enforcement.custody_event WHERE seq = 2 AND evidence_id = {piece(folio)}")


def sounded(engine: Engine) -> list[tuple[int, AlarmKind, str]]:
    with Session(engine) as session:
        found = session.execute(select(EvidenceAlarm.folio, EvidenceAlarm.kind, EvidenceAlarm.detail))
        return sorted(tuple(row) for row in found)


def incidents_of(engine: Engine, kind: IncidentKind = IncidentKind.CUSTODY_UNWATCHED) -> list[int]:
    with Session(engine) as session:
        return list(session.scalars(select(Incident.tries).where(Incident.kind == kind)))


def test_a_gap_is_found_while_the_queue_is_busy(
    committed: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both places of the worker are taken, as by the nightly check and a bundle of gigabytes."""
    found: list[Any] = []

    def busy(**_how: object) -> None:
        gap(committed)
        until = time.monotonic() + 10
        while not found and time.monotonic() < until:
            time.sleep(0.05)
            found.extend(sounded(committed))

    assert evidence_jobs.WATCHED_EVERY <= 25, "so that one look that fails still leaves a minute"
    keep = evidence_jobs.watching
    monkeypatch.setattr(evidence_jobs, "watching", lambda given: keep(given, every=0.1))
    monkeypatch.setattr(cli, "configured", lambda: contextlib.nullcontext(config))
    monkeypatch.setattr(jobs, "make_app", lambda _config: SimpleNamespace(run_worker=busy))
    assert cli.work(SimpleNamespace()) == 0  # type: ignore[arg-type]
    assert found == [(2, AlarmKind.CUSTODY, "gap 2")]


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        (f"UPDATE enforcement.custody_event SET note = 'x' WHERE seq = 2 AND evidence_id = {piece(2)}", "changed 2"),
        (f"DELETE FROM enforcement.custody_event WHERE seq = 2 AND evidence_id = {piece(2)}", "gap 2"),
        (f"DELETE FROM enforcement.custody_event WHERE seq = 3 AND evidence_id = {piece(2)}", "end 2"),
        ("UPDATE enforcement.evidence SET custody_digest = 'x' WHERE folio = 2", "end 3"),
    ],
)
def test_old_steps_changed_by_force_are_found_by_the_next_look(
    committed: Engine, case_id: UUID, sql: str, detail: str
) -> None:
    assert evidence_jobs.watch_chains(committed) == 0
    by_force(committed, sql)
    assert evidence_jobs.watch_chains(committed) == 1
    assert sounded(committed) == [(2, AlarmKind.CUSTODY, detail)]


def test_a_step_that_is_committed_late_is_looked_at(committed: Engine, config: Config, case_id: UUID) -> None:
    with Session(committed) as slow:
        found = evidence.of_case(slow, case_id)[0]
        custody.step(slow, found, CustodyDeed.VIEWED, by=found.added_by, at=NOW, seen=found.sha256)
        slow.execute(text("SET LOCAL session_replication_role = replica"))
        slow.execute(text("UPDATE enforcement.custody_event SET note = 'x' WHERE seq = 4"))
        for _ in range(3):  # younger ones are written and looked at before
            with Session(committed) as session:
                other = evidence.of_case(session, case_id)[1]
                evidence.view(session, case_id, other.id, store=config.files_dir, by=other.added_by, at=NOW)
                session.commit()
            assert evidence_jobs.watch_chains(committed) == 0
        slow.commit()
    assert evidence_jobs.watch_chains(committed) == 1


def test_a_look_hashes_only_what_was_touched(
    committed: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    judge = custody.broken
    monkeypatch.setattr(
        custody, "broken", lambda session, pieces=None: looked.append(len(pieces)) or judge(session, pieces)
    )
    monkeypatch.setattr(custody, "SLACK", 0)
    evidence_jobs.watch_chains(committed)
    assert sum(looked) == 3, "everything at first"

    def alone() -> None:
        """As if nobody else wrote in this cluster: transactions under way elsewhere hold the mark back."""
        looked.clear()
        with committed.begin() as connection:
            connection.execute(
                text("UPDATE enforcement.custody_watch SET seen_xid = pg_current_xact_id()::text::bigint")
            )

    alone()
    evidence_jobs.watch_chains(committed)
    assert sum(looked) == 0
    alone()
    with Session(committed) as session:
        one = evidence.of_case(session, case_id)[0]
        evidence.view(session, case_id, one.id, store=config.files_dir, by=one.added_by, at=NOW)
        session.commit()
    looked.clear()  # the step itself looked at its piece
    evidence_jobs.watch_chains(committed)
    assert sum(looked) == 1


def test_a_database_brought_back_from_a_backup_is_looked_at_whole(committed: Engine, case_id: UUID) -> None:
    evidence_jobs.watch_chains(committed)
    with committed.begin() as connection:
        connection.execute(text("UPDATE enforcement.custody_watch SET seen_xid = 4000000000000"))
    gap(committed)
    assert evidence_jobs.watch_chains(committed) == 1


def test_the_night_finds_a_gap_and_a_lost_folio_by_itself(committed: Engine, config: Config, case_id: UUID) -> None:
    gap(committed, 3)
    by_force(committed, f"DELETE FROM enforcement.custody_event WHERE seq = 1 AND evidence_id = {piece(1)}")
    assert evidence_jobs.check_all(committed, config) == 2
    assert [(folio, kind) for folio, kind, _ in sounded(committed)] == [(1, AlarmKind.CUSTODY), (3, AlarmKind.CUSTODY)]


def test_looks_that_fail_are_told_after_a_minute_and_once_until_the_next_good_one(
    committed: Engine, case_id: UUID
) -> None:
    evidence_jobs.watch_chains(committed, now=lambda: NOW)
    gap(committed)
    hasty = create_engine(committed.url, connect_args={"options": "-c lock_timeout=100ms"})
    with Session(committed) as holder:
        holder.execute(text("LOCK TABLE enforcement.custody_event IN ACCESS EXCLUSIVE MODE"))
        for seconds, told in ((20, []), (55, []), (61, [1]), (81, [1])):
            evidence_jobs.look(hasty, now=lambda at=NOW + timedelta(seconds=seconds): at)  # type: ignore[misc]
            assert incidents_of(committed) == told, seconds
        holder.rollback()
    evidence_jobs.look(hasty, now=lambda: NOW + timedelta(seconds=100))
    hasty.dispose()
    assert [folio for folio, _, _ in sounded(committed)] == [2], "what happened meanwhile is found"
    with Session(committed) as session:
        assert custody.watched_at(session) == NOW + timedelta(seconds=100)
        assert not custody.tell_late(session, at=NOW + timedelta(seconds=150))
        assert custody.tell_late(session, at=NOW + timedelta(seconds=170)), "silence anew is news"


def test_a_watcher_that_hangs_is_told_by_the_queue(
    committed: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "make_engine", lambda _config: committed)  # whoever makes an engine has to let it go
    with Session(committed) as session:
        custody.begin_watch(session, at=clock.now() - timedelta(seconds=61))
        session.commit()
    gather = jobs.make_app(config).tasks["incidents"].func
    gather(timestamp=0)
    gather(timestamp=0)
    assert incidents_of(committed) == [1]


def test_the_doctor_says_when_nobody_looks(
    committed: Engine, case_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> bool:
        visit = doctor.Visit()
        with Session(committed) as session:
            doctor._find_watch(visit, session)
        return visit.broken

    assert not broken(), "no worker runs"
    with committed.begin() as connection:
        connection.execute(text("INSERT INTO jobs.procrastinate_workers DEFAULT VALUES"))
    assert broken(), "a worker runs and nobody looks"
    evidence_jobs.watch_chains(committed)
    assert not broken()
    with Session(committed) as session:
        session.get_one(CustodyWatch, 1).good_at = clock.now() - timedelta(seconds=90)
        session.commit()
    assert broken()
    assert "lượt xem gần nhất cách đây 90 s" in capsys.readouterr().out
