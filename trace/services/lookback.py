"""Labels as they stood at any past moment, from the append-only ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, DateTime, select, true
from sqlalchemy.orm import joinedload

from trace.models.labels import LabelMovement
from trace.services import keeping
from trace.services.listed import listed
from trace.services.ranges import bounds, minus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

    from trace.models.labels import LabelOrder, LabelState
    from trace.models.parties import Party
    from trace.services.reach import Reach


@dataclass(frozen=True)
class Stood:
    """Serials that shared state and keeper at a moment."""

    serials: Range[int]
    state: LabelState
    keeper: Party
    since: datetime


def ranges_at(session: Session, order: LabelOrder, *, as_of: datetime, reach: Reach) -> Sequence[Stood]:
    """The ranges of an order at a moment, in order of their serials, as far as somebody may see them; none before its issue."""
    moves = session.scalars(
        select(LabelMovement)
        .where(LabelMovement.order_id == order.id, LabelMovement.at <= as_of)
        .order_by(LabelMovement.at, LabelMovement.id)
        .options(joinedload(LabelMovement.keeper))
    )
    stood = list[Stood]()
    for move in moves:
        stood = [
            Stood(left, each.state, each.keeper, each.since)
            for each in stood
            for left in minus(each.serials, move.serials)
        ]
        stood.append(Stood(move.serials, move.becomes, move.keeper, move.at))
    everything = keeping.sees_all(order, reach)
    return sorted(
        (each for each in stood if everything or each.keeper.id in reach.holders), key=lambda each: bounds(each.serials)
    )


def states_at(session: Session, moments: Mapping[int, datetime]) -> dict[int, LabelState]:
    """The state of each label at its moment, from the ledger alone; without those that were not issued yet."""
    if not moments:
        return {}
    asked = listed(("serial", BigInteger(), moments), ("at", DateTime(timezone=True), moments.values()))
    last = (
        select(LabelMovement.becomes)
        .where(LabelMovement.serials.contains(asked.c.serial), LabelMovement.at <= asked.c.at)
        .order_by(LabelMovement.at.desc(), LabelMovement.id.desc())
        .limit(1)
        .lateral()
    )
    found = session.execute(select(asked.c.serial, last.c.becomes).select_from(asked).join(last, true()))
    return {row.serial: row.becomes for row in found}
