"""The page of a violation file and how its forms are carried out: what each of its routes shares.

An entry is corrected or struck in place: `?sua=<its id>` opens its forms. What must not live here: routes, and the words of the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import acts, casework, documents, exhibits, fine_times, goods, law, orders, redating
from enforcement.entries import EntryChanged
from enforcement.explaining import MAY_EXPLAIN
from enforcement.measures import WHERE
from enforcement.models import (
    CaseAct,
    CasePaper,
    CaseParty,
    EntryKind,
    Exhibit,
    ExhibitDeed,
    Explanation,
    GoodsLine,
    Handover,
    Measure,
    MeasureKind,
    Obligation,
    ObligationKind,
    Ruling,
)
from enforcement.transitions import CaseState
from enforcement.views import casework_forms as forms
from enforcement.views.case_deeds import carry_out, meanwhile, seen_now
from enforcement.views.case_frame import frame
from trace.clock import CITY
from trace.db import session
from trace.errors import NotFound
from trace.forms import EnumField
from trace.services import history
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from enforcement.casework import AnyEntry, CaseworkView
    from enforcement.models import CaseFile
    from trace.errors import TemThatError

bp = Blueprint("casework", __name__, url_prefix="/vu-viec/<uuid:case_id>/ho-so")


@dataclass(frozen=True)
class Noun:
    """What one kind of entry is on the page: its form and its three deeds."""

    kind: EntryKind
    model: type[AnyEntry]
    form: type[forms.Sheet]
    add: Callable[..., Any]
    amend: Callable[..., Any]
    strike: Callable[..., Any]


NOUNS = {
    "nguoi": Noun(EntryKind.PARTY, CaseParty, forms.PartyForm, acts.add_party, acts.amend_party, acts.strike_party),
    "hanh-vi": Noun(EntryKind.ACT, CaseAct, forms.ActForm, acts.add_act, acts.amend_act, acts.strike_act),
    "hang-hoa": Noun(EntryKind.GOODS, GoodsLine, forms.GoodsForm, goods.add, goods.correct, goods.drop),
    "tang-vat": Noun(EntryKind.EXHIBIT, Exhibit, forms.ExhibitForm, exhibits.add, exhibits.correct, exhibits.drop),
}
ANY_NOUN = "any({})".format(",".join(f"'{name}'" for name in NOUNS))


def do(
    case_id: UUID, form: forms.Sheet, act: Callable[[datetime], None], done: str, entry_id: UUID | None = None
) -> ResponseReturnValue:
    """Carry out one form of the page, once; drawn again with every reason when it cannot be."""
    return carry_out(
        f"casework.{form.NAME}", form, act, done, location=url_for(".show", case_id=case_id, _anchor=_section(form)),
        page=lambda reasons: page(case_id, bound=form, reasons=reasons, entry_id=entry_id),
    )  # fmt: skip


def offered(case_id: UUID, form: Any) -> Any:
    """A form with its choices."""
    form.offer(casework.of_case(session(), case_id), lists.wards(lists.today()))
    return form


def page(
    case_id: UUID,
    *,
    bound: forms.Sheet | None = None,
    reasons: list[TemThatError] | None = None,
    entry_id: UUID | None = None,
) -> str:
    """The page, with one entry open if one is asked for."""
    session().expire_all()
    framed = frame(case_id, "file", reasons=reasons or [])
    case, view = framed["case"], casework.of_case(session(), case_id)
    entry = _entry(view, entry_id or _asked(), redrawn=bound is not None) if framed["works"] or entry_id else None
    wards = lists.wards(lists.today())
    # Asked before the forms are drawn anew: these carry what is true now.
    saw = revision(bound) if bound is not None and "revision" in bound else 0
    opened = {} if entry is None else _opened(entry, bound, view, wards, case)
    if framed["heads"] or isinstance(bound, forms.RedateForm):
        opened |= _of_day(entry, bound, case)
    past = _past(entry, opened)
    anew = bound is not None and (entry is None or getattr(entry, "struck_at", None) is not None)
    return render_template(
        "desk/casework.html",
        **framed,
        view=view,
        entry=entry,
        opened=opened,
        past=past,
        add_forms=_add_forms(view, bound if anew else None, case, wards),
        added=bound.NAME if bound is not None and anew else None,
        failed=bound,
        meanwhile=meanwhile(case, bound, reasons) or _since(entry, saw, past, reasons),
        kinds_here=[kind for kind in MeasureKind if case.state in WHERE[kind]],
        slugs={which.model.__name__: slug for slug, which in NOUNS.items()},
        seen=seen_now(case),
        name_of=_name,
        redatable=lambda each: framed["heads"] and redating.correctable(view.measures, each),
        struck_at=lambda each: getattr(each, "struck_at", None),
        settling=case.state in orders.MAY_SETTLE,
        noun_of=lambda each: next((n.kind for n in NOUNS.values() if isinstance(each, n.model)), EntryKind.OBLIGATION),
        standing_of=_standing_of(case, view) if len(view.suspected) > 1 or _waited_for(case, view) else [],
    )


@dataclass(frozen=True)
class OffenderLine:
    """Where it stands with one of several offenders. `until`: when the first of the own acts can no longer be fined."""

    party: CaseParty
    explanation: Explanation | None
    ruling: Ruling | None
    until: datetime | None
    open_orders: int
    may_explain: bool


def _waited_for(case: CaseFile, view: CaseworkView) -> bool:
    """Whether somebody may still explain although no step asks for it any more: the police gave the file back."""
    waiting = any(each.owed and each.outcome is None for each in view.explanations)
    return waiting and case.state is CaseState.DECISION_DUE


def _standing_of(case: CaseFile, view: CaseworkView) -> list[OffenderLine]:
    """Where it stands with each offender."""
    rules = law.load(session())
    rulings_ = {each.party_id: each for each in view.rulings}
    explained = {each.party_id: each for each in view.explanations}
    lines = []
    for party in view.suspected:
        ruling, row = rulings_.get(party.id), explained.get(party.id)
        left = [line for line in view.obligations if ruling and line.ruling_id == ruling.id and line.settled_on is None]
        owed = row is not None and row.owed and row.outcome is None and ruling is None
        until = None if ruling else fine_times.limitation_end(session(), case, party, rules=rules)
        lines.append(OffenderLine(party, row, ruling, until, len(left), owed and case.state in MAY_EXPLAIN))
    return lines


def _add_forms(
    view: CaseworkView, bound: forms.Sheet | None, case: Any, wards: list[tuple[str, str]]
) -> dict[str, forms.Sheet]:
    wanted: list[type[forms.Sheet]] = [*(which.form for which in NOUNS.values()), forms.MeasureForm, forms.OrderForm]
    made: dict[str, forms.Sheet] = {}
    for kind in wanted:
        form = bound if bound is not None and bound.NAME == kind.NAME else kind(formdata=None)
        form.offer(view, wards)
        _offer_papers(form, case.id)
        if isinstance(form, forms.MeasureForm):
            form.version.data = seen_now(case)
            form.kind.choices = [
                (value, label) for value, label in form.kind.choices if case.state in WHERE[MeasureKind(value)]
            ]  # fmt: skip
        made[kind.NAME] = form
    return made


def _opened(
    entry: Any, bound: forms.Sheet | None, view: CaseworkView, wards: list[tuple[str, str]], case: CaseFile
) -> dict[str, forms.Sheet]:
    """The forms of the entry that is open: to correct it, to strike it, and what else can be done with it."""
    wanted: list[type[forms.Sheet]] = [which.form for which in NOUNS.values() if isinstance(entry, which.model)]
    if isinstance(entry, (CaseParty, CaseAct, GoodsLine, Exhibit)):
        wanted.append(forms.StrikeForm)
    if isinstance(entry, Exhibit):
        wanted.append(forms.ExhibitDeedForm)
    if isinstance(entry, Obligation):
        wanted += [forms.SettleForm, forms.PayForm if entry.kind is ObligationKind.FINE else forms.StrikeForm]
    made: dict[str, forms.Sheet] = {}
    for kind in wanted:
        is_bound = bound is not None and bound.NAME == kind.NAME
        form = bound if bound is not None and is_bound else kind(formdata=None)
        form.offer(view, wards)
        if not is_bound:
            _fill(form, entry)
        if isinstance(form, forms.SettleForm):
            form.of(fine=entry.kind is ObligationKind.FINE)
        if "revision" in form:
            form.revision.data = str(entry.revision)
        made[kind.NAME] = form
    return made | _of_running(entry, bound, case) | _of_offender(entry, bound, case)


def _offer_papers(form: Any, case_id: UUID) -> None:
    """The papers of the case that may carry a number which the form asks for."""
    for name, codes in form.OFFERS.items():
        form[name].offers = documents.registered(session(), case_id, codes)


def _of_offender(entry: Any, bound: forms.Sheet | None, case: CaseFile) -> dict[str, forms.Sheet]:
    """The forms of an offender among several: the own explanation, or that the decision was handed over."""
    kinds: dict[type, type[forms.Sheet]] = {Explanation: forms.ExplainForm, Ruling: forms.ServeForm}
    kind = kinds.get(type(entry))
    if kind is None:
        return {}
    form: Any = bound if bound is not None and bound.NAME == kind.NAME else kind(formdata=None)
    form.version.data = seen_now(case)
    return {kind.NAME: form}


def _of_running(entry: Any, bound: forms.Sheet | None, case: CaseFile) -> dict[str, forms.Sheet]:
    """The forms of a measure that runs, and of a hand-over that nobody confirmed."""
    kinds: dict[type, type[forms.Sheet]] = {Measure: forms.MeasureEndForm, Handover: forms.ReceiveForm}
    kind = kinds.get(type(entry))
    if kind is None:
        return {}
    form = bound if bound is not None and bound.NAME == kind.NAME else kind(formdata=None)
    _offer_papers(form, case.id)
    made = {kind.NAME: form}
    if isinstance(form, forms.MeasureEndForm):
        measure: Measure = entry
        form.of(measure)
        form.version.data = seen_now(case)
        if measure.due_on is not None and measure.ended_at is None:
            again: Any = bound if isinstance(bound, forms.AgreeForm) else forms.AgreeForm(formdata=None)
            again.version.data = seen_now(case)
            made[again.NAME] = again
    return made


def _of_day(entry: Any, bound: forms.Sheet | None, case: CaseFile) -> dict[str, forms.Sheet]:
    """The form that corrects the day of a paper, or of a measure that runs. For heads."""
    if not isinstance(entry, (CasePaper, Measure)) or getattr(entry, "ended_at", None) is not None:
        return {}
    form: Any = bound if isinstance(bound, forms.RedateForm) else forms.RedateForm(formdata=None)
    if form is not bound:
        if isinstance(entry, Measure):
            began = entry.began_at.astimezone(CITY)
            form.signed_on.data, form.began_time.data = began.date(), f"{began:%H:%M}"
        else:
            form.signed_on.data = entry.signed_on
    if isinstance(entry, CasePaper):
        del form.began_time
    form.version.data = seen_now(case)
    return {form.NAME: form}


def _fill(form: forms.Sheet, entry: Any) -> None:
    """Show what an entry says in the form that corrects it."""
    names = {
        "commune": "commune_code",
        "represents": "represents_id",
        "offender": "offender_id",
        "act": "act_id",
        "goods": "goods_id",
    }
    if form.NAME in {"strike", "deed", "settle", "pay"}:
        return
    for field in form:
        value = getattr(entry, names.get(field.short_name, field.short_name), None)
        if value is not None:
            field.data = str(value) if isinstance(value, UUID) else value


def _entry(view: CaseworkView, entry_id: UUID | None, *, redrawn: bool) -> Any:
    """The entry that is open. `redrawn`: with a form that was refused, perhaps because somebody settled the entry meanwhile."""
    if entry_id is None:
        return None
    rows: tuple[Any, ...] = (
        *view.parties, *view.acts, *view.goods, *view.exhibits, *view.obligations, *view.running,
        *(each for each in view.papers if redating.correctable(view.measures, each)),
        *(each for each in view.handovers if each.received_on is None), *(each for each in view.rulings if each.served_on is None),
        *(each for each in view.explanations if each.owed and each.outcome is None), *view.struck,
        *((*view.measures, *view.handovers, *view.rulings, *view.explanations) if redrawn else ()),
    )  # fmt: skip
    found = next((row for row in rows if row.id == entry_id), None)
    if found is None:
        raise NotFound
    return found


def _name(entry: Any) -> str:
    """What an entry is called on the page."""
    if isinstance(entry, (Ruling, Explanation)):
        return entry.party.name
    if isinstance(entry, CasePaper):
        return f"{say(entry.kind)} {entry.number}"
    names = ("name", "what", "description", "subject", "recipient")
    return str(next(getattr(entry, each) for each in names if hasattr(entry, each)))


def _past(entry: Any, opened: dict[str, forms.Sheet]) -> list[dict[str, Any]]:
    """What was done to an entry, newest first, by the names that its form gives to what changed."""
    if entry is None:
        return []
    labels = {field.short_name: field for form in opened.values() for field in form}
    told = []
    for row in history.of(session(), entry.id):
        changed = [
            f"{labels[name].label.text}: {_shown(labels[name], old)} → {_shown(labels[name], new)}"
            for name, (old, new) in row.changes.items()
            if name in labels
        ]
        subject, _colon, verb = row.deed.partition(":")
        what = {"add": _("Entered"), "amend": _("Corrected"), "strike": _("Struck"), "redate": _("Day corrected")}.get(
            verb
        )
        if subject == EntryKind.EXHIBIT and verb in set(ExhibitDeed):
            what = say(ExhibitDeed(verb))
        note = "; ".join([*changed, *([row.why] if row.why else [])])
        who = row.author.full_name if row.author else ""
        told.append({"at": row.at, "what": what or _("Something was done with it"), "who": who, "note": note})
    return told


def _since(
    entry: Any, saw: int, past: list[dict[str, Any]], reasons: list[TemThatError] | None
) -> list[dict[str, Any]]:
    """What others did to an entry since the page that a refused form stood on, oldest first: each deed moved its revision by one."""
    if not any(isinstance(each, EntryChanged) for each in reasons or ()):
        return []
    return past[: max(entry.revision - saw, 1)][::-1] if saw > 0 else past[:1]


def _shown(field: Any, value: Any) -> str:
    if value in (None, ""):
        return "–"
    if isinstance(field, EnumField):
        return say(field.kind(value))
    return str(value)


def _asked() -> UUID | None:
    try:
        return UUID(request.args.get("sua", ""))
    except ValueError:
        return None


def revision(form: Any) -> int:
    """Which state of an entry the person saw; one that was not sent was never seen."""
    sent = form.revision.data or ""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def _section(form: forms.Sheet) -> str:
    return {"party": "parties", "act": "acts", "exhibit": "exhibits", "deed": "exhibits", "measure": "measures", "end": "measures", "agree": "measures", "redate": "papers", "serve": "offenders",
            "explain": "offenders"}.get(
        form.NAME, "goods" if form.NAME == "goods" else "orders"
    )  # fmt: skip
