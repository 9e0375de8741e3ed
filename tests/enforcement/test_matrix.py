"""The full walk: every state, reached by real steps, with every duty and every move. What the data allows happens; all else changes nothing."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from enforcement import acts, cases, goods, police, terms
from enforcement.errors import IllegalMove, MissingDemand, NotYourMove
from enforcement.models import CaseFile, Deadline, Handover, ValuationMethod
from enforcement.transitions import MAY_DETECT, MOVES, CaseState, Demand, Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from tests import factories

M, S = Move, CaseState
_FOUND = (M.SCREEN, M.ASSIGN_VERIFICATION)
_DECIDED = (*_FOUND, M.PROPOSE_INSPECTION, M.DECIDE_INSPECTION)
_RECORDED = (*_DECIDED, M.START_INSPECTION, M.END_INSPECTION, M.RECORD_VIOLATION)
_READY = (*_RECORDED, M.OPEN_EXPLANATION, M.PREPARE_DECISION)
_DONE = (*_READY, M.PENALISE, M.START_EXECUTION)
# How each state is reached; written out, so that a state nobody can reach shows.
WAYS: dict[CaseState, tuple[Move, ...]] = {
    S.RECEIVED: (), S.SCREENED: _FOUND[:1], S.VERIFYING: _FOUND, S.NO_VIOLATION_NOTIFIED: (*_FOUND, M.FIND_NO_VIOLATION),
    S.FORWARDED: (*_FOUND, M.FORWARD), S.INSPECTION_PROPOSED: _DECIDED[:3], S.INSPECTION_DECIDED: _DECIDED,
    S.INSPECTING: _RECORDED[:5], S.POST_VERIFICATION: _RECORDED[:6], S.VIOLATION_RECORDED: _RECORDED, S.EXPLANATION: _READY[:8],
    S.DECISION_DUE: _READY, S.PENALISED: _DONE[:10], S.REMEDIAL_ONLY: (*_READY, M.ORDER_REMEDY), S.DISCONTINUED: (*_READY, M.DISCONTINUE),
    S.TRANSFERRED: (*_READY, M.TRANSFER), S.CRIMINAL_TRANSFER: (*_READY, M.TRANSFER_CRIMINAL), S.EXECUTING: _DONE,
    S.CLOSED: (*_DONE, M.CLOSE), S.ARCHIVED: (*_DONE, M.CLOSE, M.ARCHIVE),
}  # fmt: skip
# The middle of the lowest bracket, which every duty of the desk may sign.
FINE = 1_250_000
DUTIES = [frozenset(some) for n in range(len(Duty) + 1) for some in itertools.combinations(Duty, n)]
# From where the law asks for more than the form: a decision that stands or does not (Art. 62, 63).
NEEDS_A_PENALTY = {(S.CRIMINAL_TRANSFER, M.RESUME_EXECUTION)}
TABLES = (
    "enforcement.case_file", "enforcement.case_event", "enforcement.case_paper", "enforcement.deadline", "enforcement.obligation",
    "enforcement.case_handover", "enforcement.exhibit", "enforcement.measure", "enforcement.ruling", "enforcement.fine_line",
    "enforcement.explanation", "public.history",
)  # fmt: skip


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.act(session, made, by=world.officer.id)
    cheap = goods.GoodsFacts("Vải mẫu", Decimal(2), "hộp", 1_000_000, ValuationMethod.LISTED_PRICE, NOW.date())
    goods.add(session, made.id, cheap, by=world.officer.id, at=NOW)
    return made


def reach(session: Session, case: CaseFile, state: CaseState, by: UUID) -> None:
    for move in WAYS[state]:
        if move is M.CLOSE:
            desk.carry_out(session, case, by=by)
        take(session, case, move, frozenset(Duty), by)
    finish(session, case, by)
    assert case.state is state


def finish(session: Session, case: CaseFile, by: UUID) -> None:
    """Where only closing is left, do what closing asks for; where the file is away, let it arrive."""
    session.flush()
    for handover in session.scalars(select(Handover).where(Handover.received_on.is_(None))):
        police.confirm(
            session, case.id, handover.id, received_by="Người nhận mẫu", received_on=NOW.date(), record_number="MBB28-1", by=by, at=NOW
        )  # fmt: skip
    if case.state in {S.NO_VIOLATION_NOTIFIED, S.DISCONTINUED}:
        for clock in session.scalars(
            select(Deadline).where(Deadline.kind.in_(terms.FULFILLABLE), Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
        ).all():  # fmt: skip
            terms.fulfil(
                session, case.id, clock.id, done_on=NOW.date(), document_number="TB-1", note=None, by=by, at=NOW
            )
    if case.state is S.EXECUTING:
        desk.carry_out(session, case, by=by)


def take(session: Session, case: CaseFile, move: Move, duties: frozenset[Duty], by: UUID, **given: object) -> None:
    # A bracket as low as this gives no right to explain; a suspension that is foreseen does.
    wanted = {Demand.FINE: FINE, Demand.SUSPENSION: True, **given}
    cases.move(session, case.id, move, by=by, duties=duties, given=desk.filled(move, **wanted), at=NOW)


def everything(session: Session) -> list[object]:
    """What the tables of a case hold, so that any change shows."""
    session.flush()
    return [
        session.scalar(text(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"))
        for table in TABLES
    ]


@pytest.mark.parametrize("state", CaseState)
def test_in_every_state_each_duty_takes_exactly_the_moves_that_the_data_allows(
    session: Session, case: CaseFile, world: factories.World, state: CaseState
) -> None:
    by = world.team_head.id
    reach(session, case, state, by)
    before, allowed, refused = everything(session), 0, 0
    for move, step in MOVES.items():
        for duties in DUTIES:
            if state not in step.start:
                expected: type[Exception] | None = IllegalMove
            elif step.duties.isdisjoint(duties):
                expected = NotYourMove
            elif (state, move) in NEEDS_A_PENALTY:
                continue
            else:
                expected = None
            if expected is not None:
                with pytest.raises(expected):
                    take(session, case, move, duties, by)
                refused += 1
                continue
            if len(duties) > 1:
                continue  # one duty of those that may is enough to see the step taken
            with session.begin_nested() as tried:
                take(session, case, move, duties, by)
                assert case.state is step.to
                tried.rollback()
            session.expire_all()
            allowed += 1
    for move, demand in [(m, d) for m, step in MOVES.items() if state in step.start for d in step.demands]:
        with pytest.raises(MissingDemand) as missed:
            take(session, case, move, frozenset(Duty), by, **{demand: None})
        assert missed.value.facts["missing"] == (demand,)
    assert everything(session) == before
    assert case.state is state
    assert refused >= len(MOVES) * len(DUTIES) // 2
    assert allowed or state is S.ARCHIVED


def test_the_walk_knows_a_way_to_every_state() -> None:
    assert set(WAYS) == set(CaseState)


# Every way out of the work on a violation that was detected and of which there is no record yet.
OUT = [
    (state, move)
    for state in (S.SCREENED, S.VERIFYING, S.INSPECTION_PROPOSED, S.INSPECTING, S.POST_VERIFICATION)
    for move in (M.FORWARD, M.FIND_NO_VIOLATION, M.TRANSFER, M.TRANSFER_CRIMINAL)
    if state in MOVES[move].start
]


def test_the_ways_out_are_all_there_are() -> None:
    ends = {move for move, step in MOVES.items() if step.to in MOVES[M.CLOSE].start}
    assert set(OUT) == {(state, move) for state in MAY_DETECT for move in ends if state in MOVES[move].start}


@pytest.mark.parametrize(("state", "way"), OUT)
def test_a_violation_that_was_detected_keeps_no_way_out_from_being_closed(
    session: Session, case: CaseFile, world: factories.World, state: CaseState, way: Move
) -> None:
    by = world.team_head.id
    reach(session, case, state, by)
    acts.detect(session, case.id, detected_at=NOW, note="Tem không khớp sổ cấp", by=by, at=NOW)
    take(session, case, way, frozenset(Duty), by)
    finish(session, case, by)
    take(session, case, M.CLOSE, frozenset(Duty), by)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert case.state is S.CLOSED
