"""Issued documents as files: drawn once, put away under their hash, and read from there ever after, whatever becomes of the layout.

What is found damaged is written down until it is whole again, and told to the administrator once as an incident, as with evidence
(`alarms`). What must not live here: drawing (`layout_pdf`, `layout_docx`), and what a document says (`documents`).
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from enforcement.models import Document, DocumentDamage, DocumentFiles
from enforcement.papers import layout_docx, layout_pdf
from enforcement.papers.layout_pdf import Look
from trace.models.incidents import IncidentKind
from trace.services import files, incidents

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MOST_AT_ONCE = 50
BATCH = 100

log = structlog.get_logger("temthat.documents")


@dataclass(frozen=True)
class Looked:
    """What a look at kept files found, by number and ending: damaged now, of these not known before, and whole again."""

    damaged: tuple[str, ...]
    new: tuple[str, ...]
    mended: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """A file of a document that must lie there whole."""

    document_id: UUID
    name: str
    file: StoredFile


@dataclass(frozen=True)
class Batch:
    """Files of some documents, in the order of their ids, and which files were known to be damaged when they were read."""

    files: tuple[Expected, ...]
    known: frozenset[UUID]


@dataclass(frozen=True)
class Damage:
    """One file that was found damaged, and since when it is whole again, if it is."""

    name: str
    found_at: datetime
    whole_at: datetime | None


def keep_waiting(
    session: Session, store: Path, *, at: datetime, cases: Collection[UUID] | None = None, most: int = MOST_AT_ONCE
) -> int:
    """Put away what was issued and is not kept as files yet, longest issued first; of some `cases` alone if they are named. How many.

    What cannot be drawn is logged, passed over, and tried again at the next call.
    """
    waiting = (
        select(Document)
        .where(
            Document.number.is_not(None),
            ~select(DocumentFiles.document_id).where(DocumentFiles.document_id == Document.id).exists(),
        )
        .order_by(Document.issued_at, Document.id)
        .with_for_update(of=Document, skip_locked=True)
    )
    if cases is not None:
        waiting = waiting.where(Document.case_id.in_(cases))
    kept, failed = 0, set[UUID]()
    while kept < most:
        found = session.scalars(waiting.where(Document.id.not_in(failed)).limit(most - kept)).all()
        if not found:
            break
        for document in found:
            document_id = document.id
            try:
                with session.begin_nested():
                    _keep(session, store, document, at=at)
            except OSError:  # of the disk, and no document's fault: the job fails and says so
                raise
            except Exception as exc:  # one that cannot be drawn does not keep back the others
                failed.add(document_id)
                log.error("a document cannot be put away", document=str(document_id), error=type(exc).__name__)  # noqa: TRY400  its text may quote what somebody typed
            else:
                kept += 1
    return kept


def read_pdf(session: Session, store: Path, document: Document) -> bytes | None:
    """The pages as they were issued; None while they are not put away. Raises `files.FileDamaged`."""
    kept = _kept(session, document)
    return None if kept is None else _whole(store, kept.pdf, f"{document.number}.pdf")


def read_docx(session: Session, store: Path, document: Document) -> bytes | None:
    """The same for word processors, whatever became of the pages."""
    kept = _kept(session, document)
    return None if kept is None else _whole(store, kept.docx, f"{document.number}.docx")


def check(
    session: Session, store: Path, *, at: datetime, cases: Collection[UUID] | None = None, document_id: UUID | None = None
) -> Looked:  # fmt: skip
    """Hash kept files anew: all, those of some `cases`, or those of one document. What is newly damaged opens or feeds an incident."""
    wanted = batch(session, cases=cases, document_id=document_id, most=None)
    # All is hashed before anything is written, so that others need not wait.
    return tell(session, wanted, judged(store, wanted), at=at)


def batch(
    session: Session, *, after: UUID | None = None, cases: Collection[UUID] | None = None, document_id: UUID | None = None,
    most: int | None = BATCH,
) -> Batch:  # fmt: skip
    """The next kept documents after one, with what must be on disk of them. Empty after the last."""
    wanted = (
        select(DocumentFiles, Document.number)
        .join(Document, Document.id == DocumentFiles.document_id)
        .order_by(DocumentFiles.document_id)
        .options(joinedload(DocumentFiles.pdf), joinedload(DocumentFiles.docx))
        .limit(most)
    )
    if after is not None:
        wanted = wanted.where(DocumentFiles.document_id > after)
    if cases is not None:
        wanted = wanted.where(Document.case_id.in_(cases))
    if document_id is not None:
        wanted = wanted.where(DocumentFiles.document_id == document_id)
    # What others find while this looks is not taken for mended.
    known = frozenset(session.scalars(select(DocumentDamage.file_id).where(DocumentDamage.whole_at.is_(None))))
    return Batch(
        tuple(
            Expected(row.document_id, f"{number}.{ending}", file)
            for row, number in session.execute(wanted)
            for ending, file in (("pdf", row.pdf), ("docx", row.docx))
        ),
        known,
    )


def judged(store: Path, wanted: Batch) -> list[bool]:
    """Hash what must be there: whether each file is whole. Best called outside any transaction, for it reads all of them."""
    return [files.check(store, each.file) for each in wanted.files]


def tell(session: Session, wanted: Batch, whole: Sequence[bool], *, at: datetime) -> Looked:
    """Write down what was found: damage that is new opens or feeds an incident, what is whole again ends its damage."""
    looked = list(zip(wanted.files, whole, strict=True))
    damaged = [each for each, is_whole in looked if not is_whole]
    new = [each.name for each in damaged if _note(session, each.document_id, each.file.id, at=at)]
    mended = {each.file.id: each.name for each, is_whole in looked if is_whole and each.file.id in wanted.known}
    session.execute(
        update(DocumentDamage)
        .where(DocumentDamage.file_id.in_(list(mended)), DocumentDamage.whole_at.is_(None))
        .values(whole_at=func.greatest(DocumentDamage.found_at, at))
    )
    incidents.add(session, IncidentKind.EVIDENCE_CHANGED, len(new), at=at)
    return Looked(tuple(each.name for each in damaged), tuple(new), tuple(mended.values()))


def damage_of(session: Session, document: Document) -> list[Damage]:
    """What was ever found damaged of a document, latest first."""
    kept = _kept(session, document)
    if kept is None:
        return []
    rows = session.scalars(
        select(DocumentDamage).where(DocumentDamage.document_id == document.id).order_by(DocumentDamage.id.desc())
    )
    endings = {kept.pdf_id: "pdf", kept.docx_id: "docx"}
    return [Damage(f"{document.number}.{endings[row.file_id]}", row.found_at, row.whole_at) for row in rows]


def _note(session: Session, document_id: UUID, file_id: UUID, *, at: datetime) -> bool:
    """Write down that a file is damaged; whether that is new."""
    written = session.scalar(
        insert(DocumentDamage)
        .values(document_id=document_id, file_id=file_id, found_at=at)
        .on_conflict_do_nothing(index_elements=["file_id"], index_where=DocumentDamage.whole_at.is_(None))
        .returning(DocumentDamage.id)
    )
    return written is not None


def _keep(session: Session, store: Path, document: Document, *, at: datetime) -> None:
    if document.sheet is None or document.issued_at is None:
        raise ValueError("only issued documents are kept")
    # As it was issued: a mark that it is void came later and is drawn when somebody looks.
    drawn = (
        ("pdf", files.PDF, layout_pdf.draw(document.sheet, Look(), at=document.issued_at)),
        ("docx", DOCX, layout_docx.draw(document.sheet, Look(), at=document.issued_at)),
    )
    pdf, docx = (
        files.keep(
            session, store, io.BytesIO(content), name=f"{document.form} {document.year} {document.number}.{ending}", media_type=media_type,
            at=at, by=document.signer_id,
        )
        for ending, media_type, content in drawn
    )  # fmt: skip
    session.add(DocumentFiles(document_id=document.id, pdf_id=pdf.id, docx_id=docx.id, kept_at=at))


def _kept(session: Session, document: Document) -> DocumentFiles | None:
    return session.scalars(
        select(DocumentFiles)
        .where(DocumentFiles.document_id == document.id)
        .options(joinedload(DocumentFiles.pdf), joinedload(DocumentFiles.docx))
    ).one_or_none()


def _whole(store: Path, file: StoredFile, name: str) -> bytes:
    try:
        content = files.read_original(store, file)
    except OSError as exc:  # gone, or the disk does not give it
        raise files.FileDamaged(name=name) from exc
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise files.FileDamaged(name=name)
    return content
