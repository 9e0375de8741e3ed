"""PNG, SVG, ZPL and the manifest of a print shop."""

import csv
import hashlib
import io
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from labels import code, image, manifest, qr, thermal
from labels.errors import CodeDoesNotFit, TooSmall
from labels.keys import Keyring
from labels.layout import ROLLS, RollLayout, inside

KEYRING = Keyring(((1, 1, b"k" * 32), (150, 2, b"l" * 32)))
TEXT = qr.qr_text(code.encode(120, b"k" * 32), host="tem.vn")


def test_a_png_has_its_quiet_zone_and_scans() -> None:
    picture = Image.open(io.BytesIO(image.png(TEXT, scale=5)))
    side = (len(qr.matrix(TEXT)) + 8) * 5
    assert (picture.mode, picture.size) == ("1", (side, side))
    assert not np.asarray(~np.asarray(picture))[:20].any()
    assert zxingcpp.read_barcodes(picture.convert("L"))[0].text == TEXT


def test_an_svg_draws_the_modules_of_the_symbol() -> None:
    root = ET.fromstring(image.svg(TEXT, size_mm=20))
    assert (root.get("width"), root.get("viewBox")) == ("20mm", "0 0 33 33")
    drawn = np.zeros((33, 33), bool)
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1", root[1].get("d") or ""):
        drawn[int(y), int(x) : int(x) + int(run)] = True
    assert (drawn == np.pad(qr.matrix(TEXT), 4)).all()


def test_an_svg_too_small_to_scan_is_refused() -> None:
    with pytest.raises(TooSmall):
        image.svg(TEXT, size_mm=10)


@pytest.mark.parametrize("dpi", [203, 300, 600])
@pytest.mark.parametrize("name", ["roll-40x30", "roll-50x30"])
def test_zpl_draws_the_symbol_itself_and_the_text_beside_it(name: str, dpi: int) -> None:
    layout = ROLLS[name]
    printed = code.encode(120, b"k" * 32)
    lines = ("Vải thiều Thanh Hà", "Hợp tác xã Thanh Thủy")
    command = thermal.zpl(120, printed, layout=layout, host="tem.vn", lines=lines, dpi=dpi).decode("ascii")
    assert command.startswith("^XA")
    assert command.endswith("^XZ\n")
    x, y, dots, data = re.search(r"\^FO(\d+),(\d+)\^BQN,2,(\d+)\^FDMM,A(.*)\^FS", command).groups()  # type: ignore[union-attr]
    assert data == TEXT
    assert int(dots) * 25.4 / dpi >= qr.SMALLEST_MODULE_MM
    total, row = map(int, re.search(r"\^GFA,\d+,(\d+),(\d+),", command).groups())  # type: ignore[union-attr]
    bits = np.frombuffer(bytes.fromhex(re.search(r",([0-9A-F]{99,})\^FS", command)[1]), np.uint8)  # type: ignore[index]
    assert len(bits) == total
    dark = np.unpackbits(bits.reshape(-1, row), axis=1).astype(bool)
    side, quiet = 25 * int(dots), 4 * int(dots)
    top = int(y) + 10
    assert not dark[max(0, top - quiet) : top + side + quiet, max(0, int(x) - quiet) : int(x) + side + quiet].any()
    assert dark[:, round(inside(layout).text_x * dpi / 25.4) :].any()
    assert (
        thermal.zpl(120, printed, layout=layout, host="tem.vn", lines=lines, dpi=dpi, sample=True) != command.encode()
    )


def test_zpl_refuses_a_label_too_narrow_for_its_code() -> None:
    with pytest.raises(CodeDoesNotFit):
        thermal.zpl(2**30 - 1, "0" * 12, layout=RollLayout("tiny", 28.0, 20.0, qr_mm=14.0), host="t.vn", dpi=600)


def test_the_manifest_lists_serial_code_and_address() -> None:
    out = io.BytesIO()
    digest = manifest.write(out, KEYRING, range(148, 152), host="tem.vn")
    assert (
        digest == hashlib.sha256(out.getvalue()).hexdigest() == manifest.sha256(KEYRING, range(148, 152), host="tem.vn")
    )
    rows = list(csv.reader(io.StringIO(out.getvalue().decode("ascii"), newline="")))
    assert rows[0] == ["serial", "code", "url"]
    assert [row[0] for row in rows[1:]] == ["148", "149", "150", "151"]
    for serial, printed, url in rows[1:]:
        assert KEYRING.verify(printed).serial == int(serial)
        assert url == f"HTTPS://TEM.VN/T/{printed}"


def test_the_manifest_gives_hidden_codes_only_when_asked() -> None:
    piece = b"".join(manifest.stream(KEYRING, range(150, 151), host="tem.vn", hidden=True))
    assert piece.splitlines()[0] == b"serial,code,url,hidden_code"
    assert piece.splitlines()[1].endswith(b"," + code.hidden_code(150, b"l" * 32).encode())


def test_a_long_manifest_comes_in_pieces() -> None:
    pieces = list(manifest.stream(KEYRING, range(1, 10_001), host="tem.vn"))
    assert len(pieces) == 4
    assert b"".join(pieces).count(b"\r\n") == 10_001
