"""Forms about titles: their facts, parties, regulations, products and seasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FieldList, FileField, Form, FormField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional, ValidationError

from trace.forms import EnumField, PostForm, VietnameseDate, VietnameseDecimal, VietnameseInteger, clean, whole_number
from trace.models.parties import PartyKind
from trace.models.title_records import AmendmentKind
from trace.models.titles import PointKind, SourceKind, TitleKind, TitleRoleKind
from trace.services import products, title_parties
from trace.services.rules import LONGEST_PATTERN
from trace.views import lists
from trace.views.faults import RevisedForm
from trace.words import number, say

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 60


class NumbersField(StringField):
    """Whole numbers with something between them: 500; 1.000; 2.000."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        self.data = []
        self.raw = valuelist[0] if valuelist else ""
        try:
            self.data = [whole_number(part) for part in re.split(r"[;,\n]+", self.raw) if part.strip()]
        except ValueError as exc:
            raise ValueError(_("Write whole numbers separated by semicolons, for example 500; 1.000.")) from exc

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "; ".join(number(each) for each in self.data or ())


class LinesField(TextAreaField):
    """One entry a line; empty lines and repetitions are left out."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        lines = [clean(line) for line in (valuelist[0] if valuelist else "").splitlines()]
        self.data = list(dict.fromkeys(line for line in lines if line))
        if len(self.data) > MOST_LINES or any(len(line) > 300 for line in self.data):
            raise ValueError(_("Write at most %(n)s lines, each of at most 300 characters.", n=MOST_LINES))

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "\n".join(self.data or ())


def _document(label: Any = None) -> StringField:
    return StringField(
        label or _l("Deciding document"),
        [DataRequired(_l("Write the number of the document.")), lists.at_most(200)],
        filters=[clean],
    )


class TitleForm(RevisedForm):
    """The facts of a title."""

    kind = EnumField(_l("Kind"), [InputRequired(_l("Choose the kind."))], kind=TitleKind, blank=_l("Choose"))
    name = StringField(
        _l("Name of the title"), [DataRequired(_l("Write the name.")), lists.at_most(200)], filters=[clean]
    )
    title_number = StringField(_l("Title number"), [lists.at_most(60)], filters=[clean])
    application_number = StringField(_l("Application number"), [lists.at_most(60)], filters=[clean])
    filed_on = VietnameseDate(_l("Filed"))
    granted_on = VietnameseDate(_l("Granted"))
    expires_on = VietnameseDate(_l("Last day of the term"))
    nice_classes = NumbersField(_l("Nice classes"))
    goods_in_words = TextAreaField(_l("Goods in words"), [lists.at_most(4000)], filters=[clean])
    characteristics = TextAreaField(_l("Protected characteristics"), [lists.at_most(20000)], filters=[clean])
    area_in_words = TextAreaField(_l("Area in words"), [lists.at_most(4000)], filters=[clean])

    def validate_nice_classes(self, field: Any) -> None:
        """The Nice Agreement has 45 classes."""
        if any(not 1 <= each <= 45 for each in field.data or ()):
            raise ValidationError(_("Nice classes are numbers from 1 to 45."))


class NewTitleForm(TitleForm):
    """A title with its first managing body."""

    managing_body = lists.Choice(_l("Managing body"), [InputRequired(_l("Choose an organisation from the list."))])
    since = VietnameseDate(_l("Managing since"), [InputRequired(_l("Write the date."))])
    document = _document()


class AreaForm(RevisedForm):
    """The document behind a territory; the communes are boxes of their own."""

    document = StringField(_l("Deciding document"), [lists.at_most(200)], filters=[clean])


class AmendForm(RevisedForm):
    """An amendment on record."""

    kind = EnumField(
        _l("What is amended"), [InputRequired(_l("Choose what is amended."))], kind=AmendmentKind, blank=_l("Choose")
    )
    document = _document()
    decided_on = VietnameseDate(_l("Date of the document"), [InputRequired(_l("Write the date."))])
    was = TextAreaField(_l("Old text"), [lists.at_most(20000)], filters=[clean])
    becomes = TextAreaField(
        _l("New text"), [DataRequired(_l("Write the new text.")), lists.at_most(20000)], filters=[clean]
    )
    applies = BooleanField(_l("Write the new text into the record"))


class RenewForm(RevisedForm):
    """A renewal."""

    document = _document()
    decided_on = VietnameseDate(_l("Date of the document"), [InputRequired(_l("Write the date."))])


class ImageForm(PostForm):
    """A picture of the sign."""

    caption = StringField(
        _l("What the picture shows"), [DataRequired(_l("Say what it shows.")), lists.at_most(200)], filters=[clean]
    )
    picture = FileField(_l("Picture"))


class PartyForm(PostForm):
    """A party from the list or a new one, from a day on."""

    party = lists.Choice(_l("Organisation"), default="")
    new_name = StringField(_l("Name of the new organisation"), [lists.at_most(200)], filters=[clean])
    new_kind = lists.Choice(_l("Kind of the new organisation"), default="")
    since = VietnameseDate(_l("First day"), [InputRequired(_l("Write the date."))])
    document = _document()

    def offer(self, parties: Sequence[Any]) -> None:
        """Give the form its choices."""
        self.party.choices = [("", "–"), *((str(party.id), party.name) for party in parties)]
        kinds = title_parties.ORGANISATIONS
        self.new_kind.choices = [("", "–"), *((kind.value, say(kind)) for kind in kinds)]

    def validate(self, extra_validators: Any = None) -> bool:
        """One of the list, or a new one with its kind; never both."""
        good: bool = super().validate(extra_validators)
        if bool(self.party.data) == bool(self.new_name.data):
            self.party.errors = [_("Choose an organisation from the list, or write a new one below.")]
            good = False
        if self.new_name.data and not self.new_kind.data:
            self.new_kind.errors = [_("Choose the kind.")]
            good = False
        return good

    @property
    def new_party(self) -> tuple[str, PartyKind] | None:
        """The organisation to enter, if it is a new one."""
        return (self.new_name.data, PartyKind(self.new_kind.data)) if self.new_name.data else None


class RoleForm(PartyForm):
    """A party in a role."""

    role = EnumField(_l("Role"), [InputRequired(_l("Choose the role."))], kind=TitleRoleKind, blank=_l("Choose"))
    until = VietnameseDate(_l("Last day"))


class EndRoleForm(PostForm):
    """The end of a role."""

    last_day = VietnameseDate(_l("Last day"), [InputRequired(_l("Write the date."))])
    document = _document()


def _days(label: Any, most: int = 730) -> VietnameseInteger:
    return VietnameseInteger(
        label,
        [
            InputRequired(_l("Write a whole number, for example 1.200.")),
            NumberRange(1, most, _l("Number must be between %(min)s and %(max)s.")),
        ],
    )


class RegulationForm(RevisedForm):
    """A version of a use regulation with its rules."""

    summary = TextAreaField(_l("Summary"), [DataRequired(_l("Write a summary.")), lists.at_most(2000)], filters=[clean])
    deciding_document = _document()
    valid_from = VietnameseDate(_l("In force from"), [InputRequired(_l("Write the date."))])
    body = TextAreaField(_l("Text of the regulation"), [lists.at_most(100_000)], filters=[clean])
    file = FileField(_l("The signed document"))
    certificate_number = StringField(
        _l("Pattern of certificate numbers"),
        [DataRequired(_l("Write the pattern.")), lists.at_most(LONGEST_PATTERN)],
        filters=[clean],
    )
    validity_months = _days(_l("A certificate is valid for"), 240)
    renew_before_days = _days(_l("Renewal is asked for before the end"))
    completeness_days = _days(_l("Check that an application is complete"))
    evaluation_days = _days(_l("Evaluate in the field"))
    decision_days = _days(_l("Decide on the application"))
    evaluation_criteria = LinesField(_l("What a field evaluation looks at"))
    pack_weights_g = NumbersField(_l("Pack weights"))
    requires_area_code = BooleanField(_l("A growing-area code is required"))
    gate_checks = LinesField(_l("Checks that gate labels"))
    visit_within_days = VietnameseInteger(
        _l("A passed control is no older than"),
        [Optional(), NumberRange(1, 3660, _l("Number must be between %(min)s and %(max)s."))],
    )
    external_release = BooleanField(_l("Every lot is released by an external certifier"))
    suspend_grounds = LinesField(_l("Grounds to suspend a certificate"))
    revoke_grounds = LinesField(_l("Grounds to revoke a certificate"))


class PointForm(Form):
    """A point to compare."""

    vi = StringField(_l("In Vietnamese"), [lists.at_most(200)], filters=[clean])
    en = StringField(_l("In English"), [lists.at_most(200)], filters=[clean])
    hard_to_copy = BooleanField(_l("Hard to copy"))


class ProductForm(RevisedForm):
    """The catalogue's facts of a product."""

    name = StringField(
        _l("Name of the product"), [DataRequired(_l("Write the name.")), lists.at_most(120)], filters=[clean]
    )
    name_en = StringField(
        _l("Name in English"), [DataRequired(_l("Write the name.")), lists.at_most(120)], filters=[clean]
    )
    description = TextAreaField(
        _l("Description for buyers"), [DataRequired(_l("Describe the product.")), lists.at_most(2000)], filters=[clean]
    )
    source_kind = EnumField(
        _l("Where it comes from"),
        [InputRequired(_l("Choose where it comes from."))],
        kind=SourceKind,
        blank=_l("Choose"),
    )
    gtin = StringField("GTIN", [lists.at_most(20)], filters=[clean])
    points = FieldList(FormField(PointForm), min_entries=products.POINTS, max_entries=products.POINTS)


