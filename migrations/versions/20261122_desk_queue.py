"""The queue at a million signals, saved filters, undo."""

from collections.abc import Sequence

revision: str = "20261122_desk_queue"
down_revision: str | None = "20261122_desk_documents"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
