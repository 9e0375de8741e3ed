"""What comes in at the desk itself in the sample data: requests, complaints, denunciations, letters, offers on the web, calls, a flood.

Senders, numbers of letters and addresses of pages are invented and say so. Times are days before the loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import complaints, handoffs, intake, intake_book, records, requests, triage
from enforcement.complaints import Complained
from enforcement.models import (
    CasePaper,
    CaseParty,
    CasePartyRole,
    ComplaintAgainst,
    IntakeChannel,
    PaperKind,
    RequestMeasure,
)
from enforcement.records import Heard
from enforcement.requests import Asked
from trace.clock import CITY
from trace.demo import photos
from trace.demo.facts import TITLES
from trace.models.tips import TipReason
from trace.services import tips

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from enforcement.models import IntakeRecord
    from trace.demo.story import Story

SAMPLE = "dữ liệu mẫu"
ON_PAPER = timedelta(hours=2)
"""How long a letter lies before it is in the book."""
C, M, R = IntakeChannel, RequestMeasure, TipReason


@dataclass(frozen=True)
class _Request:
    """A right holder's request, and what becomes of it: the answer, how many days later, and a case under a title."""

    ago: float
    title: str
    infringer: str
    place: str
    commune: str
    body: str
    measures: tuple[RequestMeasure, ...]
    answer: Callable[..., object] | None = None
    reason: str = ""
    days: float = 1
    case: str | None = None
    agent: str | None = None


REQUESTS = (
    _Request(14, "hanh", "Sạp hàng mẫu số 9", "Chợ mẫu Kinh Môn", "Kinh Môn", "Bày bán hành ghi tên Kinh Môn, không có tem và không rõ nguồn.",
             (M.INSPECT, M.FINE), requests.refuse, "Đơn gửi lại lần hai cho cùng một hành vi đã được trả lời; không có chứng cứ mới.", 4),
    _Request(11, "vai", "Cơ sở đóng hộp mẫu Bến Trại", "Bến Trại mẫu", "Hà Tây", "Đóng hộp vải sấy ghi Thanh Hà tại nơi ngoài khu vực chỉ dẫn.",
             (M.INSPECT, M.SEIZE, M.FINE), requests.accept, "Đơn đủ giấy tờ, có ảnh và mẫu hàng kèm theo.", 3,
             case="Cơ sở mẫu đóng hộp vải sấy ngoài vùng"),
    _Request(6, "vai", "Gian hàng mẫu Quà Quê", "Sàn mẫu trên mạng", "Gia Viên", "Gian hàng dùng dấu hiệu trùng với chỉ dẫn trên ảnh bìa.",
             (M.TAKE_DOWN, M.REMOVE_SIGN), requests.accept, "Đơn hợp lệ, chuyển bộ phận thương mại điện tử xem trước.", 2),
    _Request(5, "ong", "Cửa hàng mẫu Đảo Xanh", "Bến tàu mẫu", "Cát Hải", "Lọ mật ghi tên đảo nhưng không nằm trong danh sách được dùng nhãn hiệu.",
             (M.INSPECT, M.REMOVE_SIGN), requests.ask_for_more, "Thiếu bản sao văn bằng và mẫu hàng nghi vi phạm.", 1,
             agent="Văn phòng đại diện mẫu Sao Biển (dữ liệu mẫu)"),
    _Request(1, "vai", "Điểm bán mẫu ven quốc lộ", "Trạm dừng mẫu quốc lộ 5", "Phú Thái", "Treo biển vải thiều Thanh Hà, hàng đổ đống không có tem.",
             (M.INSPECT, M.STOP)),
)  # fmt: skip
FLOOD_PAGE = "https://san-mau.example/combo-vai-thieu-thanh-ha-5kg"
FLOOD_SAID = (
    "Mua combo 5 kg, mở ra hộp không có tem nào.",
    "Trang rao vải Thanh Hà nhưng hàng giao tới ghi nơi đóng gói khác.",
    "Bạn bè chuyển cho trang này, giá chỉ bằng một phần ba giá chợ.",
    "Đặt hàng từ trang này, quả nhỏ, cùi nhão, không giống lần trước.",
    "Người bán không trả lời khi hỏi mã tem.",
)
FLOOD_COMMUNES = ("Hải An", "Lê Chân", "Ngô Quyền", "Kiến An", "An Biên", "Hồng Bàng", "Đồ Sơn", "Hải Dương")
FLOOD = 40
"""So many people report the same page."""


