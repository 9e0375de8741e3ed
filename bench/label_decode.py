"""How well labels of every preset are read: as printed, and after what happens to them on a box of fruit.

    PYTHONPATH=. .venv/bin/python -m bench.label_decode [--labels 2000] [--seed 1]

Each label is drawn whole, at its printer's resolution ("as drawn", in white surroundings: all must be read by all three). Then it is
seen by a camera at about five pixels a module with some noise, and spoiled in one way: blur, tilt of 15°, a gloss spot, curl around a box's edge, JPEG at quality 40. "1 cm at 203 dpi" is a symbol far
below what layouts allow (printed 10 mm wide, quiet zone and all): it shows what the limit of 0.396 mm is good for, and is no promise.
Read by zxing-cpp, ZBar (pyzbar) and OpenCV (cv2: both of its finders).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter

from bench.label_pdf import HOST, KEYRING, LINES, logo
from labels import image, qr
from labels.errors import DoesNotFit
from labels.layout import PRESETS, PRESSES, ROLLS, Layout, symbol
from labels.qr import modules_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PIXELS = 5.0
"""Camera pixels to a module."""


def whole(layout: Layout, serial: int, code: str) -> tuple[Image.Image, image.Label]:
    """A label with as many of the lines as fit, in grey."""
    for kept in range(len(LINES), 0, -1):
        label = image.Label(serial, code, layout, HOST, lines=LINES[:kept], logo=logo(), hidden="012345")
        try:
            return Image.open(io.BytesIO(image.label_png(label))).convert("L"), label
        except DoesNotFit:
            if kept == 1:
                raise
    raise AssertionError


def laid(picture: Image.Image, module_px: float, shade: int) -> Image.Image:
    """On something of this shade of grey."""
    edge = round(6 * module_px)
    around = Image.new("L", (picture.width + 2 * edge, picture.height + 2 * edge), shade)
    around.paste(picture, (edge, edge))
    return around


def seen(picture: Image.Image, module_px: float, draw: np.random.Generator) -> Image.Image:
    """As a camera takes it: surroundings, its own resolution, a little noise."""
    around = laid(picture, module_px, 205)
    scale = PIXELS / module_px
    small = around.resize(
        (round(around.width * scale), round(around.height * scale)),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
    )
    return noisy(small, draw)


def noisy(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """With the noise of a phone indoors."""
    pixels = np.asarray(picture, float) + draw.normal(0, 7, (picture.height, picture.width))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def blurred(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Out of focus by up to half a module."""
    return picture.filter(ImageFilter.GaussianBlur(PIXELS * draw.uniform(0.3, 0.5)))


def tilted(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Seen 15° from the side, from a hand's breadth, and turned a little."""
    turned = picture.rotate(draw.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True, fillcolor=205)
    width, height = turned.size
    near, narrow = 0.06 * height, width * np.cos(np.radians(15))
    corners = [(0, 0), (narrow, near), (narrow, height - near), (0, height)]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (width, 0), (width, height), (0, height)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    how = np.linalg.solve(np.array(rows), np.array(values))
    return turned.transform(
        (round(narrow), height), Image.Transform.PERSPECTIVE, how.tolist(), Image.Resampling.BICUBIC, fillcolor=205
    )


def glossy(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """A lamp's reflection of some five modules across, somewhere on the left half, where the symbol is."""
    spot = Image.new("L", picture.size, 0)
    x, y = draw.uniform(0.1, 0.5) * picture.width, draw.uniform(0.2, 0.8) * picture.height
    wide, tall = PIXELS * draw.uniform(2, 3), PIXELS * draw.uniform(1.5, 2.5)
    ImageDraw.Draw(spot).ellipse((x - wide, y - tall, x + wide, y + tall), fill=255)
    return Image.composite(
        Image.new("L", picture.size, 252), picture, spot.filter(ImageFilter.GaussianBlur(PIXELS / 2))
    )


def curled(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Around a jar of some 50 to 90 mm, the camera before the symbol: the sides run away from it."""
    pixels = np.asarray(picture)
    # The middle of a symbol of 29 modules behind its quiet zone and the surroundings; 0.5 mm to a module.
    middle, radius = 27 * PIXELS, PIXELS * draw.uniform(25, 45) / 0.5
    across = np.arange(-middle * 0.98, min(picture.width - middle, radius) * 0.98)
    source = middle + np.arcsin(np.clip(across / radius, -1, 1)) * radius
    source = source[(source >= 0) & (source < picture.width - 1)]
    left = np.floor(source).astype(int)
    part = source - left
    mixed: NDArray[np.float64] = pixels[:, left] * (1 - part) + pixels[:, left + 1] * part
    return Image.fromarray(mixed.astype(np.uint8))


def jpeg(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Sent through a messenger."""
    del draw
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=40)
    return Image.open(io.BytesIO(out.getvalue())).convert("L")


def tiny(text: str, draw: np.random.Generator) -> Image.Image:
    """A symbol squeezed into 10 mm with its quiet zone on a 203-dpi printer: modules of two dots and three mixed."""
    modules = np.pad(qr.matrix(text), 4)
    dots = round(10 * 203 / 25.4)
    at = (np.arange(dots) * len(modules) / dots).astype(int)
    printed = Image.fromarray(np.where(modules[np.ix_(at, at)], 25, 235).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.4)
    )
    size = round(len(modules) * PIXELS)
    return noisy(printed.resize((size, size), Image.Resampling.BICUBIC), draw)


SPOILERS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image] | None] = {
    "camera": None, "blur": blurred, "tilt 15°": tilted, "gloss": glossy, "curl": curled, "JPEG 40": jpeg,
}  # fmt: skip
TINY = "1 cm, 203 dpi"
DRAWN = "as drawn"
OLDER = "OpenCV, older"
"""Its first finder, which misses some clean symbols whatever their size; no label is held against it."""


