"""Photos taken in before it was noted how a picture looks: some at a time, until none is left. Each is looked at once, whatever comes of it.

What must not live here: the hash (`likeness`), photos that come now (`files.receive`), and what likeness means for a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
from sqlalchemy import select

from trace.models.files import StoredFile
from trace.services import files, likeness

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

AT_ONCE = 100
FAULTS = 3
"""After so many faults that may be those of the whole disk nothing more is tried."""
OF_ONE = (PermissionError, IsADirectoryError, NotADirectoryError)
"""Faults of one file, whatever the disk does."""


class Looked(NamedTuple):
    """How many photos were looked at, and those that could not be read.

    `failed`: those that the disk would not give, and that wait on. `stopped`: the disk itself does not answer.
    """

    photos: int
    unreadable: list[UUID]
    failed: list[UUID]
    stopped: bool


def look(session: Session, store: Path, *, at: datetime, most: int = AT_ONCE, but: Collection[UUID] = ()) -> Looked:
    """Note how so many photos look that wait for it, oldest first. `but`: without these, which were tried just now.

    One whose copy is gone or cannot be read is noted as looked at, without a likeness. One that the disk does not give waits, and holds
    up no other. If the disk itself does not answer, the rest waits.
    """
    waiting = select(StoredFile).where(
        StoredFile.likened_at.is_(None),
        StoredFile.likeness.is_(None),
        StoredFile.copy_sha256.is_not(None),
        StoredFile.dropped_at.is_(None),
        StoredFile.id.not_in(but),
    )
    oldest = waiting.order_by(StoredFile.received_at).limit(most).with_for_update(skip_locked=True)
    found = session.scalars(oldest).all()
    if not store.is_dir():
        return Looked(0, [], [], stopped=bool(found))
    looked = faults = 0
    unreadable: list[UUID] = []
    failed: list[UUID] = []
    for file in found:
        copy = files.copy_path(store, file)
        try:
            file.likeness = likeness.of_picture(copy.read_bytes()) if copy is not None else None
        except (FileNotFoundError, Image.DecompressionBombError, SyntaxError, ValueError):
            unreadable.append(file.id)
        except OSError as exc:
            if exc.errno is not None:  # of the disk; a picture that was cut off has no number
                failed.append(file.id)
                faults += not isinstance(exc, OF_ONE)
                if faults == FAULTS:
                    break
                continue
            unreadable.append(file.id)
        file.likened_at = at
        looked += 1
    session.flush()
    return Looked(looked, unreadable, failed, stopped=faults == FAULTS)
