"""What people on duty see of a label beside the public answer: its keeper, order, latest looks, hand-overs and open points.

What must not live here: the public answer itself (`scanning`), which is paid for a thousand times a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Uuid, and_, func, or_, select, true
from sqlalchemy.orm import aliased, joinedload

from trace.models.controls import Nonconformity
from trace.models.labels import LabelMovement, LabelOrder, LabelRange
from trace.models.parties import Commune
from trace.models.scans import Comparison, Scan, ScanKind, ScanPosition
from trace.models.tips import Tip
from trace.models.titles import ComparisonPoint
from trace.services import custody, provinces
from trace.services.listed import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
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
class LabelStory:
    """Where a label stands, who has it, and through whose hands and before whose eyes it passed."""

    serial: int
    held: LabelRange
    order: LabelOrder
    looks: Sequence[Look]
    custody: Sequence[CustodyScan]
    movements: Sequence[LabelMovement]


@dataclass(frozen=True)
class OfficerFacts(LabelStory):
    """What people on duty see of a label beside the public answer."""

    nonconformities: Sequence[Nonconformity]
    answers: Mapping[ComparisonAnswer, int]
    tips: int
    covert: Sequence[ComparisonPoint]
    """What only the owner and officers compare."""


def of_labels(
    session: Session, serials: Collection[int], *, looks: int = 5, movements: int = 20
) -> dict[int, LabelStory]:
    """State, keeper, order, latest scans and hand-overs of each label that was ever issued, in four statements however many there are."""
    asked = listed(("serial", BigInteger(), serials))
    known = (
        select(asked.c.serial, LabelRange)
        .join(asked, LabelRange.serials.contains(asked.c.serial))
        .options(
            joinedload(LabelRange.keeper),
            joinedload(LabelRange.lot),
            joinedload(LabelRange.order).options(
                joinedload(LabelOrder.holder), joinedload(LabelOrder.lot), joinedload(LabelOrder.certificate)
            ),
        )
    )
    held: dict[int, LabelRange] = {row.serial: row.LabelRange for row in session.execute(known)}
    if not held:
        return {}
    seen, moved = _looks(session, held, looks), _movements(session, held, movements)
    handled = custody.of_labels(session, held, most=looks)
    return {
        serial: LabelStory(
            serial=serial,
            held=range_,
            order=range_.order,
            looks=seen.get(serial, ()),
            custody=handled.get(serial, ()),
            movements=moved.get(serial, ()),
        )
        for serial, range_ in held.items()
    }


def of_label(session: Session, serial: int) -> OfficerFacts | None:
    """All that people on duty see of a label; None if it was never issued."""
    story = of_labels(session, [serial]).get(serial)
    if story is None:
        return None
    order = story.order
    lot = story.held.lot or order.lot
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
        **vars(story),
        nonconformities=session.scalars(open_points).all(),
        answers={row.answer: row.number for row in answered},
        tips=session.scalars(select(func.count()).select_from(Tip).where(Tip.serial == serial)).one(),
        covert=session.scalars(covert).all(),
    )


def _looks(session: Session, serials: Collection[int], most: int) -> dict[int, list[Look]]:
    """The latest scans of each label, without previews."""
    asked = listed(("serial", BigInteger(), serials))
    latest = (
        select(Scan)
        .where(Scan.serial == asked.c.serial, Scan.kind != ScanKind.PREVIEW)
        .order_by(Scan.at.desc())
        .limit(most)
        .lateral()
    )
    scan = aliased(Scan, latest)
    told = and_(ScanPosition.serial == scan.serial, ScanPosition.device == scan.device)
    province = func.coalesce(scan.province, ScanPosition.province).label("province")
    rows = session.execute(
        select(scan.serial, scan.at, scan.verdict, scan.kind, scan.channel, Commune.name.label("commune"), province)
        .select_from(asked)
        .join(latest, true())
        .outerjoin(ScanPosition, told)
        .outerjoin(Commune, Commune.code == func.coalesce(scan.commune_code, ScanPosition.commune_code))
        .order_by(scan.at.desc())
    )
    seen = dict[int, list[Look]]()
    for row in rows:
        look = Look(*row[1:5], row.commune or provinces.NAMES.get(row.province))
        seen.setdefault(row.serial, []).append(look)
    return seen


def _movements(session: Session, held: Mapping[int, LabelRange], most: int) -> dict[int, list[LabelMovement]]:
    """The latest deeds on each label."""
    asked = listed(("serial", BigInteger(), held), ("order_id", Uuid(), [one.order_id for one in held.values()]))
    latest = (
        select(LabelMovement)
        .where(LabelMovement.order_id == asked.c.order_id, LabelMovement.serials.contains(asked.c.serial))
        .order_by(LabelMovement.id.desc())
        .limit(most)
        .lateral()
    )
    one = aliased(LabelMovement, latest)
    rows = session.execute(
        select(asked.c.serial, one)
        .select_from(asked)
        .join(latest, true())
        .order_by(one.id.desc())
        .options(joinedload(one.author), joinedload(one.keeper))
    )
    moved = dict[int, list[LabelMovement]]()
    for serial, movement in rows:
        moved.setdefault(serial, []).append(movement)
    return moved
