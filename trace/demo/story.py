"""What every part of the sample data shares: the session, the dice, the calendar that is relative to the moment of loading.

Deeds are planned in any order and played in the order of time, so that numbers, serials and ledgers grow as they would have.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy import inspect as mapped

from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.config import Config
    from trace.models.areas import GrowingArea, ProductionSite
    from trace.models.certificates import UseCertificate
    from trace.models.labels import LabelOrder
    from trace.models.lots import Lot
    from trace.models.parties import AppUser, Party
    from trace.models.titles import Product, ProtectionTitle, Season

LATEST = timedelta(minutes=20)
"""How long before the moment of loading the last deed was done."""


@dataclass
class Story:
    """The sample city while it is being made. Things are found by the keys of `facts`."""

    session: Session
    config: Config
    at: datetime
    seed: int
    rng: random.Random
    keyring: Keyring
    people: dict[str, AppUser] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    communes: dict[str, str] = field(default_factory=dict)
    titles: dict[str, ProtectionTitle] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    seasons: dict[tuple[str, date], Season] = field(default_factory=dict)
    sources: dict[str, GrowingArea | ProductionSite] = field(default_factory=dict)
    certificates: dict[str, UseCertificate] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    orders: dict[str, LabelOrder] = field(default_factory=dict)
    _planned: list[tuple[datetime, int, Callable[[datetime], object]]] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The day of loading in the city."""
        return self.at.astimezone(CITY).date()

    def day(self, ago: int) -> date:
        """A day of the city before the day of loading (after it, if negative)."""
        return self.today - timedelta(days=ago)

    def moment(self, ago: float, hour: int = 9, minute: int = 0) -> datetime:
        """An hour of a day of the city, never later than shortly before the moment of loading."""
        there = datetime.combine(self.day(int(ago)), time(hour, minute), CITY)
        return min(there, self.at - LATEST)

    def plan(self, when: datetime, deed: Callable[[datetime], object]) -> None:
        """Have a deed done at a moment."""
        self._planned.append((when, len(self._planned), deed))

    def play(self) -> None:
        """Do what was planned, in the order of time; what is planned meanwhile for earlier moments is done next."""
        while self._planned:
            first = min(self._planned, key=_when)
            self._planned.remove(first)
            first[2](first[0])

    def code(self, serial: int) -> str:
        """The code on a label."""
        return next(self.keyring.codes(range(serial, serial + 1)))[1]


def _when(planned: tuple[datetime, int, Any]) -> tuple[datetime, int]:
    return planned[0], planned[1]


class SeededIds:
    """Gives every new row whose key is a UUID one that follows from the seed, as long as it is entered."""

    def __init__(self, session: Session, seed: int) -> None:
        self._session = session
        self._dice = random.Random(f"ids {seed}")  # noqa: S311  sample ids keep nothing secret

    def __enter__(self) -> None:
        event.listen(self._session, "before_flush", self._name)

    def __exit__(self, *_exc: object) -> None:
        event.remove(self._session, "before_flush", self._name)

    def _name(self, session: Session, *_rest: object) -> None:
        for made in _without_id(session):
            made.id = UUID(int=self._dice.getrandbits(128), version=4)


def _without_id(session: Session) -> Iterator[Any]:
    for made in session.new:
        keys = mapped(type(made)).primary_key
        if len(keys) == 1 and keys[0].name == "id" and keys[0].type.python_type is UUID and made.id is None:
            yield made
