"""Products of a title with their points to compare, and the seasons in which they are harvested or made.

What must not live here: how much of a product a holder may label in a season (`volumes`).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, selectinload

from labels.errors import BadGtin
from labels.qr import gtin14
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError, broken_constraint, told_detail
from trace.models.labels import LabelOrder
from trace.models.lots import Lot
from trace.models.titles import ComparisonPoint, Product, ProtectionTitle, Season, SourceKind
from trace.services import editing, harvests, history
from trace.services.gate import SeasonClosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from trace.services.reach import Reach

POINTS = 3
MOST_YIELD_KG_PER_HA = 500_000


class ProductNameTaken(Conflict):
    """This title has a product of this name already.

    Choose another name, or edit the product that is there.
    """


class PointsMissing(Invalid):
    """A product needs three points to compare, each in Vietnamese and in English.

    Write what a buyer can look at on the goods in the hand.
    """


class NoHardPoint(Invalid):
    """None of the points is hard to copy. At least one must be.

    Name a relief seal, a colour-changing print or the like, and tick “hard to copy”.
    """


class GtinFaulty(Invalid):
    """This GTIN is not right: it has 8, 12, 13 or 14 digits, and the last one is a check digit.

    Copy it from the certificate of GS1, digit by digit.
    """


class GtinTaken(Conflict):
    """Another product has this GTIN already.

    Each product has a GTIN of its own.
    """


class GtinPrinted(Conflict):
    """Labels with this GTIN in their code were ordered already, so it cannot be changed: they would no longer answer.

    Enter a new product for the new GTIN.
    """


class SourceKindKept(Conflict):
    """Lots of this product are recorded already, so where it comes from cannot be changed.

    Enter a new product instead.
    """


class SeasonNameTaken(Conflict):
    """This product has a season of this name already.

    Choose another name.
    """


class SeasonStartTaken(Conflict):
    """Another open season of this product begins on the same day, so nobody could say in which of them a harvest counts.

    Let it begin on another day, or close the other season first.
    """


class SeasonEndsBeforeStart(Invalid):
    """The season ends before it begins.

    Check both dates.
    """


class SeasonTooLong(Invalid):
    """A season is at most two years long.

    Check both dates.
    """


class YieldCapNeeded(Invalid):
    """This product grows on land, so its season needs a yield cap in kg per hectare, more than nothing and at most 500.000.

    Take it from the use regulation.
    """


class YieldCapNotForSites(Invalid):
    """This product comes from sites, whose capacity bounds a season. It has no yield cap.

    Leave the yield cap empty.
    """


class LotsOutside(Conflict):
    """%(n)s lots of this season were harvested outside these days.

    Choose days that hold all lots on record.
    """


@dataclass(frozen=True)
class Point:
    """A thing to compare on the goods in hand, in both languages."""

    vi: str
    en: str
    hard_to_copy: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The catalogue's facts of a product. Its first points come with it; afterwards `comparison_points` keeps them."""

    name: str
    name_en: str
    description: str
    source_kind: SourceKind
    gtin: str | None
    points: Sequence[Point] = ()


@dataclass(frozen=True, kw_only=True)
class SeasonFacts:
    """A season from its first day through its last."""

    name: str
    first_day: date
    last_day: date
    yield_cap_kg_per_ha: int | None


def get(session: Session, product_id: UUID, *, reach: Reach) -> Product:
    """A product of a title within reach, with its points."""
    product = session.scalars(_product(product_id, reach)).one_or_none()
    if product is None:
        raise NotFound
    return product


def record(session: Session, title_id: UUID, facts: Facts, *, by: UUID, at: datetime, reach: Reach) -> Product:
    """Enter a product of a title."""
    within = select(ProtectionTitle.id).where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))
    if session.scalar(within) is None:
        raise NotFound
    gtin = _checked(facts, _point_faults(facts.points))
    product = Product(
        title_id=title_id, name=facts.name, name_en=facts.name_en, description=facts.description, source_kind=facts.source_kind,
        gtin=gtin,
    )  # fmt: skip
    with _named(session):
        session.add(product)
    _set_points(session, product, facts.points)
    changes: dict[str, tuple[object, object]] = {
        "name": (None, facts.name), "source_kind": (None, facts.source_kind), "points": (None, _in_words(facts.points)),
    }  # fmt: skip
    if gtin:
        changes["gtin"] = (None, gtin)
    history.record(session, "product:record", product.id, by=by, at=at, changes=changes)
    session.flush()
    return product


