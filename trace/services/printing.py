"""Runs of drawing an order's labels: the first is the print, every later one a reprint with a reason. The sheet itself as PDF.

Drawing writes nothing and gives the same bytes for the same run: what it draws follows from the ledger at the run's moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from labels import sheet
from trace.errors import Invalid, NotFound, Refused
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState, PrintRun
from trace.models.printing import DrawingKind
from trace.services import composing, history, layouts, ordering, samples
from trace.services.ledger import LIVE, ReasonMissing, lock_order, movable, write
from trace.services.outputs import has_hidden_codes
from trace.services.ranges import as_range, joined, minus, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from labels.layout import Layout
    from labels.source import Labels
    from trace.services.reach import Reach

# As long as a file is kept; whoever needs the labels again later asks for a reprint, which is counted.
OPEN_FOR = timedelta(days=30)
MOST_STREAMED = 5000
"""Labels that are drawn while they are sent. More are drawn in the background, into a file."""


class TooManyToStream(Invalid):
    """This print has %(labels)s labels, too many to be drawn while you wait.

    Ask for the file under Files; it is drawn in the background.
    """


class NothingLeftToPrint(Invalid):
    """No label of this order is left to print: all are used, void or gone.

    Place a new order if you need labels.
    """


class SheetClosed(Invalid):
    """This print was open for download until %(until)s.

    Ask for a reprint and say why; it will be counted.
    """


@dataclass(frozen=True)
class Sheets:
    """A PDF about to be streamed."""

    name: str
    pieces: Iterator[bytes]
    labels: int
    pages: int


def begin(
    session: Session, order_id: UUID, *, layout: str, skip: int, reason: str | None, keyring: Keyring, host: str,
    by: UUID, at: datetime, reach: Reach, printer: str | None = None,
) -> PrintRun:  # fmt: skip
    """Count a drawing of the order's labels. The first moves what is ordered to printed; a later one needs a reason.

    Whatever would stop the drawing is refused here, so that a run that was counted can be drawn. `printer` is the one of the
    last test print or print, unless named.
    """
    order = lock_order(session, order_id, reach)
    if not reach.includes(holder_id=order.holder_id):
        raise NotFound
    last = session.scalar(select(func.max(PrintRun.run)).where(PrintRun.order_id == order_id)) or 0
    reason = (reason or "").strip() or None
    if last and reason is None:
        raise Refused([ReasonMissing()])
    if faults := layouts.scratch_faults(session, layout, holder_id=order.holder_id, hidden_codes=order.hidden_codes):
        raise Refused(faults)
    sign = layouts.logo_in_use(session, holder_id=order.holder_id, title_id=order.lot.product.title_id)
    run = PrintRun(
        order_id=order_id, logo_id=sign.id if sign else None, run=last + 1, layout=layout, skip=skip, at=at, by=by, reason=reason if last else None,
        printer=" ".join((printer or "").split())[:samples.PRINTER_LENGTH] or last_printer(session, order_id),
    )  # fmt: skip
    _draw(session, order, run, keyring=keyring, host=host)
    session.add(run)
    ordered = session.scalars(
        select(LabelRange.serials).where(LabelRange.order_id == order_id, LabelRange.state == LabelState.ORDERED)
    ).all()
    for serials in joined(ordered):
        pieces = movable(session, order, serials, LabelMove.PRINT, reach=reach, refused=[])
        write(session, order, pieces, LabelMove.PRINT, by=by, at=at)
    changes: dict[str, tuple[object, object]] = {
        "run": (last or None, run.run),
        "layout": (None, layouts.said(session, layout, holder_id=order.holder_id)),
    }
    history.record(
        session, "order:reprint" if last else "order:print", order_id, by=by, at=at, changes=changes, why=run.reason
    )
    session.flush()
    return run


def draw(
    session: Session, order_id: UUID, run: int, *, keyring: Keyring, host: str, at: datetime, reach: Reach,
    by: UUID | None = None,
) -> Sheets:  # fmt: skip
    """The PDF of a run, as a stream that needs the session no longer. `by` whom hidden codes are taken is written down."""
    order = ordering.get(session, order_id, reach=reach)
    asked = open_run(session, order, run, at=at, reach=reach)
    drawing = _draw(session, order, asked, keyring=keyring, host=host)
    if drawing.labels > MOST_STREAMED:
        raise TooManyToStream(labels=drawing.labels)
    note_taken(session, order, asked, DrawingKind.PDF, by=by, at=at)
    return drawing


def note_taken(
    session: Session, order: LabelOrder, run: PrintRun, kind: DrawingKind, *, by: UUID | None, at: datetime
) -> None:
    """Write down who took a file that holds hidden codes in the clear; of other files nothing is written."""
    if has_hidden_codes(kind, layouts.find(session, run.layout, holder_id=order.holder_id)):
        changes: dict[str, tuple[object, object]] = {"run": (None, run.run), "kind": (None, kind)}
        history.record(session, "order:take_hidden_codes", order.id, by=by, at=at, changes=changes)
        session.flush()


def open_run(session: Session, order: LabelOrder, run: int, *, at: datetime, reach: Reach) -> PrintRun:
    """A print of an order that may still be drawn."""
    found = session.scalars(select(PrintRun).where(PrintRun.order_id == order.id, PrintRun.run == run)).one_or_none()
    if found is None or not reach.includes(holder_id=order.holder_id):
        raise NotFound
    if at > found.at + OPEN_FOR:
        raise SheetClosed(until=found.at + OPEN_FOR)
    return found


def runs(session: Session, order_id: UUID) -> Sequence[PrintRun]:
    """The prints and reprints of an order, newest first."""
    return session.scalars(
        select(PrintRun)
        .where(PrintRun.order_id == order_id)
        .order_by(PrintRun.run.desc())
        .options(joinedload(PrintRun.author))
    ).all()


def last_printer(session: Session, order_id: UUID) -> str | None:
    """The printer of the order's last test print, or else of its last print."""
    tested = samples.of_order(session, order_id)
    if tested:
        return tested[0].printer
    return next((run.printer for run in runs(session, order_id)), None)


