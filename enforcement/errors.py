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
