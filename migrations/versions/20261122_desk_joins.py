"""Joined and split cases, and merges that can be taken back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_joins"
down_revision: str | None = "20261122_desk_casework"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHECK_MERGE = """
CREATE OR REPLACE FUNCTION enforcement.check_merge() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    above uuid := NEW.merged_into_id;
BEGIN
    WHILE above IS NOT NULL LOOP
        IF above = NEW.id THEN
            RAISE EXCEPTION 'a case cannot be merged into itself, through others neither'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_merge_acyclic';
        END IF;
        SELECT c.merged_into_id INTO above FROM enforcement.case_file c WHERE c.id = above FOR NO KEY UPDATE;
    END LOOP;
    RETURN NULL;
END
$$
"""

CHECK_JOINED = """
CREATE OR REPLACE FUNCTION enforcement.check_joined() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid;
BEGIN
    IF TG_TABLE_NAME = 'case_file' THEN
        touched := NEW.id;
    ELSE
        touched := NEW.absorbed_id;
    END IF;
    IF (SELECT c.merged_into_id FROM enforcement.case_file c WHERE c.id = touched) IS DISTINCT FROM
       (SELECT j.kept_id FROM enforcement.case_join j WHERE j.absorbed_id = touched AND j.undone_at IS NULL)
    THEN
        RAISE EXCEPTION 'a case is merged away exactly as long as its merge stands'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_join_stands';
    END IF;
    RETURN NULL;
END
$$
"""

KEEP_JOIN = """
CREATE OR REPLACE FUNCTION enforcement.keep_join() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL
       AND (NEW.id, NEW.kept_id, NEW.absorbed_id, NEW.merged_at, NEW.merged_by, NEW.reason, NEW.compared, NEW.mark)
           = (OLD.id, OLD.kept_id, OLD.absorbed_id, OLD.merged_at, OLD.merged_by, OLD.reason, OLD.compared, OLD.mark)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a merge is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_join_kept';
END
$$
"""

REFUSE_IN_MERGED = """
CREATE OR REPLACE FUNCTION enforcement.refuse_in_merged() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM enforcement.case_file c WHERE c.id = NEW.case_id AND c.merged_into_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the case was merged into another' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_event_standing';
    END IF;
    RETURN NEW;
END
$$
"""

TRIGGERS = (
    "CREATE TRIGGER case_merge_acyclic AFTER INSERT OR UPDATE OF merged_into_id ON enforcement.case_file "
    "FOR EACH ROW WHEN (NEW.merged_into_id IS NOT NULL) EXECUTE FUNCTION enforcement.check_merge()",
    "CREATE CONSTRAINT TRIGGER case_join_stands AFTER UPDATE OF merged_into_id ON enforcement.case_file DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_joined()",
    "CREATE CONSTRAINT TRIGGER case_join_stands AFTER INSERT OR UPDATE ON enforcement.case_join DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_joined()",
    "CREATE TRIGGER case_join_kept BEFORE UPDATE OR DELETE ON enforcement.case_join "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_join()",
    "CREATE TRIGGER case_event_standing BEFORE INSERT ON enforcement.case_event "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.refuse_in_merged()",
)


def upgrade() -> None:
    """Apply the change."""
    for name in ("merged_into_id", "split_from_id"):
        op.add_column("case_file", sa.Column(name, sa.Uuid(), nullable=True), schema="enforcement")
        op.create_foreign_key(
            op.f(f"fk_case_file_{name}_case_file"), "case_file", "case_file", [name], ["id"],
            source_schema="enforcement", referent_schema="enforcement",
        )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_case_file_not_into_itself"), "case_file", "merged_into_id <> id", schema="enforcement"
    )
    op.create_check_constraint(
        op.f("ck_case_file_not_split_from_itself"), "case_file", "split_from_id <> id", schema="enforcement"
    )
    op.create_index(
        "ix_case_file_merged", "case_file", ["merged_into_id"], schema="enforcement",
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "case_join",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("absorbed_id", sa.Uuid(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("compared", postgresql.JSONB(), nullable=False),
        sa.Column("changed", postgresql.JSONB(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_why", sa.Text(), nullable=True),
        sa.CheckConstraint("kept_id <> absorbed_id", name=op.f("ck_case_join_two_cases")),
        sa.CheckConstraint(
            "num_nonnulls(undone_at, undone_by, undone_why) IN (0, 3)", name=op.f("ck_case_join_undone_whole")
        ),
        sa.CheckConstraint("undone_at >= merged_at", name=op.f("ck_case_join_undone_after")),
        sa.CheckConstraint(
            "length(btrim(reason)) > 0 AND length(btrim(undone_why)) > 0", name=op.f("ck_case_join_reason_said")
        ),
        sa.ForeignKeyConstraint(["kept_id"], ["enforcement.case_file.id"], name=op.f("fk_case_join_kept_id_case_file")),
        sa.ForeignKeyConstraint(
            ["absorbed_id"], ["enforcement.case_file.id"], name=op.f("fk_case_join_absorbed_id_case_file")
        ),
        sa.ForeignKeyConstraint(["merged_by"], ["app_user.id"], name=op.f("fk_case_join_merged_by_app_user")),
        sa.ForeignKeyConstraint(["undone_by"], ["app_user.id"], name=op.f("fk_case_join_undone_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_join")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_case_join_kept_id"), "case_join", ["kept_id"], schema="enforcement")
    op.create_index(
        "uq_case_join_standing", "case_join", ["absorbed_id"], unique=True, schema="enforcement",
        postgresql_where=sa.text("undone_at IS NULL"),
    )  # fmt: skip
    for sql in (CHECK_MERGE, CHECK_JOINED, KEEP_JOIN, REFUSE_IN_MERGED, *TRIGGERS):
        op.execute(sql)


def downgrade() -> None:
    """Take it back. Cases that were merged away stand by themselves again."""
    op.execute("DROP TRIGGER case_event_standing ON enforcement.case_event")
    op.execute("DROP TRIGGER case_join_stands ON enforcement.case_file")
    op.execute("DROP TRIGGER case_merge_acyclic ON enforcement.case_file")
    op.drop_table("case_join", schema="enforcement")
    for name in ("check_merge", "check_joined", "keep_join", "refuse_in_merged"):
        op.execute(f"DROP FUNCTION enforcement.{name}()")
    op.drop_index("ix_case_file_merged", "case_file", schema="enforcement")
    op.drop_column("case_file", "split_from_id", schema="enforcement")
    op.drop_column("case_file", "merged_into_id", schema="enforcement")
