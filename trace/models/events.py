"""Critical tracking events in the words of EPCIS 2.0 and its Core Business Vocabulary, so that a document can be written from them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.base import Base, stored, uuid_pk
from trace.models.labels import LabelOrder
from trace.models.lots import Lot
from trace.models.parties import AppUser, Commune, Party


class EventKind(StrEnum):
    """The types of event of EPCIS 2.0 that occur here."""

    OBJECT = "object"
    ASSOCIATION = "association"
    TRANSFORMATION = "transformation"


class EventAction(StrEnum):
    """What an event says of the thing: it came to be, was seen, is no more. A transformation says none of these."""

    ADD = "add"
    OBSERVE = "observe"
    DELETE = "delete"


class BusinessStep(StrEnum):
    """Why: the step, by its name in the Core Business Vocabulary."""

    CREATING_CLASS_INSTANCE = "creating_class_instance"
    PACKING = "packing"
    INSPECTING = "inspecting"
    TRANSFORMING = "transforming"
    ENCODING = "encoding"
    COMMISSIONING = "commissioning"
    SHIPPING = "shipping"
    RECEIVING = "receiving"
    DECOMMISSIONING = "decommissioning"
    HOLDING = "holding"


class Disposition(StrEnum):
    """Why: the condition afterwards, by its name in the Core Business Vocabulary."""

    IN_PROGRESS = "in_progress"
    CONFORMANT = "conformant"
    NON_CONFORMANT = "non_conformant"
    ENCODED = "encoded"
    ACTIVE = "active"
    IN_TRANSIT = "in_transit"
    INACTIVE = "inactive"
    DESTROYED = "destroyed"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    RECALLED = "recalled"


class TraceEvent(Base):
    """What happened to a lot or to labels, when, where, why, how and by whom. Written with the deed; append-only by trigger.

    `happened_at` is when it was done, `recorded_at` when it was written down; `zone_offset` is that of the place. `lot_id` is the lot
    it is about: of a merging the new lot, of a splitting the old one; the others stand in `TraceEventPart`. `how` holds documents,
    entries of the farm log and sensors, of which there are none.
    """

    __tablename__ = "trace_event"
    __table_args__ = (
        CheckConstraint("(kind = 'transformation') = (action IS NULL)", name="action_unless_transformation"),
        CheckConstraint("(serials IS NULL) = (order_id IS NULL)", name="order_iff_serials"),
        CheckConstraint("NOT isempty(serials)", name="serials_not_empty"),
        CheckConstraint("kind <> 'association' OR serials IS NOT NULL", name="association_has_labels"),
        CheckConstraint("grams > 0", name="grams_positive"),
        CheckConstraint("zone_offset ~ '^[+-][0-9]{2}:[0-9]{2}$'", name="zone_offset_form"),
        CheckConstraint("num_nonnulls(area_id, site_id) <= 1", name="at_most_one_source"),
        Index(None, "lot_id", "happened_at"),
        Index(None, "order_id", "happened_at"),
    )

    id: Mapped[uuid_pk]
    kind: Mapped[EventKind]
    action: Mapped[EventAction | None]
    business_step: Mapped[BusinessStep]
    disposition: Mapped[Disposition]
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    zone_offset: Mapped[str]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"))
    grams: Mapped[int | None] = mapped_column(BigInteger)
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("label_order.id"))
    serials: Mapped[Range[int] | None]
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("growing_area.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("production_site.id"))
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    to_party_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    how: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    lot: Mapped[Lot] = relationship()
    order: Mapped[LabelOrder | None] = relationship()
    area: Mapped[GrowingArea | None] = relationship()
    site: Mapped[ProductionSite | None] = relationship()
    commune: Mapped[Commune | None] = relationship()
    party: Mapped[Party] = relationship(foreign_keys=[party_id])
    to_party: Mapped[Party | None] = relationship(foreign_keys=[to_party_id])
    author: Mapped[AppUser] = relationship()
    parts: Mapped[list[TraceEventPart]] = relationship(back_populates="event")


class EventSide(StrEnum):
    """Whether a lot went into a transformation or came out of it."""

    INPUT = "input"
    OUTPUT = "output"


class TraceEventPart(Base):
    """A lot that went into a transformation or came out of it, with its grams. Append-only by trigger."""

    __tablename__ = "trace_event_part"
    __table_args__ = (CheckConstraint("grams > 0", name="grams_positive"),)

    event_id: Mapped[UUID] = mapped_column(ForeignKey("trace_event.id"), primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"), primary_key=True, index=True)
    side: Mapped[EventSide] = mapped_column(stored(EventSide, "side"))
    grams: Mapped[int] = mapped_column(BigInteger)

    event: Mapped[TraceEvent] = relationship(back_populates="parts")
    lot: Mapped[Lot] = relationship()
