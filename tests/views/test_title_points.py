"""The page on which a title's keeper writes what buyers compare: added, changed, ordered, retired, with a picture, as buyers see it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from tests.views.test_title_edits import hidden
from trace.models.titles import ComparisonPoint

POINT = {"kind": "print", "vi": "Mực đổi màu khi nghiêng", "en": "Ink that changes colour", "zh": "", "ja": ""}


@pytest.fixture
def manager(session: Any, world: Any, sign_in: Any) -> Any:
    client = sign_in(world.manager)
    session.commit()
    return client


def send(client: Any, path: str, data: dict[str, Any]) -> Any:
    page = client.get(path).get_data(as_text=True)
    names = [name for name in ("csrf_token", "revision", "idempotency_key") if f'name="{name}"' in page]
    return client.post(path, data={name: hidden(page, name) for name in names} | data)


def push(client: Any, page: str, path: str) -> Any:
    token = hidden(client.get(page).get_data(as_text=True), "csrf_token")
    return client.post(path, data={"csrf_token": token})


def photo(side: int = 480) -> io.BytesIO:
    drawn = io.BytesIO()
    Image.effect_noise((side, side * 3 // 4), 60).convert("RGB").save(drawn, "JPEG", quality=95)
    drawn.seek(0)
    return drawn


def catalogue(world: Any) -> str:
    return f"/van-bang/san-pham/{world.product.id}/doi-chieu"


def texts(session: Any, world: Any) -> list[str]:
    session.expire_all()
    return [point.text_vi for point in world.product.comparison_points]


def test_a_point_with_a_picture_is_added_and_seen_as_buyers_see_it(session: Any, world: Any, manager: Any) -> None:
    listed = manager.get(catalogue(world)).get_data(as_text=True)
    assert "Niêm phong nổi ở miệng túi" in listed
    assert "Danh mục chưa đủ" not in listed
    answer = send(manager, f"{catalogue(world)}/moi", POINT | {"hard_to_copy": "y", "picture": (photo(), "tem.jpg")})
    assert answer.status_code == 303
    made = session.scalars(select(ComparisonPoint).where(ComparisonPoint.text_vi == POINT["vi"])).one()
    assert made.picture is not None
    assert (made.text_zh, made.position) == (None, 4)
    page = manager.get(catalogue(world)).get_data(as_text=True)
    assert f"/anh/{made.picture.copy_sha256}-640.jpg" in page
    assert "Thêm điểm đối chiếu" in page, "the history tells it"


def test_the_picture_is_public_small_and_kept_for_a_year(session: Any, world: Any, manager: Any, client: Any) -> None:
    send(manager, f"{catalogue(world)}/moi", POINT | {"picture": (photo(), "tem.jpg")})
    made = session.scalars(select(ComparisonPoint).where(ComparisonPoint.picture_id.is_not(None))).one()
    path = f"/anh/{made.picture.copy_sha256}-320.jpg"
    world.title.is_sample, world.title.granted_on = False, None
    session.commit()
    assert client.get(path).status_code == 404, "of a title that is not registered nobody sees anything"
    world.title.is_sample = True
    session.commit()
    answer = client.get(path, buffered=True)
    assert answer.status_code == 200
    assert len(answer.data) <= 15 * 1024
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"vi": ""}, "Hãy viết bằng tiếng Việt."),
        ({"kind": ""}, "Chọn người mua xem gì."),
        ({"kind": "hidden_code"}, "Mã bí mật vốn là điểm khó sao chép."),
        ({"shown_from": "01/07/2026", "shown_until": "01/06/2026"}, "Ngày cuối ở trước ngày đầu."),
        ({"picture": (io.BytesIO(b"no picture"), "x.jpg")}, "Tệp này không phải ảnh đọc được."),
    ],
    ids=["no-words", "no-kind", "hidden-soft", "backward", "no-picture"],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    session: Any, world: Any, manager: Any, changed: dict[str, Any], says: str
) -> None:
    before = texts(session, world)
    answer = send(manager, f"{catalogue(world)}/moi", POINT | changed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert POINT["en"] in page
    assert says in page or "picture" in changed
    assert texts(session, world) == before


def test_points_are_ordered_and_retired(session: Any, world: Any, manager: Any) -> None:
    first, second, third = texts(session, world)
    ids = {point.text_vi: point.id for point in world.product.comparison_points}
    assert push(manager, catalogue(world), f"/van-bang/doi-chieu/{ids[third]}/len").status_code == 303
    assert texts(session, world) == [first, third, second]
    assert push(manager, catalogue(world), f"/van-bang/doi-chieu/{ids[third]}/thoi").status_code == 303
    assert texts(session, world) == [first, second]
    page = manager.get(catalogue(world)).get_data(as_text=True)
    assert "Danh mục chưa đủ" in page
    assert "Bổ sung điểm đối chiếu" in manager.get("/trang-chinh").get_data(as_text=True)
    assert "Thêm điểm" in page


def test_two_who_edit_one_catalogue_lose_nothing(session: Any, world: Any, manager: Any) -> None:
    point = world.product.comparison_points[0]
    path = f"/van-bang/doi-chieu/{point.id}/sua"
    seen = manager.get(path).get_data(as_text=True)
    assert send(manager, path, POINT | {"vi": "Điểm của người thứ nhất"}).status_code == 303
    carried = {name: hidden(seen, name) for name in ("csrf_token", "revision")}
    second = manager.post(path, data=carried | POINT | {"vi": "Điểm của người thứ hai"})
    page = second.get_data(as_text=True)
    assert second.status_code == 409
    assert "Điểm của người thứ nhất" in page
    assert re.search(r'value="Điểm của người thứ hai"', page)


def test_others_neither_see_nor_change_it(session: Any, world: Any, sign_in: Any) -> None:
    clerk = sign_in(world.clerk)
    assert clerk.get(catalogue(world)).status_code == 403


def test_a_covert_point_is_marked_for_the_owner_and_unseen_by_others(
    session: Any, world: Any, manager: Any, sign_in: Any
) -> None:
    answer = send(manager, f"{catalogue(world)}/moi", POINT | {"hard_to_copy": "y", "covert": "y"})
    assert answer.status_code == 303
    page = manager.get(catalogue(world)).get_data(as_text=True)
    assert "điểm kín, không công khai" in page
    assert page.count(POINT["vi"]) >= 1
    title = f"/van-bang/{world.title.id}"
    assert POINT["vi"] in manager.get(title).get_data(as_text=True)
    other = sign_in(world.clerk).get(title)
    assert POINT["vi"] not in other.get_data(as_text=True)
