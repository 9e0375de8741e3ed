"""What control leaves on file: samples and their results, photos and papers, proposals to suspend, yearly reports."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.certificates import UseCertificate
from trace.models.controls import Nonconformity
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party
from trace.models.titles import ProtectionTitle


class ControlSample(Base):
    """A sample taken under seal from an area or site, the laboratory it went to, and what came back."""

    __tablename__ = "control_sample"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        CheckConstraint("length(btrim(what)) > 0 AND length(btrim(seal)) > 0", name="facts_present"),
        CheckConstraint("sent_on >= taken_on", name="sent_after_taken"),
        CheckConstraint("reported_on >= sent_on", name="reported_after_sent"),
        CheckConstraint("num_nonnulls(sent_on, lab) IN (0, 2)", name="lab_iff_sent"),
        CheckConstraint("num_nonnulls(reported_on, report_number) IN (0, 2)", name="number_iff_reported"),
        CheckConstraint("reported_on IS NULL OR sent_on IS NOT NULL", name="reported_when_sent"),
        Index(None, "title_id", "taken_on"),
        Index(None, "holder_id"),
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"))
    what: Mapped[str]
    amount: Mapped[str] = mapped_column(server_default="")
    seal: Mapped[str]
    taken_on: Mapped[date]
    taken_from: Mapped[str]
    taken_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    recorded_at: Mapped[datetime]
    lab: Mapped[str | None]
    sent_on: Mapped[date | None]
    report_number: Mapped[str | None]
    reported_on: Mapped[date | None]

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
    taker: Mapped[AppUser] = relationship()
    results: Mapped[list[SampleResult]] = relationship(order_by="SampleResult.id")

    @property
    def source(self) -> GrowingArea | ProductionSite:
        """The area or site that the sample comes from."""
        found = self.area or self.site
        assert found is not None  # noqa: S101  the database keeps exactly one of the two
        return found


class SampleResult(Base):
    """What a laboratory found for one criterion, as it wrote it, with the limit and whether it conforms."""

    __tablename__ = "sample_result"
    __table_args__ = (
        CheckConstraint("length(btrim(criterion)) > 0 AND length(btrim(found)) > 0", name="facts_present"),
        UniqueConstraint("sample_id", "criterion"),
    )

    id: Mapped[bigint_pk]
    sample_id: Mapped[UUID] = mapped_column(ForeignKey("control_sample.id"))
    criterion: Mapped[str]
    found: Mapped[str]
    allowed: Mapped[str] = mapped_column(server_default="")
    conforms: Mapped[bool]


class ControlFile(Base):
    """A photo or paper of a visit, of a corrective action or of a sample. The device that took it may give the id."""

    __tablename__ = "control_file"
    __table_args__ = (
        CheckConstraint("num_nonnulls(visit_id, action_id, sample_id) = 1", name="one_subject"),
        CheckConstraint("item_id IS NULL OR visit_id IS NOT NULL", name="item_of_visit"),
        Index(None, "visit_id", "item_id"),
        Index(None, "action_id"),
        Index(None, "sample_id"),
        Index(None, "file_id"),
    )

    id: Mapped[uuid_pk]
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_visit.id"))
    item_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_item.id"))
    action_id: Mapped[UUID | None] = mapped_column(ForeignKey("corrective_action.id"))
    sample_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_sample.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    taken_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()


class SuspensionGround(StrEnum):
    """Why the system proposes to suspend a certificate."""

    CRITICAL = "critical"
    REPEATED_MAJOR = "repeated_major"
    OVERDUE = "overdue"


class ProposalState(StrEnum):
    """What a person made of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class SuspensionProposal(Base):
    """The system proposes, a person decides. One proposal for a nonconformity and ground, ever."""

    __tablename__ = "suspension_proposal"
    __table_args__ = (
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_unless_open"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decider_iff_decided"),
        CheckConstraint("(decided_at IS NULL) = (decision_reason IS NULL)", name="reason_iff_decided"),
        UniqueConstraint("nonconformity_id", "ground"),
        Index(None, "certificate_id"),
        Index("ix_suspension_proposal_open", "proposed_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[uuid_pk]
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    nonconformity_id: Mapped[UUID] = mapped_column(ForeignKey("nonconformity.id"))
    ground: Mapped[SuspensionGround]
    proposed_at: Mapped[datetime]
    state: Mapped[ProposalState]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    decision_reason: Mapped[str | None]

    certificate: Mapped[UseCertificate] = relationship()
    nonconformity: Mapped[Nonconformity] = relationship()
    decider: Mapped[AppUser | None] = relationship()


class ControlReport(Base):
    """The figures of a title's control over a year, frozen at a moment; its files are drawn from them and from nothing else."""

    __tablename__ = "control_report"
    __table_args__ = (
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
        Index(None, "title_id", "year"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    year: Mapped[int]
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    figures: Mapped[dict[str, Any]]

    title: Mapped[ProtectionTitle] = relationship()
    drawer: Mapped[AppUser] = relationship()
