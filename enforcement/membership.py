"""Which cases count as one. A merge moves nothing: a case that was merged away points to the one that carries on, and so on upwards.

Only reading. What must not live here: merging and taking a merge back (`joins`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal_column, or_, select, true
from sqlalchemy.orm import joinedload

from enforcement.models import CaseEvent, CaseFile, CaseJoin, Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session


def members(session: Session, case_id: UUID) -> list[UUID]:
    """The case and every case merged into it, directly or through others: itself first, then by number."""
    found = session.execute(
        select(CaseFile.id, CaseFile.number).where(CaseFile.id.in_(member_ids(case_id))).order_by(CaseFile.number)
    )
    return sorted((row.id for row in found), key=lambda each: each != case_id)


def member_ids(case_id: UUID) -> Select[Any]:
    """The same as a subquery, for `IN`."""
    below = select(CaseFile.id).where(CaseFile.id == case_id).cte("merged_below", recursive=True)
    below = below.union(select(CaseFile.id).join(below, CaseFile.merged_into_id == below.c.id))
    return select(below.c.id)


def lineage(case_id: UUID, *, merged_by: datetime | None = None) -> Select[Any]:
    """The same, and the cases it was once a part of: ids with the moment until which what was signed there counts here too (`until`).

    A case that was split off goes on from the papers of its origin, as they stood when it was split. `merged_by`: only with the cases that
    had been merged by then.
    """
    merged: ColumnElement[bool] = true()
    if merged_by is not None:
        stands = (CaseJoin.undone_at.is_(None), CaseJoin.merged_at <= merged_by)
        merged = CaseFile.id.in_(select(CaseJoin.absorbed_id).where(*stands))
    never: ColumnElement[Any] = literal_column("'infinity'::timestamptz")
    line = (
        select(CaseFile.id, CaseFile.split_from_id, CaseFile.opened_at, never.label("until"))
        .where(CaseFile.id == case_id)
        .cte("case_lineage", recursive=True)
    )
    split = CaseFile.id == line.c.split_from_id
    more = select(
        CaseFile.id,
        CaseFile.split_from_id,
        CaseFile.opened_at,
        case((split, func.least(line.c.until, line.c.opened_at)), else_=line.c.until),
    ).join(line, or_(split, and_(CaseFile.merged_into_id == line.c.id, merged)))
    line = line.union(more)
    return select(line.c.id, func.max(line.c.until).label("until")).group_by(line.c.id)


def origins(case_id: UUID) -> Select[Any]:
    """The case itself and those it was once a part of, like `lineage` but without any case that was merged into one of them."""
    never: ColumnElement[Any] = literal_column("'infinity'::timestamptz")
    line = (
        select(CaseFile.id, CaseFile.split_from_id, CaseFile.opened_at, never.label("until"))
        .where(CaseFile.id == case_id)
        .cte("case_origins", recursive=True)
    )
    until = func.least(line.c.until, line.c.opened_at)
    line = line.union(
        select(CaseFile.id, CaseFile.split_from_id, CaseFile.opened_at, until).join(
            line, CaseFile.id == line.c.split_from_id
        )
    )
    return select(line.c.id, line.c.until)


def survivor(session: Session, case_id: UUID) -> UUID:
    """The case that carries on for this one: itself, if it was never merged away."""
    above = (
        select(CaseFile.id, CaseFile.merged_into_id).where(CaseFile.id == case_id).cte("merged_above", recursive=True)
    )
    above = above.union(select(CaseFile.id, CaseFile.merged_into_id).join(above, CaseFile.id == above.c.merged_into_id))
    top: UUID | None = session.scalar(select(above.c.id).where(above.c.merged_into_id.is_(None)))
    return top or case_id


def events(session: Session, case_id: UUID) -> list[tuple[CaseEvent, str | None]]:
    """The deeds in a case and in all merged into it, oldest first; with the number of its own case where that is another."""
    found = session.execute(
        select(CaseEvent, CaseFile.number)
        .join(CaseFile, CaseFile.id == CaseEvent.case_id)
        .where(CaseEvent.case_id.in_(member_ids(case_id)))
        .order_by(CaseEvent.at, CaseEvent.id)
        .options(joinedload(CaseEvent.author))
    )
    return [(event, None if event.case_id == case_id else number) for event, number in found]


def signals(session: Session, case_id: UUID) -> Sequence[Signal]:
    """The signals of a case and of all merged into it, oldest first."""
    statement = select(Signal).where(Signal.case_id.in_(member_ids(case_id))).order_by(Signal.received_at, Signal.id)
    return session.scalars(statement.options(joinedload(Signal.case))).all()


def numbers(session: Session, case_ids: Collection[UUID]) -> dict[UUID, str]:
    """The numbers of cases."""
    found = session.execute(select(CaseFile.id, CaseFile.number).where(CaseFile.id.in_(case_ids)))
    return {row.id: row.number for row in found}
