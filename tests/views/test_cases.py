"""Promises of the case's page: everything to see in one place, each deed once, late and wrong input refused in words."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import authority, cases, fines, goods, informants
from enforcement.deadlines import DeadlineKind
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePaper,
    CustodyEvent,
    Deadline,
    DelegationScope,
    EndedAs,
    Evidence,
    Outcome,
    ValuationMethod,
)
from enforcement.transitions import CaseState, Move
from tests import factories
from tests.enforcement import desk
from trace import clock
from trace.clock import CITY
from trace.models.tips import Tip
from trace.services import files

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
Send = Callable[..., Any]
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n"


@pytest.fixture
def store(app: Flask) -> Path:
    return Path(app.config["TEMTHAT"].files_dir)


@pytest.fixture
def case(session: Session, world: factories.World, store: Path) -> CaseFile:
    made = desk.case(session, world, store, photos=[desk.photo(session, store)])
    session.commit()
    return made


@pytest.fixture
def officer(world: factories.World, case: CaseFile, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.officer)


@pytest.fixture
def head(world: factories.World, case: CaseFile, sign_in: SignIn) -> FlaskClient:
    return sign_in(world.team_head)


@pytest.fixture
def send(case: CaseFile, session: Session, token_of: TokenOf) -> Send:
    def post(client: FlaskClient, what: str, *, version: object = None, **form: Any) -> Any:
        page = f"/vu-viec/{case.id}"
        session.expire_all()
        seen = case.version if version is None else version
        data = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, "version": seen, **form}
        return client.post(f"{page}/{what}", data=data)

    return post


def reason(answer: Any) -> str:
    page = answer.get_data(as_text=True)
    assert 'id="errors"' in page
    return str(page)


def test_the_page_shows_state_deadline_with_basis_evidence_with_hash_and_who_did_what(
    officer: FlaskClient, case: CaseFile, session: Session
) -> None:
    page = officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    for text in (
        case.number,
        case.title,
        "Thông tư 27/2020/TT-BCT Điều 8–10",
        "Người mẫu Bộ",
        "PA-2026-",
    ):
        assert text in page
    assert 'id="move-screen"' in page
    assert 'id="move-assign_verification"' not in page
    assert 'id="move-forward"' not in page  # for heads


def test_a_delegate_is_offered_the_steps_that_sign_and_takes_one(
    officer: FlaskClient, case: CaseFile, send: Send, session: Session, world: factories.World
) -> None:
    desk.walk(session, case, Move.PROPOSE_INSPECTION, by=world.officer.id, at=clock.now())
    session.commit()
    assert 'id="move-decide_inspection"' not in officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    today = clock.now().astimezone(CITY).date()
    authority.delegate(
        session, from_id=world.team_head.id, to_id=world.officer.id, scope=DelegationScope.BOTH, decision_number="5/GQ", starts_on=today,
        ends_on=today, by=world.team_head.id, at=clock.now(),
    )  # fmt: skip
    session.commit()
    page = officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert 'id="move-decide_inspection"' in page
    assert 'id="move-return_proposal"' not in page  # signs nothing
    asked = {"decision_number": "8/QĐ-KT", "inspection_ground": "verified_information", "grounds": "Điều 9"}
    assert send(officer, "decide_inspection", **asked).status_code == 303
    paper = session.scalars(select(CasePaper).where(CasePaper.number == "8/QĐ-KT")).one()
    assert (paper.signer_id, paper.delegation_number) == (world.officer.id, "5/GQ")


def test_the_limitation_is_missed_until_somebody_enters_the_day(
    officer: FlaskClient, case: CaseFile, send: Send
) -> None:
    from flask_babel import gettext

    with officer.application.test_request_context():
        warning = str(gettext("Limitation unknown"))
    assert warning in officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert send(officer, "phap-ly", qualification="gi_infringement", act_ended_on="01/06/2026").status_code == 303
    page = officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert warning not in page
    assert "31/05/2028" in page


def test_a_case_is_worked_from_intake_to_closing_on_the_pages(
    officer: FlaskClient, head: FlaskClient, case: CaseFile, send: Send, session: Session
) -> None:
    form = {
        "note": "Đã xem", "grounds": "Điều 11", "decision_number": "12/QĐ-KT", "record_number": "07/BB-VPHC",
        "inspection_ground": "verified_information", "fine": "15.000.000", "deviation": "Tự nguyện khắc phục", "evidence": "1",
        "outcome": "infringement", "recipient": "Hộ kinh doanh mẫu", "remedies": "Gỡ tem trên hàng", "explanation": "waived",
        "explanation_number": "01/GT",
    }  # fmt: skip
    heads_only = {Move.ASSIGN_VERIFICATION, Move.DECIDE_INSPECTION, Move.PENALISE, Move.CLOSE}
    for move in desk.PATH:
        if move is Move.RECORD_VIOLATION:
            desk.act(session, case, by=case.opened_by, at=clock.now())
            session.commit()
        if move is Move.CLOSE:
            left = reason(send(head, move.value, **form))
            assert "Gỡ tem trên hàng" in left  # everything that is open is said at once
            assert "Nộp tiền phạt" in left
            desk.carry_out(session, case, by=case.opened_by, at=clock.now())
            session.commit()
        answer = send(head if move in heads_only else officer, move.value, **form)
        assert answer.status_code == 303, (move, answer.get_data(as_text=True))
    session.expire_all()
    assert (case.state, case.outcome) == (CaseState.ARCHIVED, Outcome.INFRINGEMENT)
    fined = session.scalars(select(CaseEvent).where(CaseEvent.move == Move.PENALISE)).one()
    assert fined.facts["fine"] == 15_000_000
    page = officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert "15.000.000 đồng" in page
    assert "12/QĐ-KT" in page
    assert 'id="moves"' not in page


def test_a_step_sent_twice_is_taken_once(
    officer: FlaskClient, case: CaseFile, token_of: TokenOf, session: Session
) -> None:
    page = f"/vu-viec/{case.id}"
    form = {
        "csrf_token": token_of(officer, page),
        "idempotency_key": uuid.uuid4().hex,
        "version": case.version,
        "note": "Đã xem",
    }
    assert [officer.post(f"{page}/screen", data=form).status_code for _ in range(2)] == [303, 303]
    assert factories.count(session, CaseEvent, CaseEvent.move == Move.SCREEN) == 1


def test_who_is_slower_reads_who_was_faster_and_keeps_what_they_wrote(
    officer: FlaskClient, case: CaseFile, world: factories.World, send: Send, session: Session
) -> None:
    seen = case.version
    cases.claim(session, case.id, by=world.team_head.id, at=clock.now())
    session.commit()
    answer = send(officer, "screen", version=seen, note="Tôi đã viết rất nhiều")
    assert answer.status_code == 409
    page = reason(answer)
    assert "Người mẫu Đội" in page
    assert "Tôi đã viết rất nhiều" in page
    session.expire_all()
    assert case.state is CaseState.RECEIVED
    [sent] = set(re.findall(r'name="version"[^>]*value="([\d.]+)"', page)) | set(
        re.findall(r'value="([\d.]+)"[^>]*name="version"', page)
    )
    assert int(sent.partition(".")[0]) == case.version  # the page drawn anew carries what is now true


def test_who_is_slower_sees_what_was_done_since_their_page_was_drawn(
    officer: FlaskClient, case: CaseFile, world: factories.World, send: Send, session: Session
) -> None:
    drawn = f"{case.version}.{case.events[-1].seq}"
    cases.claim(session, case.id, by=world.team_head.id, at=clock.now())
    session.commit()
    page = reason(send(officer, "screen", version=drawn, note="Đã viết"))
    assert 'id="edited-meanwhile"' in page
    assert "Người mẫu Đội" in page.partition('id="edited-meanwhile"')[2][:1500]


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999"])
def test_a_step_without_a_true_version_is_refused(officer: FlaskClient, send: Send, version: str) -> None:
    assert send(officer, "screen", version=version, note="x").status_code == 409


@pytest.mark.parametrize(
    ("what", "form", "status"),
    [
        ("screen", {}, 422), ("screen", {"note": "  "}, 422), ("screen", {"note": "x" * 4001}, 422),
        ("close", {"note": "x", "outcome": "infringement"}, 409), ("assign_verification", {"note": "x"}, 409),
        ("penalise", {"fine": "một triệu"}, 422), ("ghi-chu", {"text": ""}, 422), ("ghi-chu", {"text": "x" * 4001}, 422),
        ("giao", {"officer": "", "reason": "x"}, 422), ("phap-ly", {"qualification": "murder"}, 422),
        ("phap-ly", {"qualification": "gi_infringement", "act_ended_on": "32/01/2026"}, 422),
        ("phap-ly", {"qualification": "gi_infringement", "act_ended_on": "01/01/2099"}, 422),
        ("da-lam", {"deadline": "x", "document_number": "1", "done_on": "01/06/2026"}, 422), ("phat-hien", {"detected_on": "", "note": ""}, 422),
        ("chung-cu", {"title": "x", "origin": "y", "taken_on": "01/06/2026"}, 422),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_with_a_reason_and_changes_nothing(
    officer: FlaskClient, case: CaseFile, send: Send, session: Session, what: str, form: dict[str, str], status: int
) -> None:
    before = factories.count(session, CaseEvent)
    answer = send(officer, what, **form)
    assert answer.status_code == status
    reason(answer)
    assert factories.count(session, CaseEvent) == before


def test_what_is_for_heads_is_refused_to_an_officer(
    officer: FlaskClient, head: FlaskClient, world: factories.World, send: Send, session: Session, case: CaseFile
) -> None:
    assert send(officer, "forward", note="x", recipient="y").status_code == 403
    assert send(officer, "giao", officer=str(world.branch_head.id), reason="Nghỉ").status_code == 403
    assert send(head, "giao", officer=str(world.clerk.id), reason="Nghỉ").status_code == 422
    assert send(head, "giao", officer=str(world.branch_head.id), reason="Nghỉ").status_code == 303
    session.expire_all()
    assert case.officer_id == world.branch_head.id


def test_a_fine_beyond_the_signer_names_who_is_competent(
    head: FlaskClient, case: CaseFile, world: factories.World, send: Send, session: Session
) -> None:
    desk.walk(session, case, Move.PREPARE_DECISION, by=world.officer.id, at=clock.now())
    session.commit()
    dear = goods.GoodsFacts(
        "Vải sấy mẫu", Decimal(1), "lô", 250_000_000, ValuationMethod.MARKET_PRICE, date(2026, 6, 1)
    )
    goods.add(session, case.id, dear, by=world.officer.id, at=clock.now())
    session.commit()
    answer = send(
        head,
        "penalise",
        fine=str(fines.frame(session, case, on=date(2026, 6, 15)).middle),
        decision_number="1",
        grounds="y",
    )
    assert answer.status_code == 403
    assert "Chi cục trưởng" in reason(answer)
    session.expire_all()
    assert case.state is CaseState.DECISION_DUE


def test_what_a_clock_asks_for_is_entered_on_the_page(
    officer: FlaskClient, case: CaseFile, send: Send, session: Session
) -> None:
    page = officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    [deadline] = re.findall(r'name="deadline"[^>]*value="([0-9a-f-]{36})"', page)
    today = clock.now().astimezone(CITY).date().strftime("%d/%m/%Y")
    form = {"deadline": deadline, "done_on": today, "document_number": "BC-01"}
    assert send(officer, "da-lam", **form).status_code == 303
    session.expire_all()
    assert session.scalars(select(Deadline.ended_as)).one() is EndedAs.LATE  # it should have been done in June
    assert "BC-01" in officer.get(f"/vu-viec/{case.id}").get_data(as_text=True)


def test_a_detection_starts_the_clock_for_the_record(
    officer: FlaskClient, case: CaseFile, world: factories.World, send: Send, session: Session
) -> None:
    desk.walk(session, case, Move.ASSIGN_VERIFICATION, by=world.officer.id, at=clock.now())
    session.commit()
    today = clock.now().astimezone(CITY).date().strftime("%d/%m/%Y")
    assert send(officer, "phat-hien", detected_on=today, note="Tem trùng mã").status_code == 303
    kinds = set(session.scalars(select(Deadline.kind).where(Deadline.met_at.is_(None))))
    assert DeadlineKind.VIOLATION_RECORD in kinds
    assert send(officer, "phat-hien", detected_on=today, note="Lần nữa").status_code == 409


def test_a_case_is_claimed_once(
    officer: FlaskClient, head: FlaskClient, case: CaseFile, world: factories.World, send: Send
) -> None:
    assert send(officer, "nhan").status_code == 303
    assert send(officer, "nhan").status_code == 303
    answer = send(head, "nhan")
    assert answer.status_code == 409
    assert "Người mẫu Bộ" in answer.get_data(as_text=True)
    assert case.number in officer.get(f"/vu-viec?officer={world.officer.id}").get_data(as_text=True)
    assert case.number not in officer.get("/vu-viec?officer=none").get_data(as_text=True)


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (desk.photo_bytes(7), "anh.jpg", 303), (PDF, "bien ban.pdf", 303), (desk.photo_bytes(7, "PNG"), "anh.exe", 303),
        (b"MZ not a picture", "anh.jpg", 422), (b"", "anh.jpg", 422), (b"%PDF-1.7 broken", "anh.jpg", 422),
    ],
)  # fmt: skip
def test_evidence_is_judged_by_its_content(
    officer: FlaskClient, send: Send, session: Session, content: bytes, name: str, status: int
) -> None:
    form = {"title": "Ảnh sạp", "origin": "Máy ảnh đội", "taken_on": "01/06/2026", "file": (io.BytesIO(content), name)}
    answer = send(officer, "chung-cu", **form)
    assert answer.status_code == status
    assert factories.count(session, Evidence) == (2 if status == 303 else 1)
    if status != 303:
        reason(answer)


def test_the_page_of_evidence_says_whether_the_hash_matches_and_logs_the_look(
    officer: FlaskClient, case: CaseFile, session: Session, store: Path
) -> None:
    piece = session.scalars(select(Evidence)).one()
    address = f"/vu-viec/{case.id}/chung-cu/{piece.id}"
    whole = officer.get(address).get_data(as_text=True)
    assert piece.sha256[:32] in whole
    path = files.original_path(store, piece.file)
    path.chmod(0o640)
    path.write_bytes(b"x")
    broken = officer.get(address).get_data(as_text=True)
    assert 'data-kind="error"' in broken
    assert 'data-kind="error"' not in whole
    deeds = session.scalars(select(CustodyEvent.deed).order_by(CustodyEvent.seq)).all()
    assert deeds == ["taken", "viewed", "viewed"]
    assert officer.get(f"/vu-viec/{case.id}/chung-cu/{factories.some_id()}").status_code == 404
    path.unlink()
    assert officer.get(address).status_code == 200


def test_late_photos_are_offered_and_taken(
    officer: FlaskClient, case: CaseFile, session: Session, send: Send, store: Path
) -> None:
    from trace.models.tips import TipPhoto

    tip = session.scalars(select(Tip)).one()
    session.add(TipPhoto(tip_id=tip.id, file_id=desk.photo(session, store, 66).id))
    session.commit()
    assert "anh-den-sau" in officer.get(f"/vu-viec/{case.id}/chung-cu").get_data(as_text=True)
    assert send(officer, "anh-den-sau").status_code == 303
    assert "anh-den-sau" not in officer.get(f"/vu-viec/{case.id}/chung-cu").get_data(as_text=True)


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("auditor", 200),
        ("branch_head", 200),
        ("inspector", 403),
        ("clerk", 403),
        ("administrator", 403),
        ("custodian", 403),
    ],
)
def test_who_may_read_a_case(
    session: Session, world: factories.World, case: CaseFile, sign_in: SignIn, who: str, status: int
) -> None:
    other = sign_in(getattr(world, who))
    assert other.get(f"/vu-viec/{case.id}").status_code == status
    assert other.get("/vu-viec").status_code == status


def test_an_auditor_reads_but_does_nothing(
    session: Session, world: factories.World, case: CaseFile, sign_in: SignIn
) -> None:
    auditor = sign_in(world.auditor)
    page = auditor.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    assert '<form method="post" action="/vu-viec' not in page
    assert "/tep/" not in page
    assert auditor.post(f"/vu-viec/{case.id}/screen", data={"note": "x"}).status_code == 403


def test_what_is_not_there_is_not_found(officer: FlaskClient, case: CaseFile) -> None:
    for address in (f"/vu-viec/{factories.some_id()}", "/vu-viec/1", f"/vu-viec/{case.id}/steal"):
        assert officer.get(address).status_code == 404
    assert officer.get(f"/vu-viec/{case.id}/screen").status_code == 405


@pytest.mark.parametrize(
    "query", ["?state=x&due=y&severity=7&officer=z&page=0", "?q=%25%00", "?due=overdue", "?state=received&severity=2"]
)
def test_the_list_bears_any_filter(officer: FlaskClient, query: str) -> None:
    assert officer.get("/vu-viec" + query).status_code == 200


def test_no_page_of_the_desk_shows_the_contact_of_a_reporter(
    officer: FlaskClient, head: FlaskClient, case: CaseFile, session: Session, app: Flask
) -> None:
    canary = "0987 654 321 chim hoàng yến"
    tip = session.scalars(select(Tip)).one()
    informants.keep(session, tip.id, canary, key=app.config["TEMTHAT"].derived("informant"), at=clock.now())
    session.commit()
    piece = session.scalars(select(Evidence)).one()
    pages = [
        "/hang-doi", f"/hang-doi?q={tip.number}", f"/hang-doi/{case.signals[0].id}", "/vu-viec", f"/vu-viec/{case.id}", "/quan-sat",
        f"/vu-viec/{case.id}/chung-cu/{piece.id}", "/hang-doi?q=0987", f"/nguoi-bao/{tip.id}", f"/tim?q={tip.number}",
    ]  # fmt: skip
    for client in (officer, head):
        for page in pages:
            shown = client.get(page).get_data(as_text=True)
            assert "0987 654" not in shown, page
            assert "hoàng yến" not in shown, page


def test_the_timeline_tells_every_kind_of_deed(
    head: FlaskClient, case: CaseFile, world: factories.World, send: Send, session: Session, store: Path
) -> None:
    from trace.models.tips import TipPhoto

    desk.walk(session, case, Move.RECORD_VIOLATION, by=world.officer.id, at=clock.now())
    tip = session.scalars(select(Tip)).one()
    broken = desk.photo(session, store, 67)
    path = files.original_path(store, broken)
    path.chmod(0o640)
    path.write_bytes(b"x")
    session.add_all([TipPhoto(tip_id=tip.id, file_id=file.id) for file in (desk.photo(session, store, 66), broken)])
    session.commit()
    deeds = [
        ("nhan", {}),
        ("giao", {"officer": str(world.officer.id), "reason": "Chia việc"}),
        ("ghi-chu", {"text": "Đã gọi điện"}),
        ("anh-den-sau", {}),
        (
            "chung-cu",
            {"title": "Biên bản", "origin": "Đội", "taken_on": "01/06/2026", "file": (io.BytesIO(PDF), "b.pdf")},
        ),
    ]
    for what, form in deeds:
        assert send(head, what, **form).status_code == 303, what
    session.expire_all()
    kinds = {event.deed for event in case.events}
    assert kinds == {
        "open", "add_signal", "move", "claim", "assign", "add_entry", "note", "gather_evidence", "take_evidence"
    }  # fmt: skip
    page = head.get(f"/vu-viec/{case.id}").get_data(as_text=True)
    for told in ("Chia việc", "Hộ kinh doanh mẫu", "Đã gọi điện", "Biên bản", "Điều 11"):
        assert told in page
    assert page.count("<time ") == len(case.events)
