"""Promises of the case: only lawful steps, the right clocks, one owner, nothing overwritten unseen, nothing erased."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import acts, casebook, cases, feedback, fines, goods, triage
from enforcement.deadlines import DeadlineKind
from enforcement.errors import (
    BeyondCompetence,
    FineOutsideBracket,
    FineTimeBarred,
    HandToBranchHead,
    IllegalMove,
    MissingDemand,
    NotYourMove,
)
from enforcement.law_seed import Signer
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePaper,
    CasePartyRole,
    Deadline,
    NoPenaltyGround,
    Outcome,
    PaperKind,
    ValuationMethod,
)
from enforcement.transitions import MOVES, CaseState, Demand, Duty, Move
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.models.history import History
from trace.models.tips import Tip, TipState


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    photo = desk.photo(session, tmp_path)
    return desk.case(session, world, tmp_path, photos=[photo])


def take(
    session: Session,
    case: CaseFile,
    move: Move,
    world: factories.World,
    *,
    at: datetime = NOW,
    duties: frozenset[Duty] = desk.ALL_DUTIES,
    **given: object,
) -> CaseFile:
    return cases.move(
        session, case.id, move, by=world.team_head.id, duties=duties, given=desk.filled(move, **given), at=at
    )


def clocks_of(session: Session, case: CaseFile) -> dict[DeadlineKind, Deadline]:
    rows = session.scalars(
        select(Deadline).where(Deadline.case_id == case.id).execution_options(populate_existing=True)
    )
    return {row.kind: row for row in rows}


def end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=CITY)


def test_every_move_that_the_state_does_not_allow_is_refused_and_changes_nothing(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    tried = 0
    for state in CaseState:
        case.state = state
        closed = state in {CaseState.CLOSED, CaseState.ARCHIVED}
        case.closed_at, case.outcome = (NOW, Outcome.NO_VIOLATION) if closed else (None, None)
        session.flush()
        for move, step in MOVES.items():
            if state not in step.start:
                with pytest.raises(IllegalMove):
                    take(session, case, move, world)
                tried += 1
        assert case.state is state
    assert tried > 300
    assert factories.count(session, CaseEvent, CaseEvent.move.is_not(None)) == 0


def test_a_move_of_another_duty_is_refused(session: Session, case: CaseFile, world: factories.World) -> None:
    take(session, case, Move.SCREEN, world)
    with pytest.raises(NotYourMove):
        take(session, case, Move.ASSIGN_VERIFICATION, world, duties=frozenset({Duty.OFFICER}))


@pytest.mark.parametrize("blank", [None, "", []])
def test_a_move_names_every_field_it_misses(
    session: Session, case: CaseFile, world: factories.World, blank: object
) -> None:
    desk.walk(session, case, Move.PROPOSE_INSPECTION, by=world.officer.id)
    with pytest.raises(MissingDemand) as refused:
        take(session, case, Move.DECIDE_INSPECTION, world, decision_number=blank, inspection_ground=blank)
    assert refused.value.facts["missing"] == ("decision_number", "inspection_ground")


def test_the_way_to_the_end_leaves_an_unbroken_record(session: Session, case: CaseFile, world: factories.World) -> None:
    done = desk.walk(session, case, Move.ARCHIVE, by=world.team_head.id)
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)).all()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.move for event in events if event.move] == list(desk.PATH)
    moves = [event for event in events if event.move]
    assert all(later.was == earlier.becomes for earlier, later in pairwise(moves))
    assert events[-2].facts["outcome"] == "infringement"
    assert done.state is CaseState.ARCHIVED
    assert done.outcome is Outcome.INFRINGEMENT
    assert done.next_due_at is None
    assert factories.count(session, History, History.subject_id == case.id, History.deed == "case:move") == len(
        desk.PATH
    )


def test_the_deadlines_appear_on_the_way_with_the_right_dates(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    # Monday 15 June 2026, ten in the morning.
    assert clocks_of(session, case)[DeadlineKind.REPORT_UP].due_at == NOW + timedelta(hours=24)
    take(session, case, Move.SCREEN, world)
    assert clocks_of(session, case)[DeadlineKind.REPORT_UP].met_at == NOW
    desk_moves = (Move.ASSIGN_VERIFICATION, Move.PROPOSE_INSPECTION, Move.DECIDE_INSPECTION, Move.START_INSPECTION)
    for move in desk_moves:
        take(session, case, move, world)
    on_site = clocks_of(session, case)[DeadlineKind.INSPECTION_ON_SITE]
    assert on_site.due_at == end_of(date(2026, 6, 18))
    assert on_site.basis
    assert on_site.rule_version
    desk.act(session, case, by=world.officer.id)
    moved = take(session, case, Move.RECORD_VIOLATION, world)
    decision = clocks_of(session, case)[DeadlineKind.PENALTY_DECISION]
    assert decision.due_at == end_of(date(2026, 6, 24))  # seven working days, not seven days
    assert moved.next_due_at == decision.due_at
    take(session, case, Move.OPEN_EXPLANATION, world, at=NOW + timedelta(days=1))
    running = clocks_of(session, case)
    # From the day of the record, not of the move.
    assert running[DeadlineKind.EXPLANATION_WRITTEN].due_at == end_of(date(2026, 6, 22))
    assert running[DeadlineKind.EXPLANATION_ORAL_REQUEST].due_at == end_of(date(2026, 6, 17))
    assert running[DeadlineKind.EXPLANATION_WRITTEN].needs_verification


def test_a_deadline_across_a_swapped_holiday_counts_working_days(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    # 31/8 swapped off, 1–2/9 off: seven working days from Thursday 27/8 end on Wednesday 9/9 2026… and 22/8 had been worked for it.
    at = datetime(2026, 8, 27, 2, 0, tzinfo=NOW.tzinfo)
    desk.walk(session, case, Move.RECORD_VIOLATION, by=world.officer.id, at=at)
    assert clocks_of(session, case)[DeadlineKind.PENALTY_DECISION].due_at == end_of(date(2026, 9, 10))


def test_after_the_time_to_decide_no_fine_but_still_a_remedy(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    late = NOW + timedelta(days=30)
    with pytest.raises(FineTimeBarred):
        take(session, case, Move.PENALISE, world, at=late)
    barred = {"no_penalty_ground": NoPenaltyGround.TIME_BARRED}
    assert take(session, case, Move.ORDER_REMEDY, world, at=late, **barred).state is CaseState.REMEDIAL_ONLY


def test_a_bracket_above_the_signer_names_who_is_competent(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    # Goods worth 250 millions: 100 to 120 millions for an individual, above a team head's 75.
    goods.add(session, case.id, goods_of(250_000_000), by=world.officer.id, at=NOW)
    with pytest.raises(HandToBranchHead):
        take(session, case, Move.PENALISE, world, duties=frozenset({Duty.TEAM_HEAD}), **wished(session, case))
    with pytest.raises(BeyondCompetence):
        take(session, case, Move.PENALISE, world, duties=frozenset({Duty.OFFICER}), **wished(session, case))
    done = take(session, case, Move.PENALISE, world, duties=frozenset({Duty.BRANCH_HEAD}), **wished(session, case))
    assert done.state is CaseState.PENALISED


def test_a_fine_lies_within_the_bracket_of_acts_and_goods_and_leaves_its_middle_for_a_reason(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    # Nobody could find out what the goods are worth: 10 to 30 millions.
    for fine in (9_999_999, 30_000_001):
        with pytest.raises(FineOutsideBracket) as refused:
            take(session, case, Move.PENALISE, world, fine=fine, deviation="Tình tiết tăng nặng")
        assert refused.value.facts == {"low": "10.000.000", "top": "30.000.000"}
    with pytest.raises(fines.DeviationUnexplained) as unexplained:
        take(session, case, Move.PENALISE, world, fine=12_000_000)
    assert unexplained.value.facts == {"middle": "20.000.000"}
    assert case.state is CaseState.DECISION_DUE
    take(session, case, Move.PENALISE, world, fine=12_000_000, deviation="Tự nguyện khai báo")
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.PENALTY)).one()
    assert (paper.fine, paper.bracket_low, paper.bracket_top) == (12_000_000, 10_000_000, 30_000_000)
    assert (paper.signer_name, paper.capacity, paper.deviation_reason) == (
        "Người mẫu Đội", Signer.BRANCH_HEAD, "Tự nguyện khai báo"
    )  # fmt: skip


def test_an_organisation_pays_twice_and_goods_count_for_the_act_they_belong_to(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id)
    act = desk.act(session, case, by=world.officer.id)
    goods.add(session, case.id, goods_of(2_000_000, act_id=act.id), by=world.officer.id, at=NOW)
    alone = fines.frame(session, case, on=NOW.date())
    assert alone.bracket is not None
    firm = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=True, name="Công ty mẫu", tax_code="0201234567")
    acts.add_party(session, case.id, firm, by=world.officer.id, at=NOW)
    doubled = fines.frame(session, case, on=NOW.date())
    assert doubled.bracket is not None
    assert doubled.organisation
    assert (doubled.bracket.low, doubled.bracket.top) == (alone.bracket.low * 2, alone.bracket.top * 2)


def goods_of(worth: int, **more: object) -> goods.GoodsFacts:
    return goods.GoodsFacts(
        name="Vải sấy mẫu", quantity=Decimal(1), unit="lô", unit_value=worth, method=ValuationMethod.MARKET_PRICE, valued_on=NOW.date(), **more  # type: ignore[arg-type]
    )  # fmt: skip


def wished(session: Session, case: CaseFile) -> dict[str, object]:
    return {"fine": fines.frame(session, case, on=NOW.date()).middle}


def test_evidence_named_by_a_step_must_be_in_the_case(session: Session, case: CaseFile, world: factories.World) -> None:
    desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id)
    with pytest.raises(cases.NoSuchFolio):
        take(session, case, Move.RECORD_VIOLATION, world, evidence=[1, 2])


def test_texts_that_are_too_long_are_refused(session: Session, case: CaseFile, world: factories.World) -> None:
    with pytest.raises(casebook.TextTooLong):
        take(session, case, Move.SCREEN, world, note="x" * 4001)
    with pytest.raises(casebook.TextMissing):
        cases.note(session, case.id, "  ", by=world.officer.id, at=NOW)


def test_a_step_decided_on_an_old_page_is_refused_with_the_name_of_who_was_faster(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    seen = case.version
    take(session, case, Move.SCREEN, world, at=NOW + timedelta(hours=4))
    with pytest.raises(casebook.CaseChanged) as refused:
        cases.move(
            session,
            case.id,
            Move.FORWARD,
            by=world.officer.id,
            duties=desk.ALL_DUTIES,
            given=desk.filled(Move.FORWARD),
            at=NOW,
            version=seen,
        )
    assert refused.value.facts == {"who": "Người mẫu Đội", "when": "14:00 15/06/2026"}
    assert case.state is CaseState.SCREENED


def test_closing_tells_the_reporters_and_marks_the_signals(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    assert session.scalars(select(Tip.state)).all() == [TipState.LOOKED_INTO]
    desk.walk(session, case, Move.CLOSE, by=world.team_head.id)
    told = session.scalars(select(Tip).execution_options(populate_existing=True)).one()
    assert told.state is TipState.CLOSED
    assert told.answer == feedback.answer(Outcome.INFRINGEMENT)
    assert case.signals[0].outcome is Outcome.INFRINGEMENT


def test_a_closed_case_takes_nothing_more(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    desk.walk(session, case, Move.CLOSE, by=world.team_head.id)
    other = desk.signal(session)
    with pytest.raises(casebook.CaseIsOver):
        cases.note(session, case.id, "thêm", by=world.officer.id, at=NOW)
    with pytest.raises(casebook.CaseIsOver):
        triage.add_to_case(session, other.id, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    with pytest.raises(casebook.CaseIsOver):
        cases.claim(session, case.id, by=world.officer.id, at=NOW)


def test_a_case_is_taken_once_and_given_on_by_a_head_with_a_reason(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    cases.claim(session, case.id, by=world.officer.id, at=NOW)
    assert cases.claim(session, case.id, by=world.officer.id, at=NOW).officer_id == world.officer.id
    with pytest.raises(cases.AlreadyTaken) as refused:
        cases.claim(session, case.id, by=world.team_head.id, at=NOW)
    assert refused.value.facts == {"who": "Người mẫu Bộ"}
    give = {"reason": "Nghỉ phép", "by": world.team_head.id, "at": NOW}
    with pytest.raises(NotYourMove):
        cases.assign(session, case.id, world.branch_head.id, duties={Duty.OFFICER}, **give)
    with pytest.raises(cases.NoSuchOfficer):
        cases.assign(session, case.id, world.clerk.id, duties={Duty.TEAM_HEAD}, **give)
    assert (
        cases.assign(session, case.id, world.branch_head.id, duties={Duty.TEAM_HEAD}, **give).officer_id
        == world.branch_head.id
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE enforcement.case_event SET note = 'khác'", "DELETE FROM enforcement.case_event", "TRUNCATE enforcement.case_event",
        "UPDATE enforcement.custody_event SET deed = 'khác'", "DELETE FROM enforcement.custody_event",
        "UPDATE informant.reading SET reason = 'một lý do khác'", "DELETE FROM informant.reading",
    ],
)  # fmt: skip
def test_what_was_written_down_cannot_be_changed_or_erased(session: Session, case: CaseFile, change: str) -> None:
    with pytest.raises(IntegrityError) as refused, session.begin_nested():
        session.execute(text(change))
    assert broken_constraint(refused.value) == "append_only"


def test_cases_that_are_not_there_are_not_found(session: Session, world: factories.World) -> None:
    nothing = factories.some_id()
    for call in (
        lambda: cases.get(session, nothing),
        lambda: cases.claim(session, nothing, by=world.officer.id, at=NOW),
    ):
        with pytest.raises(NotFound):
            call()


def test_without_law_data_no_case_is_opened_on_a_guess(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="holds no rule"):
        desk.case(session, world, tmp_path, with_law=False)


@pytest.mark.committed
def test_of_eight_officers_who_take_a_case_at_once_exactly_one_gets_it(committed: Engine, tmp_path: Path) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case_ids = [desk.case(session, world, tmp_path).id for _ in range(5)]
        rivals = [factories.user(session, f"can.bo.{n}", f"Cán bộ mẫu {n}", NOW).id for n in range(8)]
        session.commit()
    for case_id in case_ids:
        together = threading.Barrier(8)
        won: list[object] = []
        lost: list[object] = []

        def rush(
            officer: object,
            case_id: object = case_id,
            together: threading.Barrier = together,
            won: list[object] = won,
            lost: list[object] = lost,
        ) -> None:
            with Session(committed) as own:
                together.wait(10)
                try:
                    cases.claim(own, case_id, by=officer, at=NOW)  # type: ignore[arg-type]
                    own.commit()
                    won.append(officer)
                except cases.AlreadyTaken:
                    lost.append(officer)

        threads = [threading.Thread(target=rush, args=(officer,)) for officer in rivals]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(won) == 1
        assert len(lost) == 7
        with Session(committed) as session:
            assert session.get_one(CaseFile, case_id).officer_id == won[0]
            assert factories.count(session, CaseEvent, CaseEvent.case_id == case_id, CaseEvent.deed == "claim") == 1


def test_a_number_out_of_range_is_invalid_not_a_fault(session: Session, case: CaseFile, world: factories.World) -> None:
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    with pytest.raises(Invalid):
        take(session, case, Move.PENALISE, world, **{Demand.FINE: 10**12, Demand.BRACKET_TOP: 10**12})
