"""Label sheets and rolls as PDF, streamed page by page.

What is the same on every label (the lines, the word "Số", the sample band) is one form, drawn at each position;
beside it a page holds only the symbol, the code and the serial of each label. Memory does not grow with the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from labels import fonts, pdf, qr
from labels.code import ALPHABET, CODE_LENGTH, show, show_serial
from labels.errors import BadSkip, CodeDoesNotFit, NothingToPrint
from labels.layout import Layout, inside, with_skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SERIAL_WORD = "Số "
SAMPLE_WORD = "TEM MẪU"
PT_PER_MM = 72 / 25.4
PRINTER_DPI = 300
"""Whole dots at 300 dpi are whole dots at 600 and 1200 too."""

_PAGES_AT_ONCE = 16
_SMALLEST_CODE_PT = 5.0
_LARGEST_CODE_PT = 10.0
_SERIAL_TO_CODE = 0.88
# The serial stands at the right; the space before it takes up what serials above 999.999.999 need more.
_WIDEST_SERIAL = "999.999.999"
_GAP_EM = 1.0
_CAPITALS_EM = 0.66
_BAND_PT = 8.0
_CUT_MARK_MM = 3.0


@dataclass(frozen=True, slots=True)
class LabelText:
    """What all labels of an order say beside the symbol, the most important line first."""

    lines: tuple[str, ...]


def render(
    out: BinaryIO,
    *,
    layout: Layout,
    codes: Iterable[tuple[int, str]],
    host: str,
    gtin: str | None = None,
    lines: LabelText | tuple[str, ...] = (),
    title: str,
    sample: bool = False,
    font_path: Path | None = None,
    skip: int = 0,
    dpi: int | None = PRINTER_DPI,
) -> int:
    """Write the sheets of these (serial, canonical code) labels; the number of pages.

    `skip` positions of the first sheet stay empty (else the layout's own). Raises before the first byte what is
    wrong with layout, sizes, text or font.
    """
    drawing = _Drawing(
        layout=layout, codes=codes, host=host, gtin=gtin, lines=_lines(lines), title=title, sample=sample,
        font_path=font_path, skip=skip, dpi=dpi,
    )  # fmt: skip
    out.writelines(drawing.pieces())
    return drawing.writer.pages


def stream(
    *,
    layout: Layout,
    codes: Iterable[tuple[int, str]],
    host: str,
    gtin: str | None = None,
    lines: LabelText | tuple[str, ...] = (),
    title: str,
    sample: bool = False,
    font_path: Path | None = None,
    skip: int = 0,
    dpi: int | None = PRINTER_DPI,
) -> Iterator[bytes]:
    """As `render`, but as pieces of bytes. What is wrong is raised by the call itself, not by the first piece."""
    drawing = _Drawing(
        layout=layout, codes=codes, host=host, gtin=gtin, lines=_lines(lines), title=title, sample=sample,
        font_path=font_path, skip=skip, dpi=dpi,
    )  # fmt: skip
    return drawing.pieces()


def pages_for(count: int, layout: Layout, skip: int = 0) -> int:
    """Pages that `count` labels take."""
    return -(-(count + (skip or layout.skip)) // layout.cells)


def _lines(lines: LabelText | tuple[str, ...]) -> tuple[str, ...]:
    return fonts.tidy(lines.lines if isinstance(lines, LabelText) else lines)


class _Drawing:
    def __init__(
        self,
        *,
        layout: Layout,
        codes: Iterable[tuple[int, str]],
        host: str,
        gtin: str | None,
        lines: tuple[str, ...],
        title: str,
        sample: bool,
        font_path: Path | None,
        skip: int,
        dpi: int | None,
    ) -> None:
        if not 0 <= skip < layout.cells:
            raise BadSkip(cells=layout.cells)
        self.layout = with_skip(layout, skip) if skip else layout
        self.layout.validate()
        self.inside = inside(self.layout)
        blank = qr.qr_text("0" * CODE_LENGTH, host=host, gtin=gtin)
        self.before_code = blank[:-CODE_LENGTH]
        self.symbols = qr.Batch(blank, range(len(self.before_code), len(blank)))
        self.symbol = qr.printed_size(self.symbols.modules, size_mm=self.inside.qr_mm, dpi=dpi)
        self.dot_mm = 25.4 / dpi if dpi else 0.0
        self.title = title
        self._choose_type(lines, font_path, sample=sample)
        self.codes = iter(codes)
        first = next(self.codes, None)
        if first is None:
            raise NothingToPrint
        self.codes = chain([first], self.codes)
        self.writer = pdf.Writer()

    def pieces(self) -> Iterator[bytes]:
        """The document, a few pages at a time."""
        writer, width_mm, height_mm = self.writer, *self.layout.page_mm
        fonts_ = b"<</R %d 0 R/B %d 0 R/M %d 0 R>>" % tuple(
            writer.add_font(font) for font in (self.regular, self.bold, self.mono)
        )
        label = self._form(self._static(), (self.layout.label_width_mm, self.layout.label_height_mm), b"/Font" + fonts_)
        forms = b"/L %d 0 R" % label
        page_head = b""
        if self.layout.cut_marks:
            forms += b"/K %d 0 R" % self._form(self._cut_marks(), (width_mm, height_mm), b"")
            page_head = b"/K Do\n"
        cells, fill = self.layout.cells, self._template()
        origins = [self._origin(x, y) for x, y in self.layout.positions()]
        serial_x = {size: self._serial_x("0" * size) for size in range(7, 14)}
        skip = self.layout.skip
        while batch := list(islice(self.codes, cells * _PAGES_AT_ONCE - skip)):
            signs = qr.as_signs([self.before_code + code for _, code in batch])
            hexed = self.symbols.draw(signs).tobytes().hex().encode()
            step = len(hexed) // len(batch)
            drawn = []
            for at, (serial, code) in enumerate(batch):
                shown = show_serial(serial)
                drawn.append(
                    fill % (
                        origins[(at + skip) % cells],
                        hexed[at * step : (at + 1) * step],
                        self.mono.hex(show(code)),
                        serial_x.get(len(shown)) or self._serial_x(shown),
                        self.regular.hex(shown),
                    )
                )  # fmt: skip
            ends = range(cells - skip, len(batch) + cells, cells)
            for end in ends:
                if page := drawn[max(0, end - cells) : end]:
                    writer.add_page(page_head + b"".join(page))
            skip = 0
            yield writer.take()
        page_pt = (width_mm * PT_PER_MM, height_mm * PT_PER_MM)
        writer.finish(title=self.title, size_pt=page_pt, resources=b"<</Font%b/XObject<<%b>>>>" % (fonts_, forms))
        yield writer.take()

    def _choose_type(self, lines: tuple[str, ...], font_path: Path | None, *, sample: bool) -> None:
        """Sizes and places of all text, and the glyphs that it needs."""
        faces, part = fonts.load(font_path), self.inside
        for at, line in enumerate(lines):
            (faces.bold if at == 0 else faces.regular).require(line)
        self.sample = sample
        self.band_pt = _BAND_PT * 1.5 if sample else 0.0
        self.rows = fonts.typeset(
            lines,
            faces,
            width_pt=part.text_width * PT_PER_MM,
            height_pt=part.text_height * PT_PER_MM - self.band_pt * 1.2,
        )
        # The code begins under the symbol's first dark column, where the eye expects it.
        self.code_x = part.qr_x + self.symbol.quiet_mm
        room = (part.right - self.code_x) * PT_PER_MM
        self.serial_em = faces.regular.width(SERIAL_WORD)
        self.digit_em, self.dot_em = faces.regular.width("0"), faces.regular.width(".")
        code_em = faces.mono.width(show("0" * CODE_LENGTH))
        wide = code_em + _GAP_EM + _SERIAL_TO_CODE * faces.regular.width(SERIAL_WORD + _WIDEST_SERIAL)
        self.code_pt = min(_LARGEST_CODE_PT, part.foot_height * PT_PER_MM, room / wide)
        if self.code_pt < _SMALLEST_CODE_PT:
            raise CodeDoesNotFit(over_mm=round((_SMALLEST_CODE_PT * wide - room) / PT_PER_MM, 1))
        self.serial_pt = self.code_pt * _SERIAL_TO_CODE
        self.foot_pt = self._up(part.foot_y + part.foot_height / 2) - self.code_pt * _CAPITALS_EM / 2
        self.sample_em = faces.bold.width(SAMPLE_WORD)
        texts = {bold: "".join(row.text for row in self.rows if row.bold is bold) for bold in (True, False)}
        self.regular = fonts.Subset(faces.regular, texts[False] + SERIAL_WORD + "0123456789.")
        self.bold = fonts.Subset(faces.bold, texts[True] + SAMPLE_WORD)
        self.mono = fonts.Subset(faces.mono, ALPHABET + "-")

    def _static(self) -> bytes:
        """What every label repeats; origin at its lower left corner, in points."""
        part, parts = self.inside, []
        left, top = part.text_x * PT_PER_MM, self._up(part.text_y)
        if self.sample:
            width = part.text_width * PT_PER_MM
            size = min(_BAND_PT, 0.9 * width / self.sample_em)
            bottom = top - self.band_pt
            centre = left + (width - size * self.sample_em) / 2
            parts.append(b"%b %b %b %b re f" % tuple(map(pdf.number, (left, bottom, width, self.band_pt))))
            # Ẫ rises 0.93 em: the baseline stands low in the band so that its marks stay inside.
            parts.append(b"1 g")
            parts.append(
                _text(b"B", size, centre, bottom + (self.band_pt - 0.93 * size) / 2, self.bold.hex(SAMPLE_WORD))
            )
            parts.append(b"0 g")
            top = bottom - self.band_pt * 0.2
        for row in self.rows:
            name, font = (b"B", self.bold) if row.bold else (b"R", self.regular)
            parts.append(_text(name, row.size_pt, left, top - row.baseline_pt, font.hex(row.text)))
        return b"\n".join(parts)

    def _template(self) -> bytes:
        """One label with five gaps: origin, symbol in hex, code, place of the serial, serial."""
        side, size = self.symbol.side_mm * PT_PER_MM, self.symbols.modules
        x = self._snapped(self.inside.qr_x + self.symbol.quiet_mm) * PT_PER_MM
        bottom_mm = self.layout.label_height_mm - self.inside.qr_y - self.symbol.quiet_mm - self.symbol.side_mm
        y = self._snapped(bottom_mm) * PT_PER_MM
        # An image mask, not rectangles: viewers that smooth edges leave hairlines between rectangles.
        # Hex, not raw bytes: no symbol can then contain what a reader takes for the end of the image.
        place = b"%b 0 0 %b %b %b" % tuple(map(pdf.number, (side, side, x, y)))
        image = b"q %b cm BI/W %d/H %d/IM true/D[1 0]/F/AHx\nID %%b>\nEI Q\n" % (place, size, size)
        code = b"BT/M %b Tf %b %b Td<%%b>Tj ET\n" % tuple(
            map(pdf.number, (self.code_pt, self.code_x * PT_PER_MM, self.foot_pt))
        )
        serial = b"BT/R %b Tf %%b %b Td<%b%%b>Tj ET\n" % (
            pdf.number(self.serial_pt), pdf.number(self.foot_pt), self.regular.hex(SERIAL_WORD),
        )  # fmt: skip
        return b"q 1 0 0 1 %b cm/L Do\n" + image + code + serial + b"Q\n"

    def _serial_x(self, shown: str) -> bytes:
        """Where a serial of this length begins so that it ends at the label's right inset."""
        dots = (len(shown) - 1) // 4
        em = self.serial_em + (len(shown) - dots) * self.digit_em + dots * self.dot_em
        right = (self.inside.right) * PT_PER_MM
        return pdf.number(right - em * self.serial_pt)

    def _origin(self, x_mm: float, y_mm: float) -> bytes:
        """Lower left corner of the label whose top left corner is given, on the printer's dots."""
        bottom = self.layout.page_mm[1] - y_mm - self.layout.label_height_mm
        return b"%b %b" % (
            pdf.number(self._snapped(x_mm) * PT_PER_MM), pdf.number(self._snapped(bottom) * PT_PER_MM)
        )  # fmt: skip

    def _cut_marks(self) -> bytes:
        """Short lines along the edges of the labels at their corners: they stay out of text and quiet zones."""
        marks = [b"0.25 w 0.5 G"]
        width, height = self.layout.label_width_mm, self.layout.label_height_mm
        page_height = self.layout.page_mm[1]
        half = _CUT_MARK_MM / 2
        corners = {
            (round(x + dx, 3), round(y + dy, 3))
            for x, y in self.layout.positions()
            for dx in (0.0, width)
            for dy in (0.0, height)
        }
        for x, y in sorted(corners):
            up = page_height - y
            for x1, y1, x2, y2 in ((x - half, up, x + half, up), (x, up - half, x, up + half)):
                marks.append(b"%b %b m %b %b l S" % tuple(pdf.number(v * PT_PER_MM) for v in (x1, y1, x2, y2)))
        return b"\n".join(marks)

    def _form(self, content: bytes, size_mm: tuple[float, float], resources: bytes) -> int:
        box = b"%b %b" % tuple(pdf.number(side * PT_PER_MM) for side in size_mm)
        return self.writer.add_stream(
            content, b"/Type/XObject/Subtype/Form/BBox[0 0 %b]/Resources<<%b>>" % (box, resources)
        )

    def _up(self, y_mm: float) -> float:
        """Points above the label's lower edge, from mm below its upper edge."""
        return (self.layout.label_height_mm - y_mm) * PT_PER_MM

    def _snapped(self, mm: float) -> float:
        return round(mm / self.dot_mm) * self.dot_mm if self.dot_mm else mm


def _text(font: bytes, size: float, x: float, y: float, glyphs: bytes) -> bytes:
    return b"BT/%b %b Tf %b %b Td<%b>Tj ET" % (font, *map(pdf.number, (size, x, y)), glyphs)
