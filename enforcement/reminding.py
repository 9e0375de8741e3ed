"""Who is told that a clock comes near its end: the officer before it, the heads after it, and one letter each morning.

A reminder is a row, made once for each end of a clock and step, and stays. When to speak is data (`law.reminding`). A letter holds numbers
and dates of cases and messages and nothing else: mail is read by others. What must not live here: the sending (`trace.services.mail`, by
a job), and the reminders of messages (`intake_reminding`).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, false, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased, joinedload

from enforcement import authority, intake_reminding, law, membership
from enforcement.casebook import midnight
from enforcement.law_seed import Signer
from enforcement.models import CaseFile, Deadline, DeadlineReminder, DeskDigest, DeskPreference
from enforcement.reminder_steps import Pressing, left_of, steps
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.services import mail_addresses
from trace.services.mail import Letter
from trace.services.mail_addresses import FIRST_WAIT, LONGEST_WAIT, MOST_TRIES
from trace.workdays import SATURDAY, Calendar, CalendarGap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from enforcement.deadlines import DeadlineKind
    from enforcement.law import Law
    from enforcement.law_seed import Reminding
    from trace.models.parties import AppUser

MORNING, NOON = time(6, 30), time(12, 0)
# As far ahead as any reminder speaks: sixty working days lie within a hundred and twenty days.
HORIZON = timedelta(days=120)
LETTERS = 50
MOST_LINES = 40
MOST_PRESSING = 200
DUTY_OF = {Signer.INSPECTOR: Duty.OFFICER, Signer.TEAM_HEAD: Duty.TEAM_HEAD, Signer.BRANCH_HEAD: Duty.BRANCH_HEAD}
RUNNING = (Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
LAST_TOLD = (Duty.TEAM_HEAD, Duty.BRANCH_HEAD)
"""When both of these were told of an end, nothing more is said of it."""


class _Reader(NamedTuple):
    person: AppUser
    duties: frozenset[Duty]
    address: str | None


def make(session: Session, *, at: datetime) -> int:
    """Make the reminders whose moment has come; returns how many. Running it again makes none."""
    rules, habits = law.load(session), law.reminding(session)
    reached = and_(or_(false(), *_reached(habits, rules, at)), *RUNNING, ~and_(*map(_told, LAST_TOLD)))
    # What was said before is read at once: clocks past their end would otherwise be said again and refused one by one.
    said = {
        tuple(row)
        for row in session.execute(
            select(DeadlineReminder.deadline_id, DeadlineReminder.due_at, DeadlineReminder.duty, DeadlineReminder.mark)
            .join(Deadline, Deadline.id == DeadlineReminder.deadline_id)
            .where(reached)
        )
    }
    # Many clocks end at one moment, so what is left is counted once for each.
    left = cache(lambda kind, version, due_at: left_of(kind, version, due_at, rules, at)[0])
    new = [
        {"deadline_id": row.id, "due_at": row.due_at, "duty": duty, "mark": mark, "made_at": at}
        for row in session.execute(select(Deadline.id, Deadline.kind, Deadline.rule_version, Deadline.due_at).where(reached))
        for duty, mark in steps(row.due_at, left(row.kind, row.rule_version, row.due_at), habits[row.kind], at)
        if (row.id, row.due_at, duty, mark) not in said
    ]  # fmt: skip
    made = 0
    if new:
        write = insert(DeadlineReminder).on_conflict_do_nothing().returning(DeadlineReminder.id)
        made = len(session.scalars(write, new).all())
    made += intake_reminding.make(session, rules, habits, at=at, horizon=HORIZON)
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
    found = [_pressing(session, deadline, case, rules, at) for deadline, case in rows]
    found += intake_reminding.pressing(session, person_id, duties, rules, at=at, limit=limit)
    return sorted(found, key=lambda each: each.due_at)[:limit]


def write_digests(session: Session, *, at: datetime) -> int:
    """Put down the letters of this morning, one a person; returns how many are new. None before the morning, at noon or on a day off."""
    local = at.astimezone(CITY)
    rules = law.load(session)
    if not MORNING <= local.time() < NOON or not _worked(rules.calendar, local.date()):
        return 0
    made = 0
    for reader in _readers(session, on=local.date()):
        if reader.address is None or not pressing(session, reader.person.id, reader.duties, at=at):
            continue
        written = session.scalar(
            insert(DeskDigest)
            .values(person_id=reader.person.id, on_day=local.date(), made_at=at, mail_due_at=at)
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
        .with_for_update(skip_locked=True)
    ).all()
    readers = {reader.person.id: reader for reader in _readers(session, on=today)}
    written = []
    for digest in due:
        reader = readers.get(digest.person_id)
        lines = pressing(session, digest.person_id, reader.duties, at=at) if reader else []
        if digest.on_day != today or reader is None or reader.address is None or not lines:
            digest.mail_due_at = None  # yesterday's letter, or nobody to write to, or nothing left to say
            continue
        digest.mail_tries += 1
        last = digest.mail_tries >= MOST_TRIES
        wait = min(FIRST_WAIT * 2 ** (digest.mail_tries - 1), LONGEST_WAIT)
        digest.mail_due_at = None if last else at + wait
        written.append(Letter(digest.id, reader.address, *_words(lines, today, host), last=last))
    session.flush()
    return written


def mailed(session: Session, digest_id: int, *, at: datetime) -> None:
    """A letter was taken by the mail server: it is not sent again."""
    session.execute(update(DeskDigest).where(DeskDigest.id == digest_id).values(mailed_at=at, mail_due_at=None))


def given_up(session: Session, digest_id: int) -> None:
    """The mail server will not take this letter however often it is sent; tomorrow's is tried anew."""
    session.execute(update(DeskDigest).where(DeskDigest.id == digest_id).values(mail_due_at=None))


