"""Capacities of signing on papers: each issued document says in which of those of Decree 30/2020 it was signed, and keeps it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_desk_papers"
down_revision: str | None = "20261122_desk_scale"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEPT = """
CREATE OR REPLACE FUNCTION enforcement.keep_issued_document() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.case_id, NEW.template_id, NEW.form, NEW.abstract, NEW.values, NEW.sheet, NEW.unit_id, NEW.year, NEW.sequence, NEW.number,
            NEW.issued_at, NEW.signer_id,{new} NEW.confirmed_by, NEW.replaces_id, NEW.ins_due_at)
           IS NOT DISTINCT FROM
           (OLD.case_id, OLD.template_id, OLD.form, OLD.abstract, OLD.values, OLD.sheet, OLD.unit_id, OLD.year, OLD.sequence, OLD.number,
            OLD.issued_at, OLD.signer_id,{old} OLD.confirmed_by, OLD.replaces_id, OLD.ins_due_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an issued document is never changed' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'issued_document_kept';
END
$$
"""
CAPACITIES = ("own", "collective", "deputy", "by_order", "authorised", "acting")


def upgrade() -> None:
    """Apply the change. What was issued before was signed in the own post, or as its sheet says for the head."""
    op.add_column("document", sa.Column("signed_as", sa.String(40), nullable=True), schema="enforcement")
    op.execute(
        "UPDATE enforcement.document SET signed_as = CASE WHEN sheet -> 'capacity' ->> 0 LIKE 'KT.%' THEN 'deputy' ELSE 'own' END "
        "WHERE number IS NOT NULL"
    )
    listed = ", ".join(f"'{each}'" for each in CAPACITIES)
    op.create_check_constraint(
        op.f("ck_document_signingas"), "document", f"signed_as IN ({listed})", schema="enforcement"
    )
    op.create_check_constraint(
        op.f("ck_document_signed_as_iff_issued"),
        "document",
        "(signed_as IS NULL) = (number IS NULL)",
        schema="enforcement",
    )
    op.execute(KEPT.format(new=" NEW.signed_as,", old=" OLD.signed_as,"))


def downgrade() -> None:
    """Take it back."""
    op.execute(KEPT.format(new="", old=""))
    for name in ("signed_as_iff_issued", "signingas"):
        op.drop_constraint(op.f(f"ck_document_{name}"), "document", schema="enforcement")
    op.drop_column("document", "signed_as", schema="enforcement")
