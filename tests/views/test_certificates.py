"""Certificates on their pages: lists, decisions, and every refusal."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.models.certificates import CertificateStatus, CertificateStatusChange, UseCertificate
from trace.services import certificates

DECISION = {"decision": "suspend", "reason": "Quá hạn khắc phục", "document_number": "12/QĐ-HVM"}


def decide(client: Any, token: str, certificate: Any, **changes: str) -> Any:
    return client.post(
        f"/giay-chung-nhan/{certificate.id}/quyet-dinh", data={**DECISION, "csrf_token": token, **changes}
    )


@pytest.fixture
def manager(world: Any, sign_in: Any, token_of: Any) -> Any:
    client = sign_in(world.manager)
    return client, token_of(client, f"/giay-chung-nhan/{world.certificate.id}")


def status_of(session: Any, certificate: Any) -> CertificateStatus:
    session.expire_all()
    return session.get_one(UseCertificate, certificate.id).status


def test_the_manager_suspends_and_the_page_tells_it(session: Any, world: Any, manager: Any) -> None:
    client, token = manager
    answer = decide(client, token, world.certificate, reason=unicodedata.normalize("NFD", " Quá hạn khắc phục 🍒 "))
    assert answer.status_code == 303
    assert status_of(session, world.certificate) is CertificateStatus.SUSPENDED
    page = client.get(answer.location).get_data(as_text=True)
    assert page.count("Quá hạn khắc phục 🍒") >= 3  # facts, decisions, history
    assert "Người mẫu Quân" in page.split("<aside>")[1]


@pytest.mark.parametrize(
    "changes",
    [{"decision": ""}, {"decision": "burn"}, {"reason": "  "}, {"document_number": ""}, {"reason": "x" * 2001}, {"document_number": "x" * 101}],
)  # fmt: skip
def test_a_decision_with_a_fault_changes_nothing(
    session: Any, world: Any, manager: Any, changes: dict[str, str]
) -> None:
    client, token = manager
    answer = decide(client, token, world.certificate, **changes)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert status_of(session, world.certificate) is CertificateStatus.ACTIVE
    assert factories.count(session, CertificateStatusChange) == 0


def test_all_faults_of_a_decision_come_back_at_once(world: Any, manager: Any) -> None:
    client, token = manager
    page = decide(client, token, world.certificate, decision="", reason="", document_number="").get_data(as_text=True)
    assert page.split('id="errors"')[1].split("</div>")[0].count("<li>") == 3


def test_a_decision_that_is_not_possible_is_a_conflict(world: Any, manager: Any) -> None:
    client, token = manager
    answer = decide(client, token, world.certificate, decision="reinstate", reason="Đã khắc phục")
    assert answer.status_code == 409
    assert "Đã khắc phục" in answer.get_data(as_text=True)


def test_only_those_who_may_decide_are_offered_it(world: Any, sign_in: Any, token_of: Any) -> None:
    where = f"/giay-chung-nhan/{world.certificate.id}"
    assert "/quyet-dinh" in sign_in(world.manager).get(where).get_data(as_text=True)
    clerk = sign_in(world.clerk)
    assert "/quyet-dinh" not in clerk.get(where).get_data(as_text=True)
    assert decide(clerk, token_of(clerk, "/lo/moi"), world.certificate).status_code == 403


def test_another_organisations_certificate_is_not_found(world: Any, sign_in: Any) -> None:
    clerk = sign_in(world.clerk)
    assert clerk.get(f"/giay-chung-nhan/{world.certificate.id}").status_code == 200
    assert clerk.get(f"/giay-chung-nhan/{world.other_certificate.id}").status_code == 404
    assert world.other_certificate.number not in clerk.get("/giay-chung-nhan").get_data(as_text=True)


def test_pages_need_the_permission(world: Any, sign_in: Any, client: Any) -> None:
    assert client.get("/giay-chung-nhan").status_code == 303
    assert sign_in(world.packer).get("/giay-chung-nhan").status_code == 403


def test_the_list_finds_by_number_holder_and_state_without_diacritics(session: Any, world: Any, sign_in: Any) -> None:
    world.other_certificate.valid_during = Range(date(2024, 1, 1), date(2025, 1, 1))
    session.commit()
    client = sign_in(world.manager)

    def numbers(query: str) -> set[str]:
        page = client.get(f"/giay-chung-nhan?{query}").get_data(as_text=True)
        return {number for number in ("MẪU-0001", "MẪU-0002") if f">{number}<" in page}

    assert numbers("") == {"MẪU-0001", "MẪU-0002"}
    assert numbers("q=mau-0001") == {"MẪU-0001"}
    assert numbers("q=thanh khe") == {"MẪU-0002"}
    assert numbers("q=0800000011") == {"MẪU-0001"}
    assert numbers("state=expired") == {"MẪU-0002"}
    assert numbers("state=active") == {"MẪU-0001"}
    assert numbers("q=100%") == set()
    assert numbers("expiring=1") == set()
    assert numbers(f"title={world.title.id}") == {"MẪU-0001", "MẪU-0002"}
    assert numbers(f"title={factories.some_id()}") == set()


def test_a_suspension_changes_the_next_scan_at_once_and_reinstating_changes_it_back(
    session: Any, world: Any, sign_in: Any, token_of: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from tests.conftest import NOW
    from tests.services.test_scanning import CHROME, code_of, issue
    from trace import clock

    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    issue(session, world)
    session.commit()

    def headline() -> str:
        page = client.get(f"/T/{code_of(1)}", headers={"User-Agent": CHROME}).get_data(as_text=True)
        return str(page.split("<h1>")[1].split("</h1>")[0].strip())

    signed = sign_in(world.manager)
    token = token_of(signed, f"/giay-chung-nhan/{world.certificate.id}")
    assert headline() == "Tem hợp lệ"
    decide(signed, token, world.certificate)
    assert headline() == "Đơn vị bị dừng quyền"
    page = client.get(f"/T/{code_of(1)}", headers={"User-Agent": CHROME}).get_data(as_text=True)
    assert (
        f'href="/gcn/{world.certificate.id.hex}"' in page or f'href="/GCN/{world.certificate.id.hex}"' in page
    )  # the answer leads on to the page of the certificate
    decide(signed, token, world.certificate, decision="reinstate")
    assert headline().startswith("Tem hợp lệ")


def test_the_history_of_a_grant_names_its_document_as_that_and_not_as_a_reason(
    session: Any, world: Any, sign_in: Any
) -> None:
    maker = factories.party(session, "Cơ sở mẫu mới")
    area = factories.area(session, world.title, maker, "Khu mẫu mới")
    made = certificates.grant(
        session, title_id=world.title.id, holder_id=maker.id, number="MẪU-77", valid_from=date(2026, 6, 1), valid_until=date(2027, 6, 1),
        area_ids=[area.id], document_number="77/QĐ-MẪU", by=world.manager.id, at=NOW,
    )  # fmt: skip
    session.commit()
    page = sign_in(world.manager).get(f"/giay-chung-nhan/{made.id}").get_data(as_text=True)
    assert "Văn bản quyết định: 77/QĐ-MẪU" in page
    assert "Lý do: 77/QĐ-MẪU" not in page
