"""Titles with their signs, amendments and rules as data; a revision counter on records that people edit."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_titles"
down_revision: str | None = "20261122_hidden_codes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


REVISED = (
    "protection_title", "use_regulation", "product", "season", "party", "growing_area", "production_site", "lot",
)  # fmt: skip
ADDED_ONLY = ("title_amendment", "title_renewal", "volume_confirmation")
KINDS = ("names_addresses", "managing_body", "owner", "specification", "area", "regulation")

REFUSE_OWNER_AS_HOLDER = """
CREATE OR REPLACE FUNCTION public.refuse_owner_as_holder() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    of_title uuid;
BEGIN
    IF TG_TABLE_NAME = 'protection_title' THEN
        of_title := NEW.id;
    ELSE
        of_title := NEW.title_id;
    END IF;
    PERFORM 1 FROM public.protection_title t WHERE t.id = of_title AND t.kind = 'certification_mark' FOR NO KEY UPDATE;
    IF FOUND AND EXISTS (
        SELECT 1 FROM public.title_role r
          JOIN public.use_certificate c ON c.title_id = r.title_id AND c.holder_id = r.party_id AND c.valid_during && r.valid_during
         WHERE r.title_id = of_title AND r.role = 'owner' AND c.status IN ('active', 'suspended')
    ) THEN
        RAISE EXCEPTION 'the owner of a certification mark cannot hold a certificate of it'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'owner_cannot_hold';
    END IF;
    RETURN NULL;
END
$$
"""

KEEP_TITLE_ROLE = """
CREATE OR REPLACE FUNCTION public.keep_title_role() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND upper_inf(OLD.valid_during) AND lower(NEW.valid_during) IS NOT DISTINCT FROM lower(OLD.valid_during)
       AND (NEW.title_id, NEW.party_id, NEW.role, NEW.deciding_document)
           = (OLD.title_id, OLD.party_id, OLD.role, OLD.deciding_document)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a role of a title is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'title_role_kept';
