"""Applications for the right of use: what an applicant states and commits to, who checks it, and how it was decided.

Certificates that come of them stand in `certificates`. Renewal reminders stand here too: they ask for an application.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, Revised, bigint_pk, uuid_pk
from trace.models.certificates import UseCertificate
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party
from trace.models.titles import Product, ProtectionTitle, UseRegulation


class ApplicationState(StrEnum):
    """Where an application stands. The moves between the states are data: `trace.services.applications.MOVES`."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SUPPLEMENT = "supplement"
    RECEIVED = "received"
    EVALUATED = "evaluated"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN_STATES = "('draft', 'submitted', 'supplement', 'received', 'evaluated')"


class Application(Revised, Base):
    """One application of one organisation for one title's sign. It keeps the regulation that it was handed in under.

    `due_on` is the last day of the service time that runs now; it is nobody's duty while a draft or a supplement is with the applicant.
    """

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint("tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name="tax_code_form"),
        CheckConstraint("id_number ~ '^[0-9]{12}$'", name="id_number_twelve_digits"),
        CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name="phone_form"),
        CheckConstraint("yearly_kg > 0", name="yearly_kg_positive"),
        CheckConstraint("(committed_at IS NULL) = (committed_name IS NULL)", name="commitment_has_a_name"),
        CheckConstraint("state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL", name="submitted_unless_draft"),
        CheckConstraint("(receipt_number IS NULL) = (received_at IS NULL)", name="receipt_iff_received"),
        CheckConstraint(
            "state NOT IN ('received', 'evaluated', 'granted') OR received_at IS NOT NULL",
            name="received_before_evaluated",
        ),
        CheckConstraint("state NOT IN ('evaluated', 'granted') OR evaluated_by IS NOT NULL", name="evaluated_before_granted"),
        CheckConstraint("decided_by <> evaluated_by", name="two_persons"),
        CheckConstraint("(state IN ('granted', 'refused')) = (decided_at IS NOT NULL)", name="decided_iff_ended"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decider_iff_decided"),
        CheckConstraint("(decided_at IS NULL) = (document_number IS NULL)", name="document_iff_decided"),
        CheckConstraint("(state = 'granted') = (certificate_id IS NOT NULL)", name="certificate_iff_granted"),
        CheckConstraint("state NOT IN ('refused', 'supplement') OR length(btrim(reason)) > 0", name="reason_in_writing"),
        Index(
            "uq_application_open", "title_id", "applicant_id", unique=True,
            postgresql_where=text(f"state IN {OPEN_STATES}"),
        ),
        Index(None, "state", "due_on"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    applicant_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    renews_id: Mapped[UUID | None] = mapped_column(ForeignKey("use_certificate.id"), index=True)
    regulation_id: Mapped[UUID | None] = mapped_column(ForeignKey("use_regulation.id"))
    state: Mapped[ApplicationState]
    started_at: Mapped[datetime]
    started_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    representative: Mapped[str | None]
    id_number: Mapped[str | None]
    tax_code: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str | None]
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("product.id"))
    sign_use: Mapped[str | None]
    """How and on what the applicant will put the sign, in words."""
    yearly_kg: Mapped[int | None] = mapped_column(BigInteger)
    process: Mapped[str | None]
    """How the goods are produced, packed and controlled, in words."""
    committed_name: Mapped[str | None]
    committed_at: Mapped[datetime | None]

    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    receipt_number: Mapped[str | None] = mapped_column(unique=True)
    received_at: Mapped[datetime | None]
    evaluated_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    due_on: Mapped[date | None]
    promised_on: Mapped[date | None]
    """The day by which the applicant was promised the decision."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    document_number: Mapped[str | None]
    reason: Mapped[str | None]
    """Of a refusal; of a supplement, what is missing."""
    certificate_id: Mapped[UUID | None] = mapped_column(ForeignKey("use_certificate.id"), unique=True)

    title: Mapped[ProtectionTitle] = relationship()
    applicant: Mapped[Party] = relationship()
    product: Mapped[Product | None] = relationship()
    regulation: Mapped[UseRegulation | None] = relationship()
    renews: Mapped[UseCertificate | None] = relationship(foreign_keys=[renews_id])
    certificate: Mapped[UseCertificate | None] = relationship(foreign_keys=[certificate_id])
    decider: Mapped[AppUser | None] = relationship(foreign_keys=[decided_by])
    sources: Mapped[list[ApplicationSource]] = relationship(order_by="ApplicationSource.id")
    files: Mapped[list[ApplicationFile]] = relationship(order_by="ApplicationFile.id")
    evaluations: Mapped[list[ApplicationEvaluation]] = relationship(order_by="ApplicationEvaluation.recorded_at")


class ApplicationSource(Base):
    """An area or site from which the applicant wants to sell under the sign."""

    __tablename__ = "application_source"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        UniqueConstraint("application_id", "area_id"),
        UniqueConstraint("application_id", "site_id"),
    )

    id: Mapped[bigint_pk]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"))

    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()


class ApplicationEvidence(StrEnum):
    """What a file of an application shows."""

    IDENTITY = "identity"
    PRODUCTION = "production"
    QUALITY = "quality"
    PACKAGING = "packaging"
    OTHER = "other"
    EVALUATION = "evaluation"


class ApplicationFile(Base):
    """A file handed in with an application, or added by the evaluation. What was handed in is struck out, never deleted."""

    __tablename__ = "application_file"
    __table_args__ = (UniqueConstraint("application_id", "file_id"),)

    id: Mapped[bigint_pk]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    kind: Mapped[ApplicationEvidence]
    evaluation_id: Mapped[UUID | None] = mapped_column(ForeignKey("application_evaluation.id"))
    struck_at: Mapped[datetime | None]

    file: Mapped[StoredFile] = relationship()


class ApplicationEvaluation(Base):
    """An evaluation in the field: when, by whom, the minutes in words, and whether the applicant meets the conditions."""

    __tablename__ = "application_evaluation"
    __table_args__ = (
        CheckConstraint("length(btrim(minutes)) > 0", name="minutes_present"),
        Index(None, "application_id", "recorded_at"),
    )

    id: Mapped[uuid_pk]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    evaluated_on: Mapped[date]
    minutes: Mapped[str]
    passed: Mapped[bool]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    evaluator: Mapped[AppUser] = relationship()
    results: Mapped[list[EvaluationResult]] = relationship(order_by="EvaluationResult.position")


class CriterionResult(StrEnum):
    """What an evaluation found for one criterion."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"


