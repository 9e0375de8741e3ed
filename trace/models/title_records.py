"""What is added to a title and never changed: amendments, renewals, images of its sign; and confirmations of eligible volume."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.lots import EligibleBalance
from trace.models.parties import AppUser


class AmendmentKind(StrEnum):
    """What of a title can be amended on record: Decree 65/2023, Article 29."""

    NAMES_ADDRESSES = "names_addresses"
    MANAGING_BODY = "managing_body"
    OWNER = "owner"
    SPECIFICATION = "specification"
    AREA = "area"
    REGULATION = "regulation"


class TitleAmendment(Base):
    """A recorded amendment: what was so, what is so now, by which document. Append-only by trigger."""

    __tablename__ = "title_amendment"
    __table_args__ = (
        CheckConstraint("length(btrim(document)) > 0", name="document_present"),
        CheckConstraint("length(btrim(becomes)) > 0", name="becomes_present"),
        Index(None, "title_id", "decided_on"),
    )

    id: Mapped[bigint_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    kind: Mapped[AmendmentKind]
    document: Mapped[str]
    decided_on: Mapped[date]
    was: Mapped[str | None]
    becomes: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class TitleRenewal(Base):
    """A renewal of a mark: its term goes on from the old end. Append-only by trigger."""

    __tablename__ = "title_renewal"
    __table_args__ = (
        CheckConstraint("length(btrim(document)) > 0", name="document_present"),
        CheckConstraint("new_end > old_end", name="later_end"),
        UniqueConstraint("title_id", "old_end"),
    )

    id: Mapped[bigint_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    document: Mapped[str]
    decided_on: Mapped[date]
    old_end: Mapped[date]
    new_end: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))


class TitleImage(Base):
    """A picture of a title's sign. One that is withdrawn is shown no more, but stays on record."""

    __tablename__ = "title_image"
    __table_args__ = (
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawer_iff_withdrawn"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"), index=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    caption: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()


class VolumeConfirmation(Base):
    """A managing body's confirmation of a holder's eligible volume, g, with the sources it was reckoned from. Append-only by trigger.

    `basis` lists them: name, certificate, hectares and yield cap, or the capacity of a site, and the grams of each.
    """

    __tablename__ = "volume_confirmation"
    __table_args__ = (
        CheckConstraint("eligible_g >= 0 AND computed_g >= 0 AND was_g >= 0", name="volumes_not_negative"),
        CheckConstraint("eligible_g = computed_g OR reason IS NOT NULL", name="reason_unless_as_computed"),
        Index(None, "balance_id", "at"),
    )

    id: Mapped[bigint_pk]
    balance_id: Mapped[UUID] = mapped_column(ForeignKey("eligible_balance.id"))
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    was_g: Mapped[int | None] = mapped_column(BigInteger)
    computed_g: Mapped[int] = mapped_column(BigInteger)
    eligible_g: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    basis: Mapped[dict[str, Any]]

    balance: Mapped[EligibleBalance] = relationship()
    author: Mapped[AppUser] = relationship()
