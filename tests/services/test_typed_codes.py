"""What people type or paste is read generously, and what is wrong is named."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels import lot_code
from labels.code import encode, show
from tests.factories import SECRET
from trace.services import typed_codes
from trace.services.typed_codes import (
    ImpossibleSign,
    LotCodeMistyped,
    Mistyped,
    NothingTyped,
    OtherAddress,
    Read,
    Typed,
    WrongLength,
)

HOST = "temthat.vn"
LABEL = encode(123_456, SECRET)
LOT = "7K4M92Q" + lot_code.check("7K4M92Q")


def read(text: str) -> Read:
    return typed_codes.read(text, host=HOST)


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in text)


@pytest.mark.parametrize(
    "typed",
    [
        LABEL, show(LABEL), show(LABEL).lower(), f"  {LABEL}\n", LABEL.replace("0", "O").replace("1", "l"), wide(LABEL), " ".join(LABEL),
        show(LABEL).replace("-", "–"), f"https://temthat.vn/T/{LABEL}", f"HTTPS://TEMTHAT.VN/T/{LABEL}", f"temthat.vn/t/{LABEL.lower()}",
        f"https://temthat.vn/T/{show(LABEL)}?xem=1&lang=en#top", f"/T/{LABEL}", f"https://temthat.vn/01/08936000000011/21/{LABEL}",
        f"https://temthat.vn/T/{LABEL}/report", wide(f"https://temthat.vn/T/{LABEL}"),
    ],
)  # fmt: skip
def test_a_label_is_found_in_whatever_was_typed_or_pasted(typed: str) -> None:
    assert read(typed) == Read(Typed.LABEL, LABEL)


@pytest.mark.parametrize("typed", [LOT, show(LOT).lower(), f"https://temthat.vn/L/{LOT}", f"temthat.vn/l/{LOT}?xem=1"])
def test_a_lot_code_is_told_by_its_length(typed: str) -> None:
    assert read(typed) == Read(Typed.LOT, LOT)


@pytest.mark.parametrize(
    ("typed", "place", "sign"),
    [
        ("7K4M-92QU-XJ3P", 8, "U"),
        ("7k4m 92qd xj3*", 12, "*"),
        ("🍈K4M92QDXJ3P", 1, "🍈"),
        ("7K4M-9Đ", 6, "Đ"),
        ("abc\x00", 4, "�"),
    ],
)
def test_an_impossible_character_is_named_with_its_place(typed: str, place: int, sign: str) -> None:
    with pytest.raises(ImpossibleSign) as found:
        read(typed)
    assert found.value.facts == {"place": place, "sign": sign}


@pytest.mark.parametrize(("typed", "count"), [("7K4M-92QD-XJ3", 11), ("7", 1), ("7K4M-92QD-XJ3P-7", 13)])
def test_a_code_of_another_length_is_counted(typed: str, count: int) -> None:
    with pytest.raises(WrongLength) as found:
        read(typed)
    assert found.value.facts == {"count": count}


def test_a_mistyped_lot_code_is_found_without_asking_anybody() -> None:
    with pytest.raises(LotCodeMistyped):
        read(LOT[:-2] + LOT[-1] + LOT[-2])


@pytest.mark.parametrize(
    "typed", [f"https://evil.example/T/{LABEL}", f"https://temthat.vn.evil.example/T/{LABEL}", f"http://temthat.vn@evil.example/T/{LABEL}", f"evil.example/T/{LABEL}"]
)  # fmt: skip
def test_an_address_of_somebody_else_is_said_to_be_one(typed: str) -> None:
    with pytest.raises(OtherAddress) as found:
        read(typed)
    assert "evil.example" in str(found.value.facts["host"])


@pytest.mark.parametrize("typed", ["", "   ", "\n\t"])
def test_nothing_is_nothing(typed: str) -> None:
    with pytest.raises(NothingTyped):
        read(typed)


@given(st.text(max_size=400))
def test_nothing_that_anybody_types_breaks_it(typed: str) -> None:
    with contextlib.suppress(Mistyped):
        assert read(typed).kind in Typed
    assert Mistyped.status == 400


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 10_000,
        "https://" + "a" * 5_000,
        "http://[",
        "https://temthat.vn/",
        "https://temthat.vn/report",
        "//temthat.vn/T/x",
    ],
)
def test_long_and_odd_texts_are_refused_quickly(typed: str) -> None:
    with pytest.raises(Mistyped):
        read(typed)
