"""Label keys, orders, and the ledger of serial ranges. No label has a row of its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk, stored, uuid_pk
from trace.models.certificates import UseCertificate
from trace.models.lots import EligibleBalance, Lot
from trace.models.parties import AppUser, Party

LAST_SERIAL = 2**30 - 1
"""The last serial that a code of twelve characters can name."""
FIRST_SAMPLE_SERIAL = 2**30 - 2**20
"""From here on serials are of test prints; labels that are issued stay below."""


class LabelKey(Base):
    """A key that makes the tags of all serials from `first_serial` up to the next key. The secret is wrapped."""

    __tablename__ = "label_key"
    __table_args__ = (CheckConstraint("first_serial > 0", name="first_serial_positive"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    first_serial: Mapped[int] = mapped_column(BigInteger, unique=True)
    wrapped_secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class LabelSeries(Base):
    """The one city-wide series: the next serial to give. A locked row, not a sequence, so that no serial is skipped."""

    __tablename__ = "label_series"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint(f"next_serial BETWEEN 1 AND {FIRST_SAMPLE_SERIAL}", name="within_thirty_bits"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    next_serial: Mapped[int] = mapped_column(BigInteger)


class LabelOrder(Base):
    """An order that passed the gate, with the serials it was given. A million labels are one row."""

    __tablename__ = "label_order"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("pack_weight_g > 0", name="pack_weight_positive"),
        CheckConstraint("upper(serials) - lower(serials) = quantity", name="serials_match_quantity"),
        ExcludeConstraint(("serials", "&&"), using="gist", name="ex_label_order_serials_once"),
        Index(None, "holder_id", "placed_at"),
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("use_certificate.id"), index=True)
    balance_id: Mapped[UUID] = mapped_column(ForeignKey("eligible_balance.id"), index=True)
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"), index=True)
    pack_weight_g: Mapped[int]
    quantity: Mapped[int] = mapped_column(BigInteger)
    serials: Mapped[Range[int]]
    layout: Mapped[str]
    hidden_codes: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether each label carries six digits under a scratch layer."""
    placed_at: Mapped[datetime]
    placed_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    holder: Mapped[Party] = relationship()
    certificate: Mapped[UseCertificate] = relationship()
    balance: Mapped[EligibleBalance] = relationship()
    lot: Mapped[Lot] = relationship()
    clerk: Mapped[AppUser] = relationship()
    ranges: Mapped[list[LabelRange]] = relationship(back_populates="order", order_by="LabelRange.serials")


class LabelState(StrEnum):
    """States of a range of labels. Which move leads from which to which is data in `trace.services.ledger`."""

    ORDERED = "ordered"
    PRINTED = "printed"
    RECEIVED = "received"
    HANDED_OVER = "handed_over"
    ACTIVATED = "activated"
    USED = "used"
    SPOILED = "spoiled"
    LOST = "lost"
    RETURNED = "returned"
    VOIDED = "voided"
    RECALLED = "recalled"


class LabelRange(Base):
    """Serials that share state, keeper and lot. Ranges are disjoint and cover every serial issued."""

    __tablename__ = "label_range"
    __table_args__ = (
        CheckConstraint(
            "NOT isempty(serials) AND lower(serials) > 0 AND NOT upper_inf(serials)", name="serials_bounded"
        ),
        CheckConstraint(
            "(state IN ('activated', 'used', 'recalled')) = (lot_id IS NOT NULL)", name="lot_iff_activated"
        ),
        ExcludeConstraint(("serials", "&&"), using="gist", name="ex_label_range_serial_once"),
        Index(
            "ix_label_range_out_of_use",
            "since",
            "id",
            postgresql_where=text("state IN ('spoiled', 'lost', 'returned', 'voided', 'recalled')"),
        ),
        Index(None, "order_id"),
        Index(None, "keeper_id", "state"),
    )

    id: Mapped[bigint_pk]
    serials: Mapped[Range[int]]
    state: Mapped[LabelState]
    since: Mapped[datetime]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"))
    keeper_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey("lot.id"), index=True)

    order: Mapped[LabelOrder] = relationship(back_populates="ranges")
    keeper: Mapped[Party] = relationship()
    lot: Mapped[Lot | None] = relationship()


