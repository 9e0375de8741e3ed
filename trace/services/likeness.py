"""How a picture looks, in 64 bits of which the first is 0: two copies of one photo differ in a few of them however they were scaled or squeezed.

The usual hash by cosine transform: the picture in grey at 32 × 32, its lowest 8 × 8 frequencies, each bit whether one lies above their
median. What must not live here: files, the database, and what likeness means for a case.
"""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

SIDE = 32
KEPT = 8
ALIKE = 8
"""In how many bits two hashes may differ and still be of one picture."""
FLATTEST = 2.0
"""A picture whose grey varies less than this (of 255) looks like every other flat one, so it has no hash."""


def _cosines() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    frequency, place = np.arange(KEPT)[:, None], np.arange(SIDE)[None, :]
    return np.cos(math.pi * (2 * place + 1) * frequency / (2 * SIDE))


_COSINES = _cosines()


def of_picture(data: bytes) -> int | None:
    """The hash of a picture that Pillow can read; None for one without any features."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (SIDE * 4, SIDE * 4))
        grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    shades = np.asarray(grey, dtype=np.float64)
    if float(shades.std()) < FLATTEST:
        return None
    lowest = (_COSINES @ shades @ _COSINES.T).ravel()
    bits = lowest > np.median(lowest[1:])  # the first one is the mean shade, which a brighter copy changes
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return (one ^ other).bit_count()
