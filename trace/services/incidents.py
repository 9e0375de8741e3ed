"""Incidents of the system: what the limits refused and what only a stolen key could make, gathered by the minute.

What must not live here: suspicions about goods or people, which are the case desk's, and the limits themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from trace.errors import Conflict, NotFound
from trace.models.incidents import Incident, IncidentKind
from trace.models.scans import UnknownCode
from trace.services import history
from trace.services.limits import Limited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.limits import Limits

KINDS: dict[Limited, IncidentKind] = {
    Limited.UNKNOWN_CODE: IncidentKind.GUESSED_CODES,
    Limited.HIDDEN_CODE: IncidentKind.GUESSED_HIDDEN,
    Limited.REPORT: IncidentKind.REPORT_FLOOD,
    Limited.PHOTO: IncidentKind.REPORT_FLOOD,
    Limited.PLACE: IncidentKind.REPORT_FLOOD,
    Limited.REGISTER: IncidentKind.REGISTER_COPIED,
}


class IncidentClosed(Conflict):
    """This incident is closed already."""


def gather(session: Session, limits: Limits, *, at: datetime) -> int:
    """Turn what was refused since the last time into incidents. Returns how many kinds were touched."""
    tries: dict[IncidentKind, int] = {}
    for limited, refused in limits.drain().items():
        if refused:
            tries[KINDS[limited]] = tries.get(KINDS[limited], 0) + refused
    unissued = _unissued_since_last(session)
    if unissued:
        tries[IncidentKind.UNISSUED_CODES] = unissued
    _note(session, tries, at=at)
    return len(tries)


def add(session: Session, kind: IncidentKind, number: int, *, at: datetime) -> None:
    """Something that another part of the system found: one more, or so many, of a kind. None are none."""
    if number:
        _note(session, {kind: number}, at=at)


def open_ones(session: Session) -> Sequence[Incident]:
    """What nobody has looked at yet, latest first."""
    return session.scalars(select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.last_at.desc())).all()


def closed_ones(session: Session, *, most: int = 50) -> Sequence[Incident]:
    """What was looked at, latest first."""
    statement = select(Incident).where(Incident.closed_at.is_not(None)).order_by(Incident.closed_at.desc()).limit(most)
    return session.scalars(statement.options(joinedload(Incident.closer))).all()


def close(session: Session, incident_id: UUID, *, note: str, by: UUID, at: datetime) -> Incident:
    """Say what it was. More of the same opens a new one."""
    found = session.scalars(select(Incident).where(Incident.id == incident_id).with_for_update()).one_or_none()
    if found is None:
        raise NotFound
    if found.closed_at is not None:
        raise IncidentClosed
    found.closed_at, found.closed_by, found.closing_note = max(at, found.last_at), by, note
    history.record(session, "incident:close", found.id, by=by, at=at, changes={"tries": (None, found.tries)}, why=note)
    session.flush()
    return found


def _note(session: Session, tries: Mapping[IncidentKind, int], *, at: datetime) -> None:
    for kind, number in sorted(tries.items()):
        new = insert(Incident).values(kind=kind, opened_at=at, last_at=at, tries=number)
        session.execute(
            new.on_conflict_do_update(
                index_elements=["kind"],
                index_where=Incident.closed_at.is_(None),
                set_={"tries": Incident.tries + new.excluded.tries, "last_at": func.greatest(Incident.last_at, at)},
            )
        )


def _unissued_since_last(session: Session) -> int:
    """Codes with a right tag and a serial that was never issued, beyond those that incidents count already."""
    hours = session.scalars(select(UnknownCode).where(UnknownCode.asked > UnknownCode.told).with_for_update()).all()
    number = sum(hour.asked - hour.told for hour in hours)
    for hour in hours:
        hour.told = hour.asked
    session.flush()
    return number
