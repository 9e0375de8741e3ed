"""Control visits, the nonconformities they find, how the holder answers them and who closes them.

Whoever controls or closes belongs to nobody that is controlled. What must not live here: the label gate, which only reads
open blocking nonconformities.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.controls import ControlLevel, ControlVisit, Nonconformity, Severity
from trace.models.history import History
from trace.models.parties import AppUser, Party, Role
from trace.services import history, places
from trace.services.certificates import belongs_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach

Source = GrowingArea | ProductionSite


class ControllerOfTheControlled(Forbidden):
    """You hold a role at the organisation that is controlled, so you cannot control it.

    Ask a controller of another organisation.
    """


class SelfControlElsewhere(Invalid):
    """A holder's own control is its farm log and is not recorded as a visit.

    Choose internal or external control.
    """


class VisitInFuture(Invalid):
    """A visit is recorded after it took place."""


class NothingFound(Invalid):
    """A control that was not passed names at least one nonconformity."""


class CriticalCannotPass(Invalid):
    """A control with a critical nonconformity is not passed."""


class DescriptionMissing(Invalid):
    """Every nonconformity says what was found."""


class DueBeforeVisit(Invalid):
    """A nonconformity is due on the day of the visit or later."""


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


class Due(StrEnum):
    """Which nonconformities a list shows."""

    OPEN = "open"
    OVERDUE = "overdue"
    CLOSED = "closed"


@dataclass(frozen=True)
class Finding:
    """A nonconformity about to be recorded. `blocking` None means: by severity, a critical one blocks."""

    severity: Severity
    description: str
    due_on: date
    blocking: bool | None = None

    @property
    def blocks(self) -> bool:
        """Whether it closes the label gate."""
        return self.severity is Severity.CRITICAL if self.blocking is None else self.blocking


@dataclass(frozen=True)
class VisitLine:
    """A visit in the list, with who made it and what it found."""

    visit: ControlVisit
    holder: Party
    controller: str
    found: Sequence[Nonconformity]


def record_visit(
    session: Session,
    *,
    area_id: UUID | None = None,
    site_id: UUID | None = None,
    level: ControlLevel,
    visited_on: date,
    passed: bool,
    note: str = "",
    findings: Sequence[Finding] = (),
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ControlVisit:
    """Write down a control of one area or site and what it found. Refuses with every reason at once."""
    source = _source(session, area_id, site_id, reach)
    today = at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if belongs_to(session, by, source.holder_id, on=visited_on) or belongs_to(session, by, source.holder_id, on=today):
        reasons.append(ControllerOfTheControlled())
    if level is ControlLevel.SELF:
        reasons.append(SelfControlElsewhere())
    if visited_on > today:
        reasons.append(VisitInFuture())
    if not passed and not findings:
        reasons.append(NothingFound())
    if passed and any(finding.severity is Severity.CRITICAL for finding in findings):
        reasons.append(CriticalCannotPass())
    if any(not finding.description.strip() for finding in findings):
        reasons.append(DescriptionMissing())
    if any(finding.due_on < visited_on for finding in findings):
        reasons.append(DueBeforeVisit())
    if reasons:
        raise Refused(reasons)
    where = {"area_id": area_id, "site_id": site_id}
    visit = ControlVisit(
        title_id=source.title_id, holder_id=source.holder_id, level=level, visited_on=visited_on, controller_id=by, passed=passed,
        note=note, recorded_at=at, **where,
    )  # fmt: skip
    session.add(visit)
    session.flush()
    history.record(
        session, "visit:record", visit.id, by=by, at=at, changes={"passed": (None, passed)}, why=note or None
    )
    for finding in findings:
        nonconformity = Nonconformity(
            title_id=source.title_id, holder_id=source.holder_id, visit_id=visit.id, severity=finding.severity,
            blocking=finding.blocks, description=finding.description, found_on=visited_on, due_on=finding.due_on,
            recorded_at=at, recorded_by=by, **where,
        )  # fmt: skip
        session.add(nonconformity)
        session.flush()
        history.record(
            session, "nonconformity:record", nonconformity.id, by=by, at=at, why=finding.description,
            changes={"severity": (None, finding.severity), "blocking": (None, finding.blocks), "due_on": (None, finding.due_on)},
        )  # fmt: skip
    session.flush()
    return visit


def answer(
    session: Session, nonconformity_id: UUID, *, text: str, by: UUID, at: datetime, reach: Reach
) -> Nonconformity:
    """A clerk of the holder says what was corrected. May be amended until it is verified; earlier words stay in the history."""
    found = _locked(session, nonconformity_id, reach)
    if not belongs_to(session, by, found.holder_id, on=at.astimezone(CITY).date(), roles={Role.CLERK}):
        raise AnsweredByHolderOnly
    if found.closed_at is not None:
        raise AlreadyClosed
    if not text.strip():
        raise TextNeeded
    history.record(
        session,
        "nonconformity:answer",
        found.id,
        by=by,
        at=at,
        changes={"corrective_action": (found.corrective_action, text)},
    )
    found.corrective_action = text
    session.flush()
    return found


def verify(
    session: Session, nonconformity_id: UUID, *, text: str, by: UUID, at: datetime, reach: Reach
) -> Nonconformity:
    """Close a nonconformity by saying how the correction was verified. Never by whoever corrected, nor by the holder's people."""
    found = _locked(session, nonconformity_id, reach)
    if found.closed_at is not None:
        raise AlreadyClosed
    if found.corrective_action is None:
        raise NothingCorrectedYet
    corrected_by = select(History.id).where(
        History.subject_id == found.id, History.deed == "nonconformity:answer", History.by == by
    )
    if session.scalar(corrected_by.limit(1)) or belongs_to(session, by, found.holder_id, on=at.astimezone(CITY).date()):
        raise CorrectorCannotClose
    if not text.strip():
        raise TextNeeded
    found.closed_at, found.closed_by, found.verification = at, by, text
    history.record(session, "nonconformity:verify", found.id, by=by, at=at, why=text, changes={"closed_at": (None, at)})
    session.flush()
    return found


