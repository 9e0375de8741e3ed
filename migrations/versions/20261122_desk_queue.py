"""The queue at a million signals, saved filters, undo."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_queue"
down_revision: str | None = "20261122_desk_documents"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNDECIDED = "state IN ('new', 'waiting')"
OPEN = "state NOT IN ('closed', 'archived') AND merged_into_id IS NULL"
PRESSING = "next_due_at, severity DESC, opened_at, id"
WORDS = (
    ("case_file", "' ' || public.fold(title) || ' '"),
    ("signal", "' ' || public.fold(summary || ' ' || coalesce(place, '')) || ' '"),
)
INDEXES = (
    f"ix_signal_undecided_commune ON enforcement.signal (commune_code, cluster_id) WHERE {UNDECIDED}",
    f"ix_signal_undecided_source ON enforcement.signal (source, cluster_id) WHERE {UNDECIDED}",
    f"ix_signal_undecided_words ON enforcement.signal USING gin (words gin_trgm_ops) WHERE {UNDECIDED}",
    "ix_signal_taken_words ON enforcement.signal USING gin (words gin_trgm_ops) WHERE case_id IS NOT NULL",
    "ix_signal_number ON enforcement.signal (source_number text_pattern_ops)",
    "ix_signal_digits ON enforcement.signal ((ltrim(split_part(source_number, '-', 3), '0')))",
    "ix_signal_cluster_on_hold ON enforcement.signal_cluster (wait_until, due_at, severity DESC, oldest_at, id) "
    "WHERE fresh = 0 AND waiting > 0",
    f"ix_case_file_pressing ON enforcement.case_file ({PRESSING})",
    f"ix_case_file_open ON enforcement.case_file ({PRESSING}) WHERE {OPEN}",
    f"ix_case_file_open_officer ON enforcement.case_file (officer_id, {PRESSING}) WHERE {OPEN}",
    f"ix_case_file_state ON enforcement.case_file (state, {PRESSING})",
    "ix_case_file_words ON enforcement.case_file USING gin (words gin_trgm_ops)",
    "ix_case_file_number ON enforcement.case_file (number text_pattern_ops)",
    "ix_case_file_digits ON enforcement.case_file ((ltrim(split_part(number, '-', 3), '0')))",
)


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("ix_case_file_state_next_due_at", table_name="case_file", schema="enforcement")
    for table, folded in WORDS:
        op.add_column(
            table,
            sa.Column("words", sa.Text(), sa.Computed(folded, persisted=True), nullable=False),
            schema="enforcement",
        )
    for index in INDEXES:
        op.execute(f"CREATE INDEX {index}")
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("list", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("list IN ('signals', 'cases')", name=op.f("ck_saved_filter_desklist")),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 60", name=op.f("ck_saved_filter_name_present")),
        sa.CheckConstraint("length(query) <= 600", name=op.f("ck_saved_filter_query_bounded")),
        sa.ForeignKeyConstraint(["owner_id"], ["app_user.id"], name=op.f("fk_saved_filter_owner_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_filter_owner_id_name")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_saved_filter_shared"),
        "saved_filter",
        ["shared"],
        schema="enforcement",
        postgresql_where=sa.text("shared"),
    )
    op.create_table(
        "bulk_deed",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("list", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("done", postgresql.JSONB(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("list IN ('signals', 'cases')", name=op.f("ck_bulk_deed_desklist")),
        sa.CheckConstraint("kind IN ('assign', 'weigh', 'wait', 'reject', 'add')", name=op.f("ck_bulk_deed_bulkkind")),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_bulk_deed_undoer_when_undone")),
        sa.CheckConstraint("undone_at >= at", name=op.f("ck_bulk_deed_undone_after_done")),
        sa.CheckConstraint("jsonb_typeof(done -> 'items') = 'array'", name=op.f("ck_bulk_deed_done_lists_items")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_bulk_deed_by_app_user")),
        sa.ForeignKeyConstraint(["undone_by"], ["app_user.id"], name=op.f("fk_bulk_deed_undone_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_deed")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_bulk_deed_by_at"), "bulk_deed", ["by", "at"], schema="enforcement")
    op.create_table(
        "desk_setting",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("keys", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["app_user.id"], name=op.f("fk_desk_setting_person_id_app_user")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_desk_setting")),
        schema="enforcement",
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("desk_setting", schema="enforcement")
    op.drop_table("bulk_deed", schema="enforcement")
    op.drop_table("saved_filter", schema="enforcement")
    for index in reversed(INDEXES):
        op.execute(f"DROP INDEX enforcement.{index.split()[0]}")
    for table, _folded in WORDS:
        op.drop_column(table, "words", schema="enforcement")
    op.create_index(
        "ix_case_file_state_next_due_at", "case_file", ["state", "next_due_at"], unique=False, schema="enforcement"
    )