def edit(
    session: Session, product_id: UUID, facts: Facts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> Product:
    """Change a product's catalogue facts, but not its points to compare. What labels already carry stays as it is."""
    product = editing.locked(session, _product(product_id, reach), revision=revision)
    reasons = list[TemThatError]()
    gtin = product.gtin
    try:
        gtin = _checked(facts)
    except Refused as refused:
        reasons += refused.reasons
    else:
        if product.gtin is not None and gtin != product.gtin and _any(session, LabelOrder.id, product_id):
            reasons.append(GtinPrinted())
    if facts.source_kind is not product.source_kind and _any(session, Lot.id, product_id):
        reasons.append(SourceKindKept())
    if reasons:
        raise Refused(reasons)
    values = {
        "name": facts.name, "name_en": facts.name_en, "description": facts.description, "source_kind": facts.source_kind, "gtin": gtin,
    }  # fmt: skip
    with _named(session):
        editing.change(session, product, "product:edit", values, by=by, at=at)
    return product


def seasons_of(session: Session, title_id: UUID) -> Sequence[Season]:
    """The seasons of a title's products, latest first."""
    statement = (
        select(Season)
        .join(Season.product)
        .where(Product.title_id == title_id)
        .order_by(func.lower(Season.runs_during).desc(), Season.name)
        .options(contains_eager(Season.product))
    )
    return session.scalars(statement).all()


def seasons_open(session: Session, *, reach: Reach, on: date, limit: int) -> Sequence[Season]:
    """The seasons of products within reach that are neither closed nor over on a day, latest first."""
    statement = (
        select(Season)
        .join(Season.product)
        .where(
            reach.covers(None, Product.title_id),
            Season.closed_at.is_(None),
            or_(func.upper_inf(Season.runs_during), func.upper(Season.runs_during) > on),
        )
        .order_by(func.lower(Season.runs_during).desc(), Season.id)
        .limit(limit)
        .options(contains_eager(Season.product))
    )
    return session.scalars(statement).all()


def season(session: Session, season_id: UUID, *, reach: Reach) -> Season:
    """A season of a product within reach."""
    found = session.scalars(_season(season_id, reach)).one_or_none()
    if found is None:
        raise NotFound
    return found


def record_season(
    session: Session, product_id: UUID, facts: SeasonFacts, *, by: UUID, at: datetime, reach: Reach
) -> Season:
    """Open a season of a product."""
    product = get(session, product_id, reach=reach)
    reasons = _season_faults(product, facts) + harvests.torn(session, product_id, None, facts.first_day, facts.last_day)
    if reasons:
        raise Refused(reasons)
    made = Season(product_id=product_id, **_season_values(facts))
    with _named(session):
        session.add(made)
    changes: dict[str, tuple[object, object]] = {
        "name": (None, facts.name), "runs_during": (None, _days(facts)), "yield_cap_kg_per_ha": (None, facts.yield_cap_kg_per_ha),
    }  # fmt: skip
    history.record(session, "season:record", made.id, by=by, at=at, changes=changes)
    session.flush()
    return made


def edit_season(
    session: Session, season_id: UUID, facts: SeasonFacts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> Season:
    """Change an open season. A new yield cap reaches nobody's balance until the managing body confirms the volumes anew."""
    found = editing.locked(session, _season(season_id, reach), revision=revision)
    if found.closed_at is not None:
        raise SeasonClosed(season=found.name, closed=found.closed_at.astimezone(CITY).date())
    reasons = _season_faults(found.product, facts)
    if facts.first_day <= facts.last_day:
        outside = session.scalar(
            select(func.count())
            .select_from(Lot)
            .where(Lot.season_id == season_id, ~Lot.harvested_on.between(facts.first_day, facts.last_day))
        )
        if outside:
            reasons.append(LotsOutside(n=outside))
        if _season_values(facts)["runs_during"] != found.runs_during:
            reasons += harvests.torn(session, found.product_id, season_id, facts.first_day, facts.last_day)
    if reasons:
        raise Refused(reasons)
    with _named(session):
        editing.change(session, found, "season:edit", _season_values(facts), by=by, at=at)
    return found


@contextmanager
def _named(session: Session) -> Iterator[None]:
    """A savepoint that gives the database's refusals their names."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as exc:
        match broken_constraint(exc):
            case "uq_product_title_id_name":
                raise Refused([ProductNameTaken()]) from exc
            case "uq_product_gtin":
                raise Refused([GtinTaken()]) from exc
            case "uq_season_product_id_name":
                raise Refused([SeasonNameTaken()]) from exc
            case "uq_season_open_start":
                raise Refused([SeasonStartTaken()]) from exc
            case "harvest_in_one_season":  # a harvest was recorded at this moment; the database says how many
                raise Refused([harvests.HarvestsChangeSeason(n=int(told_detail(exc) or 1))]) from exc
        raise


def _point_faults(points: Sequence[Point]) -> list[TemThatError]:
    if len(points) < POINTS or any(not point.vi or not point.en for point in points):
        return [PointsMissing()]
    return [] if any(point.hard_to_copy for point in points) else [NoHardPoint()]


def _checked(facts: Facts, faults: Sequence[TemThatError] = ()) -> str | None:
    """The GTIN of a product whose facts are in order, with fourteen digits; raises `Refused` with the faults found before as well."""
    reasons, gtin = list(faults), None
    if facts.gtin:
        try:
            gtin = gtin14(facts.gtin)
        except BadGtin:
            reasons.append(GtinFaulty())
    if reasons:
        raise Refused(reasons)
    return gtin


def _set_points(session: Session, product: Product, points: Sequence[Point]) -> None:
    """Write the first points of a new product in their order."""
    session.add_all(
        ComparisonPoint(
            product_id=product.id, position=place, text_vi=point.vi, text_en=point.en, hard_to_copy=point.hard_to_copy
        )
        for place, point in enumerate(points, start=1)
    )
    session.flush()
    session.expire(product, ["comparison_points"])


def _in_words(points: Sequence[Point]) -> str:
    return "; ".join(f"{point.vi}{' (*)' if point.hard_to_copy else ''}" for point in points)


def _any(session: Session, column: object, product_id: UUID) -> bool:
    """Whether a product has lots, or labels ordered for them."""
    statement = select(column).where(Lot.product_id == product_id)  # type: ignore[call-overload]
    if column is LabelOrder.id:
        statement = statement.join(Lot, Lot.id == LabelOrder.lot_id)
    return session.scalar(statement.limit(1)) is not None


def _season_values(facts: SeasonFacts) -> dict[str, object]:
    return {
        "name": facts.name,
        "runs_during": Range(facts.first_day, facts.last_day + timedelta(days=1)),
        "yield_cap_kg_per_ha": facts.yield_cap_kg_per_ha,
    }


def _days(facts: SeasonFacts) -> str:
    return f"{facts.first_day:%d/%m/%Y} – {facts.last_day:%d/%m/%Y}"


def _season_faults(product: Product, facts: SeasonFacts) -> list[TemThatError]:
    reasons = list[TemThatError]()
    if facts.last_day < facts.first_day:
        reasons.append(SeasonEndsBeforeStart())
    elif facts.last_day - facts.first_day > timedelta(days=731):
        reasons.append(SeasonTooLong())
    cap = facts.yield_cap_kg_per_ha
    if product.source_kind is SourceKind.AREA and (cap is None or not 0 < cap <= MOST_YIELD_KG_PER_HA):
        reasons.append(YieldCapNeeded())
    if product.source_kind is SourceKind.SITE and cap is not None:
        reasons.append(YieldCapNotForSites())
    return reasons


def _product(product_id: UUID, reach: Reach) -> Select[Product]:
    return (
        select(Product)
        .where(Product.id == product_id, reach.covers(None, Product.title_id))
        .options(selectinload(Product.comparison_points), selectinload(Product.title))
    )


def _season(season_id: UUID, reach: Reach) -> Select[Season]:
    return (
        select(Season)
        .join(Season.product)
        .where(Season.id == season_id, reach.covers(None, Product.title_id))
        .options(contains_eager(Season.product).selectinload(Product.title))
    )
