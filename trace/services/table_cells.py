"""What stands in a cell of a table: text, days, numbers, and the numbers that are names (identity, tax, telephone).

Excel drops the zeros at the beginning of what it takes for a number. They are put back only where there is one way to do so.
Pure. What must not live here: which column holds what, and the database.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trace.services import coordinates
from trace.services import table_faults as faults
from trace.services.area_import_rows import text_of

if TYPE_CHECKING:
    from trace.errors import TemThatError

FIRST_DAY = date(1899, 12, 30)
SERIALS = (20_000, 80_000)
"""The numbers taken for days: from October 1954 to January 2119."""
EARLIEST, LATEST = date(1950, 1, 1), date(2100, 1, 1)
PROVINCES = frozenset(
    ["001", "002", "004", "006", "008", "010", "011", "012", "014", "015", "017", "019", "020", "022", "024", "025", "026", "027", "030", "031", "033", "034", "035", "036", "037", "038", "040", "042", "044", "045", "046", "048", "049", "051", "052", "054", "056", "058", "060", "062", "064", "066", "067", "068", "070", "072", "074", "075", "077", "079", "080", "082", "083", "084", "086", "087", "089", "091", "092", "093", "094", "095", "096"]
)  # fmt: skip
"""With which an identity number may begin (Circular 07/2016/TT-BCA, annex)."""
_BROKEN = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)")
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+?\d{1,2}", re.IGNORECASE)
_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)
_BETWEEN = re.compile(r"[\s.\u00a0]+")

Read = tuple[Any, "TemThatError | None", "TemThatError | None"]
"""A value, what is wrong with the cell, and what is to be remarked."""


def text(cell: Any) -> str:
    """A cell as text: NFC, single spaces, whole numbers without a decimal point."""
    if isinstance(cell, datetime | date):
        return cell.strftime("%d/%m/%Y")
    if isinstance(cell, float) and not cell.is_integer():
        return format(Decimal(repr(cell)).normalize(), "f").replace(".", ",")
    return text_of(cell)


def broken(cell: Any) -> bool:
    """Whether a formula left an error in the cell."""
    return isinstance(cell, str) and _BROKEN.fullmatch(cell.strip()) is not None


def day(cell: Any, column: str) -> Read:
    """A day: as a date of Excel, as its number, or as text with the day first."""
    remark = None
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not (SERIALS[0] <= cell <= SERIALS[1] and float(cell).is_integer()):
            return None, faults.DayUnreadable(column=column, text=text(cell)), None
        found: date | None = FIRST_DAY + timedelta(days=int(cell))
        remark = faults.DateFromNumber(column=column, text=text(cell), day=found)
    elif isinstance(cell, str) and re.fullmatch(r"\d{5}", cell.strip()):
        return day(int(cell), column)
    elif isinstance(cell, str) and not re.fullmatch(
        r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}-\d{2}-\d{2}( 00:00:00)?", cell.strip()
    ):
        found = None
    else:
        found = coordinates.day(cell)
    if found is None or not EARLIEST <= found < LATEST:
        return None, faults.DayUnreadable(column=column, text=text(cell)[:40]), None
    return found, None, remark


def number(cell: Any, column: str, *, least: str, most: str, places: int = 4) -> Read:
    """A number within bounds, with at most so many decimals."""
    value = coordinates.number(cell)
    if isinstance(cell, str) and re.fullmatch(r"\d{1,3}(\.\d{3})+", cell.strip()):
        value = float(cell.strip().replace(".", ""))  # 1.250 is a thousand and more in Viet Nam
    if value is None:
        return None, faults.NumberUnreadable(column=column, text=text(cell)[:40]), None
    exact = round(Decimal(str(value)), places)
    if not Decimal(least) <= exact <= Decimal(most):
        bounds = {"least": Decimal(least), "most": Decimal(most)}
        return None, faults.NumberOutOfRange(column=column, text=text(cell)[:40], **bounds), None
    return exact, None, None


def national_id(cell: Any, column: str) -> Read:
    """The twelve digits of a citizen's identity number."""
    return _digits(cell, column, 12, short={10, 11}, right=_is_national_id, wrong=faults.NationalIdForm)


def tax_code(cell: Any, column: str) -> Read:
    """A tax code: ten digits, ten with a branch of three, or an identity number."""
    bare = _BETWEEN.sub("", text(cell))
    if re.fullmatch(r"\d{10}-?\d{3}", bare):
        return f"{bare[:10]}-{bare[-3:]}", None, None
    if re.fullmatch(r"\d{10}", bare) and not isinstance(cell, int | float):
        return bare, None, None
    if isinstance(cell, int | float) and len(bare) <= 10:
        return _digits(cell, column, 10, short={9}, right=_checks, wrong=faults.TaxCodeForm)
    return _digits(cell, column, 12, short={11}, right=_is_national_id, wrong=faults.TaxCodeForm)


def phone(cell: Any, column: str) -> Read:
    """A telephone number with its zero; +84 is taken for it."""
    bare = re.sub(r"[\s.\-()\u00a0]", "", text(cell))
    bare = re.sub(r"^(\+|00)?84(?=\d{9,10}$)", "0", bare)
    if re.fullmatch(r"0\d{9,10}", bare):
        return bare, None, None
    if re.fullmatch(r"[235789]\d{8}|2\d{9}", bare):
        if not isinstance(cell, int | float):
            return None, faults.PhoneForm(column=column, text=bare[:40]), None
        return f"0{bare}", None, faults.ZerosRestored(column=column, text=bare, taken=f"0{bare}")
    return None, faults.PhoneForm(column=column, text=text(cell)[:40]), None


def code(cell: Any, column: str) -> Read:
    """A code of letters, digits and a few signs, without spaces."""
    bare = text(cell)
    if re.fullmatch(r"[0-9A-Za-zĐđ./_-]{1,30}", bare):
        return bare, None, None
    return None, faults.CodeUnreadable(column=column, text=bare[:40]), None


def _digits(cell: Any, column: str, length: int, *, short: set[int], right: Any, wrong: type[TemThatError]) -> Read:
    """Digits of a fixed length. A number that lacks as many zeros as it can only lack is mended and remarked."""
    if _SHORTENED.fullmatch(shown := text(cell)):
        return None, faults.DigitsLost(column=column, text=shown), None
    bare = _BETWEEN.sub("", shown).removeprefix("'")
    if bare.isascii() and bare.isdecimal():
        if len(bare) == length and right(bare):
            return bare, None, None
        if isinstance(cell, int | float) and len(bare) in short and right(whole := bare.zfill(length)):
            return whole, None, faults.ZerosRestored(column=column, text=bare, taken=whole)
        if len(bare) == 9 and length == 12:
            return None, faults.OldIdentityCard(column=column, text=bare), None
    return None, wrong(column=column, text=bare[:40]), None


def _is_national_id(digits: str) -> bool:
    return digits[:3] in PROVINCES


def _checks(digits: str) -> bool:
    """Whether the last digit of a tax code is the one that the others ask for."""
    left = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits[:9], strict=True)) % 11
    return int(digits[9]) == (10 - left) % 11
