"""A small ZPL printer for the tests: what it prints is a picture, so that labels can be looked at and scanned."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image, ImageDraw

from labels import fonts, qr, raster


def printed(commands: bytes) -> list[Image.Image]:
    """Each ^XA … ^XZ as a picture. Knows what `labels.thermal` sends and refuses the rest."""
    text = commands.decode("ascii")
    kept = {
        name: bitmap(data, int(total), int(row))
        for name, total, row, data in re.findall(r"~DGR:(\w+)\.GRF,(\d+),(\d+),([0-9A-F:]*)\n", text)
    }
    return [page(body, kept) for body in re.findall(r"\^XA(.*?)\^XZ", text, re.DOTALL)]


def page(body: str, kept: dict[str, np.ndarray]) -> Image.Image:
    width, height = (int(re.search(rf"\^{name}(\d+)", body)[1]) for name in ("PW", "LL"))  # type: ignore[index]
    dark = np.zeros((height, width), bool)
    for kind, x_, y_, command in re.findall(r"\^(FO|FT)(\d+),(\d+)(.*?)\^FS", body, re.DOTALL):
        x, y = int(x_), int(y_)
        if found := re.fullmatch(r"\^XGR:(\w+)\.GRF,1,1", command):
            put(dark, x, y, kept[found[1]])
        elif found := re.fullmatch(r"\^GFA,(\d+),\1,(\d+),([0-9A-F:]+)", command):
            put(dark, x, y, bitmap(found[3], int(found[1]), int(found[2])))
        elif found := re.fullmatch(r"\^BQN,2,(\d+)\^FD([MQ])M,A(.+)", command):
            scale = int(found[1])
            symbol = qr.matrix(found[3], level=found[2])  # type: ignore[arg-type]
            put(dark, x, y + 10, np.kron(symbol, np.ones((scale, scale), bool)))
        elif found := re.fullmatch(r"\^A0N,(\d+),\1\^FD([0-9A-Z.-]+)", command):
            assert kind == "FT"
            picture = Image.new("1", (width, height), 1)
            font = raster.type_at(fonts.load().regular.path, float(found[1]))
            ImageDraw.Draw(picture).text((x, y), found[2], 0, font, anchor="ls")
            dark |= ~np.asarray(picture)
        else:
            raise AssertionError(command[:60])
    return Image.fromarray(np.where(dark, 0, 255).astype(np.uint8))


def bitmap(data: str, total: int, row: int) -> np.ndarray:
    rows: list[str] = []
    at = 0
    while at < len(data):
        if data[at] == ":":
            rows.append(rows[-1])
            at += 1
        else:
            rows.append(data[at : at + 2 * row])
            at += 2 * row
    packed = np.frombuffer(bytes.fromhex("".join(rows)), np.uint8)
    assert len(packed) == total
    return np.unpackbits(packed.reshape(-1, row), axis=1).astype(bool)


def put(dark: np.ndarray, x: int, y: int, part: np.ndarray) -> None:
    room = dark[y : y + part.shape[0], x : x + part.shape[1]]
    # Rows are whole bytes: blank dots may hang over the edge, dark ones never.
    assert not part[room.shape[0] :].any()
    assert not part[:, room.shape[1] :].any()
    room |= part[: room.shape[0], : room.shape[1]]
