"""What a person decides about a signal, or about a whole cluster of like ones: a new case, part of a case, waiting, another cluster, or
put aside with a reason. Once, with a name.

Locks are taken in one order, cluster before signal before case before tip, so that two people deciding at once never wait for each other
in a circle. What must not live here: the moves of a case (`cases`), and any text about the accused that a reporter would read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from enforcement import clocks, clusters, evidence, intake_book, law, reporters
from enforcement.casebook import CaseIsOver, lock, name_of, spoken, standing, write
from enforcement.models import CaseFile, Outcome, Signal, SignalCluster, SignalState
from enforcement.transitions import ON_OPENING, OVER, CaseState
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.history import History
from trace.models.tips import TipState
from trace.services import history, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile

TITLE_MOST = 200
REASON_MOST = 2000
LONGEST_WAIT = timedelta(days=366)
INFORMATION_WITHIN = timedelta(days=30)
"""When a signal that waits for information is looked at again although none came."""
GATHERED_AT_ONCE = 200
"""Photos of up to so many signals become evidence in the very deed; of more, with the button on the page of the evidence."""


class SignalDecided(Conflict):
    """%(who)s decided this signal at %(when)s, so nothing was done.

    Load the queue again to see what became of it.
    """


class ClusterDecided(Conflict):
    """Nothing is left to decide here: %(who)s decided the last one at %(when)s.

    Load the queue again to see what became of them.
    """


class ClusterChanged(Conflict):
    """Of the %(seen)s signals that you saw, somebody has decided or moved some, so nothing was done.

    Look at the list below, then decide again.
    """


class ClusterHasCase(Conflict):
    """The case %(number)s was opened from these like signals, so no second one is opened.

    Add the signal to %(number)s, or move it to another group first if it is a matter of its own.
    """


class TitleMissing(Invalid):
    """The case needs a title of at most %(most)s characters."""


class ReasonMissing(Invalid):
    """Say why, in at most %(most)s characters."""


class InfringementAside(Invalid):
    """An infringement is not put aside: what was found is handled in a case.

    Open a case or add the signal to one, or choose another finding.
    """


class WaitNotAhead(Invalid):
    """The day to look again lies between tomorrow and a year from now.

    Choose another day.
    """


@dataclass(frozen=True)
class OpenCase:
    """A new case of this title."""

    title: str


@dataclass(frozen=True)
class AddToCase:
    """Into a case that is worked on."""

    case_id: UUID


@dataclass(frozen=True)
class Wait:
    """Look again on a day; without one when information comes, at the latest in a month."""

    until: date | None
    reason: str


ASIDE = tuple(outcome for outcome in Outcome if outcome is not Outcome.INFRINGEMENT)
"""The findings with which a signal may be put aside. Nobody is told that it was handled by the law where no case was opened."""


@dataclass(frozen=True)
class Reject:
    """Put aside for good, with one of the findings in `ASIDE`."""

    reason: str
    outcome: Outcome


Decision = OpenCase | AddToCase | Wait | Reject


@dataclass(frozen=True)
class Decided:
    """How many signals a decision was about, the case they are in now, and how many of the cluster came later and are undecided."""

    count: int
    case: CaseFile | None
    later: int = 0


def get(session: Session, signal_id: UUID) -> Signal:
    """One signal with what its page shows."""
    shown = (
        joinedload(Signal.case),
        joinedload(Signal.commune),
        joinedload(Signal.holder),
        joinedload(Signal.decider),
        joinedload(Signal.cluster),
    )
    found = session.scalars(
        select(Signal).where(Signal.id == signal_id).options(*shown), execution_options={"populate_existing": True}
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def open_case(session: Session, signal_id: UUID, *, title: str, store: Path, by: UUID, at: datetime) -> CaseFile:
    """Open a case from a signal. `store`: where the files of its photos lie; they become evidence at once."""
    decided = _decide(session, undecided(session, signal_id), OpenCase(title), store=store, by=by, at=at)
    assert decided.case is not None  # noqa: S101  this decision always leads to a case
    return decided.case


def add_to_case(session: Session, signal_id: UUID, case_id: UUID, *, store: Path, by: UUID, at: datetime) -> CaseFile:
    """Make a signal part of a case that is still worked."""
    decided = _decide(session, undecided(session, signal_id), AddToCase(case_id), store=store, by=by, at=at)
    assert decided.case is not None  # noqa: S101  this decision always leads to a case
    return decided.case


def wait(session: Session, signal_id: UUID, *, until: date | None, reason: str, by: UUID, at: datetime) -> Signal:
    """Look again on a day, or when information comes; on that day the signal is back among the undecided ones."""
    signal = undecided(session, signal_id)
    _decide(session, signal, Wait(until, reason), store=None, by=by, at=at)
    return signal


def reject(session: Session, signal_id: UUID, *, reason: str, outcome: Outcome, by: UUID, at: datetime) -> Signal:
    """Put a signal aside for good. The reporter, if there is one, reads what `feedback.answer` says of the finding, and no more."""
    signal = undecided(session, signal_id)
    _decide(session, signal, Reject(reason, outcome), store=None, by=by, at=at)
    return signal


def decide_cluster(
    session: Session, cluster_id: UUID, decision: Decision, *, seen: clusters.Seen, store: Path, by: UUID, at: datetime
) -> Decided:
    """Decide at once about everything undecided that a person saw in a cluster, as `clusters.seen` gave it to the page.

    What came since stays undecided, so that a flood that goes on holds nobody up. Refused if not exactly those seen are there.
    """
    [cluster] = clusters.lock(session, cluster_id)
    if cluster.fresh + cluster.waiting == 0:
        last = session.execute(
            select(Signal.decided_by, Signal.decided_at)
            .where(Signal.cluster_id == cluster_id)
            .order_by(Signal.decided_at.desc().nulls_last())
            .limit(1)
        ).one_or_none()
        raise ClusterDecided(
            who=name_of(session, last.decided_by if last else None), when=spoken(last.decided_at if last else at)
        )
    if seen.upto is None or clusters.seen(session, cluster_id, upto=seen.upto) != seen:
        raise ClusterChanged(seen=seen.count)
    undecided_then = Signal.state.in_(clusters.UNDECIDED) & (Signal.filed_at <= seen.upto)
    found = session.scalars(
        select(Signal)
        .where(Signal.cluster_id == cluster_id, undecided_then)
        .order_by(Signal.severity.desc(), Signal.received_at, Signal.id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    done = _decide_all(session, cluster, found, decision, store=store, by=by, at=at)
    open_still = select(SignalCluster.fresh + SignalCluster.waiting).where(SignalCluster.id == cluster_id)
    put_off = len(found) if isinstance(decision, Wait) else 0
    return replace(done, later=session.scalars(open_still).one() - put_off)


def _decide(
    session: Session, signal: Signal, decision: Decision, *, store: Path | None, by: UUID, at: datetime
) -> Decided:
    cluster = session.get_one(SignalCluster, signal.cluster_id)
    return _decide_all(session, cluster, [signal], decision, store=store, by=by, at=at)


def _decide_all(
    session: Session,
    cluster: SignalCluster,
    signals: Sequence[Signal],
    decision: Decision,
    *,
    store: Path | None,
    by: UUID,
    at: datetime,
) -> Decided:
    """Carry a decision out on locked, undecided signals of one locked cluster."""
    case: CaseFile | None = None
    match decision:
        case OpenCase(title):
            case = _open(session, cluster, signals, title, by=by, at=at)
            _join(session, signals, case, store=store, by=by, at=at)
            case.next_due_at = clocks.next_due(session, case.id)
        case AddToCase(case_id):
            case = _weighed(session, case_id, signals, by=by, at=at)
            _join(session, signals, case, store=store, by=by, at=at)
        case Wait(until, reason):
            _put_off(session, signals, until, reason, by=by, at=at)
        case Reject(reason, outcome):
            said = said_why(reason)
            if outcome not in ASIDE:
                raise InfringementAside
            intake_book.answered(session, signals)
            after = {"state": SignalState.REJECTED, "outcome": outcome, "reason": said, "wait_until": None}
            _settle_signals(session, signals, "signal:reject", after, ("state", "outcome"), why=said, by=by, at=at)
            reporters.tell(session, signals, TipState.CLOSED, by=by, at=at)
    clusters.settle(session, cluster.id, at=at)
    session.flush()
    return Decided(len(signals), case)


def _open(
    session: Session, cluster: SignalCluster, signals: Sequence[Signal], title: str, *, by: UUID, at: datetime
) -> CaseFile:
    name = title.strip()
    if not name or len(name) > TITLE_MOST:
        raise TitleMissing(most=TITLE_MOST)
    if (running := clusters.case_of(session, cluster.case_id)) is not None:
        raise ClusterHasCase(number=running.number)
    rules = law.load(session)
    severity = max(signal.severity for signal in signals)
    case = CaseFile(
        number=numbers.next_number(session, "VV", at=at),
        title=name,
        state=CaseState.RECEIVED,
        severity=severity,
        opened_at=at,
        opened_by=by,
        commune_code=signals[0].commune_code,
        rule_version=law.VERSION,
    )
    session.add(case)
    session.flush()
    cluster.case_id = case.id
    write(session, case, "open", by=by, at=at, facts={"number": case.number, "severity": case.severity})
    history.record(session, "case:open", case.id, by=by, at=at, changes={"state": (None, case.state)})
    for kind in ON_OPENING:
        clocks.start(session, case, kind, began=at, law=rules, at=at)
    return case


def _weighed(session: Session, case_id: UUID, signals: Sequence[Signal], *, by: UUID, at: datetime) -> CaseFile:
    """A locked case that is worked on, as grave as the gravest of what joins it."""
    case = lock(session, case_id)
    standing(session, case)
    if case.state in OVER:
        raise CaseIsOver(number=case.number)
    gravest = max(signal.severity for signal in signals)
    if gravest > case.severity:
        history.record(session, "case:weigh", case.id, by=by, at=at, changes={"severity": (case.severity, gravest)})
        case.severity = gravest
    return case


def _join(
    session: Session, signals: Sequence[Signal], case: CaseFile, *, store: Path | None, by: UUID, at: datetime
) -> None:
    after = {"state": SignalState.IN_CASE, "case_id": case.id, "wait_until": None, "reason": None}
    _settle_signals(
        session, signals, "signal:join", after, ("state",), told={"case": [None, case.number]}, by=by, at=at
    )
    taken: Sequence[Any] = ()
    damaged: Sequence[StoredFile] = ()
    if store is not None and len(signals) <= GATHERED_AT_ONCE:
        taken, damaged = evidence.gather(session, case, store=store, by=by, at=at)
    facts = {
        "signal": signals[0].source_number,
        "source": signals[0].source.value,
        "folios": [piece.folio for piece in taken],
        "damaged": [file.sha256 for file in damaged],
    }
    if len(signals) == 1:
        write(session, case, "add_signal", by=by, at=at, facts=facts)
    else:
        write(session, case, "add_signals", by=by, at=at, facts=facts | {"signals": len(signals)})
    reporters.tell(session, signals, TipState.LOOKED_INTO, by=by, at=at)


def _put_off(
    session: Session, signals: Sequence[Signal], until: date | None, reason: str, *, by: UUID, at: datetime
) -> None:
    today = at.astimezone(CITY).date()
    day = until or today + INFORMATION_WITHIN
    if not today < day <= today + LONGEST_WAIT:
        raise WaitNotAhead
    said = said_why(reason)
    after = {"state": SignalState.WAITING, "wait_until": day, "reason": said}
    _settle_signals(session, signals, "signal:wait", after, ("state", "wait_until"), why=said, by=by, at=at)


def _settle_signals(
    session: Session,
    signals: Sequence[Signal],
    deed: str,
    after: dict[str, Any],
    named: tuple[str, ...],
    *,
    by: UUID,
    at: datetime,
    told: dict[str, Any] | None = None,
    why: str | None = None,
) -> None:
    """Write one decision to every signal: a row of history each, and one statement for all of them."""
    rows = [
        {
            "deed": deed,
            "subject_id": signal.id,
            "by": by,
            "at": at,
            "changes": {name: [_plain(getattr(signal, name)), _plain(after[name])] for name in named} | (told or {}),
            "why": why,
        }
        for signal in signals
    ]
    session.execute(insert(History), rows)
    session.execute(
        update(Signal)
        .where(Signal.id.in_([signal.id for signal in signals]))
        .values(decided_at=at, decided_by=by, **after)
        .execution_options(synchronize_session=False)
    )
    # What was written is known, so nothing is read again: ten thousand signals would be ten thousand questions.
    for signal in signals:
        for name, value in (after | {"decided_at": at, "decided_by": by}).items():
            set_committed_value(signal, name, value)
        session.expire(signal, ["case", "decider"])


def undecided(session: Session, signal_id: UUID) -> Signal:
    """An undecided signal under a lock, its cluster locked before it."""
    cluster_id = session.scalar(select(Signal.cluster_id).where(Signal.id == signal_id))
    if cluster_id is None:
        raise NotFound
    clusters.lock(session, cluster_id)
    statement = select(Signal).where(Signal.id == signal_id).with_for_update()
    signal = session.scalars(statement, execution_options={"populate_existing": True}).one()
    if signal.cluster_id != cluster_id:
        # Somebody moved it while we waited. Its new cluster would be locked after it, the wrong way round.
        raise Conflict
    if signal.state in {SignalState.IN_CASE, SignalState.REJECTED}:
        raise SignalDecided(who=name_of(session, signal.decided_by), when=spoken(signal.decided_at))
    return signal


def said_why(reason: str) -> str:
    """A reason as it is kept; refused if empty or endless."""
    said = reason.strip()
    if not said or len(said) > REASON_MOST:
        raise ReasonMissing(most=REASON_MOST)
    return said


def _plain(value: object) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
