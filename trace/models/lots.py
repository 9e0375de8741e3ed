"""Lots and the balance of eligible volume. Volumes are whole grams, so that no rounding ever makes a label."""

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
    """States of a lot. A closed one passed what was not labelled on to other lots: it gets no more labels and stays on record."""

    DRAFT = "draft"
    CERTIFIED = "certified"
    CLOSED = "closed"
    RECALLED = "recalled"


class LotOrigin(StrEnum):
    """How a lot came to be."""

    RECORDED = "recorded"
    MERGED = "merged"
    SPLIT = "split"


class Lot(Revised, Base):
    """Goods of one product, harvested and packed on stated days. Only a certified lot gets labels.

    A recorded lot has one source. A merged one, and what was split off it, has none of its own when its parents have several: they
    then stand in `LotSource`. `moved_g` is what was passed on to other lots; a deferred trigger keeps the grams of parents and
    children equal.
    """

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(area_id, site_id) = 1 OR (num_nonnulls(area_id, site_id) = 0 AND origin <> 'recorded')",
            name="area_or_site",
        ),
        CheckConstraint("volume_g > 0", name="volume_positive"),
        CheckConstraint(
            "labelled_g >= 0 AND moved_g >= 0 AND labelled_g + moved_g <= volume_g", name="within_lot_volume"
        ),
        CheckConstraint("harvested_on <= packed_on AND packed_on <= expires_on", name="dates_ordered"),
        CheckConstraint("(state = 'draft') = (certified_at IS NULL)", name="certified_unless_draft"),
        CheckConstraint("(state = 'recalled') = (recall_reason IS NOT NULL)", name="reason_iff_recalled"),
        CheckConstraint("moved_g = 0 OR state IN ('closed', 'recalled')", name="closed_when_moved"),
        CheckConstraint("public_code ~ '^[0-9A-HJKMNP-TV-Z]{8}$'", name="public_code_form"),
        UniqueConstraint("holder_id", "code"),
        Index("ix_lot_folded", text("fold(code)")),
        Index(None, "certificate_id"),
    )

    id: Mapped[uuid_pk]
    code: Mapped[str]
    public_code: Mapped[str] = mapped_column(server_default=text("new_lot_code()"), unique=True)
    """What cartons carry and people type: the same for all packs, drawn by chance, with a character that checks it."""
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"), index=True)
    season_id: Mapped[UUID] = mapped_column(ForeignKey("season.id"), index=True)
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    volume_g: Mapped[int] = mapped_column(BigInteger)
    labelled_g: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    moved_g: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    origin: Mapped[LotOrigin] = mapped_column(server_default="recorded")
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
    gathered: Mapped[list[LotSource]] = relationship(order_by="LotSource.id")

    @property
    def left_g(self) -> int:
        """What is neither labelled nor passed on to other lots, g."""
        return self.volume_g - self.labelled_g - self.moved_g

    @property
    def sources(self) -> list[GrowingArea | ProductionSite]:
        """The areas or sites that the goods come from; of a merged lot several."""
        own = self.area or self.site
        return [own] if own is not None else [each.source for each in self.gathered]

    @property
    def source_keys(self) -> set[tuple[UUID | None, UUID | None]]:
        """The area or the site of each source, by id."""
        if self.area_id is not None or self.site_id is not None:
            return {(self.area_id, self.site_id)}
        return {(each.area_id, each.site_id) for each in self.gathered}

    @property
    def source_name(self) -> str:
        """The names of the areas or sites."""
        return ", ".join(source.name for source in self.sources)


class LotSource(Base):
    """An area or site of a lot that was merged from several: gathered from its parents when it came to be, and never changed."""

    __tablename__ = "lot_source"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        UniqueConstraint("lot_id", "area_id"),
        UniqueConstraint("lot_id", "site_id"),
    )

    id: Mapped[bigint_pk]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)

    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()

    @property
    def source(self) -> GrowingArea | ProductionSite:
        """The area or the site."""
        found = self.area or self.site
        assert found is not None  # noqa: S101  the database keeps exactly one of the two
        return found


class LotParent(Base):
    """Goods that passed from one lot into another, to the gram. Append-only: the chain backward and forward is read from here."""

    __tablename__ = "lot_parent"
    __table_args__ = (
        CheckConstraint("grams > 0", name="grams_positive"),
        CheckConstraint("parent_id <> child_id", name="not_its_own_parent"),
    )

    parent_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    child_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"), primary_key=True, index=True)
    grams: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    parent: Mapped[Lot] = relationship(foreign_keys=[parent_id])
    child: Mapped[Lot] = relationship(foreign_keys=[child_id])


class LotRelease(Base):
    """What an external certifier or control body found of a lot, with its document. Append-only: the latest one counts."""

    __tablename__ = "lot_release"
    __table_args__ = (
        CheckConstraint("length(btrim(document)) > 0", name="document_present"),
        Index(None, "lot_id", "at"),
    )

    id: Mapped[uuid_pk]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"))
    conforms: Mapped[bool]
    document: Mapped[str]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    body_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    note: Mapped[str | None]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()
    body: Mapped[Party] = relationship()
    releaser: Mapped[AppUser] = relationship()
