"""Evidence of a case: taken in under a folio that is given once, with its hash and the chain of who had it in hand.

Every step hashes the bytes on disk anew, so a row never vouches for a file that nobody looked at. The caller holds the lock on
the case where a folio is given. What must not live here: who may look (the guard), and receiving files (`trace.services.files`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement.models import (
    CaseFile,
    CustodyEvent,
    Evidence,
    Observation,
    ObservationPhoto,
    Signal,
    SignalSource,
)
from trace.errors import Conflict, NotFound
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto
from trace.services import files, history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session


class EvidenceDamaged(Conflict):
    """The file %(name)s on disk is not the one that was received, so it was not taken into the case.

    Tell the administrator at once: the file store has changed.
    """


class AlreadyEvidence(Conflict):
    """This file is already in the case, as folio %(folio)s.

    A file is taken into a case once.
    """


@dataclass(frozen=True)
class Mismatch:
    """A piece of evidence whose bytes are not what was taken in. `found` None: the file is gone."""

    evidence_id: UUID
    case_number: str
    folio: int
    expected: str
    found: str | None


@dataclass(frozen=True)
class Candidate:
    """A photo that came with a signal of the case, whether taken in or not."""

    file: StoredFile
    source: SignalSource
    number: str
    taken_at: datetime
    taken_by: UUID | None


def take(
    session: Session,
    case: CaseFile,
    file: StoredFile,
    *,
    title: str,
    origin: str,
    taken_at: datetime,
    taken_by: UUID | None,
    store: Path,
    by: UUID,
    at: datetime,
) -> Evidence:
    """Take a file into a case under the next folio. `case` is locked by the caller; the bytes are hashed anew first."""
    there = session.scalar(select(Evidence.folio).where(Evidence.case_id == case.id, Evidence.file_id == file.id))
    if there is not None:
        raise AlreadyEvidence(folio=there)
    if (seen := on_disk(store, file)) != file.sha256:
        raise EvidenceDamaged(name=file.name)
    last = session.scalar(select(func.max(Evidence.folio)).where(Evidence.case_id == case.id)) or 0
    made = Evidence(
        case_id=case.id,
        folio=last + 1,
        file_id=file.id,
        sha256=seen,
        title=title,
        origin=origin,
        taken_at=taken_at,
        taken_by=taken_by,
        added_at=at,
        added_by=by,
    )
    session.add(made)
    session.flush()
    session.add(CustodyEvent(evidence_id=made.id, seq=1, deed="taken", at=at, by=by, sha256_seen=seen, note=None))
    history.record(
        session, "evidence:take", made.id, by=by, at=at, changes={"folio": (None, made.folio), "sha256": (None, seen)}
    )
    session.flush()
    return made


def candidates(session: Session, case_id: UUID) -> list[Candidate]:
    """The photos of the case's signals that are not in the case yet, in the order they came; late ones of a tip too."""
    refs: dict[SignalSource, list[UUID]] = {SignalSource.TIP: [], SignalSource.OBSERVATION: []}
    for source, ref in session.execute(select(Signal.source, Signal.source_ref).where(Signal.case_id == case_id)):
        if source in refs:
            refs[source].append(UUID(ref))
    in_case = select(Evidence.file_id).where(Evidence.case_id == case_id)
    found: list[Candidate] = []
    tips = (
        select(StoredFile, Tip.number)
        .join(TipPhoto, TipPhoto.file_id == StoredFile.id)
        .join(Tip, Tip.id == TipPhoto.tip_id)
        .where(Tip.id.in_(refs[SignalSource.TIP]), StoredFile.id.not_in(in_case))
        .order_by(TipPhoto.id)
    )
    found += [
        Candidate(file, SignalSource.TIP, number, file.received_at, None) for file, number in session.execute(tips)
    ]
    observations = (
        select(StoredFile, Observation.number, Observation.seen_at, Observation.inspector_id)
        .join(ObservationPhoto, ObservationPhoto.file_id == StoredFile.id)
        .join(Observation, Observation.id == ObservationPhoto.observation_id)
        .where(Observation.id.in_(refs[SignalSource.OBSERVATION]), StoredFile.id.not_in(in_case))
        .order_by(ObservationPhoto.id)
    )
    found += [
        Candidate(file, SignalSource.OBSERVATION, number, seen_at, inspector_id)
        for file, number, seen_at, inspector_id in session.execute(observations)
    ]
    return list({candidate.file.id: candidate for candidate in reversed(found)}.values())[::-1]


