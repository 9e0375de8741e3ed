"""Numbers of documents: a series for each unit, form and year of the city, without gaps.

The number is taken in the transaction that issues the document, under the lock of the series' row, so that a document that is not issued after
all leaves no gap. A cancelled document keeps its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trace.clock import CITY
from trace.errors import Conflict
from trace.services import numbers

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from enforcement.models import IssuingUnit

MOST = 9999


class SeriesFull(Conflict):
    """The series of this form has reached %(most)s this year, the last number of four digits.

    Enter a sub-unit with a code of its own, or change the symbol of the form.
    """


class Taken(NamedTuple):
    """A number: the year of its series, its place in it, and how it is written."""

    year: int
    sequence: int
    text: str


def take(session: Session, unit: IssuingUnit, code: str, symbol: str, *, at: datetime) -> Taken:
    """The next number of a form: two digits of the unit, two of the sub-unit, four of the series, the symbol."""
    year = at.astimezone(CITY).year
    sequence = numbers.take(session, f"document:{unit.id}:{code}", year)
    if sequence > MOST:
        raise SeriesFull(most=MOST)
    return Taken(year, sequence, f"{unit.unit_code}{unit.sub_unit_code}{sequence:04d}/{symbol}")
