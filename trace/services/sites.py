"""Production sites: recording one, changing it, its page, and what hangs on it.

What must not live here: the list beside the areas (`areas.sites`), and volumes of a season (`quota`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.errors import Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import ProductionSite, SiteKind, SiteStatus
from trace.models.certificates import CertificateSource, UseCertificate
from trace.models.lots import Lot, LotSource
from trace.models.parties import Commune, Party
from trace.models.titles import ProtectionTitle
from trace.services import area_edits, areas, editing, history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from trace.services.reach import Reach


class SiteNameTaken(Invalid):
    """%(holder)s already has a production site named %(name)s.

    Choose another name, or change that site instead.
    """


class SiteOutsideCity(Invalid):
    """The point %(place)s lies outside the city.

    Check that the latitude (about 21) comes before the longitude (about 106).
    """


class SiteOutsideTerritory(Invalid):
    """The point %(place)s lies outside the territory of %(title)s.

    Correct the point, or choose another title.
    """


@dataclass(frozen=True)
class SiteFacts:
    """What a form says of a site. `point` is longitude and latitude; without one the middle of the commune stands for it."""

    name: str
    kind: SiteKind
    holder_id: UUID
    title_id: UUID
    commune_code: str
    capacity_g: int
    units: int | None
    status: SiteStatus
    point: tuple[float, float] | None


@dataclass(frozen=True)
class SitePage:
    """A site with where it lies. `inside`: within the territory of its title; None as long as none is drawn."""

    site: ProductionSite
    lon: float
    lat: float
    inside: bool | None


def show(session: Session, site_id: UUID, *, reach: Reach) -> SitePage:
    """One site; not within reach is not found."""
    statement = (
        select(
            ProductionSite,
            func.ST_X(ProductionSite.location),
            func.ST_Y(ProductionSite.location),
            func.ST_Intersects(ProtectionTitle.area, ProductionSite.location),
        )
        .join(ProductionSite.title)
        .where(ProductionSite.id == site_id, reach.covers(ProductionSite.holder_id, ProductionSite.title_id))
        .options(*areas.in_words(ProductionSite))
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return SitePage(*row)


def certificates_of(session: Session, site_id: UUID, *, reach: Reach) -> Sequence[UseCertificate]:
    """The certificates that cover a site, latest first."""
    statement = (
        select(UseCertificate)
        .join(CertificateSource)
        .where(CertificateSource.site_id == site_id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id))
        .order_by(func.upper(UseCertificate.valid_during).desc())
    )
    return session.scalars(statement).all()


def lots_of(
    session: Session, *, site_id: UUID | None = None, area_id: UUID | None = None, reach: Reach, limit: int = 12
) -> Sequence[Lot]:
    """The latest lots that came from a site or an area."""
    merged = exists().where(
        LotSource.lot_id == Lot.id, LotSource.site_id == site_id if site_id else LotSource.area_id == area_id
    )
    source = or_(Lot.site_id == site_id if site_id else Lot.area_id == area_id, merged)
    statement = (
        select(Lot)
        .join(Lot.certificate)
        .where(source, reach.covers(Lot.holder_id, UseCertificate.title_id))
        .order_by(Lot.recorded_at.desc(), Lot.id)
        .limit(limit)
        .options(joinedload(Lot.product))
    )
    return session.scalars(statement).all()


def record(session: Session, facts: SiteFacts, *, by: UUID, at: datetime, reach: Reach) -> ProductionSite:
    """Record a site. Raises `Refused` with everything that stands against it."""
    reasons = _judge(session, facts, None, at, reach)
    if reasons:
        raise Refused(reasons)
    values = _values(facts)
    site = ProductionSite(**values, location=_place(facts))
    session.add(site)
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as exc:
        _explain(session, exc, facts)
    told = ("name", "kind", "capacity_g", "units", "status")
    changes: dict[str, tuple[object, object]] = {
        name: (None, values[name]) for name in told if values[name] is not None
    }
    history.record(session, "site:record", site.id, by=by, at=at, changes={**changes, "revision": (0, 1)})
    return site


def revise(
    session: Session, site_id: UUID, facts: SiteFacts, *, revision: int, why: str | None, by: UUID, at: datetime, reach: Reach
) -> ProductionSite:  # fmt: skip
    """Change a site from the revision that its writer saw. Raises `NotFound`, `editing.EditedMeanwhile` or `Refused`."""
    statement = select(ProductionSite).where(
        ProductionSite.id == site_id, reach.covers(ProductionSite.holder_id, ProductionSite.title_id)
    )
    site = editing.locked(session, statement, revision=revision)
    reasons = _judge(session, facts, site, at, reach)
    if reasons:
        raise Refused(reasons)
    before = show(session, site_id, reach=reach)
    shown: dict[str, tuple[object, object]] = {}
    if facts.point is not None and _moved((before.lon, before.lat), facts.point):
        site.location = _place(facts)
        shown["location"] = (_words((before.lon, before.lat)), _words(facts.point))
    try:
        with session.begin_nested():
            editing.change(session, site, "site:change", _values(facts), by=by, at=at, why=why, shown=shown)
    except IntegrityError as exc:
        _explain(session, exc, facts)
    return site


def _values(facts: SiteFacts) -> dict[str, object]:
    values = asdict(facts)
    del values["point"]
    return values


def _judge(
    session: Session, facts: SiteFacts, site: ProductionSite | None, at: datetime, reach: Reach
) -> list[TemThatError]:
    reasons = area_edits.may_hold(session, facts.holder_id, facts.title_id, reach=reach)
    reasons += area_edits.commune_stands(session, facts.commune_code, at=at)
    if site is not None:
        reasons += area_edits.stays_whose(session, site, facts.holder_id, facts.title_id)
    found = session.scalar(
        select(ProductionSite.id).where(ProductionSite.holder_id == facts.holder_id, ProductionSite.name == facts.name)
    )
    if found is not None and (site is None or found != site.id):
        reasons.append(_name_taken(session, facts))
    if facts.point is not None:
        point = _place(facts)
        words = _words(facts.point)
        in_city = session.scalar(select(Commune.code).where(func.ST_Intersects(Commune.boundary, point)).limit(1))
        title = session.get(ProtectionTitle, facts.title_id)
        if in_city is None:
            reasons.append(SiteOutsideCity(place=words))
        elif title is not None and title.area is not None:
            inside = select(func.ST_Intersects(ProtectionTitle.area, point)).where(ProtectionTitle.id == title.id)
            if not session.scalar(inside):
                reasons.append(SiteOutsideTerritory(place=words, title=title.name))
    return reasons


def _place(facts: SiteFacts) -> ColumnElement[object]:
    if facts.point is None:
        middle = select(func.ST_PointOnSurface(Commune.boundary)).where(Commune.code == facts.commune_code)
        return middle.scalar_subquery()
    return func.ST_SetSRID(func.ST_MakePoint(*facts.point), 4326)


def _words(point: tuple[float, float]) -> str:
    return f"{point[1]:.6f}, {point[0]:.6f}"


def _moved(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two points differ by more than the form can say."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) > 1e-6


def _name_taken(session: Session, facts: SiteFacts) -> SiteNameTaken:
    return SiteNameTaken(holder=session.get_one(Party, facts.holder_id).name, name=facts.name)


def _explain(session: Session, exc: IntegrityError, facts: SiteFacts) -> None:
    if broken_constraint(exc) == "uq_production_site_holder_id_name":
        raise Refused([_name_taken(session, facts)]) from exc
    raise exc
