"""What people do to a case: move it through the law's steps, take it, hand it over, note, add evidence, extend a deadline, close it.

Every deed locks the case, compares the version the person saw, changes, and writes the event in the same transaction. Which moves
there are is data in `transitions`; the clocks are in `clocks`. What must not live here: HTTP, and who the person is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified

from enforcement import (
    acts,
    clocks,
    deciding,
    evidence,
    explaining,
    law,
    mandates,
    membership,
    offenders,
    orders,
    reporters,
    rulings,
    signing,
)
from enforcement.casebook import CaseIsOver, NotInFuture, lock, name_of, said, same_version, workable, write
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import CaseEvent, CaseFile, Evidence, InspectionGround, Outcome, PaperKind, Signal
from enforcement.transitions import HEADS, MOVES, OVER, CaseState, Demand, Move, Step, check
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.parties import AppUser, Role, RoleGrant
from trace.models.tips import TipState
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.deciding import Written
    from enforcement.models import CasePaper, Deadline
    from enforcement.transitions import Duty
    from trace.models.files import StoredFile

# Worked by these; what each may do on the way is said move by move in `transitions`.
# Kept by the rulings; the event names the offenders and the sums.
OF_OFFENDERS = frozenset({Demand.OFFENDERS, Demand.FINES})
DESK_ROLES = (Role.OFFICER, Role.TEAM_HEAD, Role.BRANCH_HEAD)


class AlreadyTaken(Conflict):
    """%(who)s already works this case.

    Choose another case from the queue.
    """


class NoSuchOfficer(Invalid):
    """This person does not work at the case desk today.

    Choose somebody from the list.
    """


class NoSuchFolio(Invalid):
    """The case has no evidence under this folio number.

    Choose from the evidence listed on the page.
    """


def get(session: Session, case_id: UUID) -> CaseFile:
    """One case with all that its page shows."""
    statement = (
        select(CaseFile)
        .where(CaseFile.id == case_id)
        .options(
            joinedload(CaseFile.officer),
            joinedload(CaseFile.opener),
            joinedload(CaseFile.commune),
            joinedload(CaseFile.suspect),
            selectinload(CaseFile.signals).joinedload(Signal.commune),
            selectinload(CaseFile.events).joinedload(CaseEvent.author),
            selectinload(CaseFile.deadlines),
        )
    )
    case = session.scalars(statement).one_or_none()
    if case is None:
        raise NotFound
    return case


def move(
    session: Session,
    case_id: UUID,
    taken: Move,
    *,
    by: UUID,
    duties: Collection[Duty],
    given: Mapping[str, Any],
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Take one step. `given` maps the names of `Demand` to what was filled in; empty counts as missing.

    `version`: the case's version on the page the person saw; None for callers that have just locked and looked themselves.
    """
    case = lock(session, case_id)
    same_version(session, case, version)
    filled = {name: value for name, value in given.items() if value not in (None, "", [], ())}
    day = filled.get(Demand.SIGNED_ON) or at.astimezone(CITY).date()
    allowed = mandates.for_move(session, by, duties, taken, day, at=at)
    step = check(case.state, taken, duties=allowed, given=filled)
    filled = {name: value for name, value in filled.items() if name in step.demands | step.may}
    facts = _facts(session, case, step, filled)
    written = deciding.write_down(session, case, taken, filled, by=by, duties=duties, at=at)
    facts |= written.facts
    was, case.state = case.state, rulings.leads_to(session, case, taken, step)
    if case.state is CaseState.CLOSED:
        case.outcome, case.closed_at = Outcome(filled[Demand.OUTCOME]), at
    stays = case.state is was
    # What was decided on one offender ends no clock of the others.
    ended = [] if stays else clocks.finish(session, case, step, at=signing.moment(filled.get(Demand.SIGNED_ON), at))
    begun = _start_clocks(session, case, taken, written, recipient=str(filled.get(Demand.RECIPIENT) or ""), at=at)
    facts |= {"deadlines_started": clocks.facts(begun), "deadlines_met": clocks.facts(ended)}
    note = filled.get(Demand.NOTE)
    write(session, case, "move", by=by, at=at, move=taken, was=was, becomes=case.state, note=note, facts=facts)
    if case.state is CaseState.CLOSED:
        _wind_up(session, case, by=by, at=at)
    if taken is Move.START_EXECUTION:
        orders.finish_when_done(session, case, at=at)
    if stays:
        acts.settle(session, case, by=by, at=at)
        flag_modified(case, "title")  # the page that others look at is out of date, although the state is the same
    case.next_due_at = clocks.next_due(session, case.id)
    history.record(session, "case:move", case.id, by=by, at=at, changes={"state": (was, case.state)}, why=note)
    session.flush()
    return case


