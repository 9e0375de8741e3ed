"""Who is what to a title: successors in one deed, nothing overwritten, and no owner that certifies its own goods."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import Refused, broken_constraint
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.parties import PartyKind
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole, TitleRoleKind
from trace.services import certificates, history, title_parties, titles
from trace.services.reach import Reach

ALL = Reach(everything=True)


def add(
    session: Any, world: Any, party: Any, role: TitleRoleKind, since: date = date(2021, 1, 1), **more: Any
) -> TitleRole:
    given = {"until": None, "document": "QĐ mẫu 2", "title_id": world.title.id, **more}
    return title_parties.add(
        session, given.pop("title_id"), role=role, party_id=party.id, since=since, by=world.manager.id, at=NOW, reach=ALL, **given,
    )  # fmt: skip


def managed_on(session: Any, title: ProtectionTitle, day: date) -> list[str]:
    found = titles.parties_on(session, title.id, as_of=day)
    return [role.party.name for role in found if role.role is TitleRoleKind.MANAGING_BODY]


def present_role(session: Any, world: Any) -> TitleRole:
    return next(r for r in titles.parties_ever(session, world.title.id) if r.role is TitleRoleKind.MANAGING_BODY)


def test_a_successor_takes_over_in_one_deed_and_the_predecessor_stays(session: Any, world: Any) -> None:
    heir = factories.party(session, "Sở mẫu", PartyKind.AUTHORITY)
    before = present_role(session, world)
    title_parties.succeed(
        session,
        before.id,
        party_id=heir.id,
        since=date(2025, 7, 1),
        document="QĐ mẫu 25",
        by=world.manager.id,
        at=NOW,
        reach=ALL,
    )
    assert managed_on(session, world.title, date(2025, 6, 30)) == ["Hội sản xuất vải mẫu"]
    assert managed_on(session, world.title, date(2025, 7, 1)) == ["Sở mẫu"]
    session.refresh(before)
    assert (before.deciding_document, before.ending_document) == ("Quyết định mẫu 01", "QĐ mẫu 25")
    deed = history.of(session, world.title.id)[0]
    assert (deed.deed, deed.changes["managing_body"]) == ("title:succeed", ["Hội sản xuất vải mẫu", "Sở mẫu"])
    with pytest.raises(title_parties.RoleEnded):
        title_parties.end(
            session, before.id, last_day=date(2026, 1, 1), document="QĐ", by=world.manager.id, at=NOW, reach=ALL
        )


def test_a_role_is_never_overwritten_whoever_asks(session: Any, world: Any) -> None:
    role = present_role(session, world)
    for change in (
        {"deciding_document": "khác"}, {"party_id": world.authority.id}, {"valid_during": Range(date(2019, 1, 1), None)},
    ):  # fmt: skip
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.execute(update(TitleRole).where(TitleRole.id == role.id).values(**change))
        assert broken_constraint(refused.value) == "title_role_kept"
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text("DELETE FROM title_role"))


def test_one_managing_body_at_a_time_and_dates_in_order(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        add(session, world, world.authority, TitleRoleKind.MANAGING_BODY)
    assert isinstance(refused.value.reasons[0], title_parties.RoleHeld)
    with pytest.raises(Refused) as refused:
        add(session, world, world.authority, TitleRoleKind.CONTROL_BODY, until=date(2020, 1, 1))
    assert isinstance(refused.value.reasons[0], title_parties.EndBeforeStart)
    add(session, world, world.authority, TitleRoleKind.CONTROL_BODY)
    add(session, world, world.managing_body, TitleRoleKind.CONTROL_BODY)


def test_the_owner_of_an_indication_is_the_state(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        add(session, world, world.authority, TitleRoleKind.OWNER)
    assert isinstance(refused.value.reasons[0], title_parties.OwnerOfIndication)
    add(session, world, factories.party(session, "Nhà nước", PartyKind.STATE), TitleRoleKind.OWNER)


@pytest.fixture
def certification_mark(session: Any, world: Any) -> ProtectionTitle:
    world.title.kind = TitleKind.CERTIFICATION_MARK
    session.flush()
    return world.title


def test_a_holder_does_not_become_owner_of_a_certification_mark(
    session: Any, world: Any, certification_mark: Any
) -> None:
    with pytest.raises(Refused) as refused:
        add(session, world, world.cooperative, TitleRoleKind.OWNER)
    (reason,) = refused.value.reasons
    assert isinstance(reason, title_parties.OwnerHolds)
    assert reason.facts["name"] == world.cooperative.name
    # Before the certificate began it was free to own the mark.
    add(session, world, world.cooperative, TitleRoleKind.OWNER, date(2010, 1, 1), until=date(2012, 1, 1))


def test_an_owner_to_be_gets_no_certificate_of_the_mark(session: Any, world: Any, certification_mark: Any) -> None:
    """The service looks at the first day; that the owner comes later in the period is seen by the database."""
    maker = factories.party(session, "Cơ sở mẫu")
    area = factories.area(session, world.title, maker, "Khu mẫu")
    add(session, world, maker, TitleRoleKind.OWNER, date(2027, 1, 1))
    with pytest.raises(titles.OwnerCannotHold):
        certificates.grant(
            session, title_id=world.title.id, holder_id=maker.id, number="MẪU-9", valid_from=date(2026, 6, 1),
            valid_until=date(2028, 1, 1), area_ids=[area.id], document_number="QĐ", by=world.manager.id, at=NOW,
        )  # fmt: skip


def test_the_database_holds_the_rule_when_the_kind_changes_or_a_row_is_forced_in(session: Any, world: Any) -> None:
    world.title.kind = TitleKind.COLLECTIVE_MARK
    session.flush()
    add(session, world, world.cooperative, TitleRoleKind.OWNER)
    with pytest.raises(IntegrityError) as refused, session.begin_nested():
        session.execute(text("UPDATE protection_title SET kind = 'certification_mark'"))
    assert broken_constraint(refused.value) == "owner_cannot_hold"
    held = UseCertificate.id == world.certificate.id
    session.execute(
        update(UseCertificate).where(held).values(status=CertificateStatus.GIVEN_UP, status_reason="thôi dùng")
    )
    session.execute(text("UPDATE protection_title SET kind = 'certification_mark'"))
    with pytest.raises(IntegrityError) as refused, session.begin_nested():
        session.execute(update(UseCertificate).where(held).values(status=CertificateStatus.ACTIVE))
    assert broken_constraint(refused.value) == "owner_cannot_hold"


def test_an_organisation_is_entered_once(session: Any, world: Any) -> None:
    title_parties.record_party(session, name="Viện mẫu", kind=PartyKind.AUTHORITY, by=world.manager.id, at=NOW)
    with pytest.raises(Refused) as refused:
        title_parties.record_party(session, name="viện mẫu", kind=PartyKind.COMPANY, by=world.manager.id, at=NOW)
    assert isinstance(refused.value.reasons[0], title_parties.PartyThere)
