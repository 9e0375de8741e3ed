"""The city's calendar in the database: put there from `trace.holidays`, read back as the pure object that counts.

Seeding again changes nothing that is the same. What must not live here: how long anything may take; that is a rule of a title or of
the law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from trace import holidays
from trace.models.holidays import Holiday
from trace.workdays import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy.orm import Session

VERSION = holidays.CALENDAR.version

UNDECIDED_NAME = "Ngày làm việc, có thể được hoán đổi"
UNDECIDED_SOURCE = "Các phương án nghỉ được đề xuất khác nhau ở ngày này; chưa thấy văn bản ban hành"


def seed(session: Session) -> None:
    """Bring the days of `trace.holidays` into the database."""
    for day, values in _days():
        session.execute(
            insert(Holiday).values(day=day, **values).on_conflict_do_update(index_elements=["day"], set_=values)
        )


def calendar(session: Session) -> Calendar:
    """The days that differ from their weekday. A year without rows is unknown, and counting across it is refused."""
    rows = session.scalars(select(Holiday)).all()
    return Calendar(
        holidays={row.day: row.name for row in rows if not row.is_worked},
        swapped=frozenset(row.day for row in rows if row.is_worked),
        years=frozenset(row.day.year for row in rows),
        doubtful=frozenset(row.day for row in rows if row.needs_verification),
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
