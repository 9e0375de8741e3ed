"""Counting in the city's calendar, against answers worked out by hand, and what happens where nobody has entered a year."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from trace.holidays import CALENDAR
from trace.workdays import days_left, last_day, months_later


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2026-08-20T03:00", 2, date(2026, 8, 22)),  # Fri 21, Sat 22 worked in exchange
        ("2026-08-20T17:30", 1, date(2026, 8, 22)),  # half past midnight of the 21st in Hải Phòng
        ("2026-08-28T03:00", 1, date(2026, 9, 3)),  # over the weekend, Mon 31/8 swapped, 1/9, 2/9
        ("2026-02-13T03:00", 3, date(2026, 2, 25)),  # over Tết
        ("2027-12-30T03:00", 5, None),  # 2028 has not been entered
    ],
)
def test_a_service_time_ends_on_a_working_day(start: str, days: int, last: date | None) -> None:
    assert last_day(CALENDAR, datetime.fromisoformat(start).replace(tzinfo=UTC), days) == last


@pytest.mark.parametrize(
    ("today", "due", "left"),
    [
        (date(2026, 8, 20), date(2026, 8, 24), 3), (date(2026, 8, 24), date(2026, 8, 24), 0), (date(2026, 8, 25), date(2026, 8, 24), -1),
        (date(2026, 8, 23), date(2026, 8, 22), -1),  # a Sunday: late, though no working day has gone by
        (date(2026, 9, 3), date(2026, 8, 28), -1), (date(2026, 9, 4), date(2026, 8, 28), -2),
        (date(2027, 12, 30), date(2028, 1, 4), 5),  # calendar days where the year is unknown
    ],
)  # fmt: skip
def test_what_is_left_counts_down_through_nothing_to_late(today: date, due: date, left: int) -> None:
    assert days_left(CALENDAR, today, due) == left


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2024, 2, 29), 12, date(2025, 2, 28)), (date(2026, 11, 22), 36, date(2029, 11, 22)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)  # fmt: skip
def test_months_are_calendar_months(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later
