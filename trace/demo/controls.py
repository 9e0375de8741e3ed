"""Control of the sample data: a plan for every title, rounds of visits, what they found, samples, and what waits for a decision.

Findings are closed, answered and waiting, open and blocking, overdue.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from trace.demo.facts import FIELDS, SITES, TITLES
from trace.demo.people import FOUNDED, clerk_of
from trace.models.areas import GrowingArea
from trace.models.control_plans import ControlItem, ControlPlan, EvidenceKind, Frequency
from trace.models.controls import ControlLevel, Nonconformity, Outcome, Severity
from trace.services import controls, files, lab_samples, suspensions, visit_endings, visits
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from trace.demo.story import Story

ALL = Reach(everything=True)
ROUNDS = (210, 95)
"""Days ago on which every source was controlled and passed."""
PLAN_CHANGED = 330
"""So many days ago the second version of every plan took over."""
S, E, F = Severity, EvidenceKind, Frequency
EVERYBODY, OTHERS = ("self", "internal", "external"), ("internal", "external")

# Code, what is checked, how, how often, severity of a failure, evidence, who checks. Sample text.
ITEMS = (
    ("KS-01", "Ranh giới, địa điểm đúng hồ sơ", "Đối chiếu bản đồ, cọc mốc hoặc địa chỉ cơ sở", F.YEARLY, S.MINOR, E.NONE, OTHERS),
    ("KS-02", "Giống hoặc nguyên liệu đúng quy chế", "Xem tại chỗ, hỏi nguồn giống, nguồn nguyên liệu", F.YEARLY, S.MAJOR, E.NONE, OTHERS),
    ("KS-03", "Nhật ký sản xuất ghi đủ, đúng ngày", "Xem sổ bốn tuần gần nhất", F.HALF_YEARLY, S.MAJOR, E.NOTE, EVERYBODY),
    ("KS-04", "Chỉ dùng thuốc, vật tư trong danh mục được phép", "Xem kho và sổ vật tư", F.HALF_YEARLY, S.CRITICAL, E.NOTE, OTHERS),
    ("KS-05", "Thời gian cách ly được giữ đúng", "Đối chiếu ngày dùng thuốc với ngày thu hoạch", F.HALF_YEARLY, S.CRITICAL, E.NONE, OTHERS),
    ("KS-06", "Thu hoạch đúng thời điểm, đúng độ chín", "Xem sổ thu hoạch, hỏi người làm", F.HALF_YEARLY, S.MINOR, E.NONE, OTHERS),
    ("KS-07", "Nơi sơ chế, đóng gói sạch, tách hàng ngoài vùng", "Xem tại chỗ", F.HALF_YEARLY, S.MAJOR, E.NONE, OTHERS),
    ("KS-08", "Sản lượng khớp diện tích hoặc công suất", "Cộng sổ bán hàng, so với sản lượng được xác nhận", F.HALF_YEARLY, S.MAJOR, E.NONE, OTHERS),
    ("KS-09", "Tem cất trong tủ khóa, sổ nhận và trả khớp", "Đếm tem còn lại, so với sổ", F.HALF_YEARLY, S.MAJOR, E.NONE, EVERYBODY),
    ("KS-10", "Nhãn và dấu hiệu dùng đúng mẫu", "Xem bao bì đang dùng", F.HALF_YEARLY, S.MINOR, E.NONE, OTHERS),
    ("KS-11", "Hồ sơ kiểm nghiệm lưu đủ bản gốc", "Xem cặp hồ sơ", F.YEARLY, S.MINOR, E.NONE, OTHERS),
    ("KS-12", "Điểm không phù hợp lần trước đã khắc phục", "Đọc biên bản lần trước, xem lại tại chỗ", F.HALF_YEARLY, S.MINOR, E.NONE, OTHERS),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A visit that found something: days ago, within how many days it is due, how it was answered and verified (days ago)."""

    source: str
    ago: int
    due: int
    code: str
    severity: Severity
    text: str
    blocking: bool = False
    answer: tuple[int, str] | None = None
    verified: tuple[int, str] | None = None