def plan(story: Story, ago: Callable[[Story, float], datetime], *, fined: list[UUID], held: list[UUID]) -> None:
    """Have it all come in. `ago`: the calendar of the desk; `fined`, `held`: cases whose decision and whose seizure are complained of."""
    for row in REQUESTS:
        _plan_request(story, row, ago)
    story.plan(ago(story, 5), lambda at: _complain_of_decision(story, fined[0], at))
    story.plan(ago(story, 1), lambda at: _complain_of_act(story, held[0], at))
    story.plan(ago(story, 9), lambda at: _denounced(story, "Thanh tra thành phố (dữ liệu mẫu)", 1, at))
    story.plan(ago(story, 2), lambda at: _denounced(story, "Ban Tiếp công dân thành phố (dữ liệu mẫu)", 3, at))
    story.plan(ago(story, 1), lambda at: _offered(story, at))
    story.plan(ago(story, 2), lambda at: _passed_on(story, at))
    story.plan(ago(story, 0.7), lambda at: _called(story, at))
    story.plan(ago(story, 7), lambda at: _vague(story, at))
    for number in range(FLOOD):
        story.plan(ago(story, 0.9) + timedelta(minutes=17 * number), lambda at, n=number: _one_of_many(story, n, at))  # type: ignore[misc]


def _plan_request(story: Story, row: _Request, ago: Callable[[Story, float], datetime]) -> None:
    taken: list[IntakeRecord] = []
    story.plan(ago(story, row.ago), lambda at: taken.append(_request(story, row, at)))
    if row.answer is not None:
        story.plan(ago(story, row.ago - row.days), lambda at: _answer(story, row, taken[0].id, at))


def _request(story: Story, row: _Request, at: datetime) -> IntakeRecord:
    session, day = story.session, at.astimezone(CITY).date()
    by, body = story.people["officer"].id, story.parties[TITLES[row.title].body]
    proof = photos.take(story, row.place, at=at, by=by)
    asked = Asked(
        dated=day - timedelta(days=2), authority=story.parties["team"].name, requester=body.name, requester_address=f"Trụ sở tại {row.commune} ({SAMPLE})",
        infringer=f"{row.infringer} ({SAMPLE})", infringer_address=row.place, acted_on=day - timedelta(days=6), measures=row.measures,
        evidence=("Ảnh chụp hàng và biển hiệu", "Hóa đơn mua mẫu"), signed_by="Người mẫu Trần Văn Ký, đại diện", agent=row.agent,
        poa_number="MẪU-02/GUQ" if row.agent else None, poa_dated=day - timedelta(days=9) if row.agent else None,
        title_id=story.titles[row.title].id,
    )  # fmt: skip
    heard = Heard(
        C.LETTER, at - ON_PAPER, f"{row.body} ({SAMPLE})", commune_code=story.communes[row.commune], place=row.place, files=(proof,)
    )  # fmt: skip
    return requests.take(session, heard, asked, keyring=story.keyring, by=by, at=at)


def _answer(story: Story, row: _Request, record_id: UUID, at: datetime) -> None:
    assert row.answer is not None  # noqa: S101  planned only with one
    officer = story.people["officer"].id
    row.answer(story.session, record_id, reason=row.reason, by=officer, at=at)
    signal = intake_book.signal_of(story.session, record_id)
    if row.case is not None and signal is not None:
        triage.open_case(
            story.session,
            signal.id,
            title=row.case,
            store=story.config.files_dir,
            by=officer,
            at=at + timedelta(minutes=5),
        )


def _complain_of_decision(story: Story, case_id: UUID, at: datetime) -> None:
    session, by = story.session, story.people["officer"].id
    paper = session.scalars(
        select(CasePaper).where(CasePaper.case_id == case_id, CasePaper.kind == PaperKind.PENALTY).limit(1)
    ).one()
    offender = session.scalars(
        select(CaseParty).where(CaseParty.case_id == case_id, CaseParty.role == CasePartyRole.SUSPECTED).limit(1)
    ).one()
    said = Complained(
        complainant=offender.name, complainant_address=offender.address or f"Hải Phòng ({SAMPLE})", against=ComplaintAgainst.DECISION,
        body_complained_of=story.parties["team"].name, learned_on=max(paper.signed_on, at.astimezone(CITY).date() - timedelta(days=2)),
        demand="Xem xét lại mức phạt vì số hàng tính vào quyết định gồm cả hàng chưa bày bán.", decision_number=paper.number,
        decision_dated=paper.signed_on, case_number=None,
    )  # fmt: skip
    heard = Heard(C.LETTER, at - ON_PAPER, f"Đơn khiếu nại lần đầu, hai trang, kèm bản sao quyết định ({SAMPLE}).")
    record = complaints.take(session, heard, said, by=by, at=at)
    story.plan(
        at + timedelta(days=2),
        lambda then: complaints.accept(session, record.id, by=story.people["team_head"].id, at=then),
    )


