"""The programming interface: a partner's own webhooks. Each key sees and changes only what was made with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import msgspec
from flask import current_app
from flask_babel import lazy_gettext as _l

from trace import clock
from trace.db import session
from trace.models.api import ApiScope, WebhookKind, WebhookSubscription
from trace.services import webhooks
from trace.views.api_core import Asked, operation
from trace.views.api_schema import NewWebhook, Webhook, WebhookList
from trace.views.once import once

if TYPE_CHECKING:
    from trace.services.api_keys import Bearer

TAG = "webhooks"
MANAGE = ApiScope.WEBHOOK_MANAGE
ID: dict[str, Any] = {"type": "string", "format": "uuid"}
SOME = "00000000-0000-4000-8000-000000000000"

Kind = Literal["certificate.status_changed", "label.range_voided", "lot.recalled", "product.changed", "title.changed"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook to be made."""

    url: Annotated[str, msgspec.Meta(min_length=10, max_length=500, description="An https address with a public name.")]
    kinds: Annotated[list[Kind], msgspec.Meta(min_length=1, max_length=5)]


@operation(
    "GET", "/webhooks", summary=_l("Your webhooks"), tag=TAG, answer=WebhookList, scope=MANAGE, public=False, problems=(),
)  # fmt: skip
def list_webhooks(*, query: Asked, bearer: Bearer) -> WebhookList:
    """The webhooks made with this key."""
    del query
    found = webhooks.listing(session(), keepers={bearer.keeper_id}, key_id=bearer.id)
    return WebhookList(items=[Webhook(**_facts(each)) for each in found])


@operation(
    "POST", "/webhooks", summary=_l("Make a webhook"), tag=TAG, answer=NewWebhook, scope=MANAGE, status=201, public=False, body=Wanted,
    problems=(409, 413, 422), keyed=True,
    about=_l("The secret in the answer is shown this once. Messages are signed with it as Standard Webhooks has it."),
)  # fmt: skip
def make_webhook(*, body: Wanted, bearer: Bearer) -> Any:
    """Tell an address of some kinds of events."""
    config = current_app.config["TEMTHAT"]
    with once(f"api.webhooks:{bearer.id}", anonymous=True) as key:
        if key.done:
            known = webhooks.get(session(), _id_of(key.location), keepers={bearer.keeper_id}, key_id=bearer.id)
            return NewWebhook(**_facts(known), secret=None), 200
        made, secret = webhooks.subscribe(
            session(), keeper_id=bearer.keeper_id, key_id=bearer.id, url=body.url, kinds=[WebhookKind(each) for each in body.kinds],
            sealing=config.derived("webhook"), at=clock.now(), loopback=config.webhook_loopback,
        )  # fmt: skip
        key.settle(f"/api/v1/webhooks/{made.id}")
    session().commit()
    return NewWebhook(**_facts(made), secret=secret)


@operation(
    "GET", "/webhooks/<uuid:webhook_id>", summary=_l("One of your webhooks"), tag=TAG, answer=Webhook, scope=MANAGE, public=False,
    problems=(404,), hints={"webhook_id": (ID, SOME)},
)  # fmt: skip
def show_webhook(webhook_id: UUID, *, bearer: Bearer) -> Webhook:
    """One webhook."""
    return Webhook(**_facts(webhooks.get(session(), webhook_id, keepers={bearer.keeper_id}, key_id=bearer.id)))


@operation(
    "DELETE", "/webhooks/<uuid:webhook_id>", summary=_l("Remove a webhook"), tag=TAG, answer=None, scope=MANAGE, status=204, public=False,
    problems=(404,), hints={"webhook_id": (ID, SOME)},
)  # fmt: skip
def remove_webhook(webhook_id: UUID, *, bearer: Bearer) -> None:
    """Tell this address nothing any more."""
    webhooks.remove(session(), webhook_id, keepers={bearer.keeper_id}, key_id=bearer.id, at=clock.now())
    session().commit()


@operation(
    "POST", "/webhooks/<uuid:webhook_id>/test", summary=_l("Send a test"), tag=TAG, answer=None, scope=MANAGE, status=204, public=False,
    problems=(404, 409), hints={"webhook_id": (ID, SOME)},
    about=_l("A message that says only that it is a test goes out within a minute."),
)  # fmt: skip
def test_webhook(webhook_id: UUID, *, bearer: Bearer) -> None:
    """Send a message that is only a test."""
    webhooks.send_test(session(), webhook_id, keepers={bearer.keeper_id}, key_id=bearer.id, at=clock.now())
    session().commit()


def _facts(found: WebhookSubscription) -> dict[str, Any]:
    return {
        "id": found.id, "url": found.url, "kinds": list(found.kinds), "created_at": found.created_at, "failures": found.failures or 0,
        "last_success_at": found.last_success_at, "disabled_at": found.disabled_at,
    }  # fmt: skip


def _id_of(location: str) -> UUID:
    return UUID(location.rpartition("/")[2])
