"""Photos that arrive piece by piece: resumed where they stopped, whole or not at all, and at most five."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from tests.services.test_tips import submit
from trace.errors import NotFound
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto, TipUpload
from trace.services import files, tip_uploads, tips

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 1000


def photo(colour: str = "red") -> bytes:
    drawn = io.BytesIO()
    picture = Image.effect_noise((120, 90), 60).convert("RGB")
    picture.paste(colour, (0, 0, 20, 20))
    picture.save(drawn, "JPEG", quality=90)
    return drawn.getvalue()


@pytest.fixture
def tip(session: Session) -> Tip:
    return submit(session)[0]


def begin(session: Session, tip: Tip, content: bytes) -> tip_uploads.Progress:
    return tip_uploads.begin(session, tip, size=len(content), sha256=hashlib.sha256(content).hexdigest(), at=NOW)


def send(
    session: Session, store: Path, tip: Tip, upload_id: UUID, content: bytes, *, start: int = 0, end: int | None = None
) -> tip_uploads.Progress:
    progress = tip_uploads.progress(session, tip, upload_id)
    for offset in range(start, end or len(content), PIECE):
        piece = content[offset : min(offset + PIECE, end or len(content))]
        progress = tip_uploads.append(session, store, tip, upload_id, offset=offset, piece=piece, at=NOW)
    return progress


def begun(session: Session, tip: Tip, content: bytes) -> UUID:
    found = begin(session, tip, content).id
    assert found
    return found


def test_a_photo_in_pieces_is_the_photo(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    assert send(session, tmp_path, tip, upload, content).is_whole
    made = tip_uploads.finish(session, tmp_path, tip, upload, at=NOW)
    assert files.original_path(tmp_path, made.file).read_bytes() == content
    assert made.file.name == tip.number
    assert factories.count(session, TipUpload) == 0
    assert list((tmp_path / "uploads").iterdir()) == []


def test_it_goes_on_where_it_stopped(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    send(session, tmp_path, tip, upload, content, end=2 * PIECE)
    again = begin(session, tip, content)
    assert (again.id, again.offset) == (upload, 2 * PIECE)
    assert tip_uploads.progress(session, tip, upload).offset == 2 * PIECE
    assert send(session, tmp_path, tip, upload, content, start=2 * PIECE).is_whole


@pytest.mark.parametrize("offset", [0, PIECE - 1, 3 * PIECE])
def test_a_piece_for_another_place_is_not_taken(session: Session, tip: Tip, tmp_path: Path, offset: int) -> None:
    content = photo()
    upload = begun(session, tip, content)
    send(session, tmp_path, tip, upload, content, end=PIECE)
    told = tip_uploads.append(session, tmp_path, tip, upload, offset=offset, piece=b"x" * 10, at=NOW)
    assert told.offset == PIECE
    assert send(session, tmp_path, tip, upload, content, start=PIECE).is_whole


def test_bytes_written_by_a_process_that_died_are_written_anew(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    send(session, tmp_path, tip, upload, content, end=PIECE)
    with (tmp_path / "uploads" / str(upload)).open("ab") as part:
        part.write(b"written, never confirmed")
    assert send(session, tmp_path, tip, upload, content, start=PIECE).is_whole
    tip_uploads.finish(session, tmp_path, tip, upload, at=NOW)


def test_what_the_disk_lost_is_asked_for_again(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    send(session, tmp_path, tip, upload, content, end=2 * PIECE)
    (tmp_path / "uploads" / str(upload)).unlink()
    told = tip_uploads.append(session, tmp_path, tip, upload, offset=2 * PIECE, piece=content[2 * PIECE :], at=NOW)
    assert told.offset == 0
    assert send(session, tmp_path, tip, upload, content).is_whole


def test_a_photo_damaged_on_the_way_begins_anew(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    assert send(session, tmp_path, tip, upload, b"\x00" + content[1:]).offset == 0
    assert factories.count(session, TipPhoto) == 0
    assert send(session, tmp_path, tip, upload, content).is_whole


def test_the_same_photo_twice_is_one(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    assert begin(session, tip, content).id == upload
    send(session, tmp_path, tip, upload, content)
    tip_uploads.finish(session, tmp_path, tip, upload, at=NOW)
    assert begin(session, tip, content) == tip_uploads.Progress(None, len(content), len(content))
    assert factories.count(session, TipPhoto) == factories.count(session, StoredFile) == 1


def test_a_hundred_photos_are_five(session: Session, tip: Tip, tmp_path: Path) -> None:
    kept = refused = 0
    for number in range(100):
        content = photo(f"rgb({number}, 0, 0)")
        try:
            upload = begun(session, tip, content)
        except tips.TooManyPhotos:
            refused += 1
            continue
        kept += 1
        if number % 2:  # some wait half way: they hold their place
            send(session, tmp_path, tip, upload, content)
            tip_uploads.finish(session, tmp_path, tip, upload, at=NOW)
    assert (kept, refused) == (5, 95)


@pytest.mark.parametrize(
    ("size", "sha256", "error"),
    [
        (0, "0" * 64, files.FileEmpty), (-1, "0" * 64, files.FileEmpty), (files.MOST_BYTES + 1, "0" * 64, files.FileTooLarge),
        (2**63, "0" * 64, files.FileTooLarge), (10, "", tip_uploads.NotAnnounced), (10, "Z" * 64, tip_uploads.NotAnnounced),
        (10, "../" * 21 + "x", tip_uploads.NotAnnounced),
    ],
)  # fmt: skip
def test_what_is_no_announcement_is_refused(
    session: Session, tip: Tip, size: int, sha256: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        tip_uploads.begin(session, tip, size=size, sha256=sha256, at=NOW)
    assert factories.count(session, TipUpload) == 0


def test_no_more_is_written_than_was_announced(session: Session, tip: Tip, tmp_path: Path) -> None:
    content = photo()
    upload = begun(session, tip, content)
    for offset, piece in ((0, content + b"x"), (10**9, b"x"), (0, bytes(tip_uploads.MOST_PIECE + 1))):
        with pytest.raises(tip_uploads.PieceTooLarge):
            tip_uploads.append(session, tmp_path, tip, upload, offset=offset, piece=piece, at=NOW)
    assert not (tmp_path / "uploads").exists()


def test_another_reports_photo_is_not_there(session: Session, tip: Tip, tmp_path: Path) -> None:
    upload = begun(session, tip, photo())
    other, _ = submit(session)
    for asked in (upload, uuid4()):
        with pytest.raises(NotFound):
            tip_uploads.progress(session, other, asked)
        with pytest.raises(NotFound):
            tip_uploads.append(session, tmp_path, other, asked, offset=0, piece=b"x", at=NOW)


def test_what_nobody_sends_on_goes_after_a_day(session: Session, tip: Tip, tmp_path: Path) -> None:
    old, new = photo("red"), photo("blue")
    stale, fresh = begun(session, tip, old), begun(session, tip, new)
    send(session, tmp_path, tip, stale, old, end=PIECE)
    tip_uploads.append(session, tmp_path, tip, fresh, offset=0, piece=new[:PIECE], at=NOW + timedelta(hours=23))
    orphan = tmp_path / "uploads" / str(uuid4())
    orphan.write_bytes(b"x")
    assert tip_uploads.clear(session, tmp_path, before=NOW + timedelta(hours=1)) == 1
    assert session.scalars(select(TipUpload.id)).all() == [fresh]
    left = {path.name for path in (tmp_path / "uploads").iterdir()}
    assert str(stale) not in left
    assert str(fresh) in left
