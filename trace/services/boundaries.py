"""Checks of boundaries against the map: form, city, territory, neighbours, declared size; one by one or thousands together.

What must not live here: the words (`boundary_faults`), what points alone show (`shapes`), and keeping areas (`areas`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geoalchemy2 import WKBElement
from sqlalchemy import func, select, text

from trace import sizes
from trace.errors import NotFound, TemThatError
from trace.models.parties import Commune
from trace.models.titles import ProtectionTitle
from trace.services import areas, shapes
from trace.services import boundary_faults as faults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy import Result
    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

WHOLE = 0.995
"""From this share on, an area counts as lying wholly within something: maps differ by the width of a line."""
STOPS_OUTSIDE = 0.5
"""An area of which less than this share lies inside cannot be saved; otherwise the share is remarked upon."""
STOPS_OVERLAP = 0.05
"""Overlaps of this share of the smaller area stop saving; smaller ones, as hand-held receivers make, are remarked upon."""
SAME_LAND = 0.95
"""Two areas that share this much of both are the same land."""
WORTH_M2 = 1.0
"""Overlaps below one square metre are rounding."""
MOST_TOLD = 20
"""Neighbours told of one shape, those first that share most with it."""
TILE = 0.004
"""Degrees; shapes that begin within a square of this width are first looked at together."""
ROOM = 0.2
"""Degrees around the city within which a point with its axes exchanged is taken for one of the city."""

_KINDS = {
    "Self-intersection": faults.SelfCrossing,
    "Ring Self-intersection": faults.SelfCrossing,
    "Hole lies outside shell": faults.HoleOutside,
    "Nested holes": faults.HoleOutside,
    "Holes are nested": faults.HoleOutside,
    "Nested shells": faults.PartsOverlap,
    "Duplicate Rings": faults.PartsOverlap,
}

# Where the shapes come from: one in hand, or the rows of a file (`boundary_sets`). `row_no` tells them apart.
ONE = "(SELECT 1 AS row_no, ST_GeomFromEWKB(:shape) AS boundary)"

_INVALID = """
    SELECT c.row_no, d.reason, ST_X(d.location) AS lon, ST_Y(d.location) AS lat
      FROM (SELECT row_no, boundary FROM {source} AS each WHERE NOT ST_IsValid(boundary)) c
      CROSS JOIN LATERAL ST_IsValidDetail(c.boundary) d"""
# Communes and territory stand outside, so that each is made ready once for all shapes; only what crosses a border is cut.
# Shapes near each other are first looked at as one rectangle: what covers that covers them all. Told in groups, for most lie alike.
_PLACE = """
    WITH sound AS NOT MATERIALIZED (SELECT row_no, boundary FROM {source} AS each WHERE row_no <> ALL (cast(:broken AS integer[]))),
    tile AS MATERIALIZED (
        SELECT array_agg(row_no) AS rows,
               ST_MakeEnvelope(min(ST_XMin(box)), min(ST_YMin(box)), max(ST_XMax(box)), max(ST_YMax(box)), 4326) AS frame
          FROM (SELECT row_no, Box3D(boundary) AS box FROM sound OFFSET 0) b
         GROUP BY floor(ST_XMin(box) / :tile), floor(ST_YMin(box) / :tile)),
    told AS MATERIALIZED (
        SELECT unnest(c.rows) AS row_no, min(k.code) AS code
          FROM commune k
          CROSS JOIN LATERAL (SELECT t.rows FROM tile t WHERE k.boundary ~ t.frame AND ST_Covers(k.boundary, t.frame) OFFSET 0) c
         WHERE upper_inf(k.valid_during) GROUP BY 1),
    whole AS MATERIALIZED (
        SELECT row_no, code FROM told
        UNION ALL
        SELECT c.row_no, min(k.code) AS code
          FROM commune k
          CROSS JOIN LATERAL (
              SELECT s.row_no FROM sound s
               WHERE k.boundary ~ s.boundary AND ST_Covers(k.boundary, s.boundary) AND s.row_no NOT IN (SELECT row_no FROM told) OFFSET 0) c
         WHERE upper_inf(k.valid_during) GROUP BY c.row_no),
    parts AS MATERIALIZED (
        SELECT c.row_no, (array_agg(k.code ORDER BY m.share DESC, k.code))[1] AS code, sum(m.share) AS share
          FROM sound c
          JOIN commune k ON k.boundary && c.boundary AND upper_inf(k.valid_during)
          CROSS JOIN LATERAL (
              SELECT ST_Area(ST_Intersection(k.boundary, c.boundary)) / nullif(ST_Area(c.boundary), 0) AS share OFFSET 0) m
         WHERE c.row_no NOT IN (SELECT row_no FROM whole) AND m.share > 0 GROUP BY c.row_no),
    inner_told AS MATERIALIZED (
        SELECT unnest(c.rows) AS row_no
          FROM protection_title t
          CROSS JOIN LATERAL (SELECT l.rows FROM tile l WHERE ST_Covers(t.area, l.frame) OFFSET 0) c
         WHERE t.id = :title_id),
    partly AS MATERIALIZED (
        SELECT s.row_no, CASE WHEN ST_Covers(t.area, s.boundary) THEN 1
                              ELSE ST_Area(ST_Intersection(t.area, s.boundary)) / nullif(ST_Area(s.boundary), 0) END AS inside
          FROM protection_title t JOIN sound s ON s.row_no NOT IN (SELECT row_no FROM inner_told)
         WHERE t.id = :title_id)
    SELECT code, share, inside, array_agg(row_no) AS rows
      FROM (SELECT unnest(rows) AS row_no FROM tile) c
      LEFT JOIN (SELECT row_no, code, 1 AS share FROM whole UNION ALL SELECT row_no, code, share FROM parts) k USING (row_no)
      LEFT JOIN (SELECT row_no, 1 AS inside FROM inner_told UNION ALL SELECT row_no, inside FROM partly) i USING (row_no)
     GROUP BY code, share, inside"""
_NEIGHBOURS = """
    SELECT c.row_no, a.id, a.name, a.holder_id,
           o.shared / nullif(ST_Area(c.boundary), 0) AS of_this, o.shared / nullif(ST_Area(a.boundary), 0) AS of_other
      FROM {source} c
      JOIN growing_area a ON ST_Intersects(a.boundary, c.boundary) AND a.title_id = :title_id
      CROSS JOIN LATERAL (SELECT ST_Area(ST_Intersection(a.boundary, c.boundary)) AS shared OFFSET 0) o
     WHERE c.row_no <> ALL (cast(:broken AS integer[])) AND a.id IS DISTINCT FROM cast(:area_id AS uuid)
       AND ST_Relate(a.boundary, c.boundary, 'T********')"""


@dataclass(frozen=True)
class Source:
    """Where shapes come from: SQL with their `row_no` and `boundary`, and what it is to be given."""

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)

    def ask(self, session: Session, statement: str, **params: object) -> Result[Any]:
        """Ask something about all of them."""
        return session.execute(text(statement.replace("{source}", self.sql)), {**self.params, **params})


@dataclass
class Finding:
    """What the map says about one shape."""

    measured_ha: float = 0.0
    formed: bool = True
    """Whether its form holds, so that it can be compared with others."""
    commune_code: str | None = None
    """The commune that holds most of it."""
    inside: float | None = None
    """Its share within the title's territory, 0 to 1; None where no territory is drawn."""
    faults: list[TemThatError] = field(default_factory=list)
    remarks: list[TemThatError] = field(default_factory=list)


