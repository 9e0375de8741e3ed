"""One label as ZPL for thermal roll printers.

The printer draws the symbol itself (^BQ), so modules are exact dots. Text goes as a bitmap: built-in printer
fonts lack Vietnamese letters, and a label must not depend on what somebody loaded into a printer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labels import fonts, qr
from labels.code import CODE_LENGTH, show, show_serial
from labels.errors import CodeDoesNotFit
from labels.layout import inside
from labels.sheet import SAMPLE_WORD, SERIAL_WORD

if TYPE_CHECKING:
    from pathlib import Path

    from labels.layout import RollLayout

# Zebra firmware draws a ^BQ symbol this many dots below the place that ^FO names.
_BQ_DROP_DOTS = 10
_POINTS_PER_INCH = 72
_LARGEST_CODE_PT = 10.0
_SMALLEST_CODE_PT = 5.0


def zpl(
    serial: int,
    code: str,
    *,
    layout: RollLayout,
    host: str,
    gtin: str | None = None,
    lines: tuple[str, ...] = (),
    dpi: int = 203,
    sample: bool = False,
    font_path: Path | None = None,
) -> bytes:
    """One label of a roll one across, as ^XA … ^XZ. Raises TooSmall as the sheets do, for this printer's dots."""
    layout.validate()
    part = inside(layout)
    text = qr.qr_text(code, host=host, gtin=gtin)
    symbol = qr.printed_size(qr.modules_for(len(text)), size_mm=part.qr_mm, dpi=dpi)
    dots = dpi / 25.4
    x = round((part.qr_x + symbol.quiet_mm) * dots)
    y = round((part.qr_y + symbol.quiet_mm) * dots)
    width, height = round(layout.label_width_mm * dots), round(layout.label_height_mm * dots)
    shown = (SAMPLE_WORD, *fonts.tidy(lines)) if sample else fonts.tidy(lines)
    picture = _text(serial, code, layout=layout, lines=shown, dpi=dpi, font_path=font_path, code_x=x)
    rows = np.packbits(~np.asarray(picture), axis=1)
    # ^FD of ^BQ: error correction M, manual input, A for alphanumeric mode.
    return (
        f"^XA^PW{width}^LL{height}^LH0,0\n"
        f"^FO0,0^GFA,{rows.size},{rows.size},{rows.shape[1]},{rows.tobytes().hex().upper()}^FS\n"
        f"^FO{x},{max(0, y - _BQ_DROP_DOTS)}^BQN,2,{symbol.dots}^FDMM,A{text}^FS\n"
        "^XZ\n"
    ).encode("ascii")


def _text(
    serial: int,
    code: str,
    *,
    layout: RollLayout,
    lines: tuple[str, ...],
    dpi: int,
    font_path: Path | None,
    code_x: int,
) -> Image.Image:
    """Everything but the symbol, 1 bit a dot, light where nothing is printed."""
    faces, part, dots = fonts.load(font_path), inside(layout), dpi / 25.4
    points = dpi / _POINTS_PER_INCH
    picture = Image.new("1", (round(layout.label_width_mm * dots), round(layout.label_height_mm * dots)), 1)
    pen = ImageDraw.Draw(picture)
    for at, line in enumerate(lines):
        (faces.bold if at == 0 else faces.regular).require(line)
    column_pt = (part.text_width * _POINTS_PER_INCH / 25.4, part.text_height * _POINTS_PER_INCH / 25.4)
    for row in fonts.typeset(lines, faces, width_pt=column_pt[0], height_pt=column_pt[1]):
        face = faces.bold if row.bold else faces.regular
        at_dots = (part.text_x * dots, part.text_y * dots + row.baseline_pt * points)
        pen.text(at_dots, row.text, 0, _font(face, row.size_pt * points), anchor="ls")
    number = SERIAL_WORD + show_serial(serial)
    room_pt = ((part.right) * dots - code_x) / points
    wide = faces.mono.width(show("0" * CODE_LENGTH)) + 1 + 0.88 * faces.regular.width(number)
    size = min(_LARGEST_CODE_PT, part.foot_height * _POINTS_PER_INCH / 25.4, room_pt / wide)
    if size < _SMALLEST_CODE_PT:
        raise CodeDoesNotFit(over_mm=round((_SMALLEST_CODE_PT * wide - room_pt) * 25.4 / _POINTS_PER_INCH, 1))
    base = (part.foot_y + part.foot_height / 2) * dots + 0.33 * size * points
    pen.text((code_x, base), show(code), 0, _font(faces.mono, size * points), anchor="ls")
    right = (part.right) * dots
    pen.text((right, base), number, 0, _font(faces.regular, 0.88 * size * points), anchor="rs")
    return picture


def _font(face: fonts.Face, pixels: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face.path, pixels, layout_engine=ImageFont.Layout.BASIC)
