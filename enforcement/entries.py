"""Entries of a case: put in, corrected, struck. Nothing is deleted; every deed stands in the book and every change in the history.

What must not live here: what an entry says (`acts`, `goods`, `exhibits`, `orders`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select

from enforcement import membership
from enforcement.casebook import name_of, said, spoken, workable, write
from enforcement.models import CaseAct, CaseParty, EntryKind, Exhibit, GoodsLine, Obligation
from trace.errors import Conflict, NotFound, Refused
from trace.services import history
from trace.services.members import masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from trace.errors import TemThatError

AnyEntry = CaseParty | CaseAct | GoodsLine | Exhibit | Obligation
E = TypeVar("E", CaseParty, CaseAct, GoodsLine, Exhibit, Obligation)

# Numbers of persons: the history shows that one changed, not which it was.
_PERSONAL = frozenset({"id_number", "phone"})


class EntryChanged(Conflict):
    """%(who)s changed this entry at %(when)s, after your page was drawn, so your step was not taken.

    Look at what changed below, then decide again.
    """


class EntryStruck(Conflict):
    """%(who)s struck this entry at %(when)s, so it cannot be changed.

    Make a new entry.
    """


def one(session: Session, kind: type[E], case: CaseFile, entry_id: UUID | None, *, revision: int | None = None) -> E:
    """An entry of a case, or of one merged into it, that still stands and is what the person saw. Absent and not of this case are the same.

    `revision`: of the entry on the page that the person saw; None for callers that have just locked and looked themselves.
    """
    found = session.scalars(
        select(kind)
        .where(kind.id == entry_id, kind.case_id.in_(membership.members(session, case.id)))
        .with_for_update(),
        execution_options={"populate_existing": True},  # the form was filled from this session before the lock
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.struck_at is not None:
        raise EntryStruck(who=name_of(session, found.struck_by), when=spoken(found.struck_at))
    if revision is not None and found.revision != revision:
        raise _changed(session, found)
    return found


def _changed(session: Session, entry: AnyEntry) -> EntryChanged:
    """Who changed an entry last, and when. Whatever moves its revision is in its history; a line that a decision wrote begins without one."""
    last = next(iter(history.of(session, entry.id, limit=1)), None)
    by, when = (last.by, last.at) if last else (entry.added_by, entry.added_at)
    return EntryChanged(who=name_of(session, by), when=spoken(when))


def put(
    session: Session, case: CaseFile, kind: EntryKind, entry: AnyEntry, name: str, *, by: UUID, at: datetime
) -> None:
    """Put a new entry into a case that the caller holds."""
    entry.case_id, entry.added_at, entry.added_by = case.id, at, by
    session.add(entry)
    session.flush()
    write(session, case, "add_entry", by=by, at=at, facts={"kind": kind.value, "name": name, "entry": str(entry.id)})
    history.record(session, f"{kind.value}:add", entry.id, by=by, at=at)


def amend(
    session: Session,
    case: CaseFile,
    kind: EntryKind,
    entry: AnyEntry,
    values: Mapping[str, Any],
    *,
    name: str,
    by: UUID,
    at: datetime,
) -> bool:
    """Correct an entry. What it said before stays in the history. Returns whether anything is different now."""
    changes = {
        field: (getattr(entry, field), value) for field, value in values.items() if getattr(entry, field) != value
    }
    if not changes:
        return False
    for field, (_, value) in changes.items():
        setattr(entry, field, value)
    entry.revision += 1
    session.flush()
    write(
        session,
        case,
        "amend_entry",
        by=by,
        at=at,
        facts={"kind": kind.value, "name": name, "entry": str(entry.id), "fields": sorted(changes)},
    )
    shown = {
        field: (masked(old) if field in _PERSONAL else old, masked(new) if field in _PERSONAL else new)
        for field, (old, new) in changes.items()
    }
    history.record(session, f"{kind.value}:amend", entry.id, by=by, at=at, changes=shown)
    return True


def strike(
    session: Session,
    case: CaseFile,
    kind: EntryKind,
    entry: AnyEntry,
    name: str,
    *,
    reason: str,
    by: UUID,
    at: datetime,
) -> None:
    """Strike an entry with a reason: it no longer counts, and stays to be read."""
    why = said(reason)
    entry.struck_at, entry.struck_by, entry.struck_reason = at, by, why
    entry.revision += 1
    session.flush()
    write(
        session,
        case,
        "strike_entry",
        by=by,
        at=at,
        note=why,
        facts={"kind": kind.value, "name": name, "entry": str(entry.id)},
    )
    history.record(session, f"{kind.value}:strike", entry.id, by=by, at=at, why=why)


def held(session: Session, case_id: UUID, version: int | None = None) -> CaseFile:
    """The case of an entry, locked and still worked."""
    return workable(session, case_id, version)


def refuse(reasons: Sequence[TemThatError]) -> None:
    """Refuse for all reasons at once; for a single one, as that one. Without a reason, nothing happens."""
    if len(reasons) == 1:
        raise reasons[0]
    if reasons:
        raise Refused(reasons)
