"""Promises of the right to explain: judged by dated figures of the law, told, timed only where it exists, and never cut short by a decision."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import acts, casebook, explaining, goods, joins, law, lawbook, signing, terms
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import IllegalMove, MissingDemand
from enforcement.law_seed import ExplanationThreshold as Threshold
from enforcement.models import (
    CaseFile,
    CaseParty,
    CasePartyRole,
    Deadline,
    EndedAs,
    Explanation,
    ExplanationEnd,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Demand, Move
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from tests import factories

TODAY = NOW.date()
# Five working days after Monday the 15th.
ENDS = datetime(2026, 6, 22, 23, 59, 59, tzinfo=CITY)
UNSAID = {"explanation": None, "explanation_number": None}


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.team_head.id


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.team_head.id)


def done(
    session: Session, case: CaseFile, by: UUID, worth: int, *, organisation: bool = False, name: str = "Hộ mẫu"
) -> None:
    """Somebody did something with goods worth so much."""
    who = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=organisation, name=name)
    offender = acts.add_party(session, case.id, who, by=by, at=NOW)
    facts = acts.ActFacts(
        f"Bán hàng dán tem sao chép ({name})", LegalQualification.GI_INFRINGEMENT, date(2026, 5, 1), date(2026, 6, 1), "Chợ mẫu", offender_id=offender.id
    )  # fmt: skip
    act = acts.add_act(session, case.id, facts, by=by, at=NOW)
    line = goods.GoodsFacts("Vải mẫu", Decimal(1), "lô", worth, ValuationMethod.MARKET_PRICE, TODAY, act_id=act.id)
    goods.add(session, case.id, line, by=by, at=NOW)


def recorded(session: Session, case: CaseFile, by: UUID, **given: object) -> Explanation:
    desk.take(session, case, Move.RECORD_VIOLATION, by=by, **given)
    return session.scalars(select(Explanation)).one()


@pytest.mark.parametrize(
    ("worth", "organisation", "owed"),
    [
        (9_999_999, False, False),  # tier 3: 4 to 8 millions
        (10_000_001, False, True),  # tier 4: up to 15
        (9_999_999, True, False),  # doubled: up to 16, below 30
        (10_000_001, True, True),  # doubled: up to 30
    ],
)
def test_the_top_of_the_bracket_decides_not_the_fine(
    session: Session, case: CaseFile, by: UUID, worth: int, organisation: bool, owed: bool
) -> None:
    done(session, case, by, worth, organisation=organisation)
    row = recorded(session, case, by)
    assert (row.owed, row.threshold) == (owed, 30_000_000 if organisation else 15_000_000)
    assert row.needs_verification, "nobody compared the figures with the text"


def test_a_suspension_that_is_foreseen_gives_the_right_whatever_the_fine(
    session: Session, case: CaseFile, by: UUID
) -> None:
    done(session, case, by, 1_000_000)
    row = recorded(session, case, by, suspension=True)
    assert (row.owed, row.suspension, row.bracket_top) == (True, True, 2_000_000)


def test_where_the_law_data_cannot_say_the_right_is_granted(session: Session, case: CaseFile, by: UUID) -> None:
    who = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Hộ mẫu")
    offender = acts.add_party(session, case.id, who, by=by, at=NOW)
    facts = acts.ActFacts(
        "Bán hàng giả",
        LegalQualification.COUNTERFEIT_GOODS,
        date(2026, 5, 1),
        date(2026, 6, 1),
        "Chợ mẫu",
        offender_id=offender.id,
    )
    acts.add_act(session, case.id, facts, by=by, at=NOW)
    row = recorded(session, case, by)
    assert (row.owed, row.bracket_top) == (True, None)


def test_new_figures_of_the_law_hold_from_their_day(session: Session, case: CaseFile, by: UUID) -> None:
    law.seed(session)
    later = Threshold(9_000_000, 18_000_000, "Luật mẫu Điều 61", "MAU-2026", date(2026, 6, 10))
    lawbook.enter_threshold(session, later, source="Công báo mẫu", by=by, at=NOW)
    assert law.explanation_threshold(session, date(2026, 6, 9)) != later
    done(session, case, by, 15_000_000)
    row = recorded(session, case, by)
    assert (row.owed, row.threshold, row.version) == (True, 9_000_000, "MAU-2026")


def test_without_the_right_no_clock_starts_and_the_decision_follows_at_once(
    session: Session, case: CaseFile, by: UUID
) -> None:
    done(session, case, by, 1_000_000)
    recorded(session, case, by)
    with pytest.raises(explaining.NoRightToExplain):
        desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    kinds = session.scalars(select(Deadline.kind).where(Deadline.met_at.is_(None))).all()
    assert not {DeadlineKind.EXPLANATION_WRITTEN, DeadlineKind.EXPLANATION_ORAL_REQUEST} & set(kinds)
    desk.take(session, case, Move.PREPARE_DECISION, by=by, **UNSAID)
    desk.take(session, case, Move.PENALISE, by=by, fine=1_250_000)
    assert case.state is CaseState.PENALISED


@pytest.mark.parametrize("opened", [True, False])
def test_with_the_right_nothing_is_decided_before_its_end(
    session: Session, case: CaseFile, by: UUID, opened: bool
) -> None:
    done(session, case, by, 15_000_000)
    row = recorded(session, case, by)
    if opened:
        desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    assert explaining.ends(session, case) == ENDS
    for said in ({}, {"explanation": ExplanationEnd.UNUSED}):
        with pytest.raises(explaining.ExplanationTimeRuns) as refused:
            desk.take(session, case, Move.PREPARE_DECISION, by=by, at=ENDS, **{**UNSAID, **said})
        assert refused.value.facts == {"who": "Hộ mẫu", "due": ENDS}
    with pytest.raises(MissingDemand) as missed:
        desk.take(
            session, case, Move.PREPARE_DECISION, by=by, explanation=ExplanationEnd.WRITTEN, explanation_number=None
        )
    assert missed.value.facts["missing"] == (Demand.EXPLANATION_NUMBER,)
    assert row.outcome is None
    desk.take(session, case, Move.PREPARE_DECISION, by=by, at=ENDS + timedelta(seconds=1), **UNSAID)
    assert (case.state, row.outcome) == (CaseState.DECISION_DUE, ExplanationEnd.UNUSED)


@pytest.mark.parametrize("outcome", [ExplanationEnd.WRITTEN, ExplanationEnd.MEETING, ExplanationEnd.WAIVED])
def test_whoever_explained_or_gave_it_up_in_writing_is_decided_on_earlier(
    session: Session, case: CaseFile, by: UUID, outcome: ExplanationEnd
) -> None:
    done(session, case, by, 15_000_000)
    row = recorded(session, case, by)
    desk.take(session, case, Move.PREPARE_DECISION, by=by, explanation=outcome, explanation_number="01/GT")
    assert (row.outcome, row.document_number) == (outcome, "01/GT")


def test_each_of_several_offenders_has_the_own_right_and_all_are_waited_for(
    session: Session, case: CaseFile, by: UUID
) -> None:
    done(session, case, by, 1_000_000, name="Hộ nhỏ")
    done(session, case, by, 15_000_000, name="Hộ vừa")
    done(session, case, by, 60_000_000, organisation=True, name="Công ty lớn")
    desk.take(session, case, Move.RECORD_VIOLATION, by=by)
    desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    rows = {row.party.name: row for row in session.scalars(select(Explanation))}
    assert {name: row.owed for name, row in rows.items()} == {"Hộ nhỏ": False, "Hộ vừa": True, "Công ty lớn": True}

    def receive(name: str, on: date = TODAY) -> None:
        explaining.receive(
            session, case.id, rows[name].id, outcome=ExplanationEnd.WRITTEN, on=on, document_number=f"Thư của {name}", by=by, at=NOW
        )  # fmt: skip

    with pytest.raises(signing.SignedBeforePaper):
        receive("Hộ vừa", date(2026, 6, 14))
    with pytest.raises(casebook.NotInFuture):
        receive("Hộ vừa", date(2026, 6, 16))
    with pytest.raises(NotFound):
        receive("Hộ nhỏ")
    receive("Hộ vừa")
    with pytest.raises(explaining.ExplainedAlready):
        receive("Hộ vừa")
    with pytest.raises(explaining.ExplanationTimeRuns) as refused:
        desk.take(session, case, Move.PREPARE_DECISION, by=by, **UNSAID)
    assert refused.value.facts["who"] == "Công ty lớn"
    receive("Công ty lớn")
    clock = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.EXPLANATION_WRITTEN)).one()
    assert clock.ended_as is EndedAs.FULFILLED
    desk.take(session, case, Move.PREPARE_DECISION, by=by, **UNSAID)
    with pytest.raises(explaining.ExplainedAlready):
        receive("Công ty lớn")
    assert case.state is CaseState.DECISION_DUE


def test_a_note_that_the_written_explanation_came_counts_as_one(session: Session, case: CaseFile, by: UUID) -> None:
    done(session, case, by, 15_000_000)
    row = recorded(session, case, by)
    desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    clock = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.EXPLANATION_WRITTEN)).one()
    terms.fulfil(session, case.id, clock.id, done_on=TODAY, document_number="05/CV", note=None, by=by, at=NOW)
    assert (row.outcome, row.document_number) == (ExplanationEnd.WRITTEN, "05/CV")
    desk.take(session, case, Move.PREPARE_DECISION, by=by, **UNSAID)


def test_goods_found_later_give_a_right_that_the_record_did_not_see(session: Session, case: CaseFile, by: UUID) -> None:
    done(session, case, by, 1_000_000)
    row = recorded(session, case, by)
    desk.take(session, case, Move.PREPARE_DECISION, by=by, **UNSAID)
    more = goods.GoodsFacts("Vải mẫu", Decimal(1), "lô", 50_000_000, ValuationMethod.MARKET_PRICE, TODAY)
    goods.add(session, case.id, more, by=by, at=NOW)
    with pytest.raises(explaining.ExplanationTimeRuns):
        desk.take(session, case, Move.PENALISE, by=by, fine=32_500_000)
    assert case.state is CaseState.DECISION_DUE
    row = explaining.note(session, case, at=NOW)[0]
    explaining.receive(
        session, case.id, row.id, outcome=ExplanationEnd.WAIVED, on=TODAY, document_number="06/TB", by=by, at=NOW
    )
    desk.take(session, case, Move.PENALISE, by=by, fine=32_500_000)
    assert case.state is CaseState.PENALISED


def test_nobody_explains_before_the_record(session: Session, case: CaseFile, by: UUID) -> None:
    done(session, case, by, 15_000_000)
    row = explaining.note(session, case, at=NOW)[0]
    with pytest.raises(IllegalMove):
        explaining.receive(
            session, case.id, row.id, outcome=ExplanationEnd.WRITTEN, on=TODAY, document_number="1", by=by, at=NOW
        )


def test_a_person_keeps_the_right_when_a_merge_is_taken_back(
    session: Session, case: CaseFile, by: UUID, world: factories.World, tmp_path: Path
) -> None:
    done(session, case, by, 15_000_000)
    kept = desk.case(session, world, tmp_path, with_law=False, photos=[desk.photo(session, tmp_path, 150)])
    joins.merge(session, kept.id, case.id, take=(), reason="Một nơi bán", by=by, at=NOW)
    [row] = explaining.note(session, kept, at=NOW)
    joins.unmerge(session, case.id, reason="Khác người bán", by=by, at=NOW)
    assert explaining.of_case(session, kept) == {}
    assert explaining.note(session, case, at=NOW) == [row]
    assert row.case_id == case.id


def struck(session: Session, case: CaseFile, by: UUID, name: str) -> None:
    found = session.scalars(select(CaseParty).where(CaseParty.name == name)).one()
    acts.strike_party(session, case.id, found.id, reason="Nhầm người", by=by, at=NOW)


def test_the_right_of_whoever_was_struck_holds_nobody_up(session: Session, case: CaseFile, by: UUID) -> None:
    done(session, case, by, 15_000_000)
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Hộ nhầm")
    acts.add_party(session, case.id, facts, by=by, at=NOW)
    desk.take(session, case, Move.RECORD_VIOLATION, by=by, suspension=True)
    desk.take(session, case, Move.OPEN_EXPLANATION, by=by)
    struck(session, case, by, "Hộ nhầm")
    [row] = explaining.note(session, case, at=NOW)
    explaining.receive(
        session, case.id, row.id, outcome=ExplanationEnd.WRITTEN, on=TODAY, document_number="05/GT", by=by, at=NOW
    )
    clock = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.EXPLANATION_WRITTEN)).one()
    assert clock.ended_as is EndedAs.FULFILLED


def test_a_suspension_foreseen_for_whoever_was_struck_gives_nobody_else_the_right(
    session: Session, case: CaseFile, by: UUID
) -> None:
    facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Hộ nhầm")
    acts.add_party(session, case.id, facts, by=by, at=NOW)
    [row] = explaining.note(session, case, suspension=True, at=NOW)
    assert row.owed
    done(session, case, by, 1_000_000)
    struck(session, case, by, "Hộ nhầm")
    assert [(each.party.name, each.owed) for each in explaining.rights(session, case, on=TODAY)] == [("Hộ mẫu", False)]
