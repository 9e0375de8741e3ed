"""The register of documents: every number with its state, found, filtered and taken away as a workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _

from enforcement.models import DocumentState
from enforcement.papers import shelf, templates
from enforcement.views.documents import _ins
from trace import clock
from trace.access import May, needs
from trace.db import session
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("documents", __name__, url_prefix="/van-ban")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = [state for state in DocumentState if state is not DocumentState.DISCARDED]


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """The register, newest first."""
    at, page = clock.now(), lists.page()
    asked = _asked()
    rows, total = shelf.register(session(), asked, at=at, page=page)
    known = {each.form: each.name for each in templates.latest(session())}
    chips = [(_("Search: %(text)s", text=asked.q), "q", None)] if asked.q else []
    chips += [(asked.form, "form", None)] if asked.form else []
    chips += [(str(asked.year), "year", None)] if asked.year else []
    chips += [(say(asked.state), "state", None)] if asked.state else []
    chips += [(_("Late for INS"), "late", None)] if asked.late else []
    return render_template(
        "desk/document_register.html", rows=[{"row": row, **_ins(row, at)} for row in rows], total=total, chips=chips, page=page,
        pages=lists.pages(total, shelf.PAGE), forms=[(code, f"{code} – {name}") for code, name in known.items()],
        years=[(str(year), str(year)) for year in shelf.years(session())], states=[(state.value, say(state)) for state in SHOWN],
        late=shelf.late(session(), at=at),
    )  # fmt: skip


@bp.get("/so-dang-ky.xlsx")
@needs(May.CASE_READ)
def workbook() -> ResponseReturnValue:
    """The register as a workbook, with the filters of the page."""
    content = shelf.workbook(session(), _asked(), at=clock.now())
    name = f"so-dang-ky-van-ban-{lists.today():%Y%m%d}.xlsx"
    return Response(content, mimetype=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _asked() -> shelf.Asked:
    year = request.args.get("year", "")
    return shelf.Asked(
        form=request.args.get("form", "")[:20] or None, year=int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None,
        state=lists.member(DocumentState, "state"), q=lists.text(), late=request.args.get("late") == "1",
    )  # fmt: skip
