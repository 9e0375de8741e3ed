"""Control visits: begun at a source by the plan in force and answered item by item.

An answer is kept however incomplete it is, and however often it is sent: a phone sends what it has whenever it finds a net. Only
finishing judges, all items at once. Whoever controls belongs to nobody that is controlled; a self-control is the holder's own.
What must not live here: finishing (`visit_endings`), and what becomes of a finding (`controls`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.areas import GrowingArea
from trace.models.control_papers import ControlFile
from trace.models.control_plans import ControlPlan
from trace.models.controls import ControlAnswer, ControlLevel, ControlVisit, Outcome
from trace.models.history import History
from trace.models.parties import AppUser, Role
from trace.services import control_files, control_plans, controls, files, history
from trace.services.certificates import belongs_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import BinaryIO

    from sqlalchemy import Select

    from trace.models.control_plans import ControlItem
    from trace.services.reach import Reach

MOST_FILES = 60
LONGEST = 2000
OLDEST_TOLD, AHEAD_AT_MOST = timedelta(days=3660), timedelta(days=1)
"""How far from our own clock the clock of a device is believed."""


class ControllerOfTheControlled(Forbidden):
    """You hold a role at the organisation that is controlled, so you cannot control it.

    Ask a controller of another organisation.
    """


class SelfControlByHolderOnly(Forbidden):
    """A self-control is recorded by a clerk of the organisation itself.

    Choose internal or external control, or ask a clerk of the organisation.
    """


class VisitInFuture(Invalid):
    """A visit is recorded after it took place."""


class NoPlanInForce(Invalid):
    """On %(day)s no control plan is in force for %(title)s, so there is nothing to check by.

    Ask the managing body to put a control plan in force.
    """


class NothingAtThisLevel(Invalid):
    """The control plan of %(title)s has no item for this level of control.

    Choose another level, or ask the managing body to add items for it.
    """


class OnlyItsController(Forbidden):
    """Only the person who began this visit fills it in."""


class VisitFinished(Conflict):
    """This visit is finished, so its answers stand.

    What was found later is recorded as a new visit.
    """


class NotOfThisVisit(Invalid):
    """An answer is for an item that this visit does not check.

    Load the page of the visit again; what you wrote is kept on this device.
    """


class TooManyFiles(Invalid):
    """A visit holds at most %(most)s photos and files."""


@dataclass(frozen=True)
class Answer:
    """An answer as a device or a form sends it; nothing of it need be complete."""

    item_id: UUID
    sequence: int
    outcome: Outcome | None
    answered_at: datetime
    note: str = ""
    action: str = ""
    due_on: date | None = None
    as_before: bool = False


@dataclass(frozen=True)
class Kept:
    """What became of answers that were sent: kept under their sequence, or overtaken by a later one that differs."""

    saved: Mapping[UUID, int]
    overtaken: Mapping[UUID, int]


@dataclass(frozen=True)
class Sheet:
    """A visit with all that its page shows."""

    visit: ControlVisit
    items: Sequence[ControlItem]
    answers: Mapping[UUID, ControlAnswer]
    before: Mapping[str, ControlAnswer]
    """By code of the item: what the last finished visit of this source and level found, where it can be taken over."""
    before_on: date | None
    files: Sequence[ControlFile]
    gating: frozenset[str]
    shown_to: Sequence[str] = field(default=())
    """People of the inspected side to whom the confirmation code was shown."""

    @property
    def answered(self) -> int:
        """How many items have an answer."""
        return sum(1 for answer in self.answers.values() if answer.outcome is not None)


def start(
    session: Session, *, area_id: UUID | None = None, site_id: UUID | None = None, level: ControlLevel, visited_on: date, note: str = "",
    by: UUID, at: datetime, reach: Reach,
) -> ControlVisit:  # fmt: skip
    """Begin a visit of one area or site. One that its controller has begun for the same day and level is gone on with."""
    source = controls.source_of(session, area_id, site_id, reach)
    plan = plan_for(session, source, level=level, visited_on=visited_on, by=by, at=at)
    begun = session.scalars(
        select(ControlVisit).where(
            ControlVisit.area_id == area_id if area_id else ControlVisit.site_id == site_id, ControlVisit.level == level,
            ControlVisit.visited_on == visited_on, ControlVisit.controller_id == by, ControlVisit.finished_at.is_(None),
        )
    ).first()  # fmt: skip
    if begun is not None:
        return begun
    visit = begin(session, source, plan, level=level, visited_on=visited_on, note=note, by=by, at=at)
    session.flush()
    return visit


def plan_for(
    session: Session, source: controls.Source, *, level: ControlLevel, visited_on: date, by: UUID, at: datetime,
    plans: Callable[..., ControlPlan | None] = control_plans.in_force, belongs: Callable[..., bool] = belongs_to,
) -> ControlPlan:  # fmt: skip
    """The plan by which a source is visited. Raises `Refused` with all that speaks against the visit.

    `plans` and `belongs` are how to ask, for whoever asks about many visits and remembers the answers.
    """
    today = at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if level is ControlLevel.SELF:
        if not belongs(session, by, source.holder_id, on=today, roles=frozenset({Role.CLERK})):
            reasons.append(SelfControlByHolderOnly())
    elif belongs(session, by, source.holder_id, on=visited_on) or belongs(session, by, source.holder_id, on=today):
        reasons.append(ControllerOfTheControlled())
    if visited_on > today:
        reasons.append(VisitInFuture())
    plan = plans(session, source.title_id, on=visited_on)
    if plan is None:
        reasons.append(NoPlanInForce(day=visited_on, title=source.title.name))
    elif not control_plans.items_for(plan, level):
        reasons.append(NothingAtThisLevel(title=source.title.name))
    if reasons or plan is None:
        raise Refused(reasons)
    return plan


def begin(
    session: Session, source: controls.Source, plan: ControlPlan, *, level: ControlLevel, visited_on: date, note: str = "", by: UUID,
    at: datetime,
) -> ControlVisit:  # fmt: skip
    """Write a new visit down, by the plan that `plan_for` gave; it is for the caller to flush."""
    is_area = isinstance(source, GrowingArea)
    visit = ControlVisit(
        id=uuid4(), title_id=source.title_id, holder_id=source.holder_id, area_id=source.id if is_area else None,
        site_id=None if is_area else source.id, plan=plan, level=level, visited_on=visited_on, controller_id=by, note=note, recorded_at=at,
    )  # fmt: skip
    session.add(visit)
    history.record(session, "visit:start", visit.id, by=by, at=at, changes={"level": (None, level)})
    return visit


def begun_by(session: Session, person_id: UUID) -> Sequence[ControlVisit]:
    """The visits that a person has begun and not finished, latest first."""
    return session.scalars(
        select(ControlVisit)
        .where(ControlVisit.controller_id == person_id, ControlVisit.finished_at.is_(None))
        .order_by(ControlVisit.recorded_at.desc())
        .options(joinedload(ControlVisit.holder), joinedload(ControlVisit.area), joinedload(ControlVisit.site))
    ).all()


def sheet(session: Session, visit_id: UUID, *, reach: Reach) -> Sheet:
    """A visit with its items, answers and files; not within reach is not found."""
    visit = session.scalars(
        within(visit_id, reach).options(
            joinedload(ControlVisit.area), joinedload(ControlVisit.site), joinedload(ControlVisit.holder),
            joinedload(ControlVisit.title), joinedload(ControlVisit.controller),
            joinedload(ControlVisit.plan).selectinload(ControlPlan.items),
        )
    ).one_or_none()  # fmt: skip
    if visit is None:
        raise NotFound
    before_on, before = _before(session, visit)
    return Sheet(
        visit=visit, items=control_plans.items_for(visit.plan, visit.level) if visit.plan else [], answers=answers_of(session, visit_id),
        before=before, before_on=before_on, files=files_of(session, visit_id), shown_to=shown_to(session, visit_id),
        gating=control_plans.gating(session, visit.title_id, on=visit.visited_on),
    )  # fmt: skip


def answer(
    session: Session, visit_id: UUID, answers: Sequence[Answer], *, by: UUID, at: datetime, reach: Reach
) -> Kept:
    """Keep answers as they are. The same one sent again changes nothing; one that a later answer has overtaken is named."""
    return keep(session, mine(session, visit_id, by=by, reach=reach), answers, at=at)


def keep(session: Session, visit: ControlVisit, answers: Sequence[Answer], *, at: datetime) -> Kept:
    """The same for a visit that the caller has locked or begun."""
    plan = visit.plan
    known = {item.id for item in control_plans.items_for(plan, visit.level)} if plan else set()
    if any(each.item_id not in known for each in answers):
        raise NotOfThisVisit
    saved, overtaken = dict[UUID, int](), dict[UUID, int]()
    new: list[dict[str, object]] = []
    current = {item_id: found.sequence for item_id, found in answers_of(session, visit.id).items()}
    for each in answers:
        if each.sequence <= current.get(each.item_id, 0):
            _write(session, new)  # what came twice may have come twice at once
            if _same(session, visit.id, each):
                saved[each.item_id] = max(each.sequence, saved.get(each.item_id, 0))
            else:
                overtaken[each.item_id] = current[each.item_id]
            continue
        if visit.finished_at is not None:
            raise VisitFinished
        new.append(
            {
                "visit_id": visit.id, "item_id": each.item_id, "sequence": each.sequence, "outcome": each.outcome,
                "note": each.note[:LONGEST], "action": each.action[:LONGEST], "due_on": each.due_on, "as_before": each.as_before,
                "answered_at": _plausible(each.answered_at, at) or at, "recorded_at": at,
            }
        )  # fmt: skip
        current[each.item_id] = saved[each.item_id] = each.sequence
    _write(session, new)
    return Kept(saved, overtaken)


def _write(session: Session, new: list[dict[str, object]]) -> None:
    """Write answers down together, and forget them."""
    if new:
        session.execute(insert(ControlAnswer), new)
        new.clear()


def add_file(
    session: Session, store: Path, visit_id: UUID, item_id: UUID, stream: BinaryIO, *, name: str, file_id: UUID,
    taken_at: datetime | None, by: UUID, at: datetime, reach: Reach,
) -> ControlFile:  # fmt: skip
    """Take in a photo or paper for an item. `file_id` is given by the sender: what comes twice is kept once."""
    visit = mine(session, visit_id, by=by, reach=reach)
    known = session.get(ControlFile, file_id)
    if known is not None:
        if known.visit_id != visit_id:
            raise NotFound
        return known
    if visit.finished_at is not None:
        raise VisitFinished
    if not visit.plan or item_id not in {item.id for item in control_plans.items_for(visit.plan, visit.level)}:
        raise NotOfThisVisit
    if control_files.count(session, ControlFile.visit_id == visit_id) >= MOST_FILES:
        raise TooManyFiles(most=MOST_FILES)
    stored = files.receive(session, store, stream, name=name, at=at, by=by)
    made = ControlFile(
        id=file_id,
        visit_id=visit_id,
        item_id=item_id,
        file_id=stored.id,
        taken_at=_plausible(taken_at, at),
        added_at=at,
        added_by=by,
    )
    session.add(made)
    session.flush()
    history.record(session, "visit:file", visit_id, by=by, at=at, changes={"file": (None, stored.sha256)})
    return made


def answers_of(session: Session, visit_id: UUID) -> dict[UUID, ControlAnswer]:
    """The answers as they stand: of each item the one with the highest sequence."""
    rows = session.scalars(
        select(ControlAnswer).where(ControlAnswer.visit_id == visit_id).order_by(ControlAnswer.sequence)
    )
    return {row.item_id: row for row in rows}


def _before(session: Session, visit: ControlVisit) -> tuple[date | None, dict[str, ControlAnswer]]:
    """What the last finished visit of the same source and level found, without what failed then."""
    last = session.scalars(
        select(ControlVisit)
        .where(
            ControlVisit.area_id == visit.area_id if visit.area_id else ControlVisit.site_id == visit.site_id,
            ControlVisit.level == visit.level, ControlVisit.finished_at.is_not(None), ControlVisit.id != visit.id,
            ControlVisit.visited_on <= visit.visited_on,
        )
        .order_by(ControlVisit.visited_on.desc(), ControlVisit.recorded_at.desc())
        .limit(1)
    ).one_or_none()  # fmt: skip
    if last is None:
        return None, {}
    rows = session.scalars(
        select(ControlAnswer)
        .where(ControlAnswer.visit_id == last.id)
        .order_by(ControlAnswer.sequence)
        .options(joinedload(ControlAnswer.item))
    )
    standing = {row.item.code: row for row in rows}
    return last.visited_on, {
        code: row for code, row in standing.items() if row.outcome in {Outcome.CONFORMS, Outcome.NOT_APPLICABLE}
    }


def files_of(session: Session, visit_id: UUID) -> Sequence[ControlFile]:
    """The photos and papers of a visit, in the order in which they came."""
    return session.scalars(
        select(ControlFile)
        .where(ControlFile.visit_id == visit_id)
        .order_by(ControlFile.added_at, ControlFile.id)
        .options(joinedload(ControlFile.file))
    ).all()


def _plausible(told: datetime | None, at: datetime) -> datetime | None:
    """The moment that a device told, or None if only a wrong clock can tell it: what was answered is kept, its hour is not.

    Moments at the ends of the calendar could be written, but no longer read in every time zone.
    """
    if told is None or not at - OLDEST_TOLD <= told <= at + AHEAD_AT_MOST:
        return None
    return told


def _same(session: Session, visit_id: UUID, sent: Answer) -> bool:
    """Whether an answer was kept before exactly as it is sent now."""
    row = session.scalars(
        select(ControlAnswer).where(
            ControlAnswer.visit_id == visit_id, ControlAnswer.item_id == sent.item_id, ControlAnswer.sequence == sent.sequence
        )
    ).one_or_none()  # fmt: skip
    return row is not None and (row.outcome, row.note, row.action, row.due_on, row.as_before) == (
        sent.outcome, sent.note[:LONGEST], sent.action[:LONGEST], sent.due_on, sent.as_before,
    )  # fmt: skip


def shown_to(session: Session, visit_id: UUID) -> list[str]:
    """Everybody to whom the confirmation code of a visit was shown."""
    names = session.scalars(
        select(AppUser.full_name)
        .join(History, History.by == AppUser.id)
        .where(History.subject_id == visit_id, History.deed == "visit:show_code")
        .order_by(History.id)
    )
    return list(dict.fromkeys(names))


def mine(session: Session, visit_id: UUID, *, by: UUID, reach: Reach) -> ControlVisit:
    """The visit, locked, for the person who began it."""
    visit = session.scalars(
        within(visit_id, reach)
        .with_for_update(of=ControlVisit, key_share=True)
        .options(selectinload(ControlVisit.plan).selectinload(ControlPlan.items))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if visit is None:
        raise NotFound
    if visit.controller_id != by:
        raise OnlyItsController
    return visit


def within(visit_id: UUID, reach: Reach) -> Select[ControlVisit]:
    """The statement for one visit within reach."""
    return select(ControlVisit).where(
        ControlVisit.id == visit_id, reach.covers(ControlVisit.holder_id, ControlVisit.title_id)
    )
