"""Sample cases that are about the same thing, or that turned out to be about two: merged, merged and parted again, split.

Markets and sellers are invented and say so. Times are days before the loading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import joins, splits
from enforcement.models import Signal
from enforcement.transitions import Move
from trace.demo.cases import Case, Report
from trace.models.tips import TipReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from trace.demo.story import Story

R = TipReason
_SEEN = (Move.SCREEN, Move.ASSIGN_VERIFICATION)

CASES: dict[str, Case] = {
    "kept": Case(
        "Sạp mẫu số 5 bán nước mắm dán tem in lại",
        (Report("Ba chai cùng một mã tem, mực lem khi lau tay ướt.", "Đồ Sơn", "Sạp số 5, chợ mẫu Đồ Sơn", ("mam-3", 40), None),
         Report("Chai nước mắm mùi gắt, tem dán lệch.", "Đồ Sơn", "Sạp số 5, chợ mẫu Đồ Sơn", ("mam-3", 44), R.GOODS_DIFFER, contact=True)),
        _SEEN, 4,
    ),
    "absorbed": Case(
        "Nước mắm nghi giả ở chợ mẫu Đồ Sơn", (Report("Sạp 5 dãy B bán chai tem mờ, không quét được.", "Đồ Sơn", "Sạp 5 dãy B chợ mẫu Đồ Sơn",
        None, R.LABEL_LOOKS_WRONG),), (Move.SCREEN,), 3,
    ),
    "parted-kept": Case(
        "Hành củ dán tem ở bến xe mẫu", (Report("Túi hành dán tem, trọng lượng thiếu.", "Kinh Môn", "Quầy mẫu cửa bến xe", None, R.GOODS_DIFFER),),
        (Move.SCREEN,), 7,
    ),
    "parted": Case(
        "Tỏi khô ghi Kinh Môn ở bến xe mẫu", (Report("Tỏi khô ghi tên Kinh Môn, túi không có tem.", "Kinh Môn", "Ki ốt mẫu số 2 bến xe", None,
        R.NO_LABEL),), (), 7,
    ),
    "split": Case(
        "Hai điểm bán mẫu cùng lấy hàng một nơi",
        (Report("Hộp vải sấy dán tem chồng tem.", "Hải Dương", "Điểm bán mẫu phố Sắt", None, R.LABEL_LOOKS_WRONG),
         Report("Người bán nói lấy hàng cùng xe với phố Sắt.", "Hải Dương", "Điểm bán mẫu Tam Giang", None, None),
         Report("Hộp ở Tam Giang có ngày đóng gói sau ngày bán.", "Hải Dương", "Điểm bán mẫu Tam Giang", None, R.GOODS_DIFFER)),
        _SEEN, 3,
    ),
}  # fmt: skip
MERGED = (
    ("kept", "absorbed", 2, "Cùng một sạp, cùng loại hàng, tin đến trong hai ngày."),
    ("parted-kept", "parted", 6, "Cùng bến xe, nghi cùng một người bán."),
)


def plan(story: Story, ago: Callable[[Story, float], datetime], opened: Mapping[str, list[UUID]]) -> None:
    """Merge, part and split once the cases stand. `opened`: each case by its key, as soon as it is open."""
    for kept, absorbed, days, why in MERGED:
        story.plan(
            ago(story, days),
            lambda at, kept=kept, absorbed=absorbed, why=why: _merge(story, opened[kept][0], opened[absorbed][0], why, at),  # type: ignore[misc]
        )  # fmt: skip
    story.plan(ago(story, 5), lambda at: _part(story, opened["parted"][0], at))
    story.plan(ago(story, 2), lambda at: _split(story, opened["split"][0], at))


def _merge(story: Story, kept: UUID, absorbed: UUID, why: str, at: datetime) -> None:
    joins.merge(story.session, kept, absorbed, take=("severity",), reason=why, by=story.people["officer"].id, at=at)


def _part(story: Story, case_id: UUID, at: datetime) -> None:
    why = "Xác minh cho thấy hai người bán khác nhau, hàng lấy từ hai nơi."
    joins.unmerge(story.session, case_id, reason=why, by=story.people["team_head"].id, at=at)


def _split(story: Story, case_id: UUID, at: datetime) -> None:
    signals = story.session.scalars(
        select(Signal.id).where(Signal.case_id == case_id, Signal.place.contains("Tam Giang")).order_by(Signal.source_number)
    ).all()  # fmt: skip
    splits.split(
        story.session, case_id, signals, title="Điểm bán mẫu Tam Giang bán hộp ghi sai ngày", reason="Hai chủ khác nhau, xử lý riêng từng nơi.",
        store=story.config.files_dir, by=story.people["officer"].id, at=at,
    )  # fmt: skip
