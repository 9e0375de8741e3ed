"""In which duties somebody takes a step: the own ones; and for a step that signs a decision, those of the signing day and those lent by a delegation.

A delegation hands on the power to sign (Art. 54). Whatever a head does without signing, such as giving out cases, is not handed on with it.
What must not live here: the figures of powers (`law`), and which fine a capacity covers (`fines`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from enforcement import authority, signing
from enforcement.models import PaperKind
from enforcement.transitions import MOVES, Demand, Move
from trace.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import DelegationScope
    from enforcement.transitions import CaseState, Duty
    from trace.errors import TemThatError

D = Demand
# Which paper each step rests on, and the field of the form with its number.
PAPERS: dict[Move, tuple[PaperKind, Demand]] = {
    Move.DECIDE_INSPECTION: (PaperKind.INSPECTION_DECISION, D.DECISION_NUMBER),
    Move.CANCEL_INSPECTION: (PaperKind.INSPECTION_CANCELLED, D.DECISION_NUMBER),
    Move.END_INSPECTION: (PaperKind.INSPECTION_RECORD, D.RECORD_NUMBER),
    Move.RECORD_VIOLATION: (PaperKind.VIOLATION_RECORD, D.RECORD_NUMBER),
    Move.PENALISE: (PaperKind.PENALTY, D.DECISION_NUMBER),
    Move.ORDER_REMEDY: (PaperKind.REMEDY_ONLY, D.DECISION_NUMBER),
    Move.DISCONTINUE: (PaperKind.NO_PENALTY, D.DECISION_NUMBER),
    Move.RECEIVE_DECISION: (PaperKind.PENALTY, D.DECISION_NUMBER),
    Move.TRANSFER_CRIMINAL: (PaperKind.CRIMINAL_TRANSFER, D.DECISION_NUMBER),
    Move.TAKE_BACK: (PaperKind.TAKEN_BACK, D.DECISION_NUMBER),
    Move.RESUME_EXECUTION: (PaperKind.TAKEN_BACK, D.DECISION_NUMBER),
}
# The power that each step signs with; what somebody elsewhere decided is only entered.
SIGNED_WITH: dict[Move, DelegationScope] = {
    move: signing.scope_of(kind)
    for move, (kind, _number) in PAPERS.items()
    if kind in signing.DECISIONS and Demand.ISSUER not in MOVES[move].demands
}


class NotInOffice(Forbidden):
    """On %(day)s you held no office and no delegation in which this decision may be signed.

    Check the day. If somebody else signed it, they enter it.
    """


def for_move(
    session: Session, person_id: UUID, duties: Collection[Duty], move: Move, on: date, *, at: datetime
) -> frozenset[Duty]:
    """In which duties a person may ask for a step that bears this day."""
    scope = SIGNED_WITH.get(move)
    if scope is None:
        return frozenset(duties)
    return frozenset(duties) | authority.acting(session, person_id, duties, scope, on, at=at)


def faults(
    session: Session, person_id: UUID, duties: Collection[Duty], move: Move, on: date, *, at: datetime
) -> list[TemThatError]:
    """Whoever may sign today, but could not on the day that the paper bears."""
    scope = SIGNED_WITH.get(move)
    if scope is None or not MOVES[move].duties.isdisjoint(
        authority.acting(session, person_id, duties, scope, on, at=at)
    ):
        return []
    return [NotInOffice(day=on)]


def moves_open(
    session: Session, person_id: UUID, duties: Collection[Duty], state: CaseState, on: date, *, at: datetime
) -> list[Move]:
    """The steps that a person may take today from a state, in the order of the flow."""
    lent = {
        scope: authority.acting(session, person_id, duties, scope, on, at=at) for scope in set(SIGNED_WITH.values())
    }
    return [
        move
        for move, step in MOVES.items()
        if state in step.start
        and not step.duties.isdisjoint(lent[SIGNED_WITH[move]] if move in SIGNED_WITH else duties)
    ]
