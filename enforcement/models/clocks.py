"""The clocks that run in cases, every reckoning of them, and the reminders they gave rise to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.deadlines import DeadlineKind, Unit
from enforcement.models.base import DESK
from enforcement.transitions import Duty
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser


class EndedAs(StrEnum):
    """How a clock ended."""

    FULFILLED = "fulfilled"  # what it asked for was done in time
    LATE = "late"  # it was done, but after the end
    WITHOUT_OBJECT = "without_object"  # another step made it needless
    STOPPED = "stopped"  # called off: the case was closed, or another clock took its place


class ReckoningCause(StrEnum):
    """Why a clock was reckoned."""

    STARTED = "started"
    EXTENDED = "extended"
    START_CORRECTED = "start_corrected"
    REQUALIFIED = "requalified"
    CALENDAR_CHANGED = "calendar_changed"
    AGREED_ANEW = "agreed_anew"


class Deadline(Base):
    """A clock running in a case. It keeps the rule it was started under. An extension is decided before expiry.

    `recount_due_at`: when it would end under the calendar as it stands now, if that differs; a person takes it over.
    """

    __tablename__ = "deadline"
    __table_args__ = (
        CheckConstraint("due_at > started_at", name="due_after_start"),
        CheckConstraint("met_at IS NULL OR stopped_at IS NULL", name="met_or_stopped"),
        CheckConstraint(
            "(ended_as IS NULL) = (met_at IS NULL AND stopped_at IS NULL)"
            " AND (stopped_at IS NOT NULL) = coalesce(ended_as = 'stopped', false)",
            name="ended_somehow",
        ),
        CheckConstraint("ended_as <> 'fulfilled' OR met_at <= due_at", name="fulfilled_in_time"),
        CheckConstraint("ended_as <> 'late' OR met_at > due_at", name="late_after_due"),
        CheckConstraint(
            "(extension_amount IS NULL) = (extension_unit IS NULL) AND extension_amount > 0", name="extension_whole"
        ),
        CheckConstraint("(recount_due_at IS NULL) = (recount_found_at IS NULL)", name="recount_whole"),
        Index(
            "uq_deadline_running",
            "case_id",
            "kind",
            "subject_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("met_at IS NULL AND stopped_at IS NULL"),
        ),
        Index(
            "ix_deadline_running_due", "due_at", postgresql_where=text("met_at IS NULL AND stopped_at IS NULL")
        ),
        Index("ix_deadline_recount", "recount_found_at", postgresql_where=text("recount_due_at IS NOT NULL")),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    kind: Mapped[DeadlineKind]
    subject_id: Mapped[UUID | None]
    """The measure or document that the clock is for, where a case may have several of a kind."""
    basis: Mapped[str]
    rule_version: Mapped[str]
    needs_verification: Mapped[bool]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    ended_as: Mapped[EndedAs | None]
    note: Mapped[str | None]
    extension_amount: Mapped[int | None]
    extension_unit: Mapped[Unit | None]
    recount_due_at: Mapped[datetime | None]
    recount_found_at: Mapped[datetime | None]

    reckonings: Mapped[list[DeadlineReckoning]] = relationship(
        order_by="DeadlineReckoning.id", back_populates="deadline"
    )
    reminders: Mapped[list[DeadlineReminder]] = relationship(order_by="DeadlineReminder.id", back_populates="deadline")


class DeadlineReckoning(Base):
    """One reckoning of a clock: from when, to when it had run and to when it runs now, why and by whom. Append-only.

    `by` is empty only where a step of the case started the clock: the event of that step names the person.
    """

    __tablename__ = "deadline_reckoning"
    __table_args__ = (
        CheckConstraint("(cause = 'started') = (was_due IS NULL)", name="first_has_no_end_before"),
        CheckConstraint("cause = 'started' OR (\"by\" IS NOT NULL AND length(btrim(reason)) > 0)", name="who_and_why"),
        CheckConstraint("due_at > started_at", name="due_after_start"),
        DESK,
    )

    id: Mapped[bigint_pk]
    deadline_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.deadline.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    cause: Mapped[ReckoningCause]
    reason: Mapped[str | None]
    decision_number: Mapped[str | None]
    started_at: Mapped[datetime]
    was_due: Mapped[datetime | None]
    due_at: Mapped[datetime]
    basis: Mapped[str]
    rule_version: Mapped[str]
    needs_verification: Mapped[bool]

    deadline: Mapped[Deadline] = relationship(back_populates="reckonings")
    author: Mapped[AppUser | None] = relationship()


class DeadlineReminder(Base):
    """That a clock came near its end or passed it, said to a duty of the desk: once for each end and step. Append-only.

    `mark`: working days (hours for clocks in hours) before the end if positive, after it if zero or negative.
    """

    __tablename__ = "deadline_reminder"
    __table_args__ = (
        UniqueConstraint("deadline_id", "due_at", "duty", "mark"),
        CheckConstraint("duty = 'officer' OR mark <= 0", name="heads_only_after"),
        DESK,
    )

    id: Mapped[bigint_pk]
    deadline_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.deadline.id"))
    due_at: Mapped[datetime]
    duty: Mapped[Duty]
    mark: Mapped[int]
    made_at: Mapped[datetime]

    deadline: Mapped[Deadline] = relationship(back_populates="reminders")
