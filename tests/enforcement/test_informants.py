"""Promises about the people who reported: sealed, bound to their tip, opened only with a reason on record, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import cases, informants, intake, triage
from enforcement.models import InformantContact, InformantReading, Outcome
from enforcement.transitions import Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.errors import NotFound
from trace.models.history import History
from trace.models.tips import Tip

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
CANARY = "0912 345 678 chim hoàng yến"
WHY = "Hẹn lấy lời khai"


@pytest.fixture
def tip(session: Session, world: factories.World) -> Tip:
    found = desk.tip(session)
    informants.keep(session, found.id, CANARY, key=KEY, at=NOW)
    return found


def test_a_contact_comes_back_only_with_a_reason_that_is_written_first(
    session: Session, world: factories.World, tip: Tip
) -> None:
    assert informants.open_contact(session, tip.id, reason=f" {WHY} ", key=KEY, by=world.custodian.id, at=NOW) == CANARY
    reading = session.scalars(select(InformantReading)).one()
    assert (reading.tip_id, reading.by, reading.at, reading.reason) == (tip.id, world.custodian.id, NOW, WHY)


@pytest.mark.parametrize("reason", ["", "ngắn quá", " " * 30, "xem thử   "])
def test_without_a_real_reason_nothing_is_opened_and_nothing_written(
    session: Session, world: factories.World, tip: Tip, reason: str
) -> None:
    with pytest.raises(informants.ReasonTooShort):
        informants.open_contact(session, tip.id, reason=reason, key=KEY, by=world.custodian.id, at=NOW)
    with pytest.raises(informants.ReasonTooLong):
        informants.open_contact(session, tip.id, reason="x" * 501, key=KEY, by=world.custodian.id, at=NOW)
    assert factories.count(session, InformantReading) == 0


def test_the_database_too_refuses_a_reading_without_a_reason(
    session: Session, world: factories.World, tip: Tip
) -> None:
    session.add(InformantReading(tip_id=tip.id, at=NOW, by=world.custodian.id, reason="x        "))
    with pytest.raises(IntegrityError, match="reason_said"), session.begin_nested():
        session.flush()


def test_a_seal_opens_only_under_its_key_and_for_its_tip(session: Session, world: factories.World, tip: Tip) -> None:
    with pytest.raises(informants.SealBroken):
        informants.open_contact(session, tip.id, reason=WHY, key=OTHER_KEY, by=world.custodian.id, at=NOW)
    other = desk.tip(session)
    sealed = session.get_one(InformantContact, tip.id).sealed
    assert CANARY.encode() not in sealed
    session.add(InformantContact(tip_id=other.id, sealed=sealed, consented_at=NOW))
    session.flush()
    with pytest.raises(informants.SealBroken):
        informants.open_contact(session, other.id, reason=WHY, key=KEY, by=world.custodian.id, at=NOW)


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
        informants.open_contact(session, tip.id, reason=WHY, key=KEY, by=world.custodian.id, at=NOW)


def test_readings_are_listed_latest_first_without_what_was_read(
    session: Session, world: factories.World, tip: Tip
) -> None:
    for n in range(3):
        informants.open_contact(session, tip.id, reason=f"{WHY} lần {n}", key=KEY, by=world.custodian.id, at=NOW)
    read = informants.readings(session, tip.id)
    assert [each.reason for each in read] == [f"{WHY} lần {n}" for n in (2, 1, 0)]
    assert {(each.who, each.tip_number) for each in read} == {("Người mẫu Kín", tip.number)}
    assert CANARY not in repr(read)
    assert len(informants.readings(session, limit=2)) == 2
    assert informants.tip_numbered(session, tip.number.lower()) is tip


def test_the_contact_appears_in_no_table_whatever_becomes_of_the_tip(
    session: Session, world: factories.World, tip: Tip, tmp_path: Path
) -> None:
    from enforcement import law

    law.seed(session)
    signal = intake.from_tip(session, tip, at=NOW)
    informants.open_contact(session, tip.id, reason=WHY, key=KEY, by=world.custodian.id, at=NOW)
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
    informants.open_contact(session, tip.id, reason=WHY, key=KEY, by=world.custodian.id, at=NOW)
    assert informants.withdraw(session, tip.id, at=NOW)
    kept = session.get_one(InformantContact, tip.id)
    assert (kept.sealed, kept.withdrawn_at, kept.consented_at) == (None, NOW, NOW)
    assert not informants.is_kept(session, tip.id)
    with pytest.raises(NotFound):
        informants.open_contact(session, tip.id, reason=WHY, key=KEY, by=world.custodian.id, at=NOW)
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
