"""The people who trusted us with their name (schema `informant`). Nothing else in the system leads here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trace.models.base import Base, bigint_pk


class InformantContact(Base):
    """How to reach the person behind a tip, sealed under a key of its own. Nothing else in the system leads here.

    Once the consent is withdrawn the seal and what is in it are gone; that there was one, and when it went, stays.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("(sealed IS NULL) = (withdrawn_at IS NOT NULL)", name="sealed_until_withdrawn"),
        {"schema": "informant"},
    )

    tip_id: Mapped[UUID] = mapped_column(ForeignKey("tip.id"), primary_key=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    consented_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class InformantReading(Base):
    """Every opening of a sealed contact: who, when, why. Append-only."""

    __tablename__ = "reading"
    __table_args__ = (
        CheckConstraint("length(btrim(reason)) >= 10", name="reason_said"),
        {"schema": "informant"},
    )

    id: Mapped[bigint_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("informant.contact.tip_id"), index=True)
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str]
