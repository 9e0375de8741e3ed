"""Tables as people would send them, made in memory for tests."""

from __future__ import annotations

import csv
import io
from typing import Any

from xlsxwriter import Workbook

from tests.conftest import NOW
from trace.models.members import TableKind
from trace.services import table_forms, table_imports
from trace.services.area_imports import Asker
from trace.services.reach import Reach


def headings(kind: TableKind) -> list[str]:
    return [column.heading for column in table_forms.FORMS[kind].columns]


def xlsx(rows: list[list[Any]], kind: TableKind = TableKind.MEMBERS, *, heads: list[str] | None = None) -> bytes:
    """A workbook; a str is text, a number a number, a date a date, as Excel keeps them."""
    stream = io.BytesIO()
    with Workbook(
        stream, {"in_memory": True, "strings_to_formulas": False, "default_date_format": "dd/mm/yyyy"}
    ) as book:
        sheet = book.add_worksheet("Bảng")
        for place, heading in enumerate(heads or headings(kind)):
            sheet.write_string(0, place, heading)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                elif cell is not None:
                    sheet.write(number, place, cell)
    return stream.getvalue()


def text(
    rows: list[list[Any]], kind: TableKind = TableKind.MEMBERS, *, encoding: str = "utf-8", mark: str = ","
) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=mark, lineterminator="\r\n")
    writer.writerows([headings(kind), *rows])
    return stream.getvalue().encode(encoding)


def member(**said: Any) -> list[Any]:
    """A row of the table of members, good unless said otherwise."""
    values: dict[str, Any] = {
        "code": "", "name": "Phạm Thị Mẫu", "kind": "Hộ", "national_id": "", "tax_code": "", "phone": "", "address": "Thôn Mẫu",
        "commune": "Thanh Hà", "declared_ha": "0,35", "joined_on": "01/02/2026",
    }  # fmt: skip
    assert set(said) <= set(values)
    return list((values | said).values())


def asker(
    user: Any, *holders: Any, everything: bool = False, may_code: bool = False, at: Any = NOW, titles: Any = ()
) -> Asker:
    reach = Reach(
        holders=frozenset(party.id for party in holders),
        titles=frozenset(title.id for title in titles),
        everything=everything,
    )
    return Asker(by=user.id, at=at, reach=reach, may_code=may_code)


def send(
    session: Any,
    store: Any,
    data: bytes,
    world: Any,
    *,
    kind: TableKind = TableKind.MEMBERS,
    who: Asker | None = None,
    name: str = "bảng.xlsx",
) -> Any:
    """Bring a table in for the cooperative, and look at it."""
    who = who or asker(world.clerk, world.cooperative)
    made = table_imports.start(
        session, store, io.BytesIO(data), kind=kind, name=name, holder_id=world.cooperative.id, who=who
    )
    return made, table_imports.look(session, store, made, who=who)


def take(session: Any, store: Any, made: Any, judged: Any, who: Asker, *, only_good: bool = False) -> Any:
    return table_imports.take(
        session, store, made.id, only_good=only_good, seen_good=len(judged.good), reaches={made.kind: who}
    )


def said(judged: Any) -> dict[int, set[str]]:
    """Row numbers and the names of what is wrong with them."""
    return {
        row.number: {type(each.error).__name__ for each in row.findings if each.is_fault}
        for row in judged.rows
        if row.faulty
    }


def remarks(judged: Any) -> dict[int, set[str]]:
    return {
        row.number: {type(each.error).__name__ for each in row.findings if not each.is_fault}
        for row in judged.rows
        if row.findings
    }
