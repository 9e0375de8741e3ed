"""The clocks of requests and complaints are spoken of like those of cases: once, to the right duty, in the same letter, and of nobody by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import complaints, intake_book, intake_clocks, law, reminding, requests, triage
from enforcement.errors import NothingRecounted
from enforcement.models import DeskDigest, IntakeClock, IntakeClockKind, IntakeReminder
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement.test_records import LATER, asked, call, complained, heard, keyring
from tests.enforcement.test_reminding import BRANCH, OFFICER, TEAM, at
from tests.mailbox import Box, box, server
from trace import desk_jobs
from trace.models.parties import AppUser, RoleGrant
from trace.services import keys, mail_addresses

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from enforcement.models import IntakeRecord
    from labels.keys import Keyring

__all__ = ["box", "keyring", "server"]
REQUESTER, INFRINGER, COMPLAINANT, CALLER = (
    "Hội Chủ Thể Canary",
    "Bà Bị Nghi Canary",
    "Ông Khiếu Nại Canary",
    "0987654321",
)


@pytest.fixture(autouse=True)
def _law(request: pytest.FixtureRequest) -> None:
    if "session" in request.fixturenames:
        law.seed(request.getfixturevalue("session"))


def request_of(session: Session, world: factories.World, keyring: Keyring) -> IntakeRecord:
    """A request that came on Monday 15/6: ten working days, so until Monday 29/6."""
    said = asked(requester=REQUESTER, infringer=INFRINGER)
    return requests.take(session, heard(), said, keyring=keyring, by=world.officer.id, at=LATER)


def told(session: Session) -> list[tuple[Duty, int]]:
    return [(row.duty, row.mark) for row in session.scalars(select(IntakeReminder).order_by(IntakeReminder.id))]


def pressed(session: Session, world: factories.World, now: datetime) -> list[bool]:
    people = ((world.officer, OFFICER), (world.team_head, TEAM), (world.branch_head, BRANCH))
    return [bool(reminding.pressing(session, user.id, duties, at=now)) for user, duties in people]


def test_each_step_of_a_request_is_said_once_to_the_right_duty(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = request_of(session, world, keyring)
    expected: list[tuple[Duty, int]] = []
    for moment, new, whom in (
        ("23/06/2026 09:00", [], [False, False, False]),
        ("24/06/2026 09:00", [(Duty.OFFICER, 3)], [True, False, False]),
        ("26/06/2026 09:00", [(Duty.OFFICER, 1)], [True, False, False]),
        ("29/06/2026 23:59", [], [True, False, False]),
        ("30/06/2026 08:00", [(Duty.OFFICER, 0), (Duty.TEAM_HEAD, 0)], [True, True, False]),
        ("01/07/2026 08:00", [(Duty.BRANCH_HEAD, -2)], [True, True, True]),
    ):
        expected += new
        assert reminding.make(session, at=at(moment)) == len(new), moment
        assert reminding.make(session, at=at(moment)) == 0
        assert told(session) == expected
        assert pressed(session, world, at(moment)) == whom, moment
    (pressing,) = reminding.pressing(session, world.officer.id, OFFICER, at=at("30/06/2026 08:00"))
    assert (pressing.number, pressing.record_id, pressing.case_id) == (record.number, record.id, None)
    requests.accept(session, record.id, reason="", by=world.officer.id, at=at("01/07/2026 09:00"))
    assert pressed(session, world, at("01/07/2026 10:00")) == [False, False, False]
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(update(IntakeReminder).values(mark=7))


def test_a_longer_time_is_a_new_end_with_reminders_of_its_own(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = request_of(session, world, keyring)
    reminding.make(session, at=at("26/06/2026 09:00"))
    requests.ask_for_more(session, record.id, reason="Thiếu tài liệu", by=world.officer.id, at=at("26/06/2026 10:00"))
    assert pressed(session, world, at("26/06/2026 11:00")) == [False, False, False]
    clock = session.scalars(select(IntakeClock)).one()
    assert reminding.make(session, at=clock.due_at - timedelta(hours=20)) == 1
    assert told(session) == [(Duty.OFFICER, 1), (Duty.OFFICER, 1)]


def test_a_complaint_is_spoken_of_in_each_of_its_stages(session: Session, world: factories.World) -> None:
    said = complained(complainant=COMPLAINANT)
    record = complaints.take(session, heard(), said, by=world.officer.id, at=LATER)
    reminding.make(session, at=at("24/06/2026 09:00"))
    (pressing,) = reminding.pressing(session, world.officer.id, OFFICER, at=at("24/06/2026 09:00"))
    assert pressing.kind.value == IntakeClockKind.COMPLAINT_ACCEPT.value
    complaints.accept(session, record.id, by=world.officer.id, at=at("24/06/2026 10:00"))
    assert pressed(session, world, at("24/06/2026 11:00")) == [False, False, False]
    reminding.make(session, at=at("24/07/2026 09:00"))
    (pressing,) = reminding.pressing(session, world.officer.id, OFFICER, at=at("24/07/2026 09:00"))
    assert pressing.kind.value == IntakeClockKind.COMPLAINT_RESOLVE.value


def test_whoever_works_the_case_hears_and_the_team_heads_where_nobody_is_left(
    session: Session, world: factories.World, keyring: Keyring, tmp_path: Path
) -> None:
    record = request_of(session, world, keyring)
    soon = at("26/06/2026 09:00")
    reminding.make(session, at=soon)
    session.execute(
        update(RoleGrant)
        .where(RoleGrant.user_id == world.officer.id)
        .values(valid_during=Range(date(2026, 1, 1), date(2026, 6, 20)))
    )
    assert reminding.pressing(session, world.team_head.id, TEAM, at=soon), "nobody else is there to hear"
    signal = intake_book.signal_of(session, record.id)
    assert signal is not None
    case = triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.team_head.id, at=NOW)
    case.officer_id = world.branch_head.id
    session.flush()
    numbers = [each.number for each in reminding.pressing(session, world.branch_head.id, OFFICER, at=soon)]
    assert record.number in numbers


def test_a_changed_calendar_moves_no_clock_until_somebody_takes_it_over(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = request_of(session, world, keyring)
    kind = IntakeClockKind.REQUEST_REVIEW
    rules = law.load(session)
    before = session.scalars(select(IntakeClock)).one().due_at
    assert intake_clocks.flag(session, law=rules, at=LATER) == 0
    with pytest.raises(NothingRecounted):
        intake_clocks.take_over(session, record.id, kind, law=rules, reason="x", by=world.officer.id, at=LATER)
    calendar = replace(rules.calendar, holidays={**rules.calendar.holidays, date(2026, 6, 25): "Nghỉ bù"})
    changed = replace(rules, calendar=calendar)
    assert intake_clocks.flag(session, law=changed, at=LATER) == 1
    clock = session.scalars(select(IntakeClock)).one()
    assert (clock.due_at, clock.recount_found_at) == (before, LATER)
    intake_clocks.take_over(session, record.id, kind, law=changed, reason="Nghỉ bù", by=world.officer.id, at=LATER)
    assert clock.due_at == before + timedelta(days=1)
    assert (clock.recount_due_at, clock.recount_found_at) == (None, None)
    signal = intake_book.signal_of(session, record.id)
    assert signal is not None
    assert signal.due_at == clock.due_at


@pytest.mark.committed
def test_the_morning_letter_tells_numbers_and_days_and_nobody_by_name(
    committed: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    morning = at("24/06/2026 07:00")
    with Session(committed) as session:
        law.seed(session)
        world = factories.make_world(session, master=MASTER, at=NOW)
        keyring = keys.load(session, MASTER)
        record = request_of(session, world, keyring)
        complaints.take(session, heard(), complained(complainant=COMPLAINANT), by=world.officer.id, at=LATER)
        call(session, world, keyring, heard(), contact=CALLER)
        officer = world.officer.id
        mail_addresses.ask(session, officer, "can.bo@mau.test", by=officer, at=NOW)
        (link,) = mail_addresses.letters(session, at=NOW, host="mau.test")
        token = link.text.partition("/xac-nhan/")[2].split()[0]
        mail_addresses.mailed(session, link.key)
        number = record.number
        session.commit()
    config = replace(config_for(str(committed.url), tmp_path), smtp_url=server)

    def day(now: datetime) -> int:
        with Session(committed) as session:
            reminding.make(session, at=now)
            reminding.write_digests(session, at=now)
            session.commit()
        return desk_jobs.post_digests(committed, config, now=lambda: now)

    assert day(morning) == 0, "an address that nobody confirmed gets nothing"
    with Session(committed) as session:
        assert [each.id for each in reminding.without_address(session, on=morning.date()) if each.id == officer]
        mail_addresses.confirm(session, token, user_id=officer, at=NOW + timedelta(hours=1))
        session.commit()
    assert day(morning + timedelta(minutes=10)) == 1
    assert day(morning + timedelta(minutes=20)) == 0
    (taken,) = box.taken
    assert taken.rcpt_tos == ["can.bo@mau.test"]
    letter = message_from_bytes(taken.content, policy=policy.default)
    text = letter.get_content() + letter["Subject"]
    assert f"{number}: hạn 23:59 29/06/2026, còn 3 ngày làm việc" in text
    assert "/tiep-nhan/" in text
    with Session(committed) as session:
        names = set(session.scalars(select(AppUser.full_name)))
    assert not [word for word in ("Canary", CALLER, "Nhãn hiệu tập thể", *names) if word in text]


@pytest.mark.committed
def test_a_letter_refused_for_good_is_given_up_for_the_day_and_seen_by_the_heads(
    committed: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    morning = at("24/06/2026 07:00")
    with Session(committed) as session:
        law.seed(session)
        world = factories.make_world(session, master=MASTER, at=NOW)
        keyring = keys.load(session, MASTER)
        request_of(session, world, keyring)
        session.execute(update(AppUser).where(AppUser.id == world.officer.id).values(login="can.bo@mau.test"))
        reminding.make(session, at=morning)
        reminding.write_digests(session, at=morning)
        session.commit()
    config = replace(config_for(str(committed.url), tmp_path), smtp_url=server)
    box.refused = {"can.bo@mau.test"}
    assert desk_jobs.post_digests(committed, config, now=lambda: morning) == 0
    box.refused = set()
    assert desk_jobs.post_digests(committed, config, now=lambda: morning + timedelta(hours=1)) == 0
    with Session(committed) as session:
        ((person, refusal),) = mail_addresses.refused(session)
        assert (person.login, refusal.code) == ("can.bo@mau.test", 550)
        (unsent,) = reminding.unsent(session, since=date(2026, 6, 20))
        assert (unsent.person_id, unsent.mail_due_at) == (person.id, None)
        reminding.write_digests(session, at=morning + timedelta(days=1))
        session.commit()
    assert desk_jobs.post_digests(committed, config, now=lambda: morning + timedelta(days=1)) == 1
    with Session(committed) as session:
        assert mail_addresses.refused(session) == []
        assert len(session.scalars(select(DeskDigest)).all()) == 2
