"""What label sheets are measured against: the bare method that the product grew from, and the loops that one writes first.

The bare method does as little as a page of labels can do: random codes instead of signed ones, one form for all that repeats, a template
of fixed length for each page filled by numpy, symbol and code and nothing else, any compressor. It is the floor, and it is not the product:
no hidden code, no serial, no logo of one's own size, no cutting marks, and with isal not the same bytes on every machine.
"""

from __future__ import annotations

import io
import time
import zlib
from typing import TYPE_CHECKING

import numpy as np
import qrcode
from PIL import Image, ImageDraw

from labels import code, fonts, pdf, qr, raster, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from labels.layout import Layout

PT = 72 / 25.4
PAGES_AT_ONCE = 64


class BareWriter(pdf.Writer):
    """A writer that takes no hash of what it writes."""

    def _put(self, data: bytes) -> None:
        self._buffer.append(data)
        self._position += len(data)


def compressor(name: str) -> Callable[[bytes], bytes]:
    """The fastest level of isal or zlib."""
    if name == "isal":
        from isal import isal_zlib

        return lambda page: isal_zlib.compress(page, 1)
    return lambda page: zlib.compress(page, 1)


def bare(count: int, path: Path, *, layout: Layout, host: str, lines: tuple[str, ...], by: str) -> None:
    """A file of labels by the bare method."""
    compress, faces, writer = compressor(by), fonts.load(), BareWriter()
    alphabet = np.frombuffer(code.ALPHABET.encode(), np.uint8)
    blank = qr.qr_text("0" * code.CODE_LENGTH, host=host)
    size = qr.modules_for(len(blank))
    font = fonts.subset(faces.regular, frozenset("".join(lines) + code.ALPHABET))
    text, plain = writer.add_font(font), writer.add_ascii_font(fonts.subset(faces.mono, frozenset(code.ALPHABET)))
    pixels = np.full((96, 96, 3), (20, 110, 60), np.uint8)
    logo = writer.add_image(pixels.tobytes(), width=96, height=96, colour=True)
    wide, high = layout.page_mm
    spots = [((x + 1) * PT, (high - y - layout.label_height_mm + 2) * PT, (x + 18) * PT) for x, y in layout.positions()]
    still = b"".join(
        b"q 17 0 0 17 %.2f %.2f cm/G Do Q\n" % (beside, y + 38)
        + b"".join(
            b"BT/F 5 Tf %.2f %.2f Td%bTj ET\n" % (beside, y + 30 - 7 * row, b"<" + font.hex(line) + b">")
            for row, line in enumerate(lines)
        )
        for x, y, beside in spots
    )
    same = b"/Type/XObject/Subtype/Form/BBox[0 0 %.2f %.2f]/Resources<</Font<</F %d 0 R>>/XObject<</G %d 0 R>>>>"
    form = writer.add_stream(still, same % (wide * PT, high * PT, text, logo))
    rows = template.Template(
        [
            [
                ("", b"q 42 0 0 42 %06.2f %06.2f cm\nBI/W %d/H %d/IM true/D[1 0]/F/AHx\nID " % (x, y + 8, size, size)),
                ("symbol", b"0" * (2 * size * ((size + 7) // 8))),
                ("", b">\nEI Q\nBT/M 5 Tf %06.2f %06.2f Td(" % (x, y)),
                ("code", b"0" * code.CODE_LENGTH),
                ("", b")Tj ET\n"),
            ]
            for x, y, _ in spots
        ]
    )
    draw, cells = np.random.default_rng(7), layout.cells
    with path.open("wb") as out:
        for start in range(0, count, cells * PAGES_AT_ONCE):
            some = min(count - start, cells * PAGES_AT_ONCE)
            codes = draw.choice(alphabet, (some, code.CODE_LENGTH))
            symbols = template.hexed(qr.tails(blank, codes).reshape(some, -1))
            labels = rows.filled(np.arange(some) % cells, {"symbol": symbols, "code": codes})
            for at in range(0, some, cells):
                writer.add_page(compress(b"/S Do\n" + labels[at : at + cells].tobytes()))
            out.write(writer.take())
        resources = b"<</Font<</M %d 0 R>>/XObject<</S %d 0 R>>>>" % (plain, form)
        writer.finish(facts={"Title": "x"}, size_pt=(wide * PT, high * PT), resources=resources)
        out.write(writer.take())


def by_reportlab(codes: Iterable[tuple[int, str]], layout: Layout, host: str, lines: tuple[str, ...]) -> float:
    """CPU seconds of the naive loop: python-qrcode with its defaults, its Pillow picture, reportlab's canvas."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    faces = fonts.load()
    pdfmetrics.registerFont(TTFont("plain", faces.regular.path))
    pdfmetrics.registerFont(TTFont("bold", faces.bold.path))
    sign, high = Image.new("RGB", (96, 96), (20, 110, 60)), layout.page_mm[1]
    began = time.process_time()
    canvas = Canvas(io.BytesIO(), pagesize=(layout.page_mm[0] * PT, high * PT))
    places = layout.positions()
    for at, (serial, made) in enumerate(codes):
        if at and at % len(places) == 0:
            canvas.showPage()
        x, y = places[at % len(places)][0] * PT, (high - places[at % len(places)][1] - layout.label_height_mm) * PT
        picture = io.BytesIO()
        _symbol(host, made).make_image().save(picture)
        canvas.drawImage(ImageReader(picture), x + 3, y + 8, 48, 48)
        canvas.drawImage(ImageReader(sign), x + 52, y + 44, 17, 17)
        for row, line in enumerate((*lines, made, str(serial))):
            canvas.setFont("plain" if row else "bold", 5)
            canvas.drawString(x + 52, y + 40 - 7 * row, line)
    canvas.save()
    return time.process_time() - began


def by_pillow(codes: Iterable[tuple[int, str]], layout: Layout, host: str, lines: tuple[str, ...]) -> float:
    """CPU seconds of the same loop painting each page as one picture, which Pillow saves as PDF."""
    dots = 300 / 25.4
    faces = fonts.load()
    bold, plain = raster.type_at(faces.bold.path, 25), raster.type_at(faces.regular.path, 19)
    sign, places, labels = Image.new("RGB", (40, 40), (20, 110, 60)), layout.positions(), list(codes)
    began = time.process_time()
    for at in range(0, len(labels), len(places)):
        page = Image.new("RGB", (round(layout.page_mm[0] * dots), round(layout.page_mm[1] * dots)), "white")
        pen = ImageDraw.Draw(page)
        for (serial, made), (x_mm, y_mm) in zip(labels[at : at + len(places)], places, strict=False):
            x, y = round(x_mm * dots), round(y_mm * dots)
            page.paste(_symbol(host, made).make_image().get_image(), (x, y))
            page.paste(sign, (x + 200, y + 5))
            for row, line in enumerate((*lines, made, str(serial))):
                pen.text((x + 200, y + 50 + 24 * row), line, "black", plain if row else bold)
        page.save(io.BytesIO(), "PDF", resolution=300)
    return time.process_time() - began


def _symbol(host: str, made: str) -> qrcode.QRCode:  # type: ignore[type-arg]
    symbol = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, box_size=5, border=4)
    symbol.add_data(f"HTTPS://{host.upper()}/T/{made}")
    symbol.make(fit=True)
    return symbol
