"""Promises of the rule which characters are kept: it is one for forms, tables, papers and searches, and every file format takes what it leaves."""

from __future__ import annotations

import sys
import unicodedata
from xml.etree import ElementTree as ET

import pytest

from enforcement.papers import values
from trace import forms
from trace.services import kept_text, places, table_cells

EVERY = [chr(point) for point in range(sys.maxunicode + 1)]
NO_CHARACTERS = [
    sign for sign in EVERY if 0xFDD0 <= ord(sign) <= 0xFDEF or ord(sign) & 0xFFFE == 0xFFFE or "\ud800" <= sign <= "\udfff"
]  # fmt: skip


def test_what_is_left_of_any_text_can_be_stored_and_put_into_an_xml_document() -> None:
    left = kept_text.clean("|".join(EVERY))
    assert len(left) > 1_000_000
    ET.fromstring(f"<a>{left.replace('&', '').replace('<', '')}</a>".encode())
    assert {unicodedata.category(sign) for sign in left} & {"Cs"} == set()


def test_what_is_no_character_is_dropped_as_other_controls_are() -> None:
    assert len(NO_CHARACTERS) == 66 + 2048
    assert kept_text.clean("".join(f"{sign}ả" for sign in NO_CHARACTERS)) == "ả" * len(NO_CHARACTERS)
    assert kept_text.clean("a\ufffe\u0301") == "á"


@pytest.mark.parametrize("sign", ["\x00", "\u061c", "\u200b", "\ud800", "\ufdd0", "\ufffe", "\uffff", "\U0001ffff", "\U0010fffe"])  # fmt: skip
def test_forms_tables_papers_and_searches_keep_the_same(sign: str) -> None:
    typed = f"{sign} Vải sấ{sign}y {sign}"
    for read in (forms.clean, table_cells.text, values.clean, places.asked):
        assert read(typed) == "Vải sấy"


def test_a_cell_of_a_table_has_one_line_and_its_emoji_whole() -> None:
    assert table_cells.text("Chợ\u00a0 Đổ\r\nsạp\t12 👩🏽\u200d🌾") == "Chợ Đổ sạp 12 👩🏽\u200d🌾"
