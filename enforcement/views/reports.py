"""Figures of the desk over a period, the rows behind each, and drawing a report up; and what became of right holders' requests.

A report that was drawn up has its pages in `report_kept`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms.validators import InputRequired, Optional

from enforcement import feedback, report_files, report_tables, reports
from enforcement.report_scope import Figure
from enforcement.views.words import duties
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound, Refused, TemThatError
from trace.forms import VietnameseDate
from trace.models.parties import AppUser, Commune, Party
from trace.views import lists
from trace.views.once import once
from trace.words import day, explain, number, say, way_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

    from flask.typing import ResponseReturnValue

    from enforcement.report_scope import Scope

bp = Blueprint("reports", __name__, url_prefix="/bao-cao-vu-viec")
PDF = "application/pdf"
LIVE_ROWS = 1000
"""Rows behind each figure that go into a workbook of the moment; a report that is drawn up keeps more."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class PeriodForm(FlaskForm):
    """Which days, which unit, which commune. It stands in the address, so every page of figures can be passed on."""

    class Meta(FlaskForm.Meta):
        """Nothing is changed by asking."""

        csrf = False

    first = VietnameseDate(_l("First day"), [InputRequired(_l("Write the day."))], name="tu")
    last = VietnameseDate(_l("Last day"), [InputRequired(_l("Write the day."))], name="den")
    unit = lists.Choice(_l("Unit"), [Optional()], name="don_vi")
    commune = lists.Choice(_l("Ward or commune"), [Optional()], name="xa")


@bp.get("")
@needs(May.DESK_REPORT)
def index() -> ResponseReturnValue:
    """The figures of a period as they stand now; without one asked for, of this month so far."""
    form, asked, refused = _asked()
    return _figures(form, asked, refused), 200 if asked else 422


@bp.get("/dong/<so>")
@needs(May.DESK_REPORT)
def rows(so: str) -> ResponseReturnValue:
    """The rows behind one number. Whoever reads figures only does not come here."""
    if not person().may(May.CASE_READ):
        raise Forbidden
    if so not in set(Figure):
        raise NotFound
    figure = Figure(so)
    _form, asked, refused = _asked()
    if asked is None:
        raise refused[0] if refused else reports.PeriodWrong
    part, page = request.args.get("phan") or None, lists.page()
    found, total = reports.listing(session(), figure, asked, part=part, page=page)
    return render_template(
        "desk/report_rows.html",
        figure=figure,
        part=reports.part_title(figure, part, _word),
        rows=found,
        total=total,
        measured=any(row.quantity is not None for row in found),
        valued=any(row.value is not None for row in found),
        asked=asked,
        query=_query(asked),
        page=page,
        pages=lists.pages(total, reports.PAGE),
    )


@bp.post("/lap")
@needs(May.DESK_REPORT)
def draw_up() -> ResponseReturnValue:
    """Freeze the figures of a period as a draft report. It stays for good, so whoever only reads draws none up."""
    may_write()
    form, asked, refused = _asked(request.form)
    if asked is None:
        return _figures(form, None, refused), 422
    with once("reports.draw_up") as key:
        if key.done:
            return redirect(key.location, 303)
        # A report is a record of the desk: its words are Vietnamese whoever draws it up.
        with force_locale("vi"):
            made = reports.freeze(session(), asked, word=_word, by=person().id, at=clock.now())
        key.settle(url_for(".show", report_id=made.id))
    session().commit()
    flash(_("The report has been drawn up. Its figures stay as they are now."), "success")
    return redirect(key.location, 303)


@bp.get("/so-lieu.pdf")
@needs(May.DESK_REPORT)
def live_pdf() -> ResponseReturnValue:
    """The figures of a period as they stand now, as a document that says so."""
    return document(*report_files.pdf(_printed()), PDF)


@bp.get("/so-lieu.xlsx")
@needs(May.DESK_REPORT)
def live_workbook() -> ResponseReturnValue:
    """The figures of a period as they stand now, as a workbook that says so, with the rows for whoever may read cases."""
    return document(*report_files.workbook(_printed(), with_rows=person().may(May.CASE_READ)), XLSX)


@bp.get("/yeu-cau-xu-ly")
@needs(May.REQUEST_FOLLOW)
def requests() -> ResponseReturnValue:
    """What became of right holders' requests about the titles that the person's body manages. Nobody accused is named."""
    found = feedback.requests(session(), reach=person().reach(May.REQUEST_FOLLOW))
    return render_template("desk/report_requests.html", rows=found)


def may_write() -> None:
    """Reports are drawn up and remarked on by those who lead, not by those who only read."""
    if not duties():
        raise Forbidden


def _figures(form: PeriodForm, asked: Scope | None, refused: tuple[TemThatError, ...]) -> str:
    """The page of figures, and of the reports that were drawn up."""
    page, query = lists.page(), _query(asked) if asked else {}
    kept, total = reports.kept(session(), page=page)

    def at(other: int) -> str:
        # Written out, because the page may answer a form, whose own address cannot be asked for again.
        asked_for: dict[str, Any] = {**query, "page": other}
        return url_for(".index", **asked_for)

    return render_template(
        "desk/report_figures.html",
        form=form,
        asked=asked,
        tables=[_shown(each, query) for each in report_tables.draw(session(), asked)] if asked else [],
        query=query,
        reasons=told(refused),
        quick=_quick(),
        kept=kept,
        total=total,
        previous_url=at(page - 1) if page > 1 else None,
        next_url=at(page + 1) if page < lists.pages(total, reports.PAGE) else None,
        opens=person().may(May.CASE_READ),
        writes=bool(duties()),
    )


