"""Counting legal time: rules, and when a clock runs out. The calendar of working days is the city's: `trace.workdays`.

Pure: the moment, the rule and the calendar are arguments. The numbers of the law are in `law_seed`, dated.
What must not live here: any figure of a law, the clock, the database.

How time is counted (Civil Code 2015 Art. 145–151, through Art. 8 of the Law on Handling Administrative Violations):
the day of the event is not counted; a month ends on the same day number, or on the last day of a month that has no such day;
the last day ends at 24:00, written 23:59:59 here. Hours run from the minute of the event and stop for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from enforcement.errors import AgreedBeforeStart, ExtensionTooLate, FineTimeBarred, NoRuleInForce, NotAnExtension
from trace.clock import CITY
from trace.workdays import months_later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trace.workdays import Calendar

END_OF_DAY = time(23, 59, 59)


class Unit(StrEnum):
    """In what a rule counts."""

    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"


class DeadlineKind(StrEnum):
    """The clocks of a case. Which act starts one is said beside it where no move of `transitions` does."""

    REPORT_UP = "report_up"  # opening of the case
    COMPLAINT_ACCEPT = "complaint_accept"  # intake as a complaint
    COMPLAINT_RESOLVE = "complaint_resolve"  # acceptance of the complaint
    DENUNCIATION_ACCEPT = "denunciation_accept"  # intake as a denunciation
    DENUNCIATION_RESOLVE = "denunciation_resolve"  # acceptance of the denunciation
    REQUEST_REVIEW = "request_review"  # receipt of a right holder's request
    INSPECTION_START = "inspection_start"  # a decision under the yearly plan; unscheduled ones start at once
    INSPECTION_ON_SITE = "inspection_on_site"
    POST_VERIFICATION = "post_verification"
    NO_VIOLATION_NOTICE = "no_violation_notice"
    VIOLATION_RECORD = "violation_record"  # the note that a violation was detected
    RECORD_AFTER_ASSESSMENT = "record_after_assessment"  # receipt of the assessor's result
    EXPLANATION_ORAL_REQUEST = "explanation_oral_request"
    EXPLANATION_WRITTEN = "explanation_written"
    PENALTY_DECISION = "penalty_decision"
    SEIZURE = "seizure"  # the actual taking of the goods
    DELIVERY = "delivery"
    DELIVERY_POSTING = "delivery_posting"  # posting up of a decision that could not be handed over
    DEEMED_SERVED = "deemed_served"  # the listed cases of refusal or absence
    EXECUTION = "execution"
    ENFORCEABILITY = "enforceability"
    LIMITATION_GENERAL = "limitation_general"
    LIMITATION_IP = "limitation_ip"
    INS_UPLOAD = "ins_upload"  # signing of a paper document
    PLATFORM_TAKEDOWN = "platform_takedown"  # sending of the request to a platform
    ASSESSMENT = "assessment"  # sending of the question to an assessor; it ends on the day agreed with them


@dataclass(frozen=True)
class Extension:
    """A longer time for the same clock: the total from the same start, not what is added."""

    amount: int
    unit: Unit
    ground: str
    needs_verification: bool = False


@dataclass(frozen=True)
class Rule:
    """One clock as one version of the law sets it. `valid_to` is the first day on which it no longer holds.

    `rolls`: an end on a day off moves to the end of the next working day (Civil Code Art. 148(5)). This is the reading of
    the general rule through Art. 8 of the penalties law; a unit that reads it otherwise turns the flag off for the rule.
    `counts_start_day`: limitation counts from the beginning of its first day (Civil Code Art. 151), so it ends a day earlier.
    `needs_verification`: shown as "cần kiểm chứng" wherever the deadline is shown. `agreed`: no law counts it, it ends with a day that people
    agreed on, day off or not; `amount` then says nothing.
    """

    kind: DeadlineKind
    amount: int
    unit: Unit
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False
    extensions: tuple[Extension, ...] = ()
    rolls: bool = True
    counts_start_day: bool = False
    agreed: bool = False


@dataclass(frozen=True)
class Reckoning:
    """A deadline with what a person needs to check it."""

    due: datetime
    before_rolling: date
    doubtful: bool

    @property
    def rolled(self) -> bool:
        """Whether the end was moved on from a day off."""
        return self.due.date() != self.before_rolling


def reckon(
    start: datetime, rule: Rule, calendar: Calendar, extension: Extension | None = None, agreed_on: date | None = None
) -> Reckoning:
    """When the clock runs out that started at this moment, and on what that rests. `extension` replaces the rule's amount.

    `agreed_on`: the day that a clock without a length of its own ends with.
    """
    if start.tzinfo is None:
        raise ValueError("start must be aware")
    if rule.agreed != (agreed_on is not None):
        raise ValueError("a clock ends with an agreed day or is counted")
    if agreed_on is not None:
        end_of_it = datetime.combine(agreed_on, END_OF_DAY, CITY)
        if end_of_it <= start:
            raise AgreedBeforeStart(began=start.astimezone(CITY).date())
        return Reckoning(end_of_it, agreed_on, rule.needs_verification)
    if extension is not None and extension not in rule.extensions:
        raise NotAnExtension(kind=rule.kind)
    span = extension or rule
    local = start.astimezone(CITY)
    first = local.date()
    doubtful = rule.needs_verification or span.needs_verification
    if span.unit is Unit.HOURS:
        due_at = (start + timedelta(hours=span.amount)).astimezone(CITY)
        return Reckoning(due_at, due_at.date(), doubtful)
    end = _last_day(first, span, calendar, counts_start_day=rule.counts_start_day)
    last = calendar.working_day_from(end) if rule.rolls and span.unit is not Unit.WORKING_DAYS else end
    leans_on_calendar = rule.rolls or span.unit is Unit.WORKING_DAYS
    doubtful = doubtful or (leans_on_calendar and calendar.doubtful_between(first, last))
    return Reckoning(datetime.combine(last, END_OF_DAY, CITY), end, doubtful)


def due(start: datetime, rule: Rule, calendar: Calendar, extension: Extension | None = None) -> datetime:
    """The last second in time, in the city's zone."""
    return reckon(start, rule, calendar, extension).due


