"""Right holders' requests to handle an infringement: taken in with what the law asks of them, reviewed within their clock.

Each raises a signal, since the goods are to be looked at whatever becomes of the paper. Whom a request accuses stands in the request alone,
never in a summary. What must not live here: the case that may follow (`triage`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import intake, intake_book, intake_clocks, law, records, reporters, triage
from enforcement.models import (
    InfringementRequest,
    IntakeClockKind,
    IntakeFile,
    IntakeKind,
    IntakeRecord,
    Outcome,
    RequestMeasure,
    RequestState,
    RequestSupplement,
    SignalSource,
    SignalState,
    What,
)
from enforcement.records import Faults, Heard, PaperFaults
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.titles import ProtectionTitle
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.models.files import StoredFile

REASON_MOST = 2000
EVIDENCE_MOST = 30


class RequestAnswered(Conflict):
    """This request has been answered already.

    Load the page again to see the answer.
    """


class AnswerMissing(Invalid):
    """Say why, in at most %(most)s characters; the right holder reads it.

    Fill in the reason.
    """


class Lack(StrEnum):
    """What a request still lacks, for its reader to see. None of it keeps a request out."""

    NO_FILES = "no_files"
    POWER_NOT_CERTIFIED = "power_not_certified"
    TITLE_NOT_HERE = "title_not_here"
    TITLE_EXPIRED = "title_expired"


@dataclass(frozen=True)
class Asked:
    """What the paper says (Decree 65/2023 Articles 89–90)."""

    dated: date
    authority: str
    requester: str
    requester_address: str
    infringer: str
    acted_on: date
    measures: Sequence[RequestMeasure]
    evidence: Sequence[str]
    signed_by: str
    agent: str | None = None
    poa_number: str | None = None
    poa_dated: date | None = None
    poa_certified: bool = False
    infringer_address: str | None = None
    title_id: UUID | None = None
    right_in_words: str | None = None


@dataclass(frozen=True)
class Brought:
    """What came after the request itself: papers, the certified power of attorney, the title that they name, or a word about them."""

    received_at: datetime
    files: Sequence[StoredFile] = ()
    poa_certified: bool = False
    title_id: UUID | None = None
    note: str | None = None


def take(session: Session, heard: Heard, asked: Asked, *, keyring: Keyring, by: UUID, at: datetime) -> IntakeRecord:
    """Take a request in: number, clock, signal. Everything that is missing is told at once."""
    faults = [*records.faults_of(heard, at), *_faults(session, heard, asked)]
    if faults:
        raise PaperFaults(faults=tuple(faults))
    record = records.add(session, IntakeKind.REQUEST, heard, keyring=keyring, by=by, at=at)
    record.request = InfringementRequest(
        record_id=record.id,
        dated=asked.dated,
        authority=asked.authority.strip(),
        requester=asked.requester.strip(),
        requester_address=asked.requester_address.strip(),
        agent=asked.agent or None,
        poa_number=asked.poa_number or None,
        poa_dated=asked.poa_dated,
        poa_certified=asked.poa_certified,
        infringer=asked.infringer.strip(),
        infringer_address=asked.infringer_address or None,
        title_id=asked.title_id,
        right_in_words=asked.right_in_words or None,
        acted_on=asked.acted_on,
        measures=[measure.value for measure in asked.measures],
        evidence=list(asked.evidence),
        signed_by=asked.signed_by.strip(),
        state=RequestState.RECEIVED,
    )
    session.flush()
    title = session.get(ProtectionTitle, asked.title_id) if asked.title_id else None
    records.put_on_desk(
        session, record, SignalSource.RIGHT_HOLDER, What.REQUEST, source_ref=str(record.id), key=f"record:{record.id}",
        facts={"product": title.name} if title else {}, by=by, at=at,
    )  # fmt: skip
    intake_clocks.start(session, record, IntakeClockKind.REQUEST_REVIEW, began=heard.received_at, law=law.load(session))
    return record


def titles(session: Session) -> list[tuple[UUID, str]]:
    """The titles that a request may rest on, by name."""
    rows = session.execute(select(ProtectionTitle.id, ProtectionTitle.name).order_by(ProtectionTitle.name))
    return [(title_id, name) for title_id, name in rows]


def lacks(record: IntakeRecord, *, at: datetime) -> list[Lack]:
    """What to ask the right holder for."""
    request = record.request
    if request is None:
        return []
    found = []
    if not record.files:
        found.append(Lack.NO_FILES)
    if request.agent and not request.poa_certified:
        found.append(Lack.POWER_NOT_CERTIFIED)
    if request.title is None:
        found.append(Lack.TITLE_NOT_HERE)
    elif request.title.expires_on is not None and request.title.expires_on < at.astimezone(CITY).date():
        found.append(Lack.TITLE_EXPIRED)
    return found


def accept(session: Session, record_id: UUID, *, reason: str, by: UUID, at: datetime) -> InfringementRequest:
    """The request is complete and will be worked on."""
    return _answer(session, record_id, RequestState.ACCEPTED, reason, by=by, at=at)


def refuse(session: Session, record_id: UUID, *, reason: str, by: UUID, at: datetime) -> InfringementRequest:
    """The request is not worked on, with the reason that the right holder reads. Its signal, if undecided, is put aside with it."""
    request = _answer(session, record_id, RequestState.REFUSED, _said(reason), by=by, at=at)
    signal = intake_book.signal_of(session, record_id)
    if signal is not None and signal.state in {SignalState.NEW, SignalState.WAITING}:
        triage.reject(session, signal.id, reason=request.reason or "", outcome=Outcome.UNDETERMINED, by=by, at=at)
    return request


def ask_for_more(session: Session, record_id: UUID, *, reason: str, by: UUID, at: datetime) -> InfringementRequest:
    """Ask the right holder to complete the papers; the clock gets the longer time that its rule allows for that."""
    said = _said(reason)
    request = _open(session, record_id)
    rules = law.load(session)
    clock = intake_clocks.running(session, record_id, IntakeClockKind.REQUEST_REVIEW)
    longer = intake_clocks.extensions(clock, rules, at=at, certain=False)
    if longer:
        intake_clocks.extend(
            session, record_id, IntakeClockKind.REQUEST_REVIEW, longer[0], law=rules, note=said, by=by, at=at
        )
    history.record(
        session, "request:ask", record_id, by=by, at=at, changes={"state": (request.state, RequestState.SUPPLEMENT)}, why=said
    )  # fmt: skip
    request.state, request.reason = RequestState.SUPPLEMENT, said
    session.flush()
    return request


def supplement(session: Session, record_id: UUID, brought: Brought, *, by: UUID, at: datetime) -> RequestSupplement:
    """Take in what a right holder brings after the request: the desk's turn again, while the clock that was given runs on.

    A signal that waits comes back to the queue. All faults are told at once.
    """
    request = _open(session, record_id)
    record = session.get_one(IntakeRecord, record_id)
    held = set(session.scalars(select(IntakeFile.file_id).where(IntakeFile.record_id == record_id)))
    files = [file for file in dict.fromkeys(file.id for file in brought.files) if file not in held]
    if faults := _faults_brought(session, request, record, brought, files, at=at):
        raise PaperFaults(faults=tuple(faults))
    made = RequestSupplement(
        record_id=record_id,
        asked=request.reason if request.state is RequestState.SUPPLEMENT else None,
        received_at=brought.received_at,
        recorded_at=at,
        recorded_by=by,
        poa_certified=brought.poa_certified,
        title_id=brought.title_id,
        note=(brought.note or "").strip() or None,
    )
    session.add(made)
    session.flush()
    record.files += [IntakeFile(file_id=file_id, supplement_id=made.id) for file_id in files]
    changes: dict[str, tuple[object, object]] = {"state": (request.state, RequestState.RECEIVED)}
    if files:
        changes["files"] = (len(held), len(held) + len(files))
    if brought.poa_certified:
        changes["poa_certified"] = (request.poa_certified, True)
        request.poa_certified = True
    before = request.title.name if request.title else None
    if brought.title_id is not None and brought.title_id != request.title_id:
        changes["title"] = (request.title_id, brought.title_id)
        request.title_id = brought.title_id
    history.record(session, "request:supplement", record_id, by=by, at=at, changes=changes, why=made.note)
    request.state, request.reason = RequestState.RECEIVED, None
    session.flush()
    session.expire(request, ["title", "supplements"])
    _tell_desk(session, request, before, by=by, at=at)
    return made


def _tell_desk(session: Session, request: InfringementRequest, before: str | None, *, by: UUID, at: datetime) -> None:
    """Let the signal name the goods of a title that is known only now, and bring it back if it waits.

    `before`: the title the request named until now. Goods that a label's order names stay.
    """
    signal = intake_book.signal_of(session, request.record_id)
    if signal is None:
        return
    reporters.bring_back(session, signal.id, by=by, at=at)
    if request.title is not None and signal.facts.get("product") in {None, before}:
        signal.facts = signal.facts | {"product": request.title.name}
        signal.summary = intake.summary(signal.what, signal.facts)
        session.flush()


def _faults_brought(
    session: Session, request: InfringementRequest, record: IntakeRecord, brought: Brought, files: Sequence[UUID], *, at: datetime
) -> list[Faults]:  # fmt: skip
    unknown_title = brought.title_id is not None and session.get(ProtectionTitle, brought.title_id) is None
    tests = {
        Faults.RECEIVED: not record.received_at <= brought.received_at <= at,
        Faults.FILES: len(brought.files) > records.FILES_MOST,
        Faults.POWER_OF_ATTORNEY: brought.poa_certified and not request.agent,
        Faults.RIGHT: unknown_title,
        Faults.NOTE: len((brought.note or "").strip()) > REASON_MOST,
        Faults.NOTHING_NEW: not (
            files
            or (brought.poa_certified and not request.poa_certified)
            or brought.title_id not in {None, request.title_id}
            or (brought.note or "").strip()
        ),
    }
    return [fault for fault, is_so in tests.items() if is_so]


def _answer(
    session: Session, record_id: UUID, state: RequestState, reason: str, *, by: UUID, at: datetime
) -> InfringementRequest:
    request = _open(session, record_id)
    said = reason.strip()[:REASON_MOST] or None
    history.record(
        session, "request:answer", record_id, by=by, at=at, changes={"state": (request.state, state)}, why=said
    )
    request.state, request.reason, request.decided_at, request.decided_by = state, said, at, by
    session.flush()
    intake_clocks.end(session, record_id, IntakeClockKind.REQUEST_REVIEW, at=at)
    return request


def _open(session: Session, record_id: UUID) -> InfringementRequest:
    found = session.scalars(
        select(InfringementRequest).where(InfringementRequest.record_id == record_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.state in {RequestState.ACCEPTED, RequestState.REFUSED}:
        raise RequestAnswered
    return found


def _said(reason: str) -> str:
    said = reason.strip()
    if not said or len(said) > REASON_MOST:
        raise AnswerMissing(most=REASON_MOST)
    return said


def _faults(session: Session, heard: Heard, asked: Asked) -> list[Faults]:
    received = heard.received_at.astimezone(CITY).date()
    agent_without_power = bool(asked.agent) and not (asked.poa_number and asked.poa_dated)
    late_power = asked.poa_dated is not None and asked.poa_dated > asked.dated
    no_right = asked.title_id is None and not (asked.right_in_words or "").strip()
    unknown_title = asked.title_id is not None and session.get(ProtectionTitle, asked.title_id) is None
    tests = {
        Faults.REQUESTER: not (asked.requester.strip() and asked.requester_address.strip() and asked.authority.strip()),
        Faults.INFRINGER: not asked.infringer.strip(),
        Faults.DATES: not asked.acted_on <= asked.dated <= received,
        Faults.POWER_OF_ATTORNEY: agent_without_power or late_power,
        Faults.RIGHT: no_right or unknown_title,
        Faults.MEASURES: not asked.measures,
        Faults.EVIDENCE: not [line for line in asked.evidence if line.strip()] or len(asked.evidence) > EVIDENCE_MOST,
        Faults.SIGNATURE: not asked.signed_by.strip(),
    }
    return [fault for fault, is_so in tests.items() if is_so]
