"""create_app: the one place where the parts are joined."""

from __future__ import annotations

import gzip
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import structlog
from flask import Flask, g, request
from flask_babel import Babel, get_domain, get_locale
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

import enforcement.schema  # noqa: F401  the mapped classes refer to each other across both slices
from enforcement.views import blueprints as desk_blueprints
from enforcement.views.todo import tasks as desk_tasks
from trace import access, db, failures, headers, shown, tongues
from trace.config import ROOT, Config
from trace.pacing import Paced
from trace.services.keys import KeyringCache
from trace.services.limits import Limits
from trace.services.scanning import Salts
from trace.views import blueprints
from trace.views.asking import Desk
from trace.views.scan_lane import ScanLane
from trace.words import LOCALES

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Engine

PUBLIC_PAGES = {
    "api", "api_document", "verify", "lot_codes", "scan_places", "report", "gallery", "certificate_status", "public",
}  # fmt: skip
COMPRESSIBLE = {
    "text/html",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "image/svg+xml",
}
UPLOAD_MOST = 64 * 2**20
# A film of two gigabytes and the form around it; only people who work cases get so far.
UPLOAD_MOST_AT = dict.fromkeys(("case_evidence.add", "case_evidence.bring"), 2 * 2**30 + 2**20)
log = structlog.get_logger("temthat.web")
csrf = CSRFProtect()


def create_app(config: Config | None = None, *, engine: Engine | None = None, testing: bool = False) -> Flask:
    """The application over a configuration (the environment's, if none is given)."""
    config = config or Config.from_env()
    write_logs()
    app = Flask("trace", root_path=str(ROOT / "trace"))
    app.config.update(
        TEMTHAT=config,
        TESTING=testing,
        SECRET_KEY=config.derived("session-cookie"),
        SALT=config.derived("salt"),
        GALLERY=config.environment == "demo",
        SESSION_COOKIE_NAME="temthat",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.secure_cookies,
        MAX_CONTENT_LENGTH=UPLOAD_MOST,
        MAX_FORM_MEMORY_SIZE=512 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # the token ends with the sign-in session
        BABEL_DEFAULT_LOCALE="vi",
        BABEL_DEFAULT_TIMEZONE="Asia/Ho_Chi_Minh",
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_loader = shown.loader()
    db.init_app(app, engine or db.make_engine(config))
    app.before_request(_begin)
    Babel(app, locale_selector=tongues.choose)
    # Flask-Babel looks the catalogue up anew for every word of a page; a request speaks one language.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda word: _spoken().ugettext(word), lambda one, many, n: _spoken().ungettext(one, many, n), newstyle=True
    )
    access.init_app(app)
    app.extensions["keyring"] = KeyringCache(config.master_key)
    app.extensions["limits"] = Limits(None if testing else config.var_dir / "limits")
    app.extensions["desk"] = Desk(
        app.extensions["keyring"], app.extensions["limits"], Salts(), app.extensions
    )  # fmt: skip
    csrf.init_app(app)
    failures.init_app(app)
    shown.init_app(app)
    for blueprint, anonymous in [*blueprints(), *desk_blueprints()]:
        app.register_blueprint(blueprint)
        if anonymous:
            # Nobody's authority rides on these forms, and they must work without a cookie.
            csrf.exempt(blueprint)
    app.extensions["tasks"] = (desk_tasks,)
    app.after_request(_finish)
    app.context_processor(_page)
    app.wsgi_app = ScanLane(app, app.wsgi_app, app.extensions["desk"])  # type: ignore[method-assign]
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.trusted_proxies, x_proto=config.trusted_proxies)  # type: ignore[method-assign]
    app.wsgi_app = Paced(app.wsgi_app)  # type: ignore[method-assign]
    return app


def write_logs() -> None:
    """One JSON object a line on standard error: what happened, never what somebody typed."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _spoken() -> Any:
    """The catalogue of this request's language."""
    if "spoken" not in g:
        g.spoken = get_domain().get_translations()
    return g.spoken


def _begin() -> None:
    g.nonce = secrets.token_urlsafe(16)
    g.began = time.perf_counter()
    if request.endpoint in UPLOAD_MOST_AT:
        request.max_content_length = UPLOAD_MOST_AT[request.endpoint]
    if request.mimetype == "application/x-www-form-urlencoded":
        # Werkzeug reads such a form whole and caps only the text parts of the other kind.
        request.max_content_length = request.max_form_memory_size


def _finish(response: Response) -> Response:
    nonce = g.get("nonce", "")
    secured = [("Content-Security-Policy", headers.policy(nonce)), *headers.FIXED]
    for name, value in [*secured, headers.OVER_TLS] if request.is_secure else secured:
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    elif "v" in request.args and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    asked = request.args.get("lang")
    if asked in LOCALES and request.endpoint != "static" and request.blueprint not in PUBLIC_PAGES:
        response.set_cookie("lang", asked, max_age=31536000, samesite="Lax", httponly=True, secure=request.is_secure)
    _squeeze(response)
    # The path stays out of the log: it may hold a code or the secret of a follow-up page. The rule does not.
    log.info(
        "request",
        method=request.method,
        rule=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        ms=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
    )
    return response


def _squeeze(response: Response) -> None:
    """Compress what anybody may see. Pages behind the sign-in are left alone: compressed, their length would tell of the token inside."""
    public = request.blueprint in PUBLIC_PAGES or request.endpoint == "static"
    wanted = (
        request.accept_encodings["gzip"] > 0 and str(response.mimetype) in COMPRESSIBLE and response.status_code != 304
    )
    # A file that is the same for everybody holds no token, whoever asks for it.
    private = request.endpoint != "static" and (response.is_streamed or _signed_in_cookie())
    if not public or not wanted or private:
        return
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) > 1000:
        response.set_data(gzip.compress(body, compresslevel=4, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")


def _signed_in_cookie() -> bool:
    """Whether the request came with a sign-in."""
    return request.cookies.get("temthat") is not None


def _page() -> dict[str, object]:
    who = current_user._get_current_object() if current_user and current_user.is_authenticated else None  # noqa: SLF001
    locale = str(get_locale() or "vi")
    return {
        "nonce": g.get("nonce", ""),
        "locale": locale,
        "lang_mark": tongues.mark(locale),
        "tongues": tongues.others(locale, request.endpoint if request else None),
        "locale_url": _locale_url,
        "who": who,
        "nav": shown.navigation(who),
    }


def _locale_url(lang: str) -> str:
    """This page in the other language. Only the query changes: its words are the reader's, and none may steer `url_for`."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return "?" + urlencode([*kept, ("lang", lang)])
