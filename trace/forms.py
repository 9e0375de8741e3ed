"""Fields that people in Viet Nam fill in: numbers with points, dates day first, communes, enums, text in NFC."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, Field, IntegerField, SelectField, StringField
from wtforms.validators import ValidationError

from trace.services import kept_text
from trace.words import say

if TYPE_CHECKING:
    from enum import StrEnum

# What WTForms says by itself; named here so that the catalogue holds it.
LIBRARY_WORDS = (
    _l("This field is required."), _l("Invalid input."), _l("Not a valid choice."), _l("Invalid Choice: could not coerce."),
    _l("Not a valid date value."), _l("Not a valid datetime value."), _l("Not a valid decimal value."), _l("Not a valid integer value."),
    _l("Number must be at least %(min)s."), _l("Number must be at most %(max)s."), _l("Number must be between %(min)s and %(max)s."),
    _l("Field must be between %(min)d and %(max)d characters long."), _l("Invalid URL."), _l("Invalid UUID."),
    _l("Field must be at least %(min)d characters long."), _l("Field cannot be longer than %(max)d characters."),
    _l("Field must be exactly %(max)d characters long."), _l("Field must be equal to %(other_name)s."),
    _l("Date must be at least %(min)s."), _l("Date must be at most %(max)s."), _l("Date must be between %(min)s and %(max)s."),
    _l("'%(value)s' are not valid choices for this field."), _l("Invalid choice(s): one or more data inputs could not be coerced."),
    _l("Invalid value, must be one of: %(values)s."), _l("Invalid value, can't be any of: %(values)s."), _l("Not a valid float value."),
    _l("Not a valid time value."), _l("Not a valid week value."), _l("Invalid email address."), _l("This field cannot be edited."),
    _l("This field is disabled and cannot have a value."),
)  # fmt: skip


class Wording:
    """WTForms' own messages, from our catalogue."""

    def gettext(self, message: str) -> str:
        """A message in the reader's language; WTForms fills the placeholders itself."""
        return str(_(message))

    def ngettext(self, _one: str, many: str, _n: int) -> str:
        """Vietnamese has no plural, and our English needs none here."""
        return self.gettext(many)


# The library's own catalogues know no Vietnamese. With `WTF_I18N_ENABLED` off (`trace.shown`), every field falls back to this.
Field._translations = Wording()  # noqa: SLF001  the one place where WTForms looks without being asked form by form


class PostForm(FlaskForm):
    """A form of a signed-in page, with its token against forged requests."""

    class Meta(FlaskForm.Meta):
        """Settings of WTForms, for forms that change one."""


def clean(text: str | None) -> str | None:
    """Text as it is kept, by the rule for all texts. Nothing stays nothing."""
    return None if text is None else kept_text.clean(text)


def whole_number(text: str) -> int:
    """Read "1.200", "1 200" or "1200". Raises ValueError for anything else, decimals included."""
    folded = unicodedata.normalize("NFKC", text).strip()
    if re.fullmatch(r"[+-]?\d{1,18}", folded) or re.fullmatch(r"[+-]?\d{1,3}([. \u00a0]\d{3}){1,5}", folded):
        return int(re.sub(r"[. \u00a0]", "", folded))
    raise ValueError(text)


def decimal_number(text: str) -> Decimal:
    """Read "1.234,5" or "0,35". A lone point with one or two digits behind it is taken for a comma."""
    folded = unicodedata.normalize("NFKC", text).strip()
    if re.fullmatch(r"-?\d{1,12}\.\d{1,2}", folded):
        return Decimal(folded)
    if not re.fullmatch(r"-?(\d{1,3}([. ]\d{3}){0,3}|\d{1,12})(,\d{1,6})?", folded):
        raise ValueError(text)
    return Decimal(re.sub(r"[. ]", "", folded).replace(",", "."))


BLANK = ("",)
"""What a field of blanks is taken for: `InputRequired` asks only whether something was sent, and a blank would pass it as None."""


class VietnameseInteger(IntegerField):
    """A whole number, with or without points between the thousands."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        if not valuelist:
            return
        self.data = None  # a field emptied by hand is empty, whatever it was offered with
        if not valuelist[0].strip():
            self.raw_data = [*BLANK]
            return
        try:
            self.data = whole_number(valuelist[0])
        except ValueError as exc:
            raise ValueError(_("Write a whole number, for example 1.200.")) from exc


class VietnameseDecimal(StringField):
    """A number with a comma before the decimals."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        self.raw = valuelist[0] if valuelist else ""
        self.data = None
        if not self.raw.strip():
            self.raw_data = [*BLANK]
            return
        try:
            self.data = decimal_number(self.raw)
        except ValueError as exc:
            raise ValueError(_("Write a number, for example 1.234,5.")) from exc

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        # "6,000" boxes would be read as six thousand.
        return "" if self.data is None else f"{Decimal(str(self.data)).normalize():f}".replace(".", ",")


class VietnameseDate(DateField):
    """A date day first; what a date picker sends is taken too."""

    data: Any

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, format=["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d"], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed, and refuse years that can only be slips."""
        if not valuelist or not " ".join(valuelist).strip():
            self.data, self.raw_data = None, [*BLANK]
            return
        try:
            super().process_formdata([unicodedata.normalize("NFKC", " ".join(valuelist)).strip()])
        except ValueError as exc:
            self.data = None
            raise ValueError(_("Write a date as day/month/year, for example 31/12/2026.")) from exc
        if self.data is not None and not date(2000, 1, 1) <= self.data <= date(2100, 1, 1):
            self.data = None
            raise ValueError(_("Check the year of this date."))


def enum_choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Choices of a select field, in the order of definition, named in the reader's language."""
    return [(member.value, say(member)) for member in kind]


class EnumField(SelectField):
    """A choice among the members of an enum; `data` is the member."""

    def __init__(
        self, label: Any = None, validators: Any = None, *, kind: type[StrEnum], blank: Any = None, **kwargs: Any
    ) -> None:
        self.kind = kind
        super().__init__(label, validators, coerce=self._member, choices=lambda: self._offered(blank), **kwargs)

    def _offered(self, blank: Any) -> list[tuple[str, str]]:
        return ([("", str(blank))] if blank is not None else []) + enum_choices(self.kind)

    def _member(self, value: Any) -> StrEnum | None:
        if value in (None, ""):
            return None
        return self.kind(getattr(value, "value", value))

    def pre_validate(self, _form: Any) -> None:
        """Anything that is no member was refused when it was read; an empty choice is left to the validators."""


class WardField(SelectField):
    """One of the city's communes, by code. The view fills `choices` with `places.choices(session)`."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, coerce=lambda value: value or None, validate_choice=False, **kwargs)

    def offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Give the field its communes, with an empty line first."""
        self.choices = [("", "–"), *choices]

    def pre_validate(self, _form: Any) -> None:
        """Refuse a code that is not among those offered."""
        offered: list[tuple[str, str]] = self.choices or []
        if self.data is not None and self.data not in {value for value, _label in offered}:
            raise ValidationError(_("Choose a ward or commune from the list."))


Filter = Callable[[Any], Any]
