"""Promises of a redacted copy: black in its dots, nothing of the original besides, bound to it with a reason; the original stays."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from enforcement import cases, custody, evidence, redaction
from enforcement.models import CaseFile, CustodyDeed, Evidence
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.services.test_videos import heic
from trace.errors import Refused
from trace.services import files


def taken(session: Session, case: CaseFile, content: bytes, store: Path, world: factories.World) -> Evidence:
    file = files.receive(session, store, io.BytesIO(content), name="x", at=NOW, by=None, kinds=files.WITH_VIDEO)
    return cases.add_evidence(
        session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=store, by=world.officer.id, at=NOW
    )


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path)


def tagged(fmt: str = "JPEG", orientation: int = 1) -> bytes:
    exif, drawn = Image.Exif(), io.BytesIO()
    exif[0x0112], exif[0x010E] = orientation, "NHA RIENG"
    Image.new("RGB", (200, 100), "white").save(drawn, fmt, exif=exif.tobytes())
    return drawn.getvalue()


def test_the_marked_parts_are_black_and_nothing_else_of_the_original_is_left(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = taken(session, case, tagged(), tmp_path, world)
    before = files.original_path(tmp_path, piece.file).read_bytes()
    made = redaction.draw(
        session, case.id, piece.id, [(10, 20, 30, 40), (90, 90, 10, 10)], reason="Biển số xe", store=tmp_path, by=world.officer.id, at=NOW
    )  # fmt: skip
    content = files.original_path(tmp_path, made.file).read_bytes()
    assert b"NHA RIENG" not in content
    with Image.open(io.BytesIO(content)) as drawn:
        assert (drawn.format, drawn.size, dict(drawn.getexif())) == ("JPEG", (200, 100), {})
        dots = drawn.convert("L")
        assert all(dots.getpixel((x, y)) < 40 for x in range(22, 78) for y in range(22, 58))  # type: ignore[operator]
        assert dots.getpixel((195, 95)) < 40  # type: ignore[operator]
        assert dots.getpixel((120, 50)) > 200  # type: ignore[operator]
    assert files.original_path(tmp_path, piece.file).read_bytes() == before
    assert (made.number, made.reason, made.brought) == (1, "Biển số xe", False)
    step = custody.chain(session, piece.id)[-1]
    assert (step.deed, step.note) == (CustodyDeed.REDACTED, f"1: {made.sha256}")
    assert cases.get(session, case.id).events[-1].facts == {"folio": piece.folio, "copy": 1, "sha256": made.sha256}


@pytest.mark.parametrize("content", [tagged(orientation=6), heic((100, 200))], ids=["jpeg", "heic"])
def test_what_lies_on_its_side_is_covered_where_people_see_it(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, content: bytes
) -> None:
    piece = taken(session, case, content, tmp_path, world)
    made = redaction.draw(
        session, case.id, piece.id, [(0, 0, 100, 50)], reason="Mặt", store=tmp_path, by=world.officer.id, at=NOW
    )
    with Image.open(files.original_path(tmp_path, made.file)) as drawn:
        assert drawn.size == (100, 200)
        assert drawn.convert("L").getpixel((50, 80)) < 40  # type: ignore[operator]
        assert drawn.convert("L").getpixel((50, 120)) > 40  # type: ignore[operator]


@pytest.mark.parametrize(
    ("boxes", "error"),
    [
        ([], redaction.NoBox), ([(0, 0, 1, 1)] * 41, redaction.TooManyBoxes), ([(-1, 0, 5, 5)], redaction.BoxOutside),
        ([(0, 0, 0, 5)], redaction.BoxOutside), ([(60, 0, 50, 5)], redaction.BoxOutside), ([(0, float("nan"), 5, 5)], redaction.BoxOutside),
    ],
)  # fmt: skip
def test_rectangles_that_are_none_are_refused(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, boxes: list[redaction.Box], error: type[Exception]
) -> None:  # fmt: skip
    piece = taken(session, case, tagged(), tmp_path, world)
    with pytest.raises(Refused) as refused:
        redaction.draw(session, case.id, piece.id, boxes, reason="x", store=tmp_path, by=world.officer.id, at=NOW)
    assert [type(each) for each in refused.value.reasons] == [error]


def test_a_pdf_is_redacted_outside_and_bound_to_its_original(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = taken(session, case, b"%PDF-1.7\nstartxref\n9\n%%EOF\n", tmp_path, world)
    with pytest.raises(redaction.NotAPicture):
        redaction.draw(
            session, case.id, piece.id, [(0, 0, 1, 1)], reason="x", store=tmp_path, by=world.officer.id, at=NOW
        )
    with pytest.raises(redaction.SameAsOriginal):
        redaction.bring(session, case.id, piece.id, piece.file, reason="x", store=tmp_path, by=world.officer.id, at=NOW)
    brought = files.receive(
        session,
        tmp_path,
        io.BytesIO(b"%PDF-1.7\n#\nstartxref\n9\n%%EOF\n"),
        name="che.pdf",
        at=NOW,
        by=world.officer.id,
    )
    made = redaction.bring(
        session, case.id, piece.id, brought, reason="Tên", store=tmp_path, by=world.officer.id, at=NOW
    )
    assert (made.evidence_id, made.brought, made.areas) == (piece.id, True, [])


def test_nothing_is_redacted_from_an_original_that_changed(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    piece = taken(session, case, tagged(), tmp_path, world)
    path = files.original_path(tmp_path, piece.file)
    path.chmod(0o640)
    path.write_bytes(tagged(orientation=3))
    with pytest.raises(evidence.EvidenceDamaged):
        redaction.draw(
            session, case.id, piece.id, [(0, 0, 5, 5)], reason="x", store=tmp_path, by=world.officer.id, at=NOW
        )
