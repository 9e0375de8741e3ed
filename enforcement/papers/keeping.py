"""Issued documents as files: drawn once, put away under their hash, and read from there ever after, whatever becomes of the layout.

What must not live here: drawing (`layout_pdf`, `layout_docx`), and what a document says (`documents`).
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from enforcement.models import Document, DocumentFiles
from enforcement.papers import layout_docx, layout_pdf
from enforcement.papers.layout_pdf import Look
from trace.services import files

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MOST_AT_ONCE = 50

log = structlog.get_logger("temthat.documents")


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
    return None if kept is None else _whole(store, kept.pdf)


def read_docx(session: Session, store: Path, document: Document) -> bytes | None:
    """The same for word processors, whatever became of the pages."""
    kept = _kept(session, document)
    return None if kept is None else _whole(store, kept.docx)


def damaged(session: Session, store: Path) -> Sequence[str]:
    """The names of kept documents whose bytes on disk are not those that were put away, or are gone."""
    rows = session.scalars(
        select(DocumentFiles)
        .order_by(DocumentFiles.kept_at, DocumentFiles.document_id)
        .options(joinedload(DocumentFiles.pdf), joinedload(DocumentFiles.docx))
    )
    return [file.name for row in rows for file in (row.pdf, row.docx) if not files.check(store, file)]


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


def _whole(store: Path, file: StoredFile) -> bytes:
    try:
        content = files.read_original(store, file)
    except FileNotFoundError as exc:
        raise files.FileDamaged(name=file.name) from exc
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise files.FileDamaged(name=file.name)
    return content
