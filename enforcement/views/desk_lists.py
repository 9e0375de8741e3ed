"""What the lists of the desk share: the filter that an address says, the tabs, the row of saved filters, what was just done to many.

What must not live here: routes, and queries (`queue`, `filters`, `bulk`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import request, url_for
from flask import session as cookie
from flask_babel import gettext as _

from enforcement import bulk, filters, queue
from enforcement.models import BulkDeed, DeskList, SignalSource
from enforcement.transitions import CaseState
from enforcement.views.words import severities
from trace import clock
from trace.access import May, person
from trace.db import session
from trace.errors import TemThatError
from trace.services import places
from trace.views import lists
from trace.words import number, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from enforcement.models import SavedFilter

SAYS = {
    DeskList.SIGNALS: ("tab", "q", "source", "severity", "commune", "id"),
    DeskList.CASES: ("q", "state", "due", "severity", "officer", "id"),
}
"""What an address may say of each list, in the order in which a saved filter says it."""
ENDPOINT = {DeskList.SIGNALS: "queue.index", DeskList.CASES: "cases.index"}
NEEDS = {DeskList.SIGNALS: May.SIGNAL_TRIAGE, DeskList.CASES: May.CASE_READ}
DONE = "bulk_done"
"""Where the cookie keeps what was just done to many, until the next list shows it."""


def asked(kind: DeskList, said: Mapping[str, str]) -> queue.SignalFilter | queue.CaseFilter:
    """The filter that an address says; what it says wrongly is no filter."""
    severity = int(said["severity"]) if said.get("severity") in {"1", "2", "3"} else None
    q, ids = places.asked(said.get("q")), _ids(said.get("id", ""))
    if kind is DeskList.SIGNALS:
        return queue.SignalFilter(
            waiting=said.get("tab") == "waiting",
            source=_member(SignalSource, said.get("source")),
            severity=severity,
            commune_code=said.get("commune") or None,
            ids=ids,
            q=q,
        )
    officer = said.get("officer", "")
    return queue.CaseFilter(
        officer_id=person().id if officer == "me" else next(iter(_ids(officer)), None),
        unassigned=officer == "none",
        state=_member(CaseState, said.get("state")),
        severity=severity,
        due=_member(queue.Pressing, said.get("due")),
        ids=ids,
        q=q,
    )


def query(kind: DeskList, said: Mapping[str, str]) -> str:
    """The filter of an address in one writing, so that the same filter is the same text."""
    return urlencode([(name, said[name]) for name in SAYS[kind] if said.get(name)])


def said(text: str) -> dict[str, str]:
    """What a kept address says."""
    return dict(parse_qsl(text)[:20])


def url(kind: DeskList, text: str) -> str:
    """The list with a filter."""
    return url_for(ENDPOINT[kind]) + (f"?{text}" if text else "")


def figure(count: int, most: int = 0) -> str:
    """A figure on a tab or beside a filter: exact up to the bound, "more than" beyond it."""
    most = most or queue.MOST
    return f"{number(most)}+" if count > most else number(count)


def results(count: int, wanted: queue.SignalFilter | queue.CaseFilter) -> str:
    """How many rows a filter found, in words."""
    if count > queue.bound(wanted):
        return str(_("more than %(n)s results: narrow the list with its filters", n=number(queue.bound(wanted))))
    return str(_("%(n)s results", n=number(count))) if count != 1 else str(_("1 result"))


def pages(total: int, wanted: queue.SignalFilter | queue.CaseFilter) -> int:
    """How many pages a list has that is walked no further than its bound."""
    return lists.pages(min(total, queue.bound(wanted)), queue.PAGE)


def tabs(active: str, counts: queue.Counts) -> list[tuple[str, str, bool, str]]:
    """The tabs of the desk; those of the queue only for people who may triage."""
    found = [
        (_("Due soon"), url_for("cases.index", due="soon"), active == "soon", figure(counts.soon)),
        (_("Overdue"), url_for("cases.index", due="overdue"), active == "overdue", figure(counts.overdue)),
        (_("All cases"), url_for("cases.index"), active == "all", figure(counts.open)),
    ]
    if not person().may(May.SIGNAL_TRIAGE):
        return found
    return [
        (_("To decide"), url_for("queue.index"), active == "new", figure(counts.new)),
        (_("Waiting"), url_for("queue.index", tab="waiting"), active == "waiting", figure(counts.waiting)),
        (_("My cases"), url_for("cases.index", officer="me"), active == "mine", figure(counts.mine)),
        *found,
    ]


def shared(kind: DeskList) -> dict[str, Any]:
    """What every list passes to its template besides its rows."""
    here, most = query(kind, request.args), queue.bound(asked(kind, request.args))
    return {
        "kind": kind,
        "query_here": here,
        "saved": [
            {"filter": each, "url": url(each.list, each.query), "active": each.list is kind and each.query == here}
            for each in filters.of(session(), person().id)
            if person().may(NEEDS[each.list])
        ],
        "keys": filters.keys_on(session(), person().id),
        "done": just_done(),
        "severities": severities(),
        "bulk_most": min(bulk.MOST, most),
        "figure": partial(figure, most=most),
    }


def count_of(saved: SavedFilter) -> str:
    """The figure beside a saved filter."""
    wanted = asked(saved.list, said(saved.query))
    return figure(queue.total(session(), wanted, at=clock.now()), queue.bound(wanted))


def just_done() -> dict[str, Any] | None:
    """What this person has just done to many, told once."""
    kept = cookie.pop(DONE, None)
    if kept is None:
        return None
    try:
        deed = bulk.get(session(), UUID(kept))
    except (TemThatError, ValueError):
        return None
    return {"deed": deed, "text": told(deed)}


def told(deed: BulkDeed) -> str:
    """A deed for many in words, with its figures."""
    n, refused = len(deed.done["items"]), len(deed.done.get("refused", ()))
    what = str(
        _("%(deed)s: %(n)s cases", deed=say(deed.kind), n=number(n))
        if deed.list is DeskList.CASES
        else _("%(deed)s: %(n)s signals", deed=say(deed.kind), n=number(n))
    )
    return f"{what} · {_('refused: %(n)s', n=number(refused))}" if refused else what


def _member(kind: type[StrEnum], text: str | None) -> Any:
    return kind(text) if text in set(kind) else None


def ids(texts: Iterable[str], *, most: int) -> list[UUID]:
    """The ids among some texts, each once, at most so many."""
    found = dict[UUID, None]()
    for part in texts:
        try:
            found[UUID(part)] = None
        except ValueError:
            continue
        if len(found) == most:
            break
    return list(found)


def _ids(text: str) -> tuple[UUID, ...]:
    """The ids that an address names, at most as many as a page has rows."""
    return tuple(ids(text.split(",")[: queue.PAGE], most=queue.PAGE))
