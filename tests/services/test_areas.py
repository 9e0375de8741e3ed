"""Growing areas: measured size, share of the territory, reach."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound
from trace.models.titles import ProtectionTitle
from trace.services import areas
from trace.services.areas import SizeCheck
from trace.services.reach import Reach

ALL = Reach(everything=True)


@pytest.mark.parametrize(
    ("declared", "said"),
    [("11.00", "agrees"), ("11.01", "declared_more"), ("9.00", "agrees"), ("8.99", "declared_less")],
)
def test_a_tenth_of_difference_is_not_worth_a_word(declared: str, said: str) -> None:
    assert areas.check_size(Decimal(declared), 10.0) is SizeCheck(said)


def test_size_is_measured_on_the_ellipsoid(session: Any, world: Any) -> None:
    """By the textbook: 0.003° of meridian times 0.003° of parallel at 20.9015° N on WGS 84 are 10.3668 ha."""
    assert areas.show(session, world.area.id, reach=ALL).measured_ha == pytest.approx(10.3668, abs=0.001)


def test_the_share_within_the_territory(session: Any, world: Any) -> None:
    assert areas.show(session, world.area.id, reach=ALL).inside == pytest.approx(1)
    half = factories.area(
        session, world.title, world.cooperative, "Nửa ngoài", boundary=factories.square(106.4985, 20.90, 0.003)
    )
    assert areas.show(session, half.id, reach=ALL).inside == pytest.approx(0.5, abs=0.01)
    far = factories.area(
        session, world.title, world.cooperative, "Ngoài", boundary=factories.square(107.0, 20.7, 0.003)
    )
    assert areas.show(session, far.id, reach=ALL).inside == pytest.approx(0)


def test_without_a_territory_there_is_no_share(session: Any, world: Any) -> None:
    session.get_one(ProtectionTitle, world.title.id).area = None
    session.flush()
    found = areas.show(session, world.area.id, reach=ALL)
    assert (found.inside, found.territory) == (None, None)
    assert found.shape["type"] == "MultiPolygon"


def test_an_area_out_of_reach_is_not_found(session: Any, world: Any) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    assert areas.show(session, world.area.id, reach=own).area is world.area
    with pytest.raises(NotFound):
        areas.show(session, world.other_area.id, reach=own)
    with pytest.raises(NotFound):
        areas.show(session, world.area.id, reach=Reach())


def test_the_list_finds_by_code_and_pages(session: Any, world: Any) -> None:
    for number in range(5):
        factories.area(session, world.title, world.cooperative, f"Lô đất {number}", code=f"VN-HPOR-{number:04}")
    lines, total = areas.listing(session, reach=ALL, on=NOW.date(), q="hpor-0003")
    assert ([line.area.name for line in lines], total) == (["Lô đất 3"], 1)
    lines, total = areas.listing(session, reach=ALL, on=NOW.date(), page=2, size=3)
    assert (len(lines), total) == (3, 7)
    assert all(line.active_codes == 1 for line in lines)
