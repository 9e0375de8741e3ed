"""Areas with crop, versions of the boundary, parcels and households; VN-2000 zones; code histories."""

from collections.abc import Sequence

revision: str = "20261122_areas"
down_revision: str | None = "20261122_applications"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""


def downgrade() -> None:
    """Take it back."""
