"""How to reach the people who reported, sealed one by one. Two persons open a seal: one asks with a reason, another agrees, and each
reading is written down before anything is read.

The key is derived for this purpose alone and the tip's id is bound into the seal, so that a sealed contact moved to another
tip does not open. What must not live here: any way from a contact to a list, a search, an export or a log.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from enforcement.models import InformantContact, InformantOpening, InformantReading
from trace.errors import Conflict, Forbidden, Invalid, NotFound
from trace.models.parties import AppUser
from trace.models.tips import Tip
from trace.services import history

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

REASON_LEAST = 10
REASON_MOST = 500
CONTACT_MOST = 200
READABLE_FOR = timedelta(hours=24)
PAGE = 50
_NONCE = 12
_SEALED = select(InformantContact).where(InformantContact.sealed.is_not(None))


class ReasonTooShort(Invalid):
    """Say in at least %(least)s characters why you need to reach this person.

    The reason is kept with your name for good.
    """


class ReasonTooLong(Invalid):
    """The reason is longer than %(most)s characters.

    Shorten it.
    """


class ContactUnusable(Invalid):
    """The contact is empty or longer than %(most)s characters.

    Give a telephone number or an e-mail address, or leave the question out.
    """


class SealBroken(Conflict):
    """The sealed contact cannot be opened with the key of this system.

    Tell the administrator: the key or the record has changed.
    """


class AlreadyAsked(Conflict):
    """%(who)s has asked to read this contact and waits for an answer, so nothing was asked again.

    Wait for the answer, or ask the other person to give it.
    """


class OwnWish(Forbidden):
    """Whoever asks to read a contact cannot agree to it.

    Another custodian or the head of the branch has to answer.
    """


class WishAnswered(Conflict):
    """This wish has been answered already, so nothing was changed.

    Load the page again to see the answer.
    """


class NotAgreed(Forbidden):
    """Nobody else has agreed to this reading.

    Ask another custodian or the head of the branch for the answer.
    """


class AgreementUsedUp(Conflict):
    """This agreement has been used, or is older than a day.

    Ask again with a reason.
    """


@dataclass(frozen=True)
class Wish:
    """A wish to read a contact, with the names of those who asked and answered."""

    opening: InformantOpening
    asker: str
    decider: str | None
    tip_number: str

    def readable_by(self, person: UUID, at: datetime) -> bool:
        """Whether this person may read the contact now."""
        wish = self.opening
        agreed = wish.agreed and wish.decided_at is not None and wish.read_at is None
        return bool(agreed and wish.asked_by == person and wish.decided_at and at <= wish.decided_at + READABLE_FOR)


@dataclass(frozen=True)
class Reading:
    """One opening as the log shows it: when, why, by whom, of which tip. Never what was read."""

    at: datetime
    reason: str
    who: str
    tip_number: str
    tip_id: UUID


def keep(session: Session, tip_id: UUID, contact: str, *, key: bytes, at: datetime) -> None:
    """Seal a contact for one tip; a later one replaces it. `key`: 32 bytes derived for informants; `at`: when consent was given."""
    text = contact.strip()
    if not text or len(text) > CONTACT_MOST:
        raise ContactUnusable(most=CONTACT_MOST)
    session.merge(
        InformantContact(tip_id=tip_id, sealed=_seal(tip_id, text.encode(), key), consented_at=at, withdrawn_at=None)
    )
    session.flush()


def is_kept(session: Session, tip_id: UUID) -> bool:
    """Whether somebody can be reached. Says nothing about whom."""
    kept = select(InformantContact.tip_id).where(
        InformantContact.tip_id == tip_id, InformantContact.sealed.is_not(None)
    )
    return session.scalar(kept) is not None


def withdrawn_at(session: Session, tip_id: UUID) -> datetime | None:
    """When the reporter took the consent back, if that happened."""
    return session.scalar(select(InformantContact.withdrawn_at).where(InformantContact.tip_id == tip_id))


def withdraw(session: Session, tip_id: UUID, *, at: datetime) -> bool:
    """Delete the contact of one tip, because the reporter no longer consents. Says whether there was one to delete.

    That there was a contact, since when, and when it went stay on record, as do the readings; nobody learns who asked.
    """
    statement = select(InformantContact).where(InformantContact.tip_id == tip_id).with_for_update()
    kept = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if kept is None or kept.sealed is None:
        return False
    kept.sealed, kept.withdrawn_at = None, at
    history.record(session, "tip:withdraw_contact", tip_id, by=None, at=at)
    session.flush()
    return True


def tip(session: Session, tip_id: UUID) -> Tip:
    """The tip that a contact belongs to."""
    found = session.get(Tip, tip_id)
    if found is None:
        raise NotFound
    return found


def tip_numbered(session: Session, number: str) -> Tip | None:
    """The tip of a number as people write it, in any case."""
    return session.scalars(select(Tip).where(Tip.number == number.upper())).one_or_none()


def ask(session: Session, tip_id: UUID, *, reason: str, by: UUID, at: datetime) -> InformantOpening:
    """Ask for another person's agreement to read one contact. While an earlier wish waits for its answer there is no second one."""
    why = _why(reason)
    kept = session.scalars(_SEALED.where(InformantContact.tip_id == tip_id).with_for_update()).one_or_none()
    if kept is None:
        raise NotFound
    waiting = session.scalar(
        select(AppUser.full_name)
        .join(InformantOpening, InformantOpening.asked_by == AppUser.id)
        .where(InformantOpening.tip_id == tip_id, InformantOpening.decided_at.is_(None))
    )
    if waiting is not None:
        raise AlreadyAsked(who=waiting)
    wish = InformantOpening(tip_id=tip_id, reason=why, asked_at=at, asked_by=by)
    session.add(wish)
    session.flush()
    history.record(session, "informant:ask", wish.id, by=by, at=at)
    return wish


