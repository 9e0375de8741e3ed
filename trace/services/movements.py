"""The movements of labels across orders, latest first. What must not live here: writing them (`ledger`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from trace.models.labels import LabelMovement, LabelOrder
from trace.services import ordering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach


def recent(
    session: Session, *, reach: Reach, page: int = 1, size: int = 50
) -> tuple[Sequence[tuple[LabelMovement, str]], int]:
    """Movements of the orders within reach, each with the number of its order, and how many there are."""
    orders = select(LabelOrder.id).join(LabelOrder.certificate).where(ordering.within(reach))
    wanted = LabelMovement.order_id.in_(orders)
    total = session.scalar(select(func.count(LabelMovement.id)).where(wanted)) or 0
    statement = (
        select(LabelMovement, LabelOrder.number)
        .join(LabelOrder, LabelOrder.id == LabelMovement.order_id)
        .where(wanted)
        .order_by(LabelMovement.id.desc())
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
    )
    return [(movement, number) for movement, number in session.execute(statement)], total
