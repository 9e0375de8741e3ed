"""All evidence looked at anew: every byte on disk, every copy that stands in for one, every chain. Run at night.

What must not live here: one piece at a time (`evidence`), and what follows (`alarms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from enforcement import alarms, custody, evidence
from enforcement.alarms import Fault
from enforcement.models import AlarmKind, CaseFile, Evidence, Redaction
from trace.services import files

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile


@dataclass(frozen=True)
class Mismatch:
    """A piece of evidence whose bytes are not what was taken in. `found` None: the file is gone."""

    evidence_id: UUID
    case_number: str
    folio: int
    expected: str
    found: str | None


def verify_all(session: Session, store: Path) -> list[Mismatch]:
    """Hash every piece of evidence on disk and name those that are not what was taken in."""
    statement = (
        select(Evidence, CaseFile.number)
        .join(CaseFile, CaseFile.id == Evidence.case_id)
        .options(joinedload(Evidence.file))
        .order_by(CaseFile.number, Evidence.folio)
    )
    wrong = []
    for piece, number in session.execute(statement):
        found = evidence.on_disk(store, piece.file)
        if found != piece.sha256:
            wrong.append(Mismatch(piece.id, number, piece.folio, piece.sha256, found))
    return wrong


def verify_copies(session: Session, store: Path) -> list[Fault]:
    """The same for what stands in for originals: working copies and redacted ones."""
    wrong = []
    for piece in session.scalars(select(Evidence).options(joinedload(Evidence.file))):
        copy = files.copy_path(store, piece.file)
        if copy is not None and evidence.hash_of(copy) != piece.file.copy_sha256:
            wrong.append(Fault(piece.case_id, piece.folio, AlarmKind.BYTES, "copy"))
    statement = select(Redaction).options(joinedload(Redaction.evidence), joinedload(Redaction.file))
    for redacted in session.scalars(statement):
        if evidence.on_disk(store, redacted.file) != redacted.sha256:
            where = redacted.evidence
            wrong.append(Fault(where.case_id, where.folio, AlarmKind.BYTES, f"redaction {redacted.number}"))
    return wrong


def nightly(session: Session, store: Path, *, at: datetime) -> list[Fault]:
    """Everything looked at anew, bytes and chains; what is newly wrong becomes an alarm."""
    cases = {number: case_id for case_id, number in session.execute(select(CaseFile.id, CaseFile.number))}
    originals = [
        Fault(cases[each.case_number], each.folio, AlarmKind.BYTES, each.found or "gone")
        for each in verify_all(session, store)
    ]
    found = [*originals, *verify_copies(session, store)]
    return [*alarms.sound(session, found, at=at), *custody.watch(session, at=at)]


def infected(session: Session, found: Collection[StoredFile], *, at: datetime) -> list[Fault]:
    """Alarms for files in which a scan that came later found something."""
    names = {file.id: file.virus or "" for file in found}
    pieces = session.scalars(select(Evidence).where(Evidence.file_id.in_(names)))
    faults = [Fault(piece.case_id, piece.folio, AlarmKind.VIRUS, names[piece.file_id]) for piece in pieces]
    return alarms.sound(session, faults, at=at)
