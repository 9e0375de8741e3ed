"""Who is in a case and what was done: parties and acts. The acts decide as what the case is treated and when its limitation runs out.

What must not live here: goods and their value (`goods`), and the counting of time (`clocks`).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from enforcement import clocks, deadlines, law, membership, offenders, timekeeping
from enforcement.casebook import NotInFuture, midnight, said, write
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.entries import amend, held, one, put, refuse, strike
from enforcement.errors import IllegalMove
from enforcement.models import CaseAct, CasePaper, CaseParty, CasePartyRole, EntryKind, FineLine, GoodsLine, Ruling
from enforcement.transitions import DECIDED, LIMITATION_ENDED, MAY_DETECT
from trace.clock import CITY
from trace.errors import Conflict, Invalid
from trace.models.parties import Commune, Party
from trace.services import history
from trace.services.table_cells import PROVINCES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from trace.errors import TemThatError

FOLLOWS = "Theo các hành vi ghi trong hồ sơ vi phạm"
"""Why a limitation moves with the acts, as it stands beside the clock."""


class IdNumberWrong(Invalid):
    """This is not the number of a citizen's identity card (12 digits that begin with the code of a province) or of a passport.

    Copy the number from the paper, with its zeros.
    """


class TaxCodeWrong(Invalid):
    """A tax code has 10 digits, 10 digits with a branch such as 0201234567-001, or the 12 digits of the identity card.

    Copy the number from the registration.
    """


class PhoneWrong(Invalid):
    """This is not a telephone number of ten digits.

    Write it with its zero, for example 0912345678.
    """


class NoSuchCommune(Invalid):
    """This ward or commune does not exist today.

    Choose one from the list.
    """


class RepresentsNobody(Invalid):
    """A representative stands for a person or organisation of this case.

    Enter the one who is represented first, then choose them.
    """


class ActEndsBeforeItBegins(Invalid):
    """The act ends before it begins.

    Check both days.
    """


class NotTheOffender(Invalid):
    """Whoever did the act must stand in the case as suspected.

    Enter the person or organisation first.
    """


class StillNamed(Conflict):
    """Other entries of the case name this one, so it cannot be struck.

    Correct or strike those first: %(by)s.
    """


class DetectedBefore(Conflict):
    """That a violation was detected is in the file already.

    The clock for the violation record runs from then; extend it by a decision if the case is complex.
    """


class TooLateForOffender(Conflict):
    """It was decided on everybody in this case, so nobody else can be held to have done it here.

    Open a case of its own for this person or organisation.
    """


@dataclass(frozen=True)
class PartyFacts:
    """A person or organisation as a form says it."""

    role: CasePartyRole
    is_organisation: bool
    name: str
    party_id: UUID | None = None
    represents_id: UUID | None = None
    id_number: str | None = None
    id_issued: str | None = None
    tax_code: str | None = None
    born_on: date | None = None
    occupation: str | None = None
    phone: str | None = None
    address: str | None = None
    commune_code: str | None = None


@dataclass(frozen=True)
class ActFacts:
    """An act as a form says it."""

    description: str
    qualification: LegalQualification
    began_on: date
    ended_on: date | None
    place: str
    making: bool = False
    commune_code: str | None = None
    offender_id: UUID | None = None


def add_party(session: Session, case_id: UUID, facts: PartyFacts, *, by: UUID, at: datetime) -> CaseParty:
    """Enter a person or organisation."""
    case = held(session, case_id)
    _judge_party(session, case, facts, None, at=at)
    _in_time(case, facts, None)
    made = CaseParty(**_known(session, facts))
    put(session, case, EntryKind.PARTY, made, facts.name, by=by, at=at)
    point_at_suspect(session, case)
    return made


def amend_party(
    session: Session, case_id: UUID, entry_id: UUID, facts: PartyFacts, *, revision: int, by: UUID, at: datetime
) -> CaseParty:
    """Correct a person or organisation."""
    case = held(session, case_id)
    found = one(session, CaseParty, case, entry_id, revision=revision)
    _judge_party(session, case, facts, found, at=at)
    _in_time(case, facts, found)
    if facts.role is not CasePartyRole.SUSPECTED:
        _not_named(session, found)
    amend(session, case, EntryKind.PARTY, found, _known(session, facts), name=facts.name, by=by, at=at)
    point_at_suspect(session, case)
    return found


def strike_party(
    session: Session, case_id: UUID, entry_id: UUID, *, reason: str, by: UUID, at: datetime, revision: int | None = None
) -> None:
    """Strike a person or organisation that no act and no representative names."""
    case = held(session, case_id)
    found = one(session, CaseParty, case, entry_id, revision=revision)
    _not_named(session, found)
    strike(session, case, EntryKind.PARTY, found, found.name, reason=reason, by=by, at=at)
    point_at_suspect(session, case)


def add_act(session: Session, case_id: UUID, facts: ActFacts, *, by: UUID, at: datetime) -> CaseAct:
    """Enter an act; the limitation is counted anew."""
    case = held(session, case_id)
    _judge_act(session, case, facts, at=at)
    made = CaseAct(**asdict(facts))
    put(session, case, EntryKind.ACT, made, facts.description[:120], by=by, at=at)
    settle(session, case, by=by, at=at)
    return made


def amend_act(
    session: Session, case_id: UUID, entry_id: UUID, facts: ActFacts, *, revision: int, by: UUID, at: datetime
) -> CaseAct:
    """Correct an act."""
    case = held(session, case_id)
    found = one(session, CaseAct, case, entry_id, revision=revision)
    _judge_act(session, case, facts, at=at)
    if facts.offender_id != found.offender_id:
        _not_fined(session, found)
    amend(session, case, EntryKind.ACT, found, asdict(facts), name=facts.description[:120], by=by, at=at)
    settle(session, case, by=by, at=at)
    return found


def strike_act(
    session: Session, case_id: UUID, entry_id: UUID, *, reason: str, by: UUID, at: datetime, revision: int | None = None
) -> None:
    """Strike an act that no goods name."""
    case = held(session, case_id)
    found = one(session, CaseAct, case, entry_id, revision=revision)
    goods = session.scalars(
        select(GoodsLine.name).where(GoodsLine.act_id == found.id, GoodsLine.struck_at.is_(None))
    ).all()
    if goods:
        raise StillNamed(by=", ".join(goods))
    _not_fined(session, found)
    strike(session, case, EntryKind.ACT, found, found.description[:120], reason=reason, by=by, at=at)
    settle(session, case, by=by, at=at)


def detect(session: Session, case_id: UUID, *, detected_at: datetime, note: str, by: UUID, at: datetime) -> CaseFile:
    """Write down that a violation was detected: the clock for the violation record starts, and the limitation of acts that go on."""
    case = held(session, case_id)
    if case.state not in MAY_DETECT:
        raise IllegalMove(state=case.state)
    if case.detected_at is not None:
        raise DetectedBefore
    if detected_at > at:
        raise NotInFuture
    why = said(note)
    case.detected_at = detected_at
    begun = clocks.start(session, case, DeadlineKind.VIOLATION_RECORD, began=detected_at, law=law.load(session), at=at)
    write(session, case, "detect", by=by, at=at, note=why, facts={"deadlines_started": clocks.facts([begun])})
    history.record(session, "case:detect", case.id, by=by, at=at, changes={"detected_at": (None, detected_at)}, why=why)
    settle(session, case, by=by, at=at)
    return case


def standing(session: Session, case: CaseFile) -> Sequence[CaseAct]:
    """The acts of a case, and of those merged into it, that are not struck, first one first."""
    return session.scalars(
        select(CaseAct)
        .where(CaseAct.case_id.in_(membership.members(session, case.id)), CaseAct.struck_at.is_(None))
        .order_by(CaseAct.began_on, CaseAct.written)
    ).all()


def settle(session: Session, case: CaseFile, *, by: UUID, at: datetime) -> None:
    """Bring the case up to its acts: as what it is treated, and the limitation that runs out first.

    An act that goes on is limited from its detection. After the decision no limitation runs any more; of several offenders, none for the
    acts of those it was decided on.
    """
    acts = standing(session, case)
    if not acts:
        case.next_due_at = clocks.next_due(session, case.id)
        session.flush()
        return
    known = [act.qualification for act in acts if act.qualification is not LegalQualification.UNDETERMINED]
    decided = {each.party_id for each in offenders.rulings(session, case)}
    detected = case.detected_at.astimezone(CITY).date() if case.detected_at else None
    rules = law.load(session)
    ends: list[tuple[datetime, LegalQualification, date]] = []
    for act in acts:
        if act.offender_id in decided:
            continue
        since = act.ended_on or detected
        if since is not None:
            rule = rules.rule(timekeeping.limitation_kind(act.qualification), since)
            ends.append((deadlines.due(midnight(since), rule, rules.calendar), act.qualification, since))
    case.legal_qualification = known[0] if known else LegalQualification.UNDETERMINED
    first = min(ends, key=lambda end: end[0], default=None)
    case.act_ended_on = first[2] if first and all(act.ended_on for act in acts) else None
    if case.state not in LIMITATION_ENDED:
        timekeeping.limitation(
            session, case, qualification=first[1] if first else None, act_ended_on=first[2] if first else None, by=by, at=at,
            reason=FOLLOWS,
        )  # fmt: skip
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()


def _judge_party(session: Session, case: CaseFile, facts: PartyFacts, found: CaseParty | None, *, at: datetime) -> None:
    said(facts.name)
    reasons: list[TemThatError] = []
    if facts.id_number and not _is_id(facts.id_number):
        reasons.append(IdNumberWrong())
    if facts.tax_code and not re.fullmatch(r"\d{10}(-\d{3})?|\d{12}", facts.tax_code):
        reasons.append(TaxCodeWrong())
    if facts.phone and not re.fullmatch(r"0[235789]\d{8,9}", facts.phone):
        reasons.append(PhoneWrong())
    today = at.astimezone(CITY).date()
    if facts.born_on and facts.born_on > today:
        reasons.append(NotInFuture())
    if facts.commune_code and not _current(session, facts.commune_code, today):
        reasons.append(NoSuchCommune())
    stands_for = facts.role is CasePartyRole.REPRESENTATIVE
    if stands_for != (facts.represents_id is not None) or (found is not None and facts.represents_id == found.id):
        reasons.append(RepresentsNobody())
    refuse(reasons)
    if facts.represents_id:
        one(session, CaseParty, case, facts.represents_id)
    if facts.party_id:
        session.get_one(Party, facts.party_id)


def _judge_act(session: Session, case: CaseFile, facts: ActFacts, *, at: datetime) -> None:
    said(facts.description)
    today = at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if max(facts.began_on, facts.ended_on or facts.began_on) > today:
        reasons.append(NotInFuture())
    if facts.ended_on and facts.ended_on < facts.began_on:
        reasons.append(ActEndsBeforeItBegins())
    if facts.commune_code and not _current(session, facts.commune_code, today):
        reasons.append(NoSuchCommune())
    if facts.offender_id:
        who = one(session, CaseParty, case, facts.offender_id)
        if who.role is not CasePartyRole.SUSPECTED:
            reasons.append(NotTheOffender())
    refuse(reasons)


def _known(session: Session, facts: PartyFacts) -> dict[str, Any]:
    """The facts, with the party of the register that bears the same tax code."""
    values = asdict(facts)
    if facts.party_id is None and facts.tax_code:
        values["party_id"] = session.scalar(select(Party.id).where(Party.tax_code == facts.tax_code))
    return values


def _is_id(number: str) -> bool:
    if re.fullmatch(r"\d{12}", number):
        return number[:3] in PROVINCES
    return re.fullmatch(r"[A-Z][0-9A-Z]{5,11}", number) is not None


def _current(session: Session, code: str, today: date) -> bool:
    return (
        session.scalar(select(Commune.code).where(Commune.code == code, Commune.valid_during.contains(today)))
        is not None
    )


def _not_named(session: Session, party: CaseParty) -> None:
    acts = session.scalars(
        select(CaseAct.description).where(CaseAct.offender_id == party.id, CaseAct.struck_at.is_(None))
    ).all()
    speakers = session.scalars(
        select(CaseParty.name).where(CaseParty.represents_id == party.id, CaseParty.struck_at.is_(None))
    ).all()
    ruling = offenders.ruling_of(session, party.id)
    papers = [ruling.paper.number] if ruling else []
    if acts or speakers or papers:
        raise StillNamed(by=", ".join([*(act[:60] for act in acts), *speakers, *papers]))


def _not_fined(session: Session, act: CaseAct) -> None:
    """What somebody was fined for stays in the file as it was decided."""
    papers = session.scalars(
        select(CasePaper.number)
        .join(Ruling, Ruling.paper_id == CasePaper.id)
        .join(FineLine, FineLine.ruling_id == Ruling.id)
        .where(FineLine.act_id == act.id)
    ).all()
    if papers:
        raise StillNamed(by=", ".join(papers))


def _in_time(case: CaseFile, facts: PartyFacts, found: CaseParty | None) -> None:
    """Nobody becomes an offender of a case in which it was decided on all of them."""
    already = found is not None and found.role is CasePartyRole.SUSPECTED
    if facts.role is CasePartyRole.SUSPECTED and not already and case.state in DECIDED:
        raise TooLateForOffender


def point_at_suspect(session: Session, case: CaseFile) -> None:
    """The register's party behind the first suspect: what likeness between cases goes by."""
    case.suspect_id = session.scalar(
        select(CaseParty.party_id)
        .where(
            CaseParty.case_id == case.id,
            CaseParty.role == CasePartyRole.SUSPECTED,
            CaseParty.struck_at.is_(None),
            CaseParty.party_id.is_not(None),
        )
        .order_by(CaseParty.written)
        .limit(1)
    )
    session.flush()
