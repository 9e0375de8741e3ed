"""What the columns of a file say: which is likely to be what, and each row's words turned into facts of an area.

Pure. What must not live here: boundaries, and the database.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from trace.services import area_import_faults as faults
from trace.services import coordinates, kept_text
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from trace.errors import TemThatError

LONGEST_NAME = 120
LONGEST_WORD = 80
LEAST_HA, MOST_HA = Decimal("0.0001"), Decimal(100_000)
EARLIEST_YEAR = 1900
SQUARE_METRES = ("m2", "m vuong", "sqm", "met vuong")

# What each column may be called, without diacritics. The first that fits is offered; a person may choose otherwise.
KNOWN: dict[str, tuple[str, ...]] = {
    "name": ("ten vung trong", "ten vung", "ten thua", "ten", "vung trong", "vung", "name", "ten goi", "ma vung", "title", "id"),
    "holder": ("chu the", "don vi", "to chuc", "hop tac xa", "htx", "chu ho", "ho dan", "holder", "owner", "ma so thue", "member"),
    "declared_ha": (
        "dien tich khai ha", "dien tich khai", "dien tich ha", "dien tich", "dt ha", "dt khai", "s ha", "ha", "dientich", "area ha",
        "area", "hectares", "dien tich m2", "dt m2",
    ),
    "commune": ("xa phuong", "phuong xa", "xa", "phuong", "dia ban", "commune", "ten xa"),
    "code": ("ma so vung trong", "msvt", "ma so", "puc", "code", "ma"),
    "market": ("thi truong", "market", "nuoc nhap khau"),
    "issued_on": ("ngay cap", "ngay cap ma", "issued on", "ngay cap ma so"),
    "crop": ("cay trong", "loai cay", "crop", "cay"),
    "variety": ("giong", "giong cay", "variety"),
    "trees": ("so cay", "trees", "so goc"),
    "planted_in": ("nam trong", "nam", "planted in", "ngay trong", "nam bat dau trong"),
}  # fmt: skip
ROLES = tuple(KNOWN)


_KIND_WORDS = re.compile(r"^(xã|phường|đặc khu|thị trấn|x\.|p\.|tt\.?)\s*(?=\S)", re.IGNORECASE)


@dataclass
class Row:
    """One row of a file: what it says, and what is to be said about it."""

    number: int
    name: str = ""
    holder_id: UUID | None = None
    commune_code: str | None = None
    declared_ha: Decimal | None = None
    measured_ha: float | None = None
    crop: str | None = None
    variety: str | None = None
    trees: int | None = None
    planted_in: int | None = None
    code: str | None = None
    market: str | None = None
    issued_on: date | None = None
    place_in_words: str = ""
    faults: list[TemThatError] = field(default_factory=list)
    remarks: list[TemThatError] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """What holds for every row: which column is what, for whom, and what is known to compare with."""

    columns: Mapping[str, str]
    holder_id: UUID
    holders: Mapping[str, Sequence[UUID]]
    """Who may be named, by folded name and by tax code."""
    may_code: bool
    market: str
    today: date


def guess(columns: Sequence[str]) -> dict[str, str]:
    """Which column is likely to be what; each is offered once."""
    folded = {column: fold(column) for column in columns}
    found: dict[str, str] = {}
    for role, names in KNOWN.items():
        free = [column for column in columns if column not in found.values()]
        match = next((column for name in names for column in free if folded[column] == name), None)
        if match is None:  # dBASE cuts names after ten letters and leaves out spaces
            short = {name.replace(" ", "")[:10] for name in names if len(name) > 3}
            match = next((column for column in free if folded[column].replace(" ", "")[:10] in short), None)
        if match is not None:
            found[role] = match
    return found


def read(number: int, said: Mapping[str, Any], reading: Reading) -> Row:
    """One row's words as facts, with what is wrong with them."""
    row = Row(number, holder_id=reading.holder_id)
    words = {role: text_of(said.get(column)) for role, column in reading.columns.items()}
    row.name = words.get("name", "")
    if not row.name:
        row.faults.append(faults.NameMissing())
    elif len(row.name) > LONGEST_NAME:
        row.faults.append(faults.NameTooLong(most=LONGEST_NAME))
        row.name = row.name[:LONGEST_NAME]
    if whose := words.get("holder"):
        _holder(row, whose, reading)
    if declared := words.get("declared_ha"):
        row.declared_ha = size(said.get(reading.columns["declared_ha"]), reading.columns["declared_ha"])
        if row.declared_ha is None:
            row.faults.append(faults.SizeUnreadable(text=declared[:40]))
    row.place_in_words = words.get("commune", "")
    row.crop, row.variety = (words.get(role, "")[:LONGEST_WORD] or None for role in ("crop", "variety"))
    if many := words.get("trees"):
        value = coordinates.number(many)
        row.trees = int(value) if value is not None and value.is_integer() and 0 < value <= 10_000_000 else None
        if row.trees is None:
            row.faults.append(faults.CountUnreadable(text=many[:40]))
    if year := words.get("planted_in"):
        row.planted_in = _year(year, reading.today)
        if row.planted_in is None:
            row.faults.append(faults.YearUnreadable(text=year[:40]))
    if code := words.get("code"):
        _code(row, code, words.get("market", ""), words.get("issued_on", ""), reading)
    return row


