"""Promises of a corrected day: the clocks that count from a paper follow it, and no day heals or breaks what the law made of another."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from enforcement import (
    documents,
    exhibits,
    explaining,
    joins,
    measures,
    membership,
    origins,
    redate_checks,
    redating,
    signing,
    timekeeping,
)
from enforcement.casebook import CaseIsOver, NotInFuture, TextMissing, midnight
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePaper,
    Deadline,
    ExplanationEnd,
    MeasureKind,
    PaperKind,
    ReckoningCause,
)
from enforcement.transitions import Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.clock import CITY
from trace.errors import NotFound, Refused
from trace.services import history

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories

TODAY, DAY = NOW.astimezone(CITY).date(), timedelta(days=1)
HEAD = frozenset({Duty.TEAM_HEAD})


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    """A case whose violation record was signed two days ago, with the right to explain running from it."""
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=NOW - 10 * DAY)
    desk.act(session, made, by=world.officer.id)
    desk.take(
        session, made, Move.RECORD_VIOLATION, by=world.officer.id, signed_on=TODAY - 2 * DAY, record_number="5/BB"
    )
    return desk.take(session, made, Move.OPEN_EXPLANATION, by=world.officer.id)


def of_kind(session: Session, kind: PaperKind) -> CasePaper:
    return session.scalars(select(CasePaper).where(CasePaper.kind == kind)).one()


def clock_of(session: Session, kind: DeadlineKind) -> Deadline:
    session.expire_all()
    return session.scalars(select(Deadline).where(Deadline.kind == kind)).one()


def redate(session: Session, case: CaseFile, world: factories.World, day: date, **more: Any) -> CasePaper:
    told: dict[str, Any] = {
        "signed_on": day, "reason": "Gõ nhầm ngày", "by": world.team_head.id, "duties": HEAD, "at": NOW, **more,
    }  # fmt: skip
    paper = told.pop("paper", None) or of_kind(session, PaperKind.VIOLATION_RECORD)
    return redating.paper(session, case.id, paper.id, **told)


def refused(session: Session, case: CaseFile, world: factories.World, day: date, **more: Any) -> list[type]:
    with pytest.raises(Exception) as why:  # noqa: PT011  what it is, is the answer
        redate(session, case, world, day, **more)
    return [type(each) for each in why.value.reasons] if isinstance(why.value, Refused) else [type(why.value)]


def test_the_clocks_of_a_record_follow_its_corrected_day(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    kinds = (DeadlineKind.PENALTY_DECISION, DeadlineKind.EXPLANATION_ORAL_REQUEST, DeadlineKind.EXPLANATION_WRITTEN)
    before = {kind: clock_of(session, kind).due_at for kind in kinds}
    redate(session, case, world, TODAY - 5 * DAY)
    for kind in kinds:
        clock = clock_of(session, kind)
        assert clock.started_at == midnight(TODAY - 5 * DAY)
        assert clock.due_at < before[kind]
        last = clock.reckonings[-1]
        assert (last.cause, last.reason, last.by) == (
            ReckoningCause.START_CORRECTED,
            "Gõ nhầm ngày",
            world.team_head.id,
        )
        assert not origins.correctable(session, clock, at=NOW)
    assert case.next_due_at == min(d.due_at for d in session.scalars(select(Deadline).where(*timekeeping.RUNNING)))
    event = session.scalars(select(CaseEvent).where(CaseEvent.deed == "redate")).one()
    assert event.note == "Gõ nhầm ngày"
    assert (event.facts["was"], event.facts["now"]) == ((TODAY - 2 * DAY).isoformat(), (TODAY - 5 * DAY).isoformat())
    [row] = history.of(session, of_kind(session, PaperKind.VIOLATION_RECORD).id)
    assert (row.deed, row.why) == ("paper:redate", "Gõ nhầm ngày")


def test_what_the_step_of_the_paper_ended_ended_with_the_right_day(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    redate(session, case, world, TODAY - 3 * DAY)
    met = clock_of(session, DeadlineKind.INSPECTION_ON_SITE).met_at
    assert met is not None
    assert met.astimezone(CITY).date() == TODAY - 3 * DAY


def test_only_a_head_with_a_reason_in_a_case_that_is_worked(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    day = TODAY - 3 * DAY
    assert refused(session, case, world, day, duties=frozenset({Duty.OFFICER})) == [NotYourMove]
    assert refused(session, case, world, day, reason="  ") == [TextMissing]
    case_paper = of_kind(session, PaperKind.VIOLATION_RECORD)
    desk.take(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    desk.take(session, case, Move.DISCONTINUE, by=world.officer.id)
    desk.carry_out(session, case, by=world.officer.id)
    for clock in session.scalars(select(Deadline).where(*timekeeping.RUNNING)):
        clock.stopped_at, clock.ended_as = NOW, "stopped"
    desk.take(session, case, Move.CLOSE, by=world.officer.id)
    assert refused(session, case, world, day, paper=case_paper) == [CaseIsOver]


def test_all_that_a_day_cannot_be_is_said_at_once(session: Session, world: factories.World, case: CaseFile) -> None:
    assert refused(session, case, world, TODAY - 2 * DAY) == [redate_checks.DayUnchanged]
    assert NotInFuture in refused(session, case, world, TODAY + DAY)
    later = NOW + 2 * DAY
    assert refused(session, case, world, TODAY + DAY, at=later) == [redate_checks.EnteredEarlier]
    assert refused(session, case, world, TODAY - 30 * DAY) == [signing.SignedBeforeAct, signing.SignedBeforePaper]
    decision = of_kind(session, PaperKind.INSPECTION_DECISION)
    session.get_one(CasePaper, decision.id).added_at = NOW - timedelta(hours=1)
    session.flush()
    record = of_kind(session, PaperKind.VIOLATION_RECORD)
    assert record.signed_on < TODAY
    assert redate_checks.RestsOnIt in refused(session, case, world, TODAY, paper=decision)
    with pytest.raises(NotFound):
        redating.paper(
            session, desk_case_of_another(session, world, case), record.id, signed_on=TODAY - 3 * DAY, reason="x", by=world.team_head.id,
            duties=HEAD, at=NOW,
        )  # fmt: skip


def desk_case_of_another(session: Session, world: factories.World, case: CaseFile) -> Any:
    """A second case, of which the papers of the first are none."""
    other = CaseFile(**{
        column.key: getattr(case, column.key) for column in CaseFile.__table__.columns
        if column.key in {"title", "opened_at", "opened_by", "rule_version", "severity", "qualification"}
    }, number="VV-2026-99999", state="received")  # fmt: skip
    session.add(other)
    session.flush()
    return other.id


def test_the_day_of_a_document_of_the_register_is_in_the_document(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    papers.unit(session, world)
    made = papers.draft(session, case, world)
    documents.issue(
        session, case.id, made.id, by=world.team_head.id, duties=HEAD, at=NOW - 2 * DAY, version=made.version, confirmed=True
    )  # fmt: skip
    of_kind(session, PaperKind.VIOLATION_RECORD).number = made.number or ""
    session.flush()
    assert refused(session, case, world, TODAY - 3 * DAY) == [redate_checks.DayOfDocument]


def test_no_time_to_fine_that_ran_out_begins_anew(session: Session, world: factories.World, case: CaseFile) -> None:
    late = clock_of(session, DeadlineKind.PENALTY_DECISION).due_at + timedelta(hours=1)
    assert refused(session, case, world, TODAY, at=late) == [redate_checks.TimeToFineEnded]
    redate(session, case, world, TODAY - 3 * DAY, at=late)
    assert clock_of(session, DeadlineKind.PENALTY_DECISION).due_at < late


def test_a_fine_that_was_in_time_stays_in_time(session: Session, world: factories.World, case: CaseFile) -> None:
    for row in explaining.of_case(session, case).values():
        if row.owed:
            explaining.receive(
                session, case.id, row.id, outcome=ExplanationEnd.WAIVED, on=TODAY, document_number="1/GT", by=world.officer.id, at=NOW
            )  # fmt: skip
    due = clock_of(session, DeadlineKind.PENALTY_DECISION).due_at
    desk.take(session, case, Move.PREPARE_DECISION, by=world.officer.id)
    penalty = signed_penalty(session, case, world, due - timedelta(hours=1))
    assert penalty.signed_on == due.astimezone(CITY).date()
    assert refused(session, case, world, TODAY - 4 * DAY, at=due) == [redate_checks.FineWouldBeLate]


def signed_penalty(session: Session, case: CaseFile, world: factories.World, at: datetime) -> CasePaper:
    made = CasePaper(
        case_id=case.id, kind=PaperKind.PENALTY, number="9/QĐ", signed_on=at.astimezone(CITY).date(), signer_id=world.team_head.id,
        signer_name="Đội trưởng mẫu", issuer="", added_at=at, added_by=world.team_head.id, fine=1, bracket_low=1, bracket_top=1,
        bracket_basis="Điều 11",
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def test_a_paper_of_a_merged_case_is_corrected_in_the_one_that_carries_on(
    session: Session, world: factories.World, case: CaseFile, tmp_path: Path
) -> None:
    kept = desk.case(session, world, tmp_path)
    joins.merge(
        session, kept.id, case.id, take=(), reason="Cùng một người", by=world.officer.id, at=NOW
    )  # fmt: skip
    assert membership.survivor(session, case.id) == kept.id
    redate(session, kept, world, TODAY - 3 * DAY)
    clock = clock_of(session, DeadlineKind.PENALTY_DECISION)
    assert clock.started_at == midnight(TODAY - 3 * DAY)
    assert session.scalars(select(CaseEvent.case_id).where(CaseEvent.deed == "redate")).one() == kept.id


def test_the_clock_of_a_measure_and_its_paper_follow_the_corrected_moment(
    session: Session, world: factories.World, case: CaseFile
) -> None:
    thing = exhibits.add(
        session, case.id, exhibits.ExhibitFacts("Cuộn tem", Decimal(1), "cuộn", "Nguyên", "Kho", "Thủ kho"), seal_number=None, document_number=None,
        by=world.officer.id, at=NOW
    )  # fmt: skip
    facts = measures.MeasureFacts(
        MeasureKind.SEIZURE, "7/QĐ-TG", "Tạm giữ tem", "Hộ mẫu", NOW - DAY, exhibit_ids=(thing.id,)
    )
    made = measures.begin(session, case.id, facts, by=world.team_head.id, duties=HEAD, at=NOW)
    right = datetime.combine(TODAY - 2 * DAY, time(9), CITY)
    more: dict[str, Any] = {"by": world.team_head.id, "duties": HEAD}
    assert refused(session, case, world, TODAY - 3 * DAY, paper=made.paper) == [redate_checks.DayOfMeasure]
    with pytest.raises(NotInFuture):
        redating.measure(session, case.id, made.id, began_at=NOW + DAY, reason="x", at=NOW, **more)
    redating.measure(session, case.id, made.id, began_at=right, reason="Gõ nhầm giờ", at=NOW, **more)
    clock = clock_of(session, DeadlineKind.SEIZURE)
    assert (clock.started_at, made.began_at, made.paper.signed_on) == (right, right, TODAY - 2 * DAY)
    assert clock.reckonings[-1].reason == "Gõ nhầm giờ"
    with pytest.raises(origins.RanOut):
        redating.measure(
            session, case.id, made.id, began_at=NOW, reason="x", at=clock.due_at + timedelta(minutes=1), **more
        )
