"""Every layout of ours, as it leaves the printer, read by three decoders that have nothing in common: zxing-cpp, ZBar and OpenCV."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium
import pytest
import zxingcpp
from PIL import Image, ImageDraw
from pyzbar import pyzbar

from labels import image, qr, sheet
from labels.errors import DoesNotFit
from labels.keys import Keyring
from labels.layout import PRESETS, PRESSES, ROLLS, SCRATCHED, Layout
from labels.logo import Logo

KEYRING = Keyring(((1, 1, b"k" * 32),))
HOST = "tem.haiphong.gov.vn"
LINES = ("Vải thiều Thanh Hà", "5 kg", "HTX Nông nghiệp Thanh Thủy", "Chỉ dẫn địa lý Thanh Hà")
BUILT_IN: list[Layout] = [*PRESETS.values(), *ROLLS.values(), *PRESSES.values(), *SCRATCHED.values()]
MARGIN_PX = 40


def by_zxing(picture: Image.Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(picture)}


def by_zbar(picture: Image.Image) -> set[str]:
    return {found.data.decode() for found in pyzbar.decode(picture, [pyzbar.ZBarSymbol.QRCODE])}


def by_opencv(picture: Image.Image) -> set[str]:
    """With the newer of its two finders; the older one misses some clean symbols whatever their size."""
    finder: Any = cv2.QRCodeDetectorAruco()
    return {finder.detectAndDecode(np.asarray(picture))[0]}


DECODERS: list[Callable[[Image.Image], set[str]]] = [by_zxing, by_zbar, by_opencv]


def sign() -> Logo:
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((4, 4, 92, 92), fill=(20, 110, 60))
    return Logo(np.asarray(picture))


def on_white(picture: Image.Image) -> Image.Image:
    around = Image.new("L", (picture.width + 2 * MARGIN_PX, picture.height + 2 * MARGIN_PX), 255)
    around.paste(picture, (MARGIN_PX, MARGIN_PX))
    return around


def fitting(layout: Layout) -> tuple[str, ...]:
    """As many of the lines as the label takes."""
    for kept in range(len(LINES), 0, -1):
        try:
            sheet.render(
                io.BytesIO(), layout=layout, codes=KEYRING.labels(range(1, 2), hidden=True), host=HOST, lines=LINES[:kept], title="x"
            )  # fmt: skip
        except DoesNotFit:
            continue
        return LINES[:kept]
    raise AssertionError


@pytest.mark.parametrize("read_by", DECODERS)
@pytest.mark.parametrize("layout", BUILT_IN, ids=lambda layout: str(layout.name))
def test_a_label_as_it_is_drawn_is_read(layout: Layout, read_by: Callable[[Image.Image], set[str]]) -> None:
    for serial, made in KEYRING.codes(range(4711, 4715)):
        label = image.Label(serial, made, layout, HOST, lines=fitting(layout), logo=sign(), hidden="012345")
        picture = Image.open(io.BytesIO(image.label_png(label))).convert("L")
        assert read_by(on_white(picture)) >= {label.text}, serial


@pytest.mark.parametrize("read_by", DECODERS)
@pytest.mark.parametrize("layout", BUILT_IN, ids=lambda layout: str(layout.name))
def test_a_label_cut_from_its_printed_page_is_read(layout: Layout, read_by: Callable[[Image.Image], set[str]]) -> None:
    if layout.name not in SCRATCHED and layout.label_height_mm > 36:
        # What can stand on a label beside the symbol stands on it.
        layout = replace(layout, elements=replace(layout.elements, level="Q", logo_width_mm=6.0, logo_height_mm=3.4))
    serials, out = range(4711, 4711 + layout.cells), io.BytesIO()
    codes = KEYRING.labels(serials, hidden=True)
    sheet.render(out, layout=layout, codes=codes, host=HOST, lines=fitting(layout), logo=sign(), title="x")
    dpi = layout.elements.dpi or 600
    page = pdfium.PdfDocument(out.getvalue())[0].render(scale=dpi / 72, grayscale=True).to_pil()
    dots = dpi / 25.4
    every = max(1, layout.cells // 4)
    for (_, made), (x, y) in list(zip(codes, layout.positions(), strict=True))[::every]:
        edges = (x, y, x + layout.label_width_mm, y + layout.label_height_mm)
        cut = page.crop(tuple(round(edge * dots) for edge in edges))
        assert read_by(on_white(cut)) >= {qr.qr_text(made, host=HOST)}
