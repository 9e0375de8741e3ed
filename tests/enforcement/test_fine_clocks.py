"""Promises of fines against time and rank: no paper dated back beats a clock, no clock is revived, every act keeps its bracket, delegates sign."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from enforcement import (
    acts,
    authority,
    cases,
    clocks,
    deciding,
    documents,
    fine_times,
    fines,
    goods,
    law,
    mandates,
    origins,
    signing,
    timekeeping,
)
from enforcement.competence import LegalQualification, Signer
from enforcement.deadlines import DeadlineKind
from enforcement.errors import (
    BeyondCompetence,
    FineOutsideBracket,
    FineTimeBarred,
    FollowsFromActs,
    HandToBranchHead,
    HandToCityChair,
    HandToTeamHead,
    MissingDemand,
    NoBracket,
    NoRuleInForce,
    NotYourMove,
)
from enforcement.models import CaseFile, CasePaper, Deadline, DelegationScope, PaperKind, Ruling, ValuationMethod
from enforcement.transitions import MOVES, CaseState, Demand, Duty, Move, moves_from
from tests.conftest import NOW
from tests.enforcement import desk, papers
from tests.enforcement.test_fines import penalise, refused
from tests.enforcement.test_matrix import WAYS, reach
from trace.clock import CITY
from trace.errors import Refused
from trace.models.parties import RoleGrant

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories

TODAY, MILLION = NOW.date(), 1_000_000
DAY = timedelta(days=1)
TEAM_HEAD, OFFICER, BRANCH_HEAD = ({each} for each in (Duty.TEAM_HEAD, Duty.OFFICER, Duty.BRANCH_HEAD))


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=NOW - 5 * DAY)


def found(session: Session, case: CaseFile, world: factories.World, worth: int, **facts: Any) -> Any:
    act = desk.act(session, case, by=world.officer.id, **facts)
    line = goods.GoodsFacts("Vải", Decimal(1), "lô", worth * MILLION, ValuationMethod.MARKET_PRICE, TODAY)
    goods.add(session, case.id, line, by=world.officer.id, at=NOW)
    return act


def fine(session: Session, case: CaseFile, world: factories.World, amount: int, **more: Any) -> CaseFile:
    """By the team head, unless somebody else is named."""
    at, by, duties = more.pop("at", NOW), more.pop("by", world.team_head.id), more.pop("duties", TEAM_HEAD)
    filled = desk.filled(Move.PENALISE, fine=amount, **more)
    return cases.move(session, case.id, Move.PENALISE, by=by, duties=duties, given=filled, at=at)


def clock_of(session: Session, kind: DeadlineKind) -> Deadline:
    return session.scalars(select(Deadline).where(Deadline.kind == kind, Deadline.stopped_at.is_(None))).one()


# ---------------------------------------------------------------- papers dated back


def test_a_fine_after_the_time_is_not_saved_by_a_day_before_the_file_was_ready(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    by, late = world.officer.id, NOW + 40 * DAY
    found(session, case, world, 50)
    desk.take(session, case, Move.RECORD_VIOLATION, by=by)
    desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    desk.take(session, case, Move.PREPARE_DECISION, by=by, at=late, explanation=None, explanation_number=None)
    with pytest.raises(FineTimeBarred):
        fine(session, case, world, 32_500_000, at=late)
    with pytest.raises(Refused) as refused_:
        fine(session, case, world, 32_500_000, at=late, signed_on=TODAY)
    assert [type(each) for each in refused_.value.reasons] == [
        deciding.DecidedBeforePrepared,
        deciding.DecidedBeforeExplained,
    ]
    for move in (Move.ORDER_REMEDY, Move.DISCONTINUE):
        with pytest.raises(Refused):
            desk.take(session, case, move, by=world.team_head.id, at=late, signed_on=TODAY)
    assert (case.state, session.scalars(select(Ruling)).all()) == (CaseState.DECISION_DUE, [])


def test_a_decision_signed_yesterday_is_entered_today(session: Session, world: factories.World, case: CaseFile) -> None:
    found(session, case, world, 50)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id, at=NOW - DAY)
    fine(session, case, world, 32_500_000, signed_on=TODAY - DAY)
    assert case.state is CaseState.PENALISED


def ready(session: Session, world: factories.World, case: CaseFile) -> tuple[CaseFile, Any]:
    """Put forward, with two days past the time for the decision as the day of typing."""
    papers.unit(session, world)
    found(session, case, world, 50)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id)
    return case, clock_of(session, DeadlineKind.PENALTY_DECISION).due_at + 2 * DAY


def test_after_the_time_a_day_within_it_needs_a_decision_that_the_register_issued_in_time(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    case, late = ready(session, world, case)
    with pytest.raises(fine_times.EnteredAfterTime) as why:
        fine(session, case, world, 32_500_000, at=late, signed_on=TODAY, decision_number="77/QĐ-XP")
    assert why.value.facts["number"] == "77/QĐ-XP"
    drawn = papers.draft(session, case, world, "MQĐ02")
    made = documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.team_head.id, duties=TEAM_HEAD, at=NOW
    )  # fmt: skip
    fine(session, case, world, 32_500_000, at=late, signed_on=TODAY, decision_number=made.number)
    assert case.state is CaseState.PENALISED


def test_a_decision_that_the_register_issued_after_the_time_does_not_help(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    case, late = ready(session, world, case)
    drawn = papers.draft(session, case, world, "MQĐ02")
    made = documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.team_head.id, duties=TEAM_HEAD, at=late - DAY
    )  # fmt: skip
    with pytest.raises(fine_times.EnteredAfterTime):
        fine(session, case, world, 32_500_000, at=late, signed_on=TODAY, decision_number=made.number)


def test_a_decision_does_not_come_before_the_paper_that_gave_the_file_back(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    found(session, case, world, 1)
    desk.take(session, case, Move.RECORD_VIOLATION, by=world.officer.id, at=NOW - 3 * DAY, signed_on=TODAY - 3 * DAY)
    back = CasePaper(
        case_id=case.id, kind=PaperKind.TAKEN_BACK, number="9/CA", issuer="Công an mẫu", signer_name="Mẫu", signed_on=TODAY,
        added_at=NOW, added_by=world.officer.id,
    )  # fmt: skip
    session.add(back)
    session.flush()
    (fault,) = signing.faults(session, case, PaperKind.PENALTY, TODAY - DAY, at=NOW)
    assert (type(fault), fault.facts["other"]) == (signing.SignedBeforePaper, PaperKind.TAKEN_BACK)


def test_whoever_was_promoted_today_signed_yesterday_in_the_rank_of_yesterday(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    found(session, case, world, 150)  # 60 to 80 millions
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id, at=NOW - 2 * DAY)
    promoted: dict[str, Any] = {"by": world.officer.id, "duties": BRANCH_HEAD}
    with pytest.raises(HandToBranchHead):
        fine(session, case, world, 70 * MILLION, signed_on=TODAY - DAY, **promoted)
    with pytest.raises(mandates.NotInOffice):
        desk_move(session, case, Move.DISCONTINUE, **promoted, signed_on=TODAY - DAY)
    fine(session, case, world, 70 * MILLION, **promoted)
    assert case.state is CaseState.PENALISED


def test_whoever_left_office_signed_before_in_the_office_of_then(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    session.execute(
        update(RoleGrant)
        .where(RoleGrant.user_id == world.branch_head.id)
        .values(valid_during=Range(TODAY - 100 * DAY, TODAY))
    )
    yesterday = authority.own_duties(session, world.branch_head.id, OFFICER, TODAY - DAY, at=NOW)
    assert authority.capacity(session, world.branch_head.id, yesterday, TODAY - DAY).signer is Signer.BRANCH_HEAD
    assert authority.own_duties(session, world.branch_head.id, OFFICER, TODAY, at=NOW) == OFFICER
    assert authority.own_duties(session, world.branch_head.id, OFFICER, TODAY + DAY, at=NOW) == frozenset()


def desk_move(session: Session, case: CaseFile, move: Move, *, by: Any, duties: set[Duty], **given: Any) -> CaseFile:
    return cases.move(session, case.id, move, by=by, duties=duties, given=desk.filled(move, **given), at=NOW)


# ---------------------------------------------------------------- clocks that would begin otherwise


def correct(
    session: Session, case: CaseFile, world: factories.World, clock: Deadline, began: Any, at: Any = NOW
) -> None:
    timekeeping.correct_start(
        session, case.id, clock.id, began=began, reason="Theo hồ sơ", by=world.team_head.id, duties=TEAM_HEAD, at=at
    )


def test_no_corrected_start_revives_a_limitation(session: Session, world: factories.World, case: CaseFile) -> None:
    found(session, case, world, 1, began_on=date(2024, 5, 1), ended_on=date(2024, 5, 2))
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id)
    clock = clock_of(session, DeadlineKind.LIMITATION_IP)
    assert not origins.correctable(session, clock, at=NOW)
    with pytest.raises(FollowsFromActs):
        correct(session, case, world, clock, NOW - DAY)
    with pytest.raises(FineTimeBarred):
        fine(session, case, world, 1_250_000)


def test_a_limitation_without_acts_follows_the_legal_details(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    clock = clocks.start(session, case, DeadlineKind.LIMITATION_IP, began=NOW, law=law.load(session), at=NOW)
    with pytest.raises(origins.FollowsFromTerms):
        correct(session, case, world, clock, NOW - DAY)


def test_a_clock_of_a_paper_begins_with_its_day_and_no_other(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    found(session, case, world, 1)
    desk.take(
        session, case, Move.RECORD_VIOLATION, by=world.officer.id, at=NOW, signed_on=TODAY - DAY, record_number="5/BB"
    )
    clock = clock_of(session, DeadlineKind.PENALTY_DECISION)
    right, due = clock.started_at, clock.due_at
    assert not origins.correctable(session, clock, at=NOW)
    with pytest.raises(origins.FollowsFromPaper) as why:
        correct(session, case, world, clock, NOW)
    assert why.value.facts == {"number": "5/BB", "day": TODAY - DAY}
    clock.started_at = right - 3 * DAY  # as if it had been started wrongly, and found out after its end
    late = due + 30 * DAY
    assert origins.correctable(session, clock, at=late)
    correct(session, case, world, clock, right, at=late)
    assert (clock.started_at, clock.due_at) == (right, due)


def test_a_clock_that_a_person_began_is_corrected_while_it_runs_and_never_after(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    acts.detect(session, case.id, detected_at=NOW - DAY, note="Thấy tem giả", by=world.officer.id, at=NOW)
    clock = clock_of(session, DeadlineKind.VIOLATION_RECORD)
    assert origins.correctable(session, clock, at=NOW)
    correct(session, case, world, clock, NOW - DAY + timedelta(hours=1))
    late = clock.due_at + DAY
    assert not origins.correctable(session, clock, at=late)
    with pytest.raises(origins.RanOut):
        correct(session, case, world, clock, late - timedelta(hours=1), at=late)


# ---------------------------------------------------------------- an act without a bracket


@pytest.fixture
def mixed(session: Session, world: factories.World, case: CaseFile) -> tuple[CaseFile, Any, Any]:
    """One offender, goods for 900 millions: an act with a bracket of 200 to 250 millions, and one of which the law data holds none."""
    known = found(session, case, world, 900)
    facts = acts.ActFacts(
        "In tem giả", LegalQualification.COUNTERFEIT_LABELS, known.began_on, known.ended_on, "Chợ mẫu", offender_id=known.offender_id
    )  # fmt: skip
    other = acts.add_act(session, case.id, facts, by=world.officer.id, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id)
    return case, known, other


def wish(known: Any, fines_: dict[Any, int], **ends: Any) -> dict[str, Any]:
    return {"fines": (fines.Wish(known.offender_id, by_act=fines_, **ends),)}


def test_ends_by_hand_are_for_the_act_without_a_bracket_alone(
    session: Session, world: factories.World, mixed: tuple[CaseFile, Any, Any]
) -> None:
    case, _known, _other = mixed
    by_hand: dict[str, Any] = {"bracket_low": MILLION, "bracket_top": 2 * MILLION}
    for fine_ in (MILLION, 226_500_000):  # what the officer typed, and the middle of both
        with pytest.raises((Refused, FineOutsideBracket, BeyondCompetence)):
            penalise(session, case, world.officer.id, OFFICER, fine_, **by_hand)
    refused(session, case, world.officer.id, OFFICER, 226_500_000, HandToCityChair, **by_hand)
    refused(session, case, world.branch_head.id, BRANCH_HEAD, 226_500_000, HandToCityChair, **by_hand)
    refused(session, case, world.branch_head.id, BRANCH_HEAD, 226_500_000, NoBracket)


def test_all_faults_of_all_acts_are_said_at_once(
    session: Session, world: factories.World, mixed: tuple[CaseFile, Any, Any]
) -> None:
    case, known, other = mixed
    with pytest.raises(Refused) as why:
        fine(
            session, case, world, 1, by=world.officer.id, duties=OFFICER,
            **wish(known, {known.id: MILLION, other.id: 9 * MILLION}, ends={other.id: (MILLION, 2 * MILLION)}),
        )  # fmt: skip
    assert [type(each) for each in why.value.reasons] == [FineOutsideBracket, FineOutsideBracket, HandToCityChair]
    with pytest.raises(MissingDemand) as half:
        fine(session, case, world, 1, **wish(known, {known.id: MILLION, other.id: MILLION}, ends={other.id: (None, 5)}))
    assert half.value.facts["missing"] == (Demand.BRACKET_LOW,)


def test_each_act_is_judged_in_its_own_field_and_keeps_its_own_bracket(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    known = found(session, case, world, 2)
    facts = acts.ActFacts(
        "Giả mạo nguồn gốc", LegalQualification.FALSE_ORIGIN, known.began_on, known.ended_on, "Chợ mẫu", offender_id=known.offender_id
    )  # fmt: skip
    other = acts.add_act(session, case.id, facts, by=world.officer.id, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id)
    wanted = {known.id: 1_250_000, other.id: 4 * MILLION}
    ends = {other.id: (3 * MILLION, 5 * MILLION)}
    with pytest.raises(NoRuleInForce):  # nobody entered the maximum of the other field
        fine(session, case, world, 1, **wish(known, wanted, ends=ends))
    session.execute(
        update(type(other))
        .where(type(other).id == other.id)
        .values(qualification=LegalQualification.COUNTERFEIT_LABELS)
    )
    session.expire_all()
    fine(session, case, world, 1, **wish(known, wanted, ends=ends))
    (ruling,) = session.scalars(select(Ruling)).all()
    assert (ruling.fine, ruling.bracket_low, ruling.bracket_top) == (5_250_000, 3_500_000, 7 * MILLION)
    assert {(line.act_id, line.bracket_low, line.bracket_top) for line in ruling.lines} == {
        (known.id, 500_000, 2 * MILLION),
        (other.id, 3 * MILLION, 5 * MILLION),
    }


def test_the_top_written_for_one_act_decides_who_signs_too(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    known = found(session, case, world, 2)
    facts = acts.ActFacts(
        "In tem giả", LegalQualification.COUNTERFEIT_LABELS, known.began_on, known.ended_on, "Chợ mẫu", offender_id=known.offender_id
    )  # fmt: skip
    other = acts.add_act(session, case.id, facts, by=world.officer.id, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=world.officer.id)
    asked = wish(known, {known.id: 1_250_000, other.id: 40 * MILLION}, ends={other.id: (20 * MILLION, 60 * MILLION)})
    with pytest.raises(HandToTeamHead):
        fine(session, case, world, 1, by=world.officer.id, duties=OFFICER, **asked)
    fine(session, case, world, 1, **asked)
    assert case.state is CaseState.PENALISED


# ---------------------------------------------------------------- steps under a delegation


def delegate(session: Session, world: factories.World, scope: DelegationScope, **more: Any) -> None:
    told: dict[str, Any] = {"starts_on": TODAY, "ends_on": TODAY + 30 * DAY, **more}
    authority.delegate(
        session, from_id=world.team_head.id, to_id=world.officer.id, scope=scope, decision_number="05/QĐ-GQ", by=world.team_head.id,
        at=NOW, **told,
    )  # fmt: skip


@pytest.mark.parametrize("state", CaseState)
def test_in_every_state_a_delegate_has_the_own_steps_and_those_that_sign_with_the_power_lent(
    session: Session, world: factories.World, tmp_path: Path, state: CaseState
) -> None:
    lent = {
        DelegationScope.PENALTIES: {Move.PENALISE, Move.ORDER_REMEDY},
        DelegationScope.MEASURES: {
            Move.DECIDE_INSPECTION,
            Move.CANCEL_INSPECTION,
            Move.DISCONTINUE,
            Move.TRANSFER_CRIMINAL,
        },
    }
    lent[DelegationScope.BOTH] = lent[DelegationScope.PENALTIES] | lent[DelegationScope.MEASURES]
    own = set(moves_from(state, OFFICER))
    for scope, signed in lent.items():
        with session.begin_nested() as tried:
            delegate(session, world, scope)
            open_ = mandates.moves_open(session, world.officer.id, OFFICER, state, TODAY, at=NOW)
            assert set(open_) == own | {move for move in signed if state in MOVES[move].start}
            assert open_ == [move for move in Move if move in open_]
            over = mandates.moves_open(session, world.officer.id, OFFICER, state, TODAY + 31 * DAY, at=NOW + 31 * DAY)
            assert set(over) == own
            tried.rollback()


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (CaseState.INSPECTION_PROPOSED, Move.DECIDE_INSPECTION), (CaseState.INSPECTION_DECIDED, Move.CANCEL_INSPECTION),
        (CaseState.DECISION_DUE, Move.ORDER_REMEDY), (CaseState.DECISION_DUE, Move.DISCONTINUE),
        (CaseState.VERIFYING, Move.TRANSFER_CRIMINAL),
    ],
)  # fmt: skip
def test_a_delegate_takes_the_steps_that_sign_and_the_paper_names_the_delegation(
    session: Session, world: factories.World, tmp_path: Path, state: CaseState, move: Move
) -> None:
    case = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.act(session, case, by=world.officer.id)
    goods.add(
        session, case.id, goods.GoodsFacts("Vải", Decimal(1), "hộp", MILLION, ValuationMethod.LISTED_PRICE, TODAY),
        by=world.officer.id, at=NOW,
    )  # fmt: skip
    reach(session, case, state, world.team_head.id)
    assert WAYS[state]
    asked: dict[str, Any] = {"by": world.officer.id, "duties": OFFICER}
    with pytest.raises(NotYourMove):
        desk_move(session, case, move, **asked)
    wrong = DelegationScope.MEASURES if move is Move.ORDER_REMEDY else DelegationScope.PENALTIES
    with session.begin_nested() as tried:
        delegate(session, world, wrong)
        with pytest.raises(NotYourMove):
            desk_move(session, case, move, **asked)
        tried.rollback()
    delegate(session, world, DelegationScope.BOTH)
    desk_move(session, case, move, **asked)
    kind = mandates.PAPERS[move][0]
    paper = session.scalars(select(CasePaper).where(CasePaper.case_id == case.id, CasePaper.kind == kind)).one()
    assert (case.state, paper.capacity, paper.delegation_number) == (MOVES[move].to, Signer.TEAM_HEAD, "05/QĐ-GQ")


def test_a_delegation_hands_on_no_work_of_an_office_besides_signing(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path)
    delegate(session, world, DelegationScope.BOTH)
    with pytest.raises(NotYourMove):
        cases.assign(session, case.id, world.officer.id, reason="–", by=world.officer.id, duties=OFFICER, at=NOW)
    desk_move(session, case, Move.SCREEN, by=world.officer.id, duties=OFFICER)
    with pytest.raises(NotYourMove):
        desk_move(session, case, Move.ASSIGN_VERIFICATION, by=world.officer.id, duties=OFFICER)


# ---------------------------------------------------------------- decisions that extend a clock


def extend(session: Session, case: CaseFile, clock: Deadline, **more: Any) -> CaseFile:
    facts: dict[str, Any] = {"choice": 1, "decision_number": "12/QĐ-GH", "reason": "Phải xác minh", "at": NOW, **more}
    return timekeeping.extend(session, case.id, clock.id, **facts)


def test_an_extension_is_a_paper_whose_number_is_given_once(
    session: Session, world: factories.World, case: CaseFile, tmp_path: Path
) -> None:
    head: dict[str, Any] = {"by": world.team_head.id, "duties": TEAM_HEAD}
    clock = clocks.start(session, case, DeadlineKind.PENALTY_DECISION, began=NOW, law=law.load(session), at=NOW)
    extend(session, case, clock, **head)
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.EXTENSION)).one()
    assert (paper.number, paper.signed_on, paper.capacity, paper.signer_id) == (
        "12/QĐ-GH", NOW.astimezone(CITY).date(), Signer.TEAM_HEAD, world.team_head.id,
    )  # fmt: skip
    other = desk.case(session, world, tmp_path)
    second = clocks.start(session, other, DeadlineKind.PENALTY_DECISION, began=NOW, law=law.load(session), at=NOW)
    before = second.due_at
    with pytest.raises(signing.NumberTaken) as why, session.begin_nested():
        extend(session, other, second, **head)
    session.refresh(second)
    assert (why.value.facts["case"], second.due_at) == (case.number, before)


def test_a_delegate_extends_what_the_power_lent_covers(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    decision, seizure = (
        clocks.start(session, case, kind, began=NOW, law=law.load(session), at=NOW)
        for kind in (DeadlineKind.PENALTY_DECISION, DeadlineKind.SEIZURE)
    )
    officer: dict[str, Any] = {"by": world.officer.id, "duties": OFFICER}
    delegate(session, world, DelegationScope.PENALTIES)
    with pytest.raises(NotYourMove):
        extend(session, case, seizure, **officer)
    extend(session, case, decision, **officer)
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.EXTENSION)).one()
    assert (paper.capacity, paper.delegation_number) == (Signer.TEAM_HEAD, "05/QĐ-GQ")
