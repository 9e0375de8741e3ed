"""A form as people write it and as it is kept: lines of text for the editor, blocks as data for the drawing. Pure.

One line is one block. `= text` stands centred, `# text` is a heading, `Điều: text` an article that numbers itself, `- text` an item, `[goods]` a
table; every other line is a paragraph. `~` before any of them leaves the line out when all its fields are empty. `{name}` is a field, `{name:words}`
an amount in words. Nothing is saved here, and what cannot be read is named by part and line, all at once.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from enforcement.papers import faults
from enforcement.papers.values import clean
from enforcement.papers.vocabulary import KNOWN, SOURCES, SYSTEM, TABLES, Field, FieldKind
from enforcement.transitions import CaseState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trace.errors import TemThatError


class FormKind(StrEnum):
    """What a paper is, which decides how it is laid out."""

    MINUTES = "minutes"
    DECISION = "decision"
    DISPATCH = "dispatch"
    NOTICE = "notice"
    PLAN = "plan"
    SLIP = "slip"


class SignedBy(StrEnum):
    """Whose signature makes the paper: that of whoever draws it up, that of a head, or that of whoever is competent for it, by rank or by law."""

    OFFICER = "officer"
    COMPETENT = "competent"
    HEAD = "head"


class FormPart(StrEnum):
    """The parts of a form, as the editor shows them."""

    NAME = "name"
    KIND = "kind"
    SYMBOL = "symbol"
    TITLE = "title"
    ABSTRACT = "abstract"
    LAW = "law"
    SIGNER = "signer"
    EVERY_PAGE = "every_page"
    STAGES = "stages"
    ADDRESSEE = "addressee"
    BASES = "bases"
    FIELDS = "fields"
    BODY = "body"
    SIGNATURES = "signatures"
    RECIPIENTS = "recipients"
    DOUBTS = "doubts"


HEAD = (
    FormPart.NAME, FormPart.KIND, FormPart.SYMBOL, FormPart.TITLE, FormPart.ABSTRACT, FormPart.LAW, FormPart.SIGNER, FormPart.EVERY_PAGE, FormPart.STAGES, FormPart.ADDRESSEE,
)  # fmt: skip
BOXES = (FormPart.BASES, FormPart.FIELDS, FormPart.BODY, FormPart.SIGNATURES, FormPart.RECIPIENTS, FormPart.DOUBTS)
# A dispatch is named by what it is about; its title is not printed, but lists show it.
NEEDED = (FormPart.NAME, FormPart.SYMBOL, FormPart.TITLE, FormPart.ABSTRACT, FormPart.BODY)
LINE_MOST, BOX_MOST = 400, 20_000
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_TABLE = re.compile(r"\[([^\[\]]*)\](.*)")
_SYMBOL = re.compile(r"[^\W_]+(-[^\W_]+)*")


@dataclass(frozen=True)
class Form:
    """One version of a form, read."""

    name: str
    kind: FormKind
    symbol: str
    title: str
    abstract: str
    law: str
    signer: SignedBy
    every_page: bool
    stages: tuple[CaseState, ...]
    addressee: str
    bases: tuple[str, ...]
    fields: tuple[Field, ...]
    body: tuple[dict[str, Any], ...]
    signatures: tuple[tuple[str, str], ...]
    recipients: tuple[str, ...]
    doubts: tuple[str, ...]

    def field(self, name: str) -> Field | None:
        """One of its fields."""
        return next((field for field in self.fields if field.name == name), None)


def content(form: Form) -> dict[str, Any]:
    """As it is kept."""
    return {
        **asdict(form), "kind": form.kind.value, "signer": form.signer.value, "stages": [stage.value for stage in form.stages],
        "fields": [{**asdict(field), "kind": field.kind.value} for field in form.fields], "body": [*form.body],
        "signatures": [[*each] for each in form.signatures],
    }  # fmt: skip


def form_of(kept: Mapping[str, Any]) -> Form:
    """As it was kept."""
    return Form(**{
        **kept, "kind": FormKind(kept["kind"]), "signer": SignedBy(kept["signer"]),
        "stages": tuple(CaseState(stage) for stage in kept["stages"]),
        "fields": tuple(Field(**{**field, "kind": FieldKind(field["kind"])}) for field in kept["fields"]),
        "body": tuple(kept["body"]), "bases": tuple(kept["bases"]), "recipients": tuple(kept["recipients"]), "doubts": tuple(kept["doubts"]),
        "signatures": tuple((role, name) for role, name in kept["signatures"]),
    })  # fmt: skip


def sections(text: str) -> dict[str, str]:
    """A form in one text: `key = value` lines, then `[part]` sections."""
    found: dict[str, list[str]] = {}
    part = ""
    for line in text.split("\n"):
        if line.startswith("[") and line.strip()[1:-1] in set(BOXES):
            part = line.strip()[1:-1]
            found[part] = []
        elif part:
            found[part].append(line)
        elif "=" in line:
            key, _, value = line.partition("=")
            found[key.strip()] = [value]
    return {key: clean("\n".join(lines)) for key, lines in found.items()}


def parse(given: Mapping[str, str]) -> tuple[Form | None, list[TemThatError]]:
    """A form from the parts as people write them; None with everything that is wrong."""
    parts = {part: clean(given.get(part.value, "")) for part in FormPart}
    wrong: list[TemThatError] = [faults.PartMissing(part=part, box=part.value) for part in NEEDED if not parts[part]]
    for part, text in parts.items():
        most = BOX_MOST if part in BOXES else LINE_MOST
        if len(text) > most:
            wrong.append(faults.PartTooLong(part=part, most=most, box=part.value))
    if parts[FormPart.SYMBOL] and not _SYMBOL.fullmatch(parts[FormPart.SYMBOL]):
        wrong.append(_unknown(FormPart.SYMBOL, 1, parts[FormPart.SYMBOL], ["BB-VPHC", "QĐ-XPHC"]))
    kind = _one_of(FormKind, FormPart.KIND, parts, wrong)
    signer = _one_of(SignedBy, FormPart.SIGNER, parts, wrong)
    stages = []
    for word in filter(None, re.split(r"[,\s]+", parts[FormPart.STAGES])):
        if word in set(CaseState):
            stages.append(CaseState(word))
        else:
            wrong.append(_unknown(FormPart.STAGES, 1, word, list(CaseState)))
    fields = _fields(parts[FormPart.FIELDS], wrong)
    names = {field.name for field in fields}
    body = [block for place, line in _lines(parts[FormPart.BODY]) if (block := _block(line, place, names, wrong))]
    used = _used(parts, names, wrong) | {block["of"] for block in body if block["kind"] == "table"}
    wrong += [faults.FieldUnused(part=FormPart.FIELDS, name=field.name) for field in fields if field.name not in used]
    if wrong or kind is None or signer is None:
        return None, wrong
    return Form(
        name=parts[FormPart.NAME], kind=kind, symbol=parts[FormPart.SYMBOL], title=parts[FormPart.TITLE], abstract=parts[FormPart.ABSTRACT],
        law=parts[FormPart.LAW], signer=signer, every_page=parts[FormPart.EVERY_PAGE].lower() in {"1", "y", "yes", "true", "có"}, stages=tuple(stages),
        addressee=parts[FormPart.ADDRESSEE], bases=_plain(parts[FormPart.BASES]), fields=tuple(fields), body=tuple(body),
        signatures=tuple((role.strip(), name.strip()) for role, _, name in (line.partition("|") for line in _plain(parts[FormPart.SIGNATURES]))),
        recipients=_plain(parts[FormPart.RECIPIENTS]), doubts=_plain(parts[FormPart.DOUBTS]),
    ), []  # fmt: skip


def written(form: Form) -> dict[str, str]:
    """The parts of a form as people write them, for the editor. Reading them again gives the same form."""
    return {
        **{part.value: str(getattr(form, part.value)) for part in HEAD if part not in {FormPart.EVERY_PAGE, FormPart.STAGES}},
        "every_page": "yes" if form.every_page else "", "stages": ", ".join(form.stages), "bases": "\n".join(form.bases),
        "fields": "\n".join(_field_line(field) for field in form.fields), "body": "\n".join(_block_line(block) for block in form.body),
        "signatures": "\n".join(f"{role} | {name}" if name else role for role, name in form.signatures),
        "recipients": "\n".join(form.recipients), "doubts": "\n".join(form.doubts),
    }  # fmt: skip


def placeholders(text: str) -> Iterator[tuple[str, bool]]:
    """The fields that a text names, and whether in words."""
    for found in PLACEHOLDER.finditer(text):
        name, _, how = found[1].partition(":")
        yield name.strip(), how.strip() == "words"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((place, line) for place, line in enumerate(text.split("\n"), 1) if line)


def _plain(text: str) -> tuple[str, ...]:
    return tuple(line for _place, line in _lines(text))


def _fields(text: str, wrong: list[TemThatError]) -> list[Field]:
    """`name* | label | kind | source | hint`; what is left out comes from the vocabulary."""
    found: dict[str, Field] = {}
    for place, line in _lines(text):
        name, label, kind, source, hint = ([part.strip() for part in line.split("|", 4)] + [""] * 5)[:5]
        required, name = name.endswith("*"), name.rstrip("* ")
        at: dict[str, Any] = {"part": FormPart.FIELDS, "line": str(place), "name": name}
        if not _NAME.fullmatch(name) or name in SYSTEM:
            wrong.append(faults.BadFieldName(**at))
            continue
        if name in found:
            wrong.append(faults.FieldTwice(**at))
        base = KNOWN.get(name, Field(name, label))
        if not (label or base.label):
            wrong.append(faults.FieldWithoutLabel(**at))
        if kind and kind not in set(FieldKind):
            wrong.append(_unknown(FormPart.FIELDS, place, kind, list(FieldKind)))
            kind = ""
        if source and source != "-" and source not in SOURCES:
            wrong.append(faults.UnknownSource(**{**at, "name": source}))
        made = replace(
            base, required=required, label=label or base.label, kind=FieldKind(kind) if kind else base.kind,
            source="" if source == "-" else source or base.source, hint="" if hint == "-" else hint or base.hint,
        )  # fmt: skip
        if made.kind is FieldKind.TABLE and name not in TABLES:
            wrong.append(faults.UnknownTable(part=FormPart.FIELDS, line=str(place), name=name, known=sorted(TABLES)))
            continue
        found[name] = made
    return list(found.values())


def _field_line(field: Field) -> str:
    known = KNOWN.get(field.name)
    name = field.name + ("*" if field.required else "")
    if known is not None and replace(known, required=field.required) == field:
        return name
    return " | ".join([name, field.label, field.kind.value, field.source or "-", field.hint or "-"])


def _block(line: str, place: int, names: set[str], wrong: list[TemThatError]) -> dict[str, Any] | None:
    omit = line.startswith("~")
    text = line.removeprefix("~").strip()
    made: dict[str, Any] = {"omit": omit}
    table = _TABLE.fullmatch(text)
    if table is not None:
        of = table[1].strip()
        if of not in TABLES or of not in names:
            wrong.append(faults.UnknownTable(part=FormPart.BODY, line=str(place), name=of, known=sorted(TABLES)))
            return None
        return made | {"kind": "table", "of": of, "text": table[2].strip()}
    for mark, kind in (("=", "centre"), ("#", "heading"), ("Điều:", "article"), ("-", "item")):
        if text.startswith(mark):
            made |= {"kind": kind, "text": text.removeprefix(mark).strip()}
            break
    else:
        made |= {"kind": "paragraph", "text": text}
    if not made["text"] or text.startswith("["):
        wrong.append(faults.BrokenBlock(part=FormPart.BODY, line=str(place), text=line[:60]))
        return None
    return made


def _block_line(block: Mapping[str, Any]) -> str:
    marks = {"centre": "= ", "heading": "# ", "article": "Điều: ", "item": "- ", "paragraph": ""}
    said = (
        f"[{block['of']}] {block['text']}".strip()
        if block["kind"] == "table"
        else f"{marks[block['kind']]}{block['text']}"
    )
    return ("~ " if block["omit"] else "") + said


def _used(parts: Mapping[FormPart, str], names: set[str], wrong: list[TemThatError]) -> set[str]:
    """Every field that the texts name; a name that nobody declared and a bracket that does not close are told."""
    used: set[str] = set()
    for part in (
        FormPart.TITLE,
        FormPart.ABSTRACT,
        FormPart.ADDRESSEE,
        FormPart.BASES,
        FormPart.BODY,
        FormPart.SIGNATURES,
        FormPart.RECIPIENTS,
    ):
        for place, line in _lines(parts[part]):
            bare = PLACEHOLDER.sub("", line)
            if "{" in bare or "}" in bare:
                wrong.append(faults.BrokenBlock(part=part, line=str(place), text=line[:60]))
            for found in PLACEHOLDER.finditer(line):
                name, colon, how = found[1].partition(":")
                name = name.strip()
                if (colon and how.strip() != "words") or (name not in names and name not in SYSTEM) or name in TABLES:
                    wrong.append(faults.UnknownField(part=part, line=str(place), name=found[1]))
                used.add(name)
    return used


E = TypeVar("E", bound=StrEnum)


def _one_of(kind: type[E], part: FormPart, parts: Mapping[FormPart, str], wrong: list[TemThatError]) -> E | None:
    value = parts[part]
    if value in set(kind):
        return kind(value)
    wrong.append(_unknown(part, 1, value or "–", kind))
    return None


def _unknown(part: FormPart, place: int, name: str, known: Iterable[str]) -> TemThatError:
    return faults.UnknownWord(part=part, line=str(place), name=name, known=", ".join(str(each) for each in known))
