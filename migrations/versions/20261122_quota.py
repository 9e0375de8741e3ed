"""Extra volume that a second person approves, and gaps of the ledger that were found by the clock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_quota"
down_revision: str | None = "20261122_printing"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

VERIFY_LABEL = "public.verify_label(bigint, timestamptz, bytea, text, text)"


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "eligible_balance", sa.Column("extra_g", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_check_constraint(op.f("ck_eligible_balance_extra_not_negative"), "eligible_balance", "extra_g >= 0")
    op.drop_constraint(op.f("ck_eligible_balance_within_eligible_volume"), "eligible_balance")
    op.create_check_constraint(
        op.f("ck_eligible_balance_within_eligible_volume"), "eligible_balance", "issued_g <= eligible_g + extra_g"
    )
    op.create_table(
        "quota_extension",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("balance_id", sa.Uuid(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "approved",
                "refused",
                name="extensionstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("grams > 0", name=op.f("ck_quota_extension_grams_positive")),
        sa.CheckConstraint("length(btrim(reason)) > 0", name=op.f("ck_quota_extension_reason_present")),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_quota_extension_two_persons")),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL)", name=op.f("ck_quota_extension_decided_unless_asked")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_quota_extension_decider_iff_decided")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decision_reason IS NULL)", name=op.f("ck_quota_extension_reason_iff_decided")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_quota_extension_asked_by_app_user")),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("fk_quota_extension_decided_by_app_user")),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["eligible_balance.id"], name=op.f("fk_quota_extension_balance_id_eligible_balance")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_extension")),
    )
    op.create_index(
        "uq_quota_extension_open",
        "quota_extension",
        ["balance_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index(op.f("ix_quota_extension_balance_id_asked_at"), "quota_extension", ["balance_id", "asked_at"])
    op.create_table(
        "label_gap",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("difference", sa.Text(), nullable=False),
        sa.Column("nonconformity_id", sa.Uuid(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_label_gap_order_id_label_order")),
        sa.ForeignKeyConstraint(
            ["nonconformity_id"], ["nonconformity.id"], name=op.f("fk_label_gap_nonconformity_id_nonconformity")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_gap")),
        sa.UniqueConstraint("order_id", "difference", name=op.f("uq_label_gap_order_id_difference")),
        sa.UniqueConstraint("nonconformity_id", name=op.f("uq_label_gap_nonconformity_id")),
    )

    op.execute(f"ALTER FUNCTION {VERIFY_LABEL} SET plan_cache_mode = force_generic_plan")


def downgrade() -> None:
    """Take it back. Volume beyond the eligible one cannot be kept: the step down stops if any label needs it."""
    op.execute(f"ALTER FUNCTION {VERIFY_LABEL} RESET plan_cache_mode")
    op.drop_table("label_gap")
    op.drop_table("quota_extension")
    op.drop_constraint(op.f("ck_eligible_balance_within_eligible_volume"), "eligible_balance")
    op.create_check_constraint(
        op.f("ck_eligible_balance_within_eligible_volume"), "eligible_balance", "issued_g <= eligible_g"
    )
    op.drop_constraint(op.f("ck_eligible_balance_extra_not_negative"), "eligible_balance")
    op.drop_column("eligible_balance", "extra_g")
