"""Nonconformities: what was found, what the holder did about it, whether that had effect, and the lists of visits and findings.

Whoever verifies belongs to nobody that is controlled and is not who corrected. What must not live here: the label gate, which only
reads open blocking nonconformities, and the visit in which something is found (`visits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.control_papers import ControlFile, ControlSample
from trace.models.controls import ControlLevel, ControlVisit, CorrectiveAction, Nonconformity, Severity
from trace.models.parties import AppUser, Party, Role
from trace.services import control_files, files, history, places, suspensions
from trace.services.certificates import belongs_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from trace.services.reach import Reach

Source = GrowingArea | ProductionSite
MOST_FILES = 20


class OnlyItsFinder(Forbidden):
    """Only the controller of a visit adds to what it found."""


class DescriptionMissing(Invalid):
    """Every nonconformity says what was found."""


class DueBeforeFound(Invalid):
    """A nonconformity is due on the day on which it was found or later."""


class AnsweredByHolderOnly(Forbidden):
    """Only a clerk of the holder can say what was corrected."""


class AlreadyClosed(Conflict):
    """This nonconformity was closed already."""


class NothingCorrectedYet(Conflict):
    """The holder has not yet said what was corrected.

    Wait for the corrective action, or ask the holder for it.
    """


class CorrectorCannotClose(Forbidden):
    """Whoever corrected, or works for the holder, cannot verify the correction."""


class TextNeeded(Invalid):
    """Say in words what was done."""


class NewDueNeeded(Invalid):
    """A correction without effect needs a new day by which it has to be done, today or later.

    Enter that day.
    """


class TooManyFiles(Invalid):
    """There are at most %(most)s files here."""


class Due(StrEnum):
    """Which nonconformities a list shows."""

    OPEN = "open"
    OVERDUE = "overdue"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(frozen=True)
class VisitLine:
    """A visit in the list, with who made it and what it found."""

    visit: ControlVisit
    holder: Party
    controller: str
    found: Sequence[Nonconformity]


def open_one(
    session: Session, about: ControlVisit | ControlSample, *, severity: Severity, blocking: bool, description: str, due_on: date,
    by: UUID, at: datetime, action_asked: str = "", item_id: UUID | None = None,
) -> Nonconformity:  # fmt: skip
    """Write down a nonconformity of a visit or a sample. Where it is grave the system proposes to suspend; a person decides."""
    is_visit = isinstance(about, ControlVisit)
    found_on = about.visited_on if isinstance(about, ControlVisit) else about.reported_on or about.taken_on
    made = Nonconformity(
        title_id=about.title_id, holder_id=about.holder_id, area_id=about.area_id, site_id=about.site_id,
        visit_id=about.id if is_visit else None, sample_id=None if is_visit else about.id, item_id=item_id, severity=severity,
        blocking=blocking, description=description, action_asked=action_asked, found_on=found_on, due_on=due_on, recorded_at=at,
        recorded_by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    history.record(
        session, "nonconformity:record", made.id, by=by, at=at, why=description,
        changes={"severity": (None, severity), "blocking": (None, blocking), "due_on": (None, due_on)},
    )  # fmt: skip
    suspensions.propose_for(session, made, at=at)
    return made


def add_to_visit(
    session: Session, visit_id: UUID, *, severity: Severity, description: str, action_asked: str, due_on: date, blocking: bool | None = None,
    by: UUID, at: datetime, reach: Reach,
) -> Nonconformity:  # fmt: skip
    """What a controller found beyond the plan. `blocking` None means: by severity, a critical one blocks."""
    visit = session.scalars(
        select(ControlVisit)
        .where(ControlVisit.id == visit_id, reach.covers(ControlVisit.holder_id, ControlVisit.title_id))
        .with_for_update(key_share=True)
    ).one_or_none()
    if visit is None:
        raise NotFound
    if visit.controller_id != by:
        raise OnlyItsFinder
    reasons: list[TemThatError] = []
    if not description.strip():
        reasons.append(DescriptionMissing())
    if due_on < visit.visited_on:
        reasons.append(DueBeforeFound())
    if reasons:
        raise Refused(reasons)
    blocks = severity is Severity.CRITICAL if blocking is None else blocking
    found = open_one(
        session, visit, severity=severity, blocking=blocks, description=description, action_asked=action_asked, due_on=due_on, by=by, at=at
    )  # fmt: skip
    if visit.passed and (severity is not Severity.MINOR or blocks):
        history.record(
            session, "visit:change", visit.id, by=by, at=at, changes={"passed": (True, False)}, why=description
        )
        visit.passed = False
        session.flush()
    return found


def answer(
    session: Session, nonconformity_id: UUID, *, text: str, by: UUID, at: datetime, reach: Reach
) -> CorrectiveAction:
    """A clerk of the holder says what was corrected. May be amended until it is verified; earlier words stay in the history."""
    found = _locked(session, nonconformity_id, reach)
    if not belongs_to(session, by, found.holder_id, on=at.astimezone(CITY).date(), roles={Role.CLERK}):
        raise AnsweredByHolderOnly
    if found.closed_at is not None:
        raise AlreadyClosed
    if not text.strip():
        raise TextNeeded
    last = found.last_action
    waiting = last if last is not None and last.verified_at is None else None
    history.record(
        session, "nonconformity:answer", found.id, by=by, at=at,
        changes={"corrective_action": (waiting.action if waiting else None, text)},
    )  # fmt: skip
    if waiting is None:
        waiting = CorrectiveAction(attempt=last.attempt + 1 if last else 1, due_on=found.due_on, action=text)
        waiting.reported_at, waiting.reported_by = at, by
        found.actions.append(waiting)
    else:
        waiting.action, waiting.reported_by = text, by
    session.flush()
    return waiting


def add_file(
    session: Session, store: Path, action_id: UUID, stream: BinaryIO, *, name: str, by: UUID, at: datetime
) -> ControlFile:
    """A photo or paper that shows a corrective action. Whoever calls has just reported it."""
    if (there := control_files.known(session, ControlFile.action_id == action_id, stream)) is not None:
        return there
    if control_files.count(session, ControlFile.action_id == action_id) >= MOST_FILES:
        raise TooManyFiles(most=MOST_FILES)
    stored = files.receive(session, store, stream, name=name, at=at, by=by)
    made = ControlFile(action_id=action_id, file_id=stored.id, added_at=at, added_by=by)
    session.add(made)
    session.flush()
    return made


def verify(
    session: Session, nonconformity_id: UUID, *, text: str, by: UUID, at: datetime, reach: Reach, effective: bool = True,
    new_due: date | None = None,
) -> Nonconformity:  # fmt: skip
    """Judge a correction: with effect closes the nonconformity, without effect sets a new day. Never by the holder's people."""
    found = _locked(session, nonconformity_id, reach)
    today = at.astimezone(CITY).date()
    if found.closed_at is not None:
        raise AlreadyClosed
    action = found.last_action
    if action is None or action.verified_at is not None:
        raise NothingCorrectedYet
    wrote = history.authors(session, found.id, "nonconformity:answer")
    if by in wrote or belongs_to(session, by, found.holder_id, on=today):
        raise CorrectorCannotClose
    if not text.strip():
        raise TextNeeded
    if not effective and (new_due is None or new_due < today):
        raise NewDueNeeded
    action.verified_at, action.verified_by, action.effective, action.verification = at, by, effective, text
    if effective:
        found.closed_at, found.closed_by = at, by
        history.record(
            session, "nonconformity:verify", found.id, by=by, at=at, why=text, changes={"closed_at": (None, at)}
        )
    else:
        history.record(
            session,
            "nonconformity:reopen",
            found.id,
            by=by,
            at=at,
            why=text,
            changes={"due_on": (found.due_on, new_due)},
        )
        found.due_on = new_due or found.due_on
    session.flush()
    return found


