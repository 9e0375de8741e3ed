"""The forms of evidence: taking in, handing on, redacting, bundling. What must not live here: routes."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, FieldList, FormField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from enforcement import redaction
from enforcement.casebook import TEXT_MOST
from enforcement.evidence import Setting
from trace.clock import CITY
from trace.forms import VietnameseDate, VietnameseDecimal, VietnameseInteger, clean

if TYPE_CHECKING:
    from decimal import Decimal

LINE_MOST = 200
BOXES = 6
_POSITION = re.compile(r"([+-]?\d{1,3}(?:[.,]\d{1,9})?)\s*(?:[;\s]|,\s)\s*([+-]?\d{1,3}(?:[.,]\d{1,9})?)")
_TIME = re.compile(r"([01]?\d|2[0-3])[:hg.]([0-5]\d)")


def _line(*, needed: bool = True) -> list[Any]:
    most = Length(max=LINE_MOST, message=_l("Write at most %(max)d characters."))
    return [DataRequired(_l("Fill in this field.")), most] if needed else [Optional(), most]


def _text() -> list[Any]:
    most = Length(max=TEXT_MOST, message=_l("Write at most %(max)d characters."))
    return [DataRequired(_l("Fill in this field.")), most]


class TakeForm(FlaskForm):
    """A file that an officer brings, and where and with what it was taken."""

    file = FileField(_l("Photo, PDF or video"), [FileRequired(_l("Choose a file."))], id="evidence-file")
    title = StringField(_l("What it shows"), _line(), filters=[clean], id="evidence-title")
    origin = StringField(_l("Where it comes from"), _line(), filters=[clean], id="evidence-origin")
    taken_on = VietnameseDate(_l("Taken on"), [InputRequired(_l("Write the day."))], id="evidence-taken")
    taken_time = StringField(_l("At what time"), [Optional()], filters=[clean], id="evidence-time")
    place = StringField(_l("Place where it was taken"), _line(needed=False), filters=[clean], id="evidence-place")
    position = StringField(_l("Position"), [Optional()], filters=[clean], id="evidence-position")
    accuracy = VietnameseInteger(
        _l("Accuracy of the position (m)"),
        [Optional(), NumberRange(0, 100_000, message=_l("Write metres, from 0 to 100.000."))],
        id="evidence-accuracy",
    )
    device = StringField(_l("Device"), _line(needed=False), filters=[clean], id="evidence-device")

    def validate_position(self, field: StringField) -> None:
        """Latitude and longitude, if any."""
        if field.data and _place(field.data) is None:
            raise ValidationError(_("Write latitude and longitude in degrees, for example 20,8561; 106,6822."))

    def validate_accuracy(self, field: VietnameseInteger) -> None:
        """An accuracy is one of a position."""
        if field.data is not None and not self.position.data:
            raise ValidationError(_("Write the position too, or leave the accuracy empty."))

    def validate_taken_time(self, field: StringField) -> None:
        """Hours and minutes, if any."""
        if field.data and not _TIME.fullmatch(field.data):
            raise ValidationError(_("Write hours and minutes, for example 14:05."))

    @property
    def taken_at(self) -> datetime:
        """The moment, in the city's time; without hours the beginning of the day."""
        found = _TIME.fullmatch(self.taken_time.data or "")
        hour = time(int(found[1]), int(found[2])) if found else time.min
        return datetime.combine(self.taken_on.data, hour, CITY)

    @property
    def setting(self) -> Setting:
        """Where and with what."""
        where = _place(self.position.data or "")
        return Setting(self.place.data or None, where, self.accuracy.data if where else None, self.device.data or None)


def _place(text: str) -> tuple[float, float] | None:
    found = _POSITION.fullmatch(text)
    if not found:
        return None
    lat, lon = (float(part.replace(",", ".")) for part in found.groups())
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


class OfferForm(FlaskForm):
    """A piece to another person's keeping."""

    to = SelectField(_l("To whom"), [InputRequired(_l("Choose an officer."))], id="offer-to")
    place = StringField(_l("Where it will be kept"), _line(), filters=[clean], id="offer-place")
    note = StringField(_l("Note"), _line(needed=False), filters=[clean], id="offer-note")


class ReassignForm(FlaskForm):
    """A piece of somebody who has left to another person's keeping."""

    to = SelectField(_l("To whom"), [InputRequired(_l("Choose an officer."))], id="reassign-to")
    place = StringField(_l("Where it will be kept"), _line(), filters=[clean], id="reassign-place")
    paper = StringField(_l("On which paper"), _line(), filters=[clean], id="reassign-paper")
    reason = StringField(_l("Why the keeper does not do it"), _line(), filters=[clean], id="reassign-reason")


class RefuseForm(FlaskForm):
    """Why a piece was not received."""

    reason = StringField(_l("Why it was not received"), _line(), filters=[clean], id="refuse-reason")


class BoxForm(FlaskForm):
    """A rectangle on a picture, in percent."""

    class Meta(FlaskForm.Meta):
        """The token is that of the form around."""

        csrf = False

    left = VietnameseDecimal(_l("From the left (%)"), [Optional()])
    top = VietnameseDecimal(_l("From the top (%)"), [Optional()])
    width = VietnameseDecimal(_l("Width (%)"), [Optional()])
    height = VietnameseDecimal(_l("Height (%)"), [Optional()])

    @property
    def figures(self) -> list[Decimal | None]:
        """What was written, in order."""
        return [self.left.data, self.top.data, self.width.data, self.height.data]

    def validate(self, extra_validators: Any = None) -> bool:
        """All four numbers, or none."""
        good = bool(super().validate(extra_validators))
        given = [figure is not None for figure in self.figures]
        if good and any(given) and not all(given):
            self.left.errors = [_("A rectangle needs all four numbers.")]
            return False
        return good


class RedactForm(FlaskForm):
    """Rectangles to make black, and why."""

    boxes = FieldList(FormField(BoxForm), min_entries=BOXES, max_entries=redaction.MOST_BOXES)
    reason = StringField(_l("Why these parts are covered"), _line(), filters=[clean], id="redact-reason")

    @property
    def areas(self) -> list[redaction.Box]:
        """The rectangles that were given."""
        given = [entry.form.figures for entry in self.boxes]
        return [tuple(float(figure) for figure in figures) for figures in given if None not in figures]  # type: ignore[misc]


class BringForm(FlaskForm):
    """A copy that was redacted outside."""

    file = FileField(_l("Redacted file"), [FileRequired(_l("Choose a file."))], id="bring-file")
    reason = StringField(_l("Why these parts are covered"), _line(), filters=[clean], id="bring-reason")


class BundleForm(FlaskForm):
    """The whole case as one file."""

    reason = TextAreaField(_l("For whom and why"), _text(), filters=[clean], id="bundle-reason")
    shared = BooleanField(_l("Use the redacted copies instead of the originals that have one"), id="bundle-shared")
