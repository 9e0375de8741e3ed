"""Those behind signals: what reporters may be told of the state of things, and that what somebody tells or brings wakes a waiting signal.

What must not live here: who they are (`informants` alone has that), the words of an answer (`feedback`), and deciding about a signal (`triage`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from enforcement import clusters, feedback
from enforcement.models import Outcome, Signal, SignalCluster, SignalSource, SignalState
from trace.clock import CITY
from trace.models.files import StoredFile
from trace.models.tips import TipMessage, TipPhoto, TipState
from trace.services import history, tips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session


def wake(session: Session, *, at: datetime) -> int:
    """Bring back the waiting signals whose reporters have told more, or sent a photo, since they were put off. How many."""
    today = at.astimezone(CITY).date()
    on_hold = (Signal.state == SignalState.WAITING, Signal.wait_until > today, Signal.source == SignalSource.TIP)
    since = {
        UUID(ref): decided_at
        for ref, decided_at in session.execute(select(Signal.source_ref, Signal.decided_at).where(*on_hold))
    }
    told = select(TipMessage.tip_id, func.max(TipMessage.at)).where(TipMessage.tip_id.in_(since))
    sent = (
        select(TipPhoto.tip_id, func.max(StoredFile.received_at))
        .join(StoredFile, StoredFile.id == TipPhoto.file_id)
        .where(TipPhoto.tip_id.in_(since))
    )
    news = [
        *session.execute(told.group_by(TipMessage.tip_id)).all(),
        *session.execute(sent.group_by(TipPhoto.tip_id)).all(),
    ]
    refs = {str(tip_id) for tip_id, last in news if (decided_at := since[tip_id]) is not None and last > decided_at}
    # Clusters before signals, as everybody locks them; those that somebody is deciding about just now have their turn with the next run.
    of_them = select(Signal.cluster_id).where(*on_hold, Signal.source_ref.in_(refs))
    free = select(SignalCluster.id).where(SignalCluster.id.in_(of_them)).order_by(SignalCluster.id)
    held = session.scalars(free.with_for_update(skip_locked=True)).all()
    woken = session.scalars(
        select(Signal)
        .where(*on_hold, Signal.source_ref.in_(refs), Signal.cluster_id.in_(held))
        .with_for_update(skip_locked=True)
    ).all()
    for signal in woken:
        history.record(
            session, "signal:wake", signal.id, by=None, at=at, changes={"wait_until": (signal.wait_until, today)}
        )
        signal.wait_until = today
    session.flush()
    return len(woken)


def bring_back(session: Session, signal_id: UUID, *, by: UUID, at: datetime) -> None:
    """Bring one signal back to the queue, if it waits: what it waited for has come."""
    clusters.lock(session, session.scalars(select(Signal.cluster_id).where(Signal.id == signal_id)).one())
    signal = session.scalars(
        select(Signal).where(Signal.id == signal_id).with_for_update(), execution_options={"populate_existing": True}
    ).one()
    today = at.astimezone(CITY).date()
    if signal.state is not SignalState.WAITING or signal.wait_until is None or signal.wait_until <= today:
        return
    history.record(session, "signal:wake", signal.id, by=by, at=at, changes={"wait_until": (signal.wait_until, today)})
    signal.wait_until = today
    session.flush()


def tell(
    session: Session, signals: Sequence[Signal], state: TipState, *, by: UUID, at: datetime, outcome: Outcome | None = None
) -> None:  # fmt: skip
    """Bring the tips behind some signals to what their reporters may be told, by how it ended. A closed tip stays closed."""
    by_answer = dict[str | None, list[UUID]]()
    for signal in signals:
        if signal.source is SignalSource.TIP:
            answer = feedback.answer(outcome or signal.outcome) if state is TipState.CLOSED else None
            by_answer.setdefault(answer, []).append(UUID(signal.source_ref))
    for answer, ids in by_answer.items():
        tips.tell_many(session, ids, state, answer=answer, by=by, at=at)