def extend(
    start: datetime,
    rule: Rule,
    calendar: Calendar,
    *,
    extension: Extension,
    running_until: datetime,
    decided_at: datetime,
) -> datetime:
    """The new end. Refused if the running one had passed when the extension was decided, or if nothing would be gained."""
    if decided_at > running_until:
        raise ExtensionTooLate(kind=rule.kind)
    new_end = due(start, rule, calendar, extension)
    if new_end <= running_until:
        raise NotAnExtension(kind=rule.kind)
    return new_end


def limitation(start: datetime | None, calendar: Calendar, rule: Rule) -> datetime | None:
    """When the act can no longer be fined. None if nobody knows when it ended: the desk must warn, not guess.

    `start` is the end of the act, or its detection while it still goes on.
    """
    return None if start is None else due(start, rule, calendar)


def time_to_fine(at: datetime, *, decision_due: datetime | None, limitation_end: datetime | None) -> None:
    """Refuses a fine after the time for the decision or the limitation has run out; remedies stay possible (Art. 65)."""
    if any(end is not None and at > end for end in (decision_due, limitation_end)):
        raise FineTimeBarred(at=at)


def rule_at(rules: Iterable[Rule], kind: DeadlineKind, on: date) -> Rule:
    """The rule in force on this day."""
    for rule in rules:
        if rule.kind is kind and rule.valid_from <= on and (rule.valid_to is None or on < rule.valid_to):
            return rule
    raise NoRuleInForce(kind=kind, on=on)


def _last_day(first: date, span: Rule | Extension, calendar: Calendar, *, counts_start_day: bool) -> date:
    if span.unit is Unit.WORKING_DAYS:
        return calendar.after(first, span.amount)
    if span.unit is Unit.DAYS:
        return first + timedelta(days=span.amount - counts_start_day)
    end = months_later(first, span.amount)
    # A month without that day number already ends early: nothing more to take off.
    return end - timedelta(days=1) if counts_start_day and end.day == first.day else end
