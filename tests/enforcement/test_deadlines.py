"""Deadlines against answers worked out by hand on the calendar of Vietnam, and the gaps that must be refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from enforcement.deadlines import (
    DeadlineKind,
    Extension,
    Rule,
    Unit,
    due,
    extend,
    limitation,
    reckon,
    rule_at,
    time_to_fine,
)
from enforcement.errors import ExtensionTooLate, FineTimeBarred, NoRuleInForce, NotAnExtension
from enforcement.law_seed import AGREED, RULES
from trace.holidays import CALENDAR, DAYS
from trace.workdays import CalendarGap, working_days_left

HAIPHONG = ZoneInfo("Asia/Ho_Chi_Minh")


def at(text: str) -> datetime:
    """A moment in Hải Phòng from "dd/mm/yyyy" or "dd/mm/yyyy HH:MM"."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M" if " " in text else "%d/%m/%Y").replace(tzinfo=HAIPHONG)


def rule(amount: int, unit: Unit, **more: object) -> Rule:
    return Rule(DeadlineKind.DELIVERY, amount, unit, "–", "test", date(2020, 1, 1), **more)  # type: ignore[arg-type]


WD, DAY, MONTH = Unit.WORKING_DAYS, Unit.DAYS, Unit.MONTHS

# start, amount, unit, last day (to 23:59:59)                 # the working
BY_HAND = [
    # Tết 2026: 14–22 February off (Sat 14, Sun 15, Mon 16 – Fri 20 Tết, Sat 21, Sun 22)
    ("13/02/2026", 1, WD, "23/02/2026"),  # Fri; next worked day is Mon 23
    ("12/02/2026", 2, WD, "23/02/2026"),  # Thu; 13 (1), 23 (2)
    ("11/02/2026", 7, WD, "27/02/2026"),  # Wed; 12, 13, 23, 24, 25, 26, 27
    ("10/02/2026", 10, WD, "03/03/2026"),  # Tue; 11, 12, 13, 23–27 (8), 2/3 (9), 3/3 (10)
    ("18/02/2026", 2, WD, "24/02/2026"),  # starts within Tết; 23 (1), 24 (2)
    ("14/02/2026", 1, WD, "23/02/2026"),  # starts on the Saturday before
    ("06/02/2026", 10, DAY, "23/02/2026"),  # ends Mon 16/2, Tết: rolls over 16–22
    ("16/01/2026", 1, MONTH, "23/02/2026"),  # ends 16/2, Tết: rolls to 23/2
    # New Year 2026: 1/1 Thu, Fri 2/1 swapped for Sat 10/1
    ("31/12/2025", 2, WD, "06/01/2026"),  # Wed; 1–4 off, 5 (1), 6 (2)
    ("08/01/2026", 2, WD, "10/01/2026"),  # Thu; Fri 9 (1), Sat 10 worked (2)
    ("09/01/2026", 3, WD, "13/01/2026"),  # Fri; Sat 10 (1), Mon 12 (2), Tue 13 (3)
    ("24/12/2025", 5, WD, "31/12/2025"),  # Wed; 25, 26, 29, 30, 31: Christmas is worked
    ("31/12/2025", 10, DAY, "10/01/2026"),  # Sat 10/1 is worked: no rolling
    # Hùng Kings 2026: Sun 26/4, so Mon 27/4 off; 30/4 Thu, 1/5 Fri
    ("29/04/2026", 1, WD, "04/05/2026"),  # Wed; 30/4–3/5 off, Mon 4/5
    ("24/04/2026", 2, WD, "29/04/2026"),  # Fri; 25, 26, 27 off, 28 (1), 29 (2)
    ("23/04/2026", 7, WD, "07/05/2026"),  # Thu; 24, 28, 29, 4/5, 5/5, 6/5, 7/5
    ("20/04/2026", 10, DAY, "04/05/2026"),  # ends 30/4: rolls over 1/5 and the weekend
    ("26/03/2026", 1, MONTH, "28/04/2026"),  # ends Sun 26/4: Mon 27/4 off too
    # National Day 2026: Mon 31/8 swapped for Sat 22/8; 1/9, 2/9
    ("21/08/2026", 1, WD, "22/08/2026"),  # Fri; Sat 22/8 is worked
    ("28/08/2026", 1, WD, "03/09/2026"),  # Fri; 29/8–2/9 off
    ("24/08/2026", 7, WD, "07/09/2026"),  # Mon; 25–28 (4), 3/9 (5), 4/9 (6), Mon 7/9 (7)
    ("21/08/2026", 10, DAY, "03/09/2026"),  # ends Mon 31/8, off: rolls to Thu 3/9
    ("12/08/2026", 10, DAY, "22/08/2026"),  # ends Sat 22/8, worked: stays
    ("02/08/2026", 1, MONTH, "03/09/2026"),  # ends 2/9: rolls one day
    # Culture Day, 24/11, off from 2026 only
    ("20/11/2026", 2, WD, "25/11/2026"),  # Fri; Mon 23 (1), Tue 24 off, Wed 25 (2)
    ("19/11/2026", 7, WD, "01/12/2026"),  # Thu; 20, 23, 25, 26, 27, 30, 1/12
    ("24/10/2026", 1, MONTH, "25/11/2026"),  # ends 24/11: rolls
    ("21/11/2025", 1, WD, "24/11/2025"),  # Fri; in 2025 Mon 24/11 is an ordinary day
    # 2025
    ("24/01/2025", 1, WD, "03/02/2025"),  # Fri; 25/1–2/2 off
    ("04/04/2025", 1, WD, "08/04/2025"),  # Fri; Mon 7/4 Hùng Kings
    ("25/04/2025", 1, WD, "26/04/2025"),  # Fri; Sat 26/4 worked for 2/5
    ("29/04/2025", 1, WD, "05/05/2025"),  # Tue; 30/4–4/5 off
    ("29/08/2025", 1, WD, "03/09/2025"),  # Fri; Mon 1/9 and Tue 2/9 off
    # 2027
    ("29/04/2027", 1, WD, "04/05/2027"),  # Thu; Fri 30/4, Sat 1/5, Sun 2/5, Mon 3/5 in lieu of 1/5
    # ordinary spans and ends of months
    ("02/11/2026", 10, DAY, "12/11/2026"),  # Mon → Thu
    ("05/11/2026", 10, DAY, "16/11/2026"),  # ends Sun 15/11: rolls to Mon
    ("31/01/2026", 1, MONTH, "02/03/2026"),  # no 31/2: 28/2, a Saturday, rolls to Mon 2/3
    ("31/01/2025", 1, MONTH, "28/02/2025"),  # 28/2/2025 is a Friday
    ("31/08/2026", 1, MONTH, "30/09/2026"),  # no 31/9: Wed 30/9
    ("30/09/2026", 1, MONTH, "30/10/2026"),  # same number, not the last day
    ("15/12/2026", 2, MONTH, "15/02/2027"),  # over the turn of the year, a Monday
]


