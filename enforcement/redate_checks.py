"""What another day of a paper or a measure cannot be: against the paper, against what was done on it, against the clocks that count from it.

Only reading. What must not live here: correcting the day (`redating`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from enforcement import (
    authority,
    clocks,
    deadlines,
    deciding,
    explaining,
    fine_times,
    membership,
    offenders,
    origins,
    signing,
)
from enforcement.deadlines import DeadlineKind
from enforcement.errors import ExtensionTooLate, FineTimeBarred, NoCapacity
from enforcement.models import (
    CaseFile,
    CasePaper,
    Deadline,
    EndedAs,
    ExplanationEnd,
    Measure,
    Obligation,
    PaperKind,
    ReckoningCause,
    Ruling,
)
from enforcement.papers import shelf
from enforcement.transitions import DECIDING, EXPLAINING
from trace.clock import CITY
from trace.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deadlines import Reckoning
    from enforcement.law import Law
    from trace.errors import TemThatError

P = PaperKind
OWN_DECISIONS = frozenset({P.PENALTY, P.REMEDY_ONLY, P.NO_PENALTY})


class DayUnchanged(Invalid):
    """This is the day that stands in the file already.

    Write the day that the paper bears, or leave it as it is.
    """


class EnteredEarlier(Invalid):
    """This was put into the file on %(entered)s, so it was not signed or begun only on %(signed)s.

    Check the day on the paper.
    """


class DayOfDocument(Conflict):
    """The document %(number)s of this case was issued on %(issued)s; that day is in the document, so this paper bears no other.

    If the document itself is wrong, replace it in the documents of the case.
    """


class DayOfMeasure(Conflict):
    """This is the paper of a measure, and bears the day on which the measure began.

    Correct the day of the measure.
    """


class DayOfDeed(Conflict):
    """An extension was let in because of its day, so that day is not corrected afterwards.

    If the decision bears another day, write that into the notes of the case.
    """


class RestsOnIt(Invalid):
    """The %(other)s no. %(number)s of %(day)s rests on this paper, so this one is not of %(signed)s.

    Check the day, or correct the day of the other paper first.
    """


class GivenBefore(Invalid):
    """%(who)s got this decision on %(day)s, so it was not signed on %(signed)s only.

    Check the day on the paper.
    """


class CarriedOutBefore(Invalid):
    """“%(what)s” was settled on %(day)s, so the decision was not signed on %(signed)s only.

    Check the day on the paper.
    """


class ExplainedBefore(Invalid):
    """The right of %(who)s to explain was settled on %(day)s; with a record of %(signed)s its time would not have run out by then, or not have begun.

    Check the day on the paper.
    """


class SignerNotInOffice(Invalid):
    """On %(day)s %(who)s could not sign this decision in the capacity that stands in it.

    Check the day on the paper.
    """


class TimeToFineEnded(Conflict):
    """Counted from this paper the time to fine ended on %(end)s. A later day of the paper would let it run anew.

    The decision without a fine is still possible.
    """


class FineWouldBeLate(Conflict):
    """With this day the time to fine would have ended on %(end)s, before the decision no. %(number)s was signed.

    Check the day. If it is right, the decision was made after its time, and correcting a day does not mend that.
    """


def as_of(found: CasePaper, day: date) -> CasePaper:
    """The same paper with another day, of which the session knows nothing."""
    return CasePaper(kind=found.kind, issuer=found.issuer, number=found.number, signed_on=day, added_at=found.added_at)


def of_day(session: Session, found: CasePaper, day: date, *, at: datetime) -> list[TemThatError]:
    """What the day itself cannot be."""
    if day == found.signed_on:
        return [DayUnchanged()]
    own, entered = session.get_one(CaseFile, found.case_id), found.added_at.astimezone(CITY).date()
    faults = signing.faults(session, own, found.kind, day, at=at, known_at=found.added_at)
    if entered < day <= at.astimezone(CITY).date():
        faults.append(EnteredEarlier(entered=entered, signed=day))
    issued = [] if found.issuer else shelf.issued_days(session, found.case_id, found.number)
    if issued and day not in issued:
        faults.append(DayOfDocument(number=found.number, issued=issued[-1]))
    holder = None if found.issuer else shelf.holder_of(session, found.number, day.year)
    ours = membership.numbers(session, membership.members(session, membership.survivor(session, found.case_id)))
    if holder is not None and holder not in ours.values():
        faults.append(signing.NumberTaken(number=found.number, case=holder))
    return faults


def of_decision(session: Session, found: CasePaper, day: date, *, at: datetime) -> list[TemThatError]:
    """What the day of a decision signed here cannot be: before it was prepared, out of the signer's office, after the time to fine."""
    if found.issuer or found.kind not in signing.DECISIONS or found.signer_id is None:
        return []
    faults: list[TemThatError] = []
    own = session.get_one(CaseFile, found.case_id)
    rulings = session.scalars(select(Ruling).where(Ruling.paper_id == found.id)).all()
    if found.kind in OWN_DECISIONS:
        on = [str(each.party_id) for each in rulings]
        faults += deciding.too_early(session, own, day, on, known_at=found.added_at)
    if not _signs_as_before(session, found, day, at=at):
        faults.append(SignerNotInOffice(day=day, who=found.signer_name))
    if found.kind is P.PENALTY and _after_time(session, own, rulings, signing.moment(day, found.added_at)):
        faults.append(FineTimeBarred(at=day))
    return faults


