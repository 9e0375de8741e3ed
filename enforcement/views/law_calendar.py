"""The calendar of days off, year by year: to read for the desk, to enter for heads and administrators, looking first at what would change."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, FieldList, Form, FormField, StringField
from wtforms.validators import DataRequired, Length

from enforcement import intake_clocks, law, timekeeping
from enforcement.views.law import SOURCE_MOST, bp, tabs
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid, TemThatError
from trace.forms import VietnameseDate, clean
from trace.holidays import DayRow
from trace.services import history, workdays
from trace.views import lists
from trace.views.lists import Choice
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

FIRST_YEAR, LAST_YEAR = 2020, 2060
EMPTY_LINES = 4
MOST_DAYS = 60
SHOWN_CLOCKS = 50
NAME_MOST = 200


class DayNameless(Invalid):
    """Each day needs its date and its name.

    Fill in both, or empty the line to take the day out.
    """


class DayForm(Form):
    """One day that differs from its weekday; a line without a day is none."""

    on = VietnameseDate(_l("Day"))
    kind = Choice(_l("What it is"), choices=[("off", _l("Off")), ("worked", _l("Worked"))], default="off")
    name = StringField(_l("Name of the day"), [Length(max=NAME_MOST)], filters=[clean])
    source = StringField(_l("By which text"), [Length(max=SOURCE_MOST)], filters=[clean])
    confirmed = BooleanField(_l("Announced"))


class CalendarForm(FlaskForm):
    """All days of a year at once."""

    days = FieldList(FormField(DayForm), max_entries=MOST_DAYS)
    source = StringField(
        _l("Reason and text"),
        [DataRequired(_l("Write by which text the calendar is entered.")), Length(max=SOURCE_MOST)],
        filters=[clean],
    )


@bp.get("/lich")
@needs(May.LAW_READ)
def calendars() -> ResponseReturnValue:
    """The years that are complete, and the next one that is not."""
    years = workdays.years(session())
    return render_template(
        "desk/law_calendars.html",
        law_tabs=tabs("calendar"),
        years=[(year, workdays.days_of(session(), year.year)) for year in years],
        missing=max((year.year for year in years), default=lists.today().year - 1) + 1,
    )


@bp.get("/lich/<int:year>")
@needs(May.LAW_READ)
def calendar(year: int) -> ResponseReturnValue:
    """The days off of one year."""
    _check_year(year)
    return _page(year, None)


@bp.post("/lich/<int:year>")
@needs(May.CALENDAR_EDIT)
def enter_calendar(year: int) -> ResponseReturnValue:
    """Look at what the calendar of a year would change, or enter it."""
    _check_year(year)
    form = CalendarForm()
    if not form.validate():
        return _page(year, form), 422
    try:
        days = _days(form)
        planned = workdays.with_year(session(), year, days)
    except TemThatError as exc:
        return _page(year, form, reasons=[exc]), exc.status
    if request.form.get("step") != "enter":
        moved = timekeeping.would_change(session(), planned, _changed(year, days))
        return _page(year, form, preview=_preview(year, days, moved))
    with once("law.calendar") as key:
        if key.done:
            return redirect(key.location, 303)
        at = clock.now()
        changed = _changed(year, days)
        workdays.enter_year(session(), year, days, source=form.source.data, by=person().id, at=at)
        count = timekeeping.flag(session(), at=at, days=changed)
        count += intake_clocks.flag(session(), law=law.load(session()), at=at)
        key.settle(url_for(".calendar", year=year))
    session().commit()
    flash(_("The calendar has been entered. Clocks that it would move: %(n)s. Their officers take that over.", n=count), "success")  # fmt: skip
    return redirect(key.location, 303)


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise workdays.DayOutsideYear(day=str(year), year=f"{FIRST_YEAR}–{LAST_YEAR}")


def _days(form: CalendarForm) -> list[DayRow]:
    found = []
    for line in form.days.data:
        if not line["on"] and not line["name"]:
            continue
        if not line["on"] or not line["name"]:
            raise DayNameless
        found.append(
            DayRow(line["on"], line["name"], line["source"] or form.source.data, line["kind"] == "off", line["confirmed"])
        )  # fmt: skip
    return sorted(found, key=lambda row: row.on)


def _changed(year: int, days: list[DayRow]) -> set[date]:
    """The days on which offices would work or not, other than they do by the calendar in use."""
    was = {(row.on, row.off) for row in workdays.days_of(session(), year)}
    return {on for on, _off in was ^ {(row.on, row.off) for row in days}}


def _preview(year: int, days: list[DayRow], moved: list[Any]) -> dict[str, Any]:
    was = workdays.days_of(session(), year)
    cases = person().may(May.CASE_READ)
    return {
        "came": [row for row in days if row not in was],
        "went": [row for row in was if row not in days],
        "moved": len(moved),
        # Whoever keeps the calendar and reads no case sees how many clocks move, and of which kind, and no case.
        "clocks": [(clock_, new, number if cases else "–") for clock_, new, number in moved[:SHOWN_CLOCKS]],
    }


def _page(
    year: int,
    form: CalendarForm | None,
    *,
    preview: dict[str, Any] | None = None,
    reasons: list[TemThatError] | None = None,
) -> str:
    days = workdays.days_of(session(), year)
    if form is None:
        offered = days or [DayRow(date(year, month, day), name, "", confirmed=False) for month, day, name in FIXED]
        lines: list[dict[str, Any]] = [
            {"on": row.on, "kind": "off" if row.off else "worked", "name": row.name, "source": row.source, "confirmed": row.confirmed}
            for row in offered
        ]  # fmt: skip
        form = CalendarForm(formdata=None, data={"days": [*lines, *({} for _line in range(EMPTY_LINES))]})
    return render_template(
        "desk/law_calendar.html",
        law_tabs=tabs("calendar"),
        year=year,
        days=days,
        known=next((each for each in workdays.years(session()) if each.year == year), None),
        form=form,
        preview=preview,
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []],
        past=history.of(session(), workdays.year_id(year)),
    )


# What the Labour Code fixes by the solar calendar; Tết and the Hùng Kings follow the moon and are entered by a person.
FIXED = ((1, 1, "Tết Dương lịch"), (4, 30, "Ngày Chiến thắng"), (5, 1, "Ngày Quốc tế lao động"), (9, 2, "Quốc khánh"), (11, 24, "Ngày Văn hóa Việt Nam"))  # fmt: skip
