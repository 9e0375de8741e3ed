"""Every step of a label that can be seen is an event, in the words of EPCIS 2.0, written in the transaction of the deed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from tests.services.test_lot_changes import order
from trace.errors import Refused
from trace.models.events import BusinessStep, Disposition, EventAction, EventKind, TraceEvent
from trace.models.labels import LabelMove, LabelMovement
from trace.services import events, ledger
from trace.services.reach import Reach

ALL = Reach(everything=True)


def told(session: Any, order_id: Any) -> list[tuple[Any, ...]]:
    rows = session.scalars(
        select(TraceEvent).where(TraceEvent.order_id == order_id).order_by(TraceEvent.recorded_at, TraceEvent.id)
    )
    return [(row.kind, row.action, row.business_step, row.disposition, row.serials) for row in rows]


def move(session: Any, world: Any, placed: Any, what: LabelMove, serials: Any = None, **facts: Any) -> None:
    ledger.apply(session, placed.id, serials or placed.serials, what, by=world.clerk.id, at=NOW, reach=ALL, **facts)


def test_a_label_is_encoded_received_commissioned_and_packed(session: Any, world: Any) -> None:
    k, a, s, d = EventKind, EventAction, BusinessStep, Disposition
    placed = order(session, world, world.lot, 20)
    whole = placed.serials
    assert told(session, placed.id) == [], "numbers alone are nothing that could be seen"
    steps = [
        (LabelMove.PRINT, {}, (k.OBJECT, a.OBSERVE, s.ENCODING, d.ENCODED, whole)),
        (LabelMove.RECEIVE, {"counted": 20}, (k.OBJECT, a.OBSERVE, s.RECEIVING, d.ENCODED, whole)),
        (LabelMove.ACTIVATE, {}, (k.ASSOCIATION, a.ADD, s.COMMISSIONING, d.ACTIVE, whole)),
        (LabelMove.USE, {}, (k.OBJECT, a.OBSERVE, s.PACKING, d.IN_PROGRESS, whole)),
    ]
    for number, (what, facts, expected) in enumerate(steps, start=1):
        if what is LabelMove.ACTIVATE:
            factories.tested(session, placed, NOW)
        move(session, world, placed, what, **facts)
        found = told(session, placed.id)
        assert expected in found
        assert len(found) == number
    lot_events = events.of_lot(session, world.lot.id)
    assert {row.party_id for row in lot_events if row.serials} == {world.cooperative.id}


def test_labels_in_use_do_not_stand_for_the_packing_of_the_lot(session: Any, world: Any) -> None:
    placed = order(session, world, world.lot, 4)
    move(session, world, placed, LabelMove.PRINT)
    move(session, world, placed, LabelMove.RECEIVE, counted=4)
    factories.tested(session, placed, NOW)
    move(session, world, placed, LabelMove.ACTIVATE)
    move(session, world, placed, LabelMove.USE)
    events.packed(session, world.lot, by=world.clerk.id, at=NOW)
    session.flush()
    packings = session.scalars(select(TraceEvent.serials).where(TraceEvent.business_step == BusinessStep.PACKING)).all()
    assert sorted(packings, key=str) == sorted([placed.serials, None], key=str)


@pytest.mark.parametrize("what", sorted(set(LabelMove) - {LabelMove.ISSUE, LabelMove.HAND_OVER}))
def test_every_movement_but_the_issue_of_numbers_has_its_event(session: Any, world: Any, what: LabelMove) -> None:
    assert what in events.OF_MOVE


def test_a_refused_move_leaves_neither_movement_nor_event(session: Any, world: Any) -> None:
    placed = order(session, world, world.lot, 4)
    session.commit()
    with pytest.raises(Refused), session.begin_nested():
        move(session, world, placed, LabelMove.USE, Range(placed.serials.lower, placed.serials.lower + 2))
    assert told(session, placed.id) == []
    assert factories.count(session, LabelMovement, LabelMovement.order_id == placed.id) == 1
