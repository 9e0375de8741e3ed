"""Measures beside the states of a case: seizure, assessment, take-down, service by posting. Each begins and ends its own clock.

Extending a seizure is extending its clock by a decision (`timekeeping.extend`). The law gives an assessor no time: their clock ends with the
day that was agreed on, and another day is agreed on here. What must not live here: the states (`cases`), and what
happens to single exhibits (`exhibits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import authority, clocks, confiscation, exhibits, law, membership, signing
from enforcement.casebook import NotInFuture, said, write
from enforcement.competence import LINE
from enforcement.deadlines import DeadlineKind
from enforcement.entries import held, one, refuse
from enforcement.errors import BeyondCompetence
from enforcement.models import (
    Deadline,
    DelegationScope,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    ExhibitState,
    Handover,
    Measure,
    MeasureKind,
    MeasureResult,
    PaperKind,
)
from enforcement.transitions import LIMITATION_ENDED, MAY_MEASURE, MAY_SERVE, OVER, CaseState
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from enforcement.transitions import Duty
    from trace.errors import TemThatError

K, R = MeasureKind, MeasureResult
PAPER = {
    K.SEIZURE: PaperKind.SEIZURE, K.ASSESSMENT: PaperKind.ASSESSMENT, K.TAKEDOWN: PaperKind.TAKEDOWN_REQUEST, K.POSTING: PaperKind.POSTING,
    K.DEEMED_SERVICE: PaperKind.DEEMED_SERVICE,
}  # fmt: skip
# Every kind has one, so that none is forgotten: the law's own, or that of an agreed day.
CLOCK: dict[MeasureKind, DeadlineKind] = {
    K.SEIZURE: DeadlineKind.SEIZURE, K.TAKEDOWN: DeadlineKind.PLATFORM_TAKEDOWN, K.POSTING: DeadlineKind.DELIVERY_POSTING,
    K.DEEMED_SERVICE: DeadlineKind.DEEMED_SERVED, K.ASSESSMENT: DeadlineKind.ASSESSMENT,
}  # fmt: skip
RESULTS: dict[MeasureKind, tuple[MeasureResult, ...]] = {
    K.SEIZURE: (R.RETURNED, R.CONFISCATED, R.HANDED_OVER),
    K.ASSESSMENT: (R.INFRINGING, R.NOT_INFRINGING, R.INCONCLUSIVE),
    K.TAKEDOWN: (R.TAKEN_DOWN, R.NOT_TAKEN_DOWN, R.REFUSED),
    K.POSTING: (R.SERVED, R.NOT_SERVED),
    K.DEEMED_SERVICE: (R.SERVED, R.NOT_SERVED),
}
# In which states of the case each may begin. A listing can be asked down from the moment that somebody looked at the signal.
WHERE: dict[MeasureKind, frozenset[CaseState]] = {
    K.SEIZURE: MAY_MEASURE,
    K.ASSESSMENT: MAY_MEASURE,
    K.TAKEDOWN: frozenset(CaseState) - OVER - {CaseState.RECEIVED},
    K.POSTING: MAY_SERVE,
    K.DEEMED_SERVICE: MAY_SERVE,
}
# Results that mean that what the clock asked for was done; after the others nobody did it.
DONE = frozenset(MeasureResult) - {R.NOT_TAKEN_DOWN, R.REFUSED, R.NOT_SERVED}
_FATE = {
    R.RETURNED: ExhibitDeed.RETURNED, R.CONFISCATED: ExhibitDeed.CONFISCATED, R.HANDED_OVER: ExhibitDeed.HANDED_OVER,
}  # fmt: skip
BEFORE_RECORD = MAY_MEASURE - {CaseState.VIOLATION_RECORDED, CaseState.EXPLANATION, CaseState.DECISION_DUE}


class NotHere(Conflict):
    """This measure is not possible in the present state of the case.

    Goods are seized and assessed from the verification to the decision; a decision is served after it was made.
    """


class DueDayWrong(Invalid):
    """The day agreed with the assessor lies from the day of the decision on.

    Check the day.
    """


class SameDay(Invalid):
    """This is the day that was agreed on before.

    Write the other day.
    """


class NotHeld(Conflict):
    """Exhibit no. %(seq)s is not held any more: %(state)s. Only what is held can be seized.

    Choose other exhibits. What was returned and is taken again is entered as a new exhibit.
    """


class SeizedAlready(Conflict):
    """Exhibit no. %(seq)s is seized by decision no. %(number)s, and that seizure has not ended.

    Extend it by a decision before its time runs out, or end it with its result. A second seizure cannot replace it (penalties law, Art. 125).
    """


class SeizedBefore(Conflict):
    """Exhibit no. %(seq)s was seized before by decision no. %(number)s, and that seizure has ended, so its time cannot begin anew.

    Return the exhibit. Only what left the desk and came back can be seized again (penalties law, Art. 125).
    """


class MeasureOver(Conflict):
    """This measure has ended already.

    Load the page again.
    """


class EndsBeforeItBegan(Invalid):
    """The measure ends before it began.

    Check the day and the hour.
    """


class NotAResult(Invalid):
    """This is no result of such a measure.

    Choose one from the list.
    """


class MayNotSeize(BeyondCompetence):
    """You may not decide on a seizure: the law data names %(who)s for it.

    Let one of them decide and give the decision its number, or ask for a written delegation first.
    """


class NothingSeized(Invalid):
    """A seizure names what was seized.

    Choose the exhibits, or enter them first.
    """


@dataclass(frozen=True)
class MeasureFacts:
    """A measure as a form says it."""

    kind: MeasureKind
    number: str
    subject: str
    addressee: str
    began_at: datetime
    due_on: date | None = None
    exhibit_ids: tuple[UUID, ...] = ()


def begin(
    session: Session, case_id: UUID, facts: MeasureFacts, *, by: UUID, duties: Collection[Duty], at: datetime, version: int | None = None
) -> Measure:  # fmt: skip
    """Begin a measure by its paper; its clock starts with the moment when it was carried out or sent."""
    case = held(session, case_id, version)
    if case.state not in WHERE[facts.kind]:
        raise NotHere
    began_on = facts.began_at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if facts.began_at > at:
        reasons.append(NotInFuture())
    if facts.kind is K.ASSESSMENT and (facts.due_on is None or facts.due_on < began_on):
        reasons.append(DueDayWrong())
    things = [one(session, Exhibit, case, exhibit_id) for exhibit_id in facts.exhibit_ids]
    if facts.kind is K.SEIZURE:
        reasons += _seizable(session, things) if things else [NothingSeized()]
    refuse(reasons)
    if facts.kind is K.SEIZURE:
        _may_seize(session, by, authority.own_duties(session, by, duties, began_on, at=at), began_on)
    paper = signing.paper(
        session, case, PAPER[facts.kind], facts.number, signed_on=began_on, by=by, duties=duties, at=at
    )  # fmt: skip
    made = Measure(
        case_id=case.id, kind=facts.kind, paper_id=paper.id, subject=said(facts.subject), addressee=said(facts.addressee),
        began_at=facts.began_at, due_on=facts.due_on if facts.kind is K.ASSESSMENT else None, added_at=at, added_by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    clock = clocks.start(
        session, case, CLOCK[facts.kind], began=facts.began_at, law=law.load(session), at=at, subject_id=made.id, agreed_on=made.due_on
    )  # fmt: skip
    if facts.kind is K.SEIZURE:
        for thing in things:
            thing.measure_id = made.id
        session.flush()
    told = {
        "kind": facts.kind.value, "number": paper.number, "addressee": made.addressee, "measure": str(made.id),
        "deadlines_started": clocks.facts([clock]), "exhibits": sorted(thing.seq for thing in things),
    }  # fmt: skip
    write(session, case, "begin_measure", by=by, at=at, note=made.subject, facts=told)
    history.record(session, f"measure:{facts.kind.value}", made.id, by=by, at=at, why=made.subject)
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()
    return made


def agree(
    session: Session, case_id: UUID, measure_id: UUID, *, due_on: date, document_number: str, reason: str, by: UUID, at: datetime,
    version: int | None = None,
) -> Measure:  # fmt: skip
    """Another day was agreed on with the assessor, by a paper and for a reason: the clock of the assessment ends with that day."""
    case = held(session, case_id, version)
    found = running_one(session, case, measure_id)
    if found.due_on is None:
        raise NotFound
    faults: list[TemThatError] = []
    if due_on < found.began_at.astimezone(CITY).date():
        faults.append(DueDayWrong())
    if due_on == found.due_on:
        faults.append(SameDay())
    refuse(faults)
    number, why, before = said(document_number), said(reason), found.due_on
    found.due_on = due_on
    clock = session.scalars(
        select(Deadline).where(Deadline.subject_id == found.id, Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
    ).one()  # fmt: skip
    was = clocks.agree(clock, due_on, law=law.load(session), at=at, by=by, decision_number=number, reason=why)
    told = {
        "kind": clock.kind.value, "number": number, "measure": str(found.id), "was_due": was.isoformat(), "due": clock.due_at.isoformat(),
    }  # fmt: skip
    write(session, case, "recompute", by=by, at=at, note=why, facts=told)
    history.record(session, "measure:agree", found.id, by=by, at=at, changes={"due_on": (before, due_on)}, why=why)
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()
    return found


def end(
    session: Session,
    case_id: UUID,
    measure_id: UUID,
    *,
    result: MeasureResult,
    ended_at: datetime,
    document_number: str,
    note: str | None,
    by: UUID,
    at: datetime,
    version: int | None = None,
) -> Measure:
    """End a measure with its result. What was seized goes the way of the result; an assessor's result starts the clock for the record."""
    case = held(session, case_id, version)
    found = running_one(session, case, measure_id)
    reasons: list[TemThatError] = []
    if result not in RESULTS[found.kind]:
        reasons.append(NotAResult())
    if ended_at > at:
        reasons.append(NotInFuture())
    if ended_at < found.began_at:
        reasons.append(EndsBeforeItBegan())
    deed, things = _FATE.get(result), _seized(session, found)
    if deed is not None:
        reasons += confiscation.faults(session, case, things, deed, on=ended_at.astimezone(CITY).date())
    refuse(reasons)
    paper = said(document_number)
    found.ended_at, found.ended_by, found.result = ended_at, by, result
    found.end_document, found.end_note = paper, note
    _end_clock(session, case, found, ended_at)
    started = _after(session, case, found, ended_at, at)
    if deed is not None:
        exhibits.with_all(
            session, case, things, deed, document_number=paper, done_at=ended_at, by=by, at=at,
            handover_id=_to_the_police(session, case) if deed is ExhibitDeed.HANDED_OVER else None,
        )  # fmt: skip
    told = {
        "kind": found.kind.value, "result": result.value, "number": paper, "addressee": found.addressee, "measure": str(found.id),
        "deadlines_started": clocks.facts(started),
    }  # fmt: skip
    write(session, case, "end_measure", by=by, at=at, note=note, facts=told)
    history.record(
        session, f"measure:{result.value}", found.id, by=by, at=at, changes={"result": (None, result)}, why=note
    )  # fmt: skip
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()
    return found


