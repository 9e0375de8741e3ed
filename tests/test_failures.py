"""Refusals and faults as people and programs see them: the right status, words in Vietnamese, nothing of the inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from flask import render_template, request
from flask_babel import force_locale
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as NewSession
from sqlalchemy.pool import NullPool
from structlog.testing import capture_logs

from tests import factories
from tests.conftest import NOW, config_for
from trace import clock, errors
from trace.access import needs
from trace.app import create_app
from trace.db import session as request_session
from trace.models.history import History, NumberSeries
from trace.services import accounts, history
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

JSON = {"Accept": "application/json"}
SECRET = "SELECT mat_khau FROM bi_mat"
DEAD = "postgresql+psycopg://nobody@/none?host=/nonexistent/socket&connect_timeout=1"


class Taken(errors.Conflict):
    """This lot code is in use."""


@pytest.fixture
def app(engine: Engine, connection: Any, tmp_path: Path) -> Flask:
    """An application of the test's own, with views that fail in every way."""
    made = create_app(config_for(str(engine.url), tmp_path), engine=engine)
    made.extensions["sessionmaker"] = lambda: NewSession(connection, join_transaction_mode="create_savepoint")

    def view(name: str, failing: Callable[[], Any]) -> None:
        made.add_url_rule(f"/test/{name}", name, needs(None)(failing), methods=["GET", "POST"])

    def fail(error: Exception) -> Callable[[], Any]:
        def failing() -> Any:
            raise error

        return failing

    view("fault", fail(RuntimeError(SECRET)))
    view("operational", fail(OperationalError(SECRET, {}, Exception(SECRET))))
    view("refused", fail(errors.Refused([Taken(), errors.Conflict(), errors.TooLarge()])))
    for status, kind in KINDS.items():
        view(str(status), fail(kind()))

    def half_done() -> Any:
        next_number(request_session(), "PA", at=NOW)
        raise Taken

    def redrawn() -> Any:
        next_number(request_session(), "PA", at=NOW)
        return render_template("error.html", status=422, message="", inside=True), 422

    def broken_transaction() -> Any:
        try:
            request_session().execute(text("SELECT 1/0"))
        except Exception as exc:
            raise Taken from exc

    def data() -> Any:
        return {"n": request_session().scalar(text("SELECT CAST(:n AS int)"), {"n": request.args["n"]})}

    def nul() -> Any:
        return {"n": request_session().scalar(text("SELECT CAST(:n AS text)"), {"n": request.args["n"]})}

    view("half-done", half_done)
    view("redrawn", redrawn)
    view("broken-transaction", broken_transaction)
    view("number", data)
    view("text", nul)
    return made


KINDS: dict[int, type[errors.TemThatError]] = {
    401: errors.SignInNeeded, 403: errors.Forbidden, 404: errors.NotFound, 409: errors.Conflict, 413: errors.TooLarge,
    422: errors.Invalid, 429: errors.TooMany, 500: errors.TemThatError, 503: errors.Unavailable,
}  # fmt: skip


def problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = json.loads(answer.data)
    assert found["status"] == answer.status_code
    assert found["type"] == "about:blank"
    assert found["title"]
    assert set(found) <= {"type", "title", "status", "detail", "errors"}
    return found  # type: ignore[no-any-return]


def is_whole(page: str) -> bool:
    """Whether the error has its proper page, and not the bare one for when even that is broken."""
    return "/static/base.css" in page


def vietnamese(app: Flask, message: str) -> str:
    with app.test_request_context(), force_locale("vi"):
        from flask_babel import gettext

        said = str(gettext(message))
    assert said != message
    return said


# ------------------------------------------------------------------------------------------------------ the family


@pytest.mark.parametrize("status", KINDS)
def test_a_refusal_is_a_page_in_vietnamese(app: Flask, client: FlaskClient, status: int) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    # A page to read is asked for again after the sign-in; a form that was sent gets its answer.
    answer = client.post(f"/test/{status}")
    assert answer.status_code == status
    page = answer.get_data(as_text=True)
    assert answer.mimetype == "text/html"
    assert '<html lang="vi">' in page
    assert vietnamese(app, KINDS[status].message_id()) in page
    assert is_whole(page)


