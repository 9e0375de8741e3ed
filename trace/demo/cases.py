"""The cases of the sample data as plain facts: what was reported, how far each has come, and the words of every step.

Markets, sellers and documents are invented and say so. Times are days before the loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enforcement.competence import LegalQualification
from enforcement.models import ExplanationEnd, InspectionGround, NoPenaltyGround, Outcome
from enforcement.transitions import CaseState, Demand, Move
from trace.models.tips import TipReason


@dataclass(frozen=True)
class Report:
    """What somebody reports: a tip of the public, or an inspector's observation. `label`: an order and a place in it."""

    text: str
    commune: str
    place: str
    label: tuple[str, int] | None = None
    reason: TipReason | None = TipReason.LABEL_LOOKS_WRONG
    """None: an observation."""
    photo: bool = True
    contact: bool = False
    listing: str | None = None
    misread: str | None = None
    """A code as it was typed that is none of ours."""


@dataclass(frozen=True)
class Case:
    """A case with its reports, how far it has come by which moves, and since how many days it stands there."""

    title: str
    reports: tuple[Report, ...]
    moves: tuple[Move, ...]
    since: float
    qualification: LegalQualification = LegalQualification.UNDETERMINED
    outcome: Outcome = Outcome.INFRINGEMENT
    officer: str | None = "officer"
    recipient: str = "Công an phường (dữ liệu mẫu)"
    who: str = "Hộ kinh doanh mẫu"
    is_organisation: bool = False
    goods: tuple[str, int, str, int] = ("Hàng dán tem cần kiểm tra", 120, "hộp", 150_000)
    """What was found there: goods, how many, in what unit, at what price."""
    seized: bool = False
    assessed: bool = False
    others: tuple[str, ...] = ()
    """Who else is suspected besides `who`."""


S, M, Q, R = CaseState, Move, LegalQualification, TipReason
_SEEN = (M.SCREEN, M.ASSIGN_VERIFICATION)
_DECIDED = (*_SEEN, M.PROPOSE_INSPECTION, M.DECIDE_INSPECTION)
_INSPECTED = (*_DECIDED, M.START_INSPECTION, M.END_INSPECTION)
_RECORDED = (*_INSPECTED, M.RECORD_VIOLATION)
_EXPLAINED = (*_RECORDED, M.OPEN_EXPLANATION)
_READY = (*_EXPLAINED, M.PREPARE_DECISION)
_FINED = (*_READY, M.PENALISE)
_ENFORCED = (*_FINED, M.START_EXECUTION)

# Days between a move and the one before it.
GAPS: dict[Move, int] = {
    M.SCREEN: 1, M.ASSIGN_VERIFICATION: 1, M.PROPOSE_INSPECTION: 3, M.DECIDE_INSPECTION: 1, M.START_INSPECTION: 1, M.END_INSPECTION: 1,
    M.RECORD_VIOLATION: 2, M.OPEN_EXPLANATION: 1, M.PREPARE_DECISION: 2, M.PENALISE: 1, M.ORDER_REMEDY: 1, M.START_EXECUTION: 2,
    M.FIND_NO_VIOLATION: 2, M.FORWARD: 1, M.TRANSFER: 2, M.TRANSFER_CRIMINAL: 2, M.DISCONTINUE: 1, M.CLOSE: 6, M.ARCHIVE: 12,
}  # fmt: skip
HEADS_DO = frozenset({
    M.ASSIGN_VERIFICATION, M.DECIDE_INSPECTION, M.PENALISE, M.ORDER_REMEDY, M.FIND_NO_VIOLATION, M.FORWARD, M.TRANSFER, M.TRANSFER_CRIMINAL,
    M.DISCONTINUE, M.CLOSE,
})  # fmt: skip

