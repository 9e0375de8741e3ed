"""What all pages of a case share: its head, the tabs, and the deadlines at the side. Each tab is a page of its own.

A page passes `**frame(case_id, "tab")` to a template that extends `desk/case_frame.html`. What must not live here: what a tab shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from enforcement import cases, clocks, law
from enforcement.deadlines import DeadlineKind
from enforcement.fines import WHOSE
from enforcement.transitions import HEADS, OVER
from enforcement.views.words import duties
from trace import clock
from trace.access import May, person
from trace.db import session
from trace.words import explain, way_out
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from trace.errors import TemThatError

TABS: tuple[tuple[str, str, Any], ...] = (
    ("events", "cases.show", _l("What happened")),
    ("file", "casework.show", _l("Violation file")),
    ("deadlines", "case_deadlines.show", _l("Deadlines")),
    ("evidence", "case_evidence.show", _l("Evidence")),
    ("labels", "case_labels.show", _l("Labels concerned")),
    ("documents", "case_documents.show", _l("Documents")),
    ("similar", "case_similar.show", _l("Similar cases")),
)
"""Name, endpoint (it takes `case_id`) and words of each tab, in the order of the page."""


def frame(case_id: UUID, active: str, *, reasons: Sequence[TemThatError] = ()) -> dict[str, Any]:
    """What the head and the side of a case's page show. `reasons`: why a step was not taken."""
    case = cases.get(session(), case_id)
    works = person().may(May.CASE_MOVE) and case.state not in OVER and case.merged_into_id is None
    standings = clocks.standings(case, law.load(session()), at=clock.now())
    return {
        "case": case,
        "works": works,
        "heads": works and not HEADS.isdisjoint(duties()),
        "case_tabs": [
            (words, url_for(endpoint, case_id=case.id), name == active, None) for name, endpoint, words in TABS
        ],
        "standings": standings,
        "limitation_known": any(s.deadline.kind in clocks.LIMITATION and not s.deadline.stopped_at for s in standings),
        "fine_barred": any(
            s.deadline.kind is DeadlineKind.PENALTY_DECISION and not s.closed and s.left < 0 for s in standings
        ),
        "reasons": [{"message": _named(exc), "way_out": way_out(exc), "url": _where(exc)} for exc in reasons],
        "tabs_label": _("Parts of the case"),
    }


def _named(exc: TemThatError) -> str:
    """What an error says, with whom it is about where several could be meant."""
    who = exc.facts.get(WHOSE)
    return f"{who}: {explain(exc)}" if who else explain(exc)


def _where(exc: TemThatError) -> str:
    """Where the way out of a refusal begins, for those who may go there."""
    if isinstance(exc, CalendarGap) and person().may(May.CALENDAR_EDIT):
        return url_for("law.calendar", year=int(str(exc.facts["year"])))
    return ""
