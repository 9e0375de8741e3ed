"""Promises of saved filters: each has an owner and a name, sharing is only for reading, and the keys are each person's own choice."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from enforcement import filters
from enforcement.models import DeskList, SavedFilter
from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound


def keep(session: Session, user: object, name: str = "Sắp hạn", *, shared: bool = False) -> SavedFilter:
    return filters.save(session, DeskList.CASES, name, "due=soon", shared=shared, by=user.id, at=NOW)  # type: ignore[attr-defined]


def test_a_filter_is_seen_by_its_owner_and_once_shared_by_all(session: Session, world: factories.World) -> None:
    own = keep(session, world.officer, "  Sắp   hạn ")
    assert own.name == "Sắp hạn"
    assert [each.name for each in filters.of(session, world.officer.id)] == ["Sắp hạn"]
    assert filters.of(session, world.team_head.id) == []
    filters.change(session, own.id, name="Của cả đội", shared=True, by=world.officer.id)
    assert [each.name for each in filters.of(session, world.team_head.id)] == ["Của cả đội"]


def test_only_its_owner_changes_or_deletes_a_filter(session: Session, world: factories.World) -> None:
    own = keep(session, world.officer, shared=True)
    with pytest.raises(NotFound):
        filters.change(session, own.id, name="x", shared=False, by=world.team_head.id)
    with pytest.raises(NotFound):
        filters.delete(session, own.id, by=world.team_head.id)
    filters.delete(session, own.id, by=world.officer.id)
    assert filters.of(session, world.officer.id) == []


def test_a_name_is_taken_once_a_person(session: Session, world: factories.World) -> None:
    keep(session, world.officer)
    keep(session, world.team_head)
    with pytest.raises(filters.FilterNameTaken):
        keep(session, world.officer)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_filter_without_a_fair_name_is_refused(session: Session, world: factories.World, name: str) -> None:
    with pytest.raises(filters.FilterNameMissing):
        keep(session, world.officer, name)


def test_filters_are_bounded_in_length_and_number(
    session: Session, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(filters.FilterTooLong):
        filters.save(session, DeskList.CASES, "x", "q=" + "x" * 600, shared=False, by=world.officer.id, at=NOW)
    monkeypatch.setattr(filters, "MOST", 1)
    keep(session, world.officer)
    with pytest.raises(filters.FiltersFull):
        keep(session, world.officer, "Khác")


def test_the_keys_are_on_until_a_person_switches_them_off(session: Session, world: factories.World) -> None:
    assert filters.keys_on(session, world.officer.id)
    for on in (False, True, False):
        filters.set_keys(session, world.officer.id, on=on)
        assert filters.keys_on(session, world.officer.id) is on
    assert filters.keys_on(session, world.team_head.id)