@pytest.mark.parametrize(("start", "amount", "unit", "last"), BY_HAND)
def test_the_last_day_is_the_one_worked_out_by_hand(start: str, amount: int, unit: Unit, last: str) -> None:
    assert due(at(start), rule(amount, unit), CALENDAR) == at(last) + timedelta(hours=23, minutes=59, seconds=59)


def test_the_hour_of_the_event_changes_nothing_but_the_local_day_does() -> None:
    two_days = rule(2, WD)
    assert due(at("12/02/2026 00:00"), two_days, CALENDAR) == due(at("12/02/2026 23:59"), two_days, CALENDAR)
    # 18:00 UTC on the 11th is already the 12th in Hải Phòng.
    assert due(datetime(2026, 2, 11, 18, tzinfo=UTC), two_days, CALENDAR).date() == date(2026, 2, 23)
    assert due(datetime(2026, 2, 11, 16, tzinfo=UTC), two_days, CALENDAR).date() == date(2026, 2, 13)


def test_hours_run_through_weekends_and_tet() -> None:
    assert due(at("14/02/2026 16:30"), rule(24, Unit.HOURS), CALENDAR) == at("15/02/2026 16:30")
    assert due(at("31/12/2027 23:00"), rule(48, Unit.HOURS), CALENDAR) == at("02/01/2028 23:00")  # needs no calendar


