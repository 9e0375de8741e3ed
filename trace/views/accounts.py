"""Signing in and out, the second factor, the first page after it, and the people of the system."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pyotp
import qrcode
import structlog
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_user, logout_user
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from trace import clock
from trace.access import May, Person, needs, network_hash, person, salted
from trace.db import session
from trace.errors import TemThatError
from trace.forms import PostForm, clean
from trace.models.parties import AppUser
from trace.services import accounts, mail_addresses
from trace.views import todo
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("accounts", __name__)
log = structlog.get_logger("temthat.accounts")

# Between the password and the six digits; after that the password is asked for again.
PENDING_SECONDS = 300


class SignInForm(PostForm):
    """Name and password."""

    login = StringField(
        _l("Sign-in name"), [InputRequired(_l("Write your sign-in name.")), Length(max=80)], filters=[clean]
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Write your password.")), Length(max=500)])


class DigitsForm(PostForm):
    """The six digits of the second factor."""

    digits = StringField(
        _l("Six digits"), [InputRequired(_l("Write the six digits from your app.")), Length(max=20)], filters=[clean]
    )


@bp.route("/dang-nhap", methods=["GET", "POST"])
@needs(None)
def sign_in() -> ResponseReturnValue:
    """Name and password; then the second factor, if the account has one."""
    if current_user.is_authenticated:
        return redirect(_next() or url_for(".home"), 303)
    form = SignInForm()
    if not form.validate_on_submit():
        return _sign_in_page(form, 422 if request.method == "POST" else 200)
    login, password = str(form.login.data), str(form.password.data)
    login_hash = salted(f"login:{login.lower()}")
    try:
        user = accounts.check_password(
            session(),
            login=login,
            password=password,
            login_hash=login_hash,
            network_hash=network_hash(),
            at=clock.now(),
        )
    except TemThatError as exc:
        session().commit()  # the failed try counts
        return _sign_in_page(form, exc.status, exc)
    if user.totp_sealed is None:
        return _enter(user)
    cookie.clear()
    cookie["pending"] = {"user": str(user.id), "at": int(clock.now().timestamp())}
    session().commit()
    return redirect(url_for(".second_factor", next=_next()), 303)


@bp.route("/dang-nhap/ma-xac-thuc", methods=["GET", "POST"])
@needs(None)
def second_factor() -> ResponseReturnValue:
    """The six digits, within five minutes of the password."""
    pending = cookie.get("pending")
    if not pending or clock.now().timestamp() - pending["at"] > PENDING_SECONDS:
        cookie.pop("pending", None)
        flash(_("Sign in again: too much time has passed since the password."), "warning")
        return redirect(url_for(".sign_in"), 303)
    form = DigitsForm()
    error: TemThatError | None = None
    if form.validate_on_submit():
        user = session().get_one(AppUser, pending["user"])
        login_hash = salted(f"login:{user.login}")
        try:
            accounts.check_tries(session(), login_hash=login_hash, network_hash=network_hash(), at=clock.now())
            accounts.check_open(user)
            accounts.check_second_factor(session(), user, str(form.digits.data), key=_totp_key(), at=clock.now())
        except TemThatError as exc:
            accounts.count_failure(session(), login_hash=login_hash, network_hash=network_hash(), at=clock.now())
            session().commit()
            error = exc
        else:
            return _enter(user)
    status = error.status if error else 422 if request.method == "POST" else 200
    return render_template("accounts/second_factor.html", form=form, extra=_said(error)), status


@bp.route("/tai-khoan/xac-thuc-hai-lop", methods=["GET", "POST"])
@needs(May.ACCOUNT_USE)
def second_factor_setup() -> ResponseReturnValue:
    """Join an authenticator app to the account: the secret is shown once, and taken only with right digits from it."""
    whoever = person()
    if whoever.has_second_factor:
        return redirect(url_for(".home"), 303)
    form = DigitsForm()
    secret = cookie.setdefault("totp_offer", accounts.new_second_factor())
    error: TemThatError | None = None
    if form.validate_on_submit():
        user = session().get_one(AppUser, whoever.id)
        try:
            accounts.set_second_factor(session(), user, secret, key=_totp_key(), at=clock.now(), by=whoever.id)
            # Checked like any other, so these six digits are used up too.
            accounts.check_second_factor(session(), user, str(form.digits.data), key=_totp_key(), at=clock.now())
        except TemThatError as exc:
            session().rollback()
            error = exc
        else:
            session().commit()
            cookie.pop("totp_offer", None)
            flash(_("The second factor is set up. You will be asked for it at every sign-in."), "success")
            return redirect(url_for(".home"), 303)
    address = pyotp.TOTP(secret).provisioning_uri(name=whoever.full_name, issuer_name="Tem Thật")
    picture = io.BytesIO()
    qrcode.make(address, border=2).save(picture)
    page = render_template(
        "accounts/second_factor_setup.html",
        form=form, secret=secret, picture=base64.b64encode(picture.getvalue()).decode(), extra=_said(error),
    )  # fmt: skip
    return page, 422 if request.method == "POST" else 200


@bp.post("/dang-xuat")
@needs(May.ACCOUNT_USE)
def sign_out() -> ResponseReturnValue:
    """End the session here and in the database: the old cookie is worth nothing."""
    accounts.end_session(session(), person().token, at=clock.now())
    session().commit()
    logout_user()
    cookie.clear()
    return redirect(url_for(".sign_in"), 303)


@bp.get("/trang-chinh")
@needs(May.ACCOUNT_USE)
def home() -> ResponseReturnValue:
    """What this person can do here, by their roles."""
    whoever = person()
    posts = [(say(post.role), post.party.name) for post in whoever.posts]
    wanted = [
        (May.LABEL_ORDER, _("Order labels for a certified lot"), "orders.new"),
        (May.LABEL_READ, _("See orders, print labels, account for every serial"), "orders.index"),
        (May.LABEL_HAND_OVER, _("Confirm hand-overs of labels"), "orders.handovers"),
        (May.LOT_RECORD, _("Record a lot"), "lots.new"),
        (May.AREA_EDIT, _("Record a growing area: draw it, walk it or paste its points"), "area_forms.new"),
        (May.AREA_IMPORT, _("Bring in growing areas from a file"), "area_imports.index"),
        (May.AREA_EDIT, _("Record a production site"), "sites.new"),
        (May.AREA_CODE, _("Keep growing-area codes"), "areas.index"),
        (May.AREA_READ, _("See growing areas on the map"), "area_maps.index"),
        (May.MEMBER_EDIT, _("Keep the members of a collective"), "members.index"),
        (May.TABLE_IMPORT, _("Bring in a table: members, areas, lots or visits"), "tables.index"),
        (May.CONTROL_RECORD, _("Record a control visit"), "visits.new"),
        (May.CONTROL_SELF, _("Record a self-control"), "visits.new_self"),
        (May.APPLICATION_WRITE, _("Apply for the right to use a sign"), "applications.new"),
        (May.APPLICATION_EVALUATE, _("Receive and evaluate applications"), "applications.index"),
        (May.CERTIFICATE_READ, _("See who was authorised on a day"), "certificates.as_of"),
        (May.CERTIFICATE_DECIDE, _("Decide on certificates of use"), "certificates.index"),
        (May.TITLE_EDIT, _("Enter titles, regulations, products and seasons"), "titles.index"),
        (May.CONTROL_PLAN, _("Draw up control plans"), "control_plans.index"),
        (May.SCAN_FACTS, _("Check a label, with the facts for officers"), "verify.typed"),
        (May.OBSERVATION_RECORD, _("Log an observation in the field"), "observations.new"),
        (May.SIGNAL_TRIAGE, _("Work the queue of doubts"), "queue.index"),
        (May.CASE_READ, _("Work on cases"), "cases.index"),
        (May.USER_MANAGE, _("See who can sign in"), "accounts.people"),
    ]
    deeds = [(label, url_for(endpoint)) for permission, label, endpoint in wanted if whoever.may(permission)]
    return render_template("accounts/home.html", posts=posts, deeds=deeds, tasks=todo.tasks())


@bp.get("/quan-tri/nguoi-dung")
@needs(May.USER_MANAGE)
def people() -> ResponseReturnValue:
    """Everybody who can sign in, with their roles."""
    found = accounts.people(session())
    addresses = mail_addresses.of(session(), {user.id for user, _given, _party in found})
    return render_template("accounts/people.html", people=found, addresses=addresses)


def _enter(user: AppUser) -> ResponseReturnValue:
    """Start a fresh session: nothing of the cookie from before the sign-in is kept."""
    target = _next() or url_for(".home")
    token = accounts.start_session(session(), user, at=clock.now())
    session().commit()
    found = accounts.signed_in(session(), token, at=clock.now())
    cookie.clear()
    if found is not None:
        login_user(Person(token, found))
    return redirect(target, 303)


def _next() -> str | None:
    """Where to go after the sign-in: a path of this site, never another host."""
    wanted = request.values.get("next", "")
    plain = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if plain and wanted.isprintable() and len(wanted) < 500 else None


def _totp_key() -> bytes:
    key: bytes = current_app.config["TEMTHAT"].derived("second-factor")
    return key


def _sign_in_page(form: SignInForm, status: int, error: TemThatError | None = None) -> ResponseReturnValue:
    return render_template("accounts/sign_in.html", form=form, extra=_said(error)), status


def _said(error: TemThatError | None) -> list[dict[str, str | None]]:
    return [{"message": explain(error), "way_out": way_out(error)}] if error else []