FOUND = (
    Found("hanh1-1", 140, 14, "KS-06", S.MINOR, "Sổ phơi hành thiếu ngày bắt đầu của hai mẻ.",
          answer=(133, "Đã bổ sung sổ, phân công người ghi hằng ngày."), verified=(129, "Đã xem sổ bốn tuần liền, ghi đủ.")),
    Found("trung1-1", 118, 10, "KS-09", S.MAJOR, "Tem thừa để ngoài tủ khóa trong khu xếp trứng.", blocking=True,
          answer=(116, "Đã mua tủ khóa, lập sổ nhận và trả tem theo ca."), verified=(112, "Kiểm tra tại chỗ: tủ khóa, sổ khớp số tem.")),
    Found("mam2-1", 24, 30, "KS-11", S.MINOR, "Phiếu kiểm nghiệm một mẻ chưa lưu bản gốc tại cơ sở.",
          answer=(12, "Đã xin lại bản gốc và lưu vào hồ sơ mẻ.")),
    Found("hadong-1", 15, 13, "KS-04", S.CRITICAL, "Nhật ký ghi thuốc bảo vệ thực vật không có trong danh mục cho vải (dữ liệu mẫu).", blocking=True),
    Found("thanhha-2", 9, 14, "KS-03", S.MAJOR, "Nhật ký canh tác thiếu từ tuần 40 đến tuần 43; ranh giới lô mới chưa cắm mốc.", blocking=True),
)  # fmt: skip
SAMPLES = (
    # Source, days ago, (what, amount, seal), criteria as (name, found, limit, conforms).
    ("habac-1", 170, ("Quả vải tươi lấy từ năm cây", "2 kg", "NP-MẪU-0101"), (("Dư lượng Carbendazim", "không phát hiện", "0,5 mg/kg", True), ("Độ Brix", "18,6", "≥ 17", True))),
    ("mam1-1", 60, ("Nước mắm cốt mẻ 07", "1 lít", "NP-MẪU-0102"), (("Đạm tổng số", "26 g/l", "≥ 25 g/l", True), ("Histamin", "182 mg/l", "≤ 400 mg/l", True))),
    ("ong2-1", 40, ("Mật ong thùng số 3", "500 g", "NP-MẪU-0103"), (("Hàm lượng nước", "22,4 %", "≤ 20 %", False), ("HMF", "12 mg/kg", "≤ 40 mg/kg", True))),
)  # fmt: skip


def plan(story: Story) -> None:
    """Plan the rounds, the visits that found something, self-controls, samples, and the system's proposals."""
    for key in TITLES:
        _plans(story, key)
    story.session.flush()
    signature = _signature(story)
    for ago in ROUNDS:
        for index, key in enumerate([*FIELDS, *SITES]):
            story.plan(story.moment(ago - index, 8), _visiting(story, key, ControlLevel.INTERNAL, signature))
    for found in FOUND:
        _found(story, found, signature)
    for key in ("thanhha-1", "mam1-1"):
        story.plan(story.moment(33, 16), _visiting(story, key, ControlLevel.SELF, signature))
    for each in SAMPLES:
        _sample(story, *each)
    story.plan(story.moment(0, 6), lambda at: suspensions.propose_overdue(story.session, at=at))


def _plans(story: Story, title: str) -> None:
    changed = story.day(PLAN_CHANGED)
    for version, during, items in (
        (1, Range(story.day(FOUNDED), changed), ITEMS[:8]), (2, Range(changed, None), ITEMS),
    ):  # fmt: skip
        story.session.add(
            ControlPlan(
                title_id=story.titles[title].id, version=version, summary="Kế hoạch kiểm soát mẫu.", valid_during=during,
                drawn_at=story.moment(FOUNDED if version == 1 else PLAN_CHANGED),
                items=[
                    ControlItem(
                        position=place * 10, code=code, wording=wording, method=method, frequency=often, severity=severity,
                        evidence=evidence, levels=list(levels),
                    )
                    for place, (code, wording, method, often, severity, evidence, levels) in enumerate(items, 1)
                ],
            )
        )  # fmt: skip


def _visiting(story: Story, key: str, level: ControlLevel, signature: UUID) -> Callable[[datetime], None]:
    return lambda at: _visit(story, key, level, at, signature=signature)


