"""What the world may hear of, written down in the transaction of the deed itself: nothing is told that did not happen, nothing is lost.

Every deed passes through `history.record`, which asks here. What must not live here: who hears of it (`webhooks`), and anything that the
public register does not show: reasons, persons and boundaries stay inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trace.models.api import WebhookEvent, WebhookKind
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelMove
from trace.models.lots import Lot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

OF_DEED: dict[str, WebhookKind] = {
    "certificate:grant": WebhookKind.CERTIFICATE_STATUS_CHANGED,
    "certificate:suspend": WebhookKind.CERTIFICATE_STATUS_CHANGED,
    "certificate:reinstate": WebhookKind.CERTIFICATE_STATUS_CHANGED,
    "certificate:revoke": WebhookKind.CERTIFICATE_STATUS_CHANGED,
    "certificate:give_up": WebhookKind.CERTIFICATE_STATUS_CHANGED,
    "lot:recall": WebhookKind.LOT_RECALLED,
    "product:record": WebhookKind.PRODUCT_CHANGED,
    "product:edit": WebhookKind.PRODUCT_CHANGED,
    "title:record": WebhookKind.TITLE_CHANGED,
    "title:edit": WebhookKind.TITLE_CHANGED,
    "title:area": WebhookKind.TITLE_CHANGED,
    "title:amend": WebhookKind.TITLE_CHANGED,
    "title:renew": WebhookKind.TITLE_CHANGED,
    "title:appoint": WebhookKind.TITLE_CHANGED,
    "title:succeed": WebhookKind.TITLE_CHANGED,
    "title:end_role": WebhookKind.TITLE_CHANGED,
}


def note(
    session: Session, deed: str, subject_id: UUID, *, at: datetime, changes: Mapping[str, tuple[object, object]]
) -> None:
    """Write down a deed of the register that others may hear of; most deeds are none of their business."""
    kind = OF_DEED.get(deed)
    if kind is None:
        return
    data: dict[str, Any] = {}
    match kind:
        case WebhookKind.CERTIFICATE_STATUS_CHANGED:
            _was, becomes = changes.get("status", (None, CertificateStatus.ACTIVE))
            data = {"status": str(becomes)}
        case WebhookKind.LOT_RECALLED:
            lot = session.get(Lot, subject_id)
            data = {"lot_code": lot.code if lot else None}
        case _:
            pass
    session.add(WebhookEvent(kind=kind, at=at, subject_id=subject_id, data=data))


def moved(session: Session, order_id: UUID, serials: Iterable[Range[int]], move: LabelMove, *, at: datetime) -> None:
    """Write down that labels were voided, with their serials, first and last of each run included."""
    if move is LabelMove.VOID:
        runs = [{"first": each.lower, "last": (each.upper or 0) - 1} for each in serials]
        session.add(
            WebhookEvent(kind=WebhookKind.LABEL_RANGE_VOIDED, at=at, subject_id=order_id, data={"serials": runs})
        )
