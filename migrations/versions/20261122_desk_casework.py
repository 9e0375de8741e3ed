"""Acts, goods, exhibits and measures of a case."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_casework"
down_revision: str | None = "20261122_desk_intake"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = (
    "received",
    "screened",
    "verifying",
    "no_violation_notified",
    "forwarded",
    "inspection_proposed",
    "inspection_decided",
    "inspecting",
    "post_verification",
    "violation_recorded",
    "explanation",
    "decision_due",
    "penalised",
    "remedial_only",
    "discontinued",
    "transferred",
    "criminal_transfer",
    "executing",
    "closed",
    "archived",
)
MOVES = (
    "screen",
    "assign_verification",
    "propose_inspection",
    "return_proposal",
    "decide_inspection",
    "cancel_inspection",
    "start_inspection",
    "end_inspection",
    "record_violation",
    "open_explanation",
    "prepare_decision",
    "penalise",
    "order_remedy",
    "discontinue",
    "receive_decision",
    "start_execution",
    "find_no_violation",
    "forward",
    "transfer",
    "transfer_criminal",
    "take_back",
    "resume_execution",
    "close",
    "archive",
)
STATES_BEFORE = (
    "received",
    "screened",
    "verifying",
    "no_violation_notified",
    "forwarded",
    "inspection_proposed",
    "inspection_decided",
    "inspecting",
    "post_verification",
    "violation_recorded",
    "explanation",
    "decision_due",
    "penalised",
    "remedial_only",
    "transferred",
    "criminal_transfer",
    "executing",
    "closed",
    "archived",
)
MOVES_BEFORE = (
    "screen",
    "assign_verification",
    "propose_inspection",
    "return_proposal",
    "decide_inspection",
    "cancel_inspection",
    "start_inspection",
    "end_inspection",
    "record_violation",
    "open_explanation",
    "prepare_decision",
    "penalise",
    "order_remedy",
    "start_execution",
    "find_no_violation",
    "forward",
    "transfer",
    "transfer_criminal",
    "take_back",
    "close",
    "archive",
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
    "FOR EACH ROW WHEN (NEW.state IN ('inspecting', 'closed')) EXECUTE FUNCTION enforcement.check_case_state()"
)


def _know(states: Sequence[str], moves: Sequence[str]) -> None:
    """Let the columns of states and moves hold these and no others."""
    for table, name, column, members in (
        ("case_file", "casestate", "state", states),
        ("case_event", "was", "was", states),
        ("case_event", "becomes", "becomes", states),
        ("case_event", "move", "move", moves),
    ):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema="enforcement", type_="check")
        listed = ", ".join(f"'{member}'" for member in members)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})", schema="enforcement")


def upgrade() -> None:
    """Apply the change."""
    _know(STATES, MOVES)
    op.add_column(
        "case_file", sa.Column("detected_at", sa.DateTime(timezone=True), nullable=True), schema="enforcement"
    )
    op.create_table(
        "case_paper",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "inspection_decision",
                "inspection_cancelled",
                "inspection_record",
                "violation_record",
                "penalty",
                "remedy_only",
                "no_penalty",
                "criminal_transfer",
                "taken_back",
                "seizure",
                "assessment",
                "takedown_request",
                "posting",
                "deemed_service",
                name="paperkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("signer_id", sa.Uuid(), nullable=True),
        sa.Column("signer_name", sa.Text(), nullable=False),
        sa.Column(
            "capacity",
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
            nullable=True,
        ),
        sa.Column("delegated_from", sa.Text(), nullable=True),
        sa.Column("delegation_number", sa.Text(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column(
            "ground",
            sa.Enum(
                "verified_information",
                "officers_proposal",
                "written_request",
                "plan",
                name="inspectionground",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("urgent_reason", sa.Text(), nullable=True),
        sa.Column("fine", sa.BigInteger(), nullable=True),
        sa.Column("bracket_low", sa.BigInteger(), nullable=True),
        sa.Column("bracket_top", sa.BigInteger(), nullable=True),
        sa.Column("bracket_basis", sa.Text(), nullable=True),
        sa.Column("deviation_reason", sa.Text(), nullable=True),
        sa.Column("is_organisation", sa.Boolean(), nullable=True),
        sa.Column("confiscation", sa.BigInteger(), nullable=True),
        sa.Column(
            "no_penalty_ground",
            sa.Enum(
                "not_punishable",
                "offender_unknown",
                "time_barred",
                "offender_gone",
                name="nopenaltyground",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(kind = 'inspection_decision') = (ground IS NOT NULL)", name=op.f("ck_case_paper_inspection_has_a_ground")
        ),
        sa.CheckConstraint("(kind = 'penalty') = (fine IS NOT NULL)", name=op.f("ck_case_paper_penalty_has_a_fine")),
        sa.CheckConstraint(
            "NOT urgent OR kind = 'inspection_decision'", name=op.f("ck_case_paper_only_inspections_are_urgent")
        ),
        sa.CheckConstraint(
            "kind <> 'no_penalty' OR no_penalty_ground IS NOT NULL", name=op.f("ck_case_paper_no_penalty_has_a_ground")
        ),
        sa.CheckConstraint(
            "no_penalty_ground IS NULL OR kind IN ('no_penalty', 'remedy_only')",
            name=op.f("ck_case_paper_ground_of_no_penalty"),
        ),
        sa.CheckConstraint(
            "(delegated_from IS NULL) = (delegation_number IS NULL)", name=op.f("ck_case_paper_delegation_whole")
        ),
        sa.CheckConstraint("confiscation >= 0", name=op.f("ck_case_paper_confiscation_not_negative")),
        sa.CheckConstraint(
            "fine IS NULL OR (fine > 0 AND bracket_basis IS NOT NULL)", name=op.f("ck_case_paper_fine_has_a_basis")
        ),
        sa.CheckConstraint(
            "fine IS NULL OR fine BETWEEN bracket_low AND bracket_top", name=op.f("ck_case_paper_fine_within_bracket")
        ),
        sa.CheckConstraint("length(btrim(number)) BETWEEN 1 AND 200", name=op.f("ck_case_paper_number_present")),
        sa.CheckConstraint("urgent = (urgent_reason IS NOT NULL)", name=op.f("ck_case_paper_urgent_for_a_reason")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_case_paper_added_by_app_user")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_case_paper_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(["signer_id"], ["app_user.id"], name=op.f("fk_case_paper_signer_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_paper")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_case_paper_case_id"), "case_paper", ["case_id"], unique=False, schema="enforcement")
    op.create_index(
        "uq_case_paper_number",
        "case_paper",
        ["kind", "issuer", "number", sa.literal_column("extract(year FROM signed_on)")],
        unique=True,
        schema="enforcement",
    )
    op.create_table(
        "case_party",
        sa.Column(
            "role",
            sa.Enum(
                "suspected",
                "representative",
                "witness",
                "goods_owner",
                name="casepartyrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_organisation", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=True),
        sa.Column("represents_id", sa.Uuid(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("id_issued", sa.Text(), nullable=True),
        sa.Column("tax_code", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("occupation", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_by", sa.Uuid(), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "id_number ~ '^([0-9]{12}|[A-Z][0-9A-Z]{5,11})$'", name=op.f("ck_case_party_id_number_form")
        ),
        sa.CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name=op.f("ck_case_party_phone_form")),
        sa.CheckConstraint(
            "represents_id IS NULL OR role = 'representative'",
            name=op.f("ck_case_party_only_representatives_represent"),
        ),
        sa.CheckConstraint(
            "tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name=op.f("ck_case_party_tax_code_form")
        ),
        sa.CheckConstraint(
            "NOT is_organisation OR id_number IS NULL", name=op.f("ck_case_party_organisations_have_no_id_paper")
        ),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name=op.f("ck_case_party_name_present")),
        sa.CheckConstraint(
            "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)",
            name=op.f("ck_case_party_struck_by_somebody_for_a_reason"),
        ),
        sa.CheckConstraint("represents_id <> id", name=op.f("ck_case_party_represents_another")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_case_party_added_by_app_user")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_case_party_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_case_party_commune_code_commune")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_case_party_party_id_party")),
        sa.ForeignKeyConstraint(
            ["represents_id"], ["enforcement.case_party.id"], name=op.f("fk_case_party_represents_id_case_party")
        ),
        sa.ForeignKeyConstraint(["struck_by"], ["app_user.id"], name=op.f("fk_case_party_struck_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_party")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_case_party_case_id"), "case_party", ["case_id"], unique=False, schema="enforcement")
    op.create_index(op.f("ix_case_party_party_id"), "case_party", ["party_id"], unique=False, schema="enforcement")
    op.create_table(
        "case_act",
        sa.Column("description", sa.Text(), nullable=False),
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
        sa.Column("making", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("offender_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_by", sa.Uuid(), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("ended_on >= began_on", name=op.f("ck_case_act_ends_after_beginning")),
        sa.CheckConstraint(
            "length(btrim(description)) BETWEEN 1 AND 4000", name=op.f("ck_case_act_description_present")
        ),
        sa.CheckConstraint(
            "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)",
            name=op.f("ck_case_act_struck_by_somebody_for_a_reason"),
        ),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_case_act_added_by_app_user")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_case_act_case_id_case_file")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_case_act_commune_code_commune")),
        sa.ForeignKeyConstraint(
            ["offender_id"], ["enforcement.case_party.id"], name=op.f("fk_case_act_offender_id_case_party")
        ),
        sa.ForeignKeyConstraint(["struck_by"], ["app_user.id"], name=op.f("fk_case_act_struck_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_act")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_case_act_case_id"), "case_act", ["case_id"], unique=False, schema="enforcement")
    op.create_table(
        "case_handover",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_by", sa.Uuid(), nullable=False),
        sa.Column("contents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("record_number", sa.Text(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("return_document", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(returned_on IS NULL) = (return_document IS NULL)", name=op.f("ck_case_handover_returned_with_a_paper")
        ),
        sa.CheckConstraint(
            "length(btrim(recipient)) BETWEEN 1 AND 200", name=op.f("ck_case_handover_recipient_present")
        ),
        sa.CheckConstraint(
            "num_nulls(received_by, received_on, record_number) IN (0, 3)",
            name=op.f("ck_case_handover_received_by_somebody_on_a_day"),
        ),
        sa.CheckConstraint("returned_on >= received_on", name=op.f("ck_case_handover_returned_after_receipt")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_case_handover_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(["listed_by"], ["app_user.id"], name=op.f("fk_case_handover_listed_by_app_user")),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["enforcement.case_paper.id"], name=op.f("fk_case_handover_paper_id_case_paper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_handover")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_case_handover_case_id"), "case_handover", ["case_id"], unique=False, schema="enforcement")
    op.create_index(
        "uq_case_handover_away",
        "case_handover",
        ["case_id"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("returned_on IS NULL"),
    )
    op.create_table(
        "measure",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "seizure",
                "assessment",
                "takedown",
                "posting",
                "deemed_service",
                name="measurekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column(
            "result",
            sa.Enum(
                "returned",
                "confiscated",
                "handed_over",
                "infringing",
                "not_infringing",
                "inconclusive",
                "taken_down",
                "not_taken_down",
                "refused",
                "served",
                "not_served",
                name="measureresult",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("end_document", sa.Text(), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'assessment') = (due_on IS NOT NULL)", name=op.f("ck_measure_due_on_iff_assessment")
        ),
        sa.CheckConstraint(
            "result IS NULL OR kind = 'seizure' AND result IN ('returned', 'confiscated', 'handed_over') OR kind = 'assessment' AND result IN ('infringing', 'not_infringing', 'inconclusive') OR kind = 'takedown' AND result IN ('taken_down', 'not_taken_down', 'refused') OR kind IN ('posting', 'deemed_service') AND result IN ('served', 'not_served')",
            name=op.f("ck_measure_result_of_this_kind"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (result IS NULL)", name=op.f("ck_measure_result_iff_ended")),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_measure_ends_after_beginning")),
        sa.CheckConstraint("length(btrim(subject)) BETWEEN 1 AND 4000", name=op.f("ck_measure_subject_present")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_measure_added_by_app_user")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_measure_case_id_case_file")),
        sa.ForeignKeyConstraint(["ended_by"], ["app_user.id"], name=op.f("fk_measure_ended_by_app_user")),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["enforcement.case_paper.id"], name=op.f("fk_measure_paper_id_case_paper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_measure_case_id"), "measure", ["case_id"], unique=False, schema="enforcement")
    op.create_table(
        "obligation",
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "fine",
                "confiscation",
                "remedy",
                "destruction",
                name="obligationkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("paid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "done",
                "enforced",
                "lapsed",
                name="obligationstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="open",
            nullable=False,
        ),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_by", sa.Uuid(), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("(kind = 'fine') = (amount IS NOT NULL)", name=op.f("ck_obligation_amount_iff_fine")),
        sa.CheckConstraint(
            "(state = 'open') = (settled_on IS NULL)", name=op.f("ck_obligation_settled_on_iff_settled")
        ),
        sa.CheckConstraint(
            "state <> 'done' OR kind <> 'fine' OR paid = amount", name=op.f("ck_obligation_fine_done_when_paid")
        ),
        sa.CheckConstraint(
            "state = 'open' OR document_number IS NOT NULL", name=op.f("ck_obligation_paper_when_settled")
        ),
        sa.CheckConstraint("length(btrim(what)) BETWEEN 1 AND 1000", name=op.f("ck_obligation_what_present")),
        sa.CheckConstraint(
            "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)",
            name=op.f("ck_obligation_struck_by_somebody_for_a_reason"),
        ),
        sa.CheckConstraint("paid BETWEEN 0 AND amount", name=op.f("ck_obligation_paid_at_most_the_fine")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_obligation_added_by_app_user")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_obligation_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["enforcement.case_paper.id"], name=op.f("fk_obligation_paper_id_case_paper")
        ),
        sa.ForeignKeyConstraint(["struck_by"], ["app_user.id"], name=op.f("fk_obligation_struck_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligation")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_obligation_case_id"), "obligation", ["case_id"], unique=False, schema="enforcement")
    op.create_table(
        "goods_line",
        sa.Column("act_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_value", sa.BigInteger(), nullable=False),
        sa.Column(
            "value", sa.BigInteger(), sa.Computed("round(quantity * unit_value)", persisted=True), nullable=False
        ),
        sa.Column(
            "method",
            sa.Enum(
                "listed_price",
                "finance_notice",
                "market_price",
                "cost_price",
                "genuine_price",
                "council",
                name="valuationmethod",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("valued_on", sa.Date(), nullable=False),
        sa.Column("valuation_note", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_by", sa.Uuid(), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name=op.f("ck_goods_line_name_present")),
        sa.CheckConstraint("length(btrim(unit)) BETWEEN 1 AND 40", name=op.f("ck_goods_line_unit_present")),
        sa.CheckConstraint(
            "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)",
            name=op.f("ck_goods_line_struck_by_somebody_for_a_reason"),
        ),
        sa.CheckConstraint("quantity * unit_value <= 10000000000000", name=op.f("ck_goods_line_value_range")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_goods_line_quantity_positive")),
        sa.CheckConstraint("unit_value >= 0", name=op.f("ck_goods_line_unit_value_not_negative")),
        sa.ForeignKeyConstraint(["act_id"], ["enforcement.case_act.id"], name=op.f("fk_goods_line_act_id_case_act")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_goods_line_added_by_app_user")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_goods_line_case_id_case_file")
        ),
        sa.ForeignKeyConstraint(["struck_by"], ["app_user.id"], name=op.f("fk_goods_line_struck_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goods_line")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_goods_line_case_id"), "goods_line", ["case_id"], unique=False, schema="enforcement")
    op.create_table(
        "exhibit",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=14, scale=3), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.Text(), nullable=False),
        sa.Column("keeper", sa.Text(), nullable=False),
        sa.Column("goods_id", sa.Uuid(), nullable=True),
        sa.Column("measure_id", sa.Uuid(), nullable=True),
        sa.Column("seal_number", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "handed_over",
                "returned",
                "confiscated",
                "destroyed",
                name="exhibitstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="held",
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("struck_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("struck_by", sa.Uuid(), nullable=True),
        sa.Column("struck_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "state NOT IN ('returned', 'destroyed') OR seal_number IS NULL",
            name=op.f("ck_exhibit_no_seal_on_what_is_gone"),
        ),
        sa.CheckConstraint("length(btrim(description)) BETWEEN 1 AND 400", name=op.f("ck_exhibit_description_present")),
        sa.CheckConstraint(
            "num_nulls(struck_at, struck_by, struck_reason) IN (0, 3)",
            name=op.f("ck_exhibit_struck_by_somebody_for_a_reason"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_exhibit_quantity_positive")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_exhibit_seq_positive")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_exhibit_added_by_app_user")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_exhibit_case_id_case_file")),
        sa.ForeignKeyConstraint(
            ["goods_id"], ["enforcement.goods_line.id"], name=op.f("fk_exhibit_goods_id_goods_line")
        ),
        sa.ForeignKeyConstraint(["measure_id"], ["enforcement.measure.id"], name=op.f("fk_exhibit_measure_id_measure")),
        sa.ForeignKeyConstraint(["struck_by"], ["app_user.id"], name=op.f("fk_exhibit_struck_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exhibit")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_exhibit_case_id_seq")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_exhibit_case_id"), "exhibit", ["case_id"], unique=False, schema="enforcement")
    op.create_index(
        "uq_exhibit_seal",
        "exhibit",
        ["seal_number"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("seal_number IS NOT NULL AND struck_at IS NULL"),
    )
    op.create_table(
        "exhibit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("exhibit_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "deed",
            sa.Enum(
                "taken",
                "sealed",
                "unsealed",
                "moved",
                "handed_over",
                "given_back",
                "returned",
                "confiscated",
                "destroyed",
                name="exhibitdeed",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("seal_number", sa.Text(), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("kept_at", sa.Text(), nullable=False),
        sa.Column("keeper", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(deed IN ('sealed', 'unsealed')) = (seal_number IS NOT NULL)",
            name=op.f("ck_exhibit_event_seal_number_iff_seal"),
        ),
        sa.CheckConstraint(
            "deed NOT IN ('unsealed', 'returned', 'confiscated', 'destroyed') OR document_number IS NOT NULL",
            name=op.f("ck_exhibit_event_paper_for_what_is_final"),
        ),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_exhibit_event_by_app_user")),
        sa.ForeignKeyConstraint(
            ["exhibit_id"], ["enforcement.exhibit.id"], name=op.f("fk_exhibit_event_exhibit_id_exhibit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exhibit_event")),
        sa.UniqueConstraint("exhibit_id", "seq", name=op.f("uq_exhibit_event_exhibit_id_seq")),
        schema="enforcement",
    )
    op.create_index(
        "uq_exhibit_event_sealed",
        "exhibit_event",
        ["seal_number"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("deed = 'sealed'"),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.exhibit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    op.execute(CHECK_CASE_STATE)
    op.execute(CASE_STATE_CHECKED)


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP TRIGGER case_state_checked ON enforcement.case_file")
    op.execute("DROP FUNCTION enforcement.check_case_state()")
    op.drop_index(
        "uq_exhibit_event_sealed",
        table_name="exhibit_event",
        schema="enforcement",
        postgresql_where=sa.text("deed = 'sealed'"),
    )
    op.drop_table("exhibit_event", schema="enforcement")
    op.drop_index(
        "uq_exhibit_seal",
        table_name="exhibit",
        schema="enforcement",
        postgresql_where=sa.text("seal_number IS NOT NULL AND struck_at IS NULL"),
    )
    op.drop_index(op.f("ix_exhibit_case_id"), table_name="exhibit", schema="enforcement")
    op.drop_table("exhibit", schema="enforcement")
    op.drop_index(op.f("ix_goods_line_case_id"), table_name="goods_line", schema="enforcement")
    op.drop_table("goods_line", schema="enforcement")
    op.drop_index(op.f("ix_obligation_case_id"), table_name="obligation", schema="enforcement")
    op.drop_table("obligation", schema="enforcement")
    op.drop_index(op.f("ix_measure_case_id"), table_name="measure", schema="enforcement")
    op.drop_table("measure", schema="enforcement")
    op.drop_index(
        "uq_case_handover_away",
        table_name="case_handover",
        schema="enforcement",
        postgresql_where=sa.text("returned_on IS NULL"),
    )
    op.drop_index(op.f("ix_case_handover_case_id"), table_name="case_handover", schema="enforcement")
    op.drop_table("case_handover", schema="enforcement")
    op.drop_index(op.f("ix_case_act_case_id"), table_name="case_act", schema="enforcement")
    op.drop_table("case_act", schema="enforcement")
    op.drop_index(op.f("ix_case_party_party_id"), table_name="case_party", schema="enforcement")
    op.drop_index(op.f("ix_case_party_case_id"), table_name="case_party", schema="enforcement")
    op.drop_table("case_party", schema="enforcement")
    op.drop_index("uq_case_paper_number", table_name="case_paper", schema="enforcement")
    op.drop_index(op.f("ix_case_paper_case_id"), table_name="case_paper", schema="enforcement")
    op.drop_table("case_paper", schema="enforcement")
    op.drop_column("case_file", "detected_at", schema="enforcement")
    _know(STATES_BEFORE, MOVES_BEFORE)
