"""Told in time: the officer before the end, the heads after it, one letter a morning with numbers and dates and no name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import clocks, law, lawbook, reminding
from enforcement.deadlines import DeadlineKind
from enforcement.law_seed import Reminding
from enforcement.models import CaseFile, Deadline, DeadlineReminder, DeskDigest, EndedAs
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement import desk
from tests.mailbox import Box, box, server
from trace import desk_jobs
from trace.clock import CITY
from trace.models.parties import AppUser

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

__all__ = ["box", "server"]
OFFICER, TEAM, BRANCH = frozenset({Duty.OFFICER}), frozenset({Duty.TEAM_HEAD}), frozenset({Duty.BRANCH_HEAD})
TITLE = "Nghi hộ kinh doanh Nguyễn Văn Canary bán hàng giả"


def at(text_: str) -> datetime:
    return datetime.strptime(text_, "%d/%m/%Y %H:%M").replace(tzinfo=CITY)


def with_clock(session: Session, world: factories.World, store: Path, kind: DeadlineKind, began: datetime) -> Deadline:
    case = desk.case(session, world, store)
    clocks.stop(session, case, at=NOW)
    case.officer_id, case.title = world.officer.id, TITLE
    made = clocks.start(session, case, kind, began=began, law=law.load(session), at=NOW)
    session.flush()
    return made


def said(session: Session, clock: Deadline) -> list[tuple[Duty, int]]:
    rows = session.scalars(
        select(DeadlineReminder).where(DeadlineReminder.deadline_id == clock.id).order_by(DeadlineReminder.id)
    )
    return [(row.duty, row.mark) for row in rows]


def test_each_step_is_said_once_to_the_right_duty(session: Session, world: factories.World, tmp_path: Path) -> None:
    # Mon 15/6; 7 working days: Wed 24/6. Three left on Fri 19/6, one left on Tue 23/6.
    clock = with_clock(session, world, tmp_path, DeadlineKind.PENALTY_DECISION, NOW)
    steps = [
        ("18/06/2026 09:00", []),
        ("19/06/2026 09:00", [(Duty.OFFICER, 3)]),
        ("22/06/2026 09:00", []),
        ("23/06/2026 09:00", [(Duty.OFFICER, 1)]),
        ("24/06/2026 23:59", []),
        ("25/06/2026 00:00", [(Duty.OFFICER, 0), (Duty.TEAM_HEAD, 0)]),
        ("26/06/2026 08:00", [(Duty.BRANCH_HEAD, -2)]),
    ]
    expected: list[tuple[Duty, int]] = []
    for moment, new in steps:
        expected += new
        assert reminding.make(session, at=at(moment)) == len(new), moment
        assert reminding.make(session, at=at(moment)) == 0
        assert said(session, clock) == expected


def test_a_clock_that_begins_near_its_end_is_spoken_of_once_and_a_new_end_again(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    clock = with_clock(session, world, tmp_path, DeadlineKind.DELIVERY, NOW)  # two working days: 17/6
    reminding.make(session, at=NOW)
    assert said(session, clock) == [(Duty.OFFICER, 3)]
    clock.due_at = at("30/06/2026 12:00")
    reminding.make(session, at=at("29/06/2026 09:00"))
    assert said(session, clock) == [(Duty.OFFICER, 3), (Duty.OFFICER, 1)]


def test_a_clock_in_hours_is_counted_in_hours_and_the_habit_is_data(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    clock = with_clock(session, world, tmp_path, DeadlineKind.INS_UPLOAD, NOW)  # 48 hours
    lawbook.set_reminders(session, DeadlineKind.INS_UPLOAD, Reminding((10,), 0, 5), by=world.team_head.id, at=NOW)
    assert reminding.make(session, at=NOW + timedelta(hours=37)) == 0
    assert reminding.make(session, at=NOW + timedelta(hours=38)) == 1
    assert reminding.make(session, at=NOW + timedelta(hours=49)) == 2
    assert reminding.make(session, at=NOW + timedelta(hours=54)) == 1
    assert said(session, clock) == [(Duty.OFFICER, 10), (Duty.OFFICER, 0), (Duty.TEAM_HEAD, 0), (Duty.BRANCH_HEAD, -5)]


def test_who_is_pressed(session: Session, world: factories.World, tmp_path: Path) -> None:
    clock = with_clock(session, world, tmp_path, DeadlineKind.PENALTY_DECISION, NOW)

    def pressed(now: datetime) -> list[bool]:
        people = ((world.officer, OFFICER), (world.team_head, TEAM), (world.branch_head, BRANCH))
        return [bool(reminding.pressing(session, user.id, duties, at=now)) for user, duties in people]

    for moment, expected in (
        ("18/06/2026 09:00", [False, False, False]),
        ("19/06/2026 09:00", [True, False, False]),
        ("25/06/2026 09:00", [True, True, False]),
        ("26/06/2026 09:00", [True, True, True]),
    ):
        reminding.make(session, at=at(moment))
        assert pressed(at(moment)) == expected, moment
    session.execute(update(CaseFile).values(officer_id=None))
    assert pressed(at("26/06/2026 09:00")) == [False, True, True]  # nobody works it: the team head hears
    clock.met_at, clock.ended_as = at("26/06/2026 09:00"), EndedAs.LATE
    session.flush()
    assert pressed(at("26/06/2026 10:00")) == [False, False, False]


def test_reminders_are_never_changed(session: Session, world: factories.World, tmp_path: Path) -> None:
    with_clock(session, world, tmp_path, DeadlineKind.DELIVERY, NOW)
    reminding.make(session, at=NOW)
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(update(DeadlineReminder).values(mark=7))


MORNING = at("19/06/2026 07:00")


@pytest.fixture
def city(committed: Engine, tmp_path: Path) -> Engine:
    """A committed world with one clock that presses its officer, who signs in with an address."""
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        with_clock(session, world, tmp_path, DeadlineKind.PENALTY_DECISION, NOW)
        session.execute(update(AppUser).where(AppUser.id == world.officer.id).values(login="can.bo@mau.test"))
        session.commit()
    return committed


def morning(engine: Engine, now: datetime) -> int:
    with Session(engine) as session:
        reminding.make(session, at=now)
        written = reminding.write_digests(session, at=now)
        session.commit()
    return written


def post(engine: Engine, url: str, folder: Path, now: datetime) -> int:
    from dataclasses import replace

    config = replace(config_for(str(engine.url), folder), smtp_url=url)
    return desk_jobs.post_digests(engine, config, now=lambda: now)


@pytest.mark.committed
def test_one_letter_a_morning_however_many_workers(city: Engine, server: str, box: Box, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _n: morning(city, MORNING), range(4))) == 1
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _n: post(city, server, tmp_path, MORNING), range(4))) == 1
    assert morning(city, MORNING + timedelta(hours=2)) == 0
    assert post(city, server, tmp_path, MORNING + timedelta(hours=3)) == 0
    (taken,) = box.taken
    assert taken.rcpt_tos == ["can.bo@mau.test"]
    letter = message_from_bytes(taken.content, policy=policy.default)
    told = letter.get_content() + letter["Subject"]
    assert "hạn 23:59 24/06/2026, còn 3 ngày làm việc" in told
    assert letter["Subject"] == "Thời hạn 19/06/2026: 1 việc, 0 quá hạn"
    with Session(city) as session:
        number = session.scalars(select(CaseFile.number)).one()
        names = {*session.scalars(select(AppUser.full_name)), *session.scalars(text("SELECT name FROM party"))}
    assert number in told
    assert not [word for word in (TITLE, "Canary", "sao chép", *names) if word in told]


@pytest.mark.committed
def test_a_server_that_is_down_gets_the_letter_later_and_yesterdays_letter_is_not_sent(
    city: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    morning(city, MORNING)
    box.broken = True
    assert post(city, server, tmp_path, MORNING) == 0
    box.broken = False
    assert post(city, server, tmp_path, MORNING + timedelta(minutes=5)) == 0  # not yet
    assert post(city, server, tmp_path, MORNING + timedelta(minutes=10)) == 1
    monday = MORNING + timedelta(days=3)
    assert morning(city, monday) == 1
    box.broken = True
    post(city, server, tmp_path, monday)
    box.broken = False
    assert post(city, server, tmp_path, monday + timedelta(days=1)) == 0
    assert len(box.taken) == 1


@pytest.mark.committed
def test_nothing_is_sent_without_a_server_off_hours_or_to_who_said_no(
    city: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    for moment in ("19/06/2026 06:29", "19/06/2026 12:00", "20/06/2026 07:00"):  # too early, too late, a Saturday
        assert morning(city, at(moment)) == 0
    assert morning(city, MORNING) == 1
    assert post(city, "", tmp_path, MORNING) == 0
    with Session(city) as session:
        officer = session.scalars(select(AppUser).where(AppUser.login == "can.bo@mau.test")).one()
        assert reminding.wants_digest(session, officer.id)
        reminding.choose_digest(session, officer.id, wanted=False)
        session.commit()
        assert not reminding.wants_digest(session, officer.id)
    assert post(city, server, tmp_path, MORNING) == 0
    assert morning(city, MORNING + timedelta(days=3)) == 0
    with Session(city) as session:
        assert session.scalars(select(DeskDigest.on_day)).all() == [date(2026, 6, 19)]
    assert box.taken == []
