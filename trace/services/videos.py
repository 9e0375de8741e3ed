"""Whether a file is a whole MP4, QuickTime or WebM film, told from its container alone: nothing is decoded, nothing is executed.

What must not live here: pictures and PDF (`files`), and how large a film may be.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

MP4, QUICKTIME, WEBM = "video/mp4", "video/quicktime", "video/webm"
KINDS = frozenset({MP4, QUICKTIME, WEBM})
HEAD = 64
"""How many bytes `seems` wants to see."""

_BRANDS = (b"iso", b"mp4", b"avc", b"M4V", b"MSNV", b"dash", b"3gp", b"mmp4", b"f4v")
_MOST_BOXES = 100_000
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_DOC_TYPE = b"\x42\x82"
_UNKNOWN_SIZE = (1 << 56) - 1


def seems(head: bytes) -> str | None:
    """What film a file claims to be by its first bytes; None for what is none."""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand == b"qt  ":
            return QUICKTIME
        return MP4 if brand.startswith(_BRANDS) else None
    if head.startswith(_EBML) and b"webm" in head[:HEAD]:
        return WEBM
    return None


def kind_of(path: Path) -> str | None:
    """What film a file is. One that was cut off, or that only begins like a film, is none."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        found = seems(head)
        if found is None:
            return None
        size = path.stat().st_size
        try:
            whole = _is_webm(file, size) if found == WEBM else _is_boxed(file, size)
        except (struct.error, ValueError):
            return None
        return found if whole else None


def _is_boxed(file: BinaryIO, size: int) -> bool:
    """Boxes of ISO 14496-12 that fill the file exactly, with an index and pictures among them."""
    place, seen = 0, set[bytes]()
    for _ in range(_MOST_BOXES):
        if place == size:
            return b"moov" in seen and bool(seen & {b"mdat", b"moof"})
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            header = 16
        elif length == 0:
            length = size - place
        if length < header or place + length > size:
            return False
        seen.add(name)
        place += length
    return False


def _is_webm(file: BinaryIO, size: int) -> bool:
    """An EBML header that says “webm”, and a segment behind it that ends where the file does (or, as recorders write it, is open)."""
    file.seek(4)
    length = _number(file)
    header = file.read(length)
    if length > 4096 or _DOC_TYPE + b"\x84webm" not in header:
        return False
    if file.read(4) != _SEGMENT:
        return False
    length = _number(file)
    return length == _UNKNOWN_SIZE or file.tell() + length == size


def _number(file: BinaryIO) -> int:
    """An EBML number: the leading zeros of its first byte say how many bytes it has."""
    first = file.read(1)[0:1]
    if not first or first == b"\x00":
        raise ValueError
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    if len(rest) != more:
        raise ValueError
    value = int.from_bytes(bytes([first[0] & ((1 << (7 - more)) - 1)]) + rest, "big")
    return _UNKNOWN_SIZE if value == (1 << (7 * (more + 1))) - 1 else value
