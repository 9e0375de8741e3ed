"""Extra volume that a second person approves, and counts of rolls."""

from collections.abc import Sequence

revision: str = "20261122_quota"
down_revision: str | None = "20261122_printing"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