class EvaluationResult(Base):
    """The result for one criterion, with its wording as it was then."""

    __tablename__ = "evaluation_result"
    __table_args__ = (
        UniqueConstraint("evaluation_id", "position"),
        CheckConstraint("result <> 'not_met' OR length(btrim(note)) > 0", name="not_met_says_why"),
    )

    id: Mapped[bigint_pk]
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey("application_evaluation.id"))
    position: Mapped[int]
    criterion: Mapped[str]
    result: Mapped[CriterionResult]
    note: Mapped[str] = mapped_column(server_default="")


class RenewalReminder(Base):
    """That a certificate entered its renewal window: once for each certificate and end of its period.

    Whether it is still to be done follows from the applications and certificates, and is not written here. `mail_due_at` is when the
    letters about it are put down; empty: they are, or there are none. `mailed_at` is when the mail server first took one.
    """

    __tablename__ = "renewal_reminder"
    __table_args__ = (
        UniqueConstraint("certificate_id", "ends_on"),
        CheckConstraint("mailed_at IS NULL OR mail_due_at IS NULL", name="mailed_once"),
        Index(None, "mail_due_at", postgresql_where=text("mail_due_at IS NOT NULL")),
    )

    id: Mapped[bigint_pk]
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    ends_on: Mapped[date]
    """The last day of the certificate."""
    made_at: Mapped[datetime]
    mail_due_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]

    certificate: Mapped[UseCertificate] = relationship()


class RenewalLetter(Base):
    """The letter about a reminder to one person: once each. `mail_due_at` is when it is tried next; empty: sent, or given up."""

    __tablename__ = "renewal_letter"
    __table_args__ = (
        UniqueConstraint("reminder_id", "person_id"),
        CheckConstraint("mail_tries >= 0", name="mail_tries_not_negative"),
        CheckConstraint("mailed_at IS NULL OR mail_due_at IS NULL", name="mailed_once"),
        Index(None, "mail_due_at", postgresql_where=text("mail_due_at IS NOT NULL")),
    )

    id: Mapped[bigint_pk]
    reminder_id: Mapped[int] = mapped_column(ForeignKey("renewal_reminder.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    mail_due_at: Mapped[datetime | None]
    mail_tries: Mapped[int] = mapped_column(server_default=text("0"))
    mailed_at: Mapped[datetime | None]

    reminder: Mapped[RenewalReminder] = relationship()
