"""Goods of a case by kind, with their value and how it was found. What they are worth together decides the bracket of a fine.

What must not live here: the bracket (`fines`), and things that are held (`exhibits`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement.casebook import NotInFuture, said
from enforcement.entries import amend, held, one, put, refuse, strike
from enforcement.models import CaseAct, EntryKind, Exhibit, GoodsLine, ValuationMethod
from trace.clock import CITY
from trace.errors import Conflict, Invalid

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from trace.errors import TemThatError

VALUE_MOST = 10_000_000_000_000
QUANTITY_MOST = 10_000_000_000


class QuantityWrong(Invalid):
    """A quantity is more than nothing and at most ten thousand millions.

    Check the quantity and its unit.
    """


class ValueWrong(Invalid):
    """The goods of one line are worth at most ten million millions of đồng.

    Check the quantity and the price of one unit.
    """


class CouncilMissing(Invalid):
    """A value set by a council names the minutes of the council.

    Write their number and day into the note on the valuation.
    """


class HeldAsExhibit(Conflict):
    """An exhibit belongs to these goods, so the line cannot be struck.

    Correct the exhibit first.
    """


@dataclass(frozen=True)
class GoodsFacts:
    """One line of goods as a form says it."""

    name: str
    quantity: Decimal
    unit: str
    unit_value: int
    method: ValuationMethod
    valued_on: date
    valuation_note: str | None = None
    origin: str | None = None
    act_id: UUID | None = None


def add(session: Session, case_id: UUID, facts: GoodsFacts, *, by: UUID, at: datetime) -> GoodsLine:
    """Enter a line of goods."""
    case = held(session, case_id)
    _judge(session, case, facts, at=at)
    made = GoodsLine(**asdict(facts))
    put(session, case, EntryKind.GOODS, made, facts.name, by=by, at=at)
    session.refresh(made)
    return made


def correct(
    session: Session, case_id: UUID, entry_id: UUID, facts: GoodsFacts, *, revision: int, by: UUID, at: datetime
) -> GoodsLine:
    """Correct a line of goods."""
    case = held(session, case_id)
    found = one(session, GoodsLine, case, entry_id, revision=revision)
    _judge(session, case, facts, at=at)
    amend(session, case, EntryKind.GOODS, found, asdict(facts), name=facts.name, by=by, at=at)
    session.refresh(found)
    return found


def drop(
    session: Session, case_id: UUID, entry_id: UUID, *, reason: str, by: UUID, at: datetime, revision: int | None = None
) -> None:
    """Strike a line of goods of which nothing is held."""
    case = held(session, case_id)
    found = one(session, GoodsLine, case, entry_id, revision=revision)
    if session.scalar(select(Exhibit.id).where(Exhibit.goods_id == found.id, Exhibit.struck_at.is_(None)).limit(1)):
        raise HeldAsExhibit
    strike(session, case, EntryKind.GOODS, found, found.name, reason=reason, by=by, at=at)


def _judge(session: Session, case: CaseFile, facts: GoodsFacts, *, at: datetime) -> None:
    said(facts.name)
    said(facts.unit)
    reasons: list[TemThatError] = []
    if not 0 < facts.quantity <= QUANTITY_MOST:
        reasons.append(QuantityWrong())
    elif not 0 <= facts.unit_value <= VALUE_MOST or facts.quantity * facts.unit_value > VALUE_MOST:
        reasons.append(ValueWrong())
    if facts.valued_on > at.astimezone(CITY).date():
        reasons.append(NotInFuture())
    if facts.method is ValuationMethod.COUNCIL and not facts.valuation_note:
        reasons.append(CouncilMissing())
    refuse(reasons)
    if facts.act_id:
        one(session, CaseAct, case, facts.act_id)
