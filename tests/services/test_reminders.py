"""Renewal reminders: each title by its own regulation, once a period, on the home page and by letter until the work is done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.mailbox import Box, box, server
from trace import jobs
from trace.models.applications import Application, ApplicationState, RenewalLetter, RenewalReminder
from trace.models.incidents import Incident, IncidentKind
from trace.models.parties import AppUser
from trace.models.titles import UseRegulation
from trace.services import certificates, mail_addresses, reminders, rules
from trace.services.reach import Reach

__all__ = ["box", "server"]
ALL = Reach(everything=True)
TODAY = NOW.date()


def ends_in(days: int, *held: Any) -> None:
    for certificate in held:
        certificate.valid_during = Range(TODAY - timedelta(days=300), TODAY + timedelta(days=days))


def regulate(session: Any, title: Any, days: int) -> None:
    regulation = session.scalars(select(UseRegulation).where(UseRegulation.title_id == title.id)).one()
    regulation.rules = rules.kept(rules.Rules(renew_before_days=days))
    session.flush()


def expiring(session: Any) -> set[str]:
    found = certificates.listing(session, reach=ALL, on=TODAY, expiring=True).rows
    return {each.number for each in found}


def reminded(session: Any) -> set[str]:
    return {each.certificate.number for each in reminders.waiting(session, reach=ALL, on=TODAY)}


@pytest.mark.parametrize(
    ("window", "days", "due"), [(60, 60, True), (60, 61, False), (90, 61, True), (30, 31, False), (30, 30, True)]
)
def test_who_is_reminded_and_who_is_listed_follows_the_regulation_of_the_title(
    session: Any, world: Any, window: int, days: int, *, due: bool
) -> None:
    regulate(session, world.title, window)
    ends_in(days, world.certificate)
    session.flush()
    assert reminders.remind(session, NOW) == due
    assert expiring(session) == reminded(session) == ({world.certificate.number} if due else set())


def writes_by_mail(user: Any, login: str) -> None:
    user.login = login


def test_a_letter_goes_to_clerk_and_managing_body_and_is_tried_again_until_it_is_taken(
    session: Any, world: Any
) -> None:
    writes_by_mail(world.clerk, "thu.ky@htx.mau.test")
    writes_by_mail(world.manager, "quan.ly@mau.test")
    ends_in(20, world.certificate)
    session.flush()
    reminders.remind(session, NOW)
    both = reminders.letters(session, at=NOW, host="temthat.test")
    assert [letter.to for letter in both] == ["quan.ly@mau.test", "thu.ky@htx.mau.test"]
    for letter in both:
        assert world.certificate.number in letter.subject
        assert f"https://temthat.test/giay-chung-nhan/{world.certificate.id}" in letter.text
    reminders.mailed(session, both[0].key, at=NOW)
    assert reminders.letters(session, at=NOW + timedelta(minutes=9), host="x") == [], "it waits after a try"
    assert len(reminders.letters(session, at=NOW + timedelta(minutes=10), host="x")) == 1
    assert reminders.letters(session, at=NOW + timedelta(minutes=29), host="x") == [], "and longer after the second"
    (again,) = reminders.letters(session, at=NOW + timedelta(minutes=30), host="x")
    assert again.to == "thu.ky@htx.mau.test"
    reminders.mailed(session, again.key, at=NOW)
    assert reminders.letters(session, at=NOW + timedelta(days=3), host="x") == []


def test_no_letter_where_nobody_has_an_address_or_the_renewal_is_under_way(session: Any, world: Any) -> None:
    ends_in(20, world.certificate)
    session.flush()
    reminders.remind(session, NOW)
    assert reminders.letters(session, at=NOW, host="x") == []
    row = session.scalars(select(RenewalReminder)).one()
    assert row.mail_due_at is None
    row.mail_due_at = NOW
    writes_by_mail(world.clerk, "thu.ky@htx.mau.test")
    session.add(
        Application(
            title_id=world.title.id, applicant_id=world.cooperative.id, renews_id=world.certificate.id, state=ApplicationState.DRAFT,
            started_at=NOW, started_by=world.clerk.id,
        )
    )  # fmt: skip
    session.flush()
    assert reminders.letters(session, at=NOW, host="x") == []


def test_a_letter_is_given_up_after_so_many_tries(session: Any, world: Any) -> None:
    writes_by_mail(world.clerk, "thu.ky@htx.mau.test")
    ends_in(50, world.certificate)
    session.flush()
    reminders.remind(session, NOW)
    tries = []
    for day in range(40):
        for letter in reminders.letters(session, at=NOW + timedelta(days=day), host="x"):
            tries.append(letter.last)
            if letter.last:
                reminders.given_up(session, letter.key, at=NOW)
    assert tries == [False] * (reminders.MOST_TRIES - 1) + [True]


def test_people_behind_one_address_get_one_letter_and_whoever_is_gone_gets_none(session: Session, world: Any) -> None:
    writes_by_mail(world.clerk, CLERK)
    shared = mail_addresses.ask(session, world.manager.id, CLERK, by=world.manager.id, at=NOW)
    (link,) = mail_addresses.letters(session, at=NOW, host="x")
    mail_addresses.confirm(session, link.text.rpartition("/xac-nhan/")[2].split()[0], user_id=world.manager.id, at=NOW)
    assert shared.confirmed_at == NOW
    ends_in(20, world.certificate)
    session.flush()
    reminders.remind(session, NOW)
    assert [each.to for each in reminders.letters(session, at=NOW, host="x")] == [CLERK]
    world.clerk.closed_at = world.manager.closed_at = NOW
    session.flush()
    assert reminders.letters(session, at=NOW + timedelta(days=1), host="x") == []
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.LETTER_UNDELIVERED], "nobody was told of it"


@pytest.mark.committed
def test_the_job_hands_letters_to_the_server_once_and_again_only_if_it_was_down(
    committed: Any, tmp_path: Any, server: str, box: Box
) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        writes_by_mail(world.clerk, "thu.ky@htx.mau.test")
        ends_in(20, world.certificate, world.other_certificate)
        session.flush()
        reminders.remind(session, NOW)
        session.commit()
    config = replace(config_for(str(committed.url), tmp_path), smtp_url=server)

    def run(at: Any) -> int:
        return jobs.post_letters(committed, config, now=lambda: at)

    assert jobs.post_letters(committed, replace(config, smtp_url=""), now=lambda: NOW) == 0
    box.broken = True
    assert run(NOW) == 0
    box.broken = False
    assert run(NOW + timedelta(minutes=1)) == 0, "not yet again"
    assert run(NOW + timedelta(hours=1)) == 1, "one of the two certificates has a clerk with an address"
    assert run(NOW + timedelta(days=2)) == 0
    (taken,) = box.taken
    assert taken.rcpt_tos == ["thu.ky@htx.mau.test"]
    assert taken.mail_from == "tem-that@TEMTHAT.TEST"
    with Session(committed) as session:
        assert session.scalar(select(func.count(RenewalReminder.id)).where(RenewalReminder.mailed_at.is_not(None))) == 1
        assert session.scalar(select(AppUser.login).where(AppUser.login.like("%htx%"))) == "thu.ky@htx.mau.test"


CLERK, MANAGER = "thu.ky@htx.mau.test", "quan.ly@mau.test"


@pytest.fixture
def two_readers(committed: Any) -> Any:
    """A reminder that is due, of which two people are told by letter."""
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        writes_by_mail(world.clerk, CLERK)
        writes_by_mail(world.manager, MANAGER)
        ends_in(20, world.certificate)
        session.flush()
        reminders.remind(session, NOW)
        session.commit()
    return committed


def posting_days(engine: Any, config: Any, *days: float) -> list[int]:
    return [jobs.post_letters(engine, config, now=lambda at=NOW + timedelta(days=day): at) for day in days]


def told(engine: Any) -> list[tuple[str, int]]:
    with Session(engine) as session:
        return [(kind.value, tries) for kind, tries in session.execute(select(Incident.kind, Incident.tries))]


@pytest.mark.committed
def test_whom_the_server_puts_off_gets_the_letter_later_and_nobody_gets_it_twice(
    two_readers: Any, tmp_path: Any, server: str, box: Box
) -> None:
    config = replace(config_for(str(two_readers.url), tmp_path), smtp_url=server)
    box.put_off = {MANAGER}
    posting_days(two_readers, config, 0, 1)
    assert box.readers() == [CLERK]
    box.put_off = set()
    posting_days(two_readers, config, 2, 3, 4)
    assert box.readers() == [MANAGER, CLERK]
    assert told(two_readers) == []


@pytest.mark.committed
def test_each_gets_one_letter_however_many_workers(two_readers: Any, tmp_path: Any, server: str, box: Box) -> None:
    config = replace(config_for(str(two_readers.url), tmp_path), smtp_url=server)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _n: sum(posting_days(two_readers, config, 0)), range(4))) == 2
    posting_days(two_readers, config, 1)
    assert box.readers() == [MANAGER, CLERK]


@pytest.mark.committed
def test_whom_the_server_refuses_for_good_is_not_tried_again_and_the_other_has_the_letter(
    two_readers: Any, tmp_path: Any, server: str, box: Box
) -> None:
    config = replace(config_for(str(two_readers.url), tmp_path), smtp_url=server)
    box.refused = {MANAGER}
    posting_days(two_readers, config, 0)
    box.refused = set()
    posting_days(two_readers, config, 1, 2)
    assert box.readers() == [CLERK]
    assert told(two_readers) == [], "somebody knows of the renewal"


@pytest.mark.committed
def test_a_letter_that_nobody_will_ever_get_is_given_up_and_told_to_the_administrator_once(
    two_readers: Any, tmp_path: Any, server: str, box: Box
) -> None:
    config = replace(config_for(str(two_readers.url), tmp_path), smtp_url=server)
    box.refused, box.put_off = {CLERK}, {MANAGER}
    posting_days(two_readers, config, 0)
    assert told(two_readers) == [], "the other may still get it"
    box.refused = {CLERK, MANAGER}
    posting_days(two_readers, config, 1)
    assert told(two_readers) == [("letter_undelivered", 1)]
    box.refused = set()
    assert posting_days(two_readers, config, 2, 3, 30) == [0, 0, 0]
    assert box.taken == []
    assert told(two_readers) == [("letter_undelivered", 1)]


@pytest.mark.committed
def test_the_administrator_hears_of_a_letter_that_was_tried_in_vain_to_the_last(
    two_readers: Any, tmp_path: Any, server: str, box: Box
) -> None:
    config = replace(config_for(str(two_readers.url), tmp_path), smtp_url=server)
    box.broken = True
    posting_days(two_readers, config, *range(reminders.MOST_TRIES - 1))
    assert told(two_readers) == []
    posting_days(two_readers, config, 9)
    assert told(two_readers) == [("letter_undelivered", 1)], "one renewal, however many were to read of it"
    box.broken = False
    posting_days(two_readers, config, 12)
    assert box.taken == []


def test_the_letter_to_a_shared_address_outlives_whoever_stood_for_it(session: Session, world: Any) -> None:
    writes_by_mail(world.clerk, CLERK)
    mail_addresses.ask(session, world.manager.id, CLERK, by=world.manager.id, at=NOW)
    (link,) = mail_addresses.letters(session, at=NOW, host="x")
    mail_addresses.confirm(session, link.text.rpartition("/xac-nhan/")[2].split()[0], user_id=world.manager.id, at=NOW)
    ends_in(20, world.certificate)
    session.flush()
    reminders.remind(session, NOW)
    (first,) = reminders.letters(session, at=NOW, host="x")
    row = session.scalars(select(RenewalLetter)).one()
    stood, other = (world.clerk, world.manager) if row.person_id == world.clerk.id else (world.manager, world.clerk)
    stood.closed_at = NOW
    session.flush()
    (again,) = reminders.letters(session, at=NOW + timedelta(days=1), host="x")
    assert (again.key, again.to, row.person_id) == (first.key, CLERK, other.id)
    reminders.mailed(session, again.key, at=NOW + timedelta(days=1))
    assert reminders.letters(session, at=NOW + timedelta(days=3), host="x") == []
    assert session.scalars(select(Incident.kind)).all() == []