def running_one(session: Session, case: CaseFile, measure_id: UUID) -> Measure:
    """A measure of a case, or of one merged into it, that runs; locked."""
    found = session.scalars(
        select(Measure)
        .where(Measure.id == measure_id, Measure.case_id.in_(membership.members(session, case.id)))
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.ended_at is not None:
        raise MeasureOver
    return found


def _seizable(session: Session, things: Sequence[Exhibit]) -> list[TemThatError]:
    """What is seized is held, and was not seized before: under another number the time of Art. 125 would begin anew and never end."""
    found: list[TemThatError] = []
    for thing in things:
        last = session.get_one(Measure, thing.measure_id) if thing.measure_id else None
        if thing.state is not ExhibitState.HELD:
            found.append(NotHeld(seq=str(thing.seq), state=thing.state))
        elif last is not None and last.ended_at is None:
            found.append(SeizedAlready(seq=str(thing.seq), number=last.paper.number))
        elif last is not None and not _came_back(session, thing, last):
            found.append(SeizedBefore(seq=str(thing.seq), number=last.paper.number))
    return found


def _came_back(session: Session, thing: Exhibit, last: Measure) -> bool:
    back = select(ExhibitEvent.id).where(
        ExhibitEvent.exhibit_id == thing.id, ExhibitEvent.deed == ExhibitDeed.GIVEN_BACK, ExhibitEvent.at >= last.ended_at
    )  # fmt: skip
    return session.scalar(back.limit(1)) is not None


def _may_seize(session: Session, by: UUID, duties: Collection[Duty], on: date) -> None:
    """A seizure is decided by whom the law data names on that day, in an own office or under a delegation of it."""
    named = law.seizers(session, on)
    if authority.capacity(session, by, duties, on, scope=DelegationScope.MEASURES).signer not in named:
        raise MayNotSeize(who=[each for each in LINE if each in named] or "–")


def running(session: Session, case_ids: Sequence[UUID]) -> Sequence[Measure]:
    """The measures of some cases that nobody has ended."""
    return session.scalars(
        select(Measure).where(Measure.case_id.in_(case_ids), Measure.ended_at.is_(None)).order_by(Measure.began_at)
    ).all()


def hand_over_seizures(
    session: Session, case: CaseFile, *, document_number: str, note: str | None, by: UUID, at: datetime
) -> None:
    """End the seizures of a case whose goods go to another authority with the file."""
    for measure in running(session, membership.members(session, case.id)):
        if measure.kind is K.SEIZURE:
            end(
                session, case.id, measure.id, result=R.HANDED_OVER, ended_at=at, document_number=document_number, note=note, by=by, at=at
            )  # fmt: skip


def _to_the_police(session: Session, case: CaseFile) -> UUID | None:
    """The hand-over by which the file is with the police now: what is handed over meanwhile comes back with it."""
    return session.scalar(
        select(Handover.id).where(
            Handover.case_id == case.id, Handover.returned_on.is_(None), Handover.paper_id.is_not(None)
        )
    )


def _end_clock(session: Session, case: CaseFile, found: Measure, ended_at: datetime) -> None:
    """Its own clock: met when what it asked for was done; without object when it was refused or came to nothing."""
    end_it = clocks.meet if found.result in DONE else clocks.void
    end_it(session, case, {CLOCK[found.kind]}, at=ended_at, subject_id=found.id)


def _after(session: Session, case: CaseFile, found: Measure, ended_at: datetime, at: datetime) -> list[Deadline]:
    if found.kind is not K.ASSESSMENT or case.state in LIMITATION_ENDED or case.state not in BEFORE_RECORD:
        return []
    kind = DeadlineKind.RECORD_AFTER_ASSESSMENT
    return [clocks.start(session, case, kind, began=ended_at, law=law.load(session), at=at)]


def _seized(session: Session, measure: Measure) -> list[Exhibit]:
    return list(
        session.scalars(
            select(Exhibit).where(
                Exhibit.measure_id == measure.id, Exhibit.struck_at.is_(None), Exhibit.state == ExhibitState.HELD
            )
        )
    )
