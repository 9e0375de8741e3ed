"""Control plans of a title: drafting a version, putting it in force, and which version holds on a day.

A version in force is superseded, never edited. Which items gate labels is read from the use regulation in force (`rules`), the one
place that says so. What must not live here: visits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import selectinload

from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.control_plans import ControlItem, ControlPlan, EvidenceKind, Frequency
from trace.models.controls import ControlLevel, Severity
from trace.models.titles import ProtectionTitle
from trace.services import editing, history, places, rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

CODE = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,15}")
MOST_ITEMS = 60


class DraftExists(Conflict):
    """There is already a draft of the next version of this plan.

    Go on with that draft, or discard it first.
    """


class InForceAlready(Conflict):
    """This version of the plan is or was in force, so it is not edited.

    Draft the next version; it takes over from the day on which you put it in force.
    """


class NoItems(Invalid):
    """A plan without a single item controls nothing.

    Add what is to be checked, then put the version in force.
    """


class StartsInPast(Invalid):
    """A version takes effect today at the earliest: visits of earlier days were made by the version before it.

    Enter today or a later day.
    """


class StartsBeforeLast(Invalid):
    """Version %(version)s already takes effect on %(start)s, and the next one must begin after it.

    Enter a later day.
    """


class CodeForm(Invalid):
    """A code has up to 16 capital letters, digits, points and hyphens, for example KS-01."""


class CodeTaken(Invalid):
    """The code %(code)s is already used in this version.

    Enter another code, or change the item that has it.
    """


class WordingMissing(Invalid):
    """Write what is to be checked."""


class LevelMissing(Invalid):
    """Choose who checks this: the holder, the internal or the external control."""


class TooManyItems(Invalid):
    """A plan has at most %(most)s items, so that a visit can be finished on a phone."""


@dataclass(frozen=True)
class ItemFacts:
    """What an item says."""

    code: str
    wording: str
    method: str
    frequency: Frequency
    severity: Severity
    evidence: EvidenceKind
    levels: Sequence[ControlLevel]
    position: int | None = None
    """Its place in the plan; None keeps the place it has, or puts it last."""


@dataclass(frozen=True)
class Line:
    """A title with the version of its plan that is in force and the draft of the next, in the list."""

    title: ProtectionTitle
    plan: ControlPlan | None
    draft: ControlPlan | None


def in_force(session: Session, title_id: UUID, *, on: date) -> ControlPlan | None:
    """The version of a title's plan that holds on a day, with its items."""
    return session.scalars(
        select(ControlPlan)
        .where(ControlPlan.title_id == title_id, ControlPlan.valid_during.contains(on))
        .options(selectinload(ControlPlan.items))
    ).one_or_none()


def items_for(plan: ControlPlan, level: ControlLevel) -> list[ControlItem]:
    """The items that a level of control checks, in their order."""
    return [item for item in plan.items if level.value in item.levels]


def gating(session: Session, title_id: UUID, *, on: date) -> frozenset[str]:
    """The codes of items whose failure closes the label gate, by the use regulation in force on a day."""
    return frozenset(rules.in_force(session, title_id, on=on).gate_checks)


def listing(session: Session, *, on: date, q: str = "") -> list[Line]:
    """All titles, each with its plan in force and its draft. What is controlled is no secret; changing it is bound to the title."""
    wanted = [places.matches(q, ProtectionTitle.name)] if places.asked(q) else []
    titles = session.scalars(
        select(ProtectionTitle).where(*wanted).order_by(places.in_order(ProtectionTitle.name))
    ).all()
    plans = session.scalars(
        select(ControlPlan)
        .where(ControlPlan.title_id.in_([title.id for title in titles]))
        .options(selectinload(ControlPlan.items))
    ).all()
    return [
        Line(
            title,
            next((each for each in plans if each.title_id == title.id and each.valid_during and on in each.valid_during), None),
            next((each for each in plans if each.title_id == title.id and each.valid_during is None), None),
        )
        for title in titles
    ]  # fmt: skip


def versions(session: Session, title_id: UUID) -> Sequence[ControlPlan]:
    """All versions of a title's plan, the latest first."""
    return session.scalars(
        select(ControlPlan)
        .where(ControlPlan.title_id == title_id)
        .order_by(ControlPlan.version.desc())
        .options(selectinload(ControlPlan.items))
    ).all()


def get(session: Session, plan_id: UUID) -> ControlPlan:
    """One version with its items."""
    found = session.scalars(
        select(ControlPlan).where(ControlPlan.id == plan_id).options(selectinload(ControlPlan.items))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def draft(session: Session, title_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> ControlPlan:
    """Begin the next version with the items of the last one."""
    title = session.scalars(
        select(ProtectionTitle)
        .where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))
        .with_for_update(key_share=True)
    ).one_or_none()
    if title is None:
        raise NotFound
    known = versions(session, title_id)
    if any(each.valid_during is None for each in known):
        raise DraftExists
    last = known[0] if known else None
    made = ControlPlan(
        title_id=title_id, version=last.version + 1 if last else 1, summary=last.summary if last else "", drawn_at=at, drawn_by=by,
        items=[
            ControlItem(
                position=item.position, code=item.code, wording=item.wording, method=item.method, frequency=item.frequency,
                severity=item.severity, evidence=item.evidence, levels=list(item.levels),
            )
            for item in (last.items if last else ())
        ],
    )  # fmt: skip
    session.add(made)
    session.flush()
    history.record(session, "control_plan:draft", made.id, by=by, at=at, changes={"version": (None, made.version)})
    return made


