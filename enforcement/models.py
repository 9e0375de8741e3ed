"""Tables of the case desk (schema `enforcement`) and of the people who trusted us with their name (schema `informant`).

Tables and constraints only; the rules stand in the modules beside this one.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.transitions import CaseState, Move
from trace.models.base import Base, bigint_pk, stored, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Commune, Party

DESK = {"schema": "enforcement"}


class Observation(Base):
    """What an inspector saw in the field, at a place and time, usually of one scanned label."""

    __tablename__ = "observation"
    __table_args__ = (
        CheckConstraint("length(btrim(note)) BETWEEN 1 AND 4000", name="note_present"),
        CheckConstraint("accuracy_m >= 0", name="accuracy_not_negative"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    serial: Mapped[int | None] = mapped_column(BigInteger, index=True)
    code_text: Mapped[str | None]
    seen_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    inspector_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str]
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    accuracy_m: Mapped[int | None]
    note: Mapped[str]

    inspector: Mapped[AppUser] = relationship()
    commune: Mapped[Commune] = relationship()
    photos: Mapped[list[ObservationPhoto]] = relationship(order_by="ObservationPhoto.id")


class ObservationPhoto(Base):
    """A photo of an observation."""

    __tablename__ = "observation_photo"
    __table_args__ = (UniqueConstraint("observation_id", "file_id"), DESK)

    id: Mapped[bigint_pk]
    observation_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.observation.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))

    file: Mapped[StoredFile] = relationship()


class SignalSource(StrEnum):
    """Where a signal comes from."""

    TIP = "tip"
    OBSERVATION = "observation"
    SYSTEM = "system"
    RIGHT_HOLDER = "right_holder"
    AGENCY = "agency"


class SignalState(StrEnum):
    """A signal is new, waits for something, went into a case, or was put aside with a reason."""

    NEW = "new"
    WAITING = "waiting"
    IN_CASE = "in_case"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """How a signal or case ended. Kept apart finely, because outcomes calibrate detection."""

    INFRINGEMENT = "infringement"
    EXPOSED_CODE = "exposed_code"
    DATA_ERROR = "data_error"
    NO_VIOLATION = "no_violation"
    UNDETERMINED = "undetermined"


class CaseFile(Base):
    """A case: its state, its officer, its dates. Both numbers keep working when one case is merged into another."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint("(state IN ('closed', 'archived')) = (closed_at IS NOT NULL)", name="closed_at_iff_closed"),
        CheckConstraint("closed_at IS NULL OR outcome IS NOT NULL", name="outcome_when_closed"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        CheckConstraint("length(btrim(title)) BETWEEN 1 AND 200", name="title_present"),
        Index(None, "state", "next_due_at"),
        Index("ix_case_file_folded", text("public.fold(title) gin_trgm_ops"), postgresql_using="gin"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[CaseState]
    severity: Mapped[int]
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    suspect_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    legal_qualification: Mapped[LegalQualification | None]
    act_ended_on: Mapped[date | None]
    rule_version: Mapped[str]
    next_due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    officer: Mapped[AppUser | None] = relationship(foreign_keys=[officer_id])
    opener: Mapped[AppUser] = relationship(foreign_keys=[opened_by])
    commune: Mapped[Commune | None] = relationship()
    suspect: Mapped[Party | None] = relationship()
    signals: Mapped[list[Signal]] = relationship(back_populates="case", order_by="Signal.received_at")
    events: Mapped[list[CaseEvent]] = relationship(order_by="CaseEvent.seq")
    deadlines: Mapped[list[Deadline]] = relationship(order_by="Deadline.due_at")
    evidence: Mapped[list[Evidence]] = relationship(order_by="Evidence.folio")

    __mapper_args__ = {"version_id_col": version}


class Signal(Base):
    """Something that may be an infringement, waiting for a person. One per source and reference, by constraint."""

    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        CheckConstraint("(state = 'in_case') = (case_id IS NOT NULL)", name="case_iff_in_case"),
        CheckConstraint(
            "state <> 'rejected' OR (reason IS NOT NULL AND outcome IS NOT NULL)", name="reason_when_rejected"
        ),
        CheckConstraint(
            "state <> 'waiting' OR (reason IS NOT NULL AND wait_until IS NOT NULL)", name="reason_when_waiting"
        ),
        CheckConstraint("(state = 'new') = (decided_by IS NULL)", name="decider_unless_new"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        Index("ix_signal_queue", "state", "severity", "received_at"),
        DESK,
    )

    id: Mapped[uuid_pk]
    source: Mapped[SignalSource]
    source_ref: Mapped[str]
    source_number: Mapped[str]
    serial: Mapped[int | None] = mapped_column(BigInteger, index=True)
    holder_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"), index=True)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str | None]
    summary: Mapped[str]
    severity: Mapped[int]
    received_at: Mapped[datetime]
    state: Mapped[SignalState]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    reason: Mapped[str | None]
    outcome: Mapped[Outcome | None]
    wait_until: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    case: Mapped[CaseFile | None] = relationship(back_populates="signals")
    commune: Mapped[Commune | None] = relationship()
    holder: Mapped[Party | None] = relationship()
    decider: Mapped[AppUser | None] = relationship()


class CaseEvent(Base):
    """One deed in a case. Append-only; `seq` has no gaps within a case. `move` is empty for deeds that change no state."""

    __tablename__ = "case_event"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        CheckConstraint("(move IS NULL) = (becomes IS NULL)", name="move_has_target"),
        CheckConstraint("seq > 0", name="seq_positive"),
        DESK,
    )

    id: Mapped[bigint_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    deed: Mapped[str]
    move: Mapped[Move | None]
    was: Mapped[CaseState | None] = mapped_column(stored(CaseState, "was"))
    becomes: Mapped[CaseState | None] = mapped_column(stored(CaseState, "becomes"))
    note: Mapped[str | None]
    facts: Mapped[dict[str, Any]]

    author: Mapped[AppUser] = relationship()


class DeadlineRule(Base):
    """A legal clock as dated data: length, unit, legal basis, version. What is not confirmed says so."""

    __tablename__ = "deadline_rule"
    __table_args__ = (
        UniqueConstraint("kind", "version"),
        CheckConstraint("amount > 0", name="amount_positive"),
        DESK,
    )

    id: Mapped[bigint_pk]
    kind: Mapped[DeadlineKind]
    amount: Mapped[int]
    unit: Mapped[Unit]
    basis: Mapped[str]
    version: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    needs_verification: Mapped[bool]
    rolls: Mapped[bool]
    counts_start_day: Mapped[bool]
    extensions: Mapped[dict[str, Any]]


class Deadline(Base):
    """A clock running in a case. It keeps the rule it was started under. An extension is decided before expiry."""

    __tablename__ = "deadline"
    __table_args__ = (
        CheckConstraint("due_at > started_at", name="due_after_start"),
        CheckConstraint("met_at IS NULL OR stopped_at IS NULL", name="met_or_stopped"),
        Index(
            "uq_deadline_running",
            "case_id",
            "kind",
            unique=True,
            postgresql_where=text("met_at IS NULL AND stopped_at IS NULL"),
        ),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    kind: Mapped[DeadlineKind]
    basis: Mapped[str]
    rule_version: Mapped[str]
    needs_verification: Mapped[bool]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    note: Mapped[str | None]


class Evidence(Base):
    """A file taken into a case under a folio number that is given once and never reused."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("case_id", "folio"),
        UniqueConstraint("case_id", "file_id"),
        CheckConstraint("folio > 0", name="folio_positive"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    folio: Mapped[int]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    sha256: Mapped[str]
    title: Mapped[str]
    origin: Mapped[str]
    taken_at: Mapped[datetime]
    taken_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()
    adder: Mapped[AppUser] = relationship(foreign_keys=[added_by])
    custody: Mapped[list[CustodyEvent]] = relationship(order_by="CustodyEvent.seq")


class CustodyEvent(Base):
    """One step in the custody of a piece of evidence: taken in, viewed, handed on. Append-only, no gaps in `seq`."""

    __tablename__ = "custody_event"
    __table_args__ = (UniqueConstraint("evidence_id", "seq"), DESK)

    id: Mapped[bigint_pk]
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.evidence.id"))
    seq: Mapped[int]
    deed: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sha256_seen: Mapped[str]
    note: Mapped[str | None]

    author: Mapped[AppUser] = relationship()


class InformantContact(Base):
    """How to reach the person behind a tip, sealed under a key of its own. Nothing else in the system leads here.

    Once the consent is withdrawn the seal and what is in it are gone; that there was one, and when it went, stays.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("(sealed IS NULL) = (withdrawn_at IS NOT NULL)", name="sealed_until_withdrawn"),
        {"schema": "informant"},
    )

    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"), primary_key=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    consented_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class InformantReading(Base):
    """Every opening of a sealed contact: who, when, why. Append-only."""

    __tablename__ = "reading"
    __table_args__ = (
        CheckConstraint("length(btrim(reason)) >= 10", name="reason_said"),
        {"schema": "informant"},
    )

    id: Mapped[bigint_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("informant.contact.tip_id"), index=True)
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str]
