"""Signing in and out, as typed into the pages: every way in, every refusal, and what the old cookie is worth."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyotp
import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.factories import PASSWORD, TOTP_SECRET
from trace import clock
from trace.models.history import History
from trace.models.parties import AppUser, Role, SignInAttempt, SignInSession
from trace.services import accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    TokenOf = Callable[[FlaskClient, str], str]
    SignIn = Callable[[Any], FlaskClient]

SIGN_IN = "/dang-nhap"
DIGITS = "/dang-nhap/ma-xac-thuc"
SETUP = "/tai-khoan/xac-thuc-hai-lop"
HOME = "/trang-chinh"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., datetime]:
    """A clock that the test moves: `at(minutes=5)` makes it five minutes later."""
    present = [datetime(2026, 6, 15, 3, 0, 5, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: present[0])

    def move(**by: float) -> datetime:
        present[0] += timedelta(**by)
        return present[0]

    return move


@pytest.fixture(autouse=True)
def _clock_stands(at: Callable[..., datetime]) -> None:
    assert at() == clock.now()


def type_password(
    client: FlaskClient, token_of: TokenOf, login: str, password: str = PASSWORD, *, path: str = SIGN_IN
) -> TestResponse:
    return client.post(path, data={"csrf_token": token_of(client, SIGN_IN), "login": login, "password": password})


def type_digits(client: FlaskClient, token_of: TokenOf, digits: str, *, path: str = DIGITS) -> TestResponse:
    return client.post(path, data={"csrf_token": token_of(client, DIGITS), "digits": digits})


def digits_now(secret: str = TOTP_SECRET) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def enter(client: FlaskClient, token_of: TokenOf, login: str) -> TestResponse:
    """The whole way in for somebody with a second factor."""
    assert type_password(client, token_of, login).status_code == 303
    return type_digits(client, token_of, digits_now())


def cookie_of(client: FlaskClient) -> str:
    found = client.get_cookie("temthat")
    assert found is not None
    return found.value


# ------------------------------------------------------------------------------------------------------------ the way in


def test_the_password_alone_signs_in_where_the_role_asks_for_no_more(
    client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    answer = type_password(client, token_of, "dong.goi")
    assert (answer.status_code, answer.location) == (303, HOME)
    page = client.get(HOME).get_data(as_text=True)
    assert "Người mẫu Đông" in page
    assert "Cơ sở đóng gói mẫu Hà Bắc" in page


def test_password_and_six_digits_sign_in_an_officer(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    first = type_password(client, token_of, "can.bo")
    assert (first.status_code, urlsplit(first.location).path) == (303, DIGITS)
    assert client.get(HOME).status_code == 303, "half way in is not in"
    second = type_digits(client, token_of, digits_now())
    assert (second.status_code, second.location) == (303, HOME)
    assert "Người mẫu Bộ" in client.get(HOME).get_data(as_text=True)
    session.expire_all()
    assert factories.count(session, History, History.deed == "user:sign_in", History.by == world.officer.id) == 1


def test_the_name_is_folded_and_the_digits_may_hold_a_space(
    client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    assert type_password(client, token_of, "  CAN.BO ").status_code == 303
    digits = digits_now()
    assert type_digits(client, token_of, f" {digits[:3]} {digits[3:]} ").location == HOME


def test_a_password_typed_with_loose_marks_is_the_same_password(
    client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    import unicodedata

    loose = unicodedata.normalize("NFD", PASSWORD)
    assert loose != PASSWORD
    assert type_password(client, token_of, "dong.goi", loose).location == HOME


def test_whoever_is_in_is_not_asked_again(world: factories.World, sign_in: SignIn) -> None:
    answer = sign_in(world.packer).get(SIGN_IN)
    assert (answer.status_code, answer.location) == (303, HOME)


def test_the_cookie_is_closed_to_scripts_and_holds_no_account(
    client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    answer = type_password(client, token_of, "dong.goi")
    set_cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    with client.session_transaction() as cookie:
        said = str(dict(cookie))
    assert str(world.packer.id) not in said
    assert "dong.goi" not in said


# -------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"login": "can.bo"},
        {"password": PASSWORD},
        {"login": " ", "password": PASSWORD},
        {"login": "x" * 81, "password": "y"},
    ],
)
def test_a_form_half_filled_is_shown_again(
    form: dict[str, str], client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    answer = client.post(SIGN_IN, data={"csrf_token": token_of(client, SIGN_IN), **form})
    assert answer.status_code == 422
    assert client.get(HOME).status_code == 303


def test_a_wrong_password_counts_and_the_sixth_try_waits(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf, at: Callable[..., datetime]
) -> None:
    for _ in range(accounts.TRIES_PER_LOGIN):
        assert type_password(client, token_of, "can.bo", "sai mật khẩu rồi").status_code == 422
    assert factories.count(session, SignInAttempt) == accounts.TRIES_PER_LOGIN
    assert type_password(client, token_of, "can.bo").status_code == 429, "even the right password waits"
    assert type_password(client, token_of, "kiem.tra").status_code == 303, "others do not"
    at(minutes=15, seconds=1)
    assert type_password(client, token_of, "can.bo").status_code == 303


def test_guessing_from_one_network_is_slowed_whatever_the_names(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf, app: Flask
) -> None:
    from trace.access import network_hash

    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        here = network_hash()
    session.add_all(
        SignInAttempt(at=clock.now(), login_hash=bytes([n]) * 16, network_hash=here)
        for n in range(accounts.TRIES_PER_NETWORK)
    )
    session.commit()
    assert type_password(client, token_of, "dong.goi").status_code == 429


def test_an_unknown_name_gets_the_same_answer_as_a_wrong_password(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    def said(login: str) -> tuple[int, str]:
        answer = type_password(client, token_of, login, "sai mật khẩu rồi")
        page = re.sub(r'name="csrf_token"[^>]*|nonce="[^"]*"', "", answer.get_data(as_text=True))
        return answer.status_code, page.replace(login, "…")

    assert said("khong.co.ai") == said("can.bo")
    assert factories.count(session, SignInAttempt) == 2, "both count"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(session: Session, world: factories.World) -> None:
    # The people of the tests have cheap hashes; this one has a real one.
    accounts.add(session, login="that.su", full_name="Người mẫu Thật", password=PASSWORD, at=clock.now(), by=None)

    def seconds(login: str) -> float:
        began = time.perf_counter()
        with pytest.raises(accounts.WrongCredentials):
            accounts.check_password(
                session,
                login=login,
                password="sai mật khẩu rồi",
                login_hash=login.encode(),
                network_hash=b"n",
                at=clock.now(),
            )
        return time.perf_counter() - began

    known, unknown = (median(seconds(login) for _ in range(4)) for login in ("that.su", "khong.co.ai"))
    assert 0.4 < unknown / known < 2.5


def test_a_closed_account_is_no_account(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    world.packer.closed_at = clock.now()
    session.commit()
    assert type_password(client, token_of, "dong.goi").status_code == 422


def test_closing_an_account_ends_what_is_signed_in(session: Session, world: factories.World, sign_in: SignIn) -> None:
    signed = sign_in(world.packer)
    assert signed.get(HOME).status_code == 200
    world.packer.closed_at = clock.now()
    session.commit()
    assert signed.get(HOME).status_code == 303


@pytest.mark.parametrize("login", ["a\x00b", "'; DROP TABLE app_user; --", "🌶🌶🌶", "thu kho", "T\u0323hu"])
def test_odd_names_are_only_wrong_names(
    login: str, client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    assert type_password(client, token_of, login).status_code == 422


def test_a_form_without_its_token_is_refused_in_words(client: FlaskClient, world: factories.World) -> None:
    client.get(SIGN_IN)
    answer = client.post(SIGN_IN, data={"login": "dong.goi", "password": PASSWORD})
    assert answer.status_code == 403
    assert client.get(HOME).status_code == 303


# --------------------------------------------------------------------------------------------------------- second factor


def test_six_digits_count_once(app: Flask, client: FlaskClient, world: factories.World, token_of: TokenOf) -> None:
    assert enter(client, token_of, "can.bo").status_code == 303
    elsewhere = app.test_client()
    assert enter(elsewhere, token_of, "can.bo").status_code == 422, "looked over the shoulder"
    assert elsewhere.get(HOME).status_code == 303


def test_the_next_digits_work_and_older_ones_never_again(
    app: Flask, client: FlaskClient, world: factories.World, token_of: TokenOf, at: Callable[..., datetime]
) -> None:
    earlier = digits_now()
    at(seconds=30)
    assert enter(client, token_of, "can.bo").status_code == 303
    elsewhere = app.test_client()
    type_password(elsewhere, token_of, "can.bo")
    assert type_digits(elsewhere, token_of, earlier).status_code == 422, "the step before the one used"
    at(seconds=30)
    assert type_digits(elsewhere, token_of, digits_now()).status_code == 303


@pytest.mark.parametrize("digits", ["", "000000", "12345", "１２３４５６", "abcdef", "🌶🌶🌶🌶🌶🌶", "1" * 21, "\u0661" * 6])
def test_wrong_digits_are_refused(digits: str, client: FlaskClient, world: factories.World, token_of: TokenOf) -> None:
    type_password(client, token_of, "can.bo")
    assert type_digits(client, token_of, digits).status_code == 422
    assert client.get(HOME).status_code == 303


def test_full_width_digits_are_digits(client: FlaskClient, world: factories.World, token_of: TokenOf) -> None:
    type_password(client, token_of, "can.bo")
    wide = digits_now().translate({ord("0") + n: ord("０") + n for n in range(10)})
    assert type_digits(client, token_of, wide).location == HOME


def test_guessing_the_digits_is_slowed_too(client: FlaskClient, world: factories.World, token_of: TokenOf) -> None:
    type_password(client, token_of, "can.bo")
    for _ in range(accounts.TRIES_PER_LOGIN):
        assert type_digits(client, token_of, "000000").status_code == 422
    assert type_digits(client, token_of, digits_now()).status_code == 429


def test_five_minutes_after_the_password_it_is_asked_for_again(
    client: FlaskClient, world: factories.World, token_of: TokenOf, at: Callable[..., datetime]
) -> None:
    type_password(client, token_of, "can.bo")
    token = token_of(client, DIGITS)
    at(minutes=5, seconds=1)
    late = client.post(DIGITS, data={"csrf_token": token, "digits": digits_now()})
    assert (late.status_code, late.location) == (303, SIGN_IN)
    assert client.get(HOME).status_code == 303


def test_nobody_comes_to_the_second_step_without_the_first(client: FlaskClient, world: factories.World) -> None:
    answer = client.get(DIGITS)
    assert (answer.status_code, answer.location) == (303, SIGN_IN)


def test_an_account_closed_between_the_two_steps_stays_out(
    client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    type_password(client, token_of, "can.bo")
    session.execute(update(AppUser).where(AppUser.id == world.officer.id).values(closed_at=clock.now()))
    session.commit()
    assert type_digits(client, token_of, digits_now()).status_code == 422
    assert client.get(HOME).status_code == 303
    session.expire_all()
    entries = select(History).where(History.deed == "user:sign_in")
    assert session.scalars(entries).all() == [], "nobody signed in, and the history does not say so"


# ------------------------------------------------------------------------------------------ setting the second factor up


@pytest.fixture
def newcomer(session: Session, world: factories.World) -> AppUser:
    """An officer who has not joined an app yet."""
    made = factories.user(session, "moi.den", "Người mẫu Mới", clock.now())
    factories.role(session, made, world.authority, Role.OFFICER, clock.now())
    session.commit()
    return made


def test_a_role_that_needs_it_may_do_nothing_before_it_is_set_up(
    app: Flask, client: FlaskClient, newcomer: AppUser, token_of: TokenOf
) -> None:
    assert type_password(client, token_of, "moi.den").status_code == 303
    for path in (HOME, "/van-bang", "/lo", "/hang-doi/"):
        answer = client.get(path)
        assert answer.status_code == 404 or (answer.status_code, answer.location) == (303, SETUP), path
    page = client.get(SETUP).get_data(as_text=True)
    assert "data:image/png;base64," in page
    assert "/van-bang" not in page, "no way on from here but this"


def test_the_second_factor_is_taken_only_with_right_digits(
    client: FlaskClient, session: Session, newcomer: AppUser, token_of: TokenOf, at: Callable[..., datetime]
) -> None:
    type_password(client, token_of, "moi.den")
    page = client.get(SETUP).get_data(as_text=True)
    found = re.search(r"\b[A-Z2-7]{32}\b", page)
    assert found
    secret = found[0]
    for wrong in ("", "000000"):
        answer = client.post(SETUP, data={"csrf_token": token_of(client, SETUP), "digits": wrong})
        assert answer.status_code == 422
        assert secret in answer.get_data(as_text=True), "the same secret is still on offer"
    session.expire_all()
    assert session.get_one(AppUser, newcomer.id).totp_sealed is None
    right = digits_now(secret)
    answer = client.post(SETUP, data={"csrf_token": token_of(client, SETUP), "digits": right})
    assert (answer.status_code, answer.location) == (303, HOME)
    assert client.get(HOME).status_code == 200
    session.expire_all()
    sealed = session.get_one(AppUser, newcomer.id).totp_sealed
    assert sealed
    assert secret.encode() not in sealed
    assert (
        factories.count(session, History, History.deed == "user:set_second_factor", History.subject_id == newcomer.id)
        == 1
    )
    with client.session_transaction() as cookie:
        assert secret not in str(dict(cookie)), "the cookie forgets the secret"

    elsewhere = client.application.test_client()
    type_password(elsewhere, token_of, "moi.den")
    assert type_digits(elsewhere, token_of, right).status_code == 422, "the digits of the set-up are used up"
    at(seconds=30)
    assert type_digits(elsewhere, token_of, digits_now(secret)).location == HOME


def test_a_second_factor_is_not_replaced_by_a_signed_in_browser(world: factories.World, sign_in: SignIn) -> None:
    answer = sign_in(world.officer).get(SETUP)
    assert (answer.status_code, answer.location) == (303, HOME)


def test_the_sealed_secret_of_one_account_opens_no_other(session: Session, world: factories.World, app: Flask) -> None:
    key = app.config["TEMTHAT"].derived("second-factor")
    world.clerk.totp_sealed = world.officer.totp_sealed
    with pytest.raises(accounts.WrongSecondFactor):
        accounts.check_second_factor(session, world.clerk, digits_now(), key=key, at=clock.now())


# ------------------------------------------------------------------------------------------------- sessions and cookies


def test_signing_out_kills_the_token_and_not_only_the_cookie(
    app: Flask, client: FlaskClient, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    enter(client, token_of, "can.bo")
    old = cookie_of(client)
    answer = client.post("/dang-xuat", data={"csrf_token": token_of(client, HOME)})
    assert (answer.status_code, answer.location) == (303, SIGN_IN)
    thief = app.test_client()
    thief.set_cookie("temthat", old)
    answer = thief.get(HOME)
    assert answer.status_code == 303
    assert urlsplit(answer.location).path == SIGN_IN


def test_signing_out_by_a_forged_request_does_nothing(world: factories.World, sign_in: SignIn) -> None:
    signed = sign_in(world.packer)
    assert signed.post("/dang-xuat").status_code == 403
    assert signed.get("/dang-xuat").status_code == 405
    assert signed.get(HOME).status_code == 200


def test_signing_out_here_leaves_the_other_browser_in(
    world: factories.World, sign_in: SignIn, token_of: TokenOf
) -> None:
    here, there = sign_in(world.packer), sign_in(world.packer)
    here.post("/dang-xuat", data={"csrf_token": token_of(here, HOME)})
    assert here.get(HOME).status_code == 303
    assert there.get(HOME).status_code == 200


def test_nothing_of_the_cookie_from_before_is_kept(
    app: Flask, client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "planted-by-somebody-else"
        cookie["planted"] = "x"
    planted = cookie_of(client)
    enter(client, token_of, "can.bo")
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "pending" not in cookie
        assert cookie["_user_id"] != "planted-by-somebody-else"
    other = app.test_client()
    other.set_cookie("temthat", planted)
    assert other.get(HOME).status_code == 303, "whoever planted the cookie is not in"


def test_the_half_way_cookie_does_not_come_in_later(
    app: Flask, client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    type_password(client, token_of, "can.bo")
    half_way = cookie_of(client)
    type_digits(client, token_of, digits_now())
    thief = app.test_client()
    thief.set_cookie("temthat", half_way)
    assert thief.get(HOME).status_code == 303


def test_each_sign_in_has_a_token_of_its_own_and_the_database_keeps_none(
    app: Flask, session: Session, world: factories.World, token_of: TokenOf
) -> None:
    tokens = set()
    for _ in range(2):
        client = app.test_client()
        type_password(client, token_of, "dong.goi")
        with client.session_transaction() as cookie:
            tokens.add(cookie["_user_id"])
    assert len(tokens) == 2
    kept = set(session.scalars(select(SignInSession.token_hash)))
    assert not {token.encode() for token in tokens} & kept


def test_a_session_ends_after_eight_idle_hours(
    world: factories.World, sign_in: SignIn, at: Callable[..., datetime]
) -> None:
    signed = sign_in(world.packer)
    for _ in range(2):
        at(hours=7)
        assert signed.get(HOME).status_code == 200, "used, it goes on"
    at(hours=8)
    answer = signed.get(HOME)
    assert (answer.status_code, urlsplit(answer.location).path) == (303, SIGN_IN)


def test_a_session_ends_after_a_day_however_busy(
    world: factories.World, sign_in: SignIn, at: Callable[..., datetime]
) -> None:
    signed = sign_in(world.packer)
    for _ in range(4):
        at(hours=5)
        assert signed.get(HOME).status_code == 200
    at(hours=4)
    assert signed.get(HOME).status_code == 303


def test_a_role_that_has_ended_allows_nothing(
    session: Session, world: factories.World, sign_in: SignIn, at: Callable[..., datetime]
) -> None:
    person = factories.user(session, "het.han", "Người mẫu Hạn", clock.now())
    factories.role(
        session,
        person,
        world.authority,
        Role.AUDITOR,
        clock.now(),
        valid_during=Range(date(2026, 1, 1), date(2026, 6, 16)),
    )
    signed = sign_in(person)
    assert signed.get("/van-bang").status_code == 200
    at(hours=13, minutes=59)  # 23:59 in the city on the last day
    at(minutes=-30)
    assert signed.get("/van-bang").status_code == 303, "idle, of course"
    signed = sign_in(person)
    assert signed.get("/van-bang").status_code == 200
    at(minutes=31)  # midnight in the city; still the same day in Greenwich
    assert signed.get("/van-bang").status_code == 403
    assert signed.get(HOME).status_code == 200, "the account itself stays"


def test_a_role_that_begins_tomorrow_allows_nothing_today(
    session: Session, world: factories.World, sign_in: SignIn, at: Callable[..., datetime]
) -> None:
    person = factories.user(session, "sap.den", "Người mẫu Sắp", clock.now())
    factories.role(
        session, person, world.authority, Role.AUDITOR, clock.now(), valid_during=Range(date(2026, 6, 16), None)
    )
    signed = sign_in(person)
    assert signed.get("/van-bang").status_code == 403
    at(hours=7)
    at(hours=7)
    signed = sign_in(person)
    assert signed.get("/van-bang").status_code == 200


# ------------------------------------------------------------------------------------------------------- where to go next


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example",
        "http:///evil.example", "javascript:alert(1)", "evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example",
        "//[", "/x\\..\\..//evil.example", "\x00//evil.example", "/" + "a" * 500, "",
    ],
)  # fmt: skip
def test_the_sign_in_leads_to_no_other_site(
    wanted: str, client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    data = {"csrf_token": token_of(client, SIGN_IN), "login": "dong.goi", "password": PASSWORD, "next": wanted}
    answer = client.post(SIGN_IN, data=data)
    assert (answer.status_code, answer.location) == (303, HOME)


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "https:evil.example", "//["])
def test_nor_for_those_who_are_in_already(wanted: str, world: factories.World, sign_in: SignIn) -> None:
    answer = sign_in(world.packer).get(SIGN_IN, query_string={"next": wanted})
    assert (answer.status_code, answer.location) == (303, HOME)


def test_the_page_asked_for_is_found_again_through_both_steps(
    client: FlaskClient, world: factories.World, token_of: TokenOf
) -> None:
    sent = client.get("/van-bang?page=1").location
    assert urlsplit(sent).path == SIGN_IN
    action = re.search(r'action="(/dang-nhap[^"]*)"', client.get(sent).get_data(as_text=True))
    assert action
    first = type_password(client, token_of, "can.bo", path=action[1])
    action = re.search(r'action="(/dang-nhap[^"]*)"', client.get(first.location).get_data(as_text=True))
    assert action
    second = type_digits(client, token_of, digits_now(), path=action[1])
    assert second.location == "/van-bang?page=1"


# -------------------------------------------------------------------------------------------------------------- the people


def test_the_administrator_sees_who_can_sign_in(world: factories.World, sign_in: SignIn) -> None:
    page = sign_in(world.administrator).get("/quan-tri/nguoi-dung").get_data(as_text=True)
    for login, full_name, _organisation, _role in factories.PEOPLE.values():
        assert login in page
        assert full_name in page
    assert "argon2" not in page


def test_somebody_without_a_role_is_told_so(session: Session, world: factories.World, sign_in: SignIn) -> None:
    person = factories.user(session, "khong.vai", "Người mẫu Không", clock.now())
    page = sign_in(person).get(HOME)
    assert page.status_code == 200
    assert "bạn" in page.get_data(as_text=True).lower()