def test_a_rule_may_end_on_a_day_off() -> None:
    assert due(at("05/11/2026"), rule(10, DAY, rolls=False), CALENDAR).date() == date(2026, 11, 15)
    assert due(at("31/01/2026"), rule(1, MONTH, rolls=False), CALENDAR).date() == date(2026, 2, 28)


def test_the_reckoning_says_that_it_rolled_and_from_where() -> None:
    found = reckon(at("05/11/2026"), rule(10, DAY), CALENDAR)
    assert (found.rolled, found.before_rolling) == (True, date(2026, 11, 15))
    assert not reckon(at("02/11/2026"), rule(10, DAY), CALENDAR).rolled


def test_a_count_over_days_not_announced_yet_is_doubtful() -> None:
    over_tet = reckon(at("04/02/2027"), rule(1, WD), CALENDAR)
    assert over_tet.due.date() == date(2027, 2, 12)  # Thu; 5–11/2 off in both proposals
    assert over_tet.doubtful
    assert not reckon(at("12/02/2026"), rule(2, WD), CALENDAR).doubtful
    assert reckon(at("12/02/2026"), rule(2, WD, needs_verification=True), CALENDAR).doubtful


@pytest.mark.parametrize(
    ("start", "amount", "unit", "year"),
    [
        ("30/12/2027", 2, WD, 2028),  # Fri 31/12 (1), then 2028
        ("01/12/2027", 1, MONTH, 2028),  # ends 1/1/2028: worked or not, nobody has entered it
        ("20/12/2024", 1, WD, 2024),
    ],
)
def test_a_year_without_a_calendar_is_refused_by_name(start: str, amount: int, unit: Unit, year: int) -> None:
    with pytest.raises(CalendarGap) as refused:
        due(at(start), rule(amount, unit), CALENDAR)
    assert refused.value.facts["year"] == str(year)
    assert "%(year)s" in CalendarGap.message_id()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        due(datetime(2026, 11, 2), rule(1, WD), CALENDAR)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("end_of_act", "last"),
    [
        ("15/03/2025", "14/03/2027"),  # counts its first day; a Sunday, and does not roll
        ("01/03/2026", "29/02/2028"),  # the day before 1/3 of a leap year; beyond the calendar, which it does not need
        ("29/02/2024", "28/02/2026"),  # no 29/2 in 2026: the last day of the month, nothing more taken off
        ("01/01/2025", "31/12/2026"),
    ],
)
def test_limitation_for_intellectual_property_is_two_years(end_of_act: str, last: str) -> None:
    two_years = rule_at(RULES, DeadlineKind.LIMITATION_IP, date(2026, 11, 22))
    end = limitation(at(end_of_act), CALENDAR, two_years)
    assert end == at(last) + timedelta(hours=23, minutes=59, seconds=59)


def test_limitation_is_unknown_while_nobody_knows_when_the_act_ended() -> None:
    assert limitation(None, CALENDAR, rule_at(RULES, DeadlineKind.LIMITATION_IP, date(2026, 11, 22))) is None


@pytest.mark.parametrize(
    ("now", "end", "left"),
    [
        ("02/11/2026 08:00", "05/11/2026 23:59", 3),
        ("05/11/2026 08:00", "05/11/2026 23:59", 0),  # the last day
        ("20/11/2026 17:00", "25/11/2026 23:59", 2),  # Mon 23, Wed 25; 24 off
        ("13/02/2026 17:00", "23/02/2026 23:59", 1),  # over Tết
        ("05/11/2026 15:00", "05/11/2026 10:00", -1),  # an hours clock passed this morning
        ("07/11/2026 08:00", "06/11/2026 23:59", -1),  # Saturday after a Friday
        ("10/11/2026 08:00", "06/11/2026 23:59", -2),  # Mon 9, Tue 10
    ],
)
def test_working_days_left_are_negative_once_it_has_passed(now: str, end: str, left: int) -> None:
    assert working_days_left(at(now), at(end), CALENDAR) == left


def test_an_extension_counts_from_the_same_start() -> None:
    decision = rule_at(RULES, DeadlineKind.PENALTY_DECISION, date(2026, 11, 2))
    start = at("02/11/2026 09:00")
    first = due(start, decision, CALENDAR)
    assert first.date() == date(2026, 11, 11)  # Mon; 3, 4, 5, 6, 9, 10, 11
    ten, month, two_months = decision.extensions
    ends = [due(start, decision, CALENDAR, longer).date() for longer in (ten, month, two_months)]
    assert ends == [date(2026, 11, 16), date(2026, 12, 2), date(2027, 1, 4)]  # 2/1/2027 is a Saturday
    assert extend(start, decision, CALENDAR, extension=month, running_until=first, decided_at=first).date() == ends[1]


