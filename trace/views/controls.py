"""Control: the lists of findings and visits, the page of a nonconformity with the holder's answer and its verification, and files.

Visits themselves are in `visits`.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import MultipleFileField, RadioField, SelectField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid, NotFound, Refused, TemThatError
from trace.forms import EnumField, PostForm, VietnameseDate, clean
from trace.models.control_papers import ProposalState
from trace.models.controls import ControlLevel, Severity
from trace.models.parties import Role
from trace.services import control_files, controls, files, suspensions, visits
from trace.services.controls import Due
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.files import StoredFile

bp = Blueprint("controls", __name__, url_prefix="/kiem-soat")


class FindingForm(PostForm):
    """What a controller found beyond the plan."""

    severity = EnumField(_l("Severity"), [InputRequired(_l("Choose the severity."))], kind=Severity, blank=_l("Choose"))
    description = TextAreaField(
        _l("What was found"), [DataRequired(_l("Write what was found.")), lists.at_most(2000)], filters=[clean]
    )
    action = TextAreaField(
        _l("What has to be done"),
        [DataRequired(_l("Write what has to be done.")), lists.at_most(2000)],
        filters=[clean],
    )
    due_on = VietnameseDate(
        _l("To be corrected by"), [InputRequired(_l("Write the day by which it is to be corrected."))]
    )
    blocking = SelectField(
        _l("Blocks label orders"),
        choices=[("", _l("By severity: a critical one blocks")), ("yes", _l("Yes")), ("no", _l("No"))],
        validate_choice=False,
    )


class AnswerForm(PostForm):
    """What was corrected, with papers."""

    text = TextAreaField(
        _l("In words"), [DataRequired(_l("Say in words what was done.")), lists.at_most(4000)], filters=[clean]
    )
    papers = MultipleFileField(_l("Photos or papers"))


class VerifyForm(PostForm):
    """Whether a correction has had effect."""

    effective = RadioField(
        _l("Did the correction have effect?"),
        [InputRequired(_l("Choose whether it had effect.")), AnyOf(["yes", "no"], _l("Choose whether it had effect."))],
        choices=[("yes", _l("Yes, close it")), ("no", _l("No, it has to be done anew"))],
        validate_choice=False,
    )
    text = TextAreaField(
        _l("In words"), [DataRequired(_l("Say in words what was done.")), lists.at_most(4000)], filters=[clean]
    )
    new_due = VietnameseDate(_l("New day, if it had no effect"))


@bp.get("")
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """Nonconformities, or with `?kind=visit` visits, within reach."""
    q, due, severity = lists.text(), lists.member(Due, "due"), lists.member(Severity, "severity")
    passed, level = {"yes": True, "no": False}.get(lists.text("passed")), lists.member(ControlLevel, "level")
    unfinished = lists.text("passed") == "open"
    reach, on, page = person().reach(May.CONTROL_READ), lists.today(), lists.page()
    shows_visits = lists.text("kind") == "visit"
    found, found_total = controls.nonconformities(
        session(), reach=reach, on=on, q=q, due=due, severity=severity, page=1 if shows_visits else page, size=lists.SIZE
    )  # fmt: skip
    made, visit_total = controls.visits(
        session(), reach=reach, q=q, passed=passed, level=level, unfinished=unfinished, page=page if shows_visits else 1, size=lists.SIZE
    )  # fmt: skip
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if shows_visits:
        if passed is not None or unfinished:
            chips.append(
                (_("Not finished") if unfinished else _("Passed") if passed else _("Not passed"), "passed", None)
            )
        if level:
            chips.append((say(level), "level", None))
    else:
        chips += [(say(chosen), name, None) for name, chosen in (("due", due), ("severity", severity)) if chosen]
    total = visit_total if shows_visits else found_total
    return render_template(
        "controls/index.html", found=found, visits=made, total=total, shows_visits=shows_visits, chips=chips, today=on, page=page,
        pages=lists.pages(total), dues=[(each.value, say(each)) for each in Due], severities=[(each.value, say(each)) for each in Severity],
        levels=[(each.value, say(each)) for each in ControlLevel], tabs=tabs("visit" if shows_visits else "finding"),
        begun=visits.begun_by(session(), person().id),
    )  # fmt: skip


@bp.get("/diem/<uuid:nonconformity_id>")
@needs(May.CONTROL_READ)
def show(nonconformity_id: UUID) -> ResponseReturnValue:
    """One nonconformity with its corrections and history."""
    return _page(nonconformity_id)


@bp.route("/luot/<uuid:visit_id>/them", methods=["GET", "POST"])
@needs(May.CONTROL_READ)
def add(visit_id: UUID) -> ResponseReturnValue:
    """What a controller found beyond the plan becomes a nonconformity of the visit."""
    form, reach = FindingForm(), person().reach(May.CONTROL_READ)
    sheet = visits.sheet(session(), visit_id, reach=reach)
    if request.method != "POST":
        return render_template("controls/add.html", form=form, sheet=sheet, reasons=[])
    if not form.validate():
        return render_template("controls/add.html", form=form, sheet=sheet, reasons=[]), 422
    with once("controls.add") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = controls.add_to_visit(
                session(), visit_id, severity=form.severity.data, description=form.description.data, action_asked=form.action.data or "",
                due_on=form.due_on.data, blocking={"yes": True, "no": False}.get(form.blocking.data), by=person().id, at=clock.now(),
                reach=reach,
            )  # fmt: skip
        except Refused as exc:
            return render_template("controls/add.html", form=form, sheet=sheet, reasons=told(exc.reasons)), exc.status
        key.settle(url_for(".show", nonconformity_id=made.id))
    session().commit()
    flash(_("The nonconformity has been recorded."), "success")
    return redirect(key.location, 303)


@bp.post("/diem/<uuid:nonconformity_id>/khac-phuc")
@needs(May.CONTROL_READ)
def answer(nonconformity_id: UUID) -> ResponseReturnValue:
    """The holder's clerk says what was corrected, with papers if there are any."""
    form = AnswerForm(prefix="answer")
    reach = person().reach(May.CONTROL_READ)
    controls.get(session(), nonconformity_id, reach=reach)
    if not form.validate_on_submit():
        return _page(nonconformity_id, answer_form=form), 422
    try:
        action = controls.answer(
            session(), nonconformity_id, text=form.text.data, by=person().id, at=clock.now(), reach=reach
        )
        for upload in form.papers.data or ():
            if getattr(upload, "filename", ""):
                store = current_app.config["TEMTHAT"].files_dir
                controls.add_file(
                    session(), store, action.id, cast("BinaryIO", upload.stream), name=upload.filename, by=person().id, at=clock.now()
                )  # fmt: skip
    except TemThatError as exc:
        session().rollback()
        return _page(nonconformity_id, answer_form=form, refusals=[exc]), exc.status
    session().commit()
    flash(_("The corrective action has been recorded."), "success")
    return redirect(url_for(".show", nonconformity_id=nonconformity_id), 303)


