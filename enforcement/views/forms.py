"""The forms of a case. The form of a move is made from what `transitions` says it demands, so the two cannot drift apart.

What must not live here: routes, and what happens to the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from enforcement.casebook import TEXT_MOST
from enforcement.competence import LegalQualification
from enforcement.models import ExplanationEnd, InspectionGround, NoPenaltyGround, Outcome
from enforcement.transitions import MOVES, Demand, Move
from enforcement.views import offender_forms
from enforcement.views.offers import OfferedField
from trace.forms import EnumField, VietnameseDate, clean
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

    from enforcement.fines import Frame
    from enforcement.models import CaseParty, Evidence
    from enforcement.papers.shelf import Registered

LINE_MOST = 200
FINE_MOST = 10_000_000_000
ORDER = (
    Demand.RECORD_NUMBER, Demand.DECISION_NUMBER, Demand.SIGNED_ON, Demand.ISSUER, Demand.SIGNER, Demand.INSPECTION_GROUND,
    Demand.URGENT, Demand.URGENT_REASON, Demand.NO_PENALTY_GROUND, Demand.ORGANISATION, Demand.BRACKET_LOW, Demand.BRACKET_TOP,
    Demand.FINE, Demand.DEVIATION, Demand.CONFISCATION, Demand.OFFENDERS, Demand.REMEDIES, Demand.RECIPIENT, Demand.EVIDENCE,
    Demand.EXPLANATION, Demand.EXPLANATION_NUMBER, Demand.GROUNDS, Demand.SUSPENSION, Demand.OUTCOME, Demand.NOTE,
)  # fmt: skip
TEXTS = frozenset({Demand.NOTE, Demand.GROUNDS, Demand.REMEDIES, Demand.DEVIATION})
AMOUNTS = frozenset({Demand.FINE, Demand.BRACKET_LOW, Demand.BRACKET_TOP, Demand.CONFISCATION})
MARKS = frozenset({Demand.URGENT, Demand.ORGANISATION, Demand.SUSPENSION})
NARROW = frozenset(
    {*AMOUNTS, *MARKS, Demand.EVIDENCE, Demand.OFFENDERS, Demand.EXPLANATION, Demand.SIGNED_ON, "version"}
)
"""Fields that do not take the whole width."""
BY_HAND = frozenset({Demand.BRACKET_LOW, Demand.BRACKET_TOP})
"""Asked for only where the law data holds no bracket."""
EXPLAINED = (ExplanationEnd.WRITTEN, ExplanationEnd.MEETING, ExplanationEnd.WAIVED)
CHOICES: dict[Demand, tuple[type[StrEnum], Any]] = {
    Demand.OUTCOME: (Outcome, _l("Choose a finding.")),
    Demand.INSPECTION_GROUND: (InspectionGround, _l("Choose the ground of the inspection.")),
    Demand.NO_PENALTY_GROUND: (NoPenaltyGround, _l("Choose the ground.")),
}


def needed(most: int) -> list[Any]:
    """A text that must be there."""
    return [DataRequired(_l("Fill in this field.")), Length(max=most, message=_l("Write at most %(max)d characters."))]


def may_be(most: int) -> list[Any]:
    """A text that may be left out."""
    return [Optional(), Length(max=most, message=_l("Write at most %(max)d characters."))]


def _amount(demand: Demand) -> list[Any]:
    least = 0 if demand in {Demand.BRACKET_LOW, Demand.CONFISCATION} else 1
    return [NumberRange(least, FINE_MOST, message=_l("Write an amount in đồng, from 1 up."))]


@dataclass(frozen=True)
class Known:
    """What the case knows that the form of a move leans on.

    `frames`: what the law says of a fine, offender by offender; `frame`: of the only one there is. `left`: on whom nothing is decided yet.
    `explains`: somebody may still explain. `registered`: the papers that this step may rest on; the latest is offered.
    """

    frame: Frame | None = None
    frames: Sequence[Frame] = ()
    left: Sequence[CaseParty] = ()
    explains: bool = False
    registered: Sequence[Registered] = ()


def move_form(move: Move, evidence: Sequence[Evidence], known: Known, *, bound: bool) -> FlaskForm:
    """The form of one move, filled from the request if `bound`. The ids carry the move, as a page shows several."""
    step, frame = MOVES[move], known.frame
    apart = offender_forms.wanted(move, known.frames)
    left_out = _left_out(known, apart=apart, by_law=frame is not None and frame.bracket is not None)
    asked = [each for each in ORDER if each in step.demands | step.may and each not in left_out]
    fields: dict[str, Any] = {"version": HiddenField(id=f"{move.value}-version")}
    fields |= {each.value: _field(move, each, evidence, known, required=each in step.demands) for each in asked}
    kind: type[FlaskForm] = FlaskForm
    if apart:
        kind = offender_forms.OffendersForm
        fields |= offender_forms.fields(move, known.frames)
        fields |= {"frames": known.frames, "by_act": move is Move.PENALISE}
    form: type[FlaskForm] = type("MoveForm", (kind,), fields)
    if bound:
        return form()
    made = form(formdata=None)
    if frame is not None and Demand.FINE in asked:
        made.organisation.data, made.fine.data = frame.organisation, frame.middle
    for name in (Demand.DECISION_NUMBER, Demand.RECORD_NUMBER):
        if name in asked and known.registered:
            made[name.value].data = known.registered[0].number
            made.signed_on.data = known.registered[0].issued_on
    return made


def _left_out(known: Known, *, apart: bool, by_law: bool) -> frozenset[Demand]:
    """What need not be asked: ends of a bracket that the law data holds, persons where there is only one, an explanation nobody may give."""
    found = set(offender_forms.REPLACED) if apart else set()
    found |= BY_HAND if by_law else set()
    found |= set() if len(known.left) > 1 else {Demand.OFFENDERS}
    found |= set() if known.explains else {Demand.EXPLANATION, Demand.EXPLANATION_NUMBER}
    return frozenset(found)


def given(form: FlaskForm) -> dict[str, Any]:
    """What was filled in, by the names that the rules know."""
    names = {demand.value for demand in Demand}
    found = {field.name: field.data for field in form if field.name in names}
    if isinstance(form, offender_forms.OffendersForm):
        wanted = form.wishes()
        found |= {Demand.FINES.value: wanted, Demand.FINE.value: sum(each.total for each in wanted)}
    return found


def version(form: FlaskForm) -> int:
    """The version of the case that the person saw; one that was not sent was never seen."""
    sent = (form.version.data or "").partition(".")[0]
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def seen(form: FlaskForm) -> int | None:
    """The last event that stood on the page the person saw, if the page said so."""
    sent = str((form.version.raw_data or [""])[0]).partition(".")[2]  # the form drawn anew carries what is true now
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else None


def _field(move: Move, demand: Demand, evidence: Sequence[Evidence], known: Known, *, required: bool) -> Field:
    label, field_id = say(demand), f"{move.value}-{demand.value}"
    if demand in AMOUNTS:
        first = [InputRequired(_l("Write the amount."))] if required else [Optional()]
        return offender_forms.Amount(label, [*first, *_amount(demand)], id=field_id)
    if demand is Demand.SIGNED_ON:
        label = _l("Put forward on") if move is Move.PREPARE_DECISION else label
        return VietnameseDate(label, [InputRequired(_l("Write the day.")) if required else Optional()], id=field_id)
    if demand in MARKS:
        return BooleanField(label, id=field_id)
    if demand in CHOICES:
        kind, missing = CHOICES[demand]
        return EnumField(label, [InputRequired(missing)], kind=kind, blank="–", id=field_id)
    if (chosen := _chosen(demand, label, field_id, evidence, known)) is not None:
        return chosen
    kind, most = (TextAreaField, TEXT_MOST) if demand in TEXTS else (StringField, LINE_MOST)
    return kind(label, needed(most) if required else may_be(most), filters=[clean], id=field_id)


def _chosen(demand: Demand, label: str, field_id: str, evidence: Sequence[Evidence], known: Known) -> Field | None:
    """A choice among what the case holds; None for anything else."""
    match demand:
        case Demand.EXPLANATION:
            unused = ("", _("not used, its time has passed"))
            return SelectField(
                label, [Optional()], choices=[unused, *((each.value, say(each)) for each in EXPLAINED)], id=field_id
            )
        case Demand.DECISION_NUMBER | Demand.RECORD_NUMBER:
            return OfferedField(label, needed(LINE_MOST), filters=[clean], id=field_id, offers=known.registered)
        case Demand.OFFENDERS:
            people = [(str(each.id), each.name) for each in known.left]
            return _ticks(label, _l("Choose on whom it is decided."), people, str, field_id)
        case Demand.EVIDENCE:
            pieces = [
                (each.folio, _("Folio %(folio)s: %(title)s", folio=each.folio, title=each.title)) for each in evidence
            ]
            return _ticks(label, _l("Choose the evidence that the record rests on."), pieces, int, field_id)
        case _:
            return None


def _ticks(
    label: str, missing: Any, choices: list[Any], coerce: type[int] | type[str], field_id: str
) -> SelectMultipleField:
    return SelectMultipleField(
        label, [InputRequired(missing)], coerce=coerce, choices=choices, widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(), id=field_id,
    )  # fmt: skip


class NoteForm(FlaskForm):
    """A note in the file."""

    text = TextAreaField(_l("Note"), needed(TEXT_MOST), filters=[clean], id="note-text")


class AssignForm(FlaskForm):
    """The case to somebody of the desk."""

    version = HiddenField(id="assign-version")
    officer = SelectField(_l("Officer"), [InputRequired(_l("Choose an officer."))], id="assign-officer")
    reason = StringField(_l("Reason"), needed(LINE_MOST), filters=[clean], id="assign-reason")


class TermsForm(FlaskForm):
    """As what the act is treated and when it ended."""

    version = HiddenField(id="terms-version")
    qualification = EnumField(
        _l("Legal qualification"), [InputRequired(_l("Choose one."))], kind=LegalQualification, id="terms-kind"
    )
    act_ended_on = VietnameseDate(_l("The act ended on"), [Optional()], id="terms-ended")
    reason = StringField(_l("Reason for the change"), may_be(LINE_MOST), filters=[clean], id="terms-reason")


class FulfilForm(FlaskForm):
    """That what a clock asked for was done."""

    version = HiddenField(id="fulfil-version")
    deadline = RadioField(_l("What was done"), [InputRequired(_l("Choose one."))], id="fulfil-deadline")
    done_on = VietnameseDate(_l("Done on"), [InputRequired(_l("Write the day."))], id="fulfil-on")
    document_number = StringField(_l("Number of the paper"), needed(LINE_MOST), filters=[clean], id="fulfil-number")
    note = StringField(_l("Note"), may_be(LINE_MOST), filters=[clean], id="fulfil-note")


class DetectForm(FlaskForm):
    """That a violation was detected."""

    detected_on = VietnameseDate(_l("Detected on"), [InputRequired(_l("Write the day."))], id="detect-on")
    detected_time = StringField(_l("At"), may_be(5), filters=[clean], id="detect-time")
    note = StringField(_l("What was detected"), needed(LINE_MOST), filters=[clean], id="detect-note")
