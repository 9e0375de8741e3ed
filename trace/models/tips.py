"""What the public reports. Who reported lives elsewhere, sealed: nothing here leads to a person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import Commune


class TipReason(StrEnum):
    """Why somebody doubts."""

    LABEL_LOOKS_WRONG = "label_looks_wrong"
    GOODS_DIFFER = "goods_differ"
    NO_LABEL = "no_label"
    SCAN_WARNED = "scan_warned"
    OTHER = "other"


class TipState(StrEnum):
    """What the reporter may be told."""

    RECEIVED = "received"
    LOOKED_INTO = "looked_into"
    CLOSED = "closed"


class Tip(Base):
    """A suspicion reported by anyone. The follow-up page opens with a secret of which only the hash is kept."""

    __tablename__ = "tip"
    __table_args__ = (
        CheckConstraint("length(description) <= 4000", name="description_bounded"),
        CheckConstraint("octet_length(follow_hash) = 32", name="follow_hash_is_sha256"),
        CheckConstraint("place IS NOT NULL OR listing_url IS NOT NULL OR commune_code IS NOT NULL", name="somewhere"),
        Index(None, "received_at"),
    )

    id: Mapped[uuid_pk]
    number: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    serial: Mapped[int | None] = mapped_column(BigInteger, index=True)
    code_text: Mapped[str | None]
    reason: Mapped[TipReason]
    description: Mapped[str]
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str | None]
    listing_url: Mapped[str | None]
    state: Mapped[TipState]
    answer: Mapped[str | None]
    follow_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)

    commune: Mapped[Commune | None] = relationship()
    photos: Mapped[list[TipPhoto]] = relationship(order_by="TipPhoto.id")


class TipPhoto(Base):
    """A photo that belongs to a tip."""

    __tablename__ = "tip_photo"
    __table_args__ = (UniqueConstraint("tip_id", "file_id"),)

    id: Mapped[bigint_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))

    file: Mapped[StoredFile] = relationship()
