"""Where things lie: boundaries that look like fields and not like squares, inside the right commune, beside one another.

Pure dice and geometry, with the database as judge of what lies inside what.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from trace.models.areas import GrowingArea
from trace.models.parties import Commune

if TYPE_CHECKING:
    import random

    from sqlalchemy.orm import Session

METRES_PER_DEGREE = 110_700.0
"""Of latitude, at twenty-one degrees north."""
TRIES = 200


class NoRoom(Exception):
    """No such field fits into the commune."""


def field_in(session: Session, rng: random.Random, commune_code: str, hectares: float) -> str:
    """A polygon of about this size inside a commune, apart from all areas there are, as well-known text."""
    west, south, east, north = session.execute(
        select(
            func.ST_XMin(Commune.boundary),
            func.ST_YMin(Commune.boundary),
            func.ST_XMax(Commune.boundary),
            func.ST_YMax(Commune.boundary),
        ).where(Commune.code == commune_code)
    ).one()
    for _ in range(TRIES):
        drawn = outline(rng, rng.uniform(west, east), rng.uniform(south, north), hectares)
        shape = func.ST_GeomFromText(drawn, 4326)
        taken = select(GrowingArea.id).where(func.ST_DWithin(GrowingArea.boundary, shape, 0.0004)).exists()
        fits = select(func.ST_IsValid(shape) & func.ST_Within(shape, Commune.boundary) & ~taken).where(
            Commune.code == commune_code
        )
        if session.scalar(fits):
            return drawn
    raise NoRoom(commune_code)


def outline(rng: random.Random, lon: float, lat: float, hectares: float) -> str:
    """An uneven outline around a point: fields follow dykes and paths, so sides are straight and corners many."""
    corners = rng.randint(9, 14)
    stretch, turn = rng.uniform(1.15, 1.7), rng.uniform(0, math.pi)
    steps = [2 * math.pi * (n + rng.uniform(-0.28, 0.28)) / corners for n in range(corners)]
    raw = []
    for angle in steps:
        far = rng.uniform(0.78, 1.18)
        x, y = far * math.cos(angle) * stretch, far * math.sin(angle) / stretch
        raw.append((x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)))
    scale = math.sqrt(hectares * 10_000 / _area(raw))
    across = METRES_PER_DEGREE * math.cos(math.radians(lat))
    ring = [(lon + x * scale / across, lat + y * scale / METRES_PER_DEGREE) for x, y in raw]
    return "MULTIPOLYGON(((" + ", ".join(f"{x:.6f} {y:.6f}" for x, y in [*ring, ring[0]]) + ")))"


def point_in(session: Session, rng: random.Random, commune_code: str, near: tuple[float, float]) -> str:
    """A point inside a commune as near to another point as the coast allows, as well-known text."""
    for widened in range(1, TRIES):
        reach = 0.0015 * widened
        drawn = f"POINT({near[0] + rng.uniform(-reach, reach):.6f} {near[1] + rng.uniform(-reach, reach):.6f})"
        inside = select(func.ST_Within(func.ST_GeomFromText(drawn, 4326), Commune.boundary)).where(
            Commune.code == commune_code
        )
        if session.scalar(inside):
            return drawn
    raise NoRoom(commune_code)


def _area(ring: list[tuple[float, float]]) -> float:
    following = [*ring[1:], ring[0]]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, following, strict=True))) / 2