def _signs_as_before(session: Session, found: CasePaper, day: date, *, at: datetime) -> bool:
    if found.capacity is None or found.signer_id is None:
        return True
    held_now = frozenset() if found.delegation_number else frozenset({authority.DUTY_OF[found.capacity]})
    own = authority.own_duties(session, found.signer_id, held_now, day, at=at)
    try:
        then = authority.capacity(session, found.signer_id, own, day, scope=signing.scope_of(found.kind))
    except NoCapacity:
        return False
    return (then.signer, then.decision_number) == (found.capacity, found.delegation_number)


def _after_time(session: Session, case: CaseFile, rulings: Sequence[Ruling], moment: datetime) -> bool:
    """Whether a fine of this moment would have come after the time for the decision or the limitation, clocks that ended included."""
    several = len(offenders.of_case(session, case)) > 1
    kinds = {DeadlineKind.PENALTY_DECISION} if several else set(DECIDING)
    ends: list[datetime | None] = list(
        session.scalars(
            select(Deadline.due_at).where(
                Deadline.case_id.in_(membership.members(session, case.id)), Deadline.kind.in_(kinds),
                or_(Deadline.ended_as.is_(None), Deadline.ended_as.in_([EndedAs.FULFILLED, EndedAs.LATE])),
            )
        )
    )  # fmt: skip
    if several:
        ends += [fine_times.limitation_end(session, case, each.party) for each in rulings]
    try:
        for end in ends:
            deadlines.time_to_fine(moment, decision_due=end, limitation_end=None)
    except FineTimeBarred:
        return True
    return False


def of_followers(session: Session, where: Sequence[CaseFile], found: CasePaper, day: date) -> list[TemThatError]:
    """What was done on this paper, and would come to lie before it."""
    ids = [each.id for each in where]
    kinds = [kind for kind, before in signing.AFTER.items() if found.kind in before]
    later = session.scalars(
        select(CasePaper)
        .where(CasePaper.case_id.in_(ids), CasePaper.kind.in_(kinds), CasePaper.added_at >= found.added_at, CasePaper.signed_on < day)
        .order_by(CasePaper.signed_on)
    )  # fmt: skip
    faults: list[TemThatError] = [
        RestsOnIt(other=each.kind, number=each.number, day=each.signed_on, signed=day)
        for each in later
        if _base(session, each) is found
    ]
    given = select(Ruling).where(Ruling.paper_id == found.id, Ruling.served_on < day)
    faults += [GivenBefore(who=each.party.name, day=each.served_on, signed=day) for each in session.scalars(given)]
    settled = select(Obligation).where(
        Obligation.paper_id == found.id, Obligation.settled_on < day, Obligation.struck_at.is_(None)
    )
    faults += [CarriedOutBefore(what=each.what, day=each.settled_on, signed=day) for each in session.scalars(settled)]
    if found.kind is P.VIOLATION_RECORD:
        faults += _explanation_faults(session, where, found, day)
    return faults


def _base(session: Session, later: CasePaper) -> CasePaper | None:
    case = session.get_one(CaseFile, later.case_id)
    return signing.latest(session, case, signing.AFTER[later.kind], known_at=later.added_at)


