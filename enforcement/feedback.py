"""What is told to those who brought something to the desk: right holders about their requests, reporters about their reports.

Nobody accused is named, nothing of what was found, and of a decision only its number and day. What must not live here: telling it
(`reporters.tell`), and the reporter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from enforcement.membership import member_ids, survivor
from enforcement.models import (
    CaseFile,
    CasePaper,
    InfringementRequest,
    IntakeClock,
    IntakeRecord,
    Outcome,
    PaperKind,
    RequestState,
    Signal,
    SignalSource,
    SignalState,
)
from enforcement.transitions import OVER, CaseState
from trace.models.titles import ProtectionTitle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

# What a reporter reads once it is over. Records of the desk are Vietnamese; none of these accuses or clears anybody by name.
NEUTRAL = "Phản ánh của bạn đã được xem xét xong. Cảm ơn bạn đã báo cho chúng tôi."
ANSWERS = {
    Outcome.INFRINGEMENT: "Phản ánh của bạn đã được xem xét xong và được xử lý theo quy định của pháp luật. Cảm ơn bạn đã báo cho chúng tôi.",
    Outcome.EXPOSED_CODE: "Phản ánh của bạn đã được xem xét xong: mã tem bạn báo đã bị lộ và đã được đưa vào diện theo dõi. Cảm ơn bạn đã báo cho chúng tôi.",
    Outcome.DATA_ERROR: "Phản ánh của bạn đã được xem xét xong: có sai lệch trong dữ liệu của hệ thống, đã được sửa. Cảm ơn bạn đã báo cho chúng tôi.",
    Outcome.NO_VIOLATION: "Phản ánh của bạn đã được xem xét xong: chưa phát hiện dấu hiệu vi phạm. Cảm ơn bạn đã báo cho chúng tôi.",
    Outcome.UNDETERMINED: NEUTRAL,
}  # fmt: skip


class Stage(StrEnum):
    """How far a right holder's request has come."""

    RECEIVED = "received"
    SUPPLEMENT = "supplement"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOOKED_INTO = "looked_into"
    DECIDED = "decided"
    PASSED_ON = "passed_on"
    CLOSED = "closed"


PASSED_ON = frozenset({CaseState.FORWARDED, CaseState.TRANSFERRED, CaseState.CRIMINAL_TRANSFER})
_DECISIONS = (PaperKind.PENALTY, PaperKind.REMEDY_ONLY)
_OF_REQUEST = {
    RequestState.RECEIVED: Stage.RECEIVED,
    RequestState.SUPPLEMENT: Stage.SUPPLEMENT,
    RequestState.ACCEPTED: Stage.ACCEPTED,
    RequestState.REFUSED: Stage.REFUSED,
}
_ADDRESSED = frozenset({Stage.SUPPLEMENT, Stage.REFUSED})
"""What is said to the right holder itself: it is read while the desk works on the signal; a refusal also after the case has ended."""


@dataclass(frozen=True)
class Followed:
    """What happened to one request. `decisions`: number and day of each, and nothing else of them.

    `answer_by`: until when the desk has to say whether it takes the request up. `reason`: what was written to the right holder, who is
    asked for more papers or refused. `outcome`: how it ended, once it has.
    """

    number: str
    received_at: datetime
    title: str
    stage: Stage
    since: datetime | None
    decisions: tuple[tuple[str, date], ...] = ()
    answer_by: datetime | None = None
    reason: str | None = None
    outcome: Outcome | None = None


def answer(outcome: Outcome | None) -> str:
    """What a reporter reads when the report is closed."""
    return ANSWERS.get(outcome, NEUTRAL) if outcome is not None else NEUTRAL


def requests(session: Session, *, reach: Reach) -> list[Followed]:
    """The requests about the titles within reach, latest first, and what became of each."""
    found = session.scalars(
        select(InfringementRequest)
        .join(IntakeRecord, IntakeRecord.id == InfringementRequest.record_id)
        .join(ProtectionTitle, ProtectionTitle.id == InfringementRequest.title_id)
        .where(reach.covers(None, ProtectionTitle.id))
        .order_by(IntakeRecord.received_at.desc())
        .limit(200)
        .options(joinedload(InfringementRequest.record), joinedload(InfringementRequest.title))
    ).all()
    ids = [each.record_id for each in found]
    signal_of, clock_of = _signals(session, ids), _clocks(session, ids)
    return [_followed(session, each, signal_of.get(each.record_id), clock_of.get(each.record_id)) for each in found]


def _signals(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, Signal]:
    """What each request has become on the desk."""
    rows = session.scalars(
        select(Signal).where(Signal.source == SignalSource.RIGHT_HOLDER, Signal.record_id.in_(record_ids))
    )
    return {row.record_id: row for row in rows if row.record_id is not None}


def _clocks(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When the running clock of each request ends."""
    rows = session.execute(
        select(IntakeClock.record_id, IntakeClock.due_at).where(
            IntakeClock.record_id.in_(record_ids), IntakeClock.ended_at.is_(None)
        )
    )
    return {row.record_id: row.due_at for row in rows}


def _followed(
    session: Session, request: InfringementRequest, signal: Signal | None, answer_by: datetime | None
) -> Followed:
    stage, since, decisions = _OF_REQUEST[request.state], request.decided_at, list[tuple[str, date]]()
    outcome = None
    if signal is not None and signal.case_id is not None:
        case_id = survivor(session, signal.case_id)
        case = session.get_one(CaseFile, case_id)
        papers = session.execute(
            select(CasePaper.number, CasePaper.signed_on)
            .where(CasePaper.case_id.in_(member_ids(case_id)), CasePaper.kind.in_(_DECISIONS))
            .order_by(CasePaper.signed_on)
        )
        decisions = [(number, signed_on) for number, signed_on in papers]
        if stage is Stage.REFUSED or (stage in _ADDRESSED and case.state not in OVER):
            pass
        elif case.state in OVER:
            stage, since, outcome = Stage.CLOSED, case.closed_at, case.outcome
        elif decisions:
            stage, since = Stage.DECIDED, None
        elif case.state in PASSED_ON:
            stage, since = Stage.PASSED_ON, None
        else:
            stage, since = Stage.LOOKED_INTO, case.opened_at
    elif signal is not None and signal.state is SignalState.REJECTED and stage is Stage.ACCEPTED:
        stage, since, outcome = Stage.CLOSED, signal.decided_at, signal.outcome
    title = request.title.name if request.title else ""
    reason = request.reason if stage in _ADDRESSED else None
    return Followed(
        request.record.number, request.record.received_at, title, stage, since, tuple(decisions),
        answer_by=answer_by, reason=reason, outcome=outcome,
    )  # fmt: skip