@bp.post("/diem/<uuid:nonconformity_id>/kiem-chung")
@needs(May.CONTROL_VERIFY)
def verify(nonconformity_id: UUID) -> ResponseReturnValue:
    """Judge a correction: with effect closes the nonconformity, without effect sets a new day."""
    form = VerifyForm(prefix="verify")
    reach = person().reach(May.CONTROL_VERIFY)
    controls.get(session(), nonconformity_id, reach=reach)
    if not form.validate_on_submit():
        return _page(nonconformity_id, verify_form=form), 422
    effective = form.effective.data == "yes"
    try:
        controls.verify(
            session(), nonconformity_id, text=form.text.data, effective=effective, new_due=form.new_due.data, by=person().id,
            at=clock.now(), reach=reach,
        )  # fmt: skip
    except TemThatError as exc:
        return _page(nonconformity_id, verify_form=form, refusals=[exc]), exc.status
    session().commit()
    flash(
        _("The nonconformity has been closed.") if effective else _("The nonconformity stays open until the new day."),
        "success",
    )
    return redirect(url_for(".show", nonconformity_id=nonconformity_id), 303)


@bp.get("/tep/<uuid:control_file_id>")
@needs(May.CONTROL_READ)
def file(control_file_id: UUID) -> ResponseReturnValue:
    """A photo of control without its metadata, or a paper to download, for whoever may read the record it belongs to."""
    return _sent(control_files.get(session(), control_file_id, reach=person().reach(May.CONTROL_READ)))


