"""Promises of a case's terms: the limitation follows the acts, and what a clock asks for is done with a paper and a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import acts, casebook, cases, clocks, terms
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import FineTimeBarred
from enforcement.models import CaseFile, Deadline, EndedAs
from enforcement.transitions import Move
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY

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
        reason="Xác định lại hành vi",
    )
    running = clocks_of(session, case)
    assert DeadlineKind.LIMITATION_IP not in running  # the same clock, reckoned anew
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


def test_the_acts_say_when_the_limitation_runs_out_and_the_first_to_run_out_counts(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    first = desk.act(session, case, by=world.officer.id, ended_on=date(2026, 6, 1))
    assert clocks_of(session, case)[DeadlineKind.LIMITATION_IP].due_at == end_of(date(2028, 5, 31))
    # False origin has one year, so its limitation ends first although the act ended later.
    false_origin = {"qualification": LegalQualification.FALSE_ORIGIN, "ended_on": date(2026, 6, 10)}
    second = desk.act(session, case, by=world.officer.id, **false_origin)
    assert clocks_of(session, case)[DeadlineKind.LIMITATION_GENERAL].due_at == end_of(date(2027, 6, 9))
    acts.strike_act(session, case.id, second.id, reason="Nhập nhầm", by=world.officer.id, at=NOW)
    assert clocks_of(session, case)[DeadlineKind.LIMITATION_IP].due_at == end_of(date(2028, 5, 31))
    assert (case.legal_qualification, case.act_ended_on) == (LegalQualification.GI_INFRINGEMENT, first.ended_on)
    with pytest.raises(terms.FollowsFromActs):
        terms.qualify(
            session, case.id, qualification=LegalQualification.FALSE_ORIGIN, act_ended_on=None, by=world.officer.id, at=NOW
        )  # fmt: skip


def test_an_act_that_goes_on_is_limited_from_its_detection(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.act(session, case, by=world.officer.id, ended_on=None)
    assert not clocks.LIMITATION & set(clocks_of(session, case))
    desk.walk(session, case, Move.ASSIGN_VERIFICATION, by=world.officer.id)
    acts.detect(session, case.id, detected_at=NOW, note="Tem trùng mã", by=world.officer.id, at=NOW)
    found = clocks_of(session, case)
    assert found[DeadlineKind.LIMITATION_IP].due_at == end_of(date(2028, 6, 14))
    assert found[DeadlineKind.VIOLATION_RECORD].due_at == end_of(date(2026, 6, 17))  # two working days
    with pytest.raises(acts.DetectedBefore):
        acts.detect(session, case.id, detected_at=NOW, note="Lần nữa", by=world.officer.id, at=NOW)


def test_what_a_clock_asks_for_is_done_by_a_deed_with_its_paper_in_time_or_late(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.walk(session, case, Move.PENALISE, by=world.officer.id)
    delivery = clocks_of(session, case)[DeadlineKind.DELIVERY]
    told = {"document_number": "BB-GIAO-1", "note": None, "by": world.officer.id}
    with pytest.raises(casebook.NotInFuture):
        terms.fulfil(session, case.id, delivery.id, done_on=date(2026, 6, 16), at=NOW, **told)
    with pytest.raises(terms.DoneBeforeStart):
        terms.fulfil(session, case.id, delivery.id, done_on=date(2026, 6, 14), at=NOW, **told)
    late = NOW + timedelta(days=30)
    terms.fulfil(session, case.id, delivery.id, done_on=date(2026, 6, 16), at=late, **told)
    assert clocks_of(session, case)[DeadlineKind.DELIVERY].ended_as is EndedAs.FULFILLED  # by the day it was done
    running = clocks_of(session, case)[DeadlineKind.ENFORCEABILITY]
    with pytest.raises(terms.NotByNote):
        terms.fulfil(session, case.id, running.id, done_on=date(2026, 6, 16), at=late, **told)


def test_after_the_limitation_no_fine(session: Session, case: CaseFile, world: factories.World) -> None:
    desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id)
    long_ago = {"began_on": date(2024, 6, 1), "ended_on": date(2024, 6, 10)}
    desk.act(session, case, by=world.officer.id, **long_ago)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        cases.move(
            session, case.id, move, by=world.officer.id, duties=desk.ALL_DUTIES, given=desk.filled(move), at=NOW
        )  # fmt: skip
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
