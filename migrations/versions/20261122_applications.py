"""Applications for the right of use, with their files, evaluation and events; holidays for the whole city."""

from collections.abc import Sequence

revision: str = "20261122_applications"
down_revision: str | None = "20261122_titles"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
