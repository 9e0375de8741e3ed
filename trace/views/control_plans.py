"""Control plans: the list by title, a version with its items, drafting the next one and putting it in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, NotFound, TemThatError
from trace.forms import EnumField, PostForm, VietnameseDate, VietnameseInteger, clean
from trace.models.control_plans import EvidenceKind, Frequency
from trace.models.controls import ControlLevel, Severity
from trace.services import control_plans
from trace.services.control_plans import ItemFacts
from trace.services.editing import EditedMeanwhile
from trace.views import lists, past
from trace.views.controls import every, tabs, told
from trace.views.once import once
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.control_plans import ControlItem, ControlPlan

bp = Blueprint("control_plans", __name__, url_prefix="/kiem-soat/ke-hoach")


class RevisionForm(PostForm):
    """A change from a revision that its writer saw."""

    revision = HiddenField()

    @property
    def seen(self) -> int:
        """The revision; 0, which nobody saw, if it is no number."""
        text = str(self.revision.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class SummaryForm(RevisionForm):
    """What a version says about itself."""

    summary = TextAreaField(_l("What this version is about"), [lists.at_most(2000)], filters=[clean])


class ForceForm(RevisionForm):
    """From when a version holds."""

    valid_from = VietnameseDate(_l("In force from"), [InputRequired(_l("Write the day from which it holds."))])


class Boxes(SelectMultipleField):
    """Several choices, each with its box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ItemForm(RevisionForm):
    """One thing to check."""

    code = StringField(
        _l("Code"), [DataRequired(_l("Write a code, for example KS-01.")), lists.at_most(16)], filters=[clean, lambda text: text.upper() if text else text]
    )  # fmt: skip
    wording = TextAreaField(
        _l("What is checked"), [DataRequired(_l("Write what is to be checked.")), lists.at_most(500)], filters=[clean]
    )
    method = TextAreaField(_l("How it is checked"), [lists.at_most(1000)], filters=[clean])
    frequency = EnumField(_l("How often"), [InputRequired(_l("Choose how often."))], kind=Frequency)
    severity = EnumField(_l("Severity of a failure"), [InputRequired(_l("Choose the severity."))], kind=Severity)
    evidence = EnumField(_l("Evidence asked for"), [InputRequired(_l("Choose the evidence."))], kind=EvidenceKind)
    levels = Boxes(_l("Who checks it"), choices=[], validate_choice=False)
    position = VietnameseInteger(_l("Place in the plan"))


@bp.get("")
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """Titles with the plan that is in force."""
    q = lists.text()
    rows = control_plans.listing(session(), on=lists.today(), q=q)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    return render_template("plans/index.html", rows=rows, chips=chips, tabs=tabs("plan"), may=_may, today=lists.today())


