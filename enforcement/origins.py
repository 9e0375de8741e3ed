"""From what a clock counts: the acts, a paper, a measure. Whoever would let it begin otherwise corrects that fact first.

Only reading. What must not live here: correcting a start (`timekeeping`), and which step starts which clock (`transitions`, `cases`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from enforcement import clocks, membership, signing
from enforcement.deadlines import DeadlineKind
from enforcement.errors import FollowsFromActs
from enforcement.models import CaseAct, CaseFile, Document, Measure, PaperKind, ReckoningCause, Ruling
from enforcement.transitions import EXPLAINING
from trace.clock import CITY
from trace.errors import Conflict

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from enforcement.models import CasePaper, Deadline
    from trace.errors import TemThatError

P = PaperKind
_RECORD = (P.VIOLATION_RECORD, P.TAKEN_BACK)
# The papers with whose day a clock begins.
OF_PAPERS: dict[DeadlineKind, tuple[PaperKind, ...]] = {
    DeadlineKind.INSPECTION_START: (P.INSPECTION_DECISION,), DeadlineKind.POST_VERIFICATION: (P.INSPECTION_RECORD,),
    DeadlineKind.PENALTY_DECISION: _RECORD, **dict.fromkeys(EXPLAINING, _RECORD),
}  # fmt: skip
DECISIONS = (P.PENALTY, P.REMEDY_ONLY, P.NO_PENALTY)
OF_RULING = frozenset({DeadlineKind.DELIVERY, DeadlineKind.ENFORCEABILITY, DeadlineKind.EXECUTION})
T = TypeVar("T", Measure, Document, Ruling)


class FollowsFromTerms(Conflict):
    """The limitation is counted from the day on which the act ended, as the legal details of the case say.

    Correct that day in the legal details; the limitation follows it.
    """


class FollowsFromPaper(Conflict):
    """This clock counts from the paper no. %(number)s of %(day)s, so it begins on that day and on no other.

    If the paper was signed on another day, a head corrects its day in the violation file, and the clock follows.
    """


class FollowsFromMeasure(Conflict):
    """This clock counts from the measure of %(day)s (paper no. %(number)s), so it begins on that day and on no other.

    If the measure began on another day, a head corrects its day in the violation file, and the clock follows.
    """


class FollowsFromService(Conflict):
    """This clock counts from %(day)s, when the decision was handed over, so it begins on that day and on no other.

    Look up in the violation file when the decision was handed over.
    """


class RanOut(Conflict):
    """This clock ran out on %(due)s. Another beginning would let it run anew.

    What the law allows after the end stands with the step that was barred.
    """


def refusal(session: Session, deadline: Deadline, *, began: datetime, at: datetime) -> TemThatError | None:
    """Why a clock cannot begin at a moment; None if it can. It may be brought to the day of its own paper, even after its end."""
    if deadline.kind in clocks.LIMITATION:
        return _of_acts(session, deadline)
    if (found := _origin(session, deadline)) is not None:
        day, why = found
        return None if began.astimezone(CITY).date() == day else why
    return RanOut(due=deadline.due_at) if at > deadline.due_at else None


def correctable(session: Session, deadline: Deadline, *, at: datetime) -> bool:
    """Whether a clock could begin at any other day than it does."""
    if deadline.kind in clocks.LIMITATION:
        return False
    if (found := _origin(session, deadline)) is not None:
        return deadline.started_at.astimezone(CITY).date() != found[0]
    return at <= deadline.due_at


def _of_acts(session: Session, deadline: Deadline) -> TemThatError:
    of_these = CaseAct.case_id.in_(membership.member_ids(deadline.case_id))
    entered = session.scalar(select(CaseAct.id).where(of_these, CaseAct.struck_at.is_(None)).limit(1))
    return FollowsFromActs() if entered else FollowsFromTerms()


def _origin(session: Session, deadline: Deadline) -> tuple[date, TemThatError] | None:
    """The day of the fact from which a clock counts, with how the clock is held to it; None where a person said when it began."""
    if (measure := _of(session, Measure, deadline)) is not None:
        # The end of an assessment is the agreed day, wherever it began.
        return None if measure.due_on else _told(FollowsFromMeasure, measure.began_at, measure.paper.number)
    if (document := _of(session, Document, deadline)) is not None:
        return _told(FollowsFromPaper, document.issued_at, document.number or "–")
    paper, served = _paper(session, deadline)
    if served is not None:
        return served, FollowsFromService(day=served)
    if paper is None:
        return None
    return _told(FollowsFromPaper, paper.added_at if _returned(paper, deadline) else paper.signed_on, paper.number)


def counts_from(session: Session, deadline: Deadline) -> CasePaper | Measure | None:
    """The paper or measure with whose day a clock begins; None where it counts from anything else."""
    if (measure := _of(session, Measure, deadline)) is not None:
        return measure
    if _of(session, Document, deadline) is not None:
        return None
    paper, served = _paper(session, deadline)
    return None if paper is None or served is not None or _returned(paper, deadline) else paper


def _paper(session: Session, deadline: Deadline) -> tuple[CasePaper | None, date | None]:
    """The paper that a clock follows; or, of what is carried out, the day on which the decision was handed over."""
    ruling, case = _of(session, Ruling, deadline), session.get_one(CaseFile, deadline.case_id)
    if deadline.kind in OF_RULING:
        back = signing.latest(session, case, (P.TAKEN_BACK,))
        paper = ruling.paper if ruling else signing.latest(session, case, DECISIONS)
        served = ruling.served_on if ruling and deadline.kind is DeadlineKind.EXECUTION else None
        if back is not None and paper is not None and back.signed_on >= (served or paper.signed_on):
            paper = back  # what was left to serve or to carry out began anew when the police gave the file back
        elif deadline.kind is DeadlineKind.EXECUTION:
            return None, served
        return paper, None
    return _began_with(session, deadline, case), None


def _began_with(session: Session, deadline: Deadline, case: CaseFile) -> CasePaper | None:
    """The paper that a clock began with: of its own case or the origin of that; a record that a later merge brings begins none anew.

    The right to explain begins by itself, after the record, so it may count from that of a case that had been merged in before.
    """
    since = min((row.at for row in deadline.reckonings if row.cause is ReckoningCause.STARTED), default=None)
    late = since is not None and deadline.kind in EXPLAINING
    among = membership.lineage(case.id, merged_by=since) if late else membership.origins(case.id)
    return signing.latest(session, case, OF_PAPERS.get(deadline.kind, ()), known_at=since, among=among)


def _returned(paper: CasePaper, deadline: Deadline) -> bool:
    """Of a file that came back, the right to explain begins when it was entered, whatever day the paper of the police bears."""
    return paper.kind is P.TAKEN_BACK and deadline.kind in EXPLAINING


def _of(session: Session, kind: type[T], deadline: Deadline) -> T | None:
    return None if deadline.subject_id is None else session.get(kind, deadline.subject_id)


def _told(kind: type[TemThatError], when: date | None, number: str) -> tuple[date, TemThatError] | None:
    day = when.astimezone(CITY).date() if isinstance(when, datetime) else when
    return None if day is None else (day, kind(number=number, day=day))
