"""Pages put together without a compressor: what they unpack to, letter by letter, and when the usual way is taken instead."""

import io
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from labels import pages, sheet
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
            patched.setattr(sheet, "_WORTH_PUTTING_TOGETHER", 1000)
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


def fields(template: Template) -> list[pages.Field]:
    """A number in two digits, and one of three values that is mixed into its second digit and says the third."""
    at = template.gap("n").start
    two = np.array([[number // 10, number % 10] for number in range(100)], np.uint8)
    more = np.array([[5, 9], [15, 10], [10, 0]], np.uint8)
    return [pages.Field(np.array([at, at + 2]), two), pages.Field(np.array([at + 2, at + 3]), more)]


def mixed_rows(*texts: bytes) -> list[Template]:
    """The same, with the digits in which two fields meet as a gap of their own."""
    return [
        Template(
            [
                [("", text), (pages.STRETCH, b"0" * zeros), ("", b" "), ("n", b"00"), ("mixed", b"00"), ("", b"\n")]
                for text in texts
            ]
        )
        for zeros in range(16)
    ]


def wanted(text: bytes, number: int, choice: int) -> bytes:
    mixed = (number % 10) ^ (5, 15, 10)[choice]
    return b"%b %X0%X%X\n" % (text, number // 10, mixed, (9, 10, 0)[choice])


def numbers(*pairs: tuple[int, int]) -> list[np.ndarray]:
    return [np.array(column, np.intp) for column in zip(*pairs, strict=True)]


def test_rows_that_differ_in_more_than_digits_are_not_taken() -> None:
    with pytest.raises(pages.NotAlike):
        pages.pages(mixed_rows(b"so much text a", b"so much text b"), b"x", fields, "mixed")
    with pytest.raises(pages.NotAlike):
        pages.pages([], b"x", fields, "mixed")


@pytest.mark.parametrize("length", [1, 3, 11, 257, 258, 259, 260, 261, 516, 700, 9000])
def test_any_length_of_what_stays_unpacks(length: int) -> None:
    text = bytes(97 + at * at % 23 for at in range(length))
    made = pages.pages(mixed_rows(text + b"1", text + b"2", text + b"3"), b"head ", fields, "mixed")
    pairs = [(10 + at * 17, at % 3) for at in range(6)]
    packed = made.packed(numbers(*pairs))
    assert len(packed) == 2
    for page, some in zip(packed, (pairs[:3], pairs[3:]), strict=True):
        content = re.sub(rb"0+ ([^ \n]{4}\n)", rb" \1", re.sub(rb"\A0+ g\n", b"", zlib.decompress(page)))
        lines = [wanted(text + b"%d" % (at + 1), *pair) for at, pair in enumerate(some)]
        assert content == b"head " + b"".join(lines)


def test_the_sums_of_mixed_digits_are_those_of_their_signs() -> None:
    draw = np.random.default_rng(3)
    for count in (2, 16, 18, 232, 16 * 39):
        digits = draw.integers(0, 16, (50, count))
        digits[0], digits[1] = 15, 0
        above, after = pages._digit_sums(np.ascontiguousarray(pages._paired(digits).T))
        signs = np.frombuffer(b"0123456789ABCDEF", np.uint8)[digits].astype(int) - ord("0")
        assert (above == signs.sum(axis=1)).all()
        assert (after == (signs * np.arange(count)).sum(axis=1)).all()


def test_the_packed_bytes_stand_still() -> None:
    """They are part of what is promised of a reprint: whoever changes them changes the hash of every sheet."""
    made = pages.pages(mixed_rows(b"label 1", b"label 2"), b"head ", fields, "mixed")
    assert made.packed(numbers((42, 0), (43, 1)))[0].hex() == (
        "780125c7410201211400d0fd3fc53f4255552dabea1e1f00006666e6f4b3f8cb27841042083cc2694f3bbcd1667f438946f8080c854694042bd9b90a47"
    )
