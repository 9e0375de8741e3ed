"""What comes in at the desk on paper, by telephone or from other agencies, with the clocks that run on it.

A formal denunciation leaves nothing here but its receipt: not what it says, nor who says it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.deadlines import Unit
from enforcement.models.base import DESK
from enforcement.models.cases import CaseFile
from enforcement.transitions import Duty
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Commune
from trace.models.tips import Platform, Tip
from trace.models.titles import ProtectionTitle


class IntakeKind(StrEnum):
    """What kind of message it is in law, or in the desk's own work."""

    TIP = "tip"
    COMPLAINT = "complaint"
    REQUEST = "request"
    TRANSFER = "transfer"
    LISTING = "listing"


class IntakeChannel(StrEnum):
    """How it reached the desk."""

    PHONE = "phone"
    LETTER = "letter"
    IN_PERSON = "in_person"
    EMAIL = "email"
    ONLINE = "online"


class IntakeClockKind(StrEnum):
    """The clocks that run before there is a case. The values are those of `DeadlineKind`."""

    COMPLAINT_ACCEPT = "complaint_accept"
    COMPLAINT_RESOLVE = "complaint_resolve"
    REQUEST_REVIEW = "request_review"


class ClockEnd(StrEnum):
    """How a clock ended: what it asked for was done in time or late, or it has lost its object."""

    FULFILLED = "fulfilled"
    LATE = "late"
    STOPPED = "stopped"


class RequestState(StrEnum):
    """What became of a right holder's request."""

    RECEIVED = "received"
    SUPPLEMENT = "supplement"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class RequestMeasure(StrEnum):
    """What a right holder may ask for."""

    STOP = "stop"
    INSPECT = "inspect"
    SEIZE = "seize"
    CONFISCATE = "confiscate"
    REMOVE_SIGN = "remove_sign"
    DESTROY = "destroy"
    TAKE_DOWN = "take_down"
    FINE = "fine"


class ComplaintAgainst(StrEnum):
    """A complaint is against a decision or against an act of an authority."""

    DECISION = "decision"
    ACT = "act"


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RESOLVED = "resolved"


class ComplaintResult(StrEnum):
    """How a complaint was resolved."""

    UPHELD = "upheld"
    PARTLY = "partly"
    DISMISSED = "dismissed"


class IntakeRecord(Base):
    """One message taken in at the desk. What a caller says is kept as a tip like any other, so that a contact can be sealed with it."""

    __tablename__ = "intake_record"
    __table_args__ = (
        CheckConstraint("(kind = 'tip') = (tip_id IS NOT NULL)", name="tip_iff_tip"),
        CheckConstraint(
            "kind <> 'transfer' OR num_nonnulls(agency, agency_number, agency_dated) = 3", name="transfer_has_letter"
        ),
        CheckConstraint("kind <> 'listing' OR listing_url IS NOT NULL", name="listing_has_address"),
        CheckConstraint("kind = 'tip' OR length(btrim(body)) BETWEEN 1 AND 4000", name="body_present"),
        CheckConstraint("received_at <= recorded_at", name="received_before_recorded"),
        CheckConstraint("shop_phone ~ '^0[0-9]{8,10}$'", name="shop_phone_digits"),
        Index(
            "uq_intake_record_letter",
            text("public.fold(agency)"),
            text("public.fold(agency_number)"),
            "agency_dated",
            unique=True,
            postgresql_where=text("agency_number IS NOT NULL"),
        ),
        Index("ix_intake_record_kind", "kind", "received_at"),
        Index(
            "ix_intake_record_listing",
            text("listing_url gin_trgm_ops"),
            postgresql_using="gin",
            postgresql_where=text("listing_url IS NOT NULL"),
        ),
        Index("ix_intake_record_folded", text("public.text_marks(body)"), postgresql_using="gin"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[IntakeKind]
    channel: Mapped[IntakeChannel]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    tip_id: Mapped[UUID | None] = mapped_column(ForeignKey("tip.id"), unique=True)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str | None]
    shop_phone: Mapped[str | None]
    serial: Mapped[int | None] = mapped_column(BigInteger)
    code_text: Mapped[str | None]
    listing_url: Mapped[str | None]
    platform: Mapped[Platform | None]
    seen_on: Mapped[date | None]
    body: Mapped[str | None]
    agency: Mapped[str | None]
    agency_number: Mapped[str | None]
    agency_dated: Mapped[date | None]

    recorder: Mapped[AppUser] = relationship()
    commune: Mapped[Commune | None] = relationship()
    tip: Mapped[Tip | None] = relationship()
    request: Mapped[InfringementRequest | None] = relationship(back_populates="record")
    complaint: Mapped[Complaint | None] = relationship(back_populates="record")
    clocks: Mapped[list[IntakeClock]] = relationship(order_by="IntakeClock.started_at")
    files: Mapped[list[IntakeFile]] = relationship(order_by="IntakeFile.id")


class IntakeFile(Base):
    """A paper or photo that came with a message."""

    __tablename__ = "intake_file"
    __table_args__ = (UniqueConstraint("record_id", "file_id"), DESK)

    id: Mapped[bigint_pk]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.intake_record.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), index=True)
    supplement_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.request_supplement.id"))
    """What it came with, if not with the message itself."""

    file: Mapped[StoredFile] = relationship()


