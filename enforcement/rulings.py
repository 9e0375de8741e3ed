"""What a decision means for each offender, written down; handing it over to one of them; and where the case stands when some are decided on.

A case moves on once there is a decision, or a decision that there is none, on every offender. What must not live here: whether a fine is
lawful (`fines`), and the orders that follow (`orders`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from enforcement import clocks, law, membership, offenders, orders
from enforcement.casebook import NotInFuture, midnight, said, write
from enforcement.deadlines import DeadlineKind
from enforcement.entries import held, refuse
from enforcement.errors import MissingDemand
from enforcement.fines import DecidedAlready, NotAnOffender, decided_before
from enforcement.models import FineLine, PaperKind, Ruling
from enforcement.transitions import MAY_SERVE, SERVING, CaseState, Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.fines import Fine
    from enforcement.models import CaseFile, CasePaper, CaseParty
    from enforcement.transitions import Step
    from trace.errors import TemThatError

# The steps that decide on offenders: on all that are left, or on those that the form names.
DECIDING = frozenset({Move.PENALISE, Move.ORDER_REMEDY, Move.DISCONTINUE, Move.RECEIVE_DECISION})
# The state that the strictest decision of a case leads to, whichever came last.
_STATE_OF = {
    PaperKind.PENALTY: CaseState.PENALISED, PaperKind.REMEDY_ONLY: CaseState.REMEDIAL_ONLY, PaperKind.NO_PENALTY: CaseState.DISCONTINUED,
}  # fmt: skip


class ServedAlready(Conflict):
    """%(who)s got the decision on %(day)s already.

    Load the page again.
    """


class ServedBeforeSigned(Invalid):
    """The decision is of %(day)s, so nobody got it before.

    Check the day.
    """


class NotServedHere(Conflict):
    """In the present state of the case no decision is handed over.

    Look where the file is: the police or another authority may have it.
    """


def chosen(session: Session, case: CaseFile, filled: Mapping[str, Any], move: Move) -> Sequence[CaseParty]:
    """For whom a decision without a fine is: those the form names, or everybody who is left. Nobody, where nobody is known."""
    told = filled.get(Demand.OFFENDERS)
    there = {str(each.id): each for each in offenders.of_case(session, case)}
    if not told:
        left = offenders.undecided(session, case)
        if there and not left:
            decided_before(session, list(there.values()))
        return left
    named = [str(each) for each in told]
    if any(each not in there for each in named):
        raise NotAnOffender
    if not named:
        raise MissingDemand(move=move, missing=(Demand.OFFENDERS,))
    decided_before(session, [there[each] for each in named])
    return [there[each] for each in dict.fromkeys(named)]


def put(
    session: Session, case: CaseFile, paper: CasePaper, parties: Sequence[CaseParty], *, by: UUID, at: datetime, fines: Sequence[Fine] = ()
) -> list[Ruling]:  # fmt: skip
    """Write what a decision says of each offender. Of two that decide on one at once, one is refused by the database."""
    amounts = {fine.offender.id: fine for fine in fines}
    made = []
    for party in parties:
        fine = amounts.get(party.id)
        row = Ruling(
            case_id=case.id, paper_id=paper.id, party_id=party.id, is_organisation=fine.organisation if fine else party.is_organisation,
            added_at=at, added_by=by,
        )  # fmt: skip
        if fine is not None:
            row.fine, row.bracket_low, row.bracket_top = fine.amount, fine.bracket.low, fine.bracket.top
            row.deviation_reason, row.confiscation = fine.deviation, fine.confiscation
            row.lines = [
                FineLine(
                    act_id=line.act.id, amount=line.amount, bracket_low=line.bracket.low, bracket_top=line.bracket.top,
                    bracket_basis=line.bracket.basis,
                )
                for line in fine.lines
            ]  # fmt: skip
        made.append(row)
    try:
        with session.begin_nested():
            session.add_all(made)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_ruling_party_id":
            raise DecidedAlready(who=", ".join(party.name for party in parties), number=paper.number) from exc
        raise
    return made


def leads_to(session: Session, case: CaseFile, move: Move, step: Step) -> CaseState:
    """Where a step leads: on, once it is decided on everybody; otherwise the case stays where it is, for the others."""
    if move not in DECIDING:
        return step.to
    if offenders.undecided(session, case):
        return case.state
    kinds = {each.paper.kind for each in offenders.rulings(session, case)}
    return next((state for kind, state in _STATE_OF.items() if kind in kinds), step.to)


def serve(
    session: Session, case_id: UUID, ruling_id: UUID, *, served_on: date, served_to: str, by: UUID, at: datetime, version: int | None = None
) -> Ruling:  # fmt: skip
    """A decision was handed over to one offender: the clock of service ends, and the time to carry it out begins, for this one alone."""
    case = held(session, case_id, version)
    found = session.scalars(
        select(Ruling)
        .where(Ruling.id == ruling_id, Ruling.case_id.in_(membership.members(session, case.id)))
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    if case.state not in MAY_SERVE | {CaseState.DECISION_DUE, CaseState.TRANSFERRED}:
        raise NotServedHere
    if found.served_on is not None:
        raise ServedAlready(who=found.party.name, day=found.served_on)
    reasons: list[TemThatError] = []
    if served_on > at.astimezone(CITY).date():
        reasons.append(NotInFuture())
    if served_on < found.paper.signed_on:
        reasons.append(ServedBeforeSigned(day=found.paper.signed_on))
    refuse(reasons)
    began = at if served_on == at.astimezone(CITY).date() else midnight(served_on)
    started = _begin_execution(session, case, found, served_on, said(served_to), began=began, at=at)
    told = {
        "who": found.party.name,
        "number": found.paper.number,
        "day": served_on.isoformat(),
        "recipient": found.served_to,
    }
    write(session, case, "serve", by=by, at=at, facts={**told, "deadlines_started": clocks.facts(started)})
    history.record(session, "ruling:serve", found.id, by=by, at=at, changes={"served_on": (None, served_on)})
    orders.finish_when_done(session, case, at=at)
    return found


def serve_all(session: Session, case: CaseFile, *, recipient: str, at: datetime) -> list[Any]:
    """With the step that begins the execution every decision that was not handed over one by one counts as handed over."""
    started = []
    today = at.astimezone(CITY).date()
    for each in offenders.rulings(session, case):
        if each.served_on is None:
            started += _begin_execution(session, case, each, today, recipient, began=at, at=at)
    return started


def _begin_execution(
    session: Session, case: CaseFile, ruling: Ruling, day: date, recipient: str, *, began: datetime, at: datetime
) -> list[Any]:  # fmt: skip
    ruling.served_on, ruling.served_to = day, recipient
    session.flush()
    clocks.meet(session, case, SERVING, at=began, subject_id=ruling.id)
    if ruling.paper.kind is PaperKind.NO_PENALTY:
        return []
    return [
        clocks.start(
            session, case, DeadlineKind.EXECUTION, began=began, law=law.load(session), at=at, subject_id=ruling.id
        )
    ]
