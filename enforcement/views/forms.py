"""The forms of a case. The form of a move is made from what `transitions` says it demands, so the two cannot drift apart.

What must not live here: routes, and what happens to the answers.
"""

from __future__ import annotations

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
from enforcement.models import InspectionGround, NoPenaltyGround, Outcome
from enforcement.transitions import MOVES, Demand, Move
from trace.forms import EnumField, VietnameseDate, VietnameseInteger, clean
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

    from enforcement.fines import Frame
    from enforcement.models import Evidence
    from enforcement.papers.shelf import Registered

LINE_MOST = 200
FINE_MOST = 10_000_000_000
ORDER = (
    Demand.RECORD_NUMBER, Demand.DECISION_NUMBER, Demand.SIGNED_ON, Demand.ISSUER, Demand.SIGNER, Demand.INSPECTION_GROUND,
    Demand.URGENT, Demand.URGENT_REASON, Demand.NO_PENALTY_GROUND, Demand.ORGANISATION, Demand.BRACKET_LOW, Demand.BRACKET_TOP,
    Demand.FINE, Demand.DEVIATION, Demand.CONFISCATION, Demand.REMEDIES, Demand.RECIPIENT, Demand.EVIDENCE, Demand.GROUNDS,
    Demand.OUTCOME, Demand.NOTE,
)  # fmt: skip
TEXTS = frozenset({Demand.NOTE, Demand.GROUNDS, Demand.REMEDIES, Demand.DEVIATION})
AMOUNTS = frozenset({Demand.FINE, Demand.BRACKET_LOW, Demand.BRACKET_TOP, Demand.CONFISCATION})
MARKS = frozenset({Demand.URGENT, Demand.ORGANISATION})
NARROW = frozenset({*AMOUNTS, *MARKS, Demand.EVIDENCE, Demand.SIGNED_ON, "version"})
"""Fields that do not take the whole width."""
BY_HAND = frozenset({Demand.BRACKET_LOW, Demand.BRACKET_TOP})
"""Asked for only where the law data holds no bracket."""
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


def move_form(
    move: Move,
    evidence: Sequence[Evidence],
    *,
    bound: bool,
    frame: Frame | None = None,
    registered: Sequence[Registered] = (),
) -> FlaskForm:
    """The form of one move, filled from the request if `bound`. The ids carry the move, as a page shows several.

    `frame`: what the law says of a fine in this case, for the move that imposes one. `registered`: the papers
    of the case that this step may rest on; the latest is offered.
    """
    step = MOVES[move]
    by_law = frame is not None and frame.bracket is not None
    asked = [each for each in ORDER if each in step.demands | step.may and not (by_law and each in BY_HAND)]
    fields: dict[str, Field] = {"version": HiddenField(id=f"{move.value}-version")}
    fields |= {each.value: _field(move, each, evidence, required=each in step.demands) for each in asked}
    form: type[FlaskForm] = type("MoveForm", (FlaskForm,), fields)
    if bound:
        return form()
    made = form(formdata=None)
    if frame is not None and Demand.FINE in asked:
        made.organisation.data, made.fine.data = frame.organisation, frame.middle
    for name in (Demand.DECISION_NUMBER, Demand.RECORD_NUMBER):
        if name in asked and registered:
            made[name.value].data = registered[0].number
            made.signed_on.data = registered[0].issued_on
    return made


def given(form: FlaskForm) -> dict[str, Any]:
    """What was filled in, by the names that the rules know."""
    names = {demand.value for demand in Demand}
    return {field.name: field.data for field in form if field.name in names}


def version(form: FlaskForm) -> int:
    """The version of the case that the person saw; one that was not sent was never seen."""
    sent = (form.version.data or "").partition(".")[0]
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def seen(form: FlaskForm) -> int | None:
    """The last event that stood on the page the person saw, if the page said so."""
    sent = str((form.version.raw_data or [""])[0]).partition(".")[2]  # the form drawn anew carries what is true now
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else None


def _field(move: Move, demand: Demand, evidence: Sequence[Evidence], *, required: bool) -> Field:
    label, field_id = say(demand), f"{move.value}-{demand.value}"
    if demand in AMOUNTS:
        first = [InputRequired(_l("Write the amount."))] if required else [Optional()]
        return VietnameseInteger(label, [*first, *_amount(demand)], id=field_id)
    if demand is Demand.SIGNED_ON:
        return VietnameseDate(label, [InputRequired(_l("Write the day.")) if required else Optional()], id=field_id)
    if demand in MARKS:
        return BooleanField(label, id=field_id)
    if demand in CHOICES:
        kind, missing = CHOICES[demand]
        return EnumField(label, [InputRequired(missing)], kind=kind, blank="–", id=field_id)
    if demand is Demand.EVIDENCE:
        return SelectMultipleField(
            label,
            [InputRequired(_l("Choose the evidence that the record rests on."))],
            coerce=int,
            choices=[
                (piece.folio, _("Folio %(folio)s: %(title)s", folio=piece.folio, title=piece.title))
                for piece in evidence
            ],
            widget=ListWidget(prefix_label=False),
            option_widget=CheckboxInput(),
            id=field_id,
        )
    kind, most = (TextAreaField, TEXT_MOST) if demand in TEXTS else (StringField, LINE_MOST)
    return kind(label, needed(most) if required else may_be(most), filters=[clean], id=field_id)


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
