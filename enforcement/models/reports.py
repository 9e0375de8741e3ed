"""Reports of the desk over a period: figures frozen with their moment, signed once, kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser, Commune, Party


class DeskReport(Base):
    """Figures of a period, for a unit and a commune if named, as they stood when they were drawn up. A draft takes remarks; signed it is fixed.

    `last_day` belongs to the period. Several drafts may stand; only one of a period, unit and commune is signed.
    """

    __tablename__ = "desk_report"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("num_nonnulls(signed_at, signed_by, number) IN (0, 3)", name="signed_whole"),
        CheckConstraint("length(remarks) <= 10000", name="remarks_bounded"),
        Index(
            "uq_desk_report_signed",
            "first_day",
            "last_day",
            "unit_id",
            "commune_code",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("signed_at IS NOT NULL"),
        ),
        Index(None, "number", unique=True),
        DESK,
    )

    id: Mapped[uuid_pk]
    first_day: Mapped[date]
    last_day: Mapped[date]
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    figures: Mapped[dict[str, Any]]
    remarks: Mapped[str] = mapped_column(server_default="")
    number: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    unit: Mapped[Party | None] = relationship()
    commune: Mapped[Commune | None] = relationship()
    drawer: Mapped[AppUser] = relationship(foreign_keys=[drawn_by])
    signer: Mapped[AppUser | None] = relationship(foreign_keys=[signed_by])


# The figures are counted once. Remarks are written and the name is put under it while it is a draft; nothing changes after.
KEEP_REPORT = """
CREATE OR REPLACE FUNCTION enforcement.keep_report() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.signed_at IS NULL
       AND (NEW.id, NEW.first_day, NEW.last_day, NEW.drawn_at, NEW.drawn_by, NEW.figures)
           = (OLD.id, OLD.first_day, OLD.last_day, OLD.drawn_at, OLD.drawn_by, OLD.figures)
       AND NEW.unit_id IS NOT DISTINCT FROM OLD.unit_id AND NEW.commune_code IS NOT DISTINCT FROM OLD.commune_code
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the figures of a report are frozen' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'desk_report_frozen';
END
$$
"""
DESK_REPORT_FROZEN = (
    "CREATE TRIGGER desk_report_frozen BEFORE UPDATE OR DELETE ON enforcement.desk_report "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_report()"
)

for _sql in (KEEP_REPORT, DESK_REPORT_FROZEN):
    event.listen(Base.metadata, "after_create", DDL(_sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
