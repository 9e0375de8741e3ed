"""Where one's letters go: one's own page, the administrator's for somebody else, and the page that a link in a letter opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import PostForm, clean
from trace.models.parties import AppUser
from trace.services import mail_addresses
from trace.views.lists import at_most
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("mail_addresses", __name__)


class AddressForm(PostForm):
    """The address at which letters are wanted."""

    address = StringField(
        _l("E-mail address"),
        [DataRequired(_l("Write the e-mail address.")), at_most(mail_addresses.LONGEST)],
        filters=[clean],
        render_kw={"type": "email", "autocomplete": "email", "inputmode": "email"},
    )


@bp.get("/tai-khoan/thu")
@needs(May.ACCOUNT_USE)
def mine() -> ResponseReturnValue:
    """Where my letters go."""
    return _page(person().id)


@bp.post("/tai-khoan/thu")
@needs(May.ACCOUNT_USE)
def ask() -> ResponseReturnValue:
    """Ask to get letters at an address."""
    return _ask(person().id)


@bp.post("/tai-khoan/thu/bo")
@needs(May.ACCOUNT_USE)
def remove() -> ResponseReturnValue:
    """Get no letters at my address any more."""
    return _remove(person().id)


@bp.get("/tai-khoan/thu/xac-nhan/<token>")
@needs(May.ACCOUNT_USE)
def link(token: str) -> ResponseReturnValue:
    """What a link leads to. Programs that read mail open links too, so the address counts only with the press of a button."""
    return render_template("accounts/mail_confirm.html", token=token, reasons=[])


@bp.post("/tai-khoan/thu/xac-nhan/<token>")
@needs(May.ACCOUNT_USE)
def confirm(token: str) -> ResponseReturnValue:
    """Take the address of a link into use."""
    try:
        found = mail_addresses.confirm(session(), token, user_id=person().id, at=clock.now())
    except TemThatError as exc:
        session().rollback()
        return render_template("accounts/mail_confirm.html", token=None, reasons=_told(exc)), exc.status
    address = found.address
    session().commit()
    flash(_("Letters now go to %(address)s.", address=address), "success")
    return redirect(url_for(".mine"), 303)


@bp.get("/quan-tri/nguoi-dung/<uuid:user_id>/thu")
@needs(May.USER_MANAGE)
def of_person(user_id: UUID) -> ResponseReturnValue:
    """Where somebody's letters go."""
    return _page(user_id, by_administrator=True)


@bp.post("/quan-tri/nguoi-dung/<uuid:user_id>/thu")
@needs(May.USER_MANAGE)
def ask_for(user_id: UUID) -> ResponseReturnValue:
    """Enter an address for somebody, who confirms it themselves."""
    return _ask(user_id, by_administrator=True)


@bp.post("/quan-tri/nguoi-dung/<uuid:user_id>/thu/bo")
@needs(May.USER_MANAGE)
def remove_of(user_id: UUID) -> ResponseReturnValue:
    """Send somebody no letters at their address any more."""
    return _remove(user_id, by_administrator=True)


def _ask(user_id: UUID, *, by_administrator: bool = False) -> ResponseReturnValue:
    form = AddressForm()
    if not form.validate():
        return _page(user_id, form=form, by_administrator=by_administrator), 422
    with once("mail_addresses.ask") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            asked = mail_addresses.ask(session(), user_id, form.address.data or "", by=person().id, at=clock.now())
        except mail_addresses.AddressMalformed as exc:
            session().rollback()
            form.address.errors = [f"{explain(exc)} {way_out(exc)}"]  # said at the field, as every other fault of it
            return _page(user_id, form=form, by_administrator=by_administrator), exc.status
        except TemThatError as exc:
            session().rollback()
            return _page(user_id, form=form, error=exc, by_administrator=by_administrator), exc.status
        key.settle(_here(user_id, by_administrator=by_administrator))
        address = asked.address
    session().commit()
    if current_app.config["TEMTHAT"].smtp_url:  # without one the page says that nothing is sent
        flash(_("A letter with a link goes to %(address)s within a few minutes.", address=address), "success")
    return redirect(key.location, 303)


def _remove(user_id: UUID, *, by_administrator: bool = False) -> ResponseReturnValue:
    mail_addresses.remove(session(), user_id, by=person().id, at=clock.now())
    session().commit()
    flash(_("The address has been removed."), "success")
    return redirect(_here(user_id, by_administrator=by_administrator), 303)


def _here(user_id: UUID, *, by_administrator: bool) -> str:
    return url_for(".of_person", user_id=user_id) if by_administrator else url_for(".mine")


def _page(
    user_id: UUID, *, form: AddressForm | None = None, error: TemThatError | None = None, by_administrator: bool = False
) -> str:
    found = mail_addresses.standing(session(), user_id)
    return render_template(
        "accounts/mail_address.html",
        standing=found,
        whose=session().get_one(AppUser, user_id) if by_administrator else None,
        form=form or AddressForm(formdata=None),
        reasons=_told(error) if error else [],
        ask_url=url_for(".ask_for", user_id=user_id) if by_administrator else url_for(".ask"),
        remove_url=url_for(".remove_of", user_id=user_id) if by_administrator else url_for(".remove"),
        mail_is_sent=bool(current_app.config["TEMTHAT"].smtp_url),
    )


def _told(error: TemThatError) -> list[dict[str, str | None]]:
    return [{"message": explain(error), "way_out": way_out(error)}]
