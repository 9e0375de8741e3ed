"""Documents of the sample cases: the units that issue, working minutes with and without their signed copy, and drafts waiting for a signature.

Every unit says that it is a sample, and so does every document.
"""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import documents
from enforcement.models import CaseFile
from enforcement.papers import shelf, templates, units
from enforcement.transitions import CaseState, Duty
from trace.services import files

if TYPE_CHECKING:
    from datetime import datetime

    from enforcement.models import Document
    from trace.demo.story import Story

UNITS = (
    # party, unit, sub-unit, name, the body above it
    ("branch", "03", "00", "Chi cục Quản lý thị trường (dữ liệu mẫu)", "Sở Công Thương (dữ liệu mẫu)"),
    ("team", "03", "01", "Đội Quản lý thị trường mẫu số 1", "Chi cục Quản lý thị trường (dữ liệu mẫu)"),
)
WORKED = {
    "place": "Trụ sở Đội Quản lý thị trường mẫu số 1",
    "partner": "Người mẫu Nguyễn Thị Bán, chủ sạp (dữ liệu mẫu)",
    "findings": "Người làm việc trình bày nguồn hàng mua của người bán dạo, không có hóa đơn.\nĐã đối chiếu mã tem với sổ cấp tem và ghi vào hồ sơ.",
    "agreed": "Giữ nguyên hiện trạng hàng hóa, cung cấp sổ ghi chép mua bán trong ba ngày.",
    "copies": "2",
}
SINCE_LATE, SINCE_NEW = timedelta(hours=52), timedelta(hours=5)


def make(story: Story) -> None:
    """The forms and units first, then a few documents in the state they would be found in."""
    session, head = story.session, story.people["branch_head"].id
    templates.seed(session)
    for party, unit, sub_unit, name, parent in UNITS:
        units.register(
            session, story.parties[party].id, unit_code=unit, sub_unit_code=sub_unit, name=name, parent_name=parent, place="Hải Phòng", by=head,
            at=story.at,
        )  # fmt: skip
    for state in (CaseState.VERIFYING, CaseState.POST_VERIFICATION, CaseState.VIOLATION_RECORDED):
        case = session.scalars(
            select(CaseFile).where(CaseFile.state == state).order_by(CaseFile.number).limit(1)
        ).first()
        if case is None:
            continue
        _minutes(story, case, story.at - SINCE_LATE)
        if state is CaseState.VERIFYING:
            scanned = _minutes(story, case, story.at - SINCE_NEW)
            _signed(story, case, scanned, story.at - SINCE_NEW / 2)
        code = {CaseState.VERIFYING: "PAKT", CaseState.POST_VERIFICATION: "MBB01"}.get(state, "PT")
        documents.draft(session, case.id, code, by=story.people["officer"].id, at=story.at - timedelta(hours=1))


def _minutes(story: Story, case: CaseFile, at: datetime) -> Document:
    officer = story.people["officer"].id
    made = documents.draft(story.session, case.id, "MBB02", by=officer, at=at, given=WORKED)
    return documents.issue(
        story.session, case.id, made.id, version=made.version, confirmed=True, by=officer, duties={Duty.OFFICER}, at=at + timedelta(minutes=9)
    )  # fmt: skip


def _signed(story: Story, case: CaseFile, found: Document, at: datetime) -> None:
    officer, store = story.people["officer"].id, story.config.files_dir
    copy = files.receive(story.session, store, io.BytesIO(shelf.pdf(found)), name="ban-ky-mau.pdf", at=at, by=officer)
    documents.bind(story.session, case.id, found.id, copy, store=store, by=officer, at=at)
    documents.uploaded(
        story.session, case.id, found.id, uploaded_at=at + timedelta(minutes=3), receipt="INS-MẪU-0001", by=officer, at=at + timedelta(minutes=4)
    )  # fmt: skip
