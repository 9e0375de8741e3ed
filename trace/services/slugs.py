"""Addresses of public pages that people can read: the name without marks, and behind it eight signs of the id, which alone decides.

Two names may fold to the same letters (Cẩm Giang, Cẩm Giàng), so the letters never do.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

from trace.services.folding import fold

SHORT = 8
_LONGEST = 80
_TAIL = re.compile(rf"(?:^|-)([0-9a-f]{{{SHORT}}})$")


class Span(NamedTuple):
    """The ids that an address may mean; ids are random, so it is one."""

    first: UUID
    last: UUID


def slug(name: str, thing_id: UUID) -> str:
    """ "Vải thiều tươi" becomes "vai-thieu-tuoi-3fa2b1c4"."""
    words = fold(name).replace(" ", "-")[:_LONGEST].strip("-")
    return f"{words}-{short(thing_id)}" if words else short(thing_id)


def short(thing_id: UUID) -> str:
    """The beginning of an id, as addresses and QR symbols carry it."""
    return thing_id.hex[:SHORT]


def meant(key: str) -> Span | None:
    """Which ids an address means: a whole id, or one whose beginning stands behind the name. None for anything else."""
    text = key.strip().lower()[:200]
    try:
        whole = UUID(text)
    except ValueError:
        found = _TAIL.search(text)
        return Span(UUID(found[1].ljust(32, "0")), UUID(found[1].ljust(32, "f"))) if found else None
    return Span(whole, whole)
