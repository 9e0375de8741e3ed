"""The catalogues hold every word that people read, in both languages, and nothing else."""

from __future__ import annotations

import re

import pytest

from trace import words

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def wanted() -> set[str]:
    return words.gather()


def test_the_code_speaks(wanted: set[str]) -> None:
    assert len(wanted) > 500
    assert "LabelState.activated" in wanted, "enum members are gathered"
    assert "Your role does not allow this." in wanted, "docstrings of errors are gathered"
    assert "Sign in" in wanted, "templates are gathered"


@pytest.mark.parametrize("locale", words.LOCALES)
def test_nothing_is_untranslated_and_nothing_is_dead(locale: str, wanted: set[str]) -> None:
    catalogue = words.read(locale)
    held = {str(message.id) for message in catalogue if message.id}
    assert sorted(wanted - held) == [], "missing in the catalogue: run ./manage words update"
    assert sorted(held - wanted) == [], "dead in the catalogue: run ./manage words update"
    assert sorted(str(message.id) for message in catalogue if message.id and not message.string) == []


@pytest.mark.parametrize("locale", words.LOCALES)
def test_translations_keep_their_placeholders_and_are_composed(locale: str) -> None:
    import unicodedata

    for message in words.read(locale):
        if not message.id:
            continue
        assert set(PLACEHOLDER.findall(str(message.id))) == set(PLACEHOLDER.findall(str(message.string))), message.id
        assert unicodedata.normalize("NFC", str(message.string)) == message.string, message.id


def test_vietnamese_is_vietnamese() -> None:
    """A text equal to its English id was forgotten, unless it is a name or a sign."""
    same = [str(m.id) for m in words.read("vi") if m.id and m.id == m.string and re.search(r"[a-z]{3}", str(m.id))]
    allowed = {"English", "Tem Thật"}
    assert [text for text in same if text not in allowed and " " in text] == []
