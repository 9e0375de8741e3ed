"""Which lots came from which: one step back, one step forward, and all descendants. Read from what merging and splitting wrote.

What must not live here: the merging and splitting themselves (`lot_changes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.labels import LabelOrder, LabelRange
from trace.models.lots import Lot, LotParent, LotSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy.orm.strategy_options import _AbstractLoad


def parents(session: Session, lot_id: UUID) -> Sequence[LotParent]:
    """The lots that went into a lot, with the grams of each."""
    return session.scalars(
        select(LotParent)
        .join(LotParent.parent)
        .where(LotParent.child_id == lot_id)
        .order_by(Lot.code)
        .options(joinedload(LotParent.parent).options(*named()))
    ).all()


def children(session: Session, lot_id: UUID) -> Sequence[LotParent]:
    """The lots that a lot went into, with the grams of each."""
    return session.scalars(
        select(LotParent)
        .join(LotParent.child)
        .where(LotParent.parent_id == lot_id)
        .order_by(Lot.code)
        .options(joinedload(LotParent.child).options(*named()))
    ).all()


def descendants(session: Session, lot_ids: Iterable[UUID]) -> set[UUID]:
    """All lots that some lots went into, through any number of steps; without these lots themselves."""
    below = select(LotParent.child_id).where(LotParent.parent_id.in_(list(lot_ids))).cte("below", recursive=True)
    below = below.union(select(LotParent.child_id).join(below, LotParent.parent_id == below.c.child_id))
    return set(session.scalars(select(below.c.child_id)))


def origins(session: Session, lot_id: UUID) -> set[UUID]:
    """The recorded lots that a lot came from, through any number of steps; of a recorded lot itself alone."""
    above = select(literal(lot_id).label("lot_id")).cte("above", recursive=True)
    above = above.union(select(LotParent.parent_id).join(above, LotParent.child_id == above.c.lot_id))
    has_parents = select(LotParent.parent_id).where(LotParent.child_id == above.c.lot_id).exists()
    return set(session.scalars(select(above.c.lot_id).where(~has_parents)))


def keepers(session: Session, lot_id: UUID) -> list[tuple[str, int]]:
    """One step forward beyond the lots: who keeps labels that are on goods of a lot, and how many."""
    found: dict[str, int] = {}
    rows = session.scalars(
        select(LabelRange)
        .join(LabelOrder, LabelOrder.id == LabelRange.order_id)
        .where(LabelRange.lot_id == lot_id)
        .options(joinedload(LabelRange.keeper))
    )
    for row in rows:
        found[row.keeper.name] = found.get(row.keeper.name, 0) + (row.serials.upper or 0) - (row.serials.lower or 0)
    return sorted(found.items())


def named() -> tuple[_AbstractLoad, ...]:
    """What the row of a lot in a table names."""
    return (
        joinedload(Lot.area).load_only(GrowingArea.name),
        joinedload(Lot.site).load_only(ProductionSite.name),
        selectinload(Lot.gathered).options(
            joinedload(LotSource.area).load_only(GrowingArea.name),
            joinedload(LotSource.site).load_only(ProductionSite.name),
        ),
    )
