"""A printer that jams: the labels from one serial on are voided and others ordered in their place, in one transaction.

No serial is ever printed twice, so none can live twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from trace.errors import Invalid, NotFound, Refused, TemThatError
from trace.models.labels import LabelMove, LabelOrder, LabelRange
from trace.models.labels import LabelState as State
from trace.services import history, ledger, ordering
from trace.services.ranges import bounds, overlap, size

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

REPLACEABLE = frozenset({State.ORDERED, State.PRINTED, State.RECEIVED})
WRITTEN_OFF = frozenset({State.SPOILED, State.LOST, State.RETURNED, State.VOIDED})


class NotOfThisOrder(Invalid):
    """Serial %(serial)s is not of order %(order)s, which has %(own)s.

    Enter the serial on the first label that has to be printed anew.
    """


class NothingToReplace(Invalid):
    """From this serial on every label of the order is written off already.

    Order new labels if you need them.
    """


def reprint_from(
    session: Session, order_id: UUID, serial: int, *, reason: str, by: UUID, at: datetime, reach: Reach
) -> LabelOrder:
    """Void the labels from a serial to the end of the order's run, and order as many others for the same lot.

    The weight is given back and taken again. What was written off before stays so and is not replaced. If a label in between is
    handed over or on goods, or the gate is closed, nothing happens at all.
    """
    order = ledger.lock_order(session, order_id, reach)
    if not reach.includes(holder_id=order.holder_id):
        raise NotFound
    first, end = bounds(order.serials)
    if not first <= serial < end:
        raise Refused([NotOfThisOrder(serial=serial, order=order.number, own=ordering.show_range(order.serials))])
    rest = Range(serial, end)
    rows = session.scalars(
        select(LabelRange)
        .where(LabelRange.order_id == order_id, LabelRange.serials.overlaps(rest))
        .order_by(LabelRange.serials)
    ).all()
    parts, refused = list[Range[int]](), list[TemThatError]()
    for row in rows:
        part = overlap(row.serials, rest)
        if part is None or row.state in WRITTEN_OFF:
            continue
        parts.append(part)
        if row.state not in REPLACEABLE:
            refused.append(ledger.NotInState(serials=ordering.show_range(part), state=row.state, move=LabelMove.VOID))
    if refused:
        raise Refused(refused)
    if not parts:
        raise Refused([NothingToReplace()])
    ledger.apply(session, order_id, parts, LabelMove.VOID, by=by, at=at, reach=reach, reason=reason)
    made = ordering.place(
        session, lot_id=order.lot_id, quantity=sum(map(size, parts)), pack_weight_g=order.pack_weight_g, layout=order.layout,
        hidden_codes=order.hidden_codes, by=by, at=at, reach=reach,
    )  # fmt: skip
    why, void = reason.strip(), ordering.show_ranges(parts)
    history.record(session, "order:replace", made.id, by=by, at=at, changes={"serials": (void, order.number)}, why=why)
    history.record(session, "order:replaced", order.id, by=by, at=at, changes={"serials": (void, made.number)}, why=why)
    session.flush()
    return made
