"""The list of cases, nearest legal date first, and taking the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import cases, claims, clocks, law, queue
from enforcement.models import DeskList
from enforcement.transitions import HEADS, CaseState
from enforcement.views import desk_lists
from enforcement.views.cases import bp
from enforcement.views.words import duties, severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.services import workdays
from trace.views import lists
from trace.views.once import once
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """Cases, nearest legal date first."""
    at, page = clock.now(), lists.page()
    people = {officer.id: officer.full_name for officer in cases.officers(session(), on=lists.today())}
    asked = cast("queue.CaseFilter", desk_lists.asked(DeskList.CASES, request.args))
    rows, total = queue.cases(session(), asked, at=at, page=page)
    rules = law.Law((), workdays.calendar(session()))  # the list counts days and needs no rule
    mine = asked.officer_id == person().id
    chips = [(_("Search: %(text)s", text=asked.q), "q", None)] if asked.q else []
    chips += [(say(asked.state), "state", None)] if asked.state else []
    chips += [(say(asked.due), "due", None)] if asked.due else []
    chips += [(severity_word(asked.severity), "severity", None)] if asked.severity else []
    chips += [(_("Chosen rows"), "id", None)] if asked.ids else []
    if asked.unassigned or asked.officer_id:
        named = people.get(asked.officer_id, _("somebody else")) if asked.officer_id else _("nobody yet")
        chips.append((_("Officer: %(name)s", name=named), "officer", None))
    active = "mine" if mine else asked.due.value if asked.due else "all"
    titles = {"mine": _("My cases"), "soon": _("Cases due soon"), "overdue": _("Overdue cases")}
    return render_template(
        "desk/cases.html",
        **desk_lists.shared(DeskList.CASES),
        title=titles.get(active, _("All cases")),
        tabs=desk_lists.tabs(active, queue.counts(session(), officer_id=person().id, at=at)),
        rows=[
            {
                "id": case.id,
                "case": case,
                "left": clocks.left_until(case.next_due_at, rules, at=at) if case.next_due_at else None,
                "late": case.next_due_at is not None and case.next_due_at < at,
            }
            for case in rows
        ],
        total=total,
        found=desk_lists.results(total, asked),
        chips=chips,
        heads=not HEADS.isdisjoint(duties()),
        states=[(each.value, say(each)) for each in CaseState],
        dues=[(each.value, say(each)) for each in queue.Pressing],
        people=[("me", _("me")), ("none", _("nobody yet")), *((str(key), name) for key, name in people.items())],
        page=page,
        pages=desk_lists.pages(total, asked),
    )


@bp.post("/tiep-theo")
@needs(May.CASE_MOVE)
def take_next() -> ResponseReturnValue:
    """Take the most pressing case that nobody works. The same form sent twice takes one."""
    with once("cases.take_next") as key:
        if key.done:
            return redirect(key.location, 303)
        case = claims.take_next(session(), by=person().id, at=clock.now())
        key.settle(url_for(".show", case_id=case.id) if case else url_for(".index", officer="none"))
    session().commit()
    if case is None:
        flash(_("No case is without an officer."), "message")
    else:
        flash(_("You work the case %(number)s now.", number=case.number), "success")
    return redirect(key.location, 303)
