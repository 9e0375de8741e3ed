"""Evidence of a case: taken in under a folio that is given once, with its hash and the chain of who had it in hand.

Every step hashes the bytes on disk anew, so a row never vouches for a file that nobody looked at. The caller holds the lock on
the case where a folio is given. What must not live here: who may look (the guard), and receiving files (`trace.services.files`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from geoalchemy2 import WKTElement
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import alarms, custody, membership
from enforcement.alarms import Fault
from enforcement.models import (
    AlarmKind,
    CaseFile,
    CustodyDeed,
    CustodyEvent,
    Evidence,
    IntakeFile,
    IntakeRecord,
    Observation,
    ObservationPhoto,
    Redaction,
    Signal,
    SignalSource,
)
from trace.errors import Conflict, Invalid, NotFound
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto
from trace.services import files, history, pauses, unscanned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
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


class NotScannedYet(Conflict):
    """No virus scanner has looked at this file yet, so only who brought it may take the original out.

    Wait some minutes: the scan is made by itself as soon as the scanner answers.
    """


class ScannerGaveUp(Conflict):
    """The virus scanner does not read this file to its end (it may be too large for it), so only who brought it may take it out.

    Ask the administrator to let the scanner read larger files: it is asked again once a day.
    """


class Quarantined(Conflict):
    """The virus scanner found %(virus)s in this file, so the original is not given out.

    It is kept as evidence. Ask the administrator for a copy on a separate medium.
    """


class OriginalSealed(Conflict):
    """The original of this photo is kept sealed, because somebody who reported sent it: it may say who that is.

    Use the copy without metadata that is shown. The original's hash is checked at every reading all the same.
    """


class NoSuchPlace(Invalid):
    """This is not a position: latitude from -90 to 90, longitude from -180 to 180, accuracy from 0 metres.

    Write for example 20,8561; 106,6822, or leave the field empty.
    """


ONE_LOOK = timedelta(minutes=10)
"""Further pictures of a piece that the same person opens in this time belong to the same look."""
UNREADABLE = "unreadable"
"""What stands in place of a hash when the disk does not give the bytes."""


@dataclass(frozen=True)
class Setting:
    """Where and with what something was taken, as far as it is known."""

    place: str | None = None
    position: tuple[float, float] | None = None
    """Latitude, longitude."""
    accuracy_m: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A photo that came with a signal of the case, whether taken in or not."""

    file: StoredFile
    source: SignalSource
    number: str
    taken_at: datetime
    taken_by: UUID | None
    setting: Setting = Setting()


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
    setting: Setting = Setting(),
) -> Evidence:
    """Take a file into a case under the next folio. `case` is locked by the caller; the bytes are hashed anew first."""
    there = session.scalar(select(Evidence.folio).where(Evidence.case_id == case.id, Evidence.file_id == file.id))
    if there is not None:
        raise AlreadyEvidence(folio=there)
    with pauses.unhurried(session):
        seen = on_disk(store, file)
    if seen is None or seen != file.sha256:
        raise EvidenceDamaged(name=file.name)
    last = session.scalars(select(CaseFile.last_folio).where(CaseFile.id == case.id)).one()
    made = Evidence(
        case_id=case.id,
        folio=last + 1,
        file_id=file.id,
        sha256=seen,
        title=title,
        origin=origin,
        taken_at=taken_at,
        taken_by=taken_by,
        place=setting.place or None,
        location=_point(setting),
        accuracy_m=setting.accuracy_m,
        device=setting.device or None,
        added_at=at,
        added_by=by,
    )
    session.add(made)
    session.flush()
    custody.step(session, made, CustodyDeed.TAKEN, by=by, at=at, seen=seen)
    history.record(
        session, "evidence:take", made.id, by=by, at=at, changes={"folio": (None, made.folio), "sha256": (None, seen)}
    )
    session.flush()
    return made


