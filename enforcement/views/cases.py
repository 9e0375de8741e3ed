"""Cases: the list, the page of one with everything on it, and what may be done there. Each deed is one call of one service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from enforcement import cases, clocks, evidence, law, terms
from enforcement.casebook import midnight
from enforcement.competence import signer_for
from enforcement.transitions import MOVES, Demand, Move, moves_from
from enforcement.views import forms
from enforcement.views.case_frame import frame
from enforcement.views.words import duties, line, severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.services import files
from trace.views import lists
from trace.views.once import once
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from enforcement.models import CaseFile

bp = Blueprint("cases", __name__, url_prefix="/vu-viec")

ANY_MOVE = f"any({','.join(move.value for move in Move)})"


@bp.get("/<uuid:case_id>")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """One case."""
    return _page(case_id)


@bp.post(f"/<uuid:case_id>/<{ANY_MOVE}:move>")
@needs(May.CASE_MOVE)
def move(case_id: UUID, move: str) -> ResponseReturnValue:
    """Take a step of the law."""
    taken = Move(move)
    form = forms.move_form(taken, evidence.of_case(session(), case_id), bound=True)

    def act(at: datetime) -> None:
        cases.move(
            session(),
            case_id,
            taken,
            by=person().id,
            duties=duties(),
            given=forms.given(form),
            at=at,
            version=forms.version(form),
        )

    return _do(case_id, move, form, act, _("The step has been taken: %(move)s", move=say(taken)))


@bp.post("/<uuid:case_id>/nhan")
@needs(May.CASE_MOVE)
def claim(case_id: UUID) -> ResponseReturnValue:
    """Take a case that nobody works. Doing it twice does no harm, so it needs no key."""
    try:
        cases.claim(session(), case_id, by=person().id, at=clock.now())
    except cases.AlreadyTaken as exc:
        session().rollback()
        return _page(case_id, reasons=[exc]), exc.status
    session().commit()
    flash(_("You work this case now."), "success")
    return redirect(url_for(".show", case_id=case_id), 303)


@bp.post("/<uuid:case_id>/giao")
@needs(May.CASE_MOVE)
def assign(case_id: UUID) -> ResponseReturnValue:
    """Give a case to somebody of the desk."""
    form = forms.AssignForm()
    form.officer.choices = _officer_choices()

    def act(at: datetime) -> None:
        cases.assign(
            session(), case_id, UUID(form.officer.data), reason=form.reason.data, by=person().id, duties=duties(), at=at,
            version=forms.version(form),
        )  # fmt: skip

    return _do(case_id, "assign", form, act, _("The case has been given on."))


@bp.post("/<uuid:case_id>/ghi-chu")
@needs(May.CASE_MOVE)
def note(case_id: UUID) -> ResponseReturnValue:
    """Write a note into the file."""
    form = forms.NoteForm()

    def act(at: datetime) -> None:
        cases.note(session(), case_id, form.text.data, by=person().id, at=at)

    return _do(case_id, "note", form, act, _("The note is in the file."))


@bp.post("/<uuid:case_id>/phap-ly")
@needs(May.CASE_MOVE)
def qualify(case_id: UUID) -> ResponseReturnValue:
    """Say as what the act is treated and when it ended."""
    form = forms.TermsForm()

    def act(at: datetime) -> None:
        terms.qualify(
            session(), case_id, qualification=form.qualification.data, act_ended_on=form.act_ended_on.data, by=person().id, at=at,
            version=forms.version(form),
        )  # fmt: skip

    return _do(case_id, "terms", form, act, _("The legal details are in the file."))


@bp.post("/<uuid:case_id>/gia-han")
@needs(May.CASE_MOVE)
def extend(case_id: UUID) -> ResponseReturnValue:
    """Extend a deadline by a decision."""
    form = forms.ExtendForm()
    form.choice.choices = _extension_choices(cases.get(session(), case_id), clock.now())

    def act(at: datetime) -> None:
        deadline, place = form.choice.data.split(":")
        terms.extend(
            session(), case_id, UUID(deadline), choice=int(place), decision_number=form.decision_number.data, reason=form.reason.data,
            by=person().id, duties=duties(), at=at, version=forms.version(form),
        )  # fmt: skip

    return _do(case_id, "extend", form, act, _("The deadline has been extended."))


@bp.post("/<uuid:case_id>/chung-cu")
@needs(May.CASE_MOVE)
def add_evidence(case_id: UUID) -> ResponseReturnValue:
    """Take a file into the case."""
    form = forms.EvidenceForm()

    def act(at: datetime) -> None:
        store, upload = current_app.config["TEMTHAT"].files_dir, form.file.data
        stored = files.receive(session(), store, upload.stream, name=upload.filename or "", at=at, by=person().id)
        cases.add_evidence(
            session(), case_id, stored, title=form.title.data, origin=form.origin.data,
            taken_at=midnight(form.taken_on.data), store=store, by=person().id, at=at,
        )  # fmt: skip

    return _do(case_id, "evidence", form, act, _("The file is in the case."))


@bp.post("/<uuid:case_id>/anh-den-sau")
@needs(May.CASE_MOVE)
def gather(case_id: UUID) -> ResponseReturnValue:
    """Take in the photos that reached the signals of the case later. Doing it twice finds nothing more."""
    taken = cases.gather_evidence(
        session(), case_id, store=current_app.config["TEMTHAT"].files_dir, by=person().id, at=clock.now()
    )
    session().commit()
    flash(_("Photos taken into the case: %(n)s", n=len(taken)), "success")
    return redirect(url_for(".show", case_id=case_id), 303)


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>")
@needs(May.CASE_READ)
def piece(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """One piece of evidence, hashed anew. That somebody looked is part of its custody and is written down."""
    case = cases.get(session(), case_id)
    store = current_app.config["TEMTHAT"].files_dir
    found, now_on_disk = evidence.view(session(), case_id, evidence_id, store=store, by=person().id, at=clock.now())
    session().commit()
    return render_template(
        "desk/evidence.html", case=case, piece=found, found=now_on_disk, intact=now_on_disk == found.sha256,
        custody=evidence.custody(session(), evidence_id),
    )  # fmt: skip


def _do(case_id: UUID, name: str, form: FlaskForm, act: Callable[[datetime], None], done: str) -> ResponseReturnValue:
    """Carry out one form of the case page: once, and drawn again with every reason when it cannot be."""
    if not form.validate():
        return _page(case_id, bound={name: form}), 422
    with once(f"cases.{name}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            act(clock.now())
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, bound={name: form}, reasons=[exc]), exc.status
        key.settle(url_for(".show", case_id=case_id))
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


def _officer_choices() -> list[tuple[str, str]]:
    found = cases.officers(session(), on=lists.today())
    return [("", "–"), *((str(officer.id), officer.full_name) for officer in found)]


def _extension_choices(case: CaseFile, at: datetime) -> list[tuple[str, str]]:
    rules = law.load(session())
    return [
        (
            f"{standing.deadline.id}:{rules.rule_of(standing.deadline.kind, standing.deadline.rule_version).extensions.index(longer)}",
            f"{say(standing.deadline.kind)}: {longer.amount} {say(longer.unit)} – {longer.ground}",
        )
        for standing in clocks.standings(case, rules, at=at)
        for longer in standing.extensions
    ]


def _page(
    case_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    session().expire_all()
    at, bound = clock.now(), bound or {}
    framed = frame(case_id, "events", reasons=reasons or [])
    case, works = framed["case"], framed["works"]
    pieces = evidence.of_case(session(), case_id)
    moves = moves_from(case.state, duties()) if person().may(May.CASE_MOVE) else []
    return render_template(
        "desk/case.html",
        **framed,
        severity=severity_word(case.severity),
        events=[line(event) for event in reversed(case.events)],
        pieces=pieces,
        late_photos=len(evidence.candidates(session(), case_id)) if works else 0,
        moves=[
            _move(move, bound.get(move.value) or forms.move_form(move, pieces, bound=False), case) for move in moves
        ],
        unreachable=[form for name, form in bound.items() if name in set(Move) and Move(name) not in moves],
        opened=next(iter(bound), None),
        failed=next(iter(bound.values()), None),
        **_side_forms(case, bound, at),
    )


def _move(move: Move, form: FlaskForm, case: CaseFile) -> dict[str, Any]:
    step = MOVES[move]
    form.version.data = str(case.version)
    if Demand.SIGNER in step.demands and not form.signer.data and signer_for(duties()) is not None:
        form.signer.data = person().full_name
    return {
        "move": move,
        "form": form,
        "to": step.to,
        "basis": step.basis,
        "starts": ", ".join(say(kind) for kind in step.starts),
    }


def _side_forms(case: CaseFile, bound: dict[str, FlaskForm], at: datetime) -> dict[str, Any]:
    assign = bound.get("assign") or forms.AssignForm(formdata=None)
    assign.officer.choices = _officer_choices()
    details = bound.get("terms") or forms.TermsForm(formdata=None)
    if "terms" not in bound:
        details.qualification.data, details.act_ended_on.data = case.legal_qualification, case.act_ended_on
    longer = bound.get("extend") or forms.ExtendForm(formdata=None)
    longer.choice.choices = _extension_choices(case, at)
    for form in (assign, details, longer):
        form.version.data = str(case.version)
    return {
        "assign_form": assign,
        "terms_form": details,
        "extend_form": longer,
        "note_form": bound.get("note") or forms.NoteForm(formdata=None),
        "evidence_form": bound.get("evidence") or forms.EvidenceForm(formdata=None),
    }
