"""What the program says to people: names of enum members, and how message ids are gathered for the catalogues.

A member's message id is `ClassName.value`; an error's is the first paragraph of its docstring, its way out the second.
The wording itself stands in `trace/translations` and nowhere else.
"""

from __future__ import annotations

import ast
import inspect
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import extract_from_dir, extract_python
from babel.messages.pofile import read_po, write_po
from flask_babel import gettext

from trace.clock import CITY
from trace.config import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trace.errors import TemThatError

CATALOGUES = ROOT / "trace" / "translations"
LOCALES = ("vi", "en")
BEGUN = datetime(2026, 11, 22, tzinfo=UTC)

Message = str | tuple[str, str]
"""The id of a text, or of a text for one and for many."""


def say(member: StrEnum) -> str:
    """The name of an enum member in the reader's language."""
    return str(gettext(f"{type(member).__name__}.{member.value}"))


def explain(error: TemThatError) -> str:
    """What an error says, with its facts filled in."""
    return str(gettext(error.message_id(), **_spoken(error)))


def way_out(error: TemThatError) -> str | None:
    """What to do about an error, if it knows."""
    found = error.way_out_id()
    return str(gettext(found, **_spoken(error))) if found else None


def _spoken(error: TemThatError) -> dict[str, object]:
    return {name: _in_words(fact) for name, fact in error.facts.items()}


def _in_words(fact: object) -> object:
    """A fact as people here write it. A number that is a name, such as a year, is passed as text by whoever raises."""
    match fact:
        case StrEnum():
            return say(fact)
        case int() | float() | Decimal() if not isinstance(fact, bool):
            return number(fact)
        case datetime():
            return moment(fact)
        case date():
            return day(fact)
        case set() | frozenset() | tuple() | list():
            return ", ".join(sorted(str(_in_words(each)) for each in fact))
        case _:
            return fact


def day(value: date | datetime | None) -> str:
    """31/12/2026, as the city counts days."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(CITY).date()
    return value.strftime("%d/%m/%Y")


def moment(value: datetime | None) -> str:
    """14:05 31/12/2026 in the city's time."""
    return "–" if value is None else value.astimezone(CITY).strftime("%H:%M %d/%m/%Y")


def clock_time(value: datetime | None) -> str:
    """14:05 in the city's time."""
    return "–" if value is None else value.astimezone(CITY).strftime("%H:%M")


def number(value: int | float | Decimal | None, decimals: int | None = None) -> str:
    """1.234,5: points between thousands, a comma before decimals."""
    if value is None:
        return "–"
    shown = f"{value:,.{decimals}f}" if decimals is not None else f"{value:,}"
    return shown.replace(",", "\0").replace(".", ",").replace("\0", ".")


def extract(
    fileobj: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str | list[str], list[str]]]:
    """Babel's extraction of a Python file, plus enum members and the docstrings of errors."""
    yield from extract_python(fileobj, keywords, comment_tags, options)  # type: ignore[misc]
    fileobj.seek(0)
    errors = set(ERROR_BASES)
    for node in ast.walk(ast.parse(fileobj.read())):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if "StrEnum" in bases and not _silent(node):
            for item in node.body:
                if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
                    yield item.lineno, "gettext", f"{node.name}.{item.value.value!s}", []
        elif node.name in errors or bases & errors:
            errors.add(node.name)
            for paragraph in inspect.cleandoc(ast.get_docstring(node) or "").split("\n\n")[:2]:
                if paragraph.strip():
                    yield node.lineno, "gettext", " ".join(paragraph.split()), []


ERROR_BASES = {
    "TemThatError", "BeyondCompetence", "SignInNeeded", "NotFound", "Forbidden", "Invalid", "Conflict", "TooLarge", "TooMany", "Unavailable", "Refused", "LabelError",
}  # fmt: skip


def _silent(node: ast.ClassDef) -> bool:
    """Enums that no person ever reads say so in their docstring."""
    return "(never shown)" in (ast.get_docstring(node) or "")


def gather() -> set[Message]:
    """Every message id that the code and the templates of both slices and of `labels` can ask for; plurals as a pair."""
    found: set[Message] = set()
    for folder in ("trace", "enforcement", "labels"):
        methods: list[tuple[str, Any]] = [("**.py", extract), ("**.html", "jinja2")]
        # `_l` is lazy_gettext, for what is named when a module is loaded.
        keywords = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
        for _file, _line, message, _comments, _context in extract_from_dir(
            str(ROOT / folder), methods, {"**.html": {"silent": "false", "trimmed": "true"}}, keywords
        ):
            found.add(message if isinstance(message, str) else (message[0], message[1]))
    return {message for message in found if message}


def read(locale: str) -> dict[Message, str]:
    """The wording of a language as it stands in the repository. Of plurals, the form for many."""
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.po").open("rb") as handle:
        catalogue = read_po(handle, locale=locale)
    return {message: text for message, text in map(_pair, catalogue) if message}


def _pair(entry: Entry) -> tuple[Message, str]:
    if isinstance(entry.id, str):
        return entry.id, str(entry.string)
    forms = entry.string or ("",)
    return (entry.id[0], entry.id[1]), forms if isinstance(forms, str) else str(forms[-1])


def write(locale: str, wording: dict[Message, str]) -> None:
    """Write a language's catalogue, sorted and without places, so that only wording shows up in a change."""
    # Fixed dates: the header must not change when no wording does.
    catalogue = Catalog(
        locale=locale, domain="messages", fuzzy=False, header_comment="# Wording of Tem Thật.", project="Tem That", version="1",
        creation_date=BEGUN, revision_date=BEGUN, last_translator="Tem That", language_team="Tem That", msgid_bugs_address="-",
    )  # fmt: skip
    for message in sorted(wording, key=lambda each: (each, "") if isinstance(each, str) else each):
        text = wording[message]
        flags = {"python-format"} if "%(" in "".join(message) else set()
        if isinstance(message, str):
            catalogue.add(message, text, flags=flags)
        else:
            forms = (message[0], text) if locale == "en" and text else (text,) * catalogue.num_plurals
            catalogue.add(message, forms, flags=flags)
    target = CATALOGUES / locale / "LC_MESSAGES" / "messages.po"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as handle:
        write_po(handle, catalogue, width=120, omit_header=False, sort_output=False)


def update() -> dict[str, list[str]]:
    """Bring the catalogues up to the code: new ids are added empty, dead ones dropped. Returns what is untranslated.

    English is the language of the ids themselves, so an id without a dot-name of an enum is its own English.
    """
    wanted = gather()
    missing: dict[str, list[str]] = {}
    for locale in LOCALES:
        try:
            kept = read(locale)
        except FileNotFoundError:
            kept = {}
        wording = {message: kept.get(message, "") for message in wanted}
        if locale == "en":
            wording = {message: text or _own_english(message) for message, text in wording.items()}
        write(locale, wording)
        missing[locale] = sorted(str(message) for message, text in wording.items() if not text)
    return missing


def _own_english(message: Message) -> str:
    if isinstance(message, tuple):
        return message[1]
    return "" if _is_member(message) else message


def _is_member(message: str) -> bool:
    name, dot, value = message.partition(".")
    return (
        bool(dot)
        and name.isidentifier()
        and name[:1].isupper()
        and value.replace("_", "").isalnum()
        and value.islower()
    )
