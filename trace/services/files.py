"""Files that people send: taken in by what they are, kept under their hash, shown only as a copy without metadata.

What must not live here: who may see a file. That is for the records the file belongs to.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import struct
import threading
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image, ImageOps
from sqlalchemy import func, select

from trace.errors import Invalid, NotFound, TooLarge
from trace.models.files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

MOST_BYTES = 25 * 2**20
MOST_PIXELS = 60_000_000
MOST_SCANS = 100
COPY_SIDE = 1600
LONGEST_NAME = 120
PDF = "application/pdf"
# MPO is what Pillow calls a JPEG that holds further pictures behind the first, as many telephones write it.
IMAGE_FORMATS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
IMAGES = frozenset(IMAGE_FORMATS.values())
ANY_KIND = IMAGES | {PDF}
SWEPT_AT_MOST = 1000
COPY_MEDIA_TYPE = "image/jpeg"

_CHUNK = 2**20
_ASKED_AT_ONCE = 5000
_SCAN = b"\xff\xda"
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_OPENED_AS = ("JPEG", "PNG", "WEBP")  # the first gives MPO too, when it meets one
# Decoding is where memory goes: sixty million pixels are 240 MB. One at a time in a process keeps the sum bounded.
_DECODING = threading.Lock()
_NOT_DECODABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error)

# Pillow refuses by itself only at twice this figure; `_opened` refuses above it, before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


class FileTooLarge(TooLarge):
    """The file is larger than %(most)s MB.

    Take the photo with a lower quality, or send a smaller file.
    """


class FileEmpty(Invalid):
    """The file is empty.

    Choose the file again.
    """


class FileDropped(Invalid):
    """The file %(name)s is no longer kept; what was recorded from it stays.

    Send the file again if there is more to take from it.
    """


class NotAnImage(Invalid):
    """This file is not a photo that can be read here.

    Send a JPEG, PNG or WebP photo.
    """


class HeicPhoto(NotAnImage):
    """This photo is in the HEIC format that iPhones keep for themselves, which cannot be read here.

    On the iPhone choose Settings, Camera, Formats, Most Compatible; or take a screenshot of the photo and send that.
    """


class UnknownFileKind(Invalid):
    """This file is neither a photo nor a PDF that can be read here.

    Send a JPEG, PNG or WebP photo, or a PDF.
    """


class TooManyPixels(Invalid):
    """The picture has more than %(most)s million pixels.

    Send a smaller picture.
    """


def receive(
    session: Session,
    store: Path,
    stream: BinaryIO,
    *,
    name: str,
    at: datetime,
    by: UUID | None,
    kinds: frozenset[str] = ANY_KIND,
) -> StoredFile:
    """Take a file in: measure it, find out what it is, put it on disk for good, and only then write its row.

    The name that came with it decides nothing. `kinds` are the media types that are welcome. If the transaction is rolled
    back the bytes stay on disk without a row, never the other way round.
    """
    with _draft(store) as (path, draft):
        size, sha256 = _measure(stream, draft)
        media_type = _kind(path)
        if media_type not in kinds:
            if _is_heic(path):
                raise HeicPhoto
            raise NotAnImage if PDF not in kinds else UnknownFileKind
        copy = None if media_type == PDF else _working_copy(path)
        _hold(session, sha256)
        _settle(draft, path, _place(store, "originals", sha256))
    copy_sha256 = None
    if copy is not None:
        copy_sha256 = hashlib.sha256(copy).hexdigest()
        _hold(session, copy_sha256)
        with _draft(store) as (path, draft):
            draft.write(copy)
            _settle(draft, path, _place(store, "copies", copy_sha256))
    stored = StoredFile(
        sha256=sha256,
        size=size,
        media_type=media_type,
        name=clean_name(name),
        copy_sha256=copy_sha256,
        received_at=at,
        received_from=by,
    )
    session.add(stored)
    session.flush()
    return stored


def keep(
    session: Session, store: Path, stream: BinaryIO, *, name: str, media_type: str, at: datetime, by: UUID | None
) -> StoredFile:
    """Put a file away that its reader has judged already. It is kept as it came and never shown in a page."""
    with _draft(store) as (path, draft):
        size, sha256 = _measure(stream, draft)
        _hold(session, sha256)
        _settle(draft, path, _place(store, "originals", sha256))
    stored = StoredFile(
        sha256=sha256, size=size, media_type=media_type, name=clean_name(name), received_at=at, received_from=by
    )
    session.add(stored)
    session.flush()
    return stored


def get(session: Session, file_id: UUID) -> StoredFile:
    """One file's row."""
    found = session.get(StoredFile, file_id)
    if found is None:
        raise NotFound
    return found


