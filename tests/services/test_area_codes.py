"""Growing-area codes: one state for each market at any time, and the label gate that asks for one of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.areas import AreaCodeStatus, GrowingAreaCode
from trace.models.history import History
from trace.services import area_codes, ordering
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def add(session: Any, world: Any, **other: Any) -> GrowingAreaCode:
    facts = {
        "code": "MẪU-JP-1", "scheme": "mẫu", "market": "JP", "crop": "Vải", "issuer": "Cơ quan mẫu", "issued_on": date(2026, 1, 5),
        "valid_from": None, "valid_until": None, "document": "Thông báo mẫu 1", "by": world.manager.id, "at": NOW, "reach": ALL,
    }  # fmt: skip
    return area_codes.add(session, facts.pop("area_id", None) or world.area.id, **(facts | other))


def suspend(session: Any, world: Any, code: GrowingAreaCode, **other: Any) -> GrowingAreaCode:
    facts = {
        "status": AreaCodeStatus.SUSPENDED, "since": TODAY, "reason": "Tồn dư vượt mức", "document": "Quyết định mẫu 2",
        "by": world.manager.id, "at": NOW, "reach": ALL,
    }  # fmt: skip
    return area_codes.change_status(session, code.id, **(facts | other))


def kinds(refused: Any) -> set[str]:
    return {type(each).__name__ for each in refused.value.reasons}


def order(session: Any, world: Any) -> Any:
    return ordering.place(
        session, lot_id=world.lot.id, quantity=10, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip


def test_a_code_suspended_for_one_market_stays_valid_for_the_others_and_the_label_gate(
    session: Any, world: Any
) -> None:
    home = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.area_id == world.area.id)).one()
    assert home.market == "VN"
    japan = add(session, world, code=home.code, scheme=home.scheme)
    suspend(session, world, japan)
    lines = {line.now.market: line for line in area_codes.of_area(session, world.area.id, on=TODAY)}
    assert {market: line.now.status.value for market, line in lines.items()} == {"VN": "active", "JP": "suspended"}
    assert order(session, world).quantity == 10
    suspend(session, world, home)
    with pytest.raises(Refused) as refused:
        order(session, world)
    assert kinds(refused) == {"AreaCodeMissing"}


def test_the_state_on_any_past_day_is_a_row(session: Any, world: Any) -> None:
    code = add(session, world)
    suspended = suspend(session, world, code, since=TODAY - timedelta(days=20))
    lifted = suspend(session, world, suspended, status=AreaCodeStatus.ACTIVE, since=TODAY, reason="")
    [line] = [line for line in area_codes.of_area(session, world.area.id, on=TODAY) if line.now.market == "JP"]
    assert line.now is lifted
    assert line.stands
    assert [(row.status.value, row.valid_during.lower, row.valid_during.upper) for row in line.past] == [
        ("suspended", TODAY - timedelta(days=20), TODAY), ("active", date(2026, 1, 5), TODAY - timedelta(days=20)),
    ]  # fmt: skip
    assert line.past[0].reason == "Tồn dư vượt mức"
    assert line.now.issuer == "Cơ quan mẫu"
    deeds = session.scalars(select(History).where(History.deed == "area:code_status").order_by(History.id)).all()
    assert [deed.changes["code_status"] for deed in deeds] == [["active", "suspended"], ["suspended", "active"]]
    assert deeds[0].why == "Tồn dư vượt mức"


def test_an_end_that_was_set_outlives_a_change_of_state(session: Any, world: Any) -> None:
    code = add(session, world, valid_until=date(2026, 12, 31))
    row = suspend(session, world, code)
    assert row.valid_during.upper == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issued_on": TODAY + timedelta(days=1)}, {"CodeIssuedInFuture"}),
        ({"valid_from": date(2026, 3, 1), "valid_until": date(2026, 2, 1)}, {"CodeDatesTurned"}),
        ({"code": "MẪU-JP-1", "first": True}, {"CodeTaken"}),
    ],
)
def test_a_code_that_cannot_be(session: Any, world: Any, wrong: dict[str, Any], said: set[str]) -> None:
    if wrong.pop("first", False):
        add(session, world)
    with pytest.raises(Refused) as refused:
        add(session, world, **wrong)
    assert kinds(refused) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"status": AreaCodeStatus.ACTIVE, "reason": ""}, {"StatusUnchanged"}),
        ({"reason": ""}, {"StatusReasonMissing"}),
        ({"since": TODAY + timedelta(days=1)}, {"StatusInFuture"}),
        ({"since": date(2026, 1, 5)}, {"StatusBeforeLast"}),
        ({"since": date(2026, 7, 1), "at": NOW + timedelta(days=60)}, {"StatusAfterEnd"}),
    ],
)
def test_a_decision_that_cannot_be(session: Any, world: Any, wrong: dict[str, Any], said: set[str]) -> None:
    code = add(session, world, valid_until=date(2026, 6, 30))
    with pytest.raises(Refused) as refused:
        suspend(session, world, code, **wrong)
    assert kinds(refused) == said


def test_a_revoked_code_stays_revoked_and_only_the_latest_state_is_decided_on(session: Any, world: Any) -> None:
    code = add(session, world)
    revoked = suspend(session, world, code, status=AreaCodeStatus.REVOKED)
    with pytest.raises(area_codes.CodeRevoked):
        suspend(session, world, revoked, status=AreaCodeStatus.ACTIVE, at=NOW + timedelta(days=3))
    with pytest.raises(NotFound):
        area_codes.get(session, code.id, reach=ALL)
    with pytest.raises(NotFound):
        area_codes.get(session, revoked.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))


def test_codes_out_of_reach_cannot_be_given(session: Any, world: Any) -> None:
    with pytest.raises(NotFound):
        add(session, world, reach=Reach(holders=frozenset({factories.some_id()})))
