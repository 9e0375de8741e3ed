"""Logos from people: what is no RGB picture of a decent size is refused, the rest comes out on white."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from labels import logo
from labels.errors import BadLogo, LogoNotRGB, LogoTooLarge
from labels.layout import Box


def saved(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def test_transparent_parts_become_white_paper() -> None:
    picture = Image.new("RGBA", (4, 2), (200, 0, 0, 0))
    picture.putpixel((1, 0), (10, 20, 30, 255))
    read = logo.read(saved(picture, "PNG"))
    assert read.pixels.shape == (2, 4, 3)
    assert read.pixels[0, 1].tolist() == [10, 20, 30]
    assert read.pixels[1, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_every_usual_kind_of_picture_is_taken(mode: str) -> None:
    read = logo.read(saved(Image.new(mode, (30, 20)), "PNG"))
    assert read.proportion == 1.5
    assert read.grey().shape == (20, 30)


def test_cmyk_is_refused_by_name() -> None:
    with pytest.raises(LogoNotRGB) as refusal:
        logo.read(saved(Image.new("CMYK", (20, 20)), "JPEG"))
    assert refusal.value.facts == {"mode": "CMYK"}


def test_a_hundred_megapixels_are_refused_before_they_are_decoded() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(LogoTooLarge) as refusal:
        logo.read(huge)
    assert refusal.value.facts["most"] == 25
    wider = huge.replace(struct.pack(">II", 10_000, 10_000), struct.pack(">II", 60_000, 60_000))
    with pytest.raises(BadLogo):
        logo.read(wider)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"GIF89a" + b"\0" * 40, b"\x89PNG\r\n\x1a\n",
        saved(Image.new("RGB", (50, 50)), "PNG")[:55], saved(Image.new("RGB", (50, 50)), "GIF"),
    ],
)  # fmt: skip
def test_what_is_no_png_or_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(BadLogo):
        logo.read(data)


def test_a_logo_is_fitted_without_being_stretched_and_without_needless_pixels() -> None:
    wide = logo.Logo(np.zeros((1000, 2000, 3), np.uint8))
    assert wide.fitted(Box(1, 2, 10, 10)) == (1, 4.5, 10, 5)
    assert wide.sized(10, 5).pixels.shape == (118, 236, 3)
    small = logo.Logo(np.zeros((10, 20, 3), np.uint8))
    assert small.sized(10, 5) is small
