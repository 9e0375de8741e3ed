"""What a decision lets be confiscated, by which hand-over an exhibit went away, seized once, and the day agreed with an assessor as a clock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_confiscation"
down_revision: str | None = "20261123_desk_watch"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DEADLINES = (
    "report_up", "complaint_accept", "complaint_resolve", "denunciation_accept", "denunciation_resolve", "request_review",
    "inspection_start", "inspection_on_site", "post_verification", "no_violation_notice", "violation_record", "record_after_assessment",
    "explanation_oral_request", "explanation_written", "penalty_decision", "seizure", "delivery", "delivery_posting", "deemed_served",
    "execution", "enforceability", "limitation_general", "limitation_ip", "ins_upload", "platform_takedown",
)  # fmt: skip
CAUSES = ("started", "extended", "start_corrected", "requalified", "calendar_changed")

CHECK_EXHIBIT_SEIZED = """
CREATE OR REPLACE FUNCTION enforcement.check_exhibit_seized() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.measure_id IS NULL OR NEW.state <> 'held' OR EXISTS (
        SELECT 1 FROM enforcement.measure m
         WHERE m.id = OLD.measure_id AND (m.ended_at IS NULL OR NOT EXISTS (
            SELECT 1 FROM enforcement.exhibit_event e WHERE e.exhibit_id = OLD.id AND e.deed = 'given_back' AND e.at >= m.ended_at
         ))
    ) THEN
        RAISE EXCEPTION 'an exhibit is seized once' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'exhibit_seized_once';
    END IF;
    RETURN NEW;
END
$$
"""

EXHIBIT_SEIZED = (
    "CREATE TRIGGER exhibit_seized BEFORE UPDATE OF measure_id ON enforcement.exhibit "
    "FOR EACH ROW WHEN (NEW.measure_id IS DISTINCT FROM OLD.measure_id) EXECUTE FUNCTION enforcement.check_exhibit_seized()"
)

CHECK_EXHIBIT_ORDERED = """
CREATE OR REPLACE FUNCTION enforcement.check_exhibit_ordered() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (
        WITH RECURSIVE above AS (
            SELECT c.id, c.merged_into_id FROM enforcement.case_file c JOIN enforcement.exhibit x ON x.case_id = c.id WHERE x.id = NEW.exhibit_id
            UNION
            SELECT c.id, c.merged_into_id FROM enforcement.case_file c JOIN above ON c.id = above.merged_into_id
        ), together AS (
            SELECT above.id FROM above
            UNION
            SELECT c.id FROM enforcement.case_file c JOIN together ON c.merged_into_id = together.id
        )
        SELECT 1 FROM enforcement.obligation o
         WHERE o.case_id IN (SELECT together.id FROM together) AND o.struck_at IS NULL AND o.state <> 'lapsed'
           AND (o.kind = 'confiscation' OR NEW.deed = 'destroyed' AND o.kind = 'destruction')
    ) THEN
        RAISE EXCEPTION 'nothing is confiscated or destroyed without a decision that orders it'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'exhibit_taken_by_decision';
    END IF;
    RETURN NULL;
