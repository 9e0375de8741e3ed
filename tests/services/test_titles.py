"""Titles: parties on a day, successors, and who may not hold a certificate."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from trace.errors import NotFound
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole, TitleRoleKind
from trace.services import titles


def appoint(
    session: Any, title: Any, party: Any, role: TitleRoleKind, start: date, *, end: date | None = None
) -> TitleRole:
    made = TitleRole(
        title_id=title.id, party_id=party.id, role=role, valid_during=Range(start, end), deciding_document="QĐ"
    )
    session.add(made)
    session.flush()
    return made


def test_a_successor_leaves_the_predecessor_on_record(session: Any, world: Any) -> None:
    old = factories.party(session, "Ủy ban nhân dân huyện mẫu")
    appoint(session, world.title, old, TitleRoleKind.MANAGING_BODY, date(2007, 6, 8), end=date(2020, 1, 1))

    def managed_on(day: date) -> list[str]:
        return [role.party.name for role in titles.parties_on(session, world.title.id, as_of=day)]

    assert managed_on(date(2007, 6, 7)) == []
    assert managed_on(date(2019, 12, 31)) == ["Ủy ban nhân dân huyện mẫu"]
    assert managed_on(date(2020, 1, 1)) == ["Hội sản xuất vải mẫu"]
    assert len(titles.parties_ever(session, world.title.id)) == 2


def test_parties_stand_in_the_order_owner_registrant_managing_control(session: Any, world: Any) -> None:
    for role in (TitleRoleKind.CONTROL_BODY, TitleRoleKind.OWNER, TitleRoleKind.REGISTRANT):
        appoint(session, world.title, world.authority, role, date(2021, 1, 1))
    found = [role.role for role in titles.parties_on(session, world.title.id, as_of=date(2026, 1, 1))]
    assert found == list(TitleRoleKind)


@pytest.mark.parametrize(
    ("kind", "role", "refused"),
    [
        (TitleKind.CERTIFICATION_MARK, TitleRoleKind.OWNER, True),
        (TitleKind.CERTIFICATION_MARK, TitleRoleKind.CONTROL_BODY, False),
        (TitleKind.COLLECTIVE_MARK, TitleRoleKind.OWNER, False),
    ],
)
def test_only_the_owner_of_a_certification_mark_is_barred(
    session: Any, world: Any, kind: TitleKind, role: TitleRoleKind, refused: bool
) -> None:
    world.title.kind = kind
    party = factories.party(session, "Cơ sở mẫu chưa có giấy")
    appoint(session, world.title, party, role, date(2021, 1, 1), end=date(2026, 1, 1))
    if refused:
        with pytest.raises(titles.OwnerCannotHold):
            titles.check_may_hold(session, world.title, party.id, on=date(2025, 12, 31))
    else:
        titles.check_may_hold(session, world.title, party.id, on=date(2025, 12, 31))
    titles.check_may_hold(session, world.title, party.id, on=date(2026, 1, 1))


def test_the_list_counts_users_of_the_sign_and_sorts_the_vietnamese_way(session: Any, world: Any) -> None:
    session.add_all(
        [
            ProtectionTitle(kind=TitleKind.COLLECTIVE_MARK, name=name)
            for name in ("Đu đủ mẫu", "Dứa mẫu", "Ổi mẫu", "Bưởi mẫu")
        ]
    )
    session.flush()
    lines = titles.listing(session, on=date(2026, 6, 1))
    assert [line.title.name for line in lines] == ["Bưởi mẫu", "Dứa mẫu", "Đu đủ mẫu", "Ổi mẫu", "Vải mẫu Thanh Hà"]
    assert lines[-1].holders == 2
    assert lines[-1].named("managing_body") == "Hội sản xuất vải mẫu"
    assert [line.title.name for line in titles.listing(session, on=date(2026, 6, 1), q="du du")] == ["Đu đủ mẫu"]


def test_a_territory_is_geojson_or_nothing(session: Any, world: Any) -> None:
    assert titles.boundary(session, world.title.id)["type"] in {"Polygon", "MultiPolygon"}
    bare = ProtectionTitle(kind=TitleKind.COLLECTIVE_MARK, name="Chưa vẽ")
    session.add(bare)
    session.flush()
    assert titles.boundary(session, bare.id) is None
    with pytest.raises(NotFound):
        titles.get(session, factories.some_id())
