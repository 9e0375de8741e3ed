"""The brackets of fines as dated rows: by what the act is treated as, whether goods were traded or made, and what they are worth.

As in `law_seed`: every row has basis, version and first day; what nobody compared with the text in force is flagged. An act without a
row here has no bracket until a head enters it from the text. What must not live here: functions that decide anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enforcement.competence import LegalQualification
from enforcement.law_seed import SINCE

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class BracketRow:
    """The fine of an individual for goods worth more than `above` and at most `upto`, in đồng; an organisation pays twice that.

    `upto` None: without an upper end. `above` None: for goods whose value cannot be found out. `making`: the goods were made,
    packed, printed or imported, and not only traded.
    """

    qualification: LegalQualification
    making: bool
    above: int | None
    upto: int | None
    low: int
    top: int
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False


_D99 = "Nghị định 99/2013/NĐ-CP (sửa đổi 126/2021, 46/2024)"
_D98 = "Nghị định 98/2020/NĐ-CP"
_V99, _V98 = "ND99-2013", "ND98-2020"
_MILLION = 1_000_000
_TOP = 250  # Art. 11(13): one fifth more for whoever makes the goods, but never above this

# Clause, goods above and up to, fine from and to; in millions.
_ART11 = (
    (1, 0, 3, 0.5, 2),
    (2, 3, 5, 2, 4),
    (3, 5, 10, 4, 8),
    (4, 10, 20, 8, 15),
    (5, 20, 40, 15, 25),
    (6, 40, 70, 25, 40),
    (7, 70, 100, 40, 60),
    (8, 100, 200, 60, 80),
    (9, 200, 300, 80, 110),
    (10, 300, 400, 110, 150),
    (11, 400, 500, 150, 200),
    (12, 500, None, 200, 250),
)
# Art. 12 of the other decree, goods made with false labels ("from 3 to under 5 millions"): the tiers that were read; those above are missing.
_FALSE_LABELS_MADE = ((0, 3, 2, 5), (3, 5, 5, 8), (5, 10, 8, 15), (10, 20, 15, 25))


def _dong(millions: float) -> int:
    return int(millions * _MILLION)


def _infringement(qualification: LegalQualification) -> tuple[BracketRow, ...]:
    """Article 11: traded goods tier by tier, and the same raised by a fifth for goods made."""
    rows = []
    for clause, above, upto, low, top in _ART11:
        end = None if upto is None else _dong(upto)
        # The lowest tier was read in the decree; the others in a copy of it, or are known and not read again.
        rows.append(
            BracketRow(
                qualification, making=False, above=_dong(above), upto=end, low=_dong(low), top=_dong(top),
                basis=f"{_D99} Điều 11 khoản {clause}", version=_V99, valid_from=SINCE, needs_verification=clause > 1,
            )
        )  # fmt: skip
        rows.append(
            BracketRow(
                qualification, making=True, above=_dong(above), upto=end, low=_dong(min(low * 1.2, _TOP)), top=_dong(min(top * 1.2, _TOP)),
                basis=f"{_D99} Điều 11 khoản {clause} và khoản 13", version=_V99, valid_from=SINCE, needs_verification=True,
            )
        )  # fmt: skip
    rows += [
        BracketRow(
            qualification, making=making, above=None, upto=None, low=_dong(10), top=_dong(30),
            basis=f"{_D99} Điều 11 khoản 14: không có căn cứ xác định giá trị hàng hóa", version=_V99, valid_from=SINCE,
            needs_verification=True,
        )
        for making in (False, True)
    ]  # fmt: skip
    return tuple(rows)


# Articles 12 and 13 (counterfeit goods, counterfeit labels) and goods traded under a false origin have no row: their tiers were not found,
# and a guess would let a wrong person sign.
BRACKETS: tuple[BracketRow, ...] = (
    *_infringement(LegalQualification.GI_INFRINGEMENT),
    *_infringement(LegalQualification.MARK_INFRINGEMENT),
    *(
        BracketRow(
            LegalQualification.FALSE_ORIGIN, making=True, above=max(0, _dong(above) - 1), upto=_dong(upto) - 1, low=_dong(low), top=_dong(top),
            basis=f"{_D98} Điều 12: sản xuất hàng giả mạo nhãn hàng hóa, bao bì", version=_V98, valid_from=SINCE,
            needs_verification=True,
        )
        for above, upto, low, top in _FALSE_LABELS_MADE
    ),
)  # fmt: skip
