"""The fines of a decision, offender by offender and act by act: the time, the brackets, the reason for leaving the middle, and who may sign.

What must not live here: figures of the law (`law`), counting brackets (`brackets`), and writing the decision down (`deciding`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from enforcement import acts as acting
from enforcement import authority, brackets, competence, fine_times, law, membership, offenders
from enforcement.brackets import Bracket
from enforcement.casebook import said
from enforcement.competence import LegalQualification
from enforcement.entries import refuse
from enforcement.errors import BeyondCompetence, FineOutsideBracket, MissingDemand, NoBracket
from enforcement.law_seed import Signer
from enforcement.models import GoodsLine
from enforcement.signing import moment
from enforcement.transitions import Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid, Refused, TemThatError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.authority import Capacity
    from enforcement.law import Law
    from enforcement.models import CaseAct, CaseFile, CaseParty
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


class NoOffender(Conflict):
    """The case names nobody who did it, so nobody can be fined.

    Enter the person or organisation in the violation file; if nobody is known, decide without a fine.
    """


class AnotherFine(Invalid):
    """The fine of each act is asked for, and for nothing else.

    Load the page again and write the fine of every act that it lists.
    """


class DecidedAlready(Conflict):
    """It was decided on %(who)s before: decision no. %(number)s.

    Leave this person out of the decision.
    """


class NotAnOffender(Invalid):
    """This is nobody who is held to have done something in this case.

    Load the page again and choose from those it lists.
    """


@dataclass(frozen=True)
class Frame:
    """What the law lets the fine of one offender be: act by act and together. The top of each act decides who may sign.

    `bracket` None: the law data holds none for one of the acts, so the ends of that act are written by hand. `offender` None: nobody is named yet.
    """

    bracket: Bracket | None
    organisation: bool
    goods_value: int
    acts: tuple[tuple[CaseAct, Bracket | None], ...] = ()
    offender: CaseParty | None = None

    @property
    def middle(self) -> int | None:
        """The fine without mitigating or aggravating circumstances."""
        return None if self.bracket is None else self.bracket.middle

    @property
    def some_known(self) -> bool:
        """Whether the law data holds a bracket for some of the acts and none for others."""
        return self.bracket is None and any(each is not None for _act, each in self.acts)


@dataclass(frozen=True)
class Wish:
    """What a form wants for one offender. `by_act`: act by act; otherwise `amount` for all acts together.

    `low`, `top`: the bracket by hand of the one act without, `ends`: of each where several are.
    """

    party_id: UUID
    amount: int | None = None
    by_act: Mapping[UUID, int] = field(default_factory=dict)
    deviation: str | None = None
    confiscation: int = 0
    remedies: str | None = None
    organisation: bool = False
    low: int | None = None
    top: int | None = None
    ends: Mapping[UUID, tuple[int | None, int | None]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What is fined in all."""
        return sum(self.by_act.values()) if self.by_act else self.amount or 0


@dataclass(frozen=True)
class Line:
    """The fine for one act within its bracket."""

    act: CaseAct
    amount: int
    bracket: Bracket


@dataclass(frozen=True)
class Fine:
    """A fine of one offender that may be signed. `capacity` None: it was signed elsewhere, and in which capacity is theirs to know."""

    offender: CaseParty
    amount: int
    bracket: Bracket
    organisation: bool
    confiscation: int
    deviation: str | None
    remedies: str | None
    lines: tuple[Line, ...]
    capacity: Capacity | None = None


def frames(session: Session, case: CaseFile, *, on: date) -> list[Frame]:
    """What the law says of each offender on whom nothing is decided yet."""
    rules = law.load(session)
    return [frame(session, case, on=on, offender=each, rules=rules) for each in offenders.undecided(session, case)]


def frame(
    session: Session, case: CaseFile, *, on: date, organisation: bool | None = None, offender: CaseParty | None = None,
    rules: Law | None = None,
) -> Frame:  # fmt: skip
    """What the law says of one offender by the acts as they stand; without one, of the only one there is, or of all acts together."""
    if offender is None:
        there = offenders.of_case(session, case)
        offender = there[0] if len(there) == 1 else None
        who = any(each.is_organisation for each in there)
    else:
        who = offender.is_organisation
    standing = acting.standing(session, case)
    acts = standing if offender is None else offenders.acts_of(offender, standing)
    who = who if organisation is None else organisation
    rows = (rules or law.load(session)).brackets
    lines = session.scalars(
        select(GoodsLine).where(
            GoodsLine.case_id.in_(membership.members(session, case.id)), GoodsLine.struck_at.is_(None)
        )
    ).all()
    found = [
        brackets.bracket(act.qualification, _worth(act, lines), organisation=who, on=on, making=act.making, rows=rows)
        for act in acts
    ]
    whole = [each for each in found if each is not None]
    named = {None, *(act.id for act in acts)}
    return Frame(
        bracket=brackets.together(whole) if whole and len(whole) == len(acts) else None,
        organisation=who,
        goods_value=sum(line.value for line in lines if line.act_id in named),
        acts=tuple(zip(acts, found, strict=True)),
        offender=offender,
    )


