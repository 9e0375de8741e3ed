"""The tab "violation file" of a case: parties, acts, goods, exhibits, measures, orders, hand-overs. Each deed is one call of one service.

An entry is corrected or struck in place: `?sua=<its id>` opens its forms. What must not live here: the words of the forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import acts, casework, exhibits, goods, measures, orders, police
from enforcement.measures import WHERE
from enforcement.models import (
    CaseAct,
    CaseParty,
    EntryKind,
    Exhibit,
    GoodsLine,
    Handover,
    Measure,
    MeasureKind,
    MeasureResult,
    Obligation,
    ObligationKind,
    ObligationState,
)
from enforcement.views import casework_forms as forms
from enforcement.views.case_deeds import carry_out, meanwhile, moment_of, seen_now
from enforcement.views.case_frame import frame
from enforcement.views.forms import version
from enforcement.views.words import duties
from trace.access import May, needs, person
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


@bp.get("")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """What the case is about."""
    return _page(case_id)


@bp.post(f"/<{ANY_NOUN}:noun>")
@needs(May.CASE_MOVE)
def add(case_id: UUID, noun: str) -> ResponseReturnValue:
    """Enter a party, an act, goods or an exhibit."""
    which, form = NOUNS[noun], _offered(case_id, NOUNS[noun].form())

    def act(at: datetime) -> None:
        more: dict[str, Any] = {}
        if isinstance(form, forms.ExhibitForm):
            more = {"seal_number": form.seal_number.data or None, "document_number": form.document_number.data or None}
        which.add(session(), case_id, form.facts(), by=person().id, at=at, **more)

    return _do(case_id, form, act, _("It is in the file."))


@bp.post(f"/<{ANY_NOUN}:noun>/<uuid:entry_id>/sua")
@needs(May.CASE_MOVE)
def amend(case_id: UUID, noun: str, entry_id: UUID) -> ResponseReturnValue:
    """Correct an entry."""
    which, form = NOUNS[noun], _offered(case_id, NOUNS[noun].form())

    def act(at: datetime) -> None:
        which.amend(session(), case_id, entry_id, form.facts(), revision=_revision(form), by=person().id, at=at)

    return _do(case_id, form, act, _("The entry is corrected; what it said before stays in its history."), entry_id)


@bp.post(f"/<{ANY_NOUN}:noun>/<uuid:entry_id>/gach")
@needs(May.CASE_MOVE)
def strike(case_id: UUID, noun: str, entry_id: UUID) -> ResponseReturnValue:
    """Strike an entry with a reason."""
    which, form = NOUNS[noun], forms.StrikeForm()

    def act(at: datetime) -> None:
        which.strike(session(), case_id, entry_id, reason=form.reason.data, by=person().id, at=at)

    return _do(case_id, form, act, _("The entry is struck."), entry_id)


@bp.post("/tang-vat/<uuid:entry_id>/viec")
@needs(May.CASE_MOVE)
def exhibit_deed(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Seal, unseal, move, return, confiscate or destroy an exhibit."""
    form = _offered(case_id, forms.ExhibitDeedForm())

    def act(at: datetime) -> None:
        exhibits.do(session(), case_id, entry_id, form.facts(at), by=person().id, at=at)

    return _do(case_id, form, act, _("It is in the book of the exhibit."), entry_id)


@bp.post("/bien-phap")
@needs(May.CASE_MOVE)
def begin_measure(case_id: UUID) -> ResponseReturnValue:
    """Begin a seizure, an assessment, a take-down, a service by posting."""
    form = _offered(case_id, forms.MeasureForm())

    def act(at: datetime) -> None:
        measures.begin(
            session(), case_id, form.facts(at), by=person().id, duties=duties(), at=at, version=version(form)
        )

    return _do(case_id, form, act, _("The measure has begun, and its clock with it."))