@dataclass(frozen=True)
class Checked:
    """One boundary, judged. Faults stop saving, remarks are shown. `boundary` is None as long as no polygon can be made of it."""

    boundary: WKBElement | None
    shape: dict[str, Any] | None
    """The same as a GeoJSON multipolygon."""
    measured_ha: float
    commune_code: str | None
    inside: float | None
    faults: tuple[TemThatError, ...]
    remarks: tuple[TemThatError, ...]


def check(
    session: Session,
    shape: object,
    *,
    title_id: UUID,
    declared_ha: Decimal | None,
    reach: Reach,
    area_id: UUID | None = None,
) -> Checked:
    """Judge a GeoJSON geometry (or a feature with one) as the boundary of an area of a title.

    `area_id` is the area that has it already, so that it does not overlap itself. Neighbours within reach are named, others are
    another organisation's. Raises only `NotFound`, for a title that is not there.
    """
    read = shapes.from_geojson(shape)
    shapes.judge([read], city_box(session))
    if read.faults:
        return Checked(None, None, 0.0, None, None, tuple(read.faults), ())
    binary = shapes.ewkb(read)
    measured = {1: shapes.hectares([read])[0]}
    source = Source(ONE, {"shape": binary})
    findings = formed(session, source, measured)
    place(session, source, findings, title_id=title_id)
    meet(session, source, findings, title_id=title_id, reach=reach, area_id=area_id)
    found = findings[1]
    if found.measured_ha and declared_ha is not None:
        found.remarks += size_remarks(declared_ha, found.measured_ha)
    return Checked(
        WKBElement(binary, srid=4326, extended=True),
        shapes.geojson(read),
        found.measured_ha,
        found.commune_code,
        found.inside,
        tuple(found.faults),
        tuple(found.remarks),
    )


