"""The rows behind a number of a report that was drawn up, as they stood then. What became of them since is in the cases themselves."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask import render_template, request

from enforcement import reports
from enforcement.report_scope import Figure
from enforcement.views.reports import bp
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


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
