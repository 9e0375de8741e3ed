"""Promises of who may decide on a seizure: by the dated rows of law, in an own office or under a delegation; nobody else, and nothing is written."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import authority, exhibits, law, lawbook, measures
from enforcement.law_seed import SeizurePower as Power
from enforcement.law_seed import Signer
from enforcement.measures import MeasureFacts
from enforcement.models import CaseFile, CasePaper, DelegationScope, Exhibit, MeasureKind, PaperKind, SeizurePower
from enforcement.transitions import Duty, Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

TODAY = NOW.date()


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


@pytest.fixture
def thing(session: Session, case: CaseFile, world: factories.World) -> Exhibit:
    facts = exhibits.ExhibitFacts("Cuộn tem mẫu", Decimal(3), "cuộn", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    return exhibits.add(
        session,
        case.id,
        facts,
        seal_number=None,
        document_number=None,
        by=world.officer.id,
        at=NOW + timedelta(minutes=10),
    )


def seize(
    session: Session, case: CaseFile, thing: Exhibit, by: UUID, duty: Duty, number: str = "20/QĐ-TG"
) -> CasePaper:
    at = NOW + timedelta(minutes=20)
    facts = MeasureFacts(MeasureKind.SEIZURE, number, "Tạm giữ tem", "Hộ mẫu", at, exhibit_ids=(thing.id,))
    return measures.begin(session, case.id, facts, by=by, duties={duty}, at=at).paper


def test_an_officer_seizes_nothing_and_is_told_who_may(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    with pytest.raises(measures.MayNotSeize) as refused:
        seize(session, case, thing, world.officer.id, Duty.OFFICER)
    assert refused.value.facts["who"] == [Signer.TEAM_HEAD, Signer.BRANCH_HEAD]
    assert factories.count(session, CasePaper, CasePaper.kind == PaperKind.SEIZURE) == 0
    assert thing.measure_id is None


@pytest.mark.parametrize(
    ("duty", "signer"), [(Duty.TEAM_HEAD, Signer.TEAM_HEAD), (Duty.BRANCH_HEAD, Signer.BRANCH_HEAD)]
)
def test_a_head_seizes_by_a_numbered_decision(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World, duty: Duty, signer: Signer
) -> None:
    paper = seize(session, case, thing, world.team_head.id, duty)
    assert (paper.number, paper.capacity) == ("20/QĐ-TG", signer)


def test_an_officer_seizes_under_a_delegation_of_measures_and_not_of_penalties(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    def delegate(scope: DelegationScope, number: str) -> None:
        authority.delegate(
            session, from_id=world.team_head.id, to_id=world.officer.id, scope=scope, decision_number=number, starts_on=TODAY, ends_on=TODAY,
            by=world.team_head.id, at=NOW,
        )  # fmt: skip

    delegate(DelegationScope.PENALTIES, "1/QĐ-GQ")
    with pytest.raises(measures.MayNotSeize):
        seize(session, case, thing, world.officer.id, Duty.OFFICER)
    delegate(DelegationScope.MEASURES, "2/QĐ-GQ")
    paper = seize(session, case, thing, world.officer.id, Duty.OFFICER)
    assert (paper.capacity, paper.delegation_number) == (Signer.TEAM_HEAD, "2/QĐ-GQ")


def test_who_may_seize_is_dated_law_that_a_head_enters_and_it_is_flagged_until_confirmed(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    assert all(row.needs_verification for row in session.scalars(select(SeizurePower)))
    later = Power(Signer.INSPECTOR, "Luật mẫu Điều 125", "MAU-2026", date(2026, 6, 15))
    lawbook.enter_seizure_power(session, later, source="Công báo mẫu", by=world.branch_head.id, at=NOW)
    assert law.seizers(session, date(2026, 6, 14)) == {Signer.TEAM_HEAD, Signer.BRANCH_HEAD}
    assert law.seizers(session, TODAY) == {Signer.INSPECTOR, Signer.TEAM_HEAD, Signer.BRANCH_HEAD}
    assert seize(session, case, thing, world.officer.id, Duty.OFFICER).capacity is Signer.INSPECTOR


def test_without_any_row_nobody_seizes(
    session: Session, case: CaseFile, thing: Exhibit, world: factories.World
) -> None:
    for row in session.scalars(select(SeizurePower)):
        row.valid_to = TODAY
    session.flush()
    with pytest.raises(measures.MayNotSeize) as refused:
        seize(session, case, thing, world.branch_head.id, Duty.BRANCH_HEAD)
    assert refused.value.facts["who"] == "–"
