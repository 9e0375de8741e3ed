"""Control: visits and nonconformities, recording a visit, the holder's answer, and closing by verification."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, RadioField, SelectField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import EnumField, VietnameseDate, clean
from trace.models.areas import GrowingArea
from trace.models.controls import ControlLevel, Severity
from trace.models.parties import Role
from trace.services import controls
from trace.services.controls import Due, Finding
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("controls", __name__, url_prefix="/kiem-soat")

FINDINGS = 3


class FindingForm(Form):
    """One nonconformity. An empty one is left out."""

    severity = EnumField(_l("Severity"), kind=Severity, blank=_l("Nothing found"))
    description = TextAreaField(_l("What was found"), [lists.at_most(2000)], filters=[clean])
    due_on = VietnameseDate(_l("To be corrected by"))
    blocking = SelectField(
        _l("Blocks label orders"),
        choices=[("", _l("By severity: a critical one blocks")), ("yes", _l("Yes")), ("no", _l("No"))],
        validate_choice=False,
    )

    @property
    def used(self) -> bool:
        """Whether anything was entered."""
        return bool(self.severity.data or self.description.data or self.due_on.data or self.due_on.errors)

    def validate(self, extra_validators: object = None) -> bool:
        """All three facts, or none."""
        good: bool = super().validate(extra_validators)
        if not self.used:
            return good
        for field, message in (
            (self.severity, _("Choose the severity.")),
            (self.description, _("Write what was found.")),
            (self.due_on, _("Write the day by which it is to be corrected.")),
        ):
            if not field.data and not field.errors:
                field.errors = [message]
                good = False
        return good


class VisitForm(FlaskForm):
    """A control of one area or site."""

    source = lists.Choice(_l("Area or site"), [InputRequired(_l("Choose an area or site."))])
    level = lists.Choice(_l("Level of control"), [InputRequired(_l("Choose the level."))])
    visited_on = VietnameseDate(_l("Day of the visit"), [InputRequired(_l("Write the day of the visit."))])
    passed = RadioField(
        _l("Result"),
        [InputRequired(_l("Choose the result.")), AnyOf(["yes", "no"], _l("Choose the result."))],
        choices=[("yes", _l("Passed")), ("no", _l("Not passed"))],
        validate_choice=False,
    )
    note = TextAreaField(_l("Note"), [lists.at_most(4000)], filters=[clean])
    findings = FieldList(FormField(FindingForm), min_entries=FINDINGS, max_entries=FINDINGS)


class WordsForm(FlaskForm):
    """One text."""

    text = TextAreaField(
        _l("In words"), [DataRequired(_l("Say in words what was done.")), lists.at_most(4000)], filters=[clean]
    )


@bp.get("")
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """Nonconformities, or with `?kind=visit` visits, within reach."""
    q, due, severity = lists.text(), lists.member(Due, "due"), lists.member(Severity, "severity")
    passed = {"yes": True, "no": False}.get(lists.text("passed"))
    reach, on, page = person().reach(May.CONTROL_READ), lists.today(), lists.page()
    shows_visits = lists.text("kind") == "visit"
    found, found_total = controls.nonconformities(
        session(),
        reach=reach,
        on=on,
        q=q,
        due=due,
        severity=severity,
        page=1 if shows_visits else page,
        size=lists.SIZE,
    )
    visits, visit_total = controls.visits(
        session(), reach=reach, q=q, passed=passed, page=page if shows_visits else 1, size=lists.SIZE
    )
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if shows_visits and passed is not None:
        chips.append((_("Passed") if passed else _("Not passed"), "passed", None))
    if not shows_visits:
        chips += [(say(chosen), name, None) for name, chosen in (("due", due), ("severity", severity)) if chosen]
    total = visit_total if shows_visits else found_total
    return render_template(
        "controls/index.html", found=found, visits=visits, found_total=found_total, visit_total=visit_total, total=total,
        shows_visits=shows_visits, chips=chips, today=on, page=page, pages=lists.pages(total),
        dues=[(each.value, say(each)) for each in Due], severities=[(each.value, say(each)) for each in Severity],
    )  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.CONTROL_RECORD)
def new_visit() -> ResponseReturnValue:
    """Record a control."""
    form = VisitForm()
    reach = person().reach(May.CONTROL_RECORD)
    found = controls.sources(session(), reach=reach)
    form.source.choices = [("", "–"), *(_choice(source) for source in found)]
    levels = (ControlLevel.INTERNAL, ControlLevel.EXTERNAL)
    form.level.choices = [("", _("Choose")), *((level.value, say(level)) for level in levels)]
    if request.method != "POST":
        return render_template("controls/new.html", form=form, reasons=[], any_source=bool(found))
    if not form.validate():
        return render_template("controls/new.html", form=form, reasons=[], any_source=bool(found)), 422
    with once("controls.new_visit") as key:
        if key.done:
            return redirect(key.location, 303)
        kind, source_id = form.source.data.split(":")
        try:
            visit = controls.record_visit(
                session(),
                area_id=UUID(source_id) if kind == "area" else None,
                site_id=UUID(source_id) if kind == "site" else None,
                level=ControlLevel(form.level.data),
                visited_on=form.visited_on.data,
                passed=form.passed.data == "yes",
                note=form.note.data or "",
                findings=[_finding(entry.form) for entry in form.findings if entry.form.used],
                by=person().id,
                at=clock.now(),
                reach=reach,
            )
        except Refused as exc:
            return render_template(
                "controls/new.html", form=form, reasons=_told(exc.reasons), any_source=True
            ), exc.status
        key.settle(url_for(".index", kind="visit") + f"#visit-{visit.id}")
    session().commit()
    flash(_("The control has been recorded."), "success")
    return redirect(key.location, 303)


@bp.get("/diem/<uuid:nonconformity_id>")
@needs(May.CONTROL_READ)
def show(nonconformity_id: UUID) -> ResponseReturnValue:
    """One nonconformity with its correction and history."""
    return _page(nonconformity_id)


@bp.post("/diem/<uuid:nonconformity_id>/khac-phuc")
@needs(May.CONTROL_READ)
def answer(nonconformity_id: UUID) -> ResponseReturnValue:
    """The holder's clerk says what was corrected."""
    form = WordsForm(prefix="answer")
    reach = person().reach(May.CONTROL_READ)
    controls.get(session(), nonconformity_id, reach=reach)
    if not form.validate_on_submit():
        return _page(nonconformity_id, answer_form=form), 422
    try:
        controls.answer(session(), nonconformity_id, text=form.text.data, by=person().id, at=clock.now(), reach=reach)
    except TemThatError as exc:
        return _page(nonconformity_id, answer_form=form, refusals=[exc]), exc.status
    session().commit()
    flash(_("The corrective action has been recorded."), "success")
    return redirect(url_for(".show", nonconformity_id=nonconformity_id), 303)


