"""Yearly reports on the control of a title: asking for one, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import PostForm, VietnameseInteger
from trace.services import control_report_files, control_reports
from trace.views import lists
from trace.views.controls import every, tabs, told
from trace.views.once import once

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

bp = Blueprint("control_reports", __name__, url_prefix="/kiem-soat/bao-cao")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class AskForm(PostForm):
    """Of which title, over which year."""

    title = lists.Choice(_l("Title"), [InputRequired(_l("Choose a title."))])
    year = VietnameseInteger(_l("Year"), [InputRequired(_l("Write the year."))])


@bp.route("", methods=["GET", "POST"])
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """The reports within reach; a new one is drawn up from the records as they stand now."""
    form = AskForm(data={"year": lists.today().year})
    titles = control_reports.titles_for(session(), reach=_reach())
    form.title.choices = [("", "–"), *((str(each.id), each.name) for each in titles)]
    if request.method != "POST":
        return _page(form)
    if not form.validate():
        return _page(form), 422
    with once("control_reports.index") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = control_reports.draw_up(
                session(),
                UUID(form.title.data),
                year=form.year.data or 0,
                by=person().id,
                at=clock.now(),
                reach=_reach(),
            )
        except TemThatError as exc:
            return _page(form, every(exc)), exc.status
        key.settle(url_for(".index", _anchor=f"bc-{made.id}"))
    session().commit()
    flash(_("The report has been drawn up. Its figures stay as they are now."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:report_id>.pdf")
@needs(May.CONTROL_READ)
def pdf(report_id: UUID) -> ResponseReturnValue:
    """The report as a document."""
    name, content = control_report_files.pdf(control_reports.get(session(), report_id, reach=_reach()))
    return _document(name, content, "application/pdf")


@bp.get("/<uuid:report_id>.xlsx")
@needs(May.CONTROL_READ)
def workbook(report_id: UUID) -> ResponseReturnValue:
    """The report with every row behind it."""
    name, content = control_report_files.workbook(control_reports.get(session(), report_id, reach=_reach()))
    return _document(name, content, XLSX)


def _document(name: str, content: bytes, mimetype: str) -> Response:
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _page(form: AskForm, refusals: tuple[TemThatError, ...] = ()) -> str:
    rows = control_reports.listing(session(), reach=_reach())
    return render_template(
        "control_reports/index.html", rows=rows, form=form, tabs=tabs("report"), reasons=told(refusals), asks=len(form.title.choices) > 1
    )  # fmt: skip


def _reach() -> Reach:
    return person().reach(May.CONTROL_READ)