def original_path(store: Path, file: StoredFile) -> Path:
    """Where the bytes lie as they came. Never to be shown in a page: they keep their metadata."""
    return _place(store, "originals", file.sha256)


def read_original(store: Path, file: StoredFile) -> bytes:
    """The bytes as they came. Raises `FileDropped`."""
    if file.dropped_at is not None:
        raise FileDropped(name=file.name)
    return original_path(store, file).read_bytes()


def copy_path(store: Path, file: StoredFile) -> Path | None:
    """Where the copy for showing lies: a JPEG of at most 1600 pixels without metadata. A PDF has none."""
    return _place(store, "copies", file.copy_sha256) if file.copy_sha256 else None


def check(store: Path, file: StoredFile) -> bool:
    """Whether the bytes on disk, original and copy, still are what was taken in."""
    copy = copy_path(store, file)
    whole = _hash_of(original_path(store, file)) == file.sha256
    return whole and (copy is None or _hash_of(copy) == file.copy_sha256)


def sweep(session: Session, store: Path, *, older_than: timedelta, at: datetime) -> int:
    """Remove what no row stands for: files that were dropped or whose transaction was rolled back, drafts of a process that was killed.

    Only what has lain there for longer than `older_than` is looked at, and each file is judged again under the lock that
    `receive` holds from before the bytes take their place until its row is committed. So a file that is sent anew at this
    very moment is kept. Returns how many were removed; at most a thousand, the rest is for the next time.
    """
    before = (at - older_than).timestamp()
    removed = 0
    for draft in _older(store / "drafts", before):
        draft.unlink(missing_ok=True)
        removed += 1
    for shelf, column in (("originals", StoredFile.sha256), ("copies", StoredFile.copy_sha256)):
        folders = sorted((store / shelf).iterdir()) if (store / shelf).is_dir() else []
        there = [path for folder in folders for path in _older(folder, before)]
        for first in range(0, len(there), _ASKED_AT_ONCE):
            asked = there[first : first + _ASKED_AT_ONCE]
            known = set(session.scalars(_kept(column).where(column.in_([path.name for path in asked]))))
            for path in asked:
                if removed >= SWEPT_AT_MOST:
                    return removed
                if path.name not in known:
                    removed += _remove(session, path, column, before)
    return removed


def _kept(column: InstrumentedAttribute[Any]) -> Select[Any]:
    return select(column).where(StoredFile.dropped_at.is_(None))


def _remove(session: Session, path: Path, column: InstrumentedAttribute[Any], before: float) -> bool:
    """Remove one file unless somebody is just sending it, or has sent it since we looked."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_lock_of(path.name)))):
        return False
    if session.scalar(_kept(column).where(column == path.name).limit(1)) is not None:
        return False
    if not any(still == path for still in _older(path.parent, before)):
        return False
    path.unlink(missing_ok=True)
    return True


def _hold(session: Session, sha256: str) -> None:
    """Keep `sweep` off a file until this transaction ends. Any number may send the same file at once."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_lock_of(sha256))))


def _lock_of(sha256: str) -> int:
    return int.from_bytes(hashlib.sha256(f"file:{sha256}".encode()).digest()[:8], "big", signed=True)


