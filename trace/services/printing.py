"""Runs of drawing an order's labels: the first is the print, every later one a reprint with a reason. The sheet itself as PDF.

Drawing writes nothing and gives the same bytes for the same run: what it draws follows from the ledger at the run's moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from labels import sheet
from labels.errors import DoesNotFit, TooSmall
from labels.layout import PRESETS, ROLLS, Layout
from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused
from trace.models.areas import AreaCodeStatus, GrowingAreaCode
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState, PrintRun
from trace.services import history, ordering
from trace.services.gate import UnknownLayout
from trace.services.ledger import LIVE, ReasonMissing, lock_order, movable, write
from trace.services.ordering import LAYOUTS
from trace.services.ranges import as_range, joined, minus, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.services.reach import Reach

# Long enough for a print shop's day, short enough that a later print is asked for anew and counted.
OPEN_FOR = timedelta(hours=24)


class NothingLeftToPrint(Invalid):
    """No label of this order is left to print: all are used, void or gone.

    Place a new order if you need labels.
    """


class SheetClosed(Invalid):
    """This print was open for download until %(until)s.

    Ask for a reprint and say why; it will be counted.
    """


class SkipTooLarge(Invalid):
    """One sheet of this layout has %(cells)s labels, so the first position must be from 1 to %(cells)s.

    Enter the position of the first free label on the first sheet.
    """


class LayoutTooSmall(Invalid):
    """On this layout the code would be too small to scan, or the text would not fit.

    Choose a layout with larger labels.
    """


@dataclass(frozen=True)
class Drawing:
    """A PDF about to be streamed."""

    name: str
    pieces: Iterator[bytes]
    labels: int
    pages: int


def layout_of(name: str) -> Layout:
    """A preset by its name."""
    found: Layout | None = PRESETS.get(name) or ROLLS.get(name)
    if found is None:
        raise UnknownLayout
    return found


def begin(
    session: Session, order_id: UUID, *, layout: str, skip: int, reason: str | None, keyring: Keyring, host: str,
    by: UUID, at: datetime, reach: Reach,
) -> PrintRun:  # fmt: skip
    """Count a drawing of the order's labels. The first moves what is ordered to printed; a later one needs a reason.

    Whatever would stop the drawing is refused here, so that a run that was counted can be drawn.
    """
    order = lock_order(session, order_id, reach)
    if not reach.includes(holder_id=order.holder_id):
        raise NotFound
    last = session.scalar(select(func.max(PrintRun.run)).where(PrintRun.order_id == order_id)) or 0
    reason = (reason or "").strip() or None
    if last and reason is None:
        raise Refused([ReasonMissing()])
    if layout not in LAYOUTS:
        raise Refused([UnknownLayout()])
    run = PrintRun(
        order_id=order_id, run=last + 1, layout=layout, skip=skip, at=at, by=by, reason=reason if last else None
    )
    _draw(session, order, run, keyring=keyring, host=host)
    session.add(run)
    ordered = session.scalars(
        select(LabelRange.serials).where(LabelRange.order_id == order_id, LabelRange.state == LabelState.ORDERED)
    ).all()
    for serials in joined(ordered):
        pieces = movable(session, order, serials, LabelMove.PRINT, reach=reach, refused=[])
        write(session, order, pieces, LabelMove.PRINT, by=by, at=at)
    changes: dict[str, tuple[object, object]] = {"run": (last or None, run.run), "layout": (None, layout)}
    history.record(
        session, "order:reprint" if last else "order:print", order_id, by=by, at=at, changes=changes, why=run.reason
    )
    session.flush()
    return run


def draw(
    session: Session, order_id: UUID, run: int, *, keyring: Keyring, host: str, at: datetime, reach: Reach
) -> Drawing:
    """The PDF of a run, as a stream that needs the session no longer."""
    order = ordering.get(session, order_id, reach=reach)
    found = session.scalars(select(PrintRun).where(PrintRun.order_id == order_id, PrintRun.run == run)).one_or_none()
    if found is None or not reach.includes(holder_id=order.holder_id):
        raise NotFound
    if at > found.at + OPEN_FOR:
        raise SheetClosed(until=found.at + OPEN_FOR)
    return _draw(session, order, found, keyring=keyring, host=host)


def runs(session: Session, order_id: UUID) -> Sequence[PrintRun]:
    """The prints and reprints of an order, newest first."""
    return session.scalars(select(PrintRun).where(PrintRun.order_id == order_id).order_by(PrintRun.run.desc())).all()


def drawable(session: Session, order: LabelOrder, *, as_of: datetime) -> Sequence[Range[int]]:
    """The serials that were neither used nor dead at a moment, by the ledger."""
    dead = session.scalars(
        select(LabelMovement.serials).where(
            LabelMovement.order_id == order.id, LabelMovement.at < as_of, LabelMovement.becomes.not_in(LIVE)
        )
    ).all()
    return minus(order.serials, *joined(dead)) if dead else [order.serials]


def _draw(session: Session, order: LabelOrder, run: PrintRun, *, keyring: Keyring, host: str) -> Drawing:
    layout = layout_of(run.layout)
    if not 0 <= run.skip < layout.cells:
        raise Refused([SkipTooLarge(cells=layout.cells)])
    parts = drawable(session, order, as_of=run.at)
    if not parts:
        raise Refused([NothingLeftToPrint()])
    lines, sample = _lines(session, order, run.at), order.lot.is_sample or order.holder.is_sample
    # A small label takes fewer lines: the least important go first, the product's name stays.
    for kept in range(len(lines), 0, -1):
        try:
            pieces = sheet.stream(
                layout=layout, codes=chain.from_iterable(keyring.codes(as_range(part)) for part in parts), host=host,
                gtin=order.lot.product.gtin, lines=lines[:kept], title=order.number, sample=sample, skip=run.skip,
            )  # fmt: skip
            break
        except (DoesNotFit, TooSmall) as exc:
            if kept == 1:
                raise Refused([LayoutTooSmall()]) from exc
    count = sum(map(size, parts))
    return Drawing(f"tem-{order.number}-{run.run}.pdf", pieces, count, sheet.pages_for(count, layout, run.skip))


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
