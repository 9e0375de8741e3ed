"""Words and small shapes that several pages of the desk share: severities, tabs, events of a case as lines.

What must not live here: queries and routes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from enforcement.deadlines import DeadlineKind
from enforcement.models import ExplanationEnd, InspectionGround, NoPenaltyGround, Outcome, SignalSource
from enforcement.transitions import Demand, Duty, Move
from enforcement.views import casework_words
from trace.access import person
from trace.models.parties import Role
from trace.words import day, number, say

if TYPE_CHECKING:
    from enum import StrEnum

    from enforcement.models import CaseEvent

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


def line(event: CaseEvent, *, of: str | None = None) -> dict[str, Any]:
    """One event as the timeline shows it. `of`: the number of its case, where others stand beside it."""
    return {
        "at": event.at,
        "what": _what(event),
        "who": event.author.full_name,
        "note": event.note,
        "source": " · ".join([*([of] if of else []), *_details(event)]),
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
        case "add_signals":
            said = _(
                "%(n)s like signals joined the case, among them %(number)s",
                n=number(facts["signals"]),
                number=facts["signal"],
            )
        case "claim":
            said = _("%(name)s took the case", name=facts["officer"])
        case "assign":
            said = _("Given to %(name)s", name=facts["officer"])
        case "unassign":
            said = _("Giving to %(name)s taken back", name=facts["was"])
        case "qualify":
            said = _("Legal details set")
        case "recompute":
            said = _("Deadline reckoned anew: %(kind)s", kind=say(DeadlineKind(facts["kind"])))
        case "extend":
            said = _("Deadline extended: %(kind)s", kind=say(DeadlineKind(facts["kind"])))
        case "absorb" | "merge_into" | "unmerge" | "split" | "split_off":
            said = _joined(event)
        case _:
            said = _of_part(event)
    return str(said)


def _of_part(event: CaseEvent) -> str:
    """Deeds in the parts of a case: its evidence, its documents, its violation file."""
    deed = event.deed
    if deed in {"take_evidence", "gather_evidence", "redact", "ask_bundle", "bundle", "fetch_bundle"}:
        return _of_evidence(event)
    if deed.endswith("_document"):
        return _of_document(event)
    return casework_words.deed(event) if deed in casework_words.DEEDS else str(_("Note"))


def _of_evidence(event: CaseEvent) -> str:
    facts = event.facts
    match event.deed:
        case "take_evidence":
            said = _("Evidence taken in, folio %(folio)s: %(title)s", folio=facts["folio"], title=facts["title"])
        case "gather_evidence":
            said = _("Late photos taken in")
        case "redact":
            said = _("Redacted copy %(n)s of folio %(folio)s made", n=facts["copy"], folio=facts["folio"])
        case "ask_bundle":
            said = _("Bundle %(n)s asked for", n=facts["bundle"])
        case "fetch_bundle":
            said = _("Bundle %(n)s taken out", n=facts["bundle"])
        case _:
            said = _("Bundle %(n)s made, number to compare %(sums)s", n=facts["bundle"], sums=facts["sums_sha256"])
    return str(said)


def _of_document(event: CaseEvent) -> str:
    facts = event.facts
    match event.deed:
        case "draft_document":
            said = _("Draft begun: %(name)s", name=facts["name"])
        case "issue_document":
            said = _("Document issued: %(name)s, number %(number)s", name=facts["name"], number=facts["number"])
        case "scan_document":
            said = _(
                "Signed copy of %(number)s taken in, folio %(folio)s", number=facts["number"], folio=facts["folio"]
            )
        case "upload_document":
            said = _("%(number)s put into INS", number=facts["number"])
        case "cancel_document":
            said = _("Document %(number)s cancelled", number=facts["number"])
        case _:
            said = _("Draft given up: %(name)s", name=facts["name"])
    return str(said)


def _joined(event: CaseEvent) -> str:
    """Merging, taking a merge back, and splitting."""
    facts = event.facts
    match event.deed:
        case "absorb":
            said = _("Case %(number)s merged into this one", number=facts["absorbed"])
        case "merge_into":
            said = _("Merged into case %(number)s", number=facts["kept"])
        case "unmerge":
            said = _("Merge taken back: %(gone)s out of %(kept)s", gone=facts["absorbed"], kept=facts["kept"])
        case "split":
            said = _("Case %(number)s split off", number=facts["made"])
        case _:
            said = _("Split off from case %(number)s", number=facts["origin"])
    return str(said)


def _shown(name: Demand, value: Any) -> str:
    """What was filled in under a name of the form."""
    match name:
        case Demand.FINE | Demand.BRACKET_LOW | Demand.BRACKET_TOP | Demand.CONFISCATION:
            return f"{number(int(value))} đồng"
        case Demand.SIGNED_ON:
            return day(date.fromisoformat(value))
        case Demand.EVIDENCE:
            return ", ".join(str(folio) for folio in value)
        case Demand.OUTCOME | Demand.INSPECTION_GROUND | Demand.NO_PENALTY_GROUND | Demand.EXPLANATION:
            kinds: dict[Demand, type[StrEnum]] = {
                Demand.OUTCOME: Outcome, Demand.INSPECTION_GROUND: InspectionGround, Demand.NO_PENALTY_GROUND: NoPenaltyGround,
                Demand.EXPLANATION: ExplanationEnd,
            }  # fmt: skip
            return say(kinds[name](value))
        case _:
            return str(value)


def _details(event: CaseEvent) -> list[str]:
    """The facts of an event in words, those that a reader of the file looks for."""
    facts, found = event.facts, [_("now: %(state)s", state=say(event.becomes))] if event.becomes else []
    for name in Demand:
        value = facts.get(name.value)
        if (
            value in (None, "", [], 0)
            or name is Demand.NOTE
            or (name is Demand.DECISION_NUMBER and event.deed == "open")
        ):
            continue
        put_forward = name is Demand.SIGNED_ON and event.move is Move.PREPARE_DECISION
        what = _("Put forward on") if put_forward else say(name)
        found.append(what if value is True else f"{what}: {_shown(name, value)}")
    if facts.get("whose"):
        found.append(_("decided on %(names)s", names=", ".join(facts["whose"])))
    if facts.get("may_explain"):
        found.append(_("may explain: %(names)s", names=", ".join(facts["may_explain"])))
    if facts.get("folios"):
        found.append(_("folios %(numbers)s", numbers=", ".join(str(folio) for folio in facts["folios"])))
    if facts.get("damaged"):
        found.append(_("damaged files left out: %(n)s", n=len(facts["damaged"])))
    found += [
        _("deadline %(kind)s: %(due)s", kind=say(DeadlineKind(d["kind"])), due=day(datetime.fromisoformat(d["due"])))
        for d in facts.get("deadlines_started", [])
    ]
    found += casework_words.details(event)
    if event.deed in {"extend", "recompute"}:
        found.append(_("new end %(due)s", due=day(datetime.fromisoformat(facts["due"]))))
    return found
