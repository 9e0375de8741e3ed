"""What may be an infringement and waits for a person."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser, Commune, Party

if TYPE_CHECKING:
    from enforcement.models.cases import CaseFile  # noqa: TC004  SQLAlchemy finds the class by its name


class SignalSource(StrEnum):
    """Where a signal comes from."""

    TIP = "tip"
    OBSERVATION = "observation"
    SYSTEM = "system"
    RIGHT_HOLDER = "right_holder"
    AGENCY = "agency"


class SignalState(StrEnum):
    """A signal is new, waits for something, went into a case, or was put aside with a reason."""

    NEW = "new"
    WAITING = "waiting"
    IN_CASE = "in_case"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """How a signal or case ended. Kept apart finely, because outcomes calibrate detection."""

    INFRINGEMENT = "infringement"
    EXPOSED_CODE = "exposed_code"
    DATA_ERROR = "data_error"
    NO_VIOLATION = "no_violation"
    UNDETERMINED = "undetermined"


class Signal(Base):
    """Something that may be an infringement, waiting for a person. One per source and reference, by constraint."""

    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        CheckConstraint("(state = 'in_case') = (case_id IS NOT NULL)", name="case_iff_in_case"),
        CheckConstraint(
            "state <> 'rejected' OR (reason IS NOT NULL AND outcome IS NOT NULL)", name="reason_when_rejected"
        ),
        CheckConstraint(
            "state <> 'waiting' OR (reason IS NOT NULL AND wait_until IS NOT NULL)", name="reason_when_waiting"
        ),
        CheckConstraint("(state = 'new') = (decided_by IS NULL)", name="decider_unless_new"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        Index("ix_signal_queue", "state", "severity", "received_at"),
        DESK,
    )

    id: Mapped[uuid_pk]
    source: Mapped[SignalSource]
    source_ref: Mapped[str]
    source_number: Mapped[str]
    serial: Mapped[int | None] = mapped_column(BigInteger, index=True)
    holder_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"), index=True)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str | None]
    summary: Mapped[str]
    severity: Mapped[int]
    received_at: Mapped[datetime]
    state: Mapped[SignalState]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    reason: Mapped[str | None]
    outcome: Mapped[Outcome | None]
    wait_until: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    case: Mapped[CaseFile | None] = relationship(back_populates="signals")
    commune: Mapped[Commune | None] = relationship()
    holder: Mapped[Party | None] = relationship()
    decider: Mapped[AppUser | None] = relationship()
