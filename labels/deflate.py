"""The codes of pages whose rows are alike but for digits: zlib streams without a compressor, put together by `labels.pages`.

What stays is coded once: in the first row of a page letter by letter, in every later one as "the same as a row ago". Between
lie digits whose codes are all five bits long, so that each row has the same length in bits. It takes a fraction of the time of
zlib's fastest level for a file a quarter larger, and the bytes depend on no library's version. Formats: RFC 1950 and 1951.
"""

from __future__ import annotations

import heapq
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

DIGITS = b"0123456789ABCDEF"
_IS_DIGIT = frozenset(DIGITS)
_DIGIT_BITS = 5
END = 256
# The two bytes that every zlib stream of its fastest level begins with.
_STREAM = 0x0178
_LONGEST_CODE, _LONGEST_LENGTH_CODE = 15, 7
_LEAST_MATCH, _MOST_MATCH = 3, 258
# Lengths of codes that together take a quarter of all there are.
_QUARTERS = (2,), (3, 3), (3, 4, 4), (4, 4, 4, 4)
# Always in the tree: what `aligned` writes, and so many that none has a short code.
_MORE_SIGNS = b" \nabcdefghijklmnopqrstuvwxyz"
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


class Coder:
    """The codes of one kind of page: five bits for each digit, and a Huffman tree for everything else."""

    def __init__(self, row: bytes, loose: NDArray[np.bool_], head: bytes, cells: int) -> None:
        self.row = row
        self.repeated = list(_tokens(loose))
        self._distance, self._distance_extra = _class_of(len(row), _DISTANCES)
        uses = dict.fromkeys([END, *head, *row, *_MORE_SIGNS], 1)
        for at, length in self.repeated:
            sign = _class_of(length, _LENGTHS)[0] + 257 if length > 1 else row[at]
            uses[sign] = uses.get(sign, 0) + cells
        rest = {sign: count for sign, count in uses.items() if sign not in _IS_DIGIT}
        self._lengths = _shared_out(rest) | dict.fromkeys(DIGITS, _DIGIT_BITS)
        self.codes = _canonical(self._lengths)
        self.linear = np.array([self.codes[sign][0] ^ self.codes[DIGITS[0]][0] for sign in DIGITS], np.uint64)
        """What is different in a digit's code from that of 0. XOR of values is XOR of these: see `_shared_out`."""

    def coded(self, length: int, sign: int) -> tuple[int, int]:
        """One token as (bits, how many)."""
        if length == 1:
            return self.codes[sign]
        kind, extra = _class_of(length, _LENGTHS)
        bits, count = self.codes[kind + 257]
        bits |= extra << count
        count += _LENGTHS[kind][1]
        # The one distance has a code of one bit, 0.
        bits |= self._distance_extra << count + 1
        return bits, count + 1 + _DISTANCES[self._distance][1]

    def aligned(self, head: bytes) -> bytes:
        """The head, after as many zeros ("000 g": black, as it is anyway) as the first row needs to end with a byte."""
        return b"0" * self._zeros + b" g\n" + head

    def opening(self, head: bytes) -> tuple[int, int]:
        """Stream header, tables and head, so long that the first row ends with a byte."""
        tables = [(_STREAM, 16), *self._tables()]
        whole = sum(width for _, width in tables) + sum(self.codes[sign][1] for sign in b" g\n" + head + self.row)
        self._zeros = next(zeros for zeros in range(1, 9) if (whole + zeros * _DIGIT_BITS) % 8 == 0)
        bits = count = 0
        for more, width in (*tables, *(self.codes[sign] for sign in self.aligned(head))):
            bits |= more << count
            count += width
        return bits, count

    def _tables(self) -> list[tuple[int, int]]:
        """The header of a last block with its own codes."""
        most = max(self._lengths) + 1
        lengths = [self._lengths.get(sign, 0) for sign in range(most)]
        lengths += [0] * self._distance + [1]
        runs = list(_run_lengths(lengths))
        uses: dict[int, int] = {}
        for sign, _, _ in runs:
            uses[sign] = uses.get(sign, 0) + 1
        widths = _huffman(uses, 1, _LONGEST_LENGTH_CODE)
        codes = _canonical(widths)
        listed = max(place for place, sign in enumerate(_ORDER) if sign in widths) + 1
        said = [(0b101, 3), (most - 257, 5), (self._distance, 5), (listed - 4, 4)]
        said += [(widths.get(sign, 0), 3) for sign in _ORDER[:listed]]
        for sign, more, count in runs:
            said += [codes[sign], (more, count)]
        return said


