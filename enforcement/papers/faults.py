"""What can be wrong with a form or with what is filled into it. Each names the place and the way out; they are told all at once.

What must not live here: who looks.
"""

from __future__ import annotations

from trace.errors import Invalid


class PartMissing(Invalid):
    """%(part)s: this part of the form is empty.

    Fill it in.
    """


class PartTooLong(Invalid):
    """%(part)s: this part of the form has more than %(most)s characters.

    Shorten it.
    """


class UnknownField(Invalid):
    """%(part)s, line %(line)s: the form has no field named {%(name)s}.

    Add it to the fields of the form, or correct its name.
    """


class UnknownTable(Invalid):
    """%(part)s, line %(line)s: there is no table named [%(name)s] among the fields of the form.

    Use one of these as a field of the kind table: %(known)s.
    """


class UnknownSource(Invalid):
    """%(part)s, line %(line)s: the case knows no fact named %(name)s.

    Choose a fact from the list below the form, or leave the source empty.
    """


class UnknownWord(Invalid):
    """%(part)s, line %(line)s: %(name)s is not known.

    Use one of these: %(known)s.
    """


class BrokenBlock(Invalid):
    """%(part)s, line %(line)s: this line cannot be read: %(text)s

    Every opening bracket needs its closing one, and a heading, an article or an item needs a text.
    """


class BadFieldName(Invalid):
    """%(part)s, line %(line)s: %(name)s cannot be the name of a field.

    Use small letters without diacritics, digits and the low line, for example pay_days.
    """


class FieldWithoutLabel(Invalid):
    """%(part)s, line %(line)s: the new field %(name)s has no label.

    Write the line as: name | label | kind | source | hint.
    """


class FieldTwice(Invalid):
    """%(part)s, line %(line)s: the field %(name)s is there twice.

    Keep one of the two.
    """


class FieldUnused(Invalid):
    """%(part)s: the field %(name)s appears nowhere in the text, so what officers fill in would be lost.

    Use it in the text, or take it off the list.
    """


class SymbolTaken(Invalid):
    """The symbol %(symbol)s belongs to the form %(form)s already, so two documents could get one number.

    Choose another symbol.
    """


class ValidTooEarly(Invalid):
    """The new version would hold from %(day)s, before the version in force began on %(since)s.

    Choose a later day.
    """


class FieldMissing(Invalid):
    """%(label)s: this has to be filled in before the document is issued."""


class NotADay(Invalid):
    """%(label)s: write a date as day/month/year, for example 31/12/2026."""


class NotAMoment(Invalid):
    """%(label)s: write a time and a date, for example 09:30 31/12/2026."""


class NotANumber(Invalid):
    """%(label)s: write a whole number, for example 1.200."""


class NamesSomebody(Invalid):
    """%(label)s: this looks like a telephone number or an address of a person. Who reported is never named in a document.

    Write the number of the report only.
    """


class ValueTooLong(Invalid):
    """%(label)s: write at most %(most)s characters."""


class TooManyRows(Invalid):
    """%(label)s: a table takes at most %(most)s lines.

    Put the rest into an annex.
    """


class TooManyCells(Invalid):
    """%(label)s, line %(line)s: there are more parts than the table has columns (%(columns)s).

    Separate the columns with a vertical bar and write no bar inside a column.
    """


class DaysReversed(Invalid):
    """%(last)s lies before %(first)s.

    Check both.
    """
