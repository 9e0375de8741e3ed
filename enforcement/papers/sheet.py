"""A form filled in: every line of the paper as text and blanks, before anybody draws it. Pure, and kept with the document once it is issued.

A blank is a fact of its own: in a draft it is dotted, in an issued paper a line goes through it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from enforcement.papers import values
from enforcement.papers.forms import PLACEHOLDER, FormKind, SignedBy
from enforcement.papers.vocabulary import TABLES, FieldKind
from trace.services import papers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from enforcement.papers.forms import Form

NO_NUMBER = "........"
NO_AUTHORITY, NO_CAPACITY = "Thẩm quyền ban hành", ("Quyền hạn, chức vụ của người ký",)
GREETINGS = {FormKind.SLIP: "Kính trình"}
# What stays of a date or a moment that nobody filled in: the words around the figures.
EMPTY: dict[FieldKind, tuple[str, ...]] = {
    FieldKind.DATE: ("ngày ", " tháng ", " năm "),
    FieldKind.MOMENT: ("", " giờ ", " phút, ngày ", " tháng ", " năm "),
    FieldKind.NUMBER: ("",),
}
BLANK_ROWS = 2
CLOSING_LEAST = 120
NBSP = "\u00a0"
_COMPOUNDS = re.compile(
    r"\b((?:đội )?quản lý thị trường|công thương|chi cục|thành phố|vi phạm|hành chính|tội phạm|hình sự|trách nhiệm|quyết định|xử phạt|biện pháp|"
    r"khắc phục|hậu quả|tang vật|phương tiện|trường hợp|tổ chức|cá nhân|đại diện|kiểm tra|đội trưởng|tổ trưởng|trưởng đoàn|chức vụ|"
    r"quyền hạn|người ký|pháp luật|chấp hành|truy cứu|bàn giao|thẩm quyền|phê duyệt|hồ sơ|dấu hiệu|kinh doanh|chỉ đạo|ý kiến|đối với)\b",
    re.IGNORECASE,
)
Runs = list[dict[str, str]]


@dataclass(frozen=True)
class Heading:
    """Who issues and signs. In a draft nobody has signed, so the number and the day are blanks.

    `capacity`: the lines above the name, such as "KT. CHI CỤC TRƯỞNG", "PHÓ CHI CỤC TRƯỞNG". `basis`: the
    decision that gave the power, as a ground of this one. `mandate`: the number of the paper on which the capacity rests; kept, not printed.
    """

    parent: str
    organisation: str
    place: str
    number: str = ""
    on: date | None = None
    signer_name: str = ""
    signer_title: str = ""
    capacity: Sequence[str] = field(default_factory=list)
    basis: str = ""
    mandate: str = ""
    case_number: str = ""
    sample: bool = False


def compose(code: str, form: Form, given: Mapping[str, str], heading: Heading) -> dict[str, Any]:
    """The sheet of a document: plain data from which both layouts draw."""
    words = _Words(form, given, heading)
    signs_below = form.signer is not SignedBy.OFFICER
    bases = [words.runs(line.removeprefix("~").strip()) for line in form.bases if not words.dropped(line)]
    if heading.basis:
        bases.append([{"t": heading.basis}])
    _end_bases(bases)
    return {
        "form": code, "kind": form.kind.value, "parent": heading.parent, "organisation": heading.organisation,
        "number": heading.number or f"{NO_NUMBER}/{form.symbol}", "place": heading.place,
        "date": papers.day_in_words(heading.on) if heading.on else "ngày ...... tháng ...... năm ..........",
        "title": words.plain(form.title), "abstract": words.plain(form.abstract),
        "authority": (words.system["signer_office"] or NO_AUTHORITY) if form.kind is FormKind.DECISION else "",
        "greeting": GREETINGS.get(form.kind, "Kính gửi"), "addressee": words.runs(form.addressee) if form.addressee else None,
        "bases": bases, "blocks": words.blocks(),
        "signatures": [
            {"role": words.plain(role.removeprefix("~").strip()), "name": words.first(name)}
            for role, name in form.signatures
            if not (heading.number and role.startswith("~") and words.dropped(f"~{name}"))
        ],
        "recipients": [words.plain(line) for line in form.recipients],
        "capacity": [*(heading.capacity or NO_CAPACITY)] if signs_below else [], "signer": heading.signer_name if signs_below else "",
        "signed": signs_below, "mandate": heading.mandate, "every_page": form.every_page, "sample": heading.sample,
        "doubts": [*form.doubts],
    }  # fmt: skip


def abstract(form: Form, given: Mapping[str, str], heading: Heading) -> str:
    """What a document is about, in one line, for lists."""
    return _Words(form, given, heading).plain(form.abstract, blank="…")


class _Words:
    """The texts of a form with what was filled in."""

    def __init__(self, form: Form, given: Mapping[str, str], heading: Heading) -> None:
        self.form, self.given = form, given
        self.fields = {each.name: each for each in form.fields}
        office = f"{heading.signer_title} {heading.organisation}".strip() if heading.signer_title else ""
        self.system = {
            "issuer": heading.organisation, "issuer_parent": heading.parent, "issuer_place": heading.place,
            "case_number": heading.case_number, "signer_name": heading.signer_name, "signer_title": heading.signer_title,
            "signer_office": office,
        }  # fmt: skip

    def blocks(self) -> list[dict[str, Any]]:
        """The body, articles numbered, lines that may be left out left out."""
        made: list[dict[str, Any]] = []
        articles = 0
        for block in self.form.body:
            if block["kind"] == "table":
                if block["omit"] and not self.given.get(block["of"]):
                    continue
                made.append(self._table(block))
                continue
            if block["omit"] and self.dropped(f"~{block['text']}"):
                continue
            label = ""
            if block["kind"] == "article":
                articles += 1
                label = f"Điều {articles}. "
            lines = _split(self.runs(block["text"]))
            made.append({"kind": block["kind"], "label": label, "runs": lines[0]})
            made += [{"kind": "paragraph", "label": "", "runs": line} for line in lines[1:]]
        return made

    def dropped(self, line: str) -> bool:
        """Whether a line may be left out, and says nothing because all its fields are empty."""
        named = [found[1].partition(":")[0].strip() for found in PLACEHOLDER.finditer(line)]
        own = [name for name in named if name not in self.system] or named
        return line.startswith("~") and bool(named) and not any(self._value(name) for name in own)

    def runs(self, text: str) -> Runs:
        """A line as pieces of text and blanks. A blank at the end reaches to the margin."""
        made: Runs = []
        place = 0
        for found in PLACEHOLDER.finditer(text):
            if found.start() > place:
                made.append({"t": text[place : found.start()]})
            place = found.end()
            name, _, how = found[1].partition(":")
            value = self._value(name.strip(), words=how.strip() == "words")
            own = self.fields.get(name.strip())
            if value:
                made.append({"t": value})
            elif own is not None and own.kind in EMPTY:
                for word in EMPTY[own.kind]:
                    made += [{"t": word}, {"blank": "figure"}] if word else [{"blank": "figure"}]
            else:
                made.append({"blank": "rest" if not text[place:].strip(" .;,") else "short"})
        if text[place:]:
            made.append({"t": text[place:]})
        return made

    def plain(self, text: str, *, blank: str = "............") -> str:
        """A line without blanks of its own: titles, recipients, names under signatures."""
        return "".join(run.get("t", blank) for run in self.runs(text)).replace("\n", ", ")

    def first(self, names: str) -> str:
        """The name under a signature: of several, between slashes, the first that is filled in."""
        return next((said for name in names.split(" / ") if (said := self.plain(name, blank="").strip())), "")

    def _value(self, name: str, *, words: bool = False) -> str:
        if name in self.system:
            return self.system[name]
        value = self.given.get(name, "")
        if not value:
            return ""
        return values.shown(self.fields[name], value, words=words)

    def _table(self, block: Mapping[str, Any]) -> dict[str, Any]:
        table = TABLES[block["of"]]
        rows = values.rows(self.given.get(block["of"], ""), block["of"])
        return {
            "kind": "table", "caption": self.plain(block["text"]) if block["text"] else "", "columns": [*table.columns],
            "widths": [*table.widths], "numeric": [*table.numeric], "rows": rows or [[""] * len(table.columns)] * BLANK_ROWS,
            "empty": not rows,
        }  # fmt: skip


def kept(blocks: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Which lines of the body stay on one page with what follows: headings, what leads to a list or a table, the words before signatures."""
    found = []
    for place, block in enumerate(blocks):
        after = blocks[place + 1] if place + 1 < len(blocks) else None
        leads = block["kind"] == "heading" or (block["kind"] != "table" and _text(block).endswith(":"))
        to_table = block["kind"] != "table" and after is not None and after["kind"] == "table"
        below = sum(len(_text(each)) if each["kind"] != "table" else CLOSING_LEAST for each in blocks[place + 1 :])
        closing = block["kind"] != "table" and below < CLOSING_LEAST
        found.append(leads or to_table or after is None or closing)
    return found


def whole(text: str) -> str:
    """A heading in which no word of two syllables is torn at the end of a line, and no syllable stands alone on the last."""
    joined = _COMPOUNDS.sub(lambda found: found[0].replace(" ", NBSP), text)
    return NBSP.join(joined.rsplit(" ", 1)) if joined.count(" ") > 2 else joined


def _text(block: Mapping[str, Any]) -> str:
    return "".join(run.get("t", "....") for run in block.get("runs", ())).strip()


def _end_bases(bases: list[Runs]) -> None:
    """Every ground ends with a semicolon, the last with a full stop."""
    for runs in bases[-1:]:
        if runs and "t" in runs[-1]:
            runs[-1] = {"t": runs[-1]["t"].rstrip(" ;.,") + "."}


def _split(runs: Runs) -> list[Runs]:
    """Values of several lines begin new lines of the paper."""
    lines: list[Runs] = [[]]
    for run in runs:
        pieces = run["t"].split("\n") if "t" in run else [None]
        for n, piece in enumerate(pieces):
            if n:
                lines.append([])
            lines[-1].append(run if piece is None else {"t": piece})
    return lines
