"""Which days differ from their weekday, by law or by decision, year by year: the only place where they are written.

A day that nobody has seen announced says `confirmed=False` and is shown as "cần kiểm chứng". What must not live here: counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from trace.workdays import Calendar


@dataclass(frozen=True)
class DayRow:
    """One day that differs from its weekday: off on a working day, or a Saturday that is worked."""

    on: date
    name: str
    source: str
    off: bool = True
    confirmed: bool = True


_ART112 = "Bộ luật Lao động 2019 Điều 112"
_ART111 = "Bộ luật Lao động 2019 Điều 111 khoản 3: nghỉ bù vào ngày làm việc kế tiếp"
_N2025 = "Thông báo của Bộ Lao động – Thương binh và Xã hội về lịch nghỉ năm 2025"
_N2026 = "Thông báo 9441/TB-BNV năm 2025 của Bộ Nội vụ về lịch nghỉ năm 2026"
_SWAP_NEW_YEAR = "Văn bản 12729/VPCP-KGVX ngày 25/12/2025"
_CULTURE = "Nghị quyết 28/2026/QH16 Điều 2, từ 01/7/2026"
_TET_2027 = "Phương án nghỉ Tết 2027 chưa thấy văn bản ban hành; các ngày này có trong cả hai phương án được đề xuất"
_CHOICE = "Ngày liền kề do Thủ tướng quyết định, chưa thấy văn bản"

DAYS: tuple[DayRow, ...] = (
    DayRow(date(2025, 1, 1), "Tết Dương lịch", _ART112),
    *(DayRow(date(2025, 1, d), "Tết Nguyên đán Ất Tỵ", _N2025) for d in range(27, 32)),
    DayRow(date(2025, 4, 7), "Giỗ Tổ Hùng Vương", _ART112),
    DayRow(date(2025, 4, 26), "Làm bù cho 02/5/2025", _N2025, off=False),
    DayRow(date(2025, 4, 30), "Ngày Chiến thắng", _ART112),
    DayRow(date(2025, 5, 1), "Ngày Quốc tế lao động", _ART112),
    DayRow(date(2025, 5, 2), "Nghỉ hoán đổi", _N2025),
    DayRow(date(2025, 9, 1), "Quốc khánh (ngày liền kề)", _N2025),
    DayRow(date(2025, 9, 2), "Quốc khánh", _ART112),
    DayRow(date(2026, 1, 1), "Tết Dương lịch", _ART112),
    DayRow(date(2026, 1, 2), "Nghỉ hoán đổi", _SWAP_NEW_YEAR),
    DayRow(date(2026, 1, 10), "Làm bù cho 02/01/2026", _SWAP_NEW_YEAR, off=False),
    *(DayRow(date(2026, 2, d), "Tết Nguyên đán Bính Ngọ", _N2026) for d in range(16, 21)),
    DayRow(date(2026, 4, 26), "Giỗ Tổ Hùng Vương", _ART112),
    DayRow(date(2026, 4, 27), "Nghỉ bù Giỗ Tổ Hùng Vương", _ART111),
    DayRow(date(2026, 4, 30), "Ngày Chiến thắng", _ART112),
    DayRow(date(2026, 5, 1), "Ngày Quốc tế lao động", _ART112),
    DayRow(date(2026, 8, 22), "Làm bù cho 31/8/2026", _N2026, off=False),
    DayRow(date(2026, 8, 31), "Nghỉ hoán đổi", _N2026),
    DayRow(date(2026, 9, 1), "Quốc khánh (ngày liền kề)", _N2026),
    DayRow(date(2026, 9, 2), "Quốc khánh", _ART112),
    DayRow(date(2026, 11, 24), "Ngày Văn hóa Việt Nam", _CULTURE),
    DayRow(date(2027, 1, 1), "Tết Dương lịch", _ART112),
    *(DayRow(date(2027, 2, d), "Tết Nguyên đán Đinh Mùi", _TET_2027, confirmed=False) for d in range(5, 10)),
    *(DayRow(date(2027, 2, d), "Nghỉ bù Tết Nguyên đán Đinh Mùi", _TET_2027, confirmed=False) for d in (10, 11)),
    DayRow(date(2027, 4, 16), "Giỗ Tổ Hùng Vương", _ART112),
    DayRow(date(2027, 4, 30), "Ngày Chiến thắng", _ART112),
    DayRow(date(2027, 5, 1), "Ngày Quốc tế lao động", _ART112),
    DayRow(date(2027, 5, 3), "Nghỉ bù Ngày Quốc tế lao động", _ART111),
    DayRow(date(2027, 9, 2), "Quốc khánh", _ART112),
    DayRow(date(2027, 9, 3), "Quốc khánh (ngày liền kề)", _CHOICE, confirmed=False),
    DayRow(date(2027, 11, 24), "Ngày Văn hóa Việt Nam", _CULTURE),
)

# Worked in one proposal for 2027 and swapped off in the other: no row, but a count across it may change.
_UNDECIDED = (date(2027, 2, 12),)

CALENDAR = Calendar(
    holidays={row.on: row.name for row in DAYS if row.off},
    swapped=frozenset(row.on for row in DAYS if not row.off),
    years=frozenset({2025, 2026, 2027}),
    doubtful=frozenset(row.on for row in DAYS if not row.confirmed) | frozenset(_UNDECIDED),
    version="2026-11",
)