def _explanation_faults(session: Session, where: Sequence[CaseFile], found: CasePaper, day: date) -> list[TemThatError]:
    """Nobody explained before the record, and nobody's time was over before it had run out (Art. 61)."""
    if day < found.signed_on:
        return []
    ends_on = explaining.counted(session, signing.beginning(as_of(found, day), found.added_at)).astimezone(CITY).date()
    faults: list[TemThatError] = []
    rows = {row.id: (row, case) for case in where for row in explaining.of_case(session, case).values()}
    for row, case in rows.values():
        if row.settled_on is None:
            continue
        used_by = max(row.settled_on, explaining.prepared_on(session, case) or row.settled_on)
        unused = row.outcome is ExplanationEnd.UNUSED
        if row.settled_on < day or (unused and used_by <= ends_on):
            faults.append(ExplainedBefore(who=row.party.name, day=row.settled_on, signed=day))
    return faults


def of_clocks(
    session: Session,
    where: Sequence[CaseFile],
    of: CasePaper | Measure,
    following: Sequence[Deadline],
    *,
    began: datetime,
    rules: Law,
    at: datetime,
) -> list[TemThatError]:
    """No time that ran out begins anew, and none that was kept turns out to have been over. A right to explain may well grow longer."""
    faults: list[TemThatError] = []
    for each in following:
        if each.kind in EXPLAINING:
            continue
        due = _anew(each, began, rules).due
        if at > each.due_at and due > each.due_at:
            fine = each.kind is DeadlineKind.PENALTY_DECISION
            faults.append(TimeToFineEnded(end=each.due_at) if fine else origins.RanOut(due=each.due_at))
        decided = _extended_at(session, each)
        if decided and min(decided) > _anew(each, began, rules, longer=False).due:
            faults.append(ExtensionTooLate())
    if isinstance(of, CasePaper) and of.kind in {P.VIOLATION_RECORD, P.TAKEN_BACK}:
        faults += _fines_kept(session, where, of, began, rules)
    return faults


def _extended_at(session: Session, deadline: Deadline) -> list[datetime]:
    """When each extension of a clock was decided: on the day of its paper, which may have been entered later."""
    rows = {
        row.decision_number or "": (row.at, row.was_due)
        for row in deadline.reckonings
        if row.cause is ReckoningCause.EXTENDED and row.was_due is not None
    }
    together = membership.members(session, membership.survivor(session, deadline.case_id))
    papers = session.scalars(
        select(CasePaper)
        .where(CasePaper.case_id.in_(together), CasePaper.kind == P.EXTENSION, CasePaper.number.in_(list(rows)))
        .order_by(CasePaper.signed_on)
    )
    days = {each.number: each.signed_on for each in papers}
    return [min(signing.moment(days.get(number), entered), was_due) for number, (entered, was_due) in rows.items()]


def _fines_kept(
    session: Session, where: Sequence[CaseFile], of: CasePaper, began: datetime, rules: Law
) -> list[TemThatError]:
    """A fine imposed here in time stays so: its clocks have ended, and are looked at as they would have run from the new day."""
    ids = [each.id for each in where]
    rows = select(Deadline).where(
        Deadline.case_id.in_(ids), Deadline.kind == DeadlineKind.PENALTY_DECISION,
        or_(Deadline.ended_as.is_(None), Deadline.ended_as.in_([EndedAs.FULFILLED, EndedAs.LATE])),
    )  # fmt: skip
    ends = [
        (each.case_id, _anew(each, began, rules).due)
        for each in session.scalars(rows)
        if origins.counts_from(session, each) is of
    ]
    fined = session.scalars(
        select(CasePaper).where(
            CasePaper.case_id.in_(ids), CasePaper.kind == P.PENALTY, CasePaper.issuer == "", CasePaper.added_at >= of.added_at
        )
    )  # fmt: skip
    return [
        FineWouldBeLate(end=end, number=each.number)
        for each in fined
        if (end := _first_end(session, each, ends)) and signing.moment(each.signed_on, each.added_at) > end
    ]


def _first_end(session: Session, fine: CasePaper, ends: Sequence[tuple[UUID, datetime]]) -> datetime | None:
    """Of clocks, each of a case, the first end among those of the case of a fine and those merged into it."""
    of_fine = membership.members(session, fine.case_id)
    return min((end for case_id, end in ends if case_id in of_fine), default=None)


def _anew(deadline: Deadline, began: datetime, rules: Law, *, longer: bool = True) -> Reckoning:
    """What a counted clock would come to from another beginning; with `longer` as it was extended."""
    rule = rules.rule(deadline.kind, began.astimezone(CITY).date())
    extension = clocks.extension_of(deadline, rule) if longer else None
    return deadlines.reckon(began, rule, rules.calendar, extension)
