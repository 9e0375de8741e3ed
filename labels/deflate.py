"""Pages of rows that are alike but for digits, put together as zlib streams without a compressor.

What stays is coded once: in the first row of a page letter by letter, in every later one as "the same as a row ago". Between
lie digits whose codes are all five bits long, so that each row has the same length in bits, and numpy sets the digits of thousands of
rows column by column. It takes a fraction of the time of zlib's fastest level for a file a quarter larger, and the
bytes depend on no library's version. Formats: RFC 1950 and 1951.
"""

from __future__ import annotations

import heapq
import zlib
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from labels.template import HEX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from labels.template import Template

DIGITS = b"0123456789ABCDEF"
STRETCH = "stretch"
"""The gap whose zeros bring a row to whole bytes."""
_IS_DIGIT = frozenset(DIGITS)
_DIGIT_BITS = 5
_END = 256
# The two bytes that every zlib stream of its fastest level begins with.
_STREAM = 0x0178
_LONGEST_CODE, _LONGEST_LENGTH_CODE = 15, 7
_LEAST_MATCH, _MOST_MATCH = 3, 258
# A match costs about this much more than the extra bits of its length.
_MATCH_BITS = 14
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_ADLER = 65521
_WORD = 64


_Places = tuple[int | None, int | None]
"""Where in a row the two hex digits of a byte stand; None for one that stays."""


class NotAlike(Exception):
    """These rows differ in more than digits, and have to be compressed the usual way."""


