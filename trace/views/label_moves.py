"""Deeds on issued labels: moves, hand-overs between two sides, prints, counts. The pages stand in `order_page`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Invalid, NotFound, TemThatError
from trace.forms import PostForm, VietnameseInteger, clean
from trace.models.labels import HandoverState, LabelMove
from trace.services import drawing, handovers, ledger, ordering, printing, ranges, reconciling
from trace.views import lists
from trace.views.once import once
from trace.views.order_page import MAY_MOVE, MOVES, DeedForm, PrintForm, bp, every, keyring, show, told
from trace.words import number, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue


class CountForm(PostForm):
    """How many labels are there."""

    counted = VietnameseInteger(validators=[InputRequired()])


class BadCount(Invalid):
    """The count is not a number.

    Enter how many labels you counted, such as 1.200.
    """


@bp.post(f"/don/<uuid:order_id>/<{MOVES}:move>")
@needs(May.LABEL_READ)
def move(order_id: UUID, move: str) -> ResponseReturnValue:
    """Move some labels of an order; handing over only offers them."""
    deed, form = LabelMove(move), DeedForm()
    if not person().may(MAY_MOVE[deed]):
        raise Forbidden
    if not form.validate() or not _complete(deed, form):
        return show(order_id, move=deed, form=form), 422
    with once("orders.move") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            done = _carry_out(order_id, deed, form)
        except Invalid as exc:
            session().rollback()
            return show(order_id, move=deed, form=form, reasons=every(exc)), exc.status
        key.settle(url_for(".show", order_id=order_id))
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


@bp.get("/ban-giao", endpoint="handovers")
@needs(May.LABEL_HAND_OVER)
def handovers_page() -> ResponseReturnValue:
    """Hand-overs of one's own organisations: what waits for an answer, and what was answered."""
    return _handovers_page()


@bp.post("/ban-giao/<uuid:handover_id>/<any(take,refuse,withdraw):answer>")
@needs(May.LABEL_HAND_OVER)
def answer(handover_id: UUID, answer: str) -> ResponseReturnValue:
    """Take or refuse what was offered, or take an own offer back."""
    facts: dict[str, Any] = {"by": person().id, "at": clock.now(), "reach": person().reach(May.LABEL_HAND_OVER)}
    reason = clean(request.form.get("reason")) or None
    if answer == "refuse" and reason is None:
        return _handovers_page([ledger.ReasonMissing()]), 422
    with once("orders.answer") as key:
        if key.done:
            return redirect(key.location, 303)
        match answer:
            case "take":
                done = handovers.take(session(), handover_id, **facts)
            case "refuse":
                done = handovers.refuse(session(), handover_id, reason=reason[:500] if reason else None, **facts)
            case _:
                done = handovers.withdraw(session(), handover_id, **facts)
        key.settle(url_for(".handovers"))
        said = _("%(serials)s: %(state)s.", serials=ordering.show_range(done.serials), state=say(done.state))
    session().commit()
    flash(said, "success")
    return redirect(key.location, 303)


@bp.post("/don/<uuid:order_id>/in")
@needs(May.LABEL_ORDER)
def printed(order_id: UUID) -> ResponseReturnValue:
    """Begin a print, or a reprint with its reason; the sheet is then open for download."""
    form, at = PrintForm(), clock.now()
    if not form.validate():
        return show(order_id, print_form=form), 422
    with once("orders.printed") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            facts: dict[str, Any] = {
                "keyring": keyring(), "host": current_app.config["TEMTHAT"].host, "by": person().id, "at": at,
                "reach": person().reach(May.LABEL_ORDER),
            }  # fmt: skip
            run = printing.begin(
                session(), order_id, layout=form.layout.data, skip=(form.position.data or 1) - 1, reason=form.reason.data,
                printer=form.printer.data, **facts,
            )  # fmt: skip
            file = drawing.if_large(session(), run, **facts)
        except Invalid as exc:
            session().rollback()
            return show(order_id, print_form=form, reasons=every(exc)), exc.status
        key.settle(
            url_for("drawing.file", drawing_id=file.id)
            if file
            else url_for(".show", order_id=order_id, _anchor="prints")
        )
    session().commit()
    if file is None:
        flash(_("Print %(run)s is ready. Download the labels below.", run=run.run), "success")
    return redirect(key.location, 303)


