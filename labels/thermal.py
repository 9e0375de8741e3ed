"""Labels as ZPL for thermal roll printers, one to four across.

What all labels repeat is sent once as a picture (~DG) and recalled on each: built-in fonts lack Vietnamese letters,
and a label must not depend on what somebody loaded into a printer. Symbol, code and serial follow in one of two ways:
`native`, where the printer draws them itself (^BQ, its own font for A-Z and digits: short, and modules are exact dots),
or as graphics (^GFA), for printers and emulations that lack ^BQ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from labels import look, qr, raster, source
from labels.code import ALPHABET, CODE_LENGTH, show_serial
from labels.errors import BadSkip, HiddenCodeMissing, NothingToPrint
from labels.layout import with_skip
from labels.template import Template, hexed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from labels.image import Label
    from labels.layout import RollLayout
    from labels.logo import Logo
    from labels.look import Look, Words
    from labels.source import Block, Source
    from labels.template import Piece

# Zebra firmware draws a ^BQ symbol this many dots below the place that ^FO names.
_BQ_DROP_DOTS = 10
_OFFSET_DPI = 600
_LABELS_AT_ONCE = 256
_CELL_SIGNS = ALPHABET + "-."


def zpl(label: Label, *, font_path: Path | None = None) -> bytes:
    """One label alone, as ^XA … ^XZ: its symbol by ^BQ, all else as one picture."""
    seen, words = label.composed(font_path)
    dpi = label.layout.elements.dpi or _OFFSET_DPI
    picture = raster.painted(seen, dpi=dpi, mode="1", logo=label.logo, words=words)
    rows = np.packbits(~np.asarray(picture), axis=1)
    x, y = _symbol_place(seen, dpi)
    return (
        f"^XA^PW{picture.width}^LL{picture.height}^LH0,0\n"
        f"^FO0,0^GFA,{rows.size},{rows.size},{rows.shape[1]},{rows.tobytes().hex().upper()}^FS\n"
        f"^FO{x},{max(0, y - _BQ_DROP_DOTS)}{_bq(seen, dpi)}{label.text}^FS\n^XZ\n"
    ).encode("ascii")


def stream(
    *,
    layout: RollLayout,
    labels: Source | Iterable[tuple[int, str]],
    host: str,
    gtin: str | None = None,
    lines: tuple[str, ...] = (),
    logo: Logo | None = None,
    sample: bool = False,
    native: bool = True,
    font_path: Path | None = None,
    skip: int = 0,
) -> Iterator[bytes]:
    """A roll's commands in pieces. What is wrong is raised by the call itself, not by the first piece."""
    roll = _Roll(
        layout=layout, labels=labels, host=host, gtin=gtin, lines=lines, logo=logo, sample=sample, native=native,
        font_path=font_path, skip=skip,
    )  # fmt: skip
    return roll.pieces()


