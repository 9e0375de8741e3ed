"""Any past day can be asked: the labels and the account of an order as they stood; and every print with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace import clock
from trace.models.labels import LabelMove, LabelOrder, LabelState
from trace.services import handovers, ledger, lookback, ordering
from trace.services.reach import Reach

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + 5 * DAY)


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def theirs(world: World) -> Reach:
    return Reach(holders=frozenset({world.packing_house.id}))


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    """Ordered on the first day, received on the second, part handed over on the third, one lost on the fourth."""
    facts: dict[str, Any] = {"by": world.clerk.id, "reach": own(world)}
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=100, pack_weight_g=2000, layout="a4-24", at=NOW, **facts
    )
    factories.tested(session, placed, NOW)
    ledger.apply(session, placed.id, placed.serials, LabelMove.PRINT, at=NOW + DAY, **facts)
    ledger.apply(session, placed.id, placed.serials, LabelMove.RECEIVE, counted=100, at=NOW + DAY, **facts)
    made = handovers.offer(
        session, placed.id, Range(11, 21), taker_id=world.packing_house.id, at=NOW + 2 * DAY, on=NOW.date(), **facts
    )
    handovers.take(session, made.id, by=world.packer.id, at=NOW + 2 * DAY, reach=theirs(world))
    ledger.apply(session, placed.id, Range(50, 51), LabelMove.LOSE, reason="Rơi", at=NOW + 3 * DAY, **facts)
    session.commit()
    return placed


def stood(session: Session, order: LabelOrder, days: int, reach: Reach) -> list[tuple[int, int, LabelState]]:
    found = lookback.ranges_at(session, order, as_of=NOW + days * DAY, reach=reach)
    return [(row.serials.lower or 0, (row.serials.upper or 0) - 1, row.state) for row in found]


def test_labels_stand_as_they_stood(session: Session, world: World, order: LabelOrder) -> None:
    reach = own(world)
    assert stood(session, order, -1, reach) == []
    assert stood(session, order, 0, reach) == [(1, 100, LabelState.ORDERED)]
    assert stood(session, order, 1, reach) == [(1, 100, LabelState.RECEIVED)]
    received, handed = LabelState.RECEIVED, LabelState.HANDED_OVER
    assert stood(session, order, 2, reach) == [(1, 10, received), (11, 20, handed), (21, 100, received)]
    last = [(row.serials.lower, row.serials.upper - 1, row.state) for row in order.ranges]
    assert stood(session, order, 9, reach) == last, "today by the ledger is what the ranges say"
    assert stood(session, order, 9, theirs(world)) == [(11, 20, handed)]
    assert stood(session, order, 1, theirs(world)) == [], "before the hand-over they were not theirs to see"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True)).split("<main")[1]


def test_the_page_of_a_past_day(world: World, order: LabelOrder, sign_in: Enter) -> None:
    clerk, page = sign_in(world.clerk), f"/tem/don/{order.id}/ngay"
    assert page in clerk.get(f"/tem/don/{order.id}").get_data(as_text=True)
    first = text(clerk.get(page + "?day=15/06/2026"))
    assert "000.001–000.100" in first
    assert "000.050" not in first
    assert "23:59" in first or "00:00" in first, "until the end of that day, as the city counts it"
    third = text(clerk.get(page + "?day=17/06/2026"))
    assert "000.011–000.020" in third
    assert world.packing_house.name in third
    assert "000.050" in text(clerk.get(page))
    for wrong in ("", "31/02/2026", "hôm qua", "01/01/0001"):
        assert clerk.get(page, query_string={"day": wrong}).status_code == 422, wrong
    assert "000.001" not in text(clerk.get(page + "?day=01/01/2026"))
    packer = text(sign_in(world.packer).get(page))
    assert "000.011–000.020" in packer
    assert "000.001" not in packer
    assert sign_in(world.other_clerk).get(page).status_code == 404


def test_every_print_is_on_the_page_with_who_where_and_why(
    world: World, order: LabelOrder, sign_in: Enter, token_of: Token
) -> None:
    clerk, here = sign_in(world.clerk), f"/tem/don/{order.id}"

    def printed(**fields: str) -> int:
        form = {"csrf_token": token_of(clerk, here), "idempotency_key": uuid4().hex, "layout": "a4-24", "position": "1"}
        return clerk.post(f"{here}/in", data=form | fields).status_code

    assert printed(printer="Máy in kho 1") == 303
    assert printed(printer="Máy in kho 1") == 422, "a second print says why"
    assert printed(printer="Máy in kho 2", reason="Tờ thứ ba bị nhăn") == 303
    shown = text(clerk.get(here)).split('id="prints"')[1].split("</table>")[0]
    assert shown.count(world.clerk.full_name) == 2
    for fact in ("Máy in kho 1", "Máy in kho 2", "Tờ thứ ba bị nhăn"):
        assert fact in shown
    history = text(sign_in(world.manager).get(here)).split('class="timeline"')[1]
    assert "Tờ thứ ba bị nhăn" in history, "whoever may not print sees in the history that it was done"
