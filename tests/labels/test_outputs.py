"""PNG, SVG, ZPL and the manifest of a print shop."""

import csv
import hashlib
import io
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from labels import archive, code, image, manifest, qr, thermal
from labels.errors import CodeDoesNotFit, HiddenCodeMissing, NothingToPrint, TooSmall
from labels.keys import Keyring
from labels.layout import ROLLS, RollLayout, inside
from labels.logo import Logo
from tests.labels import zpl_printer

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


LINES = ("Vải thiều Thanh Hà", "Hợp tác xã Thanh Thủy", "5 kg")


def logo(size: tuple[int, int] = (300, 200)) -> Logo:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).ellipse((4, 4, size[0] - 8, size[1] - 8), fill=(20, 110, 60))
    return Logo(np.asarray(picture))


def with_all(layout: RollLayout, **more) -> RollLayout:
    facts = {"logo_width_mm": 6.0, "logo_height_mm": 4.0, "hidden_code": True, **more}
    return replace(layout, elements=replace(layout.elements, **facts))


def scanned(picture: Image.Image) -> list[str]:
    padded = Image.new("L", (picture.width + 80, picture.height + 80), 255)
    padded.paste(picture, (40, 40))
    return [found.text for found in zxingcpp.read_barcodes(padded)]


def label(layout: RollLayout, **more) -> image.Label:
    facts = {"lines": LINES, "logo": logo(), "hidden": "012345", **more}
    return image.Label(120, code.encode(120, b"k" * 32), layout, "tem.vn", **facts)


@pytest.mark.parametrize("printer", ["203", "300", "600"])
@pytest.mark.parametrize("name", ["roll-40x30", "roll-50x30"])
def test_one_label_as_zpl_prints_and_scans(name: str, printer: str) -> None:
    layout = replace(ROLLS[name], elements=replace(ROLLS[name].elements, printer=printer))
    command = thermal.zpl(label(layout))
    assert command.startswith(b"^XA")
    assert command.endswith(b"^XZ\n")
    (picture,) = zpl_printer.printed(command)
    assert scanned(picture) == [TEXT]
    dots = re.search(rb"\^BQN,2,(\d+)\^FDMM,A", command)
    assert dots
    assert int(dots[1]) * 25.4 / int(printer) >= qr.SMALLEST_MODULE_MM
    assert thermal.zpl(label(layout, sample=True)) != command


