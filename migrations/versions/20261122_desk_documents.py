"""Templates, documents and number series of the desk."""

from collections.abc import Sequence

revision: str = "20261122_desk_documents"
down_revision: str | None = "20261122_desk_evidence"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