NOTES: dict[Move, str] = {
    M.SCREEN: "Tin có mã tem và địa điểm cụ thể, trong địa bàn của Đội. Đã báo cáo Đội trưởng.",
    M.ASSIGN_VERIFICATION: "Giao thẩm tra trong ba ngày làm việc: mua mẫu, đối chiếu sổ cấp tem, hỏi người bán.",
    M.PROPOSE_INSPECTION: "Thông tin đã thẩm tra, đề nghị kiểm tra đột xuất theo phương án kèm theo.",
    M.START_INSPECTION: "Đã công bố quyết định kiểm tra, có người bán và người chứng kiến.",
    M.END_INSPECTION: "Kết thúc kiểm tra tại chỗ, niêm phong mẫu, các bên ký từng trang.",
    M.OPEN_EXPLANATION: "Đã báo quyền giải trình bằng văn bản và trực tiếp.",
    M.PREPARE_DECISION: "Đã xem xét giải trình, trình dự thảo quyết định.",
    M.ORDER_REMEDY: "Không phạt tiền, buộc gỡ và tiêu hủy tem trên hàng.",
    M.START_EXECUTION: "Đã giao quyết định, theo dõi thi hành.",
    M.FIND_NO_VIOLATION: "Không phát hiện vi phạm, thông báo bằng văn bản.",
    M.FORWARD: "Không thuộc thẩm quyền của Đội, chuyển kèm bản sao tin và ảnh.",
    M.TRANSFER: "Vượt thẩm quyền xử phạt, chuyển hồ sơ.",
    M.CLOSE: "Đã xong các việc phải làm, kết thúc hồ sơ.",
    M.ARCHIVE: "Đã đánh bút lục, nộp lưu trữ.",
}
GROUNDS = "Kết quả thẩm tra ghi trong biên bản làm việc mẫu; đối chiếu với sổ cấp tem ngày kiểm tra."
REMEDIES = "Gỡ tem trên hàng còn lại\nTiêu hủy tem đã gỡ"
DOCUMENTS: dict[Move, str] = {
    M.DECIDE_INSPECTION: "QĐKT", M.END_INSPECTION: "BBKT", M.RECORD_VIOLATION: "MBB01", M.PENALISE: "MQĐ02", M.ORDER_REMEDY: "MQĐ15",
    M.TRANSFER_CRIMINAL: "MQĐ33", M.DISCONTINUE: "TB-KXP",
}  # fmt: skip


def given(case: Case, move: Move, demands: frozenset[str], number: int) -> dict[str, Any]:
    """What the form of a move was filled in with."""
    document = f"MẪU-{number:02d}/{DOCUMENTS.get(move, 'CV')}"
    words: dict[str, Any] = {
        Demand.NOTE: NOTES.get(move, ""), Demand.GROUNDS: GROUNDS, Demand.DECISION_NUMBER: document, Demand.RECORD_NUMBER: document,
        Demand.EVIDENCE: [1], Demand.OUTCOME: case.outcome, Demand.RECIPIENT: case.recipient,
        Demand.INSPECTION_GROUND: InspectionGround.VERIFIED_INFORMATION, Demand.NO_PENALTY_GROUND: NoPenaltyGround.OFFENDER_UNKNOWN,
        Demand.REMEDIES: REMEDIES,
    }  # fmt: skip
    filled = {name: words[Demand(name)] for name in demands if name != Demand.FINE}
    if move is M.PREPARE_DECISION:
        filled |= {Demand.EXPLANATION: ExplanationEnd.MEETING, Demand.EXPLANATION_NUMBER: f"MẪU-{number:02d}/MBB03"}
    if move is M.ORDER_REMEDY:
        filled[Demand.REMEDIES] = REMEDIES
    if move is M.PENALISE:
        filled |= {Demand.CONFISCATION: 4_000_000, Demand.REMEDIES: REMEDIES}
    return filled


