"""Ends of clocks worked out by hand on the calendar of Vietnam. No date here was computed by the code that it checks.

Each line: which clock, from when, by which extension if any (its place in the rule, from 1), the last moment in time, and how the days were
counted. Days off used below, beside Saturdays and Sundays:
1/1/2026 Thu and 2/1 Fri (worked instead on Sat 10/1) · 16–20/2/2026 Tết (Mon–Fri) · 27/4/2026 Mon · 30/4 Thu, 1/5 Fri · 31/8/2026 Mon
(worked instead on Sat 22/8), 1/9 Tue, 2/9 Wed · 24/11/2026 Tue · 1/1/2027 Fri · 5–11/2/2027 Tết as proposed · 16/4/2027 Fri ·
30/4/2027 Fri, 3/5/2027 Mon · in 2025: 30/4 Wed, 1/5 Thu, 2/5 Fri (worked instead on Sat 26/4), 1/9 Mon, 2/9 Tue.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from enforcement.deadlines import DeadlineKind as K
from enforcement.deadlines import extend, reckon, rule_at
from enforcement.errors import AgreedBeforeStart
from enforcement.law_seed import AGREED, RULES
from trace.holidays import CALENDAR

HAIPHONG = ZoneInfo("Asia/Ho_Chi_Minh")


class Case(NamedTuple):
    kind: K
    began: str
    place: int | None  # which extension of the rule, from 1
    ends: str  # a day stands for its last second
    working: str


CASES = [
    # Decision of a fine: 7 working days; 10 if the file goes to another signer; 1 month; 2 months.
    Case(K.PENALTY_DECISION, "05/01/2026 09:00", None, "13/01/2026", "6,7,8,9, Sat 10 worked (5), 12, 13"),
    Case(
        K.PENALTY_DECISION, "31/12/2025 16:00", None, "12/01/2026", "1–4 off; 5,6,7,8,9 (5), Sat 10 worked (6), 12 (7)"
    ),
    Case(K.PENALTY_DECISION, "09/02/2026 08:00", None, "25/02/2026", "10,11,12,13 (4), 14–22 off, 23 (5), 24, 25"),
    Case(K.PENALTY_DECISION, "13/02/2026 17:30", None, "03/03/2026", "Tết off; 23–27 (5), 2/3 (6), 3/3 (7)"),
    Case(K.PENALTY_DECISION, "17/02/2026 10:00", None, "03/03/2026", "begins within Tết: 23–27 (5), 2/3, 3/3"),
    Case(
        K.PENALTY_DECISION, "22/04/2026 10:00", None, "06/05/2026", "23,24 (2), 27 off, 28,29 (4), 30/4–3/5 off, 4,5,6"
    ),
    Case(K.PENALTY_DECISION, "20/08/2026 10:00", None, "28/08/2026", "21 (1), Sat 22 worked (2), 24–28 (7)"),
    Case(K.PENALTY_DECISION, "26/08/2026 10:00", None, "09/09/2026", "27,28 (2), 31/8–2/9 off, 3,4 (4), 7,8,9"),
    Case(K.PENALTY_DECISION, "18/11/2026 10:00", None, "30/11/2026", "19,20 (2), 23 (3), 24 off, 25,26,27 (6), 30 (7)"),
    Case(K.PENALTY_DECISION, "28/12/2026 10:00", None, "07/01/2027", "29,30,31 (3), 1–3 off, 4,5,6,7"),
    Case(
        K.PENALTY_DECISION,
        "22/04/2025 10:00",
        None,
        "05/05/2025",
        "23,24,25 (3), Sat 26 worked (4), 28,29 (6), 30/4–4/5 off, Mon 5/5 (7)",
    ),
    Case(K.PENALTY_DECISION, "05/01/2026 09:00", 1, "16/01/2026", "ten: 6–9 (4), Sat 10 (5), 12–16 (10)"),
    Case(K.PENALTY_DECISION, "09/02/2026 08:00", 1, "02/03/2026", "ten: 10–13 (4), 23–27 (9), 2/3 (10)"),
    Case(K.PENALTY_DECISION, "19/01/2026 08:00", 2, "23/02/2026", "one month: 19/2 is Tết, on to Mon 23/2"),
    Case(
        K.PENALTY_DECISION,
        "31/03/2026 08:00",
        2,
        "04/05/2026",
        "one month: no 31/4, so 30/4, off; 1/5 off, Sat, Sun; Mon 4/5",
    ),
    Case(K.PENALTY_DECISION, "02/03/2026 08:00", 3, "04/05/2026", "two months: Sat 2/5, Sun 3/5, Mon 4/5"),
    Case(K.PENALTY_DECISION, "31/12/2025 08:00", 3, "02/03/2026", "two months: no 31/2, Sat 28/2, on to Mon 2/3"),
    Case(K.PENALTY_DECISION, "01/07/2026 08:00", 3, "03/09/2026", "two months: 1/9 off, 2/9 off, Thu 3/9"),
    # Seizure: the same lengths.
    Case(K.SEIZURE, "21/08/2026 15:00", None, "03/09/2026", "Sat 22 worked (1), 24–28 (6), 31/8–2/9 off, 3/9 (7)"),
    Case(K.SEIZURE, "11/02/2026 15:00", None, "27/02/2026", "12,13 (2), 23–27 (7)"),
    Case(K.SEIZURE, "11/02/2026 15:00", 1, "04/03/2026", "ten: 12,13 (2), 23–27 (7), 2,3,4/3"),
    Case(K.SEIZURE, "24/10/2026 15:00", 2, "25/11/2026", "one month: Tue 24/11 off, Wed 25"),
    Case(K.SEIZURE, "30/06/2026 15:00", 3, "03/09/2026", "two months: 30/8 Sun, 31/8–2/9 off, Thu 3/9"),
    # Record of the violation: 2 working days, 5 if complex; 3 after the assessor's result.
    Case(K.VIOLATION_RECORD, "30/12/2025 09:00", None, "05/01/2026", "31 (1), 1–4 off, 5 (2)"),
    Case(K.VIOLATION_RECORD, "08/01/2026 09:00", None, "10/01/2026", "9 (1), Sat 10 worked (2)"),
    Case(K.VIOLATION_RECORD, "13/02/2026 09:00", None, "24/02/2026", "23, 24"),
    Case(K.VIOLATION_RECORD, "20/08/2026 09:00", None, "22/08/2026", "21 (1), Sat 22 worked (2)"),
    Case(K.VIOLATION_RECORD, "28/08/2026 09:00", None, "04/09/2026", "29/8–2/9 off; 3, 4"),
    Case(K.VIOLATION_RECORD, "23/11/2026 09:00", None, "26/11/2026", "24 off; 25, 26"),
    Case(K.VIOLATION_RECORD, "28/04/2026 09:00", 1, "07/05/2026", "five: 29 (1), 30/4–3/5 off, 4, 5, 6, 7"),
    Case(K.RECORD_AFTER_ASSESSMENT, "29/04/2026 09:00", None, "06/05/2026", "30/4–3/5 off; 4, 5, 6"),
    Case(K.RECORD_AFTER_ASSESSMENT, "12/02/2026 09:00", None, "24/02/2026", "13 (1), 23, 24"),
    Case(K.VIOLATION_RECORD, "29/04/2027 09:00", None, "05/05/2027", "Fri 30/4, Sat, Sun, Mon 3/5 off; 4, 5"),
    # Explanation: 2 working days by word, 5 in writing, 10 if complex.
    Case(K.EXPLANATION_ORAL_REQUEST, "20/11/2026 11:00", None, "25/11/2026", "Mon 23 (1), 24 off, 25 (2)"),
    Case(K.EXPLANATION_WRITTEN, "12/02/2026 11:00", None, "26/02/2026", "13 (1), 23–26 (5)"),
    Case(K.EXPLANATION_WRITTEN, "12/02/2026 11:00", 1, "05/03/2026", "ten: 13 (1), 23–27 (6), 2,3,4,5/3"),
    Case(K.EXPLANATION_WRITTEN, "27/08/2026 11:00", None, "08/09/2026", "28 (1), 31/8–2/9 off, 3,4 (3), 7,8"),
    # Inspection.
    Case(K.INSPECTION_START, "24/04/2026 08:00", None, "06/05/2026", "27 off; 28,29 (2), 30/4–3/5 off, 4,5,6"),
    Case(K.INSPECTION_ON_SITE, "13/02/2026 08:00", None, "25/02/2026", "23, 24, 25"),
    Case(K.INSPECTION_ON_SITE, "21/08/2026 08:00", None, "25/08/2026", "Sat 22 worked (1), 24, 25"),
    Case(K.INSPECTION_ON_SITE, "21/08/2026 08:00", 1, "27/08/2026", "five: Sat 22 (1), 24–27 (5)"),
    Case(K.POST_VERIFICATION, "06/02/2026 08:00", None, "23/02/2026", "ten days: Mon 16/2, Tết, on to Mon 23/2"),
    Case(K.POST_VERIFICATION, "05/02/2026 08:00", 1, "02/03/2026", "25 days: 5 + 25 = 30/2 = Mon 2/3"),
    Case(
        K.POST_VERIFICATION,
        "06/03/2026 08:00",
        2,
        "15/04/2026",
        "40 days: 25 left in March to 31, then 15/4, a Wednesday",
    ),
    Case(K.POST_VERIFICATION, "21/08/2026 08:00", None, "03/09/2026", "ten days: Mon 31/8 off, 1/9, 2/9 off, Thu 3/9"),
    Case(K.POST_VERIFICATION, "12/08/2026 08:00", None, "22/08/2026", "ten days: Sat 22/8 is worked, no rolling"),
    Case(K.NO_VIOLATION_NOTICE, "31/12/2025 08:00", None, "07/01/2026", "1–4 off; 5, 6, 7"),
    # Serving and carrying out.
    Case(K.DELIVERY, "31/12/2026 17:00", None, "05/01/2027", "1–3 off; Mon 4, Tue 5"),
    Case(
        K.DELIVERY,
        "04/02/2027 17:00",
        None,
        "15/02/2027",
        "5–11 off as proposed; Fri 12 (1), Mon 15 (2); still in doubt",
    ),
    Case(K.DELIVERY_POSTING, "13/02/2026 17:00", None, "03/03/2026", "23–27 (5), 2/3, 3/3"),
    Case(K.DEEMED_SERVED, "27/08/2026 17:00", None, "04/09/2026", "28 (1), 31/8–2/9 off, 3 (2), 4 (3)"),
    Case(K.EXECUTION, "14/11/2026 17:00", None, "25/11/2026", "ten days: Tue 24/11 off, Wed 25"),
    Case(K.EXECUTION, "21/04/2026 17:00", None, "04/05/2026", "ten days: Fri 1/5 off, Sat, Sun, Mon 4/5"),
    Case(K.EXECUTION, "18/02/2025 17:00", None, "28/02/2025", "ten days to the end of February, a Friday"),
    Case(K.EXECUTION, "06/04/2027 17:00", None, "19/04/2027", "ten days: Fri 16/4 off, Mon 19/4"),
    Case(
        K.ENFORCEABILITY,
        "15/06/2026 00:00",
        None,
        "14/06/2027",
        "counts its first day; ends the day before the date, does not roll",
    ),
    Case(K.ENFORCEABILITY, "01/03/2027 00:00", None, "29/02/2028", "the day before 1/3 of a leap year"),
    # Limitation: counts its first day, rolls over nothing.
    Case(
        K.LIMITATION_IP, "16/02/2024 00:00", None, "15/02/2026", "a Sunday, and the Sunday before Tết: it does not roll"
    ),
    Case(K.LIMITATION_IP, "02/09/2024 00:00", None, "01/09/2026", "National Day: it does not roll"),
    Case(
        K.LIMITATION_IP,
        "29/02/2024 00:00",
        None,
        "28/02/2026",
        "no 29/2 in 2026: the last of February, nothing more off",
    ),
    Case(K.LIMITATION_IP, "01/01/2025 00:00", None, "31/12/2026", "two whole years"),
    Case(K.LIMITATION_GENERAL, "31/08/2025 00:00", None, "30/08/2026", "a Sunday"),
    Case(K.LIMITATION_GENERAL, "29/02/2024 00:00", None, "28/02/2025", "no 29/2 in 2025"),
    # Complaints and denunciations.
    Case(K.COMPLAINT_ACCEPT, "20/08/2026 08:00", None, "03/09/2026", "ten days: Sun 30/8, then off until Thu 3/9"),
    Case(K.COMPLAINT_RESOLVE, "31/01/2026 08:00", None, "02/03/2026", "thirty days: 28 in February, 2/3, a Monday"),
    Case(
        K.COMPLAINT_RESOLVE,
        "15/07/2026 08:00",
        1,
        "03/09/2026",
        "45 days: 16 to 31/7, 29 more is Sat 29/8; off until Thu 3/9",
    ),
    Case(K.DENUNCIATION_ACCEPT, "12/02/2026 08:00", None, "02/03/2026", "13 (1), 23–27 (6), 2/3 (7)"),
    Case(
        K.DENUNCIATION_ACCEPT,
        "18/11/2026 08:00",
        1,
        "03/12/2026",
        "ten: 19,20 (2), 23 (3), 25,26,27 (6), 30/11 (7), 1,2,3/12",
    ),
    Case(
        K.DENUNCIATION_RESOLVE, "18/01/2026 08:00", None, "23/02/2026", "thirty days: 13 to 31/1, 17/2 Tết, on to 23/2"
    ),
    Case(K.REQUEST_REVIEW, "09/02/2026 08:00", None, "02/03/2026", "ten working days: 10–13 (4), 23–27 (9), 2/3 (10)"),
    # Hours run through nights, weekends, Tết and the end of a year to the minute.
    Case(K.REPORT_UP, "31/12/2025 23:45", None, "01/01/2026 23:45", "24 hours over midnight and New Year"),
    Case(K.REPORT_UP, "14/02/2026 16:30", None, "15/02/2026 16:30", "24 hours on a weekend"),
    Case(K.INS_UPLOAD, "13/02/2026 17:05", None, "15/02/2026 17:05", "48 hours into Tết"),
    Case(
        K.INS_UPLOAD,
        "27/02/2028 10:00",
        None,
        "29/02/2028 10:00",
        "48 hours into a leap day; no calendar of 2028 is needed",
    ),
    Case(K.PLATFORM_TAKEDOWN, "31/08/2026 00:01", None, "01/09/2026 00:01", "24 hours on days off"),
]

# Extensions by decision: the clock, its beginning, the place of the extension, when it was decided (in time), the end before and the new one.
EXTENDED = [
    (
        K.PENALTY_DECISION,
        "09/02/2026 08:00",
        1,
        "25/02/2026 23:59",
        "25/02/2026",
        "02/03/2026",
    ),  # on the last day; ten from the same start
    (
        K.PENALTY_DECISION,
        "18/11/2026 10:00",
        2,
        "30/11/2026 08:00",
        "30/11/2026",
        "18/12/2026",
    ),  # one month from 18/11, a Friday
    (
        K.PENALTY_DECISION,
        "26/08/2026 10:00",
        3,
        "09/09/2026 08:00",
        "09/09/2026",
        "26/10/2026",
    ),  # two months from 26/8, a Monday
    (
        K.SEIZURE,
        "24/12/2025 15:00",
        2,
        "31/12/2025 10:00",
        "06/01/2026",
        "26/01/2026",
    ),  # 25,26,29,30,31 (5), 5, 6; one month: Sat 24/1, Mon 26/1
    (
        K.POST_VERIFICATION,
        "06/02/2026 08:00",
        1,
        "20/02/2026 08:00",
        "23/02/2026",
        "03/03/2026",
    ),  # 25 days: 22 to 28/2, three in March
    (
        K.EXPLANATION_WRITTEN,
        "27/08/2026 11:00",
        1,
        "08/09/2026 16:00",
        "08/09/2026",
        "15/09/2026",
    ),  # ten: …8 (5), 9,10,11,14,15
]


def moment(text: str) -> datetime:
    """A moment in the city; a day alone is its last second."""
    if " " in text:
        return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=HAIPHONG)
    day = datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=HAIPHONG)
    return day + timedelta(hours=23, minutes=59, seconds=59)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.kind}-{case.began[:10].replace('/', '.')}-{case.place or 0}"
)
def test_the_clock_ends_when_the_hand_says(case: Case) -> None:
    began = moment(case.began)
    rule = rule_at(RULES, case.kind, max(began.date(), date(2022, 1, 1)))
    extension = rule.extensions[case.place - 1] if case.place else None
    assert reckon(began, rule, CALENDAR, extension).due == moment(case.ends), case.working


@pytest.mark.parametrize(("kind", "began", "place", "decided", "before", "after"), EXTENDED)
def test_an_extension_in_time_ends_when_the_hand_says(
    kind: K, began: str, place: int, decided: str, before: str, after: str
) -> None:
    start = moment(began)
    rule = rule_at(RULES, kind, start.date())
    assert reckon(start, rule, CALENDAR).due == moment(before)
    longer = extend(
        start,
        rule,
        CALENDAR,
        extension=rule.extensions[place - 1],
        running_until=moment(before),
        decided_at=moment(decided),
    )
    assert longer == moment(after)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert len({(case.kind, case.began, case.place) for case in CASES}) == len(CASES)
    assert {case.kind for case in CASES} == set(K) - {K.ASSESSMENT}


@pytest.mark.parametrize(
    ("began", "agreed", "ends"),
    [
        ("15/06/2026 09:00", "01/07/2026", "01/07/2026"),  # a Wednesday
        ("15/06/2026 09:00", "20/06/2026", "20/06/2026"),  # a Saturday stays: it was agreed on
        ("09/02/2026 16:30", "18/02/2026", "18/02/2026"),  # so does a day of Tết
        ("15/06/2026 23:00", "15/06/2026", "15/06/2026"),  # the same day, to its end
        ("30/12/2027 08:00", "15/01/2029", "15/01/2029"),  # no calendar of that year is needed
    ],
)
def test_an_agreed_day_ends_when_it_was_agreed_whatever_the_calendar_says(began: str, agreed: str, ends: str) -> None:
    rule = rule_at(AGREED, K.ASSESSMENT, moment(began).date())
    found = reckon(moment(began), rule, CALENDAR, agreed_on=moment(agreed).date())
    assert (found.due, found.rolled, found.doubtful) == (moment(ends), False, False)


def test_no_day_is_agreed_on_that_lies_before_the_beginning() -> None:
    rule = rule_at(AGREED, K.ASSESSMENT, date(2026, 6, 15))
    with pytest.raises(AgreedBeforeStart):
        reckon(moment("15/06/2026 09:00"), rule, CALENDAR, agreed_on=date(2026, 6, 14))
