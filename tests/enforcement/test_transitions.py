"""Promises of the case's moves, walked over every state, move and set of duties."""

from __future__ import annotations

from itertools import combinations

import pytest

from enforcement.deadlines import DeadlineKind
from enforcement.errors import IllegalMove, MissingDemand, NotYourMove
from enforcement.law_seed import RULES
from enforcement.transitions import BY_DEED, MOVES, ON_OPENING, OVER, CaseState, Demand, Duty, Move, check, moves_from

# Written a second time, by hand and by state, so that a slip in MOVES shows: state → {move: state it leads to}.
FLOW = {
    "received": {"screen": "screened", "forward": "forwarded"},
    "screened": {
        "assign_verification": "verifying", "propose_inspection": "inspection_proposed",
        "find_no_violation": "no_violation_notified", "forward": "forwarded",
    },
    "verifying": {
        "propose_inspection": "inspection_proposed", "find_no_violation": "no_violation_notified",
        "forward": "forwarded", "transfer_criminal": "criminal_transfer",
    },
    "no_violation_notified": {"close": "closed"},
    "forwarded": {"close": "closed"},
    "inspection_proposed": {
        "return_proposal": "verifying", "decide_inspection": "inspection_decided",
        "find_no_violation": "no_violation_notified", "forward": "forwarded",
    },
    "inspection_decided": {"cancel_inspection": "verifying", "start_inspection": "inspecting"},
    "inspecting": {
        "end_inspection": "post_verification", "record_violation": "violation_recorded",
        "find_no_violation": "no_violation_notified", "transfer_criminal": "criminal_transfer",
    },
    "post_verification": {
        "record_violation": "violation_recorded", "find_no_violation": "no_violation_notified",
        "transfer": "transferred", "transfer_criminal": "criminal_transfer",
    },
    "violation_recorded": {
        "open_explanation": "explanation", "prepare_decision": "decision_due", "find_no_violation": "no_violation_notified",
        "discontinue": "discontinued", "transfer": "transferred", "transfer_criminal": "criminal_transfer",
    },
    "explanation": {
        "prepare_decision": "decision_due", "find_no_violation": "no_violation_notified", "discontinue": "discontinued",
        "transfer": "transferred", "transfer_criminal": "criminal_transfer",
    },
    "decision_due": {
        "penalise": "penalised", "order_remedy": "remedial_only", "discontinue": "discontinued", "find_no_violation": "no_violation_notified",
        "transfer": "transferred", "transfer_criminal": "criminal_transfer",
    },
    "penalised": {"start_execution": "executing", "transfer_criminal": "criminal_transfer"},
    "remedial_only": {"start_execution": "executing"},
    "discontinued": {"close": "closed"},
    "transferred": {"receive_decision": "penalised", "close": "closed"},
    "criminal_transfer": {"take_back": "decision_due", "resume_execution": "executing", "close": "closed"},
    "executing": {"close": "closed", "transfer_criminal": "criminal_transfer"},
    "closed": {"archive": "archived"},
    "archived": {},
}  # fmt: skip

HEADS_ONLY = {
    "assign_verification", "return_proposal", "decide_inspection", "cancel_inspection", "order_remedy",
    "find_no_violation", "forward", "transfer", "transfer_criminal", "take_back", "close", "discontinue", "receive_decision",
    "resume_execution",
}  # fmt: skip
NOT_THE_BRANCH_HEAD = {
    "propose_inspection", "start_inspection", "end_inspection", "record_violation",
    "open_explanation", "prepare_decision", "start_execution",
}  # fmt: skip

DUTY_SETS = [frozenset(some) for n in range(len(Duty) + 1) for some in combinations(Duty, n)]
EVERYTHING = {demand.value for demand in Demand}


def allowed(move: Move, duties: frozenset[Duty]) -> bool:
    if move in HEADS_ONLY:
        return bool(duties & {Duty.TEAM_HEAD, Duty.BRANCH_HEAD})
    if move in NOT_THE_BRANCH_HEAD:
        return bool(duties & {Duty.OFFICER, Duty.TEAM_HEAD})
    return bool(duties)


