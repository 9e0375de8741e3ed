"""How long what people's phones left behind is kept, and the nightly work that lets it go.

Scans themselves stay: without the salt of its day, a device's hash leads to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from trace.clock import CITY
from trace.models.scans import BusyDevice, DeviceSalt, UnknownCode
from trace.services import hidden_codes, scan_places

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Periods:
    """Days for which each kind of trace is kept."""

    salts: int = 2
    """Salts of devices. Yesterday's is still wanted for scans around midnight."""
    positions: int = 30
    """Cells and communes; after that the province alone."""
    unknown_codes: int = 400
    """Counts of codes that were never issued."""


@dataclass(frozen=True)
class Gone:
    """How much one night's work let go."""

    salts: int
    positions: int
    tries: int
    unknown_codes: int
    busy_devices: int


def apply(session: Session, periods: Periods, *, at: datetime) -> Gone:
    """Let go what has had its time."""
    today = at.astimezone(CITY).date()
    oldest_salt = str(today - timedelta(days=periods.salts - 1))
    salts = session.execute(delete(DeviceSalt).where(DeviceSalt.day < oldest_salt).returning(DeviceSalt.day)).all()
    unknown = session.execute(
        delete(UnknownCode)
        .where(UnknownCode.hour < at - timedelta(days=periods.unknown_codes))
        .returning(UnknownCode.hour)
    ).all()
    # By these a phone that comes back within a day is known; after it they tell nothing.
    devices = session.execute(
        delete(BusyDevice).where(BusyDevice.at < at - timedelta(days=1)).returning(BusyDevice.at)
    ).all()
    return Gone(
        salts=len(salts),
        positions=scan_places.reduce_old(session, before=at - timedelta(days=periods.positions), at=at),
        tries=hidden_codes.forget_tries(session, before=at - timedelta(days=1)),
        unknown_codes=len(unknown),
        busy_devices=len(devices),
    )
