"""Serials by list, table and photo; moves of several ranges at once; a jam, a lost roll, a recalled lot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range

from labels import code
from labels.keys import Keyring
from labels.qr import qr_text
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace.errors import NotFound, Refused, TemThatError
from trace.models.history import History
from trace.models.labels import LabelMove, LabelOrder, LabelState
from trace.services import files, gate, jams, ledger, lots, ordering, ranges, reconciling, strips
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RING = Keyring(((1, 1, SECRET),))


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=100, pack_weight_g=2000, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip
    factories.tested(session, placed, NOW)
    return placed


def spans(*pairs: tuple[int, int]) -> list[Range[int]]:
    return [Range(first, last + 1) for first, last in pairs]


def do(session: Session, world: World, order: LabelOrder, move: str, parts: Any = None, **facts: Any) -> Any:
    parts = [order.serials] if parts is None else parts
    usual: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": own(world), "reason": "Tem ướt mưa"}
    if move == "receive":
        usual["counted"] = sum(map(ranges.size, parts))
    return ledger.apply(session, order.id, parts, LabelMove(move), **(usual | facts))


def states(session: Session, order: LabelOrder) -> list[tuple[int, int, str]]:
    session.expire_all()
    return [(row.serials.lower, row.serials.upper - 1, row.state.value) for row in order.ranges]


def scan(session: Session, serial: int) -> str:
    session.flush()
    asked = text("SELECT verify_label(:serial, :at, decode(repeat('ab', 12), 'hex'), 'preview', 'qr')->>'kind'")
    return str(session.scalar(asked, {"serial": serial, "at": NOW}))


# -------------------------------------------------------------------------------------------------------------- lists of serials


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("000120–000180, 000190", [(120, 180), (190, 190)]), ("5;3-4\n1", [(1, 1), (3, 5)]), ("7,", [(7, 7)]),
        ("1.200 – 1.300, {9}", [(9, 9), (1200, 1300)]),
    ],
)  # fmt: skip
def test_a_list_reads_as_ranges_in_order(typed: str, expected: list[tuple[int, int]]) -> None:
    typed = typed.replace("{9}", code.show(code.encode(9, SECRET)))
    found = ranges.parse_many(typed, keyring=RING)
    assert list(found) == spans(*expected)
    assert ranges.parse_many(ordering.show_ranges(found), keyring=RING) == found


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("1-10, 10-20", ranges.RangesOverlap), ("5, 5", ranges.RangesOverlap), ("1, , 2", ranges.NotARange), ("", ranges.NotARange),
        ("20-10, 30", ranges.RangeBackwards), ("1, 1000000000000", ranges.NotARange), ("1, -5", ranges.NotARange), ("0, 1", ranges.NotARange),
        (", ".join(str(each) for each in range(1, 600, 2)), ranges.TooManyRanges),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_meant_is_refused(typed: str, error: type[TemThatError]) -> None:
    with pytest.raises(error):
        ranges.parse_many(typed, keyring=RING)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("serial\n3\n4\n9\n", [(3, 4), (9, 9)]), ("from,to\n1,5\n8,9\n", [(1, 5), (8, 9)]), ("Từ;Đến\r\n1;5\r\n", [(1, 5)]),
        ("120–180\n190\n", [(120, 180), (190, 190)]), ("serial,code,url\n12,{12},x\n13,{12},x\n", [(12, 13)]), ("mã\n{12}\n", [(12, 12)]),
        ("\ufeffsố\n1.200\n", [(1200, 1200)]),
    ],
)  # fmt: skip
def test_a_table_reads_as_ranges(table: str, expected: list[tuple[int, int]]) -> None:
    table = table.replace("{12}", code.encode(12, SECRET))
    assert list(strips.read(io.BytesIO(table.encode()), keyring=RING)) == spans(*expected)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", files.FileEmpty), (b"\x00\x01", strips.CsvUnreadable), ("số\n1".encode("utf-16"), strips.CsvUnreadable),
        (b"1,5\n7,9\n", strips.CsvUnreadable), (b"serial\n", strips.CsvUnreadable), (b"serial\n1\nx\n", strips.CsvLineWrong),
        (b"from,to\n9,1\n", strips.CsvLineWrong), (b"from,to\n9\n", strips.CsvLineWrong), (b"serial\n7\n7\n", ranges.RangesOverlap),
        (b"\xff\xd8\xff\xe0nonsense", files.NotAnImage), (b"code\n0000-0700-0000\n", strips.CsvLineWrong),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(data: bytes, error: type[TemThatError]) -> None:
    with pytest.raises(error):
        strips.read(io.BytesIO(data), keyring=RING)


def strip(*codes: str, text_of: Any = None) -> bytes:
    """A photo of a strip of labels, side by side."""
    import qrcode

    sheet = Image.new("RGB", (260 * len(codes) + 40, 320), "#dfe3d8")
    for at, each in enumerate(codes):
        symbol = qrcode.QRCode(border=4, box_size=6)
        symbol.add_data(text_of(each) if text_of else qr_text(each, host="TEMTHAT.TEST"))
        sheet.paste(symbol.make_image().get_image().convert("RGB"), (20 + 260 * at, 30))
    ImageDraw.Draw(sheet).text((20, 295), "VAI THIEU MAU", fill="black")
    saved = io.BytesIO()
    sheet.rotate(2, expand=True, fillcolor="#dfe3d8").save(saved, "JPEG", quality=80)
    return saved.getvalue()


def test_a_photo_of_a_strip_reads_as_ranges() -> None:
    photo = strip(*(code.encode(serial, SECRET) for serial in (41, 42, 43, 45)))
    assert list(strips.read(io.BytesIO(photo), keyring=RING)) == spans((41, 43), (45, 45))


def test_a_photo_with_a_forged_code_is_refused_and_other_symbols_are_passed_over() -> None:
    with pytest.raises(ranges.CodeNotOurs):
        strips.read(io.BytesIO(strip(code.encode(41, SECRET), code.encode(42, b"x" * 32))), keyring=RING)
    with pytest.raises(strips.NoCodeSeen):
        strips.read(io.BytesIO(strip("x", text_of=lambda _: "https://example.com/khuyen-mai")), keyring=RING)
    blank = io.BytesIO()
    Image.new("L", (300, 300), 255).save(blank, "PNG")
    with pytest.raises(strips.NoCodeSeen):
        strips.read(io.BytesIO(blank.getvalue()), keyring=RING)


# ------------------------------------------------------------------------------------------------------------- several ranges


def test_several_ranges_move_together_or_not_at_all(session: Session, world: World, order: LabelOrder) -> None:
    do(session, world, order, "print")
    do(session, world, order, "receive", spans((1, 40), (61, 100)))
    with pytest.raises(Refused) as refused:
        do(session, world, order, "spoil", spans((11, 20), (99, 130)))
    assert [type(reason) for reason in refused.value.reasons] == [ledger.OutsideOrder]
    do(session, world, order, "spoil", spans((1, 3), (11, 20), (31, 70)))
    assert states(session, order) == [
        (1, 3, "spoiled"), (4, 10, "received"), (11, 20, "spoiled"), (21, 30, "received"), (31, 70, "spoiled"), (71, 100, "received"),
    ]  # fmt: skip
    assert world.balance.issued_g == 47 * 2000
    assert reconciling.of_order(session, order.id, end=NOW).adds_up
    with pytest.raises(ranges.RangesOverlap):
        do(session, world, order, "spoil", spans((4, 10), (5, 6)))


def test_the_count_is_of_all_ranges_together(session: Session, world: World, order: LabelOrder) -> None:
    do(session, world, order, "print")
    with pytest.raises(Refused) as refused:
        do(session, world, order, "receive", spans((1, 10), (21, 30)), counted=19)
    assert [type(reason) for reason in refused.value.reasons] == [ledger.CountDiffers]
    assert refused.value.reasons[0].facts["expected"] == 20


# ------------------------------------------------------------------------------------------------------------- jam, lost, recall


def jam(session: Session, world: World, order: LabelOrder, serial: int, **facts: Any) -> LabelOrder:
    usual: dict[str, Any] = {"reason": "Kẹt giấy", "by": world.clerk.id, "at": NOW, "reach": own(world)}
    return jams.reprint_from(session, order.id, serial, **(usual | facts))


def test_after_a_jam_the_old_serials_are_void_and_as_many_new_ones_ordered(
    session: Session, world: World, order: LabelOrder
) -> None:
    do(session, world, order, "print")
    do(session, world, order, "receive", spans((1, 40)))
    do(session, world, order, "spoil", spans((91, 100)))
    made = jam(session, world, order, 51)
    assert states(session, order) == [
        (1, 40, "received"),
        (41, 50, "printed"),
        (51, 90, "voided"),
        (91, 100, "spoiled"),
    ]
    assert (made.serials, made.quantity, made.lot_id, made.pack_weight_g) == (Range(101, 141), 40, order.lot_id, 2000)
    assert (world.balance.issued_g, world.lot.labelled_g) == (90 * 2000, 90 * 2000)
    assert (scan(session, 60), scan(session, 101)) == ("voided", "not_activated")
    deeds = session.scalars(select(History.deed).where(History.subject_id.in_([order.id, made.id]))).all()
    assert {"order:replace", "order:replaced"} <= set(deeds)


def test_a_jam_on_a_full_balance_needs_no_extra_volume(session: Session, world: World, order: LabelOrder) -> None:
    world.balance.eligible_g = world.lot.volume_g = 200_000
    session.flush()
    assert jam(session, world, order, 1).quantity == 100


@pytest.mark.parametrize("serial", [0, -1, 101, 10**12])
def test_a_jam_begins_at_a_serial_of_the_order(session: Session, world: World, order: LabelOrder, serial: int) -> None:
    with pytest.raises(Refused) as refused:
        jam(session, world, order, serial)
    assert [type(reason) for reason in refused.value.reasons] == [jams.NotOfThisOrder]


def test_labels_on_goods_or_written_off_are_not_printed_anew(session: Session, world: World, order: LabelOrder) -> None:
    do(session, world, order, "print")
    do(session, world, order, "receive")
    do(session, world, order, "activate", spans((81, 90)))
    with pytest.raises(Refused) as refused:
        jam(session, world, order, 71)
    assert [(type(r), r.facts["state"]) for r in refused.value.reasons] == [(ledger.NotInState, LabelState.ACTIVATED)]
    do(session, world, order, "lose", spans((91, 100)))
    with pytest.raises(Refused) as refused:
        jam(session, world, order, 91)
    assert [type(reason) for reason in refused.value.reasons] == [jams.NothingToReplace]
    with pytest.raises(NotFound):
        jam(session, world, order, 1, reach=Reach(holders=frozenset({world.packing_house.id})))


def test_a_closed_gate_replaces_nothing(session: Session, world: World, order: LabelOrder) -> None:
    factories.nonconformity(session, world.title, world.cooperative, NOW)
    with pytest.raises(Refused) as refused, session.begin_nested():
        jam(session, world, order, 51)
    assert [type(reason) for reason in refused.value.reasons] == [gate.BlockingNonconformity]
    assert states(session, order) == [(1, 100, "ordered")]


def test_a_lost_roll_is_void_for_the_very_next_scan(session: Session, world: World, order: LabelOrder) -> None:
    do(session, world, order, "print")
    do(session, world, order, "receive")
    do(session, world, order, "activate")
    assert scan(session, 55) == "valid"
    do(session, world, order, "lose", spans((51, 100)), reason="Mất một cuộn trên đường")
    assert (scan(session, 55), scan(session, 50)) == ("voided", "valid")


def test_recalling_a_lot_moves_its_labels_through_the_ledger(session: Session, world: World, order: LabelOrder) -> None:
    other = factories.lot(session, world.certificate, world.product, world.season, world.area, NOW, code="L-2")
    do(session, world, order, "print")
    do(session, world, order, "receive")
    do(session, world, order, "activate", spans((1, 30)))
    do(session, world, order, "activate", spans((31, 60)), lot_id=other.id)
    do(session, world, order, "use", spans((1, 10)))
    do(session, world, order, "lose", spans((11, 12)))
    recalling = Reach(titles=frozenset({world.title.id}))
    lots.recall(session, world.lot.id, reason="Dư lượng vượt mức", by=world.manager.id, at=NOW, reach=recalling)
    assert states(session, order) == [
        (1, 10, "recalled"), (11, 12, "lost"), (13, 30, "recalled"), (31, 60, "activated"), (61, 100, "received"),
    ]  # fmt: skip
    account = reconciling.of_order(session, order.id, end=NOW)
    assert (account.adds_up, account.in_hand.left[LabelMove.RECALL], account.in_hand.closing) == (True, 18, 70)
    assert (scan(session, 5), scan(session, 13), scan(session, 31)) == ("recalled", "recalled", "valid")
    written = session.scalars(
        select(History).where(History.subject_id == order.id, History.deed == "labels:recall")
    ).one()
    assert (written.by, written.why) == (world.manager.id, "Dư lượng vượt mức")
    assert reconciling.find_gaps(session, NOW) == 0


# ------------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("quantity", [0, -1, 10**12])
def test_no_order_of_nothing_or_of_everything(session: Session, world: World, quantity: int) -> None:
    with pytest.raises(Refused) as refused:
        ordering.place(
            session, lot_id=world.lot.id, quantity=quantity, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
        )  # fmt: skip
    wanted = gate.QuantityTooSmall if quantity < 1 else gate.QuantityTooLarge
    assert wanted in {type(reason) for reason in refused.value.reasons}
    assert world.balance.issued_g == 0


def test_labels_are_not_bound_to_another_product(session: Session, world: World, order: LabelOrder) -> None:
    product = factories.Product(
        title_id=world.title.id, name="Vải khô mẫu", name_en="Dried lychee", description="Khô", source_kind=world.product.source_kind
    )  # fmt: skip
    session.add(product)
    session.flush()
    lot = factories.lot(session, world.certificate, product, world.season, world.area, NOW, code="L-K")
    do(session, world, order, "print")
    do(session, world, order, "receive")
    with pytest.raises(Refused) as refused:
        do(session, world, order, "activate", lot_id=lot.id)
    assert [type(reason) for reason in refused.value.reasons] == [ledger.LotDoesNotFit]


def test_serials_of_another_order_do_not_move(session: Session, world: World, order: LabelOrder) -> None:
    other = ordering.place(
        session, lot_id=world.lot.id, quantity=10, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW, reach=own(world)
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        do(session, world, order, "void", [other.serials])
    assert [type(reason) for reason in refused.value.reasons] == [ledger.OutsideOrder]
    assert states(session, other) == [(101, 110, "ordered")]
