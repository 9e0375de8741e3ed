"""Sheets: rendered, every symbol scans to its code, the text can be read out, nothing touches what it must not."""

import io
import re
import time
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from labels import fonts, qr, sheet
from labels.errors import (
    BadSkip,
    FontMissing,
    HiddenCodeMissing,
    NoGlyph,
    NothingToPrint,
    TextDoesNotFit,
    TooSmall,
    TooWide,
)
from labels.keys import Keyring
from labels.layout import PRESETS, PRESSES, ROLLS, Layout, inside, symbol
from labels.logo import Logo

KEYRING = Keyring(((1, 1, b"k" * 32), (150, 2, b"l" * 32)))
HOST = "tem.haiphong.gov.vn"
LINES = ("Vải thiều Thanh Hà", "Hợp tác xã Dịch vụ nông nghiệp Thanh Thủy", "NGUYỄN ẪN ĐỨC, Ậu Ỗ", "Khối lượng: 5 kg")
LONG = tuple(f"{line}, " + "thôn Lại Xá thuộc khu vực sản xuất tập trung " * 4 for line in LINES)
ALL: list[Layout] = [*PRESETS.values(), *ROLLS.values(), *PRESSES.values()]


def made(layout: Layout = PRESETS["a4-24"], serials: range = range(120, 240), **more) -> bytes:
    out = io.BytesIO()
    sheet.render(
        out,
        **{"layout": layout, "codes": KEYRING.codes(serials), "host": HOST, "lines": LINES, "title": "Đợt 1", **more},
    )
    return out.getvalue()


def scanned(document: bytes, dpi: int = 200) -> list[str]:
    found = []
    for page in pdfium.PdfDocument(document):
        picture = page.render(scale=dpi / 72, grayscale=True).to_pil()
        found += [symbol.text for symbol in zxingcpp.read_barcodes(picture)]
    return found


def texts(document: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pdfium.PdfDocument(document)]


@pytest.mark.parametrize(
    ("name", "skip", "pages"), [("a4-24", 0, 5), ("a4-24", 7, 6), ("a4-65", 0, 2), ("a4-65", 64, 3), ("a4-40", 39, 4)]
)
def test_every_label_scans_to_its_code(name: str, skip: int, pages: int) -> None:
    document = made(PRESETS[name], skip=skip)
    expected = {qr.qr_text(code, host=HOST) for _, code in KEYRING.codes(range(120, 240))}
    found = scanned(document)
    assert len(found) == 120
    assert set(found) == expected
    assert len(pdfium.PdfDocument(document)) == pages == sheet.pages_for(120, PRESETS[name], skip)


