"""The same form sent twice counts once: its key is written in the transaction that carries it out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from trace.errors import KeyReused
from trace.models.history import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session


def digest(parts: Iterable[tuple[str, str]]) -> bytes:
    """A fingerprint of what a form held, whatever the order of its fields."""
    joined = "\x1e".join(f"{name}\x1f{value}" for name, value in sorted(parts))
    return hashlib.sha256(joined.encode()).digest()


def claim(session: Session, *, scope: str, key: str, body_hash: bytes, location: str, at: datetime) -> str | None:
    """Take a key for a form about to be carried out; None means: go ahead.

    A second form under the same key waits here until the first has committed, and then gets the place where the first one's
    result is shown. Other content under the same key raises `KeyReused`.
    """
    statement = (
        insert(IdempotencyKey)
        .values(scope=scope, key=key, body_hash=body_hash, location=location, at=at)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if session.scalars(statement).one_or_none() is not None:
        return None
    earlier = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.scope == scope, IdempotencyKey.key == key)
    ).one()
    if earlier.body_hash != body_hash:
        raise KeyReused
    return earlier.location


def settle(session: Session, *, scope: str, key: str, location: str) -> None:
    """Say where the result of a claimed form is shown, before the commit."""
    session.get_one(IdempotencyKey, (scope, key)).location = location


def forget(session: Session, *, before: datetime) -> int:
    """Drop keys older than a moment; returns how many."""
    dropped = session.execute(delete(IdempotencyKey).where(IdempotencyKey.at < before).returning(IdempotencyKey.key))
    return len(dropped.all())
