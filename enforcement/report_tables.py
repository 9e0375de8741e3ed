"""The tables of a desk's report, with their numbers: which figures stand beside one another, on which lines, and what their rows come to.

What must not live here: which rows a figure counts (`report_rows`), and reports that are drawn up and kept (`reports`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.models import Outcome, SignalSource
from enforcement.report_rows import rows
from enforcement.report_scope import Figure, Scope, not_by_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session


class Telling(StrEnum):
    """What of a figure's rows is told: how many, how much of something, how many đồng, or how long on average."""

    COUNT = "count"
    QUANTITY = "quantity"
    VALUE = "value"
    MEAN = "mean"
    RATE = "rate"


class ReportPart(StrEnum):
    """The tables of a report."""

    SIGNALS = "signals"
    SIGNAL_RESULTS = "signal_results"
    CASES = "cases"
    CASE_RESULTS = "case_results"
    WORK = "work"
    ACTS = "acts"
    GOODS = "goods"
    CLOCKS = "clocks"
    TIMES = "times"


F, M = Figure, Telling
_GOODS = (F.GOODS_SEIZED, F.GOODS_CONFISCATED, F.GOODS_DESTROYED)


@dataclass(frozen=True)
class Table:
    """A table: its lines (members of an enum, whatever parts there are, or one line for all) and its columns."""

    section: ReportPart
    parts: type[StrEnum] | None
    columns: tuple[tuple[Figure, Telling], ...]
    free: bool = False


