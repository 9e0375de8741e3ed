"""Serials from a file: a photo of a strip of labels, whose codes are decoded, or a CSV of serials, ranges and codes.

Nothing is kept of the file. What is read is shown to the person before anything is done with it.
"""

from __future__ import annotations

import csv
import io
import struct
from typing import IO, TYPE_CHECKING

import zxingcpp
from PIL import Image, ImageOps
from sqlalchemy.dialects.postgresql import Range

from labels.errors import Forged, Malformed
from trace.errors import Invalid
from trace.services.files import MOST_BYTES, MOST_PIXELS, FileEmpty, FileTooLarge, NotAnImage, TooManyPixels
from trace.services.ranges import CodeNotOurs, NotARange, RangeBackwards, gathered, joined, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.keys import Keyring

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
FROM = frozenset({"from", "first", "từ", "tu", "đầu", "dau"})
TO = frozenset({"to", "last", "đến", "den", "cuối", "cuoi"})
# A manifest has both; its serials are shorter to read.
ONE = ("serial", "số", "so", "code", "mã", "ma", "label", "tem")
QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
MOST_LINES = 100_000
NOT_DECODABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error)


class NoCodeSeen(Invalid):
    """No code of a label could be read in this picture.

    Take it closer, straight from above and without gloss, or enter the first and the last serial.
    """


class CsvUnreadable(Invalid):
    """This file is neither a photo nor a table in CSV.

    Save the table as CSV (UTF-8), with one column of serials or codes, or with the columns from and to.
    """


class CsvLineWrong(Invalid):
    """Line %(line)s of the file names no label of ours.

    Correct that line and send the file again.
    """


def read(stream: IO[bytes], *, keyring: Keyring) -> Sequence[Range[int]]:
    """The serials in a file, as ranges in order. What kind it is is told from its first bytes, never from its name."""
    data = stream.read(MOST_BYTES + 1)
    if not data:
        raise FileEmpty
    if len(data) > MOST_BYTES:
        raise FileTooLarge(most=MOST_BYTES // 2**20)
    return from_photo(data, keyring=keyring) if data.startswith(SIGNATURES) else from_csv(data, keyring=keyring)


def from_photo(data: bytes, *, keyring: Keyring) -> Sequence[Range[int]]:
    """The labels in a photo. Symbols of others are passed over; a code that looks like ours and is not refuses the whole photo."""
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > MOST_PIXELS:
            raise TooManyPixels(most=MOST_PIXELS // 1_000_000)
        grey = ImageOps.exif_transpose(image).convert("L")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise TooManyPixels(most=MOST_PIXELS // 1_000_000) from exc
    except NOT_DECODABLE as exc:
        raise NotAnImage from exc
    serials = set[int]()
    for symbol in zxingcpp.read_barcodes(grey, formats=QR):
        try:
            serials.add(keyring.verify(symbol.text.rpartition("/")[2]).serial)
        except Malformed:
            continue
        except Forged as exc:
            raise CodeNotOurs from exc
    if not serials:
        raise NoCodeSeen
    return gathered(joined(Range(serial, serial + 1) for serial in serials))


def from_csv(data: bytes, *, keyring: Keyring) -> Sequence[Range[int]]:
    """The labels that a table names: one column with serials, ranges or codes, or the columns from and to.

    A manifest of a print shop is such a table: its column of serials is taken.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CsvUnreadable from exc
    if "\x00" in text:
        raise CsvUnreadable
    first = text.partition("\n")[0]
    delimiter = next((sign for sign in "\t;," if sign in first), ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as exc:
        raise CsvUnreadable from exc
    if not rows or len(rows) > MOST_LINES:
        raise CsvUnreadable
    names = [cell.strip().lower() for cell in rows[0]]
    start = next((at for at, name in enumerate(names) if name in FROM), None)
    stop = next((at for at, name in enumerate(names) if name in TO), None)
    single = next((names.index(name) for name in ONE if name in names), None)
    headed = single is not None or (start is not None and stop is not None)
    if not headed and max(map(len, rows)) > 1:
        raise CsvUnreadable  # two bare columns could be two labels or a range: nobody can tell
    found = list[Range[int]]()
    for line, row in enumerate(rows[1:] if headed else rows, 2 if headed else 1):
        try:
            if start is not None and stop is not None:
                found.append(parse(f"{row[start]} – {row[stop]}", keyring=keyring))
            else:
                found.append(parse(row[single or 0], keyring=keyring))
        except (CodeNotOurs, IndexError, NotARange, RangeBackwards) as exc:
            raise CsvLineWrong(line=line) from exc
    if not found:
        raise CsvUnreadable
    return gathered(found)
