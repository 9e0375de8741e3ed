"""Monthly and yearly figures of the desk, each of which opens the rows it was counted from; frozen, signed, kept.

What must not live here: which rows a figure counts (`report_rows`), their tables (`report_tables`), files (`report_files`), words
for the screen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer, joinedload

from enforcement.casebook import TextTooLong, spoken
from enforcement.entries import refuse
from enforcement.errors import NotYourMove
from enforcement.models import DeskReport
from enforcement.report_rows import rows
from enforcement.report_scope import GOODS_FIGURES, OTHER_GOODS, Figure, Scope, not_by_unit, with_merges
from enforcement.report_tables import TABLES, draw, plain, title
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.models.history import History
from trace.models.parties import AppUser, Commune, Party, Role, RoleGrant
from trace.services import history, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from decimal import Decimal
    from enum import StrEnum
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.errors import TemThatError

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


class ReportChanged(Conflict):
    """%(who)s changed the remarks of this report at %(when)s, so your step was not taken.

    Read the remarks as they stand now, then decide again.
    """


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
    return with_merges(session, Scope(first, last, at, unit_id, commune_code))


def listing(
    session: Session, figure: Figure, asked: Scope, *, part: str | None = None, page: int = 1, size: int = PAGE
) -> tuple[list[Row], int]:
    """The rows behind a number, latest first, and how many there are: exactly what the number counted."""
    if figure in not_by_unit(asked):
        raise NotFound
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
                "free": each.table.free,
                "columns": [
                    {"figure": figure.value, "title": word(figure), "measure": measure.value, "unit": word(measure)}
                    for figure, measure in each.table.columns
                ],
                "lines": [
                    {"part": line.part, "title": title(each.table, line.part, word), "amounts": [plain(c.amount) for c in line.cells],
                     "counts": [c.count for c in line.cells], "of": [c.of for c in line.cells]}
                    for line in each.lines
                ],
                "left_out": [word(figure) for figure in each.left_out],
                "unvalued": [{"title": word(gap.figure), "rows": gap.rows, "of": gap.of} for gap in each.unvalued],
            }
            for each in drawn
        ],
        "rows": {},
    }  # fmt: skip
    for figure in dict.fromkeys(figure for each in drawn for figure, _ in each.table.columns):
        found, total = listing(session, figure, asked, size=most)
        figures["rows"][figure.value] = {
            "title": word(figure), "total": total,
            "rows": [[each.at.astimezone(CITY).date().isoformat() if each.at else None, each.number, each.what,
                      plain(each.quantity), each.value, part_title(figure, each.part, word)] for each in found],
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


def fingerprint(report: DeskReport) -> str:
    """What a page says of the remarks that stood on it; the figures of a report never change."""
    return hashlib.sha256(report.remarks.encode()).hexdigest()


def remark(
    session: Session, report_id: UUID, remarks: str, *, by: UUID, at: datetime, seen: str | None = None
) -> DeskReport:
    """Write what the figures do not say, as long as the report is a draft. `seen`: the fingerprint on the page; None: nobody saw a page."""
    report = _draft(session, report_id)
    said = remarks.strip()
    reasons = _changed(session, report, seen)
    if len(said) > REMARKS_MOST:
        reasons.append(TextTooLong(most=REMARKS_MOST))
    refuse(reasons)
    if said != report.remarks:
        history.record(
            session, "desk_report:remark", report.id, by=by, at=at, changes={"remarks": (report.remarks, said)}
        )
        report.remarks = said
        session.flush()
    return report


def sign(
    session: Session, report_id: UUID, *, by: UUID, duties: Collection[Duty], at: datetime, seen: str | None = None
) -> DeskReport:
    """Put the name of the branch's head under a draft, once its period is over; it gets its number and is fixed from then on.

    `seen`: the fingerprint of the remarks on the page from which it is signed; None: nobody saw a page.
    """
    report = _draft(session, report_id)
    if Duty.BRANCH_HEAD not in duties:
        raise NotYourMove(duties=frozenset({Duty.BRANCH_HEAD}))
    reasons = _changed(session, report, seen)
    if report.drawn_at.astimezone(CITY).date() <= report.last_day:
        reasons.append(PeriodNotOver())
    refuse(reasons)
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


def kept(session: Session, *, page: int = 1, size: int = PAGE) -> tuple[Sequence[DeskReport], int]:
    """The reports drawn up, latest first, and how many there are."""
    # Without their figures: a page of reports would otherwise read all the rows that were frozen with each.
    ordered = (
        select(DeskReport)
        .order_by(DeskReport.drawn_at.desc(), DeskReport.id)
        .options(*_SHOWN, defer(DeskReport.figures))
    )
    found = session.scalars(ordered.limit(size).offset((page - 1) * size)).all()
    return found, session.scalar(select(func.count()).select_from(DeskReport)) or 0


def frozen_tables(report: DeskReport, *, names: bool) -> list[dict[str, Any]]:
    """The tables that a report has kept. `names`: whether the reader may read what case files say in their own words.

    Reports drawn up before exhibits without goods stood under one heading told them by their description.
    """
    tables: list[dict[str, Any]] = report.figures["tables"]
    if names:
        return tables
    return [_unnamed(table) if _describes(table) else table for table in tables]


def _describes(table: dict[str, Any]) -> bool:
    return "free" not in table and any(column["figure"] in GOODS_FIGURES for column in table["columns"])


def _unnamed(table: dict[str, Any]) -> dict[str, Any]:
    units = [(line["part"] or "").rpartition(" · ")[2] for line in table["lines"]]
    named = [unit and f"{OTHER_GOODS} · {unit}" for unit in units]
    lines = [
        {**line, "part": name or None, "title": name or None} for line, name in zip(table["lines"], named, strict=True)
    ]
    return {**table, "lines": lines}


_SHOWN = (joinedload(DeskReport.drawer), joinedload(DeskReport.signer), joinedload(DeskReport.unit), joinedload(DeskReport.commune))  # fmt: skip


def _changed(session: Session, report: DeskReport, seen: str | None) -> list[TemThatError]:
    """Why a step decided on a page that is out of date is refused, naming who changed the remarks since."""
    if seen is None or seen == fingerprint(report):
        return []
    last = session.execute(
        select(History.at, AppUser.full_name)
        .join(AppUser, AppUser.id == History.by)
        .where(History.subject_id == report.id, History.deed.in_(["desk_report:draw_up", "desk_report:remark"]))
        .order_by(History.id.desc())
        .limit(1)
    ).one()
    return [ReportChanged(who=last.full_name, when=spoken(last.at))]


def _draft(session: Session, report_id: UUID) -> DeskReport:
    statement = select(DeskReport).where(DeskReport.id == report_id).with_for_update()
    report = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if report is None:
        raise NotFound
    if report.signed_at is not None:
        raise SignedAlready
    return report
