"""What the forms can speak of: facts of a case by their path, fields by their name, tables by their columns. Data only.

A form names the fields it uses; one that is known here needs no more than its name. A head may add fields of the form's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FieldKind(StrEnum):
    """How a field is typed, checked and shown."""

    LINE = "line"
    TEXT = "text"
    DATE = "date"
    MOMENT = "moment"
    NUMBER = "number"
    MONEY = "money"
    NAMELESS = "nameless"
    TABLE = "table"


@dataclass(frozen=True)
class Field:
    """One blank of a form. `source`: the path of the case's fact it is offered with; empty for what only the officer knows."""

    name: str
    label: str
    kind: FieldKind = FieldKind.LINE
    source: str = ""
    hint: str = ""
    required: bool = False


@dataclass(frozen=True)
class Table:
    """The columns of a table with their shares of the width and which of them are figures. The first is the running number."""

    title: str
    columns: tuple[str, ...]
    widths: tuple[float, ...]
    numeric: tuple[int, ...] = (0,)


TABLES: dict[str, Table] = {
    "goods": Table(
        "Hàng hóa", ("STT", "Tên hàng hóa, nhãn hiệu, xuất xứ", "Đơn vị tính", "Số lượng", "Đơn giá (đồng)", "Trị giá (đồng)", "Ghi chú"),
        (0.7, 3.6, 1.1, 1.2, 1.6, 1.8, 2.0), (0, 3, 4, 5),
    ),
    "exhibits": Table(
        "Tang vật, phương tiện", ("STT", "Tên tang vật, phương tiện, giấy tờ", "Đơn vị tính", "Số lượng", "Tình trạng, đặc điểm", "Số niêm phong"),
        (0.7, 3.6, 1.1, 1.2, 2.8, 1.9), (0, 3),
    ),
    "evidence": Table("Tài liệu", ("Bút lục", "Tên tài liệu", "Nguồn", "Ngày nhận"), (1.0, 5.0, 3.0, 1.7)),
    "valuation": Table(
        "Định giá", ("STT", "Tên tang vật", "Số lượng", "Căn cứ xác định giá", "Đơn giá (đồng)", "Thành tiền (đồng)"),
        (0.7, 3.2, 1.1, 3.2, 1.6, 1.8), (0, 2, 4, 5),
    ),
    "contents": Table("Nội dung kiểm tra", ("STT", "Nội dung", "Người thực hiện", "Thời gian"), (0.7, 5.6, 2.6, 1.9)),
}  # fmt: skip

