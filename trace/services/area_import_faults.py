"""What can be wrong with an import of areas and with its rows, in words.

What must not live here: what is wrong with one boundary (`boundary_faults`) or with the file (`geofile_faults`).
"""

from __future__ import annotations

from trace.errors import Conflict, Invalid


class DuplicateOfRow(Invalid):
    """This is the same land as row %(row)s of the file, %(name)s (%(percent)s %% of both).

    Leave one of the two out.
    """


class OverlapsRow(Invalid):
    """It overlaps row %(row)s of the file, %(name)s, by %(square_metres)s m², which is %(percent)s %% of this area.

    Move the common border in the file so that no land is counted twice.
    """


class RowRepeated(Invalid):
    """Row %(row)s of the file, %(name)s, is the same land."""


class RowOverlapped(Invalid):
    """Row %(row)s of the file, %(name)s, overlaps it by %(square_metres)s m²."""


class NameMissing(Invalid):
    """The area has no name.

    Fill in the name in the file, or choose another column for it.
    """


class NameTooLong(Invalid):
    """The name has more than %(most)s characters.

    Shorten it in the file, or choose another column for it.
    """


class NameRepeated(Invalid):
    """Row %(row)s of the file has the same name for the same holder.

    Give each area a name of its own.
    """


class NameTaken(Invalid):
    """%(holder)s already has a growing area named %(name)s.

    Give it another name in the file, or change that area instead.
    """


class HolderUnknown(Invalid):
    """No holder you may record areas for is named “%(name)s”.

    Write the name or tax code as it stands in the register, or choose one holder for the whole file.
    """


class HolderAmbiguous(Invalid):
    """Several holders are named “%(name)s”.

    Write the tax code instead.
    """


class SizeUnreadable(Invalid):
    """The declared size “%(text)s” is not a number of hectares above zero.

    Write it like 1,25, or choose another column for it.
    """


class SizeTaken(Invalid):
    """No size is declared, so the %(measured)s ha measured from the boundary stand for it."""


class CountUnreadable(Invalid):
    """The number of trees “%(text)s” is not a whole number.

    Correct it in the file, or choose another column for it.
    """


class YearUnreadable(Invalid):
    """The planting year “%(text)s” is no year up to now.

    Write four digits such as 2015, or a date such as 31/12/2015.
    """


class DateUnreadable(Invalid):
    """The date “%(text)s” is no day that has passed.

    Write it as day/month/year, such as 31/12/2025.
    """


class CommuneUnknown(Invalid):
    """The file says the commune “%(given)s”, which is not one of the city today; most of the area lies in %(found)s.

    %(found)s is recorded. Check the place if that is wrong.
    """


class CommuneDiffers(Invalid):
    """The file says %(given)s, but most of the area lies in %(found)s.

    %(found)s is recorded. Check the boundary if that is wrong.
    """


class CommuneNowhere(Invalid):
    """The area lies in no commune of the map.

    Check the coordinates and the coordinate system.
    """


class CodeLeftOut(Invalid):
    """The code %(code)s is not taken over: codes are recorded by the agriculture department.

    Ask it to record the code once the area stands.
    """


class CodeTaken(Invalid):
    """Code %(code)s of the scheme %(scheme)s already stands for the market %(market)s.

    Check the number and the market.
    """


class CodeRepeated(Invalid):
    """Row %(row)s of the file has the same code %(code)s for the same market.

    A code belongs to one area.
    """


class TooMuchToCompare(Invalid):
    """The areas of this file overlap so much that checking them takes too long.

    Divide the file, or look first for areas that stand in it again and again.
    """


class NothingToTake(Invalid):
    """No row without faults was chosen.

    Choose rows without faults, or correct the file and bring it in anew.
    """


class FaultsLeft(Invalid):
    """%(faulty)s rows have faults, so the file was not taken over as a whole.

    Correct the file and bring it in anew, or choose the rows to take over.
    """


class ChangedMeanwhile(Conflict):
    """Since this preview the register has changed in a way that concerns %(rows)s of these rows, so nothing was taken over.

    Look at the faults that are new, and take over again.
    """


class ImportFinished(Conflict):
    """This import has been finished already.

    Bring the file in anew if there is more in it.
    """


class MappedTwice(Invalid):
    """The column %(column)s is chosen for two things.

    Choose each column once.
    """
