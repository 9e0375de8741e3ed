"""Certificates of use: who may put a title's sign on what, from which sources, and since when they may not."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, bigint_pk, stored, uuid_pk
from trace.models.parties import Party
from trace.models.titles import ProtectionTitle


class CertificateStatus(StrEnum):
    """States that a person decides. Expiry is no state: it follows from the period."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    GIVEN_UP = "given_up"


class UseCertificate(Base):
    """The right of one holder to use one title's sign. `status_since` says from which day the present state holds."""

    __tablename__ = "use_certificate"
    __table_args__ = (
        CheckConstraint("NOT isempty(valid_during) AND upper(valid_during) IS NOT NULL", name="period_bounded"),
        CheckConstraint("status = 'active' OR status_reason IS NOT NULL", name="reason_unless_active"),
        ExcludeConstraint(
            ("title_id", "="), ("holder_id", "="), ("valid_during", "&&"),
            using="gist", where=text("status IN ('active', 'suspended')"), name="ex_use_certificate_one_live",
        ),
        Index("ix_use_certificate_folded", text("fold(number) gin_trgm_ops"), postgresql_using="gin"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    number: Mapped[str] = mapped_column(unique=True)
    valid_during: Mapped[Range[date]]
    status: Mapped[CertificateStatus]
    status_since: Mapped[datetime]
    status_reason: Mapped[str | None]
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    sources: Mapped[list[CertificateSource]] = relationship(back_populates="certificate")


class CertificateSource(Base):
    """An area or a site that a certificate covers."""

    __tablename__ = "certificate_source"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        UniqueConstraint("certificate_id", "area_id"),
        UniqueConstraint("certificate_id", "site_id"),
    )

    id: Mapped[bigint_pk]
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)

    certificate: Mapped[UseCertificate] = relationship(back_populates="sources")
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()


class CertificateStatusChange(Base):
    """A decision that changed a certificate's state. Append-only: who was authorised on a past day is read from here."""

    __tablename__ = "certificate_status_change"
    __table_args__ = (
        CheckConstraint("length(btrim(reason)) > 0", name="reason_present"),
        Index(None, "certificate_id", "at"),
    )

    id: Mapped[bigint_pk]
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    was: Mapped[CertificateStatus | None] = mapped_column(stored(CertificateStatus, "was"))
    becomes: Mapped[CertificateStatus] = mapped_column(stored(CertificateStatus, "becomes"))
    reason: Mapped[str]
    document_number: Mapped[str | None]
    ground: Mapped[str | None]
    """The ground of the use regulation in its own words. It is public; the reason is for the parties and auditors."""
