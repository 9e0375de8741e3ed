"""The parcels that an area consists of and the households that farm it, with their sums beside the declared size.

What must not live here: the boundary, and members of a cooperative as organisations.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from trace.errors import Invalid, NotFound, Refused, broken_constraint
from trace.models.areas import GrowingArea
from trace.models.plots import AreaHousehold, AreaParcel
from trace.services import history, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

WORTH_A_WORD = 0.10
"""The share by which parcels or households may differ from the declared size before the page says so."""
SQUARE_METRES_PER_HECTARE = 10_000


class ParcelTwice(Invalid):
    """Map sheet %(sheet)s, parcel %(parcel)s is in this area already.

    Check the numbers, or remove the other entry first.
    """


class ParcelElsewhere(Invalid):
    """Map sheet %(sheet)s, parcel %(parcel)s of the same commune already belongs to the area %(area)s.

    A parcel belongs to one area; check the numbers or remove it there first.
    """


class HouseholdTwice(Invalid):
    """A household named %(name)s is in this area already.

    Tell the two apart by the hamlet or the householder’s second name, or remove the other entry first.
    """


@dataclass(frozen=True)
class Sum:
    """How many parts there are and what they add up to, beside the declared size."""

    count: int
    square_metres: Decimal
    declared_ha: Decimal
    trees: int = 0

    @property
    def hectares(self) -> Decimal:
        """The same in hectares."""
        return self.square_metres / SQUARE_METRES_PER_HECTARE

    @property
    def difference(self) -> float:
        """The sum over the declared size, minus one; 0 as long as there is nothing to add up."""
        return float(self.hectares / self.declared_ha) - 1 if self.count else 0.0

    @property
    def differs(self) -> bool:
        """Whether the page should say so."""
        return abs(self.difference) > WORTH_A_WORD


@dataclass(frozen=True)
class Parts:
    """The parcels and households of an area with their sums."""

    parcels: Sequence[AreaParcel]
    households: Sequence[AreaHousehold]
    parcel_sum: Sum
    household_sum: Sum


def of_area(session: Session, area: GrowingArea) -> Parts:
    """The parts of an area that its reader may see."""
    parcels = session.scalars(
        select(AreaParcel).where(AreaParcel.area_id == area.id).order_by(AreaParcel.map_sheet, AreaParcel.parcel_number)
    ).all()
    households = session.scalars(
        select(AreaHousehold)
        .where(AreaHousehold.area_id == area.id)
        .order_by(places.in_order(AreaHousehold.name), AreaHousehold.id)
    ).all()
    return Parts(
        parcels,
        households,
        Sum(len(parcels), sum((each.square_metres for each in parcels), Decimal(0)), area.declared_ha),
        Sum(
            len(households),
            sum((each.square_metres for each in households), Decimal(0)),
            area.declared_ha,
            sum(each.trees or 0 for each in households),
        ),
    )


def add_parcel(
    session: Session,
    area_id: UUID,
    *,
    map_sheet: str,
    parcel_number: str,
    certificate_number: str | None,
    square_metres: Decimal,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> AreaParcel:
    """Add a parcel. One parcel of a commune belongs to one area of a title."""
    area = _area(session, area_id, reach)
    facts = {"sheet": map_sheet, "parcel": parcel_number}
    elsewhere = session.scalar(
        select(GrowingArea.name)
        .join(AreaParcel, AreaParcel.area_id == GrowingArea.id)
        .where(
            AreaParcel.map_sheet == map_sheet, AreaParcel.parcel_number == parcel_number, GrowingArea.id != area.id,
            GrowingArea.commune_code == area.commune_code, GrowingArea.title_id == area.title_id,
            reach.covers(GrowingArea.holder_id, GrowingArea.title_id),
        )
        .limit(1)
    )  # fmt: skip
    if elsewhere is not None:
        raise Refused([ParcelElsewhere(**facts, area=elsewhere)])
    parcel = AreaParcel(
        area_id=area.id, map_sheet=map_sheet, parcel_number=parcel_number, certificate_number=certificate_number,
        square_metres=square_metres,
    )  # fmt: skip
    _insert(session, parcel, "uq_area_parcel_area_id_map_sheet_parcel_number", ParcelTwice(**facts))
    _record(session, "area:parcel_add", area, "parcel", (None, _parcel(parcel)), by=by, at=at)
    return parcel


def add_household(
    session: Session,
    area_id: UUID,
    *,
    name: str,
    square_metres: Decimal,
    trees: int | None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> AreaHousehold:
    """Add a household that farms part of an area."""
    area = _area(session, area_id, reach)
    household = AreaHousehold(area_id=area.id, name=name, square_metres=square_metres, trees=trees)
    _insert(session, household, "uq_area_household_area_id_name", HouseholdTwice(name=name))
    _record(session, "area:household_add", area, "household", (None, name), by=by, at=at)
    return household


def remove(
    session: Session, area_id: UUID, model: type[AreaParcel | AreaHousehold], part_id: int, *, by: UUID, at: datetime, reach: Reach
) -> None:  # fmt: skip
    """Take a parcel or household out of an area. The history keeps that it was there; removing twice is harmless."""
    area = _area(session, area_id, reach)
    part = session.scalars(select(model).where(model.id == part_id, model.area_id == area.id)).one_or_none()
    if part is None:
        return
    session.delete(part)
    if isinstance(part, AreaParcel):
        _record(session, "area:parcel_remove", area, "parcel", (_parcel(part), None), by=by, at=at)
    elif isinstance(part, AreaHousehold):
        _record(session, "area:household_remove", area, "household", (part.name, None), by=by, at=at)
    session.flush()


def counts(session: Session, area_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many households each area of a list has."""
    statement = select(AreaHousehold.area_id, func.count()).where(AreaHousehold.area_id.in_(area_ids))
    return dict(session.execute(statement.group_by(AreaHousehold.area_id)).tuples())


def _area(session: Session, area_id: UUID, reach: Reach) -> GrowingArea:
    area = session.scalars(
        select(GrowingArea)
        .where(GrowingArea.id == area_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id))
        .with_for_update(key_share=True)
    ).one_or_none()
    if area is None:
        raise NotFound
    return area


def _insert(session: Session, part: Any, constraint: str, refusal: Invalid) -> None:
    try:
        with session.begin_nested():
            session.add(part)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == constraint:
            raise Refused([refusal]) from exc
        raise


def _parcel(parcel: AreaParcel) -> str:
    return f"{parcel.map_sheet}/{parcel.parcel_number}"


def _record(
    session: Session, deed: str, area: GrowingArea, field: str, change: tuple[object, object], *, by: UUID, at: datetime
) -> None:
    history.record(session, deed, area.id, by=by, at=at, changes={field: change})
