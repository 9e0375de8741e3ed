"""The list of cases, nearest deadline first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request
from flask_babel import gettext as _

from enforcement import cases, clocks, law, queue
from enforcement.transitions import CaseState
from enforcement.views.cases import bp
from enforcement.views.words import severities, severity_word, tabs
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """Cases, nearest deadline first."""
    at, page = clock.now(), lists.page()
    state, due, q = lists.member(CaseState, "state"), lists.member(queue.Pressing, "due"), lists.text()
    severity = int(request.args["severity"]) if request.args.get("severity") in {"1", "2", "3"} else None
    people = {officer.id: officer.full_name for officer in cases.officers(session(), on=lists.today())}
    officer, nobody = lists.identity("officer"), request.args.get("officer") == "none"
    asked = queue.CaseFilter(officer_id=officer, unassigned=nobody, state=state, severity=severity, due=due, q=q)
    rows, total = queue.cases(session(), asked, at=at, page=page)
    rules = law.load(session())
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(say(state), "state", None)] if state else []
    chips += [(say(due), "due", None)] if due else []
    chips += [(severity_word(severity), "severity", None)] if severity else []
    if nobody or officer:
        named = _("nobody yet") if nobody or officer is None else people.get(officer, _("somebody else"))
        chips.append((_("Officer: %(name)s", name=named), "officer", None))
    mine = officer == person().id
    return render_template(
        "desk/cases.html",
        tabs=tabs("mine" if mine else "all", queue.counts(session(), officer_id=person().id, at=at)),
        rows=[
            {
                "case": case,
                "left": clocks.left_until(case.next_due_at, rules, at=at) if case.next_due_at else None,
                "late": case.next_due_at is not None and case.next_due_at < at,
            }
            for case in rows
        ],
        total=total,
        chips=chips,
        mine=mine,
        states=[(each.value, say(each)) for each in CaseState],
        dues=[(each.value, say(each)) for each in queue.Pressing],
        severities=severities(),
        people=[("none", _("nobody yet")), *((str(key), name) for key, name in people.items())],
        page=page,
        pages=lists.pages(total, queue.PAGE),
    )
