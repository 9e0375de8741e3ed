"""Every list as a file: what its page shows with the filters of its address, and a line that says who took it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from trace.models.history import History
from trace.views import exports
from trace.views.export_lists import LISTS


def lines(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_every_list_is_a_file_for_those_who_may_read_it_and_nobody_else(
    name: str, ending: str, session: Any, world: Any, sign_in: Any
) -> None:
    reader = world.officer if name.startswith("desk-") else world.clerk
    answer = sign_in(reader).get(f"/xuat/{name}.{ending}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith(f"attachment; filename={name}-")
    assert answer.headers["Cache-Control"] == "no-store"
    headings = [str(heading) for heading, _cell in LISTS[name].columns]
    data = answer.get_data()
    if ending == "csv":
        assert data.startswith(b"\xef\xbb\xbf")
        found = next(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    else:
        found = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[0]
    assert len(found) == len(headings)
    assert sign_in(world.administrator).get(f"/xuat/{name}.{ending}").status_code == 403


def test_a_file_holds_what_the_page_shows_with_its_filters_and_reach(session: Any, world: Any, sign_in: Any) -> None:
    client = sign_in(world.clerk)
    every = lines(client.get("/xuat/lots.csv"))
    assert [row["Lô"] for row in every] == [world.lot.code], "lots of others are out of reach"
    assert lines(client.get("/xuat/lots.csv?q=khongcogi")) == []
    assert lines(client.get("/xuat/lots.csv?state=recalled")) == []
    mine = {row["Đơn vị được cấp"] for row in lines(client.get("/xuat/areas.csv"))}
    assert mine == {world.cooperative.name}
    told = session.scalars(select(History).where(History.deed == "export:take").order_by(History.id)).all()
    assert {row.by for row in told} == {world.clerk.id}
    assert [row.changes["filters"][1] for row in told] == ["–", "q=khongcogi", "state=recalled", "–"]
    assert [row.changes["rows"][1] for row in told] == [1, 0, 0, 1]


def test_a_long_list_is_read_in_parts_and_whole(session: Any, world: Any, sign_in: Any, monkeypatch: Any) -> None:
    from tests import factories

    for number in range(7):
        factories.area(session, world.title, world.cooperative, f"Vùng thêm {number}")
    session.commit()
    monkeypatch.setattr(exports, "AT_ONCE", 3)
    names = [row["Vùng trồng"] for row in lines(sign_in(world.clerk).get("/xuat/areas.csv"))]
    assert len(names) == len(set(names)) == 8
    monkeypatch.setattr(exports.sheets, "MOST_ROWS", 5)
    answer = sign_in(world.clerk).get("/xuat/areas.csv")
    assert answer.status_code == 413
    assert "Danh sách có 8 dòng" in answer.get_data(as_text=True)


def test_the_page_of_a_list_offers_its_file_with_the_filters_in_use(world: Any, sign_in: Any) -> None:
    page = sign_in(world.clerk).get("/lo?q=abc").get_data(as_text=True)
    assert "/xuat/lots.xlsx?q=abc" in page
    assert sign_in(world.clerk).get("/xuat/gi-do.csv").status_code == 404