@pytest.mark.parametrize("native", [True, False], ids=["native", "graphic"])
@pytest.mark.parametrize(
    ("name", "skip"), [("roll-40x30", 0), ("roll-50x30-2", 1), ("roll-35x22-3", 2), ("roll-70x50", 0)]
)
def test_a_roll_prints_every_label_across_and_each_scans(name: str, skip: int, native: bool) -> None:
    layout = with_all(ROLLS[name])
    if name == "roll-35x22-3":
        layout = ROLLS[name]
    serials = range(999_990, 1_000_003)
    commands = b"".join(
        thermal.stream(
            layout=layout, labels=KEYRING.labels(serials, hidden=True), host="tem.vn", lines=LINES[:2], logo=logo(),
            native=native, skip=skip,
        )
    )  # fmt: skip
    pages = zpl_printer.printed(commands)
    assert len(pages) == -(-(len(serials) + skip) // layout.across)
    found = [text for page in pages for text in sorted(scanned(page))]
    assert sorted(found) == sorted(qr.qr_text(made, host="tem.vn") for _, made in KEYRING.codes(serials))
    assert (b"^BQ" in commands) is native
    if native:
        assert b"^FD1.000.002^FS" in commands


def test_both_ways_of_zpl_put_the_symbol_on_the_same_dots() -> None:
    layout, pages = ROLLS["roll-50x30"], []
    for native in (True, False):
        commands = b"".join(
            thermal.stream(layout=layout, labels=KEYRING.labels(range(5, 6)), host="tem.vn", native=native)
        )
        pages.append(np.asarray(zpl_printer.printed(commands)[0]))
    foot = round(inside(layout).foot_y * 203 / 25.4)
    assert (pages[0][:foot] == pages[1][:foot]).all()


def test_a_roll_with_a_scratch_box_wants_hidden_codes() -> None:
    with pytest.raises(HiddenCodeMissing):
        thermal.stream(layout=with_all(ROLLS["roll-50x30"]), labels=KEYRING.labels(range(1, 3)), host="t.vn")
    with pytest.raises(HiddenCodeMissing):
        image.label_png(label(with_all(ROLLS["roll-50x30"]), hidden=None))
    with pytest.raises(NothingToPrint):
        thermal.stream(layout=ROLLS["roll-50x30"], labels=(), host="t.vn")


def test_zpl_refuses_a_label_too_narrow_for_its_code() -> None:
    with pytest.raises(CodeDoesNotFit):
        thermal.zpl(image.Label(2**30 - 1, "0" * 12, RollLayout("tiny", 28.0, 20.0, qr_mm=14.0), "t.vn"))


def test_a_label_as_png_has_all_that_stands_on_it_and_scans() -> None:
    layout = with_all(ROLLS["roll-70x50"])
    picture = Image.open(io.BytesIO(image.label_png(label(layout, sample=True))))
    assert (picture.mode, picture.size) == ("RGB", (559, 400))
    assert picture.info["dpi"] == pytest.approx((203, 203), abs=0.1)
    assert scanned(picture.convert("L")) == [TEXT]
    box = inside(layout).logo
    assert box
    dots = 203 / 25.4
    centre = (round((box.x + 3) * dots), round((box.y + 2) * dots))
    assert picture.getpixel(centre) == (20, 110, 60)
    grey = Image.open(io.BytesIO(image.label_png(label(with_all(ROLLS["roll-70x50"], ink="one_colour")))))
    assert grey.mode == "L"
    assert image.label_png(label(layout)) == image.label_png(label(layout))


def test_a_label_as_svg_needs_no_font_and_draws_the_same_symbol() -> None:
    layout = with_all(ROLLS["roll-70x50"])
    data = image.label_svg(label(layout, sample=True))
    root = ET.fromstring(data)
    assert (root.get("width"), root.get("viewBox")) == ("70mm", "0 0 70 50")
    assert b"<text" not in data
    assert b"<script" not in data
    tags = [child.tag.rpartition("}")[2] for child in root]
    assert "image" in tags
    drawn = np.zeros((25, 25), bool)
    (symbol,) = [child for child in root if child.get("shape-rendering")]
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1", symbol.get("d") or ""):
        drawn[int(y), int(x) : int(x) + int(run)] = True
    assert (drawn == qr.matrix(TEXT)).all()


def xlsx_rows(data: bytes) -> list[list[str]]:
    rows = []
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
        for name in sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet")):
            root = ET.fromstring(book.read(name))
            assert not list(root.iter(f"{space}f")), "no formulas"
            for row in root.iter(f"{space}row"):
                cells = list(row.iter(f"{space}c"))
                assert all(cell.get("t") == "inlineStr" for cell in cells), "text cells only"
                rows.append(["".join(cell.itertext()) for cell in cells])
    return rows


def test_the_workbook_holds_what_the_csv_holds_as_text() -> None:
    out, again = io.BytesIO(), io.BytesIO()
    parts = (range(148, 152), range(160, 161))
    digest = manifest.xlsx(out, KEYRING, parts, host="tem.vn", hidden=True)
    assert (
        digest
        == hashlib.sha256(out.getvalue()).hexdigest()
        == manifest.xlsx(again, KEYRING, parts, host="tem.vn", hidden=True)
    )
    lines = b"".join(manifest.stream(KEYRING, parts, host="tem.vn", hidden=True)).decode().splitlines()
    assert xlsx_rows(out.getvalue()) == [line.split(",") for line in lines]


def test_a_long_workbook_goes_on_on_a_further_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "ROWS_A_SHEET", 3)
    out = io.BytesIO()
    manifest.xlsx(out, KEYRING, range(1, 9), host="tem.vn")
    rows = [row for row in xlsx_rows(out.getvalue()) if row[0] != "serial"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, 9)]


def test_an_archive_holds_everything_with_its_sums_and_is_the_same_again() -> None:
    def made() -> bytes:
        members = [
            archive.Member("tem.csv", manifest.stream(KEYRING, range(1, 5000), host="tem.vn")),
            archive.Member("tem.png", [image.png(TEXT)], packed=True),
        ]
        return b"".join(archive.stream(members))

    assert made() == made()
    with zipfile.ZipFile(io.BytesIO(made())) as archived:
        assert archived.testzip() is None
        assert archived.namelist() == ["tem.csv", "tem.png", archive.SUMS]
        for line in archived.read(archive.SUMS).decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archived.read(name)).hexdigest() == digest
        assert {info.date_time for info in archived.infolist()} == {(1980, 1, 1, 0, 0, 0)}


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
