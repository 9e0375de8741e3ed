"""Promises of a bundle: a stranger can verify it alone, whatever was changed is named, and nothing in it tells who reported."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from bench import bundle_flips
from enforcement import bundle, bundle_check, bundles, cases, custody, evidence, joins, redaction
from enforcement.models import BundleState, CaseBundle, CaseFile, CustodyDeed
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_custody import by_force
from trace.services import files

CANARY = "Bùi Thị Chim Hoàng Yến"
LATER = NOW + timedelta(hours=2)


def canary_photo() -> bytes:
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = CANARY.encode().decode("latin-1"), "0912345678"
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(drawn, "JPEG", exif=exif.tobytes(), comment=CANARY.encode())
    return drawn.getvalue()


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    photo = files.receive(session, tmp_path, io.BytesIO(canary_photo()), name=f"{CANARY}.jpg", at=NOW, by=None)
    made = desk.case(session, world, tmp_path, photos=[photo], description=f"Tôi là {CANARY}, số 0912345678")
    for shade in (100, 200):
        file = desk.photo(session, tmp_path, shade)
        cases.add_evidence(
            session, made.id, file, title=f"Ảnh sạp {shade}", origin="Đội", taken_at=NOW, store=tmp_path, by=world.officer.id, at=NOW,
            setting=evidence.Setting("Sạp 12", (20.86, 106.68), 12, "Điện thoại Đội 1"),
        )  # fmt: skip
    piece = evidence.of_case(session, made.id)[1]
    custody.hand_over(
        session, piece.id, world.team_head.id, place="Kho", note=None, seen=None, by=world.officer.id, at=NOW
    )
    custody.confirm(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=NOW)
    redaction.draw(
        session, made.id, piece.id, [(10, 10, 30, 30)], reason="Mặt người", store=tmp_path, by=world.officer.id, at=NOW
    )
    return made


def make(
    session: Session, case: CaseFile, world: factories.World, store: Path, *, shared: bool = False
) -> tuple[Path, CaseBundle]:
    asked = bundles.ask(session, case.id, reason="Gửi công an", shared=shared, by=world.officer.id, at=LATER)
    written = bundle.write(store / "bundles", bundle.compose(session, asked, store=store, scanner="", at=LATER))
    return store / "bundles" / f"{written.sha256}.zip", bundles.finish(session, asked.id, written, at=LATER)


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def record(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        found: dict[str, object] = json.loads(archive.read(bundle_check.DATA))
    return found


def test_a_stranger_verifies_it_with_what_every_machine_has(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, made = make(session, case, world, tmp_path)
    folder = unpacked(path, tmp_path / "out")
    sums = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert sums.returncode == 0, sums.stdout + sums.stderr
    clean = {"PATH": os.environ["PATH"]}
    for words in ([], [str(path)], ["--so", made.sums_sha256], [str(path), "--so", made.sums_sha256]):
        script = [sys.executable, "-I", "KIEM-TRA.py", *words]
        said = subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False, env=clean)
        assert said.returncode == 0, said.stdout + said.stderr
        assert said.stdout.startswith("ĐẠT")
    wrong = subprocess.run(
        [sys.executable, "-I", "KIEM-TRA.py", "--so", "0" * 64], cwd=folder, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "SHA256SUMS" in wrong.stdout


def test_the_script_is_short_and_needs_nothing() -> None:
    text = bundle.CHECKER.read_text()
    assert len(text.splitlines()) <= 200
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= {*sys.stdlib_module_names}


def test_originals_custody_events_and_hashes_are_in_it(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, made = make(session, case, world, tmp_path)
    with zipfile.ZipFile(path) as archive:
        for piece in evidence.of_case(session, case.id)[1:]:
            content = archive.read(f"chung-cu/{case.number}/but-luc-{piece.folio:04d}.jpg")
            assert hashlib.sha256(content).hexdigest() == piece.sha256
        page = archive.read("MUC-LUC.html").decode()
    found = record(path)["cases"][0]
    assert [piece["folio"] for piece in found["evidence"]] == [1, 2, 3]
    assert [step["deed"] for step in found["evidence"][1]["custody"]] == [
        "taken",
        "offered",
        "received",
        "redacted",
        "bundled",
    ]
    assert found["evidence"][1]["position"] == [20.86, 106.68]
    assert [event["seq"] for event in found["events"]] == list(range(1, len(found["events"]) + 1))
    assert "Bút lục 2: Ảnh sạp 100" in page
    event = cases.get(session, case.id).events[-1]
    assert (event.deed, event.facts["sums_sha256"], event.facts["sha256"]) == ("bundle", made.sums_sha256, made.sha256)
    assert {step.deed for step in custody.chain(session, evidence.of_case(session, case.id)[2].id)} >= {
        CustodyDeed.BUNDLED
    }


def test_what_a_merged_case_recorded_stands_under_its_own_number_alone(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    other = desk.case(session, world, tmp_path, with_law=False)
    for each in (case, other):
        desk.act(session, each, by=world.officer.id)
    joins.merge(session, case.id, other.id, take=(), reason="Cùng một sạp hàng", by=world.officer.id, at=NOW)
    found = record(make(session, case, world, tmp_path)[0])["cases"]
    assert [(len(each["casework"]["acts"]), len(each["casework"]["parties"])) for each in found] == [(1, 1), (1, 1)]


def test_nothing_in_it_tells_who_reported(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, _ = make(session, case, world, tmp_path)
    folder = unpacked(path, tmp_path / "out")
    for file in folder.rglob("*"):
        assert CANARY not in file.name
        content = file.read_bytes() if file.is_file() else b""
        for told in (CANARY.encode(), CANARY.encode("unicode_escape"), b"0912345678"):
            assert told not in content, file
    first = record(path)["cases"][0]["evidence"][0]
    assert (first["file"], first["left_out"]) == (None, "informant")
    assert first["shown"]["file"] == f"ban-xem/{case.number}/but-luc-0001.jpg"


def test_a_shared_bundle_holds_the_redacted_copy_instead_of_the_original(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, _ = make(session, case, world, tmp_path, shared=True)
    names = zipfile.ZipFile(path).namelist()
    assert f"ban-che/{case.number}/but-luc-0002-1.jpg" in names
    assert f"chung-cu/{case.number}/but-luc-0002.jpg" not in names
    assert f"chung-cu/{case.number}/but-luc-0003.jpg" in names
    assert bundle_check.check_zip(path) == []


def test_the_same_content_gives_the_same_bytes(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    asked = bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=LATER)
    members = bundle.compose(session, asked, store=tmp_path, scanner="", at=LATER)
    assert bundle.write(tmp_path / "a", members) == bundle.write(tmp_path / "b", members)


def test_no_bundle_is_made_of_what_was_changed(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = evidence.of_case(session, case.id)[2]
    path = files.original_path(tmp_path, piece.file)
    path.chmod(0o640)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(bundle.EvidenceChanged) as refused:
        make(session, case, world, tmp_path)
    assert refused.value.facts == {"folios": "3"}


def test_every_flipped_byte_is_found_and_its_file_named(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, _ = make(session, case, world, tmp_path)
    assert bundle_flips.flip(path, 400, random.Random(7), tmp_path) == []


def test_files_missing_added_or_changed_are_named_in_a_folder_too(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    path, made = make(session, case, world, tmp_path)
    folder = unpacked(path, tmp_path / "out")
    photo = folder / "chung-cu" / case.number / "but-luc-0003.jpg"
    kept = photo.read_bytes()
    photo.write_bytes(kept[:-1] + b"\x00")
    assert [name for name, _ in bundle_check.check_folder(folder)] == [f"chung-cu/{case.number}/but-luc-0003.jpg"]
    photo.unlink()
    assert bundle_check.check_folder(folder) == [(f"chung-cu/{case.number}/but-luc-0003.jpg", "thiếu")]
    photo.write_bytes(kept)
    (folder / "them.txt").write_text("x")
    assert bundle_check.check_folder(folder) == [("them.txt", "thừa")]
    (folder / "them.txt").unlink()
    assert bundle_check.check_folder(folder, made.sums_sha256) == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM enforcement.custody_event WHERE seq = 2", "giao nhận đứt ở bước 2"),
        ("UPDATE enforcement.custody_event SET note = 'x' WHERE seq = 3", "giao nhận đứt ở bước 3"),
        ("DELETE FROM enforcement.case_event WHERE seq = 2", "sự kiện không liên tục"),
    ],
)
def test_a_record_with_a_gap_is_told_by_the_script(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, sql: str, reason: str
) -> None:
    by_force(session, sql)
    path, _ = make(session, case, world, tmp_path)
    told = bundle_check.check_zip(path)
    assert any(name == bundle_check.DATA and reason in why for name, why in told), told


def test_one_bundle_at_a_time_and_a_number_each(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    asked = bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=LATER)
    with pytest.raises(bundles.BundleUnderway):
        bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=LATER)
    taken = bundles.take_up(session, at=LATER)
    assert taken is not None
    assert taken.id == asked.id
    assert bundles.take_up(session, at=LATER) is None
    bundles.fail(session, asked.id, "disk", at=LATER)
    assert (asked.state, asked.fault) == (BundleState.FAILED, "disk")
    assert bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=LATER).number == 2


def test_a_piece_taken_in_while_it_is_composed_does_not_make_it_look_incomplete(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bundle._whole

    def meanwhile(*args: object, **facts: object) -> None:
        whole(*args, **facts)  # type: ignore[arg-type]
        cases.add_evidence(
            session, case.id, desk.photo(session, tmp_path, 7), title="Ảnh đến muộn", origin="Đội", taken_at=NOW, store=tmp_path,
            by=world.officer.id, at=NOW,
        )  # fmt: skip

    monkeypatch.setattr(bundle, "_whole", meanwhile)
    path, made = make(session, case, world, tmp_path)
    assert bundle_check.check_zip(path, made.sums_sha256) == []
    assert [piece["folio"] for piece in record(path)["cases"][0]["evidence"]] == [1, 2, 3]
    monkeypatch.undo()
    path, made = make(session, case, world, tmp_path)
    assert bundle_check.check_zip(path, made.sums_sha256) == []
    assert [piece["folio"] for piece in record(path)["cases"][0]["evidence"]] == [1, 2, 3, 4]
