"""Promises of a fine on the real way, by the step that imposes it: the bracket of the law, who may sign it, under which delegation; refused, nothing moves."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from enforcement import acts, authority, cases, fines, goods, lawbook
from enforcement.competence import LegalQualification
from enforcement.errors import (
    AboveFieldMaximum,
    FineOutsideBracket,
    FineTimeBarred,
    HandToBranchHead,
    HandToCityChair,
    HandToTeamHead,
    MissingDemand,
    NoBracket,
    NoCapacity,
    NoRuleInForce,
    NotYourMove,
)
from enforcement.law_seed import Field, FieldMaximum, Signer
from enforcement.models import CaseFile, CasePaper, CasePartyRole, DelegationScope, PaperKind, Ruling, ValuationMethod
from enforcement.transitions import CaseState, Demand, Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_matrix import everything

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from tests import factories
    from trace.errors import TemThatError

TODAY = NOW.date()
TEAM_HEAD, OFFICER, BRANCH_HEAD = ({each} for each in (Duty.TEAM_HEAD, Duty.OFFICER, Duty.BRANCH_HEAD))
MILLION = 1_000_000


@pytest.fixture
def start(session: Session, world: factories.World, tmp_path: Path) -> Any:
    """A case up to the decision, about goods worth so many millions."""

    def make(
        worth: int | None, *, organisation: bool = False, qualification: LegalQualification = LegalQualification.GI_INFRINGEMENT
    ) -> CaseFile:  # fmt: skip
        case = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
        by = world.officer.id
        desk.walk(session, case, Move.START_INSPECTION, by=by)
        who = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=organisation, name="Bên mẫu")
        offender = acts.add_party(session, case.id, who, by=by, at=NOW)
        facts = acts.ActFacts(
            "Bán hàng mẫu", qualification, date(2026, 5, 1), date(2026, 6, 1), "Chợ mẫu", offender_id=offender.id
        )
        acts.add_act(session, case.id, facts, by=by, at=NOW)
        if worth is not None:
            line = goods.GoodsFacts("Vải", Decimal(1), "lô", worth * MILLION, ValuationMethod.MARKET_PRICE, TODAY)
            goods.add(session, case.id, line, by=by, at=NOW)
        for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
            desk.take(session, case, move, by=by)
        return case

    return make


def penalise(session: Session, case: CaseFile, by: UUID, duties: set[Duty], fine: int, **given: object) -> CaseFile:
    filled = desk.filled(Move.PENALISE, fine=fine, **given)
    return cases.move(session, case.id, Move.PENALISE, by=by, duties=duties, given=filled, at=NOW)


def refused(
    session: Session, case: CaseFile, by: UUID, duties: set[Duty], fine: int, why: type[TemThatError], **given: object
) -> TemThatError:
    """The step is refused so, and the case is as it was to the last row."""
    before = everything(session)
    with pytest.raises(why) as raised, session.begin_nested():
        penalise(session, case, by, duties, fine, **given)
    assert type(raised.value) is why
    session.expire_all()
    assert everything(session) == before
    assert case.state is CaseState.DECISION_DUE
    return raised.value


def delegate(session: Session, world: factories.World, **more: Any) -> None:
    told = {"scope": DelegationScope.PENALTIES, "starts_on": TODAY, "ends_on": TODAY + timedelta(days=30), **more}
    authority.delegate(
        session, from_id=world.branch_head.id, to_id=world.team_head.id, decision_number="05/QĐ-GQ", by=world.branch_head.id, at=NOW, **told
    )  # fmt: skip


def test_a_team_head_signs_up_to_seventy_five_millions_and_more_only_under_a_delegation(
    session: Session, world: factories.World, start: Any
) -> None:
    by = world.team_head.id
    low = start(80)  # 40 to 60 millions
    assert penalise(session, low, by, TEAM_HEAD, 50 * MILLION).state is CaseState.PENALISED
    high = start(150)  # 60 to 80 millions: the top decides, not the fine
    refused(session, high, by, TEAM_HEAD, 70 * MILLION, HandToBranchHead)
    delegate(session, world)
    assert penalise(session, high, by, TEAM_HEAD, 70 * MILLION).state is CaseState.PENALISED
    paper = session.scalars(
        select(CasePaper).where(CasePaper.case_id == high.id, CasePaper.kind == PaperKind.PENALTY)
    ).one()
    assert (paper.capacity, paper.delegated_from, paper.delegation_number) == (
        Signer.BRANCH_HEAD,
        "Người mẫu Chi",
        "05/QĐ-GQ",
    )


@pytest.mark.parametrize(
    "delegation",
    [
        {"scope": DelegationScope.MEASURES}, {"starts_on": TODAY + timedelta(days=1)},
    ],
)  # fmt: skip
def test_a_delegation_of_other_powers_or_other_days_covers_no_fine(
    session: Session, world: factories.World, start: Any, delegation: dict[str, Any]
) -> None:
    case = start(150)
    delegate(session, world, **delegation)
    refused(session, case, world.team_head.id, TEAM_HEAD, 70 * MILLION, HandToBranchHead)


def test_each_is_sent_to_the_lowest_who_is_competent(session: Session, world: factories.World, start: Any) -> None:
    officer = world.officer.id
    twenty_five = start(30)  # 15 to 25 millions: an officer's 10 % of 250 millions
    assert penalise(session, twenty_five, officer, OFFICER, 20 * MILLION).state is CaseState.PENALISED
    refused(session, start(60), officer, OFFICER, 32_500_000, HandToTeamHead)
    refused(session, start(150), officer, OFFICER, 70 * MILLION, HandToBranchHead)
    beyond = start(350)  # 110 to 150 millions, above the branch head's 125
    for duties in (OFFICER, TEAM_HEAD, BRANCH_HEAD):
        refused(session, beyond, world.branch_head.id, duties, 130 * MILLION, HandToCityChair)
    assert penalise(session, start(250), world.branch_head.id, BRANCH_HEAD, 95 * MILLION).state is CaseState.PENALISED


def test_nobody_signs_without_a_duty_of_the_desk(session: Session, world: factories.World, start: Any) -> None:
    case = start(2)
    refused(session, case, world.clerk.id, set(), 1_250_000, NotYourMove)
    with pytest.raises(NoCapacity):
        authority.capacity(session, world.clerk.id, (), TODAY)


def test_a_fine_outside_its_bracket_is_refused_with_both_ends(
    session: Session, world: factories.World, start: Any
) -> None:
    case = start(2)
    for fine in (499_999, 2_000_001):
        why = refused(session, case, world.team_head.id, TEAM_HEAD, fine, FineOutsideBracket, deviation="Tình tiết")
        assert why.facts == {"low": "500.000", "top": "2.000.000"}
    why = refused(session, case, world.team_head.id, TEAM_HEAD, 2_000_000, fines.DeviationUnexplained)
    assert why.facts == {"middle": "1.250.000"}


def test_an_organisation_is_fined_twice_and_its_signer_may_fine_twice(
    session: Session, world: factories.World, start: Any
) -> None:
    case = start(80, organisation=True)  # 80 to 120 millions, within a team head's 150 for an organisation
    refused(session, case, world.team_head.id, TEAM_HEAD, 50 * MILLION, FineOutsideBracket)
    penalise(session, case, world.team_head.id, TEAM_HEAD, 100 * MILLION)
    ruling = session.scalars(select(Ruling)).one()
    assert (ruling.fine, ruling.bracket_low, ruling.bracket_top, ruling.is_organisation) == (
        100 * MILLION,
        80 * MILLION,
        120 * MILLION,
        True,
    )


def test_goods_worth_more_than_the_cap_are_confiscated_by_a_higher_signer(
    session: Session, world: factories.World, start: Any
) -> None:
    case = start(80)
    # Twice a team head's 75 millions.
    refused(
        session, case, world.team_head.id, TEAM_HEAD, 50 * MILLION, HandToBranchHead, confiscation=150 * MILLION + 1
    )
    penalise(session, case, world.team_head.id, TEAM_HEAD, 50 * MILLION, confiscation=150 * MILLION)
    dear = start(250)
    penalise(session, dear, world.branch_head.id, BRANCH_HEAD, 95 * MILLION, confiscation=900 * MILLION)  # no cap
    assert (case.state, dear.state) == (CaseState.PENALISED, CaseState.PENALISED)


def test_where_the_law_data_hold_no_bracket_its_ends_are_written_by_hand_and_decide_who_signs(
    session: Session, world: factories.World, start: Any
) -> None:
    case, by = start(80, qualification=LegalQualification.COUNTERFEIT_GOODS), world.team_head.id
    refused(session, case, by, TEAM_HEAD, 30 * MILLION, NoBracket)
    half = refused(session, case, by, TEAM_HEAD, 30 * MILLION, MissingDemand, bracket_top=50 * MILLION)
    assert half.facts["missing"] == (Demand.BRACKET_LOW,)
    refused(
        session,
        case,
        by,
        TEAM_HEAD,
        30 * MILLION,
        fines.BracketWrong,
        bracket_low=50 * MILLION,
        bracket_top=20 * MILLION,
    )
    refused(
        session,
        case,
        by,
        TEAM_HEAD,
        60 * MILLION,
        FineOutsideBracket,
        bracket_low=20 * MILLION,
        bracket_top=50 * MILLION,
    )
    refused(
        session, case, by, TEAM_HEAD, 70 * MILLION, HandToBranchHead, bracket_low=60 * MILLION, bracket_top=76 * MILLION
    )
    refused(
        session,
        case,
        by,
        TEAM_HEAD,
        240 * MILLION,
        AboveFieldMaximum,
        bracket_low=200 * MILLION,
        bracket_top=251 * MILLION,
    )
    penalise(session, case, by, TEAM_HEAD, 30 * MILLION, bracket_low=20 * MILLION, bracket_top=50 * MILLION)
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.PENALTY)).one()
    assert (paper.bracket_low, paper.bracket_top, paper.bracket_basis) == (20 * MILLION, 50 * MILLION, "Điều 11")


def test_a_field_without_a_maximum_has_no_signer_until_a_head_enters_it(
    session: Session, world: factories.World, start: Any
) -> None:
    case, by = start(2, qualification=LegalQualification.FALSE_ORIGIN), world.team_head.id
    ends = {"bracket_low": MILLION, "bracket_top": 3 * MILLION}
    refused(session, case, by, TEAM_HEAD, 2 * MILLION, NoRuleInForce, **ends)
    maximum = FieldMaximum(Field.TRADE_AND_FAKE_GOODS, 100 * MILLION, "Luật mẫu Điều 24", "MAU", date(2026, 1, 1))
    lawbook.enter_maximum(session, maximum, source="Công báo mẫu", by=by, at=NOW)
    assert penalise(session, case, by, TEAM_HEAD, 2 * MILLION, **ends).state is CaseState.PENALISED


def test_after_the_time_to_decide_no_signer_is_competent(session: Session, world: factories.World, start: Any) -> None:
    case = start(2)
    filled = desk.filled(Move.PENALISE, fine=1_250_000)
    with pytest.raises(FineTimeBarred), session.begin_nested():
        cases.move(
            session,
            case.id,
            Move.PENALISE,
            by=world.branch_head.id,
            duties=BRANCH_HEAD,
            given=filled,
            at=NOW + timedelta(days=30),
        )
    assert session.scalar(text("SELECT count(*) FROM enforcement.ruling")) == 0
