"""What inspectors saw in the field."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Commune


class Observation(Base):
    """What an inspector saw in the field, at a place and time, usually of one scanned label."""

    __tablename__ = "observation"
    __table_args__ = (
        CheckConstraint("length(btrim(note)) BETWEEN 1 AND 4000", name="note_present"),
        CheckConstraint("accuracy_m >= 0", name="accuracy_not_negative"),
        CheckConstraint("shop_phone ~ '^0[0-9]{8,10}$'", name="shop_phone_digits"),
        Index("ix_observation_noted", text("public.text_marks(note)"), postgresql_using="gin"),
        DESK,
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    serial: Mapped[int | None] = mapped_column(BigInteger, index=True)
    code_text: Mapped[str | None]
    seen_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    inspector_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str]
    shop_phone: Mapped[str | None]
    """The telephone that the shop shows."""
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    accuracy_m: Mapped[int | None]
    note: Mapped[str]

    inspector: Mapped[AppUser] = relationship()
    commune: Mapped[Commune] = relationship()
    photos: Mapped[list[ObservationPhoto]] = relationship(order_by="ObservationPhoto.id")


class ObservationPhoto(Base):
    """A photo of an observation."""

    __tablename__ = "observation_photo"
    __table_args__ = (UniqueConstraint("observation_id", "file_id"), DESK)

    id: Mapped[bigint_pk]
    observation_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.observation.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship()
