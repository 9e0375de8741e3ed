"""What a case is about: who, what acts, which goods, and the exhibits with their seals. Entries are struck with a reason, never deleted."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.competence import LegalQualification
from enforcement.models.base import DESK
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser, Commune, Party


class EntryKind(StrEnum):
    """The kinds of entries in a case."""

    PARTY = "party"
    ACT = "act"
    GOODS = "goods"
    EXHIBIT = "exhibit"
    OBLIGATION = "obligation"


class Entry:
    """What every entry keeps: who wrote it, who struck it and why. `revision` grows with every change.

    `written`: the order in which entries were written, also of those written at the same moment.
    """

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    struck_at: Mapped[datetime | None]
    struck_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    struck_reason: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    written: Mapped[int] = mapped_column(BigInteger, Identity(always=True))


def struck_whole() -> CheckConstraint:
    """An entry is struck by somebody, at a time, for a reason; or not at all."""
    return CheckConstraint(
        "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)", name="struck_by_somebody_for_a_reason"
    )


class CasePartyRole(StrEnum):
    """What a person or organisation is in a case."""

    SUSPECTED = "suspected"
    REPRESENTATIVE = "representative"
    WITNESS = "witness"
    GOODS_OWNER = "goods_owner"


class CaseParty(Entry, Base):
    """A person or organisation in a case, as the papers name them on that day. `party_id`: the same in the register, where it is known there."""

    __tablename__ = "case_party"
    __table_args__ = (
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name="name_present"),
        CheckConstraint("id_number ~ '^([0-9]{12}|[A-Z][0-9A-Z]{5,11})$'", name="id_number_form"),
        CheckConstraint("tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name="tax_code_form"),
        CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name="phone_form"),
        CheckConstraint("NOT is_organisation OR id_number IS NULL", name="organisations_have_no_id_paper"),
        CheckConstraint("represents_id IS NULL OR role = 'representative'", name="only_representatives_represent"),
        CheckConstraint("represents_id <> id", name="represents_another"),
        struck_whole(),
        DESK,
    )

    role: Mapped[CasePartyRole]
    is_organisation: Mapped[bool]
    name: Mapped[str]
    party_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"), index=True)
    represents_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_party.id"))
    id_number: Mapped[str | None]
    id_issued: Mapped[str | None]
    tax_code: Mapped[str | None]
    born_on: Mapped[date | None]
    occupation: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str | None]
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))

    party: Mapped[Party | None] = relationship()
    represents: Mapped[CaseParty | None] = relationship(remote_side="CaseParty.id")
    commune: Mapped[Commune | None] = relationship()


class CaseAct(Entry, Base):
    """One act: what, when, where, who, and as what it is treated. Without an end it still goes on.

    `making`: the goods were made, packed, printed or imported, and not only traded: the law has other brackets for that.
    """

    __tablename__ = "case_act"
    __table_args__ = (
        CheckConstraint("length(btrim(description)) BETWEEN 1 AND 4000", name="description_present"),
        CheckConstraint("ended_on >= began_on", name="ends_after_beginning"),
        struck_whole(),
        DESK,
    )

    description: Mapped[str]
    qualification: Mapped[LegalQualification]
    making: Mapped[bool] = mapped_column(server_default=text("false"))
    began_on: Mapped[date]
    ended_on: Mapped[date | None]
    place: Mapped[str]
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    offender_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_party.id"))

    offender: Mapped[CaseParty | None] = relationship()
    commune: Mapped[Commune | None] = relationship()


class ValuationMethod(StrEnum):
    """How goods are valued, in the order in which the penalties law lets one be used (Art. 60)."""

    LISTED_PRICE = "listed_price"
    FINANCE_NOTICE = "finance_notice"
    MARKET_PRICE = "market_price"
    COST_PRICE = "cost_price"
    GENUINE_PRICE = "genuine_price"
    COUNCIL = "council"


class GoodsLine(Entry, Base):
    """Goods of a case by kind: how many, worth what, valued how. The value is worked out by the database. No act: it counts for every act."""

    __tablename__ = "goods_line"
    __table_args__ = (
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name="name_present"),
        CheckConstraint("length(btrim(unit)) BETWEEN 1 AND 40", name="unit_present"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_value >= 0", name="unit_value_not_negative"),
        CheckConstraint("quantity * unit_value <= 10000000000000", name="value_range"),
        struck_whole(),
        DESK,
    )

    act_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_act.id"))
    name: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Numeric(14, 3))
    unit: Mapped[str]
    unit_value: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[int] = mapped_column(BigInteger, Computed("round(quantity * unit_value)", persisted=True))
    method: Mapped[ValuationMethod]
    valued_on: Mapped[date]
    valuation_note: Mapped[str | None]
    origin: Mapped[str | None]

    act: Mapped[CaseAct | None] = relationship()


class ExhibitState(StrEnum):
    """What became of an exhibit. What is held or with another authority still asks for a decision."""

    HELD = "held"
    HANDED_OVER = "handed_over"
    RETURNED = "returned"
    CONFISCATED = "confiscated"
    DESTROYED = "destroyed"


class Exhibit(Entry, Base):
    """A thing held in a case under a number of its own within the case. `seal_number`: the seal that is on it now."""

    __tablename__ = "exhibit"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("length(btrim(description)) BETWEEN 1 AND 400", name="description_present"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("state NOT IN ('returned', 'destroyed') OR seal_number IS NULL", name="no_seal_on_what_is_gone"),
        struck_whole(),
        Index(
            "uq_exhibit_seal", "seal_number", unique=True, postgresql_where=text("seal_number IS NOT NULL AND struck_at IS NULL")
        ),
        DESK,
    )  # fmt: skip

    seq: Mapped[int]
    description: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Numeric(14, 3))
    unit: Mapped[str]
    condition: Mapped[str]
    kept_at: Mapped[str]
    keeper: Mapped[str]
    goods_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.goods_line.id"))
    measure_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.measure.id"))
    seal_number: Mapped[str | None]
    state: Mapped[ExhibitState] = mapped_column(server_default=ExhibitState.HELD.value)

    goods: Mapped[GoodsLine | None] = relationship()
    events: Mapped[list[ExhibitEvent]] = relationship(order_by="ExhibitEvent.seq")


class ExhibitDeed(StrEnum):
    """What is done with an exhibit."""

    TAKEN = "taken"
    SEALED = "sealed"
    UNSEALED = "unsealed"
    MOVED = "moved"
    HANDED_OVER = "handed_over"
    GIVEN_BACK = "given_back"
    RETURNED = "returned"
    CONFISCATED = "confiscated"
    DESTROYED = "destroyed"


class ExhibitEvent(Base):
    """One deed with an exhibit. Append-only; a seal's number is put on once. `handover_id`: with which hand-over of the file it went and came."""

    __tablename__ = "exhibit_event"
    __table_args__ = (
        UniqueConstraint("exhibit_id", "seq"),
        CheckConstraint("(deed IN ('sealed', 'unsealed')) = (seal_number IS NOT NULL)", name="seal_number_iff_seal"),
        CheckConstraint(
            "deed NOT IN ('unsealed', 'returned', 'confiscated', 'destroyed') OR document_number IS NOT NULL", name="paper_for_what_is_final"
        ),
        CheckConstraint("handover_id IS NULL OR deed IN ('handed_over', 'given_back')", name="with_a_handover"),
        Index("uq_exhibit_event_sealed", "seal_number", unique=True, postgresql_where=text("deed = 'sealed'")),
        DESK,
    )  # fmt: skip

    id: Mapped[bigint_pk]
    exhibit_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.exhibit.id"))
    seq: Mapped[int]
    deed: Mapped[ExhibitDeed]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    handover_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_handover.id"))
    seal_number: Mapped[str | None]
    document_number: Mapped[str | None]
    kept_at: Mapped[str]
    keeper: Mapped[str]
    note: Mapped[str | None]

    author: Mapped[AppUser] = relationship()
