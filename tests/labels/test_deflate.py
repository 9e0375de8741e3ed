"""Pages put together without a compressor: what they unpack to, letter by letter, and when the usual way is taken instead."""

import io
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from labels import deflate, sheet
from labels.keys import Keyring
from labels.layout import PRESETS, SheetLayout
from labels.template import Template

KEYRING = Keyring(((1, 1, b"k" * 32), (150, 2, b"l" * 32)))
SHEETS = [layout for layout in PRESETS.values() if layout.cells >= 8]


def drawn(layout: SheetLayout, serials: range, skip: int = 0, gtin: str | None = None) -> list[tuple[bytes, int]]:
    """Content and packed size of each page."""
    out = io.BytesIO()
    sheet.render(
        out, layout=layout, codes=KEYRING.labels(serials, hidden=layout.elements.hidden_code), host="tem.haiphong.gov.vn",
        lines=("Vải thiều",), title="Đợt 1", skip=skip, gtin=gtin,
    )  # fmt: skip
    data, found = out.getvalue(), []
    for head in re.finditer(rb"<</Length (\d+)/Filter/FlateDecode>>stream\n", data):
        packed = data[head.end() : head.end() + int(head[1])]
        content = zlib.decompress(packed)  # which looks at the checksum too
        if b" BI/W " in content:
            found.append((content, len(packed)))
    return found


def without_zeros(content: bytes) -> bytes:
    """Without what only brings rows to whole bytes."""
    return re.sub(rb"(?m)^(q 1 0 0 1 \S+ \d+\.\d{3})0* cm$", rb"\1 cm", re.sub(rb"\A0+ g\n", b"", content))


def is_ours(content: bytes) -> bool:
    return re.match(rb"0+ g\n", content) is not None


@pytest.mark.parametrize("gtin", [None, "08938505970011"])
@pytest.mark.parametrize("layout", SHEETS, ids=lambda layout: str(layout.name))
def test_a_page_unpacks_to_what_the_usual_way_would_have_packed(
    layout: SheetLayout, gtin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if layout.cells < 40 and not gtin:
        layout = replace(layout, elements=replace(layout.elements, level="Q", hidden_code=True))
    # Over the edge where serials grow longer by a digit, and where another key begins.
    for serials in (range(100, 400), range(999_900, 1_000_200)):
        ours = drawn(layout, serials, 3, gtin)
        with monkeypatch.context() as patched:
            patched.setattr(sheet, "_WORTH_DEFLATE", 1000)
            usual = drawn(layout, serials, 3, gtin)
        assert [without_zeros(content) for content, _ in ours] == [without_zeros(content) for content, _ in usual]
        assert not any(is_ours(content) for content, _ in usual)
        pages = len(serials) // layout.cells
        assert sum(is_ours(content) for content, _ in ours) >= pages - 2, (
            "all but those that begin or end in the middle"
        )
        for (content, size), (_, other) in zip(ours, usual, strict=True):
            if is_ours(content):
                assert size < 1.45 * other


def test_small_pages_are_packed_the_usual_way() -> None:
    for content, _ in drawn(replace(PRESETS["a4-8"], rows=3), range(1, 25)):
        assert not is_ours(content)


def rows(*texts: bytes) -> list[Template]:
    return [
        Template([[("", text), (deflate.STRETCH, b"0" * zeros), ("", b" "), ("n", b"00")] for text in texts])
        for zeros in range(16)
    ]


def columns(*numbers: int) -> dict[str, np.ndarray]:
    return {"n": np.array([[48 + number // 10, 48 + number % 10] for number in numbers], np.uint8)}


VARIES = {"n": np.array([0x0F, 0x0F], np.uint8)}


def test_rows_that_differ_in_more_than_digits_are_not_taken() -> None:
    with pytest.raises(deflate.NotAlike):
        deflate.pages(rows(b"so much text a", b"so much text b"), b"x", {"n": columns(12)["n"][0]}, VARIES)
    with pytest.raises(deflate.NotAlike):
        deflate.pages([], b"x", {"n": columns(12)["n"][0]}, VARIES)


@pytest.mark.parametrize("length", [1, 3, 11, 257, 258, 259, 260, 261, 516, 700, 9000])
def test_any_length_of_what_stays_unpacks(length: int) -> None:
    text = bytes(97 + at * at % 23 for at in range(length))
    template, pages = deflate.pages(
        rows(text + b"1", text + b"2", text + b"3"), b"head ", {"n": columns(5)["n"][0]}, VARIES
    )
    packed = pages.packed(columns(*range(10, 16)))
    assert len(packed) == 2
    for page, first in zip(packed, (10, 13), strict=True):
        content = zlib.decompress(page)
        wanted = template.filled(np.arange(3), columns(first, first + 1, first + 2)).tobytes()
        assert re.sub(rb"\A0+ g\n", b"", content) == b"head " + wanted


def test_the_packed_bytes_stand_still() -> None:
    """They are part of what is promised of a reprint: whoever changes them changes the hash of every sheet."""
    _, pages = deflate.pages(rows(b"label 1", b"label 2"), b"head ", {"n": columns(5)["n"][0]}, VARIES)
    assert pages.packed(columns(42, 43))[0].hex() == (
        "780125c7a11500101006e06e8a7f040022b0078f47b07fbe70f193524a5cf1cedcf8739d0f25a584d50c2da5843504c48509d4"
    )
