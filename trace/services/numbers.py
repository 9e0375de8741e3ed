"""Numbers of records, one series a kind and year, without gaps: the row is locked until the transaction ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from trace.clock import CITY
from trace.models.history import NumberSeries

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def next_number(session: Session, series: str, *, at: datetime) -> str:
    """The next number of a series, such as `PA-2026-00123`. The year is the city's."""
    year = at.astimezone(CITY).year
    return f"{series}-{year}-{take(session, series, year):05d}"


def take(session: Session, series: str, year: int) -> int:
    """The next running number of a series in a year, from 1."""
    statement = (
        insert(NumberSeries)
        .values(series=series, year=year, last=1)
        .on_conflict_do_update(index_elements=["series", "year"], set_={"last": NumberSeries.last + 1})
        .returning(NumberSeries.last)
    )
    return session.scalars(statement).one()
