"""Which characters a text may hold that is kept, whether it comes from a form, a table or a search: one rule for all of them. Pure."""

from __future__ import annotations

import re
import unicodedata

# NUL cannot be stored in PostgreSQL text; the other controls come from broken paste and help nobody. Marks that turn the direction
# of writing or take no room make one text look like another; the joiner inside an emoji (U+200D) is not among them.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
# Halves of pairs cannot be written in UTF-8, and what Unicode says is no character (the last two of every plane, and 32 in the first)
# breaks the XML of spreadsheets and word processors long after it was typed.
_NO_CHARACTERS = r"\ud800-\udfff\ufdd0-\ufdef" + "".join(f"\\U{(plane << 16) + 0xFFFE:08x}-\\U{(plane << 16) + 0xFFFF:08x}" for plane in range(17))  # fmt: skip
_UNKEPT = re.compile(f"[{_CONTROLS}{_NO_CHARACTERS}]")


def clean(text: str) -> str:
    """Text as it is kept: NFC, no control characters and nothing that is no character, no white space around it."""
    # Controls go first: one between a letter and its mark would keep the two from being composed.
    return unicodedata.normalize("NFC", _UNKEPT.sub("", text)).strip()


def line(text: str) -> str:
    """Text as it is kept where it has one line: with single spaces."""
    return " ".join(clean(text).split())
