"""From a code to its QR text, module matrix and printed size.

One mask for every symbol: choosing the best of eight costs eight times the work and, measured on degraded
images, gains nothing in scanning; a fixed mask also makes a symbol an affine function of its text, which is
what lets `Batch` draw a million of them. Drawing on paper or in files is the business of the other modules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import qrcode
from qrcode import base, util

from labels.errors import BadGtin, NotAlphanumeric, TooLongForQR, TooSmall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Level = Literal["L", "M", "Q", "H"]
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASK = 2
QUIET_MODULES = 4
SMALLEST_MODULE_MM = 0.396
"""GS1's smallest module for symbols read by phones."""

_HOST_SIGNS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:")
_LEVELS: dict[Level, int] = {
    "L": qrcode.ERROR_CORRECT_L,
    "M": qrcode.ERROR_CORRECT_M,
    "Q": qrcode.ERROR_CORRECT_Q,
    "H": qrcode.ERROR_CORRECT_H,
}
_ALPHANUMERIC_MODE: Literal[2] = 2
# Value of each ASCII character in alphanumeric mode; 255 marks the rest.
_VALUE = np.full(128, 255, np.uint8)
_VALUE[[ord(sign) for sign in ALPHANUMERIC]] = np.arange(45)
# Below this many symbols the tables of a batch cost more than they save.
_WORTH_TABLES = 128


def qr_text(code: str, *, host: str, gtin: str | None = None) -> str:
    """The address in the symbol, upper case so that it stays in alphanumeric mode.

    `code` is canonical; `host` may carry a port; with a GTIN (8, 12, 13 or 14 digits) the address is a GS1
    Digital Link with the code as serial number.
    """
    address = host.upper()
    if not address or not set(address) <= _HOST_SIGNS:
        raise NotAlphanumeric
    path = f"T/{code}" if gtin is None else f"01/{gtin14(gtin)}/21/{code}"
    return f"HTTPS://{address}/{path}"


def lot_qr_text(code: str, *, host: str) -> str:
    """The address of a lot's shared code, upper case as that of a label."""
    address = host.upper()
    if not address or not set(address) <= _HOST_SIGNS:
        raise NotAlphanumeric
    return f"HTTPS://{address}/L/{code}"


def gtin14(gtin: str) -> str:
    """A GTIN padded to 14 digits, its check digit verified."""
    if not (gtin.isascii() and gtin.isdigit() and len(gtin) in {8, 12, 13, 14}):
        raise BadGtin
    padded = gtin.zfill(14)
    if sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(padded)) % 10:
        raise BadGtin
    return padded


