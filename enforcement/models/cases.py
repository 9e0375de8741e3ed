"""Cases and the deeds in them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.competence import LegalQualification
from enforcement.models.base import DESK
from enforcement.models.clocks import Deadline
from enforcement.models.evidence import Evidence
from enforcement.models.signals import Outcome, Signal
from enforcement.transitions import CaseState, Move
from trace.models.base import Base, bigint_pk, stored, uuid_pk
from trace.models.parties import AppUser, Commune, Party

# A transaction, and so a deed, by the number that the database gives it: unlike `xmin` the same within its savepoints.
THIS_DEED = text("pg_current_xact_id()::text::bigint")


class CaseFile(Base):
    """A case: its state, its officer, its dates. Both numbers keep working when one case is merged into another."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint("(state IN ('closed', 'archived')) = (closed_at IS NOT NULL)", name="closed_at_iff_closed"),
        CheckConstraint("closed_at IS NULL OR outcome IS NOT NULL", name="outcome_when_closed"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        CheckConstraint("length(btrim(title)) BETWEEN 1 AND 200", name="title_present"),
        CheckConstraint("merged_into_id <> id", name="not_into_itself"),
        CheckConstraint("split_from_id <> id", name="not_split_from_itself"),
        CheckConstraint("last_folio >= 0", name="last_folio_counts"),
        Index("ix_case_file_merged", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")),
        Index("ix_case_file_split", "split_from_id", postgresql_where=text("split_from_id IS NOT NULL")),
        Index("ix_case_file_folded", text("public.fold(title) gin_trgm_ops"), postgresql_using="gin"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[CaseState]
    severity: Mapped[int]
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    suspect_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    legal_qualification: Mapped[LegalQualification | None]
    act_ended_on: Mapped[date | None]
    detected_at: Mapped[datetime | None]
    rule_version: Mapped[str]
    next_due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    changed_in: Mapped[int | None] = mapped_column(
        BigInteger, server_default=THIS_DEED, onupdate=THIS_DEED, deferred=True
    )
    """In which transaction the version moved last: the event that bears the same number says who did it."""
    last_folio: Mapped[int] = mapped_column(server_default=text("0"), deferred=True)
    """The last folio that was given, kept by the trigger of the evidence: also when its piece is removed by force, it is never given again."""
    words: Mapped[str] = mapped_column(Computed("' ' || public.fold(title) || ' '", persisted=True), deferred=True)
    """The title as a search compares it. Folding is dear, so it is done once, when a title is written."""
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"))
    split_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"))

    merged_into: Mapped[CaseFile | None] = relationship(foreign_keys=[merged_into_id], remote_side="CaseFile.id")
    split_from: Mapped[CaseFile | None] = relationship(foreign_keys=[split_from_id], remote_side="CaseFile.id")
    officer: Mapped[AppUser | None] = relationship(foreign_keys=[officer_id])
    opener: Mapped[AppUser] = relationship(foreign_keys=[opened_by])
    commune: Mapped[Commune | None] = relationship()
    suspect: Mapped[Party | None] = relationship()
    signals: Mapped[list[Signal]] = relationship(back_populates="case", order_by="Signal.received_at")
    events: Mapped[list[CaseEvent]] = relationship(order_by="CaseEvent.seq")
    deadlines: Mapped[list[Deadline]] = relationship(order_by="Deadline.due_at")
    evidence: Mapped[list[Evidence]] = relationship(order_by="Evidence.folio")

    __mapper_args__ = {"version_id_col": version}


class CaseEvent(Base):
    """One deed in a case. Append-only; `seq` has no gaps within a case. `move` is empty for deeds that change no state."""

    __tablename__ = "case_event"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        CheckConstraint("(move IS NULL) = (becomes IS NULL)", name="move_has_target"),
        CheckConstraint("seq > 0", name="seq_positive"),
        Index("ix_case_event_moves", "move", "at", postgresql_where=text("move IS NOT NULL")),
        DESK,
    )

    id: Mapped[bigint_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    deed: Mapped[str]
    move: Mapped[Move | None]
    was: Mapped[CaseState | None] = mapped_column(stored(CaseState, "was"))
    becomes: Mapped[CaseState | None] = mapped_column(stored(CaseState, "becomes"))
    note: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    written_in: Mapped[int | None] = mapped_column(BigInteger, server_default=THIS_DEED, deferred=True)

    author: Mapped[AppUser] = relationship()
