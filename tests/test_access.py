"""The guard: every route carries a mark, and every mark is kept, for nobody and for every role."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests import factories
from tests.conftest import NOW, config_for
from trace import access
from trace.access import BY_TITLE, CITYWIDE, ROLE_MAY, May, needs
from trace.app import create_app
from trace.models.parties import Role
from trace.services import accounts
from trace.views.api_core import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session
    from werkzeug.routing import Rule

OPEN = {200, 302, 303}
# What a partner's key opens is no matter of roles; test_api.py holds it shut.
BY_KEY = {f"api.{each.name}" for each in OPERATIONS if not each.public}
# A value for each converter that a route may use; the thing behind it does not exist, which the guard must not tell.
SAMPLES: dict[str, Any] = {
    "UUIDConverter": UUID("00000000-0000-4000-8000-000000000000"),
    "IntegerConverter": 1,
    "UnicodeConverter": "x",
    "PathConverter": "x",
}


def totp_key() -> bytes:
    return config_for("", Path()).derived("second-factor")


def address(app: Flask, rule: Rule) -> str:
    values = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        kind = type(converter).__name__
        values[name] = next(iter(vars(converter)["items"])) if kind == "AnyConverter" else SAMPLES[kind]
    return app.url_map.bind("localhost").build(rule.endpoint, values)


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def mark(app: Flask, rule: Rule) -> May | None:
    found: May | None = vars(app.view_functions[rule.endpoint])["needs"]
    return found


def test_every_route_carries_a_mark(app: Flask) -> None:
    unmarked = [rule.endpoint for rule in rules(app) if "needs" not in vars(app.view_functions[rule.endpoint])]
    assert unmarked == []
    assert {type(mark(app, rule)) for rule in rules(app)} <= {May, type(None)}


def test_nobody_is_sent_to_the_sign_in_from_every_protected_page(app: Flask, client: FlaskClient) -> None:
    protected = [rule for rule in rules(app) if mark(app, rule) is not None]
    assert len(protected) > 10
    for rule in protected:
        path = address(app, rule)
        if "GET" in (rule.methods or ()):
            answer = client.get(path)
            assert answer.status_code == 303, path
            assert answer.location.startswith("/dang-nhap?next="), path
            assert client.get(path, headers={"Accept": "application/json"}).status_code == 401, path
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}):
            assert client.open(path, method=method).status_code in {401, 403}, f"{method} {path}"


def test_nobody_changes_anything_by_posting_to_a_protected_page(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    from trace.models.history import History

    for rule in rules(app):
        if mark(app, rule) is not None and "POST" in (rule.methods or ()):
            client.post(address(app, rule), data={"idempotency_key": "k" * 32})
    assert factories.count(session, History) == 0


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_the_map_says_and_nothing_else(
    role: Role, app: Flask, session: Session, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    person = factories.user(session, f"ai.do.{role.value}", "Người mẫu Ai", NOW, key=totp_key())
    factories.role(session, person, world.cooperative, role, NOW)
    signed = sign_in(person)
    may = ROLE_MAY[role] | {May.ACCOUNT_USE, None}
    wrong = {}
    for rule in rules(app):
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in BY_KEY:
            status = signed.get(address(app, rule)).status_code
            if status not in (OPEN if mark(app, rule) in may else {403}):
                wrong[rule.rule] = status
    assert wrong == {}


@pytest.mark.parametrize("role", list(Role))
def test_what_a_role_may_not_do_is_refused_before_the_thing_is_looked_for(
    role: Role, app: Flask, session: Session, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    person = factories.user(session, f"ai.do.{role.value}", "Người mẫu Ai", NOW, key=totp_key())
    factories.role(session, person, world.cooperative, role, NOW)
    signed = sign_in(person)
    token = _token(signed)
    for rule in rules(app):
        needed = mark(app, rule)
        if needed is None or needed in ROLE_MAY[role] | {May.ACCOUNT_USE}:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            data = None if method == "GET" else {"csrf_token": token}
            assert signed.open(address(app, rule), method=method, data=data).status_code == 403, (
                f"{role}: {method} {rule.rule}"
            )


def _token(signed: FlaskClient) -> str:
    """A right token against forged requests, so that it is the guard that refuses."""
    from flask import session as cookie
    from flask_wtf.csrf import generate_csrf

    with signed.session_transaction() as before:
        kept = dict(before)
    with signed.application.test_request_context():
        token = str(generate_csrf())
        secret = cookie["csrf_token"]
    with signed.session_transaction() as after:
        after.update(kept | {"csrf_token": secret})
    return token


def test_the_map_knows_every_role_and_every_permission_has_somebody() -> None:
    assert set(ROLE_MAY) == set(Role)
    assert frozenset().union(*ROLE_MAY.values()) == set(May) - {May.ACCOUNT_USE}
    assert not CITYWIDE & BY_TITLE


def test_the_administrator_reads_no_cases_and_only_the_custodian_opens_an_informant() -> None:
    assert not ROLE_MAY[Role.ADMINISTRATOR] & {May.CASE_READ, May.OBSERVATION_READ, May.INFORMANT_OPEN, May.FILE_READ}
    assert [role for role, may in ROLE_MAY.items() if May.INFORMANT_OPEN in may] == [Role.CUSTODIAN]
    agree = {role for role, may in ROLE_MAY.items() if May.INFORMANT_AGREE in may}
    assert agree == {Role.CUSTODIAN, Role.BRANCH_HEAD}, "a second person answers without reading"


def test_whoever_gives_out_labels_or_works_cases_needs_a_second_factor() -> None:
    weighty = {
        May.API_MANAGE, May.LABEL_ORDER, May.CERTIFICATE_DECIDE, May.LOT_CERTIFY, May.CASE_READ, May.CASE_MOVE, May.INFORMANT_OPEN, May.USER_MANAGE,
    }  # fmt: skip
    bearers = {role for role, may in ROLE_MAY.items() if may & weighty}
    assert bearers - {Role.AUDITOR} <= accounts.SECOND_FACTOR


# ------------------------------------------------------------------------------------------------- the guard by itself


@pytest.fixture
def own_app(engine: Engine, tmp_path: Path) -> Flask:
    """A second application, for views of the test's own."""
    made = create_app(config_for(str(engine.url), tmp_path), engine=engine, testing=True)

    @made.get("/test/unmarked")
    def unmarked() -> str:
        return "open to the world"

    @made.get("/test/marked")
    @needs(None)
    def marked() -> str:
        return "open on purpose"

    return made


