"""What lies on the desk: signals to decide, cases to work, most pressing first; how many of each; and search within them.

Like signals lie in one row, their cluster. Nothing here reads a whole table: lists walk an index in the order in which they are shown,
and figures are exact up to a bound, beyond which they say no more than that. Search folds diacritics, with exact hits first, and reads
numbers, summaries, places, titles and codes; people who reported are found by no search.
What must not live here: deciding (`triage`, `cases`), and who takes the next case (`claims`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal_column, or_, select, true
from sqlalchemy.orm import joinedload, load_only

from enforcement.models import CaseFile, Signal, SignalCluster, SignalSource
from enforcement.models.desk import CASE_DIGITS, ON_HOLD, OPEN, SIGNAL_DIGITS, TAKEN, UNDECIDED
from labels import code
from labels.errors import LabelError
from trace.clock import CITY
from trace.models.parties import AppUser, Commune
from trace.services import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute, Session

    from enforcement.transitions import CaseState

PAGE = 50
MOST = 1000
"""So many rows are counted and paged through; whoever has more narrows the list. A count of one more means "more than"."""
FOUND = 300
"""So many rows of a search: whoever finds more writes more."""
LOOKED_AT = 300
"""So many signals that hold a text lead to their cases."""
COMMON = 8_000
"""So many undecided signals that hold a text are gathered; of a text that still more hold, some. And so many clusters are few."""
INDEXED_FROM = 3
"""Shorter texts are compared as whole words, which the index of three-letter groups knows too."""
SOON = timedelta(days=3)
Listed = Select[UUID] | list[UUID]
_NUMBER = re.compile(r"([A-ZĐ]{1,4})-?([0-9]{4}-[0-9]*|[0-9]+)")


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
    ids: tuple[UUID, ...] = ()
    q: str = ""


@dataclass(frozen=True)
class CaseFilter:
    """What of the cases is asked for. Without a state, closed cases stay out unless a text is searched."""

    officer_id: UUID | None = None
    unassigned: bool = False
    state: CaseState | None = None
    severity: int | None = None
    due: Pressing | None = None
    ids: tuple[UUID, ...] = ()
    q: str = ""


@dataclass(frozen=True)
class Counts:
    """The figures on the tabs, each at most `MOST` + 1."""

    new: int
    waiting: int
    mine: int
    soon: int
    overdue: int
    open: int


def bound(asked: SignalFilter | CaseFilter) -> int:
    """So many rows of a filter are counted and paged through."""
    return min(MOST, FOUND) if places.asked(asked.q) else MOST


def signals(
    session: Session, asked: SignalFilter, *, at: datetime, page: int = 1
) -> tuple[Sequence[SignalCluster], int]:
    """One page of clusters of signals, nearest legal date first, then severest, then oldest; and how many there are, up to a bound."""
    most = bound(asked)
    return _page(session, _clusters(), _signals(session, asked, at=at, most=most), page=page, most=most)


def clusters_of(session: Session, ids: Sequence[UUID]) -> list[SignalCluster]:
    """These clusters in this order, as their list shows them."""
    return _in_order(session, _clusters(), ids)


def _clusters() -> Select[Any]:
    lead = joinedload(SignalCluster.lead).load_only(
        Signal.source, Signal.source_number, Signal.serial, Signal.what, Signal.facts, Signal.summary, Signal.place, Signal.received_at,
        Signal.wait_until,
    )  # fmt: skip
    shown = (
        lead.joinedload(Signal.commune).load_only(Commune.name),
        joinedload(SignalCluster.case).load_only(CaseFile.number, CaseFile.state, CaseFile.merged_into_id),
    )
    return select(SignalCluster).options(*shown)


def cases(session: Session, asked: CaseFilter, *, at: datetime, page: int = 1) -> tuple[Sequence[CaseFile], int]:
    """One page of cases, nearest legal date first and then severest, and how many there are, up to a bound."""
    most = bound(asked)
    return _page(session, _files(), _cases(session, asked, at=at, most=most), page=page, most=most)


def cases_of(session: Session, ids: Sequence[UUID]) -> list[CaseFile]:
    """These cases in this order, as their list shows them."""
    return _in_order(session, _files(), ids)


def _files() -> Select[Any]:
    shown = (
        joinedload(CaseFile.officer).load_only(AppUser.full_name),
        joinedload(CaseFile.commune).load_only(Commune.name),
    )
    return select(CaseFile).options(*shown)


def total(session: Session, asked: SignalFilter | CaseFilter, *, at: datetime) -> int:
    """How many rows answer a filter, up to the bound: the figure beside a saved filter."""
    listed = _listed(session, asked, at, bound(asked))
    return len(listed) if isinstance(listed, list) else _count(session, listed, bound(asked))


def counts(session: Session, *, officer_id: UUID, at: datetime) -> Counts:
    """How much lies on each tab, asked at once."""
    due = CaseFile.next_due_at
    figures = (
        _bounded(select(SignalCluster.id).where(_to_decide(at)), MOST),
        _bounded(select(SignalCluster.id).where(_on_hold(at)), MOST),
        _bounded(select(CaseFile.id).where(_open(), CaseFile.officer_id == officer_id), MOST),
        _bounded(select(CaseFile.id).where(_open(), due.between(at, at + SOON)), MOST),
        _bounded(select(CaseFile.id).where(_open(), due < at), MOST),
        _bounded(select(CaseFile.id).where(_open()), MOST),
    )
    return Counts(*session.execute(select(*(each.scalar_subquery() for each in figures))).one())


def ids(session: Session, asked: SignalFilter | CaseFilter, *, at: datetime, most: int = 0) -> list[UUID]:
    """The rows that answer a filter, all pages of it, up to one more than the bound."""
    most = most or bound(asked)
    listed = _listed(session, asked, at, most)
    return listed if isinstance(listed, list) else list(session.scalars(listed.limit(most + 1)))


def in_part(session: Session, asked: SignalFilter | CaseFilter) -> bool:
    """Whether more signals hold the text of a search than it looks at, so that it may find a part only."""
    words = places.asked(asked.q)
    if not words:
        return False
    _plan_for_the_text(session)
    which, most = (UNDECIDED, COMMON) if isinstance(asked, SignalFilter) else (TAKEN, LOOKED_AT)
    return _count(session, select(Signal.id).where(literal_column(which), _in_signal(words)), most) > most


def open_cases(session: Session, *, limit: int = 200) -> Sequence[CaseFile]:
    """Cases that a signal may join, newest first."""
    newest = select(CaseFile).where(_open()).order_by(CaseFile.opened_at.desc()).limit(limit)
    return session.scalars(newest.options(load_only(CaseFile.number, CaseFile.title))).all()


def _listed(session: Session, asked: SignalFilter | CaseFilter, at: datetime, most: int) -> Listed:
    if isinstance(asked, SignalFilter):
        return _signals(session, asked, at=at, most=most)
    return _cases(session, asked, at=at, most=most)


def _signals(session: Session, asked: SignalFilter, *, at: datetime, most: int) -> Listed:
    """The ids of clusters in the order of the list: as a statement, or for a search as they were found."""
    conditions = [_on_hold(at) if asked.waiting else _to_decide(at)]
    if asked.severity is not None:
        conditions.append(SignalCluster.severity == asked.severity)
    if asked.ids:
        conditions.append(SignalCluster.id.in_(asked.ids))
    inside: list[ColumnElement[bool]] = []
    if asked.source is not None:
        inside.append(Signal.source == asked.source)
    if asked.commune_code:
        inside.append(Signal.commune_code == asked.commune_code)
    words = places.asked(asked.q)
    order: list[Any] = [SignalCluster.wait_until.asc()] if asked.waiting else []
    order += [SignalCluster.due_at.asc().nulls_last(), SignalCluster.severity.desc()]
    order += [SignalCluster.oldest_at, SignalCluster.id]
    if not (inside or words):
        return select(SignalCluster.id).where(*conditions).order_by(*order)
    hits = select(SignalCluster.id, _exact(words, Signal.summary, Signal.place).label("best"))
    if not words.isascii():
        hits = hits.join(Signal, Signal.id == SignalCluster.lead_id)
    if words:
        # Gathered first, as a list of their own: how many clusters hold a text and how pressing they are is a guess to the planner.
        found = select(Signal.cluster_id).where(literal_column(UNDECIDED), _in_signal(words)).limit(COMMON)
        gathered = found.cte("gathered").prefix_with("MATERIALIZED", dialect="postgresql")
        conditions.append(SignalCluster.id.in_(select(gathered.c.cluster_id)))
    if inside:
        conditions.append(_holding(session, select(Signal.cluster_id).where(literal_column(UNDECIDED), *inside)))
    return _found(session, hits.where(*conditions), order, most)


def _cases(session: Session, asked: CaseFilter, *, at: datetime, most: int) -> Listed:
    """The ids of cases in the order of the list: as a statement, or for a search as they were found."""
    conditions: list[ColumnElement[bool]] = []
    words = places.asked(asked.q)
    if asked.state is not None:
        conditions.append(CaseFile.state == asked.state)
    elif not words:
        conditions.append(_open())
    if asked.ids:
        conditions.append(CaseFile.id.in_(asked.ids))
    if asked.officer_id is not None:
        conditions.append(CaseFile.officer_id == asked.officer_id)
    if asked.unassigned:
        conditions.append(CaseFile.officer_id.is_(None))
    if asked.severity is not None:
        conditions.append(CaseFile.severity == asked.severity)
    if asked.due is not None:
        due = CaseFile.next_due_at
        conditions += [_open(), due < at if asked.due is Pressing.OVERDUE else due.between(at, at + SOON)]
    order: list[Any] = [CaseFile.next_due_at.asc().nulls_last(), CaseFile.severity.desc()]
    order += [CaseFile.opened_at, CaseFile.id]
    if not words:
        if asked.state is not None:
            conditions.append(CaseFile.merged_into_id.is_(None))
        return select(CaseFile.id).where(*conditions).order_by(*order)
    hit = [_holds(CaseFile.words, words), *_numbered(words, CaseFile.number, CASE_DIGITS)]
    through = _through_signals(session, words)
    if through:
        hit.append(CaseFile.id.in_(through))
    hits = select(CaseFile.id, _exact(words, CaseFile.number, CaseFile.title).label("best")).where(
        *conditions, or_(*hit)
    )
    return _found(session, hits, order, most)


def _found(session: Session, hits: Select[Any, Any], order: list[Any], most: int) -> list[UUID]:
    """What a search found: as many as the bound in the order of the list, of these the exact ones first."""
    _plan_for_the_text(session)
    rows = session.execute(hits.order_by(*order).limit(most + 1)).all()
    return [row.id for row in sorted(rows, key=lambda row: row.best)]


def _holding(session: Session, within: Select[Any]) -> ColumnElement[bool]:
    """Clusters that hold such a signal.

    Walking the list until it is full is quick where many do, and looks at every row where few do. Few are therefore gathered first.
    """
    _plan_for_the_text(session)
    some = within.distinct().limit(COMMON + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) > COMMON:
        return SignalCluster.id.in_(within)
    few = within.distinct().cte("few").prefix_with("MATERIALIZED", dialect="postgresql")
    return SignalCluster.id.in_(select(few.c.cluster_id))


def _to_decide(at: datetime) -> ColumnElement[bool]:
    """Clusters with a new signal, or with one whose day to look again has come."""
    today = at.astimezone(CITY).date()
    back = and_(SignalCluster.waiting > 0, SignalCluster.wait_until <= today)
    return and_(literal_column(ON_DESK), or_(SignalCluster.fresh > 0, back))


def _on_hold(at: datetime) -> ColumnElement[bool]:
    day = SignalCluster.wait_until
    later = or_(day.is_(None), day > at.astimezone(CITY).date())
    return and_(literal_column(f"({ON_HOLD})"), later)


ON_DESK = "(signal_cluster.fresh > 0 OR signal_cluster.waiting > 0)"


def _open() -> ColumnElement[bool]:
    return literal_column(f"({OPEN})")


def _in_signal(words: str) -> ColumnElement[bool]:
    """Whether a signal holds a text, bears a number, or is of the label with this code."""
    hits = [_holds(Signal.words, words), *_numbered(words, Signal.source_number, SIGNAL_DIGITS)]
    serial = _serial(words)
    if serial is not None:
        hits.append(Signal.serial == serial)
    digits = re.sub(r"[ .\-()]", "", words)
    if digits.isascii() and digits.isdigit() and len(digits) >= 9:
        hits.append(Signal.shop_phone == digits)
    return or_(*hits)


def _through_signals(session: Session, words: str) -> Sequence[UUID]:
    """The cases to which signals that hold a text belong; of a text that thousands hold, some."""
    _plan_for_the_text(session)
    statement = select(Signal.case_id).where(literal_column(TAKEN), _in_signal(words)).limit(LOOKED_AT)
    return list({found for found in session.scalars(statement) if found is not None})


def _plan_for_the_text(session: Session) -> None:
    """A plan made for any text would not know a rare word from a common one; and workers begin later than a short walk ends."""
    local = true()
    session.execute(
        select(
            func.set_config("plan_cache_mode", "force_custom_plan", local),
            func.set_config("max_parallel_workers_per_gather", "0", local),
        )
    )


def _holds(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    """Whether a column holds a text, without regard to case and diacritics; a short text as a word of its own."""
    escaped = re.sub(r"([\\%_])", r"\\\1", words)
    pattern = f"% {escaped} %" if len(words) < INDEXED_FROM else f"%{escaped}%"
    return column.like(func.public.fold(pattern))


def _numbered(words: str, column: InstrumentedAttribute[str], digits: str) -> list[ColumnElement[bool]]:
    """Which rows a text names by number: "VV-2026-01204", its beginning, "VV-1204" or "1204"."""
    bare = words.upper().replace(" ", "")
    if bare.isascii() and bare.isdigit():
        return [literal_column(digits) == (bare.lstrip("0") or "0")] if len(bare) <= 9 else []
    named = _NUMBER.fullmatch(bare)
    if named is None:
        return []
    series, rest = named.groups()
    if "-" in rest:
        return [column.like(f"{series}-{rest}%")]
    return [and_(literal_column(digits) == (rest.lstrip("0") or "0"), column.like(f"{series}-%"))]


def _serial(words: str) -> int | None:
    """The serial that a text names as a label code. The tag is not looked at: nobody is judged by a search."""
    try:
        return code.parse(words).serial
    except LabelError:
        return None


def _exact(words: str, *columns: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[int]:
    """0 where the text stands with the same diacritics, 1 where only its letters do. A text without any asks for none."""
    if words.isascii():
        return literal_column("0")
    return case((or_(*(column.icontains(words, autoescape=True) for column in columns)), 0), else_=1)


def _bounded(statement: Select[UUID], most: int) -> Select[int]:
    return select(func.count()).select_from(statement.order_by(None).limit(most + 1).subquery())


def _count(session: Session, statement: Select[UUID], most: int) -> int:
    return session.scalar(_bounded(statement, most)) or 0


def _page(session: Session, shown: Select[Any], listed: Listed, *, page: int, most: int) -> tuple[Sequence[Any], int]:
    """The rows of one page in their order, and how many there are, up to the bound."""
    first, last = (page - 1) * PAGE, min(page * PAGE, most)
    if isinstance(listed, list):
        ids, found = listed[first:last], len(listed)
    else:
        ids = list(session.scalars(listed.offset(first).limit(max(last - first, 0))))
        # A first page that is not full needs no counting.
        found = len(ids) if page == 1 and len(ids) < PAGE else _count(session, listed, most)
    return _in_order(session, shown, ids), found


def _in_order(session: Session, shown: Select[Any], ids: Sequence[UUID]) -> list[Any]:
    """The rows with these ids in their order, without those that are gone."""
    if not ids:
        return []
    kind = shown.column_descriptions[0]["entity"]
    rows = {row.id: row for row in session.scalars(shown.where(kind.id.in_(ids)))}
    return [rows[each] for each in ids if each in rows]