@bp.post("/cho/<uuid:title_id>")
@needs(May.CONTROL_PLAN)
def draft(title_id: UUID) -> ResponseReturnValue:
    """Begin the next version."""
    with once("control_plans.draft") as key:
        if key.done:
            return redirect(key.location, 303)
        made = control_plans.draft(
            session(), title_id, by=person().id, at=clock.now(), reach=person().reach(May.CONTROL_PLAN)
        )
        key.settle(url_for(".show", plan_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.get("/<uuid:plan_id>")
@needs(May.CONTROL_READ)
def show(plan_id: UUID) -> ResponseReturnValue:
    """One version."""
    return _page(plan_id)


@bp.post("/<uuid:plan_id>/mo-ta")
@needs(May.CONTROL_PLAN)
def describe(plan_id: UUID) -> ResponseReturnValue:
    """Change the words about a draft."""
    form = SummaryForm()
    if not form.validate():
        return _page(plan_id, summary_form=form), 422
    try:
        control_plans.describe(
            session(), plan_id, summary=form.summary.data or "", revision=form.seen, by=person().id, at=clock.now(),
            reach=person().reach(May.CONTROL_PLAN),
        )  # fmt: skip
    except EditedMeanwhile as exc:
        return _meanwhile(plan_id, exc, summary_form=form)
    session().commit()
    flash(_("The draft has been saved."), "success")
    return redirect(url_for(".show", plan_id=plan_id), 303)


@bp.route("/<uuid:plan_id>/muc", methods=["GET", "POST"])
@needs(May.CONTROL_PLAN)
def add_item(plan_id: UUID) -> ResponseReturnValue:
    """A new item of a draft."""
    return _item(plan_id, None)


@bp.route("/<uuid:plan_id>/muc/<uuid:item_id>", methods=["GET", "POST"])
@needs(May.CONTROL_PLAN)
def edit_item(plan_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """Change an item of a draft."""
    return _item(plan_id, item_id)


@bp.post("/<uuid:plan_id>/muc/<uuid:item_id>/bo")
@needs(May.CONTROL_PLAN)
def drop_item(plan_id: UUID, item_id: UUID) -> ResponseReturnValue:
    """Take an item out of a draft."""
    form = RevisionForm()
    try:
        control_plans.drop_item(
            session(), plan_id, item_id, revision=form.seen, by=person().id, at=clock.now(), reach=person().reach(May.CONTROL_PLAN)
        )  # fmt: skip
    except EditedMeanwhile as exc:
        return _meanwhile(plan_id, exc)
    session().commit()
    flash(_("The item has been taken out of the draft."), "success")
    return redirect(url_for(".show", plan_id=plan_id), 303)


@bp.post("/<uuid:plan_id>/hieu-luc")
@needs(May.CONTROL_PLAN)
def put_in_force(plan_id: UUID) -> ResponseReturnValue:
    """Let a draft take over."""
    form = ForceForm()
    if not form.validate():
        return _page(plan_id, force_form=form), 422
    try:
        control_plans.put_in_force(
            session(), plan_id, valid_from=form.valid_from.data, revision=form.seen, by=person().id, at=clock.now(), today=lists.today(),
            reach=person().reach(May.CONTROL_PLAN),
        )  # fmt: skip
    except EditedMeanwhile as exc:
        return _meanwhile(plan_id, exc, force_form=form)
    except TemThatError as exc:
        session().rollback()
        return _page(plan_id, force_form=form, reasons=told(every(exc))), exc.status
    session().commit()
    flash(_("The version is in force from the day you set. Visits of that day on are made by it."), "success")
    return redirect(url_for(".show", plan_id=plan_id), 303)


@bp.post("/<uuid:plan_id>/bo")
@needs(May.CONTROL_PLAN)
def discard(plan_id: UUID) -> ResponseReturnValue:
    """Throw a draft away."""
    form = RevisionForm()
    try:
        control_plans.discard(
            session(), plan_id, revision=form.seen, by=person().id, at=clock.now(), reach=person().reach(May.CONTROL_PLAN)
        )  # fmt: skip
    except EditedMeanwhile as exc:
        return _meanwhile(plan_id, exc)
    session().commit()
    flash(_("The draft has been discarded."), "success")
    return redirect(url_for(".index"), 303)


def _item(plan_id: UUID, item_id: UUID | None) -> ResponseReturnValue:
    plan = control_plans.get(session(), plan_id)
    if not _may(plan.title_id):
        raise NotFound
    item = next((each for each in plan.items if each.id == item_id), None)
    form = ItemForm(data=_facts(item, plan))
    form.levels.choices = [(level.value, say(level)) for level in ControlLevel]
    if request.method != "POST":
        return _item_page(plan, item_id, form)
    if not form.validate():
        return _item_page(plan, item_id, form), 422
    facts = ItemFacts(
        code=form.code.data, wording=form.wording.data, method=form.method.data or "", frequency=form.frequency.data,
        severity=form.severity.data, evidence=form.evidence.data, position=form.position.data,
        levels=[ControlLevel(value) for value in form.levels.data or () if value in set(ControlLevel)],
    )  # fmt: skip
    try:
        control_plans.put_item(
            session(), plan_id, item_id, facts, revision=form.seen, by=person().id, at=clock.now(), reach=person().reach(May.CONTROL_PLAN)
        )  # fmt: skip
    except EditedMeanwhile as exc:
        events = past.told(exc.deeds)
        form.revision.data = form.revision.raw_data = exc.record.revision
        return _item_page(plan, item_id, form, events=events), exc.status
    except TemThatError as exc:
        session().rollback()
        return _item_page(control_plans.get(session(), plan_id), item_id, form, reasons=every(exc)), exc.status
    session().commit()
    flash(_("The item has been saved in the draft."), "success")
    return redirect(url_for(".show", plan_id=plan_id), 303)


def _item_page(
    plan: ControlPlan, item_id: UUID | None, form: ItemForm, *, events: object = None, reasons: tuple[TemThatError, ...] = ()
) -> str:  # fmt: skip
    return render_template(
        "plans/item.html", plan=plan, item_id=item_id, form=form, events=events, reasons=told(reasons)
    )


def _facts(item: ControlItem | None, plan: ControlPlan) -> dict[str, object]:
    if item is None:
        return {"revision": plan.revision, "levels": [ControlLevel.INTERNAL.value, ControlLevel.EXTERNAL.value]}
    names = ("code", "wording", "method", "frequency", "severity", "evidence", "levels", "position")
    return {"revision": plan.revision, **{name: getattr(item, name) for name in names}}


def _may(title_id: UUID) -> bool:
    return person().may(May.CONTROL_PLAN) and person().reach(May.CONTROL_PLAN).includes(title_id=title_id)


def _meanwhile(plan_id: UUID, exc: EditedMeanwhile, **forms: RevisionForm) -> ResponseReturnValue:
    events = past.told(exc.deeds)
    for form in forms.values():
        form.revision.data = form.revision.raw_data = exc.record.revision
    return _page(plan_id, events=events, **forms), Conflict.status


def _page(
    plan_id: UUID, *, summary_form: SummaryForm | None = None, force_form: ForceForm | None = None, events: object = None,
    reasons: list[dict[str, str | None]] | None = None,
) -> str:  # fmt: skip
    plan = control_plans.get(session(), plan_id)
    today = lists.today()
    gating = control_plans.gating(session(), plan.title_id, on=today)
    drafting = plan.valid_during is None and _may(plan.title_id)
    return render_template(
        "plans/show.html", plan=plan, versions=control_plans.versions(session(), plan.title_id), gating=gating, drafting=drafting,
        strangers=sorted(gating - {item.code for item in plan.items}), may=_may(plan.title_id), today=today, reasons=reasons or [],
        summary_form=summary_form or SummaryForm(formdata=None, data={"summary": plan.summary, "revision": plan.revision}),
        force_form=force_form or ForceForm(formdata=None, data={"valid_from": today, "revision": plan.revision}),
        levels={level.value: say(level) for level in ControlLevel}, meanwhile=events, events=past.of(plan_id),
    )  # fmt: skip