class LabelMove(StrEnum):
    """Deeds that move labels from one state to the next."""

    ISSUE = "issue"
    PRINT = "print"
    RECEIVE = "receive"
    HAND_OVER = "hand_over"
    ACTIVATE = "activate"
    USE = "use"
    SPOIL = "spoil"
    LOSE = "lose"
    RETURN = "return"
    VOID = "void"
    RECALL = "recall"


class LabelMovement(Base):
    """One deed on one range: the append-only ledger. The state of any serial on any day follows from it."""

    __tablename__ = "label_movement"
    __table_args__ = (
        CheckConstraint("NOT isempty(serials)", name="serials_not_empty"),
        CheckConstraint("(move = 'issue') = (was IS NULL)", name="issue_comes_from_nothing"),
        CheckConstraint(
            "move NOT IN ('spoil', 'lose', 'return', 'void', 'recall') OR reason IS NOT NULL", name="reason_for_loss"
        ),
        CheckConstraint("move <> 'hand_over' OR handover_id IS NOT NULL", name="handover_has_two_sides"),
        Index(None, "order_id", "at"),
        Index(None, "serials", postgresql_using="gist"),
    )

    id: Mapped[bigint_pk]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"))
    serials: Mapped[Range[int]]
    move: Mapped[LabelMove]
    was: Mapped[LabelState | None] = mapped_column(stored(LabelState, "was"))
    becomes: Mapped[LabelState] = mapped_column(stored(LabelState, "becomes"))
    keeper_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey("lot.id"))
    handover_id: Mapped[UUID | None] = mapped_column(ForeignKey("label_handover.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str | None]

    author: Mapped[AppUser] = relationship()
    keeper: Mapped[Party] = relationship()


class HandoverState(StrEnum):
    """A hand-over waits for the other side, which takes it or refuses it; the giver may withdraw it."""

    OFFERED = "offered"
    TAKEN = "taken"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class LabelHandover(Base):
    """Labels passed from one party to another, confirmed by a person on each side, never the same person."""

    __tablename__ = "label_handover"
    __table_args__ = (
        CheckConstraint("giver_id <> taker_id", name="two_parties"),
        CheckConstraint("answered_by <> offered_by OR state = 'withdrawn'", name="two_persons"),
        CheckConstraint("(state = 'offered') = (answered_at IS NULL)", name="answered_unless_offered"),
        CheckConstraint("(answered_at IS NULL) = (answered_by IS NULL)", name="answerer_iff_answered"),
        ExcludeConstraint(
            ("serials", "&&"), using="gist", where=text("state = 'offered'"), name="ex_label_handover_one_offer",
        ),
        Index(None, "taker_id", "state"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"), index=True)
    serials: Mapped[Range[int]]
    giver_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    taker_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    state: Mapped[HandoverState]
    offered_at: Mapped[datetime]
    offered_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    note: Mapped[str | None]

    order: Mapped[LabelOrder] = relationship()
    giver: Mapped[Party] = relationship(foreign_keys=[giver_id])
    taker: Mapped[Party] = relationship(foreign_keys=[taker_id])


class LabelGap(Base):
    """A difference between ledger and ranges of an order that was found by the clock, and the nonconformity opened for it."""

    __tablename__ = "label_gap"
    __table_args__ = (UniqueConstraint("order_id", "difference"),)

    id: Mapped[bigint_pk]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"))
    difference: Mapped[str]
    nonconformity_id: Mapped[UUID] = mapped_column(ForeignKey("nonconformity.id"), unique=True)
    found_at: Mapped[datetime]


class PrintRun(Base):
    """One drawing of an order's labels. The first is the print; every later one is a reprint and says why."""

    __tablename__ = "print_run"
    __table_args__ = (
        CheckConstraint("run > 0", name="run_positive"),
        CheckConstraint("run = 1 OR reason IS NOT NULL", name="reprint_has_reason"),
        Index("uq_print_run_order_run", "order_id", "run", unique=True),
    )

    id: Mapped[bigint_pk]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"))
    run: Mapped[int]
    layout: Mapped[str]
    printer: Mapped[str | None]
    """As the clerk calls it; unknown for prints that nobody named one for."""
    logo_id: Mapped[UUID | None] = mapped_column(ForeignKey("label_logo.id"))
    skip: Mapped[int] = mapped_column(server_default=text("0"))
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str | None]

    author: Mapped[AppUser] = relationship()
