"""Recording a growing area, changing it, and the boundaries it had before.

Whether a boundary may stand is judged by `boundaries`; what is shown of an area stands in `areas`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography
from sqlalchemy import cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace import sizes
from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.certificates import CertificateSource, UseCertificate
from trace.models.parties import Commune, Party, PartyKind
from trace.models.plots import PastBoundary
from trace.models.titles import ProtectionTitle
from trace.services import boundaries, editing, history, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from geoalchemy2 import WKBElement
    from sqlalchemy import ColumnElement

    from trace.services.reach import Reach

NOBODY_FARMS = (PartyKind.STATE, PartyKind.AUTHORITY)
ORGANISATIONS = (PartyKind.COOPERATIVE, PartyKind.COMPANY, PartyKind.ASSOCIATION)
EARLIEST_PLANTING = 1900


class AreaNameTaken(Invalid):
    """%(holder)s already has a growing area named %(name)s.

    Choose another name, or change that area instead.
    """


class PlantedInFuture(Invalid):
    """The planting year lies between %(first)s and %(last)s.

    Correct the year, or leave it empty.
    """


class HolderNotYours(Invalid):
    """You cannot record a growing area for this holder and title.

    Choose a holder and a title from the lists.
    """


class SourceInUse(Invalid):
    """A certificate of use covers %(source)s, so its holder and its title stay as they are.

    Record the land anew for the other holder or title, and have the certificate changed.
    """


class CommuneGone(Invalid):
    """This ward or commune does not stand today.

    Choose one that does.
    """


@dataclass(frozen=True)
class AreaFacts:
    """What a form says of an area, the boundary aside. Sizes in hectares."""

    name: str
    holder_id: UUID
    title_id: UUID
    commune_code: str
    declared_ha: Decimal
    crop: str | None = None
    variety: str | None = None
    trees: int | None = None
    planted_in: int | None = None


@dataclass(frozen=True)
class Version:
    """A boundary with the time for which it stood; `until` is None for the present one, `since` for the first."""

    since: datetime | None
    until: datetime | None
    measured_ha: float
    redrawn_by: str | None


def record(
    session: Session, facts: AreaFacts, *, shape: dict[str, Any] | None, by: UUID, at: datetime, reach: Reach
) -> GrowingArea:
    """Record an area. Raises `Refused` with everything that stands against it."""
    checked, reasons = _judge(session, facts, shape, area=None, at=at, reach=reach)
    if reasons or checked is None or checked.boundary is None:
        raise Refused(reasons)
    area = GrowingArea(**asdict(facts), boundary=checked.boundary)
    session.add(area)
    _flush(session, facts)
    changes = {name: (None, value) for name, value in asdict(facts).items() if value is not None and name in _TOLD}
    changes["measured_ha"] = (None, _measured(session, area.id))
    history.record(session, "area:record", area.id, by=by, at=at, changes={**changes, "revision": (0, 1)})
    return area


def revise(
    session: Session,
    area_id: UUID,
    facts: AreaFacts,
    *,
    revision: int,
    shape: dict[str, Any] | None,
    why: str | None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> GrowingArea:
    """Change an area from the revision that its writer saw. A boundary that is redrawn is kept with its time.

    Raises `NotFound`, `editing.EditedMeanwhile`, or `Refused` with everything that stands against it.
    """
    statement = select(GrowingArea).where(
        GrowingArea.id == area_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id)
    )
    area = editing.locked(session, statement, revision=revision)
    checked, reasons = _judge(session, facts, shape, area=area, at=at, reach=reach)
    if reasons or checked is None or checked.boundary is None:
        raise Refused(reasons)
    shown: dict[str, tuple[object, object]] = {}
    if not _same(session, area_id, checked.boundary):
        before = _keep(session, area_id, by=by, at=at)
        area.boundary = checked.boundary
        session.flush()
        shown["measured_ha"] = (before, _measured(session, area_id))
    try:
        with session.begin_nested():
            editing.change(session, area, "area:change", asdict(facts), by=by, at=at, why=why, shown=shown)
    except IntegrityError as exc:
        _explain(session, exc, facts)
    return area


def check(
    session: Session,
    *,
    shape: dict[str, Any] | None,
    title_id: UUID,
    declared_ha: Decimal | None,
    area_id: UUID | None,
    reach: Reach,
) -> boundaries.Checked:
    """What would be said of a boundary if it were saved now. Nothing is written."""
    return boundaries.check(
        session, shape or {"type": "MultiPolygon", "coordinates": []}, title_id=title_id, declared_ha=declared_ha,
        area_id=area_id, reach=reach,
    )  # fmt: skip


def versions(session: Session, area: GrowingArea, *, measured_ha: float) -> list[Version]:
    """All boundaries of an area that its reader may see, the present one first."""
    past = session.scalars(
        select(PastBoundary)
        .where(PastBoundary.area_id == area.id)
        .order_by(func.lower(PastBoundary.stood_during).desc().nulls_last())
        .options(joinedload(PastBoundary.redrawer))
    ).all()
    since = past[0].stood_during.upper if past else None
    told = [Version(since, None, measured_ha, past[0].redrawer.full_name if past else None)]
    for number, kept in enumerate(past):
        drawn_by = past[number + 1].redrawer.full_name if number + 1 < len(past) else None
        told.append(
            Version(kept.stood_during.lower, kept.stood_during.upper, float(kept.measured_ha), drawn_by)
        )  # fmt: skip
    return told


def boundary_at(session: Session, area: GrowingArea, *, at: datetime) -> tuple[dict[str, Any], float] | None:
    """The earlier boundary that stood at a moment with its hectares; None if it was the present one."""
    statement = select(func.ST_AsGeoJSON(PastBoundary.boundary, 6), PastBoundary.measured_ha).where(
        PastBoundary.area_id == area.id, PastBoundary.stood_during.contains(at)
    )
    found = session.execute(statement).one_or_none()
    return (json.loads(found[0]), float(found[1])) if found else None


def holders(session: Session, *, reach: Reach) -> Sequence[Party]:
    """For whom a person may record areas and sites: the own organisations, or those that have to do with the managed titles."""
    known: list[ColumnElement[bool]] = [Party.id.in_(reach.holders)]
    if reach.everything or reach.titles:
        known.append(Party.kind.in_(ORGANISATIONS))
    known += [
        Party.id.in_(select(model.holder_id).where(model.title_id.in_(reach.titles)))
        for model in (GrowingArea, ProductionSite, UseCertificate)
    ]
    statement = select(Party).where(or_(*known), Party.kind.not_in(NOBODY_FARMS))
    return session.scalars(statement.order_by(places.in_order(Party.name), Party.id)).all()


def titles(session: Session, *, reach: Reach) -> Sequence[ProtectionTitle]:
    """Under which titles a person may record: those managed, or any if it is for the own organisation."""
    statement = select(ProtectionTitle)
    if not reach.everything and not reach.holders:
        statement = statement.where(ProtectionTitle.id.in_(reach.titles))
    return session.scalars(statement.order_by(places.in_order(ProtectionTitle.name), ProtectionTitle.id)).all()


# What the history tells of an area; the rest are ids that its reader sees as names on the page.
_TOLD = {"name", "commune_code", "declared_ha", "crop", "variety", "trees", "planted_in"}


def _judge(
    session: Session, facts: AreaFacts, shape: dict[str, Any] | None, *, area: GrowingArea | None, at: datetime, reach: Reach
) -> tuple[boundaries.Checked | None, list[TemThatError]]:  # fmt: skip
    today = at.astimezone(CITY).date()
    reasons = may_hold(session, facts.holder_id, facts.title_id, reach=reach)
    reasons += commune_stands(session, facts.commune_code, at=at)
    if area is not None:
        reasons += stays_whose(session, area, facts.holder_id, facts.title_id)
    if facts.planted_in is not None and not EARLIEST_PLANTING <= facts.planted_in <= today.year:
        reasons.append(PlantedInFuture(first=str(EARLIEST_PLANTING), last=str(today.year)))
    taken = select(GrowingArea.id).where(GrowingArea.holder_id == facts.holder_id, GrowingArea.name == facts.name)
    found = session.scalar(taken)
    if found is not None and (area is None or found != area.id):
        reasons.append(_name_taken(session, facts))
    if session.get(ProtectionTitle, facts.title_id) is None:
        return None, reasons
    checked = check(
        session, shape=shape, title_id=facts.title_id, declared_ha=facts.declared_ha, area_id=area.id if area else None,
        reach=reach,
    )  # fmt: skip
    return checked, [*reasons, *checked.faults]


def may_hold(session: Session, holder_id: UUID, title_id: UUID, *, reach: Reach) -> list[TemThatError]:
    """Why somebody may not record for a holder under a title."""
    offered = {party.id for party in holders(session, reach=reach)}
    if holder_id in offered and reach.includes(holder_id=holder_id, title_id=title_id):
        return []
    return [HolderNotYours()]


def stays_whose(
    session: Session, source: GrowingArea | ProductionSite, holder_id: UUID, title_id: UUID
) -> list[TemThatError]:
    """Why an area or site cannot go to another holder or title."""
    if (source.holder_id, source.title_id) == (holder_id, title_id):
        return []
    column = CertificateSource.area_id if isinstance(source, GrowingArea) else CertificateSource.site_id
    covered = session.scalar(select(CertificateSource.id).where(column == source.id).limit(1))
    return [] if covered is None else [SourceInUse(source=source.name)]


def commune_stands(session: Session, code: str, *, at: datetime) -> list[TemThatError]:
    """Why a commune cannot be chosen at a moment."""
    commune = session.get(Commune, code)
    if commune is None:
        raise NotFound
    return [] if at.astimezone(CITY).date() in commune.valid_during else [CommuneGone()]


def _keep(session: Session, area_id: UUID, *, by: UUID, at: datetime) -> Decimal:
    """Write down the boundary that is about to be replaced. Returns its hectares."""
    measured = _measured(session, area_id)
    boundary = session.scalars(select(func.ST_AsEWKB(GrowingArea.boundary)).where(GrowingArea.id == area_id)).one()
    last = session.scalar(
        select(func.max(func.upper(PastBoundary.stood_during))).where(PastBoundary.area_id == area_id)
    )
    session.add(
        PastBoundary(
            area_id=area_id, boundary=func.ST_GeomFromEWKB(boundary), measured_ha=measured, redrawn_by=by,
            stood_during=Range(last, at),
        )
    )  # fmt: skip
    return measured


def _measured(session: Session, area_id: UUID) -> Decimal:
    """The hectares of the boundary that stands, measured and rounded as every page shows them."""
    measured = func.ST_Area(cast(GrowingArea.boundary, Geography(srid=4326))) / 10_000
    return sizes.hectares(session.scalars(select(measured).where(GrowingArea.id == area_id)).one())


def _same(session: Session, area_id: UUID, boundary: WKBElement) -> bool:
    """Whether a boundary is the one that stands, as far as six decimals of a degree tell (a tenth of a metre)."""
    rounded = func.ST_ReducePrecision
    same = func.ST_Equals(
        rounded(GrowingArea.boundary, 1e-6), rounded(literal(boundary, GrowingArea.boundary.type), 1e-6)
    )
    return bool(session.scalar(select(same).where(GrowingArea.id == area_id)))


def _name_taken(session: Session, facts: AreaFacts) -> AreaNameTaken:
    return AreaNameTaken(holder=session.get_one(Party, facts.holder_id).name, name=facts.name)


def _flush(session: Session, facts: AreaFacts) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as exc:
        _explain(session, exc, facts)


def _explain(session: Session, exc: IntegrityError, facts: AreaFacts) -> None:
    """Two people may choose the same name at the same moment."""
    if broken_constraint(exc) == "uq_growing_area_holder_id_name":
        raise Refused([_name_taken(session, facts)]) from exc
    raise exc
