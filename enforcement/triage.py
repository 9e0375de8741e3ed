"""What a person decides about a signal: a new case, part of a case, waiting, or put aside with a reason. Once, with a name.

Locks are taken in one order, signal before case before tip, so that two people deciding at once never wait for each other in a
circle. What must not live here: the moves of a case (`cases`), and any text about the accused that a reporter would read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, and_, false, func, literal, or_, select
from sqlalchemy.orm import joinedload

from enforcement import clocks, evidence, law
from enforcement.casebook import CaseIsOver, lock, name_of, spoken, write
from enforcement.models import CaseFile, Outcome, Signal, SignalSource, SignalState
from enforcement.transitions import ON_OPENING, OVER, CaseState
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.labels import LabelOrder
from trace.models.tips import Tip, TipState
from trace.services import history, numbers, tips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

TITLE_MOST = 200
REASON_MOST = 2000
LONGEST_WAIT = timedelta(days=366)
LIKE_PLACE = 0.35
"""Trigram similarity from which two places count as alike; "chợ Đổ" and "Chợ Đổ (cổng 2)" reach it."""

# All that a reporter is told. It says nothing of anybody else, and nothing of what was found.
NEUTRAL_ANSWER = "Phản ánh của bạn đã được xem xét xong. Cảm ơn bạn đã báo cho chúng tôi."


class SignalDecided(Conflict):
    """%(who)s decided this signal at %(when)s, so nothing was done.

    Load the queue again to see what became of it.
    """


class TitleMissing(Invalid):
    """The case needs a title of at most %(most)s characters."""


class ReasonMissing(Invalid):
    """Say why, in at most %(most)s characters."""


class WaitNotAhead(Invalid):
    """The day to look again lies between tomorrow and a year from now.

    Choose another day.
    """


class Alike(StrEnum):
    """In what two signals are alike."""

    SERIAL = "serial"
    ORDER = "order"
    PLACE = "place"
    HOLDER = "holder"


@dataclass(frozen=True)
class SimilarSignal:
    """Another signal, with what it shares with the one in hand."""

    signal: Signal
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class SimilarCase:
    """A case whose signals share something with the one in hand."""

    case: CaseFile
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class Similar:
    """What to look at before anything is opened: undecided signals, and cases, most alike first."""

    signals: tuple[SimilarSignal, ...]
    cases: tuple[SimilarCase, ...]


def get(session: Session, signal_id: UUID) -> Signal:
    """One signal with what its page shows."""
    shown = (joinedload(Signal.case), joinedload(Signal.commune), joinedload(Signal.holder), joinedload(Signal.decider))
    found = session.scalars(select(Signal).where(Signal.id == signal_id).options(*shown)).one_or_none()
    if found is None:
        raise NotFound
    return found


def open_case(session: Session, signal_id: UUID, *, title: str, store: Path, by: UUID, at: datetime) -> CaseFile:
    """Open a case from a signal. `store`: where the files of its photos lie; they become evidence at once."""
    signal = _undecided(session, signal_id)
    name = title.strip()
    if not name or len(name) > TITLE_MOST:
        raise TitleMissing(most=TITLE_MOST)
    rules = law.load(session)
    case = CaseFile(
        number=numbers.next_number(session, "VV", at=at),
        title=name,
        state=CaseState.RECEIVED,
        severity=signal.severity,
        opened_at=at,
        opened_by=by,
        commune_code=signal.commune_code,
        rule_version=law.VERSION,
    )
    session.add(case)
    session.flush()
    write(session, case, "open", by=by, at=at, facts={"number": case.number, "severity": case.severity})
    history.record(session, "case:open", case.id, by=by, at=at, changes={"state": (None, case.state)})
    for kind in ON_OPENING:
        clocks.start(session, case, kind, began=at, law=rules, at=at)
    _join(session, signal, case, store=store, by=by, at=at)
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()
    return case


def add_to_case(session: Session, signal_id: UUID, case_id: UUID, *, store: Path, by: UUID, at: datetime) -> CaseFile:
    """Make a signal part of a case that is still worked."""
    signal = _undecided(session, signal_id)
    case = lock(session, case_id)
    if case.state in OVER:
        raise CaseIsOver(number=case.number)
    if signal.severity > case.severity:
        history.record(
            session, "case:weigh", case.id, by=by, at=at, changes={"severity": (case.severity, signal.severity)}
        )
        case.severity = signal.severity
    _join(session, signal, case, store=store, by=by, at=at)
    session.flush()
    return case


def wait(session: Session, signal_id: UUID, *, until: date, reason: str, by: UUID, at: datetime) -> Signal:
    """Look again on a day; on that day the signal is back among the undecided ones."""
    signal = _undecided(session, signal_id)
    today = at.astimezone(CITY).date()
    if not today < until <= today + LONGEST_WAIT:
        raise WaitNotAhead
    said = _said(reason)
    changes = {"state": (signal.state, SignalState.WAITING), "wait_until": (signal.wait_until, until)}
    signal.state, signal.wait_until, signal.reason = SignalState.WAITING, until, said
    signal.decided_at, signal.decided_by = at, by
    history.record(session, "signal:wait", signal.id, by=by, at=at, changes=changes, why=said)
    session.flush()
    return signal


def reject(session: Session, signal_id: UUID, *, reason: str, outcome: Outcome, by: UUID, at: datetime) -> Signal:
    """Put a signal aside for good. The reporter, if there is one, learns only that it was looked into."""
    signal = _undecided(session, signal_id)
    said = _said(reason)
    changes = {"state": (signal.state, SignalState.REJECTED), "outcome": (None, outcome)}
    signal.state, signal.reason, signal.outcome, signal.wait_until = SignalState.REJECTED, said, outcome, None
    signal.decided_at, signal.decided_by = at, by
    history.record(session, "signal:reject", signal.id, by=by, at=at, changes=changes, why=said)
    tell_reporters(session, [signal], TipState.CLOSED, by=by, at=at)
    session.flush()
    return signal


def similar(session: Session, signal: Signal, *, limit: int = 10) -> Similar:
    """Signals and cases that share the label, its order, the place or the holder with this one."""
    tests = {alike: test for alike, test in _tests(session, signal).items() if test is not None}
    if not tests:
        return Similar((), ())
    score = [test.label(f"alike_{alike.value}") for alike, test in tests.items()]
    statement = (
        select(Signal, *score)
        .where(Signal.id != signal.id, or_(*tests.values()))
        .order_by(*(test.desc() for test in score), Signal.received_at.desc())
        .limit(limit * 5)
        .options(joinedload(Signal.case), joinedload(Signal.commune))
    )
    signals: list[SimilarSignal] = []
    cases: dict[UUID, SimilarCase] = {}
    for row in session.execute(statement):
        other: Signal = row[0]
        alike = tuple(kind for kind, holds in zip(tests, row[1:], strict=True) if holds)
        if other.case is not None:
            cases.setdefault(other.case.id, SimilarCase(other.case, alike))
        elif other.state in {SignalState.NEW, SignalState.WAITING}:
            signals.append(SimilarSignal(other, alike))
    ordered = sorted(cases.values(), key=lambda found: found.case.state in OVER)
    return Similar(tuple(signals[:limit]), tuple(ordered[:limit]))


def tell_reporters(session: Session, signals: Sequence[Signal], state: TipState, *, by: UUID, at: datetime) -> None:
    """Bring the tips behind some signals to what their reporters may be told. A closed tip stays closed."""
    ids = [UUID(signal.source_ref) for signal in signals if signal.source is SignalSource.TIP]
    found = session.scalars(
        select(Tip).where(Tip.id.in_(ids), Tip.state != TipState.CLOSED).order_by(Tip.id).with_for_update()
    )
    for tip in found.all():
        if tip.state is not state:
            tips.tell(session, tip, state, answer=NEUTRAL_ANSWER if state is TipState.CLOSED else None, by=by, at=at)


def _join(session: Session, signal: Signal, case: CaseFile, *, store: Path, by: UUID, at: datetime) -> None:
    changes = {"state": (signal.state, SignalState.IN_CASE), "case": (None, case.number)}
    signal.state, signal.case_id, signal.wait_until, signal.reason = SignalState.IN_CASE, case.id, None, None
    signal.decided_at, signal.decided_by = at, by
    history.record(session, "signal:join", signal.id, by=by, at=at, changes=changes)
    session.flush()
    taken, damaged = evidence.gather(session, case, store=store, by=by, at=at)
    facts = {
        "signal": signal.source_number,
        "source": signal.source.value,
        "folios": [piece.folio for piece in taken],
        "damaged": [file.sha256 for file in damaged],
    }
    write(session, case, "add_signal", by=by, at=at, facts=facts)
    tell_reporters(session, [signal], TipState.LOOKED_INTO, by=by, at=at)


def _undecided(session: Session, signal_id: UUID) -> Signal:
    statement = select(Signal).where(Signal.id == signal_id).with_for_update()
    signal = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if signal is None:
        raise NotFound
    if signal.state in {SignalState.IN_CASE, SignalState.REJECTED}:
        raise SignalDecided(who=name_of(session, signal.decided_by), when=spoken(signal.decided_at))
    return signal


def _said(reason: str) -> str:
    said = reason.strip()
    if not said or len(said) > REASON_MOST:
        raise ReasonMissing(most=REASON_MOST)
    return said


def _tests(session: Session, signal: Signal) -> dict[Alike, ColumnElement[bool] | None]:
    order = None
    if signal.serial is not None:
        order = session.scalars(
            select(LabelOrder).where(LabelOrder.serials.contains(literal(signal.serial, BigInteger())))
        ).one_or_none()
    place: ColumnElement[bool] | None = None
    if signal.commune_code and signal.place:
        alike = func.similarity(func.fold(Signal.place), func.fold(signal.place)) >= LIKE_PLACE
        place = func.coalesce(and_(Signal.commune_code == signal.commune_code, alike), false())
    return {
        Alike.SERIAL: func.coalesce(Signal.serial == signal.serial, false()) if signal.serial is not None else None,
        Alike.ORDER: func.coalesce(
            and_(Signal.serial >= order.serials.lower, Signal.serial < order.serials.upper), false()
        )
        if order
        else None,
        Alike.PLACE: place,
        Alike.HOLDER: func.coalesce(Signal.holder_id == signal.holder_id, false()) if signal.holder_id else None,
    }
