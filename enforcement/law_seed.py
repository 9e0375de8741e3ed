"""What the law says, as dated rows: clocks, powers to fine, maxima of fields. Brackets of fines are in `bracket_seed`; no other place has figures.

Every row has its basis, version and first day; a row nobody has compared with the legal text in force says
`needs_verification` and is shown as "cần kiểm chứng". A change of law is a new row, never an edit:
cases keep the version that they were worked under. The days off are in `trace.holidays`. What must not live here: functions that decide anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from enforcement.deadlines import DeadlineKind, Extension, Rule, Unit

K, U = DeadlineKind, Unit

# Rules older than this are entered from this day: the penalties law as amended in 2020 took effect, and the desk holds no older case.
SINCE = date(2022, 1, 1)
MERGER = date(2025, 7, 1)  # two-tier local government; Decrees 189 and 190/2025

LAW = "Luật Xử lý vi phạm hành chính 2012 (sửa đổi 2020, 2025)"
ORDINANCE = "Pháp lệnh Quản lý thị trường 11/2016/UBTVQH13"
D118 = "Nghị định 118/2021/NĐ-CP"
D190 = "Nghị định 190/2025/NĐ-CP"
C27 = "Thông tư 27/2020/TT-BCT"

_MONTH = "Có yêu cầu giải trình hoặc phải xác minh tình tiết liên quan"
_TWO_MONTHS = "Vụ việc đặc biệt nghiêm trọng, có nhiều tình tiết phức tạp, cần thêm thời gian xác minh"
_OTHER_SIGNER = "Phải chuyển hồ sơ đến người có thẩm quyền xử phạt"

RULES: tuple[Rule, ...] = (
    Rule(K.REPORT_UP, 24, U.HOURS, f"{C27} Điều 8–10", "TT27-2020", SINCE, needs_verification=True),
    Rule(K.COMPLAINT_ACCEPT, 10, U.DAYS, "Luật Khiếu nại 2011 Điều 27", "LKN-2011", SINCE, needs_verification=True),
    Rule(
        K.COMPLAINT_RESOLVE, 30, U.DAYS, "Luật Khiếu nại 2011 Điều 28", "LKN-2011", SINCE, needs_verification=True,
        extensions=(Extension(45, U.DAYS, "Vụ việc phức tạp", needs_verification=True),),
    ),
    Rule(
        K.DENUNCIATION_ACCEPT, 7, U.WORKING_DAYS, "Luật Tố cáo 2018 Điều 24", "LTC-2018", SINCE, needs_verification=True,
        extensions=(Extension(10, U.WORKING_DAYS, "Phải kiểm tra, xác minh tại nhiều nơi", needs_verification=True),),
    ),
    Rule(
        K.DENUNCIATION_RESOLVE, 30, U.DAYS, "Luật Tố cáo 2018 Điều 30", "LTC-2018", SINCE, needs_verification=True,
        extensions=(Extension(60, U.DAYS, "Vụ việc phức tạp: gia hạn một lần 30 ngày", needs_verification=True),),
    ),
    Rule(
        K.REQUEST_REVIEW, 10, U.WORKING_DAYS, "Nghị định 99/2013/NĐ-CP Điều 27: xem xét đơn yêu cầu xử lý", "ND99-2013", SINCE,
        needs_verification=True,
        extensions=(Extension(30, U.DAYS, "Đơn chưa đủ tài liệu, đã yêu cầu bổ sung", needs_verification=True),),
    ),
    Rule(K.INSPECTION_START, 5, U.WORKING_DAYS, f"{ORDINANCE}: kiểm tra theo kế hoạch", "PL11-2016", SINCE),
    Rule(
        K.INSPECTION_ON_SITE, 3, U.WORKING_DAYS, f"{ORDINANCE}: thời hạn kiểm tra tại nơi kiểm tra", "PL11-2016", SINCE,
        extensions=(Extension(5, U.WORKING_DAYS, "Phạm vi rộng, nội dung phức tạp"),),
    ),
    Rule(
        K.POST_VERIFICATION, 10, U.DAYS, f"{ORDINANCE}: thẩm tra, xác minh sau kiểm tra", "PL11-2016", SINCE,
        extensions=(
            Extension(25, U.DAYS, "Vụ việc có nhiều tình tiết phức tạp"),
            Extension(40, U.DAYS, "Chờ kết quả giám định"),
        ),
    ),
    Rule(K.NO_VIOLATION_NOTICE, 3, U.WORKING_DAYS, f"{ORDINANCE}: thông báo không vi phạm", "PL11-2016", SINCE),
    Rule(
        K.VIOLATION_RECORD, 2, U.WORKING_DAYS, f"{D118} Điều 12: kể từ khi phát hiện vi phạm", "ND118-2021", SINCE,
        extensions=(Extension(5, U.WORKING_DAYS, "Vụ việc có nhiều tình tiết phức tạp hoặc phạm vi rộng"),),
    ),
    Rule(
        K.RECORD_AFTER_ASSESSMENT, 3, U.WORKING_DAYS, f"{D118} Điều 12: kể từ khi nhận kết quả giám định", "ND118-2021", SINCE,
        needs_verification=True,
    ),
    Rule(
        K.EXPLANATION_ORAL_REQUEST, 2, U.WORKING_DAYS, f"{LAW} Điều 61: yêu cầu giải trình trực tiếp", "LXLVPHC-2020", SINCE,
        needs_verification=True,
    ),
    Rule(
        K.EXPLANATION_WRITTEN, 5, U.WORKING_DAYS, f"{LAW} Điều 61: giải trình bằng văn bản", "LXLVPHC-2020", SINCE,
        needs_verification=True,
        extensions=(Extension(10, U.WORKING_DAYS, "Vụ việc phức tạp: gia hạn thêm 5 ngày làm việc", needs_verification=True),),
    ),
    Rule(
        K.PENALTY_DECISION, 7, U.WORKING_DAYS, f"{LAW} Điều 66: kể từ ngày lập biên bản", "LXLVPHC-2020", SINCE,
        extensions=(
            Extension(10, U.WORKING_DAYS, _OTHER_SIGNER),
            Extension(1, U.MONTHS, _MONTH, needs_verification=True),
            Extension(2, U.MONTHS, _TWO_MONTHS, needs_verification=True),
        ),
    ),
    Rule(
        K.SEIZURE, 7, U.WORKING_DAYS, f"{LAW} Điều 125 khoản 8: kể từ khi tạm giữ thực tế", "LXLVPHC-2020", SINCE,
        extensions=(
            Extension(10, U.WORKING_DAYS, _OTHER_SIGNER, needs_verification=True),
            Extension(1, U.MONTHS, _MONTH, needs_verification=True),
            Extension(2, U.MONTHS, _TWO_MONTHS, needs_verification=True),
        ),
    ),
    Rule(K.DELIVERY, 2, U.WORKING_DAYS, f"{D190}: giao quyết định", "ND190-2025", MERGER),
    Rule(K.DELIVERY_POSTING, 7, U.WORKING_DAYS, f"{D190}: niêm yết quyết định", "ND190-2025", MERGER),
    Rule(K.DEEMED_SERVED, 3, U.WORKING_DAYS, f"{D190}: coi như đã giao trong các trường hợp liệt kê", "ND190-2025", MERGER),
    Rule(K.EXECUTION, 10, U.DAYS, f"{LAW} Điều 73: thi hành quyết định", "LXLVPHC-2020", SINCE, needs_verification=True),
    Rule(K.ENFORCEABILITY, 12, U.MONTHS, f"{LAW} Điều 74: thời hiệu thi hành", "LXLVPHC-2020", SINCE,
         needs_verification=True, rolls=False, counts_start_day=True),
    Rule(K.LIMITATION_GENERAL, 12, U.MONTHS, f"{LAW} Điều 6: thời hiệu xử phạt", "LXLVPHC-2020", SINCE,
         needs_verification=True, rolls=False, counts_start_day=True),
    # Two years for intellectual property was read; from when it counts was not, so the row keeps its flag.
    Rule(K.LIMITATION_IP, 24, U.MONTHS, f"{LAW} Điều 6: thời hiệu xử phạt, sở hữu trí tuệ", "LXLVPHC-2020", SINCE,
         needs_verification=True, rolls=False, counts_start_day=True),
    Rule(K.INS_UPLOAD, 48, U.HOURS, "Thông tư 22/2021/TT-BCT: quét, cập nhật lên hệ thống INS", "TT22-2021", SINCE),
    Rule(K.PLATFORM_TAKEDOWN, 24, U.HOURS, "Nghị định 248/2026/NĐ-CP: sàn gỡ thông tin theo yêu cầu (ngày hiệu lực cần kiểm chứng)",
         "ND248-2026", date(2026, 7, 1), needs_verification=True),
)  # fmt: skip


# The law gives an assessor no time: the decision that asks them names the day they agreed to. No row that anybody could enter otherwise.
AGREED: tuple[Rule, ...] = (
    Rule(
        K.ASSESSMENT, 0, U.DAYS, "Quyết định trưng cầu giám định (mẫu MQĐ41): ngày đã thỏa thuận trả kết luận", "ND118-2021", SINCE,
        rolls=False, agreed=True,
    ),
)  # fmt: skip


class Signer(StrEnum):
    """Who may sign a penalty decision, lowest power first among the market surveillance ranks."""

    INSPECTOR = "inspector"
    TEAM_HEAD = "team_head"
    BRANCH_HEAD = "branch_head"
    COMMUNE_CHAIR = "commune_chair"
    CITY_CHAIR = "city_chair"
    DEPARTMENT_DIRECTOR = "department_director"


class Field(StrEnum):
    """The field of administration that sets the highest fine (Art. 24 of the penalties law)."""

    INTELLECTUAL_PROPERTY = "intellectual_property"
    TRADE_AND_FAKE_GOODS = "trade_and_fake_goods"


@dataclass(frozen=True)
class FieldMaximum:
    """The highest fine of a field for an individual, in đồng; twice that for an organisation."""

    field: Field
    amount: int
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False


@dataclass(frozen=True)
class Power:
    """What one signer may impose: a share of the field's maximum, and goods worth up to so many times that fine.

    `confiscation_times` None: no cap on the value of confiscated goods.
    """

    signer: Signer
    percent: int
    confiscation_times: int | None
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False


# Trade and fake goods has no row: its maximum was not found, and a guess would let a wrong signer sign. A head enters it from the text.
FIELD_MAXIMA: tuple[FieldMaximum, ...] = (
    FieldMaximum(
        Field.INTELLECTUAL_PROPERTY, 250_000_000, f"{LAW} Điều 24", "LXLVPHC-2020", SINCE, needs_verification=True
    ),
)

_D189 = "Nghị định 189/2025/NĐ-CP"

POWERS: tuple[Power, ...] = (
    Power(Signer.INSPECTOR, 10, 2, f"{_D189} Điều 12", "ND189-2025", MERGER),
    Power(Signer.TEAM_HEAD, 30, 2, f"{_D189} Điều 12", "ND189-2025", MERGER),
    Power(Signer.BRANCH_HEAD, 50, None, f"{_D189} Điều 12", "ND189-2025", MERGER),
    # Their share was read; whether a cap on confiscation applies to them was not.
    Power(Signer.COMMUNE_CHAIR, 50, None, f"{_D189} Điều 5", "ND189-2025", MERGER, needs_verification=True),
    Power(Signer.CITY_CHAIR, 100, None, f"{_D189} Điều 5", "ND189-2025", MERGER, needs_verification=True),
    Power(Signer.DEPARTMENT_DIRECTOR, 100, None, f"{_D189} Điều 12", "ND189-2025", MERGER, needs_verification=True),
)


@dataclass(frozen=True)
class Reminding:
    """When a clock is spoken of, in working days, or in hours for a clock in hours: so long before its end, and to the heads after it."""

    before: tuple[int, ...]
    team_after: int
    branch_after: int


# Not law but habit of the desk: the heads change it as data.
_USUAL = Reminding((3, 1), 0, 2)
_IN_HOURS = Reminding((6,), 0, 24)
_LONG = Reminding((60, 20, 5), 0, 1)
_LONG_KINDS = frozenset({K.ENFORCEABILITY, K.LIMITATION_GENERAL, K.LIMITATION_IP})
REMINDING: dict[DeadlineKind, Reminding] = {
    rule.kind: _IN_HOURS if rule.unit is U.HOURS else _LONG if rule.kind in _LONG_KINDS else _USUAL
    for rule in (*RULES, *AGREED)
}


@dataclass(frozen=True)
class SeizurePower:
    """Who may decide on a temporary seizure."""

    signer: Signer
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False


# The heads are known and were not read again. Whether, and how, an officer may seize at once and report was not found: no row, so nobody
# does it by this data until a head enters it from the text.
SEIZURE_POWERS: tuple[SeizurePower, ...] = tuple(
    SeizurePower(signer, f"{LAW} Điều 123, 125: thẩm quyền tạm giữ tang vật", "LXLVPHC-2020", SINCE, needs_verification=True)
    for signer in (Signer.TEAM_HEAD, Signer.BRANCH_HEAD)
)  # fmt: skip


@dataclass(frozen=True)
class ExplanationThreshold:
    """From which highest fine of its bracket an act lets the offender explain first, in đồng."""

    individual: int
    organisation: int
    basis: str
    version: str
    valid_from: date
    valid_to: date | None = None
    needs_verification: bool = False


EXPLANATION_THRESHOLDS: tuple[ExplanationThreshold, ...] = (
    ExplanationThreshold(15_000_000, 30_000_000, f"{LAW} Điều 61 khoản 1", "LXLVPHC-2020", SINCE, needs_verification=True),
)  # fmt: skip
