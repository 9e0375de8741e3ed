"""Promises of filtered reports: what a unit cannot be credited with is said, a merged case counts with the one that carries on, and values
that cannot be reckoned are counted out aloud.
"""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pypdfium2
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from enforcement import joins, law, report_files, report_tables, reports, triage
from enforcement.competence import LegalQualification
from enforcement.models import (
    CaseAct,
    CaseFile,
    CaseJoin,
    DeskReport,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    ExhibitState,
    GoodsLine,
    Outcome,
    ValuationMethod,
)
from enforcement.report_scope import Figure
from enforcement.report_tables import Telling
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_reports import JUNE, LATER, asked, cells, opened
from trace.errors import NotFound
from trace.models.parties import Party, Role

SECRET = "Thùng vải ghi tên bà Nguyễn Thị Mẫu, 12 ngõ Kín"


@pytest.fixture
def second_unit(session: Session) -> Party:
    return factories.party(session, "Đội mẫu số 2")


def amount(
    session: Session, figure: Figure, part: str | None = None, measure: Telling = Telling.COUNT, **more: Any
) -> Any:
    """A number of June; nought where its line does not stand at all."""
    cell = cells(session, asked(session, **more)).get((figure, part, measure))
    return cell.amount if cell else 0


# ------------------------------------------------------------------ signals of a unit


def test_a_unit_is_credited_with_the_signals_that_its_people_decided_on(
    session: Session, world: factories.World, second_unit: Party, tmp_path: Path
) -> None:
    law.seed(session)
    opened(session, world, tmp_path, NOW)
    first, second = (desk.signal(session, place=f"Chợ số {n}", at=NOW) for n in range(2))
    desk.signal(session, place="Chợ chưa ai xem", at=NOW)
    # Who decided moved to the first unit two days after: the decision stays with the unit in which it was taken.
    moved = NOW.date() + timedelta(days=2)
    before, after = Range(date(2026, 1, 1), moved), Range(moved, None)
    factories.role(session, world.inspector, second_unit, Role.OFFICER, NOW, valid_during=before)
    factories.role(session, world.inspector, world.authority, Role.OFFICER, NOW, valid_during=after)
    for signal, by in ((first, world.officer), (second, world.inspector)):
        triage.reject(session, signal.id, reason="Không rõ", outcome=Outcome.UNDETERMINED, by=by.id, at=NOW)
    for unit, rejected, taken in ((world.authority, 1, 1), (second_unit, 1, 0)):
        assert amount(session, Figure.SIGNALS_REJECTED, unit_id=unit.id) == rejected, unit.name
        assert amount(session, Figure.SIGNALS_IN_CASE, unit_id=unit.id) == taken, unit.name
        assert amount(session, Figure.SIGNAL_RESULTS, "undetermined", unit_id=unit.id) == rejected, unit.name
        rows, total = reports.listing(session, Figure.DAYS_TO_TRIAGE, asked(session, unit_id=unit.id))
        assert total == len(rows) == rejected + taken
    assert amount(session, Figure.SIGNALS_OPEN) == 1
    assert amount(session, Figure.SIGNALS_RECEIVED) == 4


def test_what_belongs_to_no_unit_is_left_out_of_its_report_and_named(
    session: Session, world: factories.World, second_unit: Party
) -> None:
    law.seed(session)
    scope = asked(session, unit_id=second_unit.id)
    table = report_tables.draw(session, scope)[0]
    shown = {figure for figure, _ in table.table.columns}
    assert table.left_out == (Figure.SIGNALS_RECEIVED, Figure.SIGNALS_OPEN)
    assert shown == {Figure.SIGNALS_IN_CASE, Figure.SIGNALS_REJECTED}
    with pytest.raises(NotFound):
        reports.listing(session, Figure.SIGNALS_OPEN, scope)
    assert report_tables.draw(session, asked(session))[0].left_out == ()
    made = reports.freeze(session, scope, word=str, by=world.team_head.id, at=LATER)
    said = "Không tính theo đơn vị nên không có trong bảng: signals_received; signals_open."
    assert said in printed(made)
    assert said in front_of(made)
    assert {"signals_received", "signals_open"}.isdisjoint(made.figures["rows"])


