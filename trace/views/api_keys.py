"""Keys and webhooks of partners, for those who answer for them: administrators see all, everybody else those of their own bodies.

What must not live here: what a key opens (`api_core`), and how a webhook is told (`services.webhooks`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.forms import PostForm, VietnameseDate, clean
from trace.models.api import ApiScope, DeliveryState, WebhookKind
from trace.models.parties import Role
from trace.services import api_keys, outgoing, webhooks
from trace.views import lists
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Collection

    from flask.typing import ResponseReturnValue

    from trace.errors import TemThatError

bp = Blueprint("api_keys", __name__, url_prefix="/ket-noi")

SHOWN_ONCE = "api_secret"
SCOPES = {
    ApiScope.VERIFY_READ: _l("Check labels, with limits of its own"),
    ApiScope.REGISTER_READ: _l("Read the public registers more often"),
    ApiScope.WEBHOOK_MANAGE: _l("Make and remove webhooks of its own"),
}
KINDS = {
    WebhookKind.CERTIFICATE_STATUS_CHANGED: _l("A certificate was granted, suspended, reinstated, revoked or given up"),
    WebhookKind.LABEL_RANGE_VOIDED: _l("Labels were voided"),
    WebhookKind.LOT_RECALLED: _l("A lot was recalled"),
    WebhookKind.PRODUCT_CHANGED: _l("A product was entered or changed"),
    WebhookKind.TITLE_CHANGED: _l("A title was entered or changed"),
}
TEST = _l("Test message")


class Boxes(SelectMultipleField):
    """Several choices, each with its box, refused in our words when one is not among them."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class KeyForm(PostForm):
    """A key about to be made."""

    keeper = lists.Choice(_l("Body that answers for the partner"), [InputRequired(_l("Choose the body."))])
    organisation = StringField(
        _l("Partner organisation"),
        [DataRequired(_l("Write the name of the organisation.")), lists.at_most(200)],
        filters=[clean],
    )
    name = StringField(
        _l("What the key is for"), [DataRequired(_l("Write what the key is for.")), lists.at_most(100)], filters=[clean]
    )
    scopes = Boxes(
        _l("The key may be used to"), [InputRequired(_l("Choose at least one thing that the key may be used for."))]
    )
    expires_on = VietnameseDate(_l("Valid until and including"), [InputRequired(_l("Write the last day."))])

    def offer(self) -> None:
        """Bodies and scopes to choose from, and a year to begin with."""
        self.keeper.choices = _bodies()
        self.scopes.choices = [(scope.value, words) for scope, words in SCOPES.items()]
        if request.method == "GET":
            self.expires_on.data = lists.today() + timedelta(days=365)
            if len(self.keeper.choices) == 1:
                self.keeper.data = self.keeper.choices[0][0]


class WebhookForm(PostForm):
    """A webhook about to be made."""

    keeper = lists.Choice(_l("Body that answers for it"), [InputRequired(_l("Choose the body."))])
    url = StringField(_l("Address"), [DataRequired(_l("Write the address.")), lists.at_most(500)], filters=[clean])
    kinds = Boxes(_l("What it is told of"), [InputRequired(_l("Choose at least one kind of event."))])

    def offer(self) -> None:
        """Bodies and kinds to choose from."""
        self.keeper.choices = _bodies()
        self.kinds.choices = [(kind.value, words) for kind, words in KINDS.items()]
        if request.method == "GET" and len(self.keeper.choices) == 1:
            self.keeper.data = self.keeper.choices[0][0]


@bp.get("")
@needs(May.API_MANAGE)
def index() -> ResponseReturnValue:
    """Keys and webhooks. What was just made shows its secret, this once."""
    kept = keepers()
    return render_template(
        "api/keys.html", keys=api_keys.listing(session(), keepers=kept), hooks=webhooks.listing(session(), keepers=kept, key_id=None),
        fresh=cookie.pop(SHOWN_ONCE, None), today=lists.today(), kinds=KINDS,
    )  # fmt: skip


@bp.route("/khoa/moi", methods=["GET", "POST"])
@needs(May.API_MANAGE)
def new_key() -> ResponseReturnValue:
    """Make a key for a partner."""
    form = KeyForm()
    form.offer()
    if request.method == "GET":
        return render_template("api/key_new.html", form=form)
    if not form.validate():
        return render_template("api/key_new.html", form=form), 422
    with once("api_keys.new_key") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made, secret = api_keys.create(
                session(), keeper_id=UUID(form.keeper.data), organisation=form.organisation.data, name=form.name.data,
                scopes=[ApiScope(each) for each in form.scopes.data], expires_on=form.expires_on.data, by=person().id, at=clock.now(),
            )  # fmt: skip
        except api_keys.ExpiryOutOfRange as exc:
            session().rollback()
            _object(form.expires_on, exc)
            return render_template("api/key_new.html", form=form), exc.status
        key.settle(url_for(".index"))
    session().commit()
    cookie[SHOWN_ONCE] = {"title": made.name, "secret": secret, "kind": "key"}
    return redirect(url_for(".index"), 303)


