"""Control plans, answers of a visit, samples, corrective actions and proposals to suspend."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_controls"
down_revision: str | None = "20261122_areas"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What was corrected stood in the nonconformity itself; there may now be one attempt after the other.
MOVE_ACTIONS = """
INSERT INTO corrective_action (nonconformity_id, attempt, action, due_on, reported_at, reported_by, verified_at, verified_by, effective,
                               verification)
SELECT n.id, 1, coalesce(n.corrective_action, n.verification), n.due_on, coalesce(told.at, n.closed_at, n.recorded_at), told.by,
       n.closed_at, n.closed_by, CASE WHEN n.closed_at IS NOT NULL THEN true END, n.verification
  FROM nonconformity n
  LEFT JOIN LATERAL (SELECT h.at, h.by FROM history h WHERE h.subject_id = n.id AND h.deed = 'nonconformity:answer'
                      ORDER BY h.id DESC LIMIT 1) told ON true
 WHERE n.corrective_action IS NOT NULL OR n.verification IS NOT NULL
"""
MOVE_ACTIONS_BACK = """
UPDATE nonconformity n
   SET corrective_action = a.action, verification = CASE WHEN n.closed_at IS NOT NULL THEN coalesce(a.verification, a.action) END
  FROM (SELECT DISTINCT ON (nonconformity_id) * FROM corrective_action ORDER BY nonconformity_id, attempt DESC) a
 WHERE a.nonconformity_id = n.id
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "control_plan",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("title_id"), "="),
            (sa.column("valid_during"), "&&"),
            using="gist",
            name="ex_control_plan_one_in_force",
        ),
        sa.CheckConstraint("NOT isempty(valid_during)", name=op.f("ck_control_plan_period_not_empty")),
        sa.CheckConstraint("version > 0", name=op.f("ck_control_plan_version_positive")),
        sa.ForeignKeyConstraint(["drawn_by"], ["app_user.id"], name=op.f("fk_control_plan_drawn_by_app_user")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_control_plan_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_plan")),
        sa.UniqueConstraint("title_id", "version", name=op.f("uq_control_plan_title_id_version")),
    )
    op.create_index(
        "uq_control_plan_draft",
        "control_plan",
        ["title_id"],
        unique=True,
        postgresql_where=sa.text("valid_during IS NULL"),
    )
    op.create_table(
        "control_report",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_control_report_year_range")),
        sa.ForeignKeyConstraint(["drawn_by"], ["app_user.id"], name=op.f("fk_control_report_drawn_by_app_user")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_control_report_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_report")),
    )
    op.create_index(op.f("ix_control_report_title_id_year"), "control_report", ["title_id", "year"], unique=False)
    op.create_table(
        "control_item",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "frequency",
            sa.Enum(
                "every_visit",
                "monthly",
                "quarterly",
                "half_yearly",
                "yearly",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "minor", "major", "critical", name="severity", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "evidence",
            sa.Enum(
                "none",
                "note",
                "photo",
                "file",
                name="evidencekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("levels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "cardinality(levels) > 0 AND levels <@ ARRAY['self'::text, 'internal'::text, 'external'::text]",
            name=op.f("ck_control_item_levels_known"),
        ),
        sa.CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9.-]{0,15}$'", name=op.f("ck_control_item_code_form")),
        sa.CheckConstraint("length(btrim(wording)) > 0", name=op.f("ck_control_item_wording_present")),
        sa.ForeignKeyConstraint(["plan_id"], ["control_plan.id"], name=op.f("fk_control_item_plan_id_control_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_item")),
        sa.UniqueConstraint("plan_id", "code", name=op.f("uq_control_item_plan_id_code")),
    )
    op.create_table(
        "control_sample",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), server_default="", nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("taken_from", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lab", sa.Text(), nullable=True),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("report_number", sa.Text(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "length(btrim(what)) > 0 AND length(btrim(seal)) > 0", name=op.f("ck_control_sample_facts_present")
        ),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_control_sample_area_or_site")),
        sa.CheckConstraint(
            "num_nonnulls(reported_on, report_number) IN (0, 2)", name=op.f("ck_control_sample_number_iff_reported")
        ),
        sa.CheckConstraint("num_nonnulls(sent_on, lab) IN (0, 2)", name=op.f("ck_control_sample_lab_iff_sent")),
        sa.CheckConstraint("reported_on >= sent_on", name=op.f("ck_control_sample_reported_after_sent")),
        sa.CheckConstraint(
            "reported_on IS NULL OR sent_on IS NOT NULL", name=op.f("ck_control_sample_reported_when_sent")
        ),
        sa.CheckConstraint("sent_on >= taken_on", name=op.f("ck_control_sample_sent_after_taken")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_control_sample_area_id_growing_area")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_control_sample_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_control_sample_site_id_production_site")
        ),
        sa.ForeignKeyConstraint(["taken_by"], ["app_user.id"], name=op.f("fk_control_sample_taken_by_app_user")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_control_sample_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_sample")),
        sa.UniqueConstraint("number", name=op.f("uq_control_sample_number")),
    )
    op.create_index(op.f("ix_control_sample_holder_id"), "control_sample", ["holder_id"], unique=False)
    op.create_index(
        op.f("ix_control_sample_title_id_taken_on"), "control_sample", ["title_id", "taken_on"], unique=False
    )
    op.create_table(
        "control_answer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "conforms",
                "fails",
                "not_applicable",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("as_before", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_control_answer_sequence_positive")),
        sa.ForeignKeyConstraint(["item_id"], ["control_item.id"], name=op.f("fk_control_answer_item_id_control_item")),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["control_visit.id"], name=op.f("fk_control_answer_visit_id_control_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_answer")),
        sa.UniqueConstraint(
            "visit_id", "item_id", "sequence", name=op.f("uq_control_answer_visit_id_item_id_sequence")
        ),
    )
    op.create_table(
        "sample_result",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Text(), server_default="", nullable=False),
        sa.Column("conforms", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "length(btrim(criterion)) > 0 AND length(btrim(found)) > 0", name=op.f("ck_sample_result_facts_present")
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["control_sample.id"], name=op.f("fk_sample_result_sample_id_control_sample")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_result")),
        sa.UniqueConstraint("sample_id", "criterion", name=op.f("uq_sample_result_sample_id_criterion")),
    )
    op.create_table(
        "corrective_action",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("nonconformity_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.Uuid(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("effective", sa.Boolean(), nullable=True),
        sa.Column("verification", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(verified_at IS NULL) = (effective IS NULL)", name=op.f("ck_corrective_action_judged_iff_verified")
        ),
        sa.CheckConstraint(
            "(verified_at IS NULL) = (verification IS NULL)", name=op.f("ck_corrective_action_told_iff_verified")
        ),
        sa.CheckConstraint(
            "(verified_at IS NULL) = (verified_by IS NULL)", name=op.f("ck_corrective_action_verifier_iff_verified")
        ),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_corrective_action_attempt_positive")),
        sa.CheckConstraint("length(btrim(action)) > 0", name=op.f("ck_corrective_action_action_present")),
        sa.CheckConstraint("verified_by <> reported_by", name=op.f("ck_corrective_action_two_persons")),
        sa.ForeignKeyConstraint(
            ["nonconformity_id"], ["nonconformity.id"], name=op.f("fk_corrective_action_nonconformity_id_nonconformity")
        ),
        sa.ForeignKeyConstraint(
            ["reported_by"], ["app_user.id"], name=op.f("fk_corrective_action_reported_by_app_user")
        ),
        sa.ForeignKeyConstraint(
            ["verified_by"], ["app_user.id"], name=op.f("fk_corrective_action_verified_by_app_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrective_action")),
        sa.UniqueConstraint("nonconformity_id", "attempt", name=op.f("uq_corrective_action_nonconformity_id_attempt")),
    )
    op.create_index(
        "uq_corrective_action_open",
        "corrective_action",
        ["nonconformity_id"],
        unique=True,
        postgresql_where=sa.text("verified_at IS NULL"),
    )
    op.create_table(
        "suspension_proposal",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("nonconformity_id", sa.Uuid(), nullable=False),
        sa.Column(
            "ground",
            sa.Enum(
                "critical",
                "repeated_major",
                "overdue",
                name="suspensionground",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "accepted",
                "dismissed",
                name="proposalstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("ck_suspension_proposal_decided_unless_open")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_suspension_proposal_decider_iff_decided")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decision_reason IS NULL)", name=op.f("ck_suspension_proposal_reason_iff_decided")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["use_certificate.id"],
            name=op.f("fk_suspension_proposal_certificate_id_use_certificate"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["app_user.id"], name=op.f("fk_suspension_proposal_decided_by_app_user")
        ),
        sa.ForeignKeyConstraint(
            ["nonconformity_id"],
            ["nonconformity.id"],
            name=op.f("fk_suspension_proposal_nonconformity_id_nonconformity"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspension_proposal")),
        sa.UniqueConstraint("nonconformity_id", "ground", name=op.f("uq_suspension_proposal_nonconformity_id_ground")),
    )
    op.create_index(
        op.f("ix_suspension_proposal_certificate_id"), "suspension_proposal", ["certificate_id"], unique=False
    )
    op.create_index(
        "ix_suspension_proposal_open",
        "suspension_proposal",
        ["proposed_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "control_file",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("sample_id", sa.Uuid(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("item_id IS NULL OR visit_id IS NOT NULL", name=op.f("ck_control_file_item_of_visit")),
        sa.CheckConstraint(
            "num_nonnulls(visit_id, action_id, sample_id) = 1", name=op.f("ck_control_file_one_subject")
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["corrective_action.id"], name=op.f("fk_control_file_action_id_corrective_action")
        ),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_control_file_added_by_app_user")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_control_file_file_id_stored_file")),
        sa.ForeignKeyConstraint(["item_id"], ["control_item.id"], name=op.f("fk_control_file_item_id_control_item")),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["control_sample.id"], name=op.f("fk_control_file_sample_id_control_sample")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["control_visit.id"], name=op.f("fk_control_file_visit_id_control_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_file")),
    )
    op.create_index(op.f("ix_control_file_action_id"), "control_file", ["action_id"], unique=False)
    op.create_index(op.f("ix_control_file_file_id"), "control_file", ["file_id"], unique=False)
    op.create_index(op.f("ix_control_file_sample_id"), "control_file", ["sample_id"], unique=False)
    op.create_index(op.f("ix_control_file_visit_id_item_id"), "control_file", ["visit_id", "item_id"], unique=False)
    op.add_column("control_visit", sa.Column("plan_id", sa.Uuid(), nullable=True))
    op.add_column("control_visit", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "control_visit",
        sa.Column(
            "acknowledged",
            sa.Enum(
                "signed",
                "code",
                "refused",
                "own",
                name="acknowledgement",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("control_visit", sa.Column("acknowledged_by_name", sa.Text(), nullable=True))
    op.add_column("control_visit", sa.Column("refusal_reason", sa.Text(), nullable=True))
    op.add_column("control_visit", sa.Column("signature_file_id", sa.Uuid(), nullable=True))
    op.add_column("control_visit", sa.Column("code_tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.alter_column("control_visit", "passed", existing_type=sa.BOOLEAN(), nullable=True)
    op.create_index(
        "ix_control_visit_open",
        "control_visit",
        ["controller_id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_control_visit_passed_area",
        "control_visit",
        ["area_id", "visited_on"],
        unique=False,
        postgresql_where=sa.text("passed AND level <> 'self' AND area_id IS NOT NULL"),
    )
    op.create_index(
        "ix_control_visit_passed_site",
        "control_visit",
        ["site_id", "visited_on"],
        unique=False,
        postgresql_where=sa.text("passed AND level <> 'self' AND site_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_control_visit_plan_id"), "control_visit", ["plan_id"], unique=False)
    op.create_index(
        op.f("ix_control_visit_title_id_visited_on"), "control_visit", ["title_id", "visited_on"], unique=False
    )
    op.create_foreign_key(
        op.f("fk_control_visit_signature_file_id_stored_file"),
        "control_visit",
        "stored_file",
        ["signature_file_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_control_visit_plan_id_control_plan"), "control_visit", "control_plan", ["plan_id"], ["id"]
    )
    op.execute("UPDATE control_visit SET finished_at = recorded_at")
    op.create_check_constraint(
        op.f("ck_control_visit_acknowledged_when_finished"),
        "control_visit",
        "finished_at IS NULL OR plan_id IS NULL OR acknowledged IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_control_visit_judged_iff_finished"), "control_visit", "(finished_at IS NULL) = (passed IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_control_visit_own_iff_self"), "control_visit", "(level = 'self') = (acknowledged = 'own')"
    )
    op.create_check_constraint(
        op.f("ck_control_visit_refusal_has_reason"),
        "control_visit",
        "acknowledged IS DISTINCT FROM 'refused' OR refusal_reason IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_control_visit_signature_kept"),
        "control_visit",
        "acknowledged IS DISTINCT FROM 'signed' OR num_nonnulls(signature_file_id, acknowledged_by_name) = 2",
    )
    op.add_column("nonconformity", sa.Column("item_id", sa.Uuid(), nullable=True))
    op.add_column("nonconformity", sa.Column("sample_id", sa.Uuid(), nullable=True))
    op.add_column("nonconformity", sa.Column("action_asked", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_nonconformity_open_blocking_area",
        "nonconformity",
        ["area_id"],
        unique=False,
        postgresql_where=sa.text("blocking AND closed_at IS NULL AND area_id IS NOT NULL"),
    )
    op.create_index(
        "ix_nonconformity_open_blocking_site",
        "nonconformity",
        ["site_id"],
        unique=False,
        postgresql_where=sa.text("blocking AND closed_at IS NULL AND site_id IS NOT NULL"),
    )
    op.create_index(
        "ix_nonconformity_open_due",
        "nonconformity",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_nonconformity_sample_id"), "nonconformity", ["sample_id"], unique=False)
    op.create_index(op.f("ix_nonconformity_title_id_found_on"), "nonconformity", ["title_id", "found_on"], unique=False)
    op.create_index(op.f("ix_nonconformity_visit_id"), "nonconformity", ["visit_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_nonconformity_sample_id_control_sample"), "nonconformity", "control_sample", ["sample_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_nonconformity_item_id_control_item"), "nonconformity", "control_item", ["item_id"], ["id"]
    )
    op.execute(MOVE_ACTIONS)
    op.drop_constraint(op.f("ck_nonconformity_verified_iff_closed"), "nonconformity", type_="check")
    op.drop_column("nonconformity", "corrective_action")
    op.drop_column("nonconformity", "verification")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.control_answer "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def downgrade() -> None:
    """Take it back."""
    op.add_column("nonconformity", sa.Column("verification", sa.TEXT(), autoincrement=False, nullable=True))
    op.add_column("nonconformity", sa.Column("corrective_action", sa.TEXT(), autoincrement=False, nullable=True))
    op.execute(MOVE_ACTIONS_BACK)
    op.create_check_constraint(
        op.f("ck_nonconformity_verified_iff_closed"), "nonconformity", "(closed_at IS NULL) = (verification IS NULL)"
    )
    op.drop_constraint(op.f("fk_nonconformity_item_id_control_item"), "nonconformity", type_="foreignkey")
    op.drop_constraint(op.f("fk_nonconformity_sample_id_control_sample"), "nonconformity", type_="foreignkey")
    op.drop_index(op.f("ix_nonconformity_visit_id"), table_name="nonconformity")
    op.drop_index(op.f("ix_nonconformity_title_id_found_on"), table_name="nonconformity")
    op.drop_index(op.f("ix_nonconformity_sample_id"), table_name="nonconformity")
    op.drop_index("ix_nonconformity_open_blocking_area", table_name="nonconformity")
    op.drop_index("ix_nonconformity_open_blocking_site", table_name="nonconformity")
    op.drop_index(
        "ix_nonconformity_open_due", table_name="nonconformity", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_column("nonconformity", "action_asked")
    op.drop_column("nonconformity", "sample_id")
    op.drop_column("nonconformity", "item_id")
    op.drop_constraint(op.f("ck_control_visit_signature_kept"), "control_visit", type_="check")
    op.drop_constraint(op.f("ck_control_visit_refusal_has_reason"), "control_visit", type_="check")
    op.drop_constraint(op.f("ck_control_visit_own_iff_self"), "control_visit", type_="check")
    op.drop_constraint(op.f("ck_control_visit_judged_iff_finished"), "control_visit", type_="check")
    op.drop_constraint(op.f("ck_control_visit_acknowledgement"), "control_visit", type_="check")
    op.drop_constraint(op.f("ck_control_visit_acknowledged_when_finished"), "control_visit", type_="check")
    op.drop_constraint(op.f("fk_control_visit_plan_id_control_plan"), "control_visit", type_="foreignkey")
    op.drop_constraint(op.f("fk_control_visit_signature_file_id_stored_file"), "control_visit", type_="foreignkey")
    op.drop_index(op.f("ix_control_visit_title_id_visited_on"), table_name="control_visit")
    op.drop_index(op.f("ix_control_visit_plan_id"), table_name="control_visit")
    op.drop_index(
        "ix_control_visit_passed_site",
        table_name="control_visit",
        postgresql_where=sa.text("passed AND level <> 'self' AND site_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_control_visit_passed_area",
        table_name="control_visit",
        postgresql_where=sa.text("passed AND level <> 'self' AND area_id IS NOT NULL"),
    )
    op.drop_index("ix_control_visit_open", table_name="control_visit", postgresql_where=sa.text("finished_at IS NULL"))

    op.execute("UPDATE control_visit SET passed = false WHERE passed IS NULL")
    op.alter_column("control_visit", "passed", existing_type=sa.BOOLEAN(), nullable=False)
    op.drop_column("control_visit", "code_tries")
    op.drop_column("control_visit", "signature_file_id")
    op.drop_column("control_visit", "refusal_reason")
    op.drop_column("control_visit", "acknowledged_by_name")
    op.drop_column("control_visit", "acknowledged")
    op.drop_column("control_visit", "finished_at")
    op.drop_column("control_visit", "plan_id")
    op.drop_index(op.f("ix_control_file_visit_id_item_id"), table_name="control_file")
    op.drop_index(op.f("ix_control_file_sample_id"), table_name="control_file")
    op.drop_index(op.f("ix_control_file_file_id"), table_name="control_file")
    op.drop_index(op.f("ix_control_file_action_id"), table_name="control_file")
    op.drop_table("control_file")
    op.drop_index(
        "ix_suspension_proposal_open", table_name="suspension_proposal", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index(op.f("ix_suspension_proposal_certificate_id"), table_name="suspension_proposal")
    op.drop_table("suspension_proposal")
    op.drop_index(
        "uq_corrective_action_open", table_name="corrective_action", postgresql_where=sa.text("verified_at IS NULL")
    )
    op.drop_table("corrective_action")
    op.drop_table("sample_result")
    op.drop_table("control_answer")
    op.drop_index(op.f("ix_control_sample_title_id_taken_on"), table_name="control_sample")
    op.drop_index(op.f("ix_control_sample_holder_id"), table_name="control_sample")
    op.drop_table("control_sample")
    op.drop_table("control_item")
    op.drop_index(op.f("ix_control_report_title_id_year"), table_name="control_report")
    op.drop_table("control_report")
    op.drop_index("uq_control_plan_draft", table_name="control_plan", postgresql_where=sa.text("valid_during IS NULL"))
    op.drop_table("control_plan")