@pytest.mark.parametrize("state", CaseState)
def test_only_the_written_flow_is_possible_for_any_duty(state: CaseState) -> None:
    for move in Move:
        for duties in DUTY_SETS:
            if move not in FLOW[state]:
                with pytest.raises(IllegalMove):
                    check(state, move, duties=duties, given=EVERYTHING)
                assert move not in moves_from(state, duties)
            elif not allowed(move, duties):
                with pytest.raises(NotYourMove):
                    check(state, move, duties=duties, given=EVERYTHING)
                assert move not in moves_from(state, duties)
            else:
                assert check(state, move, duties=duties, given=EVERYTHING).to == FLOW[state][move]
                assert move in moves_from(state, duties)


@pytest.mark.parametrize("move", Move)
def test_each_missing_demand_alone_stops_the_move(move: Move) -> None:
    step = MOVES[move]
    state = min(step.start)
    for demand in step.demands:
        with pytest.raises(MissingDemand) as refused:
            check(state, move, duties=set(Duty), given=EVERYTHING - {demand})
        assert refused.value.facts["missing"] == (demand,)
    assert check(state, move, duties=set(Duty), given=step.demands) is step


def test_demands_are_named_as_the_form_names_them() -> None:
    with pytest.raises(MissingDemand) as refused:
        check(CaseState.DECISION_DUE, Move.PENALISE, duties={Duty.BRANCH_HEAD}, given={"fine"})
    assert refused.value.facts["missing"] == ("decision_number", "grounds")


def test_nobody_inspects_without_a_heads_signed_decision_on_a_ground() -> None:
    into = [step for step in MOVES.values() if step.to is CaseState.INSPECTING]
    assert [step.start for step in into] == [frozenset({CaseState.INSPECTION_DECIDED})]
    (decided,) = [step for step in MOVES.values() if step.to is CaseState.INSPECTION_DECIDED]
    assert {"decision_number", "inspection_ground", "grounds"} <= decided.demands
    assert Duty.OFFICER not in decided.duties


def test_a_case_is_closed_only_with_an_outcome() -> None:
    assert all("outcome" in step.demands for step in MOVES.values() if step.to is CaseState.CLOSED)


def test_every_state_is_reached_and_every_case_can_end() -> None:
    def reach(start: CaseState) -> set[CaseState]:
        seen, todo = {start}, [start]
        while todo:
            here = todo.pop()
            new = {step.to for step in MOVES.values() if here in step.start} - seen
            seen |= new
            todo += new
        return seen

    assert reach(CaseState.RECEIVED) == set(CaseState)
    assert all(CaseState.ARCHIVED in reach(state) for state in CaseState)


def test_a_closed_case_is_not_worked_on() -> None:
    assert {move for state in OVER for move in moves_from(state, set(Duty))} == {Move.ARCHIVE}


def test_every_move_names_its_legal_basis_and_every_clock_it_touches_has_a_rule() -> None:
    known = {rule.kind for rule in RULES}
    assert set(MOVES) == set(Move)
    for step in MOVES.values():
        assert step.basis
        assert set(step.starts) | set(step.meets) <= known
    assert set(ON_OPENING) <= known


def test_a_clock_that_a_move_starts_is_ended_by_a_later_move_or_by_a_deed_of_its_own() -> None:
    ended = {kind for step in MOVES.values() for kind in step.meets} | BY_DEED
    started = {kind for step in MOVES.values() for kind in step.starts} | set(ON_OPENING)
    assert started <= ended


def test_a_name_is_typed_only_for_a_decision_signed_elsewhere() -> None:
    typed = {move for move, step in MOVES.items() if Demand.SIGNER in step.demands | step.may}
    assert typed == {Move.RECEIVE_DECISION, Move.TAKE_BACK, Move.RESUME_EXECUTION}
    assert all(Demand.ISSUER in MOVES[move].demands for move in typed)


def test_limitation_runs_on_while_the_prosecution_holds_the_file() -> None:
    limits = {DeadlineKind.LIMITATION_IP, DeadlineKind.LIMITATION_GENERAL}
    assert limits.isdisjoint(MOVES[Move.TRANSFER_CRIMINAL].meets)
    assert limits <= set(MOVES[Move.PENALISE].meets)