def test_a_view_without_a_mark_answers_nobody(own_app: Flask) -> None:
    for method in ("get", "head", "options"):
        answer = getattr(own_app.test_client(), method)("/test/unmarked")
        assert answer.status_code == 500
        assert b"open to the world" not in answer.data
    assert own_app.test_client().get("/test/marked").data == b"open on purpose"


@pytest.mark.parametrize("value", ["x", "e30.aaaa.bbbb", "x" * 4000, "{}", ""])
def test_a_broken_cookie_is_nobody(client: FlaskClient, value: str) -> None:
    client.set_cookie("temthat", value)
    assert client.get("/trang-chinh").status_code == 303


def test_a_made_up_token_is_nobody(app: Flask, client: FlaskClient) -> None:
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "a" * 43
    assert client.get("/trang-chinh").status_code == 303


# ---------------------------------------------------------------------------------------------------------------- rows


def reach_of(app: Flask, session: Session, user: Any, permission: May) -> Any:
    from trace import clock, db

    token = accounts.start_session(session, user, at=clock.now())
    session.commit()
    with app.test_request_context():
        found = accounts.signed_in(db.session(), token, at=clock.now())
        assert found is not None
        return access.Person(token, found).reach(permission)


def test_a_clerk_reaches_only_the_own_cooperative(app: Flask, session: Session, world: factories.World) -> None:
    reach = reach_of(app, session, world.clerk, May.LOT_READ)
    assert reach.holders == {world.cooperative.id}
    assert not reach.titles
    assert not reach.everything


def test_a_managing_body_reaches_its_titles(app: Flask, session: Session, world: factories.World) -> None:
    reach = reach_of(app, session, world.manager, May.LOT_READ)
    assert reach.titles == {world.title.id}
    assert not reach.holders
    assert not reach.everything


def test_an_officer_reaches_the_city_and_nothing_by_a_permission_that_is_not_theirs(
    app: Flask, session: Session, world: factories.World
) -> None:
    assert reach_of(app, session, world.officer, May.LOT_READ).everything
    nothing = reach_of(app, session, world.officer, May.LABEL_ORDER)
    assert (nothing.holders, nothing.titles, nothing.everything) == (frozenset(), frozenset(), False)


def test_a_department_reads_the_city_and_decides_only_where_its_body_manages(
    app: Flask, session: Session, world: factories.World
) -> None:
    person = factories.user(session, "so.mau", "Người mẫu Sở", NOW, key=totp_key())
    factories.role(session, person, world.authority, Role.SCIENCE_DEPARTMENT, NOW)
    assert reach_of(app, session, person, May.APPLICATION_READ).everything
    nothing = reach_of(app, session, person, May.APPLICATION_DECIDE)
    assert (nothing.titles, nothing.everything) == (frozenset(), False)
    factories.role(session, person, world.managing_body, Role.SCIENCE_DEPARTMENT, NOW)
    assert reach_of(app, session, person, May.CERTIFICATE_DECIDE).titles == {world.title.id}


def test_a_second_role_widens_only_what_that_role_allows(app: Flask, session: Session, world: factories.World) -> None:
    factories.role(session, world.clerk, world.authority, Role.AUDITOR, NOW)
    assert reach_of(app, session, world.clerk, May.LOT_READ).everything
    ordering = reach_of(app, session, world.clerk, May.LABEL_ORDER)
    assert ordering.holders == {world.cooperative.id}
    assert not ordering.everything


# ----------------------------------------------------------------------------------------------- the caller's network


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.5", "203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8::1", "2001:db8::2:3:4:5", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.5", "203.0.113.5", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_network_is_an_address_or_a_64(one: str, other: str, same: bool) -> None:
    assert (access._network(one) == access._network(other)) is same


@pytest.mark.parametrize("address_given", ["", "unix:", "localhost"])
def test_a_caller_without_an_address_has_a_network_too(app: Flask, address_given: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address_given}):
        assert len(access.network_hash()) == 16
