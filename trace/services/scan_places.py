"""Where people were when they looked at a label, if they wish to tell: a cell of about five kilometres or a place chosen from a list.

Nothing is kept without a tick that was not set beforehand, and whoever holds the secret of it takes it back. The place by network
address is never asked for. What must not live here: what provinces mean for a verdict (`verify_label`).
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.parties import Commune
from trace.models.scans import PlaceTold, Scan, ScanKind, ScanPosition
from trace.services import provinces

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

CELLS_PER_DEGREE = 20
"""0.05 degrees: 5.5 km from north to south, 5.2 km from west to east here."""

CONSENT = "2026-11"
"""The version of the text that people agree to. A change of its wording is a new version; old ones stay on record with the rows."""


class ConsentMissing(Invalid):
    """Tick the box if you agree. Without it nothing about where you are is kept."""


class NoPlace(Invalid):
    """Choose a ward or commune of the city, or another province."""


class OutsideTheCity(Invalid):
    """This place is not within a ward or commune of the city, so the province is not known.

    Choose the ward, commune or province from the list.
    """


class NoLookToday(Conflict):
    """There is no look at this label from this phone today that the place could belong to.

    Scan the label again and then tell where you are.
    """


class ToldBefore(Conflict):
    """This phone has told where it was for this label today.

    Take that back first, with the link you were given, if it was wrong.
    """


class NoSuchPosition(NotFound):
    """There is no position under this address.

    Compare the address with the one you were given, to the last character.
    """


@dataclass(frozen=True)
class Cell:
    """A cell of the grid, counted from the equator and the meridian of Greenwich."""

    row: int
    column: int

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of its middle, degrees."""
        return (self.row + 0.5) / CELLS_PER_DEGREE, (self.column + 0.5) / CELLS_PER_DEGREE


def cell_of(latitude: float, longitude: float) -> Cell:
    """The cell around a point; raises `NoPlace` for what is no point on Earth."""
    if not (-90 <= latitude < 90 and -180 <= longitude < 180):  # also refuses NaN
        raise NoPlace
    return Cell(math.floor(latitude * CELLS_PER_DEGREE), math.floor(longitude * CELLS_PER_DEGREE))


def tell(
    session: Session, serial: int, *, device: bytes, agreed: bool, at: datetime, cell: Cell | None = None, commune_code: str | None = None,
    province: int | None = None,
) -> str:  # fmt: skip
    """Keep where a device was that looked at a label today. Returns the secret that takes it back, which is kept only as a hash.

    A cell decides the commune by its middle. Outside the city the cell is kept with the province chosen; without a cell, what was chosen.
    Raises `Refused` with all that is missing.
    """
    reasons: list[TemThatError] = [] if agreed else [ConsentMissing()]
    on = at.astimezone(CITY).date()
    told = PlaceTold.CHOSEN
    if cell is not None:
        told = PlaceTold.CELL
        within = _commune_at(session, cell, at)
        if within is not None:
            commune_code, province = within, provinces.HOME
    if commune_code is not None and province is None:
        known = select(Commune.code).where(Commune.code == commune_code, Commune.valid_during.contains(on))
        province = provinces.HOME if session.scalar(known) else None
    if province not in provinces.NAMES or (commune_code is not None and province != provinces.HOME):
        reasons.append(OutsideTheCity() if cell is not None else NoPlace())
    if reasons:
        raise Refused(reasons)
    begun = at.astimezone(CITY).replace(hour=0, minute=0, second=0, microsecond=0)
    looked = select(func.max(Scan.at)).where(
        Scan.serial == serial, Scan.device == device, Scan.at >= begun, Scan.at <= at,
        Scan.kind.in_((ScanKind.REAL, ScanKind.RELOAD)),
    )  # fmt: skip
    looked_at = session.scalar(looked.having(func.bool_or(Scan.kind == ScanKind.REAL)))
    if looked_at is None:
        raise NoLookToday
    before = select(ScanPosition.id).where(ScanPosition.serial == serial, ScanPosition.device == device)
    if session.scalar(before) is not None:
        raise ToldBefore
    secret = secrets.token_urlsafe(24)
    session.add(
        ScanPosition(
            serial=serial, device=device, at=at, looked_at=looked_at, told=told, cell_row=cell.row if cell else None, cell_column=cell.column if cell else None,
            commune_code=commune_code, province=province, consent_version=CONSENT, secret_hash=_hashed(secret),
        )
    )  # fmt: skip
    session.flush()
    return secret


def find(session: Session, secret: str) -> ScanPosition:
    """What was told under a secret; raises `NoSuchPosition`."""
    found = session.scalars(select(ScanPosition).where(ScanPosition.secret_hash == _hashed(secret))).one_or_none()
    if found is None:
        raise NoSuchPosition
    return found


def withdraw(session: Session, secret: str, *, at: datetime) -> ScanPosition:
    """Take back where one was: place, label and device go, and only that something was taken back is left. Again changes nothing."""
    found = find(session, secret)
    if found.withdrawn_at is None:
        found.serial = found.device = found.cell_row = found.cell_column = found.commune_code = found.province = (
            found.looked_at
        ) = None
        found.withdrawn_at = at
        session.flush()
    return found


def reduce_old(session: Session, *, before: datetime, at: datetime) -> int:
    """Leave only the province of what was told before a moment; how many were reduced."""
    reduced = session.execute(
        update(ScanPosition)
        .where(ScanPosition.at < before, ScanPosition.reduced_at.is_(None), ScanPosition.withdrawn_at.is_(None))
        .values(cell_row=None, cell_column=None, commune_code=None, reduced_at=at)
        .returning(ScanPosition.id)
    )
    return len(reduced.all())


def _commune_at(session: Session, cell: Cell, at: datetime) -> str | None:
    latitude, longitude = cell.centre
    point = func.ST_SetSRID(func.ST_MakePoint(longitude, latitude), 4326)
    return session.scalars(
        select(Commune.code)
        .where(func.ST_Covers(Commune.boundary, point), Commune.valid_during.contains(at.astimezone(CITY).date()))
        .order_by(Commune.code)
        .limit(1)
    ).first()


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret[:200].encode("utf-8", "replace")).digest()