def describe(
    session: Session, plan_id: UUID, *, summary: str, revision: int, by: UUID, at: datetime, reach: Reach
) -> ControlPlan:
    """Change what a draft says about itself."""
    plan = _draft(session, plan_id, revision, reach)
    editing.change(session, plan, "control_plan:change", {"summary": summary}, by=by, at=at)
    return plan


def put_item(
    session: Session, plan_id: UUID, item_id: UUID | None, facts: ItemFacts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> ControlItem:  # fmt: skip
    """Add an item to a draft, or change one. Refuses with every reason at once."""
    plan = _draft(session, plan_id, revision, reach)
    item = None if item_id is None else next((each for each in plan.items if each.id == item_id), None)
    if item is None and item_id is not None:
        raise NotFound
    reasons: list[TemThatError] = []
    if not CODE.fullmatch(facts.code):
        reasons.append(CodeForm())
    elif any(each.code == facts.code and each is not item for each in plan.items):
        reasons.append(CodeTaken(code=facts.code))
    if not facts.wording.strip():
        reasons.append(WordingMissing())
    if not facts.levels:
        reasons.append(LevelMissing())
    if item is None and len(plan.items) >= MOST_ITEMS:
        reasons.append(TooManyItems(most=MOST_ITEMS))
    if reasons:
        raise Refused(reasons)
    before = _told(item) if item is not None else None
    if item is None:
        item = ControlItem(position=max((each.position for each in plan.items), default=0) + 10)
        plan.items.append(item)
    if facts.position is not None:
        item.position = facts.position
    item.code, item.wording, item.method = facts.code, facts.wording, facts.method
    item.frequency, item.severity, item.evidence = facts.frequency, facts.severity, facts.evidence
    item.levels = [level.value for level in ControlLevel if level in facts.levels]
    session.flush()
    _touched(session, plan, before, _told(item), by=by, at=at)
    return item


def drop_item(
    session: Session, plan_id: UUID, item_id: UUID, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> None:
    """Take an item out of a draft; the versions before keep theirs."""
    plan = _draft(session, plan_id, revision, reach)
    item = next((each for each in plan.items if each.id == item_id), None)
    if item is None:
        raise NotFound
    before = _told(item)
    plan.items.remove(item)
    session.flush()
    _touched(session, plan, before, None, by=by, at=at)


def put_in_force(
    session: Session, plan_id: UUID, *, valid_from: date, revision: int, by: UUID, at: datetime, today: date, reach: Reach
) -> ControlPlan:  # fmt: skip
    """Let a draft take over from a day on; the version before it ends on the day before."""
    plan = _draft(session, plan_id, revision, reach)
    last = session.scalars(
        select(ControlPlan)
        .where(ControlPlan.title_id == plan.title_id, ControlPlan.valid_during.is_not(None))
        .order_by(func.lower(ControlPlan.valid_during).desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    reasons: list[TemThatError] = []
    if not plan.items:
        reasons.append(NoItems())
    # The first version may be entered later than it was decided: nothing was controlled by another one before.
    if last is not None and valid_from < today:
        reasons.append(StartsInPast())
    began = last.valid_during.lower if last is not None and last.valid_during is not None else None
    if last is not None and began is not None and valid_from <= began:
        reasons.append(StartsBeforeLast(version=str(last.version), start=began))
    if reasons:
        raise Refused(reasons)
    if last is not None:
        ends = Range(began, valid_from)
        history.record(
            session,
            "control_plan:supersede",
            last.id,
            by=by,
            at=at,
            changes={"valid_during": (last.valid_during, ends)},
        )
        last.valid_during = ends
        session.flush()
    editing.change(session, plan, "control_plan:put_in_force", {"valid_during": Range(valid_from, None)}, by=by, at=at)
    return plan


def discard(session: Session, plan_id: UUID, *, revision: int, by: UUID, at: datetime, reach: Reach) -> UUID:
    """Throw a draft away; returns its title."""
    plan = _draft(session, plan_id, revision, reach)
    title_id = plan.title_id
    history.record(session, "control_plan:discard", title_id, by=by, at=at, changes={"version": (plan.version, None)})
    session.delete(plan)
    session.flush()
    return title_id


def _draft(session: Session, plan_id: UUID, revision: int, reach: Reach) -> ControlPlan:
    plan = editing.locked(session, _one(plan_id, reach), revision=revision)
    if plan.valid_during is not None:
        raise InForceAlready
    return plan


def _one(plan_id: UUID, reach: Reach) -> Select[ControlPlan]:
    return select(ControlPlan).where(ControlPlan.id == plan_id, reach.covers(None, ControlPlan.title_id))


def _told(item: ControlItem) -> str:
    """An item in one line of the history."""
    return f"{item.code}: {item.wording} ({item.method}; {item.frequency}; {item.severity}; {item.evidence}; {', '.join(item.levels)})"


def _touched(
    session: Session, plan: ControlPlan, before: str | None, after: str | None, *, by: UUID, at: datetime
) -> None:
    if before != after:
        editing.change(session, plan, "control_plan:change", {}, by=by, at=at, shown={"item": (before, after)})
