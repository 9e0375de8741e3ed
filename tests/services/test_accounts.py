"""Accounts, roles and sessions as rules: what opens one, what is refused, what is forgotten."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from argon2 import extract_parameters, profiles
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW, SLOW_HASHER
from trace.models.history import History
from trace.models.parties import AppUser, Role, SignInAttempt, SignInSession
from trace.services import accounts

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

PASSWORD = "con trâu đi trước cái cày"


def add(
    session: Session, login: str = "thu.kho", password: str = PASSWORD, full_name: str = "Người mẫu Thu"
) -> AppUser:
    return accounts.add(session, login=login, full_name=full_name, password=password, at=NOW, by=None)


def check(session: Session, login: str, password: str = PASSWORD) -> AppUser:
    return accounts.check_password(
        session, login=login, password=password, login_hash=login.encode(), network_hash=b"here", at=NOW
    )


def test_a_password_is_hashed_as_slowly_as_argon2_advises() -> None:
    assert extract_parameters(SLOW_HASHER.hash("x")) == profiles.RFC_9106_LOW_MEMORY


def test_an_account_is_opened_folded_composed_and_on_record(session: Session) -> None:
    made = add(session, login="  Thu.Kho ", full_name=unicodedata.normalize("NFD", " Người mẫu Thư "))
    assert made.login == "thu.kho"
    assert made.full_name == "Người mẫu Thư"
    assert made.password_hash.startswith("$argon2id$")
    session.flush()
    written = session.scalars(select(History)).one()
    assert (written.deed, written.subject_id, written.changes) == ("user:add", made.id, {"login": [None, "thu.kho"]})


def test_one_name_one_account_and_the_transaction_goes_on(session: Session) -> None:
    add(session)
    with pytest.raises(accounts.LoginTaken):
        add(session, login="THU.KHO")
    assert add(session, login="thu.kho.2").id


@pytest.mark.parametrize("login", ["ab", "thu kho", "thư.kho", "x" * 81, "a;b-c", ""])
def test_a_name_that_cannot_be_typed_everywhere_is_refused_in_words(session: Session, login: str) -> None:
    with pytest.raises(accounts.LoginMalformed):
        add(session, login=login)


def test_a_nameless_person_is_refused_by_the_database(session: Session) -> None:
    with pytest.raises(IntegrityError, match="full_name_present"):
        add(session, full_name="  ")


def test_a_short_password_is_refused_and_loose_marks_do_not_lengthen_it(session: Session) -> None:
    with pytest.raises(accounts.PasswordTooShort) as refused:
        add(session, password="mười bốn ký t")
    assert refused.value.facts == {"least": accounts.PASSWORD_LEAST}
    with pytest.raises(accounts.PasswordTooShort):
        add(session, password=unicodedata.normalize("NFD", "mười bốn ký tự"))
    add(session, password="mười lăm ký tự.")


def test_a_password_is_the_same_from_every_keyboard(session: Session) -> None:
    made = add(session, password=unicodedata.normalize("NFD", PASSWORD))
    assert check(session, "thu.kho", PASSWORD) is made
    assert check(session, "thu.kho", unicodedata.normalize("NFD", PASSWORD)) is made


def test_an_old_hash_is_renewed_when_its_password_is_typed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_hasher", SLOW_HASHER)
    person = factories.user(session, "cu.ky", "Người mẫu Cũ", NOW)
    cheap = person.password_hash
    check(session, "cu.ky", factories.PASSWORD)
    assert person.password_hash != cheap
    renewed = person.password_hash
    check(session, "cu.ky", factories.PASSWORD)
    assert person.password_hash == renewed


def test_tries_are_counted_by_name_and_by_network_for_fifteen_minutes(session: Session) -> None:
    def failed(login: bytes, network: bytes, minutes: float, times: int) -> None:
        session.add_all(
            SignInAttempt(at=NOW - timedelta(minutes=minutes), login_hash=login, network_hash=network)
            for _ in range(times)
        )
        session.flush()

    failed(b"one", b"here", 14, accounts.TRIES_PER_LOGIN - 1)
    failed(b"one", b"there", 16, 50)
    accounts.check_tries(session, login_hash=b"one", network_hash=b"here", at=NOW)
    failed(b"one", b"there", 1, 1)
    with pytest.raises(accounts.TooManyTries):
        accounts.check_tries(session, login_hash=b"one", network_hash=b"here", at=NOW)
    accounts.check_tries(session, login_hash=b"two", network_hash=b"here", at=NOW)


def test_a_role_is_held_once_at_a_time(session: Session, world: factories.World) -> None:
    facts = {
        "user_id": world.clerk.id,
        "party_id": world.authority.id,
        "role": Role.AUDITOR,
        "at": NOW,
        "by": world.administrator.id,
    }
    accounts.grant(session, start=date(2026, 1, 1), end=date(2026, 7, 1), **facts)
    accounts.grant(session, start=date(2026, 7, 1), end=None, **facts)
    with pytest.raises(IntegrityError, match="ex_role_grant_no_overlap"), session.begin_nested():
        accounts.grant(session, start=date(2026, 6, 30), end=date(2026, 7, 2), **facts)
    deeds = session.scalars(select(History).where(History.deed == "user:grant")).all()
    assert [(deed.by, deed.changes["role"]) for deed in deeds] == [(world.administrator.id, [None, "auditor"])] * 2


def test_a_token_is_worth_nothing_after_its_end(session: Session, world: factories.World) -> None:
    token = accounts.start_session(session, world.packer, at=NOW)
    session.flush()
    found = accounts.signed_in(session, token, at=NOW)
    assert found
    assert found.user is world.packer
    assert [grant.role for grant in found.grants] == [Role.PACKER]
    assert accounts.signed_in(session, token + "x", at=NOW) is None
    accounts.end_session(session, token, at=NOW)
    assert accounts.signed_in(session, token, at=NOW) is None
    accounts.end_session(session, token, at=NOW + timedelta(hours=1))
    assert session.scalars(select(SignInSession.ended_at)).one() == NOW, "the first end stands"
    accounts.end_session(session, "no such token", at=NOW)


def test_the_house_is_kept(session: Session, world: factories.World) -> None:
    old, new = NOW - timedelta(days=40), NOW - timedelta(hours=2)
    for at in (old, new):
        accounts.start_session(session, world.packer, at=at)
        session.add(SignInAttempt(at=at, login_hash=b"one", network_hash=b"here"))
    session.flush()
    accounts.clean_up(session, at=NOW)
    assert session.scalars(select(SignInSession.started_at)).all() == [new]
    assert session.scalars(select(SignInAttempt.at)).all() == [new]


def test_closed_accounts_are_not_listed(session: Session, world: factories.World) -> None:
    world.packer.closed_at = NOW
    nobody = factories.user(session, "khong.vai", "Người mẫu Không", NOW)
    session.flush()
    listed = {user.login: (given, party) for user, given, party in accounts.people(session)}
    assert "dong.goi" not in listed
    assert listed[nobody.login] == (None, None)
    given, party = listed["thu.kho"]
    assert given
    assert given.role is Role.CLERK
    assert party is world.cooperative


def test_the_same_six_digits_at_the_same_moment_let_one_in(committed: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    import pyotp
    from sqlalchemy.orm import Session as NewSession

    key = bytes(32)
    with NewSession(committed) as session:
        user_id = factories.user(session, "can.bo", "Người mẫu Bộ", NOW, key=key).id
        session.commit()
    digits, start = pyotp.TOTP(factories.TOTP_SECRET).at(NOW), Barrier(8)

    def try_it(_number: int) -> bool:
        with NewSession(committed) as session:
            user = session.get_one(AppUser, user_id)
            start.wait(20)
            try:
                accounts.check_second_factor(session, user, digits, key=key, at=NOW)
            except accounts.WrongSecondFactor:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(try_it, range(8))) == [False] * 7 + [True]
