"""Control visits with their answers, the nonconformities they find, and how these are corrected.

Open blocking nonconformities close the label gate.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser, Party
from trace.models.titles import ProtectionTitle

if TYPE_CHECKING:
    from trace.models.control_plans import ControlItem, ControlPlan  # noqa: TC004  mapped by name: plans know severities


class ControlLevel(StrEnum):
    """Who controls: the holder itself, the collective, or an outside body."""

    SELF = "self"
    INTERNAL = "internal"
    EXTERNAL = "external"


class Acknowledgement(StrEnum):
    """How the inspected side acknowledged a visit."""

    SIGNED = "signed"
    CODE = "code"
    REFUSED = "refused"
    OWN = "own"


class ControlVisit(Base):
    """One control of an area or a site by the plan in force that day. Answers are taken until it is finished.

    Of an internal or external control the controller is never a person of the controlled; a self-control is the holder's own.
    """

    __tablename__ = "control_visit"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) = 1", name="area_or_site"),
        CheckConstraint("(finished_at IS NULL) = (passed IS NULL)", name="judged_iff_finished"),
        # Visits taken over from before there were plans have no acknowledgement.
        CheckConstraint(
            "finished_at IS NULL OR plan_id IS NULL OR acknowledged IS NOT NULL", name="acknowledged_when_finished"
        ),
        CheckConstraint(
            "acknowledged IS DISTINCT FROM 'refused' OR refusal_reason IS NOT NULL", name="refusal_has_reason"
        ),
        CheckConstraint(
            "acknowledged IS DISTINCT FROM 'signed' OR num_nonnulls(signature_file_id, acknowledged_by_name) = 2",
            name="signature_kept",
        ),
        CheckConstraint("(level = 'self') = (acknowledged = 'own')", name="own_iff_self"),
        Index(None, "holder_id", "visited_on"),
        Index(None, "title_id", "visited_on"),
        Index(
            "ix_control_visit_passed_area", "area_id", "visited_on",
            postgresql_where=text("passed AND level <> 'self' AND area_id IS NOT NULL"),
        ),
        Index(
            "ix_control_visit_passed_site", "site_id", "visited_on",
            postgresql_where=text("passed AND level <> 'self' AND site_id IS NOT NULL"),
        ),
        Index(
            "ix_control_visit_checked_area", "area_id", "visited_on",
            postgresql_where=text("finished_at IS NOT NULL AND level <> 'self' AND area_id IS NOT NULL"),
        ),
        Index(
            "ix_control_visit_checked_site", "site_id", "visited_on",
            postgresql_where=text("finished_at IS NOT NULL AND level <> 'self' AND site_id IS NOT NULL"),
        ),
        Index("ix_control_visit_open", "controller_id", postgresql_where=text("finished_at IS NULL")),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_plan.id"), index=True)
    level: Mapped[ControlLevel]
    visited_on: Mapped[date]
    controller_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    passed: Mapped[bool | None]
    note: Mapped[str] = mapped_column(server_default="")
    recorded_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    acknowledged: Mapped[Acknowledgement | None]
    acknowledged_by_name: Mapped[str | None]
    refusal_reason: Mapped[str | None]
    signature_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    code_tries: Mapped[int] = mapped_column(server_default=text("0"))

    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
    holder: Mapped[Party] = relationship()
    title: Mapped[ProtectionTitle] = relationship()
    controller: Mapped[AppUser] = relationship(foreign_keys=[controller_id])
    plan: Mapped[ControlPlan | None] = relationship("ControlPlan")

    @property
    def source(self) -> GrowingArea | ProductionSite:
        """The area or site that was visited."""
        found = self.area or self.site
        assert found is not None  # noqa: S101  the database keeps exactly one of the two
        return found


class Outcome(StrEnum):
    """What a controller found about one item."""

    CONFORMS = "conforms"
    FAILS = "fails"
    NOT_APPLICABLE = "not_applicable"


class ControlAnswer(Base):
    """An answer to an item as it stood when it was sent; append-only by trigger, the highest sequence is the answer.

    `sequence` is counted by the device for each item, so that what is sent twice is kept once.
    """

    __tablename__ = "control_answer"
    __table_args__ = (
        CheckConstraint("sequence > 0", name="sequence_positive"),
        UniqueConstraint("visit_id", "item_id", "sequence"),
    )

    id: Mapped[bigint_pk]
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("control_visit.id"))
    item_id: Mapped[UUID] = mapped_column(ForeignKey("control_item.id"))
    sequence: Mapped[int]
    outcome: Mapped[Outcome | None]
    note: Mapped[str]
    action: Mapped[str]
    due_on: Mapped[date | None]
    as_before: Mapped[bool]
    answered_at: Mapped[datetime]
    recorded_at: Mapped[datetime]

    item: Mapped[ControlItem] = relationship("ControlItem")


class Severity(StrEnum):
    """How grave a nonconformity is."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Nonconformity(Base):
    """Something found not to conform. While `blocking` and open it closes the gate for the holder or for one source.

    `action_asked` is what the controller asked for; what the holder did is a `CorrectiveAction`. `due_on` moves when an action
    without effect is answered by a new date.
    """

    __tablename__ = "nonconformity"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, site_id) <= 1", name="at_most_one_source"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closer_iff_closed"),
        CheckConstraint("due_on >= found_on", name="dates_ordered"),
        CheckConstraint("length(btrim(description)) > 0", name="description_present"),
        Index("ix_nonconformity_open_blocking", "holder_id", postgresql_where=text("blocking AND closed_at IS NULL")),
        Index(
            "ix_nonconformity_open_blocking_area", "area_id",
            postgresql_where=text("blocking AND closed_at IS NULL AND area_id IS NOT NULL"),
        ),
        Index(
            "ix_nonconformity_open_blocking_site", "site_id",
            postgresql_where=text("blocking AND closed_at IS NULL AND site_id IS NOT NULL"),
        ),
        Index("ix_nonconformity_open_due", "due_on", postgresql_where=text("closed_at IS NULL")),
        Index(None, "title_id", "found_on"),
        Index(None, "visit_id"),
        Index(None, "sample_id"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"), index=True)
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_visit.id"))
    item_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_item.id"))
    sample_id: Mapped[UUID | None] = mapped_column(ForeignKey("control_sample.id"))
    severity: Mapped[Severity]
    blocking: Mapped[bool]
    description: Mapped[str]
    action_asked: Mapped[str] = mapped_column(server_default="")
    found_on: Mapped[date]
    due_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    holder: Mapped[Party] = relationship()
    title: Mapped[ProtectionTitle] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
    item: Mapped[ControlItem | None] = relationship("ControlItem")
    actions: Mapped[list[CorrectiveAction]] = relationship(
        back_populates="nonconformity", order_by="CorrectiveAction.attempt"
    )

    @property
    def last_action(self) -> CorrectiveAction | None:
        """What the holder last said was corrected."""
        return self.actions[-1] if self.actions else None


class CorrectiveAction(Base):
    """What a holder did about a nonconformity, and whether it had effect. One attempt after the other."""

    __tablename__ = "corrective_action"
    __table_args__ = (
        CheckConstraint("attempt > 0", name="attempt_positive"),
        CheckConstraint("length(btrim(action)) > 0", name="action_present"),
        CheckConstraint("(verified_at IS NULL) = (effective IS NULL)", name="judged_iff_verified"),
        CheckConstraint("(verified_at IS NULL) = (verification IS NULL)", name="told_iff_verified"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verifier_iff_verified"),
        CheckConstraint("verified_by <> reported_by", name="two_persons"),
        UniqueConstraint("nonconformity_id", "attempt"),
        Index(
            "uq_corrective_action_open", "nonconformity_id", unique=True, postgresql_where=text("verified_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    nonconformity_id: Mapped[UUID] = mapped_column(ForeignKey("nonconformity.id"))
    attempt: Mapped[int]
    action: Mapped[str]
    due_on: Mapped[date]
    reported_at: Mapped[datetime]
    reported_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    effective: Mapped[bool | None]
    verification: Mapped[str | None]

    nonconformity: Mapped[Nonconformity] = relationship(back_populates="actions")
    reporter: Mapped[AppUser | None] = relationship(foreign_keys=[reported_by])
    verifier: Mapped[AppUser | None] = relationship(foreign_keys=[verified_by])
