"""The farm log: what was done on an area or at a site, entry by entry. Nothing is ever changed; a wrong entry is struck out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party
from trace.models.titles import ProtectionTitle


class FarmWork(StrEnum):
    """What was done."""

    FERTILISER = "fertiliser"
    PESTICIDE = "pesticide"
    IRRIGATION = "irrigation"
    HARVEST = "harvest"
    OTHER = "other"


class FarmLogEntry(Base):
    """One piece of work on one day. Append-only by trigger; `corrects_id` is the entry that it was written in the place of.

    `preharvest_days` is the pre-harvest interval of a pesticide, from its label: what is harvested sooner must not be sold.
    """

    __tablename__ = "farm_log_entry"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        CheckConstraint("dose > 0", name="dose_positive"),
        CheckConstraint("(dose IS NULL) = (unit IS NULL)", name="unit_iff_dose"),
        CheckConstraint("preharvest_days BETWEEN 0 AND 365", name="preharvest_days_plausible"),
        CheckConstraint(
            "kind <> 'pesticide' OR num_nulls(product, active_substance, dose, preharvest_days) = 0", name="pesticide_whole"
        ),
        CheckConstraint("length(btrim(done_by)) > 0", name="done_by_present"),
        CheckConstraint("kind <> 'other' OR note IS NOT NULL", name="other_explained"),
        Index(None, "area_id", "done_on"),
        Index(None, "site_id", "done_on"),
        Index(None, "holder_id", "done_on"),
        Index(
            "ix_farm_log_entry_pesticide", "area_id", "site_id", "done_on",
            postgresql_where=text("preharvest_days IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"), index=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"))
    kind: Mapped[FarmWork]
    done_on: Mapped[date]
    done_by: Mapped[str]
    product: Mapped[str | None]
    active_substance: Mapped[str | None]
    dose: Mapped[Decimal | None]
    unit: Mapped[str | None]
    preharvest_days: Mapped[int | None]
    note: Mapped[str | None]
    photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("farm_log_entry.id"), unique=True)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
    photo: Mapped[StoredFile | None] = relationship()
    recorder: Mapped[AppUser] = relationship()
    strike: Mapped[FarmLogStrike | None] = relationship(back_populates="entry")
    correction: Mapped[FarmLogEntry | None] = relationship(
        primaryjoin="FarmLogEntry.id == foreign(remote(FarmLogEntry.corrects_id))", viewonly=True, uselist=False
    )
    """The entry that was written in its place."""

    @property
    def source(self) -> GrowingArea | ProductionSite:
        """The area or site on which it was done."""
        found = self.area or self.site
        assert found is not None  # noqa: S101  the database keeps exactly one of the two
        return found


class FarmLogStrike(Base):
    """An entry struck out as wrong, once, with the reason. Append-only: the entry itself stays readable."""

    __tablename__ = "farm_log_strike"
    __table_args__ = (CheckConstraint("length(btrim(reason)) > 0", name="reason_present"),)

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("farm_log_entry.id"), primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    entry: Mapped[FarmLogEntry] = relationship(back_populates="strike")
    striker: Mapped[AppUser] = relationship()