def judge(
    session: Session,
    case: CaseFile,
    filled: Mapping[str, Any],
    *,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
) -> list[Fine]:
    """The fines of a decision, one for each offender it names; refused for all faults of all of them at once, nothing half-applied."""
    wanted = wishes(session, case, filled)
    several = len(offenders.of_case(session, case)) > 1
    return _of_each(
        wanted, lambda who, wish: _judge(session, case, who, wish, filled, by=by, duties=duties, at=at), several=several
    )


def wishes(session: Session, case: CaseFile, filled: Mapping[str, Any]) -> list[tuple[CaseParty, Wish]]:
    """What the form wants for whom. With one offender left it need not say for whom; with several it must."""
    there = {each.id: each for each in offenders.of_case(session, case)}
    open_ = offenders.undecided(session, case)
    told: Sequence[Wish] = filled.get(Demand.FINES) or ()
    if not told:
        if not there:
            raise NoOffender
        if len(open_) > 1:
            raise MissingDemand(move=Move.PENALISE, missing=(Demand.FINES,))
        told = [Wish(
            (open_[0] if open_ else next(iter(there.values()))).id, int(filled[Demand.FINE]), deviation=filled.get(Demand.DEVIATION),
            confiscation=int(filled.get(Demand.CONFISCATION) or 0), remedies=filled.get(Demand.REMEDIES),
            organisation=bool(filled.get(Demand.ORGANISATION)), low=filled.get(Demand.BRACKET_LOW), top=filled.get(Demand.BRACKET_TOP),
        )]  # fmt: skip
    if any(wish.party_id not in there for wish in told) or len({wish.party_id for wish in told}) < len(told):
        raise NotAnOffender
    decided_before(session, [there[wish.party_id] for wish in told])
    return [(there[wish.party_id], wish) for wish in told]


def decided_before(session: Session, parties: Sequence[CaseParty]) -> None:
    """Refuse a second decision on anybody."""
    known = [(each, offenders.ruling_of(session, each.id)) for each in parties]
    refuse([DecidedAlready(who=each.name, number=found.paper.number) for each, found in known if found is not None])


def qualified(acts: Sequence[CaseAct]) -> None:
    """Refused while there is no act, or one that nobody has qualified."""
    if not acts or any(act.qualification is LegalQualification.UNDETERMINED for act in acts):
        raise NotQualified


def _judge(
    session: Session, case: CaseFile, who: CaseParty, wish: Wish, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime
) -> Fine:  # fmt: skip
    """Time first, then the bracket, then competence: after the time nobody is competent, and outside the bracket nobody may sign."""
    signed_on = filled.get(Demand.SIGNED_ON) or at.astimezone(CITY).date()
    fine_times.time_left(session, case, moment(filled.get(Demand.SIGNED_ON), at), who)
    fine_times.entered_in_time(session, case, said(str(filled[Demand.DECISION_NUMBER])), at, who)
    stands = frame(session, case, on=signed_on, offender=who, organisation=True if wish.organisation else None)
    qualified([act for act, _bracket in stands.acts])
    found = _brackets(case, stands, wish, filled)
    whole = brackets.together([each for _act, each in found])
    lines = _lines(found, wish, whole)
    own = authority.own_duties(session, by, duties, signed_on, at=at)
    capacity = authority.capacity(session, by, own, signed_on)
    beyond = _beyond(session, capacity, found, wish, organisation=stands.organisation, on=signed_on)
    refuse([*_outside(stands, lines, wish, whole), *beyond])
    return Fine(
        who,
        wish.total,
        whole,
        stands.organisation,
        wish.confiscation,
        wish.deviation,
        wish.remedies,
        tuple(lines),
        capacity,
    )


def _brackets(case: CaseFile, stands: Frame, wish: Wish, filled: Mapping[str, Any]) -> list[tuple[CaseAct, Bracket]]:
    """The bracket of each act: the law's where the data holds one, otherwise with the ends written by hand for this very act.

    One pair of ends is enough where one act is without; what the law says of the others stays.
    """
    without = [act.id for act, known in stands.acts if known is None]
    ends = {without[0]: (wish.low, wish.top)} | dict(wish.ends) if len(without) == 1 else dict(wish.ends)
    found: list[tuple[CaseAct, Bracket]] = []
    faults: list[TemThatError] = []
    for act, known in stands.acts:
        try:
            found.append((act, known or _by_hand(case, *ends.get(act.id, (None, None)), filled)))
        except TemThatError as exc:
            faults.append(exc)
    refuse(list({type(each): each for each in faults}.values()))
    return found