class ComparisonPointForm(RevisedForm):
    """A point of a product's catalogue, in the languages that visitors read."""

    kind = EnumField(
        _l("What buyers look at"),
        [InputRequired(_l("Choose what they look at."))],
        kind=PointKind,
        blank=_l("Choose"),
    )
    vi = StringField(
        _l("In Vietnamese"), [DataRequired(_l("Write it in Vietnamese.")), lists.at_most(200)], filters=[clean]
    )
    en = StringField(_l("In English"), [DataRequired(_l("Write it in English.")), lists.at_most(200)], filters=[clean])
    zh = StringField(_l("In Chinese"), [lists.at_most(200)], filters=[clean])
    ja = StringField(_l("In Japanese"), [lists.at_most(200)], filters=[clean])
    hard_to_copy = BooleanField(_l("Hard to copy"))
    covert = BooleanField(_l("Covert: for the owner and officers only"))
    picture = FileField(_l("Picture"))
    without_picture = BooleanField(_l("Take the picture away"))
    shown_from = VietnameseDate(_l("Shown from"), [Optional()])
    shown_until = VietnameseDate(_l("Shown until"), [Optional()])


class SeasonForm(RevisedForm):
    """A season of a product."""

    name = StringField(
        _l("Name of the season"), [DataRequired(_l("Write the name.")), lists.at_most(120)], filters=[clean]
    )
    first_day = VietnameseDate(_l("First day"), [InputRequired(_l("Write the date."))])
    last_day = VietnameseDate(_l("Last day"), [InputRequired(_l("Write the date."))])
    yield_cap_kg_per_ha = VietnameseInteger(_l("Yield cap"))


class VolumeForm(PostForm):
    """A confirmation of one holder's volume."""

    kg = VietnameseDecimal(_l("Volume to confirm"), [InputRequired(_l("Write the volume."))])
    reason = TextAreaField(_l("Reason"), [lists.at_most(1000)], filters=[clean])
