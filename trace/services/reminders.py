"""Renewal reminders: a certificate that enters its renewal window is work for its holder and its managing body, once a period.

Whether a reminder is done is not written down: it follows from the applications and certificates there are. Whoever has an address for
letters also gets one, once, written here; what must not live here is the sending (`mail`, by a job).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, joinedload

from trace.clock import CITY
from trace.models.applications import Application, ApplicationState, RenewalLetter, RenewalReminder
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.incidents import IncidentKind
from trace.models.parties import AppUser, Role, RoleGrant
from trace.models.titles import TitleRole, TitleRoleKind
from trace.services import applications, history, incidents, mail_addresses, rules, workdays
from trace.services.mail import Letter
from trace.services.mail_addresses import FIRST_WAIT, LONGEST_WAIT, MOST_TRIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach

LIVE = (CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED)
LETTERS = 50
# An application that came to nothing leaves the renewal to be done.
FRUITLESS = (ApplicationState.WITHDRAWN, ApplicationState.REFUSED)
_WITH_CERTIFICATE = (
    joinedload(RenewalReminder.certificate).joinedload(UseCertificate.title),
    joinedload(RenewalReminder.certificate).joinedload(UseCertificate.holder),
)


def remind(session: Session, at: datetime) -> int:
    """Make the reminders that have fallen due; returns how many. Running it again makes none."""
    today = at.astimezone(CITY).date()
    until = func.upper(UseCertificate.valid_during)
    reminded = exists().where(RenewalReminder.certificate_id == UseCertificate.id, RenewalReminder.ends_on == until - 1)
    candidates = session.scalars(
        select(UseCertificate).where(UseCertificate.status.in_(LIVE), until > today, ~reminded)
    ).all()
    windows = rules.renewal_windows(session, on=today)
    made = 0
    for certificate in candidates:
        end = certificate.valid_during.upper
        if end is None or today < end - windows[certificate.title_id]:
            continue
        last = end - timedelta(days=1)
        written = session.scalar(
            insert(RenewalReminder)
            .values(certificate_id=certificate.id, ends_on=last, made_at=at, mail_due_at=at)
            .on_conflict_do_nothing(index_elements=["certificate_id", "ends_on"])
            .returning(RenewalReminder.id)
        )
        if written is not None:
            made += 1
            history.record(
                session, "certificate:remind", certificate.id, by=None, at=at, changes={"ends_on": (None, last)}
            )
    session.flush()
    return made


def daily(session: Session, at: datetime) -> int:
    """What is done once a day: reminders, and due days that could not be counted before. Returns how many of both."""
    return remind(session, at) + applications.reckon_again(session, workdays.calendar(session))


def waiting(session: Session, *, reach: Reach, on: date, limit: int = 50) -> Sequence[RenewalReminder]:
    """The reminders within reach that are still to be done, the nearest end first.

    One is done when an application that renews the certificate exists, or a later certificate does. An expired one is no work any more.
    """
    statement = (
        select(RenewalReminder)
        .join(RenewalReminder.certificate)
        .where(reach.covers(UseCertificate.holder_id, UseCertificate.title_id), *_undone(on))
        .order_by(RenewalReminder.ends_on, RenewalReminder.id)
        .limit(limit)
        .options(*_WITH_CERTIFICATE)
    )
    return session.scalars(statement).all()


def letters(session: Session, *, at: datetime, host: str) -> list[Letter]:
    """The letters that are due, one a person, each set to be tried again later unless `mailed` or `given_up` is said of it.

    Nobody else gets the same ones.
    """
    today = at.astimezone(CITY).date()
    _put_down(session, at=at)
    due = session.scalars(
        select(RenewalLetter)
        .join(RenewalLetter.reminder)
        .join(RenewalReminder.certificate)
        .where(RenewalLetter.mail_due_at <= at, *_undone(today))
        .order_by(RenewalLetter.mail_due_at, RenewalLetter.id)
        .limit(LETTERS)
        .with_for_update(of=RenewalLetter, skip_locked=True)
        .options(joinedload(RenewalLetter.reminder).options(*_WITH_CERTIFICATE))
    ).all()
    addresses = {each.id: _readers(session, each.certificate, on=today) for each in {row.reminder for row in due}}
    written = []
    for row in due:
        readers = addresses[row.reminder_id]
        to = readers.get(row.person_id) or _handed_on(session, row, readers)
        if to is None:  # gone since, or without an address by now, and nobody behind the same address is left
            given_up(session, row.id, at=at)
            continue
        row.mail_tries += 1
        row.mail_due_at = at + min(FIRST_WAIT * 2 ** (row.mail_tries - 1), LONGEST_WAIT)
        written.append(Letter(row.id, to, *_words(row.reminder, host), last=row.mail_tries >= MOST_TRIES))
    session.flush()
    return written


def mailed(session: Session, letter_id: int, *, at: datetime) -> None:
    """A letter was taken by the mail server: it is not sent again."""
    letter = session.get_one(RenewalLetter, letter_id)
    letter.mailed_at, letter.mail_due_at = at, None
    session.flush()
    session.execute(
        update(RenewalReminder)
        .where(RenewalReminder.id == letter.reminder_id, RenewalReminder.mailed_at.is_(None))
        .values(mailed_at=at)
    )


def given_up(session: Session, letter_id: int, *, at: datetime) -> None:
    """A letter is not sent any more. When nobody got one of this reminder, and nobody will, the administrator is told."""
    letter = session.get_one(RenewalLetter, letter_id)
    letter.mail_due_at = None
    session.flush()
    # Whoever gives up the last two at the same moment would otherwise each think that the other may still arrive.
    session.execute(select(RenewalReminder.id).where(RenewalReminder.id == letter.reminder_id).with_for_update())
    hope = or_(RenewalLetter.mailed_at.is_not(None), RenewalLetter.mail_due_at.is_not(None))
    if session.scalar(select(~exists().where(RenewalLetter.reminder_id == letter.reminder_id, hope))):
        incidents.add(session, IncidentKind.LETTER_UNDELIVERED, 1, at=at)


def _put_down(session: Session, *, at: datetime) -> None:
    """Decide who is written to about what has fallen due: each person once, and of people who share an address one."""
    today = at.astimezone(CITY).date()
    due = session.scalars(
        select(RenewalReminder)
        .join(RenewalReminder.certificate)
        .where(RenewalReminder.mail_due_at <= at, *_undone(today))
        .order_by(RenewalReminder.mail_due_at, RenewalReminder.id)
        .limit(LETTERS)
        .with_for_update(of=RenewalReminder, skip_locked=True)
        .options(*_WITH_CERTIFICATE)
    ).all()
    for reminder in due:
        readers = _readers(session, reminder.certificate, on=today)
        persons = {address: person_id for person_id, address in readers.items()}
        session.add_all(
            RenewalLetter(reminder_id=reminder.id, person_id=persons[address], mail_due_at=at)
            for address in sorted(persons)
        )
        reminder.mail_due_at = None
    session.flush()


def _handed_on(session: Session, row: RenewalLetter, readers: Mapping[UUID, str]) -> str | None:
    """Whoever stood for all behind one address is gone: another reader there gets the letter. That address; None if there is nobody."""
    was = mail_addresses.of(session, [row.person_id]).get(row.person_id)
    if was is None:
        return None
    has = set(session.scalars(select(RenewalLetter.person_id).where(RenewalLetter.reminder_id == row.reminder_id)))
    for person_id, address in readers.items():
        if address == was and person_id not in has:
            row.person_id = person_id
            session.flush()
            return was
    return None


def _readers(session: Session, certificate: UseCertificate, *, on: date) -> dict[UUID, str]:
    """Who is told, and where: the clerks of the holder and the managers of the managing body that have an address for letters."""
    body = select(TitleRole.party_id).where(
        TitleRole.title_id == certificate.title_id, TitleRole.role == TitleRoleKind.MANAGING_BODY, TitleRole.valid_during.contains(on)
    )  # fmt: skip
    address = mail_addresses.effective()
    found = session.execute(
        select(AppUser.id, address)
        .join_from(AppUser, RoleGrant, RoleGrant.user_id == AppUser.id)
        .where(
            AppUser.closed_at.is_(None), RoleGrant.valid_during.contains(on), address.is_not(None),
            or_(
                and_(RoleGrant.role == Role.CLERK, RoleGrant.party_id == certificate.holder_id),
                and_(RoleGrant.role == Role.MANAGER, RoleGrant.party_id.in_(body)),
            ),
        )
        .order_by(AppUser.id)
    )  # fmt: skip
    return {person_id: each for person_id, each in found if each is not None}


def _words(reminder: RenewalReminder, host: str) -> tuple[str, str]:
    """Subject and text. A letter is a paper of the register, so always Vietnamese."""
    certificate, last = reminder.certificate, f"{reminder.ends_on:%d/%m/%Y}"
    return (
        f"Gia hạn giấy chứng nhận {certificate.number} trước ngày {last}",
        f"Giấy chứng nhận quyền sử dụng {certificate.number} của {certificate.holder.name} ({certificate.title.name}) "
        f"hết hiệu lực sau ngày {last}.\n\n"
        "Theo quy chế sử dụng, nay đã đến hạn làm đơn gia hạn. Nếu không gia hạn, sau ngày đó đơn vị không đặt được tem mới.\n\n"
        f"Mở giấy chứng nhận: https://{host}/giay-chung-nhan/{certificate.id}\n\n"
        "Thư này được gửi tự động, bạn không cần trả lời.\n",
    )


def _undone(on: date) -> list[ColumnElement[bool]]:
    """Conditions on a reminder joined to its certificate: still to be done on a day."""
    later = aliased(UseCertificate)
    applied = exists().where(Application.renews_id == UseCertificate.id, Application.state.not_in(FRUITLESS))
    renewed = exists().where(
        later.title_id == UseCertificate.title_id, later.holder_id == UseCertificate.holder_id, later.status.in_(LIVE),
        func.lower(later.valid_during) >= func.upper(UseCertificate.valid_during),
    )  # fmt: skip
    return [
        UseCertificate.status.in_(LIVE), RenewalReminder.ends_on >= on,
        func.upper(UseCertificate.valid_during) == RenewalReminder.ends_on + 1, ~applied, ~renewed,
    ]  # fmt: skip
