"""Promises of the documents in a bundle: PDF, DOCX and signed copy of each, hashed; a byte changed in any of them is named."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from docx import Document as Opened
from sqlalchemy.orm import Session

from bench import bundle_flips
from enforcement import bundle_check, documents, redaction
from enforcement.models import CaseFile, Document
from enforcement.papers import shelf
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk, papers
from tests.enforcement.test_bundle import make, unpacked
from trace.services import files, unscanned

SIGNED = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n% signed"


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path)
    papers.unit(session, world)
    return made


@pytest.fixture
def issued(session: Session, case: CaseFile, world: factories.World, tmp_path: Path) -> list[Document]:
    """Minutes with their signed copy, minutes that are void, a decision; and a draft that goes nowhere."""
    made = []
    for code, who, duties in (
        ("MBB02", world.officer, papers.OFFICER), ("MBB05", world.officer, papers.OFFICER), ("MQĐ20", world.team_head, papers.HEAD),
    ):  # fmt: skip
        drawn = papers.draft(session, case, world, code)
        made.append(
            documents.issue(
                session, case.id, drawn.id, version=drawn.version, confirmed=True, by=who.id, duties=duties, at=NOW
            )
        )
    scan = files.receive(session, tmp_path, io.BytesIO(SIGNED), name="ban-ky.pdf", at=NOW, by=world.officer.id)
    documents.bind(session, case.id, made[0].id, scan, store=tmp_path, by=world.officer.id, at=NOW)
    documents.cancel(
        session,
        case.id,
        made[1].id,
        reason="Lập sai mẫu",
        by=world.team_head.id,
        duties=papers.HEAD,
        at=NOW + timedelta(hours=1),
    )
    papers.draft(session, case, world, "MBB05")
    session.expire_all()
    return made


def test_every_issued_document_is_in_it_as_pdf_docx_and_as_signed(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, issued: list[Document]
) -> None:
    path, _ = make(session, case, world, tmp_path)
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if name.startswith("van-ban/")}
        sums = archive.read(bundle_check.SUMS).decode()
        page = archive.read("MUC-LUC.html").decode()
    names = [f"van-ban/{shelf.file_name(each)}" for each in issued]
    void = f"{names[1]}-luc-ban-hanh"
    assert set(found) == {f"{name}.{kind}" for name in [*names, void] for kind in ("pdf", "docx")} | {
        f"{names[0]}-ban-ky.pdf"
    }
    for name, content in found.items():
        assert f"{hashlib.sha256(content).hexdigest()}  {name}\n" in sums
        assert name in page
    assert found[f"{names[0]}-ban-ky.pdf"] == SIGNED
    assert found[f"{names[0]}.pdf"] == shelf.pdf(issued[0])
    written = Opened(io.BytesIO(found[f"{names[1]}.docx"]))
    assert any("ĐÃ HỦY" in each.text for each in written.sections[0].first_page_header.paragraphs), "a void one says so"
    written = Opened(io.BytesIO(found[f"{void}.docx"]))
    assert not any("ĐÃ HỦY" in each.text for each in written.sections[0].first_page_header.paragraphs)


def test_a_stranger_verifies_the_documents_too(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, issued: list[Document]
) -> None:
    path, made = make(session, case, world, tmp_path)
    folder = unpacked(path, tmp_path / "out")
    for command in (
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        [sys.executable, "-I", "KIEM-TRA.py", "--so", str(made.sums_sha256)],
        [sys.executable, "-I", "KIEM-TRA.py", str(path), "--so", str(made.sums_sha256)],
    ):
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr


def test_a_byte_changed_in_any_document_is_named_by_both(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, issued: list[Document]
) -> None:
    path, _ = make(session, case, world, tmp_path)
    folder = unpacked(path, tmp_path / "out")
    chance = random.Random(5)
    documents_in_it = sorted(file for file in (folder / "van-ban").iterdir())
    assert len(documents_in_it) == 9
    for file in documents_in_it:
        kept = file.read_bytes()
        place = chance.randrange(len(kept))
        file.write_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])
        name = f"van-ban/{file.name}"
        assert [each for each, _ in bundle_check.check_folder(folder)] == [name]
        sums = subprocess.run(
            ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert sums.returncode == 1
        assert f"{name}: FAILED" in sums.stdout
        file.write_bytes(kept)
    assert bundle_flips.flip(path, 300, random.Random(11), tmp_path) == []


def test_the_documents_are_drawn_to_the_same_bytes_every_time(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, issued: list[Document]
) -> None:
    first = shelf.files_of(session, case.id, tmp_path)
    session.expire_all()
    assert shelf.files_of(session, case.id, tmp_path) == first


@pytest.mark.parametrize("why", ["virus", "unscanned", "redacted"])
def test_a_signed_copy_that_is_held_back_as_evidence_is_named_and_not_handed_out(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, issued: list[Document], why: str
) -> None:
    ((name, number, piece),) = shelf.signed_of(session, case.id)
    if why == "virus":
        unscanned.note(session, piece.file_id, "Eicar", at=NOW)
    elif why == "unscanned":
        piece.file.scan_tried_at, piece.file.scan_gave_up = NOW, unscanned.TRIES
    else:
        brought = io.BytesIO(SIGNED + b" redacted")
        file = files.receive(session, tmp_path, brought, name="che.pdf", at=NOW, by=world.officer.id)
        redaction.bring(
            session, case.id, piece.id, file, reason="Tên", store=tmp_path, by=world.officer.id, at=NOW
        )  # fmt: skip
    session.flush()
    session.expire_all()
    path, made = make(session, case, world, tmp_path, shared=why == "redacted")
    with zipfile.ZipFile(path) as archive:
        bytes_ = [archive.read(each) for each in archive.namelist()]
        found = json.loads(archive.read(bundle_check.DATA))["signed_copies_left_out"]
        page = archive.read("MUC-LUC.html").decode()
    assert SIGNED not in bytes_
    assert found == [{"document": number, "file": f"van-ban/{name}", "folio": piece.folio, "left_out": why}]
    assert f"<li>Văn bản {number}, bút lục {piece.folio}: " in page
    assert bundle_check.check_zip(path, made.sums_sha256) == []
