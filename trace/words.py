"""What the program says to people: names of enum members, and how message ids are gathered for the catalogues.

A member's message id is `ClassName.value`; an error's is the first paragraph of its docstring, its way out the second.
The wording itself stands in `trace/translations` and nowhere else.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from enum import StrEnum
from typing import IO, Any

from babel.messages.extract import extract_python
from flask_babel import gettext

from trace.errors import TemThatError


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
    return {name: say(fact) if isinstance(fact, StrEnum) else fact for name, fact in error.facts.items()}


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
                    yield item.lineno, "gettext", f"{node.name}.{item.value.value}", []
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
