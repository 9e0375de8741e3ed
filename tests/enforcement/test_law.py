"""Promises of the law data: seeded as written, once however often, and read back the same to the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, text, update

from enforcement import law, law_seed
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NoRuleInForce
from enforcement.models import DeadlineRule
from tests import factories
from trace import holidays
from trace.models.holidays import CalendarYear, Holiday
from trace.models.parties import AppUser
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def test_the_law_is_seeded_once_however_often(session: Session) -> None:
    law.seed(session)
    law.seed(session)
    assert factories.count(session, DeadlineRule) == len(law_seed.RULES)
    read = law.load(session)
    assert set(read.rules) == {*law_seed.RULES, *law_seed.AGREED}
    assert read.calendar.doubtful == holidays.CALENDAR.doubtful
    for year in (2025, 2026, 2027):
        day = date(year, 1, 1)
        while day.year == year:
            assert read.calendar.is_working(day) == holidays.CALENDAR.is_working(day), day
            day += timedelta(days=1)


def test_a_correction_reaches_a_database_that_was_seeded_before(session: Session) -> None:
    law.seed(session)
    row = session.get_one(Holiday, date(2026, 9, 2))
    row.name = "sai"
    session.flush()
    law.seed(session)
    session.refresh(row)
    assert row.name == "Quốc khánh"


def test_what_is_not_entered_is_refused_not_guessed(session: Session) -> None:
    law.seed(session)
    read = law.load(session)
    with pytest.raises(CalendarGap):
        read.calendar.is_working(date(2031, 1, 2))
    with pytest.raises(NoRuleInForce):
        read.rule(DeadlineKind.DELIVERY, date(2020, 1, 1))
    with pytest.raises(NoRuleInForce):
        read.rule_of(DeadlineKind.DELIVERY, "khác")


def test_the_law_is_read_once_a_transaction_and_again_when_it_was_written(
    session: Session, statements: list[str]
) -> None:
    law.seed(session)
    session.commit()
    before = law.load(session)
    statements.clear()
    assert law.load(session) is before
    assert statements == []
    session.execute(update(AppUser).values(locale="en"))
    factories.user(session, "mau", "Người mẫu", datetime(2026, 6, 1, tzinfo=UTC))
    assert law.load(session) is before, "what is not law changes nothing"
    row = session.scalars(select(DeadlineRule).where(DeadlineRule.needs_verification)).first()
    assert row
    row.needs_verification = False
    session.flush()
    confirmed = law.load(session)
    assert [each.needs_verification for each in confirmed.rules].count(True) + 1 == [
        each.needs_verification for each in before.rules
    ].count(True)
    for change in (delete(CalendarYear), text("DELETE FROM holiday")):
        known = law.load(session)
        session.execute(change)
        assert law.load(session) is not known
    session.rollback()
    assert law.load(session).calendar == before.calendar
    session.add(Holiday(day=date(2031, 2, 3), name="Nghỉ mẫu", source="mẫu", is_worked=False, needs_verification=True))
    session.flush()
    assert law.load(session).calendar != before.calendar
