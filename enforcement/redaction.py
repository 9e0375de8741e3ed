"""Copies of evidence with parts made unreadable for good, for those who may see the matter but not everything in it.

The black is burnt into the dots, nothing else of the original survives, and the original itself stays as it is. PDF and video are
redacted outside and brought here: no tool at run time can promise that nothing stays hidden in them. What must not live here: sharing.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from enforcement import custody, evidence
from enforcement.casebook import said, workable, write
from enforcement.models import CaseFile, CustodyDeed, Evidence, Redaction
from trace.errors import Invalid, Refused
from trace.services import files, history, imaging

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile

Box = tuple[float, float, float, float]
MOST_BOXES = 40


class NoBox(Invalid):
    """Nothing is marked yet, so nothing would be made unreadable.

    Draw a rectangle on the picture, or write its numbers.
    """


class TooManyBoxes(Invalid):
    """More than %(most)s rectangles are marked.

    Cover several places with one larger rectangle.
    """


class BoxOutside(Invalid):
    """Rectangle %(n)s does not lie on the picture: its numbers are percent, left plus width and top plus height at most 100.

    Draw it again, or write other numbers.
    """


class NotAPicture(Invalid):
    """Only pictures can be made unreadable here. A PDF or a video is redacted outside.

    Bring the redacted file in below: it is bound to its original.
    """


class SameAsOriginal(Invalid):
    """This is the original itself, not a redacted copy.

    Choose the file in which the parts were made unreadable.
    """


def draw(
    session: Session,
    case_id: UUID,
    evidence_id: UUID,
    boxes: Sequence[Box],
    *,
    reason: str,
    store: Path,
    by: UUID,
    at: datetime,
) -> Redaction:
    """Make rectangles of a picture black and keep the result as a copy bound to its original."""
    case = workable(session, case_id)
    piece = evidence.get(session, case_id, evidence_id)
    why = said(reason)
    if piece.file.media_type not in files.IMAGES:
        raise NotAPicture
    if faults := _faults(boxes):
        raise Refused(faults)
    _whole(store, piece)
    # What the public sent is redacted from the copy without metadata: its original stays sealed.
    sealed = bool(evidence.from_the_public(session, {piece.file_id}))
    source = files.whole_copy(store, piece.file) if sealed else files.original_path(store, piece.file)
    if source is None:
        raise NotAPicture
    drawn = imaging.picture(source, boxes)
    stored = files.receive(session, store, io.BytesIO(drawn), name=_name(piece), at=at, by=by, kinds=files.IMAGES)
    return _bind(session, case, piece, stored, boxes=boxes, why=why, by=by, at=at)


def bring(
    session: Session,
    case_id: UUID,
    evidence_id: UUID,
    stored: StoredFile,
    *,
    reason: str,
    store: Path,
    by: UUID,
    at: datetime,
) -> Redaction:
    """Take in a copy that was redacted outside, and bind it to its original.

    A picture is drawn anew, for it may hold position, camera, and a thumbnail in which nothing is covered; what was brought is let go.
    Nothing here can do the same for a PDF or a film.
    """
    case = workable(session, case_id)
    piece = evidence.get(session, case_id, evidence_id)
    why = said(reason)
    if stored.sha256 == piece.sha256:
        raise SameAsOriginal
    _whole(store, piece)
    if stored.media_type in files.IMAGES:
        brought = stored
        drawn = imaging.picture(files.original_path(store, brought))
        stored = files.receive(session, store, io.BytesIO(drawn), name=_name(piece), at=at, by=by, kinds=files.IMAGES)
        stored.scanned_at = brought.scanned_at
        session.delete(brought)  # its bytes go with the next sweep
        return _bind(session, case, piece, stored, boxes=(), redrawn=True, why=why, by=by, at=at)
    return _bind(session, case, piece, stored, boxes=(), why=why, by=by, at=at)


def opened(session: Session, found: Redaction, *, by: UUID, at: datetime) -> None:
    """Somebody opens a redacted copy: that is written down, once in one look."""
    changes = {"copy": (None, found.number), "sha256": (None, found.sha256)}
    since = at - evidence.ONE_LOOK
    if history.lately(session, "evidence:open_copy", found.evidence_id, by=by, since=since, changes=changes):
        return
    history.record(session, "evidence:open_copy", found.evidence_id, by=by, at=at, changes=changes)
    session.flush()


def of_file(session: Session, file_id: UUID) -> Sequence[Redaction]:
    """The redacted copies that a file is."""
    return session.scalars(select(Redaction).where(Redaction.file_id == file_id)).all()


def of_piece(session: Session, piece: Evidence, redaction_id: UUID) -> Redaction | None:
    """One redacted copy of this piece."""
    return session.scalars(
        select(Redaction).where(Redaction.id == redaction_id, Redaction.evidence_id == piece.id)
    ).one_or_none()


def _faults(boxes: Sequence[Box]) -> list[Invalid]:
    if not boxes:
        return [NoBox()]
    if len(boxes) > MOST_BOXES:
        return [TooManyBoxes(most=MOST_BOXES)]
    return [
        BoxOutside(n=n)
        for n, (left, top, wide, high) in enumerate(boxes, 1)
        if not (left >= 0 and top >= 0 and wide > 0 and high > 0 and left + wide <= 100 and top + high <= 100)
    ]


def _name(piece: Evidence) -> str:
    return f"but-luc-{piece.folio}-ban-che.jpg"


def _whole(store: Path, piece: Evidence) -> None:
    if evidence.on_disk(store, piece.file) != piece.sha256:
        raise evidence.EvidenceDamaged(name=piece.file.name)


def _bind(
    session: Session,
    case: CaseFile,
    piece: Evidence,
    stored: StoredFile,
    *,
    boxes: Sequence[Box],
    why: str,
    by: UUID,
    at: datetime,
    redrawn: bool = False,
) -> Redaction:
    last = session.scalar(select(func.max(Redaction.number)).where(Redaction.evidence_id == piece.id)) or 0
    areas: list[Any] = [[float(part) for part in box] for box in boxes]
    made = Redaction(
        evidence_id=piece.id, number=last + 1, file_id=stored.id, sha256=stored.sha256, areas=areas, brought=not areas, redrawn=redrawn,
        reason=why, made_at=at, made_by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    note = f"{made.number}: {stored.sha256}"
    custody.step(session, piece, CustodyDeed.REDACTED, by=by, at=at, seen=piece.sha256, note=note)
    facts = {"folio": piece.folio, "copy": made.number, "sha256": stored.sha256}
    write(session, case, "redact", by=by, at=at, note=why, facts=facts)
    history.record(session, "evidence:redact", piece.id, by=by, at=at, changes={"copy": (None, made.number)}, why=why)
    session.flush()
    return made
