"""The rows behind every figure of the desk's reports. A number is never counted apart from its list: both are the same query.

Each figure is a select of the same columns: `part` (the line of its table), `at`, `case_id`, `number`, `what`, `quantity`, `value`.
What counts is what was committed: events, signed papers, entries that were not struck. What must not live here: adding up (`reports`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from enforcement.models import (
    CaseAct,
    CaseEvent,
    CaseFile,
    CaseJoin,
    CasePaper,
    Deadline,
    EndedAs,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    GoodsLine,
    Obligation,
    ObligationKind,
    PaperKind,
    Signal,
    SignalState,
)
from enforcement.transitions import Move
from trace.clock import CITY
from trace.models.parties import Role, RoleGrant

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Select

DAY = 86_400


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


def rows(figure: Figure, scope: Scope) -> Select[Any]:
    """Every row that a figure counts, in no order."""
    return _ROWS[figure](scope)


def _columns(
    *, part: Any, at: Any, case_id: Any, number: Any, what: Any, quantity: Any = None, value: Any = None
) -> list[ColumnElement[Any]]:
    return [
        cast(part, Text).label("part"),
        at.label("at"),
        case_id.label("case_id"),
        cast(number, Text).label("number"),
        cast(what, Text).label("what"),
        cast(null() if quantity is None else quantity, Numeric(16, 3)).label("quantity"),
        cast(null() if value is None else value, BigInteger).label("value"),
    ]


ALL = literal("all")


# ------------------------------------------------------------------ who and where


def _unit(scope: Scope) -> ColumnElement[bool] | None:
    """Cases worked by somebody of the unit in the period."""
    if scope.unit_id is None:
        return None
    of_unit = select(RoleGrant.user_id).where(
        RoleGrant.party_id == scope.unit_id,
        RoleGrant.role.in_([Role.OFFICER, Role.TEAM_HEAD, Role.BRANCH_HEAD]),
        RoleGrant.valid_during.overlaps(func.daterange(scope.first, scope.last, "[]")),
    )
    return CaseFile.officer_id.in_(of_unit)


def _case_scope(scope: Scope) -> list[ColumnElement[bool]]:
    found = []
    if (unit := _unit(scope)) is not None:
        found.append(unit)
    if scope.commune_code is not None:
        found.append(CaseFile.commune_code == scope.commune_code)
    return found


def _signal_scope(scope: Scope) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if (unit := _unit(scope)) is not None:
        found.append(Signal.case_id.in_(select(CaseFile.id).where(unit)))
    if scope.commune_code is not None:
        found.append(Signal.commune_code == scope.commune_code)
    return found


def _within(column: Any, scope: Scope) -> ColumnElement[bool]:
    return and_(column >= scope.begin, column < scope.end)


# ------------------------------------------------------------------ signals


def _signals(*more: ColumnElement[bool], by_outcome: bool = False) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        part = Signal.outcome if by_outcome else Signal.source
        columns = _columns(
            part=part, at=Signal.received_at, case_id=Signal.case_id, number=Signal.source_number, what=Signal.summary
        )
        return select(*columns).where(_within(Signal.received_at, scope), *more, *_signal_scope(scope))

    return build


def _days_to_triage(scope: Scope) -> Select[Any]:
    days = extract("epoch", Signal.decided_at - Signal.received_at) / DAY
    columns = _columns(
        part=ALL, at=Signal.decided_at, case_id=Signal.case_id, number=Signal.source_number, what=Signal.summary, quantity=days
    )  # fmt: skip
    decided = Signal.state.in_([SignalState.IN_CASE, SignalState.REJECTED])
    return select(*columns).where(decided, _within(Signal.decided_at, scope), *_signal_scope(scope))


# ------------------------------------------------------------------ cases


def _away(moment: datetime) -> ColumnElement[bool]:
    """Whether a case was merged into another at a moment."""
    join = aliased(CaseJoin)
    return exists().where(
        join.absorbed_id == CaseFile.id, join.merged_at < moment, or_(join.undone_at.is_(None), join.undone_at >= moment)
    )  # fmt: skip


def _open_at(moment: datetime) -> ColumnElement[bool]:
    return and_(CaseFile.opened_at < moment, or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= moment))


def _cases(
    at: Any, *tests: Callable[[Scope], ColumnElement[bool]], part: Any = ALL, quantity: Any = None
) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        columns = _columns(
            part=part, at=at, case_id=CaseFile.id, number=CaseFile.number, what=CaseFile.title, quantity=quantity
        )
        return select(*columns).where(*(test(scope) for test in tests), *_case_scope(scope))

    return build


def _known_in(scope: Scope) -> ColumnElement[bool]:
    """Cases that the period knew: opened before its end, not closed before its beginning."""
    return and_(CaseFile.opened_at < scope.end, or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= scope.begin))


def _days_to_decision(scope: Scope) -> Select[Any]:
    days = CasePaper.signed_on - func.date(func.timezone("Asia/Ho_Chi_Minh", CaseFile.opened_at))
    columns = _columns(
        part=ALL, at=_noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title, quantity=days
    )  # fmt: skip
    return _of_papers(columns, scope, PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY)


# ------------------------------------------------------------------ papers, events, acts


def _noon(day: Any) -> ColumnElement[Any]:
    """A day as a moment within it, in the city."""
    return func.timezone("Asia/Ho_Chi_Minh", cast(day, DateTime()) + timedelta(hours=12))


def _of_papers(columns: list[ColumnElement[Any]], scope: Scope, *kinds: PaperKind) -> Select[Any]:
    return (
        select(*columns)
        .join_from(CasePaper, CaseFile, CaseFile.id == CasePaper.case_id)
        .where(CasePaper.kind.in_(kinds), CasePaper.signed_on.between(scope.first, scope.last), *_case_scope(scope))
    )


def _papers(kind: PaperKind, *, part: Any = ALL) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        columns = _columns(
            part=part, at=_noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title,
            value=CasePaper.fine,
        )  # fmt: skip
        return _of_papers(columns, scope, kind)

    return build


def _moves(move: Move) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        columns = _columns(part=ALL, at=CaseEvent.at, case_id=CaseFile.id, number=CaseFile.number, what=CaseFile.title)
        return (
            select(*columns)
            .join_from(CaseEvent, CaseFile, CaseFile.id == CaseEvent.case_id)
            .where(CaseEvent.move == move, _within(CaseEvent.at, scope), *_case_scope(scope))
        )

    return build


# As what a case is treated when a paper was signed stands on the case; without one it is not determined.
_QUALIFIED = func.coalesce(CaseFile.legal_qualification, literal("undetermined"))


def _acts(scope: Scope) -> Select[Any]:
    columns = _columns(
        part=CaseAct.qualification, at=CaseAct.added_at, case_id=CaseFile.id, number=CaseFile.number, what=CaseAct.description
    )  # fmt: skip
    return (
        select(*columns)
        .join_from(CaseAct, CaseFile, CaseFile.id == CaseAct.case_id)
        .where(CaseAct.struck_at.is_(None), _within(CaseAct.added_at, scope), *_case_scope(scope))
    )


def _fines_paid(scope: Scope) -> Select[Any]:
    columns = _columns(
        part=_QUALIFIED, at=_noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title,
        value=Obligation.paid,
    )  # fmt: skip
    return (
        select(*columns)
        .join_from(Obligation, CasePaper, CasePaper.id == Obligation.paper_id)
        .join(CaseFile, CaseFile.id == CasePaper.case_id)
        .where(
            Obligation.kind == ObligationKind.FINE, Obligation.struck_at.is_(None), Obligation.paid > 0,
            CasePaper.signed_on.between(scope.first, scope.last), *_case_scope(scope),
        )
    )  # fmt: skip


# ------------------------------------------------------------------ goods


def _goods(deed: ExhibitDeed) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        kind = func.concat(func.coalesce(GoodsLine.name, Exhibit.description), " · ", Exhibit.unit)
        columns = _columns(
            part=kind, at=ExhibitEvent.at, case_id=CaseFile.id, number=CaseFile.number, what=Exhibit.description,
            quantity=Exhibit.quantity, value=func.round(Exhibit.quantity * GoodsLine.unit_value),
        )  # fmt: skip
        return (
            select(*columns)
            .join_from(ExhibitEvent, Exhibit, Exhibit.id == ExhibitEvent.exhibit_id)
            .join(CaseFile, CaseFile.id == Exhibit.case_id)
            .outerjoin(GoodsLine, GoodsLine.id == Exhibit.goods_id)
            .where(
                ExhibitEvent.deed == deed, Exhibit.struck_at.is_(None), _within(ExhibitEvent.at, scope), *_case_scope(scope)
            )
        )  # fmt: skip

    return build


# ------------------------------------------------------------------ clocks


def _clocks(*, in_time: bool) -> Callable[[Scope], Select[Any]]:
    """Clocks that the period judged: met in it, or run out in it without being met. Those without object judge nobody."""

    def build(scope: Scope) -> Select[Any]:
        met = and_(Deadline.ended_as.in_([EndedAs.FULFILLED, EndedAs.LATE]), _within(Deadline.met_at, scope))
        missed = and_(
            _within(Deadline.due_at, scope),
            or_(Deadline.ended_as.is_(None), and_(Deadline.ended_as == EndedAs.LATE, Deadline.met_at >= scope.end)),
            Deadline.due_at < scope.now,
        )
        ended = case((Deadline.met_at.is_not(None), Deadline.met_at), else_=Deadline.due_at)
        columns = _columns(
            part=Deadline.kind, at=ended, case_id=CaseFile.id, number=CaseFile.number, what=Deadline.basis
        )
        judged = and_(met, Deadline.ended_as == EndedAs.FULFILLED) if in_time else or_(met, missed)
        return (
            select(*columns)
            .join_from(Deadline, CaseFile, CaseFile.id == Deadline.case_id)
            .where(judged, *_case_scope(scope))
        )

    return build


_ROWS: dict[Figure, Callable[[Scope], Select[Any]]] = {
    Figure.SIGNALS_RECEIVED: _signals(),
    Figure.SIGNALS_IN_CASE: _signals(Signal.state == SignalState.IN_CASE),
    Figure.SIGNALS_REJECTED: _signals(Signal.state == SignalState.REJECTED),
    Figure.SIGNALS_OPEN: _signals(Signal.state.in_([SignalState.NEW, SignalState.WAITING])),
    Figure.SIGNAL_RESULTS: _signals(Signal.outcome.is_not(None), by_outcome=True),
    Figure.CASES_CARRIED: _cases(CaseFile.opened_at, lambda s: _open_at(s.begin), lambda s: ~_away(s.begin)),
    Figure.CASES_OPENED: _cases(CaseFile.opened_at, lambda s: _within(CaseFile.opened_at, s)),
    Figure.CASES_REGAINED: _cases(
        CaseFile.opened_at, lambda s: _open_at(s.begin), lambda s: _away(s.begin), lambda s: ~_away(s.end)
    ),
    Figure.CASES_MERGED: _cases(
        CaseFile.opened_at,
        _known_in,
        lambda s: _away(s.end),
        lambda s: or_(CaseFile.opened_at >= s.begin, ~_away(s.begin)),
    ),
    Figure.CASES_CLOSED: _cases(
        CaseFile.closed_at, lambda s: _within(CaseFile.closed_at, s), lambda s: ~_away(s.end), part=CaseFile.outcome
    ),
    Figure.CASES_LEFT: _cases(CaseFile.opened_at, lambda s: _open_at(s.end), lambda s: ~_away(s.end)),
    Figure.INSPECTIONS_DECIDED: _papers(PaperKind.INSPECTION_DECISION),
    Figure.INSPECTIONS_MADE: _moves(Move.START_INSPECTION),
    Figure.VIOLATION_RECORDS: _papers(PaperKind.VIOLATION_RECORD),
    Figure.FORWARDED: _moves(Move.FORWARD),
    Figure.TRANSFERRED: _moves(Move.TRANSFER),
    Figure.CRIMINAL_TRANSFERS: _papers(PaperKind.CRIMINAL_TRANSFER),
    Figure.REMEDIES_ONLY: _papers(PaperKind.REMEDY_ONLY),
    Figure.NO_PENALTIES: _papers(PaperKind.NO_PENALTY),
    Figure.ACTS: _acts,
    Figure.FINES: _papers(PaperKind.PENALTY, part=_QUALIFIED),
    Figure.FINES_PAID: _fines_paid,
    Figure.GOODS_SEIZED: _goods(ExhibitDeed.TAKEN),
    Figure.GOODS_CONFISCATED: _goods(ExhibitDeed.CONFISCATED),
    Figure.GOODS_DESTROYED: _goods(ExhibitDeed.DESTROYED),
    Figure.CLOCKS_JUDGED: _clocks(in_time=False),
    Figure.CLOCKS_IN_TIME: _clocks(in_time=True),
    Figure.DAYS_TO_TRIAGE: _days_to_triage,
    Figure.DAYS_TO_DECISION: _days_to_decision,
    Figure.DAYS_TO_CLOSING: _cases(
        CaseFile.closed_at,
        lambda s: _within(CaseFile.closed_at, s),
        quantity=extract("epoch", CaseFile.closed_at - CaseFile.opened_at) / DAY,
    ),
}
