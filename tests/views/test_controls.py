"""Control on its pages: recording visits, answering, verifying, and every refusal."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from trace.models.controls import ControlVisit, Nonconformity, Severity

NEW = "/kiem-soat/moi"


def facts(world: Any, **changes: str) -> dict[str, str]:
    """A control that found one critical and one minor nonconformity."""
    return {
        "source": f"area:{world.area.id}", "level": "internal", "visited_on": "10/06/2026", "passed": "no", "note": "Kiểm tra mẫu",
        "findings-0-severity": "critical", "findings-0-description": "Dùng thuốc ngoài danh mục", "findings-0-due_on": "30/06/2026",
        "findings-0-blocking": "", "findings-1-severity": "minor", "findings-1-description": "Thiếu chữ ký",
        "findings-1-due_on": "30/06/2026", "findings-1-blocking": "", **changes,
    }  # fmt: skip


@pytest.fixture
def post(world: Any, sign_in: Any, token_of: Any) -> Any:
    client = sign_in(world.controller)
    token = token_of(client, NEW)

    def send(key: str | None = None, **changes: str) -> Any:
        form = facts(world, **changes) | {"csrf_token": token, "idempotency_key": key or uuid.uuid4().hex}
        return client.post(NEW, data=form)

    return send


@pytest.fixture
def found(session: Any, world: Any) -> Nonconformity:
    made = factories.nonconformity(session, world.title, world.cooperative, NOW, area_id=world.area.id)
    session.commit()
    return made


def test_a_control_is_recorded_with_what_it_found(post: Any, session: Any, world: Any, sign_in: Any) -> None:
    answer = post()
    assert answer.status_code == 303
    visit = session.query(ControlVisit).one()
    assert (visit.passed, visit.controller_id, visit.holder_id) == (False, world.controller.id, world.cooperative.id)
    blocking = {row.description: row.blocking for row in session.query(Nonconformity)}
    assert blocking == {"Dùng thuốc ngoài danh mục": True, "Thiếu chữ ký": False}
    page = sign_in(world.manager).get("/kiem-soat?kind=visit").get_data(as_text=True)
    assert "Người mẫu Kiểm" in page


def test_a_control_sent_twice_counts_once(post: Any, session: Any) -> None:
    assert post(key="k" * 12).location == post(key="k" * 12).location
    assert factories.count(session, ControlVisit) == 1


def test_words_are_kept_in_nfc(post: Any, session: Any) -> None:
    post(**{"findings-1-description": unicodedata.normalize("NFD", "Thiếu chữ ký 🍒")})
    assert session.query(Nonconformity).filter_by(description="Thiếu chữ ký 🍒").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"source": ""}, {"source": "site:x"}, {"level": "self"}, {"level": ""}, {"visited_on": ""}, {"visited_on": "2026-13-01"},
        {"visited_on": "10/06/2099"}, {"passed": ""}, {"passed": "maybe"}, {"passed": "yes"}, {"note": "x" * 4001},
        {"findings-0-due_on": ""}, {"findings-0-due_on": "01/06/2026"}, {"findings-0-description": " "}, {"findings-0-severity": ""},
        {"findings-0-severity": "awful"}, {"findings-0-description": "x" * 2001},
    ],
)  # fmt: skip
def test_a_form_with_a_fault_is_refused_with_422(post: Any, session: Any, changes: dict[str, str]) -> None:
    answer = post(**changes)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'role="alert"' in page
    assert "Thiếu chữ ký" in page
    assert factories.count(session, ControlVisit) == 0


def test_a_control_not_passed_names_a_nonconformity(post: Any, session: Any) -> None:
    empty = {f"findings-{n}-{part}": "" for n in (0, 1) for part in ("severity", "description", "due_on")}
    assert post(**empty).status_code == 422
    assert post(**empty, passed="yes").status_code == 303
    assert factories.count(session, Nonconformity) == 0


def test_nobody_controls_the_own_organisation(session: Any, post: Any, world: Any) -> None:
    factories.role(session, world.controller, world.cooperative, factories.Role.PACKER, NOW)
    session.commit()
    assert post().status_code == 422
    assert factories.count(session, ControlVisit) == 0


def test_the_clerk_answers_and_another_person_verifies(
    session: Any, world: Any, found: Any, sign_in: Any, token_of: Any
) -> None:
    where = f"/kiem-soat/diem/{found.id}"
    clerk = sign_in(world.clerk)
    token = token_of(clerk, where)
    assert clerk.post(f"{where}/khac-phuc", data={"csrf_token": token, "answer-text": " "}).status_code == 422
    assert (
        clerk.post(f"{where}/khac-phuc", data={"csrf_token": token, "answer-text": "Đã bổ sung nhật ký"}).status_code
        == 303
    )
    assert clerk.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "Xong"}).status_code == 403
    manager = sign_in(world.manager)
    token = token_of(manager, where)
    assert manager.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": ""}).status_code == 422
    assert (
        manager.post(
            f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "Đã xem nhật ký tuần 23"}
        ).status_code
        == 303
    )
    session.expire_all()
    assert found.closed_by == world.manager.id
    page = manager.get(where).get_data(as_text=True)
    assert "Đã bổ sung nhật ký" in page
    assert "Người mẫu Thu" in page.split("<aside>")[1]
    again = manager.post(f"{where}/kiem-chung", data={"csrf_token": token, "verify-text": "Lần nữa"})
    assert again.status_code == 409


def test_nothing_is_verified_before_it_was_corrected(world: Any, found: Any, sign_in: Any, token_of: Any) -> None:
    manager = sign_in(world.manager)
    token = token_of(manager, f"/giay-chung-nhan/{world.certificate.id}")
    answer = manager.post(f"/kiem-soat/diem/{found.id}/kiem-chung", data={"csrf_token": token, "verify-text": "Xong"})
    assert answer.status_code == 409


def test_only_a_clerk_of_the_holder_answers(world: Any, found: Any, sign_in: Any, token_of: Any) -> None:
    manager = sign_in(world.manager)
    token = token_of(manager, f"/giay-chung-nhan/{world.certificate.id}")
    where = f"/kiem-soat/diem/{found.id}/khac-phuc"
    assert manager.post(where, data={"csrf_token": token, "answer-text": "Xong"}).status_code == 403
    other = sign_in(world.other_clerk)
    assert other.post(where, data={"csrf_token": token_of(other, "/lo/moi"), "answer-text": "Xong"}).status_code == 404


def test_another_organisations_nonconformity_is_not_found(world: Any, found: Any, sign_in: Any) -> None:
    assert sign_in(world.other_clerk).get(f"/kiem-soat/diem/{found.id}").status_code == 404
    assert found.description not in sign_in(world.other_clerk).get("/kiem-soat").get_data(as_text=True)


def test_pages_need_the_permission(world: Any, sign_in: Any, client: Any) -> None:
    assert client.get("/kiem-soat").status_code == 303
    assert sign_in(world.packer).get("/kiem-soat").status_code == 403
    assert sign_in(world.clerk).get(NEW).status_code == 403


def test_the_list_filters_and_puts_the_overdue_first(session: Any, world: Any, found: Any, sign_in: Any) -> None:
    factories.nonconformity(
        session,
        world.title,
        world.other_cooperative,
        NOW,
        description="Chưa đến hạn",
        severity=Severity.MINOR,
        blocking=False,
    ).due_on = factories.date(2099, 1, 1)
    session.commit()
    client = sign_in(world.manager)
    page = client.get("/kiem-soat").get_data(as_text=True)
    assert page.index(found.description) < page.index("Chưa đến hạn")
    assert "Chưa đến hạn" not in client.get("/kiem-soat?due=overdue").get_data(as_text=True)
    assert found.description not in client.get("/kiem-soat?severity=minor").get_data(as_text=True)
    assert 'class="empty"' in client.get("/kiem-soat?due=closed").get_data(as_text=True)
    assert 'class="empty"' in client.get("/kiem-soat?kind=visit&passed=no").get_data(as_text=True)
