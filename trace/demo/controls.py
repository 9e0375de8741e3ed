"""Control visits of the sample data and what they found: closed, answered and waiting, open and blocking, overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.demo.facts import FIELDS, SITES
from trace.demo.people import clerk_of
from trace.models.areas import GrowingArea
from trace.models.controls import ControlLevel, Nonconformity, Severity
from trace.services import controls
from trace.services.reach import Reach

if TYPE_CHECKING:
    from datetime import datetime

    from trace.demo.story import Story

ALL = Reach(everything=True)
ROUTINE = "Kiểm tra định kỳ theo kế hoạch mẫu: ranh giới, nhật ký, kho tem."
ROUNDS = (210, 95)
"""Days ago on which every source was controlled and passed."""


@dataclass(frozen=True)
class Found:
    """A visit that found something: days ago, within how many days it is due, how it was answered and verified (days ago)."""

    source: str
    ago: int
    due: int
    severity: Severity
    text: str
    blocking: bool = False
    answer: tuple[int, str] | None = None
    verified: tuple[int, str] | None = None


S = Severity
FOUND = (
    Found("hanh1-1", 140, 14, S.MINOR, "Sổ phơi hành thiếu ngày bắt đầu của hai mẻ.",
          answer=(133, "Đã bổ sung sổ, phân công người ghi hằng ngày."), verified=(129, "Đã xem sổ bốn tuần liền, ghi đủ.")),
    Found("trung1-1", 118, 10, S.MAJOR, "Tem thừa để ngoài tủ khóa trong khu xếp trứng.", blocking=True,
          answer=(116, "Đã mua tủ khóa, lập sổ nhận và trả tem theo ca."), verified=(112, "Kiểm tra tại chỗ: tủ khóa, sổ khớp số tem.")),
    Found("mam2-1", 24, 30, S.MINOR, "Phiếu kiểm nghiệm một mẻ chưa lưu bản gốc tại cơ sở.",
          answer=(12, "Đã xin lại bản gốc và lưu vào hồ sơ mẻ.")),
    Found("hadong-1", 15, 13, S.CRITICAL, "Nhật ký ghi thuốc bảo vệ thực vật không có trong danh mục cho vải (dữ liệu mẫu).", blocking=True),
    Found("thanhha-2", 9, 14, S.MAJOR, "Nhật ký canh tác thiếu từ tuần 40 đến tuần 43; ranh giới lô mới chưa cắm mốc.", blocking=True),
)  # fmt: skip


def plan(story: Story) -> None:
    """Plan the rounds and the visits that found something."""
    for ago in ROUNDS:
        for index, key in enumerate([*FIELDS, *SITES]):
            story.plan(story.moment(ago - index, 8), lambda at, key=key: _visit(story, key, ControlLevel.INTERNAL, at))  # type: ignore[misc]
    for found in FOUND:
        _found(story, found)


def _visit(story: Story, key: str, level: ControlLevel, at: datetime, found: Found | None = None) -> None:
    source = story.sources[key]
    where = {"area_id" if isinstance(source, GrowingArea) else "site_id": source.id}
    day = at.astimezone(story.moment(0).tzinfo).date()
    findings = []
    if found is not None:
        findings.append(
            controls.Finding(found.severity, found.text, day + timedelta(days=found.due), blocking=found.blocking)
        )
    controls.record_visit(
        story.session, level=level, visited_on=day, passed=found is None or found.severity is S.MINOR, note=ROUTINE, findings=findings,
        by=story.people["controller" if level is ControlLevel.INTERNAL else "certifier"].id, at=at, reach=ALL, **where,
    )  # fmt: skip


def _found(story: Story, found: Found) -> None:
    def the(session_text: str) -> Nonconformity:
        return story.session.scalars(select(Nonconformity).where(Nonconformity.description == session_text)).one()

    story.plan(story.moment(found.ago, 10), lambda at: _visit(story, found.source, ControlLevel.EXTERNAL, at, found))
    if found.answer is not None:
        ago, answer = found.answer
        holder = (FIELDS.get(found.source) or SITES[found.source]).holder
        story.plan(
            story.moment(ago, 15),
            lambda at: controls.answer(
                story.session, the(found.text).id, text=answer, by=clerk_of(story, holder).id, at=at, reach=ALL
            ),
        )
    if found.verified is not None:
        later, verification = found.verified
        story.plan(
            story.moment(later, 10),
            lambda at: controls.verify(
                story.session, the(found.text).id, text=verification, by=story.people["controller"].id, at=at, reach=ALL
            ),
        )
