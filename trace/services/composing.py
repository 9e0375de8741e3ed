"""What stands on the labels of an order beside the symbol, and fitting it onto a layout: shared by prints, test prints and files.

Nothing is counted or written here: the same facts give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from labels import look, qr, sheet
from labels.code import CODE_LENGTH
from labels.errors import DoesNotFit, LabelError, NoGlyph, TooSmall
from trace.clock import CITY
from trace.errors import Invalid, Refused
from trace.models.areas import AreaCodeStatus, GrowingAreaCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from labels.layout import Layout
    from labels.logo import Logo
    from labels.source import Source
    from trace.models.labels import LabelOrder


class SkipTooLarge(Invalid):
    """One sheet of this layout has %(cells)s labels, so the first position must be from 1 to %(cells)s.

    Enter the position of the first free label on the first sheet.
    """


class LayoutTooSmall(Invalid):
    """On this layout the code would be too small to scan, or the text would not fit.

    Choose a layout with larger labels.
    """


class SignMissing(Invalid):
    """The label font has no sign for: %(characters)s

    Change the name on the label, or tell the administrator which sign is missing.
    """


@dataclass(frozen=True)
class Composed:
    """All that the labels of an order share, known to fit."""

    layout: Layout
    host: str
    gtin: str | None
    lines: tuple[str, ...]
    logo: Logo | None
    sample: bool
    skip: int
    title: str

    def pdf(self, labels: Source) -> Iterator[bytes]:
        """The sheets in pieces."""
        return sheet.stream(
            layout=self.layout, codes=labels, host=self.host, gtin=self.gtin, lines=self.lines, logo=self.logo, title=self.title,
            order=self.title, sample=self.sample, skip=self.skip,
        )  # fmt: skip


def compose(
    session: Session, order: LabelOrder, layout: Layout, *, host: str, at: datetime, sample: bool, logo: Logo | None = None,
    skip: int = 0,
) -> Composed:  # fmt: skip
    """Fit an order's texts, as they stood at a moment, onto a layout. Whatever would stop the drawing is refused here.

    A small label takes fewer lines: the least important go first, the product's name stays.
    """
    if not 0 <= skip < layout.cells:
        raise Refused([SkipTooLarge(cells=layout.cells)])
    gtin, lines = order.lot.product.gtin, _lines(session, order, at)
    modules = qr.modules_for(len(qr.qr_text("0" * CODE_LENGTH, host=host, gtin=gtin)), layout.elements.level)
    for kept in range(len(lines), 0, -1):
        try:
            look.compose(layout, modules=modules, lines=lines[:kept], sample=sample)
        except (DoesNotFit, TooSmall) as exc:
            if kept == 1:
                raise Refused([LayoutTooSmall()]) from exc
        except NoGlyph as exc:
            raise Refused([SignMissing(**exc.facts)]) from exc
        except LabelError as exc:
            raise Refused([LayoutTooSmall()]) from exc
        else:
            lines = lines[:kept]
            break
    box = logo if layout.elements.logo_width_mm else None
    return Composed(layout, host, gtin, lines, box, sample, skip, order.number)


def is_sample(order: LabelOrder) -> bool:
    """Whether an order belongs to the sample data, so that its labels say so."""
    return order.lot.is_sample or order.holder.is_sample


def _lines(session: Session, order: LabelOrder, at: datetime) -> tuple[str, ...]:
    """What stands beside the symbol, the most important line first."""
    lot = order.lot
    code = session.scalars(
        select(GrowingAreaCode.code)
        .where(
            GrowingAreaCode.area_id == lot.area_id,
            GrowingAreaCode.status == AreaCodeStatus.ACTIVE,
            GrowingAreaCode.valid_during.contains(at.astimezone(CITY).date()),
        )
        .order_by(GrowingAreaCode.code)
        .limit(1)
    ).one_or_none()
    grams = order.pack_weight_g
    weight = f"{grams} g" if grams < 1000 else f"{grams / 1000:g} kg".replace(".", ",")
    lines = (lot.product.name, weight, order.holder.name, lot.product.title.name, code)
    return tuple(line for line in lines if line)