@pytest.mark.parametrize("name", list(ROLLS))
def test_rolls_scan_and_have_a_page_a_row(name: str) -> None:
    document = made(ROLLS[name], range(1, 8))
    assert len(scanned(document, dpi=203)) == 7
    pages = pdfium.PdfDocument(document)
    assert len(pages) == -(-7 // ROLLS[name].across)
    assert pages[0].get_size() == pytest.approx([side * 72 / 25.4 for side in ROLLS[name].page_mm], abs=0.01)


def test_labels_with_a_gtin_scan_as_digital_links() -> None:
    found = scanned(made(PRESETS["a4-65"], range(1, 66), gtin="8934567890120"))
    assert len(found) == 65
    assert all(text.startswith("HTTPS://TEM.HAIPHONG.GOV.VN/01/08934567890120/21/") for text in found)


def test_skipped_positions_stay_empty() -> None:
    first = pdfium.PdfDocument(made(skip=4))[0]
    picture = first.render(scale=1, grayscale=True).to_pil()
    mm = 72 / 25.4
    assert picture.crop((0, 0, int(210 * mm), int(37 * mm))).getextrema() == (255, 255)
    assert picture.crop((0, int(38 * mm), int(69 * mm), int(74 * mm))).getextrema() == (255, 255)
    assert picture.crop((int(71 * mm), int(38 * mm), int(139 * mm), int(74 * mm))).getextrema()[0] < 50


def test_the_text_reads_out_as_composed_vietnamese_with_code_and_serial() -> None:
    (text,) = texts(made(serials=range(149, 151), lines=tuple(unicodedata.normalize("NFD", line) for line in LINES)))
    assert unicodedata.is_normalized("NFC", text)
    for wanted in ("Vải thiều Thanh Hà", "NGUYỄN ẪN", "ĐỨC, Ậu Ỗ", "Khối lượng: 5 kg", "Số 000.149", "Số 000.150"):
        assert wanted in text
    for _, code in KEYRING.codes(range(149, 151)):
        assert f"{code[:4]}-{code[4:8]}-{code[8:]}" in text


def test_the_same_input_gives_the_same_bytes_and_another_input_another_identity() -> None:
    assert made() == made()
    assert made() == b"".join(
        sheet.stream(
            layout=PRESETS["a4-24"],
            codes=list(KEYRING.codes(range(120, 240))),
            host=HOST,
            lines=sheet.LabelText(LINES),
            title="Đợt 1",
        )
    )
    identities = {
        document[document.rindex(b"/ID[") :][:40]
        for document in (made(), made(title="Đợt 2"), made(serials=range(1, 3)))
    }
    assert len(identities) == 3


def test_the_document_has_its_title_and_is_not_to_be_scaled() -> None:
    document = made()
    assert pdfium.PdfDocument(document).get_metadata_dict()["Title"] == "Đợt 1"
    assert b"/PrintScaling/None" in document
    assert b"Date" not in document


def test_a_sample_says_so_on_every_label() -> None:
    sample = made(serials=range(1, 25), sample=True)
    assert texts(sample)[0].count("TEM MẪU") == 24
    assert len(scanned(sample)) == 24
    assert "TEM MẪU" not in texts(made(serials=range(1, 25)))[0]


@pytest.mark.parametrize("layout", ALL, ids=lambda layout: layout.name)
@pytest.mark.parametrize("lines", [LINES, LONG, ("Ẫ" * 90, "M" * 200)], ids=["usual", "long", "unbroken"])
@pytest.mark.parametrize("sample", [False, True], ids=["real", "sample"])
def test_no_text_leaves_its_label_or_touches_the_quiet_zone(
    layout: Layout, lines: tuple[str, ...], sample: bool
) -> None:
    serial = 999_999_999
    document = made(layout, range(serial, serial + layout.cells), lines=lines, sample=sample)
    page, part, mm = pdfium.PdfDocument(document)[0], inside(layout), 72 / 25.4
    text, height = page.get_textpage(), page.get_size()[1]
    printed = symbol(layout, 29)
    x, y = layout.positions()[0]
    quiet = qr.QUIET_MODULES * printed.module_mm
    left, top = x + part.qr_x + printed.quiet_mm, y + part.qr_y + printed.quiet_mm
    zone = (left - quiet, top - quiet, left + printed.side_mm + quiet, top + printed.side_mm + quiet)
    cells = layout.positions()
    for at in range(text.count_chars()):
        x1, low, x2, high = text.get_charbox(at)
        box = (x1 / mm, (height - high) / mm, x2 / mm, (height - low) / mm)
        if box[2] - box[0] < 0.01:
            continue
        home = [
            (cx, cy) for cx, cy in cells
            if cx <= box[0] and box[2] <= cx + layout.label_width_mm and cy <= box[1] and box[3] <= cy + layout.label_height_mm
        ]  # fmt: skip
        assert home, (text.get_text_range(at, 1), box)
        dx, dy = home[0][0] - x, home[0][1] - y
        apart = box[2] < zone[0] + dx or box[0] > zone[2] + dx or box[3] < zone[1] + dy or box[1] > zone[3] + dy
        assert apart, (text.get_text_range(at, 1), box, zone)


@pytest.mark.parametrize("name", list(PRESETS))
def test_nothing_lies_where_office_printers_cannot_print(name: str) -> None:
    picture = pdfium.PdfDocument(made(PRESETS[name]))[0].render(scale=200 / 72, grayscale=True).to_pil()
    dark = picture.point(lambda level: 255 - level).getbbox()
    edge = 4.2 / 25.4 * 200 - 1
    assert dark
    assert min(dark[0], dark[1], picture.width - dark[2], picture.height - dark[3]) >= edge


def test_code_and_serial_do_not_meet_even_at_the_end_of_the_series() -> None:
    last = 2**30 - 1
    for layout in ALL:
        page = pdfium.PdfDocument(made(layout, range(last, last + 1), lines=()))[0].get_textpage()
        shown = page.get_text_range()
        code_end, serial_start = page.get_charbox(13)[2], page.get_charbox(shown.index("S\u1ed1"))[0]
        assert shown.endswith("1.073.741.823")
        assert code_end < serial_start


def test_long_names_wrap_then_end_in_an_ellipsis() -> None:
    faces = fonts.load()
    rows = fonts.typeset(LINES, faces, width_pt=110, height_pt=80)
    assert [row.text for row in rows if row.bold] == ["Vải thiều Thanh Hà"]
    assert "".join(row.text for row in rows).replace(" ", "") == "".join(LINES).replace(" ", "")
    assert len({row.size_pt for row in rows if not row.bold}) == 1
    for row in fonts.typeset(LONG, faces, width_pt=55, height_pt=60):
        face = faces.bold if row.bold else faces.regular
        assert face.width(row.text) * row.size_pt <= 55
        assert row.size_pt >= fonts.SMALLEST_PT
    assert fonts.typeset(("Ẫ" * 90,), faces, width_pt=55, height_pt=60)[-1].text.endswith("…")
    assert fonts.typeset((), faces, width_pt=55, height_pt=60) == ()


def test_a_second_row_begins_with_a_name_rather_than_within_a_word() -> None:
    layout = PRESETS["a4-21"]
    text = texts(made(layout, range(120, 121), lines=("Vải", "Chỉ dẫn địa lý Thanh Hà")))[0]
    assert re.search(r"Chỉ dẫn địa lý\s+Thanh Hà", text)
    assert "địa lý Thanh" not in text


def test_too_many_lines_are_refused_with_the_height_they_lack() -> None:
    with pytest.raises(TextDoesNotFit) as refusal:
        made(PRESETS["a4-65"], lines=LINES * 4)
    assert float(str(refusal.value.facts["over_mm"])) > 0


def test_what_is_wrong_is_said_before_the_first_byte(tmp_path: Path) -> None:
    def ask(error: type[Exception], **wrong) -> None:
        with pytest.raises(error):
            sheet.stream(
                **{"layout": PRESETS["a4-24"], "codes": KEYRING.codes(range(1, 3)), "host": HOST, "title": "x", **wrong}
            )

    ask(NothingToPrint, codes=())
    ask(FontMissing, font_path=tmp_path)
    ask(NoGlyph, lines=("荔枝",))
    ask(BadSkip, skip=24)
    ask(TooWide, layout=replace(PRESETS["a4-24"], margin_left_mm=9.0))
    ask(TooSmall, layout=replace(PRESETS["a4-24"], qr_mm=12.0))


def test_cut_marks_leave_the_symbols_readable() -> None:
    document = made(replace(PRESETS["a4-65"], cut_marks=True), range(1, 131))
    assert len(scanned(document)) == 130
    assert document != made(PRESETS["a4-65"], range(1, 131))


def test_a_long_order_is_streamed_in_pieces() -> None:
    pieces = list(
        sheet.stream(layout=PRESETS["a4-65"], codes=KEYRING.codes(range(1, 6501)), host=HOST, title="x", skip=3)
    )
    assert len(pieces) > 4
    document = pdfium.PdfDocument(b"".join(pieces))
    assert len(document) == 101
    last = document[100].render(scale=200 / 72, grayscale=True).to_pil()
    assert len(zxingcpp.read_barcodes(last)) == 3


def logo() -> Logo:
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).ellipse((4, 4, 292, 192), fill=(20, 110, 60))
    return Logo(np.asarray(picture))


