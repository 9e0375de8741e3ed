"""Which of thousands of outlines may share land: told by boxes, by straight lines between them, and by the border that they have in common.

Cutting two outlines takes PostGIS a quarter of a millisecond, and fields that lie side by side make tens of thousands of pairs. What is
proved apart here is not cut. Pure. What must not live here: what an overlap means (`boundary_sets`), and what outlines are (`shapes`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trace.services.shapes import METRES_PER_DEGREE, lay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from trace.services.shapes import Shape

    Floats = NDArray[np.float64]
    Pairs = NDArray[np.int64]

SLOPES = 8
NEGLIGIBLE_M2 = 0.5
"""Pairs that share at most this much are taken for apart. Nobody is told of less than a square metre."""
PAIRS_PER_OUTLINE = 12
"""More pairs than this for each outline are no fields side by side: they overlap, and looking for their borders is in vain."""
_ONE_BORDER = 2_500
"""Segments of one outline times segments of the other, up to which a border between two is looked for."""
_SOME_WAY_M = 0.01
_ROUNDING_M = 0.001
_AT_ONCE = 200_000
_BOXES_AT_ONCE = 2_000_000


class Outlines(NamedTuple):
    """Many outlines, their points in metres east and north of the middle. All rings of an outline follow each other."""

    east: Floats
    north: Floats
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    last: NDArray[np.bool_]
    """Whether a point ends a ring, so that no segment begins there."""
    low: Floats
    high: Floats
    """The corners of the box of each, as rows of east and north."""


def outlines(drawn: Sequence[Shape]) -> Outlines:
    """Closed outlines, laid out flat."""
    laid = lay(drawn)
    counts = laid.by_shape(laid.counts, len(drawn)).astype(np.int64)
    lon, lat = laid.points[:, 0], laid.points[:, 1]
    middle = lat.mean()
    east = (lon - lon.mean()) * (METRES_PER_DEGREE * np.cos(np.radians(middle)))
    north = (lat - middle) * METRES_PER_DEGREE
    last = np.zeros(len(east), dtype=bool)
    last[np.cumsum(laid.counts) - 1] = True
    starts = np.cumsum(counts) - counts
    low, high = (
        np.stack([way.reduceat(east, starts), way.reduceat(north, starts)]) for way in (np.minimum, np.maximum)
    )
    return Outlines(east, north, starts, counts, last, low, high)


def sharing(many: Outlines, *, most: int) -> Pairs:
    """Pairs (later, earlier) of outlines that may share more land than is worth a word; of each one `most` pairs with earlier ones."""
    pairs = _boxes_meet(many, most)
    pairs = _no_line_between(many, pairs)
    if len(pairs) > PAIRS_PER_OUTLINE * len(many.counts):
        return pairs
    kept = [part[~_apart(many, part)] for part in _parts(many, pairs)]
    return np.concatenate(kept) if kept else pairs


def _boxes_meet(many: Outlines, most: int) -> Pairs:
    order = np.argsort(many.low[0], kind="stable")
    west, south, east, north = *many.low[:, order], *many.high[:, order]
    beyond = np.searchsorted(west, east)  # behind each one, up to here, begin those that lie beside it
    lengths = np.maximum(beyond - np.arange(len(order)) - 1, 0)
    told = np.zeros(len(order), dtype=np.int64)
    found: list[Pairs] = []
    for first, end in _slices(lengths, _BOXES_AT_ONCE):
        one, other = _each_with(np.arange(first, end), np.arange(first, end) + 1, lengths[first:end])
        meet = (south[one] < north[other]) & (south[other] < north[one])
        ends = np.stack([order[one[meet]], order[other[meet]]], 1)
        pairs = np.stack([ends.max(axis=1), ends.min(axis=1)], 1)
        pairs = pairs[told[pairs[:, 0]] < most]
        told += np.bincount(pairs[:, 0], minlength=len(order))
        found.append(pairs)
    pairs = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    starts = np.searchsorted(pairs[:, 0], pairs[:, 0])
    return pairs[np.arange(len(pairs)) - starts < most]


def _no_line_between(many: Outlines, pairs: Pairs) -> Pairs:
    """Those pairs that no straight line of some slopes keeps apart."""
    if not len(pairs):
        return pairs
    kept = np.ones(len(pairs), dtype=bool)
    for angle in np.arange(1, SLOPES) * np.pi / SLOPES:  # upright and level the boxes have been told apart already
        along = many.east * np.cos(angle) + many.north * np.sin(angle)
        low, high = np.minimum.reduceat(along, many.starts), np.maximum.reduceat(along, many.starts)
        one, other = pairs[:, 0], pairs[:, 1]
        kept &= (low[one] < high[other]) & (low[other] < high[one])
    return pairs[kept]


def _apart(many: Outlines, pairs: Pairs) -> NDArray[np.bool_]:
    """Whether two outlines are proved to share next to nothing.

    Seen across the way from one middle to the other, the first lies on the near side. Wherever a segment of the first reaches further
    than a segment of the second at the same height, at most the space between the two is shared; the sum of it bounds what is.
    """
    middle = (many.low + many.high) / 2
    across = middle[:, pairs[:, 1]] - middle[:, pairs[:, 0]]
    between = np.hypot(across[0], across[1])
    across /= np.maximum(between, 1e-9)
    here, there = (_across(many, pairs[:, side], across) for side in (0, 1))
    reach, begin = np.maximum.reduceat(here.n, here.starts), np.minimum.reduceat(there.n, there.starts)
    near = _segments(many, here, across, here.n > begin[here.pair])
    far = _segments(many, there, across, there.n < reach[there.pair])
    many_near = np.bincount(near.pair, minlength=len(pairs))
    many_far = np.bincount(far.pair, minlength=len(pairs))
    # With one middle there is no way across, and nothing would be seen.
    tried = (many_near * many_far <= _ONE_BORDER) & (between > _SOME_WAY_M)
    near, far = near.only(tried[near.pair]), far.only(tried[far.pair])
    a, b = _at_one_height(near, far)
    low_s = np.maximum(near.s0[a], far.s0[b])
    high_s = np.minimum(near.s1[a], far.s1[b])
    same = high_s > low_s
    a, b, low_s, high_s = a[same], b[same], low_s[same], high_s[same]
    gaps = [near.at(a, s) - far.at(b, s) for s in (low_s, high_s)]
    shared = (high_s - low_s) * np.maximum(np.maximum(gaps[0], gaps[1]), 0)
    bound = np.bincount(near.pair[a], weights=shared, minlength=len(pairs))
    apart: NDArray[np.bool_] = tried & (bound <= NEGLIGIBLE_M2)
    return apart


class Across(NamedTuple):
    """The points of one side of many pairs, and how far each reaches across."""

    pair: NDArray[np.int64]
    point: NDArray[np.int64]
    n: Floats
    starts: NDArray[np.int64]


class Segments(NamedTuple):
    """Segments of one side of many pairs: from height `s0` to the greater `s1`, reaching `n0` and `n1` across."""

    pair: NDArray[np.int64]
    s0: Floats
    s1: Floats
    n0: Floats
    n1: Floats

    def only(self, kept: NDArray[np.bool_]) -> Segments:
        """Some of them."""
        return Segments(self.pair[kept], self.s0[kept], self.s1[kept], self.n0[kept], self.n1[kept])

    def at(self, which: NDArray[np.int64], height: Floats) -> Floats:
        """How far segments reach at a height between their ends."""
        s0, n0 = self.s0[which], self.n0[which]
        return n0 + (self.n1[which] - n0) * ((height - s0) / (self.s1[which] - s0))


def _across(many: Outlines, which: NDArray[np.int64], across: Floats) -> Across:
    counts = many.counts[which]
    pair, point = _each_with(np.arange(len(which)), many.starts[which], counts)
    n = many.east[point] * np.repeat(across[0], counts) + many.north[point] * np.repeat(across[1], counts)
    return Across(pair, point, n, np.cumsum(counts) - counts)


def _segments(many: Outlines, side: Across, across: Floats, within: NDArray[np.bool_]) -> Segments:
    """The segments of which an end lies within."""
    begins = np.flatnonzero((within[:-1] | within[1:]) & ~many.last[side.point[:-1]])
    pair, n0, n1 = side.pair[begins], side.n[begins], side.n[begins + 1]
    east, north = across[0][pair], across[1][pair]
    s0, s1 = (
        many.north[ends] * east - many.east[ends] * north for ends in (side.point[begins], side.point[begins + 1])
    )
    turned = s1 < s0
    low, high = (
        (np.where(turned, s1, s0), np.where(turned, n1, n0)),
        (np.where(turned, s0, s1), np.where(turned, n0, n1)),
    )
    return Segments(pair, low[0], high[0], low[1], high[1])


def _at_one_height(near: Segments, far: Segments) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which segments of the one side may stand at the same height as which of the other side of their pair."""
    if not len(near.pair) or not len(far.pair):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    # The pairs are set one above the other, with room between them, and each pair begins at nought so that no digits are lost.
    base = np.full(int(max(near.pair[-1], far.pair[-1])) + 1, np.inf)
    for side in (near, far):
        np.minimum.at(base, side.pair, side.s0)
    room = max(float((side.s1 - base[side.pair]).max()) for side in (near, far)) + 1
    raised = [side.pair * room - base[side.pair] for side in (near, far)]
    low = far.s0 + raised[1]
    order = np.argsort(low, kind="stable")
    # Of segments that begin ever higher, the highest end so far tells how many of them end below.
    tops = np.maximum.accumulate((far.s1 + raised[1])[order])
    first = np.searchsorted(tops, near.s0 + raised[0] - _ROUNDING_M)
    behind = np.searchsorted(low[order], near.s1 + raised[0] + _ROUNDING_M)
    a, b = _each_with(np.arange(len(near.pair)), first, np.maximum(behind - first, 0))
    return a, order[b]


def _each_with(
    ones: NDArray[np.int64], first: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each of `ones` with so many numbers that follow each other from a first one."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(ones, lengths), np.arange(total) + np.repeat(first - ends + lengths, lengths)


def _parts(many: Outlines, pairs: Pairs) -> Iterator[Pairs]:
    for first, end in _slices(many.counts[pairs].sum(axis=1), _AT_ONCE):
        yield pairs[first:end]


def _slices(weights: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Where to cut so that each slice weighs about `most` at most."""
    marks = np.cumsum(weights) // most
    cuts = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(weights)]
    yield from ((first, end) for first, end in pairwise(cuts) if end > first)