def answer(
    session: Session, opening_id: UUID, *, agree: bool, because: str = "", by: UUID, at: datetime
) -> InformantOpening:
    """Agree or refuse, as another person than the one who asked. Agreeing shows nothing to whoever agrees."""
    wish = _wish(session, opening_id)
    if wish.asked_by == by:
        raise OwnWish
    if wish.decided_at is not None:
        raise WishAnswered
    wish.refused_because = None if agree else _why(because)
    wish.agreed, wish.decided_at, wish.decided_by = agree, at, by
    history.record(session, "informant:agree" if agree else "informant:refuse", wish.id, by=by, at=at)
    session.flush()
    return wish


def open_contact(session: Session, opening_id: UUID, *, key: bytes, by: UUID, at: datetime) -> str:
    """The contact in clear, once, for whoever asked, within a day of the agreement.

    The reading is written first, in the same transaction; the caller commits before showing anything.
    """
    wish = _wish(session, opening_id)
    if wish.asked_by != by:
        raise NotFound
    if not wish.agreed or wish.decided_at is None:
        raise NotAgreed
    if wish.read_at is not None or at > wish.decided_at + READABLE_FOR:
        raise AgreementUsedUp
    kept = session.get(InformantContact, wish.tip_id)
    if kept is None or kept.sealed is None:
        raise NotFound
    session.add(InformantReading(tip_id=wish.tip_id, at=at, by=by, reason=wish.reason, opening_id=wish.id))
    session.flush()
    session.refresh(wish)  # the database has marked it as read
    return _unseal(wish.tip_id, kept.sealed, key).decode()


def wishes(
    session: Session, *, tip_id: UUID | None = None, waiting: bool = False, page: int = 1, size: int = PAGE
) -> list[Wish]:
    """Who asked to read what and what became of it, newest first, a page of them; those without an answer alone if `waiting`."""
    asker, decider = aliased(AppUser), aliased(AppUser)
    statement = (
        select(InformantOpening, asker.full_name, decider.full_name, Tip.number)
        .join(asker, asker.id == InformantOpening.asked_by)
        .join(Tip, Tip.id == InformantOpening.tip_id)
        .outerjoin(decider, decider.id == InformantOpening.decided_by)
        .where(*_wished(tip_id, waiting=waiting))
        .order_by(InformantOpening.asked_at.desc(), InformantOpening.id)
        .limit(size)
        .offset((page - 1) * size)
    )
    return [Wish(*row) for row in session.execute(statement)]


def wishes_count(session: Session, *, tip_id: UUID | None = None, waiting: bool = False) -> int:
    """How many wishes there are to page through."""
    counted = select(func.count()).select_from(InformantOpening).where(*_wished(tip_id, waiting=waiting))
    return session.scalar(counted) or 0


def _wished(tip_id: UUID | None, *, waiting: bool) -> list[ColumnElement[bool]]:
    found = [] if tip_id is None else [InformantOpening.tip_id == tip_id]
    return [*found, InformantOpening.decided_at.is_(None)] if waiting else found


def _wish(session: Session, opening_id: UUID) -> InformantOpening:
    statement = select(InformantOpening).where(InformantOpening.id == opening_id).with_for_update()
    wish = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if wish is None:
        raise NotFound
    return wish


def _why(reason: str) -> str:
    said = reason.strip()
    if len(said) < REASON_LEAST:
        raise ReasonTooShort(least=REASON_LEAST)
    if len(said) > REASON_MOST:
        raise ReasonTooLong(most=REASON_MOST)
    return said


def reseal(session: Session, *, old: bytes, new: bytes) -> int:
    """Seal every contact under another key, after the master key was exchanged; nobody reads one. How many."""
    found = session.scalars(_SEALED.order_by(InformantContact.tip_id).with_for_update()).all()
    for kept in found:
        kept.sealed = _seal(kept.tip_id, _unseal(kept.tip_id, kept.sealed or b"", old), new)
    session.flush()
    return len(found)


def open_all(session: Session, *, key: bytes) -> int:
    """Whether every seal opens; SealBroken if one does not. What is inside goes nowhere. How many there are."""
    found = session.scalars(_SEALED.execution_options(populate_existing=True)).all()
    for kept in found:
        _unseal(kept.tip_id, kept.sealed or b"", key)
    return len(found)


def _seal(tip_id: UUID, contact: bytes, key: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, contact, tip_id.bytes)


def _unseal(tip_id: UUID, sealed: bytes, key: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], tip_id.bytes)
    except InvalidTag as exc:
        raise SealBroken from exc


def readings(session: Session, tip_id: UUID | None = None, *, page: int = 1, size: int = PAGE) -> list[Reading]:
    """Who opened what and why, newest first, a page of them: of one tip, or of all."""
    statement = (
        select(InformantReading.at, InformantReading.reason, AppUser.full_name, Tip.number, Tip.id)
        .join(AppUser, AppUser.id == InformantReading.by)
        .join(Tip, Tip.id == InformantReading.tip_id)
        .where(*_read(tip_id))
        .order_by(InformantReading.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return [Reading(*row) for row in session.execute(statement)]


def readings_count(session: Session, tip_id: UUID | None = None) -> int:
    """How many openings the log has to page through."""
    return session.scalar(select(func.count()).select_from(InformantReading).where(*_read(tip_id))) or 0


def _read(tip_id: UUID | None) -> list[ColumnElement[bool]]:
    return [] if tip_id is None else [InformantReading.tip_id == tip_id]
