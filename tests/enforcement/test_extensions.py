"""Promises of a decision that extends a clock: it counts from the day on which it was signed, and one entered late shows in the register."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.range import Range
from sqlalchemy import select, update

from enforcement import clocks, documents, law, mandates, redating, signing, timekeeping
from enforcement.casebook import NotInFuture, midnight
from enforcement.deadlines import DeadlineKind
from enforcement.errors import ExtensionTooLate
from enforcement.models import CaseEvent, CaseFile, CasePaper, Deadline, PaperKind
from enforcement.transitions import Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.clock import CITY
from trace.errors import Refused
from trace.models.parties import RoleGrant

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories

TODAY, DAY = NOW.astimezone(CITY).date(), timedelta(days=1)
HEAD = frozenset({Duty.TEAM_HEAD})


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path)


@pytest.fixture
def seizure(session: Session, case: CaseFile) -> Deadline:
    """A seizure that began three days ago."""
    return clocks.start(
        session, case, DeadlineKind.SEIZURE, began=NOW - 3 * DAY, law=law.load(session), at=NOW - 3 * DAY
    )


def issued(session: Session, case: CaseFile, world: factories.World, at: datetime, code: str = "MQĐ21") -> str:
    """The number of a decision of the register, issued at a moment."""
    papers.unit(session, world)
    drawn = papers.draft(session, case, world, code)
    made = documents.issue(
        session, case.id, drawn.id, by=world.team_head.id, duties=HEAD, at=at, version=drawn.version, confirmed=True
    )
    return made.number or ""


def extend(session: Session, case: CaseFile, clock: Deadline, world: factories.World, **more: Any) -> None:
    told: dict[str, Any] = {
        "choice": 1, "decision_number": "21/QĐ", "reason": "Chờ giám định", "by": world.team_head.id, "duties": HEAD, "at": NOW, **more,
    }  # fmt: skip
    timekeeping.extend(session, case.id, clock.id, **told)


def the_paper(session: Session) -> CasePaper:
    return session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.EXTENSION)).one()


def test_a_decision_issued_yesterday_is_entered_today_with_its_day(
    session: Session, world: factories.World, case: CaseFile, seizure: Deadline
) -> None:
    number, before = issued(session, case, world, NOW - DAY), seizure.due_at
    with pytest.raises(signing.NotItsDay):
        extend(session, case, seizure, world, decision_number=number)
    extend(session, case, seizure, world, decision_number=number, signed_on=TODAY - DAY)
    assert (the_paper(session).signed_on, seizure.due_at > before) == (TODAY - DAY, True)
    event = session.scalars(select(CaseEvent).where(CaseEvent.deed == "extend")).one()
    assert event.facts["signed_on"] == (TODAY - DAY).isoformat()


def test_after_the_end_only_what_the_register_issued_before_it_is_entered(
    session: Session, world: factories.World, case: CaseFile, seizure: Deadline
) -> None:
    end = seizure.due_at
    rules = law.load(session)
    late, last = end + timedelta(hours=9), end.astimezone(CITY).date()
    assert timekeeping.enterable_late(session, case.id, seizure, rules) == []
    with pytest.raises(timekeeping.ExtensionEnteredLate):
        extend(session, case, seizure, world, signed_on=last, at=late)
    with pytest.raises(ExtensionTooLate):
        extend(session, case, seizure, world, at=late)
    after = issued(session, case, world, end + timedelta(hours=1))
    with pytest.raises(ExtensionTooLate):
        extend(session, case, seizure, world, decision_number=after, signed_on=last + DAY, at=late)
    assert timekeeping.enterable_late(session, case.id, seizure, rules) == []
    number = issued(session, case, world, end - timedelta(hours=1))
    assert timekeeping.enterable_late(session, case.id, seizure, rules) != []
    extend(session, case, seizure, world, decision_number=number, signed_on=last, at=late)
    assert (seizure.due_at > late, the_paper(session).signed_on) == (True, last)


def test_a_document_of_another_kind_in_the_register_extends_nothing_late(
    session: Session, world: factories.World, case: CaseFile, seizure: Deadline
) -> None:
    end = seizure.due_at
    number = issued(session, case, world, end - timedelta(hours=1), "MQĐ24")
    last = end.astimezone(CITY).date()
    with pytest.raises(timekeeping.ExtensionEnteredLate):
        extend(session, case, seizure, world, decision_number=number, signed_on=last, at=end + timedelta(hours=9))


def test_no_decision_is_older_than_the_clock_or_of_tomorrow_and_all_is_said_at_once(
    session: Session, world: factories.World, case: CaseFile, seizure: Deadline
) -> None:
    before = seizure.due_at
    with pytest.raises(timekeeping.ExtendedBeforeStart):
        extend(session, case, seizure, world, signed_on=TODAY - 4 * DAY)
    with pytest.raises(NotInFuture):
        extend(session, case, seizure, world, signed_on=TODAY + DAY)
    with pytest.raises(Refused) as why:
        extend(session, case, seizure, world, signed_on=TODAY - 4 * DAY, at=before + timedelta(hours=9))
    assert [type(each) for each in why.value.reasons] == [
        timekeeping.ExtendedBeforeStart,
        timekeeping.ExtensionEnteredLate,
    ]
    session.refresh(seizure)
    assert (seizure.due_at, session.scalars(select(CasePaper)).all()) == (before, [])


def test_whoever_signs_is_judged_on_the_day_of_the_decision(
    session: Session, world: factories.World, case: CaseFile, seizure: Deadline
) -> None:
    session.execute(
        update(RoleGrant)
        .where(RoleGrant.user_id == world.team_head.id)
        .values(valid_during=Range(date(2026, 1, 1), TODAY - DAY))
    )
    with pytest.raises(mandates.NotInOffice):
        extend(session, case, seizure, world, signed_on=TODAY - DAY)
    extend(session, case, seizure, world, signed_on=TODAY - 2 * DAY)
    assert the_paper(session).signed_on == TODAY - 2 * DAY


def test_a_record_is_corrected_against_the_day_on_which_the_extension_was_decided(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id, at=NOW - 10 * DAY)
    desk.act(session, case, by=world.officer.id)
    desk.take(session, case, Move.RECORD_VIOLATION, by=world.officer.id, signed_on=TODAY - 2 * DAY, record_number="5/BB")  # fmt: skip
    clock = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.PENALTY_DECISION)).one()
    entered = clock.due_at - timedelta(hours=10)
    extend(session, case, clock, world, signed_on=TODAY, at=entered)
    record = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.VIOLATION_RECORD)).one()
    told: dict[str, Any] = {"reason": "Gõ nhầm", "by": world.team_head.id, "duties": HEAD, "at": entered}
    redating.paper(session, case.id, record.id, signed_on=TODAY - 5 * DAY, **told)
    assert clock.started_at == midnight(TODAY - 5 * DAY)
