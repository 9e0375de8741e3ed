"""Applications for the right of use, with their files, evaluation and events; holidays for the whole city."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_applications"
down_revision: str | None = "20261122_titles"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = ("application_evaluation", "evaluation_result")


def upgrade() -> None:
    """Apply the change."""
    op.execute("ALTER TABLE enforcement.holiday SET SCHEMA public")
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("renews_id", sa.Uuid(), nullable=True),
        sa.Column("regulation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "supplement",
                "received",
                "evaluated",
                "granted",
                "refused",
                "withdrawn",
                name="applicationstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("representative", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("tax_code", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("sign_use", sa.Text(), nullable=True),
        sa.Column("yearly_kg", sa.BigInteger(), nullable=True),
        sa.Column("process", sa.Text(), nullable=True),
        sa.Column("committed_name", sa.Text(), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("receipt_number", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evaluated_by", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("certificate_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(state = 'granted') = (certificate_id IS NOT NULL)", name=op.f("ck_application_certificate_iff_granted")
        ),
        sa.CheckConstraint(
            "(state IN ('granted', 'refused')) = (decided_at IS NOT NULL)",
            name=op.f("ck_application_decided_iff_ended"),
        ),
        sa.CheckConstraint("id_number ~ '^[0-9]{12}$'", name=op.f("ck_application_id_number_twelve_digits")),
        sa.CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name=op.f("ck_application_phone_form")),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL",
            name=op.f("ck_application_submitted_unless_draft"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('evaluated', 'granted') OR evaluated_by IS NOT NULL",
            name=op.f("ck_application_evaluated_before_granted"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('received', 'evaluated', 'granted') OR received_at IS NOT NULL",
            name=op.f("ck_application_received_before_evaluated"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'supplement') OR length(btrim(reason)) > 0",
            name=op.f("ck_application_reason_in_writing"),
        ),
        sa.CheckConstraint(
            "tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name=op.f("ck_application_tax_code_form")
        ),
        sa.CheckConstraint(
            "(committed_at IS NULL) = (committed_name IS NULL)", name=op.f("ck_application_commitment_has_a_name")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_application_decider_iff_decided")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (document_number IS NULL)", name=op.f("ck_application_document_iff_decided")
        ),
        sa.CheckConstraint(
            "(receipt_number IS NULL) = (received_at IS NULL)", name=op.f("ck_application_receipt_iff_received")
        ),
        sa.CheckConstraint("decided_by <> evaluated_by", name=op.f("ck_application_two_persons")),
        sa.CheckConstraint("yearly_kg > 0", name=op.f("ck_application_yearly_kg_positive")),
        sa.ForeignKeyConstraint(["applicant_id"], ["party.id"], name=op.f("fk_application_applicant_id_party")),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["use_certificate.id"], name=op.f("fk_application_certificate_id_use_certificate")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("fk_application_decided_by_app_user")),
        sa.ForeignKeyConstraint(["evaluated_by"], ["app_user.id"], name=op.f("fk_application_evaluated_by_app_user")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_application_product_id_product")),
        sa.ForeignKeyConstraint(
            ["regulation_id"], ["use_regulation.id"], name=op.f("fk_application_regulation_id_use_regulation")
        ),
        sa.ForeignKeyConstraint(
            ["renews_id"], ["use_certificate.id"], name=op.f("fk_application_renews_id_use_certificate")
        ),
        sa.ForeignKeyConstraint(["started_by"], ["app_user.id"], name=op.f("fk_application_started_by_app_user")),
        sa.ForeignKeyConstraint(["submitted_by"], ["app_user.id"], name=op.f("fk_application_submitted_by_app_user")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_application_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("certificate_id", name=op.f("uq_application_certificate_id")),
        sa.UniqueConstraint("receipt_number", name=op.f("uq_application_receipt_number")),
    )
    op.create_index(op.f("ix_application_applicant_id"), "application", ["applicant_id"], unique=False)
    op.create_index(op.f("ix_application_renews_id"), "application", ["renews_id"], unique=False)
    op.create_index(op.f("ix_application_state_due_on"), "application", ["state", "due_on"], unique=False)
    op.create_index(
        "uq_application_open",
        "application",
        ["title_id", "applicant_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('draft', 'submitted', 'supplement', 'received', 'evaluated')"),
    )
    op.create_table(
        "renewal_reminder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["use_certificate.id"], name=op.f("fk_renewal_reminder_certificate_id_use_certificate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_reminder")),
        sa.UniqueConstraint("certificate_id", "ends_on", name=op.f("uq_renewal_reminder_certificate_id_ends_on")),
    )
    op.create_table(
        "application_evaluation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("evaluated_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(minutes)) > 0", name=op.f("ck_application_evaluation_minutes_present")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_evaluation_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["app_user.id"], name=op.f("fk_application_evaluation_recorded_by_app_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_evaluation")),
    )
    op.create_index(
        op.f("ix_application_evaluation_application_id_recorded_at"),
        "application_evaluation",
        ["application_id", "recorded_at"],
        unique=False,
    )
    op.create_table(
        "application_source",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_application_source_area_or_site")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_source_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["area_id"], ["growing_area.id"], name=op.f("fk_application_source_area_id_growing_area")
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_application_source_site_id_production_site")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_source")),
        sa.UniqueConstraint("application_id", "area_id", name=op.f("uq_application_source_application_id_area_id")),
        sa.UniqueConstraint("application_id", "site_id", name=op.f("uq_application_source_application_id_site_id")),
    )
    op.create_table(
        "application_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "identity",
                "production",
                "quality",
                "packaging",
                "other",
                "evaluation",
                name="applicationevidence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("evaluation_id", sa.Uuid(), nullable=True),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_application_file_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["application_evaluation.id"],
            name=op.f("fk_application_file_evaluation_id_application_evaluation"),
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_application_file_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_file")),
        sa.UniqueConstraint("application_id", "file_id", name=op.f("uq_application_file_application_id_file_id")),
    )
    op.create_table(
        "evaluation_result",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column(
            "result",
            sa.Enum(
                "met",
                "not_met",
                "not_applicable",
                name="criterionresult",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "result <> 'not_met' OR length(btrim(note)) > 0", name=op.f("ck_evaluation_result_not_met_says_why")
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["application_evaluation.id"],
            name=op.f("fk_evaluation_result_evaluation_id_application_evaluation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_result")),
        sa.UniqueConstraint("evaluation_id", "position", name=op.f("uq_evaluation_result_evaluation_id_position")),
    )
    op.add_column("certificate_status_change", sa.Column("ground", sa.Text(), nullable=True))
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("certificate_status_change", "ground")
    op.drop_table("evaluation_result")
    op.drop_table("application_file")
    op.drop_table("application_source")
    op.drop_table("application_evaluation")
    op.drop_table("renewal_reminder")
    op.drop_table("application")
    op.execute("ALTER TABLE public.holiday SET SCHEMA enforcement")
