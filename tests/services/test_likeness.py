"""Promises of the pictures' hash: copies of one photo are near, other photos are far, and a flat picture is like nothing."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from trace.services import likeness


def scene(seed: int, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """A picture with shapes in it, another one for each seed."""
    chance = random.Random(seed)
    drawn = Image.new("RGB", size, tuple(chance.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(drawn)
    for _ in range(14):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        wide, high = chance.randrange(60, 320), chance.randrange(60, 320)
        shade = tuple(chance.randrange(256) for _ in range(3))
        (pen.ellipse if chance.random() < 0.5 else pen.rectangle)((x, y, x + wide, y + high), fill=shade)
    return drawn


def sent(picture: Image.Image, fmt: str = "JPEG", **how: int) -> bytes:
    written = io.BytesIO()
    picture.save(written, fmt, **how)
    return written.getvalue()


def hashed(data: bytes) -> int:
    found = likeness.of_picture(data)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_copy_is_near_however_it_was_sent_on(seed: int) -> None:
    picture = scene(seed)
    first = hashed(sent(picture, quality=92))
    wide, high = picture.size
    copies = {
        "resized": sent(picture.resize((400, 300))),
        "squeezed": sent(picture, quality=25),
        "as png": sent(picture, "PNG"),
        "brighter": sent(ImageEnhance.Brightness(picture).enhance(1.15)),
        "cropped slightly": sent(picture.crop((8, 6, wide - 8, high - 6))),
    }
    far = {name: likeness.distance(first, hashed(data)) for name, data in copies.items()}
    assert all(bits <= likeness.ALIKE for bits in far.values()), far


def test_other_pictures_are_far() -> None:
    hashes = [hashed(sent(scene(seed))) for seed in range(60)]
    near = [
        (one, other)
        for one in range(60)
        for other in range(one)
        if likeness.distance(hashes[one], hashes[other]) <= likeness.ALIKE
    ]
    assert near == []


@pytest.mark.parametrize("shade", ["white", "black", (120, 90, 90)])
def test_a_flat_picture_is_like_no_other(shade: str) -> None:
    assert likeness.of_picture(sent(Image.new("RGB", (200, 200), shade))) is None


def test_a_hash_fits_the_database() -> None:
    assert all(0 <= hashed(sent(scene(seed))) < 2**63 for seed in range(40))
