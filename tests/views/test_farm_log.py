"""The farm log on its pages: writing, correcting, striking out, the photo, and every refusal at its field."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from PIL import Image

from tests import factories
from trace.models.farm_log import FarmLogEntry

NEW = "/nhat-ky-canh-tac/moi"


def facts(world: Any, **changes: Any) -> dict[str, Any]:
    return {
        "source": f"area:{world.area.id}", "kind": "pesticide", "done_on": "01/04/2026", "done_by": "Ông Mẫu Tám", "product": "Thuốc mẫu A",
        "active_substance": "Hoạt chất mẫu", "dose": "0,5", "unit": "lít/ha", "preharvest_days": "14", "note": "", **changes,
    }  # fmt: skip


@pytest.fixture
def post(world: Any, sign_in: Any, token_of: Any) -> Any:
    client = sign_in(world.clerk)
    token = token_of(client, NEW)

    def send(path: str = NEW, key: str | None = None, **changes: Any) -> Any:
        form = facts(world, **changes) | {"csrf_token": token, "idempotency_key": key or uuid.uuid4().hex}
        return client.post(path, data=form, content_type="multipart/form-data")

    return send


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(out, "JPEG")
    return out.getvalue()


def test_a_clerk_writes_an_entry_with_a_photo_once(post: Any, session: Any, world: Any, sign_in: Any) -> None:
    first = post(key="k" * 20, photo=(io.BytesIO(jpeg()), "vuon.jpg"))
    second = post(key="k" * 20, photo=(io.BytesIO(jpeg()), "vuon.jpg"))
    assert (first.status_code, first.location) == (303, second.location)
    assert factories.count(session, FarmLogEntry) == 1
    client = sign_in(world.clerk)
    page = client.get(first.location).get_data(as_text=True)
    for told in ("Thuốc mẫu A", "0,5 lít/ha", "14 ngày", "15/04/2026", "Người mẫu Thu"):
        assert told in page
    picture = client.get(f"{first.location}/anh")
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")
    picture.close()
    assert sign_in(world.other_clerk).get(first.location).status_code == 404
    assert sign_in(world.other_clerk).get(f"{first.location}/anh").status_code == 404
    area = client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    assert "Nhật ký canh tác" in area
    assert "Thuốc mẫu A" in area


def test_all_faults_stand_at_their_fields_and_the_input_is_kept(post: Any, session: Any) -> None:
    answer = post(product="", active_substance="", dose="", preharvest_days="", note="Ghi chú 🍒")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for field in ("product", "active_substance", "dose", "preharvest_days"):
        assert f'id="{field}-error"' in page
    assert "Ghi chú 🍒" in page
    assert factories.count(session, FarmLogEntry) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"done_on": "31/02/2026"}, "done_on"), ({"done_on": "01/01/2090"}, "done_on"), ({"kind": ""}, "kind"), ({"kind": "x"}, "kind"),
        ({"dose": "nhiều"}, "dose"), ({"dose": "0"}, "dose"), ({"unit": ""}, "unit"), ({"preharvest_days": "400"}, "preharvest_days"),
        ({"preharvest_days": "-1"}, "preharvest_days"), ({"source": "area:x"}, "source"), ({"done_by": "  "}, "done_by"),
        ({"product": "x" * 161}, "product"),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_field(post: Any, session: Any, changes: dict[str, str], field: str) -> None:
    answer = post(**changes)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert factories.count(session, FarmLogEntry) == 0


def test_a_file_that_is_no_picture_is_refused_at_the_photo(post: Any, session: Any) -> None:
    answer = post(photo=(io.BytesIO(b"no picture"), "anh.jpg"))
    assert answer.status_code == 422
    assert 'id="photo-error"' in answer.get_data(as_text=True)
    assert factories.count(session, FarmLogEntry) == 0


def test_an_entry_is_corrected_and_struck_out(post: Any, session: Any, world: Any, sign_in: Any) -> None:
    wrong = post().location
    assert post(f"{wrong}/sua", reason="").status_code == 422
    right = post(f"{wrong}/sua", reason="Nhầm ngày", done_on="02/04/2026").location
    client = sign_in(world.manager)
    page = client.get(wrong).get_data(as_text=True)
    assert "Nhầm ngày" in page
    assert right.rsplit("/", 1)[1] in page
    assert post(f"{right}/gach", reason=" ").status_code == 422
    assert post(f"{right}/gach", reason="Không có việc này").status_code == 303
    assert post(f"{right}/gach", reason="Lần nữa").status_code == 409
    assert "Không có việc này" in client.get(right).get_data(as_text=True)


def test_the_list_filters_by_its_address(post: Any, world: Any, sign_in: Any) -> None:
    where = post().location
    client = sign_in(world.manager)
    assert where in client.get("/nhat-ky-canh-tac?q=thuoc+mau&kind=pesticide&from=01/04/2026").get_data(as_text=True)
    for asked in ("q=%00zzz", "kind=harvest", "to=31/03/2026", "struck=yes", f"area={world.other_area.id}"):
        page = client.get(f"/nhat-ky-canh-tac?{asked}").get_data(as_text=True)
        assert where not in page
        assert 'class="empty"' in page
    assert client.get("/nhat-ky-canh-tac?kind=x&from=nonsense&page=99999999&area=x").status_code == 200


def test_who_may_write(post: Any, world: Any, sign_in: Any) -> None:
    assert sign_in(world.manager).get(NEW).status_code == 403
    assert sign_in(world.packer).get(NEW).status_code == 200
    assert post(source=f"area:{world.other_area.id}").status_code == 422
