"""Hidden codes as an option of an order. Orders for a layout with a scratch box have been having them all along."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_hidden_codes"
down_revision: str | None = "20261122_quota"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "label_order", sa.Column("hidden_codes", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.execute(
        "UPDATE label_order SET hidden_codes = true"
        " WHERE layout IN (SELECT id::text FROM label_layout WHERE (data ->> 'hidden_code')::boolean)"
    )


def downgrade() -> None:
    """Take it back. What labels carry follows from their layouts alone, as before."""
    op.drop_column("label_order", "hidden_codes")
