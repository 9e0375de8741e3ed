"""What people on duty see of a label beside the public answer: its keeper, order, latest looks, hand-overs and open points.

What must not live here: the public answer itself (`scanning`), which is paid for a thousand times a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import joinedload

from trace.models.controls import Nonconformity
from trace.models.labels import LabelMovement, LabelOrder, LabelRange
from trace.models.parties import Commune
from trace.models.scans import Comparison, Scan, ScanKind, ScanPosition
from trace.models.tips import Tip
from trace.models.titles import ComparisonPoint
from trace.services import custody, provinces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from trace.models.scans import ComparisonAnswer, CustodyScan, ScanChannel, VerdictKind


@dataclass(frozen=True)
class Look:
    """One scan as officers see it."""

    at: datetime
    verdict: VerdictKind
    kind: ScanKind
    channel: ScanChannel
    place: str | None


@dataclass(frozen=True)
class OfficerFacts:
    """What people on duty see of a label beside the public answer."""

    serial: int
    held: LabelRange
    order: LabelOrder
    looks: Sequence[Look]
    custody: Sequence[CustodyScan]
    movements: Sequence[LabelMovement]
    nonconformities: Sequence[Nonconformity]
    answers: Mapping[ComparisonAnswer, int]
    tips: int
    covert: Sequence[ComparisonPoint]
    """What only the owner and officers compare."""


def of_label(session: Session, serial: int, *, looks: int = 5, movements: int = 20) -> OfficerFacts | None:
    """State, keeper, order, latest scans, hand-overs and open nonconformities of a label; None if it was never issued."""
    held = session.scalars(
        select(LabelRange)
        .where(LabelRange.serials.contains(Range(serial, serial + 1)))
        .options(
            joinedload(LabelRange.keeper),
            joinedload(LabelRange.order).options(
                joinedload(LabelOrder.holder), joinedload(LabelOrder.lot), joinedload(LabelOrder.certificate)
            ),
        )
    ).one_or_none()
    if held is None:
        return None
    order = held.order
    lot = held.lot or order.lot
    told = and_(ScanPosition.serial == Scan.serial, ScanPosition.device == Scan.device)
    province = func.coalesce(Scan.province, ScanPosition.province).label("province")
    seen = session.execute(
        select(Scan.at, Scan.verdict, Scan.kind, Scan.channel, Commune.name.label("commune"), province)
        .outerjoin(ScanPosition, told)
        .outerjoin(Commune, Commune.code == func.coalesce(Scan.commune_code, ScanPosition.commune_code))
        .where(Scan.serial == serial, Scan.kind != ScanKind.PREVIEW)
        .order_by(Scan.at.desc())
        .limit(looks)
    )
    moved = (
        select(LabelMovement)
        .where(LabelMovement.order_id == order.id, LabelMovement.serials.contains(Range(serial, serial + 1)))
        .order_by(LabelMovement.id.desc())
        .limit(movements)
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
    )
    open_points = (
        select(Nonconformity)
        .where(
            Nonconformity.holder_id == order.holder_id,
            Nonconformity.title_id == order.certificate.title_id,
            Nonconformity.closed_at.is_(None),
            or_(
                Nonconformity.area_id.is_(None),
                Nonconformity.area_id.in_({area for area, _ in lot.source_keys if area}),
            ),
            or_(
                Nonconformity.site_id.is_(None),
                Nonconformity.site_id.in_({site for _, site in lot.source_keys if site}),
            ),
        )
        .order_by(Nonconformity.due_on)
    )
    covert = (
        select(ComparisonPoint)
        .where(
            ComparisonPoint.product_id == lot.product_id, ComparisonPoint.retired_at.is_(None), ComparisonPoint.covert
        )
        .order_by(ComparisonPoint.position)
    )
    answered = session.execute(
        select(Comparison.answer, func.count().label("number"))
        .where(Comparison.serial == serial)
        .group_by(Comparison.answer)
    )
    return OfficerFacts(
        serial=serial,
        held=held,
        order=order,
        looks=[Look(*row[:4], row.commune or provinces.NAMES.get(row.province)) for row in seen],
        custody=custody.of_label(session, serial, most=looks),
        movements=session.scalars(moved).all(),
        nonconformities=session.scalars(open_points).all(),
        answers={row.answer: row.number for row in answered},
        tips=session.scalars(select(func.count()).select_from(Tip).where(Tip.serial == serial)).one(),
        covert=session.scalars(covert).all(),
    )
