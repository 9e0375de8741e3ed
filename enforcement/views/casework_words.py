"""The deeds of a violation file in words: entries, detection, exhibits, measures, orders, hand-overs.

What must not live here: queries and routes, and the moves of a case (`words`).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from enforcement.deadlines import DeadlineKind
from enforcement.models import (
    EntryKind,
    ExhibitDeed,
    ExplanationEnd,
    MeasureKind,
    MeasureResult,
    ObligationKind,
    ObligationState,
    PaperKind,
)
from trace.words import day, number, say

if TYPE_CHECKING:
    from enforcement.models import CaseEvent

DEEDS = frozenset({
    "add_entry", "amend_entry", "strike_entry", "detect", "fulfil", "exhibit", "begin_measure", "end_measure", "order", "confirm_handover",
    "serve", "explain", "redate",
})  # fmt: skip


def deed(event: CaseEvent) -> str:  # noqa: PLR0912  one branch a deed
    """One deed as the timeline names it."""
    facts = event.facts
    match event.deed:
        case "redate":
            return _redated(event)
        case "add_entry":
            said = _("%(kind)s entered: %(name)s", kind=say(EntryKind(facts["kind"])), name=facts["name"])
        case "amend_entry":
            said = _("%(kind)s corrected: %(name)s", kind=say(EntryKind(facts["kind"])), name=facts["name"])
        case "strike_entry":
            said = _("%(kind)s struck: %(name)s", kind=say(EntryKind(facts["kind"])), name=facts["name"])
        case "detect":
            said = _("A violation was detected")
        case "fulfil":
            said = _("Done: %(kind)s", kind=say(DeadlineKind(facts["kind"])))
        case "exhibit":
            said = _(
                "Exhibit no. %(seq)s %(deed)s: %(name)s",
                seq=facts["seq"],
                deed=say(ExhibitDeed(facts["deed"])).lower(),
                name=facts["name"],
            )
        case "begin_measure":
            said = _(
                "%(kind)s begun: %(addressee)s", kind=say(MeasureKind(facts["kind"])), addressee=facts["addressee"]
            )
        case "end_measure":
            said = _(
                "%(kind)s ended: %(result)s",
                kind=say(MeasureKind(facts["kind"])),
                result=say(MeasureResult(facts["result"])).lower(),
            )
        case "order":
            said = _order(event)
        case "serve":
            said = _("Decision handed over: %(name)s", name=facts["who"])
        case "explain":
            said = _("%(name)s: %(how)s", name=facts["who"], how=say(ExplanationEnd(facts["how"])).lower())
        case _:
            said = _("%(recipient)s confirmed that the file arrived", recipient=facts["recipient"])
    return str(said)


def details(event: CaseEvent) -> list[str]:
    """What else such a deed says: numbers, seals, days."""
    if event.deed not in DEEDS:
        return []
    facts, found = event.facts, []
    if paper := facts.get("number") or facts.get("document_number"):
        found.append(_("paper no. %(number)s", number=paper))
    if seal := facts.get("seal"):
        found.append(_("seal %(number)s", number=seal))
    if amount := facts.get("amount"):
        found.append(f"{number(int(amount))} đồng")
    if who := facts.get("received_by"):
        found.append(_("received by %(name)s", name=who))
    if when := facts.get("day") or facts.get("done_on"):
        found.append(_("on %(day)s", day=day(date.fromisoformat(when))))
    if things := facts.get("exhibits"):
        found.append(_("exhibits no. %(numbers)s", numbers=", ".join(str(each) for each in things)))
    return [str(each) for each in found]


def _order(event: CaseEvent) -> str:
    facts = event.facts
    if facts["deed"] == "pay":
        return str(_("Part of the fine paid") if facts.get("left") else _("The fine is paid"))
    kind, state = say(ObligationKind(facts["kind"])), say(ObligationState(facts["deed"])).lower()
    return f"{kind} – {state}: {facts['what']}"


def _redated(event: CaseEvent) -> str:
    facts = event.facts
    was, now = (day(date.fromisoformat(facts[each])) for each in ("was", "now"))
    kind, number_ = say(PaperKind(facts["kind"])), facts["paper"]
    return str(
        _("Day corrected: %(kind)s no. %(number)s, %(was)s → %(now)s", kind=kind, number=number_, was=was, now=now)
    )
