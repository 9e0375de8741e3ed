"""Monthly and yearly figures of the desk: tables of cells, each of which opens the rows it was counted from; frozen, signed, kept.

What must not live here: which rows a figure counts (`report_rows`), files (`report_files`), words for the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from enforcement.casebook import TextTooLong
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import DeskReport, Outcome, SignalSource
from enforcement.report_rows import rows
from enforcement.report_scope import Figure, Scope
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.models.parties import Commune, Party, Role, RoleGrant
from trace.services import history, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST_ROWS = 5_000
"""Rows kept with a frozen report for each figure; the figures themselves count all."""
REMARKS_MOST = 10_000
LONGEST = timedelta(days=366)
PAGE = 50


class PeriodWrong(Invalid):
    """The period ends before it begins, is longer than a year, or has not begun yet.

    Choose a first day up to today, and a last day at most a year after it.
    """


class SignedAlready(Conflict):
    """This report is signed, so nothing in it changes any more.

    Draw up a new one if the figures have to be told anew.
    """


class AnotherSigned(Conflict):
    """A report on this very period, unit and commune is already signed.

    Look it up in the list of reports.
    """


class PeriodNotOver(Conflict):
    """The period of this report is not over yet, so it cannot be signed.

    Draw it up again after its last day.
    """


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
    totals: bool = True


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
class Drawn:
    """A table with its numbers."""

    table: Table
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Row:
    """One row behind a number."""

    part: str | None
    at: datetime
    case_id: UUID | None
    number: str
    what: str
    quantity: Decimal | None
    value: int | None
    signal_id: UUID | None
    record_id: UUID | None


def scope(
    session: Session, first: date, last: date, *, unit_id: UUID | None = None, commune_code: str | None = None, at: datetime
) -> Scope:  # fmt: skip
    """What is asked for, if it can be asked: a period that has begun, at most a year, an organisation and a commune that are known."""
    if not first <= last or last - first > LONGEST or first > at.astimezone(CITY).date():
        raise PeriodWrong
    if unit_id is not None and session.get(Party, unit_id) is None:
        raise NotFound
    if commune_code is not None and session.get(Commune, commune_code) is None:
        raise NotFound
    return Scope(first, last, at, unit_id, commune_code)


def draw(session: Session, asked: Scope) -> list[Drawn]:
    """Every table with its numbers."""
    figures = dict.fromkeys(figure for table in TABLES for figure, _ in table.columns)
    sums = {figure: _sums(session, figure, asked) for figure in figures}
    return [Drawn(table, tuple(_lines(table, sums))) for table in TABLES]


def listing(
    session: Session, figure: Figure, asked: Scope, *, part: str | None = None, page: int = 1, size: int = PAGE
) -> tuple[list[Row], int]:
    """The rows behind a number, latest first, and how many there are: exactly what the number counted."""
    found = rows(figure, asked).subquery()
    statement = select(found)
    if part is not None:
        statement = statement.where(found.c.part == part)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    # By all columns, so that rows of one paper stand on one page each, and on the same one whenever it is asked for.
    rest = (each for each in found.c if each.name != "at")
    ordered = statement.order_by(found.c.at.desc().nulls_last(), found.c.number, found.c.what, *rest)
    return [Row(*each) for each in session.execute(ordered.limit(size).offset((page - 1) * size))], total


def part_title(figure: Figure, part: str | None, word: Callable[[StrEnum], str]) -> str | None:
    """The line of its table on which a row stands, in words."""
    for table in TABLES:
        if (
            table.parts is not None
            and part in set(table.parts)
            and any(column[0] is figure for column in table.columns)
        ):
            return word(table.parts(part))
    return None if part == "all" else part


def units(session: Session) -> Sequence[Party]:
    """The organisations whose people work at the desk."""
    works = select(RoleGrant.party_id).where(RoleGrant.role.in_([Role.OFFICER, Role.TEAM_HEAD, Role.BRANCH_HEAD]))
    return session.scalars(select(Party).where(Party.id.in_(works)).order_by(Party.name)).all()


def told(session: Session, asked: Scope, *, word: Callable[[StrEnum], str], most: int) -> dict[str, Any]:
    """The figures as they stand now in words and plain numbers, with at most so many rows behind each: what a file is written from."""
    drawn = draw(session, asked)
    figures: dict[str, Any] = {
        "tables": [
            {
                "title": word(each.table.section),
                "flat": each.table.parts is None and not each.table.free,
                "columns": [
                    {"figure": figure.value, "title": word(figure), "measure": measure.value, "unit": word(measure)}
                    for figure, measure in each.table.columns
                ],
                "lines": [
                    {"part": line.part, "title": _title(each.table, line.part, word), "amounts": [_plain(c.amount) for c in line.cells],
                     "counts": [c.count for c in line.cells], "of": [c.of for c in line.cells]}
                    for line in each.lines
                ],
            }
            for each in drawn
        ],
        "rows": {},
    }  # fmt: skip
    for figure in dict.fromkeys(figure for table in TABLES for figure, _ in table.columns):
        found, total = listing(session, figure, asked, size=most)
        figures["rows"][figure.value] = {
            "title": word(figure), "total": total,
            "rows": [[each.at.astimezone(CITY).date().isoformat() if each.at else None, each.number, each.what,
                      _plain(each.quantity), each.value, part_title(figure, each.part, word)] for each in found],
        }  # fmt: skip
    return figures


def freeze(session: Session, asked: Scope, *, word: Callable[[StrEnum], str], by: UUID, at: datetime) -> DeskReport:
    """Draw a report up: the figures as they stand now, with the rows behind them and the words they were told in.

    `word`: an enum's member in the language of records. A frozen report depends on nothing that may change later.
    """
    kept = told(session, asked, word=word, most=MOST_ROWS)
    made = DeskReport(
        first_day=asked.first, last_day=asked.last, unit_id=asked.unit_id, commune_code=asked.commune_code, drawn_at=at, drawn_by=by, figures=kept,
    )  # fmt: skip
    session.add(made)
    session.flush()
    history.record(
        session, "desk_report:draw_up", made.id, by=by, at=at, changes={"period": (None, f"{asked.first}–{asked.last}")}
    )
    return made


def remark(session: Session, report_id: UUID, remarks: str, *, by: UUID, at: datetime) -> DeskReport:
    """Write what the figures do not say, as long as the report is a draft."""
    report = _draft(session, report_id)
    said = remarks.strip()
    if len(said) > REMARKS_MOST:
        raise TextTooLong(most=REMARKS_MOST)
    history.record(session, "desk_report:remark", report.id, by=by, at=at, changes={"remarks": (report.remarks, said)})
    report.remarks = said
    session.flush()
    return report


def sign(session: Session, report_id: UUID, *, by: UUID, duties: Collection[Duty], at: datetime) -> DeskReport:
    """Put the name of the branch's head under a draft, once its period is over; it gets its number and is fixed from then on."""
    report = _draft(session, report_id)
    if Duty.BRANCH_HEAD not in duties:
        raise NotYourMove(duties=frozenset({Duty.BRANCH_HEAD}))
    if report.drawn_at.astimezone(CITY).date() <= report.last_day:
        raise PeriodNotOver
    report.number = numbers.next_number(session, "BC", at=at)
    report.signed_at, report.signed_by = at, by
    history.record(session, "desk_report:sign", report.id, by=by, at=at, changes={"number": (None, report.number)})
    try:
        session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_desk_report_signed":
            raise AnotherSigned from exc
        raise
    return report


