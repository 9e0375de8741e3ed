"""Which of thousands of outlines may share land: told by boxes, by straight lines between them, and by the border that they have in common.

Cutting two outlines takes PostGIS a quarter of a millisecond, and fields that lie side by side make tens of thousands of pairs. What is
proved apart here is not cut. Pure. What must not live here: what an overlap means (`boundary_sets`), and what outlines are (`shapes`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trace.services.shapes import METRES_PER_DEGREE

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
_AT_ONCE = 200_000
_BOXES_AT_ONCE = 2_000_000


class Outlines(NamedTuple):
    """Many outlines as one array of points in metres from their middle. All rings of an outline follow each other."""

    points: Floats
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    last: NDArray[np.bool_]
    """Whether a point ends a ring, so that no segment begins there."""


def outlines(drawn: Sequence[Shape]) -> Outlines:
    """Closed outlines, laid out flat."""
    rings = [ring for shape in drawn for polygon in shape.polygons for ring in polygon]
    sizes = np.array([len(ring) for ring in rings])
    counts = np.array([sum(len(ring) for polygon in shape.polygons for ring in polygon) for shape in drawn])
    points = np.concatenate(rings)
    middle = points.mean(axis=0)
    points = (points - middle) * (METRES_PER_DEGREE * np.cos(np.radians(middle[1])), METRES_PER_DEGREE)
    last = np.zeros(len(points), dtype=bool)
    last[np.cumsum(sizes) - 1] = True
    return Outlines(points, np.cumsum(counts) - counts, counts, last)


def sharing(many: Outlines, *, most: int) -> Pairs:
    """Pairs (later, earlier) of outlines that may share more land than is worth a word; of each one `most` pairs with earlier ones."""
    pairs = _boxes_meet(many, most)
    pairs = _no_line_between(many, pairs)
    if len(pairs) > PAIRS_PER_OUTLINE * len(many.counts):
        return pairs
    kept = [part[~_apart(many, part)] for part in _parts(many, pairs)]
    return np.concatenate(kept) if kept else pairs


def _boxes_meet(many: Outlines, most: int) -> Pairs:
    low, high = (each.reduceat(many.points, many.starts) for each in (np.minimum, np.maximum))
    order = np.argsort(low[:, 0], kind="stable")
    west, east, south, north = low[order, 0], high[order, 0], low[order, 1], high[order, 1]
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
    kept = np.ones(len(pairs), dtype=bool)
    for angle in np.arange(1, SLOPES) * np.pi / SLOPES:  # upright and level the boxes have been told apart already
        along = many.points[:, 0] * np.cos(angle) + many.points[:, 1] * np.sin(angle)
        low, high = np.minimum.reduceat(along, many.starts), np.maximum.reduceat(along, many.starts)
        one, other = pairs[:, 0], pairs[:, 1]
        kept &= (low[one] < high[other]) & (low[other] < high[one])
    return pairs[kept]


def _apart(many: Outlines, pairs: Pairs) -> NDArray[np.bool_]:
    """Whether two outlines are proved to share next to nothing.

    Seen across the way from one middle to the other, the first lies on the near side. Wherever a segment of the first reaches further
    than a segment of the second at the same height, at most the space between the two is shared; the sum of it bounds what is.
    """
    low, high = (each.reduceat(many.points, many.starts) for each in (np.minimum, np.maximum))
    across = ((low + high) / 2)[pairs[:, 1]] - ((low + high) / 2)[pairs[:, 0]]
    between = np.hypot(across[:, 0], across[:, 1])
    across /= np.maximum(between, 1e-9)[:, None]
    here, there = (_across(many, pairs[:, side], across) for side in (0, 1))
    reach, begin = np.maximum.reduceat(here.n, here.starts), np.minimum.reduceat(there.n, there.starts)
    near = _segments(many, here, across, here.n > begin[here.pair])
    far = _segments(many, there, across, there.n < reach[there.pair])
    many_near = np.bincount(near.pair, minlength=len(pairs))
    many_far = np.bincount(far.pair, minlength=len(pairs))
    # With one middle there is no way across, and nothing would be seen.
    tried = (many_near * many_far <= _ONE_BORDER) & (between > _SOME_WAY_M)
    near, far = near.only(tried[near.pair]), far.only(tried[far.pair])
    first_far = np.cumsum(np.bincount(far.pair, minlength=len(pairs))) - np.bincount(far.pair, minlength=len(pairs))
    a, b = _each_with(np.arange(len(near.pair)), first_far[near.pair], many_far[near.pair])
    low_s = np.maximum(near.s0[a], far.s0[b])
    high_s = np.minimum(near.s1[a], far.s1[b])
    same = high_s > low_s
    a, b, low_s, high_s = a[same], b[same], low_s[same], high_s[same]
    gaps = [near.at(a, s) - far.at(b, s) for s in (low_s, high_s)]
    shared = (high_s - low_s) * np.maximum(np.maximum(gaps[0], gaps[1]), 0)
    bound = np.bincount(near.pair[a], weights=shared, minlength=len(pairs))
    return tried & (bound <= NEGLIGIBLE_M2)


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
    way = np.repeat(across, counts, axis=0)
    return Across(pair, point, np.einsum("ij,ij->i", many.points[point], way), np.cumsum(counts) - counts)


def _segments(many: Outlines, side: Across, across: Floats, within: NDArray[np.bool_]) -> Segments:
    """The segments of which an end lies within."""
    begins = np.flatnonzero((within[:-1] | within[1:]) & ~many.last[side.point[:-1]])
    pair, n0, n1 = side.pair[begins], side.n[begins], side.n[begins + 1]
    way = across[pair]
    s0, s1 = (
        points[:, 1] * way[:, 0] - points[:, 0] * way[:, 1]
        for points in (many.points[side.point[begins]], many.points[side.point[begins + 1]])
    )
    turned = s1 < s0
    low, high = (
        (np.where(turned, s1, s0), np.where(turned, n1, n0)),
        (np.where(turned, s0, s1), np.where(turned, n0, n1)),
    )
    return Segments(pair, low[0], high[0], low[1], high[1])


def _each_with(
    ones: NDArray[np.int64], first: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each of `ones` with so many numbers that follow each other from a first one."""
    total = int(lengths.sum())
    offsets = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(ones, lengths), np.repeat(first, lengths) + offsets


def _parts(many: Outlines, pairs: Pairs) -> Iterator[Pairs]:
    for first, end in _slices(many.counts[pairs].sum(axis=1), _AT_ONCE):
        yield pairs[first:end]


def _slices(weights: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Where to cut so that each slice weighs about `most` at most."""
    marks = np.cumsum(weights) // most
    cuts = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(weights)]
    yield from ((first, end) for first, end in pairwise(cuts) if end > first)
