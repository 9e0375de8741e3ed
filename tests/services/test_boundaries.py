"""Every check of a boundary, triggered: what, where, and the way out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from geoalchemy2 import Geography
from sqlalchemy import cast, func, select

from tests import factories
from tests.geofiles import polygon, square
from trace.errors import NotFound, TemThatError
from trace.services import boundaries, boundary_faults, shapes
from trace.services.reach import Reach

ALL = Reach(everything=True)


def check(session: Any, world: Any, shape: Any, **facts: Any) -> boundaries.Checked:
    facts = {"title_id": world.title.id, "declared_ha": None, "reach": ALL, **facts}
    return boundaries.check(session, shape, **facts)


def swapped(ring: Any) -> Any:
    return [(lat, lon) for lon, lat in ring]


BOW = [(106.43, 20.91), (106.432, 20.912), (106.432, 20.91), (106.43, 20.912), (106.43, 20.91)]
FAULTY: dict[str, tuple[Any, type[TemThatError], dict[str, object]]] = {
    "nothing": (None, boundary_faults.BoundaryEmpty, {}),
    "empty": ({"type": "MultiPolygon", "coordinates": []}, boundary_faults.BoundaryEmpty, {}),
    "no ring": ({"type": "Polygon", "coordinates": [[]]}, boundary_faults.BoundaryEmpty, {}),
    "a point": ({"type": "Point", "coordinates": [106.4, 20.9]}, boundary_faults.NotAPolygon, {"kind": "Point"}),
    "rubbish": ([1, 2], boundary_faults.NotAPolygon, {}),
    "words": (polygon([("a", "b")] * 4), boundary_faults.NotCoordinates, {}),
    "ragged": ({"type": "Polygon", "coordinates": [[[1, 2], [3], [4, 5], [1, 2]]]}, boundary_faults.NotCoordinates, {}),
    "three points": (polygon(square()[:3]), boundary_faults.TooFewPoints, {"points": 3}),
    "unclosed": (polygon(square()[:4]), boundary_faults.RingNotClosed, {"metres": 222.6, "where": "20.91200, 106.43000"}),
    "swapped": (polygon(swapped(square())), boundary_faults.AxesSwapped, {"where": "106.43000, 20.91000"}),
    "metres": (polygon([(lon * 5000, lat * 100_000) for lon, lat in square()]), boundary_faults.LooksProjected, {}),
    "out of range": (polygon([(106.43, 20.91), (206.4, 20.9), (106.432, 20.912), (106.43, 20.91)]), boundary_faults.OutOfRange, {"where": "20.90000, 206.40000"}),
    "not finite": (polygon([(106.43, float("nan")), *square()[1:]]), boundary_faults.OutOfRange, {}),
    "another country": (polygon(square(10, 20)), boundary_faults.OutsideCity, {"where": "20.00000, 10.00000"}),
    "next city": (polygon(square(106.6, 20.91)), boundary_faults.PartlyOutsideCity, {"percent": 100.0}),
    "crossing": (polygon(BOW), boundary_faults.SelfCrossing, {"where": "20.91100, 106.43100"}),
    "a line to and fro": (polygon([(106.43, 20.91), (106.431, 20.91), (106.432, 20.91), (106.43, 20.91)]), boundary_faults.SelfCrossing, {}),
    "hole outside": (polygon(square(), square(106.44, 20.91, 0.0005)), boundary_faults.HoleOutside, {"where": "20.91000, 106.44000"}),
    "parts upon each other": ({"type": "MultiPolygon", "coordinates": [polygon(square())["coordinates"], polygon(square(106.4305, 20.9105, 0.0005))["coordinates"]]}, boundary_faults.PartsOverlap, {}),
    "too many points": (polygon([square()[0]] * (shapes.MOST_POINTS + 1)), boundary_faults.TooManyPoints, {"points": 20_001}),
    "same land": (polygon(square(106.42, 20.90, 0.003)), boundary_faults.DuplicateOfArea, {"name": "Vùng vải số 1", "percent": 100.0}),
    "overlap": (polygon(square(106.42, 20.90, 0.004)), boundary_faults.OverlapsArea, {"name": "Vùng vải số 1", "percent": 56.2}),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTY)
def test_a_fault_is_said_with_its_figures_and_the_way_out(session: Any, world: Any, what: str) -> None:
    shape, kind, figures = FAULTY[what]
    found = check(session, world, shape)
    fault = next((each for each in found.faults if type(each) is kind), None)
    assert fault is not None, [type(each).__name__ for each in found.faults]
    assert {name: fault.facts[name] for name in figures} == figures
    assert fault.way_out_id()
    assert fault.message_id() % fault.facts if fault.facts else fault.message_id()


def test_a_good_boundary_has_nothing_against_it(session: Any, world: Any) -> None:
    found = check(session, world, polygon(square()), declared_ha=Decimal("4.6"))
    assert (found.faults, found.remarks) == ((), ())
    assert (found.commune_code, found.inside) == ("10813", 1)
    assert found.shape is not None
    assert found.shape["coordinates"] == [polygon(square())["coordinates"]]


def test_a_feature_and_heights_are_taken_too(session: Any, world: Any) -> None:
    high = {"type": "Feature", "geometry": polygon([(lon, lat, 3.5) for lon, lat in square()])}
    assert check(session, world, high).faults == ()


def test_half_outside_the_territory_is_a_remark_and_more_a_fault(session: Any, world: Any) -> None:
    part = check(session, world, polygon(square(106.4985, 20.91, 0.002)))
    assert [type(each) for each in part.remarks] == [
        boundary_faults.PartlyOutsideCity,
        boundary_faults.OutsideTerritory,
    ]
    assert part.remarks[1].facts == {"percent": 25.0, "title": world.title.name}
    most = check(session, world, polygon(square(106.4995, 20.91, 0.002)))
    assert {type(each) for each in most.faults} == {boundary_faults.PartlyOutsideCity, boundary_faults.OutsideTerritory}


def test_a_title_without_territory_says_nothing_of_it(session: Any, world: Any) -> None:
    world.title.area = None
    session.flush()
    assert check(session, world, polygon(square())).inside is None


def test_declared_more_than_a_tenth_off_is_remarked_upon(session: Any, world: Any) -> None:
    assert check(session, world, polygon(square()), declared_ha=Decimal("5.06")).remarks == ()
    (more,) = check(session, world, polygon(square()), declared_ha=Decimal("5.2")).remarks
    assert (type(more), more.facts["percent"], more.facts["measured"]) == (
        boundary_faults.DeclaredMore,
        12.9,
        Decimal("4.61"),
    )
    (less,) = check(session, world, polygon(square()), declared_ha=Decimal(4)).remarks
    assert type(less) is boundary_faults.DeclaredLess


def test_another_organisations_area_is_not_named(session: Any, world: Any) -> None:
    stranger = Reach(holders=frozenset({world.cooperative.id}))
    theirs = factories.area(
        session, world.title, world.other_cooperative, "Vùng kín", boundary=factories.square(106.46, 20.95, 0.003)
    )
    assert theirs
    (same,) = check(session, world, polygon(square(106.46, 20.95, 0.003)), reach=stranger).faults
    assert (type(same), same.facts) == (boundary_faults.DuplicateOfOtherOrganisation, {"percent": 100.0})
    (over,) = check(session, world, polygon(square(106.46, 20.95, 0.004)), reach=stranger).faults
    assert type(over) is boundary_faults.OverlapsOtherOrganisation
    assert over.facts["square_metres"] == pytest.approx(103_600, rel=0.01)


def test_a_sliver_is_remarked_upon_and_a_shared_border_is_not(session: Any, world: Any) -> None:
    beside = polygon(square(106.423, 20.90, 0.003))
    assert check(session, world, beside).remarks == ()
    (said,) = check(session, world, polygon(square(106.42298, 20.90, 0.003))).remarks
    assert type(said) is boundary_faults.OverlapsArea


def test_an_area_does_not_overlap_itself(session: Any, world: Any) -> None:
    found = check(session, world, polygon(square(106.42, 20.90, 0.0031)), area_id=world.area.id)
    assert found.faults == ()


def test_land_may_serve_two_titles(session: Any, world: Any) -> None:
    other = factories.ProtectionTitle(kind=factories.TitleKind.COLLECTIVE_MARK, name="Mật ong mẫu", is_sample=True)
    session.add(other)
    session.flush()
    assert check(session, world, polygon(square(106.42, 20.90, 0.003)), title_id=other.id).faults == ()


def test_the_commune_is_the_one_that_holds_most(session: Any, world: Any) -> None:
    factories.commune(session, "10888", "Cẩm Giang", boundary=factories.square(106.50, 20.88, 0.1))
    assert check(session, world, polygon(square(106.4985, 20.91, 0.002))).commune_code == "10813"
    assert check(session, world, polygon(square(106.4995, 20.91, 0.002))).commune_code == "10888"


@pytest.mark.parametrize("side", [0.0003, 0.003, 0.02])
def test_hectares_agree_with_postgis(session: Any, side: float) -> None:
    ring = [
        (106.43, 20.91),
        (106.43 + side, 20.91 + side / 7),
        (106.43 + side, 20.91 + side),
        (106.43 + side / 3, 20.91 + side),
        (106.43, 20.91),
    ]
    drawn = shapes.from_geojson(polygon(ring, square(106.43 + side / 2, 20.91 + side / 2, side / 9)))
    measured = (
        session.scalar(select(func.ST_Area(cast(func.ST_GeomFromEWKB(shapes.ewkb(drawn)), Geography(srid=4326)))))
        / 10_000
    )
    assert shapes.hectares([drawn]) == [pytest.approx(measured, rel=1e-5)]


def test_an_unknown_title_is_not_found(session: Any, world: Any) -> None:
    with pytest.raises(NotFound):
        check(session, world, polygon(square()), title_id=world.area.id)
