"""Titles with their signs, amendments and rules as data; a revision counter on records that people edit."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_titles"
down_revision: str | None = "20261122_hidden_codes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


REVISED = ("protection_title", "product", "season", "party", "growing_area", "production_site", "lot")


def upgrade() -> None:
    """Apply the change."""
    for table in REVISED:
        op.add_column(table, sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("use_regulation", sa.Column("body", sa.Text(), server_default="", nullable=False))
    op.add_column("use_regulation", sa.Column("file_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_use_regulation_file_id_stored_file"), "use_regulation", "stored_file", ["file_id"], ["id"]
    )
    op.add_column(
        "use_regulation", sa.Column("rules", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )


def downgrade() -> None:
    """Take it back."""
    for column in ("rules", "file_id", "body"):
        op.drop_column("use_regulation", column)
    for table in REVISED:
        op.drop_column(table, "revision")
