"""Lots that merge and split, releases, the farm log and the events of the chain."""

from collections.abc import Sequence

revision: str = "20261122_lots"
down_revision: str | None = "20261122_controls"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