def _older(folder: Path, before: float) -> list[Path]:
    """The files of a folder that were last written before a moment, in seconds since 1970."""
    if not folder.is_dir():
        return []
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before:
                    found.append(Path(entry.path))
    return found


def clean_name(name: str) -> str:
    """A file name fit to show: no folders, no control characters, NFC, at most 120 characters with its ending kept."""
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(sign for sign in bare if unicodedata.category(sign)[0] != "C").strip(" .")
    if len(bare) > LONGEST_NAME:
        stem, dot, ending = bare.rpartition(".")
        bare = (
            f"{stem[: LONGEST_NAME - len(ending) - 2]}….{ending}" if dot and len(ending) <= 5 else bare[:LONGEST_NAME]
        )
    return bare or "file"


def _measure(stream: BinaryIO, draft: BinaryIO) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > MOST_BYTES:
            raise FileTooLarge(most=MOST_BYTES // 2**20)
        digest.update(chunk)
        draft.write(chunk)
    if size == 0:
        raise FileEmpty
    draft.flush()
    return size, digest.hexdigest()


def _kind(path: Path) -> str | None:
    """The media type by content; None for what is not taken in."""
    with path.open("rb") as file:
        head = file.read(16)
        if head.startswith(b"%PDF-"):
            file.seek(max(0, path.stat().st_size - 2048))
            tail = file.read()
            return PDF if b"%%EOF" in tail and b"startxref" in tail else None
    try:
        with _opened(path) as image:
            return IMAGE_FORMATS[str(image.format)]
    except NotAnImage:
        return None


def _is_heic(path: Path) -> bool:
    """Whether a file says that it is a HEIC photo, so that its sender can be told what to do."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image whose header was read and whose size is bearable. Nothing is decoded yet."""
    try:
        image = Image.open(path, formats=_OPENED_AS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise TooManyPixels(most=MOST_PIXELS // 1_000_000) from exc
    except _NOT_DECODABLE as exc:
        raise NotAnImage from exc
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise TooManyPixels(most=MOST_PIXELS // 1_000_000)
        yield image


def _working_copy(path: Path) -> bytes:
    """The picture decoded and drawn anew: whatever else the file held does not survive."""
    with _DECODING, _opened(path) as image:
        # A progressive JPEG may hold as many passes over all its pixels as its sender likes, at 75 bytes each: 25 MB would decode
        # for hours. A camera writes one, a careful encoder a dozen.
        if image.format in {"JPEG", "MPO"} and path.read_bytes().count(_SCAN) > MOST_SCANS:
            raise NotAnImage
        try:
            image.draft("RGB", (COPY_SIDE, COPY_SIDE))
            image.thumbnail((COPY_SIDE, COPY_SIDE))
            upright = ImageOps.exif_transpose(image)
            drawn = Image.new("RGB", upright.size, "white")
            if upright.mode in {"RGBA", "LA", "PA", "P"} or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                drawn.paste(upright, mask=upright.getchannel("A"))
            else:
                drawn.paste(upright.convert("RGB"))
            saved = io.BytesIO()
            drawn.save(saved, "JPEG", quality=82, optimize=True)
        except _NOT_DECODABLE as exc:
            raise NotAnImage from exc
    return saved.getvalue()


@contextlib.contextmanager
def _draft(store: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside the others, gone again unless it was settled."""
    folder = store / "drafts"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / secrets.token_hex(16)
    try:
        with path.open("xb") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def _settle(draft: BinaryIO, path: Path, place: Path) -> None:
    """Bytes to the disk, then the name, then the folder that holds the name: after this a crash loses nothing."""
    draft.flush()
    os.fsync(draft.fileno())
    place.parent.mkdir(parents=True, exist_ok=True)
    path.chmod(0o440)
    path.replace(place)
    for folder in (place.parent, place.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _place(store: Path, shelf: str, sha256: str) -> Path:
    return store / shelf / sha256[:2] / sha256


def _hash_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
