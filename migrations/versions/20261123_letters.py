"""Letters about renewals go to one person each, so that whoever was put off is tried again and nobody gets one twice."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_letters"
down_revision: str | None = "20261123_desk_damage"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_INCIDENTS = (
    "guessed_codes", "unissued_codes", "guessed_hidden", "report_flood", "register_copied", "evidence_changed", "evidence_infected",
)  # fmt: skip
INCIDENTS = (*OLD_INCIDENTS, "letter_undelivered")
DUE = sa.text("mail_due_at IS NOT NULL")


def upgrade() -> None:
    """Apply the change. What is due is put down person by person at the next turn of the job; nobody is known to have it yet."""
    op.create_table(
        "renewal_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reminder_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mail_tries >= 0", name=op.f("ck_renewal_letter_mail_tries_not_negative")),
        sa.CheckConstraint("mailed_at IS NULL OR mail_due_at IS NULL", name=op.f("ck_renewal_letter_mailed_once")),
        sa.ForeignKeyConstraint(["person_id"], ["app_user.id"], name=op.f("fk_renewal_letter_person_id_app_user")),
        sa.ForeignKeyConstraint(
            ["reminder_id"], ["renewal_reminder.id"], name=op.f("fk_renewal_letter_reminder_id_renewal_reminder")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_letter")),
        sa.UniqueConstraint("reminder_id", "person_id", name=op.f("uq_renewal_letter_reminder_id_person_id")),
    )
    op.create_index(op.f("ix_renewal_letter_mail_due_at"), "renewal_letter", ["mail_due_at"], postgresql_where=DUE)
    op.drop_column("renewal_reminder", "mail_tries")
    op.drop_constraint(op.f("ck_incident_incidentkind"), "incident", type_="check")
    op.create_check_constraint(op.f("ck_incident_incidentkind"), "incident", _kinds(INCIDENTS))


def downgrade() -> None:
    """Take it back. A letter that some still waited for counts as sent or given up."""
    op.execute("DELETE FROM incident WHERE kind = 'letter_undelivered'")
    op.drop_constraint(op.f("ck_incident_incidentkind"), "incident", type_="check")
    op.create_check_constraint(op.f("ck_incident_incidentkind"), "incident", _kinds(OLD_INCIDENTS))
    op.add_column(
        "renewal_reminder", sa.Column("mail_tries", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_renewal_reminder_mail_tries_not_negative"), "renewal_reminder", "mail_tries >= 0"
    )
    op.drop_table("renewal_letter")


def _kinds(words: Sequence[str]) -> str:
    return "kind IN (" + ", ".join(f"'{word}'" for word in words) + ")"
