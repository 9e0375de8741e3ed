"""Another day for a paper or a measure that was entered with a wrong one. What counts from it follows: every running clock is reckoned anew.

A clock that has ended stays as it was reckoned. What must not live here: what a day cannot be (`redate_checks`), entering a paper (`signing`) and beginning a measure (`measures`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError

from enforcement import (
    law,
    mandates,
    measures,
    membership,
    origins,
    police,
    redate_checks,
    signing,
    timekeeping,
)
from enforcement.casebook import NotInFuture, lock, said, write
from enforcement.entries import held, refuse
from enforcement.errors import NotYourMove
from enforcement.models import (
    CaseFile,
    CasePaper,
    Deadline,
    EndedAs,
    Handover,
    Measure,
    MeasureKind,
    PaperKind,
)
from enforcement.transitions import HEADS, MOVES
from trace.clock import CITY
from trace.errors import NotFound, broken_constraint
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.transitions import Duty
    from trace.errors import TemThatError


def paper(
    session: Session,
    case_id: UUID,
    paper_id: UUID,
    *,
    signed_on: date,
    reason: str,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    version: int | None = None,
) -> CasePaper:
    """Say that a paper in the file was signed on another day than was entered. For heads."""
    case, why = _asked(session, case_id, reason, duties, version)
    found = session.scalars(
        select(CasePaper)
        .where(CasePaper.id == paper_id, CasePaper.case_id.in_(membership.members(session, case.id)))
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.kind is PaperKind.EXTENSION:
        raise redate_checks.DayOfDeed
    if session.scalar(select(Measure.id).where(Measure.paper_id == found.id).limit(1)) is not None:
        raise redate_checks.DayOfMeasure
    where, rules = _counting(session, found), law.load(session)
    following = _following(session, where, found)
    began = signing.beginning(redate_checks.as_of(found, signed_on), found.added_at)
    back = _return_by(session, found)
    refuse([
        *redate_checks.of_day(session, found, signed_on, at=at),
        *redate_checks.of_decision(session, found, signed_on, at=at),
        *redate_checks.of_followers(session, where, found, signed_on),
        *redate_checks.of_clocks(session, where, found, following, began=began, rules=rules, at=at),
        *([police.ReceivedBeforeListed(day=back.received_on)] if back and back.received_on and signed_on < back.received_on else []),
    ])  # fmt: skip
    if back is not None:
        back.returned_on = signed_on
    was = _put(session, found, signed_on)
    _met_then(session, where, found, was)
    _tell(session, case, found, was, why, by=by, at=at)
    _move(session, following, began, why, by=by, duties=duties, at=at)
    return found


def measure(
    session: Session,
    case_id: UUID,
    measure_id: UUID,
    *,
    began_at: datetime,
    reason: str,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    version: int | None = None,
) -> Measure:
    """Say that a measure that runs began at another moment than was entered; its paper bears the same day. For heads."""
    case, why = _asked(session, case_id, reason, duties, version)
    found = measures.running_one(session, case, measure_id)
    day, paper_ = began_at.astimezone(CITY).date(), found.paper
    where, rules = _counting(session, paper_), law.load(session)
    following = [each for each in _following(session, where, found) if not (found.due_on and at > each.due_at)]
    faults: list[TemThatError] = []
    if began_at == found.began_at:
        faults.append(redate_checks.DayUnchanged())
    elif began_at > at:
        faults.append(NotInFuture())
    elif began_at > found.added_at:
        faults.append(redate_checks.EnteredEarlier(entered=found.added_at, signed=day))
    if found.due_on is not None and day > found.due_on:
        faults.append(measures.DueDayWrong())
    if day != paper_.signed_on:
        faults += [
            each
            for each in redate_checks.of_day(session, paper_, day, at=at)
            if not isinstance(each, (NotInFuture, redate_checks.EnteredEarlier))
        ]
        faults += redate_checks.of_decision(session, paper_, day, at=at)
        if found.kind is MeasureKind.SEIZURE and paper_.capacity not in law.seizers(session, day):
            faults.append(redate_checks.SignerNotInOffice(day=day, who=paper_.signer_name))
    if found.due_on is None:
        faults += redate_checks.of_clocks(session, where, found, following, began=began_at, rules=rules, at=at)
    refuse(faults)
    was = _put(session, paper_, day)
    moved_from, found.began_at = found.began_at, began_at
    session.flush()
    history.record(
        session, "measure:redate", found.id, by=by, at=at, changes={"began_at": (moved_from, began_at)}, why=why
    )
    _tell(session, case, paper_, was, why, by=by, at=at)
    _move(session, following, began_at, why, by=by, duties=duties, at=at)
    return found


def correctable(view_measures: Sequence[Measure], paper_: CasePaper) -> bool:
    """Whether the day of a paper can be corrected by itself: it is not that of a measure, and somebody wrote it."""
    return paper_.kind is not PaperKind.EXTENSION and all(each.paper_id != paper_.id for each in view_measures)


def _asked(
    session: Session, case_id: UUID, reason: str, duties: Collection[Duty], version: int | None
) -> tuple[CaseFile, str]:
    case = held(session, case_id, version)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    return case, said(reason)


def _counting(session: Session, found: CasePaper) -> list[CaseFile]:
    """The cases in which a paper counts, locked: its own, those that this was merged into, and those split off after it was entered."""
    line = (
        select(CaseFile.id, CaseFile.merged_into_id).where(CaseFile.id == found.case_id).cte("counting", recursive=True)
    )
    split = and_(CaseFile.split_from_id == line.c.id, CaseFile.opened_at >= found.added_at)
    line = line.union(
        select(CaseFile.id, CaseFile.merged_into_id).join(line, or_(split, CaseFile.id == line.c.merged_into_id))
    )
    return [lock(session, each) for each in session.scalars(select(line.c.id).order_by(line.c.id)).all()]


def _following(session: Session, where: Sequence[CaseFile], of: CasePaper | Measure) -> list[Deadline]:
    """The running clocks that count from a paper or a measure."""
    rows = select(Deadline).where(Deadline.case_id.in_([each.id for each in where]), *timekeeping.RUNNING)
    return [
        each for each in session.scalars(rows.order_by(Deadline.due_at)) if origins.counts_from(session, each) is of
    ]


def _return_by(session: Session, found: CasePaper) -> Handover | None:
    """The hand-over that ended with a paper: the file came back on its day."""
    return session.scalars(
        select(Handover).where(
            Handover.case_id == found.case_id, Handover.return_document == found.number, Handover.returned_on == found.signed_on
        )
    ).first()  # fmt: skip


def _put(session: Session, found: CasePaper, day: date) -> date:
    """The new day, within the rule that a number is given once a year. Returns the day before."""
    was, number, wanted = found.signed_on, found.number, redate_checks.as_of(found, day)
    try:
        with session.begin_nested():
            found.signed_on = day
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_case_paper_number":
            raise signing.NumberTaken(number=number, case=signing.holder(session, wanted)) from exc
        raise
    return was


def _met_then(session: Session, where: Sequence[CaseFile], found: CasePaper, was: date) -> None:
    """What the step of this paper ended was ended with its day: in time or late as the right day says."""
    old, new = signing.moment(was, found.added_at), signing.moment(found.signed_on, found.added_at)
    kinds = {kind for move, (of, _demand) in mandates.PAPERS.items() if of is found.kind for kind in MOVES[move].meets}
    rows = select(Deadline).where(
        Deadline.case_id.in_([each.id for each in where]), Deadline.met_at == old, Deadline.kind.in_(kinds)
    )  # fmt: skip
    for each in session.scalars(rows):
        each.met_at = new
        if each.ended_as is not EndedAs.WITHOUT_OBJECT:
            each.ended_as = EndedAs.FULFILLED if new <= each.due_at else EndedAs.LATE
    session.flush()


def _tell(session: Session, case: CaseFile, found: CasePaper, was: date, why: str, *, by: UUID, at: datetime) -> None:
    """The deed in the book of the case and in the history of the paper."""
    facts = {
        "kind": found.kind.value,
        "paper": found.number,
        "was": was.isoformat(),
        "now": found.signed_on.isoformat(),
    }
    write(session, case, "redate", by=by, at=at, note=why, facts=facts)
    history.record(
        session, "paper:redate", found.id, by=by, at=at, changes={"signed_on": (was, found.signed_on)}, why=why
    )


def _move(
    session: Session, following: Sequence[Deadline], began: datetime, why: str, *, by: UUID, duties: Collection[Duty], at: datetime
) -> None:  # fmt: skip
    """Bring every clock that counts from it to the new beginning, each with its reckoning and its line in the book."""
    for each in following:
        if each.started_at != began:
            carries_on = membership.survivor(session, each.case_id)
            timekeeping.correct_start(
                session, carries_on, each.id, began=began, reason=why, by=by, duties=duties, at=at
            )  # fmt: skip
    session.flush()
