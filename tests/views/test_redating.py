"""Promises of the page on which the day of a paper is corrected: a form for heads, its field marked when refused, the clocks moved when done."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from enforcement.deadlines import DeadlineKind
from enforcement.models import CaseFile, CasePaper, Deadline, PaperKind
from enforcement.transitions import Move
from tests.enforcement import desk
from trace import clock
from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests import factories

DAY = timedelta(days=1)


@pytest.fixture
def case(session: Session, world: factories.World, app: Flask) -> CaseFile:
    store: Path = app.config["TEMTHAT"].files_dir
    made = desk.case(session, world, store, photos=[desk.photo(session, store)])
    now = clock.now()
    desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=now - 5 * DAY)
    desk.act(session, made, by=world.officer.id, at=now)
    desk.take(
        session, made, Move.RECORD_VIOLATION, by=world.officer.id, at=now, signed_on=now.astimezone(CITY).date() - DAY
    )
    session.commit()
    return made


def test_a_head_corrects_the_day_of_a_paper(
    session: Session,
    world: factories.World,
    case: CaseFile,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[..., str],
) -> None:
    head = sign_in(world.team_head)
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.VIOLATION_RECORD)).one()
    page, paper_id = f"/vu-viec/{case.id}/ho-so", paper.id
    right = paper.signed_on - DAY
    assert f"sua={paper_id}" in head.get(page).get_data(as_text=True)
    opened = head.get(f"{page}?sua={paper_id}").get_data(as_text=True)
    assert 'id="redate-signed_on"' in opened
    assert 'id="redate-began_time"' not in opened

    def send(**form: str) -> Any:
        session.expire_all()
        token = {"csrf_token": token_of(head, page), "idempotency_key": uuid.uuid4().hex, "version": str(case.version)}
        return head.post(f"{page}/van-ban/{paper_id}/ngay", data={**token, **form})

    without = send(signed_on=f"{right:%d/%m/%Y}", reason="")
    assert without.status_code == 422
    assert 'id="redate-reason"' in without.get_data(as_text=True)
    same = send(signed_on=f"{paper.signed_on:%d/%m/%Y}", reason="Gõ nhầm")
    assert same.status_code == 422
    assert 'id="redate-signed_on"' in same.get_data(as_text=True)
    assert send(signed_on=f"{right:%d/%m/%Y}", reason="Gõ nhầm").status_code == 303
    session.expire_all()
    moved = session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.PENALTY_DECISION)).one()
    assert moved.started_at.astimezone(CITY).date() == right
    assert head.get(f"/vu-viec/{case.id}").status_code == 200  # the course words the deed


def test_whoever_is_no_head_is_offered_no_other_day(
    world: factories.World, case: CaseFile, sign_in: Callable[[Any], FlaskClient]
) -> None:
    page = sign_in(world.officer).get(f"/vu-viec/{case.id}/ho-so").get_data(as_text=True)
    assert 'id="papers"' in page
    assert "sua=" not in page.split('id="papers"')[1].split("</section>")[0]