@bp.post("/diem/<uuid:nonconformity_id>/kiem-chung")
@needs(May.CONTROL_VERIFY)
def verify(nonconformity_id: UUID) -> ResponseReturnValue:
    """Close a nonconformity."""
    form = WordsForm(prefix="verify")
    reach = person().reach(May.CONTROL_VERIFY)
    controls.get(session(), nonconformity_id, reach=reach)
    if not form.validate_on_submit():
        return _page(nonconformity_id, verify_form=form), 422
    try:
        controls.verify(session(), nonconformity_id, text=form.text.data, by=person().id, at=clock.now(), reach=reach)
    except TemThatError as exc:
        return _page(nonconformity_id, verify_form=form, refusals=[exc]), exc.status
    session().commit()
    flash(_("The nonconformity has been closed."), "success")
    return redirect(url_for(".show", nonconformity_id=nonconformity_id), 303)


def _page(
    nonconformity_id: UUID,
    *,
    answer_form: WordsForm | None = None,
    verify_form: WordsForm | None = None,
    refusals: list[TemThatError] | None = None,
) -> str:
    found = controls.get(session(), nonconformity_id, reach=person().reach(May.CONTROL_READ))
    is_clerk = any(post.role is Role.CLERK and post.party.id == found.holder_id for post in person().posts)
    verifies = person().may(May.CONTROL_VERIFY) and person().reach(May.CONTROL_VERIFY).includes(
        holder_id=found.holder_id, title_id=found.title_id
    )
    if answer_form is None:
        answer_form = WordsForm(formdata=None, prefix="answer", data={"text": found.corrective_action})
    return render_template(
        "controls/show.html",
        found=found,
        answers=is_clerk and found.closed_at is None,
        verifies=verifies and found.closed_at is None and found.corrective_action is not None,
        answer_form=answer_form,
        verify_form=verify_form or WordsForm(formdata=None, prefix="verify"),
        reasons=_told(refusals or ()),
        today=lists.today(),
        events=past.of(nonconformity_id),
    )


def _choice(source: controls.Source) -> tuple[str, str]:
    kind = "area" if isinstance(source, GrowingArea) else "site"
    return f"{kind}:{source.id}", f"{source.holder.name}: {source.name}"


def _finding(form: FindingForm) -> Finding:
    blocking = {"yes": True, "no": False}.get(form.blocking.data)
    return Finding(form.severity.data, form.description.data, form.due_on.data, blocking)


def _told(refusals: tuple[TemThatError, ...] | list[TemThatError]) -> list[dict[str, str | None]]:
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in refusals]
