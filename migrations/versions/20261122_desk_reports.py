"""Reports of the desk, frozen and signed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_reports"
down_revision: str | None = "20261122_desk_secrecy"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEEP_REPORT = """
CREATE OR REPLACE FUNCTION enforcement.keep_report() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.signed_at IS NULL
       AND (NEW.id, NEW.first_day, NEW.last_day, NEW.drawn_at, NEW.drawn_by, NEW.figures)
           = (OLD.id, OLD.first_day, OLD.last_day, OLD.drawn_at, OLD.drawn_by, OLD.figures)
       AND NEW.unit_id IS NOT DISTINCT FROM OLD.unit_id AND NEW.commune_code IS NOT DISTINCT FROM OLD.commune_code
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the figures of a report are frozen' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'desk_report_frozen';
END
$$
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "desk_report",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("remarks", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_desk_report_days_in_order")),
        sa.CheckConstraint(
            "num_nonnulls(signed_at, signed_by, number) IN (0, 3)", name=op.f("ck_desk_report_signed_whole")
        ),
        sa.CheckConstraint("length(remarks) <= 10000", name=op.f("ck_desk_report_remarks_bounded")),
        sa.ForeignKeyConstraint(["unit_id"], ["party.id"], name=op.f("fk_desk_report_unit_id_party")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_desk_report_commune_code_commune")),
        sa.ForeignKeyConstraint(["drawn_by"], ["app_user.id"], name=op.f("fk_desk_report_drawn_by_app_user")),
        sa.ForeignKeyConstraint(["signed_by"], ["app_user.id"], name=op.f("fk_desk_report_signed_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_report")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_desk_report_number"), "desk_report", ["number"], unique=True, schema="enforcement")
    op.create_index(
        "uq_desk_report_signed", "desk_report", ["first_day", "last_day", "unit_id", "commune_code"], unique=True,
        schema="enforcement", postgresql_nulls_not_distinct=True, postgresql_where=sa.text("signed_at IS NOT NULL"),
    )  # fmt: skip
    op.execute(KEEP_REPORT)
    op.execute(
        "CREATE TRIGGER desk_report_frozen BEFORE UPDATE OR DELETE ON enforcement.desk_report "
        "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_report()"
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("desk_report", schema="enforcement")
    op.execute("DROP FUNCTION enforcement.keep_report()")
