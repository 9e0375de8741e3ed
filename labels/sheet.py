"""Label sheets, rolls and press pages as PDF, streamed a few pages at a time.

What is the same on every label (lines, logo, boxes, the sample band) is one form, and a full page of it another;
beside them a page holds only the symbol, the code and the serial of each label. That part has the same length
for every label, so numpy fills a block of pages by columns. Memory does not grow with the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from labels import fonts, look, pages, pdf, qr, source
from labels.code import ALPHABET, CODE_LENGTH, show, show_serial
from labels.errors import BadSkip, HiddenCodeMissing, NothingToPrint
from labels.layout import Layout, PressLayout, with_skip
from labels.look import SAMPLE_WORD, SERIAL_WORD
from labels.template import Template
from labels.varying import Varying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from labels.layout import Box
    from labels.logo import Logo
    from labels.source import Block, Source
    from labels.template import Piece

PT_PER_MM = 72 / 25.4
CREATOR = "Tem Thật"

# Enough for numpy to work in long columns, and still only a few MB.
_LABELS_AT_ONCE = 2048
_CUT_MARK_MM = 3.0
# With fewer labels on a page than this its own parts outweigh what they share.
_WORTH_PUTTING_TOGETHER = 8
_HEAD = b"/P Do\n"


@dataclass(frozen=True, slots=True)
class LabelText:
    """What all labels of an order say beside the symbol, the most important line first."""

    lines: tuple[str, ...]


def render(
    out: BinaryIO,
    *,
    layout: Layout,
    codes: Source | Iterable[tuple[int, str]],
    host: str,
    gtin: str | None = None,
    lines: LabelText | tuple[str, ...] = (),
    logo: Logo | None = None,
    title: str,
    order: str | None = None,
    sample: bool = False,
    font_path: Path | None = None,
    skip: int = 0,
) -> int:
    """Write the sheets of these labels; the number of pages.

    `codes`: a source of labels (`Keyring.labels`, the fast way) or (serial, canonical code) pairs. `skip` positions
    of the first sheet stay empty (else the layout's own). `order`: its number, for the document's metadata. Raises
    before the first byte what is wrong with layout, sizes, text or font.
    """
    drawing = _Drawing(
        layout=layout, codes=codes, host=host, gtin=gtin, lines=lines, logo=logo, title=title, order=order,
        sample=sample, font_path=font_path, skip=skip,
    )  # fmt: skip
    out.writelines(drawing.pieces())
    return drawing.writer.pages


def stream(
    *,
    layout: Layout,
    codes: Source | Iterable[tuple[int, str]],
    host: str,
    gtin: str | None = None,
    lines: LabelText | tuple[str, ...] = (),
    logo: Logo | None = None,
    title: str,
    order: str | None = None,
    sample: bool = False,
    font_path: Path | None = None,
    skip: int = 0,
) -> Iterator[bytes]:
    """As `render`, but as pieces of bytes. What is wrong is raised by the call itself, not by the first piece."""
    drawing = _Drawing(
        layout=layout, codes=codes, host=host, gtin=gtin, lines=lines, logo=logo, title=title, order=order,
        sample=sample, font_path=font_path, skip=skip,
    )  # fmt: skip
    return drawing.pieces()


def pages_for(count: int, layout: Layout, skip: int = 0) -> int:
    """Pages that `count` labels take."""
    return -(-(count + (skip or layout.skip)) // layout.cells)


class _Kind:
    """Labels whose serials are shown in the same number of signs."""

    def __init__(self, drawing: _Drawing, shown: str) -> None:
        self._drawing, self._shown = drawing, shown
        self.template = drawing.template(shown, 0)

    @cached_property
    def pages(self) -> pages.Pages | None:
        """How whole pages of them are put together; None where they are compressed the usual way."""
        drawing = self._drawing
        if drawing.layout.cells < _WORTH_PUTTING_TOGETHER:
            return None
        templates = (drawing.template(self._shown, zeros) for zeros in range(16))
        try:
            return pages.pages(templates, _HEAD, partial(drawing.varying.fields, shown=self._shown), "symbol")
        except pages.NotAlike:
            return None

    def filled(self, block: Block, start: int) -> bytes:
        """Labels as they are written, the first at this place of its page."""
        places = np.arange(start, start + len(block)) % self._drawing.layout.cells
        return self.template.filled(places, self._drawing.varying.columns(block)).tobytes()


class _Drawing:
    def __init__(
        self,
        *,
        layout: Layout,
        codes: Source | Iterable[tuple[int, str]],
        host: str,
        gtin: str | None,
        lines: LabelText | tuple[str, ...],
        logo: Logo | None,
        title: str,
        order: str | None,
        sample: bool,
        font_path: Path | None,
        skip: int,
    ) -> None:
        if not 0 <= skip < layout.cells:
            raise BadSkip(cells=layout.cells)
        self.layout = with_skip(layout, skip) if skip else layout
        self.blank = qr.qr_text("0" * CODE_LENGTH, host=host, gtin=gtin)
        level = layout.elements.level
        self.look = look.compose(
            self.layout, modules=qr.modules_for(len(self.blank), level), sample=sample, font_path=font_path,
            lines=lines.lines if isinstance(lines, LabelText) else lines,
        )  # fmt: skip
        self.logo = logo if self.look.logo else None
        self.sample, self.title, self.order = sample, title, order
        dpi = layout.elements.dpi
        self.dot_mm = 25.4 / dpi if dpi else 0.0
        self._cut_fonts()
        self.origins = [self._origin(x, y) for x, y in self.layout.positions()]
        cells = layout.cells
        self.at_once = max(1, _LABELS_AT_ONCE // cells) * cells
        # A page begun before makes the first block shorter, so that later blocks begin with a page.
        blocks = source.aligned(source.of(codes).blocks(self.at_once), self.at_once, self.layout.skip)
        first = next(blocks, None)
        if first is None:
            raise NothingToPrint
        if self.look.scratch and first.hidden is None:
            raise HiddenCodeMissing
        self.varying = Varying(self.blank, level, hidden=bool(self.look.scratch))
        self.blocks = chain([first], blocks)
        self.count, self.least, self.most = 0, 2**62, 0
        self.writer = pdf.Writer()
        self._kinds: dict[int, _Kind] = {}

    def pieces(self) -> Iterator[bytes]:
        """The document, a few pages at a time."""
        writer, width_mm, height_mm = self.writer, *self.layout.page_mm
        wide = (writer.add_font(self.regular), writer.add_font(self.bold))
        ascii_ = (writer.add_ascii_font(self.mono), writer.add_ascii_font(self.digits))
        fonts_ = b"<</R %d 0 R/B %d 0 R/M %d 0 R/D %d 0 R>>" % (*wide, *ascii_)
        resources, logo = b"/Font" + fonts_, b""
        if self.logo and self.look.logo:
            picture, logo = self._logo(self.logo, self.look.logo)
            resources += b"/XObject<</G %d 0 R>>" % picture
        label = self._form(self._static() + logo, (self.layout.label_width_mm, self.layout.label_height_mm), resources)
        forms = b"/L %d 0 R" % label
        marks = b""
        if self.layout.cut_marks:
            forms += b"/K %d 0 R" % self._form(self._cut_marks(), (width_mm, height_mm), b"")
            marks = b"/K Do\n"
        places = [b"q 1 0 0 1 %b cm/L Do Q\n" % origin for origin in self.origins]
        whole = self._form(marks + b"".join(places), (width_mm, height_mm), b"/XObject<<%b>>" % forms)
        forms += b"/P %d 0 R" % whole
        boxes, skip = self._boxes(), self.layout.skip
        for block in self.blocks:
            for page in self._pages(block, skip, marks, places):
                writer.add_page(page, boxes)
            yield writer.take()
            skip = 0
        page_pt = (width_mm * PT_PER_MM, height_mm * PT_PER_MM)
        writer.finish(facts=self._facts(), size_pt=page_pt, resources=b"<</Font%b/XObject<<%b>>>>" % (fonts_, forms))
        yield writer.take()

    def _facts(self) -> dict[str, str]:
        first, last = show_serial(self.least), show_serial(self.most)
        subject = f"{self.count} tem, số {first}–{last}"
        if self.order:
            subject = f"Đơn {self.order}: {subject}"
        if self.sample:
            subject = f"{SAMPLE_WORD}. {subject}"
        words = [word for word in (self.order, f"{first}–{last}", self.layout.name) if word]
        return {"Title": self.title, "Subject": subject, "Keywords": ", ".join(words), "Creator": CREATOR}

    def _pages(self, block: Block, skip: int, marks: bytes, places: list[bytes]) -> Iterator[bytes]:
        """The pages of a block, compressed; the first one begins after `skip` labels."""
        self.count += len(block)
        self.least = min(self.least, int(block.serials.min()))
        self.most = max(self.most, int(block.serials.max()))
        cells, start = self.layout.cells, 0
        runs = [(*run, self._kind(block.part(*run))) for run in source.runs_of_one_length(block.serials)]
        while start < len(block):
            place = (start + skip) % cells
            stop = min(len(block), start + cells - place)
            end, kind = next((end, kind) for _, end, kind in runs if end > start)
            if place == 0 and end - start >= cells and kind.pages:
                stop = start + (end - start) // cells * cells
                yield from kind.pages.packed(self.varying.numbers(block.part(start, stop)))
            else:
                head = _HEAD if stop - start == cells else marks + b"".join(places[place : place + stop - start])
                labels = [
                    kind.filled(block.part(max(start, first), min(stop, end)), max(start, first) + skip)
                    for first, end, kind in runs
                    if first < stop and end > start
                ]
                yield pdf.packed(head + b"".join(labels))
            start = stop

    def _kind(self, block: Block) -> _Kind:
        """How labels with serials shown as these are written."""
        shown = show_serial(int(block.serials[0]))
        if len(shown) not in self._kinds:
            self._kinds[len(shown)] = _Kind(self, shown)
        return self._kinds[len(shown)]

    def template(self, shown: str, zeros: int) -> Template:
        """A label with a serial so long at every place of a page, with so many zeros more than it needs."""
        parts = self._parts(shown)
        stretch = (pages.STRETCH, b"0" * zeros)
        rows = [[("", b"q 1 0 0 1 "), ("place", place), stretch, ("", b" cm\n"), *parts] for place in self.origins]
        return Template(rows, frozenset({"symbol", "code"}))

    def _parts(self, shown: str) -> list[Piece]:
        """One label as fixed pieces and named gaps."""
        seen, side = self.look, self.look.symbol.side_mm * PT_PER_MM
        x = self._snapped(seen.symbol_x) * PT_PER_MM
        y = self._snapped(self.layout.label_height_mm - seen.symbol_y - seen.symbol.side_mm) * PT_PER_MM
        # An image mask, not rectangles: viewers that smooth edges leave hairlines between rectangles.
        # Hex, not raw bytes: no symbol can then contain what a reader takes for the end of the image.
        size = seen.modules
        place = b"%b 0 0 %b %b %b" % tuple(map(pdf.number, (side, side, x, y)))
        image = b"q %b cm BI/W %d/H %d/IM true/D[1 0]/F/AHx\nID " % (place, size, size)
        code, serial = seen.code("0" * CODE_LENGTH), seen.serial(shown)
        code_pt, serial_pt = pdf.number(code.size_pt), pdf.number(serial.size_pt)
        parts: list[Piece] = [
            ("", image),
            ("symbol", b"0" * (2 * size * ((size + 7) // 8))),
            ("", b">\nEI Q\nBT/M %b Tf %b %b Td<" % (code_pt, *self._at(code.x, code.baseline))),
            # In hex as the symbol, so that nothing in a label varies but digits.
            ("code", show("0" * CODE_LENGTH).encode().hex().upper().encode()),
            ("", b">Tj/R %b Tf %b 0 Td<%b>Tj/D %b Tf(" % (
                serial_pt, pdf.number((serial.x - code.x) * PT_PER_MM), self.regular.hex(SERIAL_WORD), serial_pt,
            )),
            ("serial", shown.encode()),
        ]  # fmt: skip
        if seen.scratch:
            digits = seen.hidden("0" * look.HIDDEN_DIGITS)
            place = b"%b %b" % (
                pdf.number((digits.x - serial.x) * PT_PER_MM), pdf.number((serial.baseline - digits.baseline) * PT_PER_MM),
            )  # fmt: skip
            parts += [
                ("", b")Tj/M %b Tf %b Td(" % (pdf.number(digits.size_pt), place)),
                ("hidden", b"0" * look.HIDDEN_DIGITS),
            ]
        return [*parts, ("", b")Tj ET\nQ\n")]

    def _cut_fonts(self) -> None:
        """The glyphs that the document needs."""
        faces = self.look.faces
        texts = {cut: "".join(word.text for word in self.look.words if word.cut == cut) for cut in ("bold", "regular")}
        self.regular = fonts.subset(faces.regular, frozenset(texts["regular"] + SERIAL_WORD))
        self.bold = fonts.subset(faces.bold, frozenset(texts["bold"] + SAMPLE_WORD))
        self.mono = fonts.subset(faces.mono, frozenset(ALPHABET + "-"))
        self.digits = fonts.subset(faces.regular, frozenset("0123456789."))

    def _static(self) -> bytes:
        """What every label repeats; origin at its lower left corner, in points."""
        parts = []
        if band := self.look.band:
            parts.append(b"%b re f" % self._rectangle(band))
        if box := self.look.scratch:
            parts.append(b"0.3 w 0.45 G %b re S" % self._rectangle(box))
        for word in self.look.words:
            name, font = (b"B", self.bold) if word.cut == "bold" else (b"R", self.regular)
            text = b"BT/%b %b Tf %b %b Td<%b>Tj ET" % (
                name, pdf.number(word.size_pt), *self._at(word.x, word.baseline), font.hex(word.text),
            )  # fmt: skip
            parts.append(b"1 g %b 0 g" % text if word.white else text)
        return b"\n".join(parts) + b"\n"

    def _logo(self, logo: Logo, box: Box) -> tuple[int, bytes]:
        """The picture's number, and how a label draws it."""
        x, y, width, height = logo.fitted(box)
        small = logo.sized(width, height)
        colour = self.layout.elements.ink == "colour"
        pixels = small.pixels if colour else small.grey()
        number = self.writer.add_image(pixels.tobytes(), width=pixels.shape[1], height=pixels.shape[0], colour=colour)
        place = (width * PT_PER_MM, height * PT_PER_MM, x * PT_PER_MM, self._up(y + height))
        return number, b"q %b 0 0 %b %b %b cm/G Do Q\n" % tuple(map(pdf.number, place))

    def _boxes(self) -> bytes:
        """Where a press page is to be cut, and how far its bleed goes."""
        if not isinstance(self.layout, PressLayout):
            return b""
        boxes = b""
        for name, inset in (
            (b"TrimBox", self.layout.around_mm),
            (b"BleedBox", self.layout.around_mm - self.layout.bleed_mm),
        ):
            edges = (inset, inset, self.layout.page_mm[0] - inset, self.layout.page_mm[1] - inset)
            boxes += b"/%b[%b %b %b %b]" % (name, *(pdf.number(edge * PT_PER_MM) for edge in edges))
        return boxes

    def _origin(self, x_mm: float, y_mm: float) -> bytes:
        """Lower left corner of the label whose top left corner is given, on the printer's dots."""
        bottom = self.layout.page_mm[1] - y_mm - self.layout.label_height_mm
        # All of one length, and with their points in the same places.
        return b"%07.3f %07.3f" % (self._snapped(x_mm) * PT_PER_MM, self._snapped(bottom) * PT_PER_MM)

    def _cut_marks(self) -> bytes:
        """Short lines at the corners of the labels.

        On sheets they lie along the edges, out of text and quiet zones; on press pages outside the bleed.
        """
        marks = [b"0.25 w 0.5 G"]
        width, height = self.layout.label_width_mm, self.layout.label_height_mm
        page_height = self.layout.page_mm[1]
        if isinstance(self.layout, PressLayout):
            bleed = self.layout.bleed_mm
            near, far = self.layout.around_mm - bleed - 1.0, self.layout.around_mm - bleed - 1.0 - _CUT_MARK_MM
            page_width = self.layout.page_mm[0]
            lines = []
            for x in (self.layout.around_mm, page_width - self.layout.around_mm):
                lines += [(x, far, x, near), (x, page_height - near, x, page_height - far)]
            for y in (self.layout.around_mm, page_height - self.layout.around_mm):
                lines += [(far, y, near, y), (page_width - near, y, page_width - far, y)]
        else:
            half = _CUT_MARK_MM / 2
            corners = {
                (round(x + dx, 3), round(page_height - y - dy, 3))
                for x, y in self.layout.positions()
                for dx in (0.0, width)
                for dy in (0.0, height)
            }
            lines = [
                line for x, y in sorted(corners) for line in ((x - half, y, x + half, y), (x, y - half, x, y + half))
            ]
        marks += [b"%b %b m %b %b l S" % tuple(pdf.number(v * PT_PER_MM) for v in line) for line in lines]
        return b"\n".join(marks) + b"\n"

    def _form(self, content: bytes, size_mm: tuple[float, float], resources: bytes) -> int:
        box = b"%b %b" % tuple(pdf.number(side * PT_PER_MM) for side in size_mm)
        return self.writer.add_stream(
            content, b"/Type/XObject/Subtype/Form/BBox[0 0 %b]/Resources<<%b>>" % (box, resources)
        )

    def _rectangle(self, box: Box) -> bytes:
        edges = (box.x * PT_PER_MM, self._up(box.y + box.height), box.width * PT_PER_MM, box.height * PT_PER_MM)
        return b"%b %b %b %b" % tuple(map(pdf.number, edges))

    def _at(self, x_mm: float, y_mm: float) -> tuple[bytes, bytes]:
        return pdf.number(x_mm * PT_PER_MM), pdf.number(self._up(y_mm))

    def _up(self, y_mm: float) -> float:
        """Points above the label's lower edge, from mm below its upper edge."""
        return (self.layout.label_height_mm - y_mm) * PT_PER_MM

    def _snapped(self, mm: float) -> float:
        return round(mm / self.dot_mm) * self.dot_mm if self.dot_mm else mm
