"""The fine of a decision: its time, its bracket by acts and goods, the reason for leaving the middle, and who may sign it.

What must not live here: figures of the law (`law`), counting brackets (`brackets`), and writing the decision down (`cases`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from enforcement import authority, brackets, clocks, competence, deadlines, law, membership
from enforcement.acts import standing
from enforcement.brackets import Bracket
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import MissingDemand, NoBracket
from enforcement.models import CaseParty, CasePartyRole, GoodsLine
from enforcement.signing import moment
from enforcement.transitions import Demand, Move
from trace.clock import CITY
from trace.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.authority import Capacity
    from enforcement.models import CaseAct, CaseFile
    from enforcement.transitions import Duty


class DeviationUnexplained(Invalid):
    """The fine is not the middle of its bracket, %(middle)s đồng, and no reason is given.

    Name the mitigating or aggravating circumstances, or take the middle (penalties law, Art. 23).
    """


class NotQualified(Invalid):
    """The case has no act with a legal qualification, so no bracket of fines is known.

    Enter the acts in the violation file and say as what each is treated.
    """


class BracketWrong(Invalid):
    """The lower end of a bracket is at least nothing and at most its upper end.

    Check both amounts.
    """


@dataclass(frozen=True)
class Frame:
    """What the law lets a fine be: the bracket of all acts together, and the top of each, which decides who may sign.

    `bracket` None: the law data holds none for one of the acts, so its ends are written by hand.
    """

    bracket: Bracket | None
    tops: tuple[tuple[LegalQualification, int], ...]
    organisation: bool
    goods_value: int

    @property
    def middle(self) -> int | None:
        """The fine without mitigating or aggravating circumstances."""
        return None if self.bracket is None else (self.bracket.low + self.bracket.top) // 2


@dataclass(frozen=True)
class Fine:
    """A fine that may be signed."""

    amount: int
    bracket: Bracket
    organisation: bool
    confiscation: int
    deviation: str | None
    capacity: Capacity


def frame(session: Session, case: CaseFile, *, on: date, organisation: bool | None = None) -> Frame:
    """What the law says for the acts of a case as they stand. `organisation` None: as the suspected parties stand in the file."""
    acts = standing(session, case)
    who = _organisation(session, case) if organisation is None else organisation
    rows = law.load(session).brackets
    lines = session.scalars(
        select(GoodsLine).where(
            GoodsLine.case_id.in_(membership.members(session, case.id)), GoodsLine.struck_at.is_(None)
        )
    ).all()
    found = [
        brackets.bracket(act.qualification, _worth(act, lines), organisation=who, on=on, making=act.making, rows=rows)
        for act in acts
    ]
    tops = tuple(
        (act.qualification, each.top) for act, each in zip(acts, found, strict=True) if each is not None
    )  # fmt: skip
    whole = [each for each in found if each is not None]
    together = (
        Bracket(
            sum(each.low for each in whole), sum(each.top for each in whole), "; ".join(dict.fromkeys(each.basis for each in whole)),
            whole[0].version, any(each.needs_verification for each in whole),
        )
        if whole and len(whole) == len(acts)
        else None
    )  # fmt: skip
    return Frame(together, tops, who, sum(line.value for line in lines))


def judge(
    session: Session,
    case: CaseFile,
    filled: Mapping[str, Any],
    *,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
) -> Fine:
    """Time first, then the bracket, then competence: after the time nobody is competent, and outside the bracket nobody may sign."""
    signed_on = filled.get(Demand.SIGNED_ON) or at.astimezone(CITY).date()
    time_left(session, case, moment(filled.get(Demand.SIGNED_ON), at))
    qualified(session, case)
    told = filled.get(Demand.ORGANISATION)
    stands = frame(session, case, on=signed_on)
    if told and not stands.organisation:
        stands = frame(session, case, on=signed_on, organisation=True)
    bracket = stands.bracket or _by_hand(case, filled)
    amount, confiscation = int(filled[Demand.FINE]), int(filled.get(Demand.CONFISCATION) or 0)
    brackets.within(amount, bracket)
    deviation = filled.get(Demand.DEVIATION)
    if stands.middle is not None and amount != stands.middle and not deviation:
        raise DeviationUnexplained(middle=brackets.dong(stands.middle))
    capacity = authority.capacity(session, by, duties, signed_on)
    tops = stands.tops if stands.bracket else ((_regime(session, case), bracket.top),)
    for qualification, top in tops:
        competence.check(
            capacity.signer, top, organisation=stands.organisation, on=signed_on, confiscation=confiscation, field=qualification.field,
            figures=law.load(session).figures,
        )  # fmt: skip
    return Fine(amount, bracket, stands.organisation, confiscation, deviation, capacity)


def time_left(session: Session, case: CaseFile, at: datetime) -> None:
    """Refuse a fine once the time for the decision or the limitation has run out, of this case or of one merged into it."""
    for case_id in membership.members(session, case.id):
        deadlines.time_to_fine(
            at,
            decision_due=clocks.running(session, case_id, {DeadlineKind.PENALTY_DECISION}),
            limitation_end=clocks.running(session, case_id, clocks.LIMITATION),
        )


def qualified(session: Session, case: CaseFile) -> Sequence[CaseAct]:
    """The acts of a case; refused while there is none, or one that nobody has qualified."""
    acts = standing(session, case)
    if not acts or any(act.qualification is LegalQualification.UNDETERMINED for act in acts):
        raise NotQualified
    return acts


def _by_hand(case: CaseFile, filled: Mapping[str, Any]) -> Bracket:
    low, top = filled.get(Demand.BRACKET_LOW), filled.get(Demand.BRACKET_TOP)
    if top is None and low is None:
        raise NoBracket
    missing = [name for name, value in ((Demand.BRACKET_LOW, low), (Demand.BRACKET_TOP, top)) if value is None]
    if missing:
        raise MissingDemand(move=Move.PENALISE, missing=tuple(missing))
    if not 0 <= int(low or 0) <= int(top or 0):
        raise BracketWrong
    return Bracket(
        int(low or 0), int(top or 0), str(filled.get(Demand.GROUNDS) or ""), case.rule_version, needs_verification=True
    )


def _regime(session: Session, case: CaseFile) -> LegalQualification:
    """The act whose field binds most tightly cannot be known without brackets; the first act stands for the case."""
    return standing(session, case)[0].qualification


def _worth(act: CaseAct, lines: Sequence[GoodsLine]) -> int | None:
    counted = [line.value for line in lines if line.act_id in {None, act.id}]
    return sum(counted) if counted else None


def _organisation(session: Session, case: CaseFile) -> bool:
    return (
        session.scalar(
            select(CaseParty.id)
            .where(
                CaseParty.case_id.in_(membership.members(session, case.id)),
                CaseParty.role == CasePartyRole.SUSPECTED,
                CaseParty.is_organisation,
                CaseParty.struck_at.is_(None),
            )
            .limit(1)
        )
        is not None
    )