# ------------------------------------------------------------------ merged cases


def put(session: Session, case: CaseFile, *, officer: UUID | None, commune: str, world: factories.World) -> None:
    """Give a case to somebody, somewhere, with an act of its own."""
    session.execute(
        text("UPDATE enforcement.case_file SET officer_id = :o, commune_code = :c WHERE id = :id"),
        {"o": officer, "c": commune, "id": case.id},
    )
    session.add(
        CaseAct(case_id=case.id, description="Hành vi mẫu", qualification=LegalQualification.GI_INFRINGEMENT, began_on=date(2026, 5, 1),
                place="Chợ mẫu", added_at=NOW, added_by=world.officer.id)
    )  # fmt: skip
    session.flush()
    session.expire(case)


@pytest.mark.parametrize("by_commune", [False, True])
def test_a_merged_case_counts_where_the_case_is_that_carries_on(
    session: Session, world: factories.World, second_unit: Party, tmp_path: Path, *, by_commune: bool
) -> None:
    law.seed(session)
    here = "10813"
    there = "10999"
    factories.commune(session, there, "Xã mẫu khác")
    factories.role(session, world.inspector, second_unit, Role.OFFICER, NOW)
    kept, middle, low, other = (opened(session, world, tmp_path, NOW) for _ in range(4))
    put(session, kept, officer=world.officer.id, commune=here, world=world)
    for case in (middle, low, other):
        put(session, case, officer=world.inspector.id, commune=there, world=world)
    ours: dict[str, Any] = {"commune_code": here} if by_commune else {"unit_id": world.authority.id}
    theirs: dict[str, Any] = {"commune_code": there} if by_commune else {"unit_id": second_unit.id}

    def acts() -> tuple[int, int]:
        return amount(session, Figure.ACTS, **ours), amount(session, Figure.ACTS, **theirs)

    assert acts() == (1, 3)
    joins.merge(session, middle.id, low.id, take=(), reason="Một nơi bán", by=world.officer.id, at=NOW)
    assert acts() == (1, 3)
    joins.merge(session, kept.id, middle.id, take=(), reason="Một nơi bán", by=world.officer.id, at=NOW)
    assert acts() == (3, 1), "through another that was merged away itself"
    assert amount(session, Figure.CASES_MERGED, **ours) == 2
    counts = {figure: amount(session, figure, **ours) for figure in Figure if figure.value.startswith("cases_")}
    came = counts[Figure.CASES_CARRIED] + counts[Figure.CASES_OPENED] + counts[Figure.CASES_REGAINED]
    assert came == counts[Figure.CASES_CLOSED] + counts[Figure.CASES_MERGED] + counts[Figure.CASES_LEFT] == 3
    # What was merged or taken apart after June changes nothing of June.
    joins.merge(session, kept.id, other.id, take=(), reason="Một nơi bán", by=world.officer.id, at=LATER)
    joins.unmerge(session, middle.id, reason="Nhầm", by=world.officer.id, at=LATER)
    assert acts() == (3, 1)
    assert session.scalars(select(CaseJoin.undone_at).where(CaseJoin.absorbed_id == middle.id)).one() == LATER


# ------------------------------------------------------------------ goods


def exhibit(
    session: Session, world: factories.World, case: CaseFile, seq: int, goods: GoodsLine | None, **facts: Any
) -> None:
    who: dict[str, Any] = {"added_at": NOW, "added_by": world.officer.id}
    thing = Exhibit(
        case_id=case.id, seq=seq, condition="Tốt", kept_at="Kho mẫu", keeper="Người mẫu", goods_id=goods.id if goods else None,
        state=ExhibitState.HELD, **{"description": SECRET, **facts}, **who,
    )  # fmt: skip
    session.add(thing)
    session.flush()
    session.add(
        ExhibitEvent(exhibit_id=thing.id, seq=1, deed=ExhibitDeed.TAKEN, at=NOW, by=world.officer.id, kept_at="Kho mẫu", keeper="Người mẫu")
    )  # fmt: skip
    session.flush()


