"""Work on evidence outside requests: a bundle is made and told to the case, what changed overnight becomes an incident."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from enforcement import bundle_check, bundles, cases, documents, evidence
from enforcement.models import (
    AlarmKind,
    BundleState,
    CaseBundle,
    CustodyDeed,
    CustodyEvent,
    Document,
    DocumentFiles,
    EvidenceAlarm,
)
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement import desk, papers
from trace import evidence_jobs
from trace.config import Config
from trace.models.files import StoredFile
from trace.models.incidents import Incident, IncidentKind
from trace.services import files

pytestmark = pytest.mark.committed


def later() -> datetime:
    return NOW + timedelta(hours=1)


@pytest.fixture
def config(committed: Engine, tmp_path: Path) -> Config:
    return config_for(committed.url.render_as_string(hide_password=False), tmp_path)


@pytest.fixture
def case_id(committed: Engine, config: Config) -> UUID:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, config.files_dir, photos=[desk.photo(session, config.files_dir, 5)])
        file = desk.photo(session, config.files_dir, 90)
        cases.add_evidence(
            session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=config.files_dir, by=world.officer.id, at=NOW
        )  # fmt: skip
        bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
        session.commit()
        return case.id


def spoil(session: Session, case_id: UUID, store: Path) -> None:
    path = files.original_path(store, evidence.of_case(session, case_id)[1].file)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"x")


def test_a_bundle_that_somebody_waits_for_is_made(committed: Engine, config: Config, case_id: UUID) -> None:
    assert evidence_jobs.make_bundle(committed, config, now=later)
    assert not evidence_jobs.make_bundle(committed, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle)).one()
        assert made.state is BundleState.MADE
        assert bundle_check.check_zip(bundles.path_of(config.bundles_dir, made), made.sums_sha256 or "x") == []
        assert cases.get(session, case_id).events[-1].facts["sums_sha256"] == made.sums_sha256


def test_a_bundle_of_what_changed_fails_with_its_folios_and_an_incident(
    committed: Engine, config: Config, case_id: UUID
) -> None:
    with Session(committed) as session:
        spoil(session, case_id, config.files_dir)
    assert evidence_jobs.make_bundle(committed, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle)).one()
        assert (made.state, made.fault) == (BundleState.FAILED, "changed 2")
        assert session.scalars(select(Incident.kind)).all() == [IncidentKind.EVIDENCE_CHANGED]


def test_the_night_finds_changed_originals_and_copies(committed: Engine, config: Config, case_id: UUID) -> None:
    assert evidence_jobs.check_all(committed, config, now=later) == 0
    with Session(committed) as session:
        spoil(session, case_id, config.files_dir)
        copy = files.copy_path(config.files_dir, evidence.of_case(session, case_id)[0].file)
        assert copy is not None
        copy.unlink()
    assert evidence_jobs.check_all(committed, config, now=later) == 2
    assert evidence_jobs.check_all(committed, config, now=later) == 0, "told once a day"
    with Session(committed) as session:
        found = session.execute(select(EvidenceAlarm.folio, EvidenceAlarm.kind).order_by(EvidenceAlarm.folio)).all()
        assert [tuple(row) for row in found] == [(1, AlarmKind.BYTES), (2, AlarmKind.BYTES)]
        assert session.scalars(select(Incident)).one().tries == 2


@pytest.fixture
def issued(committed: Engine, config: Config) -> UUID:
    """The case of an issued document that is put away, and for which a bundle is asked."""
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, config.files_dir, photos=[desk.photo(session, config.files_dir, 5)])
        papers.unit(session, world)
        drawn = papers.draft(session, case, world, "MBB02")
        documents.issue(
            session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.officer.id, duties=papers.OFFICER, at=NOW
        )  # fmt: skip
        bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
        session.commit()
        case_id = case.id
    assert evidence_jobs.keep_issued(committed, config, now=later) == 1
    return case_id


def lose(engine: Engine, store: Path) -> tuple[Path, bytes]:
    """The DOCX of the issued document is gone from the disk; where it lay, and what it was."""
    with Session(engine) as session:
        path = files.original_path(store, session.scalars(select(DocumentFiles)).one().docx)
    content = path.read_bytes()
    path.unlink()
    return path, content


def counted(engine: Engine) -> list[int]:
    with Session(engine) as session:
        assert set(session.scalars(select(Incident.kind))) <= {IncidentKind.EVIDENCE_CHANGED}
        return list(session.scalars(select(Incident.tries)))


def test_issued_documents_are_put_away_and_damage_is_counted_once_until_it_is_mended(
    committed: Engine, config: Config, issued: UUID
) -> None:
    def night(number: int) -> int:
        return evidence_jobs.check_all(committed, config, now=lambda: NOW + timedelta(days=number))

    assert evidence_jobs.keep_issued(committed, config, now=later) == 0
    assert night(1) == 0
    path, content = lose(committed, config.files_dir)
    assert [night(2), night(3), night(4)] == [1, 0, 0]
    assert counted(committed) == [1], "the same damage does not feed the incident every night"
    path.write_bytes(content)
    with capture_logs() as logged:
        assert night(5) == 0
    assert [each["event"] for each in logged] == ["a document is whole again"]
    with capture_logs() as logged:
        night(6)
    assert logged == []
    path.unlink()
    assert [night(7), night(8)] == [1, 0], "damage anew is news"
    assert counted(committed) == [2]


def test_a_bundle_with_a_damaged_document_fails_with_its_name_and_an_incident(
    committed: Engine, config: Config, issued: UUID
) -> None:
    lose(committed, config.files_dir)
    assert evidence_jobs.make_bundle(committed, config, now=later)
    with Session(committed) as session:
        made = session.scalars(select(CaseBundle)).one()
        number = session.scalars(select(Document.number)).one()
        assert (made.state, made.fault) == (BundleState.FAILED, f"documents {number}.docx")
        deeds = session.scalars(select(CustodyEvent.deed).where(CustodyEvent.deed == CustodyDeed.BUNDLED)).all()
        assert deeds == [], "what was not made took nothing along"
    assert counted(committed) == [1]
    assert evidence_jobs.check_all(committed, config, now=later) == 0, "the night counts it no more"


def test_documents_are_hashed_in_no_transaction(
    committed: Engine, config: Config, issued: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them together take longer than a transaction may last."""
    open_then, check = list[int](), files.check

    def watched(store: Path, file: StoredFile) -> bool:
        open_then.append(committed.pool.checkedout())  # type: ignore[attr-defined]
        return check(store, file)

    monkeypatch.setattr(files, "check", watched)
    lose(committed, config.files_dir)
    assert evidence_jobs.check_all(committed, config, now=later) == 1
    assert open_then == [0, 0]
