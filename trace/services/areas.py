"""Growing areas with their measured size and share within the territory, and production sites.

Boundaries are for staff within reach only; nothing here may be called by a public page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography
from sqlalchemy import ColumnElement, Float, case, cast, func, select, union
from sqlalchemy.orm import Session, defer, joinedload

from trace.errors import NotFound
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode, ProductionSite
from trace.models.certificates import CertificateSource, UseCertificate
from trace.models.parties import Commune, Party
from trace.models.titles import ProtectionTitle
from trace.services import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy.sql.base import ExecutableOption

    from trace.services.reach import Reach

WORTH_A_WORD = 0.10
"""The share by which declared and measured hectares may differ before the page says so (ux.md S9)."""


class SizeCheck(StrEnum):
    """How the declared size compares with the drawn boundary."""

    AGREES = "agrees"
    DECLARED_MORE = "declared_more"
    DECLARED_LESS = "declared_less"


@dataclass(frozen=True)
class Line:
    """A growing area in the list."""

    area: GrowingArea
    measured_ha: float
    active_codes: int
    box: tuple[float, ...]
    """West, south, east and north, in degrees."""


@dataclass(frozen=True)
class AreaPage:
    """A growing area with what its boundary says. `inside` is its share within the title's territory, 0 to 1."""

    area: GrowingArea
    measured_ha: float
    inside: float | None
    shape: dict[str, Any]
    territory: dict[str, Any] | None

    @property
    def difference(self) -> float:
        """Declared over measured, minus one: 0.12 is twelve per cent too many declared."""
        return float(self.area.declared_ha) / self.measured_ha - 1

    @property
    def size_check(self) -> SizeCheck:
        """Whether declared and measured size agree well enough."""
        return check_size(self.area.declared_ha, self.measured_ha)


def check_size(declared_ha: Decimal, measured_ha: float) -> SizeCheck:
    """Compare a declared with a measured size, in hectares."""
    difference = round(float(declared_ha) / measured_ha - 1, 6)
    if abs(difference) <= WORTH_A_WORD:
        return SizeCheck.AGREES
    return SizeCheck.DECLARED_MORE if difference > 0 else SizeCheck.DECLARED_LESS


