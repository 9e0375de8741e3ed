"""Words and small shapes that several pages of the desk share: severities, tabs, events of a case as lines.

What must not live here: queries and routes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import url_for
from flask_babel import gettext as _

from enforcement.deadlines import DeadlineKind
from enforcement.models import Outcome, SignalSource
from enforcement.transitions import Demand, Duty
from trace.access import May, person
from trace.models.parties import Role
from trace.words import day, number, say

if TYPE_CHECKING:
    from enforcement.models import CaseEvent
    from enforcement.queue import Counts

DUTY_OF = {Role.OFFICER: Duty.OFFICER, Role.TEAM_HEAD: Duty.TEAM_HEAD, Role.BRANCH_HEAD: Duty.BRANCH_HEAD}


def duties() -> frozenset[Duty]:
    """The duties in which the person at the desk acts."""
    return frozenset(DUTY_OF[role] for role in person().roles if role in DUTY_OF)


def severity_word(severity: int) -> str:
    """Low, middle or high."""
    return str({1: _("Low"), 2: _("Medium"), 3: _("High")}[severity])


def severities() -> list[tuple[str, str]]:
    """For a filter, highest first."""
    return [(str(n), severity_word(n)) for n in (3, 2, 1)]


def tabs(active: str, counts: Counts) -> list[tuple[str, str, bool, int]]:
    """The tabs of the desk; those of the queue only for people who may triage."""
    mine = str(person().id)
    found = []
    if person().may(May.SIGNAL_TRIAGE):
        found = [
            (_("To decide"), url_for("queue.index"), active == "new", counts.new),
            (_("Waiting"), url_for("queue.index", tab="waiting"), active == "waiting", counts.waiting),
            (_("My cases"), url_for("cases.index", officer=mine), active == "mine", counts.mine),
        ]
    return [*found, (_("All cases"), url_for("cases.index"), active == "all", counts.open)]


def line(event: CaseEvent) -> dict[str, Any]:
    """One event as the timeline shows it."""
    return {
        "at": event.at,
        "what": _what(event),
        "who": event.author.full_name,
        "note": event.note,
        "source": " · ".join(_details(event)),
    }


def _what(event: CaseEvent) -> str:
    facts = event.facts
    if event.move is not None and event.becomes is not None:
        return say(event.move)
    match event.deed:
        case "open":
            said = _("Case %(number)s opened", number=facts["number"])
        case "add_signal":
            said = _(
                "%(source)s %(number)s joined the case",
                source=say(SignalSource(facts["source"])),
                number=facts["signal"],
            )
        case "claim":
            said = _("%(name)s took the case", name=facts["officer"])
        case "assign":
            said = _("Given to %(name)s", name=facts["officer"])
        case "qualify":
            said = _("Legal details set")
        case "extend":
            said = _("Deadline extended: %(kind)s", kind=say(DeadlineKind(facts["kind"])))
        case "take_evidence":
            said = _("Evidence taken in, folio %(folio)s: %(title)s", folio=facts["folio"], title=facts["title"])
        case "gather_evidence":
            said = _("Late photos taken in")
        case _:
            said = _("Note")
    return str(said)


def _details(event: CaseEvent) -> list[str]:
    """The facts of an event in words, those that a reader of the file looks for."""
    facts, found = event.facts, [_("now: %(state)s", state=say(event.becomes))] if event.becomes else []
    for name in Demand:
        value = facts.get(name.value)
        if value in (None, "", []) or name is Demand.NOTE or (name is Demand.DECISION_NUMBER and event.deed == "open"):
            continue
        if name is Demand.FINE:
            value = f"{number(int(value))} đồng"
        elif name is Demand.OUTCOME:
            value = say(Outcome(value))
        elif name is Demand.EVIDENCE:
            value = ", ".join(str(folio) for folio in value)
        found.append(f"{say(name)}: {value}")
    if facts.get("folios"):
        found.append(_("folios %(numbers)s", numbers=", ".join(str(folio) for folio in facts["folios"])))
    if facts.get("damaged"):
        found.append(_("damaged files left out: %(n)s", n=len(facts["damaged"])))
    found += [
        _("deadline %(kind)s: %(due)s", kind=say(DeadlineKind(d["kind"])), due=day(datetime.fromisoformat(d["due"])))
        for d in facts.get("deadlines_started", [])
    ]
    if event.deed == "extend":
        found.append(_("new end %(due)s", due=day(datetime.fromisoformat(facts["due"]))))
    return found
