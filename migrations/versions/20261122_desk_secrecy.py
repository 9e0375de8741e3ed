"""Two persons open an informant's identity."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_desk_secrecy"
down_revision: str | None = "20261122_desk_queue"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AGREED_READING = """
CREATE OR REPLACE FUNCTION informant.check_reading() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM informant.opening o
         WHERE o.id = NEW.opening_id AND o.tip_id = NEW.tip_id AND o.asked_by = NEW."by" AND o.agreed AND o.read_at IS NULL
           AND NEW.at BETWEEN o.decided_at AND o.decided_at + interval '24 hours'
    ) THEN
        RAISE EXCEPTION 'a reading needs the agreement of another person' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'agreed_by_another';
    END IF;
    UPDATE informant.opening SET read_at = NEW.at WHERE id = NEW.opening_id;
    RETURN NEW;
END
$$
"""
KEEP_OPENING = """
CREATE OR REPLACE FUNCTION informant.keep_opening() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.tip_id, NEW.reason, NEW.asked_at, NEW.asked_by) = (OLD.id, OLD.tip_id, OLD.reason, OLD.asked_at, OLD.asked_by)
       AND (OLD.decided_at IS NULL OR (NEW.agreed, NEW.decided_at, NEW.decided_by) = (OLD.agreed, OLD.decided_at, OLD.decided_by)
            AND NEW.refused_because IS NOT DISTINCT FROM OLD.refused_because)
       AND (OLD.read_at IS NULL OR NEW.read_at = OLD.read_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a wish to read a contact is never rewritten' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'opening_kept';
END
$$
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "opening",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(btrim(reason)) >= 10", name=op.f("ck_opening_reason_said")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
            name=op.f("ck_opening_decided_whole"),
        ),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_opening_two_persons")),
        sa.CheckConstraint(
            "agreed IS NOT FALSE OR coalesce(length(btrim(refused_because)), 0) >= 10",
            name=op.f("ck_opening_refusal_explained"),
        ),
        sa.CheckConstraint("read_at IS NULL OR agreed", name=op.f("ck_opening_read_if_agreed")),
        sa.ForeignKeyConstraint(["tip_id"], ["informant.contact.tip_id"], name=op.f("fk_opening_tip_id_contact")),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_opening_asked_by_app_user")),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("fk_opening_decided_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening")),
        schema="informant",
    )
    op.create_index(op.f("ix_opening_tip_id"), "opening", ["tip_id"], schema="informant")
    op.create_index(
        "uq_opening_pending", "opening", ["tip_id"], unique=True, schema="informant",
        postgresql_where=sa.text("decided_at IS NULL"),
    )  # fmt: skip
    op.add_column("reading", sa.Column("opening_id", sa.Uuid(), nullable=True), schema="informant")
    op.create_foreign_key(
        op.f("fk_reading_opening_id_opening"), "reading", "opening", ["opening_id"], ["id"],
        source_schema="informant", referent_schema="informant",
    )  # fmt: skip
    op.create_unique_constraint(op.f("uq_reading_opening_id"), "reading", ["opening_id"], schema="informant")
    op.execute(AGREED_READING)
    op.execute(KEEP_OPENING)
    op.execute(
        "CREATE TRIGGER opening_kept BEFORE UPDATE OR DELETE ON informant.opening "
        "FOR EACH ROW EXECUTE FUNCTION informant.keep_opening()"
    )
    op.execute(
        "CREATE TRIGGER agreed_by_another BEFORE INSERT ON informant.reading "
        "FOR EACH ROW EXECUTE FUNCTION informant.check_reading()"
    )


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP TRIGGER agreed_by_another ON informant.reading")
    op.execute("DROP FUNCTION informant.check_reading()")
    op.drop_column("reading", "opening_id", schema="informant")
    op.drop_table("opening", schema="informant")
    op.execute("DROP FUNCTION informant.keep_opening()")
