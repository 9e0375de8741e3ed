"""Minutes as documents: what they say, to whom, and that the same facts give the same bytes."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace.errors import NotFound
from trace.models.labels import LabelHandover, LabelMove, LabelOrder
from trace.services import handovers, ledger, minutes, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def packers(world: World) -> Reach:
    return Reach(holders=frozenset({world.packing_house.id}))


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=300, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip
    for move in (LabelMove.PRINT, LabelMove.RECEIVE):
        ledger.apply(session, placed.id, placed.serials, move, by=world.clerk.id, at=NOW, reach=own(world), counted=300)
    return placed


def offer(session: Session, world: World, order: LabelOrder) -> LabelHandover:
    return handovers.offer(
        session, order.id, Range(1, 121), taker_id=world.packing_house.id, by=world.clerk.id, at=NOW, on=NOW.date(), reach=own(world),
        note="Giao tại kho: [cuộn #1] *đủ*",
    )  # fmt: skip


def words(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in document)


def test_a_handover_has_minutes_once_both_sides_confirmed(session: Session, world: World, order: LabelOrder) -> None:
    offered = offer(session, world, order)
    with pytest.raises(minutes.NotConfirmed):
        minutes.of_handover(session, offered.id, reach=own(world))
    handovers.take(session, offered.id, by=world.packer.id, at=NOW + timedelta(hours=1), reach=packers(world))
    name, pdf = minutes.of_handover(session, offered.id, reach=own(world))
    assert name == f"bien-ban-ban-giao-{order.number}-1.pdf"
    said = words(pdf)
    for wanted in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", f"Số: {order.number}/BBBG-1", "Thanh Hà, ngày 15 tháng 6 năm 2026",
        "BIÊN BẢN", "DỮ LIỆU MẪU", "Hợp tác xã vải mẫu Thanh Sơn", "0800000011", "Cơ sở đóng gói mẫu Hà Bắc", "000.001 000.120 120",
        "Người mẫu Thu", "Người mẫu Đông", "10:00 15/06/2026", "11:00 15/06/2026", "[cuộn #1] *đủ*", "500 g", world.lot.code,
    ):  # fmt: skip
        assert wanted in said, wanted
    assert b"pdfaid" in pdf, "PDF/A says so in its metadata"
    assert minutes.of_handover(session, offered.id, reach=packers(world))[1] == pdf, "same facts, same bytes"


def test_minutes_are_only_for_those_concerned(session: Session, world: World, order: LabelOrder) -> None:
    offered = offer(session, world, order)
    handovers.take(session, offered.id, by=world.packer.id, at=NOW, reach=packers(world))
    stranger = Reach(holders=frozenset({world.other_cooperative.id}))
    for wrong in (offered.id, factories.some_id()):
        with pytest.raises(NotFound):
            minutes.of_handover(session, wrong, reach=stranger)
    with pytest.raises(NotFound):
        minutes.of_destruction(session, order.id, at=NOW, reach=stranger)


def test_minutes_of_destruction_list_every_spoiled_and_void_range(
    session: Session, world: World, order: LabelOrder
) -> None:
    with pytest.raises(minutes.NothingDestroyed):
        minutes.of_destruction(session, order.id, at=NOW, reach=own(world))
    for first, last, move, why in (
        (11, 20, LabelMove.SPOIL, "Tem ướt mưa"),
        (31, 31, LabelMove.VOID, "In lệch"),
        (41, 50, LabelMove.LOSE, "Rơi"),
    ):
        ledger.apply(
            session, order.id, Range(first, last + 1), move, by=world.clerk.id, at=NOW, reach=own(world), reason=why
        )
    name, pdf = minutes.of_destruction(session, order.id, at=NOW + timedelta(days=1), reach=own(world))
    said = words(pdf)
    assert name == f"bien-ban-tieu-huy-{order.number}.pdf"
    for wanted in (
        "000.011–000.020",
        "Tem ướt mưa (Người mẫu Thu)",
        "000.031",
        "In lệch",
        "Cộng 11",
        "ngày 16 tháng 6 năm 2026",
    ):
        assert wanted in said, wanted
    assert "Rơi" not in said, "what is lost cannot be destroyed"


def test_long_minutes_repeat_their_head_and_number_their_pages(
    session: Session, world: World, order: LabelOrder
) -> None:
    for first in range(1, 141, 2):
        ledger.apply(
            session, order.id, Range(first, first + 1), LabelMove.SPOIL, by=world.clerk.id, at=NOW, reach=own(world), reason="Ướt"
        )  # fmt: skip
    pdf = minutes.of_destruction(session, order.id, at=NOW, reach=own(world))[1]
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    assert len(document) > 2
    second = document[1].get_textpage().get_text_range()
    assert "Dải số" in second
    assert second.split()[0] == "2"


@pytest.mark.parametrize(
    ("day", "said"), [("2026-02-05", "ngày 05 tháng 02 năm 2026"), ("2026-11-22", "ngày 22 tháng 11 năm 2026")]
)
def test_dates_are_written_as_in_official_documents(day: str, said: str) -> None:
    from datetime import UTC, datetime

    assert minutes._day_in_words(datetime.fromisoformat(day).replace(tzinfo=UTC)) == said
