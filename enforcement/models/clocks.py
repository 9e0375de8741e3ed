"""The law's clocks: rules as dated data, and the clocks that run in cases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from enforcement.deadlines import DeadlineKind, Unit
from enforcement.models.base import DESK
from trace.models.base import Base, bigint_pk, uuid_pk


class DeadlineRule(Base):
    """A legal clock as dated data: length, unit, legal basis, version. What is not confirmed says so."""

    __tablename__ = "deadline_rule"
    __table_args__ = (
        UniqueConstraint("kind", "version"),
        CheckConstraint("amount > 0", name="amount_positive"),
        DESK,
    )

    id: Mapped[bigint_pk]
    kind: Mapped[DeadlineKind]
    amount: Mapped[int]
    unit: Mapped[Unit]
    basis: Mapped[str]
    version: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    needs_verification: Mapped[bool]
    rolls: Mapped[bool]
    counts_start_day: Mapped[bool]
    extensions: Mapped[dict[str, Any]]


class Deadline(Base):
    """A clock running in a case. It keeps the rule it was started under. An extension is decided before expiry."""

    __tablename__ = "deadline"
    __table_args__ = (
        CheckConstraint("due_at > started_at", name="due_after_start"),
        CheckConstraint("met_at IS NULL OR stopped_at IS NULL", name="met_or_stopped"),
        Index(
            "uq_deadline_running",
            "case_id",
            "kind",
            unique=True,
            postgresql_where=text("met_at IS NULL AND stopped_at IS NULL"),
        ),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    kind: Mapped[DeadlineKind]
    basis: Mapped[str]
    rule_version: Mapped[str]
    needs_verification: Mapped[bool]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    note: Mapped[str | None]
