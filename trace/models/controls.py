"""Control visits and the nonconformities they find. Open blocking ones close the label gate."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, uuid_pk
from trace.models.parties import Party
from trace.models.titles import ProtectionTitle


class ControlLevel(StrEnum):
    """Who controls: the holder itself, the collective, or an outside body."""

    SELF = "self"
    INTERNAL = "internal"
    EXTERNAL = "external"


class ControlVisit(Base):
    """One control of an area or a site. The controller is never a person of the controlled."""

    __tablename__ = "control_visit"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        Index(None, "holder_id", "visited_on"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    level: Mapped[ControlLevel]
    visited_on: Mapped[date]
    controller_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    passed: Mapped[bool]
    note: Mapped[str] = mapped_column(server_default="")
    recorded_at: Mapped[datetime]

    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()


class Severity(StrEnum):
    """How grave a nonconformity is."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Nonconformity(Base):
    """Something found not to conform. While `blocking` and open it closes the gate for the holder or for one source."""

    __tablename__ = "nonconformity"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) <= 1", name="at_most_one_source"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closer_iff_closed"),
        CheckConstraint("(closed_at IS NULL) = (verification IS NULL)", name="verified_iff_closed"),
        CheckConstraint("due_on >= found_on", name="dates_ordered"),
        CheckConstraint("length(btrim(description)) > 0", name="description_present"),
        Index("ix_nonconformity_open_blocking", "holder_id", postgresql_where=text("blocking AND closed_at IS NULL")),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_visit.id"))
    severity: Mapped[Severity]
    blocking: Mapped[bool]
    description: Mapped[str]
    found_on: Mapped[date]
    due_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    corrective_action: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    verification: Mapped[str | None]

    holder: Mapped[Party] = relationship()
    title: Mapped[ProtectionTitle] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