def compare(rows: Iterable[Row], scheme: str) -> None:
    """What rows of one file say against each other: names and codes that stand twice. The later one bears the fault."""
    names: dict[tuple[UUID | None, str], int] = {}
    codes: dict[tuple[str, str | None], int] = {}
    for row in rows:
        if row.name and (first := names.setdefault((row.holder_id, row.name), row.number)) != row.number:
            row.faults.append(faults.NameRepeated(row=first))
        if row.code and (first := codes.setdefault((row.code, row.market), row.number)) != row.number:
            row.faults.append(faults.CodeRepeated(row=first, code=row.code, scheme=scheme))


def size(given: Any, column: str) -> Decimal | None:
    """A declared size in hectares; a column that says so holds square metres. None if it cannot be one."""
    value = coordinates.number(given)
    if value is None or value <= 0:
        return None
    hectares = Decimal(str(value))
    if _in_square_metres(column):
        hectares /= 10_000
    return hectares if LEAST_HA <= hectares <= MOST_HA else None


@lru_cache(maxsize=256)
def _in_square_metres(column: str) -> bool:
    folded = fold(column)
    return any(folded.endswith(unit) for unit in SQUARE_METRES)


def text_of(value: Any) -> str:
    """A cell as text: NFC, single spaces, whole numbers without a decimal point."""
    if isinstance(value, str):
        return _clean(value)
    if value is None or value is True or value is False:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _clean(str(value))


@lru_cache(maxsize=2048)
def _clean(text: str) -> str:
    """Kept for a while: crops and communes stand in thousands of rows."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return kept_text.line(text)


@lru_cache(maxsize=256)
def bare_commune(words: str) -> str:
    """The name of a commune without the word for its kind, and without what stands behind a comma."""
    return _KIND_WORDS.sub("", words.split(",", maxsplit=1)[0].strip())


def by_name(parties: Iterable[tuple[UUID, str, str | None]]) -> dict[str, list[UUID]]:
    """Parties (id, name, tax code) by what a file may call them."""
    known = defaultdict[str, list[UUID]](list)
    for party_id, name, tax_code in parties:
        known[fold(name)].append(party_id)
        if tax_code:
            known[tax_code].append(party_id)
    return dict(known)


def _holder(row: Row, whose: str, reading: Reading) -> None:
    found = reading.holders.get(whose) or reading.holders.get(fold(whose)) or ()
    if len(found) == 1:
        row.holder_id = found[0]
        return
    row.holder_id = None
    row.faults.append((faults.HolderAmbiguous if found else faults.HolderUnknown)(name=whose[:80]))


def _code(row: Row, code: str, market: str, issued: str, reading: Reading) -> None:
    if not reading.may_code:
        row.remarks.append(faults.CodeLeftOut(code=code[:60]))
        return
    row.code, row.market = code[:60], (market or reading.market)[:40]
    if issued:
        row.issued_on = coordinates.day(issued)
        if row.issued_on is None or row.issued_on > reading.today:
            row.faults.append(faults.DateUnreadable(text=issued[:40]))


def _year(given: str, today: date) -> int | None:
    found = coordinates.day(given)
    value = float(found.year) if found and len(given) > 4 else coordinates.number(given)
    return int(value) if value is not None and value.is_integer() and EARLIEST_YEAR <= value <= today.year else None
