"""Bringing a file in, through the pages: sent, looked at, read anew, taken over; every refusal keeps what was chosen."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.geofiles import feature, geojson, polygon, square, xlsx
from trace.models.area_imports import AreaImport, AreaImportRow, ImportState
from trace.models.areas import GrowingArea
from trace.services import files

PAGE = "/vung-trong/nhap"


def field(number: int, **said: Any) -> dict[str, Any]:
    return feature(
        polygon(square(106.44 + 0.003 * number, 20.95)),
        **{"Tên vùng": f"Thửa {number}", "Diện tích (ha)": "4,6", **said},
    )


BROKEN = feature(polygon(square(106.46, 20.94)[:3]), **{"Tên vùng": "Hỏng", "Diện tích (ha)": "4,6"})


@pytest.fixture
def clerk(sign_in: Any, world: Any) -> Any:
    return sign_in(world.clerk)


@pytest.fixture
def send(clerk: Any, world: Any, token_of: Any) -> Any:
    def go(raw: bytes, name: str = "vung.geojson", key: str = "abcdefgh", **fields: str) -> Any:
        sent = {"title": str(world.title.id), "holder": str(world.cooperative.id), "idempotency_key": key, **fields}
        sent["csrf_token"] = token_of(clerk, PAGE)
        return clerk.post(PAGE, data={**sent, "file": (io.BytesIO(raw), name)}, content_type="multipart/form-data")

    return go


def page_of(answer: Any, client: Any) -> str:
    assert answer.status_code == 303, answer.get_data(as_text=True)[:3000]
    found: str = client.get(answer.location).get_data(as_text=True)
    return found


def post(client: Any, token_of: Any, path: str, **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": token_of(client, path.rsplit("/", 1)[0]), **fields})


def test_a_file_is_shown_row_by_row_before_anything_is_recorded(session: Any, send: Any, clerk: Any) -> None:
    before = session.scalar(select(func.count()).select_from(GrowingArea))
    page = page_of(send(geojson(field(1), BROKEN, field(3))), clerk)
    assert "chỉ có 3 điểm" in page
    assert "Hãy bổ sung các góc còn thiếu" in page
    assert "Ghi 2 vùng không có lỗi" in page
    assert "Ghi cả" not in page
    assert session.scalar(select(func.count()).select_from(GrowingArea)) == before


def test_the_whole_way_to_growing_areas(session: Any, send: Any, clerk: Any, token_of: Any) -> None:
    answer = send(geojson(field(1), field(2)))
    page = page_of(answer, clerk)
    assert '<svg class="import-picture"' in page
    assert "Ghi cả 2 vùng" in page
    done = post(clerk, token_of, f"{answer.location}/ghi", which="all")
    assert "Đã ghi 2 vùng trồng" in page_of(done, clerk)
    area = session.scalars(select(GrowingArea).where(GrowingArea.name == "Thửa 2")).one()
    assert "vung.geojson" in clerk.get(f"/vung-trong/{area.id}").get_data(as_text=True)


def test_sent_twice_it_is_one_import(session: Any, send: Any) -> None:
    first, second = send(geojson(field(1))), send(geojson(field(1)))
    assert first.location == second.location
    assert session.scalar(select(func.count()).select_from(AreaImport)) == 1


def test_ticked_rows_only(session: Any, send: Any, clerk: Any, token_of: Any) -> None:
    answer = send(geojson(field(1), BROKEN, field(3)))
    refused = post(clerk, token_of, f"{answer.location}/ghi", which="all")
    assert refused.status_code == 422
    assert "1 dòng có lỗi" in refused.get_data(as_text=True)
    none = post(clerk, token_of, f"{answer.location}/ghi", which="chosen")
    assert (none.status_code, "Chưa chọn dòng nào" in none.get_data(as_text=True)) == (422, True)
    done = post(clerk, token_of, f"{answer.location}/ghi", which="chosen", row=["1", "2", "x"])
    assert "Đã ghi 1 vùng trồng" in page_of(done, clerk)
    again = post(clerk, token_of, f"{answer.location}/ghi", which="fine")
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("raw", "name", "status", "said"),
    [
        (b"", "a.geojson", 422, "không đọc được loại tệp này"),
        ("Tªn;X;Y\nVïng trång v¶i;1;2".encode("latin-1"), "a.csv", 422, "TCVN3 (ABC)"),
        (b'<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml/>', "a.kml", 422, "thực thể"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words_and_the_form_stays(session: Any, send: Any, world: Any, raw: bytes, name: str, status: int, said: str) -> None:  # fmt: skip
    answer = send(raw, name)
    page = answer.get_data(as_text=True)
    assert answer.status_code == status
    assert said in page
    assert re.search(rf'<option selected value="{world.title.id}"', page)
    assert session.scalar(select(func.count()).select_from(AreaImport)) == 0


def test_a_file_that_is_too_large_is_refused(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2**18)
    answer = send(b"{" + b" " * 2**18 + b"}")
    assert (answer.status_code, "Tệp lớn hơn" in answer.get_data(as_text=True)) == (413, True)


def test_without_a_file_each_field_says_what_is_missing(send: Any, clerk: Any, token_of: Any) -> None:
    answer = clerk.post(
        PAGE, data={"csrf_token": token_of(clerk, PAGE), "idempotency_key": "abcdefgh", "title": "", "holder": ""}
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for words in ("Hãy chọn tệp.", "Chọn văn bằng", "Chọn đơn vị"):
        assert words.lower().split(" ", 1)[1] in page.lower()


def test_the_zone_is_asked_for_and_the_file_read_anew(session: Any, send: Any, clerk: Any, token_of: Any) -> None:
    rows = [
        ["Tên", "X", "Y"],
        *[["A", 2312000 + dy, 571000 + dx] for dx, dy in ((0, 0), (200, 0), (200, 200), (0, 200))],
    ]
    answer = send(xlsx(rows), "a.xlsx")
    page = page_of(answer, clerk)
    assert "không nêu kinh tuyến trục" in page
    read = post(clerk, token_of, f"{answer.location}/doc", srid="9210", name="Tên")
    assert "Ghi cả 1 vùng" in page_of(read, clerk)
    bad = post(clerk, token_of, f"{answer.location}/doc", srid="1", name="Tên")
    assert bad.status_code == 422
    twice = post(clerk, token_of, f"{answer.location}/doc", srid="9210", name="Tên", crop="Tên")
    assert (twice.status_code, "chọn cho hai mục" in twice.get_data(as_text=True)) == (422, True)


def test_what_changed_meanwhile_is_shown_and_nothing_recorded(
    session: Any, send: Any, clerk: Any, token_of: Any, world: Any
) -> None:
    from tests import factories

    answer = send(geojson(field(1), field(2)))
    factories.area(session, world.title, world.cooperative, "Thửa 1", boundary=factories.square(106.48, 20.96, 0.001))
    session.commit()
    refused = post(clerk, token_of, f"{answer.location}/ghi", which="all")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 409
    assert "liên quan đến 1 dòng" in page
    assert "đã có vùng trồng tên Thửa 1" in page
    assert session.scalar(select(func.count()).select_from(AreaImportRow)) == 2


def test_giving_up(session: Any, send: Any, clerk: Any, token_of: Any) -> None:
    answer = send(geojson(field(1)))
    assert post(clerk, token_of, f"{answer.location}/bo").status_code == 303
    session.expire_all()
    assert session.scalars(select(AreaImport.state)).one() is ImportState.GIVEN_UP


def test_another_organisation_finds_nothing(send: Any, sign_in: Any, world: Any) -> None:
    answer = send(geojson(field(1)))
    assert sign_in(world.other_clerk).get(answer.location).status_code == 404
    assert sign_in(world.manager).get(answer.location).status_code == 200
    assert sign_in(world.controller).get(PAGE).status_code == 403


def test_codes_are_asked_only_of_those_who_keep_them(send: Any, clerk: Any) -> None:
    page = page_of(send(geojson(field(1))), clerk)
    assert 'name="scheme"' not in page
