"""What the desk's reports are about: the figures there are, the days, unit and commune asked for, and the columns that every row has.

What must not live here: which rows a figure counts (`report_rows`, `report_clocks`), and adding up (`reports`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, Numeric, Text, Uuid, and_, cast, func, literal, null, select

from enforcement.models import CaseFile, IntakeRecord, Signal
from trace.clock import CITY
from trace.models.parties import Role, RoleGrant

if TYPE_CHECKING:
    from uuid import UUID

ALL = literal("all")


class Figure(StrEnum):
    """What the desk counts."""

    SIGNALS_RECEIVED = "signals_received"
    SIGNALS_IN_CASE = "signals_in_case"
    SIGNALS_REJECTED = "signals_rejected"
    SIGNALS_OPEN = "signals_open"
    SIGNAL_RESULTS = "signal_results"
    CASES_CARRIED = "cases_carried"
    CASES_OPENED = "cases_opened"
    CASES_REGAINED = "cases_regained"
    CASES_MERGED = "cases_merged"
    CASES_CLOSED = "cases_closed"
    CASES_LEFT = "cases_left"
    INSPECTIONS_DECIDED = "inspections_decided"
    INSPECTIONS_MADE = "inspections_made"
    VIOLATION_RECORDS = "violation_records"
    FORWARDED = "forwarded"
    TRANSFERRED = "transferred"
    CRIMINAL_TRANSFERS = "criminal_transfers"
    PENALTIES = "penalties"
    PERSONS_FINED = "persons_fined"
    ORGANISATIONS_FINED = "organisations_fined"
    REMEDIES_ONLY = "remedies_only"
    NO_PENALTIES = "no_penalties"
    ACTS = "acts"
    FINES = "fines"
    FINES_PAID = "fines_paid"
    GOODS_SEIZED = "goods_seized"
    GOODS_CONFISCATED = "goods_confiscated"
    GOODS_DESTROYED = "goods_destroyed"
    CLOCKS_JUDGED = "clocks_judged"
    CLOCKS_IN_TIME = "clocks_in_time"
    DAYS_TO_TRIAGE = "days_to_triage"
    DAYS_TO_DECISION = "days_to_decision"
    DAYS_TO_CLOSING = "days_to_closing"


@dataclass(frozen=True)
class Scope:
    """What a report is about: days from the first to the last, a unit, a commune. `last` belongs to it.

    `now`: when the question is asked; a clock that has not run out yet judges nobody.
    """

    first: date
    last: date
    now: datetime
    unit_id: UUID | None = None
    commune_code: str | None = None

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), CITY)

    @property
    def end(self) -> datetime:
        """The first moment after."""
        return datetime.combine(self.last + timedelta(days=1), time(), CITY)


def columns_of(
    *, part: Any, at: Any, case_id: Any, number: Any, what: Any, quantity: Any = None, value: Any = None,
    signal_id: Any = None, record_id: Any = None,
) -> list[ColumnElement[Any]]:  # fmt: skip
    """The columns of a row behind a number; the signal or message it is about, where there is no case to open."""
    return [
        cast(part, Text).label("part"),
        at.label("at"),
        case_id.label("case_id"),
        cast(number, Text).label("number"),
        cast(what, Text).label("what"),
        cast(null() if quantity is None else quantity, Numeric(16, 3)).label("quantity"),
        cast(null() if value is None else value, BigInteger).label("value"),
        cast(null() if signal_id is None else signal_id, Uuid).label("signal_id"),
        cast(null() if record_id is None else record_id, Uuid).label("record_id"),
    ]


def people_of_unit(scope: Scope) -> Any:
    """Who worked at the desk for the unit in the period."""
    return select(RoleGrant.user_id).where(
        RoleGrant.party_id == scope.unit_id,
        RoleGrant.role.in_([Role.OFFICER, Role.TEAM_HEAD, Role.BRANCH_HEAD]),
        RoleGrant.valid_during.overlaps(func.daterange(scope.first, scope.last, "[]")),
    )


def unit_of(scope: Scope) -> ColumnElement[bool] | None:
    """Cases worked by somebody of the unit in the period."""
    return None if scope.unit_id is None else CaseFile.officer_id.in_(people_of_unit(scope))


def case_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Cases of the unit, in the commune."""
    found = []
    if (unit := unit_of(scope)) is not None:
        found.append(unit)
    if scope.commune_code is not None:
        found.append(CaseFile.commune_code == scope.commune_code)
    return found


def signal_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Signals that the unit's cases took in, about the commune."""
    found: list[ColumnElement[bool]] = []
    if (unit := unit_of(scope)) is not None:
        found.append(Signal.case_id.in_(select(CaseFile.id).where(unit)))
    if scope.commune_code is not None:
        found.append(Signal.commune_code == scope.commune_code)
    return found


def within(column: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether a moment lies in the period."""
    return and_(column >= scope.begin, column < scope.end)


def message_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Messages taken down by somebody of the unit, about the commune."""
    found: list[ColumnElement[bool]] = []
    if scope.unit_id is not None:
        found.append(IntakeRecord.recorded_by.in_(people_of_unit(scope)))
    if scope.commune_code is not None:
        found.append(IntakeRecord.commune_code == scope.commune_code)
    return found


def noon(day: Any) -> ColumnElement[Any]:
    """A day as a moment within it, in the city."""
    return func.timezone("Asia/Ho_Chi_Minh", cast(day, DateTime()) + timedelta(hours=12))