class InfringementRequest(Base):
    """A right holder's request to handle an infringement, with what Decree 65/2023 Articles 89–90 ask of it."""

    __tablename__ = "infringement_request"
    __table_args__ = (
        CheckConstraint("agent IS NULL OR num_nonnulls(poa_number, poa_dated) = 2", name="agent_has_power"),
        CheckConstraint("cardinality(measures) > 0 AND cardinality(evidence) > 0", name="measures_and_evidence"),
        CheckConstraint("num_nonnulls(title_id, right_in_words) > 0", name="right_named"),
        CheckConstraint(
            "(state IN ('accepted', 'refused')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name="decider_iff_decided",
        ),
        CheckConstraint("state NOT IN ('refused', 'supplement') OR reason IS NOT NULL", name="reason_said"),
        DESK,
    )

    record_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.intake_record.id"), primary_key=True)
    dated: Mapped[date]
    authority: Mapped[str]
    requester: Mapped[str]
    requester_address: Mapped[str]
    agent: Mapped[str | None]
    poa_number: Mapped[str | None]
    poa_dated: Mapped[date | None]
    poa_certified: Mapped[bool] = mapped_column(server_default=text("false"))
    infringer: Mapped[str]
    infringer_address: Mapped[str | None]
    title_id: Mapped[UUID | None] = mapped_column(ForeignKey("protection_title.id"), index=True)
    right_in_words: Mapped[str | None]
    acted_on: Mapped[date]
    measures: Mapped[list[str]] = mapped_column(ARRAY(Text))
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text))
    signed_by: Mapped[str]
    state: Mapped[RequestState]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    record: Mapped[IntakeRecord] = relationship(back_populates="request")
    title: Mapped[ProtectionTitle | None] = relationship()
    decider: Mapped[AppUser | None] = relationship()
    supplements: Mapped[list[RequestSupplement]] = relationship(order_by="RequestSupplement.recorded_at")


class RequestSupplement(Base):
    """Papers that a right holder brought after the request, asked for or not, and what they settled. Append-only by trigger.

    `asked`: what had been asked for, if anything had. `title_id`: the title in the register that the papers name.
    """

    __tablename__ = "request_supplement"
    __table_args__ = (
        CheckConstraint("received_at <= recorded_at", name="received_before_recorded"),
        CheckConstraint("length(btrim(note)) BETWEEN 1 AND 2000", name="note_length"),
        DESK,
    )

    id: Mapped[uuid_pk]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.infringement_request.record_id"), index=True)
    asked: Mapped[str | None]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    poa_certified: Mapped[bool] = mapped_column(server_default=text("false"))
    title_id: Mapped[UUID | None] = mapped_column(ForeignKey("protection_title.id"))
    note: Mapped[str | None]

    recorder: Mapped[AppUser] = relationship()
    title: Mapped[ProtectionTitle | None] = relationship()


