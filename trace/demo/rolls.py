"""Lots through their seasons, and what became of their labels: every move goes through the services, so the ledger adds up.

Times are days after packing; what would lie after the moment of loading has not happened yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from trace.demo import register
from trace.demo.facts import FIELDS, GOODS, SITES, latest
from trace.demo.people import clerk_of
from trace.models.labels import HandoverState, LabelMove, LabelOrder, LabelRange, PrintRun
from trace.models.printing import TestPrint
from trace.models.titles import SourceKind
from trace.services import handovers, history, ledger, lot_recording, lots, ordering, reconciling
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from trace.demo.story import Story

    Deed = Callable[[datetime], None]

ALL = Reach(everything=True)
RECALLED_FOR = "Phiếu kiểm nghiệm mẫu cho thấy chỉ tiêu vi sinh vượt mức (dữ liệu mẫu). Không dùng, trả lại nơi bán."


@dataclass(frozen=True)
class Step:
    """One deed on the labels of a roll, from the `first` on. `to`: the taker of a hand-over, and how it was answered."""

    after: float
    move: LabelMove
    first: int = 0
    count: int | None = None
    reason: str | None = None
    to: str | None = None
    answer: HandoverState = HandoverState.TAKEN


@dataclass(frozen=True)
class Roll:
    """An order of labels, placed so many days after packing, with what happened to it."""

    after: float
    labels: int
    grams: int
    steps: tuple[Step, ...] = ()
    layout: str = "a4-24"


@dataclass(frozen=True)
class Batch:
    """A lot: packed so many days ago (of the fresh season: before its last day), recorded then unless `recorded` says earlier."""

    product: str
    source: str
    packed: int
    kg: int
    rolls: tuple[Roll, ...] = ()
    certified: bool = True
    recalled: int | None = None
    recorded: int = 0


M = LabelMove
ON_PRINTER = "Máy in kẹt giấy, tem rách"
LOST_IN_SHED = "Không tìm thấy sau khi dọn kho đóng gói"
LEFT_OVER = "Thừa sau khi đóng hàng, trả lại tổ chức quản lý"
WRONG_DATE = "In nhầm trước khi đổi bao bì, hủy có biên bản mẫu"


def life(
    labels: int, *, to: str | None = None, used: float = 0.8, bad: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> tuple[Step, ...]:
    """The usual life of a roll: printed, received, perhaps handed over, bound to goods, used; with some spoiled, lost, returned, void."""
    spoiled, lost, returned, void = bad
    good = labels - sum(bad)
    steps = [Step(1.2, M.PRINT), Step(2, M.RECEIVE)]
    if to:
        steps.append(Step(3, M.HAND_OVER, to=to))
    first = good
    for after, move, count, reason in (
        (3.5, M.SPOIL, spoiled, ON_PRINTER), (20, M.LOSE, lost, LOST_IN_SHED), (26, M.RETURN, returned, LEFT_OVER),
        (8, M.VOID, void, WRONG_DATE),
    ):  # fmt: skip
        if count:
            steps.append(Step(after, move, first, count, reason))
        first += count
    steps += [
        Step(4, M.ACTIVATE, 0, good),
        Step(6, M.USE, 0, int(good * used / 2)),
        Step(15, M.USE, int(good * used / 2), int(good * used / 2)),
    ]
    return tuple(steps)


BATCHES: dict[str, Batch] = {
    # The story's cooperative: fresh fruit of the last season, dried fruit all through the year.
    "fresh-1": Batch("vai-tuoi", "thanhha-1", 14, 4_000, (Roll(1, 1_500, 2_000, life(1_500, used=0.96, bad=(20, 6, 30, 25))),)),
    "fresh-2": Batch("vai-tuoi", "thanhha-2", 5, 2_600, (Roll(1, 1_200, 2_000, life(1_200, to="packing", used=0.9)),)),
    "fresh-3": Batch("vai-tuoi", "habac-1", 9, 6_000, (Roll(1, 2_400, 2_000, life(2_400, used=0.92, bad=(35, 0, 60, 0))),)),
    "dried-1": Batch("vai-say", "thanhha-1", 150, 3_000, (Roll(1, 4_000, 500, life(4_000, to="packing", used=0.9, bad=(40, 15, 0, 45))),)),
    "dried-2": Batch("vai-say", "thanhha-1", 75, 2_400, (Roll(1, 1_500, 1_000, life(1_500, used=0.7, bad=(12, 0, 20, 0))),)),
    "dried-3": Batch("vai-say", "thanhha-1", 30, 2_000, (
        Roll(1, 800, 2_000, (
            Step(1.2, M.PRINT), Step(2, M.RECEIVE), Step(3, M.HAND_OVER, 600, 100, to="packing"), Step(3.5, M.SPOIL, 780, 20, ON_PRINTER),
            Step(4, M.ACTIVATE, 0, 600), Step(9, M.USE, 0, 260),
        )),
    )),
    "dried-4": Batch("vai-say", "thanhha-1", 12, 3_600, (
        Roll(2, 300, 2_000, (Step(2.2, M.PRINT), Step(3, M.RECEIVE), Step(11, M.HAND_OVER, 0, 120, to="packing", answer=HandoverState.OFFERED))),
        Roll(9, 200, 2_000, (Step(9.3, M.PRINT),), layout="a4-40"),
        Roll(11, 150, 2_000),
    )),
    "ready": Batch("vai-say", "thanhha-1", 5, 2_400),
    "blocked": Batch("vai-say", "thanhha-2", 8, 900),
    "draft": Batch("vai-say", "thanhha-3", 2, 700, certified=False),
    "recalled": Batch("vai-say", "thanhha-3", 60, 800, (Roll(1, 600, 1_000, life(600, used=0.6)),), recalled=31),
    "habac-say": Batch("vai-say", "habac-1", 48, 2_000, (
        Roll(1, 1_500, 1_000, (*life(1_500, to="packing", used=0.5, bad=(10, 0, 0, 0)),)),
        Roll(40, 400, 1_000, (Step(40.3, M.PRINT), Step(42, M.RECEIVE), Step(46, M.HAND_OVER, 0, 250, to="packing", answer=HandoverState.OFFERED))),
    )),
    # Suspended 21 days ago: one lot packed before, one after, whose labels were never activated.
    "before": Batch("vai-say", "hanam-1", 90, 1_500, (Roll(1, 1_000, 1_000, life(1_000, used=0.3)),)),
    "after": Batch("vai-say", "hanam-1", 18, 600, (
        Roll(-5, 400, 1_000, (Step(-4.8, M.PRINT), Step(-4.5, M.RECEIVE))),
    ), recorded=6),
    "hadong-old": Batch("vai-say", "hadong-1", 70, 800, (Roll(1, 500, 1_000, life(500, used=0.9, bad=(0, 5, 0, 0))),)),
    "hadong-new": Batch("vai-say", "hadong-1", 20, 650),
    "mam-1": Batch("mam", "mam1-1", 205, 9_000, (Roll(1, 9_000, 750, life(9_000, used=0.98, bad=(60, 20, 0, 0)), layout="roll-40x30"),)),
    "mam-2": Batch("mam", "mam1-1", 110, 8_000, (Roll(1, 8_000, 750, life(8_000, used=0.9, bad=(30, 0, 0, 120)), layout="roll-40x30"),)),
    "mam-3": Batch("mam", "mam1-1", 40, 6_000, (Roll(1, 5_000, 1_000, life(5_000, used=0.5, bad=(25, 0, 0, 0)), layout="roll-40x30"),)),
    "mam-4": Batch("mam", "mam1-1", 9, 6_000, (Roll(1, 3_000, 500, (Step(1.3, M.PRINT), Step(3, M.RECEIVE), Step(5, M.ACTIVATE, 0, 2_000)), "roll-50x30"),)),
    "mam-5": Batch("mam", "mam2-1", 130, 4_000, (Roll(1, 5_000, 500, life(5_000, used=0.95, bad=(15, 10, 0, 0)), layout="roll-40x30"),)),
    "mam-6": Batch("mam", "mam2-1", 3, 3_000, certified=False),
    "ong-1": Batch("ong", "ong1-1", 120, 900, (Roll(1, 1_600, 500, life(1_600, used=0.9, bad=(8, 0, 12, 0)), layout="a4-65"),)),
    "ong-2": Batch("ong", "ong1-1", 33, 700, (Roll(1, 600, 1_000, life(600, used=0.4), layout="a4-65"),)),
    "ong-3": Batch("ong", "ong2-1", 100, 400, (Roll(1, 700, 500, life(700, used=0.95, bad=(0, 4, 0, 0)), layout="a4-65"),)),
    "trung-1": Batch("trung", "trung1-1", 84, 1_400, (Roll(1, 1_900, 700, life(1_900, used=1.0)),)),
    "trung-2": Batch("trung", "trung1-1", 55, 1_400, (Roll(1, 1_900, 700, life(1_900, used=0.98, bad=(14, 0, 0, 0))),)),
    "trung-3": Batch("trung", "trung1-1", 27, 1_500, (Roll(1, 700, 2_100, life(700, used=0.9)),)),
    "trung-4": Batch("trung", "trung1-1", 4, 1_500, (Roll(1, 700, 2_100, (Step(1.2, M.PRINT), Step(1.6, M.RECEIVE), Step(2, M.ACTIVATE, 0, 500))),)),
    "trung-5": Batch("trung", "trung2-1", 22, 500, (Roll(1, 600, 700, life(600, used=0.9)),), recalled=9),
    "trung-6": Batch("trung", "trung2-1", 7, 420, (Roll(1, 500, 700, (Step(1.3, M.PRINT), Step(2, M.RECEIVE), Step(3, M.ACTIVATE, 0, 300))),)),
    "hanh-1": Batch("hanh", "hanh1-1", 160, 6_000, (Roll(1, 2_500, 2_000, life(2_500, used=0.97, bad=(18, 0, 40, 0))),)),
    "hanh-2": Batch("hanh", "hanh1-1", 62, 5_000, (Roll(1, 4_000, 1_000, life(4_000, used=0.8, bad=(0, 12, 0, 0))),)),
    "hanh-3": Batch("hanh", "hanh2-1", 26, 4_000, (Roll(1, 700, 5_000, life(700, used=0.6)),)),
    "hanh-4": Batch("hanh", "hanh3-1", 6, 2_500, (Roll(1, 1_000, 1_000, (Step(1.3, M.PRINT), Step(3, M.RECEIVE))),)),
    "toi-1": Batch("toi", "hanh1-1", 95, 2_500, (Roll(1, 3_000, 500, life(3_000, used=0.9, bad=(10, 0, 0, 30))),)),
    "toi-2": Batch("toi", "hanh2-1", 18, 2_000, (
        Roll(1, 1_200, 500, (Step(1.3, M.PRINT), Step(2, M.RECEIVE), Step(3, M.ACTIVATE, 0, 900), Step(8, M.USE, 0, 200),
                             Step(9, M.HAND_OVER, 1_000, 150, to="hanh3", answer=HandoverState.REFUSED))),
    )),
    "toi-3": Batch("toi", "hanh3-1", 2, 1_000, certified=False),
    # Merged into one lot a week ago (`farm`).
    "merge-1": Batch("vai-say", "thanhha-1", 16, 320),
    "merge-2": Batch("vai-say", "thanhha-3", 14, 280),
}  # fmt: skip

PREFIX = {"vai-tuoi": "VT", "vai-say": "VS", "mam": "NM", "ong": "MO", "trung": "TV", "hanh": "HC", "toi": "TO"}
FRESH_ENDS = (7, 5)

# The count of these orders differs from the ledger, or agrees with it: lot, days ago, labels more or fewer than there should be.
COUNTED = (("dried-3", 6, 0), ("trung-6", 2, -3))


def plan(story: Story) -> None:
    """Plan every lot with its labels, and the counts."""
    for number, key in enumerate(BATCHES, start=1):
        _lot(story, key, number)
    for key, ago, off in COUNTED:
        story.plan(story.moment(ago, 16), _count(story, key, off))


def packed_ago(story: Story, key: str) -> int:
    """How many days before the loading a lot was packed."""
    batch = BATCHES[key]
    if batch.product != "vai-tuoi":
        return batch.packed
    last = latest(*FRESH_ENDS, story.day(12))
    return (story.today - last).days + batch.packed


def _lot(story: Story, key: str, number: int) -> None:
    batch, ago = BATCHES[key], packed_ago(story, key)
    packed = story.day(ago)
    begun = story.moment(ago + batch.recorded, 7)
    story.plan(begun, lambda at: _record(story, key, number, packed, at))
    if batch.certified:
        story.plan(
            begun + timedelta(hours=2),
            lambda at: lots.certify(
                story.session, story.lots[key].id, by=story.people["certifier"].id, at=at, reach=ALL
            ),
        )
    # What lies ahead of the loading has not happened yet, and nobody goes on with a lot that was called back.
    until = ago if batch.recalled is None else ago - batch.recalled
    for index, roll in enumerate(batch.rolls):
        name = key if index == 0 else f"{key}/{index + 1}"
        if roll.after <= until:
            story.plan(_when(story, ago, roll.after), _place(story, key, name, roll))
            for step in roll.steps:
                if step.after <= until:
                    story.plan(_when(story, ago, step.after), _move(story, key, name, step))
    if batch.recalled is not None:
        story.plan(story.moment(batch.recalled, 11), lambda at: _recall(story, key, at))


def _when(story: Story, ago: int, after: float) -> datetime:
    whole = int(after // 1)
    return story.moment(ago - whole, 9 + round((after - whole) * 10), (ago * 17 + whole * 5) % 60)


def _record(story: Story, key: str, number: int, packed: date, at: datetime) -> None:
    batch, goods = BATCHES[key], GOODS[BATCHES[key].product]
    source, harvested = story.sources[batch.source], goods.harvested(packed)
    holder = holder_of(key)
    where = {"area_id" if goods.source is SourceKind.AREA else "site_id": source.id}
    story.lots[key] = lot_recording.record(
        story.session, code=f"{PREFIX[batch.product]}-{packed:%y%m%d}-{number:02d}",
        season_id=register.season(story, batch.product, harvested, holder).id, volume_g=batch.kg * 1000, harvested_on=harvested,
        packed_on=packed, expires_on=packed + timedelta(days=goods.keeps), by=clerk_of(story, holder).id, at=at, reach=ALL, is_sample=True,
        **where,
    )  # fmt: skip


def _place(story: Story, key: str, name: str, roll: Roll) -> Deed:
    def deed(at: datetime) -> None:
        story.orders[name] = ordering.place(
            story.session, lot_id=story.lots[key].id, quantity=roll.labels, pack_weight_g=roll.grams, layout=roll.layout,
            by=clerk_of(story, holder_of(key)).id, at=at, reach=ALL,
        )  # fmt: skip

    return deed


def _move(story: Story, key: str, name: str, step: Step) -> Deed:
    def deed(at: datetime) -> None:
        order = story.orders[name]
        first = (order.serials.lower or 0) + step.first
        serials = Range(first, first + (order.quantity - step.first if step.count is None else step.count))
        by = clerk_of(story, holder_of(key)).id
        if step.move is M.PRINT:
            _print(story, order, serials, by=by, at=at)
        elif step.move is M.HAND_OVER:
            _hand_over(story, order.id, serials, step, by=by, at=at)
        else:
            ledger.apply(
                story.session, order.id, serials, step.move, by=by, at=at, reach=ALL, reason=step.reason,
                counted=serials.upper - first if step.move is M.RECEIVE and serials.upper else None,
            )  # fmt: skip

    return deed


def _print(story: Story, order: LabelOrder, serials: Range[int], *, by: UUID, at: datetime) -> None:
    """As `printing.begin` would, without drawing: no sheet of the past can be downloaded any more, and drawing takes a second.

    The test label before it was scanned within minutes.
    """
    printer = "Máy in cuộn mẫu" if order.layout.startswith("roll") else "Máy in laser mẫu"
    tested: dict[str, tuple[object, object]] = {"printer": (None, printer), "layout": (None, order.layout)}
    story.session.add(
        TestPrint(
            order_id=order.id, printer=printer, layout=order.layout, made_at=at - timedelta(minutes=12), made_by=by,
            scanned_at=at - timedelta(minutes=9),
        )
    )  # fmt: skip
    history.record(story.session, "order:test_print", order.id, by=by, at=at - timedelta(minutes=12), changes=tested)
    story.session.add(PrintRun(order_id=order.id, run=1, layout=order.layout, printer=printer, at=at, by=by))
    ledger.apply(story.session, order.id, serials, M.PRINT, by=by, at=at, reach=ALL)
    changes: dict[str, tuple[object, object]] = {"run": (None, 1), "layout": (None, order.layout)}
    history.record(story.session, "order:print", order.id, by=by, at=at, changes=changes)


def _hand_over(story: Story, order_id: UUID, serials: Range[int], step: Step, *, by: UUID, at: datetime) -> None:
    taker = step.to or ""
    offered = handovers.offer(
        story.session, order_id, serials, taker_id=story.parties[taker].id, by=by, at=at, on=story.today, reach=ALL,
        note="Kèm phiếu giao tem mẫu",
    )  # fmt: skip
    answered, person = at + timedelta(hours=3), clerk_of(story, taker).id
    side = Reach(holders=frozenset({story.parties[taker].id}))
    if step.answer is HandoverState.TAKEN:
        handovers.take(story.session, offered.id, by=person, at=answered, reach=side)
    elif step.answer is HandoverState.REFUSED:
        handovers.refuse(
            story.session, offered.id, by=person, at=answered, reach=side, reason="Nhận nhầm nơi, chưa có hàng để đóng"
        )


def _recall(story: Story, key: str, at: datetime) -> None:
    by, lot = story.people["certifier"].id, story.lots[key]
    lots.recall(story.session, lot.id, reason=RECALLED_FOR, by=by, at=at, reach=ALL)
    on_goods = select(LabelRange.order_id, LabelRange.serials).where(
        LabelRange.lot_id == lot.id, LabelRange.state.in_(ledger.MOVES[M.RECALL].start)
    )
    for order_id, serials in story.session.execute(on_goods).all():
        ledger.apply(story.session, order_id, serials, M.RECALL, by=by, at=at, reach=ALL, reason=RECALLED_FOR)


def _count(story: Story, key: str, off: int) -> Deed:
    def deed(at: datetime) -> None:
        order = story.orders[key]
        there = reconciling.of_order(story.session, order.id, end=at).in_hand.closing
        by = clerk_of(story, holder_of(key)).id
        reconciling.count(story.session, order.id, counted=there + off, by=by, at=at, reach=ALL)

    return deed


def holder_of(key: str) -> str:
    """Whose lot it is."""
    source = BATCHES[key].source
    return FIELDS[source].holder if source in FIELDS else SITES[source].holder
