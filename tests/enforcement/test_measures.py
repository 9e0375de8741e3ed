"""Promises of measures: who may decide on a seizure by the dated rows of law, that an exhibit is seized once, and that an agreed day is a clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from enforcement import authority, exhibits, law, lawbook, measures, police, reminding, terms, timekeeping
from enforcement.deadlines import DeadlineKind
from enforcement.law_seed import SeizurePower as Power
from enforcement.law_seed import Signer
from enforcement.measures import MeasureFacts
from enforcement.models import (
    CaseFile,
    CasePaper,
    Deadline,
    DeadlineReminder,
    DelegationScope,
    EndedAs,
    Exhibit,
    ExhibitDeed,
    ExhibitState,
    Measure,
    MeasureKind,
    MeasureResult,
    PaperKind,
    ReckoningCause,
    SeizurePower,
)
from enforcement.transitions import Duty, Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import NotFound, Refused, broken_constraint

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

TODAY = NOW.date()


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


@pytest.fixture
def thing(session: Session, case: CaseFile, world: factories.World) -> Exhibit:
    facts = exhibits.ExhibitFacts("Cuộn tem mẫu", Decimal(3), "cuộn", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    return exhibits.add(
        session,
        case.id,
        facts,
        seal_number=None,
        document_number=None,
        by=world.officer.id,
        at=NOW + timedelta(minutes=10),
    )


def seize(
    session: Session, case: CaseFile, thing: Exhibit, by: UUID, duty: Duty, number: str = "20/QĐ-TG"
) -> CasePaper:
    at = NOW + timedelta(minutes=20)
    facts = MeasureFacts(MeasureKind.SEIZURE, number, "Tạm giữ tem", "Hộ mẫu", at, exhibit_ids=(thing.id,))
    return measures.begin(session, case.id, facts, by=by, duties={duty}, at=at).paper


def test_an_officer_seizes_nothing_and_is_told_who_may(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    with pytest.raises(measures.MayNotSeize) as refused:
        seize(session, case, thing, world.officer.id, Duty.OFFICER)
    assert refused.value.facts["who"] == [Signer.TEAM_HEAD, Signer.BRANCH_HEAD]
    assert factories.count(session, CasePaper, CasePaper.kind == PaperKind.SEIZURE) == 0
    assert thing.measure_id is None


@pytest.mark.parametrize(
    ("duty", "signer"), [(Duty.TEAM_HEAD, Signer.TEAM_HEAD), (Duty.BRANCH_HEAD, Signer.BRANCH_HEAD)]
)
def test_a_head_seizes_by_a_numbered_decision(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World, duty: Duty, signer: Signer
) -> None:
    paper = seize(session, case, thing, world.team_head.id, duty)
    assert (paper.number, paper.capacity) == ("20/QĐ-TG", signer)


def test_an_officer_seizes_under_a_delegation_of_measures_and_not_of_penalties(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    def delegate(scope: DelegationScope, number: str) -> None:
        authority.delegate(
            session, from_id=world.team_head.id, to_id=world.officer.id, scope=scope, decision_number=number, starts_on=TODAY, ends_on=TODAY,
            by=world.team_head.id, at=NOW,
        )  # fmt: skip

    delegate(DelegationScope.PENALTIES, "1/QĐ-GQ")
    with pytest.raises(measures.MayNotSeize):
        seize(session, case, thing, world.officer.id, Duty.OFFICER)
    delegate(DelegationScope.MEASURES, "2/QĐ-GQ")
    paper = seize(session, case, thing, world.officer.id, Duty.OFFICER)
    assert (paper.capacity, paper.delegation_number) == (Signer.TEAM_HEAD, "2/QĐ-GQ")


def test_who_may_seize_is_dated_law_that_a_head_enters_and_it_is_flagged_until_confirmed(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    assert all(row.needs_verification for row in session.scalars(select(SeizurePower)))
    later = Power(Signer.INSPECTOR, "Luật mẫu Điều 125", "MAU-2026", date(2026, 6, 15))
    lawbook.enter_seizure_power(session, later, source="Công báo mẫu", by=world.branch_head.id, at=NOW)
    assert law.seizers(session, date(2026, 6, 14)) == {Signer.TEAM_HEAD, Signer.BRANCH_HEAD}
    assert law.seizers(session, TODAY) == {Signer.INSPECTOR, Signer.TEAM_HEAD, Signer.BRANCH_HEAD}
    assert seize(session, case, thing, world.officer.id, Duty.OFFICER).capacity is Signer.INSPECTOR


def test_without_any_row_nobody_seizes(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    for row in session.scalars(select(SeizurePower)):
        row.valid_to = TODAY
    session.flush()
    with pytest.raises(measures.MayNotSeize) as refused:
        seize(session, case, thing, world.branch_head.id, Duty.BRANCH_HEAD)
    assert refused.value.facts["who"] == "–"


# ---------------------------------------------------------------- an exhibit is seized once


def end(session: Session, case: CaseFile, found: Measure, result: MeasureResult, by: UUID, minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    measures.end(
        session, case.id, found.id, result=result, ended_at=at, document_number="VB-1", note=None, by=by, at=at
    )


def running(session: Session, case: CaseFile) -> Measure:
    [found] = measures.running(session, [case.id])
    return found


def test_the_time_of_a_seizure_does_not_begin_anew_under_another_number(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    by = world.team_head.id
    seize(session, case, thing, by, Duty.TEAM_HEAD)
    late = NOW + timedelta(days=30)  # long after the seven working days
    again = MeasureFacts(MeasureKind.SEIZURE, "21/QĐ-TG", "Tạm giữ tem", "Hộ mẫu", late, exhibit_ids=(thing.id,))
    with pytest.raises(measures.SeizedAlready) as refused:
        measures.begin(session, case.id, again, by=by, duties={Duty.TEAM_HEAD}, at=late)
    assert refused.value.facts == {"seq": "1", "number": "20/QĐ-TG"}
    assert (running(session, case).paper.number, thing.measure_id) == ("20/QĐ-TG", running(session, case).id)


def test_what_is_gone_is_not_seized_and_every_exhibit_is_named(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    by, at = world.team_head.id, NOW + timedelta(minutes=40)
    facts = exhibits.ExhibitFacts("Hộp mẫu", Decimal(1), "hộp", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    other = exhibits.add(session, case.id, facts, by=by, at=NOW + timedelta(minutes=11))
    seize(session, case, thing, by, Duty.TEAM_HEAD)
    end(session, case, running(session, case), MeasureResult.RETURNED, by, 30)
    gone = exhibits.DeedFacts(ExhibitDeed.RETURNED, at, document_number="MBB17-1")
    exhibits.do(session, case.id, other.id, gone, by=by, at=at)
    both = MeasureFacts(MeasureKind.SEIZURE, "21/QĐ-TG", "Tạm giữ", "Hộ mẫu", at, exhibit_ids=(thing.id, other.id))
    with pytest.raises(Refused) as refused:
        measures.begin(session, case.id, both, by=by, duties={Duty.TEAM_HEAD}, at=at)
    assert [(type(each), each.facts) for each in refused.value.reasons] == [
        (measures.NotHeld, {"seq": seq, "state": ExhibitState.RETURNED}) for seq in ("1", "2")
    ]


def away_and_back(session: Session, case: CaseFile, by: UUID) -> None:
    """To the police with the file, and back."""
    desk.act(session, case, by=by)
    for move, minutes in ((Move.RECORD_VIOLATION, 31), (Move.TRANSFER_CRIMINAL, 32)):
        desk.take(session, case, move, by=by, at=NOW + timedelta(minutes=minutes))
    found, at = police.away(session, case), NOW + timedelta(minutes=33)
    assert found
    police.confirm(
        session, case.id, found.id, received_by="Cơ quan mẫu", received_on=TODAY, record_number="BN-1", by=by, at=at
    )
    desk.take(session, case, Move.TAKE_BACK, by=by, at=NOW + timedelta(minutes=34))


def test_what_the_police_had_and_gave_back_can_be_seized_again(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    by, at = world.team_head.id, NOW + timedelta(minutes=40)
    seize(session, case, thing, by, Duty.TEAM_HEAD)
    away_and_back(session, case, by)
    assert (thing.state, measures.running(session, [case.id])) == (ExhibitState.HELD, [])
    again = MeasureFacts(MeasureKind.SEIZURE, "21/QĐ-TG", "Tạm giữ tem", "Hộ mẫu", at, exhibit_ids=(thing.id,))
    made = measures.begin(session, case.id, again, by=by, duties={Duty.TEAM_HEAD}, at=at)
    assert thing.measure_id == made.id
    end(session, case, made, MeasureResult.HANDED_OVER, by, 50)
    assert thing.state is ExhibitState.HANDED_OVER


def test_the_database_seizes_an_exhibit_once(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    facts = exhibits.ExhibitFacts("Hộp mẫu", Decimal(1), "hộp", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    other = exhibits.add(session, case.id, facts, by=world.officer.id, at=NOW + timedelta(minutes=11))
    seize(session, case, thing, world.team_head.id, Duty.TEAM_HEAD)
    seize(session, case, other, world.team_head.id, Duty.TEAM_HEAD, "21/QĐ-TG")
    for change in ("measure_id = :other", "measure_id = NULL"):
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(
                text(f"UPDATE enforcement.exhibit SET {change} WHERE id = :id"),
                {"id": thing.id, **({"other": other.measure_id} if "other" in change else {})},
            )
        assert broken_constraint(refused.value) == "exhibit_seized_once"


def test_only_what_a_hand_over_took_along_comes_back_with_it(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    by = world.team_head.id
    facts = exhibits.ExhibitFacts("Hộp mẫu", Decimal(1), "hộp", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    other = exhibits.add(session, case.id, facts, by=by, at=NOW + timedelta(minutes=11))
    seize(session, case, thing, by, Duty.TEAM_HEAD)
    end(session, case, running(session, case), MeasureResult.HANDED_OVER, by, 30)  # to the plant quarantine, say
    away_and_back(session, case, by)
    assert (thing.state, other.state) == (ExhibitState.HANDED_OVER, ExhibitState.HELD)
    assert [each.deed for each in thing.events][-1] is ExhibitDeed.HANDED_OVER


# ---------------------------------------------------------------- the day agreed with an assessor


def asked(session: Session, case: CaseFile, by: UUID, due_on: date = date(2026, 7, 1)) -> Measure:
    at = NOW + timedelta(minutes=20)
    facts = MeasureFacts(MeasureKind.ASSESSMENT, "41/QĐ-GĐ", "Nguồn gốc", "Tổ chức mẫu", at, due_on=due_on)
    return measures.begin(session, case.id, facts, by=by, duties={Duty.TEAM_HEAD}, at=at)


def clock_of(session: Session, found: Measure) -> Deadline:
    return session.scalars(
        select(Deadline).where(Deadline.subject_id == found.id).execution_options(populate_existing=True)
    ).one()


def last(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=CITY)


def agree(session: Session, case: CaseFile, found: Measure, by: UUID, due_on: date) -> Measure:
    return measures.agree(
        session, case.id, found.id, due_on=due_on, document_number="05/CV", reason="Phải lấy thêm mẫu", by=by,
        at=NOW + timedelta(minutes=30),
    )  # fmt: skip


def test_the_agreed_day_is_a_clock_that_reminds_and_climbs_and_ends_with_the_result(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    by = world.team_head.id
    session.refresh(case)
    case.officer_id = world.officer.id
    found = asked(session, case, by, date(2026, 6, 16))
    clock = clock_of(session, found)
    assert (clock.kind, clock.due_at, clock.needs_verification) == (
        DeadlineKind.ASSESSMENT, last(date(2026, 6, 16)), False,
    )  # fmt: skip
    assert "MQĐ41" in clock.basis
    assert case.next_due_at == min(clock.due_at, case.next_due_at)
    for day in (15, 17, 19):
        reminding.make(session, at=datetime(2026, 6, day, 9, 0, tzinfo=CITY))
    told = session.execute(
        select(DeadlineReminder.duty, DeadlineReminder.mark)
        .where(DeadlineReminder.deadline_id == clock.id)
        .order_by(DeadlineReminder.id)
    )
    assert [tuple(row) for row in told] == [
        (Duty.OFFICER, 1), (Duty.OFFICER, 0), (Duty.TEAM_HEAD, 0), (Duty.BRANCH_HEAD, -2),
    ]  # fmt: skip
    end(session, case, found, MeasureResult.INCONCLUSIVE, by, 60 * 24 * 4)
    assert (clock.ended_as, case.next_due_at == clock.due_at) == (EndedAs.LATE, False)


def test_the_desk_looks_to_the_agreed_day_when_nothing_ends_before(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    before = case.next_due_at
    found = asked(session, case, world.team_head.id, TODAY)
    assert before is None or before > last(TODAY)
    assert case.next_due_at == clock_of(session, found).due_at == last(TODAY)


def test_another_day_is_agreed_on_by_a_paper_and_the_clock_follows(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    by = world.team_head.id
    found = asked(session, case, by, TODAY)
    agree(session, case, found, by, date(2026, 7, 4))
    clock = clock_of(session, found)
    assert (found.due_on, clock.due_at) == (date(2026, 7, 4), last(date(2026, 7, 4)))  # a Saturday, as agreed
    assert [(row.cause, row.was_due, row.decision_number, row.reason) for row in clock.reckonings] == [
        (ReckoningCause.STARTED, None, None, None),
        (ReckoningCause.AGREED_ANEW, last(TODAY), "05/CV", "Phải lấy thêm mẫu"),
    ]
    assert case.next_due_at != last(TODAY)
    with pytest.raises(measures.SameDay):
        agree(session, case, found, by, date(2026, 7, 4))
    with pytest.raises(measures.DueDayWrong):
        agree(session, case, found, by, date(2026, 6, 1))
    end(session, case, found, MeasureResult.INFRINGING, by, 60)
    with pytest.raises(measures.MeasureOver):
        agree(session, case, found, by, date(2026, 7, 5))


def test_only_with_an_assessor_is_a_day_agreed_on(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    seize(session, case, thing, world.team_head.id, Duty.TEAM_HEAD)
    with pytest.raises(NotFound):
        agree(session, case, running(session, case), world.team_head.id, date(2026, 7, 5))


def test_no_calendar_no_note_and_no_other_beginning_moves_an_agreed_day(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    by = world.team_head.id
    found = asked(session, case, by)
    clock, at = clock_of(session, found), NOW + timedelta(days=1)
    timekeeping.correct_start(
        session, case.id, clock.id, began=NOW - timedelta(days=1), reason="Gửi sớm hơn", by=by, duties={Duty.TEAM_HEAD}, at=at
    )  # fmt: skip
    assert (clock.started_at, clock.due_at) == (NOW - timedelta(days=1), last(date(2026, 7, 1)))
    timekeeping.flag(session, at=at)
    assert clock_of(session, found).recount_due_at is None
    with pytest.raises(terms.NotByNote):
        terms.fulfil(session, case.id, clock.id, done_on=TODAY, document_number="1", note=None, by=by, at=at)
