"""The desk's book to read: one record with all that its page shows, its signal, what it still owes an answer to, and the pages of the book.

Only reading. What must not live here: taking anything in (`records`, `requests`, `complaints`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement.models import (
    Complaint,
    InfringementRequest,
    IntakeClock,
    IntakeFile,
    IntakeKind,
    IntakeRecord,
    RequestState,
    RequestSupplement,
    Signal,
    SignalSource,
)
from trace.errors import Conflict, NotFound
from trace.models.tips import Tip
from trace.services import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

PAGE = 50
UNANSWERED = frozenset({RequestState.RECEIVED, RequestState.SUPPLEMENT})


class RequestUnanswered(Conflict):
    """The request %(number)s has not been answered yet, so its signal is not put aside.

    Open the request and refuse it with the reason that the right holder reads; its signal is put aside with it. Or accept it first.
    """


def get(session: Session, record_id: UUID) -> IntakeRecord:
    """One record with everything that its page shows."""
    found = session.scalars(
        select(IntakeRecord)
        .where(IntakeRecord.id == record_id)
        .options(
            joinedload(IntakeRecord.recorder),
            joinedload(IntakeRecord.commune),
            joinedload(IntakeRecord.tip),
            joinedload(IntakeRecord.request).options(
                joinedload(InfringementRequest.title),
                selectinload(InfringementRequest.supplements).options(
                    joinedload(RequestSupplement.recorder), joinedload(RequestSupplement.title)
                ),
            ),
            joinedload(IntakeRecord.complaint).joinedload(Complaint.case),
            selectinload(IntakeRecord.clocks),
            selectinload(IntakeRecord.files).joinedload(IntakeFile.file),
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def signal_of(session: Session, record_id: UUID) -> Signal | None:
    """The signal that a record raised; a complaint raises none."""
    return session.scalars(
        select(Signal).where(Signal.record_id == record_id).options(joinedload(Signal.case))
    ).one_or_none()


def answered(session: Session, signals: Sequence[Signal]) -> None:
    """Refuse to put signals aside while a right holder waits for an answer to one of them: the clock and the promise are the request's."""
    papers = [each.record_id for each in signals if each.source is SignalSource.RIGHT_HOLDER]
    if not papers:
        return
    waiting = session.scalars(
        select(IntakeRecord.number)
        .join(InfringementRequest, InfringementRequest.record_id == IntakeRecord.id)
        .where(IntakeRecord.id.in_(papers), InfringementRequest.state.in_(UNANSWERED))
        .order_by(IntakeRecord.number)
        .limit(1)
    ).one_or_none()
    if waiting is not None:
        raise RequestUnanswered(number=waiting)


def book(
    session: Session, *, kind: IntakeKind | None = None, q: str = "", page: int = 1
) -> tuple[Sequence[IntakeRecord], int]:
    """One page of the desk's book: what has a running clock first, by the nearest end, then the latest; and how many in all."""
    due = (
        select(func.min(IntakeClock.due_at))
        .where(IntakeClock.record_id == IntakeRecord.id, IntakeClock.ended_at.is_(None))
        .scalar_subquery()
    )
    statement = select(IntakeRecord)
    if kind is not None:
        statement = statement.where(IntakeRecord.kind == kind)
    if text := places.asked(q):
        statement = statement.where(
            places.matches(text, IntakeRecord.number, IntakeRecord.body, IntakeRecord.place, IntakeRecord.agency)
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    shown = (
        joinedload(IntakeRecord.request),
        joinedload(IntakeRecord.complaint),
        joinedload(IntakeRecord.tip).joinedload(Tip.commune),
        joinedload(IntakeRecord.commune),
        selectinload(IntakeRecord.clocks),
    )
    ordered = statement.order_by(due.asc().nulls_last(), IntakeRecord.received_at.desc(), IntakeRecord.id).options(
        *shown
    )
    return session.scalars(ordered.limit(PAGE).offset((page - 1) * PAGE)).all(), total