def visits(
    session: Session, *, reach: Reach, q: str = "", passed: bool | None = None, page: int = 1, size: int = 50
) -> tuple[list[VisitLine], int]:
    """Visits within reach, latest first, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [reach.covers(ControlVisit.holder_id, ControlVisit.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, Party.name, GrowingArea.name, ProductionSite.name, AppUser.full_name))
    if passed is not None:
        wanted.append(ControlVisit.passed.is_(passed))
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
        base.order_by(ControlVisit.visited_on.desc(), ControlVisit.recorded_at.desc())
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(ControlVisit.area), joinedload(ControlVisit.site))
    )
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
    session: Session,
    *,
    reach: Reach,
    on: date,
    q: str = "",
    due: Due | None = None,
    severity: Severity | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[Sequence[Nonconformity], int]:
    """Nonconformities within reach: open ones first, by due date, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [reach.covers(Nonconformity.holder_id, Nonconformity.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, Nonconformity.description, Party.name))
    if severity:
        wanted.append(Nonconformity.severity == severity)
    if due is Due.CLOSED:
        wanted.append(Nonconformity.closed_at.is_not(None))
    elif due:
        wanted.append(Nonconformity.closed_at.is_(None))
        if due is Due.OVERDUE:
            wanted.append(Nonconformity.due_on < on)
    base = select(Nonconformity).join(Nonconformity.holder).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by(Nonconformity.closed_at.is_not(None), Nonconformity.due_on, Nonconformity.recorded_at)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(Nonconformity.holder), joinedload(Nonconformity.area), joinedload(Nonconformity.site))
    )
    return session.scalars(statement).all(), total


def get(session: Session, nonconformity_id: UUID, *, reach: Reach) -> Nonconformity:
    """One nonconformity; not within reach is not found."""
    statement = select(Nonconformity).where(
        Nonconformity.id == nonconformity_id, reach.covers(Nonconformity.holder_id, Nonconformity.title_id)
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


def _source(session: Session, area_id: UUID | None, site_id: UUID | None, reach: Reach) -> Source:
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
    return found
