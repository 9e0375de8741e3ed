"""Promises of a case's terms: the limitation from the end of the act, deadlines extended only in time and by a head."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import casebook, cases, terms
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import ExtensionTooLate, FineTimeBarred, NotYourMove
from enforcement.models import CaseFile, Deadline
from enforcement.transitions import Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])


def clocks_of(session: Session, case: CaseFile) -> dict[DeadlineKind, Deadline]:
    rows = session.scalars(
        select(Deadline).where(Deadline.case_id == case.id).execution_options(populate_existing=True)
    )
    return {row.kind: row for row in rows}


def end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=CITY)


def test_the_limitation_runs_from_the_end_of_the_act_and_anew_when_that_is_corrected(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    terms.qualify(
        session,
        case.id,
        qualification=LegalQualification.GI_INFRINGEMENT,
        act_ended_on=date(2026, 6, 1),
        by=world.officer.id,
        at=NOW,
    )
    assert clocks_of(session, case)[DeadlineKind.LIMITATION_IP].due_at == end_of(date(2028, 5, 31))
    terms.qualify(
        session,
        case.id,
        qualification=LegalQualification.FALSE_ORIGIN,
        act_ended_on=date(2026, 6, 1),
        by=world.officer.id,
        at=NOW,
    )
    running = clocks_of(session, case)
    assert running[DeadlineKind.LIMITATION_IP].stopped_at == NOW
    assert running[DeadlineKind.LIMITATION_GENERAL].due_at == end_of(date(2027, 5, 31))
    with pytest.raises(casebook.NotInFuture):
        terms.qualify(
            session,
            case.id,
            qualification=LegalQualification.FALSE_ORIGIN,
            act_ended_on=date(2026, 6, 16),
            by=world.officer.id,
            at=NOW,
        )


def extend(
    session: Session,
    case: CaseFile,
    world: factories.World,
    *,
    at: datetime = NOW,
    choice: int = 1,
    duties: frozenset[Duty] = desk.ALL_DUTIES,
) -> CaseFile:
    deadline = clocks_of(session, case)[DeadlineKind.PENALTY_DECISION]
    return terms.extend(
        session,
        case.id,
        deadline.id,
        choice=choice,
        decision_number="09/QĐ-GH",
        reason="Chờ xác minh",
        by=world.team_head.id,
        duties=duties,
        at=at,
    )


def test_a_deadline_is_extended_by_a_decision_before_it_ends(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.RECORD_VIOLATION, by=world.officer.id)
    with pytest.raises(NotYourMove):
        extend(session, case, world, duties=frozenset({Duty.OFFICER}))
    with pytest.raises(ExtensionTooLate):
        extend(session, case, world, at=NOW + timedelta(days=20))
    with pytest.raises(NotFound):
        extend(session, case, world, choice=9)
    extended = extend(session, case, world)
    assert clocks_of(session, case)[DeadlineKind.PENALTY_DECISION].due_at == end_of(date(2026, 7, 15))
    assert extended.next_due_at == end_of(date(2026, 7, 15))


def test_after_the_limitation_no_fine(session: Session, case: CaseFile, world: factories.World) -> None:
    terms.qualify(
        session,
        case.id,
        qualification=LegalQualification.GI_INFRINGEMENT,
        act_ended_on=date(2024, 6, 10),
        by=world.officer.id,
        at=NOW,
    )
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    with pytest.raises(FineTimeBarred):
        cases.move(
            session,
            case.id,
            Move.PENALISE,
            by=world.team_head.id,
            duties=desk.ALL_DUTIES,
            given=desk.filled(Move.PENALISE),
            at=NOW,
        )
