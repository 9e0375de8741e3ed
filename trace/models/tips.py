"""What the public reports. Who reported lives elsewhere, sealed: nothing here leads to a person."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
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


class Bought(StrEnum):
    """Where the goods were on sale."""

    SHOP = "shop"
    ONLINE = "online"


class Platform(StrEnum):
    """Where on the web, told by the host of the address alone."""

    SHOPEE = "shopee"
    LAZADA = "lazada"
    TIKTOK = "tiktok"
    FACEBOOK = "facebook"
    ZALO = "zalo"
    SENDO = "sendo"
    OTHER = "other"


class TipState(StrEnum):
    """What the reporter may be told."""

    RECEIVED = "received"
    LOOKED_INTO = "looked_into"
    CLOSED = "closed"


class Tip(Base):
    """A suspicion reported by anyone. The follow-up page opens with a secret of which only the hash is kept.

    `cell` is a coarse cell of the map, never a point, and only with consent. `twin_hash` tells the same words from the same network
    apart for an hour; it is a keyed hash and is emptied by the housekeeping.
    """

    __tablename__ = "tip"
    __table_args__ = (
        CheckConstraint("length(description) <= 4000", name="description_bounded"),
        CheckConstraint("octet_length(follow_hash) = 32", name="follow_hash_is_sha256"),
        CheckConstraint("num_nonnulls(place, listing_url, commune_code, seller, cell) > 0", name="somewhere"),
        CheckConstraint("platform IS NULL OR listing_url IS NOT NULL", name="platform_of_a_listing"),
        CheckConstraint("price_vnd BETWEEN 1 AND 1000000000000", name="price_plausible"),
        CheckConstraint("length(seller) <= 200", name="seller_bounded"),
        CheckConstraint("length(cell) <= 40", name="cell_bounded"),
        CheckConstraint("cardinality(differs) <= 5", name="differs_bounded"),
        CheckConstraint(
            "seen_on <= (received_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date", name="seen_before_it_was_reported"
        ),
        CheckConstraint("octet_length(twin_hash) = 32", name="twin_hash_is_sha256"),
        Index(None, "received_at"),
        Index("ix_tip_described", text("text_marks(description)"), postgresql_using="gin"),
        Index(
            "ix_tip_listing",
            text("listing_url gin_trgm_ops"),
            postgresql_using="gin",
            postgresql_where=text("listing_url IS NOT NULL"),
        ),
        Index("ix_tip_cell", "cell", "received_at", postgresql_where=text("cell IS NOT NULL")),
        Index("ix_tip_twin", "twin_hash", postgresql_where=text("twin_hash IS NOT NULL")),
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
    bought: Mapped[Bought] = mapped_column(server_default=text("'shop'"))
    listing_url: Mapped[str | None]
    platform: Mapped[Platform | None]
    seller: Mapped[str | None]
    price_vnd: Mapped[int | None] = mapped_column(BigInteger)
    seen_on: Mapped[date | None]
    cell: Mapped[str | None]
    differs: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    twin_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[TipState]
    answer: Mapped[str | None]
    follow_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)

    commune: Mapped[Commune | None] = relationship()
    photos: Mapped[list[TipPhoto]] = relationship(order_by="TipPhoto.id")
    messages: Mapped[list[TipMessage]] = relationship(order_by="TipMessage.id")


class TipPhoto(Base):
    """A photo that belongs to a tip."""

    __tablename__ = "tip_photo"
    __table_args__ = (UniqueConstraint("tip_id", "file_id"),)

    id: Mapped[bigint_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship()


class TipMessage(Base):
    """What the reporter adds later from the follow-up page. Append-only."""

    __tablename__ = "tip_message"
    __table_args__ = (CheckConstraint("length(btrim(body)) BETWEEN 1 AND 2000", name="body_present"),)

    id: Mapped[bigint_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"), index=True)
    at: Mapped[datetime]
    body: Mapped[str]


class TipUpload(Base):
    """A photo on its way: how much of it has arrived. It has no name, and goes once it is whole or nobody sends on.

    `received` bytes lie on disk under the id; whatever lies behind them was never confirmed and is written anew.
    """

    __tablename__ = "tip_upload"
    __table_args__ = (
        UniqueConstraint("tip_id", "sha256"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("size BETWEEN 1 AND 26214400", name="size_bounded"),
        CheckConstraint("received BETWEEN 0 AND size", name="received_within_size"),
        Index(None, "touched_at"),
    )

    id: Mapped[uuid_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"))
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    touched_at: Mapped[datetime]