def readers() -> dict[str, Callable[[Image.Image], set[str]]]:
    """The decoders at hand."""
    found: dict[str, Callable[[Image.Image], set[str]]] = {
        "zxing-cpp": lambda picture: {symbol.text for symbol in zxingcpp.read_barcodes(picture)}
    }
    if find_spec("pyzbar"):
        pyzbar: Any = import_module("pyzbar.pyzbar")
        only_qr = [pyzbar.ZBarSymbol.QRCODE]
        found["ZBar"] = lambda picture: {symbol.data.decode() for symbol in pyzbar.decode(picture, only_qr)}
    if find_spec("cv2"):
        cv2: Any = import_module("cv2")
        finder, older = cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()
        found["OpenCV"] = lambda picture: {finder.detectAndDecode(np.asarray(picture))[0]}
        found[OLDER] = lambda picture: {older.detectAndDecode(np.asarray(picture))[0]}
    return found


def main() -> int:
    """Measure and print; not 0 when a label as drawn is not read."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw, hands = np.random.default_rng(options.seed), readers()
    for name, module in (("ZBar", "pyzbar"), ("OpenCV", "cv2")):
        if name not in hands:
            print(f"{name} ({module}) is not installed: its columns are left out")
    layouts: list[Layout] = [*PRESETS.values(), *ROLLS.values(), *PRESSES.values()]
    layouts += [
        replace(
            layout,
            elements=replace(layout.elements, level="Q", hidden_code=True, logo_width_mm=6.0, logo_height_mm=3.4),
        )
        for layout in (PRESETS["a4-24"], ROLLS["roll-50x30"])
    ]
    each = -(-options.labels // len(layouts))
    columns = [DRAWN, *SPOILERS, TINY]
    print(f"{each} labels of each layout, read of them in %\n{'':18}" + "".join(f"{column:>15}" for column in columns))
    failed, total = 0, Counter[tuple[str, str]]()
    serials = KEYRING.codes(range(1_000_000, 1_000_000 + each * len(layouts)))
    for layout in layouts:
        read = Counter[tuple[str, str]]()
        shown = layout.name + (" all on" if layout.elements.hidden_code else "")
        for _ in range(each):
            serial, code = next(serials)
            picture, label = whole(layout, serial, code)
            dpi = layout.elements.dpi or 600
            modules = modules_for(len(label.text), layout.elements.level)
            module_px = int(symbol(layout, modules).module_mm * dpi / 25.4 + 1e-6)
            taken = seen(picture, module_px, draw)
            views = {column: spoil(taken, draw) if spoil else taken for column, spoil in SPOILERS.items()}
            views |= {DRAWN: laid(picture, module_px, 255), TINY: tiny(label.text, draw)}
            for column, view in views.items():
                for name, read_by in hands.items():
                    read[name, column] += label.text in read_by(view)
        for name in hands:
            row = [read[name, column] for column in columns]
            failed += each - row[0] if name != OLDER else 0
            print(
                f"{shown:18}"
                + "".join(f"{100 * good / each:15.1f}" for good in row)
                + (f"  {name}" if len(hands) > 1 else "")
            )
        total.update(read)
    for name in hands:
        row = [total[name, column] / each / len(layouts) for column in columns]
        print(f"{'all, ' + name:18}" + "".join(f"{100 * good:15.1f}" for good in row))
    print("every label as drawn was read" if not failed else f"MISSED: {failed} labels as drawn were not read")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
