"""A deed done to many taken back: every row to exactly what it was before, unless somebody has touched it since. Those are named and stay.

What must not live here: the deeds (`bulk`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from enforcement.bulk import Refused, Result, lock_clusters, state_of
from enforcement.casebook import last_deed, lock, name_of, spoken, write
from enforcement.cases import officers
from enforcement.models import BulkDeed, BulkKind, Outcome, Signal, SignalCluster, SignalState
from enforcement.transitions import HEADS
from trace.clock import CITY
from trace.errors import Conflict, Forbidden, NotFound, TemThatError
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.orm import Session

    from enforcement.transitions import Duty


class NotUndone(Conflict):
    """What this deed did cannot be taken back: evidence that has joined a case keeps its folio.

    Open the case and take the next step there.
    """


class ReporterTold(Conflict):
    """The person who reported has already been told that the matter is closed.

    If it has to be looked into after all, open the signal's page and enter what is new.
    """


class UndoneBefore(Conflict):
    """%(who)s took this back at %(when)s."""


class ChangedSince(Conflict):
    """It was changed after this deed, so it stays as it is now.

    Open it and decide there.
    """


class FormerOfficerGone(Conflict):
    """%(who)s had it before and no longer works at the case desk, so it stays where it is now.

    Give it to somebody who works at the desk today.
    """


class NotYourDeed(Forbidden):
    """Only whoever did this, or a head, may take it back."""


def undo(
    session: Session, deed_id: UUID, *, by: UUID, duties: Collection[Duty], at: datetime
) -> tuple[BulkDeed, Result]:
    """Bring every row back to what it was before, unless somebody has touched it since. Those rows are named and stay."""
    statement = select(BulkDeed).where(BulkDeed.id == deed_id).with_for_update()
    deed = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if deed is None:
        raise NotFound
    if deed.by != by and HEADS.isdisjoint(duties):
        raise NotYourDeed
    if deed.undone_at is not None:
        raise UndoneBefore(who=name_of(session, deed.undone_by), when=spoken(deed.undone_at))
    if deed.kind is BulkKind.ADD:
        raise NotUndone
    reverse = _unassign if deed.kind is BulkKind.ASSIGN else _undecide
    if reverse is _undecide:
        lock_clusters(session, [UUID(item["cluster"]) for item in deed.done["items"]])
    done, refused = list[dict[str, Any]](), list[Refused]()
    for item in deed.done["items"]:
        try:
            with session.begin_nested():
                reverse(session, item, by, at)
        except TemThatError as exc:
            refused.append(Refused(item["number"], exc))
        else:
            done.append(item)
    if done:
        deed.undone_at, deed.undone_by = at, by
    session.flush()
    return deed, Result(done, refused)


def _unassign(session: Session, item: Mapping[str, Any], by: UUID, at: datetime) -> None:
    """Give a case back, if nobody has done anything in it since: a note or a piece of evidence does not move its version, but is an event."""
    case = lock(session, UUID(item["id"]))
    last = last_deed(session, case)
    # Deeds done before the event was kept have the version alone.
    if case.version != item["version"] or item.get("event", last) != last:
        raise ChangedSince
    now, before = case.officer_id, UUID(item["was"]) if item["was"] else None
    if before and before not in {each.id for each in officers(session, on=at.astimezone(CITY).date())}:
        raise FormerOfficerGone(who=name_of(session, before))
    case.officer_id = before
    names = {"was": name_of(session, now), "officer": name_of(session, before) if before else None}
    write(session, case, "unassign", by=by, at=at, facts=names)
    history.record(session, "case:unassign", case.id, by=by, at=at, changes={"officer": (now, before)})
    session.flush()


def _undecide(session: Session, item: Mapping[str, Any], by: UUID, at: datetime) -> None:
    """Bring a signal back to what it was, if it still is what the deed made of it."""
    statement = select(Signal).where(Signal.id == UUID(item["id"])).with_for_update()
    signal = session.scalars(statement, execution_options={"populate_existing": True}).one()
    if state_of(signal) != item["now"]:
        raise ChangedSince
    if item.get("told"):
        raise ReporterTold
    was = item["was"]
    changes = {name: (item["now"][name], was[name]) for name in was if was[name] != item["now"][name]}
    _open_again(session, signal)
    signal.state, signal.severity, signal.reason = SignalState(was["state"]), was["severity"], was["reason"]
    signal.outcome = Outcome(was["outcome"]) if was["outcome"] else None
    signal.wait_until = date.fromisoformat(was["wait_until"]) if was["wait_until"] else None
    signal.decided_at = _moment(was["decided_at"])
    signal.decided_by = UUID(was["decided_by"]) if was["decided_by"] else None
    history.record(session, "signal:undo", signal.id, by=by, at=at, changes=changes)
    session.flush()


def _open_again(session: Session, signal: Signal) -> None:
    """A cluster that was closed with its last signal opens again, or the signal joins the one that was begun since."""
    cluster = session.get_one(SignalCluster, signal.cluster_id, populate_existing=True)
    if cluster.closed_at is None:
        return
    same = select(SignalCluster.id).where(SignalCluster.key == cluster.key, SignalCluster.closed_at.is_(None))
    begun = session.scalar(same.with_for_update())
    if begun is None:
        cluster.closed_at = None
        session.flush()
    else:
        signal.cluster_id = begun


def _moment(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None
