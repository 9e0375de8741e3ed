"""Chinese and Japanese for visitors: on which pages, which texts these need, and how dates and numbers are written per language.

The other pages know Vietnamese and English; who comes to one with another language reads English there, never a mix.
What must not live here: wording, which stands in `trace/translations`.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import flask_babel
from flask import g, request
from jinja2 import Environment, nodes
from jinja2.ext import extract_from_ast

from trace import words
from trace.clock import CITY
from trace.config import ROOT
from trace.moulds import told
from trace.words import LOCALES, Message, day, moment, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

NAMES = {"vi": "Tiếng Việt", "en": "English", "zh": "中文", "ja": "日本語"}
FAR = ("zh", "ja")
FALLBACK = "en"
MARKS = {"zh": "zh-Hans"}
"""What the page says of its language where that is not the word of the address: fonts differ by script."""

# The endpoints that speak every language, and the templates that they are made of.
PAGES = frozenset({
    "verify.home", "verify.typed", "verify.show", "verify.show_gtin", "verify.answer", "verify.hidden", "hidden_codes.enter",
    "lot_codes.show", "certificate_status.show", "certificate_status.search", "gallery.verdict",
})  # fmt: skip
TEMPLATES = (
    "verdict.html", "base.html", "base_public.html", "public/home.html", "public/typed.html", "public/_code_field.html", "public/certificate.html", "public/certificate_search.html",
)  # fmt: skip
MACROS = "macros.html"
# What these pages ask for by a variable: names of enum members, the words of `shown` and of the views behind them.
ENUMS = {
    "TitleKind": ("gi", "collective_mark", "certification_mark"),
    "CertificateStatus": ("active", "suspended", "revoked", "given_up"),
    "SiteKind": ("vat", "hive", "barn", "workshop"),
}
MODULES = ("services/typed_codes.py", "services/public_certificates.py")
"""Their errors are told on these pages."""
ELSEWHERE = (
    "%(n)s t", "Sample data", "The goods are %(product)s, %(pack)s, of %(holder)s", "Packing date printed on the pack: %(day)s",
)  # fmt: skip

_ENGLISH_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def choose() -> str:
    """The language of this request: the asked one where the page speaks it, English for guests elsewhere, Vietnamese otherwise."""
    asked = request.args.get("lang") or request.cookies.get("lang")
    if asked in LOCALES:
        return str(asked)
    if request.path.startswith("/api/v"):
        return request.accept_languages.best_match(LOCALES) or "vi"
    if asked in FAR:
        return str(asked) if request.endpoint in PAGES and "plain" not in g else FALLBACK
    return "vi"


def plainly() -> None:
    """What follows in this request may be any text of ours, so guests read it in English."""
    if "plain" not in g:
        g.plain = True
        g.pop("spoken", None)
        flask_babel.refresh()


def mark(locale: str) -> str:
    """The value of a `lang` attribute."""
    return MARKS.get(locale, locale)


@cache
def others(locale: str, endpoint: str | None) -> tuple[tuple[str, str, str], ...]:
    """The further languages of a page: the word of the address, the mark, and the name in the language itself."""
    known = NAMES if endpoint in PAGES else LOCALES
    return tuple((each, mark(each), NAMES[each]) for each in known if each != locale)


def day_in(value: date | datetime | None, locale: str) -> str:
    """31/12/2026, 31 December 2026, 2026年12月31日: a day so that readers of a language cannot take it for another."""
    if (mark := told(value, "day")) is not None:
        return mark
    if value is None or locale == "vi":
        return day(value)
    at = value.astimezone(CITY) if hasattr(value, "astimezone") else value
    if locale == "en":
        return f"{at.day} {_ENGLISH_MONTHS[at.month - 1]} {at.year}"
    return f"{at.year}年{at.month}月{at.day}日"


def last_day_in(end: date, locale: str) -> str:
    """The last day of a period whose end, as PostgreSQL keeps it, is the day after."""
    return day_in(end - timedelta(days=1), locale)


def moment_in(value: datetime | None, locale: str) -> str:
    """14:05 31/12/2026, 14:05, 31 December 2026, 2026年12月31日 14:05: in the city's time."""
    if (mark := told(value, "moment")) is not None:
        return mark
    if value is None or locale == "vi":
        return moment(value)
    clock = f"{value.astimezone(CITY):%H:%M}"
    return f"{clock}, {day_in(value, locale)}" if locale == "en" else f"{day_in(value, locale)} {clock}"


def number_in(value: int | None, locale: str) -> str:
    """1.234 in Vietnamese, 1,234 elsewhere."""
    if (mark := told(value, "number")) is not None:
        return mark
    return number(value) if value is None or locale == "vi" else f"{value:,}"


def wanted() -> set[Message]:
    """Every message id that the pages of `PAGES` can ask for."""
    env = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    folder = ROOT / "trace" / "templates"
    pages = [env.parse((folder / name).read_text(encoding="utf-8")) for name in TEMPLATES]
    macros = {
        macro.name: macro for macro in env.parse((folder / MACROS).read_text(encoding="utf-8")).find_all(nodes.Macro)
    }
    used: set[str] = set()
    waiting = [name for page in pages for name in _called(page)]
    while waiting:
        name = waiting.pop()
        if name in macros and name not in used:
            used.add(name)
            waiting += _called(macros[name])
    found = set[Message]()
    for tree in [*pages, *(macros[name] for name in used)]:
        # Any part of a template will do; only the annotation asks for a whole one.
        for _line, function, message in extract_from_ast(tree, ("_", "gettext", "ngettext")):  # type: ignore[arg-type]
            one, *more = (message,) if isinstance(message, str) else (message or ("",))
            found.add((str(one), str(more[0])) if function == "ngettext" else str(one))
    for name in MODULES:
        with (ROOT / "trace" / name).open("rb") as file:
            found |= {str(message) for _line, _function, message, _comments in words.extract(file, {"_": None}, (), {})}
    found |= {f"{name}.{value}" for name, values in ENUMS.items() for value in values}
    return found | set(ELSEWHERE)


def update() -> dict[str, list[str]]:
    """Bring the catalogues of `FAR` up to these pages: new ids are added empty, dead ones dropped. Returns what is untranslated."""
    asked, missing = wanted(), dict[str, list[str]]()
    for locale in FAR:
        kept = words.read(locale)
        wording = {message: kept.get(message, "") for message in asked}
        words.write(locale, wording)
        missing[locale] = sorted(str(message) for message, text in wording.items() if not text)
    return missing


def _called(tree: nodes.Node) -> Iterator[str]:
    """The macros that a template or a macro may call: `ui.name` and `name(…)`."""
    for each in tree.find_all(nodes.Getattr):
        if isinstance(each.node, nodes.Name) and each.node.name == "ui":
            yield each.attr
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name):
            yield call.node.name
