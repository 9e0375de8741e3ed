"""How to reach the people who reported, sealed one by one. Each opening is written down with a reason before anything is read.

The key is derived for this purpose alone and the tip's id is bound into the seal, so that a sealed contact moved to another
tip does not open. What must not live here: any way from a contact to a list, a search, an export or a log.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select

from enforcement.models import InformantContact, InformantReading
from trace.errors import Conflict, Invalid, NotFound
from trace.models.parties import AppUser
from trace.models.tips import Tip
from trace.services import history

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

REASON_LEAST = 10
REASON_MOST = 500
CONTACT_MOST = 200
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


def open_contact(session: Session, tip_id: UUID, *, reason: str, key: bytes, by: UUID, at: datetime) -> str:
    """The contact in clear. The reading is written first, in the same transaction; the caller commits before showing anything."""
    said = reason.strip()
    if len(said) < REASON_LEAST:
        raise ReasonTooShort(least=REASON_LEAST)
    if len(said) > REASON_MOST:
        raise ReasonTooLong(most=REASON_MOST)
    kept = session.get(InformantContact, tip_id)
    if kept is None or kept.sealed is None:
        raise NotFound
    session.add(InformantReading(tip_id=tip_id, at=at, by=by, reason=said))
    session.flush()
    return _unseal(tip_id, kept.sealed, key).decode()


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


def readings(session: Session, tip_id: UUID | None = None, *, limit: int = 50) -> list[Reading]:
    """Who opened what and why, newest first: of one tip, or of all."""
    statement = (
        select(InformantReading.at, InformantReading.reason, AppUser.full_name, Tip.number, Tip.id)
        .join(AppUser, AppUser.id == InformantReading.by)
        .join(Tip, Tip.id == InformantReading.tip_id)
        .order_by(InformantReading.id.desc())
        .limit(limit)
    )
    if tip_id is not None:
        statement = statement.where(InformantReading.tip_id == tip_id)
    return [Reading(*row) for row in session.execute(statement)]
