"""Templates, documents and number series of the desk."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_documents"
down_revision: str | None = "20261122_desk_evidence"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEEP_ISSUED_DOCUMENT = """
CREATE OR REPLACE FUNCTION enforcement.keep_issued_document() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.case_id, NEW.template_id, NEW.form, NEW.abstract, NEW.values, NEW.sheet, NEW.unit_id, NEW.year, NEW.sequence, NEW.number,
            NEW.issued_at, NEW.signer_id, NEW.confirmed_by, NEW.replaces_id, NEW.ins_due_at)
           IS NOT DISTINCT FROM
           (OLD.case_id, OLD.template_id, OLD.form, OLD.abstract, OLD.values, OLD.sheet, OLD.unit_id, OLD.year, OLD.sequence, OLD.number,
            OLD.issued_at, OLD.signer_id, OLD.confirmed_by, OLD.replaces_id, OLD.ins_due_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an issued document is never changed' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'issued_document_kept';
END
$$
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "issuing_unit",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("sub_unit_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("sub_unit_code ~ '^[0-9]{2}$'", name=op.f("ck_issuing_unit_sub_unit_code_two_digits")),
        sa.CheckConstraint("unit_code ~ '^[0-9]{2}$'", name=op.f("ck_issuing_unit_unit_code_two_digits")),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name=op.f("ck_issuing_unit_name_present")),
        sa.CheckConstraint(
            "length(btrim(parent_name)) BETWEEN 1 AND 200", name=op.f("ck_issuing_unit_parent_name_present")
        ),
        sa.CheckConstraint("length(btrim(place)) BETWEEN 1 AND 100", name=op.f("ck_issuing_unit_place_present")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_issuing_unit_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuing_unit")),
        sa.UniqueConstraint("party_id", name=op.f("uq_issuing_unit_party_id")),
        sa.UniqueConstraint("unit_code", "sub_unit_code", name=op.f("uq_issuing_unit_unit_code_sub_unit_code")),
        schema="enforcement",
    )
    op.create_table(
        "document_template",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("length(btrim(form)) BETWEEN 2 AND 20", name=op.f("ck_document_template_form_present")),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name=op.f("ck_document_template_name_present")),
        sa.CheckConstraint("version > 0", name=op.f("ck_document_template_version_positive")),
        sa.ForeignKeyConstraint(["drawn_by"], ["app_user.id"], name=op.f("fk_document_template_drawn_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_template")),
        sa.UniqueConstraint("form", "version", name=op.f("uq_document_template_form_version")),
        schema="enforcement",
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "issued",
                "scanned",
                "cancelled",
                "superseded",
                "discarded",
                name="documentstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.Uuid(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signer_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("sheet", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("ins_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ins_uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ins_receipt", sa.Text(), nullable=True),
        sa.Column("ins_recorded_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'discarded')) = (ended_at IS NOT NULL) AND num_nulls(ended_at, ended_by, end_reason) IN (0, 3)",
            name=op.f("ck_document_reason_when_ended"),
        ),
        sa.CheckConstraint(
            "(state IN ('draft', 'discarded')) = (number IS NULL)", name=op.f("ck_document_number_iff_issued")
        ),
        sa.CheckConstraint(
            "num_nulls(ins_uploaded_at, ins_receipt, ins_recorded_by) IN (0, 3) AND (ins_uploaded_at IS NULL OR ins_uploaded_at >= issued_at)",
            name=op.f("ck_document_ins_whole"),
        ),
        sa.CheckConstraint(
            "num_nulls(number, sequence, year, unit_id, issued_at, signer_id, sheet, ins_due_at) IN (0, 8)",
            name=op.f("ck_document_issued_whole"),
        ),
        sa.CheckConstraint(
            "number IS NULL OR NOT doubtful OR confirmed_by IS NOT NULL", name=op.f("ck_document_wording_confirmed")
        ),
        sa.CheckConstraint("sequence BETWEEN 1 AND 9999", name=op.f("ck_document_sequence_range")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_document_case_id_case_file")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["app_user.id"], name=op.f("fk_document_confirmed_by_app_user")),
        sa.ForeignKeyConstraint(["drawn_by"], ["app_user.id"], name=op.f("fk_document_drawn_by_app_user")),
        sa.ForeignKeyConstraint(["ended_by"], ["app_user.id"], name=op.f("fk_document_ended_by_app_user")),
        sa.ForeignKeyConstraint(
            ["ins_recorded_by"], ["app_user.id"], name=op.f("fk_document_ins_recorded_by_app_user")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["enforcement.document.id"], name=op.f("fk_document_replaces_id_document")
        ),
        sa.ForeignKeyConstraint(["saved_by"], ["app_user.id"], name=op.f("fk_document_saved_by_app_user")),
        sa.ForeignKeyConstraint(["signer_id"], ["app_user.id"], name=op.f("fk_document_signer_id_app_user")),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["enforcement.document_template.id"],
            name=op.f("fk_document_template_id_document_template"),
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["enforcement.issuing_unit.id"], name=op.f("fk_document_unit_id_issuing_unit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("number", "year", name=op.f("uq_document_number_year")),
        sa.UniqueConstraint("unit_id", "form", "year", "sequence", name=op.f("uq_document_unit_id_form_year_sequence")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_document_case_id"), "document", ["case_id"], unique=False, schema="enforcement")
    op.create_index(
        "ix_document_folded",
        "document",
        [sa.literal_column("public.fold(abstract) gin_trgm_ops")],
        unique=False,
        schema="enforcement",
        postgresql_using="gin",
    )
    op.create_index(
        "ix_document_ins_open",
        "document",
        ["ins_due_at"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("ins_due_at IS NOT NULL AND ins_uploaded_at IS NULL"),
    )
    op.create_index(op.f("ix_document_issued_at"), "document", ["issued_at"], unique=False, schema="enforcement")
    op.create_index(
        "uq_document_replaces",
        "document",
        ["replaces_id"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("state <> 'discarded'"),
    )
    op.create_table(
        "document_scan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scanned_by", sa.Uuid(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("replace_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(replaced_at, replaced_by, replace_reason) IN (0, 3)",
            name=op.f("ck_document_scan_replaced_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["enforcement.document.id"], name=op.f("fk_document_scan_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["enforcement.evidence.id"], name=op.f("fk_document_scan_evidence_id_evidence")
        ),
        sa.ForeignKeyConstraint(["replaced_by"], ["app_user.id"], name=op.f("fk_document_scan_replaced_by_app_user")),
        sa.ForeignKeyConstraint(["scanned_by"], ["app_user.id"], name=op.f("fk_document_scan_scanned_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_scan")),
        sa.UniqueConstraint("evidence_id", name=op.f("uq_document_scan_evidence_id")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_document_scan_document_id"), "document_scan", ["document_id"], unique=False, schema="enforcement"
    )
    op.create_index(
        "uq_document_scan_standing",
        "document_scan",
        ["document_id"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.execute(KEEP_ISSUED_DOCUMENT)
    op.execute(
        "CREATE TRIGGER issued_document_kept BEFORE UPDATE OR DELETE ON enforcement.document "
        "FOR EACH ROW WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION enforcement.keep_issued_document()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.document_template "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def downgrade() -> None:
    """Take it back."""
    for name in ("document_scan", "document", "document_template", "issuing_unit"):
        op.drop_table(name, schema="enforcement")
    op.execute("DROP FUNCTION enforcement.keep_issued_document()")