@bp.get("/luot/<uuid:visit_id>/chu-ky")
@needs(May.CONTROL_READ)
def signature(visit_id: UUID) -> ResponseReturnValue:
    """The signature of the inspected side."""
    visit = visits.sheet(session(), visit_id, reach=person().reach(May.CONTROL_READ)).visit
    if visit.signature_file_id is None:
        raise NotFound
    return _sent(files.get(session(), visit.signature_file_id))


def tabs(active: str) -> list[tuple[str, str, bool, int | None]]:
    """The parts of control, the present one marked, with how many proposals wait for a decision."""
    reach = person().reach(May.CONTROL_READ)
    _rows, waiting = suspensions.listing(session(), reach=reach, state=ProposalState.OPEN, size=1)
    return [
        (_("Nonconformities"), url_for("controls.index"), active == "finding", None),
        (_("Control visits"), url_for("controls.index", kind="visit"), active == "visit", None),
        (_("Samples"), url_for("lab_samples.index"), active == "sample", None),
        (_("Proposals to suspend"), url_for("suspensions.index"), active == "proposal", waiting),
        (_("Control plans"), url_for("control_plans.index"), active == "plan", None),
        (_("Yearly reports"), url_for("control_reports.index"), active == "report", None),
    ]


def told(refusals: Iterable[TemThatError]) -> list[dict[str, str | None]]:
    """Refusals in words."""
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in refusals]


def every(exc: TemThatError) -> tuple[TemThatError, ...]:
    """All reasons of a refusal, or the one that it is."""
    return exc.reasons if isinstance(exc, Refused) else (exc,)


class NotOnDisk(Invalid):
    """The bytes of this file are not on this machine.

    Tell the administrator.
    """

    status = 404


def _sent(stored: StoredFile) -> Response:
    store = current_app.config["TEMTHAT"].files_dir
    copy = files.copy_path(store, stored)
    place = copy or files.original_path(store, stored)
    if not place.exists():
        raise NotOnDisk
    name = f"{PurePath(stored.name).stem}.{'jpg' if copy else 'pdf'}"
    answer = send_file(
        place, mimetype=files.COPY_MEDIA_TYPE if copy else stored.media_type, as_attachment=copy is None, download_name=name, etag=False,
        max_age=0,
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _page(
    nonconformity_id: UUID,
    *,
    answer_form: AnswerForm | None = None,
    verify_form: VerifyForm | None = None,
    refusals: list[TemThatError] | None = None,
) -> str:
    found = controls.get(session(), nonconformity_id, reach=person().reach(May.CONTROL_READ))
    is_clerk = any(post.role is Role.CLERK and post.party.id == found.holder_id for post in person().posts)
    verifies = person().may(May.CONTROL_VERIFY) and person().reach(May.CONTROL_VERIFY).includes(
        holder_id=found.holder_id, title_id=found.title_id
    )
    last = found.last_action
    waiting = last if last is not None and last.verified_at is None else None
    if answer_form is None:
        answer_form = AnswerForm(formdata=None, prefix="answer", data={"text": waiting.action if waiting else None})
    papers = control_files.about(session(), found)
    return render_template(
        "controls/show.html", found=found, answers=is_clerk and found.closed_at is None,
        verifies=verifies and found.closed_at is None and waiting is not None, answer_form=answer_form,
        verify_form=verify_form or VerifyForm(formdata=None, prefix="verify"), reasons=told(refusals or ()), today=lists.today(),
        papers=[each for each in papers if each.action_id is None],
        papers_of={action.id: [each for each in papers if each.action_id == action.id] for action in found.actions},
        events=past.of(nonconformity_id), waiting=waiting,
    )  # fmt: skip
