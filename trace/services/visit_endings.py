"""The end of a control visit: every item judged at once, and the inspected side's acknowledgement.

There are four: signed by hand on the screen; by six digits that the system shows to a person of the inspected side and to nobody else;
declined, with the reason; and a self-control, which its recorder answers for. What must not live here: answers on their way (`visits`).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.control_plans import EvidenceKind
from trace.models.controls import Acknowledgement, ControlLevel, ControlVisit, Outcome, Severity
from trace.services import control_plans, controls, history, visits
from trace.services.certificates import belongs_to

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.control_plans import ControlItem
    from trace.models.controls import ControlAnswer
    from trace.services.reach import Reach

MOST_TRIES = 5


class Unanswered(Invalid):
    """%(code)s has no answer.

    Choose: conforms, fails or not applicable.
    """


class ActionMissing(Invalid):
    """%(code)s fails, but nothing says what has to be done.

    Write what the organisation has to do.
    """


class DueMissing(Invalid):
    """%(code)s fails, but no day is set by which it has to be corrected.

    Set a day.
    """


class DueBeforeVisit(Invalid):
    """%(code)s has to be corrected on the day of the visit or later.

    Set a later day.
    """


class EvidenceMissing(Invalid):
    """%(code)s asks for evidence that is not there: %(evidence)s

    Add it to the item, or answer that the item is not applicable.
    """


class NameMissing(Invalid):
    """Write the name of the person who signs."""


class RefusalReasonMissing(Invalid):
    """Write why the signature was refused, and who was present."""


class WrongCode(Invalid):
    """This is not the confirmation code of this visit.

    Ask the person of the organisation to open the visit and read out the six digits. Changing an answer changes the code.
    """


class TooManyCodes(Conflict):
    """Too many wrong codes were entered for this visit.

    Finish with a signature, or record that it was refused.
    """


class NotTheInspected(Forbidden):
    """The confirmation code is shown only to people of the organisation that was visited."""


class OwnOnlyAfterSelfControl(Invalid):
    """A visit by somebody else is acknowledged by the organisation: by signature, by code, or as refused."""


@dataclass(frozen=True)
class Signed:
    """Signed by hand on the screen."""

    name: str
    file_id: UUID


@dataclass(frozen=True)
class ByCode:
    """Acknowledged by the six digits that the system showed to a person of the inspected side."""

    code: str


@dataclass(frozen=True)
class Declined:
    """The inspected side would not sign."""

    reason: str


@dataclass(frozen=True)
class Own:
    """A self-control, which its recorder answers for."""


Ending = Signed | ByCode | Declined | Own


def show_code(session: Session, visit_id: UUID, *, key: bytes, by: UUID, at: datetime, reach: Reach) -> str:
    """The six digits by which a person of the inspected side acknowledges the answers as they stand. Who saw them is kept."""
    visit = session.scalars(visits.within(visit_id, reach)).one_or_none()
    if visit is None:
        raise NotFound
    if not belongs_to(session, by, visit.holder_id, on=at.astimezone(CITY).date()):
        raise NotTheInspected
    if visit.finished_at is not None:
        raise visits.VisitFinished
    history.record(session, "visit:show_code", visit_id, by=by, at=at)
    session.flush()
    return _code(session, visit_id, key)


def finish(
    session: Session, visit_id: UUID, how: Ending, *, key: bytes, by: UUID, at: datetime, reach: Reach
) -> ControlVisit:  # fmt: skip
    """Judge and close a visit: every failed item becomes a nonconformity. Refuses with every reason at once.

    Finishing twice is harmless. A wrong code is counted before `WrongCode` is raised; whoever calls commits the count.
    """
    visit = visits.mine(session, visit_id, by=by, reach=reach)
    if visit.finished_at is not None:
        return visit
    items = control_plans.items_for(visit.plan, visit.level) if visit.plan else []
    answers = visits.answers_of(session, visit_id)
    evidence = {found.item_id for found in visits.files_of(session, visit_id)}
    reasons = [reason for item in items for reason in _faults(item, answers.get(item.id), evidence, visit.visited_on)]
    if (visit.level is ControlLevel.SELF) != isinstance(how, Own):
        reasons.append(OwnOnlyAfterSelfControl())
    if isinstance(how, Signed) and not how.name.strip():
        reasons.append(NameMissing())
    if isinstance(how, Declined) and not how.reason.strip():
        reasons.append(RefusalReasonMissing())
    if reasons:
        raise Refused(reasons)
    match how:
        case Signed():
            visit.acknowledged, visit.acknowledged_by_name = Acknowledgement.SIGNED, how.name.strip()
            visit.signature_file_id = how.file_id
        case ByCode():
            _check_code(session, visit, how.code, key)
            visit.acknowledged = Acknowledgement.CODE
            visit.acknowledged_by_name = ", ".join(visits.shown_to(session, visit_id))
        case Declined():
            visit.acknowledged, visit.refusal_reason = Acknowledgement.REFUSED, how.reason.strip()
        case Own():
            visit.acknowledged = Acknowledgement.OWN
    gating = control_plans.gating(session, visit.title_id, on=visit.visited_on)
    failed = [item for item in items if answers[item.id].outcome is Outcome.FAILS]
    visit.passed = all(item.severity is Severity.MINOR and item.code not in gating for item in failed)
    visit.finished_at = at
    history.record(
        session, "visit:record", visit.id, by=by, at=at, why=visit.refusal_reason,
        changes={"passed": (None, visit.passed), "acknowledged": (None, visit.acknowledged)},
    )  # fmt: skip
    for item in failed:
        found = answers[item.id]
        controls.open_one(
            session, visit, item_id=item.id, severity=item.severity,
            blocking=item.severity is Severity.CRITICAL or item.code in gating,
            description=f"{item.wording}: {found.note}" if found.note.strip() else item.wording,
            action_asked=found.action, due_on=found.due_on or visit.visited_on, by=by, at=at,
        )  # fmt: skip
    session.flush()
    return visit


def _faults(
    item: ControlItem, answer: ControlAnswer | None, evidence: set[UUID | None], visited_on: date
) -> list[TemThatError]:
    """What an answer lacks, so that the visit cannot be finished."""
    about = {"code": item.code, "item_id": item.id}
    if answer is None or answer.outcome is None:
        return [Unanswered(**about)]
    found: list[TemThatError] = []
    if answer.outcome is Outcome.FAILS:
        if not answer.action.strip():
            found.append(ActionMissing(**about))
        if answer.due_on is None:
            found.append(DueMissing(**about))
        elif answer.due_on < visited_on:
            found.append(DueBeforeVisit(**about))
    if answer.outcome is not Outcome.NOT_APPLICABLE and not answer.as_before:
        lacks_note = item.evidence is EvidenceKind.NOTE and not answer.note.strip()
        lacks_file = item.evidence in {EvidenceKind.PHOTO, EvidenceKind.FILE} and item.id not in evidence
        if lacks_note or lacks_file:
            found.append(EvidenceMissing(evidence=item.evidence, **about))
    return found


def _code(session: Session, visit_id: UUID, key: bytes) -> str:
    """Six digits that hold for these answers and no others."""
    stands = sorted((str(item_id), row.sequence) for item_id, row in visits.answers_of(session, visit_id).items())
    digest = hmac.digest(key, f"{visit_id}{stands}".encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def _check_code(session: Session, visit: ControlVisit, given: str, key: bytes) -> None:
    if visit.code_tries >= MOST_TRIES:
        raise TooManyCodes
    digits = "".join(sign for sign in given if sign.isdigit())
    right = hmac.compare_digest(digits.encode(), _code(session, visit.id, key).encode())
    if not right or not visits.shown_to(session, visit.id):
        visit.code_tries += 1
        session.flush()
        raise WrongCode
