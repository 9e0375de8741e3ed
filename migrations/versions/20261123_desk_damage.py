"""Damage to kept documents is remembered until it is mended, so that it is told once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_damage"
down_revision: str | None = "20261123_desk_order"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change. What is damaged today is found and told once more."""
    op.create_table(
        "document_damage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("whole_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("whole_at >= found_at", name=op.f("ck_document_damage_times_in_order")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["enforcement.document_file.document_id"],
            name=op.f("fk_document_damage_document_id_document_file"),
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_document_damage_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_damage")),
        schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_document_damage_document_id"), "document_damage", ["document_id"], schema="enforcement")
    op.create_index(
        "uq_document_damage_standing", "document_damage", ["file_id"], unique=True, schema="enforcement",
        postgresql_where=sa.text("whole_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    """Take it back."""
    op.drop_table("document_damage", schema="enforcement")