END
$$
"""

EXHIBIT_ORDERED = (
    "CREATE CONSTRAINT TRIGGER exhibit_ordered AFTER INSERT ON enforcement.exhibit_event DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.deed IN ('confiscated', 'destroyed')) EXECUTE FUNCTION enforcement.check_exhibit_ordered()"
)


def _one_of(table: str, column: str, kind: str, members: Sequence[str]) -> None:
    """Let a column hold exactly these members."""
    name = op.f(f"ck_{table}_{kind}")
    op.drop_constraint(name, table, schema="enforcement", type_="check")
    listed = ", ".join(f"'{member}'" for member in members)
    op.create_check_constraint(name, table, f"{column} IN ({listed})", schema="enforcement")


def upgrade() -> None:
    """Apply the change. Running assessments get the clock of their agreed day; orders to confiscate keep the value that was decided."""
    op.add_column("obligation", sa.Column("value", sa.BigInteger(), nullable=True), schema="enforcement")
    op.execute(
        "UPDATE enforcement.obligation o SET value = coalesce((SELECT r.confiscation FROM enforcement.ruling r WHERE r.id = o.ruling_id), 0) "
        "WHERE o.kind = 'confiscation'"
    )
    op.create_check_constraint(
        op.f("ck_obligation_value_iff_confiscation"), "obligation", "(kind = 'confiscation') = (value IS NOT NULL)", schema="enforcement"
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_obligation_value_not_negative"), "obligation", "value >= 0", schema="enforcement"
    )
    op.add_column("exhibit_event", sa.Column("handover_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.execute("ALTER TABLE enforcement.exhibit_event DISABLE TRIGGER append_only")
    op.execute(
        "UPDATE enforcement.exhibit_event e SET handover_id = h.id "
        "FROM enforcement.case_handover h, enforcement.exhibit x, enforcement.case_file c "
        "WHERE e.deed = 'handed_over' AND x.id = e.exhibit_id AND c.id = x.case_id AND h.case_id IN (c.id, c.merged_into_id) "
        "AND h.record_number = e.document_number AND h.recipient = e.kept_at AND h.received_by = e.keeper"
    )
    op.execute("ALTER TABLE enforcement.exhibit_event ENABLE TRIGGER append_only")
    op.create_foreign_key(
        op.f("fk_exhibit_event_handover_id_case_handover"), "exhibit_event", "case_handover", ["handover_id"], ["id"],
        source_schema="enforcement", referent_schema="enforcement",
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_exhibit_event_with_a_handover"), "exhibit_event", "handover_id IS NULL OR deed IN ('handed_over', 'given_back')",
        schema="enforcement",
    )  # fmt: skip
    for sql in (CHECK_EXHIBIT_SEIZED, EXHIBIT_SEIZED, CHECK_EXHIBIT_ORDERED, EXHIBIT_ORDERED):
        op.execute(sql)
    for table in ("deadline", "deadline_rule", "reminder_rule"):
        _one_of(table, "kind", "deadlinekind", (*DEADLINES, "assessment"))
    _one_of("deadline_reckoning", "cause", "reckoningcause", (*CAUSES, "agreed_anew"))
    _agreed_days()


def _agreed_days() -> None:
    # The habit comes with the next seeding; a clock that runs before needs it now.
    op.execute(
        "INSERT INTO enforcement.reminder_rule (kind, before, team_after, branch_after) "
        "SELECT 'assessment', before, team_after, branch_after FROM enforcement.reminder_rule WHERE kind = 'seizure'"
    )
    op.execute(
        "INSERT INTO enforcement.deadline (id, case_id, kind, subject_id, basis, rule_version, needs_verification, started_at, due_at) "
        "SELECT gen_random_uuid(), m.case_id, 'assessment', m.id, 'Quyết định trưng cầu giám định (mẫu MQĐ41): ngày đã thỏa thuận trả kết luận', "
        "'ND118-2021', false, m.began_at, ((m.due_on + time '23:59:59') AT TIME ZONE 'Asia/Ho_Chi_Minh') "
        "FROM enforcement.measure m WHERE m.kind = 'assessment' AND m.ended_at IS NULL"
    )
    op.execute(
        "INSERT INTO enforcement.deadline_reckoning (deadline_id, at, cause, started_at, due_at, basis, rule_version, needs_verification) "
        "SELECT d.id, d.started_at, 'started', d.started_at, d.due_at, d.basis, d.rule_version, d.needs_verification "
        "FROM enforcement.deadline d WHERE d.kind = 'assessment'"
    )
    op.execute(
        "UPDATE enforcement.case_file c SET next_due_at = least(c.next_due_at, d.due_at) FROM enforcement.deadline d "
        "WHERE d.kind = 'assessment' AND d.case_id = c.id"
    )


def downgrade() -> None:
    """Take it back. The clocks of agreed days go; the days stay with their measures."""
    for table in ("deadline_reckoning", "deadline_reminder"):
        op.execute(f"ALTER TABLE enforcement.{table} DISABLE TRIGGER append_only")
        op.execute(
            f"DELETE FROM enforcement.{table} WHERE deadline_id IN (SELECT id FROM enforcement.deadline WHERE kind = 'assessment')"
        )
        op.execute(f"ALTER TABLE enforcement.{table} ENABLE TRIGGER append_only")
    op.execute("DELETE FROM enforcement.deadline WHERE kind = 'assessment'")
    op.execute("DELETE FROM enforcement.reminder_rule WHERE kind = 'assessment'")
    _one_of("deadline_reckoning", "cause", "reckoningcause", CAUSES)
    for table in ("reminder_rule", "deadline_rule", "deadline"):
        _one_of(table, "kind", "deadlinekind", DEADLINES)
    op.execute("DROP TRIGGER exhibit_ordered ON enforcement.exhibit_event")
    op.execute("DROP FUNCTION enforcement.check_exhibit_ordered()")
    op.execute("DROP TRIGGER exhibit_seized ON enforcement.exhibit")
    op.execute("DROP FUNCTION enforcement.check_exhibit_seized()")
    op.drop_constraint(op.f("ck_exhibit_event_with_a_handover"), "exhibit_event", schema="enforcement", type_="check")
    op.drop_column("exhibit_event", "handover_id", schema="enforcement")
    op.drop_constraint(op.f("ck_obligation_value_not_negative"), "obligation", schema="enforcement", type_="check")
    op.drop_constraint(op.f("ck_obligation_value_iff_confiscation"), "obligation", schema="enforcement", type_="check")
    op.drop_column("obligation", "value", schema="enforcement")
