"""Evidence on a slow or failing disk: no check, scan, bundle or upload is cut off by the limit on idle transactions, and none stops at one file."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from enforcement import bundle, bundle_check, bundles, cases, evidence
from enforcement.models import AlarmKind, BundleState, CaseBundle, Evidence, EvidenceAlarm
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement import desk
from trace import evidence_jobs
from trace.config import Config
from trace.models.files import StoredFile
from trace.models.incidents import Incident, IncidentKind
from trace.services import files, viruses

pytestmark = pytest.mark.committed
PATIENCE = 0.3
SLOW = 0.45


def later() -> datetime:
    return NOW + timedelta(hours=1)


@pytest.fixture
def config(committed: Engine, tmp_path: Path) -> Config:
    return replace(config_for(committed.url.render_as_string(hide_password=False), tmp_path), clamd="tcp://nowhere")


@pytest.fixture
def hasty(committed: Engine) -> Iterator[Engine]:
    """The same database through connections that are cut when a transaction pauses for a moment."""
    limits = f"-c idle_in_transaction_session_timeout={int(PATIENCE * 1000)}ms -c lock_timeout=1s"
    engine = create_engine(committed.url, connect_args={"options": limits})
    yield engine
    engine.dispose()


@pytest.fixture
def case_id(committed: Engine, config: Config) -> UUID:
    """A case with three pieces, nobody of whose photos was sent by the public, and a bundle that somebody waits for."""
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, config.files_dir)
        for shade in (40, 60, 90):
            cases.add_evidence(
                session, case.id, desk.photo(session, config.files_dir, shade), title="Ảnh", origin="Đội", taken_at=NOW,
                store=config.files_dir, by=world.officer.id, at=NOW,
            )  # fmt: skip
        session.execute(text("UPDATE stored_file SET scanned_at = received_at"))
        bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
        session.commit()
        return case.id


def originals(engine: Engine, store: Path, case_id: UUID) -> list[Path]:
    with Session(engine) as session:
        return [files.original_path(store, piece.file) for piece in evidence.of_case(session, case_id)]


def spoil(path: Path) -> None:
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"x")


def unreadable(path: Path) -> None:
    """What lies there cannot be read, as after an error of the disk; root may read whatever has a mode."""
    path.unlink()
    path.mkdir()


def forget_scans(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE stored_file SET scanned_at = NULL"))


def sounded(engine: Engine) -> list[tuple[int, str]]:
    with Session(engine) as session:
        assert set(session.scalars(select(EvidenceAlarm.kind))) <= {AlarmKind.BYTES}
        return [tuple(row) for row in session.execute(select(EvidenceAlarm.folio, EvidenceAlarm.detail).order_by(EvidenceAlarm.folio, EvidenceAlarm.id))]  # type: ignore[misc]  # fmt: skip


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = evidence.hash_of

    def slowly(path: Path) -> str | None:
        time.sleep(SLOW)
        return at_once(path)

    monkeypatch.setattr(evidence, "hash_of", slowly)


@pytest.mark.usefixtures("slow_disk")
def test_the_night_outlasts_the_limit_on_idle_transactions(
    committed: Engine, hasty: Engine, config: Config, case_id: UUID
) -> None:
    spoil(originals(committed, config.files_dir, case_id)[1])
    assert evidence_jobs.check_all(hasty, config, now=later) == 1
    assert [folio for folio, _ in sounded(committed)] == [2]


@pytest.mark.usefixtures("slow_disk")
def test_a_bundle_of_large_originals_outlasts_the_limit_on_idle_transactions(
    committed: Engine, hasty: Engine, config: Config, case_id: UUID
) -> None:
    assert evidence_jobs.make_bundle(hasty, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle)).one()
        assert (made.state, made.fault) == (BundleState.MADE, None)


def test_the_scanning_of_what_waited_outlasts_the_limit_on_idle_transactions(
    committed: Engine, hasty: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_scans(committed)
    monkeypatch.setattr(viruses, "scan", lambda _address, _path: time.sleep(SLOW))
    assert evidence_jobs.scan_for_viruses(hasty, config, now=later) == 0
    with Session(committed) as session:
        assert set(session.scalars(select(StoredFile.scanned_at))) == {later()}


class SlowStream(io.BytesIO):
    """An upload from a slow disk."""

    def read(self, size: int | None = -1, /) -> bytes:
        time.sleep(SLOW)
        return super().read(size)


def test_an_upload_outlasts_the_limit_on_idle_transactions_which_stands_again_afterwards(
    hasty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viruses, "scan", lambda _address, _path: time.sleep(SLOW))
    limit = text("SHOW idle_in_transaction_session_timeout")
    with Session(hasty) as session:
        before = session.scalar(limit)
        session.execute(text("INSERT INTO stored_file (sha256, size, media_type, name, received_at) VALUES (repeat('a', 64), 1, 'x', 'x', now())"))  # fmt: skip
        files.receive(
            session, tmp_path, SlowStream(desk.photo_bytes(5)), name="a.jpg", at=NOW, by=None, scanner="tcp://x"
        )
        assert session.scalar(limit) == before == "300ms"
        session.commit()
    with Session(hasty) as session:
        with pytest.raises(files.UnknownFileKind):
            files.receive(session, tmp_path, io.BytesIO(b"x"), name="a.jpg", at=NOW, by=None)
        assert session.scalar(limit) == before, "also after a refusal"
        assert factories.count(session, StoredFile) == 2


@pytest.mark.usefixtures("slow_disk")
def test_a_large_piece_is_taken_in_and_looked_at_within_one_transaction(
    committed: Engine, hasty: Engine, config: Config, case_id: UUID
) -> None:
    with Session(hasty) as session:
        piece = session.scalars(select(Evidence).order_by(Evidence.folio)).first()
        assert piece is not None
        file = desk.photo(session, config.files_dir, 120)
        taken = cases.add_evidence(
            session, case_id, file, title="Phim", origin="Đội", taken_at=NOW, store=config.files_dir, by=piece.added_by, at=NOW
        )  # fmt: skip
        seen = evidence.view(session, case_id, taken.id, store=config.files_dir, by=piece.added_by, at=later())[1]
        session.commit()
        assert seen == file.sha256


def test_a_scan_under_way_keeps_nobody_from_taking_the_file_into_a_case(
    committed: Engine, hasty: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_scans(committed)
    with Session(committed) as session:
        newest = session.scalars(select(Evidence).order_by(Evidence.folio.desc())).first()
        assert newest is not None
        officer = newest.added_by
        other = desk.photo(session, config.files_dir, 200)
        other.received_at = NOW - timedelta(days=1)  # the first to be scanned
        session.commit()
        file_id = other.id
    taken: list[int] = []

    def scan(_address: str, _path: Path) -> None:
        if taken:
            return
        with Session(hasty) as session:
            file = session.get_one(StoredFile, file_id)
            taken.append(
                cases.add_evidence(
                    session, case_id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=config.files_dir, by=officer, at=NOW
                ).folio
            )  # fmt: skip
            session.commit()

    monkeypatch.setattr(viruses, "scan", scan)
    evidence_jobs.scan_for_viruses(committed, config, now=later)
    assert taken == [4]
    with Session(committed) as session:
        assert set(session.scalars(select(StoredFile.scanned_at))) == {later()}


@pytest.mark.usefixtures("case_id")
def test_files_that_no_scanner_reads_do_not_keep_the_others_waiting_and_are_asked_about_rarely(
    committed: Engine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(committed) as session:
        session.execute(
            text(
                "INSERT INTO stored_file (sha256, size, media_type, name, received_at)"
                " SELECT lpad(to_hex(n), 64, '0'), 1, 'x', 'x', :at FROM generate_series(1, 60) n"
            ),
            {"at": NOW - timedelta(days=1)},
        )
        good = desk.photo(session, config.files_dir, 210).id
        session.commit()
    asked: list[str] = []

    def scan(_address: str, path: Path) -> None:
        asked.append(path.name)
        if not path.exists():
            raise viruses.GaveUp

    monkeypatch.setattr(viruses, "scan", scan)
    counts = []
    for minute in [*range(40), *range(40, 26 * 60, 10)]:
        asked.clear()
        evidence_jobs.scan_for_viruses(committed, config, now=lambda at=NOW + timedelta(minutes=minute): at)  # type: ignore[misc]
        counts.append(len(asked))
        if minute == 3:
            with Session(committed) as session:
                assert session.get_one(StoredFile, good).scanned_at is not None
    assert sum(counts) == 4 * 60 + 1, "three times in the first hour, then once a day"
    assert set(counts[45:120]) == {0}


def test_an_original_that_no_scanner_reads_is_left_out_of_the_bundle_by_name(
    committed: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = originals(committed, config.files_dir, case_id)[1]
    forget_scans(committed)

    def scan(_address: str, path: Path) -> None:
        if path == film:
            raise viruses.GaveUp

    monkeypatch.setattr(viruses, "scan", scan)
    evidence_jobs.scan_for_viruses(committed, config, now=lambda: NOW)
    assert evidence_jobs.make_bundle(committed, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle)).one()
        assert made.fault == "unscanned 2", "the scanner has not given it up yet"
        bundles.ask(session, case_id, reason="Gửi", shared=False, by=made.asked_by, at=NOW)
        session.commit()
    for hours in (1, 2, 3):
        evidence_jobs.scan_for_viruses(committed, config, now=lambda at=NOW + timedelta(hours=hours): at)  # type: ignore[misc]
    assert evidence_jobs.make_bundle(committed, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle).where(CaseBundle.number == 2)).one()
        assert (made.state, made.fault) == (BundleState.MADE, None)
        path = bundles.path_of(config.bundles_dir, made)
        assert bundle_check.check_zip(path, made.sums_sha256 or "x") == []
        content = path.read_bytes()
        assert b'"left_out": "unscanned"' in content
        assert b"but-luc-0002.jpg" not in content
        assert b"but-luc-0003.jpg" in content
        assert bundle.bundle_index.LEFT_OUT["unscanned"].encode() in content


def test_one_unreadable_file_does_not_stop_the_night(committed: Engine, config: Config, case_id: UUID) -> None:
    first, second, third = originals(committed, config.files_dir, case_id)
    unreadable(first)
    spoil(second)
    third.unlink()
    with Session(committed) as session:
        copy = files.copy_path(config.files_dir, evidence.of_case(session, case_id)[2].file)
        assert copy is not None
    unreadable(copy)
    assert evidence_jobs.check_all(committed, config, now=later) == 4
    found = sounded(committed)
    assert [folio for folio, _ in found] == [1, 2, 3, 3]
    assert (found[0][1], {detail for _, detail in found[2:]}) == ("unreadable", {"gone", "copy"})
    with Session(committed) as session:
        assert session.scalars(select(Incident.tries).where(Incident.kind == IncidentKind.EVIDENCE_CHANGED)).one() == 4


def test_what_was_found_before_the_night_broke_off_is_told(
    committed: Engine, config: Config, case_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in originals(committed, config.files_dir, case_id):
        spoil(path)
    at_once, looked = evidence.hash_of, list[Path]()

    def until(path: Path) -> str | None:
        looked.append(path)
        if len(looked) > 2:
            raise MemoryError
        return at_once(path)

    monkeypatch.setattr(evidence, "hash_of", until)
    with pytest.raises(MemoryError):
        evidence_jobs.check_all(committed, config, now=later)
    assert len(sounded(committed)) == 1


def test_an_unreadable_piece_is_looked_at_and_refused_like_a_changed_one(
    committed: Engine, config: Config, case_id: UUID
) -> None:
    path = originals(committed, config.files_dir, case_id)[0]
    unreadable(path)
    with Session(committed) as session:
        piece = evidence.of_case(session, case_id)[0]
        _, seen = evidence.view(session, case_id, piece.id, store=config.files_dir, by=piece.added_by, at=later())
        assert seen != piece.sha256
        session.commit()
        copy = files.copy_path(config.files_dir, piece.file)
        assert copy is not None
        unreadable(copy)
        with pytest.raises(files.FileDamaged):
            files.whole_copy(config.files_dir, piece.file)
        assert not files.check(config.files_dir, piece.file)
    assert sounded(committed) == [(1, "unreadable")]
