"""Serials that people type or scan: "120–180", "000.120-000.180", one serial, or a code off a label, as a range, and lists of
these; and range arithmetic.

No queries live here.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import Range

from labels.code import MAX_SERIAL
from labels.errors import Forged, Malformed
from trace.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labels.keys import Keyring

# Up to ten digits, with or without points between them; twelve without a point are a code that happens to hold no letter.
SERIAL = re.compile(r"\d{1,10}|\d{1,4}(\.\d{3}){1,3}")
BETWEEN = re.compile(r"\s*(?:[–—→]|\.\.+|\bđến\b|\bto\b)\s*|\s+-\s+", re.IGNORECASE)
BREAKS = re.compile(r"\s*[,;\n]\s*")
MOST_RANGES = 200
HYPHEN = re.compile(rf"({SERIAL.pattern})\s*-\s*({SERIAL.pattern})")


class NotARange(Invalid):
    """These are not serials or codes of labels.

    Enter the first and the last serial, such as 120–180, one serial, or the 12 characters of a code.
    """


class CodeNotOurs(Invalid):
    """This code was not issued here, or it was mistyped.

    Compare it with the label character by character, or enter the serial.
    """


class RangeBackwards(Invalid):
    """The first serial, %(first)s, is larger than the last, %(last)s.

    Enter the smaller serial first.
    """


class RangesOverlap(Invalid):
    """Serials %(serials)s are named more than once.

    Name every label once only.
    """


class TooManyRanges(Invalid):
    """These are %(ranges)s separate ranges. At most %(most)s can be moved at once.

    Do it in several parts.
    """


def parse_many(text: str, *, keyring: Keyring) -> Sequence[Range[int]]:
    """The serials that a list names: "120–180, 190; 7K4M-92QD-XJ3P". In order, neighbours joined, none named twice."""
    return gathered(parse(part, keyring=keyring) for part in BREAKS.split(text.strip().strip(",;")))


def gathered(parts: Iterable[Range[int]]) -> Sequence[Range[int]]:
    """Ranges in order with neighbours joined. Refuses what is named twice, and more pieces than one deed may have."""
    ordered = sorted(parts, key=bounds)
    for before, after in pairwise(ordered):
        if (twice := overlap(before, after)) is not None:
            first, end = bounds(twice)
            raise RangesOverlap(serials=first if end - first == 1 else f"{first}–{end - 1}")
    made = joined(ordered)
    if len(made) > MOST_RANGES:
        raise TooManyRanges(ranges=len(made), most=MOST_RANGES)
    return made


def parse(text: str, *, keyring: Keyring) -> Range[int]:
    """The serials that a text names. Codes are believed only if their tag is right."""
    trimmed = text.strip()
    if both := HYPHEN.fullmatch(trimmed):
        return _range(int(both[1].replace(".", "")), int(both[3].replace(".", "")))
    ends = BETWEEN.split(trimmed)
    if len(ends) > 2 or not trimmed:
        raise NotARange
    serials = [_serial(end, keyring) for end in ends]
    return _range(serials[0], serials[-1])


def size(serials: Range[int]) -> int:
    """How many serials a bounded range holds."""
    return 0 if serials.isempty else bounds(serials)[1] - bounds(serials)[0]


def bounds(serials: Range[int]) -> tuple[int, int]:
    """The first serial and the one after the last."""
    return serials.lower or 0, serials.upper or 0


def as_range(serials: Range[int]) -> range:
    """The same as a Python range."""
    return range(*bounds(serials))


def overlap(one: Range[int], other: Range[int]) -> Range[int] | None:
    """The serials in both, or None."""
    first, end = max(bounds(one)[0], bounds(other)[0]), min(bounds(one)[1], bounds(other)[1])
    return Range(first, end) if first < end else None


def minus(whole: Range[int], *parts: Range[int]) -> list[Range[int]]:
    """What is left of a range without some others, in order."""
    left, at = list[Range[int]](), bounds(whole)[0]
    for first, end in sorted(bounds(part) for part in parts):
        if first > at:
            left.append(Range(at, min(first, bounds(whole)[1])))
        at = max(at, end)
    if at < bounds(whole)[1]:
        left.append(Range(at, bounds(whole)[1]))
    return [part for part in left if size(part) > 0]


def joined(parts: Iterable[Range[int]]) -> Sequence[Range[int]]:
    """Ranges in order, with neighbours made one."""
    made = list[Range[int]]()
    for first, end in sorted(bounds(part) for part in parts):
        if made and bounds(made[-1])[1] == first:
            made[-1] = Range(made[-1].lower, end)
        else:
            made.append(Range(first, end))
    return made


def _serial(text: str, keyring: Keyring) -> int:
    if SERIAL.fullmatch(text):
        return int(text.replace(".", ""))
    try:
        return keyring.verify(text).serial
    except Forged as exc:
        raise CodeNotOurs from exc
    except Malformed as exc:
        raise NotARange from exc


def _range(first: int, last: int) -> Range[int]:
    if first > last:
        raise RangeBackwards(first=first, last=last)
    if first < 1 or last > MAX_SERIAL:
        raise NotARange
    return Range(first, last + 1)
