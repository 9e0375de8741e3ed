"""Control on its pages: nonconformities, the holder's answer, verification with and without effect, lists, and every refusal."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from PIL import Image

from tests import factories
from tests.conftest import NOW
from trace.models.control_papers import ControlFile, SuspensionProposal
from trace.models.controls import CorrectiveAction, Nonconformity, Severity


@pytest.fixture
def found(session: Any, world: Any) -> Nonconformity:
    made = factories.nonconformity(session, world.title, world.cooperative, NOW, area_id=world.area.id)
    session.commit()
    return made


def paper() -> tuple[io.BytesIO, str]:
    made = io.BytesIO()
    Image.new("RGB", (60, 40), "navy").save(made, "JPEG")
    made.seek(0)
    return made, "so-tay.jpg"


def test_the_clerk_answers_and_another_person_verifies(
    session: Any, world: Any, found: Any, sign_in: Any, token_of: Any
) -> None:
    where = f"/kiem-soat/diem/{found.id}"
    clerk = sign_in(world.clerk)
    token = token_of(clerk, where)
    assert clerk.post(f"{where}/khac-phuc", data={"csrf_token": token, "answer-text": " "}).status_code == 422
    told = {"csrf_token": token, "answer-text": "Đã bổ sung nhật ký", "answer-papers": paper()}
    assert clerk.post(f"{where}/khac-phuc", data=told).status_code == 303
    assert clerk.post(f"{where}/khac-phuc", data=told | {"answer-papers": paper()}).status_code == 303
    assert factories.count(session, ControlFile, ControlFile.action_id.is_not(None)) == 1
    yes = {"verify-effective": "yes"}
    assert (
        clerk.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "Xong", **yes}).status_code == 403
    )
    manager = sign_in(world.manager)
    token = token_of(manager, where)
    assert "so-tay.jpg" in manager.get(where).get_data(as_text=True)
    assert manager.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "", **yes}).status_code == 422
    assert manager.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "Đã xem"}).status_code == 422
    verified = {"csrf_token": token, "verify-text": "Đã xem nhật ký tuần 23", **yes}
    assert manager.post(f"{where}/kiem-chung", data=verified).status_code == 303
    session.expire_all()
    assert found.closed_by == world.manager.id
    page = manager.get(where).get_data(as_text=True)
    assert "Đã bổ sung nhật ký" in page
    assert "Người mẫu Thu" in page.split("<aside>")[1]
    again = manager.post(f"{where}/kiem-chung", data={**verified, "verify-text": "Lần nữa"})
    assert again.status_code == 409


def test_without_effect_it_stays_open_until_a_new_day(
    session: Any, world: Any, found: Any, sign_in: Any, token_of: Any
) -> None:
    where = f"/kiem-soat/diem/{found.id}"
    clerk, manager = sign_in(world.clerk), sign_in(world.manager)
    clerk.post(f"{where}/khac-phuc", data={"csrf_token": token_of(clerk, where), "answer-text": "Đã làm"})
    no = {"csrf_token": token_of(manager, where), "verify-effective": "no", "verify-text": "Vẫn thiếu"}
    refused = manager.post(f"{where}/kiem-chung", data=no)
    assert refused.status_code == 422
    assert "Vẫn thiếu" in refused.get_data(as_text=True)
    assert manager.post(f"{where}/kiem-chung", data={**no, "verify-new_due": "01/01/2099"}).status_code == 303
    session.expire_all()
    assert (found.closed_at, found.due_on.year, found.blocking) == (None, 2099, True)


def test_nothing_is_verified_before_it_was_corrected(world: Any, found: Any, sign_in: Any, token_of: Any) -> None:
    manager = sign_in(world.manager)
    token = token_of(manager, "/kiem-soat/moi")
    data = {"csrf_token": token, "verify-text": "Xong", "verify-effective": "yes"}
    assert manager.post(f"/kiem-soat/diem/{found.id}/kiem-chung", data=data).status_code == 409


def test_only_a_clerk_of_the_holder_answers(world: Any, found: Any, session: Any, sign_in: Any, token_of: Any) -> None:
    manager = sign_in(world.manager)
    where = f"/kiem-soat/diem/{found.id}/khac-phuc"
    form = {"csrf_token": token_of(manager, "/kiem-soat/moi"), "answer-text": "Xong"}
    assert manager.post(where, data=form).status_code == 403
    other = sign_in(world.other_clerk)
    form = {"csrf_token": token_of(other, "/kiem-soat/tu-kiem-soat"), "answer-text": "Xong"}
    assert other.post(where, data=form).status_code == 404
    assert factories.count(session, CorrectiveAction) == 0


def test_a_file_that_is_none_leaves_the_answer_unsaved_and_typed(
    world: Any, found: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    where, clerk = f"/kiem-soat/diem/{found.id}", sign_in(world.clerk)
    told = {
        "csrf_token": token_of(clerk, where),
        "answer-text": "Đã thay khóa",
        "answer-papers": (io.BytesIO(b"MZ"), "a.exe"),
    }
    refused = clerk.post(f"{where}/khac-phuc", data=told)
    assert refused.status_code == 422
    assert "Đã thay khóa" in refused.get_data(as_text=True)
    assert factories.count(session, CorrectiveAction) == 0


def test_another_organisations_nonconformity_is_not_found(world: Any, found: Any, sign_in: Any) -> None:
    assert sign_in(world.other_clerk).get(f"/kiem-soat/diem/{found.id}").status_code == 404
    assert found.description not in sign_in(world.other_clerk).get("/kiem-soat").get_data(as_text=True)


def test_pages_need_the_permission(world: Any, sign_in: Any, client: Any) -> None:
    assert client.get("/kiem-soat").status_code == 303
    assert sign_in(world.packer).get("/kiem-soat").status_code == 403


def test_the_list_filters_and_puts_the_overdue_first(session: Any, world: Any, found: Any, sign_in: Any) -> None:
    factories.nonconformity(
        session, world.title, world.other_cooperative, NOW, description="Chưa đến hạn", severity=Severity.MINOR, blocking=False
    ).due_on = factories.date(2099, 1, 1)  # fmt: skip
    session.commit()
    client = sign_in(world.manager)
    page = client.get("/kiem-soat").get_data(as_text=True)
    assert page.index(found.description) < page.index("Chưa đến hạn")
    assert "Chưa đến hạn" not in client.get("/kiem-soat?due=overdue").get_data(as_text=True)
    assert "Chưa đến hạn" in client.get("/kiem-soat?q=chua+den+han").get_data(as_text=True)
    assert found.description not in client.get("/kiem-soat?severity=minor").get_data(as_text=True)
    assert 'class="empty"' in client.get("/kiem-soat?due=closed").get_data(as_text=True)
    assert 'class="empty"' in client.get("/kiem-soat?kind=visit&passed=no").get_data(as_text=True)


def test_visits_filter_by_level_and_state(session: Any, world: Any, sign_in: Any) -> None:
    factories.visited(session, world.controller, NOW, area_id=world.area.id)
    session.commit()
    client = sign_in(world.manager)
    assert "Người mẫu Kiểm" in client.get("/kiem-soat?kind=visit&level=internal").get_data(as_text=True)
    for query in ("level=external", "passed=open", "passed=no"):
        assert 'class="empty"' in client.get(f"/kiem-soat?kind=visit&{query}").get_data(as_text=True)


def test_what_the_plan_does_not_ask_for_is_added_to_a_visit(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    visit = factories.visited(session, world.controller, NOW, area_id=world.area.id)
    session.commit()
    client, where = sign_in(world.controller), f"/kiem-soat/luot/{visit.id}/them"
    form = {
        "csrf_token": token_of(client, where), "idempotency_key": uuid.uuid4().hex, "severity": "critical", "description": "Kho lẫn thuốc",
        "action": "Tách kho", "due_on": "01/01/2099", "blocking": "",
    }  # fmt: skip
    assert client.post(where, data=form | {"due_on": ""}).status_code == 422
    first = client.post(where, data=form)
    assert first.status_code == 303
    assert client.post(where, data=form).location == first.location
    assert session.query(Nonconformity).one().blocking


def test_a_proposal_is_decided_by_whoever_may_and_by_nobody_else(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-03": "Thuốc lạ"})
    session.commit()
    proposal = session.query(SuspensionProposal).one()
    where = f"/kiem-soat/de-xuat/{proposal.id}"
    controller = sign_in(world.controller)
    assert "Thuốc lạ" in controller.get("/kiem-soat/de-xuat").get_data(as_text=True)
    token = token_of(controller, "/kiem-soat/moi")
    accepted = {"accept-reason": "Dùng thuốc ngoài danh mục", "accept-document_number": "01/QĐ-MẪU"}
    assert controller.post(f"{where}/dinh-chi", data={"csrf_token": token, **accepted}).status_code == 403
    manager = sign_in(world.manager)
    token = token_of(manager, where)
    refused = manager.post(f"{where}/dinh-chi", data={"csrf_token": token, **accepted, "accept-document_number": ""})
    assert refused.status_code == 422
    assert manager.post(f"{where}/dinh-chi", data={"csrf_token": token, **accepted}).status_code == 303
    session.expire_all()
    assert (world.certificate.status.value, proposal.state.value) == ("suspended", "accepted")
    late = manager.post(f"{where}/khong-dinh-chi", data={"csrf_token": token, "dismiss-reason": "Thôi"})
    assert late.status_code == 409
    assert sign_in(world.other_clerk).get(where).status_code == 404
