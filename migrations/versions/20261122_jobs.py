"""The job queue's own tables, in a schema of their own (procrastinate)."""

from collections.abc import Sequence
from importlib.resources import files

from alembic import op

revision: str = "20261122_jobs"
down_revision: str | None = "20261122_initial"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Load the schema that comes with the library; the pinned version decides its text."""
    schema = (files("procrastinate") / "sql" / "schema.sql").read_text()
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path = jobs, public")
    op.get_bind().exec_driver_sql(schema.replace("%", "%%"))
    op.execute("RESET search_path")


def downgrade() -> None:
    """Drop the queue with everything in it."""
    op.execute("DROP SCHEMA jobs CASCADE")
