"""A symbol or a whole label as PNG or SVG, a symbol as PDF: for web shops, designers, cartons and previews."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont
from PIL import Image

from labels import look, raster
from labels.code import show, show_serial
from labels.errors import HiddenCodeMissing
from labels.pdf import Writer, number, packed
from labels.qr import QUIET_MODULES, Level, matrix, modules_for, printed_size, qr_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from labels.layout import Box, Layout
    from labels.logo import Logo
    from labels.look import Look, Words

PIXELS_PER_MODULE = 12
# What a press takes; the pictures of layouts for offset are drawn at this.
_OFFSET_DPI = 600


@dataclass(frozen=True, slots=True)
class Label:
    """One label of an order, with all that stands on it."""

    serial: int
    code: str
    layout: Layout
    host: str
    gtin: str | None = None
    lines: tuple[str, ...] = ()
    logo: Logo | None = None
    hidden: str | None = None
    """Six digits, for layouts with a scratch box."""
    sample: bool = False

    @property
    def text(self) -> str:
        """What its symbol says."""
        return qr_text(self.code, host=self.host, gtin=self.gtin)

    def composed(self, font_path: Path | None = None) -> tuple[Look, tuple[Words, ...]]:
        """Where everything stands, and the words that are this label's own."""
        modules = modules_for(len(self.text), self.layout.elements.level)
        seen = look.compose(self.layout, modules=modules, lines=self.lines, sample=self.sample, font_path=font_path)
        words = [seen.code(self.code), seen.serial(show_serial(self.serial))]
        if seen.scratch:
            if self.hidden is None:
                raise HiddenCodeMissing
            words.append(seen.hidden(self.hidden))
        return seen, tuple(words)


def label_png(label: Label, *, font_path: Path | None = None) -> bytes:
    """The whole label at its printer's resolution (offset: 600 dpi), in grey unless a coloured logo stands on it."""
    seen, words = label.composed(font_path)
    dpi = label.layout.elements.dpi or _OFFSET_DPI
    colour = label.logo is not None and seen.logo is not None and label.layout.elements.ink == "colour"
    picture = raster.painted(seen, dpi=dpi, mode="RGB" if colour else "L", logo=label.logo, words=words)
    scale = int(seen.symbol.module_mm * dpi / raster.MM_PER_INCH + 1e-6)
    dark = np.repeat(np.repeat(matrix(label.text, level=label.layout.elements.level), scale, axis=0), scale, axis=1)
    # In the middle of the square, so that what rounding takes from the symbol goes to its quiet zone on all sides.
    spare = (seen.part.qr_mm * dpi / raster.MM_PER_INCH - len(dark)) / 2
    place = (
        round(seen.part.qr_x * dpi / raster.MM_PER_INCH + spare),
        round(seen.part.qr_y * dpi / raster.MM_PER_INCH + spare),
    )
    picture.paste(Image.fromarray(np.where(dark, 0, 255).astype(np.uint8)), place)
    out = io.BytesIO()
    picture.save(out, "PNG", dpi=(dpi, dpi), optimize=True)
    return out.getvalue()


def label_svg(label: Label, *, font_path: Path | None = None) -> bytes:
    """The whole label, one unit a millimetre; text as outlines, so that it looks the same without our font."""
    seen, words = label.composed(font_path)
    modules = matrix(label.text, level=label.layout.elements.level)
    width, height = label.layout.label_width_mm, label.layout.label_height_mm
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm"'
        f' viewBox="0 0 {width:g} {height:g}"><title>{show(label.code)}</title>'
        f'<path fill="#fff" d="M0 0h{width:g}v{height:g}H0z"/>'
    ]
    if label.logo and seen.logo:
        parts.append(_picture(label.logo, seen.logo, colour=label.layout.elements.ink == "colour"))
    if box := seen.band:
        parts.append(f'<path d="M{box.x:.3f} {box.y:.3f}h{box.width:.3f}v{box.height:.3f}h{-box.width:.3f}z"/>')
    if box := seen.scratch:
        parts.append(
            f'<path fill="none" stroke="#777" stroke-width=".1" d="M{box.x:.3f} {box.y:.3f}h{box.width:.3f}'
            f'v{box.height:.3f}h{-box.width:.3f}z"/>'
        )
    side = seen.symbol.module_mm
    parts.append(
        f'<path shape-rendering="crispEdges" transform="translate({seen.symbol_x:.4f} {seen.symbol_y:.4f})'
        f' scale({side:.6f})" d="{_dark(modules)}"/>'
    )
    parts += [_outlined(seen, word) for word in (*seen.words, *words)]
    return ("".join(parts) + "</svg>\n").encode()


