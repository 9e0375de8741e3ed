"""Incidents of the system."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_limits"
down_revision: str | None = "20261122_api"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("guessed_codes", "unissued_codes", "guessed_hidden", "report_flood", "register_copied")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="incidentkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closing_note", sa.Text(), nullable=True),
        sa.CheckConstraint("tries > 0", name=op.f("ck_incident_tries_positive")),
        sa.CheckConstraint("last_at >= opened_at", name=op.f("ck_incident_times_in_order")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (closing_note IS NULL)",
            name=op.f("ck_incident_closed_whole"),
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["app_user.id"], name=op.f("fk_incident_closed_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "uq_incident_open_kind", "incident", ["kind"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(op.f("ix_incident_last_at"), "incident", ["last_at"])
    op.add_column("unknown_code", sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("unknown_code", "told")
    op.drop_table("incident")
