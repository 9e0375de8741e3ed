"""Promises about the people who reported: sealed, bound to their tip, opened only with a reason on record, and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import cases, informants, intake, triage
from enforcement.models import InformantContact, InformantOpening, InformantReading, Outcome
from enforcement.transitions import Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.errors import NotFound
from trace.models.history import History
from trace.models.parties import AppUser
from trace.models.tips import Tip

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
CANARY = "0912 345 678 chim hoàng yến"
WHY = "Hẹn lấy lời khai"


def agreed(session: Session, world: factories.World, tip: Tip, *, reason: str = WHY, at: datetime = NOW) -> UUID:
    """A wish of the custodian to which the head of the branch has agreed."""
    wish = informants.ask(session, tip.id, reason=reason, by=world.custodian.id, at=at)
    informants.answer(session, wish.id, agree=True, by=world.branch_head.id, at=at)
    return wish.id


def read(session: Session, world: factories.World, tip: Tip, *, reason: str = WHY, key: bytes = KEY) -> str:
    """The contact, after two persons have done their part."""
    wish_id = agreed(session, world, tip, reason=reason)
    return informants.open_contact(session, wish_id, key=key, by=world.custodian.id, at=NOW)


@pytest.fixture
def tip(session: Session, world: factories.World) -> Tip:
    found = desk.tip(session)
    informants.keep(session, found.id, CANARY, key=KEY, at=NOW)
    return found


def test_a_contact_comes_back_only_with_a_reason_that_is_written_first(
    session: Session, world: factories.World, tip: Tip
) -> None:
    assert read(session, world, tip, reason=f" {WHY} ") == CANARY
    reading = session.scalars(select(InformantReading)).one()
    assert (reading.tip_id, reading.by, reading.at, reading.reason) == (tip.id, world.custodian.id, NOW, WHY)


@pytest.mark.parametrize("reason", ["", "ngắn quá", " " * 30, "xem thử   "])
def test_without_a_real_reason_nothing_is_opened_and_nothing_written(
    session: Session, world: factories.World, tip: Tip, reason: str
) -> None:
    with pytest.raises(informants.ReasonTooShort):
        informants.ask(session, tip.id, reason=reason, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.ReasonTooLong):
        informants.ask(session, tip.id, reason="x" * 501, by=world.custodian.id, at=NOW)
    assert factories.count(session, InformantOpening) == 0


def test_the_database_too_refuses_a_reading_without_a_reason(
    session: Session, world: factories.World, tip: Tip
) -> None:
    wish_id = agreed(session, world, tip)
    session.add(InformantReading(tip_id=tip.id, at=NOW, by=world.custodian.id, reason="x        ", opening_id=wish_id))
    with pytest.raises(IntegrityError, match="reason_said"), session.begin_nested():
        session.flush()


def test_a_seal_opens_only_under_its_key_and_for_its_tip(session: Session, world: factories.World, tip: Tip) -> None:
    with pytest.raises(informants.SealBroken):
        read(session, world, tip, key=OTHER_KEY)
    other = desk.tip(session)
    sealed = session.get_one(InformantContact, tip.id).sealed
    assert CANARY.encode() not in sealed
    session.add(InformantContact(tip_id=other.id, sealed=sealed, consented_at=NOW))
    session.flush()
    with pytest.raises(informants.SealBroken):
        read(session, world, other)


def test_two_seals_of_one_contact_differ(session: Session, world: factories.World, tip: Tip) -> None:
    before = session.get_one(InformantContact, tip.id).sealed
    informants.keep(session, tip.id, CANARY, key=KEY, at=NOW)
    assert session.get_one(InformantContact, tip.id).sealed != before
    assert factories.count(session, InformantContact) == 1


@pytest.mark.parametrize("contact", ["", "   ", "x" * 201])
def test_an_unusable_contact_is_refused(session: Session, world: factories.World, contact: str) -> None:
    with pytest.raises(informants.ContactUnusable):
        informants.keep(session, desk.tip(session).id, contact, key=KEY, at=NOW)


def test_a_tip_without_contact_has_nothing_to_open(session: Session, world: factories.World) -> None:
    tip = desk.tip(session)
    assert not informants.is_kept(session, tip.id)
    with pytest.raises(NotFound):
        informants.ask(session, tip.id, reason=WHY, by=world.custodian.id, at=NOW)


def test_readings_are_listed_latest_first_without_what_was_read(
    session: Session, world: factories.World, tip: Tip
) -> None:
    for n in range(3):
        read(session, world, tip, reason=f"{WHY} lần {n}")
    found = informants.readings(session, tip.id)
    assert [each.reason for each in found] == [f"{WHY} lần {n}" for n in (2, 1, 0)]
    assert {(each.who, each.tip_number) for each in found} == {("Người mẫu Kín", tip.number)}
    assert CANARY not in repr(found)
    assert len(informants.readings(session, size=2)) == 2
    assert informants.tip_numbered(session, tip.number.lower()) is tip


def test_the_contact_appears_in_no_table_whatever_becomes_of_the_tip(
    session: Session, world: factories.World, tip: Tip, tmp_path: Path
) -> None:
    from enforcement import law

    law.seed(session)
    signal = intake.from_tip(session, tip, at=NOW)
    read(session, world, tip)
    case = triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    desk.walk(session, case, Move.PROPOSE_INSPECTION, by=world.officer.id)
    cases.note(session, case.id, "đã hỏi", by=world.officer.id, at=NOW)
    triage.reject(
        session, desk.signal(session).id, reason="x", outcome=Outcome.UNDETERMINED, by=world.officer.id, at=NOW
    )
    looked = 0
    tables = inspect(session.connection())
    for schema in ("public", "enforcement", "informant"):
        for table in tables.get_table_names(schema=schema):
            rows = session.execute(text(f'SELECT t::text FROM "{schema}"."{table}" t')).scalars().all()
            looked += len(rows)
            for row in rows:
                assert CANARY not in row, f"{schema}.{table}"
                assert CANARY.encode().hex() not in row, f"{schema}.{table}"
    assert looked > 50


def test_a_contact_taken_back_is_gone_for_everybody_and_that_is_on_record(
    session: Session, world: factories.World, tip: Tip
) -> None:
    read(session, world, tip)
    late = agreed(session, world, tip)
    assert informants.withdraw(session, tip.id, at=NOW)
    kept = session.get_one(InformantContact, tip.id)
    assert (kept.sealed, kept.withdrawn_at, kept.consented_at) == (None, NOW, NOW)
    assert not informants.is_kept(session, tip.id)
    with pytest.raises(NotFound):
        informants.open_contact(session, late, key=KEY, by=world.custodian.id, at=NOW)
    with pytest.raises(NotFound):
        informants.ask(session, tip.id, reason=WHY, by=world.custodian.id, at=NOW)
    deeds = session.scalars(select(History.deed).where(History.subject_id == tip.id, History.by.is_(None)))
    assert "tip:withdraw_contact" in deeds.all()
    assert len(informants.readings(session, tip.id)) == 1, "who had read it before stays on record"
    assert not informants.withdraw(session, tip.id, at=NOW)


def test_a_new_master_key_passes_over_what_was_taken_back(session: Session, tip: Tip) -> None:
    informants.withdraw(session, tip.id, at=NOW)
    assert informants.reseal(session, old=KEY, new=OTHER_KEY) == 0
    assert informants.open_all(session, key=OTHER_KEY) == 0


def test_consent_given_anew_after_it_was_taken_back_counts(session: Session, tip: Tip) -> None:
    informants.withdraw(session, tip.id, at=NOW)
    informants.keep(session, tip.id, "0911 111 111", key=KEY, at=NOW)
    assert informants.is_kept(session, tip.id)
    assert informants.withdrawn_at(session, tip.id) is None


def test_nobody_reads_alone(session: Session, world: factories.World, tip: Tip) -> None:
    wish = informants.ask(session, tip.id, reason=WHY, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.NotAgreed):
        informants.open_contact(session, wish.id, key=KEY, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.OwnWish):
        informants.answer(session, wish.id, agree=True, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.AlreadyAsked, match="waits"):
        informants.ask(session, tip.id, reason=WHY, by=world.officer.id, at=NOW)
    informants.answer(session, wish.id, agree=True, by=world.branch_head.id, at=NOW)
    with pytest.raises(NotFound):
        informants.open_contact(session, wish.id, key=KEY, by=world.branch_head.id, at=NOW)
    assert factories.count(session, InformantReading) == 0
    assert informants.open_contact(session, wish.id, key=KEY, by=world.custodian.id, at=NOW) == CANARY


def test_an_agreement_is_for_one_reading_within_a_day(session: Session, world: factories.World, tip: Tip) -> None:
    wish_id = agreed(session, world, tip)
    assert informants.open_contact(session, wish_id, key=KEY, by=world.custodian.id, at=NOW) == CANARY
    with pytest.raises(informants.AgreementUsedUp):
        informants.open_contact(session, wish_id, key=KEY, by=world.custodian.id, at=NOW)
    late = agreed(session, world, tip)
    with pytest.raises(informants.AgreementUsedUp):
        informants.open_contact(session, late, key=KEY, by=world.custodian.id, at=NOW + timedelta(hours=24, seconds=1))
    assert factories.count(session, InformantReading) == 1


def test_a_refusal_has_a_reason_and_is_final(session: Session, world: factories.World, tip: Tip) -> None:
    wish = informants.ask(session, tip.id, reason=WHY, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.ReasonTooShort):
        informants.answer(session, wish.id, agree=False, because="không", by=world.branch_head.id, at=NOW)
    session.refresh(wish)
    assert wish.decided_at is None, "a refusal without a reason is no answer"
    informants.answer(session, wish.id, agree=False, because="Chưa cần gặp người báo", by=world.branch_head.id, at=NOW)
    with pytest.raises(informants.WishAnswered):
        informants.answer(session, wish.id, agree=True, by=world.branch_head.id, at=NOW)
    with pytest.raises(informants.NotAgreed):
        informants.open_contact(session, wish.id, key=KEY, by=world.custodian.id, at=NOW)
    found = informants.wishes(session, tip_id=tip.id)
    assert [(each.asker, each.decider, each.opening.agreed) for each in found] == [
        ("Người mẫu Kín", session.get_one(AppUser, world.branch_head.id).full_name, False)
    ]


def test_the_database_too_wants_two_persons(session: Session, world: factories.World, tip: Tip) -> None:
    wish = informants.ask(session, tip.id, reason=WHY, by=world.custodian.id, at=NOW)
    with pytest.raises(IntegrityError, match="two_persons"), session.begin_nested():
        session.execute(update(InformantOpening).values(agreed=True, decided_at=NOW, decided_by=world.custodian.id))
    for opening_id in (None, wish.id):
        with pytest.raises(IntegrityError, match="agreement of another person"), session.begin_nested():
            session.execute(
                insert(InformantReading).values(
                    tip_id=tip.id, at=NOW, by=world.custodian.id, reason=WHY, opening_id=opening_id
                )
            )
    agreed_id = wish.id
    informants.answer(session, agreed_id, agree=True, by=world.branch_head.id, at=NOW)
    for by, at in ((world.officer.id, NOW), (world.custodian.id, NOW + timedelta(hours=25))):
        with pytest.raises(IntegrityError, match="agreement of another person"), session.begin_nested():
            session.execute(
                insert(InformantReading).values(tip_id=tip.id, at=at, by=by, reason=WHY, opening_id=agreed_id)
            )
    for change in ({"reason": "một lý do khác hẳn"}, {"agreed": False}, {"asked_by": world.officer.id}):
        with pytest.raises(IntegrityError, match="never rewritten"), session.begin_nested():
            session.execute(update(InformantOpening).values(change))
    with pytest.raises(IntegrityError, match="never rewritten"), session.begin_nested():
        session.execute(delete(InformantOpening))
