"""Merging, splitting and recalling: grams are conserved, parents stay, the gate and the scan know merged lots, recalls reach descendants."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from tests.services.test_lots import record
from trace.errors import NotFound, Refused
from trace.models.areas import AreaCodeStatus
from trace.models.certificates import CertificateSource
from trace.models.events import BusinessStep, Disposition, EventKind, EventSide
from trace.models.labels import LabelMove
from trace.models.lots import Lot, LotOrigin, LotState
from trace.services import events, gate, ledger, lot_chain, lot_changes, lots, ordering
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


@pytest.fixture
def second(session: Any, world: Any) -> Lot:
    """A certified lot of 100 kg from another area of the same cooperative."""
    area = factories.area(
        session, world.title, world.cooperative, "Vùng vải số 3", boundary=factories.square(106.43, 20.94, 0.003)
    )
    session.add(CertificateSource(certificate_id=world.certificate.id, area_id=area.id))
    session.flush()
    lot = record(session, world, code="L-2", area_id=area.id)
    return lots.certify(session, lot.id, by=world.certifier.id, at=NOW, reach=ALL)


def merge(session: Any, world: Any, *found: Lot, code: str = "G-1") -> Lot:
    made = lot_changes.merge(session, [lot.id for lot in found], code=code, by=world.clerk.id, at=NOW, reach=ALL)
    conserved(session)
    return made


def split(session: Any, world: Any, lot: Lot, *parts: tuple[str, int]) -> Any:
    made = lot_changes.split(
        session, lot.id, [lot_changes.Part(*part) for part in parts], by=world.clerk.id, at=NOW, reach=ALL
    )
    conserved(session)
    return made


def conserved(session: Any) -> None:
    """Have the deferred rule of the database judge now what it would judge at the commit."""
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def refused(deed: Any) -> set[type]:
    with pytest.raises(Refused) as caught:
        deed()
    return {type(reason) for reason in caught.value.reasons}


def order(session: Any, world: Any, lot: Lot, quantity: int = 10) -> Any:
    return ordering.place(
        session, lot_id=lot.id, quantity=quantity, pack_weight_g=2000, layout="a4-24", by=world.clerk.id, at=NOW, reach=ALL
    )  # fmt: skip


def activated(session: Any, world: Any, placed: Any, lot: Lot | None = None) -> None:
    factories.tested(session, placed, NOW)
    for move in (LabelMove.PRINT, LabelMove.RECEIVE, LabelMove.ACTIVATE):
        ledger.apply(
            session, placed.id, placed.serials, move, by=world.clerk.id, at=NOW, reach=ALL, counted=placed.quantity,
            lot_id=lot.id if lot and move is LabelMove.ACTIVATE else None,
        )  # fmt: skip


def scan(session: Any, serial: int) -> Any:
    statement = text("SELECT verify_label(:serial, :at, decode(repeat('ab', 12), 'hex'), 'real', 'qr')")
    return session.scalar(statement, {"serial": serial, "at": NOW})


def test_merging_moves_what_is_unlabelled_to_the_gram_and_closes_the_parents(
    session: Any, world: Any, second: Lot
) -> None:
    order(session, world, world.lot, 50)
    made = merge(session, world, world.lot, second)
    assert (made.volume_g, made.state, made.origin) == (
        600_000 - 100_000 + 100_000,
        LotState.CERTIFIED,
        LotOrigin.MERGED,
    )
    assert (world.lot.state, world.lot.labelled_g, world.lot.moved_g, world.lot.left_g) == (
        LotState.CLOSED,
        100_000,
        500_000,
        0,
    )
    assert (second.state, second.moved_g) == (LotState.CLOSED, 100_000)
    assert {source.name for source in made.sources} == {"Vùng vải số 1", "Vùng vải số 3"}
    assert made.harvested_on == min(world.lot.harvested_on, second.harvested_on)
    assert made.expires_on == min(world.lot.expires_on, second.expires_on)
    # Nothing was harvested by merging.
    assert lots.left_of_balance(session, world.cooperative.id, world.season.id) == 1_000_000 - 700_000
    assert [(each.parent_id, each.grams) for each in lot_chain.parents(session, made.id)] == [
        (second.id, 100_000), (world.lot.id, 500_000),
    ]  # fmt: skip
    assert [each.child_id for each in lot_chain.children(session, second.id)] == [made.id]


def test_a_lot_merged_from_one_area_keeps_that_area(session: Any, world: Any) -> None:
    other = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-9", volume_g=1_000
    )
    made = merge(session, world, world.lot, other)
    assert (made.area_id, made.gathered) == (world.area.id, [])


def test_the_gate_lets_a_merged_lot_through_and_closes_with_either_source(
    session: Any, world: Any, second: Lot
) -> None:
    made = merge(session, world, world.lot, second)
    order(session, world, made)

    def standing() -> set[type]:
        quote = ordering.quote(
            session, lot_id=made.id, quantity=1, pack_weight_g=2000, layout="a4-24", at=NOW, reach=ALL
        )
        return {type(reason) for reason in quote.reasons}

    assert standing() == set()
    found = factories.nonconformity(session, world.title, world.cooperative, NOW, area_id=second.area_id)
    assert standing() == {gate.BlockingNonconformity}
    found.closed_at, found.closed_by = NOW, world.controller.id
    for code in second.area.codes:
        code.status, code.reason = AreaCodeStatus.SUSPENDED, "x"
    session.flush()
    assert standing() == {gate.AreaCodeMissing}
    session.execute(text("DELETE FROM certificate_source WHERE area_id = :area"), {"area": second.area_id})
    assert standing() == {gate.AreaCodeMissing, gate.SourceNotCovered}


def test_a_closed_parent_gets_no_labels_and_says_where_to_go(session: Any, world: Any, second: Lot) -> None:
    merge(session, world, world.lot, second)
    assert gate.LotClosed in refused(lambda: order(session, world, second))
    assert second not in [each.lot for each in ordering.candidates(session, at=NOW, reach=ALL)]


def test_a_scan_of_a_merged_lot_names_its_areas(session: Any, world: Any, second: Lot) -> None:
    made = merge(session, world, world.lot, second)
    placed = order(session, world, made)
    activated(session, world, placed)
    facts = scan(session, placed.serials.lower)
    assert (facts["kind"], facts["sources"], facts["lot_code"]) == ("valid", 2, "G-1")
    assert set(facts["source_name"].split(", ")) == {"Vùng vải số 1", "Vùng vải số 3"}
    assert facts["commune_name"] == "Thanh Hà"
    alone = order(session, world, split(session, world, made, ("G-1a", 300_000), ("G-1b", made.left_g - 300_000))[0])
    assert scan(session, alone.serials.lower)["sources"] == 2


def test_splitting_adds_up_exactly(session: Any, world: Any) -> None:
    for parts in ([("A", 300_000), ("B", 299_999)], [("A", 300_000), ("B", 300_001)]):
        assert refused(lambda parts=parts: split(session, world, world.lot, *parts)) == {lot_changes.PartsDoNotAddUp}
    made = split(session, world, world.lot, ("A", 1), ("B", 599_999))
    assert [(lot.volume_g, lot.area_id, lot.state) for lot in made] == [
        (1, world.area.id, LotState.CERTIFIED), (599_999, world.area.id, LotState.CERTIFIED),
    ]  # fmt: skip
    assert (world.lot.state, world.lot.left_g) == (LotState.CLOSED, 0)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("A", 600_000)], lot_changes.TooFewParts),
        ([("A", 600_000), ("B", 0)], lot_changes.PartNotPositive),
        ([("A", 300_000), ("A", 300_000)], lot_changes.CodesAlike),
        ([("A", 300_000), (" ", 300_000)], lots.CodeMissing),
        ([("A", 300_000), ("L260615-01", 300_000)], lots.CodeTaken),
    ],
)  # fmt: skip
def test_each_refusal_of_a_split(session: Any, world: Any, parts: Any, expected: type) -> None:
    assert refused(lambda: split(session, world, world.lot, *parts)) == {expected}
    assert factories.count(session, Lot) == 2


def test_labelled_volume_stays_with_the_labels(session: Any, world: Any) -> None:
    order(session, world, world.lot, 200)  # 400 kg of 600
    assert refused(lambda: split(session, world, world.lot, ("A", 300_000), ("B", 300_000))) == {
        lot_changes.PartsDoNotAddUp
    }
    (rest,) = split(session, world, world.lot, ("A", 200_000))
    assert rest.volume_g == 200_000
    assert refused(lambda: split(session, world, world.lot, ("C", 1))) == {
        lot_changes.NothingLeft,
        lot_changes.PartsDoNotAddUp,
    }


def test_volume_that_a_closed_lot_gets_back_can_move_on(session: Any, world: Any) -> None:
    placed = order(session, world, world.lot, 200)
    split(session, world, world.lot, ("A", 200_000))
    ledger.apply(
        session, placed.id, placed.serials, LabelMove.VOID, by=world.clerk.id, at=NOW, reach=ALL, reason="In nhầm"
    )
    assert world.lot.left_g == 400_000
    split(session, world, world.lot, ("B", 100_000), ("C", 300_000))
    assert (world.lot.moved_g, world.lot.left_g) == (600_000, 0)


def test_what_cannot_be_merged(session: Any, world: Any, second: Lot) -> None:
    draft = record(session, world, code="L-3")
    assert refused(lambda: merge(session, world, world.lot)) == {lot_changes.TooFewLots}
    assert lot_changes.NotMovable in refused(lambda: merge(session, world, world.lot, draft))
    assert lot_changes.LotsDiffer in refused(lambda: merge(session, world, world.lot, world.other_lot))
    assert refused(lambda: merge(session, world, world.lot, second, code="L-2")) == {lots.CodeTaken}
    late = factories.lot(
        session, world.certificate, world.product, world.season, world.area, NOW, code="L-8", packed_on=TODAY + timedelta(days=30),
        expires_on=TODAY + timedelta(days=60),
    )  # fmt: skip
    assert refused(lambda: merge(session, world, world.lot, late)) == {lot_changes.DatesApart}
    session.execute(text("DELETE FROM certificate_source WHERE area_id = :area"), {"area": second.area_id})
    assert refused(lambda: merge(session, world, world.lot, second)) == {lot_changes.NoCommonCertificate}
    own = Reach(holders=frozenset({world.cooperative.id}))
    with pytest.raises(NotFound):
        lot_changes.merge(session, [world.lot.id, world.other_lot.id], code="x", by=world.clerk.id, at=NOW, reach=own)


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE lot SET moved_g = 5, state = 'closed' WHERE id = :lot",
        "UPDATE lot SET origin = 'merged' WHERE id = :lot",
        "INSERT INTO lot_parent (parent_id, child_id, grams, at, by) SELECT :lot, id, 5, now(), :by FROM lot WHERE id <> :lot LIMIT 1",
    ],
)  # fmt: skip
def test_the_database_refuses_grams_from_nowhere(session: Any, world: Any, deed: str) -> None:
    with session.begin_nested() as here:
        session.execute(text(deed), {"lot": world.lot.id, "by": world.clerk.id})
        with pytest.raises(IntegrityError, match="do not add up"):
            conserved(session)
        here.rollback()


def test_a_recall_reaches_the_lots_that_came_of_it_and_their_labels(session: Any, world: Any, second: Lot) -> None:
    made = merge(session, world, world.lot, second)
    one, two = split(session, world, made, ("G-1a", 300_000), ("G-1b", 400_000))
    placed = order(session, world, one)
    activated(session, world, placed)
    waiting = order(session, world, two)
    lots.recall(session, second.id, reason="Dư lượng vượt mức", by=world.manager.id, at=NOW, reach=ALL)
    session.flush()
    states = [lot.state for lot in (second, made, one, two, world.lot)]
    assert states == [LotState.RECALLED] * 4 + [LotState.CLOSED]
    for each in (placed, waiting):
        facts = scan(session, each.serials.lower)
        assert (facts["kind"], facts["recall_reason"]) == ("recalled", "Dư lượng vượt mức")
    assert [row.state.value for row in placed.ranges] == ["recalled"]
    steps = [(row.business_step, row.disposition) for row in events.of_lot(session, one.id)]
    assert (BusinessStep.HOLDING, Disposition.RECALLED) in steps


def test_labels_are_not_bound_before_the_goods_are_packed(session: Any, world: Any) -> None:
    world.lot.packed_on = TODAY + timedelta(days=1)
    placed = order(session, world, world.lot)
    assert refused(lambda: activated(session, world, placed)) == {ledger.NotPackedYet}


def test_the_origins_of_a_lot_are_what_was_harvested(session: Any, world: Any, second: Lot) -> None:
    made = merge(session, world, world.lot, second)
    (one, _two) = split(session, world, made, ("G-1a", 300_000), ("G-1b", 400_000))
    assert lot_chain.origins(session, one.id) == {world.lot.id, second.id}
    assert lot_chain.origins(session, second.id) == {second.id}
    assert len(lot_chain.descendants(session, [world.lot.id])) == 3


def test_the_events_of_a_merge_hold_inputs_and_output(session: Any, world: Any, second: Lot) -> None:
    made = merge(session, world, world.lot, second)
    (event,) = [row for row in events.of_lot(session, made.id) if row.kind is EventKind.TRANSFORMATION]
    assert {(part.lot_id, part.side, part.grams) for part in event.parts} == {
        (world.lot.id, EventSide.INPUT, 600_000), (second.id, EventSide.INPUT, 100_000), (made.id, EventSide.OUTPUT, 700_000),
    }  # fmt: skip
    assert event in events.of_lot(session, second.id), "the parent's page tells of it too"
