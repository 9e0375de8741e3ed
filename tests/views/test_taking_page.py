"""Promises of two forms of the desk: a head takes goods back from another agency, and the day on which a file was put forward is asked for."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from enforcement import exhibits, measures
from enforcement.exhibits import ExhibitFacts
from enforcement.models import ExhibitState, MeasureKind, MeasureResult
from enforcement.transitions import Duty, Move
from tests.enforcement import desk
from trace import clock
from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests import factories


@pytest.mark.parametrize("head", [True, False])
def test_a_head_alone_is_offered_to_take_goods_back_from_another_agency(
    app: Flask, session: Session, world: factories.World, sign_in: Callable[[Any], FlaskClient], token_of: Callable[..., str], head: bool
) -> None:  # fmt: skip
    at, by, store = clock.now() - timedelta(hours=1), world.team_head.id, app.config["TEMTHAT"].files_dir
    case = desk.case(session, world, store, photos=[desk.photo(session, store)])
    desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id, at=at - timedelta(hours=1))
    told = ExhibitFacts("Vải mẫu", 1, "hộp", "Còn", "Kho mẫu", "Thủ kho mẫu")  # type: ignore[arg-type]
    found = exhibits.add(session, case.id, told, by=by, at=at)
    facts = measures.MeasureFacts(MeasureKind.SEIZURE, "20/QĐ", "Tạm giữ", "Hộ mẫu", at, exhibit_ids=(found.id,))
    seized = measures.begin(session, case.id, facts, by=by, duties={Duty.TEAM_HEAD}, at=at)
    measures.end(
        session, case.id, seized.id, result=MeasureResult.HANDED_OVER, ended_at=at, document_number="1/BB", note=None, by=by, at=at
    )  # fmt: skip
    session.commit()
    client, page = sign_in(world.team_head if head else world.officer), f"/vu-viec/{case.id}/ho-so"
    form = {
        "csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, "revision": str(found.revision), "deed": "given_back",
        "done_on": clock.now().astimezone(CITY).date().strftime("%d/%m/%Y"), "document_number": "12/BB",
    }  # fmt: skip
    assert ('value="given_back"' in client.get(f"{page}?sua={found.id}").text) is head
    assert client.post(f"{page}/tang-vat/{found.id}/viec", data=form).status_code == (303 if head else 403)
    session.expire_all()
    assert found.state is (ExhibitState.HELD if head else ExhibitState.HANDED_OVER)


def test_the_form_that_puts_a_file_forward_asks_for_its_day_and_no_paper(
    app: Flask, session: Session, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    store = app.config["TEMTHAT"].files_dir
    case = desk.case(session, world, store, photos=[desk.photo(session, store)])
    desk.walk(session, case, Move.RECORD_VIOLATION, by=world.officer.id, at=clock.now() - timedelta(hours=1))
    session.commit()
    shown = sign_in(world.officer).get(f"/vu-viec/{case.id}").text
    assert len(re.findall(r'id="prepare_decision-signed_on"', shown)) == 1