class _Roll:
    def __init__(
        self,
        *,
        layout: RollLayout,
        labels: Source | Iterable[tuple[int, str]],
        host: str,
        gtin: str | None,
        lines: tuple[str, ...],
        logo: Logo | None,
        sample: bool,
        native: bool,
        font_path: Path | None,
        skip: int,
    ) -> None:
        if not 0 <= skip < layout.cells:
            raise BadSkip(cells=layout.cells)
        self.layout = with_skip(layout, skip) if skip else layout
        self.blank = qr.qr_text("0" * CODE_LENGTH, host=host, gtin=gtin)
        modules = qr.modules_for(len(self.blank), layout.elements.level)
        self.seen = look.compose(self.layout, modules=modules, lines=lines, sample=sample, font_path=font_path)
        self.dpi, self.native = layout.elements.dpi or _OFFSET_DPI, native
        self.scale = _scale(self.seen, self.dpi)
        self.dots = self.dpi / raster.MM_PER_INCH
        self.logo = logo
        self.at_once = _LABELS_AT_ONCE // layout.cells * layout.cells
        blocks = source.aligned(source.of(labels).blocks(self.at_once), self.at_once, self.layout.skip)
        self.first = next(blocks, None)
        if self.first is None:
            raise NothingToPrint
        if self.seen.scratch and self.first.hidden is None:
            raise HiddenCodeMissing
        self.rest = blocks
        self._templates: dict[int, Template] = {}
        # Eight modules of a symbol as dots: a byte becomes as many bytes as a module has dots.
        every = np.arange(256, dtype=np.uint8)[:, np.newaxis]
        self._widened = np.packbits(np.repeat(np.unpackbits(every, axis=1), self.scale, axis=1), axis=1)
        self._shifted: dict[tuple[str, float, int], NDArray[np.uint8]] = {}
        self._cells: dict[tuple[str, float], NDArray[np.bool_]] = {}

    def pieces(self) -> Iterator[bytes]:
        """The commands, about a thousand labels at a time."""
        yield _download("TEM", raster.painted(self.seen, dpi=self.dpi, mode="1", logo=self.logo)) + _download(
            "SO", self._serial_word()
        )
        width, height = (round(side * self.dots) for side in self.layout.page_mm)
        head, tail = f"^XA^PW{width}^LL{height}^LH0,0\n".encode("ascii"), b"^XZ\n"
        block, skip, cells = self.first, self.layout.skip, self.layout.cells
        while block is not None:
            filled = self._filled(block, skip)
            parts = []
            for end in range(cells - skip, len(block) + cells, cells):
                start, stop = max(0, end - cells), min(end, len(block))
                if start < stop:
                    parts += [
                        head,
                        *(rows[max(0, start - at) : max(0, stop - at)].tobytes() for at, rows in filled),
                        tail,
                    ]
            yield b"".join(parts)
            block, skip = next(self.rest, None), 0

    def _filled(self, block: Block, skip: int) -> list[tuple[int, NDArray[np.uint8]]]:
        runs = []
        for start, stop in source.runs_of_one_length(block.serials):
            part = block.part(start, stop)
            shown, codes = source.shown_serials(part.serials), source.shown_codes(part.codes)
            columns = {"code": codes, "serial": shown}
            if part.hidden is not None and self.seen.scratch:
                columns["hidden"] = part.hidden
            if self.native:
                columns["symbol"] = part.codes
            else:
                words = self._own_words(show_serial(int(part.serials[0])))
                columns = {name: self._drawn(signs, words[name]) for name, signs in columns.items()}
                columns["symbol"] = self._symbols(part.codes)
            places = np.arange(start + skip, stop + skip) % self.layout.cells
            runs.append((start, self._template(shown.shape[1], int(part.serials[0])).filled(places, columns)))
        return runs

    def _own_words(self, shown: str) -> dict[str, Words]:
        """The three texts that differ from label to label."""
        words = {"code": self.seen.code("0" * CODE_LENGTH), "serial": self.seen.serial(shown)}
        if self.seen.scratch:
            words["hidden"] = self.seen.hidden("0" * look.HIDDEN_DIGITS)
        return words

    def _template(self, length: int, serial: int) -> Template:
        found = self._templates.get(length)
        if found is None:
            words = self._own_words(show_serial(serial))
            found = Template([self._row(x_mm, words) for x_mm, _ in self.layout.positions()])
            self._templates[length] = found
        return found

    def _row(self, x_mm: float, words: dict[str, Words]) -> list[Piece]:
        """One label of the roll as fixed pieces and gaps. Numbers have leading zeros, so that places are alike."""
        left = round(x_mm * self.dots)
        x, y = _symbol_place(self.seen, self.dpi)
        # A serial longer by a digit begins further left, and its word with it.
        serial = words["serial"]
        top = round(serial.baseline * self.dots) - self._ascent(serial)
        before = b"^FO%05d,%05d^XGR:SO.GRF,1,1^FS" % (left + round(serial.x * self.dots), top)
        parts: list[Piece] = [("", b"^FO%05d,0^XGR:TEM.GRF,1,1^FS" % left + before)]
        if self.native:
            place = b"^FO%05d,%05d" % (left + x, max(0, y - _BQ_DROP_DOTS))
            address = self.blank[:-CODE_LENGTH].encode("ascii")
            parts += [
                ("", place + _bq(self.seen, self.dpi).encode("ascii") + address), ("symbol", b"0" * CODE_LENGTH), ("", b"^FS")
            ]  # fmt: skip
            for name, word in words.items():
                parts += self._native_text(name, word, left)
        else:
            drawn = self._symbols(np.full((1, CODE_LENGTH), ord("0"), np.uint8)).tobytes()
            wide = -(-self.seen.modules * self.scale // 8)
            total = wide * self.seen.modules * self.scale
            parts += [
                ("", b"^FO%05d,%05d^GFA,%d,%d,%d," % (left + x, y, total, total, wide)),
                ("symbol", drawn),
                ("", b"^FS"),
            ]
            for name, word in words.items():
                own = word.text.removeprefix(look.SERIAL_WORD)
                drawn = self._drawn(np.frombuffer(own.encode("ascii"), np.uint8)[np.newaxis], word).tobytes()
                column = round(self._own_x(word) * self.dots) + left
                top = round(word.baseline * self.dots) - self._ascent(word)
                total = len(drawn) // 2
                wide = total // self._height(word)
                parts += [
                    ("", b"^FO%05d,%05d^GFA,%d,%d,%d," % (column, top, total, total, wide)),
                    (name, drawn),
                    ("", b"^FS"),
                ]
        return [*parts, ("", b"\n")]

    def _serial_word(self) -> Image.Image:
        """The word before the serial."""
        word = self.seen.serial("")
        width = self.seen.faces.regular.width(look.SERIAL_WORD) * word.size_pt * self.dpi / 72
        picture = Image.new("1", (round(width), self._height(word)), 1)
        pen = ImageDraw.Draw(picture)
        pen.fontmode = "1"
        font = raster.type_at(self.seen.faces.regular.path, word.size_pt * self.dpi / 72)
        pen.text((0, self._ascent(word)), look.SERIAL_WORD, 0, font, anchor="ls")
        return picture

    def _native_text(self, name: str, word: Words, left: int) -> list[Piece]:
        """A text in the printer's font 0, with its baseline where ours would be."""
        own = word.text.removeprefix(look.SERIAL_WORD)
        height = round(word.size_pt * self.dpi / 72)
        # Without ^FB the serial would begin, not end, at its place; its own left end is known well enough.
        place = b"^FT%05d,%05d^A0N,%d,%d^FD" % (
            left + round(self._own_x(word) * self.dots), round(word.baseline * self.dots), height, height,
        )  # fmt: skip
        return [("", place), (name, own.encode("ascii")), ("", b"^FS")]

    def _own_x(self, word: Words) -> float:
        """Where the part that differs begins: after the word for a serial."""
        if not word.text.startswith(look.SERIAL_WORD):
            return word.x
        return word.x + self.seen.faces.regular.width(look.SERIAL_WORD) * word.size_pt * look.MM_PER_PT

    def _symbols(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(count, bytes) of ^GFA data: each row of modules once, then ":" for each further row of dots like it."""
        count, size = len(codes), self.seen.modules
        packed = qr.tails(self.blank, codes, self.layout.elements.level)
        digits = hexed(self._widened[packed].reshape(count * size, -1)[:, : -(-size * self.scale // 8)])
        rows = np.full((count * size, digits.shape[1] + self.scale - 1), ord(":"), np.uint8)
        rows[:, : digits.shape[1]] = digits
        return rows.reshape(count, -1)

    def _drawn(self, signs: NDArray[np.uint8], word: Words) -> NDArray[np.uint8]:
        """(count, length) ASCII as (count, bytes) of ^GFA data, sign by sign from painted cells."""
        count, length = signs.shape
        advance = self._painted_cells(word).shape[2]
        drawn = np.zeros((count, self._height(word), -(-length * advance // 8)), np.uint8)
        at = 0
        for column in range(length):
            cells = self._shifted_cells(word, at % 8)[signs[:, column]]
            first = at // 8
            room = drawn.shape[2] - first
            drawn[:, :, first : first + cells.shape[2]] |= cells[:, :, :room]
            dot = word.cut == "regular" and signs[0, column] == ord(".")
            at += self._dot_advance(word) if dot else advance
        return hexed(drawn.reshape(count, -1))

    def _shifted_cells(self, word: Words, bits: int) -> NDArray[np.uint8]:
        """The painted cells as whole bytes, each beginning `bits` dots from a byte's left."""
        key = (word.cut, word.size_pt, bits)
        found = self._shifted.get(key)
        if found is None:
            found = np.packbits(np.pad(self._painted_cells(word), ((0, 0), (0, 0), (bits, 0))), axis=2)
            self._shifted[key] = found
        return found

    def _painted_cells(self, word: Words) -> NDArray[np.bool_]:
        """(128, height, width): each sign that a code or serial can have, dark where it prints."""
        key = (word.cut, word.size_pt)
        found = self._cells.get(key)
        if found is None:
            face = look.face_of(self.seen.faces, word.cut)
            font = raster.type_at(face.path, word.size_pt * self.dpi / 72)
            width = round(face.width("0") * word.size_pt * self.dpi / 72)
            found = np.zeros((128, self._height(word), width), np.bool_)
            for sign in _CELL_SIGNS:
                picture = Image.new("1", (width, self._height(word)), 1)
                pen = ImageDraw.Draw(picture)
                pen.fontmode = "1"
                pen.text((0, self._ascent(word)), sign, 0, font, anchor="ls")
                found[ord(sign)] = ~np.asarray(picture)
            self._cells[key] = found
        return found

    def _ascent(self, word: Words) -> int:
        return round(0.95 * word.size_pt * self.dpi / 72)

    def _height(self, word: Words) -> int:
        return self._ascent(word) + round(0.2 * word.size_pt * self.dpi / 72)

    def _dot_advance(self, word: Words) -> int:
        return round(self.seen.faces.regular.width(".") * word.size_pt * self.dpi / 72)


def _download(name: str, picture: Image.Image) -> bytes:
    """A picture for the printer to keep until it is switched off."""
    rows = np.packbits(~np.asarray(picture), axis=1)
    return f"~DGR:{name}.GRF,{rows.size},{rows.shape[1]},{rows.tobytes().hex().upper()}\n".encode("ascii")


def _scale(seen: Look, dpi: int) -> int:
    """Dots to a module."""
    return seen.symbol.dots or int(seen.symbol.module_mm * dpi / raster.MM_PER_INCH + 1e-6)


def _symbol_place(seen: Look, dpi: int) -> tuple[int, int]:
    dots = dpi / raster.MM_PER_INCH
    return round(seen.symbol_x * dots), round(seen.symbol_y * dots)


def _bq(seen: Look, dpi: int) -> str:
    """^FD of ^BQ: error correction level, manual input, A for alphanumeric mode."""
    return f"^BQN,2,{_scale(seen, dpi)}^FD{seen.layout.elements.level}M,A"
