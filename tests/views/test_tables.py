"""Bringing in tables on screen: template, sending, what was found, the marked file, recording all or only the good rows."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from tests.services.tables import member, text, xlsx
from trace.models.area_imports import ImportState
from trace.models.areas import GrowingArea, GrowingAreaCode
from trace.models.controls import ControlAnswer, ControlVisit, Outcome
from trace.models.lots import Lot
from trace.models.members import Membership, TableImport, TableKind

SEND = "/nhap-bang"


def send(
    client: Any,
    token: str,
    data: bytes,
    world: Any,
    *,
    kind: str = "members",
    name: str = "bảng.xlsx",
    key: str = "k" * 32,
) -> Any:
    form = {
        "csrf_token": token,
        "idempotency_key": key,
        "kind": kind,
        "holder": str(world.cooperative.id),
        "file": (io.BytesIO(data), name),
    }
    return client.post(SEND, data=form, content_type="multipart/form-data")


def seen(client: Any, path: str) -> str:
    return re.search(r'name="seen" value="(\d+)"', client.get(path).get_data(as_text=True)).group(1)  # type: ignore[union-attr]


def test_a_table_is_sent_looked_at_and_recorded(session: Any, world: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, SEND)
    data = xlsx([member(), member(name="Hai", phone=912345678)])
    for _ in range(2):  # sent twice, it counts once
        answer = send(client, token, data, world)
        assert answer.status_code == 303
    made = session.scalars(select(TableImport)).one()
    page = client.get(answer.location).get_data(as_text=True)
    assert "Ghi 2 dòng" in page
    assert "0912345678" in page, "the remark about the restored zero"
    assert session.scalar(select(func.count(Membership.id))) == 0, "looking records nothing"
    form = {"csrf_token": token, "which": "all", "seen": seen(client, answer.location)}
    assert client.post(f"{answer.location}/ghi", data=form).status_code == 303
    session.expire_all()
    assert (made.state, made.taken) == (ImportState.DONE, 2)
    assert session.scalar(select(func.count(Membership.id))) == 2
    assert client.post(f"{answer.location}/ghi", data=form).status_code == 409
    assert "Ghi các dòng của bảng" in client.get(answer.location).get_data(as_text=True)


def test_faults_are_counted_shown_marked_and_left_out_only_if_asked(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, SEND)
    path = send(
        client, token, xlsx([member(), member(name="Hai", commune="Gotham"), member(name="Ba", phone="x")]), world
    ).location
    page = client.get(path).get_data(as_text=True)
    assert "Gotham" in page
    assert "Chỉ ghi 1 dòng không có lỗi" in page
    marked = client.get(f"{path}/loi.xlsx")
    assert marked.status_code == 200
    rows = CalamineWorkbook.from_filelike(io.BytesIO(marked.get_data())).get_sheet_by_index(0).to_python()
    assert "không có xã, phường nào tên “Gotham”" in rows[2][-1]
    form = {"csrf_token": token, "which": "all", "seen": "1"}
    answer = client.post(f"{path}/ghi", data=form)
    assert answer.status_code == 422
    assert "2 dòng có lỗi" in answer.get_data(as_text=True)
    assert client.post(f"{path}/ghi", data=form | {"which": "good"}).status_code == 303
    assert session.scalar(select(func.count(Membership.id))) == 1


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(99), "cu.xls", "không phải bảng đọc được"),
        (b"", "rong.csv", "Tệp rỗng"),
        (xlsx([]), "khong.xlsx", "không có dòng nào"),
        (b"a,b\n1,2\n", "la.csv", "Không tìm thấy các cột"),
        ("Họ tên,Xã\nNguy\xd4n V¨n M\xc9u,x\n".encode("latin-1", "replace"), "tcvn.csv", "TCVN3"),
    ],
    # A workbook bears the moment it was made in, and both workers must give the test one name.
    ids=["old workbook", "empty", "no rows", "other columns", "other encoding"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_so_at_its_field(
    data: bytes, name: str, words: str, session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.clerk)
    answer = send(client, token_of(client, SEND), data, world, name=name)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#file"' in page
    assert words in page
    assert session.scalars(select(TableImport.id)).all() == []


def test_nobody_brings_in_what_they_may_not_or_for_others(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, SEND)
    path = send(client, token, xlsx([member()]), world).location
    assert sign_in(world.packer).get(SEND).status_code == 403
    assert sign_in(world.other_clerk).get(path).status_code == 404
    other = sign_in(world.other_clerk)
    assert send(other, token_of(other, SEND), xlsx([member()]), world).status_code == 422
    controller = sign_in(world.controller)
    assert controller.get(f"{SEND}/mau/members.xlsx").status_code == 403
    assert controller.get(path).status_code == 404
    assert client.get(f"{SEND}/mau/members.xlsx").status_code == 200
    assert client.post(f"{path}/bo", data={"csrf_token": token}).status_code == 303
    assert session.scalars(select(TableImport.state)).one() is ImportState.GIVEN_UP


@pytest.mark.parametrize("kind", list(TableKind))
def test_every_template_is_a_workbook_with_its_headings(kind: TableKind, world: Any, sign_in: Any) -> None:
    who = world.controller if kind is TableKind.VISITS else world.clerk
    answer = sign_in(who).get(f"{SEND}/mau/{kind.value}.xlsx")
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    assert "Danh mục" in book.sheet_names
    rows = book.get_sheet_by_index(0).to_python()
    assert any("VÍ DỤ" in str(cell) for cell in rows[1])


def test_a_table_of_areas_changes_what_is_declared_and_nothing_else(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.clerk)
    token = token_of(client, SEND)
    before = session.scalar(select(func.ST_AsText(GrowingArea.boundary)).where(GrowingArea.id == world.area.id))
    row = [world.area.name, "9,5", "Vải", "", "450", "1998", "VN-HP-0001", "CN", "01/02/2026", "Cơ quan mẫu", "12/QĐ"]
    bad = ["Vùng không có", "", "", "", "4,5", "1850"]
    path = send(client, token, xlsx([row, bad], TableKind.AREAS), world, kind="areas").location
    page = client.get(path).get_data(as_text=True)
    assert "Vùng không có" in page
    assert "Mã này được bỏ qua" in page, "codes are not the clerk's to give"
    form = {"csrf_token": token, "which": "good", "seen": seen(client, path)}
    assert client.post(f"{path}/ghi", data=form).status_code == 303
    session.expire_all()
    area = session.get(GrowingArea, world.area.id)
    assert (float(area.declared_ha), area.crop, area.variety, area.trees, area.planted_in) == (
        9.5,
        "Vải",
        None,
        450,
        1998,
    )
    assert session.scalar(select(func.ST_AsText(GrowingArea.boundary)).where(GrowingArea.id == world.area.id)) == before
    assert session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "VN-HP-0001")).all() == []
    again = send(client, token, xlsx([row], TableKind.AREAS), world, kind="areas", key="j" * 32).location
    assert "Đã có trong sổ" in client.get(again).get_data(as_text=True)
    assert session.scalars(select(TableImport.known).where(TableImport.state == ImportState.OPEN)).one() == 1


def lot_row(world: Any, **other: Any) -> list[Any]:
    season = f"{world.product.name}, {world.season.name}"
    values = {"code": "L-001", "source": world.area.name, "season": season, "kg": "100,5",
              "harvested": date(2026, 6, 10), "packed": "11/06/2026", "expires": "20/06/2026"}  # fmt: skip
    return list((values | other).values())


def test_a_table_of_lots_is_held_to_the_rules_of_a_lot(
    session: Any, world: Any, sign_in: Any, token_of: Any, monkeypatch: Any
) -> None:
    from tests.conftest import NOW
    from trace import clock

    monkeypatch.setattr(clock, "now", lambda: NOW)
    client = sign_in(world.clerk)
    token = token_of(client, SEND)
    rows = [
        lot_row(world), lot_row(world, code="L-002", packed="01/06/2026"), lot_row(world, code="L-003", kg="99.000.000"),
        lot_row(world, code="L-001"), lot_row(world, code="L-004", season="Vụ lạ"), lot_row(world, code="L-005", source="Đâu đó"),
        lot_row(world, code="L-006", harvested="10/07/2026", packed="11/07/2026", expires="12/07/2026"),
    ]  # fmt: skip
    path = send(client, token, xlsx(rows, TableKind.LOTS), world, kind="lots").location
    made = session.scalars(select(TableImport)).one()
    assert (made.total, made.faulty) == (7, 6), client.get(path).get_data(as_text=True)
    before = session.scalar(select(func.count(Lot.id)))
    form = {"csrf_token": token, "which": "good", "seen": "1"}
    assert session.scalar(select(func.count(Lot.id))) == before, "trying rows out leaves nothing behind"
    assert client.post(f"{path}/ghi", data=form).status_code == 303
    lot = session.scalars(select(Lot).where(Lot.code == "L-001")).one()
    assert (lot.volume_g, lot.packed_on) == (100_500, date(2026, 6, 11))
    again = send(client, token, xlsx([lot_row(world)], TableKind.LOTS), world, kind="lots", key="j" * 32).location
    assert "Đã có trong sổ" in client.get(again).get_data(as_text=True)
    assert "Ghi 1 dòng" not in client.get(again).get_data(as_text=True)


def test_a_table_of_results_begins_visits_that_their_controller_signs(
    session: Any, world: Any, sign_in: Any, token_of: Any, monkeypatch: Any
) -> None:
    from tests.conftest import NOW
    from trace import clock

    monkeypatch.setattr(clock, "now", lambda: NOW)
    client = sign_in(world.controller)
    token = token_of(client, SEND)
    items = [item.code for item in world.plan.items if "internal" in item.levels]
    head = [world.area.name, "14/06/2026", "Kiểm soát nội bộ"]
    rows = [
        [*head, items[0], "Đạt", "tốt", "", ""], [*head, "KHÔNG-CÓ", "Đạt", "", "", ""], [*head, items[0], "Không đạt", "", "", ""],
        [world.area.name, "14/06/2099", "Kiểm soát nội bộ", items[0], "Đạt", "", "", ""], [*head, items[0], "Hên xui", "", "", ""],
    ]  # fmt: skip
    path = send(client, token, text(rows, TableKind.VISITS), world, kind="visits", name="kq.csv").location
    made = session.scalars(select(TableImport)).one()
    assert (made.total, made.faulty) == (5, 4), client.get(path).get_data(as_text=True)
    before = session.scalar(select(func.count(ControlVisit.id)))
    assert client.post(f"{path}/ghi", data={"csrf_token": token, "which": "good", "seen": "1"}).status_code == 303
    assert session.scalar(select(func.count(ControlVisit.id))) == before + 1
    visit = session.scalars(select(ControlVisit).where(ControlVisit.finished_at.is_(None))).one()
    answer = session.scalars(select(ControlAnswer).where(ControlAnswer.visit_id == visit.id)).one()
    assert (answer.outcome, answer.note) == (Outcome.CONFORMS, "tốt")
    again = send(
        client, token, text(rows[:1], TableKind.VISITS), world, kind="visits", name="kq.csv", key="j" * 32
    ).location
    assert "Đã có trong sổ" in client.get(again).get_data(as_text=True)


def test_whoever_keeps_codes_brings_them_in_by_table(
    session: Any, world: Any, app: Any, sign_in: Any, token_of: Any
) -> None:
    from tests import factories
    from tests.conftest import NOW
    from trace.models.parties import Role

    key = app.config["TEMTHAT"].derived("second-factor")
    keeper = factories.user(session, "giu.ma", "Người mẫu Giữ", NOW, key=key)
    factories.role(session, keeper, world.authority, Role.AGRICULTURE_DEPARTMENT, NOW)
    client = sign_in(keeper)
    token = token_of(client, SEND)
    row = [world.area.name, "", "", "", "", "", "VN-HP-0001", "CN", "01/02/2026", "Cơ quan mẫu", "12/QĐ"]
    path = send(client, token, xlsx([row, [*row[:8], "", "", ""]], TableKind.AREAS), world, kind="areas").location
    page = client.get(path).get_data(as_text=True)
    assert "Ngày cấp mã: ô đang để trống" in page
    assert (
        client.post(f"{path}/ghi", data={"csrf_token": token, "which": "good", "seen": seen(client, path)}).status_code
        == 303
    )
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "VN-HP-0001")).one()
    assert (code.area_id, code.market, code.issued_on) == (world.area.id, "CN", date(2026, 2, 1))