def _complain_of_act(story: Story, case_id: UUID, at: datetime) -> None:
    offender = story.session.scalars(
        select(CaseParty).where(CaseParty.case_id == case_id, CaseParty.role == CasePartyRole.SUSPECTED).limit(1)
    ).one()
    said = Complained(
        complainant=offender.name, complainant_address=offender.address or f"Hải Phòng ({SAMPLE})", against=ComplaintAgainst.ACT,
        body_complained_of=story.parties["team"].name, learned_on=at.astimezone(CITY).date() - timedelta(days=1),
        demand="Trả lại phần hàng không dán tem đang bị giữ cùng số hàng nghi vi phạm.",
    )  # fmt: skip
    heard = Heard(
        C.IN_PERSON,
        at - ON_PAPER,
        f"Người khiếu nại đến trực tiếp, trình bày về việc giữ hàng và nộp đơn viết tay ({SAMPLE}).",
    )
    complaints.take(story.session, heard, said, by=story.people["officer"].id, at=at)


def _denounced(story: Story, body: str, sheets: int, at: datetime) -> None:
    handoffs.hand_off(
        story.session, receiving_body=body, sheets=sheets, received_at=at - timedelta(hours=3), handed_at=at - timedelta(minutes=20),
        by=story.people["officer"].id, at=at,
    )  # fmt: skip


def _offered(story: Story, at: datetime) -> None:
    by = story.people["officer-2"].id
    heard = Heard(
        C.ONLINE, at - timedelta(minutes=15),
        f"Gian hàng rao ba lít nước mắm Cát Hải giá 100 nghìn đồng, ảnh chụp chai không có màng co ({SAMPLE}).",
        listing_url="https://san-mau.example/nuoc-mam-ba-lit", seen_on=at.astimezone(CITY).date(),
        files=(photos.take(story, "Ảnh chụp màn hình gian hàng mẫu", at=at, by=by),),
    )  # fmt: skip
    records.take_listing(story.session, heard, keyring=story.keyring, by=by, at=at)


def _passed_on(story: Story, at: datetime) -> None:
    heard = Heard(
        C.LETTER, at - ON_PAPER, f"Khi kiểm tra tạm trú, phát hiện nhà kho có khoảng 300 hộp vải sấy cùng một mã tem ({SAMPLE}).",
        commune_code=story.communes["Hải An"], place="Nhà kho mẫu ngõ 12",
    )  # fmt: skip
    records.take_transfer(
        story.session, heard, agency=f"Công an phường ({SAMPLE})", agency_number="MẪU-112/CAP", agency_dated=at.astimezone(CITY).date(),
        keyring=story.keyring, by=story.people["officer"].id, at=at,
    )  # fmt: skip


def _called(story: Story, at: datetime) -> None:
    heard = Heard(
        C.PHONE, at - timedelta(minutes=10), f"Người gọi thấy hộp trứng dán tem in mờ, người bán bóc tem cũ dán sang hộp mới ({SAMPLE}).",
        commune_code=story.communes["Kiến An"], place="Quầy trứng mẫu cổng chợ", shop_phone="0900 000 321", seen_on=at.astimezone(CITY).date(),
    )  # fmt: skip
    records.take_tip(
        story.session, heard, reason=R.LABEL_LOOKS_WRONG, seller="Quầy trứng mẫu", contact="0900000777", keyring=story.keyring,
        informant_key=story.config.derived("informant"), by=story.people["officer"].id, at=at,
    )  # fmt: skip


def _vague(story: Story, at: datetime) -> None:
    """Put off until there is more to go by, without a day."""
    tip, _secret = tips.submit(
        story.session, reason=R.OTHER, description=f"Nghe nói có nơi bán tem, không nhớ ở đâu ({SAMPLE}).", code_text=None, serial=None,
        commune_code=story.communes["Thuỷ Nguyên"], place=None, listing_url=None, at=at,
    )  # fmt: skip
    signal = intake.from_tip(story.session, tip, at=at)
    triage.wait(
        story.session, signal.id, until=None, reason="Chưa rõ nơi bán. Đã nhắn người phản ánh bổ sung địa điểm.",
        by=story.people["officer"].id, at=at + timedelta(hours=1),
    )  # fmt: skip


def _one_of_many(story: Story, number: int, at: datetime) -> None:
    tip, _secret = tips.submit(
        story.session, reason=R.OTHER, description=f"{FLOOD_SAID[number % len(FLOOD_SAID)]} (dữ liệu mẫu, người báo thứ {number + 1})",
        code_text=None, serial=None, commune_code=story.communes[FLOOD_COMMUNES[number % len(FLOOD_COMMUNES)]], place=None,
        listing_url=FLOOD_PAGE, at=at,
    )  # fmt: skip
    intake.from_tip(story.session, tip, at=at)
