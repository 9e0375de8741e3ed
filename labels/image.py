"""The symbol of one label as PNG or SVG, with its quiet zone: for web shops, designers and previews."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from labels.qr import QUIET_MODULES, Level, matrix, printed_size

PIXELS_PER_MODULE = 12


def png(text: str, *, level: Level = "M", scale: int = PIXELS_PER_MODULE) -> bytes:
    """1-bit PNG, `scale` pixels to a module."""
    light = ~np.pad(matrix(text, level=level), QUIET_MODULES)
    pixels = np.repeat(np.repeat(light, scale, axis=0), scale, axis=1)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255).convert("1").save(out, "PNG", optimize=True)
    return out.getvalue()


def svg(text: str, *, level: Level = "M", size_mm: float | None = None) -> bytes:
    """SVG with one path, a module one unit; `size_mm` is the printed side, quiet zone included (else it scales).

    Raises TooSmall when that side makes the modules too small to scan.
    """
    modules = matrix(text, level=level)
    across = len(modules) + 2 * QUIET_MODULES
    if size_mm is not None:
        printed_size(len(modules), size_mm=size_mm)
    side = "" if size_mm is None else f' width="{size_mm:g}mm" height="{size_mm:g}mm"'
    path = "".join(
        f"M{start + QUIET_MODULES} {row + QUIET_MODULES}h{stop - start}v1H{start + QUIET_MODULES}z"
        for row, cells in enumerate(modules)
        for start, stop in _runs(cells)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{side} viewBox="0 0 {across} {across}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{across}v{across}H0z"/><path d="{path}"/></svg>\n'
    ).encode()


def _runs(cells: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """(start, stop) of each run of dark modules in a row."""
    edges = np.diff(np.pad(cells, 1).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
