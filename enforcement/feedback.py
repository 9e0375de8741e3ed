"""What is told to those who brought something to the desk: right holders about their requests, reporters about their reports.

Nobody accused is named, nothing of what was found, and of a decision only its number and day. What must not live here: telling it
(`triage.tell_reporters`), and the reporter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import joinedload

from enforcement.membership import member_ids, survivor
from enforcement.models import (
    CaseFile,
    CasePaper,
    InfringementRequest,
    IntakeRecord,
    Outcome,
    PaperKind,
    RequestState,
    Signal,
    SignalSource,
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


@dataclass(frozen=True)
class Followed:
    """What happened to one request. `decisions`: number and day of each, and nothing else of them."""

    number: str
    received_at: datetime
    title: str
    stage: Stage
    since: datetime | None
    decisions: tuple[tuple[str, date], ...] = ()


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
    case_of = _cases(session, [each.record_id for each in found])
    return [_followed(session, each, case_of.get(str(each.record_id))) for each in found]


def _cases(session: Session, record_ids: Sequence[UUID]) -> dict[str, UUID]:
    """The case that carries on with each request, by the request's id as text."""
    rows = session.execute(
        select(cast(Signal.source_ref, Text), Signal.case_id).where(
            Signal.source == SignalSource.RIGHT_HOLDER, Signal.source_ref.in_([str(each) for each in record_ids]), Signal.case_id.is_not(None)
        )
    )  # fmt: skip
    return {ref: survivor(session, case_id) for ref, case_id in rows if case_id is not None}


def _followed(session: Session, request: InfringementRequest, case_id: UUID | None) -> Followed:
    stage, since, decisions = _OF_REQUEST[request.state], request.decided_at, list[tuple[str, date]]()
    if case_id is not None:
        case = session.get_one(CaseFile, case_id)
        papers = session.execute(
            select(CasePaper.number, CasePaper.signed_on)
            .where(CasePaper.case_id.in_(member_ids(case_id)), CasePaper.kind.in_(_DECISIONS))
            .order_by(CasePaper.signed_on)
        )
        decisions = [(number, signed_on) for number, signed_on in papers]
        if case.state in OVER:
            stage, since = Stage.CLOSED, case.closed_at
        elif decisions:
            stage, since = Stage.DECIDED, None
        elif case.state in PASSED_ON:
            stage, since = Stage.PASSED_ON, None
        else:
            stage, since = Stage.LOOKED_INTO, case.opened_at
    title = request.title.name if request.title else ""
    return Followed(request.record.number, request.record.received_at, title, stage, since, tuple(decisions))
