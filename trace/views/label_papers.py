"""Around the moves of labels: serials read from a file, a printer that jammed, and the minutes as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Invalid, TooLarge
from trace.forms import PostForm, VietnameseInteger, clean
from trace.models.labels import LabelMove
from trace.services import jams, minutes, ordering, strips
from trace.services.files import FileEmpty
from trace.views import lists
from trace.views.once import once
from trace.views.order_page import MAY_MOVE, MOVES, DeedForm, bp, every, keyring, show
from trace.words import number

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


class JamForm(PostForm):
    """From which label on everything is printed anew."""

    first_bad = VietnameseInteger(_l("First serial to print anew"), [InputRequired(_l("Enter the serial."))])
    jam_reason = TextAreaField(
        _l("Reason"), [InputRequired(_l("Write what happened, in a sentence.")), lists.at_most(500)], filters=[clean]
    )


@bp.post(f"/don/<uuid:order_id>/<{MOVES}:move>/doc-tep")
@needs(May.LABEL_READ)
def read_file(order_id: UUID, move: str) -> ResponseReturnValue:
    """Read the serials off a photo of a strip or a CSV, and show them before anything is done with them."""
    deed, upload = LabelMove(move), request.files.get("strip")
    if not person().may(MAY_MOVE[deed]):
        raise Forbidden
    ordering.get(session(), order_id, reach=person().reach(May.LABEL_READ))
    try:
        if upload is None or not upload.filename:
            raise FileEmpty
        found = strips.read(upload.stream, keyring=keyring())
    except (Invalid, TooLarge) as exc:
        return show(order_id, move=deed, form=DeedForm(formdata=None), reasons=every(exc)), exc.status
    text = ordering.show_ranges(found)
    return redirect(url_for(".show", order_id=order_id, move=deed.value, serials=text, _anchor="deed"), 303)


@bp.post("/don/<uuid:order_id>/in-lai-tu")
@needs(May.LABEL_ORDER)
def reprint_from(order_id: UUID) -> ResponseReturnValue:
    """Void the labels from a serial on and order as many others."""
    form = JamForm()
    if not form.validate():
        return show(order_id, jam_form=form), 422
    with once("orders.reprint_from") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = jams.reprint_from(
                session(), order_id, form.first_bad.data or 0, reason=form.jam_reason.data, by=person().id, at=clock.now(),
                reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except Invalid as exc:
            session().rollback()
            return show(order_id, jam_form=form, reasons=every(exc)), exc.status
        key.settle(url_for(".show", order_id=made.id))
        said = _(
            "The old labels are void. Order %(number)s has %(n)s new ones.", number=made.number, n=number(made.quantity)
        )
    session().commit()
    flash(said, "success")
    return redirect(key.location, 303)


@bp.get("/ban-giao/<uuid:handover_id>/bien-ban.pdf")
@needs(May.LABEL_READ)
def handover_minutes(handover_id: UUID) -> ResponseReturnValue:
    """The minutes of a hand-over that both sides confirmed."""
    return _document(*minutes.of_handover(session(), handover_id, reach=person().reach(May.LABEL_READ)))


@bp.get("/don/<uuid:order_id>/bien-ban-tieu-huy.pdf")
@needs(May.LABEL_READ)
def destruction_minutes(order_id: UUID) -> ResponseReturnValue:
    """The minutes of the destruction of an order's spoiled and void labels."""
    found = minutes.of_destruction(session(), order_id, at=clock.now(), reach=person().reach(May.LABEL_READ))
    return _document(*found)


def _document(name: str, content: bytes) -> Response:
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
