"""Why a file of boundaries cannot be read, in words.

What must not live here: what is wrong with one boundary (`boundary_faults`).
"""

from __future__ import annotations

from trace.errors import Invalid, TooLarge


class UnknownGeoFile(Invalid):
    """This file is of no kind that can be read here.

    Send GeoJSON, KML, KMZ, GPX, a zipped Shapefile (.shp, .dbf and .prj in one .zip), or a table of corner points as XLSX or CSV.
    """


class GeoFileBroken(Invalid):
    """The %(kind)s file is damaged or incomplete (%(where)s).

    Save it anew in the program that it comes from, and send it again.
    """


class GeoFileTooLarge(TooLarge):
    """The file unfolds to %(megabytes)s MB; at most %(most)s MB can be taken in at once.

    Divide it into several files, or leave out the columns that are not needed.
    """


class TooManyCorners(TooLarge):
    """The file holds more than %(most)s corner points.

    Divide it into several files, or simplify the lines: a point every few metres is enough.
    """


class TooManyFiles(TooLarge):
    """The archive holds %(files)s files; at most %(most)s are looked through.

    Put only the files of the layer into it.
    """


class TooManyAreas(TooLarge):
    """The file holds more than %(most)s areas.

    Divide it into several files.
    """


class NothingInside(Invalid):
    """The file holds no area.

    Check that it is the right file, and that the areas were saved with it.
    """


class ArchiveInArchive(Invalid):
    """The archive holds another archive: %(name)s.

    Unpack it and send the file inside.
    """


class ArchiveLocked(Invalid):
    """The archive is protected by a password.

    Send it without a password.
    """


class SeveralLayers(Invalid):
    """The archive holds several layers: %(names)s.

    Send one layer per file.
    """


class ShapefileIncomplete(Invalid):
    """The Shapefile lacks its %(missing)s file.

    Put the .shp, .dbf and .prj files of the layer into one .zip.
    """


class XmlWithEntities(Invalid):
    """The file defines entities of its own (DTD), which are not read here for safety.

    Save it anew as plain KML or GPX.
    """


class TextInTcvn3(Invalid):
    """The file uses the code page TCVN3 (ABC), as in “%(sample)s”, so its Vietnamese text cannot be read for certain.

    Save it again in Unicode (UTF-8), for example with the conversion of Unikey, and send it once more.
    """


class TextInVni(Invalid):
    """The file uses the code page VNI, as in “%(sample)s”, so its Vietnamese text cannot be read for certain.

    Save it again in Unicode (UTF-8), for example with the conversion of Unikey, and send it once more.
    """


class TextUnreadable(Invalid):
    """The text of the file is in no known encoding, as in “%(sample)s”.

    Save it again in Unicode (UTF-8) and send it once more.
    """


class ColumnsMissing(Invalid):
    """The table has no columns for the coordinates of the corner points.

    Name them Vĩ độ and Kinh độ for degrees, or X and Y for metres in VN-2000; a column Tên says to which area a point belongs.
    """


class ZoneMissing(Invalid):
    """The coordinates are metres, but the file does not say in which VN-2000 zone.

    Choose the zone: 105°45′ for the former Hải Phòng, 105°30′ for the former Hải Dương.
    """


class ZoneUnknown(Invalid):
    """The coordinate system of the file is not known here: %(name)s.

    Choose the coordinate system by hand, or save the file in WGS 84 or VN-2000.
    """


class NothingButOther(Invalid):
    """The layer holds no areas but something else (%(kind)s).

    Send the layer of the outlines; points and lines have no area.
    """
