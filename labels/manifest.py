"""The list a print shop works from: CSV with serial, code and address (and hidden code, if the order has one).

ASCII, CRLF, one header row. Its SHA-256 is kept with the order, so that what comes back from a shop can be
compared with what went out.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from labels.code import hidden_code
from labels.qr import qr_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labels.keys import Keyring

_ROWS_AT_ONCE = 4096


def stream(
    keyring: Keyring, serials: range, *, host: str, gtin: str | None = None, hidden: bool = False
) -> Iterator[bytes]:
    """The file in pieces. `hidden` adds the code under the scratch layer: such a file is itself a secret."""
    before_code = qr_text("", host=host, gtin=gtin)
    rows = (
        f"{serial},{code},{before_code}{code}"
        + (f",{hidden_code(serial, keyring.secret_for(serial))}" if hidden else "")
        for serial, code in keyring.codes(serials)
    )
    yield b"serial,code,url,hidden_code\r\n" if hidden else b"serial,code,url\r\n"
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield ("\r\n".join(some) + "\r\n").encode("ascii")


def write(
    out: BinaryIO, keyring: Keyring, serials: range, *, host: str, gtin: str | None = None, hidden: bool = False
) -> str:
    """Write the file; its SHA-256 in hex."""
    digest = hashlib.sha256()
    for piece in stream(keyring, serials, host=host, gtin=gtin, hidden=hidden):
        out.write(piece)
        digest.update(piece)
    return digest.hexdigest()


def sha256(keyring: Keyring, serials: range, *, host: str, gtin: str | None = None, hidden: bool = False) -> str:
    """The SHA-256 that the file has, without keeping it."""
    digest = hashlib.sha256()
    for piece in stream(keyring, serials, host=host, gtin=gtin, hidden=hidden):
        digest.update(piece)
    return digest.hexdigest()
