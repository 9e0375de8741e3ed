"""The forms of areas, codes, parts and sites: nothing lost, everything said at its field, and nothing without JavaScript missing."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from trace.models.areas import GrowingArea, GrowingAreaCode, ProductionSite
from trace.models.parties import CommuneAlias, Role
from trace.models.plots import AreaHousehold, AreaParcel
from trace.services import communes

FIELD = "20.93, 106.45\n20.93, 106.452\n20.932, 106.452\n20.932, 106.45"


@pytest.fixture
def agronomist(session: Any, world: Any, app: Any) -> Any:
    """Somebody of the department that keeps growing-area codes."""
    key = app.config["TEMTHAT"].derived("second-factor")
    made = factories.user(session, "nong.nghiep", "Người mẫu Nông", NOW, key=key)
    factories.role(session, made, world.authority, Role.AGRICULTURE_DEPARTMENT, NOW)
    return made


def area_form(world: Any, token: str, **other: Any) -> dict[str, Any]:
    return {
        "csrf_token": token, "idempotency_key": "k" * 32, "name": "Vùng mới", "holder": str(world.cooperative.id),
        "title": str(world.title.id), "commune": "10813", "declared_ha": "4,6", "crop": "Vải", "outline": FIELD,
    } | other  # fmt: skip


def errors_of(page: str) -> str:
    return page.split('id="errors"')[1].split("</div>", maxsplit=1)[0]


def test_an_area_is_recorded_without_a_script(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    form = area_form(world, token_of(client, "/vung-trong/moi"))
    for _ in range(2):  # sent twice, it counts once
        answer = client.post("/vung-trong/moi", data=form)
        assert answer.status_code == 303
    area = session.scalars(select(GrowingArea).where(GrowingArea.name == "Vùng mới")).one()
    assert answer.location == f"/vung-trong/{area.id}"
    page = client.get(answer.location).get_data(as_text=True)
    assert "4,61 ha" in page
    assert "Ghi vùng trồng" in page.split("Lịch sử")[1]


def test_all_faults_come_at_once_at_their_fields_and_nothing_typed_is_lost(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.clerk)
    crossing = "20.93, 106.45\n20.93, 106.452\n20.932, 106.45\n20.932, 106.452"
    form = area_form(
        world, token_of(client, "/vung-trong/moi"), name="", declared_ha="bốn", trees="0", outline=crossing
    )
    answer = client.post("/vung-trong/moi", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for field in ("name", "declared_ha", "trees", "outline"):
        assert f'href="#{field}"' in errors_of(page)
    assert 'value="bốn"' in page
    assert "20.932, 106.452" in page
    answer = client.post("/vung-trong/moi", data=form | {"outline": "20.93; 106.45\nbờ ao"})
    assert "bờ ao" in errors_of(answer.get_data(as_text=True))
    assert session.scalars(select(GrowingArea).where(GrowingArea.name == "Vùng mới")).all() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Vùng vải số 1"}, "name"),
        ({"planted_in": "2199"}, "planted_in"),
        ({"outline": "106.45, 20.93\n106.452, 20.93\n106.452, 20.932"}, "outline"),
        ({"outline": "20.90, 106.42\n20.90, 106.423\n20.903, 106.423\n20.903, 106.42"}, "outline"),
        ({"holder": "00000000-0000-4000-8000-000000000000"}, "holder"),
        ({"commune": "99999"}, "commune"),
    ],
)
def test_a_refusal_of_the_register_stands_at_its_field(
    world: Any, sign_in: Any, token_of: Any, change: dict[str, str], field: str
) -> None:
    client = sign_in(world.clerk)
    answer = client.post("/vung-trong/moi", data=area_form(world, token_of(client, "/vung-trong/moi"), **change))
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert f'href="#{field}"' in errors_of(page)
    assert f'id="{field}-error"' in page


def test_two_people_at_one_area_lose_nothing(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client, path = sign_in(world.clerk), f"/vung-trong/{world.area.id}/sua"
    page = client.get(path).get_data(as_text=True)
    outline = re.search(r"<textarea[^>]*>(?:\r?\n)?(.*?)</textarea>", page, re.DOTALL)
    assert outline
    form = area_form(
        world, token_of(client, path), name="Vùng vải số 1", declared_ha="10", revision="1", outline=outline[1]
    )
    first = sign_in(world.manager)
    assert first.post(path, data=form | {"csrf_token": token_of(first, path), "trees": "900"}).status_code == 303
    answer = client.post(path, data=form | {"variety": "U hồng"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert 'id="edited-meanwhile"' in page
    assert 'value="U hồng"' in page
    session.expire_all()
    revision = session.get_one(GrowingArea, world.area.id).revision
    assert f'name="revision" type="hidden" value="{revision}"' in page
    assert client.post(path, data=form | {"variety": "U hồng", "revision": str(revision)}).status_code == 303


def test_the_check_while_drawing_answers_in_words(world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, "/vung-trong/moi")
    ring = [[106.45, 20.93], [106.452, 20.93], [106.45, 20.932], [106.452, 20.932], [106.45, 20.93]]
    asked = {"shape": {"type": "Polygon", "coordinates": [ring]}, "title": str(world.title.id), "declared": "4,6"}

    def check(body: Any) -> Any:
        return client.post(
            "/vung-trong/kiem-ranh", json=body, headers={"X-CSRFToken": token, "Accept": "application/json"}
        )

    said = check(asked).get_json()
    assert [each["at"] for each in said["faults"]] == [[20.931, 106.451]]
    assert said["faults"][0]["way_out"]
    ring[2], ring[3] = ring[3], ring[2]
    said = check(asked).get_json()
    assert (said["hectares"], said["commune"], said["faults"], said["remarks"]) == (4.61, "10813", [], [])
    assert len(check(asked | {"declared": "9"}).get_json()["remarks"]) == 1
    assert check({"shape": None, "title": str(world.title.id)}).get_json()["faults"]
    assert check({"shape": {"type": "Point"}, "title": str(world.title.id)}).get_json()["faults"]
    assert check(asked | {"title": str(factories.some_id())}).status_code == 404
    for nonsense in ([], "x", None, {"title": 5}):
        assert check(nonsense).status_code in {404, 415, 422}
    deep = client.post(
        "/vung-trong/kiem-ranh", data='{"shape":' + "[" * 5000 + "]" * 5000 + "}", content_type="application/json",
        headers={"X-CSRFToken": token, "Accept": "application/json"},
    )  # fmt: skip
    assert deep.status_code == 422
    assert client.post("/vung-trong/kiem-ranh", json=asked).status_code == 403


def test_nobody_edits_what_is_not_theirs(world: Any, sign_in: Any, agronomist: Any) -> None:
    clerk = sign_in(world.clerk)
    assert clerk.get(f"/vung-trong/{world.other_area.id}/sua").status_code == 404
    assert clerk.get(f"/vung-trong/{world.area.id}/ma-so/moi").status_code == 403
    keeper = sign_in(agronomist)
    assert keeper.get(f"/vung-trong/{world.area.id}/sua").status_code == 403
    assert (
        "Sửa"
        not in keeper.get(f"/vung-trong/{world.area.id}")
        .get_data(as_text=True)
        .split("Lịch sử")[0]
        .split("<h1>")[1]
        .split("</h1>")[0]
    )


def test_a_code_is_given_and_suspended_for_one_market(
    session: Any, world: Any, sign_in: Any, token_of: Any, agronomist: Any
) -> None:
    client, path = sign_in(agronomist), f"/vung-trong/{world.area.id}/ma-so/moi"
    form = {
        "csrf_token": token_of(client, path), "idempotency_key": "a" * 32, "code": "MẪU-JP-7", "scheme": "mẫu", "market": "JP",
        "crop": "Vải", "issuer": "Cơ quan mẫu", "issued_on": "05/01/2026", "document": "Thông báo mẫu 1",
    }  # fmt: skip
    assert client.post(path, data=form | {"issuer": "", "issued_on": "31/02/2026"}).status_code == 422
    assert client.post(path, data=form).status_code == 303
    again = client.post(path, data=form | {"idempotency_key": "b" * 32})
    assert 'href="#code"' in errors_of(again.get_data(as_text=True))
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "MẪU-JP-7")).one()
    path = f"/vung-trong/ma-so/{code.id}"
    assert "chỉ riêng" not in client.get(path).get_data(as_text=True)
    decision = {
        "csrf_token": token_of(client, path), "idempotency_key": "c" * 32, "status": "suspended", "since": "10/06/2026",
        "document": "Quyết định mẫu 2",
    }  # fmt: skip
    assert 'href="#reason"' in errors_of(client.post(path, data=decision).get_data(as_text=True))
    assert client.post(path, data=decision | {"reason": "Tồn dư vượt mức"}).status_code == 303
    page = client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    assert "Tồn dư vượt mức" in page
    assert "Các trạng thái trước của MẪU-JP-7" in page
    assert client.get(path).status_code == 404


def test_parcels_and_households(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client, base = sign_in(world.clerk), f"/vung-trong/{world.area.id}"
    token = token_of(client, f"{base}/thanh-phan")
    parcel = {
        "csrf_token": token, "idempotency_key": "a" * 32, "parcel-map_sheet": "12", "parcel-parcel_number": "105a",
        "parcel-square_metres": "98.000,5",
    }  # fmt: skip
    assert client.post(f"{base}/thua", data=parcel).status_code == 303
    twice = client.post(f"{base}/thua", data=parcel | {"idempotency_key": "b" * 32})
    assert twice.status_code == 422
    assert "105a" in errors_of(twice.get_data(as_text=True))
    assert (
        client.post(f"{base}/thua", data=parcel | {"parcel-map_sheet": "<12>", "idempotency_key": "d" * 32}).status_code
        == 422
    )
    household = {
        "csrf_token": token, "idempotency_key": "c" * 32, "household-name": "Hộ mẫu Ánh", "household-square_metres": "3600",
        "household-trees": "90",
    }  # fmt: skip
    assert client.post(f"{base}/ho", data=household).status_code == 303
    page = client.get(f"{base}/thanh-phan").get_data(as_text=True)
    assert "1 thửa đất, 9,80 ha" in page
    assert "1 hộ, 0,36 ha, 90 cây" in page
    assert "ít hơn" in page
    kept = session.scalars(select(AreaParcel)).one()
    assert client.post(f"{base}/thua/{kept.id}/bo", data={"csrf_token": token}).status_code == 303
    assert session.scalars(select(AreaParcel)).all() == []
    assert session.scalars(select(AreaHousehold)).one().name == "Hộ mẫu Ánh"
    assert "12/105a" in client.get(base).get_data(as_text=True)


def test_a_site_is_recorded_and_changed(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    form = {
        "csrf_token": token_of(client, "/co-so/moi"), "idempotency_key": "a" * 32, "name": "Bể mẫu", "kind": "vat",
        "holder": str(world.cooperative.id), "title": str(world.title.id), "commune": "10813", "capacity_kg": "5.000",
        "status": "working", "place": "106.43, 20.92",
    }  # fmt: skip
    answer = client.post("/co-so/moi", data=form)
    assert answer.status_code == 422
    assert 'href="#place"' in errors_of(answer.get_data(as_text=True))
    answer = client.post("/co-so/moi", data=form | {"place": "20.92, 106.43"})
    assert answer.status_code == 303
    site = session.scalars(select(ProductionSite)).one()
    assert "20.920000, 106.430000" in client.get(answer.location).get_data(as_text=True)
    assert f"/co-so/{site.id}" in client.get("/vung-trong?kind=site").get_data(as_text=True)
    path = f"/co-so/{site.id}/sua"
    changed = form | {"csrf_token": token_of(client, path), "place": "", "status": "paused", "revision": "1"}
    assert client.post(path, data=changed).status_code == 303
    stale = client.post(path, data=changed | {"name": "Bể khác"})
    assert stale.status_code == 409
    assert 'value="Bể khác"' in stale.get_data(as_text=True)
    assert "Tạm ngừng" in client.get(f"/co-so/{site.id}").get_data(as_text=True)


def test_layers_answer_within_reach_and_with_the_filters_of_the_list(world: Any, sign_in: Any) -> None:
    client = sign_in(world.clerk)
    found = client.get("/vung-trong/ban-do/lop?box=106.4,20.8,106.6,21.0&zoom=13").get_json()
    assert [feature["properties"]["name"] for feature in found["features"]] == ["Vùng vải số 1"]
    assert client.get("/vung-trong/ban-do/lop?q=khong+co").get_json()["features"] == []
    assert client.get("/vung-trong/ban-do/nen").get_json()["features"]
    assert client.get("/vung-trong/ban-do").status_code == 200


def test_old_place_names_find_areas_and_communes(session: Any, world: Any, sign_in: Any) -> None:
    session.add(CommuneAlias(commune_code="10813", name="Cẩm Chế", kind="commune"))
    session.commit()
    client = sign_in(world.manager)
    assert "Vùng vải số 1" in client.get("/vung-trong?q=cam+che").get_data(as_text=True)
    assert "Vùng vải số 1" in client.get("/vung-trong?q=xã Cẩm Chế").get_data(as_text=True)
    assert "trước là Cẩm Chế" in client.get("/vung-trong/moi").get_data(as_text=True)


def test_cam_giang_is_not_cam_giang_with_a_grave_in_the_picker(session: Any, world: Any, sign_in: Any) -> None:
    communes.load(session)
    session.commit()
    page = sign_in(world.manager).get("/vung-trong/moi").get_data(as_text=True)
    labels = re.findall(r"<option value=\"\d{5}\"[^>]*>(Cẩm Gi[^<]*)</option>", page)
    assert len(labels) == 2
    assert labels[0] != labels[1]
    assert {label.split(" (")[0] for label in labels} == {"Cẩm Giang", "Cẩm Giàng"}


def test_the_boundary_of_a_past_day_is_shown(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client, base = sign_in(world.manager), f"/vung-trong/{world.area.id}"
    form = area_form(
        world, token_of(client, f"{base}/sua"), name="Vùng vải số 1", declared_ha="10", revision="1",
        outline="20.90, 106.42\n20.90, 106.424\n20.903, 106.424\n20.903, 106.42",
    )  # fmt: skip
    assert client.post(f"{base}/sua", data=form).status_code == 303
    page = client.get(f"{base}?as_of=01/02/2026").get_data(as_text=True)
    assert "Đây là ranh giới của ngày 01/02/2026, 10,37 ha" in page
    assert "13,82 ha" in page
    assert "Đây là ranh giới" not in client.get(base).get_data(as_text=True)
    assert client.get(f"{base}?as_of=hôm+qua").status_code == 422


def test_the_document_of_a_code_may_come_as_a_file_and_is_read_by_those_who_see_the_area(
    session: Any, world: Any, sign_in: Any, token_of: Any, agronomist: Any
) -> None:
    client, path = sign_in(agronomist), f"/vung-trong/{world.area.id}/ma-so/moi"
    form = {
        "csrf_token": token_of(client, path), "idempotency_key": "a" * 32, "code": "MẪU-JP-8", "scheme": "mẫu", "market": "JP",
        "issuer": "Cơ quan mẫu", "issued_on": "05/01/2026", "document": "Thông báo mẫu 8",
    }  # fmt: skip
    wrong = client.post(path, data=form | {"file": (io.BytesIO(b"MZ no document"), "a.exe")})
    assert wrong.status_code == 422
    assert 'href="#file"' in errors_of(wrong.get_data(as_text=True))
    assert session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "MẪU-JP-8")).all() == []
    paper = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n"
    assert client.post(path, data=form | {"file": (io.BytesIO(paper), "thong-bao.pdf")}).status_code == 303
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "MẪU-JP-8")).one()
    address = f"/vung-trong/ma-so/{code.id}/tep"
    assert f'href="{address}"' in client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    with client.get(address) as sent:
        assert (sent.data, sent.mimetype) == (paper, "application/pdf")
    assert sign_in(world.other_clerk).get(address).status_code == 404
    without = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.file_id.is_(None))).first()
    assert client.get(f"/vung-trong/ma-so/{without.id}/tep").status_code == 404