@bp.post("/bien-phap/<uuid:entry_id>/ket-thuc")
@needs(May.CASE_MOVE)
def end_measure(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """End a measure with its result."""
    form = forms.MeasureEndForm()

    def act(at: datetime) -> None:
        measures.end(
            session(), case_id, entry_id, result=MeasureResult(form.result.data),
            ended_at=moment_of(form.ended_on.data, form.ended_time.data, at), document_number=form.document_number.data,
            note=form.note.data or None, by=person().id, at=at, version=version(form),
        )  # fmt: skip

    return _do(case_id, form, act, _("The measure has ended."), entry_id)


@bp.post("/thi-hanh")
@needs(May.CASE_MOVE)
def add_order(case_id: UUID) -> ResponseReturnValue:
    """Enter something more that the decision orders."""
    form = _offered(case_id, forms.OrderForm())

    def act(at: datetime) -> None:
        kind = ObligationKind(form.kind.data)
        orders.add(session(), case_id, kind, form.what.data, by=person().id, duties=duties(), at=at)

    return _do(case_id, form, act, _("It is in the file."))


@bp.post("/thi-hanh/<uuid:entry_id>/nop")
@needs(May.CASE_MOVE)
def pay(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Enter a payment of the fine."""
    form = forms.PayForm()

    def act(at: datetime) -> None:
        orders.pay(
            session(), case_id, entry_id, amount=form.amount.data or 0, paid_on=form.paid_on.data, document_number=form.document_number.data,
            by=person().id, at=at,
        )  # fmt: skip

    return _do(case_id, form, act, _("The payment is in the file."), entry_id)


@bp.post("/thi-hanh/<uuid:entry_id>/xong")
@needs(May.CASE_MOVE)
def settle(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Say how an order was settled."""
    form = forms.SettleForm()
    form.of(fine=False)

    def act(at: datetime) -> None:
        orders.settle(
            session(), case_id, entry_id, state=ObligationState(form.state.data), settled_on=form.settled_on.data,
            document_number=form.document_number.data, note=form.note.data or None, by=person().id, duties=duties(), at=at,
        )  # fmt: skip

    return _do(case_id, form, act, _("It is in the file."), entry_id)


@bp.post("/thi-hanh/<uuid:entry_id>/gach")
@needs(May.CASE_MOVE)
def drop_order(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Strike an order that was entered by mistake."""
    form = forms.StrikeForm()

    def act(at: datetime) -> None:
        orders.drop(session(), case_id, entry_id, reason=form.reason.data, by=person().id, duties=duties(), at=at)

    return _do(case_id, form, act, _("The entry is struck."), entry_id)


@bp.post("/ban-giao/<uuid:entry_id>/nhan")
@needs(May.CASE_MOVE)
def receive(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Write down who received the file that was handed over."""
    form = forms.ReceiveForm()

    def act(at: datetime) -> None:
        police.confirm(
            session(), case_id, entry_id, received_by=form.received_by.data, received_on=form.received_on.data,
            record_number=form.record_number.data, by=person().id, at=at,
        )  # fmt: skip

    return _do(case_id, form, act, _("The hand-over is confirmed."), entry_id)


def _do(
    case_id: UUID, form: forms.Sheet, act: Callable[[datetime], None], done: str, entry_id: UUID | None = None
) -> ResponseReturnValue:
    return carry_out(
        f"casework.{form.NAME}", form, act, done, location=url_for(".show", case_id=case_id, _anchor=_section(form)),
        page=lambda reasons: _page(case_id, bound=form, reasons=reasons, entry_id=entry_id),
    )  # fmt: skip


def _offered(case_id: UUID, form: Any) -> Any:
    """A form with its choices."""
    form.offer(casework.of_case(session(), case_id), lists.wards(lists.today()))
    return form


def _page(
    case_id: UUID,
    *,
    bound: forms.Sheet | None = None,
    reasons: list[TemThatError] | None = None,
    entry_id: UUID | None = None,
) -> str:
    session().expire_all()
    framed = frame(case_id, "file", reasons=reasons or [])
    case, view = framed["case"], casework.of_case(session(), case_id)
    entry = _entry(view, entry_id or _asked()) if framed["works"] or entry_id else None
    opened = {} if entry is None else _opened(entry, bound)
    return render_template(
        "desk/casework.html",
        **framed,
        view=view,
        entry=entry,
        opened=opened,
        past=_past(entry, opened),
        add_forms=_add_forms(view, bound if entry is None else None, case),
        added=bound.NAME if bound is not None and entry is None else None,
        failed=bound,
        meanwhile=meanwhile(case, bound, reasons),
        kinds_here=[kind for kind in MeasureKind if case.state in WHERE[kind]],
        slugs={which.model.__name__: slug for slug, which in NOUNS.items()},
        seen=seen_now(case),
        name_of=_name,
        struck_at=lambda each: getattr(each, "struck_at", None),
        settling=case.state in orders.MAY_SETTLE,
        noun_of=lambda each: next((n.kind for n in NOUNS.values() if isinstance(each, n.model)), EntryKind.OBLIGATION),
    )


def _add_forms(view: CaseworkView, bound: forms.Sheet | None, case: Any) -> dict[str, forms.Sheet]:
    wanted: list[type[forms.Sheet]] = [*(which.form for which in NOUNS.values()), forms.MeasureForm, forms.OrderForm]
    made: dict[str, forms.Sheet] = {}
    for kind in wanted:
        form = bound if bound is not None and bound.NAME == kind.NAME else kind(formdata=None)
        form.offer(view, lists.wards(lists.today()))
        if isinstance(form, forms.MeasureForm):
            form.version.data = seen_now(case)
            form.kind.choices = [
                (value, label) for value, label in form.kind.choices if case.state in WHERE[MeasureKind(value)]
            ]  # fmt: skip
        made[kind.NAME] = form
    return made


def _opened(entry: Any, bound: forms.Sheet | None) -> dict[str, forms.Sheet]:
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
        _offered(entry.case_id, form)
        if not is_bound:
            _fill(form, entry)
        if isinstance(form, forms.SettleForm):
            form.of(fine=entry.kind is ObligationKind.FINE)
        if "revision" in form:
            form.revision.data = str(entry.revision)
        made[kind.NAME] = form
    return made | _of_running(entry, bound)


def _of_running(entry: Any, bound: forms.Sheet | None) -> dict[str, forms.Sheet]:
    """The forms of a measure that runs, and of a hand-over that nobody confirmed."""
    kinds: dict[type, type[forms.Sheet]] = {Measure: forms.MeasureEndForm, Handover: forms.ReceiveForm}
    kind = kinds.get(type(entry))
    if kind is None:
        return {}
    form = bound if bound is not None and bound.NAME == kind.NAME else kind(formdata=None)
    if isinstance(form, forms.MeasureEndForm):
        measure: Measure = entry
        form.of(measure)
        form.version.data = seen_now(frame(entry.case_id, "file")["case"])
    return {kind.NAME: form}


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


def _entry(view: CaseworkView, entry_id: UUID | None) -> Any:
    if entry_id is None:
        return None
    rows = (
        *view.parties, *view.acts, *view.goods, *view.exhibits, *view.obligations, *view.running,
        *(each for each in view.handovers if each.received_on is None), *view.struck,
    )  # fmt: skip
    found = next((row for row in rows if row.id == entry_id), None)
    if found is None:
        raise NotFound
    return found


def _name(entry: Any) -> str:
    """What an entry is called on the page."""
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
        what = {"add": _("Entered"), "amend": _("Corrected"), "strike": _("Struck")}.get(row.deed.partition(":")[2])
        note = "; ".join([*changed, *([row.why] if row.why else [])])
        who = row.author.full_name if row.author else ""
        told.append({"at": row.at, "what": what or _("Something was done with it"), "who": who, "note": note})
    return told


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


def _revision(form: Any) -> int:
    sent = form.revision.data or ""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def _section(form: forms.Sheet) -> str:
    return {"party": "parties", "act": "acts", "exhibit": "exhibits", "deed": "exhibits", "measure": "measures", "end": "measures"}.get(
        form.NAME, "goods" if form.NAME == "goods" else "orders"
    )  # fmt: skip
