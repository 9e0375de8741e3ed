"""A file of areas: read, judged row by row, taken over as a whole or by rows, or not at all."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.geofiles import feature, geojson, polygon, shape, square, xlsx
from trace.errors import NotFound, Refused
from trace.models.area_imports import AreaImport, AreaImportRow, ImportState
from trace.models.areas import GrowingArea, GrowingAreaCode
from trace.services import area_import_faults as faults
from trace.services import (
    area_import_preview,
    area_import_rows,
    area_import_taking,
    area_imports,
    boundary_faults,
    history,
)
from trace.services.area_import_preview import Shown
from trace.services.area_import_taking import Which
from trace.services.area_imports import Asker, Choices
from trace.services.reach import Reach

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 6, 15, 3, 0, tzinfo=UTC)


def asker(world: Any, **facts: Any) -> Asker:
    return Asker(by=world.manager.id, at=AT, **{"reach": Reach(titles=frozenset({world.title.id})), **facts})


def start(session: Any, world: Any, store: Path, raw: bytes, name: str = "a.geojson", **facts: Any) -> AreaImport:
    return area_imports.start(
        session, store, io.BytesIO(raw), name=name, title_id=world.title.id, holder_id=world.cooperative.id, who=asker(world, **facts)
    )  # fmt: skip


def field(number: int, **said: Any) -> dict[str, Any]:
    """A good field; numbers lie apart."""
    return feature(
        polygon(square(106.44 + 0.003 * number, 20.95)),
        **{"Tên vùng": f"Thửa {number}", "Diện tích (ha)": "4,6", **said},
    )


def said(session: Any, made: AreaImport, row: int) -> list[str]:
    """What stands against a row."""
    found = session.get_one(AreaImportRow, (made.id, row))
    return [each["is"] for each in found.faults]


def remarked(session: Any, made: AreaImport, row: int) -> list[str]:
    return [each["is"] for each in session.get_one(AreaImportRow, (made.id, row)).remarks]


def areas(session: Any) -> int:
    return session.scalar(select(func.count()).select_from(GrowingArea))


def test_a_whole_file_becomes_areas_each_with_its_history(session: Any, world: Any, tmp_path: Path) -> None:
    before = areas(session)
    made = start(
        session,
        world,
        tmp_path,
        geojson(field(1, **{"Cây trồng": "vải", "Số cây": 120, "Năm trồng": "31/12/2015"}), field(2)),
    )
    assert (made.total, made.faulty, made.remarked, areas(session)) == (2, 0, 0, before)
    done = area_import_taking.take(session, made.id, Which.ALL, who=asker(world))
    assert (done.state, done.taken, areas(session)) == (ImportState.DONE, 2, before + 2)
    one = session.scalars(select(GrowingArea).where(GrowingArea.name == "Thửa 1")).one()
    assert (one.crop, one.trees, one.planted_in, one.declared_ha, one.commune_code) == (
        "vải",
        120,
        2015,
        Decimal("4.6"),
        "10813",
    )
    (deed,) = history.of(session, one.id)
    assert (deed.deed, deed.by, deed.changes["file"], deed.changes["revision"]) == (
        "area:import",
        world.manager.id,
        [None, "a.geojson"],
        [0, 1],
    )
    assert [each.deed for each in history.of(session, done.id)] == ["area_import:take", "area_import:start"]
    assert session.scalar(select(func.count()).select_from(AreaImportRow)) == 0


def test_faults_stop_the_whole_file_and_rows_can_be_picked(session: Any, world: Any, tmp_path: Path) -> None:
    before = areas(session)
    made = start(
        session,
        world,
        tmp_path,
        geojson(field(1), feature(polygon(square(106.44, 20.92)[:3]), **{"Tên vùng": "Hỏng"}), field(3)),
    )
    assert said(session, made, 2) == ["TooFewPoints"]
    with pytest.raises(faults.FaultsLeft):
        area_import_taking.take(session, made.id, Which.ALL, who=asker(world))
    with pytest.raises(faults.NothingToTake):
        area_import_taking.take(session, made.id, Which.CHOSEN, rows=[2], who=asker(world))
    assert areas(session) == before
    done = area_import_taking.take(session, made.id, Which.CHOSEN, rows=[2, 3], who=asker(world))
    assert (done.taken, areas(session)) == (1, before + 1)
    with pytest.raises(faults.ImportFinished):
        area_import_taking.take(session, made.id, Which.FINE, who=asker(world))


def test_the_same_file_twice_names_every_double(session: Any, world: Any, tmp_path: Path) -> None:
    raw = geojson(field(1), field(2))
    area_import_taking.take(session, start(session, world, tmp_path, raw).id, Which.ALL, who=asker(world))
    again = start(session, world, tmp_path, raw)
    assert again.faulty == 2
    assert said(session, again, 1) == ["DuplicateOfArea", "NameTaken"]
    (same, taken) = area_imports.told(session.get_one(AreaImportRow, (again.id, 1)).faults)
    assert (same.facts["name"], taken.facts) == ("Thửa 1", {"holder": world.cooperative.name, "name": "Thửa 1"})


def test_rows_are_compared_with_one_another(session: Any, world: Any, tmp_path: Path) -> None:
    over = feature(polygon(square(106.4435, 20.9505)), **{"Tên vùng": "Chồng"})
    twin = feature(polygon(square(106.443, 20.95)), **{"Tên vùng": "Trùng"})
    name = feature(polygon(square(106.46, 20.94)), **{"Tên vùng": "Thửa 1"})
    beside = feature(polygon(square(106.445, 20.95)), **{"Tên vùng": "Cạnh"})
    made = start(session, world, tmp_path, geojson(field(1), over, twin, name, beside))
    assert said(session, made, 1) == []
    assert remarked(session, made, 1) == ["RowRepeated", "RowOverlapped"]
    assert said(session, made, 2) == ["OverlapsRow"]
    assert said(session, made, 3) == ["DuplicateOfRow"]
    assert said(session, made, 4) == ["NameRepeated"]
    (overlap,) = area_imports.told(session.get_one(AreaImportRow, (made.id, 2)).faults)
    assert overlap.facts["row"] == 1
    assert overlap.facts["percent"] == pytest.approx(56.2, abs=0.1)


def test_five_thousand_times_the_same_land_ends_soon(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(*[feature(polygon(square()), name=f"A{n}") for n in range(600)]))
    assert made.faulty == 599


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"Tên vùng": ""}, "NameMissing"), ({"Tên vùng": "x" * 121}, "NameTooLong"), ({"Diện tích (ha)": "nhiều"}, "SizeUnreadable"),
        ({"Diện tích (ha)": "-3"}, "SizeUnreadable"), ({"Số cây": "1,5"}, "CountUnreadable"), ({"Năm trồng": "2099"}, "YearUnreadable"),
        ({"Đơn vị": "Hợp tác xã không có"}, "HolderUnknown"),
    ],
)  # fmt: skip
def test_words_that_cannot_be(session: Any, world: Any, tmp_path: Path, words: dict[str, str], fault: str) -> None:
    assert said(session, start(session, world, tmp_path, geojson(field(1, **words))), 1) == [fault]


def test_a_holder_is_found_by_name_or_tax_code_within_reach_only(session: Any, world: Any, tmp_path: Path) -> None:
    world.other_cooperative.tax_code = "0201234567"
    session.flush()
    named = [field(1, **{"Đơn vị": world.other_cooperative.name.upper()}), field(2, **{"Đơn vị": "0201234567"})]
    made = start(session, world, tmp_path, geojson(*named))
    assert made.faulty == 0
    assert set(session.scalars(select(AreaImportRow.holder_id))) == {world.other_cooperative.id}
    clerk = Reach(holders=frozenset({world.cooperative.id}))
    assert said(session, start(session, world, tmp_path, geojson(*named), reach=clerk), 1) == ["HolderUnknown"]


def test_nobody_brings_in_areas_for_others(session: Any, world: Any, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        start(session, world, tmp_path, geojson(field(1)), reach=Reach(holders=frozenset({world.other_cooperative.id})))
    made = start(session, world, tmp_path, geojson(field(1)))
    with pytest.raises(NotFound):
        area_imports.get(session, made.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))


def test_communes_by_their_right_and_their_old_names(session: Any, world: Any, tmp_path: Path) -> None:
    factories.commune(session, "10888", "Cẩm Giang", boundary=factories.square(106.60, 20.88, 0.1))
    factories.commune(session, "10903", "Cẩm Giàng", boundary=factories.square(106.70, 20.88, 0.1))
    rows = [field(1, Xã="xã Thanh Hà"), field(2, Xã="Cẩm Giàng"), field(3, Xã="Hà Xứ")]
    made = start(session, world, tmp_path, geojson(*rows))
    assert [remarked(session, made, row) for row in (1, 2, 3)] == [[], ["CommuneDiffers"], ["CommuneUnknown"]]
    assert set(session.scalars(select(AreaImportRow.commune_code))) == {"10813"}
    west = feature(polygon(square(106.65, 20.92)), **{"Tên vùng": "T", "Xã": "Cẩm Giàng"})
    (differs, *_) = [
        each
        for each in area_imports.told(
            session.get_one(AreaImportRow, (start(session, world, tmp_path, geojson(west)).id, 1)).remarks
        )
        if isinstance(each, faults.CommuneDiffers)
    ]
    assert differs.facts == {"given": "Cẩm Giàng", "found": "Cẩm Giang"}


def test_without_a_size_the_measured_one_stands(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(feature(polygon(square()), name="A")))
    assert remarked(session, made, 1) == ["SizeTaken"]
    assert session.scalar(select(AreaImportRow.declared_ha)) == Decimal("4.6072")


def test_square_metres_are_known_by_the_name_of_their_column(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(feature(polygon(square()), **{"Tên": "A", "DT m2": "46.072,5"})))
    assert (made.remarked, session.scalar(select(AreaImportRow.declared_ha))) == (0, Decimal("4.60725"))


def test_codes_come_only_with_those_who_keep_them(session: Any, world: Any, tmp_path: Path) -> None:
    raw = geojson(
        field(1, **{"Mã số vùng trồng": "MẪU-1", "Ngày cấp": "05/09/2025"}), field(2, **{"Mã số vùng trồng": "MẪU-1"})
    )
    assert remarked(session, start(session, world, tmp_path, raw), 1) == ["CodeLeftOut"]
    keeper = asker(world, may_code=True, reach=Reach(everything=True))
    made = start(session, world, tmp_path, raw, may_code=True, reach=Reach(everything=True))
    assert [said(session, made, row) for row in (1, 2)] == [[], ["CodeRepeated"]]
    area_import_taking.take(session, made.id, Which.FINE, who=keeper)
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.code == "MẪU-1")).one()
    assert (code.scheme, code.market, code.issued_on, code.valid_during.lower) == (
        "VN",
        "VN",
        date(2025, 9, 5),
        date(2025, 9, 5),
    )
    again = start(
        session,
        world,
        tmp_path,
        geojson(field(3, **{"Mã số vùng trồng": "MẪU-1"})),
        may_code=True,
        reach=Reach(everything=True),
    )
    assert said(session, again, 1) == ["CodeTaken"]


def test_what_changed_since_the_preview_stops_it(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(field(1), field(2)))
    factories.area(
        session, world.title, world.other_cooperative, "Mới", boundary=factories.square(106.443, 20.95, 0.002)
    )
    before = areas(session)
    with pytest.raises(faults.ChangedMeanwhile) as refusal:
        area_import_taking.take(session, made.id, Which.ALL, who=asker(world))
    assert refusal.value.facts == {"rows": 1}
    assert areas(session) == before
    area_imports.change(session, tmp_path, made.id, Choices(**made.choices), who=asker(world))
    assert said(session, made, 1) == ["DuplicateOfArea"]


def test_columns_axes_and_open_lines_can_be_chosen(session: Any, world: Any, tmp_path: Path) -> None:
    turned = [(lat, lon) for lon, lat in square()[:4]]
    made = start(session, world, tmp_path, geojson(feature(polygon(turned), ghichu="Vùng A", k="4,6")))
    assert "AxesSwapped" in said(session, made, 1)
    chosen = Choices(swap=True, close=True, columns={"name": "ghichu", "declared_ha": "k"})
    area_imports.change(session, tmp_path, made.id, chosen, who=asker(world))
    assert (made.faulty, made.remarked) == (0, 0)
    with pytest.raises(faults.MappedTwice):
        area_imports.change(session, tmp_path, made.id, Choices(columns={"name": "k", "crop": "k"}), who=asker(world))


def test_metres_wait_until_their_zone_is_chosen(session: Any, world: Any, tmp_path: Path) -> None:
    rows = [
        ["Tên", "X", "Y"],
        *[["A", 2312000 + dy, 571000 + dx] for dx, dy in ((0, 0), (200, 0), (200, 200), (0, 200))],
    ]
    made = start(session, world, tmp_path, xlsx(rows), "a.xlsx")
    assert made.fault == {"is": "ZoneMissing", "facts": {}}
    assert made.total == 0
    area_imports.change(session, tmp_path, made.id, Choices(srid=9210, columns={"name": "Tên"}), who=asker(world))
    assert (made.fault, made.total, made.faulty) == (None, 1, 0)
    assert session.scalar(select(AreaImportRow.measured_ha)) == pytest.approx(4.0, abs=0.01)


def test_a_shapefile_with_short_column_names(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, shape([([square()], "Vùng vải", 4.6)]), "a.zip")
    assert made.choices["columns"] == {"name": "TEN", "declared_ha": "DT_HA"}
    assert made.faulty == 0


def test_giving_up_leaves_nothing_but_the_record(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(field(1)))
    area_imports.give_up(session, made.id, by=world.manager.id, at=AT, reach=Reach(everything=True))
    assert made.state is ImportState.GIVEN_UP
    assert session.scalar(select(func.count()).select_from(AreaImportRow)) == 0
    assert [each.id for each in area_imports.listing(session, reach=Reach(everything=True))] == [made.id]


def test_rows_that_nobody_took_go_after_a_while(session: Any, world: Any, tmp_path: Path) -> None:
    start(session, world, tmp_path, geojson(field(1)))
    assert area_imports.clear(session, before=AT) == 0
    assert area_imports.clear(session, before=datetime(2026, 8, 1, tzinfo=UTC)) == 1


def test_the_preview_draws_each_row(session: Any, world: Any, tmp_path: Path) -> None:
    made = start(session, world, tmp_path, geojson(field(1), feature(None, **{"Tên vùng": "Trống"})))
    first, second = area_import_preview.lines(session, made, shown=Shown.ALL, page=1)
    assert first.path.startswith("M")
    assert (second.path, [type(each) for each in second.faults]) == ("", [boundary_faults.BoundaryEmpty])
    assert [area_import_preview.count(made, kind) for kind in Shown] == [2, 1, 0, 1]
    assert [line.row.row_no for line in area_import_preview.lines(session, made, shown=Shown.FAULTY, page=1)] == [2]
    assert [line.row.row_no for line in area_import_preview.lines(session, made, shown=Shown.FINE, page=1)] == [1]


def test_columns_are_guessed_by_what_people_call_them() -> None:
    columns = ["STT", "Tên vùng trồng", "Hợp tác xã", "Diện tích khai (ha)", "Xã/Phường", "Mã số vùng trồng", "Ghi chú"]
    assert area_import_rows.guess(columns) == {
        "name": "Tên vùng trồng", "holder": "Hợp tác xã", "declared_ha": "Diện tích khai (ha)", "commune": "Xã/Phường",
        "code": "Mã số vùng trồng",
    }  # fmt: skip
    assert area_import_rows.guess(["TEN_VUNG", "DIENTICH", "MAVUNG"]) == {"name": "TEN_VUNG", "declared_ha": "DIENTICH"}
