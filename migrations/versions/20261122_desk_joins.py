"""Joined and split cases, and merges that can be taken back."""

from collections.abc import Sequence

revision: str = "20261122_desk_joins"
down_revision: str | None = "20261122_desk_casework"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