TABLES = (
    Table(ReportPart.SIGNALS, SignalSource, tuple((f, M.COUNT) for f in (F.SIGNALS_RECEIVED, F.SIGNALS_IN_CASE, F.SIGNALS_REJECTED, F.SIGNALS_OPEN))),
    Table(ReportPart.SIGNAL_RESULTS, Outcome, ((F.SIGNAL_RESULTS, M.COUNT),)),
    Table(ReportPart.CASES, None, tuple((f, M.COUNT) for f in (F.CASES_CARRIED, F.CASES_OPENED, F.CASES_REGAINED, F.CASES_MERGED, F.CASES_CLOSED, F.CASES_LEFT))),
    Table(ReportPart.CASE_RESULTS, Outcome, ((F.CASES_CLOSED, M.COUNT),)),
    Table(
        ReportPart.WORK, None,
        tuple((f, M.COUNT) for f in (
            F.INSPECTIONS_DECIDED, F.INSPECTIONS_MADE, F.VIOLATION_RECORDS, F.PENALTIES, F.PERSONS_FINED, F.ORGANISATIONS_FINED, F.REMEDIES_ONLY, F.NO_PENALTIES, F.FORWARDED, F.TRANSFERRED,
            F.CRIMINAL_TRANSFERS,
        )),
    ),
    Table(
        ReportPart.ACTS, LegalQualification,
        ((F.ACTS, M.COUNT), (F.FINES, M.COUNT), (F.FINES, M.VALUE), (F.FINES_PAID, M.COUNT), (F.FINES_PAID, M.VALUE)),
    ),
    # Kilograms and pieces add up to nothing, so only the values have a sum.
    Table(ReportPart.GOODS, None, tuple((f, m) for f in _GOODS for m in (M.QUANTITY, M.VALUE)), free=True),
    Table(ReportPart.CLOCKS, DeadlineKind, ((F.CLOCKS_JUDGED, M.COUNT), (F.CLOCKS_IN_TIME, M.COUNT), (F.CLOCKS_IN_TIME, M.RATE))),
    Table(ReportPart.TIMES, None, tuple((f, M.MEAN) for f in (F.DAYS_TO_TRIAGE, F.DAYS_TO_DECISION, F.DAYS_TO_CLOSING))),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One number of a report. `part` None: over all lines. `amount` None: nothing to tell. `count`: how many rows it opens.

    `of`: of a rate, how many rows it is a share of.
    """

    figure: Figure
    part: str | None
    measure: Telling
    amount: int | float | None
    count: int
    of: int | None = None


@dataclass(frozen=True)
class Line:
    """A line of a table; `part` None is the line over all."""

    part: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Unvalued:
    """How many rows of a figure have no value, so that the sum of its values leaves them out."""

    figure: Figure
    rows: int
    of: int


@dataclass(frozen=True)
class Drawn:
    """A table with its numbers; the columns that cannot be told for what was asked, and the sums that leave rows out."""

    table: Table
    lines: tuple[Line, ...]
    left_out: tuple[Figure, ...] = ()
    unvalued: tuple[Unvalued, ...] = ()


def draw(session: Session, asked: Scope) -> list[Drawn]:
    """Every table with its numbers."""
    untold = not_by_unit(asked)
    tables = [
        (table, replace(table, columns=tuple(each for each in table.columns if each[0] not in untold)))
        for table in TABLES
    ]
    figures = dict.fromkeys(figure for _, table in tables for figure, _ in table.columns)
    sums = {figure: _sums(session, figure, asked) for figure in figures}
    return [
        Drawn(table, tuple(_lines(table, sums)), tuple(figure for figure, _ in whole.columns if figure in untold), _unvalued(table, sums))
        for whole, table in tables
    ]  # fmt: skip


def title(table: Table, part: str | None, word: Callable[[StrEnum], str]) -> str | None:
    """A line of a table in words."""
    if part is None or table.parts is None:
        return part
    return word(table.parts(part))


def plain(amount: Decimal | float | None) -> int | float | None:
    """An amount as JSON keeps it."""
    return _number(amount) if isinstance(amount, Decimal) else amount


def _unvalued(table: Table, sums: dict[Figure, dict[str | None, _Sum]]) -> tuple[Unvalued, ...]:
    # Goods alone may be taken without a price; what else has a value always has one.
    valued = [figure for figure, measure in table.columns if table.free and measure is Telling.VALUE]
    return tuple(
        Unvalued(figure, found.unvalued, found.count) for figure in valued if (found := sums[figure][None]).unvalued
    )


@dataclass(frozen=True)
class _Sum:
    """What rows come to. `unvalued`: how many of them have no value."""

    count: int
    quantity: Decimal
    value: int
    unvalued: int


_NOTHING = _Sum(0, Decimal(0), 0, 0)


def _sums(session: Session, figure: Figure, asked: Scope) -> dict[str | None, _Sum]:
    """What the rows of a figure come to, by part; under None over all."""
    found = rows(figure, asked).subquery()
    statement = select(
        found.c.part, func.count(), func.coalesce(func.sum(found.c.quantity), 0), func.coalesce(func.sum(found.c.value), 0),
        func.count() - func.count(found.c.value),
    ).group_by(found.c.part)  # fmt: skip
    parts = {
        part: _Sum(count, quantity, int(value), unvalued)
        for part, count, quantity, value, unvalued in session.execute(statement)
    }
    whole = _Sum(
        sum(each.count for each in parts.values()),
        sum((each.quantity for each in parts.values()), Decimal(0)),
        sum(each.value for each in parts.values()),
        sum(each.unvalued for each in parts.values()),
    )
    return {**parts, None: whole}


def _lines(table: Table, sums: dict[Figure, dict[str | None, _Sum]]) -> list[Line]:
    parts: list[str | None] = []
    if table.parts is not None:
        parts += [member.value for member in table.parts]
    elif table.free:
        parts += sorted({part for figure, _ in table.columns for part in sums[figure] if part is not None})
    shown = [part for part in parts if any(part in sums[figure] for figure, _ in table.columns)]
    # Of an enum only what occurred is told, so that thirty kinds of clock do not hide the five that ran.
    return [Line(part, tuple(_cell(*column, part, sums, free=table.free) for column in table.columns)) for part in [*shown, None]]  # fmt: skip


def _cell(
    figure: Figure, measure: Telling, part: str | None, sums: dict[Figure, dict[str | None, _Sum]], *, free: bool
) -> Cell:
    found = sums[figure].get(part, _NOTHING)
    amount: int | float | None
    judged: int | None = None
    match measure:
        case Telling.COUNT:
            amount = found.count
        case Telling.VALUE:
            # Nought đồng is what is worth nothing, not what nobody has valued.
            amount = None if found.count and found.unvalued == found.count else found.value
        case Telling.QUANTITY:
            amount = None if free and part is None else _number(found.quantity)
        case Telling.MEAN:
            amount = round(float(found.quantity) / found.count, 1) if found.count else None
        case Telling.RATE:
            judged = sums[Figure.CLOCKS_JUDGED].get(part, _NOTHING).count
            amount = round(100 * found.count / judged, 1) if judged else None
    return Cell(figure, part, measure, amount, found.count, judged)


def _number(quantity: Decimal) -> int | float:
    return int(quantity) if quantity == quantity.to_integral() else float(quantity)