def test_an_extension_decided_after_the_end_does_not_count() -> None:
    decision = rule_at(RULES, DeadlineKind.PENALTY_DECISION, date(2026, 11, 2))
    start = at("02/11/2026")
    end = due(start, decision, CALENDAR)
    with pytest.raises(ExtensionTooLate):
        extend(
            start,
            decision,
            CALENDAR,
            extension=decision.extensions[1],
            running_until=end,
            decided_at=end + timedelta(seconds=1),
        )


def test_an_extension_that_the_rule_does_not_know_or_that_gains_nothing_is_refused() -> None:
    decision = rule_at(RULES, DeadlineKind.PENALTY_DECISION, date(2026, 11, 2))
    start = at("02/11/2026")
    with pytest.raises(NotAnExtension):
        due(start, decision, CALENDAR, Extension(6, Unit.MONTHS, "–"))
    with pytest.raises(NotAnExtension):
        extend(
            start,
            decision,
            CALENDAR,
            extension=decision.extensions[0],
            running_until=at("02/12/2026"),
            decided_at=start,
        )


def test_after_the_decisions_time_there_is_no_fine() -> None:
    end, limit = at("11/11/2026"), at("14/03/2027")
    time_to_fine(end, decision_due=end, limitation_end=limit)
    time_to_fine(end, decision_due=None, limitation_end=None)
    for late in (end + timedelta(seconds=1), limit + timedelta(days=1)):
        with pytest.raises(FineTimeBarred):
            time_to_fine(late, decision_due=end, limitation_end=limit)
    with pytest.raises(FineTimeBarred):
        time_to_fine(limit + timedelta(days=1), decision_due=None, limitation_end=limit)


def test_the_rule_of_the_day_is_taken() -> None:
    old = Rule(DeadlineKind.DELIVERY, 3, WD, "cũ", "1", date(2022, 1, 1), valid_to=date(2025, 7, 1))
    new = Rule(DeadlineKind.DELIVERY, 2, WD, "mới", "2", date(2025, 7, 1))
    assert rule_at([old, new], DeadlineKind.DELIVERY, date(2025, 6, 30)) is old
    assert rule_at([old, new], DeadlineKind.DELIVERY, date(2025, 7, 1)) is new
    for kind, day in ((DeadlineKind.DELIVERY, date(2021, 12, 31)), (DeadlineKind.SEIZURE, date(2026, 1, 1))):
        with pytest.raises(NoRuleInForce):
            rule_at([old, new], kind, day)


def test_every_clock_has_exactly_one_rule_today_with_basis_and_version() -> None:
    today = date(2026, 11, 22)
    in_force = [r for r in RULES if r.valid_from <= today and (r.valid_to is None or today < r.valid_to)]
    assert sorted(r.kind for r in (*in_force, *AGREED)) == sorted(DeadlineKind)
    assert all(r.basis and r.version for r in RULES)


def test_extensions_grow() -> None:
    for kept in RULES:
        ends = [due(at("02/03/2026"), kept, CALENDAR, longer) for longer in (None, *kept.extensions)]
        assert ends == sorted(set(ends)), kept.kind


def test_the_calendar_holds_each_day_once_and_every_row_changes_something() -> None:
    assert len({row.on for row in DAYS}) == len(DAYS)
    assert all(row.on.year in CALENDAR.years and row.source for row in DAYS)
    assert all(row.on.weekday() == 5 for row in DAYS if not row.off)
    assert {row.on.year for row in DAYS if not row.confirmed} == {2027}
    # Art. 112: 1 + 5 + 1 + 1 + 1 + 2 days, and Culture Day from 2026; days in lieu and swapped days apart.
    for year, days in ((2025, 11), (2026, 12), (2027, 12)):
        own = [
            row
            for row in DAYS
            if row.on.year == year and row.off and not row.name.startswith(("Nghỉ bù", "Nghỉ hoán đổi"))
        ]
        assert len(own) == days