def with_all(layout: Layout, **more) -> Layout:
    facts = {"logo_width_mm": 6.0, "logo_height_mm": 3.4, "hidden_code": True, **more}
    changes = {"qr_mm": 16.0} if layout.name == "a4-65" else {}
    return replace(layout, cut_marks=True, elements=replace(layout.elements, **facts), **changes)


def full(layout: Layout, serials: range = range(120, 140), **more) -> bytes:
    facts = {"logo": logo(), "codes": KEYRING.labels(serials, hidden=True), "lines": LINES[:1], "order": "ĐT-0007"}
    return made(layout, serials, **{**facts, **more})


@pytest.mark.parametrize("layout", ALL, ids=lambda layout: layout.name)
def test_with_logo_hidden_code_and_cut_marks_every_label_still_scans(layout: Layout) -> None:
    serials = range(999_990, 999_990 + min(2 * layout.cells, 40))
    document = full(with_all(layout), serials)
    expected = {qr.qr_text(code, host=HOST) for _, code in KEYRING.codes(serials)}
    assert set(scanned(document)) == expected
    text = "".join(texts(document))
    for block in KEYRING.labels(serials, hidden=True).blocks(9):
        for digits in block.hidden if block.hidden is not None else ():
            assert digits.tobytes().decode() in text
    assert text.count("Số 1.000.0") == sum(serial >= 10**6 for serial in serials)


