"""The table of contents of a bundle as a page that any browser shows: no script, no picture, nothing from elsewhere.

In Vietnamese, for it is part of a file of the authority. What must not live here: what is in the bundle.
"""

from __future__ import annotations

import enum
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#16202a}"
    "h1,h2,h3{line-height:1.35}table{border-collapse:collapse;width:100%}td,th{border:1px solid #6b7680;padding:4px 8px;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}code{font-size:14px;overflow-wrap:anywhere}"
)
LEFT_OUT = {
    "informant": "Bản gốc do người dân gửi, niêm phong tại cơ quan để giữ kín người báo; trong gói là bản xem không kèm dữ liệu máy ảnh.",
    "redacted": "Gói chia sẻ: trong gói là bản đã che; bản gốc lưu tại cơ quan.",
    "virus": "Bản gốc có mã độc, lưu cách ly tại cơ quan; không đưa vào gói.",
    "unscanned": "Trình quét mã độc không đọc hết được bản gốc (có thể vì tệp quá lớn), nên bản gốc lưu tại cơ quan, không đưa vào gói.",
}
COPY_LEFT_OUT = {
    "virus": "có mã độc, lưu cách ly tại cơ quan; không đưa vào gói.",
    "unscanned": "không được trình quét mã độc đọc hết (có thể vì tệp quá lớn), nên lưu tại cơ quan, không đưa vào gói.",
}
SIGNED_LEFT_OUT = LEFT_OUT | {"later": "Đưa vào hồ sơ trong khi lập gói; có trong gói sau."}
DEEDS = {
    "taken": "Thu nhận vào hồ sơ", "viewed": "Xem", "fetched": "Lấy bản gốc ra xem", "offered": "Đề nghị bàn giao",
    "received": "Xác nhận đã nhận", "refused": "Từ chối nhận", "withdrawn": "Rút đề nghị bàn giao", "redacted": "Lập bản che",
    "reassigned": "Đề nghị bàn giao thay người giữ đã rời nhiệm vụ", "bundled": "Đưa vào gói hồ sơ",
}  # fmt: skip
HOW = (
    "Máy nào có sẵn công cụ cũng kiểm tra được: trong thư mục đã giải nén chạy <code>sha256sum -c SHA256SUMS</code>, hoặc "
    "<code>python3 KIEM-TRA.py</code>; cả tệp ZIP: <code>python3 KIEM-TRA.py goi.zip --so SỐ-TRÊN-BIÊN-NHẬN</code>. "
    "Số kiểm tra là mã SHA-256 của tệp SHA256SUMS; số đúng ghi trên biên nhận và trong hồ sơ vụ việc."
)


def page(record: dict[str, Any], names: Sequence[str]) -> str:
    """The page."""
    first = record["cases"][0]
    parts = [
        f"<!doctype html><html lang='vi'><meta charset='utf-8'><title>{_t(first['number'])}</title><style>{STYLE}</style>",
        f"<h1>Hồ sơ vụ việc {_t(first['number'])}: {_t(first['title'])}</h1>",
        f"<p>Gói số {record['bundle']}{' (chia sẻ, dùng bản che)' if record['shared'] else ''}, do {_t(record['asked_by'])} lập theo yêu cầu "
        f"lúc {_moment(record['asked_at'])}. Lý do: {_t(record['reason'])}</p><h2>Cách kiểm tra</h2><p>{HOW}</p>",
    ]
    for case in record["cases"]:
        parts += [f"<h2>{_t(case['number'])}: {_t(case['title'])}</h2>", *_case(case)]
    papers = [name for name in names if name.startswith("van-ban/")]
    if papers:
        parts.append(f"<h2>Văn bản</h2><ul>{''.join(f'<li>{_link(name)}</li>' for name in papers)}</ul>")
    if held := record["signed_copies_left_out"]:
        parts.append(f"<h3>Bản ký không đưa vào gói</h3><ul>{''.join(_signed(each) for each in held)}</ul>")
    return "\n".join(parts) + "\n</html>\n"


def _signed(held: dict[str, Any]) -> str:
    return f"<li>Văn bản {_t(held['document'])}, bút lục {held['folio']}: {SIGNED_LEFT_OUT[held['left_out']]}</li>"


def _case(case: dict[str, Any]) -> Iterable[str]:
    yield f"<p>Mở lúc {_moment(case['opened_at'])}. Cán bộ: {_t(case['officer'])}.</p><h3>Chứng cứ</h3>"
    for piece in case["evidence"]:
        shown = [
            piece["file"],
            piece["shown"] and piece["shown"]["file"],
            *(each["file"] for each in piece["redactions"]),
        ]
        held_back = "".join(
            f"<p>Bản che {each['number']} {COPY_LEFT_OUT[each['left_out']]}</p>" for each in piece["redactions"] if each["left_out"]
        )  # fmt: skip
        where = f"{_t(piece['place'])} {_t(piece['position'])}" if piece["place"] or piece["position"] else "–"
        yield (
            f"<h4>Bút lục {piece['folio']}: {_t(piece['title'])}</h4><p>{' · '.join(_link(name) for name in shown if name) or '–'}</p>"
            f"<p>{LEFT_OUT.get(piece['left_out'] or '', '')}</p>{held_back}<p>Nguồn: {_t(piece['origin'])}. Thời điểm: {_moment(piece['taken_at'])}. "
            f"Nơi: {where}. Thiết bị: {_t(piece['device']) or '–'}.</p><p>SHA-256 bản gốc: <code>{_t(piece['sha256'])}</code></p>"
        )
        rows = (
            (
                step["seq"],
                step["at"],
                DEEDS.get(step["deed"], step["deed"]),
                step["by_name"],
                step["keeper_name"],
                step["note"],
            )
            for step in piece["custody"]
        )
        yield _table(("Bước", "Lúc (UTC)", "Việc", "Người làm", "Người giữ sau đó", "Ghi chú"), rows)
    yield "<h3>Diễn biến</h3>"
    told = (
        (event["seq"], _moment(event["at"]), event["move"] or event["deed"], event["by"], event["note"])
        for event in case["events"]
    )
    yield _table(("Số", "Lúc", "Việc", "Người làm", "Nội dung"), told)
    for name, entries in case["casework"].items():
        if entries:
            yield f"<h3>{TITLES.get(name, name)}</h3>"
            kept = [key for key in entries[0] if key != "id" and not key.endswith("_id")]
            yield _table(kept, ([entry[key] for key in kept] for entry in entries))


TITLES = {
    "parties": "Người và tổ chức liên quan", "acts": "Hành vi", "goods": "Hàng hóa", "exhibits": "Tang vật", "measures": "Biện pháp",
    "papers": "Giấy tờ dẫn chiếu", "obligations": "Nghĩa vụ", "handovers": "Bàn giao",
    "rulings": "Quyết định đối với từng người vi phạm", "explanations": "Quyền giải trình",
}  # fmt: skip


def _table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{_t(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{_t(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _link(name: str) -> str:
    return f"<a href='{_t(name)}'>{_t(name)}</a>"


def _moment(value: datetime | None) -> str:
    return value.astimezone(CITY).strftime("%H:%M %d/%m/%Y") if value else "–"


def _t(value: Any) -> str:
    if isinstance(value, datetime):
        return _moment(value)
    return "" if value is None else escape(str(value.value if isinstance(value, enum.Enum) else value))
