"""Promises of confiscation: nothing is taken for good without a decision that orders it, nor above what its signer may confiscate."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from enforcement import acts, cases, confiscation, exhibits, goods, measures, orders
from enforcement.errors import HandToBranchHead, MissingDemand
from enforcement.exhibits import DeedFacts, ExhibitFacts
from enforcement.measures import MeasureFacts
from enforcement.models import (
    CaseFile,
    CasePaper,
    CasePartyRole,
    Exhibit,
    ExhibitDeed,
    ExhibitState,
    GoodsLine,
    MeasureKind,
    MeasureResult,
    Obligation,
    ObligationKind,
    ObligationState,
    PaperKind,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Duty, Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import Refused, broken_constraint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

DAY = NOW.astimezone(CITY).date()
M = 1_000_000
TEAM_HEAD_MAY = 150 * M  # twice thirty percent of two hundred and fifty (Decree 189/2025)


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.team_head.id


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


def later(minutes: int = 30) -> datetime:
    return NOW + timedelta(minutes=minutes)


def lot(session: Session, case: CaseFile, by: UUID, *, price: int = M, quantity: int = 100) -> GoodsLine:
    facts = goods.GoodsFacts("Vải mẫu", Decimal(quantity), "hộp", price, ValuationMethod.MARKET_PRICE, DAY)
    return goods.add(session, case.id, facts, by=by, at=later())


def thing(
    session: Session, case: CaseFile, by: UUID, line: GoodsLine | None = None, *, quantity: int = 100, unit: str = "hộp"
) -> Exhibit:
    facts = ExhibitFacts(
        "Vải mẫu", Decimal(quantity), unit, "Còn nguyên", "Kho mẫu", "Thủ kho mẫu", goods_id=line.id if line else None
    )
    return exhibits.add(session, case.id, facts, by=by, at=later())


def due(session: Session, case: CaseFile, by: UUID) -> None:
    """Up to the decision."""
    desk.act(session, case, by=by, at=later())
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=by, at=later(40))


def decide(
    session: Session, case: CaseFile, by: UUID, move: Move, duty: Duty = Duty.TEAM_HEAD, **given: object
) -> CaseFile:
    filled = desk.filled(move, **given)
    return cases.move(session, case.id, move, by=by, duties={duty}, given=filled, at=later(50))


def confiscate(
    session: Session, case: CaseFile, found: Exhibit, by: UUID, *, at: datetime | None = None, deed: ExhibitDeed = ExhibitDeed.CONFISCATED
) -> Exhibit:  # fmt: skip
    at = at or later(60)
    return exhibits.do(session, case.id, found.id, DeedFacts(deed, at, document_number="MBB20-1"), by=by, at=at)


def seize(session: Session, case: CaseFile, found: Exhibit, by: UUID) -> UUID:
    facts = MeasureFacts(MeasureKind.SEIZURE, "20/QĐ-TG", "Tạm giữ vải", "Hộ mẫu", later(31), exhibit_ids=(found.id,))
    return measures.begin(session, case.id, facts, by=by, duties={Duty.TEAM_HEAD}, at=later(31)).id


def end(session: Session, case: CaseFile, measure_id: UUID, by: UUID) -> None:
    measures.end(
        session, case.id, measure_id, result=MeasureResult.CONFISCATED, ended_at=later(60), document_number="MBB20-1", note=None, by=by,
        at=later(60),
    )  # fmt: skip


# ---------------------------------------------------------------- nothing without a decision


def test_no_exhibit_is_confiscated_under_an_invented_number(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by, lot(session, case, by))
    with pytest.raises(confiscation.NotOrdered) as refused:
        confiscate(session, case, found, by)
    assert refused.value.facts == {"seq": "1", "description": "Vải mẫu"}
    assert [each.deed for each in found.events] == [ExhibitDeed.TAKEN]
    assert found.state is ExhibitState.HELD


def test_a_seizure_does_not_end_with_a_confiscation_that_nobody_ordered(
    session: Session, case: CaseFile, by: UUID
) -> None:
    found = thing(session, case, by, lot(session, case, by))
    seizure = seize(session, case, found, by)
    with pytest.raises(confiscation.NotOrdered):
        end(session, case, seizure, by)
    assert (found.state, measures.running(session, [case.id])[0].id) == (ExhibitState.HELD, seizure)


def test_a_fine_that_confiscates_nothing_takes_nothing(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by, lot(session, case, by, price=10_000))
    due(session, case, by)
    decide(session, case, by, Move.PENALISE, fine=1_250_000)
    with pytest.raises(confiscation.NotOrdered):
        confiscate(session, case, found, by)


@pytest.mark.parametrize("way", [confiscate, lambda session, case, found, by: end(session, case, found.measure_id, by)])
def test_what_a_penalty_confiscates_is_taken_by_hand_or_with_the_end_of_its_seizure_and_then_destroyed(
    session: Session, case: CaseFile, by: UUID, way: Callable[..., object]
) -> None:
    found = thing(session, case, by, lot(session, case, by, price=10_000))
    seize(session, case, found, by)
    due(session, case, by)
    decide(session, case, by, Move.PENALISE, fine=1_250_000, confiscation=M)
    way(session, case, found, by)
    assert found.state is ExhibitState.CONFISCATED
    confiscate(session, case, found, by, deed=ExhibitDeed.DESTROYED)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert found.state is ExhibitState.DESTROYED


def test_nothing_is_taken_before_the_day_of_its_decision(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by, lot(session, case, by, price=10_000))
    due(session, case, by)
    decide(session, case, by, Move.PENALISE, fine=1_250_000, confiscation=M)
    with pytest.raises(confiscation.BeforeItsDecision):
        confiscate(session, case, found, by, at=NOW - timedelta(days=1))


def test_the_goods_of_one_offender_are_not_taken_by_the_decision_on_another(
    session: Session, case: CaseFile, by: UUID
) -> None:
    desk.act(session, case, by=by, at=later())
    told = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Người mẫu Hai")
    second = acts.add_party(session, case.id, told, by=by, at=later())
    their = acts.add_act(
        session, case.id,
        acts.ActFacts("Hành vi hai", acts.LegalQualification.GI_INFRINGEMENT, DAY, DAY, "Chợ mẫu", offender_id=second.id),
        by=by, at=later(),
    )  # fmt: skip
    facts = goods.GoodsFacts("Vải hai", Decimal(1), "lô", M, ValuationMethod.MARKET_PRICE, DAY, act_id=their.id)
    mine, of_second = (
        thing(session, case, by, lot(session, case, by, price=10_000)),
        thing(session, case, by, goods.add(session, case.id, facts, by=by, at=later())),
    )
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=by, at=later(40))
    first = next(each for each in confiscation.standing(session, case) if each.offender_id != second.id).offender_id
    wish = confiscation_of(first)
    cases.move(
        session, case.id, Move.PENALISE, by=by, duties={Duty.TEAM_HEAD}, given=desk.filled(Move.PENALISE, fines=[wish]), at=later(50)
    )  # fmt: skip
    with pytest.raises(confiscation.NotOrdered):
        confiscate(session, case, of_second, by)
    assert confiscate(session, case, mine, by).state is ExhibitState.CONFISCATED


def confiscation_of(party_id: UUID | None) -> object:
    from enforcement.fines import Wish

    assert party_id is not None
    return Wish(party_id, 1_250_000, confiscation=M)


# ---------------------------------------------------------------- nothing above the signer


def test_a_decision_without_a_fine_confiscates_only_what_its_signer_may(
    session: Session, case: CaseFile, by: UUID
) -> None:
    due(session, case, by)
    with pytest.raises(HandToBranchHead):
        decide(session, case, by, Move.ORDER_REMEDY, remedies=None, confiscation=TEAM_HEAD_MAY + 1)
    assert case.state is CaseState.DECISION_DUE
    assert factories.count(session, CasePaper, CasePaper.kind == PaperKind.REMEDY_ONLY) == 0
    decide(session, case, by, Move.ORDER_REMEDY, remedies=None, confiscation=TEAM_HEAD_MAY)
    line = session.query(Obligation).one()
    assert (case.state, line.kind, line.value) == (CaseState.REMEDIAL_ONLY, ObligationKind.CONFISCATION, TEAM_HEAD_MAY)


def test_the_head_of_the_branch_confiscates_whatever_it_is_worth(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by, lot(session, case, by, price=9 * M))
    due(session, case, by)
    decide(session, case, by, Move.ORDER_REMEDY, Duty.BRANCH_HEAD, remedies=None, confiscation=900 * M)
    assert confiscate(session, case, found, by).state is ExhibitState.CONFISCATED


def test_a_decision_without_a_fine_orders_something(session: Session, case: CaseFile, by: UUID) -> None:
    due(session, case, by)
    with pytest.raises(MissingDemand) as missed:
        decide(session, case, by, Move.ORDER_REMEDY, remedies=None, confiscation=0)
    assert missed.value.facts["missing"] == ("remedies",)


@pytest.mark.parametrize("line", ["Tịch thu toàn bộ lô hàng", "Gỡ tem\n- Buộc tịch thu tem", "1. TỊCH THU vải"])
@pytest.mark.parametrize("move", [Move.PENALISE, Move.ORDER_REMEDY])
def test_a_confiscation_does_not_hide_among_the_remedies(
    session: Session, case: CaseFile, by: UUID, line: str, move: Move
) -> None:
    due(session, case, by)
    with pytest.raises(confiscation.ConfiscationApart):
        decide(session, case, by, move, remedies=line)
    assert case.state is CaseState.DECISION_DUE


def test_goods_worth_more_than_the_signer_may_confiscate_are_not_taken_whatever_the_decision_says_they_are_worth(
    session: Session, case: CaseFile, by: UUID
) -> None:
    line = lot(session, case, by, price=9 * M)
    whole, part = thing(session, case, by, line), thing(session, case, by, line, quantity=16)
    unvalued = thing(session, case, by)
    due(session, case, by)
    decide(session, case, by, Move.ORDER_REMEDY, confiscation=M)
    with pytest.raises(confiscation.BeyondTheSigner) as refused:
        confiscate(session, case, whole, by)
    assert refused.value.facts == {"value": 900 * M, "cap": TEAM_HEAD_MAY}
    assert confiscate(session, case, part, by).state is ExhibitState.CONFISCATED  # 144 million
    with pytest.raises(confiscation.NotValued):
        confiscate(session, case, unvalued, by)
    one_more = thing(session, case, by, line, quantity=1)
    with pytest.raises(confiscation.BeyondTheSigner) as together:  # bit by bit comes to the same
        confiscate(session, case, one_more, by)
    assert together.value.facts["value"] == 153 * M


def test_an_exhibit_counted_otherwise_than_its_goods_is_worth_all_of_them(
    session: Session, case: CaseFile, by: UUID
) -> None:
    line = lot(session, case, by, price=10_000)
    found = [thing(session, case, by, line, quantity=n, unit="kg") for n in (1, 2)]
    assert confiscation.worth(session, found) == M
    assert confiscation.worth(session, [thing(session, case, by, line, quantity=6)] * 2) == 60_000


# ---------------------------------------------------------------- orders entered later


def test_an_order_to_confiscate_that_is_entered_later_has_a_value_that_the_signer_may_confiscate(
    session: Session, case: CaseFile, by: UUID
) -> None:
    due(session, case, by)
    decide(session, case, by, Move.ORDER_REMEDY, confiscation=100 * M)

    def add(kind: ObligationKind, what: str, value: int | None) -> Obligation:
        return orders.add(
            session, case.id, kind, what, by=by, duties={Duty.TEAM_HEAD}, at=later(60), value=value
        )  # fmt: skip

    with pytest.raises(confiscation.ValueMissing):
        add(ObligationKind.CONFISCATION, "Tịch thu thêm", None)
    with pytest.raises(confiscation.BeyondTheSigner):
        add(ObligationKind.CONFISCATION, "Tịch thu thêm", 51 * M)
    with pytest.raises(confiscation.ConfiscationApart):
        add(ObligationKind.REMEDY, "Tịch thu thêm", None)
    assert add(ObligationKind.CONFISCATION, "Tịch thu thêm", 50 * M).value == 50 * M


def test_the_order_by_which_goods_were_taken_stays(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by, lot(session, case, by, price=10_000))
    due(session, case, by)
    decide(session, case, by, Move.ORDER_REMEDY, remedies=None, confiscation=M)
    line = session.query(Obligation).one()
    confiscate(session, case, found, by)
    with pytest.raises(confiscation.GoodsWereTaken):
        orders.drop(session, case.id, line.id, reason="Nhầm", by=by, duties={Duty.TEAM_HEAD}, at=later(61))
    with pytest.raises(confiscation.GoodsWereTaken):
        orders.settle(
            session, case.id, line.id, state=ObligationState.LAPSED, settled_on=DAY, document_number="1", note="Hết hiệu lực", by=by,
            duties={Duty.TEAM_HEAD}, at=later(61),
        )  # fmt: skip


# ---------------------------------------------------------------- the database


def test_the_database_lets_nothing_be_taken_without_an_order(session: Session, case: CaseFile, by: UUID) -> None:
    found = thing(session, case, by)
    with session.begin_nested() as tried:
        session.execute(
            text(
                "INSERT INTO enforcement.exhibit_event (exhibit_id, seq, deed, at, by, document_number, kept_at, keeper) "
                "VALUES (:id, 9, 'confiscated', now(), :by, 'bịa', 'kho', 'ai đó')"
            ),
            {"id": found.id, "by": by},
        )
        with pytest.raises(IntegrityError) as refused:
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        tried.rollback()
    assert broken_constraint(refused.value) == "exhibit_taken_by_decision"


def test_all_faults_of_a_confiscation_are_said_at_once(session: Session, case: CaseFile, by: UUID) -> None:
    line = lot(session, case, by, price=9 * M)
    found = [thing(session, case, by, line), thing(session, case, by)]
    facts = MeasureFacts(
        MeasureKind.SEIZURE, "20/QĐ-TG", "Tạm giữ", "Hộ mẫu", later(31), exhibit_ids=tuple(each.id for each in found)
    )
    seizure = measures.begin(session, case.id, facts, by=by, duties={Duty.TEAM_HEAD}, at=later(31))
    due(session, case, by)
    decide(session, case, by, Move.ORDER_REMEDY, confiscation=M)
    with pytest.raises(Refused) as refused:
        end(session, case, seizure.id, by)
    assert {type(each) for each in refused.value.reasons} == {confiscation.NotValued, confiscation.BeyondTheSigner}
    assert (seizure.ended_at, found[0].state) == (None, ExhibitState.HELD)
