"""Pictures: what they are, and drawn anew so that nothing else in the file survives. JPEG, PNG, WebP, and HEIC of iPhones.

What must not live here: where files lie (`files`), and films (`videos`).
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import threading
from typing import TYPE_CHECKING

import pillow_heif
from PIL import Image, ImageOps

from trace.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MOST_PIXELS = 60_000_000
MOST_SCANS = 100
COPY_SIDE = 1600
THUMB_SIDE = 320
COPY_MEDIA_TYPE = "image/jpeg"
# MPO is what Pillow calls a JPEG that holds further pictures behind the first, as many telephones write it.
IMAGE_FORMATS = {
    "JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic",
}  # fmt: skip
IMAGES = frozenset(IMAGE_FORMATS.values())
NOT_DECODABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    struct.error,
)
OPENED_AS = ("JPEG", "PNG", "WEBP", "HEIF")  # the first gives MPO too, when it meets one

_SCAN = b"\xff\xda"
# Decoding is where memory goes: sixty million pixels are 240 MB. One at a time in a process keeps the sum bounded.
_DECODING = threading.Lock()

# Pillow refuses by itself only at twice this figure; `opened` refuses above it, before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
# Pictures of iPhones. Only the main picture is read: previews and depth would be decoded for nothing.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


class NotAnImage(Invalid):
    """This file is not a photo that can be read here.

    Send a JPEG, HEIC, PNG or WebP photo.
    """


class TooManyPixels(Invalid):
    """The picture has more than %(most)s million pixels.

    Send a smaller picture.
    """


def kind_of(path: Path) -> str | None:
    """The media type of a picture by content; None for what is none."""
    try:
        with opened(path) as image:
            return IMAGE_FORMATS[str(image.format)]
    except NotAnImage:
        return None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image whose header was read and whose size is bearable. Nothing is decoded yet."""
    try:
        image = Image.open(path, formats=OPENED_AS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise TooManyPixels(most=MOST_PIXELS // 1_000_000) from exc
    except NOT_DECODABLE as exc:
        raise NotAnImage from exc
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise TooManyPixels(most=MOST_PIXELS // 1_000_000)
        yield image


def picture(path: Path, black: Sequence[tuple[float, float, float, float]] = ()) -> bytes:
    """A picture in its full size as JPEG without metadata, with rectangles (in percent) made black in its very dots."""
    return _drawn(path, None, black)


def small(path: Path) -> bytes:
    """The picture decoded and drawn anew, small: whatever else the file held does not survive."""
    return _drawn(path, COPY_SIDE)


def thumb(path: Path) -> bytes:
    """The same so small that it only tells one picture from another."""
    return _drawn(path, THUMB_SIDE)


def _drawn(path: Path, side: int | None, black: Sequence[tuple[float, float, float, float]] = ()) -> bytes:
    with _DECODING, opened(path) as image:
        # A progressive JPEG may hold as many passes over all its pixels as its sender likes, at 75 bytes each: 25 MB would decode
        # for hours. A camera writes one, a careful encoder a dozen.
        if image.format in {"JPEG", "MPO"} and path.read_bytes().count(_SCAN) > MOST_SCANS:
            raise NotAnImage
        try:
            if side is not None:
                image.draft("RGB", (side, side))
                image.thumbnail((side, side))
            upright = ImageOps.exif_transpose(image)
            drawn = Image.new("RGB", upright.size, "white")
            if upright.mode in {"RGBA", "LA", "PA", "P"} or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                drawn.paste(upright, mask=upright.getchannel("A"))
            else:
                drawn.paste(upright.convert("RGB"))
            for box in black:
                drawn.paste((0, 0, 0), box_in_dots(box, drawn.size))
            saved = io.BytesIO()
            drawn.save(saved, "JPEG", quality=82 if side else 90, optimize=side is not None)
        except NOT_DECODABLE as exc:
            raise NotAnImage from exc
    return saved.getvalue()


def box_in_dots(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A rectangle in percent (left, top, width, height) as dots of a picture, rounded outwards so that no edge shows."""
    left, top, wide, high = box
    across, down = size
    return (
        math.floor(left * across / 100),
        math.floor(top * down / 100),
        min(across, math.ceil((left + wide) * across / 100)),
        min(down, math.ceil((top + high) * down / 100)),
    )
