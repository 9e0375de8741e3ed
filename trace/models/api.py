"""Partners' keys to the programming interface, and webhooks: who wants to hear of what, what happened, and what was delivered.

No secret lies here in clear: of a key its SHA-256, of a webhook's secret the text sealed under a key derived from the master key.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser, Party


class ApiScope(StrEnum):
    """What a key opens (never shown). The words for people stand with the page."""

    VERIFY_READ = "verify:read"
    REGISTER_READ = "register:read"
    WEBHOOK_MANAGE = "webhook:manage"


class WebhookKind(StrEnum):
    """What a webhook can tell of (never shown). The words for people stand with the page."""

    CERTIFICATE_STATUS_CHANGED = "certificate.status_changed"
    LABEL_RANGE_VOIDED = "label.range_voided"
    LOT_RECALLED = "lot.recalled"
    PRODUCT_CHANGED = "product.changed"
    TITLE_CHANGED = "title.changed"
    TEST = "webhook.test"


SCOPES = ", ".join(f"'{scope}'" for scope in ApiScope)
KINDS = ", ".join(f"'{kind}'" for kind in WebhookKind if kind is not WebhookKind.TEST)


class ApiKey(Base):
    """A key of a partner organisation. It is shown once; `prefix` is its beginning, by which people tell keys apart.

    `keeper` is the body in the register that answers for the partner and whose people manage the key.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_is_sha256"),
        CheckConstraint("prefix ~ '^tt_[0-9a-f]{8}$'", name="prefix_form"),
        CheckConstraint("length(btrim(organisation)) BETWEEN 1 AND 200", name="organisation_present"),
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 100", name="name_present"),
        CheckConstraint(f"cardinality(scopes) > 0 AND scopes <@ ARRAY[{SCOPES}]", name="scopes_known"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
    )

    id: Mapped[uuid_pk]
    keeper_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    organisation: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_on: Mapped[date]
    """The last day on which it opens anything."""
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    last_used_on: Mapped[date | None]

    keeper: Mapped[Party] = relationship()
    author: Mapped[AppUser] = relationship(foreign_keys=[created_by])


class WebhookSubscription(Base):
    """An address that wants to hear of events. `failures` counts the tries in a row that came to nothing.

    The one that was switched off stays for the record and can be switched on again; the one that was removed stays removed.
    """

    __tablename__ = "webhook_subscription"
    __table_args__ = (
        CheckConstraint("length(url) BETWEEN 10 AND 500", name="url_length"),
        CheckConstraint(f"cardinality(kinds) > 0 AND kinds <@ ARRAY[{KINDS}]", name="kinds_known"),
        CheckConstraint("failures >= 0", name="failures_not_negative"),
        CheckConstraint("key_id IS NOT NULL OR created_by IS NOT NULL", name="made_by_key_or_person"),
        Index("ix_webhook_subscription_live", "keeper_id", postgresql_where=text("removed_at IS NULL")),
    )

    id: Mapped[uuid_pk]
    keeper_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_key.id"), index=True)
    url: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    last_success_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    keeper: Mapped[Party] = relationship()
    key: Mapped[ApiKey | None] = relationship()


class WebhookEvent(Base):
    """Something that happened, written in the transaction of the deed. Its id is the message id, also of every repetition.

    With a subscription it is for that one alone: a test.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'webhook.test') = (subscription_id IS NOT NULL)", name="test_for_one"
        ),
        Index("ix_webhook_event_waiting", "at", postgresql_where=text("fanned_out_at IS NULL")),
        Index(None, "at"),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    at: Mapped[datetime]
    kind: Mapped[WebhookKind]
    subject_id: Mapped[UUID]
    data: Mapped[dict[str, Any]]
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("webhook_subscription.id"))
    fanned_out_at: Mapped[datetime | None]


class DeliveryState(StrEnum):
    """How it stands with a message."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryFault(StrEnum):
    """Why a try to deliver came to nothing."""

    ANSWERED = "answered"
    FORBIDDEN_ADDRESS = "forbidden_address"
    NO_ADDRESS = "no_address"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNREACHABLE = "unreachable"


class WebhookDelivery(Base):
    """A message to one subscription: how often it was tried, when it is tried next, and what the other side said last."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "subscription_id"),
        CheckConstraint("tries >= 0", name="tries_not_negative"),
        CheckConstraint("(state = 'pending') = (next_at IS NOT NULL)", name="next_iff_pending"),
        CheckConstraint("length(answer) <= 500", name="answer_short"),
        Index("ix_webhook_delivery_due", "next_at", postgresql_where=text("state = 'pending'")),
        Index(None, "subscription_id", "id"),
    )

    id: Mapped[bigint_pk]
    event_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_event.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_subscription.id"))
    state: Mapped[DeliveryState] = mapped_column(server_default=DeliveryState.PENDING.value)
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    fault: Mapped[DeliveryFault | None]
    answer: Mapped[str | None]
    took_ms: Mapped[int | None]

    event: Mapped[WebhookEvent] = relationship()
    subscription: Mapped[WebhookSubscription] = relationship()
