"""The reporters behind signals: what they may be told of the state of things, and that what they tell brings a waiting signal back.

What must not live here: who they are (`informants` alone has that), the words of an answer (`feedback`), and deciding about a signal (`triage`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from enforcement import feedback
from enforcement.models import Outcome, Signal, SignalSource, SignalState
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
    woken = session.scalars(
        select(Signal).where(*on_hold, Signal.source_ref.in_(refs)).with_for_update(skip_locked=True)
    ).all()
    for signal in woken:
        history.record(
            session, "signal:wake", signal.id, by=None, at=at, changes={"wait_until": (signal.wait_until, today)}
        )
        signal.wait_until = today
    session.flush()
    return len(woken)


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
