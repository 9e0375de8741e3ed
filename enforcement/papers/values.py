"""What officers type into a form: read, checked and written out as official papers do it. Pure.

Values are kept as they were typed, so that the form comes back as the officer left it.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from enforcement.papers import faults
from enforcement.papers.vocabulary import TABLES, FieldKind
from trace.clock import CITY
from trace.services import kept_text, papers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from enforcement.papers.vocabulary import Field
    from trace.errors import TemThatError

LINE_MOST, TEXT_MOST, ROWS_MOST = 300, 6000, 500
_DAY = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_MOMENT = re.compile(r"([0-9]{1,2})[:h]([0-9]{2})\s+" + _DAY.pattern)
_SOMEBODY = re.compile(r"@|(?:\+?84|0)(?:[ .-]?\d){8,10}(?!\d)|(?<!\d)\d{12}(?!\d)")
_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES = ("", " nghìn", " triệu", " tỷ")


def clean(text: object) -> str:
    """A value as it is kept: NFC, no control characters, lines trimmed, no empty lines around it."""
    joined = kept_text.clean(str(text or "")).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.strip() for line in joined.split("\n")).strip()


def day(text: str) -> date | None:
    """A date as it is typed; None if it is none."""
    found = _DAY.fullmatch(text.strip())
    return _date(found.groups()) if found else None


def moment(text: str) -> datetime | None:
    """A time and date as they are typed; None if they are none."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    on = _date(found.groups()[2:])
    return datetime(on.year, on.month, on.day, int(found[1]), int(found[2]), tzinfo=CITY) if on else None


def amount(text: str) -> int | None:
    """A whole number as it is typed, with or without points and "đồng"; None if it is none."""
    bare = re.sub(r"\s*(đồng|đ|VND)$", "", text.strip(), flags=re.IGNORECASE)
    if re.fullmatch(r"[0-9]{1,15}|[0-9]{1,3}([. \u00a0][0-9]{3}){1,4}", bare):
        return int(re.sub(r"\D", "", bare))
    return None


def rows(text: str, table: str) -> list[list[str]]:
    """The lines of a table: columns between bars, filled up to the table's width."""
    width = len(TABLES[table].columns)
    return [
        (cells + [""] * width)[:width]
        for cells in ([cell.strip() for cell in line.split("|")] for line in text.split("\n") if line.strip())
    ]


def check(fields: Iterable[Field], given: Mapping[str, str], *, complete: bool) -> list[TemThatError]:
    """Everything that is wrong with what was filled in; with `complete` also what is missing."""
    found: list[TemThatError] = []
    named = {field.name: field for field in fields}
    for field in named.values():
        value = given.get(field.name, "")
        if not value:
            if complete and field.required:
                found.append(faults.FieldMissing(label=field.label, field=field.name))
        else:
            found += _wrong(field, value)
    pairs = (("from_day", "until_day", day), ("started", "ended", moment))
    for first, last, read in pairs:
        if {first, last} <= named.keys():
            begins, ends = read(given.get(first, "")), read(given.get(last, ""))
            if begins is not None and ends is not None and ends < begins:
                labels = {"first": named[first].label, "last": named[last].label}
                found.append(faults.DaysReversed(**labels, field=last))
    return found


def shown(field: Field, value: str, *, words: bool = False) -> str:
    """A value as the paper says it; what cannot be read stands as it was typed, and `check` names it."""
    match field.kind:
        case FieldKind.DATE if (on := day(value)) is not None:
            return papers.day_in_words(on)
        case FieldKind.MOMENT if (at := moment(value)) is not None:
            return f"{at:%H} giờ {at:%M} phút, {papers.day_in_words(at.date())}"
        case FieldKind.MONEY | FieldKind.NUMBER if (n := amount(value)) is not None:
            unit = " đồng" if field.kind is FieldKind.MONEY else ""
            if field.kind is FieldKind.NUMBER and 0 < n < 10 and not words:
                return f"{n:02d}"  # as official papers count copies, sheets and days
            return f"{in_words(n)}{unit}" if words else f"{papers.number(n)}{unit}"
        case _:
            return value


def in_words(n: int) -> str:
    """A whole number in Vietnamese words: 1.205.000 is "một triệu hai trăm linh năm nghìn"."""
    if n == 0:
        return _DIGITS[0]
    if n >= 10**12:  # a thousand billions and more: the billions are a number of their own
        head, rest = divmod(n, 10**9)
        return f"{in_words(head)} tỷ" + (f" {in_words(rest)}" if rest else "")
    groups = []
    while n:
        n, group = divmod(n, 1000)
        groups.append(group)
    said = [
        _group(group, whole=place < len(groups) - 1) + _SCALES[place] for place, group in enumerate(groups) if group
    ]
    return " ".join(reversed(said))


def _group(n: int, *, whole: bool) -> str:
    """Three digits. `whole`: something stands before them, so that missing hundreds are said."""
    hundreds, tens, ones = n // 100, n // 10 % 10, n % 10
    said = [_DIGITS[hundreds], "trăm"] if hundreds or whole else []
    if tens == 0:
        if ones:
            said += ["linh", _DIGITS[ones]] if said else [_DIGITS[ones]]
    else:
        said += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
        if ones:
            said.append({1: "mốt" if tens > 1 else "một", 5: "lăm"}.get(ones, _DIGITS[ones]))
    return " ".join(said)


def _wrong(field: Field, value: str) -> list[TemThatError]:
    if field.kind is FieldKind.TABLE:
        return _wrong_rows(field, value)
    label = {"label": field.label, "field": field.name}
    most = TEXT_MOST if field.kind is FieldKind.TEXT else LINE_MOST
    if len(value) > most:
        return [faults.ValueTooLong(most=most, **label)]
    unread = _UNREAD.get(field.kind)
    if unread is not None and unread[0](value) is None:
        return [unread[1](**label)]
    if field.kind is FieldKind.NAMELESS and _SOMEBODY.search(value):
        return [faults.NamesSomebody(**label)]
    return []


def _wrong_rows(field: Field, value: str) -> list[TemThatError]:
    label = {"label": field.label, "field": field.name}
    lines = [line for line in value.split("\n") if line.strip()]
    if len(lines) > ROWS_MOST:
        return [faults.TooManyRows(most=ROWS_MOST, **label)]
    width = len(TABLES[field.name].columns)
    return [
        faults.TooManyCells(line=place, columns=width, **label)
        for place, line in enumerate(lines, 1)
        if line.count("|") >= width
    ]


def _date(parts: tuple[str, ...]) -> date | None:
    try:
        found = date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2100 else None


_UNREAD: dict[FieldKind, tuple[Callable[[str], object | None], type[TemThatError]]] = {
    FieldKind.DATE: (day, faults.NotADay), FieldKind.MOMENT: (moment, faults.NotAMoment), FieldKind.MONEY: (amount, faults.NotANumber),
    FieldKind.NUMBER: (amount, faults.NotANumber),
}  # fmt: skip
