"""What people type or paste into the box for a code: a label's code, a lot's, or the whole address of one.

A wrong sign is named with its place, because whoever typed it has the label in hand. What must not live here: whether a code is right
(`labels.code`, `labels.lot_code`) or was issued (`scanning`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from labels import code as label_code
from labels import lot_code
from labels.errors import Malformed
from trace.errors import Invalid

LONGEST = 300
"""Nothing that anybody would paste here is longer; more is not even kept."""

_OURS = re.compile(r"/(?:(?P<kind>[TL])|01/\d{8,14}/21)/(?P<code>[^/]+)(?:/[a-z-]*)?/?", re.IGNORECASE)
_LOOKS_LIKE_ADDRESS = re.compile(r"[a-z]+://|^[\w.-]+(:\d+)?/|^/", re.IGNORECASE)
_ALPHABET = frozenset(label_code.ALPHABET)


class Mistyped(Invalid):
    """This is not a label code. It may be mistyped or incomplete."""

    status = 400


class NothingTyped(Mistyped):
    """Type the code that is printed on the label."""


class ImpossibleSign(Mistyped):
    """Character %(place)s is “%(sign)s”, which no code has.

    Codes are made of digits and of letters without I, L, O and U. Look at that character on the label again.
    """


class WrongLength(Mistyped):
    """A label code has 12 characters, a lot code has 8. This one has %(count)s.

    Compare it with the label, group by group.
    """


class LotCodeMistyped(Mistyped):
    """One character of this lot code is wrong, or two have changed places.

    Compare it with the print, group by group. A label code has 12 characters.
    """


class OtherAddress(Mistyped):
    """This is the address of another page, %(host)s.

    Labels of this register carry addresses that begin with %(own)s. Type the code below the QR code instead.
    """


class Typed(StrEnum):
    """What a text was the code of (never shown)."""

    LABEL = "label"
    LOT = "lot"


@dataclass(frozen=True)
class Read:
    """A code in its canonical form."""

    kind: Typed
    code: str


def read(text: str, *, host: str) -> Read:
    """The code in what somebody typed; raises the member of `Mistyped` that says best what is wrong."""
    entered = unicodedata.normalize("NFKC", text[: LONGEST + 1]).strip()
    if not entered:
        raise NothingTyped
    if len(entered) > LONGEST:
        raise Mistyped
    if _LOOKS_LIKE_ADDRESS.search(entered):
        entered = _from_address(entered, host)
    _name_impossible(entered)
    try:
        found = label_code.fold(entered)
        if len(found) == lot_code.LENGTH:
            return Read(Typed.LOT, _lot(found))
        if len(found) != label_code.CODE_LENGTH:
            raise WrongLength(count=len(found))
        return Read(Typed.LABEL, label_code.parse(found).text)
    except Malformed as exc:
        raise Mistyped from exc


def _from_address(entered: str, host: str) -> str:
    """The code at the end of one of our own addresses, whatever follows as query."""
    with_scheme = (
        entered
        if "://" in entered
        else f"https://{entered}"
        if not entered.startswith("/")
        else f"https://{host}{entered}"
    )
    try:
        parts = urlsplit(with_scheme)
        named = parts.netloc.rpartition("@")[2].lower()
    except ValueError as exc:
        raise Mistyped from exc
    if named != host.lower():
        raise OtherAddress(host=named[:60], own=host.lower())
    found = _OURS.fullmatch(parts.path)
    if found is None:
        raise Mistyped
    return unquote(found["code"])


def _lot(found: str) -> str:
    try:
        return lot_code.parse(found)
    except Malformed as exc:
        raise LotCodeMistyped from exc


def _name_impossible(entered: str) -> None:
    """Raise for the first sign that no code has, counted as people count: without spaces and hyphens."""
    place = 0
    for sign in entered:
        try:
            folded = label_code.fold(sign)
        except Malformed:
            folded = sign
        if not folded:
            continue
        place += 1
        if not set(folded) <= _ALPHABET and place <= 2 * label_code.CODE_LENGTH:
            raise ImpossibleSign(place=place, sign=sign if sign.isprintable() else "�")