def candidates(session: Session, case_id: UUID) -> list[Candidate]:
    """The photos of the case's signals that are not in the case yet, in the order they came; late ones of a tip too.

    The signals and the evidence of what was merged into it count as its own.
    """
    ids = membership.members(session, case_id)
    refs: dict[SignalSource, list[UUID]] = {SignalSource.TIP: [], SignalSource.OBSERVATION: []}
    for source, ref in session.execute(select(Signal.source, Signal.source_ref).where(Signal.case_id.in_(ids))):
        if source in refs:
            refs[source].append(UUID(ref))
    in_case = select(Evidence.file_id).where(Evidence.case_id.in_(ids))
    found: list[Candidate] = []
    tips = (
        select(StoredFile, Tip.number, Tip.place)
        .join(TipPhoto, TipPhoto.file_id == StoredFile.id)
        .join(Tip, Tip.id == TipPhoto.tip_id)
        .where(Tip.id.in_(refs[SignalSource.TIP]), StoredFile.id.not_in(in_case))
        .order_by(TipPhoto.id)
    )
    found += [
        Candidate(file, SignalSource.TIP, number, file.received_at, None, Setting(place))
        for file, number, place in session.execute(tips)
    ]
    observations = (
        select(StoredFile, Observation, func.ST_Y(Observation.location), func.ST_X(Observation.location))
        .join(ObservationPhoto, ObservationPhoto.file_id == StoredFile.id)
        .join(Observation, Observation.id == ObservationPhoto.observation_id)
        .where(Observation.id.in_(refs[SignalSource.OBSERVATION]), StoredFile.id.not_in(in_case))
        .order_by(ObservationPhoto.id)
    )
    found += [
        Candidate(
            file, SignalSource.OBSERVATION, seen.number, seen.seen_at, seen.inspector_id,
            Setting(seen.place, (lat, lon) if lat is not None else None, seen.accuracy_m if lat is not None else None),
        )
        for file, seen, lat, lon in session.execute(observations)
    ]  # fmt: skip
    records = (
        select(StoredFile, IntakeRecord.number, Signal.source)
        .join(IntakeFile, IntakeFile.file_id == StoredFile.id)
        .join(IntakeRecord, IntakeRecord.id == IntakeFile.record_id)
        .join(Signal, Signal.record_id == IntakeRecord.id)
        .where(Signal.case_id.in_(ids), StoredFile.id.not_in(in_case))
        .order_by(IntakeFile.id)
    )
    found += [
        Candidate(file, source, number, file.received_at, file.received_from)
        for file, number, source in session.execute(records)
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
                    setting=candidate.setting,
                )
            )
        except EvidenceDamaged:
            damaged.append(candidate.file)
    return taken, damaged


def view(
    session: Session,
    case_id: UUID,
    evidence_id: UUID,
    *,
    store: Path,
    by: UUID,
    at: datetime,
    deed: CustodyDeed = CustodyDeed.VIEWED,
    note: str | None = None,
) -> tuple[Evidence, str | None]:
    """One piece of evidence to look at, with the hash its bytes have now. Looking is a step of custody and is written down.

    What is not what was taken in becomes an alarm; the caller commits that, whatever it answers.
    """
    found = get(session, case_id, evidence_id)
    with pauses.unhurried(session):
        now_on_disk = on_disk(store, found.file)
    custody.step(session, found, deed, by=by, at=at, seen=now_on_disk, note=note)
    if now_on_disk != found.sha256:
        alarms.sound(session, [_changed(found, now_on_disk)], at=at)
    return found, now_on_disk


def look(session: Session, file: StoredFile, *, store: Path, by: UUID, at: datetime) -> None:
    """Somebody opens the copy of a file: of each piece that it is, this is a step of custody, once in one look."""
    seen = select(CustodyEvent.id).where(
        CustodyEvent.evidence_id == Evidence.id,
        CustodyEvent.by == by,
        CustodyEvent.deed.in_((CustodyDeed.VIEWED, CustodyDeed.FETCHED)),
        CustodyEvent.at > at - ONE_LOOK,
    )
    for piece in session.scalars(select(Evidence).where(Evidence.file_id == file.id, ~seen.exists())).all():
        view(session, piece.case_id, piece.id, store=store, by=by, at=at)


def get(session: Session, case_id: UUID, evidence_id: UUID) -> Evidence:
    """One piece of a case or of one merged into it, under its lock."""
    statement = (
        select(Evidence)
        .where(Evidence.id == evidence_id, Evidence.case_id.in_(membership.member_ids(case_id)))
        .options(joinedload(Evidence.file), joinedload(Evidence.adder))
        .with_for_update(of=Evidence)
    )
    found = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found


def copy_changed(session: Session, file: StoredFile, *, at: datetime) -> None:
    """The copy of a file that is shown in pages is not what was drawn: an alarm for every piece that it belongs to."""
    for piece in session.scalars(select(Evidence).where(Evidence.file_id == file.id)):
        tell(session, piece, "copy", at=at)


def tell(session: Session, piece: Evidence, detail: str, *, at: datetime) -> None:
    """Something that stands in for a piece is not what was made: an alarm."""
    alarms.sound(session, [Fault(piece.case_id, piece.folio, AlarmKind.BYTES, detail)], at=at)


def fetch(
    session: Session, case_id: UUID, evidence_id: UUID, *, scanner: str, store: Path, by: UUID, at: datetime
) -> tuple[Evidence, str | None]:
    """The original to take out, with the hash its bytes have now.

    Refused while a scanner has it to see, and after it found something; never given of what the public sent.
    """
    may_go_out(session, get(session, case_id, evidence_id), scanner=scanner, by=by)
    return view(session, case_id, evidence_id, store=store, by=by, at=at, deed=CustodyDeed.FETCHED)