def png(text: str, *, level: Level = "M", scale: int = PIXELS_PER_MODULE) -> bytes:
    """The symbol alone with its quiet zone: 1-bit PNG, `scale` pixels to a module."""
    light = ~np.pad(matrix(text, level=level), QUIET_MODULES)
    pixels = np.repeat(np.repeat(light, scale, axis=0), scale, axis=1)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255).convert("1").save(out, "PNG", optimize=True)
    return out.getvalue()


def svg(text: str, *, level: Level = "M", size_mm: float | None = None) -> bytes:
    """The symbol alone, one path, a module one unit; `size_mm` is the printed side with quiet zone (else it scales).

    Raises TooSmall when that side makes the modules too small to scan.
    """
    modules = matrix(text, level=level)
    across = len(modules) + 2 * QUIET_MODULES
    if size_mm is not None:
        printed_size(len(modules), size_mm=size_mm)
    side = "" if size_mm is None else f' width="{size_mm:g}mm" height="{size_mm:g}mm"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{side} viewBox="0 0 {across} {across}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{across}v{across}H0z"/><path d="{_dark(modules, QUIET_MODULES)}"/></svg>\n'
    ).encode()


def pdf(text: str, *, level: Level = "M", size_mm: float) -> bytes:
    """The symbol alone with its quiet zone on a page of its own size; raises TooSmall as `svg` does."""
    modules = matrix(text, level=level)
    across = len(modules) + 2 * QUIET_MODULES
    printed_size(len(modules), size_mm=size_mm)
    side = size_mm / look.MM_PER_PT
    runs = b"".join(
        b"%d %d %d 1 re " % (start + QUIET_MODULES, across - QUIET_MODULES - row - 1, stop - start)
        for row, cells in enumerate(modules)
        for start, stop in _runs(cells)
    )
    scale = number(side / across)
    out = Writer()
    out.add_page(packed(b"%b 0 0 %b 0 0 cm 0 g %bf" % (scale, scale, runs)))
    out.finish(facts={"Title": text}, size_pt=(side, side), resources=b"<<>>")
    return out.take()


def _dark(modules: NDArray[np.bool_], inset: int = 0) -> str:
    """A path around each run of dark modules of a row."""
    return "".join(
        f"M{start + inset} {row + inset}h{stop - start}v1H{start + inset}z"
        for row, cells in enumerate(modules)
        for start, stop in _runs(cells)
    )


def _runs(cells: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """(start, stop) of each run of dark modules in a row."""
    edges = np.diff(np.pad(cells, 1).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def _picture(logo: Logo, box: Box, *, colour: bool) -> str:
    x, y, width, height = logo.fitted(box)
    small, out = logo.sized(width, height), io.BytesIO()
    Image.fromarray(small.pixels if colour else small.grey()).save(out, "PNG", optimize=True)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<image x="{x:.3f}" y="{y:.3f}" width="{width:.3f}" height="{height:.3f}" href="data:image/png;base64,{data}"/>'


def _outlined(seen: Look, word: Words) -> str:
    """A piece of text as the outlines of its glyphs."""
    face = look.face_of(seen.faces, word.cut)
    outlines, units = _outlines(face.path)
    scale, at, glyphs = word.size_pt * look.MM_PER_PT / units, 0.0, []
    for sign in word.text:
        if path := outlines[sign]:
            glyphs.append(f'<path transform="translate({at:g} 0)" d="{path}"/>')
        at += round(face.width(sign) * units)
    fill = ' fill="#fff"' if word.white else ""
    return (
        f'<g{fill} transform="translate({word.x:.3f} {word.baseline:.3f}) scale({scale:.8f} {-scale:.8f})">'
        f"{''.join(glyphs)}</g>"
    )


class _Outlines(dict[str, str]):
    """The outline of a sign as SVG path data in font units, drawn when first asked for."""

    def __init__(self, font: TTFont) -> None:
        super().__init__()
        self._glyphs, self._names = font.getGlyphSet(), font.getBestCmap()

    def __missing__(self, sign: str) -> str:
        pen = SVGPathPen(self._glyphs)
        self._glyphs[self._names[ord(sign)]].draw(pen)
        self[sign] = pen.getCommands()
        return self[sign]


@lru_cache(maxsize=8)
def _outlines(path: Path) -> tuple[_Outlines, int]:
    font = TTFont(path, lazy=False)
    return _Outlines(font), font["head"].unitsPerEm
