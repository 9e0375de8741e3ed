"""The lock at which whoever changes an area or site meets whoever relies on it: labels of its lots, a certificate that is granted for it.

Whoever changes an area, its codes, or a site holds the row alone (`editing.locked`, `alone`); whoever relies on it holds the row with
others (`shared`, `of_lot`). Either the change came first and is seen, or it waits until what relied on the old state exists. These rows
are taken before the rows of balances and lots. What must not live here: what is judged under the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BindParameter, bindparam, func, select, union_all

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.lots import Lot, LotSource

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy.orm import Session


def shared(session: Session, *, area_ids: Collection[UUID], site_ids: Collection[UUID]) -> None:
    """Hold areas and sites as they are until the commit, and read them anew. Others may hold them so too."""
    for model, ids in ((GrowingArea, area_ids), (ProductionSite, site_ids)):
        if ids:
            session.execute(
                select(model)
                .where(model.id.in_(ids))
                .order_by(model.id)
                .with_for_update(of=model, read=True)
                .execution_options(populate_existing=True)
            )


def of_lot(session: Session, lot_id: UUID) -> None:
    """Hold the areas and sites of a lot as they are until the commit. They never change, so no lock on the lot is needed first."""
    session.execute(_OF_LOT, {"lot_id": lot_id})


def alone(session: Session, area_id: UUID) -> None:
    """Hold an area against all who rely on it, until the commit."""
    session.execute(select(GrowingArea.id).where(GrowingArea.id == area_id).with_for_update(key_share=True))


_LOT: BindParameter[UUID] = bindparam("lot_id")
_AREAS, _SITES = (
    select(model.id)
    .where(
        model.id.in_(
            union_all(select(own).where(Lot.id == _LOT), select(part).where(LotSource.lot_id == _LOT)).scalar_subquery()
        )
    )
    .order_by(model.id)
    .with_for_update(of=model, read=True)
    .cte(f"held_{model.__tablename__}")
    for model, own, part in (
        (GrowingArea, Lot.area_id, LotSource.area_id),
        (ProductionSite, Lot.site_id, LotSource.site_id),
    )
)
# Counted, because a query that nobody reads is not run and would lock nothing.
_OF_LOT = select(
    select(func.count()).select_from(_AREAS).scalar_subquery(),
    select(func.count()).select_from(_SITES).scalar_subquery(),
)
