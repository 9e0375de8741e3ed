"""Public pages: real and counterfeit pairs, product versions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_public_pages"
down_revision: str | None = "20261122_goods"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    _versions()
    _pairs()
    _search()


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_label_range_out_of_use", table_name="label_range")
    op.drop_index("ix_use_certificate_folded", table_name="use_certificate")
    op.drop_index("ix_lot_folded", table_name="lot")
    op.drop_table("comparison_pair")
    op.drop_table("product_label_version")


def _versions() -> None:
    """Versions of electronic labels."""
    op.create_table(
        "product_label_version",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_product_label_version_version_positive")),
        sa.CheckConstraint("length(btrim(reason)) > 0", name=op.f("ck_product_label_version_reason_present")),
        sa.CheckConstraint(
            "fields ?& ARRAY['name_vi', 'responsible', 'address', 'origin_vi']",
            name=op.f("ck_product_label_version_mandatory_fields_present"),
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_label_version_product_id_product")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_product_label_version_file_id_stored_file")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_product_label_version_recorded_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_label_version")),
        sa.UniqueConstraint("product_id", "version", name=op.f("uq_product_label_version_product_id_version")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_product_label_version_product_id_valid_from"), "product_label_version", ["product_id", "valid_from"]
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.product_label_version "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def _pairs() -> None:
    """Pairs of genuine and suspect goods."""
    op.create_table(
        "comparison_pair",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("angle_vi", sa.Text(), nullable=False),
        sa.Column("angle_en", sa.Text(), nullable=False),
        sa.Column("genuine_file_id", sa.Uuid(), nullable=False),
        sa.Column("suspect_file_id", sa.Uuid(), nullable=False),
        sa.Column("genuine_w", sa.Integer(), nullable=False),
        sa.Column("genuine_h", sa.Integer(), nullable=False),
        sa.Column("suspect_w", sa.Integer(), nullable=False),
        sa.Column("suspect_h", sa.Integer(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column(
            "finding",
            sa.Enum("suspect", "counterfeit", name="pairfinding", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("source_vi", sa.Text(), nullable=False),
        sa.Column("source_en", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("differences", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column(
            "state",
            sa.Enum("draft", "published", "withdrawn", name="pairstate", native_enum=False, create_constraint=True, length=40),
            server_default="draft",
            nullable=False,
        ),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "finding <> 'counterfeit' OR (document IS NOT NULL AND length(btrim(document)) > 0)",
            name=op.f("ck_comparison_pair_counterfeit_has_document"),
        ),
        sa.CheckConstraint("published_by <> drafted_by", name=op.f("ck_comparison_pair_published_by_another")),
        sa.CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name=op.f("ck_comparison_pair_published_has_time")),
        sa.CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name=op.f("ck_comparison_pair_publisher_iff_published")),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name=op.f("ck_comparison_pair_withdrawn_has_time")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_comparison_pair_withdrawer_iff_withdrawn")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawal_reason IS NULL)", name=op.f("ck_comparison_pair_reason_iff_withdrawn")),
        sa.CheckConstraint(
            "state <> 'published' OR NOT jsonb_path_exists(differences, '$[*] ? (@.covert == true)')",
            name=op.f("ck_comparison_pair_nothing_covert_published"),
        ),
        sa.CheckConstraint(
            "state <> 'published' OR jsonb_array_length(differences) > 0", name=op.f("ck_comparison_pair_marked_when_published")
        ),
        sa.CheckConstraint("jsonb_typeof(differences) = 'array'", name=op.f("ck_comparison_pair_differences_are_a_list")),
        sa.CheckConstraint(
            "least(genuine_w, genuine_h, suspect_w, suspect_h) > 0", name=op.f("ck_comparison_pair_sizes_positive")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_comparison_pair_product_id_product")),
        sa.ForeignKeyConstraint(["genuine_file_id"], ["stored_file.id"], name=op.f("fk_comparison_pair_genuine_file_id_stored_file")),
        sa.ForeignKeyConstraint(["suspect_file_id"], ["stored_file.id"], name=op.f("fk_comparison_pair_suspect_file_id_stored_file")),
        sa.ForeignKeyConstraint(["drafted_by"], ["app_user.id"], name=op.f("fk_comparison_pair_drafted_by_app_user")),
        sa.ForeignKeyConstraint(["published_by"], ["app_user.id"], name=op.f("fk_comparison_pair_published_by_app_user")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["app_user.id"], name=op.f("fk_comparison_pair_withdrawn_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison_pair")),
    )  # fmt: skip
    op.create_index(op.f("ix_comparison_pair_product_id_state"), "comparison_pair", ["product_id", "state"])


def _search() -> None:
    """What the public search and the list of voided ranges read by."""
    op.create_index("ix_lot_folded", "lot", [sa.text("fold(code)")])
    op.create_index(
        "ix_use_certificate_folded", "use_certificate", [sa.text("fold(number) gin_trgm_ops")], postgresql_using="gin"
    )
    op.create_index(
        "ix_label_range_out_of_use", "label_range", ["since", "id"],
        postgresql_where=sa.text("state IN ('spoiled', 'lost', 'returned', 'voided', 'recalled')"),
    )  # fmt: skip
