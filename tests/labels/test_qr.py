"""Symbols: the batch equals python-qrcode module by module, texts stay alphanumeric, sizes are whole dots."""

import math
import random

import numpy as np
import pytest
import qrcode
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode import util

from labels import qr
from labels.errors import BadGtin, NotAlphanumeric, TooLongForQR, TooSmall

CODE = "00003RSCDXP1"


def reference(text: str, level: int = qrcode.ERROR_CORRECT_M) -> np.ndarray:
    symbol = qrcode.QRCode(error_correction=level, mask_pattern=qr.MASK, border=0)
    symbol.add_data(util.QRData(text, mode=util.MODE_ALPHA_NUM), optimize=0)
    symbol.make(fit=True)
    return np.array(symbol.get_matrix(), bool)


def some_texts(length: int, count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(qr.ALPHANUMERIC, k=length)) for _ in range(count)]


@pytest.mark.parametrize("length", [1, 20, 21, 42, 61, 62, 90, 150])
def test_a_batch_is_bit_for_bit_what_python_qrcode_draws(length: int) -> None:
    texts = some_texts(length, qr._WORTH_TABLES, seed=length)
    packed = qr.matrices(texts)
    for text, symbol in list(zip(texts, packed, strict=True))[:40]:
        expected = reference(text)
        assert symbol.shape == (len(expected), -(-len(expected) // 8))
        assert (np.unpackbits(symbol, axis=1)[:, : len(expected)] == expected).all()
        assert (qr.matrix(text) == expected).all()


def test_ten_thousand_random_texts_are_bit_for_bit_what_python_qrcode_draws() -> None:
    count = 0
    # Lengths of versions 1 to 4, even and odd; longer ones are compared above.
    for length in (20, 37, 41, 42, 45, 52, 61, 62):
        texts = some_texts(length, 1250, seed=length)
        version = qr.version_for(length)
        modules = 17 + 4 * version
        symbols = np.unpackbits(qr.matrices(texts), axis=2)[:, :, :modules].astype(bool)
        for text, drawn in zip(texts, symbols, strict=True):
            oracle = qrcode.QRCode(
                version=version, error_correction=qrcode.ERROR_CORRECT_M, mask_pattern=qr.MASK, border=0
            )
            oracle.add_data(util.QRData(text.encode(), mode=util.MODE_ALPHA_NUM, check_data=False), optimize=0)
            oracle.make(fit=False)
            assert (drawn == np.array(oracle.get_matrix(), bool)).all(), text
            count += 1
    assert count == 10_000


def test_codes_at_the_end_of_an_address_are_drawn_as_whole_texts_are() -> None:
    blank = qr.qr_text("0" * 12, host="tem.haiphong.gov.vn", gtin="8934567890120")
    draw = random.Random(5)
    codes = ["".join(draw.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=12)) for _ in range(300)]
    signs = np.frombuffer("".join(codes).encode(), np.uint8).reshape(-1, 12)
    for level in ("M", "Q"):
        drawn = qr.tails(blank, signs, level)
        assert (drawn == qr.matrices([blank[:-12] + code for code in codes], level)).all()


@pytest.mark.parametrize(
    ("level", "number"), [("L", qrcode.ERROR_CORRECT_L), ("Q", qrcode.ERROR_CORRECT_Q), ("H", qrcode.ERROR_CORRECT_H)]
)
def test_other_levels_agree_too(level: qr.Level, number: int) -> None:
    texts = some_texts(45, 130, seed=number)
    for text, symbol in list(zip(texts, qr.matrices(texts, level), strict=True))[:10]:
        expected = reference(text, number)
        assert (np.unpackbits(symbol, axis=1)[:, : len(expected)] == expected).all()


def test_a_batch_with_one_varying_end_agrees() -> None:
    texts = [qr.qr_text(f"{n:012d}", host="tem.vn:8443") for n in range(300)]
    for text, symbol in zip(texts, qr.matrices(texts), strict=True):
        assert (symbol == np.packbits(qr.matrix(text), axis=1)).all()


def test_short_and_empty_sequences_are_drawn_too() -> None:
    assert len(qr.matrices([])) == 0
    assert (qr.matrices(["ABC"])[0] == np.packbits(qr.matrix("ABC"), axis=1)).all()


def test_a_batch_refuses_texts_that_do_not_belong() -> None:
    for wrong in ("a" * 20, "Đ" * 20, "_" * 20):
        with pytest.raises(NotAlphanumeric):
            qr.matrices([*some_texts(20, 200, seed=1), wrong])
    with pytest.raises(ValueError, match="length"):
        qr.matrices([*some_texts(20, 200, seed=1), "A" * 19])


@pytest.mark.parametrize("length", [*range(1, 200, 7), 38, 39, 61, 62, 90, 91, 4000])
def test_the_smallest_version_is_taken(length: int) -> None:
    if length == 4000:
        with pytest.raises(TooLongForQR):
            qr.version_for(length)
    else:
        assert qr.modules_for(length) == len(reference("A" * length))


def test_the_text_is_an_upper_case_address() -> None:
    assert qr.qr_text(CODE, host="tem.haiphong.gov.vn") == f"HTTPS://TEM.HAIPHONG.GOV.VN/T/{CODE}"
    assert qr.qr_text(CODE, host="localhost:8443") == f"HTTPS://LOCALHOST:8443/T/{CODE}"
    assert qr.qr_text(CODE, host="tem.vn", gtin="8934567890120") == f"HTTPS://TEM.VN/01/08934567890120/21/{CODE}"


@pytest.mark.parametrize("host", ["tem_that.vn", "tem.vn/x", "hải-phòng.vn", "tem.vn?x", "", "a b.vn"])
def test_hosts_outside_the_compact_mode_are_refused(host: str) -> None:
    with pytest.raises(NotAlphanumeric):
        qr.qr_text(CODE, host=host)


@pytest.mark.parametrize(
    "gtin", ["8934567890123", "", "893456789012", "89345678901208", "89345678901x8", "٨٩٣٤٥٦٧٨٩٠١٢٣"]
)
def test_wrong_gtins_are_refused(gtin: str) -> None:
    with pytest.raises(BadGtin):
        qr.qr_text(CODE, host="tem.vn", gtin=gtin)


def test_symbols_are_read_by_another_library() -> None:
    text = qr.qr_text(CODE, host="tem.vn", gtin="8934567890120")
    picture = np.kron(~np.pad(qr.matrix(text), 4), np.ones((4, 4), bool)).astype(np.uint8) * 255
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [text]


@settings(max_examples=300, deadline=None)
@given(st.integers(21, 57), st.floats(5, 60), st.sampled_from([None, 203, 300, 600]))
def test_a_printed_size_is_whole_dots_or_names_the_size_that_is(modules: int, size_mm: float, dpi: int | None) -> None:
    try:
        printed = qr.printed_size(modules, size_mm=size_mm, dpi=dpi)
    except TooSmall as refusal:
        smallest = float(str(refusal.facts["smallest_mm"]))
        assert smallest > size_mm - 1e-6
        qr.printed_size(modules, size_mm=smallest, dpi=dpi)
        with pytest.raises(TooSmall):
            qr.printed_size(modules, size_mm=smallest - 0.11, dpi=dpi)
        return
    assert printed.module_mm >= qr.SMALLEST_MODULE_MM - 1e-9
    assert printed.quiet_mm >= qr.QUIET_MODULES * printed.module_mm - 1e-9
    assert math.isclose(printed.side_mm + 2 * printed.quiet_mm, size_mm)
    assert (printed.dots is None) == (dpi is None)
    if dpi and printed.dots:
        assert math.isclose(printed.module_mm, printed.dots * 25.4 / dpi)


def test_29_modules_need_14_7_mm() -> None:
    with pytest.raises(TooSmall) as refusal:
        qr.printed_size(29, size_mm=14.5)
    assert refusal.value.facts == {"smallest_mm": 14.7}
