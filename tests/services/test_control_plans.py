"""Control plans: drafts are edited, versions in force are superseded, and nobody overwrites what they have not seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.control_plans import EvidenceKind, Frequency
from trace.models.controls import ControlLevel, Severity
from trace.services import control_plans, history
from trace.services.control_plans import ItemFacts
from trace.services.editing import EditedMeanwhile
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def facts(**changes: Any) -> ItemFacts:
    given = {
        "code": "KS-09", "wording": "Kho riêng", "method": "Xem kho", "frequency": Frequency.YEARLY, "severity": Severity.MINOR,
        "evidence": EvidenceKind.NONE, "levels": [ControlLevel.INTERNAL],
    } | changes  # fmt: skip
    return ItemFacts(**given)


@pytest.fixture
def draft(session: Any, world: Any) -> Any:
    return control_plans.draft(session, world.title.id, by=world.manager.id, at=NOW, reach=ALL)


def put(session: Any, world: Any, plan: Any, item_id: Any = None, revision: int | None = None, **changes: Any) -> Any:
    return control_plans.put_item(
        session, plan.id, item_id, facts(**changes), revision=plan.revision if revision is None else revision, by=world.manager.id, at=NOW,
        reach=ALL,
    )  # fmt: skip


def force(session: Any, world: Any, plan: Any, valid_from: Any = TODAY) -> Any:
    return control_plans.put_in_force(
        session,
        plan.id,
        valid_from=valid_from,
        revision=plan.revision,
        by=world.manager.id,
        at=NOW,
        today=TODAY,
        reach=ALL,
    )


def test_a_draft_begins_with_the_items_of_the_last_version(session: Any, world: Any, draft: Any) -> None:
    assert (draft.version, [item.code for item in draft.items]) == (2, [item.code for item in world.plan.items])
    assert {item.id for item in draft.items}.isdisjoint({item.id for item in world.plan.items})
    with pytest.raises(control_plans.DraftExists):
        control_plans.draft(session, world.title.id, by=world.manager.id, at=NOW, reach=ALL)


def test_a_version_in_force_is_superseded_and_never_edited(session: Any, world: Any, draft: Any) -> None:
    put(session, world, draft)
    later = TODAY + timedelta(days=10)
    force(session, world, draft, later)
    assert (world.plan.valid_during.upper, draft.valid_during.lower, draft.valid_during.upper) == (later, later, None)
    assert control_plans.in_force(session, world.title.id, on=later - timedelta(days=1)).id == world.plan.id
    assert control_plans.in_force(session, world.title.id, on=later).id == draft.id
    for plan in (world.plan, draft):
        with pytest.raises(control_plans.InForceAlready):
            put(session, world, plan, code="KS-10")
        with pytest.raises(control_plans.InForceAlready):
            force(session, world, plan)
    assert [deed.deed for deed in history.of(session, world.plan.id)] == ["control_plan:supersede"]


def test_a_version_begins_today_or_later_and_after_the_one_before(session: Any, world: Any, draft: Any) -> None:
    with pytest.raises(Refused) as refused:
        force(session, world, draft, world.plan.valid_during.lower)
    assert {type(each) for each in refused.value.reasons} == {
        control_plans.StartsInPast,
        control_plans.StartsBeforeLast,
    }


def test_an_empty_version_is_not_put_in_force(session: Any, world: Any, draft: Any) -> None:
    for item in list(draft.items):
        control_plans.drop_item(
            session, draft.id, item.id, revision=draft.revision, by=world.manager.id, at=NOW, reach=ALL
        )
    with pytest.raises(Refused) as refused:
        force(session, world, draft)
    assert [type(each) for each in refused.value.reasons] == [control_plans.NoItems]


def test_all_faults_of_an_item_come_at_once(session: Any, world: Any, draft: Any) -> None:
    with pytest.raises(Refused) as refused:
        put(session, world, draft, code="ks 1", wording=" ", levels=[])
    assert {type(each) for each in refused.value.reasons} == {
        control_plans.CodeForm, control_plans.WordingMissing, control_plans.LevelMissing,
    }  # fmt: skip
    with pytest.raises(Refused) as refused:
        put(session, world, draft, code="KS-01")
    assert [type(each) for each in refused.value.reasons] == [control_plans.CodeTaken]


def test_nobody_overwrites_what_they_have_not_seen(session: Any, world: Any, draft: Any) -> None:
    put(session, world, draft)
    with pytest.raises(EditedMeanwhile) as meanwhile:
        put(session, world, draft, revision=1, code="KS-10")
    assert "KS-09" in str(meanwhile.value.deeds[-1].changes["item"])


def test_an_item_keeps_its_place_and_its_changes_are_told(session: Any, world: Any, draft: Any) -> None:
    first = draft.items[0]
    put(session, world, draft, first.id, code=first.code, wording="Ranh giới cắm mốc")
    assert draft.items[0].wording == "Ranh giới cắm mốc"
    assert "Ranh giới cắm mốc" in history.of(session, draft.id)[0].changes["item"][1]


def test_a_discarded_draft_leaves_its_trace_at_the_title(session: Any, world: Any, draft: Any) -> None:
    control_plans.discard(session, draft.id, revision=draft.revision, by=world.manager.id, at=NOW, reach=ALL)
    assert len(control_plans.versions(session, world.title.id)) == 1
    assert history.of(session, world.title.id)[0].deed == "control_plan:discard"


def test_plans_of_a_title_out_of_reach_are_not_changed(session: Any, world: Any, draft: Any) -> None:
    for reach in (Reach(), Reach(titles=frozenset({factories.some_id()}))):
        with pytest.raises(NotFound):
            control_plans.describe(session, draft.id, summary="x", revision=1, by=world.manager.id, at=NOW, reach=reach)
