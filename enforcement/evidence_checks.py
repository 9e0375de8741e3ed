"""All evidence looked at anew, batch by batch: every byte on disk, every copy that stands in for one. Run at night.

What is to be there is read in one short transaction, hashed outside any, and what is wrong is told at once: the store is larger than
any transaction may last, and what was found stays found if the look breaks off. What must not live here: one piece at a time
(`evidence`), chains (`custody`), and what follows (`alarms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import alarms, evidence
from enforcement.alarms import Fault
from enforcement.models import AlarmKind, Evidence, Redaction
from trace.services import files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile

BATCH = 100


@dataclass(frozen=True)
class Expected:
    """A file that must lie there with this hash. `part` None: the original; else what stands in for it."""

    case_id: UUID
    folio: int
    path: Path
    sha256: str
    part: str | None = None


@dataclass(frozen=True)
class Batch:
    """Some pieces of evidence, in the order of their ids, and every file that belongs to them."""

    pieces: tuple[UUID, ...]
    files: tuple[Expected, ...]


def batch(session: Session, store: Path, *, after: UUID | None = None) -> Batch:
    """The next pieces after one, with what must be on disk of them. Empty after the last."""
    statement = select(Evidence).order_by(Evidence.id).limit(BATCH)
    statement = statement.options(
        joinedload(Evidence.file), selectinload(Evidence.redactions).joinedload(Redaction.file)
    )
    if after is not None:
        statement = statement.where(Evidence.id > after)
    pieces = session.scalars(statement).all()
    return Batch(tuple(piece.id for piece in pieces), tuple(one for piece in pieces for one in _files(store, piece)))


def faults(wanted: Iterable[Expected]) -> Iterator[Fault]:
    """Hash what must be there; each that is not, as soon as it is known. Not to be called within a transaction."""
    for each in wanted:
        found = evidence.hash_of(each.path)
        if found != each.sha256:
            yield Fault(each.case_id, each.folio, AlarmKind.BYTES, each.part or found or "gone")


def infected(session: Session, found: Collection[StoredFile], *, at: datetime) -> list[Fault]:
    """Alarms for files in which a scan that came later found something: originals, and redacted copies that were brought."""
    names = {file.id: file.virus or "" for file in found}
    pieces = session.scalars(select(Evidence).where(Evidence.file_id.in_(names)))
    wrong = [Fault(piece.case_id, piece.folio, AlarmKind.VIRUS, names[piece.file_id]) for piece in pieces]
    copies = select(Redaction).where(Redaction.file_id.in_(names)).options(joinedload(Redaction.evidence))
    wrong += [
        Fault(copy.evidence.case_id, copy.evidence.folio, AlarmKind.VIRUS, f"redaction {copy.number}: {names[copy.file_id]}")
        for copy in session.scalars(copies)
    ]  # fmt: skip
    return alarms.sound(session, wrong, at=at)


def _files(store: Path, piece: Evidence) -> Iterator[Expected]:
    yield Expected(piece.case_id, piece.folio, files.original_path(store, piece.file), piece.sha256)
    copy = files.copy_path(store, piece.file)
    if copy is not None and piece.file.copy_sha256:
        yield Expected(piece.case_id, piece.folio, copy, piece.file.copy_sha256, "copy")
    for redacted in piece.redactions:
        path = files.original_path(store, redacted.file)
        yield Expected(piece.case_id, piece.folio, path, redacted.sha256, f"redaction {redacted.number}")
