"""Control plans: what is checked of a title's sources, how, how often, and how grave a failure is.

A version in force is superseded, never edited. Which items gate labels stands in the use regulation (`trace.services.rules`), not here.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, Revised, uuid_pk
from trace.models.controls import Severity
from trace.models.titles import ProtectionTitle


class EvidenceKind(StrEnum):
    """What an answer to an item has to come with."""

    NONE = "none"
    NOTE = "note"
    PHOTO = "photo"
    FILE = "file"


class Frequency(StrEnum):
    """How often an item is checked at every source."""

    EVERY_VISIT = "every_visit"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"


class ControlPlan(Revised, Base):
    """A version of a title's control plan. Without a period it is a draft; a title has at most one draft."""

    __tablename__ = "control_plan"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("NOT isempty(valid_during)", name="period_not_empty"),
        UniqueConstraint("title_id", "version"),
        ExcludeConstraint(
            ("title_id", "="), ("valid_during", "&&"), using="gist", name="ex_control_plan_one_in_force",
        ),
        Index("uq_control_plan_draft", "title_id", unique=True, postgresql_where=text("valid_during IS NULL")),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    version: Mapped[int]
    summary: Mapped[str] = mapped_column(server_default="")
    valid_during: Mapped[Range[date] | None]
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    title: Mapped[ProtectionTitle] = relationship()
    items: Mapped[list[ControlItem]] = relationship(
        back_populates="plan", order_by="ControlItem.position, ControlItem.code", cascade="all, delete-orphan"
    )


class ControlItem(Base):
    """One thing to check. Its code names it across versions, in use regulations and in reports."""

    __tablename__ = "control_item"
    __table_args__ = (
        CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9.-]{0,15}$'", name="code_form"),
        CheckConstraint("length(btrim(wording)) > 0", name="wording_present"),
        CheckConstraint(
            "cardinality(levels) > 0 AND levels <@ ARRAY['self'::text, 'internal'::text, 'external'::text]",
            name="levels_known",
        ),
        UniqueConstraint("plan_id", "code"),
    )

    id: Mapped[uuid_pk]
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("control_plan.id"))
    position: Mapped[int]
    code: Mapped[str]
    wording: Mapped[str]
    method: Mapped[str] = mapped_column(server_default="")
    frequency: Mapped[Frequency]
    severity: Mapped[Severity]
    evidence: Mapped[EvidenceKind]
    levels: Mapped[list[str]] = mapped_column(ARRAY(Text))

    plan: Mapped[ControlPlan] = relationship(back_populates="items")
