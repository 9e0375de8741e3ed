"""Versions of a title's use regulation: text, file, days in force, and the rules that the system applies from them.

A version in force is superseded, never edited; one that begins later may still be put right. What must not live here: the applying.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.titles import ProtectionTitle, UseRegulation
from trace.services import editing, history, rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach
    from trace.services.rules import Rules

HEAVIEST_PACK_G = 1_000_000


class InForce(Conflict):
    """This version of the regulation has begun, so it is not edited any more.

    Enter a new version: it supersedes this one from its first day.
    """


class NotAfterPrevious(Invalid):
    """The version before this one begins on %(start)s.

    Choose a later first day.
    """


class EndsBeforeItBegins(Invalid):
    """The next version begins on %(end)s, so this one must begin before.

    Choose an earlier first day.
    """


class PackWeightsNeeded(Invalid):
    """Write at least one pack weight, each more than nothing and at most 1.000 kg.

    Write grams separated by semicolons, such as 500; 1.000; 2.000.
    """


class PatternTaken(Invalid):
    """The regulation of %(title)s numbers its certificates by this pattern already, so numbers would collide.

    Add something of your title to the pattern, such as {n:04}/{year}/GCN-MAT-ONG.
    """


class RuleOutOfRange(Invalid):
    """One of the periods is too short or too long.

    Check the months of validity and the days.
    """


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a version says. `file_id` is a file that `files.receive` took in; None keeps the file that is there."""

    summary: str
    body: str
    deciding_document: str
    valid_from: date
    requires_area_code: bool
    pack_weights_g: Sequence[int]
    rules: Rules
    file_id: UUID | None = None


def get(session: Session, regulation_id: UUID) -> UseRegulation:
    """One version; the register of titles is open to all staff."""
    found = session.get(UseRegulation, regulation_id)
    if found is None:
        raise NotFound
    return found


def latest(session: Session, title_id: UUID) -> UseRegulation | None:
    """The last version of a title's regulation, in force or not yet."""
    return session.scalars(
        select(UseRegulation).where(UseRegulation.title_id == title_id).order_by(UseRegulation.version.desc()).limit(1)
    ).one_or_none()


def is_open(regulation: UseRegulation, *, on: date) -> bool:
    """Whether a version may still be edited: it has not begun."""
    return regulation.valid_during.lower is not None and regulation.valid_during.lower > on


def record(session: Session, title_id: UUID, facts: Facts, *, by: UUID, at: datetime, reach: Reach) -> UseRegulation:
    """Enter a new version. The one before ends where it begins."""
    _lock_title(session, title_id, reach)
    before = latest(session, title_id)
    reasons = _faults(session, title_id, facts)
    if before is not None and not _begins_after(before, facts.valid_from):
        reasons.append(NotAfterPrevious(start=before.valid_during.lower))
    if reasons:
        raise Refused(reasons)
    if before is not None:
        before.valid_during = Range(before.valid_during.lower, facts.valid_from)
        session.flush()
    made = UseRegulation(
        title_id=title_id,
        version=before.version + 1 if before else 1,
        valid_during=Range(facts.valid_from, None),
        file_id=facts.file_id,
        **_values(facts),
    )
    session.add(made)
    session.flush()
    changes = _told(before, made)
    history.record(session, "regulation:record", made.id, by=by, at=at, changes=changes, why=facts.deciding_document)
    session.flush()
    return made


