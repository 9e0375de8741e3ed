"""Who did what, when and why; the numbers of records; and the keys that make a repeated form harmless."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk
from trace.models.parties import AppUser


class History(Base):
    """One deed, written in the transaction that did it. Append-only by trigger.

    `deed` is `subject:verb` ("certificate:suspend"); `changes` maps a field to `[old, new]`.
    """

    __tablename__ = "history"
    __table_args__ = (
        CheckConstraint("deed ~ '^[a-z_]+:[a-z_]+$'", name="deed_form"),
        Index(None, "subject_id", "at"),
        Index(None, "at"),
    )

    id: Mapped[bigint_pk]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    deed: Mapped[str]
    subject_id: Mapped[UUID]
    changes: Mapped[dict[str, Any]]
    why: Mapped[str | None]

    author: Mapped[AppUser | None] = relationship()


class NumberSeries(Base):
    """The last number given in a series of a year ("PA", 2026). A locked row: no gaps, no doubles."""

    __tablename__ = "number_series"
    __table_args__ = (CheckConstraint("last > 0", name="last_positive"),)

    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class IdempotencyKey(Base):
    """A form that was carried out: its key, whose it was, what it held (a hash) and where its result is shown."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 8 AND 80", name="key_length"),
        CheckConstraint("octet_length(body_hash) = 32", name="body_hash_is_sha256"),
        Index(None, "at"),
    )

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    location: Mapped[str]
    at: Mapped[datetime]
