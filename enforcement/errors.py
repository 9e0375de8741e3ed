"""Refusals of the case desk. As in `trace.errors`, the docstring is the message and its second paragraph the way out.

What must not live here: HTTP, and words that accuse anybody.
"""

from __future__ import annotations

from trace.errors import Conflict, Forbidden, Invalid


class IllegalMove(Conflict):
    """This step is not possible from the present state of the case.

    Load the case again: it may have moved on. Only the steps shown there are possible.
    """


class MissingDemand(Invalid):
    """This step needs more information than was given.

    Fill in the fields that are marked.
    """


class NotYourMove(Forbidden):
    """This step is for another duty than yours.

    Ask the team head or the branch head to take it.
    """


class NoRuleInForce(Conflict):
    """The law data holds no rule for this on that day.

    Enter the rule with its legal basis and dates first.
    """


class NotAnExtension(Invalid):
    """The rule does not allow this extension.

    Choose one of the extensions listed with the deadline.
    """


class ExtensionTooLate(Conflict):
    """The deadline had passed before the extension was decided.

    An extension counts only if it is decided before the deadline ends.
    """


class FineTimeBarred(Conflict):
    """The time in which a fine could be imposed has run out.

    Confiscation and remedial measures are still possible: choose the decision without a fine.
    """


class AboveFieldMaximum(Invalid):
    """The amount is above the highest fine of this field.

    Check the amount and whether the offender is an individual or an organisation.
    """


class AgreedBeforeStart(Invalid):
    """The day that was agreed on lies before the clock began, on %(began)s.

    Check both days.
    """


class BeyondCompetence(Forbidden):
    """This decision is beyond what you may sign.

    Hand the file over to a person who is competent.
    """


class HandToTeamHead(BeyondCompetence):
    """This decision is beyond what you may sign. The team head is competent.

    Hand the file over to the team head.
    """


class HandToBranchHead(BeyondCompetence):
    """This decision is beyond what you may sign. The head of the branch is competent.

    Hand the file over to the head of the branch.
    """


class HandToCityChair(BeyondCompetence):
    """This decision is beyond what you may sign. The chair of the city People's Committee is competent.

    Transfer the file to the chair of the city People's Committee.
    """


class NoBracket(Conflict):
    """The law data holds no bracket of fines for this act and this value of goods on that day.

    Enter the bracket with its legal basis on the page of the law data, or write its ends from the text of the law.
    """


class FineOutsideBracket(Invalid):
    """The fine must lie between %(low)s and %(top)s đồng.

    Check the amount, the value of the goods and whether the offender is an organisation.
    """


class NoCapacity(BeyondCompetence):
    """You may sign no such decision today: neither your own duty nor a delegation covers it.

    Ask the head to sign, or to delegate the power in writing first.
    """


class NotADelegator(Forbidden):
    """Only a head can delegate the power to sign, and only the power of their own office.

    Ask the head whose power it is.
    """


class DelegatedToSelf(Invalid):
    """Nobody delegates to themselves.

    Choose another person.
    """


class NothingToDelegate(Invalid):
    """This person already signs at this level or above by their own duty.

    Choose a person of a lower rank, or delegate nothing.
    """


class DelegationOverlaps(Conflict):
    """This person already holds a delegation of these powers for some of these days.

    Revoke the other delegation first, or choose other days.
    """


class DelegationNumberTaken(Conflict):
    """Another delegation has this decision number.

    Check the number of the decision.
    """


class DelegationPeriod(Invalid):
    """The last day of a delegation comes before its first, or both have passed.

    Check both days.
    """


class DelegationOver(Conflict):
    """This delegation has ended already, so it cannot be revoked.

    Load the list again.
    """


class ClockHasEnded(Conflict):
    """This clock does not run any more.

    Load the case again and look how it ended.
    """


class StartUnchanged(Invalid):
    """The clock began at this moment already.

    Write the moment at which it really began, or leave it as it is.
    """


class NothingRecounted(Conflict):
    """The calendar of today gives this clock no other end.

    Load the page again.
    """


class ReasonNeeded(Invalid):
    """A change of these details moves a running clock, so it needs a reason.

    Write why the qualification or the day is another one.
    """


class VersionTaken(Conflict):
    """This clock has a rule with this version already.

    A row of law is never edited: give the new text a version of its own.
    """


class NotAfterTheOld(Invalid):
    """The row in force begins on %(day)s, so the new one must begin later.

    A row of law is never edited: enter the day from which the new text holds.
    """


class OverlapsLaw(Conflict):
    """Another row of law holds for the same thing on some of these days.

    Look at the values and days of the rows that are there. Let those end that the new text no longer knows, then enter this one.
    """


class BracketEndsMixed(Invalid):
    """The upper end of the bracket, or of the value of the goods, lies below its lower end.

    Check the four amounts.
    """


class AlreadyConfirmed(Conflict):
    """This row has been confirmed already.

    Load the page again.
    """


class RemindersUnfit(Invalid):
    """These reminders cannot be kept: at most five before the end, each at least 1, and the branch head is told after the team head.

    Write whole numbers, for example 3, 1.
    """


class FollowsFromActs(Conflict):
    """The acts of this case say as what it is treated and when they ended.

    Correct the acts in the violation file; the limitation follows them.
    """


class AlreadyEnds(Conflict):
    """This row of law holds no longer from %(day)s on already.

    Load the page again.
    """
