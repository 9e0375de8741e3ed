"""The right to explain before a decision (penalties law, Art. 61): who has it by the bracket of the own acts, until when, and what became of it.

The figures are dated rows of law (`law.explanation_threshold`). Where the law data cannot say, the right is granted: a decision made
without hearing somebody who had it is void. What must not live here: brackets (`fines`), and the moves of a case (`cases`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from enforcement import clocks, deadlines, fines, law, membership, offenders, signing
from enforcement.casebook import NotInFuture, said, write
from enforcement.deadlines import DeadlineKind
from enforcement.entries import held, refuse
from enforcement.errors import IllegalMove, MissingDemand
from enforcement.law_seed import LAW
from enforcement.models import (
    CaseEvent,
    CaseParty,
    Explanation,
    ExplanationEnd,
    Measure,
    MeasureKind,
    PaperKind,
)
from enforcement.transitions import EXPLAINING, CaseState, Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.law import Law
    from enforcement.models import CaseFile
    from trace.errors import TemThatError

BASIS = f"{LAW} Điều 61"
MAY_EXPLAIN = frozenset({CaseState.VIOLATION_RECORDED, CaseState.EXPLANATION, CaseState.DECISION_DUE})


class NoRightToExplain(Conflict):
    """Nobody in this case has the right to explain: every bracket stays below the amounts of Art. 61, and no suspension is foreseen.

    Prepare the decision at once.
    """


class ExplanationTimeRuns(Conflict):
    """%(who)s may still explain until %(due)s, so nothing can be decided yet.

    Enter the explanation or its written waiver with its number, or wait until the time has passed.
    """


class ExplainedAlready(Conflict):
    """What %(who)s made of the right to explain is in the file already.

    Load the page again.
    """


class PutForwardTooEarly(Invalid):
    """The file would be put forward on %(day)s, but on %(last)s somebody was still invited to explain, explained, or ended an assessment.

    Write the day on which it was really put forward.
    """


@dataclass(frozen=True)
class Right:
    """Whether an offender may explain, and on which figures that rests. `top` None: no bracket is known; `threshold` None: no row of law."""

    party: CaseParty
    owed: bool
    top: int | None
    threshold: int | None
    suspension: bool
    basis: str
    version: str
    needs_verification: bool


def right(
    session: Session, case: CaseFile, party: CaseParty, *, suspension: bool, on: date, rules: Law | None = None
) -> Right:
    """What the law says of one offender by the acts as they stand on a day."""
    stands = fines.frame(session, case, on=on, offender=party, rules=rules)
    tops = [each.top if each else None for _act, each in stands.acts]
    top = None if None in tops else max((each for each in tops if each is not None), default=0)
    row = law.explanation_threshold(session, on)
    threshold = None if row is None else row.organisation if party.is_organisation else row.individual
    below = top is not None and threshold is not None and top < threshold
    doubtful = (
        row is None or row.needs_verification or any(each is None or each.needs_verification for _, each in stands.acts)
    )
    return Right(
        party, suspension or not below, top, threshold, suspension, row.basis if row else BASIS, row.version if row else case.rule_version,
        doubtful,
    )  # fmt: skip


def rights(session: Session, case: CaseFile, *, on: date, suspension: bool = False) -> list[Right]:
    """The same of every offender on whom nothing is decided. What the record said of a suspension stays."""
    known, left = of_case(session, case), offenders.undecided(session, case)
    foreseen = suspension or any(known[each.id].suspension for each in left if each.id in known)
    rules = law.load(session)
    return [right(session, case, each, suspension=foreseen, on=on, rules=rules) for each in left]


def of_case(session: Session, case: CaseFile) -> dict[UUID, Explanation]:
    """What is written of the rights in a case and in those merged into it, by offender."""
    # By person, wherever it was noted: a person keeps the right when a merge is taken back.
    whose = select(CaseParty.id).where(CaseParty.case_id.in_(membership.member_ids(case.id)))
    rows = session.scalars(select(Explanation).where(Explanation.party_id.in_(whose)))
    return {row.party_id: row for row in rows}


def note(session: Session, case: CaseFile, *, suspension: bool = False, at: datetime) -> list[Explanation]:
    """Write down who has the right, by the acts as they stand now. A right that was granted is not taken back."""
    known = of_case(session, case)
    rows = []
    for each in rights(session, case, on=at.astimezone(CITY).date(), suspension=suspension):
        row = known.get(each.party.id)
        if row is None:
            row = Explanation(case_id=each.party.case_id, party_id=each.party.id)
            session.add(row)
        elif row.owed:
            rows.append(row)
            continue
        row.owed, row.bracket_top, row.threshold, row.suspension = each.owed, each.top, each.threshold, each.suspension
        row.basis, row.version, row.needs_verification, row.judged_at = (
            each.basis,
            each.version,
            each.needs_verification,
            at,
        )
        rows.append(row)
    session.flush()
    return rows


def refuse_without_right(session: Session, case: CaseFile, *, at: datetime) -> None:
    """Nobody is invited to explain who has no right to."""
    if not any(row.owed for row in note(session, case, at=at)):
        raise NoRightToExplain


def settle(session: Session, case: CaseFile, filled: Mapping[str, Any], *, by: UUID, at: datetime) -> dict[str, Any]:
    """With the step that prepares the decision: what became of every right that nobody settled before. Refused while the time runs unused.

    The day on which the file was put forward may lie before the entry, but before nothing in the file that shows otherwise.
    """
    rows, said_on = note(session, case, at=at), filled.get(Demand.SIGNED_ON)
    put_on, waiting = said_on or at.astimezone(CITY).date(), [row for row in rows if row.owed and row.outcome is None]
    told = filled.get(Demand.EXPLANATION)
    outcome = ExplanationEnd(told) if told and str(told) in set(ExplanationEnd) else None
    number = filled.get(Demand.EXPLANATION_NUMBER)
    if waiting and outcome not in {None, ExplanationEnd.UNUSED} and not number:
        raise MissingDemand(move=Move.PREPARE_DECISION, missing=(Demand.EXPLANATION_NUMBER,))
    faults = [] if said_on is None else _not_put_forward(session, case, said_on, rows, at=at)
    if outcome in {None, ExplanationEnd.UNUSED}:
        _time_over(session, case, waiting, by=by, at=signing.moment(put_on, at), faults=faults)
        outcome, number = ExplanationEnd.UNUSED, None
    else:
        refuse(faults)
        for row in waiting:
            _end(row, outcome, on=put_on, number=said(str(number)), by=by)
    session.flush()
    told = {Demand.EXPLANATION.value: outcome.value, Demand.EXPLANATION_NUMBER.value: number} if waiting else {}
    return told if said_on is None else told | {Demand.SIGNED_ON.value: said_on.isoformat()}


def prepared_on(session: Session, case: CaseFile, *, known_at: datetime | None = None) -> date | None:
    """The day on which the file was last put forward for a decision: as it was given, or the day of the entry. `known_at`: entered by then."""
    line = membership.lineage(case.id).subquery()  # a case that was split off was put forward with its origin
    entered = session.execute(
        select(CaseEvent.at, CaseEvent.facts[Demand.SIGNED_ON.value].astext)
        .join(line, and_(line.c.id == CaseEvent.case_id, CaseEvent.at <= line.c.until))
        .where(CaseEvent.move == Move.PREPARE_DECISION, *([] if known_at is None else [CaseEvent.at <= known_at]))
    ).all()
    return max((date.fromisoformat(day) if day else at.astimezone(CITY).date() for at, day in entered), default=None)


def refuse_early(session: Session, case: CaseFile, parties: Collection[CaseParty], *, by: UUID, at: datetime) -> None:
    """Nobody is fined before the own time to explain is over, unless they explained or gave it up in writing."""
    wanted = {each.id for each in parties}
    waiting = [row for row in note(session, case, at=at) if row.party_id in wanted and row.owed and row.outcome is None]
    _time_over(session, case, waiting, by=by, at=at)
    session.flush()


def receive(
    session: Session, case_id: UUID, explanation_id: UUID, *, outcome: ExplanationEnd, on: date, document_number: str, by: UUID, at: datetime,
    version: int | None = None,
) -> Explanation:  # fmt: skip
    """An offender explained in writing or at a meeting, or gave the right up in writing. Once all have, their clocks end."""
    case = held(session, case_id, version)
    if case.state not in MAY_EXPLAIN:
        raise IllegalMove(state=case.state)
    noted = note(session, case, at=at)
    row = next((each for each in noted if each.id == explanation_id and each.owed), None)
    if row is None or outcome is ExplanationEnd.UNUSED:
        raise NotFound
    if row.outcome is not None:
        raise ExplainedAlready(who=row.party.name)
    faults: list[TemThatError] = []
    if on > at.astimezone(CITY).date():
        faults.append(NotInFuture())
    record = signing.latest(session, case, (PaperKind.VIOLATION_RECORD,))
    if record is not None and on < record.signed_on:
        faults.append(signing.SignedBeforePaper(signed=on, other=record.kind, day=record.signed_on))
    refuse(faults)
    _end(row, outcome, on=on, number=said(document_number), by=by)
    session.flush()
    facts = {"who": row.party.name, "how": outcome.value, "number": row.document_number, "day": on.isoformat()}
    write(session, case, "explain", by=by, at=at, facts=facts)
    history.record(session, "explanation:receive", row.id, by=by, at=at, changes={"outcome": (None, outcome)})
    if not any(each.owed and each.outcome is None for each in noted):
        clocks.meet(session, case, EXPLAINING, at=at)
        case.next_due_at = clocks.next_due(session, case.id)
    session.flush()
    return row


def received(session: Session, case: CaseFile, *, on: date, number: str, by: UUID, at: datetime) -> None:
    """The clock of the written explanation was met by a note: whoever had not explained yet did so with this paper."""
    for row in note(session, case, at=at):
        if row.owed and row.outcome is None:
            _end(row, ExplanationEnd.WRITTEN, on=on, number=number, by=by)
    session.flush()


def ends(session: Session, case: CaseFile) -> datetime | None:
    """Until when an offender may explain: as the running clock says, or counted from the record; None without one.

    Of a file that the police gave back before there was a record, counted from its return: it is decided on their file (Art. 63).
    """
    if (running := clocks.running(session, case.id, {DeadlineKind.EXPLANATION_WRITTEN})) is not None:
        return running
    record = signing.latest(session, case, (PaperKind.VIOLATION_RECORD,))
    if record is not None:
        return counted(session, signing.beginning(record, record.added_at))
    back = signing.latest(session, case, (PaperKind.TAKEN_BACK,))
    return None if back is None else counted(session, back.added_at)


def open_again(session: Session, case: CaseFile, *, at: datetime) -> tuple[DeadlineKind, ...]:
    """The clocks that begin when a file comes back from the police: of the right to explain, for whoever has it and could not use it up.

    Nobody could while the file was away. Without a record nobody was told before; with one, the time may have run out before the file went.
    """
    if not any(row.owed and row.outcome is None for row in note(session, case, at=at)):
        return ()
    record = signing.latest(session, case, (PaperKind.VIOLATION_RECORD,))
    went = signing.latest(session, case, (PaperKind.CRIMINAL_TRANSFER,))
    if record is not None and went is not None:
        due = counted(session, signing.beginning(record, record.added_at))
        if due < signing.beginning(went, went.added_at):
            return ()
    return EXPLAINING


def counted(session: Session, began: datetime) -> datetime:
    """Until when somebody may explain whose time began at a moment."""
    rules = law.load(session)
    rule = rules.rule(DeadlineKind.EXPLANATION_WRITTEN, began.astimezone(CITY).date())
    return deadlines.due(began, rule, rules.calendar)


def _not_put_forward(
    session: Session, case: CaseFile, day: date, rows: Sequence[Explanation], *, at: datetime
) -> list[TemThatError]:
    """Why the file was not put forward on a day: it rests on a later paper or act, or what the decision considers came later."""
    line = membership.lineage(case.id).subquery()
    invited = session.scalar(
        select(func.max(CaseEvent.at))
        .join(line, and_(line.c.id == CaseEvent.case_id, CaseEvent.at <= line.c.until))
        .where(CaseEvent.move == Move.OPEN_EXPLANATION)
    )
    assessed = session.scalar(
        select(func.max(Measure.ended_at))
        .join(line, and_(line.c.id == Measure.case_id, Measure.added_at <= line.c.until))
        .where(Measure.kind == MeasureKind.ASSESSMENT)
    )
    days = [moment.astimezone(CITY).date() for moment in (invited, assessed) if moment is not None]
    days += [row.settled_on for row in rows if row.owed and row.settled_on is not None]
    faults = signing.faults(session, case, PaperKind.PENALTY, day, at=at)
    if (last := max(days, default=day)) > day:
        faults.append(PutForwardTooEarly(day=day, last=last))
    return faults


def _time_over(
    session: Session, case: CaseFile, waiting: Sequence[Explanation], *, by: UUID, at: datetime, faults: Sequence[TemThatError] = ()
) -> None:  # fmt: skip
    """The time has passed unused at a moment: the right is settled from the day after its end. `faults`: what else is wrong."""
    due = ends(session, case) if waiting else None
    runs = waiting if due is None or at <= due else ()
    refuse([*faults, *(ExplanationTimeRuns(who=row.party.name, due=due or "–") for row in runs)])
    for row in waiting:
        over = due.astimezone(CITY).date() + timedelta(days=1) if due else at.astimezone(CITY).date()
        _end(row, ExplanationEnd.UNUSED, on=min(over, at.astimezone(CITY).date()), number=None, by=by)


def _end(row: Explanation, outcome: ExplanationEnd, *, on: date, number: str | None, by: UUID) -> None:
    row.outcome, row.settled_on, row.document_number, row.settled_by = outcome, on, number, by
