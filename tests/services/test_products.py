"""Products and seasons: what buyers compare, numbers that scanners read, days that do not overlap."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests.conftest import NOW
from trace.errors import Refused
from trace.models.titles import SourceKind
from trace.services import editing, history, ordering, products
from trace.services.gate import SeasonClosed
from trace.services.products import Facts, Point, SeasonFacts
from trace.services.reach import Reach

ALL = Reach(everything=True)
POINTS = [
    Point("Tem nguyên", "Whole label"),
    Point("Đúng túi", "Right bag"),
    Point("Niêm phong nổi", "Raised seal", True),
]


def facts(**changed: Any) -> Facts:
    given: dict[str, Any] = {
        "name": "Vải sấy mẫu", "name_en": "Dried lychee", "description": "Vải sấy", "source_kind": SourceKind.AREA, "gtin": None,
        "points": POINTS,
    }  # fmt: skip
    return Facts(**given | changed)


def record(session: Any, world: Any, **changed: Any) -> Any:
    return products.record(session, world.title.id, facts(**changed), by=world.manager.id, at=NOW, reach=ALL)


def edit(session: Any, world: Any, product: Any, **changed: Any) -> Any:
    return products.edit(
        session, product.id, facts(**changed), revision=product.revision, by=world.manager.id, at=NOW, reach=ALL
    )


def kinds(refused: Any) -> set[type]:
    return {type(reason) for reason in refused.value.reasons}


def test_a_product_has_three_points_one_of_them_hard_to_copy(session: Any, world: Any) -> None:
    made = record(session, world)
    assert [point.hard_to_copy for point in made.comparison_points] == [False, False, True]
    for points, fault in (
        (POINTS[:2], products.PointsMissing),
        ([*POINTS[:2], Point("", "x", True)], products.PointsMissing),
        ([*POINTS[:2], Point("x", "x")], products.NoHardPoint),
    ):
        with pytest.raises(Refused) as refused:
            record(session, world, name="Khác", points=points)
        assert kinds(refused) == {fault}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("8934567890120", "08934567890120"), ("96385074", "00000096385074"), ("08934567890120", "08934567890120")],
)
def test_a_gtin_is_kept_with_fourteen_digits(session: Any, world: Any, typed: str, kept: str) -> None:
    assert record(session, world, gtin=typed).gtin == kept


@pytest.mark.parametrize(
    "typed", ["8934567890121", "893456789012", "abc", "893-4567890128", "８９３４５６７８９０１２８"]
)
def test_a_gtin_with_a_wrong_check_digit_is_refused(session: Any, world: Any, typed: str) -> None:
    with pytest.raises(Refused) as refused:
        record(session, world, gtin=typed, points=POINTS[:1])
    assert kinds(refused) == {products.GtinFaulty, products.PointsMissing}


def test_names_and_gtins_are_taken_once(session: Any, world: Any) -> None:
    record(session, world, gtin="8934567890120")
    with pytest.raises(Refused) as refused:
        record(session, world)
    assert kinds(refused) == {products.ProductNameTaken}
    with pytest.raises(Refused) as refused:
        record(session, world, name="Khác", gtin="8934567890120")
    assert kinds(refused) == {products.GtinTaken}


def test_an_edit_leaves_the_points_alone_and_nobody_is_overwritten(session: Any, world: Any) -> None:
    made = record(session, world)
    edit(session, world, made, points=[], description="Vải sấy dẻo")
    assert [point.text_vi for point in made.comparison_points] == ["Tem nguyên", "Đúng túi", "Niêm phong nổi"]
    assert history.of(session, made.id)[0].changes["description"][1] == "Vải sấy dẻo"
    with pytest.raises(editing.EditedMeanwhile):
        products.edit(session, made.id, facts(name="X"), revision=1, by=world.manager.id, at=NOW, reach=ALL)


def test_what_labels_and_lots_rest_on_is_kept(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        edit(session, world, world.product, source_kind=SourceKind.SITE)
    assert kinds(refused) == {products.SourceKindKept}
    # A GTIN may come later; once labels carry it, it stays.
    edit(session, world, world.product, gtin="8934567890120")
    edit(session, world, world.product, gtin=None)
    edit(session, world, world.product, gtin="8934567890120")
    ordering.place(
        session, lot_id=world.lot.id, quantity=1, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        edit(session, world, world.product, gtin=None)
    assert kinds(refused) == {products.GtinPrinted}


def season(**changed: Any) -> SeasonFacts:
    given: dict[str, Any] = {
        "name": "Vụ mẫu 2027", "first_day": date(2027, 5, 1), "last_day": date(2027, 7, 31), "yield_cap_kg_per_ha": 9000,
    }  # fmt: skip
    return SeasonFacts(**given | changed)


def open_season(session: Any, world: Any, **changed: Any) -> Any:
    return products.record_season(session, world.product.id, season(**changed), by=world.manager.id, at=NOW, reach=ALL)


def test_a_season_runs_through_its_last_day(session: Any, world: Any) -> None:
    made = open_season(session, world)
    assert made.runs_during == Range(date(2027, 5, 1), date(2027, 8, 1))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"last_day": date(2027, 4, 30)}, products.SeasonEndsBeforeStart),
        ({"last_day": date(2030, 1, 1)}, products.SeasonTooLong),
        ({"yield_cap_kg_per_ha": None}, products.YieldCapNeeded),
        ({"yield_cap_kg_per_ha": 0}, products.YieldCapNeeded),
        ({"name": "Vụ mẫu 2026"}, products.SeasonNameTaken),
    ],
)
def test_a_season_that_cannot_be_is_refused(session: Any, world: Any, changed: Any, fault: type) -> None:
    with pytest.raises(Refused) as refused:
        open_season(session, world, **changed)
    assert kinds(refused) == {fault}


def test_a_season_may_begin_while_goods_of_the_last_one_get_labels(session: Any, world: Any) -> None:
    assert open_season(session, world, first_day=date(2026, 8, 1), last_day=date(2027, 7, 31)).revision == 1


def test_an_edited_season_holds_its_lots_and_a_closed_one_is_kept(session: Any, world: Any) -> None:
    def change(**changed: Any) -> Any:
        return products.edit_season(
            session,
            world.season.id,
            season(**changed),
            revision=world.season.revision,
            by=world.manager.id,
            at=NOW,
            reach=ALL,
        )

    with pytest.raises(Refused) as refused:
        change()
    assert kinds(refused) == {products.LotsOutside}
    change(first_day=date(2026, 6, 1), last_day=date(2026, 7, 31), yield_cap_kg_per_ha=7000)
    assert world.season.yield_cap_kg_per_ha == 7000
    world.season.closed_at = NOW
    session.flush()
    with pytest.raises(SeasonClosed):
        change(first_day=date(2026, 6, 1), last_day=date(2026, 7, 31))
