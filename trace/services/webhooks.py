"""Webhooks: who wants to hear of what, and telling them until they have heard it. The form is that of Standard Webhooks.

A message goes out at least once, each time under the same id: whoever is told takes a second one with a known id for the first. What must
not live here: what there is to tell (`outbox`), and the wire (`outgoing`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, delete, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, contains_eager, joinedload

from trace.errors import Conflict, Invalid, NotFound, TemThatError
from trace.models.api import (
    DeliveryFault,
    DeliveryState,
    WebhookDelivery,
    WebhookEvent,
    WebhookKind,
    WebhookSubscription,
)
from trace.services import history, outgoing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SECRET_BYTES = 32
MARK = "whsec_"
# After the first try, how long until the next. What was not taken after two days is given up.
WAITS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 1200)
)  # fmt: skip
LEASE = timedelta(minutes=2)
"""So long a message that was sent out is left alone; then it goes out again, for whoever sent it may be dead."""
MOST_FAILURES = 15
KEPT = timedelta(days=60)
MOST_OF_ONE_KEEPER = 20
AT_ONCE = 200

PATHS = {
    WebhookKind.CERTIFICATE_STATUS_CHANGED: "certificates",
    WebhookKind.PRODUCT_CHANGED: "products",
    WebhookKind.TITLE_CHANGED: "titles",
}


class NoKind(Invalid):
    """Choose at least one kind of event."""


class TooManyWebhooks(Conflict):
    """There are %(most)s webhooks already, which is as many as one body may have.

    Remove one that is no longer needed.
    """


class SwitchedOff(Conflict):
    """This webhook is switched off.

    Switch it on first.
    """


class SecretNotOpened(TemThatError):
    """The secret of a webhook does not open under this master key."""


@dataclass(frozen=True)
class Message:
    """One message as it goes out: whom to, what, and the headers that prove it is ours."""

    delivery_id: int
    subscription_id: UUID
    tries: int
    url: str
    body: bytes
    headers: dict[str, str]


def subscribe(
    session: Session, *, keeper_id: UUID, url: str, kinds: Collection[WebhookKind], sealing: bytes, at: datetime, loopback: bool = False,
    by: UUID | None = None, key_id: UUID | None = None,
) -> tuple[WebhookSubscription, str]:  # fmt: skip
    """Tell an address of some kinds of events from now on. The second value is the secret, to be shown once and then forgotten."""
    outgoing.check(url, loopback=loopback)
    wanted = sorted(set(kinds) - {WebhookKind.TEST})
    if not wanted:
        raise NoKind
    if len(listing(session, keepers={keeper_id}, key_id=None)) >= MOST_OF_ONE_KEEPER:
        raise TooManyWebhooks(most=MOST_OF_ONE_KEEPER)
    raw = secrets.token_bytes(SECRET_BYTES)
    made = WebhookSubscription(
        id=uuid4(),
        keeper_id=keeper_id,
        key_id=key_id,
        url=url,
        kinds=wanted,
        secret_sealed=b"",
        created_at=at,
        created_by=by,
    )
    made.secret_sealed = _seal(made.id, raw, sealing)
    session.add(made)
    changes: dict[str, tuple[object, object]] = {"url": (None, url), "kinds": (None, ", ".join(wanted))}
    if key_id is not None:
        changes["key"] = (None, key_id)
    history.record(session, "webhook:add", made.id, by=by, at=at, changes=changes)
    session.flush()
    return made, MARK + base64.b64encode(raw).decode()


def listing(
    session: Session, *, keepers: Collection[UUID] | None, key_id: UUID | None
) -> Sequence[WebhookSubscription]:
    """The webhooks that some bodies answer for (or all), or only those that were made with a key. Removed ones are left out."""
    statement = (
        select(WebhookSubscription)
        .where(WebhookSubscription.removed_at.is_(None), _kept(keepers), _of_key(key_id))
        .order_by(WebhookSubscription.created_at, WebhookSubscription.id)
        .options(joinedload(WebhookSubscription.keeper), joinedload(WebhookSubscription.key))
    )
    return session.scalars(statement).all()


def get(
    session: Session, webhook_id: UUID, *, keepers: Collection[UUID] | None, key_id: UUID | None = None
) -> WebhookSubscription:
    """One webhook; raises `NotFound`, also for those of others and removed ones."""
    return _one(session, webhook_id, keepers, key_id, lock=False)


def remove(
    session: Session, webhook_id: UUID, *, keepers: Collection[UUID] | None, at: datetime, by: UUID | None = None,
    key_id: UUID | None = None,
) -> None:  # fmt: skip
    """Tell this address nothing any more. What it was told stays on record."""
    found = _one(session, webhook_id, keepers, key_id, lock=True)
    found.removed_at = at
    history.record(session, "webhook:remove", found.id, by=by, at=at, changes={"url": (found.url, None)})
    session.flush()


def enable(session: Session, webhook_id: UUID, *, keepers: Collection[UUID] | None, at: datetime, by: UUID) -> None:
    """Switch a webhook on again; what waited goes out."""
    found = _one(session, webhook_id, keepers, None, lock=True)
    found.disabled_at, found.failures = None, 0
    waiting = WebhookDelivery.subscription_id == found.id, WebhookDelivery.state == DeliveryState.PENDING
    session.execute(update(WebhookDelivery).where(*waiting).values(next_at=at))
    history.record(session, "webhook:enable", found.id, by=by, at=at)
    session.flush()


def send_test(
    session: Session, webhook_id: UUID, *, keepers: Collection[UUID] | None, at: datetime, by: UUID | None = None,
    key_id: UUID | None = None,
) -> WebhookEvent:  # fmt: skip
    """Put a message into the outbox that says nothing but that it is a test."""
    found = _one(session, webhook_id, keepers, key_id, lock=True)
    if found.disabled_at is not None:
        raise SwitchedOff
    event = WebhookEvent(kind=WebhookKind.TEST, at=at, subject_id=found.id, data={}, subscription_id=found.id)
    session.add(event)
    history.record(session, "webhook:test", found.id, by=by, at=at)
    session.flush()
    return event


def deliveries(session: Session, webhook_id: UUID, *, limit: int = 50) -> Sequence[WebhookDelivery]:
    """The latest messages to one address, newest first, with what they told."""
    statement = (
        select(WebhookDelivery)
        .where(WebhookDelivery.subscription_id == webhook_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
        .options(joinedload(WebhookDelivery.event))
    )
    return session.scalars(statement).all()


def fan_out(session: Session, *, at: datetime) -> int:
    """A delivery for everybody who wants to hear of what is in the outbox. How many were made; running it again makes none."""
    waiting = (
        select(WebhookEvent)
        .where(WebhookEvent.fanned_out_at.is_(None))
        .order_by(WebhookEvent.at, WebhookEvent.id)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    made = 0
    for event in session.scalars(waiting).all():
        target = WebhookSubscription
        wants = (
            target.id == event.subscription_id
            if event.subscription_id is not None
            else target.kinds.contains([event.kind.value])
        )
        rows = select(literal(event.id), target.id, literal(DeliveryState.PENDING.value), literal(at)).where(
            wants, target.removed_at.is_(None), target.created_at <= event.at
        )
        fields = ["event_id", "subscription_id", "state", "next_at"]
        statement = insert(WebhookDelivery).from_select(fields, rows).on_conflict_do_nothing()
        made += len(session.scalars(statement.returning(WebhookDelivery.id)).all())
        event.fanned_out_at = at
    session.flush()
    return made


def claim(session: Session, *, sealing: bytes, host: str, at: datetime) -> list[Message]:
    """What is due, made ready to go out. It is due again after `LEASE` unless `mark` says before what became of it."""
    due = (
        select(WebhookDelivery)
        .join(WebhookDelivery.subscription)
        .join(WebhookDelivery.event)
        .where(
            WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.next_at <= at,
            WebhookSubscription.removed_at.is_(None), WebhookSubscription.disabled_at.is_(None),
        )
        .order_by(WebhookDelivery.id)
        .limit(AT_ONCE)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
        .options(contains_eager(WebhookDelivery.subscription), contains_eager(WebhookDelivery.event))
        .execution_options(populate_existing=True)
    )  # fmt: skip
    found = []
    for delivery in session.scalars(due).all():
        delivery.tries += 1
        delivery.next_at = at + LEASE
        found.append(_message(delivery, sealing=sealing, host=host, at=at))
    session.flush()
    return found


def mark(
    session: Session, message: Message, *, at: datetime, took_ms: int, answer: outgoing.Answer | None = None,
    fault: DeliveryFault | None = None,
) -> bool:  # fmt: skip
    """Write down what became of a try; whether it was heard. Too many failures in a row, or the answer 410, switch the webhook off."""
    delivery = session.scalars(
        select(WebhookDelivery).where(WebhookDelivery.id == message.delivery_id).with_for_update()
    ).one()
    heard = answer is not None and 200 <= answer.status < 300
    if delivery.state is not DeliveryState.PENDING:
        return heard  # somebody else took it over and finished it
    delivery.tried_at, delivery.took_ms = at, took_ms
    delivery.status, delivery.answer = (answer.status, answer.text) if answer else (None, None)
    delivery.fault = None if heard else fault or DeliveryFault.ANSWERED
    if heard:
        delivery.state, delivery.next_at = DeliveryState.DELIVERED, None
    elif delivery.tries > len(WAITS):
        delivery.state, delivery.next_at = DeliveryState.FAILED, None
    else:
        delivery.next_at = at + WAITS[delivery.tries - 1]
    _count(session, message.subscription_id, heard=heard, gone=answer is not None and answer.status == 410, at=at)
    session.flush()
    return heard


def switched_off(session: Session, *, keepers: Collection[UUID] | None) -> Sequence[WebhookSubscription]:
    """The webhooks that were switched off because nobody answered: work for their keepers."""
    return [each for each in listing(session, keepers=keepers, key_id=None) if each.disabled_at is not None]


def forget(session: Session, *, before: datetime) -> None:
    """Drop events and deliveries that are over and old; what still waits stays."""
    finished = select(WebhookEvent.id).where(WebhookEvent.at < before, WebhookEvent.fanned_out_at.is_not(None))
    open_ones = select(WebhookDelivery.event_id).where(WebhookDelivery.state == DeliveryState.PENDING)
    over = finished.where(WebhookEvent.id.not_in(open_ones))
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.event_id.in_(over)))
    session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(over)))


def reseal(session: Session, *, old: bytes, new: bytes) -> int:
    """Seal every secret under another key, after the master key was exchanged. How many."""
    found = session.scalars(select(WebhookSubscription).order_by(WebhookSubscription.id).with_for_update()).all()
    for each in found:
        each.secret_sealed = _seal(each.id, _open(each, old), new)
    session.flush()
    return len(found)


def open_all(session: Session, *, sealing: bytes) -> int:
    """Open every secret and forget it at once; `SecretNotOpened` if one does not open. How many there are."""
    every = select(WebhookSubscription).execution_options(populate_existing=True)
    return sum(bool(_open(each, sealing)) for each in session.scalars(every))


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over id, second and body, as Standard Webhooks has it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def _message(delivery: WebhookDelivery, *, sealing: bytes, host: str, at: datetime) -> Message:
    event, target = delivery.event, delivery.subscription
    path = PATHS.get(event.kind)
    about: dict[str, Any] = {"id": event.subject_id, **event.data}
    if path:
        about["href"] = f"https://{host.lower()}/api/v1/{path}/{event.subject_id}"
    body = msgspec.json.encode({"type": event.kind.value, "timestamp": event.at, "data": about})
    message_id, second = f"msg_{event.id.hex}", int(at.timestamp())
    headers = {
        "Content-Type": "application/json", "User-Agent": "TemThat-Webhook/1", "webhook-id": message_id, "webhook-timestamp": str(second),
        "webhook-signature": signature(_open(target, sealing), message_id, second, body),
    }  # fmt: skip
    return Message(delivery.id, target.id, delivery.tries, target.url, body, headers)


def _count(session: Session, subscription_id: UUID, *, heard: bool, gone: bool, at: datetime) -> None:
    target = session.scalars(
        select(WebhookSubscription)
        .where(WebhookSubscription.id == subscription_id)
        .with_for_update(of=WebhookSubscription)
        .execution_options(populate_existing=True)
    ).one()
    if heard:
        target.failures, target.last_success_at = 0, at
        return
    target.failures += 1
    if target.disabled_at is None and (gone or target.failures >= MOST_FAILURES):
        target.disabled_at = at
        changes: dict[str, tuple[object, object]] = {"failures": (None, target.failures)}
        history.record(session, "webhook:disable", target.id, by=None, at=at, changes=changes)


def _one(
    session: Session, webhook_id: UUID, keepers: Collection[UUID] | None, key_id: UUID | None, *, lock: bool
) -> WebhookSubscription:
    statement = (
        select(WebhookSubscription)
        .where(
            WebhookSubscription.id == webhook_id, WebhookSubscription.removed_at.is_(None), _kept(keepers), _of_key(key_id)
        )
        .execution_options(populate_existing=True)
    )  # fmt: skip
    found = session.scalars(statement.with_for_update(of=WebhookSubscription) if lock else statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def _kept(keepers: Collection[UUID] | None) -> ColumnElement[bool]:
    return true() if keepers is None else WebhookSubscription.keeper_id.in_(keepers)


def _of_key(key_id: UUID | None) -> ColumnElement[bool]:
    return true() if key_id is None else WebhookSubscription.key_id == key_id


def _seal(webhook_id: UUID, secret: bytes, sealing: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(sealing).encrypt(nonce, secret, webhook_id.bytes)


def _open(webhook: WebhookSubscription, sealing: bytes) -> bytes:
    sealed = webhook.secret_sealed
    try:
        return AESGCM(sealing).decrypt(sealed[:12], sealed[12:], webhook.id.bytes)
    except InvalidTag as exc:
        raise SecretNotOpened from exc
