"""Who did what, when and why, written in the transaction that does it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, joinedload

from trace.models.history import History
from trace.services import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def record(
    session: Session,
    deed: str,
    subject_id: UUID,
    *,
    by: UUID | None,
    at: datetime,
    changes: Mapping[str, tuple[object, object]] | None = None,
    why: str | None = None,
) -> History:
    """Write one deed down. `deed` is `subject:verb`; `changes` maps a field to its old and new value.

    What others may hear of is put into the outbox with it.
    """
    written = History(
        deed=deed,
        subject_id=subject_id,
        by=by,
        at=at,
        changes={field: [_plain(old), _plain(new)] for field, (old, new) in (changes or {}).items()},
        why=why,
    )
    session.add(written)
    outbox.note(session, deed, subject_id, at=at, changes=changes or {})
    return written


def of(session: Session, *subject_ids: UUID, limit: int = 200) -> Sequence[History]:
    """The deeds done to some records, newest first, with their authors."""
    statement = (
        select(History)
        .where(History.subject_id.in_(subject_ids))
        .order_by(History.at.desc(), History.id.desc())
        .limit(limit)
        .options(joinedload(History.author))
    )
    return session.scalars(statement).all()


def lately(
    session: Session,
    deed: str,
    subject_id: UUID,
    *,
    by: UUID,
    since: datetime,
    changes: Mapping[str, tuple[object, object]],
) -> bool:
    """Whether somebody has done this very deed to a record after a moment."""
    same = {field: [_plain(old), _plain(new)] for field, (old, new) in changes.items()}
    done = select(History.id).where(
        History.subject_id == subject_id, History.deed == deed, History.by == by, History.at > since, History.changes == same
    )  # fmt: skip
    return session.scalar(done.limit(1)) is not None


def authors(session: Session, subject_id: UUID, deed: str) -> set[UUID | None]:
    """Everybody who ever did a deed to a record."""
    return set(session.scalars(select(History.by).where(History.subject_id == subject_id, History.deed == deed)))


def _plain(value: object) -> Any:
    """A value as JSON keeps it."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case Range():
            return f"{value.lower}–{value.upper}"
        case Decimal() | UUID():
            return str(value)
        case _:
            return str(value)
