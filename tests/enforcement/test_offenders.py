"""Promises of decisions on several offenders: each with the own fine act by act, the own orders and clocks, and the case waits for all of them."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import (
    acts,
    casebook,
    cases,
    casework,
    closing,
    deciding,
    fines,
    goods,
    joins,
    offenders,
    orders,
    police,
    rulings,
    splits,
)
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import FineOutsideBracket, FineTimeBarred, MissingDemand
from enforcement.fines import WHOSE, Wish
from enforcement.models import (
    CaseAct,
    CaseFile,
    CasePaper,
    CaseParty,
    CasePartyRole,
    Deadline,
    EndedAs,
    ObligationKind,
    PaperKind,
    Ruling,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Demand, Duty, Move
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.errors import Refused, broken_constraint

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

TODAY = NOW.date()


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.team_head.id


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    """Three offenders: a household with one act, a firm with two, and a printer nobody can name an act for but the common one."""
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return ready(session, made, world.team_head.id)


def ready(session: Session, made: CaseFile, by: UUID) -> CaseFile:
    desk.walk(session, made, Move.START_INSPECTION, by=by)
    household, firm, printer = (
        party(session, made, name, by, at=NOW + timedelta(seconds=n), organisation=name.startswith("Công")) for n, name in enumerate(NAMES)
    )  # fmt: skip
    act(session, made, household, by, "Bán hàng dán tem sao chép", 2_000_000)
    act(session, made, firm, by, "Đóng gói hàng dán tem sao chép", 4_000_000)
    act(session, made, firm, by, "Vận chuyển hàng dán tem sao chép", 8_000_000)
    act(session, made, printer, by, "In tem sao chép", 2_500_000)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, made, move, by=by)
    return made


NAMES = ("Hộ mẫu Một", "Công ty mẫu Hai", "Cơ sở in mẫu Ba")


def party(
    session: Session, case: CaseFile, name: str, by: UUID, *, organisation: bool = False, at: datetime = NOW
) -> CaseParty:
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=organisation, name=name)
    return acts.add_party(session, case.id, facts, by=by, at=at)


def act(
    session: Session, case: CaseFile, who: CaseParty | None, by: UUID, what: str, worth: int, *, ended: date = date(2026, 6, 1)
) -> CaseAct:  # fmt: skip
    facts = acts.ActFacts(
        what,
        LegalQualification.GI_INFRINGEMENT,
        date(2024, 1, 1),
        ended,
        "Chợ mẫu",
        offender_id=who.id if who else None,
    )
    made = acts.add_act(session, case.id, facts, by=by, at=NOW)
    line = goods.GoodsFacts(what, Decimal(1), "lô", worth, ValuationMethod.MARKET_PRICE, TODAY, act_id=made.id)
    goods.add(session, case.id, line, by=by, at=NOW)
    return made


def three(session: Session, case: CaseFile) -> tuple[CaseParty, CaseParty, CaseParty]:
    one, two, three_ = offenders.of_case(session, case)
    return one, two, three_


def middle(session: Session, case: CaseFile, who: CaseParty, **more: Any) -> Wish:
    """The fine that the law takes for usual, act by act."""
    stands = fines.frame(session, case, on=TODAY, offender=who)
    return Wish(who.id, by_act={each.id: bracket.middle for each, bracket in stands.acts if bracket}, **more)


def penalise(
    session: Session, case: CaseFile, wishes: list[Wish], by: UUID, *, at: datetime = NOW, **given: Any
) -> CaseFile:
    total = sum(each.total for each in wishes)
    return desk.take(session, case, Move.PENALISE, by=by, at=at, fines=tuple(wishes), fine=total, **given)


def clocks_of(session: Session, subject: UUID) -> dict[DeadlineKind, Deadline]:
    rows = session.scalars(
        select(Deadline).where(Deadline.subject_id == subject).execution_options(populate_existing=True)
    )
    return {row.kind: row for row in rows}


def held_to(session: Session) -> None:
    """What the database looks at when a transaction ends."""
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


# ---------------------------------------------------------------- one by one, or several together


def test_each_gets_the_own_decision_and_the_case_waits_for_the_last(session: Session, case: CaseFile, by: UUID) -> None:
    one, two, printer = three(session, case)
    for n, who in enumerate((one, two), start=1):
        penalise(
            session, case, [middle(session, case, who)], by, at=NOW + timedelta(minutes=n), decision_number=f"{n}/QĐ-XP"
        )
        assert case.state is CaseState.DECISION_DUE
        held_to(session)
    assert [each.name for each in offenders.undecided(session, case)] == [printer.name]
    penalise(session, case, [middle(session, case, printer)], by, decision_number="3/QĐ-XP")
    held_to(session)
    assert case.state is CaseState.PENALISED
    papers = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.PENALTY)).all()
    assert {each.number for each in papers} == {"1/QĐ-XP", "2/QĐ-XP", "3/QĐ-XP"}
    moves = [event for event in case.events if event.move is Move.PENALISE]
    assert [(event.becomes, event.facts["whose"]) for event in moves] == [
        (CaseState.DECISION_DUE, [one.name]), (CaseState.DECISION_DUE, [two.name]), (CaseState.PENALISED, [printer.name])
    ]  # fmt: skip


def test_one_decision_may_name_several_and_a_firm_pays_twice_for_each_act(
    session: Session, case: CaseFile, by: UUID
) -> None:
    everybody = three(session, case)
    penalise(session, case, [middle(session, case, who) for who in everybody], by, decision_number="9/QĐ-XP")
    held_to(session)
    assert case.state is CaseState.PENALISED
    found = {each.party.name: each for each in offenders.rulings(session, case)}
    # Goods worth 2 millions: 0.5–2; 4: 2–4; 8: 4–8 – doubled for the firm; 2.5: 0.5–2.
    assert {name: each.fine for name, each in found.items()} == {
        NAMES[0]: 1_250_000, NAMES[1]: 6_000_000 + 12_000_000, NAMES[2]: 1_250_000
    }  # fmt: skip
    assert [(line.bracket_low, line.bracket_top, line.amount) for line in found[NAMES[1]].lines] == [
        (4_000_000, 8_000_000, 6_000_000), (8_000_000, 16_000_000, 12_000_000)
    ]  # fmt: skip
    [paper] = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.PENALTY)).all()
    assert (paper.number, paper.fine) == ("9/QĐ-XP", 20_500_000)
    fines_ = [line for line in orders.standing_open(session, case) if line.kind is ObligationKind.FINE]
    assert {line.what.rpartition(" – ")[2]: line.amount for line in fines_} == {
        name: each.fine for name, each in found.items()
    }


def test_one_amount_for_several_acts_lies_as_high_in_each_bracket(session: Session, case: CaseFile, by: UUID) -> None:
    _one, firm, _printer = three(session, case)
    # Together 12 to 24 millions; a quarter of the way up.
    penalise(session, case, [Wish(firm.id, 15_000_000, deviation="Tự nguyện khai báo")], by)
    [ruling] = offenders.rulings(session, case)
    assert [line.amount for line in ruling.lines] == [5_000_000, 10_000_000]
    held_to(session)


def test_with_several_offenders_a_decision_says_for_whom_it_is(session: Session, case: CaseFile, by: UUID) -> None:
    with pytest.raises(MissingDemand) as missed:
        desk.take(session, case, Move.PENALISE, by=by, fine=1_250_000)
    assert missed.value.facts["missing"] == (Demand.FINES,)
    assert (case.state, offenders.rulings(session, case)) == (CaseState.DECISION_DUE, [])


def test_nobody_is_decided_on_twice_and_no_stranger_at_all(
    session: Session, case: CaseFile, by: UUID, world: factories.World, tmp_path: Path
) -> None:
    one, _two, _three = three(session, case)
    penalise(session, case, [middle(session, case, one)], by, decision_number="1/QĐ-XP")
    with pytest.raises(fines.DecidedAlready) as refused:
        penalise(session, case, [middle(session, case, one)], by)
    assert refused.value.facts == {"who": one.name, "number": "1/QĐ-XP"}
    with pytest.raises(fines.DecidedAlready):
        desk.take(session, case, Move.DISCONTINUE, by=by, offenders=[str(one.id)])
    stranger = desk.act(session, desk.case(session, world, tmp_path), by=by).offender_id
    assert stranger
    with pytest.raises(fines.NotAnOffender):
        penalise(session, case, [Wish(stranger, 1_250_000)], by)
    with pytest.raises(fines.NotAnOffender):
        desk.take(session, case, Move.ORDER_REMEDY, by=by, offenders=[str(stranger)])


def test_all_faults_of_all_offenders_are_said_with_their_names_and_nothing_is_written(
    session: Session, case: CaseFile, by: UUID
) -> None:
    one, two, printer = three(session, case)
    before = len(case.events)
    wishes = [
        Wish(one.id, 3_000_000),
        Wish(two.id, 18_000_000, by_act={one.id: 18_000_000}),
        Wish(printer.id, 1_000_000),
    ]
    with pytest.raises(Refused) as refused:
        penalise(session, case, wishes, by)
    assert [(type(each), each.facts[WHOSE]) for each in refused.value.reasons] == [
        (FineOutsideBracket, one.name), (fines.AnotherFine, two.name), (fines.DeviationUnexplained, printer.name)
    ]  # fmt: skip
    session.expire_all()
    assert (case.state, len(case.events), offenders.rulings(session, case)) == (CaseState.DECISION_DUE, before, [])


def test_an_act_that_names_nobody_counts_for_all_of_them(
    session: Session, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=by)
    one, two = party(session, made, "Hộ mẫu Một", by), party(session, made, "Hộ mẫu Hai", by)
    both = act(session, made, None, by, "Cùng bán hàng dán tem sao chép", 2_000_000)
    own = act(session, made, two, by, "In tem", 4_000_000)
    assert [each.id for each, _ in fines.frame(session, made, on=TODAY, offender=one).acts] == [both.id]
    assert {each.id for each, _ in fines.frame(session, made, on=TODAY, offender=two).acts} == {both.id, own.id}


# ---------------------------------------------------------------- those who are not fined


@pytest.mark.parametrize(
    ("first", "last", "ends"),
    [
        (Move.PENALISE, Move.DISCONTINUE, CaseState.PENALISED), (Move.DISCONTINUE, Move.PENALISE, CaseState.PENALISED),
        (Move.ORDER_REMEDY, Move.DISCONTINUE, CaseState.REMEDIAL_ONLY), (Move.DISCONTINUE, Move.ORDER_REMEDY, CaseState.REMEDIAL_ONLY),
        (Move.DISCONTINUE, Move.DISCONTINUE, CaseState.DISCONTINUED),
    ],
)  # fmt: skip
def test_the_case_goes_on_with_the_strictest_of_its_decisions_whichever_came_last(
    session: Session, case: CaseFile, by: UUID, first: Move, last: Move, ends: CaseState
) -> None:
    one, *others = three(session, case)

    def decide(move: Move, whom: list[CaseParty]) -> None:
        if move is Move.PENALISE:
            penalise(session, case, [middle(session, case, each) for each in whom], by)
        else:
            desk.take(session, case, move, by=by, offenders=[str(each.id) for each in whom])

    decide(first, [one])
    assert case.state is CaseState.DECISION_DUE
    decide(last, others)
    held_to(session)
    assert case.state is ends


def test_what_was_decided_on_one_cannot_be_undone_by_finding_nothing(
    session: Session, case: CaseFile, by: UUID
) -> None:
    one, _two, _three = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    with pytest.raises(deciding.DecisionStands) as refused:
        desk.take(session, case, Move.FIND_NO_VIOLATION, by=by)
    assert refused.value.facts["who"] == [one.name]


def test_the_rest_may_go_to_a_higher_signer_whose_decision_comes_back(
    session: Session, case: CaseFile, by: UUID
) -> None:
    one, two, printer = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    desk.take(session, case, Move.TRANSFER, by=by)
    rulings.serve(
        session, case.id, offenders.rulings(session, case)[0].id, served_on=TODAY, served_to="Hộ mẫu Một", by=by, at=NOW
    )
    away = police.away(session, case)
    assert away is not None
    police.confirm(
        session, case.id, away.id, received_by="Văn phòng mẫu", received_on=TODAY, record_number="BN-1", by=by, at=NOW
    )
    wishes = (Wish(two.id, 90_000_000), Wish(printer.id, 70_000_000))
    desk.take(session, case, Move.RECEIVE_DECISION, by=by, fines=wishes, fine=160_000_000)
    held_to(session)
    assert case.state is CaseState.PENALISED
    assert [each.fine for each in offenders.rulings(session, case)] == [1_250_000, 90_000_000, 70_000_000]


# ---------------------------------------------------------------- own clocks, own execution


def test_each_has_the_own_limitation(session: Session, world: factories.World, tmp_path: Path, by: UUID) -> None:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=by)
    old, young = party(session, made, "Hộ mẫu Một", by), party(session, made, "Hộ mẫu Hai", by)
    act(session, made, old, by, "Bán từ lâu", 2_000_000, ended=date(2024, 6, 10))
    act(session, made, young, by, "Bán gần đây", 2_000_000)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, made, move, by=by)
    with pytest.raises(FineTimeBarred):
        penalise(session, made, [middle(session, made, old)], by)
    with pytest.raises(deciding.NotTimeBarred):  # a ground is true of each of whom it is said
        desk.take(session, made, Move.DISCONTINUE, by=by, no_penalty_ground="time_barred")
    penalise(session, made, [middle(session, made, young)], by)
    desk.take(session, made, Move.ORDER_REMEDY, by=by, offenders=[str(old.id)], no_penalty_ground="time_barred")
    held_to(session)
    assert made.state is CaseState.PENALISED


def test_what_is_decided_on_one_starts_the_own_clocks_and_ends_none_of_the_others(
    session: Session, case: CaseFile, by: UUID
) -> None:
    one, _two, _three = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    [ruling] = offenders.rulings(session, case)
    assert set(clocks_of(session, ruling.id)) == {DeadlineKind.DELIVERY, DeadlineKind.ENFORCEABILITY}
    running = session.scalars(
        select(Deadline.kind).where(Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
    ).all()
    assert {DeadlineKind.PENALTY_DECISION, DeadlineKind.LIMITATION_IP} <= set(running)


def test_one_is_served_and_pays_while_the_others_wait(session: Session, case: CaseFile, by: UUID) -> None:
    one, two, printer = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    [ruling] = offenders.rulings(session, case)
    with pytest.raises(rulings.ServedBeforeSigned):
        rulings.serve(session, case.id, ruling.id, served_on=date(2026, 6, 14), served_to="Ông mẫu", by=by, at=NOW)
    with pytest.raises(casebook.NotInFuture):
        rulings.serve(session, case.id, ruling.id, served_on=date(2026, 6, 16), served_to="Ông mẫu", by=by, at=NOW)
    rulings.serve(session, case.id, ruling.id, served_on=TODAY, served_to="Ông mẫu", by=by, at=NOW)
    with pytest.raises(rulings.ServedAlready):
        rulings.serve(session, case.id, ruling.id, served_on=TODAY, served_to="Ông mẫu", by=by, at=NOW)
    assert DeadlineKind.EXECUTION in clocks_of(session, ruling.id)
    desk.carry_out(session, case, by=by)
    ended = clocks_of(session, ruling.id)
    assert {kind: clock.ended_as for kind, clock in ended.items()} == dict.fromkeys(ended, EndedAs.FULFILLED)
    assert case.state is CaseState.DECISION_DUE
    penalise(session, case, [middle(session, case, two), middle(session, case, printer)], by)
    desk.take(session, case, Move.START_EXECUTION, by=by)
    held_to(session)
    assert all(each.served_on for each in offenders.rulings(session, case))
    open_ = {line.ruling_id for line in orders.standing_open(session, case)}
    assert open_ == {each.id for each in offenders.rulings(session, case)} - {ruling.id}
    with pytest.raises(Refused) as refused:
        desk.take(session, case, Move.CLOSE, by=by)
    assert {closing.OrderOpen, closing.ClockRuns} == {type(each) for each in refused.value.reasons}
    desk.carry_out(session, case, by=by)
    desk.take(session, case, Move.CLOSE, by=by)
    held_to(session)
    assert case.state is CaseState.CLOSED


def test_an_order_that_is_added_says_of_whom_it_is_asked(session: Session, case: CaseFile, by: UUID) -> None:
    penalise(session, case, [middle(session, case, who) for who in three(session, case)], by)
    told: dict[str, Any] = {"by": by, "duties": desk.ALL_DUTIES, "at": NOW}
    with pytest.raises(orders.WhoseOrder):
        orders.add(session, case.id, ObligationKind.DESTRUCTION, "Tiêu hủy tem", **told)
    second = offenders.rulings(session, case)[1]
    made = orders.add(session, case.id, ObligationKind.DESTRUCTION, "Tiêu hủy tem", ruling_id=second.id, **told)
    assert (made.ruling_id, made.paper_id) == (second.id, second.paper_id)


# ---------------------------------------------------------------- what stays as it was decided


def test_nobody_joins_or_leaves_once_it_is_decided(
    session: Session, case: CaseFile, by: UUID, world: factories.World, tmp_path: Path
) -> None:
    one, two, printer = three(session, case)
    penalise(session, case, [middle(session, case, one)], by, decision_number="1/QĐ-XP")
    with pytest.raises(acts.StillNamed):
        acts.strike_party(session, case.id, one.id, reason="Nhầm", by=by, at=NOW)
    fined = next(each for each in acts.standing(session, case) if each.offender_id == one.id)
    facts = acts.ActFacts(
        fined.description, fined.qualification, fined.began_on, fined.ended_on, fined.place, offender_id=two.id
    )
    with pytest.raises(acts.StillNamed):
        acts.amend_act(session, case.id, fined.id, facts, revision=fined.revision, by=by, at=NOW)
    with pytest.raises(joins.AlreadyDecided):
        splits.split(
            session, case.id, [], act_ids=[fined.id], title="Vụ mới", reason="Tách", store=tmp_path, by=by, at=NOW
        )
    penalise(session, case, [middle(session, case, each) for each in (two, printer)], by)
    with pytest.raises(acts.TooLateForOffender):
        party(session, case, "Hộ mẫu Bốn", by)
    witness = acts.PartyFacts(CasePartyRole.WITNESS, is_organisation=False, name="Người chứng kiến mẫu")
    acts.add_party(session, case.id, witness, by=by, at=NOW)


def test_a_case_is_not_closed_over_an_offender_nobody_decided_on(session: Session, case: CaseFile, by: UUID) -> None:
    penalise(session, case, [middle(session, case, who) for who in three(session, case)], by)
    desk.take(session, case, Move.START_EXECUTION, by=by)
    late = CaseParty(
        case_id=case.id,
        role=CasePartyRole.SUSPECTED,
        is_organisation=False,
        name="Hộ mẫu Bốn",
        added_at=NOW,
        added_by=by,
    )
    session.add(late)
    session.flush()
    with pytest.raises(Refused) as refused:
        desk.take(session, case, Move.CLOSE, by=by)
    assert [each.facts["who"] for each in refused.value.reasons if isinstance(each, closing.OffenderUndecided)] == [
        "Hộ mẫu Bốn"
    ]


def test_a_single_offender_is_decided_on_as_before_and_the_file_shows_the_line(
    session: Session, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.PENALISE, by=by)
    held_to(session)
    [ruling] = casework.of_case(session, made.id).rulings
    assert (made.state, ruling.fine, [line.amount for line in ruling.lines]) == (
        CaseState.PENALISED,
        20_000_000,
        [20_000_000],
    )


def test_without_anybody_named_nobody_is_fined(
    session: Session, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=by)
    act(session, made, None, by, "Bỏ lại hàng dán tem sao chép", 2_000_000)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, made, move, by=by)
    with pytest.raises(fines.NoOffender):
        desk.take(session, made, Move.PENALISE, by=by, fine=1_250_000)
    desk.take(session, made, Move.ORDER_REMEDY, by=by)
    held_to(session)
    assert made.state is CaseState.REMEDIAL_ONLY


# ---------------------------------------------------------------- the database by itself


CHANGES = {
    "every_offender_decided": "UPDATE enforcement.case_file SET state = 'penalised' WHERE id = :case",
    "ck_ruling_fine_within_bracket": "INSERT INTO enforcement.ruling (case_id, paper_id, party_id, is_organisation, fine, bracket_low, bracket_top, added_at, added_by) "
    "VALUES (:case, :paper, :party, false, 9, 10, 20, now(), :by)",
    "uq_ruling_party_id": "INSERT INTO enforcement.ruling (case_id, paper_id, party_id, is_organisation, added_at, added_by) VALUES (:case, :paper, :decided, false, now(), :by)",
    "fine_adds_up": "INSERT INTO enforcement.ruling (case_id, paper_id, party_id, is_organisation, fine, bracket_low, bracket_top, added_at, added_by) "
    "VALUES (:case, :paper, :party, false, 15, 10, 20, now(), :by)",
    "ruling_of_an_offender": "INSERT INTO enforcement.ruling (case_id, paper_id, party_id, is_organisation, added_at, added_by) VALUES (:case, :paper, :party, false, now(), :by)",
    "ruling_kept": "UPDATE enforcement.ruling SET fine = fine - 1",
    "append_only": "UPDATE enforcement.fine_line SET amount = amount - 1",
    "ck_explanation_only_whoever_may_explains": "UPDATE enforcement.explanation SET owed = false, suspension = false, bracket_top = 1, threshold = 2",
}  # fmt: skip


@pytest.mark.parametrize("broken", CHANGES)
def test_the_database_itself_keeps_decisions_whole(session: Session, case: CaseFile, by: UUID, broken: str) -> None:
    one, two, _three = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    session.execute(
        text(
            "UPDATE enforcement.explanation SET owed = true, outcome = 'unused', settled_on = '2026-06-15', settled_by = :by"
        ),
        {"by": by},
    )
    held_to(session)
    paper = session.scalars(select(Ruling.paper_id)).one()
    named = {"case": case.id, "paper": paper, "party": two.id, "decided": one.id, "by": by}
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    with pytest.raises(IntegrityError) as refused, session.begin_nested():
        session.execute(
            text(CHANGES[broken]), {name: value for name, value in named.items() if f":{name}" in CHANGES[broken]}
        )
    assert broken_constraint(refused.value) == broken


@pytest.mark.parametrize("state", [each for each in CaseState if each is not CaseState.RECEIVED])
def test_no_case_begins_in_the_middle(session: Session, case: CaseFile, by: UUID, state: CaseState) -> None:
    over = state in {CaseState.CLOSED, CaseState.ARCHIVED}
    made = CaseFile(
        number="VV-2026-99999", title="Chen ngang", state=state, severity=1, opened_at=NOW, opened_by=by, rule_version="x",
        closed_at=NOW if over else None, outcome="no_violation" if over else None,
    )  # fmt: skip
    session.add(made)
    with pytest.raises(IntegrityError) as refused:
        session.flush()
    assert broken_constraint(refused.value) == "case_begins_as_received"


@pytest.mark.committed
def test_of_two_heads_who_decide_on_one_offender_at_once_one_wins(committed: Engine, tmp_path: Path) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = ready(
            session, desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)]), world.team_head.id
        )
        wish = middle(session, case, three(session, case)[0])
        case_id, version, heads = case.id, case.version, (world.team_head.id, world.branch_head.id)
        session.commit()
    together = threading.Barrier(2)
    won: list[UUID] = []
    lost: list[object] = []

    def sign(who: UUID) -> None:
        with Session(committed) as own:
            together.wait(10)
            try:
                given = desk.filled(Move.PENALISE, fines=(wish,), fine=wish.total)
                cases.move(
                    own,
                    case_id,
                    Move.PENALISE,
                    by=who,
                    duties=frozenset({Duty.BRANCH_HEAD}),
                    given=given,
                    at=NOW,
                    version=version,
                )
                own.commit()
                won.append(who)
            except casebook.CaseChanged as exc:
                lost.append(exc.facts["who"])

    threads = [threading.Thread(target=sign, args=(who,)) for who in heads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(won), len(lost)) == (1, 1)
    with Session(committed) as session:
        assert factories.count(session, Ruling) == 1
        assert session.get_one(CaseFile, case_id).state is CaseState.DECISION_DUE


@pytest.fixture
def joined(session: Session, world: factories.World, tmp_path: Path, by: UUID) -> tuple[CaseFile, CaseFile]:
    """A case with an offender, merged into another with one of its own; the decision is due on both."""
    gone, kept = (
        desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path, shade)]) for shade in (90, 150)
    )
    for each in (gone, kept):
        desk.walk(session, each, Move.START_INSPECTION, by=by)
    theirs, ours = party(session, gone, NAMES[0], by), party(session, kept, NAMES[2], by)
    act(session, gone, theirs, by, "Bán hàng dán tem sao chép", 2_000_000)
    act(session, kept, ours, by, "In tem sao chép", 2_500_000)
    joins.merge(session, kept.id, gone.id, take=(), reason="Một nơi bán", by=by, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, kept, move, by=by)
    return gone, kept


def test_a_merge_stands_once_it_was_decided_on_a_person_of_the_case_that_would_go(
    session: Session, joined: tuple[CaseFile, CaseFile], by: UUID
) -> None:
    gone, kept = joined
    theirs = session.scalars(select(CaseParty).where(CaseParty.case_id == gone.id)).one()
    penalise(session, kept, [middle(session, kept, theirs)], by)
    with pytest.raises(joins.DecidedTogether) as refused:
        joins.unmerge(session, gone.id, reason="Khác người bán", by=by, at=NOW)
    assert refused.value.facts == {"who": NAMES[0], "number": kept.number}
    assert gone.merged_into_id == kept.id


def test_a_decision_on_persons_and_acts_of_the_other_case_alone_holds_no_merge(
    session: Session, joined: tuple[CaseFile, CaseFile], by: UUID
) -> None:
    gone, kept = joined
    ours = session.scalars(select(CaseParty).where(CaseParty.case_id == kept.id)).one()
    penalise(session, kept, [middle(session, kept, ours)], by)
    joins.unmerge(session, gone.id, reason="Khác người bán", by=by, at=NOW)
    assert (offenders.rulings(session, gone), len(offenders.rulings(session, kept))) == ([], 1)
    assert joins.settled(session, gone) is None
    assert isinstance(joins.settled(session, kept), joins.AlreadyDecided)


def test_a_merge_stands_once_a_fine_was_set_for_an_act_of_the_case_that_would_go(
    session: Session, joined: tuple[CaseFile, CaseFile], by: UUID
) -> None:
    gone, kept = joined
    ours = session.scalars(select(CaseParty).where(CaseParty.case_id == kept.id)).one()
    session.scalars(select(CaseAct).where(CaseAct.case_id == gone.id)).one().offender_id = ours.id
    session.flush()
    penalise(session, kept, [middle(session, kept, ours)], by)
    with pytest.raises(joins.DecidedTogether):
        joins.unmerge(session, gone.id, reason="Khác người bán", by=by, at=NOW)


def test_no_merge_is_taken_back_while_the_file_of_both_is_away(
    session: Session, joined: tuple[CaseFile, CaseFile], by: UUID
) -> None:
    gone, kept = joined
    desk.take(session, kept, Move.TRANSFER_CRIMINAL, by=by)
    with pytest.raises(joins.WithThePolice):
        joins.unmerge(session, gone.id, reason="Khác người bán", by=by, at=NOW)


def test_what_was_entered_at_one_moment_keeps_the_order_in_which_it_was_written(
    session: Session, case: CaseFile, by: UUID
) -> None:
    firm = three(session, case)[1]
    more = [act(session, case, firm, by, f"Hành vi {n}", 4_000_000).description for n in range(8)]
    told = [each.description for each in casework.of_case(session, case.id).acts if each.offender_id == firm.id]
    assert told == ["Đóng gói hàng dán tem sao chép", "Vận chuyển hàng dán tem sao chép", *more]
    assert [each.description for each in acts.standing(session, case)][-8:] == more
