"""What a step writes besides the state: its signed paper, the ground of an inspection, the fine, the orders, the list of a hand-over.

Every check of law on what was filled in is here, so that nothing is changed before all of it holds. What must not live here: the
states and clocks (`cases`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from enforcement import (
    closing,
    confiscation,
    explaining,
    fine_times,
    fines,
    mandates,
    offenders,
    orders,
    police,
    rulings,
    signing,
)
from enforcement.acts import standing
from enforcement.brackets import Bracket, together
from enforcement.entries import refuse
from enforcement.errors import FineTimeBarred, MissingDemand
from enforcement.mandates import PAPERS
from enforcement.models import InspectionGround, NoPenaltyGround, PaperKind
from enforcement.transitions import Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from enum import StrEnum
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.fines import Fine
    from enforcement.models import CaseFile, CasePaper, CaseParty, Ruling
    from enforcement.transitions import Duty
    from trace.errors import TemThatError

D = Demand
OWN_DECISIONS = frozenset({Move.PENALISE, Move.ORDER_REMEDY, Move.DISCONTINUE})
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


class DecidedBeforePrepared(Invalid):
    """This decision is dated %(signed)s, but the file was put forward for it on %(prepared)s only (penalties law, Art. 59, 61).

    Write the day on which it was really signed.
    """


class DecidedBeforeExplained(Invalid):
    """This decision is dated %(signed)s, but the right of %(who)s to explain was settled on %(settled)s only (penalties law, Art. 61).

    A decision made before is void. Write the day on which it was really signed.
    """


class NotTimeBarred(Invalid):
    """The time in which a fine could be imposed has not run out.

    Choose the ground that applies, or impose the fine.
    """


class PenaltyStands(Conflict):
    """A decision was made in this case before the file went away, so no second one can follow.

    Resume the execution of the decision that stands.
    """


class DecisionStands(Conflict):
    """It was decided on %(who)s in this case, so it cannot end as if nothing had happened.

    Decide on the others, or end the proceedings against each of them.
    """


class NoPenaltyStands(Conflict):
    """Before the file went away no decision was made, or not on everybody, so there is nothing to carry out yet.

    Take the file back and decide.
    """


@dataclass
class Written:
    """What a step put into the file. `on`, `fines`: on whom it decides, with the fine of each; `facts`: what its event keeps."""

    paper: CasePaper | None = None
    on: Sequence[CaseParty] = ()
    fines: Sequence[Fine] = ()
    rulings: list[Ruling] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def write_down(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime
) -> Written:  # fmt: skip
    """Check what the law asks of this step, then write its paper and what follows from it."""
    done = Written()
    _refuse_step(session, case, taken)
    if (found := PAPERS.get(taken)) is not None:  # a day that cannot be is said before the law of that day is asked
        day = filled.get(D.SIGNED_ON) or at.astimezone(CITY).date()
        refuse([
            *signing.faults(session, case, found[0], day, at=at), *_too_early(session, case, taken, filled, day),
            *mandates.faults(session, by, duties, taken, day, at=at),
        ])  # fmt: skip
    more = _facts_of_law(session, case, taken, filled, done, by=by, duties=duties, at=at)
    if found is not None:
        kind, number = found
        done.paper = signing.paper(
            session, case, kind, str(filled[number]), signed_on=filled.get(D.SIGNED_ON), by=by, duties=duties, at=at,
            signer=filled.get(D.SIGNER), issuer=str(filled.get(D.ISSUER) or ""), **more,
        )  # fmt: skip
        done.facts |= {"signed_on": done.paper.signed_on.isoformat(), "signer": done.paper.signer_name}
        if done.paper.delegation_number:
            done.facts |= {"delegated_from": done.paper.delegated_from, "delegation": done.paper.delegation_number}
    if done.paper is not None and taken in rulings.DECIDING:
        several = len(offenders.of_case(session, case)) > 1
        done.rulings = rulings.put(session, case, done.paper, done.on, by=by, at=at, fines=done.fines)
        if several:
            done.facts["whose"] = [each.party.name for each in done.rulings]
    _follow_up(session, case, taken, filled, done, duties=duties, by=by, at=at)
    return done


def _refuse_step(session: Session, case: CaseFile, taken: Move) -> None:
    """What stands in the file, or is missing there, forbids some steps whatever is filled in."""
    match taken:
        case Move.START_INSPECTION:
            last = signing.latest(session, case, (PaperKind.INSPECTION_DECISION, PaperKind.INSPECTION_CANCELLED))
            if last is None or last.kind is not PaperKind.INSPECTION_DECISION:
                raise NoInspectionDecision
        case Move.RECORD_VIOLATION if not standing(session, case):
            raise NoAct
        case Move.FIND_NO_VIOLATION if made := offenders.rulings(session, case):
            raise DecisionStands(who=[each.party.name for each in made])
        case Move.TAKE_BACK if _decided_on_all(session, case):
            raise PenaltyStands
        case Move.RESUME_EXECUTION if not _decided_on_all(session, case):
            raise NoPenaltyStands
        case Move.CLOSE:
            refuse(closing.open_points(session, case))
        case _:
            pass


def _facts_of_law(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], done: Written, *, by: UUID, duties: Collection[Duty],
    at: datetime,
) -> dict[str, Any]:  # fmt: skip
    """What the paper of a step says besides its number; refused if the law does not allow the step so."""
    confiscation.refuse_among_remedies(filled)
    match taken:
        case Move.DECIDE_INSPECTION:
            return _inspection(filled, done.facts)
        case Move.RECORD_VIOLATION:
            noted = explaining.note(session, case, suspension=bool(filled.get(D.SUSPENSION)), at=at)
            done.facts["may_explain"] = [row.party.name for row in noted if row.owed]
        case Move.OPEN_EXPLANATION:
            explaining.refuse_without_right(session, case, at=at)
        case Move.PREPARE_DECISION:
            done.facts |= explaining.settle(session, case, filled, by=by, at=at)
        case Move.PENALISE:
            return _fine(session, case, filled, done, by=by, duties=duties, at=at)
        case Move.ORDER_REMEDY | Move.DISCONTINUE:
            return _no_penalty(session, case, taken, filled, done, by=by, duties=duties, at=at)
        case Move.RECEIVE_DECISION:
            return _fine_of_another(session, case, filled, done, at=at)
        case _:
            pass
    return {}


def _too_early(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], day: date
) -> list[TemThatError]:
    """A decision of ours dated before it was prepared, or before the right to explain of somebody on whom it decides was settled."""
    if taken not in OWN_DECISIONS:
        return []
    on = {str(each.party_id) for each in filled.get(D.FINES) or ()} | {
        str(each) for each in filled.get(D.OFFENDERS) or ()
    }
    return too_early(session, case, day, on)


def too_early(
    session: Session, case: CaseFile, day: date, on: Collection[str] = (), *, known_at: datetime | None = None
) -> list[TemThatError]:
    """The same of a day alone. `on`: of whom the decision is; of everybody if empty. `known_at`: when a decision in the file was entered."""
    found: list[TemThatError] = []
    prepared = explaining.prepared_on(session, case, known_at=known_at)
    if prepared is not None and day < prepared:
        found.append(DecidedBeforePrepared(signed=day, prepared=prepared))
    found += [
        DecidedBeforeExplained(who=row.party.name, signed=day, settled=row.settled_on)
        for row in explaining.of_case(session, case).values()
        if row.owed and row.settled_on is not None and day < row.settled_on and (not on or str(row.party_id) in on)
    ]
    return found


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


def _decided_on_all(session: Session, case: CaseFile) -> bool:
    return signing.latest(session, case, orders.DECISIONS) is not None and not offenders.undecided(session, case)


def _fine(
    session: Session, case: CaseFile, filled: Mapping[str, Any], done: Written, *, by: UUID, duties: Collection[Duty], at: datetime
) -> dict[str, Any]:  # fmt: skip
    done.fines = fines.judge(session, case, filled, by=by, duties=duties, at=at)
    done.on = [each.offender for each in done.fines]
    explaining.refuse_early(session, case, done.on, by=by, at=signing.moment(filled.get(D.SIGNED_ON), at))
    capacity = done.fines[0].capacity
    amount, confiscation = sum(each.amount for each in done.fines), sum(each.confiscation for each in done.fines)
    whole, organisation = together([each.bracket for each in done.fines]), any(each.organisation for each in done.fines)
    deviation = "; ".join(dict.fromkeys(each.deviation for each in done.fines if each.deviation)) or None
    done.facts |= {
        D.FINE.value: amount, "bracket_low": whole.low, "bracket_top": whole.top, "basis": whole.basis, "organisation": organisation,
        "confiscation": confiscation, "deviation": deviation, "capacity": capacity.signer.value if capacity else None,
    }  # fmt: skip
    return {
        "fine": amount, "bracket_low": whole.low, "bracket_top": whole.top, "bracket_basis": whole.basis,
        "deviation_reason": deviation, "is_organisation": organisation, "confiscation": confiscation,
    }  # fmt: skip


def _fine_of_another(
    session: Session, case: CaseFile, filled: Mapping[str, Any], done: Written, *, at: datetime
) -> dict[str, Any]:
    """A decision of somebody else is taken as it stands; whether it was theirs to make is not judged here."""
    signed_on = filled.get(D.SIGNED_ON) or at.astimezone(CITY).date()
    taken = []
    for who, wish in fines.wishes(session, case, filled):
        frame, amount = fines.frame(session, case, on=signed_on, offender=who), wish.total
        known = frame.bracket if frame.bracket and frame.bracket.low <= amount <= frame.bracket.top else None
        bracket = known or Bracket(amount, amount, str(filled[D.GROUNDS]), case.rule_version)
        taken.append(fines.Fine(who, amount, bracket, frame.organisation, wish.confiscation, None, wish.remedies, ()))
    done.on, done.fines = [each.offender for each in taken], taken
    whole, organisation = together([each.bracket for each in taken]), any(each.organisation for each in taken)
    amount, confiscation = sum(each.amount for each in taken), sum(each.confiscation for each in taken)
    done.facts |= {
        D.FINE.value: amount,
        "organisation": organisation,
        "confiscation": confiscation,
        "issuer": str(filled[D.ISSUER]),
    }
    return {
        "fine": amount, "bracket_low": whole.low, "bracket_top": whole.top, "bracket_basis": whole.basis,
        "is_organisation": organisation, "confiscation": confiscation,
    }  # fmt: skip


def _no_penalty(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], done: Written, *, by: UUID, duties: Collection[Duty],
    at: datetime,
) -> dict[str, Any]:  # fmt: skip
    ground = _member(NoPenaltyGround, filled[D.NO_PENALTY_GROUND])
    if ground is None:
        raise MissingDemand(missing=(D.NO_PENALTY_GROUND,))
    done.on = rulings.chosen(session, case, filled, taken)
    if ground is NoPenaltyGround.TIME_BARRED and _time_left(session, case, filled, done.on, at):
        raise NotTimeBarred
    done.facts[D.NO_PENALTY_GROUND.value] = ground.value
    if taken is not Move.ORDER_REMEDY:
        return {"no_penalty_ground": ground}
    value = confiscation.decide(session, case, filled, by=by, duties=duties, at=at)
    return {"no_penalty_ground": ground, "confiscation": value}


def _follow_up(
    session: Session, case: CaseFile, taken: Move, filled: Mapping[str, Any], done: Written, *, duties: Collection[Duty], by: UUID,
    at: datetime,
) -> None:  # fmt: skip
    """What the paper brings with it: orders to carry out, a list of what goes along, a file that comes back."""
    if done.paper is not None and taken in {Move.PENALISE, Move.ORDER_REMEDY, Move.RECEIVE_DECISION}:
        done.facts["orders"] = 0
        own_remedies = {each.offender.id: each.remedies for each in done.fines}
        named: list[Ruling | None] = [*done.rulings]
        for ruling in named or [None]:
            own = own_remedies.get(ruling.party_id) if ruling else None
            made = orders.from_decision(
                session, case, done.paper, ruling, remedies=own or filled.get(D.REMEDIES), several=len(done.rulings) > 1, by=by, at=at
            )  # fmt: skip
            done.facts["orders"] += len(made)
        if taken is Move.ORDER_REMEDY:
            done.facts["orders"] += len(orders.confiscate(session, case, done.paper, done.rulings, by=by, at=at))
    if taken in {Move.TRANSFER, Move.TRANSFER_CRIMINAL}:
        listed = police.list_out(session, case, str(filled[D.RECIPIENT]), paper=done.paper, by=by, at=at)
        done.facts["listed"] = {name: len(rows) for name, rows in listed.contents.items()}
    if taken in RETURNS and done.paper is not None:
        police.come_back(
            session, case, returned_on=done.paper.signed_on, document=done.paper.number, duties=duties, by=by, at=at
        )


def _time_left(
    session: Session, case: CaseFile, filled: Mapping[str, Any], parties: Sequence[CaseParty], at: datetime
) -> bool:
    """Whether anybody of those could still be fined."""
    everybody: list[CaseParty | None] = [*parties]
    for each in everybody or [None]:
        try:
            fine_times.time_left(session, case, signing.moment(filled.get(D.SIGNED_ON), at), each)
        except FineTimeBarred:
            continue
        return True
    return False


K = TypeVar("K", bound="StrEnum")


def _member(kind: type[K], value: object) -> K | None:
    return kind(str(value)) if str(value) in set(kind) else None
