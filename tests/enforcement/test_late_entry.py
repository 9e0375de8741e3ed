"""Promises of lawful late entry: the day on which a file was put forward may be said, and lies before nothing in the file that shows otherwise."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from enforcement import (
    cases,
    deciding,
    documents,
    explaining,
    fine_times,
    goods,
    measures,
    redate_checks,
    redating,
    signing,
)
from enforcement.casebook import NotInFuture
from enforcement.deadlines import DeadlineKind
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePaper,
    Deadline,
    Explanation,
    ExplanationEnd,
    MeasureKind,
    MeasureResult,
    PaperKind,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Demand, Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.clock import CITY
from trace.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories

DAY = timedelta(days=1)
TODAY = NOW.astimezone(CITY).date()
HEAD = frozenset({Duty.TEAM_HEAD})
FINE = 32_500_000


def inspected(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    """With goods for fifty million: the offender may explain."""
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=NOW - 5 * DAY)
    desk.act(session, made, by=world.officer.id)
    line = goods.GoodsFacts("Vải", Decimal(1), "lô", 50_000_000, ValuationMethod.MARKET_PRICE, TODAY)
    goods.add(session, made.id, line, by=world.officer.id, at=NOW)
    return made


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    """Recorded today."""
    return desk.take(session, inspected(session, world, tmp_path), Move.RECORD_VIOLATION, by=world.officer.id)


def over(session: Session, case: CaseFile) -> date:
    """The first day on which the time to explain is over."""
    due = explaining.ends(session, case)
    assert due is not None
    return due.astimezone(CITY).date() + DAY


def moment(day: date) -> datetime:
    return datetime.combine(day, NOW.astimezone(CITY).time(), CITY)


def prepare(
    session: Session, case: CaseFile, world: factories.World, day: date | None, at: datetime, **given: Any
) -> CaseFile:
    told = {"explanation": None, "explanation_number": None, **given}
    return desk.take(session, case, Move.PREPARE_DECISION, by=world.officer.id, at=at, signed_on=day, **told)


def penalise(
    session: Session, case: CaseFile, world: factories.World, day: date, at: datetime, **given: Any
) -> CaseFile:
    filled = desk.filled(Move.PENALISE, fine=FINE, signed_on=day, **given)
    return cases.move(session, case.id, Move.PENALISE, by=world.team_head.id, duties=HEAD, given=filled, at=at)


def right(session: Session) -> Explanation:
    return session.scalars(select(Explanation)).one()


def test_what_was_put_forward_and_signed_yesterday_is_entered_today(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    day = over(session, case)
    today = moment(day + DAY)
    prepare(session, case, world, day, today)
    event = session.scalars(select(CaseEvent).where(CaseEvent.move == Move.PREPARE_DECISION)).one()
    assert event.facts[Demand.SIGNED_ON.value] == day.isoformat()
    assert (right(session).outcome, right(session).settled_on) == (ExplanationEnd.UNUSED, day)
    with pytest.raises(Refused) as why:
        penalise(session, case, world, day - DAY, today)
    assert [each.facts for each in why.value.reasons] == [
        {"signed": day - DAY, "prepared": day},
        {"who": right(session).party.name, "signed": day - DAY, "settled": day},
    ]
    assert penalise(session, case, world, day, today).state is CaseState.PENALISED
    assert session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.PENALTY)).one().signed_on == day


def test_without_a_day_the_file_is_put_forward_on_the_day_of_the_entry(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    first = over(session, case)
    prepare(session, case, world, None, moment(first + DAY))
    assert (explaining.prepared_on(session, case), right(session).settled_on) == (first + DAY, first)
    with pytest.raises(deciding.DecidedBeforePrepared):
        penalise(session, case, world, first, moment(first + DAY))


def test_no_day_is_said_before_the_time_to_explain_ended(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    first = over(session, case)
    with pytest.raises(explaining.ExplanationTimeRuns):
        prepare(session, case, world, first - DAY, moment(first + 4 * DAY))
    assert (case.state, right(session).outcome) == (CaseState.VIOLATION_RECORDED, None)
    prepare(session, case, world, first, moment(first + 4 * DAY))
    assert right(session).settled_on == first


def test_no_day_is_said_before_the_record_nor_after_today_and_all_faults_come_at_once(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    first = over(session, case)
    with pytest.raises(Refused) as early:
        prepare(session, case, world, TODAY - DAY, moment(first))
    assert [type(each) for each in early.value.reasons] == [signing.SignedBeforePaper, explaining.ExplanationTimeRuns]
    with pytest.raises(NotInFuture):
        prepare(session, case, world, first + DAY, moment(first))


@pytest.mark.parametrize("shown", ["invited", "explained", "assessed"])
def test_no_day_is_said_before_what_the_file_shows(
    session: Session, world: factories.World, case: CaseFile, shown: str
) -> None:
    by, day = world.officer.id, TODAY + 2 * DAY
    waived: dict[str, Any] = {"explanation": ExplanationEnd.WAIVED, "explanation_number": "3/GT"}
    match shown:
        case "invited":
            desk.take(session, case, Move.OPEN_EXPLANATION, by=by, at=moment(day))
        case "explained":
            explaining.receive(
                session, case.id, right(session).id, outcome=ExplanationEnd.WAIVED, on=day, document_number="3/GT", by=by,
                at=moment(day),
            )  # fmt: skip
        case _:
            assess(session, case, world, day)
    with pytest.raises(explaining.PutForwardTooEarly) as why:
        prepare(session, case, world, day - DAY, moment(day + DAY), **waived)
    assert why.value.facts == {"day": day - DAY, "last": day}
    assert prepare(session, case, world, day, moment(day + DAY), **waived).state is CaseState.DECISION_DUE
    assert right(session).settled_on == day


def assess(session: Session, case: CaseFile, world: factories.World, day: date) -> None:
    facts = measures.MeasureFacts(MeasureKind.ASSESSMENT, "4/QĐ", "Giám định", "Viện mẫu", NOW, due_on=day)
    made = measures.begin(session, case.id, facts, by=world.team_head.id, duties=HEAD, at=NOW)
    measures.end(
        session, case.id, made.id, result=MeasureResult.INFRINGING, ended_at=moment(day), document_number="5/KL", note=None,
        by=world.team_head.id, at=moment(day),
    )  # fmt: skip


def test_a_day_within_the_time_to_fine_saves_no_fine_entered_after_it_without_the_register(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    papers.unit(session, world)
    first, late = over(session, case), NOW + 40 * DAY
    due = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.PENALTY_DECISION)).one().due_at
    assert due < late
    drawn = papers.draft(session, case, world, "MQĐ02")
    made = documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.team_head.id, duties=HEAD, at=moment(first)
    )  # fmt: skip
    prepare(session, case, world, first, late)
    with pytest.raises(fine_times.EnteredAfterTime):
        penalise(session, case, world, first, late)
    assert penalise(session, case, world, first, late, decision_number=made.number).state is CaseState.PENALISED


@pytest.mark.parametrize("waited", [0, 2])
def test_the_record_is_redated_if_the_time_still_ended_before_the_file_was_put_forward(
    session: Session, world: factories.World, tmp_path: Path, waited: int
) -> None:
    """The right counts as settled from its end, but the day put forward shows how long it was left open."""
    case = inspected(session, world, tmp_path)
    desk.take(session, case, Move.RECORD_VIOLATION, by=world.officer.id, signed_on=TODAY - 4 * DAY)
    first = over(session, case)
    prepare(session, case, world, first + waited * DAY, moment(first + 3 * DAY))
    record = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.VIOLATION_RECORD)).one()

    def redate() -> None:
        redating.paper(
            session, case.id, record.id, signed_on=TODAY - 3 * DAY, reason="Ghi nhầm", by=world.team_head.id, duties=HEAD,
            at=moment(first + 3 * DAY),
        )  # fmt: skip

    if waited:
        redate()
        assert record.signed_on == TODAY - 3 * DAY
    else:
        with pytest.raises(redate_checks.ExplainedBefore):
            redate()