@pytest.mark.parametrize("status", KINDS)
def test_a_refusal_is_problem_json_for_programs(client: FlaskClient, status: int) -> None:
    answer = client.get(f"/test/{status}", headers=JSON)
    assert answer.status_code == status
    problem(answer)
    assert (
        client.get(f"/test/{status}", headers={"Accept": "application/problem+json"}).mimetype
        == "application/problem+json"
    )


def test_pages_follow_the_reader_s_language(client: FlaskClient) -> None:
    client.set_cookie("lang", "en")
    page = client.get("/test/409").get_data(as_text=True)
    assert '<html lang="en">' in page
    assert errors.Conflict.message_id() in page


@pytest.mark.parametrize(
    "accept", ["*/*", "", "text/html,application/xhtml+xml,*/*;q=0.8", "image/avif,image/webp", "text/*", "nonsense"]
)
def test_whoever_does_not_ask_for_json_gets_a_page(client: FlaskClient, accept: str) -> None:
    assert client.get("/test/409", headers={"Accept": accept}).mimetype == "text/html"


def test_all_reasons_are_given_at_once(app: Flask, client: FlaskClient) -> None:
    found = problem(client.get("/test/refused", headers=JSON))
    assert len(found["errors"]) == 3
    assert found["errors"][1]["way_out"]
    page = client.get("/test/refused").get_data(as_text=True)
    for reason in (errors.Conflict, errors.TooLarge):
        assert vietnamese(app, reason.message_id()) in page


def test_nobody_with_a_page_to_read_is_sent_to_the_sign_in_and_a_program_is_told(client: FlaskClient) -> None:
    answer = client.get("/van-bang?page=2")
    assert (answer.status_code, answer.location) == (303, "/dang-nhap?next=/van-bang?page%3D2")
    assert client.head("/van-bang").status_code == 303
    assert client.get("/van-bang", headers=JSON).status_code == 401


# ---------------------------------------------------------------------------------------------- what HTTP itself refuses


@pytest.mark.parametrize(
    "path",
    ["/no/such/page", "/van-bang/not-a-uuid", "/\U0001f336", "/%00", "/..%2f..%2fetc%2fpasswd", "/static/none.css"],
)
def test_an_address_that_is_nothing_is_not_found(app: Flask, client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert vietnamese(app, errors.NotFound.message_id()) in answer.get_data(as_text=True)
    assert problem(client.get(path, headers=JSON))["detail"]


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.delete("/dang-nhap")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["Allow"].split(",")}
    assert answer.headers["Content-Type"].startswith("text/html")
    answer = client.get("/dang-xuat", headers=JSON)
    problem(answer)
    assert "POST" in answer.headers["Allow"]


def test_what_is_too_large_is_refused(app: Flask, client: FlaskClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    sent: dict[str, Any] = {"data": b"x" * 20_000, "content_type": "multipart/form-data; boundary=x"}
    answer = client.post("/dang-nhap", **sent)
    assert answer.status_code == 413
    assert vietnamese(app, errors.TooLarge.message_id()) in answer.get_data(as_text=True)
    problem(client.post("/dang-nhap", **sent, headers=JSON))


def test_a_field_of_megabytes_is_refused_though_a_file_may_be(app: Flask, client: FlaskClient) -> None:
    long = b"x" * (app.config["MAX_FORM_MEMORY_SIZE"] + 1)
    part = b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\n' + long + b"\r\n--x--\r\n"
    assert client.post("/dang-nhap", data=part, content_type="multipart/form-data; boundary=x").status_code == 413
    assert (
        client.post("/dang-nhap", data=b"login=" + long, content_type="application/x-www-form-urlencoded").status_code
        == 413
    )
    many = {f"field{n}": "x" for n in range(2000)}
    assert client.post("/dang-nhap", data=many, content_type="multipart/form-data").status_code == 413


def test_a_form_without_its_token_is_refused_in_vietnamese(app: Flask, client: FlaskClient) -> None:
    from trace.failures import FormExpired

    for data in ({}, {"csrf_token": "forged"}, {"csrf_token": "🌶"}):
        answer = client.post("/dang-nhap", data=data)
        assert answer.status_code == 403
        page = answer.get_data(as_text=True)
        assert vietnamese(app, FormExpired.message_id()) in page
        assert vietnamese(app, str(FormExpired.way_out_id())) in page
    assert problem(client.post("/dang-nhap", headers=JSON))["status"] == 403


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"{", "application/json"),
    ],
)
def test_a_body_that_makes_no_sense_is_no_fault_of_ours(client: FlaskClient, body: bytes, kind: str) -> None:
    assert client.post("/dang-nhap", data=body, content_type=kind).status_code in {400, 403}


