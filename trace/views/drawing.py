"""Test prints, and files of labels drawn in the background: asking, watching, taking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, flash, redirect, render_template, send_file, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid
from trace.models.printing import Drawing, DrawingKind, DrawingState
from trace.services import drawing, printing, samples
from trace.views.once import once
from trace.views.order_page import every, keyring, show
from trace.views.print_page import AS_PICTURES, FileForm, TestForm, bar, offer

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("drawing", __name__, url_prefix="/tem")


@bp.post("/don/<uuid:order_id>/in-thu")
@needs(May.LABEL_ORDER)
def test(order_id: UUID) -> ResponseReturnValue:
    """Make a test label for a printer and layout."""
    form = TestForm()
    if not form.validate():
        return show(order_id, test_form=form), 422
    with once("drawing.test") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            samples.make(
                session(), order_id, printer=form.test_printer.data, layout=form.test_layout.data, keyring=keyring(), host=_host(),
                by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except Invalid as exc:
            session().rollback()
            return show(order_id, test_form=form, reasons=every(exc)), exc.status
        key.settle(url_for("orders.show", order_id=order_id, _anchor="tests"))
    session().commit()
    flash(_("The test label is ready. Print it on that printer and scan it with a phone."), "success")
    return redirect(key.location, 303)


@bp.get("/don/<uuid:order_id>/in-thu/<int(max=1073741823):serial>.pdf")
@needs(May.LABEL_ORDER)
def test_sheet(order_id: UUID, serial: int) -> ResponseReturnValue:
    """The one label of a test print as PDF."""
    try:
        name, pieces = samples.draw(
            session(), order_id, serial, keyring=keyring(), host=_host(), reach=person().reach(May.LABEL_ORDER)
        )
    except Invalid as exc:
        return show(order_id, reasons=every(exc)), exc.status
    return Response(
        pieces, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@bp.post("/don/<uuid:order_id>/tep")
@needs(May.LABEL_ORDER)
def ask(order_id: UUID) -> ResponseReturnValue:
    """Ask for a file of a print; one that is there or under way is shown."""
    form = FileForm()
    offer(form, printing.runs(session(), order_id))
    if not form.validate():
        return show(order_id, file_form=form), 422
    native = form.kind.data != AS_PICTURES
    kind = DrawingKind(form.kind.data) if native else DrawingKind.ZPL
    with once("drawing.ask") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            asked = drawing.ask(
                session(), order_id, int(form.run.data), kind, keyring=keyring(), host=_host(), by=person().id,
                at=clock.now(), reach=person().reach(May.LABEL_ORDER), native=native,
            )  # fmt: skip
        except Invalid as exc:
            session().rollback()
            return show(order_id, file_form=form, reasons=every(exc)), exc.status
        key.settle(url_for(".file", drawing_id=asked.id))
    session().commit()
    return redirect(key.location, 303)


@bp.get("/tep/<uuid:drawing_id>")
@needs(May.LABEL_ORDER)
def file(drawing_id: UUID) -> ResponseReturnValue:
    """How far a file is; the file itself once it is drawn."""
    found = drawing.get(session(), drawing_id, reach=person().reach(May.LABEL_ORDER))
    return render_template(
        "drawing/file.html", drawing=found, progress=bar(found), states=DrawingState,
        rate=_rate(found), left=_left(found),
    )  # fmt: skip


@bp.post("/tep/<uuid:drawing_id>/huy")
@needs(May.LABEL_ORDER)
def cancel(drawing_id: UUID) -> ResponseReturnValue:
    """Stop drawing a file."""
    drawing.cancel(
        session(), drawing_id, by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER)
    )  # fmt: skip
    session().commit()
    flash(_("The drawing was cancelled. Nothing of it is kept."), "success")
    return redirect(url_for(".file", drawing_id=drawing_id), 303)


@bp.get("/tep/<uuid:drawing_id>/tai")
@needs(May.LABEL_ORDER)
def download(drawing_id: UUID) -> ResponseReturnValue:
    """The drawn file."""
    found, path = drawing.take(
        session(), drawing_id, current_app.config["TEMTHAT"].drawings_dir, by=person().id, at=clock.now(),
        reach=person().reach(May.LABEL_ORDER),
    )  # fmt: skip
    name, kind = found.name, found.kind
    session().commit()
    answer = send_file(
        path, mimetype=drawing.MEDIA_TYPES[kind], as_attachment=True, download_name=name, etag=False, max_age=0
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _rate(found: Drawing) -> int | None:
    """Labels a second so far; None as long as nothing can be said."""
    if found.state is not DrawingState.RUNNING or not found.done or found.started_at is None or found.beat_at is None:
        return None
    seconds = (found.beat_at - found.started_at).total_seconds()
    return round(found.done / seconds) if seconds > 0 else None


def _left(found: Drawing) -> int | None:
    """Seconds that it will still take at this rate."""
    rate = _rate(found)
    return max(1, round((found.total - found.done) / rate)) if rate else None


def _host() -> str:
    host: str = current_app.config["TEMTHAT"].host
    return host
