"""What the desk's reports are about: the figures there are, the days, unit and commune asked for, and the columns that every row has.

What must not live here: which rows a figure counts (`report_rows`, `report_clocks`), and adding up (`reports`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    Uuid,
    all_,
    and_,
    any_,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from enforcement.models import CaseFile, CaseJoin, IntakeRecord, Signal
from trace.clock import CITY
from trace.models.parties import Role, RoleGrant

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

ALL = literal("all")
CITY_ZONE = "Asia/Ho_Chi_Minh"
OTHER_GOODS = "Khác"
"""Under what a report tells of exhibits that belong to no line of goods: their description is told to who may read the case."""


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


GOODS_FIGURES = (Figure.GOODS_SEIZED, Figure.GOODS_CONFISCATED, Figure.GOODS_DESTROYED)
_OF_NO_UNIT = frozenset({Figure.SIGNALS_RECEIVED, Figure.SIGNALS_OPEN})


@dataclass(frozen=True)
class Scope:
    """What a report is about: days from the first to the last, a unit, a commune. `last` belongs to it.

    `now`: when the question is asked; a clock that has not run out yet judges nobody. `carried_in`, `carried_off`: cases merged
    away that count because the one does that carries on, and that do not although by themselves they would (`with_merges`).
    """

    first: date
    last: date
    now: datetime
    unit_id: UUID | None = None
    commune_code: str | None = None
    carried_in: tuple[UUID, ...] = ()
    carried_off: tuple[UUID, ...] = ()

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


def not_by_unit(scope: Scope) -> frozenset[Figure]:
    """The figures that cannot be told for what is asked: a signal belongs to no unit before somebody of one decides on it."""
    return frozenset() if scope.unit_id is None else _OF_NO_UNIT


def people_of_unit(scope: Scope) -> Any:
    """Who worked at the desk for the unit in the period."""
    return select(RoleGrant.user_id).where(
        *_at_the_desk(scope), RoleGrant.valid_during.overlaps(func.daterange(scope.first, scope.last, "[]"))
    )


def _at_the_desk(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return RoleGrant.party_id == scope.unit_id, RoleGrant.role.in_([Role.OFFICER, Role.TEAM_HEAD, Role.BRANCH_HEAD])


def with_merges(session: Session, scope: Scope) -> Scope:
    """What is asked for, with the cases that were merged away when the period ended and so count elsewhere than by themselves.

    Looked up once, and only those that differ: every figure then has its cases by an index, however many cases there are.
    """
    if scope.unit_id is None and scope.commune_code is None:
        return scope
    join, own, top = aliased(CaseJoin), aliased(CaseFile), aliased(CaseFile)
    pairs = select(join.absorbed_id.label("case_id"), join.kept_id.label("top_id")).where(_stood(join, scope))
    above = pairs.cte("carried_by", recursive=True)
    further = select(above.c.case_id, join.kept_id).join(join, join.absorbed_id == above.c.top_id)
    above = above.union(further.where(_stood(join, scope)))
    here, there = (func.coalesce(_found_in(case, scope), false()) for case in (own, top))
    found = session.execute(
        select(above.c.case_id, there)
        .join(own, own.id == above.c.case_id)
        .join(top, top.id == above.c.top_id)
        .where(~exists().where(join.absorbed_id == above.c.top_id, _stood(join, scope)), here != there)
    ).all()
    return replace(
        scope,
        carried_in=tuple(row[0] for row in found if row[1]),
        carried_off=tuple(row[0] for row in found if not row[1]),
    )


def case_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Cases worked by somebody of the unit in the period, in the commune; merged ones where the case is that carried on when it ended."""
    if scope.unit_id is None and scope.commune_code is None:
        return []
    found = _found_in(CaseFile, scope)
    if scope.carried_in:
        found = or_(found, CaseFile.id == any_(_ids(scope.carried_in)))
    if scope.carried_off:
        found = and_(found, CaseFile.id != all_(_ids(scope.carried_off)))
    return [found]


def _ids(ids: tuple[UUID, ...]) -> Any:
    return literal(list(ids), ARRAY(Uuid))


def _stood(join: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether a merge stood when the period ended."""
    return and_(join.merged_at < scope.end, or_(join.undone_at.is_(None), join.undone_at >= scope.end))


def _found_in(case: Any, scope: Scope) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = []
    if scope.unit_id is not None:
        found.append(case.officer_id.in_(people_of_unit(scope)))
    if scope.commune_code is not None:
        found.append(case.commune_code == scope.commune_code)
    return and_(*found)


def signal_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Signals decided on by somebody who then was of the unit, about the commune."""
    found: list[ColumnElement[bool]] = []
    if scope.unit_id is not None:
        day = func.date(func.timezone(CITY_ZONE, Signal.decided_at))
        found.append(
            exists().where(
                RoleGrant.user_id == Signal.decided_by, *_at_the_desk(scope), RoleGrant.valid_during.contains(day)
            )
        )
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
    return func.timezone(CITY_ZONE, cast(day, DateTime()) + timedelta(hours=12))