@pytest.mark.parametrize("ink", ["colour", "one_colour"])
def test_a_logo_is_drawn_in_colour_or_in_grey(ink: str) -> None:
    layout = with_all(PRESETS["a4-24"], ink=ink)
    picture = pdfium.PdfDocument(full(layout))[0].render(scale=4).to_pil()
    box = inside(layout).logo
    assert box
    x, y = layout.positions()[0]
    dots = 4 * 72 / 25.4
    red, green, blue = picture.getpixel((int((x + box.x + 2.5) * dots), int((y + box.y + box.height / 2) * dots)))
    assert (red == green == blue) is (ink == "one_colour")
    assert green < 130


def test_a_press_page_holds_one_label_and_says_where_to_cut() -> None:
    layout = with_all(PRESSES["press-60x40"])
    document = full(layout, range(1, 4))
    assert len(pdfium.PdfDocument(document)) == 3
    mm = 72 / 25.4
    box = pdfium.PdfDocument(document)[0].get_trimbox()
    assert box == pytest.approx([7 * mm, 7 * mm, 67 * mm, 47 * mm], abs=0.01)
    assert pdfium.PdfDocument(document)[0].get_bleedbox() == pytest.approx([5 * mm, 5 * mm, 69 * mm, 49 * mm], abs=0.01)


def test_the_document_names_its_order_and_its_range() -> None:
    document = full(with_all(PRESETS["a4-24"]), range(120, 140))
    facts = pdfium.PdfDocument(document).get_metadata_dict()
    assert facts["Subject"] == "Đơn ĐT-0007: 20 tem, số 000.120–000.139"
    assert facts["Keywords"] == "ĐT-0007, 000.120–000.139, a4-24"
    packet = re.search(rb"<x:xmpmeta.*</x:xmpmeta>", document, re.DOTALL)
    assert packet
    assert "Đơn ĐT-0007: 20 tem, số 000.120–000.139" in packet[0].decode()
    sample = full(with_all(PRESETS["a4-24"]), sample=True, title="<&>")
    assert pdfium.PdfDocument(sample).get_metadata_dict()["Subject"].startswith("TEM MẪU. ")
    assert b"&lt;&amp;&gt;" in sample


def test_a_source_of_blocks_and_pairs_give_the_same_bytes() -> None:
    serials = range(999_900, 1_000_100)
    assert made(codes=KEYRING.labels(serials), skip=5) == made(codes=KEYRING.codes(serials), skip=5)


def test_a_page_on_which_serials_grow_longer_by_a_digit_is_in_order() -> None:
    serials = range(999_990, 1_000_030)
    document = made(PRESETS["a4-65"], serials, skip=30)
    shown = re.findall(r"Số ([\d.]+)", "".join(texts(document)))
    assert [int(number.replace(".", "")) for number in shown] == list(serials)


def test_a_scratch_box_wants_hidden_codes() -> None:
    with pytest.raises(HiddenCodeMissing):
        full(with_all(PRESETS["a4-24"]), codes=KEYRING.labels(range(1, 3)))


def test_a_full_label_can_still_be_a_sample() -> None:
    layout = with_all(ROLLS["roll-50x30"])
    document = full(layout, range(1, 3), lines=LINES, sample=True)
    (first, _) = texts(document)
    assert "TEM MẪU" in first
    assert "Mã cào" not in first
    assert len(scanned(document)) == 2


def test_a_second_print_of_an_order_pays_for_no_font_again() -> None:
    made(serials=range(1, 25))
    times = []
    for _ in range(5):
        began = time.process_time()
        made(serials=range(1, 25))
        times.append(time.process_time() - began)
    assert min(times) < 0.05


def test_level_q_is_drawn_when_the_layout_asks_for_it() -> None:
    layout = replace(PRESETS["a4-24"], elements=replace(PRESETS["a4-24"].elements, level="Q"))
    document = made(layout, range(1, 25))
    assert len(scanned(document)) == 24
    picture = pdfium.PdfDocument(document)[0].render(scale=3, grayscale=True).to_pil()
    assert {symbol.ec_level for symbol in zxingcpp.read_barcodes(picture)} == {"Q"}
