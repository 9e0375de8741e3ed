"""Certificates: granting, deciding, who was authorised when, and that a decision changes the next scan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.certificates import CertificateStatus, CertificateStatusChange
from trace.models.titles import TitleKind, TitleRole, TitleRoleKind
from trace.services import certificates, history, ordering
from trace.services.certificates import DECISIONS, Decision, Standing
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()
LATER = NOW + timedelta(hours=1)


def decide(session: Any, world: Any, decision: Decision, **facts: Any) -> Any:
    given = {"reason": "Lý do", "document_number": "01/QĐ", "by": world.manager.id, "at": NOW, "reach": ALL} | facts
    return certificates.decide(session, world.certificate.id, decision, **given)


def grant(session: Any, world: Any, **facts: Any) -> Any:
    given = {
        "title_id": world.title.id, "holder_id": world.packing_house.id, "number": "MẪU-0009", "valid_from": date(2026, 1, 1),
        "valid_until": date(2027, 12, 31), "document_number": "09/QĐ", "by": world.manager.id, "at": NOW,
    } | facts  # fmt: skip
    if not {"area_ids", "site_ids"} & set(facts):
        given["area_ids"] = [factories.area(session, world.title, world.packing_house, "Vùng thứ ba").id]
    return certificates.grant(session, **given)


def reasons(caught: Any) -> set[type]:
    return {type(reason) for reason in caught.value.reasons}


@pytest.mark.parametrize("was", list(CertificateStatus))
@pytest.mark.parametrize("decision", list(Decision))
def test_every_pair_of_state_and_decision(session: Any, world: Any, was: CertificateStatus, decision: Decision) -> None:
    world.certificate.status = was
    world.certificate.status_reason = None if was is CertificateStatus.ACTIVE else "Trước đó"
    session.flush()
    if was in DECISIONS[decision].start:
        assert decide(session, world, decision).status is DECISIONS[decision].becomes
        assert decision in certificates.decisions_for(
            factories.UseCertificate(status=was, valid_during=Range(TODAY, None)), TODAY
        )
    else:
        with pytest.raises(certificates.DecisionNotPossible):
            decide(session, world, decision)
        assert world.certificate.status is was


def test_a_decision_is_written_down_twice_with_who_and_why(session: Any, world: Any) -> None:
    decide(session, world, Decision.SUSPEND, reason="Quá hạn khắc phục")
    change = session.query(CertificateStatusChange).one()
    assert (change.was, change.becomes, change.by, change.reason) == (
        "active",
        "suspended",
        world.manager.id,
        "Quá hạn khắc phục",
    )
    (deed,) = history.of(session, world.certificate.id)
    assert (deed.deed, deed.changes["status"], deed.why) == (
        "certificate:suspend",
        ["active", "suspended"],
        "Quá hạn khắc phục",
    )


def test_reinstating_clears_the_reason(session: Any, world: Any) -> None:
    decide(session, world, Decision.SUSPEND)
    back = decide(session, world, Decision.REINSTATE, at=LATER)
    assert (back.status, back.status_reason, back.status_since) == (CertificateStatus.ACTIVE, None, LATER)


def test_after_expiry_only_revoking_is_possible(session: Any, world: Any) -> None:
    world.certificate.valid_during = Range(date(2024, 1, 1), TODAY)
    session.flush()
    assert certificates.standing(world.certificate, TODAY) is Standing.EXPIRED
    assert certificates.decisions_for(world.certificate, TODAY) == [Decision.REVOKE]
    with pytest.raises(certificates.CertificateExpired):
        decide(session, world, Decision.SUSPEND)
    assert decide(session, world, Decision.REVOKE).status is CertificateStatus.REVOKED


def test_nobody_decides_on_the_own_organisation(session: Any, world: Any) -> None:
    factories.role(session, world.manager, world.cooperative, factories.Role.CLERK, NOW)
    with pytest.raises(certificates.OwnOrganisation):
        decide(session, world, Decision.SUSPEND)


def test_a_decision_needs_reason_document_and_reach(session: Any, world: Any) -> None:
    for missing in ({"reason": " "}, {"document_number": ""}):
        with pytest.raises(certificates.ReasonNeeded):
            decide(session, world, Decision.SUSPEND, **missing)
    with pytest.raises(NotFound):
        decide(session, world, Decision.SUSPEND, reach=Reach(titles=frozenset({factories.some_id()})))


def test_suspension_changes_the_next_scan_and_reinstating_the_one_after(session: Any, world: Any) -> None:
    order = ordering.place(
        session,
        lot_id=world.lot.id,
        quantity=5,
        pack_weight_g=2000,
        layout="a4-24",
        by=world.clerk.id,
        at=NOW,
        reach=ALL,
    )
    session.execute(
        text("UPDATE label_range SET state = 'activated', lot_id = :lot WHERE order_id = :order"),
        {"lot": world.lot.id, "order": order.id},
    )

    def scan(at: datetime) -> str:
        statement = text("SELECT verify_label(:serial, :at, decode(repeat('ab', 12), 'hex'), 'real', 'qr') ->> 'kind'")
        return str(session.scalar(statement, {"serial": order.serials.lower, "at": at}))

    assert scan(NOW) == "valid"
    decide(session, world, Decision.SUSPEND, at=LATER)
    assert scan(LATER) == "holder_suspended"
    decide(session, world, Decision.REINSTATE, at=LATER + timedelta(hours=1))
    assert scan(LATER + timedelta(hours=2)) == "valid"


def test_who_was_authorised_on_a_past_day_is_read_from_the_decisions(session: Any, world: Any) -> None:
    granted = grant(session, world, at=datetime(2026, 3, 1, 3, tzinfo=UTC))
    for decision, day in ((Decision.SUSPEND, 10), (Decision.REINSTATE, 20)):
        certificates.decide(
            session, granted.id, decision, reason="x", document_number="y", by=world.manager.id,
            at=datetime(2026, 3, day, 3, tzinfo=UTC), reach=ALL,
        )  # fmt: skip

    def holds(day: date) -> bool:
        return world.packing_house.id in {
            party.id for party, _ in certificates.holders_on(session, world.title.id, as_of=day)
        }

    assert [holds(date(2026, 3, day)) for day in (9, 10, 19, 20)] == [True, False, False, True]
    assert not holds(date(2026, 2, 28))
    assert not holds(date(2028, 1, 1))


def test_the_owner_of_a_certification_mark_cannot_hold_a_certificate_of_it(session: Any, world: Any) -> None:
    world.title.kind = TitleKind.CERTIFICATION_MARK
    session.add(
        TitleRole(
            title_id=world.title.id, party_id=world.packing_house.id, role=TitleRoleKind.OWNER, deciding_document="QĐ",
            valid_during=Range(date(2020, 1, 1), date(2026, 7, 1)),
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(Refused) as caught:
        grant(session, world)
    assert reasons(caught) == {certificates.titles.OwnerCannotHold}
    world.title.kind = TitleKind.COLLECTIVE_MARK
    session.flush()
    assert (
        grant(
            session, world, area_ids=[factories.area(session, world.title, world.packing_house, "Vùng khác").id]
        ).number
        == "MẪU-0009"
    )


def test_granting_refuses_with_every_reason_at_once(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as caught:
        grant(session, world, valid_until=date(2025, 1, 1), area_ids=[world.area.id])
    assert reasons(caught) == {certificates.OutsideTitleLife, certificates.SourceOfAnother}
    with pytest.raises(Refused) as caught:
        grant(session, world, area_ids=[])
    assert reasons(caught) == {certificates.NothingCovered}


def test_numbers_are_unique_and_live_certificates_do_not_overlap(session: Any, world: Any) -> None:
    with pytest.raises(certificates.NumberTaken):
        grant(session, world, number="MẪU-0001")
    with pytest.raises(certificates.AlreadyHeld):
        grant(session, world, holder_id=world.cooperative.id, area_ids=[world.area.id])


def test_the_list_agrees_with_the_standing_of_each_certificate(session: Any, world: Any) -> None:
    world.other_certificate.valid_during = Range(TODAY + timedelta(days=1), TODAY + timedelta(days=90))
    session.flush()
    for certificate in (world.certificate, world.other_certificate):
        state = certificates.standing(certificate, TODAY)
        page = certificates.listing(session, reach=ALL, on=TODAY, state=state)
        assert certificate in page.rows
        assert page.total == 1
    assert certificates.standing(world.other_certificate, TODAY) is Standing.NOT_YET
