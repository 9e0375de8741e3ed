"""The queue of signals: those to decide, and those put off to a later day. Like signals lie in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from enforcement import clusters, queue
from enforcement.models import DeskList, SignalSource
from enforcement.views import desk_lists
from enforcement.views.signal_words import summary
from enforcement.views.words import severity_word
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
    wards = dict(places.named(session()))
    asked = cast("queue.SignalFilter", desk_lists.asked(DeskList.SIGNALS, request.args))
    rows, total = queue.signals(session(), asked, at=at, page=page)
    chips = [(_("Search: %(text)s", text=asked.q), "q", None)] if asked.q else []
    chips += [(say(asked.source), "source", None)] if asked.source else []
    chips += [(severity_word(asked.severity), "severity", None)] if asked.severity else []
    chips += [(wards.get(asked.commune_code, "–"), "commune", None)] if asked.commune_code else []
    chips += [(_("Chosen rows"), "id", None)] if asked.ids else []
    counts = queue.counts(session(), officer_id=person().id, at=at)
    return render_template(
        "desk/queue.html",
        **desk_lists.shared(DeskList.SIGNALS),
        tabs=desk_lists.tabs("waiting" if asked.waiting else "new", counts),
        rows=rows,
        words_of=summary,
        working=clusters.working(session(), rows),
        total=total,
        found=desk_lists.results(total, asked),
        chips=chips,
        waiting=asked.waiting,
        today=lists.today(),
        sources=[(each.value, say(each)) for each in SignalSource],
        wards=list(wards.items()),
        page=page,
        pages=desk_lists.pages(total, asked),
    )
