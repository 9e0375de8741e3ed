"""The city's calendar: days that differ from their weekday. A year is known only if it has rows."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
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
