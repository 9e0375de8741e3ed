"""Control plans, answers of a visit, samples, corrective actions and proposals to suspend."""

from collections.abc import Sequence

revision: str = "20261122_controls"
down_revision: str | None = "20261122_areas"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
