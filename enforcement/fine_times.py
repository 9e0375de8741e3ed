"""Until when a fine can be imposed: the time for the decision (Art. 66) and the limitation (Art. 6), and what may be entered after it.

What must not live here: the fine itself (`fines`), and starting, extending or correcting a clock (`clocks`, `timekeeping`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from enforcement import acts as acting
from enforcement import clocks, deadlines, law, membership, offenders, timekeeping
from enforcement.casebook import midnight
from enforcement.deadlines import DeadlineKind
from enforcement.papers import shelf
from trace.clock import CITY
from trace.errors import Conflict

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from enforcement.law import Law
    from enforcement.models import CaseFile, CaseParty

PENALTY_FORMS = ("MQĐ02",)
"""The forms of a decision to penalise, in the register of documents."""


class EnteredAfterTime(Conflict):
    """The time to fine ended on %(end)s, and the register holds no decision no. %(number)s issued before.

    Only a decision that was issued in time from the register of documents can be entered now. Otherwise choose the decision without a fine.
    """


def time_left(session: Session, case: CaseFile, at: datetime, offender: CaseParty | None = None) -> None:
    """Refuse a fine once the time for the decision or the limitation has run out, of this case or of one merged into it.

    Of several offenders each has the limitation of the own acts.
    """
    for decision_due, limitation in _ends(session, case, offender):
        deadlines.time_to_fine(at, decision_due=decision_due, limitation_end=limitation)


def entered_in_time(
    session: Session, case: CaseFile, number: str, at: datetime, offender: CaseParty | None = None
) -> None:
    """Refuse to enter after the time for it a fine that is dated within: only the register shows that it was not dated back."""
    ends = [end for pair in _ends(session, case, offender) for end in pair if end is not None]
    end = min(ends, default=None)
    if end is not None and at > end and not shelf.issued_by(session, case.id, number, PENALTY_FORMS, end):
        raise EnteredAfterTime(number=number, end=end)


def _ends(
    session: Session, case: CaseFile, offender: CaseParty | None
) -> list[tuple[datetime | None, datetime | None]]:
    """When the time for the decision and the limitation end, in a case and in those merged into it."""
    own = None
    if offender is not None and len(offenders.of_case(session, case)) > 1:
        own = limitation_end(session, case, offender)
    return [
        (
            clocks.running(session, case_id, {DeadlineKind.PENALTY_DECISION}),
            own or clocks.running(session, case_id, clocks.LIMITATION),
        )
        for case_id in membership.members(session, case.id)
    ]


def limitation_end(
    session: Session, case: CaseFile, offender: CaseParty, *, rules: Law | None = None
) -> datetime | None:
    """When the first of an offender's acts can no longer be fined; None while nobody knows when they ended."""
    detected = case.detected_at.astimezone(CITY).date() if case.detected_at else None
    rules = rules or law.load(session)
    ends = []
    for act in offenders.acts_of(offender, acting.standing(session, case)):
        if (since := act.ended_on or detected) is not None:
            rule = rules.rule(timekeeping.limitation_kind(act.qualification), since)
            ends.append(deadlines.due(midnight(since), rule, rules.calendar))
    return min(ends, default=None)
