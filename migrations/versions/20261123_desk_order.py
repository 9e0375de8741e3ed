"""The order in which the entries of a case were written, also of those written at the same moment."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261123_desk_order"
down_revision: str | None = "20261122_desk_kept"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In the order in which they were read so far.
ENTRIES = {
    "case_party": "added_at, id",
    "case_act": "began_on, added_at, id",
    "goods_line": "added_at, id",
    "exhibit": "added_at, seq",
    "obligation": "added_at, id",
}


def upgrade() -> None:
    """Apply the change. What was entered before keeps its order."""
    for table, order in ENTRIES.items():
        name = f"enforcement.{table}"
        op.execute(f"ALTER TABLE {name} ADD COLUMN written bigint")
        op.execute(
            f"UPDATE {name} SET written = ranked.place "
            f"FROM (SELECT id, row_number() OVER (ORDER BY {order}) AS place FROM {name}) ranked WHERE ranked.id = {table}.id"
        )
        op.execute(f"ALTER TABLE {name} ALTER COLUMN written SET NOT NULL")
        op.execute(f"ALTER TABLE {name} ALTER COLUMN written ADD GENERATED ALWAYS AS IDENTITY")
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'written'), "
            f"coalesce((SELECT max(written) FROM {name}), 0) + 1, false)"
        )


def downgrade() -> None:
    """Take it back."""
    for table in ENTRIES:
        op.drop_column(table, "written", schema="enforcement")
