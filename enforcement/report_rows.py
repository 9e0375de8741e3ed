"""The rows behind every figure of the desk's reports. A number is never counted apart from its list: both are the same query.

Each figure is a select of the same columns: `part` (the line of its table), `at`, `case_id`, `number`, `what`, `quantity`, `value`, `signal_id`, `record_id`.
What counts is what was committed: events, signed papers, entries that were not struck. What must not live here: adding up (`reports`),
and what is asked for (`report_scope`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, exists, extract, func, or_, select
from sqlalchemy.orm import aliased

from enforcement.models import (
    CaseAct,
    CaseEvent,
    CaseFile,
    CaseJoin,
    CasePaper,
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
from enforcement.report_clocks import clocks
from enforcement.report_fines import QUALIFIED, fined, fines
from enforcement.report_scope import (
    ALL,
    CITY_ZONE,
    OTHER_GOODS,
    Figure,
    Scope,
    case_scope,
    columns_of,
    noon,
    signal_scope,
    within,
)
from enforcement.transitions import Move

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Select

DAY = 86_400


def rows(figure: Figure, scope: Scope) -> Select[Any]:
    """Every row that a figure counts, in no order."""
    return _ROWS[figure](scope)


# ------------------------------------------------------------------ signals


def _signals(*more: ColumnElement[bool], by_outcome: bool = False) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        part = Signal.outcome if by_outcome else Signal.source
        columns = columns_of(
            part=part,
            at=Signal.received_at,
            case_id=Signal.case_id,
            number=Signal.source_number,
            what=Signal.summary,
            signal_id=Signal.id,
        )
        return select(*columns).where(within(Signal.received_at, scope), *more, *signal_scope(scope))

    return build


def _days_to_triage(scope: Scope) -> Select[Any]:
    days = extract("epoch", Signal.decided_at - Signal.received_at) / DAY
    columns = columns_of(
        part=ALL, at=Signal.decided_at, case_id=Signal.case_id, number=Signal.source_number, what=Signal.summary, signal_id=Signal.id, quantity=days
    )  # fmt: skip
    decided = Signal.state.in_([SignalState.IN_CASE, SignalState.REJECTED])
    return select(*columns).where(decided, within(Signal.decided_at, scope), *signal_scope(scope))


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
        columns = columns_of(
            part=part, at=at, case_id=CaseFile.id, number=CaseFile.number, what=CaseFile.title, quantity=quantity
        )
        return select(*columns).where(*(test(scope) for test in tests), *case_scope(scope))

    return build


def _known_in(scope: Scope) -> ColumnElement[bool]:
    """Cases that the period knew: opened before its end, not closed before its beginning."""
    return and_(CaseFile.opened_at < scope.end, or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= scope.begin))


def _days_to_decision(scope: Scope) -> Select[Any]:
    days = CasePaper.signed_on - func.date(func.timezone(CITY_ZONE, CaseFile.opened_at))
    columns = columns_of(
        part=ALL, at=noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title, quantity=days
    )  # fmt: skip
    return _of_papers(columns, scope, PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY)


# ------------------------------------------------------------------ papers, events, acts


def _of_papers(columns: list[ColumnElement[Any]], scope: Scope, *kinds: PaperKind) -> Select[Any]:
    return (
        select(*columns)
        .join_from(CasePaper, CaseFile, CaseFile.id == CasePaper.case_id)
        .where(CasePaper.kind.in_(kinds), CasePaper.signed_on.between(scope.first, scope.last), *case_scope(scope))
    )


def _papers(kind: PaperKind) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        columns = columns_of(
            part=ALL, at=noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title,
            value=CasePaper.fine,
        )  # fmt: skip
        return _of_papers(columns, scope, kind)

    return build


def _moves(move: Move) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        columns = columns_of(
            part=ALL, at=CaseEvent.at, case_id=CaseFile.id, number=CaseFile.number, what=CaseFile.title
        )
        return (
            select(*columns)
            .join_from(CaseEvent, CaseFile, CaseFile.id == CaseEvent.case_id)
            .where(CaseEvent.move == move, within(CaseEvent.at, scope), *case_scope(scope))
        )

    return build


def _acts(scope: Scope) -> Select[Any]:
    columns = columns_of(
        part=CaseAct.qualification, at=CaseAct.added_at, case_id=CaseFile.id, number=CaseFile.number, what=CaseAct.description
    )  # fmt: skip
    return (
        select(*columns)
        .join_from(CaseAct, CaseFile, CaseFile.id == CaseAct.case_id)
        .where(CaseAct.struck_at.is_(None), within(CaseAct.added_at, scope), *case_scope(scope))
    )


def _fines_paid(scope: Scope) -> Select[Any]:
    columns = columns_of(
        part=QUALIFIED, at=noon(CasePaper.signed_on), case_id=CaseFile.id, number=CasePaper.number, what=CaseFile.title,
        value=Obligation.paid,
    )  # fmt: skip
    return (
        select(*columns)
        .join_from(Obligation, CasePaper, CasePaper.id == Obligation.paper_id)
        .join(CaseFile, CaseFile.id == CasePaper.case_id)
        .where(
            Obligation.kind == ObligationKind.FINE, Obligation.struck_at.is_(None), Obligation.paid > 0,
            CasePaper.signed_on.between(scope.first, scope.last), *case_scope(scope),
        )
    )  # fmt: skip


# ------------------------------------------------------------------ goods


def _goods(deed: ExhibitDeed) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        # The lines of the table are read by people who may not read cases: a description stands in the rows alone.
        kind = func.concat(func.coalesce(GoodsLine.name, OTHER_GOODS), " · ", Exhibit.unit)
        # Ten cartons at a price for a box come to nothing that anybody could say.
        priced = func.lower(func.btrim(Exhibit.unit)) == func.lower(func.btrim(GoodsLine.unit))
        columns = columns_of(
            part=kind, at=ExhibitEvent.at, case_id=CaseFile.id, number=CaseFile.number, what=Exhibit.description,
            quantity=Exhibit.quantity, value=case((priced, func.round(Exhibit.quantity * GoodsLine.unit_value))),
        )  # fmt: skip
        return (
            select(*columns)
            .join_from(ExhibitEvent, Exhibit, Exhibit.id == ExhibitEvent.exhibit_id)
            .join(CaseFile, CaseFile.id == Exhibit.case_id)
            .outerjoin(GoodsLine, GoodsLine.id == Exhibit.goods_id)
            .where(
                ExhibitEvent.deed == deed, Exhibit.struck_at.is_(None), within(ExhibitEvent.at, scope), *case_scope(scope)
            )
        )  # fmt: skip

    return build


_ROWS: dict[Figure, Callable[[Scope], Select[Any]]] = {
    Figure.SIGNALS_RECEIVED: _signals(),
    Figure.SIGNALS_IN_CASE: _signals(Signal.state == SignalState.IN_CASE),
    Figure.SIGNALS_REJECTED: _signals(Signal.state == SignalState.REJECTED),
    Figure.SIGNALS_OPEN: _signals(Signal.state.in_([SignalState.NEW, SignalState.WAITING])),
    Figure.SIGNAL_RESULTS: _signals(Signal.outcome.is_not(None), by_outcome=True),
    Figure.CASES_CARRIED: _cases(CaseFile.opened_at, lambda s: _open_at(s.begin), lambda s: ~_away(s.begin)),
    Figure.CASES_OPENED: _cases(CaseFile.opened_at, lambda s: within(CaseFile.opened_at, s)),
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
        CaseFile.closed_at, lambda s: within(CaseFile.closed_at, s), lambda s: ~_away(s.end), part=CaseFile.outcome
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
    Figure.FINES: fines,
    Figure.PENALTIES: _papers(PaperKind.PENALTY),
    Figure.PERSONS_FINED: fined(organisations=False),
    Figure.ORGANISATIONS_FINED: fined(organisations=True),
    Figure.FINES_PAID: _fines_paid,
    Figure.GOODS_SEIZED: _goods(ExhibitDeed.TAKEN),
    Figure.GOODS_CONFISCATED: _goods(ExhibitDeed.CONFISCATED),
    Figure.GOODS_DESTROYED: _goods(ExhibitDeed.DESTROYED),
    Figure.CLOCKS_JUDGED: clocks(in_time=False),
    Figure.CLOCKS_IN_TIME: clocks(in_time=True),
    Figure.DAYS_TO_TRIAGE: _days_to_triage,
    Figure.DAYS_TO_DECISION: _days_to_decision,
    Figure.DAYS_TO_CLOSING: _cases(
        CaseFile.closed_at,
        lambda s: within(CaseFile.closed_at, s),
        quantity=extract("epoch", CaseFile.closed_at - CaseFile.opened_at) / DAY,
    ),
}
