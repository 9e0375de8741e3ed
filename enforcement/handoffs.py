"""Formal denunciations: handed on to the competent body outside this system, unread. What stays is a receipt.

The law makes the name, the address, the handwriting and whatever else may show who denounces a secret, so none of it comes in here:
not as a field, not as a scan, not as a note. The receipt says that something came, when, how many envelopes, and who has it now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from enforcement import deadlines, law
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NoRuleInForce
from enforcement.models import DenunciationReceipt
from trace.clock import CITY
from trace.errors import Invalid, NotFound
from trace.services import history, numbers, papers, places
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.parties import Party

SERIES = "TC"
SHEETS_MOST = 999
BODY_MOST = 200
PAGE = 50
# Competent bodies as far as the desk may know them; another may be written by hand.
BODIES = (
    "Thanh tra thành phố Hải Phòng",
    "Ban Tiếp công dân thành phố Hải Phòng",
    "Sở Công Thương thành phố Hải Phòng",
    "Công an thành phố Hải Phòng",
)


class ReceiptFault(StrEnum):
    """What is wrong with a receipt that is to be written."""

    BODY = "body"
    SHEETS = "sheets"
    TIMES = "times"


class HandOffFaults(Invalid):
    """The receipt cannot be written yet: %(faults)s.

    Fill in the fields that are marked. Write nothing about the denunciation itself.
    """


@dataclass(frozen=True)
class AcceptBy:
    """Until when the receiving body has to decide whether it takes the denunciation up."""

    due: datetime
    basis: str
    doubtful: bool


def hand_off(
    session: Session,
    *,
    receiving_body: str,
    sheets: int,
    received_at: datetime,
    handed_at: datetime,
    by: UUID,
    at: datetime,
) -> DenunciationReceipt:
    """Write the receipt of a denunciation that was handed on. All faults are told at once."""
    body = receiving_body.strip()
    faults = []
    if not body or len(body) > BODY_MOST:
        faults.append(ReceiptFault.BODY)
    if not 1 <= sheets <= SHEETS_MOST:
        faults.append(ReceiptFault.SHEETS)
    if received_at > at or handed_at > at or handed_at < received_at:
        faults.append(ReceiptFault.TIMES)
    if faults:
        raise HandOffFaults(faults=tuple(faults))
    made = DenunciationReceipt(
        number=numbers.next_number(session, SERIES, at=at),
        received_at=received_at,
        handed_at=handed_at,
        receiving_body=body,
        sheets=sheets,
        recorded_by=by,
    )
    session.add(made)
    session.flush()
    history.record(session, "denunciation:hand_off", made.id, by=by, at=at, changes={"receiving_body": (None, body)})
    return made


def get(session: Session, receipt_id: UUID) -> DenunciationReceipt:
    """One receipt."""
    found = session.scalars(
        select(DenunciationReceipt)
        .where(DenunciationReceipt.id == receipt_id)
        .options(joinedload(DenunciationReceipt.recorder))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def receipts(
    session: Session, *, q: str = "", page: int = 1, size: int = PAGE
) -> tuple[Sequence[DenunciationReceipt], int]:
    """One page of the receipts, the latest first, and how many there are. `q`: part of a number or of the body that received it."""
    statement = select(DenunciationReceipt)
    if text := places.asked(q):
        statement = statement.where(
            places.matches(text, DenunciationReceipt.number, DenunciationReceipt.receiving_body)
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(DenunciationReceipt.received_at.desc(), DenunciationReceipt.id)
    return session.scalars(ordered.limit(size).offset((page - 1) * size)).all(), total


def accept_by(session: Session, receipt: DenunciationReceipt) -> AcceptBy | None:
    """Counted from the day on which the body outside got it; None where the calendar or the rule is not entered."""
    rules = law.load(session)
    try:
        rule = rules.rule(DeadlineKind.DENUNCIATION_ACCEPT, receipt.handed_at.astimezone(CITY).date())
        reckoned = deadlines.reckon(receipt.handed_at, rule, rules.calendar)
    except (NoRuleInForce, CalendarGap):
        return None
    return AcceptBy(reckoned.due, rule.basis, reckoned.doubtful)


def paper(session: Session, receipt: DenunciationReceipt, *, unit: Party | None, at: datetime) -> tuple[str, bytes]:
    """File name and PDF of the receipt for whoever brought the denunciation. It names nobody who brought it."""
    due = accept_by(session, receipt)
    day = receipt.handed_at.astimezone(CITY).date()
    facts = [
        ("Số biên nhận", receipt.number, True),
        ("Số phong bì, số tờ", str(receipt.sheets), False),
        ("Nhận lúc", papers.moment(receipt.received_at), False),
        ("Chuyển lúc", papers.moment(receipt.handed_at), False),
        ("Cơ quan nhận", receipt.receiving_body, True),
    ]
    if due is not None:
        doubt = " (cần kiểm chứng)" if due.doubtful else ""
        facts.append(
            ("Thụ lý chậm nhất", f"{papers.day(due.due.astimezone(CITY).date())}, theo {due.basis}{doubt}", False)
        )
    data: dict[str, Any] = {
        "organisation": unit.name if unit else "Cơ quan quản lý thị trường",
        "number": f"{receipt.number}/BN",
        "place_date": papers.place_date(unit, day),
        "sample": unit is not None and unit.is_sample,
        "signatory": "Người giao biên nhận",
        "signer": "",
        "kind": "BIÊN NHẬN",
        "title": "chuyển đơn đến cơ quan có thẩm quyền",
        "addressee": "người mang đơn (không ghi tên)",
        "body": [
            "Đơn được nhận nguyên trạng, không mở, không sao chép, và đã chuyển đến cơ quan có thẩm quyền giải quyết tố cáo:"
        ],
        "facts": [{"label": label, "value": value, "strong": strong} for label, value, strong in facts],
        "closing": [
            "Nội dung đơn và thông tin về người tố cáo không được lưu trong hệ thống của cơ quan chuyển đơn. "
            "Để biết kết quả, xin liên hệ cơ quan nhận và nêu số biên nhận này."
        ],
        "recipients": ["Người mang đơn;", "Lưu: sổ chuyển đơn."],
    }
    return f"bien-nhan-{receipt.number}.pdf", papers.drawn("letter.typ", data, at=at)
