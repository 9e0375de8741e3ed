"""Granting several applications: seen beforehand, each granted by itself, and told what became of each."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import config_for
from tests.services.test_applications import Desk
from trace import clock
from trace.models.applications import Application, ApplicationState
from trace.models.areas import AreaCodeStatus, GrowingAreaCode
from trace.models.certificates import UseCertificate
from trace.models.parties import Role
from trace.services import applications
from trace.services.reach import Reach

PATH = "/don-cap-quyen/cap-nhieu"


@pytest.fixture
def desks(session: Any, world: Any, tmp_path: Any) -> list[Desk]:
    """Three evaluated applications of three organisations, by today's clock."""
    today = clock.now() - timedelta(hours=1)
    found = []
    for number in range(3):
        desk = Desk.__new__(Desk)
        desk.session, desk.world, desk.store = session, world, tmp_path
        desk.party = factories.party(session, f"Hợp tác xã mẫu {number}", address="Thôn mẫu", phone="0912345678")
        desk.clerk = factories.user(session, f"thu.ky.{number}", f"Người mẫu Ký {number}", today)
        factories.role(session, desk.clerk, desk.party, Role.CLERK, today)
        desk.second = world.manager
        desk.area = factories.area(session, world.title, desk.party, f"Vùng mẫu {number}")
        desk.own, desk.body = reach_of(desk, world)
        desk.made = applications.start(
            session, title_id=world.title.id, applicant_id=desk.party.id, by=desk.clerk.id, at=today
        )
        evaluate(desk, today, number)
        found.append(desk)
    session.commit()
    return found


def reach_of(desk: Desk, world: Any) -> Any:
    return Reach(holders=frozenset({desk.party.id})), Reach(titles=frozenset({world.title.id}))


def evaluate(desk: Desk, at: Any, number: int) -> None:
    desk.fill()
    desk.made.tax_code = f"080000010{number}"
    desk.session.flush()
    desk.submit(at)
    desk.receive(at)
    desk.evaluate(at=at, evaluated_on=at.astimezone(clock.CITY).date())


@pytest.fixture
def decider(session: Any, world: Any) -> Any:
    key = config_for("", Path()).derived("second-factor")
    person = factories.user(session, "quan.ly.9", "Người mẫu Quyết", clock.now(), key=key)
    factories.role(session, person, world.managing_body, Role.MANAGER, clock.now())
    session.commit()
    return person


def send(client: Any, token: str, *ids: Any, document: str = "12/QĐ-MẪU", key: str = "") -> Any:
    form = {
        "csrf_token": token, "idempotency_key": key or uuid.uuid4().hex, "ids": [str(each) for each in ids],
        "document_number": document,
    }  # fmt: skip
    return client.post(PATH, data=form)


def states(session: Any) -> list[ApplicationState]:
    session.expire_all()
    return [each.state for each in session.scalars(select(Application).order_by(Application.receipt_number))]


def test_the_ticked_ones_are_granted_each_by_itself_and_the_rest_wait(
    desks: list[Desk], decider: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(decider)
    page = client.get(PATH).get_data(as_text=True)
    assert page.count('name="ids"') == page.count(" checked") == 3
    token = token_of(client, PATH)
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.area_id == desks[1].area.id)).one()
    code.status, code.reason = AreaCodeStatus.SUSPENDED, "Tồn dư"  # after the page was shown
    session.commit()
    answer = send(client, token, desks[0].id, desks[1].id)
    assert answer.status_code == 303
    assert states(session) == [ApplicationState.GRANTED, ApplicationState.EVALUATED, ApplicationState.EVALUATED]
    result = client.get(answer.location).get_data(as_text=True)
    number = session.scalars(select(UseCertificate.number).where(UseCertificate.holder_id == desks[0].party.id)).one()
    assert number in result
    assert desks[1].area.name in result
    assert desks[2].party.name not in result
    again = client.get(PATH).get_data(as_text=True)
    assert again.count('name="ids"') == 2
    assert again.count(" disabled") == again.count(" checked") == 1


def test_sent_twice_it_grants_once(desks: list[Desk], decider: Any, session: Any, sign_in: Any, token_of: Any) -> None:
    client = sign_in(decider)
    token = token_of(client, PATH)
    one = send(client, token, desks[0].id, key="k" * 20)
    two = send(client, token, desks[0].id, key="k" * 20)
    assert one.location == two.location
    assert states(session).count(ApplicationState.GRANTED) == 1


def test_without_a_document_or_a_tick_nothing_is_granted_and_both_are_said(
    desks: list[Desk], decider: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(decider)
    answer = send(client, token_of(client, PATH), document="")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "Hãy chọn ít nhất một đơn" in page
    assert 'id="grant-document-error"' in page
    assert ApplicationState.GRANTED not in states(session)


def test_whoever_evaluated_sees_them_but_grants_none(
    desks: list[Desk], world: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    client = sign_in(world.manager)
    page = client.get(PATH).get_data(as_text=True)
    assert page.count(" disabled") == 3
    token = token_of(client, "/don-cap-quyen")
    send(client, token, *(desk.id for desk in desks))
    assert states(session) == [ApplicationState.EVALUATED] * 3
