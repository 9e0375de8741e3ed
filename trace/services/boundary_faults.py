"""What can be wrong with a boundary, each in words with its figures and the way out.

What must not live here: how it is found out; that is for `shapes` and `boundaries`.
"""

from __future__ import annotations

from trace.errors import Invalid


class BoundaryEmpty(Invalid):
    """The boundary is empty.

    Draw the boundary, or import it from a file.
    """


class NotAPolygon(Invalid):
    """This is no polygon (%(kind)s).

    Draw the area as a closed line around the land; single points and lines have no area.
    """


class NotCoordinates(Invalid):
    """Some of the coordinates are not numbers.

    Each point needs a longitude and a latitude in degrees, such as 106.41234 and 20.91234.
    """


class TooFewPoints(Invalid):
    """A line of the boundary has only %(points)s points; at least four are needed, the last being the first again.

    Add the corners that are missing.
    """


class RingNotClosed(Invalid):
    """A line of the boundary is not closed: its last point lies %(metres)s m from the first, at %(where)s.

    Add the first point once more at the end, or choose “close open lines” when importing.
    """


class TooManyPoints(Invalid):
    """The boundary has %(points)s points; at most %(most)s can be kept for one area.

    Simplify the line: a point every few metres is enough.
    """


class AxesSwapped(Invalid):
    """Latitude and longitude seem to be the wrong way round: the point %(where)s would lie in the city if they changed places.

    Put the longitude first (about 106) and the latitude second (about 21), or choose the other order when importing.
    """


class LooksProjected(Invalid):
    """The coordinates look like metres (%(where)s), not like degrees.

    Import the file and choose the VN-2000 zone in which it was measured.
    """


class OutOfRange(Invalid):
    """The point %(where)s does not exist: latitude goes from −90 to 90 and longitude from −180 to 180.

    Correct that point.
    """


class OutsideCity(Invalid):
    """The boundary lies outside the city, at %(where)s.

    Check the coordinates and the coordinate system: a wrong VN-2000 zone moves the land by tens of kilometres.
    """


class PartlyOutsideCity(Invalid):
    """%(percent)s %% of the area lies outside the city, which the communes of the map bound.

    Check the boundary where it leaves the city.
    """


class SelfCrossing(Invalid):
    """The line of the boundary crosses or touches itself at %(where)s.

    Move the points near that place so that the line goes around the land once.
    """


class HoleOutside(Invalid):
    """A hole lies outside the outline that it belongs to, at %(where)s.

    Draw holes inside the area, or save that part as an area of its own.
    """


class PartsOverlap(Invalid):
    """Two parts of the area lie upon each other at %(where)s.

    Join the parts into one outline, or move them apart.
    """


class NotValid(Invalid):
    """The boundary encloses no clear area near %(where)s.

    Draw that part of the boundary anew.
    """


class OutsideTerritory(Invalid):
    """%(percent)s %% of the area lies outside the territory of %(title)s.

    Only land within the territory can be used for this title; correct the boundary or choose another title.
    """


class OverlapsArea(Invalid):
    """It overlaps %(name)s by %(square_metres)s m², which is %(percent)s %% of this area.

    Move the common border so that no land is counted twice.
    """


class OverlapsOtherOrganisation(Invalid):
    """It overlaps another organisation’s area by %(square_metres)s m², which is %(percent)s %% of this area.

    Check the border on the land; if yours is right, ask the managing body to settle it with the other organisation.
    """


class DuplicateOfArea(Invalid):
    """This is the same land as %(name)s (%(percent)s %% of both).

    Change that area instead of entering it again.
    """


class DuplicateOfOtherOrganisation(Invalid):
    """This is the same land as another organisation’s area (%(percent)s %% of both).

    Ask the managing body who uses this land for the title.
    """


class DeclaredMore(Invalid):
    """Declared are %(declared)s ha, %(percent)s %% more than the %(measured)s ha measured from the boundary.

    Correct the declared size or the boundary.
    """


class DeclaredLess(Invalid):
    """Declared are %(declared)s ha, %(percent)s %% less than the %(measured)s ha measured from the boundary.

    Correct the declared size or the boundary.
    """
