"""The people who trusted us with their name (schema `informant`). Nothing else in the system leads here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, LargeBinary, event, text
from sqlalchemy.orm import Mapped, mapped_column

from trace.models.base import Base, bigint_pk, uuid_pk


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


class InformantOpening(Base):
    """One wish to read a contact: who asked and why, which other person agreed or refused, and when it was read. Never deleted."""

    __tablename__ = "opening"
    __table_args__ = (
        CheckConstraint("length(btrim(reason)) >= 10", name="reason_said"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("decided_by <> asked_by", name="two_persons"),
        CheckConstraint(
            "agreed IS NOT FALSE OR coalesce(length(btrim(refused_because)), 0) >= 10", name="refusal_explained"
        ),
        CheckConstraint("read_at IS NULL OR agreed", name="read_if_agreed"),
        Index("uq_opening_pending", "tip_id", unique=True, postgresql_where=text("decided_at IS NULL")),
        {"schema": "informant"},
    )

    id: Mapped[uuid_pk]
    tip_id: Mapped[UUID] = mapped_column(ForeignKey("informant.contact.tip_id"), index=True)
    reason: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    agreed: Mapped[bool | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    refused_because: Mapped[str | None]
    read_at: Mapped[datetime | None]


class InformantReading(Base):
    """Every opening of a sealed contact: who, when, why. Append-only. Each rests on another person's agreement and uses it up."""

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
    # Empty only for readings from before two persons were asked for.
    opening_id: Mapped[UUID | None] = mapped_column(ForeignKey("informant.opening.id"), unique=True)


# Whoever writes around the rules is stopped here: no reading without another person's agreement to this very reader and report.
AGREED_READING = """
CREATE OR REPLACE FUNCTION informant.check_reading() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM informant.opening o
         WHERE o.id = NEW.opening_id AND o.tip_id = NEW.tip_id AND o.asked_by = NEW."by" AND o.agreed AND o.read_at IS NULL
           AND NEW.at BETWEEN o.decided_at AND o.decided_at + interval '24 hours'
    ) THEN
        RAISE EXCEPTION 'a reading needs the agreement of another person' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'agreed_by_another';
    END IF;
    UPDATE informant.opening SET read_at = NEW.at WHERE id = NEW.opening_id;
    RETURN NEW;
END
$$
"""
READING_AGREED = "CREATE TRIGGER agreed_by_another BEFORE INSERT ON informant.reading FOR EACH ROW EXECUTE FUNCTION informant.check_reading()"
# What was asked stays as it was asked; an answer is given once; nothing is deleted.
KEEP_OPENING = """
CREATE OR REPLACE FUNCTION informant.keep_opening() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.tip_id, NEW.reason, NEW.asked_at, NEW.asked_by) = (OLD.id, OLD.tip_id, OLD.reason, OLD.asked_at, OLD.asked_by)
       AND (OLD.decided_at IS NULL OR (NEW.agreed, NEW.decided_at, NEW.decided_by) = (OLD.agreed, OLD.decided_at, OLD.decided_by)
            AND NEW.refused_because IS NOT DISTINCT FROM OLD.refused_because)
       AND (OLD.read_at IS NULL OR NEW.read_at = OLD.read_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a wish to read a contact is never rewritten' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'opening_kept';
END
$$
"""
OPENING_KEPT = "CREATE TRIGGER opening_kept BEFORE UPDATE OR DELETE ON informant.opening FOR EACH ROW EXECUTE FUNCTION informant.keep_opening()"

for _table, _texts in (
    (InformantOpening, (KEEP_OPENING, OPENING_KEPT)),
    (InformantReading, (AGREED_READING, READING_AGREED)),
):
    for _text in _texts:
        event.listen(_table.__table__, "after_create", DDL(_text.replace("%", "%%")))  # type: ignore[no-untyped-call]