def without_address(session: Session, *, on: date) -> list[AppUser]:
    """The people of the desk who would get a letter and have no address for it."""
    return [reader.person for reader in _readers(session, on=on) if reader.address is None]


def unsent(session: Session, *, since: date, limit: int = 100) -> Sequence[DeskDigest]:
    """The letters of the last days that were tried and that no mail server took, latest first."""
    return session.scalars(
        select(DeskDigest)
        .where(DeskDigest.on_day >= since, DeskDigest.mail_tries > 0, DeskDigest.mailed_at.is_(None))
        .order_by(DeskDigest.on_day.desc(), DeskDigest.id)
        .limit(limit)
        .options(joinedload(DeskDigest.person, innerjoin=True))
    ).all()


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


def _pressing(session: Session, deadline: Deadline, case: CaseFile, rules: Law, at: datetime) -> Pressing:
    left, unit = left_of(deadline.kind, deadline.rule_version, deadline.due_at, rules, at)
    shown = case.id if case.merged_into_id is None else membership.survivor(session, case.id)
    number = case.number if shown == case.id else membership.numbers(session, [shown])[shown]
    return Pressing(deadline.kind, deadline.basis, deadline.due_at, number, left, unit, case_id=shown)


def _told(duty: Duty) -> ColumnElement[bool]:
    """Whether a duty was told that a clock is past the end that it has now."""
    heard = aliased(DeadlineReminder)
    return exists().where(heard.deadline_id == Deadline.id, heard.due_at == Deadline.due_at, heard.duty == duty)


def _reached(habits: Mapping[DeadlineKind, Reminding], rules: Law, at: datetime) -> Iterator[ColumnElement[bool]]:
    """The clocks that may have come to a first reminder: those of a kind that end by the day from which it is not due yet."""
    kinds: dict[int, list[DeadlineKind]] = {}
    for kind, habit in habits.items():
        kinds.setdefault(max(habit.before, default=0), []).append(kind)
    for mark, of_mark in kinds.items():
        until = at + HORIZON
        with suppress(CalendarGap):
            until = min(until, midnight(rules.calendar.after(at.astimezone(CITY).date(), mark + 1)))
        yield and_(Deadline.kind.in_(of_mark), Deadline.due_at <= until)


def _readers(session: Session, *, on: date) -> list[_Reader]:
    """Who gets a letter: the people of the desk who did not say no, each with the address for it, if there is one."""
    declined = set(session.scalars(select(DeskPreference.person_id).where(DeskPreference.digest.is_(False))))
    people = [each for each in authority.people(session, on) if each[0].id not in declined]
    addresses = mail_addresses.of(session, [person.id for person, _signer in people])
    return [_Reader(person, frozenset({DUTY_OF[signer]}), addresses.get(person.id)) for person, signer in people]


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
        "Thư chỉ nêu số vụ việc, số tiếp nhận và ngày. Bạn có thể tắt thư này ở trang trên. Thư được gửi tự động, bạn không cần trả lời.\n",
    )


def _line(line: Pressing, host: str) -> str:
    unit = "giờ" if line.unit == "hour" else "ngày làm việc"
    if line.left < 0:
        left = f"quá hạn {-line.left} {unit}"
    else:
        left = f"còn {line.left} {unit}" if line.left else "hết hạn hôm nay"
    due = line.due_at.astimezone(CITY)
    page = f"vu-viec/{line.case_id}/thoi-han" if line.case_id else f"tiep-nhan/{line.record_id}"
    return f"- {line.number}: hạn {due:%H:%M %d/%m/%Y}, {left} · https://{host}/{page}"