END
$$
"""

TRIGGERS = (
    "CREATE TRIGGER owner_cannot_hold AFTER INSERT OR UPDATE ON public.title_role "
    "FOR EACH ROW WHEN (NEW.role = 'owner') EXECUTE FUNCTION public.refuse_owner_as_holder()",
    "CREATE TRIGGER owner_cannot_hold AFTER INSERT OR UPDATE ON public.use_certificate "
    "FOR EACH ROW WHEN (NEW.status IN ('active', 'suspended')) EXECUTE FUNCTION public.refuse_owner_as_holder()",
    "CREATE TRIGGER owner_cannot_hold AFTER UPDATE OF kind ON public.protection_title "
    "FOR EACH ROW WHEN (NEW.kind = 'certification_mark') EXECUTE FUNCTION public.refuse_owner_as_holder()",
    "CREATE TRIGGER title_role_kept BEFORE UPDATE OR DELETE ON public.title_role "
    "FOR EACH ROW EXECUTE FUNCTION public.keep_title_role()",
)


def upgrade() -> None:
    """Apply the change."""
    for table in REVISED:
        op.add_column(table, sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("use_regulation", sa.Column("body", sa.Text(), server_default="", nullable=False))
    op.add_column("use_regulation", sa.Column("deciding_document", sa.Text(), server_default="", nullable=False))
    op.add_column("use_regulation", sa.Column("file_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_use_regulation_file_id_stored_file"), "use_regulation", "stored_file", ["file_id"], ["id"]
    )
    op.add_column(
        "use_regulation", sa.Column("rules", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    _title_columns()
    _records()
    op.execute(REFUSE_OWNER_AS_HOLDER)
    op.execute(KEEP_TITLE_ROLE)
    for trigger in TRIGGERS:
        op.execute(trigger)
    for table in ADDED_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )


def _title_columns() -> None:
    text, numbers = sa.ARRAY(sa.Text()), sa.ARRAY(sa.Integer())
    for column in (
        sa.Column("application_number", sa.Text(), nullable=True),
        sa.Column("filed_on", sa.Date(), nullable=True),
        sa.Column("nice_classes", numbers, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("goods_in_words", sa.Text(), nullable=True),
        sa.Column("characteristics", sa.Text(), nullable=True),
        sa.Column("area_commune_codes", text, server_default=sa.text("'{}'"), nullable=False),
    ):
        op.add_column("protection_title", column)
    op.create_check_constraint(
        op.f("ck_protection_title_filed_before_granted"), "protection_title", "filed_on <= granted_on"
    )
    op.create_check_constraint(
        op.f("ck_protection_title_nice_classes_range"),
        "protection_title",
        "1 <= ALL (nice_classes) AND 45 >= ALL (nice_classes)",
    )
    op.add_column("title_role", sa.Column("ending_document", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_title_role_ending_document_with_end"),
        "title_role",
        "ending_document IS NULL OR NOT upper_inf(valid_during)",
    )


def _records() -> None:
    op.create_table(
        "title_amendment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="amendmentkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("becomes", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(document)) > 0", name=op.f("ck_title_amendment_document_present")),
        sa.CheckConstraint("length(btrim(becomes)) > 0", name=op.f("ck_title_amendment_becomes_present")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_title_amendment_title_id_protection_title")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_title_amendment_recorded_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title_amendment")),
    )
    op.create_index(op.f("ix_title_amendment_title_id_decided_on"), "title_amendment", ["title_id", "decided_on"])
    op.create_table(
        "title_renewal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("old_end", sa.Date(), nullable=False),
        sa.Column("new_end", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(document)) > 0", name=op.f("ck_title_renewal_document_present")),
        sa.CheckConstraint("new_end > old_end", name=op.f("ck_title_renewal_later_end")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_title_renewal_title_id_protection_title")
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_title_renewal_recorded_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title_renewal")),
        sa.UniqueConstraint("title_id", "old_end", name=op.f("uq_title_renewal_title_id_old_end")),
    )
    op.create_table(
        "title_image",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_title_image_withdrawer_iff_withdrawn")
        ),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_title_image_title_id_protection_title")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_title_image_file_id_stored_file")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_title_image_added_by_app_user")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["app_user.id"], name=op.f("fk_title_image_withdrawn_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title_image")),
    )
    op.create_index(op.f("ix_title_image_title_id"), "title_image", ["title_id"])
    op.create_table(
        "volume_confirmation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("balance_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("was_g", sa.BigInteger(), nullable=True),
        sa.Column("computed_g", sa.BigInteger(), nullable=False),
        sa.Column("eligible_g", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("basis", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "eligible_g >= 0 AND computed_g >= 0 AND was_g >= 0",
            name=op.f("ck_volume_confirmation_volumes_not_negative"),
        ),
        sa.CheckConstraint(
            "eligible_g = computed_g OR reason IS NOT NULL",
            name=op.f("ck_volume_confirmation_reason_unless_as_computed"),
        ),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["eligible_balance.id"], name=op.f("fk_volume_confirmation_balance_id_eligible_balance")
        ),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_volume_confirmation_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_confirmation")),
    )
    op.create_index(op.f("ix_volume_confirmation_balance_id_at"), "volume_confirmation", ["balance_id", "at"])


def downgrade() -> None:
    """Take it back."""
    for table in ("title_role", "use_certificate", "protection_title"):
        op.execute(f"DROP TRIGGER owner_cannot_hold ON public.{table}")
    op.execute("DROP TRIGGER title_role_kept ON public.title_role")
    op.execute("DROP FUNCTION public.refuse_owner_as_holder()")
    op.execute("DROP FUNCTION public.keep_title_role()")
    for table in ("volume_confirmation", "title_image", "title_renewal", "title_amendment"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_title_role_ending_document_with_end"), "title_role")
    op.drop_column("title_role", "ending_document")
    for name in ("nice_classes_range", "filed_before_granted"):
        op.drop_constraint(op.f(f"ck_protection_title_{name}"), "protection_title")
    for column in (
        "area_commune_codes", "characteristics", "goods_in_words", "nice_classes", "filed_on", "application_number",
    ):  # fmt: skip
        op.drop_column("protection_title", column)
    for column in ("rules", "file_id", "deciding_document", "body"):
        op.drop_column("use_regulation", column)
    for table in REVISED:
        op.drop_column(table, "revision")