class Complaint(Base):
    """A complaint against a decision or act of an authority. It is no doubt about goods, so no signal comes of it."""

    __tablename__ = "complaint"
    __table_args__ = (
        CheckConstraint(
            "against <> 'decision' OR num_nonnulls(decision_number, decision_dated) = 2", name="decision_named"
        ),
        CheckConstraint("(state = 'received') = (answered_by IS NULL)", name="answerer_unless_received"),
        CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refusal_has_reason"),
        CheckConstraint(
            "(state = 'resolved') = (result IS NOT NULL) AND (result IS NULL) = (resolution_number IS NULL)",
            name="result_iff_resolved",
        ),
        UniqueConstraint("resolution_number"),
        DESK,
    )

    record_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.intake_record.id"), primary_key=True)
    complainant: Mapped[str]
    complainant_address: Mapped[str]
    agent: Mapped[str | None]
    against: Mapped[ComplaintAgainst]
    body_complained_of: Mapped[str]
    decision_number: Mapped[str | None]
    decision_dated: Mapped[date | None]
    learned_on: Mapped[date]
    demand: Mapped[str]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    state: Mapped[ComplaintState]
    reason: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    result: Mapped[ComplaintResult | None]
    resolution_number: Mapped[str | None]

    record: Mapped[IntakeRecord] = relationship(back_populates="complaint")
    case: Mapped[CaseFile | None] = relationship()
    answerer: Mapped[AppUser | None] = relationship()


class IntakeClock(Base):
    """A legal clock that runs on a message before there is a case. It keeps the rule it was started under.

    `recount_due_at`: when it would end under the calendar as it stands now, if that differs; a person takes it over.
    """

    __tablename__ = "intake_clock"
    __table_args__ = (
        CheckConstraint("due_at > started_at", name="due_after_start"),
        CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="end_has_kind"),
        CheckConstraint(
            "(extension_amount IS NULL) = (extension_unit IS NULL) AND extension_amount > 0", name="extension_whole"
        ),
        CheckConstraint("(recount_due_at IS NULL) = (recount_found_at IS NULL)", name="recount_whole"),
        CheckConstraint("ended_at IS NULL OR recount_due_at IS NULL", name="recount_while_running"),
        Index("uq_intake_clock_running", "record_id", "kind", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_intake_clock_due", "due_at", postgresql_where=text("ended_at IS NULL")),
        DESK,
    )

    id: Mapped[uuid_pk]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.intake_record.id"), index=True)
    kind: Mapped[IntakeClockKind]
    basis: Mapped[str]
    rule_version: Mapped[str]
    needs_verification: Mapped[bool]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[ClockEnd | None]
    note: Mapped[str | None]
    extension_amount: Mapped[int | None]
    extension_unit: Mapped[Unit | None]
    recount_due_at: Mapped[datetime | None]
    recount_found_at: Mapped[datetime | None]


class IntakeReminder(Base):
    """That the clock of a message came near its end or passed it, said to a duty of the desk: once for each end and step. Append-only.

    `mark`: working days (hours for clocks in hours) before the end if positive, after it if zero or negative.
    """

    __tablename__ = "intake_reminder"
    __table_args__ = (
        UniqueConstraint("clock_id", "due_at", "duty", "mark"),
        CheckConstraint("duty = 'officer' OR mark <= 0", name="heads_only_after"),
        DESK,
    )

    id: Mapped[bigint_pk]
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.intake_clock.id"))
    due_at: Mapped[datetime]
    duty: Mapped[Duty]
    mark: Mapped[int]
    made_at: Mapped[datetime]


class DenunciationReceipt(Base):
    """That a formal denunciation came and which body outside this system got it. What it says and who says it is nowhere here.

    Append-only by trigger: there is nothing in it to correct, and nothing may be added.
    """

    __tablename__ = "denunciation_receipt"
    __table_args__ = (
        CheckConstraint("handed_at >= received_at", name="handed_after_received"),
        CheckConstraint("length(btrim(receiving_body)) BETWEEN 1 AND 200", name="receiving_body_named"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    handed_at: Mapped[datetime]
    receiving_body: Mapped[str]
    sheets: Mapped[int]
    """How many sealed envelopes or sheets were handed on, so that the other side can count them."""
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    recorder: Mapped[AppUser] = relationship()
