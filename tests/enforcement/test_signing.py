"""Promises of signed papers: the number of a registered document goes with its own day, and in its own case only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from enforcement import documents, signing
from enforcement.models import CaseFile, PaperKind
from enforcement.papers import shelf
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.clock import CITY


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path)
    papers.unit(session, world)
    return made


def registered(session: Session, case: CaseFile, world: factories.World) -> str:
    drawn = papers.draft(session, case, world, "MBB01")
    made = documents.issue(
        session,
        case.id,
        drawn.id,
        version=drawn.version,
        confirmed=True,
        by=world.officer.id,
        duties=papers.OFFICER,
        at=NOW,
    )
    assert made.number is not None
    return made.number


def enter(session: Session, case: CaseFile, world: factories.World, number: str, days: int) -> str:
    later = NOW + timedelta(days=10)
    made = signing.paper(
        session, case, PaperKind.VIOLATION_RECORD, number, signed_on=(NOW + timedelta(days=days)).astimezone(CITY).date(), by=world.officer.id,
        duties=papers.OFFICER, at=later,
    )  # fmt: skip
    return made.number


def test_the_number_of_a_registered_document_goes_with_its_day(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    first, second = registered(session, case, world), registered(session, case, world)
    assert [paper.number for paper in shelf.registered(session, case.id, ["MBB01"])] == [second, first]
    with pytest.raises(signing.NotItsDay) as refused:
        enter(session, case, world, first, days=2)
    assert refused.value.facts["issued"] == NOW.astimezone(CITY).date()
    assert enter(session, case, world, first, days=0) == first


def test_a_number_from_elsewhere_takes_any_day_and_that_of_another_case_none(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    number = registered(session, case, world)
    assert enter(session, case, world, "99/BB-VPHC", days=2) == "99/BB-VPHC"
    other = desk.case(session, world, tmp_path, with_law=False)
    with pytest.raises(signing.NumberTaken):
        enter(session, other, world, number, days=0)
