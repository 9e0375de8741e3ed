"""Promises of the violation file: entries are struck and never lost, seals are used once, measures run their own clocks, papers are in order."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

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
    entries,
    exhibits,
    goods,
    measures,
    orders,
    police,
    rulings,
    signing,
)
from enforcement.deadlines import DeadlineKind
from enforcement.exhibits import DeedFacts, ExhibitFacts
from enforcement.goods import GoodsFacts
from enforcement.measures import MeasureFacts
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePaper,
    CasePartyRole,
    Deadline,
    EndedAs,
    Exhibit,
    ExhibitDeed,
    ExhibitState,
    InspectionGround,
    Measure,
    MeasureKind,
    MeasureResult,
    ObligationKind,
    ObligationState,
    Outcome,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Duty, Move
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import NotFound, Refused, broken_constraint
from trace.models.history import History

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

DAY = NOW.astimezone(CITY).date()


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.officer.id


def later(minutes: int = 30) -> datetime:
    return NOW + timedelta(minutes=minutes)


def line_of(worth: int = 50_000, quantity: str = "12.5", **more: object) -> GoodsFacts:
    return GoodsFacts("Vải mẫu", Decimal(quantity), "kg", worth, ValuationMethod.MARKET_PRICE, DAY, **more)  # type: ignore[arg-type]


def thing(session: Session, case: CaseFile, by: UUID, *, seal: str | None = None) -> Exhibit:
    facts = ExhibitFacts("Cuộn tem mẫu", Decimal(3), "cuộn", "Còn nguyên", "Kho Đội mẫu", "Thủ kho mẫu")
    return exhibits.add(
        session, case.id, facts, seal_number=seal, document_number="MBB26-1" if seal else None, by=by, at=later()
    )


def take(
    session: Session, case: CaseFile, move: Move, by: UUID, at: datetime | None = None, **given: object
) -> CaseFile:
    return cases.move(
        session, case.id, move, by=by, duties=desk.ALL_DUTIES, given=desk.filled(move, **given), at=at or later(40)
    )


# ---------------------------------------------------------------- parties, acts, goods


def test_all_that_is_wrong_with_a_person_is_said_at_once(session: Session, case: CaseFile, by: UUID) -> None:
    wrong = acts.PartyFacts(
        CasePartyRole.REPRESENTATIVE, is_organisation=False, name="Người mẫu", id_number="12345", tax_code="99", phone="12",
        commune_code="00000", born_on=date(2031, 1, 1),
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        acts.add_party(session, case.id, wrong, by=by, at=NOW)
    assert {type(reason) for reason in refused.value.reasons} == {
        acts.IdNumberWrong, acts.TaxCodeWrong, acts.PhoneWrong, acts.NoSuchCommune, acts.RepresentsNobody, casebook.NotInFuture
    }  # fmt: skip
    assert casework.of_case(session, case.id).parties == ()


@pytest.mark.parametrize("number", ["031200001234", "C1234567"])
def test_the_number_of_a_card_or_passport_is_kept_with_its_zeros(
    session: Session, case: CaseFile, by: UUID, number: str
) -> None:
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Người mẫu", id_number=number)
    assert acts.add_party(session, case.id, facts, by=by, at=NOW).id_number == number


def test_a_firm_of_the_register_is_known_again_by_its_tax_code(
    session: Session, case: CaseFile, world: factories.World, by: UUID
) -> None:
    world.cooperative.tax_code = "0201234567"
    session.flush()
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=True, name="HTX mẫu", tax_code="0201234567")
    made = acts.add_party(session, case.id, facts, by=by, at=NOW)
    assert (made.party_id, case.suspect_id) == (world.cooperative.id, world.cooperative.id)


def test_an_entry_is_corrected_with_its_past_kept_and_personal_numbers_masked(
    session: Session, case: CaseFile, by: UUID
) -> None:
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Người mẫu", id_number="031200001234")
    made = acts.add_party(session, case.id, facts, by=by, at=NOW)
    right = acts.PartyFacts(
        CasePartyRole.SUSPECTED, is_organisation=False, name="Người mẫu Hai", id_number="031200001299"
    )
    acts.amend_party(session, case.id, made.id, right, revision=1, by=by, at=NOW)
    told = session.scalars(select(History).where(History.subject_id == made.id, History.deed == "party:amend")).one()
    assert told.changes["name"] == ["Người mẫu", "Người mẫu Hai"]
    assert "0312" not in str(told.changes)
    with pytest.raises(entries.EntryChanged):
        acts.amend_party(session, case.id, made.id, facts, revision=1, by=by, at=NOW)


def test_what_is_struck_stays_to_be_read_and_counts_no_more(session: Session, case: CaseFile, by: UUID) -> None:
    act = desk.act(session, case, by=by)
    kept = goods.add(session, case.id, line_of(act_id=act.id), by=by, at=NOW)
    wrong = goods.add(session, case.id, line_of(1_000_000), by=by, at=NOW)
    assert casework.of_case(session, case.id).goods_value == 625_000 + 12_500_000
    goods.drop(session, case.id, wrong.id, reason="Đếm hai lần", by=by, at=NOW)
    view = casework.of_case(session, case.id)
    assert (view.goods, view.goods_value, view.struck) == ((kept,), 625_000, (wrong,))
    with pytest.raises(entries.EntryStruck):
        goods.correct(session, case.id, wrong.id, line_of(), revision=2, by=by, at=NOW)
    with pytest.raises(acts.StillNamed):
        acts.strike_act(session, case.id, act.id, reason="Nhầm", by=by, at=NOW)
    with pytest.raises(acts.StillNamed):
        acts.strike_party(session, case.id, act.offender_id, reason="Nhầm", by=by, at=NOW)  # type: ignore[arg-type]


def test_an_entry_of_another_case_is_not_found(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    other = desk.case(session, world, tmp_path)
    mine = goods.add(session, case.id, line_of(), by=by, at=NOW)
    with pytest.raises(NotFound):
        goods.drop(session, other.id, mine.id, reason="x", by=by, at=NOW)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        (line_of(quantity="0"), goods.QuantityWrong), (line_of(10**14), goods.ValueWrong),
        (GoodsFacts("Vải", Decimal(1), "kg", 1, ValuationMethod.COUNCIL, DAY), goods.CouncilMissing),
        (GoodsFacts("Vải", Decimal(1), "kg", 1, ValuationMethod.COST_PRICE, date(2031, 1, 1)), casebook.NotInFuture),
    ],
)  # fmt: skip
def test_goods_that_cannot_be_are_refused(
    session: Session, case: CaseFile, by: UUID, facts: GoodsFacts, wrong: type[Exception]
) -> None:
    with pytest.raises(wrong):
        goods.add(session, case.id, facts, by=by, at=NOW)


# ---------------------------------------------------------------- exhibits


def test_a_seal_is_used_once_and_comes_off_by_its_number_and_minutes(
    session: Session, case: CaseFile, by: UUID
) -> None:
    first, second = thing(session, case, by, seal="NP-1"), thing(session, case, by)
    seal = DeedFacts(ExhibitDeed.SEALED, later(), seal_number="NP-1", document_number="MBB26-2")
    with pytest.raises(exhibits.SealTaken):
        exhibits.do(session, case.id, second.id, seal, by=by, at=later())
    other = DeedFacts(ExhibitDeed.UNSEALED, later(), seal_number="NP-9", document_number="MBB27-1")
    with pytest.raises(exhibits.NotThatSeal):
        exhibits.do(session, case.id, first.id, other, by=by, at=later())
    bare = DeedFacts(ExhibitDeed.UNSEALED, later(), seal_number="NP-1")
    with pytest.raises(exhibits.PaperNumberMissing):
        exhibits.do(session, case.id, first.id, bare, by=by, at=later())
    off = DeedFacts(ExhibitDeed.UNSEALED, later(), seal_number="NP-1", document_number="MBB27-1")
    assert exhibits.do(session, case.id, first.id, off, by=by, at=later()).seal_number is None
    with pytest.raises(exhibits.SealTaken):  # off again, and still used
        exhibits.do(session, case.id, second.id, seal, by=by, at=later())
    assert [event.deed.value for event in first.events] == ["taken", "sealed", "unsealed"]


def test_only_what_was_confiscated_is_destroyed(session: Session, case: CaseFile, by: UUID) -> None:
    found, at = thing(session, case, by), later(50)
    penalised(session, case, by, confiscation=1_000_000)
    destroy = DeedFacts(ExhibitDeed.DESTROYED, at, document_number="MBB21-1")
    with pytest.raises(exhibits.NotForThisExhibit):
        exhibits.do(session, case.id, found.id, destroy, by=by, at=at)
    exhibits.do(
        session, case.id, found.id, DeedFacts(ExhibitDeed.CONFISCATED, at, document_number="MBB20-1"), by=by, at=at
    )  # fmt: skip
    assert exhibits.do(session, case.id, found.id, destroy, by=by, at=at).state is ExhibitState.DESTROYED


def test_what_is_seized_stays_seized_when_its_description_is_corrected_and_is_not_struck(
    session: Session, case: CaseFile, by: UUID
) -> None:
    found = thing(session, case, by)
    seizure = measure(session, case, by, MeasureKind.SEIZURE, exhibit_ids=(found.id,))
    right = ExhibitFacts("Cuộn tem mẫu, đếm lại", Decimal(4), "cuộn", "Còn nguyên", "Kho Đội mẫu", "Thủ kho mẫu")
    exhibits.correct(session, case.id, found.id, right, revision=found.revision, by=by, at=later(40))
    assert (found.quantity, found.measure_id) == (4, seizure.id)
    with pytest.raises(exhibits.StillSeized):
        exhibits.drop(session, case.id, found.id, reason="Nhầm", by=by, at=later(41))


def test_what_happened_to_an_exhibit_cannot_be_rewritten(session: Session, case: CaseFile, by: UUID) -> None:
    thing(session, case, by)
    for change in ("UPDATE enforcement.exhibit_event SET keeper = 'khác'", "DELETE FROM enforcement.exhibit_event"):
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(text(change))
        assert broken_constraint(refused.value) == "append_only"


# ---------------------------------------------------------------- measures


def measure(
    session: Session, case: CaseFile, by: UUID, kind: MeasureKind, *, number: str = "20/QĐ", at: datetime | None = None, **more: object
) -> Measure:  # fmt: skip
    facts = MeasureFacts(kind, number, "Nội dung mẫu", "Bên mẫu", at or later(), **more)  # type: ignore[arg-type]
    return measures.begin(session, case.id, facts, by=by, duties=desk.ALL_DUTIES, at=at or later())


def end(session: Session, case: CaseFile, found: Measure, result: MeasureResult, by: UUID, at: datetime) -> Measure:
    return measures.end(
        session, case.id, found.id, result=result, ended_at=at, document_number="VB-1", note=None, by=by, at=at
    )


def clock_of(session: Session, found: Measure) -> Deadline:
    return session.scalars(
        select(Deadline).where(Deadline.subject_id == found.id).execution_options(populate_existing=True)
    ).one()


def test_two_seizures_run_side_by_side_and_change_no_state(session: Session, case: CaseFile, by: UUID) -> None:
    one, two = thing(session, case, by, seal="NP-1"), thing(session, case, by)
    with pytest.raises(measures.NothingSeized):
        measure(session, case, by, MeasureKind.SEIZURE)
    first = measure(session, case, by, MeasureKind.SEIZURE, exhibit_ids=(one.id,))
    second = measure(session, case, by, MeasureKind.SEIZURE, number="21/QĐ", exhibit_ids=(two.id,))
    assert case.state is CaseState.INSPECTING
    assert clock_of(session, first).due_at == datetime(2026, 6, 24, 23, 59, 59, tzinfo=CITY)  # seven working days
    end(session, case, first, MeasureResult.RETURNED, by, later(60))
    assert (one.state, one.seal_number, two.state) == (ExhibitState.RETURNED, None, ExhibitState.HELD)
    assert clock_of(session, first).ended_as is EndedAs.FULFILLED
    assert clock_of(session, second).ended_as is None
    with pytest.raises(measures.MeasureOver):
        end(session, case, first, MeasureResult.RETURNED, by, later(61))


def test_the_assessors_result_starts_the_clock_for_the_record(session: Session, case: CaseFile, by: UUID) -> None:
    with pytest.raises(measures.DueDayWrong):
        measure(session, case, by, MeasureKind.ASSESSMENT, due_on=date(2026, 6, 1))
    asked = measure(session, case, by, MeasureKind.ASSESSMENT, due_on=date(2026, 7, 1))
    got = NOW + timedelta(days=2)
    end(session, case, asked, MeasureResult.INFRINGING, by, got)
    record = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.RECORD_AFTER_ASSESSMENT)).one()
    assert record.due_at == datetime(2026, 6, 22, 23, 59, 59, tzinfo=CITY)  # three working days from Wednesday


def test_a_platform_has_twenty_four_hours_and_what_it_refused_was_not_done(
    session: Session, case: CaseFile, by: UUID
) -> None:
    at = datetime(2026, 7, 6, 3, 0, tzinfo=NOW.tzinfo)  # the decree holds from July
    asked = measure(session, case, by, MeasureKind.TAKEDOWN, at=at)
    again = measure(session, case, by, MeasureKind.TAKEDOWN, number="22/CV", at=at)
    assert clock_of(session, asked).due_at == at + timedelta(hours=24)
    end(session, case, asked, MeasureResult.TAKEN_DOWN, by, at + timedelta(hours=30))
    end(session, case, again, MeasureResult.REFUSED, by, at + timedelta(hours=5))
    assert clock_of(session, asked).ended_as is EndedAs.LATE
    assert clock_of(session, again).ended_as is EndedAs.WITHOUT_OBJECT


@pytest.mark.parametrize(
    ("result", "wrong"), [(MeasureResult.SERVED, measures.NotAResult), (MeasureResult.INFRINGING, measures.NotAResult)]
)
def test_a_measure_ends_with_a_result_of_its_kind(
    session: Session, case: CaseFile, by: UUID, result: MeasureResult, wrong: type[Exception]
) -> None:
    found = measure(session, case, by, MeasureKind.SEIZURE, exhibit_ids=(thing(session, case, by).id,))
    with pytest.raises(wrong):
        end(session, case, found, result, by, later(60))
    with pytest.raises(measures.EndsBeforeItBegan):
        end(session, case, found, MeasureResult.RETURNED, by, NOW)
    with pytest.raises(measures.NotHere):
        measure(session, case, by, MeasureKind.POSTING)


# ---------------------------------------------------------------- papers


def test_a_number_is_given_once_a_kind_and_year_and_the_refusal_names_the_case(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    desk.act(session, case, by=by)
    take(session, case, Move.RECORD_VIOLATION, by, record_number="07/BB-VPHC")
    other = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path, 7)])
    desk.walk(session, other, Move.START_INSPECTION, by=by)
    desk.act(session, other, by=by)
    with pytest.raises(signing.NumberTaken) as refused:
        take(session, other, Move.RECORD_VIOLATION, by, record_number="07/BB-VPHC")
    assert refused.value.facts == {"number": "07/BB-VPHC", "case": case.number}
    assert other.state is CaseState.INSPECTING
    # Numbers begin anew every year, so next year's is another paper.
    next_year = CasePaper(
        case_id=other.id, kind=signing.PaperKind.VIOLATION_RECORD, number="07/BB-VPHC", signed_on=date(2027, 1, 4), signer_name="x",
        added_at=NOW, added_by=by,
    )  # fmt: skip
    session.add(next_year)
    session.flush()


def test_papers_follow_each_other_and_the_act(session: Session, case: CaseFile, by: UUID) -> None:
    desk.act(session, case, by=by, began_on=date(2026, 6, 10), ended_on=None)
    with pytest.raises(Refused) as refused:
        take(session, case, Move.RECORD_VIOLATION, by, signed_on=date(2026, 6, 9))
    assert {type(each) for each in refused.value.reasons} == {signing.SignedBeforeAct, signing.SignedBeforePaper}
    take(session, case, Move.RECORD_VIOLATION, by)
    take(session, case, Move.PREPARE_DECISION, by)
    with pytest.raises(Refused) as refused:
        take(session, case, Move.PENALISE, by, signed_on=date(2026, 6, 14))
    assert [type(each) for each in refused.value.reasons] == [
        signing.SignedBeforePaper,
        deciding.DecidedBeforePrepared,
        deciding.DecidedBeforeExplained,
    ]
    with pytest.raises(casebook.NotInFuture):
        take(session, case, Move.PENALISE, by, signed_on=date(2026, 6, 20))
    assert case.state is CaseState.DECISION_DUE


def test_clocks_count_from_the_day_of_the_paper_not_of_the_typing(session: Session, case: CaseFile, by: UUID) -> None:
    desk.act(session, case, by=by)
    typed = NOW + timedelta(days=3)
    take(session, case, Move.RECORD_VIOLATION, by, at=typed, signed_on=date(2026, 6, 16))
    due = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.PENALTY_DECISION)).one()
    assert due.due_at == datetime(2026, 6, 25, 23, 59, 59, tzinfo=CITY)


def test_an_inspection_rests_on_a_lawful_ground_and_is_urgent_only_for_a_reason(
    session: Session, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    case = desk.case(session, world, tmp_path)
    desk.walk(session, case, Move.PROPOSE_INSPECTION, by=by)
    with pytest.raises(deciding.NoLawfulGround):
        take(session, case, Move.DECIDE_INSPECTION, by, inspection_ground="tin đồn")
    with pytest.raises(deciding.UrgentWithoutReason):
        take(session, case, Move.DECIDE_INSPECTION, by, urgent=True)
    plan = {"inspection_ground": InspectionGround.PLAN}
    with pytest.raises(deciding.UrgentWithoutReason):
        take(session, case, Move.DECIDE_INSPECTION, by, urgent=True, urgent_reason="Gấp", **plan)
    take(session, case, Move.DECIDE_INSPECTION, by, **plan)
    start = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.INSPECTION_START)).one()
    assert start.due_at == datetime(2026, 6, 22, 23, 59, 59, tzinfo=CITY)  # under the plan: five working days


def test_the_database_itself_lets_nobody_inspect_without_a_decision_and_close_what_is_open(
    session: Session, world: factories.World, tmp_path: Path, by: UUID
) -> None:
    bare = desk.case(session, world, tmp_path)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    change = "UPDATE enforcement.case_file SET state = :state, closed_at = :closed, outcome = :outcome WHERE id = :id"
    for state, closed, outcome, broken in (
        ("inspecting", None, None, "inspection_on_a_decision"), ("closed", NOW, "no_violation", "closed_with_nothing_open")
    ):  # fmt: skip
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(text(change), {"state": state, "closed": closed, "outcome": outcome, "id": bare.id})
        assert broken_constraint(refused.value) == broken


def test_a_record_without_an_act_is_refused(session: Session, case: CaseFile, by: UUID) -> None:
    with pytest.raises(deciding.NoAct):
        take(session, case, Move.RECORD_VIOLATION, by)


def test_time_is_called_barred_only_when_it_is(session: Session, case: CaseFile, by: UUID) -> None:
    desk.act(session, case, by=by)
    take(session, case, Move.RECORD_VIOLATION, by)
    barred = {"no_penalty_ground": "time_barred"}
    with pytest.raises(deciding.NotTimeBarred):
        take(session, case, Move.DISCONTINUE, by, **barred)
    ended = take(session, case, Move.DISCONTINUE, by, at=NOW + timedelta(days=40), **barred)
    assert ended.state is CaseState.DISCONTINUED


# ---------------------------------------------------------------- execution, closing, police


def penalised(session: Session, case: CaseFile, by: UUID, **given: object) -> CaseFile:
    desk.act(session, case, by=by)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION, Move.PENALISE):
        take(session, case, move, by, **given)
    return case


def test_a_fine_is_paid_in_parts_and_only_the_last_one_settles_it(session: Session, case: CaseFile, by: UUID) -> None:
    penalised(session, case, by)
    fine = next(each for each in orders.standing_open(session, case) if each.kind is ObligationKind.FINE)
    with pytest.raises(orders.NotPaid):
        orders.settle(
            session, case.id, fine.id, state=ObligationState.DONE, settled_on=DAY, document_number="x", note=None, by=by,
            duties=desk.ALL_DUTIES, at=later(50),
        )  # fmt: skip
    pay = {"paid_on": DAY, "document_number": "BL-1", "by": by, "at": later(50)}
    with pytest.raises(orders.PaidTooMuch):
        orders.pay(session, case.id, fine.id, amount=20_000_001, **pay)  # type: ignore[arg-type]
    with pytest.raises(orders.BeforeDecision):
        orders.pay(session, case.id, fine.id, amount=1, **{**pay, "paid_on": date(2026, 6, 1)})  # type: ignore[arg-type]
    orders.pay(session, case.id, fine.id, amount=5_000_000, **pay)  # type: ignore[arg-type]
    assert (fine.paid, fine.state) == (5_000_000, ObligationState.OPEN)
    orders.pay(session, case.id, fine.id, amount=15_000_000, **pay)  # type: ignore[arg-type]
    assert fine.state is ObligationState.DONE


def test_a_case_is_not_closed_while_anything_is_open_and_all_of_it_is_said(
    session: Session, case: CaseFile, by: UUID
) -> None:
    seized = thing(session, case, by, seal="NP-1")
    thing(session, case, by)
    found = measure(session, case, by, MeasureKind.SEIZURE, exhibit_ids=(seized.id,))
    penalised(session, case, by, confiscation=1_000_000)
    take(session, case, Move.START_EXECUTION, by)
    with pytest.raises(Refused) as refused:
        take(session, case, Move.CLOSE, by)
    told = [type(each) for each in refused.value.reasons]
    assert told.count(closing.OrderOpen) == 4  # the fine, the confiscation and two remedies
    assert told.count(closing.ExhibitUndecided) == 2
    assert set(told) == {closing.OrderOpen, closing.ExhibitUndecided, closing.MeasureRuns, closing.ClockRuns}
    assert case.state is CaseState.EXECUTING
    end(session, case, found, MeasureResult.CONFISCATED, by, later(60))
    second = exhibits.still_held(session, case)[0]
    exhibits.do(
        session, case.id, second.id, DeedFacts(ExhibitDeed.RETURNED, later(61), document_number="MBB17-1"), by=by, at=later(61)
    )  # fmt: skip
    desk.carry_out(session, case, by=by, at=later(62))
    done = take(session, case, Move.CLOSE, by, at=later(63))
    assert (done.state, done.outcome, done.next_due_at) == (CaseState.CLOSED, Outcome.INFRINGEMENT, None)


def test_a_file_goes_to_the_police_with_its_list_and_comes_back(session: Session, case: CaseFile, by: UUID) -> None:
    held = thing(session, case, by, seal="NP-1")
    desk.act(session, case, by=by)
    take(session, case, Move.RECORD_VIOLATION, by)
    take(session, case, Move.TRANSFER_CRIMINAL, by)
    away = police.away(session, case)
    assert away is not None
    assert [row["seal_number"] for row in away.contents["exhibits"]] == ["NP-1"]
    assert [row["folio"] for row in away.contents["folios"]] == [1]
    with pytest.raises(police.NotReceivedYet):
        take(session, case, Move.TAKE_BACK, by)
    got = {"received_by": "Trung tá mẫu", "record_number": "MBB28-1", "by": by}
    with pytest.raises(police.ReceivedBeforeListed):
        police.confirm(session, case.id, away.id, received_on=date(2026, 6, 1), at=later(50), **got)  # type: ignore[arg-type]
    police.confirm(session, case.id, away.id, received_on=DAY, at=later(50), **got)  # type: ignore[arg-type]
    assert (held.state, held.keeper) == (ExhibitState.HANDED_OVER, "Trung tá mẫu")
    with pytest.raises(deciding.NoPenaltyStands):
        take(session, case, Move.RESUME_EXECUTION, by, at=later(60))
    back = take(session, case, Move.TAKE_BACK, by, at=later(60))
    assert (back.state, held.state) == (CaseState.DECISION_DUE, ExhibitState.HELD)
    assert police.away(session, case) is None


def test_a_decision_of_a_higher_signer_is_taken_in_by_name_and_carried_out_here(
    session: Session, case: CaseFile, by: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    fined, put = [], rulings.put
    monkeypatch.setattr(rulings, "put", lambda *given, **more: (fined.extend(more["fines"]), put(*given, **more))[1])
    desk.act(session, case, by=by)
    take(session, case, Move.RECORD_VIOLATION, by)
    take(session, case, Move.TRANSFER, by)
    away = police.away(session, case)
    assert away is not None
    police.confirm(
        session,
        case.id,
        away.id,
        received_by="Văn phòng mẫu",
        received_on=DAY,
        record_number="BN-1",
        by=by,
        at=later(50),
    )
    taken = take(session, case, Move.RECEIVE_DECISION, by, at=later(60), fine=180_000_000)
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == signing.PaperKind.PENALTY)).one()
    assert (taken.state, paper.signer_id, paper.signer_name) == (CaseState.PENALISED, None, "Người mẫu Thành phố")
    # As whom somebody elsewhere signed is nowhere made up.
    assert (paper.capacity, [each.capacity for each in fined]) == (None, [None])
    assert session.scalars(select(CaseEvent.facts["capacity"].astext).where(CaseEvent.move == Move.RECEIVE_DECISION)).one() is None  # fmt: skip


@pytest.mark.committed
def test_of_two_heads_who_sign_at_once_one_wins_and_the_other_reads_who_and_when(
    committed: Engine, tmp_path: Path
) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
        desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
        case_id, version, heads = case.id, case.version, (world.team_head.id, world.branch_head.id)
        session.commit()
    together, won, lost = threading.Barrier(2), [], []

    def sign(who: UUID) -> None:
        with Session(committed) as own:
            together.wait(10)
            try:
                cases.move(
                    own, case_id, Move.PENALISE, by=who, duties=frozenset({Duty.BRANCH_HEAD}), given=desk.filled(Move.PENALISE),
                    at=later(), version=version,
                )  # fmt: skip
                own.commit()
                won.append(who)
            except casebook.CaseChanged as exc:
                lost.append(exc.facts)

    threads = [threading.Thread(target=sign, args=(who,)) for who in heads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(won) == 1
    assert lost == [{"who": lost[0]["who"], "when": "10:30 15/06/2026"}]
    with Session(committed) as session:
        assert factories.count(session, CasePaper, CasePaper.kind == signing.PaperKind.PENALTY) == 1
