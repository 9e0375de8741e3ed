"""Formal denunciations at the desk: the form of their receipt, the receipts there are, and each of them to print."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from enforcement import handoffs
from enforcement.views import intake_forms as forms
from enforcement.views.intake import bp, told
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.views import lists
from trace.views.once import once

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.route("/to-cao", methods=["GET", "POST"])
@needs(May.SIGNAL_TRIAGE)
def denunciation() -> ResponseReturnValue:
    """Hand a formal denunciation on, unread, and write its receipt."""
    form = forms.DenunciationForm()

    def page(reasons: list[TemThatError] | None = None) -> str:
        return render_template(
            "desk/intake_denunciation.html", form=form, reasons=told(reasons), bodies=handoffs.BODIES
        )

    if request.method != "POST":
        form.begin()
        return page()
    if not form.validate():
        return page(), 422
    with once("intake.denunciation") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = handoffs.hand_off(
                session(), receiving_body=form.receiving_body.data, sheets=form.sheets.data or 0, received_at=form.received_at,
                handed_at=form.handed_at, by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return page([exc]), exc.status
        key.settle(url_for(".receipt", receipt_id=made.id))
        number = made.number
    session().commit()
    flash(_("Receipt %(number)s is written. Print it for whoever brought the denunciation.", number=number), "success")
    return redirect(key.location, 303)


@bp.get("/bien-nhan")
@needs(May.SIGNAL_TRIAGE)
def receipts() -> ResponseReturnValue:
    """All denunciations that were handed on, the latest first."""
    q, page = lists.text(), lists.page()
    rows, total = handoffs.receipts(session(), q=q, page=page)
    return render_template(
        "desk/intake_receipts.html",
        rows=rows,
        total=total,
        chips=[(_("Search: %(text)s", text=q), "q", None)] if q else [],
        page=page,
        pages=lists.pages(total, handoffs.PAGE),
    )


@bp.get("/bien-nhan/<uuid:receipt_id>")
@needs(May.SIGNAL_TRIAGE)
def receipt(receipt_id: UUID) -> ResponseReturnValue:
    """The receipt of a denunciation that was handed on."""
    found = handoffs.get(session(), receipt_id)
    return render_template("desk/intake_receipt.html", found=found, due=handoffs.accept_by(session(), found))


@bp.get("/bien-nhan/<uuid:receipt_id>.pdf")
@needs(May.SIGNAL_TRIAGE)
def receipt_paper(receipt_id: UUID) -> ResponseReturnValue:
    """The same to print."""
    found = handoffs.get(session(), receipt_id)
    parties = person().parties_for(May.SIGNAL_TRIAGE)
    name, drawn = handoffs.paper(session(), found, unit=parties[0] if parties else None, at=found.handed_at)
    return send_file(io.BytesIO(drawn), mimetype="application/pdf", download_name=name)
