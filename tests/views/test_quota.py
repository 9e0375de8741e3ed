"""Asking for extra volume, deciding about it, and closing a season, as people do it in the browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.factories import World
from trace import clock
from trace.models.lots import ExtensionState, QuotaExtension
from trace.services import ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def post(token_of: Token) -> Callable[..., Any]:
    def send(client: FlaskClient, path: str, page: str, **fields: Any) -> Any:
        return client.post(path, data={"csrf_token": token_of(client, page), "idempotency_key": uuid4().hex} | fields)

    return send


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_from_the_refusal_to_the_request_to_the_approval_to_the_order(
    session: Session, world: World, sign_in: Enter, post: Any
) -> None:
    world.balance.issued_g = 950_000
    session.commit()
    clerk, manager = sign_in(world.clerk), sign_in(world.manager)
    wanted = {"lot": str(world.lot.id), "quantity": "100", "pack_weight_g": "1000", "layout": "a4-24"}
    refused = text(clerk.get("/tem/don/moi", query_string=wanted))
    ask = f"/tem/dieu-chinh/moi?lot={world.lot.id}"
    assert ask in refused
    assert text(clerk.get(ask)).count("950 kg") == 1
    form = {"lot": str(world.lot.id), "extra_kg": "1.200,5", "reason": "Được mùa <b>lớn</b>"}
    assert post(clerk, "/tem/dieu-chinh/moi", ask, **form | {"extra_kg": "0"}).status_code == 422
    assert post(clerk, "/tem/dieu-chinh/moi", ask, **form | {"extra_kg": "1000000000000"}).status_code == 422
    assert post(clerk, "/tem/dieu-chinh/moi", ask, **form | {"reason": ""}).status_code == 422
    answer = post(clerk, "/tem/dieu-chinh/moi", ask, **form)
    asked = session.scalars(select(QuotaExtension)).one()
    assert (answer.status_code, asked.grams) == (303, 1_200_500)
    assert post(clerk, "/tem/dieu-chinh/moi", ask, **form).status_code == 409, "one waits already"

    page = text(clerk.get("/tem/dieu-chinh"))
    assert "Được mùa &lt;b&gt;lớn&lt;/b&gt;" in page
    assert f"/tem/dieu-chinh/{asked.id}/approve" not in page, "the clerk sees it and decides nothing"
    path = f"/tem/dieu-chinh/{asked.id}/approve"
    assert post(clerk, path, "/tem/don/moi?lot=" + str(world.lot.id), reason="Tự duyệt").status_code in {400, 403}
    assert post(manager, path, "/tem/dieu-chinh", reason=" ").status_code == 422
    assert post(manager, path, "/tem/dieu-chinh", reason="Đã đo lại vườn").status_code == 303
    session.expire_all()
    assert (asked.state, world.balance.extra_g) == (ExtensionState.APPROVED, 1_200_500)
    check = text(clerk.get("/tem/don/moi", query_string=wanted))
    assert "Người mẫu Quân: Đã đo lại vườn" in check
    assert 'action="/tem/don/moi"' in check
    assert "Người mẫu Quân: Đã đo lại vườn" in text(manager.get("/tem/dieu-chinh"))


def test_the_same_request_twice_is_one(session: Session, world: World, sign_in: Enter, token_of: Token) -> None:
    clerk, ask = sign_in(world.clerk), f"/tem/dieu-chinh/moi?lot={world.lot.id}"
    form = {
        "csrf_token": token_of(clerk, ask), "idempotency_key": "twice-is-once", "lot": str(world.lot.id), "extra_kg": "10", "reason": "Được mùa",
    }  # fmt: skip
    answers = [clerk.post("/tem/dieu-chinh/moi", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert factories.count(session, QuotaExtension) == 1


def test_lots_of_others_and_nonsense_are_not_found(world: World, sign_in: Enter) -> None:
    clerk = sign_in(world.clerk)
    for lot in (world.other_lot.id, factories.some_id(), "x"):
        assert clerk.get(f"/tem/dieu-chinh/moi?lot={lot}").status_code == 404
    assert clerk.get("/tem/dieu-chinh/moi").location == "/tem/don/moi"
    assert clerk.get("/tem/mua-vu").status_code == 403
    assert sign_in(world.manager).get(f"/tem/mua-vu/{factories.some_id()}").status_code == 404


def test_a_manager_closes_a_season_and_sees_what_is_not_used(
    session: Session, world: World, sign_in: Enter, post: Any
) -> None:
    ordering.place(
        session, lot_id=world.lot.id, quantity=120, pack_weight_g=1000, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip
    session.commit()
    manager, page = sign_in(world.manager), f"/tem/mua-vu/{world.season.id}"
    assert page in text(manager.get("/tem/mua-vu"))
    said = text(manager.get(page))
    assert "000.001–000.120" in said
    assert f'action="{page}/dong"' in said
    assert post(manager, f"{page}/dong", page).status_code == 303
    session.expire_all()
    assert world.season.closed_at == NOW
    assert f'action="{page}/dong"' not in text(manager.get(page))
    assert f"/tem/don/moi?lot={world.lot.id}" not in text(sign_in(world.clerk).get("/tem/don/moi"))
