"""Promises to right holders and of the desk's clocks: what is asked for can be brought, an answer is read, nobody is turned away for a gap."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import (
    bulk,
    clusters,
    complaints,
    feedback,
    grouping,
    intake_book,
    intake_clocks,
    law,
    reminding,
    requests,
    triage,
)
from enforcement.feedback import Stage
from enforcement.intake_book import RequestUnanswered
from enforcement.models import (
    BulkKind,
    ClockEnd,
    IntakeClock,
    IntakeClockKind,
    IntakeRecord,
    Outcome,
    RequestState,
    Signal,
    SignalState,
)
from enforcement.records import Faults, PaperFaults
from enforcement.requests import Brought, Lack
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from tests.enforcement.test_group_ends import close
from tests.enforcement.test_records import asked, complained, heard
from trace.models.history import History
from trace.models.titles import ProtectionTitle, TitleKind
from trace.services import files, keys
from trace.services.reach import Reach
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from trace.models.files import StoredFile

DAY = timedelta(days=1)
LATER = NOW + 3 * DAY
WITH_AGENT = {"agent": "Văn phòng luật mẫu", "poa_number": "01/GUQ", "poa_dated": date(2026, 5, 1)}


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


@pytest.fixture
def by(world: factories.World) -> UUID:
    return world.officer.id


def taken(session: Session, by: UUID, **facts: Any) -> IntakeRecord:
    record = requests.take(session, heard(), asked(**facts), keyring=keys.load(session, MASTER), by=by, at=NOW)
    session.flush()
    return record


def followed(session: Session) -> feedback.Followed:
    (one,) = feedback.requests(session, reach=Reach(everything=True))
    return one


def signal_of(session: Session, record: IntakeRecord) -> Signal:
    found = intake_book.signal_of(session, record.id)
    assert found is not None
    return found


def clock_of(session: Session, record: IntakeRecord) -> IntakeClock:
    return session.scalars(select(IntakeClock).where(IntakeClock.record_id == record.id)).one()


def state_of(record: IntakeRecord) -> RequestState:
    assert record.request is not None
    return record.request.state


def paper(session: Session, store: Path, n: int = 1) -> StoredFile:
    return files.receive(session, store, io.BytesIO(desk.photo_bytes(n)), name="giay.jpg", at=NOW, by=None)


def test_what_is_asked_for_and_a_refusal_are_read_although_the_case_is_worked_on(
    session: Session, world: factories.World, by: UUID, tmp_path: Path
) -> None:
    record = taken(session, by, title_id=world.title.id)
    triage.open_case(session, signal_of(session, record).id, title="Vụ mẫu", store=tmp_path, by=by, at=NOW)
    assert followed(session).stage is Stage.LOOKED_INTO
    requests.ask_for_more(session, record.id, reason="Thiếu giấy ủy quyền", by=by, at=NOW)
    assert (followed(session).stage, followed(session).reason) == (Stage.SUPPLEMENT, "Thiếu giấy ủy quyền")
    assert followed(session).answer_by is not None
    requests.refuse(session, record.id, reason="Không đủ tư cách", by=by, at=NOW)
    told = followed(session)
    assert (told.stage, told.reason, told.since, told.outcome) == (Stage.REFUSED, "Không đủ tư cách", NOW, None)


def test_papers_that_never_came_do_not_hide_that_the_case_has_ended(
    session: Session, world: factories.World, by: UUID, tmp_path: Path
) -> None:
    record = taken(session, by, title_id=world.title.id)
    case = triage.open_case(session, signal_of(session, record).id, title="Vụ mẫu", store=tmp_path, by=by, at=NOW)
    requests.ask_for_more(session, record.id, reason="Thiếu giấy ủy quyền", by=by, at=NOW)
    close(session, case, world)
    told = followed(session)
    assert (told.stage, told.reason, told.outcome) == (Stage.CLOSED, None, Outcome.NO_VIOLATION)


@pytest.mark.parametrize("asked_for_more", [False, True])
def test_a_request_is_answered_before_its_signal_is_put_aside_alone_in_a_group_or_in_bulk(
    session: Session, world: factories.World, by: UUID, tmp_path: Path, *, asked_for_more: bool
) -> None:
    record, other = taken(session, by, title_id=world.title.id), desk.signal(session)
    if asked_for_more:
        requests.ask_for_more(session, record.id, reason="Thiếu ảnh", by=by, at=NOW)
    signal = signal_of(session, record)
    reject = {"reason": "nội bộ", "outcome": Outcome.NO_VIOLATION}
    with pytest.raises(RequestUnanswered) as refused:
        triage.reject(session, signal.id, **reject, by=by, at=NOW)  # type: ignore[arg-type]
    assert refused.value.facts == {"number": record.number}
    grouping.move_to_cluster(session, other.id, signal.source_number, reason="Cùng nơi", by=by, at=NOW)
    with pytest.raises(RequestUnanswered):
        triage.decide_cluster(
            session,
            signal.cluster_id,
            triage.Reject("x", Outcome.NO_VIOLATION),
            seen=clusters.seen(session, signal.cluster_id),
            store=tmp_path,
            by=by,
            at=NOW,
        )
    order = bulk.Order(
        BulkKind.REJECT, {"reason": "x", "outcome": Outcome.NO_VIOLATION.value}, by, frozenset(), NOW, tmp_path
    )
    _deed, result = bulk.carry_out(session, order, [signal.cluster_id])
    session.expire_all()
    assert [(each.number, type(each.why)) for each in result.refused] == [(record.number, RequestUnanswered)]
    assert signal.state is SignalState.NEW
    assert other.state is SignalState.REJECTED
    assert followed(session).stage in {Stage.RECEIVED, Stage.SUPPLEMENT}
    requests.accept(session, record.id, reason="", by=by, at=NOW)
    triage.reject(session, signal.id, **reject, by=by, at=NOW)  # type: ignore[arg-type]
    assert (followed(session).stage, followed(session).outcome) == (Stage.CLOSED, Outcome.NO_VIOLATION)


def test_papers_that_were_asked_for_are_entered_and_it_is_the_desks_turn_again(
    session: Session, world: factories.World, by: UUID, tmp_path: Path
) -> None:
    record = taken(session, by, **WITH_AGENT)
    assert requests.lacks(record, at=NOW) == [Lack.NO_FILES, Lack.POWER_NOT_CERTIFIED, Lack.TITLE_NOT_HERE]
    requests.ask_for_more(session, record.id, reason="Thiếu giấy ủy quyền", by=by, at=NOW)
    longer = clock_of(session, record).due_at
    signal = signal_of(session, record)
    triage.wait(session, signal.id, until=(NOW + 20 * DAY).date(), reason="Chờ giấy tờ", by=by, at=NOW)
    brought = Brought(
        NOW + 2 * DAY, [paper(session, tmp_path)], poa_certified=True, title_id=world.title.id, note="Nộp trực tiếp"
    )
    made = requests.supplement(session, record.id, brought, by=by, at=LATER)
    session.expire_all()
    assert (made.asked, made.received_at, made.recorded_at, made.note) == (
        "Thiếu giấy ủy quyền",
        NOW + 2 * DAY,
        LATER,
        "Nộp trực tiếp",
    )
    assert (state_of(record), requests.lacks(record, at=LATER)) == (RequestState.RECEIVED, [])
    assert [each.supplement_id for each in record.files] == [made.id]
    clock = clock_of(session, record)
    assert (clock.due_at, clock.ended_at, signal.due_at) == (longer, None, longer)
    assert (signal.state, signal.wait_until) == (SignalState.WAITING, LATER.date())
    assert signal.facts["product"] == world.title.name
    assert world.title.name in signal.summary
    told = followed(session)
    assert (told.stage, told.reason, told.answer_by) == (Stage.RECEIVED, None, longer)
    kept = session.scalars(select(History).where(History.deed == "request:supplement")).one()
    assert (kept.why, kept.changes["state"]) == ("Nộp trực tiếp", ["supplement", "received"])
    requests.accept(session, record.id, reason="", by=by, at=LATER)
    assert clock_of(session, record).ended_as is ClockEnd.FULFILLED
    with pytest.raises(requests.RequestAnswered):
        requests.supplement(session, record.id, Brought(LATER, note="Muộn rồi"), by=by, at=LATER)


def test_papers_come_unasked_late_and_a_second_time(session: Session, by: UUID, tmp_path: Path) -> None:
    record = taken(session, by)
    first = paper(session, tmp_path)
    made = requests.supplement(session, record.id, Brought(NOW, [first]), by=by, at=NOW)
    assert made.asked is None
    with pytest.raises(PaperFaults) as refused:  # the same file again brings nothing
        requests.supplement(session, record.id, Brought(NOW, [first]), by=by, at=NOW)
    assert refused.value.facts["faults"] == (Faults.NOTHING_NEW,)
    overdue = NOW + 40 * DAY
    requests.supplement(session, record.id, Brought(overdue, note="Bổ sung ảnh"), by=by, at=overdue)
    assert len(record.request.supplements) == 2  # type: ignore[union-attr]
    requests.accept(session, record.id, reason="", by=by, at=overdue)
    assert clock_of(session, record).ended_as is ClockEnd.LATE


def test_papers_that_name_another_title_correct_the_goods_on_the_desk(
    session: Session, world: factories.World, by: UUID
) -> None:
    record = taken(session, by, title_id=world.title.id)
    with pytest.raises(PaperFaults):  # what the request says already is nothing new
        requests.supplement(session, record.id, Brought(NOW, title_id=world.title.id), by=by, at=NOW)
    other = ProtectionTitle(kind=TitleKind.COLLECTIVE_MARK, name="Nhãn hiệu mẫu khác", is_sample=True)
    session.add(other)
    session.flush()
    requests.supplement(session, record.id, Brought(NOW, title_id=other.id), by=by, at=NOW)
    signal = signal_of(session, record)
    assert signal.facts["product"] == other.name
    assert world.title.name not in signal.summary


def test_all_that_is_wrong_with_a_supplement_is_said_at_once(session: Session, by: UUID, tmp_path: Path) -> None:
    record = taken(session, by)
    wrong = Brought(
        NOW - DAY, [paper(session, tmp_path, n) for n in range(11)], poa_certified=True, title_id=record.id, note="x" * 2001
    )  # fmt: skip
    with pytest.raises(PaperFaults) as refused:
        requests.supplement(session, record.id, wrong, by=by, at=LATER)
    assert set(refused.value.facts["faults"]) == {
        Faults.RECEIVED, Faults.FILES, Faults.POWER_OF_ATTORNEY, Faults.RIGHT, Faults.NOTE,
    }  # fmt: skip
    assert record.files == []


def test_a_paper_is_taken_in_although_next_years_days_off_are_not_entered(session: Session, by: UUID) -> None:
    at = NOW.replace(year=2027, month=12, day=25)
    record = requests.take(
        session, heard(received_at=at, seen_on=None), asked(dated=at.date()), keyring=keys.load(session, MASTER), by=by, at=at
    )  # fmt: skip
    clock = clock_of(session, record)
    assert (clock.due_at.astimezone(NOW.tzinfo).date(), clock.needs_verification) == (date(2028, 1, 7), True)
    assert intake_clocks.missing_year(clock, law.load(session)) == 2028
    requests.ask_for_more(session, record.id, reason="Thiếu ảnh", by=by, at=at)
    session.refresh(clock)
    assert clock.due_at.astimezone(NOW.tzinfo).date() == date(2028, 1, 24)
    assert clock.needs_verification
    reminding.make(session, at=at + 20 * DAY)
    made = complaints.take(
        session, heard(received_at=at, seen_on=None), complained(decision_dated=at.date(), learned_on=at.date()), by=by, at=at
    )  # fmt: skip
    complaints.accept(session, made.id, by=by, at=at)
    running = intake_clocks.running(session, made.id, IntakeClockKind.COMPLAINT_RESOLVE)
    assert running.needs_verification
    with pytest.raises(CalendarGap):  # an officer's own decision to extend waits for the calendar, and says which year
        complaints.extend(session, made.id, reason="Phức tạp", by=by, at=at)


def test_a_clock_in_doubt_is_held_against_the_calendar_once_the_year_is_entered(session: Session, by: UUID) -> None:
    at = NOW.replace(year=2027, month=12, day=25)
    record = requests.take(
        session, heard(received_at=at, seen_on=None), asked(dated=at.date()), keyring=keys.load(session, MASTER), by=by, at=at
    )  # fmt: skip
    rules = law.load(session)
    assert intake_clocks.flag(session, law=rules, at=at) == 0
    days = rules.calendar
    entered = replace(
        days, years=days.years | {2028}, holidays={**days.holidays, date(2028, 1, 3): "Nghỉ bù Tết Dương lịch"}
    )
    assert intake_clocks.flag(session, law=replace(rules, calendar=entered), at=at) == 1
    would_be = clock_of(session, record).recount_due_at
    assert would_be is not None
    assert would_be.astimezone(NOW.tzinfo).date() == date(2028, 1, 10)
