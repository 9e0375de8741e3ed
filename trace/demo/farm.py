"""The farm log of the lychee areas through the last season, with an entry that was struck out, and two lots merged into one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trace.demo.facts import FIELDS, latest
from trace.demo.people import clerk_of
from trace.models.farm_log import FarmWork
from trace.services import farm_log, lot_changes
from trace.services.farm_log import Work
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from trace.demo.story import Story

ALL = Reach(everything=True)
MERGED = ("merge-1", "merge-2")
MERGED_AGO = 7
HARVEST = (6, 5)
W = FarmWork

# Days before the first harvest, and what was done then. Products and substances are invented.
ROUND: tuple[tuple[int, FarmWork, str, str | None, str | None, int | None, str | None], ...] = (
    (120, W.FERTILISER, "Phân hữu cơ vi sinh mẫu", None, "15 kg/cây", None, "Bón quanh tán sau khi xới nhẹ"),
    (75, W.PESTICIDE, "Thuốc trừ sâu đầu quả mẫu", "Hoạt chất mẫu A", "0,4 lít/ha", 21, "Phun khi nụ bung hoa"),
    (48, W.IRRIGATION, "", None, None, None, "Tưới nhỏ giọt sáng sớm"),
    (36, W.PESTICIDE, "Thuốc trừ nấm sương mai mẫu", "Hoạt chất mẫu B", "20 g/16 lít", 14, None),
    (0, W.HARVEST, "", None, None, None, "Thu đợt một, cắt cả chùm"),
)  # fmt: skip


def plan(story: Story) -> None:
    """Plan the entries and the merging."""
    first = latest(*HARVEST, story.day(20))
    for key in [key for key, field in FIELDS.items() if field.title == "vai"]:
        for before, kind, product, substance, dose, days, note in ROUND:
            on = first - timedelta(days=before)
            work = Work(
                kind, on, "Tổ sản xuất mẫu", product or None, substance, *_dose(dose), preharvest_days=days, note=note
            )
            story.plan(story.moment((story.today - on).days, 17), _write(story, key, work))
    wrong = first - timedelta(days=5)
    slip = Work(
        W.PESTICIDE, wrong, "Tổ sản xuất mẫu", "Thuốc trừ nấm sương mai mẫu", "Hoạt chất mẫu B", Decimal(20), "g/16 lít", 14,
        "Ghi nhầm: đây là lô ổi bên cạnh",
    )  # fmt: skip
    story.plan(story.moment((story.today - wrong).days, 18), _write_and_strike(story, "thanhha-1", slip))
    story.plan(story.moment(MERGED_AGO, 10), lambda at: _merge(story, at))


def _write(story: Story, key: str, work: Work) -> Callable[[datetime], object]:
    by = clerk_of(story, FIELDS[key].holder).id
    return lambda at: farm_log.add(
        story.session, work, area_id=story.sources[key].id, by=by, at=at, reach=ALL, is_sample=True
    )


def _write_and_strike(story: Story, key: str, work: Work) -> Callable[[datetime], object]:
    def deed(at: datetime) -> None:
        by = clerk_of(story, FIELDS[key].holder).id
        entry = farm_log.add(
            story.session, work, area_id=story.sources[key].id, by=by, at=at, reach=ALL, is_sample=True
        )
        farm_log.strike(
            story.session, entry.id, reason="Ghi nhầm vùng: thuốc dùng cho lô ổi bên cạnh (dữ liệu mẫu)", by=by, at=at, reach=ALL
        )  # fmt: skip

    return deed


def _merge(story: Story, at: datetime) -> None:
    """Two lots of two areas become one."""
    by = clerk_of(story, "thanhha").id
    made = lot_changes.merge(
        story.session, [story.lots[key].id for key in MERGED], code=f"VS-{at:%y%m%d}-GOP", by=by, at=at, reach=ALL
    )
    story.lots["merged"] = made


def _dose(text: str | None) -> tuple[Decimal | None, str | None]:
    if text is None:
        return None, None
    number, _, unit = text.partition(" ")
    return Decimal(number.replace(",", ".")), unit