SOURCES: dict[str, str] = {
    "case.number": "Số vụ việc",
    "case.title": "Tên vụ việc",
    "case.commune": "Xã, phường, đặc khu của vụ việc",
    "case.place": "Địa điểm của vụ việc",
    "case.qualification": "Cách xác định hành vi",
    "case.act_ended_on": "Ngày chấm dứt hành vi",
    "case.signals": "Số phiếu phản ánh, tin báo",
    "acts.text": "Mô tả các hành vi",
    "acts.basis": "Điều khoản quy định hành vi",
    "acts.place": "Nơi xảy ra hành vi",
    "offender.name": "Tên cá nhân, tổ chức vi phạm",
    "offender.representative": "Người đại diện",
    "offender.position": "Chức danh người đại diện",
    "offender.address": "Địa chỉ người vi phạm",
    "offender.id": "Số định danh, mã số thuế của người vi phạm",
    "offender.business": "Ngành nghề của người vi phạm",
    "offender.born": "Ngày sinh của người vi phạm",
    "assessor.name": "Tổ chức giám định",
    "platform.name": "Nền tảng, sàn thương mại điện tử",
    "platform.listings": "Đường dẫn tin đăng",
    "officer.name": "Cán bộ thụ lý",
    "officer.title": "Chức vụ cán bộ thụ lý",
    "team.members": "Thành phần đoàn, tổ công tác",
    "goods.rows": "Các dòng hàng hóa",
    "goods.value": "Tổng trị giá hàng hóa",
    "goods.method": "Phương pháp xác định trị giá",
    "goods.valuation": "Các dòng định giá",
    "exhibits.rows": "Các dòng tang vật",
    "exhibits.seals": "Các số niêm phong",
    "exhibits.count": "Số lượng tang vật",
    "evidence.rows": "Các bút lục",
    "evidence.count": "Số bút lục",
    "inspection.number": "Số quyết định kiểm tra",
    "inspection.date": "Ngày quyết định kiểm tra",
    "inspection.grounds": "Căn cứ ban hành quyết định kiểm tra",
    "inspection_record.number": "Số biên bản kiểm tra",
    "inspection_record.date": "Ngày biên bản kiểm tra",
    "plan.number": "Số phương án kiểm tra",
    "violation_record.number": "Số biên bản vi phạm hành chính",
    "violation_record.date": "Ngày biên bản vi phạm hành chính",
    "working_record.number": "Số biên bản làm việc",
    "valuation_record.number": "Số biên bản xác định giá trị",
    "explanation_record.number": "Số biên bản phiên giải trình",
    "seizure.number": "Số quyết định tạm giữ",
    "seizure.date": "Ngày quyết định tạm giữ",
    "seizure.until": "Thời hạn tạm giữ đến",
    "penalty.number": "Số quyết định xử phạt",
    "penalty.date": "Ngày quyết định xử phạt",
    "penalty.fine": "Số tiền phạt",
    "criminal.number": "Số quyết định chuyển hồ sơ",
    "criminal.date": "Ngày quyết định chuyển hồ sơ",
    "criminal.recipient": "Cơ quan nhận hồ sơ",
    "return.number": "Số quyết định trả lại",
    "return.date": "Ngày quyết định trả lại",
    "confiscation.number": "Số quyết định tịch thu",
    "confiscation.date": "Ngày quyết định tịch thu",
    "destruction.number": "Số quyết định làm căn cứ tiêu hủy",
    "destruction.date": "Ngày quyết định làm căn cứ tiêu hủy",
    "decision.number": "Số quyết định gần nhất của vụ việc",
    "decision.date": "Ngày quyết định gần nhất của vụ việc",
    "decision.name": "Tên quyết định gần nhất của vụ việc",
    "deadline.explanation": "Hạn giải trình bằng văn bản",
    "deadline.penalty": "Hạn ra quyết định xử phạt",
    "deadline.limitation": "Hết thời hiệu xử phạt",
    "deadline.takedown": "Hạn gỡ thông tin",
    "now": "Thời điểm soạn văn bản",
    "today": "Ngày soạn văn bản",
}

# Every form may name these without asking for them: they are known when the document is drawn.
SYSTEM: dict[str, str] = {
    "issuer": "Cơ quan ban hành",
    "issuer_parent": "Cơ quan chủ quản",
    "issuer_place": "Địa danh",
    "case_number": "Số vụ việc",
    "signer_name": "Người ký",
    "signer_title": "Chức vụ người ký",
    "signer_office": "Chức vụ người ký, kèm tên cơ quan",
}

