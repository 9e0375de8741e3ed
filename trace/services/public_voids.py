"""The public list of labels that must not be on goods: ranges, product, day and class of reason. No holder, no reason in words.

A range goes by the first six signs of its codes, which everybody can read on a label; whole codes are never listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import contains_eager, load_only

from labels.code import show_serial, signs_of
from trace.models.labels import LabelOrder, LabelRange, LabelState
from trace.models.lots import Lot
from trace.models.titles import Product, ProtectionTitle
from trace.services import titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

OUT_OF_USE = (LabelState.VOIDED, LabelState.LOST, LabelState.RECALLED, LabelState.SPOILED, LabelState.RETURNED)


@dataclass(frozen=True)
class Voided:
    """Serials that must not be on goods for sale, both ends included."""

    first: int
    last: int
    state: LabelState
    since: datetime
    product: Product

    @property
    def count(self) -> int:
        """How many labels."""
        return self.last - self.first + 1

    @property
    def serials(self) -> str:
        """The numbers of the range as people read them."""
        ends = (show_serial(self.first), show_serial(self.last))
        return ends[0] if self.first == self.last else " – ".join(ends)

    @property
    def signs(self) -> tuple[str, str]:
        """The first six signs of the first and of the last code."""
        return signs_of(self.first), signs_of(self.last)


def listing(
    session: Session,
    *,
    state: LabelState | None = None,
    product_id: UUID | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[Sequence[Voided], int]:
    """Ranges out of use, latest first, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [
        LabelRange.state.in_([state] if state in OUT_OF_USE else OUT_OF_USE),
        titles.is_public(),
    ]
    if product_id is not None:
        wanted.append(Product.id == product_id)
    base = (
        select(LabelRange, Product)
        .join(LabelRange.order)
        .join(Lot, Lot.id == LabelOrder.lot_id)
        .join(Product, Product.id == Lot.product_id)
        .join(Product.title)
        .where(*wanted)
    )
    counted = base.with_only_columns(func.count(LabelRange.id))
    total = session.scalar(counted) or 0
    if not total:
        return [], 0
    rows = session.execute(
        base.order_by(LabelRange.since.desc(), LabelRange.id.desc())
        .limit(size)
        .offset((page - 1) * size)
        .options(
            load_only(LabelRange.serials, LabelRange.state, LabelRange.since),
            contains_eager(Product.title).defer(ProtectionTitle.area),
        )
    )  # fmt: skip
    return [
        Voided(each.serials.lower or 0, (each.serials.upper or 1) - 1, each.state, each.since, product)
        for each, product in rows
    ], total
