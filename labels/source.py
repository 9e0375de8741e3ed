"""The labels of an order, in numbers: blocks of serials, codes and hidden codes as arrays of ASCII.

What is drawn by the million is filled in by columns; this is where the columns come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from cryptography.hazmat.primitives import hashes, hmac

from labels import code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from labels.keys import Keyring

_ALPHABET = np.frombuffer(code.ALPHABET.encode(), np.uint8)
_SHIFTS = np.arange(25, -1, -5)


@dataclass(frozen=True, slots=True)
class Block:
    """Some labels in a row."""

    serials: NDArray[np.int64]
    codes: NDArray[np.uint8]
    """(count, 12) ASCII, canonical."""
    hidden: NDArray[np.uint8] | None = None
    """(count, 6) ASCII digits."""

    def __len__(self) -> int:
        return len(self.serials)

    def part(self, start: int, stop: int) -> Block:
        """Some of them."""
        hidden = None if self.hidden is None else self.hidden[start:stop]
        return Block(self.serials[start:stop], self.codes[start:stop], hidden)


@runtime_checkable
class Source(Protocol):
    """Whatever gives labels in blocks."""

    def blocks(self, size: int) -> Iterator[Block]:
        """The labels in order, `size` at a time, the last block shorter."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of ranges of serials (step 1), in order. May be gone through again and again."""

    keyring: Keyring
    ranges: tuple[range, ...]
    hidden: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for serials in self.ranges:
            yield from self.keyring.codes(serials)

    def blocks(self, size: int) -> Iterator[Block]:
        """As Source.blocks."""
        waiting: list[Block] = []
        count = 0
        for serials in self.ranges:
            for part, secret in self.keyring.spans(serials):
                start = part.start
                while start < part.stop:
                    stop = min(part.stop, start + size - count)
                    waiting.append(_made(range(start, stop), secret, hidden=self.hidden))
                    count += stop - start
                    start = stop
                    if count == size:
                        yield joined(waiting)
                        waiting, count = [], 0
        if waiting:
            yield joined(waiting)


@dataclass(frozen=True, slots=True)
class Listed:
    """Labels that somebody else made: (serial, canonical code), with the hidden code as a third where there is one."""

    rows: Iterable[tuple[int, str] | tuple[int, str, str]]

    def blocks(self, size: int) -> Iterator[Block]:
        """As Source.blocks."""
        rows = iter(self.rows)
        while some := list(islice(rows, size)):
            serials, codes, *more = zip(*some, strict=True)
            yield Block(
                np.array(serials, np.int64), _ascii(codes, code.CODE_LENGTH), _ascii(more[0], 6) if more else None
            )


def of(labels: Source | Iterable[tuple[int, str]]) -> Source:
    """Labels as a source of blocks."""
    return labels if isinstance(labels, Source) else Listed(labels)


def aligned(blocks: Iterator[Block], size: int, short: int) -> Iterator[Block]:
    """The same labels in blocks of `size`, but the first one shorter by `short`: for a page begun before."""
    if not short:
        yield from blocks
        return
    left = None
    for block in blocks:
        whole = block if left is None else joined([left, block])
        room = size - short
        while len(whole) >= room:
            yield whole.part(0, room)
            whole, room, short = whole.part(room, len(whole)), size, 0
        left = whole
    if left is not None and len(left):
        yield left


def shown_serials(serials: NDArray[np.int64]) -> NDArray[np.uint8]:
    """`code.show_serial` of serials whose shown length is the same, as (count, length) ASCII."""
    shown = code.show_serial(int(serials[0]))
    signs = np.full((len(serials), len(shown)), ord("."), np.uint8)
    rest = serials
    for place in range(len(shown) - 1, -1, -1):
        if shown[place] != ".":
            rest, digit = np.divmod(rest, 10)
            signs[:, place] = digit + ord("0")
    return signs


def shown_codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`code.show` of (count, 12) codes, as (count, 14) ASCII."""
    signs = np.full((len(codes), 14), ord("-"), np.uint8)
    signs[:, 0:4], signs[:, 5:9], signs[:, 10:14] = codes[:, :4], codes[:, 4:8], codes[:, 8:]
    return signs


def runs_of_one_length(serials: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(start, stop) of runs of serials that are shown in the same number of signs."""
    lengths = np.digitize(serials, (10**6, 10**7, 10**8, 10**9))
    edges = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(serials)]
    yield from pairwise(edges)


def _made(serials: range, secret: bytes, *, hidden: bool) -> Block:
    numbers = np.arange(serials.start, serials.stop, dtype=np.int64)
    code.check_serials(serials)
    tags = _digests(secret, code.TAG_DOMAIN, numbers)[:, :4].copy().view(">u4").ravel().astype(np.int64) >> 2
    halves = np.stack([numbers, tags], axis=1)[:, :, np.newaxis] >> _SHIFTS & 31
    digits = None
    if hidden:
        wide = _digests(secret, code.HIDDEN_DOMAIN, numbers)[:, :8].copy().view(">u8").ravel()
        six = (wide % np.uint64(10**6)).astype(np.int64)
        digits = (six[:, np.newaxis] // 10 ** np.arange(5, -1, -1) % 10 + ord("0")).astype(np.uint8)
    return Block(numbers, _ALPHABET[halves].reshape(len(numbers), code.CODE_LENGTH), digits)


def _digests(secret: bytes, domain: bytes, serials: NDArray[np.int64]) -> NDArray[np.uint8]:
    """HMAC-SHA256 of domain and serial, one a row. Key and domain are hashed once and copied for each."""
    begun = hmac.HMAC(secret, hashes.SHA256())
    begun.update(domain)
    copy, digests = begun.copy, []
    for packed in serials.astype(">u8").view("V8").tolist():
        one = copy()
        one.update(packed)
        digests.append(one.finalize())
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def joined(blocks: list[Block]) -> Block:
    """Blocks one after the other, as one."""
    if len(blocks) == 1:
        return blocks[0]
    hidden = [block.hidden for block in blocks if block.hidden is not None]
    return Block(
        np.concatenate([block.serials for block in blocks]),
        np.concatenate([block.codes for block in blocks]),
        np.concatenate(hidden) if hidden else None,
    )


def _ascii(texts: Iterable[str], length: int) -> NDArray[np.uint8]:
    return np.frombuffer("".join(texts).encode("ascii"), np.uint8).reshape(-1, length)
