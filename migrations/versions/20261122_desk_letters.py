"""Letters of the intake clocks, confirmed addresses for letters, and what the mail server does not take."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_desk_letters"
down_revision: str | None = "20261122_desk_offenders"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    _intake_clocks()
    _addresses()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("mail_refusal")
    op.drop_table("mail_address")
    op.drop_table("intake_reminder", schema="enforcement")
    for name in ("recount_while_running", "recount_whole", "extension_whole"):
        op.drop_constraint(op.f(f"ck_intake_clock_{name}"), "intake_clock", schema="enforcement")
    for name in ("recount_found_at", "recount_due_at", "extension_unit", "extension_amount"):
        op.drop_column("intake_clock", name, schema="enforcement")


def _intake_clocks() -> None:
    """Reminders, the extension that was decided, and what a changed calendar would make of a clock."""
    unit = sa.Enum(
        "hours", "days", "working_days", "months", name="unit", native_enum=False, create_constraint=True, length=40
    )
    op.add_column("intake_clock", sa.Column("extension_amount", sa.Integer(), nullable=True), schema="enforcement")
    op.add_column("intake_clock", sa.Column("extension_unit", unit, nullable=True), schema="enforcement")
    op.add_column(
        "intake_clock", sa.Column("recount_due_at", sa.DateTime(timezone=True), nullable=True), schema="enforcement"
    )
    op.add_column(
        "intake_clock", sa.Column("recount_found_at", sa.DateTime(timezone=True), nullable=True), schema="enforcement"
    )
    # A note stood only on a clock that was given longer, and every rule of these kinds knows one longer time.
    op.execute(
        "UPDATE enforcement.intake_clock c SET extension_amount = (r.extensions -> 'items' -> 0 ->> 'amount')::integer, "
        "extension_unit = r.extensions -> 'items' -> 0 ->> 'unit' FROM enforcement.deadline_rule r "
        "WHERE r.kind = c.kind AND r.version = c.rule_version AND c.note IS NOT NULL AND r.extensions -> 'items' -> 0 IS NOT NULL"
    )
    for name, test in (
        ("extension_whole", "(extension_amount IS NULL) = (extension_unit IS NULL) AND extension_amount > 0"),
        ("recount_whole", "(recount_due_at IS NULL) = (recount_found_at IS NULL)"),
        ("recount_while_running", "ended_at IS NULL OR recount_due_at IS NULL"),
    ):
        op.create_check_constraint(op.f(f"ck_intake_clock_{name}"), "intake_clock", test, schema="enforcement")
    op.create_table(
        "intake_reminder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "officer", "team_head", "branch_head", name="duty", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("duty = 'officer' OR mark <= 0", name=op.f("ck_intake_reminder_heads_only_after")),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["enforcement.intake_clock.id"], name=op.f("fk_intake_reminder_clock_id_intake_clock")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_reminder")),
        sa.UniqueConstraint(
            "clock_id", "due_at", "duty", "mark", name=op.f("uq_intake_reminder_clock_id_due_at_duty_mark")
        ),
        schema="enforcement",
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.intake_reminder "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def _addresses() -> None:
    """Where a person wants letters, and which addresses the mail server refuses."""
    op.create_table(
        "mail_address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "address ~ '^[a-z0-9_%+-]+([.][a-z0-9_%+-]+)*@[a-z0-9-]+([.][a-z0-9-]+)+$' AND length(address) <= 200",
            name=op.f("ck_mail_address_address_form"),
        ),
        sa.CheckConstraint(
            "(token_hash IS NULL) = (token_expires_at IS NULL)", name=op.f("ck_mail_address_token_expires")
        ),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_mail_address_token_hash_is_sha256")),
        sa.CheckConstraint(
            "num_nonnulls(confirmed_at, ended_at) = 0 OR num_nonnulls(token_hash, mail_due_at) = 0",
            name=op.f("ck_mail_address_link_only_while_waiting"),
        ),
        sa.CheckConstraint("mail_tries >= 0", name=op.f("ck_mail_address_mail_tries_not_negative")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_mail_address_user_id_app_user")),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_mail_address_asked_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_address")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_mail_address_token_hash")),
    )
    op.create_index(op.f("ix_mail_address_mail_due_at"), "mail_address", ["mail_due_at"])
    op.create_index(op.f("ix_mail_address_user_id_asked_at"), "mail_address", ["user_id", "asked_at"])
    op.create_index(
        "uq_mail_address_waiting", "mail_address", ["user_id"], unique=True,
        postgresql_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "uq_mail_address_in_use", "mail_address", ["user_id"], unique=True,
        postgresql_where=sa.text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "mail_refusal",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_mail_refusal_moments_in_order")),
        sa.CheckConstraint("length(reply) <= 300", name=op.f("ck_mail_refusal_reply_bounded")),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_mail_refusal")),
    )