@bp.get("/don/<uuid:order_id>/tem.pdf")
@needs(May.LABEL_ORDER)
def sheet(order_id: UUID) -> ResponseReturnValue:
    """The labels of a print as PDF, drawn while it is sent."""
    asked = request.args.get("run", "1")
    try:
        drawing = printing.draw(
            session(), order_id, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0,
            keyring=keyring(), host=current_app.config["TEMTHAT"].host, at=clock.now(), reach=person().reach(May.LABEL_ORDER),
            by=person().id,
        )  # fmt: skip
    except Invalid as exc:
        return show(order_id, reasons=every(exc)), exc.status
    session().commit()
    headers = {"Content-Disposition": f'attachment; filename="{drawing.name}"'}
    return Response(drawing.pieces, mimetype="application/pdf", headers=headers)


@bp.post("/don/<uuid:order_id>/dem")
@needs(May.LABEL_ORDER)
def count(order_id: UUID) -> ResponseReturnValue:
    """Record how many labels somebody counted in hand."""
    form = CountForm()
    if not form.validate():
        return show(order_id, reasons=[BadCount()]), 422
    with once("orders.count") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            found = reconciling.count(
                session(), order_id, counted=form.counted.data or 0, by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER)
            )  # fmt: skip
        except Invalid as exc:
            return show(order_id, reasons=every(exc)), exc.status
        key.settle(
            url_for("controls.show", nonconformity_id=found.id)
            if found
            else url_for(".show", order_id=order_id, _anchor="account")
        )
    session().commit()
    if found:
        flash(
            _(
                "The count differs from the ledger. A nonconformity is open, and no labels are issued until it is closed."
            ),
            "warning",
        )
    else:
        flash(_("The count agrees with the ledger."), "success")
    return redirect(key.location, 303)


def _complete(deed: LabelMove, form: DeedForm) -> bool:
    """Whether the fields that this move needs are filled in; says so at the fields."""
    step = ledger.MOVES[deed]
    needed = [(form.serials, _("Enter the serials."))]
    if step.reason:
        needed.append((form.reason, _("Write what happened, in a sentence.")))
    if step.count:
        needed.append((form.counted, _("Count the labels and enter the number.")))
    if step.handover:
        needed.append((form.taker, _("Choose who receives the labels.")))
    for field, message in needed:
        if field.data in (None, ""):
            field.errors = [message]
    return not form.errors


def _carry_out(order_id: UUID, deed: LabelMove, form: DeedForm) -> str:
    """One call, and what to tell about it."""
    serials = ranges.parse_many(form.serials.data, keyring=keyring())
    reach, by, at = person().reach(MAY_MOVE[deed]), person().id, clock.now()
    facts = {"n": number(sum(map(ranges.size, serials))), "serials": ordering.show_ranges(serials)}
    if deed is LabelMove.HAND_OVER:
        taker = _id(form.taker.data)
        for part in serials:  # each roll or bundle is confirmed by itself
            handovers.offer(
                session(),
                order_id,
                part,
                taker_id=taker,
                by=by,
                at=at,
                on=lists.today(),
                reach=reach,
                note=form.note.data,
            )
        return str(_("%(n)s labels offered: %(serials)s. They wait for the other side.", **facts))
    lot_id = _id(form.lot.data) if form.lot.data and ledger.MOVES[deed].lot else None
    ledger.apply(
        session(),
        order_id,
        serials,
        deed,
        by=by,
        at=at,
        reach=reach,
        reason=form.reason.data,
        lot_id=lot_id,
        counted=form.counted.data,
    )
    return str(_("%(n)s labels: %(state)s (%(serials)s).", state=say(ledger.MOVES[deed].end), **facts))


def _id(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError as exc:
        raise NotFound from exc


def _handovers_page(reasons: Sequence[TemThatError] = ()) -> str:
    own = person().reach(May.LABEL_HAND_OVER)
    rows = handovers.listing(session(), reach=own)
    open_ = [row for row in rows if row.state is HandoverState.OFFERED]
    return render_template(
        "orders/handovers.html",
        inbox=[row for row in open_ if row.taker_id in own.holders],
        outbox=[row for row in open_ if row.taker_id not in own.holders],
        answered=[row for row in rows if row.state is not HandoverState.OFFERED],
        reasons=[told(reason) for reason in reasons],
        range_text=ordering.show_range,
        quantity=handovers.quantity,
        states=HandoverState,
    )
