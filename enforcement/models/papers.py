"""What was signed in a case and what follows from it: decisions and records, measures with clocks of their own, orders to be carried out, hand-overs."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.law_seed import Signer
from enforcement.models.base import DESK
from enforcement.models.casework import Entry, struck_whole
from enforcement.models.clocks import Deadline
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser


class PaperKind(StrEnum):
    """What kind of signed paper a step rests on. Numbers begin anew every year, for every kind."""

    INSPECTION_DECISION = "inspection_decision"
    INSPECTION_CANCELLED = "inspection_cancelled"
    INSPECTION_RECORD = "inspection_record"
    VIOLATION_RECORD = "violation_record"
    PENALTY = "penalty"
    REMEDY_ONLY = "remedy_only"
    NO_PENALTY = "no_penalty"
    CRIMINAL_TRANSFER = "criminal_transfer"
    TAKEN_BACK = "taken_back"
    SEIZURE = "seizure"
    ASSESSMENT = "assessment"
    TAKEDOWN_REQUEST = "takedown_request"
    POSTING = "posting"
    DEEMED_SERVICE = "deemed_service"
    EXTENSION = "extension"


class InspectionGround(StrEnum):
    """On what an inspection may rest (Ordinance on Market Surveillance). There is no other."""

    VERIFIED_INFORMATION = "verified_information"
    OFFICERS_PROPOSAL = "officers_proposal"
    WRITTEN_REQUEST = "written_request"
    PLAN = "plan"


class NoPenaltyGround(StrEnum):
    """Why nobody is fined (penalties law, Art. 65)."""

    NOT_PUNISHABLE = "not_punishable"
    OFFENDER_UNKNOWN = "offender_unknown"
    TIME_BARRED = "time_barred"
    OFFENDER_GONE = "offender_gone"


class CasePaper(Base):
    """A signed paper that a step of a case rests on: number, day, signer and capacity. A number is given once a kind, issuer and year.

    `signer_id` empty: signed outside this desk, by the name that stands in `signer_name`.
    """

    __tablename__ = "case_paper"
    __table_args__ = (
        CheckConstraint("length(btrim(number)) BETWEEN 1 AND 200", name="number_present"),
        CheckConstraint("(kind = 'inspection_decision') = (ground IS NOT NULL)", name="inspection_has_a_ground"),
        CheckConstraint("urgent = (urgent_reason IS NOT NULL)", name="urgent_for_a_reason"),
        CheckConstraint("NOT urgent OR kind = 'inspection_decision'", name="only_inspections_are_urgent"),
        CheckConstraint("(kind = 'penalty') = (fine IS NOT NULL)", name="penalty_has_a_fine"),
        CheckConstraint("fine IS NULL OR fine BETWEEN bracket_low AND bracket_top", name="fine_within_bracket"),
        CheckConstraint("fine IS NULL OR (fine > 0 AND bracket_basis IS NOT NULL)", name="fine_has_a_basis"),
        CheckConstraint("confiscation >= 0", name="confiscation_not_negative"),
        CheckConstraint("no_penalty_ground IS NULL OR kind IN ('no_penalty', 'remedy_only')", name="ground_of_no_penalty"),
        CheckConstraint("kind <> 'no_penalty' OR no_penalty_ground IS NOT NULL", name="no_penalty_has_a_ground"),
        CheckConstraint("(delegated_from IS NULL) = (delegation_number IS NULL)", name="delegation_whole"),
        Index(
            "uq_case_paper_number", "kind", "issuer", "number", text("extract(year FROM signed_on)"), unique=True
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    kind: Mapped[PaperKind]
    issuer: Mapped[str] = mapped_column(server_default="")
    number: Mapped[str]
    signed_on: Mapped[date]
    signer_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    signer_name: Mapped[str]
    capacity: Mapped[Signer | None]
    delegated_from: Mapped[str | None]
    delegation_number: Mapped[str | None]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ground: Mapped[InspectionGround | None]
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    urgent_reason: Mapped[str | None]
    fine: Mapped[int | None] = mapped_column(BigInteger)
    bracket_low: Mapped[int | None] = mapped_column(BigInteger)
    bracket_top: Mapped[int | None] = mapped_column(BigInteger)
    bracket_basis: Mapped[str | None]
    deviation_reason: Mapped[str | None]
    is_organisation: Mapped[bool | None]
    confiscation: Mapped[int | None] = mapped_column(BigInteger)
    no_penalty_ground: Mapped[NoPenaltyGround | None]

    signer: Mapped[AppUser | None] = relationship(foreign_keys=[signer_id])


class MeasureKind(StrEnum):
    """Measures that run beside the states of a case, each with a clock of its own."""

    SEIZURE = "seizure"
    ASSESSMENT = "assessment"
    TAKEDOWN = "takedown"
    POSTING = "posting"
    DEEMED_SERVICE = "deemed_service"


class MeasureResult(StrEnum):
    """How a measure ended."""

    RETURNED = "returned"
    CONFISCATED = "confiscated"
    HANDED_OVER = "handed_over"
    INFRINGING = "infringing"
    NOT_INFRINGING = "not_infringing"
    INCONCLUSIVE = "inconclusive"
    TAKEN_DOWN = "taken_down"
    NOT_TAKEN_DOWN = "not_taken_down"
    REFUSED = "refused"
    SERVED = "served"
    NOT_SERVED = "not_served"


class Measure(Base):
    """A seizure, assessment, take-down or service by posting: begun by a paper, ended by a result. It changes no state of the case.

    Its clock, if the law gives it one, names it as its subject.
    `addressee`: whose goods, the assessor, the platform, or who is served. `due_on`: the day agreed with an assessor, who has no clock of law.
    """

    __tablename__ = "measure"
    __table_args__ = (
        CheckConstraint("length(btrim(subject)) BETWEEN 1 AND 4000", name="subject_present"),
        CheckConstraint("(ended_at IS NULL) = (result IS NULL)", name="result_iff_ended"),
        CheckConstraint("ended_at >= began_at", name="ends_after_beginning"),
        CheckConstraint("(kind = 'assessment') = (due_on IS NOT NULL)", name="due_on_iff_assessment"),
        CheckConstraint(
            "result IS NULL"
            " OR kind = 'seizure' AND result IN ('returned', 'confiscated', 'handed_over')"
            " OR kind = 'assessment' AND result IN ('infringing', 'not_infringing', 'inconclusive')"
            " OR kind = 'takedown' AND result IN ('taken_down', 'not_taken_down', 'refused')"
            " OR kind IN ('posting', 'deemed_service') AND result IN ('served', 'not_served')",
            name="result_of_this_kind",
        ),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    kind: Mapped[MeasureKind]
    paper_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_paper.id"))
    subject: Mapped[str]
    addressee: Mapped[str]
    began_at: Mapped[datetime]
    due_on: Mapped[date | None]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    result: Mapped[MeasureResult | None]
    end_document: Mapped[str | None]
    end_note: Mapped[str | None]

    paper: Mapped[CasePaper] = relationship()
    deadline: Mapped[Deadline | None] = relationship(
        primaryjoin="foreign(Deadline.subject_id) == Measure.id", viewonly=True, uselist=False
    )


class ObligationKind(StrEnum):
    """What a decision orders."""

    FINE = "fine"
    CONFISCATION = "confiscation"
    REMEDY = "remedy"
    DESTRUCTION = "destruction"


class ObligationState(StrEnum):
    """How far an order has come. Lapsed: not to be carried out any more by law, with its ground."""

    OPEN = "open"
    DONE = "done"
    ENFORCED = "enforced"
    LAPSED = "lapsed"


class Obligation(Entry, Base):
    """One thing that a decision orders, and how it was carried out: paid what and when, the minutes, or given to enforcement.

    `ruling_id`: which offender it is ordered of; empty where the decision names none. `value`: what the goods to be confiscated are worth by
    the decision.
    """

    __tablename__ = "obligation"
    __table_args__ = (
        CheckConstraint("length(btrim(what)) BETWEEN 1 AND 1000", name="what_present"),
        CheckConstraint("(kind = 'fine') = (amount IS NOT NULL)", name="amount_iff_fine"),
        CheckConstraint("paid BETWEEN 0 AND amount", name="paid_at_most_the_fine"),
        CheckConstraint("(kind = 'confiscation') = (value IS NOT NULL)", name="value_iff_confiscation"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        CheckConstraint("state <> 'done' OR kind <> 'fine' OR paid = amount", name="fine_done_when_paid"),
        CheckConstraint("(state = 'open') = (settled_on IS NULL)", name="settled_on_iff_settled"),
        CheckConstraint("state = 'open' OR document_number IS NOT NULL", name="paper_when_settled"),
        struck_whole(),
        DESK,
    )

    paper_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_paper.id"))
    ruling_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.ruling.id"), index=True)
    kind: Mapped[ObligationKind]
    what: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    value: Mapped[int | None] = mapped_column(BigInteger)
    paid: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    state: Mapped[ObligationState] = mapped_column(server_default=ObligationState.OPEN.value)
    settled_on: Mapped[date | None]
    document_number: Mapped[str | None]
    note: Mapped[str | None]


class Handover(Base):
    """A file given to another authority with the list of what went along: exhibits, folios, papers. The receiver confirms by name and day."""

    __tablename__ = "case_handover"
    __table_args__ = (
        CheckConstraint("length(btrim(recipient)) BETWEEN 1 AND 200", name="recipient_present"),
        CheckConstraint(
            "num_nulls(received_by, received_on, record_number) IN (0, 3)", name="received_by_somebody_on_a_day"
        ),
        CheckConstraint("(returned_on IS NULL) = (return_document IS NULL)", name="returned_with_a_paper"),
        CheckConstraint("returned_on >= received_on", name="returned_after_receipt"),
        Index("uq_case_handover_away", "case_id", unique=True, postgresql_where=text("returned_on IS NULL")),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    paper_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_paper.id"))
    recipient: Mapped[str]
    listed_at: Mapped[datetime]
    listed_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    contents: Mapped[dict[str, Any]]
    received_by: Mapped[str | None]
    received_on: Mapped[date | None]
    record_number: Mapped[str | None]
    returned_on: Mapped[date | None]
    return_document: Mapped[str | None]

    paper: Mapped[CasePaper | None] = relationship()
