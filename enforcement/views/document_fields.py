"""The form of a document, made from the fields of its version, and refusals told at the field they are about.

What must not live here: routes, and what is right for a field (`papers.values`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from enforcement.documents import UploadedBeforeIssue
from enforcement.models import SigningAs
from enforcement.papers.signatory import CapacityNotOffered, Chosen
from enforcement.papers.values import moment
from enforcement.papers.vocabulary import TABLES, FieldKind
from enforcement.views.offers import OfferedField
from trace.errors import Refused, TemThatError
from trace.forms import clean
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from enforcement.papers.forms import Form
    from enforcement.papers.shelf import Registered
    from enforcement.papers.signatory import Capacity
    from enforcement.papers.vocabulary import Field as FormField

PREFIX = "f-"
LINE_MOST = 200
_OF_DRAFT = ("version", "csrf_token")
_SHORT = {FieldKind.DATE, FieldKind.MOMENT, FieldKind.NUMBER, FieldKind.MONEY}


def _most(most: int) -> Length:
    return Length(max=most, message=_l("Write at most %(max)d characters."))


def _needed(most: int) -> list[Any]:
    return [DataRequired(_l("Fill in this field.")), _most(most)]


def _capacity(capacity: Capacity) -> str:
    """The words that are printed, and what they mean. A body is named by whoever signs for it."""
    printed = " / ".join(capacity.lines) if capacity.head else "TM. …"
    return f"{printed} ({say(capacity.signed_as)})"


def of_document(
    form: Form, given: Mapping[str, str] | None, version: int, *, bound: bool, capacities: Sequence[Capacity] = (),
    earlier: Mapping[str, Sequence[Registered]] | None = None,
) -> FlaskForm:  # fmt: skip
    """The form of a draft, with what is in it; from the request if `bound`.

    `capacities`: those open to whoever may sign it. `earlier`: the registered documents that fields may name.
    """
    fields: dict[str, Field] = {"version": HiddenField()}
    for field in form.fields:
        name = PREFIX + field.name
        if field.kind in {FieldKind.TEXT, FieldKind.TABLE}:
            fields[name] = TextAreaField(field.label)
        else:
            fields[name] = OfferedField(field.label, offers=(earlier or {}).get(field.name, ()))
    if capacities:
        fields |= {
            "signed_as": SelectField(_("In which capacity"), choices=[(each.signed_as.value, _capacity(each)) for each in capacities], validate_choice=False),
            "body": StringField(_("Body you sign for"), [_most(LINE_MOST)], filters=[clean]),
            "post": StringField(_("Your post as it is printed"), [_most(LINE_MOST)], filters=[clean]),
            "mandate": StringField(_("Number of the paper that gives the capacity"), [_most(LINE_MOST)], filters=[clean]),
        }  # fmt: skip
    fields["confirmed"] = BooleanField(_("I compared the marked points with the legal text in force"))
    made: FlaskForm = type("DocumentForm", (FlaskForm,), fields)(formdata=None) if not bound else type("DocumentForm", (FlaskForm,), fields)()  # fmt: skip
    if not bound:
        made.version.data = str(version)
        for name, text in (given or {}).items():
            if PREFIX + name in made:
                made[PREFIX + name].data = text
    return made


def sent(made: FlaskForm) -> dict[str, str]:
    """What was typed, by the names of the fields."""
    return {field.name.removeprefix(PREFIX): field.data or "" for field in made if field.name.startswith(PREFIX)}


def signing(made: FlaskForm) -> Chosen | None:
    """The capacity that was chosen; None where none was asked for."""
    sent_as = request.form.get("signed_as", "")
    if "signed_as" not in made or not sent_as:
        return None
    if sent_as not in set(SigningAs):
        raise CapacityNotOffered(field="signed_as")
    texts = (made[name].data or "" for name in ("body", "post", "mandate"))
    return Chosen(SigningAs(sent_as), *texts)


def shown(form: Form, made: FlaskForm) -> list[dict[str, Any]]:
    """The fields with what the page needs to draw them."""
    return [{"field": made[PREFIX + field.name], "required": field.required, "hint": _hint(field), "width": None if field.kind in _SHORT else "full", "rows": 8 if field.kind is FieldKind.TABLE else 3} for field in form.fields]  # fmt: skip


def told(made: FlaskForm, error: TemThatError) -> list[TemThatError]:
    """Put each refusal at its field; those that are about no field are returned."""
    rest: list[TemThatError] = []
    for reason in every(error):
        name = str(reason.facts.get("field", ""))
        field = next((made[each] for each in (PREFIX + name, name) if each in made and each not in _OF_DRAFT), None)
        if field is None:
            rest.append(reason)
            continue
        words = explain(reason).removeprefix(f"{field.label.text}: ")
        field.errors = [*field.errors, words[:1].upper() + words[1:]]
    return rest


def every(error: TemThatError) -> tuple[TemThatError, ...]:
    """All reasons of a refusal."""
    return error.reasons if isinstance(error, Refused) else (error,)


def reasons(errors: Iterable[TemThatError]) -> list[dict[str, str | None]]:
    """Refusals for the summary on top of a page."""
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in errors]


def version(text: str | None) -> int:
    """The version that the person saw; one that was not sent was never seen."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1


class ReasonForm(FlaskForm):
    """Why a document is given up, cancelled or replaced."""

    reason = StringField(_l("Reason"), _needed(LINE_MOST), filters=[clean])


class ScanForm(FlaskForm):
    """The signed copy. A reason is asked for only where one stands already."""

    file = FileField(_l("Signed copy"), [FileRequired(_l("Choose a file."))], id="scan-file")
    reason = StringField(
        _l("Why it takes the place of the copy that is there"),
        [Length(max=LINE_MOST)],
        filters=[clean],
        id="scan-reason",
    )


class InsForm(FlaskForm):
    """That the document is in INS. `issued`: when it was issued, before which nothing can have been put there."""

    issued: datetime | None = None

    uploaded = StringField(_l("Uploaded at"), _needed(20), filters=[clean], id="ins-uploaded")
    receipt = StringField(_l("Receipt or record number in INS"), _needed(LINE_MOST), filters=[clean], id="ins-receipt")

    def validate(self, extra_validators: Any = None) -> bool:
        """A moment is typed as on the papers."""
        right = bool(super().validate(extra_validators))
        at = moment(self.uploaded.data or "")
        if self.uploaded.data and at is None:
            self.uploaded.errors = [_("Write a time and a date, for example 09:30 31/12/2026.")]
            return False
        if at is not None and self.issued is not None and at < self.issued.replace(second=0, microsecond=0):
            self.uploaded.errors = [explain(UploadedBeforeIssue(when=self.issued))]
            return False
        return right


def _hint(field: FormField) -> str:
    if field.kind is FieldKind.TABLE:
        columns = " | ".join(TABLES[field.name].columns)
        return str(_("One line for each row, columns separated by a bar: %(columns)s", columns=columns))
    return field.hint
