"""One deed done to many rows of a list: counted before anybody agrees, and written down with what was before.

Done is exactly what was counted (`Counted`): the same rows, with the same facts. What joined a group since is left in the queue.
Each row is the single deed of `cases` or `triage` in a savepoint of its own, so a row that is refused leaves the others alone. Steps of
the law are not among them (`OneByOne`). What must not live here: the single deeds, taking back
(`bulk_undo`), and the words in which a refusal is told.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from enforcement import cases, triage
from enforcement.casebook import last_deed, lock, name_of, said, spoken
from enforcement.models import (
    BulkDeed,
    BulkKind,
    CaseFile,
    DeskList,
    Outcome,
    Signal,
    SignalCluster,
    SignalSource,
    SignalState,
)
from trace.errors import Conflict, Invalid, NotFound, TemThatError
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from enforcement.transitions import Duty

MOST = 500
"""So many rows at once; so many signals too, since each is decided by itself."""
OF_CASES = (BulkKind.ASSIGN,)


class NothingChosen(Invalid):
    """No row is chosen.

    Tick at least one row of the list.
    """


class TooManyChosen(Invalid):
    """More than %(most)s rows are chosen.

    Narrow the list with its filters and do it in parts.
    """


class OneByOne(Conflict):
    """A step of the law is not taken for many at once: each case has its own reason, document number and signer.

    Open the cases one by one and take the step there.
    """


class NoRoomLeft(Conflict):
    """At most %(most)s signals are decided at once, so this row was left out.

    Do this first, then choose the rest.
    """


class ClusterTooLarge(Conflict):
    """This row stands for %(count)s like signals, too many to decide one by one.

    Open it and decide about all of them there.
    """


class NotCounted(Conflict):
    """What is filled in here was not counted so, and nothing was done.

    Look at the new count below, then decide.
    """


class CountChanged(Conflict):
    """Of the rows that were counted, somebody has changed some in the meantime, so nothing was done.

    Look at the new count below, then decide again.
    """


class SameAsBefore(Conflict):
    """It is so already."""


class NoSuchCase(Invalid):
    """There is no case with the number %(number)s.

    Write the whole number, for example VV-2026-00012.
    """


class Refused(NamedTuple):
    """A row that stays as it was, and why."""

    number: str
    why: TemThatError


@dataclass(frozen=True)
class Order:
    """A deed for many: which, with which facts (the names of its form), by whom and when."""

    kind: BulkKind
    facts: Mapping[str, Any]
    by: UUID
    duties: Collection[Duty]
    at: datetime
    store: Path


@dataclass(frozen=True)
class Result:
    """What became, or would become, of the chosen rows. `rows`: those gone over; `later`: signals of their groups that came since the count."""

    done: Sequence[dict[str, Any]]
    refused: Sequence[Refused]
    rows: Sequence[UUID] = ()
    later: int = 0


@dataclass(frozen=True)
class Counted:
    """What a person saw counted: the rows gone over, a mark of the facts, and a mark of the rows that could be done."""

    rows: Sequence[UUID]
    facts: str
    able: str


def preview(session: Session, order: Order, ids: Collection[UUID]) -> Result:
    """What a deed would do, found out by doing it and taking the transaction back to before."""
    savepoint = session.begin_nested()
    try:
        return _run(session, order, ids)
    finally:
        savepoint.rollback()
        session.expire_all()


def counted(order: Order, result: Result) -> Counted:
    """What a preview has counted, to be given back when it is agreed to."""
    facts = {name: str(value) for name, value in order.facts.items() if value is not None}
    return Counted(
        result.rows, _mark({"kind": order.kind.value, **facts}), _mark(sorted(item["id"] for item in result.done))
    )


def carry_out(
    session: Session, order: Order, ids: Collection[UUID], seen: Counted | None = None
) -> tuple[BulkDeed | None, Result]:
    """Do it, and write down what each row was. None if every row was refused.

    `seen`: what a person saw counted. Anything else than exactly that is refused, and the caller rolls back; without it nobody counted.
    """
    _sized(ids)
    if seen is not None and counted(order, Result((), ())).facts != seen.facts:
        raise NotCounted
    result = _run(session, order, ids, seen.rows if seen is not None else None)
    if seen is not None and counted(order, result).able != seen.able:
        raise CountChanged
    if not result.done:
        return None, result
    kept = {name: str(value) for name, value in order.facts.items() if value is not None and name != "reason"}
    deed = BulkDeed(
        list=DeskList.CASES if order.kind in OF_CASES else DeskList.SIGNALS,
        kind=order.kind,
        at=order.at,
        by=order.by,
        reason=order.facts.get("reason"),
        facts=kept,
        done={"items": list(result.done), "refused": [refused.number for refused in result.refused]},
    )
    session.add(deed)
    session.flush()
    return deed, result


def case_of(session: Session, number: str) -> UUID:
    """The case that a typed number names."""
    bare = number.upper().replace(" ", "")
    found = session.scalar(select(CaseFile.id).where(CaseFile.number == bare))
    if found is None:
        raise NoSuchCase(number=bare)
    return found


def get(session: Session, deed_id: UUID) -> BulkDeed:
    """One deed, for its page."""
    found = session.get(BulkDeed, deed_id)
    if found is None:
        raise NotFound
    return found


def recent(session: Session, *, by: UUID, limit: int = 20) -> Sequence[BulkDeed]:
    """What a person did to many at once, latest first."""
    return session.scalars(select(BulkDeed).where(BulkDeed.by == by).order_by(BulkDeed.at.desc()).limit(limit)).all()


def _mark(what: object) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


def _sized(ids: Collection[UUID]) -> None:
    if not ids:
        raise NothingChosen
    if len(ids) > MOST:
        raise TooManyChosen(most=MOST)


def _run(session: Session, order: Order, ids: Collection[UUID], only: Collection[UUID] | None = None) -> Result:
    """Go over the chosen rows; of groups over their undecided signals, or over those of `only` and no others."""
    _sized(ids)
    if order.kind in OF_CASES:
        statement = select(CaseFile.id, CaseFile.number).where(CaseFile.id.in_(ids)).order_by(CaseFile.id)
        return _each(session, order, session.execute(statement).all(), _assign)
    lock_clusters(session, ids)
    later = 0
    if only is None:
        rows, large = _signals(session, ids, MOST)
    else:
        rows, large, later = _as_counted(session, ids, only)
    result = _each(session, order, rows, _DEEDS[order.kind])
    return Result(result.done, [*large, *result.refused], result.rows, later)


def _each(
    session: Session,
    order: Order,
    rows: Sequence[Any],
    act: Callable[[Session, Order, UUID], dict[str, Any]],
) -> Result:
    done, refused = list[dict[str, Any]](), list[Refused]()
    for row_id, number in rows:
        try:
            with session.begin_nested():
                item = act(session, order, row_id)
        except TemThatError as exc:
            refused.append(Refused(number, exc))
        else:
            done.append({"id": str(row_id), "number": number, **item})
    return Result(done, refused, [row_id for row_id, _number in rows])


def lock_clusters(session: Session, ids: Collection[UUID]) -> None:
    """Clusters before signals, in one order, as everybody else locks them."""
    statement = select(SignalCluster.id).where(SignalCluster.id.in_(ids)).order_by(SignalCluster.id)
    session.execute(statement.with_for_update())


def _signals(session: Session, clusters: Collection[UUID], room: int) -> tuple[Sequence[Any], list[Refused]]:
    """The undecided signals behind the chosen rows, and the rows that stand for too many."""
    found = session.execute(
        select(SignalCluster.id, SignalCluster.fresh + SignalCluster.waiting, Signal.source_number)
        .join(Signal, Signal.id == SignalCluster.lead_id)
        .where(SignalCluster.id.in_(clusters))
        .order_by(SignalCluster.id)
    ).all()
    taken, large = list[UUID](), list[Refused]()
    for cluster_id, count, number in found:
        if count > MOST:
            large.append(Refused(number, ClusterTooLarge(count=count)))
        elif count > room:
            large.append(Refused(number, NoRoomLeft(most=MOST)))
        else:
            room -= count
            taken.append(cluster_id)
    undecided = Signal.state.in_([SignalState.NEW, SignalState.WAITING])
    statement = select(Signal.id, Signal.source_number).where(Signal.cluster_id.in_(taken), undecided)
    return session.execute(statement.order_by(Signal.cluster_id, Signal.id)).all(), large


def _as_counted(
    session: Session, clusters: Collection[UUID], known: Collection[UUID]
) -> tuple[Sequence[Any], list[Refused], int]:
    """The signals that were counted, the groups that found no room then, and how many signals came since.

    Of those counted all that are in the chosen groups still; a decided one among them will be refused by name.
    """
    there = session.execute(
        select(Signal.id, Signal.source_number, Signal.cluster_id)
        .where(Signal.id.in_(known), Signal.cluster_id.in_(clusters))
        .order_by(Signal.cluster_id, Signal.id)
        .limit(MOST)
    ).all()
    groups = {row.cluster_id for row in there}
    undecided = Signal.state.in_([SignalState.NEW, SignalState.WAITING])
    came = select(func.count()).where(Signal.cluster_id.in_(groups), Signal.id.not_in(known), undecided)
    others, large = _signals(session, set(clusters) - groups, MOST - len(there))
    return [(row.id, row.source_number) for row in there], large, session.scalars(came).one() + len(others)


def _assign(session: Session, order: Order, case_id: UUID) -> dict[str, Any]:
    officer_id = UUID(str(order.facts["officer"]))
    case = lock(session, case_id)
    was = case.officer_id
    if was == officer_id:
        raise SameAsBefore
    case = cases.assign(
        session, case_id, officer_id, reason=order.facts["reason"], by=order.by, duties=order.duties, at=order.at
    )
    last = last_deed(session, case)
    return {"was": str(was) if was else None, "officer": str(officer_id), "version": case.version, "event": last}


def _before(session: Session, signal_id: UUID) -> tuple[Signal, dict[str, Any]]:
    """A signal under lock, and all of it that a decision may change."""
    statement = select(Signal).where(Signal.id == signal_id).with_for_update()
    signal = session.scalars(statement, execution_options={"populate_existing": True}).one()
    if signal.state not in {SignalState.NEW, SignalState.WAITING}:
        raise triage.SignalDecided(who=name_of(session, signal.decided_by), when=spoken(signal.decided_at))
    return signal, {"was": state_of(signal), "cluster": str(signal.cluster_id)}


def state_of(signal: Signal) -> dict[str, Any]:
    """What of a signal a decision changes, as it is kept to be brought back and compared."""
    return {
        "state": signal.state.value,
        "severity": signal.severity,
        "reason": signal.reason,
        "outcome": signal.outcome.value if signal.outcome else None,
        "wait_until": signal.wait_until.isoformat() if signal.wait_until else None,
        "decided_at": signal.decided_at.isoformat() if signal.decided_at else None,
        "decided_by": str(signal.decided_by) if signal.decided_by else None,
    }


def _weigh(session: Session, order: Order, signal_id: UUID) -> dict[str, Any]:
    signal, item = _before(session, signal_id)
    severity = int(order.facts["severity"])
    if signal.severity == severity:
        raise SameAsBefore
    changes = {"severity": (signal.severity, severity)}
    signal.severity = severity
    why = said(order.facts["reason"])
    history.record(session, "signal:weigh", signal.id, by=order.by, at=order.at, changes=changes, why=why)
    session.flush()
    return {**item, "now": state_of(signal)}


def _wait(session: Session, order: Order, signal_id: UUID) -> dict[str, Any]:
    _signal, item = _before(session, signal_id)
    signal = triage.wait(
        session, signal_id, until=order.facts["until"], reason=order.facts["reason"], by=order.by, at=order.at
    )
    return {**item, "now": state_of(signal)}


def _reject(session: Session, order: Order, signal_id: UUID) -> dict[str, Any]:
    signal, item = _before(session, signal_id)
    told = signal.source is SignalSource.TIP
    outcome = Outcome(order.facts["outcome"])
    signal = triage.reject(session, signal_id, reason=order.facts["reason"], outcome=outcome, by=order.by, at=order.at)
    return {**item, "now": state_of(signal), "told": told}


def _add(session: Session, order: Order, signal_id: UUID) -> dict[str, Any]:
    _signal, item = _before(session, signal_id)
    case_id = UUID(str(order.facts["case"]))
    triage.add_to_case(session, signal_id, case_id, store=order.store, by=order.by, at=order.at)
    return item


_DEEDS: dict[BulkKind, Callable[[Session, Order, UUID], dict[str, Any]]] = {
    BulkKind.WEIGH: _weigh, BulkKind.WAIT: _wait, BulkKind.REJECT: _reject, BulkKind.ADD: _add,
}  # fmt: skip
