"""Promises of taking and getting back: each offender's goods count against the signer's cap apart, and what the police had comes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sqlalchemy import select

from enforcement import acts, cases, confiscation, exhibits, fines, goods, measures, orders, police
from enforcement.errors import NotYourMove
from enforcement.exhibits import DeedFacts, ExhibitFacts
from enforcement.fines import Wish
from enforcement.models import (
    CaseFile,
    CasePartyRole,
    Exhibit,
    ExhibitDeed,
    ExhibitState,
    Handover,
    MeasureKind,
    MeasureResult,
    Obligation,
    ObligationKind,
    Ruling,
    ValuationMethod,
)
from enforcement.transitions import Duty, Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

DAY = NOW.astimezone(CITY).date()
M = 1_000_000
TEAM_HEAD_MAY = 150 * M
HEAD = frozenset({Duty.TEAM_HEAD})


class Seller(NamedTuple):
    """One of several offenders, with goods for a hundred million."""

    id: UUID
    act_id: UUID
    thing: Exhibit


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.team_head.id


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


def later(minutes: int = 30) -> datetime:
    return NOW + timedelta(minutes=minutes)


def thing(
    session: Session, case: CaseFile, by: UUID, act_id: UUID | None = None, *, worth: int = 100, of: Exhibit | None = None
) -> Exhibit:  # fmt: skip
    """Boxes of a million each. `of`: more of the goods of an exhibit, found later, so that the bracket of the fine stays."""
    if of is not None:
        told = ExhibitFacts("Vải mẫu", Decimal(worth), "hộp", "Còn", "Kho mẫu", "Thủ kho mẫu", goods_id=of.goods_id)
        return exhibits.add(session, case.id, told, by=by, at=later())
    facts = goods.GoodsFacts("Vải mẫu", Decimal(worth), "hộp", M, ValuationMethod.MARKET_PRICE, DAY, act_id=act_id)
    line = goods.add(session, case.id, facts, by=by, at=later())
    told = ExhibitFacts("Vải mẫu", Decimal(worth), "hộp", "Còn", "Kho mẫu", "Thủ kho mẫu", goods_id=line.id)
    return exhibits.add(session, case.id, told, by=by, at=later())


@pytest.fixture
def sellers(session: Session, case: CaseFile, by: UUID) -> list[Seller]:
    made = []
    for name in ("Người mẫu Một", "Người mẫu Hai"):
        party = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name=name)
        who = acts.add_party(session, case.id, party, by=by, at=later())
        told = acts.ActFacts(
            "Bán hàng", acts.LegalQualification.GI_INFRINGEMENT, DAY, DAY, "Chợ mẫu", offender_id=who.id
        )
        act = acts.add_act(session, case.id, told, by=by, at=later())
        made.append(Seller(who.id, act.id, thing(session, case, by, act.id)))
    return made


def prepare(session: Session, case: CaseFile, by: UUID) -> None:
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, case, move, by=by, at=later(40))


def penalise(
    session: Session, case: CaseFile, whom: Sequence[Seller], by: UUID, *, duties: Any = HEAD, worth: int = 100, at: int = 50
) -> None:  # fmt: skip
    wishes = []
    for each in whom:
        frame = fines.frame(session, case, on=DAY, offender=session.get_one(acts.CaseParty, each.id))
        assert frame.bracket is not None
        wishes.append(Wish(each.id, frame.bracket.middle, confiscation=worth * M))
    filled = desk.filled(Move.PENALISE, fines=wishes, fine=1)
    cases.move(session, case.id, Move.PENALISE, by=by, duties=duties, given=filled, at=later(at))


def take(session: Session, case: CaseFile, found: Exhibit, by: UUID) -> ExhibitState:
    deed = DeedFacts(ExhibitDeed.CONFISCATED, later(60), document_number="MBB20-1")
    return exhibits.do(session, case.id, found.id, deed, by=by, at=later(60)).state


# ---------------------------------------------------------------- the cap, offender by offender


@pytest.mark.parametrize("together", [True, False])
def test_each_offender_loses_as_much_as_the_signer_may_confiscate(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID, together: bool
) -> None:
    prepare(session, case, by)
    for n, whom in enumerate([sellers] if together else [[each] for each in sellers]):
        penalise(session, case, whom, by, at=50 + n)
    for each in sellers:
        assert take(session, case, each.thing, by) is ExhibitState.CONFISCATED


def test_what_one_offender_loses_bit_by_bit_still_adds_up(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    more = thing(session, case, by, worth=60, of=sellers[0].thing)
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    take(session, case, sellers[1].thing, by)
    take(session, case, sellers[0].thing, by)
    with pytest.raises(confiscation.BeyondTheSigner) as why:
        take(session, case, more, by)
    assert (why.value.facts, more.state) == ({"value": 160 * M, "cap": TEAM_HEAD_MAY}, ExhibitState.HELD)


def test_what_belongs_to_nobody_alone_is_counted_once_where_there_is_room(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    little = thing(session, case, by, worth=1)
    shared = [thing(session, case, by, worth=worth, of=little) for worth in (40, 40, 30)]
    for found in (*shared[:2], *(each.thing for each in sellers)):
        assert take(session, case, found, by) is ExhibitState.CONFISCATED
    with pytest.raises(confiscation.BeyondTheSigner):
        take(session, case, shared[2], by)


def test_goods_counted_whole_are_counted_under_one_order(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    for _ in range(2):
        whole = thing(session, case, by)
        told = ExhibitFacts("Vải mẫu", Decimal(1), "thùng", "Còn", "Kho mẫu", "Thủ kho mẫu", goods_id=whole.goods_id)
        boxes = [exhibits.add(session, case.id, told, by=by, at=later()) for _ in range(2)]
        for found in boxes:  # 100 of the 150 of one offender, and nothing of the other's
            assert take(session, case, found, by) is ExhibitState.CONFISCATED


def test_what_a_case_takes_is_judged_in_a_few_statements(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID, statements: list[str]
) -> None:
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    little = [thing(session, case, by, worth=1) for _ in range(12)]
    for found in little[:2]:
        take(session, case, found, by)
    spent = []
    for some in (little[2:4], little[2:4], little[2:]):  # the law is read with the first
        session.expire_all()
        statements.clear()
        assert confiscation.faults(session, case, some, ExhibitDeed.CONFISCATED, on=DAY) == []
        spent.append(sum("goods_line" not in each and "exhibit" not in each for each in statements))
    assert spent[1] == spent[2], "only what is weighed is read one by one"


def test_a_decision_that_names_nobody_alone_has_one_cap(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    prepare(session, case, by)
    filled = desk.filled(Move.ORDER_REMEDY, confiscation=140 * M)
    cases.move(session, case.id, Move.ORDER_REMEDY, by=by, duties=HEAD, given=filled, at=later(50))
    take(session, case, sellers[0].thing, by)
    with pytest.raises(confiscation.BeyondTheSigner):
        take(session, case, sellers[1].thing, by)
    ruling = session.scalars(select(Ruling).where(Ruling.party_id == sellers[1].id)).one()
    with pytest.raises(confiscation.BeyondTheSigner):
        add(session, case, by, ruling.id, 11)


def test_goods_that_an_uncapped_head_took_of_one_leave_the_cap_of_the_other_whole(
    session: Session, world: factories.World, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    big = thing(session, case, by, worth=900, of=sellers[0].thing)
    prepare(session, case, by)
    penalise(session, case, sellers[:1], world.branch_head.id, duties={Duty.BRANCH_HEAD}, worth=1000)
    penalise(session, case, sellers[1:], by, at=51)
    for found in (big, sellers[0].thing, sellers[1].thing):
        assert take(session, case, found, by) is ExhibitState.CONFISCATED


def add(session: Session, case: CaseFile, by: UUID, ruling_id: UUID, value: int) -> Obligation:
    return orders.add(
        session, case.id, ObligationKind.CONFISCATION, "Tịch thu thêm", by=by, duties=HEAD, at=later(60), ruling_id=ruling_id,
        value=value * M,
    )  # fmt: skip


def test_an_order_entered_later_is_weighed_with_those_on_the_same_offender(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    first = session.scalars(select(Ruling).where(Ruling.party_id == sellers[0].id)).one()
    assert add(session, case, by, first.id, 50).value == 50 * M
    with pytest.raises(confiscation.BeyondTheSigner) as why:
        add(session, case, by, first.id, 1)
    assert why.value.facts["value"] == 151 * M


def test_the_order_on_one_offender_stays_although_another_was_decided_on(
    session: Session, case: CaseFile, sellers: list[Seller], by: UUID
) -> None:
    prepare(session, case, by)
    penalise(session, case, sellers, by)
    take(session, case, sellers[0].thing, by)
    kind = Obligation.kind == ObligationKind.CONFISCATION
    mine, other = (
        session.scalars(select(Obligation).join(Ruling).where(kind, Ruling.party_id == each.id)).one()
        for each in sellers
    )
    with pytest.raises(confiscation.GoodsWereTaken):
        orders.drop(session, case.id, mine.id, reason="Nhầm", by=by, duties=HEAD, at=later(61))
    orders.drop(session, case.id, other.id, reason="Nhầm", by=by, duties=HEAD, at=later(61))


# ---------------------------------------------------------------- what another agency had


@pytest.mark.parametrize("confirmed_first", [True, False])
def test_seized_goods_that_went_to_the_police_come_back_with_the_file(
    session: Session, case: CaseFile, by: UUID, confirmed_first: bool
) -> None:
    found = thing(session, case, by, worth=1)
    seized = seize(session, case, found, by)
    desk.take(session, case, Move.TRANSFER_CRIMINAL, by=by, at=later(40), signed_on=DAY)
    if not confirmed_first:
        hand_over(session, case, seized, by)
    listed = session.scalars(select(Handover)).one()
    police.confirm(
        session, case.id, listed.id, received_by="Công an mẫu", received_on=DAY, record_number="BB28", by=by, at=later(50)
    )  # fmt: skip
    assert found.state is ExhibitState.HANDED_OVER
    back = NOW + timedelta(days=1)
    desk.take(session, case, Move.TAKE_BACK, by=by, at=back, signed_on=back.astimezone(CITY).date())
    assert found.state is ExhibitState.HELD


def seize(session: Session, case: CaseFile, found: Exhibit, by: UUID) -> UUID:
    facts = measures.MeasureFacts(MeasureKind.SEIZURE, "20/QĐ", "Tạm giữ", "Hộ mẫu", later(31), exhibit_ids=(found.id,))
    return measures.begin(session, case.id, facts, by=by, duties=HEAD, at=later(31)).id


def hand_over(session: Session, case: CaseFile, measure_id: UUID, by: UUID) -> None:
    measures.end(
        session, case.id, measure_id, result=MeasureResult.HANDED_OVER, ended_at=later(45), document_number="BB28", note=None, by=by,
        at=later(45),
    )  # fmt: skip


def test_a_head_takes_goods_back_from_another_agency_by_a_paper(
    session: Session, world: factories.World, case: CaseFile, by: UUID
) -> None:
    found = thing(session, case, by, worth=1)
    hand_over(session, case, seize(session, case, found, by), by)
    back = DeedFacts(ExhibitDeed.GIVEN_BACK, later(60), document_number="12/BB")
    with pytest.raises(NotYourMove):
        exhibits.do(session, case.id, found.id, back, by=world.officer.id, duties={Duty.OFFICER}, at=later(60))
    bare = DeedFacts(ExhibitDeed.GIVEN_BACK, later(60))
    with pytest.raises(exhibits.PaperNumberMissing):
        exhibits.do(session, case.id, found.id, bare, by=by, duties=HEAD, at=later(60))
    assert exhibits.do(session, case.id, found.id, back, by=by, duties=HEAD, at=later(60)).state is ExhibitState.HELD