def edit(
    session: Session, regulation_id: UUID, facts: Facts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> UseRegulation:
    """Put a version right that has not begun."""
    found = get(session, regulation_id)
    _lock_title(session, found.title_id, reach)
    found = editing.locked(session, select(UseRegulation).where(UseRegulation.id == regulation_id), revision=revision)
    if not is_open(found, on=at.astimezone(CITY).date()):
        raise InForce
    before = session.scalars(
        select(UseRegulation)
        .where(UseRegulation.title_id == found.title_id, UseRegulation.version < found.version)
        .order_by(UseRegulation.version.desc())
        .limit(1)
    ).one_or_none()
    reasons = _faults(session, found.title_id, facts)
    end = found.valid_during.upper
    if before is not None and not _begins_after(before, facts.valid_from):
        reasons.append(NotAfterPrevious(start=before.valid_during.lower))
    if end is not None and facts.valid_from >= end:
        reasons.append(EndsBeforeItBegins(end=end))
    if reasons:
        raise Refused(reasons)
    moved = facts.valid_from != found.valid_during.lower
    if moved and before is not None and facts.valid_from < (before.valid_during.upper or date.max):
        before.valid_during = Range(before.valid_during.lower, facts.valid_from)
        session.flush()
    values = _values(facts) | {"valid_during": Range(facts.valid_from, end)}
    if facts.file_id is not None:
        values["file_id"] = facts.file_id
    was = rules.kept(rules.read(found.rules))
    told = {name: (was[name], now) for name, now in rules.kept(facts.rules).items() if was[name] != now}
    editing.change(session, found, "regulation:edit", values, by=by, at=at, why=facts.deciding_document, shown=told)
    if moved and before is not None and before.valid_during.upper != facts.valid_from:
        before.valid_during = Range(before.valid_during.lower, facts.valid_from)
        session.flush()
    return found


def _values(facts: Facts) -> dict[str, object]:
    return {
        "summary": facts.summary,
        "body": facts.body,
        "deciding_document": facts.deciding_document,
        "requires_area_code": facts.requires_area_code,
        "pack_weights_g": sorted(set(facts.pack_weights_g)),
        "rules": rules.kept(facts.rules),
    }


def _begins_after(before: UseRegulation, day: date) -> bool:
    return before.valid_during.lower is None or before.valid_during.lower < day


def _told(before: UseRegulation | None, made: UseRegulation) -> dict[str, tuple[object, object]]:
    """What differs from the version before, so that the history says what a new one changes."""
    told: dict[str, tuple[object, object]] = {"version": (before.version if before else None, made.version)}
    told["valid_from"] = (None, made.valid_during.lower)
    for name in ("requires_area_code", "pack_weights_g"):
        old = getattr(before, name) if before else None
        if old != getattr(made, name):
            told[name] = (old, getattr(made, name))
    was = rules.kept(rules.read(before.rules)) if before else {}
    told |= {name: (was.get(name), value) for name, value in made.rules.items() if was.get(name) != value}
    return told


def _faults(session: Session, title_id: UUID, facts: Facts) -> list[TemThatError]:
    reasons = list[TemThatError]()
    weights = facts.pack_weights_g
    if not weights or any(not 0 < weight <= HEAVIEST_PACK_G for weight in weights):
        reasons.append(PackWeightsNeeded())
    try:
        rules.read(rules.kept(facts.rules))
    except msgspec.ValidationError:
        reasons.append(RuleOutOfRange())
    pattern = facts.rules.certificate_number
    try:
        rules.check_pattern(pattern)
    except rules.NumberPatternFaulty as fault:
        reasons.append(fault)
    else:
        used = func.coalesce(UseRegulation.rules["certificate_number"].astext, rules.Rules().certificate_number)
        taken = session.scalar(
            select(ProtectionTitle.name)
            .join(UseRegulation, UseRegulation.title_id == ProtectionTitle.id)
            .where(UseRegulation.title_id != title_id, used == pattern)
            .limit(1)
        )
        if taken is not None:
            reasons.append(PatternTaken(title=taken))
    return reasons


def _lock_title(session: Session, title_id: UUID, reach: Reach) -> None:
    """Two managers who enter a version at once do so one after the other."""
    statement = (
        select(ProtectionTitle.id)
        .where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))
        .with_for_update(key_share=True)
    )
    if session.scalar(statement) is None:
        raise NotFound
