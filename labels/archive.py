"""All files of an order as one ZIP, streamed: what is in it is drawn while it is sent.

No clock and no attributes of the machine: the same files give the same bytes. The last member lists the SHA-256 of
the others, so that a print shop can check what arrived.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUMS = "SHA256SUMS.txt"
# The earliest moment that a ZIP can name.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6
_READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be put in."""

    name: str
    pieces: Iterable[bytes]
    packed: bool = False
    """Already compressed inside, as PDF, PNG and XLSX are: stored as it is."""


def stream(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive in pieces."""
    sink = _Sink()
    sums = []
    with zipfile.ZipFile(sink, "w") as archive:
        for member in members:
            digest = hashlib.sha256()
            yield from _put(archive, sink, member.name, member.pieces, packed=member.packed, digest=digest)
            sums.append(f"{digest.hexdigest()}  {member.name}\n")
        yield from _put(archive, sink, SUMS, ["".join(sums).encode()], packed=False, digest=hashlib.sha256())
    yield sink.take()


def _put(
    archive: zipfile.ZipFile, sink: _Sink, name: str, pieces: Iterable[bytes], *, packed: bool, digest: Any
) -> Iterator[bytes]:
    info = zipfile.ZipInfo(name, _NO_DATE)
    info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    info.external_attr, info.create_system = _READABLE, 3
    # Sizes are not known beforehand, and a PDF of a hundred million labels is over 4 GB.
    with archive.open(info, "w", force_zip64=True) as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
            if taken := sink.take():
                yield taken
    yield sink.take()


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
