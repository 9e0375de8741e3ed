"""Files that people send: what is taken in, what is kept, what is shown."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, TemThatError
from trace.models.files import StoredFile
from trace.services import files, imaging

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n"


def photo(fmt: str = "JPEG", size: tuple[int, int] = (400, 300), mode: str = "RGB", **options: Any) -> bytes:
    drawn = io.BytesIO()
    Image.new(mode, size, 3 if mode in {"L", "P", "1"} else "red").save(drawn, fmt, **options)
    return drawn.getvalue()


def take(session: Session, store: Path, content: bytes, name: str = "anh.jpg", **more: Any) -> StoredFile:
    return files.receive(session, store, io.BytesIO(content), name=name, at=NOW, by=None, **more)


def left_over(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("fmt", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_photo_is_kept_as_it_came_under_its_hash(session: Session, tmp_path: Path, fmt: str, media_type: str) -> None:
    content = photo(fmt)
    stored = take(session, tmp_path, content)
    assert stored.media_type == media_type
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert files.original_path(tmp_path, stored).read_bytes() == content
    assert files.check(tmp_path, stored)


def test_the_copy_is_small_upright_and_without_metadata(session: Session, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, "VƯỜN NHÀ TÔI", {1: "N", 2: (20.0, 51.0, 0.0)}
    stored = take(session, tmp_path, photo(size=(3000, 2000), exif=exif.tobytes(), comment=b"SECRET PLACE"))
    copy = files.copy_path(tmp_path, stored)
    assert copy is not None
    with Image.open(copy) as shown:
        assert shown.size == (1067, 1600)
        assert not shown.getexif()
        assert "comment" not in shown.info
    assert b"SECRET" not in copy.read_bytes()
    assert b"SECRET" in files.original_path(tmp_path, stored).read_bytes()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16"])
def test_every_kind_of_png_gets_a_copy(session: Session, tmp_path: Path, mode: str) -> None:
    drawn = io.BytesIO()
    Image.new(mode, (20, 20)).save(drawn, "PNG")
    assert take(session, tmp_path, drawn.getvalue()).copy_sha256


def test_a_pdf_is_known_by_its_content_whatever_its_name(session: Session, tmp_path: Path) -> None:
    stored = take(session, tmp_path, PDF, name="anh.jpg")
    assert stored.media_type == files.PDF
    assert files.copy_path(tmp_path, stored) is None
    assert files.check(tmp_path, stored)


@pytest.mark.parametrize(
    ("content", "kinds", "error"),
    [
        (b"", files.ANY_KIND, files.FileEmpty),
        (b"khong phai anh", files.ANY_KIND, files.UnknownFileKind),
        (b"khong phai anh", files.IMAGES, files.NotAnImage),
        (PDF, files.IMAGES, files.NotAnImage),
        (b"%PDF-1.7 and nothing more", files.ANY_KIND, files.UnknownFileKind),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", files.ANY_KIND, files.UnknownFileKind),
        (photo("GIF"), files.ANY_KIND, files.UnknownFileKind),
        (photo()[:1200], files.ANY_KIND, files.NotAnImage),
        (photo("PNG", (8000, 8000), "1"), files.ANY_KIND, files.TooManyPixels),
        (photo("PNG", (20000, 20000), "1"), files.ANY_KIND, files.TooManyPixels),
        (b"\xff\xd8\xff" + b"x" * 40 * 2**20, files.ANY_KIND, files.FileTooLarge),
    ],
    ids=[
        "empty",
        "text",
        "text-for-photo",
        "pdf-for-photo",
        "cut-pdf",
        "svg",
        "gif",
        "cut-photo",
        "bomb",
        "larger-bomb",
        "40-mb",
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    session: Session, tmp_path: Path, content: bytes, kinds: frozenset[str], error: type[TemThatError]
) -> None:
    with pytest.raises(error):
        take(session, tmp_path, content, kinds=kinds)
    assert left_over(tmp_path) == []
    assert factories.count(session, StoredFile) == 0


def test_a_bomb_is_refused_before_it_is_decoded(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging, "small", lambda _path: pytest.fail("decoded"))
    with pytest.raises(files.TooManyPixels):
        take(session, tmp_path, photo("PNG", (8000, 8000), "1"))


def test_the_same_photo_twice_is_one_file_and_two_rows(session: Session, tmp_path: Path) -> None:
    first, second = take(session, tmp_path, photo()), take(session, tmp_path, photo())
    assert first.id != second.id
    assert len(left_over(tmp_path)) == 2  # the original and its copy


@pytest.mark.parametrize("shelf", ["originals", "copies"])
def test_one_changed_byte_is_noticed(session: Session, tmp_path: Path, shelf: str) -> None:
    stored = take(session, tmp_path, photo())
    path = files.original_path(tmp_path, stored) if shelf == "originals" else files.copy_path(tmp_path, stored)
    assert path is not None
    path.chmod(0o640)
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert not files.check(tmp_path, stored)


def test_a_file_that_is_gone_is_noticed(session: Session, tmp_path: Path) -> None:
    stored = take(session, tmp_path, photo())
    files.original_path(tmp_path, stored).unlink()
    assert not files.check(tmp_path, stored)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\anh\\vải.jpg", "vải.jpg"),
        ("va\u0309i\x00\n.jpg", "vải.jpg"),
        ("", "file"),
        ("..", "file"),
        ("ả" * 300 + ".jpeg", "ả" * 114 + "….jpeg"),
    ],
)
def test_a_name_is_made_harmless(name: str, kept: str) -> None:
    assert files.clean_name(name) == kept


def test_an_unknown_file_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        files.get(session, factories.some_id())


def test_a_telephones_jpeg_with_more_pictures_behind_the_first_is_a_jpeg(session: Session, tmp_path: Path) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(
        drawn, "MPO", save_all=True, append_images=[Image.new("RGB", (200, 150), "blue")]
    )
    stored = take(session, tmp_path, drawn.getvalue())
    assert stored.media_type == "image/jpeg"
    copy = files.copy_path(tmp_path, stored)
    assert copy is not None
    with Image.open(copy) as shown:
        assert (shown.format, shown.size) == ("JPEG", (400, 300))


def progressive(passes: int) -> bytes:
    """A photo whose last pass over the pixels comes so many times more."""
    whole = photo(size=(800, 600), progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * passes + whole[-2:]


def test_a_jpeg_that_would_be_decoded_for_hours_is_refused(session: Session, tmp_path: Path) -> None:
    assert take(session, tmp_path, progressive(10)).media_type == "image/jpeg"
    with pytest.raises(files.NotAnImage):
        take(session, tmp_path, progressive(20_000))


HOUR = timedelta(hours=1)


def orphan(store: Path, shelf: str, name: str, *, age: timedelta) -> Path:
    path = store / shelf / name if shelf == "drafts" else store / shelf / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    set_age(path, age)
    return path


def set_age(path: Path, age: timedelta) -> None:
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))


def test_the_sweep_removes_what_no_row_stands_for_and_nothing_else(session: Session, tmp_path: Path) -> None:
    stored = take(session, tmp_path, photo())
    copy = files.copy_path(tmp_path, stored)
    assert copy is not None
    for path in (files.original_path(tmp_path, stored), copy):
        set_age(path, 3 * HOUR)
    old = [orphan(tmp_path, shelf, "ab" * 32, age=2 * HOUR) for shelf in ("originals", "copies", "drafts")]
    young = [orphan(tmp_path, shelf, "cd" * 32, age=HOUR / 2) for shelf in ("originals", "copies", "drafts")]
    assert files.sweep(session, tmp_path, older_than=HOUR, at=NOW) == 3
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in young)
    assert files.check(tmp_path, stored)
    assert files.sweep(session, tmp_path / "none yet", older_than=HOUR, at=NOW) == 0


def test_a_refused_transaction_leaves_files_that_the_sweep_takes(session: Session, tmp_path: Path) -> None:
    with session.begin_nested() as refused:
        take(session, tmp_path, photo())
        refused.rollback()
    assert len(left_over(tmp_path)) == 2
    for path in left_over(tmp_path):
        set_age(path, 2 * HOUR)
    assert files.sweep(session, tmp_path, older_than=HOUR, at=NOW) == 2
    assert left_over(tmp_path) == []


def test_a_file_that_is_just_being_sent_again_is_not_swept(committed: Engine, tmp_path: Path) -> None:
    """The bytes of an upload that failed lie there for long; somebody sends the same picture while the sweep walks."""
    content = photo()
    with Session(committed) as failed:
        take(failed, tmp_path, content)
        failed.rollback()
    for path in left_over(tmp_path):
        set_age(path, 2 * HOUR)
    with Session(committed) as sending, Session(committed) as sweeping:
        stored = take(sending, tmp_path, content)
        for path in left_over(tmp_path):
            set_age(path, 2 * HOUR)  # as if the walk had seen the old ones
        assert files.sweep(sweeping, tmp_path, older_than=HOUR, at=NOW) == 0
        sweeping.commit()
        sending.commit()
        assert files.check(tmp_path, stored)
        assert files.sweep(sweeping, tmp_path, older_than=HOUR, at=NOW) == 0


def test_who_sends_while_the_sweep_removes_waits_and_puts_the_bytes_back(committed: Engine, tmp_path: Path) -> None:
    content = photo()
    with Session(committed) as failed:
        take(failed, tmp_path, content)
        failed.rollback()
    for path in left_over(tmp_path):
        set_age(path, 2 * HOUR)
    with Session(committed) as sweeping, ThreadPoolExecutor(1) as pool:
        assert files.sweep(sweeping, tmp_path, older_than=HOUR, at=NOW) == 2
        sent = pool.submit(send_and_commit, committed, tmp_path, content)
        with pytest.raises(TimeoutError):
            sent.result(timeout=0.5)
        sweeping.commit()
        assert sent.result(timeout=10)


def send_and_commit(engine: Engine, store: Path, content: bytes) -> bool:
    with Session(engine) as sending:
        stored = take(sending, store, content)
        sending.commit()
        return files.check(store, stored)
