"""What differs from label to label: columns that a template is filled with, and the fields of which `labels.pages` makes pages.

The gaps of a template that are known here: symbol and code (in hex), serial, hidden.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labels import qr, source
from labels.code import ALPHABET, CODE_LENGTH, show_serial
from labels.errors import HiddenCodeMissing
from labels.look import HIDDEN_DIGITS
from labels.pages import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from labels.source import Block
    from labels.template import Template

_SIGNS = np.frombuffer(ALPHABET.encode(), np.uint8)
_VALUES = np.zeros(128, np.intp)
_VALUES[_SIGNS] = np.arange(len(ALPHABET))
_DIGITS_A_FIELD = 3


class Varying:
    """The varying parts of the labels of an order."""

    def __init__(self, blank: str, level: qr.Level, *, hidden: bool) -> None:
        """`blank`: the QR text with a code of zeros; `hidden`: whether labels bear a hidden code."""
        self._blank, self._level, self._hidden = blank, level, hidden

    def columns(self, block: Block) -> dict[str, NDArray[np.uint8]]:
        """What fills the gaps of a template, for labels whose serials are shown in the same number of signs."""
        symbols = qr.tails(self._blank, block.codes, self._level).reshape(len(block), -1)
        columns = {
            "symbol": symbols,
            "code": source.shown_codes(block.codes),
            "serial": source.shown_serials(block.serials),
        }
        if self._hidden:
            columns["hidden"] = _hidden(block)
        return columns

    def fields(self, template: Template, shown: str) -> list[Field]:
        """The fields of labels whose serials are shown as this one, in the order of `numbers`."""
        symbol, code, at = template.gap("symbol"), template.gap("code"), template.gap("serial").start
        fields = []
        for places, digits in self._coded:
            where = [np.arange(symbol.start, symbol.stop)]
            for place in places:
                # Two hex digits a sign, and a hyphen after each four signs.
                start = code.start + 2 * (place + place // 4)
                where.append(np.arange(start, start + 2))
            fields.append(Field(np.concatenate(where), digits))
        for group in shown.split("."):
            fields.append(_number(at, len(group)))
            at += len(group) + 1
        if self._hidden:
            start = template.gap("hidden").start
            fields += [_number(start + at, _DIGITS_A_FIELD) for at in range(0, HIDDEN_DIGITS, _DIGITS_A_FIELD)]
        return fields

    @cached_property
    def _coded(self) -> list[tuple[tuple[int, ...], NDArray[np.uint8]]]:
        """For each pair of signs of the code that are coded together: which, and for each choice of them the digits of symbol and signs."""
        found = []
        for places, symbols in qr.tail_batch(self._blank, CODE_LENGTH, self._level).parts(ALPHABET):
            choices = np.indices((len(ALPHABET),) * len(places)).reshape(len(places), -1)
            signs = [_halves(_SIGNS[choice][:, np.newaxis]) for choice in choices]
            found.append((places, np.concatenate([_halves(symbols), *signs], axis=1)))
        return found

    def numbers(self, block: Block) -> list[NDArray[np.intp]]:
        """For each field the number of each label; serials as for `columns`."""
        values = _VALUES[block.codes]
        found = [
            _joined((values[:, place] for place in places), len(ALPHABET))
            for places in qr.pairs_of_tail(self._blank, CODE_LENGTH)
        ]
        groups = show_serial(int(block.serials[0])).count(".") + 1
        found += [block.serials // 1000**group % 1000 for group in range(groups - 1, -1, -1)]
        if self._hidden:
            digits = _hidden(block).astype(np.intp) - ord("0")
            found += [
                _joined(digits.T[at : at + _DIGITS_A_FIELD], 10) for at in range(0, HIDDEN_DIGITS, _DIGITS_A_FIELD)
            ]
        return found


def _hidden(block: Block) -> NDArray[np.uint8]:
    if block.hidden is None:
        raise HiddenCodeMissing
    return block.hidden


def _number(start: int, width: int) -> Field:
    """A decimal number of so many digits."""
    values = np.arange(10**width)[:, np.newaxis] // 10 ** np.arange(width - 1, -1, -1) % 10
    return Field(np.arange(start, start + width), values.astype(np.uint8))


def _joined(values: Iterable[NDArray[np.intp]], base: int) -> NDArray[np.intp]:
    """Digits of a base, highest first, as numbers."""
    rest: Iterator[NDArray[np.intp]] = iter(values)
    number = next(rest)
    for value in rest:
        number = number * base + value
    return number


def _halves(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(count, bytes) as (count, twice as many) numbers of four bits."""
    return np.stack([packed >> 4, packed & 15], axis=2).reshape(len(packed), -1)