def _outside(stands: Frame, lines: Sequence[Line], wish: Wish, whole: Bracket) -> list[TemThatError]:
    """Fines outside their bracket, and a deviation from the middle that nobody explains. What was written by hand is no figure of the law."""
    faults: list[TemThatError] = []
    asked = [(line.amount, line.bracket) for line in lines] if wish.by_act else [(wish.total, whole)]
    for amount, each in asked:
        try:
            brackets.within(amount, each)
        except FineOutsideBracket as exc:
            faults.append(exc)
    known = {act.id for act, each in stands.acts if each is not None}
    if faults or not known or wish.deviation:
        return faults
    astray = (
        [line.bracket for line in lines if line.act.id in known and line.amount != line.bracket.middle]
        if wish.by_act
        else []
    )
    if not wish.by_act and wish.total != whole.middle:
        astray = [whole]
    return [DeviationUnexplained(middle=brackets.dong(each.middle)) for each in astray[:1]]


def _beyond(
    session: Session, capacity: Capacity, found: Sequence[tuple[CaseAct, Bracket]], wish: Wish, *, organisation: bool, on: date
) -> list[TemThatError]:  # fmt: skip
    """Why the signer is not competent: the top of the bracket of each act, in the field of that act. Of several the highest is named."""
    figures = law.load(session).figures
    above: list[BeyondCompetence] = []
    faults: dict[type[TemThatError], TemThatError] = {}
    for act, each in found:
        try:
            competence.check(
                capacity.signer, each.top, organisation=organisation, on=on, confiscation=wish.confiscation,
                field=act.qualification.field, figures=figures,
            )  # fmt: skip
        except BeyondCompetence as exc:
            above.append(exc)
        except TemThatError as exc:
            faults[type(exc)] = exc
    highest = sorted(above, key=lambda exc: competence.LINE.index(Signer(str(exc.facts["competent"]))))[-1:]
    return [*faults.values(), *highest]


def _lines(found: Sequence[tuple[CaseAct, Bracket]], wish: Wish, whole: Bracket) -> list[Line]:
    """The fine act by act. One amount for several acts lies at the same height in the bracket of each; the last takes what rounding leaves."""
    if wish.by_act and set(wish.by_act) != {act.id for act, _bracket in found}:
        raise AnotherFine
    if wish.by_act:
        return [Line(act, wish.by_act[act.id], each) for act, each in found]
    lines, left, span = [], wish.total, whole.top - whole.low
    for act, each in found[:-1]:
        share = (
            each.middle
            if wish.total == whole.middle or not span
            else each.low + (wish.total - whole.low) * (each.top - each.low) // span
        )
        lines.append(Line(act, share, each))
        left -= share
    return [*lines, Line(found[-1][0], left, found[-1][1])]


def _of_each(
    wanted: Sequence[tuple[CaseParty, Wish]], judge_one: Callable[[CaseParty, Wish], Fine], *, several: bool
) -> list[Fine]:
    """Judge one after the other. In a case of one offender a fault is said as it is; of several each is said with its name, all at once."""
    found: list[Fine] = []
    faults: list[TemThatError] = []
    for who, wish in wanted:
        try:
            found.append(judge_one(who, wish))
        except TemThatError as exc:
            reasons = exc.reasons if isinstance(exc, Refused) else (exc,)
            faults += [named(who, each) if several else each for each in reasons]
    refuse(faults)
    return found


def named(who: CaseParty, exc: TemThatError) -> TemThatError:
    """A fault with the name of the offender whom it is about, and everything else as it was: its words, its way out, its status."""
    exc.facts = {**exc.facts, WHOSE: who.name}
    return exc


WHOSE = "offender"
"""The fact of a fault that says whom it is about, where several could be meant."""


def _by_hand(case: CaseFile, low: int | None, top: int | None, filled: Mapping[str, Any]) -> Bracket:
    if top is None and low is None:
        raise NoBracket
    missing = [name for name, value in ((Demand.BRACKET_LOW, low), (Demand.BRACKET_TOP, top)) if value is None]
    if missing:
        raise MissingDemand(move=Move.PENALISE, missing=tuple(missing))
    least, most = int(low or 0), int(top or 0)
    if not 0 <= least <= most:
        raise BracketWrong
    return Bracket(least, most, str(filled.get(Demand.GROUNDS) or ""), case.rule_version, needs_verification=True)


def _worth(act: CaseAct, lines: Sequence[GoodsLine]) -> int | None:
    counted = [line.value for line in lines if line.act_id in {None, act.id}]
    return sum(counted) if counted else None
