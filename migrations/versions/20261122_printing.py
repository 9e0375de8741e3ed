"""Layouts of one's own, test prints and drawings of label files."""

from collections.abc import Sequence

revision: str = "20261122_printing"
down_revision: str | None = "20261122_jobs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
