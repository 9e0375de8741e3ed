"""Pages of rows that are alike but for digits, put together by columns as the zlib streams that `labels.deflate` codes.

A row is what stays, XOR what each number of its label adds. That holds for digits, and as a digit's code is an affine
function of its value it holds for the packed bits too: a row is one look-up and one XOR for each number, for thousands of
rows at once. What must not come in here: what the digits mean (`labels.varying`).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labels.deflate import DIGITS, END, Coder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from labels.template import Template

    Words = NDArray[np.uint64]

STRETCH = "stretch"
"""The gap whose zeros bring a row to whole bytes."""
_ADLER = 65521
_WORD = 64
_DIGIT_BITS = 5
_SIGNS = np.frombuffer(DIGITS, np.uint8)
# Of each byte of a word its lower digit; of each digit its highest bit, the others, a six; every other byte; every other pair of bytes.
_LOWER, _HIGHEST = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x8888888888888888)
_LOWEST_THREE, _SIXES = np.uint64(0x7777777777777777), np.uint64(0x6666666666666666)
_BYTES, _PAIRS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
# Above this the sums over a mixed part need more than sixteen bits.
_MOST_WORDS = 39


@dataclass(frozen=True, slots=True)
class Field:
    """What one number of a label says of its row."""

    places: NDArray[np.intp]
    """Where in the row."""
    digits: NDArray[np.uint8]
    """(values of the number, places), 0 to 15: the digit at a place is the XOR of what all fields say of it."""


class NotAlike(Exception):
    """These rows differ in more than digits, and have to be compressed the usual way."""


class Pages:
    """Whole pages of one template, each `head` and then one row for each place."""

    def __init__(self, template: Template, head: bytes, fields: Sequence[Field], mixed: slice) -> None:
        """`mixed`: the only part of a row, of an even number of digits, where more than one field speaks."""
        self._cells = template.places
        plain, changes = _normal(template, fields)
        varies = np.zeros(plain.shape[1], bool)
        for field, change in zip(fields, changes, strict=True):
            varies[field.places] |= change.any(axis=0)
        loose = varies | (plain != plain[0]).any(axis=0)
        loose[template.gap(STRETCH)] = True
        if not np.isin(plain[:, loose], _SIGNS).all() or mixed.stop - mixed.start > 16 * _MOST_WORDS:
            raise NotAlike
        coder = Coder(plain[0].tobytes(), loose, head, self._cells)
        if sum(coder.coded(length, plain[0, at])[1] for at, length in coder.repeated) % 8:
            raise _Ragged
        later = _Row((0, 0), coder.repeated, plain, coder)
        said = [(field.places, change) for field, change in zip(fields, changes, strict=True)]
        first = _Row(coder.opening(head), [(at, 1) for at in range(len(varies))], plain[:1], coder)
        digits = _paired(np.searchsorted(_SIGNS, plain[:1, mixed]))
        self._mixed = slice(later.words, later.words + digits.shape[1])
        self._first = _Filling(first.still, [first.adds(*one) for one in said], first.bits // 8)
        self._later = _Filling(
            np.hstack([later.still, np.repeat(digits, self._cells, axis=0)]),
            [np.hstack([later.adds(*one), _mixed_adds(*one, mixed)]) for one in said],
            later.bits // 8,
        )
        end, bits = coder.codes[END]
        self._tail = np.frombuffer(end.to_bytes(-(-bits // 8), "little"), np.uint8)
        self._check = _Check(plain, fields, changes, mixed, zlib.adler32(coder.aligned(head)))

    def packed(self, numbers: Sequence[NDArray[np.intp]]) -> list[bytes]:
        """The pages of these rows, of which there are whole pages' worth; for each field the number of each row."""
        cells = self._cells
        pages = len(numbers[0]) // cells
        first = self._first.filled([number[::cells] for number in numbers], pages)
        # The first row of each page too, for its checksum.
        rows = self._later.filled(numbers, pages)
        check = self._check.of(numbers, np.ascontiguousarray(rows[:, self._mixed].T), pages)
        later = self._later.bytes_of(rows).reshape(pages, cells, -1)[:, 1:].reshape(pages, -1)
        tail = np.repeat(self._tail[np.newaxis], pages, axis=0)
        whole = np.concatenate([self._first.bytes_of(first), later, tail, check], axis=1)
        return [page.tobytes() for page in whole]


