"""Printer commands and manifests: labels per CPU second, bytes per label, against 50,000 labels a second.

    PYTHONPATH=. .venv/bin/python -m bench.label_thermal [--labels 100000] [--rounds 3]

ZPL of 40 × 30 mm labels for 203 dpi with four lines, natively and as graphics; CSV and XLSX with serial, code and address.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from typing import TYPE_CHECKING

from bench.label_pdf import HOST, KEYRING, LINES
from labels import manifest, thermal
from labels.layout import ROLLS

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 50_000.0


class Counted(io.RawIOBase):
    """Counts what is written."""

    count = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.count += len(data)
        return len(data)


def roll(count: int, *, native: bool) -> int:
    """Bytes of a roll."""
    labels = KEYRING.labels(range(1, count + 1))
    return sum(
        map(len, thermal.stream(layout=ROLLS["roll-40x30"], labels=labels, host=HOST, lines=LINES, native=native))
    )


def workbook(count: int) -> int:
    """Bytes of a workbook."""
    out = Counted()
    manifest.xlsx(out, KEYRING, range(1, count + 1), host=HOST)  # type: ignore[arg-type]
    return out.count


def main() -> int:
    """Measure and print; not 0 when a limit is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds: dict[str, Callable[[int], int]] = {
        "ZPL, ^BQ": lambda count: roll(count, native=True),
        "ZPL, ^GFA": lambda count: roll(count, native=False),
        "CSV": lambda count: sum(map(len, manifest.stream(KEYRING, range(1, count + 1), host=HOST))),
        "XLSX": workbook,
    }
    missed = []
    for name, make in kinds.items():
        make(500)
        times, size = [], 0
        for _ in range(options.rounds):
            began = time.process_time()
            size = make(options.labels)
            times.append(time.process_time() - began)
        rate = options.labels / statistics.median(times)
        print(
            f"{name:10} {rate:9,.0f} labels/cpu-s, {size / options.labels:7.1f} B/label, {rate / LIMIT:5.2f} × the limit"
        )
        if rate < LIMIT:
            missed.append(name)
    print(f"limit of {LIMIT:,.0f} labels/s " + ("held" if not missed else "MISSED by " + ", ".join(missed)))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
