"""Test prints: one label marked as a sample, whose code answers as such, and the rule that one was scanned before labels are activated.

A key that is rotated takes the codes of older test prints with it: they are printed again in a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from trace.errors import Invalid, NotFound, Refused
from trace.models.labels import LabelOrder, PrintRun
from trace.models.printing import TestPrint
from trace.services import composing, history, layouts, ordering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.services.reach import Reach

PRINTER_LENGTH = 80


class TestLabelNotScanned(Invalid):
    """No test label of order %(order)s from the printer and layout of its last print was scanned.

    Print a test label on the page of the order, on the same printer, and scan it with a phone. Then activate the labels.
    """


class PrinterUnnamed(Invalid):
    """Which printer is it?

    Write its name as your people call it, such as Zebra kho 1, in at most 80 characters.
    """


def make(
    session: Session, order_id: UUID, *, printer: str, layout: str, keyring: Keyring, host: str, by: UUID, at: datetime,
    reach: Reach,
) -> TestPrint:  # fmt: skip
    """A test label for a printer and layout. What would stop the real print is refused here already."""
    order = _order(session, order_id, reach)
    printer = " ".join(printer.split())
    if not 0 < len(printer) <= PRINTER_LENGTH:
        raise Refused([PrinterUnnamed()])
    made = TestPrint(order_id=order.id, printer=printer, layout=layout, made_at=at, made_by=by)
    layouts.find(session, layout, holder_id=order.holder_id)
    if faults := layouts.scratch_faults(session, layout, holder_id=order.holder_id, hidden_codes=order.hidden_codes):
        raise Refused(faults)
    session.add(made)
    session.flush()
    _draw(session, order, made, keyring=keyring, host=host)
    said = layouts.said(session, layout, holder_id=order.holder_id)
    changes: dict[str, tuple[object, object]] = {"printer": (None, printer), "layout": (None, said)}
    history.record(session, "order:test_print", order.id, by=by, at=at, changes=changes)
    return made


def draw(
    session: Session, order_id: UUID, serial: int, *, keyring: Keyring, host: str, reach: Reach
) -> tuple[str, Iterator[bytes]]:
    """Name and pieces of the PDF of a test print."""
    order = _order(session, order_id, reach)
    found = session.get(TestPrint, serial)
    if found is None or found.order_id != order.id:
        raise NotFound
    return f"tem-mau-{order.number}.pdf", _draw(session, order, found, keyring=keyring, host=host)


def of_order(session: Session, order_id: UUID) -> Sequence[TestPrint]:
    """The test prints of an order, newest first."""
    statement = (
        select(TestPrint).where(TestPrint.order_id == order_id).order_by(TestPrint.sample_serial.desc()).limit(20)
    )
    return session.scalars(statement).all()


def printers(session: Session, holder_id: UUID) -> Sequence[str]:
    """The printers that a holder named before, the latest first."""
    statement = (
        select(TestPrint.printer)
        .join(TestPrint.order)
        .where(LabelOrder.holder_id == holder_id)
        .group_by(TestPrint.printer)
        .order_by(func.max(TestPrint.made_at).desc())
        .limit(20)
    )
    return session.scalars(statement).all()


def scanned(session: Session, order: LabelOrder) -> bool:
    """Whether a test label of the order was scanned, in the layout and from the printer of its last print.

    Labels that were never drawn here are held to the layout they were ordered for, from any printer.
    """
    last = session.execute(
        select(PrintRun.layout, PrintRun.printer)
        .where(PrintRun.order_id == order.id)
        .order_by(PrintRun.run.desc())
        .limit(1)
    ).one_or_none()
    layout, printer = last or (order.layout, None)
    seen = select(TestPrint.sample_serial).where(
        TestPrint.order_id == order.id,
        TestPrint.scanned_at.is_not(None),
        TestPrint.layout == layout,
    )
    if printer is not None:
        seen = seen.where(func.lower(TestPrint.printer) == func.lower(printer))
    return session.execute(seen.limit(1)).first() is not None


def _order(session: Session, order_id: UUID, reach: Reach) -> LabelOrder:
    order = ordering.get(session, order_id, reach=reach)
    if not reach.includes(holder_id=order.holder_id):
        raise NotFound
    return order


def _draw(session: Session, order: LabelOrder, made: TestPrint, *, keyring: Keyring, host: str) -> Iterator[bytes]:
    layout = layouts.find(session, made.layout, holder_id=order.holder_id)
    sign = layouts.logo_in_use(session, holder_id=order.holder_id, title_id=order.lot.product.title_id)
    composed = composing.compose(
        session, order, layout, host=host, at=made.made_at, sample=True, logo=layouts.logo(session, sign.id if sign else None)
    )  # fmt: skip
    serials = range(made.sample_serial, made.sample_serial + 1)
    return composed.pdf(keyring.labels(serials, hidden=layout.elements.hidden_code))