def listing(
    session: Session,
    *,
    reach: Reach,
    on: date,
    q: str = "",
    commune: str = "",
    title_id: UUID | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[list[Line], int]:
    """Growing areas within reach, by name, and how many there are in all; with a size of 0 only how many."""
    wanted = conditions(reach=reach, q=q, commune=commune, title_id=title_id)
    running = (
        select(func.count(GrowingAreaCode.code.distinct()))
        .where(
            GrowingAreaCode.area_id == GrowingArea.id, GrowingAreaCode.status == AreaCodeStatus.ACTIVE,
            GrowingAreaCode.valid_during.contains(on),
        )
        .scalar_subquery()
    )  # fmt: skip
    # What is not shown is not measured: the page is picked by name alone.
    order = (places.in_order(GrowingArea.name), GrowingArea.id)
    if places.asked(q) and size:
        shown, total = _found(session, wanted, page, size)
    else:
        total = session.scalar(select(func.count(GrowingArea.id)).where(*wanted)) or 0
        picked = select(GrowingArea.id).where(*wanted).order_by(*order).limit(size).offset((page - 1) * size)
        shown = session.scalars(picked).all() if size and total else []
    if not shown:
        return [], total
    statement = (
        select(GrowingArea, _hectares(), running, *_box(GrowingArea.boundary))
        .where(GrowingArea.id.in_(shown))
        .order_by(*order)
        .options(*in_words(GrowingArea), defer(GrowingArea.boundary))
    )
    return [
        Line(area, measured, codes, tuple(box)) for area, measured, codes, *box in session.execute(statement)
    ], total


def _found(session: Session, wanted: Sequence[ColumnElement[bool]], page: int, size: int) -> tuple[Sequence[UUID], int]:
    """The ids of a page and how many there are in all, searched for once."""
    found = select(GrowingArea.id, GrowingArea.name).where(*wanted).cte("found")
    total = select(func.count()).select_from(found).scalar_subquery()
    picked = (
        select(found.c.id, total)
        .order_by(found.c.name.collate(places.VIETNAMESE), found.c.id)
        .limit(size)
        .offset((page - 1) * size)
    )
    rows = session.execute(picked).all()
    if not rows:  # beyond the last page, or nothing
        return [], session.scalar(select(total)) or 0 if page > 1 else 0
    return [row[0] for row in rows], rows[0][1]


def conditions(
    *, reach: Reach, q: str = "", commune: str = "", title_id: UUID | None = None
) -> list[ColumnElement[bool]]:
    """What the filters of the list and of the map ask of an area: name, holder, code or commune (old names too) answer a text."""
    wanted: list[ColumnElement[bool]] = [reach.covers(GrowingArea.holder_id, GrowingArea.title_id)]
    if places.asked(q):
        # Each by its own index; joined by OR, none would be used.
        named = select(GrowingArea.id).where(places.matches(q, GrowingArea.name))
        coded = select(GrowingAreaCode.area_id).where(places.matches(q, GrowingAreaCode.code))
        holders = select(Party.id).where(places.matches(q, Party.name))
        held = select(GrowingArea.id).where(GrowingArea.holder_id.in_(holders))
        there = select(GrowingArea.id).where(places.in_commune(q, GrowingArea.commune_code))
        wanted.append(GrowingArea.id.in_(union(named, coded, held, there)))
    if commune:
        wanted.append(GrowingArea.commune_code == commune)
    if title_id:
        wanted.append(GrowingArea.title_id == title_id)
    return wanted


def in_words(model: type[GrowingArea | ProductionSite]) -> tuple[ExecutableOption, ...]:
    """Load whose and where a source is by name, without the outlines of communes and territories, which weigh megabytes."""
    return (
        joinedload(model.holder),
        joinedload(model.commune).load_only(Commune.name, Commune.kind),
        joinedload(model.title).defer(ProtectionTitle.area),
    )


def sites(
    session: Session,
    *,
    reach: Reach,
    q: str = "",
    commune: str = "",
    title_id: UUID | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[Sequence[ProductionSite], int]:
    """Production sites within reach, by name, and how many there are in all; with a size of 0 only how many."""
    wanted: list[ColumnElement[bool]] = [reach.covers(ProductionSite.holder_id, ProductionSite.title_id)]
    if places.asked(q):
        wanted.append(
            places.matches(q, ProductionSite.name, Party.name) | places.in_commune(q, ProductionSite.commune_code)
        )
    if commune:
        wanted.append(ProductionSite.commune_code == commune)
    if title_id:
        wanted.append(ProductionSite.title_id == title_id)
    base = select(ProductionSite).join(ProductionSite.holder).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    if not size or not total:
        return [], total
    statement = (
        base.order_by(places.in_order(ProductionSite.name), ProductionSite.id)
        .limit(size)
        .offset((page - 1) * size)
        .options(*in_words(ProductionSite))
    )
    return session.scalars(statement).all(), total


def show(session: Session, area_id: UUID, *, reach: Reach) -> AreaPage:
    """One area with measures and shapes; not within reach is not found."""
    shared = func.ST_Intersection(GrowingArea.boundary, ProtectionTitle.area)
    inside = case(
        (ProtectionTitle.area.is_(None), None),
        else_=_square_metres(shared) / func.nullif(_square_metres(GrowingArea.boundary), 0),
    )
    statement = (
        select(
            GrowingArea,
            _hectares(),
            cast(inside, Float),
            func.ST_AsGeoJSON(GrowingArea.boundary, 6),
            func.ST_AsGeoJSON(func.ST_SimplifyPreserveTopology(ProtectionTitle.area, 0.0003), 5),
        )
        .join(GrowingArea.title)
        .where(GrowingArea.id == area_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id))
        .options(*in_words(GrowingArea), defer(GrowingArea.boundary))
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    area, measured, share, shape, territory = row
    return AreaPage(area, measured, share, json.loads(shape), json.loads(territory) if territory else None)


def certificates_of(session: Session, area_id: UUID, *, reach: Reach) -> Sequence[UseCertificate]:
    """The certificates that cover an area, latest first."""
    statement = (
        select(UseCertificate)
        .join(CertificateSource)
        .where(CertificateSource.area_id == area_id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id))
        .order_by(func.upper(UseCertificate.valid_during).desc())
    )
    return session.scalars(statement).all()


def _box(shape: Any) -> tuple[ColumnElement[float], ...]:
    return tuple(getattr(func, name)(shape) for name in ("ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax"))


def _square_metres(shape: Any) -> ColumnElement[float]:
    return func.ST_Area(cast(shape, Geography(srid=4326)))


def _hectares() -> ColumnElement[float]:
    return _square_metres(GrowingArea.boundary) / 10_000
