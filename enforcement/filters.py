"""Saved filters and the other small things that people arrange on the desk for themselves.

A saved filter is an address with a name: what it shows is decided by the list alone. What must not live here: reading an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from enforcement.models import DeskList, DeskSetting, SavedFilter
from trace.errors import Conflict, Invalid, NotFound, broken_constraint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

NAME_MOST = 60
QUERY_MOST = 600
MOST = 30
"""So many filters one person keeps."""


class FilterNameMissing(Invalid):
    """The filter needs a name of at most %(most)s characters."""


class FilterNameTaken(Conflict):
    """You already have a filter with this name.

    Choose another name, or delete the other filter first.
    """


class FilterTooLong(Invalid):
    """This filter is longer than can be kept.

    Shorten the searched text.
    """


class FiltersFull(Conflict):
    """You already keep %(most)s filters.

    Delete one that you no longer use.
    """


def of(session: Session, person_id: UUID) -> Sequence[SavedFilter]:
    """The filters that a person sees: their own, and those that others of the desk share, by name."""
    statement = (
        select(SavedFilter)
        .where(or_(SavedFilter.owner_id == person_id, SavedFilter.shared))
        .order_by((SavedFilter.owner_id == person_id).desc(), func.lower(SavedFilter.name), SavedFilter.id)
        .options(joinedload(SavedFilter.owner))
    )
    return session.scalars(statement).all()


def save(
    session: Session, kind: DeskList, name: str, query: str, *, shared: bool, by: UUID, at: datetime
) -> SavedFilter:
    """Keep the filter of an address under a name."""
    if len(query) > QUERY_MOST:
        raise FilterTooLong
    # Who saves twice at once waits here, so that the bound holds.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"filters:{by}"))))
    kept = session.scalar(select(func.count()).select_from(SavedFilter).where(SavedFilter.owner_id == by)) or 0
    if kept >= MOST:
        raise FiltersFull(most=MOST)
    made = SavedFilter(owner_id=by, list=kind, name=_name(name), query=query, shared=shared, made_at=at)
    session.add(made)
    _flush(session)
    return made


def change(session: Session, filter_id: UUID, *, name: str, shared: bool, by: UUID) -> SavedFilter:
    """Give one's own filter another name, or share it, or keep it to oneself again."""
    found = _own(session, filter_id, by)
    found.name, found.shared = _name(name), shared
    _flush(session)
    return found


def delete(session: Session, filter_id: UUID, *, by: UUID) -> None:
    """Delete one's own filter."""
    session.delete(_own(session, filter_id, by))
    session.flush()


def keys_on(session: Session, person_id: UUID) -> bool:
    """Whether a person wants single keys to act on the lists; they do unless somebody says otherwise."""
    chosen = session.scalar(select(DeskSetting.keys).where(DeskSetting.person_id == person_id))
    return True if chosen is None else chosen


def set_keys(session: Session, person_id: UUID, *, on: bool) -> None:
    """Switch the single keys on or off for a person, on all their machines."""
    statement = insert(DeskSetting).values(person_id=person_id, keys=on)
    session.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_={"keys": on}))


def _own(session: Session, filter_id: UUID, by: UUID) -> SavedFilter:
    """A filter through its owner: absent and somebody else's are the same."""
    statement = select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.owner_id == by).with_for_update()
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def _name(name: str) -> str:
    kept = " ".join(name.split())
    if not kept or len(kept) > NAME_MOST:
        raise FilterNameMissing(most=NAME_MOST)
    return kept


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_saved_filter_owner_id_name":
            raise FilterNameTaken from exc
        raise
