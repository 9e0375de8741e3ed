"""Which signals are decided together: one is put with another by hand, or taken out of its group, with a reason.

What must not live here: the key by which signals gather by themselves (`clusters`), and deciding (`triage`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from enforcement import clusters, triage
from enforcement.models import Signal
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


class SameCluster(Invalid):
    """This signal is in that group already.

    Choose a signal of another group.
    """


class NoSuchSignal(Invalid):
    """No undecided signal has the number %(number)s.

    Check the number; it stands first in each line of the queue.
    """


def move_to_cluster(session: Session, signal_id: UUID, number: str, *, reason: str, by: UUID, at: datetime) -> Signal:
    """Let a signal be decided together with another one, named by its number. Both stay undecided."""
    other = session.execute(
        select(Signal.cluster_id).where(
            func.upper(Signal.source_number) == number.strip().upper(), Signal.state.in_(clusters.UNDECIDED)
        ).order_by(Signal.received_at.desc()).limit(1)
    ).one_or_none()  # fmt: skip
    if other is None:
        raise NoSuchSignal(number=number.strip())
    return _move(session, signal_id, other.cluster_id, reason=reason, by=by, at=at)


def move_apart(session: Session, signal_id: UUID, *, reason: str, by: UUID, at: datetime) -> Signal:
    """Take a signal out of its group, because it is a matter of its own."""
    signal = triage.get(session, signal_id)
    alone = clusters.gather(
        session, f"apart:{signal.id}:{at.isoformat()}", severity=signal.severity, received_at=signal.received_at, at=at
    )
    return _move(session, signal_id, alone, reason=reason, by=by, at=at)


def _move(session: Session, signal_id: UUID, cluster_id: UUID, *, reason: str, by: UUID, at: datetime) -> Signal:
    said = triage.said_why(reason)
    there = session.scalar(select(Signal.cluster_id).where(Signal.id == signal_id))
    if there is None:
        raise NotFound
    if there == cluster_id:
        raise SameCluster
    clusters.lock(session, there, cluster_id)
    if session.scalar(select(Signal.cluster_id).where(Signal.id == signal_id)) not in {there, cluster_id}:
        raise Conflict  # somebody moved it while we waited, into a cluster that is not locked
    signal = triage.undecided(session, signal_id)
    if signal.cluster_id == cluster_id:
        raise SameCluster
    was, signal.cluster_id = signal.cluster_id, cluster_id
    history.record(session, "signal:group", signal.id, by=by, at=at, changes={"cluster": (was, cluster_id)}, why=said)
    session.flush()
    clusters.settle(session, was, at=at)
    return signal