def visits(
    session: Session, *, reach: Reach, q: str = "", passed: bool | None = None, level: ControlLevel | None = None,
    unfinished: bool = False, page: int = 1, size: int = 50,
) -> tuple[list[VisitLine], int]:  # fmt: skip
    """Visits within reach, latest first, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [reach.covers(ControlVisit.holder_id, ControlVisit.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, Party.name, GrowingArea.name, ProductionSite.name, AppUser.full_name))
    if passed is not None:
        wanted.append(ControlVisit.passed.is_(passed))
    if level is not None:
        wanted.append(ControlVisit.level == level)
    if unfinished:
        wanted.append(ControlVisit.finished_at.is_(None))
    base = (
        select(ControlVisit, Party, AppUser.full_name)
        .join(Party, Party.id == ControlVisit.holder_id)
        .join(AppUser, AppUser.id == ControlVisit.controller_id)
        .outerjoin(GrowingArea, GrowingArea.id == ControlVisit.area_id)
        .outerjoin(ProductionSite, ProductionSite.id == ControlVisit.site_id)
        .where(*wanted)
    )
    total = session.scalar(select(func.count()).select_from(base.with_only_columns(ControlVisit.id).subquery())) or 0
    statement = (
        base.order_by(ControlVisit.finished_at.is_not(None), ControlVisit.visited_on.desc(), ControlVisit.recorded_at.desc())
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(ControlVisit.area), joinedload(ControlVisit.site))
    )  # fmt: skip
    rows = list(session.execute(statement))
    found: dict[UUID | None, list[Nonconformity]] = {}
    of_these = (
        select(Nonconformity)
        .where(Nonconformity.visit_id.in_([row[0].id for row in rows]))
        .order_by(Nonconformity.recorded_at)
    )
    for nonconformity in session.scalars(of_these):
        found.setdefault(nonconformity.visit_id, []).append(nonconformity)
    return [VisitLine(visit, holder, name, found.get(visit.id, [])) for visit, holder, name in rows], total


def nonconformities(
    session: Session, *, reach: Reach, on: date, q: str = "", due: Due | None = None, severity: Severity | None = None,
    visit_id: UUID | None = None, page: int = 1, size: int = 50,
) -> tuple[Sequence[Nonconformity], int]:  # fmt: skip
    """Nonconformities within reach: open ones first, by due date, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [reach.covers(Nonconformity.holder_id, Nonconformity.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, Nonconformity.description, Party.name))
    if severity:
        wanted.append(Nonconformity.severity == severity)
    if visit_id:
        wanted.append(Nonconformity.visit_id == visit_id)
    if due is Due.CLOSED:
        wanted.append(Nonconformity.closed_at.is_not(None))
    elif due:
        wanted.append(Nonconformity.closed_at.is_(None))
        if due is Due.OVERDUE:
            wanted += [Nonconformity.due_on < on, ~_awaits_verification()]
        if due is Due.ANSWERED:
            wanted.append(_awaits_verification())
    base = select(Nonconformity).join(Nonconformity.holder).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by(Nonconformity.closed_at.is_not(None), Nonconformity.due_on, Nonconformity.recorded_at)
        .limit(size)
        .offset((page - 1) * size)
        .options(
            joinedload(Nonconformity.holder), joinedload(Nonconformity.area), joinedload(Nonconformity.site),
            selectinload(Nonconformity.actions),
        )
    )  # fmt: skip
    return session.scalars(statement).all(), total


