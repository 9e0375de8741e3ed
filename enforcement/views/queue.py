"""The queue of signals: those to decide, and those put off to a later day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from enforcement import queue
from enforcement.models import SignalSource
from enforcement.views.words import severities, severity_word, tabs
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.services import places
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("queue", __name__, url_prefix="/hang-doi")


@bp.get("")
@needs(May.SIGNAL_TRIAGE)
def index() -> ResponseReturnValue:
    """Signals to decide, or those put off to a later day."""
    at, page = clock.now(), lists.page()
    waiting = request.args.get("tab") == "waiting"
    source, q = lists.member(SignalSource, "source"), lists.text()
    severity = int(request.args["severity"]) if request.args.get("severity") in {"1", "2", "3"} else None
    wards = {ward.code: ward.name for ward in places.choices(session())}
    commune = request.args.get("commune") if request.args.get("commune") in wards else None
    asked = queue.SignalFilter(waiting=waiting, source=source, severity=severity, commune_code=commune, q=q)
    rows, total = queue.signals(session(), asked, at=at, page=page)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(say(source), "source", None)] if source else []
    chips += [(severity_word(severity), "severity", None)] if severity else []
    chips += [(wards[commune], "commune", None)] if commune else []
    return render_template(
        "desk/queue.html",
        tabs=tabs("waiting" if waiting else "new", queue.counts(session(), officer_id=person().id, at=at)),
        rows=rows,
        total=total,
        chips=chips,
        waiting=waiting,
        today=lists.today(),
        sources=[(each.value, say(each)) for each in SignalSource],
        severities=severities(),
        wards=list(wards.items()),
        page=page,
        pages=lists.pages(total, queue.PAGE),
    )
