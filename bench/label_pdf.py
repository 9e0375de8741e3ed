"""Label sheets as PDF: labels per CPU second, bytes per label, peak memory, wall time; every layout feature on.

    PYTHONPATH=. .venv/bin/python -m bench.label_pdf [--labels 1000000] [--rounds 3]

A4 65-up, symbol, logo, four Vietnamese lines, hidden code in its scratch box, serial, cutting marks; codes are computed, not read.
Each measurement is a process of its own, started up before its clock starts. Limits named beside it, of the same run:
- floor: zlib level 1 over the very page contents that the product packed, and nothing else;
- naive loop: python-qrcode with its defaults, each label a Pillow picture, each page saved by Pillow as PDF (reportlab is no
  dependency of ours; Pillow writes a page as one picture, so it does less than a loop over reportlab would).
"""

from __future__ import annotations

import argparse
import io
import json
import re
import resource
import statistics
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import qrcode
from PIL import Image, ImageDraw

from labels import fonts, raster, sheet
from labels.keys import Keyring
from labels.layout import PRESETS
from labels.logo import Logo

HOST = "tem.haiphong.gov.vn"
LINES = ("Vải thiều Thanh Hà", "HTX Nông nghiệp Thanh Thủy", "Chỉ dẫn địa lý Thanh Hà", "Khối lượng: 5 kg")
KEYRING = Keyring(((1, 1, bytes(range(32))),))
MOST_SECONDS, MOST_MB, TIMES_NAIVE = 15.0, 200, 500


def layout() -> sheet.Layout:
    """A label of 38.1 × 21.2 mm with all that can stand on it."""
    plain = PRESETS["a4-65"]
    elements = replace(plain.elements, logo_width_mm=6.0, logo_height_mm=3.4, hidden_code=True)
    return replace(plain, qr_mm=16.0, cut_marks=True, elements=elements)


def logo() -> Logo:
    """A round green sign."""
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((4, 4, 92, 92), fill=(20, 110, 60))
    return Logo(np.asarray(picture))


def draw(count: int, path: Path) -> None:
    """One PDF file; prints what it took."""
    serials = range(1, count + 1)
    picture, cpu, wall = logo(), time.process_time(), time.perf_counter()
    with path.open("wb") as out:
        sheet.render(
            out, layout=layout(), codes=KEYRING.labels(serials, hidden=True), host=HOST, lines=LINES, logo=picture,
            title="Đo tốc độ", order="ĐT-0001",
        )  # fmt: skip
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": cpu, "wall": wall, "rss": rss}))


def measured(count: int, path: Path) -> dict[str, float]:
    """`draw` in a process of its own."""
    command = [sys.executable, "-m", "bench.label_pdf", "--child", str(count), str(path)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=600).stdout)
    return found


def floor(path: Path, count: int) -> float:
    """Labels per CPU second of zlib alone on the pages of a file."""
    data = path.read_bytes()
    pages = [
        zlib.decompress(data[found.end() : found.end() + int(found[1])])
        for found in re.finditer(rb"<</Length (\d+)/Filter/FlateDecode>>stream\n", data)
    ]
    pages = [page for page in pages if b" BI/W " in page]
    began = time.process_time()
    for page in pages:
        zlib.compress(page, 1)
    return count / (time.process_time() - began)


def naive(count: int) -> float:
    """Labels per CPU second of the loop that one writes first."""
    made = layout()
    dots = 300 / 25.4
    faces = fonts.load()
    bold, plain = raster.type_at(faces.bold.path, 25), raster.type_at(faces.regular.path, 19)
    sign = Image.fromarray(logo().pixels).resize((40, 40))
    codes = list(KEYRING.codes(range(1, count + 1)))
    began = time.process_time()
    for at in range(0, count, made.cells):
        page = Image.new("RGB", (round(210 * dots), round(297 * dots)), "white")
        pen = ImageDraw.Draw(page)
        for (serial, code), (x_mm, y_mm) in zip(codes[at : at + made.cells], made.positions(), strict=False):
            x, y = round(x_mm * dots), round(y_mm * dots)
            symbol = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, box_size=5, border=4)
            symbol.add_data(f"HTTPS://{HOST.upper()}/T/{code}")
            symbol.make(fit=True)
            page.paste(symbol.make_image().get_image(), (x, y))
            page.paste(sign, (x + 200, y + 5))
            for row, line in enumerate((*LINES, code, str(serial))):
                pen.text((x + 200, y + 50 + 24 * row), line, "black", plain if row else bold)
        page.save(io.BytesIO(), "PDF", resolution=300)
    return count / (time.process_time() - began)


def main() -> int:
    """Measure and print; not 0 when a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        draw(int(options.child[0]), Path(options.child[1]))
        return 0
    missed, rates, floors = [], {}, []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.pdf"
        for count in (10_000, options.labels):
            runs = [measured(count, path) for _ in range(options.rounds)]
            cpu, wall, rss = (statistics.median(run[name] for run in runs) for name in ("cpu", "wall", "rss"))
            rates[count] = count / cpu
            print(
                f"{count:9,d} labels: {rates[count]:9,.0f} labels/cpu-s, {path.stat().st_size / count:6.1f} B/label,"
                f" {wall:6.2f} s wall, peak {rss:5.0f} MB (median of {options.rounds})"
            )
            if rss > MOST_MB:
                missed.append(f"peak memory {rss:.0f} MB > {MOST_MB}")
            if wall > MOST_SECONDS:
                missed.append(f"{wall:.1f} s > {MOST_SECONDS}")
            if count == 10_000:
                floors = [floor(path, count) for _ in range(options.rounds)]
    alone, simple = statistics.median(floors), statistics.median(naive(130) for _ in range(options.rounds))
    rate = rates[options.labels]
    print(f"floor, zlib 1 over the same pages: {alone:,.0f} labels/cpu-s; product/floor {rate / alone:.2f}")
    print(
        f"naive, qrcode default + Pillow: {simple:,.0f} labels/cpu-s; product/naive {rate / simple:,.0f} (limit {TIMES_NAIVE})"
    )
    if rate < TIMES_NAIVE * simple:
        missed.append(f"only {rate / simple:.0f} times the naive loop")
    print("limits held" if not missed else "MISSED: " + "; ".join(missed))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
