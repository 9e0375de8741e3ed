"""Who is told that a clock comes near its end: the officer before it, the heads after it, and one letter each morning.

A reminder is a row, made once for each end of a clock and step, and stays. When to speak is data (`law.reminding`). A letter holds numbers
and dates of cases and nothing else: mail is read by others. What must not live here: the sending (`trace.services.mail`, by a job).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from enforcement import authority, clocks, law, membership
from enforcement.deadlines import Unit
from enforcement.law_seed import Signer
from enforcement.models import CaseFile, Deadline, DeadlineReminder, DeskDigest, DeskPreference
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.services.reminders import FIRST_WAIT, LONGEST_WAIT, MAIL_ADDRESS, MOST_TRIES
from trace.workdays import SATURDAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.law import Law
    from enforcement.law_seed import Reminding
    from trace.models.parties import AppUser

MORNING, NOON = time(6, 30), time(12, 0)
# As far ahead as any reminder speaks: sixty working days lie within a hundred and twenty days.
HORIZON = timedelta(days=120)
MAIL_ADDRESS_FORM = re.compile(MAIL_ADDRESS)
LETTERS = 50
MOST_LINES = 40
MOST_PRESSING = 200
DUTY_OF = {Signer.INSPECTOR: Duty.OFFICER, Signer.TEAM_HEAD: Duty.TEAM_HEAD, Signer.BRANCH_HEAD: Duty.BRANCH_HEAD}
RUNNING = (Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))


@dataclass(frozen=True)
class Pressing:
    """A clock that presses a person: of which case, and how much is left, as `clocks.Standing` counts it."""

    deadline: Deadline
    case_id: UUID
    number: str
    left: int
    unit: str


@dataclass(frozen=True)
class Letter:
    """The morning letter of one person. `last`: it is not tried again if the mail server does not take it now."""

    digest_id: int
    to: str
    subject: str
    text: str
    last: bool


def make(session: Session, *, at: datetime) -> int:
    """Make the reminders whose moment has come; returns how many. Running it again makes none."""
    rules, habits = law.load(session), law.reminding(session)
    near = and_(Deadline.due_at <= at + HORIZON, *RUNNING)
    # What was said before is read at once: clocks long past their end would otherwise be said again and refused one by one.
    said = {
        (row.deadline_id, row.due_at, row.duty, row.mark)
        for row in session.execute(
            select(DeadlineReminder.deadline_id, DeadlineReminder.due_at, DeadlineReminder.duty, DeadlineReminder.mark)
            .join(Deadline, Deadline.id == DeadlineReminder.deadline_id)
            .where(near)
        )
    }
    made = 0
    for deadline in session.scalars(select(Deadline).where(near)).yield_per(1000):
        if (habit := habits.get(deadline.kind)) is None:
            continue
        for duty, mark in _steps(deadline, habit, rules, at):
            if (deadline.id, deadline.due_at, duty, mark) in said:
                continue
            written = session.scalar(
                insert(DeadlineReminder)
                .values(deadline_id=deadline.id, due_at=deadline.due_at, duty=duty, mark=mark, made_at=at)
                .on_conflict_do_nothing()
                .returning(DeadlineReminder.id)
            )
            made += written is not None
    session.flush()
    return made


def pressing(
    session: Session, person_id: UUID, duties: Collection[Duty], *, at: datetime, limit: int = MOST_PRESSING
) -> list[Pressing]:
    """The running clocks of which this person has been told, nearest end first, at most so many.

    An officer hears of the own cases; of a case that nobody works, the team heads hear in the officer's place.
    """
    told = exists().where(DeadlineReminder.deadline_id == Deadline.id, DeadlineReminder.due_at == Deadline.due_at)
    whose: list[Any] = []
    if duties:
        whose.append(and_(CaseFile.officer_id == person_id, told.where(DeadlineReminder.duty == Duty.OFFICER)))
    if Duty.TEAM_HEAD in duties:
        unheard = and_(CaseFile.officer_id.is_(None), told.where(DeadlineReminder.duty == Duty.OFFICER))
        whose += [unheard, told.where(DeadlineReminder.duty == Duty.TEAM_HEAD)]
    if Duty.BRANCH_HEAD in duties:
        whose.append(told.where(DeadlineReminder.duty == Duty.BRANCH_HEAD))
    if not whose:
        return []
    rules = law.load(session)
    rows = session.execute(
        select(Deadline, CaseFile)
        .join(CaseFile, CaseFile.id == Deadline.case_id)
        .where(*RUNNING, or_(*whose))
        .order_by(Deadline.due_at)
        .limit(limit)
    ).all()
    return [_pressing(session, deadline, case, rules, at) for deadline, case in rows]


def write_digests(session: Session, *, at: datetime) -> int:
    """Put down the letters of this morning, one a person; returns how many are new. None before the morning, at noon or on a day off."""
    local = at.astimezone(CITY)
    rules = law.load(session)
    if not MORNING <= local.time() < NOON or not _worked(rules.calendar, local.date()):
        return 0
    made = 0
    for person, duties in _readers(session, on=local.date()):
        if not pressing(session, person.id, duties, at=at):
            continue
        written = session.scalar(
            insert(DeskDigest)
            .values(person_id=person.id, on_day=local.date(), made_at=at, mail_due_at=at)
            .on_conflict_do_nothing()
            .returning(DeskDigest.id)
        )
        made += written is not None
    session.flush()
    return made


def letters(session: Session, *, at: datetime, host: str) -> list[Letter]:
    """The letters that are due, each set to be tried again later unless `mailed` is said of it. Nobody else gets the same ones."""
    today = at.astimezone(CITY).date()
    due = session.scalars(
        select(DeskDigest)
        .where(DeskDigest.mail_due_at <= at)
        .order_by(DeskDigest.mail_due_at, DeskDigest.id)
        .limit(LETTERS)
        .with_for_update(of=DeskDigest, skip_locked=True)
        .options(joinedload(DeskDigest.person, innerjoin=True))
    ).all()
    readers = {person.id: duties for person, duties in _readers(session, on=today)}
    written = []
    for digest in due:
        lines = pressing(session, digest.person_id, readers.get(digest.person_id, ()), at=at)
        if digest.on_day != today or not lines:
            digest.mail_due_at = None  # yesterday's letter, or nothing left to say
            continue
        digest.mail_tries += 1
        last = digest.mail_tries >= MOST_TRIES
        wait = min(FIRST_WAIT * 2 ** (digest.mail_tries - 1), LONGEST_WAIT)
        digest.mail_due_at = None if last else at + wait
        written.append(Letter(digest.id, digest.person.login, *_words(lines, today, host), last=last))
    session.flush()
    return written


def mailed(session: Session, digest_id: int, *, at: datetime) -> None:
    """A letter was taken by the mail server: it is not sent again."""
    session.execute(update(DeskDigest).where(DeskDigest.id == digest_id).values(mailed_at=at, mail_due_at=None))


def wants_digest(session: Session, person_id: UUID) -> bool:
    """Whether a person gets the morning letter; everybody does who did not say no."""
    chosen = session.scalar(select(DeskPreference.digest).where(DeskPreference.person_id == person_id))
    return chosen is not False


def choose_digest(session: Session, person_id: UUID, *, wanted: bool) -> None:
    """Say whether one wants the morning letter."""
    session.execute(
        insert(DeskPreference)
        .values(person_id=person_id, digest=wanted)
        .on_conflict_do_update(index_elements=["person_id"], set_={"digest": wanted})
    )


def _steps(deadline: Deadline, habit: Reminding, rules: Law, at: datetime) -> Iterator[tuple[Duty, int]]:
    """What is said of a clock at a moment, to whom. Of several reminders before the end only the nearest that has come."""
    left, _unit = _left(deadline, rules, at)
    if at <= deadline.due_at:
        if reached := [mark for mark in habit.before if left <= mark]:
            yield Duty.OFFICER, min(reached)
        return
    yield Duty.OFFICER, 0
    if -left >= habit.team_after:
        yield Duty.TEAM_HEAD, -habit.team_after
    if -left >= habit.branch_after:
        yield Duty.BRANCH_HEAD, -habit.branch_after


def _left(deadline: Deadline, rules: Law, at: datetime) -> tuple[int, str]:
    if rules.rule_of(deadline.kind, deadline.rule_version).unit is Unit.HOURS:
        return int((deadline.due_at - at).total_seconds() // 3600), "hour"
    return clocks.left_until(deadline.due_at, rules, at=at), "working"


def _pressing(session: Session, deadline: Deadline, case: CaseFile, rules: Law, at: datetime) -> Pressing:
    left, unit = _left(deadline, rules, at)
    shown = case.id if case.merged_into_id is None else membership.survivor(session, case.id)
    number = case.number if shown == case.id else membership.numbers(session, [shown])[shown]
    return Pressing(deadline, shown, number, left, unit)


def _readers(session: Session, *, on: date) -> list[tuple[AppUser, frozenset[Duty]]]:
    """Who gets a letter: the people of the desk who sign in with an address and did not say no."""
    declined = set(session.scalars(select(DeskPreference.person_id).where(DeskPreference.digest.is_(False))))
    return [
        (person, frozenset({DUTY_OF[signer]}))
        for person, signer in authority.people(session, on)
        if person.id not in declined and MAIL_ADDRESS_FORM.fullmatch(person.login)
    ]


def _worked(calendar: Calendar, day: date) -> bool:
    return calendar.is_working(day) if day.year in calendar.years else day.weekday() < SATURDAY


def _words(lines: list[Pressing], today: date, host: str) -> tuple[str, str]:
    """Subject and text. A letter of the desk is always Vietnamese, and names no person and no kind of act."""
    late = sum(line.left < 0 for line in lines)
    subject = f"Thời hạn {today:%d/%m/%Y}: {len(lines)} việc, {late} quá hạn"
    listed = "\n".join(_line(line, host) for line in lines[:MOST_LINES])
    more = f"\n… và {len(lines) - MOST_LINES} việc nữa\n" if len(lines) > MOST_LINES else ""
    return (
        subject,
        f"Các thời hạn cần xử lý tính đến sáng ngày {today:%d/%m/%Y}:\n\n{listed}\n{more}\n"
        f"Tất cả thời hạn của bạn: https://{host}/thoi-han\n\n"
        "Thư chỉ nêu số vụ việc và ngày. Bạn có thể tắt thư này ở trang trên. Thư được gửi tự động, bạn không cần trả lời.\n",
    )


def _line(line: Pressing, host: str) -> str:
    unit = "giờ" if line.unit == "hour" else "ngày làm việc"
    if line.left < 0:
        left = f"quá hạn {-line.left} {unit}"
    else:
        left = f"còn {line.left} {unit}" if line.left else "hết hạn hôm nay"
    due = line.deadline.due_at.astimezone(CITY)
    return f"- {line.number}: hạn {due:%H:%M %d/%m/%Y}, {left} · https://{host}/vu-viec/{line.case_id}/thoi-han"
