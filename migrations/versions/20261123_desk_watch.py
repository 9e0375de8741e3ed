"""Files that no scanner reads to the end are known and wait; the look at the chains of custody remembers how far it came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_watch"
down_revision: str | None = "20261123_desk_supplements"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_INCIDENTS = (
    "guessed_codes", "unissued_codes", "guessed_hidden", "report_flood", "register_copied", "evidence_changed", "evidence_infected",
    "letter_undelivered",
)  # fmt: skip
INCIDENTS = (*OLD_INCIDENTS, "custody_unwatched")
WAITING = sa.text("scanned_at IS NULL")


def upgrade() -> None:
    """Apply the change. Whatever waits for the scanner is asked about anew; the first look at the chains is at all of them."""
    op.add_column("stored_file", sa.Column("scan_tried_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stored_file", sa.Column("scan_gave_up", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(
        op.f("ck_stored_file_gave_up_when_tried"),
        "stored_file",
        "scan_gave_up >= 0 AND (scan_gave_up = 0 OR scan_tried_at IS NOT NULL)",
    )
    op.drop_index("ix_stored_file_unscanned", "stored_file")
    op.create_index(
        "ix_stored_file_unscanned", "stored_file", [sa.text("scan_tried_at NULLS FIRST"), "received_at"],
        postgresql_where=WAITING,
    )  # fmt: skip
    op.create_table(
        "custody_watch",
        sa.Column("id", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("seen_xid", sa.BigInteger(), nullable=False),
        sa.Column("good_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_custody_watch_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody_watch")),
        schema="enforcement",
    )
    _kinds(INCIDENTS)


def downgrade() -> None:
    """Take it back."""
    op.execute("DELETE FROM incident WHERE kind = 'custody_unwatched'")
    _kinds(OLD_INCIDENTS)
    op.drop_table("custody_watch", schema="enforcement")
    op.drop_index("ix_stored_file_unscanned", "stored_file")
    op.create_index("ix_stored_file_unscanned", "stored_file", ["received_at"], postgresql_where=WAITING)
    op.drop_constraint(op.f("ck_stored_file_gave_up_when_tried"), "stored_file", type_="check")
    op.drop_column("stored_file", "scan_gave_up")
    op.drop_column("stored_file", "scan_tried_at")


def _kinds(words: Sequence[str]) -> None:
    op.drop_constraint(op.f("ck_incident_incidentkind"), "incident", type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(op.f("ck_incident_incidentkind"), "incident", f"kind IN ({listed})")
