"""The code that all packs of a lot share: eight characters, the last of which checks the others. Fixed by docs/label-code.md.

It has no tag and proves nothing. What must not come in here: how codes are drawn, which is the database's business.
"""

from __future__ import annotations

from labels.code import ALPHABET, fold
from labels.errors import Malformed

LENGTH = 8

# x^5 + x^3 + 1 makes the field of 32 elements, in which x has order 31: any one wrong character and any two that changed places
# alter the sum.
_REDUCED = 0b01001


def parse(text: str) -> str:
    """The canonical eight characters of what a person typed or a scanner read; raises Malformed."""
    found = fold(text)
    if len(found) != LENGTH or not set(found) <= set(ALPHABET) or check(found[:-1]) != found[-1]:
        raise Malformed
    return found


def check(characters: str) -> str:
    """The character that checks canonical ones."""
    total = 0
    for sign in characters:
        total = _times_x(total) ^ ALPHABET.index(sign)
    return ALPHABET[_times_x(total)]


def _times_x(value: int) -> int:
    return value << 1 & 31 ^ _REDUCED * (value >> 4)
