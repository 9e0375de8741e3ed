"""Photos that arrive piece by piece, over networks that come and go. Whoever holds the report's secret may send on from where it stopped.

A piece counts once it lies on disk; bytes behind the confirmed ones are written anew. A photo becomes part of its report only when
it is whole and its hash is the one that was announced. What must not live here: who may send (the secret), and what a photo is (`files`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from trace.errors import Invalid, NotFound
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto, TipState, TipUpload
from trace.services import files, tips

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST_PIECE = 512 * 1024
HEX = frozenset("0123456789abcdef")


class NotAnnounced(Invalid):
    """A photo is announced by its size and its SHA-256 hash.

    Choose the photo again.
    """


class PieceTooLarge(Invalid):
    """This piece goes beyond the end of the photo, or is larger than one piece may be.

    Choose the photo again.
    """


@dataclass(frozen=True)
class Progress:
    """How far a photo has come. `id` is None once it belongs to the report."""

    id: UUID | None
    offset: int
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether every byte has arrived."""
        return self.offset == self.size


def begin(session: Session, tip: Tip, *, size: int, sha256: str, at: datetime) -> Progress:
    """Announce a photo, or find out how far the same one has come: announced twice it is one."""
    if len(sha256) != 64 or not set(sha256) <= HEX:
        raise NotAnnounced
    if size <= 0:
        raise files.FileEmpty
    if size > files.MOST_BYTES:
        raise files.FileTooLarge(most=files.MOST_BYTES // 2**20)
    if tip.state is TipState.CLOSED:
        raise tips.TipIsClosed
    room = tips.room_for_photos(session, tip)  # the tip's row stays locked
    there = select(TipPhoto.id).join(StoredFile).where(TipPhoto.tip_id == tip.id, StoredFile.sha256 == sha256)
    if session.scalar(there) is not None:
        return Progress(None, size, size)
    known = session.scalars(select(TipUpload).where(TipUpload.tip_id == tip.id, TipUpload.sha256 == sha256)).first()
    if known is not None:
        known.touched_at = at
        session.flush()
        return Progress(known.id, known.received, known.size)
    underway = session.scalars(select(func.count()).select_from(TipUpload).where(TipUpload.tip_id == tip.id)).one()
    if room <= underway:
        raise tips.TooManyPhotos(most=tips.MOST_PHOTOS)
    made = TipUpload(tip_id=tip.id, sha256=sha256, size=size, received=0, touched_at=at)
    session.add(made)
    session.flush()
    return Progress(made.id, 0, size)


def progress(session: Session, tip: Tip, upload_id: UUID) -> Progress:
    """How far a photo has come."""
    found = session.scalars(
        select(TipUpload).where(TipUpload.id == upload_id, TipUpload.tip_id == tip.id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return Progress(found.id, found.received, found.size)


def append(
    session: Session, store: Path, tip: Tip, upload_id: UUID, *, offset: int, piece: bytes, at: datetime
) -> Progress:
    """Put a piece to a photo. A piece for another place than the next is not taken; the answer says where to go on.

    What is whole but is not what was announced begins anew.
    """
    statement = select(TipUpload).where(TipUpload.id == upload_id, TipUpload.tip_id == tip.id).with_for_update()
    found = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    if len(piece) > MOST_PIECE or offset + len(piece) > found.size:
        raise PieceTooLarge
    path = _part(store, upload_id)
    on_disk = path.stat().st_size if path.is_file() else 0
    if on_disk < found.received:
        found.received = 0  # the disk lost what had been confirmed: better slow than wrong
    if offset == found.received:
        _write(path, offset, piece)
        found.received += len(piece)
    if found.received == found.size and _hash_of(path) != found.sha256:
        found.received = 0
    found.touched_at = at
    session.flush()
    return Progress(found.id, found.received, found.size)


def finish(session: Session, store: Path, tip: Tip, upload_id: UUID, *, at: datetime) -> TipPhoto:
    """Make a whole photo part of its report, with a copy without metadata, and let go of the pieces.

    Raises what `files.receive` raises for what is no photo; then the caller drops the upload.
    """
    path = _part(store, upload_id)
    with path.open("rb") as stream:
        # A file's own name may say who sent it.
        stored = files.receive(session, store, stream, name=tip.number, at=at, by=None, kinds=files.IMAGES)
    photo = tips.add_photo(session, tip, stored, at=at)
    drop(session, store, tip, upload_id)
    return photo


def drop(session: Session, store: Path, tip: Tip, upload_id: UUID) -> None:
    """Let go of a photo on its way."""
    session.execute(delete(TipUpload).where(TipUpload.id == upload_id, TipUpload.tip_id == tip.id))
    _part(store, upload_id).unlink(missing_ok=True)


def clear(session: Session, store: Path, *, before: datetime) -> int:
    """Drop photos that nobody has sent on since a moment, and pieces that no row stands for; returns how many."""
    gone = session.scalars(delete(TipUpload).where(TipUpload.touched_at < before).returning(TipUpload.id)).all()
    for upload_id in gone:
        _part(store, upload_id).unlink(missing_ok=True)
    folder = store / "uploads"
    orphans = (
        [path for path in folder.iterdir() if path.stat().st_mtime < before.timestamp()] if folder.is_dir() else []
    )
    known = {str(each) for each in session.scalars(select(TipUpload.id))} if orphans else set()
    for path in orphans:
        if path.name not in known:
            path.unlink(missing_ok=True)
    return len(gone)


def _part(store: Path, upload_id: UUID) -> Path:
    return store / "uploads" / str(upload_id)


def _write(path: Path, offset: int, piece: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as part:
        part.seek(offset)
        part.write(piece)
        part.truncate()
        part.flush()
        os.fsync(part.fileno())


def _hash_of(path: Path) -> str:
    with path.open("rb") as part:
        return hashlib.file_digest(part, "sha256").hexdigest()
