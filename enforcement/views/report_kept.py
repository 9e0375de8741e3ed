"""A report that was drawn up: its page, its remarks and signature, its files, and the rows behind its numbers as they stood then.

What became of those rows since is in the cases themselves.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import Length

from enforcement import report_files, report_tables, reports
from enforcement.report_scope import Figure
from enforcement.views.reports import PDF, XLSX, bp, document, may_write, notes, told
from enforcement.views.words import duties
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound, Refused, TemThatError
from trace.forms import clean
from trace.views import lists
from trace.views.once import once
from trace.words import day, number, say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from enforcement.models import DeskReport


class RemarksForm(FlaskForm):
    """What the figures do not say."""

    remarks = TextAreaField(
        _l("Remarks"),
        [Length(max=reports.REMARKS_MOST, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )


@bp.get("/<uuid:report_id>")
@needs(May.DESK_REPORT)
def show(report_id: UUID) -> ResponseReturnValue:
    """A report that was drawn up, with its frozen figures."""
    return _report_page(report_id)


@bp.post("/<uuid:report_id>/nhan-xet")
@needs(May.DESK_REPORT)
def remark(report_id: UUID) -> ResponseReturnValue:
    """Write remarks into a draft."""
    may_write()
    form = RemarksForm()
    if not form.validate():
        return _report_page(report_id, form=form), 422
    try:
        reports.remark(session(), report_id, form.remarks.data or "", by=person().id, at=clock.now(), seen=_seen())
    except TemThatError as exc:
        session().rollback()
        return _report_page(report_id, form=form, refused=(exc,)), exc.status
    session().commit()
    flash(_("The remarks are in the draft."), "success")
    return redirect(url_for(".show", report_id=report_id), 303)


@bp.post("/<uuid:report_id>/ky")
@needs(May.DESK_REPORT)
def sign(report_id: UUID) -> ResponseReturnValue:
    """Sign a draft. The number is drawn from a series, so the form counts once."""
    with once("reports.sign") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            reports.sign(session(), report_id, by=person().id, duties=duties(), at=clock.now(), seen=_seen())
        except TemThatError as exc:
            session().rollback()
            return _report_page(report_id, refused=(exc,)), exc.status
        key.settle(url_for(".show", report_id=report_id))
    session().commit()
    flash(_("The report is signed and kept."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:report_id>.pdf")
@needs(May.DESK_REPORT)
def pdf(report_id: UUID) -> ResponseReturnValue:
    """The report as a document."""
    report = reports.get(session(), report_id)
    return document(*report_files.pdf(report_files.of_report(report, names=person().may(May.CASE_READ))), PDF)


@bp.get("/<uuid:report_id>.xlsx")
@needs(May.DESK_REPORT)
def workbook(report_id: UUID) -> ResponseReturnValue:
    """The report as a workbook, with the rows for whoever may read cases."""
    report = reports.get(session(), report_id)
    reads = person().may(May.CASE_READ)
    return document(*report_files.workbook(report_files.of_report(report, names=reads), with_rows=reads), XLSX)


@bp.get("/<uuid:report_id>/dong/<so>")
@needs(May.DESK_REPORT)
def kept_rows(report_id: UUID, so: str) -> ResponseReturnValue:
    """The kept rows of one number. Whoever reads figures only does not come here."""
    if not person().may(May.CASE_READ):
        raise Forbidden
    report = reports.get(session(), report_id)
    figure = report.figures["rows"].get(so)
    if figure is None:
        raise NotFound
    part, page = request.args.get("phan") or None, lists.page()
    # The line of the table stands last in a row; reports drawn up before it was kept show all rows of the figure.
    found = [row for row in figure["rows"] if part is None or len(row) < 6 or row[5] == part]
    shown = found[(page - 1) * reports.PAGE : page * reports.PAGE]
    return render_template(
        "desk/report_kept_rows.html",
        report=report,
        title=str(say(Figure(so))) if so in set(Figure) else figure["title"],
        part=part,
        rows=[(date.fromisoformat(row[0]) if row[0] else None, *row[1:5]) for row in shown],
        total=len(found),
        cut=figure["total"] - len(figure["rows"]),
        measured=any(row[3] is not None for row in shown),
        valued=any(row[4] is not None for row in shown),
        page=page,
        pages=lists.pages(len(found), reports.PAGE),
    )


def _report_page(report_id: UUID, *, form: RemarksForm | None = None, refused: tuple[TemThatError, ...] = ()) -> str:
    report: DeskReport = reports.get(session(), report_id)
    reads = person().may(May.CASE_READ)
    changed = any(
        isinstance(each, reports.ReportChanged)
        for exc in refused
        for each in (exc.reasons if isinstance(exc, Refused) else [exc])
    )
    # What was typed comes back with the fingerprint it was typed on, unless the remarks of today stand beside it.
    seen = _seen() if form is not None and not changed else reports.fingerprint(report)
    return render_template(
        "desk/report.html",
        report=report,
        form=form or RemarksForm(formdata=None, data={"remarks": report.remarks}),
        seen=seen,
        overtaken=form is not None and changed,
        writes=report.signed_at is None and bool(duties()),
        tables=[{**table, "notes": _notes(table)} for table in reports.frozen_tables(report, names=reads)],
        amount=_frozen,
        query=_query_of(report),
        reasons=told(refused),
        opens=reads,
    )


def _seen() -> str:
    """The fingerprint of the remarks on the page from which the form came; one that was not sent was never seen."""
    return request.form.get("seen", "")


def _notes(table: dict[str, Any]) -> list[str]:
    """What a frozen table does not tell; reports drawn up before that was written down say nothing."""
    return notes(
        table.get("left_out", []), [(gap["title"], gap["rows"], gap["of"]) for gap in table.get("unvalued", [])]
    )


def _frozen(line: dict[str, Any], place: int, measure: str) -> str:
    """A number of a frozen line; a rate with what it is a share of, where the report has kept that."""
    amount = line["amounts"][place]
    if amount is None:
        return "–"
    if measure != report_tables.Telling.RATE.value:
        return number(amount)
    of = line.get("of", {place: None})[place]
    return f"{number(amount)} % ({number(line['counts'][place])}/{number(of)})" if of else f"{number(amount)} %"


def _query_of(report: DeskReport) -> dict[str, str]:
    named = {"don_vi": str(report.unit_id) if report.unit_id else "", "xa": report.commune_code or ""}
    return {
        "tu": day(report.first_day),
        "den": day(report.last_day),
        **{key: value for key, value in named.items() if value},
    }