CASES: dict[CaseState, Case] = {
    S.RECEIVED: Case(
        "Tem vải sấy quét thấy cảnh báo sao chép",
        (Report("Mua hai hộp ở hai nơi mà mã tem giống hệt nhau.", "An Biên", "Sạp 12, chợ mẫu An Biên", ("dried-3", 137), R.SCAN_WARNED,
                contact=True),
         Report("Bốn hộp trên kệ cùng một mã, mực in nhòe, keo còn mới.", "An Biên", "Sạp 12, chợ mẫu An Biên", ("dried-3", 137), None)),
        (), 0,
    ),
    S.SCREENED: Case(
        "Nước mắm không có màng co ở cổ chai", (Report("Chai ghi Cát Hải nhưng cổ chai không có màng co, tem bong mép.", "Lê Chân",
        "Cửa hàng mẫu số 3", ("mam-2", 410), contact=True),), (M.SCREEN,), 2,
    ),
    S.VERIFYING: Case(
        "Trứng vịt dán tem đã thu hồi", (Report("Hộp trứng dán tem báo thu hồi mà vẫn bán.", "Tiên Lãng", "Quầy trứng, chợ mẫu Tiên Lãng",
        ("trung-5", 44), R.SCAN_WARNED),), _SEEN, 3, Q.MARK_INFRINGEMENT,
    ),
    S.NO_VIOLATION_NOTIFIED: Case(
        "Nghi mật ong pha ở chợ mẫu Cát Bà", (Report("Mật loãng hơn lần trước, nghi pha.", "Cát Hải", "Chợ mẫu Cát Bà", ("ong-2", 12),
        R.GOODS_DIFFER, contact=True),), (*_SEEN, M.FIND_NO_VIOLATION), 2, outcome=Outcome.NO_VIOLATION,
    ),
    S.FORWARDED: Case(
        "Gian hàng mạng rao tem in sẵn", (Report("Trang rao bán cuộn tem in sẵn tên đặc sản.", "Gia Viên", "", None, R.OTHER,
        listing="https://san-mau.example/tem-in-san"),), (*_SEEN, M.FORWARD), 4, recipient="Sở Công Thương (dữ liệu mẫu)",
    ),
    S.INSPECTION_PROPOSED: Case(
        "Kho mẫu chứa túi lưới Kinh Môn chưa có hàng", (Report("Nhiều túi lưới đã dán tem, bên trong là hành không rõ nguồn.", "Kinh Môn",
        "Kho mẫu ven sông", ("hanh-2", 220), None),), (*_SEEN, M.PROPOSE_INSPECTION), 1, Q.MARK_INFRINGEMENT,
    ),
    S.INSPECTION_DECIDED: Case(
        "Vải sấy dán tem của hợp tác xã bị đình chỉ", (Report("Hộp đóng sau ngày đình chỉ vẫn có tem.", "Hà Nam", "Điểm bán mẫu Hà Nam",
        ("after", 30), None),), _DECIDED, 1, Q.GI_INFRINGEMENT,
    ),
    S.INSPECTING: Case(
        "Cửa hàng mẫu bán nước mắm dán tem trả lại", (Report("Tem báo không còn hiệu lực, chai đầy.", "Ngô Quyền", "Cửa hàng mẫu Lạch Tray",
        ("mam-2", 7_900), R.SCAN_WARNED),), (*_DECIDED, M.START_INSPECTION), 2, Q.MARK_INFRINGEMENT, officer="officer-2", seized=True,
    ),
    S.POST_VERIFICATION: Case(
        "Hộp vải sấy có hai lớp tem", (Report("Bóc tem ra thấy lớp tem khác ở dưới.", "Hải Dương", "Siêu thị mẫu Thành Đông",
        ("dried-2", 300), contact=True),), _INSPECTED, 8, Q.GI_INFRINGEMENT, seized=True, assessed=True, who="Công ty mẫu Hải Vị", is_organisation=True,
    ),
    S.VIOLATION_RECORDED: Case(
        "Xe tải chở tỏi dán tem in lại", (Report("Tem trên 60 túi có cùng ba mã, giấy mỏng hơn.", "Phú Thái", "Trạm dừng mẫu quốc lộ 5",
        ("toi-1", 70), None),), _RECORDED, 13, Q.MARK_INFRINGEMENT, seized=True,
    ),
    S.EXPLANATION: Case(
        "Quầy mẫu bán trứng ghi Chấn Hưng không có tem", (Report("Ghi tên Chấn Hưng trên bảng nhưng hộp không có tem.", "Kiến An",
        "Quầy mẫu chợ Kiến An", None, R.NO_LABEL),), _EXPLAINED, 1, Q.MARK_INFRINGEMENT,
    ),
    S.DECISION_DUE: Case(
        "Cơ sở mẫu tự in tem vải Thanh Hà", (Report("Mã trên tem không có trong sổ, máy in và cuộn giấy còn tại chỗ.", "Hà Tây",
        "Xưởng in mẫu Hà Tây", None, None, misread="7K4M-92QD-XJ3P"),), _READY, 1, Q.COUNTERFEIT_LABELS,
    ),
    S.PENALISED: Case(
        "Điểm thu mua mẫu trộn vải ngoài vùng", (Report("Vải chở từ nơi khác về đóng hộp Thanh Hà.", "Hà Bắc", "Điểm thu mua mẫu",
        ("habac-say", 90), R.GOODS_DIFFER, contact=True),), _FINED, 1, Q.GI_INFRINGEMENT,
    ),
    S.REMEDIAL_ONLY: Case(
        "Hộ bán lẻ mẫu dùng lại hộp cũ còn tem", (Report("Hộp cũ còn tem được đổ đầy lại.", "Đồ Sơn", "Hộ bán lẻ mẫu bãi biển",
        ("dried-1", 512), None),), (*_READY, M.ORDER_REMEDY), 3, Q.GI_INFRINGEMENT,
    ),
    S.DISCONTINUED: Case(
        "Xe đẩy mẫu bán na dán tem nhặt được", (Report("Người bán dạo dán tem lên túi na rồi bỏ đi.", "Chí Linh", "Cổng chợ mẫu Chí Linh",
        None, R.LABEL_LOOKS_WRONG),), (*_READY, M.DISCONTINUE), 2, Q.MARK_INFRINGEMENT, who="Người bán dạo (chưa xác định)",
    ),
    S.TRANSFERRED: Case(
        "Lô hành lớn dán tem không do Hội cấp", (Report("Khoảng 4 tấn hành dán tem giống nhau.", "Nhị Chiểu", "Bến mẫu Nhị Chiểu",
        ("hanh-1", 15), None),), (*_READY, M.TRANSFER), 5, Q.MARK_INFRINGEMENT, recipient="Chi cục trưởng (dữ liệu mẫu)",
    ),
    S.CRIMINAL_TRANSFER: Case(
        "Xưởng mẫu in hàng chục nghìn tem", (Report("Xưởng in tem cho nhiều nơi, có sổ giao hàng.", "An Dương", "Xưởng mẫu khu công nghiệp",
        None, None, misread="0000-0G3N-8QZT"),), (*_RECORDED, M.TRANSFER_CRIMINAL), 6, Q.COUNTERFEIT_LABELS,
        recipient="Cơ quan điều tra (dữ liệu mẫu)", seized=True,
    ),
    S.EXECUTING: Case(
        "Nhà hàng mẫu ghi nước mắm Cát Hải trên thực đơn", (Report("Thực đơn ghi Cát Hải, bếp dùng can không nhãn.", "Hồng Bàng",
        "Nhà hàng mẫu bến cảng", None, R.NO_LABEL, contact=True),), _ENFORCED, 6, Q.MARK_INFRINGEMENT,
    ),
    S.CLOSED: Case(
        "Ảnh chụp mã tem bị dán lên hàng khác", (Report("Mã tem lộ trên ảnh quảng cáo, nơi khác in lại.", "Thuỷ Nguyên",
        "Kho mẫu Tam Hưng", ("mam-1", 2_000), contact=True),
        Report("Hai thùng cùng mã với ảnh quảng cáo.", "Thuỷ Nguyên", "Kho mẫu Tam Hưng", ("mam-1", 2_000), None)),
        (*_ENFORCED, M.CLOSE), 9, Q.MARK_INFRINGEMENT, Outcome.EXPOSED_CODE,
    ),
    S.ARCHIVED: Case(
        "Sạp mẫu bán vải tươi trái vụ dán tem cũ", (Report("Tháng này làm gì có vải tươi mà tem vẫn quét được.", "Hải An", "Sạp mẫu số 7",
        ("fresh-1", 100), R.GOODS_DIFFER),), (*_ENFORCED, M.CLOSE, M.ARCHIVE), 7, Q.GI_INFRINGEMENT,
    ),
}  # fmt: skip

