"""What can be wrong with a table that somebody brings in, and with its cells, in words.

What must not live here: why a file cannot be read at all (`geofile_faults`).
"""

from __future__ import annotations

from trace.errors import Conflict, Invalid, TooLarge


class UnknownTableKind(Invalid):
    """This file is no table that can be read here.

    Send the filled-in template as XLSX, or a CSV file saved from it.
    """


class TooManyRows(TooLarge):
    """The table has more than %(most)s rows.

    Divide it into several files, and remove empty formatted rows at its end.
    """


class TableEmpty(Invalid):
    """The table holds no rows to record.

    Write one line for each record below the headings, and send the file again.
    """


class HeadingsMissing(Invalid):
    """These columns were not found in the table: %(columns)s.

    Start from the template and leave the headings in its first row as they are.
    """


class HeadingTwice(Invalid):
    """The column %(column)s stands in the table twice.

    Leave one of the two out, so that it is clear which one counts.
    """


class ChangedSinceShown(Conflict):
    """What can be recorded has changed since this page was drawn.

    Look at the counts below once more, then record the rows.
    """


class ImportOver(Conflict):
    """This file was recorded or given up already.

    Send the file anew if there is more to record.
    """


class NothingToRecord(Invalid):
    """No row of this file can be recorded.

    Mend the marked cells and send the file again.
    """


class RowsFaulty(Invalid):
    """%(rows)s rows have faults, so nothing was recorded.

    Mend them and send the file again, or choose to record only the rows without faults.
    """


class CellMissing(Invalid):
    """%(column)s: the cell is empty.

    Fill it in; this column is needed.
    """


class CellTooLong(Invalid):
    """%(column)s: at most %(most)s characters are kept.

    Shorten the text.
    """


class CellBroken(Invalid):
    """%(column)s: the cell holds the error %(text)s of a formula.

    Type the value itself into the cell.
    """


class NotInList(Invalid):
    """%(column)s: “%(text)s” is none of the choices.

    Choose from the list of the cell; the sheet Danh mục shows all of them.
    """


class DayUnreadable(Invalid):
    """%(column)s: “%(text)s” is no date.

    Write day/month/year, for example 31/12/2026.
    """


class DateFromNumber(Invalid):
    """%(column)s: the number %(text)s was read as the date %(day)s, as Excel counts days.

    Check the date; format the column as a date to be sure.
    """


class DateInFuture(Invalid):
    """%(column)s: %(day)s has not come yet.

    Correct the date.
    """


class NumberUnreadable(Invalid):
    """%(column)s: “%(text)s” is no number.

    Write digits, with a comma before the decimals, for example 1.234,5.
    """


class NumberOutOfRange(Invalid):
    """%(column)s: %(text)s lies outside %(least)s to %(most)s.

    Correct the number, and check its unit.
    """


class DigitsLost(Invalid):
    """%(column)s: Excel has shortened the number to %(text)s, so digits are lost.

    Format the column as text and type the number again.
    """


class ZerosRestored(Invalid):
    """%(column)s: %(text)s was a number in Excel without its leading zeros; it was read as %(taken)s.

    Check it; format the column as text to keep the zeros.
    """


class NationalIdForm(Invalid):
    """%(column)s: “%(text)s” is not a citizen's identity number.

    Write its 12 digits, which begin with the code of a province, for example 031.
    """


class OldIdentityCard(Invalid):
    """%(column)s: %(text)s has nine digits, which is the number of an old identity card.

    Write the 12 digits of the citizen's identity card (CCCD), or leave the cell empty.
    """


class PhoneForm(Invalid):
    """%(column)s: “%(text)s” is no telephone number.

    Write ten digits that begin with 0, for example 0912345678.
    """


class TaxCodeForm(Invalid):
    """%(column)s: “%(text)s” is no tax code.

    Write 10 digits, 10 digits with a branch such as 0201234567-001, or the 12 digits of the identity card.
    """


class CodeUnreadable(Invalid):
    """%(column)s: “%(text)s” is no code.

    Write up to 30 letters without accents, digits, and . / - _ without spaces.
    """


class CommuneNotFound(Invalid):
    """%(column)s: no ward or commune of the city is called “%(text)s”.

    Choose the present name from the sheet Danh mục.
    """


class CommuneUnclear(Invalid):
    """%(column)s: “%(text)s” may mean %(names)s.

    Write the present name of the ward or commune.
    """


class CommuneRenamed(Invalid):
    """%(column)s: “%(text)s” is an old name; it was read as %(name)s.

    Check that it is the right one.
    """


class RepeatedInFile(Invalid):
    """%(column)s: “%(text)s” stands in row %(row)s too.

    Leave one of the two rows out, or correct it.
    """


class TakenAlready(Invalid):
    """%(column)s: “%(text)s” belongs to %(name)s in the register.

    Correct the cell, or change that record on its own page.
    """


class KnownAlready(Invalid):
    """The register holds this row already, as %(name)s. It is left as it is."""


class DiffersFromRegister(Invalid):
    """%(column)s: the register says “%(stands)s” for %(name)s.

    Change the record on its own page, or leave the row out.
    """


class NameDiffersForTaxCode(Invalid):
    """%(column)s: the tax code %(text)s is that of %(name)s.

    Correct the name or the tax code.
    """


class JoinsKnownParty(Invalid):
    """%(name)s stands in the register with this tax code and becomes the member. Its telephone and address stay as they are."""


class SourceNotFound(Invalid):
    """%(column)s: there is no growing area or production site called “%(text)s” here, or several.

    Write the name as the list of growing areas shows it.
    """


class SeasonNotFound(Invalid):
    """%(column)s: “%(text)s” is no open season.

    Choose from the list of the cell; the sheet Danh mục shows all of them.
    """


class ItemNotFound(Invalid):
    """%(column)s: the control plan has no item “%(text)s” at this level.

    Write the code of the item as the control plan shows it.
    """


class CodeNotYours(Invalid):
    """%(column)s: growing-area codes are recorded by the department of agriculture. The code was left out."""


class CodeStands(Invalid):
    """%(column)s: the area has the code “%(text)s” for this market already."""


class FormerUntil(Invalid):
    """%(column)s: %(name)s had this number as a member until %(day)s.

    Write a joining day after that, if it is the same member who has come back.
    """


class AreaNotFound(Invalid):
    """%(column)s: there is no growing area called “%(text)s” here, or several.

    Write the name as the list of growing areas shows it. New areas are brought in with their boundaries.
    """