def get(session: Session, nonconformity_id: UUID, *, reach: Reach) -> Nonconformity:
    """One nonconformity; not within reach is not found."""
    statement = (
        select(Nonconformity)
        .where(Nonconformity.id == nonconformity_id, reach.covers(Nonconformity.holder_id, Nonconformity.title_id))
        .options(
            selectinload(Nonconformity.actions).options(
                joinedload(CorrectiveAction.reporter), joinedload(CorrectiveAction.verifier)
            ),
            joinedload(Nonconformity.item),
        )
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def sources(session: Session, *, reach: Reach) -> list[Source]:
    """The areas and sites within reach, by holder and name, for a form to choose from."""
    areas = (
        select(GrowingArea).where(reach.covers(GrowingArea.holder_id, GrowingArea.title_id)).join(GrowingArea.holder)
    )
    found_areas = session.scalars(
        areas.order_by(places.in_order(Party.name), places.in_order(GrowingArea.name)).options(
            joinedload(GrowingArea.holder)
        )
    )
    sites = (
        select(ProductionSite)
        .where(reach.covers(ProductionSite.holder_id, ProductionSite.title_id))
        .join(ProductionSite.holder)
    )
    found_sites = session.scalars(
        sites.order_by(places.in_order(Party.name), places.in_order(ProductionSite.name)).options(
            joinedload(ProductionSite.holder)
        )
    )
    return [*found_areas, *found_sites]


def source_of(session: Session, area_id: UUID | None, site_id: UUID | None, reach: Reach) -> Source:
    """The one area or site that is meant; not within reach is not found."""
    source: Source | None = None
    if area_id:
        source = session.scalar(
            select(GrowingArea).where(
                GrowingArea.id == area_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id)
            )
        )
    elif site_id:
        source = session.scalar(
            select(ProductionSite).where(
                ProductionSite.id == site_id, reach.covers(ProductionSite.holder_id, ProductionSite.title_id)
            )
        )
    if source is None:
        raise NotFound
    return source


def _awaits_verification() -> ColumnElement[bool]:
    return exists().where(CorrectiveAction.nonconformity_id == Nonconformity.id, CorrectiveAction.verified_at.is_(None))


def _locked(session: Session, nonconformity_id: UUID, reach: Reach) -> Nonconformity:
    statement = (
        select(Nonconformity)
        .where(Nonconformity.id == nonconformity_id, reach.covers(Nonconformity.holder_id, Nonconformity.title_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    session.refresh(found, ["actions"])
    return found
