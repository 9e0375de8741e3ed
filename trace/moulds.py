"""A page that thousands ask for a second is rendered once per shape, with marks where its facts go, and then only filled in.

The template stays the one place where the page is written. It is rendered with `Blanks` in place of the facts: what is printed
leaves a mark, what is decided on (kinds, flags, whether a fact is there at all, small numbers) is real and belongs to the key of
the shape. What a blank cannot stand for – joining, cutting, reckoning – raises, and that page is rendered the slow way.
What must not live here: which pages, and HTTP.
"""

from __future__ import annotations

import re
import secrets
import zlib
from datetime import date
from enum import Enum
from operator import attrgetter
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin
from uuid import UUID

from markupsafe import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FEW = 5
"""Numbers below this are told apart by a shape; from here on a template may only ask whether they are larger than less."""
SHORT = 120
"""A stretch of fixed text below this many bytes is not worth a compressed block of its own."""
_SALT = secrets.token_hex(4)
_MARK = re.compile(rf"qz{_SALT}(\d+)zq")
STORED = 65_535


class Marks:
    """The marks of one rendering, and which fact each stands for and how it is written."""

    def __init__(self) -> None:
        self.of: list[tuple[str, str]] = []

    def mark(self, fact: str, how: str) -> str:
        """A text that no escaping changes, in a page or in an address."""
        if (fact, how) not in self.of:
            self.of.append((fact, how))
        return f"qz{_SALT}{self.of.index((fact, how))}zq"


class Blank(str):
    """A text, day, moment or identity that is there, but whose content the page may only print."""

    _fact: str
    _marks: Marks

    def __new__(cls, fact: str, marks: Marks) -> Blank:
        """The blank of a fact."""
        made = super().__new__(cls, marks.mark(fact, "plain"))
        made._fact, made._marks = fact, marks
        return made

    def told(self, how: str) -> str:
        """Its mark, to be written as `how` says."""
        return self._marks.mark(self._fact, how)

    @property
    def hex(self) -> str:
        """An identity in an address."""
        return self.told("hex")

    def _refuse(self, *_args: object, **_named: object) -> Any:
        raise TypeError(f"{self._fact} can be printed here and nothing else")

    __hash__ = str.__hash__
    __eq__ = __ne__ = _refuse
    __add__ = __radd__ = __mul__ = __mod__ = __getitem__ = __contains__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    lower = upper = split = strip = replace = startswith = endswith = partition = title = capitalize = _refuse
    __iter__ = _refuse


class Count(int):
    """A number that the page may print, or compare with less than `FEW`."""

    _mark: str
    _number_mark: str

    @classmethod
    def of(cls, value: int, fact: str, marks: Marks) -> Count:
        """The blank of a number."""
        made = cls(min(value, FEW))
        made._mark, made._number_mark = marks.mark(fact, "plain"), marks.mark(fact, "number")
        return made

    def told(self, how: str) -> str:
        """Its mark, to be written as `how` says."""
        return self._number_mark if how == "number" else self._mark

    def __str__(self) -> str:
        return self._mark

    def __html__(self) -> str:
        return self._mark

    def __format__(self, spec: str) -> str:
        if spec:
            raise TypeError("a count is written by the filter for numbers")
        return self._mark


def told(value: object, how: str) -> str | None:
    """The mark of a blank written as `how` says; None for anything real, which the caller writes itself."""
    return value.told(how) if isinstance(value, (Blank, Count)) else None


class Blanks:
    """Stands for a record while its page is rendered."""

    def __init__(self, real: object, marks: Marks, by_value: frozenset[str]) -> None:
        self._real, self._marks, self._by_value = real, marks, by_value

    def __getattr__(self, name: str) -> Any:
        return blank(name, getattr(self._real, name), self._marks, self._by_value)


def blank(fact: str, value: object, marks: Marks, by_value: frozenset[str]) -> Any:
    """What stands for a value while a page is rendered: itself where the shape depends on it."""
    match value:
        case None | bool() | Enum() | tuple() | list():
            return value
        case _ if fact in by_value or value == "":
            return value
        case int():
            return Count.of(value, fact, marks)
        case str() | date() | UUID():
            return Blank(fact, marks)
    raise TypeError(f"{fact} has no blank")


