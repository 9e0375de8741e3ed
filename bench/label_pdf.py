"""Label sheets as PDF: labels per CPU second, bytes per label, peak memory, wall time; every layout feature on.

    PYTHONPATH=. .venv/bin/python -m bench.label_pdf [--labels 1000000] [--rounds 5]

A4 65-up, symbol, logo, four Vietnamese lines, hidden code in its scratch box, serial, cutting marks; codes are computed, not read.
Each measurement is a process of its own, started up before its clock starts; product and rivals take turns. Named beside it:
- floor: the bare method (`bench.label_rivals`) with isal, and with zlib; the product stays within twice the first;
- naive loop: python-qrcode with its defaults, a Pillow picture each, reportlab; and the same painted by Pillow alone. 500 times at least.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw

from bench import label_rivals
from labels import sheet
from labels.keys import Keyring
from labels.layout import PRESETS
from labels.logo import Logo

HOST = "tem.haiphong.gov.vn"
LINES = ("Vải thiều Thanh Hà", "HTX Nông nghiệp Thanh Thủy", "Chỉ dẫn địa lý Thanh Hà", "Khối lượng: 5 kg")
KEYRING = Keyring(((1, 1, bytes(range(32))),))
MOST_SECONDS, MOST_MB, TIMES_NAIVE, TIMES_FLOOR = 15.0, 200, 500, 2


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


def rival(count: int, path: Path, by: str) -> None:
    """The bare method; prints what it took."""
    began = time.process_time()
    label_rivals.bare(count, path, layout=layout(), host=HOST, lines=LINES, by=by)
    print(json.dumps({"cpu": time.process_time() - began}))


def measured(count: int, path: Path, by: str = "product") -> dict[str, float]:
    """`draw` or `rival` in a process of its own."""
    command = [sys.executable, "-m", "bench.label_pdf", "--child", str(count), str(path), by]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=600).stdout)
    return found


def main() -> int:
    """Measure and print; not 0 when a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        count, path, by = int(options.child[0]), Path(options.child[1]), options.child[2]
        draw(count, path) if by == "product" else rival(count, path, by)
        return 0
    missed, rounds, most = [], range(options.rounds), options.labels
    with TemporaryDirectory() as folder:
        path, other = Path(folder) / "labels.pdf", Path(folder) / "rival.pdf"
        small = [measured(10_000, path) for _ in rounds]
        said(10_000, small, path)
        large, floors = [], dict[str, list[float]](isal=[], zlib=[])
        for _ in rounds:
            large.append(measured(most, path))
            for by, rates in floors.items():
                rates.append(most / measured(most, other, by)["cpu"])
        said(most, large, path)
        rival_size = other.stat().st_size / most
    rate = statistics.median(most / run["cpu"] for run in large)
    rss, wall = (statistics.median(run[name] for run in large) for name in ("rss", "wall"))
    for by, rates in floors.items():
        alone = statistics.median(rates)
        print(f"floor, bare method with {by}: {alone:,.0f} labels/cpu-s; product/floor {rate / alone:.2f}")
    print(f"bare method with zlib: {rival_size:.1f} B/label")
    if rate * TIMES_FLOOR < statistics.median(floors["isal"]):
        missed.append(f"slower than the floor by more than {TIMES_FLOOR}")
    for name, loop in (("reportlab", label_rivals.by_reportlab), ("Pillow", label_rivals.by_pillow)):
        simple = statistics.median(
            130 / loop(KEYRING.codes(range(1, 131)), layout(), HOST, LINES) for _ in rounds
        )  # fmt: skip
        print(
            f"naive, qrcode default + {name}: {simple:,.0f} labels/cpu-s; product/naive {rate / simple:,.0f} (limit {TIMES_NAIVE})"
        )
        if rate < TIMES_NAIVE * simple:
            missed.append(f"only {rate / simple:.0f} times the naive loop with {name}")
    if rss > MOST_MB:
        missed.append(f"peak memory {rss:.0f} MB > {MOST_MB}")
    if wall > MOST_SECONDS:
        missed.append(f"{wall:.1f} s > {MOST_SECONDS}")
    print("limits held" if not missed else "MISSED: " + "; ".join(missed))
    return bool(missed)


def said(count: int, runs: list[dict[str, float]], path: Path) -> None:
    """One line of figures."""
    cpu, wall, rss = (statistics.median(run[name] for run in runs) for name in ("cpu", "wall", "rss"))
    print(
        f"{count:9,d} labels: {count / cpu:9,.0f} labels/cpu-s, {path.stat().st_size / count:6.1f} B/label,"
        f" {wall:6.2f} s wall, peak {rss:5.0f} MB (median of {len(runs)})"
    )


if __name__ == "__main__":
    sys.exit(main())
