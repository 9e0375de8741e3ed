"""Decisions on each offender, the right to explain, who may seize; and a case that begins as received."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_offenders"
down_revision: str | None = "20261122_desk_reports"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A case split off stands where its origin stands, and only what nobody has decided yet is split.
CHECK_CASE_BEGINS = """
CREATE OR REPLACE FUNCTION enforcement.check_case_begins() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.split_from_id IS NULL OR NEW.state NOT IN (
        SELECT c.state FROM enforcement.case_file c WHERE c.id = NEW.split_from_id
    ) OR NEW.state IN ('penalised', 'remedial_only', 'discontinued', 'executing', 'closed', 'archived') THEN
        RAISE EXCEPTION 'a case begins as received' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_begins_as_received';
    END IF;
    RETURN NEW;
END
$$
"""

CASE_BEGINS = (
    "CREATE TRIGGER case_begins BEFORE INSERT ON enforcement.case_file "
    "FOR EACH ROW WHEN (NEW.state <> 'received') EXECUTE FUNCTION enforcement.check_case_begins()"
)

CHECK_CASE_STATE = """
CREATE OR REPLACE FUNCTION enforcement.check_case_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state = 'inspecting' AND NOT EXISTS (
        SELECT 1 FROM enforcement.case_paper p WHERE p.case_id = NEW.id AND p.kind = 'inspection_decision'
    ) THEN
        RAISE EXCEPTION 'an inspection needs a signed decision with a lawful ground'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'inspection_on_a_decision';
    END IF;
    IF NEW.state IN ('penalised', 'remedial_only', 'discontinued', 'executing') AND EXISTS (
        SELECT 1 FROM enforcement.case_party p
         WHERE p.case_id = NEW.id AND p.role = 'suspected' AND p.struck_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM enforcement.ruling r WHERE r.party_id = p.id)
    ) THEN
        RAISE EXCEPTION 'every offender has a decision, or a decision that there is none'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'every_offender_decided';
    END IF;
    IF NEW.state = 'closed' AND (
        EXISTS (SELECT 1 FROM enforcement.measure m WHERE m.case_id = NEW.id AND m.ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.obligation o WHERE o.case_id = NEW.id AND o.state = 'open' AND o.struck_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.deadline d WHERE d.case_id = NEW.id AND d.met_at IS NULL AND d.stopped_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'a case with open timers or orders is not closed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_with_nothing_open';
    END IF;
    RETURN NULL;
END
$$
"""

CASE_STATE_CHECKED = (
    "CREATE CONSTRAINT TRIGGER case_state_checked AFTER UPDATE OF state ON enforcement.case_file DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.state IN ('inspecting', 'penalised', 'remedial_only', 'discontinued', 'executing', 'closed')) "
    "EXECUTE FUNCTION enforcement.check_case_state()"
)

# How somebody else came to a fine act by act is not known here, so a paper of another issuer has no lines.
CHECK_RULING = """
CREATE OR REPLACE FUNCTION enforcement.check_ruling() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    paper enforcement.case_paper;
BEGIN
    SELECT * INTO paper FROM enforcement.case_paper p WHERE p.id = NEW.paper_id;
    IF paper.case_id <> NEW.case_id OR (paper.kind = 'penalty') <> (NEW.fine IS NOT NULL)
       OR paper.kind NOT IN ('penalty', 'remedy_only', 'no_penalty')
       OR NOT EXISTS (SELECT 1 FROM enforcement.case_party p WHERE p.id = NEW.party_id AND p.role = 'suspected' AND p.struck_at IS NULL)
    THEN
        RAISE EXCEPTION 'a decision on an offender of the case' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ruling_of_an_offender';
    END IF;
    IF paper.kind = 'penalty' AND (
        paper.fine <> (SELECT sum(r.fine) FROM enforcement.ruling r WHERE r.paper_id = paper.id)
        OR paper.issuer = '' AND NEW.fine IS DISTINCT FROM (SELECT sum(l.amount) FROM enforcement.fine_line l WHERE l.ruling_id = NEW.id)
    ) THEN
        RAISE EXCEPTION 'a fine is the sum of its lines' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'fine_adds_up';
    END IF;
    IF NEW.fine IS NOT NULL AND paper.issuer = '' AND EXISTS (
        SELECT 1 FROM enforcement.explanation e WHERE e.party_id = NEW.party_id AND e.owed AND e.outcome IS NULL
    ) THEN
        RAISE EXCEPTION 'nobody is fined before the explanation'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'explained_before_fined';
    END IF;
    RETURN NULL;
END
$$
"""

RULING_CHECKED = (
    "CREATE CONSTRAINT TRIGGER ruling_checked AFTER INSERT ON enforcement.ruling DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_ruling()"
)

# What was decided stays; that it was handed over is written once.
KEEP_RULING = """
CREATE OR REPLACE FUNCTION enforcement.keep_ruling() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.served_on IS NULL
       AND to_jsonb(NEW) - 'served_on' - 'served_to' = to_jsonb(OLD) - 'served_on' - 'served_to'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a decision is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ruling_kept';
END
$$
"""

RULING_KEPT = (
    "CREATE TRIGGER ruling_kept BEFORE UPDATE OR DELETE ON enforcement.ruling FOR EACH ROW EXECUTE FUNCTION enforcement.keep_ruling()",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.fine_line "
    "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()",
)

CHECK_CASE_STATE_BEFORE = """
CREATE OR REPLACE FUNCTION enforcement.check_case_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state = 'inspecting' AND NOT EXISTS (
        SELECT 1 FROM enforcement.case_paper p WHERE p.case_id = NEW.id AND p.kind = 'inspection_decision'
    ) THEN
        RAISE EXCEPTION 'an inspection needs a signed decision with a lawful ground'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'inspection_on_a_decision';
    END IF;
    IF NEW.state = 'closed' AND (
        EXISTS (SELECT 1 FROM enforcement.measure m WHERE m.case_id = NEW.id AND m.ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.obligation o WHERE o.case_id = NEW.id AND o.state = 'open' AND o.struck_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.deadline d WHERE d.case_id = NEW.id AND d.met_at IS NULL AND d.stopped_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'a case with open timers or orders is not closed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_with_nothing_open';
    END IF;
    RETURN NULL;
END
$$
"""

CASE_STATE_CHECKED_BEFORE = (
    "CREATE CONSTRAINT TRIGGER case_state_checked AFTER UPDATE OF state ON enforcement.case_file DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.state IN ('inspecting', 'closed')) EXECUTE FUNCTION enforcement.check_case_state()"
)

SIGNERS = ("inspector", "team_head", "branch_head", "commune_chair", "city_chair", "department_director")
LAW_TABLES = ("deadline_rule", "fine_bracket", "field_maximum", "signing_power")
NEW_LAW_TABLES = ("seizure_power", "explanation_threshold")

# A decision made before this named nobody: it is taken as one on every offender of its case, and its fine as that of the first.
RULINGS_OF_BEFORE = """
INSERT INTO enforcement.ruling (case_id, paper_id, party_id, is_organisation, fine, bracket_low, bracket_top, deviation_reason, confiscation,
                                added_at, added_by)
SELECT paper.case_id, paper.id, party.id, party.is_organisation,
       CASE WHEN party.place = 1 THEN paper.fine END, CASE WHEN party.place = 1 THEN paper.bracket_low END,
       CASE WHEN party.place = 1 THEN paper.bracket_top END, CASE WHEN party.place = 1 THEN paper.deviation_reason END,
       CASE WHEN party.place = 1 THEN paper.confiscation END, paper.added_at, paper.added_by
  FROM (SELECT DISTINCT ON (case_id) * FROM enforcement.case_paper WHERE kind IN ('penalty', 'remedy_only', 'no_penalty')
         ORDER BY case_id, signed_on DESC, added_at DESC) paper
  JOIN (SELECT id, case_id, is_organisation, row_number() OVER (PARTITION BY case_id ORDER BY added_at, id) AS place
          FROM enforcement.case_party WHERE role = 'suspected' AND struck_at IS NULL) party ON party.case_id = paper.case_id
"""
ORDERS_OF_BEFORE = """
UPDATE enforcement.obligation o SET ruling_id = r.id
  FROM enforcement.ruling r
 WHERE r.paper_id = o.paper_id AND (SELECT count(*) FROM enforcement.ruling s WHERE s.paper_id = o.paper_id) = 1
"""


def upgrade() -> None:
    """Apply the change."""
    _rulings()
    _explanations()
    _law()
    op.add_column("obligation", sa.Column("ruling_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.create_foreign_key(
        op.f("fk_obligation_ruling_id_ruling"), "obligation", "ruling", ["ruling_id"], ["id"],
        source_schema="enforcement", referent_schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_obligation_ruling_id"), "obligation", ["ruling_id"], schema="enforcement")
    op.execute(RULINGS_OF_BEFORE)
    op.execute(ORDERS_OF_BEFORE)
    op.execute("DROP TRIGGER case_state_checked ON enforcement.case_file")
    for sql in (
        CHECK_CASE_BEGINS,
        CASE_BEGINS,
        CHECK_CASE_STATE,
        CASE_STATE_CHECKED,
        CHECK_RULING,
        RULING_CHECKED,
        KEEP_RULING,
        *RULING_KEPT,
    ):
        op.execute(sql)


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP TRIGGER case_begins ON enforcement.case_file")
    op.execute("DROP TRIGGER case_state_checked ON enforcement.case_file")
    op.execute("DROP FUNCTION enforcement.check_case_begins()")
    op.execute(CHECK_CASE_STATE_BEFORE)
    op.execute(CASE_STATE_CHECKED_BEFORE)
    op.drop_column("obligation", "ruling_id", schema="enforcement")
    for table in ("explanation", "fine_line", "ruling", *NEW_LAW_TABLES):
        op.drop_table(table, schema="enforcement")
    op.execute("DROP FUNCTION enforcement.check_ruling()")
    op.execute("DROP FUNCTION enforcement.keep_ruling()")
    op.execute("ALTER TABLE enforcement.law_confirmation DISABLE TRIGGER append_only")
    op.execute("DELETE FROM enforcement.law_confirmation WHERE law_table IN ('seizure_power', 'explanation_threshold')")
    op.execute("ALTER TABLE enforcement.law_confirmation ENABLE TRIGGER append_only")
    _law_tables_are(LAW_TABLES)


def _rulings() -> None:
    op.create_table(
        "ruling",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("is_organisation", sa.Boolean(), nullable=False),
        sa.Column("fine", sa.BigInteger(), nullable=True),
        sa.Column("bracket_low", sa.BigInteger(), nullable=True),
        sa.Column("bracket_top", sa.BigInteger(), nullable=True),
        sa.Column("deviation_reason", sa.Text(), nullable=True),
        sa.Column("confiscation", sa.BigInteger(), nullable=True),
        sa.Column("served_on", sa.Date(), nullable=True),
        sa.Column("served_to", sa.Text(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nulls(fine, bracket_low, bracket_top) IN (0, 3)", name=op.f("ck_ruling_fine_with_its_bracket")),
        sa.CheckConstraint(
            "fine IS NULL OR (fine > 0 AND fine BETWEEN bracket_low AND bracket_top)", name=op.f("ck_ruling_fine_within_bracket")
        ),
        sa.CheckConstraint("confiscation >= 0", name=op.f("ck_ruling_confiscation_not_negative")),
        sa.CheckConstraint("num_nulls(served_on, served_to) IN (0, 2)", name=op.f("ck_ruling_served_to_somebody_on_a_day")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_ruling_case_id_case_file")),
        sa.ForeignKeyConstraint(["paper_id"], ["enforcement.case_paper.id"], name=op.f("fk_ruling_paper_id_case_paper")),
        sa.ForeignKeyConstraint(["party_id"], ["enforcement.case_party.id"], name=op.f("fk_ruling_party_id_case_party")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_ruling_added_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruling")),
        sa.UniqueConstraint("party_id", name=op.f("uq_ruling_party_id")),
        schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_ruling_case_id"), "ruling", ["case_id"], schema="enforcement")
    op.create_index(op.f("ix_ruling_paper_id"), "ruling", ["paper_id"], schema="enforcement")
    op.create_table(
        "fine_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ruling_id", sa.Uuid(), nullable=False),
        sa.Column("act_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("bracket_low", sa.BigInteger(), nullable=False),
        sa.Column("bracket_top", sa.BigInteger(), nullable=False),
        sa.Column("bracket_basis", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "amount > 0 AND amount BETWEEN bracket_low AND bracket_top", name=op.f("ck_fine_line_amount_within_bracket")
        ),
        sa.ForeignKeyConstraint(["ruling_id"], ["enforcement.ruling.id"], name=op.f("fk_fine_line_ruling_id_ruling")),
        sa.ForeignKeyConstraint(["act_id"], ["enforcement.case_act.id"], name=op.f("fk_fine_line_act_id_case_act")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fine_line")),
        sa.UniqueConstraint("ruling_id", "act_id", name=op.f("uq_fine_line_ruling_id_act_id")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_fine_line_act_id"), "fine_line", ["act_id"], schema="enforcement")


def _explanations() -> None:
    op.create_table(
        "explanation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.Column("bracket_top", sa.BigInteger(), nullable=True),
        sa.Column("threshold", sa.BigInteger(), nullable=True),
        sa.Column("suspension", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", _enum("explanationend", ("written", "meeting", "waived", "unused")), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nulls(outcome, settled_on, settled_by) IN (0, 3)", name=op.f("ck_explanation_settled_whole")),
        sa.CheckConstraint("outcome IS NULL OR owed", name=op.f("ck_explanation_only_whoever_may_explains")),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome = 'unused' OR document_number IS NOT NULL", name=op.f("ck_explanation_paper_when_explained")
        ),
        sa.CheckConstraint(
            "owed OR (NOT suspension AND coalesce(bracket_top < threshold, false))", name=op.f("ck_explanation_owed_by_the_figures")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_explanation_case_id_case_file")),
        sa.ForeignKeyConstraint(["party_id"], ["enforcement.case_party.id"], name=op.f("fk_explanation_party_id_case_party")),
        sa.ForeignKeyConstraint(["settled_by"], ["app_user.id"], name=op.f("fk_explanation_settled_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
        sa.UniqueConstraint("party_id", name=op.f("uq_explanation_party_id")),
        schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_explanation_case_id"), "explanation", ["case_id"], schema="enforcement")


def _law() -> None:
    _law_table(
        "seizure_power", [sa.Column("signer", _enum("signer", SIGNERS), nullable=False)], [],
        [(sa.column("signer"), "=")],
    )  # fmt: skip
    _law_table(
        "explanation_threshold",
        [sa.Column("individual", sa.BigInteger(), nullable=False), sa.Column("organisation", sa.BigInteger(), nullable=False)],
        [sa.CheckConstraint("individual > 0 AND organisation > 0", name=op.f("ck_explanation_threshold_amounts_positive"))], [],
    )  # fmt: skip
    _law_tables_are((*LAW_TABLES, *NEW_LAW_TABLES))
    for table in NEW_LAW_TABLES:
        op.execute(
            f"CREATE TRIGGER law_kept BEFORE UPDATE OR DELETE ON enforcement.{table} FOR EACH ROW EXECUTE FUNCTION enforcement.keep_law()"
        )


def _law_table(
    name: str, columns: list[sa.Column[object]], checks: list[sa.CheckConstraint], apart: list[tuple[object, str]]
) -> None:
    """A table of dated rows of law, of which no two hold on one day for one thing."""
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *columns,
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            *apart, (sa.text("daterange(valid_from, valid_to)"), "&&"), using="gist", name=f"ex_{name}_one_a_day"
        ),
        *checks,
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f(f"ck_{name}_days_in_order")),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f(f"fk_{name}_entered_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        schema="enforcement",
    )


def _law_tables_are(members: Sequence[str]) -> None:
    """Say anew of which tables a row may be confirmed."""
    name = op.f("ck_law_confirmation_lawtable")
    op.drop_constraint(name, "law_confirmation", schema="enforcement")
    op.create_check_constraint(
        name, "law_confirmation", f"law_table IN ({', '.join(repr(each) for each in members)})", schema="enforcement"
    )


def _enum(name: str, members: Sequence[str]) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)
