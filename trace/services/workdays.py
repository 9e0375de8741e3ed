"""The city's calendar in the database: put there from `trace.holidays`, entered by hand year by year, read back as the pure object that counts.

Seeding again changes nothing that is the same, and nothing in a year that somebody entered. What must not live here: how long anything may
take; that is a rule of a title or of the law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import delete, extract, func, select
from sqlalchemy.dialects.postgresql import insert

from trace import holidays
from trace.errors import Invalid
from trace.holidays import DayRow
from trace.models.holidays import CalendarYear, Holiday
from trace.services import history
from trace.workdays import SATURDAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

VERSION = holidays.CALENDAR.version

UNDECIDED_NAME = "Ngày làm việc, có thể được hoán đổi"
UNDECIDED_SOURCE = "Các phương án nghỉ được đề xuất khác nhau ở ngày này; chưa thấy văn bản ban hành"
SEED_SOURCE = "Nhập cùng chương trình"


class DayOutsideYear(Invalid):
    """%(day)s does not lie in the year %(year)s.

    Enter each day with the calendar of its own year.
    """


class DayTwice(Invalid):
    """%(day)s is listed twice.

    Keep one line for each day.
    """


class WorkedAnyway(Invalid):
    """%(day)s is a working day already, so it cannot be worked in exchange.

    Only a Saturday or Sunday is worked in exchange for another day.
    """


class NoDays(Invalid):
    """A calendar year without a single day off is not complete.

    Enter the public holidays of the year first.
    """


def seed(session: Session) -> None:
    """Bring the days of `trace.holidays` into the database, save of years that somebody entered by hand."""
    by_hand = set(session.scalars(select(CalendarYear.year).where(CalendarYear.entered_by.is_not(None))))
    if days := [{"day": day, **values} for day, values in _days() if day.year not in by_hand]:
        put = insert(Holiday)
        told = {name: put.excluded[name] for name in days[0] if name != "day"}
        session.connection().execute(put.on_conflict_do_update(index_elements=["day"], set_=told), days)
    if whole := [{"year": year, "source": SEED_SOURCE} for year in sorted(holidays.CALENDAR.years - by_hand)]:
        session.connection().execute(insert(CalendarYear).on_conflict_do_nothing(), whole)


def calendar(session: Session) -> Calendar:
    """The days that differ from their weekday. A year that nobody declared complete is unknown, and counting across it is refused."""
    rows = session.scalars(select(Holiday)).all()
    years = frozenset(session.scalars(select(CalendarYear.year)))
    return _calendar(
        [DayRow(row.day, row.name, row.source, not row.is_worked, not row.needs_verification) for row in rows], years
    )


def years(session: Session) -> Sequence[CalendarYear]:
    """The years that are complete, the latest first."""
    return session.scalars(select(CalendarYear).order_by(CalendarYear.year.desc())).all()


def days_of(session: Session, year: int) -> list[DayRow]:
    """The days of one year that differ from their weekday, in order."""
    rows = session.scalars(select(Holiday).where(extract("year", Holiday.day) == year).order_by(Holiday.day))
    return [DayRow(row.day, row.name, row.source, not row.is_worked, not row.needs_verification) for row in rows]


def with_year(session: Session, year: int, days: Sequence[DayRow]) -> Calendar:
    """The calendar as it would be with this year entered so: for looking what would change."""
    check(year, days)
    others = [
        DayRow(row.day, row.name, row.source, not row.is_worked, not row.needs_verification)
        for row in session.scalars(select(Holiday).where(extract("year", Holiday.day) != year))
    ]
    known = frozenset(session.scalars(select(CalendarYear.year))) | {year}
    return _calendar([*others, *days], known)


def check(year: int, days: Sequence[DayRow]) -> None:
    """Refuse what cannot be the calendar of a year."""
    seen: set[date] = set()
    if not any(row.off for row in days):
        raise NoDays
    for row in days:
        spoken = f"{row.on:%d/%m/%Y}"
        if row.on.year != year:
            raise DayOutsideYear(day=spoken, year=str(year))
        if row.on in seen:
            raise DayTwice(day=spoken)
        # A weekday that may still be taken off is entered as worked and flagged.
        if not row.off and row.confirmed and row.on.weekday() < SATURDAY:
            raise WorkedAnyway(day=spoken)
        seen.add(row.on)


def enter_year(
    session: Session, year: int, days: Sequence[DayRow], *, source: str, by: UUID, at: datetime
) -> tuple[list[DayRow], list[DayRow]]:
    """Put the whole calendar of a year in place of what was there; returns the days that came and those that went."""
    check(year, days)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"calendar:{year}"))))
    was = days_of(session, year)
    came = [row for row in days if row not in was]
    went = [row for row in was if row not in days]
    session.execute(delete(Holiday).where(extract("year", Holiday.day) == year))
    session.add_all(
        Holiday(
            day=row.on, name=row.name, source=row.source, is_worked=not row.off, needs_verification=not row.confirmed
        )
        for row in days
    )
    stamp = {"source": source, "entered_at": at, "entered_by": by}
    session.execute(
        insert(CalendarYear)
        .values(year=year, **stamp)
        .on_conflict_do_update(index_elements=["year"], set_=stamp)
    )  # fmt: skip
    session.flush()
    changes: dict[str, tuple[object, object]] = {f"{row.on:%d/%m/%Y}": (_spoken(row), None) for row in went}
    for row in came:
        key = f"{row.on:%d/%m/%Y}"
        changes[key] = (changes.get(key, (None, None))[0], _spoken(row))
    history.record(session, "calendar:enter", year_id(year), by=by, at=at, changes=changes, why=source)
    return came, went


def year_id(year: int) -> UUID:
    """Under which id the deeds to a year's calendar are kept."""
    return uuid5(NAMESPACE_URL, f"calendar:{year}")


def _spoken(row: DayRow) -> str:
    return f"{'nghỉ' if row.off else 'làm việc'} · {row.name}{'' if row.confirmed else ' (cần kiểm chứng)'}"


def _calendar(rows: Sequence[DayRow], years: frozenset[int]) -> Calendar:
    return Calendar(
        holidays={row.on: row.name for row in rows if row.off},
        swapped=frozenset(row.on for row in rows if not row.off),
        years=years,
        doubtful=frozenset(row.on for row in rows if not row.confirmed),
        version=VERSION,
    )


def _days() -> Iterator[tuple[date, dict[str, Any]]]:
    for row in holidays.DAYS:
        yield (
            row.on,
            {
                "name": row.name,
                "source": row.source,
                "is_worked": not row.off,
                "needs_verification": not row.confirmed,
            },
        )
    # A working day that one proposal would take off: worked until somebody decides otherwise, and flagged.
    for day in holidays.CALENDAR.doubtful.difference(row.on for row in holidays.DAYS):
        yield (
            day,
            {
                "name": UNDECIDED_NAME,
                "source": UNDECIDED_SOURCE,
                "is_worked": True,
                "needs_verification": True,
            },
        )
