"""Members of a collective and the imports that brought records in."""

from collections.abc import Sequence

revision: str = "20261122_members"
down_revision: str | None = "20261122_lots"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
