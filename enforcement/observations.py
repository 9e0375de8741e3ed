"""What inspectors see in the field: recorded with place, time, code and photos, and put on the desk as a signal at once.

What must not live here: what the desk does with it (`triage`), and the officer-only facts of a label (the registry's pages).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoalchemy2 import WKTElement
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import intake, records
from enforcement.casebook import NotInFuture, said
from enforcement.models import Observation, ObservationPhoto
from labels.errors import LabelError
from trace.errors import Invalid, NotFound
from trace.models.parties import Commune
from trace.services import history, numbers, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.models.files import StoredFile

PHOTOS_MOST = 5
CODE_MOST = 64
PAGE = 50
AROUND = (8.0, 24.0, 102.0, 118.0)
"""Latitudes and longitudes between which an inspector of this country may stand, its sea included."""


class TooManyPhotos(Invalid):
    """At most %(most)s photos go with one observation.

    Choose the ones that show most.
    """


class NoSuchPosition(Invalid):
    """This is no position in this part of the world.

    Write latitude and longitude, for example 20,8449 106,6881, or leave the field empty.
    """


class NoSuchCommune(Invalid):
    """This ward or commune is not in the list.

    Choose one from the list.
    """


def record(
    session: Session,
    *,
    code_text: str | None,
    commune_code: str,
    place: str,
    note: str,
    seen_at: datetime,
    photos: Sequence[StoredFile],
    keyring: Keyring,
    by: UUID,
    at: datetime,
    shop_phone: str | None = None,
    position: tuple[float, float] | None = None,
    accuracy_m: int | None = None,
) -> Observation:
    """Record what was seen, and raise its signal. `position` is latitude and longitude of where the inspector stood. A code whose tag is not ours is kept as text only: it must not point at
    the honest label whose serial it names.
    """
    if seen_at > at:
        raise NotInFuture
    if len(photos) > PHOTOS_MOST:
        raise TooManyPhotos(most=PHOTOS_MOST)
    if session.get(Commune, commune_code) is None:
        raise NoSuchCommune
    if position is not None and not (AROUND[0] <= position[0] <= AROUND[1] and AROUND[2] <= position[1] <= AROUND[3]):
        raise NoSuchPosition
    text = (code_text or "").strip()[:CODE_MOST] or None
    made = Observation(
        number=numbers.next_number(session, "QS", at=at),
        serial=_serial(text, keyring),
        code_text=text,
        seen_at=seen_at,
        recorded_at=at,
        inspector_id=by,
        commune_code=commune_code,
        place=said(place),
        shop_phone=records.phone(shop_phone),
        location=WKTElement(f"POINT({position[1]} {position[0]})", 4326) if position is not None else None,
        accuracy_m=accuracy_m if position is not None else None,
        note=said(note),
        photos=[ObservationPhoto(file_id=file_id) for file_id in dict.fromkeys(photo.id for photo in photos)],
    )
    session.add(made)
    session.flush()
    history.record(session, "observation:record", made.id, by=by, at=at, changes={"number": (None, made.number)})
    intake.from_observation(session, made, at=at)
    return made


def get(session: Session, observation_id: UUID) -> Observation:
    """One observation with its photos."""
    shown = (
        joinedload(Observation.inspector),
        joinedload(Observation.commune),
        selectinload(Observation.photos).joinedload(ObservationPhoto.file),
    )
    found = session.scalars(select(Observation).where(Observation.id == observation_id).options(*shown)).one_or_none()
    if found is None:
        raise NotFound
    return found


def position_of(session: Session, found: Observation) -> tuple[float, float] | None:
    """Latitude and longitude of where it was seen, if that was told."""
    if found.location is None:
        return None
    point = session.execute(
        select(func.ST_Y(Observation.location), func.ST_X(Observation.location)).where(Observation.id == found.id)
    ).one()
    return float(point[0]), float(point[1])


def recent(session: Session, *, q: str = "", page: int = 1) -> tuple[Sequence[Observation], int]:
    """One page of observations, latest first, and how many there are in all."""
    statement = select(Observation)
    if text := places.asked(q):
        statement = statement.where(places.matches(text, Observation.number, Observation.place, Observation.note))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    shown = statement.options(
        joinedload(Observation.inspector), joinedload(Observation.commune), selectinload(Observation.photos)
    )
    ordered = shown.order_by(Observation.seen_at.desc(), Observation.id).limit(PAGE).offset((page - 1) * PAGE)
    return session.scalars(ordered).all(), total


def _serial(text: str | None, keyring: Keyring) -> int | None:
    if text is None:
        return None
    try:
        return keyring.verify(text).serial
    except LabelError:
        return None
