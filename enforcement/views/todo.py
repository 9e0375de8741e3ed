"""What waits for a person of the case desk on the home page. What must not live here: how any of it is done."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from enforcement import custody, informants, intake_clocks, reminding, timekeeping
from enforcement.views.words import duties
from trace import clock
from trace.access import May, person
from trace.clock import CITY
from trace.db import session
from trace.services import workdays
from trace.views.todo import MOST, Task
from trace.words import say
from trace.workdays import days_left


def tasks() -> list[Task]:
    """What waits for the signed-in person."""
    return [*_wishes(), *_transfers(), *_clocks(), *_papers()]


def _wishes() -> list[Task]:
    """Wishes to read a contact that another person has to answer. Nobody answers their own."""
    if not person().may(May.INFORMANT_AGREE):
        return []
    return [
        Task(
            _("Answer whether the contact behind %(number)s may be read", number=wish.tip_number),
            url_for("informants.show", tip_id=wish.opening.tip_id),
            wish.asker,
        )
        for wish in informants.wishes(session(), waiting=True)
        if wish.opening.asked_by != person().id
    ]


def _transfers() -> list[Task]:
    """Pieces of evidence that somebody wants to hand to this person, who confirms or refuses."""
    if not person().may(May.CASE_MOVE):
        return []
    return [
        Task(
            _("Confirm that you received folio %(folio)s of %(number)s", folio=piece.folio, number=number),
            url_for("case_evidence.piece", case_id=piece.case_id, evidence_id=piece.id),
            piece.keeper.full_name if piece.keeper else "",
        )
        for piece, number in custody.waiting_for(session(), person().id)
    ]


def _clocks() -> list[Task]:
    """Clocks of which this person has been told, and those that a changed calendar would move."""
    if not person().may(May.CASE_MOVE):
        return []
    found = [
        Task(
            _("%(number)s: %(clock)s", number=each.number, clock=say(each.kind)),
            url_for("case_deadlines.show", case_id=each.case_id),
            each.basis,
            each.due_at.astimezone(CITY).date(),
            each.left,
            each.unit,
        )
        for each in reminding.pressing(session(), person().id, duties(), at=clock.now(), limit=MOST)
        if each.case_id is not None  # those of messages are among the papers below, for everybody who triages
    ]
    moved = len(timekeeping.flagged(session(), officer_id=person().id))
    if moved:
        found.append(
            Task(
                ngettext(
                    "The calendar moves %(num)s clock of yours", "The calendar moves %(num)s clocks of yours", moved
                ),
                url_for("case_deadlines.mine"),
            )
        )
    return found


def _papers() -> list[Task]:
    """Requests and complaints whose legal clock runs, the nearest end first."""
    if not person().may(May.SIGNAL_TRIAGE):
        return []
    at, days = clock.now(), workdays.calendar(session())
    return [
        Task(
            _("%(what)s: %(number)s", what=say(running.kind), number=record.number),
            url_for("intake.show", record_id=record.id),
            running.basis,
            running.due_at.astimezone(CITY).date(),
            days_left(days, at.astimezone(CITY).date(), running.due_at.astimezone(CITY).date()),
        )
        for record, running in intake_clocks.nearest(session(), most=MOST)
    ]