@bp.route("/khoa/<uuid:key_id>/thu-hoi", methods=["GET", "POST"])
@needs(May.API_MANAGE)
def revoke(key_id: UUID) -> ResponseReturnValue:
    """Take a key back."""
    if request.method == "GET":
        key = api_keys.get(session(), key_id, keepers=keepers())
        return render_template("api/key_revoke.html", key=key, form=PostForm())
    api_keys.revoke(session(), key_id, keepers=keepers(), by=person().id, at=clock.now())
    session().commit()
    flash(_("The key was revoked. It opens nothing any more."), "success")
    return redirect(url_for(".index"), 303)


@bp.route("/webhook/moi", methods=["GET", "POST"])
@needs(May.API_MANAGE)
def new_webhook() -> ResponseReturnValue:
    """Make a webhook."""
    form = WebhookForm()
    form.offer()
    if request.method == "GET":
        return render_template("api/webhook_new.html", form=form)
    if not form.validate():
        return render_template("api/webhook_new.html", form=form), 422
    config = current_app.config["TEMTHAT"]
    with once("api_keys.new_webhook") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made, secret = webhooks.subscribe(
                session(), keeper_id=UUID(form.keeper.data), url=form.url.data, kinds=[WebhookKind(each) for each in form.kinds.data],
                sealing=config.derived("webhook"), by=person().id, at=clock.now(), loopback=config.webhook_loopback,
            )  # fmt: skip
        except (outgoing.AddressRefused, webhooks.TooManyWebhooks) as exc:
            session().rollback()
            _object(form.url, exc)
            return render_template("api/webhook_new.html", form=form), exc.status
        location = url_for(".webhook", webhook_id=made.id)
        key.settle(location)
    session().commit()
    cookie[SHOWN_ONCE] = {"title": made.url, "secret": secret, "kind": "webhook"}
    return redirect(location, 303)


@bp.get("/webhook/<uuid:webhook_id>")
@needs(May.API_MANAGE)
def webhook(webhook_id: UUID) -> ResponseReturnValue:
    """One webhook: what it was told lately, and what it answered."""
    hook = webhooks.get(session(), webhook_id, keepers=keepers())
    return render_template(
        "api/webhook.html", hook=hook, rows=webhooks.deliveries(session(), hook.id), kinds={**KINDS, WebhookKind.TEST: TEST},
        fresh=cookie.pop(SHOWN_ONCE, None), DeliveryState=DeliveryState, most=webhooks.MOST_FAILURES,
    )  # fmt: skip


@bp.post("/webhook/<uuid:webhook_id>/<any(thu,bat,go):deed>")
@needs(May.API_MANAGE)
def change_webhook(webhook_id: UUID, deed: str) -> ResponseReturnValue:
    """Send a test, switch on again, or remove."""
    whose: dict[str, Any] = {"keepers": keepers(), "at": clock.now(), "by": person().id}
    match deed:
        case "thu":
            webhooks.send_test(session(), webhook_id, **whose)
            said = _("A test is on its way. Its answer shows here within a minute.")
        case "bat":
            webhooks.enable(session(), webhook_id, **whose)
            said = _("The webhook is on again. What waited goes out now.")
        case _:
            webhooks.remove(session(), webhook_id, **whose)
            said = _("The webhook was removed.")
    session().commit()
    flash(said, "success")
    return redirect(url_for(".index") if deed == "go" else url_for(".webhook", webhook_id=webhook_id), 303)


def keepers() -> Collection[UUID] | None:
    """The bodies whose keys and webhooks this person keeps; None for all."""
    whoever = person()
    if Role.ADMINISTRATOR in whoever.roles:
        return None
    return {party.id for party in whoever.parties_for(May.API_MANAGE)}


def _bodies() -> list[tuple[str, str]]:
    return [(str(party.id), party.name) for party in person().parties_for(May.API_MANAGE)]


def _object(field: Any, error: TemThatError) -> None:
    field.errors = [*field.errors, " ".join(filter(None, (explain(error), way_out(error))))]