def get(session: Session, report_id: UUID) -> DeskReport:
    """A frozen report."""
    found = session.scalars(select(DeskReport).where(DeskReport.id == report_id).options(*_SHOWN)).one_or_none()
    if found is None:
        raise NotFound
    return found


def kept(session: Session) -> Sequence[DeskReport]:
    """The reports drawn up, latest first."""
    return session.scalars(select(DeskReport).order_by(DeskReport.drawn_at.desc()).limit(200).options(*_SHOWN)).all()


_SHOWN = (joinedload(DeskReport.drawer), joinedload(DeskReport.signer), joinedload(DeskReport.unit), joinedload(DeskReport.commune))  # fmt: skip


def _draft(session: Session, report_id: UUID) -> DeskReport:
    statement = select(DeskReport).where(DeskReport.id == report_id).with_for_update()
    report = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if report is None:
        raise NotFound
    if report.signed_at is not None:
        raise SignedAlready
    return report


@dataclass(frozen=True)
class _Sum:
    count: int
    quantity: Decimal
    value: int


def _sums(session: Session, figure: Figure, asked: Scope) -> dict[str | None, _Sum]:
    """What the rows of a figure come to, by part; under None over all."""
    found = rows(figure, asked).subquery()
    statement = select(
        found.c.part, func.count(), func.coalesce(func.sum(found.c.quantity), 0), func.coalesce(func.sum(found.c.value), 0)
    ).group_by(found.c.part)  # fmt: skip
    parts = {part: _Sum(count, quantity, int(value)) for part, count, quantity, value in session.execute(statement)}
    whole = _Sum(
        sum(each.count for each in parts.values()),
        sum((each.quantity for each in parts.values()), Decimal(0)),
        sum(each.value for each in parts.values()),
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
    found = sums[figure].get(part, _Sum(0, Decimal(0), 0))
    amount: int | float | None
    judged: int | None = None
    match measure:
        case Telling.COUNT:
            amount = found.count
        case Telling.VALUE:
            amount = found.value
        case Telling.QUANTITY:
            amount = None if free and part is None else _number(found.quantity)
        case Telling.MEAN:
            amount = round(float(found.quantity) / found.count, 1) if found.count else None
        case Telling.RATE:
            judged = sums[Figure.CLOCKS_JUDGED].get(part, _Sum(0, Decimal(0), 0)).count
            amount = round(100 * found.count / judged, 1) if judged else None
    return Cell(figure, part, measure, amount, found.count, judged)


def _number(quantity: Decimal) -> int | float:
    return int(quantity) if quantity == quantity.to_integral() else float(quantity)


def _plain(amount: Decimal | float | None) -> int | float | None:
    return _number(amount) if isinstance(amount, Decimal) else amount


def _title(table: Table, part: str | None, word: Callable[[StrEnum], str]) -> str | None:
    if part is None or table.parts is None:
        return part
    return word(table.parts(part))
