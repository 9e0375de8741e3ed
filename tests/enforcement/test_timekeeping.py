"""Clocks of a case: extended only in time and by a head, reckoned anew with the reason, never moved by a calendar without a person."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from enforcement import casebook, clocks, law, timekeeping
from enforcement.casebook import NotInFuture
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.errors import (
    ClockHasEnded,
    ExtensionTooLate,
    NothingRecounted,
    NotYourMove,
    ReasonNeeded,
    StartUnchanged,
)
from enforcement.models import CaseEvent, CaseFile, Deadline, DeadlineReckoning, EndedAs, ReckoningCause
from enforcement.transitions import MOVES, Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY
from trace.errors import NotFound
from trace.holidays import DayRow
from trace.services import workdays
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests import factories

HEAD = frozenset({Duty.TEAM_HEAD})


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path)


def at(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=CITY)


def end_of(text: str) -> datetime:
    return at(f"{text} 23:59").replace(second=59)


def run(session: Session, case: CaseFile, kind: DeadlineKind, began: datetime = NOW, **more: Any) -> Deadline:
    return clocks.start(session, case, kind, began=began, law=law.load(session), at=NOW, **more)


def extend(session: Session, case: CaseFile, deadline: Deadline, world: factories.World, **more: Any) -> CaseFile:
    facts: dict[str, Any] = {
        "choice": 1, "decision_number": "12/QĐ-GH", "reason": "Phải xác minh", "by": world.team_head.id, "duties": HEAD, "at": NOW, **more,
    }  # fmt: skip
    return timekeeping.extend(session, case.id, deadline.id, **facts)


def last_event(session: Session, case: CaseFile) -> CaseEvent:
    return session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc()).limit(1)
    ).one()


def test_an_extension_leaves_the_end_before_the_decision_and_the_person(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION)
    assert clock.due_at == end_of("24/06/2026")  # Mon 15/6; 16, 17, 18, 19, 22, 23, 24
    extend(session, case, clock, world)
    assert clock.due_at == end_of("15/07/2026")  # one month, a Wednesday
    assert (clock.extension_amount, clock.extension_unit) == (1, Unit.MONTHS)
    assert [(r.cause, r.was_due, r.due_at, r.decision_number, r.by) for r in clock.reckonings] == [
        (ReckoningCause.STARTED, None, end_of("24/06/2026"), None, None),
        (ReckoningCause.EXTENDED, end_of("24/06/2026"), end_of("15/07/2026"), "12/QĐ-GH", world.team_head.id),
    ]
    event = last_event(session, case)
    assert (event.deed, event.note) == ("extend", "Phải xác minh")
    assert event.facts["was_due"] < event.facts["due"]


def test_an_extension_is_for_heads_in_time_and_of_a_running_clock(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION)
    with pytest.raises(NotYourMove):
        extend(session, case, clock, world, duties={Duty.OFFICER})
    with pytest.raises(ExtensionTooLate):
        extend(session, case, clock, world, at=end_of("24/06/2026") + timedelta(seconds=1))
    with pytest.raises(NotFound):
        extend(session, case, clock, world, choice=9)
    with pytest.raises(casebook.TextMissing):
        extend(session, case, clock, world, decision_number=" ")
    clocks.meet(session, case, {DeadlineKind.PENALTY_DECISION}, at=NOW)
    with pytest.raises(ClockHasEnded):
        extend(session, case, clock, world)


def test_a_corrected_start_takes_the_rule_of_its_day_and_keeps_the_extension(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.SEIZURE)
    extend(session, case, clock, world)
    began = at("12/06/2026 15:00")
    asked: dict[str, Any] = {"reason": "Biên bản ghi ngày 12", "by": world.team_head.id, "duties": HEAD, "at": NOW}
    timekeeping.correct_start(session, case.id, clock.id, began=began, **asked)
    assert (clock.started_at, clock.due_at) == (began, end_of("13/07/2026"))  # 12/7 is a Sunday
    assert clock.reckonings[-1].cause is ReckoningCause.START_CORRECTED
    assert clock.reckonings[-1].reason == "Biên bản ghi ngày 12"
    assert last_event(session, case).facts["was_started"] == NOW.isoformat()
    with pytest.raises(StartUnchanged):
        timekeeping.correct_start(session, case.id, clock.id, began=began, **asked)
    with pytest.raises(NotInFuture):
        timekeeping.correct_start(session, case.id, clock.id, began=NOW + timedelta(minutes=1), **asked)
    with pytest.raises(NotYourMove):
        timekeeping.correct_start(session, case.id, clock.id, began=NOW, **{**asked, "duties": {Duty.OFFICER}})


def test_a_new_announcement_moves_no_clock_until_a_person_takes_it_over(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION)  # ends on Wed 24/6
    days = [*workdays.days_of(session, 2026), DayRow(date(2026, 6, 19), "Nghỉ theo thông báo", "TB 1", confirmed=True)]
    moved = timekeeping.would_change(session, workdays.with_year(session, 2026, days), {date(2026, 6, 19)})
    assert [(row.id, new, number) for row, new, number in moved] == [(clock.id, end_of("25/06/2026"), case.number)]
    for elsewhere in ({date(2026, 6, 12)}, {date(2026, 6, 25)}):  # before it began, after its end
        assert timekeeping.would_change(session, workdays.with_year(session, 2026, days), elsewhere) == []
    workdays.enter_year(session, 2026, days, source="TB 1/2026", by=world.branch_head.id, at=NOW)
    assert timekeeping.flag(session, at=NOW, days={date(2026, 6, 25)}) == 0
    assert timekeeping.flag(session, at=NOW, days={date(2026, 6, 19)}) == 1
    assert timekeeping.flag(session, at=NOW + timedelta(hours=1)) == 1
    assert (clock.due_at, clock.recount_due_at, clock.recount_found_at) == (
        end_of("24/06/2026"),
        end_of("25/06/2026"),
        NOW,
    )
    assert [number for _clock, number in timekeeping.flagged(session)] == [case.number]
    asked: dict[str, Any] = {"reason": "Thông báo TB 1/2026", "by": world.officer.id, "at": NOW}
    timekeeping.take_over(session, case.id, clock.id, **asked)
    assert (clock.due_at, clock.recount_due_at) == (end_of("25/06/2026"), None)
    assert clock.reckonings[-1].cause is ReckoningCause.CALENDAR_CHANGED
    assert timekeeping.flag(session, at=NOW) == 0
    with pytest.raises(NothingRecounted):
        timekeeping.take_over(session, case.id, clock.id, **asked)


def test_a_calendar_that_is_put_right_again_takes_its_proposals_back(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION)
    was = workdays.days_of(session, 2026)
    more = [*was, DayRow(date(2026, 6, 19), "Nhầm", "–", confirmed=True)]
    for days, proposed in ((more, end_of("25/06/2026")), (was, None)):
        workdays.enter_year(session, 2026, days, source="TB", by=world.branch_head.id, at=NOW)
        timekeeping.flag(session, at=NOW)
        assert clock.recount_due_at == proposed


def test_a_clock_that_was_counted_anew_while_it_was_looked_at_gets_no_stale_proposal(
    session: Session, case: CaseFile, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION)
    days = [*workdays.days_of(session, 2026), DayRow(date(2026, 6, 19), "Nghỉ theo thông báo", "TB 1", confirmed=True)]
    workdays.enter_year(session, 2026, days, source="TB 1/2026", by=world.branch_head.id, at=NOW)
    reckon = clocks.under

    def meanwhile(deadline: Any, rules: Any) -> Any:
        session.execute(update(Deadline).where(Deadline.id == clock.id).values(due_at=end_of("26/06/2026")))
        return reckon(deadline, rules)

    monkeypatch.setattr(clocks, "under", meanwhile)
    timekeeping.flag(session, at=NOW)
    session.expire_all()
    assert (clock.recount_due_at, clock.recount_found_at) == (None, None)


def test_clocks_with_and_without_an_extension_get_their_proposals_together(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    longer, other = run(session, case, DeadlineKind.PENALTY_DECISION), desk.case(session, world, tmp_path)
    plain = run(session, other, DeadlineKind.PENALTY_DECISION)
    extend(session, case, longer, world)
    new = [DayRow(day, "Nghỉ theo thông báo", "TB 1") for day in (date(2026, 6, 19), date(2026, 7, 15))]
    workdays.enter_year(session, 2026, [*workdays.days_of(session, 2026), *new], source="TB 1/2026", by=world.branch_head.id, at=NOW)  # fmt: skip
    assert timekeeping.flag(session, at=NOW) == 2
    session.expire_all()
    assert (plain.recount_due_at, longer.recount_due_at) == (end_of("25/06/2026"), end_of("16/07/2026"))


def test_a_start_that_was_corrected_to_the_same_end_while_it_was_looked_at_gets_no_stale_proposal(
    session: Session, case: CaseFile, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    friday, saturday = at("12/06/2026 09:00"), at("13/06/2026 09:00")
    clock = run(session, case, DeadlineKind.PENALTY_DECISION, friday)
    # The Saturday is worked: what began on Friday ends a day earlier, what began on that day ends as before.
    days = [*workdays.days_of(session, 2026), DayRow(saturday.date(), "Làm bù", "TB 1", off=False)]
    workdays.enter_year(session, 2026, days, source="TB 1/2026", by=world.branch_head.id, at=NOW)
    before, reckon = clock.due_at, clocks.under
    corrected: dict[str, Any] = {"began": saturday, "reason": "Biên bản ghi ngày 13", "by": world.team_head.id, "duties": HEAD, "at": NOW}  # fmt: skip

    def meanwhile(deadline: Any, rules: Any) -> Any:
        monkeypatch.setattr(clocks, "under", reckon)
        timekeeping.correct_start(session, case.id, clock.id, **corrected)
        return reckon(deadline, rules)

    monkeypatch.setattr(clocks, "under", meanwhile)
    timekeeping.flag(session, at=NOW)
    session.expire_all()
    assert (clock.started_at, clock.due_at) == (saturday, before)
    assert (clock.recount_due_at, clock.recount_found_at) == (None, None)
    assert timekeeping.flagged(session) == []


def test_a_corrected_start_withdraws_what_the_calendar_proposed_for_the_old_one(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    clock = run(session, case, DeadlineKind.PENALTY_DECISION, at("12/06/2026 09:00"))
    days = [*workdays.days_of(session, 2026), DayRow(date(2026, 6, 13), "Làm bù", "TB 1", off=False)]
    workdays.enter_year(session, 2026, days, source="TB 1/2026", by=world.branch_head.id, at=NOW)
    before = clock.due_at
    assert timekeeping.flag(session, at=NOW) == 1
    timekeeping.correct_start(
        session, case.id, clock.id, began=at("13/06/2026 09:00"), reason="Biên bản ghi ngày 13", by=world.team_head.id, duties=HEAD, at=NOW
    )  # fmt: skip
    assert (clock.due_at, clock.recount_due_at) == (before, None)
    assert timekeeping.flag(session, at=NOW) == 0


def test_a_year_that_nobody_entered_stops_the_count_and_says_which(session: Session, case: CaseFile) -> None:
    with pytest.raises(CalendarGap) as refused:
        run(session, case, DeadlineKind.PENALTY_DECISION, at("28/12/2027 09:00"))
    assert refused.value.facts["year"] == "2028"


def test_the_limitation_moves_with_the_facts_and_needs_a_reason_for_it(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    def say(qualification: LegalQualification | None, day: date | None, reason: str | None = None) -> list[Deadline]:
        return timekeeping.limitation(
            session, case, qualification=qualification, act_ended_on=day, by=world.officer.id, at=NOW, reason=reason
        )

    assert say(LegalQualification.GI_INFRINGEMENT, None) == []
    (clock,) = say(LegalQualification.GI_INFRINGEMENT, date(2026, 6, 1))
    assert clock.due_at == end_of("31/05/2028")
    assert say(LegalQualification.GI_INFRINGEMENT, date(2026, 6, 1)) == []
    with pytest.raises(ReasonNeeded):
        say(LegalQualification.GI_INFRINGEMENT, date(2026, 5, 1))
    assert say(LegalQualification.GI_INFRINGEMENT, date(2026, 5, 1), "Hóa đơn cuối ngày 01/5") == [clock]
    assert clock.due_at == end_of("30/04/2028")
    say(LegalQualification.FALSE_ORIGIN, date(2026, 5, 1), "Giám định: giả mạo nguồn gốc")
    assert (clock.kind, clock.due_at) == (DeadlineKind.LIMITATION_GENERAL, end_of("30/04/2027"))
    assert [r.cause for r in clock.reckonings] == [
        ReckoningCause.STARTED, ReckoningCause.START_CORRECTED, ReckoningCause.REQUALIFIED,
    ]  # fmt: skip
    assert say(LegalQualification.FALSE_ORIGIN, None) == []
    assert clock.ended_as is EndedAs.STOPPED


def test_a_clock_ends_fulfilled_late_without_object_or_stopped(session: Session, case: CaseFile) -> None:
    in_time = run(session, case, DeadlineKind.VIOLATION_RECORD)
    late = run(session, case, DeadlineKind.INSPECTION_ON_SITE)
    void = run(session, case, DeadlineKind.INSPECTION_START)
    left = run(session, case, DeadlineKind.SEIZURE)
    clocks.finish(session, case, MOVES[Move.RECORD_VIOLATION], at=end_of("18/06/2026") + timedelta(seconds=1))
    assert in_time.ended_as is EndedAs.LATE  # two working days ended on the 17th
    assert (late.ended_as, void.ended_as) == (EndedAs.LATE, EndedAs.WITHOUT_OBJECT)
    clocks.stop(session, case, at=NOW)
    assert left.ended_as is EndedAs.STOPPED
    again = run(session, case, DeadlineKind.VIOLATION_RECORD)
    clocks.meet(session, case, {DeadlineKind.VIOLATION_RECORD}, at=again.due_at)
    assert again.ended_as is EndedAs.FULFILLED


def test_two_clocks_of_a_kind_run_side_by_side_for_two_subjects(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    first, second = world.officer.id, world.team_head.id  # any two ids stand for two measures
    one, two = (run(session, case, DeadlineKind.SEIZURE, subject_id=each) for each in (first, second))
    again = run(session, case, DeadlineKind.SEIZURE, subject_id=first)
    assert (one.ended_as, two.ended_as, again.ended_as) == (EndedAs.STOPPED, None, None)
    clocks.meet(session, case, {DeadlineKind.SEIZURE}, at=NOW, subject_id=second)
    assert (two.ended_as, again.ended_as) == (EndedAs.FULFILLED, None)


def test_reckonings_are_never_changed_and_name_the_person_and_the_reason(session: Session, case: CaseFile) -> None:
    clock = run(session, case, DeadlineKind.SEIZURE)
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(update(DeadlineReckoning).values(reason="khác"))
    nameless = insert(DeadlineReckoning).values(
        deadline_id=clock.id, at=NOW, cause=ReckoningCause.EXTENDED, started_at=NOW, was_due=clock.due_at, due_at=clock.due_at,
        basis="–", rule_version="–", needs_verification=False,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="who_and_why"), session.begin_nested():
        session.execute(nameless)
