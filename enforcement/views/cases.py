"""Cases: the list, the page of one with everything on it, and what may be done there. Each deed is one call of one service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from enforcement import (
    acts,
    cases,
    closing,
    documents,
    evidence,
    evidence_facts,
    explaining,
    fine_times,
    fines,
    law,
    mandates,
    membership,
    offenders,
    rulings,
    terms,
)
from enforcement.transitions import MAY_DETECT, MOVES, Demand, Move
from enforcement.views import forms, offender_forms
from enforcement.views.case_deeds import carry_out, meanwhile, moment_of, seen_now
from enforcement.views.case_frame import frame
from enforcement.views.words import duties, line, severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.views import lists
from trace.words import day, explain, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from enforcement.clocks import Standing
    from enforcement.models import CaseFile, Evidence
    from trace.errors import TemThatError

bp = Blueprint("cases", __name__, url_prefix="/vu-viec")

# The forms of which a registered paper may carry a step (domain: the forms of Decree 118/2021 and the inspection papers).
PAPER_CODES: dict[Move, tuple[str, ...]] = {
    Move.DECIDE_INSPECTION: ("QĐKT",), Move.END_INSPECTION: ("BBKT",), Move.RECORD_VIOLATION: ("MBB01",), Move.PENALISE: ("MQĐ02",),
    Move.ORDER_REMEDY: ("MQĐ14", "MQĐ15"), Move.TRANSFER_CRIMINAL: ("MQĐ33",),
}  # fmt: skip
RIGHTS_SHOWN = frozenset({Move.RECORD_VIOLATION, Move.OPEN_EXPLANATION, Move.PREPARE_DECISION})
"""The steps beside which the page says who may explain."""
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
    case = cases.get(session(), case_id)
    form = _form_of(taken, case, evidence.of_case(session(), case_id), bound=True)

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
            version=forms.version(form), reason=form.reason.data or None,
        )  # fmt: skip

    return _do(case_id, "terms", form, act, _("The legal details are in the file."))


@bp.post("/<uuid:case_id>/da-lam")
@needs(May.CASE_MOVE)
def fulfil(case_id: UUID) -> ResponseReturnValue:
    """Say that what a clock asked for was done."""
    form = forms.FulfilForm()
    form.deadline.choices = _fulfillable(frame(case_id, "events")["standings"])

    def act(at: datetime) -> None:
        terms.fulfil(
            session(), case_id, UUID(form.deadline.data), done_on=form.done_on.data, document_number=form.document_number.data,
            note=form.note.data or None, by=person().id, at=at, version=forms.version(form),
        )  # fmt: skip

    return _do(case_id, "fulfil", form, act, _("It is in the file, and the clock has ended."))


@bp.post("/<uuid:case_id>/phat-hien")
@needs(May.CASE_MOVE)
def detect(case_id: UUID) -> ResponseReturnValue:
    """Write down that a violation was detected: the clock for the record starts."""
    form = forms.DetectForm()

    def act(at: datetime) -> None:
        acts.detect(
            session(), case_id, detected_at=moment_of(form.detected_on.data, form.detected_time.data, at), note=form.note.data,
            by=person().id, at=at,
        )  # fmt: skip

    return _do(case_id, "detect", form, act, _("The detection is in the file; the clock for the record runs."))


def _do(case_id: UUID, name: str, form: FlaskForm, act: Callable[[datetime], None], done: str) -> ResponseReturnValue:
    """Carry out one form of the case page: once, and drawn again with every reason when it cannot be."""
    return carry_out(
        f"cases.{name}", form, act, done, location=url_for(".show", case_id=case_id),
        page=lambda reasons: _page(case_id, bound={name: form}, reasons=reasons),
    )  # fmt: skip


def _officer_choices() -> list[tuple[str, str]]:
    found = cases.officers(session(), on=lists.today())
    return [("", "–"), *((str(officer.id), officer.full_name) for officer in found)]


def _fulfillable(standings: Sequence[Standing]) -> list[tuple[str, str]]:
    return [
        (
            str(each.deadline.id),
            " – ".join(filter(None, (say(each.deadline.kind), each.whose, day(each.deadline.due_at)))),
        )
        for each in standings
        if not each.closed and each.deadline.kind in terms.FULFILLABLE
    ]


def _form_of(move: Move, case: CaseFile, pieces: Sequence[Evidence], *, bound: bool) -> FlaskForm:
    """The form of a move; that of a decision knows the offenders, and what the law says of the acts of each."""
    today, fined = lists.today(), move in offender_forms.FINED
    codes = PAPER_CODES.get(move, ())
    frames = fines.frames(session(), case, on=today) if fined else []
    only = frames[0] if len(frames) == 1 else None
    known = forms.Known(
        frame=(only or (None if frames else fines.frame(session(), case, on=today))) if move is Move.PENALISE else None,
        frames=frames,
        left=offenders.undecided(session(), case) if move in rulings.DECIDING else (),
        explains=move is Move.PREPARE_DECISION and any(each.owed for each in _waiting(case)),
        registered=documents.registered(session(), case.id, codes) if codes else [],
    )
    return forms.move_form(move, pieces, known, bound=bound)


def _fine_frame(case: CaseFile) -> fines.Frame | None:
    """What the law says of the fine, where one offender is left to decide on, or none is named; of several it stands beside each."""
    left = offenders.undecided(session(), case)
    if len(left) > 1:
        return None
    return fines.frame(session(), case, on=lists.today(), offender=left[0] if left else None)


def _waiting(case: CaseFile) -> list[explaining.Right]:
    """The rights to explain of which nothing is settled yet."""
    settled = {each.party_id for each in explaining.of_case(session(), case).values() if each.outcome}
    return [each for each in explaining.rights(session(), case, on=lists.today()) if each.party.id not in settled]


def _page(
    case_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    session().expire_all()
    bound = bound or {}
    framed = frame(case_id, "events", reasons=reasons or [])
    case, works = framed["case"], framed["works"]
    failed = next(iter(bound.values()), None)
    pieces = evidence.of_case(session(), case_id)
    moves = _moves(case) if person().may(May.CASE_MOVE) and case.merged_into_id is None else []
    rights = explaining.rights(session(), case, on=lists.today()) if not RIGHTS_SHOWN.isdisjoint(moves) else []
    if not any(each.owed for each in rights):
        moves = [move for move in moves if move is not Move.OPEN_EXPLANATION or move.value in bound]
    return render_template(
        "desk/case.html",
        **framed,
        severity=severity_word(case.severity),
        events=[line(event, of=number) for event, number in reversed(membership.events(session(), case_id))],
        signals=membership.signals(session(), case_id),
        pieces=pieces,
        evidence_facts=evidence_facts.summary(session(), case_id, look_for_late=works),
        moves=[_move(move, bound.get(move.value) or _form_of(move, case, pieces, bound=False), case) for move in moves],
        unreachable=[form for name, form in bound.items() if name in set(Move) and Move(name) not in moves],
        opened=next(iter(bound), None),
        failed=failed,
        narrow=forms.NARROW,
        meanwhile=meanwhile(case, failed, reasons),
        open_points=[explain(each) for each in closing.open_points(session(), case)] if Move.CLOSE in moves else [],
        fine_frame=_fine_frame(case) if Move.PENALISE in moves else None,
        rights=rights,
        explanation_ends=explaining.ends(session(), case) if rights else None,
        left=offenders.undecided(session(), case) if offenders.rulings(session(), case) else [],
        may_detect=works and case.state in MAY_DETECT and case.detected_at is None,
        has_acts=bool(acts.standing(session(), case)),
        **_side_forms(case, bound, framed["standings"]),
    )


def _moves(case: CaseFile) -> list[Move]:
    """The steps that the person may take, those included that a delegation lets them sign."""
    return mandates.moves_open(session(), person().id, duties(), case.state, lists.today(), at=clock.now())


def _hints() -> dict[str, str]:
    return {
        Demand.SIGNED_ON: _("The day on the paper. Left empty: today. Clocks count from this day."),
        Demand.REMEDIES: _("One on each line. Each is followed until it is carried out."),
        Demand.DEVIATION: _(
            "Mitigating or aggravating circumstances. Needed unless the fine is the middle of the bracket."
        ),
        Demand.ISSUER: _("Who made the decision, for example the People's Committee of the city."),
        Demand.URGENT_REASON: _("Only if urgent."),
        Demand.SUSPENSION: _("Then the offender may explain whatever the fine."),
        Demand.EXPLANATION_NUMBER: _("Of the letter, of the minutes of the meeting, or of the waiver."),
    }


def _put_forward() -> dict[str, str]:
    """What the step that puts a file forward says of its day: nobody signs a paper there."""
    told = _("The day on which the file was put forward. Left empty: today. The decision cannot be dated before it.")
    return {Demand.SIGNED_ON: told}


def _move(move: Move, form: FlaskForm, case: CaseFile) -> dict[str, Any]:
    step = MOVES[move]
    form.version.data = seen_now(case)
    groups: list[offender_forms.Group] = []
    if isinstance(form, offender_forms.OffendersForm):
        who = [each.offender for each in form.frames if each.offender]
        rules = law.load(session())
        groups = form.groups({each.id: fine_times.limitation_end(session(), case, each, rules=rules) for each in who})
    grouped = {field.name for group in groups for field in (*group.fields, *group.more)}
    return {
        "plain": [field for field in form if field.name not in grouped],
        "groups": groups,
        "move": move,
        "hints": _hints() | (_put_forward() if move is Move.PREPARE_DECISION else {}),
        "form": form,
        "to": step.to,
        "basis": step.basis,
        "starts": ", ".join(say(kind) for kind in step.starts),
        "may": step.may,
    }


def _side_forms(case: CaseFile, bound: dict[str, FlaskForm], standings: Sequence[Standing]) -> dict[str, Any]:
    assign = bound.get("assign") or forms.AssignForm(formdata=None)
    assign.officer.choices = _officer_choices()
    details = bound.get("terms") or forms.TermsForm(formdata=None)
    if "terms" not in bound:
        details.qualification.data, details.act_ended_on.data = case.legal_qualification, case.act_ended_on
    done = bound.get("fulfil") or forms.FulfilForm(formdata=None)
    done.deadline.choices = _fulfillable(standings)
    for form in (assign, details, done):
        form.version.data = seen_now(case)
    return {
        "assign_form": assign,
        "terms_form": details,
        "fulfil_form": done,
        "detect_form": bound.get("detect") or forms.DetectForm(formdata=None),
        "note_form": bound.get("note") or forms.NoteForm(formdata=None),
    }
