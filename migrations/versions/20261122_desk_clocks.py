"""Delegations, reckonings and reminders of the desk; brackets and powers as data; a calendar whose years are said to be complete."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_clocks"
down_revision: str | None = "20261122_desk_joins"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LAW_TABLES = ("deadline_rule", "fine_bracket", "field_maximum", "signing_power")
APPEND_ONLY = ("deadline_reckoning", "deadline_reminder", "law_confirmation")

KEEP_LAW = """
CREATE OR REPLACE FUNCTION enforcement.keep_law() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'valid_to' - 'needs_verification' = to_jsonb(OLD) - 'valid_to' - 'needs_verification'
       AND (OLD.valid_to IS NULL OR NEW.valid_to <= OLD.valid_to) AND (OLD.needs_verification OR NOT NEW.needs_verification)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a row of law is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'law_kept';
END
$$
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_calendar_year_year_range")),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f("fk_calendar_year_entered_by_app_user")),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_year")),
    )
    op.create_table(
        "fine_bracket",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "qualification",
            sa.Enum(
                "undetermined",
                "gi_infringement",
                "mark_infringement",
                "counterfeit_goods",
                "counterfeit_labels",
                "false_origin",
                name="legalqualification",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("making", sa.Boolean(), nullable=False),
        sa.Column("above", sa.BigInteger(), nullable=True),
        sa.Column("upto", sa.BigInteger(), nullable=True),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("top", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("qualification"), "="),
            (sa.text("(making::integer)"), "="),
            (sa.text("((above IS NULL)::integer)"), "="),
            (sa.text("int8range(coalesce(above, 0), upto, '(]')"), "&&"),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_fine_bracket_one_a_value",
        ),
        sa.CheckConstraint(
            "above >= 0 AND (upto IS NULL OR upto > above)", name=op.f("ck_fine_bracket_value_in_order")
        ),
        sa.CheckConstraint("above IS NOT NULL OR upto IS NULL", name=op.f("ck_fine_bracket_no_value_no_end")),
        sa.CheckConstraint("low >= 0 AND top >= low AND top > 0", name=op.f("ck_fine_bracket_ends_in_order")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_fine_bracket_days_in_order")),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f("fk_fine_bracket_entered_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fine_bracket")),
        schema="enforcement",
    )
    op.create_table(
        "field_maximum",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "field",
            sa.Enum(
                "intellectual_property",
                "trade_and_fake_goods",
                name="field",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("field"), "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_field_maximum_one_a_day",
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_field_maximum_amount_positive")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_field_maximum_days_in_order")),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f("fk_field_maximum_entered_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_maximum")),
        schema="enforcement",
    )
    op.create_table(
        "signing_power",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "signer",
            sa.Enum(
                "inspector",
                "team_head",
                "branch_head",
                "commune_chair",
                "city_chair",
                "department_director",
                name="signer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("confiscation_times", sa.Integer(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("signer"), "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_signing_power_one_a_day",
        ),
        sa.CheckConstraint("confiscation_times > 0", name=op.f("ck_signing_power_times_positive")),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("ck_signing_power_percent_range")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_signing_power_days_in_order")),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f("fk_signing_power_entered_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_power")),
        schema="enforcement",
    )
    op.create_table(
        "law_confirmation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "law_table",
            sa.Enum(
                "deadline_rule",
                "fine_bracket",
                "field_maximum",
                "signing_power",
                name="lawtable",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(source)) > 0", name=op.f("ck_law_confirmation_source_present")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_law_confirmation_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_law_confirmation")),
        sa.UniqueConstraint("law_table", "row_id", name=op.f("uq_law_confirmation_law_table_row_id")),
        schema="enforcement",
    )
    op.create_table(
        "reminder_rule",
        sa.Column(
            "kind",
            sa.Enum(
                "report_up",
                "complaint_accept",
                "complaint_resolve",
                "denunciation_accept",
                "denunciation_resolve",
                "request_review",
                "inspection_start",
                "inspection_on_site",
                "post_verification",
                "no_violation_notice",
                "violation_record",
                "record_after_assessment",
                "explanation_oral_request",
                "explanation_written",
                "penalty_decision",
                "seizure",
                "delivery",
                "delivery_posting",
                "deemed_served",
                "execution",
                "enforceability",
                "limitation_general",
                "limitation_ip",
                "ins_upload",
                "platform_takedown",
                name="deadlinekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("before", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("team_after", sa.Integer(), nullable=False),
        sa.Column("branch_after", sa.Integer(), nullable=False),
        sa.CheckConstraint("0 <= team_after AND team_after <= branch_after", name=op.f("ck_reminder_rule_team_first")),
        sa.CheckConstraint(
            "cardinality(before) <= 5 AND 1 <= ALL (before)", name=op.f("ck_reminder_rule_before_positive")
        ),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_reminder_rule")),
        schema="enforcement",
    )
    op.create_table(
        "delegation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column(
            "signer",
            sa.Enum(
                "inspector",
                "team_head",
                "branch_head",
                "commune_chair",
                "city_chair",
                "department_director",
                name="signer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "penalties",
                "measures",
                "both",
                name="delegationscope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("decision_number", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("revoked_from", sa.Date(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("to_id"), "="),
            (sa.column("signer"), "="),
            (
                sa.text(
                    "(CASE scope WHEN 'penalties' THEN int4range(0, 1) WHEN 'measures' THEN int4range(1, 2) ELSE int4range(0, 2) END)"
                ),
                "&&",
            ),
            (sa.text("daterange(starts_on, LEAST(ends_on + 1, revoked_from))"), "&&"),
            using="gist",
            name="ex_delegation_once",
        ),
        sa.CheckConstraint("signer IN ('team_head', 'branch_head')", name=op.f("ck_delegation_of_a_head")),
        sa.CheckConstraint(
            "(revoked_from IS NULL) = (revoked_at IS NULL) AND (revoked_from IS NULL) = (revoked_by IS NULL) AND (revoked_from IS NULL) = (revoked_why IS NULL)",
            name=op.f("ck_delegation_revocation_whole"),
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_delegation_days_in_order")),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_delegation_not_to_self")),
        sa.CheckConstraint("length(btrim(decision_number)) > 0", name=op.f("ck_delegation_number_present")),
        sa.CheckConstraint(
            "revoked_from BETWEEN starts_on AND ends_on", name=op.f("ck_delegation_revoked_while_running")
        ),
        sa.ForeignKeyConstraint(["entered_by"], ["app_user.id"], name=op.f("fk_delegation_entered_by_app_user")),
        sa.ForeignKeyConstraint(["from_id"], ["app_user.id"], name=op.f("fk_delegation_from_id_app_user")),
        sa.ForeignKeyConstraint(["revoked_by"], ["app_user.id"], name=op.f("fk_delegation_revoked_by_app_user")),
        sa.ForeignKeyConstraint(["to_id"], ["app_user.id"], name=op.f("fk_delegation_to_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
        sa.UniqueConstraint("decision_number", name=op.f("uq_delegation_decision_number")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_delegation_from_id"), "delegation", ["from_id"], unique=False, schema="enforcement")
    op.create_table(
        "desk_digest",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mail_tries >= 0", name=op.f("ck_desk_digest_mail_tries_not_negative")),
        sa.CheckConstraint("mailed_at IS NULL OR mail_due_at IS NULL", name=op.f("ck_desk_digest_mailed_once")),
        sa.ForeignKeyConstraint(["person_id"], ["app_user.id"], name=op.f("fk_desk_digest_person_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_digest")),
        sa.UniqueConstraint("person_id", "on_day", name=op.f("uq_desk_digest_person_id_on_day")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_desk_digest_mail_due_at"), "desk_digest", ["mail_due_at"], unique=False, schema="enforcement"
    )
    op.create_table(
        "desk_preference",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["app_user.id"], name=op.f("fk_desk_preference_person_id_app_user")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_desk_preference")),
        schema="enforcement",
    )
    op.create_table(
        "deadline_reckoning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("deadline_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column(
            "cause",
            sa.Enum(
                "started",
                "extended",
                "start_corrected",
                "requalified",
                "calendar_changed",
                name="reckoningcause",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("was_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(cause = 'started') = (was_due IS NULL)", name=op.f("ck_deadline_reckoning_first_has_no_end_before")
        ),
        sa.CheckConstraint(
            "cause = 'started' OR (\"by\" IS NOT NULL AND length(btrim(reason)) > 0)",
            name=op.f("ck_deadline_reckoning_who_and_why"),
        ),
        sa.CheckConstraint("due_at > started_at", name=op.f("ck_deadline_reckoning_due_after_start")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_deadline_reckoning_by_app_user")),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["enforcement.deadline.id"], name=op.f("fk_deadline_reckoning_deadline_id_deadline")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_reckoning")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_deadline_reckoning_deadline_id"),
        "deadline_reckoning",
        ["deadline_id"],
        unique=False,
        schema="enforcement",
    )
    op.create_table(
        "deadline_reminder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("deadline_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "officer", "team_head", "branch_head", name="duty", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("duty = 'officer' OR mark <= 0", name=op.f("ck_deadline_reminder_heads_only_after")),
        sa.ForeignKeyConstraint(
            ["deadline_id"], ["enforcement.deadline.id"], name=op.f("fk_deadline_reminder_deadline_id_deadline")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_reminder")),
        sa.UniqueConstraint(
            "deadline_id", "due_at", "duty", "mark", name=op.f("uq_deadline_reminder_deadline_id_due_at_duty_mark")
        ),
        schema="enforcement",
    )
    op.execute(
        "INSERT INTO public.calendar_year (year, source) SELECT DISTINCT extract(year FROM day)::integer, 'Nhập cùng chương trình' FROM public.holiday"
    )
    op.add_column(
        "deadline_rule", sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True), schema="enforcement"
    )
    op.add_column("deadline_rule", sa.Column("entered_by", sa.Uuid(), nullable=True), schema="enforcement")
    op.create_foreign_key(
        op.f("fk_deadline_rule_entered_by_app_user"),
        "deadline_rule",
        "app_user",
        ["entered_by"],
        ["id"],
        source_schema="enforcement",
    )
    op.create_check_constraint(
        op.f("ck_deadline_rule_days_in_order"),
        "deadline_rule",
        "valid_to IS NULL OR valid_to > valid_from",
        schema="enforcement",
    )
    op.execute(
        "ALTER TABLE enforcement.deadline_rule ADD CONSTRAINT ex_deadline_rule_one_a_day "
        "EXCLUDE USING gist (kind WITH =, daterange(valid_from, valid_to) WITH &&)"
    )
    op.add_column("deadline", sa.Column("subject_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.drop_index("uq_deadline_running", "deadline", schema="enforcement")
    op.create_index(
        "uq_deadline_running",
        "deadline",
        ["case_id", "kind", "subject_id"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    for name, kind in (
        (
            "ended_as",
            sa.Enum(
                "fulfilled",
                "late",
                "without_object",
                "stopped",
                name="endedas",
                native_enum=False,
                create_constraint=False,
                length=40,
            ),
        ),
        ("extension_amount", sa.Integer()),
        (
            "extension_unit",
            sa.Enum(
                "hours",
                "days",
                "working_days",
                "months",
                name="unit",
                native_enum=False,
                create_constraint=False,
                length=40,
            ),
        ),
        ("recount_due_at", sa.DateTime(timezone=True)),
        ("recount_found_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("deadline", sa.Column(name, kind, nullable=True), schema="enforcement")
    op.execute(
        "UPDATE enforcement.deadline SET ended_as = CASE WHEN stopped_at IS NOT NULL THEN 'stopped' "
        "WHEN met_at <= due_at THEN 'fulfilled' WHEN met_at > due_at THEN 'late' END"
    )
    for name, condition in (
        ("endedas", "ended_as IN ('fulfilled', 'late', 'without_object', 'stopped')"),
        ("unit", "extension_unit IN ('hours', 'days', 'working_days', 'months')"),
        (
            "ended_somehow",
            "(ended_as IS NULL) = (met_at IS NULL AND stopped_at IS NULL)"
            " AND (stopped_at IS NOT NULL) = coalesce(ended_as = 'stopped', false)",
        ),
        ("fulfilled_in_time", "ended_as <> 'fulfilled' OR met_at <= due_at"),
        ("late_after_due", "ended_as <> 'late' OR met_at > due_at"),
        ("extension_whole", "(extension_amount IS NULL) = (extension_unit IS NULL) AND extension_amount > 0"),
        ("recount_whole", "(recount_due_at IS NULL) = (recount_found_at IS NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_deadline_{name}"), "deadline", condition, schema="enforcement")
    op.create_index(
        "ix_deadline_running_due",
        "deadline",
        ["due_at"],
        schema="enforcement",
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL"),
    )
    op.create_index(
        "ix_deadline_recount",
        "deadline",
        ["recount_found_at"],
        schema="enforcement",
        postgresql_where=sa.text("recount_due_at IS NOT NULL"),
    )
    op.execute(
        "INSERT INTO enforcement.deadline_reckoning (deadline_id, at, cause, started_at, due_at, basis, rule_version, needs_verification) "
        "SELECT id, started_at, 'started', started_at, due_at, basis, rule_version, needs_verification FROM enforcement.deadline"
    )
    op.execute(KEEP_LAW)
    for table in LAW_TABLES:
        op.execute(
            f"CREATE TRIGGER law_kept BEFORE UPDATE OR DELETE ON enforcement.{table} FOR EACH ROW EXECUTE FUNCTION enforcement.keep_law()"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP TRIGGER law_kept ON enforcement.deadline_rule")
    for table in (
        "deadline_reminder",
        "deadline_reckoning",
        "desk_preference",
        "desk_digest",
        "delegation",
        "reminder_rule",
        "law_confirmation",
        "signing_power",
        "field_maximum",
        "fine_bracket",
    ):
        op.drop_table(table, schema="enforcement")
    op.drop_table("calendar_year")
    op.execute("DROP FUNCTION enforcement.keep_law()")
    op.drop_index("ix_deadline_recount", "deadline", schema="enforcement")
    op.drop_index("ix_deadline_running_due", "deadline", schema="enforcement")
    op.drop_index("uq_deadline_running", "deadline", schema="enforcement")
    op.create_index(
        "uq_deadline_running",
        "deadline",
        ["case_id", "kind"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL"),
    )
    for column in (
        "subject_id",
        "recount_found_at",
        "recount_due_at",
        "extension_unit",
        "extension_amount",
        "ended_as",
    ):
        op.drop_column("deadline", column, schema="enforcement")
    op.drop_constraint("ex_deadline_rule_one_a_day", "deadline_rule", schema="enforcement")
    op.drop_constraint(op.f("ck_deadline_rule_days_in_order"), "deadline_rule", schema="enforcement")
    for column in ("entered_by", "entered_at"):
        op.drop_column("deadline_rule", column, schema="enforcement")
