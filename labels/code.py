"""Serial ⇄ printed code, its tag, and the hidden code. The format is fixed by docs/label-code.md.

What must not come in here: keys at rest (`labels.keys`), URLs and symbols (`labels.qr`), and whether a serial
was ever issued, which only the ledger knows.
"""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass

from labels.errors import Malformed, SerialOutOfRange

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base 32: no I, L, O (they read as 1, 1, 0) and no U."""
CODE_LENGTH = 12
MAX_SERIAL = 2**30 - 1

TAG_DOMAIN = b"temthat/label/tag/1\x00"
HIDDEN_DOMAIN = b"temthat/label/hidden/1\x00"
# Longest text worth normalising: a full-width code with separators is far shorter, a pasted page far longer.
_LONGEST_INPUT = 64

_VALUES = {ord(sign): value for value, sign in enumerate(ALPHABET)}
_FOLD: dict[int, str | None] = {ord(sign): sign for sign in ALPHABET}
_FOLD |= {ord(sign.lower()): sign for sign in ALPHABET}
_FOLD |= {ord(sign): "0" for sign in "Oo"} | {ord(sign): "1" for sign in "IiLl"}
# Space and line ends, ASCII hyphen, and the hyphens and dashes that phones and word processors put in its place.
_FOLD |= dict.fromkeys(map(ord, " \t\r\n-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"))
# Pairs of signs: four look-ups instead of seven for each half of a code when an order of a million is encoded.
_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A well-formed code. Nothing is said yet about its tag (`matches`) or its being issued (the ledger)."""

    serial: int
    tag: int
    text: str
    """The canonical 12 characters."""


def parse(text: str) -> Parsed:
    """Read what a person typed or a scanner read.

    Folds case, full-width forms, O to 0, I and L to 1; drops spaces and hyphens. Raises Malformed for the rest.
    """
    canonical = fold(text)
    if len(canonical) != CODE_LENGTH:
        raise Malformed
    number = 0
    for sign in canonical:
        value = _VALUES.get(ord(sign))
        if value is None:
            raise Malformed
        number = number << 5 | value
    serial, tag = number >> 30, number & MAX_SERIAL
    if serial == 0:
        raise Malformed
    return Parsed(serial, tag, canonical)


def fold(text: str) -> str:
    """What somebody typed without case, width, separators and look-alikes; other signs stay. Raises Malformed for a whole page."""
    if len(text) > _LONGEST_INPUT:
        raise Malformed
    return unicodedata.normalize("NFKC", text).translate(_FOLD)


def tag_of(serial: int, secret: bytes) -> int:
    """The 30 high bits of HMAC-SHA256(secret, "temthat/label/tag/1" NUL serial as 8 bytes big-endian)."""
    digest = hmac.digest(secret, TAG_DOMAIN + _checked(serial).to_bytes(8, "big"), "sha256")
    return int.from_bytes(digest[:4], "big") >> 2


def encode(serial: int, secret: bytes) -> str:
    """The canonical 12 characters for a serial: six for it, six for its tag."""
    tag = tag_of(serial, secret)
    return _half(serial) + _half(tag)


def matches(parsed: Parsed, secret: bytes) -> bool:
    """Whether the tag was made with this secret; takes the same time either way."""
    return hmac.compare_digest(tag_of(parsed.serial, secret).to_bytes(4, "big"), parsed.tag.to_bytes(4, "big"))


def hidden_code(serial: int, secret: bytes) -> str:
    """Six digits to print under a scratch layer: the first 8 bytes of an HMAC of its own domain, modulo a million."""
    digest = hmac.digest(secret, HIDDEN_DOMAIN + _checked(serial).to_bytes(8, "big"), "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def check_serials(serials: range) -> None:
    """Raise SerialOutOfRange unless the whole range can be printed."""
    if len(serials):
        _checked(serials[0]), _checked(serials[-1])


def show(code: str) -> str:
    """A canonical code as people read it: 7K4M-92QD-XJ3P, of a lot 7K4M-92QD."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def show_serial(serial: int) -> str:
    """A serial as people read it, at least six digits: 000.120, 1.234.567."""
    return f"{serial:07,d}".replace(",", ".")


def signs_of(serial: int) -> str:
    """The first six of the twelve signs of a label's code: its serial. They tell which label, not whether it is genuine."""
    return _half(_checked(serial))


def _half(number: int) -> str:
    return _PAIRS[number >> 20] + _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]


def _checked(serial: int) -> int:
    if not 1 <= serial <= MAX_SERIAL:
        raise SerialOutOfRange(largest=MAX_SERIAL)
    return serial
