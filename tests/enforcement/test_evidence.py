"""Promises of evidence: folios once and without gaps, bytes hashed before they are vouched for, every step of custody on record."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from enforcement import cases, custody, evidence, evidence_checks, triage
from enforcement.casebook import NotInFuture
from enforcement.models import CaseEvent, CaseFile, CustodyEvent, Evidence
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.errors import NotFound
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto
from trace.services import files


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path, 1)])


def add(session: Session, case: CaseFile, file: StoredFile, store: Path, world: factories.World) -> Evidence:
    return cases.add_evidence(
        session,
        case.id,
        file,
        title="Ảnh sạp",
        origin="Máy ảnh đội",
        taken_at=NOW,
        store=store,
        by=world.officer.id,
        at=NOW,
    )


def spoil(store: Path, file: StoredFile) -> None:
    path = files.original_path(store, file)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"x")


def test_a_file_brought_by_an_officer_gets_the_next_folio_its_hash_and_an_event(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    file = desk.photo(session, tmp_path, 9)
    piece = add(session, case, file, tmp_path, world)
    assert (piece.folio, piece.sha256, piece.taken_by) == (2, file.sha256, world.officer.id)
    event = session.scalars(select(CaseEvent).where(CaseEvent.deed == "take_evidence")).one()
    assert event.facts == {"folio": 2, "title": "Ảnh sạp", "sha256": file.sha256}
    assert [step.deed for step in custody.chain(session, piece.id)] == ["taken"]


def test_a_file_is_taken_once(session: Session, case: CaseFile, world: factories.World, tmp_path: Path) -> None:
    file = desk.photo(session, tmp_path, 9)
    add(session, case, file, tmp_path, world)
    with pytest.raises(evidence.AlreadyEvidence) as refused:
        add(session, case, file, tmp_path, world)
    assert refused.value.facts == {"folio": 2}


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_changed_on_disk_is_not_taken(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, gone: bool
) -> None:
    file = desk.photo(session, tmp_path, 9)
    if gone:
        files.original_path(tmp_path, file).unlink()
    else:
        spoil(tmp_path, file)
    with pytest.raises(evidence.EvidenceDamaged):
        add(session, case, file, tmp_path, world)
    assert factories.count(session, Evidence) == 1


def test_evidence_is_not_from_the_future(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    from datetime import timedelta

    with pytest.raises(NotInFuture):
        cases.add_evidence(
            session, case.id, desk.photo(session, tmp_path, 9), title="x", origin="y", taken_at=NOW + timedelta(days=1),
            store=tmp_path, by=world.officer.id, at=NOW,
        )  # fmt: skip


def test_looking_is_written_down_with_the_hash_seen(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = evidence.of_case(session, case.id)[0]
    found, seen = evidence.view(session, case.id, piece.id, store=tmp_path, by=world.team_head.id, at=NOW)
    assert seen == found.sha256
    spoil(tmp_path, found.file)
    _, changed = evidence.view(session, case.id, piece.id, store=tmp_path, by=world.officer.id, at=NOW)
    assert changed != found.sha256
    files.original_path(tmp_path, found.file).unlink()
    assert evidence.view(session, case.id, piece.id, store=tmp_path, by=world.officer.id, at=NOW)[1] is None
    chain = custody.chain(session, piece.id)
    assert [step.seq for step in chain] == [1, 2, 3, 4]
    assert [step.sha256_seen for step in chain[1:]] == [found.sha256, changed, "missing"]
    assert chain[1].by == world.team_head.id


def test_evidence_of_another_case_is_not_found(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = evidence.of_case(session, case.id)[0]
    other = desk.case(session, world, tmp_path)
    with pytest.raises(NotFound):
        evidence.view(session, other.id, piece.id, store=tmp_path, by=world.officer.id, at=NOW)
    assert factories.count(session, CustodyEvent) == 1


def test_the_nightly_look_names_what_changed_and_what_is_gone(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    whole, changed, gone = (
        add(session, case, desk.photo(session, tmp_path, shade), tmp_path, world) for shade in (10, 20, 30)
    )
    assert list(evidence_checks.faults(evidence_checks.batch(session, tmp_path).files)) == []
    spoil(tmp_path, changed.file)
    files.original_path(tmp_path, gone.file).unlink()
    wrong = sorted(evidence_checks.faults(evidence_checks.batch(session, tmp_path).files), key=lambda each: each.folio)
    assert [each.folio for each in wrong] == [changed.folio, gone.folio]
    assert [each.detail for each in wrong] == [evidence.on_disk(tmp_path, changed.file), "gone"]
    assert whole.folio not in {each.folio for each in wrong}


def test_the_nightly_look_goes_through_all_pieces_batch_by_batch(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = {add(session, case, desk.photo(session, tmp_path, shade), tmp_path, world).id for shade in (10, 20, 30)}
    monkeypatch.setattr(evidence_checks, "BATCH", 2)
    seen, after = list[UUID](), None
    while (batch := evidence_checks.batch(session, tmp_path, after=after)).pieces:
        assert len(batch.pieces) <= 2
        seen += batch.pieces
        after = batch.pieces[-1]
    assert pieces <= set(seen)
    assert len(seen) == len(set(seen)) == factories.count(session, Evidence)


def test_photos_that_come_late_are_offered_and_taken_once(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    tip = session.scalars(select(Tip)).one()
    session.add(TipPhoto(tip_id=tip.id, file_id=desk.photo(session, tmp_path, 77).id))
    session.flush()
    assert len(evidence.candidates(session, case.id)) == 1
    assert len(cases.gather_evidence(session, case.id, store=tmp_path, by=world.officer.id, at=NOW)) == 1
    assert cases.gather_evidence(session, case.id, store=tmp_path, by=world.officer.id, at=NOW) == []
    assert [piece.folio for piece in evidence.of_case(session, case.id)] == [1, 2]


def test_the_name_of_a_file_that_a_reporter_sent_is_not_repeated(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    photo = desk.photo(session, tmp_path, 3, name="Nguyen Van Mau 0912345678.jpg")
    case = desk.case(session, world, tmp_path, photos=[photo])
    assert evidence.of_case(session, case.id)[0].title.startswith("Ảnh kèm PA-")


def test_photos_of_an_observation_keep_who_took_them_and_when(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    from enforcement import intake

    seen = desk.observation(session, world.inspector.id, photos=[desk.photo(session, tmp_path, 44)])
    signal = intake.from_observation(session, seen, at=NOW)
    triage.add_to_case(session, signal.id, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    piece = evidence.of_case(session, case.id)[-1]
    assert (piece.taken_by, piece.taken_at, piece.origin) == (world.inspector.id, seen.seen_at, seen.number)


def test_the_same_bytes_come_into_a_case_once_however_they_are_sent(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    """A form sent again from the back button has a new key and makes a new row of the same file."""
    case = desk.case(session, world, tmp_path)

    def bring(shade: int) -> Evidence:
        file = desk.photo(session, tmp_path, shade)
        return cases.add_evidence(
            session, case.id, file, title="Hóa đơn", origin="Chủ hàng", taken_at=NOW, store=tmp_path, by=world.officer.id, at=NOW
        )  # fmt: skip

    folio = bring(50).folio
    with pytest.raises(evidence.AlreadyEvidence) as refused:
        bring(50)
    assert refused.value.facts["folio"] == folio
    assert bring(150).folio == folio + 1


@pytest.mark.committed
def test_ten_files_taken_at_once_get_ten_folios(committed: Engine, tmp_path: Path) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case_id = desk.case(session, world, tmp_path).id
        file_ids = [desk.photo(session, tmp_path, shade).id for shade in range(10, 210, 20)]
        officer = world.officer.id
        session.commit()
    together = threading.Barrier(10)

    def rush(file_id: object) -> None:
        with Session(committed) as own:
            file = own.get_one(StoredFile, file_id)
            together.wait(10)
            cases.add_evidence(
                own, case_id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=tmp_path, by=officer, at=NOW
            )
            own.commit()

    threads = [threading.Thread(target=rush, args=(file_id,)) for file_id in file_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with Session(committed) as session:
        assert sorted(session.scalars(select(Evidence.folio))) == list(range(1, 11))
        seqs = session.scalars(select(CaseEvent.seq).where(CaseEvent.case_id == case_id).order_by(CaseEvent.seq)).all()
        assert list(seqs) == list(range(1, len(seqs) + 1))
