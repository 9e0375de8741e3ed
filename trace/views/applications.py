"""Applications for the right of use: the queue, the page of each, and what is done with it. The form's pages: `application_form`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import PostForm, clean
from trace.models.applications import Application, ApplicationState
from trace.services import (
    application_moves,
    application_needs,
    applications,
    certificate_papers,
    certificates,
    titles,
    workdays,
)
from trace.services.application_needs import Section
from trace.services.applications import OPEN, WITH_APPLICANT, ApplicationMove, Filter
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, say, way_out
from trace.workdays import days_left

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("applications", __name__, url_prefix="/don-cap-quyen")

TAGS = {
    ApplicationState.DRAFT: "plain", ApplicationState.SUBMITTED: "active", ApplicationState.SUPPLEMENT: "attention",
    ApplicationState.RECEIVED: "active", ApplicationState.EVALUATED: "active", ApplicationState.GRANTED: "done",
    ApplicationState.REFUSED: "attention", ApplicationState.WITHDRAWN: "plain",
}  # fmt: skip
PAGES = {
    Section.APPLICANT: "applications.applicant", Section.PRODUCT: "applications.product", Section.SOURCES: "applications.sources",
    Section.EVIDENCE: "applications.evidence", Section.COMMITMENT: "applications.commitment",
}  # fmt: skip


class StartForm(PostForm):
    """Who applies, and for which title."""

    applicant = lists.Choice(_l("Applicant"), [InputRequired(_l("Choose the organisation."))])
    title = lists.Choice(_l("Title"), [InputRequired(_l("Choose the title."))])


class SupplementForm(PostForm):
    """What is missing."""

    text = TextAreaField(
        _l("What is missing"), [DataRequired(_l("Write what is missing.")), lists.at_most(4000)], filters=[clean]
    )


def _document(anchor: str) -> StringField:
    """The number of a document; its id is its own because several of these forms stand on one page."""
    return StringField(
        _l("Number of the deciding document"),
        [DataRequired(_l("Write the number of the document.")), lists.at_most(100)],
        filters=[clean],
        id=anchor,
    )


class GrantForm(PostForm):
    """The document by which the right is granted."""

    document_number = _document("grant-document")


class RefuseForm(PostForm):
    """A refusal with its reasons."""

    document_number = _document("refuse-document")
    reasons = TextAreaField(
        _l("Reasons of the refusal"), [DataRequired(_l("Write the reasons.")), lists.at_most(4000)], filters=[clean]
    )


class WithdrawForm(PostForm):
    """Why, if the applicant wants to say so."""

    reason = TextAreaField(_l("Reason"), [lists.at_most(1000)], filters=[clean], id="withdraw-reason")


@bp.get("")
@needs(May.APPLICATION_READ)
def index() -> ResponseReturnValue:
    """Applications within reach, the most pressing first."""
    reach, today = person().reach(May.APPLICATION_READ), lists.today()
    known = {line.title.id: line.title.name for line in titles.listing(session(), on=today)}
    wanted = Filter(
        q=lists.text(), state=lists.member(ApplicationState, "state"), title_id=lists.identity("title"),
        overdue=lists.text("due") == "overdue", ended=lists.text("ended") == "1",
    )  # fmt: skip
    rows, total = applications.listing(
        session(), reach=reach, on=today, wanted=wanted, page=lists.page(), size=lists.SIZE
    )
    by_state, late = applications.counts(session(), reach=reach, on=today)
    chips = [(_("Search: %(text)s", text=wanted.q), "q", None)] if wanted.q else []
    if wanted.state:
        chips.append((say(wanted.state), "state", None))
    if wanted.title_id in known:
        chips.append((known[wanted.title_id], "title", None))
    calendar = workdays.calendar(session())
    return render_template(
        "applications/index.html", rows=rows, total=total, chips=chips, titles=list(known.items()), tags=TAGS, page=lists.page(),
        pages=lists.pages(total), states=[(each.value, say(each)) for each in ApplicationState], wanted=wanted, late=late,
        by_state=by_state, open_total=sum(by_state.values()),
        left=lambda due: days_left(calendar, today, due) if due else None, S=ApplicationState,
    )  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def new() -> ResponseReturnValue:
    """Start an application: a draft that can be left and taken up again."""
    form = StartForm(title=request.args.get("title"))
    parties = person().parties_for(May.APPLICATION_WRITE)
    open_titles = applications.titles_open(session(), on=lists.today())
    form.applicant.choices = [(str(each.id), each.name) for each in parties]
    form.title.choices = [("", "–"), *((str(each.id), f"{each.name} ({say(each.kind)})") for each in open_titles)]
    drafts, _total = applications.listing(
        session(), reach=person().reach(May.APPLICATION_WRITE), on=lists.today(), wanted=Filter()
    )

    def page(refusals: Sequence[TemThatError] = ()) -> str:
        return render_template("applications/new.html", form=form, reasons=told(refusals), going=drafts, tags=TAGS)

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("applications.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = applications.start(
                session(), title_id=next(each.id for each in open_titles if str(each.id) == form.title.data),
                applicant_id=next(each.id for each in parties if str(each.id) == form.applicant.data), by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return page(every(exc)), exc.status
        key.settle(url_for(".show", application_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.post("/gia-han/<uuid:certificate_id>")
@needs(May.APPLICATION_WRITE)
def renew(certificate_id: UUID) -> ResponseReturnValue:
    """Start the application that carries a certificate on."""
    with once("applications.renew") as key:
        if key.done:
            return redirect(key.location, 303)
        made = applications.renew(
            session(), certificate_id, by=person().id, at=clock.now(), reach=person().reach(May.APPLICATION_WRITE)
        )
        key.settle(url_for(".show", application_id=made.id))
    session().commit()
    flash(_("The renewal has been started with what is known from the last application. Check every page."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:application_id>")
@needs(May.APPLICATION_READ)
def show(application_id: UUID) -> ResponseReturnValue:
    """One application: for the applicant the pages to fill in, for the managing body what is to be done."""
    return shown(application_id)


@bp.post("/<uuid:application_id>/nop")
@needs(May.APPLICATION_WRITE)
def submit(application_id: UUID) -> ResponseReturnValue:
    """Hand it in."""
    return _move(
        application_id, ApplicationMove.SUBMIT, May.APPLICATION_WRITE, form=None, said=_("The application has been handed in."),
        do=lambda _form, **deed: application_moves.submit(session(), application_id, **deed),
    )  # fmt: skip


@bp.post("/<uuid:application_id>/bo-sung")
@needs(May.APPLICATION_EVALUATE)
def ask_supplement(application_id: UUID) -> ResponseReturnValue:
    """Send it back with what is missing."""
    return _move(
        application_id, ApplicationMove.ASK_SUPPLEMENT, May.APPLICATION_EVALUATE, form=SupplementForm(), said=_("The applicant sees now what is missing."),
        do=lambda form, **deed: application_moves.ask_supplement(session(), application_id, text=form.text.data, **deed),
    )  # fmt: skip


@bp.post("/<uuid:application_id>/tiep-nhan")
@needs(May.APPLICATION_EVALUATE)
def receive(application_id: UUID) -> ResponseReturnValue:
    """Declare it complete."""
    return _move(
        application_id, ApplicationMove.RECEIVE, May.APPLICATION_EVALUATE, form=None, said=_("The application has its receipt number."),
        do=lambda _form, **deed: application_moves.receive(session(), application_id, **deed),
    )  # fmt: skip


@bp.post("/<uuid:application_id>/cap")
@needs(May.APPLICATION_DECIDE)
def grant(application_id: UUID) -> ResponseReturnValue:
    """Grant the right: the certificate is made."""
    return _move(
        application_id, ApplicationMove.GRANT, May.APPLICATION_DECIDE, form=GrantForm(), said=_("The certificate has been granted."),
        do=lambda form, **deed: application_moves.grant(
            session(), application_id, document_number=form.document_number.data, **deed
        ),
    )  # fmt: skip


@bp.post("/<uuid:application_id>/tu-choi")
@needs(May.APPLICATION_DECIDE)
def refuse(application_id: UUID) -> ResponseReturnValue:
    """Refuse it, in writing and with reasons."""
    return _move(
        application_id, ApplicationMove.REFUSE, May.APPLICATION_DECIDE, form=RefuseForm(), said=_("The refusal has been recorded. Print the notice and send it to the applicant."),
        do=lambda form, **deed: application_moves.refuse(
            session(), application_id, reasons=form.reasons.data, document_number=form.document_number.data, **deed
        ),
    )  # fmt: skip


@bp.post("/<uuid:application_id>/rut")
@needs(May.APPLICATION_WRITE)
def withdraw(application_id: UUID) -> ResponseReturnValue:
    """Withdraw it."""
    return _move(
        application_id, ApplicationMove.WITHDRAW, May.APPLICATION_WRITE, form=WithdrawForm(), said=_("The application has been withdrawn."),
        do=lambda form, **deed: application_moves.withdraw(session(), application_id, reason=form.reason.data or "", **deed),
    )  # fmt: skip


@bp.get("/<uuid:application_id>/thong-bao-tu-choi.pdf")
@needs(May.APPLICATION_READ)
def refusal_notice(application_id: UUID) -> ResponseReturnValue:
    """The notice of a refusal."""
    return pdf(*certificate_papers.of_refusal(session(), application_id, reach=person().reach(May.APPLICATION_READ)))


@bp.get("/<uuid:application_id>/giay-tiep-nhan.pdf")
@needs(May.APPLICATION_READ)
def receipt(application_id: UUID) -> ResponseReturnValue:
    """The receipt with the promised day."""
    return pdf(*certificate_papers.of_receipt(session(), application_id, reach=person().reach(May.APPLICATION_READ)))


def pdf(name: str, content: bytes) -> Response:
    """A paper to download."""
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def shown(
    application_id: UUID,
    *,
    refusals: Sequence[TemThatError] = (),
    forms: dict[ApplicationMove, PostForm] | None = None,
) -> str:
    """The page of an application, perhaps with a form that was refused and why."""
    application = applications.get(session(), application_id, reach=person().reach(May.APPLICATION_READ))
    today, forms = lists.today(), forms or {}
    whose = {"holder_id": application.applicant_id, "title_id": application.title_id}
    mine = person().may(May.APPLICATION_WRITE) and person().reach(May.APPLICATION_WRITE).includes(
        holder_id=application.applicant_id
    )
    offered = {
        move: step
        for permission, moves in (
            (
                May.APPLICATION_EVALUATE,
                (ApplicationMove.ASK_SUPPLEMENT, ApplicationMove.RECEIVE, ApplicationMove.EVALUATE),
            ),
            (May.APPLICATION_DECIDE, (ApplicationMove.GRANT, ApplicationMove.REFUSE)),
        )
        for move in moves
        if (step := applications.MOVES[move])
        and application.state in step.start
        and person().may(permission)
        and person().reach(permission).includes(**whose)
    }
    lacking = application_needs.missing(session(), application, on=today)
    writing = mine and application.state in WITH_APPLICANT
    calendar = workdays.calendar(session())
    return render_template(
        "applications/show.html", application=application, mine=mine, writing=writing, offered=offered, M=ApplicationMove, S=ApplicationState,
        tasks=_tasks(application, lacking) if writing else [], lacking=lacking, reasons=told(refusals, application), tags=TAGS,
        regulation=application.regulation or applications.regulation(session(), application.title_id, on=today),
        left=days_left(calendar, today, application.due_on) if application.due_on else None,
        withdraws=mine and application.state in OPEN, events=past.of(application.id),
        own_evaluation=application.evaluated_by == person().id, renews=application.renews, certificates=certificates, today=today,
        supplement_form=_kept(forms, ApplicationMove.ASK_SUPPLEMENT, SupplementForm),
        grant_form=_kept(forms, ApplicationMove.GRANT, GrantForm), refuse_form=_kept(forms, ApplicationMove.REFUSE, RefuseForm),
        withdraw_form=_kept(forms, ApplicationMove.WITHDRAW, WithdrawForm), failed=next(iter(forms.values()), None),
    )  # fmt: skip


def every(exc: TemThatError) -> Sequence[TemThatError]:
    """All refusals in one, or the one."""
    return exc.reasons if isinstance(exc, Refused) else (exc,)


def told(refusals: Sequence[TemThatError], application: Application | None = None) -> list[dict[str, str | None]]:
    """Refusals for the summary of errors; what is missing leads to the page where it is mended."""
    lines: list[dict[str, str | None]] = []
    for refusal in refusals:
        line = {"message": explain(refusal), "way_out": way_out(refusal)}
        if application is not None and isinstance(refusal, application_needs.Missing):
            line["url"] = url_for(PAGES[refusal.section], application_id=application.id)
        lines.append(line)
    return lines


def _move(
    application_id: UUID,
    move: ApplicationMove,
    permission: May,
    *,
    form: PostForm | None,
    said: str,
    do: Callable[..., Any],
) -> ResponseReturnValue:
    """One move: its form, the deed, the commit; a refusal shows the page again with what was typed."""
    reach = person().reach(permission)
    if form is not None and not form.validate():
        return shown(application_id, forms={move: form}), 422
    with once(f"applications.{move.value}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            do(form, by=person().id, at=clock.now(), reach=reach)
        except TemThatError as exc:
            if exc.status == 404:
                raise
            session().rollback()
            return shown(application_id, refusals=every(exc), forms={move: form} if form else None), exc.status
        key.settle(url_for(".show", application_id=application_id))
    session().commit()
    flash(said, "success")
    return redirect(key.location, 303)


def _tasks(application: Application, lacking: Sequence[application_needs.Missing]) -> list[dict[str, Any]]:
    """The pages of the form with how far each is."""
    a = application
    begun = {
        Section.APPLICANT: bool(a.representative or a.id_number or a.tax_code or a.phone),
        Section.PRODUCT: bool(a.product_id or a.sign_use),
        Section.SOURCES: bool(a.sources or a.yearly_kg),
        Section.EVIDENCE: any(file.struck_at is None for file in a.files),
        Section.COMMITMENT: False,
    }
    open_pages = {fault.section for fault in lacking}
    return [
        {
            "title": say(section),
            "url": url_for(PAGES[section], application_id=a.id),
            "state": "done" if section not in open_pages else "started" if begun[section] else "todo",
        }
        for section in Section
    ]


def _kept(forms: dict[ApplicationMove, PostForm], move: ApplicationMove, kind: type[PostForm]) -> PostForm:
    """The form that was refused, or an empty one: two forms on a page must not read each other's fields."""
    return forms.get(move) or kind(formdata=None)