def drawable(session: Session, order: LabelOrder, *, as_of: datetime) -> Sequence[Range[int]]:
    """The serials that were neither used nor dead at a moment, by the ledger."""
    dead = session.scalars(
        select(LabelMovement.serials).where(
            LabelMovement.order_id == order.id, LabelMovement.at < as_of, LabelMovement.becomes.not_in(LIVE)
        )
    ).all()
    return minus(order.serials, *joined(dead)) if dead else [order.serials]


def count_of(session: Session, order: LabelOrder, run: PrintRun) -> int:
    """How many labels a run has."""
    return sum(map(size, drawable(session, order, as_of=run.at)))


def labels_of(session: Session, order: LabelOrder, run: PrintRun, *, keyring: Keyring, layout: Layout) -> Labels:
    """The labels of a run, in order. There is at least one, else it is refused."""
    parts = drawable(session, order, as_of=run.at)
    if not parts:
        raise Refused([NothingLeftToPrint()])
    return keyring.labels(*map(as_range, parts), hidden=layout.elements.hidden_code)


def composed(session: Session, order: LabelOrder, run: PrintRun, *, host: str) -> composing.Composed:
    """What the labels of a run share."""
    return composing.compose(
        session, order, layouts.find(session, run.layout, holder_id=order.holder_id), host=host, at=run.at, skip=run.skip,
        sample=composing.is_sample(order), logo=layouts.logo(session, run.logo_id),
    )  # fmt: skip


def _draw(session: Session, order: LabelOrder, run: PrintRun, *, keyring: Keyring, host: str) -> Sheets:
    shared = composed(session, order, run, host=host)
    labels = labels_of(session, order, run, keyring=keyring, layout=shared.layout)
    pages = sheet.pages_for(len(labels), shared.layout, run.skip)
    return Sheets(f"tem-{order.number}-{run.run}.pdf", shared.pdf(labels), len(labels), pages)
