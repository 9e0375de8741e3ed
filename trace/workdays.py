"""The calendar of working days and counting in it: for the deadlines of the case desk and the service times of the register alike.

Pure: the moment and the calendar are arguments. The days themselves are in `trace.holidays`, and in the database as
`trace.services.workdays` reads them. What must not live here: how long anything may take.
"""

from __future__ import annotations

import calendar as gregorian
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from trace.clock import CITY
from trace.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

SATURDAY = 5


class CalendarGap(Conflict):
    """The holiday calendar of %(year)s has not been entered, so the deadline cannot be counted.

    Enter the days off and the swapped working days of that year first.
    """


@dataclass(frozen=True)
class Calendar:
    """Which days are worked: Monday to Friday without `holidays`, and the Saturdays in `swapped`.

    `doubtful` days are entered but not announced yet; a deadline that passes over one says so.
    """

    holidays: Mapping[date, str]
    swapped: frozenset[date]
    years: frozenset[int]
    doubtful: frozenset[date] = field(default_factory=frozenset)
    version: str = ""

    def is_working(self, day: date) -> bool:
        """Whether offices work on this day. Raises `CalendarGap` for a year nobody has entered."""
        if day.year not in self.years:
            raise CalendarGap(year=str(day.year))
        return day in self.swapped or (day.weekday() < SATURDAY and day not in self.holidays)

    def working_day_from(self, day: date) -> date:
        """This day, if worked, or the next that is."""
        while not self.is_working(day):
            day += timedelta(days=1)
        return day

    def after(self, day: date, working_days: int) -> date:
        """The n-th working day after this day, which itself is not counted."""
        for _ in range(working_days):
            day = self.working_day_from(day + timedelta(days=1))
        return day

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`."""
        return sum(self.is_working(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))

    def doubtful_between(self, first: date, last: date) -> bool:
        """Whether a day not announced yet lies in the span, so that the count may still change."""
        return any(first <= day <= last for day in self.doubtful)


def working_days_left(now: datetime, due: datetime, calendar: Calendar) -> int:
    """Working days from tomorrow up to the day of the deadline; 0 on its last day.

    Negative once it has passed: the working days gone by since, at least −1 from the first second.
    """
    today, last = now.astimezone(CITY).date(), due.astimezone(CITY).date()
    if now > due:
        return -max(1, calendar.between(last, today))
    return calendar.between(today, last)


def last_day(calendar: Calendar, start: datetime, working_days: int) -> date | None:
    """The last day of a service time that began at a moment; None where the calendar of the year has not been entered.

    An applicant is not turned away because nobody entered next year's holidays yet: the day is filled in once it is.
    """
    try:
        return calendar.after(start.astimezone(CITY).date(), working_days)
    except CalendarGap:
        return None


def days_left(calendar: Calendar, today: date, due_on: date) -> int:
    """Working days from tomorrow to the last day; 0 on that day, negative once it has passed.

    Calendar days where the calendar of a year has not been entered.
    """
    try:
        if today > due_on:
            return -max(1, calendar.between(due_on, today))
        return calendar.between(today, due_on)
    except CalendarGap:
        return (due_on - today).days


def months_later(day: date, months: int) -> date:
    """The same day so many calendar months later, or the last day of a month that has no such day."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, gregorian.monthrange(year, month0 + 1)[1]))
