"""Partners' keys and webhooks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_api"
down_revision: str | None = "20261122_reports"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    _keys()
    _subscriptions()
    _events()
    _deliveries()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("webhook_delivery")
    op.drop_table("webhook_event")
    op.drop_table("webhook_subscription")
    op.drop_table("api_key")


def _keys() -> None:
    """Keys of partners."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("keeper_id", sa.Uuid(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['verify:read', 'register:read', 'webhook:manage']",
            name=op.f("ck_api_key_scopes_known"),
        ),
        sa.CheckConstraint("prefix ~ '^tt_[0-9a-f]{8}$'", name=op.f("ck_api_key_prefix_form")),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_api_key_revoked_by_somebody")),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 100", name=op.f("ck_api_key_name_present")),
        sa.CheckConstraint(
            "length(btrim(organisation)) BETWEEN 1 AND 200", name=op.f("ck_api_key_organisation_present")
        ),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_api_key_secret_hash_is_sha256")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_api_key_created_by_app_user")),
        sa.ForeignKeyConstraint(["keeper_id"], ["party.id"], name=op.f("fk_api_key_keeper_id_party")),
        sa.ForeignKeyConstraint(["revoked_by"], ["app_user.id"], name=op.f("fk_api_key_revoked_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_key_secret_hash")),
    )
    op.create_index(op.f("ix_api_key_keeper_id"), "api_key", ["keeper_id"], unique=False)


def _subscriptions() -> None:
    """Who wants to hear of what."""
    op.create_table(
        "webhook_subscription",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("keeper_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cardinality(kinds) > 0 AND kinds <@ ARRAY['certificate.status_changed', 'label.range_voided', 'lot.recalled', 'product.changed', 'title.changed']",
            name=op.f("ck_webhook_subscription_kinds_known"),
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhook_subscription_failures_not_negative")),
        sa.CheckConstraint(
            "key_id IS NOT NULL OR created_by IS NOT NULL", name=op.f("ck_webhook_subscription_made_by_key_or_person")
        ),
        sa.CheckConstraint("length(url) BETWEEN 10 AND 500", name=op.f("ck_webhook_subscription_url_length")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["app_user.id"], name=op.f("fk_webhook_subscription_created_by_app_user")
        ),
        sa.ForeignKeyConstraint(["keeper_id"], ["party.id"], name=op.f("fk_webhook_subscription_keeper_id_party")),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_webhook_subscription_key_id_api_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_subscription")),
    )
    op.create_index(op.f("ix_webhook_subscription_key_id"), "webhook_subscription", ["key_id"], unique=False)
    op.create_index(
        "ix_webhook_subscription_live",
        "webhook_subscription",
        ["keeper_id"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def _events() -> None:
    """What happened."""
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "certificate.status_changed",
                "label.range_voided",
                "lot.recalled",
                "product.changed",
                "title.changed",
                "webhook.test",
                name="webhookkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("fanned_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'webhook.test') = (subscription_id IS NOT NULL)", name=op.f("ck_webhook_event_test_for_one")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["webhook_subscription.id"],
            name=op.f("fk_webhook_event_subscription_id_webhook_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
    )
    op.create_index(op.f("ix_webhook_event_at"), "webhook_event", ["at"], unique=False)
    op.create_index(
        "ix_webhook_event_waiting",
        "webhook_event",
        ["at"],
        unique=False,
        postgresql_where=sa.text("fanned_out_at IS NULL"),
    )


def _deliveries() -> None:
    """What was sent to whom."""
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "delivered",
                "failed",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column(
            "fault",
            sa.Enum(
                "answered",
                "forbidden_address",
                "no_address",
                "timeout",
                "tls",
                "unreachable",
                name="deliveryfault",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (next_at IS NOT NULL)", name=op.f("ck_webhook_delivery_next_iff_pending")
        ),
        sa.CheckConstraint("length(answer) <= 500", name=op.f("ck_webhook_delivery_answer_short")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_webhook_delivery_tries_not_negative")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["webhook_event.id"], name=op.f("fk_webhook_delivery_event_id_webhook_event")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["webhook_subscription.id"],
            name=op.f("fk_webhook_delivery_subscription_id_webhook_subscription"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("event_id", "subscription_id", name=op.f("uq_webhook_delivery_event_id_subscription_id")),
    )
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        op.f("ix_webhook_delivery_subscription_id_id"), "webhook_delivery", ["subscription_id", "id"], unique=False
    )
