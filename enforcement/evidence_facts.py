"""What other pages of a case say of its evidence, and what its evidence is compared with. Only reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true

from enforcement import alarms, membership
from enforcement.evidence import candidates
from enforcement.models import Evidence, Signal
from trace.models.labels import LabelOrder, LabelRange
from trace.models.lots import Lot

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Summary:
    """What the first page of a case says of its evidence."""

    pieces: int
    late_photos: int
    alarms: int


def summary(session: Session, case_id: UUID, *, look_for_late: bool) -> Summary:
    """How much evidence there is, how many photos wait, how many pieces are in doubt."""
    ids = membership.members(session, case_id)
    count = session.scalar(select(func.count()).select_from(Evidence).where(Evidence.case_id.in_(ids))) or 0
    doubtful = {(alarm.case_id, alarm.folio) for alarm in alarms.of_cases(session, ids)}
    return Summary(count, len(candidates(session, case_id)) if look_for_late else 0, len(doubtful))


def products(session: Session, case_id: UUID) -> list[UUID]:
    """The products whose labels the signals of a case speak of."""
    statement = (
        select(Lot.product_id)
        .join(LabelOrder, true())
        .join(LabelRange, LabelRange.order_id == LabelOrder.id)
        .join(Signal, LabelRange.serials.contains(Signal.serial))
        .where(
            Signal.case_id.in_(membership.member_ids(case_id)),
            Lot.id == func.coalesce(LabelRange.lot_id, LabelOrder.lot_id),
        )
        .distinct()
    )
    return sorted(session.scalars(statement), key=str)
