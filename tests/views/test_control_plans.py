"""Control plans, samples and yearly reports on their pages: the way through, and what is refused."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from tests import factories
from tests.conftest import NOW, config_for
from trace.models.control_papers import ControlReport, ControlSample
from trace.models.control_plans import ControlItem, ControlPlan
from trace.models.parties import Role

PLANS = "/kiem-soat/ke-hoach"


def test_the_next_version_is_drafted_edited_and_put_in_force(
    world: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    manager = sign_in(world.manager)
    token = token_of(manager, PLANS)
    begun = manager.post(
        f"{PLANS}/cho/{world.title.id}", data={"csrf_token": token, "idempotency_key": uuid.uuid4().hex}
    )
    assert begun.status_code == 303
    where = begun.location
    item = {
        "csrf_token": token, "revision": "1", "code": "ks-20", "wording": "Kho riêng", "method": "Xem", "frequency": "yearly",
        "severity": "minor", "evidence": "photo", "levels": ["internal"], "position": "",
    }  # fmt: skip
    assert manager.post(f"{where}/muc", data={**item, "levels": []}).status_code == 422
    assert manager.post(f"{where}/muc", data=item).status_code == 303
    assert session.query(ControlItem).filter_by(code="KS-20").count() == 1
    late = manager.post(f"{where}/muc", data={**item, "code": "KS-21", "wording": "Gõ trong lúc người khác sửa"})
    assert late.status_code == 409
    page = late.get_data(as_text=True)
    assert "Gõ trong lúc người khác sửa" in page
    assert 'id="edited-meanwhile"' in page
    assert 'name="revision" type="hidden" value="2"' in page
    early = manager.post(f"{where}/hieu-luc", data={"csrf_token": token, "revision": "2", "valid_from": "01/01/2024"})
    assert early.status_code == 422
    assert (
        manager.post(
            f"{where}/hieu-luc", data={"csrf_token": token, "revision": "2", "valid_from": "01/01/2099"}
        ).status_code
        == 303
    )
    session.expire_all()
    assert session.query(ControlPlan).filter_by(version=2).one().valid_during is not None
    assert manager.post(f"{where}/muc", data={**item, "revision": "3", "code": "KS-22"}).status_code == 409


def test_only_the_managing_body_changes_a_plan_and_everybody_in_control_reads_it(
    world: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    other = factories.user(
        session, "quan.ly.khac", "Người mẫu Khác", NOW, key=config_for("", Path()).derived("second-factor")
    )
    factories.role(session, other, world.authority, Role.MANAGER, NOW)
    stranger = sign_in(other)
    assert stranger.get(f"{PLANS}/{world.plan.id}").status_code == 200
    for path in (f"{PLANS}/{world.plan.id}/muc", f"{PLANS}/{world.plan.id}/muc/{world.plan.items[0].id}"):
        assert stranger.get(path).status_code == 404
    clerk = sign_in(world.clerk)
    assert "KS-04" in clerk.get(f"{PLANS}/{world.plan.id}").get_data(as_text=True)
    token = token_of(clerk, "/kiem-soat/tu-kiem-soat")
    assert clerk.post(f"{PLANS}/cho/{world.title.id}", data={"csrf_token": token}).status_code == 403


def test_a_sample_goes_its_way_on_its_page(world: Any, session: Any, sign_in: Any, token_of: Any) -> None:
    client, new = sign_in(world.controller), "/kiem-soat/mau/moi"
    form = {
        "csrf_token": token_of(client, new), "idempotency_key": uuid.uuid4().hex, "source": f"area:{world.area.id}", "what": "Quả tươi",
        "amount": "2 kg", "seal": "NP-1", "taken_on": "01/06/2026", "taken_from": "Người mẫu Vườn",
    }  # fmt: skip
    assert client.post(new, data={**form, "seal": ""}).status_code == 422
    made = client.post(new, data=form)
    assert client.post(new, data=form).location == made.location
    token = token_of(client, made.location)
    sent = {"csrf_token": token, "send-lab": "Phòng mẫu", "send-sent_on": "02/06/2026"}
    assert client.post(f"{made.location}/gui", data=sent).status_code == 303
    report = {
        "csrf_token": token, "report-report_number": "P-1", "report-reported_on": "09/06/2026", "report-severity": "major",
        "report-due_on": "", "report-results-0-criterion": "Carbendazim", "report-results-0-found": "0,9", "report-results-0-allowed": "0,5",
        "report-results-0-conforms": "no",
    }  # fmt: skip
    refused = client.post(f"{made.location}/ket-qua", data=report)
    assert refused.status_code == 422
    assert "Carbendazim" in refused.get_data(as_text=True)
    assert client.post(f"{made.location}/ket-qua", data={**report, "report-due_on": "30/06/2026"}).status_code == 303
    assert session.query(ControlSample).one().reported_on is not None
    assert "Carbendazim" in sign_in(world.clerk).get("/kiem-soat").get_data(as_text=True)
    assert sign_in(world.other_clerk).get(made.location).status_code == 404


def test_a_report_is_asked_for_and_fetched_by_those_who_look_after_the_title(
    world: Any, session: Any, sign_in: Any, token_of: Any
) -> None:
    manager, where = sign_in(world.manager), "/kiem-soat/bao-cao"
    form = {
        "csrf_token": token_of(manager, where),
        "idempotency_key": uuid.uuid4().hex,
        "title": str(world.title.id),
        "year": "2026",
    }
    assert manager.post(where, data={**form, "year": "2999"}).status_code == 422
    assert manager.post(where, data=form).status_code == 303
    made = session.query(ControlReport).one()
    pdf, book = manager.get(f"{where}/{made.id}.pdf"), manager.get(f"{where}/{made.id}.xlsx")
    assert (pdf.data[:5], book.data[:2]) == (b"%PDF-", b"PK")
    clerk = sign_in(world.clerk)
    assert clerk.get(f"{where}/{made.id}.pdf").status_code == 404
    assert clerk.post(where, data={**form, "csrf_token": token_of(clerk, "/kiem-soat/tu-kiem-soat")}).status_code == 422
