"""The rows behind fines: one for each offender and act, and who was fined. A decision on several offenders counts each of them.

A decision that says nothing of its offenders, or of their acts, counts as far as it goes: once, with what the case is treated as.
What must not live here: adding up (`reports`), and what was paid (`report_rows`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, literal, select, union_all

from enforcement.models import CaseAct, CaseFile, CasePaper, FineLine, PaperKind, Ruling
from enforcement.report_scope import ALL, case_scope, columns_of, noon

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Select

    from enforcement.report_scope import Scope

QUALIFIED = func.coalesce(CaseFile.legal_qualification, literal("undetermined"))
"""As what a case is treated when a paper was signed stands on the case; without one it is not determined."""
_NO_RULING = ~exists().where(Ruling.paper_id == CasePaper.id)
_NO_LINE = ~exists().where(FineLine.ruling_id == Ruling.id)


def fines(scope: Scope) -> Select[Any]:
    """Every fine of the penalties signed in a period, under the act it is for."""
    lines = (
        select(*_columns(CaseAct.qualification, FineLine.amount))
        .join_from(FineLine, Ruling, Ruling.id == FineLine.ruling_id)
        .join(CaseAct, CaseAct.id == FineLine.act_id)
        .join(CasePaper, CasePaper.id == Ruling.paper_id)
        .join(CaseFile, CaseFile.id == CasePaper.case_id)
        .where(*_signed(scope))
    )
    rulings = (
        select(*_columns(QUALIFIED, Ruling.fine))
        .join_from(Ruling, CasePaper, CasePaper.id == Ruling.paper_id)
        .join(CaseFile, CaseFile.id == CasePaper.case_id)
        .where(Ruling.fine.is_not(None), _NO_LINE, *_signed(scope))
    )
    papers = (
        select(*_columns(QUALIFIED, CasePaper.fine))
        .join_from(CasePaper, CaseFile, CaseFile.id == CasePaper.case_id)
        .where(_NO_RULING, *_signed(scope))
    )
    every = union_all(lines, rulings, papers).subquery()
    return select(*every.c)


def fined(*, organisations: bool) -> Callable[[Scope], Select[Any]]:
    """Who was fined by the penalties signed in a period: persons, or organisations."""

    def build(scope: Scope) -> Select[Any]:
        rulings = (
            select(*_columns(ALL, Ruling.fine))
            .join_from(Ruling, CasePaper, CasePaper.id == Ruling.paper_id)
            .join(CaseFile, CaseFile.id == CasePaper.case_id)
            .where(Ruling.fine.is_not(None), Ruling.is_organisation.is_(organisations), *_signed(scope))
        )
        papers = (
            select(*_columns(ALL, CasePaper.fine))
            .join_from(CasePaper, CaseFile, CaseFile.id == CasePaper.case_id)
            .where(_NO_RULING, CasePaper.is_organisation.is_(organisations), *_signed(scope))
        )
        both = union_all(rulings, papers).subquery()
        return select(*both.c)

    return build


def _signed(scope: Scope) -> list[ColumnElement[bool]]:
    signed = CasePaper.signed_on.between(scope.first, scope.last)
    return [CasePaper.kind == PaperKind.PENALTY, signed, *case_scope(scope)]


def _columns(part: Any, value: Any) -> list[ColumnElement[Any]]:
    return columns_of(
        part=part,
        at=noon(CasePaper.signed_on),
        case_id=CaseFile.id,
        number=CasePaper.number,
        what=CaseFile.title,
        value=value,
    )
