"""The logo of the sign: read with care, brought to the size of its box, in RGB or in grey.

It comes from people, so its kind, colours and size are looked at before a pixel is decoded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from labels.errors import BadLogo, LogoNotRGB, LogoTooLarge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labels.layout import Box

MOST_MEGAPIXELS = 25
# Finer than any label printer shows; a larger picture only makes the file larger.
_DOTS_PER_MM = 600 / 25.4
_MOST_SIDE = 1200
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})


@dataclass(frozen=True, slots=True, eq=False)
class Logo:
    """A picture as (height, width, 3) RGB, on white."""

    pixels: NDArray[np.uint8]

    @property
    def proportion(self) -> float:
        """Width to height."""
        height, width, _ = self.pixels.shape
        return float(width / height)

    def fitted(self, box: Box) -> tuple[float, float, float, float]:
        """Where it stands in a box without being stretched, at its left: x, y, width, height in mm."""
        width = min(box.width, box.height * self.proportion)
        height = width / self.proportion
        return box.x, box.y + (box.height - height) / 2, width, height

    def sized(self, width_mm: float, height_mm: float) -> Logo:
        """With no more pixels than this size can show."""
        most = tuple(max(1, min(_MOST_SIDE, round(side * _DOTS_PER_MM))) for side in (width_mm, height_mm))
        size = (min(self.pixels.shape[1], most[0]), min(self.pixels.shape[0], most[1]))
        return Logo(self.drawn(*size)) if size != self.pixels.shape[1::-1] else self

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """The pixels at exactly this size."""
        return np.asarray(Image.fromarray(self.pixels).resize((width, height), Image.Resampling.LANCZOS))

    def grey(self) -> NDArray[np.uint8]:
        """(height, width), 0 for black, as the eye weighs the colours."""
        return np.asarray(Image.fromarray(self.pixels).convert("L"))


def read(data: bytes) -> Logo:
    """A logo from PNG or JPEG. Raises BadLogo for anything else, LogoNotRGB for CMYK, LogoTooLarge by its header."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            megapixels = picture.width * picture.height / 1e6
            if megapixels > MOST_MEGAPIXELS:
                raise LogoTooLarge(megapixels=round(megapixels), most=MOST_MEGAPIXELS)
            if picture.mode not in _MODES:
                raise LogoNotRGB(mode=picture.mode)
            whole = picture.convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise LogoTooLarge(megapixels=f"> {MOST_MEGAPIXELS}", most=MOST_MEGAPIXELS) from exc
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as exc:
        raise BadLogo from exc
    paper = Image.new("RGBA", whole.size, "white")
    paper.alpha_composite(whole)
    return Logo(np.asarray(paper.convert("RGB")))
