"""Field observations: the form on a phone, the page of one, the list."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import MultipleFileField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from enforcement import intake, observations, records
from enforcement.casebook import TEXT_MOST
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import VietnameseDate, WardField, clean
from trace.services import files
from trace.views import lists
from trace.views.once import once
from trace.words import explain, number, way_out

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from wtforms import Field

    from trace.models.files import StoredFile

bp = Blueprint("observations", __name__, url_prefix="/quan-sat")

POSITION = re.compile(r"(\d{1,2}[.,]\d{1,9})[,;\s]\s*(\d{1,3}[.,]\d{1,9})(?:\s*±\s*(\d{1,6}))?\s*m?")
CLOCK = re.compile(r"([01]?\d|2[0-3])[:hg.]([0-5]\d)")


class ObservationForm(FlaskForm):
    """What an inspector saw."""

    code = StringField(
        _l("Label code"),
        [Length(max=observations.CODE_MOST, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )
    commune = WardField(_l("Ward or commune"), [InputRequired(_l("Choose a ward or commune."))])
    place = StringField(
        _l("Shop, stall or address"),
        [DataRequired(_l("Write where it was.")), Length(max=200, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )
    note = TextAreaField(
        _l("What you saw"),
        [
            DataRequired(_l("Write what you saw.")),
            Length(max=TEXT_MOST, message=_l("Write at most %(max)d characters.")),
        ],
        filters=[clean],
    )
    shop_phone = StringField(
        _l("Telephone of the shop"), [Length(max=20, message=_l("Write at most %(max)d characters."))], filters=[clean]
    )
    position = StringField(
        _l("Position (latitude, longitude)"),
        [Length(max=60, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )
    photos = MultipleFileField(_l("Photos"))
    seen_on = VietnameseDate(_l("Day"), [InputRequired(_l("Write the day."))])
    seen_time = StringField(_l("Time"), [DataRequired(_l("Write the time."))], filters=[clean])

    def validate_seen_time(self, field: Field) -> None:
        """14:05, 14h05 or 14.05."""
        if not CLOCK.fullmatch(field.data or ""):
            raise ValidationError(_("Write the time as hours and minutes, for example 14:05."))

    def validate_shop_phone(self, field: Field) -> None:
        """A number as shops show them."""
        if field.data and records.phone(field.data) is None:
            raise ValidationError(_("Write a telephone number with 9 to 11 digits, for example 0225 3123456."))

    def validate_position(self, field: Field) -> None:
        """20.8449, 106.6881 or 20,8449 106,6881, with ±12 behind it where a phone knows how exact it is."""
        if field.data and POSITION.fullmatch(field.data) is None:
            raise ValidationError(_("Write latitude and longitude, for example 20,8449 106,6881."))

    def validate_photos(self, field: Field) -> None:
        """Not too many of them."""
        if len([upload for upload in field.data or [] if upload and upload.filename]) > observations.PHOTOS_MOST:
            raise ValidationError(_("Choose at most %(most)s photos.", most=observations.PHOTOS_MOST))

    @property
    def where(self) -> tuple[tuple[float, float] | None, int | None]:
        """The position, and within how many metres it is exact."""
        found = POSITION.fullmatch(self.position.data or "")
        if found is None:
            return None, None
        latitude, longitude, accuracy = found.groups()
        exact = min(int(accuracy), 100_000) if accuracy else None
        return (float(latitude.replace(",", ".")), float(longitude.replace(",", "."))), exact

    @property
    def seen_at(self) -> datetime:
        """Day and time together, in the city."""
        found = CLOCK.fullmatch(self.seen_time.data)
        hour, minute = (int(part) for part in found.groups()) if found else (0, 0)
        return datetime.combine(self.seen_on.data, time(hour, minute), clock.CITY)


@bp.get("")
@needs(May.OBSERVATION_READ)
def index() -> ResponseReturnValue:
    """Observations, latest first."""
    q, page = lists.text(), lists.page()
    rows, total = observations.recent(session(), q=q, page=page)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    return render_template(
        "desk/observations.html",
        rows=rows,
        total=total,
        chips=chips,
        page=page,
        pages=lists.pages(total, observations.PAGE),
    )


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.OBSERVATION_RECORD)
def new() -> ResponseReturnValue:
    """Record an observation; its signal is on the desk at once."""
    form = ObservationForm()
    form.commune.offer(lists.wards())

    def page(reasons: list[TemThatError] | None = None) -> str:
        told = [{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []]
        return render_template("desk/observation_new.html", form=form, reasons=told, most=observations.PHOTOS_MOST)

    if request.method != "POST":
        here = clock.now().astimezone(clock.CITY)
        form.code.data = (clean(request.args.get("code")) or "")[: observations.CODE_MOST]
        form.seen_on.data, form.seen_time.data = here.date(), f"{here:%H:%M}"
        return page()
    if not form.validate():
        return page(), 422
    with once("observations.new") as key:
        if key.done:
            return redirect(key.location, 303)
        at = clock.now()
        position, accuracy_m = form.where
        try:
            made = observations.record(
                session(),
                code_text=form.code.data,
                commune_code=form.commune.data,
                place=form.place.data,
                note=form.note.data,
                seen_at=form.seen_at,
                photos=_photos(form, at),
                keyring=current_app.extensions["keyring"].get(session()),
                by=person().id,
                at=at,
                shop_phone=form.shop_phone.data,
                position=position,
                accuracy_m=accuracy_m,
            )
        except TemThatError as exc:
            session().rollback()
            return page([exc]), exc.status
        key.settle(url_for(".show", observation_id=made.id))
        number = made.number
    session().commit()
    flash(_("Observation %(number)s is on the desk.", number=number), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:observation_id>")
@needs(May.OBSERVATION_READ)
def show(observation_id: UUID) -> ResponseReturnValue:
    """One observation and what became of it."""
    found = observations.get(session(), observation_id)
    return render_template(
        "desk/observation.html",
        found=found,
        position=_spoken(observations.position_of(session(), found), found.accuracy_m),
        signal=intake.of_observation(session(), observation_id),
    )


def _spoken(position: tuple[float, float] | None, accuracy_m: int | None) -> str | None:
    """20,844900 106,688100 ±12 m, as the form takes it."""
    if position is None:
        return None
    degrees = " ".join(number(value, 6) for value in position)
    return degrees if accuracy_m is None else f"{degrees} ±{number(accuracy_m)} m"


def _photos(form: ObservationForm, at: datetime) -> list[StoredFile]:
    store = current_app.config["TEMTHAT"].files_dir
    return [
        files.receive(session(), store, upload.stream, name=upload.filename, at=at, by=person().id, kinds=files.IMAGES)
        for upload in form.photos.data or []
        if upload and upload.filename
    ]
