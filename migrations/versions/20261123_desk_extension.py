"""The decision that extends a clock is a paper like any other: its number is given once, and it is signed in a capacity."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261123_desk_extension"
down_revision: str | None = "20261123_desk_confiscation"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PAPERS = (
    "inspection_decision", "inspection_cancelled", "inspection_record", "violation_record", "penalty", "remedy_only", "no_penalty",
    "criminal_transfer", "taken_back", "seizure", "assessment", "takedown_request", "posting", "deemed_service",
)  # fmt: skip


def upgrade() -> None:
    """Apply the change. Numbers that extended a clock before stay with their reckonings: who signed them is not known by their capacity."""
    _one_of((*PAPERS, "extension"))


def downgrade() -> None:
    """Take it back. The numbers stay with the reckonings."""
    op.execute("DELETE FROM enforcement.case_paper WHERE kind = 'extension'")
    _one_of(PAPERS)


def _one_of(kinds: Sequence[str]) -> None:
    name = op.f("ck_case_paper_paperkind")
    op.drop_constraint(name, "case_paper", schema="enforcement", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(name, "case_paper", f"kind IN ({listed})", schema="enforcement")
