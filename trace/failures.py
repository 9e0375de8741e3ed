"""Refusals and faults as answers: a page, or RFC 9457 JSON for those who ask for it. Never a stack trace."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import structlog
from flask import jsonify, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoSuchPage

from labels.errors import FontMissing, LabelError, NoKey, UnknownWrapping, WrongMasterKey
from trace import access, db, tongues
from trace.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    SignInNeeded,
    TemThatError,
    TooLarge,
    TooMany,
    Unavailable,
)
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask import Flask, Response
    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import MIMEAccept

# A missing font or key is no mistake of the person who asked.
OUR_FAULT = (FontMissing, NoKey, UnknownWrapping, WrongMasterKey)

# Two transactions that waited for each other, could not be put in an order, or one that waited too long for the other.
COLLIDED = frozenset({"40P01", "40001", "55P03"})

INTERFACE = "/api/v"
PROBLEMS = "/api/problems"

BARE_PAGE = (
    '<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{message}</title><h1>{message}</h1><p>{way_out}</p></html>"
)

log = structlog.get_logger("temthat.failures")


class FormExpired(Forbidden):
    """This form is no longer valid, because the sign-in has ended or changed.

    Go back, load the page again and send it once more.
    """


class AtOnce(Conflict):
    """Somebody else did something at the same moment, so this was not done.

    Try again.
    """


class WrongMethod(Invalid):
    """This address does not take that kind of request."""

    status = 405


class BadRequest(Invalid):
    """The request cannot be understood.

    Go back and try again.
    """

    status = 400


NAMED: dict[str, type[TemThatError]] = {
    "bad-request": BadRequest, "conflict": Conflict, "fault": TemThatError, "forbidden": Forbidden, "invalid": Invalid,
    "not-found": NotFound, "sign-in-needed": SignInNeeded, "too-large": TooLarge, "too-many": TooMany, "unavailable": Unavailable,
    "wrong-method": WrongMethod,
}  # fmt: skip
"""The names of the kinds of refusals, as programs know them. Names are for ever; the status decides."""


def problem_type(error: TemThatError) -> str:
    """The address that names what kind of refusal this is; there is a page about it."""
    found = next((name for name, kind in NAMED.items() if kind.status == error.status), None)
    return f"{PROBLEMS}/{found or ('fault' if error.status >= 500 else 'bad-request')}"


def init_app(app: Flask) -> None:
    """Join the handlers to the application."""
    app.after_request(_stay_here)
    app.register_error_handler(TemThatError, _refused)
    app.register_error_handler(LabelError, _label_refused)
    app.register_error_handler(CSRFError, lambda _exc: _answer(FormExpired()))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(StaleDataError, lambda _exc: _answer(Conflict()))
    # A number beyond the column's range or a NUL in a query: what was sent cannot be stored or looked for.
    app.register_error_handler(DataError, lambda _exc: _answer(BadRequest()))
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(Exception, _fault)


def _refused(error: TemThatError) -> ResponseReturnValue:
    if isinstance(error, SignInNeeded) and not wants_json() and request.method in {"GET", "HEAD"}:
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)
    return _answer(error)


def _label_refused(error: LabelError) -> ResponseReturnValue:
    if isinstance(error, OUR_FAULT):
        return _fault(error)
    said = {"message": gettext(error.message_id(), **error.facts), "way_out": None}
    return _answer(Invalid(), said=[said])


def _http(exc: HTTPException) -> ResponseReturnValue:
    if exc.code is not None and exc.code < 400:
        return exc.get_response()
    known: dict[type[HTTPException], type[TemThatError]] = {
        NoSuchPage: NotFound, MethodNotAllowed: WrongMethod, RequestEntityTooLarge: TooLarge,
    }  # fmt: skip
    for kind, answer in known.items():
        if isinstance(exc, kind):
            return _answer(answer(), headers=dict(exc.get_headers()) if kind is MethodNotAllowed else None)
    return _answer(BadRequest() if exc.code and exc.code < 500 else TemThatError())


def _stay_here(response: Response) -> Response:
    """No redirect names a host: what a caller claims to be asking for must not come back as our word."""
    target = response.headers.get("Location", "/")
    if not target.startswith("/") or target.startswith("//"):
        parts = urlsplit(target)
        path = "/" + parts.path.replace("\\", "/").lstrip("/")
        response.headers["Location"] = urlunsplit(("", "", path, parts.query, parts.fragment))
        response.set_data(b"")
    return response


def _database(exc: Exception) -> ResponseReturnValue:
    code = getattr(getattr(exc, "orig", None), "sqlstate", None)
    if code in COLLIDED:
        log.warning("collision", code=code, rule=request.url_rule.rule if request.url_rule else None)
        return _answer(AtOnce())
    log.error("database unreachable", kind=type(exc).__name__)
    return _answer(Unavailable())


def _fault(exc: Exception) -> ResponseReturnValue:
    if isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return _database(exc)
    # Kind and place only: the text of an exception may quote what somebody typed.
    trace_back = exc.__traceback__
    while trace_back is not None and trace_back.tb_next is not None:
        trace_back = trace_back.tb_next
    place = f"{trace_back.tb_frame.f_code.co_filename}:{trace_back.tb_lineno}" if trace_back else None
    log.error("fault", kind=type(exc).__name__, place=place, rule=request.url_rule.rule if request.url_rule else None)
    return _answer(TemThatError())


def wants_json() -> bool:
    """Whether the caller prefers JSON to a page. Whoever asks the programming interface does, whatever it says."""
    if request.path.startswith(INTERFACE):
        return True
    return prefers_json(request.accept_mimetypes)


def prefers_json(accepted: MIMEAccept) -> bool:
    """Whether JSON is the best of what a caller takes."""
    best = accepted.best_match(["text/html", "application/json", "application/problem+json"], default="text/html")
    return best != "text/html"


def _answer(
    error: TemThatError, headers: dict[str, str] | None = None, said: list[dict[str, str | None]] | None = None
) -> ResponseReturnValue:
    tongues.plainly()
    with contextlib.suppress(SQLAlchemyError):
        db.discard()
    if error.status in {500, 503}:
        access.forget_person()
    headers = {k: v for k, v in (headers or {}).items() if k.lower() not in {"content-type", "content-length"}}
    if error.status == 503:
        headers["Retry-After"] = "30"
    elif "seconds" in error.facts:
        headers["Retry-After"] = str(error.facts["seconds"])
    reasons = error.reasons if isinstance(error, Refused) else ()
    said = said or [{"message": explain(reason), "way_out": way_out(reason)} for reason in reasons]
    if wants_json():
        problem: dict[str, object] = {
            "type": problem_type(error) if request.path.startswith(INTERFACE) else "about:blank",
            "title": explain(error),
            "status": error.status,
            **({"detail": detail} if (detail := way_out(error)) else {}),
            **getattr(error, "members", {}),
        }
        if said:
            problem["errors"] = said
        return jsonify(problem), error.status, {**headers, "Content-Type": "application/problem+json"}
    try:
        inside = current_user is not None and current_user.is_authenticated
        page = render_template(
            "error.html",
            status=error.status,
            message=explain(error),
            way_out=way_out(error),
            reasons=said,
            inside=inside,
        )
    except Exception as exc:
        log.error("error page broken", kind=type(exc).__name__)  # noqa: TRY400  the text of an exception may quote what somebody typed
        page = BARE_PAGE.format(
            lang=get_locale() or "vi", message=escape(explain(error)), way_out=escape(way_out(error) or "")
        )
    return page, error.status, headers