def may_go_out(session: Session, piece: Evidence, *, scanner: str, by: UUID) -> None:
    """Refuse an original that is sealed or not known to be harmless."""
    if from_the_public(session, {piece.file_id}):
        raise OriginalSealed
    harmless(piece.file, scanner=scanner, by=by)


def harmless(file: StoredFile, *, scanner: str, by: UUID) -> None:
    """Refuse to hand out a file in which a scanner found something, or which it has not seen; who brought it knows what it is."""
    if file.virus:
        raise Quarantined(virus=file.virus)
    if scanner and file.scanned_at is None and file.received_from != by:
        raise ScannerGaveUp if unscanned.unreadable(file) else NotScannedYet


def of_case(session: Session, case_id: UUID) -> Sequence[Evidence]:
    """All evidence of a case by folio."""
    statement = select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.folio)
    return session.scalars(statement.options(joinedload(Evidence.file), joinedload(Evidence.adder))).all()


def of_members(session: Session, case_id: UUID) -> list[tuple[Evidence, str]]:
    """All evidence of a case and of those merged into it, each with the number of its own case: its own first, by folio."""
    return with_folios(session, case_id)[0]


def with_folios(session: Session, case_id: UUID) -> tuple[list[tuple[Evidence, str]], dict[UUID, int]]:
    """The same, and the last folio that each of these cases has given, in the same order: read at one moment, so that they agree."""
    ids = membership.members(session, case_id)
    numbers = membership.numbers(session, ids)
    shown = (
        joinedload(Evidence.file),
        joinedload(Evidence.adder),
        joinedload(Evidence.keeper),
        selectinload(Evidence.redactions),
    )
    statement = select(CaseFile.id, CaseFile.last_folio, Evidence).outerjoin(Evidence, Evidence.case_id == CaseFile.id)
    found = session.execute(statement.where(CaseFile.id.in_(ids)).options(*shown).order_by(Evidence.folio)).all()
    found = sorted(found, key=lambda row: ids.index(row[0]))
    given = {id_: last for id_, last, _ in found}
    return [(piece, numbers[id_]) for id_, _, piece in found if piece is not None], given


def from_the_public(session: Session, file_ids: Collection[UUID]) -> set[UUID]:
    """Which of these files came with a report of the public: what else such a photo holds may say who sent it."""
    return set(session.scalars(select(TipPhoto.file_id).where(TipPhoto.file_id.in_(file_ids))))


def position(session: Session, piece: Evidence) -> tuple[float, float] | None:
    """Latitude and longitude of where a piece was taken."""
    where = select(func.ST_Y(Evidence.location), func.ST_X(Evidence.location)).where(Evidence.id == piece.id)
    lat, lon = session.execute(where).one()
    return None if lat is None else (lat, lon)


def folio_of(session: Session, case_id: UUID, sha256: str) -> int | None:
    """The folio under which these very bytes are in the case already."""
    same = select(func.min(Evidence.folio)).where(Evidence.case_id == case_id, Evidence.sha256 == sha256)
    return session.scalar(same)


def belongs_to(session: Session, file_id: UUID, *, cases: bool, signals: bool, observations: bool) -> bool:
    """Whether a file belongs to a record of the kinds that somebody may read: evidence, photos of reports, of observations."""
    kinds = (
        (cases, select(Evidence.id).where(Evidence.file_id == file_id)),
        (cases, select(Redaction.id).where(Redaction.file_id == file_id)),
        (signals, select(TipPhoto.id).where(TipPhoto.file_id == file_id)),
        (signals, select(IntakeFile.id).where(IntakeFile.file_id == file_id)),
        (observations, select(ObservationPhoto.id).where(ObservationPhoto.file_id == file_id)),
    )
    return any(session.scalar(statement.limit(1)) is not None for may_read, statement in kinds if may_read)


def on_disk(store: Path, file: StoredFile) -> str | None:
    """The SHA-256 that the original has on disk now; None if it is gone, `UNREADABLE` if the disk does not give it."""
    return hash_of(files.original_path(store, file))


def hash_of(path: Path) -> str | None:
    """The SHA-256 of a file as it lies there; None if it is gone, `UNREADABLE` if the disk does not give it."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError:
        return UNREADABLE


def _changed(piece: Evidence, found: str | None) -> Fault:
    return Fault(piece.case_id, piece.folio, AlarmKind.BYTES, found or "gone")


def _point(setting: Setting) -> WKTElement | None:
    if setting.position is None:
        if setting.accuracy_m is not None:
            raise NoSuchPlace
        return None
    lat, lon = setting.position
    if not (abs(lat) <= 90 and abs(lon) <= 180) or (setting.accuracy_m or 0) < 0:
        raise NoSuchPlace
    return WKTElement(f"POINT({lon} {lat})", srid=4326)
