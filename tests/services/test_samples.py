"""Test prints: what they answer, what they count for, and that nothing is activated before one was scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from labels import code
from labels.keys import Keyring
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace.errors import NotFound, Refused
from trace.models import printing as tables
from trace.models.history import History
from trace.models.labels import FIRST_SAMPLE_SERIAL, LAST_SERIAL, LabelMove, LabelOrder, LabelRange
from trace.models.scans import Scan, ScanChannel, ScanKind, UnknownCode, VerdictKind
from trace.services import composing, gate, layouts, ledger, ordering, printing, samples, scanning
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RING = Keyring(((1, 1, SECRET),))


@pytest.fixture
def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


@pytest.fixture
def facts(world: World, own: Reach) -> dict[str, Any]:
    return {"by": world.clerk.id, "at": NOW, "reach": own}


@pytest.fixture
def drawn(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {"keyring": RING, "host": "TEMTHAT.TEST"}


@pytest.fixture
def order(session: Session, world: World, facts: dict[str, Any]) -> LabelOrder:
    return ordering.place(
        session, lot_id=world.lot.id, quantity=100, pack_weight_g=2000, layout="a4-24", **facts
    )  # fmt: skip


def make(session: Session, order: LabelOrder, drawn: dict[str, Any], **changes: Any) -> Any:
    return samples.make(session, order.id, **({"printer": "Máy mẫu 1", "layout": "a4-24"} | drawn | changes))


def scan(connection: Connection, serial: int, kind: ScanKind = ScanKind.REAL) -> scanning.Verdict:
    return scanning.verify(
        connection, code.encode(serial, SECRET), keyring=RING, at=NOW, device=b"device-no-01", kind=kind, channel=ScanChannel.QR
    )  # fmt: skip


def activate(session: Session, order: LabelOrder, facts: dict[str, Any]) -> Any:
    return ledger.apply(session, order.id, Range(1, 101), LabelMove.ACTIVATE, **facts)


def print_and_receive(
    session: Session, order: LabelOrder, drawn: dict[str, Any], facts: dict[str, Any], **how: Any
) -> None:
    printing.begin(session, order.id, **({"layout": "a4-24", "skip": 0, "reason": None} | drawn | how))
    ledger.apply(session, order.id, Range(1, 101), LabelMove.RECEIVE, counted=100, **facts)


def test_a_test_label_is_one_label_of_the_reserved_serials_marked_as_a_sample(
    session: Session, order: LabelOrder, drawn: dict[str, Any], own: Reach
) -> None:
    import io

    import pypdfium2
    import zxingcpp

    made = make(session, order, drawn)
    assert FIRST_SAMPLE_SERIAL <= made.sample_serial <= LAST_SERIAL
    name, pieces = samples.draw(session, order.id, made.sample_serial, keyring=RING, host="TEMTHAT.TEST", reach=own)
    data = b"".join(pieces)
    assert name == f"tem-mau-{order.number}.pdf"
    document = pypdfium2.PdfDocument(io.BytesIO(data))
    assert len(document) == 1
    page = document[0]
    assert "TEM MẪU" in page.get_textpage().get_text_range()
    read = [hit.text for hit in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
    document.close()
    assert read == [f"HTTPS://TEMTHAT.TEST/T/{code.encode(made.sample_serial, SECRET)}"]
    deed = session.scalars(select(History).where(History.deed == "order:test_print")).one()
    assert deed.changes["printer"] == [None, "Máy mẫu 1"]


def test_its_code_answers_as_a_sample_and_counts_for_nothing(
    session: Session, connection: Connection, order: LabelOrder, drawn: dict[str, Any], world: World
) -> None:
    made = make(session, order, drawn)
    session.commit()
    verdict = scan(connection, made.sample_serial)
    assert (verdict.kind, verdict.serial, verdict.also) == (VerdictKind.SAMPLE, None, ())
    assert (verdict.product_name, verdict.holder_name) == (world.product.name, world.cooperative.name)
    assert factories.count(session, Scan) == factories.count(session, UnknownCode) == 0
    session.refresh(made)
    assert made.scanned_at == NOW


def test_a_preview_by_a_robot_is_no_scan(
    session: Session, connection: Connection, order: LabelOrder, drawn: dict[str, Any]
) -> None:
    made = make(session, order, drawn)
    session.commit()
    assert scan(connection, made.sample_serial, ScanKind.PREVIEW).kind is VerdictKind.SAMPLE
    session.refresh(made)
    assert made.scanned_at is None


def test_a_reserved_serial_that_was_never_printed_is_unknown(
    session: Session, connection: Connection, world: World
) -> None:
    assert scan(connection, LAST_SERIAL).kind is VerdictKind.UNKNOWN


def test_labels_are_not_activated_before_a_test_label_was_scanned(
    session: Session, connection: Connection, order: LabelOrder, drawn: dict[str, Any], facts: dict[str, Any]
) -> None:
    made = make(session, order, drawn)
    print_and_receive(session, order, drawn, facts)
    with pytest.raises(Refused) as refused:
        activate(session, order, facts)
    assert [type(reason) for reason in refused.value.reasons] == [samples.TestLabelNotScanned]
    session.commit()
    scan(connection, made.sample_serial)
    session.expire_all()
    activate(session, order, facts)
    assert {row.state.value for row in session.scalars(select(LabelRange))} == {"activated"}


@pytest.mark.parametrize(
    ("tested", "printed", "good"),
    [
        ({"printer": "Zebra  kho 1"}, {"printer": "ZEBRA kho 1"}, True),
        ({"printer": "Zebra kho 1"}, {"printer": "Laser văn phòng"}, False),
        ({"layout": "a4-65"}, {}, False),
        ({"layout": "a4-65"}, {"layout": "a4-65"}, True),
        ({"printer": "Zebra kho 1"}, {"printer": None}, True),
        ({"printer": "Zebra kho 1"}, {"printer": " "}, True),
        ({"scanned_at": None}, {}, False),
    ],
)
def test_it_must_be_of_the_printer_and_layout_of_the_last_print(
    session: Session,
    order: LabelOrder,
    drawn: dict[str, Any],
    tested: dict[str, Any],
    printed: dict[str, Any],
    good: bool,
) -> None:
    factories.tested(
        session,
        order,
        NOW,
        **(
            {"printer": "Zebra kho 1"}
            | tested
            | ({"printer": " ".join(tested["printer"].split())} if "printer" in tested else {})
        ),
    )
    how = {"layout": "a4-24", "skip": 0, "reason": None, "printer": "Zebra kho 1"} | drawn | printed
    printing.begin(session, order.id, **how)
    assert samples.scanned(session, order) is good


def test_another_orders_test_label_does_not_help(
    session: Session, world: World, order: LabelOrder, facts: dict[str, Any]
) -> None:
    other = ordering.place(session, lot_id=world.lot.id, quantity=5, pack_weight_g=2000, layout="a4-24", **facts)
    factories.tested(session, other, NOW)
    assert samples.scanned(session, other)
    assert not samples.scanned(session, order)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"printer": "  "}, samples.PrinterUnnamed), ({"printer": "x" * 81}, samples.PrinterUnnamed),
        ({"layout": "a3-1"}, gate.UnknownLayout), ({"layout": ""}, gate.UnknownLayout),
    ],
)  # fmt: skip
def test_a_test_label_needs_a_printer_and_a_layout(
    session: Session, order: LabelOrder, drawn: dict[str, Any], changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises((Refused, error)) as refused:
        make(session, order, drawn, **changes)
    reasons = refused.value.reasons if isinstance(refused.value, Refused) else [refused.value]
    assert [type(reason) for reason in reasons] == [error]


def test_orders_of_others_have_no_test_labels_for_you(
    session: Session, world: World, order: LabelOrder, drawn: dict[str, Any]
) -> None:
    others = Reach(holders=frozenset({world.other_cooperative.id}))
    with pytest.raises(NotFound):
        make(session, order, drawn, reach=others)
    made = make(session, order, drawn)
    with pytest.raises(NotFound):
        samples.draw(session, order.id, made.sample_serial, keyring=RING, host="T.VN", reach=others)
    with pytest.raises(NotFound):
        samples.draw(session, order.id, made.sample_serial + 1, keyring=RING, host="T.VN", reach=drawn["reach"])


def test_issued_serials_never_reach_those_of_test_labels(session: Session, world: World, facts: dict[str, Any]) -> None:
    session.execute(text("UPDATE label_series SET next_serial = :n"), {"n": FIRST_SAMPLE_SERIAL - 10})
    asked = {"lot_id": world.lot.id, "pack_weight_g": 2000, "layout": "a4-24"} | facts
    with pytest.raises(ordering.SeriesSpent) as spent:
        ordering.place(session, quantity=11, **asked)
    assert spent.value.facts["left"] == 10
    assert ordering.place(session, quantity=10, **asked).serials.upper == FIRST_SAMPLE_SERIAL
    with pytest.raises(IntegrityError, match="within_thirty_bits"):
        session.execute(text("UPDATE label_series SET next_serial = next_serial + 1"))


def test_a_name_of_200_characters_and_one_with_a_sign_the_font_lacks(
    session: Session, world: World, order: LabelOrder, drawn: dict[str, Any], own: Reach
) -> None:
    world.product.name = "Vải thiều " * 20
    session.flush()
    made = make(session, order, drawn, layout="a4-65")
    assert b"%PDF" in b"".join(
        samples.draw(session, order.id, made.sample_serial, keyring=RING, host="T.VN", reach=own)[1]
    )
    world.product.name = "Vải 荔枝"
    session.flush()
    with pytest.raises(Refused) as refused:
        make(session, order, drawn)
    assert [type(reason) for reason in refused.value.reasons] == [composing.SignMissing]
    assert "荔" in str(refused.value.reasons[0].facts["characters"])


def test_layouts_are_found_by_name(session: Session, world: World) -> None:
    assert layouts.find(session, "a4-24", holder_id=world.cooperative.id).cells == 24
    assert tables.TestPrint.__tablename__ == "test_print"
