"""Pages of members: rights, forms that lose nothing, masked numbers, leaving, and households of areas."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.models.members import Membership
from trace.models.parties import Party, PartyKind
from trace.models.plots import AreaHousehold

NUMBER = "031098001234"


def member_form(world: Any, token: str, **other: Any) -> dict[str, Any]:
    return {
        "csrf_token": token, "idempotency_key": "k" * 32, "collective": str(world.cooperative.id), "name": "Phạm Thị Mẫu",
        "kind": "household", "code": "", "national_id": NUMBER, "tax_code": "", "phone": "0912 345 678", "address": "Thôn Mẫu",
        "commune": "10813", "declared_ha": "0,35", "joined_on": "01/02/2026",
    } | other  # fmt: skip


@pytest.fixture
def member(session: Any, world: Any) -> Any:
    party = factories.party(session, "Phạm Thị Mẫu", PartyKind.HOUSEHOLD, phone="0912345678", commune_code="10813")
    made = Membership(
        collective_id=world.cooperative.id, member_id=party.id, code="TV-0001", national_id=NUMBER, declared_ha=Decimal("0.35"),
        member_during=Range(date(2026, 1, 1), None), recorded_at=NOW,
    )  # fmt: skip
    session.add(made)
    session.commit()
    return made


def test_a_member_is_recorded_once_and_found_by_any_word(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    form = member_form(world, token_of(client, "/thanh-vien/moi"))
    for _ in range(2):
        answer = client.post("/thanh-vien/moi", data=form)
        assert answer.status_code == 303
    made = session.scalars(select(Membership)).one()
    assert answer.location == f"/thanh-vien/{made.id}"
    assert (made.code, made.national_id, made.member.phone) == ("TV-0001", NUMBER, "0912345678")
    page = client.get(answer.location).get_data(as_text=True)
    assert "Ghi thành viên" in page.split("Lịch sử")[1]
    for q in ("pham thi", "TV-0001", "0912345678", "thanh ha", NUMBER):
        assert "Phạm Thị Mẫu" in client.get("/thanh-vien", query_string={"q": q}).get_data(as_text=True), q
    assert "Phạm Thị Mẫu" not in client.get("/thanh-vien?q=Nguyễn").get_data(as_text=True)


def test_identity_numbers_are_shown_in_part_in_lists_pages_and_history(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    client = sign_in(world.clerk)
    edit = f"/thanh-vien/{member.id}/sua"
    form = member_form(
        world, token_of(client, edit), code="TV-0001", national_id="031098009999", revision="1", why="Gõ nhầm"
    )
    assert client.post(edit, data=form).status_code == 303
    for path in ("/thanh-vien", f"/thanh-vien/{member.id}", "/xuat/members.csv"):
        page = client.get(path).get_data(as_text=True)
        assert "•••••••••999" in page, path
        assert "031098009999" not in page, path
        assert NUMBER not in page, path
    assert "031098009999" in client.get(edit).get_data(as_text=True), "only its own form shows it"


def test_faults_come_at_once_at_their_fields(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    client = sign_in(world.clerk)
    form = member_form(
        world, token_of(client, "/thanh-vien/moi"), name="", national_id="123456789", phone="12", tax_code="1", code="mã một",
        commune="", declared_ha="nhiều", joined_on="hôm qua",
    )  # fmt: skip
    answer = client.post("/thanh-vien/moi", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for field in ("name", "national_id", "phone", "tax_code", "code", "commune", "declared_ha", "joined_on"):
        assert f'href="#{field}"' in page, field
    assert 'value="nhiều"' in page
    good = member_form(world, form["csrf_token"], code="TV-0001", joined_on="01/01/2030")
    page = client.post("/thanh-vien/moi", data=good).get_data(as_text=True)
    for field in ("code", "national_id", "joined_on"):
        assert f'href="#{field}"' in page, field


def test_the_second_editor_sees_what_changed(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    client, edit = sign_in(world.clerk), f"/thanh-vien/{member.id}/sua"
    form = member_form(world, token_of(client, edit), revision="1", code="TV-0001")
    assert client.post(edit, data=form | {"phone": "0988888888"}).status_code == 303
    answer = client.post(edit, data=form | {"address": "Xóm Mới"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "0988888888" in page
    assert 'value="Xóm Mới"' in page
    assert client.post(edit, data=form | {"address": "Xóm Mới", "revision": "2"}).status_code == 303


def test_a_party_that_others_use_keeps_its_particulars(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    session.add(
        Membership(
            collective_id=world.other_cooperative.id, member_id=member.member_id, code="X", member_during=Range(date(2026, 1, 1), None),
            recorded_at=NOW,
        )
    )  # fmt: skip
    session.commit()
    client, edit = sign_in(world.clerk), f"/thanh-vien/{member.id}/sua"
    form = member_form(world, token_of(client, edit), revision="1", code="TV-0001", address="")
    assert client.post(edit, data=form | {"name": "Tên Khác"}).status_code == 422
    assert client.post(edit, data=form | {"code": "TV-9"}).status_code == 303
    session.expire_all()
    assert session.get(Party, member.member_id).name == "Phạm Thị Mẫu"
    assert session.get(Membership, member.id).code == "TV-9"


def test_a_member_leaves_with_a_reason_and_is_listed_among_former_ones(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    client, path = sign_in(world.clerk), f"/thanh-vien/{member.id}"
    form = {"csrf_token": token_of(client, path), "revision": "1", "last_day": "31/01/2026", "reason": "Chuyển nơi ở"}
    for wrong in ({"reason": ""}, {"last_day": "01/01/2020"}, {"last_day": "01/01/2099"}):
        assert client.post(f"{path}/roi", data=form | wrong).status_code == 422, wrong
    assert client.post(f"{path}/roi", data=form | {"revision": "7"}).status_code == 409
    assert client.post(f"{path}/roi", data=form).status_code == 303
    assert "Chuyển nơi ở" in client.get(path).get_data(as_text=True)
    assert "Phạm Thị Mẫu" not in client.get("/thanh-vien").get_data(as_text=True)
    assert "31/01/2026" in client.get("/thanh-vien?standing=former").get_data(as_text=True)
    assert client.post(f"{path}/roi", data=form | {"revision": "2"}).status_code == 422


def test_a_household_of_an_area_is_placed_with_the_member(
    session: Any, world: Any, sign_in: Any, token_of: Any, member: Any
) -> None:
    household = AreaHousehold(area_id=world.area.id, name="PHẠM THI MẪU", square_metres=3500, trees=20)
    session.add(household)
    session.commit()
    client, path = sign_in(world.clerk), f"/thanh-vien/{member.id}"
    page = client.get(path).get_data(as_text=True)
    assert "Các hộ trùng tên" in page
    data = {"csrf_token": token_of(client, path)}
    assert client.post(f"{path}/ho/{household.id}/la", data=data).status_code == 303
    assert "Các hộ trùng tên" not in client.get(path).get_data(as_text=True)
    assert "3.500 m²" in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/ho/{household.id}/khong", data=data).status_code == 303
    session.expire_all()
    assert session.get(AreaHousehold, household.id).member_id is None


def test_members_are_open_to_the_collective_and_its_titles_bodies_only(
    session: Any, world: Any, sign_in: Any, member: Any
) -> None:
    path = f"/thanh-vien/{member.id}"
    assert sign_in(world.manager).get(path).status_code == 200
    assert sign_in(world.other_clerk).get(path).status_code == 404
    assert sign_in(world.packer).get(path).status_code == 403
    assert "Phạm Thị Mẫu" not in sign_in(world.other_clerk).get("/thanh-vien").get_data(as_text=True)