@pytest.mark.parametrize(
    "query",
    [
        "endpoint=x",
        "_external=1",
        "_scheme=javascript",
        "_method=DELETE",
        "_anchor=x",
        "lang=xx",
        "lang=",
        "next=//[",
        "page=🌶",
        "filename=x",
    ],
)
def test_no_word_in_the_address_breaks_a_page(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/dang-nhap?{query}")
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "javascript:" not in page
    assert 'href="http' not in page


@pytest.mark.parametrize("value", ["99999999999999999999", "x", "1.5", ""])
def test_what_a_column_cannot_hold_is_a_bad_request(client: FlaskClient, value: str) -> None:
    assert client.get("/test/number", query_string={"n": value}).status_code == 400


def test_a_nul_in_a_search_is_a_bad_request(client: FlaskClient) -> None:
    assert client.get("/test/text?n=a%00b").status_code == 400


# ---------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("headers", [{}, JSON])
def test_a_fault_says_nothing_of_the_inside(client: FlaskClient, headers: dict[str, str]) -> None:
    with capture_logs() as logged:
        answer = client.get("/test/fault", headers=headers)
    assert answer.status_code == 500
    for inside in (SECRET, "RuntimeError", "Traceback", ".py"):
        assert inside not in answer.get_data(as_text=True)
    assert SECRET not in str(logged)
    (fault,) = [entry for entry in logged if entry["event"] == "fault"]
    assert fault["kind"] == "RuntimeError"
    assert "test_failures.py:" in fault["place"], "for whoever mends it"


def test_a_fault_in_testing_mode_answers_like_any_other(app: Flask) -> None:
    app.testing = True
    assert app.test_client().get("/test/fault").status_code == 500


@pytest.fixture
def signed(app: Flask, session: Session, world: factories.World) -> FlaskClient:
    """Somebody signed in, whose name the error page looks up."""
    token = accounts.start_session(session, world.packer, at=clock.now())
    session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    return client


def test_a_refusal_leaves_nothing_half_done(signed: FlaskClient, session: Session) -> None:
    token = {"csrf_token": _token(signed)}
    for answer in (signed.get("/test/half-done"), signed.post("/test/half-done", data=token)):
        assert answer.status_code == 409
        assert "Người mẫu Đông" in answer.get_data(as_text=True)
        session.expire_all()
        assert factories.count(session, NumberSeries) == 0


def test_a_form_shown_again_leaves_nothing_half_done(signed: FlaskClient, session: Session) -> None:
    """On a page that is open to all, the page itself is the first to ask who reads it; that must not commit what the view wrote."""
    answer = signed.post("/test/redrawn", data={"csrf_token": _token(signed)})
    assert answer.status_code == 422
    assert "Người mẫu Đông" in answer.get_data(as_text=True)
    session.expire_all()
    assert factories.count(session, NumberSeries) == 0


def test_a_broken_transaction_still_gets_its_answer(signed: FlaskClient) -> None:
    answer = signed.get("/test/broken-transaction")
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert is_whole(page)
    assert "Người mẫu Đông" in page


def _token(client: FlaskClient) -> str:
    import re

    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/trang-chinh").get_data(as_text=True))
    assert found
    return found[1]


# ----------------------------------------------------------------------------------------------------- database down


@pytest.fixture
def cut_off(tmp_path: Path) -> Flask:
    """An application whose database is not there."""
    return create_app(config_for(DEAD, tmp_path), engine=create_engine(DEAD, poolclass=NullPool))


@pytest.mark.parametrize("path", ["/readyz", "/trang-chinh"])
def test_without_a_database_it_says_busy_and_come_back(cut_off: Flask, path: str) -> None:
    client = cut_off.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "a" * 43
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    page = answer.get_data(as_text=True)
    assert is_whole(page)
    assert vietnamese(cut_off, errors.Unavailable.message_id()) in page
    assert "nonexistent" not in page
    again = client.get(path, headers=JSON)
    assert problem(again)["status"] == 503
    assert again.headers["Retry-After"] == "30"


def test_without_a_database_signing_in_says_so_too(cut_off: Flask) -> None:
    import re

    client = cut_off.test_client()
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/dang-nhap").get_data(as_text=True))
    assert found
    answer = client.post(
        "/dang-nhap", data={"csrf_token": found[1], "login": "thu.kho", "password": factories.PASSWORD}
    )
    assert answer.status_code == 503


def test_without_a_database_it_is_alive_all_the_same(cut_off: Flask) -> None:
    assert cut_off.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_ready_means_the_schema_is_there(client: FlaskClient, session: Session) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["schema"]
    session.execute(text("DELETE FROM alembic_version"))
    session.commit()
    assert client.get("/readyz").status_code == 503


@pytest.mark.committed
def test_a_connection_lost_in_the_middle_is_a_503_and_the_next_request_works(committed: Engine, tmp_path: Path) -> None:
    app = create_app(config_for(str(committed.url), tmp_path), engine=committed)

    @app.get("/test/cut")
    @needs(None)
    def cut() -> dict[str, Any]:
        if request.args.get("cut"):
            history.record(request_session(), "lot:record", factories.some_id(), by=None, at=NOW)
            request_session().flush()
            own = request_session().scalar(text("SELECT pg_backend_pid()"))
            with committed.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
        return {"n": request_session().scalar(text("SELECT 1"))}

    client = app.test_client()
    assert client.get("/test/cut").get_json() == {"n": 1}
    answer = client.get("/test/cut?cut=1")
    assert answer.status_code == 503
    assert is_whole(answer.get_data(as_text=True))
    assert client.get("/test/cut").get_json() == {"n": 1}
    with NewSession(committed) as session:
        assert factories.count(session, History) == 0


@pytest.mark.committed
def test_two_who_waited_for_each_other_read_that_it_was_done_at_once_and_not_that_the_register_is_away(
    committed: Engine, tmp_path: Path
) -> None:
    app = create_app(config_for(str(committed.url), tmp_path), engine=committed)

    @app.get("/test/collide/<code>")
    @needs(None)
    def collide(code: str) -> dict[str, Any]:
        request_session().execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"))
        return {}

    for code in ("40P01", "40001", "55P03"):
        with capture_logs() as logged:
            answer = app.test_client().get(f"/test/collide/{code}", headers=JSON)
        assert problem(answer)["status"] == 409
        assert [entry["event"] for entry in logged if entry["event"] in {"collision", "database unreachable"}] == [
            "collision"
        ]
    assert app.test_client().get("/test/collide/57P03", headers=JSON).status_code == 503


# ----------------------------------------------------------------------------------------------------- the words of errors


def _family(kind: type[errors.TemThatError]) -> set[type[errors.TemThatError]]:
    return {kind} | {deeper for child in kind.__subclasses__() for deeper in _family(child)}


def test_every_error_says_something() -> None:
    ours = {kind for kind in _family(errors.TemThatError) if kind.__module__.split(".")[0] in {"trace", "enforcement"}}
    assert len(ours) > 30
    assert [kind for kind in ours if not kind.message_id()] == []


def test_every_error_knows_its_status() -> None:
    statuses = {
        kind.status
        for kind in _family(errors.TemThatError)
        if kind.__module__.split(".")[0] in {"trace", "enforcement"}
    }
    assert statuses <= {400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500, 503}
