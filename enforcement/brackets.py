"""Between which amounts a fine lies: the bracket of an act, doubled for an organisation.

Pure: the value of the goods, the day and the rows are arguments. The figures are in `bracket_seed`, and as the heads keep them in the
database (`law.load(session).brackets`). What must not live here: figures of the law, the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enforcement.bracket_seed import BRACKETS, BracketRow
from enforcement.errors import FineOutsideBracket

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from enforcement.competence import LegalQualification

__all__ = ["Bracket", "BracketRow", "bracket", "dong", "row_for", "together", "within"]


@dataclass(frozen=True)
class Bracket:
    """The lowest and the highest fine for one offender, in đồng, with what that rests on."""

    low: int
    top: int
    basis: str
    version: str
    needs_verification: bool = False

    @property
    def middle(self) -> int:
        """The fine without mitigating or aggravating circumstances."""
        return (self.low + self.top) // 2


def together(found: Sequence[Bracket]) -> Bracket:
    """The bracket of several acts of one offender: each is fined, and the fines are added up."""
    return Bracket(
        sum(each.low for each in found), sum(each.top for each in found), "; ".join(dict.fromkeys(each.basis for each in found)),
        found[0].version, any(each.needs_verification for each in found),
    )  # fmt: skip


def bracket(
    qualification: LegalQualification,
    goods_value: int | None,
    *,
    organisation: bool,
    on: date,
    making: bool = False,
    rows: Iterable[BracketRow] = BRACKETS,
) -> Bracket | None:
    """The bracket for goods of this value on that day; None where the law data holds none.

    `goods_value` None: it cannot be found out. `making`: the goods were made, packed, printed or imported, not only traded.
    """
    row = row_for(qualification, goods_value, making=making, on=on, rows=rows)
    if row is None:
        return None
    times = 2 if organisation else 1
    return Bracket(row.low * times, row.top * times, row.basis, row.version, row.needs_verification)


def row_for(
    qualification: LegalQualification, goods_value: int | None, *, making: bool, on: date, rows: Iterable[BracketRow]
) -> BracketRow | None:
    """The row in force whose span holds the value."""
    if goods_value is not None and goods_value < 0:
        raise ValueError("a value is not negative")
    for row in rows:
        in_force = row.valid_from <= on and (row.valid_to is None or on < row.valid_to)
        if in_force and row.qualification is qualification and row.making is making and _holds(row, goods_value):
            return row
    return None


def within(fine: int, found: Bracket) -> None:
    """Refuse a fine outside its bracket, naming both ends."""
    if not found.low <= fine <= found.top:
        raise FineOutsideBracket(low=dong(found.low), top=dong(found.top))


def dong(amount: int) -> str:
    """An amount inside a message: 1.250.000."""
    return f"{amount:,}".replace(",", ".")


def _holds(row: BracketRow, value: int | None) -> bool:
    if value is None or row.above is None:
        return value is None and row.above is None
    # The lowest tier takes goods worth nothing too: "up to three millions".
    above = row.above < value or row.above == 0
    return above and (row.upto is None or value <= row.upto)
