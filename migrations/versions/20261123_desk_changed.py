"""Which event of a case changed it last: whoever decided on an old page is told by whom it was changed, and not who wrote a note after that."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_changed"
down_revision: str | None = "20261123_letters"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = {"case_file": "changed_in", "case_event": "written_in"}


def upgrade() -> None:
    """Apply the change. Of what was done before nobody knows any more which event changed its case; for these it stays the last one."""
    for table, column in COLUMNS.items():
        op.add_column(table, sa.Column(column, sa.BigInteger(), nullable=True), schema="enforcement")
        op.alter_column(
            table, column, server_default=sa.text("pg_current_xact_id()::text::bigint"), schema="enforcement"
        )


def downgrade() -> None:
    """Take it back."""
    for table, column in COLUMNS.items():
        op.drop_column(table, column, schema="enforcement")
