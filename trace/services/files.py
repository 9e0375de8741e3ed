"""Files that people send: taken in by what they are, kept under their hash, shown only as a copy without metadata.

What must not live here: who may see a file. That is for the records the file belongs to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import func, select

from trace.errors import Conflict, Invalid, NotFound, TooLarge
from trace.models.files import StoredFile
from trace.services import imaging, likeness, pauses, videos, viruses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

# What pictures are and their refusals, under the names that whoever takes files in knows.
IMAGES, MOST_PIXELS, COPY_MEDIA_TYPE = imaging.IMAGES, imaging.MOST_PIXELS, imaging.COPY_MEDIA_TYPE
NotAnImage, TooManyPixels = imaging.NotAnImage, imaging.TooManyPixels

MOST_BYTES = 25 * 2**20
MOST_VIDEO_BYTES = 2 * 2**30
LONGEST_NAME = 120
PDF = "application/pdf"
ANY_KIND = IMAGES | {PDF}
WITH_VIDEO = ANY_KIND | videos.KINDS
ENDINGS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", PDF: "pdf",
    videos.MP4: "mp4", videos.QUICKTIME: "mov", videos.WEBM: "webm",
}  # fmt: skip
SWEPT_AT_MOST = 1000

_CHUNK = 2**20
_ASKED_AT_ONCE = 5000


class FileTooLarge(TooLarge):
    """The file is larger than %(most)s MB.

    Take the photo with a lower quality, or send a smaller file.
    """


class VideoTooLarge(TooLarge):
    """The video is larger than %(most)s GB.

    Send it in parts, or keep the medium itself as an exhibit under seal.
    """


class FileInfected(Invalid):
    """The virus scanner found %(virus)s in this file, so it was not taken in.

    Keep the medium itself as an exhibit, and tell the administrator.
    """


class FileDamaged(Conflict):
    """The file %(name)s on disk is not the one that was received, so it is not shown.

    The administrator has been told. Do not rely on this file until the original is restored.
    """


class FileEmpty(Invalid):
    """The file is empty.

    Choose the file again.
    """


class FileDropped(Invalid):
    """The file %(name)s is no longer kept; what was recorded from it stays.

    Send the file again if there is more to take from it.
    """


class UnknownFileKind(Invalid):
    """This file is neither a photo nor a PDF that can be read here.

    Send a JPEG, HEIC, PNG or WebP photo, or a PDF.
    """


class UnknownEvidenceKind(UnknownFileKind):
    """This file is neither a photo, a PDF nor a video that can be read here, or it was cut off on the way.

    Send a JPEG, HEIC, PNG or WebP photo, a PDF, or a whole MP4, MOV or WebM video.
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
    scanner: str = "",
) -> StoredFile:
    """Take a file in: measure it, find out what it is, put it on disk for good, and only then write its row.

    The name that came with it decides nothing. `kinds` are the media types that are welcome. `scanner` is the address of a virus
    scanner; one that does not answer keeps nobody out, the file waits (`unscanned`). If the transaction is rolled back the
    bytes stay on disk without a row, never the other way round.
    """
    # The caller has often begun a transaction already: a large film must not be cut off in it.
    with pauses.unhurried(session), _draft(store) as (path, draft):
        size, sha256 = _measure(stream, draft, kinds)
        media_type = _kind(path) or videos.kind_of(path)
        if media_type not in kinds:
            raise _unwelcome(kinds)
        scanned = _scanned(scanner, path)
        copy = imaging.small(path) if media_type in IMAGES else None
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
        likeness=likeness.of_picture(copy) if copy is not None else None,
        likened_at=at if copy is not None else None,
        received_at=at,
        received_from=by,
        scanned_at=at if scanned else None,
    )
    session.add(stored)
    session.flush()
    return stored


def keep(
    session: Session, store: Path, stream: BinaryIO, *, name: str, media_type: str, at: datetime, by: UUID | None
) -> StoredFile:
    """Put a file away that its reader has judged already. It is kept as it came and never shown in a page."""
    with _draft(store) as (path, draft):
        size, sha256 = _measure(stream, draft, ANY_KIND)
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


def whole_copy(store: Path, file: StoredFile) -> Path | None:
    """The copy for showing, hashed just now. None: there is none. Raises `FileDamaged`."""
    copy = copy_path(store, file)
    if copy is not None and _hash_of(copy) != file.copy_sha256:
        raise FileDamaged(name=file.name)
    return copy


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


def _measure(stream: BinaryIO, draft: BinaryIO, kinds: frozenset[str]) -> tuple[int, str]:
    size, digest, most = 0, hashlib.sha256(), MOST_BYTES
    while chunk := stream.read(_CHUNK):
        if size == 0 and videos.seems(chunk[: videos.HEAD]) in kinds:
            most = MOST_VIDEO_BYTES
        size += len(chunk)
        if size > most:
            raise VideoTooLarge(most=most // 2**30) if most > MOST_BYTES else FileTooLarge(most=most // 2**20)
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
    return imaging.kind_of(path)


def _unwelcome(kinds: frozenset[str]) -> Invalid:
    if kinds & videos.KINDS:
        return UnknownEvidenceKind()
    return UnknownFileKind() if PDF in kinds else NotAnImage()


def _scanned(scanner: str, path: Path) -> bool:
    """Whether a scanner saw the file and found nothing. Raises `FileInfected`."""
    if not scanner:
        return False
    try:
        virus = viruses.scan(scanner, path)
    except viruses.NoAnswer:
        return False
    if virus:
        raise FileInfected(virus=virus)
    return True


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
    except OSError:  # gone, or the disk does not give it: neither is what was taken in
        return None
