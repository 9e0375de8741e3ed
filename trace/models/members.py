"""Members of a collective, and the tables that people bring in to record many things at once."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.area_imports import ImportState
from trace.models.base import Base, Revised, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party


class Membership(Revised, Base):
    """A household or person as member of a collective over a period.

    Name, kind, tax code, telephone and place stand with the party; what the collective keeps of its member stands here. The personal
    number is what the collective was shown; it is never compared between collectives.
    """

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("collective_id <> member_id", name="not_itself"),
        CheckConstraint("code ~ '^[0-9A-Za-zĐđ./_-]{1,30}$'", name="code_form"),
        CheckConstraint("national_id ~ '^[0-9]{12}$'", name="national_id_form"),
        CheckConstraint("declared_ha > 0 AND declared_ha <= 100000", name="declared_ha_plausible"),
        CheckConstraint("NOT isempty(member_during) AND NOT lower_inf(member_during)", name="period_begins"),
        CheckConstraint("upper_inf(member_during) = (left_because IS NULL)", name="reason_iff_left"),
        ExcludeConstraint(
            ("collective_id", "="), ("member_id", "="), ("member_during", "&&"), using="gist", name="ex_membership_once"
        ),
        ExcludeConstraint(
            ("collective_id", "="), ("code", "="), ("member_during", "&&"), using="gist", name="ex_membership_code"
        ),
        ExcludeConstraint(
            ("collective_id", "="), ("national_id", "="), ("member_during", "&&"), using="gist", name="ex_membership_national_id"
        ),
        Index(None, "member_id"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    collective_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    code: Mapped[str]
    national_id: Mapped[str | None]
    declared_ha: Mapped[Decimal | None]
    member_during: Mapped[Range[date]]
    left_because: Mapped[str | None]
    recorded_at: Mapped[datetime]
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    collective: Mapped[Party] = relationship(foreign_keys=[collective_id])
    member: Mapped[Party] = relationship(foreign_keys=[member_id])


class TableKind(StrEnum):
    """What the rows of a table record."""

    MEMBERS = "members"
    AREAS = "areas"
    LOTS = "lots"
    VISITS = "visits"


class TableImport(Base):
    """A table that somebody brought in. What is in its file is judged anew whenever it is looked at, as long as the file is kept."""

    __tablename__ = "table_import"
    __table_args__ = (
        CheckConstraint(
            "total >= 0 AND faulty >= 0 AND known >= 0 AND faulty + known <= total AND taken BETWEEN 0 AND total",
            name="counts_fit",
        ),
        CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="end_has_time"),
        CheckConstraint("(finished_at IS NULL) = (finished_by IS NULL)", name="end_has_person"),
        CheckConstraint("state = 'done' OR taken = 0", name="taken_when_done"),
        Index(None, "asked_by", "asked_at"),
    )

    id: Mapped[uuid_pk]
    kind: Mapped[TableKind]
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    """For whom the rows are recorded."""
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    state: Mapped[ImportState] = mapped_column(server_default=ImportState.OPEN.value)
    total: Mapped[int] = mapped_column(server_default="0")
    faulty: Mapped[int] = mapped_column(server_default="0")
    known: Mapped[int] = mapped_column(server_default="0")
    """Rows that the register holds already, word for word: they are left as they are."""
    taken: Mapped[int] = mapped_column(server_default="0")
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    finished_at: Mapped[datetime | None]
    finished_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    holder: Mapped[Party] = relationship()
    file: Mapped[StoredFile] = relationship()
    asker: Mapped[AppUser] = relationship(foreign_keys=[asked_by])
