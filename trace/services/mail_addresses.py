"""Where people want letters: an address of their own, used from the moment they open the link sent there, or the name they sign in with.

A link counts once, for a day, and only for whoever it was asked for. What the mail server refuses is kept beside the address until it
takes a letter again. What must not live here: the sending (`mail`, by a job), and what the letters are about.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from trace.errors import Conflict, Invalid, NotFound, TooMany
from trace.models.parties import AppUser, MailAddress, MailRefusal
from trace.services import history
from trace.services.mail import Letter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.mail import Reply

LONGEST = 200
FORM = re.compile(
    r"(?=.{1,64}@)[a-z0-9_%+-]+(\.[a-z0-9_%+-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
)
# A name for signing in that is also an address.
MAIL_ADDRESS = r"^[a-z0-9._-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$"
MOST_TRIES = 10
FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(days=1)
LINK_LASTS = timedelta(hours=24)
ASKS, ASKS_WITHIN = 5, timedelta(days=1)
LETTERS = 50
REPLY_MOST = 300


class AddressMalformed(Invalid):
    """“%(address)s” is not an e-mail address.

    Write it with an at sign and without spaces or marks, for example can.bo@haiphong.gov.vn.
    """


class AddressInUse(Conflict):
    """Letters already go to this address.

    There is nothing to change.
    """


class LinkSpent(Conflict):
    """This link does not count any more: it was used, is older than a day, or a newer one was sent.

    Ask for a new link on the page of your address for letters.
    """


class TooManyLinks(TooMany):
    """More than %(most)s links were asked for within a day.

    Wait until tomorrow, or check the address and look into the folder for unwanted mail.
    """


@dataclass(frozen=True)
class Standing:
    """Where letters to a person go now, which address waits for its owner, and what the server says of either."""

    in_use: str | None
    of_login: bool
    waiting: MailAddress | None
    refusal: MailRefusal | None


def ask(session: Session, user_id: UUID, address: str, *, by: UUID, at: datetime) -> MailAddress:
    """Ask to have letters sent to an address. A letter with a link goes there; until it is opened nothing else changes."""
    wanted = _read(address)
    user = _locked(session, user_id)
    held = _in_use(session, user_id)
    if held is not None and held.address == wanted:
        raise AddressInUse
    asked = session.scalar(
        select(func.count()).select_from(MailAddress).where(MailAddress.user_id == user.id, MailAddress.asked_at > at - ASKS_WITHIN)
    )  # fmt: skip
    if (asked or 0) >= ASKS:
        raise TooManyLinks(most=ASKS)
    before = _waiting(session, user_id, lock=True)
    if before is not None:
        _end(before, at)
        session.flush()
    made = MailAddress(user_id=user_id, address=wanted, asked_at=at, asked_by=by, mail_due_at=at)
    session.add(made)
    session.flush()
    history.record(session, "user:mail_ask", user_id, by=by, at=at, changes={"mail_address": (None, wanted)})
    return made


def confirm(session: Session, token: str, *, user_id: UUID, at: datetime) -> MailAddress:
    """Take an address into use by the link sent to it. Only for whoever it was asked for, once, and within a day."""
    _locked(session, user_id)
    found = session.scalars(
        select(MailAddress).where(MailAddress.token_hash == _hash(token), MailAddress.user_id == user_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()  # fmt: skip
    if found is None or found.token_expires_at is None or found.token_expires_at <= at:
        raise LinkSpent
    held = _in_use(session, user_id)
    if held is not None:
        _end(held, at)
        session.flush()
    found.confirmed_at, found.mail_due_at = at, None
    found.token_hash = found.token_expires_at = None
    session.flush()
    changes: dict[str, tuple[object, object]] = {"mail_address": (held.address if held else None, found.address)}
    history.record(session, "user:mail_confirm", user_id, by=user_id, at=at, changes=changes)
    return found


def remove(session: Session, user_id: UUID, *, by: UUID, at: datetime) -> None:
    """Write to the address no more: the one in use, and the one that waits to be confirmed."""
    _locked(session, user_id)
    ended = [row for row in (_in_use(session, user_id), _waiting(session, user_id, lock=True)) if row is not None]
    if not ended:
        raise NotFound
    for row in ended:
        _end(row, at)
        history.record(
            session, "user:mail_remove", user_id, by=by, at=at, changes={"mail_address": (row.address, None)}
        )
    session.flush()


def standing(session: Session, user_id: UUID) -> Standing:
    """Where letters to a person go now, for the page of it."""
    user = session.get(AppUser, user_id)
    if user is None or user.closed_at is not None:
        raise NotFound
    held = _in_use(session, user_id)
    used = held.address if held else of(session, [user_id]).get(user_id)
    waiting = _waiting(session, user_id)
    looked_at = [address for address in (waiting.address if waiting else None, used) if address]
    refusals = [session.get(MailRefusal, address, populate_existing=True) for address in looked_at]
    refusal = next((each for each in refusals if each is not None), None)
    return Standing(used, held is None and used is not None, waiting, refusal)


def effective() -> ColumnElement[str | None]:
    """Of a query over accounts, where letters to each go: the confirmed address, or a sign-in name that is one, or nowhere."""
    confirmed = (
        select(MailAddress.address)
        .where(MailAddress.user_id == AppUser.id, MailAddress.confirmed_at.is_not(None), MailAddress.ended_at.is_(None))
        .correlate(AppUser)
        .scalar_subquery()
    )
    return func.coalesce(confirmed, case((AppUser.login.regexp_match(MAIL_ADDRESS), AppUser.login), else_=null()))


def of(session: Session, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Where letters to some people go; whoever has no address is not among them."""
    rows = session.execute(select(AppUser.id, effective()).where(AppUser.id.in_(user_ids)))
    return {user_id: address for user_id, address in rows if address is not None}


