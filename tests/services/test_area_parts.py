"""Parcels and households: what they add up to, and what cannot be entered twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.history import History
from trace.models.plots import AreaHousehold, AreaParcel
from trace.services import area_parts
from trace.services.reach import Reach

ALL = Reach(everything=True)


def parcel(session: Any, world: Any, number: str, metres: str = "50000", **other: Any) -> AreaParcel:
    facts = {
        "map_sheet": "12", "parcel_number": number, "certificate_number": None, "square_metres": Decimal(metres),
        "by": world.clerk.id, "at": NOW, "reach": ALL,
    }  # fmt: skip
    area = other.pop("area", world.area)
    return area_parts.add_parcel(session, area.id, **(facts | other))


def household(session: Any, world: Any, name: str, **other: Any) -> AreaHousehold:
    facts = {"square_metres": Decimal(3600), "trees": 90, "by": world.clerk.id, "at": NOW, "reach": ALL}
    return area_parts.add_household(session, world.area.id, name=name, **(facts | other))


def test_sums_stand_beside_the_declared_size(session: Any, world: Any) -> None:
    parcel(session, world, "105a")
    parcel(session, world, "106", "48000.5")
    household(session, world, "Hộ mẫu Ánh")
    household(session, world, "Hộ mẫu Đào", trees=None)
    found = area_parts.of_area(session, world.area)
    assert (found.parcel_sum.count, found.parcel_sum.hectares) == (2, Decimal("9.80005"))
    assert not found.parcel_sum.differs
    assert (found.household_sum.count, found.household_sum.trees) == (2, 90)
    assert found.household_sum.differs
    assert found.household_sum.difference == pytest.approx(-0.928)
    assert [each.name for each in found.households] == ["Hộ mẫu Ánh", "Hộ mẫu Đào"]


def test_with_nothing_entered_nothing_differs(session: Any, world: Any) -> None:
    assert not area_parts.of_area(session, world.area).parcel_sum.differs


def test_a_parcel_belongs_to_one_area_of_a_commune(session: Any, world: Any) -> None:
    parcel(session, world, "105a")
    with pytest.raises(Refused) as refused:
        parcel(session, world, "105a")
    assert isinstance(refused.value.reasons[0], area_parts.ParcelTwice)
    with pytest.raises(Refused) as refused:
        parcel(session, world, "105a", area=world.other_area)
    assert refused.value.reasons[0].facts["area"] == world.area.name


def test_a_household_is_entered_once(session: Any, world: Any) -> None:
    household(session, world, "Hộ mẫu Ánh")
    with pytest.raises(Refused) as refused:
        household(session, world, "Hộ mẫu Ánh")
    assert isinstance(refused.value.reasons[0], area_parts.HouseholdTwice)


def test_what_is_removed_stays_in_the_history(session: Any, world: Any) -> None:
    made = parcel(session, world, "7")
    for _ in range(2):
        area_parts.remove(session, world.area.id, AreaParcel, made.id, by=world.clerk.id, at=NOW, reach=ALL)
    assert area_parts.of_area(session, world.area).parcels == []
    deeds = session.scalars(select(History).where(History.subject_id == world.area.id).order_by(History.id)).all()
    assert [(deed.deed, deed.changes["parcel"]) for deed in deeds] == [
        ("area:parcel_add", [None, "12/7"]), ("area:parcel_remove", ["12/7", None]),
    ]  # fmt: skip


def test_nothing_is_added_out_of_reach(session: Any, world: Any) -> None:
    elsewhere = Reach(holders=frozenset({factories.some_id()}))
    with pytest.raises(NotFound):
        parcel(session, world, "1", reach=elsewhere)
    with pytest.raises(NotFound):
        area_parts.remove(session, world.area.id, AreaHousehold, 1, by=world.clerk.id, at=NOW, reach=elsewhere)
