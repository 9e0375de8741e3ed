"""What resembles a case, and what follows: merging two cases side by side, taking a merge back, splitting a case.

What must not live here: what may be merged (`joins`) and what counts as alike (`similar`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from enforcement import acts, cases, joins, similar, splits
from enforcement.casebook import TEXT_MOST
from enforcement.views import forms
from enforcement.views.case_frame import frame
from enforcement.views.words import severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound, Refused, TemThatError
from trace.forms import clean
from trace.views.controls import every
from trace.views.once import once
from trace.words import explain, number, say, way_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from enforcement.models import CaseFile, Signal

bp = Blueprint("case_similar", __name__, url_prefix="/vu-viec")

LIMIT = 20
A, B = "a", "b"
WHY = [
    DataRequired(_l("Write the reason.")),
    Length(max=TEXT_MOST, message=_l("Write at most %(max)d characters.")),
]


class UnmergeForm(FlaskForm):
    """Why a merge is taken back."""

    reason = TextAreaField(_l("Why the merge is taken back"), WHY, filters=[clean], id="unmerge-reason")


class SplitForm(FlaskForm):
    """Which signals become a case of their own."""

    version = HiddenField(id="split-version")
    signals = SelectMultipleField(
        _l("Signals of the new case"),
        [Optional()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    acts = SelectMultipleField(
        _l("Acts of the new case"),
        [Optional()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    title = StringField(
        _l("Title of the new case"),
        [DataRequired(_l("Write a title.")), Length(max=200, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean], id="split-reason")


@bp.get("/so/<number>")
@needs(May.CASE_READ)
def by_number(number: str) -> ResponseReturnValue:
    """The case of a number; that of a case which was merged away leads to its own page."""
    return redirect(url_for("cases.show", case_id=joins.by_number(session(), number).id), 302)


@bp.get("/<uuid:case_id>/tuong-tu")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """What resembles a case, and in what; what was merged into it and split off it."""
    return _page(case_id)


@bp.get("/<uuid:case_id>/ghep")
@needs(May.CASE_MOVE)
def merge(case_id: UUID) -> ResponseReturnValue:
    """Two cases side by side. `other`: the id or the number of the other one."""
    asked = request.args.get("other", "")
    try:
        other = _other(asked)
    except NotFound:
        missing = _("There is no case with the number “%(number)s”.", number=asked)
        return _page(case_id, reasons=[{"message": missing, "way_out": _("Check the number."), "url": "#other"}]), 404
    return _side_by_side(_case(case_id), other)


@bp.post("/<uuid:case_id>/ghep")
@needs(May.CASE_MOVE)
def merging(case_id: UUID) -> ResponseReturnValue:
    """Merge the two: the kept one is said in the form."""
    one, two = _case(case_id), _other(request.form.get("other", ""))
    form = _merge_form(one, two, bound=True)
    if not form.validate():
        return _side_by_side(one, two, form=form), 422
    keeps_other = form.keep.data == B
    kept, gone = (two, one) if keeps_other else (one, two)
    own, versions = (B if keeps_other else A), (_version(form.version_a), _version(form.version_b))
    take = {name for name in joins.FACTS if name in form and form[name].data not in {None, own}}
    with once("case_similar.merge") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            joins.merge(
                session(), kept.id, gone.id, take=take, reason=form.reason.data, by=person().id, at=clock.now(),
                version=versions[keeps_other], other_version=versions[not keeps_other],
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return _side_by_side(
                _case(case_id), _other(request.form["other"]), form=form, refused=every(exc)
            ), exc.status
        key.settle(url_for(".show", case_id=kept.id))
    session().commit()
    flash(_("%(gone)s is now worked in %(kept)s. The merge can be taken back below.", gone=gone.number, kept=kept.number), "success")  # fmt: skip
    return redirect(key.location, 303)


@bp.route("/<uuid:case_id>/bo-ghep", methods=["GET", "POST"])
@needs(May.CASE_MOVE)
def unmerge(case_id: UUID) -> ResponseReturnValue:
    """Take the merge of a case back."""
    form = UnmergeForm()
    if request.method != "POST":
        return _unmerge_page(case_id, form)
    if not form.validate():
        return _unmerge_page(case_id, form), 422
    with once("case_similar.unmerge") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            joins.unmerge(session(), case_id, reason=form.reason.data, by=person().id, at=clock.now())
        except TemThatError as exc:
            session().rollback()
            return _unmerge_page(case_id, form, refused=(exc,)), exc.status
        key.settle(url_for("cases.show", case_id=case_id))
    session().commit()
    flash(_("The merge has been taken back: both cases are worked by themselves again."), "success")
    return redirect(key.location, 303)


@bp.route("/<uuid:case_id>/tach", methods=["GET", "POST"])
@needs(May.CASE_MOVE)
def split(case_id: UUID) -> ResponseReturnValue:
    """Make a case of its own out of some signals."""
    case, form = cases.get(session(), case_id), SplitForm()
    form.signals.choices = [(str(one.id), f"{one.source_number}: {one.summary}") for one in case.signals]
    own = [act for act in acts.standing(session(), case) if act.case_id == case.id]
    form.acts.choices = [(str(act.id), f"{say(act.qualification)}: {act.description[:150]}") for act in own]
    if request.method != "POST":
        form.version.data = str(case.version)
        return _split_page(case, form)
    signals, moved = (
        [UUID(one) for one, _word in field.choices if one in (field.data or ())] for field in (form.signals, form.acts)
    )
    if not form.validate():
        return _split_page(case, form, refused=splits.objections(session(), case_id, signals, moved)), 422
    with once("case_similar.split") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = splits.split(
                session(), case_id, signals, act_ids=moved, title=form.title.data, reason=form.reason.data,
                store=current_app.config["TEMTHAT"].files_dir, by=person().id, at=clock.now(), version=forms.version(form),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            told = exc.reasons if isinstance(exc, Refused) else (exc,)
            return _split_page(_case(case_id), form, refused=told), exc.status
        key.settle(url_for("cases.show", case_id=made.id))
    session().commit()
    flash(_("The new case has been split off."), "success")
    return redirect(key.location, 303)


def _page(case_id: UUID, *, reasons: Sequence[dict[str, Any]] = ()) -> str:
    framed = frame(case_id, "similar")
    framed["reasons"] = [*framed["reasons"], *reasons]
    merges = joins.of_case(session(), case_id)
    return render_template(
        "desk/similar.html",
        **framed,
        failed=None,
        similar=similar.of_case(session(), case_id, limit=LIMIT),
        merges=merges,
        splits=splits.of_case(session(), case_id),
        joinable=framed["works"] and framed["case"].state in joins.JOINABLE,
    )


def _case(case_id: UUID) -> CaseFile:
    return cases.get(session(), case_id)


def _other(asked: str) -> CaseFile:
    """A case by its id or by its number."""
    try:
        return _case(UUID(asked))
    except ValueError:
        return _case(joins.by_number(session(), asked).id)


def _version(field: Field) -> int:
    sent = field.data or ""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def _merge_form(one: CaseFile, two: CaseFile, *, bound: bool) -> FlaskForm:
    """A form with a choice for every fact in which the two differ."""
    sides = [(A, one.number), (B, two.number)]
    fields: dict[str, Any] = {
        "other": HiddenField(),
        "version_a": HiddenField(),
        "version_b": HiddenField(),
        "keep": RadioField(_("Case that carries on"), [InputRequired(_l("Choose one."))], choices=sides),
        "reason": TextAreaField(_("Why these cases belong together"), WHY, filters=[clean], id="merge-reason"),
    }
    for fact in joins.compare(one, two):
        if fact.kept != fact.absorbed:
            fields[fact.name] = RadioField(
                _fact_word(fact.name), [InputRequired(_l("Choose one."))], choices=sides, id=f"fact-{fact.name}"
            )
    form: FlaskForm = (
        type("MergeForm", (FlaskForm,), fields)() if bound else type("MergeForm", (FlaskForm,), fields)(formdata=None)
    )
    if not bound:
        form.keep.data = A
        form.other.data, form.version_a.data, form.version_b.data = str(two.id), str(one.version), str(two.version)
        for fact in joins.compare(one, two):
            if fact.name in form:
                form[fact.name].data = B if fact.other else A
    return form


def _side_by_side(
    one: CaseFile, two: CaseFile, *, form: FlaskForm | None = None, refused: Sequence[TemThatError] = ()
) -> str:
    against = joins.reasons_against(session(), one, two)
    facts = {fact.name: fact for fact in joins.compare(one, two)}
    form = form or _merge_form(one, two, bound=False)
    # Shown again after a refusal, the page carries what the cases are now: sending it again is a decision.
    form.version_a.data, form.version_b.data = str(one.version), str(two.version)
    return render_template(
        "desk/join.html",
        one=one,
        two=two,
        form=form,
        against=_told(against) if not refused else [],
        reasons=_told(refused),
        possible=not against,
        chosen=[
            {
                "label": _fact_word(name),
                "field": form[name] if name in form else None,  # noqa: SIM401  a form has no get
                "a": _shown(name, one),
                "b": _shown(name, two),
                "conflict": fact.conflict,
            }
            for name, fact in facts.items()
        ],
        beside=[(label, tell(one), tell(two)) for label, tell in _beside()],
    )


def _beside() -> list[tuple[str, Any]]:
    """What stays with each case, whichever carries on."""
    return [
        (_("Status"), lambda case: say(case.state)),
        (_("Opened"), _opened),
        (_("Legal qualification"), lambda case: say(case.legal_qualification) if case.legal_qualification else "–"),
        (_("Signals"), lambda case: number(len(case.signals))),
        (_("Events"), lambda case: number(len(case.events))),
        (
            _("Running deadlines"),
            lambda case: "; ".join(say(each.kind) for each in joins.case_clocks(session(), case.id)) or "–",
        ),
    ]


def _opened(case: CaseFile) -> str:
    """When a case was opened, as a day."""
    return case.opened_at.astimezone(clock.CITY).strftime("%d/%m/%Y")


def _fact_word(name: str) -> str:
    words = {
        "title": _("Name of the case"),
        "severity": _("Severity"),
        "officer_id": _("Officer"),
        "commune_code": _("Ward or commune"),
        "suspect_id": _("Suspected party"),
    }
    return str(words[name])


def _shown(name: str, case: CaseFile) -> str:
    match name:
        case "title":
            return case.title
        case "severity":
            return severity_word(case.severity)
        case "officer_id":
            return case.officer.full_name if case.officer else "–"
        case "commune_code":
            return case.commune.name if case.commune else "–"
        case _:
            return str(case.suspect.name) if case.suspect else "–"


def _unmerge_page(case_id: UUID, form: UnmergeForm, *, refused: Sequence[TemThatError] = ()) -> str:
    case = _case(case_id)
    if case.merged_into_id is None and not refused:
        raise joins.NotMerged(number=case.number)
    return render_template("desk/join_undo.html", case=case, form=form, reasons=_told(refused))


def _split_page(case: CaseFile, form: SplitForm, *, refused: Sequence[TemThatError] = ()) -> str:
    signals: list[Signal] = case.signals
    return render_template("desk/join_split.html", case=case, form=form, signals=signals, reasons=_told(refused))


def _told(refusals: Sequence[TemThatError]) -> list[dict[str, str | None]]:
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in refusals]
