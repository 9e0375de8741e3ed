"""The list a print shop works from: serial, code and address (and hidden code, if the order has one), as CSV or XLSX.

CSV is ASCII with CRLF and one header row. The SHA-256 is kept with the order, so that what comes back from a shop
can be compared with what went out: the same labels give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import xlsxwriter

from labels.code import hidden_code
from labels.qr import qr_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labels.keys import Keyring

HEADER = ("serial", "code", "url")
HIDDEN_HEADER = "hidden_code"
ROWS_A_SHEET = 1_000_000
"""Excel takes 1 048 576 rows; longer orders go on on a further sheet."""

_ROWS_AT_ONCE = 4096
# A file without a date of its own: the same labels are the same bytes.
_NO_DATE = datetime(2000, 1, 1)  # noqa: DTZ001 (XLSX knows no zones)

Serials = range | tuple[range, ...]


def stream(
    keyring: Keyring, serials: Serials, *, host: str, gtin: str | None = None, hidden: bool = False
) -> Iterator[bytes]:
    """The CSV in pieces. `hidden` adds the code under the scratch layer: such a file is itself a secret."""
    yield (",".join(_header(hidden=hidden)) + "\r\n").encode("ascii")
    rows = _rows(keyring, serials, host=host, gtin=gtin, hidden=hidden)
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield "".join(f"{','.join(row)}\r\n" for row in some).encode("ascii")


def write(
    out: BinaryIO, keyring: Keyring, serials: Serials, *, host: str, gtin: str | None = None, hidden: bool = False
) -> str:
    """Write the CSV; its SHA-256 in hex."""
    digest = hashlib.sha256()
    for piece in stream(keyring, serials, host=host, gtin=gtin, hidden=hidden):
        out.write(piece)
        digest.update(piece)
    return digest.hexdigest()


def sha256(keyring: Keyring, serials: Serials, *, host: str, gtin: str | None = None, hidden: bool = False) -> str:
    """The SHA-256 that the CSV has, without keeping it."""
    digest = hashlib.sha256()
    for piece in stream(keyring, serials, host=host, gtin=gtin, hidden=hidden):
        digest.update(piece)
    return digest.hexdigest()


def xlsx(
    out: BinaryIO, keyring: Keyring, serials: Serials, *, host: str, gtin: str | None = None, hidden: bool = False
) -> str:
    """Write the same list as a workbook; its SHA-256 in hex. Memory does not grow with it, a temporary file does.

    Every cell is text, so nothing in it can be taken for a formula, and no zero at the front of a code is lost.
    """
    book: Any = xlsxwriter.Workbook(
        hashed := _Hashed(out),
        {"constant_memory": True, "strings_to_urls": False, "strings_to_formulas": False, "strings_to_numbers": False},
    )
    book.set_properties({"title": "Tem", "created": _NO_DATE})
    header = _header(hidden=hidden)
    rows = _rows(keyring, serials, host=host, gtin=gtin, hidden=hidden)
    bold = book.add_format({"bold": True})
    some, number = islice(rows, ROWS_A_SHEET), 0
    while True:
        number += 1
        sheet = book.add_worksheet(f"Tem {number}")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 1, 16)
        sheet.set_column(2, 2, 60)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name, bold)
        at = 0
        put = sheet.write_string
        for at, row in enumerate(some, 1):
            for column, text in enumerate(row):
                put(at, column, text)
        if at < ROWS_A_SHEET:
            break
        some = islice(rows, ROWS_A_SHEET)
    book.close()
    return hashed.hexdigest()


def _header(*, hidden: bool) -> tuple[str, ...]:
    return (*HEADER, HIDDEN_HEADER) if hidden else HEADER


def _rows(
    keyring: Keyring, serials: Serials, *, host: str, gtin: str | None, hidden: bool
) -> Iterator[tuple[str, ...]]:
    before_code = qr_text("", host=host, gtin=gtin)
    for part in (serials,) if isinstance(serials, range) else serials:
        for serial, code in keyring.codes(part):
            row = (str(serial), code, before_code + code)
            yield (*row, hidden_code(serial, keyring.secret_for(serial))) if hidden else row


class _Hashed(io.RawIOBase):
    """Passes everything on and hashes it. Cannot be sought in, so a writer must not come back to what it wrote."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out, self._digest, self._position = out, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._out.write(piece)
        self._digest.update(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
