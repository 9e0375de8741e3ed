"""Recording and changing areas: who may, what is refused with everything at once, which boundary stood when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.areas import GrowingArea
from trace.models.history import History
from trace.models.plots import PastBoundary
from trace.services import area_edits, areas, editing, outlines
from trace.services.area_edits import AreaFacts
from trace.services.reach import Reach

ALL = Reach(everything=True)
FIELD = "20.93, 106.45\n20.93, 106.452\n20.932, 106.452\n20.932, 106.45"


def shape(text: str = FIELD) -> dict[str, Any]:
    found = outlines.read(text)
    assert found is not None
    return found


@pytest.fixture
def facts(world: Any) -> AreaFacts:
    return AreaFacts(
        name="Vùng mới", holder_id=world.cooperative.id, title_id=world.title.id, commune_code="10813",
        declared_ha=Decimal("4.6"), crop="Vải", variety="Thiều", trees=1200, planted_in=1998,
    )  # fmt: skip


def record(session: Any, world: Any, facts: AreaFacts, **other: Any) -> GrowingArea:
    given = {"shape": shape(), "by": world.manager.id, "at": NOW, "reach": ALL} | other
    return area_edits.record(session, facts, **given)


def revise(session: Any, world: Any, area: GrowingArea, facts: AreaFacts, **other: Any) -> GrowingArea:
    given = {"revision": area.revision, "shape": shape(), "why": None, "by": world.manager.id, "at": NOW, "reach": ALL}
    return area_edits.revise(session, area.id, facts, **given | other)


def of(area: GrowingArea) -> AreaFacts:
    names = ("name", "holder_id", "title_id", "commune_code", "declared_ha", "crop", "variety", "trees", "planted_in")
    return AreaFacts(**{name: getattr(area, name) for name in names})


def kinds(refused: Any) -> set[str]:
    return {type(each).__name__ for each in refused.value.reasons}


def test_an_area_is_recorded_with_its_deed(session: Any, world: Any, facts: AreaFacts) -> None:
    area = record(session, world, facts)
    assert areas.show(session, area.id, reach=ALL).measured_ha == pytest.approx(4.61, abs=0.01)
    deed = session.scalars(select(History).where(History.subject_id == area.id)).one()
    assert deed.deed == "area:record"
    assert deed.changes["measured_ha"] == [None, "4.61"]
    assert deed.changes["trees"] == [None, 1200]


def test_everything_against_an_area_is_said_at_once(session: Any, world: Any, facts: AreaFacts) -> None:
    wrong = replace(facts, name=world.area.name, planted_in=NOW.year + 1)
    crossing = shape("20.93, 106.45\n20.93, 106.452\n20.932, 106.45\n20.932, 106.452")
    with pytest.raises(Refused) as refused:
        record(session, world, wrong, shape=crossing)
    assert kinds(refused) == {"AreaNameTaken", "PlantedInFuture", "SelfCrossing"}
    with pytest.raises(Refused) as refused:
        record(session, world, facts, shape=None)
    assert kinds(refused) == {"BoundaryEmpty"}


def test_a_clerk_records_for_the_own_cooperative_only(session: Any, world: Any, facts: AreaFacts) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    assert record(session, world, facts, reach=own).holder_id == world.cooperative.id
    with pytest.raises(Refused) as refused:
        record(session, world, replace(facts, holder_id=world.other_cooperative.id), reach=own)
    assert "HolderNotYours" in kinds(refused)
    with pytest.raises(NotFound):
        revise(session, world, world.other_area, of(world.other_area), reach=own)


def test_a_managing_body_records_under_its_titles_only(session: Any, world: Any, facts: AreaFacts) -> None:
    managed = Reach(titles=frozenset({world.title.id}))
    assert record(session, world, replace(facts, holder_id=world.other_cooperative.id), reach=managed)
    with pytest.raises(Refused) as refused:
        record(session, world, facts, reach=Reach(titles=frozenset({factories.some_id()})))
    assert "HolderNotYours" in kinds(refused)


def test_the_boundary_of_any_past_day_can_be_shown(session: Any, world: Any, facts: AreaFacts) -> None:
    area = record(session, world, facts)
    later, last = NOW + timedelta(days=30), NOW + timedelta(days=60)
    wider = shape(FIELD.replace("106.452", "106.453"))
    revise(session, world, area, facts, shape=wider, at=later)
    revise(session, world, area, facts, shape=shape(), at=last, by=world.clerk.id)
    before = area_edits.boundary_at(session, area, at=NOW + timedelta(days=1))
    assert before is not None
    assert before[1] == 4.61
    between = area_edits.boundary_at(session, area, at=later + timedelta(days=1))
    assert between is not None
    assert between[1] == 6.91
    assert between[0]["coordinates"][0][0][1] == [106.453, 20.93]
    assert area_edits.boundary_at(session, area, at=last) is None
    told = area_edits.versions(session, area, measured_ha=4.607)
    assert [(each.since, each.until) for each in told] == [(last, None), (later, last), (None, later)]
    assert [each.redrawn_by for each in told] == [world.clerk.full_name, world.manager.full_name, None]


def test_a_change_of_words_keeps_the_boundary(session: Any, world: Any, facts: AreaFacts) -> None:
    area = record(session, world, facts)
    revise(session, world, area, replace(facts, name="Tên khác"), why="Đổi tên theo thôn")
    assert session.scalar(select(func.count()).select_from(PastBoundary)) == 0
    deed = session.scalars(select(History).where(History.deed == "area:change")).one()
    assert deed.changes == {"name": ["Vùng mới", "Tên khác"], "revision": [1, 2]}
    assert deed.why == "Đổi tên theo thôn"


def test_nobody_overwrites_what_they_have_not_seen(session: Any, world: Any, facts: AreaFacts) -> None:
    area = record(session, world, facts)
    revise(session, world, area, replace(facts, trees=1300), by=world.clerk.id)
    with pytest.raises(editing.EditedMeanwhile) as refused:
        revise(session, world, area, replace(facts, variety="U hồng"), revision=1)
    assert [deed.changes["trees"] for deed in refused.value.deeds] == [[1200, 1300]]
    session.expire_all()
    assert session.get_one(GrowingArea, area.id).variety == "Thiều"


def test_an_area_under_a_certificate_stays_with_its_holder(session: Any, world: Any) -> None:
    text = outlines.write(areas.show(session, world.area.id, reach=ALL).shape)
    with pytest.raises(Refused) as refused:
        revise(
            session, world, world.area, replace(of(world.area), holder_id=world.other_cooperative.id), shape=shape(text)
        )
    assert kinds(refused) == {"SourceInUse"}


def test_past_boundaries_never_overlap_in_time(session: Any, world: Any) -> None:
    from sqlalchemy.dialects.postgresql import Range

    for start in (0, 5):
        session.add(
            PastBoundary(
                area_id=world.area.id, boundary=factories.square(106.4, 20.9), measured_ha=1, redrawn_by=world.manager.id,
                stood_during=Range(NOW + timedelta(days=start), NOW + timedelta(days=start + 10)),
            )
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="ex_past_boundary_one_at_a_time"):
        session.flush()
