"""Rows of bytes that are alike but for some gaps, filled by numpy in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

HEX = np.frombuffer(b"".join(b"%02X" % byte for byte in range(256)), np.uint16)
"""Two ASCII signs for each byte, as one number: look up bytes, then view as uint8."""

Piece = tuple[str, bytes]
"""A gap's name and what fills it for now; "" for bytes that stay."""


class Template:
    """One row for each place (of a page, of a roll), all of one length with their gaps at the same offsets.

    Gaps named in `hexed` take bytes, and hold two hex digits for each.
    """

    def __init__(self, rows: Sequence[Sequence[Piece]], hexed: frozenset[str] = frozenset()) -> None:
        self.hexed = hexed
        joined = [b"".join(text for _, text in row) for row in rows]
        self._rows = np.frombuffer(b"".join(joined), np.uint8).reshape(len(rows), -1)
        self._gaps: dict[str, slice] = {}
        at = 0
        for name, text in rows[0]:
            if name:
                self._gaps[name] = slice(at, at + len(text))
            at += len(text)

    def filled(self, places: NDArray[np.intp], columns: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """(count, bytes): the row of each place, with each gap filled from its column of (count, bytes)."""
        rows: NDArray[np.uint8] = self._rows[places]
        for name, column in columns.items():
            rows[:, self._gaps[name]] = hexed(column) if name in self.hexed else column
        return rows

    @property
    def places(self) -> int:
        """How many rows a page has."""
        return len(self._rows)

    def gap(self, name: str) -> slice:
        """Where in a row something goes."""
        return self._gaps[name]


def hexed(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(count, bytes) as (count, twice as many) ASCII hex digits."""
    return HEX[packed].view(np.uint8)
