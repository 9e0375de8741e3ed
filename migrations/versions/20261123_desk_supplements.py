"""Papers that a right holder brings after the request, and the moment at which each signal was put on the desk."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_supplements"
down_revision: str | None = "20261123_desk_changed"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change. Of older signals only the day that is written on them is known."""
    op.create_table(
        "request_supplement",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("poa_certified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "received_at <= recorded_at", name=op.f("ck_request_supplement_received_before_recorded")
        ),
        sa.CheckConstraint(
            "length(btrim(note)) BETWEEN 1 AND 2000", name=op.f("ck_request_supplement_note_length")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["enforcement.infringement_request.record_id"],
            name=op.f("fk_request_supplement_record_id_infringement_request"),
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_request_supplement_recorded_by_app_user")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_request_supplement_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_supplement")),
        schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_request_supplement_record_id"), "request_supplement", ["record_id"], schema="enforcement")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.request_supplement "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    op.add_column("intake_file", sa.Column("supplement_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.create_foreign_key(
        op.f("fk_intake_file_supplement_id_request_supplement"), "intake_file", "request_supplement", ["supplement_id"], ["id"],
        source_schema="enforcement", referent_schema="enforcement",
    )  # fmt: skip
    op.add_column(
        "signal",
        sa.Column("filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        schema="enforcement",
    )
    # The figures of the clusters do not change, so they are not counted again over a million rows.
    op.execute("ALTER TABLE enforcement.signal DISABLE TRIGGER clusters_counted_over")
    op.execute("UPDATE enforcement.signal SET filed_at = received_at")
    op.execute("ALTER TABLE enforcement.signal ENABLE TRIGGER clusters_counted_over")
    op.alter_column("signal", "filed_at", nullable=False, schema="enforcement")
    op.create_index("ix_signal_filed", "signal", ["filed_at"], schema="enforcement", postgresql_using="brin")


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_signal_filed", table_name="signal", schema="enforcement")
    op.drop_column("signal", "filed_at", schema="enforcement")
    op.drop_column("intake_file", "supplement_id", schema="enforcement")
    op.drop_table("request_supplement", schema="enforcement")
