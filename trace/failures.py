"""Refusals and faults as answers: a page, or RFC 9457 JSON for those who ask for it. Never a stack trace."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

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
from trace import access, db
from trace.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    SignInNeeded,
    TemThatError,
    TooLarge,
    Unavailable,
)
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

# A missing font or key is no mistake of the person who asked.
OUR_FAULT = (FontMissing, NoKey, UnknownWrapping, WrongMasterKey)

BARE_PAGE = (
    '<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{message}</title><h1>{message}</h1><p>{way_out}</p></html>"
)

log = structlog.get_logger("temthat.failures")


class FormExpired(Forbidden):
    """This form is no longer valid, because the sign-in has ended or changed.

    Go back, load the page again and send it once more.
    """


class WrongMethod(Invalid):
    """This address does not take that kind of request."""

    status = 405


class BadRequest(Invalid):
    """The request cannot be understood.

    Go back and try again.
    """

    status = 400


def init_app(app: Flask) -> None:
    """Join the handlers to the application."""
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


def _database(exc: Exception) -> ResponseReturnValue:
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
    """Whether the caller prefers JSON to a page."""
    best = request.accept_mimetypes.best_match(
        ["text/html", "application/json", "application/problem+json"], default="text/html"
    )
    return best != "text/html"


def _answer(
    error: TemThatError, headers: dict[str, str] | None = None, said: list[dict[str, str | None]] | None = None
) -> ResponseReturnValue:
    with contextlib.suppress(SQLAlchemyError):
        db.discard()
    if error.status in {500, 503}:
        access.forget_person()
    headers = {k: v for k, v in (headers or {}).items() if k.lower() not in {"content-type", "content-length"}}
    if error.status == 503:
        headers["Retry-After"] = "30"
    reasons = error.reasons if isinstance(error, Refused) else ()
    said = said or [{"message": explain(reason), "way_out": way_out(reason)} for reason in reasons]
    if wants_json():
        problem: dict[str, object] = {
            "type": "about:blank",
            "title": explain(error),
            "status": error.status,
            "detail": way_out(error),
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
