"""The city's calendar: days that differ from their weekday. A year is known only once somebody has said that its days are complete."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from trace.models.base import Base


class Holiday(Base):
    """A day off by law or decision, or a Saturday worked in exchange."""

    __tablename__ = "holiday"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]
    source: Mapped[str]
    is_worked: Mapped[bool] = mapped_column(server_default=text("false"))
    needs_verification: Mapped[bool]


class CalendarYear(Base):
    """A year whose days off are complete, so that deadlines may be counted across it. `entered_by` empty: it came with the programme."""

    __tablename__ = "calendar_year"
    __table_args__ = (CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),)

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    entered_at: Mapped[datetime | None]
    entered_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
