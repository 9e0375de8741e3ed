"""Promises of what comes from outside: copies redacted there are scanned and stripped as originals are, and late photos reach the case that carries on."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import (
    bundle,
    bundle_check,
    bundles,
    cases,
    evidence,
    evidence_checks,
    evidence_facts,
    joins,
    redaction,
)
from enforcement.models import AlarmKind, CaseFile, Evidence, EvidenceAlarm, Redaction
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.services.test_videos import pdf
from trace.models.files import StoredFile
from trace.models.incidents import Incident, IncidentKind
from trace.models.tips import Tip, TipPhoto
from trace.services import files, unscanned

SCANNER = "tcp://127.0.0.1:1"


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path)


@pytest.fixture
def piece(session: Session, case: CaseFile, world: factories.World, tmp_path: Path) -> Evidence:
    file = files.receive(session, tmp_path, io.BytesIO(pdf()), name="x.pdf", at=NOW, by=world.officer.id)
    file.scanned_at = NOW
    return cases.add_evidence(
        session, case.id, file, title="Hóa đơn", origin="Đội", taken_at=NOW, store=tmp_path, by=world.officer.id, at=NOW
    )


def bring(session: Session, piece: Evidence, content: bytes, world: factories.World, store: Path) -> Redaction:
    file = files.receive(session, store, io.BytesIO(content), name="che", at=NOW, by=world.officer.id)
    return redaction.bring(
        session, piece.case_id, piece.id, file, reason="Tên", store=store, by=world.officer.id, at=NOW
    )


def tagged() -> bytes:
    exif, drawn = Image.Exif(), io.BytesIO()
    exif[0x0110], exif[0x010E] = "MAY RIENG", "20.8561 106.6822"
    Image.new("RGB", (200, 100), "white").save(drawn, "JPEG", exif=exif.tobytes(), comment=b"THUMBNAIL")
    return drawn.getvalue() + b"HIDDEN BEHIND"


def test_a_picture_that_is_brought_keeps_nothing_but_its_dots(
    session: Session, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    made = bring(session, piece, tagged(), world, tmp_path)
    content = files.original_path(tmp_path, made.file).read_bytes()
    for told in (b"MAY RIENG", b"20.8561", b"THUMBNAIL", b"HIDDEN BEHIND"):
        assert told not in content
    with Image.open(io.BytesIO(content)) as drawn:
        assert (drawn.format, drawn.size, dict(drawn.getexif())) == ("JPEG", (200, 100), {})
    assert (made.brought, made.sha256) == (True, made.file.sha256)
    assert session.scalars(select(StoredFile.name).where(StoredFile.name == "che")).all() == [], (
        "what was brought is let go"
    )


def test_a_virus_found_later_in_a_copy_is_an_alarm_of_its_piece(
    session: Session, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    made = bring(session, piece, pdf(b"other"), world, tmp_path)
    file = unscanned.note(session, made.file_id, "Eicar", at=NOW)
    evidence_checks.infected(session, [file], at=NOW)
    alarm = session.scalars(select(EvidenceAlarm)).one()
    assert (alarm.case_id, alarm.folio, alarm.kind, alarm.detail) == (
        piece.case_id, piece.folio, AlarmKind.VIRUS, "redaction 1: Eicar",
    )  # fmt: skip
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.EVIDENCE_INFECTED]


def compose(session: Session, case: CaseFile, world: factories.World, store: Path) -> tuple[Path, dict[str, object]]:
    asked = bundles.ask(session, case.id, reason="Gửi", shared=True, by=world.officer.id, at=NOW)
    written = bundle.write(store / "bundles", bundle.compose(session, asked, store=store, scanner=SCANNER, at=NOW))
    path = store / "bundles" / f"{written.sha256}.zip"
    with zipfile.ZipFile(path) as archive:
        piece = json.loads(archive.read(bundle_check.DATA))["cases"][0]["evidence"][0]
    return path, piece["redactions"][0]


def test_a_copy_that_no_scanner_has_seen_holds_the_bundle_up(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    made = bring(session, piece, pdf(b"other"), world, tmp_path)
    with pytest.raises(bundle.EvidenceNotScanned) as refused:
        compose(session, case, world, tmp_path)
    assert refused.value.facts == {"folios": str(piece.folio)}
    made.file.scanned_at = NOW
    session.flush()
    session.expire_all()
    bundles.fail(session, bundles.of_case(session, case.id)[0].id, "unscanned", at=NOW)
    path, kept = compose(session, case, world, tmp_path)
    assert kept["file"] in zipfile.ZipFile(path).namelist()


@pytest.mark.parametrize("why", ["virus", "unscanned"])
def test_an_infected_or_unreadable_copy_is_named_and_not_handed_out(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path, why: str
) -> None:
    file = bring(session, piece, pdf(b"other"), world, tmp_path).file
    if why == "virus":
        unscanned.note(session, file.id, "Eicar", at=NOW)
    else:
        file.scan_tried_at, file.scan_gave_up = NOW, unscanned.TRIES
    session.flush()
    session.expire_all()
    path, kept = compose(session, case, world, tmp_path)
    assert (kept["file"], kept["left_out"], kept["sha256"]) == (None, why, file.sha256)
    assert not any(name.startswith("ban-che/") for name in zipfile.ZipFile(path).namelist())
    assert bundle_check.check_zip(path) == []
    page = zipfile.ZipFile(path).read("MUC-LUC.html").decode()
    assert "Bản che 1" in page


def test_words_of_a_file_that_the_scanner_gave_up_on_promise_no_scan_in_minutes(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    piece.file.scanned_at = None
    session.flush()

    def fetch() -> None:
        evidence.fetch(session, case.id, piece.id, scanner=SCANNER, store=tmp_path, by=world.team_head.id, at=NOW)

    with pytest.raises(evidence.NotScannedYet):
        fetch()
    piece.file.scan_tried_at, piece.file.scan_gave_up = NOW, unscanned.TRIES
    session.flush()
    with pytest.raises(evidence.ScannerGaveUp):
        fetch()


def test_photos_that_come_late_to_a_merged_case_are_taken_into_the_one_that_carries_on(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    photo = desk.photo(session, tmp_path, 60)
    absorbed = desk.case(session, world, tmp_path, with_law=False, photos=[photo])
    tip = session.scalars(select(Tip).join(TipPhoto).where(TipPhoto.file_id == photo.id)).one()
    joins.merge(session, case.id, absorbed.id, take=(), reason="Cùng một sạp hàng", by=world.officer.id, at=NOW)
    assert evidence.candidates(session, case.id) == [], "what the merged case has is there already"
    late = desk.photo(session, tmp_path, 61)
    session.add(TipPhoto(tip_id=tip.id, file_id=late.id))
    session.flush()
    assert evidence_facts.summary(session, case.id, look_for_late=True).late_photos == 1
    taken = cases.gather_evidence(session, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    assert [(each.case_id, each.file_id, each.origin) for each in taken] == [(case.id, late.id, tip.number)]
    assert evidence.candidates(session, case.id) == []


def test_a_picture_that_was_drawn_anew_here_waits_for_no_scanner_and_is_shown(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    file = files.receive(session, tmp_path, io.BytesIO(tagged()), name="che", at=NOW, by=world.officer.id)
    file.scanned_at = NOW
    made = redaction.bring(
        session, case.id, piece.id, file, reason="Tên", store=tmp_path, by=world.officer.id, at=NOW
    )  # fmt: skip
    assert (made.brought, made.redrawn, made.drawn_here, made.file.scanned_at) == (True, True, True, NOW)
    made.file.scanned_at = None  # no scanner answered when it was brought
    session.flush()
    session.expire_all()
    path, kept = compose(session, case, world, tmp_path)
    assert kept["file"] in zipfile.ZipFile(path).namelist()


def test_what_was_brought_otherwise_is_not_taken_for_drawn_here(
    session: Session, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    made = bring(session, piece, pdf(b"other"), world, tmp_path)
    assert (made.brought, made.redrawn, made.drawn_here) == (True, False, False)
    drawn = {"id": uuid4(), "of": made.id}
    with pytest.raises(IntegrityError, match="ck_redaction_redrawn_if_brought"), session.begin_nested():
        session.execute(
            text(
                "INSERT INTO enforcement.redaction (id, evidence_id, number, file_id, sha256, areas, brought, redrawn, reason, made_at, made_by) "
                "SELECT :id, evidence_id, 9, file_id, sha256, '[[1, 1, 2, 2]]', false, true, reason, made_at, made_by "
                "FROM enforcement.redaction WHERE id = :of"
            ),
            drawn,
        )
