"""The forms of a case. The form of a move is made from what `transitions` says it demands, so the two cannot drift apart.

What must not live here: routes, and what happens to the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
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

from enforcement import cases
from enforcement.casebook import TEXT_MOST
from enforcement.competence import LegalQualification
from enforcement.models import Outcome
from enforcement.transitions import MOVES, Demand, Move
from trace.forms import EnumField, VietnameseDate, VietnameseInteger, clean
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enforcement.models import Evidence

LINE_MOST = 200
FINE_MOST = 10_000_000_000
ORDER = (
    Demand.RECORD_NUMBER, Demand.DECISION_NUMBER, Demand.SIGNER, Demand.FINE, Demand.RECIPIENT, Demand.EVIDENCE, Demand.GROUNDS,
    Demand.OUTCOME, Demand.NOTE,
)  # fmt: skip


def _needed(most: int) -> list[Any]:
    return [DataRequired(_l("Fill in this field.")), Length(max=most, message=_l("Write at most %(max)d characters."))]


def _amount() -> list[Any]:
    return [
        InputRequired(_l("Write the amount.")),
        NumberRange(1, FINE_MOST, message=_l("Write an amount in đồng, from 1 up.")),
    ]


def move_form(move: Move, evidence: Sequence[Evidence], *, bound: bool) -> FlaskForm:
    """The form of one move, filled from the request if `bound`. The ids carry the move, as a page shows several."""
    fields: dict[str, Field] = {"version": HiddenField()}
    for demand in ORDER:
        if demand in MOVES[move].demands:
            fields[demand.value] = _field(move, demand, evidence)
            if demand is Demand.FINE:
                fields |= _fine_fields(move)
    form: type[FlaskForm] = type("MoveForm", (FlaskForm,), fields)
    return form() if bound else form(formdata=None)


def given(form: FlaskForm) -> dict[str, Any]:
    """What was filled in, by the names that the rules know."""
    names = {*(demand.value for demand in Demand), cases.BRACKET, cases.ORGANISATION, cases.CONFISCATION}
    return {field.name: field.data for field in form if field.name in names}


def version(form: FlaskForm) -> int:
    """The version of the case that the person saw; one that was not sent was never seen."""
    sent = form.version.data or ""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def _field(move: Move, demand: Demand, evidence: Sequence[Evidence]) -> Field:
    label, field_id = say(demand), f"{move.value}-{demand.value}"
    if demand in {Demand.NOTE, Demand.GROUNDS}:
        return TextAreaField(label, _needed(TEXT_MOST), filters=[clean], id=field_id)
    if demand is Demand.FINE:
        return VietnameseInteger(label, _amount(), id=field_id)
    if demand is Demand.OUTCOME:
        return EnumField(label, [InputRequired(_l("Choose a finding."))], kind=Outcome, blank="–", id=field_id)
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
    return StringField(label, _needed(LINE_MOST), filters=[clean], id=field_id)


def _fine_fields(move: Move) -> dict[str, Field]:
    return {
        cases.BRACKET: VietnameseInteger(
            _("Top of the bracket for this offender (đồng)"), _amount(), id=f"{move.value}-bracket"
        ),
        cases.ORGANISATION: BooleanField(_("The offender is an organisation"), id=f"{move.value}-organisation"),
        cases.CONFISCATION: VietnameseInteger(
            _("Value of goods to be confiscated (đồng)"),
            [Optional(), NumberRange(0, FINE_MOST, message=_l("Write an amount in đồng, from 1 up."))],
            id=f"{move.value}-confiscation",
        ),
    }


class NoteForm(FlaskForm):
    """A note in the file."""

    text = TextAreaField(_l("Note"), _needed(TEXT_MOST), filters=[clean], id="note-text")


class AssignForm(FlaskForm):
    """The case to somebody of the desk."""

    version = HiddenField(id="assign-version")
    officer = SelectField(_l("Officer"), [InputRequired(_l("Choose an officer."))], id="assign-officer")
    reason = StringField(_l("Reason"), _needed(LINE_MOST), filters=[clean], id="assign-reason")


class EvidenceForm(FlaskForm):
    """A file that an officer brings."""

    file = FileField(_l("Photo or PDF"), [FileRequired(_l("Choose a file."))], id="evidence-file")
    title = StringField(_l("What it shows"), _needed(LINE_MOST), filters=[clean], id="evidence-title")
    origin = StringField(_l("Where it comes from"), _needed(LINE_MOST), filters=[clean], id="evidence-origin")
    taken_on = VietnameseDate(_l("Taken on"), [InputRequired(_l("Write the day."))], id="evidence-taken")


class TermsForm(FlaskForm):
    """As what the act is treated and when it ended."""

    version = HiddenField(id="terms-version")
    qualification = EnumField(
        _l("Legal qualification"), [InputRequired(_l("Choose one."))], kind=LegalQualification, id="terms-kind"
    )
    act_ended_on = VietnameseDate(_l("The act ended on"), [Optional()], id="terms-ended")


class ExtendForm(FlaskForm):
    """A longer deadline by decision. A choice is a deadline and the place of the extension in its rule."""

    version = HiddenField(id="extend-version")
    choice = RadioField(_l("Extension"), [InputRequired(_l("Choose one."))], id="extend-choice")
    decision_number = StringField(_l("Number of the decision"), _needed(LINE_MOST), filters=[clean], id="extend-number")
    reason = StringField(_l("Reason"), _needed(LINE_MOST), filters=[clean], id="extend-reason")
