"""Promises of the violation file's page: everything entered, corrected and struck by hand; every fault said at once and nothing typed lost."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from enforcement import casework, exhibits, goods, joins, police
from enforcement.models import CaseFile, Exhibit, ExhibitDeed, ExhibitState, Measure, Obligation, ObligationState
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

PARTY = {
    "role": "suspected",
    "name": "Hộ mẫu",
    "tax_code": "0201 234 567",
    "address": "Số 1 đường mẫu",
    "commune": "10813",
}
GOODS = {"name": "Vải sấy mẫu", "quantity": "12,5", "unit": "kg", "unit_value": "80.000", "method": "market_price"}
EXHIBIT = {
    "description": "Cuộn tem mẫu", "quantity": "3", "unit": "cuộn", "condition": "Còn nguyên", "kept_at": "Kho", "keeper": "Thủ kho",
    "seal_number": "NP-77", "document_number": "MBB26-7",
}  # fmt: skip


@pytest.fixture
def today() -> str:
    return clock.now().astimezone(CITY).date().strftime("%d/%m/%Y")


@pytest.fixture
def case(session: Session, world: factories.World, app: Flask) -> CaseFile:
    store: Path = app.config["TEMTHAT"].files_dir
    made = desk.case(session, world, store, photos=[desk.photo(session, store)])
    desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=clock.now())
    session.commit()
    return made


@pytest.fixture
def head(case: CaseFile, world: factories.World, sign_in: Callable[[Any], FlaskClient]) -> FlaskClient:
    return sign_in(world.team_head)


@pytest.fixture
def send(case: CaseFile, session: Session, head: FlaskClient, token_of: Callable[..., str]) -> Callable[..., Any]:
    def post(path: str, **form: Any) -> Any:
        page = f"/vu-viec/{case.id}/ho-so"
        session.expire_all()
        token = {"csrf_token": token_of(head, page), "idempotency_key": uuid.uuid4().hex, "version": str(case.version)}
        return head.post(f"{page}/{path}", data={**token, **form})

    return post


def shown(client: FlaskClient, case: CaseFile, query: str = "") -> str:
    answer = client.get(f"/vu-viec/{case.id}/ho-so{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_file_is_filled_on_the_page(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, today: str
) -> None:
    assert send("nguoi", **PARTY).status_code == 303
    [who] = casework.of_case(session, case.id).parties
    assert who.tax_code == "0201234567"
    act = {
        "description": "Bán hàng dán tem sao chép",
        "qualification": "gi_infringement",
        "began_on": "01/06/2026",
        "place": "Chợ mẫu",
    }
    assert send("hanh-vi", offender=str(who.id), **act).status_code == 303
    assert send("hang-hoa", valued_on=today, **GOODS).status_code == 303
    assert send("tang-vat", **EXHIBIT).status_code == 303
    page = shown(head, case)
    for told in ("Hộ mẫu", "Bán hàng dán tem sao chép", "1.000.000", "NP-77", "Cuộn tem mẫu"):
        assert told in page
    assert len(page.encode()) < 120_000


def test_every_entry_opens_with_what_it_says_and_is_corrected_and_struck(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, today: str
) -> None:
    send("nguoi", **PARTY)
    send("hang-hoa", valued_on=today, **GOODS)
    send("tang-vat", **EXHIBIT)
    view = casework.of_case(session, case.id)
    for row, told in ((view.parties[0], "Số 1 đường mẫu"), (view.goods[0], "80000"), (view.exhibits[0], "Còn nguyên")):
        assert told in shown(head, case, f"?sua={row.id}")
    line = view.goods[0].id
    wrong = {**GOODS, "name": "Vải tươi mẫu", "valued_on": today}
    assert send(f"hang-hoa/{line}/sua", revision="7", **wrong).status_code == 409
    assert send(f"hang-hoa/{line}/sua", revision="1", **wrong).status_code == 303
    page = shown(head, case, f"?sua={line}")
    assert "Vải sấy mẫu → Vải tươi mẫu" in page
    assert send(f"hang-hoa/{line}/gach", revision="2", reason="").status_code == 422
    assert send(f"hang-hoa/{line}/gach", reason="Đếm hai lần").status_code == 409, "what was never seen is not struck"
    assert send(f"hang-hoa/{line}/gach", revision="2", reason="Đếm hai lần").status_code == 303
    assert "Đếm hai lần" in shown(head, case)
    assert casework.of_case(session, case.id).goods == ()


def test_who_was_faster_stands_above_what_was_typed_and_the_next_press_decides(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, world: factories.World, today: str
) -> None:
    send("hang-hoa", valued_on=today, **GOODS)
    line = casework.of_case(session, case.id).goods[0]
    facts = {name: getattr(line, name) for name in goods.GoodsFacts.__dataclass_fields__}
    at = clock.now()
    now = goods.GoodsFacts(**{**facts, "name": "Vải tươi mẫu"})
    goods.correct(session, case.id, line.id, now, revision=1, by=world.officer.id, at=at)
    session.commit()
    for path, typed, name in (
        ("sua", {**GOODS, "name": "Vải khô mẫu", "valued_on": today}, "goods"),
        ("gach", {"reason": "Đếm hai lần"}, "strike"),
    ):
        answer = send(f"hang-hoa/{line.id}/{path}", revision="1", **typed)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 409
        told = page.partition('id="errors"')[2].partition("</div>")[0]
        assert "Người mẫu Bộ" in told
        assert at.astimezone(CITY).strftime("%H:%M %d/%m/%Y") in told
        changes = page.partition('id="edited-meanwhile"')[2].partition("</div></div>")[0]
        assert changes.count("<li>") == 1
        assert "Vải sấy mẫu → Vải tươi mẫu" in changes
        assert typed.get("name", "Đếm hai lần") in page
        assert re.search(rf'id="{name}-revision"[^>]*value="2"', page)
    assert send(f"hang-hoa/{line.id}/gach", revision="2", reason="Đếm hai lần").status_code == 303
    late = send(f"hang-hoa/{line.id}/sua", revision="2", **{**GOODS, "name": "Vải khô mẫu", "valued_on": today})
    page = late.get_data(as_text=True)
    assert late.status_code == 409
    assert "Vải khô mẫu" in page.partition('id="goods"')[2], "what was typed can be entered anew"


def test_an_exhibit_that_was_sealed_meanwhile_is_not_moved_blindly(
    send: Callable[..., Any], case: CaseFile, session: Session, world: factories.World, today: str
) -> None:
    send("tang-vat", **{**EXHIBIT, "seal_number": ""})
    thing = session.scalars(select(Exhibit)).one()
    seal = exhibits.DeedFacts(ExhibitDeed.SEALED, clock.now(), seal_number="NP-78", document_number="MBB26-8")
    exhibits.do(session, case.id, thing.id, seal, by=world.officer.id, at=clock.now())
    session.commit()
    move = {"deed": "moved", "done_on": today, "kept_at": "Kho khác", "keeper": "Người khác"}
    answer = send(f"tang-vat/{thing.id}/viec", revision="1", **move)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    changes = page.partition('id="edited-meanwhile"')[2].partition("</div></div>")[0]
    assert "Niêm phong" in changes
    assert "Kho khác" in page
    session.expire_all()
    assert thing.kept_at == "Kho"
    assert send(f"tang-vat/{thing.id}/viec", revision="2", **move).status_code == 303


def test_every_fault_is_said_at_once_and_what_was_typed_stays(
    send: Callable[..., Any], case: CaseFile, session: Session
) -> None:
    answer = send("nguoi", **{**PARTY, "tax_code": "12", "phone": "12", "name": "Tên rất dài của hộ mẫu"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    errors = page.partition('id="errors"')[2].partition("</div>")[0]
    assert errors.count("<li>") == 2
    assert "Tên rất dài của hộ mẫu" in page
    assert casework.of_case(session, case.id).parties == ()


@pytest.mark.parametrize("noun", ["nguoi", "hanh-vi", "hang-hoa", "tang-vat", "bien-phap", "thi-hanh"])
def test_an_empty_form_is_refused_field_by_field(send: Callable[..., Any], noun: str) -> None:
    answer = send(noun)
    assert answer.status_code == 422
    assert 'id="errors"' in answer.get_data(as_text=True)


def test_a_seizure_runs_and_ends_on_the_page(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, today: str
) -> None:
    send("tang-vat", **EXHIBIT)
    thing = session.scalars(select(Exhibit)).one()
    began = clock.now().astimezone(CITY)
    form = {
        "kind": "seizure",
        "number": "20/QĐ-TG",
        "subject": "Tạm giữ tem",
        "addressee": "Hộ mẫu",
        "began_on": today,
        "began_time": "00:00",
    }
    assert send("bien-phap", **form).status_code == 422  # nothing is named
    assert send("bien-phap", exhibits=str(thing.id), **form).status_code == 303, began
    found = session.scalars(select(Measure)).one()
    assert "20/QĐ-TG" in shown(head, case)
    assert f"/bien-phap/{found.id}/ket-thuc" in shown(head, case, f"?sua={found.id}")
    ended = {"result": "returned", "ended_on": today, "document_number": "24/QĐ-TL"}
    assert send(f"bien-phap/{found.id}/ket-thuc", **{**ended, "result": "served"}).status_code == 422
    assert send(f"bien-phap/{found.id}/ket-thuc", **ended).status_code == 303
    twice = send(f"bien-phap/{found.id}/ket-thuc", **ended)
    assert (twice.status_code, 'id="errors"' in twice.get_data(as_text=True)) == (409, True)
    session.expire_all()
    assert (thing.state, thing.seal_number) == (ExhibitState.RETURNED, None)


def test_a_measure_of_a_case_that_was_merged_in_ends_on_the_page_of_the_one_that_carries_on(
    head: FlaskClient,
    case: CaseFile,
    send: Callable[..., Any],
    session: Session,
    world: factories.World,
    app: Flask,
    today: str,
) -> None:
    send("tang-vat", **EXHIBIT)
    form = {
        "kind": "seizure",
        "number": "20/QĐ-TG",
        "subject": "Tạm giữ tem",
        "addressee": "Hộ mẫu",
        "began_on": today,
        "began_time": "00:00",
    }
    assert send("bien-phap", exhibits=str(session.scalars(select(Exhibit)).one().id), **form).status_code == 303
    store: Path = app.config["TEMTHAT"].files_dir
    kept = desk.case(session, world, store, with_law=False, photos=[desk.photo(session, store, 150)])
    joins.merge(session, kept.id, case.id, take=(), reason="Một nơi bán", by=world.officer.id, at=clock.now())
    session.commit()
    found = session.scalars(select(Measure)).one()
    panel = shown(head, kept, f"?sua={found.id}").partition('id="open-entry"')[2].partition("</section>")[0]
    kept_form = dict(re.findall(r'name="(csrf_token|idempotency_key|version)"[^>]*value="([^"]*)"', panel))
    assert kept_form["version"].startswith(f"{kept.version}.")
    ended = {"result": "returned", "ended_on": today, "document_number": "24/QĐ-TL"}
    answer = head.post(f"/vu-viec/{kept.id}/ho-so/bien-phap/{found.id}/ket-thuc", data={**kept_form, **ended})
    assert answer.status_code == 303


def test_an_exhibit_is_unsealed_on_the_page(send: Callable[..., Any], session: Session, today: str) -> None:
    send("tang-vat", **EXHIBIT)
    thing = session.scalars(select(Exhibit)).one()
    seen = {"revision": str(thing.revision)}
    deed = {"deed": "unsealed", "done_on": today, "seal_number": "NP-77", "document_number": "MBB27-7", **seen}
    assert send(f"tang-vat/{thing.id}/viec", **{**deed, "seal_number": "NP-78"}).status_code == 422
    assert send(f"tang-vat/{thing.id}/viec", **deed).status_code == 303
    session.expire_all()
    assert thing.seal_number is None


def test_orders_are_paid_and_settled_on_the_page(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, world: factories.World, today: str
) -> None:
    at = clock.now()
    desk.act(session, case, by=world.officer.id, at=at)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION, Move.PENALISE):
        desk.take(session, case, move, by=world.team_head.id, at=at)
    session.commit()
    fine, remedy = session.scalars(select(Obligation).order_by(Obligation.kind).limit(2)).all()
    assert "20.000.000" in shown(head, case)
    assert "/nop" in shown(head, case, f"?sua={fine.id}")
    first = {"amount": "5.000.000", "paid_on": today, "document_number": "BL-8", "revision": "1"}
    assert send(f"thi-hanh/{fine.id}/nop", **{**first, "amount": "30.000.000"}).status_code == 422
    assert send(f"thi-hanh/{fine.id}/nop", **first).status_code == 303
    twice = send(f"thi-hanh/{fine.id}/nop", **first)  # a colleague with the same receipt
    assert (twice.status_code, "BL-8" in twice.get_data(as_text=True)) == (409, True)
    assert send(f"thi-hanh/{fine.id}/nop", **{**first, "amount": "15.000.000", "revision": "2"}).status_code == 303
    done = {"state": "done", "settled_on": today, "document_number": "BB-9", "revision": "1"}
    assert send(f"thi-hanh/{remedy.id}/xong", **done).status_code == 303
    assert send("thi-hanh", kind="destruction", what="Tiêu hủy ba cuộn tem").status_code == 303
    more = session.scalars(select(Obligation).where(Obligation.what == "Tiêu hủy ba cuộn tem")).one()
    assert send(f"thi-hanh/{more.id}/gach", revision="1", reason="Nhập nhầm").status_code == 303
    session.expire_all()
    assert (fine.state, remedy.state) == (ObligationState.DONE, ObligationState.DONE)


def test_a_hand_over_is_confirmed_on_the_page(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, world: factories.World, today: str
) -> None:
    at = clock.now()
    desk.act(session, case, by=world.officer.id, at=at)
    for move in (Move.RECORD_VIOLATION, Move.TRANSFER_CRIMINAL):
        desk.take(session, case, move, by=world.team_head.id, at=at)
    session.commit()
    away = police.away(session, case)
    assert away is not None
    assert f"/ban-giao/{away.id}/nhan" in shown(head, case, f"?sua={away.id}")
    form = {"received_by": "Trung tá mẫu", "received_on": today, "record_number": "MBB28-9"}
    assert send(f"ban-giao/{away.id}/nhan", **form).status_code == 303
    twice = send(f"ban-giao/{away.id}/nhan", **form)
    assert (twice.status_code, 'id="errors"' in twice.get_data(as_text=True)) == (409, True)
    assert "Trung tá mẫu" in shown(head, case)


def test_who_may_not_work_reads_and_changes_nothing(
    case: CaseFile, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    auditor = sign_in(world.auditor)
    page = shown(auditor, case)
    assert '<form method="post" action="/vu-viec' not in page
    assert auditor.post(f"/vu-viec/{case.id}/ho-so/nguoi", data=PARTY).status_code == 403
    assert sign_in(world.clerk).get(f"/vu-viec/{case.id}/ho-so").status_code == 403


@pytest.mark.parametrize("query", ["?sua=x", "?sua=", "?sua=00000000-0000-4000-8000-000000000000"])
def test_an_entry_that_is_not_there_opens_nothing(head: FlaskClient, case: CaseFile, query: str) -> None:
    answer = head.get(f"/vu-viec/{case.id}/ho-so{query}")
    assert answer.status_code == (404 if query.endswith("0") else 200)
    assert not re.search(r'id="open-entry"', answer.get_data(as_text=True))


def test_what_no_decision_orders_is_not_confiscated_on_the_page_and_the_reason_is_said(
    case: CaseFile, send: Callable[..., Any], session: Session, today: str
) -> None:
    send("tang-vat", **EXHIBIT)
    thing = session.scalars(select(Exhibit)).one()
    form = {"deed": "confiscated", "done_on": today, "document_number": "bịa", "revision": str(thing.revision)}
    answer = send(f"tang-vat/{thing.id}/viec", **form)
    assert answer.status_code == 409
    assert 'value="bịa"' in answer.get_data(as_text=True)
    session.expire_all()
    assert thing.state is ExhibitState.HELD


def test_another_day_is_agreed_on_with_an_assessor(
    head: FlaskClient, case: CaseFile, send: Callable[..., Any], session: Session, today: str
) -> None:
    form = {
        "kind": "assessment",
        "number": "41/QĐ",
        "subject": "Nguồn gốc",
        "addressee": "Tổ chức mẫu",
        "began_on": today,
    }
    assert send("bien-phap", due_on=today, **form).status_code == 303
    found = session.scalars(select(Measure)).one()
    assert f"/bien-phap/{found.id}/hen-lai" in shown(head, case, f"?sua={found.id}")
    later = (clock.now().astimezone(CITY).date() + timedelta(days=20)).strftime("%d/%m/%Y")
    again = {"due_on": later, "document_number": "05/CV", "reason": "Phải lấy thêm mẫu"}
    path = f"bien-phap/{found.id}/hen-lai"
    assert send(path, **{**again, "reason": ""}).status_code == 422
    assert send(path, **{**again, "due_on": today}).status_code == 422  # agreed on before
    assert send(path, **again).status_code == 303
    assert later in shown(head, case)
    page = head.get(f"/vu-viec/{case.id}/thoi-han").get_data(as_text=True)
    assert later in page
    assert "Phải lấy thêm mẫu" in page
