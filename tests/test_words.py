"""The catalogues hold every word that people read, in both languages, and nothing else."""

from __future__ import annotations

import re

import pytest

from trace import words

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def wanted() -> set[words.Message]:
    return words.gather()


def test_the_code_speaks(wanted: set[words.Message]) -> None:
    assert len(wanted) > 500
    assert "LabelState.activated" in wanted, "enum members are gathered"
    assert "Your role does not allow this." in wanted, "docstrings of errors are gathered"
    assert "Sign in" in wanted, "templates are gathered"


@pytest.mark.parametrize("locale", words.LOCALES)
def test_nothing_is_untranslated_and_nothing_is_dead(locale: str, wanted: set[words.Message]) -> None:
    wording = words.read(locale)
    assert sorted(map(str, wanted - wording.keys())) == [], "missing in the catalogue: run ./manage words update"
    assert sorted(map(str, wording.keys() - wanted)) == [], "dead in the catalogue: run ./manage words update"
    assert [message for message, text in wording.items() if not text] == []


@pytest.mark.parametrize("locale", words.LOCALES)
def test_translations_keep_their_placeholders_and_are_composed(locale: str) -> None:
    import unicodedata

    for message, text in words.read(locale).items():
        asked = message if isinstance(message, str) else message[1]
        assert set(PLACEHOLDER.findall(asked)) == set(PLACEHOLDER.findall(text)), message
        assert unicodedata.normalize("NFC", text) == text, message


def test_vietnamese_is_vietnamese() -> None:
    """A text equal to its English id was forgotten, unless it is a name or a sign."""
    same = [
        message
        for message, text in words.read("vi").items()
        if message == text and " " in PLACEHOLDER.sub("", str(message)).strip(" :.")
    ]
    assert same == []
