"""Tracking events: written in the transaction of the deed that they tell of, read by the page of a lot.

What must not live here: the deeds. Whoever does one calls `about_lot`, `about_labels` or `transformed` beside it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.clock import CITY
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.events import (
    BusinessStep,
    Disposition,
    EventAction,
    EventKind,
    EventSide,
    TraceEvent,
    TraceEventPart,
)
from trace.models.labels import LabelMove, LabelOrder
from trace.models.parties import Party

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ScalarSelect
    from sqlalchemy.dialects.postgresql import Range

    from trace.models.lots import Lot

# What a move of labels is in the words of EPCIS. A printed serial is encoded, and commissioned only when it is bound to goods; issuing
# numbers alone (ISSUE) touches nothing that could be seen.
OF_MOVE: dict[LabelMove, tuple[EventKind, EventAction, BusinessStep, Disposition]] = {
    LabelMove.PRINT: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.ENCODING, Disposition.ENCODED),
    LabelMove.RECEIVE: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.RECEIVING, Disposition.ENCODED),
    LabelMove.ACTIVATE: (EventKind.ASSOCIATION, EventAction.ADD, BusinessStep.COMMISSIONING, Disposition.ACTIVE),
    LabelMove.HAND_OVER: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.RECEIVING, Disposition.IN_PROGRESS),
    LabelMove.USE: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.PACKING, Disposition.IN_PROGRESS),
    LabelMove.SPOIL: (EventKind.OBJECT, EventAction.DELETE, BusinessStep.DECOMMISSIONING, Disposition.DESTROYED),
    LabelMove.LOSE: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.DECOMMISSIONING, Disposition.UNKNOWN),
    LabelMove.RETURN: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.DECOMMISSIONING, Disposition.RETURNED),
    LabelMove.VOID: (EventKind.OBJECT, EventAction.DELETE, BusinessStep.DECOMMISSIONING, Disposition.INACTIVE),
    LabelMove.RECALL: (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.HOLDING, Disposition.RECALLED),
}


def about_lot(
    session: Session, lot: Lot, step: BusinessStep, disposition: Disposition, *, by: UUID, at: datetime,
    action: EventAction = EventAction.OBSERVE, on: date | None = None, how: Mapping[str, Any] | None = None,
    commune_code: str | None = None,
) -> TraceEvent:  # fmt: skip
    """Write down what happened to a whole lot. `on` is the day on which it happened, where only the day is known.

    `commune_code` is that of its source, where the caller has it at hand.
    """
    told = {"precision": "day"} if on is not None else {}
    made = TraceEvent(
        id=uuid4(),  # known beforehand, so that those of many lots are sent together
        kind=EventKind.OBJECT, action=action, business_step=step, disposition=disposition,
        happened_at=at if on is None else datetime.combine(on, time.min, CITY), recorded_at=at,
        zone_offset=offset(at), lot_id=lot.id, grams=lot.volume_g, area_id=lot.area_id, site_id=lot.site_id,
        commune_code=commune_code or _commune_of(lot), party_id=lot.holder_id, by=by, how={**told, **(how or {})},
    )  # fmt: skip
    session.add(made)
    return made


def about_labels(
    session: Session, order: LabelOrder, serials: Iterable[Range[int]], move: LabelMove, *, lot_id: UUID, party_id: UUID, by: UUID,
    at: datetime, reason: str | None = None, to_party_id: UUID | None = None,
    as_is: tuple[EventKind, EventAction, BusinessStep, Disposition] | None = None,
) -> None:  # fmt: skip
    """Write down what happened to labels, an event for each run of serials. `party_id` keeps them now; `as_is` overrides the table."""
    told = as_is or OF_MOVE.get(move)
    if told is None:
        return
    kind, action, step, disposition = told
    for part in serials:
        count = (part.upper or 0) - (part.lower or 0)
        session.add(
            TraceEvent(
                kind=kind, action=action, business_step=step, disposition=disposition, happened_at=at, recorded_at=at,
                zone_offset=offset(at), lot_id=lot_id, grams=count * order.pack_weight_g, order_id=order.id, serials=part,
                commune_code=select(Party.commune_code).where(Party.id == party_id).scalar_subquery(), party_id=party_id,
                to_party_id=to_party_id, by=by, how={"reason": reason} if reason else {},
            )
        )  # fmt: skip


def transformed(
    session: Session, lot: Lot, *, inputs: Sequence[tuple[Lot, int]], outputs: Sequence[tuple[Lot, int]], by: UUID, at: datetime
) -> TraceEvent:  # fmt: skip
    """Write down that lots went into others, each with its grams. `lot` is the one that the event is told of."""
    made = TraceEvent(
        kind=EventKind.TRANSFORMATION, action=None, business_step=BusinessStep.TRANSFORMING, disposition=Disposition.IN_PROGRESS,
        happened_at=at, recorded_at=at, zone_offset=offset(at), lot_id=lot.id, grams=sum(grams for _, grams in outputs),
        area_id=lot.area_id, site_id=lot.site_id, commune_code=_commune_of(lot), party_id=lot.holder_id, by=by,
        parts=[
            TraceEventPart(lot_id=each.id, side=side, grams=grams)
            for side, those in ((EventSide.INPUT, inputs), (EventSide.OUTPUT, outputs))
            for each, grams in those
        ],
    )  # fmt: skip
    session.add(made)
    return made


def packed(session: Session, lot: Lot, *, by: UUID, at: datetime) -> None:
    """Write down the packing of a lot once its day has come; what was written before is not written again."""
    if lot.packed_on > at.astimezone(CITY).date():
        return
    session.flush()
    written = exists().where(
        TraceEvent.lot_id == lot.id, TraceEvent.business_step == BusinessStep.PACKING, TraceEvent.serials.is_(None)
    )
    if not session.scalar(select(written)):
        about_lot(session, lot, BusinessStep.PACKING, Disposition.IN_PROGRESS, by=by, at=at, on=lot.packed_on)


def of_lot(session: Session, lot_id: UUID, *, limit: int = 500) -> Sequence[TraceEvent]:
    """The events of a lot and of its labels, in the order in which they happened."""
    took_part = exists().where(TraceEventPart.event_id == TraceEvent.id, TraceEventPart.lot_id == lot_id)
    statement = (
        select(TraceEvent)
        .where(or_(TraceEvent.lot_id == lot_id, took_part))
        .order_by(TraceEvent.happened_at, TraceEvent.recorded_at, TraceEvent.id)
        .limit(limit)
        .options(
            joinedload(TraceEvent.order), joinedload(TraceEvent.commune), joinedload(TraceEvent.party),
            joinedload(TraceEvent.to_party), joinedload(TraceEvent.author),
            joinedload(TraceEvent.area).load_only(GrowingArea.name), joinedload(TraceEvent.site).load_only(ProductionSite.name),
            selectinload(TraceEvent.parts).joinedload(TraceEventPart.lot),
        )
    )  # fmt: skip
    return session.scalars(statement).all()


def offset(at: datetime) -> str:
    """The offset of the city's time from UTC at a moment, as EPCIS writes it: +07:00."""
    found = at.astimezone(CITY).strftime("%z")
    return f"{found[:3]}:{found[3:]}"


def _commune_of(lot: Lot) -> ScalarSelect[str | None]:
    """The commune of the lot's source, or of its holder where the sources are several."""
    if lot.area_id is not None:
        return select(GrowingArea.commune_code).where(GrowingArea.id == lot.area_id).scalar_subquery()
    if lot.site_id is not None:
        return select(ProductionSite.commune_code).where(ProductionSite.id == lot.site_id).scalar_subquery()
    return select(Party.commune_code).where(Party.id == lot.holder_id).scalar_subquery()