def _visit(
    story: Story, key: str, level: ControlLevel, at: datetime, *, signature: UUID, found: Found | None = None
) -> None:
    session, where = story.session, _where(story, key)
    day = at.astimezone(story.moment(0).tzinfo).date()
    holder = (FIELDS.get(key) or SITES[key]).holder
    people = {ControlLevel.INTERNAL: "controller", ControlLevel.EXTERNAL: "certifier"}
    by = clerk_of(story, holder).id if level is ControlLevel.SELF else story.people[people[level]].id
    visit = visits.start(session, level=level, visited_on=day, by=by, at=at, reach=ALL, **where)
    sent = []
    for item in visits.sheet(session, visit.id, reach=ALL).items:
        fails = found is not None and item.code == found.code and item.severity is found.severity
        sent.append(
            visits.Answer(
                item_id=item.id, sequence=1, outcome=Outcome.FAILS if fails else Outcome.CONFORMS, answered_at=at,
                note=found.text if fails and found else "Đã xem, đủ" if item.evidence is EvidenceKind.NOTE else "",
                action="Khắc phục và báo lại trước hạn" if fails else "",
                due_on=day + timedelta(days=found.due) if fails and found else None,
            )
        )  # fmt: skip
    visits.answer(session, visit.id, sent, by=by, at=at, reach=ALL)
    how: visit_endings.Ending = (
        visit_endings.Own()
        if level is ControlLevel.SELF
        else visit_endings.Signed("Người mẫu đại diện đơn vị", signature)
    )
    visit_endings.finish(session, visit.id, how, key=b"", by=by, at=at, reach=ALL)


def _found(story: Story, found: Found, signature: UUID) -> None:
    def the() -> Nonconformity:
        return story.session.scalars(
            select(Nonconformity).where(Nonconformity.description.endswith(found.text, autoescape=True))
        ).one()

    story.plan(
        story.moment(found.ago, 10),
        lambda at: _visit(story, found.source, ControlLevel.EXTERNAL, at, signature=signature, found=found),
    )
    if found.answer is not None:
        ago, answer = found.answer
        holder = (FIELDS.get(found.source) or SITES[found.source]).holder
        story.plan(
            story.moment(ago, 15),
            lambda at: controls.answer(
                story.session, the().id, text=answer, by=clerk_of(story, holder).id, at=at, reach=ALL
            ),
        )
    if found.verified is not None:
        later, verification = found.verified
        story.plan(
            story.moment(later, 10),
            lambda at: controls.verify(
                story.session, the().id, text=verification, by=story.people["controller"].id, at=at, reach=ALL
            ),
        )


def _sample(
    story: Story, key: str, ago: int, said: tuple[str, str, str], criteria: tuple[tuple[str, str, str, bool], ...]
) -> None:
    """Take a sample, send it the same day, and have the report six days later."""
    (what, amount, seal), by, day = said, story.people["certifier"].id, story.day(ago)

    def take(at: datetime) -> None:
        taken = lab_samples.take(
            story.session, what=what, amount=amount, seal=seal, taken_on=day, taken_from="Người mẫu đại diện đơn vị", by=by, at=at, reach=ALL,
            **_where(story, key),
        )  # fmt: skip
        lab_samples.send(
            story.session, taken.id, lab="Phòng kiểm nghiệm mẫu Hải Phòng", sent_on=day, by=by, at=at, reach=ALL
        )
        story.plan(
            at + timedelta(days=6),
            lambda then: lab_samples.report(
                story.session, taken.id, [lab_samples.Result(*each) for each in criteria], report_number=f"PKN-{seal[-4:]}",
                reported_on=day + timedelta(days=5), due_on=day + timedelta(days=60), by=by, at=then, reach=ALL,
            ),
        )  # fmt: skip

    story.plan(story.moment(ago, 9), take)


def _where(story: Story, key: str) -> dict[str, Any]:
    source = story.sources[key]
    return {"area_id" if isinstance(source, GrowingArea) else "site_id": source.id}


def _signature(story: Story) -> UUID:
    """One drawn line that stands for every signature of the sample data."""
    picture = Image.new("RGB", (640, 240), "white")
    pen = ImageDraw.Draw(picture)
    pen.line(
        [(60, 150), (120, 70), (150, 170), (200, 90), (240, 160), (330, 110), (420, 150), (560, 100)],
        fill="#16202a",
        width=5,
    )
    pen.text((240, 205), "CHU KY MAU", fill="#6b7680")
    made = io.BytesIO()
    picture.save(made, "PNG")
    made.seek(0)
    kept = files.receive(
        story.session,
        story.config.files_dir,
        made,
        name="chu-ky-mau.png",
        at=story.moment(FOUNDED),
        by=story.people["controller"].id,
    )
    return kept.id
