"""Letters go to an address only after its owner has opened the link sent there; what the mail server refuses is kept."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.mailbox import Box, box, server
from trace import jobs
from trace.errors import NotFound, broken_constraint
from trace.models.history import History
from trace.models.parties import AppUser, MailAddress
from trace.services import mail_addresses
from trace.services.mail import Letter, Reply

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

__all__ = ["box", "server"]
ADDRESS = "can.bo@haiphong.test"


def token_of(link: Letter) -> str:
    found = re.search(r"/xac-nhan/(\S+)", link.text)
    assert found
    return found[1]


def asked(session: Any, user_id: Any, address: str = ADDRESS, at: datetime = NOW) -> str:
    """Ask for an address and return the token of the letter that goes there."""
    mail_addresses.ask(session, user_id, address, by=user_id, at=at)
    (link,) = mail_addresses.letters(session, at=at, host="temthat.test")
    mail_addresses.mailed(session, link.key)
    assert link.to == address.strip().lower()
    return token_of(link)


def where(session: Any, user: AppUser) -> str | None:
    return mail_addresses.of(session, [user.id]).get(user.id)


def test_an_address_counts_from_the_moment_its_link_is_opened(session: Session, world: factories.World) -> None:
    officer = world.officer
    assert where(session, officer) is None
    token = asked(session, officer.id, " Can.Bo@HaiPhong.test ")
    assert where(session, officer) is None, "not before it is confirmed"
    mail_addresses.confirm(session, token, user_id=officer.id, at=NOW + timedelta(hours=1))
    assert where(session, officer) == ADDRESS
    with pytest.raises(mail_addresses.LinkSpent):
        mail_addresses.confirm(session, token, user_id=officer.id, at=NOW + timedelta(hours=2))
    deeds = session.scalars(select(History.deed).where(History.deed.startswith("user:mail")).order_by(History.id)).all()
    assert deeds == ["user:mail_ask", "user:mail_confirm"]


def test_a_link_counts_for_a_day_for_its_own_person_and_only_the_latest(
    session: Session, world: factories.World
) -> None:
    first = asked(session, world.officer.id)
    second = asked(session, world.officer.id, "khac@haiphong.test")
    late = NOW + mail_addresses.LINK_LASTS
    for token, who, at in (
        (first, world.officer, NOW),
        (second, world.team_head, NOW),
        (second, world.officer, late),
        ("", world.officer, NOW),
        ("đoán", world.officer, NOW),
    ):
        with pytest.raises(mail_addresses.LinkSpent):
            mail_addresses.confirm(session, token, user_id=who.id, at=at)
    mail_addresses.confirm(session, second, user_id=world.officer.id, at=late - timedelta(seconds=1))
    assert where(session, world.officer) == "khac@haiphong.test"


def test_a_new_address_takes_the_place_of_the_old_one_only_when_confirmed_and_removing_is_logged(
    session: Session, world: factories.World
) -> None:
    officer = world.officer
    officer.login = "ten.dang.nhap@haiphong.test"
    session.flush()
    assert where(session, officer) == officer.login, "a name for signing in that is an address is the default"
    mail_addresses.confirm(session, asked(session, officer.id), user_id=officer.id, at=NOW)
    with pytest.raises(mail_addresses.AddressInUse):
        mail_addresses.ask(session, officer.id, ADDRESS.upper(), by=officer.id, at=NOW)
    token = asked(session, officer.id, "moi@haiphong.test")
    assert where(session, officer) == ADDRESS
    mail_addresses.confirm(session, token, user_id=officer.id, at=NOW)
    assert where(session, officer) == "moi@haiphong.test"
    mail_addresses.remove(session, officer.id, by=world.team_head.id, at=NOW)
    assert where(session, officer) == officer.login
    with pytest.raises(NotFound):
        mail_addresses.remove(session, officer.id, by=officer.id, at=NOW)
    removed = session.scalars(select(History).where(History.deed == "user:mail_remove")).one()
    assert (removed.subject_id, removed.by) == (officer.id, world.team_head.id)
    assert "moi@haiphong.test" in str(removed.changes)


@pytest.mark.parametrize(
    "bad",
    [
        "", "canbo", "canbo@", "@haiphong.gov.vn", "can bo@haiphong.gov.vn", "cánbộ@haiphong.gov.vn", "canbo@haiphong", "a@b..vn", ".a@b.vn",
        "a.@b.vn", "a..b@c.vn", "a@-b.vn", "a@b.vn, c@d.vn", "a@b.vn\nBcc: c@d.vn", "a@[127.0.0.1]", "<a@b.vn>", "a@b.vn>", "ａ@b.vn", "x" * 195 + "@b.vn",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name(session: Session, world: factories.World, bad: str) -> None:
    with pytest.raises(mail_addresses.AddressMalformed):
        mail_addresses.ask(session, world.officer.id, bad, by=world.officer.id, at=NOW)
    assert factories.count(session, MailAddress) == 0


def test_nobody_floods_a_stranger_with_links(session: Session, world: factories.World) -> None:
    for n in range(mail_addresses.ASKS):
        asked(session, world.officer.id, f"la{n}@mau.test")
    with pytest.raises(mail_addresses.TooManyLinks):
        mail_addresses.ask(session, world.officer.id, "la@mau.test", by=world.officer.id, at=NOW)
    asked(session, world.officer.id, "la@mau.test", at=NOW + timedelta(days=1, seconds=1))


def test_the_database_holds_one_address_in_use_and_no_link_after_use(session: Session, world: factories.World) -> None:
    mail_addresses.confirm(session, asked(session, world.officer.id), user_id=world.officer.id, at=NOW)
    copy = MailAddress(
        user_id=world.officer.id, address="b@c.vn", asked_at=NOW, asked_by=world.officer.id, confirmed_at=NOW
    )
    with pytest.raises(IntegrityError) as refused, session.begin_nested():
        session.add(copy)
    assert broken_constraint(refused.value) == "uq_mail_address_in_use"
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(MailAddress).values(token_hash=b"x" * 32, token_expires_at=NOW))
    assert ADDRESS not in str(session.execute(text("SELECT token_hash FROM mail_address")).all())


def test_a_refusal_is_kept_until_a_letter_is_taken(session: Session, world: factories.World) -> None:
    mail_addresses.confirm(session, asked(session, world.officer.id), user_id=world.officer.id, at=NOW)
    refused = {ADDRESS: Reply(550, "5.1.1 no such\n user " + "x" * 400)}
    mail_addresses.heard(session, [], refused, at=NOW)
    mail_addresses.heard(session, [], refused, at=NOW + timedelta(days=1))
    ((person, kept),) = mail_addresses.refused(session)
    assert (person.id, kept.code, kept.last_at - kept.first_at) == (world.officer.id, 550, timedelta(days=1))
    assert kept.reply.startswith("5.1.1 no such user x")
    assert mail_addresses.standing(session, world.officer.id).refusal is not None
    mail_addresses.heard(session, [ADDRESS], {}, at=NOW + timedelta(days=2))
    assert mail_addresses.refused(session) == []


@pytest.mark.committed
def test_links_are_sent_once_however_many_workers_and_tried_again(
    committed: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    config = replace(config_for(str(committed.url), tmp_path), smtp_url=server)
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        officer = world.officer.id
        mail_addresses.ask(session, officer, ADDRESS, by=officer, at=NOW)
        session.commit()
    box.broken = True
    assert jobs.post_links(committed, config, now=lambda: NOW) == 0
    box.broken = False
    assert jobs.post_links(committed, config, now=lambda: NOW + timedelta(minutes=9)) == 0
    later = NOW + timedelta(minutes=11)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _n: jobs.post_links(committed, config, now=lambda: later), range(4))) == 1
    assert jobs.post_links(committed, config, now=lambda: later + timedelta(days=1)) == 0
    (taken,) = box.taken
    assert taken.rcpt_tos == [ADDRESS]
    letter = message_from_bytes(taken.content, policy=policy.default).get_content()
    found = re.search(r"/xac-nhan/(\S+)", letter)
    assert found
    with Session(committed) as session:
        names = session.scalars(select(AppUser.full_name)).all()
        assert not [name for name in names if name in letter]
        mail_addresses.confirm(session, found[1], user_id=officer, at=later)
        session.commit()


@pytest.mark.committed
def test_an_address_refused_for_good_is_said_and_not_tried_again(
    committed: Engine, server: str, box: Box, tmp_path: Path
) -> None:
    config = replace(config_for(str(committed.url), tmp_path), smtp_url=server)
    box.refused = {ADDRESS}
    with Session(committed) as session:
        officer = factories.make_world(session, master=MASTER, at=NOW).officer.id
        mail_addresses.ask(session, officer, ADDRESS, by=officer, at=NOW)
        session.commit()
    assert jobs.post_links(committed, config, now=lambda: NOW) == 0
    box.refused = set()
    assert jobs.post_links(committed, config, now=lambda: NOW + timedelta(days=1)) == 0
    with Session(committed) as session:
        refusal = mail_addresses.standing(session, officer).refusal
        assert refusal is not None
        assert (refusal.address, refusal.code, refusal.reply) == (ADDRESS, 550, "5.1.1 no such user")


@pytest.mark.committed
@pytest.mark.parametrize("again", [False, True])
def test_a_change_sees_the_link_that_the_job_wrote_meanwhile(committed: Engine, again: bool) -> None:
    with Session(committed) as session:
        officer = factories.make_world(session, master=MASTER, at=NOW).officer.id
        mail_addresses.ask(session, officer, ADDRESS, by=officer, at=NOW)
        session.commit()
        waiting = mail_addresses.standing(session, officer).waiting
        assert waiting is not None
        with Session(committed) as job:
            assert mail_addresses.letters(job, at=NOW, host="temthat.test")
            job.commit()
        if again:
            mail_addresses.ask(session, officer, "moi@haiphong.test", by=officer, at=NOW)
        else:
            mail_addresses.remove(session, officer, by=officer, at=NOW)
        session.commit()
        session.refresh(waiting)
        assert (waiting.ended_at, waiting.token_hash) == (NOW, None)
