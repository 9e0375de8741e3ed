"""What the register's second look added."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_register"
down_revision: str | None = "20261122_members"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHECK_HARVEST_SEASON = """
CREATE OR REPLACE FUNCTION public.check_harvest_season() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    astray bigint;
BEGIN
    IF TG_TABLE_NAME = 'lot' THEN
        PERFORM 1 FROM public.product p WHERE p.id = NEW.product_id FOR SHARE;
    ELSE
        PERFORM 1 FROM public.product p WHERE p.id = NEW.product_id FOR NO KEY UPDATE;
    END IF;
    SELECT count(*) INTO astray
      FROM public.season s
      JOIN public.lot l ON l.season_id = s.id AND l.origin = 'recorded'
     WHERE s.product_id = NEW.product_id AND (TG_TABLE_NAME = 'season' OR l.id = NEW.id)
       AND EXISTS (
           SELECT 1 FROM public.season later
            WHERE later.product_id = s.product_id AND later.id <> s.id AND later.runs_during @> l.harvested_on
              AND lower(later.runs_during) > lower(s.runs_during)
              AND (later.closed_at IS NULL OR EXISTS (SELECT 1 FROM public.lot o WHERE o.season_id = later.id)));
    IF astray > 0 THEN
        RAISE EXCEPTION 'a harvest counts in the season that began last before it' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'harvest_in_one_season', DETAIL = astray::text;
    END IF;
    RETURN NULL;
END
$$
"""

HARVEST_IN_ONE_SEASON = (
    "CREATE CONSTRAINT TRIGGER harvest_in_one_season AFTER INSERT OR UPDATE OF season_id, product_id, harvested_on, origin ON public.lot "
    "NOT DEFERRABLE FOR EACH ROW WHEN (NEW.origin = 'recorded') EXECUTE FUNCTION public.check_harvest_season()",
    "CREATE CONSTRAINT TRIGGER harvest_in_one_season AFTER INSERT OR UPDATE OF product_id, runs_during, closed_at ON public.season "
    "NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION public.check_harvest_season()",
)


STEPS = (
    "creating_class_instance", "packing", "inspecting", "transforming", "commissioning", "shipping", "receiving", "decommissioning",
    "holding",
)  # fmt: skip
DISPOSITIONS = (
    "in_progress", "conformant", "non_conformant", "active", "in_transit", "inactive", "destroyed", "returned", "unknown", "recalled",
)  # fmt: skip


def _words(name: str, column: str, words: Sequence[str]) -> None:
    """Let a column of the tracking events hold these words."""
    op.drop_constraint(op.f(f"ck_trace_event_{name}"), "trace_event", type_="check")
    allowed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(op.f(f"ck_trace_event_{name}"), "trace_event", f"{column} IN ({allowed})")


def upgrade() -> None:
    """Apply the change."""
    _words("businessstep", "business_step", (*STEPS[:4], "encoding", *STEPS[4:]))
    _words("disposition", "disposition", (*DISPOSITIONS[:3], "encoded", *DISPOSITIONS[3:]))
    op.create_index(
        "uq_season_open_start", "season", ["product_id", sa.text("lower(runs_during)")], unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )  # fmt: skip
    op.add_column("renewal_reminder", sa.Column("mail_due_at", sa.DateTime(timezone=True)))
    op.add_column(
        "renewal_reminder", sa.Column("mail_tries", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("renewal_reminder", sa.Column("mailed_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_renewal_reminder_mail_tries_not_negative"), "renewal_reminder", "mail_tries >= 0"
    )
    op.create_check_constraint(
        op.f("ck_renewal_reminder_mailed_once"), "renewal_reminder", "mailed_at IS NULL OR mail_due_at IS NULL"
    )
    op.create_index(
        op.f("ix_renewal_reminder_mail_due_at"), "renewal_reminder", ["mail_due_at"],
        postgresql_where=sa.text("mail_due_at IS NOT NULL"),
    )  # fmt: skip
    op.add_column("stored_file", sa.Column("dropped_at", sa.DateTime(timezone=True)))
    for sql in (CHECK_HARVEST_SEASON, *HARVEST_IN_ONE_SEASON):
        op.execute(sql)


def downgrade() -> None:
    """Take it back. The printing and receiving of labels that was written down meanwhile has no word in the older form."""
    op.execute("ALTER TABLE trace_event DISABLE TRIGGER append_only")
    op.execute("DELETE FROM trace_event WHERE business_step = 'encoding' OR disposition = 'encoded'")
    op.execute("ALTER TABLE trace_event ENABLE TRIGGER append_only")
    _words("businessstep", "business_step", STEPS)
    _words("disposition", "disposition", DISPOSITIONS)
    for table in ("season", "lot"):
        op.execute(f"DROP TRIGGER harvest_in_one_season ON public.{table}")
    op.execute("DROP FUNCTION public.check_harvest_season()")
    op.drop_column("stored_file", "dropped_at")
    op.drop_index("uq_season_open_start", "season")
    op.drop_index(op.f("ix_renewal_reminder_mail_due_at"), "renewal_reminder")
    for name in ("mailed_at", "mail_tries", "mail_due_at"):
        op.drop_column("renewal_reminder", name)
