"""The deadlines of a case on their tab: extended, reckoned anew, taken over; what presses a person; each refusal in words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from enforcement import authority, clocks, documents, law, reminding
from enforcement.deadlines import DeadlineKind
from enforcement.models import CaseFile, CasePaper, Deadline, DelegationScope, PaperKind, ReckoningCause
from tests import factories
from tests.enforcement import desk, papers
from trace import clock
from trace.clock import CITY
from trace.models.holidays import CalendarYear

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]


@pytest.fixture
def case(app: Flask, session: Session, world: factories.World) -> CaseFile:
    made = desk.case(session, world, Path(app.config["TEMTHAT"].files_dir))
    made.officer_id = world.officer.id
    session.commit()
    return made


@pytest.fixture
def seizure(session: Session, case: CaseFile) -> Deadline:
    """A clock that began a moment ago."""
    now = clock.now()
    made = clocks.start(
        session, case, DeadlineKind.SEIZURE, began=now - timedelta(minutes=5), law=law.load(session), at=now
    )
    session.commit()
    return made


@pytest.fixture
def send(session: Session, case: CaseFile, token_of: TokenOf) -> Callable[..., Any]:
    def post(client: FlaskClient, what: str, **form: Any) -> Any:
        page = f"/vu-viec/{case.id}/thoi-han"
        session.expire_all()
        data = {
            "csrf_token": token_of(client, page),
            "idempotency_key": uuid.uuid4().hex,
            "version": case.version,
            **form,
        }
        return client.post(f"{page}/{what}", data=data)

    return post


def test_the_tab_shows_each_clock_with_basis_version_and_reckonings(
    case: CaseFile, seizure: Deadline, world: factories.World, sign_in: SignIn
) -> None:
    page = sign_in(world.officer).get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True)
    for text in (seizure.basis, seizure.rule_version, "Bắt đầu tính", "7 ngày làm việc", "Chưa tính được thời hiệu"):
        assert text in page, text
    assert "Gia hạn một thời hạn" not in page  # for heads


def test_a_head_extends_with_decision_and_reason_and_twice_counts_once(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    head = sign_in(world.team_head)
    asked = {
        "choice": f"{seizure.id}:1",
        "decision_number": "12/QĐ-GH",
        "reason": "Chờ giám định",
        "idempotency_key": "k" * 12,
    }
    assert send(head, "gia-han", **{**asked, "reason": ""}).status_code == 422
    version = case.version
    assert send(head, "gia-han", **asked).status_code == 303
    assert send(head, "gia-han", **asked, version=version).status_code == 303
    session.expire_all()
    assert [r.cause for r in seizure.reckonings] == [ReckoningCause.STARTED, ReckoningCause.EXTENDED]
    assert "12/QĐ-GH" in head.get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True)


def test_an_extension_after_the_end_is_refused_with_the_reason_of_the_law(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    head = sign_in(world.team_head)
    session.execute(
        update(Deadline).values(started_at=clock.now() - timedelta(days=60), due_at=clock.now() - timedelta(minutes=1))
    )
    session.commit()
    answer = send(head, "gia-han", choice=f"{seizure.id}:1", decision_number="1", reason="–")
    assert answer.status_code == 409
    assert "Gia hạn chỉ có giá trị khi được quyết định trước lúc hết thời hạn" in answer.get_data(as_text=True)


def test_the_day_of_a_decision_is_asked_for_and_stands_at_today(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    head, now = sign_in(world.team_head), clock.now().astimezone(CITY)
    shown = head.get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True)
    assert re.search(rf'id="extend-day"[^>]*value="{now:%d/%m/%Y}"', shown)
    asked = {"choice": f"{seizure.id}:1", "decision_number": "12/QĐ-GH", "reason": "Chờ giám định"}
    assert send(head, "gia-han", **asked, signed_on="hôm qua").status_code == 422
    session.execute(update(Deadline).where(Deadline.id == seizure.id).values(started_at=now - timedelta(days=2)))
    session.commit()
    assert send(head, "gia-han", **asked, signed_on=f"{now - timedelta(days=1):%d/%m/%Y}").status_code == 303
    paper = session.scalars(select(CasePaper).where(CasePaper.kind == PaperKind.EXTENSION)).one()
    assert paper.signed_on == now.date() - timedelta(days=1)


def test_a_decision_issued_in_time_is_offered_after_the_end_of_the_clock(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    head, now = sign_in(world.team_head), clock.now()
    page = f"/vu-viec/{case.id}/thoi-han"
    session.execute(update(Deadline).values(started_at=now - timedelta(days=9), due_at=now - timedelta(hours=30)))
    session.commit()
    assert 'id="extend"' not in head.get(page).get_data(as_text=True)
    papers.unit(session, world)
    drawn = papers.draft(session, case, world, "MQĐ21")
    issued = documents.issue(
        session, case.id, drawn.id, by=world.team_head.id, duties=papers.HEAD, at=now - timedelta(hours=32), version=drawn.version, confirmed=True
    )  # fmt: skip
    session.commit()
    assert 'id="extend"' in head.get(page).get_data(as_text=True)
    day = (now - timedelta(hours=32)).astimezone(CITY)
    asked = {"choice": f"{seizure.id}:1", "decision_number": issued.number, "reason": "Chờ giám định"}
    assert send(head, "gia-han", **asked, signed_on=f"{day:%d/%m/%Y}").status_code == 303
    session.expire_all()
    assert seizure.reckonings[-1].cause is ReckoningCause.EXTENDED


def test_a_start_is_corrected_by_a_head_and_an_officer_is_refused(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    day = (clock.now() - timedelta(days=3)).astimezone(CITY)
    asked = {"deadline": str(seizure.id), "began_on": f"{day:%d/%m/%Y}", "began_at": "14:05", "reason": "Theo biên bản"}
    assert send(sign_in(world.officer), "bat-dau", **asked).status_code == 403
    head = sign_in(world.team_head)
    wrong = send(head, "bat-dau", **{**asked, "began_at": "25:00", "began_on": "hôm qua"})
    assert wrong.status_code == 422
    assert "14:05" in wrong.get_data(as_text=True)
    assert send(head, "bat-dau", **asked).status_code == 303
    session.expire_all()
    assert seizure.started_at.astimezone(CITY).strftime("%d/%m/%Y %H:%M") == f"{day:%d/%m/%Y} 14:05"


def test_a_changed_calendar_is_shown_and_taken_over_with_a_reason(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    officer = sign_in(world.officer)
    session.execute(
        update(Deadline).values(due_at=seizure.due_at - timedelta(days=2))
    )  # as it was counted before the change
    session.execute(update(Deadline).values(recount_due_at=seizure.due_at, recount_found_at=clock.now()))
    session.commit()
    assert "Lịch nghỉ đã thay đổi" in officer.get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True)
    assert case.number in officer.get("/thoi-han").get_data(as_text=True)
    assert send(officer, "lich-moi", deadline="x", reason="–").status_code == 404
    assert send(officer, "lich-moi", deadline=str(seizure.id), reason="TB 1/2026").status_code == 303
    session.expire_all()
    assert (seizure.recount_due_at, seizure.reckonings[-1].reason) == (None, "TB 1/2026")


def test_what_presses_is_on_the_home_page_and_the_morning_letter_can_be_declined(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, token_of: TokenOf
) -> None:
    reminding.make(session, at=clock.now())
    session.commit()
    officer = sign_in(world.officer)
    assert case.number in officer.get("/trang-chinh").get_data(as_text=True)
    assert case.number in officer.get("/thoi-han").get_data(as_text=True)
    for wanted in (False, True):
        data = {"csrf_token": token_of(officer, "/thoi-han"), **({"digest": "y"} if wanted else {})}
        assert officer.post("/thoi-han/thu-buoi-sang", data=data).status_code == 303
        session.expire_all()
        assert reminding.wants_digest(session, world.officer.id) is wanted


def test_a_missing_calendar_is_named_with_the_way_to_enter_it(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    session.execute(delete(CalendarYear))
    session.commit()
    answer = send(sign_in(world.team_head), "gia-han", choice=f"{seizure.id}:1", decision_number="1", reason="–")
    assert answer.status_code == 409
    year = clock.now().astimezone(CITY).year
    page = answer.get_data(as_text=True)
    assert f"năm {year}" in page
    assert f'href="/phap-luat/lich/{year}"' in page


def test_the_side_of_a_case_names_the_nearest_clocks_and_always_the_limitation(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn
) -> None:
    now, rules = clock.now(), law.load(session)
    for kind in (
        DeadlineKind.SEIZURE, DeadlineKind.DELIVERY, DeadlineKind.EXECUTION, DeadlineKind.PENALTY_DECISION, DeadlineKind.INS_UPLOAD,
        DeadlineKind.LIMITATION_IP,
    ):  # fmt: skip
        clocks.start(session, case, kind, began=now, law=rules, at=now)
    session.commit()
    page = sign_in(world.officer).get(f"/vu-viec/{case.id}").get_data(as_text=True)
    side = page.partition('<section id="deadlines">')[2].partition("</section>")[0]
    assert side.count('class="card"') == 5
    assert "Thời hiệu xử phạt (sở hữu trí tuệ)" in side


def test_a_start_that_follows_from_something_is_not_offered(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    now = clock.now()
    limitation = clocks.start(session, case, DeadlineKind.LIMITATION_IP, began=now, law=law.load(session), at=now)
    session.commit()
    head = sign_in(world.team_head)
    offered = head.get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True).partition('id="start-deadline"')[2]
    assert (str(seizure.id) in offered, f'value="{limitation.id}"' in offered) == (True, False)
    day = f"{now.astimezone(CITY):%d/%m/%Y}"
    answer = send(head, "bat-dau", deadline=str(limitation.id), began_on=day, began_at="", reason="Theo biên bản")
    assert answer.status_code == 409


def test_a_delegate_is_offered_the_extensions_of_the_power_lent_and_no_correction(
    session: Session,
    case: CaseFile,
    seizure: Deadline,
    world: factories.World,
    sign_in: SignIn,
    send: Callable[..., Any],
) -> None:
    today = clock.now().astimezone(CITY).date()
    officer, page = sign_in(world.officer), f"/vu-viec/{case.id}/thoi-han"
    assert 'id="extend"' not in officer.get(page).get_data(as_text=True)
    authority.delegate(
        session, from_id=world.team_head.id, to_id=world.officer.id, scope=DelegationScope.MEASURES, decision_number="5/GQ", starts_on=today,
        ends_on=today, by=world.team_head.id, at=clock.now(),
    )  # fmt: skip
    session.commit()
    shown = officer.get(page).get_data(as_text=True)
    assert ('id="extend"' in shown, 'id="start"' in shown) == (True, False)
    asked = {"choice": f"{seizure.id}:1", "decision_number": "12/QĐ-GH", "reason": "Chờ giám định"}
    assert send(officer, "gia-han", **asked).status_code == 303
