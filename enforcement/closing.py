"""What keeps a case from being closed: timers that run, measures, orders and hand-overs that nobody finished, things nobody decided on.

All of it is said at once. What must not live here: closing (`cases`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import exhibits, measures, membership, offenders, orders
from enforcement.models import Deadline, Handover
from enforcement.transitions import DECIDED, POINTLESS_WHEN_CLOSED
from trace.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from trace.errors import TemThatError


class ClockRuns(Conflict):
    """A clock still runs: %(kind)s, until %(due)s.

    Do what it asks for and enter that it was done.
    """


class MeasureRuns(Conflict):
    """A measure still runs: %(kind)s, %(addressee)s.

    End it with its result.
    """


class OrderOpen(Conflict):
    """What the decision orders is not carried out: %(what)s.

    Enter how it was carried out, or give it to enforcement.
    """


class OffenderUndecided(Conflict):
    """Nothing is decided on %(who)s.

    Decide on this person too, or end the proceedings against them with a written reason.
    """


class HandoverOpen(Conflict):
    """%(recipient)s has not confirmed that the file arrived.

    Enter who received it, when, and the number of the minutes.
    """


class ExhibitUndecided(Conflict):
    """Nobody has decided on exhibit no. %(seq)s, %(description)s.

    Return it, or confiscate it by the decision.
    """


def open_points(session: Session, case: CaseFile) -> list[TemThatError]:
    """Everything in a case, and in those merged into it, that is not finished."""
    ids = membership.members(session, case.id)
    found: list[TemThatError] = []
    if case.state in DECIDED:
        found += [OffenderUndecided(who=each.name) for each in offenders.undecided(session, case)]
    running = measures.running(session, ids)
    found += [MeasureRuns(kind=each.kind, addressee=each.addressee) for each in running]
    of_measures = {each.id for each in running}
    clocks_left = session.scalars(
        select(Deadline)
        .where(
            Deadline.case_id.in_(ids),
            Deadline.met_at.is_(None),
            Deadline.stopped_at.is_(None),
            Deadline.kind.not_in(list(POINTLESS_WHEN_CLOSED)),
        )
        .order_by(Deadline.due_at)
    )
    found += [
        ClockRuns(kind=clock.kind, due=clock.due_at) for clock in clocks_left if clock.subject_id not in of_measures
    ]
    found += [OrderOpen(what=order.what) for order in orders.standing_open(session, case)]
    waiting = session.scalars(
        select(Handover).where(
            Handover.case_id.in_(ids), Handover.received_on.is_(None), Handover.returned_on.is_(None)
        )
    )
    found += [HandoverOpen(recipient=each.recipient) for each in waiting]
    things = exhibits.still_held(session, case)
    # The number of an exhibit is a name, not an amount.
    found += [ExhibitUndecided(seq=str(thing.seq), description=thing.description[:80]) for thing in things]
    return found
