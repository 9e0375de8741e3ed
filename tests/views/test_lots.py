"""Lots on their pages: recording, certifying, recalling, and every refusal."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

import pytest

from tests import factories
from trace.models.lots import Lot, LotState

NEW = "/lo/moi"


def facts(world: Any, **changes: str) -> dict[str, str]:
    """A good form."""
    return {
        "code": "L-2606-777", "source": f"area:{world.area.id}", "season": str(world.season.id), "volume_kg": "120,5",
        "harvested_on": "10/06/2026", "packed_on": "11/06/2026", "expires_on": "30/06/2026", **changes,
    }  # fmt: skip


@pytest.fixture
def post(world: Any, sign_in: Any, token_of: Any) -> Any:
    """Send the form as the clerk, with a fresh key unless one is given."""
    client = sign_in(world.clerk)
    token = token_of(client, NEW)

    def send(key: str | None = None, **changes: str) -> Any:
        form = facts(world, **changes) | {"csrf_token": token, "idempotency_key": key or uuid.uuid4().hex}
        return client.post(NEW, data=form)

    return send


def lots_of(session: Any, **facts: Any) -> list[Lot]:
    session.expire_all()
    return session.query(Lot).filter_by(**facts).all()


def test_a_clerk_records_a_lot_and_sees_it_waiting(post: Any, session: Any, world: Any, sign_in: Any) -> None:
    answer = post()
    assert answer.status_code == 303
    (lot,) = lots_of(session, code="L-2606-777")
    assert (lot.state, lot.volume_g, lot.holder_id) == (LotState.DRAFT, 120_500, world.cooperative.id)
    page = sign_in(world.clerk).get(answer.location).get_data(as_text=True)
    assert "L-2606-777" in page
    assert "120,5 kg" in page
    assert "Người mẫu Thu" in page.split("<aside>")[1]


def test_the_same_form_sent_twice_makes_one_lot(post: Any, session: Any) -> None:
    first, second = post(key="a" * 20), post(key="a" * 20)
    assert first.location == second.location
    assert len(lots_of(session, code="L-2606-777")) == 1


def test_text_typed_on_a_mac_is_kept_in_nfc(post: Any, session: Any) -> None:
    post(code=unicodedata.normalize("NFD", "  LÔ-Vải-1 "))
    assert len(lots_of(session, code=unicodedata.normalize("NFC", "LÔ-Vải-1"))) == 1


def test_all_faults_come_back_at_once_and_the_input_is_kept(post: Any, session: Any) -> None:
    answer = post(harvested_on="12/06/2026", packed_on="11/06/2026", volume_kg="999.999", code="Lô 🍒")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    errors = page.split('id="errors"')[1].split("</div>")[0]
    assert errors.count("<li>") == 2
    assert 'value="999.999"' in page
    assert 'value="Lô 🍒"' in page
    assert lots_of(session, code="Lô 🍒") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"code": ""}, {"code": "   "}, {"code": "L" * 41}, {"source": ""}, {"season": ""}, {"volume_kg": ""}, {"volume_kg": "nhiều"},
        {"volume_kg": "0"}, {"volume_kg": "-5"}, {"harvested_on": "31/02/2026"}, {"packed_on": "hôm qua"}, {"expires_on": ""},
        {"harvested_on": "10/06/2016", "packed_on": "11/06/2016"}, {"source": "area:not-an-id"}, {"season": str(factories.some_id())},
        {"volume_kg": "1e9"}, {"harvested_on": "10/06/1926"},
    ],
)  # fmt: skip
def test_a_form_with_a_fault_is_refused_with_422(post: Any, session: Any, changes: dict[str, str]) -> None:
    answer = post(**changes)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert len(lots_of(session)) == 2


def test_another_organisations_area_cannot_be_chosen(post: Any, session: Any, world: Any) -> None:
    assert post(source=f"area:{world.other_area.id}").status_code == 422
    assert len(lots_of(session)) == 2


def test_another_organisations_lot_is_not_found(world: Any, sign_in: Any) -> None:
    client = sign_in(world.clerk)
    assert client.get(f"/lo/{world.lot.id}").status_code == 200
    assert client.get(f"/lo/{world.other_lot.id}").status_code == 404
    assert client.get(f"/lo/{factories.some_id()}").status_code == 404


def test_pages_need_the_permission(world: Any, sign_in: Any, client: Any) -> None:
    assert client.get("/lo").status_code == 303
    assert sign_in(world.administrator).get("/lo").status_code == 403
    assert sign_in(world.manager).get(NEW).status_code == 403
    assert sign_in(world.packer).get(NEW).status_code == 403


def test_the_list_filters_by_its_address_and_says_when_nothing_answers(world: Any, sign_in: Any) -> None:
    client = sign_in(world.manager)
    page = client.get("/lo").get_data(as_text=True)
    assert f"/lo/{world.lot.id}" in page
    assert f"/lo/{world.other_lot.id}" in page
    page = client.get("/lo?q=thanh+son").get_data(as_text=True)
    assert f"/lo/{world.lot.id}" in page
    assert f"/lo/{world.other_lot.id}" not in page
    page = client.get("/lo?state=recalled&q=%00x").get_data(as_text=True)
    assert 'class="empty"' in page
    assert client.get("/lo?page=999999999999&state=nonsense&title=x").status_code == 200


def test_the_manager_certifies_what_the_clerk_recorded(
    post: Any, session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    where = post().location
    manager = sign_in(world.manager)
    token = token_of(manager, where)
    assert sign_in(world.controller).post(f"{where}/chung-nhan", data={"csrf_token": token}).status_code == 403
    assert manager.post(f"{where}/chung-nhan", data={"csrf_token": token}).status_code == 303
    assert lots_of(session, code="L-2606-777")[0].certified_by == world.manager.id
    again = manager.post(f"{where}/chung-nhan", data={"csrf_token": token})
    assert again.status_code == 409
    assert 'role="alert"' in again.get_data(as_text=True)


def test_a_recall_needs_its_reason_and_is_told_on_the_page(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    manager, where = sign_in(world.manager), f"/lo/{world.lot.id}"
    token = token_of(manager, where)
    assert manager.post(f"{where}/thu-hoi", data={"csrf_token": token, "reason": " "}).status_code == 422
    assert manager.post(f"{where}/thu-hoi", data={"csrf_token": token, "reason": "x" * 1001}).status_code == 422
    done = manager.post(f"{where}/thu-hoi", data={"csrf_token": token, "reason": "Dư lượng vượt mức"})
    assert done.status_code == 303
    assert "Dư lượng vượt mức" in manager.get(where).get_data(as_text=True)
    assert lots_of(session, id=world.lot.id)[0].state is LotState.RECALLED


def test_a_clerk_cannot_recall(world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, NEW)
    assert client.post(f"/lo/{world.lot.id}/thu-hoi", data={"csrf_token": token, "reason": "x"}).status_code == 403


def test_a_form_without_its_token_changes_nothing(session: Any, world: Any, sign_in: Any) -> None:
    assert sign_in(world.manager).post(f"/lo/{world.lot.id}/thu-hoi", data={"reason": "x"}).status_code == 403
    assert lots_of(session, id=world.lot.id)[0].state is LotState.CERTIFIED