def version_for(length: int, level: Level = "M") -> int:
    """The smallest QR version that holds `length` alphanumeric characters."""
    payload = 4 + 11 * (length // 2) + 6 * (length % 2)
    for version in range(1, 41):
        counter = 9 if version < 10 else 11 if version < 27 else 13
        room = 8 * sum(block.data_count for block in base.rs_blocks(version, _LEVELS[level]))
        if payload + counter <= room:
            return version
    raise TooLongForQR


def modules_for(length: int, level: Level = "M") -> int:
    """Modules along a side, without quiet zone, of the symbol for `length` alphanumeric characters."""
    return 17 + 4 * version_for(length, level)


def matrix(text: str, *, level: Level = "M") -> NDArray[np.bool_]:
    """The symbol as (n, n), True for dark, without quiet zone: smallest version, alphanumeric mode, mask 2."""
    if not set(text) <= set(ALPHANUMERIC):
        raise NotAlphanumeric
    version = version_for(len(text), level)
    symbol = qrcode.QRCode(version=version, error_correction=_LEVELS[level], mask_pattern=MASK, border=0)
    symbol.add_data(util.QRData(text.encode(), mode=_ALPHANUMERIC_MODE, check_data=False), optimize=0)
    symbol.make(fit=False)
    return np.array(symbol.get_matrix(), dtype=np.bool_)


def matrices(texts: Sequence[str], level: Level = "M") -> NDArray[np.uint8]:
    """Symbols of texts of one length, packed: (count, n, bytes of a row), 8 modules a byte, highest bit left.

    Bit for bit what `matrix` gives; for long sequences hundreds of times faster.
    """
    if not texts:
        return np.empty((0, 0, 0), np.uint8)
    if len(texts) < _WORTH_TABLES:
        return np.stack([np.packbits(matrix(text, level=level), axis=1) for text in texts])
    signs = as_signs(texts)
    return Batch(texts[0], np.flatnonzero((signs != signs[0]).any(axis=0)).tolist(), level).draw(signs)


def as_signs(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts of one length as (count, length) ASCII."""
    length = len(texts[0])
    joined = "".join(texts)
    if not joined.isascii():
        raise NotAlphanumeric
    if any(len(text) != length for text in texts):
        msg = "texts differ in length"
        raise ValueError(msg)
    return np.frombuffer(joined.encode("ascii"), np.uint8).reshape(len(texts), length)


class Batch:
    """Symbols of texts that share a template and differ only at some places.

    With version, level and mask fixed, error correction is linear and the mask a constant, so a symbol is

        base XOR table_0[value of pair 0] XOR table_1[value of pair 1] ...

    over the two-character groups of alphanumeric mode. python-qrcode draws the base and one symbol for each
    bit of each varying group; XOR of those fills the tables.
    """

    def __init__(self, template: str, varying: Sequence[int], level: Level = "M") -> None:
        """`varying`: places in the text where characters may differ from the template."""
        self._template, self.length = template, len(template)
        self.modules = modules_for(self.length, level)
        self._row_bytes = (self.modules + 7) // 8
        self._first = min(varying, default=0)
        self._groups = sorted({place // 2 for place in varying})
        signs = list(template)
        for group in self._groups:
            self._put(signs, group, self._middle(group))
        self._base = self._words("".join(signs), level)
        self._tables = [self._table(signs, group, level) for group in self._groups]

    def draw(self, signs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(count, length) ASCII of whole texts to (count, n, bytes of a row)."""
        first = 2 * self._groups[0] if self._groups else 0
        last = 2 * self._groups[-1] + 2 if self._groups else 0
        values = _VALUE[np.minimum(signs[:, first:last], 127)]
        if (values == 255).any():
            raise NotAlphanumeric
        drawn = np.repeat(self._base[np.newaxis], len(signs), axis=0)
        for group, table in zip(self._groups, self._tables, strict=True):
            at = 2 * group - first
            index = values[:, at].astype(np.intp)
            if self._whole(group):
                index = index * 45 + values[:, at + 1]
            drawn ^= table[index]
        used = self.modules * self._row_bytes
        return drawn.view(np.uint8)[:, :used].reshape(len(signs), self.modules, self._row_bytes)

    def parts(self, alphabet: str) -> Iterator[tuple[tuple[int, ...], NDArray[np.uint8]]]:
        """The symbols taken apart, for a batch that varies in its end: for each group which signs of that end are in it, and for
        every choice of them, the last one changing fastest, the bytes whose XOR over all groups is the symbol."""
        signs = _VALUE[[ord(sign) for sign in alphabet]].astype(np.intp)
        stays, used = self._base, self.modules * self._row_bytes
        for group, table in zip(self._groups, self._tables, strict=True):
            places = tuple(place - self._first for place in (2 * group, 2 * group + 1)[: 1 + self._whole(group)])
            values = np.zeros(1, np.intp)
            for place in places:
                choice = signs if place >= 0 else _VALUE[[ord(self._template[self._first + place])]].astype(np.intp)
                values = (values[:, np.newaxis] * 45 + choice).ravel()
            yield tuple(place for place in places if place >= 0), (table[values] ^ stays).view(np.uint8)[:, :used]
            stays = np.zeros_like(self._base)

    def _whole(self, group: int) -> bool:
        """Whether the group has two characters (11 bits), not the odd one at the end (6 bits)."""
        return 2 * group + 1 < self.length

    def _middle(self, group: int) -> int:
        """The base's value: any bit of it may be turned over and it is still a value of the mode.

        Not zero, because python-qrcode fails on a block of nothing but zeros.
        """
        return 0b01010101010 if self._whole(group) else 0b001010

    def _put(self, signs: list[str], group: int, value: int) -> None:
        if self._whole(group):
            signs[2 * group], signs[2 * group + 1] = (ALPHANUMERIC[n] for n in divmod(value, 45))
        else:
            signs[2 * group] = ALPHANUMERIC[value]

    def _table(self, signs: list[str], group: int, level: Level) -> NDArray[np.uint64]:
        """For each value of the group, what to XOR to the base."""
        middle, bits = self._middle(group), 11 if self._whole(group) else 6
        table = np.zeros((1 << bits, len(self._base)), np.uint64)
        for bit in range(bits):
            changed = list(signs)
            self._put(changed, group, middle ^ 1 << bit)
            table[1 << bit : 2 << bit] = table[: 1 << bit] ^ (self._words("".join(changed), level) ^ self._base)
        by_value: NDArray[np.uint64] = table[np.arange(1 << bits) ^ middle]
        return by_value

    def _words(self, text: str, level: Level) -> NDArray[np.uint64]:
        """A symbol as 64-bit words, which XOR eight times as fast as bytes."""
        packed = np.packbits(matrix(text, level=level), axis=1).ravel()
        return np.pad(packed, (0, -len(packed) % 8)).view(np.uint64)


@lru_cache(maxsize=16)
def tail_batch(template: str, length: int, level: Level = "M") -> Batch:
    """The batch for texts that differ in their last `length` characters: made once per process, at 2 MB each."""
    return Batch(template, range(len(template) - length, len(template)), level)


def pairs_of_tail(template: str, length: int) -> list[tuple[int, ...]]:
    """Which of the last `length` characters of a text are coded together, as `Batch.parts` has them."""
    first, groups = len(template) - length, dict[int, list[int]]()
    for place in range(length):
        groups.setdefault((first + place) // 2, []).append(place)
    return [tuple(group) for group in groups.values()]


def tails(template: str, codes: NDArray[np.uint8], level: Level = "M") -> NDArray[np.uint8]:
    """Symbols of the template with each of (count, n) ASCII as its end, packed as by `matrices`."""
    signs = np.empty((len(codes), len(template)), np.uint8)
    signs[:] = np.frombuffer(template.encode("ascii"), np.uint8)
    signs[:, -codes.shape[1] :] = codes
    return tail_batch(template, codes.shape[1], level).draw(signs)


@dataclass(frozen=True, slots=True)
class PrintedQR:
    """A symbol on paper, in mm. The square it stands in is side + 2 quiet."""

    module_mm: float
    side_mm: float
    """Without quiet zone."""
    quiet_mm: float
    """At least four modules on each side."""
    dots: int | None
    """Printer dots to a module; None when the printer is not known."""


def printed_size(modules: int, *, size_mm: float, dpi: int | None = None, quiet: int = QUIET_MODULES) -> PrintedQR:
    """How large a symbol of n modules comes out in a square of `size_mm`, quiet zone included.

    With `dpi` the module is a whole number of dots, so that no column is a dot wider than its neighbour.
    Raises TooSmall, naming the smallest square that works, when a module would be under 0.396 mm.
    """
    across = modules + 2 * quiet
    if dpi is None:
        dots, module, smallest = None, size_mm / across, SMALLEST_MODULE_MM
    else:
        dot = 25.4 / dpi
        dots = math.floor(size_mm / across / dot + 1e-9)
        module, smallest = dots * dot, math.ceil(SMALLEST_MODULE_MM / dot - 1e-9) * dot
    if module < smallest - 1e-9:
        raise TooSmall(smallest_mm=math.ceil(smallest * across * 10 - 1e-6) / 10)
    side = modules * module
    return PrintedQR(module, side, (size_mm - side) / 2, dots)
