"""Law as data: a new version follows, nothing is edited, a confirmation says who compared it with what; the calendar year by year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from enforcement import law, law_seed, lawbook
from enforcement.bracket_seed import BracketRow
from enforcement.brackets import bracket
from enforcement.competence import Field, LegalQualification, Signer, ceiling
from enforcement.deadlines import DeadlineKind, Rule, Unit
from enforcement.errors import (
    AlreadyConfirmed,
    AlreadyEnds,
    BracketEndsMixed,
    NotAfterTheOld,
    OverlapsLaw,
    RemindersUnfit,
    VersionTaken,
)
from enforcement.law_seed import FieldMaximum, Power, Reminding
from enforcement.models import DeadlineRule, FineBracket, LawTable, SeizurePower
from tests.conftest import NOW
from trace.errors import NotFound
from trace.holidays import DayRow
from trace.models.history import History
from trace.services import workdays

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests import factories

START = date(2027, 1, 1)


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def test_a_new_version_holds_from_its_day_and_the_old_one_until_then(session: Session, world: factories.World) -> None:
    rule = Rule(DeadlineKind.DELIVERY, 3, Unit.WORKING_DAYS, "Nghị định mẫu", "ND-MAU", START)
    lawbook.enter_rule(session, rule, source="Công báo mẫu", by=world.branch_head.id, at=NOW)
    read = law.load(session)
    assert read.rule(DeadlineKind.DELIVERY, date(2026, 12, 31)).amount == 2
    assert read.rule(DeadlineKind.DELIVERY, START) == rule
    assert read.rule_of(DeadlineKind.DELIVERY, "ND190-2025").amount == 2
    written = session.scalars(select(History).where(History.deed == "law:enter")).one()
    assert (written.by, written.why, written.changes["version"]) == (
        world.branch_head.id,
        "Công báo mẫu",
        ["ND190-2025", "ND-MAU"],
    )
    law.seed(session)  # what a head entered survives the next start of the programme
    assert law.load(session).rule(DeadlineKind.DELIVERY, START) == rule


def test_a_version_cannot_come_twice_nor_begin_before_the_one_in_force(
    session: Session, world: factories.World
) -> None:
    rule = Rule(DeadlineKind.DELIVERY, 3, Unit.WORKING_DAYS, "–", "ND190-2025", START)
    with pytest.raises(VersionTaken):
        lawbook.enter_rule(session, rule, source="–", by=world.branch_head.id, at=NOW)
    for day in (law_seed.MERGER, date(2024, 1, 1)):
        with pytest.raises(NotAfterTheOld):
            lawbook.enter_rule(
                session, replace(rule, version="khác", valid_from=day), source="–", by=world.branch_head.id, at=NOW
            )


def test_a_row_of_law_is_never_edited_nor_deleted(session: Session) -> None:
    row = session.scalars(select(DeadlineRule).where(DeadlineRule.kind == DeadlineKind.DELIVERY)).one()
    for change in ({"amount": 9}, {"basis": "khác"}, {"needs_verification": True}):
        with pytest.raises(IntegrityError, match="never overwritten"), session.begin_nested():
            session.execute(update(DeadlineRule).where(DeadlineRule.id == row.id).values(**change))
    with pytest.raises(IntegrityError, match="never overwritten"), session.begin_nested():
        session.execute(delete(DeadlineRule).where(DeadlineRule.id == row.id))


def test_a_confirmation_takes_the_flag_away_once_and_says_who_and_what(
    session: Session, world: factories.World
) -> None:
    row = session.scalars(select(DeadlineRule).where(DeadlineRule.kind == DeadlineKind.EXECUTION)).one()
    lawbook.confirm(
        session, LawTable.DEADLINE_RULE, row.id, source="Luật, Điều 73, Công báo", by=world.team_head.id, at=NOW
    )
    assert not law.load(session).rule(DeadlineKind.EXECUTION, START).needs_verification
    _row, enterer, kept = lawbook.row_of(session, LawTable.DEADLINE_RULE, row.id)
    assert enterer is None  # it came with the programme
    assert kept is not None
    assert (kept.by, kept.source) == (world.team_head.id, "Luật, Điều 73, Công báo")
    with pytest.raises(AlreadyConfirmed):
        lawbook.confirm(session, LawTable.DEADLINE_RULE, row.id, source="–", by=world.team_head.id, at=NOW)
    law.seed(session)
    assert not law.load(session).rule(DeadlineKind.EXECUTION, START).needs_verification


def test_a_bracket_entered_by_a_head_decides_from_its_day(session: Session, world: factories.World) -> None:
    row = BracketRow(
        LegalQualification.COUNTERFEIT_GOODS, making=False, above=0, upto=3_000_000, low=1_000_000, top=2_000_000, basis="Điều 12 mẫu",
        version="V1", valid_from=START,
    )  # fmt: skip
    lawbook.enter_bracket(session, row, source="–", by=world.branch_head.id, at=NOW)
    rows = law.load(session).brackets
    found = bracket(LegalQualification.COUNTERFEIT_GOODS, 2_000_000, organisation=True, on=START, rows=rows)
    assert found is not None
    assert (found.low, found.top) == (2_000_000, 4_000_000)
    assert (
        bracket(LegalQualification.COUNTERFEIT_GOODS, 2_000_000, organisation=True, on=date(2026, 12, 31), rows=rows)
        is None
    )
    with pytest.raises(OverlapsLaw):
        lawbook.enter_bracket(
            session, replace(row, above=1_000_000, version="V2"), source="–", by=world.branch_head.id, at=NOW
        )
    for wrong in (replace(row, top=1), replace(row, above=5_000_000), replace(row, above=None)):
        with pytest.raises(BracketEndsMixed):
            lawbook.enter_bracket(session, wrong, source="–", by=world.branch_head.id, at=NOW)
    assert session.scalars(
        select(FineBracket).where(FineBracket.qualification == LegalQualification.COUNTERFEIT_GOODS)
    ).one()


def test_new_tiers_follow_rows_that_end_and_old_days_keep_the_old(session: Session, world: factories.World) -> None:
    by, gi = world.branch_head.id, LegalQualification.GI_INFRINGEMENT
    new = BracketRow(
        gi, making=False, above=0, upto=5_000_000, low=1_000_000, top=4_000_000, basis="Nghị định mẫu", version="ND-MAU", valid_from=START
    )  # fmt: skip
    with pytest.raises(OverlapsLaw), session.begin_nested():
        lawbook.enter_bracket(session, new, source="Công báo mẫu", by=by, at=NOW)
    tiers = FineBracket.qualification == gi, FineBracket.making.is_(False), FineBracket.upto <= 5_000_000
    old = session.scalars(select(FineBracket).where(*tiers, FineBracket.above.is_not(None))).all()
    assert len(old) == 2
    for row in old:
        lawbook.end(session, LawTable.FINE_BRACKET, row.id, on=START, source="Công báo mẫu", by=by, at=NOW)
    lawbook.enter_bracket(session, new, source="Công báo mẫu", by=by, at=NOW)
    rows = law.load(session).brackets

    def at(worth: int, on: date) -> str | None:
        found = bracket(gi, worth, organisation=False, on=on, rows=rows)
        return found.version if found else None

    before = date(2026, 12, 31)
    assert [at(worth, START) for worth in (1_000_000, 4_000_000)] == ["ND-MAU"] * 2
    assert {at(worth, before) for worth in (1_000_000, 4_000_000)} == {old[0].version}
    deed = lawbook.ended(session, LawTable.FINE_BRACKET, old[0].id)
    assert deed is not None
    assert (deed.by, deed.why, deed.changes) == (by, "Công báo mẫu", {"valid_to": [None, "2027-01-01"]})
    law.seed(session)  # what the programme knows does not come back
    assert law.load(session).brackets == rows


@pytest.mark.parametrize("table", LawTable)
def test_any_row_of_law_ends_once_after_its_first_day(
    session: Session, world: factories.World, table: LawTable
) -> None:
    model = lawbook.MODELS[table]
    row = session.scalars(select(model).order_by(model.id).limit(1)).one()

    def end(on: date, row_id: int = row.id) -> None:
        lawbook.end(session, table, row_id, on=on, source="Công báo mẫu", by=world.branch_head.id, at=NOW)

    with pytest.raises(NotAfterTheOld):
        end(row.valid_from)
    end(START)
    assert row.valid_to == START
    for later in (START, date(2028, 1, 1)):
        with pytest.raises(AlreadyEnds):
            end(later)
    end(date(2026, 12, 1))  # it may come to light that it ended before
    with pytest.raises(NotFound):
        end(START, row_id=10**9)


def test_who_may_not_seize_any_more_is_said_by_ending_the_row(session: Session, world: factories.World) -> None:
    row = session.scalars(select(SeizurePower).where(SeizurePower.signer == Signer.TEAM_HEAD)).one()
    lawbook.end(session, LawTable.SEIZURE_POWER, row.id, on=START, source="Luật mẫu", by=world.branch_head.id, at=NOW)
    assert Signer.TEAM_HEAD in law.seizers(session, date(2026, 12, 31))
    assert Signer.TEAM_HEAD not in law.seizers(session, START)


def test_a_missing_maximum_and_a_new_power_are_entered_as_data(session: Session, world: factories.World) -> None:
    before = law.load(session).figures
    assert law.fields_without_maximum(before, START) == [Field.TRADE_AND_FAKE_GOODS]
    by = world.branch_head.id
    maximum = FieldMaximum(Field.TRADE_AND_FAKE_GOODS, 200_000_000, "Điều 24 mẫu", "V1", START)
    lawbook.enter_maximum(session, maximum, source="–", by=by, at=NOW)
    lawbook.enter_power(session, Power(Signer.TEAM_HEAD, 20, 2, "–", "V2", START), source="–", by=by, at=NOW)
    figures = law.load(session).figures
    assert law.fields_without_maximum(figures, START) == []
    team = {"organisation": False, "field": Field.TRADE_AND_FAKE_GOODS, "figures": figures}
    assert ceiling(Signer.TEAM_HEAD, on=START, **team) == 40_000_000  # type: ignore[arg-type]


def test_reminders_are_data_with_limits(session: Session, world: factories.World) -> None:
    lawbook.set_reminders(session, DeadlineKind.SEIZURE, Reminding((1, 5, 5), 1, 3), by=world.team_head.id, at=NOW)
    assert law.reminding(session)[DeadlineKind.SEIZURE] == Reminding((5, 1), 1, 3)
    assert set(law.reminding(session)) == set(DeadlineKind)
    for wrong in (
        Reminding((0,), 0, 0),
        Reminding((1,), 3, 2),
        Reminding((1, 2, 3, 4, 5, 6), 0, 0),
        Reminding((1,), -1, 0),
    ):
        with pytest.raises(RemindersUnfit):
            lawbook.set_reminders(session, DeadlineKind.SEIZURE, wrong, by=world.team_head.id, at=NOW)


def test_a_year_counts_only_when_it_was_entered_whole_and_what_a_person_entered_stays(
    session: Session, world: factories.World
) -> None:
    days = [DayRow(date(2028, 1, 1), "Tết Dương lịch", "–"), DayRow(date(2028, 1, 29), "Làm bù", "TB", off=False)]
    assert 2028 not in workdays.calendar(session).years
    came, went = workdays.enter_year(session, 2028, days, source="TB 2028", by=world.branch_head.id, at=NOW)
    assert (came, went) == (days, [])
    calendar = workdays.calendar(session)
    assert calendar.is_working(date(2028, 1, 29))
    assert not calendar.is_working(date(2028, 1, 30))
    changed = [row for row in workdays.days_of(session, 2026) if row.on != date(2026, 11, 24)]
    workdays.enter_year(session, 2026, changed, source="Sửa", by=world.branch_head.id, at=NOW)
    law.seed(session)
    assert workdays.calendar(session).is_working(date(2026, 11, 24))


@pytest.mark.parametrize(
    ("days", "refusal"),
    [
        ([], workdays.NoDays),
        ([DayRow(date(2029, 1, 1), "–", "–")], workdays.DayOutsideYear),
        ([DayRow(date(2028, 1, 3), "–", "–"), DayRow(date(2028, 1, 3), "–", "–")], workdays.DayTwice),
        ([DayRow(date(2028, 1, 3), "–", "–"), DayRow(date(2028, 1, 4), "–", "–", off=False)], workdays.WorkedAnyway),
    ],
)
def test_what_cannot_be_a_calendar_is_refused(
    session: Session, world: factories.World, days: list[DayRow], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        workdays.enter_year(session, 2028, days, source="–", by=world.branch_head.id, at=NOW)
    assert 2028 not in workdays.calendar(session).years