@pytest.fixture
def seized(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    """A case with boxes at a price for a box, cartons of the same goods, and something that belongs to no goods."""
    law.seed(session)
    case = opened(session, world, tmp_path, NOW)
    boxes = GoodsLine(
        case_id=case.id, name="Vải sấy", quantity=100, unit="hộp", unit_value=40_000, method=ValuationMethod.MARKET_PRICE,
        valued_on=date(2026, 6, 15), added_at=NOW, added_by=world.officer.id,
    )  # fmt: skip
    session.add(boxes)
    session.flush()
    exhibit(session, world, case, 1, boxes, quantity=10, unit="thùng")
    exhibit(session, world, case, 2, boxes, quantity=3, unit=" HỘP ")
    exhibit(session, world, case, 3, None, quantity=2, unit="cuộn")
    return case


def printed(report: DeskReport, *, names: bool = False) -> str:
    with pypdfium2.PdfDocument(report_files.pdf(report_files.of_report(report, names=names))[1]) as book:
        return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in book)


def front_of(report: DeskReport, *, names: bool = False) -> str:
    content = report_files.workbook(report_files.of_report(report, names=names), with_rows=False)[1]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("Tổng hợp").to_python()
    return "\n".join(" ".join(str(cell) for cell in row).strip() for row in rows)


def test_goods_have_a_value_only_where_it_is_told_for_their_unit(
    session: Session, seized: CaseFile, world: factories.World
) -> None:
    value = Telling.VALUE
    assert amount(session, Figure.GOODS_SEIZED, "Vải sấy ·  HỘP ", value) == 120_000
    assert amount(session, Figure.GOODS_SEIZED, "Vải sấy · thùng", value) is None
    assert amount(session, Figure.GOODS_SEIZED, "Vải sấy · thùng", Telling.QUANTITY) == 10
    assert amount(session, Figure.GOODS_SEIZED, None, value) == 120_000
    goods = next(each for each in report_tables.draw(session, asked(session)) if each.table.free)
    assert goods.unvalued == (report_tables.Unvalued(Figure.GOODS_SEIZED, 2, 3),)
    made = reports.freeze(session, asked(session), word=str, by=world.team_head.id, at=LATER)
    said = "goods_seized: 2 trong 3 dòng chưa có giá trị nên không nằm trong tổng"
    assert said in printed(made)
    assert said in front_of(made)


def test_what_a_case_says_of_a_thing_stands_in_no_figure(
    session: Session, seized: CaseFile, world: factories.World
) -> None:
    assert amount(session, Figure.GOODS_SEIZED, "Khác · cuộn", Telling.QUANTITY) == 2
    told = reports.told(session, asked(session), word=str, most=0)
    assert SECRET not in str(told), "without rows nothing of the case is told"
    rows, _ = reports.listing(session, Figure.GOODS_SEIZED, asked(session), part="Khác · cuộn")
    assert [row.what for row in rows] == [SECRET]
    made = reports.freeze(session, asked(session), word=str, by=world.team_head.id, at=LATER)
    assert SECRET not in printed(made)
    assert SECRET not in front_of(made)


def test_a_report_of_old_that_told_descriptions_tells_them_to_readers_of_cases_alone(
    session: Session, seized: CaseFile, world: factories.World
) -> None:
    now = reports.told(session, asked(session), word=str, most=10)
    for table in now["tables"]:
        for name in ("free", "left_out", "unvalued"):
            del table[name]
        for line in table["lines"]:
            if line["part"] == "Khác · cuộn":
                line["part"] = line["title"] = f"{SECRET} · cuộn"
    old = DeskReport(first_day=JUNE[0], last_day=JUNE[1], drawn_at=LATER, drawn_by=world.team_head.id, figures=now)
    session.add(old)
    session.flush()
    assert SECRET in front_of(old, names=True)
    for said in (front_of(old), printed(old), str(reports.frozen_tables(old, names=False))):
        assert SECRET not in said
        assert "Khác · cuộn" in said