def _printed() -> report_files.Printed:
    """What a file of the figures as they stand now is written from."""
    _form, asked, refused = _asked()
    if asked is None:
        raise refused[0] if refused else reports.PeriodWrong
    reads = person().may(May.CASE_READ)
    query = _query(asked)

    def opens(figure: str, part: str | None) -> str:
        return url_for(".rows", so=figure, **query, **({"phan": part} if part is not None else {}), _external=True)

    with force_locale("vi"):
        figures = reports.told(session(), asked, word=_word, most=LIVE_ROWS if reads else 0)
    return report_files.Printed(
        asked.first, asked.last, session().get(Party, asked.unit_id) if asked.unit_id else None,
        session().get(Commune, asked.commune_code) if asked.commune_code else None, asked.now, figures,
        session().get_one(AppUser, person().id).is_sample, live=True, opens=opens if reads else None,
    )  # fmt: skip


def _asked(given: Any = None) -> tuple[PeriodForm, Scope | None, tuple[TemThatError, ...]]:
    """The period that the address (or a form) names."""
    today = lists.today()
    given = request.args if given is None else given
    plain = not any(given.get(name) for name in ("tu", "den", "don_vi", "xa"))
    form = PeriodForm(formdata=None if plain else given)
    form.unit.choices = [("", _("all")), *((str(unit.id), unit.name) for unit in reports.units(session()))]
    form.commune.choices = [("", _("all")), *lists.wards()]
    if plain:
        form.first.data, form.last.data = today.replace(day=1), today
        form.unit.data = form.commune.data = ""
    elif not form.validate():
        return form, None, ()
    try:
        asked = reports.scope(
            session(), form.first.data, form.last.data, unit_id=UUID(form.unit.data) if form.unit.data else None,
            commune_code=form.commune.data or None, at=clock.now(),
        )  # fmt: skip
    except TemThatError as exc:
        return form, None, (exc,)
    return form, asked, ()


def _query(asked: Scope) -> dict[str, str]:
    """The period as it stands in an address."""
    named = {"don_vi": str(asked.unit_id) if asked.unit_id else "", "xa": asked.commune_code or ""}
    return {"tu": day(asked.first), "den": day(asked.last), **{name: value for name, value in named.items() if value}}


def _quick() -> list[tuple[str, str]]:
    today = lists.today()
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    spans = [
        (_("This month"), month, today),
        (_("Last month"), before.replace(day=1), before),
        (_("This year"), date(today.year, 1, 1), today),
        (_("Last year"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    ]
    return [(words, url_for(".index", tu=day(first), den=day(last))) for words, first, last in spans]


def _shown(drawn: report_tables.Drawn, query: dict[str, str]) -> dict[str, Any]:
    """A table in words, with the address of the rows behind each number."""
    table = drawn.table
    return {
        "title": say(table.section),
        "headers": [_heading(figure, measure) for figure, measure in table.columns],
        "lines": [
            {
                "title": _line_word(table, line.part),
                "total": line.part is None,
                "cells": [
                    {
                        "text": _amount(cell),
                        "url": _rows_of(cell, query) if cell.count and cell.amount is not None else None,
                    }
                    for cell in line.cells
                ],
            }
            for line in drawn.lines
        ],
        "flat": table.parts is None and not table.free,
        "notes": notes([_word(each) for each in drawn.left_out], [(_word(each.figure), each.rows, each.of) for each in drawn.unvalued]),
        "empty": not any(cell.count for line in drawn.lines for cell in line.cells),
    }  # fmt: skip


def _rows_of(cell: report_tables.Cell, query: dict[str, str]) -> str:
    asked: dict[str, Any] = {"so": cell.figure.value, **query}
    if cell.part is not None:
        asked["phan"] = cell.part
    return url_for(".rows", **asked)


def _heading(figure: Figure, measure: report_tables.Telling) -> str:
    return say(figure) if measure is report_tables.Telling.COUNT else f"{say(figure)} ({say(measure)})"


def _amount(cell: report_tables.Cell) -> str:
    if cell.amount is None:
        return "–"
    said = number(cell.amount)
    if cell.measure is not report_tables.Telling.RATE:
        return said
    return f"{said} % ({number(cell.count)}/{number(cell.of)})" if cell.of else f"{said} %"


def _line_word(table: report_tables.Table, part: str | None) -> str:
    if part is None:
        return str(_("All"))
    return str(say(table.parts(part))) if table.parts is not None else part


def _word(member: StrEnum) -> str:
    return str(say(member))


def document(name: str, content: bytes, mimetype: str) -> Response:
    """A file to keep."""
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def told(refusals: Sequence[TemThatError]) -> list[dict[str, str | None]]:
    """Refusals in words, each of several by itself."""
    each = [one for exc in refusals for one in (exc.reasons if isinstance(exc, Refused) else [exc])]
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in each]


def notes(left_out: Sequence[str], unvalued: Sequence[tuple[str, int, int]]) -> list[str]:
    """What a table does not tell: figures that belong to no unit, and rows that a sum of values leaves out (figure, how many, of how many)."""
    said = (
        [_("Not counted by unit, so not in this table: %(figures)s.", figures="; ".join(left_out))] if left_out else []
    )
    return said + [
        _(
            "%(figure)s: %(rows)s of %(total)s rows have no value and are not in the sum, because there is no price, or the price is for another unit.",
            figure=figure, rows=number(rows), total=number(of),
        )
        for figure, rows, of in unvalued
    ]  # fmt: skip
