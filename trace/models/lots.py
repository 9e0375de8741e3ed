"""Lots and the balance of eligible volume. Volumes are whole grams, so that no rounding ever makes a label."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, Revised, uuid_pk
from trace.models.certificates import UseCertificate
from trace.models.parties import AppUser, Party
from trace.models.titles import Product, Season


class EligibleBalance(Base):
    """What a holder may still label of a product in a season. The label gate locks this row; it is never a COUNT.

    `issued_g` counts every live label at its pack weight; a void or return before use gives back. `extra_g` is what the managing
    body approved beyond the eligible volume: the sum of the approved extensions.
    """

    __tablename__ = "eligible_balance"
    __table_args__ = (
        UniqueConstraint("holder_id", "season_id"),
        CheckConstraint("eligible_g >= 0", name="eligible_not_negative"),
        CheckConstraint("issued_g >= 0", name="issued_not_negative"),
        CheckConstraint("extra_g >= 0", name="extra_not_negative"),
        CheckConstraint("issued_g <= eligible_g + extra_g", name="within_eligible_volume"),
    )

    id: Mapped[uuid_pk]
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    season_id: Mapped[UUID] = mapped_column(ForeignKey("season.id"), index=True)
    eligible_g: Mapped[int] = mapped_column(BigInteger)
    issued_g: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    extra_g: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    holder: Mapped[Party] = relationship()
    season: Mapped[Season] = relationship()

    @property
    def allowed_g(self) -> int:
        """All that may be labelled, approved extensions included, g."""
        return self.eligible_g + self.extra_g


class ExtensionState(StrEnum):
    """What became of a request for volume beyond the eligible one."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


class QuotaExtension(Base):
    """Volume asked for beyond the eligible one, with a written reason, and the other person who decided."""

    __tablename__ = "quota_extension"
    __table_args__ = (
        CheckConstraint("grams > 0", name="grams_positive"),
        CheckConstraint("length(btrim(reason)) > 0", name="reason_present"),
        CheckConstraint("decided_by <> asked_by", name="two_persons"),
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_unless_asked"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decider_iff_decided"),
        CheckConstraint("(decided_at IS NULL) = (decision_reason IS NULL)", name="reason_iff_decided"),
        Index("uq_quota_extension_open", "balance_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index(None, "balance_id", "asked_at"),
    )

    id: Mapped[uuid_pk]
    balance_id: Mapped[UUID] = mapped_column(ForeignKey("eligible_balance.id"))
    grams: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    asked_at: Mapped[datetime]
    state: Mapped[ExtensionState]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    balance: Mapped[EligibleBalance] = relationship()
    asker: Mapped[AppUser] = relationship(foreign_keys=[asked_by])
    decider: Mapped[AppUser | None] = relationship(foreign_keys=[decided_by])


class LotState(StrEnum):
    """States of a lot."""

    DRAFT = "draft"
    CERTIFIED = "certified"
    RECALLED = "recalled"


class Lot(Revised, Base):
    """Goods of one product from one source, harvested and packed on stated days. Only a certified lot gets labels."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        CheckConstraint("volume_g > 0", name="volume_positive"),
        CheckConstraint("labelled_g BETWEEN 0 AND volume_g", name="within_lot_volume"),
        CheckConstraint("harvested_on <= packed_on AND packed_on <= expires_on", name="dates_ordered"),
        CheckConstraint("(state = 'draft') = (certified_at IS NULL)", name="certified_unless_draft"),
        CheckConstraint("(state = 'recalled') = (recall_reason IS NOT NULL)", name="reason_iff_recalled"),
        UniqueConstraint("holder_id", "code"),
        Index(None, "certificate_id"),
    )

    id: Mapped[uuid_pk]
    code: Mapped[str]
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"), index=True)
    season_id: Mapped[UUID] = mapped_column(ForeignKey("season.id"), index=True)
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    volume_g: Mapped[int] = mapped_column(BigInteger)
    labelled_g: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    harvested_on: Mapped[date]
    packed_on: Mapped[date]
    expires_on: Mapped[date]
    state: Mapped[LotState]
    recorded_at: Mapped[datetime]
    certified_at: Mapped[datetime | None]
    certified_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    recall_reason: Mapped[str | None]
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    holder: Mapped[Party] = relationship()
    certificate: Mapped[UseCertificate] = relationship()
    product: Mapped[Product] = relationship()
    season: Mapped[Season] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