def _tokens(loose: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """(place, length) of a row's parts: 1 for a letter, more for what is the same as a row ago."""
    at = 0
    for is_loose, run in groupby(loose.tolist()):
        left = sum(1 for _ in run)
        while left:
            length = min(left, _MOST_MATCH)
            if is_loose or length < _LEAST_MATCH:
                length = 1
            elif 0 < left - length < _LEAST_MATCH:
                length -= _LEAST_MATCH
            yield at, length
            at += length
            left -= length


def _classes(count: int, first: int, doubling: int) -> list[tuple[int, int]]:
    """(smallest value, extra bits) of the codes for lengths or distances, as RFC 1951 has them in its tables."""
    found, value = [], first
    for code in range(count):
        extra = max(0, code // doubling - 1)
        found.append((value, extra))
        value += 1 << extra
    return found


_LENGTHS = [*_classes(28, 3, 4), (258, 0)]
_DISTANCES = _classes(30, 1, 2)


def _class_of(value: int, classes: list[tuple[int, int]]) -> tuple[int, int]:
    """The code for a length or distance, and its extra bits."""
    kind = max(at for at, (least, _) in enumerate(classes) if least <= value)
    return kind, value - classes[kind][0]


def _shared_out(uses: Mapping[int, int]) -> dict[int, int]:
    """Lengths of the codes of all signs but the digits, which have half of all codes.

    Shorter codes come first in order, so with a quarter of all codes for signs of four bits or less, the digits for the second and third
    quarter, and all other signs longer, a digit of value v has the code 8 + v: its upper bits are 01 or 10, its lower ones those of v, and
    that is an affine function.
    """
    often = sorted(uses, key=lambda sign: (-uses[sign], sign))
    found = []
    for short in _QUARTERS:
        first, rest = often[: len(short)], often[len(short) :]
        longer = _huffman({sign: uses[sign] for sign in rest}, _DIGIT_BITS - 1, _LONGEST_CODE - 2)
        lengths = dict(zip(first, short, strict=True)) | {sign: 2 + length for sign, length in longer.items()}
        found.append((sum(uses[sign] * length for sign, length in lengths.items()), lengths))
    return min(found, key=itemgetter(0))[1]


def _huffman(uses: Mapping[int, int], shortest: int, longest: int) -> dict[int, int]:
    """Lengths of an optimal prefix code, flattened until none is shorter or longer than allowed."""
    heap: list[tuple[int, int, tuple[int, ...]]] = [(count, sign, (sign,)) for sign, count in sorted(uses.items())]
    heapq.heapify(heap)
    lengths = dict.fromkeys(uses, 0)
    while len(heap) > 1:
        few, low, some = heapq.heappop(heap)
        more, high, others = heapq.heappop(heap)
        for sign in some + others:
            lengths[sign] += 1
        heapq.heappush(heap, (few + more, min(low, high), some + others))
    if not shortest <= min(lengths.values()) <= max(lengths.values()) <= longest:
        return _huffman({sign: (1 + count) // 2 for sign, count in uses.items()}, shortest, longest)
    return lengths


def _canonical(lengths: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """(code with its first bit lowest, length) of each sign."""
    codes, code, before = {}, 0, 0
    for length, sign in sorted((length, sign) for sign, length in lengths.items() if length):
        code <<= length - before
        before = length
        codes[sign] = (int(f"{code:0{length}b}"[::-1], 2), length)
        code += 1
    return codes


def _run_lengths(lengths: list[int]) -> Iterable[tuple[int, int, int]]:
    """Code lengths with runs of zeros shortened: (sign, extra, bits of extra)."""
    for length, run in groupby(lengths):
        left = sum(1 for _ in run)
        while length == 0 and left >= 3:
            some = min(left, 138)
            yield (17, some - 3, 3) if some <= 10 else (18, some - 11, 7)
            left -= some
        for _ in range(left):
            yield length, 0, 0
