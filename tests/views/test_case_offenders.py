"""Promises of decisions on several offenders on the pages: one form for one offender, person by person for several, every fault named at once."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from enforcement import exhibits, explaining, fines, joins, offenders, orders
from enforcement.competence import LegalQualification
from enforcement.models import CaseAct, CaseFile, CaseParty, Explanation, ExplanationEnd, Handover, Ruling
from enforcement.transitions import CaseState, Move
from tests.enforcement import desk
from tests.enforcement.test_offenders import NAMES, act, party
from trace import clock
from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests import factories

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def inspected(session: Session, world: factories.World, app: Flask) -> CaseFile:
    store: Path = app.config["TEMTHAT"].files_dir
    made = desk.case(session, world, store, photos=[desk.photo(session, store)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=clock.now() - timedelta(hours=2))


@pytest.fixture
def case(session: Session, inspected: CaseFile, world: factories.World) -> CaseFile:
    """Three offenders, ready to be decided on."""
    by, now = world.officer.id, clock.now()
    people = [
        party(session, inspected, name, by, at=now + timedelta(milliseconds=n), organisation=name.startswith("Công"))
        for n, name in enumerate(NAMES)
    ]
    for who, worth in zip((*people, people[1]), (2_000_000, 4_000_000, 2_500_000, 8_000_000), strict=True):
        act(session, inspected, who, by, f"Hành vi mẫu {worth}", worth, ended=ENDED)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, inspected, move, by=by, at=now)
    session.commit()
    return inspected


ENDED = date(2026, 6, 1)


@pytest.fixture
def today() -> str:
    return clock.now().astimezone(CITY).strftime("%d/%m/%Y")


@pytest.fixture
def head(world: factories.World, sign_in: Callable[[Any], FlaskClient]) -> FlaskClient:
    return sign_in(world.team_head)


@pytest.fixture
def send(session: Session, head: FlaskClient, inspected: CaseFile, token_of: Callable[..., str]) -> Callable[..., Any]:
    def post(path: str, form: dict[str, Any]) -> Any:
        page = f"/vu-viec/{inspected.id}"
        session.expire_all()
        token = {
            "csrf_token": token_of(head, page),
            "idempotency_key": uuid.uuid4().hex,
            "version": str(inspected.version),
        }
        return head.post(f"{page}/{path}", data={**token, **form})

    return post


def people(session: Session, case: CaseFile) -> list[CaseParty]:
    session.expire_all()
    return list(offenders.of_case(session, case))


def wanted(session: Session, case: CaseFile, *whom: CaseParty, **more: Any) -> dict[str, Any]:
    """The form filled in for some: the middle of every bracket."""
    form: dict[str, Any] = {"decision_number": f"{uuid.uuid4().hex[:6]}/QĐ-XP", "grounds": "Điều 11", **more}
    for who in whom:
        stands = fines.frame(session, case, on=clock.now().date(), offender=who)
        form[f"take_{who.id.hex}"] = "y"
        for each, bracket in stands.acts:
            end = f"_{each.id.hex}" if len(stands.acts) > 1 else ""
            assert bracket is not None
            form[f"fine_{who.id.hex}{end}"] = str(bracket.middle)
    return form


def errors(answer: Any) -> str:
    page: str = answer.get_data(as_text=True)
    return re.sub(r"\s+", " ", page.partition('id="errors"')[2].partition("</ul>")[0])


def test_the_form_asks_person_by_person_and_act_by_act_with_the_middle_of_each_bracket(
    head: FlaskClient, case: CaseFile, session: Session
) -> None:
    page = head.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    panel = page.partition('id="move-penalise"')[2].partition('id="move-order_remedy"')[0]
    one, firm, _printer = people(session, case)
    assert [f"<legend>{name}</legend>" in panel for name in NAMES] == [True] * 3
    assert f'name="fine_{one.id.hex}"' in panel
    assert len(re.findall(f'name="fine_{firm.id.hex}_[0-9a-f]+"', panel)) == 2
    assert re.search(f'name="fine_{firm.id.hex}_[0-9a-f]+"[^>]*value="6.000.000"', panel)
    assert 'name="fine"' not in panel
    assert len(page.encode()) < 120_000


def test_a_single_offender_with_one_act_is_asked_for_one_fine_and_nothing_more(
    head: FlaskClient, inspected: CaseFile, session: Session, world: factories.World
) -> None:
    now = clock.now()
    desk.act(session, inspected, by=world.officer.id, at=now)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION):
        desk.take(session, inspected, move, by=world.officer.id, at=now)
    session.commit()
    page = head.get(f"/vu-viec/{inspected.id}").get_data(as_text=True)
    panel = page.partition('id="move-penalise"')[2].partition("</details>")[0]
    assert 'name="fine"' in panel
    assert "take_" not in panel
    for other in ("move-order_remedy", "move-discontinue"):
        assert 'name="offenders"' not in page.partition(f'id="{other}"')[2].partition("</details>")[0]
    assert 'id="offenders"' not in head.get(f"/vu-viec/{inspected.id}/ho-so").get_data(as_text=True)


def test_one_is_decided_on_then_the_others_and_each_gets_and_pays_the_own(
    head: FlaskClient, case: CaseFile, session: Session, send: Any, today: str
) -> None:
    one, firm, printer = people(session, case)
    assert send("penalise", wanted(session, case, one)).status_code == 303
    session.expire_all()
    assert case.state is CaseState.DECISION_DUE
    page = head.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert f"{NAMES[1]}, {NAMES[2]}" in page  # still without a decision
    ruling = session.scalars(select(Ruling)).one()
    shown = head.get(f"/vu-viec/{case.id}/ho-so").get_data(as_text=True)
    assert f"?sua={ruling.id}" in shown
    assert "?sua=" in shown
    opened = head.get(f"/vu-viec/{case.id}/ho-so?sua={ruling.id}").get_data(as_text=True)
    assert f"/quyet-dinh/{ruling.id}/giao" in opened
    assert send(f"ho-so/quyet-dinh/{ruling.id}/giao", {"served_on": "", "served_to": ""}).status_code == 422
    before = send(f"ho-so/quyet-dinh/{ruling.id}/giao", {"served_on": "01/06/2026", "served_to": "Ông mẫu"})
    assert before.status_code == 422
    assert "không thể giao trước ngày đó" in errors(before)
    assert send(f"ho-so/quyet-dinh/{ruling.id}/giao", {"served_on": today, "served_to": "Ông mẫu"}).status_code == 303
    twice = send(f"ho-so/quyet-dinh/{ruling.id}/giao", {"served_on": today, "served_to": "Bà mẫu"})
    assert (twice.status_code, NAMES[0] in errors(twice)) == (409, True)
    assert "Bà mẫu" in twice.get_data(as_text=True)
    line = next(each for each in orders.standing_open(session, case) if each.amount)
    paid = {"amount": str(line.amount), "paid_on": today, "document_number": "BL-9", "revision": "1"}
    assert send(f"ho-so/thi-hanh/{line.id}/nop", paid).status_code == 303
    assert send("penalise", wanted(session, case, firm, printer)).status_code == 303
    session.expire_all()
    assert case.state is CaseState.PENALISED
    assert [each.fine for each in offenders.rulings(session, case)] == [1_250_000, 18_000_000, 1_250_000]
    told = head.get(f"/vu-viec/{case.id}/ho-so").get_data(as_text=True)
    for text in ("18.000.000", "6.000.000 + 12.000.000", f"giao ngày {today}"):
        assert text in told
    assert len(told.encode()) < 120_000


def test_for_the_last_one_left_the_form_is_the_simple_one_with_the_name_and_the_own_bracket(
    head: FlaskClient, case: CaseFile, session: Session, send: Any
) -> None:
    *others, printer = people(session, case)
    assert send("penalise", wanted(session, case, *others)).status_code == 303
    page = head.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    panel = page.partition('id="move-penalise"')[2].partition('id="move-order_remedy"')[0]
    assert f"<b>{printer.name}</b>: " in panel
    assert "500.000 – 2.000.000 đồng" in panel
    assert re.search('name="fine"[^>]*value="1.250.000"', panel)
    assert (
        send("penalise", {"decision_number": "3/QĐ-XP", "grounds": "Điều 11", "fine": "1.250.000"}).status_code == 303
    )
    session.expire_all()
    assert case.state is CaseState.PENALISED


def test_every_fault_is_named_with_the_person_and_nothing_typed_is_lost(
    case: CaseFile, session: Session, send: Any
) -> None:
    one, firm, printer = people(session, case)
    form = wanted(session, case, one, firm, printer, signed_on="01/05/2024")
    form |= {
        f"fine_{one.id.hex}": "9.000.000",
        f"fine_{printer.id.hex}": "1.000.000",
        f"remedies_{one.id.hex}": "Gỡ tem ở quầy",
    }
    answer = send("penalise", {**form, "signed_on": ""})
    told = errors(answer)
    assert answer.status_code == 422
    assert f"{NAMES[0]}: Mức phạt phải từ 500.000 đến 2.000.000 đồng" in told
    assert f"{NAMES[2]}: " in told
    assert NAMES[1] not in told
    assert "Gỡ tem ở quầy" in answer.get_data(as_text=True)
    assert session.scalars(select(Ruling)).all() == []


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"signed_on": "01/01/2099"}, 422, "chưa đến"),  # a day that has not come
        ({"signed_on": "01/05/2020"}, 422, "mới bắt đầu"),  # before the act
        ({"decision_number": ""}, 422, "Số quyết định"),
        ({"take": ""}, 422, "Chọn người vi phạm"),
        ({"amount": ""}, 422, f"{NAMES[0]}: ghi số tiền"),
        ({"amount": "-5"}, 422, f"{NAMES[0]}: ghi số tiền"),
        ({"amount": "99999999999999999999"}, 422, NAMES[0]),
        ({"version": "1"}, 409, "vừa sửa vụ việc"),  # two people at once
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_field_named(
    case: CaseFile, session: Session, send: Any, changed: dict[str, str], status: int, words: str
) -> None:
    who = people(session, case)[0]
    form = wanted(session, case, who)
    names = {"take": f"take_{who.id.hex}", "amount": f"fine_{who.id.hex}"}
    form |= {names.get(name, name): value for name, value in changed.items()}
    if changed.get("take") == "":
        del form[names["take"]]
    answer = send("penalise", form)
    assert answer.status_code == status
    assert words.casefold() in errors(answer).casefold(), errors(answer)
    session.expire_all()
    assert (case.state, session.scalars(select(Ruling)).all()) == (CaseState.DECISION_DUE, [])


def test_a_number_that_is_taken_and_a_person_decided_on_before_are_refused(
    case: CaseFile, session: Session, send: Any
) -> None:
    one, firm, _printer = people(session, case)
    form = wanted(session, case, one)
    assert send("penalise", form).status_code == 303
    again = send("penalise", {**wanted(session, case, firm), "decision_number": form["decision_number"]})
    assert again.status_code == 409
    assert form["decision_number"] in errors(again)
    # The form no longer offers the first; whoever sends it all the same is told.
    twice = send(
        "discontinue",
        {"decision_number": "9/QĐ", "grounds": "x", "no_penalty_ground": "not_punishable", "offenders": str(one.id)},
    )
    assert twice.status_code == 422


def test_an_officer_signs_no_more_than_an_officer_may(
    case: CaseFile,
    session: Session,
    world: factories.World,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[..., str],
) -> None:
    _one, firm, _printer = people(session, case)
    act(session, case, firm, world.officer.id, "Hành vi lớn", 250_000_000, ended=ENDED)
    row = session.scalars(select(Explanation).where(Explanation.party_id == firm.id)).one()
    row.owed, row.outcome, row.document_number = True, ExplanationEnd.WAIVED, "1/GT"
    row.settled_on, row.settled_by = clock.now().date(), world.officer.id
    session.commit()
    officer, page = sign_in(world.officer), f"/vu-viec/{case.id}"
    form = wanted(session, case, firm) | {
        "csrf_token": token_of(officer, page), "idempotency_key": uuid.uuid4().hex, "version": str(case.version)
    }  # fmt: skip
    answer = officer.post(f"{page}/penalise", data=form)
    assert answer.status_code == 403
    assert "Chi cục" in errors(answer)


def test_one_is_let_go_and_the_others_are_fined(head: FlaskClient, case: CaseFile, session: Session, send: Any) -> None:
    one, *others = people(session, case)
    form = {"decision_number": "7/QĐ-KXP", "grounds": "Điều 65", "no_penalty_ground": "not_punishable"}
    nobody = send("discontinue", form)
    assert nobody.status_code == 422
    assert "Chọn người vi phạm" in errors(nobody)
    assert send("discontinue", {**form, "offenders": str(one.id)}).status_code == 303
    session.expire_all()
    assert case.state is CaseState.DECISION_DUE
    assert send("penalise", wanted(session, case, *others)).status_code == 303
    session.expire_all()
    assert case.state is CaseState.PENALISED
    page = head.get(f"/vu-viec/{case.id}/ho-so").get_data(as_text=True)
    offered = {each.party_id for each in offenders.rulings(session, case) if f'value="{each.id}"' in page}
    assert offered == {each.id for each in others}, "nothing more is ordered of whom it was not decided against"


def test_the_decision_of_a_higher_signer_is_entered_person_by_person(
    case: CaseFile, session: Session, world: factories.World, send: Any, today: str
) -> None:
    one, firm, printer = people(session, case)
    assert send("penalise", wanted(session, case, one)).status_code == 303
    assert (
        send(
            "transfer", {"note": "Vượt thẩm quyền", "grounds": "Điều 54", "recipient": "UBND thành phố mẫu"}
        ).status_code
        == 303
    )
    away = session.scalars(select(Handover)).one()
    received = {"received_by": "Văn thư mẫu", "received_on": today, "record_number": "BN-1"}
    assert send(f"ho-so/ban-giao/{away.id}/nhan", received).status_code == 303
    form = {
        "decision_number": "99/QĐ-UBND", "signed_on": today, "issuer": "UBND thành phố mẫu", "signer": "Chủ tịch mẫu", "grounds": "Điều 11",
        f"take_{firm.id.hex}": "y", f"fine_{firm.id.hex}": "140.000.000", f"take_{printer.id.hex}": "y",
    }  # fmt: skip
    lacking = send("receive_decision", form)
    assert lacking.status_code == 422
    assert f"{NAMES[2]}: ghi số tiền" in errors(lacking)
    assert send("receive_decision", {**form, f"fine_{printer.id.hex}": "90.000.000"}).status_code == 303
    session.expire_all()
    assert case.state is CaseState.PENALISED
    assert [each.fine for each in offenders.rulings(session, case)] == [1_250_000, 140_000_000, 90_000_000]


def test_a_case_with_something_open_is_not_closed_and_an_empty_finding_neither(
    case: CaseFile, session: Session, send: Any
) -> None:
    assert send("penalise", wanted(session, case, *people(session, case))).status_code == 303
    assert send("start_execution", {"recipient": "Các bên", "note": "Đã giao"}).status_code == 303
    assert send("close", {"outcome": "", "note": "Xong"}).status_code == 422
    answer = send("close", {"outcome": "infringement", "note": "Xong"})
    assert answer.status_code == 422
    assert all(name in errors(answer) for name in NAMES)


def test_the_record_says_who_may_explain_and_the_decision_waits_for_each(
    head: FlaskClient, inspected: CaseFile, session: Session, world: factories.World, send: Any, today: str
) -> None:
    by = world.officer.id
    small, big = (
        party(session, inspected, name, by, at=clock.now() + timedelta(milliseconds=n))
        for n, name in enumerate(("Hộ nhỏ", "Hộ lớn"))
    )
    act(session, inspected, small, by, "Hành vi nhỏ", 2_000_000, ended=ENDED)
    act(session, inspected, big, by, "Hành vi lớn", 60_000_000, ended=ENDED)
    session.commit()
    page = re.sub(r"\s+", " ", head.get(f"/vu-viec/{inspected.id}").get_data(as_text=True))
    assert "<b>Hộ nhỏ</b>: không: mức cao nhất của khung là 2.000.000 đồng, dưới 15.000.000 đồng" in page
    assert "<b>Hộ lớn</b>: có: mức cao nhất của khung là 40.000.000 đồng, từ 15.000.000 đồng trở lên" in page
    assert send("record_violation", {"record_number": "1/BB", "grounds": "Điều 11", "evidence": "1"}).status_code == 303
    assert send("open_explanation", {"note": "Đã báo"}).status_code == 303
    early = send("prepare_decision", {"note": "Trình", "grounds": "Đủ"})
    assert early.status_code == 409
    assert "Hộ lớn còn quyền giải trình đến" in errors(early)
    bare = send("prepare_decision", {"note": "Trình", "grounds": "Đủ", "explanation": "waived"})
    assert bare.status_code == 422
    row = session.scalars(select(Explanation).where(Explanation.party_id == big.id)).one()
    assert f"?sua={row.id}" in head.get(f"/vu-viec/{inspected.id}/ho-so").get_data(as_text=True)
    told = {"outcome": "written", "explained_on": today, "document_number": "05/GT"}
    assert send(f"ho-so/giai-trinh/{row.id}", {**told, "explained_on": "01/01/2099"}).status_code == 422
    assert send(f"ho-so/giai-trinh/{row.id}", told).status_code == 303
    twice = send(f"ho-so/giai-trinh/{row.id}", told)
    assert (twice.status_code, "Hộ lớn" in errors(twice)) == (409, True)
    assert send("prepare_decision", {"note": "Trình", "grounds": "Đủ"}).status_code == 303


def test_without_the_right_the_page_does_not_offer_to_open_the_explanation(
    head: FlaskClient, inspected: CaseFile, session: Session, world: factories.World, send: Any
) -> None:
    who = party(session, inspected, "Hộ nhỏ", world.officer.id, at=clock.now())
    act(session, inspected, who, world.officer.id, "Hành vi nhỏ", 2_000_000, ended=ENDED)
    session.commit()
    assert send("record_violation", {"record_number": "1/BB", "grounds": "Điều 11", "evidence": "1"}).status_code == 303
    page = head.get(f"/vu-viec/{inspected.id}").get_data(as_text=True)
    assert 'id="move-open_explanation"' not in page
    assert 'name="explanation"' not in page
    answer = send("open_explanation", {"note": "Đã báo"})
    assert answer.status_code == 409
    assert "Không ai trong vụ việc này có quyền giải trình" in errors(answer)
    assert send("prepare_decision", {"note": "Trình", "grounds": "Đủ"}).status_code == 303


def test_an_officer_who_may_not_seize_is_told_who_may(
    inspected: CaseFile,
    session: Session,
    world: factories.World,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[..., str],
    today: str,
) -> None:
    facts = exhibits.ExhibitFacts("Cuộn tem mẫu", Decimal(3), "cuộn", "Còn nguyên", "Kho mẫu", "Thủ kho mẫu")
    thing = exhibits.add(
        session, inspected.id, facts, seal_number=None, document_number=None, by=world.officer.id, at=clock.now()
    )
    session.commit()
    officer, page = sign_in(world.officer), f"/vu-viec/{inspected.id}/ho-so"
    form = {
        "kind": "seizure", "number": "20/QĐ-TG", "subject": "Tạm giữ tem", "addressee": "Hộ mẫu", "began_on": today, "exhibits": str(thing.id),
        "csrf_token": token_of(officer, page), "idempotency_key": uuid.uuid4().hex, "version": str(inspected.version),
    }  # fmt: skip
    answer = officer.post(f"{page}/bien-phap", data=form)
    assert answer.status_code == 403
    assert "Đội trưởng" in errors(answer)
    assert "20/QĐ-TG" in answer.get_data(as_text=True)


def test_a_person_of_a_case_merged_in_explains_and_gets_the_decision_on_the_page_of_the_one_that_carries_on(
    head: FlaskClient,
    inspected: CaseFile,
    session: Session,
    world: factories.World,
    app: Flask,
    send: Callable[..., Any],
    today: str,
) -> None:
    by, now = world.officer.id, clock.now()
    store: Path = app.config["TEMTHAT"].files_dir
    gone = desk.case(session, world, store, with_law=False, photos=[desk.photo(session, store, 150)])
    desk.walk(session, gone, Move.START_INSPECTION, by=by, at=now - timedelta(hours=2))
    for each, name in ((inspected, NAMES[0]), (gone, "Hộ lớn")):
        act(session, each, party(session, each, name, by, at=now), by, f"Hành vi của {name}", 15_000_000, ended=ENDED)
        desk.take(session, each, Move.RECORD_VIOLATION, by=by, at=now)
    joins.merge(session, inspected.id, gone.id, take=(), reason="Một nơi bán", by=by, at=now)
    session.commit()
    rights = {row.party.name: row for row in explaining.of_case(session, inspected).values()}
    told = {"outcome": "waived", "explained_on": today, "document_number": "05/GT"}
    for row in (rights["Hộ lớn"], rights[NAMES[0]]):
        assert f"?sua={row.id}" in head.get(f"/vu-viec/{inspected.id}/ho-so").get_data(as_text=True)
        assert send(f"ho-so/giai-trinh/{row.id}", told).status_code == 303
    assert send("prepare_decision", {"note": "Trình", "grounds": "Đủ"}).status_code == 303
    assert send("penalise", wanted(session, inspected, *people(session, inspected))).status_code == 303
    theirs = session.scalars(select(Ruling).join(Ruling.party).where(CaseParty.case_id == gone.id)).one()
    served = {"served_on": today, "served_to": "Bà mẫu"}
    assert send(f"ho-so/quyet-dinh/{theirs.id}/giao", served).status_code == 303
    session.expire_all()
    assert (theirs.served_to, theirs.case_id) == ("Bà mẫu", inspected.id)
    assert f"giao ngày {today}" in head.get(f"/vu-viec/{inspected.id}/ho-so").get_data(as_text=True)


@pytest.fixture
def unknown_act(session: Session, case: CaseFile, world: factories.World) -> tuple[CaseParty, str, str]:
    """One offender with two acts, of which the law data holds a bracket for one only: the person and the ids of the acts."""
    _one, firm, _printer = people(session, case)
    known, other = fines.frame(session, case, on=clock.now().date(), offender=firm).acts
    session.execute(
        update(CaseAct).where(CaseAct.id == other[0].id).values(qualification=LegalQualification.COUNTERFEIT_LABELS)
    )
    now = clock.now()  # of an act without a bracket nobody knows that it gives no right to explain
    row = next(each for each in explaining.note(session, case, at=now) if each.party_id == firm.id)
    waived: dict[str, Any] = {
        "outcome": ExplanationEnd.WAIVED,
        "on": now.astimezone(CITY).date(),
        "document_number": "9/GT",
    }
    explaining.receive(session, case.id, row.id, **waived, by=world.officer.id, at=now)
    session.commit()
    return firm, known[0].id.hex, other[0].id.hex


def test_the_ends_of_a_bracket_are_asked_for_the_act_without_one_alone(
    session: Session, case: CaseFile, head: FlaskClient, send: Any, unknown_act: tuple[CaseParty, str, str]
) -> None:
    firm, known, other = unknown_act
    page = head.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    panel = page.partition('id="move-penalise"')[2].partition('id="move-order_remedy"')[0]
    for name, there in (
        (f"low_{firm.id.hex}_{other}", 1),
        (f"top_{firm.id.hex}_{other}", 1),
        (f"low_{firm.id.hex}_{known}", 0),
    ):
        assert panel.count(f'name="{name}"') == there, name
    form = {
        "decision_number": "7/QĐ-XP", "grounds": "Điều 13", f"take_{firm.id.hex}": "y", f"fine_{firm.id.hex}_{known}": "6.000.000",
        f"fine_{firm.id.hex}_{other}": "2.000.000",
    }  # fmt: skip
    assert send("penalise", form).status_code == 422
    ends = {f"low_{firm.id.hex}_{other}": "1.000.000", f"top_{firm.id.hex}_{other}": "3.000.000"}
    wrong = send("penalise", {**form, **ends, f"fine_{firm.id.hex}_{known}": "1.000.000"})
    assert wrong.status_code == 422
    assert f"{NAMES[1]}: Mức phạt phải từ" in errors(wrong)
    assert send("penalise", {**form, **ends}).status_code == 303
    session.expire_all()
    (ruling,) = session.scalars(select(Ruling)).all()
    least = min((line.amount, line.bracket_low, line.bracket_top) for line in ruling.lines)
    assert least == (2_000_000, 1_000_000, 3_000_000)