def claim(session: Session, case_id: UUID, *, by: UUID, at: datetime) -> CaseFile:
    """Take a case that nobody works. Of many who try at once exactly one gets it; the winner may try again without harm."""
    case = lock(session, case_id)
    if case.officer_id == by:
        return case
    if case.officer_id is not None:
        raise AlreadyTaken(who=name_of(session, case.officer_id))
    if case.state in OVER:
        raise CaseIsOver(number=case.number)
    case.officer_id = by
    write(session, case, "claim", by=by, at=at, facts={"officer": name_of(session, by)})
    history.record(session, "case:claim", case.id, by=by, at=at, changes={"officer": (None, by)})
    session.flush()
    return case


def assign(
    session: Session,
    case_id: UUID,
    officer_id: UUID,
    *,
    reason: str,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Give a case to somebody of the desk, with a reason. For heads."""
    case = workable(session, case_id, version)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    if officer_id not in {officer.id for officer in officers(session, on=at.astimezone(CITY).date())}:
        raise NoSuchOfficer
    why = said(reason)
    was, case.officer_id = case.officer_id, officer_id
    names = {"was": name_of(session, was) if was else None, "officer": name_of(session, officer_id)}
    write(session, case, "assign", by=by, at=at, note=why, facts=names)
    history.record(session, "case:assign", case.id, by=by, at=at, changes={"officer": (was, officer_id)}, why=why)
    session.flush()
    return case


def note(session: Session, case_id: UUID, text: str, *, by: UUID, at: datetime) -> CaseEvent:
    """Write something into the file. A closed case takes no note."""
    case = workable(session, case_id)
    event = write(session, case, "note", by=by, at=at, note=said(text))
    history.record(session, "case:note", case.id, by=by, at=at)
    session.flush()
    return event


def add_evidence(
    session: Session,
    case_id: UUID,
    file: StoredFile,
    *,
    title: str,
    origin: str,
    taken_at: datetime,
    store: Path,
    by: UUID,
    at: datetime,
    setting: evidence.Setting = evidence.Setting(),  # noqa: B008  frozen and empty
) -> Evidence:
    """Take a file that an officer brings into a case."""
    case = workable(session, case_id)
    if taken_at > at:
        raise NotInFuture
    there = evidence.folio_of(session, case.id, file.sha256)
    if there is not None:
        raise evidence.AlreadyEvidence(folio=there)
    piece = evidence.take(
        session,
        case,
        file,
        title=said(title),
        origin=said(origin),
        taken_at=taken_at,
        taken_by=by,
        store=store,
        by=by,
        at=at,
        setting=setting,
    )
    write(
        session,
        case,
        "take_evidence",
        by=by,
        at=at,
        facts={"folio": piece.folio, "title": piece.title, "sha256": piece.sha256},
    )
    return piece


def gather_evidence(session: Session, case_id: UUID, *, store: Path, by: UUID, at: datetime) -> list[Evidence]:
    """Take in the photos that reached the case's signals after they joined it."""
    case = workable(session, case_id)
    taken, damaged = evidence.gather(session, case, store=store, by=by, at=at)
    if taken or damaged:
        facts = {"folios": [piece.folio for piece in taken], "damaged": [file.sha256 for file in damaged]}
        write(session, case, "gather_evidence", by=by, at=at, facts=facts)
    return taken


def officers(session: Session, *, on: date) -> Sequence[AppUser]:
    """Who works at the desk on a day, by given name."""
    works = select(RoleGrant.user_id).where(RoleGrant.role.in_(DESK_ROLES), RoleGrant.valid_during.contains(on))
    statement = select(AppUser).where(AppUser.id.in_(works), AppUser.closed_at.is_(None))
    return sorted(session.scalars(statement), key=lambda user: (user.full_name.split()[-1], user.full_name))


def _facts(session: Session, case: CaseFile, step: Step, filled: Mapping[str, Any]) -> dict[str, Any]:
    """What the event keeps of the form, besides the note."""
    facts: dict[str, Any] = {}
    for name in sorted((step.demands | step.may) - {Demand.NOTE, Demand.SIGNED_ON, *OF_OFFENDERS}):
        if name not in filled:
            continue
        value = filled[name]
        if name == Demand.EVIDENCE:
            value = sorted({int(folio) for folio in value})
            known = set(session.scalars(select(Evidence.folio).where(Evidence.case_id == case.id)))
            if not known.issuperset(value):
                raise NoSuchFolio
        elif name == Demand.OUTCOME:
            value = Outcome(value).value
        elif not isinstance(value, int):
            value = said(str(value))
        facts[str(name)] = value
    if Demand.NOTE in filled:
        said(str(filled[Demand.NOTE]))
    return facts


def _start_clocks(
    session: Session, case: CaseFile, taken: Move, written: Written, *, recipient: str, at: datetime
) -> list[Deadline]:  # fmt: skip
    """The clocks of a step; those of a decision for each offender it names, those of the execution for each that is still open."""
    rules, began = law.load(session), _beginning(session, case, taken, written.paper, at)
    if taken is Move.START_EXECUTION and offenders.rulings(session, case):
        return rulings.serve_all(session, case, recipient=recipient, at=at)
    subjects: list[UUID | None] = [each.id for each in written.rulings] or [None]
    if taken is Move.RESUME_EXECUTION:
        subjects = list(dict.fromkeys(line.ruling_id for line in orders.standing_open(session, case))) or [None]
    wanted = [(kind, subject) for kind in (*MOVES[taken].starts, *_by_ground(written.paper)) for subject in subjects]
    started = []
    if taken is Move.TAKE_BACK:
        wanted += _of_decided(session, case)
        # From now on, whatever day the paper of the police bears: until now nobody was told.
        kinds = explaining.open_again(session, case, at=at)
        started = [clocks.start(session, case, kind, began=at, law=rules, at=at) for kind in kinds]
    return started + [
        clocks.start(session, case, kind, began=began, law=rules, at=at, subject_id=subject) for kind, subject in wanted
    ]


def _of_decided(session: Session, case: CaseFile) -> list[tuple[DeadlineKind, UUID | None]]:
    """What has to begin anew for those who were decided on before the police had the file: to get the decision, or to carry it out."""
    owing = {line.ruling_id for line in orders.standing_open(session, case)}
    wanted: list[tuple[DeadlineKind, UUID | None]] = []
    for each in offenders.rulings(session, case):
        if each.served_on is None:
            wanted.append((DeadlineKind.DELIVERY, each.id))
        elif each.id in owing:
            wanted.append((DeadlineKind.EXECUTION, each.id))
        if each.id in owing:
            wanted.append((DeadlineKind.ENFORCEABILITY, each.id))
    return wanted


def _beginning(session: Session, case: CaseFile, taken: Move, paper: CasePaper | None, at: datetime) -> datetime:
    """When the clocks of a step begin: with the day of its paper, and the time to explain with the day of the violation record."""
    if taken is Move.OPEN_EXPLANATION:
        record = signing.latest(session, case, (PaperKind.VIOLATION_RECORD,))
        return signing.beginning(record, record.added_at) if record else at
    return signing.beginning(paper, at) if paper else at


def _by_ground(paper: CasePaper | None) -> tuple[DeadlineKind, ...]:
    """An inspection under the plan has days to begin; any other begins at once."""
    planned = paper is not None and paper.ground is InspectionGround.PLAN
    return (DeadlineKind.INSPECTION_START,) if planned else ()


def _wind_up(session: Session, case: CaseFile, *, by: UUID, at: datetime) -> None:
    """What a closed case leaves behind: no running clock, signals that know how it ended, reporters who know that it did."""
    members = membership.members(session, case.id)
    for each in members:
        clocks.stop(session, session.get_one(CaseFile, each), at=at)
    signals = session.scalars(select(Signal).where(Signal.case_id.in_(members))).all()
    for signal in signals:
        signal.outcome = case.outcome
    reporters.tell(session, signals, TipState.CLOSED, by=by, at=at)
