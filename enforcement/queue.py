"""What lies on the desk: signals to decide, cases to work, most pressing first; how many of each; and search within them.

Search folds diacritics, with exact hits first, and reads numbers, summaries, places, titles and codes; people who reported are
found by no search. What must not live here: deciding (`triage`, `cases`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import joinedload

from enforcement.models import CaseFile, Signal, SignalSource, SignalState
from enforcement.transitions import OVER, CaseState
from labels import code
from labels.errors import LabelError
from trace.clock import CITY
from trace.services import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import InstrumentedAttribute, Session

PAGE = 50
SOON = timedelta(days=3)


class Pressing(StrEnum):
    """How a case stands to its nearest deadline."""

    OVERDUE = "overdue"
    SOON = "soon"


@dataclass(frozen=True)
class SignalFilter:
    """What of the signals is asked for; the address of the page says the same. `waiting`: those put off to a later day."""

    waiting: bool = False
    source: SignalSource | None = None
    severity: int | None = None
    commune_code: str | None = None
    q: str = ""


@dataclass(frozen=True)
class CaseFilter:
    """What of the cases is asked for. Without a state, closed cases stay out unless a text is searched."""

    officer_id: UUID | None = None
    unassigned: bool = False
    state: CaseState | None = None
    severity: int | None = None
    due: Pressing | None = None
    q: str = ""


@dataclass(frozen=True)
class Counts:
    """The figures on the tabs."""

    new: int
    waiting: int
    mine: int
    open: int


def signals(session: Session, asked: SignalFilter, *, at: datetime, page: int = 1) -> tuple[Sequence[Signal], int]:
    """One page of signals, severest first and then oldest, and how many there are in all."""
    conditions = [_on_hold(at) if asked.waiting else _undecided(at)]
    if asked.source is not None:
        conditions.append(Signal.source == asked.source)
    if asked.severity is not None:
        conditions.append(Signal.severity == asked.severity)
    if asked.commune_code:
        conditions.append(Signal.commune_code == asked.commune_code)
    order: list[Any] = [Signal.wait_until.asc()] if asked.waiting else []
    order += [Signal.severity.desc(), Signal.received_at, Signal.id]
    text = places.asked(asked.q)
    if text:
        columns = (Signal.source_number, Signal.summary, Signal.place)
        serial = _serial(text)
        hit = places.matches(text, *columns)
        conditions.append(hit if serial is None else or_(hit, Signal.serial == serial))
        order.insert(0, _exact(text, *columns))
    statement = select(Signal).where(*conditions).order_by(*order)
    return _page(session, statement.options(joinedload(Signal.commune), joinedload(Signal.holder)), page)


def cases(session: Session, asked: CaseFilter, *, at: datetime, page: int = 1) -> tuple[Sequence[CaseFile], int]:
    """One page of cases, nearest deadline first and then severest, and how many there are in all."""
    conditions: list[ColumnElement[bool]] = []
    text = places.asked(asked.q)
    if asked.state is not None:
        conditions.append(CaseFile.state == asked.state)
    elif not text:
        conditions.append(CaseFile.state.not_in(OVER))
    if asked.officer_id is not None:
        conditions.append(CaseFile.officer_id == asked.officer_id)
    if asked.unassigned:
        conditions.append(CaseFile.officer_id.is_(None))
    if asked.severity is not None:
        conditions.append(CaseFile.severity == asked.severity)
    if asked.due is Pressing.OVERDUE:
        conditions.append(CaseFile.next_due_at < at)
    elif asked.due is Pressing.SOON:
        conditions.append(CaseFile.next_due_at.between(at, at + SOON))
    order: list[Any] = [
        CaseFile.next_due_at.asc().nulls_last(),
        CaseFile.severity.desc(),
        CaseFile.opened_at,
        CaseFile.id,
    ]
    if text:
        columns = (CaseFile.number, CaseFile.title)
        of_signal = select(Signal.case_id).where(Signal.case_id.is_not(None), _in_signal(text))
        conditions.append(or_(places.matches(text, *columns), CaseFile.id.in_(of_signal)))
        order.insert(0, _exact(text, *columns))
    statement = select(CaseFile).where(*conditions).order_by(*order)
    return _page(session, statement.options(joinedload(CaseFile.officer), joinedload(CaseFile.commune)), page)


def counts(session: Session, *, officer_id: UUID, at: datetime) -> Counts:
    """How much lies on each tab."""
    of_signals = select(func.count().filter(_undecided(at)), func.count().filter(_on_hold(at))).select_from(Signal)
    new, waiting = session.execute(of_signals.where(Signal.state.in_([SignalState.NEW, SignalState.WAITING]))).one()
    of_cases = select(func.count().filter(CaseFile.officer_id == officer_id), func.count()).select_from(CaseFile)
    mine, everything = session.execute(of_cases.where(CaseFile.state.not_in(OVER))).one()
    return Counts(new, waiting, mine, everything)


def open_cases(session: Session, *, limit: int = 200) -> Sequence[CaseFile]:
    """Cases that a signal may join, newest first."""
    statement = select(CaseFile).where(CaseFile.state.not_in(OVER)).order_by(CaseFile.opened_at.desc()).limit(limit)
    return session.scalars(statement).all()


def _undecided(at: datetime) -> ColumnElement[bool]:
    """New signals, and those whose day to look again has come."""
    today = at.astimezone(CITY).date()
    return or_(Signal.state == SignalState.NEW, (Signal.state == SignalState.WAITING) & (Signal.wait_until <= today))


def _on_hold(at: datetime) -> ColumnElement[bool]:
    return (Signal.state == SignalState.WAITING) & (Signal.wait_until > at.astimezone(CITY).date())


def _in_signal(text: str) -> ColumnElement[bool]:
    hit = places.matches(text, Signal.source_number, Signal.summary, Signal.place)
    serial = _serial(text)
    return hit if serial is None else or_(hit, Signal.serial == serial)


def _serial(text: str) -> int | None:
    """The serial that a text names as a label code. The tag is not looked at: nobody is judged by a search."""
    try:
        return code.parse(text).serial
    except LabelError:
        return None


def _exact(text: str, *columns: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[int]:
    """0 where the text stands with the same diacritics, 1 where only its letters do."""
    return case((or_(*(column.icontains(text, autoescape=True) for column in columns)), 0), else_=1)


Row = TypeVar("Row", Signal, CaseFile)


def _page(session: Session, statement: Select[Row], page: int) -> tuple[Sequence[Row], int]:
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    return session.scalars(statement.limit(PAGE).offset((page - 1) * PAGE)).all(), total
