"""The programming interface: what it answers, in what form, to whom, and that its description says the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NOW
from tests.services.test_scanning import code_of, issue
from trace import clock
from trace.models.api import ApiScope
from trace.models.scans import Scan, ScanChannel
from trace.services import api_keys
from trace.views import api_document
from trace.views.api_core import OPERATIONS, ROOT

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

HERE = "/api/v1"


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


@pytest.fixture
def labelled(session: Session, world: World) -> World:
    issue(session, world)
    return world


def key_for(session: Session, world: World, *scopes: ApiScope, days: int = 30) -> tuple[Any, dict[str, str]]:
    key, secret = api_keys.create(
        session, keeper_id=world.managing_body.id, organisation="Chuỗi cửa hàng mẫu", name="Quầy thu ngân", scopes=scopes,
        expires_on=NOW.date() + timedelta(days=days), by=world.manager.id, at=NOW,
    )  # fmt: skip
    session.commit()
    return key, {"Authorization": f"Bearer {secret}"}


def problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == f"/api/problems/{name}"
    assert answer.json["status"] == status
    assert answer.json["title"]
    return dict(answer.json)


# --------------------------------------------------------------------------------------------------------------- labels


def test_a_label_is_answered_by_stable_names(labelled: World, client: FlaskClient, session: Session) -> None:
    answer = client.get(f"{HERE}/verify/{code_of(1)}")
    assert answer.status_code == 200
    found = answer.json
    assert found is not None
    assert (found["kind"], found["also"], found["code"]) == ("valid", [], code_of(1))
    assert found["checked_at"].endswith(("Z", "+00:00"))
    assert found["product_name"] == "Vải thiều mẫu"
    assert found["text"] is None
    assert "serial" not in found
    assert session.query(Scan).order_by(Scan.id.desc()).first().channel is ScanChannel.API  # type: ignore[union-attr]


def test_the_verdict_comes_in_words_of_both_languages_on_demand(labelled: World, client: FlaskClient) -> None:
    found = client.get(f"{HERE}/verify/{code_of(1)}?text=true").json
    assert found is not None
    assert found["text"]["vi"] == "Tem hợp lệ"
    assert found["text"]["en"]


def test_asking_for_a_label_asks_nothing_beside_the_scan(
    labelled: World, client: FlaskClient, statements: list[str]
) -> None:
    client.get(f"{HERE}/verify/{code_of(1)}")  # keys and the day's salt are read once a process
    statements.clear()
    assert client.get(f"{HERE}/verify/{code_of(2)}").status_code == 200
    assert statements == [], "the scan has a cursor of its own; tests/faults/test_scan_faults.py counts on the wire"


@pytest.mark.parametrize(
    ("code", "status", "name", "kind"),
    [("7K4M", 400, "bad-request", "malformed"), ("7K4M-92QD-XJ3P", 404, "not-found", "unknown")],
)
def test_what_is_no_label_is_a_refusal_that_names_its_kind(
    labelled: World, client: FlaskClient, code: str, status: int, name: str, kind: str
) -> None:
    assert problem(client.get(f"{HERE}/verify/{code}"), status, name)["kind"] == kind


def test_a_label_that_is_known_is_answered_however_many_unknown_ones_were_asked_for(
    labelled: World, client: FlaskClient
) -> None:
    seen = [client.get(f"{HERE}/verify/7K4M-92QD-XJ3P") for _ in range(310)]
    last = seen[-1]
    assert {each.status_code for each in seen} == {404, 429}
    problem(last, 429, "too-many")
    assert int(last.headers["Retry-After"]) > 0
    assert client.get(f"{HERE}/verify/{code_of(1)}").status_code == 200


# ------------------------------------------------------------------------------------------------------------- registers


def test_the_registers_are_read_page_by_page(world: World, client: FlaskClient) -> None:
    found = client.get(f"{HERE}/titles?size=1").json
    assert found is not None
    assert found["total"] == 1
    assert found["items"][0]["id"] == str(world.title.id)
    assert found["links"]["next"] is None
    users = client.get(f"{HERE}/titles/{world.title.id}/users?size=1&as_of={NOW.date()}")
    assert users.json is not None
    assert (users.json["total"], users.json["pages"], users.json["as_of"]) == (2, 2, str(NOW.date()))
    assert 'rel="next"' in users.headers["Link"]
    onward = client.get(users.json["links"]["next"]).json
    assert onward is not None
    assert onward["items"][0] != users.json["items"][0]
    assert onward["links"]["prev"] == users.json["links"]["self"].replace("page=2", "page=1")


def test_a_list_comes_as_csv_for_those_who_ask_for_it(world: World, client: FlaskClient) -> None:
    answer = client.get(f"{HERE}/titles/{world.title.id}/users", headers={"Accept": "text/csv"})
    assert answer.mimetype == "text/csv"
    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0].startswith("holder_name,holder_kind,")
    assert len(lines) == 3
    assert world.cooperative.name in answer.get_data(as_text=True)


def test_no_cell_of_a_csv_is_a_formula(session: Session, world: World, client: FlaskClient) -> None:
    world.cooperative.name = '=HYPERLINK("https://evil.example";"HTX")'
    session.commit()
    text = client.get(f"{HERE}/titles/{world.title.id}/users", headers={"Accept": "text/csv"}).get_data(as_text=True)
    assert "'=HYPERLINK" in text


def test_nothing_personal_and_no_outline_is_told(session: Session, world: World, client: FlaskClient) -> None:
    world.cooperative.phone, world.cooperative.address = "0912000000", "Thôn mẫu 9"
    session.commit()
    addresses = [
        f"titles/{world.title.id}", f"titles/{world.title.id}/users", f"titles/{world.title.id}/areas",
        f"certificates/{world.certificate.number}", f"certificates/{world.certificate.id}", f"products/{world.product.id}", "voided-ranges",
    ]  # fmt: skip
    for address in addresses:
        answer = client.get(f"{HERE}/{address}")
        assert answer.status_code == 200, address
        text = answer.get_data(as_text=True)
        for secret in (
            "0912000000",
            "Thôn mẫu 9",
            world.cooperative.tax_code,
            "coordinates",
            "Polygon",
            "boundary",
            world.manager.full_name,
        ):
            assert str(secret) not in text, f"{address}: {secret}"


def test_a_title_that_is_not_public_is_not_found(session: Session, world: World, client: FlaskClient) -> None:
    world.title.granted_on, world.title.is_sample = None, False
    session.commit()
    for address in (f"titles/{world.title.id}", f"titles/{world.title.id}/users", f"products/{world.product.id}"):
        problem(client.get(f"{HERE}/{address}"), 404, "not-found")
    assert client.get(f"{HERE}/titles").json["total"] == 0  # type: ignore[index]


def test_days_at_the_end_of_time_are_answered(world: World, client: FlaskClient) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        assert client.get(f"{HERE}/titles/{world.title.id}/users?as_of={day}").status_code == 200


# --------------------------------------------------------------------------------------------------------------- refusals


def test_all_faults_of_a_question_are_told_at_once_and_in_its_language(client: FlaskClient) -> None:
    found = problem(client.get(f"{HERE}/titles?page=0&size=a&foo=1&q=x&q=y"), 400, "bad-request")
    assert len(found["errors"]) == 4
    assert "“page”" in found["errors"][0]["message"]
    english = client.get(f"{HERE}/titles?page=0", headers={"Accept-Language": "en-GB,en;q=0.8"}).json
    assert english is not None
    assert english["errors"][0]["message"] == "“page” is missing or not as the description says."
    assert found["errors"][0]["message"] != english["errors"][0]["message"]


@pytest.mark.parametrize("accept", ["text/html", "*/*", "image/png", ""])
def test_refusals_are_problems_whatever_is_asked_for(client: FlaskClient, accept: str) -> None:
    headers = {"Accept": accept}
    problem(client.get(f"{HERE}/nothing/here", headers=headers), 404, "not-found")
    wrong = client.put(f"{HERE}/titles", headers=headers)
    problem(wrong, 405, "wrong-method")
    assert "GET" in wrong.headers["Allow"]


def test_a_lost_database_is_a_503_with_a_retry(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from trace.services import public_titles

    def lost(*_args: Any, **_kwargs: Any) -> Any:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(public_titles, "listing", lost)
    answer = client.get(f"{HERE}/titles")
    assert "SELECT" not in str(problem(answer, 503, "unavailable"))
    assert answer.headers["Retry-After"] == "30"


def test_every_kind_of_refusal_has_a_page(client: FlaskClient) -> None:
    for name in api_document.NAMED:
        page = client.get(f"/api/problems/{name}")
        assert page.status_code == 200
        assert name in page.get_data(as_text=True)
    assert client.get("/api/problems/none").status_code == 404
    assert client.get("/api/problems/none").mimetype == "text/html"


# ------------------------------------------------------------------------------------------------------ limits and keys


def test_lists_are_limited_and_say_how_things_stand(world: World, client: FlaskClient) -> None:
    first = client.get(f"{HERE}/titles")
    assert first.headers["RateLimit-Policy"] == '"register";q=300;w=150'
    assert first.headers["RateLimit"] == '"register";r=299;t=1'
    for _ in range(299):
        client.get(f"{HERE}/titles")
    refused = client.get(f"{HERE}/titles")
    problem(refused, 429, "too-many")
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["RateLimit"] == '"register";r=0;t=1'


def test_a_key_has_limits_of_its_own(session: Session, world: World, client: FlaskClient) -> None:
    for _ in range(301):
        client.get(f"{HERE}/titles")
    assert client.get(f"{HERE}/titles").status_code == 429
    _key, with_key = key_for(session, world, ApiScope.REGISTER_READ)
    answer = client.get(f"{HERE}/titles", headers=with_key)
    assert answer.status_code == 200
    assert answer.headers["RateLimit-Policy"] == '"register";q=1200;w=120'


def test_a_key_opens_what_its_scopes_say(session: Session, world: World, client: FlaskClient) -> None:
    _key, with_key = key_for(session, world, ApiScope.VERIFY_READ)
    problem(client.get(f"{HERE}/titles", headers=with_key), 403, "forbidden")
    problem(client.get(f"{HERE}/webhooks", headers=with_key), 403, "forbidden")
    problem(client.get(f"{HERE}/webhooks"), 401, "sign-in-needed")


@pytest.mark.parametrize(
    "sent", ["Bearer", "Bearer x", "Basic eDp5", "Bearer tt_00000000_" + "A" * 43, "bearer \x01", ""]
)
def test_a_key_that_is_none_is_refused_and_not_ignored(client: FlaskClient, sent: str) -> None:
    answer = client.get(f"{HERE}/titles", headers={"Authorization": sent})
    problem(answer, 401, "sign-in-needed")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_ends_with_its_last_day_and_when_it_is_revoked(
    session: Session, world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, with_key = key_for(session, world, ApiScope.REGISTER_READ)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=30))
    assert client.get(f"{HERE}/titles", headers=with_key).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=31))
    assert client.get(f"{HERE}/titles", headers=with_key).status_code == 401
    monkeypatch.setattr(clock, "now", lambda: NOW)
    api_keys.revoke(session, key.id, keepers=None, by=world.manager.id, at=NOW)
    session.commit()
    assert client.get(f"{HERE}/titles", headers=with_key).status_code == 401


def test_a_cookie_is_no_key(world: World, sign_in: Any) -> None:
    assert sign_in(world.people["manager"]).get(f"{HERE}/webhooks").status_code == 401


# ------------------------------------------------------------------------------------------------------------------ CORS


def test_pages_of_others_may_read_the_registers_but_no_page_of_a_sign_in(world: World, client: FlaskClient) -> None:
    origin = {"Origin": "https://shop.example"}
    for address in (f"{HERE}/titles", f"{HERE}/verify/7K4M92QDXJ3P", f"{HERE}/nothing", f"{HERE}/openapi.json"):
        answer = client.get(address, headers=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == "*", address
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
    asked = client.options(f"{HERE}/titles", headers={**origin, "Access-Control-Request-Method": "GET"})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    for address in ("/", "/dang-nhap", "/api", "/ket-noi", "/T/7K4M92QDXJ3P", f"{HERE}/webhooks"):
        for method in ("GET", "OPTIONS"):
            assert "Access-Control-Allow-Origin" not in client.open(address, method=method, headers=origin).headers, (
                address
            )


# ---------------------------------------------------------------------------------------------------------- the description


def test_the_description_and_the_routes_are_the_same(app: Flask, client: FlaskClient) -> None:
    described = {
        (method.upper(), ROOT + path)
        for path, methods in client.get(f"{HERE}/openapi.json").json["paths"].items()  # type: ignore[index]
        for method in methods
    }
    served = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v"):
            path = "".join(f"{{{name}}}" if is_dynamic else name for is_dynamic, name in rule._trace if name != "|")
            served |= {(method, path) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert described == served
    assert len(OPERATIONS) == len({each.name for each in OPERATIONS}) > 10


def test_every_answer_and_parameter_is_described(client: FlaskClient) -> None:
    found = client.get(f"{HERE}/openapi.json").json
    assert found is not None
    assert found["openapi"] == "3.1.0"
    for path, methods in found["paths"].items():
        for operation in methods.values():
            assert operation["operationId"]
            assert operation["summary"]
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_the_page_shows_each_operation_and_works_without_a_script(client: FlaskClient) -> None:
    page = client.get("/api").get_data(as_text=True)
    for each in OPERATIONS:
        assert each.template in page
    asked = client.get("/api?op=title_users&title_id=../../evil&as_of=2026-01-01&q=a%20b").get_data(as_text=True)
    assert 'href="/api/v1/titles/..%2F..%2Fevil/users?q=a+b&amp;as_of=2026-01-01"' in asked
    assert client.get("/api?op=%22%3E%3Cscript%3E").status_code == 200
