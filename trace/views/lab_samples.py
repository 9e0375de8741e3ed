"""Samples of control: the list, taking one, sending it, and entering what the laboratory reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FieldList, Form, FormField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import EnumField, PostForm, VietnameseDate, clean
from trace.models.areas import GrowingArea
from trace.models.controls import Severity
from trace.services import controls, files, lab_samples, sample_minutes
from trace.services.lab_samples import Result, SampleState
from trace.views import lists, past
from trace.views.applications import pdf
from trace.views.controls import every, tabs, told
from trace.views.once import once
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("lab_samples", __name__, url_prefix="/kiem-soat/mau")

LINES = 8


class TakeForm(PostForm):
    """The minutes of a sample."""

    source = lists.Choice(_l("Area or site"), [InputRequired(_l("Choose an area or site."))])
    what = StringField(
        _l("What was taken"), [DataRequired(_l("Write what was taken.")), lists.at_most(300)], filters=[clean]
    )
    amount = StringField(_l("How much"), [lists.at_most(100)], filters=[clean])
    seal = StringField(
        _l("Number of the seal"),
        [DataRequired(_l("Write the number of the seal.")), lists.at_most(100)],
        filters=[clean],
    )
    taken_on = VietnameseDate(_l("Day of the sample"), [InputRequired(_l("Write the day."))])
    taken_from = StringField(
        _l("Taken from (name of the person)"),
        [DataRequired(_l("Write the name.")), lists.at_most(200)],
        filters=[clean],
    )


class SendForm(PostForm):
    """Where it was sent."""

    lab = StringField(
        _l("Laboratory"), [DataRequired(_l("Write the laboratory.")), lists.at_most(200)], filters=[clean]
    )
    sent_on = VietnameseDate(_l("Sent on"), [InputRequired(_l("Write the day."))])


class LineForm(Form):
    """One criterion of a report. An empty one is left out."""

    criterion = StringField(_l("Criterion"), [lists.at_most(200)], filters=[clean])
    found = StringField(_l("Found"), [lists.at_most(100)], filters=[clean])
    allowed = StringField(_l("Limit"), [lists.at_most(100)], filters=[clean])
    conforms = SelectField(
        _l("Conforms"), choices=[("", "–"), ("yes", _l("Yes")), ("no", _l("No"))], validate_choice=False
    )

    @property
    def used(self) -> bool:
        """Whether anything was entered."""
        return any(field.data for field in self)


class ReportForm(PostForm):
    """What the laboratory reported."""

    report_number = StringField(
        _l("Number of the report"),
        [DataRequired(_l("Write the number of the report.")), lists.at_most(100)],
        filters=[clean],
    )
    reported_on = VietnameseDate(_l("Day of the report"), [InputRequired(_l("Write the day."))])
    results = FieldList(FormField(LineForm), min_entries=LINES, max_entries=lab_samples.MOST_RESULTS)
    severity = EnumField(_l("Severity, if something does not conform"), kind=Severity)
    due_on = VietnameseDate(_l("To be corrected by, if something does not conform"))


@bp.get("")
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """Samples within reach."""
    q, state = lists.text(), lists.member(SampleState, "state")
    rows, total = lab_samples.listing(
        session(), reach=person().reach(May.CONTROL_READ), q=q, wanted_state=state, page=lists.page(), size=lists.SIZE
    )  # fmt: skip
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if state:
        chips.append((say(state), "state", None))
    return render_template(
        "lab/index.html", rows=rows, total=total, chips=chips, tabs=tabs("sample"), state_of=lab_samples.state, page=lists.page(),
        pages=lists.pages(total), states=[(each.value, say(each)) for each in SampleState],
    )  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.CONTROL_RECORD)
def new() -> ResponseReturnValue:
    """Record a sample."""
    form, reach = TakeForm(data={"taken_on": lists.today()}), person().reach(May.CONTROL_RECORD)
    found = controls.sources(session(), reach=reach)
    form.source.choices = [("", "–"), *(_choice(source) for source in found)]
    if request.method != "POST":
        return render_template("lab/new.html", form=form, reasons=[])
    if not form.validate():
        return render_template("lab/new.html", form=form, reasons=[]), 422
    with once("lab_samples.new") as key:
        if key.done:
            return redirect(key.location, 303)
        kind, source_id = form.source.data.split(":")
        try:
            made = lab_samples.take(
                session(), area_id=UUID(source_id) if kind == "area" else None, site_id=UUID(source_id) if kind == "site" else None,
                what=form.what.data, amount=form.amount.data or "", seal=form.seal.data, taken_on=form.taken_on.data,
                taken_from=form.taken_from.data, by=person().id, at=clock.now(), reach=reach,
            )  # fmt: skip
        except TemThatError as exc:
            return render_template("lab/new.html", form=form, reasons=told(every(exc))), exc.status
        key.settle(url_for(".show", sample_id=made.id))
        number = made.number
    session().commit()
    flash(_("Sample %(number)s has been recorded.", number=number), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:sample_id>")
@needs(May.CONTROL_READ)
def show(sample_id: UUID) -> ResponseReturnValue:
    """One sample with its way and its results."""
    return _page(sample_id)


@bp.get("/<uuid:sample_id>/bien-ban.pdf")
@needs(May.CONTROL_READ)
def minutes(sample_id: UUID) -> ResponseReturnValue:
    """The minutes of the sample as a paper, to be signed by both sides."""
    return pdf(*sample_minutes.of_sample(session(), sample_id, reach=person().reach(May.CONTROL_READ)))


@bp.post("/<uuid:sample_id>/gui")
@needs(May.CONTROL_RECORD)
def send(sample_id: UUID) -> ResponseReturnValue:
    """Record where a sample was sent."""
    form = SendForm(prefix="send")
    if not form.validate():
        return _page(sample_id, send_form=form), 422
    try:
        lab_samples.send(
            session(), sample_id, lab=form.lab.data, sent_on=form.sent_on.data, by=person().id, at=clock.now(),
            reach=person().reach(May.CONTROL_RECORD),
        )  # fmt: skip
    except TemThatError as exc:
        session().rollback()
        return _page(sample_id, send_form=form, refusals=every(exc)), exc.status
    session().commit()
    flash(_("It is recorded where the sample was sent."), "success")
    return redirect(url_for(".show", sample_id=sample_id), 303)


@bp.post("/<uuid:sample_id>/ket-qua")
@needs(May.CONTROL_RECORD)
def report(sample_id: UUID) -> ResponseReturnValue:
    """Record the results."""
    form = ReportForm(prefix="report")
    if not form.validate():
        return _page(sample_id, report_form=form), 422
    results = [
        Result(line.criterion.data or "", line.found.data or "", line.allowed.data or "", {"yes": True, "no": False}.get(line.conforms.data))
        for line in (entry.form for entry in form.results)
        if line.used
    ]  # fmt: skip
    try:
        lab_samples.report(
            session(), sample_id, results, report_number=form.report_number.data, reported_on=form.reported_on.data,
            severity=form.severity.data or Severity.MAJOR, due_on=form.due_on.data, by=person().id, at=clock.now(),
            reach=person().reach(May.CONTROL_RECORD),
        )  # fmt: skip
    except TemThatError as exc:
        session().rollback()
        return _page(sample_id, report_form=form, refusals=every(exc)), exc.status
    session().commit()
    flash(_("The results are recorded. What does not conform is now a nonconformity."), "success")
    return redirect(url_for(".show", sample_id=sample_id), 303)


@bp.post("/<uuid:sample_id>/tep")
@needs(May.CONTROL_RECORD)
def add_file(sample_id: UUID) -> ResponseReturnValue:
    """A paper of a sample."""
    uploads = [each for each in request.files.getlist("papers") if each.filename]
    try:
        if not uploads:
            raise files.FileEmpty
        for upload in uploads:
            lab_samples.add_file(
                session(), current_app.config["TEMTHAT"].files_dir, sample_id, cast("BinaryIO", upload.stream), name=upload.filename or "",
                by=person().id, at=clock.now(), reach=person().reach(May.CONTROL_RECORD),
            )  # fmt: skip
    except TemThatError as exc:
        session().rollback()
        return _page(sample_id, refusals=every(exc)), exc.status
    session().commit()
    flash(_("The papers have been kept."), "success")
    return redirect(url_for(".show", sample_id=sample_id), 303)


def _page(
    sample_id: UUID, *, send_form: SendForm | None = None, report_form: ReportForm | None = None, refusals: tuple[TemThatError, ...] = ()
) -> str:  # fmt: skip
    sample = lab_samples.get(session(), sample_id, reach=person().reach(May.CONTROL_READ))
    records = person().may(May.CONTROL_RECORD) and person().reach(May.CONTROL_RECORD).includes(
        holder_id=sample.holder_id, title_id=sample.title_id
    )
    return render_template(
        "lab/show.html", sample=sample, state=lab_samples.state(sample), records=records, papers=lab_samples.papers(session(), sample_id),
        send_form=send_form or SendForm(formdata=None, prefix="send", data={"sent_on": lists.today()}),
        report_form=report_form or ReportForm(formdata=None, prefix="report", data={"severity": Severity.MAJOR}),
        reasons=told(refusals), events=past.of(sample_id),
    )  # fmt: skip


def _choice(source: controls.Source) -> tuple[str, str]:
    kind = "area" if isinstance(source, GrowingArea) else "site"
    return f"{kind}:{source.id}", f"{source.holder.name}: {source.name}"
