"""The communes of the city are loaded whole, once, and found by the names people still use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from tests.factories import count
from trace.models.parties import Commune, CommuneAlias, CommuneKind
from trace.services import communes, places

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture
def city(session: Session) -> Session:
    communes.load(session)
    return session


def test_the_city_has_its_114_communes_of_three_kinds(city: Session) -> None:
    numbers = [
        count(city, Commune, Commune.kind == kind)
        for kind in (CommuneKind.WARD, CommuneKind.RURAL, CommuneKind.SPECIAL_ZONE)
    ]
    assert numbers == [45, 67, 2]


def test_loading_again_changes_nothing(city: Session) -> None:
    before = city.execute(
        select(Commune.code, Commune.name, func.ST_AsText(Commune.boundary)).order_by(Commune.code)
    ).all()
    aliases = count(city, CommuneAlias)
    communes.load(city)
    after = city.execute(
        select(Commune.code, Commune.name, func.ST_AsText(Commune.boundary)).order_by(Commune.code)
    ).all()
    assert after == before
    assert count(city, CommuneAlias) == aliases == sum(map(len, communes.DISTRICTS.values()))


def test_codes_keep_their_zeros_and_cam_giang_is_not_cam_giang_with_a_grave(city: Session) -> None:
    names = {ward.code: ward.name for ward in places.choices(city)}
    assert names["10888"] == "Cẩm Giang"
    assert names["10903"] == "Cẩm Giàng"
    assert all(len(code) == 5 and code.isdigit() for code in names)


def test_an_old_district_finds_what_it_became(city: Session) -> None:
    found = {place.commune.name for place in places.communes(city, "huyện Tứ Kỳ", limit=50)}
    assert found >= set(communes.DISTRICTS["Tứ Kỳ"])
    of_thanh_ha = select(CommuneAlias.commune_code).where(CommuneAlias.name == "Thanh Hà")
    assert len(set(city.scalars(of_thanh_ha))) == 5


def test_every_boundary_is_a_valid_area(city: Session) -> None:
    wrong = select(Commune.name).where(~func.ST_IsValid(Commune.boundary) | (func.ST_Area(Commune.boundary) <= 0))
    assert city.scalars(wrong).all() == []


def test_a_district_that_names_a_stranger_is_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(communes.DISTRICTS, "Thanh Hà", ("Thanh Hà", "Không có xã này"))  # type: ignore[arg-type]
    with pytest.raises(communes.UnknownCommune):
        communes.load(session)
