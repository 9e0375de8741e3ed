"""What one decision means for one offender: the fine act by act, whether it was handed over; and who had the right to explain first."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from enforcement.models.casework import CaseAct, CaseParty
from enforcement.models.papers import CasePaper
from trace.models.base import Base, bigint_pk, uuid_pk


class Ruling(Base):
    """What a decision says of one offender. A decision of several has one for each; nobody is decided on twice in a case.

    `fine` empty: nobody is fined by this paper. `served_on`: the day on which this offender got it; the time to carry it out runs from then.
    """

    __tablename__ = "ruling"
    __table_args__ = (
        UniqueConstraint("party_id"),
        CheckConstraint("num_nulls(fine, bracket_low, bracket_top) IN (0, 3)", name="fine_with_its_bracket"),
        CheckConstraint("fine IS NULL OR (fine > 0 AND fine BETWEEN bracket_low AND bracket_top)", name="fine_within_bracket"),
        CheckConstraint("confiscation >= 0", name="confiscation_not_negative"),
        CheckConstraint("num_nulls(served_on, served_to) IN (0, 2)", name="served_to_somebody_on_a_day"),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    paper_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_paper.id"), index=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_party.id"))
    is_organisation: Mapped[bool]
    fine: Mapped[int | None] = mapped_column(BigInteger)
    bracket_low: Mapped[int | None] = mapped_column(BigInteger)
    bracket_top: Mapped[int | None] = mapped_column(BigInteger)
    deviation_reason: Mapped[str | None]
    confiscation: Mapped[int | None] = mapped_column(BigInteger)
    served_on: Mapped[date | None]
    served_to: Mapped[str | None]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    paper: Mapped[CasePaper] = relationship()
    party: Mapped[CaseParty] = relationship()
    lines: Mapped[list[FineLine]] = relationship(order_by="FineLine.id")


class FineLine(Base):
    """The fine of one offender for one act, within the bracket of that act. Append-only."""

    __tablename__ = "fine_line"
    __table_args__ = (
        UniqueConstraint("ruling_id", "act_id"),
        CheckConstraint("amount > 0 AND amount BETWEEN bracket_low AND bracket_top", name="amount_within_bracket"),
        DESK,
    )

    id: Mapped[bigint_pk]
    ruling_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.ruling.id"))
    act_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_act.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    bracket_low: Mapped[int] = mapped_column(BigInteger)
    bracket_top: Mapped[int] = mapped_column(BigInteger)
    bracket_basis: Mapped[str]

    act: Mapped[CaseAct] = relationship()


class ExplanationEnd(StrEnum):
    """What became of the right to explain: used in writing or at a meeting, given up in writing, or not used in its time."""

    WRITTEN = "written"
    MEETING = "meeting"
    WAIVED = "waived"
    UNUSED = "unused"


class Explanation(Base):
    """Whether one offender may explain before the decision, on which figures of the law that rests, and what became of it.

    `bracket_top` empty: the law data holds no bracket, so the right is granted. `suspension`: a suspension or the loss of a licence is foreseen.
    """

    __tablename__ = "explanation"
    __table_args__ = (
        UniqueConstraint("party_id"),
        CheckConstraint("num_nulls(outcome, settled_on, settled_by) IN (0, 3)", name="settled_whole"),
        CheckConstraint("outcome IS NULL OR owed", name="only_whoever_may_explains"),
        CheckConstraint("outcome IS NULL OR outcome = 'unused' OR document_number IS NOT NULL", name="paper_when_explained"),
        CheckConstraint("owed OR (NOT suspension AND coalesce(bracket_top < threshold, false))", name="owed_by_the_figures"),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_party.id"))
    owed: Mapped[bool]
    bracket_top: Mapped[int | None] = mapped_column(BigInteger)
    threshold: Mapped[int | None] = mapped_column(BigInteger)
    suspension: Mapped[bool]
    basis: Mapped[str]
    version: Mapped[str]
    needs_verification: Mapped[bool]
    judged_at: Mapped[datetime]
    outcome: Mapped[ExplanationEnd | None]
    settled_on: Mapped[date | None]
    document_number: Mapped[str | None]
    settled_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    party: Mapped[CaseParty] = relationship()