class _Ragged(Exception):
    """A row does not end with a byte; a longer stretch of zeros mends it."""


def pages(make: Iterable[Template], head: bytes, fields: Callable[[Template], list[Field]], mixed: str) -> Pages:
    """Of the first of these templates, which differ in their stretch of zeros, whose rows end with a byte. Raises NotAlike.

    `mixed`: the gap where several fields meet.
    """
    for template in make:
        try:
            return Pages(template, head, fields(template), template.gap(mixed))
        except _Ragged:
            continue
    raise NotAlike


class _Row:
    """A kind of row as 64-bit words: what stays, and what each digit adds."""

    def __init__(
        self, opening: tuple[int, int], tokens: Iterable[tuple[int, int]], plain: NDArray[np.uint8], coder: Coder
    ) -> None:
        rows, self._linear = [], coder.linear
        self._starts: dict[int, int] = {}
        for text in plain:
            bits, count = opening
            for at, length in tokens:
                self._starts[at] = count
                more, width = coder.coded(length, int(text[at]))
                bits |= more << count
                count += width
            rows.append(bits)
        self.bits, self.words = count, -(-count // _WORD)
        joined = b"".join(bits.to_bytes(8 * self.words, "little") for bits in rows)
        self.still: Words = np.frombuffer(joined, "<u8").reshape(len(rows), self.words)

    def adds(self, places: NDArray[np.intp], change: NDArray[np.uint8]) -> Words:
        """(values, words): what each value of a field adds to a row where it says the digit of value 0."""
        adds = np.zeros((self.words + 1, len(change)), np.uint64)
        for at, digits in zip(places.tolist(), change.T, strict=True):
            if digits.any():
                word, shift = divmod(self._starts[at], _WORD)
                bits = self._linear[digits]
                adds[word] ^= bits << np.uint64(shift)
                if shift + _DIGIT_BITS > _WORD:
                    adds[word + 1] ^= bits >> np.uint64(_WORD - shift)
        return np.ascontiguousarray(adds[:-1].T)


class _Filling:
    """Rows of words that are what stays, XOR one look-up for each field."""

    def __init__(self, still: Words, adds: Sequence[Words], size: int) -> None:
        """`size`: the bytes of a row that count."""
        self._still, self._size = still, size
        self._adds: list[tuple[slice, Words]] = []
        for table in adds:
            used = np.flatnonzero(table.any(axis=0))
            some = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
            self._adds.append((some, np.ascontiguousarray(table[:, some])))

    def filled(self, numbers: Sequence[NDArray[np.intp]], pages: int) -> Words:
        """(rows, words)."""
        rows = np.tile(self._still, (pages, 1))
        for number, (some, table) in zip(numbers, self._adds, strict=True):
            rows[:, some] ^= table.take(number, axis=0)
        return rows

    def bytes_of(self, rows: Words) -> NDArray[np.uint8]:
        """(rows, bytes): what of them is written."""
        return rows.view(np.uint8)[:, : self._size]


class _Check:
    """Adler-32 of pages, from the sums that digits add where they stand. Both sums are kept in one word, the weighted one above."""

    def __init__(
        self, plain: NDArray[np.uint8], fields: Sequence[Field], changes: Sequence[NDArray[np.uint8]], mixed: slice, start: int
    ) -> None:  # fmt: skip
        self._length = plain.shape[1]
        self._sums, self._twice = start & 0xFFFF, start >> 16
        weights = np.arange(self._length, 0, -1, dtype=np.uint64)
        both = np.uint64(1) + (weights << np.uint64(32))
        self._weight = weights[mixed.start]
        still = plain.astype(np.uint64)
        # Of the mixed part the sums say what comes to a zero.
        still[:, mixed] = DIGITS[0]
        self._adds: list[Words] = []
        for field, change in zip(fields, changes, strict=True):
            alone = (field.places < mixed.start) | (field.places >= mixed.stop)
            places = field.places[alone]
            before = np.searchsorted(_SIGNS, plain[0, places]).astype(np.uint8)
            self._adds.append((_SIGNS[before ^ change[:, alone]] * both[places]).sum(axis=1))
            still[:, places] = 0
        self._still: Words = (still * both).sum(axis=1)

    def of(self, numbers: Sequence[NDArray[np.intp]], mixed: Words, pages: int) -> NDArray[np.uint8]:
        """(pages, 4). `mixed`: (words, rows), the digits of the mixed part."""
        once, later = _digit_sums(mixed)
        sums = once + (once * self._weight - later << np.uint64(32))
        for number, table in zip(numbers, self._adds, strict=True):
            sums += table.take(number)
        sums = sums.reshape(pages, -1) + self._still
        once, twice = sums & np.uint64(0xFFFFFFFF), sums >> np.uint64(32)
        before = np.cumsum(once, axis=1) - once + np.uint64(self._sums)
        low = (np.uint64(self._sums) + once.sum(axis=1)) % np.uint64(_ADLER)
        high = (np.uint64(self._twice) + (before * np.uint64(self._length) + twice).sum(axis=1)) % np.uint64(_ADLER)
        found: NDArray[np.uint8] = (high << np.uint64(16) | low).astype(">u4").view(np.uint8).reshape(pages, 4)
        return found


def _digit_sums(words: Words) -> tuple[Words, Words]:
    """For each column of (words, rows), two digits a byte: how far all its signs together are above "0", and the same with each sign
    as often as there are signs before it. The words are used up."""
    one, two, three, four, eight, sixteen = (np.uint64(bits) for bits in (1, 2, 3, 4, 8, 16))
    # A to F, whose lower three bits are 2 or more beside the highest, stand seven further than they would if they followed 9.
    sevens, other = words & _LOWEST_THREE, np.empty_like(words)
    sevens += _SIXES
    sevens &= words
    sevens &= _HIGHEST
    np.right_shift(sevens, three, out=other)
    sevens -= other
    lower = sevens & _LOWER
    np.bitwise_and(words, _LOWER, out=other)
    lower += other
    words >>= four
    words &= _LOWER
    sevens >>= four
    sevens &= _LOWER
    words += sevens
    words += lower
    # Two bytes of each pair of bytes together, so that no sum is too large.
    odd = np.right_shift(words, eight, out=sevens)
    odd &= _BYTES
    words &= _BYTES
    words += odd
    np.right_shift(lower, eight, out=other)
    other &= _BYTES
    lower &= _BYTES
    lower += other
    odd <<= one
    lower += odd
    # A sign comes after 16 for each word before its own, 4 for each pair of bytes, 2 for a byte, and 1.
    pairs, rest = words.sum(axis=0), lower.sum(axis=0)
    words *= np.arange(len(words), dtype=np.uint64)[:, np.newaxis]
    after = sixteen * _across(words.sum(axis=0)) + _across(rest)
    for more in (sixteen, two * sixteen, three * sixteen):
        after += four * _across(pairs >> more)
    return _across(pairs), after


def _across(words: Words) -> Words:
    """The sum of the four pairs of bytes of each word."""
    halves = (words & _PAIRS) + (words >> np.uint64(16) & _PAIRS)
    found: Words = (halves & np.uint64(0xFFFFFFFF)) + (halves >> np.uint64(32))
    return found


def _normal(template: Template, fields: Sequence[Field]) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
    """The rows of a page when every number is 0, and for each field and value what is different then (XOR)."""
    values = np.zeros(len(template.filled(np.zeros(1, np.intp), {})[0]), np.uint8)
    touched = np.zeros(len(values), bool)
    for field in fields:
        values[field.places] ^= field.digits[0]
        touched[field.places] = True
    plain = template.filled(np.arange(template.places), {})
    plain[:, touched] = _SIGNS[values[touched]]
    return plain, [field.digits ^ field.digits[0] for field in fields]


def _mixed_adds(places: NDArray[np.intp], change: NDArray[np.uint8], mixed: slice) -> Words:
    """As `_Row.adds`, to the words of the mixed part."""
    digits = np.zeros((len(change), mixed.stop - mixed.start), np.uint8)
    inside = (places >= mixed.start) & (places < mixed.stop)
    digits[:, places[inside] - mixed.start] = change[:, inside]
    return _paired(digits)


def _paired(digits: NDArray[np.integer]) -> Words:
    """(rows, digits) as words of sixteen digits, the first of two in the upper half of a byte."""
    packed = (digits[:, ::2] << 4 | digits[:, 1::2]).astype(np.uint8)
    padded = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    return padded.view("<u8")
