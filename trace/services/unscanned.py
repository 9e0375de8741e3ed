"""Files that no virus scanner has looked at yet, one after the other: claimed, scanned outside any transaction, noted.

One that the scanner does not read to the end (it may be larger than the scanner is set to read, or gone from the disk) steps back
behind the others. What must not live here: the scanner (`viruses`), and what follows from a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from trace.models.files import StoredFile
from trace.services import files

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST_AT_ONCE = 50
TRIES = 3
"""After so many the file counts as one that the scanner does not read."""
SOON = timedelta(minutes=10)
"""Between the tries; also when a claim has lapsed whose worker was killed."""
RARELY = timedelta(days=1)
"""Between the tries after that: the scanner may have been set to read larger files."""


@dataclass(frozen=True)
class Waiting:
    """A file to be scanned now, and where it lies."""

    file_id: UUID
    path: Path


def claim(session: Session, store: Path, *, at: datetime) -> Waiting | None:
    """The file to scan next: those never asked about first, oldest first. Nobody else gets it for a while."""
    tried = StoredFile.scan_tried_at
    due = or_(
        tried.is_(None), and_(StoredFile.scan_gave_up < TRIES, tried <= at - SOON), tried <= at - RARELY
    )  # fmt: skip
    statement = (
        select(StoredFile)
        .where(StoredFile.scanned_at.is_(None), StoredFile.dropped_at.is_(None), due)
        .order_by(tried.nulls_first(), StoredFile.received_at)
        .limit(1)
    )
    # Not the whole row's lock: with that, nobody could take the file into a case meanwhile.
    found = session.scalars(statement.with_for_update(skip_locked=True, key_share=True)).one_or_none()
    if found is None:
        return None
    found.scan_tried_at = at
    session.flush()
    return Waiting(found.id, files.original_path(store, found))


def note(session: Session, file_id: UUID, virus: str | None, *, at: datetime) -> StoredFile:
    """The scanner came to the end of the file; `virus` is what it found."""
    file = _locked(session, file_id)
    file.scanned_at, file.virus, file.scan_gave_up = at, virus, 0
    session.flush()
    return file


def note_given_up(session: Session, file_id: UUID) -> None:
    """The scanner did not come to the end of the file."""
    _locked(session, file_id).scan_gave_up += 1
    session.flush()


def put_back(session: Session, file_id: UUID, *, at: datetime) -> None:
    """The scanner did not answer at all, which is not the file's fault: it is due again at once."""
    file = _locked(session, file_id)
    file.scan_tried_at = at - RARELY if file.scan_gave_up else None
    session.flush()


def waits(file: StoredFile) -> bool:
    """Whether a scanner has still to look at this file, and may be expected to."""
    return file.scanned_at is None and not unreadable(file)


def unreadable(file: StoredFile) -> bool:
    """Whether the scanner has given up on this file so often that waiting for it would be for good."""
    return file.scanned_at is None and file.scan_gave_up >= TRIES


def _locked(session: Session, file_id: UUID) -> StoredFile:
    statement = select(StoredFile).where(StoredFile.id == file_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()