_K = FieldKind
_RAW: tuple[Field, ...] = (
    # people
    Field("offender_name", "Cá nhân, tổ chức vi phạm", _K.LINE, "offender.name"),
    Field("offender_born", "Ngày sinh", _K.LINE, "offender.born", "Chỉ ghi với cá nhân"),
    Field("offender_id", "Số định danh cá nhân hoặc mã số doanh nghiệp, mã số thuế", _K.LINE, "offender.id"),
    Field("offender_address", "Nơi ở hoặc địa chỉ trụ sở", _K.LINE, "offender.address"),
    Field("offender_business", "Nghề nghiệp hoặc lĩnh vực hoạt động", _K.LINE, "offender.business"),
    Field("offender_representative", "Người đại diện theo pháp luật", _K.LINE, "offender.representative", "Chỉ ghi với tổ chức"),
    Field("offender_position", "Chức danh của người đại diện", _K.LINE, "offender.position"),
    Field("officers", "Người có thẩm quyền lập biên bản", _K.TEXT, "team.members", "Mỗi người một dòng: họ tên, chức vụ, cơ quan"),
    Field("officer_name", "Cán bộ thụ lý", _K.LINE, "officer.name"),
    Field("officer_title", "Chức vụ của cán bộ thụ lý", _K.LINE, "officer.title"),
    Field("witness_name", "Người chứng kiến", _K.LINE, "", "Bắt buộc khi người vi phạm vắng mặt hoặc không ký"),
    Field("witness_address", "Nơi ở, nghề nghiệp của người chứng kiến", _K.LINE),
    Field("damaged_party", "Cá nhân, tổ chức bị thiệt hại", _K.LINE, ""),
    Field("right_holder", "Chủ thể quyền sở hữu trí tuệ", _K.LINE, ""),
    Field("attendees", "Những người có mặt khác", _K.TEXT, "", "Mỗi người một dòng: họ tên, chức vụ hoặc tư cách tham gia"),
    Field("giver", "Bên giao", _K.TEXT, "", "Họ tên, chức vụ, cơ quan của người giao"),
    Field("receiver", "Bên nhận", _K.TEXT, "", "Họ tên, chức vụ, cơ quan của người nhận"),
    # time and place
    Field("started", "Bắt đầu lúc", _K.MOMENT, "now", "Ví dụ 09:30 22/11/2026"),
    Field("ended", "Kết thúc lúc", _K.MOMENT, "", "Ví dụ 11:15 22/11/2026; bỏ trống nếu ghi tay"),
    Field("place", "Địa điểm", _K.LINE, "case.place"),
    # the act
    Field("act", "Hành vi", _K.TEXT, "acts.text", "Nêu thời gian, địa điểm, diễn biến; không kết luận thay người có thẩm quyền"),
    Field("act_basis", "Điều khoản quy định hành vi", _K.TEXT, "acts.basis", "Điểm, khoản, điều của nghị định"),
    Field("act_place", "Nơi xảy ra", _K.LINE, "acts.place"),
    Field("qualification", "Cách xác định hành vi", _K.LINE, "case.qualification"),
    Field("grounds", "Căn cứ, lý do", _K.TEXT),
    Field("findings", "Nội dung, kết quả", _K.TEXT),
    Field("aggravating", "Tình tiết tăng nặng", _K.TEXT),
    Field("mitigating", "Tình tiết giảm nhẹ", _K.TEXT),
    Field("offender_says", "Ý kiến của cá nhân, tổ chức vi phạm", _K.TEXT),
    Field("witness_says", "Ý kiến của người chứng kiến", _K.TEXT),
    Field("damaged_says", "Ý kiến của bên bị thiệt hại", _K.TEXT),
    Field("refusal", "Lý do không ký biên bản", _K.TEXT, "", "Ghi khi người vi phạm vắng mặt hoặc từ chối ký"),
    # things
    Field("goods", "Hàng hóa", _K.TABLE, "goods.rows"),
    Field("goods_value", "Tổng trị giá hàng hóa", _K.MONEY, "goods.value"),
    Field("goods_method", "Căn cứ, phương pháp xác định trị giá", _K.TEXT, "goods.method"),
    Field("exhibits", "Tang vật, phương tiện, giấy tờ", _K.TABLE, "exhibits.rows"),
    Field("evidence", "Tài liệu trong hồ sơ", _K.TABLE, "evidence.rows"),
    Field("evidence_count", "Tổng số bút lục", _K.NUMBER, "evidence.count"),
    Field("valuation", "Bảng xác định giá trị", _K.TABLE, "goods.valuation"),
    Field("contents", "Nội dung, phân công kiểm tra", _K.TABLE),
    Field("seals", "Số niêm phong", _K.LINE, "exhibits.seals"),
    Field("kept_at", "Nơi bảo quản tang vật", _K.LINE),
    Field("keeper", "Người bảo quản tang vật", _K.LINE),
    # earlier papers of the case
    Field("inspection_number", "Số quyết định kiểm tra", _K.LINE, "inspection.number"),
    Field("inspection_date", "Ngày quyết định kiểm tra", _K.DATE, "inspection.date"),
    Field("inspection_record", "Số biên bản kiểm tra", _K.LINE, "inspection_record.number"),
    Field("inspection_record_date", "Ngày biên bản kiểm tra", _K.DATE, "inspection_record.date"),
    Field("record_number", "Số biên bản vi phạm hành chính", _K.LINE, "violation_record.number"),
    Field("record_date", "Ngày biên bản vi phạm hành chính", _K.DATE, "violation_record.date"),
    Field("valuation_record", "Số biên bản xác định giá trị", _K.LINE, "valuation_record.number"),
    Field("explanation_record", "Số biên bản phiên giải trình", _K.LINE, "explanation_record.number"),
    Field("seizure_number", "Số quyết định tạm giữ", _K.LINE, "seizure.number"),
    Field("seizure_date", "Ngày quyết định tạm giữ", _K.DATE, "seizure.date"),
    Field("penalty_number", "Số quyết định xử phạt", _K.LINE, "penalty.number"),
    Field("penalty_date", "Ngày quyết định xử phạt", _K.DATE, "penalty.date"),
    Field("criminal_number", "Số quyết định chuyển hồ sơ", _K.LINE, "criminal.number"),
    Field("criminal_date", "Ngày quyết định chuyển hồ sơ", _K.DATE, "criminal.date"),
    Field("old_number", "Số quyết định được sửa, đính chính hoặc hủy", _K.LINE, "decision.number"),
    Field("old_date", "Ngày của quyết định đó", _K.DATE, "decision.date"),
    Field("old_name", "Tên của quyết định đó", _K.LINE, "decision.name"),
    # decisions
    Field("fine", "Mức phạt tiền", _K.MONEY, "penalty.fine", "Số tiền bằng đồng; hệ thống tự ghi bằng chữ"),
    Field("additional", "Hình thức xử phạt bổ sung", _K.TEXT),
    Field("remedies", "Biện pháp khắc phục hậu quả", _K.TEXT, "", "Mỗi biện pháp một dòng, kèm thời hạn thực hiện"),
    Field("payee", "Nơi nộp tiền phạt", _K.LINE, "", "Kho bạc, ngân hàng được ủy nhiệm thu, số tài khoản"),
    Field("pay_days", "Thời hạn thi hành (ngày)", _K.NUMBER),
    Field("from_day", "Từ ngày", _K.DATE),
    Field("until_day", "Đến hết ngày", _K.DATE),
    Field("executor", "Người, đơn vị tổ chức thi hành", _K.LINE),
    Field("change_from", "Nội dung trước khi sửa, đính chính", _K.TEXT),
    Field("change_to", "Nội dung sau khi sửa, đính chính", _K.TEXT),
    Field("delegate_name", "Người được giao quyền", _K.LINE),
    Field("delegate_title", "Chức vụ của người được giao quyền", _K.LINE),
    Field("delegated_scope", "Nội dung, phạm vi giao quyền", _K.TEXT),
    Field("crime", "Dấu hiệu tội phạm", _K.TEXT, "", "Điều luật và hành vi có dấu hiệu tội phạm"),
    Field("recipient", "Nơi nhận, cơ quan nhận", _K.LINE),
    Field("assessor", "Tổ chức, cá nhân giám định", _K.LINE, "assessor.name"),
    Field("questions", "Nội dung yêu cầu giám định", _K.TEXT),
    # inspection and dispatches
    Field("inspection_ground", "Căn cứ ban hành quyết định kiểm tra", _K.TEXT, "inspection.grounds"),
    Field("scope", "Nội dung kiểm tra", _K.TEXT),
    Field("period", "Thời kỳ kiểm tra", _K.LINE, "", "Ví dụ từ ngày 01/01/2026 đến ngày kiểm tra"),
    Field("duration", "Thời hạn kiểm tra", _K.LINE, "", "Ví dụ 03 ngày làm việc kể từ ngày công bố"),
    Field("team", "Thành phần đoàn kiểm tra", _K.TEXT, "team.members", "Mỗi người một dòng: họ tên, chức vụ, nhiệm vụ"),
    Field("means", "Phương tiện, điều kiện phục vụ", _K.TEXT),
    Field("risks", "Tình huống dự kiến và cách xử lý", _K.TEXT),
    Field("informant", "Người nhận, ghi theo số phiếu", _K.NAMELESS, "case.signals",
          "Chỉ ghi số phiếu. Không ghi họ tên, số điện thoại, địa chỉ của người báo tin"),
    Field("result", "Kết quả xử lý", _K.TEXT),
    Field("platform", "Nền tảng, sàn thương mại điện tử", _K.LINE, "platform.name"),
    Field("listings", "Đường dẫn tin đăng", _K.TEXT, "platform.listings", "Mỗi đường dẫn một dòng"),
    Field("attachments", "Tài liệu kèm theo", _K.TEXT),
    Field("proposal", "Đề xuất", _K.TEXT),
    Field("opinion", "Ý kiến chỉ đạo", _K.TEXT),
)  # fmt: skip

KNOWN: dict[str, Field] = {field.name: field for field in _RAW}
