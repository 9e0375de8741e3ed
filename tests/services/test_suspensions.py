"""The system proposes to suspend, a person decides; nothing is proposed twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import NOW
from trace.models.certificates import CertificateStatus
from trace.models.control_papers import ProposalState, SuspensionGround, SuspensionProposal
from trace.models.controls import ControlLevel, Nonconformity
from trace.models.parties import Role
from trace.services import certificates, controls, suspensions
from trace.services.reach import Reach

ALL = Reach(everything=True)


def grounds(session: Any) -> list[SuspensionGround]:
    return sorted(row.ground for row in session.query(SuspensionProposal))


def failed(session: Any, world: Any, code: str, ago: int = 0, **where: Any) -> None:
    at = NOW - timedelta(days=ago)
    factories.visited(session, world.controller, at, fails={code: "Thấy"}, **{"area_id": world.area.id, **where})


def test_one_major_finding_proposes_nothing_and_a_second_within_a_year_does(session: Any, world: Any) -> None:
    failed(session, world, "KS-02", ago=364)
    failed(session, world, "KS-04", ago=20)  # a minor one repeats nothing
    assert grounds(session) == []
    failed(session, world, "KS-02")
    assert grounds(session) == [SuspensionGround.REPEATED_MAJOR]


def test_after_a_year_a_major_finding_is_a_first_one_again(session: Any, world: Any) -> None:
    failed(session, world, "KS-02", ago=366)
    failed(session, world, "KS-02")
    assert grounds(session) == []


def test_overdue_corrections_are_proposed_once_and_not_while_they_wait_for_us(session: Any, world: Any) -> None:
    failed(session, world, "KS-02", ago=60)
    failed(session, world, "KS-04", ago=59)
    reported = session.query(Nonconformity).filter(Nonconformity.severity == "minor").one()
    controls.answer(session, reported.id, text="Đã làm", by=world.clerk.id, at=NOW, reach=ALL)
    assert suspensions.propose_overdue(session, at=NOW) == 1
    assert suspensions.propose_overdue(session, at=NOW) == 0
    assert grounds(session) == [SuspensionGround.OVERDUE]


def test_without_an_active_certificate_there_is_nothing_to_suspend(session: Any, world: Any) -> None:
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "Đang đình chỉ"
    failed(session, world, "KS-03")
    assert grounds(session) == []


@pytest.fixture
def proposal(session: Any, world: Any) -> Any:
    failed(session, world, "KS-03", level=ControlLevel.EXTERNAL)
    return session.query(SuspensionProposal).one()


def test_accepting_suspends_through_the_certificates_own_decision(session: Any, world: Any, proposal: Any) -> None:
    suspensions.accept(
        session,
        proposal.id,
        reason="Thuốc ngoài danh mục",
        document_number="01/QĐ-MẪU",
        by=world.manager.id,
        at=NOW,
        reach=ALL,
    )
    assert (world.certificate.status, proposal.state, proposal.decided_by) == (
        CertificateStatus.SUSPENDED, ProposalState.ACCEPTED, world.manager.id,
    )  # fmt: skip
    (change, _name) = certificates.status_changes(session, world.certificate.id)[0]
    assert change.document_number == "01/QĐ-MẪU"
    with pytest.raises(suspensions.DecidedAlready):
        suspensions.dismiss(session, proposal.id, reason="Thôi", by=world.manager.id, at=NOW, reach=ALL)


def test_dismissing_needs_a_reason_and_nobody_of_the_holder(session: Any, world: Any, proposal: Any) -> None:
    with pytest.raises(suspensions.DismissalReasonMissing):
        suspensions.dismiss(session, proposal.id, reason=" ", by=world.manager.id, at=NOW, reach=ALL)
    factories.role(session, world.certifier, world.cooperative, Role.PACKER, NOW)
    with pytest.raises(certificates.OwnOrganisation):
        suspensions.dismiss(session, proposal.id, reason="Quen", by=world.certifier.id, at=NOW, reach=ALL)
    suspensions.dismiss(session, proposal.id, reason="Đã khắc phục ngay", by=world.manager.id, at=NOW, reach=ALL)
    assert (world.certificate.status, proposal.state) == (CertificateStatus.ACTIVE, ProposalState.DISMISSED)
    assert suspensions.listing(session, reach=ALL)[1] == 0
