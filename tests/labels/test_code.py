"""Codes: the known answers of docs/label-code.md, and what people mistype, copy and invent."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels import code
from labels.errors import LabelError, Malformed, SerialOutOfRange
from labels.keys import Keyring

DOC = Path(__file__).parents[2] / "docs" / "label-code.md"
SECRET = bytes(range(32))
KEYRING = Keyring(((1, 1, SECRET),))
serials = st.integers(1, code.MAX_SERIAL)


def known_answers() -> list[tuple[int, str, str]]:
    rows = re.findall(r"^\| (\d+) \| ([0-9A-Z]{12}) \| (\d{6}) \|$", DOC.read_text("utf-8"), re.MULTILINE)
    return [(int(serial), printed, hidden) for serial, printed, hidden in rows]


def test_the_document_holds_the_secret_and_answers() -> None:
    assert SECRET.hex() in DOC.read_text("utf-8")
    assert len(known_answers()) == 10


@pytest.mark.parametrize(("serial", "printed", "hidden"), known_answers())
def test_codes_are_those_of_the_document(serial: int, printed: str, hidden: str) -> None:
    assert code.encode(serial, SECRET) == printed
    assert code.hidden_code(serial, SECRET) == hidden
    assert code.parse(printed) == code.Parsed(serial, code.tag_of(serial, SECRET), printed)


@settings(deadline=None)
@given(serials)
def test_a_code_reads_back_as_its_serial(serial: int) -> None:
    printed = code.encode(serial, SECRET)
    assert len(printed) == code.CODE_LENGTH
    parsed = KEYRING.verify(code.show(printed))
    assert (parsed.serial, parsed.text) == (serial, printed)


@settings(deadline=None)
@given(serials)
def test_every_changed_character_is_refused(serial: int) -> None:
    printed = code.encode(serial, SECRET)
    for place, right in enumerate(printed):
        for wrong in set(code.ALPHABET) - {right}:
            with pytest.raises(LabelError):
                KEYRING.verify(printed[:place] + wrong + printed[place + 1 :])


@settings(deadline=None)
@given(serials)
def test_every_swap_of_neighbours_is_refused(serial: int) -> None:
    printed = code.encode(serial, SECRET)
    for place in range(code.CODE_LENGTH - 1):
        first, second = printed[place : place + 2]
        if first != second:
            with pytest.raises(LabelError):
                KEYRING.verify(printed[:place] + second + first + printed[place + 2 :])


@pytest.mark.parametrize(
    "typed",
    [
        "0000-3rsc-dxp1",
        "OOOO 3RSC DXPl",
        "oooo3rscdxpI",
        "００００－３ＲＳＣ－ＤＸＰ１",
        " 0000\u20133RSC\u2011DXPL \r\n",
        "0000\u00a03RSC\u3000DXP1",
    ],
)
def test_look_alikes_and_separators_are_folded(typed: str) -> None:
    assert code.parse(typed).text == "00003RSCDXP1"


@pytest.mark.parametrize(
    "typed",
    ["", "0000", "00003RSCDXP12", "00003RSCDXP", "U0003RSCDXP1", "00003RSCDXP*", "00003RSCDXPß", "000000SCDXP1", "1" * 65,
     "00003RSCDX\ufdfa", "00003RSCDXP\u0661", "0000_3RSC_DXP1"],
)  # fmt: skip
def test_everything_else_is_malformed(typed: str) -> None:
    with pytest.raises(Malformed):
        code.parse(typed)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        parsed = code.parse(text)
    except Malformed:
        return
    assert code.parse(parsed.text) == parsed


def test_another_secret_does_not_match() -> None:
    parsed = code.parse(code.encode(120, SECRET))
    assert code.matches(parsed, SECRET)
    assert not code.matches(parsed, bytes(32))


@pytest.mark.parametrize("serial", [0, -1, code.MAX_SERIAL + 1])
def test_serials_outside_the_series_are_refused(serial: int) -> None:
    with pytest.raises(SerialOutOfRange):
        code.encode(serial, SECRET)
    with pytest.raises(SerialOutOfRange):
        code.hidden_code(serial, SECRET)


def test_codes_and_serials_are_shown_in_groups() -> None:
    assert code.show("7K4M92QDXJ3P") == "7K4M-92QD-XJ3P"
    assert [code.show_serial(n) for n in (1, 120, 999_999, 1_234_567)] == ["000.001", "000.120", "999.999", "1.234.567"]
