"""One label as dots: everything but its symbol, painted at a printer's resolution."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFont

from labels.look import face_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from labels.logo import Logo
    from labels.look import Look, Words

Mode = Literal["1", "L", "RGB"]
MM_PER_INCH = 25.4
_POINTS_PER_INCH = 72


def painted(seen: Look, *, dpi: int, mode: Mode, logo: Logo | None, words: Iterable[Words] = ()) -> Image.Image:
    """The label with what all labels repeat, and these words; black on white, without its symbol."""
    dots = dpi / MM_PER_INCH
    size = round(seen.layout.label_width_mm * dots), round(seen.layout.label_height_mm * dots)
    picture = Image.new(mode, size, "white" if mode == "RGB" else 1 if mode == "1" else 255)
    pen = ImageDraw.Draw(picture)
    # Printers know dots, not shades: no smoothing where a picture has but two colours.
    pen.fontmode = "1" if mode == "1" else "L"
    if logo and seen.logo:
        x, y, width, height = (round(side * dots) for side in logo.fitted(seen.logo))
        small = Image.fromarray(logo.drawn(max(1, width), max(1, height)))
        picture.paste(small.convert(mode), (x, y))
    if box := seen.band:
        pen.rectangle((box.x * dots, box.y * dots, (box.x + box.width) * dots, (box.y + box.height) * dots), fill=0)
    if box := seen.scratch:
        pen.rectangle((box.x * dots, box.y * dots, (box.x + box.width) * dots, (box.y + box.height) * dots), outline=0)
    for word in (*seen.words, *words):
        write(pen, seen, word, dpi=dpi, white="white" if mode == "RGB" else 1 if mode == "1" else 255)
    return picture


def write(pen: ImageDraw.ImageDraw, seen: Look, word: Words, *, dpi: int, white: str | int) -> None:
    """Set one piece of text."""
    dots = dpi / MM_PER_INCH
    font = type_at(face_of(seen.faces, word.cut).path, word.size_pt * dpi / _POINTS_PER_INCH)
    pen.text((word.x * dots, word.baseline * dots), word.text, white if word.white else 0, font, anchor="ls")


@lru_cache(maxsize=64)
def type_at(path: Path, pixels: float) -> ImageFont.FreeTypeFont:
    """A face at a size in dots, opened once."""
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)