class Pages:
    """Whole pages of one template, each `head` and then one row for each place."""

    def __init__(
        self,
        template: Template,
        head: bytes,
        sample: Mapping[str, NDArray[np.uint8]],
        varies: Mapping[str, NDArray[np.uint8]],
    ) -> None:
        """`sample`: the columns of any one row. `varies`: for each of their bytes, the bits that may be different in other rows."""
        self._template, self._cells = template, template.places
        every = {name: np.repeat(column[np.newaxis], self._cells, axis=0) for name, column in sample.items()}
        plain = template.filled(np.arange(self._cells), every)
        self._length = plain.shape[1]
        self._columns = list(_columns(template, varies))
        ours = np.zeros(self._length, bool)
        for _, _, places in self._columns:
            ours[[at for at in places if at is not None]] = True
        loose = ours | (plain != plain[0]).any(axis=0)
        loose[template.gap(STRETCH)] = True
        if not set(np.unique(plain[:, loose]).tolist()) <= _IS_DIGIT:
            raise NotAlike
        coder = _Coder(plain[0].tobytes(), loose, head, self._cells)
        spelled = [(at, 1) for at in range(self._length)]
        digits = [places for _, _, places in self._columns]
        self._first = _Row(coder.opening(head), spelled, plain[:1], coder, digits)
        self._later = _Row((0, 0), coder.repeated, plain, coder, digits)
        if self._later.bits % 8:
            raise _Ragged
        end, bits = coder.codes[_END]
        self._tail = np.frombuffer(end.to_bytes(-(-bits // 8), "little"), np.uint8)
        start = zlib.adler32(coder.aligned(head))
        self._sums, self._twice = start & 0xFFFF, start >> 16
        weights = np.arange(self._length, 0, -1, dtype=np.uint64)
        still = np.where(ours, 0, plain).astype(np.uint64)
        self._still = still.sum(axis=1) + ((still * weights).sum(axis=1) << np.uint64(32))
        self._adler = [_sums(places, weights) for places in digits]

    def packed(self, columns: Mapping[str, NDArray[np.uint8]]) -> list[bytes]:
        """The pages of these rows, of which there are whole pages' worth."""
        cells = self._cells
        pages = len(next(iter(columns.values()))) // cells
        indices = [columns[name][:, at].astype(np.intp).reshape(pages, cells) for name, at, _ in self._columns]
        first = self._first.filled([index[:, 0] for index in indices], 1)
        # The first row of each page too, for it costs less to leave it out afterwards.
        later = self._later.filled([index.ravel() for index in indices], cells).reshape(pages, cells, -1)[:, 1:]
        check = self._check(indices, pages)
        parts = [first, later.reshape(pages, -1), np.repeat(self._tail[np.newaxis], pages, axis=0), check]
        return [page.tobytes() for page in np.concatenate(parts, axis=1)]

    def _check(self, indices: list[NDArray[np.intp]], pages: int) -> NDArray[np.uint8]:
        """Adler-32 of each page, from the sums that each digit adds where it stands."""
        sums = np.repeat(self._still[np.newaxis], pages, axis=0)
        for index, table in zip(indices, self._adler, strict=True):
            sums += table[index]
        once, twice = sums & np.uint64(0xFFFFFFFF), sums >> np.uint64(32)
        before = np.cumsum(once, axis=1) - once + np.uint64(self._sums)
        low = (np.uint64(self._sums) + once.sum(axis=1)) % np.uint64(_ADLER)
        high = (np.uint64(self._twice) + (before * np.uint64(self._length) + twice).sum(axis=1)) % np.uint64(_ADLER)
        found: NDArray[np.uint8] = (high << np.uint64(16) | low).astype(">u4").view(np.uint8).reshape(pages, 4)
        return found


class _Ragged(Exception):
    """A row does not end with a byte; a longer stretch of zeros mends it."""


def pages(
    make: Iterable[Template],
    head: bytes,
    sample: Mapping[str, NDArray[np.uint8]],
    varies: Mapping[str, NDArray[np.uint8]],
) -> tuple[Template, Pages]:
    """The first of these templates, which differ in their stretch of zeros, whose rows end with a byte. Raises NotAlike."""
    for template in make:
        try:
            return template, Pages(template, head, sample, varies)
        except _Ragged:
            continue
    raise NotAlike


class _Coder:
    """The codes of one kind of page: five bits for each digit, and a Huffman tree for everything else."""

    def __init__(self, row: bytes, loose: NDArray[np.bool_], head: bytes, cells: int) -> None:
        self.row = row
        self.repeated = list(_tokens(row, loose))
        self._distance, self._distance_extra = _class_of(len(row), _DISTANCES)
        uses = dict.fromkeys([_END, *head, *row, ord("g"), ord(" "), ord("\n")], 1)
        for at, length in self.repeated:
            sign = _class_of(length, _LENGTHS)[0] + 257 if length > 1 else row[at]
            uses[sign] = uses.get(sign, 0) + cells
        rest = {sign: count for sign, count in uses.items() if sign not in _IS_DIGIT}
        lengths = {sign: length + 1 for sign, length in _huffman(rest, _LONGEST_CODE - 1).items()}
        self._lengths = lengths | dict.fromkeys(DIGITS, _DIGIT_BITS)
        # Sixteen codes of five bits are half of all codes; the tree has the other half.
        self.codes = _canonical(self._lengths)

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
        widths = _huffman(uses, _LONGEST_LENGTH_CODE)
        codes = _canonical(widths)
        listed = max(place for place, sign in enumerate(_ORDER) if sign in widths) + 1
        said = [(0b101, 3), (most - 257, 5), (self._distance, 5), (listed - 4, 4)]
        said += [(widths.get(sign, 0), 3) for sign in _ORDER[:listed]]
        for sign, more, count in runs:
            said += [codes[sign], (more, count)]
        return said


class _Row:
    """A kind of row as 64-bit words: what stays, and what each digit adds."""

    def __init__(
        self, opening: tuple[int, int], tokens: list[tuple[int, int]], plain: NDArray[np.uint8], coder: _Coder, digits: list[_Places]
    ) -> None:  # fmt: skip
        ours = {at for places in digits for at in places}
        starts: dict[int, int] = {}
        rows = []
        for text in plain:
            bits, count = opening
            for at, length in tokens:
                starts[at] = count
                more, width = coder.coded(length, int(text[at]))
                if at not in ours:
                    bits |= more << count
                count += width
            rows.append(bits)
        self.bits = count
        words = -(-count // _WORD)
        joined = b"".join(bits.to_bytes(8 * words, "little") for bits in rows)
        self._still = np.frombuffer(joined, "<u8").reshape(len(rows), words)
        self._adds = [list(_adds(places, starts, coder)) for places in digits]

    def filled(self, indices: list[NDArray[np.intp]], cells: int) -> NDArray[np.uint8]:
        """(rows, bytes) for these bytes of each column; `cells` rows for each page."""
        count = len(indices[0])
        words = np.repeat(self._still.T[:, np.newaxis], count // cells, axis=1).reshape(-1, count)
        for index, adds in zip(indices, self._adds, strict=True):
            for word, table in adds:
                words[word] |= table[index]
        rows: NDArray[np.uint8] = np.ascontiguousarray(words.T).view(np.uint8).reshape(count, -1)
        return rows[:, : self.bits // 8]


def _columns(template: Template, varies: Mapping[str, NDArray[np.uint8]]) -> Iterable[tuple[str, int, _Places]]:
    """(column, byte of it, where its two hex digits stand in a row) of what varies; a byte that is its own digit has but the second."""
    for name, bits in varies.items():
        gap = template.gap(name)
        for at, may in enumerate(bits.tolist()):
            if not may:
                continue
            if name in template.hexed:
                high, low = gap.start + 2 * at, gap.start + 2 * at + 1
                yield name, at, (high if may & 0xF0 else None, low if may & 0x0F else None)
            else:
                yield name, at, (None, gap.start + at)


def _signs(places: _Places) -> list[tuple[int, NDArray[np.uint8]]]:
    """For each digit of a byte that varies: where it stands, and what it is for each value of the byte."""
    pairs = HEX.view(np.uint8).reshape(256, 2)
    if places[0] is None and places[1] is not None:
        return [(places[1], pairs[:, 1])]
    return [(at, pairs[:, turn]) for turn, at in enumerate(places) if at is not None]


def _adds(places: _Places, starts: Mapping[int, int], coder: _Coder) -> Iterable[tuple[int, NDArray[np.uint64]]]:
    """(word, what each value of the byte adds to it) of the digits of one byte."""
    codes = np.zeros(256, np.uint64)
    codes[list(DIGITS)] = [coder.codes[sign][0] for sign in DIGITS]
    tables: dict[int, NDArray[np.uint64]] = {}
    for at, signs in _signs(places):
        word, shift = divmod(starts[at], _WORD)
        tables[word] = tables.get(word, np.zeros(256, np.uint64)) | codes[signs] << np.uint64(shift)
        if shift + _DIGIT_BITS > _WORD:
            after = tables.get(word + 1, np.zeros(256, np.uint64))
            tables[word + 1] = after | codes[signs] >> np.uint64(_WORD - shift)
    yield from tables.items()


def _sums(places: _Places, weights: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What each value of a byte adds to both sums of Adler-32, the second in the upper half."""
    table = np.zeros(256, np.uint64)
    for at, signs in _signs(places):
        table += signs.astype(np.uint64) * (np.uint64(1) + (weights[at] << np.uint64(32)))
    return table


def _tokens(row: bytes, loose: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """(place, length) of a row's parts: 1 for a letter, more for what is the same as a row ago."""
    at = 0
    for is_loose, run in groupby(loose.tolist()):
        left = sum(1 for _ in run)
        while left:
            length = min(left, _MOST_MATCH)
            if is_loose or length < _LEAST_MATCH or _cheaper_spelled(row[at : at + length]):
                length = 1
            elif 0 < left - length < _LEAST_MATCH:
                length -= _LEAST_MATCH
            yield at, length
            at += length
            left -= length


def _cheaper_spelled(text: bytes) -> bool:
    return set(text) <= _IS_DIGIT and _DIGIT_BITS * len(text) <= _MATCH_BITS


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


def _huffman(uses: Mapping[int, int], longest: int) -> dict[int, int]:
    """Lengths of an optimal prefix code, flattened until none is longer than allowed."""
    heap: list[tuple[int, int, tuple[int, ...]]] = [(count, sign, (sign,)) for sign, count in sorted(uses.items())]
    heapq.heapify(heap)
    lengths = dict.fromkeys(uses, 0)
    while len(heap) > 1:
        few, low, some = heapq.heappop(heap)
        more, high, others = heapq.heappop(heap)
        for sign in some + others:
            lengths[sign] += 1
        heapq.heappush(heap, (few + more, min(low, high), some + others))
    if max(lengths.values()) > longest:
        return _huffman({sign: 1 + count // 2 for sign, count in uses.items()}, longest)
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
