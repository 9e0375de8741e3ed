"""Chinese and Japanese: complete for the pages that speak them, English everywhere else, and never a mix of two."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from babel.support import Translations

from tests.test_words import PLACEHOLDER
from trace import tongues, words
from trace.views.gallery import KINDS

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

# What a page may hold in Latin letters besides data: the marks of codes and units.
VOUCHING = ("正品", "真品", "保真", "純正品", "本物です", "正規品です")


@pytest.fixture(scope="module")
def wanted() -> set[words.Message]:
    return tongues.wanted()


def test_the_pages_ask_for_words(wanted: set[words.Message]) -> None:
    assert {"Label valid", "Label valid, checked %(n)s times", "Skip to the content", "TitleKind.gi"} <= wanted
    assert "Orders" not in wanted, "what only staff read is not asked for"


@pytest.mark.parametrize("locale", tongues.FAR)
def test_nothing_is_untranslated_and_nothing_is_dead(locale: str, wanted: set[words.Message]) -> None:
    wording = words.read(locale)
    assert sorted(map(str, wanted - wording.keys())) == [], "missing in the catalogue: run ./manage words update"
    assert sorted(map(str, wording.keys() - wanted)) == [], "dead in the catalogue: run ./manage words update"
    assert [message for message, text in wording.items() if not text] == []


@pytest.mark.parametrize("locale", tongues.FAR)
def test_translations_keep_their_placeholders_and_vouch_for_nothing(locale: str) -> None:
    for message, text in words.read(locale).items():
        asked = message if isinstance(message, str) else message[1]
        assert set(PLACEHOLDER.findall(asked)) == set(PLACEHOLDER.findall(text)), message
        assert unicodedata.normalize("NFC", text) == text, message
        assert not any(phrase in text for phrase in VOUCHING), message
        assert text != message, message


@pytest.mark.parametrize("locale", tongues.FAR)
def test_no_page_asks_for_a_word_that_is_not_there(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    """Whatever a template asks for by a variable is caught here: every state, and what follows it."""
    known = {message for message in words.read(locale) if isinstance(message, str)}
    asked: set[str] = set()
    inner = Translations.ugettext

    def spy(catalogue: Translations, message: str) -> str:
        asked.add(message)
        return str(inner(catalogue, message))

    monkeypatch.setattr(Translations, "ugettext", spy)
    paths = [f"/gallery/verdict/{kind}?lang={locale}" for kind in KINDS]
    paths += [f"/gallery/verdict/valid?answer={answer}&lang={locale}" for answer in ("match", "differs", "cannot")]
    paths += [
        f"/gallery/verdict/hidden?hidden={kind}&lang={locale}"
        for kind in ("first", "again", "wrong", "malformed", "blocked")
    ]
    paths += [
        f"/?lang={locale}",
        f"/nhap-ma?lang={locale}",
        f"/nhap-ma?code=x&lang={locale}",
        f"/gcn/?lang={locale}",
        f"/gcn/9999-khong-co?lang={locale}",
    ]
    for path in paths:
        page = client.get(path).get_data(as_text=True)
        assert f'<html lang="{tongues.mark(locale)}">' in page, path
    assert asked, "the spy sees nothing"
    assert asked - known == set()


@pytest.mark.parametrize("locale", tongues.FAR)
@pytest.mark.parametrize("path", ["/report", "/dang-nhap", "/khong-co-trang-nay", "/gallery/verdict/khong-co"])
def test_other_pages_and_errors_speak_plain_english(client: FlaskClient, locale: str, path: str) -> None:
    page = client.get(f"{path}?lang={locale}").get_data(as_text=True)
    assert '<html lang="en">' in page or f'<html lang="{tongues.mark(locale)}">' in page
    if '<html lang="en">' in page:
        assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", re.sub(r"<a class=\"lang\".*?</a>", "", page))


@pytest.mark.parametrize(
    ("locale", "day", "moment", "number"),
    [
        ("vi", "06/05/2026", "14:05 06/05/2026", "12.345"),
        ("en", "6 May 2026", "14:05, 6 May 2026", "12,345"),
        ("zh", "2026年5月6日", "2026年5月6日 14:05", "12,345"),
        ("ja", "2026年5月6日", "2026年5月6日 14:05", "12,345"),
    ],
)
def test_days_and_numbers_are_written_as_their_readers_do(locale: str, day: str, moment: str, number: str) -> None:
    at = datetime(2026, 5, 6, 7, 5, tzinfo=UTC)
    assert tongues.day_in(date(2026, 5, 6), locale) == tongues.day_in(at, locale) == day
    assert tongues.moment_in(at, locale) == moment
    assert tongues.number_in(12_345, locale) == number
    assert tongues.day_in(None, locale) == "–"


def test_the_switch_keeps_the_answer_and_counts_nothing(client: FlaskClient) -> None:
    page = client.get("/gallery/verdict/valid?lang=zh").get_data(as_text=True)
    links = re.findall(r'<a href="([^"]+)" lang="([^"]+)" hreflang', page)
    assert links == [(f"/T/7K4M92QDXJ3P?xem=1&amp;lang={word}", word) for word in ("vi", "en", "ja")]
    assert 'href="/T/7K4M92QDXJ3P/report?lang=zh"' in page