def letters(session: Session, *, at: datetime, host: str) -> list[Letter]:
    """The letters with links that are due, each with a fresh link, set to be tried again later unless `mailed` is said of it."""
    due = session.scalars(
        select(MailAddress)
        .where(MailAddress.mail_due_at <= at)
        .order_by(MailAddress.mail_due_at, MailAddress.id)
        .limit(LETTERS)
        .with_for_update(skip_locked=True)
    ).all()
    written = []
    for row in due:
        token = secrets.token_urlsafe(32)
        row.token_hash, row.token_expires_at = _hash(token), at + LINK_LASTS
        row.mail_tries += 1
        last = row.mail_tries >= MOST_TRIES
        row.mail_due_at = None if last else at + min(FIRST_WAIT * 2 ** (row.mail_tries - 1), LONGEST_WAIT)
        written.append(Letter(row.id, row.address, *_words(token, host), last=last))
    session.flush()
    return written


def mailed(session: Session, row_id: int) -> None:
    """A letter with a link is on its way, or will never be: it is not sent again."""
    session.execute(update(MailAddress).where(MailAddress.id == row_id).values(mail_due_at=None))


def heard(session: Session, to: Iterable[str], refused: Mapping[str, Reply], *, at: datetime) -> None:
    """Keep what the mail server said of some addresses: refused, or a letter taken, by which earlier refusals are over."""
    for address, reply in refused.items():
        said = {"last_at": at, "code": reply.code, "reply": " ".join(reply.text.split())[:REPLY_MOST]}
        session.execute(
            insert(MailRefusal)
            .values(address=address, first_at=at, **said)
            .on_conflict_do_update(index_elements=["address"], set_=said)
        )
    taken = [address for address in to if address not in refused]
    session.execute(delete(MailRefusal).where(MailRefusal.address.in_(taken)))


def refused(session: Session, *, limit: int = 200) -> Sequence[tuple[AppUser, MailRefusal]]:
    """The people whose address the mail server refuses, the latest refusal first."""
    rows = session.execute(
        select(AppUser, MailRefusal)
        .join(MailRefusal, MailRefusal.address == effective())
        .where(AppUser.closed_at.is_(None))
        .order_by(MailRefusal.last_at.desc(), AppUser.full_name)
        .limit(limit)
    )
    return [(user, refusal) for user, refusal in rows]


def _read(address: str) -> str:
    """An address in one writing. Marks and full-width letters do not become other letters: they are refused."""
    bare = unicodedata.normalize("NFC", address).strip().lower()
    if len(bare) > LONGEST or not FORM.fullmatch(bare):
        raise AddressMalformed(address=bare[:80])
    return bare


def _locked(session: Session, user_id: UUID) -> AppUser:
    """The account, locked, so that two changes of its address come one after the other."""
    found = session.scalars(
        select(AppUser).where(AppUser.id == user_id, AppUser.closed_at.is_(None)).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _in_use(session: Session, user_id: UUID) -> MailAddress | None:
    return session.scalars(
        select(MailAddress).where(
            MailAddress.user_id == user_id, MailAddress.confirmed_at.is_not(None), MailAddress.ended_at.is_(None)
        )
    ).one_or_none()


def _waiting(session: Session, user_id: UUID, *, lock: bool = False) -> MailAddress | None:
    """The address that waits for its owner; locked for whoever changes it, as the job may be writing its link just now."""
    wanted = select(MailAddress).where(
        MailAddress.user_id == user_id, MailAddress.confirmed_at.is_(None), MailAddress.ended_at.is_(None)
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return session.scalars(wanted).one_or_none()


def _end(row: MailAddress, at: datetime) -> None:
    row.ended_at, row.mail_due_at = at, None
    row.token_hash = row.token_expires_at = None


def _words(token: str, host: str) -> tuple[str, str]:
    """Subject and text. Nobody is named: the address may be somebody else's."""
    hours = int(LINK_LASTS.total_seconds() // 3600)
    return (
        "Xác nhận địa chỉ nhận thư",
        "Có người vừa khai địa chỉ này để nhận thư nhắc việc của hệ thống.\n\n"
        f"Nếu là bạn, hãy mở liên kết sau trong vòng {hours} giờ rồi bấm «Xác nhận»:\n"
        f"https://{host}/tai-khoan/thu/xac-nhan/{token}\n\n"
        "Liên kết chỉ dùng được một lần và chỉ sau khi bạn đăng nhập.\n"
        "Nếu không phải bạn, hãy bỏ qua thư này: sẽ không có thư nào khác gửi đến đây.\n\n"
        "Thư được gửi tự động, bạn không cần trả lời.\n",
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
