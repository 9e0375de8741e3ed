"""The electronic label, version by version: mandatory words, no past changed, what was in force on a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOW
from trace.errors import NotFound, Refused, broken_constraint
from trace.models.lots import LotState
from trace.services import label_versions
from trace.services.label_versions import MANDATORY
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests import factories
    from trace.models.showcase import ProductLabelVersion

TODAY = NOW.date()
SAID: dict[str, str | None] = {name: f"{name} mẫu" for name in MANDATORY}
ALL = Reach(everything=True)


def recorded(
    session: Session, world: factories.World, said: dict[str, str | None] = SAID, **facts: Any
) -> ProductLabelVersion:
    begins = facts.pop("valid_from", TODAY)
    return label_versions.record(
        session, world.product.id, said, valid_from=begins, reason=facts.pop("reason", "Bản mới"), seen=facts.pop("seen", 0), by=world.manager.id,
        at=facts.pop("at", NOW), reach=facts.pop("reach", ALL),
    )  # fmt: skip


def test_each_version_stands_from_its_day_until_the_next(session: Session, world: factories.World) -> None:
    recorded(session, world, valid_from=date(2026, 1, 1))
    recorded(session, world, SAID | {"storage_vi": "Giữ mát"}, seen=1, valid_from=TODAY + timedelta(days=10))
    versions = label_versions.of(session, world.product.id)
    assert [each.version for each in versions] == [2, 1]

    def on(day: date) -> int | None:
        found = label_versions.in_force(versions, on=day)
        return found.version if found else None

    assert on(date(2025, 12, 31)) is None
    assert on(TODAY) == 1
    assert on(TODAY + timedelta(days=9)) == 1
    assert on(TODAY + timedelta(days=10)) == 2


def test_a_version_overtaken_before_its_day_never_comes_into_force(session: Session, world: factories.World) -> None:
    recorded(session, world)
    recorded(session, world, SAID | {"storage_vi": "Lần hai"}, seen=1, valid_from=TODAY + timedelta(days=30))
    recorded(session, world, SAID | {"storage_vi": "Lần ba"}, seen=2, valid_from=TODAY + timedelta(days=5))
    versions = label_versions.of(session, world.product.id)
    found = label_versions.in_force(versions, on=TODAY + timedelta(days=60))
    assert found
    assert found.version == 3


def test_what_changed_between_versions_is_told(session: Session, world: factories.World) -> None:
    recorded(session, world)
    second = recorded(session, world, SAID | {"storage_vi": "Giữ mát", "warnings_vi": "Có hạt"}, seen=1)
    shown = label_versions.shown(session, world.product, on=TODAY)
    assert [(each.field, each.old, each.new) for each in shown.changes(second)] == [
        ("warnings_vi", None, "Có hạt"), ("storage_vi", "storage_vi mẫu", "Giữ mát"),
    ]  # fmt: skip
    assert shown.changes(shown.versions[1]) == []


def test_the_past_is_not_rewritten(session: Session, world: factories.World) -> None:
    recorded(session, world)
    with pytest.raises(Refused) as refused:
        recorded(session, world, SAID | {"storage_vi": "Khác"}, seen=1, valid_from=TODAY - timedelta(days=1))
    assert [type(each) for each in refused.value.reasons] == [label_versions.BeginsInPast]
    for change in ("UPDATE product_label_version SET reason = 'x'", "DELETE FROM product_label_version"):
        with pytest.raises(IntegrityError) as stopped, session.begin_nested():
            session.execute(text(change))
        assert broken_constraint(stopped.value) == "append_only"


def test_nobody_overwrites_what_they_have_not_seen(session: Session, world: factories.World) -> None:
    recorded(session, world)
    with pytest.raises(label_versions.VersionMeanwhile):
        recorded(session, world, SAID | {"storage_vi": "Khác"}, seen=0)


@pytest.mark.parametrize("lacking", MANDATORY)
def test_a_label_says_all_that_it_must(session: Session, world: factories.World, lacking: str) -> None:
    with pytest.raises(Refused) as refused:
        recorded(session, world, SAID | {lacking: "  "})
    assert [type(each) for each in refused.value.reasons] == [label_versions.FieldMissing]


def test_a_version_says_something_new_and_what(session: Session, world: factories.World) -> None:
    recorded(session, world)
    with pytest.raises(Refused) as refused:
        recorded(session, world, seen=1, reason=" ")
    assert {type(each) for each in refused.value.reasons} == {label_versions.NothingNew, label_versions.ReasonMissing}


def test_a_product_of_another_body_is_not_found(session: Session, world: factories.World) -> None:
    with pytest.raises(NotFound):
        recorded(session, world, reach=Reach(holders=frozenset({world.cooperative.id})))


def test_the_label_warns_of_lots_being_recalled(session: Session, world: factories.World) -> None:
    assert label_versions.shown(session, world.product, on=TODAY).recalls == []
    world.lot.state, world.lot.recall_reason = LotState.RECALLED, "Dư lượng vượt mức"
    session.flush()
    assert [each.code for each in label_versions.shown(session, world.product, on=TODAY).recalls] == [world.lot.code]


def test_the_database_keeps_a_label_from_saying_nothing(session: Session, world: factories.World) -> None:
    with pytest.raises(IntegrityError) as refused:
        session.execute(
            text(
                "INSERT INTO product_label_version (product_id, version, valid_from, fields, reason, recorded_at, recorded_by) "
                "VALUES (:product, 1, '2026-01-01', '{}', 'x', now(), :by)"
            ),
            {"product": world.product.id, "by": world.manager.id},
        )
    assert broken_constraint(refused.value) == "ck_product_label_version_mandatory_fields_present"