# A second case in the first state that nobody took and whose time to report up has run out.
FORGOTTEN = Case(
    "Tin báo hộp mật ong không có chữ đúc ở đáy", (Report("Lọ nhựa, đáy không có chữ nổi.", "Cát Hải", "Quầy quà mẫu bến tàu", ("ong-1", 33)),),
    (), 3, officer=None,
)  # fmt: skip

# Several people did it, each an act of their own, and one decision or several may be on them.
SEVERAL = Case(
    "Ba sạp mẫu cùng bán hộp vải một mã tem", (Report("Ba sạp cạnh nhau bán hộp cùng một mã tem.", "Hải Dương", "Dãy sạp mẫu chợ Phú Yên",
    None, None),), _READY, 2, Q.GI_INFRINGEMENT, who="Hộ kinh doanh mẫu sạp 14", others=("Hộ kinh doanh mẫu sạp 15",
    "Hộ kinh doanh mẫu sạp 16"), goods=("Hộp vải sấy chung mã tem", 150, "hộp", 150_000),
)  # fmt: skip

# Still to be decided, oldest last: days ago and what was reported.
QUEUE: tuple[tuple[float, Report], ...] = (
    (0.2, Report("Quét mã thấy ghi chưa kích hoạt, hàng đã bán.", "Dương Kinh", "Tạp hóa mẫu Hoa Sen", ("mam-4", 2_400), R.SCAN_WARNED,
                 contact=True)),
    (0.4, Report("Mã trên trang này khác mã in dưới chân tem.", "Hưng Đạo", "Chợ mẫu Hưng Đạo", None, R.LABEL_LOOKS_WRONG,
                 misread="7K4M-92QD-XJ3Q")),
    (1, Report("Túi ghi 2 kg, cân được 1,6 kg.", "Kiến Thuỵ", "Cửa hàng mẫu Núi Đối", ("hanh-1", 800), R.GOODS_DIFFER, photo=False)),
    (1, Report("Tem dán chồng lên mép nắp hộp, có vết bóc.", "Lê Chân", "Siêu thị mẫu Hồ Sen", ("dried-2", 90), None)),
    (2, Report("Quảng cáo vải Thanh Hà giao quanh năm, giá rất rẻ.", "Hải An", "", None, R.OTHER, listing="https://san-mau.example/vai-re",
               photo=False)),
    (3, Report("Nhãn đúng nhưng không thấy tem.", "Vĩnh Bảo", "Chợ mẫu Vĩnh Bảo", None, R.NO_LABEL)),
    (4, Report("Hộp vải sấy quá hạn vẫn trưng bày.", "Gia Viên", "Cửa hàng mẫu Cầu Đất", ("dried-1", 1_200), None, photo=False)),
)  # fmt: skip
WAITING = (
    (6, Report("Người bán hẹn đưa hóa đơn, tem nhìn bình thường.", "Kiến An", "Ki ốt mẫu 21", ("trung-3", 60), contact=True), 13,
     "Chờ kết quả đối chiếu sổ giao hàng của hợp tác xã."),
    (8, Report("Tem mờ, không quét được.", "Đông Hải", "Quầy mẫu 4", None, R.OTHER), 3, "Chờ người báo gửi ảnh rõ hơn."),
)  # fmt: skip
REJECTED = (
    (12, Report("Giá đắt hơn năm ngoái.", "Ngô Quyền", "Siêu thị mẫu Máy Tơ", ("mam-3", 20), R.OTHER, photo=False), Outcome.NO_VIOLATION,
     "Giá bán không thuộc nội dung quản lý tem."),
    (16, Report("Quét ra sản phẩm khác.", "An Hải", "Chợ mẫu An Đồng", ("toi-1", 900), R.GOODS_DIFFER), Outcome.DATA_ERROR,
     "Lỗi nhập liệu ở tên lô, hợp tác xã đã sửa."),
)  # fmt: skip