def shaper(fields: Mapping[str, Any], by_value: frozenset[str]) -> Callable[[Any], tuple[object, ...]]:
    """What makes the key of a shape out of a record with these fields and types: of each value what `blank` leaves of it."""
    real, counted, printed = list[str](), list[str](), list[str]()
    for name, kind in fields.items():
        kinds = set(get_args(kind) if isinstance(kind, UnionType) else [kind]) - {type(None)}
        if name in by_value or any(get_origin(each) is tuple or issubclass(each, (bool, Enum)) for each in kinds):
            real.append(name)
        elif kinds == {int}:
            counted.append(name)
        else:
            printed.append(name)
    reals, counts, prints = (attrgetter(*names) for names in (real, counted, printed))

    def shape(record: Any) -> tuple[object, ...]:
        return (
            reals(record), tuple([each if each is None or each < FEW else FEW for each in counts(record)]),
            tuple([None if each is None else each != "" for each in prints(record)]),
        )  # fmt: skip

    return shape


class Mould:
    """A rendered page with gaps."""

    def __init__(self, page: str, marks: Marks, how: Mapping[str, Callable[[Any], str]]) -> None:
        """`how` writes a value as text, by the names that `told` was called with."""
        pieces = _MARK.split(page)
        self._gaps = [int(number) for number in pieces[1::2]]
        used = set(self._gaps)
        self._facts = [(name, how[by]) if number in used else None for number, (name, by) in enumerate(marks.of)]
        self._fixed = [piece.encode() for piece in pieces[::2]]
        self._runs = _runs(_packed(self._fixed))

    def fill(self, fact: Callable[[str], Any]) -> list[bytes]:
        """The page in pieces, fixed and filled by turns. `fact` gives a value by name."""
        filled = [_escaped(each[1](fact(each[0]))) if each else b"" for each in self._facts]
        pieces = self._fixed[:1]
        for gap, fixed in zip(self._gaps, self._fixed[1:], strict=True):
            pieces += (filled[gap], fixed)
        return pieces

    def gzip(self, pieces: list[bytes], whole: bytes) -> bytes:
        """The filled page as gzip. The long fixed stretches were compressed once; what is filled in goes as it is."""
        out = [_GZIP_HEAD]
        for start, end, packed in self._runs:
            plain = b"".join(pieces[start:end])
            if plain:
                out += _stored(plain)
            out.append(packed)
        out.append(_END + zlib.crc32(whole).to_bytes(4, "little") + (len(whole) & 0xFFFFFFFF).to_bytes(4, "little"))
        return b"".join(out)


_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x01\x00\x00\xff\xff"


def _packed(fixed: Iterable[bytes]) -> list[bytes | None]:
    """Each long stretch as deflate blocks that end on a byte and look back at nothing before them."""
    found: list[bytes | None] = []
    for piece in fixed:
        if len(piece) < SHORT:
            found.append(None)
            continue
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        found.append(packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH))
    return found


def _runs(packed: list[bytes | None]) -> list[tuple[int, int, bytes]]:
    """Which of the pieces of a page go as they are, and what packed stretch comes after them."""
    found, start = list[tuple[int, int, bytes]](), 0
    for number, each in enumerate(packed):
        if each is not None:
            found.append((start, 2 * number, each))
            start = 2 * number + 1
    return [*found, (start, 2 * len(packed), b"")]


def _escaped(text: str) -> bytes:
    if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
        text = escape(text)
    return text.encode()


def _stored(plain: bytes) -> list[bytes]:
    """Bytes as they are, in blocks of deflate."""
    blocks = list[bytes]()
    for start in range(0, len(plain), STORED):
        piece = plain[start : start + STORED]
        blocks += (b"\x00" + len(piece).to_bytes(2, "little") + (len(piece) ^ STORED).to_bytes(2, "little"), piece)
    return blocks