def gather(
    session: Session, case: CaseFile, *, store: Path, by: UUID, at: datetime
) -> tuple[list[Evidence], list[StoredFile]]:
    """Take in every photo of the case's signals that is not there yet; a damaged one is left out and named.

    `case` is locked by the caller, so that no photo comes in twice.
    """
    taken: list[Evidence] = []
    damaged: list[StoredFile] = []
    for candidate in candidates(session, case.id):
        try:
            taken.append(
                take(
                    session,
                    case,
                    candidate.file,
                    # The file's own name came from whoever sent it and may say who that is.
                    title=f"Ảnh kèm {candidate.number}",
                    origin=candidate.number,
                    taken_at=candidate.taken_at,
                    taken_by=candidate.taken_by,
                    store=store,
                    by=by,
                    at=at,
                )
            )
        except EvidenceDamaged:
            damaged.append(candidate.file)
    return taken, damaged


def view(
    session: Session, case_id: UUID, evidence_id: UUID, *, store: Path, by: UUID, at: datetime
) -> tuple[Evidence, str | None]:
    """One piece of evidence to look at, with the hash its bytes have now. Looking is a step of custody and is written down."""
    statement = (
        select(Evidence)
        .where(Evidence.id == evidence_id, Evidence.case_id == case_id)
        .options(joinedload(Evidence.file), joinedload(Evidence.adder))
        .with_for_update(of=Evidence)
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    now_on_disk = on_disk(store, found.file)
    last = session.scalar(select(func.max(CustodyEvent.seq)).where(CustodyEvent.evidence_id == found.id)) or 0
    session.add(
        CustodyEvent(
            evidence_id=found.id,
            seq=last + 1,
            deed="viewed",
            at=at,
            by=by,
            sha256_seen=now_on_disk or "missing",
            note=None,
        )
    )
    session.flush()
    return found, now_on_disk


def custody(session: Session, evidence_id: UUID) -> Sequence[CustodyEvent]:
    """The chain of one piece of evidence, from the beginning."""
    statement = select(CustodyEvent).where(CustodyEvent.evidence_id == evidence_id).order_by(CustodyEvent.seq)
    return session.scalars(statement.options(joinedload(CustodyEvent.author))).all()


def of_case(session: Session, case_id: UUID) -> Sequence[Evidence]:
    """All evidence of a case by folio."""
    statement = select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.folio)
    return session.scalars(statement.options(joinedload(Evidence.file), selectinload(Evidence.custody))).all()


def folio_of(session: Session, case_id: UUID, sha256: str) -> int | None:
    """The folio under which these very bytes are in the case already."""
    same = select(func.min(Evidence.folio)).where(Evidence.case_id == case_id, Evidence.sha256 == sha256)
    return session.scalar(same)


def belongs_to(session: Session, file_id: UUID, *, cases: bool, signals: bool, observations: bool) -> bool:
    """Whether a file belongs to a record of the kinds that somebody may read: evidence, photos of reports, of observations."""
    kinds = (
        (cases, select(Evidence.id).where(Evidence.file_id == file_id)),
        (signals, select(TipPhoto.id).where(TipPhoto.file_id == file_id)),
        (observations, select(ObservationPhoto.id).where(ObservationPhoto.file_id == file_id)),
    )
    return any(session.scalar(statement.limit(1)) is not None for may_read, statement in kinds if may_read)


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
        found = on_disk(store, piece.file)
        if found != piece.sha256:
            wrong.append(Mismatch(piece.id, number, piece.folio, piece.sha256, found))
    return wrong


def on_disk(store: Path, file: StoredFile) -> str | None:
    """The SHA-256 that the original has on disk now; None if it is gone."""
    try:
        with files.original_path(store, file).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