def formed(session: Session, source: Source, measured: Mapping[int, float]) -> dict[int, Finding]:
    """Whether the form of each shape holds, by row. `measured` gives their hectares."""
    found = {row: Finding(size) for row, size in measured.items()}
    for row in source.ask(session, _INVALID):
        finding = found[row.row_no]
        finding.formed, finding.measured_ha = False, 0.0  # a line that crosses itself encloses nothing certain
        finding.faults.append(_invalid(row.reason, row.lon, row.lat))
    return found


def place(session: Session, source: Source, found: Mapping[int, Finding], *, title_id: UUID) -> None:
    """Say where the shapes lie whose form holds: in which commune, and how much of them in the city and in the title's territory.

    Raises `NotFound` for a title that is not there.
    """
    title = session.scalar(select(ProtectionTitle.name).where(ProtectionTitle.id == title_id))
    if title is None:
        raise NotFound
    for alike in source.ask(session, _PLACE, title_id=title_id, tile=TILE, broken=_broken(found)):
        for row in alike.rows:
            finding = found[row]
            finding.commune_code, finding.inside = alike.code, alike.inside
            _judge_place(finding, alike.share or 0.0, title)


def meet(
    session: Session,
    source: Source,
    found: Mapping[int, Finding],
    *,
    title_id: UUID,
    reach: Reach,
    area_id: UUID | None = None,
) -> None:
    """Say which areas of the register the shapes overlap whose form holds."""
    others: dict[int, list[Any]] = defaultdict(list)
    for row in source.ask(session, _NEIGHBOURS, title_id=title_id, area_id=area_id, broken=_broken(found)):
        others[row.row_no].append(row)
    for number, rows_of in others.items():
        for row in sorted(rows_of, key=lambda each: -each.of_this)[:MOST_TOLD]:
            seen = row.name if reach.includes(holder_id=row.holder_id, title_id=title_id) else None
            judge_overlap(found[number], row.of_this, row.of_other, seen)


def _broken(found: Mapping[int, Finding]) -> list[int]:
    return [row for row, finding in found.items() if not finding.formed]


def city_box(session: Session) -> shapes.Box:
    """The rectangle that holds all communes, with room around it."""
    extent = func.ST_Extent(Commune.boundary)
    west, south, east, north = session.execute(
        select(func.ST_XMin(extent), func.ST_YMin(extent), func.ST_XMax(extent), func.ST_YMax(extent))
    ).one()
    if west is None:  # no commune is loaded, so nothing can be said to lie outside
        return shapes.Box(-180, -90, 180, 90)
    return shapes.Box(west - ROOM, south - ROOM, east + ROOM, north + ROOM)


def size_remarks(declared_ha: Decimal, measured_ha: float) -> list[TemThatError]:
    """What to say about a declared size, in hectares."""
    check = areas.check_size(declared_ha, measured_ha)
    if check is areas.SizeCheck.AGREES:
        return []
    off = abs(float(declared_ha) / measured_ha - 1)
    kind = faults.DeclaredMore if check is areas.SizeCheck.DECLARED_MORE else faults.DeclaredLess
    return [kind(declared=declared_ha, measured=sizes.hectares(measured_ha), percent=round(off * 100, 1))]


def judge_overlap(finding: Finding, of_this: float, of_other: float, name: str | None) -> None:
    """Say that a shape shares land with another; `name` is None for what the reader may not know."""
    metres = of_this * finding.measured_ha * 10_000
    if metres < WORTH_M2:
        return
    if min(of_this, of_other) >= SAME_LAND:
        percent = percents(min(of_this, of_other))
        finding.faults.append(
            faults.DuplicateOfArea(name=name, percent=percent)
            if name
            else faults.DuplicateOfOtherOrganisation(percent=percent)
        )
        return
    facts = {"square_metres": round(metres), "percent": percents(of_this)}
    said = faults.OverlapsArea(name=name, **facts) if name else faults.OverlapsOtherOrganisation(**facts)
    (finding.faults if max(of_this, of_other) >= STOPS_OVERLAP else finding.remarks).append(said)


def percents(share: float) -> float:
    """A share in per cent, not rounded to nothing or to all."""
    return min(99.9, max(0.1, round(share * 100, 1))) if 0 < share < 0.9999 else round(share * 100, 1)


def _judge_place(finding: Finding, in_city: float, title: str) -> None:
    if in_city < WHOLE:
        said = faults.PartlyOutsideCity(percent=percents(1 - in_city))
        (finding.faults if in_city < STOPS_OUTSIDE else finding.remarks).append(said)
    if finding.inside is not None and finding.inside < WHOLE:
        outside = faults.OutsideTerritory(percent=percents(1 - finding.inside), title=title)
        (finding.faults if finding.inside < STOPS_OUTSIDE else finding.remarks).append(outside)


def _invalid(reason: str, lon: float | None, lat: float | None) -> TemThatError:
    kind = _KINDS.get(reason, faults.NotValid)
    return kind(where=shapes.place(lon, lat) if lon is not None and lat is not None else "–")
