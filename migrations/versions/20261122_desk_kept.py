"""Issued documents as files: drawn once and kept, so that a later layout changes nothing that was signed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_desk_kept"
down_revision: str | None = "20261122_desk_papers"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change. What was issued before is drawn by the job, at its next turn."""
    op.create_table(
        "document_file",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("pdf_id", sa.Uuid(), nullable=False),
        sa.Column("docx_id", sa.Uuid(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("pdf_id <> docx_id", name=op.f("ck_document_file_two_files")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["enforcement.document.id"], name=op.f("fk_document_file_document_id_document")
        ),
        sa.ForeignKeyConstraint(["docx_id"], ["stored_file.id"], name=op.f("fk_document_file_docx_id_stored_file")),
        sa.ForeignKeyConstraint(["pdf_id"], ["stored_file.id"], name=op.f("fk_document_file_pdf_id_stored_file")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_file")),
        schema="enforcement",
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.document_file "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("document_file", schema="enforcement")
