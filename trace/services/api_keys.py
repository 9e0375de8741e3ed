"""Keys of partners: making one, finding whose it is, taking it back. The secret is shown once and kept as its SHA-256 alone.

A key is 256 random bits, so a plain hash cannot be tried backwards and needs no slow one. What must not live here: how often a key may
ask (`limits`), and what a scope opens (the operations say it).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, select, true, update
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, TemThatError
from trace.models.api import ApiKey, ApiScope, WebhookSubscription
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

LONGEST = timedelta(days=731)
_FORM = re.compile(r"tt_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


class KeyUnknown(TemThatError):
    """This key opens nothing: it is unknown, has expired, or was revoked.

    Check that the whole key was copied, or ask for a new one.
    """

    status = 401


class NoScope(Invalid):
    """Choose at least one thing that the key may be used for."""


class ExpiryOutOfRange(Invalid):
    """A key is valid until a day between tomorrow and two years from now.

    Choose an earlier or a later day.
    """


class AlreadyRevoked(Conflict):
    """This key was revoked before.

    There is nothing more to do.
    """


@dataclass(frozen=True)
class Bearer:
    """Whose key came with a request, and what it opens."""

    id: UUID
    keeper_id: UUID
    prefix: str
    scopes: frozenset[ApiScope]


def create(
    session: Session, *, keeper_id: UUID, organisation: str, name: str, scopes: Collection[ApiScope], expires_on: date, by: UUID,
    at: datetime,
) -> tuple[ApiKey, str]:  # fmt: skip
    """Make a key. The second value is the key itself, to be shown once and then forgotten."""
    today = at.astimezone(CITY).date()
    if not scopes:
        raise NoScope
    if not today < expires_on <= today + LONGEST:
        raise ExpiryOutOfRange
    prefix = f"tt_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        keeper_id=keeper_id, organisation=organisation, name=name, prefix=prefix, secret_hash=_hash(secret),
        scopes=sorted(scopes), expires_on=expires_on, created_at=at, created_by=by,
    )  # fmt: skip
    session.add(key)
    session.flush()
    changes: dict[str, tuple[object, object]] = {
        "prefix": (None, prefix), "organisation": (None, organisation), "scopes": (None, ", ".join(sorted(scopes))),
        "expires_on": (None, expires_on),
    }  # fmt: skip
    history.record(session, "api_key:create", key.id, by=by, at=at, changes=changes)
    session.flush()
    return key, secret


def listing(session: Session, *, keepers: Collection[UUID] | None) -> Sequence[ApiKey]:
    """The keys that some bodies answer for, or all; those that still open something first, then the newest."""
    statement = (
        select(ApiKey)
        .where(_kept(keepers))
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.created_at.desc(), ApiKey.id)
        .options(joinedload(ApiKey.keeper), joinedload(ApiKey.author))
    )
    return session.scalars(statement).all()


def get(session: Session, key_id: UUID, *, keepers: Collection[UUID] | None) -> ApiKey:
    """One key; raises `NotFound`, also for those of other bodies."""
    found = session.scalars(
        select(ApiKey)
        .where(ApiKey.id == key_id, _kept(keepers))
        .options(joinedload(ApiKey.keeper), joinedload(ApiKey.author))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def revoke(session: Session, key_id: UUID, *, keepers: Collection[UUID] | None, by: UUID, at: datetime) -> ApiKey:
    """Take a key back. From the commit on it opens nothing, and the webhooks that were made with it tell nothing more."""
    key = session.scalars(
        select(ApiKey)
        .where(ApiKey.id == key_id, _kept(keepers))
        .with_for_update(of=ApiKey)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if key is None:
        raise NotFound
    if key.revoked_at is not None:
        raise AlreadyRevoked
    key.revoked_at, key.revoked_by = at, by
    its_own = WebhookSubscription.key_id == key.id, WebhookSubscription.removed_at.is_(None)
    session.execute(update(WebhookSubscription).where(*its_own).values(removed_at=at))
    history.record(session, "api_key:revoke", key.id, by=by, at=at, changes={"prefix": (key.prefix, None)})
    session.flush()
    return key


def bearer(session: Session | Connection, secret: str, *, at: datetime) -> Bearer:
    """Whose key this is; raises `KeyUnknown`. Costs one statement, and once a day and key a second that notes the use."""
    if not _FORM.fullmatch(secret):
        raise KeyUnknown
    today = at.astimezone(CITY).date()
    row = session.execute(
        select(ApiKey.id, ApiKey.keeper_id, ApiKey.prefix, ApiKey.scopes, ApiKey.last_used_on).where(
            ApiKey.secret_hash == _hash(secret), ApiKey.revoked_at.is_(None), ApiKey.expires_on >= today
        )
    ).one_or_none()
    if row is None:
        raise KeyUnknown
    if row.last_used_on != today:
        session.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_on=today))
    return Bearer(row.id, row.keeper_id, row.prefix, frozenset(map(ApiScope, row.scopes)))


def _kept(keepers: Collection[UUID] | None) -> ColumnElement[bool]:
    return true() if keepers is None else ApiKey.keeper_id.in_(keepers)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
