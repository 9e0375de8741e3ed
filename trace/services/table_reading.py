"""Opening a table that somebody brings in: which columns it has, and its rows as cells under the keys of their columns.

What must not live here: what the cells mean, and the database.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trace.services import table_cells, table_forms, workbooks
from trace.services import table_faults as faults
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trace.errors import TemThatError
    from trace.services.table_forms import TableForm

_LOOKED_AT = 10
_XLSX_MARK = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ROOM = 50
"""How many rows a table may have beyond its limit, for headings and what is empty between."""


@dataclass(frozen=True)
class Finding:
    """Something to say about a row, at one of its columns or at all of it. Only faults keep a row from being recorded."""

    column: str | None
    error: TemThatError
    is_fault: bool = True


@dataclass
class Row:
    """A row as its reader sees it: `number` counts from one, headings included."""

    number: int
    cells: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    known: bool = False
    """Whether the register holds it already, so that there is nothing to do."""

    @property
    def faulty(self) -> bool:
        """Whether something keeps it from being recorded."""
        return any(finding.is_fault for finding in self.findings)

    def fault(self, column: str | None, error: TemThatError) -> None:
        """Say what is wrong."""
        self.findings.append(Finding(column, error))

    def remark(self, column: str | None, error: TemThatError) -> None:
        """Say what is worth a look."""
        self.findings.append(Finding(column, error, is_fault=False))


@dataclass(frozen=True)
class Table:
    """A table as it came: every row of it as it stands, where its headings are, and its rows that are to be recorded."""

    lines: Sequence[Sequence[Any]]
    heading_row: int
    """Counted from nought."""
    places: dict[str, int]
    rows: list[Row]


def read(data: bytes, form: TableForm) -> Table:
    """Raises what `geofile_faults` and `table_faults` say of files; never more memory than the bounds of `workbooks`."""
    lines = _lines(data, form.most_rows)
    at, places = _headings(lines, form)
    rows = [
        row
        for number, line in enumerate(lines[at + 1 :], start=at + 2)
        if (row := _row(number, line, places)) is not None
    ]
    if not rows:
        raise faults.TableEmpty
    if len(rows) > form.most_rows:
        raise faults.TooManyRows(most=form.most_rows)
    return Table(lines, at, places, rows)


def check_cells(rows: Sequence[Row], form: TableForm) -> None:
    """What can be said of any table: needed cells that are empty, errors of formulas."""
    for row in rows:
        for column in form.columns:
            cell = row.cells.get(column.key)
            if table_cells.broken(cell):
                row.fault(column.key, faults.CellBroken(column=column.heading, text=str(cell).strip()))
                row.cells[column.key] = None
            elif column.needed and cell is None:
                row.fault(column.key, faults.CellMissing(column=column.heading))


def _lines(data: bytes, most: int) -> list[list[Any]]:
    if data.startswith(_XLSX_MARK) and zipfile.is_zipfile(io.BytesIO(data)):
        return workbooks.from_xlsx(data, gaps=True, most=most + _ROOM, beyond=faults.TooManyRows)
    if data.startswith((_OLD_EXCEL, b"%PDF", b"\x89PNG", b"\xff\xd8", b"Rar!", _XLSX_MARK[:2])):
        raise faults.UnknownTableKind
    if data.count(b"\n") > 4 * most + _ROOM:
        raise faults.TooManyRows(most=most)
    return workbooks.from_csv(data, gaps=True, most=4 * most + _ROOM, beyond=faults.TooManyRows)


def _headings(lines: Sequence[Sequence[Any]], form: TableForm) -> tuple[int, dict[str, int]]:
    """Where the headings stand and which column each is; the row among the first that names most of them."""
    best: tuple[int, dict[str, int]] = (0, {})
    for number, line in enumerate(lines[:_LOOKED_AT]):
        names = [fold(table_cells.text(cell)) for cell in line]
        found: dict[str, int] = {}
        for column in form.columns:
            called = (fold(column.heading), *column.also)
            own = [place for place, name in enumerate(names) if name == called[0]]
            if len(own) > 1:
                raise faults.HeadingTwice(column=column.heading)
            free = (place for each in called for place, name in enumerate(names) if name == each)
            if (place := next((each for each in free if each not in found.values()), None)) is not None:
                found[column.key] = place
        if len(found) > len(best[1]):
            best = (number, found)
    missing = [column.heading for column in form.columns if column.needed and column.key not in best[1]]
    if missing:
        raise faults.HeadingsMissing(columns=tuple(missing))
    return best


def _row(number: int, line: Sequence[Any], places: dict[str, int]) -> Row | None:
    """The cells of a row under their keys; None for an empty row and for the example."""
    cells = {key: _cell(line[place]) for key, place in places.items() if place < len(line)}
    if all(cell is None for cell in cells.values()):
        return None
    first = next((cell for cell in _texts(line)), "")
    return None if first.upper().startswith(table_forms.EXAMPLE_MARK) else Row(number, cells)


def _texts(line: Sequence[Any]) -> Iterator[str]:
    return (text for cell in line if (text := table_cells.text(cell)))


def _cell(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return table_cells.text(cell) or None
    return cell
