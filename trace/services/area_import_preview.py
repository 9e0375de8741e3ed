"""The rows of an import as a page shows them: by what is wrong with them, with a small picture of each.

What must not live here: judging them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from trace.models.area_imports import AreaImport, AreaImportRow
from trace.models.parties import Commune, Party
from trace.services import area_imports

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from trace.errors import TemThatError

SIZE = 50
SIDE = 48
"""Of the picture, in its own units."""
MOST_DRAWN = 120
"""Points of a ring that a picture of this size shows."""


class Shown(StrEnum):
    """Which rows of an import are shown."""

    ALL = "all"
    FAULTY = "faulty"
    REMARKED = "remarked"
    FINE = "fine"


@dataclass(frozen=True)
class Line:
    """One row with its words."""

    row: AreaImportRow
    holder: str | None
    commune: str | None
    faults: list[TemThatError]
    remarks: list[TemThatError]
    path: str
    """What an SVG path draws, within a square of `SIDE`; empty where there is nothing to draw."""


def lines(session: Session, made: AreaImport, *, shown: Shown, page: int, size: int = SIZE) -> list[Line]:
    """The rows of one page."""
    statement = (
        select(AreaImportRow, func.ST_AsGeoJSON(AreaImportRow.boundary, 7), Party.name, Commune.name)
        .outerjoin(Party, Party.id == AreaImportRow.holder_id)
        .outerjoin(Commune, Commune.code == AreaImportRow.commune_code)
        .where(AreaImportRow.import_id == made.id, *_wanted(shown))
        .order_by(AreaImportRow.row_no)
        .limit(size)
        .offset((page - 1) * size)
    )
    return [
        Line(
            row, holder, commune, area_imports.told(row.faults), area_imports.told(row.remarks),
            picture(json.loads(drawn)) if drawn else "",
        )
        for row, drawn, holder, commune in session.execute(statement)
    ]  # fmt: skip


def count(made: AreaImport, shown: Shown) -> int:
    """How many rows an import has of a kind."""
    return {
        Shown.ALL: made.total,
        Shown.FAULTY: made.faulty,
        Shown.REMARKED: made.remarked,
        Shown.FINE: made.total - made.faulty,
    }[shown]


def picture(shape: dict[str, Any]) -> str:
    """A multipolygon as the path of a small picture, north up."""
    rings = [ring for polygon in shape["coordinates"] for ring in polygon]
    points = [point for ring in rings for point in ring]
    if not points:
        return ""
    west, north = min(point[0] for point in points), max(point[1] for point in points)
    shrink = 0.935  # a degree of longitude against one of latitude at 20.8° N
    wide, high = (max(point[0] for point in points) - west) * shrink, north - min(point[1] for point in points)
    scale = (SIDE - 2) / max(wide, high, 1e-9)
    left, top = (SIDE - wide * scale) / 2, (SIDE - high * scale) / 2
    drawn = []
    for ring in rings:
        step = max(1, len(ring) // MOST_DRAWN)
        corners = " ".join(
            f"{left + (lon - west) * shrink * scale:.1f},{top + (north - lat) * scale:.1f}" for lon, lat in ring[::step]
        )
        drawn.append(f"M{corners}z")
    return "".join(drawn)


def _wanted(shown: Shown) -> list[ColumnElement[bool]]:
    faulty = func.jsonb_array_length(AreaImportRow.faults) > 0
    match shown:
        case Shown.FAULTY:
            return [faulty]
        case Shown.FINE:
            return [~faulty]
        case Shown.REMARKED:
            return [~faulty, func.jsonb_array_length(AreaImportRow.remarks) > 0]
        case Shown.ALL:
            return []
