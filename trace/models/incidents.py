"""Attacks and floods as incidents: one open incident of a kind, however many tries."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser


class IncidentKind(StrEnum):
    """What seems to be going on."""

    GUESSED_CODES = "guessed_codes"
    UNISSUED_CODES = "unissued_codes"
    GUESSED_HIDDEN = "guessed_hidden"
    REPORT_FLOOD = "report_flood"
    REGISTER_COPIED = "register_copied"
    EVIDENCE_CHANGED = "evidence_changed"
    EVIDENCE_INFECTED = "evidence_infected"
    LETTER_UNDELIVERED = "letter_undelivered"
    CUSTODY_UNWATCHED = "custody_unwatched"


class Incident(Base):
    """Something that the administrator should look at. It concerns the system, never a cooperative or a label."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("tries > 0", name="tries_positive"),
        CheckConstraint("last_at >= opened_at", name="times_in_order"),
        CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (closing_note IS NULL)",
            name="closed_whole",
        ),
        Index("uq_incident_open_kind", "kind", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(None, "last_at"),
    )

    id: Mapped[uuid_pk]
    kind: Mapped[IncidentKind]
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(BigInteger)
    """How many tries were refused, over all networks."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    closing_note: Mapped[str | None]

    closer: Mapped[AppUser | None] = relationship()
