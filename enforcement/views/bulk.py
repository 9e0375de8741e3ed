"""One deed for many rows of a list: chosen, counted, confirmed, and taken back from here as long as nobody has touched the rows since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from enforcement import bulk, bulk_undo, cases, feedback, queue, triage
from enforcement.models import BulkDeed, BulkKind, DeskList
from enforcement.transitions import HEADS
from enforcement.views import desk_lists
from enforcement.views.signals import FindingField
from enforcement.views.words import duties, severities
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, TemThatError
from trace.forms import VietnameseDate, clean
from trace.views import lists
from trace.views.once import once
from trace.words import day, explain, number, say, way_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("bulk", __name__, url_prefix="/hang-loat")

WHY = [
    DataRequired(_l("Write the reason.")),
    Length(max=triage.REASON_MOST, message=_l("Write at most %(max)d characters.")),
]
SHOWN = 12
"""So many refusals of one kind are named; of the others the count is told."""


class AssignForm(FlaskForm):
    """To whom, and why."""

    officer = lists.Choice(_l("Officer"), [InputRequired(_l("Choose an officer."))])
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean])


class WeighForm(FlaskForm):
    """How severe, and why."""

    severity = lists.Choice(_l("Severity"), [InputRequired(_l("Choose a severity."))])
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean])


class WaitForm(FlaskForm):
    """Until when, or for information, and why."""

    until = VietnameseDate(_l("Look again on"), [Optional()])
    reason = TextAreaField(_l("Why wait"), WHY, filters=[clean])


class RejectForm(FlaskForm):
    """With which finding, and why."""

    outcome = FindingField()
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean])


class AddForm(FlaskForm):
    """Into which case."""

    case = StringField(_l("Number of the case"), [DataRequired(_l("Write the number of the case."))], filters=[clean])


FORMS: dict[BulkKind, type[FlaskForm]] = {
    BulkKind.ASSIGN: AssignForm, BulkKind.WEIGH: WeighForm, BulkKind.WAIT: WaitForm, BulkKind.REJECT: RejectForm, BulkKind.ADD: AddForm,
}  # fmt: skip
NEEDS = {DeskList.CASES: May.CASE_MOVE, DeskList.SIGNALS: May.SIGNAL_TRIAGE}


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """What I did to many at once, latest first."""
    return render_template(
        "desk/bulk_deeds.html",
        deeds=[{"deed": each, "text": desk_lists.told(each)} for each in bulk.recent(session(), by=person().id)],
    )


@bp.post("")
@needs(May.CASE_READ)
def choose() -> ResponseReturnValue:
    """From ticked rows of a list to the page that asks what the deed needs to know."""
    kind = DeskList.SIGNALS if request.form.get("list") == DeskList.SIGNALS else DeskList.CASES
    here = request.form.get("query", "")
    wish = request.form.get("kind", "")
    if wish == "export":
        return _export(kind, here)
    ids, more = _chosen(kind, here)
    if wish == "merge":
        if len(ids) == 2:
            return redirect(url_for("case_similar.merge", case_id=ids[0], other=ids[1]), 303)
        flash(_("Choose exactly two cases to merge."), "warning")
        return redirect(desk_lists.url(kind, here), 303)
    if not ids:
        if wish != "step":
            _kind(wish or BulkKind.ASSIGN.value, kind if wish else None)
        flash(_("No row is chosen. Tick at least one row of the list."), "warning")
        return redirect(desk_lists.url(kind, here), 303)
    if wish == "step":
        return _step(kind, here, ids)
    deed = _kind(wish, kind)
    return _page(deed, _form(deed, bound=False), ids, here, more=more)


@bp.post("/<any(preview,do):step>/<kind>")
@needs(May.CASE_READ)
def act(step: str, kind: str) -> ResponseReturnValue:
    """Count what would happen, or do exactly what was counted. Whatever else it would be is counted anew and shown first."""
    deed = _kind(kind, None)
    here = request.form.get("query", "")
    ids = desk_lists.ids(request.form.getlist("id"), most=bulk.MOST + 1)
    form, more = _form(deed, bound=True), bool(request.form.get("more"))
    if not form.validate():
        return _page(deed, form, ids, here, more=more), 422
    order: bulk.Order | None = None
    try:
        order = _order(deed, form)
        if step == "preview":
            return _page(deed, form, ids, here, more=more, order=order, result=bulk.preview(session(), order, ids))
        with once(f"bulk.{deed.value}") as key:
            if key.done:
                return redirect(key.location, 303)
            done, result = bulk.carry_out(session(), order, ids, _seen())
            if done is None:
                session().rollback()
                return _page(deed, form, ids, here, more=more, result=result), 409
            key.settle(url_for(".show", deed_id=done.id))
            done.done = {**done.done, "refused": _told(result.refused)}
    except TemThatError as exc:
        session().rollback()
        again = order is not None and isinstance(exc, bulk.NotCounted | bulk.CountChanged)
        anew = bulk.preview(session(), order, ids) if order is not None and again else None
        return _page(deed, form, ids, here, more=more, order=order, result=anew, reasons=[exc]), exc.status
    session().commit()
    if result.later:
        flash(
            ngettext(
                "%(num)s signal came after the count and is still undecided.",
                "%(num)s signals came after the count and are still undecided.",
                result.later,
            ),
            "info",
        )
    cookie[desk_lists.DONE] = str(done.id)
    return redirect(key.location if result.refused else desk_lists.url(done.list, here), 303)


@bp.get("/<uuid:deed_id>")
@needs(May.CASE_READ)
def show(deed_id: UUID) -> ResponseReturnValue:
    """What one deed did, what it could not do, and the way back."""
    cookie.pop(desk_lists.DONE, None)
    return _shown(bulk.get(session(), deed_id))


@bp.post("/<uuid:deed_id>/hoan-tac")
@needs(May.CASE_READ)
def undo(deed_id: UUID) -> ResponseReturnValue:
    """Take a deed back, row by row. Twice is refused by name, so it needs no key."""
    deed = bulk.get(session(), deed_id)
    if not person().may(NEEDS[deed.list]):
        raise Forbidden
    try:
        deed, result = bulk_undo.undo(session(), deed_id, by=person().id, duties=duties(), at=clock.now())
    except TemThatError as exc:
        session().rollback()
        return _shown(bulk.get(session(), deed_id), reasons=[exc]), exc.status
    if not result.done:
        session().rollback()
        return _shown(bulk.get(session(), deed_id), refused=_told(result.refused)), 409
    deed.done = {**deed.done, "kept": _told(result.refused)}
    session().commit()
    flash(_("Taken back: %(n)s", n=number(len(result.done))), "success")
    return redirect(url_for(".show", deed_id=deed_id), 303)


def _chosen(kind: DeskList, here: str) -> tuple[list[UUID], bool]:
    """The ticked rows, or the rows of the filter that the list had, on all its pages; and whether the filter has more than these."""
    if not request.form.get("all"):
        return desk_lists.ids(request.form.getlist("ids"), most=bulk.MOST + 1), False
    asked = desk_lists.asked(kind, desk_lists.said(here))
    found, most = queue.ids(session(), asked, at=clock.now()), min(bulk.MOST, queue.bound(asked))
    return found[:most], len(found) > most


def _step(kind: DeskList, here: str, ids: Sequence[UUID]) -> ResponseReturnValue:
    """The next step of the law, where the law has it taken: in its case, or nowhere for many."""
    if kind is DeskList.CASES and len(ids) == 1:
        return redirect(url_for("cases.show", case_id=ids[0], _anchor="moves"), 303)
    refused = bulk.OneByOne()
    flash(f"{explain(refused)} {way_out(refused)}", "warning")
    return redirect(desk_lists.url(kind, here), 303)


def _export(kind: DeskList, here: str) -> ResponseReturnValue:
    """The chosen rows as a file, and where none is chosen all rows of the filter.

    The first rows of a long filter are told by their number: hundreds of ids would not fit into an address.
    """
    asked = desk_lists.said(here)
    ids, more = _chosen(kind, here)
    if more:
        asked |= {"first": str(len(ids))}
    elif ids and not request.form.get("all"):
        asked |= {"id": ",".join(map(str, ids[: queue.PAGE]))}
    return redirect(f"{url_for('exports.download', name=f'desk-{kind.value}', format='xlsx')}?{urlencode(asked)}", 303)


def _kind(wish: str, kind: DeskList | None) -> BulkKind:
    if wish not in set(BulkKind):
        raise bulk.OneByOne
    found = BulkKind(wish)
    own = DeskList.CASES if found in bulk.OF_CASES else DeskList.SIGNALS
    if (kind is not None and own is not kind) or not person().may(NEEDS[own]):
        raise Forbidden
    return found


def _form(kind: BulkKind, *, bound: bool) -> FlaskForm:
    form = FORMS[kind]() if bound else FORMS[kind](formdata=None)
    if isinstance(form, AssignForm):
        found = cases.officers(session(), on=lists.today())
        form.officer.choices = [("", "–"), *((str(officer.id), officer.full_name) for officer in found)]
    if isinstance(form, WeighForm):
        form.severity.choices = [("", "–"), *severities()]
    return form


def _order(kind: BulkKind, form: FlaskForm) -> bulk.Order:
    facts = {name: value for name, value in form.data.items() if name != "csrf_token"}
    if kind is BulkKind.ADD:
        facts |= {"case": bulk.case_of(session(), facts["case"]), "number": facts["case"]}
    store = current_app.config["TEMTHAT"].files_dir
    return bulk.Order(kind, facts, by=person().id, duties=duties(), at=clock.now(), store=store)


def _seen() -> bulk.Counted:
    """What the page had counted when it was agreed to; marks of nothing where it had not."""
    rows = desk_lists.ids(request.form.get("rows", "").split(","), most=bulk.MOST + 1)
    return bulk.Counted(rows, request.form.get("facts", ""), request.form.get("able", ""))


def _told(refused: Sequence[bulk.Refused]) -> list[dict[str, Any]]:
    """Refusals by their reason, each with the numbers that it holds for."""
    found = dict[str, list[str]]()
    for each in refused:
        found.setdefault(" ".join(filter(None, (explain(each.why), way_out(each.why)))), []).append(each.number)
    return [{"why": why, "count": len(numbers), "numbers": numbers[:SHOWN]} for why, numbers in found.items()]


def _page(
    kind: BulkKind, form: FlaskForm, ids: Sequence[UUID], here: str, *, more: bool = False, order: bulk.Order | None = None,
    result: bulk.Result | None = None, reasons: Sequence[TemThatError] = (),
) -> str:  # fmt: skip
    listed = DeskList.CASES if kind in bulk.OF_CASES else DeskList.SIGNALS
    return render_template(
        "desk/bulk.html",
        kind=kind,
        list=listed,
        form=form,
        ids=ids,
        here=here,
        more=more,
        back=desk_lists.url(listed, here),
        effect=_effect(kind, form, result) if result else None,
        able=len(result.done) if result else 0,
        counted=bulk.counted(order, result) if order and result else None,
        refused=_told(result.refused) if result else [],
        first=[item["number"] for item in result.done[:SHOWN]] if result else [],
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons],
    )


def _effect(kind: BulkKind, form: FlaskForm, result: bulk.Result) -> str:
    """What is about to happen, with its count and object."""
    n = number(len(result.done))
    match kind:
        case BulkKind.ASSIGN:
            chosen = dict(form.officer.choices).get(form.officer.data, "–")
            said = _("%(n)s cases will be given to %(name)s.", n=n, name=chosen)
        case BulkKind.WEIGH:
            said = _("%(n)s signals will be of severity: %(word)s.", n=n, word=dict(severities())[form.severity.data])
        case BulkKind.WAIT:
            if form.until.data is None:
                last = lists.today() + triage.INFORMATION_WITHIN
                said = _("%(n)s signals will wait for information, at the latest until %(day)s.", n=n, day=day(last))
            else:
                said = _("%(n)s signals will wait until %(day)s.", n=n, day=day(form.until.data))
        case BulkKind.REJECT:
            told = sum(1 for item in result.done if item.get("told"))
            said = _("%(n)s signals will be put aside with the finding: %(word)s.", n=n, word=say(form.outcome.data))
            if told:
                words = feedback.answer(form.outcome.data)
                said += " " + _("%(n)s reporters will be told at once: “%(words)s” For these it cannot be undone.", n=number(told), words=words)  # fmt: skip
        case BulkKind.ADD:
            said = _(
                "%(n)s signals will join the case %(number)s. This cannot be undone in one go.",
                n=n,
                number=form.case.data,
            )
    return str(said)


def _shown(deed: BulkDeed, *, reasons: Sequence[TemThatError] = (), refused: Sequence[dict[str, Any]] = ()) -> str:
    mine = deed.by == person().id or not HEADS.isdisjoint(duties())
    return render_template(
        "desk/bulk_deed.html",
        deed=deed,
        text=desk_lists.told(deed),
        items=deed.done["items"][:200],
        refused=refused or deed.done.get("refused", []),
        kept=deed.done.get("kept", []),
        may_undo=mine and deed.undone_at is None and deed.kind is not BulkKind.ADD and person().may(NEEDS[deed.list]),
        of_cases=deed.list is DeskList.CASES,
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons],
        case_number=deed.facts.get("number"),
    )
