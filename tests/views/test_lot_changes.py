"""Merging, splitting, releasing and the events of a lot on their pages."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from tests.services.test_farm_log import spray
from tests.services.test_lot_story import PAPER, outsider
from trace.models.lots import Lot, LotState
from trace.services import farm_log, lots
from trace.services.reach import Reach

__all__ = ["outsider"]


@pytest.fixture
def other(session: Any, world: Any) -> Lot:
    made = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-9", volume_g=10_000
    )
    session.commit()
    return made


@pytest.fixture
def send(world: Any, sign_in: Any, token_of: Any) -> Any:
    def post(path: str, user: Any = None, **fields: Any) -> Any:
        client = sign_in(user or world.clerk)
        token = token_of(client, path)
        form = {"csrf_token": token, "idempotency_key": uuid.uuid4().hex, **fields}
        return client.post(path, data=form, content_type="multipart/form-data")

    return post


def lot_named(session: Any, code: str) -> Lot:
    session.expire_all()
    found: Lot = session.query(Lot).filter_by(code=code).one()
    return found


def test_a_clerk_merges_and_sees_one_step_back_and_forward(
    session: Any, world: Any, other: Lot, send: Any, sign_in: Any
) -> None:
    path = f"/lo/{world.lot.id}/gop"
    assert send(path, **{"with": [], "code": "G-1"}).status_code == 422
    refused = send(path, **{"with": [str(other.id)], "code": "L-9"})
    assert refused.status_code == 422
    assert 'id="code-error"' in refused.get_data(as_text=True)
    assert f'value="{other.id}" checked' in refused.get_data(as_text=True)
    done = send(path, **{"with": [str(other.id)], "code": "G-1"})
    assert done.status_code == 303
    made = lot_named(session, "G-1")
    client = sign_in(world.clerk)
    page = client.get(done.location).get_data(as_text=True)
    assert f"/lo/{world.lot.id}" in page
    assert "610 kg" in page
    parent = client.get(f"/lo/{world.lot.id}").get_data(as_text=True)
    assert f"/lo/{made.id}" in parent
    assert "Đã đóng" in parent
    assert "Chuyển đổi" in client.get(f"/lo/{made.id}/su-kien").get_data(as_text=True)
    assert sign_in(world.other_clerk).get(f"/lo/{made.id}/su-kien").status_code == 404


def test_a_split_keeps_what_was_typed_and_adds_up(session: Any, world: Any, send: Any) -> None:
    path = f"/lo/{world.lot.id}/tach"
    parts = {"parts-0-code": "A", "parts-0-kg": "200", "parts-1-code": "B", "parts-1-kg": "300"}
    refused = send(path, **parts)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "500" in page
    assert "600" in page
    assert 'value="200"' in page
    more = send(path, **parts, more="1").get_data(as_text=True)
    assert 'name="parts-4-code"' in more
    assert 'value="300"' in more
    assert send(path, **parts | {"parts-1-kg": "400,5"}).status_code == 422
    assert send(path, **parts | {"parts-1-kg": "nhiều"}).status_code == 422
    assert lots.coded(session, {world.lot.id}) == [world.lot.code]
    assert send(path, **parts | {"parts-1-kg": "400"}).status_code == 303
    assert (lot_named(session, "A").volume_g, lot_named(session, "B").volume_g) == (200_000, 400_000)
    assert session.get_one(Lot, world.lot.id).state is LotState.CLOSED


def test_an_outsider_releases_with_a_file_and_the_certifier_of_the_manager_may_not(
    session: Any, world: Any, outsider: Any, send: Any, sign_in: Any
) -> None:
    session.commit()
    path = f"/lo/{world.lot.id}/xac-nhan-ngoai"
    form = {"conforms": "yes", "document": "PKN-MẪU 12"}
    assert send(path, world.certifier, **form, file=(io.BytesIO(PAPER), "p.pdf")).status_code == 403
    missing = send(path, outsider, **form)
    assert missing.status_code == 422
    assert 'id="file-error"' in missing.get_data(as_text=True)
    bad = send(path, outsider, **form, file=(io.BytesIO(b"MZ"), "p.pdf"))
    assert bad.status_code == 422
    assert 'id="file-error"' in bad.get_data(as_text=True)
    assert send(path, outsider, **form, file=(io.BytesIO(PAPER), "phieu.pdf")).status_code == 303
    client = sign_in(world.manager)
    page = client.get(f"/lo/{world.lot.id}").get_data(as_text=True)
    assert "PKN-MẪU 12" in page
    file = page.split("/lo/xac-nhan-ngoai/")[1].split('"')[0]
    paper = client.get(f"/lo/xac-nhan-ngoai/{file}")
    assert paper.data == PAPER
    paper.close()
    assert sign_in(world.other_clerk).get(f"/lo/xac-nhan-ngoai/{file}").status_code == 404


def test_a_recall_names_the_lots_it_reaches(session: Any, world: Any, other: Lot, send: Any, sign_in: Any) -> None:
    send(f"/lo/{world.lot.id}/gop", **{"with": [str(other.id)], "code": "G-1"})
    page = sign_in(world.manager).get(f"/lo/{other.id}").get_data(as_text=True)
    assert "1 lô tạo từ nó cũng bị thu hồi: G-1" in page
    lots.recall(session, other.id, reason="Dư lượng", by=world.manager.id, at=NOW, reach=Reach(everything=True))
    session.commit()
    assert "Dư lượng" in sign_in(world.clerk).get(f"/lo/{lot_named(session, 'G-1').id}").get_data(as_text=True)


def test_only_those_who_record_lots_merge_and_split(world: Any, sign_in: Any) -> None:
    for page in ("gop", "tach"):
        assert sign_in(world.manager).get(f"/lo/{world.lot.id}/{page}").status_code == 403
        assert sign_in(world.other_clerk).get(f"/lo/{world.lot.id}/{page}").status_code == 404
    assert sign_in(world.clerk).get(f"/lo/{world.lot.id}/xac-nhan-ngoai").status_code == 403


def test_whoever_certifies_or_releases_is_told_what_was_struck_out_of_the_farm_log(
    session: Any, world: Any, outsider: Any, sign_in: Any
) -> None:
    entry = spray(session, world, done_on=world.lot.harvested_on - timedelta(days=3))
    for path, reader in (("", world.manager), ("/xac-nhan-ngoai", outsider)):
        assert "Nhầm thửa" not in sign_in(reader).get(f"/lo/{world.lot.id}{path}").get_data(as_text=True)
    farm_log.strike(session, entry.id, reason="Nhầm thửa", by=world.clerk.id, at=NOW, reach=Reach(everything=True))
    session.commit()
    for path, reader in (("", world.manager), ("/xac-nhan-ngoai", outsider)):
        page = sign_in(reader).get(f"/lo/{world.lot.id}{path}").get_data(as_text=True)
        told = page[page.index('id="struck"') :]
        for words in ("Thuốc mẫu A", "Hoạt chất mẫu", "Người mẫu Thu", "Nhầm thửa", world.lot.code):
            assert words in told
        assert 'data-kind="attention"' in told
