"""What a step writes besides the state: its signed paper, the ground of an inspection, the fine, the orders, the list of a hand-over.

Every check of law on what was filled in is here, so that nothing is changed before all of it holds. What must not live here: the
states and clocks (`cases`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from enforcement import closing, fines, orders, police, signing
from enforcement.acts import standing
from enforcement.brackets import Bracket
from enforcement.entries import refuse
from enforcement.errors import FineTimeBarred, MissingDemand
from enforcement.models import InspectionGround, NoPenaltyGround, PaperKind
from enforcement.transitions import Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from enum import StrEnum
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile, CasePaper
    from enforcement.transitions import Duty

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
RETURNS = frozenset({Move.TAKE_BACK, Move.RESUME_EXECUTION, Move.RECEIVE_DECISION})


class NoLawfulGround(Invalid):
    """An inspection rests on one of the grounds that the law names, and on no other.

    Choose the ground: verified information, an officer's proposal, an authority's written request, or the plan.
    """


class UrgentWithoutReason(Invalid):
    """An urgent inspection needs a reason, and one under the plan is never urgent.

    Write the reason, or take the mark away.
    """


class NoAct(Conflict):
    """The case names no act, so there is nothing to record.

    Enter the act in the violation file first: what, when, where and by whom.
    """


class NoInspectionDecision(Conflict):
    """No signed decision to inspect stands in this case.

    A head decides the inspection first.
    """


class NotTimeBarred(Invalid):
    """The time in which a fine could be imposed has not run out.

    Choose the ground that applies, or impose the fine.
    """


class PenaltyStands(Conflict):
    """A decision was made in this case before the file went away, so no second one can follow.

    Resume the execution of the decision that stands.
    """


class NoPenaltyStands(Conflict):
    """No decision was made in this case before the file went away, so there is nothing to carry out.

    Take the file back and decide.
    """


@dataclass
class Written:
    """What a step put into the file. `facts`: what its event keeps."""

    paper: CasePaper | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def write_down(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime
) -> Written:  # fmt: skip
    """Check what the law asks of this step, then write its paper and what follows from it."""
    done = Written()
    more = _facts_of_law(session, case, taken, filled, by=by, duties=duties, at=at, facts=done.facts)
    if (found := PAPERS.get(taken)) is not None:
        kind, number = found
        done.paper = signing.paper(
            session, case, kind, str(filled[number]), signed_on=filled.get(D.SIGNED_ON), by=by, duties=duties, at=at,
            signer=filled.get(D.SIGNER), issuer=str(filled.get(D.ISSUER) or ""), **more,
        )  # fmt: skip
        done.facts |= {"signed_on": done.paper.signed_on.isoformat(), "signer": done.paper.signer_name}
        if done.paper.delegation_number:
            done.facts |= {"delegated_from": done.paper.delegated_from, "delegation": done.paper.delegation_number}
    _follow_up(session, case, taken, filled, done, duties=duties, by=by, at=at)
    return done


def _facts_of_law(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime,
    facts: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """What the paper of a step says besides its number; refused if the law does not allow the step so."""
    match taken:
        case Move.DECIDE_INSPECTION:
            return _inspection(filled, facts)
        case Move.START_INSPECTION:
            last = signing.latest(session, case, (PaperKind.INSPECTION_DECISION, PaperKind.INSPECTION_CANCELLED))
            if last is None or last.kind is not PaperKind.INSPECTION_DECISION:
                raise NoInspectionDecision
        case Move.RECORD_VIOLATION if not standing(session, case):
            raise NoAct
        case Move.PENALISE:
            return _fine(session, case, filled, by=by, duties=duties, at=at, facts=facts)
        case Move.ORDER_REMEDY | Move.DISCONTINUE:
            return _no_penalty(session, case, filled, at=at, facts=facts)
        case Move.RECEIVE_DECISION:
            return _fine_of_another(session, case, filled, facts=facts, at=at)
        case Move.TAKE_BACK if signing.latest(session, case, orders.DECISIONS) is not None:
            raise PenaltyStands
        case Move.RESUME_EXECUTION if signing.latest(session, case, orders.DECISIONS) is None:
            raise NoPenaltyStands
        case Move.CLOSE:
            refuse(closing.open_points(session, case))
        case _:
            pass
    return {}


def _inspection(filled: Mapping[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    ground = _member(InspectionGround, filled[D.INSPECTION_GROUND])
    if ground is None:
        raise NoLawfulGround
    urgent, why = bool(filled.get(D.URGENT)), filled.get(D.URGENT_REASON)
    if urgent and (not why or ground is InspectionGround.PLAN):
        raise UrgentWithoutReason
    facts |= {D.INSPECTION_GROUND.value: ground.value, D.URGENT.value: urgent}
    if urgent:
        facts[D.URGENT_REASON.value] = why
    return {"ground": ground, "urgent": urgent, "urgent_reason": why if urgent else None}


def _fine(
    session: Session, case: CaseFile, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime, facts: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    fine = fines.judge(session, case, filled, by=by, duties=duties, at=at)
    facts |= {
        "bracket_low": fine.bracket.low, "bracket_top": fine.bracket.top, "basis": fine.bracket.basis, "organisation": fine.organisation,
        "confiscation": fine.confiscation, "deviation": fine.deviation, "capacity": fine.capacity.signer.value,
    }  # fmt: skip
    return {
        "fine": fine.amount, "bracket_low": fine.bracket.low, "bracket_top": fine.bracket.top, "bracket_basis": fine.bracket.basis,
        "deviation_reason": fine.deviation, "is_organisation": fine.organisation, "confiscation": fine.confiscation,
    }  # fmt: skip


def _fine_of_another(
    session: Session, case: CaseFile, filled: Mapping[str, Any], *, facts: dict[str, Any], at: datetime
) -> dict[str, Any]:
    """A decision of somebody else is taken as it stands; whether it was theirs to make is not judged here."""
    amount, signed_on = int(filled[D.FINE]), filled.get(D.SIGNED_ON) or at.astimezone(CITY).date()
    frame = fines.frame(session, case, on=signed_on)
    known = frame.bracket if frame.bracket and frame.bracket.low <= amount <= frame.bracket.top else None
    bracket = known or Bracket(amount, amount, str(filled[D.GROUNDS]), case.rule_version)
    confiscation = int(filled.get(D.CONFISCATION) or 0)
    facts |= {"organisation": frame.organisation, "confiscation": confiscation, "issuer": str(filled[D.ISSUER])}
    return {
        "fine": amount, "bracket_low": bracket.low, "bracket_top": bracket.top, "bracket_basis": bracket.basis,
        "is_organisation": frame.organisation, "confiscation": confiscation,
    }  # fmt: skip


def _no_penalty(
    session: Session, case: CaseFile, filled: Mapping[str, Any], *, at: datetime, facts: dict[str, Any]
) -> dict[str, Any]:
    ground = _member(NoPenaltyGround, filled[D.NO_PENALTY_GROUND])
    if ground is None:
        raise MissingDemand(missing=(D.NO_PENALTY_GROUND,))
    if ground is NoPenaltyGround.TIME_BARRED and _time_left(session, case, filled, at):
        raise NotTimeBarred
    facts[D.NO_PENALTY_GROUND.value] = ground.value
    return {"no_penalty_ground": ground}


def _follow_up(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], done: Written, *, duties: Collection[Duty], by: UUID,
    at: datetime,
) -> None:  # fmt: skip
    """What the paper brings with it: orders to carry out, a list of what goes along, a file that comes back."""
    if done.paper is not None and taken in {Move.PENALISE, Move.ORDER_REMEDY, Move.RECEIVE_DECISION}:
        made = orders.from_decision(
            session, case, done.paper, fine=done.paper.fine, confiscation=done.paper.confiscation or 0,
            remedies=filled.get(D.REMEDIES), by=by, at=at,
        )  # fmt: skip
        done.facts["orders"] = len(made)
    if taken in {Move.TRANSFER, Move.TRANSFER_CRIMINAL}:
        listed = police.list_out(session, case, str(filled[D.RECIPIENT]), paper=done.paper, by=by, at=at)
        done.facts["listed"] = {name: len(rows) for name, rows in listed.contents.items()}
    if taken in RETURNS and done.paper is not None:
        police.come_back(
            session, case, returned_on=done.paper.signed_on, document=done.paper.number, duties=duties, by=by, at=at
        )


def _time_left(session: Session, case: CaseFile, filled: Mapping[str, Any], at: datetime) -> bool:
    try:
        fines.time_left(session, case, signing.moment(filled.get(D.SIGNED_ON), at))
    except FineTimeBarred:
        return False
    return True


K = TypeVar("K", bound="StrEnum")


def _member(kind: type[K], value: object) -> K | None:
    return kind(str(value)) if str(value) in set(kind) else None
