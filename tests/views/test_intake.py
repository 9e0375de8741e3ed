"""Promises of the intake pages: each kind has its form, wrong input is refused field by field, a receipt tells nothing of anybody."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import complaints, handoffs, law, triage
from enforcement.models import (
    Complaint,
    ComplaintState,
    DenunciationReceipt,
    InfringementRequest,
    IntakeClock,
    IntakeRecord,
    Outcome,
    RequestState,
    Signal,
    SignalSource,
    SignalState,
)
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_records import complained, heard
from trace import clock
from trace.models.files import StoredFile
from trace.models.history import History
from trace.models.tips import Tip

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
KINDS = ("tip", "transfer", "listing", "request", "complaint")


@pytest.fixture
def officer(world: factories.World, session: Session, sign_in: SignIn) -> FlaskClient:
    law.seed(session)
    session.commit()
    return sign_in(world.officer)


HEARD = {"channel": "phone", "received_on": "15/06/2026", "received_time": "9h05"}
SEEN = {
    "body": "Bán nước mắm dán tem mờ",
    "commune": "10813",
    "place": "Chợ mẫu, sạp 4",
    "shop_phone": "0225 312 3456",
    "seen_on": "14/06/2026",
}
FORMS: dict[str, dict[str, Any]] = {
    "tip": {**HEARD, **SEEN, "reason": "label_looks_wrong"},
    "transfer": {**HEARD, **SEEN, "agency": "Công an xã mẫu", "agency_number": "45/CV", "agency_dated": "10/06/2026"},
    "listing": {**HEARD, **SEEN, "listing_url": "shopee.vn/mam-i.1.2"},
    "request": {
        **HEARD, **SEEN, "dated": "12/06/2026", "authority": "Chi cục mẫu", "requester": "Hội mẫu", "requester_address": "1 phố Mẫu",
        "infringer": "Bà Người Mẫu", "acted_on": "01/06/2026", "right_in_words": "Nhãn hiệu mẫu", "measures": ["inspect", "seize"],
        "evidence": "Ảnh tem\nMẫu hàng", "signed_by": "Chủ tịch mẫu",
    },
    "complaint": {
        **HEARD, "complainant": "Ông Mẫu", "complainant_address": "2 phố Mẫu", "against": "decision", "body_complained_of": "Đội mẫu",
        "decision_number": "12/QĐ-XPHC", "decision_dated": "01/06/2026", "learned_on": "02/06/2026", "body": "Phạt không đúng người",
        "demand": "Hủy quyết định",
    },
}  # fmt: skip


def send(client: FlaskClient, token_of: TokenOf, page: str, **form: Any) -> Any:
    data = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, **form}
    return client.post(form.pop("to", page), data=data)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_taken_in_once_and_stands_in_the_book(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf, kind: str
) -> None:
    page = f"/tiep-nhan/moi/{kind}"
    data = {"csrf_token": token_of(officer, page), "idempotency_key": uuid.uuid4().hex, **FORMS[kind]}
    first, again = (officer.post(page, data=data) for _ in range(2))
    assert first.status_code == again.status_code == 303
    assert first.location == again.location
    record = session.scalars(select(IntakeRecord)).one()
    assert (record.kind.value, record.recorded_by) == (kind, world.officer.id)
    book = officer.get("/tiep-nhan").get_data(as_text=True)
    assert record.number in book
    shown = officer.get(f"/tiep-nhan/{record.id}").get_data(as_text=True)
    assert record.number in shown
    assert officer.get(first.location).status_code == 200
    assert factories.count(session, Signal) == (0 if kind == "complaint" else 1)
    assert factories.count(session, IntakeClock) == (1 if kind in {"complaint", "request"} else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_names_every_field_at_once_and_keeps_nothing(
    session: Session, officer: FlaskClient, token_of: TokenOf, kind: str
) -> None:
    answer = send(officer, token_of, f"/tiep-nhan/moi/{kind}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="errors"' in page
    least = {"tip": 6, "transfer": 7, "listing": 5, "request": 14, "complaint": 9}
    assert page.count('class="field bad"') + page.count('class="field bad ') >= least[kind]
    assert factories.count(session, IntakeRecord) == factories.count(session, Tip) == 0


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("tip", {"place": "", "commune": ""}), ("tip", {"body": "giả"}), ("tip", {"seen_on": ""}), ("tip", {"seen_on": "16/06/2026"}),
        ("tip", {"contact": "0912345678"}), ("tip", {"shop_phone": "12"}), ("tip", {"received_on": "01/01/2099"}), ("tip", {"reason": "guilty"}),
        ("tip", {"received_time": "25:00"}), ("tip", {"commune": "99999"}), ("tip", {"body": "x" * 4001}), ("tip", {"listing_url": "javascript:1"}),
        ("tip", {"channel": "pigeon"}), ("transfer", {"agency_dated": "16/06/2026"}), ("transfer", {"agency_number": " "}),
        ("listing", {"listing_url": ""}), ("listing", {"listing_url": "http://[x"}), ("request", {"measures": []}), ("request", {"measures": ["jail"]}),
        ("request", {"agent": "Luật sư mẫu"}), ("request", {"acted_on": "13/06/2026"}), ("request", {"dated": "16/06/2026"}),
        ("request", {"title": "x"}), ("request", {"right_in_words": ""}), ("request", {"evidence": "\n \n"}), ("request", {"signed_by": ""}),
        ("request", {"agent": "Luật sư mẫu", "poa_number": "1", "poa_dated": "13/06/2026"}), ("complaint", {"decision_number": ""}),
        ("complaint", {"learned_on": "16/06/2026"}), ("complaint", {"decision_dated": "03/06/2026"}), ("complaint", {"case_number": "VV-2026-99999"}),
        ("complaint", {"against": ""}), ("complaint", {"demand": ""}), ("complaint", {"body": "\x00\x00"}),
    ],
    ids=lambda each: each if isinstance(each, str) else ascii(each)[:60],
)  # fmt: skip
def test_wrong_input_is_refused_with_a_reason_keeps_what_was_typed_and_stores_nothing(
    session: Session, officer: FlaskClient, token_of: TokenOf, kind: str, wrong: dict[str, Any]
) -> None:
    answer = send(officer, token_of, f"/tiep-nhan/moi/{kind}", **{**FORMS[kind], **wrong})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="errors"' in page
    assert "15/06/2026" in page or "received_on" in wrong
    session.expire_all()
    for table in (IntakeRecord, Tip, Signal, StoredFile):
        assert factories.count(session, table) == 0


def test_a_kind_that_does_not_exist_and_records_that_are_not_there_are_not_found(officer: FlaskClient) -> None:
    for path in (
        "moi/denunciation",
        "moi/x",
        str(uuid.uuid4()),
        f"bien-nhan/{uuid.uuid4()}",
        f"bien-nhan/{uuid.uuid4()}.pdf",
        "x",
    ):
        assert officer.get(f"/tiep-nhan/{path}").status_code == 404


def test_a_caller_with_a_photo_and_a_contact_reaches_the_desk_and_the_contact_does_not(
    session: Session, officer: FlaskClient, token_of: TokenOf
) -> None:
    photo = (io.BytesIO(desk.photo_bytes(9)), "man hinh.jpg")
    answer = send(
        officer, token_of, "/tiep-nhan/moi/tip", **FORMS["tip"], contact="0912 345 678 cô Chim Hoàng Yến", consent="y", files=[photo]
    )  # fmt: skip
    assert answer.status_code == 303
    signal = session.scalars(select(Signal)).one()
    assert signal.shop_phone == "02253123456"
    tip = session.scalars(select(Tip)).one()
    assert len(tip.photos) == 1
    for path in (
        answer.location,
        f"/tiep-nhan/{signal.record_id}",
        "/tiep-nhan",
        "/hang-doi",
        "/hang-doi?q=0912345678",
    ):
        page = officer.get(path).get_data(as_text=True)
        assert "Hoàng Yến" not in page
        assert "345 678" not in page
    for kept in session.scalars(select(History)):
        assert "Hoàng Yến" not in str(kept.changes) + str(kept.why)


def test_a_second_letter_of_the_same_number_is_refused_with_where_it_is(
    session: Session, officer: FlaskClient, token_of: TokenOf
) -> None:
    assert send(officer, token_of, "/tiep-nhan/moi/transfer", **FORMS["transfer"]).status_code == 303
    again = send(officer, token_of, "/tiep-nhan/moi/transfer", **{**FORMS["transfer"], "agency": "CÔNG AN XÃ MẪU"})
    assert again.status_code == 409
    assert session.scalars(select(IntakeRecord.number)).one() in again.get_data(as_text=True)


def test_a_request_is_asked_for_more_then_accepted_and_not_answered_twice(
    session: Session, officer: FlaskClient, token_of: TokenOf
) -> None:
    send(officer, token_of, "/tiep-nhan/moi/request", **FORMS["request"])
    record = session.scalars(select(IntakeRecord)).one()
    page = f"/tiep-nhan/{record.id}"
    shown = officer.get(page).get_data(as_text=True)
    assert "Bà Người Mẫu" in shown  # only here
    assert "Bà Người Mẫu" not in officer.get("/tiep-nhan").get_data(as_text=True)
    assert "Bà Người Mẫu" not in officer.get("/hang-doi").get_data(as_text=True)
    assert send(officer, token_of, page, to=f"{page}/refuse", reason="").status_code == 422
    assert send(officer, token_of, page, to=f"{page}/supplement", reason="Thiếu ảnh").status_code == 303
    assert send(officer, token_of, page, to=f"{page}/accept").status_code == 303
    session.expire_all()
    assert session.scalars(select(InfringementRequest.state)).one() is RequestState.ACCEPTED
    assert send(officer, token_of, "/tiep-nhan/moi/tip", to=f"{page}/refuse", reason="x").status_code == 409
    assert send(officer, token_of, "/tiep-nhan/moi/tip", to=f"{page}/resolve", reason="x").status_code == 409


def test_papers_that_were_asked_for_are_entered_on_the_page_of_the_request(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf
) -> None:
    with_agent = {"agent": "Văn phòng mẫu", "poa_number": "01/GUQ", "poa_dated": "01/05/2026"}
    send(officer, token_of, "/tiep-nhan/moi/request", **FORMS["request"], **with_agent)
    record = session.scalars(select(IntakeRecord)).one()
    page = f"/tiep-nhan/{record.id}"
    send(officer, token_of, page, to=f"{page}/supplement", reason="Thiếu giấy ủy quyền")
    shown = officer.get(page).get_data(as_text=True)
    assert f'action="{page}/papers"' in shown
    assert world.title.name in shown
    came = {"received_on": "15/06/2026", "received_time": "9:30"}
    for wrong in (
        {},
        {"reason": "x", "received_on": "14/06/2026"},
        {"reason": "x", "received_time": "y"},
        {"title": "x"},
    ):
        answer = send(officer, token_of, page, **{"to": f"{page}/papers", **came, **wrong})
        assert answer.status_code == 422
        assert 'id="errors"' in answer.get_data(as_text=True)
    scan = (io.BytesIO(desk.photo_bytes(9)), "uy quyen.jpg")
    facts = {**came, "poa_certified": "y", "title": str(world.title.id), "reason": "Nộp trực tiếp", "files": [scan]}
    assert send(officer, token_of, page, to=f"{page}/papers", **facts).status_code == 303
    session.expire_all()
    request = session.scalars(select(InfringementRequest)).one()
    assert (request.state, request.poa_certified, request.title_id) == (RequestState.RECEIVED, True, world.title.id)
    shown = officer.get(page).get_data(as_text=True)
    for told in ("Thiếu giấy ủy quyền", "Nộp trực tiếp", f"/tep/{record.files[0].file_id}"):
        assert told in shown
    assert "Lack." not in shown
    assert send(officer, token_of, page, to=f"{page}/accept").status_code == 303
    again = send(officer, token_of, "/tiep-nhan/moi/tip", to=f"{page}/papers", **came, reason="x")
    assert again.status_code == 409


def test_a_call_says_truly_which_files_it_takes(session: Session, officer: FlaskClient, token_of: TokenOf) -> None:
    form = officer.get("/tiep-nhan/moi/tip").get_data(as_text=True)
    (field,) = [line for line in form.splitlines() if 'name="files"' in line]
    assert "image/heic" in field
    assert "application/pdf" not in field
    assert "application/pdf" in officer.get("/tiep-nhan/moi/request").get_data(as_text=True)
    six = [(io.BytesIO(desk.photo_bytes(n)), f"{n}.jpg") for n in range(6)]
    answer = send(officer, token_of, "/tiep-nhan/moi/tip", **FORMS["tip"], files=six)
    assert answer.status_code == 422
    assert "nhiều nhất 5 tệp" in answer.get_data(as_text=True)
    assert factories.count(session, Tip) == 0


def test_a_complaint_whose_longer_time_cannot_be_counted_is_read_and_resolved(
    session: Session, world: factories.World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    law.seed(session)
    at = datetime(2027, 11, 20, 9, tzinfo=clock.CITY)
    monkeypatch.setattr(clock, "now", lambda: at)
    said = complained(decision_dated=at.date(), learned_on=at.date())
    record = complaints.take(session, heard(received_at=at, seen_on=None), said, by=world.officer.id, at=at)
    complaints.accept(session, record.id, by=world.officer.id, at=at)
    session.commit()
    answer = sign_in(world.officer).get(f"/tiep-nhan/{record.id}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "2028" in page
    assert f"/tiep-nhan/{record.id}/resolve" in page
    assert f"/tiep-nhan/{record.id}/extend" not in page


def test_receipts_fill_pages_and_are_searched(session: Session, world: factories.World, officer: FlaskClient) -> None:
    for n in range(52):
        handoffs.hand_off(
            session, receiving_body="Thanh tra mẫu", sheets=1, received_at=NOW - timedelta(hours=n), handed_at=NOW, by=world.officer.id, at=NOW
        )  # fmt: skip
    session.commit()
    assert "/tiep-nhan/bien-nhan" in officer.get("/tiep-nhan").get_data(as_text=True)
    first, second, found = (
        officer.get(f"/tiep-nhan/bien-nhan{q}").get_data(as_text=True) for q in ("", "?page=2", "?q=TC-2026-00052")
    )
    assert "TC-2026-00001" in first
    assert "TC-2026-00052" not in first
    assert "TC-2026-00052" in second
    assert "TC-2026-00052" in found
    assert "TC-2026-00001" not in found


def test_the_picture_of_a_paper_is_shown_to_the_desk_alone(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf, sign_in: SignIn
) -> None:
    scan = (io.BytesIO(desk.photo_bytes(9)), "don.jpg")
    assert send(officer, token_of, "/tiep-nhan/moi/request", **FORMS["request"], files=[scan]).status_code == 303
    record = session.scalars(select(IntakeRecord)).one()
    path = f"/tep/{record.files[0].file_id}"
    assert path in officer.get(f"/tiep-nhan/{record.id}").get_data(as_text=True)
    with officer.get(path) as shown:
        assert shown.status_code == 200
    assert sign_in(world.inspector).get(path).status_code == 404


def test_a_complaint_goes_to_its_end(session: Session, officer: FlaskClient, token_of: TokenOf) -> None:
    send(officer, token_of, "/tiep-nhan/moi/complaint", **FORMS["complaint"])
    page = f"/tiep-nhan/{session.scalars(select(IntakeRecord.id)).one()}"
    assert send(officer, token_of, page, to=f"{page}/accept").status_code == 303
    assert send(officer, token_of, page, to=f"{page}/resolve", reason="Đúng luật", number="1/QĐ").status_code == 422
    done = send(officer, token_of, page, to=f"{page}/resolve", reason="Đúng luật", number="1/QĐ", result="dismissed")
    assert done.status_code == 303
    session.expire_all()
    assert session.scalars(select(Complaint.state)).one() is ComplaintState.RESOLVED


def test_a_running_clock_is_work_on_the_home_page(session: Session, officer: FlaskClient, token_of: TokenOf) -> None:
    send(officer, token_of, "/tiep-nhan/moi/complaint", **FORMS["complaint"])
    number = session.scalars(select(IntakeRecord.number)).one()
    assert f"Thụ lý khiếu nại: {number}" in officer.get("/trang-chinh").get_data(as_text=True)


def denounced(**more: str) -> dict[str, str]:
    return {
        "receiving_body": "Thanh tra thành phố mẫu", "sheets": "1", "received_on": "15/06/2026", "received_time": "9:00",
        "handed_on": "15/06/2026", "handed_time": "10:30", **more,
    }  # fmt: skip


def test_of_a_denunciation_the_page_asks_nothing_and_the_receipt_says_nothing(
    session: Session, officer: FlaskClient, token_of: TokenOf
) -> None:
    form = officer.get("/tiep-nhan/to-cao").get_data(as_text=True)
    assert "<textarea" not in form
    assert 'type="file"' not in form
    answer = send(officer, token_of, "/tiep-nhan/to-cao", **denounced(body="Bà Chim tố cáo", contact="0912345678"))
    assert answer.status_code == 303
    receipt = session.scalars(select(DenunciationReceipt)).one()
    shown = officer.get(answer.location).get_data(as_text=True)
    assert receipt.number in shown
    assert "Chim" not in shown
    paper = officer.get(f"/tiep-nhan/bien-nhan/{receipt.id}.pdf")
    assert (paper.status_code, paper.mimetype) == (200, "application/pdf")
    assert receipt.number in officer.get("/tiep-nhan").get_data(as_text=True)
    assert "Chim" not in str([(kept.changes, kept.why) for kept in session.scalars(select(History))])


@pytest.mark.parametrize(
    "wrong",
    [{"receiving_body": ""}, {"sheets": "0"}, {"sheets": "x"}, {"handed_time": "8:00"}, {"handed_on": "01/01/2099"}, {"received_on": ""}],
    ids=ascii,
)  # fmt: skip
def test_a_receipt_that_cannot_be_is_refused(
    session: Session, officer: FlaskClient, token_of: TokenOf, wrong: dict[str, str]
) -> None:
    assert send(officer, token_of, "/tiep-nhan/to-cao", **denounced(**wrong)).status_code == 422
    assert factories.count(session, DenunciationReceipt) == 0


@pytest.mark.parametrize("who", ["clerk", "manager", "inspector", "custodian", "auditor", "administrator"])
def test_only_the_desk_takes_in(session: Session, world: factories.World, sign_in: SignIn, who: str) -> None:
    other = sign_in(getattr(world, who))
    for path in ("", "/moi/tip", "/to-cao", "/bien-nhan", f"/{uuid.uuid4()}", "/do-tin"):
        assert other.get(f"/tiep-nhan{path}").status_code == 403


def test_heads_read_how_right_the_rules_were(
    session: Session, world: factories.World, officer: FlaskClient, sign_in: SignIn
) -> None:
    desk.signal(session)
    session.commit()
    assert officer.get("/tiep-nhan/do-tin").status_code == 403
    page = sign_in(world.team_head).get("/tiep-nhan/do-tin").get_data(as_text=True)
    assert "Nghi tem bị sao chép" in page
    assert "Tem khác thường" in page


def seen(page: str) -> str:
    """What the page of a group gives back of what it showed."""
    found = re.search(r'name="seen" type="hidden" value="([^"]*)"', page)
    assert found
    return found[1]


def test_a_group_is_decided_at_once_and_one_of_which_some_are_decided_is_shown_again(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf
) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    session.commit()
    page = f"/hang-doi/nhom/{signals[0].cluster_id}"
    shown = officer.get(page).get_data(as_text=True)
    assert all(signal.source_number in shown for signal in signals)
    assert "Quyết định cho 3 tin" in shown
    one = officer.get(f"/hang-doi/{signals[0].id}").get_data(as_text=True)
    assert page in one
    was = seen(shown)
    triage.reject(session, signals[0].id, reason="x", outcome=Outcome.DATA_ERROR, by=world.team_head.id, at=NOW)
    session.commit()
    changed = send(officer, token_of, page, to=f"{page}/reject", seen=was, outcome="data_error", reason="Trùng")
    assert changed.status_code == 409
    now = seen(changed.get_data(as_text=True))
    assert now.startswith("2~")
    for wrong in ("3", "x~y~z", was.replace("~", ";")):
        assert send(officer, token_of, page, to=f"{page}/wait", seen=wrong, reason="x").status_code == 422
    assert send(officer, token_of, page, to=f"{page}/reject", seen=now, reason="Trùng").status_code == 422
    assert send(officer, token_of, page, to=f"{page}/reject", outcome="data_error", reason="Trùng").status_code == 422
    done = send(officer, token_of, page, to=f"{page}/reject", seen=now, outcome="data_error", reason="Trùng")
    assert done.status_code == 303
    session.expire_all()
    assert {signal.state for signal in signals} == {SignalState.REJECTED}
    late = send(officer, token_of, "/tiep-nhan/moi/tip", to=f"{page}/wait", seen=now, reason="x")
    assert late.status_code == 409
    assert officer.get(f"/hang-doi/nhom/{uuid.uuid4()}").status_code == 404


def test_a_group_becomes_one_case_and_a_later_one_is_pointed_to_it(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf
) -> None:
    signals = [desk.signal(session) for _ in range(2)]
    session.commit()
    page = f"/hang-doi/nhom/{signals[0].cluster_id}"
    shown = officer.get(page).get_data(as_text=True)
    made = send(officer, token_of, page, to=f"{page}/open", seen=seen(shown), title="Vụ mẫu")
    assert made.status_code == 303
    assert "/vu-viec/" in made.location
    assert "2 tin giống nhau" in officer.get(made.location).get_data(as_text=True)
    late = desk.signal(session)
    session.commit()
    shown = officer.get(f"/hang-doi/{late.id}").get_data(as_text=True)
    assert "VV-2026-00001" in shown
    assert f"/hang-doi/{late.id}/open" not in shown
    refused = send(officer, token_of, f"/hang-doi/{late.id}", to=f"/hang-doi/{late.id}/open", title="Vụ hai")
    assert refused.status_code == 409
    assert "VV-2026-00001" in refused.get_data(as_text=True)
    assert (
        send(officer, token_of, f"/hang-doi/{late.id}", to=f"/hang-doi/{late.id}/apart", reason="Khác").status_code
        == 303
    )
    assert (
        send(officer, token_of, f"/hang-doi/{late.id}", to=f"/hang-doi/{late.id}/open", title="Vụ hai").status_code
        == 303
    )


def test_a_signal_is_put_with_another_by_number_and_not_with_itself(
    session: Session, world: factories.World, officer: FlaskClient, token_of: TokenOf
) -> None:
    one, other = desk.signal(session), desk.signal(session, place="Nơi khác hẳn")
    session.commit()
    page = f"/hang-doi/{other.id}"
    for number, status in ((other.source_number, 422), ("PA-2026-99999", 422), ("", 422), (one.source_number, 303)):
        answer = send(officer, token_of, page, to=f"{page}/group", number=number, reason="Cùng sạp")
        assert answer.status_code == status
    session.expire_all()
    assert one.cluster_id == other.cluster_id


def test_a_signal_reads_english_to_readers_of_english(
    session: Session, world: factories.World, officer: FlaskClient
) -> None:
    desk.labels(session, world)
    signal = desk.signal(session, 5)
    session.commit()
    assert "Tem khác thường – Vải thiều mẫu" in officer.get(f"/hang-doi/{signal.id}").get_data(as_text=True)
    english = officer.get(f"/hang-doi/{signal.id}?lang=en").get_data(as_text=True)
    assert "Label looks wrong – Vải thiều mẫu – Hợp tác xã vải mẫu Thanh Sơn – label 000.005" in english
    assert signal.source is SignalSource.TIP
